//! Named arrays: what files hold, whatever their format.

use std::collections::BTreeMap;
use std::path::Path;

use revacnn_schemas::ArrayFile;

use super::{ExchangeError, safetensors};

/// The most values of all arrays together: those of the largest network.
pub(super) const MOST_VALUES: usize = 1 << 28;

/// The most arrays of a file, axes of an array and letters of a name.
const MOST_ARRAYS: usize = 100_000;
const MOST_AXES: usize = 8;
const MOST_LETTERS: usize = 200;

/// How arrays of an optimizer are called: these words and the name of what they belong to.
pub(super) const OPTIMIZER: &str = "optimizer.";

/// An array.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Lengths of its axes, the first one slowest.
    pub shape: Vec<usize>,
    /// Its values, the last axis fastest.
    pub values: Vec<f32>,
}

/// Arrays by their names, such as `conv1.weight`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Arrays {
    arrays: BTreeMap<String, Array>,
    values: usize,
    /// What was done to them on the way, a sentence each.
    notes: Vec<String>,
}

impl Arrays {
    /// Arrays that were read from a file before.
    ///
    /// # Errors
    /// [`ExchangeError::NotAtHand`], and bytes that are none of arrays.
    pub fn of(file: &ArrayFile) -> Result<Self, ExchangeError> {
        let bytes = file.bytes().ok_or(ExchangeError::NotAtHand { digest: file.digest() })?;
        safetensors::parse(Path::new("the arrays beside the branch's record"), bytes)
    }

    /// The arrays as a value, whatever format they came in: equal arrays have one digest.
    ///
    /// # Errors
    /// Where there are more than a header may hold.
    pub fn to_file(&self) -> Result<ArrayFile, ExchangeError> {
        safetensors::bytes(self, None).map(ArrayFile::new)
    }

    /// Every array with its name, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Array)> {
        self.arrays.iter().map(|(name, array)| (name.as_str(), array))
    }

    /// The array of this name.
    pub fn get(&self, name: &str) -> Option<&Array> {
        self.arrays.get(name)
    }

    /// What was done to them on the way, such as rounding, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Adds an array of ours.
    pub(super) fn insert(&mut self, name: String, shape: Vec<usize>, values: Vec<f32>) {
        debug_assert_eq!(shape.iter().product::<usize>(), values.len());
        self.values += values.len();
        self.arrays.insert(name, Array { shape, values });
    }

    /// The number of values of an array that is to be read, within the bounds of all.
    ///
    /// # Errors
    /// A name or a shape that no network's array has; more values than all may have.
    pub(super) fn admit(&self, path: &Path, name: &str, shape: &[usize]) -> Result<usize, ExchangeError> {
        let damaged = |expected: String, found: String| Err(ExchangeError::damaged(path, expected, found));
        if name.is_empty() || name.chars().count() > MOST_LETTERS || name.chars().any(char::is_control) {
            return damaged(format!("names of arrays of 1 to {MOST_LETTERS} letters"), name.chars().take(60).collect());
        }
        if self.arrays.contains_key(name) {
            return damaged("each array once".to_owned(), format!("{name} twice"));
        }
        if self.arrays.len() == MOST_ARRAYS {
            return damaged(format!("at most {MOST_ARRAYS} arrays"), "more".to_owned());
        }
        if shape.len() > MOST_AXES {
            return damaged(format!("arrays of at most {MOST_AXES} axes"), format!("{} of {name}", shape.len()));
        }
        if shape.contains(&0) {
            return damaged("arrays with values".to_owned(), format!("{name} {}", axes(shape)));
        }
        let values = shape.iter().try_fold(1_usize, |product, &length| product.checked_mul(length));
        match values.filter(|values| *values <= MOST_VALUES - self.values) {
            Some(values) => Ok(values),
            None => damaged(format!("at most {MOST_VALUES} values in all"), format!("{name} {}", axes(shape))),
        }
    }
}

/// Whether an array is no network's: a counter of PyTorch's, or an optimizer's memory.
pub(super) fn is_aside(name: &str) -> bool {
    name.starts_with(OPTIMIZER) || name.ends_with(".num_batches_tracked") || name == "num_batches_tracked"
}

/// Lengths of axes: `[3][5][5]`.
pub(crate) fn axes(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "one value".to_owned();
    }
    let more = if shape.len() > MOST_AXES { "…" } else { "" };
    shape.iter().take(MOST_AXES).map(|length| format!("[{length}]")).collect::<String>() + more
}
