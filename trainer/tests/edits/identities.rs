//! Names, numbers, birthplaces and draws of filters.

use revacnn_schemas::BranchId;
use revacnn_trainer::Trainer;

use crate::support::{child, connections, dataset, edited, layers, refused, trained};

#[test]
fn numbers_and_names_are_never_given_twice() {
    let parent = trained(layers(), 1);
    let edited = edited(
        &parent,
        &[
            "add-filter conv1",
            "remove-filter conv1/5",
            "remove-filter conv1/0",
            "duplicate-filter conv1/2",
            "insert-layer conv after=pool1 kernel=3",
            "remove-layer conv3",
            "insert-layer conv after=pool1 kernel=3",
        ],
    );
    let numbers: Vec<u32> = edited.topology.layers[0].filters.iter().map(|filter| filter.number.0).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 6]);
    assert_eq!(edited.topology.layers[1].filters, edited.topology.layers[0].filters, "its normalisation goes along");
    let names: Vec<&str> = edited.topology.layers.iter().map(|layer| layer.layer.as_str()).collect();
    assert_eq!(names[4], "conv4");
    assert_eq!(edited.topology.retired, ["conv3".parse().unwrap()]);
    let child = child(&edited, 1);
    assert!(refused(&child, "insert-layer conv after=pool1 name=conv3 kernel=3").contains("was removed"));
    assert!(refused(&child, "insert-layer conv after=pool1 name=conv4 kernel=3").contains("already"));
}

#[test]
fn filters_keep_where_they_were_born_and_new_ones_wait_for_the_store() {
    let parent = trained(layers(), 2);
    let root: BranchId = "b0123456789abcde".parse().unwrap();
    let mut topology = parent.topology().clone();
    for filter in topology.layers.iter_mut().flat_map(|layer| &mut layer.filters) {
        filter.born = Some(root.clone());
    }
    let mut recorded = Trainer::of_branch(parent.definition(), &topology, dataset(), 1).unwrap();
    recorded.restore(&parent.state()).unwrap();
    let edited = edited(
        &recorded,
        &["remove-filter conv1/1", "add-filter conv1", "insert-layer batchnorm after=conv2", "set activation fc1 relu"],
    );
    let born = |name: &str| -> Vec<(u32, bool)> {
        let layer = edited.topology.layers.iter().find(|layer| layer.layer.as_str() == name).unwrap();
        layer.filters.iter().map(|filter| (filter.number.0, filter.born.as_ref() == Some(&root))).collect()
    };
    let expected = [(0, true), (2, true), (3, true), (4, true), (5, false)];
    assert_eq!(born("conv1"), expected);
    assert_eq!(born("batchnorm1"), expected);
    assert!(born("fc1").iter().chain(&born("softmax")).chain(&born("conv2")).all(|(_, root)| *root));
    assert!(born("batchnorm3").iter().all(|(_, root)| !root), "its channels begin here");
}

#[test]
fn siblings_get_the_same_draws_however_many_there_are() {
    let parent = trained(layers(), 2);
    let one = connections(&child(&edited(&parent, &["add-filter conv1"]), 1));
    let three = connections(&child(&edited(&parent, &["add-filter conv1 count=3"]), 1));
    // Fan-in, and with it the deviation of what reads conv1, is another.
    let shared = one.iter().filter(|((layer, ..), _)| layer != "conv2");
    assert!(shared.clone().count() > 20);
    for (connection, bits) in shared {
        assert_eq!(three.get(connection), Some(bits), "{connection:?}");
    }
    let seeded = |text: &str| edited(&parent, &[text]).state;
    assert_eq!(seeded("add-filter conv2 seed=9"), seeded("add-filter conv2 seed=9"));
    assert_ne!(seeded("add-filter conv2 seed=9"), seeded("add-filter conv2 seed=8"));
    assert_ne!(seeded("add-filter conv2 seed=9"), seeded("add-filter conv2"));
}
