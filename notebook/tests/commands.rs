//! Laws of command lines: what a command is written as is read as that command.

use proptest::prelude::*;
use proptest::sample::select;
use revacnn_notebook::command::Command;
use revacnn_notebook::document::{Document, written};

/// An option, with one of its values or without, given or not.
fn maybe(option: &'static str, values: &'static [&'static str]) -> BoxedStrategy<Vec<String>> {
    let given = if values.is_empty() {
        Just(vec![format!("--{option}")]).boxed()
    } else {
        let words = move |(value, joined): (&str, bool)| match joined || value.starts_with('-') {
            true => vec![format!("--{option}={value}")],
            false => vec![format!("--{option}"), value.to_owned()],
        };
        (select(values), any::<bool>()).prop_map(words).boxed()
    };
    prop_oneof![Just(Vec::new()), given].boxed()
}

/// A command's words: what it begins with, and some of its options in any order.
fn line(begin: &[&'static [&'static str]], options: Vec<BoxedStrategy<Vec<String>>>) -> BoxedStrategy<Vec<String>> {
    let begin: Vec<_> = begin.iter().map(|words| select(*words)).collect();
    (begin, options.prop_shuffle())
        .prop_map(|(begin, options)| {
            begin
                .into_iter()
                .map(str::to_owned)
                .filter(|word| !word.is_empty())
                .chain(options.into_iter().flatten())
                .collect()
        })
        .boxed()
}

const ADDRESSES: &[&str] = &["base", "base@7", "base@epoch:2", "wider.0@fork", "a~2@best", "b@last"];
const NUMBERS: &[&str] = &["0", "7", "2,700", "3k"];
const IMAGES: &[&str] = &["0", "17", "./17", "my pictures/7.png", "-7.png"];
const REALS: &[&str] = &["0.1", "1e-8", "3", "0.30000000000000004", "1e30"];
const LAYERS: &[&str] = &["conv1", "fc-2"];
const MATCHES: &[&str] = &["identity", "assignment"];
const SOURCES: &[&str] = &["weights", "gradients", "activations", "activation-gradients"];
const LENGTHS: &[&str] = &["12", "+500", "1k"];

