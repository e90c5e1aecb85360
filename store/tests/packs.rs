//! A branch in one file: what comes out is what went in, a stranger's pack brings in
//! nothing else, and no moment of a kill shows half of one.

mod fake;

use std::cell::Cell;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow_array::{ArrayRef, Float32Array, RecordBatch};
use fake::*;
use revacnn_schemas::{BranchRecord, Fidelity, ForeignProducer, ParentRecord, Producer, Step, Table};
use revacnn_store::{
    Arrival, BranchReader, DiskOperation, Lineage, NewBranch, Pack, PackContents, Recorder, StepSpan, Store,
    StoreError, Unpacked,
};
use serde_json::{Value, json};
use tar::{Archive, Builder, EntryType, Header};

const SEGMENT: u64 = 8;
const FORKED_AT: u64 = 13;
const LAST: u64 = 21;

/// `main` to step 29 and its fork `child` to step 21, whose newest steps are in the tail.
fn family(root: &Path) -> Store {
    let (store, main) = store(root, &small(), recording(1));
    record_all(&store, &main, 29, SEGMENT);
    child(&store, &main, LAST);
    store
}

fn child(store: &Store, main: &BranchRecord, last: u64) -> BranchRecord {
    let parent = ParentRecord { branch: main.id.clone(), step: Step(FORKED_AT) };
    let new = new_branch(name("child"), definition(), recording(1), main.topology.clone(), Some(parent), 3);
    let child = store.create_branch(new).unwrap();
    go_on(store, &child, last);
    child
}

/// Records more steps, and leaves the newest in the tail.
fn go_on(store: &Store, branch: &BranchRecord, last: u64) {
    let mut recorder = Recorder::open(store, branch, options(SEGMENT)).unwrap();
    record(&mut recorder, last - 2).unwrap();
    recorder.flush().unwrap();
    record(&mut recorder, last).unwrap();
}

fn packed(store: &Store, branch: &str, contents: PackContents, folder: &Path) -> PathBuf {
    let path = folder.join(format!("{branch}-{contents:?}.tar"));
    store.pack(&name(branch), contents, &path, &mut |_, _| {}).unwrap();
    path
}

fn unpacked(pack: &Path, store: &Store) -> Result<Vec<Unpacked>, StoreError> {
    Pack::open(pack)?.unpack(store, &mut |_, _| {})
}

fn history(store: &Store, branch: &str) -> Vec<(Table, RecordBatch)> {
    let reader = BranchReader::open(store, &name(branch)).unwrap();
    rows(&reader, reader.steps().unwrap().last)
}

fn arrivals(unpacked: &[Unpacked]) -> Vec<(String, Arrival)> {
    unpacked.iter().map(|one| (one.branch.name.to_string(), one.arrival)).collect()
}

fn span(first: u64, last: u64) -> StepSpan {
    StepSpan::new(Step(first), Step(last))
}

/// Nothing is left of what was put together, or of what was replaced.
fn is_tidy(store: &Store) -> bool {
    let names = fs::read_dir(store.root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with('.')).count() == 0
}

