//! Learning-rate schedules: a factor on the learning rate, by the step.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{SchemaError, Step, whole_number, written};

/// How the learning rate changes along a branch, and where that begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// The curve.
    pub curve: Schedule,
    /// The step that it is counted from: 0, or the fork that set it.
    pub from: Step,
}

/// The curve of a schedule, over the number of updates since it began.
///
/// Source: `torch.optim.lr_scheduler`: `StepLR`, `LinearLR`, `CosineAnnealingLR`, `ExponentialLR`,
/// `OneCycleLR` (`anneal_strategy="cos"`, the momentum as it is) and, for a warm-up, `SequentialLR`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// A straight line from 1 down to `floor` over `over` steps, then `floor`.
    Linear {
        /// Steps of the descent.
        over: u64,
        /// The last factor.
        floor: f64,
    },
    /// Times `factor` over `every` steps, a little at each.
    Exponential {
        /// Steps over which the rate is multiplied by the factor.
        every: u64,
        /// What the rate is multiplied by.
        factor: f64,
    },
    /// Half a cosine from `start` up to 1 and another down to `floor`, `over` steps in all, then `floor`.
    OneCycle {
        /// Steps of both.
        over: u64,
        /// The share of the steps that rise.
        peak: f64,
        /// The first factor.
        start: f64,
        /// The last factor.
        floor: f64,
    },
    /// A straight line from `start` up to 1 over `over` steps, after which another begins.
    Warmup {
        /// Steps of the rise.
        over: u64,
        /// The first factor.
        start: f64,
        /// What begins then.
        then: Box<Schedule>,
    },
}

/// How schedules are written.
pub const SCHEDULE_FORMS: &str = "`constant`, `step,every=STEPS,factor=F`, `linear,over=STEPS[,floor=F]`, \
    `cosine,over=STEPS[,floor=F]`, `exponential,factor=F[,every=STEPS]`, \
    `one-cycle,over=STEPS[,peak=F][,start=F][,floor=F]`, or `warmup=STEPS[,start=F]` before any of them but one-cycle, \
    as in `warmup=500,cosine,over=10000`; F is from 0 to 1, STEPS at least 1";

/// The first factor of a warm-up that names none: that of torchvision's references.
const WARMUP_START: f64 = 0.01;
/// `pct_start`, 1/`div_factor` and 1/(`div_factor`·`final_div_factor`) of PyTorch's `OneCycleLR`.
const ONE_CYCLE: [f64; 3] = [0.3, 0.04, 4e-6];

/// What a schedule's kind is written with, each once.
struct Words<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Words<'a> {
    /// Splits `NAME=VALUE` at each place.
    fn of(parts: &[&'a str]) -> Option<Self> {
        let mut words: Vec<(&str, &str)> = Vec::new();
        for part in parts {
            let (name, value) = part.split_once('=')?;
            if words.iter().any(|(other, _)| *other == name) {
                return None;
            }
            words.push((name, value));
        }
        Some(Self(words))
    }

    fn take(&mut self, name: &str) -> Option<&'a str> {
        let place = self.0.iter().position(|(other, _)| *other == name)?;
        Some(self.0.remove(place).1)
    }

    /// Steps, at least one.
    fn steps(&mut self, name: &str, default: Option<u64>) -> Option<u64> {
        match self.take(name) {
            None => default,
            Some(text) => whole_number(text).ok().filter(|&steps| steps > 0),
        }
    }

    /// A factor from 0 to 1.
    fn factor(&mut self, name: &str, default: Option<f64>) -> Option<f64> {
        match self.take(name) {
            None => default,
            Some(text) => text.parse().ok().filter(|value| (0.0..=1.0).contains(value)),
        }
    }
}

/// The schedule that its words say, all of them.
fn read(parts: &[&str]) -> Option<Schedule> {
    let (kind, rest) = parts.split_first()?;
    if kind.starts_with("warmup=") {
        let of_warmup = 1 + usize::from(rest.first().is_some_and(|part| part.starts_with("start=")));
        let (own, then) = parts.split_at(of_warmup);
        let mut words = Words::of(own)?;
        let then = if then.is_empty() { Schedule::Constant } else { read(then)? };
        if matches!(then, Schedule::Warmup { .. } | Schedule::OneCycle { .. }) {
            return None;
        }
        return Some(Schedule::Warmup {
            over: words.steps("warmup", None)?,
            start: words.factor("start", Some(WARMUP_START))?,
            then: Box::new(then),
        });
    }
    let mut words = Words::of(rest)?;
    let schedule = match *kind {
        "constant" => Schedule::Constant,
        "step" => Schedule::Step { every: words.steps("every", None)?, factor: words.factor("factor", None)? },
        "cosine" => Schedule::Cosine { over: words.steps("over", None)?, floor: words.factor("floor", Some(0.0))? },
        "linear" => Schedule::Linear { over: words.steps("over", None)?, floor: words.factor("floor", Some(0.0))? },
        "exponential" => {
            Schedule::Exponential { every: words.steps("every", Some(1))?, factor: words.factor("factor", None)? }
        }
        "one-cycle" => {
            let [peak, start, floor] = ONE_CYCLE;
            Schedule::OneCycle {
                over: words.steps("over", None)?,
                peak: words.factor("peak", Some(peak))?,
                start: words.factor("start", Some(start))?,
                floor: words.factor("floor", Some(floor))?,
            }
        }
        _ => return None,
    };
    words.0.is_empty().then_some(schedule)
}

