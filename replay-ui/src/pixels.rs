//! Small images as pixels of the screen.

use iced::widget::image::Handle;
use revacnn_schemas::{Image, Palette};

/// An image's pixels, `[row][column][red, green, blue, alpha]`; what is not a
/// number is transparent.
pub(crate) fn rgba(image: &Image) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(image.rows * image.columns * 4);
    for row in 0..image.rows {
        for column in 0..image.columns {
            let fraction = |channel| image.value(row, column, channel).and_then(|value| image.fraction(value));
            let colour = match image.palette {
                Palette::Rgb => match (fraction(0), fraction(1), fraction(2)) {
                    (Some(red), Some(green), Some(blue)) => Some([byte(red), byte(green), byte(blue)]),
                    _ => None,
                },
                Palette::Diverging => fraction(0).map(|fraction| between(&DIVERGING, fraction)),
                Palette::Sequential => fraction(0).map(|fraction| between(&VIRIDIS, fraction)),
            };
            match colour {
                Some([red, green, blue]) => pixels.extend([red, green, blue, 255]),
                None => pixels.extend([0; 4]),
            }
        }
    }
    pixels
}

/// What the renderer draws.
pub(crate) fn handle(image: &Image) -> Option<Handle> {
    let (columns, rows) = (u32::try_from(image.columns).ok()?, u32::try_from(image.rows).ok()?);
    (columns > 0 && rows > 0).then(|| Handle::from_rgba(columns, rows, rgba(image)))
}

/// Blue, white, red: five colours of ColorBrewer's RdBu.
const DIVERGING: [[u8; 3]; 5] = [[33, 102, 172], [146, 197, 222], [247, 247, 247], [244, 165, 130], [178, 24, 43]];

/// Nine samples of matplotlib's viridis.
const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [72, 40, 120],
    [62, 74, 137],
    [49, 104, 142],
    [38, 130, 142],
    [31, 158, 137],
    [53, 183, 121],
    [110, 206, 88],
    [253, 231, 37],
];

/// A colour between the stops, `fraction` from 0 to 1.
fn between(stops: &[[u8; 3]], fraction: f32) -> [u8; 3] {
    let place = fraction.clamp(0.0, 1.0) * (stops.len() - 1) as f32;
    let low = (place as usize).min(stops.len() - 2);
    let share = place - low as f32;
    std::array::from_fn(|channel| {
        let (from, to) = (f32::from(stops[low][channel]), f32::from(stops[low + 1][channel]));
        (from + (to - from) * share).round() as u8
    })
}

fn byte(fraction: f32) -> u8 {
    (fraction.clamp(0.0, 1.0) * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(palette: Palette, pixels: Vec<f32>, range: [f32; 2]) -> Image {
        let channels = if palette == Palette::Rgb { 3 } else { 1 };
        Image { label: String::new(), filter: None, rows: 1, columns: pixels.len() / channels, pixels, palette, range }
    }

    #[test]
    fn zero_is_the_middle_of_the_diverging_map_and_a_gap_is_transparent() {
        let pixels = rgba(&image(Palette::Diverging, vec![-1.0, 0.0, 1.0, f32::NAN], [-1.0, 1.0]));
        assert_eq!(pixels[..4], [33, 102, 172, 255]);
        assert_eq!(pixels[4..8], [247, 247, 247, 255]);
        assert_eq!(pixels[8..12], [178, 24, 43, 255]);
        assert_eq!(pixels[12..], [0, 0, 0, 0]);
    }

    #[test]
    fn colours_come_through_as_they_are() {
        assert_eq!(rgba(&image(Palette::Rgb, vec![0.0, 0.5, 1.0], [0.0, 1.0])), [0, 128, 255, 255]);
    }

    #[test]
    fn an_image_of_no_size_is_not_drawn() {
        assert!(handle(&image(Palette::Sequential, Vec::new(), [0.0, 1.0])).is_none());
    }
}
