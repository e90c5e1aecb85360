//! Edits of the training images: which are left out, of which class they are, how much they count.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Change;
use crate::{ImageSet, WeightedImages};

/// What stands before a class's number where a name must not be meant: a class may be called `3`.
const NUMBER: &str = "class:";

/// A class as it is meant: by its name, or by its number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClassWord {
    /// Its number from 0; what is recorded has it.
    Number(u32),
    /// A word: a class's name, or a number where no class is called so.
    Word(String),
}

impl ClassWord {
    /// What a person writes: `cat`, `3`, or `class:3` for the number alone.
    pub fn of(text: &str) -> Self {
        let digits = text.strip_prefix(NUMBER).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(number) => Self::Number(number),
            None => Self::Word(text.to_owned()),
        }
    }
}

impl fmt::Display for ClassWord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{NUMBER}{number}"),
            Self::Word(word) => formatter.write_str(word),
        }
    }
}

/// Images that are to be of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelabelledImages {
    /// The class.
    pub class: ClassWord,
    /// The images.
    pub images: ImageSet,
}

impl Change {
    /// Leaves images out.
    pub fn drop_images(images: ImageSet) -> Self {
        Self::DropImages { images }
    }

    /// Gives images classes. Equal classes are put together, so that equal changes are written alike.
    ///
    /// # Errors
    /// An image that is given two classes.
    pub fn relabel(pairs: impl IntoIterator<Item = (ClassWord, ImageSet)>) -> Result<Self, String> {
        let labels = grouped(pairs, |class| format!("`{class}`"))?;
        let labels = labels.into_iter().map(|(class, images)| RelabelledImages { class, images });
        Ok(Self::Relabel { labels: labels.collect() })
    }

    /// Gives images weights, finite ones of at least 0. Equal weights are put together.
    ///
    /// # Errors
    /// An image that is given two weights.
    pub fn weigh(pairs: impl IntoIterator<Item = (f32, ImageSet)>) -> Result<Self, String> {
        // The bits of numbers of at least 0 have their order; −0 is 0.
        let pairs = pairs.into_iter().map(|(weight, images)| ((weight + 0.0).to_bits(), images));
        let weights = grouped(pairs, |bits| format!("weight {}", f32::from_bits(*bits)))?;
        let weights = weights.into_iter().map(|(bits, images)| WeightedImages { weight: f32::from_bits(bits), images });
        Ok(Self::WeightImages { weights: weights.collect() })
    }

    /// What images are given, with a word for how many, or all of it where that is wanted; `None` of
    /// other changes.
    pub(super) fn of_images(&self, in_full: bool) -> Option<String> {
        let list = |images: &ImageSet| if in_full { images.to_string() } else { images.in_short() };
        // Several values in full alone.
        let few = |verb: &str, values: Vec<(String, &ImageSet)>| match &values[..] {
            [(value, images)] if !in_full => format!("{verb} {} {value}", list(images)),
            _ if !in_full => {
                let images: u64 = values.iter().map(|(_, images)| images.len()).sum();
                format!("{verb} {images} images")
            }
            _ => {
                let pairs: Vec<String> =
                    values.iter().map(|(value, images)| format!("{} {value}", list(images))).collect();
                format!("{verb} {}", pairs.join(" "))
            }
        };
        Some(match self {
            Self::DropImages { images } => format!("drop-images {}", list(images)),
            Self::Relabel { labels } => {
                let quoted = |class: &ClassWord| {
                    let word = class.to_string();
                    shlex::try_quote(&word).map_or_else(|_| word.clone(), std::borrow::Cow::into_owned)
                };
                few("relabel", labels.iter().map(|label| (quoted(&label.class), &label.images)).collect())
            }
            Self::WeightImages { weights } => {
                few("weight-images", weights.iter().map(|one| (one.weight.to_string(), &one.images)).collect())
            }
            _ => return None,
        })
    }
}

