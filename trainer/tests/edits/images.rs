//! Training images that are left out, relabelled and weighed.

use std::sync::Arc;

use proptest::prelude::*;
use revacnn_schemas::{
    AugmentationSpec, DataCursor, Epoch, ImageChanges, ImageIndex, ImageSet, Observer, ObserverError, Step, StepView,
    Wanted,
};
use revacnn_trainer::data::{Dataset, Part, Split, epoch_order};
use revacnn_trainer::{Trainer, of_dataset, seen_by_fork, were_asked};
use serde_json::{Value, json};

use crate::common::trainer;
use crate::support::{child, dataset, edited, edits, layers, state_digest, train, trained};

/// What draws for each image: dropout.
fn dropping_layers() -> Value {
    json!([
        {"kind": "conv", "filters": 5, "kernel": 3, "activation": "relu"},
        {"kind": "dropout", "rate": 0.3},
        {"kind": "fully-connected", "units": 6, "activation": "tanh"},
    ])
}

fn sgd() -> Value {
    json!({"kind": "sgd", "learning_rate": 0.02, "momentum": 0.5})
}

/// An epoch's order without what is dropped, trained on by hand: each step from a state whose
/// cursor stands at the image's place in the order of all.
#[test]
fn to_drop_images_is_to_train_on_the_others_in_their_order() {
    let mut parent = trainer(dropping_layers(), sgd(), 1, &dataset());
    train(&mut parent, 50);
    let dropped: ImageSet = "0-31,40,77,120-149".parse().unwrap();
    let mut fork = child(&edited(&parent, &["drop-images 0-31,40,77,120-149"]), 1);
    let all = dataset().train_indices();
    let kept = all.iter().filter(|image| !dropped.contains(**image)).count();
    assert_eq!(fork.epoch_images() as usize, kept);
    let mut hand = child(&edited(&parent, &[]), 1);
    let seed = parent.definition().seed;
    let places = (0..2).flat_map(|epoch| {
        let order = epoch_order(seed, epoch, &all).into_iter().enumerate();
        order.map(move |(place, image)| (epoch, place as u32, image))
    });
    let left = places.skip(50).filter(|(_, _, image)| !dropped.contains(*image));
    let mut steps = 0;
    for (epoch, place, _) in left {
        let mut state = hand.state();
        state.cursor = DataCursor { epoch: Epoch(epoch), offset: place, ..state.cursor };
        hand.restore(&state).unwrap();
        let (ours, theirs) = (fork.step().unwrap(), hand.step().unwrap());
        assert_eq!(ours.loss.to_bits(), theirs.loss.to_bits());
        steps += 1;
        assert_eq!(fork.digest(), hand.digest(), "step {steps}, place {place} of epoch {epoch}");
    }
    assert_eq!((fork.cursor().epoch, fork.cursor().offset), (Epoch(2), 0));
    assert_eq!(fork.cursor().images_seen, 50 + steps);
    assert!(steps > kept as u64, "the rest of an epoch and a whole one");
}

/// Also where the fork's first own batch begins with images that are dropped, and where none is left.
#[test]
fn a_fork_in_an_epochs_midst_trains_on_what_is_left_of_it() {
    let parent = trained(layers(), 8);
    let cursor = parent.cursor();
    assert_eq!((cursor.offset, cursor.images_seen), (96, 96));
    let order = epoch_order(parent.definition().seed, 0, &dataset().train_indices());
    let list = |images: &[ImageIndex]| images.iter().copied().collect::<ImageSet>();
    let after = |images: &[ImageIndex]| {
        let edited = edited(&parent, &[&format!("drop-images {}", list(images))]);
        let mut fork = child(&edited, 1);
        let (seen, epoch) = (fork.epoch_seen(), fork.cursor().epoch);
        let mut steps = 0;
        while fork.cursor().epoch == epoch {
            train(&mut fork, 1);
            steps += 1;
        }
        (seen, steps, epoch, fork.cursor().images_seen)
    };
    // 39 images are left: four batches; 7 of those seen are dropped.
    assert_eq!(after(&order[10..17]), (89, 4, Epoch(0), 135));
    assert_eq!(after(&order[96..100]), (96, 3, Epoch(0), 131));
    assert_eq!(after(&order[130..]), (96, 3, Epoch(0), 130));
    // Nothing of the first epoch is left, so that the second begins.
    assert_eq!(after(&order[96..]), (0, 8, Epoch(1), 192));
}

