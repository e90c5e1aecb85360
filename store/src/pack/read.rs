//! Reading a pack: every entry against the manifest, into a folder that nobody sees.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use revacnn_schemas::{BranchName, Fidelity, Producer};
use tar::{Archive, Entry, EntryType};

use crate::arrays::{self, digests_of};
use crate::disk::json;
use crate::disk::lock::{Attempt, FileLock};
use crate::disk::system::available_bytes;
use crate::disk::{Disk, DiskFile};
use crate::garbage::STAGING_LOCK;
use crate::pack::admit::{Unpacked, admit};
use crate::pack::manifest::{MANIFEST, Manifest, PackedBranch, PackedFile, entry_name, is_of_branch};
use crate::pack::write::Hashing;
use crate::read::difference::PORTION;
use crate::read::listing::Listing;
use crate::read::seen::Seen;
use crate::read::strays::Strays;
use crate::shape::TENSOR_TABLES;
use crate::write::recovery::create_folders;
use crate::{BranchReader, Lineage, Store, StoreError};

/// A pack whose manifest was read and makes sense.
#[derive(Debug)]
pub struct Pack {
    path: PathBuf,
    manifest: Manifest,
    /// Behind the manifest.
    rest: BufReader<File>,
}

/// Files that are synced together.
const SYNCED_TOGETHER: usize = 16;

