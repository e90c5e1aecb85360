//! Images that a filter would see most gladly, whether there are such images or not.

use revacnn_schemas::{Address, Figure, FilterNumber, ImageGrid, ImageRow, LayerName};
use revacnn_trainer::Ascent;
use serde::{Deserialize, Serialize};

use super::patches::{filters_of, seen_of};
use super::pictured::reconstructed;
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
        for ((_, number), found) in shown.iter().zip(&found) {
            let images = found.iter().map(|one| {
                let whole = reconstructed(shape, &one.image, crate::look::number(one.value.into()))?;
                let seen = (!self.whole).then(|| field.at(one.middle[0], one.middle[1]));
                Some(seen_of(whole, seen))
            });
            let most = found.iter().map(|one| one.value).fold(f32::NEG_INFINITY, f32::max);
            let label = format!("{}/{number}  {}", self.layer, crate::look::number(most.into()));
            rows.push(ImageRow { label, images: images.collect() });
        }
        let Self { iterations, decay, blur, clip, .. } = self;
        let mut notes = vec![
            "beside a filter, the largest value of the middle of its map that an image reaches".to_owned(),
            format!(
                "gradient ascent from noise, {iterations} gradients, decay {decay}, blur {blur} pixels, {} % of the \
                 pixels grey (Yosinski et al., 2015)",
                100.0 * clip
            ),
        ];
        if numbers.len() > rows.len() {
            notes.push(format!("{} of {} filters are shown: name one by --filter", rows.len(), numbers.len()));
        }
        if found.iter().flatten().any(|one| !one.value.is_finite() || one.value <= 0.0) {
            notes.push("where the largest value is 0 or below, nothing was found that excites the filter".to_owned());
        }
        let title = format!("images that excite {} of {} most, found by gradient ascent", self.layer, place.label());
        Ok(Figure::Images(ImageGrid { title, rows, of_data: true, notes }))
    }
}
