//! What a layer is to other programs.
//!
//! A kind of layer says it in [`Layer::forms`](crate::layers), and each format writes those that
//! it has a form for.

/// One operation, as other programs have it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Form {
    /// What this program alone has.
    Own,
    /// A convolution with a bias; its array is `[filter][channel of its group][row][column]`.
    Convolution { filters: usize, groups: usize, window: Window },
    /// A product with all values, channel by channel; its array is `[unit][value]`.
    FullyConnected { units: usize },
    /// A window becomes one value.
    Pool { method: PoolMethod, window: Window },
    /// Each map becomes its mean.
    GlobalAverage,
    /// max(x, 0)
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// x above 0, and x/100 below.
    LeakyRelu,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// x·Φ(x), by the error function.
    Gelu,
    /// Normalisation by running statistics, in evaluation.
    BatchNorm { epsilon: f64, momentum: f64 },
    /// Normalisation by all values of an image, and a scale and shift a channel.
    LayerNorm { epsilon: f64 },
    /// Division by (k + alpha/size · Σ a²)^beta over `size` channels about each.
    LocalResponse { size: usize, alpha: f64, beta: f64, k: f64 },
    /// Nothing, in evaluation.
    Dropout { rate: f64 },
    /// Probabilities of classes.
    Softmax,
    /// Each channel is the largest of so many, place by place.
    Maxout { pieces: usize },
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

/// A window that moves over an image: numbers by rows, and by columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) dilation: [usize; 2],
    /// Zeros above, below, left and right.
    pub(crate) pad: [usize; 4],
}

/// A window that is alike by rows and columns, without dilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Square {
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) pad: usize,
}

impl Window {
    /// A window that is alike by rows and columns.
    pub(crate) fn square(kernel: usize, stride: usize, pad: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], dilation: [1; 2], pad: [pad; 4] }
    }

    /// What it is where it is alike by rows and columns.
    pub(super) fn as_square(self) -> Option<Square> {
        let square = Square { kernel: self.kernel[0], stride: self.stride[0], pad: self.pad[0] };
        (self == Self::square(square.kernel, square.stride, square.pad)).then_some(square)
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
            Self::LeakyRelu => "leaky_relu",
            Self::Sigmoid => "sigmoid",
            Self::Gelu => "gelu",
            Self::GlobalAverage => "averaged",
            Self::LayerNorm { .. } | Self::LocalResponse { .. } => "normalised",
            Self::BatchNorm { .. } => "normalised",
            Self::Dropout { .. } => "dropped",
            Self::Softmax => "probabilities",
            Self::Maxout { .. } => "largest",
            Self::Add => "sum",
            Self::Concat => "joined",
        }
    }

    /// Whether it takes images alone, and no rows of values.
    pub(super) fn takes_images(&self) -> bool {
        matches!(
            self,
            Self::Convolution { .. }
                | Self::Pool { .. }
                | Self::GlobalAverage
                | Self::LocalResponse { .. }
                | Self::Add
                | Self::Concat
        )
    }

    /// Whether rows of values come out of it, where rows may come in.
    pub(super) fn gives_rows(&self, takes_rows: bool) -> bool {
        matches!(self, Self::FullyConnected { .. }) || takes_rows && !self.takes_images()
    }
}
