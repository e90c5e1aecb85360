//! Figures as pictures: SVG by plotters, and PNG, which is that SVG drawn by
//! resvg.

mod chart;
mod colours;
mod images;
mod network;
mod raster;
mod scatter;
mod table;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::{LazyLock, Once};

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use revacnn_schemas::{Comparison, Figure, Panel};
use revacnn_store::{StoreError, write_output};
use ttf_parser::Face;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub use colours::{colour, hue_colour, hue_dash};

use crate::NotebookError;

/// The font of all text: Inter, under the SIL Open Font License.
static FONT: &[u8] = include_bytes!("../../fonts/Inter-Regular.ttf");

/// Its name, which an SVG asks for as well.
const FAMILY: &str = "Inter, Helvetica, Arial, sans-serif";

/// Pixels of a PNG for each unit of an SVG.
const SCALE: u32 = 2;

/// Width of a figure, in units of an SVG.
const WIDTH: u32 = 720;

/// Height of a line of notes.
const NOTE: u32 = 15;

type Area<B> = DrawingArea<B, Shift>;
type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// The kind of a picture, which the ending of its file chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureFormat {
    /// Lines, shapes and text, for any size.
    Svg,
    /// Pixels.
    Png,
}

impl PictureFormat {
    /// The kind that a file's name asks for, in capitals or not; `None` where
    /// its ending is another one.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        [("svg", Self::Svg), ("png", Self::Png)]
            .into_iter()
            .find_map(|(name, format)| ending.eq_ignore_ascii_case(name).then_some(format))
    }
}

/// Writes a figure to a file that ends in `.svg` or `.png`, as
/// [`write_output`] does. Returns the characters that a PNG lacks because no
/// font of this machine has them; of an SVG they are for who opens it.
///
/// Determinism: equal figures give equal bytes, and where all text is in the
/// script of the embedded font, on every machine.
///
/// # Errors
/// [`NotebookError::Draw`] for another ending, and where there is no drawing
/// such a figure; [`NotebookError::Recorder`] where the file cannot be written.
pub fn render(figure: &Figure, path: &Path) -> Result<BTreeSet<char>, NotebookError> {
    let failed = |reason: String| NotebookError::Draw { path: path.to_owned(), reason };
    let ending = || failed("expected a file that ends in .svg or .png".to_owned());
    let format = PictureFormat::of(path).ok_or_else(ending)?;
    let (bytes, undrawn) = match format {
        PictureFormat::Svg => (svg(figure, 1).map_err(failed)?.into_bytes(), BTreeSet::new()),
        PictureFormat::Png => svg(figure, SCALE).and_then(|text| raster::png(&text)).map_err(failed)?,
    };
    write_output(path, |output| {
        let failed = |source| StoreError::Io { operation: "write", path: path.to_owned(), source };
        output.write_all(&bytes).map_err(failed)
    })?;
    Ok(undrawn)
}

/// A figure as SVG, so many units a unit of length.
fn svg(figure: &Figure, scale: u32) -> Result<String, String> {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // A font that is no font would have failed every test.
        let _ = register_font(FAMILY, FontStyle::Normal, FONT);
    });
    let mut text = String::new();
    let area = SVGBackend::with_string(&mut text, (WIDTH * scale, height(figure, WIDTH) * scale)).into_drawing_area();
    draw(figure, &area, scale).map_err(|error| error.to_string())?;
    drop(area);
    // A name from a data set's file may hold what XML cannot.
    let cannot = |letter: char| (letter.is_control() && letter != '\n') || matches!(letter, '\u{fffe}' | '\u{ffff}');
    Ok(if text.contains(cannot) { text.replace(cannot, "\u{fffd}") } else { text })
}

fn draw<B: DrawingBackend>(figure: &Figure, area: &Area<B>, scale: u32) -> Drawn<B> {
    area.fill(&WHITE)?;
    panel(figure, area, Pen { scale })?;
    area.present()
}

/// Sizes and text of a picture of some scale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pen {
    scale: u32,
}

impl Pen {
    /// A length of the SVG in pixels.
    pub(crate) fn px(self, length: f64) -> i32 {
        (length * f64::from(self.scale)).round() as i32
    }

    /// Text of a size.
    pub(crate) fn text(self, size: f64) -> TextStyle<'static> {
        TextStyle::from((FAMILY, self.px(size)).into_font()).color(&colours::INK)
    }

    /// About how wide a line of text is, in pixels: of the embedded font's
    /// script as it is, and of others by the columns that they take.
    pub(crate) fn wide<B: DrawingBackend>(self, area: &Area<B>, text: &str, style: &TextStyle<'_>) -> i32 {
        static FACE: LazyLock<Option<Face<'static>>> = LazyLock::new(|| Face::parse(FONT, 0).ok());
        let has = |letter: char| FACE.as_ref().is_none_or(|face| face.glyph_index(letter).is_some());
        let (own, others): (String, String) = text.chars().partition(|&letter| has(letter));
        let own = area.estimate_text_size(&own, style).map_or(0, |(width, _)| width as i32);
        let columns: usize = others.chars().filter_map(UnicodeWidthChar::width).sum();
        // An em is two columns; plotters' sizes are 1.24 em.
        own + (columns as f64 * style.font.get_size() / 1.24 / 2.0).ceil() as i32
    }

    /// Writes a line of text at a point, cut to a width.
    pub(crate) fn write<B: DrawingBackend>(
        self,
        area: &Area<B>,
        text: &str,
        style: &TextStyle<'_>,
        (x, y): (i32, i32),
        width: i32,
    ) -> Drawn<B> {
        let wide = |text: &str| self.wide(area, text, style);
        let mut cut = text.to_owned();
        while wide(&cut) > width && cut.chars().count() > 2 {
            let shorter: String = cut.chars().take(cut.chars().count() - 2).collect();
            cut = shorter.trim_end().to_owned() + "…";
        }
        area.draw_text(&cut, style, (x, y))
    }
}

