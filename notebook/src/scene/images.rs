//! Rows of small images: the same filters beneath one another, and a dotted outline
//! where a branch lacks one.

use revacnn_schemas::{Image, ImageGrid, ImageRow, Palette};

use super::{Align, Area, Place, Role, Scene, Style};
use crate::look::axis_number;

/// The height of a row's name above it.
const HEAD: f32 = 20.0;
/// The width of a row's name before it, where there are many, and in files: in the window
/// a share of the width within these ends.
const NAME: [f32; 2] = [96.0, 200.0];
const NAME_SHARE: f32 = 0.26;
/// So many rows have their names before them.
const MANY: usize = 3;
/// In a file: the largest side of an image, what lies between two, and how many
/// lie in a line.
const FILE: (f32, f32, usize) = (52.0, 8.0, 10);
/// In the window: the largest side, and what lies between.
const WINDOW: (f32, f32) = (72.0, 4.0);
/// In the window: the least side. Where more are not seen at once, they scroll.
const LEAST: f32 = 16.0;

/// Where everything of some rows of images lies.
#[derive(Debug, Clone, PartialEq)]
pub struct GridLayout {
    /// Where each image lies, `[row][column]`, in whole pixels.
    pub cells: Vec<Vec<Area>>,
    /// How high all rows are together.
    pub height: f32,
    /// Where each row's name begins, and its room.
    names: Vec<(Place, f32)>,
}

impl GridLayout {
    /// Lays rows out in a width, and in the window in a height: in more where images would
    /// be too small in it.
    pub fn of(grid: &ImageGrid, [width, height]: [f32; 2], style: Style) -> Self {
        let sides = style.sides();
        let before = style.standalone || grid.rows.len() >= MANY;
        let (name, head) = match (style.standalone, before) {
            (true, _) => (NAME[0], 0.0),
            (_, true) => ((NAME_SHARE * width).clamp(NAME[0], NAME[1]).round(), 2.0),
            (_, false) => (0.0, HEAD),
        };
        let room = (width - 2.0 * sides - name).max(1.0);
        let columns = grid.rows.iter().map(|row| row.images.len()).max().unwrap_or(0).max(1);
        let (largest, gap) = if style.standalone { (FILE.0, FILE.1) } else { WINDOW };
        let fits = |lines: usize| {
            let across = columns.div_ceil(lines);
            let high = (height / grid.rows.len().max(1) as f32 - head - gap) / lines as f32 - gap;
            let high = if style.standalone { largest } else { high };
            (across, ((room + gap) / across as f32 - gap).min(high).clamp(4.0, largest))
        };
        let (across, side) = if style.standalone {
            fits(columns.div_ceil(FILE.2))
        } else {
            let best = (2..=columns).map(fits).fold(fits(1), |best, next| if next.1 > best.1 { next } else { best });
            let across = (((room + gap) / (LEAST + gap)) as usize).max(1);
            if best.1 < LEAST { (across, LEAST) } else { best }
        };
        let number = if style.standalone { (1.5 * style.text).round() } else { 0.0 };
        let line = side + number + gap;
        let mut layout = Self { cells: Vec::new(), height: 0.0, names: Vec::new() };
        let mut top = 0.0;
        for row in &grid.rows {
            let first = top + head;
            let cell = |column: usize| {
                let x = sides + name + (column % across) as f32 * (side + gap);
                Area::new([x.round(), (first + (column / across) as f32 * line).round()], [side.floor(); 2])
            };
            layout.cells.push((0..row.images.len()).map(cell).collect());
            let middle = if before { first + side / 2.0 } else { first - HEAD / 2.0 - 1.0 };
            layout.names.push(([sides, middle], if before { name - 8.0 } else { width - 2.0 * sides }));
            top = first + row.images.len().div_ceil(across).max(1) as f32 * line + gap;
        }
        layout.height = top + number;
        layout
    }

    /// The images; `marked` are those that stand out.
    pub fn images<'a>(&self, grid: &'a ImageGrid, marked: impl Fn(&Image) -> bool) -> Scene<'a> {
        let mut scene = Scene::default();
        for (row, (line, cells)) in grid.rows.iter().zip(&self.cells).enumerate() {
            for (column, (image, at)) in line.images.iter().zip(cells).enumerate() {
                let Some(image) = image else { continue };
                if marked(image) {
                    scene.rectangle(at.grown(2.0), Role::Accent);
                }
                scene.image(image, (row, column), *at);
            }
        }
        scene
    }

    /// Names, and outlines where there is no image; in a file also numbers, ranges,
    /// and what colours mean.
    pub fn words(&self, grid: &ImageGrid, style: Style) -> Scene<'static> {
        let mut scene = Scene::default();
        let shared = shared_range(grid.rows.iter());
        for ((row, cells), (at, room)) in grid.rows.iter().zip(&self.cells).zip(&self.names) {
            let ink = if style.standalone { Role::Ink } else { Role::Quiet };
            scene.text(style.addressed(&row.label, *room), *at, style.text, Align::Left, ink);
            for (image, at) in row.images.iter().zip(cells) {
                match image {
                    Some(image) if style.standalone => {
                        let name = image.label.rsplit('/').next().unwrap_or_default();
                        let below = [at.x, at.bottom() + 0.8 * style.text];
                        scene.text(style.fitted(name, at.width), below, style.text, Align::Left, Role::Quiet);
                    }
                    Some(_) => {}
                    None => scene.outline(*at),
                }
            }
            let own = shared_range(std::iter::once(row)).filter(|_| !grid.of_data);
            if let (true, None, Some(range)) = (style.standalone, shared, own) {
                let words = style.fitted(&between(range), *room);
                scene.text(words, [at[0], at[1] + 1.5 * style.text], style.text, Align::Left, Role::Quiet);
            }
        }
        if style.standalone && !grid.of_data {
            let at = [style.sides(), self.height - 0.5 * style.text];
            scene.text(legend(grid, shared), at, style.text, Align::Left, Role::Quiet);
        }
        scene
    }

    /// The cell under a point.
    pub fn cell_at(&self, [x, y]: Place) -> Option<(usize, usize)> {
        let hit = |at: &Area| x >= at.x && x < at.right() && y >= at.y && y < at.bottom();
        let rows = self.cells.iter().enumerate();
        rows.into_iter().find_map(|(row, cells)| cells.iter().position(hit).map(|column| (row, column)))
    }
}

