//! `revacnn show`: what was recorded of a step.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::command::Show;
use revacnn_notebook::kinds::{filters_at_step, layers_at_step};
use revacnn_recorder::{Replay, find_data, usual_threads};
use revacnn_schemas::{
    BranchName, BranchRecord, FilterNumber, LayerName, LayerTopology, Place, SCALARS, ScalarKind, Step, TrainingState,
    written,
};
use revacnn_store::{StepRow, StepTensors, Store, StoreError};
use serde_json::{Value, json};

use super::figure::as_text;
use super::{Run, history, step_of};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption};
use crate::output;
use crate::text::{count, counted, duration, loss, percent, printable};

/// Show what was recorded of a step.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn show main
  revacnn show main@epoch:1 --layer conv1
  revacnn show main@100 --layer conv3 --filter 7 --json

An address is NAME@STEP, where STEP is a number, epoch:N, last, best or fork; NAME alone means NAME@last.")]
pub(crate) struct ShowArguments {
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    show: Show,
    #[command(flatten)]
    data: DataOption,
}

/// A step as it was recorded.
struct Shown {
    /// The branch that was asked for.
    name: BranchName,
    /// The branch that holds the step: that one, or an ancestor.
    record: BranchRecord,
    row: StepRow,
    tensors: StepTensors,
    /// Which filters of a layer are frozen, of layers with such.
    frozen: Vec<(LayerName, Vec<bool>)>,
    /// Whether the tensors had to be computed again.
    recomputed: bool,
}

