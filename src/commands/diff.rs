//! `revacnn diff`: in what two recorded steps differ.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::command::Diff;
use revacnn_notebook::{Matching, matched, most_differing};
use revacnn_recorder::{Replay, find_data, usual_threads};
use revacnn_schemas::{Address, Edit, FilterIdentity, Place, Step};
use revacnn_store::{BranchReader, Difference, FilterDistance, Lineage, StepTensors, Store, difference};
use serde_json::{Value, json};

use super::{Run, history, refuse_unfinished, step_of};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption};
use crate::output;
use crate::text::{Side, count, decimals, percent, printable, span, table};

/// Compare two branches: structure, hyper-parameters, weights.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn diff main wider
  revacnn diff main@1000 wider@1000 --json")]
pub(crate) struct DiffArguments {
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    diff: Diff,
    #[command(flatten)]
    data: DataOption,
}

impl Run for DiffArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let store = Store::open(&self.store.store)?;
        let (left, left_step, left_tensors) = at(&store, &self.diff.left, self)?;
        let (right, right_step, right_tensors) = at(&store, &self.diff.right, self)?;
        let how = self.diff.matching.how;
        let topologies = (&left.branch().topology, &right.branch().topology);
        let identities = matched(how, (topologies.0, &left_tensors), (topologies.1, &right_tensors));
        let found = difference((&left, &left_tensors), (&right, &right_tensors), identities.as_ref())?;
        let names =
            (format!("{}@{left_step}", self.diff.left.branch), format!("{}@{right_step}", self.diff.right.branch));
        let edits = [edits_since(&left, &right), edits_since(&right, &left)];
        let mut out = output::out();
        if json {
            writeln!(out, "{}", as_json(&names, &edits, &found, how))?;
        } else {
            write!(out, "{}", as_text(&names, &edits, &found, how))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A branch with its past, and its tensors at an address.
fn at(store: &Store, address: &Address, arguments: &DiffArguments) -> Result<(Lineage, Step, StepTensors), Failure> {
    let own = Lineage::open(store, &address.branch)?;
    refuse_unfinished(&own, address)?;
    let lineage = history(store, &address.branch)?;
    let step = step_of(&own, address.position)?;
    let reader = own.into_holder(step)?;
    // The history as of this step: what is compared has that topology.
    let lineage =
        if reader.branch().id == lineage.branch().id { lineage } else { Lineage::of(store, reader.branch())? };
    let recomputed = !reader.stores_tensors(step)?;
    let record = reader.branch().clone();
    let mut replay = Replay::new(reader);
    if recomputed {
        let dataset = find_data(store, &record, arguments.data.folder().as_deref())?;
        replay = replay.with_data(dataset, usual_threads());
    }
    Ok((lineage, step, replay.tensors(step)?))
}

/// The edits of a history that another one has not, oldest first.
fn edits_since(lineage: &Lineage, other: &Lineage) -> Vec<String> {
    let records = lineage.readers().iter().rev().map(BranchReader::branch);
    let own = records.filter(|record| other.readers().iter().all(|reader| reader.branch().id != record.id));
    own.flat_map(|record| &record.edits).map(|edit| Edit { seed: None, ..edit.clone() }.to_string()).collect()
}

fn as_text((left, right): &(String, String), edits: &[Vec<String>; 2], found: &Difference, how: Matching) -> String {
    let mut text = format!("{left} against {right}\n\n");
    match (&found.relation.ancestor, found.relation.shared) {
        (Some(ancestor), Some(shared)) => {
            text += &format!("both come from {ancestor}, and share steps {}\n", span(shared));
        }
        (Some(ancestor), None) => text += &format!("both come from {ancestor}, and share no step\n"),
        (None, _) => text += "they have no common ancestor\n",
    }
    match found.first_differing_step {
        Some(step) => text += &format!("the first step with other weights is {}\n", count(step.0)),
        None => text += "no step that both have has other weights\n",
    }
    for (name, edits) in [left, right].into_iter().zip(edits).filter(|(_, edits)| !edits.is_empty()) {
        text += &format!("edits of {name}: {}\n", printable(&edits.join("; ")));
    }
    if found.definition.is_empty() {
        text += "network, data, optimizer and hyper-parameters are the same\n";
    } else {
        text += "\n";
        for line in &found.definition {
            text += &format!("{}\n", printable(line));
        }
    }
    text += "\n";
    if how == Matching::Assignment {
        text += "filters are matched by assignment: the pairs are those most alike, and no identity\n\n";
    }
    let rows: Vec<Vec<String>> = found
        .relation
        .filters
        .iter()
        .map(|shared| {
            let distance = found.layers.iter().find(|layer| layer.layer == shared.layer);
            let farthest = distance.map_or_else(String::new, |layer| {
                let name = |filter: &FilterDistance| match filter.filter == filter.other {
                    true => format!("{}/{}", layer.layer, filter.filter.number),
                    false => format!("{}/{} → {}", layer.layer, filter.filter.number, filter.other.number),
                };
                let named = most_differing(layer).map(|filter| format!("{} {:.3}", name(filter), filter.distance));
                let parts: Vec<String> = named.collect();
                parts.join(", ")
            });
            let number = |value: Option<f64>, text: &dyn Fn(f64) -> String| value.map_or_else(|| "–".to_owned(), text);
            vec![
                shared.layer.to_string(),
                count(shared.both.len() as u64),
                count(shared.only_left.len() as u64),
                count(shared.only_right.len() as u64),
                number(distance.and_then(|layer| layer.distance), &decimals),
                number(distance.and_then(|layer| layer.relative), &|share| percent(share as f32)),
                farthest,
            ]
        })
        .collect();
    let heading = [
        ("layer", Side::Left),
        (if how == Matching::Identity { "filters in both" } else { "filters matched" }, Side::Right),
        ("only left", Side::Right),
        ("only right", Side::Right),
        ("distance", Side::Right),
        ("of norm", Side::Right),
        ("farthest filters", Side::Left),
    ];
    text += &table(&heading, &rows);
    let nothing_in_common = found.relation.filters.iter().all(|shared| shared.both.is_empty());
    if how == Matching::Identity && nothing_in_common {
        text +=
            "\nno filter is in both, so there is no distance; with --match assignment those most alike are compared\n";
    }
    text
}

fn as_json((left, right): &(String, String), edits: &[Vec<String>; 2], found: &Difference, how: Matching) -> Value {
    let identities = |filters: &[FilterIdentity]| -> Vec<Value> {
        filters.iter().map(|filter| json!({ "filter": filter.number, "born": filter.born })).collect()
    };
    let finite = |value: f64| Some(value).filter(|value| value.is_finite());
    let layers: Vec<Value> = found
        .relation
        .filters
        .iter()
        .map(|shared| {
            let distance = found.layers.iter().find(|layer| layer.layer == shared.layer);
            json!({
                "layer": shared.layer,
                (if how == Matching::Identity { "in_both" } else { "matched" }): identities(&shared.both),
                "only_left": identities(&shared.only_left),
                "only_right": identities(&shared.only_right),
                "distance": distance.and_then(|layer| layer.distance.and_then(finite)),
                "relative_distance": distance.and_then(|layer| layer.relative.and_then(finite)),
                "unmatched_coefficients": distance.filter(|layer| layer.distance.is_some()).map(|layer| layer.unmatched),
                "filters": distance.map(|layer| layer.filters.iter().map(|filter| json!({
                    "filter": filter.filter.number,
                    "born": filter.filter.born,
                    "other": { "filter": filter.other.number, "born": filter.other.born },
                    "distance": finite(filter.distance),
                    "relative_distance": filter.relative.and_then(finite),
                })).collect::<Vec<_>>()),
            })
        })
        .collect();
    json!({
        "left": left,
        "right": right,
        "match": how.to_string(),
        "ancestor": found.relation.ancestor,
        "shared_steps": found.relation.shared.map(|shared| [shared.first, shared.last]),
        "first_differing_step": found.first_differing_step,
        "edits": { "left": edits[0], "right": edits[1] },
        "definition": found.definition.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "layers": layers,
    })
}
