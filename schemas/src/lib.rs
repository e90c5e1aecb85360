//! The vocabulary of ReVACNN: what a step, a branch, a filter and an address
//! are, how networks and runs are described, and the Arrow schema of every
//! table of the log. No input or output happens here, and no mathematics but what
//! says what a column holds: a [`Digest`], and the [`statistics`] of a filter.
//!
//! Start with [`RunDefinition`] (what is trained), [`StepView`] (what one
//! recorded step holds) and [`Table`] (how it is laid out in columns).
//!
//! ```
//! use revacnn_schemas::{Address, NetworkSpec};
//!
//! let network = NetworkSpec::from_toml(r#"
//!     [[layer]]
//!     kind = "conv"
//!     filters = 16
//!     kernel = 5
//!     pad = 2
//!     activation = "relu"
//! "#)?;
//! assert_eq!(network.layers[0].kind, "conv");
//! assert_eq!("main@epoch:3".parse::<Address>()?.to_string(), "main@epoch:3");
//! # Ok::<(), revacnn_schemas::SchemaError>(())
//! ```

mod address;
mod advice;
mod arrays;
mod augmentation;
mod branch;
mod class_outputs;
mod digest;
mod edit;
mod error;
mod figure;
mod hyper_parameters;
mod ids;
mod images;
mod network;
mod numbers;
mod optimizer;
mod published;
mod reading;
mod run;
mod scalars;
mod schedule;
mod state;
pub mod statistics;
mod step;
mod tables;
mod topology;
mod words;

pub use address::{Address, Position};
pub use advice::{Advice, DEFAULT_STORE, Place, quoted};
pub use arrays::{ArrayFile, MOST_ARRAY_BYTES};
pub use augmentation::{AugmentationRequest, AugmentationSpec};
pub use branch::{BranchRecord, Fidelity, ForeignProducer, ParentRecord, Producer, RecordingSettings, StoreRecord};
pub use class_outputs::ClassOutputs;
pub use digest::{Digest, Digester, canonical_bits};
pub use edit::{
    Change, ClassWord, Coefficients, EDIT_FORMS, Edit, FilterInit, LayerInit, MOST_IMAGE_BYTES, ReadFiles,
    RelabelledImages, Setting, Target,
};
pub use error::SchemaError;
pub use figure::{
    Axis, Caption, CaptionedImage, Chart, ClassOutput, ClassPurity, Comparison, ContactSheet, DiagramColumn,
    DiagramEdge, DiagramEnd, DiagramFilter, DiagramJoint, DiagramLink, DiagramNode, DiagramPart, DiagramTrace,
    DifferingFilter, EmbeddedImage, EmbeddedImages, EmbeddedPanel, Figure, HistogramForm, HistogramPanel, Histograms,
    Hue, Image, ImageGrid, ImageRow, Limits, Mark, MarkKind, NetworkDiagram, Palette, Panel, Scale, Scatter,
    ScatterGroup, ScatterPoint, Series, StepHistogram, TableColumn, TableFigure, Thumbnail,
};
pub use hyper_parameters::HyperParameters;
pub use ids::{BranchId, BranchName, Epoch, FilterNumber, ImageIndex, LayerName, Step};
pub use images::{ImageChanges, ImageSet, LabelledImages, WeightedImages};
pub use network::{LayerSpec, NetworkSpec, Parameters};
pub use numbers::{bytes, count, counted, number, whole_number, written};
pub use optimizer::OptimizerSpec;
pub use published::{PackedFile, Packing, Published, PublishedFile};
pub use reading::{Colour, DataFormat, Fit, LabelKind, PictureSize, Reading};
pub use run::{DatasetIdentity, FieldDifference, ImageShape, InitialArrays, RunDefinition, is_path};
pub use scalars::{SCALARS, ScalarColumn, ScalarKind, SetText, StepScalars};
pub use schedule::{SCHEDULE_FORMS, Schedule, ScheduleSpec};
pub use state::{DataCursor, ParameterState, TrainingState};
pub use step::{
    BlockView, NormalisationView, Observer, ObserverError, ParameterView, Prediction, Reconstruction, Sample, StepView,
    ValidationResult, Wanted,
};
pub use tables::{ACTIVATION_TABLES, PARAMETER_TABLES, Table};
pub use topology::{FilterIdentity, LayerTopology, Topology};
pub use words::{IMAGES, lines, one_line};

/// Version of the log's format: what is made now has it. A branch keeps the one
/// that it was made with. Since 2 a branch may be another program's; since
/// [`CHECKSUMS_SINCE`] pages have checksums; since [`SAMPLES_SINCE`] there is the table
/// `samples`; since [`CLASSLESS_SINCE`] what a network without classes lacks is null.
pub const FORMAT_VERSION: u32 = 5;

/// The first format whose pages have checksums, which every reader compares.
pub const CHECKSUMS_SINCE: u32 = 3;

/// The first format with a row for each image of each batch.
pub const SAMPLES_SINCE: u32 = 4;

/// The first format whose validations and samples may have no predicted class: `accuracy`, `correct`,
/// `confusion`, `predicted` and `output` are null where the network gives back the image.
pub const CLASSLESS_SINCE: u32 = 5;

/// The oldest format that is read. A reader refuses every number outside by name.
pub const OLDEST_FORMAT_VERSION: u32 = 1;

/// Version of the engine's arithmetic: the order of every reduction, every
/// polynomial and every random stream. Within one number digests never change.
pub const ARITHMETIC: u32 = 1;

/// Steps of one sealed segment; segments start at its multiples.
pub const SEGMENT_STEPS: u64 = 512;
