//! Rows as values: steps, validations and keyframes.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use revacnn_schemas::{
    Digest, ImageIndex, SCALARS, Sample, ScalarColumn, ScalarKind, SchemaError, Step, StepScalars, Table,
    TrainingState, ValidationResult,
};

use crate::disk::paths::StepSpan;
use crate::keyframe;
use crate::read::footer::OpenTable;
use crate::read::listing::Piece;
use crate::read::query::{Selection, read_ranges};
use crate::{BranchReader, StoreError};

/// Columns of a batch by name, of the types that the schema gives.
struct Columns<'a>(&'a RecordBatch);

impl Columns<'_> {
    fn column(&self, name: &str) -> &dyn Array {
        self.0.column_by_name(name).expect("invariant: the batch was read with the table's schema")
    }

    fn long(&self, name: &str, row: usize) -> u64 {
        self.column(name).as_primitive::<Int64Type>().value(row) as u64
    }

    fn int(&self, name: &str, row: usize) -> Option<u32> {
        let column = self.column(name).as_primitive::<Int32Type>();
        column.is_valid(row).then(|| column.value(row) as u32)
    }

    fn float(&self, name: &str, row: usize) -> Option<f32> {
        let column = self.column(name).as_primitive::<Float32Type>();
        column.is_valid(row).then(|| column.value(row))
    }

    fn text(&self, name: &str, row: usize) -> Option<&str> {
        let column = self.column(name).as_string::<i32>();
        column.is_valid(row).then(|| column.value(row))
    }
}

impl BranchReader {
    /// The row of `steps` of one step.
    ///
    /// # Errors
    /// [`StoreError::UnknownStep`]; an error with the path of a damaged file.
    pub fn step_row(&self, step: Step) -> Result<StepScalars, StoreError> {
        let mut rows = self.step_rows(StepSpan::of(step))?;
        rows.pop().ok_or_else(|| {
            let path = self.paths.table(Table::Steps);
            StoreError::damaged(&path, format!("a row of step {step}"), "none")
        })
    }

    /// The digest that was recorded of a step's parameters.
    pub(crate) fn digest_of(&self, step: Step) -> Result<Digest, StoreError> {
        let mut digests = self.digests(StepSpan::of(step))?;
        digests.pop().ok_or_else(|| {
            let path = self.paths.table(Table::Steps);
            StoreError::damaged(&path, format!("a row of step {step}"), "none")
        })
    }

    /// The digests that were recorded of each step's parameters.
    pub(crate) fn digests(&self, span: StepSpan) -> Result<Vec<Digest>, StoreError> {
        let batch = self.read_columns(Table::Steps, span, &Selection::all(), &["digest"])?;
        let columns = Columns(&batch);
        (0..batch.num_rows()).map(|row| self.digest(columns.text("digest", row).unwrap_or_default())).collect()
    }

    fn digest(&self, text: &str) -> Result<Digest, StoreError> {
        text.parse::<Digest>().map_err(|error| {
            let path = self.paths.table(Table::Steps);
            StoreError::damaged(&path, "digests", error.to_string())
        })
    }

    /// The rows of `steps` of a span.
    ///
    /// # Errors
    /// Those of [`step_row`](Self::step_row).
    pub fn step_rows(&self, span: StepSpan) -> Result<Vec<StepScalars>, StoreError> {
        let batch = self.read(Table::Steps, span, &Selection::all())?;
        let mut rows = vec![StepScalars::default(); batch.num_rows()];
        for (column, values) in SCALARS.iter().zip(batch.columns()) {
            put(&mut rows, column, values).map_err(|error| {
                let path = self.paths.table(Table::Steps);
                StoreError::damaged(&path, format!("the column {}", column.name), error.to_string())
            })?;
        }
        Ok(rows)
    }

    /// All full validations, in step order.
    ///
    /// # Errors
    /// An error with the path of a damaged file.
    pub fn validations(&self) -> Result<Vec<(Step, ValidationResult)>, StoreError> {
        let Some(span) = self.steps() else {
            return Ok(Vec::new());
        };
        self.validations_within(span)
    }

