//! What a kind of layer decides.

use revacnn_schemas::{ImageShape, LayerName, LayerSpec, Parameters};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::class::Loss;
use super::decay::DecayFactors;
use super::operation::Operation;
use crate::TrainerError;
use crate::exchange::Form;
use crate::kernels::Instructions;

/// The configuration that layers of one kind are written with, and all that
/// the kind decides.
pub(super) trait Layer: Serialize + DeserializeOwned {
    /// The word in `kind = "…"`.
    const NAME: &'static str;
    /// First part of the names of such layers.
    const STEM: &'static str = Self::NAME;
    /// What the layer is to the blocks of the network.
    const ROLE: Role;
    /// The parameter that says how many filters it has, where that is free:
    /// edits add and remove filters of such layers.
    const COUNT: Option<&'static str> = None;
    /// The parameter that names its activation function.
    const ACTIVATION: Option<&'static str> = None;

    /// Whether its coefficients are drawn, by its parameters `init` and `bias_init`: those of a
    /// network go to such layers.
    const IS_DRAWN: bool = false;

    /// The parameters that it is written with, for forms: each with what a form starts from.
    const PARAMETERS: &'static [LayerParameter] = &[];

    /// Its operations in order; the first one has the layer's weights, if any.
    /// A parameter that follows from the surroundings is filled in.
    ///
    /// # Errors
    /// What the layer refuses, by its name.
    fn build(&mut self, spec: &LayerSpec, around: &Surroundings) -> Result<Vec<Box<dyn Operation>>, TrainerError>;

    /// The loss over its outputs, of a class layer.
    fn loss(&self) -> Option<Loss> {
        None
    }

    /// The layer in a few words, one for each thing that it does.
    fn describe(&self) -> Vec<String> {
        vec![Self::NAME.to_owned()]
    }

    /// Fills in what an edit that inserts such a layer left open and what
    /// follows from the maps that reach it.
    fn complete(_parameters: &mut Parameters, _input: ImageShape, _begin: Begin) {}

    /// What makes the layer pass its input on. `not_negative` says that no value that reaches it is
    /// negative.
    ///
    /// Source: Chen, Goodfellow and Shlens, *Net2Net* (2016), section 2.3:
    /// equal width, a kernel with a centre, and an activation that applied
    /// twice is what it is applied once.
    fn identity(&self, _input: ImageShape, _not_negative: bool) -> Identity {
        Err(no_identity(Self::NAME))
    }

    /// Whether no value that leaves the layer is negative, where
    /// `not_negative` says so of those that reach it.
    fn keeps_from_negative(&self, _not_negative: bool) -> bool {
        false
    }

    /// What the layer is to other programs, in order, where it is built on maps of this shape;
    /// the first one has the layer's arrays, if any. Formats refuse what they have no form for.
    fn forms(&self, _input: ImageShape) -> Vec<Form> {
        vec![Form::Own]
    }

    /// Axes of a filter's coefficients in PyTorch's array, behind that of the filters.
    fn array_axes(&self, input: ImageShape) -> Vec<usize> {
        vec![input.len()]
    }

    /// Inputs, rows and columns of a filter's coefficients.
    fn coefficient_axes(&self, input: ImageShape) -> [usize; 3] {
        [input.channels, input.height, input.width]
    }
}

/// Why most layers of a kind are no identity.
pub(crate) fn no_identity(kind: &str) -> String {
    format!("a layer of kind {kind} has no coefficients that make it pass its input on; leave init=identity out")
}

/// A parameter that layers of a kind are written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerParameter {
    /// Its name.
    pub name: &'static str,
    /// What a form starts from; nothing where it may be left out.
    pub starts: &'static str,
    /// The words that it takes; none where it is a number.
    pub choices: &'static [&'static str],
}

impl LayerParameter {
    /// A number.
    pub(super) const fn number(name: &'static str, starts: &'static str) -> Self {
        Self { name, starts, choices: &[] }
    }

    /// One of some words.
    pub(super) const fn word(name: &'static str, starts: &'static str, choices: &'static [&'static str]) -> Self {
        Self { name, starts, choices }
    }
}

/// A kind of layer: its [`Layer`], without the type of the configuration.
pub(crate) struct LayerKind {
    /// [`Layer::NAME`]
    pub(crate) name: &'static str,
    /// [`Layer::STEM`]
    pub(crate) stem: &'static str,
    /// [`Layer::ROLE`]
    pub(crate) role: Role,
    /// [`Layer::COUNT`]
    pub(crate) count: Option<&'static str>,
    /// [`Layer::ACTIVATION`]
    pub(crate) activation: Option<&'static str>,
    /// [`Layer::IS_DRAWN`]
    pub(crate) is_drawn: bool,
    /// [`Layer::PARAMETERS`]
    pub(crate) parameters: &'static [LayerParameter],
    /// Builds the layer from its description.
    pub(crate) build: fn(&LayerSpec, &Surroundings) -> Result<Built, TrainerError>,
    /// [`Layer::loss`]
    pub(crate) loss: fn(&LayerSpec) -> Result<Option<Loss>, TrainerError>,
    /// [`Layer::describe`]
    pub(crate) describe: fn(&LayerSpec) -> Result<Vec<String>, TrainerError>,
    /// [`Layer::complete`]
    pub(crate) complete: fn(&mut Parameters, ImageShape, Begin),
    /// [`Layer::identity`]
    pub(crate) identity: fn(&LayerSpec, ImageShape, bool) -> Result<Identity, TrainerError>,
    /// [`Layer::keeps_from_negative`]
    pub(crate) keeps_from_negative: fn(&LayerSpec, bool) -> Result<bool, TrainerError>,
    /// [`Layer::forms`]
    pub(crate) forms: fn(&LayerSpec, ImageShape) -> Result<Vec<Form>, TrainerError>,
    /// [`Layer::array_axes`]
    pub(crate) array_axes: fn(&LayerSpec, ImageShape) -> Result<Vec<usize>, TrainerError>,
    /// [`Layer::coefficient_axes`]
    pub(crate) coefficient_axes: fn(&LayerSpec, ImageShape) -> Result<[usize; 3], TrainerError>,
}

