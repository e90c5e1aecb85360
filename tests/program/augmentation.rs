//! Training images that are varied as the command line says: recorded, gone on with, forked, replayed,
//! and written as a notebook.

use crate::support::Scratch;

const TRAIN: &str = "train varied --dataset digits --network 20-20-20 --fidelity keyframes";
const OPTIONS: &str = "--shift 1 --flip on --crop 0.5 --brightness 0.25 --contrast 0.5 --cutout 3";

#[test]
fn ways_to_vary_images_are_recorded_forked_verified_and_written_as_a_notebook() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} {OPTIONS} --steps 12"));
    scratch.run(0, &format!("{TRAIN} --steps 10 --branch plain").replace("train varied", "train"));
    let digest = |address: &str| {
        let shown = scratch.run(0, &format!("show {address} --json")).json();
        shown["digest"].as_str().expect("a digest").to_owned()
    };
    assert_ne!(digest("varied@10"), digest("plain@10"));

    // Stopped and gone on with; what is not asked for is as the branch has it.
    scratch.run(0, &format!("{TRAIN} {OPTIONS} --steps 20 --store other"));
    scratch.run(0, "train varied --dataset digits --steps 20");
    let other = scratch.run(0, "show varied@20 --store other --json").json();
    assert_eq!(other["digest"].as_str(), Some(&digest("varied@20")[..]), "as if it had never stopped");
    let refused = scratch.run(1, &format!("{TRAIN} --cutout 0 --steps 30"));
    let told = "augmentation: shift 1 flip true crop 0.5 brightness 0.25 contrast 0.5 cutout 3 → shift 1 flip true crop \
                0.5 brightness 0.25 contrast 0.5";
    assert!(refused.err.contains(told), "{}", refused.err);

    scratch.run(0, "fork varied@7 --name child --steps +5");
    assert_eq!(digest("child@12"), digest("varied@12"), "the same images, varied alike");
    scratch.run(0, "verify varied");
    scratch.run(0, "verify child");

    let wide = scratch.run(0, "log --wide").out;
    assert!(wide.contains("shift 1 flip true crop 0.5 brightness 0.25 contrast 0.5 cutout 3"), "{wide}");
    scratch.run(0, "notebook from runs -o session.md");
    let text = std::fs::read_to_string(scratch.path("session.md")).expect("the notebook");
    let on_one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(on_one_line.contains(&format!(" {OPTIONS} ")), "{text}");
    let planned = scratch.run(0, "notebook plan session.md --store runs").out;
    assert!(planned.contains("nothing is to be trained"), "nothing is left to train: {planned}");
}

#[test]
fn what_images_cannot_be_varied_by_is_refused_by_name() {
    let scratch = Scratch::new();
    for (options, told) in [
        ("--crop 0", "crop must be a share of the area above 0 and at most 1, found 0"),
        ("--brightness 1.5", "brightness must be a relative change from 0 to 1, found 1.5"),
        ("--contrast=-0.1", "contrast must be a relative change from 0 to 1, found -0.1"),
        ("--cutout 9", "cutout must be at most the longer side of the images, found 9 of images of 8×8 pixels"),
        ("--flip yes", "expected `on` or `off`, found `yes`"),
        ("--shift 256", "expected a smaller number, found `256`"),
    ] {
        let refused = scratch.run(2, &format!("{TRAIN} {options}"));
        assert!(refused.err.contains(told), "{}", refused.err);
    }
    assert!(!scratch.path("runs").exists());
}
