//! The strongest chain through a filter: from the image to it, and on to the classes.

use std::collections::BTreeSet;

use revacnn_schemas::{ImageShape, LayerName};

use super::Engine;
use super::workspace::Workspace;
use crate::data::decode;
use crate::layers::ImageContext;

/// The strongest chain through a filter, for one image.
///
/// What a filter sums up, before its activation function, is a sum over the maps that its layer reads: the part
/// of a map is its values times the filter's weights for it (weight × activation), over the places where the
/// sum is positive, or over all where it is nowhere. The chain goes back over the map with the largest part, to
/// the filter that made it, as long as that part is positive; and forward to the filter, or the class, that
/// gets most from the one before, of those whose map is not zero everywhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// From the image, or the first filter that nothing before excites, to a class, or the last filter that
    /// excites nothing behind it.
    pub links: Vec<TraceLink>,
}

/// One link of a chain.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceLink {
    /// What is read.
    pub from: TraceEnd,
    /// The filter, or the class, that reads it.
    pub to: TraceEnd,
    /// The part of what the filter sums up that comes from there.
    pub part: f64,
    /// The same as a share of all positive parts of that filter, between 0 and 1.
    pub share: f64,
}

/// An end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceEnd {
    /// The image.
    Image,
    /// A filter of a layer that has maps of its own, by its position. Of the class layer, a class.
    Filter(LayerName, usize),
}

/// A filter as the engine sees it: the operation that sums up, and a channel of what it gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Summed {
    operation: usize,
    channel: usize,
}

/// Where a channel comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Image,
    Filter(Summed),
}

/// What a channel of a map adds to something that reads it.
#[derive(Debug, Clone, Copy)]
struct Part {
    map: usize,
    channel: usize,
    value: f64,
}

const KEPT: ImageContext = ImageContext { keep: true, ..ImageContext::EVALUATION };

impl Engine {
    /// The strongest chain through a filter for an image, `[channel][row][column]`. The layer is one that has
    /// weights and maps of its own.
    pub(crate) fn trace(&self, image: &[u8], layer: &LayerName, filter: usize) -> Trace {
        let mut workspace = Workspace::new(&self.network, true);
        decode(image, &mut workspace.maps[0]);
        workspace.forward(self.shared(), KEPT, 0..self.network.operations.len());
        let operation = (0..self.network.operations.len())
            .find(|&index| self.sums(index) == Some(layer))
            .expect("invariant: who asks has seen that the layer sums up");
        let chosen = Summed { operation, channel: filter };
        let mut links = Vec::new();
        let mut reader = chosen;
        while let Some((from, link)) = self.back(&mut workspace, reader) {
            links.push(link);
            match from {
                Origin::Filter(before) => reader = before,
                Origin::Image => break,
            }
        }
        links.reverse();
        let mut read = chosen;
        while let Some((reader, link)) = self.onward(&mut workspace, read) {
            links.push(link);
            read = reader;
        }
        Trace { links }
    }

    /// The layer of an operation that sums up what it reads for each of its filters.
    fn sums(&self, index: usize) -> Option<&LayerName> {
        let layer = &self.network.weighted[self.network.operations[index].weights?].layer;
        self.network.topology.blocks().any(|block| block.layer == *layer).then_some(layer)
    }

    fn shape(&self, map: usize) -> ImageShape {
        match map.checked_sub(1) {
            None => self.network.input,
            Some(operation) => self.network.operations[operation].operation.output(),
        }
    }

    fn end(&self, origin: Origin) -> TraceEnd {
        match origin {
            Origin::Image => TraceEnd::Image,
            Origin::Filter(Summed { operation, channel }) => {
                let layer = self.sums(operation).expect("invariant: a chain is of filters");
                TraceEnd::Filter(layer.clone(), channel)
            }
        }
    }

    /// The link to a filter from what gives it most.
    fn back(&self, workspace: &mut Workspace, to: Summed) -> Option<(Origin, TraceLink)> {
        let gate = gate(self.of_channel(workspace, to));
        let parts = self.parts(workspace, to, &gate);
        let all = positive(&parts);
        let most = largest(parts.iter().copied().filter(|part| part.value > 0.0), |part| part.value)?;
        let from = self.origin(workspace, most.map, most.channel)?;
        // The image is one, however many colours it has.
        let (part, excites) = match most.map {
            0 => {
                let image: Vec<Part> = parts.iter().copied().filter(|part| part.map == 0).collect();
                (image.iter().map(|part| part.value).sum(), positive(&image))
            }
            _ => (most.value, most.value),
        };
        let share = (excites / all).clamp(0.0, 1.0);
        Some((from, TraceLink { from: self.end(from), to: self.end(Origin::Filter(to)), part, share }))
    }

