//! Rows of text and numbers; a matrix of classes with shades.

use revacnn_schemas::{Palette, TableFigure};

use super::{Align, Area, Place, Role, Scene, Style};
use crate::look::{Rgb, ramp, viridis};

/// How high a line of a table is, and what lies between two columns.
const LINE: f32 = 20.0;
const BETWEEN: f32 = 20.0;
/// How much smaller letters are at most where a table has many columns.
const SMALLEST: f32 = 0.6;
/// The side of a place of a matrix, and the most that it is wide.
const CELL: f32 = 34.0;
const WIDE: f32 = 58.0;
/// The least height of a row of a matrix, and of one whose room is low.
const LOWEST: f32 = 8.0;
const READABLE: f32 = 14.0;
/// The least size of letters in a place.
const LEGIBLE: f32 = 7.0;
/// The width of a class's name before its row.
const NAMES: f32 = 100.0;
/// What lies at the left and the right end.
const SIDES: f32 = 16.0;

/// A table so wide, and how high it is.
pub(super) fn table(table: &TableFigure, width: f32, style: Style) -> (Scene<'static>, f32) {
    if table.shades.is_empty() {
        return rows(table, width, style);
    }
    let layout = MatrixLayout::of(table, width, None, style);
    (layout.scene(table, style), layout.height)
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
    let gaps = between * heading.len().saturating_sub(1) as f32;
    let widths = capped(widths_of(style), width - 2.0 * SIDES - gaps);
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
            scene.text(style.fitted(cell, wide.min(room)), [x, y], style.text, align, ink);
            left += wide + between;
        }
        scene.rectangle(Area::new([SIDES, top + LINE - 3.0], [width - 2.0 * SIDES, 1.0]), Role::Line);
        top += LINE;
    }
    (scene, top + SIDES)
}

/// Widths that have room together: the widest are cut to one width.
fn capped(widths: Vec<f32>, room: f32) -> Vec<f32> {
    let mut sorted = widths.clone();
    sorted.sort_by(f32::total_cmp);
    let mut left = room;
    for (place, width) in sorted.iter().enumerate() {
        let share = left / (sorted.len() - place) as f32;
        if *width > share {
            return widths.into_iter().map(|width| width.min(share.max(1.0))).collect();
        }
        left -= width;
    }
    widths
}

/// Where the places of a matrix of classes lie.
#[derive(Debug, Clone, PartialEq)]
pub struct MatrixLayout {
    /// The first place.
    corner: [f32; 2],
    /// How wide and high a place is.
    place: [f32; 2],
    /// Whether columns have no room for the classes' names, and bear their numbers.
    numbered: bool,
    /// Rows and columns.
    size: [usize; 2],
    /// How high all is.
    pub height: f32,
}

impl MatrixLayout {
    /// A matrix so wide, and at most so high where that is asked for, as far as it can be read then.
    pub fn of(table: &TableFigure, width: f32, most: Option<f32>, style: Style) -> Self {
        let rows = table.rows.len();
        let below = 4.0 * style.text;
        let label = |row: &Vec<String>| row.first().map_or(0.0, |name| style.width(name));
        let widest = table.rows.iter().map(label).fold(0.0, f32::max) + style.width("000  ") + 8.0;
        let names = widest.min(0.3 * width).max(NAMES);
        let room = (width - names - 2.0 * SIDES) / table.shades.len().max(1) as f32;
        let high = most.map_or(CELL, |most| ((most - below) / rows.max(1) as f32).floor().max(READABLE));
        let place = [room.min(WIDE), high.min(CELL).min(room).max(LOWEST)];
        let columns = table.columns.len().saturating_sub(1);
        let numbered = place[0] < style.width("name");
        let height = place[1] * rows as f32 + below;
        Self { corner: [SIDES + names, 0.0], place, numbered, size: [rows, columns], height }
    }

    /// The place of a row and a column.
    pub fn area(&self, row: usize, column: usize) -> Area {
        let [left, top] = self.corner;
        let [across, high] = self.place;
        Area::new([left + across * column as f32, top + high * row as f32], [across - 1.0, high - 1.0])
    }

    /// The row and the column that lie there.
    pub fn place_at(&self, [x, y]: Place) -> Option<[usize; 2]> {
        let [left, top] = self.corner;
        let [column, row] = [(x - left) / self.place[0], (y - top) / self.place[1]];
        let [rows, columns] = self.size;
        let is_within = row >= 0.0 && column >= 0.0 && row < rows as f32 && column < columns as f32;
        is_within.then_some([row as usize, column as usize])
    }

