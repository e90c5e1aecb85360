//! What edits promise: functions that are preserved, bits that are kept,
//! identities that are never used twice, draws that siblings share, and
//! training that goes on.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::{noise, trainer};
use proptest::prelude::*;
use revacnn_schemas::{BranchId, Change, Digest, Edit, ImageShape, Setting};
use revacnn_trainer::data::{Dataset, Split};
use revacnn_trainer::kernels::Instructions;
use revacnn_trainer::{Edited, Preservation, Trainer};
use serde_json::{Value, json};

/// 135 images train, 15 validate.
fn dataset() -> Arc<Dataset> {
    noise(ImageShape { channels: 2, height: 8, width: 8 }, 4, 150)
}

/// Each way from one layer with weights to the next.
fn layers() -> Value {
    json!([
        {"kind": "conv", "filters": 5, "kernel": 3, "pad": 1},
        {"kind": "batchnorm"},
        {"kind": "activation", "function": "relu"},
        {"kind": "pool", "kernel": 2},
        {"kind": "conv", "filters": 4, "kernel": 3, "activation": "relu"},
        {"kind": "pool", "method": "average", "kernel": 2},
        {"kind": "dropout", "rate": 0.3},
        {"kind": "fully-connected", "units": 6, "activation": "tanh"},
        {"kind": "batchnorm"},
    ])
}

/// The same, but nothing normalises or drops.
fn plain_layers() -> Value {
    json!([
        {"kind": "conv", "filters": 5, "kernel": 3, "pad": 1, "activation": "relu"},
        {"kind": "pool", "kernel": 2},
        {"kind": "conv", "filters": 4, "kernel": 3, "activation": "relu"},
        {"kind": "fully-connected", "units": 6, "activation": "relu"},
    ])
}

fn trained(layers: Value, steps: usize) -> Trainer {
    let mut trainer = trainer(layers, json!({"kind": "adam", "learning_rate": 0.01}), 12, &dataset());
    train(&mut trainer, steps);
    trainer
}

fn train(trainer: &mut Trainer, steps: usize) {
    for _ in 0..steps {
        let outcome = trainer.step().unwrap();
        assert_eq!(outcome.divergence, None);
        assert!(outcome.loss.is_finite());
    }
}

fn edits(texts: &[&str]) -> Vec<Edit> {
    let read = &mut |_: &str| Ok(vec![0.25; 18]);
    texts.iter().map(|text| Edit::parse(text, read).unwrap()).collect()
}

fn edited(trainer: &Trainer, texts: &[&str]) -> Edited {
    trainer.edited(&edits(texts)).unwrap_or_else(|error| panic!("{texts:?}: {error}"))
}

/// A trainer of what an edit gave.
fn child(edited: &Edited, threads: usize) -> Trainer {
    let mut child = Trainer::of_branch(&edited.definition, &edited.topology, dataset(), threads).unwrap();
    child.restore(&edited.state).unwrap();
    assert_eq!(child.topology(), &edited.topology, "the network says the same of itself");
    assert_eq!(child.state(), edited.state);
    child
}

fn refused(trainer: &Trainer, text: &str) -> String {
    trainer.edited(&edits(&[text])).expect_err(text).to_string()
}

fn state_digest(trainer: &Trainer) -> Digest {
    trainer.state().state_digest(trainer.digest())
}

fn preserved(trainer: &Trainer, text: &str) -> Preservation {
    edited(trainer, &[text]).effects[0].preserves.unwrap_or_else(|| panic!("{text} measures"))
}

/// A coefficient's identity: layer, filter, the layer it reads, its filter.
type Connection = (String, u32, String, u32);

