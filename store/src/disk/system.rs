//! What the operating system knows: free space, processor time.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, SystemTime};

use revacnn_schemas::BranchId;

use crate::disk::paths::BranchPaths;

/// Bytes that are free for this user where `path` is or will be; `None` where
/// the system does not say.
pub(crate) fn available_bytes(path: &Path) -> Option<u64> {
    let path = std::path::absolute(path).ok()?;
    let existing = path.ancestors().find(|ancestor| ancestor.exists())?;
    free_at(existing)
}

/// The bytes that a log may take where nobody said: 10 GB, or a fifth of what
/// is free if that is less; `None` where the system does not say.
pub fn default_disk_budget(store: &Path) -> Option<u64> {
    const MOST: u64 = 10_000_000_000;
    available_bytes(store).map(|free| (free / 5).min(MOST))
}

/// Seconds since 1970 (UTC), by the system's clock.
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(unix)]
fn free_at(path: &Path) -> Option<u64> {
    let figures = rustix::fs::statvfs(path).ok()?;
    figures.f_bavail.checked_mul(figures.f_frsize)
}

#[cfg(not(unix))]
fn free_at(_path: &Path) -> Option<u64> {
    None
}

/// The machine's cores, as far as this process may use them.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Processor time of this process in seconds, all threads together; 0 where
/// the system does not say.
pub fn cpu_seconds() -> f64 {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    }
    #[cfg(not(unix))]
    {
        0.0
    }
}

/// Processor time of the calling thread; `None` where the system does not say.
pub(crate) fn thread_cpu() -> Option<Duration> {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
    }
    #[cfg(not(unix))]
    {
        None
    }
}

/// The processes that have a file open, such as `process 4711 (revacnn)`; none
/// where the system does not say.
pub(crate) fn who_has_open(path: &Path) -> Vec<String> {
    let Ok(path) = path.canonicalize() else { return Vec::new() };
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let mut found: Vec<u32> = processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process| {
            // Those of other people do not let themselves be looked into.
            let files = std::fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
            files.into_iter().any(|file| std::fs::read_link(file.path()).is_ok_and(|open| open == path))
        })
        .collect();
    found.sort_unstable();
    let named = |process: u32| {
        let name = std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
        match name.trim() {
            _ if process == std::process::id() => "this process itself".to_owned(),
            "" => format!("process {process}"),
            name => format!("process {process} ({name})"),
        }
    };
    found.into_iter().map(named).collect()
}

/// Bytes of all files of a branch.
pub fn branch_bytes(store: &Path, branch: &BranchId) -> u64 {
    folder_bytes(&BranchPaths::new(store, branch).folder, 3)
}

/// Bytes of the files in a folder and its folders, so many levels down.
pub(crate) fn folder_bytes(folder: &Path, levels: u32) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.file_type() {
            Ok(kind) if kind.is_dir() && levels > 1 => folder_bytes(&entry.path(), levels - 1),
            Ok(kind) if kind.is_file() => file_bytes(&entry.path()),
            _ => 0,
        })
        .sum()
}

/// Bytes of a file; 0 where there is none.
pub(crate) fn file_bytes(path: &Path) -> u64 {
    path.symlink_metadata().map_or(0, |metadata| metadata.len())
}
