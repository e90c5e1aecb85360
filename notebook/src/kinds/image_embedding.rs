//! Images of a split in a plane, by their activations at a layer.

mod placed;
mod thumbnails;

use revacnn_schemas::{Address, EmbeddedImages, EmbeddedPanel, Figure, LayerName, count, counted};
use serde::{Deserialize, Serialize};

use self::placed::Asked;
use super::curve::outputs_of;
use crate::sources::{Fit, Place, unknown_layer};
use crate::{CellKind, Context, ImageSplit, Method, NotebookError};

/// So many panels are shown at most.
pub const MOST_PANELS: usize = 12;

/// Images of a split in a plane by their activations at a layer, the same ones at every address.
/// Those of all addresses but the reference start from its positions and are held there, so that
/// steps and branches can be compared.
///
/// Source: t-SNE as by `revacnn_analysis::embed_samples`; images by what the class layer says of
/// them, as deepViz shows them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageEmbedding {
    /// Where; the shown branches at the cursor where empty.
    pub at: Vec<Address>,
    /// Where the points are held; the first of the addresses where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Address>,
    /// The layer.
    pub layer: LayerName,
    /// The images.
    pub of: ImageSplit,
    /// At most so many, evenly spread over the split.
    pub count: u32,
    /// How points are placed.
    pub method: Method,
    /// Perplexity; fitted to the number of images where `None`.
    pub perplexity: Option<f64>,
    /// Seed of t-SNE.
    pub seed: u64,
}

impl CellKind for ImageEmbedding {
    const KIND: &'static str = "image-embedding";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let leaves_out = context.leaves_out_of(&self.at);
        let (mut places, mut notes) = (Vec::new(), Vec::new());
        let (mut first_error, mut is_unread) = (None, false);
        for (name, found) in context.each_place(&self.at, MOST_PANELS) {
            is_unread |= found.is_err();
            match found.and_then(|place| self.fitting(place, places.first())) {
                Ok(place) => places.push(place),
                Err(error) if leaves_out => {
                    notes.push(format!("left out: {name}: {error}"));
                    first_error.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        if is_unread {
            context.lacks_something();
        }
        let Some(first) = places.first() else {
            return Err(first_error.unwrap_or(NotebookError::TooFewBranches { needed: 1, found: 0 }));
        };
        let reference = match &self.reference {
            Some(address) => {
                let place = context.place(address)?;
                self.fitting(place, Some(first))?
            }
            None => first.clone(),
        };
        let is_reference = |place: &Place| place.holder.id == reference.holder.id && place.step == reference.step;
        let parts = places.len() + usize::from(!places.iter().any(is_reference));
        let mut asked = Asked { cell: self, part: 0, parts };
        let held = asked.placed(context, &reference, None)?;
        let mut found = Vec::with_capacity(places.len());
        for place in &places {
            found.push(if is_reference(place) {
                held.clone()
            } else {
                asked.part += 1;
                asked.placed(context, place, Some((&reference, &held)))?
            });
        }
        let dataset = context.computed_from(first)?;
        let panels: Vec<EmbeddedPanel> =
            places.iter().zip(&found).map(|(place, found)| placed::panel(place, found)).collect();
        let thumbnails = thumbnails::chosen(&dataset, self.of.split(), &held.images, &panels)?;
        for (place, found) in places.iter().zip(&found) {
            let pairs = held.images.iter().zip(&found.images);
            let others = pairs.filter(|(drawn, own)| drawn.class != own.class).count();
            if others > 0 {
                notes.push(format!(
                    "{} of {} have other labels there, as an edit gave them: they are drawn by those of {}",
                    counted(others as u64, "image"),
                    place.label(),
                    reference.label()
                ));
            }
        }
        notes.extend(self.notes(&reference, &places, &held));
        let outputs = outputs_of(&first.holder);
        let is_class_layer = first.holder.topology.class_layer().is_some_and(|last| last.layer == self.layer);
        let by = match is_class_layer && outputs.are_probabilities() {
            true => "by class probabilities".to_owned(),
            false => format!("by {}", self.layer),
        };
        let shown = held.images.len();
        let among = if shown < held.of {
            format!("{} of {}", count(shown as u64), count(held.of as u64))
        } else {
            count(shown as u64)
        };
        let at = if let [place] = &places[..] { format!(" of {}", place.label()) } else { String::new() };
        Ok(Figure::EmbeddedImages(EmbeddedImages {
            title: format!("{among} {} {by}{at}", self.of.words()),
            layer: self.layer.clone(),
            classes: dataset.class_names().to_vec(),
            images: held.images.clone(),
            panels,
            thumbnails,
            one_extent: self.method == Method::Tsne,
            notes,
        }))
    }
}

impl ImageEmbedding {
    /// A place whose network has the layer, and whose images are those of another one.
    fn fitting(&self, place: Place, other: Option<&Place>) -> Result<Place, NotebookError> {
        if !place.holder.topology.blocks().any(|block| block.layer == self.layer) {
            return Err(unknown_layer(&self.layer, &place.holder));
        }
        match other.filter(|other| other.dataset() != place.dataset()) {
            None => Ok(place),
            Some(other) => Err(NotebookError::Misasked {
                what: format!("{} and {} are of different data sets", other.label(), place.label()),
                known: "embed them apart".to_owned(),
            }),
        }
    }

    fn notes(&self, reference: &Place, places: &[Place], held: &crate::sources::PlacedImages) -> Vec<String> {
        let nearest = format!(
            "neighbour purity: the share of an image's {} nearest, by its activations and in the plane, that are of its class",
            held.neighbours
        );
        let mut notes = vec![nearest];
        if held.images.len() < held.of {
            notes.push("the images are evenly spread over the split".to_owned());
        }
        if held.square > 1 {
            notes.push(format!("maps are averaged over squares of {0}×{0} values", held.square));
        }
        let is_held = places.iter().any(|place| place.holder.id != reference.holder.id || place.step != reference.step);
        if is_held {
            notes.push(match held.fit {
                Fit::Tsne { .. } => {
                    format!("all start from where they lie at {} and are held there", reference.label())
                }
                Fit::Pca { .. } => format!("axes point as those of {}", reference.label()),
            });
        }
        notes
    }
}
