//! How filters join a network: the layers that their channels are of grow, and what reads them.

use std::collections::BTreeMap;

use revacnn_schemas::{FilterIdentity, FilterNumber, LayerName, counted};

use super::arrays::{self, NewFilter};
use super::channels::Spread;
use super::draft::Draft;
use super::draws::{self, Connection};
use super::filters::{MOST_FILTERS, count_filters, filters_in_words, openers, readers_in_words, together};
use super::outcome::Refusal;
use super::place::Place;

/// How new filters and the coefficients that read them begin.
#[derive(Debug, Clone, Copy)]
pub(super) enum Begin {
    /// Drawn, and read through drawn coefficients.
    Drawn,
    /// Drawn, and read through zeros.
    Unread,
    /// Copies, each of a filter that it draws.
    Copies,
    /// Copies of the filter at this position.
    CopyOf(usize),
}

/// Adds filters and everything that belongs to them; returns what was done
/// and the layer's place.
pub(super) fn append(
    draft: &mut Draft,
    layer: &LayerName,
    count: u32,
    begin: Begin,
    seed: u64,
) -> Result<(String, usize), Refusal> {
    let (place, _) = draft.layer_with_filters(layer)?;
    let old = draft.topology.layers[place].filters.len();
    let first = draft.topology.layers[place].next_filter.0;
    // Of each filter that can be copied, as places are before the new ones come.
    let copied_from =
        |source: usize| draft.spread(place, Place { channel: Some(source), ..Place::coming(old, count as usize) });
    let copied: Result<Vec<Spread>, Refusal> = match begin {
        Begin::Drawn | Begin::Unread => Ok(Vec::new()),
        Begin::Copies => (0..old).map(copied_from).collect(),
        Begin::CopyOf(position) => copied_from(position).map(|spread| vec![spread]),
    };
    // That a filter cannot be copied is said before how many would have to come.
    let copied = copied?;
    let spread = draft.spread(place, Place::coming(old, count as usize))?;
    let openers = openers(draft, &spread);
    let firsts = grow(draft, &spread)?;
    count_filters(draft, &openers);
    // Refuses what cannot be built before any array grows.
    draft.rebuild()?;
    let mut sources = Vec::new();
    let all = count as usize;
    for added in 0..all {
        let number = first + added as u32;
        let spread = match begin {
            Begin::Drawn | Begin::Unread => &spread,
            Begin::Copies => &copied[draws::source(seed, layer, number, old)],
            Begin::CopyOf(_) => &copied[0],
        };
        for (&joining, place) in &spread.within {
            if draft.parameters[joining].is_none() {
                continue;
            }
            let shape = draft.shape(joining);
            for (piece, position) in place.of_added(added, all).enumerate() {
                let filter = match place.channel {
                    Some(source) => NewFilter::copy(draft.weights(joining), source + piece),
                    None => {
                        let number = draft.numbers(joining)[position];
                        let mut drawn = draws::incoming(seed, &draft.name(joining).clone(), number, &shape);
                        // A layer that reads one that it is added to gets the new channels below.
                        if let Some(at) = spread.readers.get(&joining) {
                            let per_channel = draft.coefficients_per_channel(joining);
                            let not_yet = at.of_added(added, all).start..at.of_added(all - 1, all).end;
                            drawn.drain(not_yet.start * per_channel..not_yet.end * per_channel);
                        }
                        NewFilter::drawn(drawn, &shape)
                    }
                };
                arrays::insert_filter(draft.weights(joining), position, filter);
            }
        }
        for (&reader, at) in &spread.readers {
            for (piece, position) in at.of_added(added, all).enumerate() {
                let source = at.channel.map(|source| source + piece);
                let join = Join { place, reader, number, piece: piece as u64, source, position };
                connect(draft, join, matches!(begin, Begin::Drawn), seed);
            }
        }
        let source = spread.within[&place].channel;
        sources.extend(source.map(|source| draft.topology.layers[place].filters[source].number.to_string()));
    }
    let copied = match sources.len() {
        0 => String::new(),
        1 => format!(" as a copy of {}", sources[0]),
        _ => format!(" as copies of {}", sources.join(", ")),
    };
    let numbers = |opener: &usize| filters_in_words(firsts[opener], spread.within[opener].run as u32);
    let partners = openers.iter().filter(|opener| **opener != place);
    let partners = partners.map(|opener| format!("{} {}", draft.name(*opener), numbers(opener))).collect::<Vec<_>>();
    let read = spread.readers.iter();
    let read: Vec<(usize, usize)> =
        read.map(|(&reader, at)| (reader, at.run * draft.coefficients_per_channel(reader))).collect();
    let summary = format!(
        "{layer} gains {}{copied}{}; {}",
        numbers(&place),
        together(&partners),
        readers_in_words(draft, &read, "more")
    );
    Ok((summary, place))
}

