//! Edits of networks in which layers read several others, and earlier ones.

use revacnn_trainer::{Edited, Trainer};
use serde_json::{Value, json};

use crate::support::{child, edited, edits, preserved, refused, state_digest, train, trained};

/// See `laws.rs`.
const ROUNDING: f32 = 1e-5;

/// Two blocks of a residual network, the second with a projection.
fn residual() -> Value {
    let conv = |filters: u32| json!({"kind": "conv", "filters": filters, "kernel": 3, "pad": 1});
    let relu = json!({"kind": "activation", "function": "relu"});
    let normalisation = json!({"kind": "batchnorm"});
    json!([
        conv(6), normalisation, relu,
        conv(5), normalisation, relu, conv(6), normalisation,
        {"kind": "add", "reads": ["batchnorm3", "activation1"]}, relu,
        {"kind": "conv", "filters": 7, "kernel": 3, "stride": 2, "pad": 1}, normalisation,
        {"kind": "conv", "filters": 7, "kernel": 1, "stride": 2, "reads": ["activation3"]}, normalisation,
        {"kind": "add", "reads": ["batchnorm4", "batchnorm5"]}, relu,
        {"kind": "pool", "method": "average", "kernel": 4},
    ])
}

/// Each layer reads all before it.
fn dense() -> Value {
    let conv = |filters: u32| json!({"kind": "conv", "filters": filters, "kernel": 3, "pad": 1, "activation": "relu"});
    json!([
        conv(4), conv(3),
        {"kind": "concat", "reads": ["conv1", "conv2"]}, {"kind": "batchnorm"},
        conv(3),
        {"kind": "concat", "reads": ["conv3", "batchnorm1"]},
        {"kind": "pool", "kernel": 2},
    ])
}

/// How many filters or channels each layer has that has some.
fn counts(edited: &Edited) -> Vec<(String, usize)> {
    edited.topology.layers_with_filters().map(|layer| (layer.layer.to_string(), layer.filters.len())).collect()
}

fn numbers(edited: &Edited, name: &str) -> Vec<u32> {
    let layer = edited.topology.layers.iter().find(|layer| layer.layer.as_str() == name).unwrap();
    layer.filters.iter().map(|filter| filter.number.0).collect()
}

fn reads(edited: &Edited, name: &str) -> Vec<String> {
    let layer = edited.topology.layers.iter().find(|layer| layer.layer.as_str() == name).unwrap();
    layer.reads.iter().map(ToString::to_string).collect()
}

fn summary(parent: &Trainer, text: &str) -> String {
    edited(parent, &[text]).effects[0].summary.clone()
}

#[test]
fn what_is_added_up_gains_and_loses_filters_together() {
    let parent = trained(residual(), 3);
    let more = edited(&parent, &["add-filter conv3 count=2"]);
    let of = |name: &str| counts(&more).into_iter().find(|(layer, _)| layer == name).unwrap().1;
    for layer in ["conv1", "batchnorm1", "conv3", "batchnorm3", "add1"] {
        assert_eq!(of(layer), 8, "{layer}");
    }
    assert_eq!([of("conv2"), of("conv4"), of("conv5"), of("add2")], [5, 7, 7, 7]);
    assert_eq!(
        more.effects[0].summary,
        "conv3 gains filters 6–7, together with conv1 filters 6–7; conv2 reads 18 inputs more, \
         conv4 reads 18 inputs more, conv5 reads 2 inputs more"
    );
    assert_eq!(
        summary(&parent, "remove-filter conv5/2"),
        "conv5 loses filter 2 and has 6 left, together with conv4 filter 2; softmax reads 1 input \
         fewer"
    );
    assert_eq!(summary(&parent, "add-filter conv2"), "conv2 gains filter 5; conv3 reads 9 inputs more");
    // Partners are told by their places, and have numbers of their own.
    let later =
        edited(&parent, &["add-filter conv1", "remove-filter conv1/6", "remove-filter conv1/0", "add-filter conv3"]);
    for name in ["conv1", "batchnorm1", "conv3", "batchnorm3", "add1"] {
        assert_eq!(numbers(&later, name), [1, 2, 3, 4, 5, 7], "{name}");
    }
    child(&later, 1);
}

