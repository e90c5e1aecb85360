//! Curves over the training: the chart of the loss, and the timeline's lanes.

use iced::widget::canvas::{self, Action, Event, Frame, Geometry, Path, Stroke, path};
use iced::{Color, Point, Rectangle, Renderer, Size, Theme, keyboard, mouse};
use revacnn_schemas::{Chart, Hue, MarkKind, Scale, Series, Step};

use crate::app::{Message, State};
use crate::draw::{Align, count, label, number, ticks};
use crate::look::Look;
use crate::time::Move;

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
fn transformed(value: f64, scale: Scale) -> Option<f64> {
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

fn line(frame: &mut Frame<Renderer>, run: &[Point], color: Color, width: f32, dashed: bool) {
    let mut builder = path::Builder::new();
    builder.move_to(run[0]);
    run[1..].iter().for_each(|point| builder.line_to(*point));
    let mut stroke = Stroke::default().with_color(color).with_width(width);
    if dashed {
        stroke.line_dash = canvas::LineDash { segments: &[4.0, 3.0], offset: 0 };
    }
    if run.len() == 1 {
        frame.fill(&Path::circle(run[0], width), color);
    } else {
        frame.stroke(&builder.build(), stroke);
    }
}

/// The chart of the loss.
pub(crate) struct LossChart<'a>(pub(crate) &'a State);

const LEFT: f32 = 52.0;
const BOTTOM: f32 = 20.0;
const TOP: f32 = 8.0;
const RIGHT: f32 = 12.0;

fn plot_area(size: Size) -> Rectangle {
    let (width, height) = ((size.width - LEFT - RIGHT).max(1.0), (size.height - TOP - BOTTOM).max(1.0));
    Rectangle { x: LEFT, y: TOP, width, height }
}

impl LossChart<'_> {
    fn chart(&self) -> Option<&Chart> {
        self.0.loss.as_ref().and_then(|chart| chart.as_ref().ok())
    }

    fn x_at(&self, area: Rectangle, step: f64) -> f32 {
        let [first, last] = self.0.time.all;
        area.x + area.width * ((step - first as f64) / (last.max(first + 1) - first) as f64) as f32
    }

    fn step_at(&self, area: Rectangle, x: f32) -> Step {
        let [first, last] = self.0.time.all;
        let fraction = f64::from(((x - area.x) / area.width).clamp(0.0, 1.0));
        Step(first + ((last.max(first + 1) - first) as f64 * fraction).round() as u64)
    }
}

/// Whether the button is held down on a canvas.
#[derive(Debug, Default)]
pub(crate) struct Held(bool);

/// A drag or click along a canvas, as a step.
fn scrub(
    held: &mut Held,
    event: &Event,
    bounds: Rectangle,
    cursor: mouse::Cursor,
    step: impl Fn(Point) -> Step,
) -> Option<Action<Message>> {
    match event {
        Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
            let at = cursor.position_in(bounds)?;
            held.0 = true;
            Some(Action::publish(Message::Go(Move::To(step(at)))).and_capture())
        }
        Event::Mouse(mouse::Event::CursorMoved { .. }) if held.0 => {
            let at = cursor.position_from(bounds.position())?;
            Some(Action::publish(Message::Go(Move::To(step(at)))).and_capture())
        }
        Event::Mouse(mouse::Event::ButtonReleased(mouse::Button::Left)) if held.0 => {
            held.0 = false;
            Some(Action::capture())
        }
        _ => None,
    }
}

