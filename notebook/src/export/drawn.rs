//! A figure as HTML: a picture with its caption, or a table.

use revacnn_analysis::bin_edges;
use revacnn_schemas::{
    CaptionedImage, Chart, EmbeddedImage, EmbeddedPanel, Figure, HistogramPanel, Panel, StepHistogram, TableFigure,
};

use super::svg::{escaped, svg};
use crate::NotebookError;
use crate::scene::{Style, body, text_width};

/// How figures of a page are drawn.
const STYLE: Style = Style { text: 11.0, measure: text_width, standalone: true };

/// Names for pictures of a page, each for one of them.
#[derive(Debug)]
pub(super) struct Ids {
    view: usize,
    next: usize,
}

impl Ids {
    /// Those of a frame of a view: another frame of it takes their place.
    pub(super) fn of(view: usize) -> Self {
        Self { view, next: 0 }
    }

    fn next(&mut self) -> String {
        self.next += 1;
        format!("a{}-{}", self.view, self.next)
    }
}

/// A figure as HTML, drawn so many units wide.
///
/// # Errors
/// Where a picture cannot be encoded.
pub(super) fn drawn(figure: &Figure, width: f32, ids: &mut Ids) -> Result<String, NotebookError> {
    let mut html = match figure {
        Figure::Table(rows) => table(rows),
        Figure::Comparison(comparison) => {
            let mut html = format!("<p class=\"title\">{}</p>", escaped(&comparison.title));
            for panel in &comparison.panels {
                match panel {
                    Panel::Joint(figure) => html += &drawn(figure, width, ids)?,
                    Panel::Pair(pair) => {
                        html += "<div class=\"pair\">";
                        for figure in pair.iter() {
                            html += &format!("<div>{}</div>", drawn(figure, width / 2.0, ids)?);
                        }
                        html += "</div>";
                    }
                }
            }
            return Ok(html);
        }
        Figure::Chart(_)
        | Figure::Scatter(_)
        | Figure::EmbeddedImages(_)
        | Figure::Histograms(_)
        | Figure::Images(_)
        | Figure::Sheet(_)
        | Figure::Network(_) => {
            let (scene, height) = body(figure, width, STYLE);
            let picture = svg(&scene, [width, height.ceil()], &says(figure), &ids.next())?;
            format!("<p class=\"title\">{}</p><div class=\"picture\">{picture}</div>", escaped(figure.title()))
        }
    };
    // Those of an embedding are in its picture.
    if !matches!(figure, Figure::Scatter(_)) {
        html.extend(figure.notes().iter().map(|note| format!("<p class=\"note\">{}</p>", escaped(note))));
    }
    Ok(html)
}

/// What a figure shows, for who cannot see it.
fn says(figure: &Figure) -> String {
    let parts = |names: Vec<String>| names.join("; ");
    let more = match figure {
        Figure::Chart(chart) => parts(
            chart
                .series
                .iter()
                .filter_map(|series| {
                    let first = series.points.iter().find(|point| point[1].is_finite())?;
                    let last = series.points.iter().rfind(|point| point[1].is_finite())?;
                    let [from, to] = [first[1], last[1]].map(crate::look::number);
                    Some(format!("{}: from {from} to {to}", series.name))
                })
                .collect(),
        ),
        Figure::Scatter(scatter) => parts(scatter.groups.iter().map(|group| group.name.clone()).collect()),
        Figure::Histograms(figure) => {
            let of = |panel: &HistogramPanel| match (panel.steps.first(), panel.steps.last()) {
                (Some(first), Some(last)) => format!("{}: steps {} to {}", panel.name, first.step, last.step),
                _ => panel.name.clone(),
            };
            parts(figure.panels.iter().map(of).collect())
        }
        Figure::EmbeddedImages(figure) => {
            let of = |panel: &EmbeddedPanel| format!("{}: {}", panel.name, panel.notes.join(", "));
            parts(figure.panels.iter().map(of).collect())
        }
        Figure::Images(grid) => parts(grid.rows.iter().map(|row| row.label.clone()).collect()),
        Figure::Sheet(sheet) => {
            let lines = |picture: &CaptionedImage| {
                picture.captions.iter().map(|caption| caption.text.as_str()).collect::<Vec<_>>().join(", ")
            };
            parts(sheet.pictures.iter().map(lines).collect())
        }
        Figure::Network(network) => parts(network.columns.iter().map(|column| column.layer.to_string()).collect()),
        Figure::Table(_) | Figure::Comparison(_) => String::new(),
    };
    if more.is_empty() { figure.title().to_owned() } else { format!("{}. {more}", figure.title()) }
}

