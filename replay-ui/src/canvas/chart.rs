//! Curves over the training.

use iced::widget::canvas::{self, Action, Event, Frame, Geometry, Path, Stroke, path};
use iced::widget::{canvas as drawn, stack};
use iced::{Color, Element, Fill, Point, Rectangle, Renderer, Size, Theme, mouse};
use revacnn_schemas::{Chart, Hue, MarkKind, Scale, Series, Step};
use revacnn_store::StepRow;

use super::geometry_cache::Cache;
use super::labels::{TextAlign, axis_number, label, ticks};
use super::readout::Readout;
use super::text::{fitted, width};
use super::{Pointer, diamond, scrub};
use crate::figure::Message;
use crate::theme::Colours;

/// The most that a branch's name takes at the end of its curve, and its height.
const NAME: Size = Size::new(112.0, 14.0);
/// A chart less wide than this has no names at its curves.
const NARROW: f32 = 360.0;
/// Validations are marked no closer to one another.
const MARKS_APART: f32 = 5.0;

/// The lowest and highest value of some curves that can be drawn, a little
/// wider; `None` where there is nothing to draw.
pub(crate) fn range(series: &[Series], scale: Scale) -> Option<[f64; 2]> {
    let values = series.iter().flat_map(|series| series.points.iter().map(|point| point[1]));
    let drawable = values.filter_map(|value| transformed(value, scale));
    let (low, high) = drawable.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    (low <= high).then(|| {
        let room = ((high - low) * 0.06).max(1e-9);
        [low - room, high + room]
    })
}

/// A value as it is laid out; `None` is a gap.
pub(crate) fn transformed(value: f64, scale: Scale) -> Option<f64> {
    match scale {
        Scale::Linear => Some(value),
        Scale::Logarithmic => (value > 0.0).then(|| value.log10()),
    }
    .filter(|value| value.is_finite())
}

