//! Going on with a branch where it stopped.

use revacnn_schemas::{BranchName, Step};
use revacnn_store::Store;

use crate::replay::check_producer;
use crate::{Clock, RecorderError, Resources, Run, Session, find_data};

/// Goes on with a branch after its last committed step, bit for bit as if it had
/// never stopped.
///
/// # Errors
/// Those of [`find_data()`] and [`Session::resume`], such as
/// [`RecorderError::Diverged`]; nothing is changed then.
pub fn resume(store: &Store, branch: &BranchName, resources: &Resources) -> Result<Run, RecorderError> {
    let record = store.branch(branch)?;
    let dataset = find_data(store, &record, resources.data_folder.as_deref())?;
    let session = Session::resume(store, &record, resources.threads, resources.recorder.clone(), dataset)?;
    let note = resources.note_data(store, &check_producer(&record, "train it on")?.dataset);
    Ok(Run::recorded(session)?.with_note(note))
}

/// How far a run is to be trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// To this step.
    Step(Step),
    /// So many steps more.
    More(u64),
    /// To the end of this epoch.
    Epoch(u64),
    /// To where it was last asked to go, or, if it is there, to the end of the next
    /// epoch.
    AsBefore,
}

impl Run {
    /// The step that a goal is at, from where the run stands.
    ///
    /// # Errors
    /// [`RecorderError::TooManySteps`], and
    /// [`TargetUnreadable`](revacnn_store::StoreError::TargetUnreadable).
    pub fn step_of(&self, goal: Goal) -> Result<Step, RecorderError> {
        let (position, clock) = (self.trainer().position(), Clock::of(self.trainer()));
        let noted = match (goal, self.session()) {
            (Goal::AsBefore, Some(session)) => session.store().target(session.record())?,
            _ => None,
        };
        let step = noted.filter(|noted| *noted > position).or_else(|| clock.step_of(goal));
        step.ok_or(RecorderError::TooManySteps)
    }
}
