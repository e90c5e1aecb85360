//! Steps that a history should have and has not: files of `steps` that were
//! lost, and a parent that ends before its child's fork.
//!
//! A segment whose file of `steps` is missing is what a kill left of a segment
//! that was being moved in, or a segment that lost that file. They are told
//! apart by where the file is. It is moved last: what a kill left has it still
//! in the tail's hidden folder that the others came from, or the tail has the
//! steps themselves. Everything else is worth keeping: the file put back heals
//! it.

use revacnn_schemas::{BranchName, Step, Table};

use crate::disk::paths::{BranchPaths, StepSpan, parse_span, table_file};
use crate::read::listing::{Listing, list_if_there, spans};
use crate::{BranchReader, Lineage, StoreError};

/// Steps that are missing from a history.
#[derive(Debug)]
pub struct Gap {
    /// The steps.
    pub span: StepSpan,
    /// What is missing, where it should be, and what to do.
    pub error: StoreError,
}

/// Files of segments whose file of `steps` is not there.
#[derive(Debug, Default)]
pub(crate) struct Strays {
    /// What a kill left of a segment that was never committed.
    pub(crate) uncommitted: Vec<(StepSpan, Table)>,
    /// Segments that were committed and lost their file of `steps`.
    pub(crate) lost: Vec<StepSpan>,
}

impl Strays {
    /// Looks at the folders; true of a branch that nobody writes.
    pub(crate) fn find(paths: &BranchPaths) -> Result<Self, StoreError> {
        // In this order: what a writer moves in meanwhile is in `steps` by the
        // time that is looked at, or else in the tail when that is.
        let mut others = Vec::new();
        for table in Table::ALL {
            if !matches!(table, Table::Steps | Table::Events | Table::Topology) {
                others.extend(spans(&paths.table(table))?.into_iter().map(|span| (span, table)));
            }
        }
        let tail = list_if_there(&paths.tail())?;
        let parts: Vec<StepSpan> = tail.iter().filter_map(|name| parse_span(name)).collect();
        let moving: Vec<(bool, StepSpan)> = tail
            .iter()
            .filter_map(|name| {
                let (whole, span) = match name.strip_prefix(".merge-") {
                    Some(span) => (true, parse_span(span)?),
                    None => (false, parse_span(name.strip_prefix(".open-")?)?),
                };
                let folder = paths.tail().join(name);
                table_file(&folder, Table::Steps).is_file().then_some((whole, span))
            })
            .collect();
        let committed = Listing::read(paths)?.segments;
        let mut strays = Self::default();
        for (span, table) in others {
            if committed.contains(&span) {
                continue;
            }
            // Moved out of there, and no copy: a folder that still has the
            // table's file is of something else.
            let is_moving = moving.iter().any(|&(whole, from)| {
                let (purpose, same) = if whole { ("merge", from == span) } else { ("open", from.first == span.first) };
                same && !table_file(&paths.temporary(purpose, from), table).exists()
            });
            if is_moving || covered(span, &parts) {
                strays.uncommitted.push((span, table));
            } else if !strays.lost.contains(&span) {
                strays.lost.push(span);
            }
        }
        strays.lost.sort();
        Ok(strays)
    }
}

/// Whether spans, in order, hold all steps of another one.
fn covered(span: StepSpan, by: &[StepSpan]) -> bool {
    by.iter().fold(vec![span], |left, part| left.iter().flat_map(|span| span.without(part)).collect()).is_empty()
}

/// Segments that lost their file of `steps`, also while somebody writes.
fn lost_segments(paths: &BranchPaths) -> Result<Vec<StepSpan>, StoreError> {
    let mut lost = Strays::find(paths)?.lost;
    if !lost.is_empty() {
        // A writer that cleans up removes the one before the other.
        let still = Strays::find(paths)?.lost;
        lost.retain(|span| still.contains(span));
    }
    Ok(lost)
}

/// The error for a segment that lost its file of `steps`.
pub(crate) fn lost_steps(paths: &BranchPaths, branch: &BranchName, segment: StepSpan, has: &str) -> StoreError {
    StoreError::Missing {
        path: paths.segment(Table::Steps, segment),
        expected: format!(
            "the table steps of steps {segment} of branch `{branch}`, {has}. The other tables have these steps, and \
             nothing of them is removed: with this file they are back"
        ),
    }
}

