//! From a description to operations: names, defaults, shapes, blocks.

use revacnn_schemas::{
    FilterIdentity, FilterNumber, IMAGES, ImageShape, LayerName, LayerTopology, NetworkSpec, Topology,
};

use crate::TrainerError;
use crate::kernels::Instructions;
use crate::layers::{self, Operation, ParameterShape, Role, Surroundings};

/// A network that was built for images of one shape.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) operations: Vec<Unit>,
    /// Layers with weights, in order.
    pub(crate) weighted: Vec<Weighted>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) topology: Topology,
    /// Shape of the maps that reach each layer, `[layer]`.
    pub(crate) inputs: Vec<ImageShape>,
    pub(crate) input: ImageShape,
    pub(crate) classes: usize,
}

/// An operation within the network.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) operation: Box<dyn Operation>,
    /// Its place among the layers with weights.
    pub(crate) weights: Option<usize>,
    /// Where its accumulator begins among all.
    pub(crate) gradient_at: usize,
}

/// A layer with weights.
#[derive(Debug)]
pub(crate) struct Weighted {
    pub(crate) layer: LayerName,
    /// Numbers of its filters in position order.
    pub(crate) numbers: Vec<u32>,
    pub(crate) shape: ParameterShape,
}

/// A block: its output is that of its last operation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) last: usize,
}

/// The most memory that one image's maps may need: beyond it a description is
/// taken for a mistake.
const LARGEST_MAP: usize = 1 << 26;

/// The most weights that a network may have, for the same reason: twice those
/// of VGG-16.
const MOST_WEIGHTS: usize = 1 << 28;

/// Resolves a description against images of shape `input` and `classes`
/// classes: every layer gets its name, every parameter its value.
///
/// # Errors
/// What a layer refuses, by the layer's name.
pub fn resolve(spec: &NetworkSpec, input: ImageShape, classes: usize) -> Result<(NetworkSpec, Topology), TrainerError> {
    let (resolved, network) = Network::build(spec, input, classes, Instructions::Scalar, None)?;
    Ok((resolved, network.topology))
}

