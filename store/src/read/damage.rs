//! What a look at names and at the ends of files shows to be wrong. No page is
//! read, so that it can be told with every listing.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use revacnn_schemas::{Producer, Step, Table};

use crate::disk::Disk;
use crate::disk::folder::Folder;
use crate::disk::paths::StepSpan;
use crate::read::listing::Piece;
use crate::shape::{TENSOR_TABLES, must_have_samples};
use crate::{BranchReader, Lineage, StoreError};

/// The end of every Parquet file: the footer's length, and these letters.
pub(crate) const MAGIC: &[u8; 4] = b"PAR1";

impl BranchReader {
    /// What is wrong with the branch's own files, as far as names and the ends
    /// of files tell: [gaps](Self::gaps), tables that a span of steps lacks, and
    /// files that were cut off.
    ///
    /// # Errors
    /// Where the branch's folder cannot be listed.
    pub fn damage(&self) -> Result<Vec<StoreError>, StoreError> {
        let gaps = self.gaps()?.into_iter().map(|gap| gap.error);
        Ok(gaps.chain(self.damaged_files()).collect())
    }

    /// The branch's own files that are missing or cut off, where their steps
    /// are there.
    pub fn damaged_files(&self) -> Vec<StoreError> {
        self.damaged_files_of(StepSpan::new(Step(0), Step(u64::MAX)))
    }

    fn damaged_files_of(&self, span: StepSpan) -> Vec<StoreError> {
        let mut found = Vec::new();
        // One that is gone has no pieces by then.
        let Ok(folder) = Folder::open(&Disk::default(), &self.paths.folder) else { return found };
        for piece in self.index().pieces.iter().filter(|piece| span.intersection(&piece.span).is_some()) {
            for table in Table::ALL {
                found.extend(self.damage_of(&folder, *piece, table));
            }
        }
        found
    }

    /// What is wrong with a piece's file of a table, if it must be there.
    fn damage_of(&self, folder: &Folder, piece: Piece, table: Table) -> Option<StoreError> {
        if !self.must_hold(piece, table) {
            return None;
        }
        // While somebody writes, a part is merged and a segment thinned: a file
        // that is gone with the part, or by now is not wanted, is no damage.
        let look = || check_end(folder, &piece.file(&self.paths, table), table);
        let error = look().err()?;
        self.refresh().ok()?;
        let is_listed =
            self.index().pieces.iter().any(|other| (other.span, other.sealed) == (piece.span, piece.sealed));
        (is_listed && self.must_hold(piece, table)).then(|| look().err()).flatten().and(Some(error))
    }

    /// Whether a piece has a file of a table.
    fn must_hold(&self, piece: Piece, table: Table) -> bool {
        match table {
            Table::Events | Table::Topology => false,
            Table::Keyframes | Table::Samples => self.must_hold_rows(table, piece.span),
            Table::Validation => {
                self.must_hold_rows(table, piece.span)
                    || piece.sealed && self.index().validation.binary_search(&piece.span).is_ok()
            }
            _ => {
                self.shape.rows_a_step(table).is_some_and(|rows| rows > 0)
                    && (!TENSOR_TABLES.contains(&table) || self.stores_tensors_of(piece.span))
            }
        }
    }

    /// Whether there must be rows of a span in one of the tables whose rows vary.
    pub(crate) fn must_hold_rows(&self, table: Table, span: StepSpan) -> bool {
        match table {
            Table::Keyframes => matches!(self.record.producer, Producer::Engine { .. }) && self.has_keyframe(span),
            Table::Samples => must_have_samples(&self.record, span),
            // At the end of an epoch as well, which no name tells of.
            Table::Validation => {
                let is_engine = matches!(self.record.producer, Producer::Engine { .. });
                is_engine && self.has_first_or(self.record.recording.validate_every, span)
            }
            _ => false,
        }
    }

    /// Whether a span has a step of which the whole state is kept.
    fn has_keyframe(&self, span: StepSpan) -> bool {
        self.has_first_or(Some(self.record.recording.keyframe_interval), span)
    }

    /// Whether a span has the branch's first step, or one that is a multiple of an interval.
    fn has_first_or(&self, interval: Option<u64>, span: StepSpan) -> bool {
        let next = interval.and_then(|interval| span.first.0.checked_next_multiple_of(interval));
        span.contains(self.record.first_step()) || next.is_some_and(|step| span.contains(Step(step)))
    }
}

impl Lineage {
    /// [`BranchReader::damage`] of the whole history.
    ///
    /// # Errors
    /// Where a branch's folder cannot be listed.
    pub fn damage(&self) -> Result<Vec<StoreError>, StoreError> {
        let gaps = self.gaps()?.into_iter().map(|gap| gap.error);
        let parts = self.parts().into_iter().rev();
        Ok(gaps.chain(parts.flat_map(|(reader, part)| reader.damaged_files_of(part))).collect())
    }

    /// An error, by the file that was lost where all that it names is the folder of a
    /// table: who reads rows knows no more.
    #[must_use]
    pub fn lost_file(&self, error: StoreError) -> StoreError {
        let StoreError::Missing { path: table, .. } = &error else { return error };
        let is_in_it =
            |known: &StoreError| matches!(known, StoreError::Missing { path, .. } if path.parent() == Some(table));
        self.damage().ok().and_then(|damage| damage.into_iter().find(is_in_it)).unwrap_or(error)
    }
}

/// Checks that a file of a branch's folder is there and ends as it must.
fn check_end(folder: &Folder, path: &Path, table: Table) -> Result<(), StoreError> {
    let missing = || StoreError::Missing { path: path.to_owned(), expected: format!("a part of the table {table}") };
    let mut file = folder.file_below(path)?.ok_or_else(missing)?;
    let ends_well = ends_well(&mut file).map_err(|source| StoreError::io("look at", path, source))?;
    if ends_well {
        Ok(())
    } else {
        Err(StoreError::damaged(path, "a Parquet file with its footer at the end", "one that was cut off"))
    }
}

/// Whether a file ends with a footer that fits into it.
fn ends_well(file: &mut File) -> std::io::Result<bool> {
    let bytes = file.metadata()?.len();
    let Some(start) = bytes.checked_sub(8) else { return Ok(false) };
    file.seek(SeekFrom::Start(start))?;
    let mut end = [0; 8];
    file.read_exact(&mut end)?;
    let [a, b, c, d, magic @ ..] = end;
    Ok(magic == *MAGIC && u64::from(u32::from_le_bytes([a, b, c, d])) + 12 <= bytes)
}
