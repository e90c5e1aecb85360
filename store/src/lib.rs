//! The log of a training run: every step in open Parquet files, written while it
//! trains, read back at any step. It knows no engine.
//!
//! A [`Recorder`] takes steps, as [`StepView`](revacnn_schemas::StepView)s, from
//! whatever computes them; a [`BranchReader`] seeks them back, and a [`Lineage`]
//! goes on before the fork. Reading the best step of a branch:
//!
//! ```no_run
//! use revacnn_schemas::Position;
//! use revacnn_store::{Lineage, Store};
//!
//! let lineage = Lineage::open(&Store::open("runs")?, &"main".parse()?)?;
//! let best = lineage.resolve(Position::Best)?;
//! let reader = lineage.holder(best)?;
//! println!("step {best}: loss {:?}", reader.step_row(best)?.loss);
//! let tensors = reader.seek(best)?;
//! for (layer, of) in reader.branch().topology.parameter_layers().zip(&tensors.parameters) {
//!     println!("{}: {} filters, {} weights", layer.layer, layer.filters.len(), of.weights.len());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Another program's training is recorded under its own name. Its steps can be
//! shown, compared, drawn and queried as any other; what needs the bits of this
//! program's engine (to fork, verify, or drop what keyframes would bring back) is
//! refused.
//!
//! ```
//! use revacnn_schemas::{
//!     DataCursor, Epoch, Fidelity, FilterIdentity, FilterNumber, ForeignProducer, HyperParameters,
//!     LayerTopology, ParameterView, Producer, RecordingSettings, Step, StepScalars, StepView, TrainingState,
//!     Topology,
//! };
//! use revacnn_store::{BranchReader, NewBranch, Recorder, RecorderOptions, Store};
//!
//! let folder = tempfile::tempdir()?;
//! let store = Store::create(folder.path(), 0)?;
//! let producer = ForeignProducer { name: "ours".into(), version: "1.0".into(), notes: String::new() };
//! let filters = (0..2).map(|number| FilterIdentity { number: FilterNumber(number), born: None }).collect();
//! let layer = LayerTopology {
//!     layer: "fc1".parse()?,
//!     kind: "linear".into(),
//!     reads: Vec::new(),
//!     filters,
//!     coefficients: Some(3),
//!     map: None,
//!     normalises: false,
//!     groups: 1,
//!     kernel: None,
//!     next_filter: FilterNumber(2),
//! };
//! let branch = store.create_branch(NewBranch {
//!     name: Some("main".parse()?),
//!     producer: Producer::Foreign(producer),
//!     recording: RecordingSettings {
//!         fidelity: Fidelity::Every,
//!         keyframe_interval: 100,
//!         probes: Vec::new(),
//!         validate_every: None,
//!     },
//!     topology: Topology { layers: vec![layer], retired: Vec::new() },
//!     parent: None,
//!     edits: Vec::new(),
//!     created_unix_seconds: 0,
//! })?;
//! let mut recorder = Recorder::open(&store, &branch, RecorderOptions::default())?;
//! for step in 0..3 {
//!     let (weights, biases) = ([step as f32; 6], [0.5; 2]);
//!     let parameters =
//!         [ParameterView { weights: &weights, biases: &biases, gradients: None, frozen: &[false; 2] }];
//!     let scalars = StepScalars {
//!         step: Step(step),
//!         cursor: DataCursor { epoch: Epoch(0), offset: 8 * step as u32, images_seen: 8 * step },
//!         batch_images: 8,
//!         loss: Some(1.0 / (1 + step) as f32),
//!         hyper_parameters: HyperParameters::new(8).with("learning_rate", 0.1).with("beta1", 0.9),
//!         digest: TrainingState::digest(&[(&weights, &biases)], &[&[0, 1]]),
//!         ..StepScalars::default()
//!     };
//!     recorder.append(&StepView {
//!         scalars: &scalars,
//!         parameters: &parameters,
//!         normalisation: &[],
//!         probes: &[],
//!         blocks: &[],
//!         samples: &[],
//!         validation: None,
//!         keyframe: None,
//!     })?;
//! }
//! recorder.finish()?;
//!
//! let reader = BranchReader::open(&store, &"main".parse()?)?;
//! assert_eq!(reader.seek(Step(2))?.parameters[0].weights, vec![2.0; 6]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The store on disk
//!
//! ```text
//! STORE/
//!   store.json                       format version, created
//!   store.lock                       held for milliseconds while a branch is made
//!   making.lock                      held from a look whether a branch is there until it is made
//!   data-hints.json                  where data sets were last found; no part of any branch
//!   overviews.json                   what a listing says of branches at which nothing has changed; only a cache
//!   branches/
//!     branch=ID/                     appears with all that belongs in it, by one rename
//!       branch.json                  name, parent, edits, definition and arithmetic (or producer), probes, topology
//!       branch.lock                  held by the one writer
//!       readers.lock                 held, shared, by who reads it
//!       thinned.json                 spans whose tensors keyframes bring back
//!       materialised.json            fidelity `keyframes`: spans whose tensors are stored all the same
//!       target.json                  how far it is meant to be trained; no part of the branch
//!       inbox/ outbox/               requests to the process that trains it, and answers
//!       steps/FIRST-LAST.parquet     a row a step: losses, accuracies, digest    ◄─ the commit
//!       weights/FIRST-LAST.parquet   a row a step and filter ──┐
//!       gradients/…                                            │ the four tensor tables:
//!       activations/…                a row a step, probe image │ fidelity `keyframes` and
//!       activation_gradients/…       and filter ───────────────┘ thinning leave them out
//!       filters/…                    a row a step and filter: what views draw
//!       normalisation/…              a row a step and normalised channel
//!       keyframes/…                  whole training states, a row an array
//!       validation/…                 a row a full validation
//!       samples/…                    a row a step and image of its batch
//!       events/…                     a file an event, such as `diverged`
//!       topology/…                   a row a filter: which one lies where
//!       tail/FIRST-LAST/TABLE.parquet  committed steps that are in no segment yet
//!       tail/.PURPOSE-FIRST-LAST/      being written; the next writer removes it
//!   trash/branch=ID/               deleted branches, until their space is freed
//! ```
//!
//! `FIRST` and `LAST` are steps, both included, with 12 digits, so that names sort
//! like steps. A plain reader globs `branches/*/TABLE/*.parquet`; `tail/` is outside
//! of every table's glob.
//!
//! # The commit
//!
//! **A step exists if `steps` has its row**, in a segment or in a part of the tail.
//!
//! ```text
//!  training thread      queue, bounded in bytes        writer thread
//!  append(StepView) ──► ▪ ▪ ▪ ▪ ▪ (training waits, ──► tail/.open-…   one file a table, unseen
//!                        nothing is dropped)             │
//!        after a second, or at flush                     │ at a multiple of 512 steps
//!               ┌────────────────────────────────────────┴──────────┐
//!               ▼ sync, rename the folder                           │ sync, rename each file,
//!  tail/…000-…099/  tail/…100-…207/  …                              │ `steps` last
//!               │ at a multiple of 512, or at the end               ▼
//!               └── join: copy column chunks into tail/.merge-… ──► TABLE/…000-…511.parquet
//!                   (nothing is encoded twice), rename each,        a segment
//!                   `steps` last, drop the parts
//! ```
//!
//! Each rename is atomic and what it shows is on the medium before it. A kill before
//! the rename of `steps` leaves files of a segment that does not exist, which the next
//! writer removes; a kill after it leaves parts that the segment holds by now, which
//! readers skip. So no reader and no glob sees a row twice or misses a committed one,
//! at any kill point, and a crash costs at most the open second.
//!
//! What a kill left has its `steps` file still in the tail's hidden folder that it
//! came from, or the tail has the steps. Files of a segment without `steps` for which
//! neither holds lost that file otherwise, in a copy that broke off perhaps: they are
//! named and kept, by the next writer and by `gc` alike, until the file is put back.
//!
//! A writer that is past its disk budget thins the oldest segments: it notes them in
//! `thinned.json` first and then removes their tensor files. A reader that finds a
//! file gone lists the folders again and asks once more.
//!
//! # A table's file, and what a seek reads
//!
//! Rows a step are constant within a branch, so the place of a step's rows follows
//! from its number; no index is searched and the cost does not grow with the log.
//!
//! ```text
//! weights/000000000000-000000000511.parquet
//! ┌───────────────────── row group: 16 steps ─────────────────────┬─ 16 steps ─┬───┬────────┐
//! │ step layer filter born │ values: 4 pages of 4 steps   │ bias  │            │ … │ footer │
//! │ dictionaries           │ 0–3   │ 4–7  │ 8–11 │ 12–15  │       │            │   │ + page │
//! │                        │ byte-stream-split, zstd 1            │            │   │ index  │
//! └────────────────────────┴──────────────────────────────────────┴────────────┴───┴────────┘
//!                                      ▲ seek(9): rows 9·R to 10·R, R rows a step
//! ```
//!
//! `gradients`, `activations` and `activation_gradients` have a page a step, plain with
//! zstd 1. Each page's header has the CRC-32 of the page, and the footer one of where
//! all pages lie; every reader compares them. A seek finds the piece that holds the step in the listing (names alone),
//! takes the file's footer and offset index (read once, then cached), and reads and
//! decompresses the pages that hold the step's rows: of each tensor table one.
//!
//! # What is promised
//!
//! - **Exact.** Recorded bits are the engine's, but that every not-a-number is the
//!   canonical one.
//! - **One writer, many readers.** A branch's lock ends with its process; readers take
//!   none that a writer waits for.
//! - **Never trusted.** What is read is checked: versions, checksums, columns, counts of
//!   rows, lengths of lists, names, sizes, links. Damage is an error that names the file, and
//!   everything else stays readable.
//! - **Nothing that cannot be computed again is dropped**: what another program
//!   recorded is neither thinned nor compacted.
//!
//! # Modules
//!
//! | module | concept |
//! |---|---|
//! | `store` | the folder of branches: read, look up, make |
//! | `list` | the branches together: in order, found by name, each with its parents |
//! | `create`, `branches` | a new branch; rename, delete, restore |
//! | `arrays` | arrays that a branch's layers begin with, beside its record |
//! | `garbage` | what is left over and freed |
//! | `pack` | a branch with its ancestors in one file, and back |
//! | `steering` | requests to the process that trains a branch, and its answers |
//! | `target`, `hint` | how far a branch is meant to go; where data sets were found |
//! | `shape` | rows and lengths that a topology implies, and the bounds on them |
//! | `keyframe` | whole training states as rows, and back |
//! | `comparison` | what is computed again, compared with what is stored, column by column |
//! | `thinning` | spans whose tensors keyframes bring back |
//! | `error` | the one error type |
//! | `disk` | every change of the disk: folders held open, locks, names, small descriptions |
//! | `write` | from a step to a segment: queue, thread, parts, Parquet files, the commit, recovery |
//! | `read` | from a listing to a tensor: footers, seek, rows, spans, lineage, comparison |
//! | `sql` | SQL over the tables, with the feature `sql` |

