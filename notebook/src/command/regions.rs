//! `regions`: how a network's classes share out what lies between images.

use clap::Args;
use revacnn_schemas::{Address, count};

use super::CommandError;
use super::values::{from_one, whole};
use crate::kinds::{self, MOST_STEPS};
use crate::{Cell, ImageSplit, Inputs};

/// So many lines of a class and points of a line unless others are asked for, and at most.
pub(super) const LINES: u32 = 40;
pub(super) const POINTS: u32 = 16;
const MOST: u32 = 1_000;
/// The most points of the lines of a class: at each the network runs once.
const MOST_OF_CLASS: u32 = 20_000;

/// How the classes of steps share out what lies between images.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Regions {
    /// Steps such as main@best, side by side.
    #[arg(value_name = "ADDRESS", required = true)]
    pub at: Vec<Address>,
    /// The images: train, validation or test.
    #[arg(long, value_name = "SPLIT", default_value = "validation")]
    pub split: ImageSplit,
    /// How many lines between images of each class; as many lead from one class to another.
    #[arg(long, value_name = "N", default_value_t = LINES, value_parser = from_one::<u32>)]
    pub lines: u32,
    /// How many points along each line.
    #[arg(long, value_name = "N", default_value_t = POINTS, value_parser = from_one::<u32>)]
    pub points: u32,
    /// The seed by which the images are chosen.
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = whole::<u64>)]
    pub seed: u64,
}

impl Regions {
    /// Refuses what no store could make a figure of.
    ///
    /// # Errors
    /// [`CommandError::Value`].
    pub fn check(&self) -> Result<(), CommandError> {
        for (option, found) in [("lines", self.lines), ("points", self.points)] {
            if found > MOST {
                return Err(CommandError::Value(format!("--{option} must be at most {MOST}, found {found}")));
            }
        }
        if self.lines.saturating_mul(self.points) > MOST_OF_CLASS {
            return Err(CommandError::Value(format!(
                "--lines times --points must be at most {}, found {}",
                count(MOST_OF_CLASS.into()),
                count(u64::from(self.lines) * u64::from(self.points))
            )));
        }
        if self.at.len() > MOST_STEPS {
            let found = self.at.len();
            return Err(CommandError::Value(format!("expected at most {MOST_STEPS} steps, found {found}")));
        }
        Ok(())
    }

    /// What the cell is given.
    pub fn inputs(&self) -> Inputs {
        Inputs { branches: self.at.iter().map(|at| at.branch.clone()).collect(), ..Inputs::default() }
    }

    /// The cell that makes the figure.
    pub fn cell(&self) -> Cell {
        let Self { at, split, lines, points, seed } = self.clone();
        kinds::Regions { at, of: split, lines, points, seed }.into()
    }
}