impl FromStr for Schedule {
    type Err = SchemaError;

    fn from_str(text: &str) -> Result<Self, SchemaError> {
        read(&text.split(',').collect::<Vec<_>>()).ok_or_else(|| SchemaError::Malformed {
            what: "schedule",
            expected: SCHEDULE_FORMS,
            found: text.chars().take(80).collect(),
        })
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant => formatter.write_str("constant"),
            Self::Step { every, factor } => write!(formatter, "step,every={every},factor={}", written(*factor)),
            Self::Cosine { over, floor } => write!(formatter, "cosine,over={over},floor={}", written(*floor)),
            Self::Linear { over, floor } => write!(formatter, "linear,over={over},floor={}", written(*floor)),
            Self::Exponential { every, factor } => {
                write!(formatter, "exponential,every={every},factor={}", written(*factor))
            }
            Self::OneCycle { over, peak, start, floor } => {
                let [peak, start, floor] = [peak, start, floor].map(|share| written(*share));
                write!(formatter, "one-cycle,over={over},peak={peak},start={start},floor={floor}")
            }
            Self::Warmup { over, start, then } => {
                write!(formatter, "warmup={over},start={},{then}", written(*start))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schedule_survives_a_round_trip() {
        for text in [
            "constant",
            "step,every=1000,factor=0.5",
            "cosine,over=400,floor=0",
            "linear,over=400,floor=0.1",
            "exponential,every=1,factor=0.999",
            "one-cycle,over=900,peak=0.3,start=0.04,floor=0.000004",
            "warmup=50,start=0,constant",
            "warmup=50,start=0.01,step,every=10,factor=0.5",
        ] {
            let schedule: Schedule = text.parse().unwrap();
            assert_eq!(schedule.to_string(), text);
            let json = serde_json::to_string(&schedule).unwrap();
            assert_eq!(serde_json::from_str::<Schedule>(&json).unwrap(), schedule, "{json}");
        }
        assert_eq!("cosine,over=9".parse(), Ok(Schedule::Cosine { over: 9, floor: 0.0 }));
        for (short, long) in [
            ("warmup=5", "warmup=5,start=0.01,constant"),
            ("warmup=5,cosine,over=9", "warmup=5,start=0.01,cosine,over=9,floor=0"),
            ("exponential,factor=0.9", "exponential,every=1,factor=0.9"),
            ("one-cycle,over=1k,start=0.1", "one-cycle,over=1000,peak=0.3,start=0.1,floor=0.000004"),
        ] {
            assert_eq!(short.parse::<Schedule>().unwrap().to_string(), long);
        }
    }

    /// The keys of branches derive from this text: it must not change.
    #[test]
    fn a_schedule_is_recorded_as_it_always_was() {
        for (text, json) in [
            ("constant", r#""constant""#),
            ("step,every=10,factor=0.5", r#"{"step":{"every":10,"factor":0.5}}"#),
            ("cosine,over=10", r#"{"cosine":{"over":10,"floor":0.0}}"#),
        ] {
            assert_eq!(serde_json::to_string(&text.parse::<Schedule>().unwrap()).unwrap(), json);
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_forms_there_are() {
        for text in [
            "",
            "step",
            "step,every=0,factor=0.5",
            "step,every=5",
            "cosine,over=5,floor=2",
            "cosine,over=5,over=6",
            "constant,over=3",
            "linear,floor=0.5",
            "exponential,factor=1.5",
            "one-cycle,over=0",
            "warmup=0",
            "warmup=5,start=2",
            "warmup=5,warmup=6",
            "warmup=5,one-cycle,over=9",
            "warmup=5,cosine",
            "warmup=5,floor=0",
        ] {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains("cosine,over=STEPS"), "{text}: {error}");
        }
    }
}
