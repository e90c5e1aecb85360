//! A medium that keeps what was synced, and of the rest what it likes.
//!
//! A [`PowerLog`] notes every change of a store's disk. At any moment the power may
//! fail: what a sync has reached is there then, and of the changes of entries that no
//! sync has reached any choice is, in whatever order they were made, as the file
//! systems' common promises permit. Contents that were not synced are lost, or there.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use revacnn_store::{DiskHook, DiskOperation};

/// A file or a folder, whatever its name.
type Node = usize;

/// The folder of the store.
const ROOT: Node = 0;

type Content = Arc<[u8]>;

/// What lies where.
#[derive(Debug, Clone, Default)]
struct Tree {
    /// The entries of each folder.
    folders: BTreeMap<Node, BTreeMap<OsString, Node>>,
}

/// A change of entries.
#[derive(Debug, Clone)]
enum Change {
    Enter { folder: Node, name: OsString, node: Node },
    Leave { folder: Node, name: OsString, node: Node },
    Move { from: Node, name: OsString, to: Node, renamed: OsString, node: Node },
}

impl Change {
    /// The folder whose sync makes it last.
    fn folder(&self) -> Node {
        match self {
            Self::Enter { folder, .. } | Self::Leave { folder, .. } => *folder,
            Self::Move { to, .. } => *to,
        }
    }
}

#[derive(Debug)]
enum Event {
    Entries(Change),
    /// A file's content is other than what was synced.
    Written(Node),
    /// A folder's entries, or a file with this content, are on the medium.
    Synced(Node, Option<Content>),
    /// The caller was told that so much is done.
    Told(usize),
}

#[derive(Debug)]
struct Noted {
    root: PathBuf,
    /// What lay there at first, and the contents.
    start: Tree,
    contents: BTreeMap<Node, Content>,
    /// The nodes that are folders.
    folders: BTreeSet<Node>,
    /// What lies there now.
    now: Tree,
    nodes: usize,
    events: Vec<(Event, String)>,
}

/// Notes what happens to a store, for power failures afterwards.
#[derive(Debug, Clone)]
pub struct PowerLog(Arc<Mutex<Noted>>);

/// What is left after a power failure.
#[derive(Debug)]
pub struct Left<'a> {
    /// The store's folder, to be changed as one likes.
    pub folder: &'a Path,
    /// What [`PowerLog::told`] was last given before.
    pub told: usize,
    /// When the power failed, and what was lost; for messages.
    pub what: &'a str,
}