    /// The link from a filter to what it gives most to.
    fn onward(&self, workspace: &mut Workspace, from: Summed) -> Option<(Summed, TraceLink)> {
        let mut found: Option<(Summed, TraceLink)> = None;
        for (reader, map, carried) in self.carried(workspace, from) {
            let channels: Vec<usize> = carried
                .into_iter()
                .filter(|&channel| self.origin(workspace, map, channel) == Some(Origin::Filter(from)))
                .collect();
            let given = self.given(workspace, reader, map, &channels);
            let excited = |&(channel, part): &(usize, f64)| {
                part > 0.0 && self.gives(workspace, Summed { operation: reader, channel })
            };
            let best = largest(given.into_iter().enumerate().filter(excited), |(_, part)| *part);
            let Some((channel, part)) = best else { continue };
            let to = Summed { operation: reader, channel };
            let gate = gate(self.of_channel(workspace, to));
            let share = (part / positive(&self.parts(workspace, to, &gate))).clamp(0.0, 1.0);
            if found.as_ref().is_none_or(|(_, other)| share > other.share) {
                let [from, end] = [from, to].map(|end| self.end(Origin::Filter(end)));
                found = Some((to, TraceLink { from, to: end, part, share }));
            }
        }
        found
    }

    /// Whether a filter gives something on: its map is not zero everywhere. A class always does.
    fn gives(&self, workspace: &Workspace, filter: Summed) -> bool {
        let layer = self.sums(filter.operation);
        let block = self.network.topology.blocks().position(|block| Some(&block.layer) == layer);
        let last = block.map_or(filter.operation, |block| self.network.blocks[block].last);
        let is_class = last + 1 == self.network.operations.len();
        // What follows a filter in its block may mix channels: then none can be told from the others.
        let mixes = self.shape(last + 1).channels != self.shape(filter.operation + 1).channels;
        let at = Summed { operation: last, channel: filter.channel };
        is_class || mixes || self.of_channel(workspace, at).iter().any(|value| *value != 0.0)
    }

    /// The operations that sum up and read what a filter gives, with nothing that sums up between, each with the
    /// map that it reads, and the channels of that which would be others if the filter gave nothing.
    fn carried(&self, workspace: &mut Workspace, from: Summed) -> Vec<(usize, usize, Vec<usize>)> {
        let (mut reached, mut between, mut readers) = (BTreeSet::from([from.operation + 1]), Vec::new(), Vec::new());
        for (index, unit) in self.network.operations.iter().enumerate().skip(from.operation + 1) {
            let Some(read) = unit.reads.iter().find(|read| reached.contains(&read.map)) else { continue };
            if self.sums(index).is_some() {
                readers.push((index, read.map));
            } else {
                reached.insert(index + 1);
                between.push(index);
            }
        }
        let pass = |workspace: &mut Workspace| {
            between.iter().for_each(|&index| workspace.forward(self.shared(), KEPT, index..index + 1));
        };
        let given = workspace.maps[from.operation + 1].clone();
        let before: Vec<Vec<f32>> = readers.iter().map(|(_, map)| workspace.maps[*map].clone()).collect();
        let places = self.of_channel(workspace, from).len();
        workspace.maps[from.operation + 1][from.channel * places..][..places].fill(0.0);
        pass(workspace);
        let changed = |(&(reader, map), before): (&(usize, usize), &Vec<f32>)| {
            let ImageShape { height, width, .. } = self.shape(map);
            let channels = before.chunks_exact(height * width).zip(workspace.maps[map].chunks_exact(height * width));
            let channels = channels.enumerate().filter(|(_, (before, after))| before != after);
            (reader, map, channels.map(|(channel, _)| channel).collect())
        };
        let carried = readers.iter().zip(&before).map(changed).collect();
        workspace.maps[from.operation + 1] = given;
        pass(workspace);
        carried
    }

    /// Where most of a channel of a map comes from; `None` where nothing does.
    fn origin(&self, workspace: &mut Workspace, map: usize, channel: usize) -> Option<Origin> {
        let (mut map, mut channel) = (map, channel);
        while let Some(operation) = map.checked_sub(1) {
            if self.sums(operation).is_some() {
                return Some(Origin::Filter(Summed { operation, channel }));
            }
            // What shifts or normalises may turn a sign.
            let everywhere = vec![1.0; self.shape(map).height * self.shape(map).width];
            let parts = self.parts(workspace, Summed { operation, channel }, &everywhere);
            let most = largest(parts.into_iter().filter(|part| part.value != 0.0), |part| part.value.abs())?;
            (map, channel) = (most.map, most.channel);
        }
        Some(Origin::Image)
    }

