//! The law of the log: wherever its writer is killed, what is found afterwards are
//! the rows of an undisturbed recording up to a committed step, and going on gives
//! the undisturbed whole.

mod fake;

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fake::*;
use proptest::prelude::*;
use proptest::sample::Index;
use revacnn_schemas::{BranchRecord, RecordingSettings, Step, Table};
use revacnn_store::{BranchReader, DiskOperation, Recorder, Store, StoreError};

/// What a training does to its log.
#[derive(Debug, Clone)]
enum Action {
    /// Records so many steps.
    Record(u64),
    Flush,
    Seal,
    /// Seals, and begins anew.
    Finish,
    /// Is dropped as by a panic, and begins anew.
    Drop,
}

/// A recording from its beginning to its end.
#[derive(Debug, Clone)]
struct History {
    actions: Vec<Action>,
    segment_steps: u64,
    recording: RecordingSettings,
}

fn history() -> impl Strategy<Value = History> {
    let action = prop_oneof![
        4 => (1..7_u64).prop_map(Action::Record),
        3 => Just(Action::Flush),
        1 => Just(Action::Seal),
        1 => Just(Action::Finish),
        1 => Just(Action::Drop),
    ];
    let actions = (1..7_u64, proptest::collection::vec(action, 1..12)).prop_map(|(first, mut actions)| {
        actions.insert(0, Action::Record(first));
        actions
    });
    let intervals = (1..9_u64, proptest::option::of(1..9_u64));
    (actions, 2..13_u64, 0..3_usize, intervals).prop_map(|(actions, segment_steps, probes, intervals)| {
        let (keyframe_interval, validate_every) = intervals;
        let recording = RecordingSettings { keyframe_interval, validate_every, ..recording(probes) };
        History { actions, segment_steps, recording }
    })
}

/// How a writer ends.
#[derive(Debug, Clone)]
struct End {
    /// The change of the disk that is not made, or only half.
    change: Index,
    is_half_done: bool,
    /// Whether no other change is made after it either, as after a kill; the program
    /// lives on where this one alone fails.
    is_killed: bool,
}

fn end() -> impl Strategy<Value = End> {
    (any::<Index>(), any::<bool>(), any::<bool>()).prop_map(|(change, is_half_done, is_killed)| End {
        change,
        is_half_done,
        is_killed,
    })
}

/// What has become of a recording so far.
#[derive(Debug, Default)]
struct Progress {
    /// Steps that were recorded.
    given: u64,
    /// The numbers of steps that there were at each commit.
    committed: Vec<u64>,
}

fn run(store: &Store, branch: &BranchRecord, history: &History, progress: &mut Progress) -> Result<(), StoreError> {
    let open = || Recorder::open(store, branch, options(history.segment_steps));
    let mut recorder = open()?;
    let mut target = 0;
    for action in &history.actions {
        match action {
            Action::Record(steps) => {
                target += steps;
                progress.given = target;
                record(&mut recorder, target - 1)?;
                continue;
            }
            Action::Flush => recorder.flush()?,
            Action::Seal => recorder.seal()?,
            Action::Finish => {
                recorder.finish()?;
                recorder = open()?;
            }
            Action::Drop => {
                drop(recorder);
                recorder = open()?;
            }
        }
        progress.committed.push(recorder.last_committed().map_or(0, |step| step.0 + 1));
    }
    let last = recorder.finish()?.last_step;
    progress.committed.push(last.map_or(0, |step| step.0 + 1));
    Ok(())
}

