//! Vectors of `f32` behind one small trait, and the step from an instruction level to code compiled for it.
//!
//! All `unsafe` of the kernels is in this file. Three things make it sound:
//!
//! - a value of [`Avx2`] or [`Avx512`] exists only where `detect` has seen the machine's features, so that holding
//!   one is the proof that its intrinsics may run;
//! - every load and store stays within a slice whose length is checked first;
//! - where one is read again and again, at places that are computed, [`Windows`] check once for each window what would
//!   else be checked for each vector.
//!
//! A kernel is a struct of its arguments that implements [`Kernel`]. `Instructions::run` instantiates its `run`
//! inside a `#[target_feature]` function. **Everything below it must be `#[inline(always)]`**, or the compiler
//! leaves the vectors behind calls and through memory; closures are avoided for the same reason.

use super::Instructions;

/// A computation that can be compiled for each instruction level.
pub(crate) trait Kernel {
    /// What the computation returns.
    type Output;

    /// Computes on the vectors of `simd`. Implementations are `#[inline(always)]`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// A vector of [`Simd::LANES`] numbers and what the kernels do with it.
///
/// `self` is a zero-sized token that proves that the machine has the instructions.
pub(crate) trait Simd: Copy {
    /// The vector.
    type Vector: Copy;
    /// A choice of lanes.
    type Mask: Copy;
    /// Vectors of eight lanes at most (the same type where the vector is not longer).
    type Half: Simd;
    /// Lanes a vector.
    const LANES: usize;
    /// How many accumulators fit the registers beside what feeds them.
    const ACCUMULATORS: usize;

    /// The token of the half vector.
    fn half(self) -> Self::Half;
    /// `value` in every lane.
    fn splat(self, value: f32) -> Self::Vector;
    /// The first `LANES` numbers of `from`.
    fn load(self, from: &[f32]) -> Self::Vector;
    /// Writes the first `LANES` numbers of `to`.
    fn store(self, vector: Self::Vector, to: &mut [f32]);
    /// Writes the first `to.len()` lanes, at most `LANES`.
    fn store_first(self, vector: Self::Vector, to: &mut [f32]);
    /// `a * b + c` with one rounding.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// The lanes `first..end`.
    fn lanes(self, first: usize, end: usize) -> Self::Mask;
    /// `a * b + c` in the lanes of `mask`, `c` in the others.
    fn mul_add_where(self, mask: Self::Mask, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Writes the numbers of `row` that are not zero, and their positions, `position + i * stride`; returns how many.
    ///
    /// Both outputs need room for the whole row and one vector more: what follows the last entry is overwritten.
    fn nonzero(self, row: &[f32], position: u32, stride: u32, values: &mut [f32], positions: &mut [u32]) -> usize;
}

/// Windows of equally many rows at equal distances, wherever they begin in a slice, from which vectors are loaded.
///
/// Where a window begins is checked once, however many vectors are loaded from it; row and place in a row cost nothing
/// where they are known when the kernel is compiled.
#[derive(Clone, Copy)]
pub(super) struct Windows<'a> {
    numbers: &'a [f32],
    bounds: Bounds,
}

/// [`Windows`] whose numbers are changed.
pub(super) struct WindowsMut<'a> {
    numbers: &'a mut [f32],
    bounds: Bounds,
}

/// What a window holds, and where it may begin.
#[derive(Clone, Copy)]
struct Bounds {
    rows: usize,
    /// Numbers from a row's begin to the next one's.
    distance: usize,
    /// Numbers of a row.
    length: usize,
    /// Where the last window begins.
    last: usize,
}

impl Bounds {
    #[inline(always)]
    fn new(numbers: usize, rows: usize, distance: usize, length: usize) -> Self {
        let span = rows.saturating_sub(1).checked_mul(distance).and_then(|last| last.checked_add(length));
        let last = span.and_then(|span| numbers.checked_sub(span));
        Self { rows, distance, length, last: last.expect("a window lies within its numbers") }
    }

    /// Where `LANES` numbers of a window begin: so many lie there.
    #[inline(always)]
    fn start<S: Simd>(self, window: usize, row: usize, at: usize) -> usize {
        assert!(window <= self.last, "a window lies within its numbers");
        let fits = S::LANES <= self.length && at <= self.length - S::LANES;
        assert!(row < self.rows && fits, "a vector lies within its row");
        window + row * self.distance + at
    }
}

