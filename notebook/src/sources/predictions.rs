//! What a network says of the images of a split.

use std::sync::Arc;

use revacnn_schemas::{ImageIndex, LayerName, Prediction, Reconstruction};
use revacnn_trainer::data::{Dataset, Split};
use revacnn_trainer::{Ascent, Excited, Maximised, ReceptiveField, Saliency, Trace, Trainer};

use super::Place;
use super::kept::Predicted;
use crate::{ChosenImage, NotebookError, Sources};

/// So many images are looked at between two looks whether somebody still waits.
const AT_ONCE: usize = 512;

/// So many filters are climbed for between two such looks.
const FILTERS_AT_ONCE: usize = 4;

/// Told how many images of how many are done; an error ends it.
pub(crate) type Done<'a> = &'a mut dyn FnMut(usize, usize) -> Result<(), NotebookError>;

/// How many images of a split are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Looked {
    pub(super) chosen: usize,
    /// How many the split has.
    pub(super) of: usize,
}

impl Sources {
    /// What the network of a step says of each image of a split, with the `most` classes that it
    /// says most for, and the data set.
    pub(crate) fn predictions(
        &mut self,
        place: &Place,
        split: Split,
        most: usize,
        done: Done<'_>,
    ) -> Result<(Arc<Dataset>, Arc<[Prediction]>), NotebookError> {
        let predicted = Predicted { branch: place.holder.id.clone(), step: place.step, split, most };
        if let Some(found) = self.kept.predictions(&predicted) {
            return Ok((self.computed_from(place)?, found));
        }
        let mut all = Vec::new();
        let dataset = self.of_images(place, split, None, done, |trainer, images, _| {
            all.extend(trainer.predict(split, images, most)?);
            Ok(())
        })?;
        let all: Arc<[Prediction]> = all.into();
        self.kept.keep_predictions(predicted, all.clone());
        Ok((dataset, all))
    }

    /// The class that the network of a step predicts at so many points between each two images of a split.
    pub(crate) fn classes_between(
        &mut self,
        place: &Place,
        split: Split,
        lines: &[[ImageIndex; 2]],
        points: usize,
        done: Done<'_>,
    ) -> Result<Vec<Vec<u32>>, NotebookError> {
        let dataset = self.computed_from(place)?;
        let mut all = Vec::with_capacity(lines.len());
        // At each point the network runs once.
        let at_once = (AT_ONCE / points.max(1)).max(16);
        self.in_parts(place, dataset, (lines, at_once), done, |trainer, lines| {
            all.extend(trainer.classes_between(split, lines, points)?);
            Ok(())
        })?;
        Ok(all)
    }

    /// Tells what the network of a step gives back of each image of a split, in order.
    pub(crate) fn reconstructions(
        &mut self,
        place: &Place,
        split: Split,
        mut tell: impl FnMut(Reconstruction),
        done: Done<'_>,
    ) -> Result<(), NotebookError> {
        self.of_images(place, split, None, done, |trainer, images, _| {
            trainer.reconstruct(split, images)?.into_iter().for_each(&mut tell);
            Ok(())
        })
        .map(drop)
    }

    /// The images of a split that excite the filters of a layer most at a step, at most so many of
    /// each, what its maps see, and the data set.
    pub(crate) fn excited(
        &mut self,
        place: &Place,
        split: Split,
        layer: &LayerName,
        most: usize,
        done: Done<'_>,
    ) -> Result<(Arc<Dataset>, Excited, Option<ReceptiveField>), NotebookError> {
        let (mut excited, mut field) = (Excited::new(most), None);
        let dataset = self.of_images(place, split, None, done, |trainer, images, _| {
            if field.is_none() {
                field = Some(trainer.receptive_field(layer)?);
            }
            Ok(trainer.excite(split, images, layer, &mut excited)?)
        })?;
        Ok((dataset, excited, field))
    }

    /// What of an image the output of a step's network for a class depends on.
    pub(crate) fn saliency(
        &mut self,
        place: &Place,
        split: Split,
        image: &ChosenImage,
        class: Option<u32>,
    ) -> Result<Saliency, NotebookError> {
        let image = match image {
            ChosenImage::Training(image) => *image,
            ChosenImage::Own(picture) => {
                let (_, picture) = place.pictured(picture)?;
                return self.through_replay(place, |replay| {
                    let (_, viewer) = replay.viewer_at(place.step)?;
                    Ok(viewer.saliency(&picture, class)?)
                });
            }
        };
        let dataset = self.computed_from(place)?;
        let mut replay = self.replay(&place.holder)?.with_data(dataset, self.threads);
        let found = replay.trainer_at(place.step).and_then(|trainer| Ok(trainer.saliency(split, image, class)?));
        self.kept.keep_replay(replay);
        Ok(found?)
    }

