//! Images of a training by what came of them each time they were seen.

use revacnn_analysis::{Against, ImageHistory, Ranking, image_histories, ranked};
use revacnn_schemas::{
    Address, Caption, CaptionedImage, ClassOutputs, ContactSheet, Figure, TableColumn, TableFigure, count, counted,
};
use serde::{Deserialize, Serialize};

use super::curve::{outputs_of, require_classes_of};
use super::pictured::{class_name, class_of, pictured};
use crate::{CellKind, Context, NotebookError, Rank};

/// Images of a branch's training by what came of them up to a step: a contact sheet, or a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Samples {
    /// Where; the first of the shown branches at the cursor where `None`.
    pub at: Option<Address>,
    /// Which images come first.
    pub by: Rank,
    /// Images of this class alone, by its name or number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// So many images.
    pub count: u32,
    /// Whether numbers are shown, and not pictures.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub table: bool,
}

impl CellKind for Samples {
    const KIND: &'static str = "samples";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let place = context.first_place(self.at.as_ref())?;
        if self.by != Rank::Hardest {
            require_classes_of(
                &place.holder,
                "image that was predicted right or wrong",
                "`hardest` tells the images with the largest losses",
            )?;
        }
        let lineage = context.history_to(&place)?;
        let older: Vec<String> = lineage
            .branches()
            .iter()
            .filter(|branch| !branch.has_samples())
            .map(|branch| format!("`{}`", branch.name))
            .collect();
        let samples = lineage.samples(place.step)?;
        let mut notes = Vec::new();
        if !older.is_empty() {
            notes.push(format!(
                "what came of each image was not recorded yet in {}, of an older format: it is left out",
                older.join(", ")
            ));
        }
        let found = context.data_at_hand(&place.holder);
        let names = found.as_ref().map(|dataset| dataset.class_names().to_vec()).unwrap_or_default();
        if let Err(reason) = &found {
            notes.push(format!("no pictures and no class names: {reason}"));
            context.lacks_something();
        }
        let mut histories = image_histories(samples);
        // What is dropped is found no second time.
        if let Some(dropped) = place.holder.definition().map(|definition| &definition.images.dropped) {
            let seen = histories.len();
            histories.retain(|history| !dropped.contains(history.image));
            if histories.len() < seen {
                notes.push(format!(
                    "{} that an edit has dropped are left out",
                    counted((seen - histories.len()) as u64, "image")
                ));
            }
        }
        if histories.is_empty() {
            return Err(NotebookError::Unknown {
                what: format!("nothing is recorded of the images that {} was trained on", place.label()),
                known: notes.pop().unwrap_or_else(|| "no update leads to it".to_owned()),
            });
        }
        let class = self.class.as_deref().map(|word| class_of(&names, word)).transpose()?;
        let mut order = ranked(&histories, self.by.ranking());
        order.retain(|history| class.is_none_or(|class| history.label == class));
        let among = order.len();
        order.truncate(self.count as usize);
        let of_class = class.map_or_else(String::new, |class| format!(" of class {}", class_name(&names, class)));
        let all = count(histories.len() as u64);
        let first = match order.len() {
            1 => "the".to_owned(),
            shown => format!("the {}", count(shown as u64)),
        };
        let images = format!("{all} images that {} was trained on", place.label());
        let title = match self.by {
            Rank::Hardest => format!("{first} hardest{of_class} of {images}"),
            Rank::Mislabelled => format!("{first}{of_class} of {images} that are most likely mislabelled"),
            Rank::Forgotten => format!("{}{of_class} of {images} were forgotten", count(among as u64)),
            Rank::NeverLearned => format!("{}{of_class} of {images} were never predicted right", count(among as u64)),
        };
        let is_whole_list = matches!(self.by, Rank::Forgotten | Rank::NeverLearned);
        if is_whole_list && order.len() < among {
            notes.push(format!("the first {} of them", count(order.len() as u64)));
        }
        if order.iter().any(|history| !history.mean_loss.is_finite()) {
            notes.push("losses that are no finite numbers: the training diverged".to_owned());
        }
        let outputs = outputs_of(&place.holder);
        let dataset = match found {
            Ok(dataset) if !self.table => dataset,
            _ => return Ok(Figure::Table(table(title, &order, &names, outputs, notes))),
        };
        let mut pictures = Vec::with_capacity(order.len());
        for history in order {
            let image = pictured(&dataset, dataset.train(), history.image)?;
            let (_, last) = history.last;
            pictures.push(CaptionedImage {
                image,
                number: Some(history.image),
                beside: None,
                wrong: last.predicted.is_some_and(|class| class != last.label),
                captions: captions(history, self.by, &names, outputs.are_probabilities()),
            });
        }
        if pictures.iter().any(|picture| picture.wrong) {
            notes.push("framed: another class than the image's was predicted when it was seen last".to_owned());
        }
        Ok(Figure::Sheet(ContactSheet { title, pictures, notes }))
    }
}

