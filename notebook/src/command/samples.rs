//! `samples` and `predictions`: images of the data.

use clap::Args;
use revacnn_schemas::Address;

use super::CommandError;
use super::values::from_one;
use crate::kinds;
use crate::{Cell, ImageSplit, Inputs, Rank};

/// So many images unless another number is asked for.
pub(super) const USUAL: u32 = 24;
/// The most images of a figure.
const MOST: u32 = 1_000;

/// Images of a training by what came of them each time they were seen.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Samples {
    /// The branch, or a step of it up to which it is looked at, such as main@100.
    #[arg(value_name = "ADDRESS")]
    pub at: Address,
    /// Which images come first: hardest, forgotten, never-learned or mislabelled.
    #[arg(long, value_name = "RANK", default_value = "hardest")]
    pub by: Rank,
    /// Images of this class alone, by its name or its number from 0.
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// How many images.
    #[arg(long, value_name = "N", default_value_t = USUAL, value_parser = from_one::<u32>)]
    pub count: u32,
    /// Show numbers, and no pictures.
    #[arg(long)]
    pub table: bool,
}

/// What the network of a step says of images.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Predictions {
    /// The step, such as main@best.
    #[arg(value_name = "ADDRESS")]
    pub at: Address,
    /// The images: train, validation or test.
    #[arg(long, value_name = "SPLIT", default_value = "validation")]
    pub split: ImageSplit,
    /// Those that are predicted wrong, the largest loss first.
    #[arg(long)]
    pub wrong: bool,
    /// Images of this class alone, by its name or its number from 0.
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// Images alone that are taken for this class.
    #[arg(long, value_name = "CLASS")]
    pub predicted: Option<String>,
    /// How many images.
    #[arg(long, value_name = "N", default_value_t = USUAL, value_parser = from_one::<u32>)]
    pub count: u32,
    /// Show numbers, and no pictures.
    #[arg(long)]
    pub table: bool,
}

fn check(count: u32) -> Result<(), CommandError> {
    match count {
        0..=MOST => Ok(()),
        _ => Err(CommandError::Value(format!("--count must be at most {MOST}, found {count}"))),
    }
}

impl Samples {
    /// Refuses what no store could make a figure of.
    ///
    /// # Errors
    /// [`CommandError::Value`].
    pub fn check(&self) -> Result<(), CommandError> {
        check(self.count)
    }

    /// What the cell is given.
    pub fn inputs(&self) -> Inputs {
        Inputs { branches: vec![self.at.branch.clone()], ..Inputs::default() }
    }

    /// The cell that makes the figure.
    pub fn cell(&self) -> Cell {
        let Self { at, by, class, count, table } = self.clone();
        kinds::Samples { at: Some(at), by, class, count, table }.into()
    }
}

impl Predictions {
    /// Refuses what no store could make a figure of.
    ///
    /// # Errors
    /// [`CommandError::Value`].
    pub fn check(&self) -> Result<(), CommandError> {
        check(self.count)
    }

    /// What the cell is given.
    pub fn inputs(&self) -> Inputs {
        Inputs { branches: vec![self.at.branch.clone()], ..Inputs::default() }
    }

    /// The cell that makes the figure.
    pub fn cell(&self) -> Cell {
        let Self { at, split, wrong, class, predicted, count, table } = self.clone();
        kinds::Predictions { at: Some(at), of: split, wrong, class, predicted, count, table }.into()
    }
}
