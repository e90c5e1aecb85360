//! Steps and epochs of a branch that may not be trained yet.

use revacnn_schemas::{Position, Step};

use crate::command::{Until, UntilOptions};

/// Where in the epochs a branch is at which of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    /// The branch's first step.
    first: Step,
    /// Epochs that are finished there.
    epoch: u64,
    /// Images of the next one that are seen there.
    offset: u64,
    /// Images of a batch.
    batch: u64,
    /// Images of an epoch.
    images: u64,
}

impl Clock {
    /// Of a run of its own.
    pub(super) fn of_run(images: u64, batch: u32) -> Self {
        Self { first: Step(0), epoch: 0, offset: 0, batch: u64::from(batch.max(1)), images: images.max(1) }
    }

    /// Of a branch that is forked at a step.
    pub(super) fn forked(self, step: Step, batch: u32) -> Self {
        let (epoch, offset) = self.cursor(step);
        Self { first: step, epoch, offset, batch: u64::from(batch.max(1)), ..self }
    }

    /// The branch's first step.
    pub(super) fn first(&self) -> Step {
        self.first
    }

    /// Finished epochs and images of the next one, at a step from the first on.
    fn cursor(&self, step: Step) -> (u64, u64) {
        let steps = step.0.saturating_sub(self.first.0);
        let rest = (self.images - self.offset).div_ceil(self.batch);
        if steps < rest {
            return (self.epoch, self.offset + steps * self.batch);
        }
        let (steps, whole) = (steps - rest, self.images.div_ceil(self.batch));
        (self.epoch + 1 + steps / whole, steps % whole * self.batch)
    }

    /// The step that finishes an epoch, counted from 1; `None` where the branch began
    /// after it, or no number holds it.
    pub(super) fn end_of(&self, epoch: u64) -> Option<Step> {
        if epoch == self.epoch && self.offset == 0 {
            return Some(self.first);
        }
        let whole = epoch.checked_sub(self.epoch)?.checked_sub(1)?;
        let rest = (self.images - self.offset).div_ceil(self.batch);
        whole.checked_mul(self.images.div_ceil(self.batch))?.checked_add(rest)?.checked_add(self.first.0).map(Step)
    }

    /// How far a branch is trained, from its first step on.
    pub(super) fn until(&self, asked: &UntilOptions) -> Option<Step> {
        match (asked.steps, asked.epochs) {
            (Some(Until::Step(step)), _) => Some(Step(step.max(self.first.0))),
            (Some(Until::More(more)), _) => self.first.0.checked_add(more).map(Step),
            (None, Some(epoch)) if epoch <= self.epoch => Some(self.first),
            (None, Some(epoch)) => self.end_of(epoch),
            (None, None) => Some(self.first),
        }
    }

    /// The step of a place within the branch, which is trained until a step; `None`
    /// where only the numbers that are recorded can tell, or there is none.
    pub(super) fn place(&self, position: Position, until: Step) -> Option<Step> {
        match position {
            Position::Step(step) => Some(step),
            Position::Epoch(epoch) => self.end_of(epoch.0),
            Position::Last => Some(until),
            Position::Fork => Some(self.first),
            Position::Best => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_end_where_the_last_and_smaller_batch_ends() {
        let clock = Clock::of_run(10, 4);
        assert_eq!([0, 1, 2, 3, 4].map(|step| clock.cursor(Step(step))), [(0, 0), (0, 4), (0, 8), (1, 0), (1, 4)]);
        assert_eq!([1, 2, 5].map(|epoch| clock.end_of(epoch)), [3, 6, 15].map(|step| Some(Step(step))));
        assert_eq!(clock.end_of(u64::MAX), None);
    }

    #[test]
    fn a_fork_with_another_batch_goes_on_in_its_epoch() {
        let fork = Clock::of_run(10, 4).forked(Step(4), 3);
        // Image 4 of the second epoch: two batches of 3 are left of it.
        assert_eq!((fork.end_of(1), fork.end_of(2), fork.end_of(3)), (None, Some(Step(6)), Some(Step(10))));
        let asked = |steps, epochs| fork.until(&UntilOptions { steps, epochs }).unwrap().0;
        assert_eq!([asked(None, None), asked(None, Some(1)), asked(None, Some(2))], [4, 4, 6]);
        assert_eq!([asked(Some(Until::Step(2)), None), asked(Some(Until::More(2)), None)], [4, 6]);
        let twin = Clock::of_run(10, 4).forked(Step(3), 4);
        assert_eq!((twin.end_of(1), twin.end_of(2)), (Some(Step(3)), Some(Step(6))));
    }
}
