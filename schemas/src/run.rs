//! What a branch trains: everything that decides its bits.

use std::ffi::OsStr;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    ARITHMETIC, ArrayFile, AugmentationSpec, Digest, Digester, ImageChanges, LayerName, NetworkSpec, OptimizerSpec,
    Reading, ScheduleSpec,
};

/// Shape of an image: channels, rows, columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageShape {
    /// Colour channels: 3 for RGB, 1 for grey.
    pub channels: usize,
    /// Rows, in pixels.
    pub height: usize,
    /// Columns, in pixels.
    pub width: usize,
}

impl ImageShape {
    /// Values of one image.
    pub const fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether an image has no value at all.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for ImageShape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}×{}×{}", self.channels, self.height, self.width)
    }
}

/// A data set's identity: its name and the digest of its decoded images and
/// labels in sorted order. Where its files lie is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetIdentity {
    /// The name, such as `cifar10`.
    pub name: String,
    /// Digest of shape, classes, images and labels.
    pub digest: Digest,
}

/// Whether a data set is asked for by a path rather than by its name, whatever is
/// there: it has a separator.
pub fn is_path(name_or_path: &OsStr) -> bool {
    name_or_path.as_encoded_bytes().iter().any(|&byte| std::path::is_separator(char::from(byte)))
}

/// Everything that decides the bits of a branch, and how its data are read:
/// length, threads, fidelity, probe images, names and paths are not in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunDefinition {
    /// The network, resolved.
    pub network: NetworkSpec,
    /// Shape of the images.
    pub input: ImageShape,
    /// Number of classes.
    pub classes: usize,
    /// The data set.
    pub dataset: DatasetIdentity,
    /// How the data set's files are read, where they leave a choice: it follows from the digest
    /// and is no part of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// Every n-th training image is held out for validation.
    pub holdout_every: u32,
    /// How training images are varied.
    pub augmentation: AugmentationSpec,
    /// The optimizer with its hyper-parameters, resolved.
    pub optimizer: OptimizerSpec,
    /// How the learning rate changes; constant if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ScheduleSpec>,
    /// Images of a full batch.
    pub batch_size: u32,
    /// The seed of all randomness.
    pub seed: u64,
    /// Arrays that its layers begin with at step 0, in the place of drawn ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<InitialArrays>,
    /// What of the training images is otherwise than the data set has them, by edits of the branch
    /// and of those before it.
    #[serde(default, skip_serializing_if = "ImageChanges::is_nothing")]
    pub images: ImageChanges,
}

/// Arrays that layers of a run begin with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitialArrays {
    /// The arrays.
    pub arrays: ArrayFile,
    /// The layers that take theirs; all of the network's if there are none here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerName>,
}

impl InitialArrays {
    /// With the digest of the arrays alone, as a record has it.
    #[must_use]
    pub fn recorded(&self) -> Self {
        Self { arrays: self.arrays.recorded(), layers: self.layers.clone() }
    }
}

/// A field in which two descriptions differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDifference {
    /// What differs, such as `conv3 filters`.
    pub name: String,
    /// What the first one has.
    pub left: String,
    /// What the second one has.
    pub right: String,
}

impl FieldDifference {
    /// A field that has these two values.
    pub fn new(name: &str, left: String, right: String) -> Self {
        Self { name: name.to_owned(), left, right }
    }
}

impl fmt::Display for FieldDifference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} → {}", self.name, self.left, self.right)
    }
}

impl RunDefinition {
    /// The content key of a branch without a parent: equal for equal
    /// arithmetic, network, data, split, seed and optimizer.
    pub fn key(&self) -> Digest {
        let mut resolved = self.clone();
        resolved.network.name.clear();
        resolved.init = resolved.init.as_ref().map(InitialArrays::recorded);
        // The name of a person's own data set is that of a folder, which may be called otherwise later.
        if resolved.reading.take().is_some() {
            resolved.dataset.name.clear();
        }
        let json = serde_json::to_string(&resolved)
            .expect("invariant: a definition holds only strings, numbers and maps with string keys");
        Digester::new("revacnn definition").number(u64::from(ARITHMETIC)).text(&json).finish()
    }

    /// The fields in which another definition differs, as `field: ours → theirs`.
    pub fn differences(&self, other: &Self) -> Vec<FieldDifference> {
        let (ours, theirs) = (self.flatten(), other.flatten());
        let mut names: Vec<&String> = ours.iter().chain(&theirs).map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        let value = |list: &[(String, String)], name: &str| {
            list.iter()
                .find(|(candidate, _)| candidate == name)
                .map_or_else(|| "(none)".to_owned(), |(_, value)| value.clone())
        };
        // Own data are called as their folder is.
        let same_data =
            self.dataset.digest == other.dataset.digest && self.reading.is_some() && other.reading.is_some();
        names
            .into_iter()
            .filter(|name| !(same_data && *name == "dataset"))
            .filter_map(|name| {
                let (mine, yours) = (value(&ours, name), value(&theirs, name));
                (mine != yours).then(|| FieldDifference::new(name, mine, yours))
            })
            .collect()
    }

