//! Brightness and contrast.

use revacnn_schemas::{AugmentationSpec, ImageShape};

use crate::data::Stream;

/// Share of red, green and blue in the lightness of a pixel, as ITU-R BT.601 has it and torchvision
/// rounds it.
const LIGHTNESS: [f32; 3] = [0.2989, 0.587, 0.114];

/// The factors of brightness and contrast, where they change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Colour {
    /// What all values are multiplied by.
    pub(super) brightness: Option<f32>,
    /// What their distances from the mean lightness are multiplied by.
    pub(super) contrast: Option<f32>,
}

impl Colour {
    /// Nothing happens.
    #[cfg(test)]
    pub(super) const NONE: Self = Self { brightness: None, contrast: None };

    /// Factors that are uniform in `1 − change..=1 + change`.
    ///
    /// # Determinism
    ///
    /// From the streams ("augment-brightness", seed, epoch, image) and ("augment-contrast", …): one
    /// word each.
    pub(super) fn draw(spec: AugmentationSpec, keys: &[u64]) -> Self {
        let factor = |domain: &str, change: f64| {
            (change > 0.0).then(|| {
                let uniform = f64::from(Stream::new(domain, keys).uniform_f32());
                (1.0 - change + 2.0 * change * uniform) as f32
            })
        };
        Self {
            brightness: factor("augment-brightness", spec.brightness),
            contrast: factor("augment-contrast", spec.contrast),
        }
    }
}

/// Changes brightness, and then contrast.
///
/// Source: torchvision's `ColorJitter`, in this order. Of values in 0..=1 (here 0.5 more than decoded
/// ones), brightness is `clamp(factor · value)` and contrast
/// `clamp(factor · value + (1 − factor) · mean)`, where `mean` is that of the pixels' lightness, `0.2989
/// red + 0.587 green + 0.114 blue`, or of the values of an image that has not three channels.
///
/// # Shapes
///
/// `image` is `[channel][row][column]` of `shape`.
///
/// # Determinism
///
/// The mean is added up in `f64` by rows, and rounded once.
pub(super) fn apply(image: &mut [f32], shape: ImageShape, colour: Colour) {
    if let Some(factor) = colour.brightness {
        for value in image.iter_mut() {
            *value = (factor * (*value + 0.5)).clamp(0.0, 1.0) - 0.5;
        }
    }
    if let Some(factor) = colour.contrast {
        let grey = (1.0 - factor) * mean_lightness(image, shape);
        for value in image.iter_mut() {
            *value = (factor * (*value + 0.5) + grey).clamp(0.0, 1.0) - 0.5;
        }
    }
}

/// The mean lightness of the pixels, from 0 to 1.
fn mean_lightness(image: &[f32], shape: ImageShape) -> f32 {
    let pixels = shape.height * shape.width;
    if shape.channels != LIGHTNESS.len() {
        let sum: f64 = image.iter().map(|value| f64::from(value + 0.5)).sum();
        return (sum / image.len() as f64) as f32;
    }
    let (red, others) = image.split_at(pixels);
    let (green, blue) = others.split_at(pixels);
    let mut sum = 0.0;
    for ((red, green), blue) in red.iter().zip(green).zip(blue) {
        let [of_red, of_green, of_blue] = LIGHTNESS;
        sum += f64::from(of_red * (red + 0.5) + of_green * (green + 0.5) + of_blue * (blue + 0.5));
    }
    (sum / pixels as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(image: &[f32], channels: usize, brightness: Option<f32>, contrast: Option<f32>) -> Vec<f32> {
        let shape = ImageShape { channels, height: 1, width: image.len() / channels };
        let mut image: Vec<f32> = image.iter().map(|value| value - 0.5).collect();
        apply(&mut image, shape, Colour { brightness, contrast });
        image.iter().map(|value| value + 0.5).collect()
    }

    #[test]
    fn the_draw_of_an_image_never_changes() {
        let spec = AugmentationSpec { brightness: 0.5, contrast: 0.25, ..AugmentationSpec::NONE };
        let found: Vec<_> = (0..3).map(|image| Colour::draw(spec, &[1, 0, image])).collect();
        let expected: Vec<Colour> = [(1.29077, 1.1759493), (0.66004723, 1.1307067), (1.0544018, 0.7597363)]
            .map(|(b, c)| Colour { brightness: Some(b), contrast: Some(c) })
            .into();
        assert_eq!(found, expected);
    }

    #[test]
    fn factors_are_uniform_within_the_change() {
        let spec = AugmentationSpec { brightness: 0.5, contrast: 1.0, ..AugmentationSpec::NONE };
        let draws: Vec<_> = (0..20_000).map(|image| Colour::draw(spec, &[1, 0, image])).collect();
        for (factors, change) in [
            (draws.iter().map(|draw| draw.brightness.unwrap()).collect::<Vec<f32>>(), 0.5),
            (draws.iter().map(|draw| draw.contrast.unwrap()).collect(), 1.0),
        ] {
            assert!(factors.iter().all(|factor| (1.0 - change..=1.0 + change).contains(factor)));
            let mean = factors.iter().sum::<f32>() / 20_000.0;
            let low = factors.iter().filter(|factor| **factor < 1.0 - change / 2.0).count();
            assert!((mean - 1.0).abs() < 0.01 * change + 0.005, "{mean}");
            assert!((4_700..5_300).contains(&low), "a quarter: {low}");
        }
    }

    /// By hand: values are of powers of two, so that nothing is rounded.
    #[test]
    fn brightness_multiplies_and_is_clamped() {
        let image = [0.0, 0.25, 0.5, 1.0];
        assert_eq!(changed(&image, 1, Some(1.5), None), [0.0, 0.375, 0.75, 1.0]);
        assert_eq!(changed(&image, 1, Some(0.5), None), [0.0, 0.125, 0.25, 0.5]);
        assert_eq!(changed(&image, 1, Some(0.0), None), [0.0; 4]);
    }

    #[test]
    fn contrast_moves_values_to_and_from_the_mean_and_is_clamped() {
        let image = [0.0, 0.25, 0.75, 1.0];
        assert_eq!(changed(&image, 1, None, Some(0.5)), [0.25, 0.375, 0.625, 0.75]);
        assert_eq!(changed(&image, 1, None, Some(1.5)), [0.0, 0.125, 0.875, 1.0]);
        assert_eq!(changed(&image, 2, None, Some(0.0)), [0.5; 4], "the mean of all values of two channels");
    }

    /// `torchvision.transforms.functional.adjust_contrast` of pixels that are red and black: the mean
    /// lightness is 0.14945.
    #[test]
    fn the_mean_of_three_channels_is_that_of_their_lightness() {
        let image = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let found = changed(&image, 3, None, Some(0.5));
        let grey = 0.14945 / 2.0;
        let expected = [0.5 + grey, grey, grey, grey, grey, grey];
        assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-7), "{found:?}");
    }

    #[test]
    fn brightness_comes_before_contrast() {
        assert_eq!(changed(&[0.25, 0.75], 1, Some(0.5), Some(0.5)), [0.1875, 0.3125]);
    }
}
