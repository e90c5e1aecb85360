//! The statistics of a filter: what the columns of the table `filters` mean, for
//! whoever writes them and whoever computes them again.
//!
//! Sums run in `f64`, in eight lanes that are added in a fixed order, so that they
//! are the same on every machine. The log has them rounded to `f32`.

/// Sum of a filter's activation map: `activation_sum`, of one image.
pub fn sum(values: &[f32]) -> f64 {
    sum_of(values, |value| value)
}

/// Mean of the absolute values, of no values 0: `mean_abs_gradient`, of a gradient.
pub fn mean_absolute(values: &[f32]) -> f64 {
    sum_of(values, f64::abs) / count(values)
}

/// Euclidean norm: `weight_norm` and `gradient_norm`, of coefficients without the
/// bias.
pub fn norm(values: &[f32]) -> f64 {
    sum_of(values, |value| value * value).sqrt()
}

/// ‖now − before‖ / ‖before‖: `update_ratio`. `None` where the weights before were
/// all zero, as those of a filter that an edit adds may be: nothing was there that
/// the update could be compared with.
///
/// Shape: both hold the same coefficients in the same order.
pub fn update_ratio(now: &[f32], before: &[f32]) -> Option<f64> {
    let mut lanes = [0.0; LANES];
    let add_change = |(lane, (&now, &before)): (&mut f64, (&f32, &f32))| {
        let change = f64::from(now) - f64::from(before);
        *lane += change * change;
    };
    let ((blocks, rest), (blocks_before, rest_before)) = (now.as_chunks::<LANES>(), before.as_chunks::<LANES>());
    for (now, before) in blocks.iter().zip(blocks_before) {
        lanes.iter_mut().zip(now.iter().zip(before)).for_each(add_change);
    }
    lanes.iter_mut().zip(rest.iter().zip(rest_before)).for_each(add_change);
    let norm = norm(before);
    (norm != 0.0).then(|| add(lanes).sqrt() / norm)
}

/// Share of the values that are exactly zero, of no values 0: `zero_share`, of one
/// image's activation map.
pub fn zero_share(values: &[f32]) -> f64 {
    sum_of(values, |value| f64::from(u8::from(value == 0.0))) / count(values)
}

const LANES: usize = 8;

fn add(lanes: [f64; LANES]) -> f64 {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// Sum of `term` over the values.
#[inline]
fn sum_of(values: &[f32], term: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for (lane, &value) in lanes.iter_mut().zip(block) {
            *lane += term(f64::from(value));
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane += term(f64::from(value));
    }
    add(lanes)
}

fn count(values: &[f32]) -> f64 {
    values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_agree_with_plain_ones_at_every_length() {
        for length in [0, 1, 7, 8, 9, 31, 64] {
            let values: Vec<f32> = (0..length).map(|place| place as f32 - 3.5).collect();
            let plain: f64 = values.iter().map(|&value| f64::from(value).abs()).sum();
            assert_eq!(sum_of(&values, f64::abs), plain);
            assert_eq!(sum(&values), values.iter().map(|&value| f64::from(value)).sum::<f64>());
        }
    }

    /// Values whose sum differs with the order of its terms: this one is the log's.
    #[test]
    fn the_order_of_a_sum_is_that_of_the_log() {
        let values: Vec<f32> = (0..20).map(|place| [1e30, 1.0, -1e30, 3e-8, 7.0][place % 5]).collect();
        let lane = |lane: usize| values.iter().skip(lane).step_by(8).fold(0.0, |sum, &value| sum + f64::from(value));
        let expected = ((lane(0) + lane(1)) + (lane(2) + lane(3))) + ((lane(4) + lane(5)) + (lane(6) + lane(7)));
        assert_eq!(sum(&values).to_bits(), expected.to_bits());
        assert_ne!(sum(&values).to_bits(), values.iter().map(|&value| f64::from(value)).sum::<f64>().to_bits());
    }

    #[test]
    fn the_update_ratio_is_relative_to_the_weights_before() {
        assert_eq!(update_ratio(&[3.0, 5.0], &[3.0, 4.0]), Some(0.2));
        assert!(update_ratio(&[f32::NAN], &[1.0]).is_some_and(f64::is_nan));
        // Infinite, it drowned every other ratio in a query's maximum.
        assert_eq!(update_ratio(&[1.0], &[0.0]), None);
        assert_eq!(update_ratio(&[0.0], &[0.0]), None);
    }

    #[test]
    fn what_has_no_values_has_zeros() {
        assert_eq!([sum(&[]), mean_absolute(&[]), norm(&[]), zero_share(&[])], [0.0; 4]);
        assert_eq!(zero_share(&[0.0, 2.0, -0.0, f32::NAN]), 0.5);
    }
}
