//! `plot`, `embed` and `compare`: files, JSON, and errors that list what
//! there is.

use std::fs;

use crate::support::{Scratch, TRAIN};

#[test]
fn every_figure_is_written_and_comes_out_the_same_again() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 12"));
    let mut fork = scratch.command("fork main@6 --name wider --steps 12 --json --edit");
    assert!(fork.arg("add-filter conv1").output().expect("the program starts").status.success());
    let commands = [
        "plot loss main wider --x fork -o F",
        "plot chart wider --quantity weight-norm --layer conv1 --filter 4 --log -o F",
        "plot chart main --quantity validation_accuracy --x images -o F",
        "plot chart main wider --quantity accuracy --smooth 0.9 -o F",
        "plot loss main --smooth 0.6 -o F",
        "plot loss main --y-min -1 --y-max 2.5 -o F",
        "plot histogram main wider --layer conv1 --of updates -o F",
        "plot histogram main --layer conv1 --of activations --form heat --steps 2..9 --range -1..1 --bins 20 -o F",
        "plot filters-over-time main wider --layer conv1 -o F",
        "plot filters-over-time main wider --layer conv1 --of dead --steps 2..9 --x images -o F",
        "plot network wider@9 -o F",
        "plot network main@9 --show coefficients --image 3 -o F",
        "plot filters main@9 wider@9 --layer conv1 -o F",
        "plot activations main@9 --layer conv1 --of activation-gradients -o F",
        "plot filter wider@9 --layer softmax --filter 4 --image 3 -o F",
        "plot confusion main -o F",
        "embed main@9 wider@9 --layer conv1 --of gradients -o F",
        "embed main@9 wider@9 --layer conv1 --of images --count 60 -o F",
        "compare main wider --at 9 -o F",
    ];
    for (place, command) in commands.iter().enumerate() {
        for ending in ["svg", "png", "pdf"] {
            let [first, second] = ["a", "b"].map(|name| {
                let file = format!("{name}{place}.{ending}");
                scratch.run(0, &command.replace(" F", &format!(" {file}")));
                std::fs::read(scratch.path(&file)).expect("a picture")
            });
            assert!(first == second && first.len() > 500, "{command} {ending}");
        }
    }
}

#[test]
fn an_embedding_as_json_has_every_filter_of_both_addresses() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 8"));
    let figure = scratch.run(0, "embed main@0 main@8 --layer conv1 --method pca --json").json();
    assert_eq!(figure["points"].as_array().map(Vec::len), Some(8), "{figure}");
    assert_eq!(figure["links"].as_array().map(Vec::len), Some(4), "{figure}");
    let compared = scratch.run(0, "compare main@2 main@8").out;
    assert!(compared.contains("shared steps"), "{compared}");
    assert!(compared.contains("conv1"), "{compared}");
}