/// Coefficients and slots by identity, as bits, with bias and its slots under
/// a connection to nothing.
fn connections(trainer: &Trainer) -> BTreeMap<Connection, Vec<u32>> {
    let mut all = BTreeMap::new();
    let channels = trainer.definition().input.channels as u32;
    let (mut from, mut numbers) = ("images".to_owned(), (0..channels).collect::<Vec<u32>>());
    for (layer, state) in trainer.topology().parameter_layers().zip(trainer.parameters()) {
        let own: Vec<u32> = layer.filters.iter().map(|filter| filter.number.0).collect();
        let coefficients = layer.coefficients.unwrap();
        let joins = layer.kind == "batchnorm";
        for (position, &number) in own.iter().enumerate() {
            let name = layer.layer.to_string();
            let key = |channel: u32| (name.clone(), number, from.clone(), channel);
            let arrays = std::iter::once(&state.weights).chain(&state.weight_slots);
            if joins {
                assert_eq!(own, numbers, "{name} follows {from}");
                all.insert(key(number), arrays.map(|values| values[position].to_bits()).collect());
            } else {
                let length = coefficients / numbers.len();
                for (place, &channel) in numbers.iter().enumerate() {
                    let start = position * coefficients + place * length;
                    let bits = arrays.clone().flat_map(|values| &values[start..start + length]);
                    all.insert(key(channel), bits.map(|value| value.to_bits()).collect());
                }
            }
            let single = std::iter::once(&state.biases).chain(&state.bias_slots).chain(state.running.iter().flatten());
            let mut bits: Vec<u32> = single.map(|values| values[position].to_bits()).collect();
            bits.push(u32::from(state.frozen[position]));
            all.insert((name, number, String::new(), 0), bits);
        }
        if !joins {
            (from, numbers) = (layer.layer.to_string(), own);
        }
    }
    all
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
fn adding_then_removing_restores_the_network() {
    let parent = trained(layers(), 4);
    for (add, remove) in [
        ("add-filter conv1", "remove-filter conv1/5"),
        ("add-filter conv1 init=zero", "remove-filter conv1/5"),
        ("add-filter conv2 init=gradmax", "remove-filter conv2/4"),
        ("add-filter fc1", "remove-filter fc1/6"),
        ("insert-layer conv after=pool1 kernel=3 init=identity", "remove-layer conv3"),
        ("insert-layer conv after=conv1 kernel=3", "remove-layer conv3"),
        ("insert-layer batchnorm after=conv2", "remove-layer batchnorm3"),
        ("insert-layer fully-connected after=dropout1 init=identity", "remove-layer fc2"),
        ("freeze conv1/2", "unfreeze conv1/2"),
        ("set activation conv2 tanh", "set activation conv2 relu"),
    ] {
        let restored = edited(&parent, &[add, remove]);
        assert_eq!(restored.definition, *parent.definition(), "{add}");
        assert_eq!(restored.state, parent.state(), "{add}");
        let mut topology = restored.topology.clone();
        topology.retired.clear();
        for (layer, before) in topology.layers.iter_mut().zip(&parent.topology().layers) {
            assert!(layer.next_filter >= before.next_filter);
            layer.next_filter = before.next_filter;
        }
        assert_eq!(topology, *parent.topology(), "{add}");
        assert_eq!(child(&restored, 1).digest(), parent.digest(), "{add}");
    }
}

#[test]
fn numbers_and_names_are_never_given_twice() {
    let parent = trained(layers(), 1);
    let edited = edited(
        &parent,
        &[
            "add-filter conv1",
            "remove-filter conv1/5",
            "remove-filter conv1/0",
            "duplicate-filter conv1/2",
            "insert-layer conv after=pool1 kernel=3",
            "remove-layer conv3",
            "insert-layer conv after=pool1 kernel=3",
        ],
    );
    let numbers: Vec<u32> = edited.topology.layers[0].filters.iter().map(|filter| filter.number.0).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 6]);
    assert_eq!(edited.topology.layers[1].filters, edited.topology.layers[0].filters, "its normalisation goes along");
    let names: Vec<&str> = edited.topology.layers.iter().map(|layer| layer.layer.as_str()).collect();
    assert_eq!(names[4], "conv4");
    assert_eq!(edited.topology.retired, ["conv3".parse().unwrap()]);
    let child = child(&edited, 1);
    assert!(refused(&child, "insert-layer conv after=pool1 name=conv3 kernel=3").contains("was removed"));
    assert!(refused(&child, "insert-layer conv after=pool1 name=conv4 kernel=3").contains("already"));
}

#[test]
fn a_fork_without_edits_is_its_parent() {
    let parent = trained(layers(), 3);
    let same = edited(&parent, &[]);
    assert_eq!((&same.definition, &same.topology), (parent.definition(), parent.topology()));
    assert_eq!(same.state, parent.state());
}

