//! `predict`: what networks take pictures for.

use clap::Args;
use revacnn_schemas::Address;

use super::image::ImageOption;
use super::values::from_one;
use super::{CommandError, Lookup};
use crate::kinds;
use crate::{Cell, Inputs};

/// So many classes are told of a picture unless another number is asked for.
pub(super) const TOP: u32 = 3;
/// The most pictures, and the most classes of each.
const MOST: usize = 1_000;

/// What the networks of steps take pictures for.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Predict {
    /// Steps such as main@best, side by side.
    #[arg(value_name = "ADDRESS", required = true)]
    pub at: Vec<Address>,
    /// The file of a picture of your own, such as ./7.png, or a training image by its number; may
    /// be given several times.
    #[arg(long, value_name = "IMAGE", required = true, value_parser = ImageOption::parser())]
    pub image: Vec<ImageOption>,
    /// How many classes of each, the likeliest first.
    #[arg(long, value_name = "N", default_value_t = TOP, value_parser = from_one::<u32>)]
    pub top: u32,
    /// Show numbers, and no pictures.
    #[arg(long)]
    pub table: bool,
}

impl Predict {
    /// Refuses what no store could make a figure of.
    ///
    /// # Errors
    /// [`CommandError::Value`].
    pub fn check(&self) -> Result<(), CommandError> {
        let most = |option: &str, found: usize| match found {
            0..=MOST => Ok(()),
            _ => Err(CommandError::Value(format!("expected at most {MOST} of {option}, found {found}"))),
        };
        most("--image", self.image.len().saturating_mul(self.at.len()))?;
        most("--top", self.top as usize)
    }

    /// What the cell is given.
    ///
    /// # Errors
    /// What is no picture.
    pub fn inputs(&self, lookup: Lookup<'_>) -> Result<Inputs, CommandError> {
        let asked = self.image.iter().map(|image| image.chosen(lookup)).collect::<Result<_, _>>()?;
        Ok(Inputs { asked, ..Inputs::default() })
    }

    /// The cell that makes the figure.
    pub fn cell(&self) -> Cell {
        let Self { at, top, table, .. } = self.clone();
        kinds::Predict { at, top, table }.into()
    }
}
