//! What an edit works on: definition, topology and state of a branch that is
//! yet to be made, taken apart layer by layer.

use std::sync::Arc;

use revacnn_schemas::{
    FilterIdentity, FilterNumber, ImageShape, InitialArrays, LayerName, NetworkSpec, ParameterState, RunDefinition,
    Topology, TrainingState,
};

use super::outcome::Refusal;
use crate::edges::Origin;
use crate::engine::Engine;
use crate::kernels::Instructions;
use crate::layers::{self, LayerKind, ParameterShape, Role};
use crate::network::Network;
use crate::trainer::{TrainingImages, Visit};
use crate::{Trainer, TrainerError};

/// A branch under the knife. `definition.network.layers`, `topology.layers`
/// and `parameters` always have one entry per layer, in network order.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) definition: RunDefinition,
    pub(super) topology: Topology,
    /// `[layer]`, for layers with weights.
    pub(super) parameters: Vec<Option<ParameterState>>,
    /// Shapes of these weights, `[layer]`.
    pub(super) shapes: Vec<Option<ParameterShape>>,
    /// What a layer reads, `[layer]`.
    pub(super) sources: Vec<Vec<Origin>>,
    /// Channels, rows and columns that reach a layer, of the first that it reads, `[layer]`.
    pub(super) inputs: Vec<ImageShape>,
    /// Channels, rows and columns that a layer gives, `[layer]`.
    pub(super) outputs: Vec<ImageShape>,
    /// The state but for its parameters.
    pub(super) rest: TrainingState,
}

impl Draft {
    /// The branch as the trainer has it.
    pub(super) fn of(trainer: &Trainer) -> Result<Self, TrainerError> {
        let mut rest = trainer.state();
        let mut states = std::mem::take(&mut rest.parameters).into_iter();
        let topology = trainer.topology().clone();
        let parameters = topology.layers.iter().map(|layer| layer.coefficients.and_then(|_| states.next())).collect();
        // A fork begins with a state, and its network may be another one than the arrays are of.
        let mut definition = trainer.definition().clone();
        definition.init = definition.init.as_ref().map(InitialArrays::recorded);
        let mut draft = Self {
            definition,
            topology,
            parameters,
            shapes: Vec::new(),
            sources: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            rest,
        };
        draft.rebuild()?;
        Ok(draft)
    }

    /// The whole state.
    pub(super) fn state(&self) -> TrainingState {
        TrainingState { parameters: self.parameters.iter().flatten().cloned().collect(), ..self.rest.clone() }
    }

    /// The draft's network with its weights, on the threads and instructions
    /// of a trainer.
    pub(super) fn engine(&self, like: &Trainer) -> Result<Engine, TrainerError> {
        let RunDefinition { network, input, classes, .. } = &self.definition;
        let (_, network) = Network::build(network, *input, *classes, like.instructions(), Some(&self.topology))?;
        let parameters = self.parameters.iter().flatten().cloned().collect();
        Ok(Engine::new(network, parameters, Arc::clone(like.engine().threads())))
    }

    /// The images of the draft's next batch.
    ///
    /// # Errors
    /// Images that cannot be trained on so.
    pub(super) fn next_batch(&self, like: &Trainer) -> Result<(TrainingImages, Vec<Visit>), TrainerError> {
        let mut images = TrainingImages::of(&self.definition, like.dataset())?;
        let batch = images.batch(self.rest.cursor, self.definition.batch_size);
        Ok((images, batch))
    }