#[test]
fn what_is_unpacked_is_what_was_packed_up_to_what_the_child_shares() {
    let (from, to, out) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let store = family(from.path());
    let before = files(from.path());
    let pack = packed(&store, "child", PackContents::Whole, out.path());
    assert_eq!(files(from.path()), before);
    let other = Store::create(to.path(), 9).unwrap();
    let first = unpacked(&pack, &other).unwrap();
    assert_eq!(arrivals(&first), [("main".to_owned(), Arrival::Added), ("child".to_owned(), Arrival::Added)]);
    // Whole files: those of `main` that hold step 13 end at 15.
    assert_eq!([first[0].steps, first[1].steps], [span(0, 15), span(FORKED_AT, LAST)]);
    assert_eq!(history(&other, "child"), history(&store, "child"));
    let main = BranchReader::open(&store, &name("main")).unwrap();
    assert_eq!(history(&other, "main"), rows(&main, Step(15)));
    assert_eq!(store.branch(&name("child")).unwrap(), other.branch(&name("child")).unwrap());
    assert!(Lineage::open(&other, &name("child")).unwrap().gaps().unwrap().is_empty());
    assert!(is_tidy(&other));
    // Again: everything is there, and nothing changes.
    let contents =
        |root: &Path| files(root).into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect::<Vec<_>>();
    let was = contents(to.path());
    let again = unpacked(&pack, &other).unwrap();
    assert_eq!(arrivals(&again), [("main".to_owned(), Arrival::Kept), ("child".to_owned(), Arrival::Kept)]);
    assert_eq!(contents(to.path()), was);
    // Into the store that it came from, too, where `main` is longer.
    let home = unpacked(&pack, &store).unwrap();
    assert_eq!([home[0].steps, home[1].steps], [span(0, 29), span(FORKED_AT, LAST)]);
    // And it is trained on as any other.
    let branch = other.branch(&name("child")).unwrap();
    record_all(&other, &branch, 29, SEGMENT);
    record_all(&store, &branch, 29, SEGMENT);
    assert_eq!(history(&other, "child"), history(&store, "child"));
}

#[test]
fn a_branch_is_packed_while_it_is_recorded() {
    let (from, to, out) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let (store, main) = store(from.path(), &small(), recording(1));
    let mut recorder = Recorder::open(&store, &main, options(SEGMENT)).unwrap();
    record(&mut recorder, 10).unwrap();
    recorder.flush().unwrap();
    record(&mut recorder, 12).unwrap();
    let pack = packed(&store, "main", PackContents::Whole, out.path());
    let other = Store::create(to.path(), 9).unwrap();
    assert_eq!(unpacked(&pack, &other).unwrap()[0].steps, span(0, 10));
    record(&mut recorder, 29).unwrap();
    recorder.finish().unwrap();
    // Taken up elsewhere it leads to the same rows.
    record_all(&other, &other.branch(&name("main")).unwrap(), 29, SEGMENT);
    assert_eq!(history(&other, "main"), history(&store, "main"));
}

#[test]
fn packing_beside_a_writer_that_joins_files_always_gives_a_whole_pack() {
    let (from, out) = (tempdir().unwrap(), tempdir().unwrap());
    let (store, main) = store(from.path(), &small(), recording(1));
    let mut recorder = Recorder::open(&store, &main, options(SEGMENT)).unwrap();
    record(&mut recorder, 3).unwrap();
    recorder.flush().unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for step in 4..600 {
                record(&mut recorder, step).unwrap();
                recorder.flush().unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        let mut count = 0;
        while !done.load(Ordering::SeqCst) || count < 3 {
            let pack = packed(&store, "main", PackContents::Whole, out.path());
            let to = tempdir().unwrap();
            unpacked(&pack, &Store::create(to.path(), 9).unwrap()).unwrap();
            count += 1;
        }
    });
}

#[test]
fn a_thin_pack_has_what_tensors_follow_from_and_not_the_tensors() {
    let (from, to, out) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let store = family(from.path());
    let whole = fs::metadata(packed(&store, "child", PackContents::Whole, out.path())).unwrap().len();
    let thin = packed(&store, "child", PackContents::Thin, out.path());
    assert!(fs::metadata(&thin).unwrap().len() < whole);
    let other = Store::create(to.path(), 9).unwrap();
    unpacked(&thin, &other).unwrap();
    for branch in ["main", "child"] {
        let (ours, theirs) =
            (BranchReader::open(&store, &name(branch)).unwrap(), BranchReader::open(&other, &name(branch)).unwrap());
        assert_eq!(theirs.branch().recording.fidelity, Fidelity::Keyframes);
        let steps = theirs.steps().unwrap();
        assert_eq!(theirs.step_rows(steps).unwrap().len() as u64, steps.steps());
        assert_eq!(format!("{:?}", theirs.step_rows(steps).unwrap()), format!("{:?}", ours.step_rows(steps).unwrap()));
        assert!(!theirs.stores_tensors(steps.last).unwrap());
        let error = theirs.seek(steps.last).unwrap_err();
        assert!(matches!(error, StoreError::TensorsNotStored { nearest_keyframe: Some(_), .. }), "{error}");
    }
    // It takes nothing away from who has more.
    assert!(unpacked(&thin, &store).unwrap().iter().all(|one| one.arrival == Arrival::Kept));
    assert!(BranchReader::open(&store, &name("child")).unwrap().stores_tensors(Step(LAST)).unwrap());
}

