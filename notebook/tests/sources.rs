//! What of the store may change while it is open: names, branches, colours.

#[path = "support/record.rs"]
mod record;

use revacnn_notebook::kinds::{Loss, Network};
use revacnn_notebook::{Cell, Graph, Inputs, Show, Sources, XAxis};
use revacnn_recorder::Store;
use revacnn_schemas::{BranchName, Fidelity, Scale};
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
    let network = || Network { at: Some("main@7".parse().unwrap()), show: Show::Coefficients };
    graph.set_cell("network", network());
    graph.set_cell("loss", Loss { x: XAxis::Step, scale: Scale::Linear });
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
