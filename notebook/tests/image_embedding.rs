//! Images in a plane by their activations: how far classes keep to themselves, at which places
//! the same images lie at other steps, and the same bits on any number of threads.

#[path = "support/fork.rs"]
mod fork;
#[path = "support/record.rs"]
mod record;

use revacnn_notebook::kinds::ImageEmbedding;
use revacnn_notebook::{Cell, ImageSplit, Inputs, Method, NotebookError, Sources, render};
use revacnn_schemas::{EmbeddedImages, Fidelity, Figure, Step};
use revacnn_trainer::{Settings, data};

use fork::forked;
use record::{record, recorded_with};
use revacnn_store::Store;

const NETWORK: &str = r#"
[[layer]]
kind = "conv"
filters = 8
kernel = 3
pad = 1
activation = "relu"
[[layer]]
kind = "pool"
kernel = 2
[[layer]]
kind = "conv"
filters = 12
kernel = 3
pad = 1
activation = "relu"
[[layer]]
kind = "softmax"
"#;

/// A branch that learns digits, and one of four steps with a filter more from some step on.
fn trained(fork: u64) -> tempfile::TempDir {
    let settings = Settings { batch_size: 32, ..Settings::default() };
    let folder = recorded_with("digits", NETWORK, &settings, Fidelity::Keyframes, fork + 10);
    forked(folder.path(), "wider", fork, &["add-filter conv2"], 4);
    folder
}

fn cell(layer: &str, at: &[&str]) -> ImageEmbedding {
    ImageEmbedding {
        at: at.iter().map(|at| at.parse().unwrap()).collect(),
        reference: None,
        layer: layer.parse().unwrap(),
        of: ImageSplit::Test,
        count: 200,
        method: Method::Tsne,
        perplexity: None,
        seed: 0,
    }
}

fn inputs(cursor: u64) -> Inputs {
    Inputs { branches: vec!["main".parse().unwrap()], cursor: Step(cursor), ..Inputs::default() }
}

fn figure(folder: &tempfile::TempDir, threads: usize, cell: ImageEmbedding) -> Result<EmbeddedImages, NotebookError> {
    let mut sources = Sources::open(folder.path(), None, threads)?;
    match Cell::from(cell).figure(&mut sources, &inputs(60))? {
        Figure::EmbeddedImages(figure) => Ok(figure),
        other => panic!("images in a plane, not {}", other.title()),
    }
}

#[test]
fn a_trained_networks_class_layer_keeps_classes_apart_and_its_first_layer_does_less() {
    let folder = trained(400);
    let last = figure(&folder, 2, cell("softmax", &["main@400", "main@0"])).unwrap();
    let [trained, untrained] = &last.panels[..] else { panic!("two panels") };
    let first = figure(&folder, 2, cell("conv1", &["main@400"])).unwrap();
    let by_first = &first.panels[0];
    assert!(trained.purity > 0.82, "{}", trained.purity);
    assert!(trained.purity > by_first.purity && by_first.purity > 0.5, "{} {}", trained.purity, by_first.purity);
    assert!(trained.purity > untrained.purity + 0.2, "{} {}", trained.purity, untrained.purity);
    assert!(trained.purity_in_plane > 0.75 && (0.08..0.12).contains(&trained.chance), "{trained:?}");
    assert!(last.title.contains("200 of 297 test images by class probabilities"), "{}", last.title);
    assert!(first.title.contains("by conv1 of main@400"), "{}", first.title);

    // Evenly spread over the split, with the data set's labels and the network's predictions.
    let digits = data::load("digits", None).unwrap();
    for (place, image) in last.images.iter().enumerate() {
        assert_eq!(image.image.0 as usize, place * 297 / 200);
        assert_eq!(image.class, u32::from(digits.test().label(image.image).unwrap()));
    }
    let right = last.images.iter().zip(&trained.predicted).filter(|(image, said)| Some(image.class) == **said).count();
    assert_eq!(Some(right as u32), trained.right);
    assert!(right > 150, "{right}");
    // The mean of the classes is the mean of the images.
    let weighted = trained.by_class.iter().map(|class| f64::from(class.images) * class.purity).sum::<f64>();
    assert!((weighted / 200.0 - trained.purity).abs() < 1e-12);
    for class in &trained.by_class {
        assert!(class.of_other <= 1.0 - class.purity + 1e-12 && class.other != Some(class.class), "{class:?}");
    }
}

