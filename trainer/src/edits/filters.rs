//! Adding, removing and duplicating filters.
//!
//! A filter is a row of its own layer, a channel of every layer that
//! normalises its maps, and a channel of the next layer with weights: all of
//! them change together.

use revacnn_schemas::{Change, FilterIdentity, FilterInit, FilterNumber, LayerName, counted};

use super::arrays::{self, NewFilter};
use super::draft::Draft;
use super::draws::{self, Connection};
use super::gradmax::{self, Found, Gain};
use super::outcome::{Done, Refusal, Source};
use crate::Trainer;

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
    refuse_groups(draft, place)?;
    let position = draft.position(place, filter)?;
    let (summary, _) = append(draft, layer, 1, Begin::CopyOf(position), seed)?;
    Ok(Done::new(summary).measured(true))
}

/// Removes a filter, its channels, and the coefficients that read it.
pub(super) fn remove(draft: &mut Draft, layer: &LayerName, filter: FilterNumber) -> Result<Done, Refusal> {
    let (place, parameter) = draft.layer_with_filters(layer)?;
    refuse_groups(draft, place)?;
    let position = draft.position(place, filter)?;
    let left = draft.topology.layers[place].filters.len() - 1;
    if left == 0 {
        return Err(Refusal::Reason(format!(
            "{filter} is the last filter of {layer}, and a layer needs one; remove the layer instead"
        )));
    }
    let (joined, reader) = (draft.joined(place), draft.reader_after(place));
    let per_channel = draft.coefficients_per_channel(reader);
    for layer in std::iter::once(place).chain(joined) {
        arrays::remove_filter(draft.weights(layer), position);
        draft.topology.layers[layer].filters.remove(position);
    }
    arrays::remove_channel(draft.weights(reader), per_channel, position);
    draft.definition.network.layers[place].parameters.insert(parameter.to_owned(), left.into());
    draft.rebuild()?;
    Ok(Done::new(format!(
        "{layer} loses filter {filter} and has {left} left; {} reads {} fewer",
        draft.name(reader),
        inputs(per_channel)
    )))
}

/// Refuses what a convolution of groups leaves undefined: which group a filter, or a channel, comes to or leaves.
fn refuse_groups(draft: &Draft, place: usize) -> Result<(), Refusal> {
    let groups = |layer: usize| draft.shapes[layer].map_or(1, |shape| shape.groups);
    let reader = draft.reader_after(place);
    if groups(place) > 1 {
        return Err(Refusal::Reason(format!(
            "{} is a convolution of {} groups with as many filters each, and one filter more or fewer belongs to none \
             of them",
            draft.name(place),
            groups(place)
        )));
    }
    if groups(reader) > 1 {
        return Err(Refusal::Reason(format!(
            "the filters of {} are read by {}, a convolution of {} groups with as many channels each, and one more or \
             fewer belongs to none of them",
            draft.name(place),
            draft.name(reader),
            groups(reader)
        )));
    }
    Ok(())
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
    let (place, parameter) = draft.layer_with_filters(layer)?;
    refuse_groups(draft, place)?;
    let (joined, reader) = (draft.joined(place), draft.reader_after(place));
    let old = draft.topology.layers[place].filters.len();
    let first = draft.topology.layers[place].next_filter.0;
    let total = old as u64 + u64::from(count);
    let (Some(end), true) = (first.checked_add(count), total <= MOST_FILTERS) else {
        return Err(Refusal::Reason(format!(
            "{layer} has {}, and the most is {MOST_FILTERS}",
            counted(old as u64, "filter")
        )));
    };
    for &layer in std::iter::once(&place).chain(&joined) {
        let topology = &mut draft.topology.layers[layer];
        topology.filters.extend((first..end).map(|number| FilterIdentity { number: FilterNumber(number), born: None }));
        topology.next_filter = topology.next_filter.max(FilterNumber(end));
    }
    draft.definition.network.layers[place].parameters.insert(parameter.to_owned(), total.into());
    // Refuses what cannot be built before any array grows.
    draft.rebuild()?;
    let mut sources = Vec::new();
    for number in first..end {
        let source = match begin {
            Begin::Drawn | Begin::Unread => None,
            Begin::Copies => Some(draws::source(seed, layer, number, old)),
            Begin::CopyOf(position) => Some(position),
        };
        for &joining in std::iter::once(&place).chain(&joined) {
            let shape = draft.shape(joining);
            let filter = match source {
                Some(source) => NewFilter::copy(draft.weights(joining), source),
                None => NewFilter::drawn(draws::incoming(seed, &draft.name(joining).clone(), number, &shape), &shape),
            };
            arrays::append_filter(draft.weights(joining), filter);
        }
        connect(draft, Join { place, reader, number, source }, matches!(begin, Begin::Drawn), seed);
        sources.extend(source.map(|source| draft.topology.layers[place].filters[source].number));
    }
    let gained = match (first, end - 1) {
        (first, last) if first == last => format!("filter {first}"),
        (first, last) => format!("filters {first}–{last}"),
    };
    let copied = match &sources[..] {
        [] => String::new(),
        sources => {
            let numbers: Vec<String> = sources.iter().map(ToString::to_string).collect();
            format!(" as {} of {}", if sources.len() == 1 { "a copy" } else { "copies" }, numbers.join(", "))
        }
    };
    let per_channel = draft.coefficients_per_channel(reader);
    let more = inputs(count as usize * per_channel);
    Ok((format!("{layer} gains {gained}{copied}; {} reads {more} more", draft.name(reader)), place))
}

/// A new filter on its way to the layer that reads it.
struct Join {
    place: usize,
    reader: usize,
    number: u32,
    /// Position of the filter that it copies.
    source: Option<usize>,
}

/// Gives the reader the coefficients for a new channel.
fn connect(draft: &mut Draft, join: Join, drawn: bool, seed: u64) {
    let length = draft.coefficients_per_channel(join.reader);
    let shape = draft.shape(join.reader);
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
            arrays::append_channel(state, length, |filter| std::mem::take(&mut given[filter]));
        }
        None if drawn => {
            arrays::append_channel(state, length, |filter| connection(filter).outgoing(seed, length, &shape));
        }
        None => arrays::append_channel(state, length, |_| vec![0.0; length]),
    }
}

fn inputs(count: usize) -> String {
    counted(count as u64, "input")
}
