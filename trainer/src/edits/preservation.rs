//! How far an edit changed what the network computes.

use revacnn_schemas::ImageIndex;

use super::Preservation;
use super::draft::Draft;
use crate::data::{Split, decode};
use crate::evaluate::EVALUATION;
use crate::layers::ImageContext;
use crate::trainer::Loader;
use crate::workspace::Workspace;
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

/// Class probabilities of a network on images that only depend on the data
/// and on where training stands.
#[derive(Debug)]
struct Outputs {
    evaluation: Vec<f32>,
    /// Of the next batch.
    training: Option<Vec<f32>>,
}

impl Outputs {
    /// Runs the draft's network on the data and threads of `like`, in
    /// training mode too where `by_batch`.
    fn of(like: &Trainer, draft: &Draft, by_batch: bool) -> Result<Self, TrainerError> {
        // Passes below run on the threads of `like`.
        let mut trainer = draft.trainer(like, 1)?;
        let evaluation = evaluation(like, &trainer)?;
        let training = if by_batch { Some(training(like, &mut trainer)?) } else { None };
        Ok(Self { evaluation, training })
    }

    /// How far these are from the outputs after the edit.
    fn change(&self, after: &Self) -> Preservation {
        Preservation {
            evaluation: largest_change(&self.evaluation, &after.evaluation),
            training: match (&self.training, &after.training) {
                (Some(before), Some(after)) => Some(largest_change(before, after)),
                _ => None,
            },
        }
    }
}

/// The largest change of a probability.
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

/// Probabilities of the first validation images, `[image][class]`.
fn evaluation(like: &Trainer, trainer: &Trainer) -> Result<Vec<f32>, TrainerError> {
    let mut images = trainer.dataset().indices(Split::Validation);
    images.truncate(IMAGES);
    let part = trainer.dataset.part(Split::Validation);
    let shared = trainer.shared();
    type Portion<'a> = (&'a [ImageIndex], Vec<f32>, Result<(), TrainerError>);
    let share = images.len().div_ceil(16).max(1);
    let mut portions: Vec<Portion<'_>> = images.chunks(share).map(|images| (images, Vec::new(), Ok(()))).collect();
    like.threads.for_each(&mut portions, |_, (images, probabilities, result)| {
        let mut workspace = Workspace::new(shared.network, false);
        for &image in *images {
            match part.image(image) {
                Ok(pixels) => decode(pixels, &mut workspace.maps[0]),
                Err(error) => {
                    *result = Err(error.into());
                    return;
                }
            }
            workspace.forward(shared, EVALUATION, 0..shared.network.operations.len());
            workspace.score(0, None);
            probabilities.extend_from_slice(&workspace.probabilities);
        }
    });
    let mut all = Vec::new();
    for (_, probabilities, result) in portions {
        result?;
        all.extend(probabilities);
    }
    Ok(all)
}

/// Probabilities of the next batch with its own statistics and dropout off,
/// `[image][class]`.
fn training(like: &Trainer, trainer: &mut Trainer) -> Result<Vec<f32>, TrainerError> {
    let images = trainer.next_batch();
    let loader = Loader::new(&trainer.dataset, &trainer.definition, trainer.cursor, &images);
    let mut decoded = vec![0.0; trainer.network.input.len()];
    let mut workspaces = Vec::with_capacity(images.len());
    for index in 0..images.len() {
        let mut workspace = Workspace::new(&trainer.network, false);
        loader.load(index, &mut decoded, &mut workspace.maps[0])?;
        workspaces.push(workspace);
    }
    // Only what normalises by batch is in training mode.
    for index in 0..trainer.network.operations.len() {
        let synchronises = !trainer.batch[index].is_empty();
        if synchronises {
            let inputs: Vec<&[f32]> = workspaces.iter().map(|workspace| &workspace.maps[index][..]).collect();
            trainer.network.operations[index].operation.batch_statistics(&inputs, &mut trainer.batch[index]);
        }
        let shared = trainer.shared();
        let context = ImageContext { training: synchronises, ..EVALUATION };
        like.threads.for_each(&mut workspaces, |_, workspace| workspace.forward(shared, context, index..index + 1));
    }
    let mut all = Vec::new();
    for workspace in &mut workspaces {
        workspace.score(0, None);
        all.extend_from_slice(&workspace.probabilities);
    }
    Ok(all)
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
