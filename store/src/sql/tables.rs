//! The tables of a query, read when the query engine asks for them: the
//! columns that it names, of the steps that its conditions can touch.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use polars::prelude::{
    AnonymousScan, AnonymousScanArgs, Column, DataFrame, DataType, Field, PlSmallStr, PolarsError, PolarsResult,
    Scalar, Schema, SchemaRef,
};
use revacnn_schemas::{Fidelity, SEGMENT_STEPS, Step, Table};

use super::bounds::TableUse;
use super::convert;
use crate::shape::TENSOR_TABLES;
use crate::thinning::joined;
use crate::{BranchReader, Lineage, Selection, StepSpan, StoreError};

/// The columns that every table has before its own.
const NAMES: [&str; 2] = ["branch", "recorded_in"];

/// Steps that are read at a time.
const STEPS_AT_ONCE: u64 = 64;

/// The first thing that was wrong with the log while it was read.
pub(super) type Damage = Arc<Mutex<Option<StoreError>>>;

/// Rows of a branch that one branch of its lineage holds.
#[derive(Debug)]
pub(super) struct Part {
    lineage: Arc<Lineage>,
    /// Place of the holder in the lineage's readers.
    holder: usize,
    /// Disjoint, in order.
    spans: Vec<StepSpan>,
    selection: Selection,
}

impl Part {
    fn reader(&self) -> &BranchReader {
        &self.lineage.readers()[self.holder]
    }
}

/// What the uses of a table can touch.
///
/// # Errors
/// [`StoreError::Query`] where some of these tensors are not stored.
pub(super) fn parts(table: Table, lineages: &[Arc<Lineage>], uses: &[TableUse]) -> Result<Vec<Part>, StoreError> {
    let mut parts = Vec::new();
    for lineage in lineages {
        let branch = lineage.branch().name.as_str();
        for (holder, span) in held(table, lineage) {
            let reader = &lineage.readers()[holder];
            let admitted: Vec<&TableUse> = uses
                .iter()
                .filter(|used| used.table == table)
                .filter(|used| used.bounds.admits(branch, reader.branch().name.as_str()))
                .collect();
            let spans = joined(admitted.iter().filter_map(|used| {
                let wanted = used.bounds.span();
                (wanted.first <= wanted.last).then(|| wanted.intersection(&span)).flatten()
            }));
            let Some(selection) = common(reader, table, &admitted) else { continue };
            if spans.is_empty() {
                continue;
            }
            if TENSOR_TABLES.contains(&table) {
                check_stored(reader, table, &spans)?;
            }
            parts.push(Part { lineage: lineage.clone(), holder, spans, selection });
        }
    }
    Ok(parts)
}

/// Refuses steps that are missing from a history, rather than leave them out
/// of an answer.
///
/// # Errors
/// [`StoreError::Query`] where a use can touch some.
pub(super) fn refuse_gaps(lineages: &[Arc<Lineage>], uses: &[TableUse]) -> Result<(), StoreError> {
    // Positions have no step.
    let uses: Vec<&TableUse> = uses.iter().filter(|used| used.table != Table::Topology).collect();
    for lineage in lineages {
        let branch = lineage.branch().name.as_str();
        let is_asked = |span: &StepSpan| {
            let mut of_branch = uses.iter().filter(|used| used.bounds.admits_branch(branch));
            of_branch.any(|used| used.bounds.span().intersection(span).is_some())
        };
        if let Some(gap) = lineage.gaps()?.into_iter().find(|gap| is_asked(&gap.span)) {
            return Err(StoreError::Query {
                reason: format!(
                    "it can touch steps that are missing: {}; or bound the query to steps that there are: WHERE branch \
                     = '{branch}' AND step …",
                    gap.error
                ),
            });
        }
    }
    Ok(())
}

/// Places of the readers that hold rows of a lineage, and of which steps;
/// oldest first.
fn held(table: Table, lineage: &Lineage) -> Vec<(usize, StepSpan)> {
    let all = StepSpan::new(Step(0), Step(u64::MAX));
    // Positions are the branch's own, also before its first step.
    if table == Table::Topology {
        return vec![(0, all)];
    }
    let place = |reader: &BranchReader| lineage.readers().iter().position(|other| std::ptr::eq(other, reader));
    let parts = match table {
        Table::Samples => lineage.parts_by_update(),
        _ => lineage.parts(),
    };
    let mut held: Vec<(usize, StepSpan)> =
        parts.into_iter().filter_map(|(reader, span)| Some((place(reader)?, span))).collect();
    held.reverse();
    // The last event may be of a step that was never committed.
    if let (Table::Events, Some((_, span))) = (table, held.last_mut()) {
        span.last = lineage.until().unwrap_or(all.last);
    }
    held
}

/// The rows of a step that all uses together can touch; `None` where the
/// branch has no such rows.
fn common(reader: &BranchReader, table: Table, uses: &[&TableUse]) -> Option<Selection> {
    let plan = reader.shape.plan(table);
    let mut selections: Vec<Selection> = uses.iter().filter_map(|used| used.bounds.selection()).collect();
    selections.retain(|selection| match (plan, &selection.layer) {
        (Some(plan), Some(layer)) => {
            plan.layer(layer).is_some_and(|rows| selection.filter.is_none_or(|filter| rows.numbers.contains(&filter)))
        }
        (None, _) | (_, None) => true,
    });
    selections.dedup();
    match &selections[..] {
        [] => None,
        [only] if plan.is_some() => Some(only.clone()),
        _ => Some(Selection::all()),
    }
}

