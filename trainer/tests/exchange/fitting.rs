//! Arrays onto layers: all that does not fit is told at once.

use revacnn_schemas::{ArrayFile, Change, Edit};
use revacnn_trainer::exchange::{Arrays, Format};
use revacnn_trainer::{Trainer, TrainerError};
use safetensors::serialize;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;

use crate::support::{beginning, begun, dataset, exported, read, trained};

fn layers(filters: usize) -> serde_json::Value {
    json!([
        {"kind": "conv", "filters": filters, "kernel": 3, "activation": "relu"},
        {"kind": "batchnorm"},
        {"kind": "fully-connected", "units": 5},
    ])
}

/// Arrays of these shapes, whose values count up.
fn counting(arrays: &[(&str, &[usize])]) -> Arrays {
    let raw: Vec<(&str, Vec<usize>, Vec<u8>)> = arrays
        .iter()
        .map(|(name, shape)| {
            let values = (0..shape.iter().product::<usize>()).flat_map(|value| (value as f32 / 8.0).to_le_bytes());
            (*name, shape.to_vec(), values.collect())
        })
        .collect();
    let views = raw.iter().map(|(name, shape, raw)| (*name, TensorView::new(Dtype::F32, shape.clone(), raw).unwrap()));
    read(&serialize(views, None).unwrap()).unwrap()
}

fn refused(result: Result<Trainer, TrainerError>) -> String {
    result.map(|_| ()).unwrap_err().to_string()
}

