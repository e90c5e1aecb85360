//! The one error type of this crate.

use revacnn_schemas::{Digest, LayerName, SchemaError};

use crate::data::DataError;
use crate::exchange::ExchangeError;
use crate::files::FileError;

/// What can keep a network from being built, trained or evaluated.
#[derive(Debug, thiserror::Error)]
pub enum TrainerError {
    /// A description could not be read, or a parameter is unknown.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A data set could not be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A network's file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A network goes not in, or not out.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// There is no layer, optimizer or preset of this kind.
    #[error("there is no {what} `{found}`; there are: {known}")]
    UnknownKind {
        /// Layer, optimizer or preset.
        what: &'static str,
        /// What was asked for.
        found: String,
        /// Those there are.
        known: String,
    },
    /// A layer cannot be built where it stands.
    #[error("layer {layer} ({kind}): {reason}")]
    Layer {
        /// The layer's name.
        layer: String,
        /// Its kind.
        kind: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// The network as a whole is not one that can be trained.
    #[error("the network cannot be trained: {reason}")]
    Network {
        /// What was expected and what was found.
        reason: String,
    },
    /// A hyper-parameter is out of its range.
    #[error("{name} must be {expected}, found {found}")]
    OutOfRange {
        /// The hyper-parameter.
        name: String,
        /// Its range.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// A layer would normalise single values.
    #[error(
        "layer {layer} would normalise a single value a channel: its maps are 1×1 and a batch has one image, so its \
         output would be constant, layers before it would have no gradient, and its running variance would shrink \
         to 0; expected a batch-size of at least 2, or the layer where maps are larger"
    )]
    SingleValues {
        /// The layer.
        layer: LayerName,
    },
    /// The data set at hand is not the one that the run was trained on.
    #[error(
        "this run was trained on data set {name} with digest {expected}, the one at hand has {found}; \
         pass the folder of the former with --data"
    )]
    OtherData {
        /// The data set's name.
        name: String,
        /// The run's digest.
        expected: Digest,
        /// The digest at hand.
        found: Digest,
    },
    /// A state does not fit the network.
    #[error("the state of step {step} does not fit the network: {reason}")]
    StateMismatch {
        /// The state's step.
        step: u64,
        /// What was expected and what was found.
        reason: String,
    },
    /// An edit cannot be made on this network.
    #[error("cannot {edit}: {reason}")]
    Edit {
        /// The edit as it is written.
        edit: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// What needs classes is asked of a network that gives back the image.
    #[error("layer {layer} gives back the image and predicts no class: there is no {what}; {instead}")]
    NoClasses {
        /// The last layer.
        layer: LayerName,
        /// What was asked for.
        what: &'static str,
        /// What there is.
        instead: &'static str,
    },
    /// A number of threads that no machine has.
    #[error("threads must be 1 to 1024, found {threads}")]
    Threads {
        /// How many were asked for.
        threads: usize,
    },
    /// The observer of the steps failed.
    #[error("{0}")]
    Observer(#[source] revacnn_schemas::ObserverError),
}
