//! A make-believe run: steps whose every number is a function of the step, so
//! that tests of the log need no network.

#![allow(dead_code, unreachable_pub, unused_imports, reason = "each test file uses its own part of this")]

#[path = "../../../test-support/src/files.rs"]
mod files;

pub mod sealed;

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use revacnn_schemas::{
    ARITHMETIC, AugmentationSpec, BlockView, BranchName, BranchRecord, CHECKSUMS_SINCE, DataCursor, DatasetIdentity,
    Digest, Epoch, Fidelity, FilterIdentity, FilterNumber, HyperParameters, ImageChanges, ImageIndex, ImageShape,
    LayerTopology, NetworkSpec, NormalisationView, OptimizerSpec, ParameterState, ParameterView, ParentRecord,
    Producer, RecordingSettings, RunDefinition, Sample, Step, StepScalars, StepView, Table, Topology, TrainingState,
    ValidationResult,
};
use revacnn_store::{
    BranchReader, NewBranch, Recorder, RecorderOptions, Selection, StepSpan, StepTensors, Store, StoreError, wanted,
};

pub use files::{copy_folder, files};

/// A layer of a make-believe network.
#[derive(Debug, Clone)]
pub struct FakeLayer {
    pub filters: usize,
    pub coefficients: Option<usize>,
    pub map: Option<[usize; 2]>,
    pub normalises: bool,
}

pub fn layer(filters: usize, coefficients: Option<usize>, map: Option<[usize; 2]>, normalises: bool) -> FakeLayer {
    FakeLayer { filters, coefficients, map, normalises }
}

/// A convolution with normalisation, a pool, and two fully connected layers.
pub fn small() -> Vec<FakeLayer> {
    vec![
        layer(3, Some(5), Some([2, 3]), false),
        layer(3, Some(1), None, true),
        layer(0, None, None, false),
        layer(2, Some(7), Some([1, 1]), false),
        layer(4, Some(2), Some([1, 1]), false),
    ]
}

pub fn topology(layers: &[FakeLayer]) -> Topology {
    let layers = layers.iter().enumerate().map(|(place, layer)| LayerTopology {
        layer: format!("layer{place}").parse().unwrap(),
        kind: "fake".to_owned(),
        reads: Vec::new(),
        // Numbers with a gap, as after a filter was removed.
        filters: (0..layer.filters)
            .map(|filter| FilterIdentity { number: FilterNumber(filter as u32 + u32::from(filter > 0)), born: None })
            .collect(),
        coefficients: layer.coefficients,
        map: layer.map,
        normalises: layer.normalises,
        groups: 1,
        kernel: None,
        next_filter: FilterNumber(layer.filters as u32 + 1),
    });
    Topology { layers: layers.collect(), retired: Vec::new() }
}

pub fn definition() -> RunDefinition {
    RunDefinition {
        network: NetworkSpec::from_toml("[[layer]]\nkind = \"fake\"\n").unwrap(),
        input: ImageShape { channels: 1, height: 2, width: 2 },
        classes: 2,
        dataset: DatasetIdentity { name: "fake".into(), digest: Digest([1; 32]) },
        reading: None,
        holdout_every: 10,
        augmentation: AugmentationSpec::NONE,
        optimizer: OptimizerSpec::new("fake"),
        schedule: None,
        batch_size: 3,
        seed: 0,
        init: None,
        images: ImageChanges::default(),
    }
}

pub fn recording(probes: usize) -> RecordingSettings {
    RecordingSettings {
        fidelity: Fidelity::Every,
        keyframe_interval: 5,
        probes: (0..probes).map(|probe| ImageIndex(10 * probe as u32 + 1)).collect(),
        validate_every: Some(7),
    }
}

pub fn name(text: &str) -> BranchName {
    text.parse().unwrap()
}

/// A branch of this program's engine that is to be made.
pub fn new_branch(
    name: BranchName,
    definition: RunDefinition,
    recording: RecordingSettings,
    topology: Topology,
    parent: Option<ParentRecord>,
    created_unix_seconds: u64,
) -> NewBranch {
    NewBranch {
        name: Some(name),
        producer: Producer::Engine { arithmetic: ARITHMETIC, definition: Box::new(definition) },
        recording,
        topology,
        parent,
        edits: Vec::new(),
        created_unix_seconds,
    }
}

