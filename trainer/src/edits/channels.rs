//! Where a filter's channel goes: the layers that have it, and those that read it.
//!
//! A filter is a channel of every layer that passes it on, of every sum that it is part of, and
//! so of every other filter in that sum, and of every concatenation. All of them gain or lose it
//! together. Where a layer makes one channel of several, these come and go together, too; and so do
//! the channels that one group of a convolution reads, with that group's filters: of a depthwise
//! convolution a channel and the filters that are its own.

use std::collections::{BTreeMap, BTreeSet};

use revacnn_schemas::counted;

use super::draft::Draft;
use super::outcome::Refusal;
use super::place::{Place, Regrouped};
use crate::TrainerError;
use crate::edges::Origin;
use crate::layers::{Gather, Role};

/// Why channels cannot be followed.
enum Stopped {
    Refused(Refusal),
    /// A layer takes so many channels together, for a reason, and these are as many.
    Lacks {
        reason: String,
        pieces: usize,
        found: usize,
    },
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<TrainerError> for Stopped {
    fn from(error: TrainerError) -> Self {
        Self::Refused(error.into())
    }
}

fn refused<T>(reason: String) -> Result<T, Stopped> {
    Err(Stopped::Refused(Refusal::Reason(reason)))
}

/// A copy of one channel where several belong together.
fn belongs_to_none(reason: &str) -> Stopped {
    Stopped::Refused(Refusal::Reason(format!(
        "{reason}, and a copy of one filter belongs to none of them; add filters with init=random or init=zero"
    )))
}

/// The place where `from` channels belong to `to` others.
fn regrouped(place: Place, from: usize, to: usize, reason: String) -> Result<Place, Stopped> {
    match place.regrouped(from, to) {
        Regrouped::Whole(place) => Ok(place),
        Regrouped::Lacks => Err(Stopped::Lacks { reason, pieces: from, found: place.run }),
        Regrouped::Across => {
            refused(format!("{reason}, and this one is with channels of several layers; remove it first"))
        }
    }
}

/// What belongs together in a convolution of several groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    /// Channels that a group reads.
    pub(super) reads: usize,
    /// Its filters.
    pub(super) filters: usize,
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
    /// between others, one that a layer has twice, filters that leave others behind of which a
    /// channel is made or that a group has, and a group's that reads channels of the images.
    pub(super) fn spread(&self, layer: usize, place: Place) -> Result<Spread, Refusal> {
        self.follow(layer, place).map_err(|stopped| match stopped {
            Stopped::Refused(refusal) => refusal,
            Stopped::Lacks { reason, pieces, found } => {
                // What `run` channels here are there, one after another.
                let is_whole = |count: &usize| (count * found).is_multiple_of(place.run * pieces);
                let least = (1..=place.run * pieces).find(is_whole).unwrap_or(place.run * pieces);
                Refusal::Reason(format!(
                    "{reason}, and {found} more or fewer {} no multiple of that: with count={least}, or a multiple of \
                     it, they are",
                    if found == 1 { "is" } else { "are" }
                ))
            }
        })
    }

    /// Where the channels of a filter go that leaves, with those beside it of which another channel is
    /// made, or which are in its group.
    ///
    /// # Errors
    /// As [`spread`](Self::spread).
    pub(super) fn spread_of_group(&self, layer: usize, channel: usize) -> Result<Spread, Refusal> {
        let mut run = 1;
        loop {
            let place = Place { channel: Some(channel / run * run), new: None, run };
            match self.follow(layer, place) {
                Ok(spread) => return Ok(spread),
                // Each time that a layer behind others makes one of more.
                Err(Stopped::Lacks { pieces, found, .. }) if run * pieces <= self.outputs[layer].channels => {
                    run *= (2..=pieces).find(|times| (found * times).is_multiple_of(pieces)).unwrap_or(pieces);
                }
                Err(Stopped::Refused(refusal)) => return Err(refusal),
                Err(Stopped::Lacks { .. }) => return self.spread(layer, place),
            }
        }
    }