/// A longer history replaces its beginning, and what it would take away keeps it out.
#[test]
fn the_longer_history_wins() {
    let (from, to, out) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let store = family(from.path());
    let other = Store::create(to.path(), 9).unwrap();
    unpacked(&packed(&store, "child", PackContents::Whole, out.path()), &other).unwrap();
    other.rename(&name("main"), &name("trunk")).unwrap();
    let thin = packed(&store, "main", PackContents::Thin, out.path());
    let whole = packed(&store, "main", PackContents::Whole, out.path());
    let refused = unpacked(&thin, &other).unwrap_err().to_string();
    assert!(refused.contains("without the tensors that `trunk` there has of steps 0–7. Compact `trunk`"), "{refused}");
    let main = other.branch(&name("trunk")).unwrap();
    {
        // Nobody may be at it meanwhile.
        let _reader = BranchReader::open(&other, &name("trunk")).unwrap();
        let error = unpacked(&whole, &other).unwrap_err();
        assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    }
    {
        let mut recorder = Recorder::open(&other, &main, options(SEGMENT)).unwrap();
        let error = unpacked(&whole, &other).unwrap_err();
        assert!(matches!(error, StoreError::WriterBusy { .. }), "{error}");
        // What is kept may be in use.
        unpacked(&packed(&other, "child", PackContents::Whole, out.path()), &other).unwrap();
        record(&mut recorder, 16).unwrap();
    }
    let done = unpacked(&whole, &other).unwrap();
    assert_eq!(arrivals(&done), [("trunk".to_owned(), Arrival::Extended(Some(span(0, 16))))]);
    assert_eq!((done[0].packed_as.as_str(), done[0].steps), ("main", span(0, 29)));
    assert_eq!(history(&other, "trunk"), history(&store, "main"));
    assert_eq!(history(&other, "child"), history(&store, "child"));
    assert!(is_tidy(&other) && other.garbage().unwrap().items.is_empty());
}

#[test]
fn another_history_under_the_same_id_is_refused_with_the_step() {
    let (from, to, out) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let store = family(from.path());
    let other = Store::create(to.path(), 9).unwrap();
    let pack = packed(&store, "child", PackContents::Whole, out.path());
    unpacked(&pack, &other).unwrap();
    let main = other.branch(&name("main")).unwrap();
    let file = segment(&other, &main, Table::Steps, "000000000008-000000000015");
    let own = fs::read(&file).unwrap();
    rewrite(&file, "decay_loss", |batch| {
        let values = (0..batch.num_rows()).map(|row| row as f32 * 3.0);
        Arc::new(Float32Array::from_iter_values(values)) as ArrayRef
    });
    let refused = unpacked(&pack, &other).unwrap_err().to_string();
    assert!(refused.contains("its row of step 8 in the table steps is another one there"), "{refused}");
    fs::write(&file, own).unwrap();
    unpacked(&pack, &other).unwrap();
    let path = other.branch_folder(&main.id).join("branch.json");
    let mut text: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    text["key"] = json!("0".repeat(64));
    fs::write(&path, text.to_string()).unwrap();
    let refused = unpacked(&pack, &other).unwrap_err();
    assert!(matches!(refused, StoreError::PackConflict { .. }), "{refused}");
    assert!(refused.to_string().contains("another key in branch.json"), "{refused}");
}

