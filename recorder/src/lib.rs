//! What an experiment does: start, resume, fork, steer, replay, verify, compact and
//! materialise. The engine of `revacnn-trainer` computes, the log of
//! `revacnn-store` keeps.
//!
//! [`start()`], [`resume()`] and [`fork()`] give something to train, and [`train`]
//! takes a [`Run`] to a step, while a [`Watcher`] looks on; [`preview()`] tells what
//! would come of a fork. None of them prints, asks or knows an option: a command line and a window
//! do the same through them, each in its own words. Beneath them a [`Session`] trains
//! and records, and a [`Replay`] reads any step and computes again what is not stored.
//! What follows is a whole round trip:
//!
//! ```
//! use std::sync::Arc;
//!
//! use revacnn_recorder::{Session, SessionPlan};
//! use revacnn_schemas::{Fidelity, ImageIndex, NetworkSpec, Position, RecordingSettings, Step};
//! use revacnn_store::{Lineage, RecorderOptions, Store};
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
//! # What is promised
//!
//! - **Exact.** Resuming, forking, replaying and verifying compare each step's digest
//!   with the log's.
//! - **Refused with a reason.** What another program recorded, or another version of
//!   the engine, can be read, and not computed again.
//!
//! # Modules
//!
//! | module | concept |
//! |---|---|
//! | `start`, `resume`, `fork` | the verbs that give something to train |
//! | `preview` | what would come of a fork, without making one |
//! | `run` | training to a step: the one loop, who watches it, how it ends |
//! | `clock` | steps and epochs of a branch that may not be trained yet |
//! | `resources` | with what a verb works: threads, disk budget, data folder, time |
//! | `session` | training that is recorded |
//! | `training` | a session that other processes steer |
//! | `divergence` | a value that is not finite, and what is worth a try |
//! | `pace` | how many threads train |
//! | `replay` | computing recorded steps again |
//! | `verify` | executing a branch again and comparing |
//! | `export` | a network at a step, for other programs |
//! | `fidelity` | compact and materialise |
//! | `find_data` | the data set of a branch, wherever it was moved |
//! | `error` | the one error type |

mod clock;
mod divergence;
mod error;
mod export;
mod fidelity;
mod find_data;
mod fork;
mod pace;
mod preview;
mod replay;
mod resources;
mod resume;
mod run;
mod session;
mod start;
mod training;
mod verify;

pub use clock::Clock;
pub use divergence::{DIVERGED, Diverged};
pub use error::RecorderError;
pub use export::{NetworkAtStep, network_at};
pub use fidelity::{compact, materialise};
pub use find_data::find_data;
pub use fork::{Fork, ForkParts, ForkPlan, fork};
pub use preview::{Preview, PreviewImages, preview};
pub use replay::{Replay, check_producer};
pub use resources::{Resources, usual_threads};
pub use resume::{Goal, resume};
pub use run::{Ended, Run, Stop, Watcher, train};
pub use session::{Resumed, Session, SessionPlan};
pub use start::{DEFAULT_DATASET, DEFAULT_NETWORK, Length, StartPlan, StartRequest, start, start_unrecorded};
pub use training::Steered;
pub use verify::{Verified, VerifyPlan, verify};