impl Pack {
    /// Opens a pack, and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::BadPack`] where the file is none; [`StoreError::UnknownFormat`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(|source| StoreError::io("open", path, source))?;
        // Nothing in a pack is compressed: what it promises has to be in it.
        let length = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|file| file.len());
        let mut rest = BufReader::new(file);
        let bad = |reason: String| StoreError::bad_pack(path, reason);
        let no_pack = || format!("expected a pack, a tar archive that begins with {MANIFEST}");
        let mut text = Vec::new();
        {
            let mut archive = Archive::new(&mut rest);
            let first = archive.entries().and_then(|entries| entries.raw(true).next().transpose());
            let mut first = match first {
                Ok(Some(entry)) if &*entry.path_bytes() == MANIFEST.as_bytes() => entry,
                Ok(Some(entry)) => return Err(bad(format!("{}, found {}", no_pack(), shown(&entry)))),
                Ok(None) => return Err(bad(format!("{}, found an empty one", no_pack()))),
                Err(error) => return Err(bad(format!("{}, and cannot read it: {error}", no_pack()))),
            };
            if first.header().entry_type() != EntryType::Regular || first.size() > json::LARGEST {
                let most = json::LARGEST >> 20;
                return Err(bad(format!("expected {MANIFEST} to be a file of at most {most} MB, found another")));
            }
            let read = first.read_to_end(&mut text);
            read.map_err(|error| bad(format!("cannot read {MANIFEST}: {error}")))?;
        }
        let padding = text.len().next_multiple_of(BLOCK) - text.len();
        io::copy(&mut (&mut rest).take(padding as u64), &mut io::sink())
            .map_err(|error| bad(format!("cannot read {MANIFEST}: {error}")))?;
        let manifest: Manifest =
            json::parse(&text, &path.join(MANIFEST), "the manifest of a pack").map_err(|error| match error {
                StoreError::Damaged { expected, found, .. } => {
                    bad(format!("{MANIFEST}: expected {expected}, found {found}"))
                }
                error => error,
            })?;
        check(&manifest, length).map_err(|reason| bad(format!("{MANIFEST}: {reason}")))?;
        Ok(Self { path: path.to_owned(), manifest, rest })
    }

    /// The names of its branches, from the root to the one that was packed.
    pub fn branches(&self) -> impl Iterator<Item = &BranchName> {
        self.manifest.branches.iter().map(|branch| &branch.name)
    }

    /// Unpacks into a store; `progress` is given the bytes that are read and those
    /// that there are. Every file is checked before anything is seen in the store,
    /// where branches then appear whole, ancestors first.
    ///
    /// A branch that the store has is left as it is, or is replaced by the pack's
    /// if that goes on where it ends.
    ///
    /// # Errors
    /// [`StoreError::BadPack`] where something is not as the manifest says;
    /// [`StoreError::PackConflict`] where the store has another branch of an id;
    /// [`StoreError::WriterBusy`] and [`StoreError::InUse`] where a branch that is to
    /// be replaced is in use; [`StoreError::DiskFull`]. Nothing is unpacked then.
    pub fn unpack(mut self, store: &Store, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<Unpacked>, StoreError> {
        let bytes = self.manifest.bytes().unwrap_or(u64::MAX);
        if let Some(free) = available_bytes(store.root()).filter(|free| *free < bytes) {
            let reason = format!("{bytes} bytes are needed and {free} are free");
            let source = io::Error::new(io::ErrorKind::StorageFull, reason);
            return Err(StoreError::io("unpack into", store.root(), source));
        }
        let staging = Staging::begin(store)?;
        let result = self.extract(&staging.store, progress).and_then(|()| {
            self.check_branches(&staging.store)?;
            admit(store, &staging.store, &self.manifest)
        });
        // What is left here is what was replaced, or what is not wanted; what cannot be
        // removed now is garbage.
        let removed = store.disk().remove_folder(staging.store.root());
        let unpacked = result?;
        removed?;
        Ok(unpacked)
    }

    /// Writes the files into the folder where branches are put together.
    fn extract(&mut self, staged: &Store, progress: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
        let all = self.manifest.bytes().unwrap_or(u64::MAX);
        let mut done = 0;
        let disk = staged.disk();
        let mut archive = Archive::new(&mut self.rest);
        let bad = |reason: String| StoreError::bad_pack(&self.path, reason);
        let mut entries = archive.entries().map_err(|error| bad(error.to_string()))?.raw(true);
        disk.create_folder(&staged.root().join("branches"))?;
        for branch in &self.manifest.branches {
            let paths = staged.paths(&branch.id);
            disk.create_folder(&paths.folder)?;
            create_folders(disk, &paths)?;
            let mut folders: HashSet<PathBuf> = HashSet::from([paths.folder.clone(), paths.tail()]);
            let mut unsynced = Vec::new();
            for file in &branch.files {
                let name = entry_name(&branch.id, &file.path);
                let entry = match entries.next() {
                    Some(Ok(entry)) => entry,
                    Some(Err(error)) => return Err(bad(format!("{name}: {error}"))),
                    None => return Err(bad(format!("expected {name}, found the end of the file"))),
                };
                check_entry(&entry, &name, file).map_err(bad)?;
                let path = paths.folder.join(&file.path);
                let folder = path.parent().expect("invariant: it is in the branch's folder").to_owned();
                if !folders.contains(&folder) {
                    disk.create_folder(&folder)?;
                    folders.insert(folder);
                }
                unsynced.push(write_file(disk, &path, entry, file).map_err(|error| match error {
                    Extracting::Read(error) => bad(format!("{name}: {error}")),
                    Extracting::Differs => bad(format!("{name} has not the digest that {MANIFEST} gives")),
                    Extracting::Store(error) => error,
                })?);
                if unsynced.len() == SYNCED_TOGETHER {
                    disk.sync_together(&unsynced.iter().collect::<Vec<_>>(), &[])?;
                    unsynced.clear();
                }
                done += file.bytes;
                progress(done, all);
            }
            disk.sync_together(&unsynced.iter().collect::<Vec<_>>(), &[])?;
            for folder in &folders {
                disk.sync_folder(folder)?;
            }
        }
        match entries.next() {
            None => Ok(()),
            Some(Ok(entry)) => Err(bad(format!("expected the end, found {}", shown(&entry)))),
            Some(Err(error)) => Err(bad(error.to_string())),
        }
    }

    /// Looks at the branches as at those of any store.
    fn check_branches(&self, staged: &Store) -> Result<(), StoreError> {
        let bad = |reason: String| StoreError::bad_pack(&self.path, reason);
        // An error's path would be one in a folder that is gone by then.
        let within = |error: StoreError| {
            let root = format!("{}/", staged.root().display());
            bad(error.finding().replace(&root, ""))
        };
        let mut found = staged.branches().map_err(within)?;
        if let Some(problem) = std::mem::take(&mut found.problems).into_iter().next() {
            return Err(within(problem));
        }
        let names = self.manifest.branches.iter().map(|branch| (&branch.id, &branch.name));
        for (id, name) in names {
            let record = found.get(id);
            if record.is_none_or(|record| record.name != *name) {
                return Err(bad(format!("expected branch.json of {id} to name it `{name}`, found another name")));
            }
        }
        let branch = self.manifest.branches.last().expect("invariant: a manifest has a branch");
        let record = staged.branch_by_id(&branch.id).map_err(within)?;
        let lineage = Lineage::of(staged, &record).map_err(within)?;
        let of_lineage = lineage.branches().iter().rev().map(|record| &record.id);
        if !of_lineage.eq(self.manifest.branches.iter().map(|branch| &branch.id)) {
            let expected = format!("the ancestors of `{}` and it, from the root on", branch.name);
            return Err(bad(format!("expected {expected}, found other branches")));
        }
        if let Some(gap) = lineage.gaps().map_err(within)?.into_iter().next() {
            return Err(within(gap.error));
        }
        for record in lineage.branches() {
            self.check_branch(&BranchReader::of(staged, record.clone()).map_err(within)?, within)?;
        }
        Ok(())
    }

    fn check_branch(&self, reader: &BranchReader, within: impl Fn(StoreError) -> StoreError) -> Result<(), StoreError> {
        let record = reader.branch();
        let bad = |reason: &str| Err(StoreError::bad_pack(&self.path, format!("branch `{}` {reason}", record.name)));
        let seen = Seen::look(&reader.paths).map_err(&within)?;
        let listing = Listing::of(&reader.paths, &seen).map_err(&within)?;
        let strays = Strays::of(&reader.paths, &seen, &listing);
        if !strays.uncommitted.is_empty() || !strays.lost.is_empty() || !listing.merged.is_empty() {
            return bad("has files of steps that it does not have");
        }
        let is_every = record.recording.fidelity == Fidelity::Every;
        if matches!(record.producer, Producer::Foreign(_)) && !is_every {
            return bad("was computed by another program, and lacks what cannot be computed again");
        }
        if self.manifest.thin {
            let has_some = TENSOR_TABLES.iter().any(|&table| !seen.spans(table).is_empty());
            if is_every || has_some {
                return bad("is whole in a pack that says that it is thin");
            }
        }
        for digest in digests_of(record) {
            arrays::read(&reader.paths, digest).map_err(&within)?;
        }
        let Some(steps) = reader.steps() else { return bad("has no steps") };
        steps.portions(PORTION).try_for_each(|part| reader.step_rows(part).map(drop)).map_err(within)
    }
}