    /// The newest full validation; steps that are missing before it do not
    /// matter.
    ///
    /// # Errors
    /// An error with the path of a damaged file.
    pub fn last_validation(&self) -> Result<Option<(Step, ValidationResult)>, StoreError> {
        let pieces = self.index().pieces.clone();
        for piece in pieces.iter().rev() {
            if let Some(last) = self.validations_within(piece.span)?.pop() {
                return Ok(Some(last));
            }
        }
        Ok(None)
    }

    fn validations_within(&self, span: StepSpan) -> Result<Vec<(Step, ValidationResult)>, StoreError> {
        let batch = self.read(Table::Validation, span, &Selection::all())?;
        let columns = Columns(&batch);
        let confusion = columns.column("confusion").as_list::<i32>();
        let rows = (0..batch.num_rows()).map(|row| {
            let counts = confusion.is_valid(row).then(|| {
                let counts = confusion.value(row);
                counts.as_primitive::<Int32Type>().values().iter().map(|&count| count as u32).collect()
            });
            let result = ValidationResult {
                loss: columns.float("loss", row).unwrap_or(f32::NAN),
                correct: columns.int("correct", row),
                images: columns.int("images", row).unwrap_or_default(),
                confusion: counts,
            };
            (Step(columns.long("step", row)), result)
        });
        Ok(rows.collect())
    }

    /// What came of each image of the batches that led to these steps, in order; nothing of
    /// steps that no update led to, and of branches of formats before
    /// [`SAMPLES_SINCE`](revacnn_schemas::SAMPLES_SINCE).
    ///
    /// # Errors
    /// [`StoreError::UnknownStep`]; an error with the path of a damaged file.
    pub fn samples(&self, span: StepSpan) -> Result<Vec<(Step, Sample)>, StoreError> {
        let batch = self.read(Table::Samples, span, &Selection::all())?;
        let columns = Columns(&batch);
        let ints = ["image", "label", "predicted"].map(|name| columns.column(name).as_primitive::<Int32Type>());
        let floats = ["output", "loss"].map(|name| columns.column(name).as_primitive::<Float32Type>());
        let steps = batch.column(0).as_primitive::<Int64Type>().values();
        let row = |row: usize| {
            let [image, label, predicted] = ints.map(|values| values.value(row) as u32);
            let [output, loss] = floats.map(|values| values.value(row));
            let sample = Sample {
                image: ImageIndex(image),
                label,
                predicted: ints[2].is_valid(row).then_some(predicted),
                output: floats[0].is_valid(row).then_some(output),
                loss,
            };
            (Step(steps[row] as u64), sample)
        };
        Ok((0..batch.num_rows()).map(row).collect())
    }

    /// The newest keyframe at or before a step of this branch.
    ///
    /// # Errors
    /// [`StoreError::UnknownStep`]; an error with the path of a damaged file.
    pub fn nearest_keyframe(&self, step: Step) -> Result<Option<Step>, StoreError> {
        self.with_fresh_listing(|| Ok(self.find_keyframe(step)?.map(|(found, ..)| found)))
    }

    /// The whole state at the newest keyframe at or before a step.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is none; otherwise those of
    /// [`nearest_keyframe`](Self::nearest_keyframe).
    pub fn keyframe_at_or_before(&self, step: Step) -> Result<TrainingState, StoreError> {
        self.with_fresh_listing(|| {
            let Some((found, file, rows)) = self.find_keyframe(step)? else {
                // It was in a segment whose steps were lost.
                if let Some(gap) = self.gaps()?.into_iter().rfind(|gap| gap.span.first <= step) {
                    return Err(gap.error);
                }
                return Err(StoreError::Missing {
                    path: self.paths.table(Table::Keyframes),
                    expected: format!("a keyframe at or before step {step}"),
                });
            };
            let batches = read_ranges(&file, std::iter::once(rows))?;
            let rows = batches.iter().flat_map(|batch| {
                let columns = Columns(batch);
                let values = batch.column(3).as_list::<i32>();
                (0..batch.num_rows())
                    .map(|row| {
                        let array = values.value(row);
                        let array = array.as_primitive::<Float32Type>().values().to_vec();
                        let text = |name| columns.text(name, row).unwrap_or_default().to_owned();
                        (text("layer"), text("quantity"), array)
                    })
                    .collect::<Vec<_>>()
            });
            keyframe::decode(&self.shape, found, rows)
                .map_err(|(expected, found)| StoreError::damaged(&file.path, expected, found))
        })
    }

