//! How often each class was taken for each.

use revacnn_schemas::{Address, Digest, Figure, Step, TableColumn, TableFigure, count, counted};
use serde::{Deserialize, Serialize};

use super::curve::require_classes_of;
use super::predictions::{TOP, no_numbers};
use crate::sources::Place;
use crate::{CellKind, Context, ImageSplit, NotebookError};

/// How often each class was taken for each at a step, as a matrix, or by how much more often than at
/// another step.
///
/// What a validation at that step recorded is shown as it is; otherwise it is computed. Where the
/// data set is lacking, the newest validation before it is shown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confusion {
    /// Where; the first of the shown branches at the cursor where `None`.
    pub at: Option<Address>,
    /// What is subtracted from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub less: Option<Address>,
    /// The images.
    #[serde(default)]
    pub of: ImageSplit,
}

/// What a network took the images of a split for.
struct Counted {
    /// `NAME@STEP`
    label: String,
    /// What the images are known by: the data set's content.
    content: Option<Digest>,
    /// The classes of the images in order, where they are those of a training.
    labels: Vec<u32>,
    /// `[actual class][predicted class]`
    confusion: Vec<u32>,
    images: u64,
    right: u64,
}

impl Counted {
    fn share(&self) -> f64 {
        100.0 * self.right as f64 / self.images.max(1) as f64
    }
}

impl CellKind for Confusion {
    const KIND: &'static str = "confusion";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let place = context.first_place(self.at.as_ref())?;
        let mut notes = Vec::new();
        let own = self.counted(context, &place, &mut notes)?;
        let classes = own.confusion.len().isqrt();
        let names = context.data_at_hand(&place.holder).map(|dataset| dataset.class_names().to_vec());
        let names = names.unwrap_or_else(|reason| {
            notes.push(format!("no class names: {reason}"));
            (0..classes).map(|class| class.to_string()).collect()
        });
        let text = |name: &str| TableColumn { name: name.to_owned(), numeric: false };
        let columns =
            std::iter::once(text("actual")).chain(names.iter().map(|name| TableColumn { numeric: true, ..text(name) }));
        let images = format!("{} {}", count(own.images), self.of.words());
        let (title, cells, shades) = match &self.less {
            None => {
                let title = format!("confusion of {}: {:.1} % of {images} right", own.label, own.share());
                let shade = |row: &[u32]| {
                    let all = row.iter().sum::<u32>().max(1) as f32;
                    row.iter().map(|&count| count as f32 / all).collect()
                };
                let cells = own.confusion.iter().map(ToString::to_string).collect::<Vec<_>>();
                (title, cells, own.confusion.chunks(classes.max(1)).map(shade).collect())
            }
            Some(less) => {
                let place = context.first_place(Some(less))?;
                let other = self.counted(context, &place, &mut notes)?;
                let (differences, shades) = difference(&own, &other, classes)?;
                let points = own.share() - other.share();
                let title = format!(
                    "confusion of {} less {}: {} points of {images} right",
                    own.label,
                    other.label,
                    if own.right == other.right { "0".to_owned() } else { format!("{points:+.1}").replace('-', "−") }
                );
                (title, differences, shades)
            }
        };
        let rows = names.iter().zip(cells.chunks(classes.max(1)));
        Ok(Figure::Table(TableFigure {
            title,
            columns: columns.collect(),
            rows: rows
                .map(|(name, cells)| std::iter::once(name.clone()).chain(cells.iter().cloned()).collect())
                .collect(),
            shades,
            signed: self.less.is_some(),
            notes,
        }))
    }
}

