//! Which pixels of an image a value of a layer's map depends on.
//!
//! Source: Araujo, Norris and Sim, *Computing Receptive Fields of Convolutional Neural Networks*
//! (2019). What normalises by all values of an image is left out of it, as there.

use revacnn_schemas::{LayerName, NetworkSpec};

use crate::TrainerError;
use crate::exchange::{Form, Window};
use crate::layers;
use crate::network::Network;

/// A rectangle of an image's pixels, which may reach beyond its edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patch {
    /// The first row.
    pub top: i64,
    /// The first column.
    pub left: i64,
    /// Rows.
    pub height: u64,
    /// Columns.
    pub width: u64,
}

/// What each value of a layer's map depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceptiveField {
    /// By rows, and by columns.
    reaches: [Reach; 2],
    /// The image's rows and columns.
    image: [usize; 2],
}

/// What the values of a map depend on along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// A window that moves.
    Window {
        /// Where that of the first value begins.
        first: i64,
        size: u64,
        /// From one value's to the next one's.
        jump: u64,
    },
    /// All of it.
    Whole,
}

impl Reach {
    const PIXEL: Self = Self::Window { first: 0, size: 1, jump: 1 };

    /// Seen through a window of this reach.
    fn through(self, window: Window, axis: usize) -> Self {
        let Self::Window { first, size, jump } = self else { return Self::Whole };
        let step = i64::try_from(jump).unwrap_or(i64::MAX);
        let taps = (window.kernel[axis] as u64 - 1).saturating_mul(window.dilation[axis] as u64);
        Self::Window {
            first: first.saturating_sub((window.pad[2 * axis] as i64).saturating_mul(step)),
            size: size.saturating_add(taps.saturating_mul(jump)),
            jump: jump.saturating_mul(window.stride[axis] as u64),
        }
    }

    /// Of what depends on both.
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (
                Self::Window { first, size, jump },
                Self::Window { first: other_first, size: other_size, jump: other_jump },
            ) if jump == other_jump => {
                let end = first.saturating_add_unsigned(size).max(other_first.saturating_add_unsigned(other_size));
                let first = first.min(other_first);
                Self::Window { first, size: end.abs_diff(first), jump }
            }
            _ => Self::Whole,
        }
    }

    /// Where that of a value begins, and how long it is.
    fn at(self, place: u64, length: usize) -> (i64, u64) {
        match self {
            Self::Window { first, size, jump } => (first.saturating_add_unsigned(jump.saturating_mul(place)), size),
            Self::Whole => (0, length as u64),
        }
    }
}

impl ReceptiveField {
    /// Of a layer of a network.
    ///
    /// # Errors
    /// A layer that there is not.
    pub(crate) fn of(network: &NetworkSpec, built: &Network, layer: &LayerName) -> Result<Self, TrainerError> {
        let mut all: Vec<[Reach; 2]> = Vec::with_capacity(network.layers.len());
        for (place, spec) in network.layers.iter().enumerate() {
            let sources = built.sources[place].iter();
            let reaches = sources.map(|source| source.map_or([Reach::PIXEL; 2], |read| all[read]));
            let together = reaches.reduce(|one, other| [one[0].with(other[0]), one[1].with(other[1])]);
            let mut reach = together.unwrap_or([Reach::PIXEL; 2]);
            for form in (layers::kind(&spec.kind)?.forms)(spec, built.inputs[place])? {
                match form {
                    Form::Convolution { window, .. } | Form::Pool { window, .. } => {
                        reach = [reach[0].through(window, 0), reach[1].through(window, 1)];
                    }
                    Form::FullyConnected { .. } | Form::GlobalAverage => reach = [Reach::Whole; 2],
                    _ => {}
                }
            }
            if spec.name.as_ref() == Some(layer) {
                return Ok(Self { reaches: reach, image: [built.input.height, built.input.width] });
            }
            all.push(reach);
        }
        Err(TrainerError::Network { reason: format!("it has no layer {layer}") })
    }

    /// The pixels that a value of the map depends on.
    pub fn at(&self, row: u32, column: u32) -> Patch {
        let (top, height) = self.reaches[0].at(row.into(), self.image[0]);
        let (left, width) = self.reaches[1].at(column.into(), self.image[1]);
        Patch { top, left, height, width }
    }
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::ImageShape;

    use super::*;
    use crate::kernels::Instructions;
    use crate::preset;

    fn of(spec: &NetworkSpec, layer: &str) -> ReceptiveField {
        let images = ImageShape { channels: 3, height: 32, width: 32 };
        let (resolved, built) = Network::build(spec, images, 10, Instructions::Scalar, None).unwrap();
        ReceptiveField::of(&resolved, &built, &layer.parse().unwrap()).unwrap()
    }

    fn patch(top: i64, left: i64, height: u64, width: u64) -> Patch {
        Patch { top, left, height, width }
    }

    #[test]
    fn the_papers_layers_see_5_14_and_32_pixels() {
        let paper = preset("paper").unwrap();
        assert_eq!(of(&paper, "conv1").at(0, 3), patch(-2, 1, 5, 5));
        // 5 + (2 − 1)·1 + (5 − 1)·2, from −2 − 2·2.
        assert_eq!(of(&paper, "conv2").at(0, 1), patch(-6, -4, 14, 14));
        assert_eq!(of(&paper, "conv3").at(1, 0), patch(-10, -14, 32, 32));
        assert_eq!(of(&paper, "softmax").at(0, 0), patch(0, 0, 32, 32));
    }

    #[test]
    fn a_sum_sees_what_its_parts_see_and_axes_differ() {
        let text = "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = [1, 3]\npad = [0, 0, 1, 1]\n\
                    [[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 2\ndilation = 2\n\
                    [[layer]]\nkind = \"add\"\nreads = [\"conv1\", \"conv2\"]\n[[layer]]\nkind = \"softmax\"\n";
        let network = NetworkSpec::from_toml(text).unwrap();
        assert_eq!(of(&network, "conv1").at(4, 4), patch(4, 3, 1, 3));
        assert_eq!(of(&network, "conv2").at(4, 4), patch(2, 1, 5, 7));
        assert_eq!(of(&network, "add1").at(4, 4), patch(2, 1, 5, 7));
    }
}
