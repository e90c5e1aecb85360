//! Layers come and go.

use crate::support::{edited, layers, trained};

#[test]
fn a_layer_that_reads_other_inputs_begins_anew_and_says_so() {
    let parent = trained(layers(), 4);
    let effect = |text: &str| edited(&parent, &[text]).effects[0].summary.clone();
    assert!(effect("insert-layer conv after=pool1 filters=7 kernel=3").contains("conv2 reads other inputs"));
    assert!(effect("insert-layer conv after=pool1 kernel=3").contains("every other layer keeps"));
    assert!(effect("remove-layer conv1").contains("batchnorm1, conv2 read other inputs"));
    assert!(effect("remove-layer pool2").contains("fc1 reads other inputs"));
    assert_eq!(effect("add-filter conv1 count=2"), "conv1 gains filters 5–6; conv2 reads 18 inputs more");
    assert_eq!(effect("remove-filter fc1/3"), "fc1 loses filter 3 and has 5 left; softmax reads 1 input fewer");
    let redrawn = edited(&parent, &["freeze fc1/2", "remove-layer pool2"]).state;
    let fc = &redrawn.parameters[3];
    assert!(fc.frozen[2] && fc.weight_slots.iter().flatten().chain(&fc.biases).all(|&value| value == 0.0));
}
