//! `show`: what was recorded of a step.

use clap::Args;
use revacnn_schemas::{Address, LayerName};

use super::values::whole;

/// What is shown of which step.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Show {
    /// The step, such as main@100.
    #[arg(value_name = "ADDRESS")]
    pub address: Address,
    /// One layer.
    #[arg(long, value_name = "LAYER")]
    pub layer: Option<LayerName>,
    /// One filter of that layer, by its number.
    #[arg(long, value_name = "NUMBER", requires = "layer", value_parser = whole::<u32>)]
    pub filter: Option<u32>,
}
