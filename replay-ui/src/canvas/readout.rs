//! What the curves of a chart are at the place that is pointed at: each value
//! with the step that it is of, the nearest curve first.

use iced::widget::canvas::{Frame, Path, Stroke};
use iced::{Color, Point, Renderer, Size};
use revacnn_notebook::scene::ChartLayout;
use revacnn_schemas::{Chart, Hue, Series};

use super::labels::{TextAlign, count, label, number, swatch};
use super::paint::rectangle;
use super::text::{fitted, width};
use crate::theme::{Colours, SWATCH};

/// The height of a line.
const LINE: f32 = 16.0;
/// The most that a curve's name takes of the width.
const NAME: f32 = 260.0;
/// How far beside the pointer, in pixels, what is measured now and then is
/// still pointed at.
const REACH: f32 = 10.0;

/// One curve at the place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Value {
    /// Its name, its value, and where that is of.
    pub(crate) text: String,
    hue: Hue,
    dashed: bool,
}

/// What is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Readout {
    at: Point,
    head: String,
    pub(crate) values: Vec<Value>,
    /// Curves that are here, too, and for which there is no room.
    pub(crate) more: usize,
}

impl Readout {
    /// The most curves that are told of, where there is room.
    pub(crate) const MOST: usize = 8;

    /// The curves of a chart at a point, at most so many lines of them; whether
    /// the axis has whole steps.
    pub(crate) fn at(plot: &ChartLayout, chart: &Chart, at: Point, whole: bool, lines: usize) -> Self {
        let pointed = plot.value_at(at.x);
        let x = if whole { pointed.round() } else { pointed };
        let place = |x: f64| if whole { count(x.max(0.0).round() as u64) } else { number(x) };
        let mut here: Vec<(f32, Value)> = Vec::new();
        for series in &chart.series {
            let Some(found) = there(series, x) else { continue };
            let point = series.points[found];
            if series.dashed && (plot.x_at(point[0]) - at.x).abs() > REACH {
                continue;
            }
            let Some(drawn) = plot.place(point) else { continue };
            let name = series.name.split(',').next().unwrap_or(&series.name);
            let first = series.begins.get(found).copied().filter(|first| *first < point[0]);
            let of = match first.map(&place) {
                Some(first) if whole => format!("mean of steps {first}–{}", place(point[0])),
                Some(first) => format!("mean from {first} to {}", place(point[0])),
                None => format!("at {}", place(point[0])),
            };
            let smoothed = if series.raw.is_empty() { "" } else { ", smoothed" };
            let text = format!("{}  {}  {of}{smoothed}", fitted(name, NAME), number(point[1]));
            here.push(((drawn[1] - at.y).abs(), Value { text, hue: series.hue, dashed: series.dashed }));
        }
        here.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        // The line that says how many there are more takes the place of one.
        let lines = lines.clamp(1, Self::MOST);
        let shown = if here.len() > lines { lines.saturating_sub(1).max(1) } else { lines };
        let more = here.len().saturating_sub(shown);
        let unit = chart.y.unit.as_deref().map(|unit| format!(" ({unit})")).unwrap_or_default();
        let head = format!("{} {} · {}{unit}", chart.x.label, place(x), chart.y.label);
        Self { at, head, values: here.into_iter().take(shown).map(|(_, value)| value).collect(), more }
    }

