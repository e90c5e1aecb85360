//! How much memory this process holds, and how much more it may take: what is
//! free, what the control groups that it is in leave it, and the limit of its
//! address space. Known on Linux alone.

use std::path::{Path, PathBuf};

/// Bytes that a process holds, or may still take; `None` where the system does
/// not say, or sets no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Memory {
    /// In memory.
    pub(crate) resident: Option<u64>,
    /// Of addresses, whether there is memory behind them or not.
    pub(crate) addresses: Option<u64>,
}

/// What this process holds.
pub(crate) fn held() -> Memory {
    let status = read(Path::new("/proc/self/status")).unwrap_or_default();
    Memory { resident: kilobytes(&status, "VmRSS:"), addresses: kilobytes(&status, "VmSize:") }
}

/// What this process may still take.
pub(crate) fn left() -> Memory {
    left_below(Path::new("/"))
}

/// [`left`] by the files of a system whose root is here.
fn left_below(root: &Path) -> Memory {
    let process = root.join("proc/self");
    let free = read(&root.join("proc/meminfo")).and_then(|text| kilobytes(&text, "MemAvailable:"));
    let groups = groups(root, &process).into_iter().filter_map(|group| group.left());
    let limit = read(&process.join("limits")).and_then(|text| address_limit(&text));
    let used = read(&process.join("status")).and_then(|text| kilobytes(&text, "VmSize:")).unwrap_or(0);
    Memory { resident: free.into_iter().chain(groups).min(), addresses: limit.map(|limit| limit.saturating_sub(used)) }
}

/// A control group that bounds memory.
struct Group {
    folder: PathBuf,
    /// Names of the second version's files, or of the first one's.
    unified: bool,
}

impl Group {
    /// Bytes until its limit. What it holds of files that nobody uses is given
    /// back before a process is killed.
    fn left(&self) -> Option<u64> {
        let [limit, usage, idle] = if self.unified {
            ["memory.max", "memory.current", "inactive_file "]
        } else {
            ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file "]
        };
        let number = |name: &str| read(&self.folder.join(name))?.trim().parse::<u64>().ok();
        // The word `max` is no limit.
        let (limit, usage) = (number(limit)?, number(usage)?);
        let statistics = read(&self.folder.join("memory.stat")).unwrap_or_default();
        let idle = statistics.lines().find_map(|line| line.strip_prefix(idle)?.trim().parse::<u64>().ok());
        Some(limit.saturating_sub(usage.saturating_sub(idle.unwrap_or(0))))
    }
}

/// The groups that a process is in, each with those above it.
fn groups(root: &Path, process: &Path) -> Vec<Group> {
    let own = read(&process.join("cgroup")).unwrap_or_default();
    let mounts = read(&process.join("mountinfo")).unwrap_or_default();
    let mut groups = Vec::new();
    for line in own.lines() {
        // NUMBER:CONTROLLERS:PATH; the second version has no controllers.
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let unified = controllers.is_empty();
        if !unified && !controllers.split(',').any(|name| name == "memory") {
            continue;
        }
        for (shown, mounted) in mounts.lines().filter_map(|line| mounted_groups(line, unified)) {
            // A container sees its own group as the root, or by its full path.
            let inside = Path::new(path).strip_prefix(shown).unwrap_or(Path::new(path));
            let inside = inside.strip_prefix("/").unwrap_or(inside);
            let mounted = root.join(mounted.strip_prefix("/").unwrap_or(Path::new(mounted)));
            groups.extend(inside.ancestors().map(|folder| Group { folder: mounted.join(folder), unified }));
        }
    }
    groups
}

/// Which group a line of `mountinfo` shows, and where, if it is one of control
/// groups of this version that bound memory.
fn mounted_groups(line: &str, unified: bool) -> Option<(&Path, &Path)> {
    let (mount, of) = line.split_once(" - ")?;
    let (mut mount, mut of) = (mount.split(' ').skip(3), of.split(' '));
    let (shown, mounted) = (mount.next()?, mount.next()?);
    let (kind, options) = (of.next()?, of.nth(1).unwrap_or_default());
    let fits = match unified {
        true => kind == "cgroup2",
        false => kind == "cgroup" && options.split(',').any(|option| option == "memory"),
    };
    fits.then_some((Path::new(shown), Path::new(mounted)))
}

