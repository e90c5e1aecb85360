//! What the embedding of thousands of points promises: that of exact t-SNE, the same bits
//! on any number of threads, comparable pictures, and answers for few and for odd points.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use ndarray::{Array2, Axis};
use revacnn_analysis::{
    AnalysisError, Neighbours, SampleEmbedding, SampleSettings, TsneSettings, Work, embed_samples, nearest_points,
    nearest_positions, neighbour_purity, principal_plane, tsne,
};

const GROUPS: usize = 5;

/// Points in five groups, one after another.
fn points(count: usize) -> Array2<f32> {
    Array2::from_shape_fn((count, 12), |(i, j)| {
        let group = if j % GROUPS == i % GROUPS { 1.5 } else { 0.0 };
        let (i, j) = (i as u32, j as u32);
        let mixed = (i.wrapping_mul(2_654_435_761) ^ j.wrapping_mul(40_503)).wrapping_mul(2_246_822_519);
        group + (mixed >> 16) as f32 / 65_536.0
    })
}

fn groups(count: usize) -> Vec<usize> {
    (0..count).map(|point| point % GROUPS).collect()
}

fn on<T>(threads: usize, make: impl FnOnce(&mut Work<'_>) -> Result<T, AnalysisError>) -> Result<T, AnalysisError> {
    let mut watch = |_: usize, _: usize| ControlFlow::Continue(());
    make(&mut Work { threads: NonZeroUsize::new(threads).unwrap(), watch: &mut watch })
}

fn embedded(vectors: &Array2<f32>, settings: &SampleSettings) -> SampleEmbedding {
    on(2, |work| embed_samples(vectors.view(), settings, work)).expect("possible")
}

fn purity(neighbours: &Neighbours, labels: &[usize]) -> f64 {
    neighbour_purity(neighbours, labels).expect("a label a point").mean
}

/// The mean distance of points from their places elsewhere, by the size of the picture.
fn moved(positions: &[[f64; 2]], others: &[[f64; 2]]) -> f64 {
    let size = others.iter().map(|[x, y]| x * x + y * y).sum::<f64>() / others.len() as f64;
    let far = positions.iter().zip(others).map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])).sum::<f64>();
    far / others.len() as f64 / size.sqrt()
}

#[test]
fn equal_bits_on_one_two_and_three_threads() {
    let vectors = points(301);
    let place = |point: usize| [(point % 5) as f64 * 10.0, (point % 3) as f64];
    let reference = |point: usize| (!point.is_multiple_of(7)).then(|| place(point));
    let references = [None, Some((0..301).map(reference).collect::<Vec<_>>())];
    for reference in references {
        let settings = SampleSettings { iterations: 60, reference, ..SampleSettings::default() };
        let all = [1, 2, 3].map(|threads| on(threads, |work| embed_samples(vectors.view(), &settings, work)).unwrap());
        assert!(all[0] == all[1] && all[0] == all[2]);
    }
    let found = [1, 2, 3].map(|threads| on(threads, |work| nearest_points(vectors.view(), 9, work)).unwrap());
    assert!(found[0] == found[1] && found[0] == found[2]);
    let found = [1, 2, 3].map(|threads| on(threads, |work| principal_plane(vectors.view(), work)).unwrap());
    assert!(found[0] == found[1] && found[0] == found[2]);
}

/// The digest of the positions' bits: where it changes, an embedding that was saved is not
/// made again as it was. It is the same on every machine.
#[test]
fn the_bits_are_those_of_every_machine() {
    let found = embedded(&points(200), &SampleSettings::default());
    let bytes: Vec<u8> = found.positions.iter().flatten().flat_map(|value| value.to_bits().to_le_bytes()).collect();
    assert_eq!(
        blake3::hash(&bytes).to_hex().as_str(),
        "3c343fa2a4ff45960a80325120c82f1f2a419e7ec183c8c6254228b8fd0e6b19"
    );
}

#[test]
fn permuted_points_get_permuted_positions_to_the_bit() {
    let vectors = points(120);
    let order: Vec<usize> = (0..120).map(|place| (place * 7 + 3) % 120).collect();
    let settings = SampleSettings { iterations: 50, ..SampleSettings::default() };
    let (plain, found) = (embedded(&vectors, &settings), embedded(&vectors.select(Axis(0), &order), &settings));
    for (place, &point) in order.iter().enumerate() {
        assert_eq!(found.positions[place], plain.positions[point]);
    }
}