impl PowerLog {
    /// Of a folder: all that lies in it is on the medium.
    pub fn of(root: &Path) -> Self {
        let mut noted = Noted {
            root: root.to_owned(),
            start: Tree::default(),
            contents: BTreeMap::new(),
            folders: BTreeSet::new(),
            now: Tree::default(),
            nodes: 1,
            events: Vec::new(),
        };
        noted.take_in(ROOT, root);
        noted.start = noted.now.clone();
        Self(Arc::new(Mutex::new(noted)))
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes each change; for `Store::with_disk_hook`.
    pub fn hook(&self) -> DiskHook {
        let log = self.clone();
        Arc::new(move |operation| log.noted().note(operation))
    }

    /// The caller was told that so much is done: no power failure after this may undo it.
    pub fn told(&self, so_much: usize) {
        self.noted().events.push((Event::Told(so_much), format!("told {so_much}")));
    }

    /// Has the power fail before every `stride`-th change: with nothing kept that was not
    /// synced, with all of it, with each one change lost or kept, and with `drawn`
    /// choices by chance. Calls `look` for each state that differs from those before, and
    /// returns how many there were.
    pub fn failures(&self, stride: usize, drawn: usize, mut look: impl FnMut(Left<'_>)) -> usize {
        let noted = self.noted();
        let (mut seen, mut draws) = (HashSet::new(), 0x9e37_79b9_7f4a_7c15_u64);
        let points: Vec<usize> = (0..=noted.events.len())
            .filter(|&point| !matches!(noted.events.get(point), Some((Event::Written(_) | Event::Told(_), _))))
            .collect();
        for &point in points.iter().step_by(stride.max(1)) {
            let pending = noted.pending(point);
            let mut choices: Vec<(Vec<usize>, String)> =
                vec![(Vec::new(), "nothing unsynced kept".to_owned()), (pending.clone(), "all kept".to_owned())];
            for &one in &pending {
                let others = pending.iter().copied().filter(|other| *other != one).collect();
                choices.push((others, format!("all kept but {}", noted.events[one].1)));
                choices.push((vec![one], format!("{} kept", noted.events[one].1)));
            }
            for draw in 0..drawn {
                let chosen = pending.iter().copied().filter(|_| {
                    draws ^= draws << 13;
                    draws ^= draws >> 7;
                    draws ^= draws << 17;
                    draws & 1 == 0
                });
                choices.push((chosen.collect(), format!("choice {draw}")));
            }
            let told = noted.events[..point].iter().rev().find_map(|(event, _)| match event {
                Event::Told(so_much) => Some(*so_much),
                _ => None,
            });
            let at = noted.events.get(point).map_or("the end", |(_, what)| what);
            for ((kept, choice), contents_kept) in choices.iter().flat_map(|choice| [(choice, false), (choice, true)]) {
                let files = noted.files(point, kept, contents_kept);
                let mut hash = DefaultHasher::new();
                (&files, told).hash(&mut hash);
                if !seen.insert(hash.finish()) {
                    continue;
                }
                let folder = tempfile::tempdir_in(memory()).expect("a folder");
                for (path, content) in &files {
                    let path = folder.path().join(path);
                    match content {
                        None => fs::create_dir_all(path).expect("a folder"),
                        Some(content) => fs::write(path, content).expect("a file"),
                    }
                }
                let contents = if contents_kept { "kept" } else { "lost" };
                let what = format!("power failed before {point}, {at}; {choice}, contents {contents}");
                look(Left { folder: folder.path(), told: told.unwrap_or(0), what: &what });
            }
        }
        seen.len()
    }
}

/// A place in memory, where the system has one.
fn memory() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}

impl Noted {
    fn new_node(&mut self) -> Node {
        self.nodes += 1;
        self.nodes - 1
    }

    /// Takes in what lies in a folder.
    fn take_in(&mut self, folder: Node, path: &Path) {
        self.folders.insert(folder);
        for entry in fs::read_dir(path).expect("a folder") {
            let entry = entry.expect("an entry");
            let node = self.new_node();
            self.now.folders.entry(folder).or_default().insert(entry.file_name(), node);
            if entry.file_type().expect("a kind").is_dir() {
                self.take_in(node, &entry.path());
            } else {
                self.contents.insert(node, fs::read(entry.path()).expect("a file").into());
            }
        }
    }

    /// The folder that a path lies in, and its name there.
    fn entry<'p>(&self, path: &'p Path) -> Option<(Node, &'p OsStr)> {
        let inner = path.strip_prefix(&self.root).ok()?;
        let mut folder = ROOT;
        for name in inner.parent()?.iter() {
            folder = *self.now.folders.get(&folder)?.get(name)?;
        }
        Some((folder, inner.file_name()?))
    }

    fn node(&self, path: &Path) -> Option<Node> {
        if path == self.root {
            return Some(ROOT);
        }
        let (folder, name) = self.entry(path)?;
        self.now.folders.get(&folder)?.get(name).copied()
    }

    fn change(&mut self, change: Change, what: String) {
        self.now.apply(&change);
        self.events.push((Event::Entries(change), what));
    }

