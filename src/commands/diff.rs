//! `revacnn diff`: in what two recorded steps differ.

use std::io::Write;
use std::process::ExitCode;

use revacnn_recorder::{Difference, Lineage, Replay, StepTensors, Store, difference, find_data};
use revacnn_schemas::{Address, FilterIdentity, Step};
use serde_json::{Value, json};

use super::{history, threads};
use crate::arguments::DiffArguments;
use crate::error::Failure;
use crate::text::{Side, count, span, table};

/// Filters that a layer's line names.
const FARTHEST: usize = 3;

pub(crate) fn run(arguments: &DiffArguments) -> Result<ExitCode, Failure> {
    let store = Store::open(&arguments.store.store)?;
    let (left, left_step, left_tensors) = at(&store, &arguments.left, arguments)?;
    let (right, right_step, right_tensors) = at(&store, &arguments.right, arguments)?;
    let found = difference((&left, &left_tensors), (&right, &right_tensors))?;
    let names = (format!("{}@{left_step}", arguments.left.branch), format!("{}@{right_step}", arguments.right.branch));
    let mut out = std::io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", as_json(&names, &found))?;
    } else {
        write!(out, "{}", as_text(&names, &found))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A branch with its past, and its tensors at an address.
fn at(store: &Store, address: &Address, arguments: &DiffArguments) -> Result<(Lineage, Step, StepTensors), Failure> {
    let lineage = history(store, &address.branch)?;
    let step = lineage.resolve(address.position)?;
    let reader = Lineage::open(store, &address.branch)?.into_holder(step)?;
    // The history as of this step: what is compared has that topology.
    let lineage =
        if reader.branch().id == lineage.branch().id { lineage } else { Lineage::of(store, reader.branch())? };
    let recomputed = !reader.stores_tensors(step)?;
    let identity = reader.branch().definition.dataset.clone();
    let mut replay = Replay::new(reader);
    if recomputed {
        let dataset = find_data(store, &identity, arguments.data.folder().as_deref())?;
        replay = replay.with_data(dataset, threads(None));
    }
    Ok((lineage, step, replay.tensors(step)?))
}

fn as_text((left, right): &(String, String), found: &Difference) -> String {
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
    if found.definition.is_empty() {
        text += "network, data, optimizer and hyper-parameters are the same\n";
    } else {
        text += "\n";
        for line in &found.definition {
            text += &format!("{line}\n");
        }
    }
    text += "\n";
    let rows: Vec<Vec<String>> = found
        .relation
        .filters
        .iter()
        .map(|shared| {
            let distance = found.layers.iter().find(|layer| layer.layer == shared.layer);
            let farthest = distance.map_or_else(String::new, |layer| {
                let name = |filter: &FilterIdentity| format!("{}/{}", layer.layer, filter.number);
                let named = layer.filters.iter().take(FARTHEST).filter(|filter| filter.distance > 0.0);
                let parts: Vec<String> =
                    named.map(|filter| format!("{} {:.3}", name(&filter.filter), filter.distance)).collect();
                parts.join(", ")
            });
            vec![
                shared.layer.to_string(),
                count(shared.both.len() as u64),
                count(shared.only_left.len() as u64),
                count(shared.only_right.len() as u64),
                distance.map_or_else(|| "–".to_owned(), |layer| format!("{:.4}", layer.distance)),
                distance.map_or_else(|| "–".to_owned(), |layer| format!("{:.1} %", 100.0 * layer.relative)),
                farthest,
            ]
        })
        .collect();
    let heading = [
        ("layer", Side::Left),
        ("filters in both", Side::Right),
        ("only left", Side::Right),
        ("only right", Side::Right),
        ("distance", Side::Right),
        ("of norm", Side::Right),
        ("farthest filters", Side::Left),
    ];
    text + &table(&heading, &rows)
}

fn as_json((left, right): &(String, String), found: &Difference) -> Value {
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
                "in_both": identities(&shared.both),
                "only_left": identities(&shared.only_left),
                "only_right": identities(&shared.only_right),
                "distance": distance.and_then(|layer| finite(layer.distance)),
                "relative_distance": distance.and_then(|layer| finite(layer.relative)),
                "unmatched_coefficients": distance.map(|layer| layer.unmatched),
                "filters": distance.map(|layer| layer.filters.iter().map(|filter| json!({
                    "filter": filter.filter.number,
                    "born": filter.filter.born,
                    "distance": finite(filter.distance),
                    "relative_distance": finite(filter.relative),
                })).collect::<Vec<_>>()),
            })
        })
        .collect();
    json!({
        "left": left,
        "right": right,
        "ancestor": found.relation.ancestor,
        "shared_steps": found.relation.shared.map(|shared| [shared.first, shared.last]),
        "first_differing_step": found.first_differing_step,
        "definition": found.definition,
        "layers": layers,
    })
}
