//! The store: every step of a training run in open Parquet files, written while
//! it trains, read back at any step.
//!
//! A [`Session`] trains and records; a [`BranchReader`] seeks; a [`Replay`] also
//! computes again what is not stored. What follows is a whole round trip:
//!
//! ```
//! use std::sync::Arc;
//!
//! use revacnn_recorder::{Lineage, RecorderOptions, Session, SessionPlan, Store};
//! use revacnn_schemas::{Fidelity, ImageIndex, NetworkSpec, Position, RecordingSettings, Step};
//! use revacnn_trainer::{Settings, data, define};
//!
//! let folder = tempfile::tempdir()?;
//! let dataset = Arc::new(data::load("digits", None)?);
//! let network = NetworkSpec::from_toml(r#"
//!     [[layer]]
//!     kind = "conv"
//!     filters = 3
//!     kernel = 3
//!     activation = "relu"
//!     [[layer]]
//!     kind = "softmax"
//! "#)?;
//!
//! // Train five steps, each of them recorded.
//! let store = Store::create(folder.path(), 0)?;
//! let plan = SessionPlan {
//!     definition: define(network, &dataset, &Settings::default())?,
//!     recording: RecordingSettings {
//!         fidelity: Fidelity::Every,
//!         keyframe_interval: 100,
//!         probes: vec![ImageIndex(7)],
//!         validate_every: None,
//!     },
//!     threads: 1,
//!     options: RecorderOptions::default(),
//!     created_unix_seconds: 0,
//! };
//! let mut session = Session::open(&store, &"main".parse()?, plan, dataset)?;
//! for _ in 0..5 {
//!     session.advance()?;
//! }
//! let (trainer, summary) = session.finish()?;
//! assert_eq!(summary.last_step, Some(Step(5)));
//!
//! // Read a step back, later or from another process.
//! let store = Store::open(folder.path())?;
//! let lineage = Lineage::open(&store, &"main".parse()?)?;
//! let last = lineage.resolve(Position::Last)?;
//! let reader = lineage.holder(last)?;
//! let tensors = reader.seek(last)?;
//! assert_eq!(tensors.parameters[0].weights, trainer.parameters()[0].weights);
//! assert_eq!(reader.step_row(last)?.digest, trainer.digest());
//! // Step 0 is the state before any update: weights, but no gradient and no loss.
//! assert!(reader.seek(Step(0))?.parameters[0].gradients.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The store on disk
//!
//! ```text
//! STORE/
//!   store.json                       format version, created
//!   store.lock                       held for milliseconds while a branch is made
//!   data-hints.json                  where data sets were last found; no part of any branch
//!   branches/
//!     branch=ID/                     appears with all that belongs in it, by one rename
//!       branch.json                  name, parent, edits, definition, probes, arithmetic, topology
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
//! zstd 1. A seek finds the piece that holds the step in the listing (names alone),
//! takes the file's footer and offset index (read once, then cached), and reads and
//! decompresses the pages that hold the step's rows: of each tensor table one.
//!
//! # What is promised
//!
//! - **Exact.** Recorded bits are the engine's, but that every not-a-number is the
//!   canonical one. Resuming and replaying compare each step's digest with the log's.
//! - **One writer, many readers.** A branch's lock ends with its process; readers take
//!   none.
//! - **Never trusted.** What is read is checked: versions, columns, counts of rows,
//!   lengths of lists, names, sizes, links. Damage is an error that names the file, and
//!   everything else stays readable.
//!
//! # Modules
//!
//! | module | concept |
//! |---|---|
//! | `store` | the folder of branches: create, list, look up, lineage |
//! | `session` | training that is recorded; start and resume |
//! | `recorder` | the writer's handle on the training thread, and its own thread |
//! | `record`, `queue` | a step copied out of the engine; the bounded queue between the threads |
//! | `writes` | steps become parts, parts become segments: the commit |
//! | `part`, `rowgroup`, `batches`, `statistics` | the open part; row groups column by column; the small tables; the columns of `filters` |
//! | `file` | one Parquet file under construction: schema, encodings, pages |
//! | `splice` | joining files without encoding twice |
//! | `keyframe` | whole training states as rows, and back |
//! | `topology` | the table that says which filter lies where |
//! | `recovery`, `thinning` | what a writer does before its first step; past the disk budget |
//! | `listing`, `paths` | which steps there are, told from names; the names |
//! | `gaps` | which steps there should be and are not |
//! | `reader` | one branch: its steps, where `best` or `epoch:3` leads |
//! | `seek`, `columns`, `tensors` | a step's tensors as arrays, through the offset index |
//! | `query`, `history` | spans of rows as Arrow batches; steps, validations and keyframes as values |
//! | `sql` | SQL over the tables, with the feature `sql` |
//! | `footer` | footers: checked, cached; the decoder's panics become errors |
//! | `limits`, `thrift` | how long columns may be by the topology, checked page by page before decoding |
//! | `replay` | computing recorded steps again |
//! | `lineage`, `fork` | a branch with its ancestors; a branch from any recorded step, with edits |
//! | `verify`, `difference` | executing a branch again and comparing; in what two steps differ, what two branches share |
//! | `fidelity` | compact and materialise |
//! | `training`, `steering`, `target` | the loop that other processes steer; their requests; how far it is meant to go |
//! | `tidy`, `garbage` | rename, delete, take back; free what is left over |
//! | `shape` | rows and lengths that a topology implies, and the bounds on them |
//! | `disk`, `folder` | every change of the disk; folders that are held open, so that no link is followed |
//! | `json`, `lock` | small descriptions; locks |
//! | `hint`, `system`, `memory` | where data sets were found; free space and processor time; memory that may be taken |
//! | `error` | the one error type |

