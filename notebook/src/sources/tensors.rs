//! Tensors of a step: read where they are stored, computed where they are not.

use std::sync::Arc;

use revacnn_recorder::{RecorderError, Replay};
use revacnn_schemas::BranchRecord;
use revacnn_store::{BranchReader, StepTensors, StoreError};

use super::Place;
use super::kept::Looked;
use crate::{ChosenImage, NotebookError, Sources};

impl Sources {
    /// A step's tensors; with an image that is no probe image, its maps are
    /// computed. With `None` the maps are those of the probe images.
    pub(crate) fn tensors(
        &mut self,
        place: &Place,
        image: Option<&ChosenImage>,
    ) -> Result<Arc<StepTensors>, NotebookError> {
        let record = &place.holder;
        let is_probe = |image: &ChosenImage| image.index().is_some_and(|it| record.recording.probes.contains(&it));
        let look = image.filter(|image| !is_probe(image));
        let looked = Looked { branch: record.id.clone(), step: place.step, image: look.cloned() };
        if let Some(kept) = self.kept.tensors(&looked) {
            return Ok(kept);
        }
        let picture = look.and_then(ChosenImage::own).map(|picture| place.pictured(picture)).transpose()?;
        let tensors = self.through_replay(place, |replay| match (look, &picture) {
            (_, Some((_, picture))) => replay.look_at_picture(place.step, picture),
            (Some(ChosenImage::Training(image)), _) => replay.look(place.step, &[*image]),
            _ => replay.tensors(place.step),
        })?;
        let tensors = Arc::new(tensors);
        self.kept.keep_tensors(looked, tensors.clone());
        Ok(tensors)
    }

    /// Reads something of a step through its branch's replay, which is given the data set where
    /// something must be computed that needs it.
    pub(super) fn through_replay<T>(
        &mut self,
        place: &Place,
        mut read: impl FnMut(&mut Replay) -> Result<T, RecorderError>,
    ) -> Result<T, NotebookError> {
        let record = &place.holder;
        let mut replay = self.replay(record)?;
        let mut result = read(&mut replay);
        if matches!(result, Err(RecorderError::Store(StoreError::UnknownStep { .. }))) {
            // Committed since the replay looked at its folder.
            replay.reader().refresh()?;
            result = read(&mut replay);
        }
        // Loading a data set takes longer than a seek: only what must be
        // computed waits for it.
        let mut lacking = None;
        let not_stored = |error: &RecorderError| {
            matches!(
                error,
                RecorderError::Store(StoreError::TensorsNotStored { .. }) | RecorderError::DataNeeded { .. }
            )
        };
        if result.as_ref().is_err_and(not_stored) {
            match self.dataset(record) {
                Ok(dataset) => {
                    replay = replay.with_data(dataset, self.threads);
                    result = read(&mut replay);
                }
                Err(reason) => lacking = Some(reason),
            }
        }
        self.kept.keep_replay(replay);
        if let (Err(error), Some(reason)) = (&result, lacking) {
            return Err(NotebookError::DataLacking { needed: error.to_string(), reason });
        }
        Ok(result?)
    }

    /// Which filters are frozen at a step, by layers with weights; `None`
    /// where the state of training cannot be had.
    pub(crate) fn frozen(&mut self, place: &Place) -> Option<Vec<Vec<bool>>> {
        let record = &place.holder;
        let dataset = self.dataset(record).ok()?;
        let mut replay = self.replay(record).ok()?.with_data(dataset, self.threads);
        let trainer = replay.trainer_at(place.step).ok();
        let frozen = trainer.map(|trainer| trainer.parameters().iter().map(|layer| layer.frozen.clone()).collect());
        self.kept.keep_replay(replay);
        frozen
    }

    /// The replay of a branch, to be kept again.
    pub(super) fn replay(&mut self, record: &BranchRecord) -> Result<Replay, NotebookError> {
        match self.kept.take_replay(&record.id) {
            Some(replay) => {
                replay.reader().hold();
                Ok(replay)
            }
            None => Ok(Replay::new(BranchReader::of(&self.store, record.clone())?).with_threads(self.threads)),
        }
    }
}
