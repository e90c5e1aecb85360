//! A data set in memory: images as bytes, labels, classes.

use super::error::DataError;
use super::identity::digest;
use super::part::Part;
use revacnn_schemas::{AugmentationSpec, DataFormat, DatasetIdentity, Digest, ImageIndex, ImageShape, Reading};

/// Every image whose index is one less than a multiple of this is held out of the
/// training part for validation.
pub const VALIDATION_EVERY: u32 = 10;

/// Which images: those that train, those held out of the training part, or the
/// test part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Split {
    /// The training part without the images held out.
    Train,
    /// Every tenth image of the training part (`index % 10 == 9`).
    Validation,
    /// The test part.
    Test,
}

/// A data set: shape, classes, a training and a test part, and its identity.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    identity: DatasetIdentity,
    shape: ImageShape,
    class_names: Vec<String>,
    train: Part,
    test: Part,
    augmentation: AugmentationSpec,
    taken: Option<Taken>,
}

/// What files of a person's own were taken for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// How they were read, with what they left open.
    pub reading: Reading,
    /// What they are, in a line: `mnist: IDX, 60,000 training and 10,000 test images, …`.
    pub description: String,
    /// What a person should know of them, such as what was passed over.
    pub notes: Vec<String>,
}

impl Dataset {
    /// Puts a data set together and computes its identity.
    ///
    /// # Shapes
    ///
    /// Each part is (images `[image][channel][row][column]`, labels `[image]`).
    ///
    /// # Errors
    ///
    /// [`DataError::Inconsistent`] when a part is empty, its number of bytes is not
    /// images × shape, or a label is not below the number of class names.
    pub fn new(
        name: &str,
        shape: ImageShape,
        class_names: Vec<String>,
        train: (Vec<u8>, Vec<u8>),
        test: (Vec<u8>, Vec<u8>),
        augmentation: AugmentationSpec,
    ) -> Result<Self, DataError> {
        let form = (shape, class_names.len());
        let train = Part::new(train, (name, "training"), form)?;
        let test = Part::new(test, (name, "test"), form)?;
        Self::of(name, shape, class_names, [train, test], augmentation)
    }

    /// A data set of two parts whose labels are below the number of class names.
    pub(super) fn of(
        name: &str,
        shape: ImageShape,
        class_names: Vec<String>,
        [train, test]: [Part; 2],
        augmentation: AugmentationSpec,
    ) -> Result<Self, DataError> {
        let digest = digest(shape, class_names.len() as u32, &train, &test)?;
        let identity = DatasetIdentity { name: name.to_owned(), digest };
        Ok(Self { identity, shape, class_names, train, test, augmentation, taken: None })
    }

    /// A data set whose content is known before it is there: this program computes it.
    pub(super) fn known(
        identity: DatasetIdentity,
        shape: ImageShape,
        class_names: Vec<String>,
        [train, test]: [Part; 2],
        augmentation: AugmentationSpec,
    ) -> Self {
        Self { identity, shape, class_names, train, test, augmentation, taken: None }
    }

    /// The name, such as `cifar10`.
    pub fn name(&self) -> &str {
        &self.identity.name
    }

    /// The name and the digest of the content.
    pub fn identity(&self) -> &DatasetIdentity {
        &self.identity
    }

    /// What the files were taken for, where it was found out by looking at them.
    pub fn taken(&self) -> Option<&Taken> {
        self.taken.as_ref()
    }

    /// How the files were read, where that has to be known to find the same again.
    pub fn reading(&self) -> Option<&Reading> {
        let reading = &self.taken.as_ref()?.reading;
        // CIFAR-10 leaves no choice.
        Some(reading).filter(|reading| reading.format != Some(DataFormat::Cifar10))
    }

    pub(super) fn taken_for(self, taken: Taken) -> Self {
        Self { taken: Some(taken), ..self }
    }

    /// The same images under the name that a record gives them: where they lie, and what that
    /// folder is called, is no part of what they are.
    pub fn named(self, name: &str) -> Self {
        let identity = DatasetIdentity { name: name.to_owned(), ..self.identity };
        Self { identity, ..self }
    }

    /// The digest of what is there, computed anew.
    pub(super) fn content(&self) -> Result<Digest, DataError> {
        digest(self.shape, self.class_names.len() as u32, &self.train, &self.test)
    }

    /// The shape of every image.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// The classes' names, in label order.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The augmentation that suits this data set, unless the user says otherwise.
    pub fn augmentation(&self) -> AugmentationSpec {
        self.augmentation
    }

    /// The training part; the images held out for validation are in it.
    pub fn train(&self) -> &Part {
        &self.train
    }

    /// The test part.
    pub fn test(&self) -> &Part {
        &self.test
    }

    /// The part that a split's indices count in.
    pub fn part(&self, split: Split) -> &Part {
        match split {
            Split::Train | Split::Validation => &self.train,
            Split::Test => &self.test,
        }
    }

