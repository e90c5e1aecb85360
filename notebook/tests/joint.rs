//! Figures of several branches that do not all fit one another.

#[path = "support/record.rs"]
mod record;

use revacnn_notebook::kinds::{Embedding, Filters, Start};
use revacnn_notebook::{Cell, Graph, Inputs, Method, Source, Sources};
use revacnn_schemas::{Address, Fidelity, Figure, ImageIndex, LayerName, Scatter, Step};
use revacnn_store::Store;
use revacnn_trainer::Settings;

use record::{record, recorded_with};

fn network(kernel: u32, pad: u32) -> String {
    format!(
        "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = {kernel}\npad = {pad}\nactivation = \"relu\"\n\
         [[layer]]\nkind = \"softmax\"\n"
    )
}

/// `main` on the digits, and beside it one with larger kernels, one on another
/// data set, and one without its layer.
fn store() -> tempfile::TempDir {
    let settings = Settings::default();
    let folder = recorded_with("digits", &network(3, 1), &settings, Fidelity::Every, 6);
    let store = Store::open(folder.path()).unwrap();
    record(&store, "wide", "digits", &network(5, 2), &settings, Fidelity::Every, 6);
    record(&store, "shapes", "shapes", &network(3, 1), &settings, Fidelity::Every, 6);
    record(&store, "flat", "digits", "[[layer]]\nkind = \"softmax\"\n", &settings, Fidelity::Every, 6);
    folder
}

fn addresses(names: &[&str]) -> Vec<Address> {
    names.iter().map(|name| format!("{name}@5").parse().unwrap()).collect()
}

fn embedding(at: Vec<Address>, of: Source, method: Method) -> Cell {
    started(at, of, method, Start::Fresh)
}

fn started(at: Vec<Address>, of: Source, method: Method, start: Start) -> Cell {
    Embedding { at, layer: "conv1".parse().unwrap(), of, method, perplexity: None, seed: 0, start }.into()
}

fn scatter(sources: &mut Sources, cell: &Cell, inputs: &Inputs) -> Scatter {
    match cell.figure(sources, inputs) {
        Ok(Figure::Scatter(scatter)) => scatter,
        other => panic!("expected an embedding, found {other:?}"),
    }
}

/// One branch that did not fit kept the window from embedding any.
#[test]
fn what_does_not_fit_is_left_out_of_a_view_and_refused_where_it_was_named() {
    let folder = store();
    let all = ["main", "wide", "shapes", "flat"];
    let mut strict = Sources::open(folder.path(), None, 1).unwrap();
    let mut lenient = Sources::open(folder.path(), None, 1).unwrap().leaving_out();
    for (of, kept, left_out) in [
        (
            Source::Weights,
            vec!["main@5"],
            vec![
                "left out: flat@5 has no conv1",
                "left out: wide@5 has 25 coefficients for an input, not 9",
                "left out: shapes@5 has 27 coefficients for an input, not 9",
            ],
        ),
        // Maps of one image fit whatever the kernels are; images of two data sets are two.
        (
            Source::Activations,
            vec!["main@5", "wide@5"],
            vec![
                "left out: flat@5 has no conv1",
                "left out: shapes@5 is of another data set: its image is another one",
            ],
        ),
    ] {
        let cell = embedding(addresses(&all), of, Method::Pca);
        let found = scatter(&mut lenient, &cell, &Inputs::default());
        let groups: Vec<&str> = found.groups.iter().map(|group| group.name.as_str()).collect();
        let notes: Vec<&str> =
            found.notes.iter().filter(|note| note.starts_with("left out")).map(String::as_str).collect();
        assert_eq!((groups, notes), (kept.clone(), left_out), "{of}");
        assert_eq!(found.points.len(), 4 * kept.len());
        let error = cell.figure(&mut strict, &Inputs::default()).unwrap_err().to_string();
        assert!(error.contains("fit one embedding"), "{error}");
        // Nobody named what is merely shown.
        let shown =
            Inputs { branches: all.map(|name| name.parse().unwrap()).to_vec(), cursor: Step(5), ..Inputs::default() };
        assert_eq!(scatter(&mut strict, &embedding(Vec::new(), of, Method::Pca), &shown), found);
    }
    // Where not even the first fits, the others are shown.
    let cell = embedding(addresses(&["flat", "main"]), Source::Weights, Method::Pca);
    assert_eq!(scatter(&mut lenient, &cell, &Inputs::default()).groups[0].name, "main@5");
}

