//! All files of a span of steps, each page of them checked.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use revacnn_schemas::{Step, Table};

use crate::disk::paths::StepSpan;
use crate::read::checked_file::CheckedFile;
use crate::read::footer::{OpenTable, guarded};
use crate::read::listing::{Piece, list_if_there};
use crate::read::query::{read_ranges, whole};
use crate::shape::{SPARSE_TABLES, TENSOR_TABLES};
use crate::{BranchReader, StoreError};

impl BranchReader {
    /// Checks every page of every table's files that hold steps of a span, and
    /// of `events` and `topology`: its checksum, where the branch's format has
    /// them, and its lengths. Returns how many files there are.
    ///
    /// # Errors
    /// The first damage, with its file.
    pub fn check_files(&self, span: StepSpan) -> Result<u64, StoreError> {
        let pieces = self.check_pieces(span, |_| true)?;
        let files = pieces + self.check_files_beside()?;
        Ok(files)
    }

    /// [`check_files`](Self::check_files) of what stays where tensors are dropped.
    ///
    /// # Errors
    /// Those of [`check_files`](Self::check_files).
    pub fn check_kept_files(&self, span: StepSpan) -> Result<(), StoreError> {
        self.check_pieces(span, |table| !TENSOR_TABLES.contains(&table))?;
        self.check_files_beside().map(drop)
    }

    /// [`check_files`](Self::check_files) of the tensors.
    ///
    /// # Errors
    /// Those of [`check_files`](Self::check_files).
    pub fn check_tensor_files(&self, span: StepSpan) -> Result<(), StoreError> {
        self.check_pieces(span, |table| TENSOR_TABLES.contains(&table)).map(drop)
    }

    fn check_pieces(&self, span: StepSpan, of: impl Fn(Table) -> bool) -> Result<u64, StoreError> {
        let check = |piece: Piece| {
            let mut files = 0;
            for table in Table::ALL.into_iter().filter(|table| of(*table)) {
                if let Some(file) = self.file_of(piece, table)? {
                    files += 1;
                    check_pages(&file)?;
                    if SPARSE_TABLES.contains(&table) {
                        check_steps(&file, piece)?;
                    }
                }
            }
            Ok(files)
        };
        let (mut files, mut next) = (0, span.first);
        while next <= span.last {
            // While somebody writes, the pieces after this one are joined meanwhile.
            let (last, checked) = self.with_fresh_listing(|| {
                let piece = self.piece(next)?;
                Ok((piece.span.last, check(piece)?))
            })?;
            files += checked;
            next = last.next();
        }
        Ok(files)
    }

    /// Events and topology, which belong to no piece.
    fn check_files_beside(&self) -> Result<u64, StoreError> {
        let mut files = self.event_files()?;
        files.push(self.topology_file()?);
        files.iter().try_for_each(check_pages)?;
        Ok(files.len() as u64)
    }

    /// A piece's file of a table, if there must be one.
    fn file_of(&self, piece: Piece, table: Table) -> Result<Option<OpenTable>, StoreError> {
        match table {
            Table::Events | Table::Topology => Ok(None),
            _ if SPARSE_TABLES.contains(&table) => self.open_sparse(piece, table),
            _ if self.shape.rows_a_step(table) == Some(0) => Ok(None),
            _ if TENSOR_TABLES.contains(&table) && !self.stores_tensors(piece.span.first)? => Ok(None),
            _ => self.open_table(piece, table, piece.span.first).map(Some),
        }
    }

    /// The files of the table `events`, in the order of their names.
    pub(crate) fn event_files(&self) -> Result<Vec<OpenTable>, StoreError> {
        let folder = self.paths.table(Table::Events);
        let mut names = list_if_there(&folder)?;
        names.retain(|name| !name.starts_with('.') && name.ends_with(".parquet"));
        let any = StepSpan::of(Step(0));
        names.iter().map(|name| self.footers.open(&folder.join(name), self.expected(Table::Events, any))).collect()
    }

    /// The file of the table `topology`.
    pub(crate) fn topology_file(&self) -> Result<OpenTable, StoreError> {
        let span = StepSpan::of(self.record.first_step());
        self.footers.open(&self.paths.segment(Table::Topology, span), self.expected(Table::Topology, span))
    }
}

fn check_pages(file: &OpenTable) -> Result<(), StoreError> {
    guarded("read", &file.path, || CheckedFile::of(file).check_all())
}

/// Checks that all rows of a table whose rows vary are of the piece's steps:
/// readers would leave the others out.
fn check_steps(file: &OpenTable, piece: Piece) -> Result<(), StoreError> {
    for batch in read_ranges(file, whole(file))? {
        let steps = batch.column(0).as_primitive::<Int64Type>().values();
        let within = |step: i64| u64::try_from(step).is_ok_and(|step| piece.span.contains(Step(step)));
        if let Some(step) = steps.iter().find(|&&step| !within(step)) {
            let expected = format!("only steps {} in the column step", piece.span);
            return Err(StoreError::damaged(&file.path, expected, format!("step {step}")));
        }
    }
    Ok(())
}
