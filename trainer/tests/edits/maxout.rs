//! Layers that make one channel of several.

use serde_json::{Value, json};

use crate::support::{child, edited, refused, train, trained};

fn layers() -> Value {
    json!([
        {"kind": "conv", "filters": 6, "kernel": 3},
        {"kind": "batchnorm"},
        {"kind": "maxout", "pieces": 3},
        {"kind": "conv", "filters": 2, "kernel": 3, "pad": 1, "activation": "relu"},
        {"kind": "add", "reads": ["maxout1", "conv2"]},
    ])
}

#[test]
fn filters_of_one_channel_go_together_and_those_that_stay_keep_their_bits() {
    let parent = trained(layers(), 2);
    let before = parent.state();
    for filter in 3..6 {
        let edited = edited(&parent, &[&format!("remove-filter conv1/{filter}")]);
        let summary = &edited.effects[0].summary;
        let told = "conv1 loses filters 3, 4, 5 and has 3 left, together with conv2 filter 1; \
                    conv2 reads 9 inputs fewer, softmax reads ";
        assert!(summary.starts_with(told), "{summary}");
        let numbers = |name: &str| {
            let layer = edited.topology.layers.iter().find(|layer| layer.layer.as_str() == name).unwrap();
            layer.filters.iter().map(|filter| filter.number.0).collect::<Vec<_>>()
        };
        assert_eq!(["conv1", "batchnorm1"].map(numbers), [vec![0, 1, 2], vec![0, 1, 2]]);
        assert_eq!(["maxout1", "conv2", "add1"].map(numbers), [vec![0], vec![0], vec![0]]);
        let (own, old) = (&edited.state.parameters, &before.parameters);
        assert_eq!(own[0].weights[..], old[0].weights[..old[0].weights.len() / 2]);
        // Of conv2 the first filter, and what it reads of the first channel.
        assert_eq!(own[2].weights[..], old[2].weights[..9]);
        train(&mut child(&edited, 2), 2);
    }
    let last = edited(&parent, &["remove-filter conv1/0"]);
    let refused = refused(&child(&last, 1), "remove-filter conv1/4");
    assert!(refused.contains("with it all 3 filters of conv1 would go, for they come and go together"), "{refused}");
}

#[test]
fn filters_come_by_whole_channels_and_unread_ones_keep_the_outputs() {
    let parent = trained(layers(), 2);
    let wider = edited(&parent, &["add-filter conv1 count=6 init=zero"]);
    let summary = &wider.effects[0].summary;
    let told = "conv1 gains filters 6–11, together with conv2 filters 2–3; conv2 reads 18 \
                inputs more, softmax reads ";
    assert!(summary.starts_with(told), "{summary}");
    assert_eq!(wider.effects[0].preserves.as_ref().expect("it is measured").evaluation, 0.0);
    assert_eq!(wider.topology.layers[2].filters.len(), 4);
    train(&mut child(&wider, 2), 2);
    let drawn = edited(&parent, &["add-filter conv1 count=3"]);
    let other = edited(&parent, &["add-filter conv1 count=3 init=random"]);
    assert_eq!(drawn.state, other.state);
    // What conv2's filters had, and then what they read of the new channel.
    let (own, old) = (&drawn.state.parameters[2].weights, &parent.state().parameters[2].weights);
    for filter in 0..2 {
        assert_eq!(own[filter * 27..][..18], old[filter * 18..][..18]);
        assert!(own[filter * 27 + 18..][..9].iter().all(|weight| *weight != 0.0));
    }
    // Added, and gone again.
    let back = edited(&child(&drawn, 1), &["remove-filter conv1/7"]);
    assert_eq!(back.state.parameters[0].weights, parent.state().parameters[0].weights);
    assert_eq!(&back.state.parameters[2].weights, old);
}

#[test]
fn what_would_regroup_filters_is_refused_with_the_reason() {
    let parent = trained(layers(), 2);
    for (edit, told) in [
        ("add-filter conv1", "maxout1 makes one channel of each 3 that it reads, and 1 more or fewer is no multiple"),
        ("add-filter conv1 count=4", "and 4 more or fewer are no multiple of that"),
        ("duplicate-filter conv1/4", "maxout1 makes one channel of each 3 that it reads"),
        ("add-filter conv1 count=3 init=split", "a copy of one filter belongs to none of them"),
        ("add-filter conv1 count=3 init=gradmax", "and maxout1 makes one channel of several filters"),
        ("add-filter conv2", "it is added to a channel of maxout1, which is of kind maxout and makes one of several"),
        ("remove-filter conv2/0", "it is added to a channel of maxout1"),
        (
            "remove-filter maxout1/0",
            "maxout1 is of kind maxout and has no filters of its own; its channels are made of",
        ),
    ] {
        let refused = refused(&parent, edit);
        assert!(refused.contains(told), "{edit}: {refused}");
    }
    let joined = trained(
        json!([
            {"kind": "conv", "filters": 2, "kernel": 3},
            {"kind": "conv", "filters": 4, "kernel": 3, "reads": ["input"]},
            {"kind": "concat", "reads": ["conv1", "conv2"]},
            {"kind": "maxout", "pieces": 3},
        ]),
        1,
    );
    let across = refused(&joined, "remove-filter conv2/0");
    assert!(across.contains("maxout1 makes one channel of each 3 that it reads"), "{across}");
}

#[test]
fn maxout_comes_and_goes_and_what_reads_it_is_drawn_anew() {
    let layers = json!([
        {"kind": "conv", "filters": 6, "kernel": 3},
        {"kind": "conv", "filters": 4, "kernel": 3, "activation": "relu"},
    ]);
    let parent = trained(layers, 2);
    let inserted = edited(&parent, &["insert-layer maxout after=conv1"]);
    assert_eq!(
        inserted.effects[0].summary,
        "maxout1 (maxout) follows conv1 with 3 filters; conv2 reads other inputs and draws its coefficients anew"
    );
    assert_eq!(inserted.state.parameters[1].weights.len(), 4 * 3 * 9);
    let mut with = child(&inserted, 2);
    train(&mut with, 2);
    let gone = edited(&with, &["remove-layer maxout1", "add-filter conv1"]);
    assert_eq!(gone.state.parameters[1].weights.len(), 4 * 7 * 9);
    train(&mut child(&gone, 1), 2);
    let wrong = refused(&parent, "insert-layer maxout after=conv1 pieces=4");
    assert!(wrong.contains("the largest of 4 that it reads, and 6 cannot be shared out so"), "{wrong}");
    for pieces in ["0", "1"] {
        let wrong = refused(&parent, &format!("insert-layer maxout after=conv1 pieces={pieces}"));
        assert!(wrong.contains(&format!("pieces must be 2 to 1048576, found {pieces}")), "{wrong}");
    }
}
