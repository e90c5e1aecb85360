//! The learning rate's factor along a branch.

use revacnn_schemas::{Schedule, ScheduleSpec, Step};

/// What the learning rate is multiplied by in the update that leads to
/// `step`.
///
/// # Determinism
/// Plain IEEE 754 operations and `libm`'s cosine.
///
/// Source: `torch.optim.lr_scheduler.StepLR` and `CosineAnnealingLR`, in
/// their closed forms; the first update after the schedule begins has the
/// factor 1.
pub(crate) fn factor(schedule: ScheduleSpec, step: Step) -> f64 {
    let done = step.0.saturating_sub(schedule.from.0).saturating_sub(1);
    match schedule.curve {
        Schedule::Constant => 1.0,
        Schedule::Step { every, factor } => crate::optimizers::power(factor, done / every.max(1)),
        Schedule::Cosine { over, floor } if done < over => {
            let angle = std::f64::consts::PI * done as f64 / over as f64;
            floor + (1.0 - floor) * 0.5 * (1.0 + libm::cos(angle))
        }
        Schedule::Cosine { floor, .. } => floor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_counts_updates_from_where_it_was_set() {
        let at = |curve, step| factor(ScheduleSpec { curve, from: Step(100) }, Step(step));
        let drops = Schedule::Step { every: 10, factor: 0.5 };
        assert_eq!([101, 110, 111, 121].map(|step| at(drops, step)), [1.0, 1.0, 0.5, 0.25]);
        let cosine = Schedule::Cosine { over: 10, floor: 0.2 };
        assert_eq!(at(cosine, 101), 1.0);
        assert!((at(cosine, 106) - 0.6).abs() < 1e-15);
        assert_eq!([111, 1000].map(|step| at(cosine, step)), [0.2, 0.2]);
        assert_eq!(at(Schedule::Constant, 5000), 1.0);
    }
}
