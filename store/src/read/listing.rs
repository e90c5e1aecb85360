//! Which steps a branch has, told from names alone.

use std::path::Path;

use revacnn_schemas::Table;

use crate::StoreError;
use crate::disk::list;
use crate::disk::paths::{BranchPaths, StepSpan, parse_span};
use crate::disk::plain_folder_exists;

/// The committed pieces of a branch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    /// Sealed segments, in order: the files of `steps`.
    pub(crate) segments: Vec<StepSpan>,
    /// Committed parts of the tail that are in no segment, in order.
    pub(crate) parts: Vec<StepSpan>,
    /// Parts that a segment holds by now.
    pub(crate) merged: Vec<StepSpan>,
}

impl Listing {
    /// Looks at the folders.
    ///
    /// The tail comes first: a part that is merged in between is then in the
    /// segments, so that no step is missed while the writer works.
    pub(crate) fn read(paths: &BranchPaths) -> Result<Self, StoreError> {
        for table in Table::ALL {
            plain_folder_exists(&paths.table(table))?;
        }
        plain_folder_exists(&paths.tail())?;
        let mut tail = Vec::new();
        for span in list_if_there(&paths.tail())?.iter().filter_map(|name| parse_span(name)) {
            // A part that is gone by now was merged.
            plain_folder_exists(&paths.part(span))?;
            tail.push(span);
        }
        let segments = spans(&paths.table(Table::Steps))?;
        for pair in segments.windows(2) {
            if pair[1].first <= pair[0].last {
                return Err(StoreError::damaged(
                    &paths.segment(Table::Steps, pair[1]),
                    format!("steps after {}, which the file before it holds", pair[0].last),
                    format!("steps {}", pair[1]),
                ));
            }
        }
        tail.sort();
        let sealed = segments.last().map(|span| span.last);
        let (merged, parts) = tail.into_iter().partition(|part| sealed.is_some_and(|sealed| part.last <= sealed));
        Ok(Self { segments, parts, merged })
    }

    /// All pieces in order.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Piece> + '_ {
        let segments = self.segments.iter().map(|&span| Piece { span, sealed: true });
        let parts = self.parts.iter().map(|&span| Piece { span, sealed: false });
        segments.chain(parts)
    }
}

/// A segment or a part of the tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Piece {
    pub(crate) span: StepSpan,
    pub(crate) sealed: bool,
}

impl Piece {
    /// The piece's file of a table.
    pub(crate) fn file(&self, paths: &BranchPaths, table: Table) -> std::path::PathBuf {
        if self.sealed { paths.segment(table, self.span) } else { paths.part_file(table, self.span) }
    }
}

/// Spans of the files `FIRST-LAST.parquet` in a folder, sorted.
pub(crate) fn spans(folder: &Path) -> Result<Vec<StepSpan>, StoreError> {
    let mut spans: Vec<StepSpan> =
        list_if_there(folder)?.iter().filter_map(|name| parse_span(name.strip_suffix(".parquet")?)).collect();
    spans.sort();
    Ok(spans)
}

/// Names in a folder; none where the folder is not there.
pub(crate) fn list_if_there(folder: &Path) -> Result<Vec<String>, StoreError> {
    match list(folder) {
        Err(error) if error.is_missing_file() => Ok(Vec::new()),
        names => names,
    }
}
