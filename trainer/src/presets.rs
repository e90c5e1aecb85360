//! Networks that have a name.

mod resnet;

use std::ffi::OsStr;
use std::path::Path;

use revacnn_schemas::NetworkSpec;

use crate::TrainerError;
use crate::files::{Found, look, read_text};

/// The longest description of a network, in bytes.
const MOST_BYTES: u64 = 1 << 20;

/// A network by name: its input and classes adapt to the data set.
struct Preset {
    name: &'static str,
    summary: &'static str,
    layers: Layers,
}

/// What comes before the class layer.
enum Layers {
    /// 5×5 convolutions of so many filters.
    Convolutions([usize; 3]),
    /// A residual network of so many blocks a stage.
    Residual(usize),
}

const PRESETS: [Preset; 5] = [
    Preset {
        name: "paper",
        summary: "three 5×5 convolutions of 16, 20, 20 filters, as in the paper",
        layers: Layers::Convolutions([16, 20, 20]),
    },
    Preset {
        name: "20-20-20",
        summary: "the paper's steering experiment before the edit",
        layers: Layers::Convolutions([20, 20, 20]),
    },
    Preset {
        name: "20-20-21",
        summary: "the paper's steering experiment after the edit",
        layers: Layers::Convolutions([20, 20, 21]),
    },
    Preset {
        name: "resnet8",
        summary: "a residual network of 8 layers for 32×32 images, projections as shortcuts",
        layers: Layers::Residual(1),
    },
    Preset {
        name: "resnet20",
        summary: "a residual network of 20 layers for 32×32 images, projections as shortcuts",
        layers: Layers::Residual(3),
    },
];

/// The presets' names with a line on each.
pub fn presets() -> impl Iterator<Item = (&'static str, &'static str)> {
    PRESETS.iter().map(|preset| (preset.name, preset.summary))
}

/// The network that a person names: a [`preset`], or a TOML file by its path.
///
/// # Errors
/// Those of [`preset`]; [`TrainerError::File`] and what the file's text is at
/// fault for.
pub fn named_network(name_or_path: impl AsRef<OsStr>) -> Result<NetworkSpec, TrainerError> {
    let path = Path::new(&name_or_path);
    let is_word = path.extension().is_none() && path.components().count() == 1;
    if is_word && !matches!(look(path)?, Found::File { .. } | Found::Other) {
        return preset(&path.to_string_lossy());
    }
    Ok(NetworkSpec::from_toml(&read_text(path, "a network in TOML", MOST_BYTES)?)?)
}

/// The network of this name: 5×5 convolutions of stride 1 and padding 2, each
/// with ReLU and 2×2 max pooling, then softmax; or a residual network.
///
/// Source: section 3 of the ReVACNN paper, and ConvNetJS's CIFAR-10 demo; He et al.,
/// *Deep Residual Learning for Image Recognition* (2016), section 4.2.
///
/// # Errors
/// [`TrainerError::UnknownKind`] that lists the presets.
pub fn preset(name: &str) -> Result<NetworkSpec, TrainerError> {
    let preset = PRESETS.iter().find(|preset| preset.name == name).ok_or_else(|| TrainerError::UnknownKind {
        what: "preset network",
        found: name.to_owned(),
        known: PRESETS.map(|preset| preset.name).join(", "),
    })?;
    let mut text = format!("name = {name:?}\n");
    match preset.layers {
        Layers::Convolutions(all) => {
            for filters in all {
                text += &format!(
                    "[[layer]]\nkind = \"conv\"\nfilters = {filters}\nkernel = 5\npad = 2\nactivation = \"relu\"\n\
                     [[layer]]\nkind = \"pool\"\nkernel = 2\n"
                );
            }
        }
        Layers::Residual(blocks) => text += &resnet::residual(blocks),
    }
    text += "[[layer]]\nkind = \"softmax\"\n";
    Ok(NetworkSpec::from_toml(&text)?)
}
