//! Keyed random streams: the only source of randomness in the trainer.
//!
//! A stream is named by a domain ("init", "order", "dropout") and a list of
//! numbers (seed, epoch, image, …). Whoever needs a draw makes the stream from
//! its name, so no draw depends on how many were made before it elsewhere, and a
//! step can be recomputed without its history.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The BLAKE3 derive-key context. Changing it changes every run.
const CONTEXT: &str = "ReVACNN keyed random stream, version 1";

/// A deterministic random stream named by a domain and keys.
///
/// # Determinism
///
/// The seed of the ChaCha8 generator is BLAKE3 in derive-key mode of: the
/// domain's length in bytes, the domain, the number of keys, the keys; numbers as
/// little-endian `u64`. Every method is a fixed function of ChaCha8's 32-bit words
/// in order, hence the same on every machine.
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// Opens the stream of a domain and keys.
    ///
    /// ```
    /// use revacnn_trainer::data::Stream;
    ///
    /// let (seed, filter) = (1, 7);
    /// let coefficient = Stream::new("init", &[seed, filter]).normal_f32();
    /// assert_eq!(coefficient, Stream::new("init", &[seed, filter]).normal_f32());
    /// ```
    pub fn new(domain: &str, keys: &[u64]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&(domain.len() as u64).to_le_bytes());
        hasher.update(domain.as_bytes());
        hasher.update(&(keys.len() as u64).to_le_bytes());
        for key in keys {
            hasher.update(&key.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(*hasher.finalize().as_bytes()))
    }

    /// The next 32 bits.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// The next 64 bits: two words of the stream, the low one first.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let low = u64::from(self.next_u32());
        let high = u64::from(self.next_u32());
        high << 32 | low
    }

    /// A whole number in `0..bound`, every one equally likely.
    ///
    /// A bound of 0 or 1 leaves no choice: the result is 0 and nothing is drawn.
    ///
    /// Source: D. Lemire, *Fast random integer generation in an interval* (2019):
    /// the high half of `word · bound`, rejecting the words that would favour some
    /// results.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound <= 1 {
            return 0;
        }
        let surplus = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= surplus {
                return (product >> 64) as u64;
            }
        }
    }

    /// A number in [0, 1) with 24 random bits, each representable value of that
    /// grid equally likely: the high 24 bits of one word, times 2⁻²⁴.
    #[inline]
    pub fn uniform_f32(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// A number of the standard normal distribution.
    ///
    /// Source: Box–Muller, `√(−2 ln u) · cos(2π v)` with `u` in (0, 1] and `v` in
    /// [0, 1), 53 bits each, in `f64` through `libm`, rounded once to `f32`. Two
    /// 64-bit draws each; the sine half is not kept, so that a stream has no hidden
    /// state.
    pub fn normal_f32(&mut self) -> f32 {
        const UNIT: f64 = 1.0 / 9_007_199_254_740_992.0;
        let u = ((self.next_u64() >> 11) + 1) as f64 * UNIT;
        let v = (self.next_u64() >> 11) as f64 * UNIT;
        let radius = libm::sqrt(-2.0 * libm::log(u));
        (radius * libm::cos(std::f64::consts::TAU * v)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values agree with an independent computation in Python, from BLAKE3 up.
    #[test]
    fn the_first_values_never_change() {
        let mut stream = Stream::new("test", &[1, 2, 3]);
        let words: Vec<u32> = (0..4).map(|_| stream.next_u32()).collect();
        assert_eq!(words, [2034671920, 388000438, 397217280, 3030474090]);
        assert_eq!(stream.next_u64(), 7669201554031205118);
        let numbers: Vec<u64> = (0..8).map(|_| stream.below(10)).collect();
        assert_eq!(numbers, [1, 1, 7, 4, 6, 9, 9, 1]);
        let uniform: Vec<u32> = (0..3).map(|_| stream.uniform_f32().to_bits()).collect();
        assert_eq!(uniform, [1041208812, 1060685601, 1063887143]);
        let normal: Vec<u32> = (0..4).map(|_| stream.normal_f32().to_bits()).collect();
        assert_eq!(normal, [3205296305, 1058491778, 3197519439, 1060577133]);
    }

    #[test]
    fn next_u64_is_two_words_low_first() {
        let mut words = Stream::new("test", &[7]);
        let (low, high) = (words.next_u32(), words.next_u32());
        let expected = u64::from(high) << 32 | u64::from(low);
        assert_eq!(Stream::new("test", &[7]).next_u64(), expected);
    }

    #[test]
    fn domain_and_every_key_name_another_stream() {
        let first = |domain: &str, keys: &[u64]| Stream::new(domain, keys).next_u64();
        let all = [
            first("init", &[1, 2]),
            first("order", &[1, 2]),
            first("init", &[2, 1]),
            first("init", &[1]),
            first("init", &[1, 2, 0]),
            first("ini", &[1, 2]),
        ];
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b));
        }
    }

    #[test]
    fn below_is_in_range_and_even() {
        let mut stream = Stream::new("test", &[4]);
        let mut counts = [0u32; 7];
        for _ in 0..70_000 {
            counts[stream.below(7) as usize] += 1;
        }
        assert!(counts.iter().all(|c| (9_600..10_400).contains(c)), "{counts:?}");
        // A bound above half the range is where a modulo would be uneven.
        let bound = 3 << 62;
        let low = (0..20_000).filter(|_| stream.below(bound) < 1 << 62).count();
        assert!((6_400..6_930).contains(&low), "{low}");
    }

    #[test]
    fn a_bound_without_choice_draws_nothing() {
        let mut stream = Stream::new("test", &[5]);
        assert_eq!((stream.below(0), stream.below(1)), (0, 0));
        assert_eq!(stream.next_u32(), Stream::new("test", &[5]).next_u32());
    }

    #[test]
    fn uniform_and_normal_have_their_moments() {
        let mut stream = Stream::new("test", &[6]);
        let n = 100_000;
        let uniform: Vec<f64> = (0..n).map(|_| f64::from(stream.uniform_f32())).collect();
        assert!(uniform.iter().all(|v| (0.0..1.0).contains(v)));
        let mean = uniform.iter().sum::<f64>() / f64::from(n);
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
        let normal: Vec<f64> = (0..n).map(|_| f64::from(stream.normal_f32())).collect();
        let mean = normal.iter().sum::<f64>() / f64::from(n);
        let variance = normal.iter().map(|v| v * v).sum::<f64>() / f64::from(n);
        let fourth = normal.iter().map(|v| v.powi(4)).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.015, "{mean}");
        assert!((variance - 1.0).abs() < 0.02, "{variance}");
        assert!((fourth - 3.0).abs() < 0.15, "{fourth}");
    }
}
