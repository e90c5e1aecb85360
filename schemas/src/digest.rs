//! Digests of parameters, states and descriptions.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::SchemaError;

/// A BLAKE3 digest, 32 bytes, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = SchemaError;

    fn from_str(text: &str) -> Result<Self, SchemaError> {
        blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes())).map_err(|_| SchemaError::Malformed {
            what: "digest",
            expected: "64 hexadecimal digits",
            found: text.chars().take(80).collect(),
        })
    }
}

impl TryFrom<String> for Digest {
    type Error = SchemaError;

    fn try_from(text: String) -> Result<Self, SchemaError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.to_string()
    }
}

/// The bits of a value as they enter a digest and the log: every not-a-number
/// is the one canonical quiet NaN, all else is unchanged.
#[inline]
pub fn canonical_bits(value: f32) -> u32 {
    if value.is_nan() { 0x7fc0_0000 } else { value.to_bits() }
}

/// Bytes that are gathered before they are hashed: many blocks of a long array at
/// once take a quarter of the time that one after the other takes.
const GATHERED: usize = 1 << 15;

/// Builds a digest from numbers, little-endian.
#[derive(Debug, Clone)]
pub struct Digester {
    hasher: blake3::Hasher,
    /// What is yet to be hashed.
    gathered: Vec<u8>,
}

impl Digester {
    /// A digest of nothing but the bytes added, so that any BLAKE3 program
    /// computes it from the same values.
    pub fn plain() -> Self {
        Self { hasher: blake3::Hasher::new(), gathered: Vec::with_capacity(2 * GATHERED) }
    }

    /// An empty digest of the given kind; kinds never collide.
    pub fn new(kind: &'static str) -> Self {
        let mut digester = Self::plain();
        digester.bytes(kind.as_bytes()).bytes(&[0]);
        digester
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.gathered.extend_from_slice(bytes);
        self.hash_if_full();
        self
    }

    /// Hashes what fills whole pieces: one that began within a block would be hashed block by block.
    fn hash_if_full(&mut self) {
        let whole = self.gathered.len() / GATHERED * GATHERED;
        if whole > 0 {
            self.hasher.update(&self.gathered[..whole]);
            self.gathered.drain(..whole);
        }
    }

    /// Adds values, each as its canonical bits, little-endian.
    pub fn floats(&mut self, values: &[f32]) -> &mut Self {
        for block in values.chunks(GATHERED / 4) {
            let start = self.gathered.len();
            self.gathered.resize(start + 4 * block.len(), 0);
            for (slot, value) in self.gathered[start..].chunks_exact_mut(4).zip(block) {
                slot.copy_from_slice(&canonical_bits(*value).to_le_bytes());
            }
            self.hash_if_full();
        }
        self
    }

    /// Adds a number.
    pub fn number(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Adds a text, with its length before it.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u64).bytes(text.as_bytes())
    }

    /// Adds another digest.
    pub fn digest(&mut self, digest: Digest) -> &mut Self {
        self.bytes(&digest.0)
    }

    /// The digest of all that was added.
    pub fn finish(&self) -> Digest {
        let mut hasher = self.hasher.clone();
        hasher.update(&self.gathered);
        Digest(*hasher.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_not_a_number_has_one_digest_and_signed_zeros_have_two() {
        let of = |value: f32| Digester::new("test").floats(&[value]).finish();
        assert_eq!(of(f32::NAN), of(f32::from_bits(0xffc1_2345)));
        assert_ne!(of(0.0), of(-0.0));
    }

    #[test]
    fn a_digest_is_that_of_the_bytes_however_they_were_added() {
        let values: Vec<f32> = (0..50_000).map(|number| number as f32 * 0.37 - 9.0).collect();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let whole = Digest(*blake3::hash(&bytes).as_bytes());
        assert_eq!(Digester::plain().floats(&values).finish(), whole);
        for length in [1, 7, 75, 500, 8_191, 8_193] {
            let mut digester = Digester::plain();
            for part in values.chunks(length) {
                digester.floats(part);
            }
            assert_eq!(digester.finish(), whole, "{length} values at a time");
        }
    }

    #[test]
    fn a_digest_is_written_as_64_digits_and_read_back() {
        let digest = Digester::new("test").text("a").number(3).finish();
        assert_eq!(digest.to_string().len(), 64);
        assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
        assert!("xyz".parse::<Digest>().is_err());
    }
}
