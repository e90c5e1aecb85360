//! What t-SNE promises: the same picture for the same points, in whatever
//! order, on whichever thread; no jumps; answers for few and for odd points.

use ndarray::{Array2, Axis};
use revacnn_analysis::{AnalysisError, Tsne, TsneSettings, pca, tsne};

/// Filters in three loose groups.
fn filters(count: usize) -> Array2<f32> {
    Array2::from_shape_fn((count, 12), |(i, j)| {
        let group = if j % 3 == i % 3 { 1.0 } else { 0.0 };
        group + ((i * 131 + j * 71 + i * i * j * 17) % 101) as f32 / 130.0
    })
}

fn embedded(vectors: &Array2<f32>, settings: &TsneSettings) -> Tsne {
    tsne(vectors.view(), settings).expect("possible")
}

fn farthest(a: &[[f64; 2]], b: &[[f64; 2]]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])).fold(0.0, f64::max)
}

#[test]
fn equal_seeds_give_equal_bits_on_every_thread() {
    let settings = TsneSettings { seed: 7, ..TsneSettings::default() };
    let expected = embedded(&filters(20), &settings);
    let found: Vec<Tsne> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| embedded(&filters(20), &settings))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(found.iter().all(|found| *found == expected));
}

#[test]
fn a_seed_draws_other_starts() {
    let start_alone = |seed| TsneSettings { seed, iterations: 0, ..TsneSettings::default() };
    let [a, b] = [1, 2].map(|seed| embedded(&filters(20), &start_alone(seed)).positions);
    assert_ne!(a, b);
}

#[test]
fn permuted_points_get_permuted_positions_to_the_bit() {
    let vectors = filters(17);
    let order: Vec<usize> = (0..17).map(|place| (place * 5 + 3) % 17).collect();
    let start: Vec<[f64; 2]> = (0..17).map(|i| [f64::from(i % 5), f64::from(i * i % 7)]).collect();
    for start in [None, Some(start)] {
        let permuted = start.as_ref().map(|start| order.iter().map(|&point| start[point]).collect());
        let plain = embedded(&vectors, &TsneSettings { start, ..TsneSettings::default() });
        let settings = TsneSettings { start: permuted, ..TsneSettings::default() };
        let found = embedded(&vectors.select(Axis(0), &order), &settings);
        for (place, &point) in order.iter().enumerate() {
            assert_eq!(found.positions[place], plain.positions[point]);
        }
        assert_eq!(found.kl_divergence, plain.kl_divergence);
    }
}

#[test]
fn more_starts_are_never_worse() {
    let divergence = |restarts| {
        embedded(&filters(20), &TsneSettings { restarts, iterations: 5000, ..TsneSettings::default() }).kl_divergence
    };
    let found = [0, 3, 12].map(divergence);
    // The starts are compared before the best is followed to the end.
    assert!(found[1] <= found[0] + 1e-4 && found[2] <= found[1] + 1e-4, "{found:?}");
}

#[test]
fn points_move_and_do_not_jump_where_the_vectors_hardly_change() {
    let mut vectors = filters(20);
    let mut last = embedded(&vectors, &TsneSettings::default());
    let size = farthest(&last.positions, &[[0.0; 2]; 20]);
    for step in 0..10 {
        for ((filter, coefficient), value) in vectors.indexed_iter_mut() {
            *value += 1e-3 * (((filter * 7 + coefficient * 3 + step) % 5) as f32 - 2.0);
        }
        let next = embedded(&vectors, &TsneSettings { start: Some(last.positions.clone()), ..TsneSettings::default() });
        let moved = farthest(&next.positions, &last.positions);
        assert!(moved < 0.1 * size, "a point moved by {moved} in a picture of size {size}");
        last = next;
    }
    // Without the start the picture may be another one.
    let fresh = embedded(&vectors, &TsneSettings::default());
    assert!(last.kl_divergence < fresh.kl_divergence + 0.05);
}

