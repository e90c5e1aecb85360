//! The timeline: a lane a shown branch, one cursor for all.

use std::time::Instant;

use iced::widget::canvas::{self, Action, Event, Frame, Geometry, Path, Stroke};
use iced::{Point, Rectangle, Renderer, Size, Theme, keyboard, mouse, window};
use revacnn_notebook::BranchSummary;
use revacnn_notebook::scene::{Role, Scene, range, runs};
use revacnn_recorder::DIVERGED;
use revacnn_schemas::{BranchName, Chart, Step};

use super::along::Along;
use super::geometry_cache::Cache;
use super::labels::{TextAlign, count, label, ticks};
use super::paint::paint;
use super::press::Presses;
use super::text::{fitted, width as text_width};
use super::{Pointer, diamond, scrub, turned};
use crate::sizes::{FOOT, LANE};
use crate::theme::Colours;
use crate::time::Time;

/// The least and the greatest room for names of branches, and their share of the width.
const NAMES: [f32; 2] = [112.0, 240.0];
const NAMES_SHARE: f32 = 0.08;
/// What of it is before and after a name.
const BESIDE_NAME: f32 = 20.0;
const RIGHT: f32 = 16.0;
/// The greatest height of a lane.
const HIGHEST: f32 = 60.0;
/// The width of the scroll bar, at the right edge.
const BAR: f32 = 10.0;
/// The most that a fork's edits take of the width.
const EDITS: f32 = 260.0;
/// The height that words take from a curve, and the least width that is worth them.
const WORDS: f32 = 13.0;
const LEAST_WORDS: f32 = 36.0;

/// What a press, a drag or the wheel says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// What is said along the steps.
    Along(Along),
    /// Draw lanes from that many further down.
    Scroll(isize),
    /// A lane's name was pressed.
    Select(BranchName),
    /// A frame is drawn while it plays.
    Tick(Instant),
}

/// The lane of a branch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lane<'a> {
    pub(crate) branch: &'a BranchSummary,
    /// How far it is moved along the timeline, in steps.
    pub(crate) shift: i64,
    pub(crate) selected: bool,
}

/// The timeline.
pub(crate) struct Timeline<'a> {
    pub(crate) lanes: Vec<Lane<'a>>,
    /// The lane that is drawn first.
    pub(crate) from: usize,
    pub(crate) time: &'a Time,
    pub(crate) playing: bool,
    /// Losses by step.
    pub(crate) chart: Option<&'a Chart>,
    /// Changes as the curves do, and when it is zoomed.
    pub(crate) cache: &'a Cache,
}

/// What the timeline remembers.
#[derive(Debug, Default)]
pub(crate) struct DragState {
    pointer: Pointer,
    /// Whether Shift is held: the wheel then scrolls.
    shift: bool,
    /// The scroll bar is held, so far below its upper end.
    bar: Option<f32>,
    /// The lane whose name is pointed at, counted from the first that is drawn.
    named: Option<usize>,
    /// Those along the lanes.
    presses: Presses,
    /// Where the cursor was before the last one.
    before: Option<Step>,
    /// What the wheel has turned and no lane has been scrolled for yet.
    turned: f32,
}

/// Lanes that are drawn at once so high; others are scrolled to.
pub(crate) fn fit(height: f32) -> usize {
    (((height - FOOT) / LANE) as usize).max(1)
}

/// The first lane that is drawn, of so many: the last ones fill the timeline.
pub(crate) fn first(from: usize, lanes: usize, height: f32) -> usize {
    from.min(lanes.saturating_sub(fit(height)))
}

/// The lane under a point, counted from the first that is drawn.
fn lane_at(y: f32, lanes: usize, height: f32) -> Option<usize> {
    let lane = (y / lane_height(lanes, height)) as usize;
    (y >= 0.0 && lane < lanes.min(fit(height))).then_some(lane)
}

