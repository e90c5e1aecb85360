//! Adding, removing and duplicating filters.
//!
//! A filter is a row of its own layer, a channel of every layer that
//! normalises its maps, and a channel of every layer with weights that reads
//! it; where it is part of a sum, so are other layers' filters at its place
//! ([`Spread`]): all of them change together.

use std::collections::BTreeMap;

use revacnn_schemas::{Change, FilterIdentity, FilterInit, FilterNumber, LayerName, counted};

use super::arrays::{self, NewFilter};
use super::channels::{Place, Spread};
use super::draft::Draft;
use super::draws::{self, Connection};
use super::gradmax::{self, Found, Gain};
use super::outcome::{Done, Refusal, Source};
use crate::Trainer;
use crate::layers::Role;

/// The most filters that any layer can have.
const MOST_FILTERS: u64 = 1 << 20;

/// Filters to be added.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewFilters<'a> {
    pub(super) layer: &'a LayerName,
    pub(super) count: u32,
    pub(super) init: FilterInit,
    pub(super) coefficients: Option<&'a [Vec<f32>]>,
}

/// How new filters and the coefficients that read them begin.
#[derive(Debug, Clone, Copy)]
enum Begin {
    /// Drawn, and read through drawn coefficients.
    Drawn,
    /// Drawn, and read through zeros.
    Unread,
    /// Copies, each of a filter that it draws.
    Copies,
    /// Copies of the filter at this position.
    CopyOf(usize),
}

/// Adds `count` filters at the end of a layer.
///
/// `random`: incoming coefficients N(0, 1/fan-in), outgoing ones N(0, 1/fan-in
/// of the layer that reads them). `zero`: outgoing ones 0, so that every output
/// keeps its bits. `split`: see [`duplicate`], the source being drawn.
/// `gradmax`: see [`gradmax::search`]. What it finds is in the change that is
/// recorded; `coefficients` are those that are recorded already.
pub(super) fn add(
    trainer: &Trainer,
    draft: &mut Draft,
    NewFilters { layer, count, init, coefficients }: NewFilters<'_>,
    seed: u64,
    source: Source,
) -> Result<Done, Refusal> {
    if count == 0 {
        return Err(Refusal::Reason("count must be at least 1".to_owned()));
    }
    let begin = match init {
        FilterInit::Random => Begin::Drawn,
        FilterInit::Zero | FilterInit::Gradmax => Begin::Unread,
        FilterInit::Split => Begin::Copies,
    };
    if coefficients.is_some() && init != FilterInit::Gradmax {
        return Err(Refusal::Reason(format!("coefficients are found for init=gradmax alone, found init={init}")));
    }
    let (mut summary, place) = append(draft, layer, count, begin, seed)?;
    let mut done = Done::new("").measured(init != FilterInit::Random);
    match (init, coefficients, source) {
        (FilterInit::Gradmax, Some(coefficients), _) => {
            check_coefficients(draft, place, count as usize, coefficients)?;
            let gains = gradmax::set(trainer, draft, place, coefficients)?;
            summary += &in_words(&gains);
        }
        (FilterInit::Gradmax, None, Source::Recorded) => {
            gradmax::maximise_as_first(trainer, draft, place, count as usize)?;
        }
        (FilterInit::Gradmax, None, Source::Asked) => {
            let Found { coefficients, gains } = gradmax::search(trainer, draft, place, count as usize, seed)?;
            summary += &in_words(&gains);
            let (layer, coefficients) = (layer.clone(), Some(coefficients));
            done.recorded = Some(Change::AddFilter { layer, count, init, coefficients });
        }
        _ => {}
    }
    Ok(Done { summary, ..done })
}

/// Checks the coefficients of `count` new filters that a fork holds, which may
/// come from a stranger.
fn check_coefficients(draft: &Draft, place: usize, count: usize, values: &[Vec<f32>]) -> Result<(), Refusal> {
    let expected = draft.shape(place).coefficients;
    let lengths = || values.iter().map(Vec::len);
    if values.len() != count || lengths().any(|length| length != expected) {
        return Err(Refusal::Reason(format!(
            "expected the coefficients of {}, {expected} each, found {} with up to {}",
            counted(count as u64, "filter"),
            values.len(),
            lengths().max().unwrap_or(0)
        )));
    }
    if values.iter().flatten().any(|value| !value.is_finite()) {
        return Err(Refusal::Reason("coefficients must be finite numbers".to_owned()));
    }
    Ok(())
}

/// What a search gained.
fn in_words(gains: &[Gain]) -> String {
    let it = if gains.len() == 1 { "it" } else { "them" };
    let gained: Vec<String> = gains
        .iter()
        .map(|gain| match gain {
            Gain::Times(ratio) => format!("{ratio:.3} times the random draw's"),
            Gain::FromNothing => "above 0, where the random draw has no gradient".to_owned(),
            Gain::Nothing => "0: no direction has a gradient on this batch, and the draw stays".to_owned(),
        })
        .collect();
    format!("; the squared gradient of the coefficients that read {it} is {}", gained.join(", "))
}

