//! Hyper-parameters and their new values.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::{OptimizerSpec, Schedule, written};

/// A hyper-parameter and its new value.
///
/// It is written as a map of one entry, the name with hyphens and the value:
/// `{"learning-rate": 0.01}`.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// A hyper-parameter of the optimizer, whose memory stays. Which there are
    /// its kind knows.
    HyperParameter {
        /// The name, such as `learning_rate`.
        name: String,
        /// The value.
        value: f64,
    },
    /// Images of a full batch.
    BatchSize(u32),
    /// The optimizer; its memory begins at zero.
    Optimizer(OptimizerSpec),
    /// The learning rate's schedule, counted from the fork.
    Schedule(Schedule),
}

/// The words of what is no hyper-parameter of the optimizer.
pub(super) const BATCH_SIZE: &str = "batch-size";
pub(super) const OPTIMIZER: &str = "optimizer";
pub(super) const SCHEDULE: &str = "schedule";

impl Setting {
    /// The name as people write it, such as `learning-rate`.
    pub fn name(&self) -> String {
        match self {
            Self::HyperParameter { name, .. } => name.replace('_', "-"),
            Self::BatchSize(_) => BATCH_SIZE.to_owned(),
            Self::Optimizer(_) => OPTIMIZER.to_owned(),
            Self::Schedule(_) => SCHEDULE.to_owned(),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ", self.name())?;
        match self {
            Self::HyperParameter { value, .. } => formatter.write_str(&written(*value)),
            Self::BatchSize(value) => write!(formatter, "{value}"),
            Self::Optimizer(spec) => write!(formatter, "{spec}"),
            Self::Schedule(schedule) => write!(formatter, "{schedule}"),
        }
    }
}

impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::HyperParameter { value, .. } => map.serialize_entry(&self.name(), value)?,
            Self::BatchSize(value) => map.serialize_entry(BATCH_SIZE, value)?,
            Self::Optimizer(spec) => map.serialize_entry(OPTIMIZER, spec)?,
            Self::Schedule(schedule) => map.serialize_entry(SCHEDULE, schedule)?,
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneEntry;

        impl<'de> Visitor<'de> for OneEntry {
            type Value = Setting;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map of one hyper-parameter and its value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Setting, A::Error> {
                let name: String = map.next_key()?.ok_or_else(|| de::Error::invalid_length(0, &self))?;
                let setting = match name.as_str() {
                    BATCH_SIZE => Setting::BatchSize(map.next_value()?),
                    OPTIMIZER => Setting::Optimizer(map.next_value()?),
                    SCHEDULE => Setting::Schedule(map.next_value()?),
                    _ => Setting::HyperParameter { name: name.replace('-', "_"), value: map.next_value()? },
                };
                match map.next_key::<String>()? {
                    None => Ok(setting),
                    Some(_) => Err(de::Error::invalid_length(2, &self)),
                }
            }
        }

        deserializer.deserialize_map(OneEntry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys of branches derive from this text: it must not change.
    #[test]
    fn a_setting_is_written_as_it_always_was() {
        for (text, json) in [
            ("set learning-rate 0.01", r#"{"change":{"set":{"learning-rate":0.01}}}"#),
            ("set momentum 1", r#"{"change":{"set":{"momentum":1.0}}}"#),
            ("set weight-decay 0.0001", r#"{"change":{"set":{"weight-decay":0.0001}}}"#),
            ("set batch-size 32", r#"{"change":{"set":{"batch-size":32}}}"#),
            ("set optimizer adam,beta1=0.8", r#"{"change":{"set":{"optimizer":{"kind":"adam","beta1":0.8}}}}"#),
            ("set beta1 0.8", r#"{"change":{"set":{"beta1":0.8}}}"#),
        ] {
            let edit: crate::Edit = text.parse().unwrap();
            assert_eq!(serde_json::to_string(&edit).unwrap(), json);
            assert_eq!(serde_json::from_str::<crate::Edit>(json).unwrap(), edit);
        }
    }

    #[test]
    fn a_setting_has_one_entry() {
        for json in ["{}", r#"{"beta1":0.8,"beta2":0.9}"#, r#"{"beta1":"high"}"#, "3", r#"{"batch-size":-1}"#] {
            assert!(serde_json::from_str::<Setting>(json).is_err(), "{json}");
        }
    }
}
