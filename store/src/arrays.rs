//! Arrays that a branch's layers begin with, in a file beside its record, named by their digest.
//!
//! A record has digests alone. The file comes with the branch by the same rename, goes with it
//! into packs, and is read where the branch's first step is computed again.

use std::collections::HashSet;
use std::io::Read;

use revacnn_schemas::{
    ArrayFile, BranchRecord, Digest, Edit, InitialArrays, MOST_ARRAY_BYTES, Producer, RunDefinition,
};

use crate::disk::open_plain_file;
use crate::disk::paths::BranchPaths;
use crate::{Store, StoreError};

impl Store {
    /// The edits of a branch, with the arrays that they load.
    ///
    /// # Errors
    /// Where a file of arrays is missing, or is another one.
    pub fn edits_with_arrays(&self, record: &BranchRecord) -> Result<Vec<Edit>, StoreError> {
        let paths = self.paths(&record.id);
        let with = |edit: &Edit| match edit.arrays() {
            Some(arrays) => Ok(edit.with_arrays(read(&paths, arrays.digest())?)),
            None => Ok(edit.clone()),
        };
        record.edits.iter().map(with).collect()
    }

    /// What a run of its own trains, with the arrays that it begins with.
    ///
    /// # Errors
    /// Where their file is missing, or is another one.
    pub fn definition_with_arrays(
        &self,
        record: &BranchRecord,
        definition: &RunDefinition,
    ) -> Result<RunDefinition, StoreError> {
        let mut definition = definition.clone();
        if let Some(init) = definition.init.as_mut().filter(|_| record.parent.is_none()) {
            init.arrays = read(&self.paths(&record.id), init.arrays.digest())?;
        }
        Ok(definition)
    }
}

/// Takes the arrays out of what is to be recorded. A fork's definition has none of its own: it
/// begins with its parent's state.
pub(crate) fn separate(producer: &mut Producer, edits: &mut [Edit], is_fork: bool) -> Vec<ArrayFile> {
    let mut files: Vec<ArrayFile> = Vec::new();
    if let Producer::Engine { definition, .. } = producer
        && let Some(init) = &mut definition.init
    {
        files.extend((!is_fork).then(|| init.arrays.clone()));
        *init = InitialArrays::recorded(init);
    }
    for edit in edits {
        if let Some(arrays) = edit.arrays().cloned() {
            *edit = edit.with_arrays(arrays.recorded());
            files.push(arrays);
        }
    }
    let mut known = HashSet::new();
    files.retain(|file| known.insert(file.digest()));
    files
}

/// Digests of the arrays that lie beside a record.
pub(crate) fn digests_of(record: &BranchRecord) -> Vec<Digest> {
    let init = record.definition().and_then(|definition| definition.init.as_ref());
    let init = init.filter(|_| record.parent.is_none()).map(|init| init.arrays.digest());
    let mut digests: Vec<Digest> =
        init.into_iter().chain(record.edits.iter().filter_map(Edit::arrays).map(ArrayFile::digest)).collect();
    digests.sort_unstable();
    digests.dedup();
    digests
}

/// The name of the file of arrays with a digest.
pub(crate) fn file_name(digest: Digest) -> String {
    format!("arrays-{digest}.safetensors")
}

/// Whether a file's name is one of arrays.
pub(crate) fn is_file_name(name: &str) -> bool {
    let digest = name.strip_prefix("arrays-").and_then(|rest| rest.strip_suffix(".safetensors"));
    digest.and_then(|digest| digest.parse().ok()).is_some_and(|digest| file_name(digest) == name)
}

/// The arrays with a digest beside a branch's record.
pub(crate) fn read(paths: &BranchPaths, digest: Digest) -> Result<ArrayFile, StoreError> {
    let path = paths.folder.join(file_name(digest));
    let mut bytes = Vec::new();
    let file = open_plain_file(&path).map_err(|error| match error.is_missing_file() {
        true => {
            StoreError::Missing { path: path.clone(), expected: "the arrays that its layers begin with".to_owned() }
        }
        false => error,
    })?;
    let read = file.take(MOST_ARRAY_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|source| StoreError::io("read", &path, source))?;
    if bytes.len() as u64 > MOST_ARRAY_BYTES {
        let expected = format!("arrays of at most {MOST_ARRAY_BYTES} bytes");
        return Err(StoreError::damaged(&path, expected, "a larger file"));
    }
    let file = ArrayFile::new(bytes);
    if file.digest() != digest {
        let found = format!("arrays of digest {:.12}", file.digest());
        return Err(StoreError::damaged(&path, format!("arrays of digest {digest:.12}"), found));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_is_that_of_its_digest_and_no_other() {
        let digest = ArrayFile::new(vec![1]).digest();
        assert!(is_file_name(&file_name(digest)));
        for other in ["arrays-.safetensors", "arrays-00.safetensors", "steps", &format!("arrays-{digest}")] {
            assert!(!is_file_name(other), "{other}");
        }
        assert!(!is_file_name(&file_name(digest).to_uppercase()));
    }
}