    /// Draws it beside a hair.
    pub(crate) fn draw(&self, frame: &mut Frame<Renderer>, plot: &ChartLayout, colours: &Colours) {
        let (at, area) = (self.at, rectangle(plot.area));
        let hair = Color { a: 0.6, ..colours.faint };
        frame.fill_rectangle(Point::new(at.x.round(), area.y), Size::new(1.0, area.height), hair);
        let more = match (self.values.len(), self.more) {
            (0, _) => Some("no curve is here".to_owned()),
            (_, 0) => None,
            (_, more) => Some(format!("and {more} more")),
        };
        let texts = self.values.iter().map(|value| width(&value.text) + SWATCH + 6.0);
        let widest = texts.chain([width(&self.head)]).chain(more.as_deref().map(width)).fold(0.0, f32::max);
        let lines = 1 + self.values.len() + usize::from(more.is_some());
        let size = Size::new((widest + 16.0).ceil(), LINE * lines as f32 + 8.0);
        let left = if at.x + size.width + 12.0 > area.x + area.width {
            (at.x - size.width - 8.0).max(0.0)
        } else {
            at.x + 8.0
        };
        // It may hang over beneath the chart, and not above it.
        let room = (area.y + area.height + 16.0 - size.height).max(0.0);
        let corner = Point::new(left.round(), (at.y - size.height / 2.0).clamp(0.0, room).round());
        let panel = Path::rounded_rectangle(corner, size, 4.0.into());
        frame.fill(&panel, Color { a: 0.97, ..colours.raised });
        frame.stroke(&panel, Stroke::default().with_color(colours.line).with_width(1.0));
        let y = |line: usize| corner.y + LINE * (line as f32 + 0.5) + 4.0;
        label(frame, self.head.clone(), Point::new(corner.x + 8.0, y(0)), colours.faint, TextAlign::Left);
        for (place, value) in self.values.iter().enumerate() {
            let at = Point::new(corner.x + 8.0, y(place + 1));
            if value.dashed {
                let middle = Point::new(at.x + SWATCH / 2.0, at.y);
                frame.fill(&Path::circle(middle, 3.0), colours.branch(value.hue));
            } else {
                swatch(frame, at, value.hue, colours);
            }
            label(frame, value.text.clone(), Point::new(at.x + SWATCH + 6.0, at.y), colours.ink, TextAlign::Left);
        }
        if let Some(more) = more {
            label(frame, more, Point::new(corner.x + 8.0, y(lines - 1)), colours.faint, TextAlign::Left);
        }
    }
}

/// The number of the point of a curve for a place on the axis, if the curve is there: a
/// mean over several steps is drawn at the last one of them.
fn there(series: &Series, x: f64) -> Option<usize> {
    let [first, last] = [series.points.first()?[0], series.points.last()?[0]];
    let stride = series.points.get(1).map_or(0.0, |second| second[0] - first);
    if series.dashed {
        return nearest(&series.points, x);
    }
    if !(x > first - stride && x <= last || x == first) {
        return None;
    }
    if series.begins.is_empty() {
        return nearest(&series.points, x);
    }
    // The mean that the place itself is in, although another one's point may lie nearer.
    let here = series.points.partition_point(|point| point[0] < x);
    series.points.get(here).is_some_and(|point| point[1].is_finite()).then_some(here)
}

