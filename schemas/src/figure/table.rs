//! Rows of text and numbers.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::bits::equal_by_bits;

/// A table. As JSON, what stands in a column of numbers is a number where it reads as one, `57.3 %` the share
/// 0.573, `null` where there is none or it is not finite, and otherwise the text, as in `1.5 kB`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct TableFigure {
    /// What stands above it.
    pub title: String,
    /// The columns.
    pub columns: Vec<TableColumn>,
    /// The rows, a text for each column.
    pub rows: Vec<Vec<String>>,
    /// Where rows and columns are classes: how dark each place is, from 0 to
    /// 1, or from −1 to 1 where it is a difference, `[row][column]` of the number columns; else empty.
    pub shades: Vec<Vec<f32>>,
    /// Whether it is a difference of two such tables.
    pub signed: bool,
    /// What it lacks, and why: a line each.
    pub notes: Vec<String>,
}

equal_by_bits!(TableFigure { title, columns, rows, signed, notes; shades });

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TableColumn {
    /// What it holds.
    pub name: String,
    /// Whether it holds numbers, which are aligned at the right.
    pub numeric: bool,
}

/// What stands where there is nothing to say.
const NOTHING: &str = "–";

/// A table as JSON has it.
#[derive(Serialize, Deserialize)]
struct Written {
    title: String,
    columns: Vec<TableColumn>,
    rows: Vec<Vec<Value>>,
    shades: Vec<Vec<f32>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    signed: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

impl From<TableFigure> for Written {
    fn from(table: TableFigure) -> Self {
        let TableFigure { title, columns, rows, shades, signed, notes } = table;
        let is_numeric = |place: usize| columns.get(place).is_some_and(|column| column.numeric);
        let cell = |(place, text): (usize, String)| if is_numeric(place) { number(text) } else { Value::String(text) };
        let rows = rows.into_iter().map(|row| row.into_iter().enumerate().map(cell).collect()).collect();
        Self { title, columns, rows, shades, signed, notes }
    }
}

impl From<Written> for TableFigure {
    fn from(written: Written) -> Self {
        let Written { title, columns, rows, shades, signed, notes } = written;
        let cell = |value: Value| match value {
            Value::Null => NOTHING.to_owned(),
            Value::String(text) => text,
            other => other.to_string(),
        };
        let rows = rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect();
        Self { title, columns, rows, shades, signed, notes }
    }
}

/// What a text of a column of numbers says; thousands are parted by commas.
fn number(text: String) -> Value {
    let plain = text.replace(',', "").replace('−', "-");
    let whole = plain.parse::<u64>().map(Number::from).or_else(|_| plain.parse::<i64>().map(Number::from));
    let share = plain.strip_suffix(" %").and_then(share);
    match (whole, share.or_else(|| plain.parse().ok())) {
        (Ok(number), _) => Value::Number(number),
        (_, Some(number)) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        (_, None) if text.is_empty() || text == NOTHING => Value::Null,
        (_, None) => Value::String(text),
    }
}

/// The share that so many per cent are, with the digits that they have.
fn share(percent: &str) -> Option<f64> {
    let value: f64 = percent.parse().ok()?;
    let decimals = percent.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    format!("{:.*}", decimals + 2, value / 100.0).parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_numbers_in_json_and_what_is_not_there_is_null() {
        let column = |name: &str, numeric| TableColumn { name: name.to_owned(), numeric };
        let row = |texts: [&str; 2]| texts.map(str::to_owned).to_vec();
        let largest = u64::MAX.to_string();
        let texts = ["3", "1,350", "0.50", "−2", "1e-5", "–", "1.5 kB", "NaN", "57.3 %", "100 %", "NaN %", &largest];
        let table = TableFigure {
            columns: vec![column("name", false), column("value", true)],
            rows: texts.iter().map(|text| row(["12", text])).collect(),
            ..TableFigure::default()
        };
        let written = json!(table);
        let found: Vec<&Value> = written["rows"].as_array().expect("rows").iter().map(|row| &row[1]).collect();
        let expected = json!([3, 1350, 0.5, -2, 1e-5, null, "1.5 kB", null, 0.573, 1.0, null, u64::MAX]);
        let expected = expected.as_array().expect("an array");
        assert_eq!(found, expected.iter().collect::<Vec<_>>());
        assert_eq!(written["rows"][0][0], "12", "a name is none");
        let read: TableFigure = serde_json::from_value(written).expect("a table");
        assert_eq!(json!(read), json!(table));
    }
}
