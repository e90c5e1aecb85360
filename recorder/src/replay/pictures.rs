//! Looking at pictures that are in no data set, with the weights of a recorded step.

use revacnn_schemas::Step;
use revacnn_store::{BlockTensors, StepTensors};
use revacnn_trainer::Viewer;

use super::{Replay, check_producer, of_description, take_weights};
use crate::RecorderError;

impl Replay {
    /// All tensors of a step, with the maps of a picture that is in no data set,
    /// `[channel][row][column]`, instead of those of the probe images. Their gradients are those of
    /// the loss for the class that it is taken for; where the target is the image, of that. Where the step is stored, no data is needed.
    ///
    /// # Errors
    /// Those of [`viewer_at`](Self::viewer_at), and a picture of another length.
    pub fn look_at_picture(&mut self, step: Step, picture: &[u8]) -> Result<StepTensors, RecorderError> {
        let mut tensors = self.viewer_at(step)?.0;
        let layers: Vec<_> = self.reader.branch().topology.blocks().map(|layer| layer.layer.clone()).collect();
        let viewer = self.viewer.as_mut().expect("invariant: it was just used");
        let blocks = layers.into_iter().zip(viewer.look(picture)?).map(|(layer, view)| BlockTensors {
            layer,
            activations: view.activations.to_vec(),
            gradients: view.gradients.to_vec(),
        });
        (tensors.probes, tensors.blocks) = (Vec::new(), blocks.collect());
        Ok(tensors)
    }

    /// A step's tensors, and its network, which looks at pictures that are in no data set.
    ///
    /// # Errors
    /// Those of [`tensors`](Self::tensors), and of a branch of another program.
    pub fn viewer_at(&mut self, step: Step) -> Result<(StepTensors, &Viewer), RecorderError> {
        let definition = check_producer(self.reader.branch(), "look at pictures with it")?.clone();
        let tensors = self.tensors(step)?;
        let record = self.reader.branch();
        let mut viewer = match self.viewer.take() {
            Some(viewer) => viewer,
            None => Viewer::of_branch(&definition, &record.topology, self.threads)
                .map_err(|error| of_description(record, error))?,
        };
        let mut parameters = viewer.parameters().to_vec();
        take_weights(&mut parameters, &tensors);
        viewer.set_parameters(&parameters)?;
        let viewer: &Viewer = self.viewer.insert(viewer);
        Ok((tensors, viewer))
    }
}
