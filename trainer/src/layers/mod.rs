//! Layers: one kind per file, each with the configuration it is written with.
//!
//! A layer kind builds one or more [`Operation`]s, the units that the passes
//! run: a convolution with `activation = "relu"` is two.
//!
//! | file | concept |
//! |---|---|
//! | `kind` | what a kind of layer decides |
//! | `class` | what class layers have in common |
//! | `decay` | factors on the decay, which every kind may be written with |
//! | `operation` | what the passes run |
//! | `activation`, `batchnorm`, `conv`, … | one kind each |
//!
//! # Adding a layer
//! Write a file with its configuration, which implements `kind::Layer`, and
//! its operation; name it here, as a module and in [`KINDS`].

mod activation;
mod add;
mod batchnorm;
mod class;
mod concat;
mod conv;
mod decay;
mod dropout;
mod fully_connected;
mod global_average_pool;
mod kind;
mod layernorm;
mod local_response_norm;
mod maxout;
mod operation;
mod pool;
mod regression;
mod sides;
mod softmax;
mod start;
mod svm;

pub(crate) use class::{Expected, Loss, predicted_class};
pub(crate) use decay::DecayFactors;
pub use kind::LayerParameter;
pub(crate) use kind::{Begin, Gather, LayerKind, Ones, Role, Surroundings, no_identity, refuse};
pub(crate) use operation::{
    Backward, Buffers, Context, ImageContext, Initial, Operation, Packed, ParameterShape, Scratch,
};

use revacnn_schemas::{ClassOutputs, LayerSpec, NetworkSpec};

use crate::TrainerError;

/// Every kind of layer, in the order in which help lists them.
pub(crate) static KINDS: &[LayerKind] = &[
    LayerKind::of::<conv::Config>(),
    LayerKind::of::<pool::Config>(),
    LayerKind::of::<global_average_pool::Config>(),
    LayerKind::of::<fully_connected::Config>(),
    LayerKind::of::<activation::Config>(),
    LayerKind::of::<batchnorm::Config>(),
    LayerKind::of::<layernorm::Config>(),
    LayerKind::of::<local_response_norm::Config>(),
    LayerKind::of::<dropout::Config>(),
    LayerKind::of::<add::Config>(),
    LayerKind::of::<concat::Config>(),
    LayerKind::of::<maxout::Config>(),
    LayerKind::of::<softmax::Config>(),
    LayerKind::of::<svm::Config>(),
    LayerKind::of::<regression::Config>(),
];

/// The kind of this name.
pub(crate) fn kind(name: &str) -> Result<&'static LayerKind, TrainerError> {
    KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| TrainerError::UnknownKind {
        what: "layer kind",
        found: name.to_owned(),
        known: KINDS.iter().map(|kind| kind.name).collect::<Vec<_>>().join(", "),
    })
}

/// The kinds of layer that read one layer and can stand anywhere before the class layer, and
/// the parameters that they are written with, in the order in which help lists them.
pub fn layer_kinds() -> impl Iterator<Item = (&'static str, &'static [LayerParameter])> {
    KINDS
        .iter()
        .filter(|kind| !matches!(kind.role, Role::Classes | Role::Gathers(_)))
        .map(|kind| (kind.name, kind.parameters))
}

/// The kinds of layer that read several layers.
pub(crate) fn gathering_kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().filter(|kind| matches!(kind.role, Role::Gathers(_))).map(|kind| kind.name)
}

/// The kinds that the last layer can be of, in the order in which help lists them.
pub fn class_layer_kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().filter(|kind| kind.role == Role::Classes).map(|kind| kind.name)
}

/// What the outputs of a class layer mean; those of an unknown kind are taken for probabilities.
pub fn class_outputs(spec: &LayerSpec) -> ClassOutputs {
    let loss = kind(&spec.kind).and_then(|kind| (kind.loss)(spec)).ok().flatten();
    loss.map_or_else(ClassOutputs::default, Loss::outputs)
}

/// Refuses what needs classes, where the network's last layer gives back the image: there is no
/// `what`, and `instead` says what there is.
///
/// # Errors
/// [`TrainerError::NoClasses`], by the layer's name.
pub fn require_classes(network: &NetworkSpec, what: &'static str, instead: &'static str) -> Result<(), TrainerError> {
    match network.layers.last() {
        Some(last) if !class_outputs(last).are_of_classes() => {
            let layer = last
                .name
                .clone()
                .unwrap_or_else(|| last.kind.parse().expect("invariant: the word of a kind is a name"));
            Err(TrainerError::NoClasses { layer, what, instead })
        }
        _ => Ok(()),
    }
}

/// A layer in a few words, one for each thing that it does: `conv 5×5`, `relu`.
///
/// # Errors
/// A kind or a parameter that there is not.
pub fn describe_layer(spec: &LayerSpec) -> Result<Vec<String>, TrainerError> {
    (kind(&spec.kind)?.describe)(spec)
}
