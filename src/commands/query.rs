//! `revacnn query`: the log in SQL.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use revacnn_schemas::{BranchName, Place};
use revacnn_store::sql::{Answer, Cell, Limits, cell, query};
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

/// Values of a list that are shown to people.
const MOST_LISTED: usize = 4;

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
        let answer = query(&store, self.branch.as_ref(), &self.sql, limits)?;
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
    let mut lines: Vec<Vec<String>> = Vec::new();
    rows(answer, |cells| {
        lines.push(cells.iter().map(shown).collect());
        Ok(())
    })?;
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

/// A cell for people.
fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Null => "–".to_owned(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Integer(value) => value.to_string(),
        Cell::Single(value) => number((*value).into()),
        Cell::Double(value) => number(*value),
        Cell::Text(text) => text.replace(char::is_control, " "),
        Cell::List(cells) => {
            let mut texts: Vec<String> = cells.iter().take(MOST_LISTED).map(shown).collect();
            if cells.len() > MOST_LISTED {
                texts.push(format!("… {}", counted(cells.len() as u64, "value")));
            }
            format!("[{}]", texts.join(", "))
        }
    }
}

/// A number with about six digits that say something.
fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        value.to_string()
    } else if size != 0.0 && !(1e-3..1e9).contains(&size) {
        format!("{value:.4e}")
    } else if size < 100.0 {
        format!("{value:.5}")
    } else {
        format!("{value:.2}")
    }
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

    #[test]
    fn people_see_short_numbers_and_lists() {
        assert_eq!(shown(&Cell::Null), "–");
        assert_eq!(shown(&Cell::Single(0.25)), "0.25000");
        assert_eq!(shown(&Cell::Double(0.000_012_345_6)), "1.2346e-5");
        assert_eq!(shown(&Cell::Integer(12_345)), "12345");
        assert_eq!(shown(&Cell::List(vec![Cell::Integer(1); 9])), "[1, 1, 1, 1, … 9 values]");
        assert_eq!(Cell::Single(f32::NAN).json(), Value::Null);
        assert_eq!(Cell::Single(0.1).json(), 0.1);
    }
}