impl<'a> Windows<'a> {
    /// Windows of `rows` rows of `length` numbers, of which each begins `distance` numbers after the one before.
    ///
    /// # Panics
    ///
    /// If not even one lies within `numbers`.
    #[inline(always)]
    pub(super) fn new(numbers: &'a [f32], rows: usize, distance: usize, length: usize) -> Self {
        Self { numbers, bounds: Bounds::new(numbers.len(), rows, distance, length) }
    }

    /// The vector that begins at the number `at` of a row of the window that begins at the number `window`.
    ///
    /// # Panics
    ///
    /// If it lies outside the row or the window outside the numbers.
    #[inline(always)]
    #[expect(unsafe_code, reason = "`start` has checked that the numbers are there")]
    pub(super) fn load<S: Simd>(&self, simd: S, window: usize, row: usize, at: usize) -> S::Vector {
        let start = self.bounds.start::<S>(window, row, at);
        // SAFETY: windows begin at `last` at most, from where `Bounds::new` has seen a whole one, and the vector lies
        // within its row.
        simd.load(unsafe { self.numbers.get_unchecked(start..start + S::LANES) })
    }
}

impl<'a> WindowsMut<'a> {
    /// [`Windows::new`].
    #[inline(always)]
    pub(super) fn new(numbers: &'a mut [f32], rows: usize, distance: usize, length: usize) -> Self {
        let bounds = Bounds::new(numbers.len(), rows, distance, length);
        Self { numbers, bounds }
    }

    /// Adds `a * b` to the vector that [`Windows::load`] gives.
    ///
    /// # Panics
    ///
    /// As [`Windows::load`].
    #[inline(always)]
    #[expect(unsafe_code, reason = "`start` has checked that the numbers are there")]
    pub(super) fn add<S: Simd>(
        &mut self,
        simd: S,
        (window, row, at): (usize, usize, usize),
        a: S::Vector,
        b: S::Vector,
    ) {
        let start = self.bounds.start::<S>(window, row, at);
        // SAFETY: as in `Windows::load`.
        let numbers = unsafe { self.numbers.get_unchecked_mut(start..start + S::LANES) };
        simd.store(simd.mul_add(a, b, simd.load(numbers)), numbers);
    }
}

impl Instructions {
    /// Runs `kernel` compiled for this level, or for the widest below it that the machine has.
    #[inline]
    #[cfg_attr(
        target_arch = "x86_64",
        expect(unsafe_code, reason = "functions with target features may only be called where the machine has them")
    )]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[cfg(target_arch = "x86_64")]
        {
            if self == Self::Avx512
                && let Some(simd) = Avx512::detect()
            {
                // SAFETY: `detect` has just seen every feature that `run_avx512` enables.
                return unsafe { run_avx512(simd, kernel) };
            }
            if self >= Self::Avx2
                && let Some(simd) = Avx2::detect()
            {
                // SAFETY: `detect` has just seen every feature that `run_avx2` enables.
                return unsafe { run_avx2(simd, kernel) };
            }
        }
        kernel.run(Scalar)
    }
}

/// One number at a time.
#[derive(Clone, Copy)]
pub(super) struct Scalar;

impl Simd for Scalar {
    type Vector = f32;
    type Mask = bool;
    type Half = Self;
    const LANES: usize = 1;
    const ACCUMULATORS: usize = 8;

    #[inline(always)]
    fn half(self) -> Self {
        self
    }

    #[inline(always)]
    fn splat(self, value: f32) -> f32 {
        value
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> f32 {
        from[0]
    }

    #[inline(always)]
    fn store(self, vector: f32, to: &mut [f32]) {
        to[0] = vector;
    }

    #[inline(always)]
    fn store_first(self, vector: f32, to: &mut [f32]) {
        if let Some(first) = to.first_mut() {
            *first = vector;
        }
    }

    #[inline(always)]
    fn mul_add(self, a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }

    #[inline(always)]
    fn lanes(self, first: usize, end: usize) -> bool {
        first == 0 && end > 0
    }

    #[inline(always)]
    fn mul_add_where(self, mask: bool, a: f32, b: f32, c: f32) -> f32 {
        if mask { a.mul_add(b, c) } else { c }
    }

    #[inline(always)]
    fn nonzero(self, row: &[f32], position: u32, stride: u32, values: &mut [f32], positions: &mut [u32]) -> usize {
        let mut count = 0;
        let mut at = position;
        for &value in row {
            // Written always and kept where it counts: no branch to mispredict.
            values[count] = value;
            positions[count] = at;
            count += usize::from(value != 0.0);
            at += stride;
        }
        count
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};
#[cfg(target_arch = "x86_64")]
use x86::{run_avx2, run_avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    #![expect(
        unsafe_code,
        reason = "vector intrinsics: each function takes a token that proves the features, and loads and stores \
                  touch only slices whose length was checked"
    )]

