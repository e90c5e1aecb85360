//! What becomes of a layer's filters over the steps of branches.

mod dead;

use ndarray::ArrayView2;
use revacnn_analysis::{colour_shares, effective_number, nearest_neighbours};
use revacnn_schemas::{Figure, LayerName, Limits, Position, Scale, Step, count, counted};
use revacnn_store::StepSpan;
use serde::{Deserialize, Serialize};

use super::curve::{Shown, drawn, empty, evenly_spread, marks, positions, series, shown, words};
use super::layer::values;
use super::results::living;
use crate::sources::curves::Thinned;
use crate::sources::{At, Place, unknown_layer};
use crate::{CellKind, Context, FilterMeasure, NotebookError, Source, XAxis};

/// So many steps of a branch are looked at, at most, where each needs its coefficients.
const MOST_STEPS: u64 = 120;

/// A number of a layer's filters together, over the steps of the shown branches.
///
/// Filters are distinct as [`effective_number`] says, alike by the cosine to their
/// [`nearest_neighbours`], and coloured as [`colour_shares`] says: for these, steps are evenly
/// spread where a branch has more than can be looked at, and filters of which next to nothing is
/// left are passed over. A filter is dead at a step where its map is zero everywhere for all
/// recorded probe images: where `zero_share` of the table `filters` is 1. That is read of every
/// step of the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiltersOverTime {
    /// The layer.
    pub layer: LayerName,
    /// What is followed.
    pub of: FilterMeasure,
    /// The horizontal axis.
    #[serde(default)]
    pub x: XAxis,
    /// The first and the last step; all that there are where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<[Step; 2]>,
}

impl CellKind for FiltersOverTime {
    const KIND: &'static str = "filters-over-time";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let (branches, left_out) = drawn(context)?;
        let all = shown(context, &branches, self.x)?;
        let layer = &self.layer;
        let (title, label, meaning) = match self.of {
            FilterMeasure::Distinct => (
                format!("how many distinct filters {layer} amounts to"),
                "distinct filters",
                "the exponential of the entropy of the eigenvalues of the filters' cosines (Vendi score): equal ones \
                 are one, and all unlike each other as many as they are",
            ),
            FilterMeasure::Similarity => (
                format!("how alike the filters of {layer} are"),
                "similarity",
                "cosine between a filter and the nearest other one, mean over the filters",
            ),
            FilterMeasure::Colour => (
                format!("how much of the filters of {layer} is colour"),
                "share of colour",
                "share of a filter's energy in what its three colours do not have in common, mean over the filters: \
                 two thirds where it is drawn by chance",
            ),
            FilterMeasure::Dead => (
                format!("dead filters of {layer}"),
                "dead filters",
                "dead: the map is zero everywhere for each probe image",
            ),
        };
        let mut chart = empty(&title, (label, None), self.x, (Scale::Linear, Limits::default()));
        let lengths: Vec<u64> = all.iter().map(|shown| self.parts(shown).map(|(_, span)| span.steps()).sum()).collect();
        if let (Some([first, last]), true) = (self.within, lengths.iter().all(|steps| *steps == 0)) {
            let has = |shown: &Shown| {
                let ends = shown.parts.first().zip(shown.parts.last());
                ends.map(|((_, first), (_, last))| {
                    format!("`{}` has steps {} to {}", shown.name, first.first, last.last)
                })
            };
            return Err(NotebookError::Unknown {
                what: format!("there are no steps from {first} to {last}"),
                known: all.iter().filter_map(has).collect::<Vec<_>>().join(", "),
            });
        }
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let looked = |steps: &u64| if self.of == FilterMeasure::Dead { *steps } else { (*steps).min(MOST_STEPS) };
        let mut work = Work { done: 0, of: lengths.iter().map(|steps| looked(steps) as usize).sum() };
        let is_alone = all.len() == 1;
        let mut lacking = Vec::new();
        let mut notes = vec![meaning.to_owned()];
        for shown in &all {
            let found = match self.of {
                FilterMeasure::Dead => self.dead(context, shown, longest, &mut chart, &mut notes, &mut work)?,
                _ => self.measured(context, shown, &mut notes, &mut work)?,
            };
            let Some(mut curve) = found.filter(|curve| curve.points.iter().any(|point| !point[1].is_nan())) else {
                lacking.push(format!("`{}`", shown.name));
                continue;
            };
            curve.is_mean = is_alone && !curve.bounds.is_empty() && self.of != FilterMeasure::Dead;
            marks(context, shown, &shown.name, self.x, &mut chart)?;
            let name = format!("{}{}{}", shown.name, words(&curve), shown.lacks);
            chart.series.push(series(name, shown.hue, false, curve));
        }
        if chart.series.iter().any(|series| series.is_mean) {
            notes.push("the band is from the least of the filters to the largest".to_owned());
        }
        if chart.series.is_empty() {
            return Err(self.nothing(context, &all)?);
        }
        if !lacking.is_empty() {
            notes.push(format!("nothing of {layer} in {}", lacking.join(", ")));
        }
        chart.notes = notes.into_iter().chain(left_out).collect();
        Ok(Figure::Chart(chart))
    }
}

/// How far the figure is.
struct Work {
    done: usize,
    of: usize,
}

impl Work {
    fn more(&mut self, context: &mut Context<'_>, done: usize) -> Result<(), NotebookError> {
        self.done = (self.done + done).min(self.of);
        context.progress(self.done, self.of)
    }
}