fn table(rows: &TableFigure) -> String {
    let side = |place: usize| match rows.columns.get(place) {
        Some(column) if column.numeric => " class=\"n\"",
        _ => "",
    };
    let title = escaped(&rows.title);
    let mut html = format!("<p class=\"title\">{title}</p><div class=\"scroll\"><table aria-label=\"{title}\">");
    if rows.columns.iter().any(|column| !column.name.is_empty()) {
        html += "<thead><tr>";
        for (place, column) in rows.columns.iter().enumerate() {
            html += &format!("<th scope=\"col\"{}>{}</th>", side(place), escaped(&column.name));
        }
        html += "</tr></thead>";
    }
    html += "<tbody>";
    for (row, cells) in rows.rows.iter().enumerate() {
        html += "<tr>";
        for (place, cell) in cells.iter().enumerate() {
            let shade = place.checked_sub(1).and_then(|place| rows.shades.get(row)?.get(place));
            let shade = shade.map_or_else(String::new, |shade| {
                let colour = match rows.signed {
                    true if *shade < 0.0 => ";--a:#4393c3",
                    true => ";--a:#d6604d",
                    false => "",
                };
                format!(" style=\"--shade:{:.0}%{colour}\"", 100.0 * shade.abs())
            });
            let tag = if place == 0 { "th scope=\"row\"" } else { "td" };
            let end = if place == 0 { "th" } else { "td" };
            html += &format!("<{tag}{}{shade}>{}</{end}>", side(place), escaped(cell));
        }
        html += "</tr>";
    }
    html + "</tbody></table></div>"
}

/// The data of a figure as comma-separated values; `None` of pictures, whose numbers are
/// in the store.
pub(super) fn data(figure: &Figure) -> Option<String> {
    let row = |cells: Vec<String>| cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",") + "\n";
    Some(match figure {
        Figure::Table(rows) => {
            let heading = row(rows.columns.iter().map(|column| column.name.clone()).collect());
            heading + &rows.rows.iter().map(|cells| row(cells.clone())).collect::<String>()
        }
        Figure::Chart(chart) => curves(chart),
        Figure::Scatter(scatter) => {
            let heading = "group,layer,filter,x,y\n".to_owned();
            let points = scatter.points.iter().map(|point| {
                let group = scatter.groups.get(point.group).map_or_else(String::new, |group| group.name.clone());
                let [x, y] = point.position.map(|value| value.to_string());
                row(vec![group, point.layer.to_string(), point.filter.number.to_string(), x, y])
            });
            heading + &points.collect::<String>()
        }
        Figure::Histograms(figure) => {
            let edges = bin_edges(figure.range, figure.bins as usize).ok()?;
            let of_step = |panel: &HistogramPanel, step: &StepHistogram| {
                let line = |(bin, count): (usize, &u64)| {
                    let [from, to] = [edges[bin], edges[bin + 1]].map(|edge| edge.to_string());
                    row(vec![panel.name.clone(), step.step.to_string(), from, to, count.to_string()])
                };
                step.counts.iter().enumerate().map(line).collect::<String>()
            };
            let of_panel =
                |panel: &HistogramPanel| panel.steps.iter().map(|step| of_step(panel, step)).collect::<String>();
            "branch,step,low,high,count\n".to_owned() + &figure.panels.iter().map(of_panel).collect::<String>()
        }
        Figure::EmbeddedImages(figure) => {
            let heading = "address,image,class,predicted,x,y\n".to_owned();
            let class = |class: u32| figure.classes.get(class as usize).cloned().unwrap_or_else(|| class.to_string());
            let of_panel = |panel: &EmbeddedPanel| {
                let points = figure.images.iter().zip(&panel.predicted).zip(&panel.positions);
                let line = |((image, predicted), position): ((&EmbeddedImage, &Option<u32>), &[f64; 2])| {
                    let [x, y] = position.map(|value| value.to_string());
                    let name = panel.name.clone();
                    let predicted = predicted.map(class).unwrap_or_default();
                    row(vec![name, image.image.to_string(), class(image.class), predicted, x, y])
                };
                points.map(line).collect::<String>()
            };
            heading + &figure.panels.iter().map(of_panel).collect::<String>()
        }
        Figure::Images(_) | Figure::Sheet(_) | Figure::Network(_) | Figure::Comparison(_) => return None,
    })
}

fn curves(chart: &Chart) -> String {
    let mut text = format!("series,{},{},low,high\n", quoted(&chart.x.label), quoted(&chart.y.label));
    for series in &chart.series {
        for (place, [x, y]) in series.points.iter().enumerate() {
            let bounds = series.bounds.get(place).map_or_else(|| ",".to_owned(), |[low, high]| format!("{low},{high}"));
            text += &format!("{},{x},{y},{bounds}\n", quoted(&series.name));
        }
    }
    text
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
