//! Every change of the disk, each in one place, with the path in its error
//! and a hook before it.
//!
//! The hook is how tests stop a writer between any two operations, or make
//! one of them fail.
//!
//! **The rule of shared stores.** Nothing in a store that another user may write is
//! followed, obeyed or removed without a look at what it is, at each use and not only
//! at the start: files and folders are opened, listed, made, moved and removed through
//! [`beneath`], which follows no link in any place of a path, or in a [`folder`] that
//! is held open. Nothing outside of `disk` opens a path of a store itself.

pub(crate) mod beneath;
pub(crate) mod folder;
pub(crate) mod json;
pub(crate) mod lock;
pub(crate) mod os_text;
pub(crate) mod output;
pub(crate) mod paths;
pub(crate) mod system;

use std::fmt;
use std::fs::{self, File, FileType};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::StoreError;

/// One change of the disk that is about to happen.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum DiskOperation<'a> {
    /// A folder is made.
    CreateFolder(&'a Path),
    /// A file is made.
    Create(&'a Path),
    /// Bytes are appended to a file.
    Write(&'a Path),
    /// A file or folder is synced to the medium.
    Sync(&'a Path),
    /// A file or folder is renamed.
    Rename(&'a Path, &'a Path),
    /// Two folders change places.
    Exchange(&'a Path, &'a Path),
    /// A file or folder is removed.
    Remove(&'a Path),
}

/// Called before every change of the disk; an error becomes that operation's.
pub type DiskHook = Arc<dyn Fn(DiskOperation<'_>) -> io::Result<()> + Send + Sync>;

/// Opens a file for reading. A store may come from a stranger: a link may
/// lead out of it, and a pipe would wait for ever.
pub(crate) fn open_plain_file(path: &Path) -> Result<File, StoreError> {
    let io = |operation, source| StoreError::io(operation, path, source);
    let kind = fs::symlink_metadata(path).map_err(|source| io("open", source))?.file_type();
    if !kind.is_file() {
        return Err(StoreError::damaged(path, "a plain file", described(kind)));
    }
    let file = beneath::open_to_read(path).map_err(|source| io("open", source))?;
    // What was put there since.
    let kind = file.metadata().map_err(|source| io("look at", source))?.file_type();
    if kind.is_file() { Ok(file) } else { Err(StoreError::damaged(path, "a plain file", described(kind))) }
}

/// Names in a folder, sorted; those that are not Unicode cannot be ours.
pub(crate) fn list(folder: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = beneath::names(folder).map_err(|source| StoreError::io("list", folder, source))?;
    names.sort();
    Ok(names)
}

/// Whether there is a folder; something else in its place is an error.
pub(crate) fn plain_folder_exists(path: &Path) -> Result<bool, StoreError> {
    match fs::symlink_metadata(path) {
        Ok(entry) if entry.is_dir() => Ok(true),
        Ok(entry) => Err(StoreError::damaged(path, "a folder", described(entry.file_type()))),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(StoreError::io("look at", path, source)),
    }
}

/// What is in the place of what was expected.
pub(crate) fn described(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "a symbolic link, which is not followed"
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_file() {
        "a file"
    } else {
        "a pipe or a device"
    }
}

/// The disk, with the hook if there is one.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    hook: Option<DiskHook>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Disk").field("hooked", &self.hook.is_some()).finish()
    }
}

impl Disk {
    pub(crate) fn with_hook(hook: DiskHook) -> Self {
        Self { hook: Some(hook) }
    }

    /// Calls the hook, before a change.
    pub(crate) fn before(&self, operation: DiskOperation<'_>) -> io::Result<()> {
        self.hook.as_ref().map_or(Ok(()), |hook| hook(operation))
    }

    /// Makes a folder whose parent exists; an existing one is fine, a link
    /// to one is not.
    pub(crate) fn create_folder(&self, path: &Path) -> Result<(), StoreError> {
        if plain_folder_exists(path)? {
            return Ok(());
        }
        self.before(DiskOperation::CreateFolder(path))
            .and_then(|()| match beneath::make_folder(path) {
                // Another process made it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_folder(path) => Ok(()),
                made => made,
            })
            .map_err(|source| StoreError::io("create the folder", path, source))
    }

    /// Makes an empty file in the place of whatever has its name: nothing that
    /// lies there is written into.
    pub(crate) fn create(&self, path: &Path) -> Result<DiskFile, StoreError> {
        self.before(DiskOperation::Create(path))
            .and_then(|()| beneath::open_to_write_new(path))
            .map(|file| DiskFile { file, path: path.to_owned(), disk: self.clone() })
            .map_err(|source| StoreError::io("create", path, source))
    }

    /// Renames, on one file system: atomic.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        self.before(DiskOperation::Rename(from, to))
            .and_then(|()| beneath::rename(from, to))
            .map_err(|source| StoreError::io("move a finished file to", to, source))
    }

    /// Has two folders of one file system change places: atomic. `false` where the
    /// system or the file system cannot do that, and nothing was changed.
    pub(crate) fn exchange(&self, from: &Path, to: &Path) -> Result<bool, StoreError> {
        self.before(DiskOperation::Exchange(from, to))
            .and_then(|()| beneath::exchange(from, to))
            .map_err(|source| StoreError::io("put a finished folder in place of", to, source))
    }

    /// Makes the renames within a folder last through a power failure.
    pub(crate) fn sync_folder(&self, path: &Path) -> Result<(), StoreError> {
        self.sync_together(&[], &[path])
    }

    /// Makes files and the entries of folders last through a power failure,
    /// all at once: a medium that is asked for them together writes them in
    /// one go, and asked one by one makes the caller wait for each.
    pub(crate) fn sync_together(&self, files: &[&DiskFile], folders: &[&Path]) -> Result<(), StoreError> {
        let failed = |path: &Path, source| StoreError::io("sync", path, source);
        let paths = files.iter().map(|file| &*file.path).chain(folders.iter().copied());
        for path in paths {
            self.before(DiskOperation::Sync(path)).map_err(|source| failed(path, source))?;
        }
        let sync = |place: usize| match files.get(place) {
            Some(file) => file.file.sync_all().map_err(|source| failed(&file.path, source)),
            None => {
                let folder = folders[place - files.len()];
                beneath::sync_folder(folder).map_err(|source| failed(folder, source))
            }
        };
        let (sync, count) = (&sync, files.len() + folders.len());
        std::thread::scope(|scope| {
            let others: Vec<_> = (1..count)
                .map(|place| {
                    // Where the system has no thread to give, one by one.
                    let thread = std::thread::Builder::new().spawn_scoped(scope, move || sync(place));
                    (place, thread.ok())
                })
                .collect();
            let first = if count > 0 { sync(0) } else { Ok(()) };
            others.into_iter().fold(first, |result, (place, thread)| {
                let other = match thread {
                    Some(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                    None => sync(place),
                };
                result.and(other)
            })
        })
    }

    /// Removes a file; one that is gone already is fine.
    pub(crate) fn remove_file(&self, path: &Path) -> Result<(), StoreError> {
        let result = self.before(DiskOperation::Remove(path)).and_then(|()| beneath::remove_file(path));
        match result {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path, source)),
            _ => Ok(()),
        }
    }

    /// Removes a folder with all that is in it; one that is gone is fine.
    pub(crate) fn remove_folder(&self, path: &Path) -> Result<(), StoreError> {
        let result = self.before(DiskOperation::Remove(path)).and_then(|()| beneath::remove_folder(path));
        match result {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path, source)),
            _ => Ok(()),
        }
    }

    /// Writes a small file so that a reader sees the old or the new content,
    /// never a part: temporary file, sync, rename, sync of the folder.
    pub(crate) fn write_atomically(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = folder.join(format!(".{name}.new"));
        let mut file = self.create(&temporary)?;
        file.write_all(bytes).map_err(|source| StoreError::io("write", &temporary, source))?;
        file.sync()?;
        self.rename(&temporary, path)?;
        self.sync_folder(folder)
    }
}

/// Whether a folder lies there, and no link to one.
pub(crate) fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|entry| entry.is_dir())
}

/// A file under construction.
#[derive(Debug)]
pub(crate) struct DiskFile {
    file: File,
    path: PathBuf,
    disk: Disk,
}

impl DiskFile {
    /// Waits until the content is on the medium.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.disk.sync_together(&[self], &[])
    }
}

impl Write for DiskFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.disk.before(DiskOperation::Write(&self.path))?;
        self.file.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
