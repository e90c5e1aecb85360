//! Branches as rows: what each was made with, and what came of it.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use revacnn_analysis::{channel_energy, effective_number, nearest_neighbours};
use revacnn_schemas::statistics::norm;
use revacnn_schemas::{
    Address, BranchName, BranchRecord, Edit, Figure, LayerName, Position, Step, ValidationResult, written,
};
use serde::{Deserialize, Serialize};

use super::Family;
use super::table::{dash, table};
use crate::sources::unknown_layer;
use crate::{CellKind, Context, NotebookError};

/// A filter whose coefficients have a smaller Euclidean norm is dead: weight decay, or its
/// optimizer, has left nothing of it.
const DEAD: f32 = 0.05;

/// A row for each of the shown branches: the settings in which they differ, beside how
/// far they came and how well they do, or what a layer's filters are at their last step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// Which of them are members of a family, whose mean is said as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<Family>,
    /// The layer whose filters are told, instead of validations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<LayerName>,
}

/// A number of a branch: its column, how it is written, and what it is; `None` where
/// there is none.
type Number = (&'static str, fn(f64) -> String, Option<f64>);

/// What is said of one branch.
struct Row {
    name: BranchName,
    settings: BTreeMap<String, String>,
    last: Option<u64>,
    /// The same ones of every branch.
    numbers: Vec<Number>,
}

impl CellKind for Results {
    const KIND: &'static str = "results";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let (branches, untrained) = context.trained()?;
        if branches.is_empty() {
            return Err(NotebookError::TooFewBranches { needed: 1, found: 0 });
        }
        let mut rows = Vec::with_capacity(branches.len());
        for (done, name) in branches.iter().enumerate() {
            context.progress(done, branches.len())?;
            let (lineage, _) = context.history(name)?;
            let edits: Vec<String> = lineage
                .branches()
                .iter()
                .rev()
                .flat_map(|record| &record.edits)
                .map(|edit| Edit { seed: None, ..edit.clone() }.to_string())
                .collect();
            let settings = settings(lineage.branch(), &edits.join("; "));
            let last = lineage.steps().map(|steps| steps.last.0);
            let numbers = match &self.layer {
                Some(layer) => filters(context, name, layer)?,
                None => validations(&lineage.validations()?, lineage.branch().first_step()),
            };
            rows.push(Row { name: name.clone(), settings, last, numbers });
        }
        // Networks that predict no class have none.
        let has = |name: &str| {
            let of = |row: &Row| row.numbers.iter().any(|(own, _, value)| *own == name && value.is_some());
            rows.iter().any(of)
        };
        if has(VALIDATION_LOSS) && !has(ACCURACY) {
            rows.iter_mut().for_each(|row| row.numbers.retain(|(name, ..)| *name != ACCURACY));
        }
        // A setting that all have alike is said once.
        let mut names: Vec<&String> = rows.iter().flat_map(|row| row.settings.keys()).collect();
        names.sort();
        names.dedup();
        let value = |row: &Row, name: &String| row.settings.get(name).cloned().unwrap_or_else(dash);
        let differs = |name: &&String| rows.iter().any(|row| value(row, name) != value(&rows[0], name));
        let (differing, alike): (Vec<&String>, Vec<&String>) = names.into_iter().partition(differs);
        let mut columns = vec![("branch", false)];
        columns.extend(differing.iter().map(|name| (name.as_str(), is_number(&rows, name))));
        columns.push(("steps", true));
        columns.extend(rows[0].numbers.iter().map(|(name, ..)| (*name, true)));
        let cells = rows.iter().map(|row| {
            let mut cells = vec![row.name.to_string()];
            cells.extend(differing.iter().map(|name| value(row, name)));
            cells.push(row.last.map_or_else(dash, |last| last.to_string()));
            cells.extend(row.numbers.iter().map(|(_, written, number)| number.map_or_else(dash, *written)));
            cells
        });
        let title = self.layer.as_ref().map_or_else(|| "results".to_owned(), |layer| format!("filters of {layer}"));
        let mut figure = table(&title, &columns, cells.collect());
        figure.notes.extend(untrained);
        figure.notes.extend(self.families.iter().filter_map(|family| spread(family, &rows)));
        if rows.len() > 1 && !alike.is_empty() {
            let alike: Vec<String> = alike.iter().map(|name| format!("{name} {}", value(&rows[0], name))).collect();
            figure.notes.push(format!("in all: {}", alike.join(", ")));
        }
        Ok(Figure::Table(figure))
    }
}

/// Mean, lowest and highest of a family's numbers.
fn spread(family: &Family, rows: &[Row]) -> Option<String> {
    let members: Vec<&Row> = rows.iter().filter(|row| family.members.contains(&row.name)).collect();
    let of = |place: usize| -> Option<String> {
        let (name, written, _) = members[0].numbers[place];
        let found: Vec<f64> = members.iter().filter_map(|row| row.numbers[place].2).collect();
        let mean = found.iter().sum::<f64>() / found.len() as f64;
        let low = found.iter().copied().reduce(f64::min)?;
        let high = found.iter().copied().reduce(f64::max)?;
        Some(format!("{name} {} ({} to {})", written(mean), written(low), written(high)))
    };
    // At which step is of each alone.
    let numbers = members.first()?.numbers.iter().enumerate().filter(|(_, (name, ..))| *name != AT_STEP);
    let said: Vec<String> = numbers.filter_map(|(place, _)| of(place)).collect();
    let count = members.len();
    (!said.is_empty()).then(|| format!("{}, mean of {count}: {}", family.name, said.join(", ")))
}

