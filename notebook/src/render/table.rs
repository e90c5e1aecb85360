//! Rows of text and numbers; a matrix of classes with shades.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use revacnn_schemas::TableFigure;

use super::paint::{FAINT, QUIET, rgb};
use super::{Area, Drawn, Pen, WIDTH};
use crate::look::viridis;

const LINE: f64 = 20.0;
/// The side of a place of a matrix.
const CELL: f64 = 34.0;
const NAMES: f64 = 100.0;

pub(super) fn height(table: &TableFigure) -> u32 {
    let line = if table.shades.is_empty() { LINE } else { CELL };
    36 + (line * table.rows.len() as f64) as u32 + 44
}

pub(super) fn draw<B: DrawingBackend>(table: &TableFigure, area: &Area<B>, pen: Pen) -> Drawn<B> {
    if table.shades.is_empty() { rows(table, area, pen) } else { matrix(table, area, pen) }
}

fn rows<B: DrawingBackend>(table: &TableFigure, area: &Area<B>, pen: Pen) -> Drawn<B> {
    let (text, quiet) = (pen.text(12.0), pen.text(12.0).color(&QUIET));
    let wide = |cell: &str| pen.wide(area, cell, &text);
    let widths: Vec<i32> = table
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            let cells = table.rows.iter().filter_map(|row| row.get(place)).map(|cell| wide(cell));
            cells.chain([wide(&column.name)]).max().unwrap_or(0)
        })
        .collect();
    let heading: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    let headed = heading.iter().any(|name| !name.is_empty());
    let lines = headed.then_some(&heading).into_iter().chain(&table.rows);
    for (line, cells) in lines.enumerate() {
        let style = if headed && line == 0 { &quiet } else { &text };
        let mut left = pen.px(16.0);
        let top = pen.px(LINE * line as f64 + 4.0);
        for ((cell, column), &width) in cells.iter().zip(&table.columns).zip(&widths) {
            let room = pen.px(f64::from(WIDTH) - 16.0) - left;
            let at = if column.numeric { left + width - wide(cell) } else { left };
            pen.write(area, cell, style, (at, top), room)?;
            left += width + pen.px(20.0);
        }
        let under = top + pen.px(LINE - 3.0);
        let right = area.dim_in_pixel().0 as i32 - pen.px(16.0);
        area.draw(&PathElement::new(vec![(pen.px(16.0), under), (right, under)], FAINT))?;
    }
    Ok(())
}

fn matrix<B: DrawingBackend>(table: &TableFigure, area: &Area<B>, pen: Pen) -> Drawn<B> {
    let cell = CELL.min((f64::from(WIDTH) - NAMES - 32.0) / table.shades.len().max(1) as f64).max(8.0);
    let across = ((f64::from(WIDTH) - NAMES - 32.0) / table.shades.len().max(1) as f64).min(58.0);
    let name = pen.text(11.0);
    for (row, (cells, shades)) in table.rows.iter().zip(&table.shades).enumerate() {
        let top = cell * row as f64;
        let label = cells.first().map_or("", String::as_str);
        pen.write(area, label, &name, (pen.px(16.0), pen.px(top + 10.0)), pen.px(NAMES - 8.0))?;
        for (column, (text, shade)) in cells[1..].iter().zip(shades).enumerate() {
            let left = 16.0 + NAMES + across * column as f64;
            let corners = [(pen.px(left), pen.px(top)), (pen.px(left + across - 1.0), pen.px(top + cell - 1.0))];
            area.draw(&Rectangle::new(corners, rgb(viridis(*shade)).filled()))?;
            let centre = (pen.px(left + across / 2.0), pen.px(top + cell / 2.0));
            let ink = if *shade > 0.6 { BLACK } else { WHITE };
            let style = pen.text(11.0).color(&ink).pos(Pos::new(HPos::Center, VPos::Center));
            area.draw_text(text, &style, centre)?;
        }
    }
    let top = cell * table.rows.len() as f64;
    for (column, named) in table.columns[1..].iter().enumerate() {
        let left = 16.0 + NAMES + across * column as f64;
        pen.write(area, &named.name, &pen.text(10.0), (pen.px(left), pen.px(top + 4.0)), pen.px(across - 3.0))?;
    }
    let note = "rows: actual class, columns: predicted class, shade: share of the row";
    area.draw_text(note, &pen.text(11.0).color(&QUIET), (pen.px(16.0), pen.px(top + 22.0)))
}
