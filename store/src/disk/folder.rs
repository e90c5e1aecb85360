//! A folder that is held open, and what is done in it: whatever is put in its
//! place later, a link above all, is not followed.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use self::system::Handle;
use crate::StoreError;
use crate::disk::{Disk, DiskOperation, beneath, described};

/// When a file was last written: seconds and nanoseconds since 1970 (UTC).
pub(crate) type Modified = (i64, i64);

/// A folder that is held open.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    handle: Handle,
    disk: Disk,
}

impl Folder {
    /// Opens a folder, which must be none by a link.
    pub(crate) fn open(disk: &Disk, path: &Path) -> Result<Self, StoreError> {
        let handle = beneath::open_folder(path).map_err(|source| not_a_folder(path, source))?;
        Ok(Self { path: path.to_owned(), handle, disk: disk.clone() })
    }

    /// Opens a folder in this one; `None` where there is none, and an error
    /// where there is something else.
    pub(crate) fn inside(&self, name: &str) -> Result<Option<Self>, StoreError> {
        let path = self.path.join(name);
        match system::open_inside(&self.handle, name) {
            Ok(handle) => Ok(Some(Self { path, handle, disk: self.disk.clone() })),
            Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(not_a_folder(&path, source)),
        }
    }

    /// [`inside`](Self::inside), and makes the folder where there is none.
    pub(crate) fn make_inside(&self, name: &str) -> Result<Self, StoreError> {
        if let Some(folder) = self.inside(name)? {
            return Ok(folder);
        }
        let path = self.path.join(name);
        let io = |source| StoreError::io("create the folder", &path, source);
        self.disk.before(DiskOperation::CreateFolder(&path)).map_err(io)?;
        match system::make_folder(&self.handle, name) {
            Err(source) if source.kind() != io::ErrorKind::AlreadyExists => return Err(io(source)),
            _ => {}
        }
        self.inside(name)?.ok_or_else(|| io(io::ErrorKind::NotFound.into()))
    }

    /// Whether this folder still lies under a name in another one.
    pub(crate) fn is_in(&self, parent: &Self, name: &str) -> bool {
        system::is_same(&self.handle, &parent.handle, name)
    }

    /// The path of an entry, for messages.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Names in the folder, sorted; those that are not Unicode cannot be ours.
    pub(crate) fn names(&self) -> Result<Vec<String>, StoreError> {
        let mut names = system::names(&self.handle).map_err(|source| StoreError::io("list", &self.path, source))?;
        names.sort();
        Ok(names)
    }

    /// What is in the folder, sorted by name, each with its bytes where
    /// `measures`; names that are not Unicode cannot be ours.
    pub(crate) fn entries(&self, measures: bool) -> Result<Vec<Entry>, StoreError> {
        let entries = system::open_inside(&self.handle, ".").and_then(|handle| system::entries(handle, measures));
        sorted(entries.map_err(|source| StoreError::io("list", &self.path, source)))
    }

    /// [`entries`](Self::entries) of a folder in this one; nothing where there is
    /// none, and an error where there is something else.
    pub(crate) fn entries_inside(&self, name: &str, measures: bool) -> Result<Vec<Entry>, StoreError> {
        let handle = match system::open_inside(&self.handle, name) {
            Ok(handle) => handle,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(not_a_folder(&self.path(name), source)),
        };
        let entries = system::entries(handle, measures);
        sorted(entries.map_err(|source| StoreError::io("list", &self.path(name), source)))
    }

    /// When an entry was last written; a link's own time.
    pub(crate) fn modified(&self, name: &str) -> Option<Modified> {
        system::modified(&self.handle, name)
    }

    /// What tells that an entry was changed, or is another one; `.` is the folder
    /// itself.
    pub(crate) fn stamp(&self, name: &str) -> Option<Stamp> {
        system::stamp(&self.handle, name)
    }

    /// Whether an entry is a folder.
    pub(crate) fn is_folder(&self, name: &str) -> bool {
        system::is_folder(&self.handle, name)
    }

    /// Opens a plain file for reading.
    pub(crate) fn file(&self, name: &str) -> Result<File, StoreError> {
        let path = self.path(name);
        let file = system::open_file(&self.handle, name).map_err(|source| match path.symlink_metadata() {
            Ok(entry) if !entry.is_file() => StoreError::damaged(&path, "a plain file", described(entry.file_type())),
            _ => StoreError::io("open", &path, source),
        })?;
        let kind = file.metadata().map_err(|source| StoreError::io("look at", &path, source))?.file_type();
        if kind.is_file() { Ok(file) } else { Err(StoreError::damaged(&path, "a plain file", described(kind))) }
    }