    use std::arch::x86_64::*;

    use super::{Kernel, Simd};

    /// 256-bit vectors. A value proves that the machine has AVX2, FMA and POPCNT.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx2(());

    /// 512-bit vectors. A value proves that the machine has AVX-512 F and VL, AVX2, FMA and
    /// POPCNT.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx512(());

    impl Avx2 {
        /// The token, where the machine has the instructions.
        #[inline]
        pub(crate) fn detect() -> Option<Self> {
            (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("popcnt"))
                .then_some(Self(()))
        }
    }

    impl Avx512 {
        /// The token, where the machine has the instructions.
        #[inline]
        pub(crate) fn detect() -> Option<Self> {
            (is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("popcnt"))
            .then_some(Self(()))
        }
    }

    #[target_feature(enable = "avx2,fma,popcnt")]
    pub(super) fn run_avx2<K: Kernel>(simd: Avx2, kernel: K) -> K::Output {
        kernel.run(simd)
    }

    #[target_feature(enable = "avx512f,avx512vl,avx2,fma,popcnt")]
    pub(super) fn run_avx512<K: Kernel>(simd: Avx512, kernel: K) -> K::Output {
        kernel.run(simd)
    }

    /// For each choice of eight lanes, the chosen lanes in order (the rest is of no interest).
    static CHOSEN_LANES: [[u32; 8]; 256] = chosen_lanes();

    const fn chosen_lanes() -> [[u32; 8]; 256] {
        let mut table = [[0; 8]; 256];
        let mut choice = 0;
        while choice < 256 {
            let mut count = 0;
            let mut lane = 0;
            while lane < 8 {
                if choice >> lane & 1 == 1 {
                    table[choice][count] = lane as u32;
                    count += 1;
                }
                lane += 1;
            }
            choice += 1;
        }
        table
    }

