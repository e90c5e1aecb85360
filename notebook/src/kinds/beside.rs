//! Two other cells side by side.

use revacnn_schemas::{Comparison, Figure, Panel};
use serde::{Deserialize, Serialize};

use crate::{CellKind, Context, NotebookError};

/// The figures of two other cells side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// The names of the two.
    pub cells: [String; 2],
}

impl CellKind for Beside {
    const KIND: &'static str = "beside";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let mut figure = |cell: &String| match Figure::clone(&*context.figure(cell)?) {
            // A picture of pictures of itself would grow without end.
            Figure::Comparison(_) => Err(NotebookError::NoFigure { cell: cell.clone() }),
            figure => Ok(figure),
        };
        let pair = [figure(&self.cells[0])?, figure(&self.cells[1])?];
        let title = format!("{} and {}", pair[0].title(), pair[1].title());
        Ok(Figure::Comparison(Comparison { title, panels: vec![Panel::Pair(Box::new(pair))], differing: Vec::new() }))
    }
}