/// The number of the point of a curve that lies nearest to a place on the axis.
fn nearest(points: &[[f64; 2]], x: f64) -> Option<usize> {
    let after = points.partition_point(|point| point[0] < x);
    let around = (after.saturating_sub(1)..points.len()).take(2).filter(|place| points[*place][1].is_finite());
    around.min_by(|a, b| (points[*a][0] - x).abs().total_cmp(&(points[*b][0] - x).abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::paint::STYLE;
    use revacnn_notebook::scene::ChartOptions;
    use revacnn_schemas::{Axis, Limits, Scale};

    fn series(name: &str, hue: u16, dashed: bool, points: Vec<[f64; 2]>) -> Series {
        Series {
            name: name.to_owned(),
            hue: Hue(hue),
            dashed,
            is_mean: false,
            points,
            bounds: Vec::new(),
            begins: Vec::new(),
            raw: Vec::new(),
        }
    }

    fn chart(series: Vec<Series>) -> Chart {
        let axis = |label: &str, unit: Option<&str>| Axis {
            label: label.to_owned(),
            unit: unit.map(str::to_owned),
            scale: Scale::Linear,
            limits: Limits::default(),
        };
        Chart {
            title: String::new(),
            x: axis("step", None),
            y: axis("loss", Some("nats")),
            series,
            marks: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// What is told at a step, at a height of the plot from 0 (above) to 1.
    fn told(chart: &Chart, step: f64, height: f32) -> (Vec<String>, usize) {
        let _ = crate::headless::renderer().unwrap();
        let options =
            ChartOptions { size: [900.0, 120.0], x: Some([0.0, 2000.0]), selected: None, names: 0.0, style: STYLE };
        let plot = ChartLayout::of(chart, &options).unwrap();
        let at = Point::new(plot.x_at(step), plot.area.y + plot.area.height * height);
        let readout = Readout::at(&plot, chart, at, true, Readout::MOST);
        (readout.values.into_iter().map(|value| value.text).collect(), readout.more)
    }

    #[test]
    fn the_nearest_point_is_told_and_a_gap_is_not() {
        let points = [[0.0, 1.0], [10.0, 2.0], [20.0, f64::NAN]];
        assert_eq!(nearest(&points, 6.0), Some(1));
        assert_eq!(nearest(&points, 4.0), Some(0));
        assert_eq!(nearest(&points, 99.0), None);
        assert_eq!(nearest(&[], 1.0), None);
    }

    #[test]
    fn only_what_is_there_is_told_each_with_its_step() {
        let every = |from: u64, to: u64, value: f64| (from..=to).step_by(5).map(|step| [step as f64, value]).collect();
        let mut chart = chart(vec![
            series("main train, mean of 5 steps", 0, false, every(5, 1350, 0.9)),
            series("main validation", 0, true, vec![[0.0, 2.0], [1350.0, 0.5]]),
            series("wider train, mean of 5 steps", 1, false, every(1355, 2000, 0.1)),
            series("wider validation", 1, true, vec![[2000.0, 0.2]]),
        ]);
        for series in chart.series.iter_mut().filter(|series| !series.dashed) {
            series.begins = series.points.iter().map(|[last, _]| last - 4.0).collect();
        }
        assert_eq!(told(&chart, 701.0, 0.5).0, ["main train  0.900  mean of steps 701–705"]);
        assert_eq!(
            told(&chart, 1350.0, 0.0).0,
            ["main train  0.900  mean of steps 1,346–1,350", "main validation  0.500  at 1,350"]
        );
        // `main` has ended; `wider` has not been validated yet.
        assert_eq!(told(&chart, 1600.0, 0.0).0, ["wider train  0.100  mean of steps 1,596–1,600"]);
        assert_eq!(told(&chart, 1353.0, 1.0).0[0], "wider train  0.100  mean of steps 1,351–1,355");
        assert_eq!(
            told(&chart, 1998.0, 1.0).0,
            ["wider train  0.100  mean of steps 1,996–2,000", "wider validation  0.200  at 2,000"]
        );
        // The last mean may be over one step, or over more than the others.
        chart.series.truncate(1);
        chart.series[0].begins = chart.series[0].points.iter().map(|[last, _]| *last).collect();
        chart.series[0].raw = chart.series[0].points.clone();
        assert_eq!(told(&chart, 700.0, 0.5).0, ["main train  0.900  at 700, smoothed"]);
    }

    #[test]
    fn the_nearest_curve_comes_first_and_what_has_no_room_is_counted() {
        let flat = |place: u16| {
            let points = (1..=2000).map(|step| [f64::from(step), f64::from(place)]).collect();
            series(&format!("b{place} train"), place, false, points)
        };
        let all = chart((0..31).map(flat).collect());
        let (lowest, more) = told(&all, 900.0, 1.0);
        assert_eq!((lowest.len(), more), (7, 24));
        assert_eq!((lowest[0].as_str(), lowest[1].as_str()), ("b0 train  0.000  at 900", "b1 train  1.000  at 900"));
        assert_eq!(told(&all, 900.0, 0.0).0[0], "b30 train  30.00  at 900");
        let few = chart((0..8).map(flat).collect());
        assert_eq!((told(&few, 900.0, 0.5).0.len(), told(&few, 900.0, 0.5).1), (8, 0));
    }
}
