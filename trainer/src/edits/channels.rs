//! Where a filter's channel goes: the layers that have it, and those that read it.
//!
//! A filter is a channel of every layer that passes it on, of every sum that it is part of, and
//! so of every other filter in that sum, and of every concatenation. All of them gain or lose it
//! together.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use super::outcome::Refusal;
use crate::edges::Origin;
use crate::layers::{Gather, Role};

/// A place among the channels of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The channel that is there.
    pub(super) channel: Option<usize>,
    /// Before which channel a new one comes, or behind the last.
    pub(super) new: Option<usize>,
}

impl Place {
    fn moved(self, by: usize) -> Self {
        Self { channel: self.channel.map(|at| at + by), new: self.new.map(|at| at + by) }
    }

    /// The place within a part of so many channels that begins at `begin`, if it is in there. A
    /// new channel between two parts is the first one's.
    fn within(self, begin: usize, channels: usize) -> Option<Self> {
        let channel = self.channel.map(|at| at.checked_sub(begin).filter(|&at| at < channels));
        let new = self.new.map(|at| at.checked_sub(begin).filter(|&at| (1..=channels).contains(&at)));
        let is_outside = channel == Some(None) || new == Some(None);
        (!is_outside).then(|| Self { channel: channel.flatten(), new: new.flatten() })
    }
}

/// Every layer that a channel is of, by its place in the network.
#[derive(Debug, Clone, Default)]
pub(super) struct Spread {
    /// Layers that have it among their channels.
    pub(super) within: BTreeMap<usize, Place>,
    /// Layers with coefficients for it, which make other channels of it.
    pub(super) readers: BTreeMap<usize, Place>,
}

impl Draft {
    /// Where the channels of a layer with filters go.
    ///
    /// # Errors
    /// A filter that is added up with what has a fixed number of channels, one that would come
    /// between others, and one that a layer has twice.
    pub(super) fn spread(&self, layer: usize, place: Place) -> Result<Spread, Refusal> {
        let mut spread = Spread::default();
        // Concatenations that were reached by the one part that has the channel.
        let mut is_of_part = BTreeSet::new();
        let mut todo = vec![(layer, place)];
        while let Some((layer, place)) = todo.pop() {
            match spread.within.insert(layer, place) {
                Some(known) if known == place => continue,
                Some(_) => {
                    return Err(Refusal::Reason(format!(
                        "{} has this filter among its channels twice, and what a reader of both is to make of it is \
                         not defined",
                        self.name(layer)
                    )));
                }
                None => {}
            }
            if !is_of_part.remove(&layer) {
                self.come_from(layer, place, &mut todo)?;
            }
            for reader in self.readers_of(Some(layer)) {
                match self.kind(reader)?.role {
                    Role::Opens | Role::Classes => {
                        spread.readers.insert(reader, place);
                    }
                    Role::Gathers(Gather::Channels) => {
                        let begin = self.parts(reader).find(|(source, ..)| *source == Some(layer));
                        let (_, begin, _) = begin.expect("invariant: it reads the layer");
                        is_of_part.insert(reader);
                        todo.push((reader, place.moved(begin)));
                    }
                    Role::Joins | Role::Ends | Role::Gathers(Gather::Sum) => todo.push((reader, place)),
                }
            }
        }
        self.refuse_groups(&spread)?;
        Ok(spread)
    }

    /// Refuses what a convolution of groups leaves undefined: which group a filter, or a channel,
    /// comes to or leaves.
    fn refuse_groups(&self, spread: &Spread) -> Result<(), Refusal> {
        let groups = |layer: &usize| self.shapes[*layer].map_or(1, |shape| shape.groups);
        if let Some(grouped) = spread.within.keys().find(|layer| groups(layer) > 1) {
            return Err(Refusal::Reason(format!(
                "{} is a convolution of {} groups with as many filters each, and filters more or fewer belong to \
                 none of them",
                self.name(*grouped),
                groups(grouped)
            )));
        }
        if let Some(reader) = spread.readers.keys().find(|reader| groups(reader) > 1) {
            let read = self.sources[*reader][0].and_then(|source| self.opener(source));
            let read = read.expect("invariant: what it reads has the channel");
            return Err(Refusal::Reason(format!(
                "the filters of {} are read by {}, a convolution of {} groups with as many channels each, and \
                 channels more or fewer belong to none of them",
                self.name(read),
                self.name(*reader),
                groups(reader)
            )));
        }
        Ok(())
    }

