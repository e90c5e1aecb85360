//! Histograms of a layer's values over the steps of branches.

use std::collections::BTreeSet;

use revacnn_analysis::{bin_edges, histogram};
use revacnn_schemas::{
    BranchName, Figure, HistogramForm, HistogramPanel, Histograms, LayerName, Position, Step, StepHistogram, count,
};
use serde::{Deserialize, Serialize};

use super::curve::evenly_spread;
use super::layer::values;
use crate::look::{axis_number, extent};
use crate::sources::{At, Place};
use crate::{CellKind, Context, Distribution, NotebookError};

/// So many steps are shown at most: lines, and columns.
const MOST_STEPS: [u64; 2] = [24, 120];
/// So many branches are shown at most.
const MOST_PANELS: usize = 12;

/// Histograms of a layer's values over the steps of the shown branches, with bins that all of them
/// have in common. Where a branch has more steps than can be shown, they are evenly spread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Histogram {
    /// The layer.
    pub layer: LayerName,
    /// Its values.
    pub of: Distribution,
    /// How it is drawn.
    #[serde(default)]
    pub form: HistogramForm,
    /// The first and the last step; all that there are where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<[Step; 2]>,
    /// The edges of the first bin and of the last; those of the values where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// How many bins.
    pub bins: u32,
}

impl Histogram {
    /// So many bins unless another number is asked for.
    pub const BINS: u32 = 80;
}

impl CellKind for Histogram {
    const KIND: &'static str = "histogram";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let (branches, lacking) = context.trained()?;
        if branches.is_empty() {
            return Err(NotebookError::TooFewBranches { needed: 1, found: 0 });
        }
        let mut notes: Vec<String> = lacking.into_iter().collect();
        if branches.len() > MOST_PANELS {
            notes.push(format!("{MOST_PANELS} of {} branches are shown", branches.len()));
        }
        let branches = &branches[..branches.len().min(MOST_PANELS)];
        let mut chosen = Vec::new();
        for branch in branches {
            let (steps, of) = self.steps(context, branch)?;
            if (steps.len() as u64) < of {
                notes.push(format!("{branch}: {} of {} steps, evenly spread", count(steps.len() as u64), count(of)));
            }
            chosen.push(steps);
        }
        // Twice over all steps: the ends of all values are the edges of every step's bins.
        let looks = if self.range.is_some() { 1 } else { 2 };
        let all: usize = chosen.iter().map(Vec::len).sum();
        let mut done = 0;
        let (mut range, mut seen) = (self.range, 0_usize);
        if range.is_none() {
            let mut ends: Option<[f64; 2]> = None;
            for (branch, steps) in branches.iter().zip(&chosen) {
                for &step in steps {
                    if let Some(found) = self.values(context, branch, step)? {
                        seen += 1;
                        for value in found.values.into_iter().filter(|value| value.is_finite()).map(f64::from) {
                            let [low, high] = ends.unwrap_or([value; 2]);
                            ends = Some([low.min(value), high.max(value)]);
                        }
                    }
                    done += 1;
                    context.progress(done, looks * all)?;
                }
            }
            range = ends.and_then(|ends| extent(ends.into_iter()));
        }
        let nothing = || NotebookError::Unknown {
            what: format!("no step that was looked at has {} of {}", self.of, self.layer),
            known: format!(
                "{} steps of {} were looked at, of which {seen} have some",
                all,
                branches.iter().map(BranchName::as_str).collect::<Vec<_>>().join(", ")
            ),
        };
        // Where the range is asked for, all steps are looked at below.
        if range.is_none() && seen == 0 {
            self.require_layer(context, branches)?;
        }
        let range = range.ok_or_else(nothing)?;
        let edges = bin_edges(range, self.bins as usize)?;
        let (mut panels, mut places, mut images) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut lacks_layer = Vec::new();
        let (mut outside, mut not_numbers) = (0, 0);
        for (branch, steps) in branches.iter().zip(&chosen) {
            let (mut found, mut first) = (Vec::new(), None);
            for &step in steps {
                if let Some(Found { values, place }) = self.values(context, branch, step)? {
                    if self.of.source().is_of_image() {
                        images.extend(place.image(context.image()).and_then(|image| image.index()));
                    }
                    first = first.or(Some(place));
                    let counted = histogram(values, &edges);
                    outside += counted.below + counted.above;
                    not_numbers += counted.not_numbers;
                    let revacnn_analysis::Histogram { counts, below, above, not_numbers } = counted;
                    found.push(StepHistogram { step, counts, below, above, not_numbers });
                }
                done += 1;
                context.progress(done, looks * all)?;
            }
            match first {
                Some(place) => {
                    panels.push(HistogramPanel { name: branch.to_string(), hue: place.hue, steps: found });
                    places.push(place);
                }
                None => lacks_layer.push(branch.as_str()),
            }
        }
        if panels.is_empty() {
            return Err(nothing());
        }
        if !lacks_layer.is_empty() {
            notes.push(format!("no {} of {} in {}", self.of, self.layer, lacks_layer.join(", ")));
        }
        // Each branch has a first probe image of its own.
        if !images.is_empty() {
            let all = images.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            notes.push(format!("maps of image {all}"));
        }
        if self.of.source().is_of_image() {
            notes.extend(context.notes_of_picture(&places, self.of.source()));
        }
        if self.of == Distribution::Updates {
            notes.push("what the coefficients change by from the step before".to_owned());
        }
        if outside > 0 {
            notes.push(format!("{} values lie outside", count(outside)));
        }
        if not_numbers > 0 {
            notes.push(format!("{} values are no numbers", count(not_numbers)));
        }
        let [low, high] = range.map(axis_number);
        notes.push(format!("{} bins from {low} to {high}", self.bins));
        Ok(Figure::Histograms(Histograms {
            title: format!("{} of {} over the steps", self.of, self.layer),
            label: self.of.to_string(),
            form: self.form,
            range,
            bins: self.bins,
            panels,
            notes,
        }))
    }
}

