//! What a training has made of each image, from what came of it each time it was seen.
//!
//! Sources: Toneva et al., *An Empirical Study of Example Forgetting during Deep Neural Network
//! Learning* (2019), for what is forgotten and what is never learned; Pleiss et al., *Identifying
//! Mislabeled Data using the Area Under the Margin Ranking* (2020), for the idea that a wrong label
//! shows in what the network says against it over the whole training.

use std::collections::BTreeMap;

use revacnn_schemas::{ImageIndex, Sample, Step};

/// What a training has made of one image, under the label that it had last: one that was given another
/// label begins anew there.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageHistory {
    /// The image.
    pub image: ImageIndex,
    /// Its class, when it was seen last.
    pub label: u32,
    /// How often it was seen.
    pub seen: u32,
    /// How often it was predicted right; `None` where no class was predicted of it, by a network
    /// that gives back the image.
    pub right: Option<u32>,
    /// How often it was predicted wrong when it had been predicted right the time before; `None`
    /// where no class was predicted of it.
    pub forgotten: Option<u32>,
    /// Its mean loss.
    pub mean_loss: f64,
    /// The step at which it was seen last, and what came of it there.
    pub last: (Step, Sample),
    /// The other class that the network says most of it.
    pub against: Option<Against>,
}

/// What a network says for another class than an image's own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Against {
    /// The class.
    pub class: u32,
    /// How often it was predicted.
    pub times: u32,
    /// The sum of the class layer's outputs where it was, over how often the image was seen:
    /// under softmax between 0 and 1, where 1 is always and with certainty.
    pub weight: f64,
}

/// An order of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ranking {
    /// The largest mean loss first.
    #[default]
    Hardest,
    /// Forgotten most often first; what was never forgotten is not among them.
    Forgotten,
    /// Never predicted right, the largest mean loss first.
    NeverLearned,
    /// The largest [weight](Against::weight) of another class first; what was never predicted as
    /// another class is not among them.
    Mislabelled,
}

/// The histories of all images that were seen, by their index. Samples come in the order of steps. A
/// history ends where its image was dropped, and begins where it was given its label.
pub fn image_histories(samples: impl IntoIterator<Item = (Step, Sample)>) -> Vec<ImageHistory> {
    struct Growing {
        seen: u32,
        /// Whether a class was ever predicted of it.
        predicted: bool,
        right: u32,
        forgotten: u32,
        loss: f64,
        last: (Step, Sample),
        /// By class: how often, and the sum of outputs.
        others: BTreeMap<u32, (u32, f64)>,
    }
    let mut all: BTreeMap<ImageIndex, Growing> = BTreeMap::new();
    for (step, sample) in samples {
        let begun = || Growing {
            seen: 0,
            predicted: false,
            right: 0,
            forgotten: 0,
            loss: 0.0,
            last: (step, sample),
            others: BTreeMap::new(),
        };
        let growing = all.entry(sample.image).or_insert_with(begun);
        if growing.last.1.label != sample.label {
            *growing = begun();
        }
        let is_right = |sample: &Sample| sample.predicted == Some(sample.label);
        // At the first time, this one.
        let (_, before) = growing.last;
        growing.seen += 1;
        growing.loss += f64::from(sample.loss);
        growing.last = (step, sample);
        let Some(predicted) = sample.predicted else { continue };
        growing.predicted = true;
        growing.right += u32::from(is_right(&sample));
        growing.forgotten += u32::from(is_right(&before) && !is_right(&sample));
        if !is_right(&sample) {
            let (times, outputs) = growing.others.entry(predicted).or_default();
            *times += 1;
            *outputs += f64::from(sample.output.unwrap_or_default());
        }
    }
    let history = |(image, growing): (ImageIndex, Growing)| {
        let Growing { seen, predicted, right, forgotten, loss, last, others } = growing;
        let weigh = |(class, (times, outputs))| Against { class, times, weight: outputs / f64::from(seen) };
        // The lowest class of equals: `max_by` takes the last of them.
        let against = others.into_iter().rev().map(weigh).max_by(|one, other| one.weight.total_cmp(&other.weight));
        ImageHistory {
            image,
            label: last.1.label,
            seen,
            right: predicted.then_some(right),
            forgotten: predicted.then_some(forgotten),
            mean_loss: loss / f64::from(seen),
            last,
            against,
        }
    };
    all.into_iter().map(history).collect()
}