#[test]
fn images_of_a_fork_lie_where_they_lie_in_its_parent() {
    let folder = trained(60);
    let found = figure(&folder, 2, cell("conv2", &["main@60", "wider@60", "wider@64"])).unwrap();
    let distance = |[x, y]: [f64; 2], [a, b]: [f64; 2]| (x - a).hypot(y - b);
    let median = |mut numbers: Vec<f64>| {
        numbers.sort_by(f64::total_cmp);
        numbers[numbers.len() / 2]
    };
    let reference = &found.panels[0].positions;
    let pairs = reference.iter().zip(reference.iter().rev());
    let spread = median(pairs.map(|(one, other)| distance(*one, *other)).collect());
    for panel in &found.panels[1..] {
        let moved = median(reference.iter().zip(&panel.positions).map(|(one, other)| distance(*one, *other)).collect());
        assert!(moved < 0.15 * spread, "{}: {moved} of {spread}", panel.name);
    }
    // A reference that is not shown holds them as well.
    let held = ImageEmbedding { reference: Some("main@60".parse().unwrap()), ..cell("conv2", &["wider@64"]) };
    let held = figure(&folder, 2, held).unwrap();
    assert_eq!(held.panels[0].positions, found.panels[2].positions);
    assert!(held.notes.iter().any(|note| note.contains("at main@60 and are held there")), "{:?}", held.notes);
    // Principal components have no signs of their own: those of the reference are taken.
    let pca = ImageEmbedding { method: Method::Pca, ..cell("conv2", &["main@60", "wider@64"]) };
    let pca = figure(&folder, 1, pca).unwrap();
    for axis in 0..2 {
        let along = |panel: usize| pca.panels[panel].positions.iter().map(move |at| at[axis]).collect::<Vec<_>>();
        let together: f64 = along(0).iter().zip(&along(1)).map(|(one, other)| one * other).sum();
        assert!(together > 0.0, "axis {axis}");
    }
}

#[test]
fn the_figure_is_the_same_on_any_number_of_threads_and_drawn_with_the_same_bytes() {
    let folder = trained(60);
    for method in [Method::Tsne, Method::Pca] {
        let cell = || ImageEmbedding { method, count: 80, ..cell("conv2", &["main@60", "wider@64"]) };
        let one = Figure::EmbeddedImages(figure(&folder, 1, cell()).unwrap());
        for threads in [2, 5] {
            assert!(one == Figure::EmbeddedImages(figure(&folder, threads, cell()).unwrap()), "{threads} threads");
        }
        for ending in ["svg", "png"] {
            let drawn = [0, 1].map(|time| {
                let path = folder.path().join(format!("{time}.{ending}"));
                render(&one, &path).unwrap();
                std::fs::read(path).unwrap()
            });
            assert!(drawn[0] == drawn[1] && drawn[0].len() > 1000);
        }
    }
    // What is kept is what would be computed.
    let mut sources = Sources::open(folder.path(), None, 2).unwrap();
    let twice = [0, 1].map(|_| Cell::from(cell("conv1", &["main@60"])).figure(&mut sources, &inputs(60)).unwrap());
    assert!(twice[0] == twice[1]);
}

#[test]
fn what_does_not_fit_is_refused_by_name_and_left_out_where_nobody_named_it() {
    let folder = trained(60);
    let store = Store::open(folder.path()).unwrap();
    record(&store, "shapes", "shapes", NETWORK, &Settings::default(), Fidelity::Keyframes, 3);
    for (cell, says) in [
        (cell("conv9", &["main@60"]), "no layer `conv9`"),
        (cell("conv1", &["main@60", "shapes@3"]), "main@60 and shapes@3 are of different data sets"),
        (ImageEmbedding { count: 2, ..cell("conv1", &["main@60"]) }, "at least 3 images, found 2"),
        (ImageEmbedding { perplexity: Some(500.0), ..cell("conv1", &["main@60"]) }, "perplexity"),
        (ImageEmbedding { reference: Some("gone@3".parse().unwrap()), ..cell("conv1", &["main@60"]) }, "gone"),
        (cell("conv1", &["main@9999"]), "9999"),
    ] {
        let error = figure(&folder, 1, cell).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let branches = ["main", "shapes"].map(|name| name.parse().unwrap()).to_vec();
    let shown = Inputs { branches, cursor: Step(60), ..Inputs::default() };
    let Figure::EmbeddedImages(found) = Cell::from(cell("conv1", &[])).figure(&mut sources, &shown).unwrap() else {
        panic!("images in a plane")
    };
    assert_eq!(found.panels.len(), 1);
    assert!(found.notes.iter().any(|note| note.starts_with("left out: shapes")), "{:?}", found.notes);
}
