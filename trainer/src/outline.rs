//! What the layers of a network measure, before anything is trained.

use revacnn_schemas::{ImageShape, LayerName, NetworkSpec, Topology};

use crate::TrainerError;
use crate::kernels::Instructions;
use crate::layers::{Operation, describe_layer};
use crate::network::Network;

/// A network for images of one shape, before anything is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct Outline {
    /// The network with a name for each layer, and with what was left open.
    pub network: NetworkSpec,
    /// What its layers and filters are.
    pub topology: Topology,
    /// What each of them measures, in order.
    pub layers: Vec<LayerOutline>,
}

/// A layer of a network for images of one shape.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerOutline {
    /// Its name.
    pub layer: LayerName,
    /// Its kind.
    pub kind: String,
    /// What it does, in a few words each: `conv 5×5`, `relu`.
    pub words: Vec<String>,
    /// The layers that it reads, where they are not the one before it alone.
    pub reads: Vec<LayerName>,
    /// What it gives for one image.
    pub output: ImageShape,
    /// Its coefficients and biases.
    pub parameters: usize,
    /// Multiply-adds of its coefficients in a forward pass of one image.
    pub multiply_adds: usize,
}

/// A network for images of shape `input` and `classes` classes.
///
/// # Errors
/// Those of [`resolve`](crate::resolve).
pub fn outline(spec: &NetworkSpec, input: ImageShape, classes: usize) -> Result<Outline, TrainerError> {
    let (resolved, network) = Network::build(spec, input, classes, Instructions::Scalar, None)?;
    let layers = resolved.layers.iter().zip(&network.topology.layers).zip(&network.outputs);
    let layers = layers
        .map(|((spec, topology), output)| {
            let weights = network.weighted.iter().position(|weighted| weighted.layer == topology.layer);
            let of = |place: usize| network.operations.iter().find(|unit| unit.weights == Some(place));
            Ok(LayerOutline {
                layer: topology.layer.clone(),
                kind: topology.kind.clone(),
                words: describe_layer(spec)?,
                reads: spec.reads.clone(),
                output: *output,
                parameters: topology.filters.len() * topology.coefficients.map_or(0, |coefficients| coefficients + 1),
                multiply_adds: weights.and_then(of).map_or(0, |unit| multiply_adds(&*unit.operation)),
            })
        })
        .collect::<Result<_, TrainerError>>()?;
    Ok(Outline { network: resolved, topology: network.topology, layers })
}

/// Multiply-adds of an operation's coefficients for one image: each is there once a value that comes
/// out. Scales, which do not decay, are no product over inputs.
fn multiply_adds(operation: &dyn Operation) -> usize {
    let products = operation.parameters().filter(|shape| shape.decays);
    products.map_or(0, |shape| operation.output().len().saturating_mul(shape.coefficients))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset;

    #[test]
    fn the_papers_network_costs_what_its_kernels_multiply() {
        let images = ImageShape { channels: 3, height: 32, width: 32 };
        let layers = outline(&preset("paper").unwrap(), images, 10).unwrap().layers;
        let measured: Vec<(&str, usize, usize)> =
            layers.iter().map(|layer| (layer.layer.as_str(), layer.parameters, layer.multiply_adds)).collect();
        assert_eq!(
            measured,
            [
                ("conv1", 1216, 1024 * 75 * 16),
                ("pool1", 0, 0),
                ("conv2", 8020, 256 * 400 * 20),
                ("pool2", 0, 0),
                ("conv3", 10_020, 64 * 500 * 20),
                ("pool3", 0, 0),
                ("softmax", 3210, 3200),
            ]
        );
        assert_eq!(layers[1].output, ImageShape { channels: 16, height: 16, width: 16 });
        assert_eq!(layers[6].output, ImageShape { channels: 10, height: 1, width: 1 });
    }

    #[test]
    fn a_depthwise_convolution_multiplies_each_channel_alone() {
        let text =
            "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\ngroups = 4\n[[layer]]\nkind = \"softmax\"\n";
        let images = ImageShape { channels: 4, height: 8, width: 8 };
        let layers = outline(&NetworkSpec::from_toml(text).unwrap(), images, 10).unwrap().layers;
        assert_eq!((layers[0].parameters, layers[0].multiply_adds), (40, 64 * 4 * 9));
    }
}
