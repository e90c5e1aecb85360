//! Layers: one kind per file, each with the configuration it is written with.
//!
//! A layer kind builds one or more [`Operation`]s, the units that the passes
//! run: a convolution with `activation = "relu"` is two.
//!
//! | file | concept |
//! |---|---|
//! | `kind` | what a kind of layer decides |
//! | `operation` | what the passes run |
//! | `activation`, `batchnorm`, `conv`, … | one kind each |
//!
//! # Adding a layer
//! Write a file with its configuration, which implements `kind::Layer`, and
//! its operation; name it here, as a module and in [`KINDS`].

mod activation;
mod add;
mod batchnorm;
mod concat;
mod conv;
mod dropout;
mod fully_connected;
mod kind;
mod operation;
mod pool;
mod softmax;

pub use kind::LayerParameter;
pub(crate) use kind::{Begin, Gather, LayerKind, Ones, Role, Surroundings, no_identity, refuse};
pub(crate) use operation::{
    Backward, Buffers, Context, ImageContext, Initial, Operation, Packed, ParameterShape, Scratch,
};
pub(crate) use softmax::{predicted_class, softmax_loss};

use revacnn_schemas::LayerSpec;

use crate::TrainerError;

/// Every kind of layer, in the order in which help lists them.
pub(crate) static KINDS: &[LayerKind] = &[
    LayerKind::of::<conv::Config>(),
    LayerKind::of::<pool::Config>(),
    LayerKind::of::<fully_connected::Config>(),
    LayerKind::of::<activation::Config>(),
    LayerKind::of::<batchnorm::Config>(),
    LayerKind::of::<dropout::Config>(),
    LayerKind::of::<add::Config>(),
    LayerKind::of::<concat::Config>(),
    LayerKind::of::<softmax::Config>(),
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

/// The kind of the class layer.
pub(crate) fn class_kind() -> &'static LayerKind {
    KINDS.iter().find(|kind| kind.role == Role::Classes).expect("invariant: there is a kind of class layer")
}

/// A layer in a few words, one for each thing that it does: `conv 5×5`, `relu`.
///
/// # Errors
/// A kind or a parameter that there is not.
pub fn describe_layer(spec: &LayerSpec) -> Result<Vec<String>, TrainerError> {
    (kind(&spec.kind)?.describe)(spec)
}
