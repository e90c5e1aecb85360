//! `show`: what was recorded of a step.

use clap::Args;
use revacnn_schemas::{Address, FilterNumber, LayerName};

use super::values::whole;
use crate::Cell;
use crate::kinds::Recorded;

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

impl Show {
    /// The cell that makes the figure.
    pub fn cell(&self) -> Cell {
        let (at, layer) = (self.address.clone(), self.layer.clone());
        Recorded { at, layer, filter: self.filter.map(FilterNumber) }.into()
    }
}
