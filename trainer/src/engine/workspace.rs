//! The maps of one image on its way through a network, and the two passes.

use std::ops::Range;

use revacnn_schemas::ParameterState;

use crate::kernels::add_to;
use crate::layers::{Backward, Buffers, Context, Expected, ImageContext, Loss, Packed, Scratch, predicted_class};
use crate::network::Network;

/// What a pass shares between images: weights as arrays and as the kernels
/// want them, and what the batch shares.
#[derive(Clone, Copy)]
pub(crate) struct Shared<'a> {
    pub(crate) network: &'a Network,
    pub(crate) parameters: &'a [ParameterState],
    /// `[operation]`
    pub(crate) packed: &'a [Packed],
    /// `[operation]`
    pub(crate) batch: &'a [Vec<f32>],
}

/// The maps of one image: `maps[i]` reaches operation i, `gradients[i]` is the
/// loss's gradient with respect to it.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Room for an image before it is varied.
    pub(crate) decoded: Vec<f32>,
    pub(crate) maps: Vec<Vec<f32>>,
    pub(crate) gradients: Vec<Vec<f32>>,
    /// What the last layer says of the last image, as it is shown: `[class]`, or the image.
    pub(crate) outputs: Vec<f32>,
    loss: Loss,
    scratch: Vec<Scratch>,
    buffers: Buffers,
    /// What came of the last image.
    pub(crate) outcome: Outcome,
}

/// What came of one image.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcome {
    pub(crate) label: usize,
    /// The class; `None` where the network gives back the image.
    pub(crate) predicted: Option<usize>,
    /// What the class layer says of the predicted class.
    pub(crate) output: Option<f32>,
    pub(crate) loss: f32,
}

impl Workspace {
    pub(crate) fn new(network: &Network, backward: bool) -> Self {
        let lengths: Vec<usize> = std::iter::once(network.input.len())
            .chain(network.operations.iter().map(|unit| unit.operation.output().len()))
            .collect();
        let zeros = |length: &usize| vec![0.0; *length];
        Self {
            decoded: if backward { vec![0.0; network.input.len()] } else { Vec::new() },
            maps: lengths.iter().map(zeros).collect(),
            gradients: if backward { lengths.iter().map(zeros).collect() } else { Vec::new() },
            outputs: vec![0.0; network.operations.last().map_or(0, |unit| unit.operation.output().len())],
            loss: network.loss,
            scratch: network
                .operations
                .iter()
                .map(|unit| Scratch {
                    values: vec![0.0; unit.operation.scratch_len()],
                    positions: vec![0; unit.operation.positions_len()],
                })
                .collect(),
            buffers: Buffers::default(),
            outcome: Outcome::default(),
        }
    }

    /// What the last image left at an operation: its input map, and the gradient of its output.
    pub(crate) fn at(&self, network: &Network, operation: usize) -> [&[f32]; 2] {
        let input = network.operations[operation].reads[0].map;
        [&self.maps[input], &self.gradients[operation + 1]]
    }

    /// Runs the operations of `span` forwards.
    pub(crate) fn forward(&mut self, shared: Shared<'_>, image: ImageContext, span: Range<usize>) {
        for index in span {
            let unit = &shared.network.operations[index];
            let context = shared.context(index, image);
            let (before, after) = self.maps.split_at_mut(index + 1);
            match &unit.reads[..] {
                [read] => {
                    unit.operation.forward(&context, &before[read.map], &mut after[0], &mut self.scratch[index]);
                }
                reads => unit.operation.gather(&mut reads.iter().map(|read| &before[read.map][..]), &mut after[0]),
            }
        }
    }

    /// Loss, prediction and outputs; with a scale also the gradient of what
    /// the class layer computed.
    pub(crate) fn score(&mut self, label: usize, scale: Option<f32>) {
        let computed = self.maps.last().expect("invariant: a network has operations");
        let gradient = scale.and_then(|scale| self.gradients.last_mut().map(|map| (&mut map[..], scale)));
        let expected = Expected { label, image: &self.maps[0] };
        let loss = self.loss.of(computed, &expected, &mut self.outputs, gradient);
        let predicted = self.loss.outputs().are_of_classes().then(|| predicted_class(computed));
        self.outcome = Outcome { label, predicted, output: predicted.map(|class| self.outputs[class]), loss };
    }

    /// Runs the operations of `span` backwards. Gradients of weights are
    /// added to `accumulator`; those of maps are computed where they are
    /// `wanted`, `[map]`.
    pub(crate) fn backward(
        &mut self,
        shared: Shared<'_>,
        image: ImageContext,
        span: Range<usize>,
        wanted: &[bool],
        mut accumulator: Option<&mut [f32]>,
    ) {
        for index in span.rev() {
            let unit = &shared.network.operations[index];
            let context = shared.context(index, image);
            let trains = context.state.is_some_and(|state| state.frozen.contains(&false));
            let weights = accumulator
                .as_deref_mut()
                .filter(|_| trains)
                .map(|all| &mut all[unit.gradient_at..][..unit.operation.gradient_len()]);
            if weights.is_none() && !unit.reads.iter().any(|read| wanted[read.map]) {
                continue;
            }
            let instructions = shared.network.instructions;
            let (before, after) = self.gradients.split_at_mut(index + 1);
            let [read] = unit.reads[..] else {
                for (place, read) in unit.reads.iter().enumerate().filter(|(_, read)| wanted[read.map]) {
                    let part = &after[0][unit.operation.part_of(place)];
                    if read.adds {
                        add_to(instructions, &mut before[read.map], part);
                    } else {
                        before[read.map].copy_from_slice(part);
                    }
                }
                continue;
            };
            let maps = Backward {
                input: &self.maps[read.map],
                output: &self.maps[index + 1],
                grad_output: &after[0],
                scratch: &self.scratch[index],
            };
            if read.adds && wanted[read.map] {
                let mut partial = std::mem::take(&mut self.buffers.partial);
                partial.resize(maps.input.len(), 0.0);
                unit.operation.backward(&context, &maps, &mut self.buffers, Some(&mut partial), weights);
                add_to(instructions, &mut before[read.map], &partial);
                self.buffers.partial = partial;
            } else {
                let grad_input = wanted[read.map].then_some(&mut before[read.map][..]);
                unit.operation.backward(&context, &maps, &mut self.buffers, grad_input, weights);
            }
        }
    }
}

impl<'a> Shared<'a> {
    fn context(&self, operation: usize, image: ImageContext) -> Context<'a> {
        Context {
            image,
            state: self.network.operations[operation].weights.map(|index| &self.parameters[index]),
            packed: &self.packed[operation],
            batch: &self.batch[operation],
        }
    }
}
