//! Finding a data set again, wherever its files were moved.
//!
//! A run knows its data by their digest and not by their place. So a person
//! may point at the folder with the files, at one that holds it, or at one
//! further out, and a folder may have any name.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use revacnn_schemas::{DataFormat, DatasetIdentity, Reading};

use super::catalogue::source;
use super::dataset::Dataset;
use super::error::DataError;
use super::own::{self, Opened};
use super::source::Location;
use crate::files::{Found, look};

/// How far below a place is looked: the folder with the files, one that holds
/// it, one that holds that.
const DEPTH: usize = 2;

/// The most folders that are looked into below a place, nearest first.
const MOST_FOLDERS: usize = 2_000;

/// The most data sets that are read to compare their digests.
const MOST_READ: usize = 20;

/// Loads the data set of this identity from the program or from files at,
/// below or around one of the places, the nearest to the first place first.
///
/// `reading` is how the files were read; a record without one is of CIFAR-10, or
/// of what is in the program. What is found is called as in the record.
///
/// # Errors
/// [`DataError::NotFound`] with what was looked for, where, and what was found
/// there instead; [`DataError::NoDataFolder`] where there is no place to look.
pub fn find(identity: &DatasetIdentity, reading: Option<&Reading>, places: &[PathBuf]) -> Result<Dataset, DataError> {
    let known = source(&identity.name).filter(|_| reading.is_none());
    if let Some(Location::BuiltIn { load, .. }) = known.map(|source| &source.location) {
        let dataset = load()?;
        let found = dataset.identity().digest;
        return match found == identity.digest {
            true => Ok(dataset),
            false => Err(not_found(identity, &[], &[format!("the one in this program, with digest {found:.12}")])),
        };
    }
    if let (Some(source), []) = (known, places)
        && let Location::Folder { published, .. } = &source.location
    {
        return Err(DataError::NoDataFolder { name: source.name, folder: published.folder });
    }
    let usual = Reading { format: Some(DataFormat::Cifar10), ..Reading::default() };
    let reading = reading.unwrap_or(&usual);
    let mut instead = Vec::new();
    let mut seen = BTreeSet::new();
    for place in places {
        for opened in candidates(place, reading) {
            // The same folder may lie below two places, or behind a link.
            let real = fs::canonicalize(&opened.path).unwrap_or_else(|_| opened.path.clone());
            if seen.len() >= MOST_READ || !seen.insert(real) {
                continue;
            }
            match own::load(&opened, reading) {
                Ok(dataset) if dataset.identity().digest == identity.digest => {
                    return Ok(dataset.named(&identity.name));
                }
                Ok(dataset) => instead.push(format!(
                    "{}, with digest {:.12} ({} and {} images)",
                    opened.path.display(),
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
        [] if source(&identity.name).is_some_and(|source| source.format().is_none()) => "in this program".to_owned(),
        [] => "nowhere, for no folder is given".to_owned(),
        places => {
            let shown = places.iter().map(|place| format!("{} ({})", place.display(), what_is_there(place)));
            format!("in {}, up to {DEPTH} folders below and in those around", list(shown.collect()))
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

/// The data sets of the recorded format, as far as names tell: a file that a
/// person points at, what is in the folders below, nearest first, and then in
/// the two around.
fn candidates(place: &Path, reading: &Reading) -> impl Iterator<Item = Opened> {
    let is_file = |path: &Path| matches!(look(path), Ok(Found::File { .. }));
    let root = if is_file(place) { place.parent().unwrap_or(place) } else { place };
    let own = is_file(place).then(|| place.to_owned());
    let around: Vec<PathBuf> = match look(root) {
        Ok(Found::Folder) => root.ancestors().skip(1).take(DEPTH).map(Path::to_owned).collect(),
        _ => Vec::new(),
    };
    let files_are_sets = matches!(reading.format, Some(DataFormat::Csv | DataFormat::Numpy));
    let paths = own.into_iter().chain(folders(place).into_iter().chain(around).flat_map(move |folder| {
        let files = if files_are_sets { files(&folder) } else { Vec::new() };
        std::iter::once(folder).chain(files)
    }));
    let format = reading.format;
    // What cannot be looked at is not what is looked for.
    paths.filter_map(|path| own::recognise(&path).ok().flatten()).filter(move |found| Some(found.format) == format)
}

/// The files of a folder, by name, up to a bound.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> =
        entries.flatten().take(MOST_FOLDERS).map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
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
    use crate::data::{load, load_as};

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
            assert_eq!(*find(&wanted, None, &[place.into()]).unwrap().identity(), wanted, "{}", place.display());
        }
        let elsewhere = [root.path().join("a"), root.path().join("none"), root.path().join("b")];
        assert_eq!(*find(&wanted, None, &elsewhere).unwrap().identity(), wanted);
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
        let message = find(&wanted, None, &[root.path().into(), mine.clone()]).unwrap_err().to_string();
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
        let message = find(&wanted, None, &[root.path().into()]).unwrap_err().to_string();
        assert!(message.contains("found 5 bytes"), "{message}");
        let message = find(&wanted, None, &[mine]).unwrap_err().to_string();
        assert!(message.contains("found no data set"), "{message}");
        assert!(find(&wanted, None, &[]).unwrap_err().to_string().contains("no data folder is given"));
    }

    #[test]
    fn what_is_in_the_program_needs_no_place_and_is_compared_too() {
        let mut wanted = load("digits", None).unwrap().identity().clone();
        assert_eq!(*find(&wanted, None, &[]).unwrap().identity(), wanted);
        wanted.digest.0[0] ^= 1;
        let message = find(&wanted, None, &[]).unwrap_err().to_string();
        assert!(message.contains("in this program") && message.contains("digest"), "{message}");
    }

    /// A run knows how its pictures were read, and not what their folder is called.
    #[test]
    fn own_files_are_found_under_another_name_at_below_and_around_a_place() {
        let root = TempDir::new().unwrap();
        let moved = root.path().join("b/bilder");
        for (class, level) in [("cat", 10), ("dog", 200)] {
            for part in ["train", "test"] {
                let folder = moved.join(part).join(class);
                fs::create_dir_all(&folder).unwrap();
                let picture = image::GrayImage::from_fn(6, 4, |x, _| image::Luma([level + x as u8]));
                picture.save(folder.join("1.png")).unwrap();
            }
        }
        let size = Some("3x3".parse().unwrap());
        let first = load_as(&moved, None, &Reading { size, ..Reading::default() }).unwrap().named("photos");
        let (wanted, reading) = (first.identity(), first.reading().unwrap());
        let find = |place: PathBuf| find(wanted, Some(reading), &[place]).map(|found| found.identity().clone());
        let inner = moved.join("train/cat");
        for place in [root.path().into(), moved.clone(), moved.join("train"), inner.clone(), inner.join("1.png")] {
            let shown = place.display().to_string();
            assert_eq!(find(place).unwrap(), *wanted, "{shown}");
        }
        // Nor is one in the program whose name is known but whose files are not there.
        for name in ["photos", "mnist"] {
            let wanted = DatasetIdentity { name: name.to_owned(), ..wanted.clone() };
            let message = super::find(&wanted, Some(reading), &[]).unwrap_err().to_string();
            assert!(message.contains("looked for nowhere") && message.contains("--data"), "{message}");
        }
        fs::remove_file(inner.join("1.png")).unwrap();
        let message = find(moved).unwrap_err().to_string();
        assert!(message.contains("cat: expected at least one picture of the class"), "{message}");
    }
}