#[test]
fn every_mismatch_is_told_by_layer_and_shape() {
    let (small, large) = (trained(layers(3), 1), trained(layers(4), 1));
    let arrays = read(&exported(&large, Format::Safetensors)).unwrap();
    let message = refused(begun(&small, &arrays, &[]));
    assert_eq!(
        message,
        "the arrays do not fit the network: conv1.weight: expected [3][2][3][3], found [4][2][3][3]; conv1.bias: \
         expected [3], found [4]; batchnorm1.weight: expected [3], found [4]; batchnorm1.bias: expected [3], found \
         [4]; batchnorm1.running_mean: expected [3], found [4]; batchnorm1.running_var: expected [3], found [4]; \
         fc1.weight: expected [5][126], found [5][168]"
    );
    let other = counting(&[("conv1.weight", &[3, 3, 3, 2]), ("conv1.scale", &[3]), ("fc9.weight", &[2])]);
    let message = refused(begun(&small, &other, &[]));
    for part in [
        "conv1.weight: expected [3][2][3][3], found [3][3][3][2]",
        "conv1 takes no scale [3]",
        "batchnorm1 [3] is not in the file",
        "the network has no place for fc9 (weight [2])",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let message = refused(begun(&small, &other, &["pool1"]));
    assert!(message.contains("the network has no layer pool1 with weights; there are conv1, batchnorm1"), "{message}");
}

#[test]
fn layers_that_were_asked_for_take_theirs_and_the_others_are_drawn() {
    let trainer = trained(layers(3), 2);
    let fresh = trained(layers(3), 0);
    let arrays = read(&exported(&trainer, Format::Npz)).unwrap();
    let begun = begun(&trainer, &arrays, &["conv1", "softmax"]).unwrap();
    let weights = |trainer: &Trainer, place: usize| trainer.parameters()[place].weights.clone();
    for (place, source) in [(0, &trainer), (1, &fresh), (2, &fresh), (3, &trainer)] {
        assert_eq!(weights(&begun, place), weights(source, place), "layer {place}");
    }
    let (whole, part) = (beginning(trainer.definition(), &arrays, &[]), begun.definition());
    assert_ne!(whole.key(), part.key());
    assert_ne!(whole.key(), trainer.definition().key());
}

/// `nn.Sequential` without names, and biases that another program leaves out.
#[test]
fn layers_with_numbers_are_taken_in_order_and_a_bias_that_is_not_there_is_zero() {
    let trainer = trained(json!([{"kind": "conv", "filters": 3, "kernel": 3, "activation": "relu"}]), 1);
    let arrays = counting(&[("10.weight", &[4, 126]), ("10.bias", &[4]), ("2.weight", &[3, 2, 3, 3])]);
    let begun = begun(&trainer, &arrays, &[]).unwrap();
    assert_eq!(begun.parameters()[0].weights[..3], [0.0, 0.125, 0.25]);
    assert_eq!(begun.parameters()[0].biases, [0.0; 3]);
    assert_eq!(begun.parameters()[1].biases, [0.0, 0.125, 0.25, 0.375]);
    let more = counting(&[("0.weight", &[4, 126]), ("1.weight", &[4]), ("2.weight", &[3, 2, 3, 3])]);
    let message = refused(crate::support::begun(&trainer, &more, &[]));
    assert!(message.contains("taken in order: expected 2 with weights, found 3"), "{message}");
}

#[test]
fn an_edit_loads_one_layer_or_all_and_the_optimizer_forgets_them() {
    let (parent, other) = (trained(layers(3), 3), trained(layers(3), 1));
    let arrays = read(&exported(&other, Format::Safetensors)).unwrap().to_file().unwrap();
    let load = |layer: Option<&str>| {
        let layer = layer.map(|layer| layer.parse().unwrap());
        parent.edited(&[Edit::new(Change::LoadWeights { arrays: arrays.clone(), layer })])
    };
    let whole = load(None).unwrap();
    assert_eq!(
        whole.effects[0].summary,
        format!("conv1, batchnorm1, fc1, softmax have the arrays of digest {:.12}", arrays.digest())
    );
    for (state, other) in whole.state.parameters.iter().zip(other.parameters()) {
        assert_eq!((&state.weights, &state.biases, &state.running), (&other.weights, &other.biases, &other.running));
        assert!(state.weight_slots.iter().chain(&state.bias_slots).flatten().all(|slot| *slot == 0.0));
    }
    let one = load(Some("fc1")).unwrap();
    assert_eq!(one.state.parameters[2].weights, other.parameters()[2].weights);
    assert_eq!(one.state.parameters[0], parent.state().parameters[0]);
    let message = load(Some("pool1")).unwrap_err().to_string();
    assert!(message.contains("there is no layer pool1; layers that have weights: conv1"), "{message}");
    // A record has the digest alone.
    let recorded = Change::LoadWeights { arrays: arrays.recorded(), layer: None };
    let message = parent.edited(&[Edit::new(recorded)]).unwrap_err().to_string();
    assert!(message.contains("are not at hand"), "{message}");
    let noise = Change::LoadWeights { arrays: ArrayFile::new(vec![1; 20]), layer: None };
    assert!(parent.edited(&[Edit::new(noise)]).is_err());
}

#[test]
fn a_run_that_begins_with_arrays_needs_them() {
    let trainer = trained(layers(3), 1);
    let arrays = read(&exported(&trainer, Format::Safetensors)).unwrap();
    let mut definition = beginning(trainer.definition(), &arrays, &[]);
    let key = definition.key();
    definition.init = definition.init.map(|init| init.recorded());
    assert_eq!(definition.key(), key);
    assert!(refused(Trainer::new(&definition, dataset(), 1)).contains("are not at hand"));
    // What is recorded goes on from its state.
    Trainer::of_branch(&definition, trainer.topology(), dataset(), 1).unwrap();
}

#[test]
fn values_that_are_not_finite_are_refused() {
    let trainer = trained(json!([]), 0);
    let values: Vec<u8> =
        (0..4 * 144).flat_map(|value| if value == 7 { f32::NAN } else { 0.5 }.to_le_bytes()).collect();
    let view = TensorView::new(Dtype::F32, vec![4, 144], &values).unwrap();
    let arrays = read(&serialize([("softmax.weight", view)], None).unwrap()).unwrap();
    let message = refused(begun(&trainer, &arrays, &[]));
    assert!(message.contains("softmax.weight: expected finite numbers, found NaN at 7"), "{message}");
}
