//! A kind of layer or optimizer is whole: its word stands in its own file and
//! nowhere else in the engine's code.

use std::fs;
use std::path::{Path, PathBuf};

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

#[test]
fn the_word_of_a_kind_stands_in_one_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let words = |constant: &str| {
        let mut words: Vec<(String, PathBuf)> = Vec::new();
        for path in &files {
            let code = code(path);
            for part in code.split(constant).skip(1) {
                words.push((part.split('"').nth(1).unwrap().to_owned(), path.clone()));
            }
        }
        words
    };
    let kinds = words("const NAME: &'static str = ");
    assert!(kinds.len() >= 10, "{kinds:?}");
    for (word, home) in kinds {
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
