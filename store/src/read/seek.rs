//! Seeking: one step's tensors as arrays, through cached footers and the
//! offset index. Its cost does not grow with the log.

use std::ops::Range;
use std::path::Path;

use revacnn_schemas::{Digest, FilterNumber, LayerName, Step, Table, TrainingState};

use crate::read::columns::Floats;
use crate::read::footer::OpenTable;
use crate::read::listing::Piece;
use crate::read::tensors::{BlockTensors, FilterTensors, LayerGradients, LayerTensors, RunningStatistics, StepTensors};
use crate::shape::RowPlan;
use crate::{BranchReader, StoreError};

/// Rows of one layer and one image, or of all; `None` where a list is null.
struct Lists {
    values: Vec<f32>,
    null: Vec<bool>,
}

impl BranchReader {
    /// All tensors of a step. Its weights are checked against the digest that
    /// was recorded of them; gradients, maps and statistics have none.
    ///
    /// # Errors
    /// [`StoreError::TensorsNotStored`] where they have to be recomputed
    /// from the keyframe that the error names; [`StoreError::UnknownStep`];
    /// an error with the path of a file that is damaged or missing.
    pub fn seek(&self, step: Step) -> Result<StepTensors, StoreError> {
        self.with_fresh_listing(|| {
            let piece = self.piece(step)?;
            let parameters = self.parameters(piece, step)?;
            let blocks = self.blocks(piece, step)?;
            let normalisation = self.normalisation(piece, step)?;
            Ok(StepTensors { step, parameters, normalisation, probes: self.record.recording.probes.clone(), blocks })
        })
    }

    /// Weights and gradients of one layer at a step. The weights of all layers
    /// are read, for the step's digest is over them together.
    ///
    /// # Errors
    /// Those of [`seek`](Self::seek); [`StoreError::UnknownFilter`].
    pub fn seek_layer(&self, step: Step, layer: &LayerName) -> Result<LayerTensors, StoreError> {
        let plan = &self.shape.parameters;
        let rows = self.layer_rows(plan, layer)?;
        let range = rows.first_row..rows.first_row + rows.filters();
        self.with_fresh_listing(|| {
            let piece = self.piece(step)?;
            let weights = self.open_table(piece, Table::Weights, step)?;
            let gradients = self.open_table(piece, Table::Gradients, step)?;
            let (all, biases) = self.checked_weights(&weights, piece, step)?;
            let values = all[rows.first_value..][..rows.filters() * rows.values].to_vec();
            let biases = biases[range.clone()].to_vec();
            let slopes = read_lists(&gradients, plan, piece, step, range.clone())?;
            let bias_slopes = read_nullable(&gradients, "bias", plan, piece, step, range.clone())?;
            Ok(LayerTensors {
                layer: layer.clone(),
                weights: values,
                biases,
                gradients: LayerGradients::masked(slopes.values, bias_slopes.values, slopes.null),
            })
        })
    }

    /// All that is recorded of one filter at a step.
    ///
    /// # Errors
    /// Those of [`seek`](Self::seek); [`StoreError::UnknownFilter`].
    pub fn seek_filter(
        &self,
        step: Step,
        layer: &LayerName,
        filter: FilterNumber,
    ) -> Result<FilterTensors, StoreError> {
        let (parameters, blocks) = (&self.shape.parameters, &self.shape.blocks);
        let (with_weights, with_maps) = (parameters.layer(layer), blocks.layer(layer));
        if with_weights.is_none() && with_maps.is_none() {
            self.layer_rows(parameters, layer)?;
        }
        self.with_fresh_listing(|| {
            let piece = self.piece(step)?;
            let mut tensors = FilterTensors::default();
            if let Some(rows) = with_weights {
                let row = rows.first_row + self.filter_position(rows, filter)?;
                let range = row..row + 1;
                let file = self.open_table(piece, Table::Weights, step)?;
                let (all, biases) = self.checked_weights(&file, piece, step)?;
                let first = rows.first_value + (row - rows.first_row) * rows.values;
                tensors.weights = Some((all[first..][..rows.values].to_vec(), biases[row]));
                let file = self.open_table(piece, Table::Gradients, step)?;
                let values = read_lists(&file, parameters, piece, step, range.clone())?;
                let biases = read_nullable(&file, "bias", parameters, piece, step, range)?;
                if values.null == [false] {
                    let bias = biases.values.first().copied().unwrap_or_default();
                    tensors.gradients = Some((values.values, bias));
                }
            }
            if let Some(rows) = with_maps
                && blocks.rows() > 0
            {
                let row = rows.first_row + self.filter_position(rows, filter)?;
                for (table, target) in [
                    (Table::Activations, &mut tensors.activations),
                    (Table::ActivationGradients, &mut tensors.activation_gradients),
                ] {
                    let file = self.open_table(piece, table, step)?;
                    for image in 0..blocks.images.len() {
                        let row = image * blocks.rows_an_image + row;
                        let map = read_lists(&file, blocks, piece, step, row..row + 1)?;
                        target.push(map.values);
                    }
                }
            }
            Ok(tensors)
        })
    }