impl FiltersOverTime {
    /// What is looked at of a branch.
    fn parts(&self, shown: &Shown) -> impl Iterator<Item = (usize, StepSpan)> {
        let [first, last] = self.within.unwrap_or([Step(0), Step(u64::MAX)]);
        let clip = move |span: &StepSpan| StepSpan::new(span.first.max(first), span.last.min(last));
        shown.parts.iter().map(move |(place, span)| (*place, clip(span))).filter(|(_, span)| span.steps() > 0)
    }

    /// Why no branch has anything to show.
    fn nothing(&self, context: &mut Context<'_>, all: &[Shown]) -> Result<NotebookError, NotebookError> {
        let record = context.sources().lineage_of(&all[0].history)?.branch().clone();
        let of_filters = record.topology.layers_with_filters().find(|known| known.layer == self.layer);
        let Some(layer) = of_filters else { return Ok(unknown_layer(&self.layer, &record)) };
        let (what, known) = match self.of {
            FilterMeasure::Similarity if layer.filters.len() < 2 => ("filter beside another one", "it has one alone"),
            FilterMeasure::Dead => ("maps of filters in the log", "layers with weights that open a block have some"),
            _ => ("filters with coefficients", "every one is of next to nothing, or of none"),
        };
        let what = format!("{} of `{}` has no {what}", self.layer, all[0].name);
        Ok(NotebookError::Unknown { what, known: known.to_owned() })
    }

    /// A number of the coefficients at evenly spread steps.
    fn measured(
        &self,
        context: &mut Context<'_>,
        shown: &Shown,
        notes: &mut Vec<String>,
        work: &mut Work,
    ) -> Result<Option<Thinned>, NotebookError> {
        let parts: Vec<(usize, StepSpan)> = self.parts(shown).collect();
        let of: u64 = parts.iter().map(|(_, span)| span.steps()).sum();
        let looked = of.min(MOST_STEPS);
        if looked < of {
            notes.push(format!("{}: {} of {} steps, evenly spread", shown.name, count(looked), count(of)));
        }
        let mut wanted = evenly_spread(looked, of);
        let mut next = wanted.next();
        let (mut curve, mut before) = (Thinned::default(), 0);
        for (place, span) in parts {
            let at = positions(context, shown, place, span, self.x)?;
            while let Some(step) = next.filter(|step| *step < before + span.steps()) {
                let own = (step - before) as usize;
                let position = Position::Step(Step(span.first.0 + own as u64));
                let at_step = context.find(&At { branch: shown.name.clone(), position, nearest: false })?;
                let [mean, low, high] = self.measure(context, &at_step)?.unwrap_or([f64::NAN; 3]);
                curve.points.push([at[own], mean]);
                curve.bounds.push([low, high]);
                work.more(context, 1)?;
                next = wanted.next();
            }
            before += span.steps();
        }
        if self.of == FilterMeasure::Distinct {
            curve.bounds.clear();
        }
        Ok(Some(curve))
    }

    /// What is measured of a step, with the lowest and the highest of its filters; `None` where its
    /// network lacks the layer, or nothing is left of its filters.
    fn measure(&self, context: &mut Context<'_>, place: &Place) -> Result<Option<[f64; 3]>, NotebookError> {
        let topology = &place.holder.topology;
        let Some(at) = topology.layers.iter().position(|known| known.layer == self.layer) else { return Ok(None) };
        if topology.layers[at].coefficients.is_none_or(|coefficients| coefficients == 0) {
            return Ok(None);
        }
        if self.of == FilterMeasure::Colour {
            let reads = topology.read_by(at);
            let reads_images = topology.layers[at].reads.len() < 2
                && reads.iter().all(|&before| topology.block_of(before).is_none())
                && topology.layers[at].groups == 1;
            if !reads_images || place.channels() != 3 {
                let first = topology.parameter_layers().next().map_or("", |layer| layer.layer.as_str());
                return Err(NotebookError::Unknown {
                    what: format!("{} of {} reads no images in three colours", self.layer, place.label()),
                    known: match place.channels() {
                        3 => format!("{first} does"),
                        channels => format!("its images have {}", counted(channels as u64, "channel")),
                    },
                });
            }
        }
        let found = values(context, place, &self.layer, Source::Weights)?;
        let Some(weights) = &found.values else { return Ok(None) };
        let filters = found.layer.filters.len().max(1);
        let all = ArrayView2::from_shape((filters, weights.len() / filters), weights)
            .map_err(|error| NotebookError::Unknown { what: self.layer.to_string(), known: error.to_string() })?;
        let some = living(all);
        let each: Vec<f64> = match self.of {
            _ if some.nrows() == 0 => Vec::new(),
            FilterMeasure::Distinct => vec![effective_number(some.view())?],
            FilterMeasure::Similarity => {
                nearest_neighbours(some.view())?.into_iter().flatten().map(|nearest| nearest.similarity).collect()
            }
            FilterMeasure::Colour => colour_shares(some.view(), 3)?,
            FilterMeasure::Dead => Vec::new(),
        };
        let ends = each
            .iter()
            .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(*value), high.max(*value)]);
        let mean = each.iter().sum::<f64>() / each.len() as f64;
        Ok((!each.is_empty()).then_some([mean, ends[0], ends[1]]))
    }
}
