//! What goes out: equal networks give equal bytes, and what a format has no form for is named.

use revacnn_schemas::ParameterState;
use revacnn_trainer::exchange::{ExportedNetwork, Format, METADATA};
use safetensors::SafeTensors;
use serde_json::{Value, json};

use crate::support::{exported, network, read, trained};

fn layers() -> Value {
    json!([
        {"kind": "conv", "filters": 3, "kernel": 3, "pad": 1, "activation": "relu"},
        {"kind": "batchnorm"},
        {"kind": "pool", "kernel": 2},
        {"kind": "dropout", "rate": 0.5},
        {"kind": "fully-connected", "units": 5, "activation": "tanh"},
        {"kind": "batchnorm"},
        {"kind": "conv", "filters": 2, "kernel": 1},
    ])
}

#[test]
fn equal_networks_give_equal_bytes_in_every_format() {
    let plain = json!([{"kind": "conv", "filters": 3, "kernel": 3, "pad": 1, "activation": "relu"}]);
    let (one, other) = (trained(plain.clone(), 2), trained(plain, 2));
    for (format, word, _) in Format::ALL {
        assert_eq!(exported(&one, format), exported(&other, format), "{word}");
    }
}

/// What enters a content key: another encoding of equal arrays would train them again.
#[test]
fn the_digest_of_loaded_arrays_never_changes() {
    let view = |name: &str, values: [f32; 2]| {
        let values: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let header = format!("{{\"{name}\":{{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}}}");
        [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &values].concat()
    };
    let digest = read(&view("b.bias", [0.5, -1.0])).unwrap().to_file().unwrap().digest();
    assert_eq!(digest.to_string(), "0b0e6a6d98c638daad9b41b8739684000add1cd305fcd3a5c6d82ee301154481");
}

#[test]
fn safetensors_has_pytorchs_names_and_shapes_and_says_what_the_network_is() {
    let trainer = trained(layers(), 2);
    let bytes = exported(&trainer, Format::Safetensors);
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let about: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()[METADATA]).unwrap();
    assert_eq!(header.metadata().as_ref().unwrap().len(), 1, "the order of several would be chance");
    assert_eq!(about["digest"], trainer.digest().to_string());
    assert_eq!(about["class_names"][1], "class 1");
    assert_eq!(about["network"]["layer"][0]["name"], "conv1");
    assert_eq!((&about["step"], &about["branch"]), (&json!(3), &json!("main")));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut shapes: Vec<(&str, Vec<usize>)> = file.iter().map(|(name, view)| (name, view.shape().to_vec())).collect();
    shapes.sort();
    let expected: [(&str, &[usize]); 16] = [
        ("batchnorm1.bias", &[3]),
        ("batchnorm1.running_mean", &[3]),
        ("batchnorm1.running_var", &[3]),
        ("batchnorm1.weight", &[3]),
        ("batchnorm2.bias", &[5]),
        ("batchnorm2.running_mean", &[5]),
        ("batchnorm2.running_var", &[5]),
        ("batchnorm2.weight", &[5]),
        ("conv1.bias", &[3]),
        ("conv1.weight", &[3, 2, 3, 3]),
        ("conv2.bias", &[2]),
        ("conv2.weight", &[2, 5, 1, 1]),
        ("fc1.bias", &[5]),
        ("fc1.weight", &[5, 48]),
        ("softmax.bias", &[4]),
        ("softmax.weight", &[4, 2]),
    ];
    assert_eq!(shapes, expected.map(|(name, shape)| (name, shape.to_vec())));
}

#[test]
fn the_optimizers_memory_goes_along_by_its_names_in_pytorch() {
    let trainer = trained(layers(), 2);
    let with = ExportedNetwork { optimizer_updates: Some(2), ..network(&trainer) };
    let bytes = with.to_format(Format::Safetensors).unwrap().bytes;
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let slot = file.tensor("optimizer.exp_avg_sq.conv1.weight").unwrap();
    assert_eq!(slot.shape(), [3, 2, 3, 3]);
    let values: Vec<f32> = slot.data().chunks_exact(4).map(|raw| f32::from_le_bytes(raw.try_into().unwrap())).collect();
    assert_eq!(values, trainer.parameters()[0].weight_slots[1]);
    let found = read(&bytes).unwrap();
    assert_eq!(found.notes(), ["24 arrays of an optimizer, or counters, left aside"]);
    assert_eq!(found.to_file().unwrap(), read(&exported(&trainer, Format::Npz)).unwrap().to_file().unwrap());
}

#[test]
fn a_layer_that_a_format_has_no_form_for_is_named() {
    let trainer = trained(layers(), 1);
    let message = network(&trainer).to_format(Format::ConvNetJs).unwrap_err().to_string();
    assert!(message.starts_with("ConvNetJS has no form for layer batchnorm1 (batchnorm); the arrays"), "{message}");
    let trainer = trained(json!([{"kind": "pool", "kernel": 2, "method": "average"}]), 1);
    let message = network(&trainer).to_format(Format::ConvNetJs).unwrap_err().to_string();
    assert!(message.contains("pool1 (pool), which takes the mean of a window"), "{message}");
}

#[test]
fn dropout_is_left_out_of_convnetjs_and_that_is_said() {
    let trainer = trained(json!([{"kind": "dropout", "rate": 0.5}]), 1);
    let exported = network(&trainer).to_format(Format::ConvNetJs).unwrap();
    assert!(exported.notes[0].starts_with("dropout1 is left out: ConvNetJS scales"), "{:?}", exported.notes);
    assert!(!String::from_utf8(exported.bytes).unwrap().contains("drop"));
}

#[test]
fn json_has_no_word_for_what_is_not_finite() {
    let trainer = trained(json!([]), 0);
    let mut parameters: Vec<ParameterState> = trainer.parameters().to_vec();
    parameters[0].weights[3] = f32::NAN;
    let diverged = ExportedNetwork { parameters: &parameters, ..network(&trainer) };
    let message = diverged.to_format(Format::ConvNetJs).unwrap_err().to_string();
    assert!(message.contains("ConvNetJS cannot write softmax.weight: 1 of its values"), "{message}");
    diverged.to_format(Format::Npz).unwrap();
}

#[test]
fn a_script_of_pytorch_names_every_layer_as_its_arrays_are_named() {
    let script = String::from_utf8(exported(&trained(layers(), 1), Format::Torch)).unwrap();
    for line in [
        "(\"conv1\", nn.Conv2d(2, 3, 3, stride=1, padding=1)),",
        "(\"conv1_relu\", nn.ReLU()),",
        "(\"batchnorm1\", nn.BatchNorm2d(3, eps=1e-5, momentum=0.1)),",
        "(\"flatten1\", nn.Flatten()),",
        "(\"fc1\", nn.Linear(48, 5)),",
        "(\"batchnorm2\", nn.BatchNorm1d(5, eps=1e-5, momentum=0.1)),",
        "(\"unflatten1\", nn.Unflatten(1, (5, 1, 1))),",
        "(\"flatten2\", nn.Flatten()),",
        "(\"softmax\", nn.Linear(2, 4)),",
    ] {
        assert!(script.contains(line), "{line}\n{script}");
    }
    assert!(script.contains("CLASSES = [\"class 0\",\"class 1\",\"class 2\",\"class 3\"]"));
}
