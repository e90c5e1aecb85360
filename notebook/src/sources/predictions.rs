//! What a network says of the images of a split.

use std::sync::Arc;

use revacnn_recorder::RecorderError;
use revacnn_schemas::Prediction;
use revacnn_trainer::data::{Dataset, Split};

use super::Place;
use crate::{NotebookError, Sources};

impl Sources {
    /// What the network of a step says of each image of a split, with the `most` classes that it
    /// says most for, and the data set.
    pub(crate) fn predictions(
        &mut self,
        place: &Place,
        split: Split,
        most: usize,
    ) -> Result<(Arc<Dataset>, Vec<Prediction>), NotebookError> {
        let record = &place.holder;
        let dataset = self.dataset(record).map_err(|reason| NotebookError::DataLacking {
            needed: format!("what {} says of images has to be computed", place.label()),
            reason,
        })?;
        let mut replay = self.replay(record)?.with_data(dataset.clone(), self.threads);
        let found = replay.trainer_at(place.step).and_then(|trainer| {
            let images = dataset.indices(split);
            trainer.predict(split, &images, most).map_err(RecorderError::from)
        });
        self.kept.keep_replay(replay);
        Ok((dataset, found?))
    }
}
