//! From what a person asks for to a definition with every value in it.

use revacnn_schemas::{AugmentationSpec, NetworkSpec, OptimizerSpec, RunDefinition, Schedule, ScheduleSpec, Step};

use crate::data::{Dataset, VALIDATION_EVERY};
use crate::{TrainerError, network, optimizers};

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
    /// Adadelta as in the ConvNetJS CIFAR-10 demo, batches of 4, seed 0.
    fn default() -> Self {
        Self {
            optimizer: OptimizerSpec::new("adadelta"),
            batch_size: 4,
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
/// 1 to 65,536; more images a batch than there are to train on.
pub fn define(network: NetworkSpec, dataset: &Dataset, settings: &Settings) -> Result<RunDefinition, TrainerError> {
    let (network, _) = network::resolve(&network, dataset.shape(), dataset.class_names().len())?;
    let (optimizer, _) = optimizers::build(&settings.optimizer)?;
    let images = dataset.train_indices().len();
    if !(1..=65_536).contains(&settings.batch_size) || settings.batch_size as usize > images {
        return Err(TrainerError::OutOfRange {
            name: "batch-size".to_owned(),
            expected: "1 to 65536 and at most the number of training images",
            found: format!("{} of {images} training images", settings.batch_size),
        });
    }
    Ok(RunDefinition {
        network,
        input: dataset.shape(),
        classes: dataset.class_names().len(),
        dataset: dataset.identity().clone(),
        holdout_every: VALIDATION_EVERY,
        augmentation: settings.augmentation.unwrap_or_else(|| dataset.augmentation()),
        optimizer,
        schedule: (settings.schedule != Schedule::Constant)
            .then_some(ScheduleSpec { curve: settings.schedule, from: Step(0) }),
        batch_size: settings.batch_size,
        seed: settings.seed,
    })
}
