//! What a command line says: the options that define a run, a fork or a view.
//!
//! A line of a notebook and a line of a terminal are of one grammar because they are
//! of one type: the program flattens these structs into its own arguments, and adds
//! where and how.
//!
//! | file | concept |
//! |---|---|
//! | `train` | what is trained, and how it is recorded |
//! | `augmentation` | how training images are varied |
//! | `reading` | how files of a person's own are read |
//! | `fork` | from where, with which edits |
//! | `until` | how far a branch is trained on |
//! | `family` | one line that trains several branches |
//! | `input` | values that views follow |
//! | `line` | a line of a notebook, and what is wrong with it |
//! | `branches` | which branches a figure is of |
//! | `plot`, `embed`, `compare`, `show`, `table`, `predict`, `regions` | what is shown of which branches or steps |
//! | `image` | an image as a command names it |
//! | `print` | a command as words |
//! | `values` | numbers as people write them |

mod augmentation;
mod branches;
mod compare;
mod embed;
mod family;
mod fork;
mod image;
mod input;
mod line;
mod plot;
mod predict;
mod print;
mod reading;
mod regions;
mod samples;
mod show;
mod table;
mod train;
mod until;
pub mod values;

pub use augmentation::AugmentationOptions;
pub use branches::{Lookup, members_in};
pub use compare::{Compare, Diff, MatchingOption};
pub use embed::{Embed, Points};
pub use family::{Family, Over};
pub use fork::Fork;
pub use image::ImageOption;
pub use input::{Control, Cursor, Input};
pub use line::{Command, Miswritten};
pub use plot::{
    ActivationsPlot, ChartPlot, ConfusionPlot, FilterPlot, FiltersOverTimePlot, FiltersPlot, HistogramPlot, LossPlot,
    MaximisePlot, NetworkPlot, PatchesPlot, Plot, Quantity, SaliencyPlot, filter_name,
};
pub use predict::Predict;
pub use reading::{ReadingOptions, share_of_test};
pub use regions::Regions;
pub use samples::{Predictions, Samples};
pub use show::Show;
pub use table::Table;
pub use train::Train;
pub use until::{Until, UntilOptions};

use revacnn_schemas::SchemaError;
use revacnn_store::StoreError;
use revacnn_trainer::TrainerError;
use thiserror::Error;

/// Why a line, each of whose words can be read, says nothing that can be done.
#[derive(Debug, Error)]
pub enum CommandError {
    /// A value that its option does not take.
    #[error("{0}")]
    Value(String),
    /// A name, an address or a description.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// What the engine does not know.
    #[error(transparent)]
    Engine(#[from] TrainerError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}
