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
    text: Text,
}

/// What a preset is written in.
enum Text {
    /// Filters of three convolutions, see [`of_the_paper`].
    Paper([usize; 3]),
    /// A residual network of so many blocks a stage.
    Residual(usize),
    /// A network in TOML.
    Toml(&'static str),
}

const PRESETS: &[Preset] = &[
    Preset {
        name: "paper",
        summary: "three 5×5 convolutions of 16, 20, 20 filters, as in the paper",
        text: Text::Paper([16, 20, 20]),
    },
    Preset {
        name: "20-20-20",
        summary: "the paper's steering experiment before the edit",
        text: Text::Paper([20, 20, 20]),
    },
    Preset {
        name: "20-20-21",
        summary: "the paper's steering experiment after the edit",
        text: Text::Paper([20, 20, 21]),
    },
    Preset {
        name: "resnet8",
        summary: "a residual network of 8 layers for 32×32 images, projections as shortcuts",
        text: Text::Residual(1),
    },
    Preset {
        name: "resnet20",
        summary: "a residual network of 20 layers for 32×32 images, projections as shortcuts",
        text: Text::Residual(3),
    },
    Preset {
        name: "convnetjs",
        summary: "ConvNetJS's CIFAR-10 demo: the paper's layers, with biases of 0.1",
        text: Text::Toml(include_str!("../assets/networks/convnetjs.toml")),
    },
    Preset {
        name: "lenet",
        summary: "LeNet-5: two 5×5 convolutions, and units of 120 and 84, with tanh",
        text: Text::Toml(include_str!("../assets/networks/lenet.toml")),
    },
    Preset {
        name: "alexnet",
        summary: "AlexNet at the size of CIFAR-10: local response normalisation and dropout",
        text: Text::Toml(include_str!("../assets/networks/alexnet.toml")),
    },
    Preset {
        name: "autoencoder",
        summary: "two 3×3 convolutions, a code of 32 values, and from that the image again",
        text: Text::Toml(include_str!("../assets/networks/autoencoder.toml")),
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

/// The network of this name.
///
/// # Errors
/// [`TrainerError::UnknownKind`] that lists the presets.
pub fn preset(name: &str) -> Result<NetworkSpec, TrainerError> {
    let preset = PRESETS.iter().find(|preset| preset.name == name).ok_or_else(|| TrainerError::UnknownKind {
        what: "preset network",
        found: name.to_owned(),
        known: PRESETS.iter().map(|preset| preset.name).collect::<Vec<_>>().join(", "),
    })?;
    Ok(match preset.text {
        Text::Paper(filters) => NetworkSpec::from_toml(&of_the_paper(name, filters))?,
        Text::Residual(blocks) => {
            let layers = resnet::residual(blocks);
            NetworkSpec::from_toml(&format!("name = {name:?}\n{layers}[[layer]]\nkind = \"softmax\"\n"))?
        }
        Text::Toml(text) => NetworkSpec::from_toml(text)?,
    })
}

/// 5×5 convolutions of stride 1 and padding 2, each with ReLU and 2×2 max pooling, then softmax.
///
/// Source: section 3 of the ReVACNN paper.
fn of_the_paper(name: &str, filters: [usize; 3]) -> String {
    let mut text = format!("name = {name:?}\n");
    for filters in filters {
        text += &format!(
            "[[layer]]\nkind = \"conv\"\nfilters = {filters}\nkernel = 5\npad = 2\nactivation = \"relu\"\n\
             [[layer]]\nkind = \"pool\"\nkernel = 2\n"
        );
    }
    text + "[[layer]]\nkind = \"softmax\"\n"
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::ImageShape;

    use super::*;
    use crate::resolve;

    #[test]
    fn every_preset_has_its_name_and_as_many_parameters_as_its_source() {
        let images = |side| ImageShape { channels: if side == 28 { 1 } else { 3 }, height: side, width: side };
        for (name, side, expected) in [
            ("paper", 32, 22_466),
            ("convnetjs", 32, 22_466),
            ("lenet", 28, 61_706),
            ("alexnet", 32, 1_387_786),
            ("autoencoder", 32, 135_568),
        ] {
            let network = preset(name).unwrap();
            assert_eq!(network.name, name);
            let (_, topology) = resolve(&network, images(side), 10).unwrap();
            assert_eq!(topology.parameters(), expected, "{name}");
        }
        for (name, _) in presets() {
            resolve(&preset(name).unwrap(), images(32), 10).unwrap();
        }
    }
}
