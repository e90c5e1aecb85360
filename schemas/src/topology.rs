//! Which layers and filters a branch has, and in which order.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::{BranchId, FilterNumber, IMAGES, LayerName};

/// Identity of a filter within its layer: where it was born, and its number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilterIdentity {
    /// The filter's number; numbers are never reused in a lineage.
    pub number: FilterNumber,
    /// The branch that added the filter; `None` means one that is about to be
    /// made, which the store fills in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born: Option<BranchId>,
}

/// One layer as the log sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerTopology {
    /// The layer's name.
    pub layer: LayerName,
    /// The layer's kind, such as `conv`.
    pub kind: String,
    /// The layers whose outputs it reads, in order; the layer before it (the
    /// images, for the first one) if there are none here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<LayerName>,
    /// Its filters (units, channels) in position order; empty for layers
    /// without filters of their own, such as pooling. A layer that reads
    /// several others numbers the channels that it makes of theirs.
    #[serde(default)]
    pub filters: Vec<FilterIdentity>,
    /// Coefficients of one filter, for layers with weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coefficients: Option<usize>,
    /// Rows and columns of one filter's activation map, for layers that open
    /// a block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<[usize; 2]>,
    /// Whether the layer keeps running statistics per channel.
    #[serde(default)]
    pub normalises: bool,
    /// Groups of the inputs in order, each read by as many filters of its own: one for a layer
    /// that is not a grouped convolution.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub groups: usize,
    /// Rows and columns of a filter's coefficients for one input, for a convolution whose
    /// kernel is no square.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<[usize; 2]>,
    /// The number that the layer's next filter gets: above every number that
    /// the lineage ever gave out, so that none is used twice.
    #[serde(default)]
    pub next_filter: FilterNumber,
}

pub(crate) fn one() -> usize {
    1
}

pub(crate) fn is_one(groups: &usize) -> bool {
    *groups == 1
}

impl LayerTopology {
    /// How many of `inputs` a filter reads.
    pub fn read_by_each(&self, inputs: usize) -> usize {
        inputs / self.groups.max(1)
    }

    /// Which of `inputs` the filter at a position reads, in the order of its coefficients.
    pub fn read_by(&self, position: usize, inputs: usize) -> std::ops::Range<usize> {
        let each = self.read_by_each(inputs);
        let filters = (self.filters.len() / self.groups.max(1)).max(1);
        let first = (position / filters).saturating_mul(each);
        first.min(inputs)..first.saturating_add(each).min(inputs)
    }

    /// Whether each filter that another network's layer has, too, reads the same inputs there, and there is one.
    fn reads_as(&self, inputs: &[FilterIdentity], other: &Self, other_inputs: &[FilterIdentity]) -> bool {
        let theirs: HashMap<&FilterIdentity, usize> = other.filters.iter().zip(0..).collect();
        let mut shared = self.filters.iter().enumerate().filter_map(|(at, filter)| Some((at, *theirs.get(filter)?)));
        let reads_same = |(own, their): (usize, usize)| {
            let theirs = other.read_by(their, other_inputs.len());
            inputs[self.read_by(own, inputs.len())] == other_inputs[theirs]
        };
        shared.clone().next().is_some() && shared.all(reads_same)
    }

    /// Rows and columns of so many coefficients for one input: of a square without a kernel of
    /// its own; one row where neither fits.
    pub fn kernel_of(&self, coefficients: usize) -> [usize; 2] {
        let side = coefficients.isqrt();
        match self.kernel {
            Some([rows, columns]) if rows.checked_mul(columns) == Some(coefficients) => [rows, columns],
            None if side * side == coefficients => [side, side],
            _ => [1, coefficients],
        }
    }
}

/// Every layer of a network in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The layers.
    pub layers: Vec<LayerTopology>,
    /// Names of layers that the lineage once had: they are not given again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<LayerName>,
}

impl Topology {
    /// Layers that have filters, in order.
    pub fn layers_with_filters(&self) -> impl Iterator<Item = &LayerTopology> {
        self.layers.iter().filter(|layer| !layer.filters.is_empty())
    }

    /// Layers with weights: the order of [`StepView::parameters`](crate::StepView).
    pub fn parameter_layers(&self) -> impl Iterator<Item = &LayerTopology> {
        self.layers.iter().filter(|layer| layer.coefficients.is_some())
    }

    /// Layers that open a block: the order of [`StepView::blocks`](crate::StepView).
    pub fn blocks(&self) -> impl Iterator<Item = &LayerTopology> {
        self.layers.iter().filter(|layer| layer.map.is_some())
    }