/// A curve as runs of points of the screen; a gap ends a run.
pub(crate) fn runs(points: &[[f64; 2]], place: impl Fn([f64; 2]) -> Option<Point>) -> Vec<Vec<Point>> {
    let mut runs: Vec<Vec<Point>> = vec![Vec::new()];
    for point in points {
        match place(*point) {
            Some(at) => runs.last_mut().expect("invariant: there is always a run").push(at),
            None if runs.last().is_some_and(|run| !run.is_empty()) => runs.push(Vec::new()),
            None => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// How a line is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pen {
    pub(crate) color: Color,
    pub(crate) width: f32,
    /// Strokes and gaps; none where it is whole.
    pub(crate) dash: &'static [f32],
}

/// Draws a run of points.
pub(crate) fn line(frame: &mut Frame<Renderer>, run: &[Point], pen: Pen) {
    if run.len() == 1 {
        return frame.fill(&Path::circle(run[0], pen.width), pen.color);
    }
    let mut builder = path::Builder::new();
    builder.move_to(run[0]);
    run[1..].iter().for_each(|point| builder.line_to(*point));
    let mut stroke = Stroke::default().with_color(pen.color).with_width(pen.width);
    stroke.line_dash = canvas::LineDash { segments: pen.dash, offset: 0 };
    frame.stroke(&builder.build(), stroke);
}

/// Draws what was measured now and then: a thin line through marks.
fn marked(frame: &mut Frame<Renderer>, run: &[Point], pen: Pen) {
    line(frame, run, Pen { color: Color { a: 0.55, ..pen.color }, width: 1.0, dash: &[] });
    let mut last = f32::NEG_INFINITY;
    for at in run {
        if at.x - last >= MARKS_APART {
            last = at.x;
            frame.fill(&Path::circle(*at, pen.width + 0.5), pen.color);
        }
    }
}

/// The point of a curve that lies nearest to a place on the axis.
pub(crate) fn nearest(points: &[[f64; 2]], x: f64) -> Option<[f64; 2]> {
    let after = points.partition_point(|point| point[0] < x);
    let around = points[after.saturating_sub(1)..].iter().take(2);
    around.filter(|point| point[1].is_finite()).min_by(|a, b| (a[0] - x).abs().total_cmp(&(b[0] - x).abs())).copied()
}

/// Where a chart's values lie on a canvas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plot {
    pub(crate) area: Rectangle,
    x: [f64; 2],
    y: [f64; 2],
    scale: Scale,
    /// Whether curves have the names of their branches at their ends.
    named: bool,
}

impl Plot {
    /// The places of a chart within a space; `x` are the axis' ends, those of
    /// the curves if `None`.
    pub(crate) fn of(chart: &Chart, x: Option<[f64; 2]>, size: Size) -> Option<Self> {
        let names = if size.width < NARROW { Vec::new() } else { named(chart) };
        let room = names.iter().map(|(name, _)| width(name)).fold(0.0, f32::max);
        let [left, top, right, bottom] = [52.0, 8.0, if room > 0.0 { room + 12.0 } else { 12.0 }, 20.0];
        let width = (size.width - left - right).max(1.0);
        let area = Rectangle { x: left, y: top, width, height: (size.height - top - bottom).max(1.0) };
        let y = range(&chart.series, chart.y.scale)?;
        let named = !names.is_empty();
        let all = chart.series.iter().flat_map(|series| &series.points).map(|point| point[0]);
        let [low, high] = x.unwrap_or_else(|| {
            all.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)])
        });
        let x = if low < high { [low, high] } else { [low, low + 1.0] };
        Some(Self { area, x, y, scale: chart.y.scale, named })
    }

    pub(crate) fn x_at(&self, x: f64) -> f32 {
        self.area.x + self.area.width * ((x - self.x[0]) / (self.x[1] - self.x[0])) as f32
    }

    fn y_at(&self, y: f64) -> f32 {
        self.area.y + self.area.height * (1.0 - ((y - self.y[0]) / (self.y[1] - self.y[0])) as f32)
    }

    /// The place on the axis under a point.
    pub(crate) fn value_at(&self, x: f32) -> f64 {
        self.x[0] + (self.x[1] - self.x[0]) * f64::from(((x - self.area.x) / self.area.width).clamp(0.0, 1.0))
    }

    /// Where a point of a curve lies; `None` for a gap.
    pub(crate) fn place(&self, [x, y]: [f64; 2]) -> Option<Point> {
        let y = transformed(y, self.scale)?;
        Some(Point::new(self.x_at(x), self.y_at(y.clamp(self.y[0], self.y[1]))))
    }

    fn axes(&self, frame: &mut Frame<Renderer>, colours: &Colours) {
        for tick in ticks(self.y[0], self.y[1], (self.area.height / 26.0).max(2.0) as usize) {
            let y = self.y_at(tick);
            let faded = Color { a: 0.5, ..colours.line };
            frame.fill_rectangle(Point::new(self.area.x, y.round()), Size::new(self.area.width, 1.0), faded);
            let value = if self.scale == Scale::Logarithmic { 10_f64.powf(tick) } else { tick };
            label(frame, axis_number(value), Point::new(self.area.x - 8.0, y), colours.faint, TextAlign::Right);
        }
        for tick in ticks(self.x[0], self.x[1], (self.area.width / 110.0).max(2.0) as usize) {
            let at = Point::new(self.x_at(tick), self.area.y + self.area.height + 10.0);
            let at_end = at.x + 24.0 > self.area.x + self.area.width;
            label(
                frame,
                axis_number(tick),
                at,
                colours.faint,
                if at_end { TextAlign::Right } else { TextAlign::Middle },
            );
        }
    }

    fn curves(&self, frame: &mut Frame<Renderer>, chart: &Chart, selected: Option<Hue>, colours: &Colours) {
        let mut order: Vec<&Series> = chart.series.iter().collect();
        order.sort_by_key(|series| Some(series.hue) == selected);
        for series in order {
            let color = colours.branch(series.hue);
            if Some(series.hue) == selected {
                self.band(frame, series, color);
            }
            let width = if Some(series.hue) == selected { 2.0 } else { 1.5 };
            let pen = Pen { color, width, dash: Colours::dash(series.hue) };
            for run in runs(&series.points, |point| self.place(point)) {
                if series.dashed {
                    marked(frame, &run, pen);
                } else {
                    line(frame, &run, pen);
                }
            }
        }
        for mark in chart.marks.iter().filter(|mark| mark.kind == MarkKind::Fork) {
            let at = Point::new(self.x_at(mark.x), self.area.y + self.area.height);
            frame.fill(&diamond(at, 4.0), colours.branch(mark.hue));
        }
        if self.named {
            self.names(frame, chart, selected, colours);
        }
    }

    /// The branches' names at the ends of their curves, as many as find room;
    /// the selected one's first.
    fn names(&self, frame: &mut Frame<Renderer>, chart: &Chart, selected: Option<Hue>, colours: &Colours) {
        let mut names = named(chart);
        names.sort_by_key(|(_, series)| Some(series.hue) != selected);
        let mut taken: Vec<Rectangle> = Vec::new();
        for (name, series) in names {
            let Some(end) = series.points.iter().rev().find_map(|point| self.place(*point)) else { continue };
            let size = Size::new(width(&name) + 4.0, NAME.height);
            let Some(at) = free(&taken, Point::new(end.x + 4.0, end.y), size, self.area) else { continue };
            // Among the curves a name stands beside its own end, or not at all.
            let among = end.x < self.area.x + self.area.width - 1.0;
            if among && (at.center_y() - end.y).abs() > NAME.height {
                continue;
            }
            taken.push(at);
            // What it lies on shows through as little as it can.
            frame.fill_rectangle(at.position(), at.size(), Color { a: 0.75, ..colours.paper });
            label(frame, name, Point::new(at.x + 2.0, at.center_y()), colours.words(series.hue), TextAlign::Left);
        }
    }

    /// What lies between the smallest and the largest value about each point.
    fn band(&self, frame: &mut Frame<Renderer>, series: &Series, color: Color) {
        let with = |which: usize| {
            let bounds = series.bounds.iter().zip(&series.points);
            bounds.filter_map(move |(bounds, point)| self.place([point[0], bounds[which]]))
        };
        let (low, mut high): (Vec<Point>, Vec<Point>) = (with(0).collect(), with(1).collect());
        if low.len() + high.len() < 3 {
            return;
        }
        high.reverse();
        let mut builder = path::Builder::new();
        let mut corners = low.into_iter().chain(high);
        if let Some(first) = corners.next() {
            builder.move_to(first);
        }
        corners.for_each(|corner| builder.line_to(corner));
        builder.close();
        frame.fill(&builder.build(), Color { a: 0.13, ..color });
    }
}