/// At any angle, and either way round, the picture is as good: it lies as the
/// principal components do, so that neighbouring steps look alike.
#[test]
fn a_picture_is_turned_and_mirrored_to_the_components() {
    for seed in 0..8 {
        let vectors = filters(17 + seed as usize);
        let found = embedded(&vectors, &TsneSettings { seed, ..TsneSettings::default() });
        let components = pca(vectors.view()).unwrap().positions;
        let sum = |of: fn([f64; 2], [f64; 2]) -> f64| -> f64 {
            found.positions.iter().zip(&components).map(|(&position, &component)| of(position, component)).sum()
        };
        let (along, across) = (sum(|[x, y], [u, v]| x * u + y * v), sum(|[x, y], [u, v]| x * v - y * u));
        let mirrored = [sum(|[x, y], [u, v]| x * u - y * v), sum(|[x, y], [u, v]| x * v + y * u)];
        assert!(along > 0.0 && across.abs() < 1e-9 * along, "seed {seed}: {along} {across}");
        assert!(along >= mirrored[0].hypot(mirrored[1]), "seed {seed}: the other way round lies nearer");
    }
}

#[test]
fn a_start_is_never_made_worse() {
    let start: Vec<[f64; 2]> = (0..20).map(|i| [f64::from(i * 7 % 20), f64::from(i * i % 11)]).collect();
    let divergence = |iterations| {
        let settings = TsneSettings { start: Some(start.clone()), iterations, ..TsneSettings::default() };
        embedded(&filters(20), &settings).kl_divergence
    };
    let found = [0, 1, 5, 50, 500].map(divergence);
    assert!(found.is_sorted_by(|before, after| after <= before) && found[4] < found[0], "{found:?}");
}

#[test]
fn none_one_two_and_three_points_are_placed() {
    for count in 0..=3 {
        let found = embedded(&filters(count), &TsneSettings::default());
        assert_eq!(found.positions.len(), count);
        assert!(found.positions.iter().flatten().all(|value| value.is_finite()));
        assert!((0.0..1.0).contains(&found.kl_divergence), "{count} points: {}", found.kl_divergence);
        assert_eq!(found.trustworthiness.is_some(), count == 3);
    }
    let two = embedded(&filters(2), &TsneSettings::default()).positions;
    assert!(farthest(&two[..1], &two[1..]) > 0.1);
}

#[test]
fn identical_points_share_one_place_and_fit_perfectly() {
    let found = embedded(&Array2::from_elem((8, 5), 0.25), &TsneSettings::default());
    assert!(found.positions.iter().all(|position| *position == found.positions[0]), "{:?}", found.positions);
    assert!(found.kl_divergence < 1e-12);

    // A pair of equal filters among others, one with zeros of the other sign.
    let mut vectors = filters(12);
    vectors.row_mut(4).fill(0.0);
    vectors.row_mut(9).fill(-0.0);
    let positions = embedded(&vectors, &TsneSettings::default()).positions;
    let size = farthest(&positions, &[[0.0; 2]; 12]);
    assert!(farthest(&positions[4..5], &positions[9..10]) < 1e-3 * size, "{positions:?}");
}

#[test]
fn neighbours_of_all_do_not_fall_into_one_place() {
    let settings = TsneSettings { perplexity: Some(19.0), ..TsneSettings::default() };
    let found = embedded(&filters(20), &settings);
    assert!(found.kl_divergence < 0.1, "{}", found.kl_divergence);
    assert!(found.positions.iter().flatten().all(|value| value.is_finite()));
}

#[test]
fn many_points_are_placed_too() {
    let found = embedded(&filters(150), &TsneSettings::default());
    assert!(found.trustworthiness.is_some_and(|(share, _)| share > 0.8), "{:?}", found.trustworthiness);
}

#[test]
fn what_cannot_be_embedded_is_refused_with_what_can() {
    for perplexity in [0.0, 0.99, 5.01, -3.0, f64::NAN] {
        let settings = TsneSettings { perplexity: Some(perplexity), ..TsneSettings::default() };
        let error = tsne(filters(6).view(), &settings).expect_err("out of range");
        assert!(error.to_string().contains("with 6 points: choose from 1 to 5"), "{error}");
    }
    let mut vectors = filters(6);
    vectors[[3, 2]] = f32::INFINITY;
    let found = tsne(vectors.view(), &TsneSettings::default());
    assert_eq!(found, Err(AnalysisError::NotFinite { vector: 3 }));
    for start in [vec![[0.0; 2]; 5], vec![[f64::NAN; 2]; 6]] {
        assert!(tsne(filters(6).view(), &TsneSettings { start: Some(start), ..TsneSettings::default() }).is_err());
    }
}
