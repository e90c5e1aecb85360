//! `plot`, `embed` and `compare`: files, JSON, and errors that list what
//! there is.

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
        "plot network wider@9 -o F",
        "plot network main@9 --show coefficients --image 3 -o F",
        "plot filters main@9 wider@9 --layer conv1 -o F",
        "plot activations main@9 --layer conv1 --of activation-gradients -o F",
        "plot filter wider@9 --layer softmax --filter 4 --image 3 -o F",
        "plot confusion main -o F",
        "embed main@9 wider@9 --layer conv1 --of gradients -o F",
        "compare main wider --at 9 -o F",
    ];
    for (place, command) in commands.iter().enumerate() {
        for ending in ["svg", "png"] {
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
fn what_cannot_be_drawn_is_said_with_what_can() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 4"));
    for (code, command, said) in [
        (1, "plot chart main -o a.svg", "live_accuracy"),
        (1, "plot chart main --quantity weight_norm -o a.svg", "name a layer"),
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
            "plot loss takes no --layer: that is for chart, filters, activations",
        ),
        (
            2,
            "plot confusion main --image 3 -o a.svg",
            "plot confusion takes no --image: that is for network, activations",
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
        (2, "plot chart main --of weights --quantity loss -o a.svg", "plot chart takes no --of: that is for filters"),
        (2, "plot loss main@3 -o a.svg", "plot loss shows all steps of a branch: write `main` instead of `main@3`"),
        (2, "plot chart main@fork --quantity loss -o a.svg", "write `main` instead of `main@fork`"),
        (1, "plot loss main -o a.gif", ".svg or .png"),
        (1, "plot loss other -o a.svg", "`main`"),
        (2, "embed main --layer conv1 --image 3", "the weights of filters are of no image: --image is for --of"),
        (2, "embed main --layer conv1 --method pca --perplexity 5", "--method pca has no perplexity"),
        (1, "embed main --layer conv1 --perplexity 50", "choose from 1"),
    ] {
        let ran = scratch.run(code, command);
        assert!(ran.err.contains(said), "{command}: {}", ran.err);
        assert!(!scratch.path("a.svg").exists(), "{command} left a file");
    }
}