#[test]
fn filters_keep_where_they_were_born_and_new_ones_wait_for_the_store() {
    let parent = trained(layers(), 2);
    let root: BranchId = "b0123456789abcde".parse().unwrap();
    let mut topology = parent.topology().clone();
    for filter in topology.layers.iter_mut().flat_map(|layer| &mut layer.filters) {
        filter.born = Some(root.clone());
    }
    let mut recorded = Trainer::of_branch(parent.definition(), &topology, dataset(), 1).unwrap();
    recorded.restore(&parent.state()).unwrap();
    let edited = edited(
        &recorded,
        &["remove-filter conv1/1", "add-filter conv1", "insert-layer batchnorm after=conv2", "set activation fc1 relu"],
    );
    let born = |name: &str| -> Vec<(u32, bool)> {
        let layer = edited.topology.layers.iter().find(|layer| layer.layer.as_str() == name).unwrap();
        layer.filters.iter().map(|filter| (filter.number.0, filter.born.as_ref() == Some(&root))).collect()
    };
    let expected = [(0, true), (2, true), (3, true), (4, true), (5, false)];
    assert_eq!(born("conv1"), expected);
    assert_eq!(born("batchnorm1"), expected);
    assert!(born("fc1").iter().chain(&born("softmax")).chain(&born("conv2")).all(|(_, root)| *root));
    assert!(born("batchnorm3").iter().all(|(_, root)| !root), "its channels begin here");
}

#[test]
fn siblings_get_the_same_draws_however_many_there_are() {
    let parent = trained(layers(), 2);
    let one = connections(&child(&edited(&parent, &["add-filter conv1"]), 1));
    let three = connections(&child(&edited(&parent, &["add-filter conv1 count=3"]), 1));
    // Fan-in, and with it the deviation of what reads conv1, is another.
    let shared = one.iter().filter(|((layer, ..), _)| layer != "conv2");
    assert!(shared.clone().count() > 20);
    for (connection, bits) in shared {
        assert_eq!(three.get(connection), Some(bits), "{connection:?}");
    }
    let seeded = |text: &str| edited(&parent, &[text]).state;
    assert_eq!(seeded("add-filter conv2 seed=9"), seeded("add-filter conv2 seed=9"));
    assert_ne!(seeded("add-filter conv2 seed=9"), seeded("add-filter conv2 seed=8"));
    assert_ne!(seeded("add-filter conv2 seed=9"), seeded("add-filter conv2"));
}

/// Every kind of edit, each possible after those before it.
const ALL: &[&str] = &[
    "add-filter conv1 count=2",
    "add-filter conv2 init=zero",
    "add-filter fc1 init=split",
    "add-filter conv1 count=2 init=gradmax",
    "add-filter conv2 init=gradmax",
    "remove-filter conv1/3",
    "duplicate-filter conv2/0",
    "reinitialise conv1/1",
    "reinitialise fc1",
    "reinitialise batchnorm2",
    "freeze conv2",
    "freeze conv1/2",
    "freeze batchnorm1/0",
    "unfreeze conv2/3",
    "set-weights conv1/1 a.npy",
    "insert-layer conv after=pool1 filters=7 kernel=3",
    "insert-layer conv after=conv3 kernel=3 init=identity",
    "insert-layer batchnorm after=conv2",
    "insert-layer dropout after=input rate=0.1",
    "insert-layer pool after=input kernel=3 stride=1 pad=1",
    "insert-layer fully-connected after=fc1 units=5 activation=relu",
    "insert-layer activation after=fc2 function=tanh",
    "remove-layer fc2",
    "remove-layer batchnorm2",
    "remove-layer pool2",
    "set activation conv2 tanh",
    "set activation activation1 tanh",
    "set learning-rate 0.005",
    "set weight-decay 0.01",
    "set batch-size 9",
    "set optimizer sgd",
    "set momentum 0.5",
    "set schedule step,every=2,factor=0.5",
];

#[test]
fn training_goes_on_after_every_edit() {
    let parent = trained(layers(), 3);
    // What needs layers that an earlier edit inserts is tried together below.
    let alone = ALL.iter().filter(|text| !["conv3", "fc2", "momentum"].iter().any(|word| text.contains(word)));
    for text in alone {
        let text = if *text == "unfreeze conv2/3" { &["freeze conv2", *text][..] } else { &[*text] };
        let edited = edited(&parent, text);
        let mut first = child(&edited, 1);
        train(&mut first, 3);
        let again = parent.edited(&edited.edits).unwrap();
        assert_eq!(again, edited, "{text:?}");
        let mut second = child(&again, 2);
        train(&mut second, 3);
        assert_eq!(state_digest(&first), state_digest(&second), "{text:?}");
    }
}

