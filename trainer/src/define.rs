//! From what a person asks for to a definition with every value in it.

use revacnn_schemas::{
    AugmentationSpec, ImageChanges, NetworkSpec, OptimizerSpec, RunDefinition, Schedule, ScheduleSpec, Step,
};

use crate::data::{Dataset, VALIDATION_EVERY, check_augmentation};
use crate::{TrainerError, network, optimizers};

/// Epochs of a new run that says neither steps nor epochs.
pub const DEFAULT_EPOCHS: u64 = 3;

/// What a person may choose besides network and data.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The optimizer; what its spec leaves out gets its default.
    pub optimizer: OptimizerSpec,
    /// Images of a full batch.
    pub batch_size: u32,
    /// The seed of all randomness.
    pub seed: u64,
    /// How training images are varied; the data set's own way if `None`.
    pub augmentation: Option<AugmentationSpec>,
    /// How the learning rate changes.
    pub schedule: Schedule,
}

impl Default for Settings {
    /// Adam with its own defaults, batches of 8, seed 0: on the paper's network
    /// it learns `shapes` in seconds and goes on learning CIFAR-10, which
    /// Adadelta does with one epsilon or the other, but not with one for both.
    fn default() -> Self {
        Self {
            optimizer: OptimizerSpec::new(optimizers::DEFAULT),
            batch_size: 8,
            seed: 0,
            augmentation: None,
            schedule: Schedule::Constant,
        }
    }
}

/// Resolves a network and settings against a data set.
///
/// # Errors
/// What the network or the optimizer refuses, by name; a batch size out of
/// 1 to 65,536; a batch of more images than there are to train on; a way to vary
/// images that is out of its range.
pub fn define(network: NetworkSpec, dataset: &Dataset, settings: &Settings) -> Result<RunDefinition, TrainerError> {
    let (network, _) = network::resolve(&network, dataset.shape(), dataset.class_names().len())?;
    let optimizer = optimizers::build(&settings.optimizer)?.resolved;
    check_batch_size(settings.batch_size, dataset.train_indices().len())?;
    let augmentation = settings.augmentation.unwrap_or_else(|| dataset.augmentation());
    check_augmentation(augmentation, dataset.shape())?;
    Ok(RunDefinition {
        network,
        input: dataset.shape(),
        classes: dataset.class_names().len(),
        dataset: dataset.identity().clone(),
        reading: dataset.reading().cloned(),
        holdout_every: VALIDATION_EVERY,
        augmentation,
        optimizer,
        schedule: (settings.schedule != Schedule::Constant)
            .then(|| ScheduleSpec { curve: settings.schedule.clone(), from: Step(0) }),
        batch_size: settings.batch_size,
        seed: settings.seed,
        init: None,
        images: ImageChanges::default(),
    })
}

/// Checks that a definition, which may come from a file, fits the data that
/// it names: the network's size, the classes and the split follow from them.
pub(crate) fn check(definition: &RunDefinition, dataset: &Dataset) -> Result<(), TrainerError> {
    let unequal = |name: &str, expected: &'static str, found: String| {
        Err(TrainerError::OutOfRange { name: name.to_owned(), expected, found })
    };
    if definition.input != dataset.shape() {
        let found = format!("{}, where images are {}", definition.input, dataset.shape());
        return unequal("input", "the shape of the data set's images", found);
    }
    let classes = dataset.class_names().len();
    if definition.classes != classes {
        return unequal("classes", "those of the data set", format!("{} of {classes}", definition.classes));
    }
    if definition.holdout_every != VALIDATION_EVERY {
        return unequal("holdout", "10, the only split there is", definition.holdout_every.to_string());
    }
    check_augmentation(definition.augmentation, definition.input)
}

pub(crate) fn check_batch_size(batch_size: u32, train_images: usize) -> Result<(), TrainerError> {
    if (1..=65_536).contains(&batch_size) && batch_size as usize <= train_images {
        return Ok(());
    }
    Err(TrainerError::OutOfRange {
        name: "batch-size".to_owned(),
        expected: "1 to 65536 and at most the number of training images",
        found: format!("{batch_size} of {train_images} training images"),
    })
}
