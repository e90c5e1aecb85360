//! What the topology says about rows: how many a step has in each table, of
//! which lengths, and whose they are.

use std::collections::BTreeSet;

use parquet::data_type::ByteArray;
use revacnn_schemas::{BranchId, BranchRecord, FilterNumber, LayerName, LayerTopology, Table};

use crate::disk::paths::{STEP_LIMIT, StepSpan};

/// The most values that one step of one table may have: a bound against
/// absurd descriptions, far above what a machine trains.
const MOST_VALUES: usize = 1 << 28;

/// The most rows that one step of one table may have: filters times probe
/// images, also where their lists are empty.
const MOST_ROWS: usize = 1 << 22;

/// Rows of a layer that lie together within a step of a table.
#[derive(Debug, Clone)]
pub(crate) struct LayerRows {
    pub(crate) layer: LayerName,
    pub(crate) numbers: Vec<FilterNumber>,
    /// Values of one row's list; 0 in tables without lists.
    pub(crate) values: usize,
    /// Row of the layer's first filter, within one image of a step.
    pub(crate) first_row: usize,
    /// Place of the layer's first value, within one image of a step.
    pub(crate) first_value: usize,
}

impl LayerRows {
    pub(crate) fn filters(&self) -> usize {
        self.numbers.len()
    }
}

/// The rows of one step in one family of tables.
#[derive(Debug, Clone, Default)]
pub(crate) struct RowPlan {
    pub(crate) layers: Vec<LayerRows>,
    /// Rows of one image, or of the step where rows have no image.
    pub(crate) rows_an_image: usize,
    pub(crate) values_an_image: usize,
    /// One entry an image; a single `None` where rows have no image.
    pub(crate) images: Vec<Option<i32>>,
    /// Of one image: names, numbers and birthplaces a row.
    pub(crate) layer_column: Vec<ByteArray>,
    pub(crate) filter_column: Vec<i32>,
    pub(crate) born_column: Vec<ByteArray>,
}

impl RowPlan {
    /// Rows of a step.
    pub(crate) fn rows(&self) -> usize {
        self.rows_an_image * self.images.len()
    }

    /// Values of a step.
    pub(crate) fn values(&self) -> usize {
        self.values_an_image * self.images.len()
    }

    /// Lengths of the lists of one step, row by row.
    pub(crate) fn lengths(&self) -> impl Iterator<Item = usize> + '_ {
        self.images
            .iter()
            .flat_map(|_| self.layers.iter().flat_map(|layer| std::iter::repeat_n(layer.values, layer.filters())))
    }

    pub(crate) fn layer(&self, name: &LayerName) -> Option<&LayerRows> {
        self.layers.iter().find(|rows| rows.layer == *name)
    }

    fn push(&mut self, layer: &LayerTopology, values: usize, born: &BranchId) -> Result<(), String> {
        let total = values
            .checked_mul(layer.filters.len())
            .and_then(|added| added.checked_add(self.values_an_image))
            .and_then(|sum| sum.checked_mul(self.images.len().max(1)))
            .filter(|&all| all <= MOST_VALUES && layer.filters.len() <= MOST_VALUES);
        if total.is_none() {
            return Err(format!(
                "layer {}: expected at most {MOST_VALUES} values a step, found {} filters of \
                 {values}",
                layer.layer,
                layer.filters.len()
            ));
        }
        let rows = self.rows_an_image.saturating_add(layer.filters.len()).saturating_mul(self.images.len().max(1));
        if rows > MOST_ROWS {
            return Err(format!("layer {}: expected at most {MOST_ROWS} rows a step, found {rows} rows", layer.layer));
        }
        self.layers.push(LayerRows {
            layer: layer.layer.clone(),
            numbers: layer.filters.iter().map(|filter| filter.number).collect(),
            values,
            first_row: self.rows_an_image,
            first_value: self.values_an_image,
        });
        self.rows_an_image += layer.filters.len();
        self.values_an_image += values * layer.filters.len();
        for filter in &layer.filters {
            let number = i32::try_from(filter.number.0)
                .map_err(|_| format!("layer {}: filter number above 2^31", layer.layer))?;
            let born = filter.born.as_ref().unwrap_or(born);
            self.layer_column.push(layer.layer.as_str().into());
            self.filter_column.push(number);
            self.born_column.push(born.as_str().into());
        }
        Ok(())
    }
}

/// All that the writer and the readers need to know of a branch's rows.
#[derive(Debug, Clone)]
pub(crate) struct BranchShape {
    /// The format that the branch was made with.
    pub(crate) format_version: u32,
    /// Weights, gradients and the statistics of filters.
    pub(crate) parameters: RowPlan,
    /// Activations and their gradients.
    pub(crate) blocks: RowPlan,
    /// Running statistics.
    pub(crate) normalisation: RowPlan,
    /// For each layer of `parameters`, its layer in `blocks`, if it opens one.
    pub(crate) block_of: Vec<Option<usize>>,
    /// What rows that are not constant are bounded by.
    pub(crate) lengths: Lengths,
}

/// The most slots that an optimizer keeps a parameter: twice those of the ones
/// that there are.
const MOST_SLOTS: u64 = 4;

/// The most images of another program's batch.
const MOST_BATCH: u64 = 1 << 16;

/// Whether steps of a branch have rows in the table `samples`: an update of this program's engine has.
pub(crate) fn must_have_samples(record: &BranchRecord, span: StepSpan) -> bool {
    record.has_samples() && record.definition().is_some() && span.last > record.first_step()
}

