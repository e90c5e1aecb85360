//! Axes: how far they reach, what is marked on them, and how that is written.

use super::numbers::{minus, scientific, separated};

/// How much of an axis lies beyond its values, at either end.
const ROOM: f64 = 0.05;
/// Values closer to one another than this share of their size are one value, and
/// the rest is rounding.
const ROUNDING: f64 = 1e-12;
/// So much larger than almost all values of the other curves is left out of a
/// linear axis.
const FAR: f64 = 1e4;
/// Almost all values of a curve.
const ALMOST_ALL: f64 = 0.95;

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Where: on a logarithmic axis the decimal logarithm.
    pub at: f64,
    /// What is written there.
    pub text: String,
}

/// The smallest and the largest value, apart by something: a single value is the
/// middle of an axis as wide as it is large.
pub fn extent(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let finite = values.filter(|value| value.is_finite());
    let [low, high] = finite.fold(None, |all: Option<[f64; 2]>, value| {
        let [low, high] = all.unwrap_or([value; 2]);
        Some([low.min(value), high.max(value)])
    })?;
    let size = low.abs().max(high.abs());
    if high - low > ROUNDING * size {
        return Some([low, high]);
    }
    let (middle, half) = (low + (high - low) / 2.0, if size > 0.0 { size / 2.0 } else { 0.5 });
    Some([middle - half, middle + half])
}

/// The ends of an axis for values: a little wider than they are, and where none is
/// negative not below zero.
pub fn ends([low, high]: [f64; 2]) -> [f64; 2] {
    let room = ROOM * (high - low);
    let first = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
    [first, high + room]
}

/// The size past which values are left out of an axis for several curves, so that
/// one that is away by far does not flatten the others: ten thousand times what
/// almost all values of the middle curve stay below. `None` where nothing is.
pub fn far<'a>(curves: impl Iterator<Item = &'a [f64]>) -> Option<f64> {
    let usual = |values: &[f64]| {
        let mut sizes: Vec<f64> = values.iter().map(|value| value.abs()).filter(|size| size.is_finite()).collect();
        let last = sizes.len().checked_sub(1)?;
        let place = (ALMOST_ALL * last as f64) as usize;
        let (_, size, _) = sizes.select_nth_unstable_by(place, f64::total_cmp);
        (*size > 0.0).then_some(*size)
    };
    let mut all: Vec<f64> = curves.filter_map(usual).collect();
    all.sort_by(f64::total_cmp);
    // Of two the smaller one: the other is what it is to be seen beside.
    let middle = all.get(all.len().checked_sub(1)? / 2)?;
    Some(FAR * middle).filter(|far| far.is_finite())
}

/// Round values between two ends, about `wanted` of them.
pub fn ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let Some(stride) = stride(low, high, wanted) else { return Vec::new() };
    let first = (low / stride).ceil() as i64;
    let last = (high / stride).floor() as i64;
    (first..=last).map(|place| place as f64 * stride).collect()
}

/// A round distance between about so many ticks.
fn stride(low: f64, high: f64, wanted: usize) -> Option<f64> {
    let width = high - low;
    if width <= 0.0 || !width.is_finite() || wanted == 0 {
        return None;
    }
    let rough = width / wanted as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let stride = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|stride| *stride >= rough);
    Some(stride.unwrap_or(rough)).filter(|stride| *stride > 0.0)
}

/// The ticks of a linear axis, about `wanted` of them and at least two: with as many
/// digits as tell each from the next.
pub fn linear_ticks(low: f64, high: f64, wanted: usize) -> Vec<Tick> {
    let enough = (wanted..wanted + 4).find(|wanted| ticks(low, high, *wanted).len() > 1).unwrap_or(wanted);
    let Some(stride) = stride(low, high, enough) else { return Vec::new() };
    let size = low.abs().max(high.abs());
    let text = |value: f64| written(value, stride, size);
    ticks(low, high, enough).into_iter().map(|at| Tick { at, text: text(at) }).collect()
}

/// The ticks of a logarithmic axis between two decimal logarithms: at decades, and
/// at 2 and 5 where there is room for them. Where not even two of those lie within,
/// they are round values.
pub fn logarithmic_ticks(low: f64, high: f64, wanted: usize) -> Vec<Tick> {
    if !(high - low).is_finite() || high <= low || wanted == 0 {
        return Vec::new();
    }
    let (first, last) = (low.floor() as i32, high.ceil() as i32);
    let within = |at: &f64| *at >= low && *at <= high;
    let at = |decade: i32, factor: f64| f64::from(decade) + factor.log10();
    let of = |factors: &[f64], every: usize| {
        let decades = (first..=last).filter(|decade| decade.rem_euclid(every as i32) == 0);
        let all = decades.flat_map(|decade| factors.iter().map(move |factor| (decade, *factor)));
        all.filter(|(decade, factor)| within(&at(*decade, *factor))).collect::<Vec<_>>()
    };
    let fine = of(&[1.0, 2.0, 5.0], 1);
    if fine.len() < 2 {
        let (from, to) = (10_f64.powf(low), 10_f64.powf(high));
        let linear = linear_ticks(from, to, wanted).into_iter().filter(|tick| tick.at > 0.0);
        return linear.map(|tick| Tick { at: tick.at.log10(), ..tick }).collect();
    }
    let decades = of(&[1.0], 1).len();
    let found = if fine.len() <= wanted.max(3) { fine } else { of(&[1.0], decades.div_ceil(wanted).max(1)) };
    let text = |(decade, factor): (i32, f64)| {
        let power = 10_f64.powi(decade);
        written(factor * power, power, factor * power)
    };
    found.into_iter().map(|(decade, factor)| Tick { at: at(decade, factor), text: text((decade, factor)) }).collect()
}

