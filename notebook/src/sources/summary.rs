//! Branches as a tree shows them.

use std::sync::Arc;

use revacnn_schemas::{BranchId, BranchName, Digest, Hue, OptimizerSpec, Schedule, Step};
use revacnn_store::{BranchEvent, Listed, Overview, Overviews, RunOutline, StepSpan, is_training};

use super::Listing;
use crate::{NotebookError, Sources};

/// One branch.
#[derive(Debug, Clone, PartialEq)]
pub struct BranchSummary {
    /// Its name; its id, where another branch has the same name.
    pub name: BranchName,
    /// Its id.
    pub id: BranchId,
    /// Its parent's name, if it has a parent.
    pub parent: Option<BranchName>,
    /// The step that it was forked at; 0 for a run of its own.
    pub fork_step: Step,
    /// What the fork changed, a text an edit.
    pub edits: Vec<String>,
    /// Its optimizer with every hyper-parameter; `None` where another program computes it.
    pub optimizer: Option<OptimizerSpec>,
    /// How its learning rate changes; `None` likewise.
    pub schedule: Option<Schedule>,
    /// The content of its data set; `None` likewise.
    pub data: Option<Digest>,
    /// Its own steps; `None` before the first.
    pub steps: Option<StepSpan>,
    /// Loss at its last step.
    pub last_loss: Option<f32>,
    /// Step and accuracy, 0 to 1, of the newest full validation of what it has trained; no accuracy
    /// where no class is predicted.
    pub last_validation: Option<(Step, Option<f32>)>,
    /// Bytes of its files.
    pub bytes: u64,
    /// Its colour, by the order in which branches were made.
    pub hue: Hue,
    /// Its events.
    pub events: Vec<BranchEvent>,
    /// Whether a process trains it now.
    pub training: bool,
    /// What is wrong with it, if its steps cannot be read or some are missing.
    pub problem: Option<String>,
}

impl Sources {
    /// Looks at the store again and lists its branches, oldest first. Of those at
    /// which nothing has changed, nothing is read.
    /// [`problems`](Self::problems) then has what is wrong with branches that
    /// have no readable description.
    ///
    /// # Errors
    /// Where the store's folder cannot be listed.
    pub fn refresh(&mut self) -> Result<Vec<BranchSummary>, NotebookError> {
        let overviews = self.overviews.get_or_insert_with(|| Overviews::open(&self.store));
        let list = overviews.list(&self.store)?;
        let overviews = list.records.clone();
        let listing = Arc::new(Listing::seen(&self.store, list, self.listed.as_deref())?);
        self.adopt(listing.clone());
        let listed = &listing.list;
        let before = std::mem::take(&mut self.looked);
        let looked = overviews.iter().map(|overview| {
            // Who trains a branch holds its lock, and taking that is a change.
            let was = before.get(overview.id()).filter(|(known, _)| Arc::ptr_eq(known, overview)).map(|(_, was)| *was);
            let training = was.unwrap_or(true) && is_training(&self.store, overview.id()).unwrap_or(false);
            (overview.id().clone(), (overview.clone(), training))
        });
        self.looked = looked.collect();
        // Branches of one name are told apart by their ids, which are names, too.
        let name = |branch: &Overview| match branch.id().as_str().parse() {
            Ok(id) if listed.is_ambiguous(branch.name()) => id,
            _ => branch.name().clone(),
        };
        let summaries = overviews.iter().map(|overview| {
            let parent = overview.parent().and_then(|parent| Some(&overviews[listed.place(&parent.branch)?]));
            let short = parent.and_then(|parent| self.store.gap_before(&**overview, &**parent, parent.steps));
            let problems: Vec<String> = overview
                .gaps
                .iter()
                .map(|gap| &gap.error)
                .chain(&overview.damage)
                .chain(short.as_ref().map(|gap| &gap.error))
                .map(ToString::to_string)
                .collect();
            BranchSummary {
                name: name(overview),
                id: overview.id().clone(),
                parent: parent.map(|parent| name(parent)),
                fork_step: overview.first_step(),
                edits: overview.outline.changes.clone(),
                optimizer: overview.outline.run.as_ref().map(RunOutline::optimizer),
                schedule: overview
                    .outline
                    .run
                    .as_ref()
                    .map(|run| run.schedule.as_ref().map_or(Schedule::Constant, |schedule| schedule.curve.clone())),
                data: overview.outline.run.as_ref().map(|run| run.dataset.digest),
                steps: overview.steps,
                last_loss: overview.last_loss,
                last_validation: overview.result().map(|validated| (validated.step, validated.accuracy)),
                bytes: overview.bytes,
                hue: self.hue(overview.id()),
                events: overview.events.clone(),
                training: self.looked.get(overview.id()).is_some_and(|(_, training)| *training),
                problem: (!problems.is_empty()).then(|| problems.join("\n")),
            }
        });
        Ok(summaries.collect())
    }
}
