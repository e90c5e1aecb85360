//! Edits that are meant to leave the outputs as they were.

use std::collections::BTreeMap;

use revacnn_schemas::ClassOutputs;
use revacnn_trainer::data::Split;
use serde_json::{Value, json};

use crate::support::{Connection, child, connections, edited, layers, plain_layers, preserved, train, trained};

/// What moves is of the class layer's kind: probabilities, scores or values.
#[test]
fn networks_of_every_class_layer_are_edited_and_say_what_moved() {
    for (kind, outputs) in [("svm", ClassOutputs::Scores), ("regression", ClassOutputs::Values)] {
        let Value::Array(mut layers) = plain_layers() else { panic!("layers are a list") };
        layers.push(json!({"kind": kind}));
        let parent = trained(layers.into(), 3);
        let preserved = preserved(&parent, "add-filter conv1 init=zero");
        assert_eq!((preserved.outputs, preserved.evaluation), (outputs, 0.0));
        let refused = |text: &str| parent.edited(&[text.parse().unwrap()]).unwrap_err().to_string();
        assert!(refused(&format!("remove-layer {kind}")).contains("is the class layer, which a network needs"));
        assert!(refused("insert-layer svm after=fc1").contains("a network has one class layer, at its end"));
        let mut child =
            child(&edited(&parent, &["add-filter fc1 init=split", "insert-layer dropout after=fc1 rate=0.2"]), 2);
        train(&mut child, 2);
    }
}

/// Nothing but its target tells an autoencoder from another network: its edits are theirs.
#[test]
fn an_autoencoder_is_edited_and_says_how_far_its_images_moved() {
    let Value::Array(mut layers) = plain_layers() else { panic!("layers are a list") };
    layers.push(json!({"kind": "regression", "target": "image"}));
    let parent = trained(layers.into(), 3);
    for init in ["zero", "gradmax"] {
        let preserved = preserved(&parent, &format!("add-filter fc1 init={init}"));
        assert_eq!((preserved.outputs, preserved.evaluation), (ClassOutputs::Image, 0.0), "{init}");
    }
    let normalised = preserved(&parent, "insert-layer batchnorm after=conv1");
    assert!(normalised.training.unwrap() > 1e-3, "{normalised:?}");
    let refused = |text: &str| parent.edited(&[text.parse().unwrap()]).unwrap_err().to_string();
    assert!(refused("remove-layer regression").contains("is the class layer, which a network needs"));
    assert!(refused("add-filter regression").contains("has a filter a value of the image"));
    let mut child = child(&edited(&parent, &["add-filter conv1 init=split", "remove-filter fc1/2"]), 2);
    train(&mut child, 2);
}

#[test]
fn what_begins_unread_leaves_every_output_as_it_was_to_the_bit() {
    for layers in [layers(), plain_layers()] {
        let parent = trained(layers, 4);
        let before = parent.evaluate(Split::Validation).unwrap();
        for layer in ["conv1", "conv2", "fc1"] {
            for init in ["zero", "gradmax"] {
                for count in 1..=3 {
                    let text = format!("add-filter {layer} count={count} init={init}");
                    let edited = edited(&parent, &[&text]);
                    let preserves = edited.effects[0].preserves.unwrap();
                    assert_eq!(preserves.evaluation, 0.0, "{text}");
                    assert!(preserves.training.is_none_or(|change| change == 0.0), "{text}");
                    let after = child(&edited, 1).evaluate(Split::Validation).unwrap();
                    assert_eq!(after.loss.to_bits(), before.loss.to_bits(), "{text}");
                    assert_eq!(after.confusion, before.confusion, "{text}");
                }
            }
        }
    }
}

#[test]
fn copies_and_identities_preserve_within_rounding() {
    let parent = trained(layers(), 4);
    for text in [
        "add-filter conv1 init=split",
        "add-filter conv2 count=3 init=split",
        "add-filter fc1 count=9 init=split",
        "duplicate-filter conv1/2",
        "duplicate-filter fc1/0",
    ] {
        let preserves = preserved(&parent, text);
        assert!(preserves.evaluation < 1e-6, "{text}: {preserves:?}");
        assert!(preserves.training.unwrap() < 1e-6, "{text}: {preserves:?}");
    }
    for text in [
        "insert-layer conv after=pool1 kernel=3 init=identity",
        "insert-layer conv after=pool1 kernel=5 activation=relu init=identity",
        "insert-layer conv after=input kernel=1 init=identity",
        "insert-layer conv after=pool1 init=identity",
        "insert-layer conv after=fc1 init=identity",
        "insert-layer fully-connected after=fc1 init=identity",
        "insert-layer fully-connected after=dropout1 activation=relu init=identity",
        "insert-layer activation after=pool2 function=relu init=identity",
        "insert-layer activation after=fc1 function=none init=identity",
        "insert-layer dropout after=fc1 rate=0.0 init=identity",
        "insert-layer pool after=conv1 kernel=1 init=identity",
    ] {
        let preserves = preserved(&parent, text);
        assert_eq!((preserves.evaluation, preserves.training), (0.0, Some(0.0)), "{text}");
    }
}

#[test]
fn a_twin_shares_what_is_read_unequally_and_has_no_history() {
    let parent = trained(plain_layers(), 4);
    let edited = edited(&parent, &["duplicate-filter conv2/1"]);
    let (before, after) = (connections(&parent), connections(&child(&edited, 1)));
    let of = |all: &BTreeMap<Connection, Vec<u32>>, unit: u32, filter: u32| -> Vec<f32> {
        let key = ("fc1".to_owned(), unit, "conv2".to_owned(), filter);
        all[&key].iter().map(|&bits| f32::from_bits(bits)).collect()
    };
    for unit in 0..6 {
        let (whole, kept, given) = (of(&before, unit, 1), of(&after, unit, 1), of(&after, unit, 4));
        let weights = whole.len() / 3;
        for place in 0..weights {
            assert!((kept[place] + given[place] - whole[place]).abs() <= whole[place].abs() * 1e-6);
            let share = kept[place] / whole[place];
            assert!((0.24..0.76).contains(&share), "{share}");
        }
        assert_eq!(kept[weights..], whole[weights..], "slots stay");
        assert!(given[weights..].iter().all(|&slot| slot == 0.0), "the copy has none");
    }
    let row = |filter: u32| -> Vec<u32> {
        let range =
            ("conv2".to_owned(), filter, "conv1".to_owned(), 0)..=("conv2".to_owned(), filter, "conv1".to_owned(), 9);
        after.range(range).flat_map(|(_, bits)| bits[..9].to_vec()).collect()
    };
    assert_eq!(row(1), row(4));
    let mut twins = child(&edited, 1);
    train(&mut twins, 3);
    let state = &twins.parameters()[1];
    assert_ne!(state.weights[45..90], state.weights[180..], "the twins part");
}

#[test]
fn a_normalisation_that_is_inserted_says_how_far_it_moved_the_outputs() {
    let parent = trained(plain_layers(), 4);
    let preserves = preserved(&parent, "insert-layer batchnorm after=conv1");
    assert!(preserves.evaluation < 1e-3, "running mean 0 and variance 1 change little: {preserves:?}");
    assert!(preserves.training.unwrap() > 1e-3, "the batch's statistics do: {preserves:?}");
    assert_eq!(preserved(&parent, "add-filter conv1 init=zero").training, None, "nothing normalises");
    let parent = trained(layers(), 4);
    let preserves = preserved(&parent, "insert-layer batchnorm after=conv2");
    assert!(preserves.training.unwrap() > 1e-3, "{preserves:?}");
}
