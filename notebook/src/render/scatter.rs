//! Points in a plane, each the small image that it stands for.

use plotters::prelude::*;
use revacnn_schemas::{Hue, Scatter};

use super::images::draw_image;
use super::paint::{QUIET, branch};
use super::{Area, Drawn, Pen};
use crate::look::{dash as dash_of, extent};

/// The side of a point's image.
const SIDE: f64 = 26.0;
/// So many notes are told.
const MOST_NOTES: usize = 22;

/// What is told beneath the points: also where they start from, as they would
/// lie elsewhere otherwise.
fn notes(scatter: &Scatter) -> Vec<String> {
    let start = scatter.start.map(|step| format!("the points start from where they lie at step {step}"));
    scatter.notes.iter().cloned().chain(start).take(MOST_NOTES).collect()
}

pub(super) fn height(scatter: &Scatter) -> u32 {
    560 + 16 * (notes(scatter).len() as u32).saturating_sub(2)
}

pub(super) fn draw<B: DrawingBackend>(scatter: &Scatter, area: &Area<B>, pen: Pen) -> Drawn<B> {
    let (width, height) = area.dim_in_pixel();
    let mut left = pen.px(16.0);
    for group in &scatter.groups {
        let style = pen.text(12.0);
        let mark = [(left, pen.px(4.0)), (left + pen.px(10.0), pen.px(14.0))];
        framed(mark, group.hue, area, pen)?;
        area.draw_text(&group.name, &style, (left + pen.px(14.0), pen.px(2.0)))?;
        left += pen.wide(area, &group.name, &style) + pen.px(32.0);
    }
    let told = notes(scatter);
    let notes = 16.0 * told.len() as f64 + 8.0;
    let top = pen.px(40.0);
    let bottom = height as i32 - pen.px(notes + 28.0);
    let of = |axis: usize| extent(scatter.points.iter().map(|point| point.position[axis])).unwrap_or([0.0, 1.0]);
    let (xs, ys) = (of(0), of(1));
    // One unit is equally long in both directions.
    let room = (f64::from(width as i32 - pen.px(96.0)), f64::from(bottom - top));
    let unit = (room.0 / (xs[1] - xs[0])).min(room.1 / (ys[1] - ys[0]));
    let middle = (f64::from(width) / 2.0, f64::from(top + bottom) / 2.0);
    let at = |[x, y]: [f64; 2]| {
        let across = middle.0 + unit * (x - (xs[0] + xs[1]) / 2.0);
        let down = middle.1 - unit * (y - (ys[0] + ys[1]) / 2.0);
        (across.round() as i32, down.round() as i32)
    };
    for [from, to] in &scatter.links {
        let ends = [from, to].map(|&place| scatter.points.get(place).map(|point| at(point.position)));
        if let [Some(from), Some(to)] = ends {
            area.draw(&PathElement::new(vec![from, to], QUIET.mix(0.6).stroke_width(pen.px(1.0) as u32)))?;
        }
    }
    for point in &scatter.points {
        let (x, y) = at(point.position);
        let hue = scatter.groups.get(point.group).map(|group| group.hue).unwrap_or_default();
        if let Some(image) = &point.image {
            let half = pen.px(SIDE / 2.0);
            let edge = pen.px(2.0);
            let frame = [(x - half - edge, y - half - edge), (x + half + edge, y + half + edge)];
            framed(frame, hue, area, pen)?;
            let scale = f64::from(pen.px(100.0)) / 100.0;
            let corner = (f64::from(x - half) / scale, f64::from(y - half) / scale);
            draw_image(image, area, pen, corner, (SIDE, SIDE))?;
        } else {
            area.draw(&Circle::new((x, y), pen.px(5.0), branch(hue).filled()))?;
        }
        let label = pen.text(10.0).color(&QUIET);
        area.draw_text(&point.filter.number.to_string(), &label, (x + pen.px(SIDE / 2.0 + 4.0), y - pen.px(6.0)))?;
    }
    for (line, note) in told.iter().enumerate() {
        let place = (pen.px(16.0), height as i32 - pen.px(notes - 16.0 * line as f64));
        pen.write(area, note, &pen.text(11.0).color(&QUIET), place, width as i32 - pen.px(32.0))?;
    }
    Ok(())
}

/// A white box in a frame of a branch's colour, with the branch's dashes.
fn framed<B: DrawingBackend>(corners: [(i32, i32); 2], hue: Hue, area: &Area<B>, pen: Pen) -> Drawn<B> {
    let [(left, top), (right, bottom)] = corners;
    let edge = pen.px(2.0);
    area.draw(&Rectangle::new(corners, branch(hue).filled()))?;
    let mut gaps = vec![[(left + edge, top + edge), (right - edge, bottom - edge)]];
    let dash = dash_of(hue);
    let turn: f32 = dash.iter().sum();
    let mut along = 0.0;
    while turn > 0.0 && along < f64::from(right - left) {
        let mut from = along;
        for (place, length) in dash.iter().enumerate() {
            let to = from + f64::from(pen.px(f64::from(*length)));
            if place % 2 == 1 {
                let [from, to] = [from, to.min(f64::from(right - left))].map(|length| length as i32);
                gaps.push([(left + from, top), (left + to, bottom)]);
                gaps.push([(left, top + from), (right, top + to)]);
            }
            from = to;
        }
        along = from;
    }
    gaps.into_iter().try_for_each(|gap| area.draw(&Rectangle::new(gap, WHITE.filled())))
}
