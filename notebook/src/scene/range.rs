//! How far a vertical axis reaches, and which curves reach beyond it.

use revacnn_schemas::{Scale, Series};

use crate::look::{axis_number, ends, extent, far};

/// So many curves that reach beyond the axis are named.
const BEYOND: usize = 2;

/// How values are laid out along a vertical axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Range {
    /// Its ends, as values are laid out.
    pub(super) ends: [f64; 2],
    /// Larger values are left out.
    pub(super) far: Option<f64>,
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
    /// their bounds. Of points between two ends of the horizontal axis alone, if they
    /// are given and there are some.
    pub(super) fn of(series: &[Series], scale: Scale, x: Option<[f64; 2]>) -> Option<Self> {
        let seen = |at: f64| x.is_none_or(|[first, last]| (first..=last).contains(&at));
        let drawn = |series: &Series| {
            let points = series.points.iter().chain(&series.raw).filter(|point| seen(point[0]));
            let values = points.map(|point| point[1]);
            values.filter(|value| laid_out(*value, scale).is_some()).collect::<Vec<f64>>()
        };
        let curves: Vec<Vec<f64>> = series.iter().map(drawn).collect();
        let all = || curves.iter().flatten().copied();
        if x.is_some() && all().next().is_none() {
            return Self::of(series, scale, None);
        }
        if scale == Scale::Logarithmic {
            let [low, high] = extent(all())?.map(f64::log10);
            let room = 0.05 * (high - low);
            return Some(Self { ends: [low - room, high + room], far: None });
        }
        let far = far(curves.iter().map(Vec::as_slice)).filter(|far| all().any(|value| value.abs() > *far));
        let near = |value: &f64| far.is_none_or(|far| value.abs() <= far);
        Some(Self { ends: ends(extent(all().filter(near))?), far })
    }

    /// What says which curves reach beyond it.
    pub(super) fn beyond(&self, series: &[Series]) -> Option<String> {
        let far = self.far?;
        let reaches = |series: &Series| {
            let values = series.points.iter().map(|point| point[1]).filter(|value| value.is_finite());
            let most = values.max_by(|one, other| one.abs().total_cmp(&other.abs()))?;
            let name = series.name.split(',').next().unwrap_or_default();
            (most.abs() > far).then(|| format!("{name} reaches {}", axis_number(most)))
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
    Range::of(series, Scale::Linear, None).map(|range| range.ends)
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::Hue;

    use super::*;

    #[test]
    fn what_is_not_positive_is_no_part_of_a_logarithmic_range() {
        let all = [Series {
            name: "main".to_owned(),
            hue: Hue(0),
            dashed: false,
            points: vec![[0.0, -1.0], [1.0, 0.1], [2.0, 10.0]],
            bounds: Vec::new(),
            raw: Vec::new(),
        }];
        let [low, high] = Range::of(&all, Scale::Logarithmic, None).unwrap().ends;
        assert!(low < -1.0 && low > -1.3 && high > 1.0 && high < 1.3);
        assert!(Range::of(&[], Scale::Linear, None).is_none());
        // Looked at closely, what is there; where nothing is, all.
        let [low, high] = Range::of(&all, Scale::Linear, Some([0.5, 1.5])).unwrap().ends;
        assert!(low > 0.0 && high < 0.2, "{low} {high}");
        assert_eq!(Range::of(&all, Scale::Linear, Some([8.0, 9.0])), Range::of(&all, Scale::Linear, None));
    }
}
