//! Training images that are left out, and their labels and weights.

use revacnn_schemas::{
    Change, ClassWord, Edit, ImageChanges, ImageSet, LabelledImages, RelabelledImages, WeightedImages, bytes, count,
    counted,
};

use super::draft::Draft;
use super::outcome::{Done, Refusal, Source};
use super::settings::refuse_same;
use crate::data::{Dataset, VALIDATION_EVERY};
use crate::layers::require_classes;
use crate::trainer::TrainingImages;
use crate::{Trainer, TrainerError};

/// What is written of the images of an edit, and of those of a branch, is at most so many bytes long: it
/// stands in the branch's description, which is read with each look at the store.
const MOST_WRITTEN: usize = 8 << 20;

/// These edits with what they say of images as a fork records it: classes by their numbers, and of
/// ranges the images that are trained on.
///
/// # Errors
/// Images that are not trained on, and classes that there are not.
pub fn of_dataset(edits: &[Edit], dataset: &Dataset) -> Result<Vec<Edit>, TrainerError> {
    let of_dataset = |edit: &Edit| {
        let named = |reason| TrainerError::Edit { edit: edit.to_string(), reason };
        Ok(Edit { change: resolved(&edit.change, dataset).map_err(named)?, seed: edit.seed })
    };
    edits.iter().map(of_dataset).collect()
}

fn resolved(change: &Change, dataset: &Dataset) -> Result<Change, String> {
    let is_of_images =
        matches!(change, Change::DropImages { .. } | Change::Relabel { .. } | Change::WeightImages { .. });
    if !is_of_images {
        return Ok(change.clone());
    }
    let split = dataset.train_indices().into_iter().collect();
    match change {
        Change::DropImages { images } => Ok(Change::drop_images(trained(images, &split, dataset)?)),
        Change::Relabel { labels } => {
            let given = |RelabelledImages { class, images }: &RelabelledImages| {
                Ok((ClassWord::Number(class_of(class, dataset)?), trained(images, &split, dataset)?))
            };
            Change::relabel(labels.iter().map(given).collect::<Result<Vec<_>, String>>()?)
        }
        Change::WeightImages { weights } => {
            let given = |WeightedImages { weight, images }: &WeightedImages| {
                if !weight.is_finite() || *weight < 0.0 {
                    return Err(format!("a weight must be a finite number of at least 0, found {weight}"));
                }
                Ok((*weight, trained(images, &split, dataset)?))
            };
            Change::weigh(weights.iter().map(given).collect::<Result<Vec<_>, String>>()?)
        }
        other => Ok(other.clone()),
    }
}

/// Of these images those that train. Of a range those that are held out are passed over; one that
/// is named alone is refused.
fn trained(images: &ImageSet, split: &ImageSet, dataset: &Dataset) -> Result<ImageSet, String> {
    let all = dataset.train().len();
    match images.last() {
        None => return Err("expected at least one image, found none".to_owned()),
        Some(last) if last.0 >= all => {
            return Err(format!(
                "there is no image {last}: the data set's training part has images 0 to {}, of which every \
                 {VALIDATION_EVERY}th is held out for validation",
                all - 1
            ));
        }
        Some(_) => {}
    }
    if let Some(image) = images.alone().find(|image| !split.contains(*image)) {
        return Err(format!(
            "image {image} is held out for validation, as every {VALIDATION_EVERY}th is, and is not trained on"
        ));
    }
    Ok(images.intersection(split))
}

/// The class that is meant: by its name, or by its number where none is called so.
fn class_of(class: &ClassWord, dataset: &Dataset) -> Result<u32, String> {
    let names = dataset.class_names();
    let is_one = |number: &u32| (*number as usize) < names.len();
    let found = match class {
        ClassWord::Number(number) => Some(*number).filter(is_one),
        ClassWord::Word(word) => {
            let by_name = names.iter().position(|name| name == word).map(|class| class as u32);
            by_name.or_else(|| word.parse().ok().filter(is_one))
        }
    };
    found.ok_or_else(|| {
        let some: Vec<&str> = names.iter().map(String::as_str).take(20).collect();
        let more =
            if names.len() > some.len() { format!(", … ({})", count(names.len() as u64)) } else { String::new() };
        format!("there is no class `{class}`: there is {}{more}", some.join(", "))
    })
}

/// Makes a change of images on the draft.
pub(super) fn change(trainer: &Trainer, draft: &mut Draft, change: &Change, source: Source) -> Result<Done, Refusal> {
    let dataset = trainer.dataset();
    let change = resolved(change, dataset).map_err(Refusal::Reason)?;
    let changes = &mut draft.definition.images;
    changes.of = dataset.train_indices().len() as u32;
    let summary = match &change {
        Change::DropImages { images } => leave_out(draft, images)?,
        Change::Relabel { labels } => relabel(draft, dataset, labels, source)?,
        Change::WeightImages { weights } => weigh(draft, weights, source)?,
        _ => unreachable!("invariant: a change of images"),
    };
    if draft.definition.images.is_nothing() {
        draft.definition.images.of = 0;
    }
    check_length(&change, &draft.definition.images)?;
    // Where a parent's epoch has none but dropped images left, the next one begins.
    let images = TrainingImages::of(&draft.definition, dataset)?;
    draft.rest.cursor = images.order.settled(draft.rest.cursor);
    Ok(Done { recorded: Some(change), ..Done::new(summary) })
}