fn captions(history: &ImageHistory, by: Rank, names: &[String], are_probabilities: bool) -> Vec<Caption> {
    let says = match (by, history.against) {
        (Rank::Mislabelled, Some(against)) => format!("→ {}", said(against, names, are_probabilities)),
        (Rank::Forgotten, _) => format!("forgotten {}×", history.forgotten.unwrap_or_default()),
        (Rank::NeverLearned, Some(against)) => format!("→ {} {}×", class_name(names, against.class), against.times),
        _ => format!("loss {}", crate::look::number(history.mean_loss)),
    };
    vec![
        Caption::plain(class_name(names, history.label)),
        Caption::plain(says),
        Caption::plain(match history.right {
            Some(right) => format!("{right} of {} right", history.seen),
            None => format!("seen {}×", history.seen),
        }),
        Caption::plain(format!("image {}", history.image)),
    ]
}

/// A class and how much the network says for it: a share, where outputs are probabilities.
fn said(against: Against, names: &[String], are_probabilities: bool) -> String {
    let name = class_name(names, against.class);
    match are_probabilities {
        true => format!("{name} {:.0} %", 100.0 * against.weight),
        false => format!("{name} {:.2}", against.weight),
    }
}

fn table(
    title: String,
    order: &[&ImageHistory],
    names: &[String],
    outputs: ClassOutputs,
    notes: Vec<String>,
) -> TableFigure {
    let column = |name: &str, numeric: bool| TableColumn { name: name.to_owned(), numeric };
    let number = |count: Option<u32>| count.map_or_else(|| "–".to_owned(), |count| count.to_string());
    let of_classes = outputs.are_of_classes();
    let row = |history: &&ImageHistory| {
        let (step, last) = history.last;
        let mut cells = vec![history.image.to_string(), class_name(names, history.label), history.seen.to_string()];
        if of_classes {
            cells.extend([number(history.right), number(history.forgotten)]);
        }
        cells.push(format!("{:.4}", history.mean_loss));
        if of_classes {
            let against = |against| said(against, names, outputs.are_probabilities());
            cells.push(history.against.map_or_else(|| "–".to_owned(), against));
            let class = last.predicted.map_or_else(|| "–".to_owned(), |class| class_name(names, class));
            cells.push(format!("{class} at {}", count(step.0)));
        } else {
            cells.push(format!("{:.4} at {}", last.loss, count(step.0)));
        }
        cells
    };
    let columns: &[(&str, bool)] = match of_classes {
        true => &[
            ("image", true),
            ("class", false),
            ("seen", true),
            ("right", true),
            ("forgotten", true),
            ("mean loss", true),
            ("taken for", false),
            ("last predicted", false),
        ],
        false => &[("image", true), ("class", false), ("seen", true), ("mean loss", true), ("last loss", false)],
    };
    TableFigure {
        title,
        columns: columns.iter().map(|(name, numeric)| column(name, *numeric)).collect(),
        rows: order.iter().map(row).collect(),
        notes,
        ..TableFigure::default()
    }
}

impl Rank {
    fn ranking(self) -> Ranking {
        match self {
            Self::Hardest => Ranking::Hardest,
            Self::Forgotten => Ranking::Forgotten,
            Self::NeverLearned => Ranking::NeverLearned,
            Self::Mislabelled => Ranking::Mislabelled,
        }
    }
}
