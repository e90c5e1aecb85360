//! A scene on plotters' SVG backend.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::FAMILY;
use crate::look::{LIGHT, colour};
use crate::scene::{Align, Area, Ink, Line, Picture, Place, Scene, Shape, Text};

/// Places of the SVG a logical pixel: plotters' are whole numbers.
pub(super) const FINE: f32 = 4.0;
/// The most places of an image's pixels a logical pixel: more are not seen.
const SEEN: f32 = 2.0;
/// The size that plotters calls an em, in ems.
const PLOTTERS_EM: f32 = 1.24;
/// How far below its middle the baseline of a text is, and below the upper end that
/// plotters knows, in ems.
const BASELINE: (f32, f32) = (0.364, 0.76);

type Canvas<B> = DrawingArea<B, Shift>;
type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// Paints a scene on light paper.
pub(super) fn paint<B: DrawingBackend>(scene: &Scene<'_>, canvas: &Canvas<B>) -> Drawn<B> {
    canvas.fill(&WHITE)?;
    for shape in &scene.shapes {
        match shape {
            Shape::Line(line) => strokes(line, canvas)?,
            Shape::Rectangle(at, ink) => canvas.draw(&Rectangle::new(corners(*at), ink_of(*ink).filled()))?,
            Shape::Polygon(places, ink) => {
                let places: Vec<(i32, i32)> = places.iter().map(|place| whole(*place)).collect();
                canvas.draw(&Polygon::new(places, ink_of(*ink).filled()))?;
            }
            Shape::Circle(middle, radius, ink) => {
                let radius = (radius * FINE).round() as i32;
                canvas.draw(&Circle::new(whole(*middle), radius, ink_of(*ink).filled()))?;
            }
            Shape::Text(text) => write(text, canvas)?,
            Shape::Image(picture) => pixels(picture, canvas)?,
        }
    }
    canvas.present()
}

fn whole([x, y]: Place) -> (i32, i32) {
    ((x * FINE).round() as i32, (y * FINE).round() as i32)
}

fn corners(at: Area) -> [(i32, i32); 2] {
    [whole([at.x, at.y]), whole([at.right(), at.bottom()])]
}

fn ink_of(ink: Ink) -> RGBAColor {
    let [red, green, blue] = ink.on(&LIGHT);
    RGBColor(red, green, blue).mix(f64::from(ink.alpha))
}

fn strokes<B: DrawingBackend>(line: &Line, canvas: &Canvas<B>) -> Drawn<B> {
    let style = ink_of(line.ink).stroke_width((line.width * FINE).round().max(1.0) as u32);
    pieces(&line.points, line.dash).into_iter().try_for_each(|piece| {
        let places: Vec<(i32, i32)> = piece.into_iter().map(whole).collect();
        canvas.draw(&PathElement::new(places, style))
    })
}

/// A line cut into its strokes.
fn pieces(line: &[Place], dash: &[f32]) -> Vec<Vec<Place>> {
    let (Some(&first), Some(&stroke)) = (line.first(), dash.first()) else { return vec![line.to_vec()] };
    let mut pieces = vec![vec![first]];
    let (mut place, mut left) = (0, stroke);
    for ends in line.windows(2) {
        let [from, to] = [ends[0], ends[1]];
        let length = (to[0] - from[0]).hypot(to[1] - from[1]);
        let mut gone = 0.0;
        while length - gone > left {
            gone += left;
            let at = std::array::from_fn(|axis| from[axis] + (to[axis] - from[axis]) * gone / length);
            match pieces.last_mut() {
                Some(piece) if place % 2 == 0 => piece.push(at),
                _ => pieces.push(vec![at]),
            }
            place = (place + 1) % dash.len();
            left = dash[place];
        }
        left -= length - gone;
        if let Some(piece) = pieces.last_mut().filter(|_| place % 2 == 0) {
            piece.push(to);
        }
    }
    pieces
}

fn write<B: DrawingBackend>(text: &Text, canvas: &Canvas<B>) -> Drawn<B> {
    let align = match text.align {
        Align::Left => HPos::Left,
        Align::Middle => HPos::Center,
        Align::Right => HPos::Right,
    };
    let size = text.size * FINE;
    let font = (FAMILY, f64::from(size * PLOTTERS_EM)).into_font();
    let ink = ink_of(text.ink);
    let style = TextStyle::from(font).color(&ink).pos(Pos::new(align, VPos::Top));
    let (x, middle) = (text.at[0] * FINE, text.at[1] * FINE);
    let top = middle + (BASELINE.0 - BASELINE.1) * size;
    canvas.draw_text(&text.words, &style, (x.round() as i32, top.round() as i32))
}

/// An image as rectangles: pixels of one colour side by side are one.
fn pixels<B: DrawingBackend>(picture: &Picture<'_>, canvas: &Canvas<B>) -> Drawn<B> {
    let (image, at) = (picture.image, picture.at);
    let shown = |count: usize, room: f32| count.min((room * SEEN).ceil().max(1.0) as usize);
    let (rows, columns) = (shown(image.rows, at.height), shown(image.columns, at.width));
    let of = |row: usize, column: usize| colour(image, row * image.rows / rows, column * image.columns / columns);
    let edge = |row: usize, column: usize| {
        let share = [column as f32 / columns as f32, row as f32 / rows as f32];
        // On whole pixels of a PNG no paper is seen between two.
        let [x, y] = [at.x + at.width * share[0], at.y + at.height * share[1]];
        whole([x, y].map(|side| (side * SEEN).round() / SEEN))
    };
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            let found = of(row, column);
            let end = (column + 1..columns).find(|&next| of(row, next) != found).unwrap_or(columns);
            if let Some([red, green, blue]) = found {
                let block = [edge(row, column), edge(row + 1, end)];
                canvas.draw(&Rectangle::new(block, RGBColor(red, green, blue).filled()))?;
            }
            column = end;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_go_on_around_corners_and_whole_lines_stay_whole() {
        let line = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]];
        assert_eq!(pieces(&line, &[]), [line.to_vec()]);
        let dashed = [vec![[0.0, 0.0], [8.0, 0.0]], vec![[10.0, 2.0], [10.0, 10.0]]];
        assert_eq!(pieces(&line, &[8.0, 4.0]), dashed);
        assert_eq!(pieces(&line, &[2.0, 3.0]).len(), 4, "strokes of 2, gaps of 3");
    }
}
