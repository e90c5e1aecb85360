//! Files that a person names, such as a figure or the rows of a query: one
//! way of writing them, for every command and for the window.
//!
//! What is there already is lost only once what replaces it is whole and on
//! the medium. A link stays a link. What is no plain file, such as a pipe or
//! a device, is written into and never replaced.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

use crate::StoreError;

/// Links that may follow one another, as many as Linux follows.
const MOST_LINKS: usize = 40;

/// A file under construction that a person named.
#[derive(Debug)]
pub struct OutputFile {
    buffer: BufWriter<File>,
    /// The system's first refusal; libraries that write into the file may
    /// report it in words of their own, or not at all.
    refused: Option<io::Error>,
}

/// Where an output goes, once all links are followed.
enum Target {
    /// No such file is there yet.
    New(PathBuf),
    /// A plain file, which is replaced.
    Plain(PathBuf, Metadata),
    /// A pipe, a device or an open file of the process.
    Stream(PathBuf),
}

/// Writes a file that a person named: `fill` writes the content.
///
/// A plain file is written beside its place, synced, and renamed into it, so
/// that the older file of that name stays where anything fails; it keeps its
/// permissions. Where the folder takes no new file, or the file cannot be
/// renamed over (it is mounted), the file itself is written into.
///
/// # Errors
/// What `fill` returns; [`StoreError::Io`] with the path where the system
/// refuses, also where `fill` met that in the words of a library.
pub fn write_output<E: From<StoreError>>(
    path: &Path,
    fill: impl FnOnce(&mut OutputFile) -> Result<(), E>,
) -> Result<(), E> {
    let failed = |source| E::from(StoreError::Io { operation: "write", path: path.to_owned(), source });
    let target = target(path).map_err(failed)?;
    let (file, beside) = target.open().map_err(failed)?;
    let mut output = OutputFile { buffer: BufWriter::new(file), refused: None };
    let filled = fill(&mut output);
    if let Some(source) = output.refused.take() {
        return Err(failed(source));
    }
    filled?;
    let file = output.buffer.into_inner().map_err(|error| failed(error.into_error()))?;
    match (beside, &target) {
        (Some(beside), Target::New(place) | Target::Plain(place, _)) => replace(file, beside, place).map_err(failed),
        // A pipe cannot be synced, and who reads it has what was written.
        (_, Target::Stream(_)) => Ok(()),
        (None, _) => file.sync_all().map_err(failed),
    }
}

impl Target {
    /// The file to write into, and its path if it is a temporary one beside
    /// the target.
    fn open(&self) -> io::Result<(File, Option<TempPath>)> {
        match self {
            // What a descriptor leads to may be a plain file with content.
            Self::Stream(path) => Ok((OpenOptions::new().append(true).open(path)?, None)),
            Self::New(path) => beside(path).map(|(file, temporary)| (file, Some(temporary))),
            Self::Plain(path, before) => {
                // A file that may not be written is not replaced either.
                let own = OpenOptions::new().write(true).open(path)?;
                match beside(path) {
                    Ok((file, temporary)) => {
                        keep_access(&file, before)?;
                        Ok((file, Some(temporary)))
                    }
                    Err(error) if takes_no_file(&error) => {
                        own.set_len(0)?;
                        Ok((own, None))
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }
}

/// Follows the links of a path to its end, which need not exist.
fn target(path: &Path) -> io::Result<Target> {
    if path.as_os_str().as_encoded_bytes().last().is_some_and(|&last| std::path::is_separator(last.into())) {
        return Err(is_a_folder());
    }
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = folder.canonicalize()?;
        path = folder.join(path.file_name().ok_or_else(is_a_folder)?);
        // The process's open files look like links to paths that may be gone.
        if folder.starts_with("/proc") || folder == Path::new("/dev/fd") {
            return Ok(Target::Stream(path));
        }
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Target::New(path)),
            Err(error) => return Err(error),
            Ok(found) if found.is_symlink() => path = folder.join(fs::read_link(&path)?),
            Ok(found) if found.is_dir() => return Err(is_a_folder()),
            Ok(found) if found.is_file() => return Ok(Target::Plain(path, found)),
            Ok(_) => return Ok(Target::Stream(path)),
        }
    }
    Err(io::Error::other(format!("more than {MOST_LINKS} links follow one another")))
}

fn is_a_folder() -> io::Error {
    io::Error::new(io::ErrorKind::IsADirectory, "expected a file, found a folder")
}

/// A new file in the folder of another, with the permissions of any new file.
fn beside(path: &Path) -> io::Result<(File, TempPath)> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".revacnn-").suffix(".partial");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    Ok(builder.tempfile_in(path.parent().unwrap_or(Path::new(".")))?.into_parts())
}

