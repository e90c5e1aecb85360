//! Pooling: `kind = "pool"`.

use revacnn_schemas::{ImageShape, LayerSpec};
use serde::{Deserialize, Serialize};

use super::kind::{Identity, Layer, LayerParameter, Role, Surroundings, check_range, no_identity, refuse};
use super::operation::{Backward, Buffers, Context, Operation, Scratch};
use crate::TrainerError;
use crate::exchange::{Form, PoolMethod, Window};
use crate::kernels::{AveragePool, MaxPool, PoolShape};

/// Configuration of a pooling layer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
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

impl Layer for Config {
    const NAME: &'static str = "pool";
    const ROLE: Role = Role::Ends;
    const PARAMETERS: &'static [LayerParameter] = &[
        LayerParameter::number("kernel", "2"),
        LayerParameter::number("stride", ""),
        LayerParameter::number("pad", ""),
        LayerParameter::word("method", "max", &["max", "average"]),
    ];

    fn build(&mut self, spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError> {
        let stride = *self.stride.get_or_insert(self.kernel);
        check_range(spec, "kernel", self.kernel, 1..=64)?;
        check_range(spec, "stride", stride, 1..=64)?;
        check_range(spec, "pad", self.pad, 0..=self.kernel / 2)?;
        let ImageShape { channels, height, width } = around.input;
        if height + 2 * self.pad < self.kernel || width + 2 * self.pad < self.kernel {
            return Err(refuse(
                spec,
                format!(
                    "a window of {0}×{0} needs an input of at least that size, found {1}; remove a pooling layer \
                     or use larger images",
                    self.kernel, around.input
                ),
            ));
        }
        let shape = PoolShape { channels, height, width, kernel: self.kernel, stride, padding: self.pad };
        let operation: Box<dyn Operation> = match self.method {
            Method::Max => Box::new(Max(MaxPool::new(shape, around.instructions), shape)),
            Method::Average => Box::new(Average(AveragePool::new(shape, around.instructions), shape)),
        };
        Ok(vec![operation])
    }

    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        let window = Window::square(self.kernel, self.stride.unwrap_or(self.kernel), self.pad);
        let method = match self.method {
            Method::Max => PoolMethod::Max,
            Method::Average => PoolMethod::Average,
        };
        vec![Form::Pool { method, window }]
    }

    fn describe(&self) -> Vec<String> {
        let method = match self.method {
            Method::Max => "",
            Method::Average => "average ",
        };
        let window = format!("{method}{} {1}×{1}", Self::NAME, self.kernel);
        let stride = self.stride.filter(|stride| *stride != self.kernel).map(|stride| format!("stride {stride}"));
        std::iter::once(window).chain(stride).collect()
    }

    fn identity(&self, _input: ImageShape, _not_negative: bool) -> Identity {
        match (self.kernel, self.stride, self.pad) {
            (1, Some(1), 0) => Ok(None),
            _ => Err(no_identity(Self::NAME)),
        }
    }

    fn keeps_from_negative(&self, not_negative: bool) -> bool {
        not_negative
    }
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