impl canvas::Program<Message> for LossChart<'_> {
    type State = Held;

    fn update(
        &self,
        held: &mut Held,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        let area = plot_area(bounds.size());
        scrub(held, event, bounds, cursor, |at| self.step_at(area, at.x))
    }

    fn draw(&self, _: &Held, renderer: &Renderer, theme: &Theme, bounds: Rectangle, _: mouse::Cursor) -> Vec<Geometry> {
        let look = Look::of(theme);
        let area = plot_area(bounds.size());
        let Some(chart) = self.chart() else { return Vec::new() };
        let scale = chart.y.scale;
        let Some([low, high]) = range(&chart.series, scale) else { return Vec::new() };
        let y_at = |value: f64| area.y + area.height * (1.0 - ((value - low) / (high - low)) as f32);
        let curves = self.0.caches.curves.draw(renderer, bounds.size(), |frame| {
            for tick in ticks(low, high, (area.height / 40.0).max(2.0) as usize) {
                let y = y_at(tick);
                frame.fill_rectangle(
                    Point::new(area.x, y.round()),
                    Size::new(area.width, 1.0),
                    Color { a: 0.5, ..look.line },
                );
                let value = if scale == Scale::Logarithmic { 10_f64.powf(tick) } else { tick };
                label(frame, number(value), Point::new(area.x - 8.0, y), look.faint, Align::Right);
            }
            let [first, last] = self.0.time.all;
            for tick in ticks(first as f64, last as f64, (area.width / 110.0).max(2.0) as usize) {
                let at = Point::new(self.x_at(area, tick), area.y + area.height + 10.0);
                label(frame, count(tick as u64), at, look.faint, Align::Middle);
            }
            let selected = self.0.branch().map(|branch| branch.hue);
            let mut order: Vec<&Series> = chart.series.iter().collect();
            order.sort_by_key(|series| Some(series.hue) == selected);
            for series in order {
                let color = look.branch(series.hue);
                let bounds: Vec<([f64; 2], f64)> =
                    series.bounds.iter().zip(&series.points).map(|(bounds, point)| (*bounds, point[0])).collect();
                band(
                    frame,
                    &bounds,
                    |x, y| transformed(y, scale).map(|y| Point::new(self.x_at(area, x), y_at(y.clamp(low, high)))),
                    color,
                );
                let width = if Some(series.hue) == selected { 2.0 } else { 1.5 };
                for run in runs(&series.points, |[x, y]| {
                    transformed(y, scale).map(|y| Point::new(self.x_at(area, x), y_at(y)))
                }) {
                    line(frame, &run, color, width, series.dashed);
                }
            }
            for mark in chart.marks.iter().filter(|mark| mark.kind == MarkKind::Fork) {
                let at = Point::new(self.x_at(area, mark.x), area.y + area.height);
                frame.fill(&diamond(at, 4.0), look.branch(mark.hue));
            }
        });
        let mut above = Frame::new(renderer, bounds.size());
        let x = self.x_at(area, self.0.time.cursor.0 as f64);
        above.fill_rectangle(Point::new(x.round(), area.y), Size::new(1.0, area.height), look.accent);
        vec![curves, above.into_geometry()]
    }

    fn mouse_interaction(&self, held: &Held, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        if held.0 || cursor.is_over(bounds) {
            mouse::Interaction::ResizingHorizontally
        } else {
            mouse::Interaction::default()
        }
    }
}

/// What lies between the smallest and the largest value about each point.
fn band(
    frame: &mut Frame<Renderer>,
    bounds: &[([f64; 2], f64)],
    place: impl Fn(f64, f64) -> Option<Point>,
    color: Color,
) {
    let corners: Option<Vec<Point>> = bounds
        .iter()
        .map(|([low, _], x)| place(*x, *low))
        .chain(bounds.iter().rev().map(|([_, high], x)| place(*x, *high)))
        .filter(Option::is_some)
        .collect();
    let Some(corners) = corners.filter(|corners| corners.len() > 2) else { return };
    let mut builder = path::Builder::new();
    builder.move_to(corners[0]);
    corners[1..].iter().for_each(|corner| builder.line_to(*corner));
    builder.close();
    frame.fill(&builder.build(), Color { a: 0.13, ..color });
}

