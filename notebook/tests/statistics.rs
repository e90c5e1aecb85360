//! What the log's table `filters` has of a filter is what `analysis` finds in the
//! tensors of that step, to the bit.

use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use arrow_array::{Array, RecordBatch};
use ndarray::ArrayView2;
use revacnn_analysis::{mean_absolute, norms, sums, update_ratios, zero_shares};
use revacnn_schemas::{FilterNumber, LayerTopology, Step, Table};
use revacnn_store::{BranchReader, LayerTensors, Selection, StepSpan, StepTensors};
use revacnn_test_support::{SmallRun, name, network};

const NETWORK: &str = r#"
[[layer]]
kind = "conv"
filters = 5
kernel = 3
activation = "relu"
[[layer]]
kind = "pool"
kernel = 2
[[layer]]
kind = "fully-connected"
units = 6
activation = "relu"
[[layer]]
kind = "softmax"
"#;

/// The statistics of a layer's filters, rounded as the log has them.
fn found(layer: &LayerTopology, now: &StepTensors, before: Option<&StepTensors>) -> [Vec<Option<f32>>; 6] {
    let filters = layer.filters.len();
    let array = |values| ArrayView2::from_shape((filters, layer.coefficients.unwrap()), values).unwrap();
    let rounded = |values: Vec<f64>| values.into_iter().map(|value| Some(value as f32)).collect::<Vec<_>>();
    let own: &LayerTensors = now.layer(&layer.layer).unwrap();
    let (weights, none) = (array(&own.weights), vec![None; filters]);
    let gradients = own.gradients.as_ref().filter(|gradients| !gradients.frozen.contains(&true));
    let of_gradients = |of: fn(ArrayView2<'_, f32>) -> Vec<f64>| {
        gradients.map_or_else(|| none.clone(), |gradients| rounded(of(array(&gradients.weights))))
    };
    let ratios = before.map_or_else(
        || none.clone(),
        |before| {
            let before = update_ratios(weights, array(&before.layer(&layer.layer).unwrap().weights)).unwrap();
            before.into_iter().map(|ratio| ratio.map(|ratio| ratio as f32)).collect()
        },
    );
    let maps: Vec<_> = now.block(&layer.layer).map(|block| &block.activations).collect();
    let mean_of_maps = |of: fn(ArrayView2<'_, f32>) -> Vec<f64>| {
        let each = maps.iter().map(|map| of(ArrayView2::from_shape((filters, map.len() / filters), map).unwrap()));
        let mut total = vec![0.0; filters];
        each.for_each(|of_image| total.iter_mut().zip(of_image).for_each(|(total, value)| *total += value));
        rounded(total.into_iter().map(|total| total / maps.len() as f64).collect())
    };
    let [mean, norm] = [of_gradients(mean_absolute), of_gradients(norms)];
    [mean, norm, rounded(norms(weights)), ratios, mean_of_maps(sums), mean_of_maps(zero_shares)]
}

fn column(rows: &RecordBatch, column: &str) -> Vec<Option<u32>> {
    let values = rows.column_by_name(column).unwrap().as_primitive::<Float32Type>();
    (0..values.len()).map(|row| values.is_valid(row).then(|| values.value(row).to_bits())).collect()
}

#[test]
fn the_log_has_the_statistics_that_analysis_finds() {
    let folder = tempfile::tempdir().unwrap();
    let small = SmallRun { network: network(NETWORK), ..SmallRun::default() };
    let store = small.recorded(folder.path(), 12);
    small.fork(&store, ("main", 10), "child", &["add-filter conv1", "freeze conv1"], 12);
    let names = ["mean_abs_gradient", "gradient_norm", "weight_norm", "update_ratio", "activation_sum", "zero_share"];
    let mut distinct = vec![std::collections::HashSet::new(); names.len()];
    for branch in ["main", "child"] {
        let reader = BranchReader::open(&store, &name(branch)).unwrap();
        let span = reader.steps().unwrap();
        let mut before = None;
        for step in span.first.0..=span.last.0 {
            let now = reader.seek(Step(step)).unwrap();
            for layer in reader.branch().topology.parameter_layers() {
                let of_layer = Selection { layer: Some(layer.layer.clone()), filter: None::<FilterNumber> };
                let rows = reader.read(Table::Filters, StepSpan::of(Step(step)), &of_layer).unwrap();
                let expected = found(layer, &now, before.as_ref());
                for ((of, expected), distinct) in names.iter().zip(expected).zip(&mut distinct) {
                    let expected: Vec<_> = expected.into_iter().map(|value| value.map(f32::to_bits)).collect();
                    distinct.extend(expected.clone());
                    assert_eq!(column(&rows, of), expected, "{of} of {} at {branch}@{step}", layer.layer);
                }
            }
            before = Some(now);
        }
    }
    for (name, distinct) in names.iter().zip(distinct) {
        assert!(distinct.len() > 5, "{name} has {} values", distinct.len());
    }
}
