//! `revacnn query`: the log in SQL.

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use revacnn_store::sql::{Answer, Cell, Limits, cell, query};
use revacnn_store::{Store, write_output};
use serde_json::Value;

use crate::arguments::{QueryArguments, RowFormat};
use crate::error::Failure;
use crate::output::tell;
use crate::text::{Side, count, table};

/// Rows that are shown to people.
const MOST_SHOWN: usize = 1000;

/// Values of a list that are shown to people.
const MOST_LISTED: usize = 4;

pub(crate) fn run(arguments: &QueryArguments) -> Result<ExitCode, Failure> {
    let parquet = arguments.format == RowFormat::Parquet;
    if parquet && arguments.output.is_none() {
        let reason = "--format parquet writes a file, not the output: name it with --output FILE";
        return Err(Failure::Usage(reason.to_owned()));
    }
    let store = Store::open(&arguments.store.store)?;
    // A panic of the query engine's threads becomes an error, which says it.
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().name() == Some("main") {
            print(panic);
        }
    }));
    let rows = (arguments.format == RowFormat::Table && arguments.output.is_none()).then_some(MOST_SHOWN);
    let limits = Limits { rows, memory: arguments.memory };
    let answer = query(&store, arguments.branch.as_ref(), &arguments.sql, limits)?;
    match &arguments.output {
        Some(path) if parquet => answer.write_parquet(path)?,
        Some(path) => write_output(path, |output| write(&answer, arguments.format, output))?,
        None => write(&answer, arguments.format, std::io::stdout().lock())?,
    }
    Ok(ExitCode::SUCCESS)
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
        let shown = count(answer.rows() as u64);
        tell(&format!("these are the first {shown} rows; --format csv, json or parquet writes all"));
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
                texts.push(format!("… {} values", count(cells.len() as u64)));
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
