//! Convolutions of groups, and layers that begin in a way of their own.

use serde_json::json;

use crate::support::{child, edited, refused, train, trained};

#[test]
fn filters_that_would_belong_to_no_group_are_refused_with_the_reason() {
    let layers = json!([
        {"kind": "conv", "filters": 4, "kernel": 3, "activation": "relu"},
        {"kind": "conv", "filters": 4, "kernel": 3, "groups": 4},
        {"kind": "conv", "filters": 6, "kernel": 1, "activation": "relu"},
    ]);
    let parent = trained(layers, 2);
    for edit in ["add-filter", "add-filter conv2 init=zero", "remove-filter", "duplicate-filter"] {
        let (verb, options) = edit.split_once(" conv2").unwrap_or((edit, ""));
        let filter = if verb == "add-filter" { "" } else { "/1" };
        let own = refused(&parent, &format!("{verb} conv2{filter}{options}"));
        assert!(own.contains("conv2 is a convolution of 4 groups"), "{own}");
        let fed = refused(&parent, &format!("{verb} conv1{filter}{options}"));
        assert!(fed.contains("conv1 are read by conv2, a convolution of 4 groups"), "{fed}");
    }
    let mut other = child(&edited(&parent, &["add-filter conv3 init=split", "reinitialise conv2/1"]), 2);
    train(&mut other, 2);
}

#[test]
fn a_depthwise_convolution_can_be_inserted_as_an_identity() {
    let layers = json!([{"kind": "conv", "filters": 4, "kernel": 3, "activation": "relu"}]);
    let parent = trained(layers, 2);
    let deeper = edited(
        &parent,
        &["insert-layer conv after=conv1 groups=4 kernel=[3,1] dilation=[2,1] init=identity activation=relu"],
    );
    let preservation = deeper.effects[0].preserves.as_ref().expect("it is measured");
    assert_eq!(preservation.evaluation, 0.0);
    train(&mut child(&deeper, 1), 2);
}

#[test]
fn what_is_inserted_and_drawn_anew_begins_as_its_layer_says() {
    let layers = json!([{"kind": "conv", "filters": 4, "kernel": 3, "init": "orthogonal", "bias_init": 0.25}]);
    let parent = trained(layers, 2);
    let edited = edited(
        &parent,
        &["reinitialise conv1", "add-filter conv1", "insert-layer conv after=conv1 kernel=3 bias-init=0.5 init=he"],
    );
    let [conv1, conv2, _] = &edited.state.parameters[..] else { panic!("three layers have weights") };
    assert_eq!((&conv1.biases[..], &conv2.biases[..]), (&[0.25; 5][..], &[0.5; 5][..]));
    let row = |filter: usize| &conv1.weights[filter * conv1.weights.len() / 5..][..conv1.weights.len() / 5];
    let product = |one: usize, other: usize| row(one).iter().zip(row(other)).map(|(a, b)| a * b).sum::<f32>();
    for filter in 0..4 {
        assert!((product(filter, filter) - 1.0).abs() < 1e-5 && product(filter, (filter + 1) % 4).abs() < 1e-5);
    }
    assert!((product(4, 4) - 1.0).abs() < 1e-5, "a filter that is added alone has length 1");
}
