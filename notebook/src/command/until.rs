//! How far a branch is trained on.

use std::str::FromStr;

use clap::Args;
use revacnn_recorder::Goal;
use revacnn_schemas::{Step, whole_number};

use super::values::whole;

/// How far a branch is trained on.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct UntilOptions {
    /// Train on until this step; +N: so many steps more.
    #[arg(long, value_name = "[+]N", conflicts_with = "epochs")]
    pub steps: Option<Until>,
    /// Train on until the end of this epoch.
    #[arg(long, value_name = "N", value_parser = whole::<u64>)]
    pub epochs: Option<u64>,
}

impl UntilOptions {
    /// Whether it is to be trained on at all.
    pub fn is_asked(&self) -> bool {
        self.steps.is_some() || self.epochs.is_some()
    }

    /// What was asked for, or else to go where it was last meant to.
    pub fn goal(&self) -> Goal {
        match (self.steps, self.epochs) {
            (Some(Until::Step(step)), _) => Goal::Step(Step(step)),
            (Some(Until::More(more)), _) => Goal::More(more),
            (None, Some(epoch)) => Goal::Epoch(epoch),
            (None, None) => Goal::AsBefore,
        }
    }
}

/// A step to train to: `N`, or `+N` from where training stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// This step.
    Step(u64),
    /// So many steps more.
    More(u64),
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (more, digits) = text.strip_prefix('+').map_or((false, text), |digits| (true, digits));
        let number =
            whole_number(digits).map_err(|_| format!("expected a step such as 3000, or +500, found `{text}`"))?;
        Ok(if more { Self::More(number) } else { Self::Step(number) })
    }
}
