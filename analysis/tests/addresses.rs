//! Several addresses in one space: vectors aligned by identity, and placed
//! together.

use ndarray::{Array2, array};
use revacnn_analysis::{
    AnalysisError, EmbeddingReport, EmbeddingSettings, Gradients, LayerValues, Method, Reason, Snapshot, align, embed,
};
use revacnn_schemas::{BranchId, FilterIdentity, FilterNumber, LayerName, LayerTopology, Topology};

const MAIN: &str = "b00000000000000a";
const LEFT: &str = "b00000000000000b";
const RIGHT: &str = "b00000000000000c";

fn name(layer: &str) -> LayerName {
    layer.parse().expect("a name")
}

fn filter(born: &str, number: u32) -> FilterIdentity {
    FilterIdentity { number: FilterNumber(number), born: Some(born.parse::<BranchId>().expect("an id")) }
}

fn layer(layer: &str, filters: &[(&str, u32)]) -> LayerTopology {
    LayerTopology {
        layer: name(layer),
        kind: "conv".into(),
        reads: Vec::new(),
        filters: filters.iter().map(|(born, number)| filter(born, *number)).collect(),
        coefficients: Some(2),
        map: Some([1, 2]),
        normalises: false,
        groups: 1,
        kernel: None,
        next_filter: FilterNumber(9),
    }
}

/// Two convolutions, the first with these filters, the second with two.
fn network(first: &[(&str, u32)]) -> Topology {
    Topology { layers: vec![layer("conv1", first), layer("conv2", &[(MAIN, 0), (MAIN, 1)])], retired: Vec::new() }
}

fn weights<'a>(topology: &'a Topology, values: &'a Array2<f32>) -> Snapshot<'a> {
    Snapshot { topology, values: LayerValues::Weights(values.view()) }
}