/// A layer that reads one that it is added to gains a filter and an input at once: the new filter
/// had a channel too many.
#[test]
fn a_layer_that_is_added_to_what_it_reads_gains_filters_and_inputs() {
    let conv = |filters: u32| json!({"kind": "conv", "filters": filters, "kernel": 3, "pad": 1, "activation": "relu"});
    let parent = trained(json!([conv(4), conv(4), {"kind": "add", "reads": ["conv2", "conv1"]}]), 3);
    for begin in ["random", "zero", "split"] {
        let text = format!("add-filter conv2 count=2 init={begin}");
        let more = edited(&parent, &[&text]);
        for (layer, filters) in [("conv1", 6), ("conv2", 6), ("add1", 6)] {
            assert!(counts(&more).contains(&(layer.to_owned(), filters)), "{layer}");
        }
        if begin != "random" {
            assert!(preserved(&parent, &text).evaluation <= ROUNDING, "{text}");
        }
        child(&more, 2);
    }
    child(&edited(&parent, &["add-filter conv1", "remove-filter conv2/0", "duplicate-filter conv1/4"]), 2);
}

#[test]
fn a_filter_comes_between_the_channels_that_a_concatenation_has_already() {
    let parent = trained(dense(), 3);
    let more = edited(&parent, &["add-filter conv1"]);
    assert_eq!(numbers(&more, "concat1"), [0, 1, 2, 3, 7, 4, 5, 6]);
    assert_eq!(numbers(&more, "batchnorm1"), numbers(&more, "concat1"));
    assert_eq!(numbers(&more, "concat2"), [0, 1, 2, 3, 4, 5, 6, 10, 7, 8, 9]);
    assert_eq!(
        more.effects[0].summary,
        "conv1 gains filter 4; conv2 reads 9 inputs more, conv3 reads 9 inputs more, softmax reads 16 inputs more"
    );
    // Every coefficient that was there reads the channel that it read.
    let [before, after] = [parent.topology(), &more.topology];
    for name in ["conv2", "conv3", "softmax"] {
        let name = name.parse().unwrap();
        let places = before.shared_coefficients(after, &name).unwrap();
        let at = before.parameter_layers().position(|layer| layer.layer == name).unwrap();
        let [old, new] = [&parent.parameters()[at], &more.state.parameters[at]];
        let [length, longer] = [old, new].map(|state| state.weights.len() / state.biases.len());
        assert_eq!(places.len(), length, "{name} reads all that it read");
        for filter in 0..old.biases.len() {
            for &(here, there) in &places {
                let [old, new] = [old.weights[filter * length + here], new.weights[filter * longer + there]];
                assert_eq!(old.to_bits(), new.to_bits(), "{name}/{filter}");
            }
        }
    }
}

#[test]
fn edits_that_preserve_do_so_in_sums_and_concatenations() {
    for (layers, filters) in [
        (residual(), ["conv1", "conv2", "conv3", "conv4", "conv5"].as_slice()),
        (dense(), &["conv1", "conv2", "conv3"]),
    ] {
        let parent = trained(layers, 4);
        for layer in filters {
            let preserves = preserved(&parent, &format!("add-filter {layer} count=2 init=zero"));
            assert_eq!((preserves.evaluation, preserves.training), (0.0, Some(0.0)), "{layer}");
            for text in [format!("add-filter {layer} count=3 init=split"), format!("duplicate-filter {layer}/1")] {
                let preserves = preserved(&parent, &text);
                assert!(preserves.evaluation < ROUNDING, "{text}: {preserves:?}");
                assert!(preserves.training.unwrap() < ROUNDING, "{text}: {preserves:?}");
            }
            let removed = edited(&parent, &[&format!("remove-filter {layer}/1")]);
            train(&mut child(&removed, 1), 2);
        }
    }
    // An identity between a layer and all that read it, skips among them.
    let parent = trained(residual(), 4);
    for after in ["activation1", "activation2", "activation3", "batchnorm3", "add2"] {
        let preserves = preserved(&parent, &format!("insert-layer conv after={after} kernel=3 init=identity"));
        assert_eq!((preserves.evaluation, preserves.training), (0.0, Some(0.0)), "{after}");
    }
}