/// Refuses steps whose tensors have to be recomputed, rather than leave them
/// out of an answer.
fn check_stored(reader: &BranchReader, table: Table, spans: &[StepSpan]) -> Result<(), StoreError> {
    let index = reader.index();
    let missing = |span: &StepSpan| -> Vec<StepSpan> {
        match reader.branch().recording.fidelity {
            Fidelity::Every => index.thinned.iter().filter_map(|thinned| thinned.intersection(span)).collect(),
            Fidelity::Keyframes => index
                .materialised
                .iter()
                .fold(vec![*span], |left, stored| left.iter().flat_map(|span| span.without(stored)).collect()),
        }
    };
    let gone = spans.iter().flat_map(missing);
    let gone = gone.reduce(|all, span| StepSpan::new(all.first.min(span.first), all.last.max(span.last)));
    let Some(StepSpan { first, last }) = gone else { return Ok(()) };
    Err(StoreError::QueryNeedsTensors { table, branch: reader.branch().name.clone(), first, last })
}

/// The names of a table's columns, as a query sees them.
pub(super) fn column_names(table: Table) -> Vec<String> {
    let own = table.schema();
    NAMES.into_iter().chain(own.fields().iter().map(|field| field.name().as_str())).map(str::to_owned).collect()
}

/// A table that the query engine can scan.
pub(super) struct LogTable {
    table: Table,
    schema: SchemaRef,
    parts: Vec<Part>,
    damage: Damage,
}

impl LogTable {
    pub(super) fn new(table: Table, parts: Vec<Part>, damage: Damage) -> Self {
        let named = NAMES.map(|name| Field::new(name.into(), DataType::String));
        let own = table.schema();
        let own = own.fields().iter();
        let own = own.map(|field| Field::new(field.name().as_str().into(), convert::data_type(field.data_type())));
        let schema = Arc::new(named.into_iter().chain(own).collect());
        Self { table, schema, parts, damage }
    }

    /// Reads columns of at most so many rows.
    fn read(&self, names: &[PlSmallStr], most: usize) -> Result<DataFrame, Failed> {
        let own = self.table.schema();
        let mut columns: Vec<&str> =
            names.iter().map(PlSmallStr::as_str).filter(|name| own.index_of(name).is_ok()).collect();
        // Where no column is asked for, one tells the number of rows.
        if columns.is_empty() {
            columns.push(own.field(0).name());
        }
        let empty: Schema =
            names.iter().filter_map(|name| Some(Field::new(name.clone(), self.schema.get(name)?.clone()))).collect();
        let mut all = DataFrame::empty_with_schema(&empty);
        for part in &self.parts {
            let branch = part.lineage.branch().name.as_str();
            let recorded_in = part.reader().branch().name.as_str();
            for span in part.spans.iter().flat_map(|span| self.chunks(span)) {
                let left = most - all.height();
                if left == 0 {
                    return Ok(all);
                }
                let batch = part.reader().read_columns(self.table, span, &part.selection, &columns)?;
                let batch = batch.slice(0, batch.num_rows().min(left));
                let rows = batch.num_rows();
                let columns = names.iter().map(|name| match (name.as_str(), batch.column_by_name(name)) {
                    (_, Some(array)) => convert::column(name, array.as_ref()),
                    (column, None) => {
                        let value = if column == NAMES[0] { branch } else { recorded_in };
                        Column::new_scalar(name.clone(), Scalar::from(PlSmallStr::from_str(value)), rows)
                    }
                });
                all.vstack_mut_owned(DataFrame::new(rows, columns.collect())?)?;
            }
        }
        Ok(all)
    }

    /// The spans that are read one after the other.
    fn chunks(&self, span: &StepSpan) -> Vec<StepSpan> {
        match self.table {
            Table::Keyframes | Table::Validation | Table::Events | Table::Topology => vec![*span],
            // A segment's file is decoded whole, whatever is read of it.
            Table::Samples => span.portions(SEGMENT_STEPS).collect(),
            _ => span.portions(STEPS_AT_ONCE).collect(),
        }
    }
}

/// Why a table was not read.
enum Failed {
    Log(StoreError),
    Engine(PolarsError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Log(error)
    }
}

impl From<PolarsError> for Failed {
    fn from(error: PolarsError) -> Self {
        Self::Engine(error)
    }
}

impl AnonymousScan for LogTable {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn schema(&self, _infer_schema_length: Option<usize>) -> PolarsResult<SchemaRef> {
        Ok(self.schema.clone())
    }

    fn allows_projection_pushdown(&self) -> bool {
        true
    }

    fn scan(&self, arguments: AnonymousScanArgs) -> PolarsResult<DataFrame> {
        let names: Vec<PlSmallStr> = match (&arguments.output_schema, &arguments.with_columns) {
            (Some(schema), _) => schema.iter_names_cloned().collect(),
            (None, Some(names)) => names.to_vec(),
            (None, None) => self.schema.iter_names_cloned().collect(),
        };
        self.read(&names, arguments.n_rows.unwrap_or(usize::MAX)).map_err(|failed| match failed {
            Failed::Engine(error) => error,
            Failed::Log(error) => {
                let reason = error.to_string();
                self.damage.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                PolarsError::ComputeError(reason.into())
            }
        })
    }
}