impl Network {
    /// Builds the network and resolves its description. Filters keep the
    /// identities that `known` gives them; without it they are numbered from 0.
    pub(crate) fn build(
        spec: &NetworkSpec,
        input: ImageShape,
        classes: usize,
        instructions: Instructions,
        known: Option<&Topology>,
    ) -> Result<(NetworkSpec, Self), TrainerError> {
        let refuse = |reason: String| TrainerError::Network { reason };
        let class_kind = layers::class_kind().name;
        match spec.layers.last() {
            Some(last) if last.kind == class_kind => {}
            Some(last) => {
                return Err(refuse(format!("the last layer must be of kind {class_kind}, found {}", last.kind)));
            }
            None => return Err(refuse(format!("it has no layers; the last one must be of kind {class_kind}"))),
        }
        let mut resolved = spec.clone();
        name_layers(&mut resolved)?;
        check_edges(&mut resolved)?;
        pass_on_start(&mut resolved)?;
        if let Some(layer) = known.and_then(|known| known.layers.iter().find(|layer| !layer.reads.is_empty())) {
            return Err(refuse(format!(
                "its topology says which layers {} reads, and layers run here one after the other",
                layer.layer
            )));
        }
        let mut network = Self {
            operations: Vec::new(),
            weighted: Vec::new(),
            blocks: Vec::new(),
            topology: Topology {
                layers: Vec::new(),
                retired: known.map_or_else(Vec::new, |known| known.retired.clone()),
            },
            inputs: Vec::new(),
            input,
            classes,
        };
        let mut shape = input;
        let mut numbers: Vec<u32> = (0..input.channels as u32).collect();
        let mut open_block = None;
        let mut gradient_at = 0;
        let mut weights_in_all = 0_usize;
        let count = resolved.layers.len();
        for (place, layer) in resolved.layers.iter_mut().enumerate() {
            let kind = layers::kind(&layer.kind)?;
            let name = layer.name.clone().expect("invariant: every layer was named");
            if kind.role == Role::Classes && place + 1 != count {
                return Err(layers::refuse(layer, format!("only the last layer can be of kind {class_kind}")));
            }
            // The class layer's name is not picked from those that are free.
            if network.topology.layers.iter().any(|other| other.layer == name) {
                return Err(layers::refuse(layer, "another layer has the same name; names must differ"));
            }
            let around = Surroundings {
                input: shape,
                classes,
                instructions,
                stream: stream_key(&name),
                numbers: numbers.clone(),
            };
            let built = (kind.build)(layer, &around)?;
            network.inputs.push(shape);
            layer.parameters = built.parameters;
            let mut topology = LayerTopology {
                layer: name.clone(),
                kind: layer.kind.clone(),
                reads: Vec::new(),
                filters: Vec::new(),
                coefficients: None,
                map: None,
                normalises: false,
                groups: 1,
                kernel: None,
                next_filter: FilterNumber(0),
            };
            let known = match known {
                Some(known) => Some(known_layer(known, place, &name)?),
                None => None,
            };
            for operation in built.operations {
                if let Some(ParameterShape { filters, coefficients, .. }) = operation.parameters() {
                    weights_in_all = weights_in_all.saturating_add(filters.saturating_mul(coefficients));
                    if weights_in_all > MOST_WEIGHTS {
                        let reason = format!(
                            "with it the network has {weights_in_all} weights, at most {MOST_WEIGHTS} are supported"
                        );
                        return Err(layers::refuse(layer, reason));
                    }
                }
                let weights = operation.parameters().map(|parameters| {
                    if let Some(known) = known {
                        topology.filters.clone_from(&known.filters);
                        topology.next_filter = known.next_filter;
                        numbers = known.filters.iter().map(|filter| filter.number.0).collect();
                    } else {
                        if parameters.filters != numbers.len() || kind.role != Role::Joins {
                            numbers = (0..parameters.filters as u32).collect();
                        }
                        let identity = |&number| FilterIdentity { number: FilterNumber(number), born: None };
                        topology.filters = numbers.iter().map(identity).collect();
                        topology.next_filter = FilterNumber(numbers.iter().map(|number| number + 1).max().unwrap_or(0));
                    }
                    topology.coefficients = Some(parameters.coefficients);
                    topology.normalises = parameters.normalises;
                    topology.groups = parameters.groups;
                    topology.kernel = parameters.kernel;
                    network.weighted.push(Weighted {
                        layer: name.clone(),
                        numbers: numbers.clone(),
                        shape: parameters,
                    });
                    network.weighted.len() - 1
                });
                if let Some(place) = weights {
                    let (expected, found) = (network.weighted[place].shape.filters, numbers.len());
                    if expected != found {
                        let reason = format!("its description says {expected} filters, its topology {found}");
                        return Err(layers::refuse(layer, reason));
                    }
                }
                shape = operation.output();
                if shape.len() > LARGEST_MAP {
                    return Err(layers::refuse(
                        layer,
                        format!("its output {shape} is larger than the {LARGEST_MAP} values that are supported"),
                    ));
                }
                let length = operation.gradient_len();
                network.operations.push(Unit { operation, weights, gradient_at });
                gradient_at += length;
            }
            let last = network.operations.len().saturating_sub(1);
            match kind.role {
                Role::Opens | Role::Classes => {
                    open_block = Some(network.blocks.len());
                    network.blocks.push(Block { last });
                    topology.map = Some([shape.height, shape.width]);
                }
                Role::Joins => {
                    if let Some(block) = open_block {
                        network.blocks[block].last = last;
                    }
                }
                Role::Ends => open_block = None,
            }
            network.topology.layers.push(topology);
        }
        Ok((resolved, network))
    }

    /// Numbers of the accumulators of all operations.
    pub(crate) fn gradient_len(&self) -> usize {
        self.operations.last().map_or(0, |unit| unit.gradient_at + unit.operation.gradient_len())
    }

    /// Whether an operation needs all images of the batch before it can go on.
    pub(crate) fn synchronises(&self) -> bool {
        self.operations.iter().any(|unit| unit.operation.batch_len() > 0)
    }
}

/// The layer of a known topology at a place, which must have this name.
fn known_layer<'a>(known: &'a Topology, place: usize, name: &LayerName) -> Result<&'a LayerTopology, TrainerError> {
    known.layers.get(place).filter(|layer| layer.layer == *name).ok_or_else(|| TrainerError::Network {
        reason: format!(
            "its topology has no layer {name} at place {place}: it has {}",
            known.layers.iter().map(|layer| layer.layer.as_str()).collect::<Vec<_>>().join(", ")
        ),
    })
}

/// Gives every unnamed layer its kind's stem and the next free number.
fn name_layers(spec: &mut NetworkSpec) -> Result<(), TrainerError> {
    let mut taken: Vec<LayerName> = Vec::new();
    for layer in &spec.layers {
        if let Some(name) = &layer.name {
            if taken.contains(name) {
                return Err(layers::refuse(layer, "another layer has the same name; names must differ"));
            }
            taken.push(name.clone());
        }
    }
    for layer in &mut spec.layers {
        if layer.name.is_some() {
            continue;
        }
        let kind = layers::kind(&layer.kind)?;
        let name = if kind.role == Role::Classes {
            kind.stem.to_owned()
        } else {
            (1..)
                .map(|number| format!("{}{number}", kind.stem))
                .find(|name| taken.iter().all(|other| other.as_str() != name))
                .expect("invariant: there is always a free number")
        };
        let name: LayerName = name.parse()?;
        taken.push(name.clone());
        layer.name = Some(name);
    }
    Ok(())
}

