//! What a network says of images, or gives back of them.

use revacnn_schemas::{
    Address, Caption, CaptionedImage, ClassOutputs, ContactSheet, Figure, ImageIndex, Prediction, Reconstruction,
    TableColumn, TableFigure, count, counted,
};
use serde::{Deserialize, Serialize};

use super::curve::{outputs_of, require_classes_of};
use super::pictured::{class_name, class_of, pictured, reconstructed};
use crate::look::number;
use crate::sources::Place;
use crate::{CellKind, Context, ImageSplit, NotebookError};

/// So many classes are told of an image.
pub(super) const TOP: usize = 3;

/// Images of a split with the classes that the network of a step says most for, or beside each what a
/// network whose target is the image gives back: a contact sheet, or a table. They come in the
/// order of the data set, and wrong ones by their loss, the largest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predictions {
    /// Where; the first of the shown branches at the cursor where `None`.
    pub at: Option<Address>,
    /// The images.
    pub of: ImageSplit,
    /// Those alone that are predicted wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wrong: bool,
    /// Those alone of this class, by its name or number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Those alone that are taken for this class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted: Option<String>,
    /// So many images.
    pub count: u32,
    /// Whether numbers are shown, and not pictures.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub table: bool,
}

impl CellKind for Predictions {
    const KIND: &'static str = "predictions";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let place = context.first_place(self.at.as_ref())?;
        if !outputs_of(&place.holder).are_of_classes() {
            return self.reconstructions(context, &place);
        }
        let split = self.of.split();
        let (dataset, all) = context.predictions(&place, split, TOP)?;
        let names = dataset.class_names();
        let class = self.class.as_deref().map(|word| class_of(names, word)).transpose()?;
        let predicted = self.predicted.as_deref().map(|word| class_of(names, word)).transpose()?;
        let (images, right) = (all.len(), all.iter().filter(|prediction| prediction.is_right()).count());
        let is_meant = |prediction: &Prediction| {
            !(self.wrong && prediction.is_right())
                && class.is_none_or(|class| prediction.label == class)
                && predicted.is_none_or(|class| prediction.predicted() == Some(class))
        };
        let mut meant: Vec<&Prediction> = all.iter().filter(|prediction| is_meant(prediction)).collect();
        if self.wrong {
            let loss = |prediction: &Prediction| if prediction.loss.is_nan() { f32::INFINITY } else { prediction.loss };
            meant.sort_by(|one, other| loss(other).total_cmp(&loss(one)).then(one.image.cmp(&other.image)));
        }
        let among = meant.len();
        meant.truncate(self.count as usize);
        let first = (meant.len() < among).then(|| {
            let order = if self.wrong { "the largest losses first" } else { "in the order of the data" };
            format!("the first {} of {} are shown, {order}", count(meant.len() as u64), count(among as u64))
        });
        let which = [
            self.wrong.then(|| "predicted wrong".to_owned()),
            class.map(|class| format!("of class {}", class_name(names, class))),
            predicted.map(|class| format!("taken for {}", class_name(names, class))),
        ];
        let which: Vec<String> = which.into_iter().flatten().collect();
        let which = match which.is_empty() {
            true => String::new(),
            false => format!("; {} {}", count(among as u64), which.join(", ")),
        };
        let share = if images > 0 { 100.0 * right as f64 / images as f64 } else { 0.0 };
        let title = format!(
            "predictions of {}: {share:.1} % of {} {} images right{which}",
            place.label(),
            count(images as u64),
            self.of.word()
        );
        let outputs = outputs_of(&place.holder);
        let notes: Vec<String> = first.into_iter().chain(no_numbers(&place, &all)).collect();
        if self.table {
            return Ok(Figure::Table(TableFigure { notes, ..table(title, &meant, names, outputs) }));
        }
        let mut pictures = Vec::with_capacity(meant.len());
        for prediction in meant {
            let own = Caption { text: class_name(names, prediction.label), own: true, bar: None };
            let classes = prediction.classes.iter().map(|&(class, output)| Caption {
                text: format!("{} {}", class_name(names, class), said(outputs, output)),
                own: class == prediction.label,
                bar: outputs.are_probabilities().then(|| (1000.0 * output.clamp(0.0, 1.0)) as u16),
            });
            pictures.push(CaptionedImage {
                image: pictured(&dataset, dataset.part(split), prediction.image)?,
                number: self.number(prediction.image),
                beside: None,
                wrong: !prediction.is_right(),
                captions: std::iter::once(own).chain(classes).collect(),
            });
        }
        Ok(Figure::Sheet(ContactSheet { title, pictures, notes }))
    }
}

