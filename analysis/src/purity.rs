//! Whether the neighbours of a point are of its class.

use crate::{AnalysisError, Neighbours};

/// How much the classes keep to themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct Purity {
    /// Share of each point's neighbours that are of its class, 0 to 1, `[point]`.
    pub shares: Vec<f64>,
    /// The mean of all shares.
    pub mean: f64,
}

/// Share of each point's nearest others that have its label, and the mean of them.
///
/// Of the neighbours in the original space ([`nearest_points`](crate::nearest_points)) it
/// tells how well a layer separates the classes, of those in an embedding
/// ([`nearest_positions`](crate::nearest_positions)) how well the picture does.
///
/// Source: the neighbourhood hit of F. Paulovich, L. Nonato, R. Minghim and H. Levkowitz,
/// "Least Square Projection", IEEE TVCG 2008.
///
/// # Errors
///
/// [`AnalysisError::Shape`] if there are not as many labels as points.
pub fn neighbour_purity<L: PartialEq>(neighbours: &Neighbours, labels: &[L]) -> Result<Purity, AnalysisError> {
    if labels.len() != neighbours.points() {
        return Err(AnalysisError::Shape {
            what: "labels",
            expected: format!("{}, one a point", neighbours.points()),
            found: labels.len().to_string(),
        });
    }
    let share = |(point, label): (usize, &L)| {
        let same = neighbours.of(point).iter().filter(|&&other| labels[other as usize] == *label);
        same.count() as f64 / neighbours.count() as f64
    };
    let shares: Vec<f64> = labels.iter().enumerate().map(share).collect();
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    Ok(Purity { shares, mean })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::ops::ControlFlow;

    use super::*;
    use crate::{Work, nearest_positions};

    #[test]
    fn shares_are_those_counted_by_hand() {
        // On a line at 0, 1, 2, 4, 9; the nearest two of each:
        // 0: 1 2; 1: 0 2; 2: 1 0 (0 and 4 are as near, the first counts); 4: 2 1; 9: 4 2.
        let positions = [0.0, 1.0, 2.0, 4.0, 9.0].map(|x| [x, 7.0]);
        let mut watch = |_: usize, _: usize| ControlFlow::Continue(());
        let mut work = Work { threads: NonZeroUsize::MIN, watch: &mut watch };
        let neighbours = nearest_positions(&positions, 2, &mut work).expect("finite");
        let found = neighbour_purity(&neighbours, &["a", "a", "b", "b", "b"]).expect("a label a point");
        assert_eq!(found.shares, [0.5, 0.5, 0.0, 0.5, 1.0]);
        assert_eq!(found.mean, 0.5);
        assert_eq!(neighbour_purity(&neighbours, &[1; 5]).map(|purity| purity.mean), Ok(1.0));
        let error = neighbour_purity(&neighbours, &[1; 4]).expect_err("too few");
        assert!(error.to_string().contains("expected 5, one a point, found 4"), "{error}");
    }
}