/// Gives every layer that is drawn, and says nothing of it, the network's way to begin.
fn pass_on_start(spec: &mut NetworkSpec) -> Result<(), TrainerError> {
    let (init, bias) = (spec.init.take(), spec.bias_init.take());
    for layer in &mut spec.layers {
        let kind = layers::kind(&layer.kind)?;
        if !kind.is_drawn {
            continue;
        }
        if let Some(init) = &init {
            layer.parameters.entry("init").or_insert_with(|| init.as_str().into());
        }
        let is_said = layer.parameters.contains_key("bias-init") || layer.parameters.contains_key("bias_init");
        if let Some(bias) = bias.filter(|_| kind.role != Role::Classes && !is_said) {
            layer.parameters.insert("bias_init".to_owned(), bias.into());
        }
    }
    Ok(())
}

/// Checks that each layer reads the one before it, which needs no edge.
///
/// # Errors
/// A layer that reads others: the passes run through the layers in order.
fn check_edges(spec: &mut NetworkSpec) -> Result<(), TrainerError> {
    let mut before: Option<LayerName> = None;
    for layer in &mut spec.layers {
        let is_before = |read: &LayerName| match &before {
            Some(before) => read == before,
            None => read.as_str() == IMAGES,
        };
        if !matches!(&layer.reads[..], [] | [_]) || !layer.reads.iter().all(is_before) {
            let reads: Vec<&str> = layer.reads.iter().map(LayerName::as_str).collect();
            let only = before.as_ref().map_or(IMAGES, LayerName::as_str);
            let reason = format!(
                "it reads {}, and layers run here one after the other: expected reads of {only}, the one before it, or \
                 none",
                reads.join(", ")
            );
            return Err(layers::refuse(layer, reason));
        }
        layer.reads.clear();
        before.clone_from(&layer.name);
    }
    Ok(())
}