impl LayerKind {
    /// The kind whose layers are configured by `L`.
    pub(super) const fn of<L: Layer>() -> Self {
        Self {
            name: L::NAME,
            stem: L::STEM,
            role: L::ROLE,
            count: L::COUNT,
            activation: L::ACTIVATION,
            is_drawn: L::IS_DRAWN,
            parameters: L::PARAMETERS,
            build: |spec, around| {
                let (own, decay) = DecayFactors::take(spec)?;
                let mut config: L = own.config()?;
                let operations = config.build(spec, around)?;
                let mut shapes = operations.iter().filter_map(|operation| operation.parameters());
                decay.check(spec, shapes.any(|shape| shape.decays))?;
                let mut parameters = match serde_json::to_value(&config) {
                    Ok(serde_json::Value::Object(map)) => map,
                    _ => unreachable!("invariant: a layer's configuration is a struct of plain values"),
                };
                decay.write(&mut parameters);
                Ok(Built { parameters, operations, decay, loss: config.loss() })
            },
            loss: |spec| Ok(config::<L>(spec)?.loss()),
            describe: |spec| Ok(config::<L>(spec)?.describe()),
            complete: L::complete,
            identity: |spec, input, not_negative| Ok(config::<L>(spec)?.identity(input, not_negative)),
            keeps_from_negative: |spec, not_negative| Ok(config::<L>(spec)?.keeps_from_negative(not_negative)),
            forms: |spec, input| Ok(config::<L>(spec)?.forms(input)),
            array_axes: |spec, input| Ok(config::<L>(spec)?.array_axes(input)),
            coefficient_axes: |spec, input| Ok(config::<L>(spec)?.coefficient_axes(input)),
        }
    }
}

/// The configuration of a layer's own kind.
fn config<L: Layer>(spec: &LayerSpec) -> Result<L, TrainerError> {
    let (own, _) = DecayFactors::take(spec)?;
    Ok(own.config()?)
}

/// What a layer is to a block: a convolution, a fully connected layer or one that gathers
/// several, with what follows it per channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Opens a block; its filters are the block's.
    Opens,
    /// Belongs to the block before it, if that is still open.
    Joins,
    /// Ends the block before it and belongs to none.
    Ends,
    /// Opens a block whose channels are those of the several layers that it reads.
    Gathers(Gather),
    /// Opens a block of which each channel is made of several of the one layer that it reads.
    Reduces,
    /// Opens the last block: the class layer.
    Classes,
}

/// What a layer that reads several others makes of their channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gather {
    /// Channel c is made of the c-th channel of each.
    Sum,
    /// The channels of the first, then those of the second, and so on.
    Channels,
}

/// How a layer that is inserted begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// Its coefficients are drawn.
    Drawn,
    /// It passes its input on.
    Identity,
}

/// What makes a layer pass its input on, `None` where it does so without
/// coefficients; or why it cannot.
pub(crate) type Identity = Result<Option<Ones>, String>;

/// Where the coefficients of an identity are 1: filter f's at (f mod `period`)·`step`
/// + `first`. All others are 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ones {
    pub(crate) step: usize,
    pub(crate) first: usize,
    pub(crate) period: usize,
}

/// Where a layer is built.
pub(crate) struct Surroundings {
    /// Shape of the maps that reach it; of the first layer that it reads, where it reads several.
    pub(crate) input: ImageShape,
    /// The layers that it reads, or the images, and the shapes of their maps.
    pub(crate) reads: Vec<(LayerName, ImageShape)>,
    /// Shape of the images that the network reads.
    pub(crate) images: ImageShape,
    /// Classes of the data set.
    pub(crate) classes: usize,
    /// Instructions of the kernels.
    pub(crate) instructions: Instructions,
    /// A number that stands for the layer's name in random streams.
    pub(crate) stream: u64,
    /// Numbers of the filters whose maps reach the layer, `[channel]`.
    pub(crate) numbers: Vec<u32>,
}

/// A layer that was built.
pub(crate) struct Built {
    /// Its parameters with every default written out.
    pub(crate) parameters: Parameters,
    /// Its operations in order; the first one has the layer's weights, if any.
    pub(crate) operations: Vec<Box<dyn Operation>>,
    /// How strongly its weights decay.
    pub(crate) decay: DecayFactors,
    /// The loss over its outputs, of a class layer.
    pub(crate) loss: Option<Loss>,
}

/// An error of the layer that `spec` describes.
pub(crate) fn refuse(spec: &LayerSpec, reason: impl Into<String>) -> TrainerError {
    TrainerError::Layer {
        layer: spec.name.as_ref().map_or_else(|| "(unnamed)".to_owned(), ToString::to_string),
        kind: spec.kind.clone(),
        reason: reason.into(),
    }
}

/// Checks that `value` is in `range`.
pub(super) fn check_range(
    spec: &LayerSpec,
    name: &str,
    value: usize,
    range: std::ops::RangeInclusive<usize>,
) -> Result<(), TrainerError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(refuse(spec, format!("{name} must be {} to {}, found {value}", range.start(), range.end())))
}