#[test]
fn neither_threads_nor_instructions_nor_recording_the_edits_changes_a_bit() {
    let mut parent = trained(layers(), 3);
    let state = parent.state();
    let reference = edited(&parent, ALL);
    assert!(reference.edits.iter().all(|edit| edit.seed.is_some()));
    assert_eq!(parent.state(), state, "the parent is as it was");
    let mut unedited = trained(layers(), 3);
    train(&mut unedited, 2);
    train(&mut parent, 2);
    assert_eq!(state_digest(&parent), state_digest(&unedited), "and goes on as if nothing had been");
    let expected = {
        let mut child = child(&reference, 1);
        train(&mut child, 5);
        state_digest(&child)
    };
    let definition = parent.definition();
    let mut scalar = Trainer::with_instructions(definition, dataset(), 1, Instructions::Scalar).unwrap();
    scalar.restore(&state).unwrap();
    assert_eq!(edited(&scalar, ALL), reference, "gradmax ascends alike on any instructions");
    for threads in [2, 3] {
        let mut other = Trainer::of_branch(definition, parent.topology(), dataset(), threads).unwrap();
        other.restore(&state).unwrap();
        let json = serde_json::to_string(&reference.edits).unwrap();
        let edits: Vec<Edit> = serde_json::from_str(&json).unwrap();
        let edited = other.edited(&edits).unwrap();
        assert_eq!(edited, reference);
        let mut child = child(&edited, threads);
        train(&mut child, 5);
        assert_eq!(state_digest(&child), expected, "{threads} threads");
    }
}

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

#[test]
fn a_layer_that_reads_other_inputs_begins_anew_and_says_so() {
    let parent = trained(layers(), 4);
    let effect = |text: &str| edited(&parent, &[text]).effects[0].summary.clone();
    assert!(effect("insert-layer conv after=pool1 filters=7 kernel=3").contains("conv2 reads other inputs"));
    assert!(effect("insert-layer conv after=pool1 kernel=3").contains("every other layer keeps"));
    assert!(effect("remove-layer conv1").contains("batchnorm1, conv2 read other inputs"));
    assert!(effect("remove-layer pool2").contains("fc1 reads other inputs"));
    assert_eq!(effect("add-filter conv1 count=2"), "conv1 gains filters 5–6; conv2 reads 18 inputs more");
    assert_eq!(effect("remove-filter fc1/3"), "fc1 loses filter 3 and has 5 left; softmax reads 1 input fewer");
    let redrawn = edited(&parent, &["freeze fc1/2", "remove-layer pool2"]).state;
    let fc = &redrawn.parameters[3];
    assert!(fc.frozen[2] && fc.weight_slots.iter().flatten().chain(&fc.biases).all(|&value| value == 0.0));
}

#[test]
fn hyper_parameters_are_in_force_at_once() {
    let parent = trained(layers(), 3);
    let set = |text: &str| edited(&parent, &[text]);
    assert_eq!(child(&set("set learning-rate 0.5"), 1).hyper_parameters().learning_rate, 0.5);
    assert_eq!(child(&set("set weight-decay 0.25"), 1).hyper_parameters().weight_decay, 0.25);
    assert_eq!(child(&set("set batch-size 7"), 1).step().unwrap().images, 7);
    let sgd = set("set optimizer sgd");
    assert_eq!(sgd.state.optimizer_updates, 0);
    assert!(sgd.state.parameters.iter().all(|state| state.weight_slots.len() == 1 && state.bias_slots.len() == 1));
    assert_eq!(sgd.definition.optimizer.parameters["momentum"], 0.9);
    assert_eq!(set("set learning-rate 0.5").state, parent.state());
    let schedule = set("set schedule cosine,over=10").definition.schedule.unwrap();
    assert_eq!((schedule.from.0, schedule.curve.to_string()), (3, "cosine,over=10,floor=0".to_owned()));
    let constant = edited(&parent, &["set schedule cosine,over=10", "set schedule constant"]);
    assert_eq!(constant.definition.schedule, None);
    assert_eq!(constant.effects[1].summary, "schedule cosine,over=10,floor=0 from step 3 → constant from step 3");
}