/// With all others as neighbours the divergences are of the same affinities.
#[test]
fn the_divergence_is_about_that_of_exact_tsne() {
    for count in [60, 90, 250] {
        let vectors = points(count);
        let perplexity = Some((count - 1) as f64 / 3.0);
        let embedding = embedded(&vectors, &SampleSettings { perplexity, ..SampleSettings::default() });
        let exact = tsne(vectors.view(), &TsneSettings { perplexity, ..TsneSettings::default() }).unwrap();
        let [found, exact] = [embedding.kl_divergence, exact.kl_divergence];
        assert!(found < exact * 1.05 + 0.005, "{count} points: {found}, exact {exact}");
        // The same positions have the same divergence by both.
        let start = Some(embedding.positions);
        let settings = TsneSettings { perplexity, iterations: 0, start, ..TsneSettings::default() };
        let again = tsne(vectors.view(), &settings).unwrap().kl_divergence;
        assert!((again - found).abs() < 1e-5, "{count} points: {again} and {found}");
    }
}

#[test]
fn classes_that_are_apart_stay_apart() {
    let vectors = points(600);
    let found = embedded(&vectors, &SampleSettings::default());
    let labels = groups(600);
    assert!(purity(&on(1, |work| nearest_points(vectors.view(), 10, work)).unwrap(), &labels) > 0.99);
    assert!(purity(&on(1, |work| nearest_positions(&found.positions, 10, work)).unwrap(), &labels) > 0.99);
}

#[test]
fn with_a_reference_points_stay_but_for_those_that_change_groups() {
    let (count, changed) = (500, 42);
    let before = points(count);
    let mut after = before.mapv(|value| value * 3.0 + 1.0);
    let target = after.row(changed + 2).mapv(|value| value + 0.1);
    after.row_mut(changed).assign(&target);
    let first = embedded(&before, &SampleSettings::default());
    let with = |reference: Option<Vec<Option<[f64; 2]>>>| {
        embedded(&after, &SampleSettings { reference, ..SampleSettings::default() })
    };
    let all: Vec<Option<[f64; 2]>> = first.positions.iter().copied().map(Some).collect();
    let held = with(Some(all.clone()));
    assert!(moved(&held.positions, &first.positions) < 0.02, "{}", moved(&held.positions, &first.positions));
    let neighbours = on(1, |work| nearest_positions(&held.positions, 5, work)).unwrap();
    assert!(neighbours.of(changed).iter().all(|&other| other as usize % GROUPS == (changed + 2) % GROUPS));
    let free = with(None);
    assert!(held.kl_divergence < free.kl_divergence + 0.05, "{} {}", held.kl_divergence, free.kl_divergence);

    // One that the reference lacks comes to its group.
    let lacking = all.iter().enumerate().map(|(point, place)| place.filter(|_| point != 7)).collect();
    let found = with(Some(lacking));
    let neighbours = on(1, |work| nearest_positions(&found.positions, 5, work)).unwrap();
    assert!(neighbours.of(7).iter().all(|&other| other as usize % GROUPS == 7 % GROUPS));
    // A reference without any place is none.
    assert_eq!(with(Some(vec![None; count])), free);
}

#[test]
fn the_stronger_the_pull_the_nearer_the_reference() {
    let vectors = points(200);
    let places: Vec<[f64; 2]> = (0..200).map(|i| [f64::from(i * 7 % 40), f64::from(i * i % 31)]).collect();
    let far = |pull| {
        let reference = Some(places.iter().copied().map(Some).collect());
        moved(&embedded(&vectors, &SampleSettings { reference, pull, ..SampleSettings::default() }).positions, &places)
    };
    let found = [0.0, 0.1, 1.0].map(far);
    assert!(found[0] > found[1] && found[1] > 10.0 * found[2], "{found:?}");
}

#[test]
fn few_points_are_placed() {
    for count in 0..=12 {
        let vectors = points(count);
        let found = embedded(&vectors, &SampleSettings::default());
        assert_eq!(found.positions.len(), count);
        assert!(found.positions.iter().flatten().all(|value| value.is_finite()));
        assert!((0.0..1.0).contains(&found.kl_divergence), "{count} points: {}", found.kl_divergence);
        let reference = Some(vec![Some([1.0, 2.0]); count]);
        let held = embedded(&vectors, &SampleSettings { reference, ..SampleSettings::default() });
        assert!(held.positions.iter().flatten().all(|value| value.is_finite()));
    }
}