/// What is named at its end: the training's curve of each branch, where there
/// are several.
fn named(chart: &Chart) -> Vec<(String, &Series)> {
    let curves: Vec<&Series> = chart.series.iter().filter(|series| !series.dashed).collect();
    if curves.iter().all(|series| series.hue == curves[0].hue) {
        return Vec::new();
    }
    // A series begins with its branch's name, which has no blanks.
    let name = |series: &Series| fitted(series.name.split(' ').next().unwrap_or_default(), NAME.width);
    curves.into_iter().map(|series| (name(series), series)).collect()
}

/// The nearest place beside the end of a curve that no other name has taken,
/// within the height of the plot.
fn free(taken: &[Rectangle], end: Point, size: Size, area: Rectangle) -> Option<Rectangle> {
    let most = (area.height - size.height).max(0.0);
    let places = (0..=6).flat_map(|away| [end.y - away as f32 * 7.0, end.y + away as f32 * 7.0]);
    places
        .map(|middle| {
            let top = (middle - size.height / 2.0).clamp(area.y, area.y + most).round();
            Rectangle::new(Point::new(end.x.round(), top), size)
        })
        .find(|at| taken.iter().all(|other| at.intersection(other).is_none()))
}

/// Passes over the training images at a row of `steps`; how long the first
/// pass is, only a row past it tells.
pub(crate) fn epoch(row: &StepRow) -> Option<f64> {
    let (epoch, offset) = (row.cursor.epoch.0 as f64, f64::from(row.cursor.offset));
    (epoch > 0.0).then(|| epoch + offset * epoch / (row.cursor.images_seen as f64 - offset).max(1.0))
}