    /// Brings everything that follows from the description up to date: its
    /// defaults, shapes, maps, and the identities of layers that were added.
    /// Layers that join a block take the identities of the filters whose maps
    /// reach them. The arrays are the caller's to adapt.
    ///
    /// # Errors
    /// What a layer refuses, by its name.
    pub(super) fn rebuild(&mut self) -> Result<(), TrainerError> {
        let spec: &NetworkSpec = &self.definition.network;
        let (resolved, network) =
            Network::build(spec, self.definition.input, self.definition.classes, Instructions::Scalar, None)?;
        let mut shapes = network.weighted.iter().map(|layer| layer.shape);
        self.shapes =
            network.topology.layers.iter().map(|layer| layer.coefficients.and_then(|_| shapes.next())).collect();
        self.sources = network.sources;
        self.inputs = network.inputs;
        self.outputs = network.outputs;
        for (layer, mut new) in network.topology.layers.into_iter().enumerate() {
            let role = layers::kind(&new.kind)?.role;
            // Its kind is needed to find what it follows.
            self.topology.layers[layer].kind.clone_from(&new.kind);
            let flow = self.sources[layer][0].and_then(|source| self.opener(source));
            let flow = flow.map(|opener| &self.topology.layers[opener]);
            let old = &self.topology.layers[layer];
            match (flow, role) {
                (Some(flow), Role::Joins) if new.coefficients.is_some() => {
                    new.filters = channels(&old.filters, &flow.filters);
                    new.next_filter = old.next_filter.max(flow.next_filter);
                }
                (_, Role::Gathers(_) | Role::Reduces) if old.filters.len() != new.filters.len() => {
                    let first = old.next_filter.0;
                    for filter in &mut new.filters {
                        filter.number = FilterNumber(first.saturating_add(filter.number.0));
                    }
                    new.next_filter = FilterNumber(first.saturating_add(new.next_filter.0));
                }
                _ => {
                    if old.filters.len() == new.filters.len() {
                        new.filters.clone_from(&old.filters);
                    }
                    new.next_filter = new.next_filter.max(old.next_filter);
                }
            }
            self.topology.layers[layer] = new;
        }
        self.definition.network = resolved;
        Ok(())
    }

    pub(super) fn name(&self, layer: usize) -> &LayerName {
        &self.topology.layers[layer].layer
    }

