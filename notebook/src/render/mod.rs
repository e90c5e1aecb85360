//! Figures as pictures, SVG or PNG, by plotters with an embedded font.

mod chart;
mod colours;
mod images;
mod network;
mod scatter;
mod table;

use std::path::Path;
use std::sync::Once;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;
use revacnn_schemas::{Comparison, Figure, Panel};

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

type Area<B> = DrawingArea<B, Shift>;
type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

/// Writes a figure to a file that ends in `.svg` or `.png`.
///
/// Determinism: equal figures give equal bytes.
///
/// # Errors
/// [`NotebookError::Draw`] for another ending, and where the file cannot be
/// written.
pub fn render(figure: &Figure, path: &Path) -> Result<(), NotebookError> {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // A font that is no font would have failed every test.
        for style in [FontStyle::Normal, FontStyle::Bold] {
            let _ = register_font(FAMILY, style, FONT);
        }
    });
    let failed = |reason: String| NotebookError::Draw { path: path.to_owned(), reason };
    let size = (WIDTH, height(figure));
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("svg") => {
            let mut text = String::new();
            let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
            draw(figure, &area, 1).map_err(|error| failed(error.to_string()))?;
            drop(area);
            std::fs::write(path, text).map_err(|error| failed(error.to_string()))
        }
        Some("png") => {
            let (wide, high) = (size.0 * SCALE, size.1 * SCALE);
            let area = BitMapBackend::new(path, (wide, high)).into_drawing_area();
            draw(figure, &area, SCALE).map_err(|error| failed(error.to_string()))
        }
        _ => Err(failed("expected a file that ends in .svg or .png".to_owned())),
    }
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

    /// Writes a line of text at a point, cut to a width.
    pub(crate) fn write<B: DrawingBackend>(
        self,
        area: &Area<B>,
        text: &str,
        style: &TextStyle<'_>,
        (x, y): (i32, i32),
        width: i32,
    ) -> Drawn<B> {
        let wide = |text: &str| area.estimate_text_size(text, style).map_or(0, |(width, _)| width as i32);
        let mut cut = text.to_owned();
        while wide(&cut) > width && cut.chars().count() > 2 {
            let shorter: String = cut.chars().take(cut.chars().count() - 2).collect();
            cut = shorter.trim_end().to_owned() + "…";
        }
        area.draw_text(&cut, style, (x, y))
    }
}

/// Height of a figure, in units of an SVG.
fn height(figure: &Figure) -> u32 {
    match figure {
        Figure::Chart(chart) => chart::height(chart),
        Figure::Scatter(scatter) => 560 + 16 * (scatter.notes.len() as u32).saturating_sub(2).min(20),
        Figure::Images(grid) => images::height(grid),
        Figure::Network(diagram) => network::height(diagram),
        Figure::Table(table) => table::height(table),
        Figure::Comparison(comparison) => 44 + comparison.panels.iter().map(panel_height).sum::<u32>(),
    }
}

fn panel_height(panel: &Panel) -> u32 {
    match panel {
        Panel::Joint(figure) => height(figure),
        Panel::Pair(pair) => height(&pair[0]).max(height(&pair[1])),
    }
}

/// Draws a figure with its title on all of an area.
fn panel<B: DrawingBackend>(figure: &Figure, area: &Area<B>, pen: Pen) -> Drawn<B> {
    let (width, _) = area.dim_in_pixel();
    let title = pen.text(14.0);
    pen.write(area, figure.title(), &title, (pen.px(16.0), pen.px(14.0)), width as i32 - pen.px(32.0))?;
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