    /// Notes a change. What was made past the hook (locks) is not known here.
    fn note(&mut self, operation: DiskOperation<'_>) -> io::Result<()> {
        let what = format!("{operation:?}");
        match operation {
            DiskOperation::CreateFolder(path) | DiskOperation::Create(path) => {
                let is_folder = matches!(operation, DiskOperation::CreateFolder(_));
                match (self.node(path), self.entry(path)) {
                    (Some(_), _) if is_folder => {}
                    (Some(node), _) => self.events.push((Event::Written(node), what)),
                    (None, Some((folder, name))) => {
                        let node = self.new_node();
                        if is_folder {
                            self.folders.insert(node);
                        }
                        self.change(Change::Enter { folder, name: name.to_owned(), node }, what);
                    }
                    (None, None) => return Err(io::Error::other(format!("{what}: its folder was never made"))),
                }
            }
            DiskOperation::Write(path) => {
                if let Some(node) = self.node(path)
                    && !matches!(self.events.last(), Some((Event::Written(last), _)) if *last == node)
                {
                    self.events.push((Event::Written(node), what));
                }
            }
            DiskOperation::Sync(path) => {
                if let Some(node) = self.node(path) {
                    let content = if path.is_file() { Some(fs::read(path)?.into()) } else { None };
                    self.events.push((Event::Synced(node, content), what));
                }
            }
            DiskOperation::Rename(from, to) => {
                if let (Some(node), Some((from, name)), Some((to, renamed))) =
                    (self.node(from), self.entry(from), self.entry(to))
                {
                    let (name, renamed) = (name.to_owned(), renamed.to_owned());
                    self.change(Change::Move { from, name, to, renamed, node }, what);
                }
            }
            DiskOperation::Remove(path) => {
                if let (Some(node), Some((folder, name))) = (self.node(path), self.entry(path)) {
                    self.remove(folder, name.to_owned(), node, &what);
                }
            }
            other => return Err(io::Error::other(format!("{other:?} is unknown to this medium"))),
        }
        Ok(())
    }

    /// Removes a file, or a folder after all that is in it.
    fn remove(&mut self, folder: Node, name: OsString, node: Node, what: &str) {
        let inner = self.now.folders.get(&node).cloned().unwrap_or_default();
        for (name, inner) in inner {
            self.remove(node, name, inner, what);
        }
        let what = format!("{what}: {}", name.display());
        self.change(Change::Leave { folder, name, node }, what);
    }

    /// Where the syncs end that have returned when the power fails: those that are asked
    /// for together return together.
    fn synced_until(&self, point: usize) -> usize {
        let is_sync = |place: usize| matches!(self.events.get(place), Some((Event::Synced(..), _)));
        if !is_sync(point) {
            return point;
        }
        (0..point).rev().find(|&place| !is_sync(place)).map_or(0, |place| place + 1)
    }

    /// The changes of entries before a point that no sync has reached.
    fn pending(&self, point: usize) -> Vec<usize> {
        let until = self.synced_until(point);
        let entries = self.events[..point].iter().enumerate();
        entries
            .filter_map(|(place, (event, _))| match event {
                Event::Entries(change) => Some((place, change.folder())),
                _ => None,
            })
            .filter(|(place, folder)| {
                let after = self.events.get(place + 1..until).unwrap_or_default();
                !after.iter().any(|(event, _)| matches!(event, Event::Synced(node, _) if node == folder))
            })
            .map(|(place, _)| place)
            .collect()
    }

    /// What is on the medium: paths, with contents or as folders.
    fn files(&self, point: usize, kept: &[usize], contents_kept: bool) -> Vec<(PathBuf, Option<Content>)> {
        let pending = self.pending(point);
        let mut tree = self.start.clone();
        for (place, (event, _)) in self.events[..point].iter().enumerate() {
            if let Event::Entries(change) = event
                && (!pending.contains(&place) || kept.contains(&place))
            {
                tree.apply(change);
            }
        }
        let mut contents = self.contents.clone();
        let until = self.synced_until(point);
        for (place, (event, _)) in self.events.iter().enumerate() {
            match event {
                Event::Synced(node, Some(content)) if place < until => {
                    contents.insert(*node, content.clone());
                }
                // The next sync tells what was written.
                Event::Written(node) if place < point && !self.is_synced(*node, place, until) => {
                    let later = self.events[place..].iter().find_map(|(event, _)| match event {
                        Event::Synced(synced, content) if synced == node => content.clone(),
                        _ => None,
                    });
                    contents.insert(*node, later.filter(|_| contents_kept).unwrap_or_default());
                }
                _ => {}
            }
        }
        let mut files = Vec::new();
        self.list(&tree, ROOT, Path::new(""), &contents, &mut files);
        files
    }

