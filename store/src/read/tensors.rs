//! One step's tensors as plain arrays: what a seek or a recomputation gives.

use revacnn_schemas::{ImageIndex, LayerName, Step, StepView, Topology, canonical_bits};

/// All tensors of one step, in the order of the topology.
#[derive(Debug, Clone, PartialEq)]
pub struct StepTensors {
    /// The step.
    pub step: Step,
    /// Layers with weights.
    pub parameters: Vec<LayerTensors>,
    /// Normalising layers.
    pub normalisation: Vec<RunningStatistics>,
    /// The probe images: the outer order of `blocks`.
    pub probes: Vec<ImageIndex>,
    /// Block outputs, `[probe][block]` flattened.
    pub blocks: Vec<BlockTensors>,
}

/// Weights and gradients of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerTensors {
    /// The layer.
    pub layer: LayerName,
    /// Coefficients, `[filter][coefficient]`.
    pub weights: Vec<f32>,
    /// Biases, `[filter]`.
    pub biases: Vec<f32>,
    /// Gradients; `None` where every filter's is null.
    pub gradients: Option<LayerGradients>,
}

/// Gradients of one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerGradients {
    /// Of the coefficients, `[filter][coefficient]`; zeros where null.
    pub weights: Vec<f32>,
    /// Of the biases, `[filter]`; zeros where null.
    pub biases: Vec<f32>,
    /// Filters whose gradient is null because they do not train, `[filter]`.
    pub frozen: Vec<bool>,
}

/// Running statistics of one normalising layer, `[channel]`.
#[derive(Debug, Clone, PartialEq)]
pub struct RunningStatistics {
    /// The layer.
    pub layer: LayerName,
    /// Running mean.
    pub mean: Vec<f32>,
    /// Running variance.
    pub variance: Vec<f32>,
}

/// A block's output for one probe image.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockTensors {
    /// The layer that opens the block.
    pub layer: LayerName,
    /// Activation maps, `[filter][row][column]`.
    pub activations: Vec<f32>,
    /// Gradient of the image's data loss with respect to them.
    pub gradients: Vec<f32>,
}

impl LayerGradients {
    /// Gradients with zeros where filters are frozen; `None` if all are.
    pub(crate) fn masked(mut weights: Vec<f32>, mut biases: Vec<f32>, frozen: Vec<bool>) -> Option<Self> {
        if frozen.iter().all(|&frozen| frozen) {
            return None;
        }
        let coefficients = weights.len() / biases.len().max(1);
        for (filter, _) in frozen.iter().enumerate().filter(|(_, frozen)| **frozen) {
            weights[filter * coefficients..][..coefficients].fill(0.0);
            biases[filter] = 0.0;
        }
        Some(Self { weights, biases, frozen })
    }
}

impl StepTensors {
    /// The tensors of a step that the engine shows: what a seek to it will
    /// give once it is recorded, but for the payload of not-a-numbers.
    pub fn from_view(view: &StepView<'_>, topology: &Topology) -> Self {
        let parameters = topology
            .parameter_layers()
            .zip(view.parameters)
            .map(|(layer, view)| LayerTensors {
                layer: layer.layer.clone(),
                weights: view.weights.to_vec(),
                biases: view.biases.to_vec(),
                gradients: view.gradients.and_then(|(weights, biases)| {
                    LayerGradients::masked(weights.to_vec(), biases.to_vec(), view.frozen.to_vec())
                }),
            })
            .collect();
        let normalisation = topology
            .normalising_layers()
            .zip(view.normalisation)
            .map(|(layer, view)| RunningStatistics {
                layer: layer.layer.clone(),
                mean: view.mean.to_vec(),
                variance: view.variance.to_vec(),
            })
            .collect();
        let layers: Vec<_> = topology.blocks().map(|layer| layer.layer.clone()).collect();
        let blocks = layers
            .iter()
            .cycle()
            .zip(view.blocks)
            .map(|(layer, view)| BlockTensors {
                layer: layer.clone(),
                activations: view.activations.to_vec(),
                gradients: view.gradients.to_vec(),
            })
            .collect();
        Self { step: view.step, parameters, normalisation, probes: view.probes.to_vec(), blocks }
    }

    /// The first array in which another step's tensors differ, bit by bit but
    /// for the payload of not-a-numbers: its table and layer.
    pub fn first_difference(&self, other: &Self) -> Option<String> {
        let same = |ours: &[f32], theirs: &[f32]| {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| canonical_bits(*a) == canonical_bits(*b))
        };
        for (ours, theirs) in self.parameters.iter().zip(&other.parameters) {
            if !same(&ours.weights, &theirs.weights) || !same(&ours.biases, &theirs.biases) {
                return Some(format!("weights of {}", ours.layer));
            }
            let equal = match (&ours.gradients, &theirs.gradients) {
                (None, None) => true,
                (Some(ours), Some(theirs)) => {
                    same(&ours.weights, &theirs.weights)
                        && same(&ours.biases, &theirs.biases)
                        && ours.frozen == theirs.frozen
                }
                _ => false,
            };
            if !equal {
                return Some(format!("gradients of {}", ours.layer));
            }
        }
        for (ours, theirs) in self.normalisation.iter().zip(&other.normalisation) {
            if !same(&ours.mean, &theirs.mean) || !same(&ours.variance, &theirs.variance) {
                return Some(format!("normalisation of {}", ours.layer));
            }
        }
        for (place, (ours, theirs)) in self.blocks.iter().zip(&other.blocks).enumerate() {
            let image = || self.probes.get(place * self.probes.len() / self.blocks.len());
            let image = || image().map_or_else(String::new, |image| format!(" for image {image}"));
            if !same(&ours.activations, &theirs.activations) {
                return Some(format!("activations of {}{}", ours.layer, image()));
            }
            if !same(&ours.gradients, &theirs.gradients) {
                return Some(format!("activation gradients of {}{}", ours.layer, image()));
            }
        }
        let lengths = |tensors: &Self| {
            (tensors.parameters.len(), tensors.normalisation.len(), tensors.probes.clone(), tensors.blocks.len())
        };
        (lengths(self) != lengths(other)).then(|| "the lists of layers or probe images".to_owned())
    }

    /// Weights and gradients of a layer.
    pub fn layer(&self, layer: &LayerName) -> Option<&LayerTensors> {
        self.parameters.iter().find(|tensors| tensors.layer == *layer)
    }

    /// The outputs of the block that a layer opens, a probe image each.
    pub fn block(&self, layer: &LayerName) -> impl Iterator<Item = &BlockTensors> {
        self.blocks.iter().filter(move |block| block.layer == *layer)
    }
}

/// The tensors of one filter at one step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FilterTensors {
    /// Coefficients and bias, for layers with weights.
    pub weights: Option<(Vec<f32>, f32)>,
    /// Gradients of coefficients and bias; `None` where null.
    pub gradients: Option<(Vec<f32>, f32)>,
    /// Activation maps, `[probe]`, for layers that open a block.
    pub activations: Vec<Vec<f32>>,
    /// Gradients of the activation maps, `[probe]`.
    pub activation_gradients: Vec<Vec<f32>>,
}