    /// It, as it is drawn.
    pub fn scene(&self, table: &TableFigure, style: Style) -> Scene<'static> {
        let mut scene = Scene::default();
        let [across, high] = self.place;
        // Rows that are lower than a line have smaller letters.
        let text = style.text.min(0.95 * high);
        for (row, (cells, shades)) in table.rows.iter().zip(&table.shades).enumerate() {
            let middle = self.area(row, 0).middle()[1];
            let name = cells.first().map_or("", String::as_str);
            let label = if self.numbered { format!("{row}  {name}") } else { name.to_owned() };
            let fitted = style.fitted(&label, self.corner[0] - SIDES - 8.0);
            scene.text(fitted, [SIDES, middle], text, Align::Left, Role::Ink);
            for (column, (words, shade)) in cells.iter().skip(1).zip(shades).enumerate() {
                let at = self.area(row, column);
                let (ground, ink) = if table.signed { signed(*shade) } else { unsigned(*shade) };
                scene.rectangle(at, Role::Rgb(ground));
                let wide = style.width(words) * text / style.text.max(1.0);
                if wide + 1.0 <= at.width && text >= LEGIBLE {
                    scene.text(words.as_str(), at.middle(), text, Align::Middle, Role::Rgb(ink));
                }
            }
        }
        let bottom = high * table.rows.len() as f32;
        // Numbers stand where they have room.
        let stride = if self.numbered { (style.width("000 ") / across.max(1.0)).ceil().max(1.0) as usize } else { 1 };
        for (column, named) in table.columns.iter().skip(1).enumerate().step_by(stride) {
            let words = match self.numbered {
                true => column.to_string(),
                false => style.fitted(&named.name, across - 3.0),
            };
            let left = self.area(0, column).x;
            scene.text(words, [left, bottom + style.text], style.text, Align::Left, Role::Ink);
        }
        let note = match table.signed {
            false => "rows: actual class, columns: predicted class, shade: share of the row",
            true => "rows: actual class, columns: predicted class; red: more images, blue: fewer",
        };
        scene.text(note, [SIDES, bottom + 2.8 * style.text], style.text, Align::Left, Role::Quiet);
        scene
    }
}

/// The colour of a share, and of what is written on it.
fn unsigned(share: f32) -> (Rgb, Rgb) {
    (viridis(share), if share > 0.6 { [0; 3] } else { [255; 3] })
}

/// The colour of a difference, and of what is written on it.
fn signed(difference: f32) -> (Rgb, Rgb) {
    let ground = ramp(Palette::Diverging, 0.5 + 0.5 * difference);
    (ground, if difference.abs() > 0.7 { [255; 3] } else { [0; 3] })
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
            ..TableFigure::default()
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
    fn each_place_of_a_matrix_is_found_where_it_is_drawn() {
        let figure = of(11, 10, true);
        for most in [None, Some(190.0)] {
            let layout = MatrixLayout::of(&figure, 480.0, most, Style::FILE);
            assert!(most.is_none_or(|most| layout.height <= most), "{layout:?}");
            for (row, column) in [(0, 0), (3, 7), (9, 9)] {
                assert_eq!(layout.place_at(layout.area(row, column).middle()), Some([row, column]));
            }
            let last = layout.area(9, 9);
            for outside in [[20.0, 10.0], [last.right() + 2.0, 10.0], [last.x, last.bottom() + 2.0]] {
                assert_eq!(layout.place_at(outside), None);
            }
        }
    }

    /// One name of 240 letters left no room for any number.
    #[test]
    fn a_long_name_takes_no_other_columns_room() {
        let mut figure = of(4, 3, false);
        figure.rows[1][0] = "name ".repeat(50);
        let (scene, _) = table(&figure, 720.0, Style::FILE);
        for word in ["class-3", "0", "4"] {
            assert!(scene.texts().any(|text| text.words == word), "{word}");
        }
        assert!(scene.covers(text_width).unwrap().right() <= 720.0);
        assert_eq!(capped(vec![10.0, 50.0, 80.0], 90.0), [10.0, 40.0, 40.0]);
        assert_eq!(capped(vec![10.0, 20.0], 90.0), [10.0, 20.0]);
    }

    /// Names of a hundred columns were dots.
    #[test]
    fn columns_without_room_for_names_bear_the_numbers_of_the_rows() {
        let (scene, _) = table(&of(101, 100, true), 720.0, Style::FILE);
        assert!(scene.texts().any(|text| text.words.starts_with("7  ")));
        assert!(scene.texts().any(|text| text.words == "0") && !scene.texts().any(|text| text.words == "…"));
        assert!(scene.texts().all(|text| text.words != "."));
    }

    #[test]
    fn what_is_more_and_what_is_fewer_have_colours_of_their_own() {
        let [more, none, fewer] = [1.0, 0.0, -1.0].map(|difference| signed(difference).0);
        assert!(more[0] > more[2] && fewer[2] > fewer[0], "{more:?} {fewer:?}");
        assert!(none.iter().all(|value| *value > 200), "{none:?}");
    }

    #[test]
    fn numbers_end_beneath_one_another() {
        let (scene, _) = table(&of(2, 12, false), 720.0, Style::FILE);
        let ends: Vec<f32> = scene.texts().filter(|text| text.align == Align::Right).map(|text| text.at[0]).collect();
        assert!(ends.len() == 13 && ends.iter().all(|end| *end == ends[0]), "{ends:?}");
    }
}