    /// All weights and biases of a step, which are those that were recorded: a
    /// value that was changed together with its page's checksum, or in a format
    /// without them, reads like any other, and the step's digest, in another
    /// table, tells.
    fn checked_weights(&self, file: &OpenTable, piece: Piece, step: Step) -> Result<(Vec<f32>, Vec<f32>), StoreError> {
        let plan = &self.shape.parameters;
        let all = 0..plan.rows();
        let weights = read_lists(file, plan, piece, step, all.clone())?.values;
        let biases = read_plain(file, "bias", plan, piece, step, all)?;
        self.check_weights(&file.path, step, self.digest_of(step)?, &weights, &biases)?;
        Ok((weights, biases))
    }

    /// Checks weights and biases of all layers, one after the other, against
    /// the digest that was recorded of a step.
    pub(crate) fn check_weights(
        &self,
        path: &Path,
        step: Step,
        recorded: Digest,
        weights: &[f32],
        biases: &[f32],
    ) -> Result<(), StoreError> {
        let layers = &self.shape.parameters.layers;
        let arrays: Vec<(&[f32], &[f32])> = layers
            .iter()
            .map(|rows| {
                let filters = rows.filters();
                (&weights[rows.first_value..][..filters * rows.values], &biases[rows.first_row..][..filters])
            })
            .collect();
        let numbers: Vec<Vec<u32>> =
            layers.iter().map(|rows| rows.numbers.iter().map(|number| number.0).collect()).collect();
        let numbers: Vec<&[u32]> = numbers.iter().map(Vec::as_slice).collect();
        let found = TrainingState::digest(&arrays, &numbers);
        if found == recorded {
            return Ok(());
        }
        Err(StoreError::damaged(
            path,
            format!("weights of step {step} with digest {recorded:.12}, as the table steps says"),
            format!("digest {found:.12}"),
        ))
    }

    /// All weights of a step, layer after layer; from the step's keyframe if
    /// that is all there is. `None` where they have to be computed again: they
    /// are not stored, or not those that were recorded.
    pub(crate) fn weights(&self, step: Step) -> Result<Option<Vec<f32>>, StoreError> {
        let plan = &self.shape.parameters;
        let stored = self.with_fresh_listing(|| {
            let piece = self.piece(step)?;
            if plan.rows() == 0 {
                return Ok((Vec::new(), Vec::new()));
            }
            let file = self.open_table(piece, Table::Weights, step)?;
            let all = 0..plan.rows();
            let biases = read_plain(&file, "bias", plan, piece, step, all.clone())?;
            Ok((read_lists(&file, plan, piece, step, all)?.values, biases))
        });
        let (weights, biases) = match stored {
            Err(StoreError::TensorsNotStored { nearest_keyframe, .. }) if nearest_keyframe == Some(step) => {
                let state: TrainingState = self.keyframe_at_or_before(step)?;
                let (weights, biases): (Vec<_>, Vec<_>) =
                    state.parameters.into_iter().map(|layer| (layer.weights, layer.biases)).unzip();
                (weights.concat(), biases.concat())
            }
            Err(StoreError::TensorsNotStored { .. }) => return Ok(None),
            stored => stored?,
        };
        let checked =
            self.check_weights(&self.paths.table(Table::Weights), step, self.digest_of(step)?, &weights, &biases);
        Ok(checked.is_ok().then_some(weights))
    }

    fn parameters(&self, piece: Piece, step: Step) -> Result<Vec<LayerTensors>, StoreError> {
        let plan = &self.shape.parameters;
        if plan.rows() == 0 {
            return Ok(plan.layers.iter().map(|rows| empty_layer(&rows.layer)).collect());
        }
        let all = 0..plan.rows();
        let file = self.open_table(piece, Table::Weights, step)?;
        let (weights, biases) = self.checked_weights(&file, piece, step)?;
        let file = self.open_table(piece, Table::Gradients, step)?;
        let gradients = read_lists(&file, plan, piece, step, all.clone())?;
        let bias_gradients = read_nullable(&file, "bias", plan, piece, step, all)?;
        let layers = plan.layers.iter().map(|rows| {
            let filters = rows.first_row..rows.first_row + rows.filters();
            let values = rows.first_value..rows.first_value + rows.filters() * rows.values;
            LayerTensors {
                layer: rows.layer.clone(),
                weights: weights[values.clone()].to_vec(),
                biases: biases[filters.clone()].to_vec(),
                gradients: LayerGradients::masked(
                    gradients.values[values].to_vec(),
                    bias_gradients.values[filters.clone()].to_vec(),
                    gradients.null[filters].to_vec(),
                ),
            }
        });
        Ok(layers.collect())
    }