    /// The images of a split, ascending.
    pub fn indices(&self, split: Split) -> Vec<ImageIndex> {
        let held_out = |index: u32| index % VALIDATION_EVERY == VALIDATION_EVERY - 1;
        (0..self.part(split).len())
            .filter(|index| match split {
                Split::Train => !held_out(*index),
                Split::Validation => held_out(*index),
                Split::Test => true,
            })
            .map(ImageIndex)
            .collect()
    }

    /// A sentence on a hold-out that does not stand for the images that
    /// train, if it does not: as every tenth image is held out, files whose
    /// labels come in turn have a single class there.
    ///
    /// It is told where several classes train and three images or more of a
    /// single one are held out, where a class of which ten images are to be
    /// expected is not held out at all, and where, of twenty images or more,
    /// half would have to be of other classes for the shares to be the same.
    pub fn lopsided(&self) -> Option<String> {
        const FEWEST: f64 = 3.0;
        const ENOUGH: f64 = 20.0;
        let labels = self.train.labels();
        let (mut all, mut held) = (vec![0_u32; self.class_names.len()], vec![0_u32; self.class_names.len()]);
        for label in labels {
            all[usize::from(*label)] += 1;
        }
        for index in self.validation_indices() {
            held[usize::from(labels[index.0 as usize])] += 1;
        }
        let taken = f64::from(held.iter().sum::<u32>());
        let expected: Vec<f64> =
            all.iter().map(|&count| taken * f64::from(count) / f64::from(self.train.len())).collect();
        let excess = |class: usize| f64::from(held[class]) - expected[class];
        let classes = |counts: &[u32]| counts.iter().filter(|&&count| count > 0).count();
        let single = taken >= FEWEST && classes(&held) == 1 && classes(&all) > 1;
        let lacking = (0..all.len()).any(|class| held[class] == 0 && expected[class] >= 10.0);
        let elsewhere: f64 = (0..all.len()).map(|class| excess(class).max(0.0)).sum();
        if !(single || lacking || taken >= ENOUGH && elsewhere > taken / 2.0) {
            return None;
        }
        let most = (0..all.len()).max_by(|&left, &right| excess(left).total_cmp(&excess(right)))?;
        Some(format!(
            "the images held out for validation (every {VALIDATION_EVERY}th) do not stand for those that train: {} of \
             {} classes are among them, and {} of {taken} are of class {} ({} of {} training images): validation says \
             little; put the files' records in a random order",
            classes(&held),
            classes(&all),
            held[most],
            self.class_names[most],
            all[most],
            self.train.len(),
        ))
    }

    /// The images that train, ascending.
    pub fn train_indices(&self) -> Vec<ImageIndex> {
        self.indices(Split::Train)
    }

    /// The images of the training part that are held out for validation, ascending.
    pub(crate) fn validation_indices(&self) -> Vec<ImageIndex> {
        self.indices(Split::Validation)
    }
}

/// What each byte becomes as a network's input: `v / 255 − 0.5`, each operation
/// rounded to `f32`.
static INPUT_OF_BYTE: [f32; 256] = {
    let mut table = [0.0; 256];
    let mut v = 0;
    while v < 256 {
        table[v] = v as f32 / 255.0 - 0.5;
        v += 1;
    }
    table
};

