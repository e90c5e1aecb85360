//! Networks that go out, and files that come in.

use std::path::Path;
use std::sync::Arc;

use revacnn_schemas::{ImageShape, InitialArrays, RunDefinition, Step};
use revacnn_trainer::data::Dataset;
use revacnn_trainer::exchange::{Arrays, ExportedNetwork, Format, Origin, read_arrays};
use revacnn_trainer::{Trainer, TrainerError};
use serde_json::{Value, json};

use crate::common::{noise, trainer};

/// Images that are not square, so that no two axes are alike.
pub(crate) fn dataset() -> Arc<Dataset> {
    noise(ImageShape { channels: 2, height: 8, width: 9 }, 4, 40)
}

pub(crate) fn trained(layers: Value, steps: usize) -> Trainer {
    let mut trainer = trainer(layers, json!({"kind": "adam", "learning_rate": 0.01}), 12, &dataset());
    for _ in 0..steps {
        trainer.step().unwrap();
    }
    trainer
}

/// The network of a trainer.
pub(crate) fn network(trainer: &Trainer) -> ExportedNetwork<'_> {
    ExportedNetwork {
        definition: trainer.definition(),
        topology: trainer.topology(),
        parameters: trainer.parameters(),
        optimizer_updates: None,
        class_names: Some(trainer.dataset().class_names()),
        origin: Origin {
            branch: "main".parse().unwrap(),
            branch_id: "b0123456789abcde".parse().unwrap(),
            step: Step(3),
            digest: trainer.digest(),
        },
    }
}

pub(crate) fn exported(trainer: &Trainer, format: Format) -> Vec<u8> {
    network(trainer).to_format(format).unwrap().bytes
}

/// Reads bytes as those of a file.
pub(crate) fn read(bytes: &[u8]) -> Result<Arrays, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    let shown = format!("{}/", folder.path().display());
    read_arrays(Path::new(&path)).map_err(|error| error.to_string().replace(&shown, ""))
}

/// A definition that begins with arrays.
pub(crate) fn beginning(definition: &RunDefinition, arrays: &Arrays, layers: &[&str]) -> RunDefinition {
    let layers = layers.iter().map(|layer| layer.parse().unwrap()).collect();
    let init = InitialArrays { arrays: arrays.to_file().unwrap(), layers };
    RunDefinition { init: Some(init), ..definition.clone() }
}

/// A new run of the same network that begins with arrays.
pub(crate) fn begun(like: &Trainer, arrays: &Arrays, layers: &[&str]) -> Result<Trainer, TrainerError> {
    Trainer::new(&beginning(like.definition(), arrays, layers), like.dataset().clone(), 1)
}
