//! What a filter sees: the patches of images that excite it most.

use revacnn_schemas::{Address, Figure, FilterNumber, Image, ImageGrid, ImageRow, LayerName};
use revacnn_trainer::data::{Dataset, Part};
use revacnn_trainer::{Excitation, Patch};
use serde::{Deserialize, Serialize};
use unicode_width::UnicodeWidthStr;

use super::curve::outputs_of;
use super::network::class_layer;
use super::pictured::pictured;
use crate::scene::fitted;
use crate::sources::Place;
use crate::{CellKind, Context, ImageSplit, NotebookError};

/// So many filters are shown.
const MOST: usize = 64;

/// The patches of images that excite each filter of a layer most, a row a filter: what its
/// receptive field sees where the map before pooling is largest.
///
/// Source: Zeiler and Fergus, *Visualizing and Understanding Convolutional Networks* (2014).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patches {
    /// Where; the first of the shown branches at the cursor where `None`.
    pub at: Option<Address>,
    /// The layer.
    pub layer: LayerName,
    /// One of its filters; all where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<FilterNumber>,
    /// The images.
    pub of: ImageSplit,
    /// So many of each filter.
    pub count: u32,
    /// Whether whole images are shown, and not what the filter sees of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
}

impl CellKind for Patches {
    const KIND: &'static str = "patches";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let place = context.first_place(self.at.as_ref())?;
        let split = self.of.split();
        let numbers = filters_of(&place, &self.layer, self.filter)?;
        let (dataset, excited, field) = context.excited(&place, split, &self.layer, self.count as usize)?;
        // Sums of older recordings have channels without numbers.
        let numbers = match numbers.is_empty() {
            true => (0..excited.filters.len()).map(|place| (place, FilterNumber(place as u32))).collect(),
            false => numbers,
        };
        let part = dataset.part(split);
        let named = Named::new(context, &place, &self.layer);
        let mut rows = Vec::new();
        for &(position, number) in numbers.iter().take(MOST) {
            let found = &excited.filters[position];
            let largest = found.first().map_or(f32::NEG_INFINITY, |found| found.value);
            let mut images = Vec::with_capacity(found.len());
            for excitation in found {
                let seen = field.filter(|_| !self.whole).map(|field| field.at(excitation.row, excitation.column));
                images.push(Some(patch(&dataset, part, excitation, seen)?));
            }
            let label = format!("{}  {}", named.of(position, number), crate::look::number(largest.into()));
            rows.push(ImageRow { label, images });
        }
        let (one, value) = if named.are_classes() { ("class", "score") } else { ("filter", "value of its map") };
        let mut notes = vec![format!(
            "beside a {one}, the largest {value} that an image gives; beneath a picture, the number of its image"
        )];
        if numbers.len() > rows.len() {
            notes.push(format!("{} of {} filters are shown: name one by --filter", rows.len(), numbers.len()));
        }
        notes.extend(named.lacks());
        let mut values = excited.filters.iter().flatten().map(|found| found.value);
        if values.clone().next().is_some() && values.all(|value| !value.is_finite()) {
            notes.push(format!("{} has diverged: what its filters say is no number", place.label()));
        } else if !named.are_classes() && excited.filters.iter().flatten().any(|found| found.value <= 0.0) {
            notes.push("where a filter's largest value is 0 or below, no image excites it".to_owned());
        }
        let what = if self.whole { "images" } else { "patches" };
        let title = format!("{what} of {} that excite {} of {} most", self.of.words(), self.layer, place.label());
        Ok(Figure::Images(ImageGrid { title, rows, of_data: true, notes }))
    }
}

