//! Edits: steering actions as values, written in one small grammar.

mod grammar;
mod image_file;
mod image_words;
mod images;
mod setting;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::words::{IMAGES, plain};
use crate::{ArrayFile, FilterNumber, ImageSet, LayerName, Parameters, WeightedImages};

pub use grammar::{Coefficients, EDIT_FORMS, ReadFiles};
pub use image_file::MOST_IMAGE_BYTES;
pub use images::{ClassWord, RelabelledImages};
pub use setting::Setting;

/// One steering action. A fork applies one or more, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// What is done.
    pub change: Change,
    /// Seed of whatever is drawn; by default it follows from the run's seed,
    /// the fork step and the edit's place among the fork's edits, so that
    /// siblings get the same draws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// A filter of a layer, or the whole layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The layer.
    pub layer: LayerName,
    /// The filter's number; all filters if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<FilterNumber>,
}

/// What an edit does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Change {
    /// Adds filters at the end of a layer.
    AddFilter {
        /// The layer.
        layer: LayerName,
        /// How many.
        count: u32,
        /// How their coefficients, and those that read them, begin.
        init: FilterInit,
        /// The filters' own coefficients, `[filter][input][row][column]`,
        /// where `init` searches for them and a fork has kept what it found.
        /// Without them they are searched for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        coefficients: Option<Vec<Vec<f32>>>,
    },
    /// Removes a filter, and the coefficients that read it.
    RemoveFilter {
        /// The layer.
        layer: LayerName,
        /// The filter.
        filter: FilterNumber,
    },
    /// Adds a copy of a filter; the coefficients that read it are shared out.
    DuplicateFilter {
        /// The layer.
        layer: LayerName,
        /// The filter that is copied.
        filter: FilterNumber,
    },
    /// Draws coefficients anew.
    Reinitialise(Target),
    /// Lets filters train no more.
    Freeze(Target),
    /// Lets filters train again.
    Unfreeze(Target),
    /// Gives a filter other coefficients.
    SetWeights {
        /// The layer.
        layer: LayerName,
        /// The filter.
        filter: FilterNumber,
        /// Its coefficients, `[input][row][column]`.
        values: Vec<f32>,
        /// Lengths of the axes of the array that they come from: compared
        /// with the filter's when the edit is made, and not kept by a fork.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shape: Option<Vec<usize>>,
        /// Its bias; it stays if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bias: Option<f32>,
    },
    /// Gives layers the coefficients, biases and running statistics of a file.
    LoadWeights {
        /// The arrays. A fork keeps their digest here, and the arrays beside its record.
        arrays: ArrayFile,
        /// The layer that takes its arrays; all layers if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        layer: Option<LayerName>,
    },
    /// Inserts a layer.
    InsertLayer {
        /// Its kind.
        kind: String,
        /// The layer that it follows; the images if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<LayerName>,
        /// Its name; its kind's stem and the next free number if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<LayerName>,
        /// How its coefficients begin.
        init: LayerInit,
        /// Its parameters.
        parameters: Parameters,
    },
    /// Removes a layer.
    RemoveLayer {
        /// The layer.
        layer: LayerName,
    },
    /// Gives a layer another activation function.
    SetActivation {
        /// The layer.
        layer: LayerName,
        /// The function, such as `tanh`.
        function: String,
    },
    /// Changes a hyper-parameter.
    Set(Setting),
    /// Leaves training images out of the epochs.
    DropImages {
        /// The images.
        images: ImageSet,
    },
    /// Gives training images other classes.
    Relabel {
        /// The images of each class, the classes ascending.
        labels: Vec<RelabelledImages>,
    },
    /// Gives training images weights.
    WeightImages {
        /// The images of each weight, the weights ascending.
        weights: Vec<WeightedImages>,
    },
}

/// How a new filter begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FilterInit {
    /// Its coefficients and those that read it are drawn, as at step 0: what
    /// the ReVACNN paper does.
    #[default]
    Random,
    /// Its coefficients are drawn, those that read it are zero: the network
    /// computes what it did before.
    Zero,
    /// A copy of another filter, with the coefficients that read the two
    /// shared out (Net2Wider): the network computes what it did before.
    Split,
    /// The coefficients that read it are zero, its own are those that give
    /// them the largest gradient on the next batch (the dual of GradMax).
    Gradmax,
}

