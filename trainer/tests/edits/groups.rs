//! Convolutions of groups, and layers that begin in a way of their own.

use revacnn_schemas::{LayerTopology, TrainingState};
use revacnn_trainer::{Edited, Trainer};
use serde_json::{Value, json};

use crate::support::{child, edited, preserved, refused, train, trained};

const ROUNDING: f32 = 1e-5;

/// A depthwise convolution between two others, its maps normalised, with so many filters a channel.
fn depthwise(filters: u32) -> Value {
    json!([
        {"kind": "conv", "filters": 4, "kernel": 3, "pad": 1, "activation": "relu"},
        {"kind": "conv", "filters": 4 * filters, "kernel": 3, "pad": 1, "groups": 4},
        {"kind": "batchnorm"},
        {"kind": "activation", "function": "relu"},
        {"kind": "conv", "filters": 6, "kernel": 1, "activation": "relu"},
    ])
}

fn of_layer<'a>(edited: &'a Edited, name: &str) -> &'a LayerTopology {
    edited.topology.layers.iter().find(|layer| layer.layer.as_str() == name).unwrap()
}

fn numbers(edited: &Edited, name: &str) -> Vec<u32> {
    of_layer(edited, name).filters.iter().map(|filter| filter.number.0).collect()
}

/// The coefficients of the filter at a position of the layer with weights at a place.
fn filter(state: &TrainingState, place: usize, position: usize) -> &[f32] {
    let layer = &state.parameters[place];
    let length = layer.weights.len() / layer.biases.len();
    &layer.weights[position * length..][..length]
}

#[test]
fn a_channel_of_a_depthwise_convolution_comes_and_goes_with_its_filters() {
    for each in [1, 2] {
        let parent = trained(depthwise(each), 2);
        let before = parent.state();
        let each = each as usize;
        let gone = edited(&parent, &["remove-filter conv1/1"]);
        let told = match each {
            1 => "conv1 loses filter 1 and has 3 left, together with conv2 filter 1; conv3 reads 1 input fewer",
            _ => "conv1 loses filter 1 and has 3 left, together with conv2 filters 2, 3; conv3 reads 2 inputs fewer",
        };
        assert_eq!(gone.effects[0].summary, told);
        assert_eq!((of_layer(&gone, "conv2").groups, numbers(&gone, "conv1")), (3, vec![0, 2, 3]));
        let left: Vec<u32> = (0..4 * each as u32).filter(|number| *number as usize / each != 1).collect();
        assert_eq!((numbers(&gone, "conv2"), numbers(&gone, "batchnorm1")), (left.clone(), left.clone()));
        for (position, number) in left.iter().enumerate() {
            assert_eq!(filter(&gone.state, 1, position), filter(&before, 1, *number as usize));
        }
        train(&mut child(&gone, 2), 2);
        // From its own side, and of any filter of the group.
        for number in [each, 2 * each - 1] {
            let same = edited(&parent, &[&format!("remove-filter conv2/{number}")]);
            assert_eq!((&same.state, &same.topology), (&gone.state, &gone.topology));
        }
        let count = 2 * each;
        let more = edited(&parent, &["add-filter conv1 count=2 init=zero"]);
        assert_eq!(more.effects[0].preserves.unwrap().evaluation, 0.0, "what is not read changes nothing");
        assert_eq!((of_layer(&more, "conv2").groups, of_layer(&more, "batchnorm1").filters.len()), (6, 6 * each));
        assert_eq!(more.state.parameters[1].weights[..4 * each * 9], before.parameters[1].weights);
        assert!(filter(&more.state, 1, 4 * each) != filter(&more.state, 1, 5 * each));
        train(&mut child(&more, 2), 2);
        // Their draws are their own, whoever brought them.
        let other = edited(&parent, &[&format!("add-filter conv2 count={count} init=zero")]);
        assert_eq!((&other.state, &other.topology), (&more.state, &more.topology));
        let drawn = edited(&parent, &["add-filter conv1 init=random"]);
        let read = filter(&drawn.state, 3, 0);
        assert_eq!(read.len(), 5 * each);
        assert!(read[4 * each] != read[5 * each - 1] || each == 1, "each new channel has a draw of its own");
        // Added, and gone again.
        let back = edited(&child(&drawn, 1), &["remove-filter conv1/4"]);
        assert_eq!(back.state, before);
    }
}

#[test]
fn a_copy_of_a_channel_has_copies_of_what_a_depthwise_convolution_makes_of_it() {
    for each in [1, 2] {
        let parent = trained(depthwise(each), 2);
        let each = each as usize;
        for text in ["duplicate-filter conv1/2", "add-filter conv1 count=3 init=split"] {
            assert!(preserved(&parent, text).evaluation <= ROUNDING, "{text}, {each}");
            train(&mut child(&edited(&parent, &[text]), 2), 2);
        }
        let twin = edited(&parent, &["duplicate-filter conv1/2"]);
        assert_eq!(filter(&twin.state, 0, 4), filter(&twin.state, 0, 2));
        for piece in 0..each {
            assert_eq!(filter(&twin.state, 1, 4 * each + piece), filter(&twin.state, 1, 2 * each + piece));
        }
    }
    let parent = trained(depthwise(1), 2);
    assert!(preserved(&parent, "duplicate-filter conv2/3").evaluation <= ROUNDING);
    let grown = edited(&parent, &["add-filter conv1 init=gradmax"]);
    assert_eq!(grown.effects[0].preserves.unwrap().evaluation, 0.0);
    assert!(grown.effects[0].summary.contains("the squared gradient"), "{}", grown.effects[0].summary);
}

