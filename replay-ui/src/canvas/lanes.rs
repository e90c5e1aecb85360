//! The timeline: a lane a shown branch, one cursor for all.

use iced::widget::canvas::{self, Action, Event, Frame, Geometry};
use iced::{Point, Rectangle, Renderer, Size, Theme, mouse, window};
use revacnn_notebook::{BranchSummary, XAxis};
use revacnn_schemas::{Chart, Scale};

use super::chart::{line, range, runs};
use super::draw::{Align, count, label, ticks};
use super::{Pointer, diamond, scrub};
use crate::cells::Slot;
use crate::look::Look;
use crate::message::Message;
use crate::state::State;

const NAMES: f32 = 112.0;
const RIGHT: f32 = 16.0;
const FOOT: f32 = 18.0;
/// Lanes that are drawn; the selected branch and the one beside it come first.
const MOST: usize = 6;
const LANE: f32 = 30.0;

/// The timeline.
pub(crate) struct Lanes<'a>(pub(crate) &'a State);

/// How high the timeline is for so many branches.
pub(crate) fn height(branches: usize) -> f32 {
    (branches.clamp(1, MOST) as f32 * 26.0 + FOOT).max(84.0)
}

/// The lane under a point.
fn lane_at(y: f32, lanes: usize, height: f32) -> Option<usize> {
    let lane = (y / lane_height(lanes, height)) as usize;
    (y >= 0.0 && lane < lanes.min(MOST)).then_some(lane)
}

fn lane_height(lanes: usize, height: f32) -> f32 {
    ((height - FOOT) / lanes.clamp(1, MOST) as f32).min(LANE)
}

impl Lanes<'_> {
    fn width(bounds: Rectangle) -> f32 {
        (bounds.width - NAMES - RIGHT).max(1.0)
    }

    fn fraction(bounds: Rectangle, x: f32) -> f64 {
        f64::from((x - NAMES) / Self::width(bounds))
    }

    fn x_at(&self, bounds: Rectangle, step: f64) -> f32 {
        NAMES + Self::width(bounds) * self.0.time.fraction(step) as f32
    }

    fn lane(&self, frame: &mut Frame<Renderer>, bounds: Rectangle, branch: &BranchSummary, top: f32, look: &Look) {
        let state = self.0;
        let width = Self::width(bounds);
        let height = lane_height(state.shown().len(), bounds.height);
        let inside = |x: f32| (NAMES..=NAMES + width).contains(&x);
        let color = look.branch(branch.hue);
        let bold = state.selected.as_ref() == Some(&branch.name);
        let shift = state.shift(branch) as f64;
        let name: String = branch.name.as_str().chars().take(15).collect();
        label(frame, name, Point::new(12.0, top + height / 2.0), if bold { look.ink } else { look.faint }, Align::Left);
        let base = (top + height - 3.0).round();
        frame.fill_rectangle(Point::new(NAMES, base), Size::new(width, 1.0), look.line);
        let curves = if state.settings.x == XAxis::Step { Slot::Loss } else { Slot::Lanes };
        if let Some(Ok(chart)) = state.figures.chart(curves) {
            self.curve(frame, bounds, chart, branch, (base, height, shift), look);
        }
        let fork = self.x_at(bounds, branch.fork_step.0 as f64 + shift);
        if branch.parent.is_some() && inside(fork) {
            frame.fill(&diamond(Point::new(fork, base - 5.0), 4.5), color);
            if !branch.edits.is_empty() {
                let text: String = branch.edits.join("; ").chars().take(40).collect();
                label(frame, text, Point::new(fork + 9.0, top + 8.0), look.faint, Align::Left);
            }
        }
        for event in branch.events.iter().filter(|event| event.kind == "diverged") {
            let x = self.x_at(bounds, event.step.0 as f64 + shift);
            if inside(x) {
                frame.fill(&diamond(Point::new(x, base - 5.0), 4.5), look.alarm);
                label(frame, "diverged", Point::new(x + 9.0, top + 8.0), look.alarm, Align::Left);
            }
        }
    }

    fn curve(
        &self,
        frame: &mut Frame<Renderer>,
        bounds: Rectangle,
        chart: &Chart,
        branch: &BranchSummary,
        (base, height, shift): (f32, f32, f64),
        look: &Look,
    ) {
        let Some([low, high]) = range(&chart.series, Scale::Linear) else { return };
        let inside = |x: f32| (NAMES..=NAMES + Self::width(bounds)).contains(&x);
        let bold = self.0.selected.as_ref() == Some(&branch.name);
        for series in chart.series.iter().filter(|series| series.hue == branch.hue && !series.dashed) {
            let place = |[x, y]: [f64; 2]| {
                let x = self.x_at(bounds, x + shift);
                let y = base - (height - 7.0) * ((y - low) / (high - low)) as f32;
                (inside(x) && y.is_finite()).then_some(Point::new(x, y))
            };
            for run in runs(&series.points, place) {
                line(frame, &run, look.branch(branch.hue), if bold { 2.0 } else { 1.25 }, false);
            }
        }
    }
}

