//! Every kernel at every instruction level against plain loops, to the bit.

use proptest::prelude::*;

use super::*;

/// Reproducible numbers without a dependency: splitmix64.
struct Numbers(u64);

impl Numbers {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In (-1, 1), or a zero of either sign with the given percentage.
    fn vector(&mut self, length: usize, percent_zero: u64) -> Vec<f32> {
        (0..length)
            .map(|_| {
                let bits = self.bits();
                let magnitude = (bits >> 40) as f32 / (1u64 << 24) as f32;
                let value = if bits % 100 < percent_zero { 0.0 } else { magnitude };
                if bits & 0x8000 == 0 { value } else { -value }
            })
            .collect()
    }

    /// As `vector`, with now and then an infinity, a NaN, and numbers so small that products vanish.
    fn strange(&mut self, length: usize, percent_zero: u64) -> Vec<f32> {
        let mut values = self.vector(length, percent_zero);
        for value in &mut values {
            match self.bits() % 64 {
                0 => *value = f32::NAN,
                1 => *value = f32::INFINITY,
                2..12 => *value *= 1e-30,
                _ => {}
            }
        }
        values
    }
}

/// The bits, with one NaN: which NaN a sum gives is not defined.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() }).collect()
}

#[track_caller]
fn assert_bits(found: &[f32], expected: &[f32], what: &str) {
    let (found_bits, expected_bits) = (bits(found), bits(expected));
    if let Some(i) = (0..expected.len()).find(|i| found_bits[*i] != expected_bits[*i]) {
        panic!("{what}: element {i} of {}: expected {:e}, found {:e}", expected.len(), expected[i], found[i]);
    }
    assert_eq!(found.len(), expected.len(), "{what}");
}

/// The definitions, word by word.
struct Plain(ConvolutionShape);

impl Plain {
    /// Where tap (`ky`, `kx`) of the window at (`y`, `x`) lies: `None` outside the rows, `Some(None)` outside columns.
    fn pixel(&self, y: usize, x: usize, ky: usize, kx: usize) -> Option<Option<usize>> {
        let s = &self.0;
        let row = (y * s.stride + ky).checked_sub(s.padding).filter(|row| *row < s.height)?;
        let column = (x * s.stride + kx).checked_sub(s.padding).filter(|column| *column < s.width);
        Some(column.map(|column| row * s.width + column))
    }

    fn forward(&self, weights: &[f32], bias: &[f32], input: &[f32]) -> Vec<f32> {
        let s = &self.0;
        let mut output = Vec::new();
        for (f, bias) in bias.iter().enumerate() {
            for (y, x) in raster(s) {
                let mut sum = *bias;
                for c in 0..s.channels {
                    for (ky, kx) in taps(s) {
                        if let Some(pixel) = self.pixel(y, x, ky, kx) {
                            let value = pixel.map_or(0.0, |pixel| input[c * s.height * s.width + pixel]);
                            sum = weights[((f * s.channels + c) * s.kernel + ky) * s.kernel + kx].mul_add(value, sum);
                        }
                    }
                }
                output.push(sum);
            }
        }
        output
    }

    fn weight_gradient(&self, gradients: &[f32], input: &[f32], weights: &mut [f32], bias: &mut [f32]) {
        let s = &self.0;
        for f in 0..s.filters {
            for (i, (y, x)) in raster(s).enumerate() {
                let g = gradients[f * raster(s).count() + i];
                if g == 0.0 {
                    continue;
                }
                bias[f] += g;
                for c in 0..s.channels {
                    for (ky, kx) in taps(s) {
                        if let Some(pixel) = self.pixel(y, x, ky, kx) {
                            let value = pixel.map_or(0.0, |pixel| input[c * s.height * s.width + pixel]);
                            let weight = &mut weights[((f * s.channels + c) * s.kernel + ky) * s.kernel + kx];
                            *weight = g.mul_add(value, *weight);
                        }
                    }
                }
            }
        }
    }