#[test]
fn a_relabelled_image_is_that_of_a_data_set_with_the_label() {
    let data = dataset();
    let mut labels = data.train().labels().to_vec();
    for (image, class) in [(3, 0), (17, 0), (40, 2), (41, 2), (42, 3)] {
        labels[image] = class;
    }
    let pixels = |part: &Part| -> Vec<u8> {
        (0..part.len()).flat_map(|image| part.image(ImageIndex(image)).unwrap().into_owned()).collect()
    };
    let (train_part, test_part) = (pixels(data.train()), pixels(data.test()));
    let test = (test_part, data.test().labels().to_vec());
    let names = data.class_names().to_vec();
    let other = Dataset::new("other", data.shape(), names, (train_part, labels), test, AugmentationSpec::NONE).unwrap();
    let mut expected = trainer(layers(), sgd(), 12, &Arc::new(other));
    let parent = trainer(layers(), sgd(), 12, &data);
    let mut fork = child(&edited(&parent, &["relabel 3,17 'class 0' 40-41 2 42 class:3"]), 2);
    for step in 1..=25 {
        let (ours, theirs) = (fork.step().unwrap(), expected.step().unwrap());
        assert_eq!((ours.loss.to_bits(), ours.correct), (theirs.loss.to_bits(), theirs.correct), "step {step}");
        assert_eq!(fork.digest(), expected.digest(), "step {step}");
    }
    for split in [Split::Train, Split::Validation, Split::Test] {
        assert_eq!(fork.evaluate(split).unwrap(), expected.evaluate(split).unwrap());
    }
    // Back again, it is as the parent's.
    let back = fork.edited(&edits(&["relabel 3 3 17 1 40 0 41 1 42 2"])).unwrap();
    assert_eq!(&back.definition, parent.definition());
}

/// In a batch of eight, with a weight of 0 for seven, the gradient is an eighth of that of the eighth
/// alone, bit by bit, as eight is a power of two.
#[test]
fn an_image_of_weight_0_leaves_the_gradient_of_the_others() {
    let mut parent = trainer(dropping_layers(), sgd(), 8, &dataset());
    train(&mut parent, 3);
    let order = epoch_order(parent.definition().seed, 0, &dataset().train_indices());
    for place in [24_usize, 27, 31] {
        let others: ImageSet = (24..32).filter(|&other| other != place).map(|other| order[other]).collect();
        let mut weighed = child(&edited(&parent, &[&format!("weight-images {others} 0")]), 1);
        let single = edited(&parent, &["set batch-size 1"]);
        let mut alone = Trainer::of_branch(&single.definition, &single.topology, dataset(), 1).unwrap();
        let mut state = single.state.clone();
        state.cursor.offset = place as u32;
        alone.restore(&state).unwrap();
        let (ours, theirs) = (weighed.step().unwrap(), alone.step().unwrap());
        assert_eq!(ours.loss, theirs.loss / 8.0);
        let eighth = |values: &[f32]| values.iter().map(|value| value / 8.0).collect::<Vec<_>>();
        for ((weights, biases), (whole, whole_biases)) in weighed.gradients().iter().zip(alone.gradients()) {
            assert_eq!((weights, biases), (&eighth(whole), &eighth(whole_biases)), "place {place}");
        }
    }
}

#[test]
fn a_weight_counts_an_image_so_many_times_and_a_weight_of_1_changes_no_bit() {
    let mut parent = trainer(dropping_layers(), sgd(), 8, &dataset());
    train(&mut parent, 3);
    let order = epoch_order(parent.definition().seed, 0, &dataset().train_indices());
    let image = order[26];
    let step = |edit: &str| {
        let mut fork = child(&edited(&parent, &[edit]), 1);
        let outcome = fork.step().unwrap();
        (outcome, fork.gradients().to_vec(), fork.digest())
    };
    let mut plain = child(&edited(&parent, &[]), 1);
    let whole = plain.step().unwrap();
    // An image that is not in the batch.
    let (outcome, gradients, digest) = step(&format!("weight-images {} 7.5", order[60]));
    assert_eq!((outcome.loss.to_bits(), digest), (whole.loss.to_bits(), plain.digest()));
    assert_eq!(gradients, plain.gradients());
    let (without, none, _) = step(&format!("weight-images {image} 0"));
    let (thrice, three, _) = step(&format!("weight-images {image} 3"));
    assert_eq!((without.correct, thrice.correct), (whole.correct, whole.correct), "accuracy is not weighed");
    let loss = f64::from(whole.loss) - f64::from(without.loss);
    assert!((f64::from(thrice.loss) - f64::from(without.loss) - 3.0 * loss).abs() < 1e-5);
    for (layer, (weights, _)) in plain.gradients().iter().enumerate() {
        for (index, &gradient) in weights.iter().enumerate() {
            let (none, three) = (f64::from(none[layer].0[index]), f64::from(three[layer].0[index]));
            let expected = none + 3.0 * (f64::from(gradient) - none);
            assert!((three - expected).abs() < 1e-5, "{three}, {expected}");
        }
    }
}