impl Predictions {
    /// The number of an image of the training part.
    fn number(&self, image: ImageIndex) -> Option<ImageIndex> {
        (self.of != ImageSplit::Test).then_some(image)
    }

    /// Of a network that gives back the image.
    fn reconstructions(&self, context: &mut Context<'_>, place: &Place) -> Result<Figure, NotebookError> {
        if self.wrong || self.predicted.is_some() {
            let instead = "leave --wrong and --predicted out; `samples` tells the images with the largest losses";
            require_classes_of(&place.holder, "image that is predicted right or wrong", instead)?;
        }
        let split = self.of.split();
        let dataset = context.computed_from(place)?;
        let names = dataset.class_names();
        let class = self.class.as_deref().map(|word| class_of(names, word)).transpose()?;
        let (mut shown, mut images, mut among, mut loss) = (Vec::new(), 0_u64, 0_u64, 0.0_f64);
        let most = self.count as usize;
        context.reconstructions(place, split, |found| {
            images += 1;
            loss += f64::from(found.loss);
            if class.is_none_or(|class| found.label == class) {
                among += 1;
                if shown.len() < most {
                    shown.push(found);
                }
            }
        })?;
        let which =
            class.map_or_else(String::new, |class| format!("; {} of class {}", count(among), class_name(names, class)));
        let title = format!(
            "reconstructions by {} of {} {} images: mean loss {:.4}{which}",
            place.label(),
            count(images),
            self.of.word(),
            loss / images.max(1) as f64,
        );
        if self.table {
            let column = |name: &str, numeric: bool| TableColumn { name: name.to_owned(), numeric };
            let row = |found: &Reconstruction| {
                vec![found.image.to_string(), class_name(names, found.label), format!("{:.4}", found.loss)]
            };
            return Ok(Figure::Table(TableFigure {
                title,
                columns: vec![column("image", true), column("class", false), column("loss", true)],
                rows: shown.iter().map(row).collect(),
                ..TableFigure::default()
            }));
        }
        let mut pictures = Vec::with_capacity(shown.len());
        for Reconstruction { image, label, loss, values } in shown {
            let own = class_name(names, label);
            pictures.push(CaptionedImage {
                image: pictured(&dataset, dataset.part(split), image)?,
                number: self.number(image),
                beside: reconstructed(dataset.shape(), &values, format!("reconstruction of image {image}")),
                wrong: false,
                captions: vec![
                    Caption::plain(format!("{own}, image {image}")),
                    Caption::plain(format!("loss {}", number(loss.into()))),
                ],
            });
        }
        let notes = vec!["each image, and to its right what the network gives back".to_owned()];
        Ok(Figure::Sheet(ContactSheet { title, pictures, notes }))
    }
}

/// That a network that has diverged says nothing of some images, if that is so.
pub(super) fn no_numbers(place: &Place, all: &[Prediction]) -> Option<String> {
    let lost = all.iter().filter(|prediction| !prediction.loss.is_finite()).count();
    (lost > 0).then(|| {
        format!("{} has diverged: of {} its outputs are no numbers", place.label(), counted(lost as u64, "image"))
    })
}

/// An output of a network for a class.
pub(super) fn said(outputs: ClassOutputs, output: f32) -> String {
    match outputs {
        _ if !output.is_finite() => "no number".to_owned(),
        ClassOutputs::Probabilities => format!("{:.0} %", 100.0 * output),
        _ => format!("{output:.2}"),
    }
}

fn table(title: String, order: &[&Prediction], names: &[String], outputs: ClassOutputs) -> TableFigure {
    let column = |name: String, numeric: bool| TableColumn { name, numeric };
    let row = |prediction: &&Prediction| {
        let mark = if prediction.is_right() { "right" } else { "wrong" };
        let mut cells = vec![
            prediction.image.to_string(),
            class_name(names, prediction.label),
            mark.to_owned(),
            format!("{:.4}", prediction.loss),
        ];
        let class = |&(class, output): &(u32, f32)| format!("{} {}", class_name(names, class), said(outputs, output));
        cells.extend(prediction.classes.iter().map(class));
        cells
    };
    let most = order.iter().map(|prediction| prediction.classes.len()).max().unwrap_or(0);
    let first = [("image", true), ("class", false), ("predicted", false), ("loss", true)];
    let columns = first.map(|(name, numeric)| column(name.to_owned(), numeric));
    TableFigure {
        title,
        columns: columns.into_iter().chain((1..=most).map(|place| column(format!("class {place}"), false))).collect(),
        rows: order.iter().map(row).collect(),
        ..TableFigure::default()
    }
}
