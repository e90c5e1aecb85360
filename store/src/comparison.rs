//! Comparing what is computed again with what a branch holds: every column of
//! every table, bit by bit.
//!
//! Which rows belong to a step is said by the writer's own code: a step is
//! described as for recording, and its rows are compared with the stored ones.
//! [`NOT_COVERED`] is the one list of what does not follow from the run.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float32Array, RecordBatch};
use arrow_schema::{ArrowError, DataType};
use arrow_select::concat::concat_batches;
use revacnn_schemas::{
    BranchRecord, DataCursor, Fidelity, Observer, ObserverError, Step, StepView, Table, TrainingState,
    ValidationResult, Wanted, counted,
};

use crate::shape::TENSOR_TABLES;
use crate::store::has_vanished;
use crate::thinning::joined;
use crate::write::batches::{self, SampleRows, StepRows};
use crate::write::record::Records;
use crate::write::recorder::wanted;
use crate::write::rows::{self, Described};
use crate::write::statistics::FilterStatistics;
use crate::write::topology;
use crate::{BranchReader, StepSpan, StoreError, keyframe};

/// The columns that do not follow from the run, with their tables: when a step
/// was recorded, how long it took, and what happened meanwhile. Nothing can
/// compute them again.
pub const NOT_COVERED: [(Table, &[&str]); 2] =
    [(Table::Steps, &["elapsed_nanos", "wall_time"]), (Table::Events, &["step", "kind", "message", "wall_time"])];

/// Whether a column follows from the run, so that it can be compared.
pub fn is_covered(table: Table, column: &str) -> bool {
    !NOT_COVERED.iter().any(|&(other, columns)| other == table && columns.contains(&column))
}

/// Steps that are compared at a time, and the bytes that they may take.
const COMPARED_STEPS: usize = 16;
const COMPARED_BYTES: usize = 32 << 20;

/// Compares steps that are shown with those that a branch holds.
///
/// Steps come in order, without gaps; [`finish`](Self::finish) compares the last
/// ones. Tensors are compared where they are stored.
#[derive(Debug)]
pub struct Comparison<'a> {
    reader: &'a BranchReader,
    /// The branch as one that stores every step: what is materialised is
    /// compared, too.
    every: BranchRecord,
    previous: Option<Vec<f32>>,
    pending: Vec<Described>,
    spare: Records,
    bytes: usize,
    /// The steps that were shown.
    span: Option<StepSpan>,
    validation: Vec<(Step, ValidationResult)>,
    samples: SampleRows,
    keyframes: Vec<TrainingState>,
    with_tensors: u64,
}

impl<'a> Comparison<'a> {
    /// A comparison that begins after the step with these weights, a slice a
    /// layer in the order of the topology; none before the branch's first step.
    pub fn after(reader: &'a BranchReader, weights: Option<&[&[f32]]>) -> Self {
        let mut every = reader.branch().clone();
        every.recording.fidelity = Fidelity::Every;
        Self {
            reader,
            every,
            previous: weights.map(<[_]>::concat),
            pending: Vec::new(),
            spare: Vec::new(),
            bytes: 0,
            span: None,
            validation: Vec::new(),
            samples: SampleRows::default(),
            keyframes: Vec::new(),
            with_tensors: 0,
        }
    }

    /// Compares what is left; returns how many steps had their tensors stored.
    ///
    /// # Errors
    /// [`StoreError::RowDiffers`] with the first table, step and column that
    /// differ; those of reading.
    pub fn finish(mut self) -> Result<u64, StoreError> {
        self.compare_pending()?;
        let Some(span) = self.span else { return Ok(self.with_tensors) };
        let version = self.reader.record.format_version;
        let validation = batches::validation(&self.validation, version);
        self.compare(Table::Validation, span, validation)?;
        if self.reader.record.has_samples() {
            let samples = self.samples.take(version);
            self.compare(Table::Samples, span, samples)?;
        }
        let keyframes = self.keyframes.iter().map(|state| keyframe::encode(&self.reader.shape, state));
        let keyframes = keyframes
            .collect::<Result<Vec<_>, _>>()
            .and_then(|states| concat_batches(&Table::Keyframes.schema(), &states));
        self.compare(Table::Keyframes, span, keyframes)?;
        Ok(self.with_tensors)
    }

