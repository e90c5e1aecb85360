//! Tensors of a step: read where they are stored, computed where they are not.

use std::sync::Arc;

use revacnn_recorder::{RecorderError, Replay};
use revacnn_schemas::{BranchRecord, ImageIndex};
use revacnn_store::{BranchReader, StepTensors, StoreError};

use super::Place;
use super::kept::Looked;
use crate::{NotebookError, Sources};

impl Sources {
    /// A step's tensors; with an image that is no probe image, its maps are
    /// computed. With `None` the maps are those of the probe images.
    pub(crate) fn tensors(
        &mut self,
        place: &Place,
        image: Option<ImageIndex>,
    ) -> Result<Arc<StepTensors>, NotebookError> {
        let record = &place.holder;
        let look = image.filter(|image| !record.recording.probes.contains(image));
        let looked = Looked { branch: record.id.clone(), step: place.step, image: look };
        if let Some(kept) = self.kept.tensors(&looked) {
            return Ok(kept);
        }
        let read = |replay: &mut Replay| match look {
            Some(image) => replay.look(place.step, &[image]),
            None => replay.tensors(place.step),
        };
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
        let tensors = Arc::new(result?);
        self.kept.keep_tensors(looked, tensors.clone());
        Ok(tensors)
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
            None => Ok(Replay::new(BranchReader::of(&self.store, record.clone())?)),
        }
    }
}
