//! Every layer's gradient against central differences of the loss.
//!
//! The loss that a step reports is at the weights before its update, on its
//! batch, with its dropout masks. So restoring a state with its weights moved
//! by ±h·d and stepping gives loss(w ± h·d), and the slope of the two is the
//! gradient's product with d. With a learning rate of 0 nothing else moves.
//!
//! A layer's coefficients and its biases are each moved along several
//! directions: along single random signs on a random quarter of them, so that
//! a mistake at a border or in one tap is not averaged away. What is bounded
//! is the error of all directions together against their slopes: the rounding
//! of a loss in 32 bits, about 1e-7, over 2h, is small beside slopes of 0.01
//! and more. Where the loss has kinks (ReLU, maximum) the step is smaller, so
//! that few of them are crossed, and the bound wider.

mod common;

use common::{noise, trainer};
use revacnn_schemas::{ImageShape, ParameterState, TrainingState};
use revacnn_trainer::Trainer;
use revacnn_trainer::data::Stream;
use serde_json::{Value, json};

/// Neither square nor a multiple of any vector's length.
const SHAPE: ImageShape = ImageShape { channels: 3, height: 9, width: 11 };
const DIRECTIONS: u64 = 12;

/// Whether the loss is differentiable everywhere.
#[derive(Clone, Copy)]
enum Loss {
    Smooth,
    /// Smooth, and a sum over the values of an image: its rounding needs a longer move.
    Summed,
    Kinked,
}

impl Loss {
    /// Length of a move, and the error that is let pass.
    fn tolerance(self) -> (f64, f64) {
        match self {
            Self::Smooth => (1e-2, 1e-3),
            Self::Summed => (4e-2, 5e-3),
            Self::Kinked => (5e-4, 2e-2),
        }
    }
}

/// Which parameters of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Coefficients,
    Biases,
}

fn values(state: &mut ParameterState, part: Part) -> &mut [f32] {
    match part {
        Part::Coefficients => &mut state.weights,
        Part::Biases => &mut state.biases,
    }
}

/// A direction of length 1: random signs on about a quarter of the places.
fn direction(length: usize, number: u64) -> Vec<f64> {
    let mut stream = Stream::new("test direction", &[length as u64, number]);
    let mut signs: Vec<f64> =
        (0..length).map(|_| [1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0][stream.below(8) as usize]).collect();
    signs[stream.below(length as u64) as usize] = 1.0;
    let norm = signs.iter().map(|sign| sign * sign).sum::<f64>().sqrt();
    signs.iter().map(|sign| sign / norm).collect()
}

fn loss_at(trainer: &mut Trainer, state: &TrainingState) -> f64 {
    trainer.restore(state).unwrap();
    f64::from(trainer.step().unwrap().loss)
}

/// Relative error of the gradient of one part of one layer.
fn error_of(trainer: &mut Trainer, state: &TrainingState, layer: usize, part: Part, step_length: f64) -> f64 {
    loss_at(trainer, state);
    let (weights, biases) = &trainer.gradients()[layer];
    let gradient = if part == Part::Coefficients { weights.clone() } else { biases.clone() };
    let (mut error, mut size) = (0.0, 0.0);
    for number in 0..DIRECTIONS {
        let direction = direction(gradient.len(), number);
        let mut losses = [0.0; 2];
        for (loss, sign) in losses.iter_mut().zip([1.0, -1.0]) {
            let mut moved = state.clone();
            for (value, along) in values(&mut moved.parameters[layer], part).iter_mut().zip(&direction) {
                *value = (f64::from(*value) + sign * step_length * along) as f32;
            }
            *loss = loss_at(trainer, &moved);
        }
        let slope = (losses[0] - losses[1]) / (2.0 * step_length);
        let expected: f64 = gradient.iter().zip(&direction).map(|(&value, along)| f64::from(value) * along).sum();
        error += (slope - expected) * (slope - expected);
        size += slope * slope;
    }
    (error / size).sqrt()
}

