//! What one recorded step holds, borrowed from the engine that computed it.

use crate::{DataCursor, ImageIndex, Step, StepScalars, TrainingState};

/// Weights and gradients of one layer.
#[derive(Debug, Clone, Copy)]
pub struct ParameterView<'a> {
    /// Coefficients at this step, `[filter][coefficient]`.
    pub weights: &'a [f32],
    /// Biases at this step, `[filter]`.
    pub biases: &'a [f32],
    /// Mean over the batch of the data loss's gradient at the weights of the
    /// step before, with the shapes of `weights` and `biases`; `None` at step
    /// 0, at a fork step, and where all of the layer is frozen.
    pub gradients: Option<(&'a [f32], &'a [f32])>,
    /// Filters that do not train, `[filter]`; their gradients are null.
    pub frozen: &'a [bool],
}

/// Running statistics of one normalising layer at this step, `[channel]`.
#[derive(Debug, Clone, Copy)]
pub struct NormalisationView<'a> {
    /// Running mean.
    pub mean: &'a [f32],
    /// Running variance.
    pub variance: &'a [f32],
}

/// One block's output for one probe image at the weights of this step.
#[derive(Debug, Clone, Copy)]
pub struct BlockView<'a> {
    /// Activation maps, `[filter][row][column]`; what the last layer says
    /// ([`ClassOutputs`](crate::ClassOutputs)) for the last block.
    pub activations: &'a [f32],
    /// Gradient of the image's own data loss with respect to them; with
    /// respect to what the class layer computed (logits, scores, values) for
    /// the last block.
    pub gradients: &'a [f32],
}

/// What came of one image of a batch, before the update.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The image, as it was varied there.
    pub image: ImageIndex,
    /// Its class.
    pub label: u32,
    /// The class that was predicted; `None` of a network that gives back the image
    /// ([`ClassOutputs::Image`](crate::ClassOutputs::Image)).
    pub predicted: Option<u32>,
    /// What the class layer said of that class: its probability, or a score or a value
    /// ([`ClassOutputs`](crate::ClassOutputs)).
    pub output: Option<f32>,
    /// The image's data loss.
    pub loss: f32,
}

/// What a network says of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The image.
    pub image: ImageIndex,
    /// Its class.
    pub label: u32,
    /// Its data loss.
    pub loss: f32,
    /// The classes with the largest outputs and these, the largest first.
    pub classes: Vec<(u32, f32)>,
}

impl Prediction {
    /// The class that is predicted; none where the network has diverged, and its outputs are no numbers.
    pub fn predicted(&self) -> Option<u32> {
        self.classes.first().filter(|(_, output)| output.is_finite()).map(|(class, _)| *class)
    }

    /// Whether its class is the one that is predicted.
    pub fn is_right(&self) -> bool {
        self.predicted() == Some(self.label)
    }
}

/// What a network whose target is the image makes of one.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconstruction {
    /// The image.
    pub image: ImageIndex,
    /// Its class.
    pub label: u32,
    /// Its data loss.
    pub loss: f32,
    /// What the network gives, in the units of what it reads, `[channel][row][column]`.
    pub values: Vec<f32>,
}

/// Outcome of a full evaluation on a split.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidationResult {
    /// Mean data loss per image.
    pub loss: f32,
    /// Images predicted right; `None` where the network predicts no class.
    pub correct: Option<u32>,
    /// Images evaluated.
    pub images: u32,
    /// Count of images, `[actual class][predicted class]`; `None` where no class is predicted.
    pub confusion: Option<Vec<u32>>,
}

impl ValidationResult {
    /// Share of images predicted right, in 0..=1; `None` where no class is predicted.
    pub fn accuracy(&self) -> Option<f32> {
        self.correct.map(|correct| correct as f32 / self.images.max(1) as f32)
    }
}

/// Everything that is recorded of one step, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct StepView<'a> {
    /// Its scalars; the digest of the whole state where
    /// [`Wanted::state_digest`] asked for it.
    pub scalars: &'a StepScalars,
    /// Layers with weights, in the order of the topology.
    pub parameters: &'a [ParameterView<'a>],
    /// Normalising layers, in the order of the topology.
    pub normalisation: &'a [NormalisationView<'a>],
    /// The probe images: the outer order of `blocks`.
    pub probes: &'a [ImageIndex],
    /// Block outputs, `[probe][block]` flattened, blocks in the order of the
    /// topology.
    pub blocks: &'a [BlockView<'a>],
    /// The images of the batch, in its order; none where no update led to the step.
    pub samples: &'a [Sample],
    /// Full validation, at steps that have one.
    pub validation: Option<&'a ValidationResult>,
    /// The whole state, where [`Wanted::keyframe`] asked for it.
    pub keyframe: Option<&'a TrainingState>,
}

/// What an observer needs of a step beyond the training itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// The probe pass: [`StepView::blocks`] is empty without it.
    pub probes: bool,
    /// The whole state, with its digest.
    pub keyframe: bool,
    /// The digest of the whole state alone.
    pub state_digest: bool,
    /// Full validation.
    pub validation: bool,
}

/// An observer's failure, such as a full disk; training stops at it.
pub type ObserverError = Box<dyn std::error::Error + Send + Sync + 'static>;

/// Who is shown each step as it is computed.
pub trait Observer {
    /// What is needed of this step. A pure function of the step and of where
    /// it stands in the data, so that stopping and resuming changes no row.
    fn wanted(&self, step: Step, cursor: DataCursor) -> Wanted;

    /// Shows a step.
    ///
    /// # Errors
    /// Whatever keeps the observer from going on.
    fn observe(&mut self, view: &StepView<'_>) -> Result<(), ObserverError>;
}
