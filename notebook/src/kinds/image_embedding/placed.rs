//! The images at one step: their positions, and how far classes keep to themselves.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;

use ndarray::ArrayView2;
use revacnn_analysis::{
    AnalysisError, Neighbours, SampleSettings, Work, embed_samples, nearest_points, nearest_positions,
    neighbour_purity, principal_plane,
};
use revacnn_schemas::{ClassPurity, EmbeddedImage, EmbeddedPanel};

use super::ImageEmbedding;
use crate::context::Progress;
use crate::sources::{Activations, Fit, ImagesPlaced, Place, PlacedImages};
use crate::{Context, Method, NotebookError};

/// Of so many nearest images it is told how many are of the same class.
const NEIGHBOURS: usize = 10;
/// Parts of the work of a step: activations, positions, neighbours by activations and in the plane.
const STAGES: usize = 4;
/// What a stage's progress is told in.
const GRAIN: usize = 100;

/// What is asked for, and how much of it is done.
pub(super) struct Asked<'a> {
    pub(super) cell: &'a ImageEmbedding,
    /// Steps that are done.
    pub(super) part: usize,
    /// Steps that there are.
    pub(super) parts: usize,
}

impl Asked<'_> {
    /// The images at a step, in positions of their own, or held at those of another one.
    pub(super) fn placed(
        &self,
        context: &mut Context<'_>,
        place: &Place,
        reference: Option<(&Place, &PlacedImages)>,
    ) -> Result<Arc<PlacedImages>, NotebookError> {
        let cell = self.cell;
        let step = |place: &Place| (place.holder.id.clone(), place.step);
        let key = ImagesPlaced {
            at: step(place),
            reference: reference.map(|(place, _)| step(place)),
            layer: cell.layer.clone(),
            split: cell.of.split(),
            count: cell.count as usize,
            is_pca: cell.method == Method::Pca,
            perplexity: cell.perplexity.map(f64::to_bits),
            seed: cell.seed,
        };
        if let Some(found) = context.sources().kept_images(&key) {
            return Ok(found);
        }
        let mut of_images = |done, of| self.progress(0, done, of);
        let found = context.activations(place, key.split, &cell.layer, key.count, &mut of_images)?;
        let placed = Arc::new(self.embedded(context, found, reference.map(|(_, placed)| placed))?);
        context.sources().keep_images(key, placed.clone());
        Ok(placed)
    }

    fn progress(&self, stage: usize, done: usize, of: usize) -> Progress {
        let done = (self.part * STAGES + stage) * GRAIN + GRAIN * done.min(of) / of.max(1);
        Progress { done, of: self.parts * STAGES * GRAIN }
    }

    /// One finding, told apart from whether it is still wanted.
    fn work<T>(
        &self,
        context: &mut Context<'_>,
        stage: usize,
        find: impl FnOnce(&mut Work<'_>) -> Result<T, AnalysisError>,
    ) -> Result<T, NotebookError> {
        let threads = NonZeroUsize::new(context.sources().threads()).unwrap_or(NonZeroUsize::MIN);
        let mut watch = |done: usize, of: usize| {
            let Progress { done, of } = self.progress(stage, done, of);
            match context.progress(done, of) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        };
        find(&mut Work { threads, watch: &mut watch }).map_err(|error| match error {
            AnalysisError::Cancelled => NotebookError::Cancelled,
            other => other.into(),
        })
    }

    fn embedded(
        &self,
        context: &mut Context<'_>,
        found: Activations,
        reference: Option<&PlacedImages>,
    ) -> Result<PlacedImages, NotebookError> {
        let Activations { images, of, predicted, values, square } = found;
        let points = images.len();
        if points < 3 {
            return Err(NotebookError::Misasked {
                what: format!("an embedding needs at least 3 images, found {points}"),
                known: "choose a split with more, or a larger --count".to_owned(),
            });
        }
        let vectors = ArrayView2::from_shape((points, values.len() / points), &values)
            .expect("invariant: every image has as many values");
        let (positions, fit) = self.work(context, 1, |work| self.positions(vectors, reference, work))?;
        let count = NEIGHBOURS.min(points - 1);
        let by_values = self.work(context, 2, |work| nearest_points(vectors, count, work))?;
        let in_plane = self.work(context, 3, |work| nearest_positions(&positions, count, work))?;
        let labels: Vec<u32> = images.iter().map(|image| image.class).collect();
        let purity = neighbour_purity(&by_values, &labels)?;
        let purity_in_plane = neighbour_purity(&in_plane, &labels)?.mean;
        let by_class = by_class(&images, &predicted, &by_values, &purity.shares);
        let pairs = |images: f64| images * (images - 1.0);
        let same: f64 = by_class.iter().map(|class| pairs(f64::from(class.images))).sum();
        let chance = same / pairs(points as f64);
        let purity = purity.mean;
        Ok(PlacedImages {
            images,
            of,
            square,
            positions,
            predicted,
            fit,
            neighbours: count,
            purity,
            purity_in_plane,
            chance,
            by_class,
        })
    }

    fn positions(
        &self,
        vectors: ArrayView2<'_, f32>,
        reference: Option<&PlacedImages>,
        work: &mut Work<'_>,
    ) -> Result<(Vec<[f64; 2]>, Fit), AnalysisError> {
        let cell = self.cell;
        match cell.method {
            Method::Tsne => {
                let reference = reference.map(|placed| placed.positions.iter().copied().map(Some).collect());
                let SampleSettings { iterations, pull, .. } = SampleSettings::default();
                let settings =
                    SampleSettings { perplexity: cell.perplexity, seed: cell.seed, iterations, reference, pull };
                let found = embed_samples(vectors, &settings, work)?;
                let fit = Fit::Tsne { perplexity: found.perplexity, kl_divergence: found.kl_divergence };
                Ok((found.positions, fit))
            }
            Method::Pca => {
                let found = principal_plane(vectors, work)?;
                let (mut positions, explained) = (found.positions, found.explained);
                if let Some(reference) = reference {
                    point_alike(&mut positions, &reference.positions);
                }
                Ok((positions, Fit::Pca { explained }))
            }
        }
    }
}

