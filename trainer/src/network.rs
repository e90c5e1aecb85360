//! From a description to operations: names, defaults, shapes, blocks.

use std::collections::{HashMap, HashSet};

use revacnn_schemas::{
    FilterIdentity, FilterNumber, IMAGES, ImageShape, LayerName, LayerTopology, NetworkSpec, Topology,
};

use crate::TrainerError;
use crate::edges::{Origin, resolve_edges};
use crate::kernels::Instructions;
use crate::layers::{self, DecayFactors, Loss, Operation, ParameterShape, Role, Surroundings};

/// A network that was built for images of one shape.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) operations: Vec<Unit>,
    /// Layers with weights, in order.
    pub(crate) weighted: Vec<Weighted>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) topology: Topology,
    /// What each layer reads, `[layer]`.
    pub(crate) sources: Vec<Vec<Origin>>,
    /// Shape of the maps that reach each layer, of the first one that it reads, `[layer]`.
    pub(crate) inputs: Vec<ImageShape>,
    /// Shape of the maps that each layer gives, `[layer]`.
    pub(crate) outputs: Vec<ImageShape>,
    /// Instructions of the kernels.
    pub(crate) instructions: Instructions,
    pub(crate) input: ImageShape,
    pub(crate) classes: usize,
    /// The loss over the class layer's outputs.
    pub(crate) loss: Loss,
}

/// An operation within the network.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) operation: Box<dyn Operation>,
    /// Its place among the layers with weights.
    pub(crate) weights: Option<usize>,
    /// Where its accumulator begins among all.
    pub(crate) gradient_at: usize,
    /// The maps that it reads, in order.
    pub(crate) reads: Vec<Read>,
}

/// A map that an operation reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read {
    /// The images are map 0, and what operation i gives is map i + 1.
    pub(crate) map: usize,
    /// Whether another one reads it before this one's turn comes in a backward pass: its
    /// gradient is then added to what is there.
    pub(crate) adds: bool,
}

/// What a layer gives to those that read it.
#[derive(Debug, Clone)]
struct Flow {
    map: usize,
    shape: ImageShape,
    /// Numbers of the filters that the channels are of.
    numbers: Vec<u32>,
    /// The block that it belongs to.
    block: Option<usize>,
}

