//! Filters that get the largest gradient.

use revacnn_trainer::Trainer;

use crate::support::{child, edited, layers, plain_layers, trained};

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
