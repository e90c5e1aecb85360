//! Figures as pictures: a scene as SVG by plotters, its text as outlines; PNG, which
//! is that SVG drawn by resvg; and PDF, which svg2pdf makes of it.

mod paint;
mod raster;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::Once;

use plotters::prelude::*;
use plotters::style::register_font;
use revacnn_schemas::Figure;
use revacnn_store::{StoreError, write_output};

use crate::NotebookError;
use crate::look::{DARK, FONT, LIGHT};
use crate::scene::{Style, body, page};

/// Its name, which an SVG asks for as well.
const FAMILY: &str = "Inter, Helvetica, Arial, sans-serif";

/// Width of a figure, in logical pixels.
const WIDTH: f32 = 720.0;

/// The kind of a picture, which the ending of its file chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureFormat {
    /// Lines, shapes and text, for any size.
    Svg,
    /// Pixels.
    Png,
    /// A page as large as the figure, of lines and shapes.
    Pdf,
}

impl PictureFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Svg, Self::Png, Self::Pdf];
    /// What a file's name must end in, in words.
    pub const ENDINGS: &str = ".svg, .png or .pdf";

    /// What the name of such a file ends in, after the point.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
            Self::Pdf => "pdf",
        }
    }

    /// The kind that a file's name asks for, in capitals or not; `None` where
    /// its ending is another one.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        Self::ALL.into_iter().find(|format| ending.eq_ignore_ascii_case(format.ending()))
    }
}

/// Writes a figure to a file that ends in `.svg`, `.png` or `.pdf`, as
/// [`write_output`] does. Text is drawn as outlines. Returns the characters that
/// are lacking because no font of this machine has them.
///
/// Determinism: equal figures give equal bytes, and where all text is in the
/// script of the embedded font, on every machine.
///
/// # Errors
/// [`NotebookError::Draw`] for another ending, and where there is no drawing
/// such a figure; [`NotebookError::Recorder`] where the file cannot be written.
pub fn render(figure: &Figure, path: &Path) -> Result<BTreeSet<char>, NotebookError> {
    let failed = |reason: String| NotebookError::Draw { path: path.to_owned(), reason };
    let ending = || failed(format!("expected a file that ends in {}", PictureFormat::ENDINGS));
    let format = PictureFormat::of(path).ok_or_else(ending)?;
    let (bytes, undrawn) = match format {
        PictureFormat::Svg => {
            let (text, undrawn) = svg(figure).and_then(|text| raster::outlined(&text)).map_err(failed)?;
            (text.into_bytes(), undrawn)
        }
        PictureFormat::Png => svg(figure).and_then(|text| raster::png(&text)).map_err(failed)?,
        PictureFormat::Pdf => svg(figure).and_then(|text| raster::pdf(&text)).map_err(failed)?,
    };
    write_output(path, |output| {
        let failed = |source| StoreError::Io { operation: "write", path: path.to_owned(), source };
        output.write_all(&bytes).map_err(failed)
    })?;
    Ok(undrawn)
}

/// A figure as SVG, a unit a logical pixel.
fn svg(figure: &Figure) -> Result<String, String> {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        // A font that is no font would have failed every test.
        let _ = register_font(FAMILY, FontStyle::Normal, FONT);
    });
    let (scene, height) = page(figure, WIDTH);
    let [wide, high] = [WIDTH, height].map(|side| (side * paint::FINE) as u32);
    let mut text = String::new();
    let canvas = SVGBackend::with_string(&mut text, (wide, high)).into_drawing_area();
    paint::paint(&scene, &canvas).map_err(|error| error.to_string())?;
    drop(canvas);
    // Plotters knows whole places alone: they are parts of a unit.
    let sizes = [
        format!("width=\"{wide}\" height=\"{high}\" viewBox"),
        format!("width=\"{WIDTH}\" height=\"{height}\" viewBox"),
    ];
    let text = text.replacen(&sizes[0], &sizes[1], 1);
    // Of a whole element the opacity would need a picture of its own.
    let text = text.replace("<polyline fill=\"none\" opacity=", "<polyline fill=\"none\" stroke-opacity=");
    let text = text.replace("<polygon opacity=", "<polygon fill-opacity=");
    // A name from a data set's file may hold what XML cannot.
    let cannot = |letter: char| (letter.is_control() && letter != '\n') || matches!(letter, '\u{fffe}' | '\u{ffff}');
    Ok(if text.contains(cannot) { text.replace(cannot, "\u{fffd}") } else { text })
}

/// A figure as pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// How many there are from left to right.
    pub width: u32,
    /// And from top to bottom.
    pub height: u32,
    /// Red, green, blue and alpha of each.
    pub rgba: Vec<u8>,
}

/// A figure without its title and notes, so many units wide, in so many pixels a unit, on
/// light paper or dark.
///
/// # Errors
/// [`NotebookError::Draw`] where it has no size.
pub fn pixels(figure: &Figure, width: f32, scale: f32, dark: bool) -> Result<Pixels, NotebookError> {
    let failed = |reason: String| NotebookError::Draw { path: "the window".into(), reason };
    let style = Style { text: 11.0, ..Style::FILE };
    let (scene, height) = body(figure, width, style);
    let text = crate::export::svg::svg(&scene, [width, height.ceil()], figure.title(), "a")?;
    let rules: String = crate::export::svg::classes(if dark { &DARK } else { &LIGHT })
        .into_iter()
        .map(|(name, colour)| format!(".{name}{{fill:{colour}}}.{}{{stroke:{colour}}}", name.to_uppercase()))
        .collect();
    let style = format!(
        "<style>{rules}polyline{{fill:none}}image{{image-rendering:pixelated}}text{{font-family:{FAMILY}}}</style>"
    );
    let text = text.replacen('>', &format!(" xmlns=\"http://www.w3.org/2000/svg\">{style}"), 1);
    raster::pixels(&text, scale).map_err(failed)
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
            notes: vec![format!("no {name}: {}", "because ".repeat(30))],
            ..TableFigure::default()
        })
    }

    #[test]
    fn pixels_are_of_the_paper_that_was_asked_for() {
        let [light, dark] = [false, true].map(|dark| pixels(&named("class"), 360.0, 1.0, dark).unwrap());
        assert_eq!((light.width, light.rgba.len()), (360, (4 * light.width * light.height) as usize));
        // On no ground: letters alone, of another colour each.
        let darkest =
            |pixels: &Pixels| pixels.rgba.chunks(4).filter(|pixel| pixel[3] == 255).map(|pixel| pixel[0]).min();
        assert!(darkest(&light) < Some(60) && darkest(&dark) > Some(40), "{:?} {:?}", darkest(&light), darkest(&dark));
        assert!(pixels(&named("class"), 360.0, 0.0, false).is_err());
    }

    #[test]
    fn names_with_what_xml_cannot_hold_are_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        assert_eq!(render(&named("a\u{1b}[2Jb\u{0} <c> & \u{ffff}"), &path).unwrap(), BTreeSet::new());
        let text = svg(&named("a\u{1b}b <c>")).unwrap();
        assert!(text.contains("a\u{fffd}b &lt;c&gt;") && !text.contains('\u{1b}'), "{text}");
    }
}