#[test]
fn every_refusal_says_what_was_meant_and_what_there_is() {
    let parent = trained(layers(), 1);
    for (text, reason) in [
        (
            "add-filter conv9",
            "cannot add-filter conv9: there is no layer conv9; layers that have filters: conv1, conv2, fc1",
        ),
        ("add-filter softmax", "softmax has a filter a class, and the number of classes is fixed"),
        (
            "add-filter batchnorm1",
            "batchnorm1 is of kind batchnorm and has no filters of its own; its channels are the filters of conv1",
        ),
        (
            "remove-filter pool2/1",
            "pool2 is of kind pool and has no filters of its own; its channels are the filters of conv2",
        ),
        ("remove-filter conv1/9", "conv1 has no filter 9; it has 0–4"),
        ("duplicate-filter conv2/7", "conv2 has no filter 7; it has 0–3"),
        ("add-filter conv1 count=19 init=gradmax", "count must be at most 18, found 19"),
        ("reinitialise pool1", "pool1 is of kind pool and has no weights; its channels are the filters of conv1"),
        (
            "freeze conv9",
            "there is no layer conv9; layers that have weights: conv1, batchnorm1, conv2, fc1, batchnorm2, softmax",
        ),
        ("unfreeze conv1", "cannot unfreeze conv1: conv1 is not frozen"),
        ("unfreeze conv1/2", "conv1/2 is not frozen"),
        ("set-weights conv2/1 a.npy", "conv2/1 has [5][3][3] = 45 coefficients, found 18"),
        ("set-weights fc1/1 a.npy", "fc1/1 has [4][1][1] = 4 coefficients, found 18"),
        ("insert-layer softmax after=fc1", "one class layer"),
        ("insert-layer relu after=fc1", "there is no layer kind `relu`; there are: conv, pool"),
        ("insert-layer conv after=softmax kernel=1", "nothing can follow the class layer softmax"),
        ("insert-layer conv after=conv9 kernel=1", "there is no layer conv9; the layers are: conv1, batchnorm1"),
        ("insert-layer conv after=conv1", "kernel"),
        ("insert-layer pool after=pool2 kernel=9", "layer pool3 (pool): a window of 9×9"),
        ("insert-layer conv after=conv1 kernel=3 name=input", "stands for the images"),
        ("insert-layer conv after=conv1 kernel=3 name=fc1", "there is a layer of that name already"),
        (
            "insert-layer conv after=conv1 kernel=3 filters=6 init=identity",
            "as many filters as channels reach the layer, 5, found 6",
        ),
        ("insert-layer conv after=conv1 kernel=2 init=identity", "odd kernel, which has a centre, found 2"),
        (
            "insert-layer conv after=conv1 kernel=3 stride=2 init=identity",
            "stride 1 and pad 1, so that maps keep their size, found stride 2",
        ),
        ("insert-layer conv after=conv1 kernel=3 activation=tanh init=identity", "tanh applied twice is not tanh"),
        ("insert-layer conv after=conv1 kernel=3 activation=relu init=identity", "is not the output of a relu"),
        (
            "insert-layer fully-connected after=fc1 units=5 init=identity",
            "as many units as values reach the layer, 6, found 5",
        ),
        ("insert-layer batchnorm after=conv1 init=identity", "leave init=identity out"),
        ("insert-layer dropout after=conv1 rate=0.5 init=identity", "leave init=identity out"),
        ("remove-layer softmax", "softmax is the class layer, which a network needs"),
        ("remove-layer conv9", "there is no layer conv9; the layers are: conv1, batchnorm1, activation1"),
        ("set activation conv9 relu", "there is no layer conv9"),
        (
            "set activation pool1 relu",
            "has no activation function; layers that have one: conv1, activation1, conv2, fc1",
        ),
        ("set activation conv1 swish", "`none`, `relu`, `tanh`"),
        ("set momentum 0.9", "the optimizer adam has no momentum; it has"),
        ("set learning-rate -1", "learning-rate must be a finite number of at least 0"),
        ("set learning-rate NaN", "learning-rate must be a finite number, found NaN"),
        (
            "set batch-size 136",
            "batch-size must be 1 to 65536 and at most the number of training images, found 136 of 135",
        ),
        ("set batch-size 0", "found 0 of 135"),
        ("set optimizer rmsprop", "adadelta, sgd, adam"),
        ("set optimizer sgd,beta=1", "beta"),
    ] {
        let message = refused(&parent, text);
        assert!(message.contains(reason), "{text}: {message}");
    }
    let second = |texts: &[&str]| parent.edited(&edits(texts)).unwrap_err().to_string();
    assert!(second(&["freeze conv1", "freeze conv1/2"]).ends_with("freeze conv1/2: conv1/2 is frozen already"));
    assert!(second(&["freeze softmax", "add-filter fc1 init=gradmax"]).contains("softmax, which is frozen"));
    let one = ["remove-filter conv2/0", "remove-filter conv2/1", "remove-filter conv2/2", "remove-filter conv2/3"];
    assert!(second(&one).contains("3 is the last filter of conv2"));
    let flattened = trained(json!([{"kind": "conv", "filters": 3, "kernel": 3}, {"kind": "batchnorm"}]), 1);
    let message = refused(&flattened, "insert-layer fully-connected after=conv1 init=identity");
    assert!(message.contains("batchnorm1 would have other inputs (3×6×6 reach fc1)"), "{message}");
    // The grammar stops at 4096; a value from elsewhere may not.
    let add = |count| {
        let layer = "conv1".parse().unwrap();
        let edit = Edit::new(Change::AddFilter { layer, count, init: Default::default() });
        parent.edited(&[edit]).unwrap_err().to_string()
    };
    assert!(add(u32::MAX).contains("conv1 has 5 filters, and the most is 1048576"));
    assert_eq!(add(100_000), "layer conv1 (conv): filters must be 1 to 65536, found 100005");
    assert!(add(0).contains("count must be at least 1"));
    let mut values = vec![0.0; 18];
    values[4] = f32::INFINITY;
    let (layer, filter) = ("conv1".parse().unwrap(), revacnn_schemas::FilterNumber(0));
    let edit = Edit::new(Change::SetWeights { layer, filter, values });
    let message = parent.edited(&[edit]).unwrap_err().to_string();
    assert!(message.contains("finite numbers, found inf at index 4"), "{message}");
    let curve = revacnn_schemas::Schedule::Step { every: 0, factor: 0.5 };
    let message = parent.edited(&[Edit::new(Change::Set(Setting::Schedule(curve)))]).unwrap_err().to_string();
    assert!(message.contains("step,every=0"), "{message}");
}

