//! Paths in a store, of which no link is followed.
//!
//! A store may be shared: another user may put a link in the place of any folder of
//! it at any time. So a path is looked up name by name from the store's own folder on,
//! each name in the folder before it that is held open, at each use; and what is done
//! is done in the last of these folders. The store's own folder is the person's who
//! named it: links on the way there are followed.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

pub(crate) use self::system::{
    exchange, make_folder, names, open_folder, open_to_lock, open_to_read, open_to_write_new, remove_file,
    remove_folder, rename, sync_folder,
};

/// A path as the store's own folder, which was named, and the names in it that the
/// store gave; a path that has none of those is a file of the store's folder, or that
/// folder itself.
fn split(path: &Path) -> (PathBuf, Vec<&OsStr>) {
    let parts: Vec<Component<'_>> = path.components().collect();
    let begins = |place: usize, with: &str| {
        parts.get(place).is_some_and(|part| part.as_os_str().as_encoded_bytes().starts_with(with.as_bytes()))
    };
    let is_ours = |place: usize| {
        let is_list = parts[place].as_os_str() == "branches" || parts[place].as_os_str() == "trash";
        let of_branches = begins(place + 1, "branch=") || begins(place + 1, ".freed-") || place + 1 == parts.len();
        is_list && of_branches || begins(place, ".new-") || begins(place, ".freed-")
    };
    let Some(mut place) = (0..parts.len()).rev().find(|&place| is_ours(place)) else {
        return (path.to_owned(), Vec::new());
    };
    // Branches that are put together, and what is freed, lie deeper by a folder.
    while place > 0 && is_ours(place - 1) {
        place -= 1;
    }
    let root: PathBuf = parts[..place].iter().collect();
    let root = if root.as_os_str().is_empty() { PathBuf::from(".") } else { root };
    (root, parts[place..].iter().map(|part| part.as_os_str()).collect())
}

/// By handles of folders.
#[cfg(unix)]
mod system {
    use std::ffi::{CStr, OsStr, OsString};
    use std::fs::File;
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use rustix::fs::{self, AtFlags, CWD, Dir, Mode, OFlags};
    use rustix::io::Errno;

    use super::split;

    /// To look a name up in, which needs no permission to list it.
    #[cfg(target_os = "linux")]
    const STEP: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
    #[cfg(not(target_os = "linux"))]
    const STEP: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
    const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

    /// The folder that holds an entry, and the entry's name in it.
    fn parent(path: &Path) -> io::Result<(OwnedFd, OsString)> {
        let (root, names) = split(path);
        let Some((last, folders)) = names.split_last() else {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let name = path.file_name().ok_or(Errno::INVAL)?;
            return Ok((fs::openat(CWD, folder, STEP, Mode::empty())?, name.to_owned()));
        };
        let mut folder = fs::openat(CWD, &root, STEP, Mode::empty())?;
        for name in folders {
            folder = fs::openat(&folder, *name, STEP | OFlags::NOFOLLOW, Mode::empty())
                .map_err(|error| no_link(error, name))?;
        }
        Ok((folder, (*last).to_owned()))
    }

    fn no_link(error: Errno, name: &OsStr) -> io::Error {
        match error {
            Errno::NOTDIR | Errno::LOOP => {
                let name = name.to_string_lossy();
                let reason =
                    format!("expected the folder {name}, found something else; a link in a store is not followed");
                io::Error::new(io::ErrorKind::NotADirectory, reason)
            }
            error => error.into(),
        }
    }

    fn open(path: &Path, flags: OFlags) -> io::Result<File> {
        let (folder, name) = parent(path)?;
        // A pipe would make the caller wait.
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(fs::openat(folder, &name, flags, Mode::from_raw_mode(0o666))?.into())
    }

    pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
        open(path, OFlags::RDONLY)
    }

    /// Makes the file where there is none.
    pub(crate) fn open_to_lock(path: &Path) -> io::Result<File> {
        open(path, OFlags::RDWR | OFlags::CREATE)
    }

    /// Makes a new file, in the place of whatever has its name.
    pub(crate) fn open_to_write_new(path: &Path) -> io::Result<File> {
        remove_file(path).or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
        open(path, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)
    }

    pub(crate) fn open_folder(path: &Path) -> io::Result<OwnedFd> {
        if split(path).1.is_empty() {
            return Ok(fs::openat(CWD, path, FOLDER, Mode::empty())?);
        }
        let (folder, name) = parent(path)?;
        fs::openat(folder, &name, FOLDER | OFlags::NOFOLLOW, Mode::empty()).map_err(|error| no_link(error, &name))
    }

    /// Names that are Unicode, in no order.
    pub(crate) fn names(path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        each_name(open_folder(path)?.as_fd(), |name| {
            names.extend(name.to_str().ok().map(str::to_owned));
            Ok(())
        })?;
        Ok(names)
    }

    fn each_name(folder: BorrowedFd<'_>, mut then: impl FnMut(&CStr) -> io::Result<()>) -> io::Result<()> {
        for entry in Dir::read_from(folder)? {
            let entry = entry?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                then(entry.file_name())?;
            }
        }
        Ok(())
    }

    pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
        Ok(fs::fsync(open_folder(path)?)?)
    }

    pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
        let (folder, name) = parent(path)?;
        Ok(fs::mkdirat(folder, &name, Mode::from_raw_mode(0o777))?)
    }

    pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
        let (folder, name) = parent(path)?;
        Ok(fs::unlinkat(folder, &name, AtFlags::empty())?)
    }

    /// Removes a folder with all that is in it; a link is removed itself.
    pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
        let (folder, name) = parent(path)?;
        remove_inside(folder.as_fd(), &name)
    }

    fn remove_inside(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<()> {
        let inner = match fs::openat(folder, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(inner) => inner,
            Err(Errno::NOTDIR | Errno::LOOP) => return Ok(fs::unlinkat(folder, name, AtFlags::empty())?),
            Err(error) => return Err(error.into()),
        };
        // Names first: what is removed while a folder is listed may hide others.
        let mut names = Vec::new();
        each_name(inner.as_fd(), |name| {
            names.push(OsStr::from_bytes(name.to_bytes()).to_owned());
            Ok(())
        })?;
        for name in names {
            match fs::unlinkat(&inner, &name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                // What systems say of a folder.
                Err(Errno::ISDIR | Errno::PERM) => match remove_inside(inner.as_fd(), &name) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                },
                Err(error) => return Err(error.into()),
            }
        }
        Ok(fs::unlinkat(folder, name, AtFlags::REMOVEDIR)?)
    }

    pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
        let ((from, old), (to, new)) = (parent(from)?, parent(to)?);
        Ok(fs::renameat(from, &old, to, &new)?)
    }

    /// `false` where the system or the file system cannot do that.
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    pub(crate) fn exchange(from: &Path, to: &Path) -> io::Result<bool> {
        let ((from, old), (to, new)) = (parent(from)?, parent(to)?);
        match fs::renameat_with(from, &old, to, &new, fs::RenameFlags::EXCHANGE) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    pub(crate) fn exchange(_from: &Path, _to: &Path) -> io::Result<bool> {
        Ok(false)
    }
}

/// By paths whose folders are looked at before each use, where the system's library
/// has no calls that are relative to a folder.
#[cfg(not(unix))]
mod system {
    use std::fs::{self, File, OpenOptions};
    use std::io;
    use std::path::{Path, PathBuf};

    use super::split;

    fn checked(path: &Path) -> io::Result<&Path> {
        let (mut folder, names) = split(path);
        for name in names.iter().rev().skip(1).rev() {
            folder.push(name);
            if !fs::symlink_metadata(&folder)?.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
        }
        Ok(path)
    }

    fn plain(path: &Path) -> io::Result<&Path> {
        match fs::symlink_metadata(checked(path)?) {
            Ok(entry) if !entry.is_file() => Err(io::ErrorKind::InvalidInput.into()),
            _ => Ok(path),
        }
    }

    pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
        File::open(plain(path)?)
    }

    pub(crate) fn open_to_lock(path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(plain(path)?)
    }

    pub(crate) fn open_to_write_new(path: &Path) -> io::Result<File> {
        let removed = fs::remove_file(checked(path)?);
        removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
        OpenOptions::new().write(true).create_new(true).open(path)
    }

    pub(crate) fn open_folder(path: &Path) -> io::Result<PathBuf> {
        let is_root = split(path).1.is_empty();
        let is_folder = is_root || fs::symlink_metadata(checked(path)?)?.is_dir();
        if is_folder { Ok(path.to_owned()) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    pub(crate) fn names(path: &Path) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(open_folder(path)?)?;
        entries.filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose()).collect()
    }

    /// The system is trusted with a folder's entries.
    pub(crate) fn sync_folder(_path: &Path) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
        fs::create_dir(checked(path)?)
    }

    pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
        fs::remove_file(checked(path)?)
    }

    pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
        fs::remove_dir_all(checked(path)?)
    }

    pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(checked(from)?, checked(to)?)
    }

    pub(crate) fn exchange(_from: &Path, _to: &Path) -> io::Result<bool> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stores_own_names_are_told_from_the_way_to_it() {
        for (path, root, names) in [
            ("runs/branches/branch=b1/steps/x.parquet", "runs", 4),
            ("branches/branch=b1", ".", 2),
            ("/a/branches/branch=b0/runs/branches/branch=b1/tail", "/a/branches/branch=b0/runs", 3),
            ("/a/trash/branch=b1/branch.json", "/a", 3),
            ("/a/trash/.freed-branch=b1", "/a", 2),
            ("/a/.new-pack-1-0/branches/branch=b1/branch.json", "/a", 4),
            ("/a/.new-b1/steps", "/a", 2),
            ("/a/.freed-.new-b1", "/a", 1),
            ("/a/branches", "/a", 1),
            ("/a/branches/runs/store.json", "/a/branches/runs/store.json", 0),
            ("/a/store.lock", "/a/store.lock", 0),
        ] {
            let split = split(Path::new(path));
            assert_eq!((split.0.as_path(), split.1.len()), (Path::new(root), names), "{path}");
        }
    }
}