fn command() -> impl Strategy<Value = Vec<String>> {
    let steps = |named: &'static str, options: Vec<BoxedStrategy<Vec<String>>>| {
        let names: &'static [&'static str] = Box::leak(Box::new([named]));
        line(&[&["plot"], names, ADDRESSES, &["", "c@3"]], options)
    };
    let curves = |named: &'static str, mut options: Vec<BoxedStrategy<Vec<String>>>| {
        let names: &'static [&'static str] = Box::leak(Box::new([named]));
        options.extend([
            maybe("x", &["step", "images", "epoch", "fork"]),
            maybe("y-min", &["-1", "0.001", "-2.5e-3"]),
            maybe("y-max", &["3", "9.75"]),
            maybe("smooth", &["0", "0.6", "0.99"]),
            maybe("members", &[]),
        ]);
        line(&[&["plot"], names, &["base", "wider.0@last", "base.*"], &["", "c"]], options)
    };
    prop_oneof![
        3 => line(&[&["train"], &["", "base", "w.3"]], vec![
            maybe("dataset", &["digits", "my data/cifar", "it's"]),
            maybe("network", &["20-20-20", "small.toml"]),
            maybe("init-weights", &["he", "orthogonal"]),
            maybe("init-biases", REALS),
            maybe("optimizer", &["sgd", "adam,beta1=0.8,epsilon=1e-7"]),
            maybe("learning-rate", REALS),
            maybe("momentum", &["0.9", "-0.5"]),
            maybe("weight-decay", REALS),
            maybe("clip-norm", REALS),
            maybe("schedule", &["constant", "step,every=100,factor=0.1", "cosine,over=9,floor=0.25", "warmup=5,linear,over=9"]),
            maybe("batch-size", NUMBERS),
            maybe("shift", &["0", "4"]),
            maybe("flip", &["on", "off"]),
            maybe("crop", REALS),
            maybe("brightness", REALS),
            maybe("contrast", REALS),
            maybe("cutout", &["0", "8", "1k"]),
            maybe("steps", NUMBERS),
            maybe("seed", NUMBERS),
            prop_oneof![
                maybe("init", &["w.npz", "my files/it's=w.json"]),
                Just(vec!["--init".to_owned(), "w.npz".to_owned(), "--init-layers=conv1,fc-2".to_owned()]),
            ].boxed(),
            maybe("probe", &["1", "1,2,30"]),
            maybe("fidelity", &["every", "keyframes"]),
            maybe("keyframe-interval", &["5", "1k"]),
            maybe("validate-every", &["5", "1k"]),
            maybe("over", &["seed=0..4", "learning-rate=0.3,1,3", "cutout=0,8", "seed=3,4", "network=a,b", "seed=7"]),
        ]),
        1 => line(&[&["train"]], vec![maybe("branch", &["base"]), maybe("epochs", NUMBERS)]),
        3 => line(&[&["fork"], ADDRESSES, &["", "w.3"]], vec![
            maybe("edit", &["freeze conv1", "add-filter conv3 init=split seed=4", "-x"]),
            maybe("edit", &["set-weights conv1/0 \"my files/w.npy\"", "set beta1 0.5", "it's \"so\""]),
            maybe("steps", LENGTHS),
            maybe("fidelity", &["every", "keyframes"]),
            maybe("over", &["edit=freeze conv1,freeze conv2", "steps=3,+4"]),
        ]),
        1 => line(&[&["fork"], ADDRESSES], vec![maybe("name", &["x"]), maybe("epochs", NUMBERS)]),
        1 => line(&[&["cursor"], &["t", "u-2"], ADDRESSES], vec![]),
        1 => line(&[&["input"], &["k"], &["3", "-2"], &["--range=-2..5", "--choices=3,-2,9"]], vec![]),
        1 => line(&[&["input"], &["k"], &["on", "off"], &["--toggle"]], vec![]),
        1 => curves("loss", vec![]),
        1 => curves("chart", vec![maybe("quantity", &["accuracy", "beta1"]), maybe("log", &[])]),
        1 => line(&[&["plot"], &["chart"], &["base"], &["--layer"], LAYERS, &["--filter"], NUMBERS], vec![]),
        1 => line(&[&["plot"], &["histogram"], &["base", "base.*"], &["", "c"]], vec![
            maybe("layer", LAYERS),
            maybe("of", &["weights", "gradients", "updates"]),
            maybe("form", &["ridges", "heat"]),
            maybe("steps", &["0..7", "100..2k"]),
            maybe("range", &["0..1", "1e-3..0.5"]),
            prop_oneof![Just(Vec::new()), Just(vec!["--range=-0.25..0.1".to_owned()])].boxed(),
            maybe("bins", &["80", "12"]),
        ]),
        1 => line(&[&["plot"], &["filters-over-time"], &["base", "base.*"], &["", "c"]], vec![
            maybe("layer", LAYERS),
            maybe("of", &["distinct", "similarity", "colour", "dead"]),
            maybe("x", &["step", "images", "epoch", "fork"]),
            maybe("steps", &["0..3", "100..200"]),
        ]),
        1 => line(&[&["plot"], &["histogram"], &["base"], &["--of"], SOURCES], vec![maybe("image", IMAGES)]),
        1 => steps("network", vec![maybe("show", &["maps", "coefficients"]), maybe("image", IMAGES)]),
        1 => steps("filters", vec![maybe("layer", LAYERS), maybe("of", SOURCES)]),
        1 => steps("patches", vec![
            maybe("layer", LAYERS), maybe("split", &["train", "test"]), maybe("count", &["9", "50"]), maybe("whole", &[]),
        ]),
        1 => steps("saliency", vec![
            maybe("image", IMAGES), maybe("split", &["validation"]), maybe("class", &["7", "a cat"]),
        ]),
        1 => line(&[&["samples"], ADDRESSES], vec![
            maybe("by", &["hardest", "forgotten", "never-learned", "mislabelled"]), maybe("class", &["7", "a cat"]),
            maybe("count", &["24", "50"]), maybe("table", &[]),
        ]),
        1 => line(&[&["predictions"], ADDRESSES], vec![
            maybe("split", &["train", "validation", "test"]), maybe("wrong", &[]), maybe("class", &["7"]),
            maybe("predicted", &["a cat"]), maybe("count", &["24", "50"]), maybe("table", &[]),
        ]),
        1 => line(&[&["regions"], ADDRESSES, &["", "c@3"]], vec![
            maybe("split", &["train", "validation", "test"]), maybe("lines", &["40", "100"]),
            maybe("points", &["16", "5"]), maybe("seed", NUMBERS),
        ]),
        1 => line(&[&["predict"], ADDRESSES, &["", "c@3"], &["--image"], &["./7.png", "17"]], vec![
            maybe("image", IMAGES), maybe("top", &["3", "10"]), maybe("table", &[]),
        ]),
        1 => steps("activations", vec![maybe("layer", LAYERS), maybe("of", SOURCES), maybe("image", IMAGES)]),
        1 => steps("filter", vec![maybe("layer", LAYERS), maybe("image", IMAGES)]),
        1 => line(&[&["plot"], &["confusion"], ADDRESSES, &["", "c@3"]], vec![
            maybe("split", &["train", "validation", "test"]),
        ]),
        1 => line(&[&["plot"], &["maximise"], ADDRESSES], vec![
            maybe("layer", LAYERS), maybe("count", &["3", "5"]), maybe("iterations", &["128", "2k"]),
            maybe("decay", &["0", "0.1", "1e-3"]), maybe("blur", &["0", "1", "0.5"]), maybe("clip", &["0.1", "0.25"]),
            maybe("seed", NUMBERS), maybe("whole", &[]),
        ]),
        1 => line(&[&["embed"], ADDRESSES, &["", "c@3"], &["--layer"], LAYERS, &["--of"], &["images"]], vec![
            maybe("split", &["train", "validation", "test"]),
            maybe("count", &["3", "500", "2k"]),
            maybe("reference", ADDRESSES),
            maybe("method", &["tsne", "pca"]),
            maybe("seed", NUMBERS),
        ]),
        1 => line(&[&["embed"], ADDRESSES, &["", "c@3"], &["--layer"], LAYERS], vec![
            maybe("of", SOURCES),
            maybe("image", IMAGES),
            maybe("method", &["tsne", "pca"]),
            maybe("perplexity", REALS),
            maybe("seed", NUMBERS),
        ]),
        1 => line(&[&["compare"], ADDRESSES, ADDRESSES], vec![maybe("at", &["7", "epoch:1"]), maybe("match", MATCHES)]),
        1 => line(&[&["table"], &["base", "base.*", "b@last"], &["", "c"]], vec![maybe("layer", LAYERS)]),
        1 => line(&[&["diff"], ADDRESSES, ADDRESSES], vec![maybe("match", MATCHES)]),
        1 => line(&[&["show"], ADDRESSES], vec![maybe("layer", LAYERS)]),
        1 => line(&[&["show"], ADDRESSES, &["--layer"], LAYERS, &["--filter"], NUMBERS], vec![]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Also through the text of a notebook, with quotes where words need them.
    #[test]
    fn what_a_command_is_written_as_is_read_as_that_command(words in command()) {
        let Ok(command) = Command::parse(&words) else {
            // `--log` with a lower end below 0, and the like.
            return Err(TestCaseError::reject("no command"));
        };
        let printed = command.words();
        prop_assert_eq!(Command::parse(&printed), Ok(command), "{:?} is written as {:?}", words, printed);
        let line = printed.iter().map(|word| written(word)).collect::<Vec<_>>().join(" ");
        let document = Document::parse(format!("```revacnn\n{line}\n```\n"));
        let read: Vec<&str> = document.lines().next().unwrap().words.iter().map(|word| word.text.as_str()).collect();
        prop_assert_eq!(read, printed);
    }
}
