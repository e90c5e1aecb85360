//! What networks take pictures for.

use revacnn_schemas::{Address, Caption, CaptionedImage, ContactSheet, Figure, TableColumn, TableFigure, counted};
use serde::{Deserialize, Serialize};

use super::curve::{outputs_of, require_classes_of};
use super::pictured::{class_name, image_of, pictured};
use super::predictions::said;
use crate::sources::Place;
use crate::{CellKind, ChosenImage, Context, NotebookError};

/// The images that are asked for, with the classes that the networks of steps say most for: a
/// contact sheet, or a table with a column a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Predict {
    /// Where; the shown branches at the cursor where empty.
    pub at: Vec<Address>,
    /// So many classes of each.
    pub top: u32,
    /// Whether numbers are shown, and not pictures.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub table: bool,
}

/// What a network takes an image for.
struct Taken {
    classes: Vec<(u32, f32)>,
    /// What it says of each class, in words.
    words: Vec<String>,
}

impl CellKind for Predict {
    const KIND: &'static str = "predict";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let places = context.places(&self.at, usize::MAX)?;
        for place in &places {
            require_classes_of(&place.holder, "class to take a picture for", "plot network shows what it gives back")?;
        }
        let images = context.asked();
        if images.is_empty() {
            let (what, known) = ("no picture is asked for".to_owned(), "name one by --image".to_owned());
            return Err(NotebookError::Misasked { what, known });
        }
        let (mut notes, mut all) = (Vec::new(), Vec::new());
        for image in &images {
            for place in &places {
                context.progress(all.len(), images.len() * places.len())?;
                let found = taken(context, place, image, self.top as usize, &mut notes)?;
                all.push((image, place, found));
            }
        }
        let at: Vec<String> = places.iter().map(Place::label).collect();
        let what = match &images[..] {
            [image] => image.to_string(),
            images => counted(images.len() as u64, "picture"),
        };
        let are = if images.len() == 1 { "is" } else { "are" };
        let title = format!("what {what} {are} taken for by {}", at.join(", "));
        if self.table {
            return Ok(Figure::Table(table(title, &at, &all, notes)));
        }
        let mut pictures = Vec::with_capacity(all.len());
        for (image, place, found) in &all {
            let shown = match image {
                ChosenImage::Own(picture) => {
                    let (shape, bytes) = place.pictured(picture)?;
                    image_of(&bytes, shape, image.to_string())
                }
                ChosenImage::Training(index) => {
                    let dataset = context.computed_from(place)?;
                    pictured(&dataset, dataset.train(), *index)?
                }
            };
            let mut captions = vec![Caption::plain(image.to_string())];
            captions.extend((places.len() > 1).then(|| Caption::plain(place.label())));
            let are_probabilities = outputs_of(&place.holder).are_probabilities();
            let classes = found.classes.iter().zip(&found.words).map(|((_, output), words)| Caption {
                text: words.clone(),
                own: false,
                bar: are_probabilities.then(|| (1000.0 * output.clamp(0.0, 1.0)) as u16),
            });
            captions.extend(classes);
            pictures.push(CaptionedImage { image: shown, number: None, beside: None, wrong: false, captions });
        }
        Ok(Figure::Sheet(ContactSheet { title, pictures, notes }))
    }
}

/// What the network of a place takes an image for; what is to be said of it is noted once.
fn taken(
    context: &mut Context<'_>,
    place: &Place,
    image: &ChosenImage,
    most: usize,
    notes: &mut Vec<String>,
) -> Result<Taken, NotebookError> {
    let classes = context.predicted(place, image, most)?;
    let names = match context.data_at_hand(&place.holder) {
        Ok(dataset) => dataset.class_names().to_vec(),
        Err(reason) => {
            note(notes, format!("no class names: {reason}"));
            Vec::new()
        }
    };
    if let Some(changes) = image.own().and_then(|picture| place.changes(picture)) {
        note(notes, changes);
    }
    let outputs = outputs_of(&place.holder);
    let word = |&(class, output): &(u32, f32)| format!("{} {}", class_name(&names, class), said(outputs, output));
    Ok(Taken { words: classes.iter().map(word).collect(), classes })
}

fn note(notes: &mut Vec<String>, words: String) {
    if !notes.contains(&words) {
        notes.push(words);
    }
}

/// A row a rank of each image, a column a step.
fn table(title: String, at: &[String], all: &[(&ChosenImage, &Place, Taken)], notes: Vec<String>) -> TableFigure {
    let column = |name: &str, numeric| TableColumn { name: name.to_owned(), numeric };
    let first = [column("image", false), column("rank", true)];
    let columns = first.into_iter().chain(at.iter().map(|address| column(address, false))).collect();
    let mut rows = Vec::new();
    for of_image in all.chunks(at.len()) {
        let ranks = of_image.iter().map(|(_, _, found)| found.words.len()).max().unwrap_or(0);
        for rank in 0..ranks {
            let word =
                |(_, _, found): &(&ChosenImage, &Place, Taken)| found.words.get(rank).cloned().unwrap_or_default();
            let name = match of_image[0].0 {
                ChosenImage::Training(index) => index.to_string(),
                ChosenImage::Own(picture) => picture.to_string(),
            };
            let own = [name, (rank + 1).to_string()];
            rows.push(own.into_iter().chain(of_image.iter().map(word)).collect());
        }
    }
    TableFigure { title, columns, rows, notes, ..TableFigure::default() }
}
