//! The arithmetic of layers: `f32` kernels with one result, whatever the machine.
//!
//! A kernel computes one image on one thread. What lies between layers is dense, unpadded and planar,
//! `[channels][height][width]`, as slices. A kernel object holds a plan made from shapes and an
//! [instruction level](Instructions); it is immutable, so that threads share it, and the caller brings all scratch.
//!
//! # Determinism
//!
//! This is `arithmetic = 1`. Each output element is one chain of fused multiply-adds in the order that the kernel's
//! doc names. Vector lanes run across outputs, never across a sum; tiling chooses which chains run at the same time,
//! never their order. So all instruction levels give the same bits, which the tests here check against plain loops.

mod average_pool;
mod convolution;
mod elementwise;
mod fully_connected;
mod general_convolution;
mod instructions;
mod max_pool;
mod nonzero;
mod pool;
mod simd;
#[cfg(test)]
mod tests;

pub use average_pool::AveragePool;
pub use convolution::{Convolution, ConvolutionShape};
pub use elementwise::{add_to, gelu, gelu_slope, leaky_relu, leaky_relu_backward, relu, relu_backward, sigmoid};
pub use fully_connected::FullyConnected;
pub use general_convolution::{GeneralConvolution, GeneralShape};
pub use instructions::{Instructions, UnknownInstructions};
pub use max_pool::MaxPool;
pub use nonzero::NonZero;
pub use pool::PoolShape;
pub(crate) use simd::{Kernel, Simd};
