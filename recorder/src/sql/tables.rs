//! The tables of a query as lazy scans over the files of the log.

use std::path::PathBuf;

use arrow_schema::DataType as ArrowType;
use polars::io::HiveOptions;
use polars::prelude::{
    DataFrame, DataType, Field, LazyFrame, NamedFrom, PlRefPath, PolarsError, ScanArgsParquet, Schema, Series,
    TimeUnit, TimeZone, UnionArgs, col, concat, lit,
};
use revacnn_schemas::{BranchRecord, Fidelity, Step, Table};

use super::statement::TableUse;
use crate::footer::Expected;
use crate::listing::{Piece, list_if_there};
use crate::shape::TENSOR_TABLES;
use crate::{BranchReader, Lineage, RecorderError, StepSpan};

/// Files of a table that hold rows of a branch.
#[derive(Debug)]
pub(super) struct Part {
    branch: String,
    recorded_in: String,
    /// Rows past this step are none of the branch's.
    last: Step,
    pub(super) files: Vec<PathBuf>,
}

/// The files that the uses of a table can touch.
///
/// # Errors
/// [`RecorderError::Query`] where some of these tensors are not stored; an
/// error with the path of a damaged file.
pub(super) fn parts(table: Table, lineages: &[Lineage], uses: &[TableUse]) -> Result<Vec<Part>, RecorderError> {
    let mut parts = Vec::new();
    for lineage in lineages {
        let branch = lineage.branch().name.as_str();
        let mut held = lineage.parts();
        // A branch that has no steps yet has a topology.
        if table == Table::Topology {
            held = vec![(lineage.own(), StepSpan::new(Step(0), Step(u64::MAX)))];
        }
        for (reader, span) in held.into_iter().rev() {
            let holder = reader.branch().name.as_str();
            let wanted: Vec<StepSpan> = uses
                .iter()
                .filter(|used| used.table == table && used.bounds.admits(branch, holder))
                .filter(|used| used.bounds.first <= used.bounds.last)
                .filter_map(|used| StepSpan::new(used.bounds.first, used.bounds.last).intersection(&span))
                .collect();
            if wanted.is_empty() {
                continue;
            }
            let files = reader.with_fresh_listing(|| files(reader, table, &wanted))?;
            if !files.is_empty() {
                parts.push(Part { branch: branch.to_owned(), recorded_in: holder.to_owned(), last: span.last, files });
            }
        }
    }
    Ok(parts)
}

fn files(reader: &BranchReader, table: Table, wanted: &[StepSpan]) -> Result<Vec<PathBuf>, RecorderError> {
    let sparse = Expected { table, rows: None };
    match table {
        Table::Topology => {
            let path = reader.paths.segment(table, StepSpan::of(reader.branch().first_step()));
            return Ok(vec![reader.footers.open(&path, sparse)?.path]);
        }
        Table::Events => {
            let folder = reader.paths.table(table);
            let names = list_if_there(&folder)?.into_iter().filter(|name| !name.starts_with('.'));
            return names
                .filter(|name| name.ends_with(".parquet"))
                .map(|name| {
                    let expected = Expected { table, rows: None };
                    Ok(reader.footers.open(&folder.join(name), expected)?.path)
                })
                .collect();
        }
        _ => {}
    }
    if TENSOR_TABLES.contains(&table) {
        check_stored(reader, table, wanted)?;
    }
    let touched = |piece: &&Piece| wanted.iter().any(|span| span.intersection(&piece.span).is_some());
    let mut files = Vec::new();
    for &piece in reader.index().pieces.iter().filter(touched) {
        let file = match table {
            Table::Keyframes | Table::Validation => reader.open_sparse(piece, table)?,
            _ if reader.shape.rows_a_step(table).unwrap_or(0) == 0 => None,
            _ => {
                let step = wanted.iter().find_map(|span| span.intersection(&piece.span)).map(|span| span.first);
                Some(reader.open_table(piece, table, step.unwrap_or(piece.span.first))?)
            }
        };
        files.extend(file.map(|file| file.path));
    }
    Ok(files)
}

/// Refuses steps whose tensors have to be recomputed, rather than leave them
/// out of an answer.
fn check_stored(reader: &BranchReader, table: Table, wanted: &[StepSpan]) -> Result<(), RecorderError> {
    let index = reader.index();
    let mut gone: Option<StepSpan> = None;
    for piece in &index.pieces {
        for span in wanted.iter().filter_map(|span| span.intersection(&piece.span)) {
            let missing: Vec<StepSpan> = match reader.branch().recording.fidelity {
                Fidelity::Every => index.thinned.iter().filter_map(|thinned| thinned.intersection(&span)).collect(),
                Fidelity::Keyframes => index
                    .materialised
                    .iter()
                    .fold(vec![span], |left, stored| left.iter().flat_map(|span| span.without(stored)).collect()),
            };
            for span in missing {
                gone = Some(gone.map_or(span, |all| StepSpan::new(all.first.min(span.first), all.last.max(span.last))));
            }
        }
    }
    let Some(StepSpan { first, last }) = gone else { return Ok(()) };
    let branch = &reader.branch().name;
    Err(RecorderError::Query {
        reason: format!(
            "the query can touch {table} of steps {first} to {last} of branch `{branch}`, which are not all stored: \
             they follow from keyframes. Write them out with `revacnn materialise {branch} --from {first} --to {last}`, \
             or bound the query to stored steps, as in WHERE branch = '{branch}' AND step BETWEEN A AND B"
        ),
    })
}

