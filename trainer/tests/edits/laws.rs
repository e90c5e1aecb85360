//! The laws of edits, for whatever lies between a filter and what reads it,
//! and for every optimizer's slots.

use proptest::prelude::*;
use revacnn_trainer::Trainer;
use revacnn_trainer::data::Split;
use serde_json::{Value, json};

use crate::common::trainer;
use crate::support::{child, dataset, edited, train};

/// A copied filter shares each coefficient c as c·s and c − c·s, off by 2⁻²⁴
/// of itself, and sums of up to 512 terms are rounded in another order:
/// √512 · 2⁻²⁴ ≈ 1.3·10⁻⁶ of a sum of size 1. This leaves room for sums of a
/// few, on their way through the layers behind.
const ROUNDING: f32 = 1e-5;

/// What can lie between the filters of conv1 and the layer that reads them.
fn ways() -> [(&'static str, Value); 10] {
    let conv = |function: &str| json!({"kind": "conv", "filters": 5, "kernel": 3, "pad": 1, "activation": function});
    let reader = json!({"kind": "conv", "filters": 4, "kernel": 3, "activation": "relu"});
    [
        ("nothing", json!([conv("none"), reader])),
        ("relu", json!([conv("relu"), reader])),
        ("tanh", json!([conv("tanh"), reader])),
        ("max pooling", json!([conv("none"), {"kind": "pool", "kernel": 2}, reader])),
        ("average pooling", json!([conv("relu"), {"kind": "pool", "method": "average", "kernel": 2}, reader])),
        ("batch normalisation", json!([conv("none"), {"kind": "batchnorm"}, reader])),
        ("dropout", json!([conv("relu"), {"kind": "dropout", "rate": 0.3}, reader])),
        ("flattening", json!([conv("relu"), {"kind": "fully-connected", "units": 6, "activation": "tanh"}])),
        ("the class layer", json!([conv("relu")])),
        (
            "all of it",
            json!([
                conv("none"), {"kind": "batchnorm"}, {"kind": "activation", "function": "relu"},
                {"kind": "pool", "kernel": 2}, {"kind": "dropout", "rate": 0.2}, reader,
            ]),
        ),
    ]
}

/// Optimizers with one and with two slots a coefficient.
fn optimizers() -> [Value; 3] {
    [
        json!({"kind": "sgd", "learning_rate": 0.02, "momentum": 0.9}),
        json!({"kind": "adadelta", "learning_rate": 1.0}),
        json!({"kind": "adam", "learning_rate": 0.01}),
    ]
}

/// A parent whose slots are not zero.
fn parent(way: usize, optimizer: usize, steps: usize) -> Trainer {
    let layers = ways()[way].1.clone();
    let mut parent = trainer(layers, optimizers()[optimizer].clone(), 12, &dataset());
    train(&mut parent, steps);
    let slots = parent.parameters().iter().flat_map(|state| &state.weight_slots).flatten();
    assert!(slots.filter(|&&slot| slot != 0.0).count() > 50, "the optimizer remembers");
    parent
}

prop_compose! {
    fn parents()(way in 0..ways().len(), optimizer in 0..optimizers().len(), steps in 1_usize..4)
        -> (&'static str, Trainer)
    {
        (ways()[way].0, parent(way, optimizer, steps))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_filter_that_begins_unread_changes_no_bit(
        (way, parent) in parents(), count in 1_u32..4, seed in 0_u64..1000, gradmax in any::<bool>(),
    ) {
        let init = if gradmax { "gradmax" } else { "zero" };
        let text = format!("add-filter conv1 count={count} init={init} seed={seed}");
        let edited = edited(&parent, &[&text]);
        let preserves = edited.effects[0].preserves.unwrap();
        prop_assert_eq!(preserves.evaluation, 0.0, "{}: {}", way, &text);
        prop_assert!(preserves.training.is_none_or(|change| change == 0.0), "{}: {}: {:?}", way, &text, preserves);
        let mut next = child(&edited, 1);
        let (before, after) = (parent.evaluate(Split::Validation).unwrap(), next.evaluate(Split::Validation).unwrap());
        prop_assert_eq!(after.loss.to_bits(), before.loss.to_bits(), "{}: {}", way, &text);
        // Training mode too: the next batch's loss, with dropout and the batch's own statistics.
        let mut twin = child(&crate::support::edited(&parent, &[]), 1);
        let (ours, theirs) = (next.step().unwrap().loss, twin.step().unwrap().loss);
        prop_assert_eq!(ours.to_bits(), theirs.to_bits(), "{}: {}", way, &text);
    }

    #[test]
    fn a_copied_filter_changes_no_more_than_rounding(
        (way, parent) in parents(), count in 1_u32..4, seed in 0_u64..1000, filter in prop::option::of(0_u32..5),
    ) {
        let text = match filter {
            Some(filter) => format!("duplicate-filter conv1/{filter} seed={seed}"),
            None => format!("add-filter conv1 count={count} init=split seed={seed}"),
        };
        let preserves = edited(&parent, &[&text]).effects[0].preserves.unwrap();
        prop_assert!(preserves.evaluation < ROUNDING, "{}: {}: {:?}", way, &text, preserves);
        prop_assert!(preserves.training.is_none_or(|change| change < ROUNDING), "{}: {}: {:?}", way, &text, preserves);
    }

    /// Ones and zeros multiply without rounding: an identity is exact.
    #[test]
    fn an_identity_changes_no_output_wherever_it_is_inserted(
        (way, parent) in parents(), kernel in prop::sample::select(vec![1_u32, 3, 5]), place in any::<prop::sample::Index>(),
    ) {
        let layers = &parent.topology().layers;
        let maps: Vec<&str> = layers[..layers.len() - 1]
            .iter()
            .take_while(|layer| layer.kind != "fully-connected")
            .map(|layer| layer.layer.as_str())
            .chain(["input"])
            .collect();
        let after = maps[place.index(maps.len())];
        let text = format!("insert-layer conv after={after} kernel={kernel} init=identity");
        let edited = edited(&parent, &[&text]);
        let preserves = edited.effects[0].preserves.unwrap();
        prop_assert_eq!(preserves.evaluation, 0.0, "{}: {}", way, &text);
        prop_assert!(preserves.training.is_none_or(|change| change == 0.0), "{}: {}: {:?}", way, &text, preserves);
        train(&mut child(&edited, 1), 1);
    }

    #[test]
    fn adding_filters_and_removing_them_restores_every_bit(
        (way, parent) in parents(),
        count in 1_u32..4,
        init in prop::sample::select(vec!["random", "zero", "gradmax"]),
        backwards in any::<bool>(),
    ) {
        let mut numbers: Vec<u32> = (5..5 + count).collect();
        if backwards {
            numbers.reverse();
        }
        let mut texts = vec![format!("add-filter conv1 count={count} init={init}")];
        texts.extend(numbers.iter().map(|number| format!("remove-filter conv1/{number}")));
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let restored = edited(&parent, &texts);
        // Parameters, slots, running statistics, frozen filters, cursor, counters.
        prop_assert_eq!(&restored.state, &parent.state(), "{}: {:?}", way, &texts);
        prop_assert_eq!(&restored.definition, parent.definition(), "{}: {:?}", way, &texts);
        for (layer, before) in restored.topology.layers.iter().zip(&parent.topology().layers) {
            prop_assert_eq!(&layer.filters, &before.filters, "{}: {:?}", way, &texts);
        }
        let next = restored.topology.layers[0].next_filter.0;
        prop_assert_eq!(next, 5 + count, "the numbers are not given again");
        // And it trains on as if nothing had been.
        let (mut next, mut twin) = (child(&restored, 1), child(&edited(&parent, &[]), 1));
        train(&mut next, 1);
        train(&mut twin, 1);
        prop_assert_eq!(next.digest(), twin.digest());
    }
}