/// How wide the branches' names are in a timeline so wide.
fn names(width: f32) -> f32 {
    (NAMES_SHARE * width).clamp(NAMES[0], NAMES[1]).round()
}

fn lane_height(lanes: usize, height: f32) -> f32 {
    ((height - FOOT) / lanes.clamp(1, fit(height)) as f32).min(HIGHEST)
}

/// The scroll bar's thumb; none where all lanes are drawn.
fn thumb(from: usize, lanes: usize, size: Size) -> Option<Rectangle> {
    let fit = fit(size.height);
    let hidden = lanes.checked_sub(fit).filter(|hidden| *hidden > 0)?;
    let track = size.height - FOOT;
    let height = (track * fit as f32 / lanes as f32).max(16.0);
    let y = (track - height) * first(from, lanes, size.height) as f32 / hidden as f32;
    Some(Rectangle { x: size.width - BAR, y: y.round(), width: BAR - 4.0, height: height.round() })
}

/// The first lane when the thumb's upper end is dragged to a height.
fn dragged(top: f32, lanes: usize, size: Size) -> usize {
    let hidden = lanes.saturating_sub(fit(size.height));
    let track = size.height - FOOT - thumb(0, lanes, size).map_or(0.0, |thumb| thumb.height);
    (top / track.max(1.0) * hidden as f32).round().clamp(0.0, hidden as f32) as usize
}

