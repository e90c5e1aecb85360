//! A network with its arrays, and the formats that it goes out in.

use std::path::Path;

use revacnn_schemas::{BranchId, BranchName, Digest, ParameterState, RunDefinition, Step, Topology};
use serde_json::json;

use super::arrays::{Arrays, OPTIMIZER};
use super::graph::Graph;
use super::placing::{BIAS, MEAN, VARIANCE, WEIGHT};
use super::{ExchangeError, convnetjs, npz, onnx, safetensors, torch};
use crate::kernels::Instructions;
use crate::network::{Network, array_shape};
use crate::{TrainerError, optimizers};

/// A format that networks go out in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Arrays by PyTorch's names, with a description.
    Safetensors,
    /// NumPy's archive of arrays.
    Npz,
    /// A graph that computes the class probabilities.
    Onnx,
    /// A network of ConvNetJS, in JSON.
    ConvNetJs,
    /// A script of PyTorch, which loads a safetensors file beside it.
    Torch,
}

impl Format {
    /// Every format: its word, and how its files end.
    pub const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Safetensors, "safetensors", "safetensors"),
        (Self::Npz, "npz", "npz"),
        (Self::Onnx, "onnx", "onnx"),
        (Self::ConvNetJs, "convnetjs", "json"),
        (Self::Torch, "torch", "py"),
    ];

    /// The format of a file by how it ends.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        Self::ALL.iter().find(|(.., known)| ending.eq_ignore_ascii_case(known)).map(|(format, ..)| *format)
    }

    /// Whether it can take an optimizer's memory along.
    pub fn takes_optimizer(self) -> bool {
        matches!(self, Self::Safetensors | Self::Npz)
    }
}

/// From where a network comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The branch.
    pub branch: BranchName,
    /// Its id.
    pub branch_id: BranchId,
    /// The step.
    pub step: Step,
    /// Digest of the parameters there.
    pub digest: Digest,
}

/// A network with its arrays at a step.
#[derive(Debug, Clone)]
pub struct ExportedNetwork<'a> {
    /// What is trained.
    pub definition: &'a RunDefinition,
    /// Its layers and filters.
    pub topology: &'a Topology,
    /// The arrays, in the order of [`Topology::parameter_layers`].
    pub parameters: &'a [ParameterState],
    /// Updates since the optimizer's memory was zero, where that is to go along.
    pub optimizer_updates: Option<u64>,
    /// The classes' names, where the data set is at hand.
    pub class_names: Option<&'a [String]>,
    /// From where it comes.
    pub origin: Origin,
}

/// A file of another program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What is otherwise there, a sentence each.
    pub notes: Vec<String>,
}

impl ExportedNetwork<'_> {
    /// The network as the bytes of a file. Equal networks give equal bytes.
    ///
    /// # Errors
    /// [`ExchangeError::NoForm`] where the format has no form for a layer; what does not fit into
    /// it.
    pub fn to_format(&self, format: Format) -> Result<Exported, TrainerError> {
        let (network, built) = Network::build(
            &self.definition.network,
            self.definition.input,
            self.definition.classes,
            Instructions::Scalar,
            Some(self.topology),
        )?;
        let graph = Graph::of(&network, &built)?;
        let mut notes = Vec::new();
        let bytes = match format {
            Format::Safetensors => safetensors::bytes(&self.arrays(&built)?, Some(self.about()?.to_string()))?,
            Format::Npz => npz::bytes(&self.arrays(&built)?)?,
            Format::Onnx => onnx::bytes(self, &graph, &self.about()?.to_string())?,
            Format::ConvNetJs => convnetjs::bytes(self, &graph, &mut notes)?,
            Format::Torch => torch::script(self, &graph)?.into_bytes(),
        };
        Ok(Exported { bytes, notes })
    }

    /// The arrays of the layers by PyTorch's names, and on request those of the optimizer.
    fn arrays(&self, network: &Network) -> Result<Arrays, TrainerError> {
        let mut arrays = Arrays::default();
        let slots = optimizers::slot_names(&self.definition.optimizer)?;
        for (layer, state) in network.weighted.iter().zip(self.parameters) {
            let shape = array_shape(network, &self.definition.network, layer)?;
            let each = vec![shape[0]];
            let mut insert = |before: &str, part: &str, shape: &[usize], values: &[f32]| {
                arrays.insert(format!("{before}{}.{part}", layer.layer), shape.to_vec(), values.to_vec());
            };
            insert("", WEIGHT, &shape, &state.weights);
            insert("", BIAS, &each, &state.biases);
            if let Some([mean, variance]) = &state.running {
                insert("", MEAN, &each, mean);
                insert("", VARIANCE, &each, variance);
            }
            if self.optimizer_updates.is_some() {
                for (slot, (weights, biases)) in slots.iter().zip(state.weight_slots.iter().zip(&state.bias_slots)) {
                    let before = format!("{OPTIMIZER}{slot}.");
                    insert(&before, WEIGHT, &shape, weights);
                    insert(&before, BIAS, &each, biases);
                }
            }
        }
        Ok(arrays)
    }

    /// What is said of the arrays: all that another program needs, and from where they come.
    fn about(&self) -> Result<serde_json::Value, TrainerError> {
        let RunDefinition { network, input, classes, dataset, optimizer, .. } = self.definition;
        let Origin { branch, branch_id, step, digest } = &self.origin;
        let memory = match self.optimizer_updates {
            Some(updates) => json!({
                "kind": optimizer.kind,
                "parameters": optimizer.parameters,
                "updates": updates,
                "arrays": optimizers::slot_names(optimizer)?,
            }),
            None => serde_json::Value::Null,
        };
        Ok(json!({
            "network": network,
            "input": input,
            "pixels": "byte / 255 - 0.5, [channel][row][column]",
            "classes": classes,
            "class_names": self.class_names,
            "dataset": dataset,
            "branch": branch,
            "branch_id": branch_id,
            "step": step,
            "digest": digest,
            "optimizer": memory,
        }))
    }

    /// The arrays of a layer.
    pub(super) fn state_of(&self, layer: &revacnn_schemas::LayerSpec) -> &ParameterState {
        let mut layers = self.topology.layers.iter().filter(|known| known.coefficients.is_some());
        let place = layers.position(|known| Some(&known.layer) == layer.name.as_ref());
        &self.parameters[place.expect("invariant: a network has the layers of its topology")]
    }

    /// What names it: `main@2025`.
    pub(super) fn address(&self) -> String {
        format!("{}@{}", self.origin.branch, self.origin.step.0)
    }
}

/// The refusal of a layer that a format has no form for.
pub(super) fn no_form(program: &'static str, layer: &revacnn_schemas::LayerSpec, reason: &str) -> ExchangeError {
    ExchangeError::NoForm {
        program,
        layer: layer.name.as_ref().map_or_else(String::new, ToString::to_string),
        kind: layer.kind.clone(),
        reason: reason.to_owned(),
    }
}
