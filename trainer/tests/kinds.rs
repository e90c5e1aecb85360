//! A kind of layer or optimizer is whole: its word stands in its own file and
//! nowhere else in the engine's code, and the tests of every kind are of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use revacnn_schemas::{ImageShape, NetworkSpec};
use revacnn_trainer::{layer_kinds, resolve};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.to_string_lossy().ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// The code of a file, without comments and tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The engine's files.
fn engine() -> Vec<PathBuf> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    files
}

/// The word of every kind, and its file.
fn kinds(files: &[PathBuf]) -> Vec<(String, PathBuf)> {
    let mut words = Vec::new();
    for path in files {
        for part in code(path).split("const NAME: &'static str = ").skip(1) {
            words.push((part.split('"').nth(1).unwrap().to_owned(), path.clone()));
        }
    }
    assert!(words.len() >= 10, "{words:?}");
    words
}

#[test]
fn the_word_of_a_kind_stands_in_one_file() {
    let files = engine();
    for (word, home) in kinds(&files) {
        let quoted = format!("\"{word}\"");
        // `activation` is the name of a parameter as well, `dropout` that of a random stream.
        let others: Vec<&PathBuf> = files
            .iter()
            .filter(|path| {
                **path != home
                    && code(path).lines().any(|line| line.contains(&quoted) && !line.contains("const ACTIVATION"))
            })
            .collect();
        assert_eq!(others, [""; 0].map(Path::new), "{quoted} is a kind of {}", home.display());
    }
}

#[test]
fn every_kind_is_compared_with_pytorch_and_itself_and_every_layer_with_its_slope() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for (word, home) in kinds(&engine()) {
        let of_layers = home.parent().unwrap().ends_with("layers");
        let slopes = of_layers.then_some("gradients.rs");
        for file in ["determinism.rs", "reference/cases.json"].into_iter().chain(slopes) {
            let text = fs::read_to_string(tests.join(file)).unwrap();
            // Each network of a test ends in the class layer.
            let is_there = text.contains(&format!("\"kind\": \"{word}\"")) || word == "softmax";
            assert!(is_there, "{} has no `{word}`", tests.join(file).display());
        }
    }
}

/// A form lacked a parameter, or offered one that there is not.
#[test]
fn the_form_of_a_kind_has_its_parameters_and_each_takes_what_is_offered() {
    let of = |kind: &str, parameters: &[(&str, &str)]| {
        let lines = parameters.iter().map(|(name, value)| match value.parse::<f64>() {
            Ok(number) => format!("{name} = {number}\n"),
            Err(_) => format!("{name} = \"{value}\"\n"),
        });
        let text =
            format!("[[layer]]\nkind = \"{kind}\"\n{}[[layer]]\nkind = \"softmax\"\n", lines.collect::<String>());
        let spec = NetworkSpec::from_toml(&text).unwrap();
        let shape = ImageShape { channels: 4, height: 8, width: 8 };
        resolve(&spec, shape, 10).unwrap_or_else(|error| panic!("{text}: {error}")).0
    };
    for (kind, parameters) in layer_kinds() {
        let starts = || parameters.iter().filter(|of| !of.starts.is_empty()).map(|of| (of.name, of.starts));
        let resolved = of(kind, &starts().collect::<Vec<_>>());
        let has: BTreeSet<&str> = resolved.layers[0].parameters.keys().map(String::as_str).collect();
        let offered: BTreeSet<&str> = parameters.iter().map(|of| of.name).collect();
        assert!(has.is_subset(&offered), "{kind}: {has:?}");
        // What has its default may be left out of what is recorded.
        for name in offered.difference(&has) {
            let choices = parameters.iter().find(|of| of.name == *name).unwrap().choices;
            let other = (*name, *choices.last().unwrap_or(&"2"));
            let resolved = of(kind, &starts().chain([other]).collect::<Vec<_>>());
            assert!(resolved.layers[0].parameters.contains_key(*name), "{kind}: {name}");
        }
        for parameter in parameters {
            for word in parameter.choices {
                let others = starts().filter(|(name, _)| *name != parameter.name);
                of(kind, &others.chain([(parameter.name, *word)]).collect::<Vec<_>>());
            }
        }
    }
}
