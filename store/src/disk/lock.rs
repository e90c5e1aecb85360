//! Locks of the operating system, which end with the process that holds them.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use crate::StoreError;
use crate::disk::{beneath, described};

/// A lock that is held until this value is dropped.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

/// Whether a lock could be had at once.
pub(crate) enum Attempt {
    Held(FileLock),
    /// Somebody else holds it: who, as far as is known.
    Busy(String),
}

impl FileLock {
    /// Takes the lock at `path` if nobody holds it, and notes who we are.
    pub(crate) fn attempt(path: &Path) -> Result<Attempt, StoreError> {
        let io = |operation, source| StoreError::io(operation, path, source);
        // The note below would overwrite what a stranger's link leads to.
        if let Ok(entry) = path.symlink_metadata()
            && !entry.is_file()
        {
            return Err(StoreError::damaged(path, "a lock, which is a plain file", described(entry.file_type())));
        }
        let mut file = beneath::open_to_lock(path).map_err(|source| io("open", source))?;
        // What was put there since.
        let kind = file.metadata().map_err(|source| io("look at", source))?.file_type();
        if !kind.is_file() {
            return Err(StoreError::damaged(path, "a lock, which is a plain file", described(kind)));
        }
        match file.try_lock() {
            Ok(()) => {
                // The note is a courtesy to whoever is refused: on a full
                // disk the lock is as good without it.
                let note = format!("process {}\n", std::process::id());
                let _ = file.set_len(0).and_then(|()| file.write_all(note.as_bytes()));
                Ok(Attempt::Held(Self { _file: file }))
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let known = (&mut file).take(64).read_to_string(&mut holder).is_ok();
                let holder = holder.trim();
                Ok(Attempt::Busy(if known && holder.starts_with("process ") {
                    holder.to_owned()
                } else {
                    "another process".to_owned()
                }))
            }
            Err(TryLockError::Error(source)) => Err(io("lock", source)),
        }
    }

    /// [`attempt`](Self::attempt), for a moment again where somebody holds the
    /// lock: who only [looks](Self::is_held) holds it so long.
    pub(crate) fn attempt_for_a_moment(path: &Path) -> Result<Attempt, StoreError> {
        Self::attempt_for(path, 21)
    }

    /// [`attempt`](Self::attempt), so many times in all where somebody holds the lock.
    fn attempt_for(path: &Path, mut times: u32) -> Result<Attempt, StoreError> {
        Self::attempt_while(path, || {
            times = times.saturating_sub(1);
            times > 0
        })
    }

    /// [`attempt`](Self::attempt), again and again where somebody holds the lock, as long as
    /// it `waits`.
    pub(crate) fn attempt_while(path: &Path, mut waits: impl FnMut() -> bool) -> Result<Attempt, StoreError> {
        loop {
            match Self::attempt(path)? {
                Attempt::Busy(_) if waits() => std::thread::sleep(Duration::from_millis(5)),
                attempt => return Ok(attempt),
            }
        }
    }

    /// Whether somebody holds the lock for itself; leaves the holder's note
    /// alone.
    pub(crate) fn is_held(path: &Path) -> Result<bool, StoreError> {
        if !path.symlink_metadata().is_ok_and(|entry| entry.is_file()) {
            return Ok(false);
        }
        let file = beneath::open_to_read(path).map_err(|source| StoreError::io("open", path, source))?;
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(source)) => Err(StoreError::io("lock", path, source)),
        }
    }

    /// Takes a lock that others may share, if it can be had: a courtesy to
    /// gc and compact, which reading does without on a read-only medium.
    pub(crate) fn share(path: &Path) -> Option<Self> {
        if path.symlink_metadata().is_ok_and(|entry| !entry.is_file()) {
            return None;
        }
        let file = beneath::open_to_lock(path).ok()?;
        file.try_lock_shared().ok()?;
        Some(Self { _file: file })
    }

    /// Takes the lock at `path`, waiting up to ten seconds for it.
    pub(crate) fn wait(path: &Path) -> Result<Self, StoreError> {
        match Self::attempt_for(path, 2_000)? {
            Attempt::Held(lock) => Ok(lock),
            Attempt::Busy(holder) => Err(StoreError::StoreBusy { path: path.to_owned(), holder }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    /// `steer` looked whether somebody trains by taking the lock itself, and a
    /// run that began at that moment ended with `WriterBusy`.
    #[test]
    fn who_only_looks_keeps_no_writer_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("branch.lock");
        assert!(!FileLock::is_held(&path).unwrap(), "a lock that is not there");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    FileLock::is_held(&path).unwrap();
                }
            });
            let mut failures = 0;
            for _ in 0..50 {
                match FileLock::attempt_for_a_moment(&path).unwrap() {
                    Attempt::Held(_lock) => failures += u32::from(!FileLock::is_held(&path).unwrap()),
                    Attempt::Busy(_) => failures += 1,
                }
            }
            done.store(true, Ordering::Relaxed);
            assert_eq!(failures, 0, "a looker kept the writer out, or did not see it");
        });
        assert!(!FileLock::is_held(&path).unwrap(), "a lock that was let go");
    }
}
