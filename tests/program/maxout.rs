//! Layers that make one channel of several: recorded, forked with edits, replayed, compared and drawn.

use crate::support::{Ran, Scratch};

const NETWORK: &str = "
[[layer]]
kind = \"conv\"
filters = 6
kernel = 3
[[layer]]
kind = \"maxout\"
pieces = 3
[[layer]]
kind = \"pool\"
kernel = 2
[[layer]]
kind = \"conv\"
filters = 4
kernel = 2
activation = \"relu\"
[[layer]]
kind = \"softmax\"
";

#[test]
fn a_network_with_maxout_is_recorded_forked_verified_and_shown() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("net.toml"), NETWORK).expect("a network");
    let listed = scratch.run(0, "networks net.toml").out;
    assert!(listed.contains("maxout of 3"), "{listed}");
    scratch.run(0, "train main --dataset digits --network net.toml --steps 12 --validate-every 6");
    let shown = scratch.run(0, "show main@12").out;
    assert!(shown.contains("maxout1  maxout"), "{shown}");
    let fork = |code: i32, edit: &str, name: &str| {
        let mut command = scratch.command(&format!("fork main@6 --name {name} --steps +3"));
        let forked = Ran::of(command.args(["--edit", edit]).output().expect("the program starts"));
        assert_eq!(forked.code, Some(code), "{forked:?}");
        forked
    };
    let wider = fork(0, "add-filter conv1 count=3 init=zero", "wider").out;
    assert!(wider.contains("conv1 gains filters 6–8; conv2 reads 4 inputs more"), "{wider}");
    assert!(wider.contains("largest change of a class probability: 0"), "{wider}");
    let fewer = fork(0, "remove-filter conv1/4", "fewer").out;
    assert!(fewer.contains("conv1 loses filters 3, 4, 5 and has 3 left; conv2 reads 4 inputs fewer"), "{fewer}");
    assert!(fewer.contains("next:") && fewer.contains("add-filter conv2"), "{fewer}");
    // Neither layer takes one filter more.
    let more = fork(0, "insert-layer maxout after=conv2", "more").out;
    assert!(more.contains("next:") && !more.contains("add-filter"), "{more}");
    let refused = fork(1, "add-filter conv1", "none").err;
    assert!(refused.contains("maxout1 makes one channel of each 3 that it reads"), "{refused}");
    for name in ["main", "wider", "fewer", "more"] {
        scratch.run(0, &format!("verify {name}"));
        scratch.run(0, &format!("plot network {name} -o network.svg"));
        scratch.run(0, &format!("diff main {name}"));
        scratch.run(0, &format!("diff main {name} --match assignment"));
    }
    scratch.run(0, "plot activations main --layer maxout1 -o maps.svg");
    scratch.run(0, "compare main wider -o compare.svg");
    scratch.run(0, "embed main@12 wider@9 --layer conv2 -o embedding.svg");
}
