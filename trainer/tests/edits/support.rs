//! Networks, edits and what is compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use revacnn_schemas::{ArrayFile, Coefficients, Digest, Edit, ImageShape, ReadFiles};
use revacnn_trainer::data::Dataset;
use revacnn_trainer::{Edited, Preservation, Trainer};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::{Value, json};

use crate::common::{noise, trainer};

/// 135 images train, 15 validate.
pub(crate) fn dataset() -> Arc<Dataset> {
    noise(ImageShape { channels: 2, height: 8, width: 8 }, 4, 150)
}

/// Each way from one layer with weights to the next.
pub(crate) fn layers() -> Value {
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
pub(crate) fn plain_layers() -> Value {
    json!([
        {"kind": "conv", "filters": 5, "kernel": 3, "pad": 1, "activation": "relu"},
        {"kind": "pool", "kernel": 2},
        {"kind": "conv", "filters": 4, "kernel": 3, "activation": "relu"},
        {"kind": "fully-connected", "units": 6, "activation": "relu"},
    ])
}

pub(crate) fn trained(layers: Value, steps: usize) -> Trainer {
    let mut trainer = trainer(layers, json!({"kind": "adam", "learning_rate": 0.01}), 12, &dataset());
    train(&mut trainer, steps);
    trainer
}

pub(crate) fn train(trainer: &mut Trainer, steps: usize) {
    for _ in 0..steps {
        let outcome = trainer.step().unwrap();
        assert_eq!(outcome.divergence, None);
        assert!(outcome.loss.is_finite());
    }
}

pub(crate) fn edits(texts: &[&str]) -> Vec<Edit> {
    texts.iter().map(|text| Edit::parse(text, &mut Files).unwrap()).collect()
}

/// What edits name by a file: coefficients of a filter of conv1, and arrays of all of it.
struct Files;

impl ReadFiles for Files {
    fn coefficients(&mut self, _file: &str) -> Result<Coefficients, String> {
        Ok(Coefficients { shape: vec![18], values: vec![0.25; 18] })
    }

    fn arrays(&mut self, _file: &str) -> Result<ArrayFile, String> {
        let (weights, biases) =
            ([0.125_f32; 90].map(f32::to_le_bytes).concat(), [0.5_f32; 5].map(f32::to_le_bytes).concat());
        let arrays = [
            ("conv1.weight", TensorView::new(Dtype::F32, vec![5, 2, 3, 3], &weights).unwrap()),
            ("conv1.bias", TensorView::new(Dtype::F32, vec![5], &biases).unwrap()),
        ];
        Ok(ArrayFile::new(safetensors::serialize(arrays, None).unwrap()))
    }

    fn images(&mut self, file: &str) -> Result<String, String> {
        Err(format!("no test names images by {file}"))
    }
}

pub(crate) fn edited(trainer: &Trainer, texts: &[&str]) -> Edited {
    trainer.edited(&edits(texts)).unwrap_or_else(|error| panic!("{texts:?}: {error}"))
}

/// A trainer of what an edit gave.
pub(crate) fn child(edited: &Edited, threads: usize) -> Trainer {
    let mut child = Trainer::of_branch(&edited.definition, &edited.topology, dataset(), threads).unwrap();
    child.restore(&edited.state).unwrap();
    assert_eq!(child.topology(), &edited.topology, "the network says the same of itself");
    assert_eq!(child.state(), edited.state);
    child
}

pub(crate) fn refused(trainer: &Trainer, text: &str) -> String {
    trainer.edited(&edits(&[text])).expect_err(text).to_string()
}

pub(crate) fn state_digest(trainer: &Trainer) -> Digest {
    trainer.state().state_digest(trainer.digest())
}

pub(crate) fn preserved(trainer: &Trainer, text: &str) -> Preservation {
    edited(trainer, &[text]).effects[0].preserves.unwrap_or_else(|| panic!("{text} measures"))
}

/// A coefficient's identity: layer, filter, the layer it reads, its filter.
pub(crate) type Connection = (String, u32, String, u32);

/// Coefficients and slots by identity, as bits, with bias and its slots under
/// a connection to nothing.
pub(crate) fn connections(trainer: &Trainer) -> BTreeMap<Connection, Vec<u32>> {
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
