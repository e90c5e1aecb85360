//! What would come of a fork, without making one.

use revacnn_schemas::{Edit, ImageIndex, RunDefinition, Step, Topology, ValidationResult};
use revacnn_store::{Lineage, Store};
use revacnn_trainer::data::Split;
use revacnn_trainer::{Edited, Effect, Trainer};

use crate::fork::{check_edited, check_state};
use crate::replay::check_producer;
use crate::{RecorderError, Replay, Resources, find_data};

/// The images on which a preview compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewImages<'a> {
    /// All of a split, such as those held out for validation.
    Split(Split),
    /// Some training images.
    Training(&'a [ImageIndex]),
}

/// What would come of a fork with edits, before its first step.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Loss and accuracy as the branch is.
    pub before: ValidationResult,
    /// Loss and accuracy with the edits made.
    pub after: ValidationResult,
    /// What each edit would do, and how far it would keep the outputs.
    pub effects: Vec<Effect>,
    /// What the fork would train.
    pub definition: RunDefinition,
    /// Its layers and filters.
    pub topology: Topology,
}

/// Tells what would come of a fork at a step, its own or inherited: the state there
/// is computed as for the [`fork`](crate::fork()), the edits are made, and both are
/// evaluated. Nothing is recorded.
///
/// # Errors
/// What would refuse the fork, and an image that there is not.
///
/// # Determinism
/// Equal to what the fork would record, bit by bit.
pub fn preview(
    store: &Store,
    lineage: Lineage,
    step: Step,
    edits: &[Edit],
    images: PreviewImages<'_>,
    resources: &Resources,
) -> Result<Preview, RecorderError> {
    let reader = lineage.into_holder(step)?;
    let record = reader.branch().clone();
    let parent = check_producer(&record, "fork it")?;
    let dataset = find_data(store, &record, resources.data_folder.as_deref())?;
    let mut replay = Replay::new(reader).with_data(dataset.clone(), resources.threads);
    let trainer = replay.trainer_at(step)?;
    let before = evaluate(trainer, images)?;
    let Edited { definition, topology, state, effects, .. } = trainer.edited(edits)?;
    check_edited(parent, &definition)?;
    check_state(trainer, &state, &record)?;
    let mut child = Trainer::of_branch(&definition, &topology, dataset, resources.threads)?;
    child.restore(&state)?;
    let after = evaluate(&child, images)?;
    Ok(Preview { before, after, effects, definition, topology })
}

fn evaluate(trainer: &Trainer, images: PreviewImages<'_>) -> Result<ValidationResult, RecorderError> {
    Ok(match images {
        PreviewImages::Split(split) => trainer.evaluate(split)?,
        PreviewImages::Training(images) => trainer.evaluate_images(Split::Train, images)?,
    })
}