#[test]
fn images_are_placed_by_a_layer_and_told_with_their_classes() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 40"));
    let embed = "embed main@40 main@0 --layer softmax --of images --split test --count 90";
    let figure = scratch.run(0, &format!("{embed} --json")).json();
    assert_eq!(figure["images"].as_array().map(Vec::len), Some(90), "{}", figure["title"]);
    let panels = figure["panels"].as_array().expect("panels");
    let names: Vec<&str> = panels.iter().filter_map(|panel| panel["name"].as_str()).collect();
    assert_eq!(names, ["main@40", "main@0"]);
    for panel in panels {
        assert_eq!(panel["positions"].as_array().map(Vec::len), Some(90));
        assert_eq!(panel["predicted"].as_array().map(Vec::len), Some(90));
    }
    let purity = |panel: usize| panels[panel]["purity"].as_f64().expect("a share");
    let chance = panels[0]["chance"].as_f64().expect("a share");
    assert!(purity(0) > 3.0 * chance && purity(0) <= 1.0, "{} {chance}", purity(0));
    let text = scratch.run(0, embed).out;
    for part in ["90 of 297 test images", "main@40\n", "neighbour purity", "nearest other", "evenly spread"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn what_cannot_be_drawn_is_said_with_what_can() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 4"));
    for (code, command, said) in [
        (2, "plot chart main -o a.svg", "live_accuracy"),
        (2, "plot chart main --quantity weight_norm -o a.svg", "name a layer"),
        (1, "plot filters main --layer conv7 -o a.svg", "conv1"),
        (2, "plot filters main -o a.svg", "conv1"),
        (2, "plot filters main --layer conv1 --of activations -o a.svg", "gradients"),
        (1, "plot filter main --layer conv1 --filter 9 -o a.svg", "the filters of conv1 are 0, 1, 2, 3"),
        (2, "plot filter main --layer conv1 -o a.svg", "--filter with one of 0, 1, 2, 3"),
        (2, "plot filter main -o a.svg", "--layer with one of conv1"),
        (2, "plot network main@1 main@2 -o a.svg", "one by one"),
        (
            2,
            "plot loss main --layer conv1 -o a.svg",
            "plot loss takes no --layer: that is for chart, histogram, filters-over-time, filters, activations",
        ),
        (
            2,
            "plot confusion main --image 3 -o a.svg",
            "plot confusion takes no --image: that is for histogram, network, activations",
        ),
        (2, "plot network main --x fork -o a.svg", "plot network takes no --x: that is for loss, chart"),
        (2, "plot filters main --layer conv1 --log -o a.svg", "plot filters takes no --log: that is for loss, chart"),
        (
            2,
            "plot filters main --layer conv1 --show maps -o a.svg",
            "plot filters takes no --show: that is for network",
        ),
        (2, "plot filters main --layer conv1 --filter 2 -o a.svg", "plot filters takes no --filter: that is for chart"),
        (
            2,
            "plot activations main --quantity loss -o a.svg",
            "plot activations takes no --quantity: that is for chart",
        ),
        (
            2,
            "plot chart main --of weights --quantity loss -o a.svg",
            "plot chart takes no --of: that is for histogram, filters",
        ),
        (2, "plot loss main@3 -o a.svg", "plot loss shows all steps of a branch: write `main` instead of `main@3`"),
        (2, "plot chart main@fork --quantity loss -o a.svg", "write `main` instead of `main@fork`"),
        (2, "plot loss main --smooth 1 -o a.svg", "expected a smoothing from 0 to less than 1"),
        (2, "plot confusion main --smooth 0.6 -o a.svg", "plot confusion takes no --smooth: that is for loss, chart"),
        (2, "plot loss main --y-min 3 --y-max 1 -o a.svg", "--y-max must be above --y-min, found 3 to 1"),
        (2, "plot loss main --y-min 1e39 -o a.svg", "numbers up to ±1e38"),
        (2, "plot loss main --y-min 1 --y-max 1.0000000000000002 -o a.svg", "apart by more than a millionth"),
        (2, "plot loss main --log --y-min 0 -o a.svg", "--y-min must be above 0 with --log, found 0"),
        (2, "plot network main --y-max 1 -o a.svg", "plot network takes no --y-max: that is for loss, chart"),
        (2, "plot loss main -o a.gif", ".svg, .png or .pdf"),
        (1, "plot loss other -o a.svg", "`main`"),
        (2, "embed main --layer conv1 --image 3", "the weights of filters are of no image: --image is for --of"),
        (2, "embed main --layer conv1 --method pca --perplexity 5", "--method pca has no perplexity"),
        (1, "embed main --layer conv1 --perplexity 50", "choose from 1"),
        (2, "plot histogram main -o a.svg", "expected --layer with one of conv1"),
        (1, "plot histogram main --layer conv9 -o a.svg", "conv9"),
        (2, "plot histogram main@3 --layer conv1 -o a.svg", "write `main` instead of `main@3`"),
        (2, "plot histogram main --layer conv1 --of biases -o a.svg", "expected weights, gradients, updates"),
        (2, "plot histogram main --layer conv1 --form bars -o a.svg", "expected ridges, heat, found `bars`"),
        (2, "plot histogram main --layer conv1 --steps 3 -o a.svg", "such as 100..200, found `3`"),
        (2, "plot histogram main --layer conv1 --steps 4..3 -o a.svg", "the first one first"),
        (1, "plot histogram main --layer conv1 --steps 50..60 -o a.svg", "it has steps 0 to 4"),
        (2, "plot histogram main --layer conv1 --range 1..1 -o a.svg", "the lower one first"),
        (2, "plot histogram main --layer conv1 --range nan..1 -o a.svg", "two finite numbers"),
        (2, "plot histogram main --layer conv1 --range -inf..inf -o a.svg", "two finite numbers"),
        (2, "plot histogram main --layer conv1 --bins 4000000000 -o a.svg", "--bins must be at most 400"),
        (2, "plot histogram main --layer conv1 --bins 0 -o a.svg", "at least 1"),
        (2, "plot histogram main --layer conv1 --image 3 -o a.svg", "--image is for --of activations"),
        (2, "plot filters-over-time main -o a.svg", "expected --layer with one of conv1"),
        (1, "plot filters-over-time main --layer conv9 -o a.svg", "conv9"),
        (1, "plot filters-over-time main --layer conv9 --of dead -o a.svg", "conv9"),
        (2, "plot filters-over-time main@3 --layer conv1 -o a.svg", "write `main` instead of `main@3`"),
        (2, "plot filters-over-time main --layer conv1 --of alive -o a.svg", "distinct, similarity, colour, dead"),
        (1, "plot filters-over-time main --layer conv1 --steps 50..60 -o a.svg", "no steps from 50 to 60"),
        (1, "plot filters-over-time main --layer conv1 --of colour -o a.svg", "images in three colours"),
        (2, "embed main --layer conv1 --of image", "activation-gradients, images, found `image`"),
        (2, "embed main --layer conv1 --split test", "--split is for --of images, found --of weights"),
        (2, "embed main --layer conv1 --count 9", "--count is for --of images"),
        (2, "embed main --layer conv1 --reference main@0", "--reference is for --of images"),
        (2, "embed main --layer conv1 --of images --image 3", "--image is for --of activations"),
        (2, "embed main --layer conv1 --of images --count 2", "--count must be from 3 to 10000, found 2"),
        (2, "embed main --layer conv1 --of images --count 4000000000", "--count must be from 3 to 10000"),
        (2, "embed main --layer conv1 --of images --split some", "expected train, validation, test"),
        (1, "embed main --layer pool1 --of images", "has no layer `pool1`"),
        (1, "embed main --layer conv1 --of images --reference main@99", "99"),
    ] {
        let ran = scratch.run(code, command);
        assert!(ran.err.contains(said), "{command}: {}", ran.err);
        assert!(!scratch.path("a.svg").exists(), "{command} left a file");
    }
}

