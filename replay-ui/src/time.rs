//! The cursor along the steps: where a key, a drag or the wheel leads.

use revacnn_schemas::Step;

/// How the cursor moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Move {
    /// To this step, or the nearest that there is.
    To(Step),
    /// That many steps on, or back.
    By(i64),
    /// To the first step.
    First,
    /// To the last step.
    Last,
}

/// How branches lie beneath one another on the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// By their steps.
    Step,
    /// By how far each is from its fork.
    Fork,
}

impl Align {
    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Step => Self::Fork,
            Self::Fork => Self::Step,
        }
    }
}

/// The steps that are drawn, and the cursor among them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Time {
    /// The step that every figure shows.
    pub(crate) cursor: Step,
    /// All steps there are: first and last.
    pub(crate) all: [u64; 2],
    /// The steps from the timeline's left end to its right one.
    window: [f64; 2],
}

/// The fewest steps that the timeline shows.
const CLOSEST: f64 = 20.0;

impl Time {
    /// A timeline of all steps.
    pub(crate) fn new(first: u64, last: u64, cursor: Step) -> Self {
        let mut time = Self { cursor, all: [first, last], window: [first as f64, last.max(first + 1) as f64] };
        time.go(Move::To(cursor));
        time
    }

    /// Moves the cursor, within the steps there are; the window follows it.
    pub(crate) fn go(&mut self, by: Move) {
        let step = match by {
            Move::To(step) => step.0,
            Move::By(steps) => self.cursor.0.saturating_add_signed(steps),
            Move::First => self.all[0],
            Move::Last => self.all[1],
        };
        self.cursor = Step(step.clamp(self.all[0], self.all[1]));
        let (at, width) = (self.cursor.0 as f64, self.width());
        if at < self.window[0] {
            self.window = [at, at + width];
        } else if at > self.window[1] {
            self.window = [at - width, at];
        }
    }

    /// Takes in steps that came since, or went. Who sees all goes on seeing all.
    pub(crate) fn grow(&mut self, first: u64, last: u64) {
        let saw_all = self.shows_all();
        let saw_cursor = (self.window[0]..=self.window[1]).contains(&(self.cursor.0 as f64));
        self.all = [first, last];
        if saw_all {
            self.show_all();
        } else {
            // Where steps are no longer there, the nearest that are.
            self.show(self.window[0], self.width());
        }
        // Who looks closely at other steps than the cursor's goes on doing so.
        let window = self.window;
        self.go(Move::To(self.cursor));
        if !saw_cursor {
            self.window = window;
        }
    }

    /// Shows fewer (above 1) or more steps; the one at `fraction` of the width
    /// stays where it is.
    pub(crate) fn zoom(&mut self, factor: f64, fraction: f64) {
        let [first, last] = self.ends();
        let width = (self.width() / factor).max(CLOSEST).min(last - first);
        let at = self.window[0] + self.width() * fraction;
        self.show(at - width * fraction, width);
    }

    /// Shows steps further on, by a share of those that are shown; back, if it is negative.
    pub(crate) fn pan(&mut self, share: f64) {
        self.show(self.window[0] + share * self.width(), self.width());
    }

    /// Shows so many steps from one on, as far as there are so many.
    fn show(&mut self, from: f64, width: f64) {
        let [first, last] = self.ends();
        let width = width.min(last - first);
        let from = from.clamp(first, (last - width).max(first));
        self.window = [from, from + width];
    }

    /// Shows all steps.
    pub(crate) fn show_all(&mut self) {
        self.window = self.ends();
    }

    /// Whether all steps are shown.
    pub(crate) fn shows_all(&self) -> bool {
        let [first, last] = self.ends();
        self.window[0] <= first && self.window[1] >= last
    }

    /// The steps from the left end to the right one.
    pub(crate) fn window(&self) -> [f64; 2] {
        self.window
    }

    /// Which part of all steps is shown, from 0 to 1.
    pub(crate) fn part(&self) -> [f64; 2] {
        let [first, last] = self.ends();
        self.window.map(|end| (end - first) / (last - first))
    }

    /// The first and the last step, apart by one at least.
    fn ends(&self) -> [f64; 2] {
        [self.all[0] as f64, self.all[1].max(self.all[0] + 1) as f64]
    }

