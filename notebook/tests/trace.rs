//! The strongest chain through a filter, in the figure of a network.

mod support;

use revacnn_notebook::kinds::{Network, Traced};
use revacnn_notebook::{Cell, Show, Sources};
use revacnn_schemas::{DiagramEnd, Fidelity, Figure, FilterNumber, NetworkDiagram};

use support::{inputs, recorded};

fn network(sources: &mut Sources, filter: u32) -> NetworkDiagram {
    let trace = Some(Traced { layer: "conv1".parse().unwrap(), filter: FilterNumber(filter), born: None });
    let cell = Cell::from(Network { at: None, show: Show::Maps, trace });
    let Figure::Network(found) = cell.figure(sources, &inputs(30)).unwrap() else { panic!("a network") };
    found
}

#[test]
fn a_chain_leads_from_the_image_through_the_filter_to_the_class_that_it_speaks_for() {
    let (every, keyframes) = (recorded(Fidelity::Every), recorded(Fidelity::Keyframes));
    let [mut sources, mut of_keyframes] =
        [&every, &keyframes].map(|folder| Sources::open(folder.path(), None, 1).unwrap());
    let mut whole = 0;
    for filter in 0..5 {
        let found = network(&mut sources, filter);
        let chain = found.trace.as_ref().unwrap();
        assert_eq!(network(&mut of_keyframes, filter).trace.as_ref(), Some(chain));
        assert_eq!(chain.of.filter.number, FilterNumber(filter));
        let told = found.notes.iter().filter(|note| note.starts_with(&format!("chain of conv1/{filter}: "))).count();
        assert_eq!(told, 1, "{:?}", found.notes);
        let here = DiagramEnd::Filter(chain.of.clone());
        if let [first, last] = &chain.links[..] {
            assert_eq!((&first.from, &first.to, &last.from), (&DiagramEnd::Input, &here, &here));
            assert!((first.share - 1.0).abs() < 1e-6 && last.share > 0.0 && last.share <= 1.0, "{chain:?}");
            let DiagramEnd::Output(class) = last.to else { panic!("{last:?}") };
            let note = found.notes.iter().find(|note| note.starts_with("chain")).unwrap();
            assert!(note.contains(&format!("image → conv1/{filter} → {class} (")), "{note}");
            whole += 1;
        }
    }
    assert!(whole >= 3, "{whole}");
}

#[test]
fn a_filter_that_is_not_there_has_none_and_the_rest_is_shown() {
    let folder = recorded(Fidelity::Every);
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let found = network(&mut sources, 99);
    assert_eq!(found.trace, None);
    assert!(found.notes.contains(&"no chain: there is no conv1/99 here".to_owned()), "{:?}", found.notes);
    assert_eq!(found.columns.len(), 1);
}