    fn push(&mut self, view: &StepView<'_>) -> Result<(), StoreError> {
        let shape = &self.reader.shape;
        let mut record = self.spare.pop().unwrap_or_default();
        record.fill(&self.every, shape, view, 0)?;
        let statistics = FilterStatistics::of(shape, &record, self.previous.as_deref());
        let weights = self.previous.get_or_insert_default();
        weights.clear();
        weights.extend_from_slice(&record.weights);
        let step = record.scalars.step;
        self.span = Some(self.span.map_or(StepSpan::of(step), |span| StepSpan::new(span.first, step)));
        self.validation.extend(record.validation.take().map(|result| (step, result)));
        self.samples.push(step, &record.samples);
        self.keyframes.extend(record.keyframe.take());
        self.bytes += record.bytes();
        self.pending.push((record, statistics));
        if self.pending.len() == COMPARED_STEPS || self.bytes > COMPARED_BYTES {
            self.compare_pending()?;
        }
        Ok(())
    }

    fn compare_pending(&mut self) -> Result<(), StoreError> {
        let steps = self.pending.iter().map(|(step, _)| step.scalars.step);
        let (Some(first), Some(last)) = (steps.clone().min(), steps.max()) else { return Ok(()) };
        let span = StepSpan::new(first, last);
        let mut stored = Vec::new();
        for step in (first.0..=last.0).map(Step) {
            if self.reader.stores_tensors(step)? {
                stored.push(StepSpan::of(step));
            }
        }
        let stored = joined(stored.into_iter());
        let mut scalars = StepRows::default();
        self.pending.iter().for_each(|(step, _)| scalars.push(&step.scalars));
        self.compare(Table::Steps, span, scalars.batch(self.reader.record.format_version))?;
        for table in Table::ALL {
            if self.reader.shape.plan(table).is_none_or(|plan| plan.rows() == 0) {
                continue;
            }
            if !TENSOR_TABLES.contains(&table) {
                if let Some(batch) = rows::batch(&self.reader.shape, table, &self.pending) {
                    self.compare(table, span, batch)?;
                }
                continue;
            }
            for run in &stored {
                let places = (run.first.0 - first.0) as usize..=(run.last.0 - first.0) as usize;
                if let Some(batch) = rows::batch(&self.reader.shape, table, &self.pending[places]) {
                    self.compare(table, *run, batch)?;
                }
            }
        }
        self.with_tensors += stored.iter().map(StepSpan::steps).sum::<u64>();
        self.bytes = 0;
        self.spare.extend(self.pending.drain(..).map(|(record, _)| record));
        Ok(())
    }

    fn compare(
        &self,
        table: Table,
        span: StepSpan,
        expected: Result<RecordBatch, ArrowError>,
    ) -> Result<(), StoreError> {
        compare(self.reader, table, span, expected)
    }
}

impl Observer for Comparison<'_> {
    fn wanted(&self, step: Step, cursor: DataCursor) -> Wanted {
        wanted(&self.reader.record, step, cursor)
    }

    fn observe(&mut self, view: &StepView<'_>) -> Result<(), ObserverError> {
        Ok(self.push(view)?)
    }
}

impl BranchReader {
    /// Compares the table `topology` with what the branch's description says.
    ///
    /// # Errors
    /// [`StoreError::RowDiffers`]; those of reading.
    pub fn compare_topology(&self) -> Result<(), StoreError> {
        let first = StepSpan::of(self.record.first_step());
        compare(self, Table::Topology, first, topology::batch(&self.record))
    }
}

fn compare(
    reader: &BranchReader,
    table: Table,
    span: StepSpan,
    expected: Result<RecordBatch, ArrowError>,
) -> Result<(), StoreError> {
    let expected =
        expected.map_err(|error| StoreError::parquet("describe", &reader.paths.table(table), error.into()))?;
    let mut found = reader.stored_rows(table, span)?;
    if table == Table::Filters && !reader.record.has_checksums() {
        found = without_infinite_ratios(&expected, &found)
            .map_err(|error| StoreError::parquet("describe", &reader.paths.table(table), error.into()))?;
    }
    let Some((row, column, [expected, found])) = difference(table, &expected, &found) else { return Ok(()) };
    let step = row.step.unwrap_or(span.first);
    let path = match (table, reader.piece(step)) {
        (Table::Topology, _) => reader.paths.segment(table, span),
        (_, Ok(piece)) => piece.file(&reader.paths, table),
        (_, Err(_)) => reader.paths.table(table),
    };
    if has_vanished(&path) {
        // Which rows it lacks says less than that all of it is lost.
        let of = reader.piece(step).map_or(span, |piece| piece.span);
        let expected = format!("the table {table} of steps {of} of branch `{}`", reader.record.name);
        return Err(StoreError::Missing { path, expected });
    }
    Err(StoreError::RowDiffers {
        path: path.into(),
        branch: reader.record.name.clone(),
        table,
        step,
        column: column.into(),
        row: row.name.into(),
        values: Box::new([expected, found]),
    })
}

