//! Tables as kinds of cells make them.

use revacnn_schemas::{TableColumn, TableFigure};

/// A table of such columns, each with whether it holds numbers.
pub(super) fn table(title: &str, columns: &[(&str, bool)], rows: Vec<Vec<String>>) -> TableFigure {
    let column = |&(name, numeric): &(&str, bool)| TableColumn { name: name.to_owned(), numeric };
    TableFigure {
        title: title.to_owned(),
        columns: columns.iter().map(column).collect(),
        rows,
        ..TableFigure::default()
    }
}

/// What stands where there is nothing to say.
pub(super) fn dash() -> String {
    "–".to_owned()
}
