//! The table `branches`: a row a branch, from its record and its lineage.

use std::sync::Arc;

use polars::prelude::{Column, DataFrame, NamedFrom, PolarsError, Series};
use revacnn_schemas::{BranchRecord, Producer, RunDefinition, Step};

use crate::{BranchList, Lineage};

/// The table's name.
pub(super) const NAME: &str = "branches";

/// The table's columns. `first_step` and `last_step` are of the branch's own
/// steps; null where it has none yet.
pub(super) const COLUMNS: [&str; 15] = [
    "branch",
    "id",
    "parent",
    "fork_step",
    "edits",
    "network",
    "dataset",
    "producer",
    "optimizer",
    "learning_rate",
    "batch_size",
    "seed",
    "fidelity",
    "first_step",
    "last_step",
];

/// The table.
pub(super) fn frame(lineages: &[Arc<Lineage>], list: &BranchList<Arc<BranchRecord>>) -> Result<DataFrame, PolarsError> {
    let text = |name: &str, value: &dyn Fn(&Lineage) -> Option<String>| -> Column {
        let values: Vec<Option<String>> = lineages.iter().map(|lineage| value(lineage)).collect();
        Series::new(name.into(), values).into()
    };
    let step = |name: &str, value: &dyn Fn(&Lineage) -> Option<Step>| -> Column {
        let number = |step: Step| i64::try_from(step.0).ok();
        let values: Vec<Option<i64>> = lineages.iter().map(|lineage| value(lineage).and_then(number)).collect();
        Series::new(name.into(), values).into()
    };
    let parent = |lineage: &Lineage| {
        let id = &lineage.branch().parent.as_ref()?.branch;
        list.get(id).map(|record| record.name.to_string())
    };
    let edits = |lineage: &Lineage| {
        let edits: Vec<String> = lineage.branch().edits.iter().map(ToString::to_string).collect();
        Some(edits.join("; ")).filter(|edits| !edits.is_empty())
    };
    let defined = |lineage: &Lineage, value: &dyn Fn(&RunDefinition) -> Option<String>| {
        lineage.branch().definition().and_then(value)
    };
    let number = |name: &str, value: &dyn Fn(&RunDefinition) -> Option<i64>| -> Column {
        let values = lineages.iter().map(|lineage| lineage.branch().definition().and_then(value));
        Series::new(name.into(), values.collect::<Vec<Option<i64>>>()).into()
    };
    let column = |name: &str| match name {
        "producer" => text(name, &|lineage| match &lineage.branch().producer {
            Producer::Engine { .. } => Some("revacnn".to_owned()),
            Producer::Foreign(foreign) => Some(foreign.to_string()),
        }),
        "optimizer" => text(name, &|lineage| defined(lineage, &|definition| Some(definition.optimizer.kind.clone()))),
        "learning_rate" => {
            let rate = |lineage: &Arc<Lineage>| {
                lineage.branch().definition()?.optimizer.parameters.get("learning_rate")?.as_f64()
            };
            Series::new(name.into(), lineages.iter().map(rate).collect::<Vec<Option<f64>>>()).into()
        }
        "batch_size" => number(name, &|definition| Some(definition.batch_size.into())),
        "seed" => number(name, &|definition| i64::try_from(definition.seed).ok()),
        "branch" => text(name, &|lineage| Some(lineage.branch().name.to_string())),
        "id" => text(name, &|lineage| Some(lineage.branch().id.to_string())),
        "parent" => text(name, &parent),
        "fork_step" => step(name, &|lineage| lineage.branch().parent.as_ref().map(|parent| parent.step)),
        "edits" => text(name, &edits),
        "network" => {
            text(name, &|lineage| lineage.branch().definition().map(|definition| definition.network.name.clone()))
        }
        "dataset" => {
            text(name, &|lineage| lineage.branch().definition().map(|definition| definition.dataset.name.clone()))
        }
        "fidelity" => text(name, &|lineage| Some(lineage.branch().recording.fidelity.to_string())),
        "first_step" => step(name, &|lineage| lineage.own_steps().map(|span| span.first)),
        _ => step(name, &|lineage| lineage.own_steps().map(|span| span.last)),
    };
    DataFrame::new_infer_height(COLUMNS.map(column).into())
}