    /// Opens a plain file that lies in this folder or in folders of it, by its path;
    /// `None` where there is none.
    pub(crate) fn file_below(&self, path: &Path) -> Result<Option<File>, StoreError> {
        let inner = path.strip_prefix(&self.path).unwrap_or(path).to_string_lossy().into_owned();
        let mut names = inner.split(std::path::is_separator).peekable();
        let mut held: Option<Self> = None;
        while let Some(name) = names.next() {
            let folder = held.as_ref().unwrap_or(self);
            if names.peek().is_none() {
                return match folder.file(name) {
                    Err(error) if error.is_missing_file() => Ok(None),
                    file => file.map(Some),
                };
            }
            match folder.inside(name)? {
                Some(inner) => held = Some(inner),
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Removes a file, or a link itself; one that is gone already is fine.
    pub(crate) fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path(name);
        let result = self.disk.before(DiskOperation::Remove(&path)).and_then(|()| system::remove(&self.handle, name));
        match result {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", &path, source)),
            _ => Ok(()),
        }
    }

    /// Writes a small file so that a reader sees all of it or nothing.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let hidden = format!(".{name}.new");
        let (path, target) = (self.path(&hidden), self.path(name));
        let write = || {
            self.disk.before(DiskOperation::Create(&path))?;
            match system::remove(&self.handle, &hidden) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(source),
                _ => {}
            }
            let mut file = system::create_file(&self.handle, &hidden)?;
            self.disk.before(DiskOperation::Write(&path))?;
            file.write_all(bytes)?;
            self.disk.before(DiskOperation::Sync(&path))?;
            file.sync_all()
        };
        write().map_err(|source| StoreError::io("write", &path, source))?;
        self.disk
            .before(DiskOperation::Rename(&path, &target))
            .and_then(|()| system::rename(&self.handle, &hidden, name))
            .map_err(|source| StoreError::io("move a finished file to", &target, source))?;
        self.disk
            .before(DiskOperation::Sync(&self.path))
            .and_then(|()| system::sync(&self.handle))
            .map_err(|source| StoreError::io("sync", &self.path, source))
    }
}

/// What tells that a file or folder was changed, or is another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Stamp {
    /// When its content or what is known of it was changed last: seconds and
    /// nanoseconds since 1970 (UTC).
    pub(crate) changed: Modified,
    modified: Modified,
    number: u64,
    bytes: u64,
}

impl Stamp {
    /// All of it.
    pub(crate) fn bytes(&self) -> [u8; 49] {
        let mut bytes = [1; 49];
        let parts = [self.changed.0, self.changed.1, self.modified.0, self.modified.1].map(i64::to_le_bytes);
        let parts = parts.into_iter().chain([self.number, self.bytes].map(u64::to_le_bytes));
        for (place, part) in bytes[1..].chunks_exact_mut(8).zip(parts) {
            place.copy_from_slice(&part);
        }
        bytes
    }
}

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// Whether it is a folder, and no link to one.
    pub(crate) is_folder: bool,
    /// The bytes of a plain file, where they were asked for; else 0.
    pub(crate) bytes: u64,
    /// What tells that a plain file was changed, where that was asked for.
    pub(crate) stamp: Option<Stamp>,
}

impl Entry {
    fn new(name: String, is_folder: bool, stamp: Option<Stamp>) -> Self {
        Self { name, is_folder, bytes: stamp.map_or(0, |stamp| stamp.bytes), stamp }
    }
}

fn sorted(entries: Result<Vec<Entry>, StoreError>) -> Result<Vec<Entry>, StoreError> {
    let mut entries = entries?;
    entries.sort_by(|one, other| one.name.cmp(&other.name));
    #[cfg(test)]
    LISTED.set(LISTED.get() + 1);
    Ok(entries)
}