    pub(super) fn kind(&self, layer: usize) -> Result<&'static LayerKind, TrainerError> {
        layers::kind(&self.topology.layers[layer].kind)
    }

    pub(super) fn role(&self, layer: usize) -> Option<Role> {
        self.kind(layer).ok().map(|kind| kind.role)
    }

    /// The layer's place in the network.
    ///
    /// # Errors
    /// A refusal that lists `among`, those there are.
    fn place(&self, name: &LayerName, what: &str, among: impl Fn(usize) -> bool) -> Result<usize, Refusal> {
        let place = self.topology.layers.iter().position(|layer| layer.layer == *name);
        place.ok_or_else(|| {
            let names: Vec<&str> = (0..self.topology.layers.len())
                .filter(|&layer| among(layer))
                .map(|layer| self.name(layer).as_str())
                .collect();
            Refusal::Reason(format!("there is no layer {name}; {what}: {}", names.join(", ")))
        })
    }

    /// Any layer's place.
    pub(super) fn any_layer(&self, name: &LayerName) -> Result<usize, Refusal> {
        self.place(name, "the layers are", |_| true)
    }

    /// The place of a layer with weights, be they a convolution's or a
    /// normalisation's.
    pub(super) fn layer_with_weights(&self, name: &LayerName) -> Result<usize, Refusal> {
        let has_weights = |layer: usize| self.parameters[layer].is_some();
        let layer = self.place(name, "layers that have weights", has_weights)?;
        if has_weights(layer) {
            return Ok(layer);
        }
        let kind = &self.topology.layers[layer].kind;
        Err(Refusal::Reason(format!("{name} is of kind {kind} and has no weights{}", self.hint(layer))))
    }

    /// The place of a layer whose number of filters is free, and the
    /// parameter that says it.
    pub(super) fn layer_with_filters(&self, name: &LayerName) -> Result<(usize, &'static str), Refusal> {
        let count = |layer: usize| self.kind(layer).ok().and_then(|kind| kind.count);
        let layer = self.place(name, "layers that have filters", |layer| count(layer).is_some())?;
        if let Some(parameter) = count(layer) {
            return Ok((layer, parameter));
        }
        let reason = if self.role(layer) == Some(Role::Classes) {
            match layers::class_outputs(&self.definition.network.layers[layer]).are_of_classes() {
                true => format!("{name} has a filter a class, and the number of classes is fixed"),
                false => format!("{name} has a filter a value of the image, and the number of values is fixed"),
            }
        } else {
            let kind = &self.topology.layers[layer].kind;
            format!("{name} is of kind {kind} and has no filters of its own{}", self.hint(layer))
        };
        Err(Refusal::Reason(reason))
    }

    /// Which layer to edit instead.
    fn hint(&self, layer: usize) -> String {
        let names: Vec<&str> = self.openers_of(layer).into_iter().map(|opener| self.name(opener).as_str()).collect();
        let are = match self.role(layer) {
            Some(Role::Gathers(_) | Role::Reduces) => "are made of",
            _ => "are",
        };
        if names.is_empty() {
            return String::new();
        }
        format!("; its channels {are} the filters of {}", names.join(", "))
    }

    /// The position of a filter within its layer.
    pub(super) fn position(&self, layer: usize, filter: FilterNumber) -> Result<usize, Refusal> {
        let filters = &self.topology.layers[layer].filters;
        filters.iter().position(|identity| identity.number == filter).ok_or_else(|| {
            let numbers: Vec<u32> = filters.iter().map(|identity| identity.number.0).collect();
            Refusal::Reason(format!("{} has no filter {filter}; it has {}", self.name(layer), runs(&numbers)))
        })
    }

    /// Channels, rows and columns that a layer or the images give.
    pub(super) fn output_of(&self, source: Origin) -> ImageShape {
        source.map_or(self.definition.input, |layer| self.outputs[layer])
    }

    /// The arrays of a layer that has some.
    pub(super) fn weights(&mut self, layer: usize) -> &mut ParameterState {
        self.parameters[layer].as_mut().expect("invariant: the layer has weights")
    }

    /// The shape of the weights of a layer that has some.
    pub(super) fn shape(&self, layer: usize) -> ParameterShape {
        self.shapes[layer].expect("invariant: the layer has weights")
    }

    /// Coefficients of one filter for one channel that reaches its layer.
    pub(super) fn coefficients_per_channel(&self, layer: usize) -> usize {
        self.shape(layer).coefficients / self.inputs[layer].channels
    }

    /// Numbers of a layer's filters in position order.
    pub(super) fn numbers(&self, layer: usize) -> Vec<u32> {
        self.topology.layers[layer].filters.iter().map(|identity| identity.number.0).collect()
    }
}

/// Identities of the channels of a layer that follows `filters`: as they are
/// where it followed these numbers before; those of the filters where it goes
/// on with as many others; new ones where it begins.
fn channels(old: &[FilterIdentity], filters: &[FilterIdentity]) -> Vec<FilterIdentity> {
    let numbers = |filters: &[FilterIdentity]| filters.iter().map(|filter| filter.number).collect::<Vec<_>>();
    if numbers(old) == numbers(filters) {
        old.to_vec()
    } else if old.len() == filters.len() {
        filters.to_vec()
    } else {
        filters.iter().map(|filter| FilterIdentity { number: filter.number, born: None }).collect()
    }
}

/// Numbers as people write them: `0–4, 7`.
pub(super) fn runs(numbers: &[u32]) -> String {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    let parts: Vec<String> = sorted
        .chunk_by(|left, right| left.checked_add(1) == Some(*right))
        .map(|run| match run {
            [first, .., last] => format!("{first}–{last}"),
            [only] => only.to_string(),
            [] => String::new(),
        })
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_runs() {
        assert_eq!(runs(&[0, 1, 2, 3, 4, 7]), "0–4, 7");
        assert_eq!(runs(&[5, 3, 4, 9, 10]), "3–5, 9–10");
        assert_eq!(runs(&[u32::MAX]), u32::MAX.to_string());
        assert_eq!(runs(&[]), "");
    }
}
