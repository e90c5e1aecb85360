//! Axes: how far they reach, and what is marked on them.

/// The smallest and the largest value, apart by something.
pub fn extent(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let finite = values.filter(|value| value.is_finite());
    let [low, high] = finite.fold(None, |all: Option<[f64; 2]>, value| {
        let [low, high] = all.unwrap_or([value; 2]);
        Some([low.min(value), high.max(value)])
    })?;
    Some(if low < high { [low, high] } else { [low - 0.5, high + 0.5] })
}

/// Round values between two ends, about `wanted` of them.
pub fn ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let width = high - low;
    if width <= 0.0 || !width.is_finite() || wanted == 0 {
        return Vec::new();
    }
    let rough = width / wanted as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let stride = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|stride| *stride >= rough);
    let stride = stride.unwrap_or(rough);
    let first = (low / stride).ceil() as i64;
    let last = (high / stride).floor() as i64;
    (first..=last).map(|place| place as f64 * stride).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_their_ends() {
        assert_eq!(ticks(0.0, 100.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert!(ticks(0.13, 2.9, 4).iter().all(|tick| (0.13..=2.9).contains(tick)));
        assert!(ticks(1.0, 1.0, 4).is_empty() && ticks(0.0, f64::INFINITY, 4).is_empty());
    }

    #[test]
    fn an_axis_reaches_over_all_that_is_finite_and_is_never_without_width() {
        assert_eq!(extent([1.0, f64::NAN, 3.0, f64::INFINITY].into_iter()), Some([1.0, 3.0]));
        assert_eq!(extent([2.0].into_iter()), Some([1.5, 2.5]));
        assert_eq!(extent([f64::NAN].into_iter()), None);
    }
}
