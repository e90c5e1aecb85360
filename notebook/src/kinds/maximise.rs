//! Images that a filter would see most gladly, whether there are such images or not.

use revacnn_schemas::{Address, Figure, FilterNumber, ImageGrid, ImageRow, LayerName, counted};
use revacnn_trainer::Ascent;
use serde::{Deserialize, Serialize};

use super::patches::{Named, filters_of, seen_of};
use super::pictured::reconstructed;
use crate::look::{axis_number, number};
use crate::{CellKind, Context, NotebookError};

/// So many filters are shown.
const MOST: usize = 64;

/// Images that excite each filter of a layer most, a row a filter, found by gradient ascent from
/// noise: what the filter sees of them in the middle of its map.
///
/// Source: Yosinski et al., *Understanding Neural Networks Through Deep Visualization* (2015).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maximise {
    /// Where; the first of the shown branches at the cursor where `None`.
    pub at: Option<Address>,
    /// The layer.
    pub layer: LayerName,
    /// One of its filters; all where `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<FilterNumber>,
    /// So many of each filter, each from other noise.
    pub count: u32,
    /// Gradients that each climbs.
    pub iterations: u32,
    /// By which share values fall towards grey with each gradient.
    pub decay: f64,
    /// The standard deviation of the blur, in pixels.
    pub blur: f64,
    /// The share of the pixels that become grey, those nearest to it.
    pub clip: f64,
    /// Of the noise.
    #[serde(default)]
    pub seed: u64,
    /// Whether whole images are shown, and not what the filter sees of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
}

impl Maximise {
    /// So many images of each filter of a layer at a step, found in the usual way.
    pub fn usual(at: Option<Address>, layer: LayerName, count: u32) -> Self {
        let Ascent { iterations, decay, blur, clip, seed } = Ascent::default();
        Self { at, layer, filter: None, count, iterations, decay, blur, clip, seed, whole: false }
    }

    fn ascent(&self) -> Ascent {
        let &Self { iterations, decay, blur, clip, seed, .. } = self;
        Ascent { iterations, decay, blur, clip, seed }
    }
}

impl CellKind for Maximise {
    const KIND: &'static str = "maximise";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let place = context.first_place(self.at.as_ref())?;
        let numbers = filters_of(&place, &self.layer, self.filter)?;
        let shown: Vec<(usize, FilterNumber)> = numbers.iter().copied().take(MOST).collect();
        let positions: Vec<usize> = shown.iter().map(|(position, _)| *position).collect();
        let (found, field) = context.maximised(&place, &self.layer, &positions, self.count as usize, &self.ascent())?;
        let shape = place.input().ok_or_else(|| NotebookError::Unknown {
            what: format!("{} is of another program", place.label()),
            known: "what its network computes is not known here".to_owned(),
        })?;
        let mut rows = Vec::with_capacity(shown.len());
        let named = Named::new(context, &place, &self.layer);
        for ((position, filter), found) in shown.iter().zip(&found) {
            let images = found.iter().map(|one| {
                let whole = reconstructed(shape, &one.image, number(one.value.into()))?;
                let seen = (!self.whole).then(|| field.at(one.middle[0], one.middle[1]));
                Some(seen_of(whole, seen))
            });
            let most = found.iter().map(|one| one.value).fold(f32::NEG_INFINITY, f32::max);
            let label = format!("{}  {}", named.of(*position, *filter), number(most.into()));
            rows.push(ImageRow { label, images: images.collect() });
        }
        let Self { iterations, decay, blur, clip, .. } = self;
        let (one, value) = match named.are_classes() {
            true => ("class", "score"),
            false => ("filter", "value of the middle of its map"),
        };
        let mut notes = vec![
            format!(
                "beside a {one}, the largest {value} that an image reaches; beneath a picture, what it reaches. They are \
                 kept smooth: real images may excite more"
            ),
            format!(
                "gradient ascent from noise, {}, decay {}, blur {} px, {} % of the pixels grey (Yosinski et al., 2015)",
                counted((*iterations).into(), "gradient"),
                axis_number(*decay),
                axis_number(*blur),
                axis_number(100.0 * clip)
            ),
        ];
        notes.extend(named.lacks());
        if numbers.len() > rows.len() {
            notes.push(format!("{} of {} filters are shown: name one by --filter", rows.len(), numbers.len()));
        }
        let still = found.iter().flatten().filter(|one| !one.climbed).count();
        if !found.is_empty() && found.iter().flatten().all(|one| !one.value.is_finite()) {
            notes.push(format!("{} has diverged: what its filters say is no number", place.label()));
        } else if still > 0 {
            let images = counted(still as u64, "image");
            notes.push(format!("{images} stayed noise: the filter has no gradient there to climb, as a dead one"));
        }
        let title = format!("images that excite {} of {} most, found by gradient ascent", self.layer, place.label());
        Ok(Figure::Images(ImageGrid { title, rows, of_data: true, notes }))
    }
}