    fn flatten(&self) -> Vec<(String, String)> {
        let mut fields = vec![
            ("input".to_owned(), self.input.to_string()),
            ("classes".to_owned(), self.classes.to_string()),
            ("dataset".to_owned(), format!("{} ({:.12})", self.dataset.name, self.dataset.digest)),
            ("holdout".to_owned(), self.holdout_every.to_string()),
            ("augmentation".to_owned(), self.augmentation.to_string()),
            ("optimizer".to_owned(), self.optimizer.kind.clone()),
            ("batch-size".to_owned(), self.batch_size.to_string()),
            (
                "schedule".to_owned(),
                self.schedule.as_ref().map_or_else(
                    || "constant".to_owned(),
                    |schedule| format!("{} from step {}", schedule.curve, schedule.from),
                ),
            ),
            ("seed".to_owned(), self.seed.to_string()),
            ("layers".to_owned(), self.network.layers.len().to_string()),
        ];
        if let Some(InitialArrays { arrays, layers }) = &self.init {
            let of = layers.iter().map(|layer| format!(" {layer}")).collect::<String>();
            fields.push(("init".to_owned(), format!("{:.12}{of}", arrays.digest())));
        }
        fields.extend(self.images.described());
        for (name, value) in &self.optimizer.parameters {
            fields.push((name.replace('_', "-"), value.to_string()));
        }
        for (place, layer) in self.network.layers.iter().enumerate() {
            let subject = layer.name.as_ref().map_or_else(|| format!("layer {}", place + 1), ToString::to_string);
            fields.push((format!("{subject} kind"), layer.kind.clone()));
            if !layer.reads.is_empty() {
                let names: Vec<&str> = layer.reads.iter().map(LayerName::as_str).collect();
                fields.push((format!("{subject} reads"), names.join(" ")));
            }
            for (name, value) in &layer.parameters {
                fields.push((format!("{subject} {name}"), value.to_string()));
            }
        }
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition() -> RunDefinition {
        RunDefinition {
            network: NetworkSpec::from_toml(
                "name = \"paper\"\n[[layer]]\nkind = \"conv\"\nname = \"conv1\"\nfilters = 16\n",
            )
            .unwrap(),
            input: ImageShape { channels: 3, height: 32, width: 32 },
            classes: 10,
            dataset: DatasetIdentity { name: "shapes".into(), digest: Digest([0; 32]) },
            reading: None,
            holdout_every: 10,
            augmentation: AugmentationSpec::SHIFT_AND_FLIP,
            optimizer: OptimizerSpec::new("adadelta"),
            schedule: None,
            batch_size: 4,
            seed: 0,
            init: None,
            images: ImageChanges::default(),
        }
    }

    #[test]
    fn the_key_follows_what_is_trained_and_not_what_it_is_called() {
        let base = definition();
        let mut renamed = base.clone();
        renamed.network.name = "mine".into();
        assert_eq!(base.key(), renamed.key());
        let mut read = base.clone();
        read.reading = Some(Reading { skip_unreadable: true, ..Reading::default() });
        let mut moved = read.clone();
        moved.reading = Some(Reading::default());
        moved.dataset.name = "elsewhere".into();
        assert_eq!(read.key(), moved.key(), "the digest says it");
        assert!(read.differences(&moved).is_empty());
        let mut reseeded = base.clone();
        reseeded.seed = 1;
        assert_ne!(base.key(), reseeded.key());
        let mut begun = base.clone();
        begun.init = Some(InitialArrays { arrays: ArrayFile::new(vec![1, 2]), layers: Vec::new() });
        assert_ne!(base.key(), begun.key());
        let mut recorded = begun.clone();
        recorded.init = begun.init.as_ref().map(InitialArrays::recorded);
        assert_eq!(begun.key(), recorded.key(), "the digest says it");
        assert!(begun.differences(&base)[0].to_string().starts_with("init: "));
        let mut fewer = base.clone();
        fewer.images.of = 100;
        assert_eq!(serde_json::to_string(&fewer).unwrap(), serde_json::to_string(&base).unwrap(), "nothing is dropped");
        fewer.images.dropped = "3".parse().unwrap();
        assert_ne!(base.key(), fewer.key());
        assert_eq!(base.differences(&fewer)[0].to_string(), "dropped images: (none) → 3");
    }

    #[test]
    fn a_difference_names_the_field_and_both_values() {
        let base = definition();
        let mut other = base.clone();
        other.batch_size = 32;
        other.network.layers[0].parameters.insert("filters".into(), 20.into());
        let told: Vec<String> = base.differences(&other).iter().map(ToString::to_string).collect();
        assert_eq!(told, ["batch-size: 4 → 32", "conv1 filters: 16 → 20"]);
    }
}
