//! Loss and accuracy over a split.

use revacnn_schemas::{ImageIndex, ValidationResult};

use crate::data::{Part, Split, decode};
use crate::layers::ImageContext;
use crate::workspace::{Outcome, Shared, Workspace};
use crate::{Trainer, TrainerError};

/// What an evaluation pass is keyed by: no random draw, no backward pass.
pub(crate) const EVALUATION: ImageContext = ImageContext { training: false, keep: false, seed: 0, epoch: 0, offset: 0 };

impl Trainer {
    /// Evaluates the network, as it is, on every image of a split: no
    /// augmentation, dropout off, running statistics read only.
    ///
    /// # Determinism
    /// Losses are added up in `f64` in the order of the images.
    ///
    /// # Errors
    /// An image that cannot be read.
    pub fn evaluate(&self, split: Split) -> Result<ValidationResult, TrainerError> {
        self.evaluate_images(split, &self.dataset.indices(split))
    }

    /// [`evaluate`](Self::evaluate) on these images alone, of the part of the data
    /// set that the split is taken from, in their order.
    ///
    /// # Errors
    /// An image that there is not, or that cannot be read.
    pub fn evaluate_images(&self, split: Split, images: &[ImageIndex]) -> Result<ValidationResult, TrainerError> {
        let part = self.dataset.part(split);
        let mut portions: Vec<Portion<'_>> =
            images.chunks(images.len().div_ceil(16).max(1)).map(Portion::new).collect();
        let shared = self.shared();
        self.threads.for_each_in_turn(&mut portions, |_, portion| {
            portion.failure = portion.run(shared, part).err();
        });
        let classes = self.network.classes;
        let mut loss = 0.0_f64;
        let mut result = ValidationResult { loss: 0.0, correct: 0, images: 0, confusion: vec![0; classes * classes] };
        for portion in portions {
            if let Some(error) = portion.failure {
                return Err(error);
            }
            for (label, outcome) in portion.outcomes {
                loss += f64::from(outcome.loss);
                result.correct += u32::from(outcome.correct);
                result.images += 1;
                result.confusion[label * classes + outcome.predicted] += 1;
            }
        }
        result.loss = (loss / f64::from(result.images.max(1))) as f32;
        Ok(result)
    }

    pub(crate) fn shared(&self) -> Shared<'_> {
        Shared { network: &self.network, parameters: &self.parameters, packed: &self.packed, batch: &self.batch }
    }
}

struct Portion<'a> {
    images: &'a [ImageIndex],
    outcomes: Vec<(usize, Outcome)>,
    failure: Option<TrainerError>,
}

impl<'a> Portion<'a> {
    fn new(images: &'a [ImageIndex]) -> Self {
        Self { images, outcomes: Vec::with_capacity(images.len()), failure: None }
    }

    fn run(&mut self, shared: Shared<'_>, part: &Part) -> Result<(), TrainerError> {
        let mut workspace = Workspace::new(shared.network, false);
        for &image in self.images {
            decode(part.image(image)?, &mut workspace.maps[0]);
            let label = usize::from(part.label(image)?);
            workspace.forward(shared, EVALUATION, 0..shared.network.operations.len());
            workspace.score(label, None);
            self.outcomes.push((label, workspace.outcome));
        }
        Ok(())
    }
}