/// Checks every layer with weights of a network, on a batch of five.
fn check(name: &str, layers: Value, loss: Loss) {
    let dataset = noise(SHAPE, 4, 40);
    let mut trainer = trainer(layers, json!({"kind": "sgd", "learning_rate": 0.0}), 5, &dataset);
    let mut state = trainer.state();
    // Away from zeros and ones, where a missing bias or scale shows nothing.
    let mut stream = Stream::new("test biases", &[]);
    for layer in &mut state.parameters {
        layer.biases.iter_mut().for_each(|bias| *bias += 0.3 * stream.normal_f32());
        if layer.running.is_some() {
            layer.weights.iter_mut().for_each(|scale| *scale += 0.3 * stream.normal_f32());
        }
    }
    let (step_length, tolerance) = loss.tolerance();
    let names: Vec<String> = trainer.topology().parameter_layers().map(|layer| layer.layer.to_string()).collect();
    let normalised: Vec<bool> = {
        let kinds: Vec<&str> = trainer.topology().layers.iter().map(|layer| layer.kind.as_str()).collect();
        let followed = |at: usize| kinds.get(at + 1) == Some(&"batchnorm");
        let weighted = trainer.topology().layers.iter().enumerate().filter(|(_, layer)| layer.coefficients.is_some());
        weighted.map(|(at, _)| followed(at)).collect()
    };
    for (layer, layer_name) in names.iter().enumerate() {
        for part in [Part::Coefficients, Part::Biases] {
            if part == Part::Biases && normalised[layer] {
                // Normalisation takes every bias out again: the slope is 0.
                loss_at(&mut trainer, &state);
                assert!(trainer.gradients()[layer].1.iter().all(|slope| slope.abs() < 1e-6), "{name}: {layer_name}");
                continue;
            }
            let error = error_of(&mut trainer, &state, layer, part, step_length);
            assert!(error < tolerance, "{name}: {part:?} of {layer_name} are off by {error:.5}, at most {tolerance}");
        }
    }
}

#[test]
fn convolutions_of_every_stride_and_padding() {
    for (kernel, stride, pad) in
        [(1, 1, 0), (2, 1, 1), (3, 2, 1), (4, 1, 3), (4, 3, 0), (5, 3, 2), (5, 1, 2), (7, 2, 3), (8, 1, 0), (8, 1, 7)]
    {
        let name = format!("kernel {kernel}, stride {stride}, pad {pad}");
        let layers = json!([
            {"kind": "conv", "filters": 5, "kernel": 2, "activation": "tanh"},
            {"kind": "conv", "filters": 6, "kernel": kernel, "stride": stride, "pad": pad, "activation": "tanh"},
        ]);
        check(&name, layers, Loss::Smooth);
    }
}

#[test]
fn convolutions_of_more_filters_than_a_vector_has_lanes() {
    let layers = json!([
        {"kind": "conv", "filters": 19, "kernel": 3, "pad": 1, "activation": "tanh"},
        {"kind": "conv", "filters": 33, "kernel": 3, "stride": 2},
    ]);
    check("19 and 33 filters", layers, Loss::Smooth);
}

#[test]
fn average_pools_also_overlapping_padded_and_with_rows_left_over() {
    for (kernel, stride, pad) in [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0), (4, 3, 2)] {
        let layers = json!([
            {"kind": "conv", "filters": 4, "kernel": 3, "pad": 1, "activation": "tanh"},
            {"kind": "pool", "method": "average", "kernel": kernel, "stride": stride, "pad": pad},
        ]);
        check(&format!("average {kernel}/{stride}/{pad}"), layers, Loss::Smooth);
    }
}

#[test]
fn max_pools_also_overlapping_padded_and_with_rows_left_over() {
    for (kernel, stride, pad) in [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0), (4, 3, 2)] {
        let layers = json!([
            {"kind": "conv", "filters": 4, "kernel": 3, "pad": 1, "activation": "tanh"},
            {"kind": "pool", "kernel": kernel, "stride": stride, "pad": pad},
        ]);
        check(&format!("max {kernel}/{stride}/{pad}"), layers, Loss::Kinked);
    }
}

#[test]
fn global_average_pools() {
    let layers = json!([
        {"kind": "conv", "filters": 7, "kernel": 3, "activation": "tanh"},
        {"kind": "global-average-pool"},
        {"kind": "fully-connected", "units": 5, "activation": "tanh"},
    ]);
    check("global average", layers, Loss::Smooth);
}

