//! Curves over the training.

use iced::widget::canvas::{self, Action, Event, Frame, Geometry, Path, Stroke, path};
use iced::{Color, Point, Rectangle, Renderer, Size, Theme, mouse};
use revacnn_notebook::XAxis;
use revacnn_recorder::StepRow;
use revacnn_schemas::{Chart, Hue, MarkKind, Scale, Series, Step};

use super::draw::{Align, count, label, number, ticks};
use super::{Pointer, diamond, scrub};
use crate::cells::Slot;
use crate::look::Look;
use crate::message::Message;
use crate::state::State;

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

/// Draws a run of points.
pub(crate) fn line(frame: &mut Frame<Renderer>, run: &[Point], color: Color, width: f32, dashed: bool) {
    if run.len() == 1 {
        return frame.fill(&Path::circle(run[0], width), color);
    }
    let mut builder = path::Builder::new();
    builder.move_to(run[0]);
    run[1..].iter().for_each(|point| builder.line_to(*point));
    let mut stroke = Stroke::default().with_color(color).with_width(width);
    if dashed {
        stroke.line_dash = canvas::LineDash { segments: &[4.0, 3.0], offset: 0 };
    }
    frame.stroke(&builder.build(), stroke);
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
    area: Rectangle,
    x: [f64; 2],
    y: [f64; 2],
    scale: Scale,
}

impl Plot {
    /// The places of a chart within a space; `x` are the axis' ends, those of
    /// the curves if `None`.
    pub(crate) fn of(chart: &Chart, x: Option<[f64; 2]>, size: Size) -> Option<Self> {
        let [left, top, right, bottom] = [52.0, 8.0, 12.0, 20.0];
        let width = (size.width - left - right).max(1.0);
        let area = Rectangle { x: left, y: top, width, height: (size.height - top - bottom).max(1.0) };
        let y = range(&chart.series, chart.y.scale)?;
        let all = chart.series.iter().flat_map(|series| &series.points).map(|point| point[0]);
        let [low, high] = x.unwrap_or_else(|| {
            all.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)])
        });
        let x = if low < high { [low, high] } else { [low, low + 1.0] };
        Some(Self { area, x, y, scale: chart.y.scale })
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

    fn place(&self, [x, y]: [f64; 2]) -> Option<Point> {
        let y = transformed(y, self.scale)?;
        Some(Point::new(self.x_at(x), self.y_at(y.clamp(self.y[0], self.y[1]))))
    }

    fn axes(&self, frame: &mut Frame<Renderer>, look: &Look) {
        for tick in ticks(self.y[0], self.y[1], (self.area.height / 26.0).max(2.0) as usize) {
            let y = self.y_at(tick);
            let faded = Color { a: 0.5, ..look.line };
            frame.fill_rectangle(Point::new(self.area.x, y.round()), Size::new(self.area.width, 1.0), faded);
            let value = if self.scale == Scale::Logarithmic { 10_f64.powf(tick) } else { tick };
            label(frame, number(value), Point::new(self.area.x - 8.0, y), look.faint, Align::Right);
        }
        for tick in ticks(self.x[0], self.x[1], (self.area.width / 110.0).max(2.0) as usize) {
            let at = Point::new(self.x_at(tick), self.area.y + self.area.height + 10.0);
            let whole = tick.fract() == 0.0 && tick >= 0.0;
            let text = if whole { count(tick as u64) } else { number(tick) };
            let at_end = at.x + 24.0 > self.area.x + self.area.width;
            label(frame, text, at, look.faint, if at_end { Align::Right } else { Align::Middle });
        }
    }

    fn curves(&self, frame: &mut Frame<Renderer>, chart: &Chart, selected: Option<Hue>, look: &Look) {
        let mut order: Vec<&Series> = chart.series.iter().collect();
        order.sort_by_key(|series| Some(series.hue) == selected);
        for series in order {
            let color = look.branch(series.hue);
            if Some(series.hue) == selected {
                self.band(frame, series, color);
            }
            let width = if Some(series.hue) == selected { 2.0 } else { 1.5 };
            for run in runs(&series.points, |point| self.place(point)) {
                line(frame, &run, color, width, series.dashed);
            }
        }
        for mark in chart.marks.iter().filter(|mark| mark.kind == MarkKind::Fork) {
            let at = Point::new(self.x_at(mark.x), self.area.y + self.area.height);
            frame.fill(&diamond(at, 4.0), look.branch(mark.hue));
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

    /// Values of every curve at a place, beside a hair.
    fn readout(&self, frame: &mut Frame<Renderer>, chart: &Chart, at: Point, look: &Look) {
        if !self.area.contains(at) {
            return;
        }
        let x = self.value_at(at.x);
        let unit = chart.y.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
        // As many as there is room for, training first.
        let (train, others): (Vec<&Series>, Vec<&Series>) = chart.series.iter().partition(|series| !series.dashed);
        let lines: Vec<(String, Color)> = train
            .into_iter()
            .chain(others)
            .filter_map(|series| {
                let [_, value] = nearest(&series.points, x)?;
                let name = series.name.split(',').next().unwrap_or(&series.name);
                Some((format!("{name}  {}{unit}", number(value)), look.branch(series.hue)))
            })
            .take(((self.area.height / 16.0) as usize).clamp(2, 10) - 1)
            .collect();
        let hair = Color { a: 0.6, ..look.faint };
        frame.fill_rectangle(Point::new(at.x.round(), self.area.y), Size::new(1.0, self.area.height), hair);
        let size = Size::new(190.0, 16.0 * (lines.len() + 1) as f32 + 8.0);
        let left =
            if at.x + size.width + 12.0 > self.area.x + self.area.width { at.x - size.width - 8.0 } else { at.x + 8.0 };
        let top = (at.y - size.height / 2.0).clamp(0.0, (self.area.y + self.area.height + 16.0 - size.height).max(0.0));
        frame.fill(&Path::rounded_rectangle(Point::new(left, top), size, 4.0.into()), Color { a: 0.94, ..look.raised });
        let head = format!("{} {}", chart.x.label, if x >= 100.0 { count(x.round() as u64) } else { number(x) });
        label(frame, head, Point::new(left + 8.0, top + 12.0), look.faint, Align::Left);
        for (place, (text, color)) in lines.into_iter().enumerate() {
            let y = top + 12.0 + 16.0 * (place + 1) as f32;
            frame.fill(&Path::circle(Point::new(left + 11.0, y), 3.0), color);
            label(frame, text, Point::new(left + 20.0, y), look.ink, Align::Left);
        }
    }
}

/// Passes over the training images at a row of `steps`; how long the first
/// pass is, only a row past it tells.
pub(crate) fn epoch(row: &StepRow) -> Option<f64> {
    let (epoch, offset) = (row.cursor.epoch.0 as f64, f64::from(row.cursor.offset));
    (epoch > 0.0).then(|| epoch + offset * epoch / (row.cursor.images_seen as f64 - offset).max(1.0))
}

/// A chart of the window: the loss, or the history of a filter.
pub(crate) struct ChartCanvas<'a> {
    pub(crate) state: &'a State,
    pub(crate) chart: &'a Chart,
    pub(crate) slot: Slot,
}