/// The rows of `filters` as they are recorded by now. Programs of before the
/// checksums may have written the update ratio of weights that were all zero as
/// infinite, or as no number, where it is null now.
fn without_infinite_ratios(expected: &RecordBatch, found: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let place = found.schema().index_of("update_ratio")?;
    let ratios = found.column(place).as_primitive::<Float32Type>();
    let nulls = expected.column(place);
    let is_null = |row: usize| row < nulls.len() && nulls.is_null(row);
    let ratios = ratios.iter().enumerate().map(|(row, ratio)| ratio.filter(|ratio| ratio.is_finite() || !is_null(row)));
    let mut columns = found.columns().to_vec();
    columns[place] = Arc::new(ratios.collect::<Float32Array>());
    RecordBatch::try_new(found.schema(), columns)
}

/// Which row differs.
struct Row {
    step: Option<Step>,
    /// Its layer, filter, image and quantity, as far as it has them.
    name: String,
}

impl Row {
    fn of(batch: &RecordBatch, row: usize) -> Self {
        let step = batch.column_by_name("step").map(|steps| steps.as_primitive::<Int64Type>().value(row));
        let mut name = String::new();
        for column in ["layer", "filter", "image", "quantity"] {
            let Some(values) = batch.column_by_name(column) else { continue };
            let value = text(values, row).filter(|value| value != "\"\"");
            if let Some(value) = value {
                name += &format!("{}{column} {}", if name.is_empty() { " of " } else { ", " }, value.trim_matches('"'));
            }
        }
        Self { step: step.and_then(|step| u64::try_from(step).ok()).map(Step), name }
    }
}

/// The first row that differs, by the row that is expected there, with its
/// column and what is expected and found in it.
fn difference(table: Table, expected: &RecordBatch, found: &RecordBatch) -> Option<(Row, String, [String; 2])> {
    let rows = expected.num_rows();
    if rows != found.num_rows() {
        // Those of another number would be compared with the wrong ones.
        let longer = if rows > found.num_rows() { expected } else { found };
        let counts = [expected, found].map(|batch| counted(batch.num_rows() as u64, "row"));
        let row = Row::of(longer, rows.min(found.num_rows()));
        return Some((row, expected.schema().field(0).name().clone(), counts));
    }
    let mut first: Option<(usize, usize)> = None;
    for (column, field) in expected.schema().fields().iter().enumerate() {
        let (ours, theirs) = (expected.column(column), found.column(column));
        if is_covered(table, field.name()) && ours.to_data() != theirs.to_data() {
            let differs = |row: &usize| ours.slice(*row, 1).to_data() != theirs.slice(*row, 1).to_data();
            let row = (0..rows).find(differs).unwrap_or(0);
            first = first.into_iter().chain([(row, column)]).min();
        }
    }
    let (row, column) = first?;
    let values = describe(expected.column(column), found.column(column), row);
    Some((Row::of(expected, row), expected.schema().field(column).name().clone(), values))
}

/// What is expected in a row, and what is found.
fn describe(expected: &ArrayRef, found: &ArrayRef, row: usize) -> [String; 2] {
    if matches!(expected.data_type(), DataType::List(_)) && expected.is_valid(row) && found.is_valid(row) {
        let (ours, theirs) = (expected.as_list::<i32>().value(row), found.as_list::<i32>().value(row));
        if ours.len() != theirs.len() {
            return [ours, theirs].map(|list| counted(list.len() as u64, "value"));
        }
        let differs = |place: &usize| ours.slice(*place, 1).to_data() != theirs.slice(*place, 1).to_data();
        if let Some(place) = (0..ours.len()).find(differs) {
            let one = |list: &ArrayRef| format!("{} at place {place}", text(list, place).unwrap_or_default());
            return [one(&ours), one(&theirs)];
        }
    }
    [expected, found].map(|values| text(values, row).unwrap_or_else(|| "nothing".to_owned()))
}

/// A value as text; `None` where there is none.
fn text(values: &ArrayRef, row: usize) -> Option<String> {
    if values.is_null(row) {
        return None;
    }
    Some(match values.data_type() {
        DataType::Int64 => values.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Int32 => values.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Float32 => {
            let value = values.as_primitive::<Float32Type>().value(row);
            // Two that are written alike may differ in their bits.
            format!("{value:?} ({:08x})", value.to_bits())
        }
        DataType::Utf8 => format!("{:?}", values.as_string::<i32>().value(row)),
        DataType::List(_) => {
            format!("a list of {}", counted(values.as_list::<i32>().value_length(row).unsigned_abs().into(), "value"))
        }
        other => other.to_string(),
    })
}
