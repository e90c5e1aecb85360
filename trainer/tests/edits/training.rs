//! Training goes on after every edit, alike on any machine.

use revacnn_schemas::Edit;
use revacnn_trainer::Trainer;
use revacnn_trainer::kernels::Instructions;

use crate::support::{child, dataset, edited, layers, state_digest, train, trained};

/// Every kind of edit, each possible after those before it.
const ALL: &[&str] = &[
    "load-weights a.npz layer=conv1",
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
    "set-weights conv1/2 a.npy bias=0.5",
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
    "set activation conv1 leaky-relu",
    "insert-layer activation after=pool1 name=bent function=gelu",
    "set activation bent sigmoid",
    "insert-layer global-average-pool after=dropout1",
    "add-filter conv2 init=zero",
    "insert-layer layernorm after=pool1",
    "insert-layer local-response-norm after=conv1 size=3 alpha=0.1",
    "add-filter conv1 init=split",
    "insert-layer conv after=pool1 name=wide kernel=[1,3] dilation=[1,2] init=he bias-init=0.1 activation=relu",
    "reinitialise wide",
    "set learning-rate 0.005",
    "set weight-decay 0.01",
    "set batch-size 9",
    "drop-images 3,17,40-60",
    "relabel 1 'class 2' 5 0",
    "weight-images 30-35 0.5 2 0",
    "set optimizer sgd",
    "set momentum 0.5",
    "set schedule step,every=2,factor=0.5",
    "set schedule warmup=2,start=0.1,exponential,factor=0.9",
    "set schedule one-cycle,over=5",
    "set optimizer nesterov",
    "set optimizer adagrad",
    "set optimizer rmsprop,learning-rate=0.001",
    "set optimizer windowgrad,learning-rate=0.001",
    "set optimizer adamw",
    "set clip-norm 0.5",
    "set l1-decay 0.001",
    "insert-layer conv after=pool1 filters=3 kernel=3 pad=1 weight-decay-factor=0.5",
    "insert-layer conv after=pool1 name=pieced filters=6 kernel=3 pad=1",
    "insert-layer maxout after=pieced pieces=3",
];

#[test]
fn training_goes_on_after_every_edit() {
    let parent = trained(layers(), 3);
    // What needs layers that an earlier edit inserts is tried together below.
    let alone = ALL.iter().filter(|text| {
        !["conv3", "fc2", "momentum", "activation bent", "reinitialise wide", "after=pieced"]
            .iter()
            .any(|word| text.contains(word))
    });
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
