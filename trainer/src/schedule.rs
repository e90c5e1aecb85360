//! The learning rate's factor along a branch.

use revacnn_schemas::{Schedule, ScheduleSpec, Step};

/// What the learning rate is multiplied by in the update that leads to
/// `step`.
///
/// # Determinism
/// Plain IEEE 754 operations and `libm`'s cosine and power.
///
/// Source: `torch.optim.lr_scheduler`, in closed forms; the first update after the schedule
/// begins has the factor that the curve begins with.
pub(crate) fn factor(schedule: &ScheduleSpec, step: Step) -> f64 {
    let done = step.0.saturating_sub(schedule.from.0).saturating_sub(1);
    at(&schedule.curve, done)
}

/// The factor after `done` updates.
fn at(curve: &Schedule, done: u64) -> f64 {
    match *curve {
        Schedule::Constant => 1.0,
        Schedule::Step { every, factor } => crate::optimizers::power(factor, done / every.max(1)),
        Schedule::Cosine { over, floor } if done < over => {
            let angle = std::f64::consts::PI * done as f64 / over as f64;
            floor + (1.0 - floor) * 0.5 * (1.0 + libm::cos(angle))
        }
        Schedule::Linear { over, floor } if done < over => 1.0 + (floor - 1.0) * (done as f64 / over as f64),
        Schedule::Cosine { floor, .. } | Schedule::Linear { floor, .. } => floor,
        Schedule::Exponential { every, factor } => libm::pow(factor, done as f64 / every.max(1) as f64),
        Schedule::OneCycle { over, peak, start, floor } => one_cycle(done as f64, over as f64, [start, floor], peak),
        Schedule::Warmup { over, start, .. } if done < over => start + (1.0 - start) * (done as f64 / over as f64),
        Schedule::Warmup { over, ref then, .. } => at(then, done - over),
    }
}

/// `OneCycleLR`: the top is reached after the update before `peak` of all.
fn one_cycle(done: f64, over: f64, [start, floor]: [f64; 2], peak: f64) -> f64 {
    let (top, end) = (peak * over - 1.0, over - 1.0);
    let between = |from: f64, to: f64, share: f64| {
        to + (from - to) * 0.5 * (1.0 + libm::cos(std::f64::consts::PI * share.clamp(0.0, 1.0)))
    };
    if done >= end {
        floor
    } else if done < top {
        between(start, 1.0, done / top)
    } else {
        between(1.0, floor, (done - top) / (end - top))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_schedule_counts_updates_from_where_it_was_set() {
        let at = |curve: &Schedule, step| factor(&ScheduleSpec { curve: curve.clone(), from: Step(100) }, Step(step));
        let drops = Schedule::Step { every: 10, factor: 0.5 };
        assert_eq!([101, 110, 111, 121].map(|step| at(&drops, step)), [1.0, 1.0, 0.5, 0.25]);
        let cosine = Schedule::Cosine { over: 10, floor: 0.2 };
        assert_eq!(at(&cosine, 101), 1.0);
        assert!((at(&cosine, 106) - 0.6).abs() < 1e-15);
        assert_eq!([111, 1000].map(|step| at(&cosine, step)), [0.2, 0.2]);
        assert_eq!(at(&Schedule::Constant, 5000), 1.0);
        let warmup = "warmup=4,start=0.5,linear,over=2,floor=0.5".parse().unwrap();
        let steps = [101, 102, 103, 104, 105, 106, 107, 999].map(|step| at(&warmup, step));
        assert_eq!(steps, [0.5, 0.625, 0.75, 0.875, 1.0, 0.75, 0.5, 0.5]);
    }

    /// The factors that `make_reference.py` wrote, of update after update.
    #[test]
    fn every_schedule_is_pytorchs() {
        let expected: BTreeMap<String, Vec<f64>> =
            serde_json::from_str(include_str!("../tests/reference/schedules.json")).unwrap();
        for kind in ["step", "linear", "cosine", "exponential", "one-cycle", "warmup"] {
            assert!(expected.keys().any(|text| text.starts_with(kind)), "{kind}");
        }
        for (text, factors) in expected {
            let curve: Schedule = text.parse().unwrap();
            for (done, expected) in factors.iter().enumerate() {
                let found = at(&curve, done as u64);
                assert!(
                    (found - expected).abs() <= 1e-12 * expected.abs().max(1e-3),
                    "{text} at {done}: {found} {expected}"
                );
            }
        }
    }

    /// Schedules of a definition are not checked as those that somebody writes.
    #[test]
    fn no_schedule_gives_what_is_no_number() {
        for over in [0, 1, 2, u64::MAX] {
            for share in [0.0, 0.5, 1.0] {
                let then = Box::new(Schedule::Cosine { over, floor: share });
                for curve in [
                    Schedule::Step { every: over, factor: share },
                    Schedule::Linear { over, floor: share },
                    Schedule::Exponential { every: over, factor: share },
                    Schedule::OneCycle { over, peak: share, start: share, floor: 0.0 },
                    Schedule::Warmup { over, start: share, then },
                ] {
                    for done in [0, 1, 2, 3, u64::MAX] {
                        let found = at(&curve, done);
                        assert!((0.0..=1.0).contains(&found), "{curve} at {done}: {found}");
                    }
                }
            }
        }
    }
}