/// Images of a data set of its own in CIFAR-10's format, and a run on them.
fn own_data(classes: &str) -> Scratch {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("own")).expect("a folder");
    let image = |number: usize| {
        let pixels = (0..3072).map(move |at| ((at * 7 + number * 13) % 251) as u8);
        std::iter::once((number * 7 % 10) as u8).chain(pixels)
    };
    let train: Vec<u8> = (0..40).flat_map(image).collect();
    fs::write(scratch.path("own/data_batch_1.bin"), &train).expect("a file");
    fs::write(scratch.path("own/test_batch.bin"), &train[..20 * 3073]).expect("a file");
    fs::write(scratch.path("own/batches.meta.txt"), classes.replace(' ', "\n") + "\n").expect("a file");
    let network = "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 5\nstride = 2\n[[layer]]\nkind = \"softmax\"\n";
    fs::write(scratch.path("tiny.toml"), network).expect("a file");
    scratch.run(0, "train --dataset ./own --network tiny.toml --steps 6 --probe 3 --json");
    scratch
}

const DIGITS: &str = "a0 a1 a2 a3 a4 a5 a6 a7 a8 a9";

#[test]
fn an_image_that_cannot_be_seen_is_refused_and_never_left_out() {
    let scratch = own_data(DIGITS);
    scratch.run(0, "plot network main --image 7 -o with.svg");
    let with = fs::read_to_string(scratch.path("with.svg")).expect("a figure");
    assert!(with.contains("image 7") && with.contains("a3"), "the image and the names of its classes");
    fs::rename(scratch.path("own"), scratch.path("away")).expect("moved");
    for command in [
        "plot network main --image 7 -o a.svg",
        "plot network main --image 7 --show coefficients -o a.svg",
        "plot filter main --layer conv1 --filter 2 --image 7 -o a.svg",
        "plot activations main --layer conv1 --image 7 -o a.svg",
        "embed main --layer conv1 --of activations --image 7",
        "embed main --layer conv1 --of activation-gradients --image 7 --json",
    ] {
        let refused = scratch.run(1, command);
        let said = "main@6 has no maps of image 7, and they cannot be computed: the data set cifar10 is not at hand";
        assert!(refused.err.contains(said), "{command}: {}", refused.err);
        assert!(refused.err.contains("own"), "where it was looked for: {}", refused.err);
        assert!(!scratch.path("a.svg").exists(), "{command} left a file");
    }
    // What was recorded is drawn, and the figure says what it lacks.
    let lacks = |command: &str, note: &str| {
        let ran = scratch.run(0, command);
        assert!(ran.out.contains(note), "{command}: {}", ran.out);
        let drawn = fs::read_to_string(scratch.path("a.svg")).expect("a figure");
        let first: Vec<&str> = note.split(' ').take(3).collect();
        assert!(drawn.contains(&first.join(" ")), "{command}: the figure says `{note}`");
    };
    lacks("plot network main -o a.svg", "no image and no class names: the data set cifar10 is not at hand");
    lacks("plot network main --image 3 -o a.svg", "no image and no class names");
    lacks("plot confusion main -o a.svg", "no class names: the data set cifar10 is not at hand");
    lacks("plot filter main@0 --layer conv1 --filter 2 -o a.svg", "no gradients: main@0 is the first step");
    // Where the data are back, all of it is there.
    fs::rename(scratch.path("away"), scratch.path("own")).expect("moved");
    scratch.run(0, "plot network main --image 7 -o again.svg");
    assert!(fs::read_to_string(scratch.path("again.svg")).expect("a figure") == with);
}