#[test]
fn filters_of_a_group_come_and_go_with_what_the_group_reads() {
    let layers = json!([
        {"kind": "conv", "filters": 6, "kernel": 3, "activation": "relu"},
        {"kind": "conv", "filters": 4, "kernel": 3, "groups": 2, "activation": "relu"},
        {"kind": "conv", "filters": 3, "kernel": 1, "activation": "relu"},
    ]);
    let parent = trained(layers, 2);
    let more = edited(&parent, &["add-filter conv1 count=3"]);
    let told = "conv1 gains filters 6–8, together with conv2 filters 4–5; conv3 reads 2 inputs more";
    assert_eq!(more.effects[0].summary, told);
    assert_eq!((of_layer(&more, "conv2").groups, of_layer(&more, "conv2").coefficients), (3, Some(27)));
    let less = edited(&child(&more, 1), &["remove-filter conv2/2"]);
    let told =
        "conv2 loses filters 2, 3 and has 4 left, together with conv1 filters 3, 4, 5; conv3 reads 2 inputs fewer";
    assert_eq!(less.effects[0].summary, told);
    assert_eq!((numbers(&less, "conv1"), numbers(&less, "conv2")), (vec![0, 1, 2, 6, 7, 8], vec![0, 1, 4, 5]));
    train(&mut child(&less, 2), 2);
    // What is left of a group alone is a convolution of all that it reads.
    let dense = edited(&parent, &["remove-filter conv1/5"]);
    assert!(dense.effects[0].summary.ends_with("; conv2 has one group left: it reads all"));
    assert_eq!((of_layer(&dense, "conv2").groups, numbers(&dense, "conv2")), (1, vec![0, 1]));
    let again = edited(&child(&dense, 1), &["add-filter conv1", "remove-filter conv2/1"]);
    train(&mut child(&again, 2), 2);
    for (edit, told) in [
        ("add-filter conv1", "conv2 has 2 filters in each of its groups and reads 3 channels with it"),
        ("add-filter conv1", "with count=3, or a multiple of it, they are"),
        ("add-filter conv1 count=4", "and 4 more or fewer are no multiple of that"),
        ("add-filter conv2 count=3", "and 3 more or fewer are no multiple of that: with count=2"),
        ("duplicate-filter conv1/0", "a copy of one filter belongs to none of them"),
        ("add-filter conv1 count=3 init=split", "a copy of one filter belongs to none of them"),
        ("add-filter conv2 count=2 init=split", "a copy of one filter belongs to none of them"),
        ("add-filter conv1 count=3 init=gradmax", "those of conv2 come in groups"),
    ] {
        let refused = refused(&parent, edit);
        assert!(refused.contains(told), "{edit}: {refused}");
    }
    let first = json!([{"kind": "conv", "filters": 4, "kernel": 3, "groups": 2}]);
    let refused = refused(&trained(first, 1), "add-filter conv1 count=2");
    assert!(refused.contains("each group of conv1 reads channels of the images, whose number is fixed"), "{refused}");
}

#[test]
fn groups_go_with_sums_and_between_the_parts_of_a_concatenation() {
    let conv = |filters: u32, groups: u32, reads: &str| json!({"kind": "conv", "filters": filters, "kernel": 3, "pad": 1, "groups": groups, "reads": [reads]});
    let layers = json!([
        conv(3, 1, "input"),
        conv(2, 1, "input"),
        {"kind": "concat", "reads": ["conv1", "conv2"]},
        conv(5, 5, "concat1"),
        {"kind": "add", "reads": ["conv3", "concat1"]},
    ]);
    let parent = trained(layers, 2);
    let before = parent.state();
    let more = edited(&parent, &["add-filter conv1 init=zero"]);
    assert_eq!(more.effects[0].preserves.unwrap().evaluation, 0.0);
    assert_eq!(numbers(&more, "conv3"), [0, 1, 2, 5, 3, 4], "between those of conv1 and of conv2");
    for (position, old) in [(0, 0), (2, 2), (4, 3), (5, 4)] {
        assert_eq!(filter(&more.state, 2, position), filter(&before, 2, old));
    }
    train(&mut child(&more, 2), 2);
    assert!(preserved(&parent, "duplicate-filter conv1/0").evaluation <= ROUNDING);
    let gone = edited(&parent, &["remove-filter conv2/0"]);
    assert_eq!((numbers(&gone, "conv3"), of_layer(&gone, "conv3").groups), (vec![0, 1, 2, 4], 4));
    train(&mut child(&gone, 2), 2);
}

/// Which coefficients mean the same follows from the inputs that a filter's group reads.
#[test]
fn filters_of_groups_are_compared_where_they_read_the_same() {
    let shared = |parent: &Trainer, edit: &str, layer: &str| {
        let edited = edited(parent, &[edit]);
        parent.topology().shared_coefficients(&edited.topology, &layer.parse().unwrap()).map(|pairs| pairs.len())
    };
    let parent = trained(depthwise(2), 1);
    assert_eq!(shared(&parent, "remove-filter conv1/1", "conv2"), Some(9));
    assert_eq!(shared(&parent, "remove-filter conv1/1", "conv3"), Some(6));
    let parent = trained(
        json!([
            {"kind": "conv", "filters": 6, "kernel": 3, "activation": "relu"},
            {"kind": "conv", "filters": 4, "kernel": 3, "groups": 2},
        ]),
        1,
    );
    assert_eq!(shared(&parent, "remove-filter conv1/1", "conv2"), Some(27), "also where one group is left");
    let reversed = edited(&parent, &["insert-layer conv after=conv1 filters=6 kernel=1 name=other"]);
    assert_eq!(parent.topology().shared_coefficients(&reversed.topology, &"conv2".parse().unwrap()), None);
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