/// A store with the branch `main`.
pub fn store(root: &Path, layers: &[FakeLayer], recording: RecordingSettings) -> (Store, BranchRecord) {
    let store = Store::create(root, 1).unwrap();
    let branch =
        store.create_branch(new_branch(name("main"), definition(), recording, topology(layers), None, 2)).unwrap();
    (store, branch)
}

/// Options under which only `flush`, `finish` and whole segments commit.
pub fn options(segment_steps: u64) -> RecorderOptions {
    RecorderOptions {
        segment_steps,
        commit_interval: std::time::Duration::from_secs(100_000),
        clock: std::sync::Arc::new(|| 1_700_000_000_000_000),
        ..RecorderOptions::default()
    }
}

fn mix(mut seed: u64) -> u64 {
    seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    seed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    seed = (seed ^ (seed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    seed ^ (seed >> 31)
}

/// Numbers that depend on a tag and the step; some of them are odd ones.
fn numbers(tag: u64, step: u64, count: usize) -> Vec<f32> {
    (0..count as u64)
        .map(|place| {
            let bits = mix(mix(mix(tag) ^ step) ^ place);
            match bits % 41 {
                0 => f32::NAN,
                1 => -0.0,
                2 => f32::INFINITY,
                3 => f32::from_bits(1),
                4..12 => 0.0,
                _ => (bits >> 40) as f32 / 8_388_608.0 - 1.0,
            }
        })
        .collect()
}

struct LayerData {
    weights: Vec<f32>,
    biases: Vec<f32>,
    gradients: Option<(Vec<f32>, Vec<f32>)>,
    frozen: Vec<bool>,
}

/// One make-believe step, owned.
pub struct FakeStep {
    step: Step,
    cursor: DataCursor,
    first: bool,
    parameters: Vec<LayerData>,
    normalisation: Vec<[Vec<f32>; 2]>,
    probes: Vec<ImageIndex>,
    blocks: Vec<[Vec<f32>; 2]>,
    validation: Option<ValidationResult>,
    keyframe: Option<TrainingState>,
    digest: Digest,
    state_digest: Option<Digest>,
}

pub fn cursor(step: u64) -> DataCursor {
    DataCursor { epoch: Epoch(step / 4), offset: 3 * (step % 4) as u32, images_seen: 10 * (step / 4) + 3 * (step % 4) }
}

impl FakeStep {
    pub fn new(branch: &BranchRecord, number: u64) -> Self {
        let (step, cursor) = (Step(number), cursor(number));
        let wanted = wanted(branch, step, cursor);
        let first = step == branch.first_step();
        let topology = &branch.topology;
        let probes = branch.recording.probes.clone();
        let mut parameters = Vec::new();
        for (place, layer) in topology.parameter_layers().enumerate() {
            let (filters, tag) = (layer.filters.len(), 100 * place as u64);
            let coefficients = filters * layer.coefficients.unwrap();
            let frozen: Vec<bool> =
                (0..filters).map(|filter| (number + filter as u64 + place as u64) % 7 == 3).collect();
            let all_frozen = place == 1 && number % 9 == 4;
            parameters.push(LayerData {
                weights: numbers(tag, number, coefficients),
                biases: numbers(tag + 1, number, filters),
                gradients: (!first && !all_frozen)
                    .then(|| (numbers(tag + 2, number, coefficients), numbers(tag + 3, number, filters))),
                frozen,
            });
        }
        let normalisation = topology
            .normalising_layers()
            .enumerate()
            .map(|(place, layer)| [7_000, 8_000].map(|tag| numbers(tag + place as u64, number, layer.filters.len())))
            .collect();
        let mut blocks = Vec::new();
        for probe in 0..probes.len() as u64 {
            for (place, layer) in topology.blocks().enumerate() {
                let [rows, columns] = layer.map.unwrap();
                let count = layer.filters.len() * rows * columns;
                let tag = 10_000 + 1_000 * probe + 10 * place as u64;
                blocks.push([numbers(tag, number, count), numbers(tag + 1, number, count)]);
            }
        }
        let keyframe = wanted.keyframe.then(|| TrainingState {
            step,
            cursor,
            optimizer_updates: number,
            recent: (0..(3 * number).min(200)).map(|image| image % 3 == 0).collect(),
            parameters: parameters
                .iter()
                .enumerate()
                .map(|(place, layer): (usize, &LayerData)| {
                    let slots =
                        |tag, count| (0..place % 3).map(|slot| numbers(tag + slot as u64, number, count)).collect();
                    ParameterState {
                        weights: layer.weights.clone(),
                        biases: layer.biases.clone(),
                        weight_slots: slots(20_000, layer.weights.len()),
                        bias_slots: slots(30_000, layer.biases.len()),
                        running: (place == 1)
                            .then(|| [40_000, 50_000].map(|tag| numbers(tag, number, layer.biases.len()))),
                        frozen: layer.frozen.clone(),
                    }
                })
                .collect(),
        });
        let arrays: Vec<(&[f32], &[f32])> =
            parameters.iter().map(|layer: &LayerData| (&layer.weights[..], &layer.biases[..])).collect();
        let numbers: Vec<Vec<u32>> = topology
            .parameter_layers()
            .map(|layer| layer.filters.iter().map(|filter| filter.number.0).collect())
            .collect();
        let digest = TrainingState::digest(&arrays, &numbers.iter().map(Vec::as_slice).collect::<Vec<_>>());
        Self {
            step,
            cursor,
            first,
            digest,
            parameters,
            normalisation,
            probes,
            blocks,
            validation: wanted.validation.then(|| ValidationResult {
                loss: [3.0, 1.0, 2.0, 1.0, 5.0][(number % 5) as usize],
                correct: Some(number as u32 % 4),
                images: 4,
                confusion: Some(vec![1, number as u32, 3, 4]),
            }),
            keyframe,
            state_digest: wanted.state_digest.then_some(Digest([number as u8; 32])),
        }
    }

    /// Shows the step to a function.
    pub fn show<T>(&self, see: impl FnOnce(&StepView<'_>) -> T) -> T {
        let parameters: Vec<_> = self
            .parameters
            .iter()
            .map(|layer| ParameterView {
                weights: &layer.weights,
                biases: &layer.biases,
                gradients: layer.gradients.as_ref().map(|(a, b)| (a.as_slice(), b.as_slice())),
                frozen: &layer.frozen,
            })
            .collect();
        let normalisation: Vec<_> =
            self.normalisation.iter().map(|[mean, variance]| NormalisationView { mean, variance }).collect();
        let blocks: Vec<_> =
            self.blocks.iter().map(|[activations, gradients]| BlockView { activations, gradients }).collect();
        let scalar = |value: f32| (!self.first).then_some(value);
        let mut hyper_parameters =
            HyperParameters::new(3).with("learning_rate", 0.1).with("weight_decay", 1e-4).with("epsilon", 1e-8);
        hyper_parameters.set("momentum", self.step.0.is_multiple_of(2).then_some(0.9));
        let scalars = StepScalars {
            step: self.step,
            cursor: self.cursor,
            batch_images: if self.first { 0 } else { 3 },
            loss: scalar(1.0 / (1.0 + self.step.0 as f32)),
            decay_loss: scalar(0.25),
            batch_accuracy: scalar(0.5),
            live_accuracy: scalar(f32::NAN),
            hyper_parameters,
            digest: self.digest,
            state_digest: self.state_digest,
            elapsed_nanos: 1000 + self.step.0,
            ..StepScalars::default()
        };
        let number = self.step.0 as u32;
        let sample = |place: u32| Sample {
            image: ImageIndex(number.wrapping_mul(7).wrapping_add(place) % 11),
            label: place,
            predicted: Some((place + number) % 3),
            output: Some(if place == 2 { f32::NAN } else { 0.25 }),
            loss: 1.0 / (1.0 + self.step.0 as f32),
        };
        let samples: Vec<Sample> = (0..scalars.batch_images).map(sample).collect();
        see(&StepView {
            scalars: &scalars,
            parameters: &parameters,
            normalisation: &normalisation,
            probes: &self.probes,
            blocks: &blocks,
            samples: &samples,
            validation: self.validation.as_ref(),
            keyframe: self.keyframe.as_ref(),
        })
    }

    pub fn tensors(&self, branch: &BranchRecord) -> StepTensors {
        self.show(|view| StepTensors::from_view(view, &branch.topology))
    }

    pub fn keyframe(&self) -> Option<&TrainingState> {
        self.keyframe.as_ref()
    }
}

/// Appends steps from where the recorder stands to `last`.
pub fn record(recorder: &mut Recorder, last: u64) -> Result<(), StoreError> {
    while recorder.next_step() <= Step(last) {
        let step = FakeStep::new(recorder.branch(), recorder.next_step().0);
        step.show(|view| recorder.append(view))?;
    }
    Ok(())
}

/// Records a whole branch in one go.
pub fn record_all(store: &Store, branch: &BranchRecord, last: u64, segment_steps: u64) {
    let mut recorder = Recorder::open(store, branch, options(segment_steps)).unwrap();
    record(&mut recorder, last).unwrap();
    recorder.finish().unwrap();
}

/// All rows of all tables of the steps up to `last`, but for events.
pub fn rows(reader: &BranchReader, last: Step) -> Vec<(Table, RecordBatch)> {
    let span = StepSpan::new(reader.branch().first_step(), last);
    Table::ALL
        .into_iter()
        .filter(|table| *table != Table::Events)
        .map(|table| (table, reader.read(table, span, &Selection::all()).unwrap()))
        .collect()
}

/// What a plain Parquet reader sees of a table: every row's step, layer,
/// filter and image, in a glob over the table's folder.
pub fn glob(folder: &Path, table: Table) -> Vec<String> {
    let mut keys = Vec::new();
    let mut paths: Vec<PathBuf> = match std::fs::read_dir(folder.join(table.name())) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => Vec::new(),
    };
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    for path in paths {
        let file = std::fs::File::open(&path).unwrap();
        let batches = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 1024)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for batch in batches {
            let batch = batch.unwrap();
            for row in 0..batch.num_rows() {
                let mut key = String::new();
                for column in ["step", "layer", "filter", "image", "quantity"] {
                    let Some(values) = batch.column_by_name(column) else {
                        continue;
                    };
                    key.push('/');
                    key.push_str(&match column {
                        "step" => values.as_primitive::<Int64Type>().value(row).to_string(),
                        "filter" | "image" => values.as_primitive::<Int32Type>().value(row).to_string(),
                        _ => values.as_string::<i32>().value(row).to_owned(),
                    });
                }
                keys.push(key);
            }
        }
    }
    keys.sort();
    keys
}

/// A folder for a test, in memory where the system has such a place: tests
/// sync thousands of times.
pub fn tempdir() -> std::io::Result<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }
}

