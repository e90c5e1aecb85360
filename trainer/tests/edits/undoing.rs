//! Edits that undo each other, and none at all.

use crate::support::{child, edited, layers, trained};

#[test]
fn adding_then_removing_restores_the_network() {
    let parent = trained(layers(), 4);
    for (add, remove) in [
        ("add-filter conv1", "remove-filter conv1/5"),
        ("add-filter conv1 init=zero", "remove-filter conv1/5"),
        ("add-filter conv2 init=gradmax", "remove-filter conv2/4"),
        ("add-filter fc1", "remove-filter fc1/6"),
        ("insert-layer conv after=pool1 kernel=3 init=identity", "remove-layer conv3"),
        ("insert-layer conv after=conv1 kernel=3", "remove-layer conv3"),
        ("insert-layer batchnorm after=conv2", "remove-layer batchnorm3"),
        ("insert-layer fully-connected after=dropout1 init=identity", "remove-layer fc2"),
        ("freeze conv1/2", "unfreeze conv1/2"),
        ("set activation conv2 tanh", "set activation conv2 relu"),
    ] {
        let restored = edited(&parent, &[add, remove]);
        assert_eq!(restored.definition, *parent.definition(), "{add}");
        assert_eq!(restored.state, parent.state(), "{add}");
        let mut topology = restored.topology.clone();
        topology.retired.clear();
        for (layer, before) in topology.layers.iter_mut().zip(&parent.topology().layers) {
            assert!(layer.next_filter >= before.next_filter);
            layer.next_filter = before.next_filter;
        }
        assert_eq!(topology, *parent.topology(), "{add}");
        assert_eq!(child(&restored, 1).digest(), parent.digest(), "{add}");
    }
}

#[test]
fn a_fork_without_edits_is_its_parent() {
    let parent = trained(layers(), 3);
    let same = edited(&parent, &[]);
    assert_eq!((&same.definition, &same.topology), (parent.definition(), parent.topology()));
    assert_eq!(same.state, parent.state());
}