/// Gives every layer that new channels are of these in the topology; returns the first
/// new number of each that numbers its own.
fn grow(draft: &mut Draft, spread: &Spread) -> Result<BTreeMap<usize, u32>, Refusal> {
    let mut firsts = BTreeMap::new();
    for (&layer, place) in &spread.within {
        let at = place.new.expect("invariant: a channel that comes has a place");
        let count = place.run as u32;
        let flow = draft.opener(layer).filter(|&opener| opener != layer);
        let topology = &draft.topology.layers[layer];
        let new: Vec<FilterIdentity> = match flow {
            Some(_) if topology.filters.is_empty() => continue,
            // What normalises has the numbers of the filters whose maps reach it.
            Some(opener) => draft.topology.layers[opener].filters[at..at + place.run].to_vec(),
            None => {
                let first = topology.next_filter.0;
                let old = topology.filters.len() as u64;
                let (Some(end), true) = (first.checked_add(count), old + u64::from(count) <= MOST_FILTERS) else {
                    return Err(Refusal::Reason(format!(
                        "{} has {}, and the most is {MOST_FILTERS}",
                        topology.layer,
                        counted(old, "filter")
                    )));
                };
                firsts.insert(layer, first);
                (first..end).map(|number| FilterIdentity { number: FilterNumber(number), born: None }).collect()
            }
        };
        let topology = &mut draft.topology.layers[layer];
        let next = new.iter().map(|filter| filter.number.0 + 1).max().unwrap_or(0);
        topology.next_filter = topology.next_filter.max(FilterNumber(next));
        topology.filters.splice(at..at, new);
    }
    Ok(firsts)
}

/// A new filter on its way to a layer that reads it.
struct Join {
    place: usize,
    reader: usize,
    number: u32,
    /// Which of the channels that come with it.
    piece: u64,
    /// Where the filter that it copies is among the reader's channels.
    source: Option<usize>,
    /// Where it comes among them.
    position: usize,
}

/// Gives the reader the coefficients for a new channel.
fn connect(draft: &mut Draft, join: Join, drawn: bool, seed: u64) {
    let length = draft.coefficients_per_channel(join.reader);
    let shape = draft.shape(join.reader);
    let numbers = draft.numbers(join.reader);
    let layer = draft.name(join.place).clone();
    let state = draft.weights(join.reader);
    let connection =
        |filter: usize| Connection { layer: &layer, number: join.number, piece: join.piece, reading: numbers[filter] };
    match join.source {
        Some(source) => {
            let old = state.weights.len() / state.biases.len();
            let mut given = Vec::with_capacity(state.biases.len());
            for filter in 0..state.biases.len() {
                let share = connection(filter).share(seed);
                let kept = &mut state.weights[filter * old + source * length..][..length];
                given.push(
                    kept.iter_mut()
                        .map(|weight| {
                            let whole = *weight;
                            *weight = whole * share;
                            whole - *weight
                        })
                        .collect::<Vec<f32>>(),
                );
            }
            arrays::insert_channel(state, length, join.position, |filter| std::mem::take(&mut given[filter]));
        }
        None if drawn => {
            let outgoing = |filter| connection(filter).outgoing(seed, length, &shape);
            arrays::insert_channel(state, length, join.position, outgoing);
        }
        None => arrays::insert_channel(state, length, join.position, |_| vec![0.0; length]),
    }
}
