//! In what two addresses differ, in words and numbers.

use revacnn_schemas::{Address, Comparison, Figure};
use serde::{Deserialize, Serialize};

use super::compare::{differences, distances, facts, joint};
use crate::{CellKind, Context, Matching, NotebookError};

/// What differs between two addresses: their descriptions, and how far apart their
/// filters are, layer by layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differences {
    /// The two.
    pub at: [Address; 2],
    /// How their filters are matched.
    #[serde(default, rename = "match")]
    pub matching: Matching,
}

impl CellKind for Differences {
    const KIND: &'static str = "differences";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let places = [context.place(&self.at[0])?, context.place(&self.at[1])?];
        let (found, _) = differences(context, &places, self.matching)?;
        let [left, right] = places.each_ref().map(|place| place.label());
        let tables = [facts(&left, &right, &found), distances(&found, self.matching)];
        Ok(Figure::Comparison(Comparison {
            title: format!("what differs between {left} and {right}"),
            panels: tables.into_iter().map(|table| joint(Figure::Table(table))).collect(),
            differing: Vec::new(),
        }))
    }
}