#[test]
fn filters_that_cannot_be_seen_are_a_row_that_says_so() {
    let folder = store();
    let layer: LayerName = "conv1".parse().unwrap();
    let at = addresses(&["main", "shapes", "gone"]);
    let cell = Cell::from(Filters { at, layer, of: Source::Activations });
    // A training image that only one of the data sets has.
    let inputs = Inputs { image: Some(ImageIndex(4_000).into()), ..Inputs::default() };
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    assert!(cell.figure(&mut sources, &inputs).is_err());
    let Ok(Figure::Images(grid)) = cell.figure(&mut sources.leaving_out(), &inputs) else { panic!("images") };
    let labels: Vec<&str> = grid.rows.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels[0], "shapes@5", "{labels:?}");
    assert_eq!(labels[1..], ["main@5 cannot be read", "gone@5 cannot be read"]);
}

/// An embedding began where the one before had ended, so that an address
/// looked different each time one came by.
#[test]
fn an_address_is_embedded_alike_wherever_one_came_from() {
    let folder = recorded_with("digits", &network(3, 1), &Settings::default(), Fidelity::Every, 60);
    let at = |step: u64| embedding(vec![format!("main@{step}").parse().unwrap()], Source::Weights, Method::Tsne);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let here = scatter(&mut sources, &at(60), &Inputs::default());
    // Where it starts from is asked for, and not where the sources have been.
    let glided = |path: &[u64]| {
        let mut sources = Sources::open(folder.path(), None, 1).unwrap();
        let at = |step: u64| vec![format!("main@{step}").parse().unwrap()];
        let seen = |step: &u64| {
            let cell = started(at(*step), Source::Weights, Method::Tsne, Start::From(Step(10)));
            scatter(&mut sources, &cell, &Inputs::default())
        };
        path.iter().map(seen).last().unwrap()
    };
    let there_and_back: Vec<u64> = (0..60).rev().chain(1..=60).collect();
    let from = glided(&there_and_back);
    assert_eq!(from, glided(&[60]));
    assert_eq!((from.start, here.start), (Some(Step(10)), None));
    assert_ne!(from.points, here.points, "points are where those of step 10 have led them");
    assert_eq!(scatter(&mut sources, &at(60), &Inputs::default()), here);
    // And in another process.
    let mut other = Sources::open(folder.path(), None, 1).unwrap();
    assert_eq!(scatter(&mut other, &at(60), &Inputs::default()), here);
}

/// A window that had looked at a branch went on as if it stored every step.
#[test]
fn what_is_compacted_meanwhile_is_read_as_what_it_is_now() {
    let folder = recorded_with("digits", &network(3, 1), &Settings::default(), Fidelity::Every, 40);
    let store = Store::open(folder.path()).unwrap();
    let cell = |step: u64| embedding(vec![format!("main@{step}").parse().unwrap()], Source::Weights, Method::Pca);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let expected = scatter(&mut Sources::open(folder.path(), None, 1).unwrap(), &cell(21), &Inputs::default());
    scatter(&mut sources, &cell(20), &Inputs::default());
    let main = store.branch(&"main".parse().unwrap()).unwrap();
    let dataset = std::sync::Arc::new(revacnn_trainer::data::load("digits", None).unwrap());
    let compact = || revacnn_recorder::compact(&store, &main, &dataset, 1, &|_| {});
    assert!(compact().is_err(), "it is being read");
    sources.rest();
    compact().unwrap();
    sources.refresh().unwrap();
    assert_eq!(scatter(&mut sources, &cell(21), &Inputs::default()), expected);
}

/// What was left out because it could not be read was left out for ever.
#[test]
fn a_figure_that_lacks_what_could_not_be_read_is_made_again_when_it_can() {
    let folder = recorded_with("digits", &network(3, 1), &Settings::default(), Fidelity::Every, 20);
    let store = Store::open(folder.path()).unwrap();
    record(
        &store,
        "other",
        "digits",
        &network(3, 1),
        &Settings { seed: 1, ..Settings::default() },
        Fidelity::Every,
        20,
    );
    let weights = store.branch_folder(&store.branch(&"other".parse().unwrap()).unwrap().id).join("weights");
    let away = folder.path().join("away");
    std::fs::rename(&weights, &away).unwrap();
    let mut sources = Sources::open(folder.path(), None, 1).unwrap().leaving_out();
    let mut graph = Graph::new(Inputs::default());
    graph.set_cell("embedding", embedding(addresses(&["main", "other"]), Source::Weights, Method::Pca));
    let groups = |graph: &Graph| match graph.figure("embedding") {
        Some(Ok(figure)) => match &**figure {
            Figure::Scatter(scatter) => scatter.groups.len(),
            other => panic!("expected an embedding, found {other:?}"),
        },
        other => panic!("expected an embedding, found {other:?}"),
    };
    graph.run(&mut sources);
    assert_eq!((groups(&graph), graph.has_failed()), (1, true));
    std::fs::rename(&away, &weights).unwrap();
    sources.refresh().unwrap();
    graph.log_changed(&mut sources);
    graph.run(&mut sources);
    assert_eq!((groups(&graph), graph.has_failed()), (2, false));
}