/// A value on an axis whose ticks are a stride apart and at most of a size.
fn written(value: f64, stride: f64, size: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    // Digits after the point at which a stride is told.
    let after = |unit: f64| (-(stride / unit).log10() - 1e-9).ceil().clamp(0.0, 15.0) as usize;
    minus(match size {
        _ if !(1e-3..1e9).contains(&size) => scientific(value, after(10_f64.powf(value.abs().log10().floor()))),
        _ if size >= 1e6 => format!("{} M", separated(value / 1e6, after(1e6))),
        _ => separated(value, after(1.0)),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn texts(ticks: Vec<Tick>) -> Vec<String> {
        ticks.into_iter().map(|tick| tick.text).collect()
    }

    #[test]
    fn ticks_are_round_and_within_their_ends() {
        assert_eq!(ticks(0.0, 100.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert!(ticks(0.13, 2.9, 4).iter().all(|tick| (0.13..=2.9).contains(tick)));
        assert!(ticks(1.0, 1.0, 4).is_empty() && ticks(0.0, f64::INFINITY, 4).is_empty());
    }

    #[test]
    fn an_axis_reaches_over_all_that_is_finite_and_is_never_without_width() {
        assert_eq!(extent([1.0, f64::NAN, 3.0, f64::INFINITY].into_iter()), Some([1.0, 3.0]));
        assert_eq!(extent([2.0].into_iter()), Some([1.0, 3.0]));
        assert_eq!(extent([0.0].into_iter()), Some([-0.5, 0.5]));
        assert_eq!(extent([f64::NAN].into_iter()), None);
        assert_eq!(ends([0.01, 1.01]), [0.0, 1.06]);
        assert_eq!(ends([-1.0, 1.0]), [-1.1, 1.1]);
    }

    #[test]
    fn ticks_differ_and_none_is_what_rounding_left() {
        for values in [vec![0.001], vec![-3e-9], vec![5e15], vec![1.01993, 1.01997], vec![1e15, 1e15 + 8.0], vec![0.0]]
        {
            let [low, high] = ends(extent(values.iter().copied()).unwrap());
            for wanted in [2, 4, 8] {
                let ticks = linear_ticks(low, high, wanted);
                let told: BTreeSet<&str> = ticks.iter().map(|tick| tick.text.as_str()).collect();
                assert!(told.len() == ticks.len() && ticks.len() >= 2, "{values:?} {ticks:?}");
                assert!(ticks.iter().all(|tick| !tick.text.contains("e−17")), "{ticks:?}");
            }
        }
        assert_eq!(texts(linear_ticks(0.0005, 0.0015, 4)), ["0.0005", "0.0010", "0.0015"]);
    }

    #[test]
    fn ticks_are_as_short_as_their_distance_allows() {
        for (low, high, wanted, expected) in [
            (-0.4, 0.4, 4, &["−0.4", "−0.2", "0", "0.2", "0.4"][..]),
            (0.0, 2_000.0, 4, &["0", "500", "1,000", "1,500", "2,000"]),
            (0.0, 3e6, 4, &["0", "1 M", "2 M", "3 M"]),
            (0.0, 5e15, 5, &["0", "1e15", "2e15", "3e15", "4e15", "5e15"]),
            (1.01992, 1.02003, 3, &["1.01995", "1.02000"]),
            (0.0, 4e-4, 4, &["0", "1e−4", "2e−4", "3e−4", "4e−4"]),
        ] {
            assert_eq!(texts(linear_ticks(low, high, wanted)), expected, "{low} to {high}");
        }
    }

    #[test]
    fn a_logarithmic_axis_has_decades_and_two_and_five_where_there_is_room() {
        let of = |low: f64, high: f64, wanted| texts(logarithmic_ticks(low.log10(), high.log10(), wanted));
        assert_eq!(of(0.3, 3.0, 6), ["0.5", "1", "2"]);
        assert_eq!(of(0.09, 11.0, 8), ["0.1", "0.2", "0.5", "1", "2", "5", "10"]);
        assert_eq!(of(0.09, 11.0, 4), ["0.1", "1", "10"]);
        assert_eq!(of(1e-7, 1e12, 5), ["1e−4", "1", "10,000", "100 M", "1e12"]);
        assert_eq!(of(2.1, 4.4, 4), ["3", "4"]);
        assert!(of(1.0, 1.0, 4).is_empty());
    }

    #[test]
    fn what_is_away_by_far_is_left_out_of_an_axis_and_no_beginning_of_a_training() {
        let (near, away) = (vec![0.1; 50], vec![1e15; 50]);
        assert_eq!(far([&near[..], &away].into_iter()), Some(1e4 * 0.1));
        assert_eq!(far([&away[..], &near].into_iter()), Some(1e4 * 0.1));
        let mut spike = near.clone();
        spike[20] = 1e15;
        assert_eq!(far([&spike[..]].into_iter()), Some(1e3));
        let learned: Vec<f64> = (0..200).map(|step| 2.3 * 0.97_f64.powi(step)).collect();
        assert!(far([&learned[..]].into_iter()).unwrap() > 2.3);
        assert_eq!(far([&[0.0, f64::NAN][..], &[]].into_iter()), None);
    }
}