/// Adds a copy of a filter (Net2Wider).
///
/// The copy has the filter's coefficients, bias and normalisation, and slots
/// of zeros: it has no history of its own. Every coefficient w that read the
/// filter is shared out as w·r and w − w·r, with r drawn from [0.25, 0.75) for each
/// reading filter and input channel: unequal, so that the twins get different
/// gradients and part. The optimizer's slots of the coefficient w stay.
///
/// Source: Chen, Goodfellow and Shlens, *Net2Net* (2016), section 2.2; there
/// the shares are equal and noise is added to part the twins.
pub(super) fn duplicate(
    draft: &mut Draft,
    layer: &LayerName,
    filter: FilterNumber,
    seed: u64,
) -> Result<Done, Refusal> {
    let (place, _) = draft.layer_with_filters(layer)?;
    let position = draft.position(place, filter)?;
    let (summary, _) = append(draft, layer, 1, Begin::CopyOf(position), seed)?;
    Ok(Done::new(summary).measured(true))
}

/// Removes a filter, its channels, those that it is added to, and the coefficients that read them.
pub(super) fn remove(draft: &mut Draft, layer: &LayerName, filter: FilterNumber) -> Result<Done, Refusal> {
    let (place, _) = draft.layer_with_filters(layer)?;
    let position = draft.position(place, filter)?;
    let spread = draft.spread(place, Place { channel: Some(position), new: None })?;
    let at = |place: &Place| place.channel.expect("invariant: a channel that there is has a place");
    let openers = openers(draft, &spread);
    let gone: Vec<FilterNumber> = openers
        .iter()
        .map(|opener| draft.topology.layers[*opener].filters[at(&spread.within[opener])].number)
        .collect();
    if let Some(last) = openers.iter().find(|opener| draft.topology.layers[**opener].filters.len() == 1) {
        let last = &draft.topology.layers[*last];
        return Err(Refusal::Reason(format!(
            "{} is the last filter of {}, and a layer needs one; remove the layer instead",
            last.filters[0].number, last.layer
        )));
    }
    for (&layer, place) in &spread.within {
        let position = at(place);
        if draft.parameters[layer].is_some() {
            arrays::remove_filter(draft.weights(layer), position);
        }
        if !draft.topology.layers[layer].filters.is_empty() {
            draft.topology.layers[layer].filters.remove(position);
        }
    }
    let mut read = Vec::with_capacity(spread.readers.len());
    for (&reader, place) in &spread.readers {
        let per_channel = draft.coefficients_per_channel(reader);
        arrays::remove_channel(draft.weights(reader), per_channel, at(place));
        read.push((reader, per_channel));
    }
    count_filters(draft, &openers);
    draft.rebuild()?;
    let left = draft.topology.layers[place].filters.len();
    let partners = openers.iter().zip(&gone).filter(|(opener, _)| **opener != place);
    let partners = partners.map(|(&opener, gone)| format!("{} filter {gone}", draft.name(opener)));
    Ok(Done::new(format!(
        "{layer} loses filter {filter} and has {left} left{}; {}",
        together(&partners.collect::<Vec<_>>()),
        readers_in_words(draft, &read, "fewer")
    )))
}

/// Layers with filters of their own among those that a channel is of.
fn openers(draft: &Draft, spread: &Spread) -> Vec<usize> {
    spread.within.keys().copied().filter(|&layer| draft.role(layer) == Some(Role::Opens)).collect()
}

/// Writes into the description how many filters these layers have by the topology.
fn count_filters(draft: &mut Draft, openers: &[usize]) {
    for &opener in openers {
        let parameter = draft.kind(opener).ok().and_then(|kind| kind.count);
        let count = draft.topology.layers[opener].filters.len();
        if let Some(parameter) = parameter {
            draft.definition.network.layers[opener].parameters.insert(parameter.to_owned(), count.into());
        }
    }
}

/// What other layers gain or lose with a filter that is added to theirs.
fn together(partners: &[String]) -> String {
    if partners.is_empty() {
        String::new()
    } else {
        format!(", and as these are added up, so do {}", partners.join(", "))
    }
}

