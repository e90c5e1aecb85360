//! The two loops that all passes are made of: sums of shifted planes, and products of planes.

use crate::kernels::simd::Simd;

/// Places that are computed at once at most: what a plane is followed by is as long.
pub(super) const BLOCK: usize = 64;

/// Running sums of a product of planes.
pub(super) const SUMS: usize = 16;

/// What outputs are sums of.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    /// What each output begins with; zeros where there is none.
    pub(super) biases: Option<&'a [f32]>,
    /// The weight of each term, `[output][term]`.
    pub(super) weights: &'a [f32],
    /// Where the first number of each term lies, `[term]`.
    pub(super) offsets: &'a [usize],
    pub(super) source: &'a [f32],
}

/// `to[output][place] = bias[output] + Σ weight[output][term] * source[offset[term] + place]`, one chain in the order
/// of the terms, for `outputs` of them and as many places as an output of `to` has, a multiple of [`BLOCK`].
#[inline(always)]
pub(super) fn sums<S: Simd>(simd: S, terms: Terms<'_>, outputs: usize, to: &mut [f32]) {
    let length = to.len() / outputs.max(1);
    let mut first = 0;
    while first < outputs {
        let rest = &mut to[first * length..];
        if outputs - first >= 4 {
            some_sums::<S, 4, 2>(simd, terms, first, length, rest);
            first += 4;
        } else {
            some_sums::<S, 1, 4>(simd, terms, first, length, rest);
            first += 1;
        }
    }
}

/// `OUTPUTS` sums from `first` on, `VECTORS` vectors of places at once.
#[inline(always)]
fn some_sums<S: Simd, const OUTPUTS: usize, const VECTORS: usize>(
    simd: S,
    terms: Terms<'_>,
    first: usize,
    length: usize,
    to: &mut [f32],
) {
    let count = terms.offsets.len();
    let weights = &terms.weights[first * count..][..OUTPUTS * count];
    let mut place = 0;
    while place < length {
        let mut sums = [[simd.splat(0.0); VECTORS]; OUTPUTS];
        if let Some(biases) = terms.biases {
            for output in 0..OUTPUTS {
                sums[output] = [simd.splat(biases[first + output]); VECTORS];
            }
        }
        for term in 0..count {
            let from = &terms.source[terms.offsets[term] + place..][..VECTORS * S::LANES];
            let mut values = [simd.splat(0.0); VECTORS];
            for vector in 0..VECTORS {
                values[vector] = simd.load(&from[vector * S::LANES..]);
            }
            for output in 0..OUTPUTS {
                let weight = simd.splat(weights[output * count + term]);
                for vector in 0..VECTORS {
                    sums[output][vector] = simd.mul_add(weight, values[vector], sums[output][vector]);
                }
            }
        }
        for output in 0..OUTPUTS {
            let to = &mut to[output * length + place..][..VECTORS * S::LANES];
            for vector in 0..VECTORS {
                simd.store(sums[output][vector], &mut to[vector * S::LANES..]);
            }
        }
        place += VECTORS * S::LANES;
    }
}

/// `to[term] += Σ gradients[place] * source[offset[term] + place]`: place p to running sum p mod [`SUMS`], and these
/// added up in order. `gradients` is a multiple of [`SUMS`] long.
#[inline(always)]
pub(super) fn products<S: Simd>(simd: S, gradients: &[f32], source: &[f32], offsets: &[usize], to: &mut [f32]) {
    let mut first = 0;
    while first < offsets.len() {
        if offsets.len() - first >= 4 {
            some_products::<S, 4>(simd, gradients, source, &offsets[first..], &mut to[first..]);
            first += 4;
        } else {
            some_products::<S, 1>(simd, gradients, source, &offsets[first..], &mut to[first..]);
            first += 1;
        }
    }
}

#[inline(always)]
fn some_products<S: Simd, const TERMS: usize>(
    simd: S,
    gradients: &[f32],
    source: &[f32],
    offsets: &[usize],
    to: &mut [f32],
) {
    // As many vectors of an instruction level as hold the running sums: the others are not there.
    let vectors = SUMS / S::LANES;
    let mut sums = [[simd.splat(0.0); SUMS]; TERMS];
    let mut place = 0;
    while place < gradients.len() {
        let gradient = &gradients[place..][..SUMS];
        for term in 0..TERMS {
            let from = &source[offsets[term] + place..][..SUMS];
            for vector in 0..vectors {
                let values = simd.load(&from[vector * S::LANES..]);
                let gradient = simd.load(&gradient[vector * S::LANES..]);
                sums[term][vector] = simd.mul_add(gradient, values, sums[term][vector]);
            }
        }
        place += SUMS;
    }
    for term in 0..TERMS {
        let mut lanes = [0.0; SUMS];
        for vector in 0..vectors {
            simd.store(sums[term][vector], &mut lanes[vector * S::LANES..]);
        }
        let mut sum = 0.0;
        for lane in lanes {
            sum += lane;
        }
        to[term] += sum;
    }
}