#[test]
fn a_chart_of_what_has_no_values_is_refused_with_what_has_some() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 6 --optimizer adadelta"));
    scratch.run(0, &format!("{TRAIN} --steps 6 --branch pushed --optimizer sgd,momentum=0.5"));
    let refused = scratch.run(1, "plot chart main --quantity momentum -o a.svg");
    for said in
        ["`main` has no momentum at any of its steps", "there is loss, ", "learning_rate", "validation_accuracy"]
    {
        assert!(refused.err.contains(said), "{}", refused.err);
    }
    let known = refused.err.split("there is ").nth(1).expect("what there is");
    assert!(!known.contains("momentum") && !known.contains("weight_norm"), "{known}");
    // Of several branches the one that has it is drawn, and the other is named.
    let both = scratch.run(0, "plot chart main pushed --quantity momentum -o a.svg");
    assert!(both.out.contains("`main` has no momentum at any of its steps"), "{}", both.out);
    let drawn = fs::read_to_string(scratch.path("a.svg")).expect("a figure");
    assert!(drawn.contains("main (has none)") && drawn.contains("`main` has no momentum"), "{drawn}");
    fs::remove_file(scratch.path("a.svg")).expect("removed");
    // A logarithmic axis shows nothing that is not positive.
    for (quantity, said) in [
        ("epoch", "main: 7 of 7 values are not positive and finite, and left out; a linear axis shows what is finite"),
        ("momentum", "`main` has no momentum"),
    ] {
        let refused = scratch.run(1, &format!("plot chart main --quantity {quantity} --log -o a.svg"));
        assert!(refused.err.contains(said), "{}", refused.err);
    }
    let some = scratch.run(0, "plot chart main --quantity images_seen --log -o a.svg");
    assert!(some.out.contains("main: 1 of 7 values is not positive and finite, and left out"), "{}", some.out);
    fs::remove_file(scratch.path("a.svg")).expect("removed");
    // Gradients at a first step, and a branch of one step.
    let refused = scratch.run(1, "plot filters main@0 --layer conv1 --of gradients -o a.svg");
    assert!(refused.err.contains("main@0 has no gradients: it is the first step of its branch"), "{}", refused.err);
    scratch.run(0, "fork main@3 --name young --json");
    let refused = scratch.run(1, "plot chart young --quantity loss --x fork -o a.svg");
    assert!(
        refused.err.contains("`young` has no loss at any of its steps: there is live_accuracy, learning_rate"),
        "{}",
        refused.err
    );
    assert!(!scratch.path("a.svg").exists());
    scratch.run(0, "plot chart young --quantity learning_rate --x fork -o a.svg");
}

