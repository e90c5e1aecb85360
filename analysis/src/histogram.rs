//! Histograms: how many values lie in each of equally wide bins.

use crate::AnalysisError;

/// How many values lie where.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Histogram {
    /// Values in each bin, from low to high.
    pub counts: Vec<u64>,
    /// Values below the first bin.
    pub below: u64,
    /// Values above the last one.
    pub above: u64,
    /// Values that are no numbers; infinities lie below or above.
    pub not_numbers: u64,
}

/// Edges of `bins` equally wide bins from `low` to `high`: `bins + 1` numbers.
///
/// Source: those of NumPy's `histogram_bin_edges`.
///
/// # Errors
///
/// [`AnalysisError::Shape`] unless there is a bin, and both ends are finite and the first is the
/// smaller one.
pub fn bin_edges([low, high]: [f64; 2], bins: usize) -> Result<Vec<f64>, AnalysisError> {
    let width = high - low;
    if bins == 0 || !width.is_finite() || width <= 0.0 {
        return Err(AnalysisError::Shape {
            what: "bins of a histogram",
            expected: "at least one, between two finite numbers of which the first is smaller".to_owned(),
            found: format!("{bins} from {low} to {high}"),
        });
    }
    let stride = width / bins as f64;
    let edge = |bin: usize| if bin == bins { high } else { low + stride * bin as f64 };
    Ok((0..=bins).map(edge).collect())
}

/// How many of some values lie between each two edges, `edges[i] ≤ value < edges[i + 1]`; the last
/// bin has its upper edge as well. With too few edges everything lies above.
///
/// Source: NumPy's `histogram`.
pub fn histogram(values: impl IntoIterator<Item = f32>, edges: &[f64]) -> Histogram {
    let bins = edges.len().saturating_sub(1);
    let mut found = Histogram { counts: vec![0; bins], ..Histogram::default() };
    let (low, high) = match (edges.first(), edges.last()) {
        (Some(&low), Some(&high)) if bins > 0 => (low, high),
        _ => (f64::NEG_INFINITY, f64::NEG_INFINITY),
    };
    let per_width = bins as f64 / (high - low);
    for value in values.into_iter().map(f64::from) {
        if value.is_nan() {
            found.not_numbers += 1;
        } else if value < low {
            found.below += 1;
        } else if value > high || bins == 0 {
            found.above += 1;
        } else {
            // Rounding may lead to the bin beside: the edges decide.
            let mut bin = (((value - low) * per_width) as usize).min(bins - 1);
            if value < edges[bin] {
                bin -= 1;
            } else if bin + 1 < bins && value >= edges[bin + 1] {
                bin += 1;
            }
            found.counts[bin] += 1;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_counted_by_hand() {
        let edges = bin_edges([0.0, 4.0], 4).unwrap();
        assert_eq!(edges, [0.0, 1.0, 2.0, 3.0, 4.0]);
        let values = [-0.5, 0.0, 0.999, 1.0, 2.5, 3.0, 4.0, 4.0001, f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        let found = histogram(values, &edges);
        assert_eq!(found, Histogram { counts: vec![2, 1, 1, 2], below: 2, above: 2, not_numbers: 1 });
        assert_eq!(histogram([1.0, f32::NAN], &[]), Histogram { above: 1, not_numbers: 1, ..Histogram::default() });
    }

    /// `(value - low) × bins / width` rounds 0.3 of [0, 0.9] in 9 bins, and 0.7 of [0, 1] in 10, to the bin below.
    #[test]
    fn every_edge_is_in_the_bin_that_begins_there() {
        for (range, bins) in [([0.0, 0.9], 9), ([0.0, 1.0], 10), ([-0.7, 0.3], 77), ([1e-9, 3e-9], 31)] {
            let edges = bin_edges(range, bins).unwrap();
            for value in
                edges.iter().flat_map(|edge| [*edge as f32, (*edge as f32).next_up(), (*edge as f32).next_down()])
            {
                let found = histogram([value], &edges);
                let value = f64::from(value);
                let is_in = |bin: usize| {
                    edges[bin] <= value && (value < edges[bin + 1] || (bin + 1 == bins && value <= edges[bins]))
                };
                match found.counts.iter().position(|count| *count == 1) {
                    Some(bin) => assert!(is_in(bin), "{value} of {range:?}"),
                    None => assert!(value < range[0] || value > range[1], "{value} of {range:?}"),
                }
            }
        }
    }

    #[test]
    fn bins_that_there_cannot_be_are_refused() {
        for (range, bins) in
            [([0.0, 1.0], 0), ([1.0, 1.0], 3), ([2.0, 1.0], 3), ([f64::NAN, 1.0], 3), ([f64::MIN, f64::MAX], 3)]
        {
            assert!(bin_edges(range, bins).is_err(), "{range:?} {bins}");
        }
    }
}
