//! Branches as rows: what each was made with, and what came of it.

use std::collections::BTreeMap;

use revacnn_schemas::{BranchName, BranchRecord, Edit, Figure, written};
use serde::{Deserialize, Serialize};

use super::Family;
use super::table::{dash, table};
use crate::{CellKind, Context, NotebookError};

/// A row for each of the shown branches: the settings in which they differ, beside how
/// far they came and how well they do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// Which of them are members of a family, whose mean is said as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<Family>,
}

/// What is said of one branch.
struct Row {
    name: BranchName,
    settings: BTreeMap<String, String>,
    last: Option<u64>,
    /// The newest full validation: loss and accuracy, and its step.
    newest: Option<([f64; 2], u64)>,
    /// The one with the least loss: its loss, and its step.
    best: Option<(f64, u64)>,
}

impl CellKind for Results {
    const KIND: &'static str = "results";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let branches = context.branches();
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
            let validations = lineage.validations()?;
            let of = |loss: f32, accuracy: f32| [f64::from(loss), f64::from(accuracy)];
            let losses = validations.iter().map(|(step, result)| (f64::from(result.loss), step.0));
            rows.push(Row {
                name: name.clone(),
                settings: settings(lineage.branch(), &edits.join("; ")),
                last: lineage.steps().map(|steps| steps.last.0),
                newest: validations.last().map(|(step, result)| (of(result.loss, result.accuracy()), step.0)),
                best: losses.filter(|(loss, _)| !loss.is_nan()).min_by(|one, other| one.0.total_cmp(&other.0)),
            });
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
        columns.extend([
            ("steps", true),
            ("validation loss", true),
            ("accuracy", true),
            ("at step", true),
            ("best loss", true),
            ("at step", true),
        ]);
        let cells = rows.iter().map(|row| {
            let mut cells = vec![row.name.to_string()];
            cells.extend(differing.iter().map(|name| value(row, name)));
            cells.push(row.last.map_or_else(dash, |last| last.to_string()));
            cells.push(row.newest.map_or_else(dash, |([loss, _], _)| format!("{loss:.4}")));
            cells.push(row.newest.map_or_else(dash, |([_, accuracy], _)| format!("{:.1} %", 100.0 * accuracy)));
            cells.push(row.newest.map_or_else(dash, |(_, step)| step.to_string()));
            cells.push(row.best.map_or_else(dash, |(loss, _)| format!("{loss:.4}")));
            cells.push(row.best.map_or_else(dash, |(_, step)| step.to_string()));
            cells
        });
        let mut figure = table("results", &columns, cells.collect());
        figure.notes.extend(self.families.iter().filter_map(|family| spread(family, &rows)));
        if rows.len() > 1 && !alike.is_empty() {
            let alike: Vec<String> = alike.iter().map(|name| format!("{name} {}", value(&rows[0], name))).collect();
            figure.notes.push(format!("in all: {}", alike.join(", ")));
        }
        Ok(Figure::Table(figure))
    }
}

/// Mean, lowest and highest of a family's newest validations.
fn spread(family: &Family, rows: &[Row]) -> Option<String> {
    let members = rows.iter().filter(|row| family.members.contains(&row.name));
    let found: Vec<[f64; 2]> = members.filter_map(|row| Some(row.newest?.0)).collect();
    if found.is_empty() {
        return None;
    }
    let of = |place: usize| {
        let values = || found.iter().map(|values| values[place]);
        let mean = values().sum::<f64>() / found.len() as f64;
        [mean, values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max)]
    };
    let [loss, low, high] = of(0);
    let [accuracy, least, most] = of(1).map(|share| 100.0 * share);
    Some(format!(
        "{}, mean of {}: validation loss {loss:.4} ({low:.4} to {high:.4}), accuracy {accuracy:.1} % ({least:.1} to {most:.1} %)",
        family.name,
        found.len(),
    ))
}

fn is_number(rows: &[Row], name: &str) -> bool {
    rows.iter().filter_map(|row| row.settings.get(name)).all(|value| value.parse::<f64>().is_ok())
}

/// What a branch was made with, by the names of the options.
fn settings(record: &BranchRecord, edits: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    let mut set = |name: &str, value: String| drop(settings.insert(name.to_owned(), value));
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
            let value = value.as_f64().map_or_else(|| value.to_string(), written);
            set(&name.replace('_', "-"), value);
        }
    }
    settings
}
