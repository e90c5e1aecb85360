//! Networks whose target is the image that they read.

mod common;

use common::{noise, trainer};
use revacnn_schemas::{ImageIndex, ImageShape, NetworkSpec, Observer, ObserverError, Step, StepView, Wanted};
use revacnn_trainer::data::{Split, decode};
use revacnn_trainer::{Trainer, resolve};
use serde_json::{Value, json};

const SHAPE: ImageShape = ImageShape { channels: 3, height: 9, width: 11 };

fn autoencoder() -> Value {
    json!([
        {"kind": "conv", "filters": 5, "kernel": 3, "activation": "relu"},
        {"kind": "pool", "kernel": 2},
        {"kind": "fully-connected", "units": 12, "activation": "tanh"},
        {"kind": "regression", "target": "image"},
    ])
}

fn small() -> Trainer {
    trainer(autoencoder(), json!({"kind": "adam", "learning_rate": 0.003}), 5, &noise(SHAPE, 4, 40))
}

#[test]
fn it_learns_the_images_and_says_nothing_of_classes() {
    let mut trainer = small();
    let before = trainer.evaluate(Split::Train).unwrap();
    let mut first = None;
    for _ in 0..200 {
        let outcome = trainer.step().unwrap();
        assert_eq!((outcome.correct, outcome.divergence), (None, None));
        first.get_or_insert(outcome.loss);
    }
    let after = trainer.evaluate(Split::Train).unwrap();
    assert!(after.loss < 0.8 * before.loss, "{} {}", before.loss, after.loss);
    assert_eq!((after.images, after.correct, after.accuracy()), (36, None, None));
    assert_eq!(after.confusion, None);
    assert_eq!(trainer.live_accuracy(), None);
    assert!(trainer.state().recent.is_empty());
}

/// Shows what is shown of a step.
struct Looks;

impl Observer for Looks {
    fn wanted(&self, _step: Step, _cursor: revacnn_schemas::DataCursor) -> Wanted {
        Wanted { probes: true, validation: true, ..Wanted::default() }
    }

    fn observe(&mut self, view: &StepView<'_>) -> Result<(), ObserverError> {
        assert_eq!((view.scalars.batch_accuracy, view.scalars.live_accuracy), (None, None));
        assert_eq!(view.samples.len(), 5);
        assert!(view.samples.iter().all(|sample| sample.predicted.is_none() && sample.output.is_none()));
        let mean = view.samples.iter().map(|sample| f64::from(sample.loss)).sum::<f64>() / 5.0;
        assert!((mean - f64::from(view.scalars.loss.unwrap())).abs() < 1e-4);
        let last = view.blocks.last().ok_or("no block")?;
        assert_eq!((last.activations.len(), last.gradients.len()), (SHAPE.len(), SHAPE.len()));
        assert_eq!(view.validation.ok_or("no validation")?.confusion, None);
        Ok(())
    }
}

#[test]
fn the_target_is_the_image_as_the_network_reads_it() {
    let mut trainer = small();
    for _ in 0..3 {
        trainer.step().unwrap();
    }
    trainer.show(&[ImageIndex(3)], &mut Looks).unwrap();
    let images = [ImageIndex(7), ImageIndex(0)];
    for found in trainer.reconstruct(Split::Train, &images).unwrap() {
        let mut image = vec![0.0; SHAPE.len()];
        decode(&trainer.dataset().train().image(found.image).unwrap(), &mut image);
        let loss = 0.5 * found.values.iter().zip(&image).map(|(y, x)| f64::from(y - x).powi(2)).sum::<f64>();
        assert!((loss - f64::from(found.loss)).abs() < 1e-5 * loss, "{loss} {}", found.loss);
    }
    let mut mean = 0.0;
    for found in trainer.reconstruct(Split::Validation, &trainer.dataset().indices(Split::Validation)).unwrap() {
        mean += f64::from(found.loss) / 4.0;
    }
    let evaluated = trainer.evaluate(Split::Validation).unwrap();
    assert!((mean - f64::from(evaluated.loss)).abs() < 1e-4 * mean, "{mean} {}", evaluated.loss);
}

#[test]
fn what_needs_classes_is_refused_by_the_layers_name() {
    let trainer = small();
    let saliency = trainer.saliency(Split::Train, ImageIndex(1), None).unwrap_err().to_string();
    let predicted = trainer.predict(Split::Train, &[ImageIndex(1)], 3).unwrap_err().to_string();
    for text in [saliency, predicted] {
        assert!(text.starts_with("layer regression gives back the image and predicts no class: there is no"), "{text}");
    }
    let classes = common::trainer(json!([]), json!({"kind": "sgd"}), 5, &noise(SHAPE, 4, 40));
    let text = classes.reconstruct(Split::Train, &[ImageIndex(1)]).unwrap_err().to_string();
    assert!(text.contains("gives back no image"), "{text}");
}

#[test]
fn its_values_follow_from_the_data_and_what_contradicts_is_refused() {
    let network = |last: Value| -> NetworkSpec { serde_json::from_value(json!({"layer": [last]})).unwrap() };
    let (resolved, topology) = resolve(&network(json!({"kind": "regression", "target": "image"})), SHAPE, 4).unwrap();
    assert_eq!(serde_json::to_value(&resolved.layers[0].parameters).unwrap(), json!({"target": "image", "units": 297}));
    assert_eq!(topology.layers[0].filters.len(), 297);
    // What is resolved is resolved again, as a definition that was recorded is.
    assert_eq!(resolve(&resolved, SHAPE, 4).unwrap().0, resolved);
    // The default is not written, so that keys of what was recorded stay.
    let (resolved, _) = resolve(&network(json!({"kind": "regression"})), SHAPE, 4).unwrap();
    assert_eq!(serde_json::to_value(&resolved.layers[0].parameters).unwrap(), json!({"classes": 4}));
    for (last, expected) in [
        (json!({"kind": "regression", "target": "image", "units": 5}), "images of 3×9×11 have 297 values"),
        (json!({"kind": "regression", "target": "image", "classes": 4}), "target = \"image\" has no `classes`"),
        (json!({"kind": "regression", "units": 4}), "target = \"class\" has no `units`"),
        (json!({"kind": "regression", "target": "label"}), "expected `class` or `image`"),
        (json!({"kind": "softmax", "target": "image"}), "unknown field `target`"),
    ] {
        let text = resolve(&network(last), SHAPE, 4).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
}
