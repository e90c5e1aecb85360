//! What of its data set's training images a branch trains on otherwise than they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ImageSet;
use crate::{Digester, ImageIndex};

/// Images that a branch leaves out of its epochs, and the labels and weights that it gives others.
/// What is here differs from the data set: a branch that changes nothing has nothing here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageChanges {
    /// How many images the data set has to train on; 0 where nothing is changed.
    pub of: u32,
    /// Images that are in no batch.
    #[serde(default, skip_serializing_if = "ImageSet::is_empty")]
    pub dropped: ImageSet,
    /// Images of other classes than the data set says, by their class, ascending; also of such as
    /// were dropped later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<LabelledImages>,
    /// Images whose weight is not 1, by their weight, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<WeightedImages>,
}

/// Images of a class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelledImages {
    /// The class, by its number from 0.
    pub class: u32,
    /// The images.
    pub images: ImageSet,
}

/// Images of a weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightedImages {
    /// What the loss of each is multiplied by: finite, and at least 0.
    pub weight: f32,
    /// The images.
    pub images: ImageSet,
}

impl ImageChanges {
    /// Whether all is as the data set has it.
    pub fn is_nothing(&self) -> bool {
        self.dropped.is_empty() && self.labels.is_empty() && self.weights.is_empty()
    }

    /// The class that an image has here, where it is another one than in the data set.
    pub fn label(&self, image: ImageIndex) -> Option<u32> {
        self.labels.iter().find(|labelled| labelled.images.contains(image)).map(|labelled| labelled.class)
    }

    /// Gives images classes, in the place of what they had here; none stays in `as_before`, whose
    /// classes are those of the data set.
    pub fn relabel(&mut self, given: &[LabelledImages], as_before: &ImageSet) {
        let before = self.labels.drain(..).map(|labelled| (labelled.class, labelled.images));
        let given: Vec<(u32, ImageSet)> = given.iter().map(|one| (one.class, one.images.clone())).collect();
        let labels = replaced(before, &given, as_before);
        self.labels = labels.into_iter().map(|(class, images)| LabelledImages { class, images }).collect();
    }

    /// Gives images weights, finite ones of at least 0, in the place of what they had here.
    pub fn weigh(&mut self, given: &[WeightedImages]) {
        // The bits of numbers of at least 0 have their order.
        let bits = |weighted: &WeightedImages| (weighted.weight.to_bits(), weighted.images.clone());
        let given: Vec<(u32, ImageSet)> = given.iter().map(bits).collect();
        let one = ImageSet::of_all(given.iter().filter(|(bits, _)| *bits == 1.0_f32.to_bits()).map(|(_, set)| set));
        let before: Vec<(u32, ImageSet)> = self.weights.iter().map(bits).collect();
        let weights = replaced(before, &given, &one).into_iter();
        self.weights = weights.map(|(bits, images)| WeightedImages { weight: f32::from_bits(bits), images }).collect();
    }

    /// Leaves images out, whose weights are no longer of use.
    pub fn drop(&mut self, images: &ImageSet) {
        self.dropped = self.dropped.union(images);
        self.weigh(&[WeightedImages { weight: 1.0, images: images.clone() }]);
    }

    /// What is changed, a name and a value each, such as `dropped images` and `3,17`. Other images give
    /// other words.
    pub(crate) fn described(&self) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        if !self.dropped.is_empty() {
            fields.push(("dropped images".to_owned(), told(&self.dropped)));
        }
        for LabelledImages { class, images } in &self.labels {
            fields.push((format!("images of class {class} instead"), told(images)));
        }
        for WeightedImages { weight, images } in &self.weights {
            fields.push((format!("images of weight {weight}"), told(images)));
        }
        fields
    }
}

/// Values ascending, each with its images: what was given in the place of what was before, but for some
/// images that have none.
fn replaced(
    before: impl IntoIterator<Item = (u32, ImageSet)>,
    given: &[(u32, ImageSet)],
    none: &ImageSet,
) -> Vec<(u32, ImageSet)> {
    let all = ImageSet::of_all(given.iter().map(|(_, images)| images));
    let mut groups = BTreeMap::<u32, Vec<ImageSet>>::new();
    let before = before.into_iter().map(|(value, images)| (value, images.minus(&all)));
    for (value, images) in before.chain(given.iter().cloned()) {
        groups.entry(value).or_default().push(images.minus(none));
    }
    let groups = groups.into_iter().map(|(value, sets)| (value, ImageSet::of_all(&sets)));
    groups.filter(|(_, images)| !images.is_empty()).collect()
}

/// Images in few words that tell them from others.
fn told(images: &ImageSet) -> String {
    let (short, all) = (images.in_short(), images.to_string());
    match short == all {
        true => all,
        false => format!("{short} ({:.12})", Digester::new("revacnn images").text(&all).finish()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> ImageSet {
        text.parse().unwrap()
    }

    #[test]
    fn an_image_has_one_label_and_one_weight_and_none_that_changes_nothing() {
        let mut changes = ImageChanges { of: 90, ..ImageChanges::default() };
        assert!(changes.is_nothing());
        let of = |class, images| LabelledImages { class, images: set(images) };
        changes.relabel(&[of(7, "1-5")], &ImageSet::default());
        changes.relabel(&[of(2, "3,9")], &ImageSet::default());
        assert_eq!([1, 3, 9, 8].map(|image| changes.label(ImageIndex(image))), [Some(7), Some(2), Some(2), None]);
        assert_eq!(changes.labels, [of(2, "3,9"), of(7, "1-2,4-5")]);
        changes.relabel(&[of(0, "3,9")], &set("3,9"));
        assert_eq!(changes.labels, [of(7, "1-2,4-5")]);
        let of = |weight, images| WeightedImages { weight, images: set(images) };
        changes.weigh(&[of(2.0, "1-5,7")]);
        changes.weigh(&[of(0.5, "2"), of(1.0, "4-5")]);
        changes.drop(&set("7"));
        assert_eq!(changes.weights, [of(0.5, "2"), of(2.0, "1,3")]);
        assert_eq!(changes.dropped, set("7"));
        let json = serde_json::to_string(&changes).unwrap();
        assert_eq!(serde_json::from_str::<ImageChanges>(&json).unwrap(), changes, "{json}");
    }

    #[test]
    fn other_images_give_other_words() {
        let words = |images: ImageSet| ImageChanges { dropped: images, ..ImageChanges::default() }.described();
        assert_eq!(words(set("3,17")), [("dropped images".to_owned(), "3,17".to_owned())]);
        let many = |from: u32| (0..100).map(|image| ImageIndex(from + 3 * image)).collect::<ImageSet>();
        assert!(words(many(0))[0].1.starts_with("100 images ("));
        assert_ne!(words(many(0)), words(many(1)));
    }
}
