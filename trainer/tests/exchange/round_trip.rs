//! The law: what goes out and comes in again is the same network, to the bit.

use proptest::prelude::*;
use revacnn_trainer::exchange::Format;
use serde_json::{Value, json};

use crate::support::{begun, exported, read, trained};

/// Small networks that every format has a form for.
fn plain() -> impl Strategy<Value = Value> {
    let function = prop::sample::select(vec!["none", "relu", "tanh"]);
    let conv = (1_usize..5, 1_usize..4, 0_usize..2, 1_usize..3, function.clone()).prop_map(
        |(filters, kernel, pad, stride, function)| {
            let pad = pad.min(kernel - 1);
            json!({"kind": "conv", "filters": filters, "kernel": kernel, "pad": pad, "stride": stride,
                   "activation": function})
        },
    );
    let dense = (1_usize..6, function.clone())
        .prop_map(|(units, function)| json!({"kind": "fully-connected", "units": units, "activation": function}));
    let pool = (1_usize..3).prop_map(|kernel| json!({"kind": "pool", "kernel": kernel}));
    let activation = function.prop_map(|function| json!({"kind": "activation", "function": function}));
    let first = prop::option::of(conv.clone());
    let layers = (first, prop::option::of(pool), prop::option::of(activation), prop::option::of(dense), any::<bool>());
    layers.prop_map(|(conv, pool, activation, dense, again)| {
        let mut layers: Vec<Value> = [conv, pool, activation, dense].into_iter().flatten().collect();
        // A convolution behind a row of values reads it as maps of one pixel.
        if again {
            layers.push(json!({"kind": "conv", "filters": 3, "kernel": 1, "activation": "relu"}));
        }
        Value::Array(layers)
    })
}

/// The same with what ConvNetJS lacks.
fn any_layers() -> impl Strategy<Value = Value> {
    plain().prop_map(|layers| {
        let Value::Array(mut layers) = layers else { unreachable!() };
        layers.push(json!({"kind": "batchnorm"}));
        layers.push(json!({"kind": "dropout", "rate": 0.25}));
        layers.push(json!({"kind": "pool", "method": "average", "kernel": 1}));
        Value::Array(layers)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn arrays_that_went_out_are_the_network_again(layers in any_layers(), steps in 0_usize..3) {
        let trainer = trained(layers, steps);
        let mut files = Vec::new();
        for format in [Format::Safetensors, Format::Npz] {
            let arrays = read(&exported(&trainer, format)).unwrap();
            let again = begun(&trainer, &arrays, &[]).unwrap();
            prop_assert_eq!(again.digest(), trainer.digest());
            for (own, other) in again.parameters().iter().zip(trainer.parameters()) {
                prop_assert_eq!(&own.running, &other.running);
            }
            files.push(arrays.to_file().unwrap());
        }
        prop_assert_eq!(&files[0], &files[1], "what is loaded does not depend on the format");
    }

    #[test]
    fn a_network_of_convnetjs_is_the_network_again(layers in plain(), steps in 0_usize..3) {
        let trainer = trained(layers, steps);
        let arrays = read(&exported(&trainer, Format::ConvNetJs)).unwrap();
        prop_assert_eq!(begun(&trainer, &arrays, &[]).unwrap().digest(), trainer.digest());
    }

    #[test]
    fn an_autoencoder_is_the_network_again(layers in plain(), steps in 0_usize..3) {
        let Value::Array(mut layers) = layers else { unreachable!() };
        layers.push(json!({"kind": "regression", "target": "image"}));
        let trainer = trained(Value::Array(layers), steps);
        for format in [Format::Safetensors, Format::Npz, Format::ConvNetJs] {
            let arrays = read(&exported(&trainer, format)).unwrap();
            prop_assert_eq!(begun(&trainer, &arrays, &[]).unwrap().digest(), trainer.digest());
        }
    }
}
