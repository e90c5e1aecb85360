//! Pairs of least cost.

use ndarray::ArrayView2;

/// Pairs each row with a column of its own, or each column with a row where
/// there are fewer of them, so that the sum of the costs is the smallest
/// possible. Returns each row's column.
///
/// A cost that is not finite is worse than any other. `O(n³)`.
///
/// # Determinism
/// No chance and no hash order: equal costs give equal pairs.
///
/// # Source
/// Shortest augmenting paths, as in Crouse, "On implementing 2D rectangular
/// assignment algorithms", IEEE Transactions on Aerospace and Electronic
/// Systems 52 (2016), after Jonker and Volgenant.
pub fn assignment(costs: ArrayView2<'_, f64>) -> Vec<Option<usize>> {
    let (rows, columns) = costs.dim();
    if rows > columns {
        let rows_of = assignment(costs.t());
        let mut columns_of = vec![None; rows];
        for (column, row) in rows_of.into_iter().enumerate() {
            if let Some(row) = row {
                columns_of[row] = Some(column);
            }
        }
        return columns_of;
    }
    // Large, and yet a sum over a path of them is finite.
    let worst = f64::MAX.sqrt();
    let cost = |row: usize, column: usize| {
        let cost = costs[[row, column]];
        if cost.is_finite() { cost.clamp(-worst, worst) } else { worst }
    };
    let (mut row_prices, mut column_prices) = (vec![0.0; rows], vec![0.0; columns]);
    let (mut column_of, mut row_of) = (vec![None; rows], vec![None; columns]);
    for start in 0..rows {
        let mut shortest = vec![f64::INFINITY; columns];
        let mut before = vec![start; columns];
        let (mut rows_seen, mut columns_seen) = (vec![false; rows], vec![false; columns]);
        let (mut row, mut least) = (start, 0.0);
        // Dijkstra's search over reduced costs, up to a column that is free.
        let end = loop {
            rows_seen[row] = true;
            let mut next = None;
            for column in (0..columns).filter(|&column| !columns_seen[column]) {
                let path = least + cost(row, column) - row_prices[row] - column_prices[column];
                if path < shortest[column] {
                    (shortest[column], before[column]) = (path, row);
                }
                let better = |best: usize| {
                    let equal_but_free = shortest[column] == shortest[best] && row_of[column].is_none();
                    shortest[column] < shortest[best] || (equal_but_free && row_of[best].is_some())
                };
                if next.is_none_or(better) {
                    next = Some(column);
                }
            }
            let column = next.expect("invariant: there are as many columns as rows, and fewer are seen");
            least = shortest[column];
            columns_seen[column] = true;
            match row_of[column] {
                Some(taken) => row = taken,
                None => break column,
            }
        };
        row_prices[start] += least;
        for other in (0..rows).filter(|&other| other != start && rows_seen[other]) {
            let column: usize = column_of[other].expect("invariant: a row is reached through its column");
            row_prices[other] += least - shortest[column];
        }
        for column in (0..columns).filter(|&column| columns_seen[column]) {
            column_prices[column] -= least - shortest[column];
        }
        // Along the path, each row takes the next column.
        let mut column = end;
        loop {
            let row = before[column];
            row_of[column] = Some(row);
            let given = column_of[row].replace(column);
            match given {
                Some(given) if row != start => column = given,
                _ => break,
            }
        }
    }
    column_of
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    fn sum(costs: &Array2<f64>, pairs: &[Option<usize>]) -> f64 {
        pairs.iter().enumerate().filter_map(|(row, column)| Some(costs[[row, (*column)?]])).sum()
    }

    /// The least sum over all ways to pair.
    fn least(costs: &Array2<f64>, row: usize, taken: &mut Vec<bool>) -> f64 {
        if row == costs.nrows() {
            return 0.0;
        }
        let mut best = f64::INFINITY;
        for column in 0..costs.ncols() {
            if !taken[column] {
                taken[column] = true;
                best = best.min(costs[[row, column]] + least(costs, row + 1, taken));
                taken[column] = false;
            }
        }
        best
    }

    #[test]
    fn the_sum_is_the_least_over_all_ways_to_pair() {
        let mut state = 7_u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % 13
        };
        for (rows, columns) in [(1, 1), (2, 2), (3, 5), (5, 5), (6, 6), (6, 7)] {
            for _ in 0..40 {
                let costs = Array2::from_shape_fn((rows, columns), |_| draw() as f64 - 3.0);
                let pairs = assignment(costs.view());
                let mut used: Vec<usize> = pairs.iter().map(|column| column.unwrap()).collect();
                used.sort_unstable();
                used.dedup();
                assert_eq!(used.len(), rows, "{costs} {pairs:?}");
                assert_eq!(sum(&costs, &pairs), least(&costs, 0, &mut vec![false; columns]), "{costs} {pairs:?}");
                // With more rows than columns the same pairs cost as much.
                let turned = assignment(costs.t());
                assert_eq!(turned.iter().flatten().count(), rows);
                assert_eq!(sum(&costs.t().to_owned(), &turned), sum(&costs, &pairs));
            }
        }
    }

    #[test]
    fn ties_go_to_the_first_and_what_is_not_finite_comes_last() {
        assert_eq!(assignment(Array2::zeros((3, 3)).view()), [Some(0), Some(1), Some(2)]);
        let costs = array![[f64::NAN, 1.0], [1.0, f64::INFINITY]];
        assert_eq!(assignment(costs.view()), [Some(1), Some(0)]);
        assert_eq!(assignment(Array2::zeros((0, 3)).view()), []);
        assert_eq!(assignment(Array2::zeros((2, 0)).view()), [None, None]);
    }
}
