//! What an experiment does: start, resume, fork, steer, replay, verify, compact and
//! materialise. The engine of `revacnn-trainer` computes, the log of
//! `revacnn-store` keeps.
//!
//! A [`Session`] trains and records; a [`Replay`] reads any step and computes again
//! what is not stored. What follows is a whole round trip:
//!
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
//! | `session` | training that is recorded; start and resume |
//! | `training` | the loop that other processes steer |
//! | `fork` | a branch from any recorded step, with edits |
//! | `replay` | computing recorded steps again |
//! | `verify` | executing a branch again and comparing |
//! | `fidelity` | compact and materialise |
//! | `find_data` | the data set of a branch, wherever it was moved |
//! | `error` | the one error type |

mod error;
mod fidelity;
mod find_data;
mod fork;
mod replay;
mod session;
mod training;
mod verify;

pub use error::RecorderError;
pub use fidelity::{compact, materialise};
pub use find_data::find_data;
pub use fork::{Fork, ForkParts, ForkPlan, fork};
pub use replay::{Replay, check_producer};
pub use session::{Resumed, Session, SessionPlan};
pub use training::{Steered, Training, Turn};
pub use verify::{Verified, VerifyPlan, verify};