mod batches;
mod columns;
mod difference;
mod disk;
mod error;
mod fidelity;
mod file;
mod folder;
mod footer;
mod fork;
mod gaps;
mod garbage;
mod hint;
mod history;
mod json;
mod keyframe;
mod limits;
mod lineage;
mod listing;
mod lock;
#[cfg(feature = "sql")]
mod memory;
mod os_text;
mod output;
mod part;
mod paths;
mod query;
mod queue;
mod reader;
mod record;
mod recorder;
mod recovery;
mod replay;
mod rowgroup;
mod seek;
mod session;
mod shape;
mod splice;
#[cfg(feature = "sql")]
pub mod sql;
mod statistics;
mod steering;
mod store;
mod system;
mod target;
mod tensors;
mod thinning;
mod thrift;
mod tidy;
mod topology;
mod training;
mod verify;
mod writes;

pub use difference::{Difference, FilterDistance, LayerDistance, Relation, SharedFilters, difference, relation};
pub use disk::{DiskHook, DiskOperation};
pub use error::RecorderError;
pub use fidelity::{compact, materialise};
pub use fork::{Fork, ForkParts, ForkPlan, fork};
pub use gaps::Gap;
pub use garbage::{Garbage, GarbageList};
pub use hint::{DataHint, find_data};
pub use history::StepRow;
pub use lineage::Lineage;
pub use output::{OutputFile, write_output};
pub use paths::StepSpan;
pub use query::Selection;
pub use reader::BranchReader;
pub use recorder::{Clock, Recorder, RecorderOptions, Summary, wanted};
pub use replay::Replay;
pub use session::{Resumed, Session, SessionPlan};
pub use steering::{Answer, Command, is_training, steer};
pub use store::{BranchList, Store};
pub use system::{branch_bytes, cpu_seconds, default_disk_budget, unix_seconds};
pub use tensors::{BlockTensors, FilterTensors, LayerGradients, LayerTensors, RunningStatistics, StepTensors};
pub use training::{Steered, Training, Turn};
pub use verify::{Verified, VerifyPlan, verify};
