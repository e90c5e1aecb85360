//! Where a network looks.

use revacnn_schemas::{Address, Caption, CaptionedImage, ContactSheet, Figure, Image, ImageIndex, Palette};
use revacnn_trainer::SaliencyMap;
use serde::{Deserialize, Serialize};

use super::curve::{outputs_of, require_classes_of};
use super::pictured::{class_name, class_of, image_of, label_at, largest, pictured, slopes};
use crate::{CellKind, ChosenImage, Context, ImageSplit, NotebookError};

/// What of an image the network's output for a class depends on, in four ways: its gradient, guided
/// backpropagation, what hiding a part of the image does, and Grad-CAM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saliency {
    /// Where; the first of the shown branches at the cursor where `None`.
    pub at: Option<Address>,
    /// The images.
    pub of: ImageSplit,
    /// The class, by its name or number; the one that is predicted where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

impl CellKind for Saliency {
    const KIND: &'static str = "saliency";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let place = context.first_place(self.at.as_ref())?;
        require_classes_of(&place.holder, "output for a class to look at", "predictions shows what it gives back")?;
        let split = self.of.split();
        let image = place.image(context.image()).unwrap_or(ImageIndex(0).into());
        // A picture of a person's own needs the data set for the names of its classes alone.
        let dataset = match image.own() {
            Some(_) => context.dataset(&place.holder).ok(),
            None => Some(context.computed_from(&place)?),
        };
        let names = dataset.as_ref().map_or_else(Vec::new, |dataset| dataset.class_names().to_vec());
        let class = self.class.as_deref().map(|word| class_of(&names, word)).transpose()?;
        let found = context.saliency(&place, split, &image, class)?;
        let (shown, shape, label) = match (&image, &dataset) {
            (ChosenImage::Training(index), Some(dataset)) => {
                let part = dataset.part(split);
                let label = format!(" ({})", class_name(&names, label_at(&place, dataset, split, *index)?));
                (pictured(dataset, part, *index)?, dataset.shape(), label)
            }
            (ChosenImage::Own(picture), _) => {
                let (shape, bytes) = place.pictured(picture)?;
                (image_of(&bytes, shape, image.to_string()), shape, String::new())
            }
            (ChosenImage::Training(_), None) => unreachable!("invariant: its data set was asked for"),
        };
        let pictures = [
            (image.to_string(), Some(shown)),
            ("gradient".to_owned(), slopes(shape, &found.gradient, String::new())),
            ("guided".to_owned(), slopes(shape, &found.guided, String::new())),
            ("occlusion".to_owned(), Some(map(&found.occlusion, Palette::Diverging))),
            ("Grad-CAM".to_owned(), found.grad_cam.as_ref().map(|found| map(found, Palette::Sequential))),
        ];
        let mut notes = vec![
            "gradient, and guided backpropagation, of the class's output before a softmax, by the image's pixels"
                .to_owned(),
            "occlusion: how much the output falls where a grey square is, red, or rises, blue".to_owned(),
        ];
        notes.extend(image.own().and_then(|picture| place.changes(picture)));
        if found.grad_cam.is_none() {
            notes.push("no Grad-CAM: no block has a map of more than one value".to_owned());
        }
        let output = match outputs_of(&place.holder).are_probabilities() {
            true => format!("{:.0} %", 100.0 * found.output),
            false => format!("{:.2}", found.output),
        };
        let title =
            format!("what {} sees in {image}{label} for {}: {output}", place.label(), class_name(&names, found.class));
        let picture = |(name, image): (String, Option<Image>)| {
            Some(CaptionedImage {
                image: image?,
                number: None,
                beside: None,
                wrong: false,
                captions: vec![Caption::plain(name)],
            })
        };
        let pictures = pictures.into_iter().filter_map(picture).collect();
        Ok(Figure::Sheet(ContactSheet { title, pictures, notes }))
    }
}

fn map(found: &SaliencyMap, palette: Palette) -> Image {
    let most = largest(&found.values);
    let low = if palette == Palette::Diverging { -most } else { 0.0 };
    Image {
        label: String::new(),
        filter: None,
        rows: found.rows,
        columns: found.columns,
        pixels: found.values.clone(),
        palette,
        range: [low, most],
    }
}