    /// What the network of a step takes an image for: the `most` classes that it says most for.
    pub(crate) fn predicted(
        &mut self,
        place: &Place,
        image: &ChosenImage,
        most: usize,
    ) -> Result<Vec<(u32, f32)>, NotebookError> {
        let bytes = self.bytes_of(place, image)?;
        self.through_replay(place, |replay| {
            let (_, viewer) = replay.viewer_at(place.step)?;
            Ok(viewer.predict(&bytes, most)?)
        })
    }

    /// The strongest chain through a filter, by its position, for an image.
    pub(crate) fn trace(
        &mut self,
        place: &Place,
        image: &ChosenImage,
        layer: &LayerName,
        filter: usize,
    ) -> Result<Trace, NotebookError> {
        let bytes = self.bytes_of(place, image)?;
        self.through_replay(place, |replay| {
            let (_, viewer) = replay.viewer_at(place.step)?;
            Ok(viewer.trace(&bytes, layer, filter)?)
        })
    }

    /// Images that excite filters of a layer most, by their positions, `[filter][start]`, and what each value of the
    /// layer's map sees of an image.
    pub(crate) fn maximised(
        &mut self,
        place: &Place,
        layer: &LayerName,
        filters: &[usize],
        starts: usize,
        ascent: &Ascent,
        done: Done<'_>,
    ) -> Result<(Vec<Vec<Maximised>>, ReceptiveField), NotebookError> {
        let (mut found, mut field) = (Vec::with_capacity(filters.len()), None);
        let mut climbed = 0;
        loop {
            let some = &filters[climbed..filters.len().min(climbed + FILTERS_AT_ONCE)];
            let (images, seen) = self.through_replay(place, |replay| {
                let (_, viewer) = replay.viewer_at(place.step)?;
                Ok(viewer.maximise(layer, some, starts, ascent)?)
            })?;
            found.extend(images);
            climbed += some.len();
            let field = *field.get_or_insert(seen);
            if climbed == filters.len() {
                return Ok((found, field));
            }
            done(climbed, filters.len())?;
        }
    }

    /// An image as a network reads it, `[channel][row][column]`.
    fn bytes_of(&mut self, place: &Place, image: &ChosenImage) -> Result<Arc<[u8]>, NotebookError> {
        match image {
            ChosenImage::Own(picture) => Ok(place.pictured(picture)?.1),
            ChosenImage::Training(image) => Ok((&*self.computed_from(place)?.train().image(*image)?).into()),
        }
    }

    /// The data set that what a network says of images is computed from.
    pub(crate) fn computed_from(&mut self, place: &Place) -> Result<Arc<Dataset>, NotebookError> {
        self.dataset(&place.holder).map_err(|reason| NotebookError::DataLacking {
            needed: format!("what {} says of images has to be computed", place.label()),
            reason,
        })
    }

    /// Looks at the images of a split by the network of a step, some at a time: at all of them, or
    /// at most so many that are evenly spread over it.
    pub(super) fn of_images(
        &mut self,
        place: &Place,
        split: Split,
        most: Option<usize>,
        done: Done<'_>,
        mut look: impl FnMut(&Trainer, &[ImageIndex], Looked) -> Result<(), NotebookError>,
    ) -> Result<Arc<Dataset>, NotebookError> {
        let dataset = self.computed_from(place)?;
        let all = dataset.indices(split);
        let chosen = most.unwrap_or(all.len()).min(all.len());
        let images: Vec<ImageIndex> = (0..chosen).map(|place| all[place * all.len() / chosen]).collect();
        let looked_at = Looked { chosen, of: all.len() };
        let look = |trainer: &Trainer, images: &[ImageIndex]| look(trainer, images, looked_at);
        self.in_parts(place, dataset.clone(), (&images, AT_ONCE), done, look)?;
        Ok(dataset)
    }

    /// Looks at some things by the network of a step, so many at a time; between two looks it is asked whether
    /// somebody still waits.
    fn in_parts<I>(
        &mut self,
        place: &Place,
        dataset: Arc<Dataset>,
        (things, at_once): (&[I], usize),
        done: Done<'_>,
        mut look: impl FnMut(&Trainer, &[I]) -> Result<(), NotebookError>,
    ) -> Result<(), NotebookError> {
        let mut replay = self.replay(&place.holder)?.with_data(dataset, self.threads);
        let mut parts = things.chunks(at_once).enumerate();
        let found = parts.try_for_each(|(part, some)| {
            look(replay.trainer_at(place.step)?, some)?;
            done(part * at_once + some.len(), things.len())
        });
        self.kept.keep_replay(replay);
        found
    }
}