/// The filters of a layer that has maps, or one of them: each with its position; none where they have no
/// numbers.
///
/// # Errors
/// The layers, or the filters, that there are.
pub(super) fn filters_of(
    place: &Place,
    layer: &LayerName,
    filter: Option<FilterNumber>,
) -> Result<Vec<(usize, FilterNumber)>, NotebookError> {
    let layers = &place.holder.topology.layers;
    let known = layers.iter().find(|known| known.layer == *layer && known.map.is_some());
    let known = known.ok_or_else(|| {
        let with_maps: Vec<&str> = place.holder.topology.blocks().map(|block| block.layer.as_str()).collect();
        NotebookError::Unknown {
            what: format!("branch `{}` has no layer `{layer}` with maps of its own", place.holder.name),
            known: format!("there is {}", with_maps.join(", ")),
        }
    })?;
    let numbers = known.filters.iter().map(|filter| filter.number).enumerate();
    let meant: Vec<_> = numbers.filter(|(_, number)| filter.is_none_or(|filter| filter == *number)).collect();
    match filter.filter(|_| meant.is_empty() && !known.filters.is_empty()) {
        None => Ok(meant),
        Some(filter) => {
            let numbers: Vec<String> = known.filters.iter().map(|filter| filter.number.to_string()).collect();
            Err(NotebookError::Unknown {
                what: format!("{layer} of {} has no filter {filter}", place.label()),
                known: format!("there is {}", numbers.join(", ")),
            })
        }
    }
}

/// How the filters of a layer are called: those of the class layer are the classes.
pub(super) struct Named<'a> {
    layer: &'a LayerName,
    are_classes: bool,
    classes: Vec<String>,
    lacks: Option<String>,
}

/// As many letters of a class's name stand before its number.
const NAME: usize = 16;

impl<'a> Named<'a> {
    /// The names at a step; where the data set is not at hand, no class has one.
    pub(super) fn new(context: &mut Context<'_>, place: &Place, layer: &'a LayerName) -> Self {
        let are_classes = class_layer(&place.holder.topology, outputs_of(&place.holder)).as_ref() == Some(layer);
        let short = |name: &String| fitted(name, NAME as f32, |text| text.width() as f32);
        let (classes, lacks) = match context.data_at_hand(&place.holder) {
            _ if !are_classes => (Vec::new(), None),
            Ok(dataset) => (dataset.class_names().iter().map(short).collect(), None),
            Err(reason) => (Vec::new(), Some(format!("no class names: {reason}"))),
        };
        Self { layer, are_classes, classes, lacks }
    }

    /// The name of a filter by its position, else its number.
    pub(super) fn of(&self, position: usize, number: FilterNumber) -> String {
        self.classes.get(position).cloned().unwrap_or_else(|| format!("{}/{number}", self.layer))
    }

    /// What the names lack, and why.
    pub(super) fn lacks(&self) -> Option<String> {
        self.lacks.clone()
    }

    /// Whether the filters are the classes.
    pub(super) fn are_classes(&self) -> bool {
        self.are_classes
    }
}

/// What is seen of an image of a data set, or the whole.
fn patch(dataset: &Dataset, part: &Part, found: &Excitation, seen: Option<Patch>) -> Result<Image, NotebookError> {
    let label = found.image.to_string();
    Ok(seen_of(Image { label, ..pictured(dataset, part, found.image)? }, seen))
}

/// What is seen of an image, or the whole; beyond its edges there is a gap.
pub(super) fn seen_of(whole: Image, seen: Option<Patch>) -> Image {
    let Some(Patch { top, left, height, width }) = seen else { return whole };
    let channels = whole.pixels.len() / (whole.rows * whole.columns).max(1);
    // No more than the image, and as much around it: what is larger is seen from its middle.
    let clip = |first: i64, size: u64, length: usize| {
        let most = 2 * length as u64;
        if size > most { (first.saturating_add_unsigned((size - most) / 2), most) } else { (first, size) }
    };
    let (top, rows) = clip(top, height, whole.rows);
    let (left, columns) = clip(left, width, whole.columns);
    let mut pixels = Vec::with_capacity((rows * columns) as usize * channels);
    for row in 0..rows {
        for column in 0..columns {
            let at = |first: i64, by: u64, length: usize| {
                usize::try_from(first.saturating_add_unsigned(by)).ok().filter(|place| *place < length)
            };
            let inside = at(top, row, whole.rows).zip(at(left, column, whole.columns));
            for channel in 0..channels {
                let value =
                    inside.map(|(row, column)| whole.pixels[(row * whole.columns + column) * channels + channel]);
                pixels.push(value.unwrap_or(f32::NAN));
            }
        }
    }
    Image { rows: rows as usize, columns: columns as usize, pixels, ..whole }
}
