//! Reading a table as record batches: a span of steps, all rows or those of
//! one layer or filter.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type, Int64Type};
use arrow_array::{Array, BooleanArray, RecordBatch, new_null_array};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelectionPolicy};
use revacnn_schemas::{FilterNumber, LayerName, Step, Table};

use crate::disk::paths::StepSpan;
use crate::read::checked_file::CheckedFile;
use crate::read::footer::{OpenTable, guarded};
use crate::read::listing::Piece;
use crate::shape::{RowPlan, SPARSE_TABLES, must_have_samples};
use crate::{BranchReader, StoreError};

/// Rows that are decoded at a time: the decoder reserves memory for so many
/// before it looks whether the file holds them.
const MOST_BATCH_ROWS: usize = 1 << 20;

/// Which rows of a step are read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// The layer; all layers where `None`.
    pub layer: Option<LayerName>,
    /// The filter of that layer; all of its filters where `None`.
    pub filter: Option<FilterNumber>,
}

impl Selection {
    /// Every row.
    pub fn all() -> Self {
        Self::default()
    }

    /// The rows of one layer.
    pub fn layer(layer: LayerName) -> Self {
        Self { layer: Some(layer), filter: None }
    }

    /// The rows of one filter.
    pub fn filter(layer: LayerName, filter: FilterNumber) -> Self {
        Self { layer: Some(layer), filter: Some(filter) }
    }
}

impl BranchReader {
    /// Rows of a table, in the order in which they were written: by step,
    /// probe image, layer and position.
    ///
    /// Where all weights of a step are among them, they are checked against the
    /// step's digest. The weights of one layer or filter over a span are what
    /// the file holds under its pages' checksums, as are gradients, maps and
    /// statistics, of which no digest is recorded: to check a filter's weights takes those of all the
    /// others of each step. [`seek_filter`](Self::seek_filter) does so for a
    /// step, and verifying the branch for all.
    ///
    /// # Errors
    /// [`StoreError::UnknownStep`]; [`StoreError::UnknownFilter`];
    /// [`StoreError::TensorsNotStored`] for the first step whose tensors
    /// have to be recomputed; an error with the path of a damaged file.
    pub fn read(&self, table: Table, span: StepSpan, selection: &Selection) -> Result<RecordBatch, StoreError> {
        let columns: Vec<usize> = (0..table.schema().fields().len()).collect();
        self.read_places(table, span, selection, &columns, true)
    }

    /// All rows of a table as they are stored: weights, too, are compared with no
    /// digest.
    pub(crate) fn stored_rows(&self, table: Table, span: StepSpan) -> Result<RecordBatch, StoreError> {
        let columns: Vec<usize> = (0..table.schema().fields().len()).collect();
        self.read_places(table, span, &Selection::all(), &columns, false)
    }