/// Adds filters and everything that belongs to them; returns what was done
/// and the layer's place.
fn append(
    draft: &mut Draft,
    layer: &LayerName,
    count: u32,
    begin: Begin,
    seed: u64,
) -> Result<(String, usize), Refusal> {
    let (place, _) = draft.layer_with_filters(layer)?;
    let old = draft.topology.layers[place].filters.len();
    let first = draft.topology.layers[place].next_filter.0;
    let spread = draft.spread(place, Place { channel: None, new: Some(old) })?;
    // Of each filter that can be copied, as places are before the new ones come.
    let copied_from = |source: usize| draft.spread(place, Place { channel: Some(source), new: Some(old) });
    let copied: Result<Vec<Spread>, Refusal> = match begin {
        Begin::Drawn | Begin::Unread => Ok(Vec::new()),
        Begin::Copies => (0..old).map(copied_from).collect(),
        Begin::CopyOf(position) => copied_from(position).map(|spread| vec![spread]),
    };
    let copied = copied?;
    let openers = openers(draft, &spread);
    let firsts = grow(draft, &spread, count)?;
    count_filters(draft, &openers);
    // Refuses what cannot be built before any array grows.
    draft.rebuild()?;
    let behind = |place: &Place, added: usize| place.new.expect("invariant: a channel that comes has a place") + added;
    let mut sources = Vec::new();
    for added in 0..count as usize {
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
            let position = behind(place, added);
            let filter = match place.channel {
                Some(source) => NewFilter::copy(draft.weights(joining), source),
                None => {
                    let number = draft.numbers(joining)[position];
                    NewFilter::drawn(draws::incoming(seed, &draft.name(joining).clone(), number, &shape))
                }
            };
            arrays::insert_filter(draft.weights(joining), position, filter);
        }
        for (&reader, at) in &spread.readers {
            let join = Join { place, reader, number, source: at.channel, position: behind(at, added) };
            connect(draft, join, matches!(begin, Begin::Drawn), seed);
        }
        let source = spread.within[&place].channel;
        sources.extend(source.map(|source| draft.topology.layers[place].filters[source].number.to_string()));
    }
    let copied = match sources.len() {
        0 => String::new(),
        1 => format!(" as a copy of {}", sources[0]),
        _ => format!(" as copies of {}", sources.join(", ")),
    };
    let numbers = |opener: &usize| filters_in_words(firsts[opener], count);
    let partners = openers.iter().filter(|opener| **opener != place);
    let partners = partners.map(|opener| format!("{} {}", draft.name(*opener), numbers(opener))).collect::<Vec<_>>();
    let read = spread.readers.keys();
    let read: Vec<(usize, usize)> =
        read.map(|&reader| (reader, count as usize * draft.coefficients_per_channel(reader))).collect();
    let summary = format!(
        "{layer} gains {}{copied}{}; {}",
        numbers(&place),
        together(&partners),
        readers_in_words(draft, &read, "more")
    );
    Ok((summary, place))
}

/// Gives every layer that a channel is of `count` new ones in the topology; returns the first
/// new number of each that numbers its own.
fn grow(draft: &mut Draft, spread: &Spread, count: u32) -> Result<BTreeMap<usize, u32>, Refusal> {
    let mut firsts = BTreeMap::new();
    for (&layer, place) in &spread.within {
        let at = place.new.expect("invariant: a channel that comes has a place");
        let flow = draft.opener(layer).filter(|&opener| opener != layer);
        let topology = &draft.topology.layers[layer];
        let new: Vec<FilterIdentity> = match flow {
            Some(_) if topology.filters.is_empty() => continue,
            // What normalises has the numbers of the filters whose maps reach it.
            Some(opener) => draft.topology.layers[opener].filters[at..at + count as usize].to_vec(),
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
    /// Where the filter that it copies is among the reader's channels.
    source: Option<usize>,
    /// Where it comes among them.
    position: usize,
}

/// Gives the reader the coefficients for a new channel.
fn connect(draft: &mut Draft, join: Join, drawn: bool, seed: u64) {
    let length = draft.coefficients_per_channel(join.reader);
    let fan_in = draft.shape(join.reader).coefficients;
    let numbers = draft.numbers(join.reader);
    let layer = draft.name(join.place).clone();
    let state = draft.weights(join.reader);
    let connection = |filter: usize| Connection { layer: &layer, number: join.number, reading: numbers[filter] };
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
            let outgoing = |filter| connection(filter).outgoing(seed, length, fan_in);
            arrays::insert_channel(state, length, join.position, outgoing);
        }
        None => arrays::insert_channel(state, length, join.position, |_| vec![0.0; length]),
    }
}

fn filters_in_words(first: u32, count: u32) -> String {
    if count == 1 { format!("filter {first}") } else { format!("filters {first}–{}", first + count - 1) }
}

/// What readers read more or fewer.
fn readers_in_words(draft: &Draft, read: &[(usize, usize)], than_before: &str) -> String {
    let words =
        read.iter().map(|(reader, count)| format!("{} reads {} {than_before}", draft.name(*reader), inputs(*count)));
    words.collect::<Vec<_>>().join(", ")
}

fn inputs(count: usize) -> String {
    counted(count as u64, "input")
}
