//! The store.
mod batches;
mod columns;
mod disk;
mod error;
mod file;
mod footer;
mod history;
mod json;
mod keyframe;
mod listing;
mod lock;
mod part;
mod paths;
mod query;
mod queue;
mod reader;
mod record;
mod recorder;
mod recovery;
mod rowgroup;
mod seek;
mod shape;
mod splice;
mod statistics;
mod store;
mod tensors;
mod thinning;
mod topology;
mod writes;

pub use disk::{DiskHook, DiskOperation};
pub use error::RecorderError;
pub use history::StepRow;
pub use paths::StepSpan;
pub use query::Selection;
pub use reader::BranchReader;
pub use recorder::{Clock, Recorder, RecorderOptions, Summary, wanted};
pub use store::{BranchList, Store};
pub use tensors::{
    BlockTensors, FilterTensors, LayerGradients, LayerTensors, RunningStatistics, StepTensors,
};
