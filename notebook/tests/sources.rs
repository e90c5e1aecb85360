//! What of the store may change while it is open: names, branches, colours.

#[path = "support/record.rs"]
mod record;

use std::sync::Arc;

use revacnn_notebook::kinds::{Loss, Network};
use revacnn_notebook::{Cell, Graph, Inputs, Show, Sources, XAxis};
use revacnn_schemas::{BranchName, Fidelity, Figure, Hue, Scale};
use revacnn_store::Store;
use revacnn_trainer::Settings;

use record::{record, recorded_with};

const NETWORK: &str = "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\npad = 1\nactivation = \"relu\"\n\
     [[layer]]\nkind = \"softmax\"\n";

fn name(text: &str) -> BranchName {
    text.parse().unwrap()
}

/// Branches `main`, `other` and `third` of different seeds.
fn three() -> (tempfile::TempDir, Store) {
    let folder = recorded_with("digits", NETWORK, &Settings::default(), Fidelity::Every, 10);
    let store = Store::open(folder.path()).unwrap();
    for (seed, name) in [(1, "other"), (2, "third")] {
        let settings = Settings { seed, ..Settings::default() };
        record(&store, name, "digits", NETWORK, &settings, Fidelity::Every, 10);
    }
    (folder, store)
}

/// A figure at a fixed address went on showing the branch that once had the name.
#[test]
fn a_name_that_is_another_branchs_now_shows_that_branch() {
    let (folder, store) = three();
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let mut graph = Graph::new(Inputs { branches: vec![name("main")], ..Inputs::default() });
    let network = || Network { at: Some("main@7".parse().unwrap()), show: Show::Coefficients, trace: None };
    graph.set_cell("network", network());
    graph.set_cell("loss", Loss { x: XAxis::Step, scale: Scale::Linear, ..Loss::default() });
    graph.run(&mut sources);
    store.rename(&name("main"), &name("old")).unwrap();
    store.rename(&name("other"), &name("main")).unwrap();
    sources.refresh().unwrap();
    graph.log_changed(&mut sources);
    assert_eq!(graph.run(&mut sources).changed, ["network", "loss"]);
    let mut fresh = Sources::open(folder.path(), None, 1).unwrap();
    let expected = Cell::from(network()).figure(&mut fresh, &Inputs::default()).unwrap();
    assert_eq!(**graph.figure("network").unwrap().unwrap(), expected);
    // And where nobody has it, nothing is shown.
    store.rename(&name("main"), &name("new")).unwrap();
    sources.refresh().unwrap();
    graph.log_changed(&mut sources);
    graph.run(&mut sources);
    assert!(graph.figure("network").unwrap().unwrap_err().to_string().contains("`main`"));
}

/// A window gave colours in the order in which it came to know branches, and went
/// on with them; in a figure that was saved later, the same branch had another.
#[test]
fn a_branch_has_one_colour_in_a_window_and_in_a_saved_figure_whatever_came_and_went() {
    let (folder, store) = three();
    let hues = |sources: &mut Sources| {
        let branches = sources.refresh().unwrap().into_iter();
        branches.map(|branch| (branch.name.to_string(), branch.hue)).collect::<Vec<_>>()
    };
    let fresh = || Sources::open(folder.path(), None, 1).unwrap();
    let mut window = fresh();
    let all = [("main", 0), ("other", 1), ("third", 2)].map(|(name, hue)| (name.to_owned(), Hue(hue)));
    assert_eq!(hues(&mut window), all);
    store.delete(&name("main")).unwrap();
    assert_eq!(hues(&mut window), all[1..]);
    assert_eq!(hues(&mut fresh()), all[1..]);
    store.take_back(&name("main")).unwrap();
    let mut late = fresh();
    assert_eq!((hues(&mut window), hues(&mut late)), (all.to_vec(), all.to_vec()));
    // What is gone for good leaves its colour to the next, in both.
    store.delete(&name("main")).unwrap();
    let garbage = store.garbage().unwrap();
    store.collect(&garbage.items).unwrap();
    assert_eq!(hues(&mut window), hues(&mut fresh()));
    // And a figure that is shown is made again with the other colour.
    let mut graph = Graph::new(Inputs { branches: vec![name("other")], ..Inputs::default() });
    graph.set_cell("loss", Loss { x: XAxis::Step, scale: Scale::Linear, ..Loss::default() });
    graph.run(&mut late);
    hues(&mut late);
    graph.log_changed(&mut late);
    assert_eq!(graph.run(&mut late).changed, ["loss"]);
}

/// Each of the window's readers listed the store for itself, and kept what it found.
#[test]
fn sources_that_share_a_listing_look_at_the_store_once() {
    let (folder, store) = three();
    let mut lists = Sources::open(folder.path(), None, 1).unwrap();
    let mut reads = Sources::open(folder.path(), None, 1).unwrap();
    lists.refresh().unwrap();
    reads.adopt(lists.listing().unwrap());
    let mut graph = Graph::new(Inputs { branches: vec![name("main"), name("other")], ..Inputs::default() });
    graph.set_cell("loss", Loss { x: XAxis::Step, scale: Scale::Linear, ..Loss::default() });
    graph.run(&mut reads);
    let cell = Cell::from(Loss { x: XAxis::Step, scale: Scale::Linear, ..Loss::default() });
    let expected = cell.figure(&mut Sources::open(folder.path(), None, 1).unwrap(), graph.inputs()).unwrap();
    assert_eq!(**graph.figure("loss").unwrap().unwrap(), expected);
    assert!(Arc::ptr_eq(&reads.listing().unwrap(), &lists.listing().unwrap()), "it was listed once more");
    // What the one finds, the other goes on with.
    store.rename(&name("other"), &name("renamed")).unwrap();
    lists.refresh().unwrap();
    reads.adopt(lists.listing().unwrap());
    graph.log_changed(&mut reads);
    graph.run(&mut reads);
    assert!(graph.figure("loss").unwrap().unwrap_err().to_string().contains("`other`"));
}

/// A window on ten thousand branches read the curves of all, and the histories of a chain
/// took the square of their number.
#[test]
fn a_chart_of_all_that_there_is_draws_a_hundred_branches_and_says_so() {
    let folder = recorded_with("digits", NETWORK, &Settings::default(), Fidelity::Every, 2);
    let branches: Vec<BranchName> = (0..130).map(|_| name("main")).collect();
    let inputs = Inputs { branches, ..Inputs::default() };
    let cell = Cell::from(Loss { x: XAxis::Step, scale: Scale::Linear, ..Loss::default() });
    let drawn = |sources: &mut Sources| match cell.figure(sources, &inputs).unwrap() {
        Figure::Chart(chart) => (chart.series.iter().filter(|series| !series.dashed).count(), chart.notes),
        other => panic!("expected a chart, found {other:?}"),
    };
    let all = || Sources::open(folder.path(), None, 1).unwrap();
    let (curves, notes) = drawn(&mut all().leaving_out());
    assert_eq!(curves, 100);
    assert!(notes.iter().any(|note| note.starts_with("100 of 130 shown branches")), "{notes:?}");
    // Where a person named them, nothing is left out.
    let (curves, notes) = drawn(&mut all());
    assert_eq!((curves, notes.len()), (130, 0), "{notes:?}");
}
