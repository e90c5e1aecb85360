//! Powers that are the same on every machine.

/// `base` to the power `exponent`, by squaring: the same on every machine.
pub(crate) fn power(base: f64, exponent: u64) -> f64 {
    let (mut result, mut square, mut rest) = (1.0, base, exponent);
    while rest > 0 {
        if rest & 1 == 1 {
            result *= square;
        }
        square *= square;
        rest >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_by_squaring_is_the_product() {
        assert_eq!(power(0.5, 10), 0.5_f64.powi(10));
        assert_eq!(power(0.9, 0), 1.0);
    }
}
