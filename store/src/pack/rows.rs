//! Rows a part at a time.

use revacnn_schemas::Step;

use crate::StepSpan;

/// Rows that are read at a time.
const ROWS: u64 = 4096;

/// A span in parts whose rows are read at a time.
pub(crate) fn rows_in_parts(span: StepSpan) -> impl Iterator<Item = StepSpan> {
    (span.first.0..=span.last.0)
        .step_by(ROWS as usize)
        .map(move |first| StepSpan::new(Step(first), Step(span.last.0.min(first.saturating_add(ROWS - 1)))))
}