/// How a drag along a chart moves the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scrub {
    /// The axis has steps, counted from this one.
    From(Step),
    /// The axis has no steps.
    No,
}

impl Scrub {
    fn has_steps(self) -> bool {
        self != Self::No
    }

    fn step_at(self, x: f64) -> Option<Step> {
        match self {
            Self::From(first) => Some(Step((x + first.0 as f64).max(0.0).round() as u64)),
            Self::No => None,
        }
    }
}

/// A chart of the window: the loss, or the history of a filter.
#[derive(Clone, Copy)]
pub(crate) struct ChartPlot<'a> {
    pub(crate) chart: &'a Chart,
    /// The curves: they change when the log grows.
    pub(crate) cache: &'a Cache,
    /// The branch whose curves lie above the others.
    pub(crate) selected: Option<Hue>,
    /// The ends of the axis; those of the curves if `None`.
    pub(crate) ends: Option<[f64; 2]>,
    /// Where the cursor lies on the axis.
    pub(crate) cursor: Option<f64>,
    pub(crate) scrub: Scrub,
    /// Whether there is room beyond the chart for what is told of a place.
    pub(crate) roomy: bool,
}

impl<'a> ChartPlot<'a> {
    /// The chart on the screen: what is pointed at lies above the curves and
    /// their words, and may reach beyond them.
    pub(crate) fn shown(self) -> Element<'a, Message> {
        let [below, above] =
            [Layer::Curves, Layer::Pointed].map(|layer| drawn(On(self, layer)).width(Fill).height(Fill));
        stack![below, above].width(Fill).height(Fill).into()
    }

    fn plot(&self, size: Size) -> Option<Plot> {
        Plot::of(self.chart, self.ends, size)
    }

    fn curves(&self, plot: &Plot, renderer: &Renderer, colours: &Colours, size: Size) -> Geometry {
        self.cache.draw(renderer, size, |frame| {
            plot.axes(frame, colours);
            plot.curves(frame, self.chart, self.selected, colours);
        })
    }

    fn pointed(
        &self,
        plot: &Plot,
        pointer: &Pointer,
        renderer: &Renderer,
        colours: &Colours,
        size: Size,
    ) -> Vec<Geometry> {
        let mut cursor = Frame::new(renderer, size);
        if let Some(x) = self.cursor.map(|x| plot.x_at(x)) {
            cursor.fill_rectangle(Point::new(x.round(), plot.area.y), Size::new(1.0, plot.area.height), colours.accent);
        }
        let mut pointed = Frame::new(renderer, size);
        if let Some(at) = pointer.over.filter(|at| !pointer.held && plot.area.contains(*at)) {
            let lines = if self.roomy { Readout::MOST } else { (plot.area.height / 16.0) as usize };
            let whole = self.scrub.has_steps();
            Readout::at(plot, self.chart, at, whole, lines).draw(&mut pointed, plot, colours);
        }
        vec![pointer.above.above(cursor), pointer.pointed.above(pointed)]
    }
}

/// What lies on which canvas of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    /// Axes and curves.
    Curves,
    /// The cursor, and what is pointed at.
    Pointed,
}

/// One canvas of a chart.
struct On<'a>(ChartPlot<'a>, Layer);