/// A layer with weights.
#[derive(Debug)]
pub(crate) struct Weighted {
    pub(crate) layer: LayerName,
    /// Numbers of its filters in position order.
    pub(crate) numbers: Vec<u32>,
    pub(crate) shape: ParameterShape,
    /// Factors on the optimizer's decay.
    pub(crate) decay: DecayFactors,
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
        let class_kinds = || layers::class_layer_kinds().collect::<Vec<_>>().join(", ");
        match spec.layers.last() {
            Some(last) if layers::class_layer_kinds().any(|kind| kind == last.kind) => {}
            Some(last) => {
                let reason = format!("the last layer must be of kind {}, found {}", class_kinds(), last.kind);
                return Err(refuse(reason));
            }
            None => return Err(refuse(format!("it has no layers; the last one must be of kind {}", class_kinds()))),
        }
        let mut resolved = spec.clone();
        name_layers(&mut resolved)?;
        let sources = resolve_edges(&mut resolved)?;
        pass_on_start(&mut resolved)?;
        let mut network = Self {
            operations: Vec::new(),
            weighted: Vec::new(),
            blocks: Vec::new(),
            topology: Topology {
                layers: Vec::new(),
                retired: known.map_or_else(Vec::new, |known| known.retired.clone()),
            },
            sources,
            inputs: Vec::new(),
            outputs: Vec::new(),
            instructions,
            input,
            classes,
            // The class layer, which every network ends in, says which.
            loss: Loss::CrossEntropy { smoothing: 0.0 },
        };
        let images = Flow { map: 0, shape: input, numbers: (0..input.channels as u32).collect(), block: None };
        let mut flows: Vec<Flow> = Vec::new();
        let mut gradient_at = 0;
        let mut weights_in_all = 0_usize;
        for (place, layer) in resolved.layers.iter_mut().enumerate() {
            let kind = layers::kind(&layer.kind)?;
            let name = layer.name.clone().expect("invariant: every layer was named");
            let read: Vec<&Flow> =
                network.sources[place].iter().map(|source| source.map_or(&images, |at| &flows[at])).collect();
            let flow = read[0];
            let names = network.sources[place].iter().map(|source| match source {
                Some(at) => network.topology.layers[*at].layer.clone(),
                None => IMAGES.parse().expect("invariant: the images' name is one"),
            });
            let mut maps: Vec<usize> = read.iter().map(|flow| flow.map).collect();
            let (mut shape, mut numbers) = (flow.shape, flow.numbers.clone());
            let around = Surroundings {
                input: shape,
                reads: names.zip(read.iter().map(|flow| flow.shape)).collect(),
                images: input,
                classes,
                instructions,
                stream: stream_key(&name),
                numbers: numbers.clone(),
            };
            let built = (kind.build)(layer, &around)?;
            network.inputs.push(shape);
            layer.parameters = built.parameters;
            network.loss = built.loss.unwrap_or(network.loss);
            let mut topology = LayerTopology {
                layer: name.clone(),
                kind: layer.kind.clone(),
                reads: layer.reads.clone(),
                filters: Vec::new(),
                coefficients: None,
                map: None,
                normalises: false,
                groups: 1,
                kernel: None,
                next_filter: FilterNumber(0),
            };
            let known = match known {
                Some(known) => Some(known_layer(known, place, &name, &layer.reads)?),
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
                        decay: built.decay,
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
                let reads = maps.iter().map(|&map| Read { map, adds: false }).collect();
                network.operations.push(Unit { operation, weights, gradient_at, reads });
                gradient_at += length;
                maps = vec![network.operations.len()];
            }
            let map = maps[0];
            if let Role::Gathers(_) | Role::Reduces = kind.role {
                let channels = shape.channels;
                match known {
                    Some(known) if known.filters.len() != channels => {
                        let found = known.filters.len();
                        let reason = format!("its description says {channels} channels, its topology {found}");
                        return Err(layers::refuse(layer, reason));
                    }
                    Some(known) => {
                        topology.filters.clone_from(&known.filters);
                        topology.next_filter = known.next_filter;
                    }
                    None => {
                        let identity = |number| FilterIdentity { number: FilterNumber(number), born: None };
                        topology.filters = (0..channels as u32).map(identity).collect();
                        topology.next_filter = FilterNumber(channels as u32);
                    }
                }
                numbers = topology.filters.iter().map(|filter| filter.number.0).collect();
            }
            let block = match kind.role {
                Role::Opens | Role::Classes | Role::Gathers(_) | Role::Reduces => {
                    network.blocks.push(Block { last: map - 1 });
                    topology.map = Some([shape.height, shape.width]);
                    Some(network.blocks.len() - 1)
                }
                // A block is a chain: the first that goes on from its end belongs to it.
                Role::Joins => flow.block.filter(|&block| network.blocks[block].last + 1 == flow.map),
                Role::Ends => None,
            };
            if let Some(block) = block {
                network.blocks[block].last = map - 1;
            }
            network.outputs.push(shape);
            network.topology.layers.push(topology);
            flows.push(Flow { map, shape, numbers, block });
        }
        network.order_gradients();
        Ok((resolved, network))
    }

    /// Says of which maps more than one gradient comes back.
    ///
    /// # Determinism
    /// A map's gradient is the sum of those of its readers, the last one's first.
    fn order_gradients(&mut self) {
        let mut seen = vec![false; self.operations.len() + 1];
        for read in self.operations.iter_mut().rev().flat_map(|unit| &mut unit.reads) {
            read.adds = std::mem::replace(&mut seen[read.map], true);
        }
    }

    /// Of which maps the gradient is wanted, `[map]`: of those that come from an operation that
    /// is `wanted`, or from a map whose gradient is.
    pub(crate) fn reached(&self, wanted: impl Fn(usize, &Unit) -> bool) -> Vec<bool> {
        let mut reached = vec![false; self.operations.len() + 1];
        for (index, unit) in self.operations.iter().enumerate() {
            reached[index + 1] = wanted(index, unit) || unit.reads.iter().any(|read| reached[read.map]);
        }
        reached
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

/// Axes of a layer's coefficients as PyTorch has them: `[filter]…`.
pub(crate) fn array_shape(
    network: &Network,
    resolved: &NetworkSpec,
    layer: &Weighted,
) -> Result<Vec<usize>, TrainerError> {
    let is_it = |spec: &revacnn_schemas::LayerSpec| spec.name.as_ref() == Some(&layer.layer);
    let place = resolved.layers.iter().position(is_it).expect("invariant: a layer with weights is a layer");
    let spec = &resolved.layers[place];
    let axes = (layers::kind(&spec.kind)?.array_axes)(spec, network.inputs[place])?;
    Ok(std::iter::once(layer.shape.filters).chain(axes).collect())
}

/// The layer of a known topology at a place, which must have this name.
/// It must read what the description says.
fn known_layer<'a>(
    known: &'a Topology,
    place: usize,
    name: &LayerName,
    reads: &[LayerName],
) -> Result<&'a LayerTopology, TrainerError> {
    let listed = |names: &mut dyn Iterator<Item = &LayerName>| {
        let names: Vec<&str> = names.map(LayerName::as_str).collect();
        if names.is_empty() { "the layer before it".to_owned() } else { names.join(", ") }
    };
    let found = known.layers.get(place).filter(|layer| layer.layer == *name).ok_or_else(|| TrainerError::Network {
        reason: format!(
            "its topology has no layer {name} at place {place}: it has {}",
            listed(&mut known.layers.iter().map(|layer| &layer.layer))
        ),
    })?;
    if found.reads != reads {
        let [says, expected] = [&found.reads[..], reads].map(|names| listed(&mut names.iter()));
        let reason = format!("its topology says that {name} reads {says}, its description {expected}");
        return Err(TrainerError::Network { reason });
    }
    Ok(found)
}