#[test]
fn a_taken_name_gets_a_number_and_a_deleted_branch_is_told() {
    let (from, to, out) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let store = family(from.path());
    let pack = packed(&store, "child", PackContents::Whole, out.path());
    let other = Store::create(to.path(), 9).unwrap();
    let mut another = definition();
    another.seed += 1;
    other.create_branch(new_branch(name("main"), another, recording(1), topology(&small()), None, 2)).unwrap();
    let done = unpacked(&pack, &other).unwrap();
    assert_eq!(arrivals(&done)[0], ("main~2".to_owned(), Arrival::Added));
    assert_eq!(history(&other, "child"), history(&store, "child"));
    assert!(Lineage::open(&other, &name("child")).unwrap().gaps().unwrap().is_empty());
    other.delete(&name("child")).unwrap();
    let refused = unpacked(&pack, &other).unwrap_err();
    assert!(refused.to_string().contains("it was deleted there and is in the trash"), "{refused}");
    assert_eq!(refused.advice().len(), 1);
    other.take_back(&name("child")).unwrap();
    unpacked(&pack, &other).unwrap();
}

#[test]
fn what_another_program_recorded_is_packed_whole_or_not_at_all() {
    let (from, to, out) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let store = Store::create(from.path(), 1).unwrap();
    let foreign = ForeignProducer { name: "pytorch".into(), version: "2.5".into(), notes: String::new() };
    let theirs = NewBranch {
        producer: Producer::Foreign(foreign),
        ..new_branch(name("theirs"), definition(), recording(1), topology(&small()), None, 2)
    };
    let branch = store.create_branch(theirs).unwrap();
    let path = out.path().join("theirs.tar");
    let pack = |contents| store.pack(&name("theirs"), contents, &path, &mut |_, _| {});
    assert!(pack(PackContents::Whole).unwrap_err().to_string().contains("it has no step yet"));
    record_all(&store, &branch, 20, SEGMENT);
    let refused = pack(PackContents::Thin).unwrap_err().to_string();
    assert!(refused.contains("pytorch 2.5 computed its steps") && refused.contains("pack it whole"), "{refused}");
    assert!(!path.exists());
    pack(PackContents::Whole).unwrap();
    let other = Store::create(to.path(), 9).unwrap();
    unpacked(&path, &other).unwrap();
    assert_eq!(history(&other, "theirs"), history(&store, "theirs"));
}

/// An entry of a pack: its header, and its bytes.
type Entry = (Header, Vec<u8>);

fn entries(pack: &Path) -> Vec<Entry> {
    let mut archive = Archive::new(fs::File::open(pack).unwrap());
    let read = |entry: io::Result<tar::Entry<'_, fs::File>>| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.header().clone(), bytes)
    };
    archive.entries().unwrap().map(read).collect()
}

fn write_entries(path: &Path, entries: &[Entry]) {
    let mut archive = Builder::new(fs::File::create(path).unwrap());
    for (header, bytes) in entries {
        let mut header = header.clone();
        header.set_cksum();
        archive.append(&header, &**bytes).unwrap();
    }
    archive.finish().unwrap();
}

/// A name that the library would refuse to write.
fn set_name(header: &mut Header, name: &str) {
    let field = &mut header.as_mut_bytes()[..100];
    field.fill(0);
    field[..name.len()].copy_from_slice(name.as_bytes());
}

fn change_manifest(entries: &mut [Entry], change: impl FnOnce(&mut Value)) {
    let mut manifest = serde_json::from_slice(&entries[0].1).unwrap();
    change(&mut manifest);
    entries[0].1 = manifest.to_string().into_bytes();
    let bytes = entries[0].1.len() as u64;
    entries[0].0.set_size(bytes);
}

/// Changes a file, and says so in the manifest.
fn change_file(entries: &mut [Entry], ending: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let place = entries.iter().position(|(header, _)| header.path_bytes().ends_with(ending.as_bytes())).unwrap();
    change(&mut entries[place].1);
    let bytes = entries[place].1.clone();
    entries[place].0.set_size(bytes.len() as u64);
    change_manifest(entries, |manifest| {
        let branches = manifest["branches"].as_array_mut().unwrap();
        let mut files = branches.iter_mut().flat_map(|branch| branch["files"].as_array_mut().unwrap());
        let file = files.nth(place - 1).unwrap();
        file["bytes"] = json!(bytes.len());
        file["digest"] = json!(blake3::hash(&bytes).to_hex().to_string());
    });
}