#[test]
fn a_probe_image_has_its_label_also_where_it_is_dropped() {
    let parent = trained(layers(), 2);
    let gradients = |texts: &[&str]| {
        struct Last(Vec<f32>);
        impl Observer for Last {
            fn wanted(&self, _step: Step, _cursor: DataCursor) -> Wanted {
                Wanted { probes: true, ..Default::default() }
            }

            fn observe(&mut self, view: &StepView<'_>) -> Result<(), ObserverError> {
                self.0 = view.blocks.last().unwrap().gradients.to_vec();
                Ok(())
            }
        }
        let mut last = Last(Vec::new());
        child(&edited(&parent, texts), 1).show(&[ImageIndex(3)], &mut last).unwrap();
        last.0
    };
    let (plain, relabelled) = (gradients(&[]), gradients(&["relabel 3 0"]));
    assert_eq!(plain.iter().map(|gradient| *gradient < 0.0).collect::<Vec<_>>(), [false, false, false, true]);
    assert_eq!(relabelled.iter().map(|gradient| *gradient < 0.0).collect::<Vec<_>>(), [true, false, false, false]);
    assert_eq!(gradients(&["drop-images 3"]), plain);
    assert_eq!(gradients(&["relabel 3 0", "drop-images 3"]), relabelled);
}

#[test]
fn what_is_asked_is_what_is_recorded_however_it_is_written() {
    let parent = trained(layers(), 2);
    for (asked, same, others) in [
        ("drop-images 7-11,3", "drop-images 3,7,8,10-11", &["drop-images 3,7,8", "drop-images 3,7-12"][..]),
        ("relabel 3,7 'class 0' 4 1", "relabel 4 class:1 3,7 class:0", &["relabel 3,7 1 4 1", "relabel 3 0 4 1"][..]),
        ("weight-images 3 2 4-6 0.5", "weight-images 4-6 5e-1 3 2.0", &["weight-images 3 2 4-6 0.25"][..]),
    ] {
        let recorded = edited(&parent, &[asked]).edits;
        assert_eq!(edited(&parent, &[same]).edits, recorded, "{asked}");
        let is = |text: &str| {
            let asked = of_dataset(&edits(&[text]), &dataset()).unwrap();
            were_asked(&recorded, &asked, parent.definition(), parent.position())
        };
        assert!(is(asked) && is(same), "{asked}");
        assert!(others.iter().all(|other| !is(other)), "{asked}");
        // As a notebook has it: written in full, and read again.
        assert_eq!(recorded[0].in_full().parse(), Ok(recorded[0].clone()));
    }
}

#[test]
fn edits_of_images_add_up_and_refuse_what_is_dropped() {
    let parent = trained(layers(), 2);
    let texts = ["relabel 3-5 0", "weight-images 3-7 2", "drop-images 5,30-50", "relabel 3 1", "weight-images 3 1"];
    let changes = edited(&parent, &texts).definition.images;
    assert_eq!((changes.of, changes.dropped.to_string()), (135, "5,30-38,40-48,50".to_owned()));
    let labels: Vec<(u32, String)> =
        changes.labels.iter().map(|labelled| (labelled.class, labelled.images.to_string())).collect();
    // Image 4 has class 0 in the data set; image 5 keeps its label though it is dropped.
    assert_eq!(labels, [(0, "5".to_owned()), (1, "3".to_owned())]);
    let weights: Vec<String> = changes.weights.iter().map(|weighted| weighted.images.to_string()).collect();
    assert_eq!(weights, ["4,6-7"]);
    for (texts, reason) in [
        (["drop-images 3-4", "drop-images 4-6"], "cannot drop-images 4-6: image 4 is dropped already"),
        (["drop-images 3", "relabel 3 0"], "image 3 is dropped, and is not trained on"),
        (["drop-images 3", "weight-images 2-3 0"], "image 3 is dropped, and is not trained on"),
        (["weight-images 0-100 0", "drop-images 101-149"], "all images that are trained on would have weight 0"),
        (["drop-images 0-120", "set batch-size 30"], "batch-size must be"),
        (["set batch-size 100", "drop-images 0-40"], "98 images would be left to train on"),
    ] {
        let error = parent.edited(&edits(&texts)).unwrap_err().to_string();
        assert!(error.contains(reason), "{texts:?}: {error}");
    }
}

