//! A fork is known by the edits that were asked for.

use revacnn_schemas::Step;
use revacnn_trainer::were_asked;

use crate::support::{edited, edits, plain_layers, trained};

/// Edits of every kind that is recorded otherwise than it was written, and some others.
const ALL: [&[&str]; 14] = [
    &[],
    &["add-filter conv1"],
    &["add-filter conv1 init=split"],
    &["add-filter conv1 init=gradmax"],
    &["add-filter conv1 init=gradmax seed=5"],
    &["add-filter conv1", "remove-filter conv2/1"],
    &["remove-filter conv2/1", "add-filter conv1"],
    &["freeze conv1"],
    &["set-weights conv1/2 values.npy"],
    &["set learning-rate 0.5"],
    &["set optimizer adadelta"],
    &["set optimizer adadelta,epsilon=1e-6"],
    &["set optimizer sgd,momentum=0.5"],
    &["set batch-size 7"],
];

#[test]
fn recorded_edits_are_those_that_were_asked_for_and_no_others() {
    let parent = trained(plain_layers(), 4);
    for made in ALL {
        let recorded = edited(&parent, made).edits;
        let definition = parent.definition();
        for asked in ALL {
            let are_they = were_asked(&recorded, &edits(asked), definition, parent.position());
            assert_eq!(are_they, made == asked, "{made:?} for {asked:?}");
        }
        // Draws follow the run's seed and the step.
        let is_drawn = recorded.iter().any(|edit| edit.seed != Some(5));
        let elsewhere = were_asked(&recorded, &edits(made), definition, Step(5));
        assert_eq!(elsewhere, !is_drawn, "{made:?}");
    }
}