impl canvas::Program<Message> for Lanes<'_> {
    type State = Pointer;

    fn update(
        &self,
        pointer: &mut Pointer,
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
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left))
                if cursor.position_in(bounds).is_some_and(|at| at.x < NAMES) =>
            {
                let shown = self.0.shown();
                let lane = lane_at(cursor.position_in(bounds)?.y, shown.len(), bounds.height)?;
                Some(Action::publish(Message::Select(shown.get(lane)?.clone())).and_capture())
            }
            Event::Window(window::Event::RedrawRequested(now)) if self.0.playing.on => {
                Some(Action::publish(Message::Tick(*now)))
            }
            _ => scrub(pointer, event, bounds, cursor, |at| Some(self.0.time.step_at(Self::fraction(bounds, at.x)))),
        }
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
        let shown = self.0.shown();
        let lanes = self.0.caches.lanes.draw(renderer, bounds.size(), |frame| {
            let height = lane_height(shown.len(), bounds.height);
            for (lane, name) in shown.iter().take(MOST).enumerate() {
                if let Some(branch) = self.0.branch_named(name) {
                    self.lane(frame, bounds, branch, lane as f32 * height, look);
                }
            }
            if shown.len() > MOST {
                let more = format!("and {} more", shown.len() - MOST);
                label(frame, more, Point::new(12.0, bounds.height - 9.0), look.faint, Align::Left);
            }
            let ends = [self.0.time.step_at(0.0).0 as f64, self.0.time.step_at(1.0).0 as f64];
            for tick in ticks(ends[0], ends[1], (Self::width(bounds) / 120.0).max(2.0) as usize) {
                if tick.fract() == 0.0 {
                    let at = Point::new(self.x_at(bounds, tick), bounds.height - 9.0);
                    let at_end = at.x + 24.0 > bounds.width;
                    let align = if at_end { Align::Right } else { Align::Middle };
                    label(frame, count(tick as u64), at, look.faint, align);
                }
            }
        });
        let mut above = Frame::new(renderer, bounds.size());
        let x = self.x_at(bounds, self.0.time.cursor.0 as f64).round();
        if (NAMES..=NAMES + Self::width(bounds)).contains(&x) {
            above.fill_rectangle(Point::new(x - 1.0, 0.0), Size::new(2.0, bounds.height - FOOT), look.accent);
            above.fill(&diamond(Point::new(x, bounds.height - FOOT - 1.0), 5.0), look.accent);
        }
        vec![lanes, pointer.above.finish(above)]
    }

    fn mouse_interaction(&self, pointer: &Pointer, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        match cursor.position_in(bounds) {
            Some(at) if at.x < NAMES && !pointer.held => mouse::Interaction::Pointer,
            Some(_) => mouse::Interaction::ResizingHorizontally,
            None if pointer.held => mouse::Interaction::ResizingHorizontally,
            None => mouse::Interaction::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_has_its_points_and_beyond_the_last_there_is_none() {
        let height = height(3);
        let each = lane_height(3, height);
        let found: Vec<_> = (0..4).map(|lane| lane_at(each * (lane as f32 + 0.5), 3, height)).collect();
        assert_eq!(found, [Some(0), Some(1), Some(2), None]);
        assert_eq!(lane_at(-1.0, 3, height), None);
    }

    #[test]
    fn many_branches_do_not_fill_the_window() {
        assert!(super::height(40) <= 180.0);
        assert_eq!(lane_at(5.0, 40, super::height(40)), Some(0));
    }
}