/// What a record of a stranger says is looked at before a trainer is built.
#[test]
fn changes_that_do_not_fit_the_data_are_refused() {
    let parent = trained(layers(), 2);
    let fork = edited(&parent, &["relabel 3 0", "weight-images 4 2", "drop-images 5"]);
    let built = |change: &dyn Fn(&mut ImageChanges)| {
        let mut definition = fork.definition.clone();
        change(&mut definition.images);
        Trainer::of_branch(&definition, &fork.topology, dataset(), 1).map(drop).map_err(|error| error.to_string())
    };
    let set = |text: &str| text.parse::<ImageSet>().unwrap();
    assert_eq!(built(&|_| {}), Ok(()));
    let billions = set("0-4294967295");
    for (says, result) in [
        ("image 9", built(&|images| images.dropped = set("9"))),
        ("image 9", built(&|images| images.dropped = billions.clone())),
        ("image 150", built(&|images| images.labels[0].images = set("150"))),
        ("4 of 4", built(&|images| images.labels[0].class = 4)),
        ("weight", built(&|images| images.weights[0].weight = -1.0)),
        ("weight", built(&|images| images.weights[0].weight = f32::NAN)),
        ("134 of 135", built(&|images| images.of = 134)),
        ("two of one image", built(&|images| images.labels.push(images.labels[0].clone()))),
        ("of 1 training images", built(&|images| images.dropped = set("1-8,10-149").minus(&set(&held_out())))),
    ] {
        let error = result.unwrap_err();
        assert!(error.contains(says), "{says}: {error}");
    }
}

fn held_out() -> String {
    (0..15).map(|ten| (10 * ten + 9).to_string()).collect::<Vec<_>>().join(",")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Twice in a lineage, at any steps: each image of an epoch that is kept is trained on once, and the
    /// counts that need no trainer are those of the trainer.
    #[test]
    fn an_epoch_has_each_image_that_is_kept_once(
        first in prop::collection::btree_set(0_u32..150, 1..40),
        second in prop::collection::btree_set(0_u32..150, 1..40),
        before in 0_usize..14,
        between in 0_usize..14,
    ) {
        let split: ImageSet = dataset().train_indices().into_iter().collect();
        let set = |numbers: &std::collections::BTreeSet<u32>| {
            numbers.iter().copied().map(ImageIndex).collect::<ImageSet>().intersection(&split)
        };
        let first = set(&first);
        let second = set(&second).minus(&first);
        prop_assume!(!first.is_empty() && !second.is_empty());
        let tiny = json!([{"kind": "conv", "filters": 2, "kernel": 3, "stride": 4}]);
        let mut parent = trainer(tiny, sgd(), 12, &dataset());
        let (mut trained_on, mut all) = (Vec::new(), Vec::new());
        for (dropped, steps) in [(first.clone(), before), (second.clone(), between)] {
            for _ in 0..steps {
                prop_assert_eq!(parent.step().unwrap().divergence, None);
            }
            let cursor = parent.cursor();
            let seen = u64::from(parent.epoch_seen());
            let edited = edited(&parent, &[&format!("drop-images {dropped}")]);
            let counted =
                seen_by_fork(parent.definition(), &edited.definition, &dataset(), cursor.epoch, seen);
            let fork = child(&edited, 1);
            let (own, images) = (u64::from(fork.epoch_seen()), u64::from(fork.epoch_images()));
            match fork.cursor().epoch == cursor.epoch {
                true => prop_assert_eq!(counted, (own, images)),
                false => prop_assert_eq!((counted, own), ((images, images), 0)),
            }
            parent = fork;
        }
        let epoch = parent.cursor().epoch;
        let order = epoch_order(parent.definition().seed, epoch.0, &dataset().train_indices());
        let left = order.into_iter().skip(parent.cursor().offset as usize);
        all.extend(left.filter(|image| !first.contains(*image) && !second.contains(*image)));
        while parent.cursor().epoch == epoch {
            parent.step().unwrap();
            trained_on.extend(samples_of(&mut parent));
        }
        prop_assert_eq!(&trained_on, &all);
        let mut again = Trainer::of_branch(parent.definition(), parent.topology(), dataset(), 2).unwrap();
        again.restore(&parent.state()).unwrap();
        train(&mut again, 3);
        train(&mut parent, 3);
        prop_assert_eq!(state_digest(&again), state_digest(&parent));
    }
}

/// The images of the last batch.
fn samples_of(trainer: &mut Trainer) -> Vec<ImageIndex> {
    struct Seen(Vec<ImageIndex>);
    impl Observer for Seen {
        fn wanted(&self, _step: Step, _cursor: DataCursor) -> Wanted {
            Wanted::default()
        }

        fn observe(&mut self, view: &StepView<'_>) -> Result<(), ObserverError> {
            self.0 = view.samples.iter().map(|sample| sample.image).collect();
            Ok(())
        }
    }
    let mut seen = Seen(Vec::new());
    trainer.show(&[], &mut seen).unwrap();
    seen.0
}
