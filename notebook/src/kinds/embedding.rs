//! A layer's filters in one plane.

use std::sync::Arc;

use revacnn_analysis::{
    AnalysisError, EmbeddedFilter, EmbeddingReport, EmbeddingSettings, Reason, Snapshot, align, embed,
};
use revacnn_schemas::{
    Address, Figure, FilterIdentity, LayerName, Position, Scatter, ScatterGroup, ScatterPoint, Step, Topology,
};
use serde::{Deserialize, Serialize};

use super::joint::{Joint, LeftOut};
use super::layer::{Values, picture, range, values};
use crate::look::told_apart;
use crate::sources::{At, Embedded, Place};
use crate::{CellKind, Context, Method, NotebookError, Source};

/// Where the points of an embedding start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// From nowhere: the embedding is that of its addresses alone.
    #[default]
    Fresh,
    /// From the embedding of the same branches about this step of the first of
    /// them, as many steps earlier or later for each: so points move, and do not
    /// jump, while one travels away from there.
    From(Step),
}

impl Start {
    fn is_fresh(&self) -> bool {
        *self == Self::Fresh
    }
}

/// A layer's filters in one plane, at all addresses together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedding {
    /// Where; the shown branches at the cursor where empty.
    pub at: Vec<Address>,
    /// The layer.
    pub layer: LayerName,
    /// What of the filters.
    pub of: Source,
    /// How points are placed.
    pub method: Method,
    /// Perplexity; fitted to the number of points where `None`.
    pub perplexity: Option<f64>,
    /// Seed of t-SNE.
    pub seed: u64,
    /// Where t-SNE starts from.
    #[serde(default, skip_serializing_if = "Start::is_fresh")]
    pub start: Start,
}

impl CellKind for Embedding {
    const KIND: &'static str = "embedding";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let mut joint = Joint::of(context, &self.at, &self.layer, self.of)?;
        if context.leaves_out_of(&self.at) {
            let is_own = self.of.is_of_image() && context.image().is_some_and(|image| image.own().is_some());
            let (fit, others) = fitting(&self.layer, self.of, is_own, joint.found)?;
            joint.found = fit;
            joint.left_out.extend(others.into_iter().map(|(place, why)| LeftOut::Unfit { place, why }));
        }
        let (places, all) = joint.found.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        let what = Layer { layer: &self.layer, of: self.of, settings: self.settings(), matched: None };
        let start = match (self.start, self.method) {
            (Start::From(step), Method::Tsne) => Some(step),
            _ => None,
        };
        let from = start.map(|step| what.about(context, &places, step)).transpose()?.flatten();
        let mut scatter = what.scatter(context, &places, &all, from.as_deref())?;
        scatter.start = start.filter(|_| from.is_some());
        // First what is not there, then how good the rest is: where room is scarce, the last ones are not read.
        scatter.notes.splice(0..0, joint.left_out.iter().map(|what| format!("left out: {what}")));
        Ok(Figure::Scatter(scatter))
    }
}

impl Embedding {
    fn settings(&self) -> EmbeddingSettings {
        let method = match self.method {
            Method::Tsne => revacnn_analysis::Method::Tsne,
            Method::Pca => revacnn_analysis::Method::Pca,
        };
        EmbeddingSettings { method, perplexity: self.perplexity, seed: self.seed }
    }
}

fn snapshot<'a>(place: &'a Place, values: &'a Values) -> Result<Snapshot<'a>, NotebookError> {
    Ok(Snapshot { topology: &place.holder.topology, values: values.layer_values()? })
}

/// What fits, and of what does not what it is called and why.
type Fitting = (Vec<(Place, Values)>, Vec<(String, String)>);