#[test]
fn edits_of_sums_and_concatenations_undo_each_other() {
    for (layers, pairs) in [
        (
            residual(),
            [
                ("add-filter conv1", "remove-filter conv1/6"),
                ("add-filter conv3 init=zero", "remove-filter conv1/6"),
                ("duplicate-filter conv5/3", "remove-filter conv4/7"),
                ("add-filter conv2 init=gradmax", "remove-filter conv2/5"),
                ("insert-layer conv after=activation1 kernel=3 init=identity", "remove-layer conv6"),
                ("insert-layer batchnorm after=add1", "remove-layer batchnorm6"),
                ("insert-layer dropout after=conv5 rate=0.5", "remove-layer dropout1"),
                ("insert-layer add after=add2 reads=add2,batchnorm4", "remove-layer add3"),
            ],
        ),
        (
            dense(),
            [
                ("add-filter conv1", "remove-filter conv1/4"),
                ("add-filter conv1 count=1 init=split", "remove-filter conv1/4"),
                ("duplicate-filter conv2/1", "remove-filter conv2/3"),
                ("add-filter conv2 init=zero", "remove-filter conv2/3"),
                ("add-filter conv3 init=gradmax", "remove-filter conv3/3"),
                ("insert-layer pool after=batchnorm1 kernel=3 stride=1 pad=1", "remove-layer pool2"),
                ("insert-layer batchnorm after=conv1", "remove-layer batchnorm2"),
                ("insert-layer batchnorm after=input", "remove-layer batchnorm2"),
            ],
        ),
    ] {
        let parent = trained(layers, 4);
        for (there, back) in pairs {
            let restored = edited(&parent, &[there, back]);
            assert_eq!(restored.definition, *parent.definition(), "{there}");
            // A coefficient that was shared out is not made whole again.
            if !there.contains("duplicate") && !there.contains("split") {
                assert_eq!(restored.state, parent.state(), "{there}");
            }
            let mut topology = restored.topology.clone();
            topology.retired.clear();
            for (layer, before) in topology.layers.iter_mut().zip(&parent.topology().layers) {
                assert!(layer.next_filter >= before.next_filter);
                layer.next_filter = before.next_filter;
            }
            assert_eq!(topology, *parent.topology(), "{there}");
        }
    }
}

#[test]
fn layers_that_come_and_go_take_the_edges_along() {
    let parent = trained(residual(), 2);
    let inserted = edited(&parent, &["insert-layer conv after=activation1 kernel=3 name=between"]);
    assert_eq!(reads(&inserted, "add1"), ["batchnorm3", "between"]);
    assert!(reads(&inserted, "conv2").is_empty(), "it follows the new layer");
    let removed = edited(&parent, &["remove-layer activation1"]);
    assert_eq!(reads(&removed, "add1"), ["batchnorm3", "batchnorm1"]);
    let removed = edited(&parent, &["remove-layer activation3"]);
    assert_eq!(reads(&removed, "conv5"), ["add1"]);
    let removed = edited(&parent, &["remove-layer add1"]);
    assert_eq!((reads(&removed, "activation3"), reads(&removed, "conv5")), (vec![], vec!["activation3".to_owned()]));
    let skip = edited(&parent, &["insert-layer add after=activation3 name=skip reads=activation3,activation1"]);
    assert_eq!(
        (reads(&skip, "skip"), reads(&skip, "conv5")),
        (vec!["activation3".to_owned(), "activation1".to_owned()], vec!["skip".to_owned()])
    );
    for edited in [inserted, removed, skip] {
        train(&mut child(&edited, 1), 2);
    }
}

