//! `revacnn query`: the log in SQL.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use revacnn_schemas::{BranchName, Place};
use revacnn_store::sql::{Answer, Cell, Histories, Limits, cell, query};
use revacnn_store::{Store, write_output};
use serde_json::Value;

use super::Run;
use crate::error::Failure;
use crate::options::StoreOption;
use crate::output::tell;
use crate::text::{Side, counted, parse_bytes, table};

/// Ask the log in SQL.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn query 'SELECT step, loss, accuracy FROM validation ORDER BY loss LIMIT 3'
  revacnn query --branch main 'SELECT epoch, AVG(loss) AS loss FROM steps GROUP BY epoch' --format csv
  revacnn query 'SELECT * FROM branches' --format json

Tables: steps, weights, gradients, activations, activation_gradients, filters, normalisation,
keyframes, validation, events, topology, branches; `SELECT * FROM steps LIMIT 1` shows the columns.
Each branch has its whole history under its name in the column `branch`, as far back as step 0;
`recorded_in` is the branch that holds the row. WHERE branch = 'NAME' selects one history,
WHERE branch = recorded_in gives each row of the store once.")]
pub(crate) struct QueryArguments {
    #[command(flatten)]
    store: StoreOption,
    /// The query: SELECT or WITH.
    #[arg(value_name = "SQL")]
    sql: String,
    /// One branch, with its history [default: all branches].
    #[arg(long, value_name = "NAME")]
    branch: Option<BranchName>,
    /// How the rows are written [default: table].
    #[arg(long, value_enum)]
    format: Option<RowFormat>,
    /// The file to write [default: the output].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The most memory that the query may take [default: three quarters of what is free].
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    memory: Option<u64>,
}

/// How the rows of an answer are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RowFormat {
    /// Columns for people; on the output, the first 1,000 rows.
    Table,
    /// Comma-separated values, under a heading.
    Csv,
    /// A JSON object a line.
    Json,
    /// A Parquet file; needs --output.
    Parquet,
}

/// Rows that are shown to people.
const MOST_SHOWN: usize = 1000;

impl Run for QueryArguments {
    fn place(&self) -> Place {
        self.store.place(None)
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let format = match (json, self.format) {
            (false, format) => format.unwrap_or(RowFormat::Table),
            (true, None | Some(RowFormat::Json)) => RowFormat::Json,
            (true, Some(_)) => {
                return Err(Failure::Usage("--json writes rows as --format json does: name one of them".to_owned()));
            }
        };
        let parquet = format == RowFormat::Parquet;
        if parquet && self.output.is_none() {
            let reason = "--format parquet writes a file, not the output: name it with --output FILE";
            return Err(Failure::Usage(reason.to_owned()));
        }
        let store = Store::open(&self.store.store)?;
        // A panic of the query engine's threads becomes an error, which says it.
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() == Some("main") {
                print(panic);
            }
        }));
        let rows = (format == RowFormat::Table && self.output.is_none()).then_some(MOST_SHOWN);
        let limits = Limits { rows, memory: self.memory };
        let answer = query(&store, self.branch.as_ref().map_or(Histories::All, Histories::One), &self.sql, limits)?;
        match &self.output {
            Some(path) if parquet => answer.write_parquet(path)?,
            Some(path) => write_output(path, |output| write(&answer, format, output))?,
            None => write(&answer, format, std::io::stdout().lock())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn write(answer: &Answer, format: RowFormat, out: impl Write) -> Result<(), Failure> {
    let mut out = BufWriter::new(out);
    let names: Vec<&str> = answer.columns().iter().map(|(name, _)| *name).collect();
    match format {
        RowFormat::Table => write_table(answer, &mut out)?,
        RowFormat::Csv => {
            writeln!(out, "{}", names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(","))?;
            rows(answer, |cells| {
                let texts: Vec<String> = cells.iter().map(csv).collect();
                writeln!(out, "{}", texts.join(","))?;
                Ok(())
            })?;
        }
        // An object a row, its members in the order of the columns.
        RowFormat::Json | RowFormat::Parquet => rows(answer, |cells| {
            let member = |(name, cell): (&&str, &Cell)| format!("{}:{}", Value::from(*name), cell.json());
            let members: Vec<String> = names.iter().zip(&cells).map(member).collect();
            writeln!(out, "{{{}}}", members.join(","))?;
            Ok(())
        })?,
    }
    out.flush()?;
    Ok(())
}

/// Goes through the rows.
fn rows(answer: &Answer, mut each: impl FnMut(Vec<Cell>) -> Result<(), Failure>) -> Result<(), Failure> {
    for batch in answer.batches() {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            each(batch.columns().iter().map(|column| cell(column, row)).collect())?;
        }
    }
    Ok(())
}

fn write_table(answer: &Answer, out: &mut impl Write) -> Result<(), Failure> {
    let columns = answer.columns();
    let side = |numeric| if numeric { Side::Right } else { Side::Left };
    let heading: Vec<(&str, Side)> = columns.iter().map(|&(name, numeric)| (name, side(numeric))).collect();
    let lines = answer.texts()?;
    write!(out, "{}", table(&heading, &lines))?;
    out.flush()?;
    if answer.is_cut() {
        let first = match answer.rows() as u64 {
            1 => "this is the first row".to_owned(),
            rows => format!("these are the first {}", counted(rows, "row")),
        };
        tell(&format!("{first}; --format csv, json or parquet writes all"));
    } else if lines.is_empty() {
        tell("no rows");
    }
    Ok(())
}

fn csv(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Integer(value) => value.to_string(),
        Cell::Single(value) => value.to_string(),
        Cell::Double(value) => value.to_string(),
        Cell::Text(text) => quoted(text),
        Cell::List(_) => quoted(&cell.json().to_string()),
    }
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_quotes_what_would_break_a_row() {
        assert_eq!(csv(&Cell::Text("a \"b\", c".into())), "\"a \"\"b\"\", c\"");
        assert_eq!(csv(&Cell::List(vec![Cell::Single(0.1), Cell::Null])), "\"[0.1,null]\"");
        assert_eq!(csv(&Cell::Null), "");
    }
}