/// What of these places fits one embedding with the first of them, and why the
/// others do not.
///
/// A picture of a person's `own` is the same one whatever the data set.
fn fitting(layer: &LayerName, of: Source, is_own: bool, found: Vec<(Place, Values)>) -> Result<Fitting, NotebookError> {
    let (mut fit, mut left_out): Fitting = (Vec::new(), Vec::new());
    for (place, values) in found {
        let why = match fit.first() {
            None => None,
            Some((first, _)) if of.is_of_image() && !is_own && first.dataset() != place.dataset() => {
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

/// What is embedded, and how.
pub(super) struct Layer<'a> {
    pub(super) layer: &'a LayerName,
    pub(super) of: Source,
    pub(super) settings: EmbeddingSettings,
    /// The second place's topology in the identities that its filters are
    /// matched by, where those are not its own.
    pub(super) matched: Option<&'a Topology>,
}

impl Layer<'_> {
    /// The embedding of the same branches about another step of the first of
    /// them, as many steps away for each; `None` where there is none.
    fn about(
        &self,
        context: &mut Context<'_>,
        places: &[Place],
        step: Step,
    ) -> Result<Option<Arc<revacnn_analysis::Embedding>>, NotebookError> {
        let Some(first) = places.first() else { return Ok(None) };
        let shift = step.0 as i64 - first.step.0 as i64;
        let (mut there, mut all, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
        for (address, place) in places.iter().enumerate() {
            let position = Position::Step(Step(place.step.0.saturating_add_signed(shift)));
            let place = context.find(&At { branch: place.name.clone(), position, nearest: true })?;
            // A layer that was not there yet has no place to start from.
            match values(context, &place, self.layer, self.of) {
                Ok(values) => {
                    there.push(place);
                    all.push(values);
                    addresses.push(address);
                }
                Err(NotebookError::Unknown { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let found = match self.embedding(context, &there, &all, None) {
            Ok(found) => found,
            // No gradients at a branch's first step, or too few points.
            Err(NotebookError::Analysis(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        if addresses.len() == places.len() {
            return Ok(Some(found));
        }
        let point = |point: &EmbeddedFilter| EmbeddedFilter { address: addresses[point.address], ..point.clone() };
        let points = found.points.iter().map(point).collect();
        Ok(Some(Arc::new(revacnn_analysis::Embedding { points, ..revacnn_analysis::Embedding::clone(&found) })))
    }

    fn topologies<'b>(&'b self, places: &'b [Place]) -> Vec<&'b Topology> {
        let own = |(at, place): (usize, &'b Place)| self.matched.filter(|_| at == 1).unwrap_or(&place.holder.topology);
        places.iter().enumerate().map(own).collect()
    }

    /// The points. Those of the addresses alone are kept: that is where another
    /// embedding may start from.
    fn embedding(
        &self,
        context: &mut Context<'_>,
        places: &[Place],
        all: &[Values],
        start: Option<&revacnn_analysis::Embedding>,
    ) -> Result<Arc<revacnn_analysis::Embedding>, NotebookError> {
        let of_image = if self.of.is_of_image() { context.image() } else { None };
        let embedded = Embedded {
            steps: places.iter().map(|place| (place.holder.id.clone(), place.step)).collect(),
            layer: self.layer.clone(),
            of: self.of,
            image: of_image,
            is_pca: self.settings.method == revacnn_analysis::Method::Pca,
            perplexity: self.settings.perplexity.map(f64::to_bits),
            seed: self.settings.seed,
        };
        let is_kept = start.is_none() && self.matched.is_none();
        if let Some(found) = context.sources().kept_embedding(&embedded).filter(|_| is_kept) {
            return Ok(found);
        }
        let topologies = self.topologies(places);
        let snapshots = topologies
            .iter()
            .copied()
            .zip(all)
            .map(|(topology, values)| Ok(Snapshot { topology, values: values.layer_values()? }));
        let snapshots = snapshots.collect::<Result<Vec<_>, NotebookError>>()?;
        let found = Arc::new(embed(self.layer, &snapshots, &self.settings, start)?);
        if is_kept {
            context.sources().keep_embedding(embedded, found.clone());
        }
        Ok(found)
    }

    /// The filters at all places as points with their images.
    pub(super) fn scatter(
        &self,
        context: &mut Context<'_>,
        places: &[Place],
        all: &[Values],
        start: Option<&revacnn_analysis::Embedding>,
    ) -> Result<Scatter, NotebookError> {
        let (layer, of) = (self.layer, self.of);
        let found = self.embedding(context, places, all, start)?;
        let topologies = self.topologies(places);
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
        notes.extend(context.notes_of_picture(places, of));
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
        // Two steps of one branch have its colour both.
        let hues = told_apart(places.iter().map(|place| place.hue));
        let named = places.iter().zip(hues);
        let groups = named.map(|(place, hue)| ScatterGroup { name: place.label(), hue }).collect();
        let links = found.links.clone();
        Ok(Scatter { title: format!("{of} of {layer}"), groups, points, links, notes, start: None })
    }
}