/// An edit of a random sequence, by choices that the network at hand turns
/// into one that can be made.
fn random_edit(trainer: &Trainer, (verb, layer, filter): (u8, u8, u8)) -> Option<String> {
    let layers: Vec<_> =
        trainer.topology().layers.iter().filter(|layer| ["conv", "fully-connected"].contains(&&*layer.kind)).collect();
    let layer = layers[usize::from(layer) % layers.len()];
    let number = layer.filters[usize::from(filter) % layer.filters.len()].number;
    let name = &layer.layer;
    match verb % 5 {
        0 => Some(format!("add-filter {name} count={}", 1 + filter % 3)),
        1 => Some(format!("add-filter {name} init=zero")),
        2 => (layer.filters.len() > 1).then(|| format!("remove-filter {name}/{number}")),
        3 => Some(format!("set learning-rate 0.{}", 1 + filter % 9)),
        _ => Some(format!("insert-layer conv after=input kernel={}", 1 + 2 * (filter % 2))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_no_edit_names_keeps_its_bits(choices in prop::collection::vec((0_u8..5, any::<u8>(), any::<u8>()), 1..6)) {
        let mut trainer = trained(layers(), 2);
        for choice in choices {
            let Some(text) = random_edit(&trainer, choice) else { continue };
            let before = connections(&trainer);
            let edited = edited(&trainer, &[&text]);
            prop_assert_eq!(edited.state.cursor, trainer.cursor());
            let next = child(&edited, 1);
            let after = connections(&next);
            let mut kept = 0;
            for (connection, bits) in &before {
                if let Some(now) = after.get(connection) {
                    prop_assert_eq!(now, bits, "{}: {:?}", &text, connection);
                    kept += 1;
                }
            }
            prop_assert!(kept * 3 >= before.len(), "{}: {} of {}", &text, kept, before.len());
            for (layer, old) in next.topology().layers.iter().filter_map(|layer| {
                Some((layer, trainer.topology().layers.iter().find(|old| old.layer == layer.layer)?))
            }) {
                for filter in &layer.filters {
                    let known = old.filters.contains(filter);
                    prop_assert!(known || filter.number >= old.next_filter, "{}: {} is used twice", &text, filter.number);
                    prop_assert!(filter.number < layer.next_filter);
                }
            }
            trainer = next;
        }
        train(&mut trainer, 1);
    }
}