    /// Sixteen words of which a window of eight selects the first `n` lanes: it starts at `8 - n`.
    static FIRST_LANES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];

    /// All bits set in the first `count` lanes (at most eight).
    #[inline(always)]
    fn first_lanes(_: Avx2, count: usize) -> __m256i {
        let window = &FIRST_LANES[8 - count.min(8)..][..8];
        // SAFETY: the token proves AVX2; the window holds eight words.
        unsafe { _mm256_loadu_si256(window.as_ptr().cast()) }
    }

    impl Simd for Avx2 {
        type Vector = __m256;
        type Mask = __m256;
        type Half = Self;
        const LANES: usize = 8;
        const ACCUMULATORS: usize = 15;

        #[inline(always)]
        fn half(self) -> Self {
            self
        }

        #[inline(always)]
        fn splat(self, value: f32) -> __m256 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm256_set1_ps(value) }
        }

        #[inline(always)]
        fn load(self, from: &[f32]) -> __m256 {
            let from = &from[..8];
            // SAFETY: the token proves the instructions; `from` holds eight numbers.
            unsafe { _mm256_loadu_ps(from.as_ptr()) }
        }

        #[inline(always)]
        fn store(self, vector: __m256, to: &mut [f32]) {
            let to = &mut to[..8];
            // SAFETY: the token proves the instructions; `to` holds eight numbers.
            unsafe { _mm256_storeu_ps(to.as_mut_ptr(), vector) }
        }

        #[inline(always)]
        fn store_first(self, vector: __m256, to: &mut [f32]) {
            // SAFETY: the token proves the instructions; the mask chooses no lane at or past `to.len()`.
            unsafe { _mm256_maskstore_ps(to.as_mut_ptr(), first_lanes(self, to.len()), vector) }
        }

        #[inline(always)]
        fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm256_fmadd_ps(a, b, c) }
        }

        #[inline(always)]
        fn lanes(self, first: usize, end: usize) -> __m256 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm256_castsi256_ps(_mm256_andnot_si256(first_lanes(self, first), first_lanes(self, end))) }
        }

        #[inline(always)]
        fn mul_add_where(self, mask: __m256, a: __m256, b: __m256, c: __m256) -> __m256 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm256_blendv_ps(c, _mm256_fmadd_ps(a, b, c), mask) }
        }

        #[inline(always)]
        fn nonzero(self, row: &[f32], position: u32, stride: u32, values: &mut [f32], positions: &mut [u32]) -> usize {
            let mut count = 0;
            let room = row.len() + 8;
            let (values, positions) = (values[..room].as_mut_ptr(), positions[..room].as_mut_ptr());
            // SAFETY: the token proves the instructions. A masked load touches only lanes of `chunk`; a store begins at
            // `count`, at most the numbers before `chunk`, from where there is room for eight.
            unsafe {
                let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
                let stride = _mm256_set1_epi32(stride as i32);
                let mut at = _mm256_add_epi32(_mm256_set1_epi32(position as i32), _mm256_mullo_epi32(lane, stride));
                let step = _mm256_slli_epi32::<3>(stride);
                for chunk in row.chunks(8) {
                    // Lanes past the row's end are zero, so they are never chosen.
                    let vector = if chunk.len() == 8 {
                        _mm256_loadu_ps(chunk.as_ptr())
                    } else {
                        _mm256_maskload_ps(chunk.as_ptr(), first_lanes(self, chunk.len()))
                    };
                    let choice = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NEQ_UQ>(vector, _mm256_setzero_ps())) as usize;
                    let order = _mm256_loadu_si256(CHOSEN_LANES[choice].as_ptr().cast());
                    _mm256_storeu_ps(values.add(count), _mm256_permutevar8x32_ps(vector, order));
                    _mm256_storeu_si256(positions.add(count).cast(), _mm256_permutevar8x32_epi32(at, order));
                    count += choice.count_ones() as usize;
                    at = _mm256_add_epi32(at, step);
                }
            }
            count
        }
    }

    /// The first `count` lanes (at most sixteen).
    #[inline(always)]
    fn first_bits(count: usize) -> __mmask16 {
        ((1u32 << count.min(16)) - 1) as __mmask16
    }

    impl Simd for Avx512 {
        type Vector = __m512;
        type Mask = __mmask16;
        type Half = Avx2;
        const LANES: usize = 16;
        const ACCUMULATORS: usize = 28;

        #[inline(always)]
        fn half(self) -> Avx2 {
            Avx2(())
        }

        #[inline(always)]
        fn splat(self, value: f32) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm512_set1_ps(value) }
        }

        #[inline(always)]
        fn load(self, from: &[f32]) -> __m512 {
            let from = &from[..16];
            // SAFETY: the token proves the instructions; `from` holds sixteen numbers.
            unsafe { _mm512_loadu_ps(from.as_ptr()) }
        }

        #[inline(always)]
        fn store(self, vector: __m512, to: &mut [f32]) {
            let to = &mut to[..16];
            // SAFETY: the token proves the instructions; `to` holds sixteen numbers.
            unsafe { _mm512_storeu_ps(to.as_mut_ptr(), vector) }
        }

        #[inline(always)]
        fn store_first(self, vector: __m512, to: &mut [f32]) {
            // SAFETY: the token proves the instructions; the mask chooses no lane at or past `to.len()`.
            unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), first_bits(to.len()), vector) }
        }

        #[inline(always)]
        fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm512_fmadd_ps(a, b, c) }
        }

        #[inline(always)]
        fn lanes(self, first: usize, end: usize) -> __mmask16 {
            first_bits(end) & !first_bits(first)
        }

        #[inline(always)]
        fn mul_add_where(self, mask: __mmask16, a: __m512, b: __m512, c: __m512) -> __m512 {
            // SAFETY: the token proves the instructions.
            unsafe { _mm512_mask3_fmadd_ps(a, b, c, mask) }
        }

        #[inline(always)]
        fn nonzero(self, row: &[f32], position: u32, stride: u32, values: &mut [f32], positions: &mut [u32]) -> usize {
            let mut count = 0;
            let room = row.len() + 16;
            let (values, positions) = (values[..room].as_mut_ptr(), positions[..room].as_mut_ptr());
            // SAFETY: the token proves the instructions. A masked load touches only lanes of `chunk`; a store begins at
            // `count`, at most the numbers before `chunk`, from where there is room for sixteen.
            unsafe {
                let lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
                let stride = _mm512_set1_epi32(stride as i32);
                let mut at = _mm512_add_epi32(_mm512_set1_epi32(position as i32), _mm512_mullo_epi32(lane, stride));
                let step = _mm512_slli_epi32::<4>(stride);
                for chunk in row.chunks(16) {
                    // Lanes past the row's end are zero, so they are never chosen.
                    let vector = _mm512_maskz_loadu_ps(first_bits(chunk.len()), chunk.as_ptr());
                    let choice = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(vector, _mm512_setzero_ps());
                    _mm512_storeu_ps(values.add(count), _mm512_maskz_compress_ps(choice, vector));
                    _mm512_storeu_si512(positions.add(count).cast(), _mm512_maskz_compress_epi32(choice, at));
                    count += choice.count_ones() as usize;
                    at = _mm512_add_epi32(at, step);
                }
            }
            count
        }
    }
}