    fn list(
        &self,
        tree: &Tree,
        folder: Node,
        path: &Path,
        contents: &BTreeMap<Node, Content>,
        files: &mut Vec<(PathBuf, Option<Content>)>,
    ) {
        for (name, node) in tree.folders.get(&folder).into_iter().flatten() {
            let (path, is_folder) = (path.join(name), self.folders.contains(node));
            files.push((path.clone(), (!is_folder).then(|| contents.get(node).cloned().unwrap_or_default())));
            if is_folder {
                self.list(tree, *node, &path, contents, files);
            }
        }
    }

    fn is_synced(&self, node: Node, from: usize, until: usize) -> bool {
        let after = self.events.get(from..until).unwrap_or_default();
        after.iter().any(|(event, _)| matches!(event, Event::Synced(synced, _) if *synced == node))
    }
}

impl Tree {
    /// A change that is not of what lies there (another one was lost) does nothing.
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Enter { folder, name, node } => {
                self.folders.entry(*folder).or_default().insert(name.clone(), *node);
            }
            Change::Leave { folder, name, node } => self.leave(*folder, name, *node),
            Change::Move { from, name, to, renamed, node } => {
                self.leave(*from, name, *node);
                self.folders.entry(*to).or_default().insert(renamed.clone(), *node);
            }
        }
    }

    fn leave(&mut self, folder: Node, name: &OsStr, node: Node) {
        let entries = self.folders.entry(folder).or_default();
        if entries.get(name) == Some(&node) {
            entries.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The states of a small file that is written anew.
    fn left(steps: &[DiskOperation<'_>], root: &Path, told_after: usize) -> Vec<(String, usize)> {
        let log = PowerLog::of(root);
        let hook = log.hook();
        for (place, step) in steps.iter().enumerate() {
            hook(*step).unwrap();
            // What the hook is told of happens after it.
            match step {
                DiskOperation::Create(path) => fs::write(path, "").unwrap(),
                DiskOperation::Write(path) => fs::write(path, "new").unwrap(),
                DiskOperation::Rename(from, to) => fs::rename(from, to).unwrap(),
                _ => {}
            }
            if place == told_after {
                log.told(1);
            }
        }
        let mut found = Vec::new();
        log.failures(1, 4, |left| {
            found.push((fs::read_to_string(left.folder.join("a")).unwrap_or_else(|_| "none".to_owned()), left.told));
        });
        found
    }

    #[test]
    fn a_file_that_is_renamed_unsynced_may_be_empty_and_a_synced_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (new, a) = (folder.path().join("new"), folder.path().join("a"));
        use DiskOperation::{Create, Rename, Sync, Write};
        fs::write(&a, "old").unwrap();
        let careless = left(&[Create(&new), Write(&new), Rename(&new, &a), Sync(folder.path())], folder.path(), 3);
        assert!(careless.contains(&(String::new(), 0)) || careless.contains(&(String::new(), 1)), "{careless:?}");
        fs::write(&a, "old").unwrap();
        let steps = [Create(&new), Write(&new), Sync(&new), Rename(&new, &a), Sync(folder.path())];
        let careful = left(&steps, folder.path(), 4);
        assert!(careful.iter().all(|(text, told)| text == "new" || (text == "old" && *told == 0)), "{careful:?}");
        assert!(careful.iter().any(|(text, _)| text == "old"), "{careful:?}");
        // Told before the folder was synced: the promise is not kept.
        fs::write(&a, "old").unwrap();
        let early = left(&steps[..4], folder.path(), 3);
        assert!(early.contains(&("old".to_owned(), 1)), "{early:?}");
    }
}
