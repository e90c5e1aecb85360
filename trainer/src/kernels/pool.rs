//! What max and average pooling share: shapes, as in PyTorch with `ceil_mode=False`.

use super::convolution::windows;

/// The shape of a pooling of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PoolShape {
    /// Maps, pooled each for itself.
    pub channels: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Rows and columns of a window.
    pub kernel: usize,
    /// Pixels between two neighbouring windows, at least 1.
    pub stride: usize,
    /// Rows and columns around the input that windows may reach into, at most half the window as in PyTorch.
    pub padding: usize,
}

impl PoolShape {
    /// Rows of the output; 0 where the window does not fit the padded input.
    pub fn out_height(&self) -> usize {
        windows(self.height, self.kernel, self.stride, self.padding)
    }

    /// Columns of the output; 0 where the window does not fit the padded input.
    pub fn out_width(&self) -> usize {
        windows(self.width, self.kernel, self.stride, self.padding)
    }

    /// Numbers of one image's input, `channels * height * width`.
    pub fn input_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Numbers of one image's output, `channels * out_height * out_width`.
    pub fn output_len(&self) -> usize {
        self.channels * self.out_height() * self.out_width()
    }

    /// The image's rows or columns, of `length`, under window `index`.
    #[inline(always)]
    pub(super) fn covered(&self, index: usize, length: usize) -> std::ops::Range<usize> {
        let first = index * self.stride;
        let end = (first + self.kernel).saturating_sub(self.padding).min(length);
        first.saturating_sub(self.padding).min(end)..end
    }

    /// Whether windows of 2 × 2 tile the input: the common case, with loops of its own that vectorise.
    pub(super) fn halves(&self) -> bool {
        (self.kernel, self.stride, self.padding) == (2, 2, 0)
    }

    pub(super) fn check(&self) {
        assert!(self.stride > 0, "pooling needs a stride of at least 1");
        assert!(2 * self.padding <= self.kernel, "pooling pads by at most half its window: {self:?}");
    }
}