    fn blocks(&self, piece: Piece, step: Step) -> Result<Vec<BlockTensors>, StoreError> {
        let plan = &self.shape.blocks;
        let all = |table| -> Result<Vec<f32>, StoreError> {
            if plan.rows() == 0 {
                return Ok(Vec::new());
            }
            let file = self.open_table(piece, table, step)?;
            Ok(read_lists(&file, plan, piece, step, 0..plan.rows())?.values)
        };
        let activations = all(Table::Activations)?;
        let gradients = all(Table::ActivationGradients)?;
        let mut blocks = Vec::with_capacity(plan.images.len() * plan.layers.len());
        for image in 0..plan.images.len() {
            for rows in &plan.layers {
                let start = image * plan.values_an_image + rows.first_value;
                let values = start..start + rows.filters() * rows.values;
                blocks.push(BlockTensors {
                    layer: rows.layer.clone(),
                    activations: activations[values.clone()].to_vec(),
                    gradients: gradients[values].to_vec(),
                });
            }
        }
        Ok(blocks)
    }

    fn normalisation(&self, piece: Piece, step: Step) -> Result<Vec<RunningStatistics>, StoreError> {
        let plan = &self.shape.normalisation;
        // A layer without channels has statistics without values.
        let (mean, variance) = if plan.rows() == 0 {
            (Vec::new(), Vec::new())
        } else {
            let file = self.open_table(piece, Table::Normalisation, step)?;
            let all = |column| read_plain(&file, column, plan, piece, step, 0..plan.rows());
            (all("running_mean")?, all("running_variance")?)
        };
        let layers = plan.layers.iter().map(|rows| {
            let range = rows.first_row..rows.first_row + rows.filters();
            RunningStatistics {
                layer: rows.layer.clone(),
                mean: mean[range.clone()].to_vec(),
                variance: variance[range].to_vec(),
            }
        });
        Ok(layers.collect())
    }
}

fn empty_layer(layer: &LayerName) -> LayerTensors {
    LayerTensors { layer: layer.clone(), weights: Vec::new(), biases: Vec::new(), gradients: None }
}

/// Rows of a step within its piece's file.
fn file_rows(plan: &RowPlan, piece: Piece, step: Step, rows: Range<usize>) -> Range<u64> {
    let start = (step.0 - piece.span.first.0) * plan.rows() as u64;
    start + rows.start as u64..start + rows.end as u64
}

/// The lists of some rows of a step; zeros where a list is null.
fn read_lists(
    file: &OpenTable,
    plan: &RowPlan,
    piece: Piece,
    step: Step,
    rows: Range<usize>,
) -> Result<Lists, StoreError> {
    let Floats { values, rows: lengths } = file.floats("values", file_rows(plan, piece, step, rows.clone()))?;
    let expected = || plan.lengths().skip(rows.start).take(rows.len());
    let fits = expected().zip(&lengths).all(|(expected, found)| found.is_none_or(|found| found == expected));
    let null: Vec<bool> = lengths.iter().map(Option::is_none).collect();
    let present = lengths.iter().flatten().sum::<usize>();
    if !fits || present != values.len() {
        return Err(StoreError::damaged(
            &file.path,
            format!("lists of the lengths that the topology gives, at step {step}"),
            "others",
        ));
    }
    if !null.contains(&true) {
        return Ok(Lists { values, null });
    }
    let mut full = Vec::with_capacity(expected().sum());
    let mut rest = values.as_slice();
    for (length, &null) in expected().zip(&null) {
        if null {
            full.resize(full.len() + length, 0.0);
        } else {
            let (row, after) = rest.split_at(length);
            full.extend_from_slice(row);
            rest = after;
        }
    }
    Ok(Lists { values: full, null })
}

/// A column of floats, zeros where null.
fn read_nullable(
    file: &OpenTable,
    column: &str,
    plan: &RowPlan,
    piece: Piece,
    step: Step,
    rows: Range<usize>,
) -> Result<Lists, StoreError> {
    let floats = file.floats(column, file_rows(plan, piece, step, rows))?;
    let null: Vec<bool> = floats.rows.iter().map(Option::is_none).collect();
    let mut rest = floats.values.iter().copied();
    let values = null.iter().map(|&null| if null { 0.0 } else { rest.next().unwrap_or_default() }).collect();
    Ok(Lists { values, null })
}

/// A column of floats that has no nulls.
fn read_plain(
    file: &OpenTable,
    column: &str,
    plan: &RowPlan,
    piece: Piece,
    step: Step,
    rows: Range<usize>,
) -> Result<Vec<f32>, StoreError> {
    let expected = rows.len();
    let values = file.floats(column, file_rows(plan, piece, step, rows))?.values;
    if values.len() == expected {
        Ok(values)
    } else {
        Err(StoreError::damaged(
            &file.path,
            format!("{expected} values of `{column}` at step {step}"),
            values.len().to_string(),
        ))
    }
}
