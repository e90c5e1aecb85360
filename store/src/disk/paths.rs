//! Names of files and folders, and nothing that touches the disk.

use std::fmt;
use std::path::{Path, PathBuf};

use revacnn_schemas::{BranchId, Step, Table};
use serde::{Deserialize, Serialize};

/// Steps from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepSpan {
    /// The first step.
    pub first: Step,
    /// The last step, not before the first.
    pub last: Step,
}

impl StepSpan {
    /// The steps from `first` to `last`.
    pub fn new(first: Step, last: Step) -> Self {
        Self { first, last }
    }

    /// One step alone.
    pub fn of(step: Step) -> Self {
        Self::new(step, step)
    }

    /// Number of steps.
    pub fn steps(&self) -> u64 {
        self.last.0.checked_sub(self.first.0).map_or(0, |steps| steps.saturating_add(1))
    }

    /// Whether the step is one of them.
    pub fn contains(&self, step: Step) -> bool {
        self.first <= step && step <= self.last
    }

    /// Whether all of `other` is in this span.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// What is left of this span without the steps of `other`.
    pub(crate) fn without(&self, other: &Self) -> Vec<Self> {
        let before = other.first.0.checked_sub(1).map(|last| Self::new(self.first, self.last.min(Step(last))));
        let after = Self::new(self.first.max(Step(other.last.0.saturating_add(1))), self.last);
        before.into_iter().chain([after]).filter(|span| span.first <= span.last).collect()
    }

    /// The steps in portions of so many, which end before multiples of that number as segments do;
    /// the first and the last with what is left.
    pub(crate) fn portions(self, steps: u64) -> impl Iterator<Item = Self> {
        let next = move |first: &u64| (first / steps + 1).checked_mul(steps).filter(|next| *next <= self.last.0);
        let first = (self.first <= self.last).then_some(self.first.0);
        std::iter::successors(first, next)
            .map(move |first| Self::new(Step(first), next(&first).map_or(self.last, |next| Step(next - 1))))
    }

    /// The steps in both spans, if any.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (first <= last).then_some(Self { first, last })
    }
}

impl fmt::Display for StepSpan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}–{}", self.first, self.last)
    }
}

/// The first number that is no step: far above what anybody trains, and low
/// enough that adding to a step never overflows, also not in `int64` columns.
pub(crate) const STEP_LIMIT: u64 = 1 << 62;

/// `FIRST-LAST`, each with 12 digits, so that names sort like steps.
pub(crate) fn span_name(span: StepSpan) -> String {
    format!("{:012}-{:012}", span.first.0, span.last.0)
}

/// The span of a name `FIRST-LAST`; `None` for every other name.
pub(crate) fn parse_span(name: &str) -> Option<StepSpan> {
    let (first, last) = name.split_once('-')?;
    let number = |digits: &str| {
        let plain = digits.len() >= 12 && digits.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| digits.parse().ok().map(Step)).flatten()
    };
    let span = StepSpan::new(number(first)?, number(last)?);
    (span.first <= span.last && span.last.0 < STEP_LIMIT && span_name(span) == name).then_some(span)
}

/// Where the parts of one branch lie.
#[derive(Debug, Clone)]
pub(crate) struct BranchPaths {
    pub(crate) folder: PathBuf,
}

/// The name of a branch's folder.
pub(crate) fn folder_name(branch: &BranchId) -> String {
    format!("branch={branch}")
}

impl BranchPaths {
    pub(crate) fn new(store: &Path, branch: &BranchId) -> Self {
        Self { folder: store.join("branches").join(folder_name(branch)) }
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.folder.join("branch.lock")
    }

    /// Held, shared, by everybody who reads the branch.
    pub(crate) fn readers_lock(&self) -> PathBuf {
        self.folder.join("readers.lock")
    }

    pub(crate) fn materialised(&self) -> PathBuf {
        self.folder.join("materialised.json")
    }

    pub(crate) fn thinned(&self) -> PathBuf {
        self.folder.join("thinned.json")
    }

    pub(crate) fn table(&self, table: Table) -> PathBuf {
        self.folder.join(table.name())
    }

    /// A sealed segment's file.
    pub(crate) fn segment(&self, table: Table, span: StepSpan) -> PathBuf {
        self.table(table).join(format!("{}.parquet", span_name(span)))
    }

    pub(crate) fn tail(&self) -> PathBuf {
        self.folder.join("tail")
    }

    /// A committed part of the tail: a folder with a file a table.
    pub(crate) fn part(&self, span: StepSpan) -> PathBuf {
        self.tail().join(span_name(span))
    }

    pub(crate) fn part_file(&self, table: Table, span: StepSpan) -> PathBuf {
        table_file(&self.part(span), table)
    }

    /// A folder in `tail/` that readers do not look at and that the next
    /// writer removes.
    pub(crate) fn temporary(&self, purpose: &str, span: StepSpan) -> PathBuf {
        self.tail().join(format!(".{purpose}-{}", span_name(span)))
    }
}

/// The file of a table in the folder of a part.
pub(crate) fn table_file(folder: &Path, table: Table) -> PathBuf {
    folder.join(format!("{}.parquet", table.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_without_another_is_what_lies_before_and_after() {
        let span = |first, last| StepSpan::new(Step(first), Step(last));
        assert_eq!(span(10, 20).without(&span(12, 15)), [span(10, 11), span(16, 20)]);
        assert_eq!(span(10, 20).without(&span(0, 9)), [span(10, 20)]);
        assert_eq!(span(10, 20).without(&span(0, 30)), []);
        assert_eq!(span(0, 20).without(&span(0, 20)), []);
    }

    #[test]
    fn a_span_is_read_back_from_its_name_and_from_no_other() {
        let span = StepSpan::new(Step(512), Step(1023));
        assert_eq!(span_name(span), "000000000512-000000001023");
        assert_eq!(parse_span(&span_name(span)), Some(span));
        for foreign in [
            "",
            "512-1023",
            "000000000512",
            "000000001023-000000000512",
            "000000000512-000000001023-1",
            "+00000000512-000000001023",
            "000000000000-18446744073709551615",
            "000000000000-4611686018427387904",
            "000000000000-99999999999999999999999",
        ] {
            assert_eq!(parse_span(foreign), None, "{foreign}");
        }
    }
}