    /// The layer that has one filter per class: the last one.
    pub fn class_layer(&self) -> Option<&LayerTopology> {
        self.layers.last()
    }

    /// Layers with running statistics: the order of
    /// [`StepView::normalisation`](crate::StepView).
    pub fn normalising_layers(&self) -> impl Iterator<Item = &LayerTopology> {
        self.layers.iter().filter(|layer| layer.normalises)
    }

    /// Places of the layers that the layer at a place reads, in order; empty
    /// where it reads the images. What it names that is no layer before it, such as the images,
    /// is left out.
    pub fn read_by(&self, place: usize) -> Vec<usize> {
        match self.layers.get(place) {
            None => Vec::new(),
            Some(layer) if layer.reads.is_empty() => place.checked_sub(1).into_iter().collect(),
            Some(layer) => {
                let before = |name: &LayerName| self.layers[..place].iter().position(|other| other.layer == *name);
                layer.reads.iter().filter_map(before).collect()
            }
        }
    }

    /// The first layer that names another to read that is not before it, and is not the images.
    pub fn broken_edge(&self) -> Option<(&LayerTopology, &LayerName)> {
        self.layers.iter().enumerate().find_map(|(place, layer)| {
            let before = |name: &LayerName| self.layers[..place].iter().any(|other| other.layer == *name);
            let broken = |name: &&LayerName| name.as_str() != IMAGES && !before(name);
            layer.reads.iter().find(broken).map(|name| (layer, name))
        })
    }

    /// The layer whose maps a layer reads: the one that opens the block before
    /// it, be that one that makes channels of those of several layers. `None` for a layer that
    /// reads the images, for one that reads several layers itself, and for one that is not there.
    pub fn input_layer_of(&self, layer: &LayerName) -> Option<&LayerTopology> {
        let place = self.layers.iter().position(|candidate| candidate.layer == *layer)?;
        let &[before] = self.read_by(place).as_slice() else { return None };
        self.layers.get(self.block_of(before)?)
    }

    /// The place of the layer that opens the block whose maps the layer at a place gives or passes
    /// on; none for the images.
    pub fn block_of(&self, mut place: usize) -> Option<usize> {
        while self.layers.get(place)?.map.is_none() {
            let &[before] = self.read_by(place).as_slice() else { return None };
            place = before;
        }
        Some(place)
    }

    /// What the channels of the layer at a place are made of, where it reads several layers or makes
    /// channels of several of one layer, and nothing otherwise: of each channel in order the filters, by the place of the layer that
    /// opens their block and their position in it. A layer with as many channels as each of those
    /// that it reads adds them up, and one with as many as all has theirs in order. One without
    /// coefficients that reads a layer with a multiple of its channels makes one of as many that follow
    /// one another. Channels of the images are left out.
    pub fn made_of(&self, place: usize) -> Vec<Vec<(usize, usize)>> {
        let Some(layer) = self.layers.get(place) else { return Vec::new() };
        if layer.reads.len() < 2 {
            return self.groups_of(place, layer);
        }
        let block =
            |name: &LayerName| self.block_of(self.layers[..place].iter().position(|other| other.layer == *name)?);
        let read: Vec<Option<usize>> = layer.reads.iter().map(block).collect();
        let channels = |block: usize| self.layers[block].filters.len();
        let all = layer.filters.len();
        if read.iter().flatten().all(|&block| channels(block) == all) {
            let of = |channel: usize| read.iter().flatten().map(|&block| (block, channel)).collect();
            return (0..all).map(of).collect();
        }
        let known: usize = read.iter().flatten().map(|&block| channels(block)).sum();
        let of_images = all.saturating_sub(known);
        let parts = read.iter().flat_map(|block| match *block {
            Some(block) => (0..channels(block)).map(|channel| vec![(block, channel)]).collect(),
            None => vec![Vec::new(); of_images],
        });
        parts.take(all).collect()
    }

    /// What the channels of a layer that reads one are made of.
    fn groups_of(&self, place: usize, layer: &LayerTopology) -> Vec<Vec<(usize, usize)>> {
        let &[before] = self.read_by(place).as_slice() else { return Vec::new() };
        let Some(block) = self.block_of(before).filter(|_| layer.map.is_some() && layer.coefficients.is_none()) else {
            return Vec::new();
        };
        let (all, made) = (self.layers[block].filters.len(), layer.filters.len());
        if made == 0 || all <= made || !all.is_multiple_of(made) {
            return Vec::new();
        }
        let pieces = all / made;
        (0..made)
            .map(|channel| (channel * pieces..(channel + 1) * pieces).map(|piece| (block, piece)).collect())
            .collect()
    }