impl ChartCanvas<'_> {
    fn x(&self) -> XAxis {
        if self.slot == Slot::Loss { self.state.settings.x } else { XAxis::Step }
    }

    fn plot(&self, size: Size) -> Option<Plot> {
        let [first, last] = self.state.time.all;
        let whole = [first as f64, last as f64];
        Plot::of(self.chart, (self.x() == XAxis::Step).then_some(whole), size)
    }

    /// Where the cursor lies on the axis.
    fn cursor(&self) -> Option<f64> {
        let branch = self.state.branch()?;
        let row = self.state.figures.row.as_ref();
        match self.x() {
            XAxis::Step => Some(self.state.time.cursor.0 as f64),
            XAxis::Fork => self.state.step_of(branch).0.checked_sub(branch.fork_step.0).map(|steps| steps as f64),
            XAxis::Images => row.map(|row| row.cursor.images_seen as f64),
            XAxis::Epoch => row.and_then(epoch),
        }
    }

    fn step_at(&self, x: f64) -> Option<Step> {
        let shift = match self.x() {
            XAxis::Step => 0.0,
            XAxis::Fork => self.state.branch()?.fork_step.0 as f64,
            XAxis::Images | XAxis::Epoch => return None,
        };
        Some(Step((x + shift).max(0.0).round() as u64))
    }
}

impl canvas::Program<Message> for ChartCanvas<'_> {
    type State = Pointer;

    fn update(
        &self,
        pointer: &mut Pointer,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        let plot = self.plot(bounds.size())?;
        let scrubbed = scrub(pointer, event, bounds, cursor, |at| self.step_at(plot.value_at(at.x)));
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
        let look = Look::of(theme);
        let Some(plot) = self.plot(bounds.size()) else { return Vec::new() };
        let cache = if self.slot == Slot::Loss { &self.state.caches.curves } else { &self.state.caches.history };
        let selected = self.state.branch().map(|branch| branch.hue);
        let curves = cache.draw(renderer, bounds.size(), |frame| {
            plot.axes(frame, look);
            plot.curves(frame, self.chart, selected, look);
        });
        let mut above = Frame::new(renderer, bounds.size());
        if let Some(x) = self.cursor().map(|x| plot.x_at(x)) {
            above.fill_rectangle(Point::new(x.round(), plot.area.y), Size::new(1.0, plot.area.height), look.accent);
        }
        if let Some(at) = pointer.over.filter(|_| !pointer.held) {
            plot.readout(&mut above, self.chart, at, look);
        }
        vec![curves, pointer.above.finish(above)]
    }

    fn mouse_interaction(&self, pointer: &Pointer, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        let scrubs = matches!(self.x(), XAxis::Step | XAxis::Fork);
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
}
