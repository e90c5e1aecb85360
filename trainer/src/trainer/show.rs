//! What an observer is shown of a step.

use revacnn_schemas::{
    ImageIndex, NormalisationView, Observer, ParameterView, StepScalars, StepView, ValidationResult,
};

use super::Trainer;
use crate::TrainerError;
use crate::data::Split;

impl Trainer {
    /// Shows the step that the network is at to an observer, with what it
    /// asks for. Changes nothing that training depends on.
    ///
    /// Returns the full validation, where the observer asked for one.
    ///
    /// # Errors
    /// [`TrainerError::Observer`] where the observer fails;
    /// [`TrainerError::Data`] where a probe image is not in the data set.
    pub fn show(
        &mut self,
        probes: &[ImageIndex],
        observer: &mut dyn Observer,
    ) -> Result<Option<ValidationResult>, TrainerError> {
        self.show_validated(probes, observer, None)
    }

    /// [`show`](Self::show), where [`evaluate`](Self::evaluate) has been run
    /// on the validation images of this step already.
    ///
    /// # Errors
    /// As [`show`](Self::show).
    pub fn show_validated(
        &mut self,
        probes: &[ImageIndex],
        observer: &mut dyn Observer,
        validated: Option<ValidationResult>,
    ) -> Result<Option<ValidationResult>, TrainerError> {
        let wanted = observer.wanted(self.step, self.cursor);
        let probes = if wanted.probes { probes } else { &[] };
        self.engine.probe(self.images.part(), probes)?;
        let validation = match validated {
            _ if !wanted.validation => None,
            Some(result) => Some(result),
            None => Some(self.evaluate(Split::Validation)?),
        };
        let digest = self.digest();
        let state = (wanted.keyframe || wanted.state_digest).then(|| self.state());
        let state_digest = state.as_ref().map(|state| state.state_digest(digest));
        let outcome = self.outcome.as_ref();
        let parameters: Vec<ParameterView<'_>> = self
            .parameters()
            .iter()
            .zip(self.gradients())
            .map(|(state, (weights, biases))| ParameterView {
                weights: &state.weights,
                biases: &state.biases,
                gradients: (outcome.is_some() && state.frozen.contains(&false)).then_some((&weights[..], &biases[..])),
                frozen: &state.frozen,
            })
            .collect();
        let normalisation: Vec<NormalisationView<'_>> = self
            .parameters()
            .iter()
            .filter_map(|state| state.running.as_ref())
            .map(|[mean, variance]| NormalisationView { mean, variance })
            .collect();
        let blocks = self.engine.probed(probes.len());
        let scalars = StepScalars {
            step: self.step,
            cursor: self.cursor,
            batch_images: outcome.map_or(0, |outcome| outcome.images),
            loss: outcome.map(|outcome| outcome.loss),
            decay_loss: outcome.map(|outcome| outcome.decay_loss),
            batch_accuracy: outcome.and_then(|outcome| Some(outcome.correct? as f32 / outcome.images as f32)),
            live_accuracy: self.live_accuracy(),
            hyper_parameters: self.hyper_parameters(),
            digest,
            state_digest,
            elapsed_nanos: outcome.map_or(0, |outcome| outcome.elapsed_nanos),
            wall_time_micros: 0,
        };
        let view = StepView {
            scalars: &scalars,
            parameters: &parameters,
            normalisation: &normalisation,
            probes,
            blocks: &blocks,
            samples: &self.samples,
            validation: validation.as_ref(),
            keyframe: state.as_ref().filter(|_| wanted.keyframe),
        };
        observer.observe(&view).map_err(TrainerError::Observer)?;
        Ok(validation)
    }
}