/// Everything that lies around a store, which no pack may change.
fn everything(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(everything(&path));
            found.push((path, None));
        } else if !path.ends_with("store.lock") {
            found.push((path.clone(), Some(fs::read(&path).unwrap())));
        }
    }
    found.sort();
    found
}

#[test]
fn a_strangers_pack_brings_in_nothing_but_what_belongs() {
    let (from, out) = (tempdir().unwrap(), tempdir().unwrap());
    let store = family(from.path());
    let good = packed(&store, "child", PackContents::Whole, out.path());
    let home = tempdir().unwrap();
    let other = Store::create(home.path().join("runs"), 9).unwrap();
    let before = everything(home.path());
    let bad = out.path().join("bad.tar");
    let count = Cell::new(0);
    let refused = |what: &str, change: &dyn Fn(&mut Vec<Entry>)| {
        let mut all = entries(&good);
        change(&mut all);
        write_entries(&bad, &all);
        let error = unpacked(&bad, &other).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, StoreError::BadPack { .. }), "{what}: {text}");
        assert!(text.contains(what), "`{what}` is not in {text}");
        assert!(!text.contains(['\n', '\u{202e}', '\u{1b}']), "{text:?}");
        assert_eq!(everything(home.path()), before, "{what}");
        count.set(count.get() + 1);
    };
    let file = |manifest: &mut Value, field: &str, value: Value| manifest["branches"][0]["files"][3][field] = value;

    // Where an entry would lead.
    for path in
        ["../../../outside", "/etc/passwd", "branches/branch=b000000000000000/../../../x", "x\n\u{202e}\u{1b}[2J"]
    {
        refused("expected the file branches/branch=", &|all| set_name(&mut all[3].0, path));
        refused("expected files of a branch, found `", &|all| {
            change_manifest(all, |manifest| file(manifest, "path", json!(path)));
        });
    }
    for path in ["branch.lock", "inbox/stop.json", "steps/../branch.json", "tail/.open-0/steps.parquet", ""] {
        refused("expected files of a branch, found `", &|all| {
            change_manifest(all, |manifest| file(manifest, "path", json!(path)));
        });
    }
    // What is no file.
    for kind in
        [EntryType::Symlink, EntryType::Link, EntryType::Fifo, EntryType::Char, EntryType::Block, EntryType::Directory]
    {
        refused("expected the file branches/branch=", &|all| {
            all[4].0.set_entry_type(kind);
            all[4].1.clear();
            all[4].0.set_size(0);
        });
        refused("to be a file", &|all| all[0].0.set_entry_type(kind));
    }
    refused("found what is neither file nor folder", &|all| {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::GNULongName);
        set_name(&mut header, "././@LongLink");
        header.set_size(0);
        all.insert(2, (header, Vec::new()));
    });
    // Sizes and digests that lie.
    refused("bytes of files, found a pack of", &|all| {
        change_manifest(all, |manifest| file(manifest, "bytes", json!(1_u64 << 40)));
    });
    refused("sizes that add up", &|all| {
        change_manifest(all, |manifest| file(manifest, "bytes", json!(u64::MAX)));
    });
    refused(" bytes of branches/branch=", &|all| {
        all[2].1.push(0);
        let bytes = all[2].1.len() as u64;
        all[2].0.set_size(bytes);
    });
    refused("has not the digest that manifest.json gives", &|all| all[5].1[20] ^= 1);
    refused("has not the digest that manifest.json gives", &|all| {
        change_manifest(all, |manifest| file(manifest, "digest", json!("0".repeat(64))));
    });
    // What is there twice, too often, or not at all.
    refused("once, found it twice", &|all| {
        change_manifest(all, |manifest| {
            let twice = manifest["branches"][0]["files"][2]["path"].clone();
            file(manifest, "path", twice);
        });
    });
    refused("once, found it twice", &|all| {
        change_manifest(all, |manifest| {
            let twice = manifest["branches"][0]["id"].clone();
            manifest["branches"][1]["id"] = twice;
        });
    });
    refused("expected the file", &|all| all.insert(4, all[3].clone()));
    refused("expected the end, found the file", &|all| all.push(all[3].clone()));
    refused("found the end of the file", &|all| drop(all.pop()));
    refused("expected the file", &|all| all.swap(3, 4));
    refused("begins with manifest.json, found the file", &|all| drop(all.remove(0)));
    refused("found an empty one", &|all| all.clear());
    refused("expected a branch, found none", &|all| {
        all.truncate(1);
        change_manifest(all, |manifest| manifest["branches"] = json!([]));
    });
    refused("unknown field `surprise`", &|all| change_manifest(all, |manifest| manifest["surprise"] = json!(1)));
    refused("to be a file of at most", &|all| all[0].0.set_size(1 << 40));
    // Branches that are none, or not those that it says.
    refused("branch.json", &|all| change_file(all, "branch.json", |text| *text = b"{".to_vec()));
    refused("to name it `other`", &|all| {
        change_manifest(all, |manifest| manifest["branches"][0]["name"] = json!("other"));
    });
    refused("was forked from", &|all| {
        let root = entry_root(all);
        all.retain(|(header, _)| !String::from_utf8_lossy(&header.path_bytes()).contains(&root));
        change_manifest(all, |manifest| drop(manifest["branches"].as_array_mut().unwrap().remove(0)));
    });
    refused("the ancestors of", &|all| {
        let root = entry_root(all);
        let (mut main, rest): (Vec<_>, Vec<_>) =
            all.drain(..).partition(|(header, _)| String::from_utf8_lossy(&header.path_bytes()).contains(&root));
        all.extend(rest);
        all.append(&mut main);
        change_manifest(all, |manifest| manifest["branches"].as_array_mut().unwrap().swap(0, 1));
    });
    refused("is missing", &|all| without(all, "steps/000000000000-000000000007.parquet"));
    refused("cannot", &|all| change_file(all, "steps/000000000008-000000000015.parquet", |bytes| bytes.truncate(900)));
    refused("is whole in a pack that says that it is thin", &|all| {
        change_manifest(all, |manifest| manifest["thin"] = json!(true));
    });
    assert!(count.get() > 40, "{}", count.get());

    // And what is no archive, or half of one.
    for bytes in [Vec::new(), b"PAR1".repeat(700), fs::read(&good).unwrap()[..20_000].to_vec()] {
        fs::write(&bad, bytes).unwrap();
        let error = unpacked(&bad, &other).unwrap_err();
        assert!(matches!(error, StoreError::BadPack { .. }), "{error}");
        assert_eq!(everything(home.path()), before);
    }
    unpacked(&good, &other).unwrap();
}

