//! A query of the log.

use revacnn_schemas::Figure;
use serde::{Deserialize, Serialize};

use crate::{CellKind, Context, NotebookError};

/// The rows that a query in SQL finds in the histories of the branches, as a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// What stands above the table.
    pub title: String,
    /// The query, with values in place of names such as `$step`.
    pub sql: String,
}

impl CellKind for Query {
    const KIND: &'static str = "query";

    #[cfg(feature = "sql")]
    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        use revacnn_schemas::{TableColumn, TableFigure, counted};
        use revacnn_store::sql::{Histories, Limits, query};

        /// Rows that are shown.
        const MOST_ROWS: usize = 1000;

        let named = context.all_branches()?;
        let histories = named.as_ref().map_or(Histories::All, |named| Histories::Named(named));
        let answer =
            query(context.store(), histories, &self.sql, Limits { rows: Some(MOST_ROWS), ..Limits::default() })?;
        let columns = answer.columns().into_iter();
        let mut notes = Vec::new();
        if answer.is_cut() {
            notes.push(format!("these are the first {}", counted(answer.rows() as u64, "row")));
        } else if answer.rows() == 0 {
            notes.push("no rows".to_owned());
        }
        Ok(Figure::Table(TableFigure {
            title: self.title.clone(),
            columns: columns.map(|(name, numeric)| TableColumn { name: name.to_owned(), numeric }).collect(),
            rows: answer.texts()?,
            notes,
            ..TableFigure::default()
        }))
    }

    #[cfg(not(feature = "sql"))]
    fn run(&self, _: &mut Context<'_>) -> Result<Figure, NotebookError> {
        Err(NotebookError::Misasked {
            what: "this program was built without SQL".to_owned(),
            known: "the one with the feature `sql` answers queries".to_owned(),
        })
    }
}
