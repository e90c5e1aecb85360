//! Hyper-parameters by name.

use std::collections::BTreeMap;

/// Hyper-parameters in force for the update that led to a step.
///
/// Which there are is the optimizer's affair: each is recorded, shown and
/// steered by its name, such as `learning_rate` or `beta1`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HyperParameters {
    /// Images of a full batch.
    pub batch_size: u32,
    values: BTreeMap<String, f32>,
}

impl HyperParameters {
    /// The longest text that [`others`](Self::others) may have, in bytes.
    pub const LONGEST: usize = 1024;

    /// Those of batches of this size, none set.
    pub fn new(batch_size: u32) -> Self {
        Self { batch_size, values: BTreeMap::new() }
    }

    /// These, and one more.
    #[must_use]
    pub fn with(mut self, name: &str, value: f32) -> Self {
        self.set(name, Some(value));
        self
    }

    /// Sets one, or takes it away.
    pub fn set(&mut self, name: &str, value: Option<f32>) {
        match value {
            Some(value) => drop(self.values.insert(name.to_owned(), value)),
            None => drop(self.values.remove(name)),
        }
    }

    /// The one of this name, if the optimizer has it.
    pub fn get(&self, name: &str) -> Option<f32> {
        self.values.get(name).copied()
    }

    /// All of the optimizer's, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f32)> {
        self.values.iter().map(|(name, &value)| (name.as_str(), value))
    }

    /// Whether one of this name has a column of its own in the log.
    pub fn has_column(name: &str) -> bool {
        OWN_COLUMN.contains(&name)
    }

    /// Those that have no column of their own in the log, as a JSON object;
    /// `None` where there are none. What is not finite is null.
    pub fn others(&self) -> Option<String> {
        let others: BTreeMap<&str, f32> = self.iter().filter(|(name, _)| !Self::has_column(name)).collect();
        (!others.is_empty())
            .then(|| serde_json::to_string(&others).expect("invariant: names and numbers have a JSON form"))
    }

    /// Sets what [`others`](Self::others) gave.
    ///
    /// # Errors
    /// A text that is no such object.
    pub fn set_others(&mut self, text: &str) -> Result<(), serde_json::Error> {
        let others: BTreeMap<String, Option<f32>> = serde_json::from_str(text)?;
        self.values.extend(others.into_iter().map(|(name, value)| (name, value.unwrap_or(f32::NAN))));
        Ok(())
    }
}

/// Hyper-parameters with a column of their own, since the first format.
const OWN_COLUMN: [&str; 3] = ["learning_rate", "momentum", "weight_decay"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_column_is_one_text_that_comes_back_bit_by_bit() {
        let all = HyperParameters::new(8).with("learning_rate", 0.1).with("epsilon", 1e-8).with("beta1", 0.9);
        let text = all.others().unwrap();
        assert_eq!(text, r#"{"beta1":0.9,"epsilon":1e-8}"#);
        let mut read = HyperParameters::new(8).with("learning_rate", 0.1);
        read.set_others(&text).unwrap();
        assert_eq!(read, all);
        let third = HyperParameters::new(1).with("third", 1.0 / 3.0);
        read.set_others(&third.others().unwrap()).unwrap();
        assert_eq!(read.get("third").map(f32::to_bits), Some((1.0_f32 / 3.0).to_bits()));
        assert_eq!(HyperParameters::new(8).with("momentum", 0.9).others(), None);
        let infinite = HyperParameters::new(1).with("rho", f32::INFINITY).others().unwrap();
        read.set_others(&infinite).unwrap();
        assert!(read.get("rho").unwrap().is_nan());
        assert!(read.set_others("[1]").is_err());
    }
}