/// The table as a lazy scan, with the columns `branch` and `recorded_in`
/// before its own.
pub(super) fn frame(table: Table, parts: &[Part]) -> Result<LazyFrame, PolarsError> {
    if parts.is_empty() {
        return Ok(DataFrame::empty_with_schema(&schema(table)).lazy());
    }
    let names: Vec<String> = schema(table).iter_names().map(ToString::to_string).collect();
    let scans = parts.iter().map(|part| {
        let paths = part.files.iter().map(|path| PlRefPath::try_from_path(path)).collect::<Result<Vec<_>, _>>()?;
        let arguments =
            ScanArgsParquet { glob: false, hive_options: HiveOptions::new_disabled(), ..ScanArgsParquet::default() };
        let mut scan = LazyFrame::scan_parquet_files(paths.into_iter().collect(), arguments)?;
        if table != Table::Topology {
            let last = i64::try_from(part.last.0).unwrap_or(i64::MAX);
            scan = scan.filter(col("step").lt_eq(lit(last)));
        }
        let named = [lit(part.branch.as_str()).alias("branch"), lit(part.recorded_in.as_str()).alias("recorded_in")];
        Ok(scan.with_columns(named).select(names.iter().map(|name| col(name.as_str())).collect::<Vec<_>>()))
    });
    let scans = scans.collect::<Result<Vec<LazyFrame>, PolarsError>>()?;
    concat(scans, UnionArgs::default())
}

/// The columns of a table, as a query sees them.
pub(super) fn schema(table: Table) -> Schema {
    let named = ["branch", "recorded_in"].map(|name| Field::new(name.into(), DataType::String));
    let own = table.schema();
    let own = own.fields().iter().map(|field| Field::new(field.name().as_str().into(), data_type(field.data_type())));
    named.into_iter().chain(own.collect::<Vec<_>>()).collect()
}

/// The few types that the log's tables have.
fn data_type(of: &ArrowType) -> DataType {
    match of {
        ArrowType::Int64 => DataType::Int64,
        ArrowType::Int32 => DataType::Int32,
        ArrowType::Float32 => DataType::Float32,
        ArrowType::Timestamp(_, _) => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        ArrowType::List(field) => DataType::List(Box::new(data_type(field.data_type()))),
        _ => DataType::String,
    }
}

/// The table `branches`: a row a branch.
pub(super) fn branches(lineages: &[Lineage], records: &[BranchRecord]) -> Result<LazyFrame, PolarsError> {
    let texts = |name: &str, value: &dyn Fn(&Lineage) -> Option<String>| {
        let values: Vec<Option<String>> = lineages.iter().map(value).collect();
        Series::new(name.into(), values).into()
    };
    let steps = |name: &str, value: &dyn Fn(&Lineage) -> Option<Step>| {
        let values: Vec<Option<i64>> =
            lineages.iter().map(|lineage| value(lineage).and_then(|step| i64::try_from(step.0).ok())).collect();
        Series::new(name.into(), values).into()
    };
    let parent = |lineage: &Lineage| {
        let id = &lineage.branch().parent.as_ref()?.branch;
        records.iter().find(|record| record.id == *id).map(|record| record.name.to_string())
    };
    let edits = |lineage: &Lineage| {
        let edits: Vec<String> = lineage.branch().edits.iter().map(ToString::to_string).collect();
        Some(edits.join("; "))
    };
    let columns = vec![
        texts("name", &|lineage| Some(lineage.branch().name.to_string())),
        texts("id", &|lineage| Some(lineage.branch().id.to_string())),
        texts("parent", &parent),
        steps("fork_step", &|lineage| lineage.branch().parent.as_ref().map(|parent| parent.step)),
        texts("edits", &edits),
        texts("network", &|lineage| Some(lineage.branch().definition.network.name.clone())),
        texts("dataset", &|lineage| Some(lineage.branch().definition.dataset.name.clone())),
        texts("fidelity", &|lineage| Some(lineage.branch().recording.fidelity.to_string())),
        steps("first_step", &|lineage| lineage.own().steps().map(|span| span.first)),
        steps("last_step", &|lineage| lineage.own().steps().map(|span| span.last)),
    ];
    Ok(DataFrame::new_infer_height(columns)?.lazy())
}
