//! How often each class was taken for each.

use revacnn_schemas::{Address, Figure, TableColumn, TableFigure};
use serde::{Deserialize, Serialize};

use super::curve::require_classes_of;
use crate::{CellKind, Context, NotebookError};

/// How often each class was taken for each, by the newest full validation
/// at or before the step, as a matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confusion {
    /// Where; the first of the shown branches at the cursor where `None`.
    pub at: Option<Address>,
}

impl CellKind for Confusion {
    const KIND: &'static str = "confusion";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let place = context.first_place(self.at.as_ref())?;
        require_classes_of(&place.holder, "confusion matrix", "predictions shows what it gives back")?;
        let all = context.history_to(&place)?.validations()?;
        let newest = all.iter().rfind(|(step, _)| *step <= place.step);
        let (step, result) = newest.ok_or_else(|| NotebookError::Unknown {
            what: format!("no full validation is recorded at or before {}", place.label()),
            known: all
                .first()
                .map_or_else(|| "there is none".to_owned(), |(step, _)| format!("the first is at step {step}")),
        })?;
        let confusion = result.confusion.as_deref().unwrap_or_default();
        let names = context.data_at_hand(&place.holder).map(|dataset| dataset.class_names().to_vec());
        let mut notes = Vec::new();
        if *step < place.step {
            notes.push(format!("step {} was not validated: the newest validation before it is shown", place.step));
        }
        let names = names.unwrap_or_else(|reason| {
            notes.push(format!("no class names: {reason}"));
            (0..confusion.len().isqrt()).map(|class| class.to_string()).collect()
        });
        let text = |name: &str| TableColumn { name: name.to_owned(), numeric: false };
        let columns =
            std::iter::once(text("actual")).chain(names.iter().map(|name| TableColumn { numeric: true, ..text(name) }));
        let counts = || confusion.chunks(names.len().max(1));
        let rows = names.iter().zip(counts()).map(|(name, counts)| {
            std::iter::once(name.clone()).chain(counts.iter().map(ToString::to_string)).collect()
        });
        let shades = counts().map(|counts| {
            let images = counts.iter().sum::<u32>().max(1) as f32;
            counts.iter().map(|&count| count as f32 / images).collect()
        });
        Ok(Figure::Table(TableFigure {
            title: format!(
                "confusion of {}@{step}: {:.1} % of {} validation images right",
                place.name,
                100.0 * result.accuracy().unwrap_or(f32::NAN),
                result.images
            ),
            columns: columns.collect(),
            rows: rows.collect(),
            shades: shades.collect(),
            notes,
        }))
    }
}