/// By how many images more the first took each class for each, and the shades of these numbers, of
/// which the largest is the darkest.
fn difference(own: &Counted, other: &Counted, classes: usize) -> Result<(Vec<String>, Vec<Vec<f32>>), NotebookError> {
    let refuse = |known: String| {
        Err(NotebookError::Unknown { what: "a difference is one of the same images".to_owned(), known })
    };
    if own.confusion.len() != other.confusion.len() || own.images != other.images {
        let of = |one: &Counted| {
            let classes = counted(one.confusion.len().isqrt() as u64, "class");
            format!("{} has {} images of {classes}", one.label, count(one.images))
        };
        return refuse(format!("{}, and {}", of(own), of(other)));
    }
    if own.content != other.content {
        return refuse(format!("the data of {} and of {} differ", own.label, other.label));
    }
    if own.labels != other.labels {
        return refuse(format!("images of {} have other classes than in {}", own.label, other.label));
    }
    let differences: Vec<i64> =
        own.confusion.iter().zip(&other.confusion).map(|(&one, &other)| i64::from(one) - i64::from(other)).collect();
    let largest = differences.iter().map(|difference| difference.unsigned_abs()).max().unwrap_or(0).max(1);
    let shade = |row: &[i64]| row.iter().map(|&difference| difference as f32 / largest as f32).collect();
    let shades = differences.chunks(classes.max(1)).map(shade).collect();
    let words = |&difference: &i64| match difference {
        0 => "0".to_owned(),
        _ => format!("{difference:+}").replace('-', "−"),
    };
    Ok((differences.iter().map(words).collect(), shades))
}

impl Confusion {
    /// What a step's network took the images for.
    fn counted(
        &self,
        context: &mut Context<'_>,
        place: &Place,
        notes: &mut Vec<String>,
    ) -> Result<Counted, NotebookError> {
        require_classes_of(&place.holder, "confusion matrix", "predictions shows what it gives back")?;
        let newest = match self.of {
            ImageSplit::Validation => recorded(context, place)?,
            ImageSplit::Train | ImageSplit::Test => None,
        };
        let newest = match newest {
            Some((step, found)) if step == place.step => return Ok(found),
            newest => newest,
        };
        match (self.computed(context, place, notes), newest) {
            (Err(NotebookError::DataLacking { .. }), Some((_, found))) => {
                notes.push(format!("step {} was not validated: the newest validation before it is shown", place.step));
                Ok(found)
            }
            (found, _) => found,
        }
    }

    fn computed(
        &self,
        context: &mut Context<'_>,
        place: &Place,
        notes: &mut Vec<String>,
    ) -> Result<Counted, NotebookError> {
        let (dataset, all) = context.predictions(place, self.of.split(), TOP)?;
        notes.extend(no_numbers(place, &all));
        let classes = dataset.class_names().len();
        let (mut confusion, mut right) = (vec![0; classes * classes], 0);
        for prediction in all.iter() {
            if let Some(predicted) = prediction.predicted() {
                confusion[prediction.label as usize * classes + predicted as usize] += 1;
            }
            right += u64::from(prediction.is_right());
        }
        let labels = match self.of {
            ImageSplit::Train => all.iter().map(|prediction| prediction.label).collect(),
            ImageSplit::Validation | ImageSplit::Test => Vec::new(),
        };
        let content = place.dataset().map(|dataset| dataset.digest);
        Ok(Counted { label: place.label(), content, labels, confusion, images: all.len() as u64, right })
    }
}

/// The newest full validation at or before a step, and its step.
fn recorded(context: &mut Context<'_>, place: &Place) -> Result<Option<(Step, Counted)>, NotebookError> {
    let all = context.history_to(place)?.validations()?;
    // What a diverged network says is looked at image by image.
    let newest = all.into_iter().rfind(|(step, result)| *step <= place.step && result.loss.is_finite());
    Ok(newest.map(|(step, result)| {
        let found = Counted {
            label: format!("{}@{step}", place.name),
            content: place.dataset().map(|dataset| dataset.digest),
            labels: Vec::new(),
            confusion: result.confusion.unwrap_or_default(),
            images: result.images.into(),
            right: result.correct.unwrap_or_default().into(),
        };
        (step, found)
    }))
}
