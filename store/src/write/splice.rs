//! Joining the files of several parts into one without encoding anything
//! twice: column chunks are copied as they are, and only their offsets change.

use std::path::{Path, PathBuf};

use crc32fast::Hasher;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};
use revacnn_schemas::BranchRecord;

use crate::StoreError;
use crate::disk::paths::StepSpan;
use crate::disk::{Disk, open_plain_file};
use crate::read::checked_file::CheckedFile;
use crate::read::footer::{Expected, FooterCache, guarded};
use crate::write::file::{Complete, FileKind, TableFile};

/// Writes the row groups of all `sources`, in that order, to `target`. Each
/// source comes with what it must hold: a damaged part of the tail stays alone
/// in its damage.
pub(crate) fn splice(
    disk: &Disk,
    sources: &[(PathBuf, Expected<'_>)],
    target: &Path,
    kind: &FileKind,
    branch: &BranchRecord,
    span: StepSpan,
) -> Result<Complete, StoreError> {
    let (checked, mut headers) = (FooterCache::default(), Hasher::new());
    for (path, expected) in sources {
        let table = checked.open(path, *expected)?;
        guarded("read", path, || CheckedFile::of(&table).check_pages(&mut headers))?;
    }
    let mut joined = TableFile::create(disk, target, kind)?;
    joined.sums().headers = headers;
    for (path, _) in sources {
        let file = open_plain_file(path)?;
        let metadata = guarded("read", path, || {
            ParquetMetaDataReader::new()
                .with_column_index_policy(PageIndexPolicy::Optional)
                .with_offset_index_policy(PageIndexPolicy::Required)
                .parse_and_finish(&file)
        })?;
        joined.copy(&file, &metadata)?;
    }
    joined.complete(branch, span)
}
