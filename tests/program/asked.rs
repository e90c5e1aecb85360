//! Asking for what there is not: the error lists what there is. Arguments
//! that make no sense: the error says what was expected and what was found.

use crate::support::{Scratch, TRAIN};

/// Runs a command that must fail with a code and say all of this.
#[track_caller]
fn refused(scratch: &Scratch, code: i32, arguments: &str, says: &[&str]) {
    let ran = scratch.run(code, arguments);
    assert!(ran.err.starts_with("error: "), "{arguments}: {ran:?}");
    for part in says {
        assert!(ran.err.contains(part), "{arguments}: `{part}` is not in {}", ran.err);
    }
}

#[test]
fn what_there_is_not_is_answered_with_what_there_is() {
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 20"));
    scratch.run(0, &format!("{TRAIN} --steps 2 --seed 1 --branch second"));
    let scratch = &scratch;
    for command in ["show", "evaluate"] {
        refused(scratch, 1, &format!("{command} nope@1"), &["no branch `nope`", "`main`, `second`"]);
        refused(scratch, 1, &format!("{command} main@21"), &["no step 21", "steps 0–20"]);
        refused(
            scratch,
            1,
            &format!("{command} main@epoch:1"),
            &["main@epoch:1", "steps 0–20 go from epoch 1, image 0"],
        );
        refused(scratch, 1, &format!("{command} main --store nowhere"), &["nowhere is not a store", "no such folder"]);
        let address = ["main@x", "`epoch:N` with N from 1, `last`, `best` or `fork`"];
        refused(scratch, 2, &format!("{command} main@x"), &address);
    }
    refused(scratch, 1, "show main --layer conv2", &["layer `conv2`", "conv1, batchnorm1, fc1, softmax"]);
    refused(scratch, 1, "show main --layer pool1", &["layer `pool1`", "conv1, batchnorm1, fc1, softmax"]);
    refused(scratch, 1, "show main --layer conv1 --filter 4", &["filter conv1/4", "are 0, 1, 2, 3"]);
    refused(scratch, 2, "train --network nope", &["network `nope`", "paper, 20-20-20, 20-20-21, resnet8, resnet20"]);
    refused(scratch, 1, "train --network nope.toml", &["cannot read nope.toml", "No such file"]);
    refused(scratch, 2, "train --optimizer nope", &["optimizer `nope`", "adadelta, sgd, adam"]);
    refused(scratch, 2, "train --optimizer sgd,rho=1", &["unknown field `rho`", "`momentum`"]);
    refused(scratch, 2, "train --momentum 0.9", &["adam", "unknown field `momentum`", "`beta1`"]);
    refused(scratch, 1, "train --dataset nope", &["\"nope\"", "digits, shapes, cifar10"]);
    refused(scratch, 1, "data check nope", &["\"nope\"", "digits, shapes, cifar10"]);
    refused(scratch, 1, "train --dataset cifar10", &["--data DIR", "REVACNN_DATA", "cifar-10-batches-bin"]);
    refused(scratch, 1, "log --store .", &["is not a store", "store.json"]);
    let json = scratch.run(1, "show main@21 --json").json();
    assert_eq!(json["event"], "error");
    assert!(json["message"].as_str().is_some_and(|message| message.contains("steps 0–20")), "{json}");
}

