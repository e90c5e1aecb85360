//! How far a vertical axis reaches, and which curves reach beyond it.

use revacnn_schemas::{Axis, Scale, Series};

use crate::look::{axis_number, ends, extent, far};

/// So many curves that reach beyond the axis are named.
const BEYOND: usize = 2;

/// How values are laid out along a vertical axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Range {
    /// Its ends, as values are laid out.
    pub(super) ends: [f64; 2],
    /// Whether there may be values beyond them.
    pub(super) is_cut: bool,
    scale: Scale,
}

/// A value as it is laid out; `None` is a gap.
pub(super) fn laid_out(value: f64, scale: Scale) -> Option<f64> {
    match scale {
        Scale::Linear => Some(value),
        Scale::Logarithmic => (value > 0.0).then(|| value.log10()),
    }
    .filter(|value| value.is_finite())
}

impl Range {
    /// The range of some curves; `None` where there is nothing to draw. Single
    /// extremes would flatten the curves, so the axis follows the points and not
    /// their bounds, but for those of a mean. Of points between two ends of the horizontal axis alone, if they
    /// are given and there are some. Ends that were asked for are what they are.
    pub(super) fn of(series: &[Series], axis: &Axis, x: Option<[f64; 2]>) -> Option<Self> {
        let mut range = Self::of_values(series, axis.scale, x)?;
        let asked = |end: Option<f64>| end.and_then(|end| laid_out(end, axis.scale));
        let (low, high) = (asked(axis.limits.low), asked(axis.limits.high));
        range.is_cut |= !axis.limits.are_none();
        let [below, above] = range.ends;
        let (low_end, high_end) = (low.unwrap_or(below), high.unwrap_or(above));
        // All that is shown may lie on the other side of the one end that was asked for.
        let room = (above - below).max(f64::EPSILON);
        range.ends = match (low, high) {
            (Some(_), None) if high_end <= low_end => [low_end, low_end + room],
            (None, Some(_)) if high_end <= low_end => [high_end - room, high_end],
            _ => [low_end, high_end],
        };
        Some(range)
    }

    fn of_values(series: &[Series], scale: Scale, x: Option<[f64; 2]>) -> Option<Self> {
        let seen = |at: f64| x.is_none_or(|[first, last]| (first..=last).contains(&at));
        let drawn = |series: &Series| {
            let points = series.points.iter().chain(&series.raw).filter(|point| seen(point[0]));
            let values = points.map(|point| point[1]);
            // The bounds of a mean are branches, which one wants to see.
            let bounds = series.points.iter().zip(&series.bounds).filter(|(point, _)| series.is_mean && seen(point[0]));
            let values = values.chain(bounds.flat_map(|(_, bounds)| *bounds));
            values.filter(|value| laid_out(*value, scale).is_some()).collect::<Vec<f64>>()
        };
        let curves: Vec<Vec<f64>> = series.iter().map(drawn).collect();
        let all = || curves.iter().flatten().copied();
        if x.is_some() && all().next().is_none() {
            return Self::of_values(series, scale, None);
        }
        if scale == Scale::Logarithmic {
            let [low, high] = extent(all())?.map(f64::log10);
            let room = 0.05 * (high - low);
            return Some(Self { ends: [low - room, high + room], is_cut: false, scale });
        }
        let far = far(curves.iter().map(Vec::as_slice)).filter(|far| all().any(|value| value.abs() > *far));
        let near = |value: &f64| far.is_none_or(|far| value.abs() <= far);
        Some(Self { ends: ends(extent(all().filter(near))?), is_cut: far.is_some(), scale })
    }

    /// What says which curves reach beyond it.
    pub(super) fn beyond(&self, series: &[Series]) -> Option<String> {
        let [low, high] = self.ends;
        let is_beyond =
            |value: f64| self.is_cut && laid_out(value, self.scale).is_some_and(|value| value < low || value > high);
        let reaches = |series: &Series| {
            let values = series.points.iter().map(|point| point[1]);
            let beyond = values.filter(|value| is_beyond(*value));
            let most = beyond.max_by(|one, other| one.abs().total_cmp(&other.abs()))?;
            let name = series.name.split(',').next().unwrap_or_default();
            Some(format!("{name} reaches {}", axis_number(most)))
        };
        let all: Vec<String> = series.iter().filter_map(reaches).collect();
        let more = all.len().saturating_sub(BEYOND);
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!all.is_empty()).then(|| format!("beyond this axis: {}{rest}", all[..all.len() - more].join(", ")))
    }
}

