//! `embed`: a layer's filters in a plane, or images by its activations.

use std::str::FromStr;

use clap::Args;
use revacnn_schemas::{Address, LayerName, number};

use super::image::ImageOption;
use super::values::whole;
use super::{CommandError, Lookup};
use crate::kinds::{Embedding, ImageEmbedding, MOST_PANELS, Start};
use crate::{Cell, ImageSplit, Inputs, Method, Source};

/// So many images unless another number is asked for.
const USUAL_IMAGES: u32 = 2_000;
/// The fewest images of a plane, and the most.
const IMAGES: [u32; 2] = [3, 10_000];

/// What is placed in a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Points {
    /// A layer's filters, by this of them.
    Filters(Source),
    /// Images of a split, by their activations at the layer.
    Images,
}

impl Default for Points {
    fn default() -> Self {
        Self::Filters(Source::default())
    }
}

impl Points {
    /// The word of a command line for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Filters(source) => source.word(),
            Self::Images => "images",
        }
    }
}

impl FromStr for Points {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "images" => Ok(Self::Images),
            _ => {
                text.parse().map(Self::Filters).map_err(|error: String| error.replacen(", found", ", images, found", 1))
            }
        }
    }
}

/// What is placed in a plane, and how.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Embed {
    /// Steps such as main@100: filters in one embedding, images in a panel each.
    #[arg(value_name = "ADDRESS", required = true)]
    pub at: Vec<Address>,
    /// The layer.
    #[arg(long, value_name = "LAYER")]
    pub layer: LayerName,
    /// What of its filters: weights, gradients, activations or activation-gradients; or
    /// images, by their activations there.
    #[arg(long, value_name = "SOURCE", default_value = "weights")]
    pub of: Points,
    /// The training image by its number, or the file of a picture of your own, for activations
    /// [default: the first probe image].
    #[arg(long, value_name = "IMAGE", value_parser = ImageOption::parser())]
    pub image: Option<ImageOption>,
    /// Which images are placed: train, validation or test [default: validation].
    #[arg(long, value_name = "SPLIT")]
    pub split: Option<ImageSplit>,
    /// How many images are placed at most, evenly spread over the split [default: 2000].
    #[arg(long, value_name = "N", value_parser = whole::<u32>)]
    pub count: Option<u32>,
    /// The step at whose positions images are held at all others [default: the first].
    #[arg(long, value_name = "ADDRESS")]
    pub reference: Option<Address>,
    /// How points are placed: tsne or pca.
    #[arg(long, value_name = "METHOD", default_value = "tsne")]
    pub method: Method,
    /// Perplexity of t-SNE [default: fitted to the number of points].
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
        let refused = |message: String| Err(CommandError::Value(message));
        match self.of {
            Points::Filters(of) => {
                if self.image.is_some() && !of.is_of_image() {
                    return refused(format!(
                        "the {of} of filters are of no image: --image is for --of activations, activation-gradients"
                    ));
                }
                let given = [
                    ("--split", self.split.is_some()),
                    ("--count", self.count.is_some()),
                    ("--reference", self.reference.is_some()),
                ];
                if let Some((option, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
                    return refused(format!("{option} is for --of images, found --of {}", self.of.word()));
                }
            }
            Points::Images => {
                if self.image.is_some() {
                    return refused("--of images places many images: --image is for --of activations".to_owned());
                }
                let [fewest, most] = IMAGES;
                if let Some(count) = self.count.filter(|count| !(fewest..=most).contains(count)) {
                    return refused(format!("--count must be from {fewest} to {most}, found {count}"));
                }
                if self.at.len() > MOST_PANELS {
                    return refused(format!("expected at most {MOST_PANELS} addresses, found {}", self.at.len()));
                }
            }
        }
        if self.perplexity.is_some() && self.method == Method::Pca {
            return refused("--method pca has no perplexity: that is for tsne".to_owned());
        }
        Ok(())
    }

    /// Every step that it names.
    pub fn addresses(&self) -> Vec<Address> {
        self.at.iter().chain(&self.reference).cloned().collect()
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
        let Self { at, layer, of, image: _, split, count, reference, method, perplexity, seed } = self.clone();
        match of {
            Points::Filters(of) => Embedding { at, layer, of, method, perplexity, seed, start: Start::Fresh }.into(),
            Points::Images => ImageEmbedding {
                at,
                reference,
                layer,
                of: split.unwrap_or_default(),
                count: count.unwrap_or(USUAL_IMAGES),
                method,
                perplexity,
                seed,
            }
            .into(),
        }
    }
}