/// Values in their order, each with all of its images.
fn grouped<T: Ord>(
    pairs: impl IntoIterator<Item = (T, ImageSet)>,
    named: impl Fn(&T) -> String,
) -> Result<Vec<(T, ImageSet)>, String> {
    let mut groups = std::collections::BTreeMap::<T, Vec<ImageSet>>::new();
    for (value, images) in pairs {
        groups.entry(value).or_default().push(images);
    }
    let groups: Vec<(T, ImageSet)> = groups.into_iter().map(|(value, sets)| (value, ImageSet::of_all(&sets))).collect();
    let of = |(group, (_, images)): (usize, &(T, ImageSet))| -> Vec<(u32, u32, usize)> {
        images.runs().iter().map(|&(first, last)| (first, last, group)).collect()
    };
    let mut runs: Vec<(u32, u32, usize)> = groups.iter().enumerate().flat_map(of).collect();
    runs.sort_unstable();
    // Of runs by their beginning, the first one that shares an image with another does with the one before.
    match runs.windows(2).find(|pair| pair[1].0 <= pair[0].1) {
        Some(pair) => {
            let [one, other] =
                [pair[0].2.min(pair[1].2), pair[0].2.max(pair[1].2)].map(|group| named(&groups[group].0));
            Err(format!("image {} is given {one} and {other}: expected one of them", pair[1].0))
        }
        None => Ok(groups),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Edit;

    fn set(text: &str) -> ImageSet {
        text.parse().unwrap()
    }

    #[test]
    fn equal_changes_are_written_alike_and_read_back() {
        for (texts, written) in [
            (&["drop-images 3,17,100-103", "drop-images 100-103,17,3"][..], "drop-images 3,17,100-103"),
            (
                &["relabel 3,17 cat 5 dog", "relabel 5 dog 17 cat 3 cat", "relabel 17,3 'cat' 5 dog"][..],
                "relabel 3,17 cat 5 dog",
            ),
            (&["relabel 3 'hot dog'"][..], "relabel 3 'hot dog'"),
            (&["relabel 3 class:4"][..], "relabel 3 class:4"),
            (&["weight-images 9 2 3-4 0.5", "weight-images 3 0.5 9 2.0 4 5e-1"][..], "weight-images 3-4 0.5 9 2"),
            (&["weight-images 1-5 0", "weight-images 1-5 -0"][..], "weight-images 1-5 0"),
        ] {
            for text in texts {
                let edit: Edit = text.parse().unwrap();
                assert_eq!(edit.in_full(), written, "{text}");
                assert_eq!(edit.in_full().parse::<Edit>().unwrap(), edit);
                let json = serde_json::to_string(&edit).unwrap();
                assert_eq!(serde_json::from_str::<Edit>(&json).unwrap(), edit, "{json}");
                assert_eq!(serde_json::to_string(&written.parse::<Edit>().unwrap()).unwrap(), json);
            }
        }
        let number = r##"{"change":{"relabel":{"labels":[{"class":4,"images":"3"}]}}}"##;
        assert_eq!(serde_json::to_string(&"relabel 3 class:4".parse::<Edit>().unwrap()).unwrap(), number);
    }

    #[test]
    fn many_images_are_counted_in_few_words() {
        let many: ImageSet = (0..75).map(|image| crate::ImageIndex(20 * image)).collect();
        let of = |change: Change| Edit::new(change).to_string();
        assert_eq!(of(Change::drop_images(many.clone())), "drop-images 75 images");
        let cat = ClassWord::of("cat");
        assert_eq!(of(Change::relabel([(cat.clone(), many.clone())]).unwrap()), "relabel 75 images cat");
        let two = [(cat, many.clone()), (ClassWord::of("class:3"), set("1"))];
        assert_eq!(of(Change::relabel(two).unwrap()), "relabel 76 images");
        assert_eq!(of(Change::weigh([(0.25, many)]).unwrap()), "weight-images 75 images 0.25");
    }
}