fn entry_root(all: &[Entry]) -> String {
    let manifest: Value = serde_json::from_slice(&all[0].1).unwrap();
    format!("branch={}", manifest["branches"][0]["id"].as_str().unwrap())
}

/// Leaves a file out, and says so.
fn without(all: &mut Vec<Entry>, ending: &str) {
    let place = all.iter().position(|(header, _)| header.path_bytes().ends_with(ending.as_bytes())).unwrap();
    all.remove(place);
    change_manifest(all, |manifest| {
        let files = manifest["branches"][0]["files"].as_array_mut().unwrap();
        files.retain(|file| !file["path"].as_str().unwrap().ends_with(ending));
    });
}

/// What a kill may leave: each branch as it was or as it comes, and a second try ends
/// where an undisturbed one does.
fn check_left(store: &Store, pack: &Path, of: &Store, what: &str) {
    let branches = store.branches().unwrap();
    assert!(branches.problems.is_empty(), "{what}: {:?}", branches.problems);
    for record in branches.records {
        let reader = BranchReader::of(store, record.clone()).unwrap();
        let source = BranchReader::open(of, &record.name).unwrap();
        let last = reader.steps().unwrap().last;
        assert!([7, 15, LAST, 29].contains(&last.0), "{what}: {last}");
        assert_eq!(rows(&reader, last), rows(&source, last), "{what}");
    }
    let left = store.garbage().unwrap();
    assert!(left.problems.is_empty(), "{what}: {:?}", left.problems);
    store.collect(&left.items).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(is_tidy(store), "{what}");
    unpacked(pack, store).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(is_tidy(store), "{what}");
    assert_eq!(history(store, "child"), history(of, "child"), "{what}");
}

