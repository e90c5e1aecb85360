//! What lies in a folder.

use std::fs;
use std::path::{Path, PathBuf};

/// Every file below a folder but locks, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_none_or(|ending| ending != "lock") {
            found.push(path);
        }
    }
    found.sort();
    found
}