    /// [`read`](Self::read) of the columns of these names, which come in the
    /// table's order; nothing else is decoded.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn read_columns(
        &self,
        table: Table,
        span: StepSpan,
        selection: &Selection,
        columns: &[&str],
    ) -> Result<RecordBatch, StoreError> {
        let schema = table.schema();
        let names = schema.fields().iter().enumerate();
        let places: Vec<usize> =
            names.filter(|(_, field)| columns.contains(&field.name().as_str())).map(|(place, _)| place).collect();
        self.read_places(table, span, selection, &places, true)
    }

    /// [`read`](Self::read) of some columns, which are ascending places in the
    /// table's schema, with the check of digests or without.
    fn read_places(
        &self,
        table: Table,
        span: StepSpan,
        selection: &Selection,
        columns: &[usize],
        digests: bool,
    ) -> Result<RecordBatch, StoreError> {
        self.with_fresh_listing(|| {
            let batches = match table {
                Table::Events => self.read_events(span)?,
                Table::Topology => self.read_topology()?,
                _ if SPARSE_TABLES.contains(&table) => self.read_sparse(table, span)?,
                _ => return self.read_regular(table, span, selection, columns, digests),
            };
            batches
                .iter()
                .map(|batch| select(batch, selection))
                .collect::<Result<Vec<_>, _>>()
                .and_then(|batches| concat_batches(&table.schema(), &batches))
                .and_then(|batch| batch.project(columns))
                .map_err(|error| self.arrow(table, error))
        })
    }

    /// One filter's rows of a table over a span of steps.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn filter_over_time(
        &self,
        table: Table,
        layer: &LayerName,
        filter: FilterNumber,
        span: StepSpan,
    ) -> Result<RecordBatch, StoreError> {
        self.read(table, span, &Selection::filter(layer.clone(), filter))
    }

    fn arrow(&self, table: Table, error: arrow_schema::ArrowError) -> StoreError {
        StoreError::parquet("read", &self.paths.table(table), error.into())
    }

    fn read_regular(
        &self,
        table: Table,
        span: StepSpan,
        selection: &Selection,
        columns: &[usize],
        digests: bool,
    ) -> Result<RecordBatch, StoreError> {
        let rows_a_step = self.shape.rows_a_step(table).unwrap_or(0);
        let ranges = self.ranges_of(table, selection)?;
        let schema = table.schema().project(columns).map_err(|error| self.arrow(table, error))?;
        // All weights of a step have a digest, which is over the biases, too.
        let whole =
            digests && table == Table::Weights && selection.layer.is_none() && schema.index_of("values").is_ok();
        let own = table.schema();
        let bias = own.index_of("bias").ok().filter(|place| whole && !columns.contains(place));
        let columns = &columns.iter().copied().chain(bias).collect::<Vec<_>>();
        let mut batches = Vec::new();
        for (piece, part) in self.pieces_of(span)? {
            if rows_a_step == 0 || ranges.is_empty() {
                continue;
            }
            let file = self.open_table_for(piece, table, part)?;
            let rows = (part.first.0..=part.last.0).flat_map(|step| {
                let start = (step - piece.span.first.0) as usize * rows_a_step;
                ranges.iter().map(move |range| start + range.start..start + range.end)
            });
            let read = read_projected(&file, rows, columns)?;
            let lists = read.first().filter(|first| first.column_by_name("values").is_some());
            if let (Some(plan), Some(first)) = (self.shape.plan(table), lists) {
                let read = concat_batches(&first.schema(), &read).map_err(|error| self.arrow(table, error))?;
                check_lengths(&file, plan, &ranges, &read)?;
                if whole {
                    self.check_span(&file, part, &read)?;
                }
            }
            batches.extend(read);
        }
        let read = table.schema().project(columns).map_err(|error| self.arrow(table, error))?;
        // Without the biases that nobody asked for; they were read last.
        let asked: Vec<usize> = (0..schema.fields().len()).collect();
        concat_batches(&read.into(), &batches)
            .and_then(|batch| batch.project(&asked))
            .map_err(|error| self.arrow(table, error))
    }

    /// Checks all weights of a span against the digests of its steps.
    fn check_span(&self, file: &OpenTable, span: StepSpan, rows: &RecordBatch) -> Result<(), StoreError> {
        let (Some(lists), Some(biases)) = (rows.column_by_name("values"), rows.column_by_name("bias")) else {
            return Ok(());
        };
        let (lists, biases) = (lists.as_list::<i32>(), biases.as_primitive::<Float32Type>());
        let (values, offsets) = (lists.values().as_primitive::<Float32Type>().values(), lists.value_offsets());
        let a_step = self.shape.parameters.rows();
        for (place, (step, digest)) in (span.first.0..).zip(self.digests(span)?).enumerate() {
            let first = place * a_step;
            let weights = &values[offsets[first] as usize..offsets[first + a_step] as usize];
            self.check_weights(&file.path, Step(step), digest, weights, &biases.values()[first..][..a_step])?;
        }
        Ok(())
    }

    /// Opens a table of which several steps of a piece are wanted: all of
    /// them must be stored.
    fn open_table_for(&self, piece: Piece, table: Table, part: StepSpan) -> Result<OpenTable, StoreError> {
        let thinned = &self.index().thinned;
        let gone = thinned.iter().find_map(|span| span.intersection(&part));
        let step = gone.map_or(part.first, |gone| gone.first);
        self.open_table(piece, table, step)
    }

    /// The rows of a step that a selection wants.
    fn ranges_of(&self, table: Table, selection: &Selection) -> Result<Vec<Range<usize>>, StoreError> {
        let (Some(plan), Some(layer)) = (self.shape.plan(table), &selection.layer) else {
            return Ok(std::iter::once(0..self.shape.rows_a_step(table).unwrap_or(0)).collect());
        };
        let rows = self.layer_rows(plan, layer)?;
        let range = match selection.filter {
            None => rows.first_row..rows.first_row + rows.filters(),
            Some(filter) => {
                let row = rows.first_row + self.filter_position(rows, filter)?;
                row..row + 1
            }
        };
        let images = (0..plan.images.len()).map(|image| image * plan.rows_an_image);
        Ok(images.map(|start| start + range.start..start + range.end).collect())
    }

    /// Tables whose rows vary: files that are not there have no rows.
    fn read_sparse(&self, table: Table, span: StepSpan) -> Result<Vec<RecordBatch>, StoreError> {
        let mut batches = Vec::new();
        for (piece, part) in self.pieces_of(span)? {
            if let Some(file) = self.open_sparse(piece, table)? {
                for batch in read_ranges(&file, whole(&file))? {
                    batches.push(within(&batch, part).map_err(|error| self.arrow(table, error))?);
                }
            }
        }
        Ok(batches)
    }

    pub(crate) fn open_sparse(&self, piece: Piece, table: Table) -> Result<Option<OpenTable>, StoreError> {
        let index = self.index();
        let listed = match table {
            Table::Keyframes => &index.keyframes,
            Table::Samples => &index.samples,
            _ => &index.validation,
        };
        let path = piece.file(&self.paths, table);
        let there = if piece.sealed {
            // Segments come in order, and a table is listed before `steps`: what a writer moved in
            // between the two is newer than all that the table was seen to have.
            let is_newer = listed.last().is_none_or(|last| *last < piece.span);
            listed.binary_search(&piece.span).is_ok() || is_newer && path.try_exists().unwrap_or(false)
        } else {
            // A part that is gone altogether was merged: look again.
            let missing =
                || StoreError::Missing { path: self.paths.part(piece.span), expected: format!("steps {}", piece.span) };
            match path.try_exists() {
                Ok(true) => true,
                _ if self.paths.part(piece.span).is_dir() => false,
                _ => return Err(missing()),
            }
        };
        if !there && table == Table::Samples && must_have_samples(&self.record, piece.span) {
            return Err(StoreError::Missing { path, expected: format!("the table {table} of steps {}", piece.span) });
        }
        there.then(|| self.footers.open(&path, self.expected(table, piece.span))).transpose()
    }

    fn read_events(&self, span: StepSpan) -> Result<Vec<RecordBatch>, StoreError> {
        let mut batches = Vec::new();
        for file in self.event_files()? {
            for batch in read_ranges(&file, whole(&file))? {
                batches.push(within(&batch, span).map_err(|error| self.arrow(Table::Events, error))?);
            }
        }
        Ok(batches)
    }

    fn read_topology(&self) -> Result<Vec<RecordBatch>, StoreError> {
        let file = self.topology_file()?;
        read_ranges(&file, whole(&file))
    }
}

