//! A figure as it stands in a file: with its title above it, and what it lacks
//! under it.

use revacnn_schemas::{Comparison, Figure, Panel};

use super::{
    Align, ChartLayout, ChartOptions, GridLayout, ImagesLayout, Role, ScatterLayout, ScatterOptions, Scene, Style,
    histograms, network, sheet, table, wrapped,
};

/// Height of the title.
const TITLE: f32 = 36.0;
/// What lies at the left and the right end.
const SIDES: f32 = 16.0;
/// The most lines of an embedding's notes.
const MOST_NOTES: usize = 22;

/// A figure with its title and notes, so wide, and how high it is.
pub fn page(figure: &Figure, width: f32) -> (Scene<'_>, f32) {
    let style = Style::FILE;
    let mut scene = Scene::default();
    let title_style = Style { text: 1.2 * style.text, ..style };
    let title = title_style.fitted(figure.title(), width - 2.0 * SIDES);
    scene.text(title, [SIDES, 20.0], title_style.text, Align::Left, Role::Ink);
    let (body, height) = body(figure, width, style);
    scene.add(body, [0.0, TITLE]);
    let mut bottom = TITLE + height;
    let line = 1.5 * style.text;
    let notes = foot(figure, width, style);
    for note in &notes {
        scene.text(note.as_str(), [SIDES, bottom + line / 2.0], style.text, Align::Left, Role::Quiet);
        bottom += line;
    }
    (scene, (bottom + 8.0).ceil())
}

/// A figure without its title and notes, so wide, and how high it is.
pub fn body(figure: &Figure, width: f32, style: Style) -> (Scene<'_>, f32) {
    match figure {
        Figure::Chart(chart) => {
            let size = [width, ChartLayout::height(chart, width, style)];
            let options = ChartOptions { size, x: None, selected: None, names: 0.0, style };
            match ChartLayout::of(chart, &options) {
                Some(layout) => (layout.scene(chart, &options), size[1]),
                None => nothing(style),
            }
        }
        Figure::Scatter(scatter) => {
            let mut options = ScatterOptions { size: [width, 0.0], notes: MOST_NOTES, branches: 0, style, zoom: 1.0 };
            options.size[1] = ScatterLayout::height(scatter, &options);
            (ScatterLayout::of(scatter, &options).scene(scatter, style), options.size[1])
        }
        Figure::Histograms(figure) => histograms::histograms(figure, width, style),
        Figure::EmbeddedImages(figure) => {
            let layout = ImagesLayout::of(figure, width, None, style);
            (layout.scene(figure, style), layout.height)
        }
        Figure::Images(grid) => {
            let layout = GridLayout::of(grid, [width, f32::INFINITY], style);
            let mut images = layout.images(grid, |_| false);
            images.add(layout.words(grid, style), [0.0; 2]);
            (images, layout.height)
        }
        Figure::Sheet(figure) => sheet::sheet(figure, width, style),
        Figure::Network(diagram) => network::network(diagram, width, style),
        Figure::Table(figure) => table::table(figure, width, style),
        Figure::Comparison(comparison) => panels(comparison, width),
    }
}

fn nothing(style: Style) -> (Scene<'static>, f32) {
    let mut scene = Scene::default();
    scene.text("nothing is recorded yet", [SIDES, style.text], style.text, Align::Left, Role::Ink);
    (scene, 3.0 * style.text)
}

/// The lines under a figure: what it lacks. A scatter has its own notes, and a
/// comparison's are its panels'.
fn foot(figure: &Figure, width: f32, style: Style) -> Vec<String> {
    let lines = |note: &str| wrapped(note, width - 2.0 * SIDES, |words| style.width(words));
    match figure {
        Figure::Scatter(_) | Figure::Comparison(_) => Vec::new(),
        other => other.notes().into_iter().flat_map(lines).collect(),
    }
}

fn panels(comparison: &Comparison, width: f32) -> (Scene<'_>, f32) {
    let mut scene = Scene::default();
    let mut top = 0.0;
    for panel in &comparison.panels {
        let mut highest = 0.0_f32;
        let mut put = |figure, left: f32, width: f32| {
            let (part, height) = page(figure, width);
            scene.add(part, [left, top]);
            highest = highest.max(height);
        };
        match panel {
            Panel::Joint(figure) => put(figure, 0.0, width),
            Panel::Pair(pair) => {
                put(&pair[0], 0.0, width / 2.0);
                put(&pair[1], width / 2.0, width / 2.0);
            }
        }
        top += highest + 8.0;
    }
    (scene, top)
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::{TableColumn, TableFigure};

    use super::*;
    use crate::scene::text_width;

    fn noted(name: &str) -> Figure {
        Figure::Table(TableFigure {
            title: name.to_owned(),
            columns: vec![TableColumn { name: "class".to_owned(), numeric: false }],
            rows: vec![vec![name.to_owned()]],
            notes: vec![format!("no {name}: {}", "because ".repeat(40))],
            ..TableFigure::default()
        })
    }

    #[test]
    fn notes_are_under_the_figure_whole() {
        let figure = noted("name");
        let (scene, height) = page(&figure, 720.0);
        let words = scene.texts().map(|text| text.words.matches("because").count()).sum::<usize>();
        assert!(words == 40 && foot(&figure, 720.0, Style::FILE).len() > 1);
        let covers = scene.covers(text_width).unwrap();
        assert!(covers.right() <= 720.0 && covers.bottom() <= height, "{covers:?}");
    }

    #[test]
    fn panels_of_a_comparison_lie_beneath_and_beside_one_another() {
        let pair = Panel::Pair(Box::new([noted("left"), noted("right")]));
        let joint = Panel::Joint(Box::new(noted("joint")));
        let comparison = Comparison { title: "both".to_owned(), panels: vec![pair, joint], differing: Vec::new() };
        let figure = Figure::Comparison(comparison);
        let (scene, height) = page(&figure, 720.0);
        let at = |words: &str| scene.texts().find(|text| text.words == words).unwrap().at;
        assert!(at("left")[1] == at("right")[1] && at("right")[0] == at("left")[0] + 360.0);
        assert!(at("joint")[1] > at("left")[1]);
        assert!(scene.covers(text_width).unwrap().bottom() <= height);
    }
}
