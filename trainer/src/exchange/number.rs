//! Numbers of other programs as `f32`.

use half::{bf16, f16};

/// How the numbers of an array are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) kind: NumberKind,
    pub(super) is_big_endian: bool,
}

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberKind {
    /// IEEE 754's 16 bits.
    Float16,
    /// The upper half of a `float32`.
    Brain16,
    Float32,
    Float64,
}

impl NumberKind {
    /// Bytes of a number.
    pub(super) fn width(self) -> usize {
        match self {
            Self::Float16 | Self::Brain16 => 2,
            Self::Float32 => 4,
            Self::Float64 => 8,
        }
    }

    /// What is said of numbers that are not `f32`.
    pub(super) fn conversion(self) -> Option<&'static str> {
        match self {
            Self::Float32 => None,
            Self::Float16 => Some("float16 widened to float32"),
            Self::Brain16 => Some("bfloat16 widened to float32"),
            Self::Float64 => Some("float64 rounded to float32"),
        }
    }
}

impl Number {
    /// Adds the numbers in whole `bytes` to `values`.
    ///
    /// # Errors
    /// A finite number that no `f32` can hold.
    pub(super) fn decode(self, bytes: &[u8], values: &mut Vec<f32>) -> Result<(), f64> {
        for number in bytes.chunks_exact(self.kind.width()) {
            let mut ordered = [0; 8];
            let ordered = &mut ordered[..number.len()];
            ordered.copy_from_slice(number);
            if self.is_big_endian {
                ordered.reverse();
            }
            values.push(match (self.kind, &*ordered) {
                (NumberKind::Float16, &[a, b]) => f16::from_le_bytes([a, b]).to_f32(),
                (NumberKind::Brain16, &[a, b]) => bf16::from_le_bytes([a, b]).to_f32(),
                (_, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
                (_, &[a, b, c, d, e, f, g, h]) => {
                    let wide = f64::from_le_bytes([a, b, c, d, e, f, g, h]);
                    let value = wide as f32;
                    if wide.is_finite() && !value.is_finite() {
                        return Err(wide);
                    }
                    value
                }
                _ => unreachable!("invariant: a number has the bytes of its kind"),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_both_orders_of_bytes_give_the_number() {
        for (kind, bytes) in [
            (NumberKind::Float16, vec![0x00, 0xc1]),
            (NumberKind::Brain16, vec![0x20, 0xc0]),
            (NumberKind::Float32, (-2.5_f32).to_le_bytes().to_vec()),
            (NumberKind::Float64, (-2.5_f64).to_le_bytes().to_vec()),
        ] {
            for is_big_endian in [false, true] {
                let mut bytes = bytes.clone();
                if is_big_endian {
                    bytes.reverse();
                }
                let mut values = Vec::new();
                Number { kind, is_big_endian }.decode(&bytes, &mut values).unwrap();
                assert_eq!(values, [-2.5], "{kind:?}");
            }
        }
        let wide = Number { kind: NumberKind::Float64, is_big_endian: false };
        assert_eq!(wide.decode(&1e300_f64.to_le_bytes(), &mut Vec::new()), Err(1e300));
    }
}