    /// The newest keyframe at or before a step: its step, file and rows.
    fn find_keyframe(&self, step: Step) -> Result<Option<(Step, OpenTable, std::ops::Range<usize>)>, StoreError> {
        self.piece(step)?;
        let index = self.index();
        let end = index.pieces.partition_point(|piece| piece.span.first <= step);
        for &piece in index.pieces[..end].iter().rev() {
            if let Some(file) = self.open_sparse(piece, Table::Keyframes)?
                && let Some((found, rows)) = newest(&file, piece, step)?
            {
                return Ok(Some((found, file, rows)));
            }
        }
        Ok(None)
    }
}

/// Puts a column of `steps` into its rows.
fn put(rows: &mut [StepScalars], column: &ScalarColumn, values: &ArrayRef) -> Result<(), SchemaError> {
    let is_null = |row: usize| values.is_null(row);
    match column.kind {
        ScalarKind::Long(_, set) => {
            let values = values.as_primitive::<Int64Type>();
            rows.iter_mut().zip(values.values()).for_each(|(row, &value)| set(row, value as u64));
        }
        ScalarKind::Int(_, set) => {
            let values = values.as_primitive::<Int32Type>();
            rows.iter_mut().zip(values.values()).for_each(|(row, &value)| set(row, value as u32));
        }
        ScalarKind::Float(_, set) => {
            let values = values.as_primitive::<Float32Type>();
            rows.iter_mut().zip(values).for_each(|(row, value)| set(row, value));
        }
        ScalarKind::RequiredFloat(_, set) => {
            let values = values.as_primitive::<Float32Type>();
            rows.iter_mut().zip(values.values()).for_each(|(row, &value)| set(row, value));
        }
        ScalarKind::Text(_, set) | ScalarKind::RequiredText(_, set) => {
            let values = values.as_string::<i32>();
            for (place, row) in rows.iter_mut().enumerate().filter(|&(place, _)| !is_null(place)) {
                set(row, values.value(place))?;
            }
        }
        ScalarKind::Time(_, set) => {
            let values = values.as_primitive::<TimestampMicrosecondType>();
            rows.iter_mut().zip(values.values()).for_each(|(row, &value)| set(row, value));
        }
    }
    Ok(())
}

/// The newest keyframe of a file at or before a step, and its rows. Every
/// keyframe is a row group, whose statistics name its step.
fn newest(file: &OpenTable, piece: Piece, step: Step) -> Result<Option<(Step, std::ops::Range<usize>)>, StoreError> {
    let metadata = file.footer.metadata();
    let mut newest = None;
    for place in 0..metadata.num_row_groups() {
        let statistics = metadata.row_group(place).column(0).statistics();
        let found = match statistics {
            Some(parquet::file::statistics::Statistics::Int64(bounds)) => {
                bounds.min_opt().zip(bounds.max_opt()).filter(|(min, max)| min == max)
            }
            _ => None,
        };
        let Some(found) = found.and_then(|(&step, _)| u64::try_from(step).ok()).map(Step) else {
            let expected =
                "a row group of one step a keyframe, with its statistics, in the table keyframes, column step";
            return Err(StoreError::damaged(&file.path, expected, "another"));
        };
        if !piece.span.contains(found) {
            let (expected, found) = (format!("keyframes of steps {} in the column step", piece.span), found);
            return Err(StoreError::damaged(&file.path, expected, found.to_string()));
        }
        if found <= step {
            let starts = &file.footer.starts;
            newest = Some((found, starts[place] as usize..starts[place + 1] as usize));
        }
    }
    Ok(newest)
}
