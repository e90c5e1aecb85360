//! Colours that mean the same everywhere.

use plotters::style::RGBColor;
use revacnn_schemas::{Hue, Image, Palette};

/// Text and axes.
pub(crate) const INK: RGBColor = RGBColor(40, 40, 46);
/// Lines that recede.
pub(crate) const FAINT: RGBColor = RGBColor(214, 214, 220);
/// Text that recedes.
pub(crate) const QUIET: RGBColor = RGBColor(110, 110, 120);

/// Okabe and Ito's colours that all eyes tell apart, but for their yellow,
/// which vanishes on paper: a wine red stands in its place.
const BRANCHES: [[u8; 3]; 8] = [
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [230, 159, 0],
    [86, 180, 233],
    [0, 0, 0],
    [138, 34, 82],
];

/// Strokes and gaps of a line, in units of an SVG: whole, dashed, dotted, and
/// in turn.
const DASHES: [&[f32]; 4] = [&[], &[8.0, 4.0], &[2.0, 3.0], &[9.0, 3.0, 2.0, 3.0]];

/// Places of viridis, from low to high.
const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

/// Places of a map from blue over white to red, from low to high.
const DIVERGING: [[u8; 3]; 7] =
    [[5, 48, 97], [67, 147, 195], [209, 229, 240], [247, 247, 247], [253, 219, 199], [214, 96, 77], [103, 0, 31]];

/// A branch's colour, red, green and blue. After eight branches colours come
/// again, with another [dash](hue_dash).
pub fn hue_colour(hue: Hue) -> [u8; 3] {
    BRANCHES[usize::from(hue.0) % BRANCHES.len()]
}

/// How a branch's lines are dashed: strokes and gaps in turn, none where they
/// are whole. With its [colour](hue_colour) it tells 32 branches apart.
pub fn hue_dash(hue: Hue) -> &'static [f32] {
    DASHES[usize::from(hue.0) / BRANCHES.len() % DASHES.len()]
}

/// The colour of an image's pixel; `None` for a gap.
pub fn colour(image: &Image, row: usize, column: usize) -> Option<[u8; 3]> {
    let fraction = |channel| image.value(row, column, channel).and_then(|value| image.fraction(value));
    match image.palette {
        Palette::Rgb => Some([byte(fraction(0)?), byte(fraction(1)?), byte(fraction(2)?)]),
        Palette::Diverging => Some(along(&DIVERGING, fraction(0)?)),
        Palette::Sequential => Some(along(&VIRIDIS, fraction(0)?)),
    }
}

fn byte(fraction: f32) -> u8 {
    (fraction * 255.0).round() as u8
}

/// The colour at a fraction of a map.
pub(crate) fn viridis(fraction: f32) -> [u8; 3] {
    along(&VIRIDIS, fraction)
}

fn along(map: &[[u8; 3]], fraction: f32) -> [u8; 3] {
    let place = fraction.clamp(0.0, 1.0) * (map.len() - 1) as f32;
    let low = (place as usize).min(map.len() - 2);
    let part = place - low as f32;
    std::array::from_fn(|channel| {
        let (from, to) = (f32::from(map[low][channel]), f32::from(map[low + 1][channel]));
        (from + (to - from) * part).round() as u8
    })
}

pub(crate) fn rgb([red, green, blue]: [u8; 3]) -> RGBColor {
    RGBColor(red, green, blue)
}

pub(crate) fn branch(hue: Hue) -> RGBColor {
    rgb(hue_colour(hue))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn thirty_two_branches_are_told_apart_by_colour_and_dash() {
        let looks: BTreeSet<String> =
            (0..32).map(|hue| format!("{:?} {:?}", hue_colour(Hue(hue)), hue_dash(Hue(hue)))).collect();
        assert_eq!(looks.len(), 32);
        assert!((0..8).all(|hue| hue_dash(Hue(hue)).is_empty()), "the first ones are whole lines");
    }
}