    /// A channel of what an operation gives, `[place]`.
    fn of_channel<'a>(&self, workspace: &'a Workspace, Summed { operation, channel }: Summed) -> &'a [f32] {
        let ImageShape { height, width, .. } = self.shape(operation + 1);
        &workspace.maps[operation + 1][channel * height * width..][..height * width]
    }

    /// What each channel that an operation reads adds to one that it gives, over the places where the gate is 1
    /// and not 0, `[place]`: its values times their gradients, which is exact for what sums up.
    fn parts(&self, workspace: &mut Workspace, Summed { operation, channel }: Summed, gate: &[f32]) -> Vec<Part> {
        let maps: BTreeSet<usize> = self.network.operations[operation].reads.iter().map(|read| read.map).collect();
        let wanted: Vec<bool> = (0..workspace.maps.len()).map(|map| maps.contains(&map)).collect();
        for &map in &maps {
            workspace.gradients[map].fill(0.0);
        }
        workspace.gradients[operation + 1].fill(0.0);
        workspace.gradients[operation + 1][channel * gate.len()..][..gate.len()].copy_from_slice(gate);
        workspace.backward(self.shared(), KEPT, operation..operation + 1, &wanted, None);
        let mut parts = Vec::new();
        for map in maps {
            let ImageShape { height, width, .. } = self.shape(map);
            let values = workspace.maps[map].chunks_exact(height * width);
            let of = values.zip(workspace.gradients[map].chunks_exact(height * width));
            parts.extend(of.enumerate().map(|(channel, (values, slopes))| {
                let products = values.iter().zip(slopes).map(|(&value, &slope)| f64::from(value) * f64::from(slope));
                let value: f64 = products.sum();
                Part { map, channel, value: if value.is_finite() { value } else { 0.0 } }
            }));
        }
        parts
    }

    /// What some channels of a map add to each channel that an operation which sums up gives, over the places
    /// of its gate.
    fn given(&self, workspace: &mut Workspace, operation: usize, map: usize, channels: &[usize]) -> Vec<f64> {
        let ImageShape { height, width, .. } = self.shape(map);
        let places = height * width;
        let ImageShape { channels: filters, height, width } = self.shape(operation + 1);
        let gates: Vec<Vec<f32>> = workspace.maps[operation + 1].chunks_exact(height * width).map(gate).collect();
        let whole = workspace.maps[map].clone();
        let forward = |workspace: &mut Workspace| {
            workspace.forward(self.shared(), KEPT, operation..operation + 1);
            workspace.maps[operation + 1].clone()
        };
        workspace.maps[map].fill(0.0);
        let without = forward(workspace);
        for &channel in channels {
            let of = channel * places..(channel + 1) * places;
            workspace.maps[map][of.clone()].copy_from_slice(&whole[of]);
        }
        let with = forward(workspace);
        workspace.maps[map] = whole;
        forward(workspace);
        let added = |filter: usize| {
            let of = filter * height * width..(filter + 1) * height * width;
            let differences = with[of.clone()].iter().zip(&without[of]).zip(&gates[filter]);
            let added: f64 = differences.map(|((with, without), gate)| f64::from((with - without) * gate)).sum();
            if added.is_finite() { added } else { 0.0 }
        };
        (0..filters).map(added).collect()
    }
}

/// 1 at the places where a filter sums up more than nothing, or at all where it does nowhere, `[place]`.
fn gate(sums: &[f32]) -> Vec<f32> {
    match sums.iter().any(|sum| *sum > 0.0) {
        true => sums.iter().map(|&sum| if sum > 0.0 { 1.0 } else { 0.0 }).collect(),
        false => vec![1.0; sums.len()],
    }
}

/// All positive parts together.
fn positive(parts: &[Part]) -> f64 {
    parts.iter().map(|part| part.value).filter(|value| *value > 0.0).sum()
}

