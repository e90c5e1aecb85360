//! A layer's filters as small images.

use revacnn_schemas::{Address, Figure, ImageRow, LayerName};
use serde::{Deserialize, Serialize};

use super::joint::{Joint, LeftOut};
use super::layer::grid;
use crate::{CellKind, Context, NotebookError, Source};

/// A layer's filters as small images, a row an address; rows are matched
/// by identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    /// Where; the shown branches at the cursor where empty.
    pub at: Vec<Address>,
    /// The layer.
    pub layer: LayerName,
    /// What of them.
    pub of: Source,
}

impl CellKind for Filters {
    const KIND: &'static str = "filters";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let joint = Joint::of(context, &self.at, &self.layer, self.of)?;
        let (places, all) = joint.found.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        let mut grid = grid(&places, &all, &self.layer, self.of, None)?;
        grid.notes.extend(context.notes_of_picture(&places, self.of));
        let across = grid.rows.first().map_or(0, |row| row.images.len());
        let lacking = |label| ImageRow { label, images: vec![None; across] };
        grid.rows.extend(joint.left_out.iter().map(LeftOut::short).map(lacking));
        Ok(Figure::Images(grid))
    }
}
