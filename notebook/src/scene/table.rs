//! Rows of text and numbers; a matrix of classes with shades.

use revacnn_schemas::TableFigure;

use super::{Align, Area, Role, Scene, Style};
use crate::look::viridis;

/// How high a line of a table is, and what lies between two columns.
const LINE: f32 = 20.0;
const BETWEEN: f32 = 20.0;
/// How much smaller letters are at most where a table has many columns.
const SMALLEST: f32 = 0.6;
/// The side of a place of a matrix, and the most that it is wide.
const CELL: f32 = 34.0;
const WIDE: f32 = 58.0;
/// The width of a class's name before its row.
const NAMES: f32 = 100.0;
/// What lies at the left and the right end.
const SIDES: f32 = 16.0;

/// A table so wide, and how high it is.
pub(super) fn table(table: &TableFigure, width: f32, style: Style) -> (Scene<'static>, f32) {
    if table.shades.is_empty() { rows(table, width, style) } else { matrix(table, width, style) }
}

fn rows(table: &TableFigure, width: f32, style: Style) -> (Scene<'static>, f32) {
    let mut scene = Scene::default();
    let heading: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    let widths_of = |style: Style| -> Vec<f32> {
        let widest = |(place, name): (usize, &String)| {
            let cells = table.rows.iter().filter_map(|row| row.get(place));
            cells.chain([name]).map(|cell| style.width(cell)).fold(0.0, f32::max)
        };
        heading.iter().enumerate().map(widest).collect()
    };
    // Many columns are written smaller rather than left out.
    let needed = widths_of(style).iter().sum::<f32>() + BETWEEN * heading.len().saturating_sub(1) as f32;
    // A little less than what just fits, so that no rounding cuts the last one.
    let smaller = (0.99 * (width - 2.0 * SIDES) / needed.max(1.0)).clamp(SMALLEST, 1.0);
    let style = Style { text: style.text * smaller, ..style };
    let between = BETWEEN * smaller;
    let widths = widths_of(style);
    let headed = heading.iter().any(|name| !name.is_empty());
    let mut top = 4.0;
    for (line, cells) in headed.then_some(&heading).into_iter().chain(&table.rows).enumerate() {
        let ink = if headed && line == 0 { Role::Quiet } else { Role::Ink };
        let mut left = SIDES;
        for ((cell, column), &wide) in cells.iter().zip(&table.columns).zip(&widths) {
            let room = (width - SIDES - left).max(0.0);
            if room < style.width("…") {
                break;
            }
            let y = top + LINE / 2.0 - 2.0;
            let right = left + wide.min(room);
            let (x, align) = if column.numeric { (right, Align::Right) } else { (left, Align::Left) };
            scene.text(style.fitted(cell, room), [x, y], style.text, align, ink);
            left += wide + between;
        }
        scene.rectangle(Area::new([SIDES, top + LINE - 3.0], [width - 2.0 * SIDES, 1.0]), Role::Line);
        top += LINE;
    }
    (scene, top + SIDES)
}

fn matrix(table: &TableFigure, width: f32, style: Style) -> (Scene<'static>, f32) {
    let mut scene = Scene::default();
    let room = (width - NAMES - 2.0 * SIDES) / table.shades.len().max(1) as f32;
    let (high, across) = (CELL.min(room).max(8.0), room.min(WIDE));
    let left = |column: usize| SIDES + NAMES + across * column as f32;
    for (row, (cells, shades)) in table.rows.iter().zip(&table.shades).enumerate() {
        let top = high * row as f32;
        let middle = top + high / 2.0;
        let label = cells.first().map_or("", String::as_str);
        scene.text(style.fitted(label, NAMES - 8.0), [SIDES, middle], style.text, Align::Left, Role::Ink);
        for (column, (text, shade)) in cells.iter().skip(1).zip(shades).enumerate() {
            let at = Area::new([left(column), top], [across - 1.0, high - 1.0]);
            scene.rectangle(at, Role::Rgb(viridis(*shade)));
            let ink = if *shade > 0.6 { [0; 3] } else { [255; 3] };
            scene.text(text.as_str(), at.middle(), style.text, Align::Middle, Role::Rgb(ink));
        }
    }
    let bottom = high * table.rows.len() as f32;
    for (column, named) in table.columns.iter().skip(1).enumerate() {
        let words = style.fitted(&named.name, across - 3.0);
        scene.text(words, [left(column), bottom + style.text], style.text, Align::Left, Role::Ink);
    }
    let note = "rows: actual class, columns: predicted class, shade: share of the row";
    scene.text(note, [SIDES, bottom + 2.8 * style.text], style.text, Align::Left, Role::Quiet);
    (scene, bottom + 4.0 * style.text)
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::TableColumn;

    use super::*;
    use crate::scene::text_width;

    fn of(columns: usize, rows: usize, is_matrix: bool) -> TableFigure {
        let name = |place: usize| TableColumn { name: format!("class-{place}"), numeric: place > 0 };
        TableFigure {
            title: String::new(),
            columns: (0..columns).map(name).collect(),
            rows: (0..rows).map(|row| (0..columns).map(|column| (row * column).to_string()).collect()).collect(),
            shades: if is_matrix { vec![vec![0.5; columns - 1]; rows] } else { Vec::new() },
            notes: Vec::new(),
        }
    }

    #[test]
    fn tables_and_matrices_lie_within_their_width_and_height() {
        for (columns, rows, is_matrix) in [(2, 3, false), (14, 2, false), (11, 10, true), (3, 2, true)] {
            let (scene, height) = table(&of(columns, rows, is_matrix), 720.0, Style::FILE);
            let covers = scene.covers(text_width).unwrap();
            assert!(covers.x >= 0.0 && covers.right() <= 720.0 && covers.bottom() <= height, "{covers:?} {height}");
        }
    }

    /// The last columns were left out without a word.
    #[test]
    fn every_column_of_a_wide_table_is_written() {
        let wide = of(14, 2, false);
        let (scene, _) = table(&wide, 720.0, Style::FILE);
        for column in &wide.columns {
            assert!(scene.texts().any(|text| text.words == column.name), "{}", column.name);
        }
        assert!(scene.texts().all(|text| text.size < Style::FILE.text && text.size >= SMALLEST * Style::FILE.text));
    }

    #[test]
    fn numbers_end_beneath_one_another() {
        let (scene, _) = table(&of(2, 12, false), 720.0, Style::FILE);
        let ends: Vec<f32> = scene.texts().filter(|text| text.align == Align::Right).map(|text| text.at[0]).collect();
        assert!(ends.len() == 13 && ends.iter().all(|end| *end == ends[0]), "{ends:?}");
    }
}
