//! Rows of text and numbers.

use serde::{Deserialize, Serialize};

use super::bits::equal_by_bits;

/// A table.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signed: bool,
    /// What it lacks, and why: a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
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
