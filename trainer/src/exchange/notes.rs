//! What was done to arrays on the way.

use revacnn_schemas::counted;

use super::arrays::Arrays;
use super::number::NumberKind;

/// Counts what is to be said of a file's arrays.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// How often arrays of each kind of number came.
    converted: Vec<(&'static str, u64)>,
    /// Arrays that are no network's.
    pub(super) aside: u64,
}

impl Notes {
    /// Counts an array.
    pub(super) fn count(&mut self, kind: NumberKind) {
        let Some(words) = kind.conversion() else { return };
        match self.converted.iter_mut().find(|(known, _)| *known == words) {
            Some((_, count)) => *count += 1,
            None => self.converted.push((words, 1)),
        }
    }

    /// Says it of the arrays.
    pub(super) fn tell(self, arrays: &mut Arrays) {
        for (words, count) in self.converted {
            arrays.note(format!("{} of {words}", counted(count, "array")));
        }
        if self.aside > 0 {
            arrays.note(format!("{} of an optimizer, or counters, left aside", counted(self.aside, "array")));
        }
    }
}