fn diamond(at: Point, size: f32) -> Path {
    Path::new(|builder| {
        builder.move_to(Point::new(at.x, at.y - size));
        builder.line_to(Point::new(at.x + size, at.y));
        builder.line_to(Point::new(at.x, at.y + size));
        builder.line_to(Point::new(at.x - size, at.y));
        builder.close();
    })
}

/// A lane a shown branch, with one cursor for all.
pub(crate) struct Lanes<'a>(pub(crate) &'a State);

const NAMES: f32 = 112.0;

impl Lanes<'_> {
    fn fraction(bounds: Rectangle, x: f32) -> f64 {
        f64::from((x - NAMES) / (bounds.width - NAMES - 16.0).max(1.0))
    }
}

impl canvas::Program<Message> for Lanes<'_> {
    type State = Held;

    fn update(
        &self,
        held: &mut Held,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        match event {
            Event::Mouse(mouse::Event::WheelScrolled { delta }) => {
                let at = cursor.position_in(bounds)?;
                let lines = match delta {
                    mouse::ScrollDelta::Lines { y, .. } => *y,
                    mouse::ScrollDelta::Pixels { y, .. } => *y / 40.0,
                };
                let fraction = Self::fraction(bounds, at.x).clamp(0.0, 1.0);
                Some(Action::publish(Message::Zoom { factor: 1.25_f64.powf(lines.into()), fraction }).and_capture())
            }
            Event::Window(iced::window::Event::RedrawRequested(_)) if self.0.playing => {
                Some(Action::publish(Message::Tick))
            }
            _ => scrub(held, event, bounds, cursor, |at| self.0.time.step_at(Self::fraction(bounds, at.x))),
        }
    }

    fn draw(&self, _: &Held, renderer: &Renderer, theme: &Theme, bounds: Rectangle, _: mouse::Cursor) -> Vec<Geometry> {
        let look = Look::of(theme);
        let width = (bounds.width - NAMES - 16.0).max(1.0);
        let x_at = |step: f64| NAMES + width * self.0.time.fraction(step) as f32;
        let inside = |x: f32| (NAMES..=NAMES + width).contains(&x);
        let shown = self.0.shown();
        let lanes = shown.len().clamp(1, 6);
        let height = ((bounds.height - 18.0) / lanes as f32).min(30.0);
        let chart = self.0.loss.as_ref().and_then(|chart| chart.as_ref().ok());
        let drawn = self.0.caches.lanes.draw(renderer, bounds.size(), |frame| {
            let common = chart.and_then(|chart| range(&chart.series, Scale::Linear));
            for (lane, name) in shown.iter().take(lanes).enumerate() {
                let top = lane as f32 * height;
                let branch = self.0.branches.iter().find(|branch| branch.name == *name);
                let Some(branch) = branch else { continue };
                let color = look.branch(branch.hue);
                let bold = Some(name) == self.0.selected.as_ref();
                let text: String = name.as_str().chars().take(14).collect();
                let ink = if bold { look.ink } else { look.faint };
                label(frame, text, Point::new(12.0, top + height / 2.0), ink, Align::Left);
                let base = (top + height - 3.0).round();
                frame.fill_rectangle(Point::new(NAMES, base), Size::new(width, 1.0), look.line);
                if let (Some(chart), Some([low, high])) = (chart, common) {
                    for series in chart.series.iter().filter(|series| series.hue == branch.hue && !series.dashed) {
                        let place = |[x, y]: [f64; 2]| {
                            let x = x_at(x);
                            let y = base - (height - 7.0) * ((y - low) / (high - low)) as f32;
                            (inside(x) && y.is_finite()).then_some(Point::new(x, y))
                        };
                        for run in runs(&series.points, place) {
                            line(frame, &run, color, if bold { 2.0 } else { 1.25 }, false);
                        }
                    }
                }
                let fork = x_at(branch.fork_step.0 as f64);
                if branch.parent.is_some() && inside(fork) {
                    frame.fill(&diamond(Point::new(fork, base - 5.0), 4.5), color);
                }
                for event in branch.events.iter().filter(|event| event.kind == "diverged") {
                    let x = x_at(event.step.0 as f64);
                    if inside(x) {
                        frame.fill(&diamond(Point::new(x, base - 5.0), 4.5), look.alarm);
                    }
                }
            }
            if shown.len() > lanes {
                let more = format!("and {} more", shown.len() - lanes);
                label(frame, more, Point::new(12.0, bounds.height - 9.0), look.faint, Align::Left);
            }
            let ends = [self.0.time.step_at(0.0), self.0.time.step_at(1.0)];
            for tick in ticks(ends[0].0 as f64, ends[1].0 as f64, (width / 120.0).max(2.0) as usize) {
                if tick.fract() == 0.0 {
                    let at = Point::new(x_at(tick), bounds.height - 9.0);
                    label(frame, count(tick as u64), at, look.faint, Align::Middle);
                }
            }
        });
        let mut above = Frame::new(renderer, bounds.size());
        let x = x_at(self.0.time.cursor.0 as f64);
        if inside(x) {
            above.fill_rectangle(Point::new(x.round() - 1.0, 0.0), Size::new(2.0, bounds.height - 18.0), look.accent);
            above.fill(&diamond(Point::new(x.round(), bounds.height - 19.0), 5.0), look.accent);
        }
        vec![drawn, above.into_geometry()]
    }

    fn mouse_interaction(&self, held: &Held, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        if held.0 || cursor.is_over(bounds) {
            mouse::Interaction::ResizingHorizontally
        } else {
            mouse::Interaction::default()
        }
    }
}

