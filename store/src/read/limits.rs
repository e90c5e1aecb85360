//! How long the columns of a table's file may be, by what the topology says:
//! checked before anything is decoded, because some bytes of a compressed and
//! repeated page can stand for gigabytes.

use arrow_schema::DataType;
use revacnn_schemas::{HyperParameters, SEGMENT_STEPS, Table};

use crate::shape::BranchShape;

/// The most steps of a row group: those of a segment, and as many in reserve.
const MOST_GROUP_STEPS: u64 = 2 * SEGMENT_STEPS;

/// The most rows of a file of `events`, which has one of each event.
const MOST_EVENTS: u64 = 16;

/// Bytes of an event's message.
const LONGEST_MESSAGE: u64 = 1 << 16;

/// Bytes of a page that its levels may take whatever its length.
pub(crate) const PAGE_RESERVE: u64 = 64;

/// Encodings whose output is no longer than their pages and dictionaries say:
/// plain, dictionaries, runs, split bytes.
pub(crate) const ENCODINGS: [u64; 6] = [0, 2, 3, 4, 8, 9];

/// The encoding of levels: runs.
pub(crate) const RUNS: u64 = 3;

/// What one column may hold.
#[derive(Debug, Clone, Copy)]
struct Column {
    /// Entries of a row group, by its rows.
    entries: Entries,
    /// Bytes of an entry, its levels included.
    bytes: u64,
    /// Entries of a dictionary of texts; that of numbers has one a row at most.
    dictionary: Option<u64>,
    /// Whether it has as many entries, and no fewer.
    exact: bool,
}

#[derive(Debug, Clone, Copy)]
enum Entries {
    /// So many in so many rows.
    Of(u64, u64),
    /// So many in all.
    All(u64),
}

/// What the columns of a table's file may hold.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Rows that every step has, if they are constant.
    unit: Option<u64>,
    /// The most rows of a row group and, where they are not constant, of all.
    group_rows: u64,
    rows: u64,
    columns: Vec<Column>,
}

/// What one chunk of a column may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowed {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
    pub(crate) dictionary_entries: u64,
    pub(crate) dictionary_bytes: u64,
}

impl Limits {
    /// The limits of a file that holds rows of so many steps.
    pub(crate) fn of(shape: &BranchShape, table: Table, steps: u64) -> Self {
        let unit = shape.rows_a_step(table).map(|rows| rows as u64);
        let (group_rows, rows) = match (unit, table) {
            (Some(unit), _) => (unit.max(1).saturating_mul(MOST_GROUP_STEPS), unit.saturating_mul(steps)),
            (None, Table::Keyframes) => {
                (shape.lengths.keyframe_rows, shape.lengths.keyframe_rows.saturating_mul(steps))
            }
            (None, Table::Samples) => {
                let batch = shape.lengths.batch;
                (batch.saturating_mul(steps.min(MOST_GROUP_STEPS)), batch.saturating_mul(steps))
            }
            (None, Table::Validation) => (steps.min(MOST_GROUP_STEPS), steps),
            (None, Table::Topology) => (shape.lengths.filters, shape.lengths.filters),
            (None, _) => (MOST_EVENTS, MOST_EVENTS),
        };
        let schema = table.schema();
        let columns = schema.fields().iter().map(|field| column(shape, table, field.name(), field.data_type()));
        Self { unit, group_rows, rows, columns: columns.collect() }
    }

    /// Checks the numbers of rows of the row groups; the error says what was
    /// expected, and what was found.
    pub(crate) fn check_rows(&self, groups: impl Iterator<Item = i64>) -> Result<Vec<u64>, (String, String)> {
        let mut starts = vec![0];
        let mut all = 0_u64;
        for found in groups {
            let most = self.group_rows;
            let rows = u64::try_from(found).ok().filter(|&rows| rows <= most);
            let rows = rows.ok_or_else(|| (format!("row groups of at most {most} rows"), format!("one of {found}")))?;
            if self.unit.is_some_and(|unit| unit > 0 && rows % unit != 0) {
                return Err(("row groups of whole steps".to_owned(), format!("one of {rows} rows")));
            }
            all = all.saturating_add(rows);
            starts.push(all);
        }
        let fits = if self.unit.is_some() { all == self.rows } else { all <= self.rows };
        if fits {
            return Ok(starts);
        }
        let most = if self.unit.is_some() { "" } else { "at most " };
        Err((format!("{most}{} rows", self.rows), all.to_string()))
    }