/// The number that stands for a layer's name in random streams.
pub(crate) fn stream_key(name: &LayerName) -> u64 {
    let hash = blake3::hash(name.as_str().as_bytes());
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("invariant: a hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset;

    const RGB: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

    #[test]
    fn the_papers_network_has_its_names_blocks_and_22_466_parameters() {
        let (resolved, topology) = resolve(&preset("paper").unwrap(), RGB, 10).unwrap();
        let names: Vec<String> = resolved.layers.iter().map(|layer| layer.name.as_ref().unwrap().to_string()).collect();
        assert_eq!(names, ["conv1", "pool1", "conv2", "pool2", "conv3", "pool3", "softmax"]);
        assert_eq!(topology.parameters(), 22_466);
        assert_eq!(topology.activations(), 22_794);
        let maps: Vec<_> = topology.blocks().map(|layer| layer.map.unwrap()).collect();
        assert_eq!(maps, [[32, 32], [16, 16], [8, 8], [1, 1]]);
    }

    #[test]
    fn an_edge_to_the_layer_before_is_no_edge_and_any_other_is_refused() {
        let pool = |reads: &str| {
            format!(
                "[[layer]]\nkind = \"conv\"\nname = \"conv1\"\nreads = [\"input\"]\nfilters = 4\nkernel = 3\n[[layer]]\nkind \
                 = \"dropout\"\nrate = 0.5\n[[layer]]\nkind = \"pool\"\nkernel = 2\nreads = [{reads}]\n[[layer]]\nkind = \
                 \"softmax\"\n"
            )
        };
        let resolved = |reads: &str| resolve(&NetworkSpec::from_toml(&pool(reads)).unwrap(), RGB, 10);
        assert_eq!(resolved("\"dropout1\"").unwrap(), resolved("").unwrap());
        let (spec, topology) = resolved("").unwrap();
        assert!(spec.layers.iter().all(|layer| layer.reads.is_empty()));
        assert!(topology.layers.iter().all(|layer| layer.reads.is_empty()));
        for reads in ["\"conv1\"", "\"dropout1\", \"conv1\"", "\"input\"", "\"softmax\""] {
            let refused = resolved(reads).unwrap_err().to_string();
            assert!(refused.contains("layer pool1 (pool): it reads"), "{refused}");
            assert!(refused.contains("expected reads of dropout1"), "{refused}");
        }
    }

    #[test]
    fn resolving_a_resolved_network_changes_nothing() {
        let (once, _) = resolve(&preset("paper").unwrap(), RGB, 10).unwrap();
        let (twice, _) = resolve(&once, RGB, 10).unwrap();
        assert_eq!(once, twice);
    }

    #[test]
    fn what_cannot_be_built_is_refused_by_the_layers_name() {
        let refused = |text: &str| {
            let spec = NetworkSpec::from_toml(text).unwrap();
            resolve(&spec, RGB, 10).unwrap_err().to_string()
        };
        let softmax = "[[layer]]\nkind = \"softmax\"\n";
        assert!(refused("layer = []").contains("no layers"));
        assert!(refused("[[layer]]\nkind = \"pool\"\nkernel = 2\n").contains("last layer"));
        assert!(refused(&format!("{softmax}{softmax}")).contains("softmax"));
        let conv = |parameters: &str| refused(&format!("[[layer]]\nkind = \"conv\"\n{parameters}\n{softmax}"));
        assert!(conv("filters = 0\nkernel = 5").contains("conv1 (conv): filters must be 1"));
        assert!(conv("filters = 4\nkernel = 40").contains("40×40"));
        assert!(conv("filters = 4").contains("kernel"));
        assert!(conv("filters = 4\nkernel = 5\nactivation = \"swish\"").contains("swish"));
        assert!(refused(&format!("[[layer]]\nkind = \"convolution\"\n{softmax}")).contains("conv, pool"));
    }

    #[test]
    fn layers_begin_as_the_network_says_unless_they_say_otherwise() {
        let text = "init = \"he\"\nbias-init = 0.1\n[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\n\
                    [[layer]]\nkind = \"fully-connected\"\nunits = 5\ninit = \"normal\"\nbias-init = 0\n\
                    [[layer]]\nkind = \"dropout\"\nrate = 0.5\n[[layer]]\nkind = \"softmax\"\n";
        let (resolved, _) = resolve(&NetworkSpec::from_toml(text).unwrap(), RGB, 10).unwrap();
        let of = |layer: usize, name: &str| resolved.layers[layer].parameters.get(name).cloned();
        assert_eq!((of(0, "init"), of(0, "bias_init")), (Some("he".into()), Some(0.1.into())));
        assert_eq!((of(1, "init"), of(1, "bias_init")), (None, None), "the defaults are not written");
        assert_eq!((of(3, "init"), of(3, "bias_init")), (Some("he".into()), None));
        assert_eq!((&resolved.init, resolved.bias_init), (&None, None));
        assert_eq!(resolve(&resolved, RGB, 10).unwrap().0, resolved);
        let wrong = text.replace("\"he\"", "\"xavier\"");
        let refused = resolve(&NetworkSpec::from_toml(&wrong).unwrap(), RGB, 10).unwrap_err().to_string();
        assert!(refused.contains("xavier") && refused.contains("glorot"), "{refused}");
    }

    /// Two layers of one name would share their random draws and their rows in the log.
    #[test]
    fn a_layer_with_the_class_layers_name_is_refused() {
        let conv = "[[layer]]\nkind = \"conv\"\nname = \"softmax\"\nfilters = 4\nkernel = 3\n";
        let text = format!("{conv}[[layer]]\nkind = \"softmax\"\n");
        let refused = resolve(&NetworkSpec::from_toml(&text).unwrap(), RGB, 10).unwrap_err().to_string();
        assert!(refused.contains("layer softmax") && refused.contains("names must differ"), "{refused}");
    }

    #[test]
    fn more_weights_than_memory_holds_are_refused_before_they_are_made() {
        let layer = "[[layer]]\nkind = \"fully-connected\"\nunits = 1048576\n";
        let text = format!("{layer}{layer}[[layer]]\nkind = \"softmax\"\n");
        let refused = resolve(&NetworkSpec::from_toml(&text).unwrap(), RGB, 10).unwrap_err().to_string();
        assert!(refused.contains("fc1") && refused.contains("weights"), "{refused}");
    }

    #[test]
    fn numbers_that_vanish_at_32_bits_are_refused() {
        for (layer, named) in
            [("batchnorm\"\nepsilon = 1e-60", "epsilon"), ("dropout\"\nrate = 0.999999999999", "rate")]
        {
            let text = format!("[[layer]]\nkind = \"{layer}\n[[layer]]\nkind = \"softmax\"\n");
            let refused = resolve(&NetworkSpec::from_toml(&text).unwrap(), RGB, 10).unwrap_err().to_string();
            assert!(refused.contains(named), "{refused}");
        }
    }
}