/// Gives every unnamed layer its kind's stem and the next free number.
fn name_layers(spec: &mut NetworkSpec) -> Result<(), TrainerError> {
    let mut taken: HashSet<LayerName> = HashSet::new();
    for layer in &spec.layers {
        if let Some(name) = &layer.name
            && !taken.insert(name.clone())
        {
            return Err(layers::refuse(layer, "another layer has the same name; names must differ"));
        }
    }
    // The first number of each stem that may be free.
    let mut numbers: HashMap<&str, u64> = HashMap::new();
    let count = spec.layers.len();
    for (place, layer) in spec.layers.iter_mut().enumerate() {
        let kind = layers::kind(&layer.kind)?;
        if kind.role == Role::Classes && place + 1 != count {
            return Err(layers::refuse(layer, format!("only the last layer can be of kind {}", kind.name)));
        }
        if layer.name.is_some() {
            continue;
        }
        let name: LayerName = if kind.role == Role::Classes {
            kind.stem.parse()?
        } else {
            loop {
                let number = numbers.entry(kind.stem).and_modify(|number| *number += 1).or_insert(1);
                let name = format!("{}{number}", kind.stem).parse()?;
                if !taken.contains(&name) {
                    break name;
                }
            }
        };
        layer.name = Some(name.clone());
        // The class layer's is not picked from those that are free.
        if !taken.insert(name) {
            return Err(layers::refuse(layer, "another layer has the same name; names must differ"));
        }
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
        if let Some(bias) = bias.filter(|_| kind.role != Role::Classes) {
            layer.parameters.entry("bias_init").or_insert_with(|| bias.into());
        }
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
    fn resolving_a_resolved_network_changes_nothing() {
        let (once, _) = resolve(&preset("paper").unwrap(), RGB, 10).unwrap();
        let (twice, _) = resolve(&once, RGB, 10).unwrap();
        assert_eq!(once, twice);
    }

    #[test]
    fn a_network_ends_in_any_kind_of_class_layer_and_smoothing_is_a_share() {
        let conv = "[[layer]]\nkind = \"conv\"\nfilters = 3\nkernel = 3\n";
        let ends =
            |layer: &str| resolve(&NetworkSpec::from_toml(&format!("{conv}[[layer]]\n{layer}")).unwrap(), RGB, 10);
        for kind in layers::class_layer_kinds() {
            let (resolved, topology) = ends(&format!("kind = \"{kind}\"")).unwrap();
            assert_eq!(
                (resolved.layers[1].name.as_ref().unwrap().as_str(), topology.layers[1].filters.len()),
                (kind, 10)
            );
        }
        let smoothed = |share: &str| ends(&format!("kind = \"softmax\"\nlabel-smoothing = {share}"));
        assert_eq!(smoothed("0.1").unwrap().0.layers[1].parameters["label_smoothing"], 0.1);
        assert_eq!(smoothed("0").unwrap(), ends("kind = \"softmax\"").unwrap());
        for share in ["1", "-0.1", "1e9"] {
            let refused = smoothed(share).unwrap_err().to_string();
            assert!(refused.contains("label-smoothing must be at least 0 and below 1, found"), "{refused}");
        }
        let refused = ends("kind = \"pool\"\nkernel = 2").unwrap_err().to_string();
        assert!(refused.contains("must be of kind softmax, svm, regression, found pool"), "{refused}");
    }

    #[test]
    fn factors_on_the_decay_are_of_layers_that_decay_and_written_where_they_are_not_1() {
        let resolved = |layer: &str, factors: &str| {
            let text = format!("[[layer]]\n{layer}\n{factors}\n[[layer]]\nkind = \"softmax\"\n");
            resolve(&NetworkSpec::from_toml(&text).unwrap(), RGB, 10)
        };
        let conv = "kind = \"conv\"\nfilters = 3\nkernel = 3";
        let both = resolved(conv, "weight-decay-factor = 0\nl1_decay_factor = 2.5").unwrap();
        let written = &both.0.layers[0].parameters;
        assert_eq!((&written["weight_decay_factor"], &written["l1_decay_factor"]), (&0.0.into(), &2.5.into()));
        assert_eq!(resolve(&both.0, RGB, 10).unwrap().0, both.0);
        assert_eq!(resolved(conv, "weight-decay-factor = 1").unwrap(), resolved(conv, "").unwrap());
        for (layer, factors, says) in [
            (conv, "weight-decay-factor = -1", "layer conv1 (conv): weight-decay-factor must be a finite number"),
            (conv, "l1-decay-factor = \"no\"", "at least 0, found `no`"),
            (conv, "l1-decay-factor = nan", "found not-a-number"),
            ("kind = \"pool\"\nkernel = 2", "weight-decay-factor = 2", "pool1 (pool): it has no weights that decay"),
            ("kind = \"batchnorm\"", "l1-decay-factor = 2", "it has no weights that decay"),
        ] {
            let refused = resolved(layer, factors).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
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
