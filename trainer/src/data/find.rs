//! Finding a data set again, wherever its files were moved.
//!
//! A run knows its data by their digest and not by their place. So a person
//! may point at the folder with the files, at one that holds it, or at one
//! further out, and a folder may have any name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use revacnn_schemas::DatasetIdentity;

use super::catalogue::source;
use super::cifar10;
use super::dataset::Dataset;
use super::error::DataError;
use super::source::Location;
use crate::files::{Found, look};

/// How far below a place is looked: the folder with the files, one that holds
/// it, one that holds that.
const DEPTH: usize = 2;

/// The most folders that are looked into below a place, nearest first.
const MOST_FOLDERS: usize = 2_000;

/// The most data sets that are read to compare their digests.
const MOST_READ: usize = 20;

/// Loads the data set of this identity from the program or from files at or
/// below one of the places, the nearest to the first place first.
///
/// # Errors
/// [`DataError::NotFound`] with what was looked for, where, and what was found
/// there instead; [`DataError::NoDataFolder`] where there is no place to look.
pub fn find(identity: &DatasetIdentity, places: &[PathBuf]) -> Result<Dataset, DataError> {
    let known = source(&identity.name);
    if let Some(Location::BuiltIn { load, .. }) = known.map(|source| &source.location) {
        let dataset = load()?;
        let found = dataset.identity().digest;
        return match found == identity.digest {
            true => Ok(dataset),
            false => Err(not_found(identity, &[], &[format!("the one in this program, with digest {found:.12}")])),
        };
    }
    if let (Some(source), []) = (known, places)
        && let Location::Folder { folder, .. } = source.location
    {
        return Err(DataError::NoDataFolder { name: source.name, folder });
    }
    let mut instead = Vec::new();
    let mut seen = BTreeSet::new();
    for place in places {
        for folder in folders(place) {
            // The same folder may lie below two places, or behind a link.
            let real = fs::canonicalize(&folder).unwrap_or_else(|_| folder.clone());
            if seen.len() >= MOST_READ || !cifar10::is_there(&folder) || !seen.insert(real) {
                continue;
            }
            match cifar10::load(&folder) {
                Ok(dataset) if dataset.identity().digest == identity.digest => return Ok(dataset),
                Ok(dataset) => instead.push(format!(
                    "{}, with digest {:.12} ({} and {} images)",
                    folder.display(),
                    dataset.identity().digest,
                    dataset.train().len(),
                    dataset.test().len(),
                )),
                Err(error) => instead.push(error.to_string()),
            }
        }
    }
    Err(not_found(identity, places, &instead))
}

fn not_found(identity: &DatasetIdentity, places: &[PathBuf], instead: &[String]) -> DataError {
    let list = |texts: Vec<String>| match texts.len() {
        0 => "no data set".to_owned(),
        1..=3 => texts.join("; "),
        more => format!("{}; and {} more", texts[..3].join("; "), more - 3),
    };
    let looked = match places {
        [] => "in this program".to_owned(),
        places => {
            let shown = places.iter().map(|place| format!("{} ({})", place.display(), what_is_there(place)));
            format!("in {} and up to {DEPTH} folders below", list(shown.collect()))
        }
    };
    DataError::NotFound {
        name: identity.name.clone(),
        digest: format!("{:.12}", identity.digest),
        looked,
        instead: list(instead.to_vec()),
    }
}

fn what_is_there(place: &Path) -> &'static str {
    look(place).map_or("it cannot be looked at", Found::describe)
}

/// The folder that a person points at and those below it, nearest first; that
/// of a file, where a file is pointed at.
fn folders(place: &Path) -> Vec<PathBuf> {
    let root = match look(place) {
        Ok(Found::File { .. }) => place.parent().unwrap_or(place),
        _ => place,
    };
    let mut all = vec![root.to_owned()];
    let mut level = 0..1;
    for _ in 0..DEPTH {
        for parent in level.clone() {
            let Ok(entries) = fs::read_dir(&all[parent]) else { continue };
            let room = MOST_FOLDERS.saturating_sub(all.len());
            let mut below: Vec<PathBuf> =
                entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).take(room).collect();
            below.sort();
            all.extend(below);
        }
        level = level.end..all.len();
    }
    all
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::data::load;

    /// A folder with one training and one test image, which are this byte.
    fn write(folder: &Path, byte: u8) {
        fs::create_dir_all(folder).unwrap();
        let record: Vec<u8> = std::iter::once(byte % 10).chain(std::iter::repeat_n(byte, 3072)).collect();
        for name in ["data_batch_1.bin", "test_batch.bin"] {
            fs::write(folder.join(name), &record).unwrap();
        }
    }

    fn identity(folder: &Path) -> DatasetIdentity {
        load(format!("{}/", folder.display()), None).unwrap().identity().clone()
    }

    #[test]
    fn it_is_found_wherever_one_points() {
        let root = TempDir::new().unwrap();
        let moved = root.path().join("b/mine of 2020");
        write(&moved, 7);
        write(&root.path().join("a/cifar-10-batches-bin"), 3);
        let wanted = identity(&moved);
        for place in [&moved, &root.path().join("b"), root.path(), &moved.join("test_batch.bin")] {
            assert_eq!(*find(&wanted, &[place.into()]).unwrap().identity(), wanted, "{}", place.display());
        }
        let elsewhere = [root.path().join("a"), root.path().join("none"), root.path().join("b")];
        assert_eq!(*find(&wanted, &elsewhere).unwrap().identity(), wanted);
    }

    #[test]
    fn what_is_there_instead_is_told() {
        let root = TempDir::new().unwrap();
        let (mine, other) = (root.path().join("mine"), root.path().join("other"));
        write(&mine, 7);
        write(&other, 3);
        let wanted = identity(&mine);
        let found = identity(&other);
        fs::remove_dir_all(&mine).unwrap();
        let message = find(&wanted, &[root.path().into(), mine.clone()]).unwrap_err().to_string();
        for part in [
            format!("data set cifar10 with digest {:.12}", wanted.digest),
            format!("{} (a folder)", root.path().display()),
            format!("{} (nothing there)", mine.display()),
            format!("{}, with digest {:.12} (1 and 1 images)", other.display(), found.digest),
            "--data".to_owned(),
        ] {
            assert!(message.contains(&part), "{part:?} is not in {message:?}");
        }
        fs::write(other.join("test_batch.bin"), b"short").unwrap();
        let message = find(&wanted, &[root.path().into()]).unwrap_err().to_string();
        assert!(message.contains("found 5 bytes"), "{message}");
        let message = find(&wanted, &[mine]).unwrap_err().to_string();
        assert!(message.contains("found no data set"), "{message}");
        assert!(find(&wanted, &[]).unwrap_err().to_string().contains("no data folder is given"));
    }

    #[test]
    fn what_is_in_the_program_needs_no_place_and_is_compared_too() {
        let mut wanted = load("digits", None).unwrap().identity().clone();
        assert_eq!(*find(&wanted, &[]).unwrap().identity(), wanted);
        wanted.digest.0[0] ^= 1;
        let message = find(&wanted, &[]).unwrap_err().to_string();
        assert!(message.contains("in this program") && message.contains("digest"), "{message}");
    }
}