/// How a new layer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayerInit {
    /// Its coefficients are drawn, as at step 0.
    #[default]
    Random,
    /// It passes its input on (Net2Deeper).
    Identity,
}

impl Edit {
    /// The arrays that it loads, if it loads some.
    pub fn arrays(&self) -> Option<&ArrayFile> {
        match &self.change {
            Change::LoadWeights { arrays, .. } => Some(arrays),
            _ => None,
        }
    }

    /// The edit as it is written, with each image that it names.
    pub fn in_full(&self) -> String {
        let Some(text) = self.change.of_images(true) else { return self.to_string() };
        self.seed.map_or(text.clone(), |seed| format!("{text} seed={seed}"))
    }

    /// The same with other bytes, or none, for these arrays.
    #[must_use]
    pub fn with_arrays(&self, arrays: ArrayFile) -> Self {
        match &self.change {
            Change::LoadWeights { layer, .. } => {
                Self { change: Change::LoadWeights { arrays, layer: layer.clone() }, seed: self.seed }
            }
            _ => self.clone(),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.filter {
            Some(filter) => write!(formatter, "{}/{filter}", self.layer),
            None => write!(formatter, "{}", self.layer),
        }
    }
}

impl fmt::Display for FilterInit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Random => "random",
            Self::Zero => "zero",
            Self::Split => "split",
            Self::Gradmax => "gradmax",
        })
    }
}

impl fmt::Display for LayerInit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Random => "random",
            Self::Identity => "identity",
        })
    }
}

impl fmt::Display for Edit {
    /// The edit as it is written, all but the coefficients of `set-weights`,
    /// for which their number stands, the file of `load-weights`, for which
    /// its digest does, and lists of many images, for which their number does:
    /// see [`Edit::in_full`].
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.change {
            Change::AddFilter { layer, count, init, .. } => {
                write!(formatter, "add-filter {layer}")?;
                if *count != 1 {
                    write!(formatter, " count={count}")?;
                }
                if *init != FilterInit::default() {
                    write!(formatter, " init={init}")?;
                }
                Ok(())
            }
            Change::RemoveFilter { layer, filter } => write!(formatter, "remove-filter {layer}/{filter}"),
            Change::DuplicateFilter { layer, filter } => write!(formatter, "duplicate-filter {layer}/{filter}"),
            Change::Reinitialise(target) => write!(formatter, "reinitialise {target}"),
            Change::Freeze(target) => write!(formatter, "freeze {target}"),
            Change::Unfreeze(target) => write!(formatter, "unfreeze {target}"),
            Change::SetWeights { layer, filter, values, bias, .. } => {
                write!(formatter, "set-weights {layer}/{filter} ({} coefficients)", values.len())?;
                match bias {
                    Some(bias) => write!(formatter, " bias={bias}"),
                    None => Ok(()),
                }
            }
            Change::LoadWeights { arrays, layer } => {
                write!(formatter, "load-weights (arrays {:.12})", arrays.digest())?;
                match layer {
                    Some(layer) => write!(formatter, " layer={layer}"),
                    None => Ok(()),
                }
            }
            Change::InsertLayer { kind, after, name, init, parameters } => {
                write!(formatter, "insert-layer {kind} after=")?;
                match after {
                    Some(after) => write!(formatter, "{after}")?,
                    None => formatter.write_str(IMAGES)?,
                }
                if let Some(name) = name {
                    write!(formatter, " name={name}")?;
                }
                if *init != LayerInit::default() {
                    write!(formatter, " init={init}")?;
                }
                parameters.iter().try_for_each(|(name, value)| write!(formatter, " {name}={}", plain(value)))
            }
            Change::RemoveLayer { layer } => write!(formatter, "remove-layer {layer}"),
            Change::SetActivation { layer, function } => write!(formatter, "set activation {layer} {function}"),
            Change::Set(setting) => write!(formatter, "set {setting}"),
            Change::DropImages { .. } | Change::Relabel { .. } | Change::WeightImages { .. } => {
                formatter.write_str(&self.change.of_images(false).unwrap_or_default())
            }
        }?;
        match self.seed {
            Some(seed) => write!(formatter, " seed={seed}"),
            None => Ok(()),
        }
    }
}