fn leave_out(draft: &mut Draft, images: &ImageSet) -> Result<String, Refusal> {
    refuse_dropped(draft, images, "is dropped already")?;
    let changes = &mut draft.definition.images;
    let left = u64::from(changes.of) - changes.dropped.len() - images.len();
    let batch = draft.definition.batch_size;
    if left < u64::from(batch) {
        return Err(Refusal::Reason(format!(
            "{} would be left to train on: expected at least a batch, which has {batch}",
            counted(left, "image")
        )));
    }
    changes.drop(images);
    check_weights(draft)?;
    Ok(format!("{} dropped; an epoch has {}", counted(images.len(), "image"), counted(left, "image")))
}

fn relabel(
    draft: &mut Draft,
    dataset: &Dataset,
    labels: &[RelabelledImages],
    source: Source,
) -> Result<String, Refusal> {
    require_classes(
        &draft.definition.network,
        "use of labels",
        "drop-images and weight-images change what it trains on",
    )?;
    let part = dataset.train();
    let mut given = Vec::with_capacity(labels.len());
    let (mut as_in_data, mut changed, mut before) = (Vec::new(), 0_u64, None);
    for RelabelledImages { class, images } in labels {
        refuse_dropped(draft, images, "is dropped, and is not trained on")?;
        let class = class_of(class, dataset).map_err(Refusal::Reason)?;
        for image in images.iter() {
            let own = u32::from(part.label(image).map_err(TrainerError::from)?);
            let now = draft.definition.images.label(image).unwrap_or(own);
            if own == class {
                as_in_data.push(image);
            }
            if now != class {
                changed += 1;
                before = Some((image, now, class));
            }
        }
        given.push(LabelledImages { class, images: images.clone() });
    }
    let all: u64 = given.iter().map(|labelled| labelled.images.len()).sum();
    let what = if all == 1 { "the label of the image" } else { "the label of each image" };
    refuse_same(changed == 0, what, &"what is given", source)?;
    draft.definition.images.relabel(&given, &as_in_data.into_iter().collect());
    let name = |class: u32| &dataset.class_names()[class as usize];
    let had = match all - changed {
        0 => String::new(),
        same => format!("; {} had that label already", counted(same, "image")),
    };
    Ok(match before {
        Some((image, from, to)) if changed == 1 => {
            format!("image {image} is of class {}, was {}{had}", name(to), name(from))
        }
        _ => format!("{} of other classes{had}", counted(changed, "image")),
    })
}

fn weigh(draft: &mut Draft, weights: &[WeightedImages], source: Source) -> Result<String, Refusal> {
    for weighted in weights {
        refuse_dropped(draft, &weighted.images, "is dropped, and is not trained on")?;
    }
    let before = draft.definition.images.weights.clone();
    draft.definition.images.weigh(weights);
    refuse_same(before == draft.definition.images.weights, "the weight of each image", &"what is given", source)?;
    check_weights(draft)?;
    let images: u64 = weights.iter().map(|weighted| weighted.images.len()).sum();
    Ok(match weights {
        [one] => format!("{} of weight {}", counted(images, "image"), one.weight),
        _ => format!("{} of {} weights", counted(images, "image"), count(weights.len() as u64)),
    })
}

/// Refuses what no description is to hold.
fn check_length(change: &Change, changes: &ImageChanges) -> Result<(), Refusal> {
    let lengths = [serde_json::to_string(change), serde_json::to_string(changes)];
    let longest = lengths.iter().flatten().map(String::len).max().unwrap_or(0);
    if longest <= MOST_WRITTEN {
        return Ok(());
    }
    Err(Refusal::Reason(format!(
        "what is said of images would take {} of the branch's description: expected at most {}; give fewer \
         different weights, or images in ranges",
        bytes(longest as u64),
        bytes(MOST_WRITTEN as u64)
    )))
}

/// Refuses that nothing trains.
fn check_weights(draft: &Draft) -> Result<(), Refusal> {
    let changes = &draft.definition.images;
    let none = changes.weights.iter().find(|weighted| weighted.weight == 0.0);
    let without = none.map_or(0, |weighted| weighted.images.len());
    if without + changes.dropped.len() < u64::from(changes.of) {
        return Ok(());
    }
    Err(Refusal::Reason(
        "all images that are trained on would have weight 0: expected one at least with more".to_owned(),
    ))
}

fn refuse_dropped(draft: &Draft, images: &ImageSet, reason: &str) -> Result<(), Refusal> {
    match images.intersection(&draft.definition.images.dropped).first() {
        Some(image) => Err(Refusal::Reason(format!("image {image} {reason}"))),
        None => Ok(()),
    }
}
