//! A network that looks at pictures which are in no data set.

use std::sync::Arc;

use revacnn_schemas::{BlockView, LayerName, NetworkSpec, ParameterState, RunDefinition, Topology};

use crate::TrainerError;
use crate::engine::{Ascent, Engine, Maximised, Saliency, Trace};
use crate::initialise::zero_state;
use crate::kernels::Instructions;
use crate::layers::require_classes;
use crate::network::Network;
use crate::receptive_field::ReceptiveField;
use crate::threads::Threads;
use crate::trainer::largest;

/// A network with the weights of any step, which looks at pictures: it needs no data set and trains
/// nothing. What it says of an image is what a [`Trainer`](crate::Trainer) with these weights says.
#[derive(Debug)]
pub struct Viewer {
    engine: Engine,
    spec: NetworkSpec,
}

impl Viewer {
    /// The network of a recorded branch, which is then [given](Self::set_parameters) the weights of a step: until
    /// then its coefficients are 0.
    ///
    /// # Errors
    /// What the definition cannot be built from, a topology that does not fit it, and threads that
    /// do not start.
    pub fn of_branch(definition: &RunDefinition, topology: &Topology, threads: usize) -> Result<Self, TrainerError> {
        let (_, network) = Network::build(
            &definition.network,
            definition.input,
            definition.classes,
            Instructions::widest().supported(),
            Some(topology),
        )?;
        let parameters = network.weighted.iter().map(|layer| zero_state(&layer.shape, 0)).collect();
        let threads = Threads::new(threads).ok_or(TrainerError::Threads { threads })?;
        Ok(Self { engine: Engine::new(network, parameters, Arc::new(threads)), spec: definition.network.clone() })
    }

    /// The weights, in the order of [`Topology::parameter_layers`].
    pub fn parameters(&self) -> &[ParameterState] {
        self.engine.parameters()
    }

    /// Gives it the weights of a step.
    ///
    /// # Errors
    /// Arrays of other lengths than the network's.
    pub fn set_parameters(&mut self, parameters: &[ParameterState]) -> Result<(), TrainerError> {
        let lengths = |state: &ParameterState| {
            let running = state.running.as_ref().map(|[mean, variance]| [mean.len(), variance.len()]);
            (state.weights.len(), state.biases.len(), state.frozen.len(), running)
        };
        if !self.parameters().iter().map(lengths).eq(parameters.iter().map(lengths)) {
            let reason = "expected the weights of this network, found arrays of other lengths".to_owned();
            return Err(TrainerError::Network { reason });
        }
        self.engine.set_parameters(parameters);
        Ok(())
    }