/// A segment's file of a table.
pub fn segment(store: &Store, branch: &BranchRecord, table: Table, span: &str) -> PathBuf {
    store.branch_folder(&branch.id).join(table.name()).join(format!("{span}.parquet"))
}

/// Writes a table's file anew, with one column changed: the same row groups,
/// with valid checksums where the format has them.
pub fn rewrite(path: &Path, column: &str, change: impl Fn(&RecordBatch) -> ArrayRef) {
    let open = || ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let (entries, groups) = {
        let metadata = open();
        let metadata = metadata.metadata();
        (metadata.file_metadata().key_value_metadata().cloned().unwrap(), metadata.num_row_groups())
    };
    let entries: Vec<_> = entries.into_iter().filter(|entry| entry.key != "ARROW:schema").collect();
    let format = entries.iter().find(|entry| entry.key == "revacnn.format").unwrap().value.clone().unwrap();
    let group = |group: usize| {
        let rows = open().metadata().row_group(group).num_rows() as usize;
        let mut batches = open().with_row_groups(vec![group]).with_batch_size(rows.max(1)).build().unwrap();
        batches.next().unwrap().unwrap()
    };
    let batches: Vec<RecordBatch> = (0..groups).map(group).collect();
    let properties = WriterProperties::builder().set_key_value_metadata(Some(entries)).build();
    let schema = batches[0].schema();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), schema.clone(), Some(properties)).unwrap();
    for batch in &batches {
        let mut columns = batch.columns().to_vec();
        columns[schema.index_of(column).unwrap()] = change(batch);
        writer.write(&RecordBatch::try_new(schema.clone(), columns).unwrap()).unwrap();
        writer.flush().unwrap();
    }
    writer.close().unwrap();
    if format.parse::<u32>().unwrap() >= CHECKSUMS_SINCE {
        sealed::seal(path, &[]);
    }
}
