//! Small images in rows.

use plotters::prelude::*;
use revacnn_schemas::{Image, ImageGrid, ImageRow, Palette};

use super::paint::{FAINT, QUIET, rgb};
use super::{Area, Drawn, Pen};
use crate::look::{axis_number, colour};

/// Width that a row's label takes.
const LABEL: f64 = 92.0;
/// The side of an image, and what is between two.
const SIDE: f64 = 52.0;
const BETWEEN: f64 = 8.0;
/// What its number takes under it.
const NUMBER: f64 = 16.0;
const A_LINE: usize = 10;

fn lines(grid: &ImageGrid) -> usize {
    grid.rows.iter().map(|row| row.images.len().div_ceil(A_LINE).max(1)).sum()
}

pub(super) fn height(grid: &ImageGrid) -> u32 {
    36 + lines(grid) as u32 * (SIDE + NUMBER + BETWEEN) as u32 + 24 + 8
}

pub(super) fn draw<B: DrawingBackend>(grid: &ImageGrid, area: &Area<B>, pen: Pen) -> Drawn<B> {
    let (label, small) = (pen.text(12.0), pen.text(10.0).color(&QUIET));
    let shared = shared_range(grid.rows.iter());
    let mut line = 0;
    for row in &grid.rows {
        let top = |line: usize| (SIDE + NUMBER + BETWEEN) * line as f64;
        let write = |text: &str, style: &TextStyle<'_>, below: f64| {
            pen.write(area, text, style, (pen.px(16.0), pen.px(top(line) + below)), pen.px(LABEL - 12.0))
        };
        write(&row.label, &label, 18.0)?;
        if let (None, Some(range)) = (shared, shared_range(std::iter::once(row))) {
            write(&between(range), &small, 34.0)?;
        }
        for (place, image) in row.images.iter().enumerate() {
            let left = 16.0 + LABEL + (SIDE + BETWEEN) * (place % A_LINE) as f64;
            let top = top(line + place / A_LINE);
            match image {
                Some(image) => {
                    draw_image(image, area, pen, (left, top), (SIDE, SIDE))?;
                    let name = image.label.rsplit('/').next().unwrap_or_default();
                    area.draw_text(name, &small, (pen.px(left), pen.px(top + SIDE + 3.0)))?;
                }
                None => gap(area, pen, (left, top))?,
            }
        }
        line += row.images.len().div_ceil(A_LINE).max(1);
    }
    let top = (SIDE + NUMBER + BETWEEN) * line as f64;
    let text = legend(grid, shared);
    pen.write(area, &text, &pen.text(11.0).color(&QUIET), (pen.px(16.0), pen.px(top + 2.0)), pen.px(688.0))
}

/// What the colours mean, and the range where all images have one.
fn legend(grid: &ImageGrid, shared: Option<[f32; 2]>) -> String {
    let images = || grid.rows.iter().flat_map(|row| row.images.iter().flatten());
    let colours = [
        (Palette::Rgb, "red, green and blue of the coefficients, grey is 0"),
        (Palette::Diverging, "blue is negative, white 0, red positive"),
        (Palette::Sequential, "dark is low, bright is high"),
    ];
    let used = colours.iter().filter(|(palette, _)| images().any(|image| image.palette == *palette));
    let mut parts: Vec<String> = used.map(|(_, text)| (*text).to_owned()).collect();
    parts.extend(shared.map(between));
    let has_some = |row: &&ImageRow| row.images.iter().any(Option::is_some);
    if grid.rows.iter().filter(has_some).any(|row| shared_range(std::iter::once(row)).is_none()) {
        parts.push("each image in a range of its own".to_owned());
    }
    parts.join("; ")
}

/// The range that all images of some rows have, if they have one.
fn shared_range<'a>(rows: impl Iterator<Item = &'a ImageRow>) -> Option<[f32; 2]> {
    let mut ranges = rows.flat_map(|row| row.images.iter().flatten()).map(|image| image.range);
    let first = ranges.next()?;
    ranges.all(|range| range == first).then_some(first)
}

fn between([low, high]: [f32; 2]) -> String {
    if low == high {
        axis_number(low.into())
    } else if low == -high {
        format!("±{}", axis_number(high.into()))
    } else {
        format!("{} to {}", axis_number(low.into()), axis_number(high.into()))
    }
}

/// A dotted outline where a filter is not.
fn gap<B: DrawingBackend>(area: &Area<B>, pen: Pen, (left, top): (f64, f64)) -> Drawn<B> {
    let dots = (0..=8).map(|dot| f64::from(dot) / 8.0 * SIDE);
    for along in dots {
        for (x, y) in [(along, 0.0), (along, SIDE), (0.0, along), (SIDE, along)] {
            let at = (pen.px(left + x), pen.px(top + y));
            area.draw(&Circle::new(at, pen.px(0.75), FAINT.filled()))?;
        }
    }
    Ok(())
}

/// Draws an image into a box, its shape kept.
pub(super) fn draw_image<B: DrawingBackend>(
    image: &Image,
    area: &Area<B>,
    pen: Pen,
    (left, top): (f64, f64),
    (wide, high): (f64, f64),
) -> Drawn<B> {
    let pixel = (wide / image.columns.max(1) as f64).min(high / image.rows.max(1) as f64);
    // A line of many values is a strip that fills the box's width.
    let (across, down) = if image.rows == 1 && image.columns > 1 {
        (wide / image.columns as f64, high.min(12.0))
    } else {
        (pixel, pixel)
    };
    let corner = |row: usize, column: usize| (pen.px(left + across * column as f64), pen.px(top + down * row as f64));
    for row in 0..image.rows {
        let mut column = 0;
        while column < image.columns {
            let found = colour(image, row, column);
            // Pixels of one colour are one rectangle.
            let end = (column + 1..image.columns).find(|&next| colour(image, row, next) != found);
            let end = end.unwrap_or(image.columns);
            if let Some(found) = found {
                let box_ = [corner(row, column), corner(row + 1, end)];
                area.draw(&Rectangle::new(box_, rgb(found).filled()))?;
            }
            column = end;
        }
    }
    Ok(())
}
