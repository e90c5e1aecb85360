//! How far an edit changed what the network computes.

use revacnn_schemas::ClassOutputs;

use super::draft::Draft;
use super::outcome::Preservation;
use crate::data::Split;
use crate::engine::Images;
use crate::{Trainer, TrainerError};

/// Validation images that are looked at.
const IMAGES: usize = 64;

/// How far an edit moved the outputs of `before`.
///
/// # Errors
/// What a network cannot be built from, and an image that cannot be read.
pub(super) fn measure(like: &Trainer, before: &Draft, after: &Draft) -> Result<Preservation, TrainerError> {
    let by_batch = [before, after].iter().any(|draft| draft.topology.normalising_layers().next().is_some());
    Ok(Outputs::of(like, before, by_batch)?.change(&Outputs::of(like, after, by_batch)?))
}

/// What a network's class layer says of images that only depend on the data
/// and on where training stands.
#[derive(Debug)]
struct Outputs {
    /// Of the first validation images, `[image][class]`.
    evaluation: Vec<f32>,
    /// Of the next batch, with its own statistics and dropout off, `[image][class]`.
    training: Option<Vec<f32>>,
    /// What they are.
    meaning: ClassOutputs,
}

impl Outputs {
    /// Runs the draft's network on the data and threads of `like`, in
    /// training mode too where `by_batch`.
    fn of(like: &Trainer, draft: &Draft, by_batch: bool) -> Result<Self, TrainerError> {
        let dataset = like.dataset();
        let mut engine = draft.engine(like)?;
        let mut images = dataset.indices(Split::Validation);
        images.truncate(IMAGES);
        let outputs =
            engine.evaluate(dataset.part(Split::Validation), &images, |evaluated| evaluated.outputs.to_vec())?.concat();
        let training = if by_batch {
            let (training, batch) = draft.next_batch(like)?;
            let images = Images::new(&training, &draft.definition, draft.rest.cursor, &batch);
            Some(engine.outputs_by_batch(&images)?)
        } else {
            None
        };
        Ok(Self { evaluation: outputs, training, meaning: engine.network().loss.outputs() })
    }

    /// How far these are from the outputs after the edit.
    fn change(&self, after: &Self) -> Preservation {
        Preservation {
            evaluation: largest_change(&self.evaluation, &after.evaluation),
            training: match (&self.training, &after.training) {
                (Some(before), Some(after)) => Some(largest_change(before, after)),
                _ => None,
            },
            outputs: after.meaning,
        }
    }
}

/// The largest change of an output.
fn largest_change(before: &[f32], after: &[f32]) -> f32 {
    before
        .iter()
        .zip(after)
        .map(|(before, after)| match (before - after).abs() {
            change if change.is_nan() => 1.0,
            change => change,
        })
        .fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_change_counts_and_not_a_number_is_the_largest_there_is() {
        assert_eq!(largest_change(&[0.5, 0.25, 0.25], &[0.5, 0.5, 0.0]), 0.25);
        assert_eq!(largest_change(&[0.5, 0.5], &[f32::NAN, 0.5]), 1.0);
        assert_eq!(largest_change(&[], &[]), 0.0);
    }
}