#[test]
fn every_flag_refuses_what_it_cannot_mean() {
    let scratch = Scratch::new();
    let folder = scratch.path("empty");
    std::fs::create_dir(&folder).expect("a folder");
    let train = "train --network small.toml";
    for (code, arguments, says) in [
        (2, "--branch a/b", "letters, digits"),
        (2, "--branch last", "none of `last`"),
        (2, "--branch ../up", "starting with a letter"),
        (1, "--dataset ./nowhere", "./nowhere: expected a folder with images of your own"),
        (
            1,
            "--dataset empty",
            "empty: found no data set (an empty folder). Looked for: a folder with a folder a class",
        ),
        (1, "--dataset cifar10 --data empty", "expected its files in empty/cifar-10-batches-bin"),
        (2, "--optimizer sgd,momentum", "expected KIND[,NAME=VALUE]"),
        (2, "--optimizer sgd,momentum=x", "optimizer sgd: momentum takes a finite number, found `x`"),
        (2, "--optimizer sgd,momentum=nan", "optimizer sgd: momentum takes a finite number, found `nan`"),
        (2, "--learning-rate x", "invalid value 'x' for '--learning-rate <RATE>'"),
        (2, "--learning-rate nan", "--learning-rate must be a finite number, found NaN"),
        (2, "--learning-rate -1", "learning-rate must be a finite number of at least 0, found -1"),
        (2, "--momentum x", "'--momentum <SHARE>'"),
        (2, "--optimizer sgd --momentum 2", "momentum must be at least 0 and below 1, found 2"),
        (2, "--weight-decay inf", "--weight-decay must be a finite number, found inf"),
        (2, "--weight-decay -1", "weight-decay must be a finite number of at least 0, found -1"),
        (2, "--batch-size 0 --dataset digits", "batch-size must be 1 to 65536"),
        (2, "--batch-size 1351 --dataset digits", "found 1351 of 1350 training images"),
        (2, "--batch-size -4", "invalid value '-4' for '--batch-size <IMAGES>'"),
        (2, "--steps 1.5", "invalid value '1.5' for '--steps <N>'"),
        (2, "--steps 3 --epochs 3", "'--steps <N>' cannot be used with '--epochs <N>'"),
        (2, "--epochs -1", "invalid value '-1' for '--epochs <N>'"),
        (2, "--epochs 18446744073709551615", "--epochs is too large"),
        (2, "--seed -1", "invalid value '-1' for '--seed <N>'"),
        (2, "--probe 3,x", "invalid value 'x' for '--probe <IMAGE>'"),
        (
            1,
            "--probe 3,1500 --dataset digits",
            "no training image 1500 to probe: the data set has 1500, numbered from 0",
        ),
        (2, "--fidelity some", "expected `every` or `keyframes`"),
        (2, "--disk-budget 10potatoes", "expected a size such as 10GB"),
        (2, "--disk-budget=-1GB", "expected a size such as 10GB"),
        (2, "--validate-every 0", "expected a whole number of at least 1, found 0"),
        (2, "--threads 0", "expected 1 to 1024 threads, found 0"),
        (2, "--threads 1025", "expected 1 to 1024 threads, found 1025"),
        (1, "--store small.toml", "small.toml is not a store: expected a folder"),
        (1, "--store small.toml/runs", "cannot create the store small.toml/runs"),
        (2, "--nope", "unexpected argument '--nope'"),
    ] {
        refused(&scratch, code, &format!("{train} {arguments}"), &[says]);
    }
    for (arguments, says) in [
        ("show", "<ADDRESS>"),
        ("show main --filter 3", "--layer <LAYER>"),
        ("show main --layer ../x", "lower-case letters"),
        ("show main --layer conv1 --filter x", "invalid value 'x' for '--filter <NUMBER>'"),
        ("show main@99999999999999999999", "expected NAME@STEP"),
        ("evaluate main --split train", "[possible values: validation, test]"),
        ("evaluate main --threads 0", "expected 1 to 1024 threads, found 0"),
        ("data nope", "unrecognized subcommand 'nope'"),
        ("nope", "unrecognized subcommand 'nope'"),
    ] {
        refused(&scratch, 2, arguments, &[says]);
    }
}

#[test]
fn a_network_that_makes_no_sense_is_refused_where_it_makes_none() {
    let scratch = Scratch::new();
    let softmax = "[[layer]]\nkind = \"softmax\"\n";
    let before_softmax = |layer: &str| format!("[[layer]]\n{layer}\n{softmax}");
    for (code, text, says) in [
        (2, String::new(), "missing field `layer`"),
        (2, "x".to_owned(), "TOML parse error at line 1"),
        (2, "[[layers]]\nkind = \"softmax\"".to_owned(), "unknown field `layers`, expected one of `name`"),
        (2, "[[layer]]\nname = \"../x\"\nkind = \"softmax\"".to_owned(), "not a valid layer name"),
        (2, "layer = []".to_owned(), "it has no layers"),
        (2, "[[layer]]\nkind = \"conv\"\nfilters = 4\nkernel = 3".to_owned(), "the last layer must be of kind softmax"),
        (2, format!("{softmax}{softmax}"), "only the last layer can be of kind softmax"),
        (2, before_softmax("kind = \"konv\""), "no layer kind `konv`; there are: conv, pool, "),
        (2, before_softmax("kind = \"conv\"\nfilters = 4\nkernal = 3"), "unknown field `kernal`"),
        (2, before_softmax("kind = \"conv\"\nfilters = 4"), "missing field `kernel`"),
        (2, before_softmax("kind = \"conv\"\nfilters = 0\nkernel = 3"), "filters must be 1 to 65536, found 0"),
        (2, before_softmax("kind = \"conv\"\nfilters = -4\nkernel = 3"), "conv1"),
        (2, before_softmax("kind = \"conv\"\nfilters = 4\nkernel = 9"), "needs an input of at least that size"),
        (2, before_softmax("kind = \"pool\"\nkernel = 64"), "found 1×8×8"),
        (2, before_softmax("kind = \"dropout\"\nrate = 1.0"), "rate must be at least 0 and below 1"),
        (2, before_softmax("kind = \"activation\"\nfunction = \"swish\""), "unknown variant `swish`"),
        (
            2,
            "[[layer]]\nkind = \"fully-connected\"\nunits = 65536\n".repeat(2) + softmax,
            "layer fc2 (fully-connected): with it the network has 4299161600 weights",
        ),
    ] {
        std::fs::write(scratch.path("bad.toml"), &text).expect("a file");
        let ran = scratch.run(code, "train --dataset digits --network bad.toml --steps 3");
        assert!(ran.err.contains(says), "{text}\n`{says}` is not in {}", ran.err);
    }
    std::fs::write(scratch.path("bad.toml"), [0xff, 0xfe]).expect("a file");
    refused(&scratch, 1, "train --network bad.toml", &["cannot read bad.toml", "UTF-8"]);
    refused(&scratch, 1, "train --network ./runs.toml", &["cannot read ./runs.toml"]);
    assert!(!scratch.path("runs").exists(), "a network that is refused leaves no store behind");
}
