//! The ten shapes as signed distances.

use std::f32::consts::TAU;

/// The shapes' names, in label order.
pub(super) const NAMES: [&str; 10] =
    ["disc", "ring", "square", "frame", "triangle", "star", "cross", "crescent", "bars", "heart"];

/// A shape of about unit radius around the origin.
pub(super) enum Outline {
    Disc,
    Ring,
    Square,
    Frame,
    Polygon(Vec<Point>),
    Cross,
    Crescent,
    Bars,
    Heart,
}

/// A place in the shape's own frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) x: f32,
    pub(super) y: f32,
}

impl Outline {
    /// The shape of a label; labels are those of [`NAMES`].
    pub(super) fn of_label(label: u8) -> Self {
        match label {
            0 => Self::Disc,
            1 => Self::Ring,
            2 => Self::Square,
            3 => Self::Frame,
            4 => Self::Polygon(corners(3, &[1.1])),
            5 => Self::Polygon(corners(10, &[1.15, 0.48])),
            6 => Self::Cross,
            7 => Self::Crescent,
            8 => Self::Bars,
            _ => Self::Heart,
        }
    }

    /// The distance from the border: negative inside, positive outside, exact near
    /// the border and never too large elsewhere.
    ///
    /// Source: the constructions are those of I. Quilez, *2D distance functions*.
    pub(super) fn distance(&self, p: Point) -> f32 {
        match self {
            Self::Disc => length(p) - 0.92,
            Self::Ring => (length(p) - 0.76).abs() - 0.24,
            Self::Square => rectangle(p, 0.8, 0.8),
            Self::Frame => (rectangle(p, 0.64, 0.64)).abs() - 0.21,
            Self::Polygon(corners) => polygon(p, corners),
            Self::Cross => rectangle(p, 1.0, 0.3).min(rectangle(p, 0.3, 1.0)),
            Self::Crescent => {
                let bite = Point { x: p.x - 0.5, y: p.y };
                (length(p) - 1.0).max(0.78 - length(bite))
            }
            Self::Bars => {
                let mirrored = Point { x: p.x.abs() - 0.6, y: p.y };
                rectangle(mirrored, 0.27, 0.95)
            }
            Self::Heart => heart(p),
        }
    }
}

/// The corners of a regular polygon or star, radii taken in turn.
fn corners(count: u8, radii: &[f32]) -> Vec<Point> {
    (0..count)
        .zip(radii.iter().cycle())
        .map(|(corner, radius)| {
            let angle = f32::from(corner) * (TAU / f32::from(count));
            Point { x: radius * libm::cosf(angle), y: radius * libm::sinf(angle) }
        })
        .collect()
}

/// The square root is the one irrational function that IEEE 754 fixes to the bit.
fn length(p: Point) -> f32 {
    (p.x * p.x + p.y * p.y).sqrt()
}

fn rectangle(p: Point, half_width: f32, half_height: f32) -> f32 {
    let (x, y) = (p.x.abs() - half_width, p.y.abs() - half_height);
    length(Point { x: x.max(0.0), y: y.max(0.0) }) + x.max(y).min(0.0)
}

fn polygon(p: Point, corners: &[Point]) -> f32 {
    let mut nearest = f32::INFINITY;
    let mut inside = false;
    let previous = corners.iter().cycle().skip(corners.len().saturating_sub(1));
    for (b, a) in corners.iter().zip(previous) {
        let edge = Point { x: a.x - b.x, y: a.y - b.y };
        let to = Point { x: p.x - b.x, y: p.y - b.y };
        let squared = edge.x * edge.x + edge.y * edge.y;
        let along = ((to.x * edge.x + to.y * edge.y) / squared).clamp(0.0, 1.0);
        let off = Point { x: to.x - edge.x * along, y: to.y - edge.y * along };
        nearest = nearest.min(off.x * off.x + off.y * off.y);
        // A ray to the right crosses the edge.
        if (b.y > p.y) != (a.y > p.y) && p.x < edge.x * to.y / edge.y + b.x {
            inside = !inside;
        }
    }
    if inside { -nearest.sqrt() } else { nearest.sqrt() }
}

/// A heart with its tip at (0, −0.95), about two high.
fn heart(p: Point) -> f32 {
    const SCALE: f32 = 1.7;
    let (x, y) = (p.x.abs() / SCALE, p.y / SCALE + 0.56);
    let unit = if x + y > 1.0 {
        length(Point { x: x - 0.25, y: y - 0.75 }) - std::f32::consts::SQRT_2 / 4.0
    } else {
        let to_dent = length(Point { x, y: y - 1.0 });
        let along = 0.5 * (x + y).max(0.0);
        let to_side = length(Point { x: x - along, y: y - along });
        let nearest = to_dent.min(to_side);
        if x > y { nearest } else { -nearest }
    };
    unit * SCALE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(label: u8, x: f32, y: f32) -> f32 {
        Outline::of_label(label).distance(Point { x, y })
    }

    #[test]
    fn every_shape_is_where_it_should_be() {
        for (label, inside, outside) in [
            (0, (0.0, 0.0), (1.0, 0.0)),
            (1, (0.76, 0.0), (0.0, 0.0)),
            (2, (0.7, 0.7), (0.9, 0.0)),
            (3, (0.64, 0.0), (0.0, 0.0)),
            (4, (1.0, 0.0), (-0.7, 0.0)),
            (5, (1.1, 0.0), (-0.7, 0.0)),
            (6, (0.9, 0.0), (0.6, 0.6)),
            (7, (-0.6, 0.0), (0.3, 0.0)),
            (8, (0.6, 0.9), (0.0, 0.0)),
            (9, (0.0, -0.8), (0.0, 1.1)),
        ] {
            let name = NAMES[usize::from(label)];
            assert!(at(label, inside.0, inside.1) < 0.0, "{name} has {inside:?}");
            assert!(at(label, outside.0, outside.1) > 0.0, "{name} lacks {outside:?}");
            assert!(at(label, 1.3, 1.3) > 0.3, "{name} ends");
        }
    }

    /// Anti-aliasing divides by the distance's slope, which must be about one.
    #[test]
    fn distances_change_no_faster_than_places() {
        for label in 0..10 {
            let outline = Outline::of_label(label);
            for step in 0..2_500u16 {
                let x = f32::from(step % 50) / 20.0 - 1.25;
                let y = f32::from(step / 50) / 20.0 - 1.25;
                let here = outline.distance(Point { x, y });
                let there = outline.distance(Point { x: x + 0.01, y: y + 0.01 });
                let name = NAMES[usize::from(label)];
                assert!((here - there).abs() < 0.0145, "{name} at {x}, {y}: {here}, {there}");
            }
        }
    }
}