impl canvas::Program<Message> for On<'_> {
    type State = Pointer;

    fn update(
        &self,
        pointer: &mut Pointer,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        if self.1 == Layer::Curves {
            return None;
        }
        let plot = self.0.plot(bounds.size())?;
        let scrubbed =
            scrub(pointer, event, bounds, cursor, |at| self.0.scrub.step_at(plot.value_at(at.x)), Message::Go);
        if scrubbed.is_some() {
            return scrubbed;
        }
        if let Event::Mouse(mouse::Event::CursorMoved { .. } | mouse::Event::CursorLeft) = event {
            let over = cursor.position_in(bounds);
            if over != pointer.over {
                pointer.over = over;
                return Some(Action::request_redraw());
            }
        }
        None
    }

    fn draw(
        &self,
        pointer: &Pointer,
        renderer: &Renderer,
        theme: &Theme,
        bounds: Rectangle,
        _: mouse::Cursor,
    ) -> Vec<Geometry> {
        let (colours, size) = (Colours::of(theme), bounds.size());
        let Some(plot) = self.0.plot(size) else { return Vec::new() };
        match self.1 {
            Layer::Curves => vec![self.0.curves(&plot, renderer, colours, size)],
            Layer::Pointed => self.0.pointed(&plot, pointer, renderer, colours, size),
        }
    }

    fn mouse_interaction(&self, pointer: &Pointer, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        let scrubs = self.1 == Layer::Pointed && self.0.scrub.has_steps();
        if scrubs && (pointer.held || cursor.is_over(bounds)) {
            mouse::Interaction::ResizingHorizontally
        } else {
            mouse::Interaction::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revacnn_schemas::Axis;

    fn series(points: Vec<[f64; 2]>) -> Series {
        Series { name: "main".to_owned(), hue: Hue(0), dashed: false, points, bounds: Vec::new() }
    }

    #[test]
    fn a_gap_ends_a_run_and_empty_runs_are_left_out() {
        let points = [[0.0, f64::NAN], [1.0, 1.0], [2.0, 2.0], [3.0, f64::NAN], [4.0, 4.0]];
        let place = |[x, y]: [f64; 2]| y.is_finite().then(|| Point::new(x as f32, y as f32));
        let lengths: Vec<usize> = runs(&points, place).iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1]);
    }

    #[test]
    fn what_is_not_positive_is_no_part_of_a_logarithmic_range() {
        let series = [series(vec![[0.0, -1.0], [1.0, 0.1], [2.0, 10.0]])];
        let [low, high] = range(&series, Scale::Logarithmic).unwrap();
        assert!(low < -1.0 && low > -1.3 && high > 1.0 && high < 1.3);
        assert!(range(&[], Scale::Linear).is_none());
    }

    #[test]
    fn the_nearest_point_is_told_and_a_gap_is_not() {
        let points = [[0.0, 1.0], [10.0, 2.0], [20.0, f64::NAN]];
        assert_eq!(nearest(&points, 6.0), Some([10.0, 2.0]));
        assert_eq!(nearest(&points, 4.0), Some([0.0, 1.0]));
        assert_eq!(nearest(&points, 99.0), None);
        assert_eq!(nearest(&[], 1.0), None);
    }

    #[test]
    fn a_place_on_the_axis_is_found_again_under_its_point() {
        let axis = |scale| Axis { label: String::new(), unit: None, scale };
        let chart = Chart {
            title: String::new(),
            x: axis(Scale::Linear),
            y: axis(Scale::Linear),
            series: vec![series(vec![[0.0, 1.0], [100.0, 2.0]])],
            marks: Vec::new(),
            notes: Vec::new(),
        };
        let plot = Plot::of(&chart, Some([0.0, 200.0]), Size::new(600.0, 150.0)).unwrap();
        assert!((plot.value_at(plot.x_at(50.0)) - 50.0).abs() < 0.01);
        assert_eq!(plot.value_at(-40.0), 0.0);
        let own = Plot::of(&chart, None, Size::new(600.0, 150.0)).unwrap();
        assert!((own.value_at(9_999.0) - 100.0).abs() < 0.01);
    }

    #[test]
    fn each_of_several_curves_has_its_branchs_name_at_its_end_where_there_is_room() {
        let area = Rectangle { x: 50.0, y: 8.0, width: 400.0, height: 60.0 };
        let size = Size::new(60.0, 14.0);
        let mut taken = Vec::new();
        for _ in 0..6 {
            taken.extend(free(&taken, Point::new(454.0, 40.0), size, area));
        }
        assert_eq!(taken.len(), 3, "as many as find room");
        for (place, at) in taken.iter().enumerate() {
            assert!(at.y >= area.y && at.y + at.height <= area.y + area.height, "{at:?}");
            assert!(taken[..place].iter().all(|other| at.intersection(other).is_none()), "{at:?}");
        }
        // What ends elsewhere has a place of its own.
        assert_eq!(free(&taken, Point::new(200.0, 40.0), size, area).map(|at| at.center_y()), Some(40.0));
    }
}