/// The soft limit of the address space.
fn address_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A line `NAME 123 kB`.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A system with 8 GB free, and these files.
    fn system(files: &[(&str, &str)]) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        let meminfo = [("proc/meminfo", "MemTotal: 16000000 kB\nMemAvailable:    8000000 kB\n")];
        for (path, text) in meminfo.iter().chain(files) {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn resident(files: &[(&str, &str)]) -> Option<u64> {
        left_below(system(files).path()).resident
    }

    const UNIFIED: &str = "31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn without_groups_it_is_what_is_free() {
        assert_eq!(resident(&[]), Some(8_192_000_000));
        let root = tempfile::tempdir().unwrap();
        assert_eq!(left_below(root.path()), Memory::default());
    }

    #[test]
    fn the_tightest_of_a_group_and_those_above_it_counts() {
        let mut files = vec![
            ("proc/self/cgroup", "0::/user.slice/job.scope\n"),
            ("proc/self/mountinfo", UNIFIED),
            ("sys/fs/cgroup/user.slice/job.scope/memory.max", "max\n"),
            ("sys/fs/cgroup/user.slice/job.scope/memory.current", "5000\n"),
            ("sys/fs/cgroup/user.slice/memory.max", "400000000\n"),
            ("sys/fs/cgroup/user.slice/memory.current", "150000000\n"),
        ];
        assert_eq!(resident(&files), Some(250_000_000));
        // Pages of files that nobody uses are given back.
        files.push(("sys/fs/cgroup/user.slice/memory.stat", "anon 3\ninactive_file 100000000\nactive_file 7\n"));
        assert_eq!(resident(&files), Some(350_000_000));
        files[2].1 = "300000000\n";
        assert_eq!(resident(&files), Some(299_995_000));
    }

    #[test]
    fn a_group_of_the_first_version_counts_as_well_as_a_container_of_its_own() {
        let mut files = vec![
            ("proc/self/cgroup", "5:devices:/x\n4:cpu,memory:/docker/abc\n0::/\n"),
            (
                "proc/self/mountinfo",
                "40 31 0:32 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n35 31 0:32 /docker/abc \
                 /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n41 31 0:38 / /sys/fs/cgroup/unified rw - \
                 cgroup2 cgroup2 rw\n",
            ),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "400000000"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "100000000"),
            ("sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 20000000\n"),
        ];
        assert_eq!(resident(&files), Some(320_000_000));
        // Without a limit, its number is beyond all memory.
        files[2].1 = "9223372036854771712";
        assert_eq!(resident(&files), Some(8_192_000_000));
    }

    #[test]
    fn a_group_that_holds_more_than_its_limit_leaves_nothing() {
        let files = [
            ("proc/self/cgroup", "0::/\n"),
            ("proc/self/mountinfo", UNIFIED),
            ("sys/fs/cgroup/memory.max", "100"),
            ("sys/fs/cgroup/memory.current", "200"),
        ];
        assert_eq!(resident(&files), Some(0));
    }

    #[test]
    fn a_limit_of_addresses_counts_from_those_that_are_used() {
        let limits =
            "Limit   Soft Limit   Hard Limit   Units\nMax address space         2000000000   unlimited   bytes\n";
        let mut files = vec![("proc/self/limits", limits), ("proc/self/status", "VmSize:\t  1000 kB\nVmRSS: 1 kB\n")];
        assert_eq!(left_below(system(&files).path()).addresses, Some(1_998_976_000));
        files[0].1 = "Max address space         unlimited   unlimited   bytes\n";
        assert_eq!(left_below(system(&files).path()).addresses, None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_holds_memory() {
        assert!(held().resident.is_some_and(|bytes| bytes > 1 << 20));
        assert!(held().addresses >= held().resident);
    }
}
