//! A layer's filters in one plane.

use revacnn_analysis::{AnalysisError, EmbeddingReport, EmbeddingSettings, Reason, Snapshot, align, embed};
use revacnn_schemas::{FilterIdentity, LayerName, Scatter, ScatterGroup, ScatterPoint, Topology};

use super::filters::{Values, picture, range};
use crate::evaluator::Place;
use crate::{Cell, Evaluator, Method, NotebookError, Source};

/// Embeddings that are kept as the next one's start.
const MOST_KEPT: usize = 64;

fn snapshot<'a>(place: &'a Place, values: &'a Values) -> Result<Snapshot<'a>, NotebookError> {
    Ok(Snapshot { topology: &place.holder.topology, values: values.layer_values()? })
}

/// What fits, and of what does not what it is called and why.
type Fitting = (Vec<(Place, Values)>, Vec<(String, String)>);

/// What of these places fits one embedding with the first of them, and why the
/// others do not.
pub(crate) fn fitting(layer: &LayerName, of: Source, found: Vec<(Place, Values)>) -> Result<Fitting, NotebookError> {
    let (mut fit, mut left_out): Fitting = (Vec::new(), Vec::new());
    for (place, values) in found {
        let why = match fit.first() {
            None => None,
            Some((first, _)) if of.is_of_image() && first.dataset() != place.dataset() => {
                Some("is of another data set: its image is another one".to_owned())
            }
            Some(_) => {
                let all = fit.iter().map(|(place, values)| (place, values)).chain([(&place, &values)]);
                let all = all.map(|(place, values)| snapshot(place, values)).collect::<Result<Vec<_>, _>>()?;
                align(layer, &all).err().map(|error| match error {
                    AnalysisError::MapSizes { expected, found, .. } => {
                        format!("has maps of {found} pixels, not of {expected}")
                    }
                    AnalysisError::KernelSizes { expected, found, .. } => {
                        format!("has {found} coefficients for an input, not {expected}")
                    }
                    other => format!("does not fit: {other}"),
                })
            }
        };
        match why {
            None => fit.push((place, values)),
            Some(why) => left_out.push((place.label(), why)),
        }
    }
    Ok((fit, left_out))
}

/// The filters of a layer at all places in one embedding. Where points
/// [glide](Evaluator::glide), those of a cell that was embedded before start
/// from where they were. Filters of the second place have the identities of the
/// topology `matched`, where there is one.
pub(crate) fn embedding(
    evaluator: &mut Evaluator,
    places: &[Place],
    all: &[Values],
    layer: &LayerName,
    of: Source,
    cell: &Cell,
    matched: Option<&Topology>,
) -> Result<Scatter, NotebookError> {
    let mut settings = EmbeddingSettings::default();
    if let Cell::Embedding { method, perplexity, seed, .. } = cell {
        settings.method = match method {
            Method::Tsne => revacnn_analysis::Method::Tsne,
            Method::Pca => revacnn_analysis::Method::Pca,
        };
        (settings.perplexity, settings.seed) = (*perplexity, *seed);
    }
    let topologies: Vec<&Topology> = places
        .iter()
        .enumerate()
        .map(|(at, place)| matched.filter(|_| at == 1).unwrap_or(&place.holder.topology))
        .collect();
    let snapshots = topologies
        .iter()
        .copied()
        .zip(all)
        .map(|(topology, values)| Ok(Snapshot { topology, values: values.layer_values()? }));
    let snapshots = snapshots.collect::<Result<Vec<_>, NotebookError>>()?;
    // Not the steps: along time, points start from where they last were.
    let names: Vec<&str> = places.iter().map(|place| place.name.as_str()).collect();
    let key = format!("{names:?} {layer} {of} {settings:?} {}", matched.is_some());
    let previous = evaluator.embeddings.get(&key).filter(|_| evaluator.glides);
    let found = embed(layer, &snapshots, &settings, previous)?;
    if evaluator.embeddings.len() >= MOST_KEPT {
        evaluator.embeddings.clear();
    }
    let range = range(all.iter().filter_map(|values| values.values.as_ref()).flatten(), of);
    let position = |address: usize, filter: &FilterIdentity| {
        let known = topologies[address].layers.iter().find(|found| found.layer == *layer)?;
        known.filters.iter().position(|own| own == filter)
    };
    // The filter under its own identity.
    let own = |address: usize, filter: &FilterIdentity| {
        position(address, filter).map_or(filter, |at| &all[address].layer.filters[at]).clone()
    };
    let points = found.points.iter().map(|point| {
        let (place, values) = (&places[point.address], &all[point.address]);
        let at = position(point.address, &point.identity);
        let image = at.and_then(|at| Some(picture(place, &values.layer, at, values.of(at)?, of, range)));
        let filter = own(point.address, &point.identity);
        ScatterPoint { group: point.address, layer: layer.clone(), filter, position: point.position, image }
    });
    let points = points.collect();
    let mut notes = vec![match found.report {
        EmbeddingReport::Tsne { perplexity, kl_divergence, .. } => {
            format!("t-SNE, perplexity {perplexity:.1}, KL divergence {kl_divergence:.3} nats")
        }
        EmbeddingReport::Pca { explained: [first, second] } => {
            format!("principal components: {:.0} % and {:.0} % of the variance", 100.0 * first, 100.0 * second)
        }
    }];
    if let Some((trust, neighbours)) = found.trustworthiness {
        notes.push(format!("trustworthiness {trust:.3} over {neighbours} neighbours"));
    }
    for dropped in &found.dropped {
        let why = match dropped.reason {
            Reason::NotFinite => "holds a value that is not finite",
            Reason::Frozen => "is frozen and has no gradient",
            Reason::NoGradients => "has no gradient at this step",
        };
        notes.push(format!(
            "left out: {}/{} of {} {why}",
            layer,
            own(dropped.address, &dropped.identity).number,
            places[dropped.address].label()
        ));
    }
    let groups = places.iter().map(|place| ScatterGroup { name: place.label(), hue: place.hue }).collect();
    let scatter = Scatter { title: format!("{of} of {layer}"), groups, points, links: found.links.clone(), notes };
    evaluator.embeddings.insert(key, found);
    Ok(scatter)
}