mod arrays;
mod branches;
mod comparison;
mod create;
mod disk;
mod error;
mod garbage;
mod hint;
mod keyframe;
mod list;
mod pack;
mod read;
mod shape;
#[cfg(feature = "sql")]
pub mod sql;
mod steering;
mod store;
mod target;
mod thinning;
mod write;

pub use comparison::{Comparison, NOT_COVERED, is_covered};
pub use create::{NewBranch, numbered_name};
pub use disk::output::{OutputFile, write_output};
pub use disk::paths::StepSpan;
pub use disk::system::{branch_bytes, cores, cpu_seconds, default_disk_budget, unix_seconds};
pub use disk::{DiskHook, DiskOperation};
pub use error::StoreError;
pub use garbage::{Garbage, GarbageList};
pub use hint::DataHint;
pub use list::{BranchList, Listed};
pub use pack::{Arrival, Pack, PackContents, Packed, Unpacked};
pub use read::difference::{Difference, FilterDistance, LayerDistance, Relation, SharedFilters, difference, relation};
pub use read::gaps::Gap;
pub use read::lineage::Lineage;
pub use read::outline::{Outline, RunOutline};
pub use read::overview::{BranchEvent, Overview, Validated};
pub use read::overviews::Overviews;
pub use read::query::Selection;
pub use read::reader::BranchReader;
pub use read::tensors::{BlockTensors, FilterTensors, LayerGradients, LayerTensors, RunningStatistics, StepTensors};
/// A row of the table `steps`.
pub use revacnn_schemas::StepScalars as StepRow;
pub use steering::{Answer, Command, Mailbox, Polled, Request, is_training, steer};
pub use store::{Alone, Store};
pub use write::recorder::{Clock, Recorder, RecorderOptions, Summary, wanted};
pub use write::rewrite::Rewrite;
