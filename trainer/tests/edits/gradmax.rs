//! Filters that get the largest gradient.

use std::sync::Arc;

use revacnn_schemas::{AugmentationSpec, Change, Edit, ImageShape, TrainingState};
use revacnn_trainer::data::{Dataset, Stream};
use revacnn_trainer::{Edited, Trainer};
use serde_json::{Value, json};

use crate::common::trainer;
use crate::support::{child, edited, edits, layers, plain_layers, trained};

/// ‖gradient at the coefficients that read conv1's filter 5‖ / ‖its own‖.
fn gradient_per_norm(parent: &Trainer, text: &str) -> f64 {
    let mut child = child(&edited(parent, &[text]), 1);
    let norm = |values: &[f32]| values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    let own = norm(&child.parameters()[0].weights[5 * 18..]);
    child.step().unwrap();
    let reader = &child.gradients()[1].0;
    let outgoing: Vec<f32> = reader.chunks(6 * 9).flat_map(|filter| filter[5 * 9..].to_vec()).collect();
    norm(&outgoing) / own
}

#[test]
fn gradmax_begins_with_a_larger_gradient_than_the_draw() {
    let parent = trained(plain_layers(), 4);
    for seed in 0..3 {
        let drawn = gradient_per_norm(&parent, &format!("add-filter conv1 init=zero seed={seed}"));
        let found = gradient_per_norm(&parent, &format!("add-filter conv1 init=gradmax seed={seed}"));
        assert!(found > drawn * 1.1, "{found} and {drawn}");
    }
    let many = edited(&parent, &["add-filter conv1 count=3 init=gradmax"]);
    let weights = &many.state.parameters[0].weights[5 * 18..];
    let dot = |left: usize, right: usize| -> f64 {
        (0..18).map(|place| f64::from(weights[left * 18 + place]) * f64::from(weights[right * 18 + place])).sum()
    };
    for (left, right) in [(0, 1), (0, 2), (1, 2)] {
        assert!(dot(left, right).abs() < 1e-5 * dot(left, left), "filters {left} and {right} are orthogonal");
    }
    assert!((dot(0, 0) / dot(1, 1) - 1.0).abs() < 1e-5, "they have one norm");
}

