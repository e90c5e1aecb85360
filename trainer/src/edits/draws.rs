//! Every random draw of an edit, each from a stream of its own.

use revacnn_schemas::{Digester, LayerName, RunDefinition, Step};

use crate::data::Stream;
use crate::initialise::coefficients;
use crate::layers::ParameterShape;
use crate::network::stream_key;

/// The seed of the `index`-th edit of a fork, where the edit names none.
///
/// It has 53 bits, so that TOML and every JSON reader keep it.
///
/// # Determinism
/// A function of the run's seed, the fork step and the edit's place: branches
/// that fork at one step draw alike.
pub(super) fn default_seed(definition: &RunDefinition, fork: Step, index: usize) -> u64 {
    let digest =
        Digester::new("revacnn edit seed").number(definition.seed).number(fork.0).number(index as u64).finish();
    let first = digest.0[..8].try_into().expect("invariant: a digest has 32 bytes");
    u64::from_le_bytes(first) >> 11
}

/// The coefficients of filter `number` of a layer, as at step 0 but keyed by
/// the edit's seed.
///
/// # Determinism
/// One stream per filter, keyed (edit seed, layer, filter number).
pub(super) fn incoming(seed: u64, layer: &LayerName, number: u32, shape: &ParameterShape) -> Vec<f32> {
    all_incoming(seed, layer, &[number], shape)
}

/// [`incoming`] of several filters, `[filter][coefficient]`: orthogonal ones are so to one another alone.
pub(super) fn all_incoming(seed: u64, layer: &LayerName, numbers: &[u32], shape: &ParameterShape) -> Vec<f32> {
    let stream = |number: u32| Stream::new("edit incoming", &[seed, stream_key(layer), u64::from(number)]);
    coefficients(shape, numbers, stream)
}

/// A further direction for a filter whose coefficients are searched for;
/// `attempt` counts from 1, for the first one is the filter's own draw.
///
/// # Determinism
/// One stream per attempt, keyed (edit seed, layer, filter number, attempt).
pub(super) fn start(seed: u64, layer: &LayerName, number: u32, attempt: u64, coefficients: usize) -> Vec<f64> {
    let mut stream = Stream::new("edit gradmax start", &[seed, stream_key(layer), u64::from(number), attempt]);
    (0..coefficients).map(|_| f64::from(stream.normal_f32())).collect()
}

/// A new filter and a filter that reads it: what their common draws are keyed
/// by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Connection<'a> {
    pub(super) layer: &'a LayerName,
    /// The new filter.
    pub(super) number: u32,
    /// Which of the channels that come with it: a group of a convolution may make several.
    pub(super) piece: u64,
    /// The filter that reads it.
    pub(super) reading: u32,
}

impl Connection<'_> {
    fn stream(self, domain: &str, seed: u64) -> Stream {
        let key = [seed, stream_key(self.layer), u64::from(self.number), u64::from(self.reading), self.piece];
        // Most filters come with one channel alone.
        Stream::new(domain, if self.piece == 0 { &key[..4] } else { &key })
    }

    /// The `count` coefficients through which the new filter is read, drawn as those of the
    /// reading layer are: orthogonal ones N(0, 1/fan-in).
    pub(super) fn outgoing(self, seed: u64, count: usize, shape: &ParameterShape) -> Vec<f32> {
        shape.initial.draw(&mut self.stream("edit outgoing", seed), count)
    }

    /// The share of a coefficient that stays with the filter that was copied:
    /// uniform in [0.25, 0.75).
    pub(super) fn share(self, seed: u64) -> f32 {
        0.5_f32.mul_add(self.stream("edit share", seed).uniform_f32(), 0.25)
    }
}

/// Which of `count` filters the new filter `number` copies.
pub(super) fn source(seed: u64, layer: &LayerName, number: u32, count: usize) -> usize {
    Stream::new("edit source", &[seed, stream_key(layer), u64::from(number)]).below(count as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even_between_a_quarter_and_three_quarters() {
        let layer = "conv1".parse().unwrap();
        let share = |reading| Connection { layer: &layer, number: 3, piece: 0, reading }.share(1);
        let shares: Vec<f32> = (0..2000).map(share).collect();
        assert!(shares.iter().all(|share| (0.25..0.75).contains(share)));
        let mean = shares.iter().sum::<f32>() / 2000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }

    #[test]
    fn drawn_coefficients_have_the_variance_of_their_layer() {
        let layer = "conv1".parse().unwrap();
        let connection = Connection { layer: &layer, number: 3, piece: 0, reading: 0 };
        let shape = ParameterShape::weights(1, 20_000, crate::layers::Initial::Normal { fan_in: 25 });
        for values in [incoming(1, &layer, 3, &shape), connection.outgoing(1, 20_000, &shape)] {
            let moment = |power| values.iter().map(|&value| f64::from(value).powi(power)).sum::<f64>() / 20_000.0;
            assert!(moment(1).abs() < 0.01, "{}", moment(1));
            assert!((moment(2) * 25.0 - 1.0).abs() < 0.05, "{}", moment(2));
        }
    }
}
