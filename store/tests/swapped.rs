//! A store that another user may write: whatever folder is replaced by a link, at
//! whatever moment, nothing outside of the store changes.

#![cfg(unix)]

mod fake;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use fake::*;
use revacnn_schemas::{ParentRecord, Step};
use revacnn_store::{DiskOperation, Pack, PackContents, Recorder, Rewrite, Store};

const SEGMENT: u64 = 8;

/// `main` to step 13, and its fork `child`, of which the one is at rest and the other
/// left something in the tail.
fn prepare(root: &Path) {
    let (store, main) = store(root, &small(), recording(1));
    record_all(&store, &main, 13, SEGMENT);
    let parent = ParentRecord { branch: main.id.clone(), step: Step(9) };
    let new = new_branch(name("child"), definition(), recording(1), main.topology.clone(), Some(parent), 3);
    let child = store.create_branch(new).unwrap();
    let mut recorder = Recorder::open(&store, &child, options(SEGMENT)).unwrap();
    record(&mut recorder, 12).unwrap();
    drop(recorder);
    fs::create_dir(store.branch_folder(&main.id).join("tail/.open-000000000014-000000000014")).unwrap();
    fs::create_dir(root.join(".new-b000000000000000")).unwrap();
}

/// All that lies in a folder, with its bytes.
fn everything(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything(&path));
            found.push((path, None));
        } else {
            found.push((path.clone(), Some(fs::read(&path).unwrap())));
        }
    }
    found.sort();
    found
}

/// What was swapped, and what lay outside then.
type Swapped = Option<(String, Vec<(PathBuf, Option<Vec<u8>>)>)>;

/// Does something to a store, whose folder at a depth of the path of the `place`-th
/// change becomes a link to a folder outside just like it. Returns what was swapped.
fn swapped(
    prepared: &Path,
    act: &dyn Fn(&Store),
    place: usize,
    depth: usize,
) -> (usize, Swapped, PathBuf, tempfile::TempDir) {
    let home = tempdir().unwrap();
    let (root, outside) = (home.path().join("runs"), home.path().join("outside"));
    copy_folder(prepared, &root);
    let (count, taken): (Arc<AtomicUsize>, Arc<Mutex<Swapped>>) = Default::default();
    let (counted, taking, store_root, target) = (count.clone(), taken.clone(), root.clone(), outside.clone());
    let store = Store::open(&root).unwrap().with_disk_hook(Arc::new(move |operation| {
        if counted.fetch_add(1, Ordering::SeqCst) != place {
            return Ok(());
        }
        let path = match operation {
            DiskOperation::CreateFolder(path)
            | DiskOperation::Create(path)
            | DiskOperation::Write(path)
            | DiskOperation::Sync(path)
            | DiskOperation::Remove(path)
            | DiskOperation::Rename(_, path)
            | DiskOperation::Exchange(_, path) => path,
            _ => return Ok(()),
        };
        let inner: PathBuf = path.strip_prefix(&store_root).unwrap().components().take(depth).collect();
        let folder = store_root.join(&inner);
        if inner.as_os_str().is_empty() || !folder.is_dir() {
            return Ok(());
        }
        copy_folder(&store_root, &target);
        fs::rename(&folder, store_root.join("away")).unwrap();
        symlink(target.join(&inner), &folder).unwrap();
        *taking.lock().unwrap() = Some((format!("{} at {operation:?}", inner.display()), everything(&target)));
        Ok(())
    }));
    act(&store);
    drop(store);
    let swapped = taken.lock().unwrap().take();
    (count.load(Ordering::SeqCst), swapped, outside, home)
}

fn nothing_outside_changes(act: &dyn Fn(&Store), at_least: usize) {
    static PREPARED: OnceLock<tempfile::TempDir> = OnceLock::new();
    let prepared = PREPARED.get_or_init(|| {
        let folder = tempdir().unwrap();
        prepare(folder.path());
        folder
    });
    let (all, ..) = swapped(prepared.path(), act, usize::MAX, 0);
    let mut swaps = 0;
    // A stride that is prime meets every kind of change.
    for place in (0..all).step_by(if all > 150 { 5 } else { 1 }) {
        for depth in 1..=4 {
            let (_, swapped, outside, _home) = swapped(prepared.path(), act, place, depth);
            if let Some((what, before)) = swapped {
                swaps += 1;
                assert!(everything(&outside) == before, "change {place}, depth {depth}: {what}");
            }
        }
    }
    assert!(swaps >= at_least, "{swaps} swaps");
}

#[test]
fn while_a_branch_is_recorded() {
    nothing_outside_changes(
        &|store| {
            let Ok(main) = store.branch(&name("main")) else { return };
            let Ok(mut recorder) = Recorder::open(store, &main, options(SEGMENT)) else { return };
            for step in [14, 17, 20] {
                let _ = record(&mut recorder, step).and_then(|()| recorder.flush());
            }
            let _ = recorder.finish();
        },
        50,
    );
}

#[test]
fn while_branches_are_deleted_taken_back_and_freed() {
    nothing_outside_changes(
        &|store| {
            let child = name("child");
            let _ = store.delete(&child);
            let _ = store.take_back(&child);
            let _ = store.delete(&child);
            let garbage = store.garbage().map(|garbage| garbage.items).unwrap_or_default();
            let _ = store.collect(&garbage);
        },
        20,
    );
}

#[test]
fn while_tensors_are_dropped() {
    nothing_outside_changes(
        &|store| {
            let Ok(main) = store.branch(&name("main")) else { return };
            if let Ok(rewrite) = Rewrite::begin(store, &main) {
                let _ = rewrite.drop_tensors();
            }
        },
        20,
    );
}

#[test]
fn while_a_pack_is_unpacked() {
    let (from, out) = (tempdir().unwrap(), tempdir().unwrap());
    prepare(from.path());
    let store = Store::open(from.path()).unwrap();
    record_all(&store, &store.branch(&name("main")).unwrap(), 20, SEGMENT);
    let pack = out.path().join("main.tar");
    store.pack(&name("main"), PackContents::Whole, &pack, &mut |_, _| {}).unwrap();
    nothing_outside_changes(
        &|store| {
            let _ = Pack::open(&pack).unwrap().unpack(store, &mut |_, _| {});
        },
        50,
    );
}
