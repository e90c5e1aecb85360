//! Learning-rate schedules: a factor on the learning rate, by the step.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{SchemaError, Step, whole_number, written};

/// How the learning rate changes along a branch, and where that begins.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// The curve.
    pub curve: Schedule,
    /// The step that it is counted from: 0, or the fork that set it.
    pub from: Step,
}

/// The curve of a schedule, over the number of updates since it began.
///
/// Source: `torch.optim.lr_scheduler.StepLR` and `CosineAnnealingLR`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// The learning rate as it is.
    Constant,
    /// Times `factor` every `every` steps.
    Step {
        /// Steps from one drop to the next.
        every: u64,
        /// What the rate is multiplied by.
        factor: f64,
    },
    /// Half a cosine from 1 down to `floor` over `over` steps, then `floor`.
    Cosine {
        /// Steps of the descent.
        over: u64,
        /// The last factor.
        floor: f64,
    },
}

const EXPECTED: &str =
    "`constant`, `step,every=STEPS,factor=FACTOR` or `cosine,over=STEPS[,floor=FACTOR]`, factors from 0 to 1";

impl FromStr for Schedule {
    type Err = SchemaError;

    fn from_str(text: &str) -> Result<Self, SchemaError> {
        let malformed =
            || SchemaError::Malformed { what: "schedule", expected: EXPECTED, found: text.chars().take(80).collect() };
        let mut parts = text.split(',');
        let kind = parts.next().unwrap_or_default();
        let (mut steps, mut factor) = (None, None);
        let names = match kind {
            "constant" => ["", ""],
            "step" => ["every", "factor"],
            "cosine" => ["over", "floor"],
            _ => return Err(malformed()),
        };
        for part in parts {
            let (name, value) = part.split_once('=').ok_or_else(malformed)?;
            if name == names[0] && steps.is_none() {
                steps = Some(whole_number(value).ok().filter(|&steps| steps > 0).ok_or_else(malformed)?);
            } else if name == names[1] && factor.is_none() {
                let value = value.parse::<f64>().ok().filter(|value| (0.0..=1.0).contains(value));
                factor = Some(value.ok_or_else(malformed)?);
            } else {
                return Err(malformed());
            }
        }
        match (kind, steps, factor) {
            ("constant", None, None) => Ok(Self::Constant),
            ("step", Some(every), Some(factor)) => Ok(Self::Step { every, factor }),
            ("cosine", Some(over), floor) => Ok(Self::Cosine { over, floor: floor.unwrap_or(0.0) }),
            _ => Err(malformed()),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant => formatter.write_str("constant"),
            Self::Step { every, factor } => write!(formatter, "step,every={every},factor={}", written(*factor)),
            Self::Cosine { over, floor } => write!(formatter, "cosine,over={over},floor={}", written(*floor)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schedule_survives_a_round_trip() {
        for text in ["constant", "step,every=1000,factor=0.5", "cosine,over=400,floor=0"] {
            assert_eq!(text.parse::<Schedule>().unwrap().to_string(), text);
        }
        assert_eq!("cosine,over=9".parse(), Ok(Schedule::Cosine { over: 9, floor: 0.0 }));
    }

    #[test]
    fn anything_else_is_refused_with_the_forms_there_are() {
        for text in ["", "step", "step,every=0,factor=0.5", "step,every=5", "cosine,over=5,floor=2", "constant,over=3"]
        {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains("cosine,over=STEPS"), "{text}: {error}");
        }
    }
}
