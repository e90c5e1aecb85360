//! Pooling: `kind = "pool"`.

use revacnn_schemas::{ImageShape, LayerSpec};
use serde::{Deserialize, Serialize};

use super::{Backward, Buffers, Built, Context, LayerKind, Operation, Place, Role, Scratch, check_range, refuse};
use crate::TrainerError;
use crate::kernels::{AveragePool, MaxPool, PoolShape};

pub(crate) const KIND: LayerKind =
    LayerKind { name: "pool", stem: "pool", role: Role::Ends, count: None, activation: None, build };

/// Configuration of a pooling layer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// What a window becomes.
    #[serde(default)]
    method: Method,
    /// Rows and columns of a window.
    kernel: usize,
    /// Pixels from one window to the next; the kernel's size unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stride: Option<usize>,
    /// Pixels around the input, never the largest of a window.
    #[serde(default)]
    pad: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Method {
    /// The largest value; the first one in raster order on a tie.
    #[default]
    Max,
    /// The mean, padding counted as zeros.
    Average,
}

fn build(spec: &LayerSpec, place: &Place) -> Result<Built, TrainerError> {
    let mut config: Config = spec.config()?;
    let stride = *config.stride.get_or_insert(config.kernel);
    check_range(spec, "kernel", config.kernel, 1..=64)?;
    check_range(spec, "stride", stride, 1..=64)?;
    check_range(spec, "pad", config.pad, 0..=config.kernel / 2)?;
    let ImageShape { channels, height, width } = place.input;
    if height + 2 * config.pad < config.kernel || width + 2 * config.pad < config.kernel {
        return Err(refuse(
            spec,
            format!(
                "a window of {0}×{0} needs an input of at least that size, found {1}; remove a pooling layer \
                 or use larger images",
                config.kernel, place.input
            ),
        ));
    }
    let shape = PoolShape { channels, height, width, kernel: config.kernel, stride, padding: config.pad };
    let operation: Box<dyn Operation> = match config.method {
        Method::Max => Box::new(Max(MaxPool::new(shape, place.instructions), shape)),
        Method::Average => Box::new(Average(AveragePool::new(shape, place.instructions), shape)),
    };
    Ok(Built::new(&config, vec![operation]))
}

fn output_of(shape: &PoolShape) -> ImageShape {
    ImageShape { channels: shape.channels, height: shape.out_height(), width: shape.out_width() }
}

#[derive(Debug)]
struct Max(MaxPool, PoolShape);

impl Operation for Max {
    fn output(&self) -> ImageShape {
        output_of(&self.1)
    }

    /// The winners' positions.
    fn positions_len(&self) -> usize {
        self.1.output_len()
    }

    fn forward(&self, _context: &Context<'_>, input: &[f32], output: &mut [f32], scratch: &mut Scratch) {
        self.0.forward(input, output, &mut scratch.positions);
    }

    fn backward(
        &self,
        _context: &Context<'_>,
        maps: &Backward<'_>,
        _buffers: &mut Buffers,
        grad_input: Option<&mut [f32]>,
        _accumulator: Option<&mut [f32]>,
    ) {
        if let Some(grad_input) = grad_input {
            self.0.backward(&maps.scratch.positions, maps.grad_output, grad_input);
        }
    }
}

#[derive(Debug)]
struct Average(AveragePool, PoolShape);

impl Operation for Average {
    fn output(&self) -> ImageShape {
        output_of(&self.1)
    }

    fn forward(&self, _context: &Context<'_>, input: &[f32], output: &mut [f32], _scratch: &mut Scratch) {
        self.0.forward(input, output);
    }

    fn backward(
        &self,
        _context: &Context<'_>,
        maps: &Backward<'_>,
        _buffers: &mut Buffers,
        grad_input: Option<&mut [f32]>,
        _accumulator: Option<&mut [f32]>,
    ) {
        if let Some(grad_input) = grad_input {
            self.0.backward(maps.grad_output, grad_input);
        }
    }
}
