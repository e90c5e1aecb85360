//! Eigenvalues and eigenvectors of small symmetric matrices.

use ndarray::Array2;

/// Eigenvalues in falling order and, in the columns, their unit eigenvectors.
pub(crate) struct Eigen {
    /// Eigenvalues, the largest first.
    pub(crate) values: Vec<f64>,
    /// Eigenvectors, `[coordinate][rank]`.
    pub(crate) vectors: Array2<f64>,
}

/// More sweeps than any matrix of finite numbers has been seen to need.
const SWEEPS: usize = 60;

/// The cyclic Jacobi method: exact to rounding, and the same bits everywhere,
/// for it needs only the four operations and the square root.
///
/// Source: Golub and Van Loan, Matrix Computations, section 8.5.
pub(crate) fn symmetric_eigen(mut matrix: Array2<f64>) -> Eigen {
    let size = matrix.nrows();
    // Row r of `basis` is eigenvector r, so that a rotation touches whole rows.
    let mut basis = Array2::<f64>::eye(size);
    let scale: f64 = matrix.iter().map(|value| value * value).sum();
    for _ in 0..SWEEPS {
        let off: f64 = (0..size).flat_map(|p| (0..p).map(move |q| (p, q))).map(|at| matrix[at] * matrix[at]).sum();
        if off <= scale * 1e-28 {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                rotate(&mut matrix, &mut basis, p, q);
            }
        }
    }
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&a, &b| matrix[[b, b]].total_cmp(&matrix[[a, a]]));
    let vectors = Array2::from_shape_fn((size, size), |(coordinate, rank)| basis[[order[rank], coordinate]]);
    Eigen { values: order.iter().map(|&place| matrix[[place, place]]).collect(), vectors }
}

/// Makes the element (p, q) zero.
fn rotate(matrix: &mut Array2<f64>, basis: &mut Array2<f64>, p: usize, q: usize) {
    let off = matrix[[p, q]];
    if off == 0.0 {
        return;
    }
    let theta = (matrix[[q, q]] - matrix[[p, p]]) / (2.0 * off);
    let sign = if theta < 0.0 { -1.0 } else { 1.0 };
    let tangent = sign / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    for k in 0..matrix.nrows() {
        let (a, b) = (matrix[[k, p]], matrix[[k, q]]);
        matrix[[k, p]] = cosine * a - sine * b;
        matrix[[k, q]] = sine * a + cosine * b;
    }
    for k in 0..matrix.nrows() {
        let (a, b) = (matrix[[p, k]], matrix[[q, k]]);
        matrix[[p, k]] = cosine * a - sine * b;
        matrix[[q, k]] = sine * a + cosine * b;
        let (a, b) = (basis[[p, k]], basis[[q, k]]);
        basis[[p, k]] = cosine * a - sine * b;
        basis[[q, k]] = sine * a + cosine * b;
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_matrix_is_its_eigenvectors_times_its_eigenvalues() {
        let matrix = array![[4.0, 1.0, -2.0], [1.0, 3.0, 0.5], [-2.0, 0.5, -1.0]];
        let eigen = symmetric_eigen(matrix.clone());
        assert!(eigen.values.is_sorted_by(|a, b| a >= b));
        let scaled = &eigen.vectors * &ndarray::Array1::from(eigen.values);
        let again = scaled.dot(&eigen.vectors.t());
        assert!((again - matrix).iter().all(|difference| difference.abs() < 1e-13));
    }
}
