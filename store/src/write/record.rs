//! A step copied out of the engine's hands: owned, checked, reused.

use revacnn_schemas::{
    BranchRecord, Fidelity, HyperParameters, Sample, StepScalars, StepView, TrainingState, ValidationResult,
    canonical_bits,
};

use crate::StoreError;
use crate::shape::BranchShape;

/// Steps of one row group in tables with constant rows a step: few enough for
/// a quick `WHERE step = …`, and free of cost in size.
pub(crate) const ROW_GROUP_STEPS: usize = 16;

/// Records on their way to be used again.
pub(crate) type Records = Vec<Box<StepRecord>>;

/// One step, owned. Buffers keep their capacity from step to step.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepRecord {
    pub(crate) scalars: StepScalars,
    /// All layers after one another, as in the table `weights`.
    pub(crate) weights: Vec<f32>,
    pub(crate) biases: Vec<f32>,
    /// With the places of the weights; what is null holds zeros.
    pub(crate) gradients: Vec<f32>,
    pub(crate) bias_gradients: Vec<f32>,
    /// Whether a filter's gradient is null, a filter.
    pub(crate) null_gradients: Vec<bool>,
    pub(crate) activations: Vec<f32>,
    pub(crate) activation_gradients: Vec<f32>,
    pub(crate) running_mean: Vec<f32>,
    pub(crate) running_variance: Vec<f32>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) validation: Option<ValidationResult>,
    pub(crate) keyframe: Option<TrainingState>,
}

/// Appends values, every not-a-number in its canonical form.
fn extend(target: &mut Vec<f32>, values: &[f32]) {
    target.extend(values.iter().map(|&value| f32::from_bits(canonical_bits(value))));
}

impl StepRecord {
    /// Copies a step in, checking every array's length first.
    pub(crate) fn fill(
        &mut self,
        branch: &BranchRecord,
        shape: &BranchShape,
        view: &StepView<'_>,
        wall_time_micros: i64,
    ) -> Result<(), StoreError> {
        check(branch, shape, view)?;
        self.scalars.clone_from(view.scalars);
        self.scalars.wall_time_micros = wall_time_micros;
        self.validation = view.validation.cloned();
        self.keyframe = view.keyframe.cloned();
        self.samples.clear();
        self.samples.extend_from_slice(view.samples);
        for buffer in [
            &mut self.weights,
            &mut self.biases,
            &mut self.gradients,
            &mut self.bias_gradients,
            &mut self.activations,
            &mut self.activation_gradients,
            &mut self.running_mean,
            &mut self.running_variance,
        ] {
            buffer.clear();
        }
        self.null_gradients.clear();
        for layer in view.parameters {
            extend(&mut self.weights, layer.weights);
            extend(&mut self.biases, layer.biases);
            match layer.gradients {
                None => {
                    self.gradients.resize(self.weights.len(), 0.0);
                    self.bias_gradients.resize(self.biases.len(), 0.0);
                    self.null_gradients.resize(self.biases.len(), true);
                }
                Some((weights, biases)) => {
                    extend(&mut self.gradients, weights);
                    extend(&mut self.bias_gradients, biases);
                    self.null_gradients.extend_from_slice(layer.frozen);
                }
            }
        }
        let every = branch.recording.fidelity == Fidelity::Every;
        for block in view.blocks {
            extend(&mut self.activations, block.activations);
            if every {
                extend(&mut self.activation_gradients, block.gradients);
            }
        }
        for layer in view.normalisation {
            extend(&mut self.running_mean, layer.mean);
            extend(&mut self.running_variance, layer.variance);
        }
        Ok(())
    }

    /// Memory that the step occupies, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let keyframe = self.keyframe.as_ref().map_or(0, |state| {
            state
                .parameters
                .iter()
                .map(|layer| {
                    layer.weights.len() * (1 + layer.weight_slots.len())
                        + layer.biases.len() * (1 + layer.bias_slots.len())
                })
                .sum::<usize>()
        });
        4 * (self.weights.len()
            + self.biases.len()
            + self.gradients.len()
            + self.bias_gradients.len()
            + self.activations.len()
            + self.activation_gradients.len()
            + 2 * self.running_mean.len()
            + keyframe)
            + self.samples.len() * std::mem::size_of::<Sample>()
            + std::mem::size_of::<Self>()
    }
}

fn check(branch: &BranchRecord, shape: &BranchShape, view: &StepView<'_>) -> Result<(), StoreError> {
    let step = view.scalars.step;
    let same = |what: &dyn Fn() -> String, expected: usize, found: usize| {
        if expected == found {
            Ok(())
        } else {
            Err(StoreError::Shape { branch: branch.name.clone(), step, what: what(), expected, found })
        }
    };
    let count = |what: &str, expected, found| same(&|| format!("the list of {what}"), expected, found);
    let others = view.scalars.hyper_parameters.others().map_or(0, |text| text.len());
    if others > HyperParameters::LONGEST {
        return Err(StoreError::Shape {
            branch: branch.name.clone(),
            step,
            what: "the names and values of hyper-parameters".to_owned(),
            expected: HyperParameters::LONGEST,
            found: others,
        });
    }
    count("layers with weights", shape.parameters.layers.len(), view.parameters.len())?;
    for (rows, layer) in shape.parameters.layers.iter().zip(view.parameters) {
        let of = |what: &str, expected, found| same(&|| format!("{what} of layer {}", rows.layer), expected, found);
        let (filters, values) = (rows.filters(), rows.filters() * rows.values);
        of("weights", values, layer.weights.len())?;
        of("biases", filters, layer.biases.len())?;
        of("frozen filters", filters, layer.frozen.len())?;
        if let Some((weights, biases)) = layer.gradients {
            of("weight gradients", values, weights.len())?;
            of("bias gradients", filters, biases.len())?;
        }
    }
    count("normalising layers", shape.normalisation.layers.len(), view.normalisation.len())?;
    for (rows, layer) in shape.normalisation.layers.iter().zip(view.normalisation) {
        let what = || format!("running statistics of layer {}", rows.layer);
        same(&what, rows.filters(), layer.mean.len())?;
        same(&what, rows.filters(), layer.variance.len())?;
    }
    let probes = &branch.recording.probes;
    count("probe images", probes.len(), view.probes.len())?;
    if let Some((ours, theirs)) = probes.iter().zip(view.probes).find(|(ours, theirs)| ours != theirs) {
        return Err(StoreError::Shape {
            branch: branch.name.clone(),
            step,
            what: "the next probe image".to_owned(),
            expected: ours.0 as usize,
            found: theirs.0 as usize,
        });
    }
    let layers = &shape.blocks.layers;
    count("block outputs", probes.len() * layers.len(), view.blocks.len())?;
    for (rows, block) in layers.iter().cycle().zip(view.blocks) {
        let values = rows.filters() * rows.values;
        let maps = || format!("activation maps of layer {}", rows.layer);
        same(&maps, values, block.activations.len())?;
        let gradients = || format!("activation gradients of layer {}", rows.layer);
        same(&gradients, values, block.gradients.len())?;
    }
    // Another program may not know what came of each image.
    if !view.samples.is_empty() {
        count("the batch's images", view.scalars.batch_images as usize, view.samples.len())?;
    }
    if let Some(state) = view.keyframe {
        count("keyframe's layers", shape.parameters.layers.len(), state.parameters.len())?;
    }
    Ok(())
}
