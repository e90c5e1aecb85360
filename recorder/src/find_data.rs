//! Finding the data set of a branch, wherever it has been moved.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use revacnn_schemas::{BranchRecord, Producer};
use revacnn_store::{DataHint, Store};
use revacnn_trainer::TrainerError;
use revacnn_trainer::data::{Dataset, find};

use crate::RecorderError;

/// Finds the data set of a branch by its digest: at or below `data_folder`
/// where given, then where the store's hint says.
///
/// # Errors
/// What [`find`] says: what was looked for and where, and what was found
/// there instead; [`RecorderError::Foreign`] where the data are another
/// program's.
pub fn find_data(
    store: &Store,
    record: &BranchRecord,
    data_folder: Option<&Path>,
) -> Result<Arc<Dataset>, RecorderError> {
    let (identity, reading) = match &record.producer {
        Producer::Engine { definition, .. } => (&definition.dataset, definition.reading.as_ref()),
        Producer::Foreign(foreign) => {
            let (branch, producer) = (record.name.clone(), foreign.to_string());
            return Err(RecorderError::Foreign { branch, producer, verb: "train, verify, evaluate or rewrite it" });
        }
    };
    let mut places: Vec<PathBuf> = data_folder.map(Path::to_owned).into_iter().collect();
    if let Some(DataHint { dataset, data_folder }) = DataHint::of(store, identity) {
        // It is the path of a folder, or the name of a known data set.
        let own = PathBuf::from(dataset);
        places.extend(own.is_absolute().then_some(own));
        places.extend(data_folder);
    }
    Ok(Arc::new(find(identity, reading, &places).map_err(TrainerError::from)?))
}