    /// Adds what a layer's channel is made of, channel by channel.
    fn come_from(&self, layer: usize, place: Place, todo: &mut Vec<(usize, Place)>) -> Result<(), Refusal> {
        let kind = self.kind(layer)?;
        let add = |source: Origin, place: Place, todo: &mut Vec<(usize, Place)>| match source {
            Some(source) => {
                todo.push((source, place));
                Ok(())
            }
            None => Err(Refusal::Reason(format!(
                "{} adds it to a channel of the images, whose number is fixed",
                self.name(layer)
            ))),
        };
        match kind.role {
            Role::Opens if kind.count.is_none() => Err(Refusal::Reason(format!(
                "it is added to a channel of {}, which is of kind {} and has as many as reach it",
                self.name(layer),
                kind.name
            ))),
            Role::Opens if place.new.is_some_and(|at| at != self.outputs[layer].channels) => {
                Err(Refusal::Reason(format!(
                    "it is added to a channel of {}, which would have to gain a filter between others, and filters \
                     are added at a layer's end",
                    self.name(layer)
                )))
            }
            Role::Opens | Role::Classes => Ok(()),
            Role::Joins | Role::Ends => add(self.sources[layer][0], place, todo),
            Role::Gathers(Gather::Sum) => self.sources[layer].iter().try_for_each(|&source| add(source, place, todo)),
            Role::Gathers(Gather::Channels) => {
                let mut parts = self.parts(layer);
                let part = parts.find_map(|(source, begin, channels)| Some((source, place.within(begin, channels)?)));
                match part {
                    Some((source, place)) => add(source, place, todo),
                    None => Err(Refusal::Reason(format!(
                        "it is added to channels of {}, which would have to gain one between those of a layer",
                        self.name(layer)
                    ))),
                }
            }
        }
    }

    /// The layers that read a layer or the images, in order.
    pub(super) fn readers_of(&self, source: Origin) -> impl Iterator<Item = usize> {
        (0..self.sources.len()).filter(move |&reader| self.sources[reader].contains(&source))
    }

    /// What a layer reads, and where the channels of each begin among those of all, and how
    /// many there are.
    fn parts(&self, layer: usize) -> impl Iterator<Item = (Origin, usize, usize)> {
        let mut begin = 0;
        self.sources[layer].iter().map(move |&source| {
            let channels = self.output_of(source).channels;
            begin += channels;
            (source, begin - channels, channels)
        })
    }

    /// The layer whose filters' maps a layer gives, or passes on: one with filters, or one that
    /// gathers several. None where these are the images.
    pub(super) fn opener(&self, layer: usize) -> Option<usize> {
        let mut at = layer;
        loop {
            match self.role(at)? {
                Role::Joins | Role::Ends => at = self.sources[at][0]?,
                Role::Opens | Role::Classes | Role::Gathers(_) => return Some(at),
            }
        }
    }

    /// The layers whose filters a layer's channels are of, in order.
    pub(super) fn openers_of(&self, layer: usize) -> Vec<usize> {
        let mut found = Vec::new();
        let mut todo = self.sources[layer].clone();
        while let Some(source) = todo.pop() {
            match source.and_then(|source| self.opener(source)) {
                Some(opener) if self.role(opener) == Some(Role::Opens) => found.push(opener),
                Some(gathers) => todo.extend(&self.sources[gathers]),
                None => {}
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Layers with weights per channel that normalise the filters of `layer` alone.
    pub(super) fn joined(&self, layer: usize) -> Vec<usize> {
        let follows = |&after: &usize| {
            self.parameters[after].is_some()
                && self.role(after) == Some(Role::Joins)
                && self.opener(after) == Some(layer)
        };
        (layer + 1..self.topology.layers.len()).filter(follows).collect()
    }
}