/// Gives a file the permissions and, where the system lets it, the owner of
/// the one that it replaces.
fn keep_access(file: &File, before: &Metadata) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, fchown};
        // Only the superuser may give files away; a person's own need not be.
        let _ = fchown(file, Some(before.uid()), Some(before.gid()));
    }
    file.set_permissions(before.permissions())
}

/// Whether a folder refuses new files, though files in it may be written.
fn takes_no_file(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem)
}

/// Puts a finished file in its place.
fn replace(file: File, beside: TempPath, place: &Path) -> io::Result<()> {
    file.sync_all()?;
    match beside.persist(place) {
        Ok(()) => {}
        // A file that something is mounted on can be written, not replaced.
        Err(error) if error.error.kind() == io::ErrorKind::ResourceBusy => {
            let mut whole = File::open(&error.path)?;
            let mut own = OpenOptions::new().write(true).truncate(true).open(place)?;
            io::copy(&mut whole, &mut own)?;
            return own.sync_all();
        }
        Err(error) => return Err(error.error),
    }
    if let (true, Some(folder)) = (cfg!(unix), place.parent()) {
        // The file is whole either way: a folder that cannot be opened or
        // synced only makes the rename last later.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

impl OutputFile {
    fn noted<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let again = io::Error::new(error.kind(), error.to_string());
            if error.kind() != io::ErrorKind::Interrupted {
                self.refused.get_or_insert(error);
            }
            again
        })
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.buffer.write(bytes);
        self.noted(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.buffer.flush();
        self.noted(result)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn write(path: &Path, text: &str) -> Result<(), StoreError> {
        write_output(path, |output| {
            output.write_all(text.as_bytes()).map_err(|source| StoreError::io("write", Path::new("a part"), source))
        })
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn links_stay_and_what_they_lead_to_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("inner")).unwrap();
        fs::write(at("inner/old"), "older and longer").unwrap();
        symlink("inner/old", at("link")).unwrap();
        symlink("link", at("chain")).unwrap();
        symlink("inner/new", at("dangling")).unwrap();
        write(&at("chain"), "text").unwrap();
        write(&at("dangling"), "made").unwrap();
        assert_eq!(fs::read_to_string(at("inner/old")).unwrap(), "text");
        assert_eq!(fs::read_to_string(at("inner/new")).unwrap(), "made");
        assert!(at("chain").is_symlink() && at("link").is_symlink() && at("dangling").is_symlink());
        assert_eq!(names(&at("inner")), ["new", "old"]);
        symlink("round", at("round")).unwrap();
        let error = write(&at("round"), "").unwrap_err().to_string();
        assert!(error.contains("round: more than 40 links follow one another"), "{error}");
    }

    #[test]
    fn what_is_no_plain_file_is_written_into() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let reads = pipe.clone();
        let reader = std::thread::spawn(move || fs::read_to_string(reads).unwrap());
        write(&pipe, "through the pipe").unwrap();
        assert_eq!(reader.join().unwrap(), "through the pipe");
        assert_eq!(names(folder.path()), ["pipe"]);
        for path in [folder.path().to_owned(), folder.path().join("none/"), folder.path().join("..")] {
            let error = write(&path, "").unwrap_err().to_string();
            assert!(error.contains("expected a file, found a folder"), "{error}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_device_is_an_error_and_stays_a_device() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        symlink("/dev/full", &link).unwrap();
        for path in [Path::new("/dev/full"), &link] {
            // More than a buffer, so that the library that writes sees it too.
            for text in ["short", &"long".repeat(10_000)] {
                let error = write(path, text).unwrap_err().to_string();
                assert!(error.contains(&format!("cannot write {}: No space left", path.display())), "{error}");
            }
        }
        assert!(!fs::metadata("/dev/full").unwrap().is_file() && link.is_symlink());
        assert_eq!(names(folder.path()), ["link"]);
    }

    #[test]
    fn what_fails_leaves_the_older_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "older").unwrap();
        let result = write_output(&file, |output| {
            output.write_all(&[0; 100_000]).unwrap();
            Err(StoreError::io("draw", &file, io::Error::other("no")))
        });
        assert!(result.unwrap_err().to_string().contains("cannot draw"));
        assert_eq!(fs::read_to_string(&file).unwrap(), "older");
        assert_eq!(names(folder.path()), ["file"]);
        let error = write(&folder.path().join("none/file"), "").unwrap_err().to_string();
        assert!(error.contains("none/file: No such file"), "{error}");
    }

    #[test]
    fn a_file_keeps_its_permissions_and_a_new_one_has_those_of_any_other() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        fs::write(folder.path().join("plain"), "").unwrap();
        write(&folder.path().join("new"), "").unwrap();
        assert_eq!(mode("new"), mode("plain"));
        fs::set_permissions(folder.path().join("new"), fs::Permissions::from_mode(0o640)).unwrap();
        write(&folder.path().join("new"), "again").unwrap();
        assert_eq!(mode("new"), 0o640);
    }
}