/// The images that belong to a ranking, first the first of it; equals by their index.
pub fn ranked(histories: &[ImageHistory], by: Ranking) -> Vec<&ImageHistory> {
    let score = |history: &ImageHistory| match by {
        Ranking::Hardest => Some(history.mean_loss),
        Ranking::Forgotten => history.forgotten.filter(|times| *times > 0).map(f64::from),
        Ranking::NeverLearned => (history.right == Some(0)).then_some(history.mean_loss),
        Ranking::Mislabelled => history.against.map(|against| against.weight),
    };
    // A loss that is no number is the hardest, whichever its sign.
    let order = |score: f64| if score.is_nan() { f64::INFINITY } else { score };
    let mut found: Vec<(f64, &ImageHistory)> =
        histories.iter().filter_map(|history| Some((order(score(history)?), history))).collect();
    found.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.image.cmp(&other.1.image)));
    found.into_iter().map(|(_, history)| history).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(step: u64, image: u32, label: u32, predicted: u32, output: f32, loss: f32) -> (Step, Sample) {
        let (predicted, output) = (Some(predicted), Some(output));
        (Step(step), Sample { image: ImageIndex(image), label, predicted, output, loss })
    }

    #[test]
    fn an_image_is_forgotten_where_it_was_right_and_is_wrong() {
        let histories = image_histories([
            seen(1, 7, 0, 1, 0.6, 2.0),
            seen(1, 3, 1, 1, 0.9, 0.1),
            seen(2, 7, 0, 0, 0.5, 0.7),
            seen(3, 7, 0, 2, 0.4, 1.2),
            seen(4, 7, 0, 0, 0.9, 0.1),
            seen(5, 7, 0, 1, 0.8, 3.0),
        ]);
        assert_eq!(histories.iter().map(|history| history.image.0).collect::<Vec<_>>(), [3, 7]);
        let all = &histories[1];
        assert_eq!((all.seen, all.right, all.forgotten, all.last.0), (5, Some(2), Some(2), Step(5)));
        assert!((all.mean_loss - 1.4).abs() < 1e-6);
        let against = all.against.unwrap();
        assert_eq!((against.class, against.times), (1, 2));
        assert!((against.weight - 1.4 / 5.0).abs() < 1e-6);
        assert_eq!((histories[0].against, histories[0].forgotten), (None, Some(0)));
    }

    /// What was said against a wrong label says nothing against the right one, and to be right by the
    /// one and wrong by the other is no forgetting.
    #[test]
    fn an_image_of_another_label_begins_anew() {
        let histories = image_histories([
            seen(1, 7, 0, 1, 0.9, 2.0),
            seen(2, 7, 0, 0, 0.5, 0.7),
            seen(3, 7, 1, 0, 0.6, 0.9),
            seen(4, 7, 1, 1, 0.8, 0.2),
        ]);
        let all = &histories[0];
        assert_eq!((all.label, all.seen, all.right, all.forgotten), (1, 2, Some(1), Some(0)));
        assert!((all.mean_loss - 0.55).abs() < 1e-6);
        assert_eq!(all.against.map(|against| (against.class, against.times)), Some((0, 1)));
    }

    #[test]
    fn rankings_have_what_belongs_to_them_and_equals_by_index() {
        let histories = image_histories([
            seen(1, 0, 0, 0, 0.9, 0.1),
            seen(1, 1, 0, 1, 0.9, 2.0),
            seen(1, 2, 0, 1, 0.5, 2.0),
            seen(1, 3, 0, 0, 0.6, f32::NAN),
            seen(2, 0, 0, 1, 0.3, 1.0),
        ]);
        let of = |by| ranked(&histories, by).into_iter().map(|history| history.image.0).collect::<Vec<_>>();
        assert_eq!(of(Ranking::Hardest), [3, 1, 2, 0]);
        assert_eq!(of(Ranking::Forgotten), [0]);
        assert_eq!(of(Ranking::NeverLearned), [1, 2]);
        assert_eq!(of(Ranking::Mislabelled), [1, 2, 0]);
        assert!(ranked(&[], Ranking::Hardest).is_empty());
    }

    /// Without a class that is predicted, an image is neither right nor forgotten nor never learned.
    #[test]
    fn what_predicts_no_class_has_losses_alone() {
        let of = |step: u64, image: u32, loss: f32| {
            let sample = Sample { image: ImageIndex(image), label: 0, predicted: None, output: None, loss };
            (Step(step), sample)
        };
        let histories = image_histories([of(1, 0, 2.0), of(1, 1, 5.0), of(2, 0, 1.0)]);
        assert_eq!((histories[0].seen, histories[0].mean_loss), (2, 1.5));
        assert!(
            histories.iter().all(|history| (history.right, history.forgotten, history.against) == (None, None, None))
        );
        let of = |by| ranked(&histories, by).into_iter().map(|history| history.image.0).collect::<Vec<_>>();
        assert_eq!(of(Ranking::Hardest), [1, 0]);
        for by in [Ranking::Forgotten, Ranking::NeverLearned, Ranking::Mislabelled] {
            assert!(of(by).is_empty(), "{by:?}");
        }
    }
}