/// The columns of losses and accuracies.
const VALIDATION_LOSS: &str = "validation loss";
const ACCURACY: &str = "accuracy";

/// The column of steps.
const AT_STEP: &str = "at step";

fn decimals(value: f64) -> String {
    format!("{value:.4}")
}

fn tenths(value: f64) -> String {
    format!("{value:.1}")
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn whole(value: f64) -> String {
    format!("{value:.0}")
}

/// The newest full validation of what a branch has trained since it began, and the one with the least loss of
/// its whole history.
fn validations(all: &[(Step, ValidationResult)], began: Step) -> Vec<Number> {
    // What a run begins with says nothing of a fork.
    let newest = all.last().filter(|(step, _)| *step > began || began == Step(0));
    let losses = all.iter().map(|(step, result)| (f64::from(result.loss), step.0 as f64));
    let best = losses.filter(|(loss, _)| !loss.is_nan()).min_by(|one, other| one.0.total_cmp(&other.0));
    vec![
        (VALIDATION_LOSS, decimals, newest.map(|(_, result)| result.loss.into())),
        (ACCURACY, percent, newest.and_then(|(_, result)| result.accuracy()).map(f64::from)),
        (AT_STEP, whole, newest.map(|(step, _)| step.0 as f64)),
        ("best loss", decimals, best.map(|(loss, _)| loss)),
        (AT_STEP, whole, best.map(|(_, step)| step)),
    ]
}

/// What the filters of a layer are at a branch's last step: how many are dead, how many
/// distinct ones they amount to, how like its nearest neighbour each is on average, and
/// in which colours their energy is. Dead ones are in none of these but the first.
fn filters(context: &mut Context<'_>, branch: &BranchName, layer: &LayerName) -> Result<Vec<Number>, NotebookError> {
    let place = context.place(&Address { branch: branch.clone(), position: Position::Last })?;
    let tensors = context.tensors(&place, None)?;
    let own = place.holder.topology.layers_with_filters().find(|known| known.layer == *layer);
    let found = own.and_then(|own| Some((own, tensors.layer(layer)?, own.coefficients.filter(|count| *count > 0)?)));
    let Some((own, weights, coefficients)) = found else { return Err(unknown_layer(layer, &place.holder)) };
    let all = ArrayView2::from_shape((own.filters.len(), coefficients), &weights.weights)
        .map_err(|error| NotebookError::Unknown { what: layer.to_string(), known: error.to_string() })?;
    let some = living(all);
    let dead = all.rows().into_iter().filter(|row| of_norm(row) < DEAD).count();
    let nearest: Vec<f64> =
        nearest_neighbours(some.view())?.into_iter().flatten().map(|neighbour| neighbour.similarity).collect();
    let is_there = some.nrows() > 0;
    let mean = |values: &mut dyn ExactSizeIterator<Item = f64>| {
        let count = values.len() as f64;
        (count > 0.0).then(|| values.sum::<f64>() / count)
    };
    let mut numbers: Vec<Number> = vec![
        ("filters", whole, Some(all.nrows() as f64)),
        ("dead", whole, Some(dead as f64)),
        ("distinct", tenths, is_there.then(|| effective_number(some.view())).transpose()?),
        ("nearest similarity", decimals, mean(&mut nearest.iter().copied())),
    ];
    let is_first = place.holder.topology.layers_with_filters().next().is_some_and(|first| first.layer == *layer);
    if place.channels() == 3 && is_first {
        let energy = channel_energy(some.view(), 3)?;
        for (channel, name) in ["red", "green", "blue"].into_iter().enumerate() {
            numbers.push((name, percent, mean(&mut energy.column(channel).iter().copied())));
        }
    }
    Ok(numbers)
}

fn of_norm(filter: &ArrayView1<'_, f32>) -> f32 {
    norm(&filter.to_vec()) as f32
}

/// The filters of a layer, `[filter][coefficient]`, of which something is left, and which have not diverged.
pub(super) fn living(all: ArrayView2<'_, f32>) -> Array2<f32> {
    let lives = |row: &ArrayView1<'_, f32>| of_norm(row) >= DEAD && of_norm(row).is_finite();
    let living: Vec<usize> = (0..all.nrows()).filter(|row| lives(&all.row(*row))).collect();
    all.select(Axis(0), &living)
}

/// Settings that are words, also where these read as numbers.
const WORDS: [&str; 4] = ["dataset", "edits", "network", "optimizer"];

fn is_number(rows: &[Row], name: &str) -> bool {
    let mut values = rows.iter().filter_map(|row| row.settings.get(name));
    !WORDS.contains(&name) && values.all(|value| value.parse::<f64>().is_ok())
}

/// What a branch was made with, by the names of the options.
fn settings(record: &BranchRecord, edits: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    // A network of a notebook's own has no name.
    let mut set = |name: &str, value: String| {
        if !value.is_empty() {
            settings.insert(name.to_owned(), value);
        }
    };
    if !edits.is_empty() {
        set("edits", edits.to_owned());
    }
    if let Some(definition) = record.definition() {
        set("network", definition.network.name.clone());
        set("dataset", definition.dataset.name.clone());
        set("optimizer", definition.optimizer.kind.clone());
        set("batch-size", definition.batch_size.to_string());
        set("seed", definition.seed.to_string());
        for (name, value) in &definition.optimizer.parameters {
            let short = |number: f64| match number != 0.0 && number.abs() < 1e-4 {
                true => format!("{number:e}"),
                false => written(number),
            };
            let value = value.as_f64().map_or_else(|| value.to_string(), short);
            set(&name.replace('_', "-"), value);
        }
    }
    settings
}