/// What a key does.
pub(crate) fn key(key: &keyboard::Key, modifiers: keyboard::Modifiers, page_steps: u64) -> Option<Message> {
    use keyboard::Key::{Character, Named};
    use keyboard::key::Named as N;
    let by = if modifiers.shift() { 10 } else { 1 };
    let page = i64::try_from(page_steps.max(1)).unwrap_or(i64::MAX);
    Some(match key.as_ref() {
        Named(N::ArrowLeft) => Message::Go(Move::By(-by)),
        Named(N::ArrowRight) => Message::Go(Move::By(by)),
        Named(N::PageUp) => Message::Go(Move::By(-page)),
        Named(N::PageDown) => Message::Go(Move::By(page)),
        Named(N::Home) => Message::Go(Move::First),
        Named(N::End) => Message::Go(Move::Last),
        Named(N::Escape) => Message::Escape,
        Character("g") => Message::GoTo(Some(String::new())),
        Character("?") => Message::Help(true),
        Character(digit) => {
            let number = digit.parse::<usize>().ok().filter(|number| (1..=9).contains(number))?;
            Message::LayerNumber(number - 1)
        }
        _ => return None,
    })
}

/// The colour of a branch's mark in the tree.
pub(crate) fn hue_color(theme: &Theme, hue: Hue) -> Color {
    Look::of(theme).branch(hue)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_ends_a_run_and_empty_runs_are_left_out() {
        let points = [[0.0, f64::NAN], [1.0, 1.0], [2.0, 2.0], [3.0, f64::NAN], [4.0, 4.0]];
        let place = |[x, y]: [f64; 2]| y.is_finite().then(|| Point::new(x as f32, y as f32));
        let lengths: Vec<usize> = runs(&points, place).iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1]);
    }

    #[test]
    fn what_is_not_positive_is_no_part_of_a_logarithmic_range() {
        let series = [Series {
            name: "main".to_owned(),
            hue: Hue(0),
            dashed: false,
            points: vec![[0.0, -1.0], [1.0, 0.1], [2.0, 10.0]],
            bounds: Vec::new(),
        }];
        let [low, high] = range(&series, Scale::Logarithmic).unwrap();
        assert!(low < -1.0 && low > -1.3 && high > 1.0 && high < 1.3);
        assert!(range(&[], Scale::Linear).is_none());
    }
}