#[test]
fn identical_and_extreme_points_are_placed() {
    let found = embedded(&Array2::from_elem((300, 5), 0.25), &SampleSettings::default());
    assert!(found.positions.iter().flatten().all(|value| value.is_finite()), "{:?}", found.positions);
    let mut vectors = points(300);
    vectors.slice_mut(ndarray::s![..150, ..]).fill(0.0);
    vectors[[200, 3]] = 3e38;
    vectors[[201, 3]] = -3e38;
    let found = embedded(&vectors, &SampleSettings::default());
    assert!(found.positions.iter().flatten().all(|value| value.is_finite()));
    assert!(found.kl_divergence.is_finite());
    // No dimension at all: all are equal.
    let found = embedded(&Array2::zeros((100, 0)), &SampleSettings::default());
    assert_eq!(found.positions.len(), 100);
}

#[test]
fn what_cannot_be_embedded_is_refused_with_what_can() {
    let refused = |vectors: &Array2<f32>, settings: SampleSettings| {
        on(1, |work| embed_samples(vectors.view(), &settings, work)).expect_err("refused")
    };
    for perplexity in [0.0, 0.99, 19.01, -3.0, f64::NAN, f64::INFINITY] {
        let error = refused(&points(20), SampleSettings { perplexity: Some(perplexity), ..SampleSettings::default() });
        assert!(error.to_string().contains("with 20 points: choose from 1 to 19"), "{error}");
    }
    for pull in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let error = refused(&points(20), SampleSettings { pull, ..SampleSettings::default() });
        assert!(error.to_string().contains("choose from 0"), "{error}");
    }
    for (places, expected) in [
        (vec![None; 19], "expected 20, one a vector, found 19"),
        (vec![Some([0.0, f64::NAN]); 20], "position of point 0 is not in the picture"),
        (vec![Some([0.0, 1e300]); 20], "coordinates are from -1000000 to 1000000"),
    ] {
        let error = refused(&points(20), SampleSettings { reference: Some(places), ..SampleSettings::default() });
        assert!(error.to_string().contains(expected), "{error}");
    }
    for bad in [f32::NAN, f32::INFINITY] {
        let mut vectors = points(20);
        vectors[[3, 2]] = bad;
        assert_eq!(refused(&vectors, SampleSettings::default()), AnalysisError::NotFinite { vector: 3 });
        let found = on(1, |work| nearest_points(vectors.view(), 3, work));
        assert_eq!(found, Err(AnalysisError::NotFinite { vector: 3 }));
        let found = on(1, |work| principal_plane(vectors.view(), work));
        assert_eq!(found, Err(AnalysisError::NotFinite { vector: 3 }));
        let found = on(1, |work| nearest_positions(&[[0.0; 2], [f64::from(bad), 0.0]], 1, work));
        assert_eq!(found, Err(AnalysisError::NotFinite { vector: 1 }));
    }
    for count in [0, 20, usize::MAX] {
        let error = on(1, |work| nearest_points(points(20).view(), count, work)).expect_err("refused");
        assert!(error.to_string().contains("with 20 points: choose from 1 to 19"), "{error}");
    }
}

#[test]
fn whoever_waits_is_told_how_far_it_is_and_can_give_it_up() {
    let vectors = points(100);
    let settings = SampleSettings { iterations: 20, ..SampleSettings::default() };
    let mut seen = Vec::new();
    let mut watch = |done, of| {
        seen.push((done, of));
        ControlFlow::Continue(())
    };
    embed_samples(vectors.view(), &settings, &mut Work { threads: NonZeroUsize::MIN, watch: &mut watch }).unwrap();
    assert!(seen.is_sorted() && seen.iter().all(|(done, of)| done <= of && *of == seen[0].1), "{seen:?}");
    assert!(seen.len() > 270 && seen.last().is_some_and(|(done, of)| done == of));
    for given_up in [0, 1, 100, seen.len() - 1] {
        let mut asked = 0;
        let mut watch = |_: usize, _: usize| {
            asked += 1;
            if asked > given_up { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut work = Work { threads: NonZeroUsize::MIN, watch: &mut watch };
        assert_eq!(embed_samples(vectors.view(), &settings, &mut work), Err(AnalysisError::Cancelled));
        assert_eq!(asked, given_up + 1);
    }
}
