//! Files of segments without their `steps`.
//!
//! A segment whose file of `steps` is missing is what a kill left of a segment
//! that was being moved in, or a segment that lost that file. They are told
//! apart by where the file is. It is moved last: what a kill left has it still
//! in the tail's hidden folder that the others came from, or the tail has the
//! steps themselves. Everything else is worth keeping: the file put back heals
//! it.

use revacnn_schemas::Table;

use crate::StoreError;
use crate::disk::paths::{BranchPaths, StepSpan, parse_span, table_file};
use crate::read::listing::Listing;
use crate::read::seen::Seen;

/// Files of segments whose file of `steps` is not there.
#[derive(Debug, Default)]
pub(crate) struct Strays {
    /// What a kill left of a segment that was never committed.
    pub(crate) uncommitted: Vec<(StepSpan, Table)>,
    /// Segments that were committed and lost their file of `steps`.
    pub(crate) lost: Vec<StepSpan>,
}

impl Strays {
    /// Looks at the folders; true of a branch that nobody writes.
    pub(crate) fn find(paths: &BranchPaths) -> Result<Self, StoreError> {
        let seen = Seen::look(paths)?;
        Ok(Self::of(paths, &seen, &Listing::of(paths, &seen)?))
    }

    /// Those among what was seen of the folders.
    pub(crate) fn of(paths: &BranchPaths, seen: &Seen, listing: &Listing) -> Self {
        let mut others = Vec::new();
        for table in Table::ALL {
            if !matches!(table, Table::Steps | Table::Events | Table::Topology) {
                let is_known = |span: &&StepSpan| listing.segments.binary_search(span).is_ok();
                others.extend(seen.spans(table).iter().filter(|span| !is_known(span)).map(|&span| (span, table)));
            }
        }
        if others.is_empty() {
            return Self::default();
        }
        let tail: Vec<&str> = seen.tail.iter().map(|entry| entry.name.as_str()).collect();
        let parts: Vec<StepSpan> = tail.iter().filter_map(|name| parse_span(name)).collect();
        let moving: Vec<(bool, StepSpan)> = tail
            .iter()
            .filter_map(|name| {
                let (whole, span) = match name.strip_prefix(".merge-") {
                    Some(span) => (true, parse_span(span)?),
                    None => (false, parse_span(name.strip_prefix(".open-")?)?),
                };
                let folder = paths.tail().join(name);
                table_file(&folder, Table::Steps).is_file().then_some((whole, span))
            })
            .collect();
        let mut strays = Self::default();
        for (span, table) in others {
            // Moved out of there, and no copy: a folder that still has the
            // table's file is of something else.
            let is_moving = moving.iter().any(|&(whole, from)| {
                let (purpose, same) = if whole { ("merge", from == span) } else { ("open", from.first == span.first) };
                same && !table_file(&paths.temporary(purpose, from), table).exists()
            });
            if is_moving || covered(span, &parts) {
                strays.uncommitted.push((span, table));
            } else if !strays.lost.contains(&span) {
                strays.lost.push(span);
            }
        }
        strays.lost.sort();
        strays
    }
}

/// Whether spans, in order, hold all steps of another one.
fn covered(span: StepSpan, by: &[StepSpan]) -> bool {
    by.iter().fold(vec![span], |left, part| left.iter().flat_map(|span| span.without(part)).collect()).is_empty()
}
