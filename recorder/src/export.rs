//! A network at any recorded step, for other programs.

use revacnn_schemas::{BranchRecord, Digest, ParameterState, Producer, RunDefinition, Step};
use revacnn_store::{LayerTensors, Lineage, StepTensors, Store};
use revacnn_trainer::exchange::{Exported, ExportedNetwork, Format, Origin};

use crate::{RecorderError, Replay, Resources, find_data};

/// A network with its arrays at a step.
#[derive(Debug, Clone)]
pub struct NetworkAtStep {
    /// The branch that holds the step.
    pub record: BranchRecord,
    /// The step.
    pub step: Step,
    /// Digest of its parameters.
    pub digest: Digest,
    /// The arrays, in the order of the topology's layers with weights.
    pub parameters: Vec<ParameterState>,
    /// Updates since the optimizer's memory was zero, where that was asked for.
    pub optimizer_updates: Option<u64>,
    /// The classes' names, where the data set was found.
    pub class_names: Option<Vec<String>>,
    /// Whether the arrays had to be computed again.
    pub recomputed: bool,
}

impl NetworkAtStep {
    /// What is trained.
    fn definition(&self) -> &RunDefinition {
        self.record.definition().expect("invariant: the engine of this program computes the branch")
    }

    /// The network as a file of another program.
    ///
    /// # Errors
    /// What the format has no form for.
    pub fn export(&self, format: Format) -> Result<Exported, RecorderError> {
        let network = ExportedNetwork {
            definition: self.definition(),
            topology: &self.record.topology,
            parameters: &self.parameters,
            optimizer_updates: self.optimizer_updates,
            class_names: self.class_names.as_deref(),
            origin: Origin {
                branch: self.record.name.clone(),
                branch_id: self.record.id.clone(),
                step: self.step,
                digest: self.digest,
            },
        };
        Ok(network.to_format(format)?)
    }
}

/// Reads a network at a step of a branch, its own or inherited; what is not stored is computed
/// again. With `optimizer_state`, the optimizer's memory comes along, which is in keyframes alone.
///
/// # Errors
/// Those of reading, and where something must be computed those of [`find_data()`] and
/// [`Replay::trainer_at`]; [`RecorderError::Foreign`].
pub fn network_at(
    store: &Store,
    lineage: Lineage,
    step: Step,
    optimizer_state: bool,
    resources: &Resources,
) -> Result<NetworkAtStep, RecorderError> {
    let reader = lineage.into_holder(step)?;
    let record = reader.branch().clone();
    if let Producer::Foreign(foreign) = &record.producer {
        let (branch, producer) = (record.name.clone(), foreign.to_string());
        return Err(RecorderError::Foreign { branch, producer, verb: "write its network in another format" });
    }
    let digest = reader.step_row(step)?.digest;
    let recomputed = !reader.stores_tensors(step)?;
    let dataset = find_data(store, &record, resources.data_folder.as_deref());
    let class_names = dataset.as_ref().ok().map(|dataset| dataset.class_names().to_vec());
    let mut replay = Replay::new(reader);
    if optimizer_state || recomputed {
        replay = replay.with_data(dataset?, resources.threads);
    }
    let (parameters, optimizer_updates) = if optimizer_state {
        let state = replay.trainer_at(step)?.state();
        (state.parameters, Some(state.optimizer_updates))
    } else {
        (parameters_of(&replay.tensors(step)?), None)
    };
    Ok(NetworkAtStep { record, step, digest, parameters, optimizer_updates, class_names, recomputed })
}

/// The arrays of a step, without an optimizer's memory.
fn parameters_of(tensors: &StepTensors) -> Vec<ParameterState> {
    let running = |layer: &LayerTensors| tensors.normalisation.iter().find(|running| running.layer == layer.layer);
    let of_layer = |layer: &LayerTensors| ParameterState {
        weights: layer.weights.clone(),
        biases: layer.biases.clone(),
        running: running(layer).map(|running| [running.mean.clone(), running.variance.clone()]),
        ..ParameterState::default()
    };
    tensors.parameters.iter().map(of_layer).collect()
}