/// The one with the largest value, of equals the first.
fn largest<T>(of: impl Iterator<Item = T>, value: impl Fn(&T) -> f64) -> Option<T> {
    of.reduce(|best, next| if value(&next) > value(&best) { next } else { best })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use revacnn_schemas::{ImageIndex, NetworkSpec};

    use super::*;
    use crate::data::load;
    use crate::{Settings, Trainer, define};

    fn trained(text: &str) -> Trainer {
        let dataset = Arc::new(load("digits", None).unwrap());
        let definition = define(NetworkSpec::from_toml(text).unwrap(), &dataset, &Settings::default()).unwrap();
        let mut trainer = Trainer::new(&definition, dataset, 1).unwrap();
        (0..40).for_each(|_| drop(trainer.step().unwrap()));
        trainer
    }

    const PLAIN: &str = "[[layer]]\nkind = \"conv\"\nfilters = 5\nkernel = 3\npad = 1\nactivation = \"relu\"\n\
        [[layer]]\nkind = \"pool\"\nkernel = 2\n\
        [[layer]]\nkind = \"conv\"\nfilters = 6\nkernel = 3\npad = 1\nactivation = \"relu\"\n\
        [[layer]]\nkind = \"softmax\"\n";

    /// Block by block: two branches that are joined, one beside the other, and a sum.
    const JOINED: &str = "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\nactivation = \"relu\"\n\
        [[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\n\
        [[layer]]\nkind = \"add\"\nreads = [\"conv2\", \"conv1\"]\n\
        [[layer]]\nkind = \"concat\"\nreads = [\"conv1\", \"add1\"]\n\
        [[layer]]\nkind = \"batchnorm\"\n\
        [[layer]]\nkind = \"conv\"\nfilters = 5\nkernel = 3\nactivation = \"relu\"\n\
        [[layer]]\nkind = \"softmax\"\n";

    fn looked(engine: &Engine, image: &[u8]) -> Workspace {
        let mut workspace = Workspace::new(engine.network(), true);
        decode(image, &mut workspace.maps[0]);
        workspace.forward(engine.shared(), KEPT, 0..engine.network().operations.len());
        workspace
    }

    #[test]
    fn the_parts_of_a_filter_are_all_that_it_sums_up_but_its_bias() {
        for text in [PLAIN, JOINED] {
            let trainer = trained(text);
            let engine = trainer.engine();
            let mut workspace = looked(engine, &trainer.dataset().train().image(ImageIndex(7)).unwrap());
            let mut compared = 0;
            for operation in 0..engine.network().operations.len() {
                let Some(layer) = engine.sums(operation).cloned() else { continue };
                let place = engine.network().operations[operation].weights.unwrap();
                let biases = engine.parameters()[place].biases.clone();
                let map = engine.network().operations[operation].reads[0].map;
                let ImageShape { channels, height, width } = engine.shape(operation + 1);
                let values = workspace.maps[operation + 1].clone();
                for channel in 0..channels {
                    let of = &values[channel * height * width..][..height * width];
                    let gate = gate(of);
                    let places: f64 = gate.iter().map(|&open| f64::from(open)).sum();
                    let summed: f64 = of.iter().zip(&gate).map(|(value, open)| f64::from(value * open)).sum();
                    let bias = f64::from(biases[channel]) * places;
                    let parts = engine.parts(&mut workspace, Summed { operation, channel }, &gate);
                    let all: f64 = parts.iter().map(|part| part.value).sum();
                    assert!((summed - bias - all).abs() < 1e-3 * (1.0 + summed.abs()), "{layer} {channel}");
                    // What is given onward is the same part, seen from the other side.
                    let read = channel % parts.len();
                    let given = engine.given(&mut workspace, operation, map, &[read])[channel];
                    let part = parts[read].value;
                    assert!((given - part).abs() < 1e-3 * (1.0 + summed.abs()), "{layer} {channel}: {given} {part}");
                    compared += 1;
                }
            }
            assert!(compared >= 20, "{compared}");
        }
    }

    #[test]
    fn a_chain_is_of_the_strongest_parts_and_leads_from_the_image_to_a_class() {
        let trainer = trained(PLAIN);
        let engine = trainer.engine();
        let [conv1, conv2, softmax] = ["conv1", "conv2", "softmax"].map(|name| name.parse::<LayerName>().unwrap());
        let image = trainer.dataset().train().image(ImageIndex(7)).unwrap();
        let mut workspace = looked(engine, &image);
        let summing: Vec<usize> =
            (0..engine.network().operations.len()).filter(|&at| engine.sums(at).is_some()).collect();
        assert_eq!(summing.len(), 3);
        let mut into = |operation: usize, channel: usize| -> Vec<f64> {
            let summed = Summed { operation, channel };
            let gate = gate(engine.of_channel(&workspace, summed));
            engine.parts(&mut workspace, summed, &gate).iter().map(|part| part.value).collect()
        };
        let mut whole = 0;
        for filter in 0..6 {
            let trace = engine.trace(&image, &conv2, filter);
            let parts = into(summing[1], filter);
            let most = parts.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let chosen = TraceEnd::Filter(conv2.clone(), filter);
            let Some(link) = trace.links.iter().find(|link| link.to == chosen) else {
                assert!(most <= 0.0, "{filter}: {parts:?}");
                continue;
            };
            let before = parts.iter().position(|part| *part == most).unwrap();
            assert_eq!((&link.from, link.part), (&TraceEnd::Filter(conv1.clone(), before), most));
            let positive: f64 = parts.iter().filter(|part| **part > 0.0).sum();
            assert!((link.share - most / positive).abs() < 1e-9);
            for pair in trace.links.windows(2) {
                assert_eq!(pair[0].to, pair[1].from);
            }
            let last = trace.links.last().unwrap();
            if last.to != chosen {
                let of_classes: Vec<f64> = (0..10).map(|class| into(summing[2], class)[filter]).collect();
                let best = (0..10).max_by(|&one, &other| of_classes[one].total_cmp(&of_classes[other])).unwrap();
                assert_eq!(last.to, TraceEnd::Filter(softmax.clone(), best), "{of_classes:?}");
                whole += usize::from(trace.links[0].from == TraceEnd::Image && trace.links.len() == 3);
            }
        }
        assert!(whole >= 2, "{whole}");
    }

    #[test]
    fn a_chain_goes_on_to_no_filter_that_is_zero_everywhere() {
        let mut trainer = trained(PLAIN);
        let image = trainer.dataset().train().image(ImageIndex(7)).unwrap().into_owned();
        let mut state = trainer.state();
        // All of conv2 but its filter 2 are dead, however much they get.
        for (filter, bias) in state.parameters[1].biases.iter_mut().enumerate() {
            *bias = if filter == 2 { 1.0 } else { -1e3 };
        }
        trainer.restore(&state).unwrap();
        let (conv1, conv2): (LayerName, LayerName) = ("conv1".parse().unwrap(), "conv2".parse().unwrap());
        let mut onward = 0;
        for filter in 0..5 {
            for link in trainer.engine().trace(&image, &conv1, filter).links {
                if let TraceEnd::Filter(layer, position) = link.to
                    && layer == conv2
                {
                    assert_eq!(position, 2);
                    onward += 1;
                }
            }
        }
        assert!(onward > 0);
        // One that is dead itself has what would excite it, and gives nothing on.
        let dead = trainer.engine().trace(&image, &conv2, 4);
        let end = TraceEnd::Filter(conv2, 4);
        assert!(dead.links.last().is_none_or(|last| last.to == end), "{dead:?}");
    }

    #[test]
    fn a_chain_goes_through_sums_and_what_lies_side_by_side() {
        let trainer = trained(JOINED);
        let engine = trainer.engine();
        let image = trainer.dataset().train().image(ImageIndex(7)).unwrap();
        let mut seen = BTreeSet::new();
        for filter in 0..5 {
            let trace = engine.trace(&image, &"conv3".parse().unwrap(), filter);
            for link in &trace.links {
                let name = |end: &TraceEnd| match end {
                    TraceEnd::Image => "image".to_owned(),
                    TraceEnd::Filter(layer, position) => {
                        assert!(*position < if layer.as_str() == "conv3" { 5 } else { 10 });
                        layer.to_string()
                    }
                };
                assert!(link.part > 0.0 && link.share > 0.0 && link.share <= 1.0, "{link:?}");
                seen.insert((name(&link.from), name(&link.to)));
            }
        }
        // Past conv2, or through it, and never into itself.
        let reads_conv1 = seen.contains(&("conv1".to_owned(), "conv3".to_owned()));
        let reads_conv2 = seen.contains(&("conv2".to_owned(), "conv3".to_owned()));
        assert!(reads_conv1 || reads_conv2, "{seen:?}");
        assert!(seen.contains(&("image".to_owned(), "conv1".to_owned())), "{seen:?}");
        assert!(seen.contains(&("conv3".to_owned(), "softmax".to_owned())), "{seen:?}");
        assert!(seen.iter().all(|(from, to)| from != to), "{seen:?}");
        // From conv1 both ways on are compared.
        let onward = engine.trace(&image, &"conv1".parse().unwrap(), 0);
        assert!(onward.links.len() >= 2, "{onward:?}");
    }
}