    fn follow(&self, layer: usize, place: Place) -> Result<Spread, Stopped> {
        let mut spread = Spread::default();
        // Layers that were reached by what their channels are made of.
        let mut is_of_part = BTreeSet::new();
        let mut todo = vec![(layer, place)];
        while let Some((layer, place)) = todo.pop() {
            match spread.within.insert(layer, place) {
                Some(known) if known == place => continue,
                Some(_) => {
                    return refused(format!(
                        "{} has this filter among its channels twice, and what a reader of both is to make of it is \
                         not defined",
                        self.name(layer)
                    ));
                }
                None => {}
            }
            if !is_of_part.remove(&layer) {
                self.come_from(layer, place, &mut todo)?;
            }
            for reader in self.readers_of(Some(layer)) {
                match self.kind(reader)?.role {
                    Role::Opens | Role::Classes => match self.group(reader) {
                        Some(group) => {
                            is_of_part.insert(reader);
                            let place = self.regrouped(reader, place, group, (group.reads, group.filters))?;
                            todo.push((reader, place));
                        }
                        None => drop(spread.readers.insert(reader, place)),
                    },
                    Role::Gathers(Gather::Channels) => {
                        let begin = self.parts(reader).find(|(source, ..)| *source == Some(layer));
                        let (_, begin, _) = begin.expect("invariant: it reads the layer");
                        is_of_part.insert(reader);
                        todo.push((reader, place.moved(begin)));
                    }
                    Role::Reduces => {
                        let pieces = self.outputs[layer].channels / self.outputs[reader].channels.max(1);
                        is_of_part.insert(reader);
                        todo.push((reader, self.reduced(reader, place, pieces)?));
                    }
                    Role::Joins | Role::Ends | Role::Gathers(Gather::Sum) => todo.push((reader, place)),
                }
            }
        }
        Ok(spread)
    }

    /// The place among the channels of a layer that makes one of so many.
    fn reduced(&self, reader: usize, place: Place, pieces: usize) -> Result<Place, Stopped> {
        let reason = format!("{} makes one channel of each {pieces} that it reads", self.name(reader));
        if place.channel.is_some() && place.new.is_some() {
            return Err(belongs_to_none(&reason));
        }
        regrouped(place, pieces, 1, reason)
    }

    /// The place of what a grouped convolution makes of channels, or reads for filters: `from` of
    /// the ones belong to `to` of the others.
    fn regrouped(
        &self,
        layer: usize,
        place: Place,
        group: Group,
        (from, to): (usize, usize),
    ) -> Result<Place, Stopped> {
        let reason = format!(
            "{} has {} in each of its groups and reads {} with it, which come and go together",
            self.name(layer),
            counted(group.filters as u64, "filter"),
            counted(group.reads as u64, "channel")
        );
        if from > 1 && place.channel.is_some() && place.new.is_some() {
            return Err(belongs_to_none(&reason));
        }
        regrouped(place, from, to, reason)
    }

    /// What each group of a layer has, where it has several.
    pub(super) fn group(&self, layer: usize) -> Option<Group> {
        let shape = self.shapes[layer].filter(|shape| shape.groups > 1)?;
        let (channels, groups) = (self.inputs[layer].channels, shape.groups);
        Some(Group { reads: channels / groups, filters: shape.filters / groups })
    }

    /// Adds what a layer's channel is made of, channel by channel.
    fn come_from(&self, layer: usize, place: Place, todo: &mut Vec<(usize, Place)>) -> Result<(), Stopped> {
        let kind = self.kind(layer)?;
        let add = |source: Origin, place: Place, todo: &mut Vec<(usize, Place)>| match source {
            Some(source) => {
                todo.push((source, place));
                Ok(())
            }
            None => refused(format!("{} adds it to a channel of the images, whose number is fixed", self.name(layer))),
        };
        if let Some(group) = self.group(layer) {
            let Some(source) = self.sources[layer][0] else {
                return refused(format!(
                    "each group of {} reads channels of the images, whose number is fixed, and filters come and go \
                     with their group",
                    self.name(layer)
                ));
            };
            todo.push((source, self.regrouped(layer, place, group, (group.filters, group.reads))?));
            return Ok(());
        }
        match kind.role {
            Role::Opens if kind.count.is_none() => refused(format!(
                "it is added to a channel of {}, which is of kind {} and has as many as reach it",
                self.name(layer),
                kind.name
            )),
            Role::Opens if place.new.is_some_and(|at| at != self.outputs[layer].channels) => refused(format!(
                "it is added to a channel of {}, which would have to gain a filter between others, and filters are \
                 added at a layer's end",
                self.name(layer)
            )),
            Role::Reduces => refused(format!(
                "it is added to a channel of {}, which is of kind {} and makes one of several; edit what that reads",
                self.name(layer),
                kind.name
            )),
            Role::Opens | Role::Classes => Ok(()),
            Role::Joins | Role::Ends => add(self.sources[layer][0], place, todo),
            Role::Gathers(Gather::Sum) => self.sources[layer].iter().try_for_each(|&source| add(source, place, todo)),
            Role::Gathers(Gather::Channels) => {
                let mut parts = self.parts(layer);
                let part = parts.find_map(|(source, begin, channels)| Some((source, place.within(begin, channels)?)));
                match part {
                    Some((source, place)) => add(source, place, todo),
                    None => refused(format!(
                        "it is added to channels of {}, which would have to gain one between those of a layer",
                        self.name(layer)
                    )),
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
                Role::Opens | Role::Classes | Role::Gathers(_) | Role::Reduces => return Some(at),
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