/// The unit in which tar counts.
const BLOCK: usize = 512;

/// Whether a manifest makes sense; `length` is the file's where it is known.
fn check(manifest: &Manifest, length: Option<u64>) -> Result<(), String> {
    if manifest.branches.is_empty() {
        return Err("expected a branch, found none".to_owned());
    }
    let mut ids = HashSet::new();
    for PackedBranch { id, files, .. } in &manifest.branches {
        if !ids.insert(id) {
            return Err(format!("expected branch {id} once, found it twice"));
        }
        let mut paths = HashSet::new();
        for file in files {
            if !is_of_branch(&file.path) {
                return Err(format!("expected files of a branch, found `{}`", file.path));
            }
            if !paths.insert(&file.path) {
                return Err(format!("expected {} of {id} once, found it twice", file.path));
            }
        }
    }
    match (manifest.bytes(), length) {
        (None, _) => Err("expected sizes that add up, found larger ones".to_owned()),
        (Some(bytes), Some(length)) if bytes > length => {
            Err(format!("it promises {bytes} bytes of files, found a pack of {length} bytes"))
        }
        _ => Ok(()),
    }
}

/// Whether an entry is the file that comes next.
fn check_entry<R: Read>(entry: &Entry<'_, R>, name: &str, file: &PackedFile) -> Result<(), String> {
    let is_file = entry.header().entry_type() == EntryType::Regular;
    if &*entry.path_bytes() != name.as_bytes() || !is_file {
        return Err(format!("expected the file {name}, found {}", shown(entry)));
    }
    if entry.size() != file.bytes {
        return Err(format!("expected {} bytes of {name}, found {}", file.bytes, entry.size()));
    }
    Ok(())
}

/// An entry for a message.
fn shown<R: Read>(entry: &Entry<'_, R>) -> String {
    let kind = match entry.header().entry_type() {
        EntryType::Regular => "the file",
        EntryType::Directory => "the folder",
        EntryType::Symlink | EntryType::Link => "the link",
        _ => "what is neither file nor folder:",
    };
    let name: String = String::from_utf8_lossy(&entry.path_bytes()).chars().take(120).collect();
    format!("{kind} `{name}`")
}

/// What can go wrong with a file that is extracted.
enum Extracting {
    Read(io::Error),
    Differs,
    Store(StoreError),
}

fn write_file(disk: &Disk, path: &Path, mut entry: impl Read, file: &PackedFile) -> Result<DiskFile, Extracting> {
    let mut written = Hashing::new(disk.create(path).map_err(Extracting::Store)?);
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0_u64;
    loop {
        let count = match entry.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Extracting::Read(error)),
        };
        let write = written.write_all(&buffer[..count]);
        write.map_err(|source| Extracting::Store(StoreError::io("write", path, source)))?;
        bytes += count as u64;
    }
    if bytes != file.bytes || written.finish() != file.digest {
        return Err(Extracting::Differs);
    }
    Ok(written.into_inner())
}

/// A folder of the store in which branches are put together, held from who tidies.
struct Staging {
    store: Store,
    _lock: FileLock,
}

impl Staging {
    fn begin(store: &Store) -> Result<Self, StoreError> {
        let _made_alone = store.lock()?;
        let disk = store.disk();
        let folders = (0_u32..).map(|number| store.root().join(format!(".new-pack-{}-{number}", std::process::id())));
        let root = folders
            .into_iter()
            .find(|folder| std::fs::symlink_metadata(folder).is_err())
            .expect("invariant: there is always a free number");
        disk.create_folder(&root)?;
        match FileLock::attempt(&root.join(STAGING_LOCK))? {
            Attempt::Held(lock) => Ok(Self { store: store.staged(root), _lock: lock }),
            Attempt::Busy(holder) => Err(StoreError::StoreBusy { path: root.join(STAGING_LOCK), holder }),
        }
    }
}
