//! What the tests of the engine build their trainers from.

use std::sync::Arc;

use revacnn_schemas::{AugmentationSpec, ImageShape, NetworkSpec, OptimizerSpec};
use revacnn_trainer::data::{Dataset, Stream};
use revacnn_trainer::{Settings, Trainer, class_layer_kinds, define};
use serde_json::{Value, json};

/// Images of noise, labelled in turn: nothing about them is regular enough to
/// hide a mistake. The test part is one image.
pub(crate) fn noise(shape: ImageShape, classes: u8, count: u32) -> Arc<Dataset> {
    let mut stream = Stream::new("test noise", &[shape.len() as u64]);
    let mut draw =
        |images: u32| -> Vec<u8> { (0..images as usize * shape.len()).map(|_| stream.below(256) as u8).collect() };
    let train = (draw(count), (0..count).map(|image| (image % u32::from(classes)) as u8).collect());
    let test = (draw(1), vec![0]);
    let names = (0..classes).map(|class| format!("class {class}")).collect();
    Arc::new(Dataset::new("noise", shape, names, train, test, AugmentationSpec::NONE).unwrap())
}

/// A trainer of one thread at step 0. `layers` are the network's, as in
/// `[{"kind": "conv", …}, …]`; a softmax layer is added where they have no class layer.
pub(crate) fn trainer(layers: Value, optimizer: Value, batch_size: u32, dataset: &Arc<Dataset>) -> Trainer {
    let Value::Array(mut layers) = layers else { panic!("layers are a list") };
    let ends = layers.last().is_some_and(|last| class_layer_kinds().any(|kind| last["kind"] == kind));
    if !ends {
        layers.push(json!({"kind": "softmax"}));
    }
    let network: NetworkSpec = serde_json::from_value(json!({"layer": layers})).unwrap();
    let optimizer: OptimizerSpec = serde_json::from_value(optimizer).unwrap();
    let settings = Settings { optimizer, batch_size, seed: 1, ..Settings::default() };
    let definition = define(network, dataset, &settings).unwrap();
    Trainer::new(&definition, Arc::clone(dataset), 1).unwrap()
}