/// The values of a step.
struct Found {
    values: Vec<f32>,
    place: Place,
}

impl Histogram {
    /// The steps of a branch that are looked at, and how many there are.
    fn steps(&self, context: &mut Context<'_>, branch: &BranchName) -> Result<(Vec<Step>, u64), NotebookError> {
        let (lineage, _) = context.history(branch)?;
        let [first, last] = self.within.map_or([0, u64::MAX], |within| within.map(|step| step.0));
        let Some(steps) = lineage.steps() else {
            let (what, known) = (format!("`{branch}` has no steps yet"), "train it first".to_owned());
            return Err(NotebookError::Unknown { what, known });
        };
        if steps.first.0.max(first) > steps.last.0.min(last) {
            return Err(NotebookError::Unknown {
                what: format!("`{branch}` has no steps from {first} to {last}"),
                known: format!("it has steps {} to {}", steps.first, steps.last),
            });
        }
        let [first, last] = [steps.first.0.max(first), steps.last.0.min(last)];
        let most = MOST_STEPS[usize::from(self.form == HistogramForm::Heat)];
        let of = last - first + 1;
        let shown = of.min(most);
        Ok((evenly_spread(shown, of).map(|place| Step(first + place)).collect(), of))
    }

    /// Refuses a layer that no branch has at its end.
    fn require_layer(&self, context: &mut Context<'_>, branches: &[BranchName]) -> Result<(), NotebookError> {
        let mut known = BTreeSet::new();
        for branch in branches {
            let (lineage, _) = context.history(branch)?;
            known.extend(lineage.branch().topology.layers_with_filters().map(|layer| layer.layer.clone()));
        }
        if known.contains(&self.layer) {
            return Ok(());
        }
        let names: Vec<&str> = known.iter().map(LayerName::as_str).collect();
        Err(NotebookError::Unknown {
            what: format!("no branch has a layer `{}` with filters", self.layer),
            known: format!("there is {}", names.join(", ")),
        })
    }

    /// The values of a step; `None` where it has none: its network lacks the layer, or no update
    /// led there.
    fn values(
        &self,
        context: &mut Context<'_>,
        branch: &BranchName,
        step: Step,
    ) -> Result<Option<Found>, NotebookError> {
        let at = |step: Step| At { branch: branch.clone(), position: Position::Step(step), nearest: false };
        let place = context.find(&at(step))?;
        if !place.holder.topology.layers_with_filters().any(|known| known.layer == self.layer) {
            return Ok(None);
        }
        let before = match (self.of, step.0.checked_sub(1)) {
            (Distribution::Updates, None) => return Ok(None),
            (Distribution::Updates, Some(before)) => Some(context.find(&at(Step(before)))?),
            _ => None,
        };
        // Edits lead to a branch's first step, and no update.
        if before.as_ref().is_some_and(|before| before.holder.id != place.holder.id) {
            return Ok(None);
        }
        let source = self.of.source();
        let found = values(context, &place, &self.layer, source)?;
        let of_filters = |found: &super::layer::Values| -> Vec<f32> {
            (0..found.layer.filters.len()).filter_map(|position| found.of(position)).flatten().copied().collect()
        };
        let mut own = of_filters(&found);
        if let Some(before) = before {
            let before = of_filters(&values(context, &before, &self.layer, source)?);
            own.iter_mut().zip(before).for_each(|(value, before)| *value -= before);
        }
        Ok(found.values.is_some().then_some(Found { values: own, place }))
    }
}