fn aligned(snapshots: &[Snapshot<'_>]) -> Vec<Vec<f32>> {
    let found = align(&name("conv2"), snapshots).expect("fits");
    assert!(found.dropped.is_empty());
    found.vectors.into_iter().map(|vector| vector.values).collect()
}

#[test]
fn a_filter_gained_before_is_zero_where_it_is_not() {
    let (before, after) = (network(&[(MAIN, 0), (MAIN, 1)]), network(&[(MAIN, 0), (MAIN, 1), (LEFT, 2)]));
    let old = array![[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]];
    let new = array![[1.5, 2.5, 3.5, 4.5, 9.0, 9.5], [5.5, 6.5, 7.5, 8.5, 0.5, 0.25]];
    let found = aligned(&[weights(&before, &old), weights(&after, &new)]);
    assert_eq!(found[0], [1.0, 2.0, 3.0, 4.0, 0.0, 0.0]);
    assert_eq!(found[1], [5.0, 6.0, 7.0, 8.0, 0.0, 0.0]);
    assert_eq!(found[2], [1.5, 2.5, 3.5, 4.5, 9.0, 9.5]);
    assert_eq!(found[3], [5.5, 6.5, 7.5, 8.5, 0.5, 0.25]);
}

#[test]
fn filters_lost_and_reordered_before_are_matched_by_identity() {
    let before = network(&[(MAIN, 0), (MAIN, 1), (MAIN, 2)]);
    let after = network(&[(MAIN, 2), (MAIN, 0)]);
    let old = array![[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.0; 6]];
    let new = array![[5.0, 6.0, 1.0, 2.0], [0.0; 4]];
    let found = aligned(&[weights(&before, &old), weights(&after, &new)]);
    assert_eq!(found[0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(found[2], [1.0, 2.0, 0.0, 0.0, 5.0, 6.0]);
}

#[test]
fn equal_numbers_born_in_two_branches_are_two_filters() {
    let (left, right) = (network(&[(MAIN, 0), (LEFT, 1)]), network(&[(MAIN, 0), (RIGHT, 1)]));
    let (of_left, of_right) = (array![[1.0, 2.0, 3.0, 4.0], [0.0; 4]], array![[1.0, 2.0, 7.0, 8.0], [0.0; 4]]);
    let found = aligned(&[weights(&left, &of_left), weights(&right, &of_right)]);
    assert_eq!(found[0], [1.0, 2.0, 3.0, 4.0, 0.0, 0.0]);
    assert_eq!(found[2], [1.0, 2.0, 0.0, 0.0, 7.0, 8.0]);
}

#[test]
fn the_inputs_of_an_inserted_layer_are_no_inputs_of_the_layer_before() {
    let (plain, mut deeper) = (network(&[(MAIN, 0)]), network(&[(MAIN, 0)]));
    deeper.layers.insert(1, layer("conv3", &[(LEFT, 0)]));
    let values = array![[1.0, 2.0], [3.0, 4.0]];
    let found = aligned(&[weights(&plain, &values), weights(&deeper, &values)]);
    assert_eq!(found[0], [1.0, 2.0, 0.0, 0.0]);
    assert_eq!(found[2], [0.0, 0.0, 1.0, 2.0]);
}

#[test]
fn what_has_no_vector_is_listed_with_the_reason() {
    let topology = network(&[(MAIN, 0)]);
    let values = array![[1.0, f32::NAN], [3.0, 4.0]];
    let gradients = |frozen| LayerValues::Gradients(Some(Gradients { values: values.view(), frozen }));
    let snapshots = [
        weights(&topology, &values),
        Snapshot { topology: &topology, values: gradients(&[false, true]) },
        Snapshot { topology: &topology, values: LayerValues::Gradients(None) },
    ];
    let found = align(&name("conv2"), &snapshots).expect("fits");
    let kept: Vec<_> = found.vectors.iter().map(|vector| (vector.address, vector.identity.number.0)).collect();
    assert_eq!(kept, [(0, 1)]);
    let dropped: Vec<_> =
        found.dropped.iter().map(|drop| (drop.address, drop.identity.number.0, drop.reason)).collect();
    assert_eq!(
        dropped,
        [
            (0, 0, Reason::NotFinite),
            (1, 0, Reason::NotFinite),
            (1, 1, Reason::Frozen),
            (2, 0, Reason::NoGradients),
            (2, 1, Reason::NoGradients)
        ]
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let topology = network(&[(MAIN, 0), (MAIN, 1)]);
    let (small, large) = (Array2::zeros((2, 4)), Array2::zeros((2, 8)));
    let kernels = align(&name("conv2"), &[weights(&topology, &small), weights(&topology, &large)]);
    assert!(matches!(kernels, Err(AnalysisError::KernelSizes { address: 1, expected: 2, found: 4, .. })));
    let maps = |values| Snapshot { topology: &topology, values: LayerValues::Maps(values) };
    let maps = align(&name("conv2"), &[maps(small.view()), maps(large.view())]);
    assert!(matches!(maps, Err(AnalysisError::MapSizes { address: 1, expected: 4, found: 8, .. })));
    let unknown = align(&name("conv7"), &[weights(&topology, &small)]).expect_err("no such layer");
    assert!(unknown.to_string().contains("it has conv1, conv2"), "{unknown}");
    let (odd, rows) = (Array2::zeros((2, 5)), Array2::zeros((3, 4)));
    for wrong in [&odd, &rows] {
        let found = align(&name("conv2"), &[weights(&topology, wrong)]);
        assert!(matches!(found, Err(AnalysisError::Shape { .. })), "{found:?}");
    }
}

/// A first layer of `count` filters, all of main but for the last.
fn first_layer(count: u32, last: &str) -> Topology {
    let filters: Vec<_> = (0..count).map(|number| (if number + 1 == count { last } else { MAIN }, number)).collect();
    network(&filters)
}

fn spread_out(count: usize, shift: f32) -> Array2<f32> {
    Array2::from_shape_fn((count, 6), |(i, j)| ((i * 31 + j * 17 + i * i * j) % 23) as f32 / 7.0 + shift * j as f32)
}

#[test]
fn two_addresses_share_a_picture_and_links_join_equal_filters() {
    let (before, after) = (first_layer(8, MAIN), first_layer(9, LEFT));
    let (old, new) = (spread_out(8, 0.0), spread_out(9, 1e-3));
    let snapshots = [weights(&before, &old), weights(&after, &new)];
    for method in [Method::Tsne, Method::Pca] {
        let settings = EmbeddingSettings { method, ..EmbeddingSettings::default() };
        let found = embed(&name("conv1"), &snapshots, &settings, None).expect("fits");
        assert_eq!(found.points.len(), 17);
        assert_eq!(found.links, (0..8).map(|filter| [filter, filter + 8]).collect::<Vec<_>>());
        for &[a, b] in &found.links {
            assert_eq!(found.points[a].identity, found.points[b].identity);
            assert_eq!((found.points[a].address, found.points[b].address), (0, 1));
        }
        assert_eq!(found.points[16].identity, filter(LEFT, 8));
        assert_eq!(matches!(found.report, EmbeddingReport::Tsne { .. }), method == Method::Tsne);
        assert!(found.trustworthiness.is_some_and(|(share, neighbours)| share > 0.5 && neighbours == 5));
    }
}

#[test]
fn along_time_points_stay_near_and_a_new_filter_begins_beside_its_like() {
    let (before, after) = (first_layer(12, MAIN), first_layer(13, LEFT));
    let (old, mut new) = (spread_out(12, 0.0), spread_out(13, 1e-4));
    let twin = new.row(3).to_owned();
    new.row_mut(12).assign(&twin);
    let settings = EmbeddingSettings::default();
    let first = embed(&name("conv1"), &[weights(&before, &old)], &settings, None).expect("fits");
    let next = embed(&name("conv1"), &[weights(&after, &new)], &settings, Some(&first)).expect("fits");
    let gap = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let size = first.points.iter().map(|point| gap(point.position, [0.0; 2])).fold(0.0, f64::max);
    let to_new = |index: &usize| gap(next.points[12].position, next.points[*index].position);
    assert_eq!((0..12).min_by(|a, b| to_new(a).total_cmp(&to_new(b))), Some(3));
    for (now, then) in next.points.iter().zip(&first.points) {
        assert!(gap(now.position, then.position) < 0.75 * size, "{:?} {:?}", now.position, then.position);
    }
    // Nothing changed: nothing moves.
    let again = embed(&name("conv1"), &[weights(&after, &new)], &settings, Some(&next)).expect("fits");
    for (now, then) in again.points.iter().zip(&next.points) {
        assert!(gap(now.position, then.position) < 0.02 * size, "{:?} {:?}", now.position, then.position);
    }
}

#[test]
fn an_embedding_drops_filters_that_are_not_finite_and_goes_on() {
    let topology = first_layer(6, MAIN);
    let mut values = spread_out(6, 0.0);
    values[[2, 0]] = f32::NEG_INFINITY;
    let found = embed(&name("conv1"), &[weights(&topology, &values)], &EmbeddingSettings::default(), None);
    let found = found.expect("five are left");
    assert_eq!((found.points.len(), found.dropped.len()), (5, 1));
    assert_eq!(found.dropped[0].identity, filter(MAIN, 2));
    let out_of_range = EmbeddingSettings { perplexity: Some(5.0), ..EmbeddingSettings::default() };
    let error = embed(&name("conv1"), &[weights(&topology, &values)], &out_of_range, None).expect_err("5 points");
    assert!(error.to_string().contains("with 5 points: choose from 1 to 4"), "{error}");
}