/// The palette of some images, and the range where all have one; `None` where there are
/// no images.
pub fn colours_of(grid: &ImageGrid) -> Option<(Palette, Option<[f32; 2]>)> {
    let first = grid.rows.iter().flat_map(|row| row.images.iter().flatten()).next()?;
    Some((first.palette, shared_range(grid.rows.iter())))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::text_width;

    fn grid(rows: usize, columns: usize) -> ImageGrid {
        let image = |column: usize| Image {
            label: format!("conv1/{column}"),
            filter: None,
            rows: 2,
            columns: 2,
            pixels: vec![0.0, 0.5, 1.0, f32::NAN],
            palette: Palette::Sequential,
            range: [0.0, 1.0],
        };
        let images = |row: usize| (0..columns).map(|column| (column != row).then(|| image(column))).collect();
        let row = |row: usize| ImageRow { label: format!("a-long-branch-{row}@1200"), images: images(row) };
        ImageGrid { title: String::new(), rows: (0..rows).map(row).collect(), of_data: false, notes: Vec::new() }
    }

    #[test]
    fn rows_lie_beneath_one_another_within_the_width() {
        let window = Style { text: 12.0, standalone: false, ..Style::FILE };
        for (width, style) in [(720.0, Style::FILE), (360.0, Style::FILE), (420.0, window)] {
            for (rows, columns) in [(1, 20), (2, 21), (3, 40), (1, 0)] {
                let grid = grid(rows, columns);
                let layout = GridLayout::of(&grid, [width, 200.0], style);
                let all: Vec<&Area> = layout.cells.iter().flatten().collect();
                assert_eq!(all.len(), rows * columns);
                for (place, cell) in all.iter().enumerate() {
                    assert!(cell.right() <= width && all[place + 1..].iter().all(|other| !cell.meets(**other)));
                    assert_eq!(layout.cell_at(cell.middle()), Some((place / columns, place % columns)));
                }
                if style.standalone && columns > 0 {
                    let mut scene = layout.images(&grid, |_| false);
                    scene.add(layout.words(&grid, style), [0.0; 2]);
                    let covers = scene.covers(text_width).unwrap();
                    assert!(covers.right() <= width && covers.bottom() <= layout.height, "{covers:?}");
                }
            }
        }
    }

    #[test]
    fn in_the_window_images_are_no_smaller_than_can_be_seen_and_then_need_more_height() {
        let window = Style { text: 12.0, standalone: false, ..Style::FILE };
        for (columns, room) in
            [(16, [340.0, 150.0]), (64, [340.0, 150.0]), (200, [340.0, 150.0]), (200, [900.0, 400.0])]
        {
            for rows in [1, 2, 6] {
                let layout = GridLayout::of(&grid(rows, columns), room, window);
                let cells = || layout.cells.iter().flatten();
                assert!(cells().all(|cell| cell.width >= LEAST && cell.right() <= room[0]), "{columns} {rows}");
                assert!(cells().all(|cell| cell.bottom() <= layout.height));
                let scrolls = layout.height > room[1];
                assert!(
                    !scrolls || cells().all(|cell| cell.width == LEAST),
                    "{columns} {rows}: larger than they need be"
                );
            }
        }
        assert!(GridLayout::of(&grid(1, 200), [340.0, 150.0], window).height > 150.0);
    }

    #[test]
    fn what_a_branch_lacks_has_an_outline_and_what_is_marked_a_frame() {
        let grid = grid(2, 3);
        let layout = GridLayout::of(&grid, [420.0, 200.0], Style { standalone: false, ..Style::FILE });
        let lines = |scene: &Scene<'_>| {
            scene.shapes.iter().filter(|shape| matches!(shape, super::super::Shape::Line(_))).count()
        };
        assert_eq!(lines(&layout.words(&grid, Style { standalone: false, ..Style::FILE })), 2);
        let marked = layout.images(&grid, |image| image.label == "conv1/2");
        assert_eq!(marked.shapes.len(), 4 + 2);
    }
}
