//! The shape of a convolution: what its input and output measure.

/// The shape of a convolution of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConvolutionShape {
    /// Channels of the input.
    pub channels: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Filters, which are the output's channels.
    pub filters: usize,
    /// Rows and columns of a filter.
    pub kernel: usize,
    /// Pixels between two neighbouring windows, at least 1.
    pub stride: usize,
    /// Rows and columns of zeros around the input.
    pub padding: usize,
}

/// How many windows of `kernel` fit `length` pixels with `padding` on both sides.
pub(in crate::kernels) fn windows(length: usize, kernel: usize, stride: usize, padding: usize) -> usize {
    match (length + 2 * padding).checked_sub(kernel) {
        Some(rest) if length > 0 && kernel > 0 => rest / stride.max(1) + 1,
        _ => 0,
    }
}

impl ConvolutionShape {
    /// Rows of the output; 0 where the kernel does not fit the padded input.
    pub fn out_height(&self) -> usize {
        windows(self.height, self.kernel, self.stride, self.padding)
    }

    /// Columns of the output; 0 where the kernel does not fit the padded input.
    pub fn out_width(&self) -> usize {
        windows(self.width, self.kernel, self.stride, self.padding)
    }

    /// Numbers of one image's input, `channels * height * width`.
    pub fn input_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Numbers of one image's output, `filters * out_height * out_width`.
    pub fn output_len(&self) -> usize {
        self.filters * self.out_pixels()
    }

    /// Weights of one filter, `channels * kernel * kernel`, without its bias.
    pub fn filter_len(&self) -> usize {
        self.channels * self.kernel * self.kernel
    }

    /// Weights of all filters, without biases.
    pub fn weights_len(&self) -> usize {
        self.filters * self.filter_len()
    }

    /// Pixels of one output map.
    pub(in crate::kernels) fn out_pixels(&self) -> usize {
        self.out_height() * self.out_width()
    }

    /// Columns of the input with its padding.
    pub(in crate::kernels) fn padded_width(&self) -> usize {
        self.width + 2 * self.padding
    }

    /// Rows of the input with its padding.
    pub(in crate::kernels) fn padded_height(&self) -> usize {
        self.height + 2 * self.padding
    }

    /// The output rows whose window has its row `kernel_row` inside the image, as `first..end`.
    pub(in crate::kernels) fn rows_inside(&self, kernel_row: usize) -> (usize, usize) {
        let first = self.padding.saturating_sub(kernel_row).div_ceil(self.stride);
        let end = match (self.height + self.padding).checked_sub(kernel_row + 1) {
            Some(last) => (last / self.stride + 1).min(self.out_height()),
            None => 0,
        };
        (first.min(end), end)
    }
}