#[test]
fn maxout_of_maps_and_of_units() {
    let maps = json!([
        {"kind": "conv", "filters": 6, "kernel": 3, "stride": 3},
        {"kind": "maxout", "pieces": 3},
    ]);
    check("maxout of maps", maps, Loss::Kinked);
    let units = json!([
        {"kind": "conv", "filters": 4, "kernel": 3, "stride": 2, "activation": "tanh"},
        {"kind": "fully-connected", "units": 10},
        {"kind": "maxout"},
    ]);
    check("maxout of units", units, Loss::Kinked);
}

#[test]
fn relu_within_a_convolution_and_tanh_as_layers_of_their_own() {
    let layers = json!([
        {"kind": "conv", "filters": 6, "kernel": 3, "activation": "relu"},
        {"kind": "conv", "filters": 5, "kernel": 3},
        {"kind": "activation", "function": "relu"},
        {"kind": "conv", "filters": 5, "kernel": 2},
        {"kind": "activation", "function": "tanh"},
    ]);
    check("activations", layers, Loss::Kinked);
}

#[test]
fn sigmoid_and_gelu_within_a_layer_and_as_layers_of_their_own() {
    for function in ["gelu", "sigmoid"] {
        // Few layers: a sigmoid leaves a quarter of a slope at most.
        let within = json!([{"kind": "conv", "filters": 6, "kernel": 3, "activation": function}]);
        check(&format!("{function} within"), within, Loss::Smooth);
        let alone = json!([
            {"kind": "fully-connected", "units": 9},
            {"kind": "activation", "function": function},
        ]);
        check(&format!("{function} alone"), alone, Loss::Smooth);
    }
}

#[test]
fn leaky_relu_within_a_layer_and_as_a_layer_of_its_own() {
    let layers = json!([
        {"kind": "conv", "filters": 6, "kernel": 3, "activation": "leaky-relu"},
        {"kind": "fully-connected", "units": 7},
        {"kind": "activation", "function": "leaky-relu"},
    ]);
    check("leaky relu", layers, Loss::Kinked);
}

#[test]
fn fully_connected_layers_in_a_row() {
    let layers = json!([
        {"kind": "fully-connected", "units": 17, "activation": "tanh"},
        {"kind": "fully-connected", "units": 9},
        {"kind": "fully-connected", "units": 5, "activation": "tanh"},
    ]);
    check("fully connected", layers, Loss::Smooth);
}

#[test]
fn the_class_layer_alone() {
    check("softmax", json!([]), Loss::Smooth);
}

#[test]
fn every_loss_of_a_class_layer() {
    let before = json!({"kind": "conv", "filters": 5, "kernel": 3, "activation": "tanh"});
    for (class_layer, loss) in [
        (json!({"kind": "softmax", "label_smoothing": 0.2}), Loss::Smooth),
        (json!({"kind": "svm"}), Loss::Kinked),
        (json!({"kind": "regression"}), Loss::Smooth),
        (json!({"kind": "regression", "target": "image"}), Loss::Summed),
    ] {
        check(&class_layer.to_string(), json!([before, class_layer]), loss);
    }
}

#[test]
fn normalisation_by_the_batch_after_convolutions_units_pools_and_the_image() {
    let layers = json!([
        {"kind": "batchnorm"},
        // Padded: otherwise the next normalisation takes the shift out again.
        {"kind": "conv", "filters": 5, "kernel": 3, "stride": 2, "pad": 1},
        {"kind": "batchnorm", "epsilon": 0.01},
        {"kind": "activation", "function": "tanh"},
        {"kind": "pool", "method": "average", "kernel": 2},
        {"kind": "batchnorm"},
        {"kind": "activation", "function": "tanh"},
        {"kind": "fully-connected", "units": 6},
        {"kind": "batchnorm", "epsilon": 0.1},
        {"kind": "activation", "function": "tanh"},
    ]);
    check("batch normalisation", layers, Loss::Smooth);
}

