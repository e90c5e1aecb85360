//! The shape of a convolution of any kind, and where its numbers lie.
//!
//! The input is copied into planes that make every tap a shift: padded, and split by the strides into phases, so that
//! neighbouring windows are neighbours. An output is then found at `row * plane_columns + column`, its tap at that
//! place plus an offset; the columns of a plane beyond the output's are computed along and dropped.

/// The shape of a convolution of one image; pairs are rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GeneralShape {
    /// Channels of the input.
    pub channels: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Filters, which are the output's channels.
    pub filters: usize,
    /// Groups of channels, each read by as many filters of its own; divides channels and filters.
    pub groups: usize,
    /// Rows and columns of a filter.
    pub kernel: [usize; 2],
    /// Pixels between two neighbouring windows, at least 1.
    pub stride: [usize; 2],
    /// Pixels between two neighbouring taps, at least 1.
    pub dilation: [usize; 2],
    /// Zeros above, below, left and right of the input.
    pub padding: [usize; 4],
}

/// How many windows that reach over `reach` pixels fit `length` of them.
fn windows(length: usize, reach: usize, stride: usize) -> usize {
    match length.checked_sub(reach) {
        Some(rest) if reach > 0 => rest / stride + 1,
        _ => 0,
    }
}

impl GeneralShape {
    /// Rows of the output; 0 where the kernel does not fit the padded input.
    pub fn out_height(&self) -> usize {
        windows(self.padded_height(), self.reach(0), self.stride[0])
    }

    /// Columns of the output; 0 where the kernel does not fit the padded input.
    pub fn out_width(&self) -> usize {
        windows(self.padded_width(), self.reach(1), self.stride[1])
    }

    /// Pixels that a window spans, by rows (0) or columns (1).
    pub fn reach(&self, axis: usize) -> usize {
        match self.kernel[axis] {
            0 => 0,
            taps => (taps - 1) * self.dilation[axis] + 1,
        }
    }

    /// Rows of the input with its padding.
    pub fn padded_height(&self) -> usize {
        self.height + self.padding[0] + self.padding[1]
    }

    /// Columns of the input with its padding.
    pub fn padded_width(&self) -> usize {
        self.width + self.padding[2] + self.padding[3]
    }

    /// Numbers of one image's input, `channels * height * width`.
    pub fn input_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Numbers of one image's output, `filters * out_height * out_width`.
    pub fn output_len(&self) -> usize {
        self.filters * self.out_height() * self.out_width()
    }

    /// Weights of one filter, `channels / groups * rows * columns`, without its bias.
    pub fn filter_len(&self) -> usize {
        self.group_channels() * self.taps()
    }

    /// Weights of all filters, without biases.
    pub fn weights_len(&self) -> usize {
        self.filters * self.filter_len()
    }

    /// Channels that a filter reads.
    pub fn group_channels(&self) -> usize {
        self.channels / self.groups
    }

    /// Filters of a group.
    pub(super) fn group_filters(&self) -> usize {
        self.filters / self.groups
    }

    /// Taps of a filter in one channel.
    pub(super) fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Rows of a plane.
    pub(super) fn plane_rows(&self) -> usize {
        self.padded_height().div_ceil(self.stride[0])
    }

    /// Columns of a plane.
    pub(super) fn plane_columns(&self) -> usize {
        self.padded_width().div_ceil(self.stride[1])
    }

    /// Numbers of a plane.
    pub(super) fn plane_len(&self) -> usize {
        self.plane_rows() * self.plane_columns()
    }

    /// Planes of a channel.
    pub(super) fn phases(&self) -> usize {
        self.stride[0] * self.stride[1]
    }

    /// Numbers of all planes of a channel.
    pub(super) fn channel_len(&self) -> usize {
        self.phases() * self.plane_len()
    }

    /// Places from the first output to behind the last one, with the columns in between that are dropped.
    pub(super) fn flat_len(&self) -> usize {
        self.out_height() * self.plane_columns()
    }

    /// The plane that a tap reads, and how far it shifts it.
    pub(super) fn tap(&self, tap: usize) -> (usize, usize) {
        let (row, column) = (tap / self.kernel[1] * self.dilation[0], tap % self.kernel[1] * self.dilation[1]);
        let phase = row % self.stride[0] * self.stride[1] + column % self.stride[1];
        (phase, row / self.stride[0] * self.plane_columns() + column / self.stride[1])
    }

    /// Where the pixels of a row of the input lie in its channel's planes: that of column `x` at
    /// `row_start(y, (x + left) % stride) + (x + left) / stride`.
    pub(super) fn row_start(&self, y: usize, column_phase: usize) -> usize {
        let row = y + self.padding[0];
        let phase = row % self.stride[0] * self.stride[1] + column_phase;
        phase * self.plane_len() + row / self.stride[0] * self.plane_columns()
    }
}