    /// Runs an image, `[channel][row][column]`, forwards, and backwards for the class that it is
    /// taken for, or where the target is the image, for that: its maps, a block each.
    ///
    /// # Errors
    /// Another number of values than the network reads.
    pub fn look(&mut self, image: &[u8]) -> Result<Vec<BlockView<'_>>, TrainerError> {
        self.check(image)?;
        self.engine.probe_unlabelled(image);
        Ok(self.engine.probed(1))
    }

    /// The `most` classes that it says most for of an image, and what it says.
    ///
    /// # Errors
    /// As [`look`](Self::look), and a network without classes.
    pub fn predict(&self, image: &[u8], most: usize) -> Result<Vec<(u32, f32)>, TrainerError> {
        require_classes(&self.spec, "prediction", "its outputs are images")?;
        self.check(image)?;
        Ok(largest(&self.engine.outputs_of(image), most))
    }

    /// What of an image its output for a class depends on; for the class that is predicted where
    /// `None`.
    ///
    /// # Errors
    /// As [`look`](Self::look), a class that there is not, and a network without classes.
    pub fn saliency(&self, image: &[u8], class: Option<u32>) -> Result<Saliency, TrainerError> {
        require_classes(&self.spec, "output for a class to look at", "its outputs are images")?;
        self.check(image)?;
        let class = self.engine.class_that_there_is(class)?;
        Ok(self.engine.saliency(image, class))
    }

    /// The strongest chain through a filter, by its position, for an image.
    ///
    /// # Errors
    /// As [`look`](Self::look), and a layer or a filter that there is not.
    pub fn trace(&self, image: &[u8], layer: &LayerName, filter: usize) -> Result<Trace, TrainerError> {
        self.check(image)?;
        let topology = &self.engine.network().topology;
        let can_be = || topology.blocks().filter(|block| block.coefficients.is_some());
        let known = can_be().find(|block| block.layer == *layer);
        let filters = known.map_or(0, |block| block.filters.len());
        if filter >= filters {
            let reason = match known {
                Some(_) => format!("expected a filter of {layer} below {filters}, found {filter}"),
                None => {
                    let names: Vec<&str> = can_be().map(|block| block.layer.as_str()).collect();
                    format!("layer {layer} sums up nothing that could be traced: there is {}", names.join(", "))
                }
            };
            return Err(TrainerError::Network { reason });
        }
        Ok(self.engine.trace(image, layer, filter))
    }

    /// Images that excite filters of a layer most, by their positions, `[filter][start]`, and what each value of the
    /// layer's map sees of an image.
    ///
    /// # Errors
    /// A layer without maps of its own, a filter that there is not, and [a way that is none](Ascent::check).
    pub fn maximise(
        &self,
        layer: &LayerName,
        filters: &[usize],
        starts: usize,
        ascent: &Ascent,
    ) -> Result<(Vec<Vec<Maximised>>, ReceptiveField), TrainerError> {
        let refuse = |reason: String| Err(TrainerError::Network { reason });
        let network = self.engine.network();
        let Some(block) = network.topology.blocks().position(|block| block.layer == *layer) else {
            let known: Vec<&str> = network.topology.blocks().map(|block| block.layer.as_str()).collect();
            return refuse(format!("layer {layer} has no maps of its own: there is {}", known.join(", ")));
        };
        let channels = network.operations[network.blocks[block].last].operation.output().channels;
        if let Some(filter) = filters.iter().find(|filter| **filter >= channels) {
            return refuse(format!("expected a filter of {layer} below {channels}, found {filter}"));
        }
        ascent.check().map_err(|reason| TrainerError::Network { reason })?;
        let field = ReceptiveField::of(&self.spec, network, layer)?;
        Ok((self.engine.maximise(block, filters, starts, ascent), field))
    }

    fn check(&self, image: &[u8]) -> Result<(), TrainerError> {
        let input = self.engine.network().input;
        match image.len() == input.len() {
            true => Ok(()),
            false => Err(TrainerError::Network {
                reason: format!("expected an image of {input}, found {} values", image.len()),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::ImageIndex;

    use super::*;
    use crate::data::{Split, load};
    use crate::{Settings, Trainer, define, preset};

    #[test]
    fn it_says_what_the_trainer_says_and_takes_no_other_shape() {
        let dataset = Arc::new(load("digits", None).unwrap());
        let definition = define(preset("paper").unwrap(), &dataset, &Settings::default()).unwrap();
        let mut trainer = Trainer::new(&definition, dataset.clone(), 1).unwrap();
        (0..20).for_each(|_| drop(trainer.step().unwrap()));
        let mut viewer = Viewer::of_branch(&definition, trainer.topology(), 2).unwrap();
        viewer.set_parameters(trainer.parameters()).unwrap();
        for image in [3, 17, 40].map(ImageIndex) {
            let bytes = dataset.train().image(image).unwrap();
            let expected = &trainer.predict(Split::Train, &[image], 3).unwrap()[0];
            assert_eq!(viewer.predict(&bytes, 3).unwrap(), expected.classes);
            let looked = trainer.saliency(Split::Train, image, None).unwrap();
            assert_eq!(viewer.saliency(&bytes, None).unwrap(), looked);
            let blocks = viewer.look(&bytes).unwrap();
            let last = blocks.last().unwrap();
            assert_eq!(last.activations[expected.classes[0].0 as usize], expected.classes[0].1);
            // The loss's gradient is that of the class that is predicted: p − 1.
            let towards = last.gradients[expected.classes[0].0 as usize];
            assert!((towards - (expected.classes[0].1 - 1.0)).abs() < 1e-6);
        }
        let refused = viewer.predict(&[0; 63], 1).unwrap_err().to_string();
        assert!(refused.contains("1×8×8") && refused.contains("63 values"), "{refused}");
        assert!(viewer.saliency(&[0; 64], Some(10)).unwrap_err().to_string().contains("below 10"));
        assert!(viewer.set_parameters(&trainer.parameters()[1..]).is_err());
    }

    #[test]
    fn an_autoencoder_gives_back_the_image_and_has_no_class_to_take_it_for() {
        let dataset = Arc::new(load("digits", None).unwrap());
        let definition = define(preset("autoencoder").unwrap(), &dataset, &Settings::default()).unwrap();
        let mut trainer = Trainer::new(&definition, dataset.clone(), 1).unwrap();
        (0..5).for_each(|_| drop(trainer.step().unwrap()));
        let mut viewer = Viewer::of_branch(&definition, trainer.topology(), 1).unwrap();
        viewer.set_parameters(trainer.parameters()).unwrap();
        let bytes = dataset.train().image(ImageIndex(3)).unwrap();
        let expected = &trainer.reconstruct(Split::Train, &[ImageIndex(3)]).unwrap()[0].values;
        let blocks = viewer.look(&bytes).unwrap();
        let last = blocks.last().unwrap();
        assert_eq!(last.activations, &expected[..]);
        // The loss's gradient is that of the squared error of the image: what comes out less it.
        let mut target = vec![0.0; bytes.len()];
        crate::data::decode(&bytes, &mut target);
        let slopes = expected.iter().zip(&target).map(|(value, target)| value - target);
        assert!(slopes.zip(last.gradients).all(|(expected, found)| (expected - found).abs() < 1e-6));
        let refused = [viewer.predict(&bytes, 1).map(drop), viewer.saliency(&bytes, None).map(drop)];
        assert!(refused.iter().all(|refused| matches!(refused, Err(TrainerError::NoClasses { .. }))), "{refused:?}");
    }
}