#[test]
fn endings_are_read_in_capitals_too() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 4"));
    for ending in ["png", "PNG", "svg", "Svg", "pdf", "PDF"] {
        scratch.run(0, &format!("plot confusion main -o a.{ending}"));
        let bytes = fs::read(scratch.path(format!("a.{ending}"))).expect("a picture");
        let start: &[u8] = match ending.to_lowercase().as_str() {
            "png" => b"\x89PNG",
            "pdf" => b"%PDF-",
            _ => b"<svg",
        };
        assert!(bytes.starts_with(start), "{ending}");
    }
    for (command, said) in [
        ("plot loss main -o a.eps", "cannot draw a.eps: expected a file that ends in .svg, .png or .pdf"),
        // Before anything is read or computed.
        ("embed nope --layer conv1 -o a.JPG", "cannot draw a.JPG: expected a file that ends in .svg, .png or .pdf"),
        ("compare nope nope -o a", "cannot draw a: expected a file that ends in .svg, .png or .pdf"),
    ] {
        let refused = scratch.run(2, command);
        assert!(refused.err.contains(said), "{command}: {}", refused.err);
    }
}

#[test]
#[cfg(feature = "view")]
fn a_screenshot_shows_what_was_asked_for_or_is_refused() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 6"));
    scratch.run(0, "fork main@3 --name child --steps 6 --json");
    for (command, said) in [
        ("nope@5", "there is no branch `nope` in runs; there is"),
        ("nope", "there is no branch `nope`"),
        ("main@99999", "branch `main` has no step 99999: its history has steps 0–6"),
        ("main@epoch:9", "`main@epoch:9` does not exist"),
        ("main --beside nope", "there is no branch `nope`"),
        ("main --beside main", "`main` is the branch that is shown"),
        ("main --filter conv7/1", "branch `main` has no layer `conv7` to choose at step 6: there are conv1, fc1"),
        ("child@5 --filter conv1/4", "the filters of conv1 are 0, 1, 2, 3"),
        ("main@5 --store nowhere", "nowhere is not a store"),
    ] {
        let refused = scratch.run(1, &format!("view --screenshot a.png {command}"));
        assert!(refused.err.contains(said), "{command}: {}", refused.err);
        assert!(!scratch.path("a.png").exists(), "{command} left a file");
    }
    for name in ["a.pdf", "a.JPG", "a.svg", "a"] {
        let refused = scratch.run(2, &format!("view --screenshot {name} main"));
        let said = format!("cannot write {name}: expected a file that ends in .png");
        assert!(refused.err.contains(&said) && !scratch.path(name).exists(), "{}", refused.err);
    }
    for name in ["a.png", "a.PNG"] {
        scratch.run(0, &format!("view --screenshot {name} child@5 --beside main --filter conv1/2"));
        assert!(fs::read(scratch.path(name)).expect("a picture").starts_with(b"\x89PNG"));
    }
}