    /// The filter whose maps are those of a channel: of a layer that has the channels of several
    /// others in order, theirs. `None` for a channel of the images.
    pub fn origin_of(&self, layer: &LayerName, channel: usize) -> Option<(&LayerTopology, &FilterIdentity)> {
        let mut at = (self.layers.iter().position(|candidate| candidate.layer == *layer)?, channel);
        loop {
            let made_of = self.made_of(at.0);
            match made_of.get(at.1).map(Vec::as_slice) {
                // A sum has as many channels as what it adds, be one of these the images.
                Some(&[part]) if self.layers[part.0].filters.len() < made_of.len() => at = part,
                Some([]) => return None,
                _ => return Some((&self.layers[at.0], self.layers[at.0].filters.get(at.1)?)),
            }
        }
    }

    /// The filters of [that layer](Self::input_layer_of), in position order.
    ///
    /// A filter's coefficients are `[input][…]` in this order.
    pub fn inputs_of(&self, layer: &LayerName) -> Option<&[FilterIdentity]> {
        self.input_layer_of(layer).map(|before| before.filters.as_slice())
    }

    /// The coefficients of one filter of a layer that mean the same in another
    /// network: pairs of places (here, there) that read one filter, by its
    /// identity, or one channel of the images, at one place of the kernel. A
    /// layer that works on each channel alone, such as a normalisation, reads
    /// its own.
    ///
    /// `None` where nothing can be compared: one of the networks lacks the
    /// layer, or they have it with kernels of different sizes, of different
    /// kinds, or with no input that both have.
    pub fn shared_coefficients(&self, other: &Self, layer: &LayerName) -> Option<Vec<(usize, usize)>> {
        let find = |topology: &Self| topology.layers.iter().find(|own| own.layer == *layer).cloned();
        let (own, theirs) = (find(self)?, find(other)?);
        let (length, their_length) = (own.coefficients?, theirs.coefficients?);
        let in_order = || (length == their_length).then(|| (0..length).map(|place| (place, place)).collect());
        if own.kind != theirs.kind {
            return None;
        }
        if own.map.is_none() {
            return in_order();
        }
        if own.kernel != theirs.kernel {
            return None;
        }
        match (self.input_layer_of(layer), other.input_layer_of(layer)) {
            (None, None) => in_order(),
            // Which inputs a filter reads follows from its group.
            (Some(before), Some(their_before)) if own.groups > 1 || theirs.groups > 1 => {
                let depthwise = own.groups == before.filters.len() && theirs.groups == their_before.filters.len();
                let is_same = before.layer == their_before.layer
                    && (depthwise || own.reads_as(&before.filters, &theirs, &their_before.filters));
                is_same.then(in_order).flatten()
            }
            (Some(before), Some(their_before)) if before.layer == their_before.layer => {
                let each = length / before.filters.len().max(1);
                let places: HashMap<&FilterIdentity, usize> =
                    their_before.filters.iter().enumerate().map(|(place, filter)| (filter, place)).collect();
                let inputs = before.filters.iter().enumerate();
                let inputs: Vec<(usize, usize)> =
                    inputs.filter_map(|(place, filter)| Some((place, *places.get(filter)?))).collect();
                if each != their_length / their_before.filters.len().max(1) || inputs.is_empty() {
                    return None;
                }
                let of = |(place, other)| (0..each).map(move |at| (place * each + at, other * each + at));
                Some(inputs.into_iter().flat_map(of).collect())
            }
            _ => None,
        }
    }

    /// Number of parameters: all coefficients and biases.
    pub fn parameters(&self) -> usize {
        self.parameter_layers().map(|layer| layer.filters.len() * (layer.coefficients.unwrap_or(0) + 1)).sum()
    }

