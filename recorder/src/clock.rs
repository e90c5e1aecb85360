//! Steps and epochs of a branch, from one of its steps on.

use revacnn_schemas::{Epoch, RunDefinition, Step};
use revacnn_trainer::data::Dataset;
use revacnn_trainer::{Trainer, seen_by_fork};

use crate::Goal;

/// Where in the epochs a branch is at its steps, from a first one on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
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
    /// Of a run of its own, with so many images an epoch and a batch.
    pub fn of_run(images: u64, batch: u32) -> Self {
        Self { first: Step(0), epoch: 0, offset: 0, batch: u64::from(batch.max(1)), images: images.max(1) }
    }

    /// Of a training, from the step on that it stands at.
    pub(crate) fn of(trainer: &Trainer) -> Self {
        let run = Self::of_run(u64::from(trainer.epoch_images()), trainer.definition().batch_size);
        let (epoch, offset) = (trainer.cursor().epoch.0, u64::from(trainer.epoch_seen()));
        Self { first: trainer.position(), epoch, offset, ..run }
    }

    /// Of a branch that is forked at a step, with so many images a batch from there on.
    pub fn forked(self, step: Step, batch: u32) -> Self {
        let (epoch, offset) = self.cursor(step);
        Self { first: step, epoch, offset, batch: u64::from(batch.max(1)), ..self }
    }

    /// Of a branch that is forked as `fork` says, of which `parent` is trained here: the two may drop
    /// other images of the data set.
    pub fn forked_onto(self, step: Step, parent: &RunDefinition, fork: &RunDefinition, dataset: &Dataset) -> Self {
        let clock = self.forked(step, fork.batch_size);
        if parent.images.dropped == fork.images.dropped {
            return clock;
        }
        let (seen, images) = seen_by_fork(parent, fork, dataset, Epoch(clock.epoch), clock.offset);
        let images = images.max(1);
        match seen < images {
            true => Self { offset: seen, images, ..clock },
            false => Self { epoch: clock.epoch + 1, offset: 0, images, ..clock },
        }
    }

    /// The first step.
    pub fn first(&self) -> Step {
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

    /// The step that finishes an epoch, counted from 1; `None` where that was before the
    /// first one, or no number holds it.
    pub fn end_of(&self, epoch: u64) -> Option<Step> {
        if epoch == self.epoch && self.offset == 0 {
            return Some(self.first);
        }
        let whole = epoch.checked_sub(self.epoch)?.checked_sub(1)?;
        let rest = (self.images - self.offset).div_ceil(self.batch);
        whole.checked_mul(self.images.div_ceil(self.batch))?.checked_add(rest)?.checked_add(self.first.0).map(Step)
    }

    /// The step of a goal, from the first one; `None` where no number holds it.
    pub fn step_of(&self, goal: Goal) -> Option<Step> {
        match goal {
            Goal::Step(step) => Some(step),
            Goal::More(more) => self.first.0.checked_add(more).map(Step),
            Goal::Epoch(epoch) if epoch <= self.epoch => Some(self.first),
            Goal::Epoch(epoch) => self.end_of(epoch),
            Goal::AsBefore => self.end_of(self.epoch + 1),
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
        let of = |goal| fork.step_of(goal).unwrap().0;
        assert_eq!([of(Goal::Epoch(1)), of(Goal::Epoch(2)), of(Goal::AsBefore)], [4, 6, 6]);
        assert_eq!([of(Goal::Step(Step(2))), of(Goal::More(2))], [2, 6]);
        let twin = Clock::of_run(10, 4).forked(Step(3), 4);
        assert_eq!((twin.end_of(1), twin.end_of(2)), (Some(Step(3)), Some(Step(6))));
    }
}
