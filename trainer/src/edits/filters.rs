//! Adding, removing and duplicating filters.
//!
//! A filter is a row of its own layer, a channel of every layer that
//! normalises its maps, and a channel of every layer with weights that reads
//! it; where it is part of a sum, so are other layers' filters at its place, and where a convolution
//! of groups reads it, so is its group ([`Spread`]): all of them change together.

use revacnn_schemas::{Change, FilterInit, FilterNumber, LayerName, counted};

use super::arrays;
use super::channels::Spread;
use super::draft::Draft;
use super::gradmax::{self, Found, Gain};
use super::grow::{Begin, append};
use super::outcome::{Done, Refusal, Source};
use crate::Trainer;
use crate::layers::Role;

/// The most filters that any layer can have.
pub(super) const MOST_FILTERS: u64 = 1 << 20;

/// Filters to be added.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewFilters<'a> {
    pub(super) layer: &'a LayerName,
    pub(super) count: u32,
    pub(super) init: FilterInit,
    pub(super) coefficients: Option<&'a [Vec<f32>]>,
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

/// Removes a filter, its channels, those that it is added to or in a group with, and the coefficients
/// that read them.
pub(super) fn remove(draft: &mut Draft, layer: &LayerName, filter: FilterNumber) -> Result<Done, Refusal> {
    let (place, _) = draft.layer_with_filters(layer)?;
    let position = draft.position(place, filter)?;
    let spread = draft.spread_of_group(place, position)?;
    let openers = openers(draft, &spread);
    let gone: Vec<Vec<u32>> = openers
        .iter()
        .map(|opener| {
            let at = &spread.within[opener];
            draft.numbers(*opener)[at.first()..at.first() + at.run].to_vec()
        })
        .collect();
    let is_last = |opener: &&usize| draft.topology.layers[**opener].filters.len() == spread.within[*opener].run;
    if let Some(last) = openers.iter().find(is_last) {
        let last = &draft.topology.layers[*last];
        return Err(Refusal::Reason(match &last.filters[..] {
            [only] => format!(
                "{} is the last filter of {}, and a layer needs one; remove the layer instead",
                only.number, last.layer
            ),
            all => format!(
                "with it all {} filters of {} would go, for they come and go together, and a layer needs some; remove \
                 the layer instead",
                all.len(),
                last.layer
            ),
        }));
    }
    for (&layer, place) in &spread.within {
        let (first, run) = (place.first(), place.run);
        if draft.parameters[layer].is_some() {
            (0..run).for_each(|_| arrays::remove_filter(draft.weights(layer), first));
        }
        if !draft.topology.layers[layer].filters.is_empty() {
            draft.topology.layers[layer].filters.drain(first..first + run);
        }
    }
    let mut read = Vec::with_capacity(spread.readers.len());
    for (&reader, place) in &spread.readers {
        let per_channel = draft.coefficients_per_channel(reader);
        (0..place.run).for_each(|_| arrays::remove_channel(draft.weights(reader), per_channel, place.first()));
        read.push((reader, place.run * per_channel));
    }
    let grouped: Vec<usize> = openers.iter().copied().filter(|&opener| draft.group(opener).is_some()).collect();
    count_filters(draft, &openers);
    draft.rebuild()?;
    let dense = grouped.into_iter().filter(|&opener| draft.group(opener).is_none());
    let dense: Vec<String> =
        dense.map(|opener| format!("; {} has one group left: it reads all", draft.name(opener))).collect();
    let left = draft.topology.layers[place].filters.len();
    let numbers = |gone: &[u32]| match gone {
        [one] => format!("filter {one}"),
        several => format!("filters {}", several.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
    };
    let partners = openers.iter().zip(&gone).filter(|(opener, _)| **opener != place);
    let partners = partners.map(|(&opener, gone)| format!("{} {}", draft.name(opener), numbers(gone)));
    let own = openers.iter().zip(&gone).find(|(opener, _)| **opener == place).map_or(&[][..], |(_, gone)| gone);
    Ok(Done::new(format!(
        "{layer} loses {} and has {left} left{}; {}{}",
        numbers(own),
        together(&partners.collect::<Vec<_>>()),
        readers_in_words(draft, &read, "fewer"),
        dense.concat()
    )))
}

/// Layers with filters of their own among those that a channel is of.
pub(super) fn openers(draft: &Draft, spread: &Spread) -> Vec<usize> {
    spread.within.keys().copied().filter(|&layer| draft.role(layer) == Some(Role::Opens)).collect()
}

/// Writes into the description how many filters these layers have by the topology, and in how many groups.
pub(super) fn count_filters(draft: &mut Draft, openers: &[usize]) {
    for &opener in openers {
        let parameter = draft.kind(opener).ok().and_then(|kind| kind.count);
        let count = draft.topology.layers[opener].filters.len();
        let groups = draft.group(opener).map(|group| count / group.filters);
        let parameters = &mut draft.definition.network.layers[opener].parameters;
        if let Some(parameter) = parameter {
            parameters.insert(parameter.to_owned(), count.into());
        }
        if let Some(groups) = groups {
            parameters.insert("groups".to_owned(), groups.into());
        }
    }
}

/// What other layers gain or lose with a filter that is added to theirs, or in a group with it.
pub(super) fn together(partners: &[String]) -> String {
    if partners.is_empty() { String::new() } else { format!(", together with {}", partners.join(", ")) }
}

pub(super) fn filters_in_words(first: u32, count: u32) -> String {
    if count == 1 { format!("filter {first}") } else { format!("filters {first}–{}", first + count - 1) }
}

/// What readers read more or fewer.
pub(super) fn readers_in_words(draft: &Draft, read: &[(usize, usize)], than_before: &str) -> String {
    let words =
        read.iter().map(|(reader, count)| format!("{} reads {} {than_before}", draft.name(*reader), inputs(*count)));
    words.collect::<Vec<_>>().join(", ")
}

fn inputs(count: usize) -> String {
    counted(count as u64, "input")
}