    fn data_gradient(&self, weights: &[f32], gradients: &[f32]) -> Vec<f32> {
        let s = &self.0;
        let mut sums = vec![0.0f32; s.input_len()];
        for f in 0..s.filters {
            for (i, (y, x)) in raster(s).enumerate() {
                let g = gradients[f * raster(s).count() + i];
                if g == 0.0 {
                    continue;
                }
                for c in 0..s.channels {
                    for (ky, kx) in taps(s) {
                        if let Some(Some(pixel)) = self.pixel(y, x, ky, kx) {
                            let sum = &mut sums[c * s.height * s.width + pixel];
                            *sum = g.mul_add(weights[((f * s.channels + c) * s.kernel + ky) * s.kernel + kx], *sum);
                        }
                    }
                }
            }
        }
        sums
    }
}

fn raster(s: &ConvolutionShape) -> impl Iterator<Item = (usize, usize)> + use<> {
    let width = s.out_width();
    (0..s.out_height()).flat_map(move |y| (0..width).map(move |x| (y, x)))
}

fn taps(s: &ConvolutionShape) -> impl Iterator<Item = (usize, usize)> + use<> {
    let kernel = s.kernel;
    (0..kernel).flat_map(move |y| (0..kernel).map(move |x| (y, x)))
}

/// All passes of two images at all levels. `percent_zero` is of the output's gradients.
fn check_convolution(shape: ConvolutionShape, seed: u64, percent_zero: u64, strange: bool) {
    let mut numbers = Numbers(seed);
    let mut draw = |length, percent| {
        if strange { numbers.strange(length, percent) } else { numbers.vector(length, percent) }
    };
    let weights = draw(shape.weights_len(), 5);
    let bias = draw(shape.filters, 5);
    let images: Vec<_> =
        (0..2).map(|_| (draw(shape.input_len(), 30), draw(shape.output_len(), percent_zero))).collect();
    let frozen: Vec<bool> = (0..shape.filters).map(|f| f % 3 == 1).collect();

    let plain = Plain(shape);
    let (mut plain_weights, mut plain_bias) = (vec![0.0; shape.weights_len()], vec![0.0; shape.filters]);
    for (input, gradients) in &images {
        plain.weight_gradient(gradients, input, &mut plain_weights, &mut plain_bias);
    }
    for level in Instructions::available() {
        let what = format!("{level} {shape:?} seed {seed} zeros {percent_zero}%");
        let kernel = Convolution::new(shape, level);
        let (mut forward, mut backward, mut data_scratch) = (Vec::new(), vec![7.0; 3], vec![f32::NAN; 5]);
        kernel.pack_forward(&weights, &mut forward);
        kernel.pack_backward(&weights, &mut backward);
        let mut list = NonZero::default();
        let mut accumulator = vec![0.0; kernel.gradient_len()];
        let mut part = vec![0.0; kernel.gradient_len()];
        for (input, gradients) in &images {
            // What is left in the buffers must not matter.
            let mut scratch = vec![f32::NAN; kernel.scratch_len()];
            let mut output = vec![f32::NAN; shape.output_len()];
            kernel.forward(&forward, &bias, input, &mut output, &mut scratch, false);
            let expected = plain.forward(&weights, &bias, input);
            assert_bits(&output, &expected, &format!("forward {what}"));
            kernel.forward(&forward, &bias, input, &mut output, &mut scratch, true);
            assert_bits(&output, &expected, &format!("forward, kept, {what}"));
            kernel.find(gradients, &mut list);
            assert_eq!(list.len(), gradients.iter().filter(|g| **g != 0.0).count(), "list {what}");
            // Buffers that move keep their meaning.
            let scratch = [&[f32::NAN], &scratch[..]].concat();
            kernel.weight_gradient(&list, &scratch[1..], None, &mut accumulator);
            kernel.weight_gradient(&list, &scratch[1..], Some(&frozen), &mut part);
            let mut grad_input = vec![f32::NAN; shape.input_len()];
            kernel.data_gradient(&backward, &list, &mut data_scratch, &mut grad_input);
            assert_bits(&grad_input, &plain.data_gradient(&weights, gradients), &format!("data gradient {what}"));
        }
        let (mut found, mut found_bias) = (vec![f32::NAN; shape.weights_len()], vec![f32::NAN; shape.filters]);
        kernel.unpack_gradient(&accumulator, &mut found, &mut found_bias);
        assert_bits(&found, &plain_weights, &format!("weight gradient {what}"));
        assert_bits(&found_bias, &plain_bias, &format!("bias gradient {what}"));
        kernel.unpack_gradient(&part, &mut found, &mut found_bias);
        for f in 0..shape.filters {
            let range = f * shape.filter_len()..(f + 1) * shape.filter_len();
            let expected =
                if frozen[f] { vec![0.0; shape.filter_len()] } else { plain_weights[range.clone()].to_vec() };
            assert_bits(&found[range], &expected, &format!("weight gradient, frozen, {what}"));
            assert_bits(&found_bias[f..=f], &[if frozen[f] { 0.0 } else { plain_bias[f] }], "frozen bias");
        }
    }
}