/// The ends of an axis for some curves that lie beside other figures; `None` where
/// there is nothing to draw. Values may lie beyond them.
pub fn range(series: &[Series]) -> Option<[f64; 2]> {
    Range::of_values(series, Scale::Linear, None).map(|range| range.ends)
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::{Hue, Limits};

    use super::*;

    #[test]
    fn what_is_not_positive_is_no_part_of_a_logarithmic_range() {
        let all = [Series {
            name: "main".to_owned(),
            hue: Hue(0),
            dashed: false,
            is_mean: false,
            points: vec![[0.0, -1.0], [1.0, 0.1], [2.0, 10.0]],
            bounds: Vec::new(),
            begins: Vec::new(),
            raw: Vec::new(),
        }];
        let [low, high] = Range::of_values(&all, Scale::Logarithmic, None).unwrap().ends;
        assert!(low < -1.0 && low > -1.3 && high > 1.0 && high < 1.3);
        assert!(Range::of_values(&[], Scale::Linear, None).is_none());
        // Looked at closely, what is there; where nothing is, all.
        let [low, high] = Range::of_values(&all, Scale::Linear, Some([0.5, 1.5])).unwrap().ends;
        assert!(low > 0.0 && high < 0.2, "{low} {high}");
        assert_eq!(
            Range::of_values(&all, Scale::Linear, Some([8.0, 9.0])),
            Range::of_values(&all, Scale::Linear, None)
        );
    }

    #[test]
    fn ends_that_were_asked_for_are_what_they_are_and_what_lies_beyond_is_said() {
        let all = [Series {
            name: "main".to_owned(),
            hue: Hue(0),
            dashed: false,
            is_mean: false,
            points: vec![[0.0, 9.0], [1.0, 2.0], [2.0, 1.0]],
            bounds: Vec::new(),
            begins: Vec::new(),
            raw: Vec::new(),
        }];
        let of = |low, high, scale| {
            let axis = Axis { label: String::new(), unit: None, scale, limits: Limits { low, high } };
            let range = Range::of(&all, &axis, None).unwrap();
            (range.ends, range.beyond(&all))
        };
        let reaches = |value: &str| Some(format!("beyond this axis: main reaches {value}"));
        assert_eq!(of(Some(0.0), Some(4.0), Scale::Linear), ([0.0, 4.0], reaches("9")));
        assert_eq!(of(Some(1.5), Some(10.0), Scale::Linear), ([1.5, 10.0], reaches("1")));
        assert_eq!(of(Some(0.1), Some(100.0), Scale::Logarithmic), ([-1.0, 2.0], None));
        // The branches about a mean are within it; the noise about one branch is not.
        let bounds = vec![[7.0, 20.0], [1.0, 3.0], [0.5, 1.5]];
        for is_mean in [true, false] {
            let all = [Series { is_mean, bounds: bounds.clone(), ..all[0].clone() }];
            let [low, high] = Range::of_values(&all, Scale::Linear, None).unwrap().ends;
            assert_eq!((low <= 0.5, high >= 20.0), (is_mean, is_mean), "{low} {high}");
        }
        // One end alone: what lies far from the others is beyond the other one.
        let far = [Series { points: vec![[0.0, 1.0], [1.0, 2.0], [2.0, 1e15]], ..all[0].clone() }];
        let axis = |limits| Axis { label: String::new(), unit: None, scale: Scale::Linear, limits };
        for limits in [Limits::default(), Limits { low: Some(0.0), high: None }] {
            let range = Range::of(&far, &axis(limits), None).unwrap();
            let beyond = range.beyond(&far);
            assert!(range.ends[1] < 1e3 && beyond.is_some_and(|words| words.contains("main reaches")), "{limits:?}");
        }
        // All of it lies on the other side.
        let ([low, high], beyond) = of(Some(20.0), None, Scale::Linear);
        assert!(low == 20.0 && high > low && beyond == reaches("9"), "{low} {high} {beyond:?}");
        let ([low, high], _) = of(None, Some(-3.0), Scale::Linear);
        assert!(high == -3.0 && low < high, "{low} {high}");
    }
}
