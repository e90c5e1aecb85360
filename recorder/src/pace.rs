//! How many threads train: what is fastest, tried out while it trains.
//!
//! More threads than help make training slower: at a small batch they wait for each
//! other, and where every step is recorded the log's own threads need the cores as
//! well. Only the machine knows the best number, and it changes while other programs
//! come and go.

use std::time::{Duration, Instant};

/// A portion of a trial takes so many steps, and so long, at least: a step of a large batch takes
/// long itself, and with a slow number it costs the most.
const PORTION_STEPS: u32 = 3;
const PORTION_TIME: Duration = Duration::from_millis(60);

/// Each candidate is tried at most so often, in turn, so that what else the machine does meets all.
const ROUNDS: usize = 4;

/// A number that is faster than every other by this factor is clear after any round.
const CLEAR: f64 = 1.25;

/// Another number must be faster by this factor to be taken.
const WORTH_IT: f64 = 1.04;

/// Training goes on so long until the first and the second choice. From then on the time
/// doubles, up to the longest.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(60);

/// Between two trials lies so many times what the one before took, at least.
const APART: u32 = 10;

/// Chooses how many of the allowed threads train.
#[derive(Debug)]
pub(crate) struct Pace {
    most: usize,
    /// What was chosen last.
    chosen: usize,
    trial: Option<Trial>,
    next_trial: Instant,
    pause: Duration,
}

/// Candidates, each with the seconds and steps that it took so far.
#[derive(Debug)]
struct Trial {
    candidates: Vec<(usize, f64, u32)>,
    /// Portions done, of at most [`ROUNDS`] a candidate.
    done: usize,
    began: Instant,
    since: Instant,
    steps: u32,
}

impl Pace {
    /// Begins with all of the allowed threads.
    pub(crate) fn new(most: usize, now: Instant) -> Self {
        Self { most, chosen: most, trial: None, next_trial: now + FIRST, pause: FIRST }
    }

    /// A step was made: how many threads make the next one, where that changes.
    pub(crate) fn stepped(&mut self, now: Instant) -> Option<usize> {
        if self.most == 1 {
            return None;
        }
        let Some(trial) = &mut self.trial else {
            return (now >= self.next_trial).then(|| self.begin(now));
        };
        trial.steps += 1;
        let time = now.saturating_duration_since(trial.since);
        if trial.steps < PORTION_STEPS || time < PORTION_TIME {
            return None;
        }
        let count = trial.candidates.len();
        let (_, seconds, steps) = &mut trial.candidates[trial.done % count];
        *seconds += time.as_secs_f64();
        *steps += trial.steps;
        trial.done += 1;
        (trial.since, trial.steps) = (now, 0);
        let is_clear = trial.done.is_multiple_of(count) && trial.is_clear();
        if trial.done < ROUNDS * count && !is_clear {
            return Some(trial.candidates[trial.done % count].0);
        }
        self.chosen = trial.best();
        self.pause = (self.pause * 2).min(LONGEST);
        self.next_trial = now + self.pause.max(APART * now.saturating_duration_since(trial.began));
        self.trial = None;
        Some(self.chosen)
    }

    /// Something else than a step took time: the portion under way begins anew. Returns
    /// the number that is in use, for a trainer that does not know it yet.
    pub(crate) fn interrupted(&mut self, now: Instant) -> usize {
        let Some(trial) = &mut self.trial else { return self.chosen };
        (trial.since, trial.steps) = (now, 0);
        trial.candidates[trial.done % trial.candidates.len()].0
    }

    /// Begins to try the chosen number, its half and its double.
    fn begin(&mut self, now: Instant) -> usize {
        let others = [self.chosen / 2, (self.chosen * 2).min(self.most)];
        let others = others.into_iter().filter(|&other| other > 0 && other != self.chosen);
        let candidates = std::iter::once(self.chosen).chain(others).map(|threads| (threads, 0.0, 0)).collect();
        self.trial = Some(Trial { candidates, done: 0, began: now, since: now, steps: 0 });
        self.chosen
    }
}

/// Steps a second of a candidate.
fn rate(&(_, seconds, steps): &(usize, f64, u32)) -> f64 {
    f64::from(steps) / seconds.max(f64::MIN_POSITIVE)
}

impl Trial {
    /// Whether one is faster than every other by far, once all were tried equally often.
    fn is_clear(&self) -> bool {
        let mut rates: Vec<f64> = self.candidates.iter().map(rate).collect();
        rates.sort_by(f64::total_cmp);
        matches!(rates[..], [.., second, first] if first > CLEAR * second)
    }

    /// The fastest; the first, which is in use, unless another is faster by far enough.
    fn best(&self) -> usize {
        let current = &self.candidates[0];
        let best = self.candidates.iter().max_by(|a, b| rate(a).total_cmp(&rate(b))).unwrap_or(current);
        if rate(best) > WORTH_IT * rate(current) { best.0 } else { current.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number that is in use after so long, where a step takes what `seconds` says of
    /// threads and of the time since the start.
    fn in_use(most: usize, after: f64, seconds: impl Fn(usize, f64) -> f64) -> usize {
        let start = Instant::now();
        let mut pace = Pace::new(most, start);
        let (mut threads, mut at) = (most, 0.0);
        while at < after {
            at += seconds(threads, at);
            threads = pace.stepped(start + Duration::from_secs_f64(at)).unwrap_or(threads);
        }
        pace.chosen
    }

    #[test]
    fn the_fastest_number_is_found() {
        let slower = |threads: usize, _: f64| 1e-3 * threads as f64;
        assert_eq!(in_use(16, 20.0, slower), 1);
        let faster = |threads: usize, _: f64| 1e-2 / threads as f64;
        assert_eq!(in_use(16, 20.0, faster), 16);
        let four = |threads: usize, _: f64| 1e-3 * (1.0 + (threads as f64 / 4.0).log2().abs());
        assert_eq!(in_use(16, 20.0, four), 4);
        assert_eq!(in_use(1, 1.0, slower), 1);
    }

    #[test]
    fn a_little_faster_is_no_reason_to_change() {
        assert_eq!(in_use(2, 5.0, |threads, _| if threads == 1 { 0.99e-3 } else { 1e-3 }), 2);
    }

    /// The steps before the choice that were made on one thread, where one takes twice as long.
    #[test]
    fn what_is_clear_costs_little_also_where_a_step_takes_long() {
        for step in [1e-3, 40e-3, 1.0] {
            let start = Instant::now();
            let mut pace = Pace::new(2, start);
            let (mut threads, mut at, mut lost) = (2, 0.0, 0.0);
            for _ in 0..1000 {
                at += step * (3 - threads) as f64;
                lost += step * (2 - threads) as f64;
                threads = pace.stepped(start + Duration::from_secs_f64(at)).unwrap_or(threads);
            }
            assert_eq!(pace.chosen, 2);
            assert!(lost < 0.06 * at, "of {at} s {lost} s are lost, a step takes {step} s");
        }
    }

    #[test]
    fn it_follows_what_the_machine_does_later() {
        let busy_at_first =
            |threads: usize, at: f64| if at < 5.0 { 1e-3 * threads as f64 } else { 2e-3 / threads as f64 };
        assert_eq!(in_use(2, 4.0, busy_at_first), 1);
        assert_eq!(in_use(2, 60.0, busy_at_first), 2);
    }
}
