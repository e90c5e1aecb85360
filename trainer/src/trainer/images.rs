//! What a branch trains on: the images of its data set, but for what edits changed of them.

use revacnn_schemas::{DataCursor, Epoch, ImageChanges, ImageIndex, ImageSet, RunDefinition};

use super::order::{Order, Visit};
use crate::TrainerError;
use crate::data::{Dataset, Part, Split};
use crate::define::check_batch_size;

/// The training images of a branch: their order, labels and weights.
#[derive(Debug, Clone)]
pub(crate) struct TrainingImages {
    pub(crate) order: Order,
    /// The training part of the data set, with the branch's labels.
    part: Part,
    /// By the image's number; none where all are 1.
    weights: Vec<f32>,
}

impl TrainingImages {
    /// Those of a definition, which may come from a file.
    ///
    /// # Errors
    /// Images, classes and weights that there cannot be, and fewer images than a batch.
    pub(crate) fn of(definition: &RunDefinition, dataset: &Dataset) -> Result<Self, TrainerError> {
        let changes = &definition.images;
        let images = dataset.train_indices();
        check(changes, &images, definition.classes)?;
        let mut part = dataset.train().clone();
        if !changes.labels.is_empty() {
            let mut labels = part.labels().to_vec();
            for labelled in &changes.labels {
                // A label is a byte, so a class below their number is one as well.
                labelled.images.iter().for_each(|image| labels[image.0 as usize] = labelled.class as u8);
            }
            part = part.relabelled(labels);
        }
        let mut weights = Vec::new();
        if !changes.weights.is_empty() {
            weights.resize(part.len() as usize, 1.0);
            for weighted in &changes.weights {
                weighted.images.iter().for_each(|image| weights[image.0 as usize] = weighted.weight);
            }
        }
        let order = Order::new(definition.seed, images, changes.dropped.clone());
        check_batch_size(definition.batch_size, order.epoch_images())?;
        Ok(Self { order, part, weights })
    }

    /// The training part, with the branch's labels.
    pub(crate) fn part(&self) -> &Part {
        &self.part
    }

    /// What an image's loss is multiplied by.
    pub(crate) fn weight(&self, image: ImageIndex) -> f32 {
        self.weights.get(image.0 as usize).copied().unwrap_or(1.0)
    }

    /// The images of the batch at a cursor.
    pub(crate) fn batch(&mut self, cursor: DataCursor, most: u32) -> Vec<Visit> {
        self.order.batch(cursor, most)
    }
}

/// Refuses changes of images that are not trained on, to classes that there are not, by weights that
/// are none, and of one image twice.
fn check(changes: &ImageChanges, images: &[ImageIndex], classes: usize) -> Result<(), TrainerError> {
    if changes.is_nothing() {
        return Ok(());
    }
    let refused = |name: &str, expected: &'static str, found: String| {
        Err(TrainerError::OutOfRange { name: name.to_owned(), expected, found })
    };
    if changes.of as usize != images.len() {
        let found = format!("{} of {}", changes.of, images.len());
        return refused("images changed", "among as many as the data set trains on", found);
    }
    let last = images.last().map_or(0, |last| last.0);
    let all: ImageSet = images.iter().copied().collect();
    let labels = || changes.labels.iter().map(|labelled| &labelled.images);
    let weights = || changes.weights.iter().map(|weighted| &weighted.images);
    // No set of billions is gone through.
    let changed = ImageSet::of_all([&changes.dropped].into_iter().chain(labels()).chain(weights()));
    if let Some(image) = changed.minus(&all).first() {
        return refused("images changed", "such as train", format!("image {image}, where {last} is the last"));
    }
    let are_twice = |sets: &[&ImageSet]| {
        let many: u64 = sets.iter().map(|set| set.len()).sum();
        ImageSet::of_all(sets.iter().copied()).len() != many
    };
    if are_twice(&labels().collect::<Vec<_>>()) || are_twice(&weights().collect::<Vec<_>>()) {
        return refused("images changed", "given one class and one weight each", "two of one image".to_owned());
    }
    if let Some(labelled) = changes.labels.iter().find(|labelled| labelled.class as usize >= classes.min(256)) {
        return refused("the class of an image", "one of the data set", format!("{} of {classes}", labelled.class));
    }
    let is_weight = |weight: f32| weight.is_finite() && weight >= 0.0;
    match changes.weights.iter().find(|weighted| !is_weight(weighted.weight)) {
        Some(weighted) => {
            refused("the weight of an image", "a finite number of at least 0", weighted.weight.to_string())
        }
        None => Ok(()),
    }
}

/// The class that an image of a part of the data set has on a branch.
///
/// # Errors
/// An image that there is not.
pub fn label_of(
    definition: &RunDefinition,
    dataset: &Dataset,
    split: Split,
    image: ImageIndex,
) -> Result<u32, TrainerError> {
    let own = u32::from(dataset.part(split).label(image)?);
    let given = definition.images.label(image).filter(|_| split != Split::Test);
    Ok(given.unwrap_or(own))
}

/// Where a fork that trains on other images than its parent stands in an epoch in which the parent
/// has seen the first `seen` images: how many of those are the fork's, and how many images an epoch
/// of the fork has. Both are equal where no image of the epoch is left to it.
pub fn seen_by_fork(
    parent: &RunDefinition,
    fork: &RunDefinition,
    dataset: &Dataset,
    epoch: Epoch,
    seen: u64,
) -> (u64, u64) {
    let images = dataset.train_indices();
    let own = Order::new(fork.seed, images.clone(), fork.images.dropped.clone());
    let before = Order::new(parent.seed, images, parent.images.dropped.clone());
    let seen = usize::try_from(seen).unwrap_or(usize::MAX);
    let mut those = before.visits(epoch);
    those.truncate(seen);
    those.retain(|visit| !fork.images.dropped.contains(visit.image));
    (those.len() as u64, own.epoch_images() as u64)
}