/// Steps as runs without gaps: `0–511, 1024–1300`.
fn runs(spans: impl Iterator<Item = StepSpan>) -> Vec<StepSpan> {
    crate::thinning::joined(spans)
}

impl BranchReader {
    /// The steps that the branch should have of its own, and has not: between
    /// those that there are, and after them where a file of `steps` was lost.
    ///
    /// # Errors
    /// Where the branch's folder cannot be listed.
    pub fn gaps(&self) -> Result<Vec<Gap>, StoreError> {
        let lost = lost_segments(&self.paths)?;
        let pieces: Vec<StepSpan> = Listing::read(&self.paths)?.pieces().map(|piece| piece.span).collect();
        let Some(end) = pieces.iter().chain(&lost).map(|span| span.last).max() else {
            return Ok(Vec::new());
        };
        let runs = runs(pieces.into_iter());
        let all = StepSpan::new(self.record.first_step(), end);
        let missing = runs.iter().fold(vec![all], |left, run| left.iter().flat_map(|span| span.without(run)).collect());
        let has: Vec<String> = runs.iter().map(ToString::to_string).collect();
        let has =
            if has.is_empty() { "which has none".to_owned() } else { format!("which has steps {}", has.join(", ")) };
        let name = &self.record.name;
        let mut gaps = Vec::new();
        for span in missing {
            let files = lost.iter().filter(|lost| span.covers(lost));
            gaps.extend(files.clone().map(|&span| Gap { span, error: lost_steps(&self.paths, name, span, &has) }));
            let rest = files.fold(vec![span], |left, lost| left.iter().flat_map(|span| span.without(lost)).collect());
            gaps.extend(rest.into_iter().map(|span| Gap {
                span,
                error: StoreError::Missing {
                    path: self.paths.table(Table::Steps),
                    expected: format!("a file with steps {span} of branch `{name}`, {has}"),
                },
            }));
        }
        gaps.sort_by_key(|gap| gap.span);
        Ok(gaps)
    }

    /// The error for a step in a gap.
    pub(crate) fn gap_at(&self, step: Step) -> Option<StoreError> {
        let gaps = self.gaps().ok()?;
        gaps.into_iter().find(|gap| gap.span.contains(step)).map(|gap| gap.error)
    }

    /// What the branch inherits from its parent, and the parent does not have
    /// because it ends before the fork.
    pub fn gap_before(&self, parent: &Self) -> Option<Gap> {
        let inherited = StepSpan::new(parent.record.first_step(), Step(self.record.first_step().0.checked_sub(1)?));
        let end = parent.steps().map_or(inherited.first, |steps| steps.last.next());
        let span = StepSpan::new(inherited.first.max(end), inherited.last);
        (span.first <= span.last).then(|| short_parent(self, parent, span))
    }
}

impl Lineage {
    /// The steps that are missing from the history, own and inherited, in
    /// order.
    ///
    /// # Errors
    /// Where a branch's folder cannot be listed.
    pub fn gaps(&self) -> Result<Vec<Gap>, StoreError> {
        let mut gaps = self.own().gaps()?;
        for (child, parent) in self.readers().iter().zip(&self.readers()[1..]) {
            // The steps before the fork; those of its own parent follow.
            let before = self.readers().iter().take_while(|reader| !std::ptr::eq(*reader, parent));
            let Some(fork) = before.map(|reader| reader.branch().first_step()).min() else { continue };
            let Some(last) = fork.0.checked_sub(1).map(Step) else { continue };
            let inherited = StepSpan::new(parent.branch().first_step(), last);
            let short = child.gap_before(parent);
            // A lost file says more than that the parent is too short.
            for gap in parent.gaps()? {
                let within = gap.span.intersection(&inherited);
                gaps.extend(within.map(|span| Gap { span, error: gap.error }));
            }
            if let Some(short) = short
                && let Some(span) = short.span.intersection(&inherited)
                && !gaps.iter().any(|gap| gap.span.covers(&span))
            {
                gaps.push(Gap { span, error: short.error });
            }
        }
        gaps.sort_by_key(|gap| gap.span);
        Ok(gaps)
    }
}

/// What a child inherits and its parent does not have.
fn short_parent(child: &BranchReader, parent: &BranchReader, span: StepSpan) -> Gap {
    Gap {
        span,
        error: StoreError::ParentTooShort {
            branch: child.branch().name.clone(),
            parent: parent.branch().name.clone(),
            fork: child.branch().first_step(),
            missing: span,
            folder: parent.paths.folder.clone(),
        },
    }
}
