//! How training images are varied.
//!
//! | file | concept |
//! |---|---|
//! | [`crop`] | a part of the image, enlarged |
//! | [`colour`] | brightness and contrast |
//! | [`shift`] | mirror images and shifts |
//! | [`cutout`] | a square that is cut out |
//!
//! They come in this order. What a shift does not cover, and what is cut out, is the middle grey of
//! decoded images whatever brightness and contrast are. Each has a random stream of its own: to turn
//! one on or off leaves the draws of the others as they are.

mod colour;
mod crop;
mod cutout;
mod shift;

use revacnn_schemas::{AugmentationSpec, ImageIndex, ImageShape};

use crate::TrainerError;
use colour::Colour;
use crop::Window;
use cutout::Square;
use shift::Shift;

/// What happens to one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Draw {
    crop: Option<Window>,
    colour: Colour,
    shift: Shift,
    cutout: Option<Square>,
}

/// What happens to one image in one epoch.
///
/// # Determinism
///
/// A function of the arguments alone, by integers and by arithmetic that IEEE 754 defines to the bit.
pub(crate) fn draw(spec: AugmentationSpec, seed: u64, epoch: u64, image: ImageIndex, shape: ImageShape) -> Draw {
    let keys = [seed, epoch, u64::from(image.0)];
    Draw {
        crop: Window::draw(spec, &keys, shape),
        colour: Colour::draw(spec, &keys),
        shift: Shift::draw(spec, &keys),
        cutout: Square::draw(spec, &keys, shape),
    }
}

/// Varies an image; what is left in `image` is of no use.
///
/// # Shapes
///
/// `image` and `out` are `[channel][row][column]` of `shape`, with values in −0.5..=0.5.
///
/// # Panics
///
/// If a length is not `shape.len()`, which is a mistake of the caller and never of
/// the data.
pub(crate) fn augment(image: &mut [f32], shape: ImageShape, draw: Draw, out: &mut [f32]) {
    assert_eq!(image.len(), shape.len(), "an image has its shape's length");
    assert_eq!(out.len(), shape.len(), "the result has its shape's length");
    if image.is_empty() {
        return;
    }
    if let Some(window) = draw.crop {
        crop::apply(image, shape, window, out);
        image.copy_from_slice(out);
    }
    colour::apply(image, shape, draw.colour);
    shift::apply(image, shape, draw.shift, out);
    if let Some(square) = draw.cutout {
        cutout::apply(out, shape, square);
    }
}

/// Refuses what images of this shape cannot be varied by.
///
/// # Errors
/// [`TrainerError::OutOfRange`] with the name, its range and what was found.
pub(crate) fn check(spec: AugmentationSpec, shape: ImageShape) -> Result<(), TrainerError> {
    let refused =
        |name: &str, expected, found: String| Err(TrainerError::OutOfRange { name: name.to_owned(), expected, found });
    let AugmentationSpec { shift: _, flip: _, crop, brightness, contrast, cutout } = spec;
    if !(crop > 0.0 && crop <= 1.0) {
        return refused("crop", "a share of the area above 0 and at most 1", crop.to_string());
    }
    for (name, change) in [("brightness", brightness), ("contrast", contrast)] {
        if !(0.0..=1.0).contains(&change) {
            return refused(name, "a relative change from 0 to 1", change.to_string());
        }
    }
    if usize::from(cutout) > shape.height.max(shape.width) {
        let found = format!("{cutout} of images of {}×{} pixels", shape.width, shape.height);
        return refused("cutout", "at most the longer side of the images", found);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { channels: 3, height: 6, width: 4 };
    const ALL: AugmentationSpec =
        AugmentationSpec { crop: 0.3, brightness: 0.4, contrast: 0.5, cutout: 3, ..AugmentationSpec::SHIFT_AND_FLIP };

    fn image() -> Vec<f32> {
        (0..72).map(|value| (value * 37 % 73) as f32 / 72.0 - 0.5).collect()
    }

    fn varied(draw: Draw) -> Vec<f32> {
        let mut out = vec![f32::NAN; 72];
        augment(&mut image(), SHAPE, draw, &mut out);
        out
    }

    #[test]
    fn no_augmentation_draws_nothing_and_changes_nothing() {
        let nothing = draw(AugmentationSpec::NONE, 1, 2, ImageIndex(3), SHAPE);
        assert_eq!(nothing, Draw { crop: None, colour: Colour::NONE, shift: Shift::NONE, cutout: None });
        assert_eq!(varied(nothing), image());
    }

    #[test]
    fn each_way_has_draws_of_its_own() {
        let all = draw(ALL, 1, 0, ImageIndex(7), SHAPE);
        let shifted = draw(AugmentationSpec::SHIFT_AND_FLIP, 1, 0, ImageIndex(7), SHAPE);
        assert_eq!(all.shift, shifted.shift);
        let darker = draw(AugmentationSpec { brightness: 0.4, ..AugmentationSpec::NONE }, 1, 0, ImageIndex(7), SHAPE);
        assert_eq!(all.colour, Colour { contrast: all.colour.contrast, ..darker.colour });
        let cut = draw(AugmentationSpec { cutout: 3, ..AugmentationSpec::NONE }, 1, 0, ImageIndex(7), SHAPE);
        assert_eq!(all.cutout, cut.cutout);
        for (seed, epoch, image) in [(2, 0, 7), (1, 1, 7), (1, 0, 8)] {
            assert_ne!(all, draw(ALL, seed, epoch, ImageIndex(image), SHAPE));
        }
    }

    /// The order of them: what is not covered and what is cut out is 0, however bright the image is.
    #[test]
    fn what_is_uncovered_or_cut_out_is_middle_grey_whatever_the_brightness() {
        let colour = Colour { brightness: Some(1.5), contrast: Some(0.5) };
        let shift = Shift { rows: 1, columns: 0, flip: false };
        let cutout = Some(Square { row: 4, column: 3, side: 3 });
        let found = varied(Draw { crop: None, colour, shift, cutout });
        for channel in 0..3 {
            let at = |row: usize, column: usize| found[channel * 24 + row * 4 + column];
            assert_eq!([at(0, 0), at(0, 3), at(3, 3), at(5, 2)], [0.0; 4]);
            assert!([at(2, 2), at(3, 1), at(5, 1)].iter().all(|value| *value != 0.0));
        }
    }

    #[test]
    fn what_is_out_of_its_range_is_named_with_what_was_found() {
        let none = AugmentationSpec::NONE;
        let told = |spec| check(spec, SHAPE).map_err(|error| error.to_string());
        assert_eq!(told(ALL), Ok(()));
        let cases = [
            (AugmentationSpec { crop: 0.0, ..none }, "crop must be a share of the area above 0 and at most 1, found 0"),
            (
                AugmentationSpec { crop: 1.5, ..none },
                "crop must be a share of the area above 0 and at most 1, found 1.5",
            ),
            (
                AugmentationSpec { brightness: -0.1, ..none },
                "brightness must be a relative change from 0 to 1, found -0.1",
            ),
            (
                AugmentationSpec { contrast: f64::NAN, ..none },
                "contrast must be a relative change from 0 to 1, found NaN",
            ),
            (
                AugmentationSpec { cutout: 7, ..none },
                "cutout must be at most the longer side of the images, found 7 of images of 4×6 pixels",
            ),
        ];
        for (spec, expected) in cases {
            assert_eq!(told(spec), Err(expected.to_owned()));
        }
    }
}