/// Lengths that the topology implies of tables whose rows vary.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lengths {
    /// Layers of all kinds.
    pub(crate) layers: u64,
    /// Filters of all layers.
    pub(crate) filters: u64,
    /// Branches that filters were born in.
    pub(crate) birthplaces: u64,
    /// Bytes of the longest layer kind.
    pub(crate) longest_kind: u64,
    /// Rows and values of a keyframe, at most.
    pub(crate) keyframe_rows: u64,
    pub(crate) keyframe_values: u64,
    /// Counts of a confusion matrix.
    pub(crate) confusion: u64,
    /// Images of a batch, at most.
    pub(crate) batch: u64,
}

impl Lengths {
    fn of(record: &BranchRecord, parameters: &RowPlan) -> Self {
        let layers = &record.topology.layers;
        let filters = || layers.iter().map(|layer| layer.filters.len() as u64);
        let born: BTreeSet<_> = layers.iter().flat_map(|layer| &layer.filters).map(|filter| &filter.born).collect();
        // The class layer has a unit a class; a few are taken on trust.
        let most = filters().max().unwrap_or(0).max(64);
        let classes = record.definition().map_or(most, |definition| most.min(definition.classes as u64));
        let (arrays, biases) = (parameters.layers.len() as u64, parameters.rows() as u64);
        let values = (parameters.values() as u64).saturating_add(biases);
        Self {
            layers: layers.len() as u64,
            filters: filters().sum(),
            birthplaces: born.len() as u64,
            longest_kind: layers.iter().map(|layer| layer.kind.len() as u64).max().unwrap_or(0),
            // Weights and biases, each with its slots; running statistics and
            // what is frozen; cursor and recent predictions.
            keyframe_rows: arrays.saturating_mul(2 * (1 + MOST_SLOTS) + 3).saturating_add(2),
            keyframe_values: values.saturating_mul(1 + MOST_SLOTS).saturating_add(3 * biases).saturating_add(14 + 200),
            confusion: classes.saturating_mul(classes),
            batch: record.definition().map_or(MOST_BATCH, |definition| definition.batch_size.into()),
        }
    }
}

impl BranchShape {
    /// The shape of a branch, or what is wrong with its description.
    pub(crate) fn of(record: &BranchRecord) -> Result<Self, String> {
        let topology = &record.topology;
        if record.first_step().0 >= STEP_LIMIT {
            return Err(format!("expected a fork step below 2^62, found {}", record.first_step()));
        }
        if record.recording.keyframe_interval == 0 {
            return Err("expected a keyframe interval of at least 1 step, found 0".to_owned());
        }
        if record.recording.validate_every == Some(0) {
            return Err("expected validation every 1 step or more, found 0".to_owned());
        }
        if let Some((layer, read)) = topology.broken_edge() {
            return Err(format!("layer {}: expected edges to layers before it, found one to {read}", layer.layer));
        }
        let mut names = BTreeSet::new();
        for layer in &topology.layers {
            if !names.insert(&layer.layer) {
                return Err(format!("two layers are named {}", layer.layer));
            }
            let mut numbers: Vec<_> = layer.filters.iter().map(|filter| filter.number).collect();
            numbers.sort_unstable();
            if let Some(pair) = numbers.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(format!("layer {} has filter {} twice", layer.layer, pair[0]));
            }
            if let Some(&last) = numbers.last().filter(|&&last| last >= layer.next_filter) {
                return Err(format!(
                    "layer {}: expected its next filter's number to be above {last}, found {}",
                    layer.layer, layer.next_filter
                ));
            }
        }
        let probes = record.recording.probes.iter().map(|image| i32::try_from(image.0).ok());
        let images: Option<Vec<_>> = probes.map(|image| image.map(Some)).collect();
        let images = images.ok_or("a probe image's index is above 2^31")?;
        let plan = |images: Vec<Option<i32>>| RowPlan { images, ..RowPlan::default() };
        let mut shape = Self {
            format_version: record.format_version,
            parameters: plan(vec![None]),
            blocks: plan(images),
            normalisation: plan(vec![None]),
            block_of: Vec::new(),
            lengths: Lengths::default(),
        };
        for layer in &topology.layers {
            let born = &record.id;
            let block = shape.blocks.layers.len();
            if let Some([rows, columns]) = layer.map {
                let values = rows.checked_mul(columns).ok_or("a map's size overflows")?;
                shape.blocks.push(layer, values, born)?;
            }
            if let Some(coefficients) = layer.coefficients {
                shape.parameters.push(layer, coefficients, born)?;
                shape.block_of.push(layer.map.map(|_| block));
            }
            if layer.normalises {
                shape.normalisation.push(layer, 0, born)?;
            }
        }
        shape.lengths = Lengths::of(record, &shape.parameters);
        Ok(shape)
    }

    /// The plan of a table whose rows a step are constant.
    pub(crate) fn plan(&self, table: Table) -> Option<&RowPlan> {
        match table {
            Table::Weights | Table::Gradients | Table::Filters => Some(&self.parameters),
            Table::Activations | Table::ActivationGradients => Some(&self.blocks),
            Table::Normalisation => Some(&self.normalisation),
            _ => None,
        }
    }

    /// Rows that a step has in a table; `None` where that differs from step
    /// to step.
    pub(crate) fn rows_a_step(&self, table: Table) -> Option<usize> {
        match table {
            Table::Steps => Some(1),
            _ => self.plan(table).map(RowPlan::rows),
        }
    }
}

/// The tables that hold no fixed number of rows of every step, in files of segments and parts.
pub(crate) const SPARSE_TABLES: [Table; 3] = [Table::Keyframes, Table::Validation, Table::Samples];

/// The tables whose tensors fidelity `keyframes` and thinning leave out.
pub(crate) const TENSOR_TABLES: [Table; 4] =
    [Table::Weights, Table::Gradients, Table::Activations, Table::ActivationGradients];
