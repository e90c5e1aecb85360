//! What a layer is to other programs.
//!
//! A kind of layer says it in [`Layer::forms`](crate::layers), and each format writes those that
//! it has a form for.

use revacnn_schemas::ImageShape;

/// One operation, as other programs have it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Form {
    /// What this program alone has.
    Own,
    /// A convolution with a bias; its array is `[filter][channel][row][column]`.
    Convolution { filters: usize, window: Window },
    /// A product with all values, channel by channel; its array is `[unit][value]`.
    FullyConnected { units: usize },
    /// A window becomes one value.
    Pool { method: PoolMethod, window: Window },
    /// max(x, 0)
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// Normalisation by running statistics, in evaluation.
    BatchNorm { epsilon: f64, momentum: f64 },
    /// Nothing, in evaluation.
    Dropout { rate: f64 },
    /// Probabilities of classes.
    Softmax,
    /// The sum of several maps.
    Add,
    /// The channels of several maps, those of the first one first.
    Concat,
}

/// What a pooling window becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolMethod {
    /// The largest value.
    Max,
    /// The mean, padding counted as zeros.
    Average,
}

/// A square window that moves over an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) pad: usize,
}

impl Window {
    fn places(self, length: usize) -> usize {
        (length + 2 * self.pad).saturating_sub(self.kernel) / self.stride + 1
    }
}

impl Form {
    /// What it is in a word, for names.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Convolution { .. } => "convolution",
            Self::FullyConnected { .. } => "product",
            Self::Pool { .. } => "pooled",
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::BatchNorm { .. } => "normalised",
            Self::Dropout { .. } => "dropped",
            Self::Softmax => "probabilities",
            Self::Add => "sum",
            Self::Concat => "joined",
        }
    }

    /// Whether it takes images alone, and no rows of values.
    pub(super) fn takes_images(&self) -> bool {
        matches!(self, Self::Convolution { .. } | Self::Pool { .. } | Self::Add | Self::Concat)
    }

    /// Whether rows of values come out of it, where rows may come in.
    pub(super) fn gives_rows(&self, takes_rows: bool) -> bool {
        matches!(self, Self::FullyConnected { .. }) || takes_rows && !self.takes_images()
    }

    /// Shape of what comes out of it, by the shapes of what it reads, of which there is one at least.
    pub(super) fn output(&self, inputs: &[ImageShape]) -> ImageShape {
        let input = inputs[0];
        let ImageShape { channels, height, width } = input;
        let seen = |window: &Window, channels| ImageShape {
            channels,
            height: window.places(height),
            width: window.places(width),
        };
        match self {
            Self::Convolution { filters, window } => seen(window, *filters),
            Self::FullyConnected { units } => ImageShape { channels: *units, height: 1, width: 1 },
            Self::Pool { window, .. } => seen(window, channels),
            Self::Concat => ImageShape { channels: inputs.iter().map(|input| input.channels).sum(), ..input },
            Self::Own
            | Self::Relu
            | Self::Tanh
            | Self::BatchNorm { .. }
            | Self::Dropout { .. }
            | Self::Softmax
            | Self::Add => input,
        }
    }
}
