//! With what a verb works here and now.

use std::path::{Path, PathBuf};

use revacnn_schemas::DatasetIdentity;
use revacnn_store::{DataHint, RecorderOptions, Store, StoreError, cores, default_disk_budget, unix_seconds};

/// Parts that a batch has at most: more threads have nothing to do.
const MOST_PARTS: usize = 16;

/// With what a verb works. Nothing of it is part of a branch, and none of it
/// changes a bit of what is trained.
#[derive(Debug, Clone)]
pub struct Resources {
    /// Threads of the engine, at most: how many of them train is tried out while it
    /// trains.
    pub threads: usize,
    /// How the recorder works; its disk budget bounds each branch.
    pub recorder: RecorderOptions,
    /// The folder that holds data sets, where one was named.
    pub data_folder: Option<PathBuf>,
    /// The time at which a branch is made, in seconds since 1970 (UTC).
    pub now_unix_seconds: u64,
}

impl Resources {
    /// What a verb works with where nobody says otherwise: the usual threads,
    /// the usual disk budget where the store is, the system's clock.
    pub fn usual(store: &Path) -> Self {
        Self {
            threads: usual_threads(),
            recorder: RecorderOptions {
                disk_budget: default_disk_budget(store),
                spares_cores: true,
                ..RecorderOptions::default()
            },
            data_folder: None,
            now_unix_seconds: unix_seconds(),
        }
    }

    /// Notes the folder that was named for data, in which a data set was found, so
    /// that the next verb needs none. It is a hint: that it cannot be noted
    /// refuses nothing, and is told by who talks to people.
    pub(crate) fn note_data(&self, store: &Store, identity: &DatasetIdentity) -> Option<StoreError> {
        let folder = self.data_folder.as_deref()?;
        DataHint::new(&identity.name, Some(folder)).remember(store, identity).err()
    }
}

/// The threads that compute steps where nobody says how many: the machine's cores, as far as
/// the largest batch has work for them.
pub fn usual_threads() -> usize {
    cores().min(MOST_PARTS)
}
