//! Where a data set was last found: a hint beside the branches, no part of
//! any of them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};

use revacnn_schemas::{DatasetIdentity, is_path};
use serde::{Deserialize, Serialize};

use crate::disk::open_plain_file;
use crate::{Store, StoreError};

/// How a data set was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataHint {
    /// Its name, or the path of its folder or file.
    #[serde(with = "crate::disk::os_text")]
    pub dataset: OsString,
    /// The folder that holds data sets, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "crate::disk::os_text::optional")]
    pub data_folder: Option<PathBuf>,
}

const FILE: &str = "data-hints.json";

impl DataHint {
    /// The hint for what was asked for; paths become absolute.
    pub fn new(dataset: impl AsRef<OsStr>, data_folder: Option<&Path>) -> Self {
        let dataset = dataset.as_ref();
        let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let is_path = is_path(dataset) || Path::new(dataset).exists();
        Self {
            dataset: if is_path { absolute(Path::new(dataset)).into() } else { dataset.to_owned() },
            data_folder: data_folder.map(absolute),
        }
    }

    /// The store's hint for a data set; `None` where there is none.
    pub fn of(store: &Store, identity: &DatasetIdentity) -> Option<Self> {
        all(store).remove(&identity.digest.to_string())
    }

    /// Remembers where a data set was found.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the store cannot be written.
    pub fn remember(&self, store: &Store, identity: &DatasetIdentity) -> Result<(), StoreError> {
        let key = identity.digest.to_string();
        if all(store).get(&key) == Some(self) {
            return Ok(());
        }
        // Two programs that find data at once keep each other's hint.
        let _lock = store.lock()?;
        let mut hints = all(store);
        hints.insert(key, self.clone());
        let text = serde_json::to_vec_pretty(&hints)
            .expect("invariant: a map of texts and bytes has no value that JSON cannot hold");
        store.disk().write_atomically(&store.root().join(FILE), &text)
    }
}

/// All hints; none where the file is missing or damaged, for they are hints.
fn all(store: &Store) -> BTreeMap<String, DataHint> {
    const LARGEST: u64 = 1 << 20;
    let Ok(file) = open_plain_file(&store.root().join(FILE)) else { return BTreeMap::new() };
    let mut text = Vec::new();
    let whole = file.take(LARGEST + 1).read_to_end(&mut text).is_ok_and(|bytes| bytes as u64 <= LARGEST);
    if whole { serde_json::from_slice(&text).unwrap_or_default() } else { BTreeMap::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_read_back_to_the_byte() {
        // As it is written since there are hints.
        let plain = r#"{"dataset":"cifar10","data_folder":"/data/caf\u00e9"}"#;
        let hint: DataHint = serde_json::from_str(plain).unwrap();
        assert_eq!(hint, DataHint::new("cifar10", Some(Path::new("/data/café"))));
        assert_eq!(serde_json::to_string(&hint).unwrap(), r#"{"dataset":"cifar10","data_folder":"/data/café"}"#);
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;

            let path = OsStr::from_bytes(b"/data/caf\xe9");
            let hint = DataHint::new(path, Some(Path::new(path)));
            let text = serde_json::to_string(&hint).unwrap();
            assert_eq!(serde_json::from_str::<DataHint>(&text).unwrap(), hint, "{text}");
            assert_eq!(hint.dataset, path);
        }
    }
}