/// Turns an image's bytes into a network's input, `v / 255 − 0.5`.
///
/// # Panics
///
/// If the lengths differ, which is a mistake of the caller and never of the data.
pub fn decode(image: &[u8], out: &mut [f32]) {
    assert_eq!(image.len(), out.len(), "an image and its decoded form have one length");
    for (value, byte) in out.iter_mut().zip(image) {
        *value = INPUT_OF_BYTE[usize::from(*byte)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { channels: 1, height: 1, width: 2 };

    fn dataset(train: (Vec<u8>, Vec<u8>), test: (Vec<u8>, Vec<u8>)) -> Result<Dataset, DataError> {
        let names = vec!["a".to_owned(), "b".to_owned()];
        Dataset::new("tiny", SHAPE, names, train, test, AugmentationSpec::NONE)
    }

    #[test]
    fn bytes_become_inputs_as_runtime_arithmetic_says() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut inputs = vec![0.0; 256];
        decode(&bytes, &mut inputs);
        for (byte, input) in bytes.iter().zip(&inputs) {
            let expected = f32::from(std::hint::black_box(*byte)) / 255.0 - 0.5;
            assert_eq!(input.to_bits(), expected.to_bits());
        }
        assert_eq!((inputs[0], inputs[255]), (-0.5, 0.5));
    }

    #[test]
    fn every_tenth_image_is_held_out() {
        let train = (vec![0; 50], vec![0; 25]);
        let all = dataset(train, (vec![0; 4], vec![0; 2])).unwrap();
        assert_eq!(all.validation_indices(), [ImageIndex(9), ImageIndex(19)]);
        assert_eq!(all.train_indices().len(), 23);
        assert!(!all.train_indices().contains(&ImageIndex(19)));
        assert_eq!(all.indices(Split::Test), [ImageIndex(0), ImageIndex(1)]);
    }

    fn labelled(labels: Vec<u8>) -> Dataset {
        let names = (0..10).map(|class| format!("class {class}")).collect();
        let train = (vec![0; 2 * labels.len()], labels);
        Dataset::new("tiny", SHAPE, names, train, (vec![0; 2], vec![0]), AugmentationSpec::NONE).unwrap()
    }

    /// Labels 0 to 9 in turn: every tenth image is a 9, validation was 0.0 %,
    /// and nobody said why.
    #[test]
    fn a_hold_out_of_other_classes_than_train_is_told() {
        let in_turn = |count: u32| labelled((0..count).map(|image| (image % 10) as u8).collect());
        for count in [30, 1_000, 5_000] {
            let told = in_turn(count).lopsided().unwrap();
            let held = count / 10;
            assert!(told.contains("1 of 10 classes"), "{told}");
            assert!(told.contains(&format!("{held} of {held} are of class class 9")), "{told}");
        }
        // One class of nine is never held out, among 2,000 images.
        let label = |image: u32| if image % 10 == 9 { image / 10 % 8 } else { image % 10 };
        let never = labelled((0..2_000).map(|image| label(image) as u8).collect());
        assert!(never.lopsided().unwrap().contains("8 of 9 classes"));
    }

    #[test]
    fn a_hold_out_that_chance_gives_is_no_news() {
        for (seed, count) in (0..300).zip([20, 100, 1_000, 3_000].into_iter().cycle()) {
            let mut stream = crate::data::Stream::new("labels", &[seed]);
            let drawn = labelled((0..count).map(|_| stream.below(10) as u8).collect());
            assert_eq!(drawn.lopsided(), None, "seed {seed}, {count} images");
        }
        let sorted = labelled((0..1_000).map(|image| (image / 100) as u8).collect());
        assert_eq!(sorted.lopsided(), None, "every tenth of sorted files has all classes");
        assert_eq!(labelled(vec![0; 100]).lopsided(), None, "one class trains");
        assert_eq!(labelled(vec![0; 5]).lopsided(), None, "nothing is held out");
        for name in ["digits", "shapes"] {
            assert_eq!(crate::data::load(name, None).unwrap().lopsided(), None, "{name}");
        }
    }

    #[test]
    fn identity_ignores_order_and_nothing_else() {
        let digest = |train: [u8; 6], labels: [u8; 3], test: [u8; 2]| {
            let all = dataset((train.into(), labels.into()), (test.into(), vec![1]));
            all.unwrap().identity().digest
        };
        let base = digest([1, 2, 3, 4, 5, 6], [0, 1, 0], [7, 8]);
        assert_eq!(base, digest([3, 4, 5, 6, 1, 2], [1, 0, 0], [7, 8]));
        assert_ne!(base, digest([3, 4, 5, 6, 1, 2], [0, 1, 0], [7, 8]), "labels moved");
        assert_ne!(base, digest([1, 2, 3, 4, 5, 7], [0, 1, 0], [7, 8]), "a pixel");
        assert_ne!(base, digest([1, 2, 3, 4, 7, 8], [0, 1, 1], [5, 6]), "parts exchanged");
        let other = ImageShape { channels: 2, height: 1, width: 1 };
        let parts = [(vec![1, 2, 3, 4, 5, 6], vec![0, 1, 0]), (vec![7, 8], vec![1])];
        let [train, test] = parts;
        let names = vec!["a".to_owned(), "b".to_owned()];
        let all = Dataset::new("tiny", other, names, train, test, AugmentationSpec::NONE).unwrap();
        assert_ne!(base, all.identity().digest, "shape");
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let good = || (vec![0; 4], vec![0, 1]);
        assert!(dataset(good(), good()).is_ok());
        assert!(dataset((vec![], vec![]), good()).is_err());
        let message = |r: Result<Dataset, DataError>| r.unwrap_err().to_string();
        let short = message(dataset(good(), (vec![0; 3], vec![0, 1])));
        assert!(short.contains("test part") && short.contains("3 bytes"), "{short}");
        let label = message(dataset((vec![0; 4], vec![0, 2]), good()));
        assert!(label.contains("below 2") && label.contains("2 at image 1"), "{label}");
    }

    #[test]
    fn an_image_past_the_end_is_an_error() {
        let all = dataset((vec![1, 2, 3, 4], vec![0, 1]), (vec![0; 2], vec![0])).unwrap();
        assert_eq!(*all.train().image(ImageIndex(1)).unwrap(), [3, 4]);
        assert_eq!(all.train().label(ImageIndex(1)).unwrap(), 1);
        let error = all.train().image(ImageIndex(2)).unwrap_err().to_string();
        assert!(error.contains("image 2") && error.contains("below 2"), "{error}");
        assert!(all.train().label(ImageIndex(u32::MAX)).is_err());
    }
}
