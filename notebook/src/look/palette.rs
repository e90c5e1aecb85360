//! Colours that mean the same everywhere.

use revacnn_schemas::{Hue, Image, Palette};

/// A colour: red, green and blue.
pub type Rgb = [u8; 3];

/// The colours of one kind of paper.
#[derive(Debug)]
pub struct Colours {
    /// Behind everything.
    pub paper: Rgb,
    /// Text and axes.
    pub ink: Rgb,
    /// Text that can wait.
    pub quiet: Rgb,
    /// Lines that recede.
    pub line: Rgb,
    /// What is marked or selected.
    pub accent: Rgb,
    branches: [Rgb; 8],
}

/// Light paper: that of files, and of a light window.
pub static LIGHT: Colours = Colours {
    paper: [255, 255, 255],
    ink: [27, 31, 36],
    quiet: [98, 106, 115],
    line: [213, 217, 221],
    accent: [52, 87, 213],
    branches: ON_LIGHT,
};

/// Dark paper.
pub static DARK: Colours = Colours {
    paper: [20, 23, 26],
    ink: [232, 235, 238],
    quiet: [152, 161, 171],
    line: [53, 60, 68],
    accent: [138, 164, 255],
    branches: ON_DARK,
};

impl Colours {
    /// A branch's colour. After eight branches colours come again, with another
    /// [dash].
    pub fn branch(&self, hue: Hue) -> Rgb {
        self.branches[usize::from(hue.0) % self.branches.len()]
    }

    /// A branch's colour as that of words: nearer to the ink, as letters are thinner
    /// than marks.
    pub fn words(&self, hue: Hue) -> Rgb {
        let (colour, ink) = (self.branch(hue), self.ink);
        let mixed = |part: usize| 0.55 * f32::from(colour[part]) + 0.45 * f32::from(ink[part]);
        std::array::from_fn(|part| mixed(part).round() as u8)
    }
}

/// Okabe and Ito's colours that all eyes tell apart, but for their yellow,
/// which vanishes on paper: a wine red stands in its place.
const ON_LIGHT: [[u8; 3]; 8] = [
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [230, 159, 0],
    [86, 180, 233],
    [0, 0, 0],
    [138, 34, 82],
];

/// Colours of the same kind for dark paper, that all eyes tell apart.
const ON_DARK: [[u8; 3]; 8] = [
    [77, 130, 255],
    [214, 90, 32],
    [59, 195, 97],
    [217, 144, 207],
    [250, 226, 38],
    [168, 214, 255],
    [255, 255, 255],
    [156, 97, 149],
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

/// How a branch's lines are dashed: strokes and gaps in turn, none where they
/// are whole. With its [colour](Colours::branch) it tells 32 branches apart.
pub fn dash(hue: Hue) -> &'static [f32] {
    DASHES[usize::from(hue.0) / ON_LIGHT.len() % DASHES.len()]
}

/// The hues of lines or groups that are to be told apart: one that another has already is that of the same colour,
/// dashed otherwise.
pub fn told_apart(hues: impl IntoIterator<Item = Hue>) -> Vec<Hue> {
    let mut told: Vec<Hue> = Vec::new();
    for hue in hues {
        let mut dashed = (0..DASHES.len()).map(|dash| Hue(hue.0.wrapping_add((dash * ON_LIGHT.len()) as u16)));
        told.push(dashed.find(|hue| !told.contains(hue)).unwrap_or(hue));
    }
    told
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

/// The colour at a fraction of a palette's range; of one for three channels that of equal
/// ones.
pub fn ramp(palette: Palette, fraction: f32) -> Rgb {
    match palette {
        Palette::Rgb => [byte(fraction.clamp(0.0, 1.0)); 3],
        Palette::Diverging => along(&DIVERGING, fraction),
        Palette::Sequential => along(&VIRIDIS, fraction),
    }
}

fn byte(fraction: f32) -> u8 {
    (fraction * 255.0).round() as u8
}

/// The colour at a fraction of the map from low to high.
pub fn viridis(fraction: f32) -> [u8; 3] {
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

/// The colours of a bar that shows a palette, from low to high.
pub fn bar(palette: Palette) -> [Rgb; 16] {
    std::array::from_fn(|place| ramp(palette, place as f32 / 15.0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn thirty_two_branches_are_told_apart_by_colour_and_dash() {
        for colours in [&LIGHT, &DARK] {
            let looks: BTreeSet<_> =
                (0..32).map(|hue| (colours.branch(Hue(hue)), format!("{:?}", dash(Hue(hue))))).collect();
            assert_eq!(looks.len(), 32);
        }
        assert!((0..8).all(|hue| dash(Hue(hue)).is_empty()), "the first ones are whole lines");
    }

    #[test]
    fn what_is_of_one_branch_is_told_apart_in_its_colour() {
        let told = told_apart([3, 5, 3, 3, 11].map(Hue));
        assert_eq!(told.iter().map(|hue| hue.0).collect::<BTreeSet<_>>().len(), 5);
        assert_eq!(told[..2], [Hue(3), Hue(5)]);
        assert!([2, 3].iter().all(|&place| LIGHT.branch(told[place]) == LIGHT.branch(Hue(3))));
    }
}
