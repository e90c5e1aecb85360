//! SQL over the log: the tables by name, each branch with its whole history.
//!
//! | module | concept |
//! |---|---|
//! | `statement` | what a query asks for, and what is refused |
//! | `tables` | the files that it can touch, as lazy scans |
//! | `answer` | its rows |
//!
//! Every branch's history is in the tables under its own name: the column
//! `branch` says whose history a row is in, `recorded_in` which branch holds
//! it. `WHERE branch = recorded_in` gives each row once.

mod answer;
mod statement;
mod tables;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use polars::lazy::dsl::{FileWriteFormat, SinkDestination, SinkTarget, UnifiedSinkArgs};
use polars::prelude::{DataType, Engine, LazyFrame, ParquetWriteOptions, PlRefPath, PolarsError, TimeUnit, col};
use polars::sql::SQLContext;
use revacnn_schemas::{BranchName, Table};
use tempfile::NamedTempFile;

use crate::footer::Expected;
use crate::query::{read_ranges, whole};
use crate::{Lineage, RecorderError, Store};

pub use answer::{Answer, Cell, cell};

/// Answers a query over all branches, or over one; `folder` takes the answer
/// as a temporary file.
///
/// # Errors
/// [`RecorderError::Query`] for what cannot be asked, and for tensors that are
/// not stored; an error with the path of a damaged file.
pub fn query(store: &Store, branch: Option<&BranchName>, sql: &str, folder: &Path) -> Result<Answer, RecorderError> {
    let uses = statement::examine(sql)?;
    let mut list = store.branches()?;
    let lineages = match branch {
        Some(name) => vec![Lineage::open(store, name)?],
        // A part of the branches would be a silently partial answer.
        None if !list.problems.is_empty() => return Err(list.problems.remove(0)),
        None => list.records.iter().map(|record| Lineage::of(store, record)).collect::<Result<_, _>>()?,
    };
    let mut parts = BTreeMap::new();
    for table in Table::ALL {
        parts.insert(table, tables::parts(table, &lineages, &uses)?);
    }
    let answer = || -> Result<NamedTempFile, PolarsError> {
        let mut context = SQLContext::new();
        for (&table, parts) in &parts {
            context.register(table.name(), tables::frame(table, parts)?);
        }
        context.register(statement::BRANCHES, tables::branches(&lineages, &list.records)?);
        let frame = writable(context.execute(sql)?)?;
        let file = NamedTempFile::new_in(folder)?;
        let target = SinkTarget::Path(PlRefPath::try_from_path(file.path())?);
        let format = FileWriteFormat::Parquet(Arc::new(ParquetWriteOptions::default()));
        frame
            .sink(SinkDestination::File { target }, format, UnifiedSinkArgs::default())?
            .collect_with_engine(Engine::Streaming)?;
        Ok(file)
    };
    let reason = match catch_unwind(AssertUnwindSafe(answer)) {
        Ok(Ok(file)) => return Answer::of(file),
        Ok(Err(PolarsError::IO { error, .. })) => error.to_string(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the query engine gave up on it".to_owned(),
    };
    // The engine does not say which file it could not read.
    for (&table, parts) in &parts {
        parts.iter().flat_map(|part| &part.files).try_for_each(|path| decode(table, path))?;
    }
    Err(RecorderError::Query { reason: format!("{reason}{}", columns(&uses)) })
}

/// Gives columns of types that the answer's readers lack others.
fn writable(mut frame: LazyFrame) -> Result<LazyFrame, PolarsError> {
    let mut casts = Vec::new();
    for (name, of) in frame.collect_schema()?.iter() {
        let cast = match of {
            of if is_plain(of) => continue,
            DataType::Duration(_) => DataType::Int64,
            DataType::Int128 | DataType::Decimal(..) => DataType::Float64,
            of if of.is_nested() => {
                let reason = format!("the column `{name}` has type {of:?}: select its parts instead");
                return Err(PolarsError::InvalidOperation(reason.into()));
            }
            _ => DataType::String,
        };
        casts.push(col(name.clone()).cast(cast));
    }
    Ok(if casts.is_empty() { frame } else { frame.with_columns(casts) })
}

/// Whether an answer's readers know the type.
fn is_plain(of: &DataType) -> bool {
    match of {
        DataType::String | DataType::Boolean | DataType::Datetime(TimeUnit::Microseconds, _) => true,
        DataType::List(inner) => is_plain(inner),
        DataType::Int128 => false,
        of => of.is_primitive_numeric(),
    }
}

fn decode(table: Table, path: &Path) -> Result<(), RecorderError> {
    let file = crate::footer::FooterCache::default().open(path, Expected { table, rows: None })?;
    read_ranges(&file, whole(&file)).map(drop)
}

/// The columns of the tables used, for who named one that there is not.
fn columns(uses: &[statement::TableUse]) -> String {
    let mut tables: Vec<Table> = uses.iter().map(|used| used.table).collect();
    tables.sort();
    tables.dedup();
    let line = |table: &Table| {
        let schema = tables::schema(*table);
        let names: Vec<&str> = schema.iter_names().map(|name| name.as_str()).collect();
        format!("\n  {table} has {}", names.join(", "))
    };
    tables.iter().map(line).collect()
}