/// Checks that lists have the lengths that the topology gives; a gradient's may
/// be null.
fn check_lengths(
    file: &OpenTable,
    plan: &RowPlan,
    ranges: &[Range<usize>],
    rows: &RecordBatch,
) -> Result<(), StoreError> {
    let Some(lists) = rows.column_by_name("values") else { return Ok(()) };
    let lists = lists.as_list::<i32>();
    let all: Vec<usize> = plan.lengths().collect();
    let expected: Vec<usize> = ranges.iter().flat_map(|range| &all[range.clone()]).copied().collect();
    let fits = |(row, length): (usize, &usize)| lists.is_null(row) || lists.value_length(row) as usize == *length;
    if (0..lists.len()).zip(expected.iter().cycle()).all(fits) {
        return Ok(());
    }
    Err(StoreError::damaged(&file.path, "lists of the lengths that the topology gives", "others"))
}

pub(crate) fn whole(file: &OpenTable) -> impl Iterator<Item = Range<usize>> + use<> {
    let rows = file.footer.starts.last().copied().unwrap_or(0) as usize;
    std::iter::once(0..rows)
}

/// Reads ascending ranges of a file's rows, decoding only the pages and row
/// groups that hold them.
pub(crate) fn read_ranges(
    file: &OpenTable,
    ranges: impl Iterator<Item = Range<usize>>,
) -> Result<Vec<RecordBatch>, StoreError> {
    let columns: Vec<usize> = (0..file.footer.arrow.schema().fields().len()).collect();
    read_projected(file, ranges, &columns)
}