fn convolution(sizes: [usize; 7]) -> ConvolutionShape {
    let [channels, height, width, filters, kernel, stride, padding] = sizes;
    ConvolutionShape { channels, height, width, filters, kernel, stride, padding }
}

#[test]
fn convolutions_of_known_networks_equal_plain_loops() {
    for sizes in [
        // The paper's network, on images of 32 pixels.
        [3, 32, 32, 16, 5, 1, 2],
        [16, 16, 16, 20, 5, 1, 2],
        [20, 8, 8, 20, 5, 1, 2],
        // Digits of 8 and of 28 pixels.
        [1, 8, 8, 8, 3, 1, 1],
        [8, 4, 4, 16, 3, 1, 1],
        [16, 2, 2, 16, 3, 1, 1],
        [16, 1, 1, 10, 1, 1, 0],
        [1, 28, 28, 6, 5, 1, 2],
        [6, 14, 14, 16, 5, 1, 0],
        // Filters that fill no block, channels that fill no vector, windows that hang over both edges.
        [2, 9, 40, 1, 1, 1, 0],
        [5, 7, 33, 13, 7, 1, 3],
        [33, 5, 17, 37, 3, 1, 1],
        [4, 2, 3, 5, 7, 1, 3],
        [17, 11, 19, 7, 4, 2, 3],
        [3, 13, 31, 11, 6, 3, 2],
        [1, 1, 1, 3, 7, 1, 3],
        [2, 3, 2, 3, 7, 2, 3],
        // Nothing to compute: the kernel does not fit, or something is empty.
        [2, 3, 3, 4, 5, 1, 0],
        [0, 3, 3, 4, 3, 1, 0],
        [2, 3, 3, 0, 3, 1, 1],
    ] {
        for (seed, percent_zero) in [(1, 0), (2, 80), (3, 100)] {
            check_convolution(convolution(sizes), seed, percent_zero, false);
        }
        check_convolution(convolution(sizes), 4, 50, true);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_convolution_equals_plain_loops(
        (channels, filters) in (1usize..=40, 1usize..=40),
        (height, width) in (1usize..=12, 1usize..=40),
        (kernel, stride, padding) in (1usize..=7, 1usize..=3, 0usize..=3),
        percent_zero in prop_oneof![Just(0u64), Just(75), Just(97)],
        strange in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let sizes = [channels, height, width, filters, kernel, stride, padding];
        check_convolution(convolution(sizes), seed, percent_zero, strange);
    }

    #[test]
    fn any_fully_connected_layer_equals_plain_loops(
        inputs in 0usize..200,
        outputs in 0usize..180,
        percent_zero in prop_oneof![Just(0u64), Just(80)],
        strange in any::<bool>(),
        seed in any::<u64>(),
    ) {
        check_fully_connected(inputs, outputs, percent_zero, strange, seed);
    }

    #[test]
    fn any_pooling_equals_plain_loops(
        (channels, height, width) in (0usize..5, 1usize..20, 1usize..40),
        (kernel, stride) in (1usize..=5, 1usize..=3),
        padding in 0usize..=2,
        halves in any::<bool>(),
        strange in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let (kernel, stride, padding) = if halves { (2, 2, 0) } else { (kernel, stride, padding.min(kernel / 2)) };
        check_pools(PoolShape { channels, height, width, kernel, stride, padding }, strange, seed);
    }

    #[test]
    fn relu_passes_what_is_above_zero(length in 0usize..100, seed in any::<u64>()) {
        let mut numbers = Numbers(seed);
        let (values, gradients) = (numbers.strange(length, 20), numbers.strange(length, 20));
        for level in Instructions::available() {
            let mut output = vec![f32::NAN; length];
            relu(level, &values, &mut output);
            let expected: Vec<f32> =
                values.iter().map(|v| if *v > 0.0 || v.is_nan() { *v } else { 0.0 }).collect();
            assert_bits(&output, &expected, "relu");
            let mut passed = vec![f32::NAN; length];
            relu_backward(level, &output, &gradients, &mut passed);
            let expected: Vec<f32> =
                output.iter().zip(&gradients).map(|(o, g)| if *o > 0.0 { *g } else { 0.0 }).collect();
            assert_bits(&passed, &expected, "relu backward");
        }
    }
}

fn check_fully_connected(inputs: usize, outputs: usize, percent_zero: u64, strange: bool, seed: u64) {
    let mut numbers = Numbers(seed);
    let mut draw = |length, percent| {
        if strange { numbers.strange(length, percent) } else { numbers.vector(length, percent) }
    };
    let (weights, bias) = (draw(outputs * inputs, 5), draw(outputs, 5));
    let (input, gradients) = (draw(inputs, 30), draw(outputs, percent_zero));
    let frozen: Vec<bool> = (0..outputs).map(|o| o % 3 == 1).collect();

    let mut plain_output = bias.clone();
    let (mut plain_weights, mut plain_bias) = (vec![0.0f32; outputs * inputs], vec![0.0; outputs]);
    let mut plain_input = vec![0.0f32; inputs];
    for o in 0..outputs {
        for i in 0..inputs {
            plain_output[o] = weights[o * inputs + i].mul_add(input[i], plain_output[o]);
        }
        if gradients[o] == 0.0 {
            continue;
        }
        for i in 0..inputs {
            plain_input[i] = gradients[o].mul_add(weights[o * inputs + i], plain_input[i]);
        }
        if !frozen[o] {
            plain_bias[o] += gradients[o];
            for i in 0..inputs {
                plain_weights[o * inputs + i] = gradients[o].mul_add(input[i], plain_weights[o * inputs + i]);
            }
        }
    }
    for level in Instructions::available() {
        let what = format!("{level} {inputs} -> {outputs} seed {seed}");
        let kernel = FullyConnected::new(inputs, outputs, level);
        let mut packed = vec![f32::NAN; 3];
        kernel.pack_forward(&weights, &mut packed);
        let mut output = vec![f32::NAN; outputs];
        kernel.forward(&packed, &bias, &input, &mut output);
        assert_bits(&output, &plain_output, &format!("forward {what}"));
        let mut accumulator = vec![0.0; kernel.gradient_len()];
        kernel.weight_gradient(&gradients, &input, Some(&frozen), &mut accumulator);
        let (mut found, mut found_bias) = (vec![f32::NAN; outputs * inputs], vec![f32::NAN; outputs]);
        kernel.unpack_gradient(&accumulator, &mut found, &mut found_bias);
        assert_bits(&found, &plain_weights, &format!("weight gradient {what}"));
        assert_bits(&found_bias, &plain_bias, &format!("bias gradient {what}"));
        let mut grad_input = vec![f32::NAN; inputs];
        kernel.data_gradient(&weights, &gradients, &mut grad_input);
        assert_bits(&grad_input, &plain_input, &format!("data gradient {what}"));
    }
}

fn check_pools(shape: PoolShape, strange: bool, seed: u64) {
    let mut numbers = Numbers(seed);
    let mut draw = |length| {
        if strange { numbers.strange(length, 30) } else { numbers.vector(length, 30) }
    };
    let (mut input, gradients) = (draw(shape.input_len()), draw(shape.output_len()));
    // A few values only, so that windows have ties.
    for value in &mut input {
        *value = if value.abs() < 0.9 { (*value * 3.0).round() } else { *value };
    }
    let PoolShape { channels, height, width, kernel, stride, padding } = shape;
    let (mut maxima, mut positions, mut averages) = (Vec::new(), Vec::new(), Vec::new());
    let (mut max_gradient, mut average_gradient) = (vec![0.0; shape.input_len()], vec![0.0; shape.input_len()]);
    let reciprocal = 1.0 / (kernel * kernel) as f32;
    for c in 0..channels {
        for (y, x) in (0..shape.out_height()).flat_map(|y| (0..shape.out_width()).map(move |x| (y, x))) {
            let mut window = Vec::new();
            for (ky, kx) in (0..kernel).flat_map(|ky| (0..kernel).map(move |kx| (ky, kx))) {
                let row = (y * stride + ky).checked_sub(padding).filter(|row| *row < height);
                let column = (x * stride + kx).checked_sub(padding).filter(|column| *column < width);
                window.extend(row.zip(column).map(|(row, column)| row * width + column));
            }
            let map = c * height * width;
            let (mut best, mut best_at, mut sum) = (f32::NEG_INFINITY, window[0], 0.0);
            let gradient = gradients[maxima.len()];
            for at in window {
                let value = input[map + at];
                if value > best || value.is_nan() {
                    (best, best_at) = (value, at);
                }
                sum += value;
                average_gradient[map + at] += gradient * reciprocal;
            }
            max_gradient[map + best_at] += gradient;
            maxima.push(best);
            positions.push(best_at as u32);
            averages.push(sum * reciprocal);
        }
    }
    for level in Instructions::available() {
        let what = format!("{level} {shape:?} seed {seed}");
        let (mut output, mut argmax) = (vec![f32::NAN; shape.output_len()], vec![u32::MAX; shape.output_len()]);
        let mut grad_input = vec![f32::NAN; shape.input_len()];
        let max = MaxPool::new(shape, level);
        max.forward(&input, &mut output, &mut argmax);
        assert_bits(&output, &maxima, &format!("max {what}"));
        assert_eq!(argmax, positions, "max {what}");
        max.backward(&argmax, &gradients, &mut grad_input);
        assert_bits(&grad_input, &max_gradient, &format!("max backward {what}"));
        let average = AveragePool::new(shape, level);
        average.forward(&input, &mut output);
        assert_bits(&output, &averages, &format!("average {what}"));
        average.backward(&gradients, &mut grad_input);
        assert_bits(&grad_input, &average_gradient, &format!("average backward {what}"));
    }
}

#[test]
fn instruction_levels_are_ordered_and_have_names() {
    let available = Instructions::available();
    assert!(available.is_sorted());
    assert_eq!(available.last(), Some(&Instructions::widest()));
    for level in [Instructions::Scalar, Instructions::Avx2, Instructions::Avx512] {
        assert_eq!(level.to_string().parse(), Ok(level));
        assert!(level.supported() <= level);
    }
    let message = "mmx".parse::<Instructions>().expect_err("no such level").to_string();
    assert_eq!(message, "expected the instructions `scalar`, `avx2` or `avx512`, found `mmx`");
}
