//! Whether something in a store may have changed since it was looked at.
//!
//! A glance is over what the system says of folders and files: which they are, when
//! they were changed, how large they are. A folder changes when something appears in it
//! or goes, a file when it is written into, by whomever. Nobody can set the time of a
//! change but with the clock.

use std::time::{Duration, SystemTime};

use revacnn_schemas::Table;
use serde::{Deserialize, Serialize};

use crate::disk::folder::{Folder, Modified, Stamp};

/// What a glance showed: an equal one later means that nothing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Glance([u64; 2]);

/// Times on disk are told apart when they are so far apart, on every system.
pub(crate) const UNSETTLED: Duration = Duration::from_secs(2);

/// What was glanced at in a branch's folder, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Glancing {
    began: SystemTime,
    stamps: Vec<u8>,
    newest: Modified,
    /// The files, and the folders that not every branch has: a path a line.
    paths: String,
    /// Whether a path cannot be written as a line.
    is_unspeakable: bool,
}

impl Glancing {
    fn empty() -> Self {
        let (newest, paths) = (Modified::default(), String::new());
        Self { began: SystemTime::now(), stamps: Vec::new(), newest, paths, is_unspeakable: false }
    }

    /// Begins with the folders that each branch has. They are to be listed
    /// afterwards: what appears meanwhile is then a change.
    pub(crate) fn begin(folder: &Folder) -> Self {
        let mut glancing = Self { stamps: Vec::with_capacity(2048), ..Self::empty() };
        let tables = Table::ALL.iter().map(|table| table.name());
        for name in [".", "tail", "inbox", "outbox"].into_iter().chain(tables) {
            glancing.stamp(folder.stamp(name));
        }
        glancing
    }

    /// Glances at what an earlier one was at.
    pub(crate) fn again(folder: &Folder, paths: &str) -> Self {
        let mut glancing = Self::begin(folder);
        for path in paths.lines() {
            glancing.stamp(folder.stamp(path));
        }
        glancing
    }

    /// Goes on with a file, or a folder, by its path in the branch's folder.
    pub(crate) fn add(&mut self, path: &[&str], stamp: Option<Stamp>) {
        for (place, name) in path.iter().enumerate() {
            self.is_unspeakable |= name.contains(['\n', '\r']);
            self.paths.push_str(if place > 0 { "/" } else { "" });
            self.paths.push_str(name);
        }
        self.paths.push('\n');
        self.stamp(stamp);
    }

    fn stamp(&mut self, stamp: Option<Stamp>) {
        match stamp {
            Some(stamp) => {
                self.stamps.extend(stamp.bytes());
                self.newest = self.newest.max(stamp.changed);
            }
            None => self.stamps.push(0),
        }
    }

    /// The files and folders, a path a line.
    pub(crate) fn paths(&self) -> &str {
        &self.paths
    }

    /// What was seen. `None` where something was written just before it began, or
    /// since: what is written in the same instant would be missed.
    pub(crate) fn end(&self) -> Option<Glance> {
        let now = self.began.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let newest = Duration::new(u64::try_from(self.newest.0).ok()?, u32::try_from(self.newest.1).ok()?);
        let is_settled = now.checked_sub(newest).is_some_and(|since| since > UNSETTLED);
        if !is_settled || self.is_unspeakable {
            return None;
        }
        let hash = blake3::hash(&self.stamps);
        let half = |place: usize| {
            let bytes = hash.as_bytes()[8 * place..8 * place + 8].try_into();
            u64::from_le_bytes(bytes.expect("invariant: eight bytes"))
        };
        Some(Glance([half(0), half(1)]))
    }
}

impl Glance {
    /// Glances at a branch's description alone.
    pub(crate) fn at_description(branches: &Folder, folder: &str) -> Option<Self> {
        let mut glancing = Glancing::empty();
        let stamp = branches.inside(folder).ok()??.stamp("branch.json")?;
        glancing.stamp(Some(stamp));
        glancing.end()
    }
}