/// Makes half of a change: of a folder that is removed, every other entry goes, and
/// a file has a part of what is appended. The others are made as a whole.
fn make_half(operation: DiskOperation<'_>) -> io::Result<()> {
    match operation {
        DiskOperation::CreateFolder(path) => fs::create_dir_all(path),
        DiskOperation::Create(path) => fs::write(path, ""),
        DiskOperation::Write(path) => fs::OpenOptions::new().append(true).open(path)?.write_all(b"PAR1 and half"),
        DiskOperation::Rename(from, to) => fs::rename(from, to),
        DiskOperation::Remove(path) if path.is_dir() => {
            let mut entries: Vec<_> = fs::read_dir(path)?.map(|entry| entry.unwrap().path()).collect();
            entries.sort();
            entries.iter().step_by(2).try_for_each(fs::remove_file)
        }
        DiskOperation::Remove(path) => fs::remove_file(path),
        _ => Ok(()),
    }
}

/// A store whose writer meets its end at a change.
fn ending(store: Store, end: &End, at: usize) -> Store {
    let (count, end) = (AtomicUsize::new(0), end.clone());
    store.with_disk_hook(Arc::new(move |operation| {
        let place = count.fetch_add(1, Ordering::SeqCst);
        if place < at || (place > at && !end.is_killed) {
            return Ok(());
        }
        if place == at && end.is_half_done {
            make_half(operation)?;
        }
        Err(io::Error::other("this one is not made"))
    }))
}

/// No row that a plain reader sees is there twice.
fn no_row_is_there_twice(folder: &Path) -> Result<(), TestCaseError> {
    for table in Table::ALL {
        let keys = glob(folder, table);
        let mut unique = keys.clone();
        unique.dedup();
        prop_assert_eq!(keys, unique, "{}", table);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_any_kill_there_is_a_committed_prefix_and_going_on_gives_the_whole(history in history(), end in end()) {
        let folders = [tempdir().unwrap(), tempdir().unwrap()];
        let [(whole, branch), (store, same)] =
            folders.each_ref().map(|folder| store(folder.path(), &small(), history.recording.clone()));
        prop_assert_eq!(&branch, &same);

        let (changes, mut undisturbed) = (Arc::new(AtomicUsize::new(0)), Progress::default());
        let count = changes.clone();
        let counting = whole.clone().with_disk_hook(Arc::new(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }));
        run(&counting, &branch, &history, &mut undisturbed).unwrap();
        let last = undisturbed.given - 1;
        let expected = BranchReader::open(&whole, &name("main")).unwrap();
        prop_assert_eq!(expected.steps().unwrap().last, Step(last));

        let mut disturbed = Progress::default();
        let at = end.change.index(changes.load(Ordering::SeqCst));
        // An error of a recorder that is dropped is told to nobody.
        let _ = run(&ending(store.clone(), &end, at), &branch, &history, &mut disturbed);

        let reader = BranchReader::open(&store, &name("main")).unwrap();
        let there = reader.steps().map_or(0, |span| span.last.0 + 1);
        let at_least = disturbed.committed.last().copied().unwrap_or(0);
        prop_assert!((at_least..=disturbed.given).contains(&there), "{} steps, {:?}", there, disturbed);
        let is_commit = there.is_multiple_of(history.segment_steps) || undisturbed.committed.contains(&there);
        prop_assert!(is_commit, "{} steps, where {:?} are committed", there, undisturbed.committed);
        if there > 0 {
            prop_assert_eq!(rows(&reader, Step(there - 1)), rows(&expected, Step(there - 1)));
        }
        let folder = store.branch_folder(&branch.id);
        no_row_is_there_twice(&folder)?;
        drop(reader);

        let mut recorder = Recorder::open(&store, &branch, options(history.segment_steps)).unwrap();
        prop_assert_eq!(recorder.next_step(), Step(there));
        record(&mut recorder, last).unwrap();
        recorder.finish().unwrap();
        let reader = BranchReader::open(&store, &name("main")).unwrap();
        prop_assert_eq!(reader.steps(), expected.steps());
        prop_assert_eq!(rows(&reader, Step(last)), rows(&expected, Step(last)));
        no_row_is_there_twice(&folder)?;
        prop_assert_eq!(glob(&folder, Table::Steps).len() as u64, last + 1);
        prop_assert_eq!(fs::read_dir(folder.join("tail")).unwrap().count(), 0);
    }
}
