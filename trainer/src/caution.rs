//! What a person should know of a run before its first step: normalisations
//! that have a single value to normalise, and hold-outs that lack classes.

use revacnn_schemas::{LayerName, RunDefinition};

use crate::kernels::Instructions;
use crate::network::Network;
use crate::{Trainer, TrainerError};

/// Checks that no layer of a run that is to be made normalises single values.
///
/// A normalisation takes mean and variance of a channel over the images of a
/// batch and all pixels of their maps. Where maps are 1×1 and a batch is one
/// image that is a single value, which equals its mean: the layer's output is
/// constant, the gradient of everything before it is 0, and its running
/// variance shrinks towards 0 at every step. With larger maps a batch of one
/// image is fine.
///
/// # Errors
/// [`TrainerError::SingleValues`] with the layer; what the network cannot be
/// built from.
pub fn check_normalisation(definition: &RunDefinition) -> Result<(), TrainerError> {
    match normalises_single_pixels(definition)? {
        Some(layer) if definition.batch_size == 1 => Err(TrainerError::SingleValues { layer }),
        _ => Ok(()),
    }
}

/// The first layer that normalises maps of one pixel.
fn normalises_single_pixels(definition: &RunDefinition) -> Result<Option<LayerName>, TrainerError> {
    let RunDefinition { network, input, classes, .. } = definition;
    let (_, network) = Network::build(network, *input, *classes, Instructions::Scalar, None)?;
    let mut layers = network.topology.layers.into_iter().zip(&network.inputs);
    Ok(layers.find(|(layer, map)| layer.normalises && map.height * map.width == 1).map(|(layer, _)| layer.layer))
}

impl Trainer {
    /// What a person should know before training goes on, a sentence each.
    ///
    /// # Errors
    /// None that a trainer that was built can give.
    pub fn cautions(&self) -> Result<Vec<String>, TrainerError> {
        let mut cautions = Vec::new();
        let (batch, images) = (self.definition().batch_size, self.epoch_images());
        if let Some(layer) = normalises_single_pixels(self.definition())? {
            if batch == 1 {
                cautions.push(format!(
                    "{}; this run was made so, and stays as it is",
                    TrainerError::SingleValues { layer }
                ));
            } else if images % batch == 1 {
                let mut better = (batch + 1..images).filter(|batch| images % batch != 1);
                let better = better.next().map_or_else(String::new, |batch| format!(", such as {batch}"));
                cautions.push(format!(
                    "the last batch of each epoch has a single image ({images} images in batches of {batch}), of \
                     which layer {layer} normalises one value a channel: at that step layers before it have no \
                     gradient, and its running variance shrinks. A batch-size that leaves no single image{better} \
                     avoids it"
                ));
            }
        }
        cautions.extend(self.dataset().lopsided());
        Ok(cautions)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use revacnn_schemas::{ImageShape, NetworkSpec};

    use super::*;
    use crate::data::{Dataset, Stream};
    use crate::{Settings, define};

    const CONVOLUTION: &str = "[[layer]]\nkind = \"conv\"\nfilters = 3\nkernel = 3\n";
    const UNITS: &str = "[[layer]]\nkind = \"fully-connected\"\nunits = 3\n";
    const NORMALISATION: &str = "[[layer]]\nkind = \"batchnorm\"\n";

    /// A tenth of `images` is held out.
    fn trainer(layers: &[&str], images: usize, batch_size: u32) -> Trainer {
        let shape = ImageShape { channels: 1, height: 4, width: 4 };
        let mut stream = Stream::new("test images", &[]);
        let mut part = |count: usize| {
            let pixels = (0..count * shape.len()).map(|_| stream.next_u32() as u8).collect();
            (pixels, (0..count).map(|image| (image * 7 % 3) as u8).collect())
        };
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let dataset =
            Dataset::new("noise", shape, names, part(images), part(3), revacnn_schemas::AugmentationSpec::NONE);
        let dataset = Arc::new(dataset.unwrap());
        let text = layers.concat() + "[[layer]]\nkind = \"softmax\"\n";
        let settings = Settings { batch_size, ..Settings::default() };
        let definition = define(NetworkSpec::from_toml(&text).unwrap(), &dataset, &settings).unwrap();
        Trainer::new(&definition, dataset, 1).unwrap()
    }

    /// The first filter's largest gradient before the normalisation, and how
    /// its largest running variance changed, in one step.
    fn step(trainer: &mut Trainer) -> (f32, f32) {
        let variance = |trainer: &Trainer| {
            let running = trainer.parameters()[1].running.clone().unwrap();
            running[1].iter().copied().fold(0.0, f32::max)
        };
        let before = variance(trainer);
        trainer.step().unwrap();
        let gradient = trainer.gradients()[0].0.iter().fold(0.0, |most: f32, value| most.max(value.abs()));
        (gradient, variance(trainer) / before)
    }

    /// Why it is refused, and why only there: PyTorch says "expected more
    /// than 1 value per channel when training" of the same batches.
    #[test]
    fn a_single_value_a_channel_gives_no_gradient_and_a_variance_that_shrinks() {
        let mut single = trainer(&[UNITS, NORMALISATION], 40, 1);
        for _ in 0..3 {
            let (gradient, variance) = step(&mut single);
            assert_eq!(gradient, 0.0);
            assert!((variance - 0.9).abs() < 1e-6, "{variance}");
        }
        let refused = check_normalisation(single.definition()).unwrap_err().to_string();
        assert!(refused.contains("layer batchnorm1") && refused.contains("batch-size"), "{refused}");
        // Maps of 2×2 have four values a channel, batches of two have two.
        for mut fine in [trainer(&[CONVOLUTION, NORMALISATION], 40, 1), trainer(&[UNITS, NORMALISATION], 40, 2)] {
            assert!(step(&mut fine).0 > 0.0);
            check_normalisation(fine.definition()).unwrap();
        }
    }

    #[test]
    fn a_single_image_at_an_epochs_end_is_told_beforehand() {
        // 37 images train.
        let cautions = |layers: &[&str], batch_size| trainer(layers, 41, batch_size).cautions().unwrap();
        let told = cautions(&[UNITS, NORMALISATION], 6);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("single image (37 images in batches of 6)"), "{told:?}");
        assert!(told[0].contains("such as 7"), "{told:?}");
        assert_eq!(cautions(&[UNITS, NORMALISATION], 7), [""; 0]);
        assert_eq!(cautions(&[CONVOLUTION, NORMALISATION], 6), [""; 0]);
        assert_eq!(cautions(&[UNITS], 6), [""; 0]);
        let told = cautions(&[UNITS, NORMALISATION], 1);
        assert!(told.len() == 1 && told[0].contains("stays as it is"), "{told:?}");
    }
}