#[test]
fn a_kill_before_any_change_of_the_disk_and_a_failure_of_any_leave_all_or_nothing() {
    let (from, prepared, out, snapshots) =
        (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let store = family(from.path());
    let pack = packed(&store, "child", PackContents::Whole, out.path());
    // A store that has the beginning of `main`, which is replaced.
    {
        let (other, main) = self::fake::store(prepared.path(), &small(), recording(1));
        record_all(&other, &main, 7, SEGMENT);
    }
    let folder = tempdir().unwrap();
    copy_folder(prepared.path(), folder.path());
    let taken: Arc<Mutex<Vec<(PathBuf, String)>>> = Arc::default();
    let operations = Arc::new(AtomicUsize::new(0));
    let (root, to, seen, counted) =
        (folder.path().to_owned(), snapshots.path().to_owned(), taken.clone(), operations.clone());
    let hooked = Store::open(folder.path()).unwrap().with_disk_hook(Arc::new(move |operation| {
        counted.fetch_add(1, Ordering::SeqCst);
        if !matches!(operation, DiskOperation::Sync(_) | DiskOperation::Write(_)) {
            let mut seen = seen.lock().unwrap();
            let target = to.join(seen.len().to_string());
            copy_folder(&root, &target);
            seen.push((target, format!("killed before {operation:?}")));
        }
        Ok(())
    }));
    let done = unpacked(&pack, &hooked).unwrap();
    assert_eq!(arrivals(&done)[0].1, Arrival::Extended(Some(span(0, 7))));
    let taken = taken.lock().unwrap();
    assert!(taken.len() > 50, "{}", taken.len());
    for (path, what) in taken.iter() {
        check_left(&Store::open(path).unwrap(), &pack, &store, what);
    }
    for place in (0..operations.load(Ordering::SeqCst)).step_by(7) {
        let folder = tempdir().unwrap();
        copy_folder(prepared.path(), folder.path());
        let count = AtomicUsize::new(0);
        let full = Store::open(folder.path()).unwrap().with_disk_hook(Arc::new(move |_| {
            let is_full = count.fetch_add(1, Ordering::SeqCst) >= place;
            if is_full { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
        }));
        let what = format!("the disk is full from operation {place} on");
        let error = unpacked(&pack, &full).unwrap_err();
        assert!(matches!(error, StoreError::DiskFull { .. }), "{what}: {error}");
        check_left(&Store::open(folder.path()).unwrap(), &pack, &store, &what);
    }
}

#[test]
fn gc_spares_what_is_being_put_together() {
    let (from, to, out) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
    let store = family(from.path());
    let pack = packed(&store, "child", PackContents::Whole, out.path());
    let root = to.path().to_owned();
    Store::create(&root, 9).unwrap();
    let looks = Arc::new(AtomicUsize::new(0));
    let seen = looks.clone();
    let hooked = Store::open(to.path()).unwrap().with_disk_hook(Arc::new(move |operation| {
        if matches!(operation, DiskOperation::Create(path) if path.extension().is_some_and(|end| end == "parquet")) {
            assert!(Store::open(&root).unwrap().garbage().unwrap().items.is_empty());
            seen.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }));
    unpacked(&pack, &hooked).unwrap();
    assert!(looks.load(Ordering::SeqCst) > 20);
}
