//! The network engine of ReVACNN: layers, kernels, losses, optimizers, data
//! sets, and one deterministic training step. It knows no log.
//!
//! ```
//! use revacnn_trainer::{Settings, Trainer, data, define, preset};
//!
//! let dataset = std::sync::Arc::new(data::load("digits", None)?);
//! let definition = define(preset("paper")?, &dataset, &Settings::default())?;
//! let mut trainer = Trainer::new(&definition, dataset, 1)?;
//! let outcome = trainer.step()?;
//! assert_eq!(trainer.position().0, 1);
//! assert!(outcome.loss > 0.0);
//! # Ok::<(), revacnn_trainer::TrainerError>(())
//! ```
//!
//! | module | concept |
//! |---|---|
//! | [`data`] | data sets, the order of an epoch, augmentation, random streams |
//! | [`kernels`] | the arithmetic, one image and one thread at a time |
//! | `layers` | kinds of layers, one per file |
//! | `optimizers` | kinds of optimizers, one per file |
//! | `edges` | which layers a layer reads |
//! | `network` | from a description to operations and blocks |
//! | `outline` | what its layers measure |
//! | `receptive_field` | which pixels a value of a map depends on |
//! | `initialise` | the weights at step 0 |
//! | `schedule` | the learning rate along a branch |
//! | `engine` | a network with its weights, forwards and backwards over sets of images |
//! | `trainer` | a training: the engine's cursor, order of images and optimizer; one step, and what is shown of it |
//! | `viewer` | a network with any step's weights, which looks at pictures |
//! | `edits` | what a fork with edits trains |
//! | `caution` | what to know of a run before its first step |
//! | `files` | reading files that a person names |
//! | [`npy`] | headers of NumPy's arrays |
//! | [`exchange`] | a network's arrays in and out of other programs' files |

mod caution;
pub mod data;
mod define;
mod edges;
mod edits;
mod engine;
mod error;
pub mod exchange;
mod files;
mod initialise;
pub mod kernels;
mod layers;
mod network;
pub mod npy;
mod optimizers;
mod outline;
mod presets;
mod receptive_field;
mod schedule;
mod threads;
mod trainer;
mod viewer;

pub use caution::check_normalisation;
pub use define::{DEFAULT_EPOCHS, Settings, define};
pub use edits::{Edited, Effect, Preservation, of_dataset, were_asked};
pub use engine::{Ascent, Maximised, Saliency, SaliencyMap, Trace, TraceEnd, TraceLink};
pub use error::TrainerError;
pub use files::{FileError, read_file, read_text};
pub use layers::{LayerParameter, class_layer_kinds, class_outputs, describe_layer, layer_kinds, require_classes};
pub use network::resolve;
pub use optimizers::{COMMON_PARAMETERS, optimizer_kinds, optimizer_slots, resolve_optimizer};
pub use outline::{LayerOutline, Outline, outline};
pub use presets::{named_network, preset, presets};
pub use receptive_field::{Patch, ReceptiveField};
pub use trainer::{Activated, Divergence, Excitation, Excited, StepOutcome, Trainer, label_of, seen_by_fork};
pub use viewer::Viewer;
