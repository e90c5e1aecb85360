//! Pieces that several figures have: dashed strokes and frames, a fork's mark.

use revacnn_schemas::{Hue, Palette};

use super::{Area, Ink, Place, Role, Scene};
use crate::look::{bar, dash};

/// Strokes and gaps of an outline.
static DOTS: [f32; 2] = [2.0, 3.0];

/// A dashed line of a length: where each stroke begins and ends.
pub fn strokes(hue: Hue, length: f32) -> Vec<[f32; 2]> {
    let dash = dash(hue);
    let mut strokes = Vec::new();
    let (mut from, mut place) = (0.0, 0);
    while from < length {
        let to = from + dash.get(place % dash.len().max(1)).map_or(length, |stroke| stroke.max(1.0));
        if place.is_multiple_of(2) {
            strokes.push([from, to.min(length)]);
        }
        (from, place) = (to, place + 1);
    }
    strokes
}

/// The gaps of a dashed frame within a rectangle: from its left end along the
/// upper and the lower edge, and from its upper end along the others.
fn frame_gaps(at: Area, edge: f32, dash: &[f32]) -> Vec<Area> {
    let mut gaps = Vec::new();
    let longest = at.width.max(at.height);
    let (mut from, mut place) = (0.0, 0);
    while from < longest && dash.iter().all(|length| *length > 0.0) && !dash.is_empty() {
        let to = from + dash[place % dash.len()];
        if place % 2 == 1 {
            let across = |y: f32| Area::new([at.x + from, y], [to.min(at.width) - from, edge]);
            let down = |x: f32| Area::new([x, at.y + from], [edge, to.min(at.height) - from]);
            let edges = [across(at.y), across(at.bottom() - edge), down(at.x), down(at.right() - edge)];
            gaps.extend(edges.into_iter().filter(|gap| gap.width > 0.0 && gap.height > 0.0));
        }
        (from, place) = (to, place + 1);
    }
    gaps
}

impl Scene<'_> {
    /// Adds a square that stands on its corner.
    pub fn diamond(&mut self, [x, y]: Place, size: f32, ink: impl Into<Ink>) {
        self.polygon(vec![[x, y - size], [x + size, y], [x, y + size], [x - size, y]], ink);
    }

    /// Adds a piece of a branch's line from a point to the right.
    pub fn swatch(&mut self, [x, y]: Place, length: f32, hue: Hue) {
        for [from, to] in strokes(hue, length) {
            self.rectangle(Area::new([x + from, y - 2.0], [to - from, 4.0]), Role::Branch(hue));
        }
    }

    /// Adds a bar of a palette's colours, from low to high.
    pub fn colour_bar(&mut self, at: Area, palette: Palette) {
        let pieces = bar(palette);
        let width = at.width / pieces.len() as f32;
        for (place, colour) in pieces.into_iter().enumerate() {
            let piece = Area::new([at.x + place as f32 * width, at.y], [width, at.height]);
            self.rectangle(piece, Role::Rgb(colour));
        }
    }

    /// Adds a dotted outline where something is lacking.
    pub fn outline(&mut self, at: Area) {
        let corners = [[at.x, at.y], [at.right(), at.y], [at.right(), at.bottom()], [at.x, at.bottom()], [at.x, at.y]];
        self.line(corners.to_vec(), 1.0, &DOTS, Role::Quiet);
    }

    /// Adds a frame about an area, filled with paper: with a branch's dashes.
    pub fn framed(&mut self, within: Area, edge: f32, ink: Ink, dash: &[f32]) {
        let frame = within.grown(edge);
        self.rectangle(frame, ink);
        for gap in frame_gaps(frame, edge, dash) {
            self.rectangle(gap, Role::Paper);
        }
        self.rectangle(within, Role::Paper);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_a_line_shows_how_it_is_dashed() {
        assert_eq!(strokes(Hue(7), 16.0), [[0.0, 16.0]]);
        assert_eq!(strokes(Hue(8), 16.0), [[0.0, 8.0], [12.0, 16.0]]);
        let all: Vec<_> = [0, 8, 16, 24].map(|hue| strokes(Hue(hue), 16.0)).to_vec();
        assert!((0..4).all(|place| all[..place].iter().all(|other| *other != all[place])));
    }

    #[test]
    fn a_dashed_frame_has_gaps_along_its_edges_within_it() {
        let at = Area::new([10.0, 20.0], [24.0, 24.0]);
        assert!(frame_gaps(at, 2.0, &[]).is_empty());
        let gaps = frame_gaps(at, 2.0, &[8.0, 4.0]);
        assert_eq!(gaps.len(), 8);
        let within =
            |gap: &Area| gap.x >= at.x && gap.y >= at.y && gap.right() <= at.right() && gap.bottom() <= at.bottom();
        assert!(gaps.iter().all(|gap| within(gap) && gap.width.min(gap.height) == 2.0), "{gaps:?}");
        assert_eq!((gaps[0].x, gaps[0].y, gaps[0].width), (18.0, 20.0, 4.0));
    }
}