#[cfg(test)]
thread_local! {
    /// How many folders this thread listed, for tests of what a look costs.
    pub(crate) static LISTED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

fn not_a_folder(path: &Path, source: io::Error) -> StoreError {
    match path.symlink_metadata() {
        Ok(entry) if !entry.is_dir() => StoreError::damaged(path, "a folder", described(entry.file_type())),
        _ => StoreError::io("open", path, source),
    }
}

/// Through a descriptor of the folder, by calls that follow no link.
#[cfg(unix)]
mod system {
    use std::ffi::CStr;
    use std::fs::File;
    use std::io;
    use std::os::fd::OwnedFd;

    use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags, Stat};

    use super::{Entry, Modified, Stamp};

    pub(super) type Handle = OwnedFd;

    const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

    pub(super) fn open_inside(folder: &Handle, name: &str) -> io::Result<Handle> {
        Ok(fs::openat(folder, name, FOLDER, Mode::empty())?)
    }

    pub(super) fn make_folder(folder: &Handle, name: &str) -> io::Result<()> {
        Ok(fs::mkdirat(folder, name, Mode::from_raw_mode(0o777))?)
    }

    fn look(folder: &Handle, name: &str) -> Option<Stat> {
        fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok()
    }

    pub(super) fn is_same(folder: &Handle, parent: &Handle, name: &str) -> bool {
        match (fs::fstat(folder), look(parent, name)) {
            (Ok(ours), Some(there)) => (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino),
            _ => false,
        }
    }

    pub(super) fn names(folder: &Handle) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            let name: &CStr = entry.file_name();
            if let Ok(name) = name.to_str()
                && !matches!(name, "." | "..")
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    pub(super) fn entries(folder: Handle, measures: bool) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut folder = Dir::new(folder)?;
        while let Some(entry) = folder.read() {
            let entry = entry?;
            let name = entry.file_name();
            let Ok(text) = name.to_str() else { continue };
            if matches!(text, "." | "..") {
                continue;
            }
            let look = || fs::statat(folder.fd()?, name, AtFlags::SYMLINK_NOFOLLOW);
            let (mut kind, mut stamp) = (entry.file_type(), None);
            if kind == FileType::Unknown || (measures && kind == FileType::RegularFile) {
                match look() {
                    Ok(found) => {
                        kind = FileType::from_raw_mode(found.st_mode);
                        stamp = Some(stamp_of(&found));
                    }
                    // Gone since it was listed.
                    Err(rustix::io::Errno::NOENT) => continue,
                    Err(error) => return Err(error.into()),
                }
            }
            let stamp = stamp.filter(|_| measures && kind == FileType::RegularFile);
            entries.push(Entry::new(text.to_owned(), kind == FileType::Directory, stamp));
        }
        Ok(entries)
    }

    pub(super) fn modified(folder: &Handle, name: &str) -> Option<Modified> {
        // The types of these fields differ between systems.
        #[allow(clippy::unnecessary_cast, clippy::allow_attributes, reason = "needed on some systems")]
        look(folder, name).map(|entry| (entry.st_mtime as i64, entry.st_mtime_nsec as i64))
    }

    pub(super) fn stamp(folder: &Handle, name: &str) -> Option<Stamp> {
        look(folder, name).map(|entry| stamp_of(&entry))
    }

    fn stamp_of(entry: &Stat) -> Stamp {
        // The types of these fields differ between systems.
        #[allow(clippy::unnecessary_cast, clippy::allow_attributes, reason = "needed on some systems")]
        Stamp {
            changed: (entry.st_ctime as i64, entry.st_ctime_nsec as i64),
            modified: (entry.st_mtime as i64, entry.st_mtime_nsec as i64),
            number: entry.st_ino as u64,
            bytes: entry.st_size as u64,
        }
    }

    pub(super) fn is_folder(folder: &Handle, name: &str) -> bool {
        look(folder, name).is_some_and(|entry| FileType::from_raw_mode(entry.st_mode) == FileType::Directory)
    }

    pub(super) fn open_file(folder: &Handle, name: &str) -> io::Result<File> {
        // A pipe would make the caller wait.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(fs::openat(folder, name, flags, Mode::empty())?.into())
    }

    pub(super) fn create_file(folder: &Handle, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(fs::openat(folder, name, flags, Mode::from_raw_mode(0o666))?.into())
    }

    pub(super) fn remove(folder: &Handle, name: &str) -> io::Result<()> {
        Ok(fs::unlinkat(folder, name, AtFlags::empty())?)
    }

    pub(super) fn rename(folder: &Handle, from: &str, to: &str) -> io::Result<()> {
        Ok(fs::renameat(folder, from, folder, to)?)
    }

    pub(super) fn sync(folder: &Handle) -> io::Result<()> {
        Ok(fs::fsync(folder)?)
    }
}

/// By paths that are looked at before each use, where the system's library
/// has no calls that are relative to a folder.
#[cfg(not(unix))]
mod system {
    use std::fs::{self, File, OpenOptions};
    use std::io;
    use std::path::PathBuf;
    use std::time::SystemTime;

    use super::{Entry, Modified, Stamp};

    pub(super) type Handle = PathBuf;

