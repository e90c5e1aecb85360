//! Every pass at every instruction level against plain loops, to the bit.

use proptest::prelude::*;

use super::*;

/// Reproducible numbers in (-1, 1).
fn numbers(seed: u64, length: usize) -> Vec<f32> {
    let mut state = seed;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
        })
        .collect()
}

/// The pixel that a tap of the window at (`y`, `x`) reads, where it is inside the image.
fn pixel(s: &GeneralShape, y: usize, x: usize, tap: usize) -> Option<usize> {
    let (ky, kx) = (tap / s.kernel[1], tap % s.kernel[1]);
    let row = (y * s.stride[0] + ky * s.dilation[0]).checked_sub(s.padding[0]).filter(|row| *row < s.height)?;
    let column = (x * s.stride[1] + kx * s.dilation[1]).checked_sub(s.padding[2]).filter(|column| *column < s.width)?;
    Some(row * s.width + column)
}

fn raster(s: &GeneralShape) -> impl Iterator<Item = (usize, usize)> + use<> {
    let width = s.out_width();
    (0..s.out_height()).flat_map(move |y| (0..width).map(move |x| (y, x)))
}

/// The channel that a filter's `own`-th one is.
fn channel(s: &GeneralShape, filter: usize, own: usize) -> usize {
    filter / s.group_filters() * s.group_channels() + own
}

fn forward(s: &GeneralShape, weights: &[f32], bias: &[f32], input: &[f32]) -> Vec<f32> {
    let mut output = Vec::new();
    for filter in 0..s.filters {
        for (y, x) in raster(s) {
            let mut sum = bias[filter];
            for own in 0..s.group_channels() {
                let map = &input[channel(s, filter, own) * s.height * s.width..];
                for tap in 0..s.taps() {
                    let value = pixel(s, y, x, tap).map_or(0.0, |pixel| map[pixel]);
                    sum = weights[filter * s.filter_len() + own * s.taps() + tap].mul_add(value, sum);
                }
            }
            output.push(sum);
        }
    }
    output
}

fn weight_gradient(s: &GeneralShape, gradients: &[f32], input: &[f32], to: &mut [f32]) {
    for filter in 0..s.filters {
        for own in 0..s.group_channels() {
            let map = &input[channel(s, filter, own) * s.height * s.width..];
            for tap in 0..s.taps() {
                let mut lanes = [0.0_f32; SUMS];
                for (place, (y, x)) in raster(s).enumerate() {
                    let value = pixel(s, y, x, tap).map_or(0.0, |pixel| map[pixel]);
                    let lane = &mut lanes[(y * s.plane_columns() + x) % SUMS];
                    *lane = gradients[filter * raster(s).count() + place].mul_add(value, *lane);
                }
                to[filter * s.filter_len() + own * s.taps() + tap] += lanes.iter().sum::<f32>();
            }
        }
    }
}

fn data_gradient(s: &GeneralShape, weights: &[f32], gradients: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0_f32; s.input_len()];
    for filter in 0..s.filters {
        for own in 0..s.group_channels() {
            let map = &mut sums[channel(s, filter, own) * s.height * s.width..];
            for tap in 0..s.taps() {
                for (place, (y, x)) in raster(s).enumerate() {
                    if let Some(pixel) = pixel(s, y, x, tap) {
                        let weight = weights[filter * s.filter_len() + own * s.taps() + tap];
                        map[pixel] = weight.mul_add(gradients[filter * raster(s).count() + place], map[pixel]);
                    }
                }
            }
        }
    }
    sums
}

#[track_caller]
fn assert_bits(found: &[f32], expected: &[f32], what: &str) {
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(found), bits(expected), "{what}");
}

fn check(shape: GeneralShape) {
    let weights = numbers(1, shape.weights_len());
    let bias = numbers(2, shape.filters);
    let input = numbers(3, shape.input_len());
    let gradients = numbers(4, shape.output_len());
    let start = numbers(5, shape.weights_len());
    let mut weights_expected = start.clone();
    weight_gradient(&shape, &gradients, &input, &mut weights_expected);
    for level in Instructions::available() {
        let plan = GeneralConvolution::new(shape, level);
        let mut scratch = vec![f32::NAN; plan.scratch_len()];
        let mut output = vec![f32::NAN; shape.output_len()];
        plan.forward(&weights, &bias, &input, &mut output, &mut scratch);
        assert_bits(&output, &forward(&shape, &weights, &bias, &input), &format!("{level} forward of {shape:?}"));
        let (mut buffer, mut packed) = (vec![f32::NAN; 3], Vec::new());
        plan.prepare(&gradients, &mut buffer);
        let mut accumulator = start.clone();
        accumulator.resize(plan.gradient_len(), 0.0);
        plan.weight_gradient(&buffer, &scratch, None, &mut accumulator);
        let (mut found, mut biases) = (vec![0.0; shape.weights_len()], vec![0.0; shape.filters]);
        plan.unpack_gradient(&accumulator, &mut found, &mut biases);
        assert_bits(&found, &weights_expected, &format!("{level} weights of {shape:?}"));
        for (sum, map) in biases.iter().zip(gradients.chunks(raster(&shape).count().max(1))) {
            assert!((sum - map.iter().sum::<f32>()).abs() < 1e-4 * map.len() as f32, "{level} bias of {shape:?}");
        }
        plan.pack_backward(&weights, &mut packed);
        let mut grad_input = vec![f32::NAN; shape.input_len()];
        plan.data_gradient(&packed, &mut buffer, &mut grad_input);
        assert_bits(&grad_input, &data_gradient(&shape, &weights, &gradients), &format!("{level} data of {shape:?}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_pass_is_its_definition(
        groups in 1_usize..4, channels in 1_usize..4, filters in 1_usize..7,
        size in [1_usize..20, 1..20], kernel in [1_usize..5, 1..5], stride in [1_usize..4, 1..4],
        dilation in [1_usize..4, 1..4], padding in [0_usize..4, 0..4, 0..4, 0..4],
    ) {
        let shape = GeneralShape {
            channels: groups * channels, height: size[0], width: size[1], filters: groups * filters, groups, kernel,
            stride, dilation, padding,
        };
        prop_assume!(shape.output_len() > 0);
        check(shape);
    }
}

#[test]
fn a_frozen_filter_has_no_gradient() {
    let shape = GeneralShape {
        channels: 4,
        height: 5,
        width: 6,
        filters: 4,
        groups: 4,
        kernel: [3, 3],
        stride: [1, 1],
        dilation: [1, 1],
        padding: [1; 4],
    };
    let plan = GeneralConvolution::new(shape, Instructions::widest());
    let (mut scratch, mut output) = (vec![0.0; plan.scratch_len()], vec![0.0; shape.output_len()]);
    plan.forward(&numbers(1, 36), &[0.0; 4], &numbers(2, 120), &mut output, &mut scratch);
    let mut buffer = Vec::new();
    plan.prepare(&numbers(3, 120), &mut buffer);
    let mut accumulator = vec![0.0; plan.gradient_len()];
    plan.weight_gradient(&buffer, &scratch, Some(&[true, false, true, false]), &mut accumulator);
    let moved: Vec<bool> = accumulator[..36].chunks(9).map(|own| own.iter().any(|value| *value != 0.0)).collect();
    assert_eq!(moved, [false, true, false, true]);
    assert_eq!([accumulator[36], accumulator[38]], [0.0; 2]);
}
