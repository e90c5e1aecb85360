//! Which steps a branch has, told from names alone.

use std::path::Path;

use revacnn_schemas::Table;

use crate::StoreError;
use crate::disk::list;
use crate::disk::paths::{BranchPaths, StepSpan, parse_span};
use crate::disk::plain_folder_exists;
use crate::read::seen::Seen;

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
    pub(crate) fn read(paths: &BranchPaths) -> Result<Self, StoreError> {
        Self::of(paths, &Seen::look(paths)?)
    }

    /// What was seen of the folders.
    pub(crate) fn of(paths: &BranchPaths, seen: &Seen) -> Result<Self, StoreError> {
        let mut tail = Vec::new();
        for (entry, span) in seen.tail.iter().filter_map(|entry| Some((entry, parse_span(&entry.name)?))) {
            if !entry.is_folder {
                plain_folder_exists(&paths.part(span))?;
            }
            tail.push(span);
        }
        let segments = seen.spans(Table::Steps).to_vec();
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

/// Names in a folder; none where the folder is not there.
pub(crate) fn list_if_there(folder: &Path) -> Result<Vec<String>, StoreError> {
    match list(folder) {
        Err(error) if error.is_missing_file() => Ok(Vec::new()),
        names => names,
    }
}