impl Run for ShowArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let store = Store::open(&self.store.store)?;
        let lineage = history(&store, &self.show.address.branch)?;
        let step = step_of(&lineage, self.show.address.position)?;
        let reader = lineage.into_holder(step)?;
        let record = reader.branch().clone();
        let layers = chosen(&record, &self.show)?;
        let row = reader.step_row(step)?;
        let recomputed = !reader.stores_tensors(step)?;
        // The first step has no gradients, but a keyframe.
        let begins = step == record.first_step() && record.definition().is_some();
        let state = if begins { Some(reader.keyframe_at_or_before(step)?) } else { None };
        let mut replay = Replay::new(reader);
        if recomputed {
            let folder = self.data.folder();
            let dataset = find_data(&store, &record, folder.as_deref())?;
            replay = replay.with_data(dataset, usual_threads());
        }
        let tensors = replay.tensors(step)?;
        let frozen = frozen(&record, &tensors, state.as_ref());
        let shown = Shown { name: self.show.address.branch.clone(), record, row, tensors, frozen, recomputed };
        let mut out = output::out();
        if json {
            writeln!(out, "{}", shown.json(&layers, self.show.filter.map(FilterNumber)))?;
        } else {
            write!(out, "{}", shown.text(&layers, &self.show))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The layers that were asked for; an unknown one is an error that lists what
/// there is.
fn chosen(record: &BranchRecord, arguments: &Show) -> Result<Vec<LayerTopology>, StoreError> {
    let with_filters: Vec<&LayerTopology> = record.topology.layers_with_filters().collect();
    let Some(name) = &arguments.layer else {
        return Ok(with_filters.into_iter().cloned().collect());
    };
    let unknown = |what: String, known: String| StoreError::UnknownFilter { branch: record.name.clone(), what, known };
    let Some(layer) = with_filters.iter().find(|layer| layer.layer == *name) else {
        let known: Vec<&str> = with_filters.iter().map(|layer| layer.layer.as_str()).collect();
        return Err(unknown(format!("layer `{name}` with weights"), format!("there are {}", known.join(", "))));
    };
    if let Some(filter) = arguments.filter
        && !layer.filters.iter().any(|identity| identity.number.0 == filter)
    {
        let known: Vec<String> = layer.filters.iter().map(|identity| identity.number.to_string()).collect();
        return Err(unknown(
            format!("filter {name}/{filter}"),
            format!("the filters of {name} are {}", known.join(", ")),
        ));
    }
    Ok(vec![(*layer).clone()])
}

/// Which filters are frozen, of the layers that have such. A filter that is has no
/// gradient at any step but the first, of which the whole state is at hand.
fn frozen(record: &BranchRecord, tensors: &StepTensors, state: Option<&TrainingState>) -> Vec<(LayerName, Vec<bool>)> {
    if record.definition().is_none() {
        return Vec::new();
    }
    let of = |place: usize, layer: &LayerTopology| match state {
        Some(state) => state.parameters[place].frozen.clone(),
        None => match tensors.layer(&layer.layer).and_then(|tensors| tensors.gradients.as_ref()) {
            Some(gradients) => gradients.frozen.clone(),
            None => vec![true; layer.filters.len()],
        },
    };
    let layers = record.topology.parameter_layers().enumerate();
    let all = layers.map(|(place, layer)| (layer.layer.clone(), of(place, layer)));
    all.filter(|(_, frozen)| frozen.contains(&true)).collect()
}

/// Values as JSON: not-a-number and infinities are null, which JSON lacks.
fn numbers(values: &[f32]) -> Value {
    values.iter().map(|&value| number(value)).collect()
}

fn number(value: f32) -> Value {
    // Widened to 64 bits, which is exact and reads back to the same 32.
    if value.is_finite() { json!(value) } else { Value::Null }
}

impl Shown {
    /// Which filters of a layer are frozen; none where that is empty.
    fn frozen(&self, layer: &LayerTopology) -> &[bool] {
        self.frozen.iter().find(|(name, _)| *name == layer.layer).map_or(&[], |(_, frozen)| frozen)
    }

    fn json(&self, layers: &[LayerTopology], filter: Option<FilterNumber>) -> Value {
        let row = &self.row;
        let optional = |value: Option<f32>| value.map_or(Value::Null, number);
        let layers: Vec<Value> = layers
            .iter()
            .map(|layer| {
                let filters: Vec<Value> = layer
                    .filters
                    .iter()
                    .enumerate()
                    .filter(|(_, identity)| filter.is_none_or(|filter| filter == identity.number))
                    .map(|(position, identity)| {
                        let mut value = self.filter_json(layer, position);
                        value["filter"] = json!(identity.number);
                        value["born"] = json!(identity.born);
                        if layer.coefficients.is_some() && self.record.definition().is_some() {
                            value["frozen"] = json!(self.frozen(layer).get(position).copied().unwrap_or(false));
                        }
                        value
                    })
                    .collect();
                json!({ "layer": layer.layer, "kind": layer.kind, "filters": filters })
            })
            .collect();
        let mut answer = json!({
            "branch": self.name,
            "recorded_in": self.record.name,
            "id": self.record.id,
            "recomputed": self.recomputed,
            "layers": layers,
        });
        for column in SCALARS {
            answer[column.name] = match column.kind {
                ScalarKind::Long(get, _) => json!(get(row)),
                ScalarKind::Int(get, _) => json!(get(row)),
                ScalarKind::Float(get, _) => optional(get(row)),
                ScalarKind::RequiredFloat(get, _) => number(get(row)),
                ScalarKind::Text(get, _) => json!(get(row)),
                ScalarKind::RequiredText(get, _) => json!(get(row)),
                // When it was recorded is no part of what a step is.
                ScalarKind::Time(..) => continue,
            };
        }
        answer
    }

    fn filter_json(&self, layer: &LayerTopology, position: usize) -> Value {
        let mut value = json!({});
        if let Some(tensors) = self.tensors.layer(&layer.layer) {
            let coefficients = layer.coefficients.unwrap_or(0);
            let range = position * coefficients..(position + 1) * coefficients;
            value["weights"] = numbers(&tensors.weights[range.clone()]);
            value["bias"] = number(tensors.biases[position]);
            let gradients = tensors.gradients.as_ref().filter(|gradients| !gradients.frozen[position]);
            value["gradients"] = gradients.map_or(Value::Null, |gradients| numbers(&gradients.weights[range]));
            value["bias_gradient"] = gradients.map_or(Value::Null, |gradients| number(gradients.biases[position]));
        }
        if let Some([rows, columns]) = layer.map {
            let map = rows * columns;
            let range = position * map..(position + 1) * map;
            value["maps"] = self
                .tensors
                .block(&layer.layer)
                .zip(&self.tensors.probes)
                .map(|(block, image)| {
                    json!({
                        "image": image,
                        "activation": numbers(&block.activations[range.clone()]),
                        "activation_gradient": numbers(&block.gradients[range.clone()]),
                    })
                })
                .collect();
        }
        if let Some(running) = self.tensors.normalisation.iter().find(|running| running.layer == layer.layer) {
            value["running_mean"] = number(running.mean[position]);
            value["running_variance"] = number(running.variance[position]);
        }
        value
    }

    fn drops_images(&self) -> bool {
        self.record.definition().is_some_and(|definition| !definition.images.dropped.is_empty())
    }

    fn text(&self, layers: &[LayerTopology], arguments: &Show) -> String {
        let row = &self.row;
        let mut text = format!("{}@{}", self.name, row.step);
        if self.name != self.record.name {
            text += &format!("  recorded in {}", self.record.name);
        }
        // As people count, and as `epoch:N` does: from 1, and done at its last step.
        let epoch = row.cursor.epoch.0;
        text += &match (epoch, row.cursor.offset) {
            (0, 0) => "  before epoch 1".to_owned(),
            (done, 0) => format!("  epoch {} done", count(done)),
            // Dropped images keep their places.
            (done, offset) if self.drops_images() => {
                format!("  epoch {}, up to place {} of its order", count(done + 1), count(offset.into()))
            }
            (done, offset) => format!("  epoch {}, {} of it", count(done + 1), counted(offset.into(), "image")),
        };
        text += &format!(", {} seen\n", counted(row.cursor.images_seen, "image"));
        if row.step == self.record.first_step() {
            text += match row.step {
                Step(0) => "  before any update: no loss, no gradients\n",
                _ => "  the state after the fork's edits: no loss, no gradients\n",
            };
            for edit in &self.record.edits {
                text += &format!("  {}\n", printable(edit));
            }
        } else {
            // A network that predicts no class has no accuracies.
            let share = |name: &str, value: Option<f32>| {
                value.map_or_else(String::new, |value| format!("  {name} {}", percent(value)))
            };
            text += &format!(
                "  loss {}  decay loss {}{}{}\n",
                loss(row.loss),
                loss(row.decay_loss),
                share("batch accuracy", row.batch_accuracy),
                share("live accuracy", row.live_accuracy),
            );
        }
        let hyper = &row.hyper_parameters;
        text += &format!(
            "  {}: learning rate {}{}, weight decay {}, batch {}; {}\n",
            self.record
                .definition()
                .map_or_else(|| self.record.producer.to_string(), |definition| printable(&definition.optimizer.kind)),
            written(hyper.get("learning_rate").unwrap_or_default()),
            hyper.get("momentum").map_or_else(String::new, |momentum| format!(", momentum {}", written(momentum))),
            written(hyper.get("weight_decay").unwrap_or_default()),
            hyper.batch_size,
            duration(row.elapsed_nanos as f64 * 1e-9),
        );
        text += &format!("  digest {}\n", row.digest);
        if self.recomputed {
            text += "  tensors recomputed from a keyframe, digest equal\n";
        }
        let filter = arguments.filter.map(FilterNumber);
        text += "\n";
        text += &as_text(&match arguments.layer {
            None => layers_at_step(layers, &self.tensors, &self.frozen),
            Some(_) => filters_at_step(&layers[0], filter, &self.tensors, &self.frozen),
        });
        if let Some(filter) = filter {
            text += &self.coefficients_text(&layers[0], filter);
        }
        text
    }

    /// The coefficients of one filter.
    fn coefficients_text(&self, layer: &LayerTopology, filter: FilterNumber) -> String {
        let mut text = "\ncoefficients, [input][row][column]:\n".to_owned();
        let place = layer.filters.iter().position(|identity| identity.number == filter);
        let coefficients = layer.coefficients.unwrap_or(0);
        if let (Some(place), Some(tensors)) = (place, self.tensors.layer(&layer.layer)) {
            for part in tensors.weights[place * coefficients..][..coefficients].chunks(10) {
                let line: Vec<String> = part.iter().map(|value| format!("{value:>10.5}")).collect();
                text += &(line.join("") + "\n");
            }
        }
        text
    }
}