#[test]
fn normalisation_by_the_image_after_convolutions_units_and_the_image() {
    let layers = json!([
        {"kind": "layernorm"},
        {"kind": "conv", "filters": 5, "kernel": 3, "stride": 2, "pad": 1},
        {"kind": "layernorm", "epsilon": 0.01},
        {"kind": "activation", "function": "tanh"},
        {"kind": "fully-connected", "units": 6},
        {"kind": "layernorm", "epsilon": 0.1},
        {"kind": "activation", "function": "tanh"},
    ]);
    check("layer normalisation", layers, Loss::Smooth);
}

#[test]
fn normalisation_by_neighbouring_channels() {
    for size in [1, 2, 5, 40] {
        let layers = json!([
            {"kind": "conv", "filters": 7, "kernel": 3, "activation": "tanh"},
            {"kind": "local-response-norm", "size": size, "alpha": 2.0, "beta": 0.6, "k": 0.7},
            {"kind": "conv", "filters": 5, "kernel": 3, "activation": "tanh"},
            {"kind": "local-response-norm"},
        ]);
        check(&format!("local response normalisation over {size}"), layers, Loss::Smooth);
    }
}

#[test]
fn convolutions_of_groups_dilation_and_what_differs_by_side() {
    for parameters in [
        json!({"groups": 2, "kernel": 3}),
        json!({"groups": 6, "kernel": 3, "pad": 1}),
        json!({"groups": 6, "filters": 12, "kernel": [3, 2], "stride": [1, 2]}),
        json!({"dilation": 2, "kernel": 3, "pad": 2}),
        json!({"dilation": [1, 3], "kernel": [2, 3], "stride": 2, "pad": [0, 1, 3, 2]}),
        json!({"groups": 3, "kernel": [1, 5], "stride": [2, 3], "pad": [0, 0, 4, 1]}),
    ] {
        let mut layer = json!({"kind": "conv", "filters": 6, "activation": "tanh"});
        layer.as_object_mut().unwrap().extend(parameters.as_object().unwrap().clone());
        let layers = json!([{"kind": "conv", "filters": 6, "kernel": 2, "activation": "tanh"}, layer]);
        check(&parameters.to_string(), layers, Loss::Smooth);
    }
}

#[test]
fn dropout_with_the_masks_of_its_step() {
    let layers = json!([
        {"kind": "conv", "filters": 5, "kernel": 3, "activation": "tanh"},
        {"kind": "dropout", "rate": 0.4},
        {"kind": "fully-connected", "units": 12, "activation": "tanh"},
        {"kind": "dropout", "rate": 0.25},
    ]);
    check("dropout", layers, Loss::Smooth);
}

#[test]
fn sums_and_concatenations_of_layers_that_others_read_as_well() {
    let layers = json!([
        {"kind": "conv", "filters": 5, "kernel": 3, "pad": 1, "activation": "tanh"},
        {"kind": "conv", "filters": 5, "kernel": 3, "pad": 1, "activation": "tanh"},
        {"kind": "add", "reads": ["conv2", "conv1"]},
        {"kind": "activation", "function": "tanh"},
        {"kind": "conv", "filters": 4, "kernel": 3, "stride": 2, "pad": 1, "activation": "tanh"},
        {"kind": "conv", "filters": 4, "kernel": 1, "stride": 2, "reads": ["activation1"]},
        {"kind": "add", "reads": ["conv3", "conv4"]},
        {"kind": "conv", "filters": 3, "kernel": 3, "pad": 1, "activation": "tanh"},
        {"kind": "concat", "reads": ["conv5", "add2", "conv4"]},
    ]);
    check("residual and dense", layers, Loss::Smooth);
    let normalised = json!([
        {"kind": "conv", "filters": 5, "kernel": 3, "pad": 1},
        {"kind": "batchnorm"},
        {"kind": "fully-connected", "units": 5, "activation": "tanh"},
        {"kind": "fully-connected", "units": 5, "reads": ["batchnorm1"]},
        {"kind": "add", "reads": ["fc2", "fc1"]},
        {"kind": "batchnorm", "epsilon": 0.1},
        {"kind": "concat", "reads": ["batchnorm2", "fc2"]},
    ]);
    check("sums that are normalised", normalised, Loss::Smooth);
}
