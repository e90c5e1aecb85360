//! `embed`: a layer's filters in a plane.

use clap::Args;
use revacnn_schemas::{Address, LayerName, number};

use super::image::ImageOption;
use super::values::whole;
use super::{CommandError, Lookup};
use crate::kinds::{Embedding, Start};
use crate::{Cell, Inputs, Method, Source};

/// Which filters are placed in a plane, and how.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Embed {
    /// Steps such as main@100: all in one embedding.
    #[arg(value_name = "ADDRESS", required = true)]
    pub at: Vec<Address>,
    /// The layer.
    #[arg(long, value_name = "LAYER")]
    pub layer: LayerName,
    /// What of its filters: weights, gradients, activations or
    /// activation-gradients.
    #[arg(long, value_name = "SOURCE", default_value = "weights")]
    pub of: Source,
    /// The training image by its number, or the file of a picture of your own, for activations
    /// [default: the first probe image].
    #[arg(long, value_name = "IMAGE", value_parser = ImageOption::parser())]
    pub image: Option<ImageOption>,
    /// How points are placed: tsne or pca.
    #[arg(long, value_name = "METHOD", default_value = "tsne")]
    pub method: Method,
    /// Perplexity of t-SNE [default: fitted to the number of filters].
    #[arg(long, value_name = "P", value_parser = number)]
    pub perplexity: Option<f64>,
    /// Seed of t-SNE.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<u64>)]
    pub seed: u64,
}

impl Embed {
    /// Refuses what no store could make a figure of.
    ///
    /// # Errors
    /// [`CommandError::Value`].
    pub fn check(&self) -> Result<(), CommandError> {
        if self.image.is_some() && !self.of.is_of_image() {
            return Err(CommandError::Value(format!(
                "the {} of filters are of no image: --image is for --of activations, activation-gradients",
                self.of
            )));
        }
        if self.perplexity.is_some() && self.method == Method::Pca {
            return Err(CommandError::Value("--method pca has no perplexity: that is for tsne".to_owned()));
        }
        Ok(())
    }

    /// What the cell is given.
    ///
    /// # Errors
    /// What is no picture.
    pub fn inputs(&self, lookup: Lookup<'_>) -> Result<Inputs, CommandError> {
        let image = self.image.as_ref().map(|image| image.chosen(lookup)).transpose()?;
        Ok(Inputs { image, ..Inputs::default() })
    }

    /// The cell that makes the figure.
    pub fn cell(&self) -> Cell {
        Cell::from(Embedding {
            at: self.at.clone(),
            layer: self.layer.clone(),
            of: self.of,
            method: self.method,
            perplexity: self.perplexity,
            seed: self.seed,
            start: Start::Fresh,
        })
    }
}