    /// Where a step lies: 0 at the left end, 1 at the right one.
    pub(crate) fn fraction(&self, step: f64) -> f64 {
        (step - self.window[0]) / self.width()
    }

    /// The step at a fraction of the width.
    pub(crate) fn step_at(&self, fraction: f64) -> Step {
        let step = self.window[0] + self.width() * fraction.clamp(0.0, 1.0);
        Step((step.max(0.0).round() as u64).clamp(self.all[0], self.all[1]))
    }

    /// Whether other steps are drawn than before.
    pub(crate) fn shows_other_steps_than(&self, before: &Self) -> bool {
        self.window != before.window
    }

    fn width(&self) -> f64 {
        self.window[1] - self.window[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stays_within_the_steps_there_are() {
        let mut time = Time::new(0, 100, Step(40));
        for (by, expected) in [
            (Move::By(-50), 0),
            (Move::By(7), 7),
            (Move::Last, 100),
            (Move::By(1), 100),
            (Move::To(Step(900)), 100),
            (Move::First, 0),
        ] {
            time.go(by);
            assert_eq!(time.cursor, Step(expected), "{by:?}");
        }
    }

    #[test]
    fn zooming_keeps_the_step_under_the_pointer() {
        let mut time = Time::new(0, 1000, Step(0));
        let under = time.step_at(0.25);
        time.zoom(4.0, 0.25);
        assert_eq!(time.step_at(0.25), under);
        assert!((time.fraction(1000.0) - 1.0).abs() > 1.0, "fewer steps are shown");
        time.zoom(0.01, 0.5);
        assert_eq!((time.step_at(0.0), time.step_at(1.0)), (Step(0), Step(1000)));
    }

    #[test]
    fn steps_that_come_move_nobody_who_looks_elsewhere() {
        let mut time = Time::new(0, 1000, Step(1000));
        time.zoom(4.0, 0.0);
        assert_eq!(time.window(), [0.0, 250.0]);
        time.grow(0, 1000);
        time.grow(0, 1010);
        assert_eq!(time.window(), [0.0, 250.0]);
        time.go(Move::To(Step(1000)));
        assert_eq!(time.window(), [750.0, 1000.0], "the cursor is followed where it is moved");
    }

    #[test]
    fn panning_stays_within_the_steps_and_all_are_shown_again() {
        let mut time = Time::new(0, 1000, Step(500));
        assert!(time.shows_all());
        time.pan(0.5);
        assert!(time.shows_all(), "there is nothing beyond the ends");
        time.zoom(4.0, 0.5);
        assert_eq!((time.window(), time.shows_all()), ([375.0, 625.0], false));
        time.pan(0.5);
        assert_eq!((time.window(), time.part()), ([500.0, 750.0], [0.5, 0.75]));
        time.pan(9.0);
        assert_eq!(time.window(), [750.0, 1000.0]);
        time.pan(-9.0);
        assert_eq!(time.window(), [0.0, 250.0]);
        time.show_all();
        assert!(time.shows_all());
    }

    #[test]
    fn the_window_follows_the_cursor() {
        let mut time = Time::new(0, 1000, Step(0));
        time.zoom(10.0, 0.0);
        time.go(Move::Last);
        assert!((time.fraction(1000.0) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_growing_log_is_seen_whole_unless_one_looked_closer() {
        let mut time = Time::new(0, 100, Step(10));
        time.grow(0, 200);
        assert_eq!((time.step_at(1.0), time.cursor), (Step(200), Step(10)));
        time.zoom(2.0, 0.0);
        time.grow(0, 400);
        assert_eq!(time.step_at(1.0), Step(100));
    }

    #[test]
    fn who_looked_closer_at_steps_that_went_sees_the_nearest_that_are_there() {
        let mut time = Time::new(0, 60_000, Step(55_000));
        time.zoom(60.0, 1.0);
        time.grow(0, 1_350);
        assert_eq!((time.cursor, time.step_at(0.0), time.step_at(1.0)), (Step(1_350), Step(350), Step(1_350)));
        time.grow(0, 500);
        assert_eq!((time.step_at(0.0), time.step_at(1.0)), (Step(0), Step(500)));
    }

    #[test]
    fn a_single_step_has_a_place() {
        let time = Time::new(5, 5, Step(0));
        assert_eq!(time.cursor, Step(5));
        assert!(time.fraction(5.0).is_finite());
    }
}
