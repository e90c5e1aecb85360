//! Reading rows of single columns through the offset index: only the pages
//! that hold them are read and decompressed.

use std::ops::Range;
use std::sync::Arc;

use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::FloatType;
use parquet::errors::ParquetError;
use parquet::file::serialized_reader::SerializedPageReader;

use crate::StoreError;
use crate::read::checked_file::CheckedFile;
use crate::read::footer::{OpenTable, guarded};

/// Rows of a column of floats or of lists of floats.
#[derive(Debug, Clone, Default)]
pub(crate) struct Floats {
    /// All values that are not null, one row after the other.
    pub(crate) values: Vec<f32>,
    /// Values of each row; `None` where the row is null.
    pub(crate) rows: Vec<Option<usize>>,
}

impl OpenTable {
    /// Reads rows of the column `name`, a float or a list of floats.
    pub(crate) fn floats(&self, name: &str, rows: Range<u64>) -> Result<Floats, StoreError> {
        let expected = rows.end.saturating_sub(rows.start);
        let floats = guarded("read", &self.path, || self.read_floats(name, rows))?;
        if floats.rows.len() as u64 != expected {
            return Err(StoreError::damaged(
                &self.path,
                format!("{expected} rows of `{name}`"),
                floats.rows.len().to_string(),
            ));
        }
        Ok(floats)
    }

    fn read_floats(&self, name: &str, rows: Range<u64>) -> Result<Floats, ParquetError> {
        let missing = |what: &str| ParquetError::General(format!("no {what} of column `{name}`"));
        let metadata = self.footer.metadata();
        let schema = metadata.file_metadata().schema_descr();
        let column = schema
            .columns()
            .iter()
            .position(|column| column.path().parts().first().is_some_and(|part| part == name))
            .ok_or_else(|| missing("definition"))?;
        let descriptor = schema.column(column);
        if descriptor.physical_type() != parquet::basic::Type::FLOAT {
            return Err(missing("floats"));
        }
        let (top, nested) = (descriptor.max_def_level(), descriptor.max_rep_level() > 0);
        let mut floats = Floats::default();
        let (mut definition, mut repetition) = (Vec::new(), Vec::new());
        let pages_of_file = Arc::new(CheckedFile::of(self));
        let mut next = rows.start;
        while next < rows.end {
            let place = self.footer.row_group_of(next);
            let (Some(&start), Some(&end)) = (self.footer.starts.get(place), self.footer.starts.get(place + 1)) else {
                return Err(missing("further rows"));
            };
            let take = rows.end.min(end) - next;
            let chunk = metadata.row_group(place).column(column);
            let index = metadata.page_index_for_row_group(place);
            let pages = index.offset_index(column).ok_or_else(|| missing("offset index"))?.page_locations.clone();
            let (from, until) = (next - start, next - start + take);
            let begins = |row: u64| pages.iter().any(|page| page.first_row_index as u64 == row);
            let whole_pages = nested && begins(from) && (until == end - start || begins(until));
            let before = pages_of_file.entries(place, column);
            let reader = SerializedPageReader::new(pages_of_file.clone(), chunk, (end - start) as usize, Some(pages))?;
            let mut reader = ColumnReaderImpl::<FloatType>::new(descriptor.clone(), Box::new(reader));
            reader.skip_records((next - start) as usize)?;
            definition.clear();
            repetition.clear();
            reader.read_records(
                take as usize,
                (top > 0).then_some(&mut definition),
                nested.then_some(&mut repetition),
                &mut floats.values,
            )?;
            // A header that claims fewer values than its page has would lead on to
            // the next page.
            if whole_pages && pages_of_file.entries(place, column) - before != definition.len() as u64 {
                return Err(missing("pages of whole steps"));
            }
            if top == 0 {
                floats.rows.resize(floats.rows.len() + take as usize, Some(1));
            } else if nested {
                count_lists(&mut floats.rows, &definition, &repetition, top);
            } else {
                let present = definition.iter().map(|&level| (level == top).then_some(1));
                floats.rows.extend(present);
            }
            next += take;
        }
        Ok(floats)
    }
}

/// Lengths of lists from their levels; the outermost null is a null list.
fn count_lists(rows: &mut Vec<Option<usize>>, definition: &[i16], repetition: &[i16], top: i16) {
    let mut place = 0;
    while place < definition.len() {
        let rest = repetition.get(place + 1..).unwrap_or_default();
        let more = rest.iter().take_while(|&&level| level != 0).count();
        rows.push(match definition[place] {
            level if level == top => Some(1 + more),
            0 if top == 2 => None,
            _ => Some(0),
        });
        place += 1 + more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_follow_from_levels() {
        let mut rows = Vec::new();
        count_lists(&mut rows, &[2, 2, 2, 0, 1, 2], &[0, 1, 1, 0, 0, 0], 2);
        assert_eq!(rows, [Some(3), None, Some(0), Some(1)]);
        rows.clear();
        count_lists(&mut rows, &[1, 1, 0, 1], &[0, 1, 0, 0], 1);
        assert_eq!(rows, [Some(2), Some(0), Some(1)]);
    }
}
