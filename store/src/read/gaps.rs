//! Steps that a history should have and has not: files of `steps` that were
//! lost, and a parent that ends before its child's fork.

use revacnn_schemas::{BranchName, Step, Table};

use crate::disk::paths::{BranchPaths, StepSpan};
use crate::list::Listed;
use crate::{BranchReader, Lineage, StoreError};

/// Steps that are missing from a history.
#[derive(Debug)]
pub struct Gap {
    /// The steps.
    pub span: StepSpan,
    /// What is missing, where it should be, and what to do.
    pub error: StoreError,
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
    /// The folders are looked at anew where steps seem to be missing.
    ///
    /// # Errors
    /// Where the branch's folder cannot be listed.
    pub fn gaps(&self) -> Result<Vec<Gap>, StoreError> {
        let before = self.index().lost.clone();
        if self.missing(&before).is_empty() {
            return Ok(Vec::new());
        }
        // A writer that cleans up removes the one file before the other.
        self.refresh()?;
        let mut lost = self.index().lost.clone();
        lost.retain(|span| before.contains(span));
        Ok(self.gaps_of(&lost))
    }

    /// The steps that are missing, where these segments lost their file of
    /// `steps`.
    fn missing(&self, lost: &[StepSpan]) -> Vec<StepSpan> {
        let index = self.index();
        let Some(end) =
            index.pieces.iter().map(|piece| piece.span).chain(lost.iter().copied()).map(|span| span.last).max()
        else {
            return Vec::new();
        };
        let all = StepSpan::new(self.record.first_step(), end);
        let runs = runs(index.pieces.iter().map(|piece| piece.span));
        runs.iter().fold(vec![all], |left, run| left.iter().flat_map(|span| span.without(run)).collect())
    }

    fn gaps_of(&self, lost: &[StepSpan]) -> Vec<Gap> {
        let runs = runs(self.index().pieces.iter().map(|piece| piece.span));
        let has: Vec<String> = runs.iter().map(ToString::to_string).collect();
        let has =
            if has.is_empty() { "which has none".to_owned() } else { format!("which has steps {}", has.join(", ")) };
        let name = &self.record.name;
        let mut gaps = Vec::new();
        for span in self.missing(lost) {
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
        gaps
    }

    /// The error for a step in a gap.
    pub(crate) fn gap_at(&self, step: Step) -> Option<StoreError> {
        self.gaps().ok()?.into_iter().find(|gap| gap.span.contains(step)).map(|gap| gap.error)
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
        let mut fork = self.branch().first_step();
        let mut parents = self.readers()[1..].iter().peekable();
        for pair in self.branches().windows(2) {
            // The steps before the fork; those of its own parent follow.
            let Some(parent) = parents.next_if(|reader| reader.branch().id == pair[1].id) else { continue };
            let Some(last) = fork.0.checked_sub(1).map(Step) else { continue };
            fork = parent.branch().first_step();
            let inherited = StepSpan::new(parent.branch().first_step(), last);
            let short = gap_before(&*pair[0], parent.branch(), parent.steps(), &parent.paths);
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
        gaps.retain_mut(|gap| match self.clipped(gap.span) {
            Some(span) => {
                gap.span = span;
                true
            }
            None => false,
        });
        gaps.sort_by_key(|gap| gap.span);
        Ok(gaps)
    }
}

/// What a child inherits from its parent, which has these steps, and the parent
/// does not have because it ends before the fork.
pub(crate) fn gap_before(
    child: &impl Listed,
    parent: &impl Listed,
    steps: Option<StepSpan>,
    paths: &BranchPaths,
) -> Option<Gap> {
    let inherited = StepSpan::new(parent.first_step(), Step(child.first_step().0.checked_sub(1)?));
    let end = steps.map_or(inherited.first, |steps| steps.last.next());
    let span = StepSpan::new(inherited.first.max(end), inherited.last);
    (span.first <= span.last).then(|| Gap {
        span,
        error: StoreError::ParentTooShort {
            branch: child.name().clone(),
            parent: parent.name().clone(),
            fork: child.first_step(),
            missing: span,
            folder: paths.folder.clone(),
        },
    })
}