/// [`read_ranges`] of some columns; those that a file of an older format lacks
/// are null.
fn read_projected(
    file: &OpenTable,
    ranges: impl Iterator<Item = Range<usize>>,
    columns: &[usize],
) -> Result<Vec<RecordBatch>, StoreError> {
    let there = file.footer.arrow.schema().fields().len();
    let (known, lacking): (Vec<usize>, Vec<usize>) = columns.iter().partition(|&&column| column < there);
    let batches = read_known(file, ranges, &known)?;
    if lacking.is_empty() {
        return Ok(batches);
    }
    let newest = file.footer.table.schema();
    let complete = |batch: &RecordBatch| {
        let schema = newest.project(columns)?;
        let nulls = lacking.iter().map(|&column| new_null_array(newest.field(column).data_type(), batch.num_rows()));
        RecordBatch::try_new(Arc::new(schema), batch.columns().iter().cloned().chain(nulls).collect())
    };
    let completed = batches.iter().map(complete).collect::<Result<Vec<_>, _>>();
    completed.map_err(|error| StoreError::parquet("read", &file.path, error.into()))
}

/// [`read_ranges`] of some columns that the file has.
fn read_known(
    file: &OpenTable,
    ranges: impl Iterator<Item = Range<usize>>,
    columns: &[usize],
) -> Result<Vec<RecordBatch>, StoreError> {
    let starts = &file.footer.starts;
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges.filter(|range| !range.is_empty()) {
        match joined.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => joined.push(range),
        }
    }
    // Ranges are re-counted over the row groups that are read at all.
    let mut groups: Vec<usize> = Vec::new();
    let mut local: Vec<Range<usize>> = Vec::new();
    let mut before = 0;
    for range in &joined {
        let mut row = range.start;
        while row < range.end {
            let group = file.footer.row_group_of(row as u64);
            let (Some(&start), Some(&end)) = (starts.get(group), starts.get(group + 1)) else {
                let found = format!("{} rows", starts.last().copied().unwrap_or(0));
                return Err(StoreError::damaged(&file.path, format!("row {row}"), found));
            };
            if groups.last() != Some(&group) {
                if let Some(&last) = groups.last() {
                    before += (starts[last + 1] - starts[last]) as usize;
                }
                groups.push(group);
            }
            let stop = range.end.min(end as usize);
            let shift = |row: usize| row - start as usize + before;
            local.push(shift(row)..shift(stop));
            row = stop;
        }
    }
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let total: usize = groups.iter().map(|&group| (starts[group + 1] - starts[group]) as usize).sum();
    let wanted: usize = local.iter().map(Range::len).sum();
    let selection = RowSelection::from_consecutive_ranges(local.into_iter(), total);
    let batches = guarded("read", &file.path, || {
        ParquetRecordBatchReaderBuilder::new_with_metadata(CheckedFile::of(file), file.footer.arrow.clone())
            .with_projection(ProjectionMask::roots(file.footer.arrow.parquet_schema(), columns.iter().copied()))
            .with_row_groups(groups)
            .with_row_selection(selection)
            .with_row_selection_policy(RowSelectionPolicy::Selectors)
            .with_batch_size(wanted.min(MOST_BATCH_ROWS))
            .build()?
            .collect::<Result<Vec<_>, _>>()
            .map_err(Into::into)
    })?;
    let found: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if found == wanted {
        Ok(batches)
    } else {
        let (expected, found) = (format!("{wanted} rows"), found.to_string());
        Err(StoreError::damaged(&file.path, expected, found))
    }
}

fn within(batch: &RecordBatch, span: StepSpan) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let steps = batch.column(0).as_primitive::<Int64Type>();
    let keep: BooleanArray = steps
        .values()
        .iter()
        .map(|&step| Some(u64::try_from(step).is_ok_and(|step| span.contains(Step(step)))))
        .collect();
    filter_record_batch(batch, &keep)
}

fn select(batch: &RecordBatch, selection: &Selection) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let mut keep = vec![true; batch.num_rows()];
    if let (Some(layer), Some(column)) = (&selection.layer, batch.column_by_name("layer")) {
        let names = column.as_string::<i32>();
        for (keep, name) in keep.iter_mut().zip(names) {
            *keep &= name == Some(layer.as_str());
        }
    }
    if let (Some(filter), Some(column)) = (selection.filter, batch.column_by_name("filter")) {
        let numbers = column.as_primitive::<Int32Type>();
        for (keep, number) in keep.iter_mut().zip(numbers) {
            *keep &= number == i32::try_from(filter.0).ok();
        }
    }
    filter_record_batch(batch, &BooleanArray::from(keep))
}