    /// Values of all block outputs of one image.
    pub fn activations(&self) -> usize {
        self.blocks().map(|layer| layer.filters.len() * layer.map.map_or(0, |[rows, columns]| rows * columns)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &str, opens: bool, reads: &[&str]) -> LayerTopology {
        LayerTopology {
            layer: name.parse().unwrap(),
            kind: "conv".to_owned(),
            reads: reads.iter().map(|name| name.parse().unwrap()).collect(),
            filters: Vec::new(),
            coefficients: None,
            map: opens.then_some([4, 4]),
            normalises: false,
            groups: 1,
            kernel: None,
            next_filter: FilterNumber(0),
        }
    }

    #[test]
    fn a_layer_reads_the_one_before_it_unless_it_names_others() {
        let layers = vec![
            layer("conv1", true, &[]),
            layer("pool1", false, &[]),
            layer("conv2", true, &[]),
            layer("sum", false, &["conv2", "pool1"]),
            layer("fc1", true, &["conv1"]),
        ];
        let mut topology = Topology { layers, retired: Vec::new() };
        let read: Vec<Vec<usize>> = (0..5).map(|place| topology.read_by(place)).collect();
        assert_eq!(read, [vec![], vec![0], vec![1], vec![2, 1], vec![0]]);
        let input = |name: &str| topology.input_layer_of(&name.parse().unwrap()).map(|layer| layer.layer.to_string());
        assert_eq!(input("conv2").as_deref(), Some("conv1"));
        assert_eq!(input("fc1").as_deref(), Some("conv1"));
        assert_eq!([input("conv1"), input("sum")], [None, None]);
        assert_eq!(topology.broken_edge(), None);
        topology.layers[1].reads = vec!["fc1".parse().unwrap()];
        assert_eq!(topology.broken_edge().unwrap().1.as_str(), "fc1");
    }

    #[test]
    fn channels_of_a_sum_are_of_all_and_those_of_a_concatenation_of_one() {
        let mut layers = vec![
            layer("conv1", true, &[]),
            layer("conv2", true, &[]),
            layer("relu", false, &[]),
            layer("add", true, &["relu", "conv1"]),
            layer("concat", true, &["add", "input", "conv2"]),
            layer("fc1", true, &[]),
        ];
        let filters = |numbers: std::ops::Range<u32>| {
            numbers.map(|number| FilterIdentity { number: FilterNumber(number), born: None }).collect()
        };
        for (place, numbers) in [(0, 0..2), (1, 5..7), (3, 0..2), (4, 0..7), (5, 0..3)] {
            layers[place].filters = filters(numbers);
        }
        let topology = Topology { layers, retired: Vec::new() };
        assert_eq!(topology.made_of(3), [[(1, 0), (0, 0)], [(1, 1), (0, 1)]]);
        let [own, images] = [|at| vec![at], |_| vec![]];
        let expected = [own((3, 0)), own((3, 1)), images((0, 0)), vec![], vec![], own((1, 0)), own((1, 1))];
        assert_eq!(topology.made_of(4), expected);
        assert!(topology.made_of(1).is_empty() && topology.made_of(9).is_empty());
        let origin = |channel| {
            let (layer, filter) = topology.origin_of(&"concat".parse().unwrap(), channel)?;
            Some(format!("{}/{}", layer.layer, filter.number))
        };
        assert_eq!(origin(1).as_deref(), Some("add/1"));
        assert_eq!((origin(3), origin(6).as_deref()), (None, Some("conv2/6")));
    }

    #[test]
    fn channels_of_a_layer_without_coefficients_are_of_as_many_as_follow_one_another() {
        let filters =
            |count: u32| (0..count).map(|number| FilterIdentity { number: FilterNumber(number), born: None }).collect();
        let mut layers = vec![layer("conv1", true, &[]), layer("relu", false, &[]), layer("maxout1", true, &[])];
        (layers[0].filters, layers[2].filters) = (filters(6), filters(2));
        let mut topology = Topology { layers, retired: Vec::new() };
        assert_eq!(topology.made_of(2), [[(0, 0), (0, 1), (0, 2)], [(0, 3), (0, 4), (0, 5)]]);
        let origin = topology.origin_of(&"maxout1".parse().unwrap(), 1).unwrap();
        assert_eq!((origin.0.layer.as_str(), origin.1.number), ("maxout1", FilterNumber(1)));
        topology.layers[2].coefficients = Some(9);
        assert!(topology.made_of(2).is_empty(), "a convolution makes channels of all");
    }

    /// Branches that exist are written so: their text must not change.
    #[test]
    fn a_layer_that_reads_the_one_before_it_is_written_without_edges() {
        let json = serde_json::to_string(&layer("conv1", true, &[])).unwrap();
        assert_eq!(
            json,
            r#"{"layer":"conv1","kind":"conv","filters":[],"map":[4,4],"normalises":false,"next_filter":0}"#
        );
        assert_eq!(serde_json::from_str::<LayerTopology>(&json).unwrap(), layer("conv1", true, &[]));
        let edges = serde_json::to_string(&layer("conv3", true, &["conv1"])).unwrap();
        assert!(edges.contains(r#""reads":["conv1"]"#), "{edges}");
    }
}