/// Has each axis point as that of a reference does: a principal component has no sign of its own.
fn point_alike(positions: &mut [[f64; 2]], reference: &[[f64; 2]]) {
    for axis in 0..2 {
        let together: f64 = positions.iter().zip(reference).map(|(own, other)| own[axis] * other[axis]).sum();
        if together < 0.0 {
            positions.iter_mut().for_each(|position| position[axis] = -position[axis]);
        }
    }
}

/// How far each class that has images keeps to itself.
fn by_class(
    images: &[EmbeddedImage],
    predicted: &[Option<u32>],
    neighbours: &Neighbours,
    shares: &[f64],
) -> Vec<ClassPurity> {
    let classes = images.iter().map(|image| image.class as usize + 1).max().unwrap_or(0);
    let mut all = vec![(0_u32, None::<u32>, 0.0_f64, vec![0_u64; classes]); classes];
    for (point, (image, predicted)) in images.iter().zip(predicted).enumerate() {
        let (count, right, share, others) = &mut all[image.class as usize];
        *count += 1;
        if let Some(predicted) = predicted {
            *right = Some(right.unwrap_or_default() + u32::from(image.class == *predicted));
        }
        *share += shares[point];
        for &other in neighbours.of(point) {
            others[images[other as usize].class as usize] += 1;
        }
    }
    let of = |(class, (count, right, share, others)): (usize, (u32, Option<u32>, f64, Vec<u64>))| {
        let foreign = others.iter().enumerate().filter(|(other, times)| *other != class && **times > 0);
        // The first of equals.
        let most = foreign.rev().max_by_key(|(_, times)| **times);
        let pairs = f64::from(count) * neighbours.count() as f64;
        (count > 0).then(|| ClassPurity {
            class: class as u32,
            images: count,
            right,
            purity: share / f64::from(count),
            other: most.map(|(other, _)| other as u32),
            of_other: most.map_or(0.0, |(_, times)| *times as f64 / pairs),
        })
    };
    all.into_iter().enumerate().filter_map(of).collect()
}

/// The panel of a step.
pub(super) fn panel(place: &Place, placed: &PlacedImages) -> EmbeddedPanel {
    let right = placed.by_class.iter().filter_map(|class| class.right).reduce(|sum, right| sum + right);
    let fit = match placed.fit {
        Fit::Tsne { perplexity, kl_divergence } => {
            format!("t-SNE, perplexity {perplexity:.1}, KL divergence {kl_divergence:.3} nats")
        }
        Fit::Pca { explained: [first, second] } => {
            format!("principal components: {:.0} % and {:.0} % of the variance", 100.0 * first, 100.0 * second)
        }
    };
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let purity = format!(
        "neighbour purity {}, in the plane {}, by chance {}",
        percent(placed.purity),
        percent(placed.purity_in_plane),
        percent(placed.chance)
    );
    EmbeddedPanel {
        name: place.label(),
        hue: place.hue,
        positions: placed.positions.clone(),
        predicted: placed.predicted.clone(),
        right,
        neighbours: placed.neighbours as u32,
        purity: placed.purity,
        purity_in_plane: placed.purity_in_plane,
        chance: placed.chance,
        by_class: placed.by_class.clone(),
        notes: vec![purity, fit],
    }
}
