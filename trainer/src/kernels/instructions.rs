//! Which vector instructions a kernel runs on.

use std::fmt;
use std::str::FromStr;

/// An instruction level. Every kernel gives the same bits at every level; only its speed differs.
///
/// Ordered from the narrowest to the widest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Instructions {
    /// One number at a time, with `f32::mul_add` (a library call where the compiler may not assume the instruction).
    Scalar,
    /// 256-bit vectors: eight lanes, sixteen registers (AVX2 and FMA).
    Avx2,
    /// 512-bit vectors: sixteen lanes, thirty-two registers (AVX-512 F and VL).
    Avx512,
}

/// A word that names no instruction level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected the instructions `scalar`, `avx2` or `avx512`, found `{found}`")]
pub struct UnknownInstructions {
    /// The word as it was given.
    pub found: String,
}

impl Instructions {
    /// Every level there is, the narrowest first.
    const ALL: [Self; 3] = [Self::Scalar, Self::Avx2, Self::Avx512];

    /// The widest level that this machine runs.
    pub fn widest() -> Self {
        Self::Avx512.supported()
    }

    /// All levels that this machine runs, the narrowest first.
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|level| level.supported() == *level).collect()
    }

    /// This level, or the widest below it that this machine runs.
    pub fn supported(self) -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            use super::simd::{Avx2, Avx512};
            if self == Self::Avx512 && Avx512::detect().is_some() {
                return Self::Avx512;
            }
            if self >= Self::Avx2 && Avx2::detect().is_some() {
                return Self::Avx2;
            }
        }
        Self::Scalar
    }

    /// How many `f32` lanes one vector of this level holds.
    pub(super) fn lanes(self) -> usize {
        match self {
            Self::Scalar => 1,
            Self::Avx2 => 8,
            Self::Avx512 => 16,
        }
    }
}

impl fmt::Display for Instructions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        })
    }
}

impl FromStr for Instructions {
    type Err = UnknownInstructions;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|level| level.to_string() == word)
            .ok_or_else(|| UnknownInstructions { found: word.to_owned() })
    }
}