    pub(crate) fn allowed(&self, column: usize, rows: u64) -> Option<Allowed> {
        let Column { entries, bytes, dictionary, .. } = *self.columns.get(column)?;
        let entries = match entries {
            Entries::Of(entries, of) => (rows / of.max(1)).saturating_mul(entries),
            Entries::All(entries) => entries,
        };
        let dictionary_entries = dictionary.unwrap_or(entries).min(entries);
        Some(Allowed {
            entries,
            bytes: entries.saturating_mul(bytes),
            dictionary_entries,
            dictionary_bytes: dictionary_entries.saturating_mul(bytes),
        })
    }

    /// The entries of so many rows, where they are always as many.
    pub(crate) fn exact(&self, column: usize, rows: u64) -> Option<u64> {
        self.columns.get(column).filter(|column| column.exact)?;
        self.allowed(column, rows).map(|allowed| allowed.entries)
    }

    /// Checks what a footer claims of a chunk of a column.
    pub(crate) fn check_chunk(&self, column: usize, rows: u64, values: i64) -> Result<(), (String, String)> {
        let most = self.allowed(column, rows).map_or(0, |allowed| allowed.entries);
        let fits = u64::try_from(values).is_ok_and(|values| values <= most);
        if fits {
            Ok(())
        } else {
            Err((format!("columns of at most {most} values, as the topology gives"), values.to_string()))
        }
    }
}

/// What a column of a table may hold.
fn column(shape: &BranchShape, table: Table, name: &str, of: &DataType) -> Column {
    // One a row. Levels take at most a byte each, of which there are two.
    let number = |bytes: u64| Column { entries: Entries::Of(1, 1), bytes: bytes + 2, dictionary: None, exact: true };
    let text = |bytes: u64, dictionary| Column { dictionary: Some(dictionary), ..number(4 + bytes) };
    let lengths = &shape.lengths;
    match (of, name) {
        (DataType::List(_), "confusion") => {
            Column { entries: Entries::Of(lengths.confusion.max(1), 1), exact: false, ..number(4) }
        }
        (DataType::List(_), _) => {
            let entries = match shape.plan(table) {
                // An empty list has an entry, too.
                Some(plan) => {
                    let values = plan.lengths().map(|length| length.max(1) as u64).sum();
                    Entries::Of(values, plan.rows() as u64)
                }
                None => Entries::All(lengths.keyframe_values.saturating_add(lengths.keyframe_rows)),
            };
            // A gradient may be null, and a keyframe's arrays are of any length.
            let exact = !matches!(table, Table::Gradients | Table::Keyframes);
            Column { entries, exact, ..number(4) }
        }
        (DataType::Utf8, "layer") => text(32, lengths.layers.saturating_add(1)),
        (DataType::Utf8, "born") => text(16, lengths.birthplaces),
        (DataType::Utf8, "digest" | "state_digest") => text(64, MOST_GROUP_STEPS),
        (DataType::Utf8, "quantity") => text(32, lengths.keyframe_rows),
        (DataType::Utf8, "kind") if table == Table::Topology => text(lengths.longest_kind, lengths.layers),
        (DataType::Utf8, "hyper_parameters") => text(HyperParameters::LONGEST as u64, MOST_GROUP_STEPS),
        (DataType::Utf8, "message") => text(LONGEST_MESSAGE, 1),
        (DataType::Utf8, _) => text(256, MOST_EVENTS),
        (DataType::Int64 | DataType::Timestamp(..), _) => number(8),
        _ => number(4),
    }
}
