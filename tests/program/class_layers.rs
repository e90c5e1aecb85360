//! Class layers other than softmax, with an optimizer that is clipped along a schedule.

use crate::support::{Ran, Scratch};

/// What the outputs are was taken for probabilities, whatever the class layer.
#[test]
fn scores_and_values_are_recorded_forked_verified_and_shown_as_what_they_are() {
    let scratch = Scratch::new();
    for (kind, outputs, one) in [("svm", "scores", "class score"), ("regression", "values", "class value")] {
        let conv =
            "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3\nactivation = \"relu\"\nweight-decay-factor = 2\n";
        let network = format!("{conv}[[layer]]\nkind = \"pool\"\nkernel = 2\n[[layer]]\nkind = \"{kind}\"\n");
        std::fs::write(scratch.path(format!("{kind}.toml")), network).expect("a network");
        let train = format!(
            "train {kind} --dataset digits --network {kind}.toml --optimizer nesterov,l1-decay=0.001 --clip-norm 0.5 \
             --schedule warmup=5,linear,over=20"
        );
        scratch.run(0, &format!("{train} --steps 12 --validate-every 6"));
        let evaluated = scratch.run(0, &format!("evaluate {kind}@12 --json")).json();
        assert!(evaluated["accuracy"].as_f64().is_some_and(|accuracy| (0.0..=1.0).contains(&accuracy)), "{evaluated}");
        let network = scratch.run(0, &format!("plot network {kind}@12 --json -o network.svg")).json();
        assert!(network.to_string().contains(&format!("\"outputs\":\"{outputs}\"")), "{network}");
        let fork = |edit: &str, name: &str| {
            let mut command = scratch.command(&format!("fork {kind}@6 --name {kind}-{name} --steps +3"));
            let forked = Ran::of(command.args(["--edit", edit]).output().expect("the program starts"));
            assert_eq!(forked.code, Some(0), "{forked:?}");
            forked.out
        };
        let wider = fork("add-filter conv1 init=zero", "wider");
        assert!(wider.contains(&format!("largest change of a {one}: 0")), "{wider}");
        assert!(fork("set clip-norm 0", "free").contains("clip-norm 0.5 → 0"));
        for name in [kind.to_owned(), format!("{kind}-wider"), format!("{kind}-free")] {
            scratch.run(0, &format!("verify {name}"));
        }
        scratch.run(0, &format!("plot confusion {kind}@12 -o confusion.svg"));
        scratch.run(0, &format!("plot chart {kind} --quantity clip_norm -o norm.svg"));
        // No such loss is in nats.
        for quantity in ["loss", "validation_loss"] {
            let chart = scratch.run(0, &format!("plot chart {kind} --quantity {quantity} --json -o loss.svg")).json();
            assert!(!chart.to_string().contains("nats"), "{chart}");
        }
        let chart = scratch.run(0, &format!("plot loss {kind} --json -o loss.svg")).json();
        assert!(!chart.to_string().contains("nats"), "{chart}");
        scratch.run(0, &format!("compare {kind} {kind}-wider"));
    }
    let refused = scratch.run(2, "train --clip-norm -1");
    assert!(refused.err.contains("clip-norm must be a finite number of at least 0, found -1"), "{}", refused.err);
    let refused = scratch.run(2, "train --schedule warmup=5,one-cycle,over=9");
    assert!(refused.err.contains("`warmup=STEPS[,start=F]` before any of them but one-cycle"), "{}", refused.err);
}