impl Timeline<'_> {
    fn width(bounds: Rectangle) -> f32 {
        (bounds.width - names(bounds.width) - RIGHT).max(1.0)
    }

    fn fraction(bounds: Rectangle, x: f32) -> f64 {
        f64::from((x - names(bounds.width)) / Self::width(bounds))
    }

    fn x_at(&self, bounds: Rectangle, step: f64) -> f32 {
        names(bounds.width) + Self::width(bounds) * self.time.fraction(step) as f32
    }

    fn lane(
        &self,
        frame: &mut Frame<Renderer>,
        bounds: Rectangle,
        lane: &Lane<'_>,
        (top, losses): (f32, Option<[f64; 2]>),
        colours: &Colours,
    ) {
        let branch = lane.branch;
        let width = Self::width(bounds);
        let height = lane_height(self.lanes.len(), bounds.height);
        let left = names(bounds.width);
        let inside = |x: f32| (left..=left + width).contains(&x);
        let color = colours.branch(branch.hue);
        let shift = lane.shift as f64;
        let name = fitted(branch.name.as_str(), left - BESIDE_NAME);
        let ink = if lane.selected { colours.ink } else { colours.faint };
        label(frame, name, Point::new(12.0, top + height / 2.0), ink, TextAlign::Left);
        let base = (top + height - 3.0).round();
        frame.fill_rectangle(Point::new(left, base), Size::new(width, 1.0), colours.line);
        let runs = match (self.chart, losses) {
            (Some(chart), Some(losses)) => self.runs(bounds, (chart, losses), lane, (base, height)),
            _ => Vec::new(),
        };
        let (width, role) = (if lane.selected { 2.0 } else { 1.25 }, Role::Branch(branch.hue));
        let mut scene = Scene::default();
        for run in &runs {
            match run[..] {
                [at] => scene.circle(at, width, role),
                _ => scene.line(run.clone(), width, Colours::dash(branch.hue), role),
            }
        }
        paint(frame, &scene, None, colours);
        let fork = self.x_at(bounds, branch.fork_step.0 as f64 + shift);
        if branch.parent.is_some() && inside(fork) {
            frame.fill(&diamond(Point::new(fork, base - 5.0), 4.5), color);
            if !branch.edits.is_empty() {
                let (edits, beside) = (branch.edits.join("; "), base - 9.0);
                let x = fork + 9.0;
                let after =
                    free(&runs, x, EDITS.min(bounds.width - RIGHT - x), [(top + 8.0).max(base - 20.0), base - 8.0]);
                // Before the fork, where the lane has no curve.
                let begins = runs.iter().flatten().map(|[x, _]| *x).fold(fork, f32::min);
                let before = (begins - 9.0 - left).min(EDITS);
                let is_wide = |room: f32| before < LEAST_WORDS || room >= before.min(text_width(&edits));
                match after {
                    Some((y, room)) if is_wide(room) => {
                        label(frame, fitted(&edits, room), Point::new(x, y), colours.faint, TextAlign::Left);
                    }
                    _ if before >= LEAST_WORDS => {
                        let at = Point::new(fork - 9.0, beside);
                        label(frame, fitted(&edits, before), at, colours.faint, TextAlign::Right);
                    }
                    _ => {}
                }
            }
        }
        for event in branch.events.iter().filter(|event| event.kind == DIVERGED) {
            let x = self.x_at(bounds, event.step.0 as f64 + shift);
            if inside(x) {
                frame.fill(&diamond(Point::new(x, base - 5.0), 4.5), colours.alarm);
                label(frame, "diverged", Point::new(x + 9.0, top + 8.0), colours.alarm, TextAlign::Left);
            }
        }
    }

    /// The whole name of a lane, where it is cut, and the middle of the lane.
    fn cut_name(&self, lane: Option<usize>, bounds: Rectangle) -> Option<(&str, f32)> {
        let lanes = self.lanes.len();
        let place = lane?;
        let name = self.lanes.get(first(self.from, lanes, bounds.height) + place)?.branch.name.as_str();
        let height = lane_height(lanes, bounds.height);
        (text_width(name) > names(bounds.width) - BESIDE_NAME).then_some((name, (place as f32 + 0.5) * height))
    }

    /// Whether a press is the second of two clicks.
    fn is_second(&self, drag: &mut DragState, bounds: Rectangle, cursor: mouse::Cursor) -> bool {
        let Some(at) = cursor.position_in(bounds) else { return false };
        if drag.presses.is_second(at) {
            return true;
        }
        drag.before = Some(self.time.cursor);
        false
    }

    /// Scrolls as many lanes as the wheel has turned.
    fn scroll(drag: &mut DragState, delta: &mouse::ScrollDelta) -> Option<Action<Message>> {
        // Some systems turn a wheel sideways while Shift is held.
        let [x, y] = turned(delta);
        drag.turned += if y == 0.0 { x } else { y };
        let lanes = drag.turned.trunc();
        drag.turned -= lanes;
        // Turned up, what lies above comes.
        Some(if lanes == 0.0 {
            Action::capture()
        } else {
            Action::publish(Message::Scroll(-lanes as isize)).and_capture()
        })
    }

    /// What a drag of the scroll bar does.
    fn bar(
        &self,
        drag: &mut DragState,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        let lanes = self.lanes.len();
        let from = first(self.from, lanes, bounds.height);
        let go = |top: f32| {
            let by = dragged(top, lanes, bounds.size()) as isize - from as isize;
            if by == 0 { Action::capture() } else { Action::publish(Message::Scroll(by)).and_capture() }
        };
        match event {
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
                let at = cursor.position_in(bounds).filter(|at| at.x >= bounds.width - RIGHT)?;
                let thumb = thumb(from, lanes, bounds.size())?;
                // Beside the thumb its middle comes to the pointer.
                let within =
                    if (thumb.y..thumb.y + thumb.height).contains(&at.y) { at.y - thumb.y } else { thumb.height / 2.0 };
                drag.bar = Some(within);
                Some(go(at.y - within))
            }
            Event::Mouse(mouse::Event::CursorMoved { .. }) => {
                let within = drag.bar?;
                Some(go(cursor.position_from(bounds.position())?.y - within))
            }
            Event::Mouse(mouse::Event::ButtonReleased(mouse::Button::Left)) => {
                drag.bar.take().map(|_| Action::capture())
            }
            Event::Keyboard(_) | Event::Mouse(_) | Event::Window(_) | Event::Touch(_) | Event::InputMethod(_) => None,
        }
    }

    /// A lane's curve on the screen.
    fn runs(
        &self,
        bounds: Rectangle,
        (chart, [low, high]): (&Chart, [f64; 2]),
        lane: &Lane<'_>,
        (base, height): (f32, f32),
    ) -> Vec<Vec<[f32; 2]>> {
        let left = names(bounds.width);
        let inside = |x: f32| (left..=left + Self::width(bounds)).contains(&x);
        let place = |[x, y]: [f64; 2]| {
            let x = self.x_at(bounds, x + lane.shift as f64);
            let share = ((y - low) / (high - low)).clamp(0.0, 1.0);
            (inside(x) && y.is_finite()).then_some([x, base - (height - 7.0) * share as f32])
        };
        let own = chart.series.iter().filter(|series| series.hue == lane.branch.hue && !series.dashed);
        own.flat_map(|series| runs(&series.points, place)).collect()
    }
}