/// Height of a figure so wide, in units of an SVG.
fn height(figure: &Figure, width: u32) -> u32 {
    let own = match figure {
        Figure::Chart(chart) => chart::height(chart),
        Figure::Scatter(scatter) => 560 + 16 * (scatter.notes.len() as u32).saturating_sub(2).min(20),
        Figure::Images(grid) => images::height(grid),
        Figure::Network(diagram) => network::height(diagram),
        Figure::Table(table) => table::height(table),
        Figure::Comparison(comparison) => 44 + comparison.panels.iter().map(panel_height).sum::<u32>(),
    };
    let foot = foot(figure, width).len() as u32;
    own + if foot > 0 { NOTE * foot + 12 } else { 0 }
}

fn panel_height(panel: &Panel) -> u32 {
    match panel {
        Panel::Joint(figure) => height(figure, WIDTH),
        Panel::Pair(pair) => height(&pair[0], WIDTH / 2).max(height(&pair[1], WIDTH / 2)),
    }
}

/// The lines under a figure: what it lacks. A scatter writes its own notes, and
/// a comparison's are its panels'.
fn foot(figure: &Figure, width: u32) -> Vec<String> {
    match figure {
        Figure::Scatter(_) | Figure::Comparison(_) => Vec::new(),
        other => other.notes().into_iter().flat_map(|note| wrapped(note, ((width - 32) / 6) as usize)).collect(),
    }
}

/// A text in lines of at most so many columns, broken between words.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Draws a figure with its title and notes on all of an area.
fn panel<B: DrawingBackend>(figure: &Figure, area: &Area<B>, pen: Pen) -> Drawn<B> {
    let (width, tall) = area.dim_in_pixel();
    let title = pen.text(14.0);
    pen.write(area, figure.title(), &title, (pen.px(16.0), pen.px(14.0)), width as i32 - pen.px(32.0))?;
    let notes = foot(figure, (f64::from(width) / f64::from(pen.px(1.0))) as u32);
    let foot = if notes.is_empty() { 0 } else { pen.px(f64::from(NOTE) * notes.len() as f64 + 12.0) };
    let (area, under) = area.split_vertically(tall as i32 - foot);
    for (line, note) in notes.iter().enumerate() {
        let at = (pen.px(16.0), pen.px(f64::from(NOTE) * line as f64));
        pen.write(&under, note, &pen.text(11.0).color(&colours::QUIET), at, width as i32 - pen.px(32.0))?;
    }
    let (_, below) = area.split_vertically(pen.px(36.0));
    match figure {
        Figure::Chart(chart) => chart::draw(chart, &below, pen),
        Figure::Scatter(scatter) => scatter::draw(scatter, &below, pen),
        Figure::Images(grid) => images::draw(grid, &below, pen),
        Figure::Network(diagram) => network::draw(diagram, &below, pen),
        Figure::Table(table) => table::draw(table, &below, pen),
        Figure::Comparison(comparison) => panels(comparison, &below, pen),
    }
}

fn panels<B: DrawingBackend>(comparison: &Comparison, area: &Area<B>, pen: Pen) -> Drawn<B> {
    let mut rest = area.clone();
    for each in &comparison.panels {
        let (own, below) = rest.split_vertically(pen.px(f64::from(panel_height(each))));
        match each {
            Panel::Joint(figure) => panel(figure, &own, pen)?,
            Panel::Pair(pair) => {
                let (width, _) = own.dim_in_pixel();
                let (left, right) = own.split_horizontally(width / 2);
                panel(&pair[0], &left, pen)?;
                panel(&pair[1], &right, pen)?;
            }
        }
        rest = below;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::{TableColumn, TableFigure};

    use super::*;

    fn named(name: &str) -> Figure {
        Figure::Table(TableFigure {
            title: name.to_owned(),
            columns: vec![TableColumn { name: "class".to_owned(), numeric: false }],
            rows: vec![vec![name.to_owned()]],
            shades: Vec::new(),
            notes: vec![format!("no {name}: {}", "because ".repeat(30))],
        })
    }

    #[test]
    fn names_with_what_xml_cannot_hold_are_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        assert_eq!(render(&named("a\u{1b}[2Jb\u{0} <c> & \u{ffff}"), &path).unwrap(), BTreeSet::new());
        let text = svg(&named("a\u{1b}b <c>"), 1).unwrap();
        assert!(text.contains("a\u{fffd}b &lt;c&gt;") && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn notes_are_under_the_figure_whole() {
        let figure = named("name");
        let text = svg(&figure, 1).unwrap();
        assert_eq!(text.matches("because").count(), 30, "{text}");
        assert!(foot(&figure, WIDTH).len() > 1);
        assert_eq!(wrapped("one two  three", 7), ["one two", "three"]);
    }

    #[test]
    fn letters_of_other_scripts_have_a_width() {
        let mut text = String::new();
        let area = SVGBackend::with_string(&mut text, (100, 100)).into_drawing_area();
        let pen = Pen { scale: 1 };
        let style = pen.text(12.4);
        let wide = |text: &str| pen.wide(&area, text, &style);
        assert!((wide("猫猫猫猫") - 40).abs() <= 1, "{}", wide("猫猫猫猫"));
        assert!(wide("猫 cat") > wide(" cat") + 9 && wide("cat") < 30);
    }
}