    fn checked(folder: &Handle) -> io::Result<&Handle> {
        let is_folder = fs::symlink_metadata(folder)?.is_dir();
        if is_folder { Ok(folder) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    pub(super) fn open_inside(folder: &Handle, name: &str) -> io::Result<Handle> {
        checked(&checked(folder)?.join(name)).cloned()
    }

    pub(super) fn make_folder(folder: &Handle, name: &str) -> io::Result<()> {
        fs::create_dir(checked(folder)?.join(name))
    }

    pub(super) fn is_same(folder: &Handle, parent: &Handle, name: &str) -> bool {
        parent.join(name) == *folder && checked(folder).is_ok()
    }

    pub(super) fn names(folder: &Handle) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(checked(folder)?)?;
        entries.filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose()).collect()
    }

    pub(super) fn entries(folder: Handle, measures: bool) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(checked(&folder)?)? {
            let entry = entry?;
            let (Ok(name), kind) = (entry.file_name().into_string(), entry.file_type()?) else { continue };
            let stamp = if measures && kind.is_file() { stamp(&folder, &name) } else { None };
            entries.push(Entry::new(name, kind.is_dir(), stamp));
        }
        Ok(entries)
    }

    pub(super) fn modified(folder: &Handle, name: &str) -> Option<Modified> {
        let time = fs::symlink_metadata(folder.join(name)).ok()?.modified().ok()?;
        let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some((i64::try_from(since.as_secs()).ok()?, i64::from(since.subsec_nanos())))
    }

    pub(super) fn stamp(folder: &Handle, name: &str) -> Option<Stamp> {
        let modified = modified(folder, name)?;
        let bytes = fs::symlink_metadata(folder.join(name)).ok()?.len();
        Some(Stamp { changed: modified, modified, number: 0, bytes })
    }

    pub(super) fn is_folder(folder: &Handle, name: &str) -> bool {
        fs::symlink_metadata(folder.join(name)).is_ok_and(|entry| entry.is_dir())
    }

    pub(super) fn open_file(folder: &Handle, name: &str) -> io::Result<File> {
        let path = checked(folder)?.join(name);
        if !fs::symlink_metadata(&path)?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        File::open(path)
    }

    pub(super) fn create_file(folder: &Handle, name: &str) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(checked(folder)?.join(name))
    }

    pub(super) fn remove(folder: &Handle, name: &str) -> io::Result<()> {
        fs::remove_file(checked(folder)?.join(name))
    }

    pub(super) fn rename(folder: &Handle, from: &str, to: &str) -> io::Result<()> {
        fs::rename(checked(folder)?.join(from), folder.join(to))
    }

    /// The system is trusted with a folder's entries.
    pub(super) fn sync(_folder: &Handle) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_put_in_a_folders_place_is_neither_read_nor_changed() {
        let home = tempfile::tempdir().unwrap();
        let (ours, theirs) = (home.path().join("ours"), home.path().join("theirs"));
        fs::create_dir(&theirs).unwrap();
        fs::write(theirs.join("a.json"), "mine").unwrap();
        let home_folder = Folder::open(&Disk::default(), home.path()).unwrap();
        let folder = home_folder.make_inside("ours").unwrap();
        folder.write("b.json", b"{}").unwrap();
        assert!(folder.is_in(&home_folder, "ours"));
        fs::rename(&ours, home.path().join("away")).unwrap();
        std::os::unix::fs::symlink(&theirs, &ours).unwrap();

        assert!(!folder.is_in(&home_folder, "ours"));
        assert_eq!(folder.names().unwrap(), ["b.json"]);
        folder.write("c.json", b"{}").unwrap();
        folder.remove("a.json").unwrap();
        assert_eq!(fs::read_dir(&theirs).unwrap().count(), 1);
        let error = home_folder.inside("ours").unwrap_err().to_string();
        assert!(error.contains("a symbolic link, which is not followed"), "{error}");
        // Nor is one that lies where a store has its branches.
        fs::create_dir(home.path().join("branches")).unwrap();
        let branch = home.path().join("branches/branch=b49bfe5b18848524");
        std::os::unix::fs::symlink(&theirs, &branch).unwrap();
        assert!(Folder::open(&Disk::default(), &branch).is_err());
        // Nor is a file in it that is a link.
        std::os::unix::fs::symlink(theirs.join("a.json"), home.path().join("away/d.json")).unwrap();
        assert!(folder.file("d.json").is_err());
        folder.remove("d.json").unwrap();
        assert_eq!(fs::read_to_string(theirs.join("a.json")).unwrap(), "mine");
    }
}