#[test]
fn a_fork_of_a_residual_or_dense_network_has_the_same_bits_on_any_threads() {
    for (layers, texts) in [
        (
            residual(),
            [
                "add-filter conv1 count=2",
                "remove-filter conv3/2",
                "freeze conv2",
                "insert-layer dropout after=add1 rate=0.2",
                "duplicate-filter conv4/0",
                "insert-layer concat after=add2 reads=add2,batchnorm5",
            ]
            .as_slice(),
        ),
        (
            dense(),
            &[
                "add-filter conv1",
                "remove-filter conv2/2",
                "freeze conv1",
                "duplicate-filter conv3/0",
                "insert-layer batchnorm after=concat2",
                "reinitialise conv1/1",
            ],
        ),
    ] {
        let parent = trained(layers, 3);
        let first = edited(&parent, texts);
        assert_eq!(parent.edited(&first.edits).unwrap(), first, "what is recorded gives the same");
        let digests = [1, 2, 3].map(|threads| {
            let mut child = child(&first, threads);
            train(&mut child, 4);
            state_digest(&child)
        });
        assert_eq!(digests, [digests[0]; 3]);
    }
}

#[test]
fn what_is_not_defined_is_refused_with_the_reason() {
    let parent = trained(residual(), 1);
    for (text, reason) in [
        ("add-filter conv1 init=gradmax", "what conv1 gives is added to others and read by conv2, conv4, conv5"),
        (
            "add-filter add1",
            "add1 is of kind add and has no filters of its own; its channels are made of the filters of conv1, conv3",
        ),
        ("remove-filter batchnorm3/1", "its channels are the filters of conv3"),
        ("freeze add1", "add1 is of kind add and has no weights"),
        (
            "remove-layer add2",
            "add2 is made of batchnorm4 and of batchnorm5, and without it no layer would read batchnorm5",
        ),
        (
            "remove-layer conv3",
            "layer add1 (add): it adds maps of one shape, found 5×8×8 of batchnorm3 and 6×8×8 of activation1",
        ),
        ("insert-layer conv after=activation2 filters=4 kernel=3", "conv3 reads other inputs"),
        ("insert-layer add after=add2", "a layer of kind add reads several: name them"),
        ("insert-layer add after=add2 reads=add2", "it is made of two layers or more, found 1"),
        ("insert-layer add after=add2 reads=add2,conv4 init=identity", "leave init=identity out"),
        ("insert-layer add after=activation1 reads=activation1,conv2", "it reads conv2, which comes after it"),
        (
            "insert-layer concat after=add2 reads=add2,add1",
            "it joins maps of one height and width, found 7×4×4 of add2 and 6×8×8 of add1",
        ),
        ("insert-layer conv after=conv2 kernel=3 reads=conv1", "reads"),
    ] {
        if text.contains("filters=4") {
            assert!(summary(&parent, text).contains(reason), "{text}");
            continue;
        }
        let message = refused(&parent, text);
        assert!(message.contains(reason), "{text}: {message}");
    }
    let last = |texts: &[&str]| parent.edited(&edits(texts)).unwrap_err().to_string();
    let all: Vec<String> = (0..6).map(|filter| format!("remove-filter conv1/{filter}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert!(last(&all).contains("5 is the last filter of conv1, and a layer needs one"));
    // A sum with the images, one with a concatenation, and a channel that a layer has twice.
    let conv = |filters: u32| json!({"kind": "conv", "filters": filters, "kernel": 3, "pad": 1});
    let images = trained(json!([conv(2), {"kind": "add", "reads": ["conv1", "input"]}]), 1);
    assert!(
        refused(&images, "add-filter conv1").contains("add1 adds it to a channel of the images, whose number is fixed")
    );
    let between = trained(
        json!([conv(2), conv(3), {"kind": "concat", "reads": ["conv1", "conv2"]}, conv(5), {"kind": "add", "reads": ["conv3", "concat1"]}]),
        1,
    );
    assert!(refused(&between, "add-filter conv1").contains("conv3, which would have to gain a filter between others"));
    assert_eq!(numbers(&edited(&between, &["remove-filter conv1/0"]), "conv3"), [1, 2, 3, 4]);
    assert_eq!(counts(&edited(&between, &["add-filter conv3"])).last().unwrap().1, 4, "classes");
    let twice =
        trained(json!([conv(2), {"kind": "batchnorm"}, {"kind": "concat", "reads": ["conv1", "batchnorm1"]}]), 1);
    for text in ["add-filter conv1", "remove-filter conv1/1", "duplicate-filter conv1/0"] {
        assert!(refused(&twice, text).contains("concat1 has this filter among its channels twice"), "{text}");
    }
}