/// GradMax is never below its draw, whatever lies between filter and reader.
#[test]
fn gradmax_reports_a_ratio_of_at_least_1() {
    for layers in [layers(), plain_layers()] {
        let parent = trained(layers, 4);
        for layer in ["conv1", "conv2", "fc1"] {
            let summary = edited(&parent, &[&format!("add-filter {layer} init=gradmax")]).effects[0].summary.clone();
            let ratio = summary.split(" is ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
            assert!(ratio.parse::<f64>().unwrap() > 1.0, "{summary}");
        }
    }
}

/// Half the squared gradient at the coefficients that read a new filter, by an
/// ordinary training step: nothing of the search is in it.
struct Measured {
    child: Trainer,
    state: TrainingState,
    layer: usize,
    reader: usize,
    position: usize,
}

impl Measured {
    fn of(edited: &Edited, layer: &str, position: usize) -> Self {
        let child = child(edited, 1);
        let place = |name: &str| child.topology().parameter_layers().position(|layer| layer.layer.as_str() == name);
        let layer = place(layer).unwrap();
        let reader = layer
            + 1
            + child.topology().parameter_layers().skip(layer + 1).position(|layer| !layer.normalises).unwrap();
        Self { state: child.state(), child, layer, reader, position }
    }

    fn coefficients(&self) -> usize {
        let state = &self.state.parameters[self.layer];
        state.weights.len() / state.biases.len()
    }

    fn own(&self) -> Vec<f32> {
        self.state.parameters[self.layer].weights[self.position * self.coefficients()..][..self.coefficients()].to_vec()
    }

    fn objective(&mut self, values: &[f32]) -> f64 {
        let start = self.position * values.len();
        self.state.parameters[self.layer].weights[start..][..values.len()].copy_from_slice(values);
        self.child.restore(&self.state).unwrap();
        self.child.step().unwrap();
        let filters = self.child.parameters()[self.reader].biases.len();
        let gradients = &self.child.gradients()[self.reader].0;
        let length = gradients.len() / filters;
        let per_channel = length / self.state.parameters[self.layer].biases.len();
        let own = gradients.chunks(length).flat_map(|filter| &filter[self.position * per_channel..][..per_channel]);
        own.map(|&gradient| 0.5 * f64::from(gradient).powi(2)).sum()
    }
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

/// A vector of this norm in a random direction.
fn random(number: u64, length: usize, wanted: f64) -> Vec<f32> {
    let mut stream = Stream::new("random filter", &[number]);
    let values: Vec<f32> = (0..length).map(|_| stream.normal_f32()).collect();
    let scale = wanted / norm(&values);
    values.iter().map(|&value| (f64::from(value) * scale) as f32).collect()
}

/// The gradient is orthogonal to the weights where a normalisation follows,
/// and the ascent jumped at right angles: 16 of 17 filters were beaten, the
/// best random vector had 4.1 times their squared gradient.
#[test]
fn gradmax_is_hardly_ever_beaten_by_a_random_filter_of_its_norm() {
    for layers in [layers(), plain_layers()] {
        let parent = trained(layers.clone(), 4);
        for (layer, position) in [("conv1", 5), ("conv2", 4), ("fc1", 6)] {
            for seed in 0..3 {
                let edited = edited(&parent, &[&format!("add-filter {layer} init=gradmax seed={seed}")]);
                let mut measured = Measured::of(&edited, layer, position);
                let own = measured.own();
                let found = measured.objective(&own);
                let drawn = (0..1_000).map(|number| random(number, own.len(), norm(&own)));
                let drawn: Vec<f64> = drawn.map(|values| measured.objective(&values)).collect();
                let beaten = drawn.iter().filter(|&&objective| objective > found).count();
                let best = drawn.iter().copied().fold(0.0, f64::max) / found;
                assert!(beaten <= 1, "{layer}, seed {seed}: beaten by {beaten}, the best has {best} times; {layers}");
            }
        }
    }
}

/// The one filter before is 0 or above, and so is the new unit's sum for a
/// coefficient above 0 alone: half of all draws are dead on the whole batch,
/// and were told as "1.000 times the random draw's".
#[test]
fn a_draw_without_a_gradient_gives_way_to_one_that_has_it() {
    let units = |units: usize| json!({"kind": "fully-connected", "units": units, "activation": "relu"});
    let parent = trained(json!([units(1), units(3)]), 0);
    let mut dead = 0;
    for seed in 0..12 {
        let drawn = edited(&parent, &[&format!("add-filter fc2 init=zero seed={seed}")]);
        let found = edited(&parent, &[&format!("add-filter fc2 init=gradmax seed={seed}")]);
        let [drawn, found_weight] = [&drawn, &found].map(|edited| edited.state.parameters[1].weights[3]);
        assert!(found_weight > 0.0, "seed {seed}: {found_weight}");
        let summary = &found.effects[0].summary;
        if drawn < 0.0 {
            dead += 1;
            assert!(summary.ends_with("is above 0, where the random draw has no gradient"), "{summary}");
        } else {
            assert!(summary.ends_with("is 1.000 times the random draw's"), "{summary}");
        }
        let mut measured = Measured::of(&found, "fc2", 3);
        assert!(measured.objective(&[found_weight]) > 0.0);
    }
    assert!((1..12).contains(&dead), "{dead} of 12 draws are dead");
}

/// Nothing comes through a layer of zeros; and a reader that is normalised
/// gets gradients that add up to nothing where all images are alike: what is
/// left then is rounding, in the draw and in what is found.
#[test]
fn where_no_direction_has_a_gradient_that_is_said_and_no_ratio() {
    let nothing = "is 0: no direction has a gradient on this batch, and the draw stays";
    let units = |units: usize| json!({"kind": "fully-connected", "units": units, "activation": "relu"});
    let parent = trained(json!([units(1), units(3)]), 0);
    let layer = "fc1".parse().unwrap();
    let zeros = Change::SetWeights {
        layer,
        filter: revacnn_schemas::FilterNumber(0),
        values: vec![0.0; 128],
        shape: None,
        bias: None,
    };
    let zeros = Edit::new(zeros);
    let asked = |text: &str| [zeros.clone(), edits(&[text]).remove(0)];
    let found = parent.edited(&asked("add-filter fc2 init=gradmax count=1 seed=4")).unwrap();
    let drawn = parent.edited(&asked("add-filter fc2 init=zero count=1 seed=4")).unwrap();
    assert!(found.effects[1].summary.ends_with(nothing), "{}", found.effects[1].summary);
    assert_eq!(found.state, drawn.state, "the draw stays");

    let alike = alike(json!([
        {"kind": "conv", "filters": 3, "kernel": 3, "activation": "tanh"},
        {"kind": "conv", "filters": 4, "kernel": 3},
        {"kind": "pool", "method": "average", "kernel": 4},
        {"kind": "batchnorm"},
    ]));
    for seed in 0..4 {
        let found = edited(&alike, &[&format!("add-filter conv1 init=gradmax seed={seed}")]);
        assert!(found.effects[0].summary.ends_with(nothing), "{}", found.effects[0].summary);
    }
}

/// A trainer on images that are all the same.
fn alike(layers: Value) -> Trainer {
    let shape = ImageShape { channels: 2, height: 8, width: 8 };
    let labels: Vec<u8> = (0..40).map(|image| (image * 3 % 4) as u8).collect();
    let image: Vec<u8> = (0..shape.len()).map(|pixel| (pixel * 37 % 251) as u8).collect();
    let names = (0..4).map(|class| format!("class {class}")).collect();
    let train = (image.repeat(labels.len()), labels);
    let dataset = Dataset::new("alike", shape, names, train, (image, vec![0]), AugmentationSpec::NONE).unwrap();
    trainer(layers, json!({"kind": "sgd"}), 12, &Arc::new(dataset))
}

/// What was found is a value of the edit: a fork that is made again, or by a
/// program that searches otherwise, has the same bits.
#[test]
fn what_was_found_is_kept_in_the_edit() {
    let parent = trained(layers(), 4);
    let first = edited(&parent, &["add-filter conv1 count=2 init=gradmax"]);
    let Change::AddFilter { coefficients: Some(kept), .. } = &first.edits[0].change else {
        panic!("{:?}", first.edits);
    };
    let weights = &first.state.parameters[0].weights[5 * 18..];
    assert_eq!(kept.concat(), weights);
    assert_eq!(first.edits[0].to_string().split(" seed").next(), Some("add-filter conv1 count=2 init=gradmax"));
    let mut other = first.edits.clone();
    if let Change::AddFilter { coefficients: Some(kept), .. } = &mut other[0].change {
        kept[1][3] = 0.125;
    }
    for again in [parent.edited(&other).unwrap(), parent.edited_as_recorded(&other).unwrap()] {
        assert_eq!(again.state.parameters[0].weights[6 * 18 + 3], 0.125);
    }
    for (wrong, says) in [
        (vec![vec![0.0; 18]], "2 filters, 18 each, found 1 with up to 18"),
        (vec![vec![0.0; 18], vec![0.0; 17_000]], "found 2 with up to 17000"),
        (vec![vec![f32::NAN; 18]; 2], "finite"),
    ] {
        let mut other = first.edits.clone();
        if let Change::AddFilter { coefficients, .. } = &mut other[0].change {
            *coefficients = Some(wrong);
        }
        let message = parent.edited_as_recorded(&other).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
}