/// At which of some heights words from `x` on have the most room before a
/// curve crosses them, and how much; `None` where it is too little to read.
fn free(curve: &[Vec<[f32; 2]>], x: f32, room: f32, heights: [f32; 2]) -> Option<(f32, f32)> {
    let crossed = |y: f32| {
        let in_the_way = |[_, from]: [f32; 2], [end, to]: [f32; 2]| {
            end > x && from.min(to) < y + WORDS / 2.0 && from.max(to) > y - WORDS / 2.0
        };
        let pieces = curve.iter().flat_map(|run| run.windows(2));
        let first = pieces.filter(|pair| in_the_way(pair[0], pair[1])).map(|pair| pair[0][0].max(x));
        first.fold(x + room, f32::min) - x
    };
    let [upper, lower] = heights.map(|y| (y, crossed(y)));
    let best = if lower.1 > upper.1 { lower } else { upper };
    (best.1 >= LEAST_WORDS).then_some(best)
}

impl canvas::Program<Message> for Timeline<'_> {
    type State = DragState;

    fn update(
        &self,
        drag: &mut DragState,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        if let Event::Mouse(mouse::Event::CursorMoved { .. } | mouse::Event::CursorLeft) = event {
            let on_names = cursor.position_in(bounds).filter(|at| at.x < names(bounds.width) && !drag.pointer.held);
            let named = on_names.and_then(|at| lane_at(at.y, self.lanes.len(), bounds.height));
            if named != drag.named {
                drag.named = named;
                return Some(Action::request_redraw());
            }
        }
        let dragged = self.bar(drag, event, bounds, cursor);
        if dragged.is_some() {
            return dragged;
        }
        match event {
            Event::Keyboard(keyboard::Event::ModifiersChanged(modifiers)) => {
                drag.shift = modifiers.shift();
                None
            }
            Event::Mouse(mouse::Event::WheelScrolled { delta }) => {
                let at = cursor.position_in(bounds)?;
                if drag.shift || at.x < names(bounds.width) {
                    return Self::scroll(drag, delta);
                }
                let along = Along::wheel(delta, Self::fraction(bounds, at.x));
                Some(Action::publish(Message::Along(along)).and_capture())
            }
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left))
                if cursor.position_in(bounds).is_some_and(|at| at.x < names(bounds.width)) =>
            {
                let lanes = self.lanes.len();
                let lane = lane_at(cursor.position_in(bounds)?.y, lanes, bounds.height)?;
                let lane = self.lanes.get(first(self.from, lanes, bounds.height) + lane)?;
                Some(Action::publish(Message::Select(lane.branch.name.clone())).and_capture())
            }
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) if self.is_second(drag, bounds, cursor) => {
                drag.pointer.held = false;
                Some(Action::publish(Message::Along(Along::All(drag.before))).and_capture())
            }
            Event::Window(window::Event::RedrawRequested(now)) if self.playing => {
                Some(Action::publish(Message::Tick(*now)))
            }
            Event::Keyboard(_) | Event::Mouse(_) | Event::Window(_) | Event::Touch(_) | Event::InputMethod(_) => scrub(
                &mut drag.pointer,
                event,
                bounds,
                cursor,
                |at| Some(self.time.step_at(Self::fraction(bounds, at.x))),
                |step| Message::Along(Along::Go(step)),
            ),
        }
    }

    fn draw(
        &self,
        drag: &DragState,
        renderer: &Renderer,
        theme: &Theme,
        bounds: Rectangle,
        _: mouse::Cursor,
    ) -> Vec<Geometry> {
        let colours = Colours::of(theme);
        let all = self.lanes.len();
        let (from, fit) = (first(self.from, all, bounds.height), fit(bounds.height));
        let lanes = self.cache.draw(renderer, bounds.size(), |frame| {
            let height = lane_height(all, bounds.height);
            let losses = self.chart.and_then(|chart| range(&chart.series));
            for (place, lane) in self.lanes[from..].iter().take(fit).enumerate() {
                self.lane(frame, bounds, lane, (place as f32 * height, losses), colours);
            }
            if let Some(thumb) = thumb(from, all, bounds.size()) {
                frame.fill(&Path::rounded_rectangle(thumb.position(), thumb.size(), 3.0.into()), colours.line);
                let those = format!("{} to {} of {}", from + 1, from + fit, all);
                label(frame, those, Point::new(12.0, bounds.height - 9.0), colours.faint, TextAlign::Left);
            }
            let ends = [self.time.step_at(0.0).0 as f64, self.time.step_at(1.0).0 as f64];
            for tick in ticks(ends[0], ends[1], (Self::width(bounds) / 120.0).max(2.0) as usize) {
                if tick.fract() == 0.0 {
                    let at = Point::new(self.x_at(bounds, tick), bounds.height - 9.0);
                    let at_end = at.x + 24.0 > bounds.width;
                    let align = if at_end { TextAlign::Right } else { TextAlign::Middle };
                    label(frame, count(tick as u64), at, colours.faint, align);
                }
            }
        });
        let mut above = Frame::new(renderer, bounds.size());
        let x = self.x_at(bounds, self.time.cursor.0 as f64).round();
        let left = names(bounds.width);
        if (left..=left + Self::width(bounds)).contains(&x) {
            above.fill_rectangle(Point::new(x - 1.0, 0.0), Size::new(2.0, bounds.height - FOOT), colours.accent);
            above.fill(&diamond(Point::new(x, bounds.height - FOOT - 1.0), 5.0), colours.accent);
        }
        if let Some((name, top)) = self.cut_name(drag.named, bounds) {
            let size = Size::new(text_width(name) + 2.0 * 8.0, 20.0);
            let corner = Point::new(4.0, (top - 10.0).round());
            let panel = Path::rounded_rectangle(corner, size, 4.0.into());
            above.fill(&panel, colours.raised);
            above.stroke(&panel, Stroke::default().with_color(colours.line).with_width(1.0));
            label(&mut above, name.to_owned(), Point::new(12.0, top), colours.ink, TextAlign::Left);
        }
        vec![lanes, drag.pointer.above.above(above)]
    }

    fn mouse_interaction(&self, drag: &DragState, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        let scrolls = self.lanes.len() > fit(bounds.height);
        match cursor.position_in(bounds) {
            _ if drag.bar.is_some() => mouse::Interaction::Grabbing,
            _ if drag.pointer.held => mouse::Interaction::ResizingHorizontally,
            Some(at) if at.x < names(bounds.width) => mouse::Interaction::Pointer,
            Some(at) if scrolls && at.x >= bounds.width - RIGHT => mouse::Interaction::Grab,
            Some(_) => mouse::Interaction::ResizingHorizontally,
            None => mouse::Interaction::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::State;
    use crate::state::tests::{branch, listed, opened};

    /// Room for six lanes.
    const MOST: usize = 6;
    const HIGH: f32 = FOOT + LANE * MOST as f32;

    fn timeline(state: &State) -> Timeline<'_> {
        let (lanes, time, cache) =
            (crate::components::timeline::lanes(&state.context), &state.context.time, state.timeline.cache());
        Timeline { lanes, from: state.timeline.from, time, playing: false, chart: None, cache }
    }

    #[test]
    fn the_wheel_zooms_over_lanes_and_scrolls_over_names_and_with_shift() {
        let mut state = opened();
        state.update(listed((0..31).map(|place| branch(&format!("b{place}"), None, 0, 50)).collect()));
        let bounds = Rectangle { x: 0.0, y: 0.0, width: 900.0, height: HIGH };
        let (lanes, mut drag) = (timeline(&state), DragState::default());
        let mut said = |event: Event, x: f32, y: f32| {
            let cursor = mouse::Cursor::Available(Point::new(x, y));
            let action = canvas::Program::update(&lanes, &mut drag, &event, bounds, cursor);
            action.and_then(|action| action.into_inner().0)
        };
        let wheel = |x: f32, y: f32| {
            let delta = mouse::ScrollDelta::Lines { x, y };
            Event::Mouse(mouse::Event::WheelScrolled { delta })
        };
        assert!(matches!(said(wheel(0.0, 1.0), 400.0, 20.0), Some(Message::Along(Along::Zoom { .. }))));
        assert!(matches!(said(wheel(0.0, -1.0), 40.0, 20.0), Some(Message::Scroll(1))));
        said(Event::Keyboard(keyboard::Event::ModifiersChanged(keyboard::Modifiers::SHIFT)), 400.0, 20.0);
        assert!(matches!(said(wheel(0.0, 2.0), 400.0, 20.0), Some(Message::Scroll(-2))));
        assert!(matches!(said(wheel(-1.0, 0.0), 400.0, 20.0), Some(Message::Scroll(1))), "turned sideways");
        // A fine wheel adds up.
        let fine = [wheel(0.0, -0.5), wheel(0.0, -0.5)].map(|event| said(event, 400.0, 20.0));
        assert!(matches!(fine, [None, Some(Message::Scroll(1))]), "{fine:?}");
        // The bar: pressed beside its thumb, dragged, let go.
        let [down, up] =
            [mouse::Event::ButtonPressed, mouse::Event::ButtonReleased].map(|of| Event::Mouse(of(mouse::Button::Left)));
        let moved = || Event::Mouse(mouse::Event::CursorMoved { position: Point::ORIGIN });
        assert!(matches!(said(down, 895.0, 140.0), Some(Message::Scroll(1..=25))));
        assert!(matches!(said(moved(), 300.0, 900.0), Some(Message::Scroll(25))), "to the last lane");
        assert!(said(up, 300.0, 900.0).is_none() && said(moved(), 300.0, 20.0).is_none());
        // Beside it, the same press goes to a step.
        let down = Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left));
        assert!(matches!(said(down, 400.0, 20.0), Some(Message::Along(Along::Go(_)))));
    }

    #[test]
    fn a_name_that_was_scrolled_to_is_selected_by_a_press() {
        let mut state = opened();
        state.update(listed((0..31).map(|place| branch(&format!("b{place}"), None, 0, 50)).collect()));
        state.update(crate::components::timeline::Message::Scroll(20));
        let bounds = Rectangle { x: 0.0, y: 0.0, width: 900.0, height: HIGH };
        let down = Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left));
        let cursor = mouse::Cursor::Available(Point::new(20.0, 5.0));
        let action = canvas::Program::update(&timeline(&state), &mut DragState::default(), &down, bounds, cursor);
        let said = action.and_then(|action| action.into_inner().0);
        assert!(matches!(&said, Some(Message::Select(name)) if name.as_str() == "b20"), "{said:?}");
    }

    #[test]
    fn a_cut_name_is_told_whole_where_it_is_pointed_at() {
        let _ = crate::headless::renderer().unwrap();
        let mut state = opened();
        let long = "a-branch-with-a-rather-long-name";
        let named = |name: &str, long: &str| BranchSummary { name: long.parse().unwrap(), ..branch(name, None, 0, 50) };
        state.update(listed(vec![named("main", "main"), named("wider", long)]));
        let (lanes, mut drag) = (timeline(&state), DragState::default());
        let mut told = |width: f32, x: f32, y: f32| {
            let bounds = Rectangle { x: 0.0, y: 0.0, width, height: HIGH };
            let cursor = mouse::Cursor::Available(Point::new(x, y));
            let moved = Event::Mouse(mouse::Event::CursorMoved { position: Point::new(x, y) });
            let _ = canvas::Program::update(&lanes, &mut drag, &moved, bounds, cursor);
            lanes.cut_name(drag.named, bounds).map(|(name, _)| name.to_owned())
        };
        assert_eq!((told(900.0, 20.0, 10.0), told(900.0, 400.0, 70.0)), (None, None));
        assert_eq!(told(900.0, 20.0, 70.0).as_deref(), Some(long));
        assert_eq!(told(3840.0, 20.0, 70.0), None, "there it has room");
    }

    /// They were written across the curves.
    #[test]
    fn a_forks_edits_stand_where_its_curve_does_not() {
        let curve = |points: &[(f32, f32)]| vec![points.iter().map(|(x, y)| [*x, *y]).collect::<Vec<_>>()];
        let heights = [8.0, 18.0];
        assert_eq!(free(&curve(&[(0.0, 25.0), (300.0, 25.0)]), 10.0, 200.0, heights), Some((8.0, 200.0)));
        assert_eq!(free(&curve(&[(0.0, 1.0), (300.0, 1.0)]), 10.0, 200.0, heights), Some((8.0, 200.0)));
        // High at first: beneath it, until it falls.
        let falling = curve(&[(0.0, 8.0), (100.0, 8.0), (101.0, 18.0), (300.0, 18.0)]);
        assert_eq!(free(&falling, 10.0, 200.0, heights), Some((18.0, 90.0)));
        let wild: Vec<(f32, f32)> = (0..60).map(|x| (5.0 * x as f32, if x % 2 == 0 { 2.0 } else { 24.0 })).collect();
        assert_eq!(free(&curve(&wild), 10.0, 200.0, heights), None);
        assert_eq!(free(&[], 10.0, 20.0, heights), None);
    }

    #[test]
    fn every_lane_has_its_points_and_beyond_the_last_there_is_none() {
        let height = HIGH;
        let each = lane_height(3, height);
        let found: Vec<_> = (0..4).map(|lane| lane_at(each * (lane as f32 + 0.5), 3, height)).collect();
        assert_eq!(found, [Some(0), Some(1), Some(2), None]);
        assert_eq!(lane_at(-1.0, 3, height), None);
    }

    #[test]
    fn many_branches_do_not_fill_the_window() {
        let sizes = crate::sizes::Sizes::default();
        assert!(sizes.lanes(40) <= 180.0 && fit(sizes.lanes(40)) < 40);
        assert_eq!(lane_at(5.0, 40, sizes.lanes(40)), Some(0));
    }

    #[test]
    fn the_scroll_bar_reaches_every_lane() {
        let size = Size::new(900.0, HIGH);
        assert!(thumb(0, MOST, size).is_none(), "all are there");
        for from in 0..=31 - MOST {
            let thumb = thumb(from, 31, size).unwrap();
            assert!(thumb.y >= 0.0 && thumb.y + thumb.height <= size.height - FOOT + 0.5, "{from}: {thumb:?}");
            assert!(dragged(thumb.y, 31, size).abs_diff(from) <= 1, "{from}");
        }
        assert_eq!((dragged(-50.0, 31, size), dragged(900.0, 31, size)), (0, 31 - MOST));
        assert_eq!((first(99, 31, HIGH), first(3, 31, HIGH), first(3, 4, HIGH)), (31 - MOST, 3, 0));
    }
}
