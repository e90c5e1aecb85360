//! One test a way in which a store can be damaged. Every error names the
//! path, what was expected and what was found, and the rest stays readable.

mod fake;

use std::fs;
use std::path::{Path, PathBuf};

use fake::*;
use revacnn_schemas::{BranchRecord, ParentRecord, Step, Table};
use revacnn_store::{BranchReader, Recorder, Selection, StepSpan, Store, StoreError};
use tempfile::TempDir;

/// A store with a branch of 40 steps in segments of 16.
fn recorded() -> (TempDir, Store, BranchRecord) {
    let folder = tempdir().unwrap();
    let (store, branch) = store(folder.path(), &small(), recording(1));
    record_all(&store, &branch, 39, 16);
    (folder, store, branch)
}

fn segment(store: &Store, branch: &BranchRecord, table: Table, place: usize) -> PathBuf {
    let folder = store.branch_folder(&branch.id).join(table.name());
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files[place].clone()
}

fn says(error: &StoreError, path: &Path) {
    let (text, path) = (error.to_string(), path.display().to_string());
    assert!(text.contains(&path), "`{text}` does not name {path}");
}

#[test]
fn a_truncated_segment_is_named_and_others_are_read() {
    let (_folder, store, branch) = recorded();
    let path = segment(&store, &branch, Table::Weights, 1);
    for length in [0, 3, 100, fs::metadata(&path).unwrap().len() - 1] {
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
        let reader = BranchReader::open(&store, &name("main")).unwrap();
        says(&reader.seek(Step(20)).unwrap_err(), &path);
        reader.seek(Step(15)).unwrap();
        reader.seek(Step(32)).unwrap();
        reader.step_rows(StepSpan::new(Step(0), Step(39))).unwrap();
    }
}

#[test]
fn flipped_bytes_never_panic_and_errors_name_the_file() {
    let (_folder, store, branch) = recorded();
    let mut refused = 0;
    for table in [Table::Weights, Table::Gradients, Table::Steps, Table::Keyframes, Table::Filters] {
        let path = segment(&store, &branch, table, 1);
        let whole = fs::read(&path).unwrap();
        for round in 0..150_usize {
            let mut bytes = whole.clone();
            // Half of the flips hit the footer, where most can go wrong.
            let place = if round % 2 == 0 {
                round * 7919 % bytes.len()
            } else {
                bytes.len() - 1 - round * 13 % (bytes.len() / 2)
            };
            bytes[place] ^= 1 << (round % 8);
            fs::write(&path, &bytes).unwrap();
            let reader = BranchReader::open(&store, &name("main")).unwrap();
            let span = StepSpan::new(Step(16), Step(31));
            let outcomes = [
                reader.seek(Step(20)).map(drop),
                reader.read(table, span, &Selection::all()).map(drop),
                reader.step_row(Step(20)).map(drop),
                reader.keyframe_at_or_before(Step(24)).map(drop),
            ];
            for error in outcomes.into_iter().filter_map(Result::err) {
                refused += 1;
                let text = error.to_string();
                assert!(text.contains(&store.branch_folder(&branch.id).display().to_string()), "{text}");
            }
            reader.seek(Step(3)).unwrap();
        }
        fs::write(&path, &whole).unwrap();
    }
    assert!(refused > 100, "only {refused} flips were noticed");
}

#[test]
fn a_missing_table_file_is_named_and_the_rest_is_read() {
    let (_folder, store, branch) = recorded();
    let path = segment(&store, &branch, Table::Gradients, 1);
    fs::remove_file(&path).unwrap();
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    let error = reader.seek(Step(20)).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    says(&error, &path);
    let all = StepSpan::new(Step(0), Step(39));
    assert_eq!(reader.read(Table::Weights, all, &Selection::all()).unwrap().num_rows(), 40 * 12);
    reader.seek(Step(2)).unwrap();
}

#[test]
fn a_missing_steps_file_says_which_steps_are_gone() {
    let (_folder, store, branch) = recorded();
    fs::remove_file(segment(&store, &branch, Table::Steps, 1)).unwrap();
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    let error = reader.seek(Step(20)).unwrap_err().to_string();
    assert!(error.contains("0–15, 32–39") && error.contains("steps"), "{error}");
    reader.seek(Step(35)).unwrap();
    // A writer that opens the branch leaves the other tables of the lost
    // segment alone.
    drop(Recorder::open(&store, &branch, options(16)).unwrap());
    assert!(segment(&store, &branch, Table::Weights, 1).to_string_lossy().contains("000016-"));
}

#[test]
fn two_files_with_the_same_steps_are_refused() {
    let (_folder, store, branch) = recorded();
    let path = segment(&store, &branch, Table::Steps, 1);
    let copy = path.with_file_name("000000000010-000000000031.parquet");
    fs::copy(&path, copy).unwrap();
    let error = BranchReader::open(&store, &name("main")).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn a_file_with_other_rows_than_its_name_says_is_refused() {
    let (_folder, store, branch) = recorded();
    let (short, long) = (segment(&store, &branch, Table::Weights, 2), segment(&store, &branch, Table::Weights, 1));
    fs::copy(&short, &long).unwrap();
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    let error = reader.seek(Step(20)).unwrap_err();
    says(&error, &long);
    assert!(error.to_string().contains("192 rows"), "{error}");
}

#[test]
fn a_file_of_another_table_is_refused() {
    let (_folder, store, branch) = recorded();
    let path = segment(&store, &branch, Table::Weights, 1);
    fs::copy(segment(&store, &branch, Table::Filters, 1), &path).unwrap();
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    let error = reader.seek(Step(20)).unwrap_err();
    says(&error, &path);
    assert!(error.to_string().contains("columns of the table weights"), "{error}");
}

#[test]
fn foreign_files_in_a_store_do_no_harm() {
    let (folder, store, branch) = recorded();
    let branch_folder = store.branch_folder(&branch.id);
    fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    fs::create_dir(folder.path().join("branches/other")).unwrap();
    fs::write(folder.path().join("branches/.DS_Store"), "x").unwrap();
    fs::write(branch_folder.join("steps/notes.txt"), "x").unwrap();
    fs::write(branch_folder.join("steps/512-1023.parquet"), "x").unwrap();
    fs::write(branch_folder.join("weights/mine.parquet"), "x").unwrap();
    fs::write(branch_folder.join("tail/readme"), "x").unwrap();
    let store = Store::open(folder.path()).unwrap();
    let branches = store.branches().unwrap();
    assert_eq!((branches.records.len(), branches.problems.len()), (1, 0));
    let mut recorder = Recorder::open(&store, &branch, options(16)).unwrap();
    record(&mut recorder, 50).unwrap();
    recorder.finish().unwrap();
    let reader = BranchReader::open(&store, &name("main")).unwrap();
    assert_eq!(reader.steps(), Some(StepSpan::new(Step(0), Step(50))));
    assert!(branch_folder.join("weights/mine.parquet").exists());
    assert!(branch_folder.join("tail/readme").exists());
}

#[test]
fn a_folder_with_other_files_is_not_made_a_store() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "x").unwrap();
    let error = Store::create(folder.path(), 0).unwrap_err().to_string();
    assert!(error.contains("thesis.tex") && error.contains("choose another"), "{error}");
    let error = Store::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("store.json"), "{error}");
    let error = Store::open(folder.path().join("nowhere")).unwrap_err().to_string();
    assert!(error.contains("no such folder"), "{error}");
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let (folder, store, branch) = recorded();
    let path = store.branch_folder(&branch.id).join("branch.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"format_version\": 5", "\"format_version\": 7")).unwrap();
    let branches = store.branches().unwrap();
    let text = branches.problems[0].to_string();
    assert!(text.contains("version 7") && text.contains("knows versions 1 to 5"), "{text}");
    says(&branches.problems[0], &path);
    fs::write(folder.path().join("store.json"), "{\"format_version\": 9, \"shape\": []}").unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::UnknownFormat { .. }), "{error}");
}

#[test]
fn a_damaged_description_is_named_and_the_other_branches_stay_listed() {
    let (_folder, store, branch) = recorded();
    let mut other = definition();
    other.seed = 5;
    let second =
        store.create_branch(new_branch(name("second"), other, recording(1), topology(&small()), None, 3)).unwrap();
    let path = store.branch_folder(&branch.id).join("branch.json");
    for text in ["", "{", "[]", "{\"format_version\": 1}", "\u{0}"] {
        fs::write(&path, text).unwrap();
        let branches = store.branches().unwrap();
        assert_eq!(branches.records, std::slice::from_ref(&second));
        assert_eq!(branches.problems.len(), 1);
        says(&branches.problems[0], &path);
        let error = store.branch(&name("main")).unwrap_err().to_string();
        assert!(error.contains("`second`") && error.contains("1 that cannot"), "{error}");
    }
    fs::remove_file(&path).unwrap();
    says(&store.branches().unwrap().problems[0], &path);
}

#[test]
fn a_description_with_absurd_sizes_is_refused() {
    let (_folder, store, branch) = recorded();
    let path = store.branch_folder(&branch.id).join("branch.json");
    let text = fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("\"coefficients\": 5", "\"coefficients\": 18446744073709551615"),
        ("\"coefficients\": 5", "\"coefficients\": 9999999999"),
        ("\"keyframe_interval\": 5", "\"keyframe_interval\": 0"),
        ("\"layer\": \"layer1\"", "\"layer\": \"layer0\""),
        ("\"layer\": \"layer1\"", "\"layer\": \"../x\""),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let problems = store.branches().unwrap().problems;
        assert_eq!(problems.len(), 1, "{to}");
        says(&problems[0], &path);
    }
}

#[test]
fn a_store_that_vanished_is_not_one_without_branches() {
    let (folder, store, _) = recorded();
    let away = folder.path().with_extension("away");
    fs::rename(folder.path(), &away).unwrap();
    let error = store.branches().unwrap_err();
    says(&error, folder.path());
    assert!(error.to_string().contains("there is no such folder"), "{error}");
    fs::rename(&away, folder.path()).unwrap();
    assert_eq!(store.branches().unwrap().records.len(), 1);
}

#[test]
fn a_folder_under_another_id_is_refused() {
    let (_folder, store, branch) = recorded();
    let folder = store.branch_folder(&branch.id);
    let copy = folder.with_file_name("branch=b0123456789abcde");
    copy_folder(&folder, &copy);
    let branches = store.branches().unwrap();
    assert_eq!(branches.records.len(), 1);
    says(&branches.problems[0], &copy.join("branch.json"));
    fs::rename(&copy, folder.with_file_name("branch=x")).unwrap();
    says(&store.branches().unwrap().problems[0], &folder.with_file_name("branch=x"));
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_not_followed() {
    let (_folder, store, branch) = recorded();
    let (elsewhere, folder) = (tempdir().unwrap(), store.branch_folder(&branch.id));
    let moved = elsewhere.path().join("moved");
    fs::rename(&folder, &moved).unwrap();
    std::os::unix::fs::symlink(&moved, &folder).unwrap();
    let branches = store.branches().unwrap();
    assert!(branches.records.is_empty());
    let text = branches.problems[0].to_string();
    assert!(text.contains("symbolic link"), "{text}");
}

#[test]
fn a_second_writer_is_refused_and_told_who_holds_the_branch() {
    let (_folder, store, branch) = recorded();
    let first = Recorder::open(&store, &branch, options(16)).unwrap();
    let error = Recorder::open(&store, &branch, options(16)).unwrap_err();
    let holder = format!("process {}", std::process::id());
    assert!(matches!(error, StoreError::WriterBusy { .. }), "{error}");
    assert!(error.to_string().contains(&holder), "{error}");
    drop(first);
    Recorder::open(&store, &branch, options(16)).unwrap();
}

#[cfg(unix)]
#[test]
fn an_unwritable_folder_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, store, branch) = recorded();
    let folder = store.branch_folder(&branch.id).join("tail");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let writable = fs::write(folder.join("probe"), "").is_ok();
    if writable {
        // Whoever may do everything cannot be refused.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        return;
    }
    let mut recorder = Recorder::open(&store, &branch, options(16)).unwrap();
    let error = record(&mut recorder, 40).and_then(|()| recorder.flush()).unwrap_err();
    says(&error, &folder);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_file_in_the_place_of_a_folder_is_named() {
    let (_folder, store, branch) = recorded();
    let folder = store.branch_folder(&branch.id).join("tail");
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "x").unwrap();
    says(&Recorder::open(&store, &branch, options(16)).unwrap_err(), &folder);
}

#[test]
fn a_damaged_list_of_thinned_spans_is_named() {
    let (_folder, store, branch) = recorded();
    let path = store.branch_folder(&branch.id).join("thinned.json");
    for text in ["x", "{\"format_version\": 1, \"spans\": [[5, 2]]}"] {
        fs::write(&path, text).unwrap();
        says(&BranchReader::open(&store, &name("main")).unwrap_err(), &path);
    }
}

#[test]
fn a_lost_parent_and_a_parent_cycle_are_named() {
    let (_folder, store, main) = recorded();
    let fork = |called: &str, parent: &BranchRecord, step| {
        let parent = ParentRecord { branch: parent.id.clone(), step: Step(step) };
        let (topology, recording) = (topology(&small()), recording(1));
        store.create_branch(new_branch(name(called), definition(), recording, topology, Some(parent), 4))
    };
    let child = fork("child", &main, 20).unwrap();
    let grandchild = fork("grandchild", &child, 30).unwrap();
    assert_eq!(grandchild.topology.layers[0].filters[0].born.as_ref(), Some(&grandchild.id));
    let error = fork("early", &child, 19).unwrap_err();
    assert!(matches!(error, StoreError::ForkBeforeParent { .. }), "{error}");
    let error = fork("main", &main, 3).unwrap_err();
    assert!(matches!(error, StoreError::NameTaken { .. }), "{error}");
    let lineage = store.lineage(&grandchild).unwrap();
    let names: Vec<&str> = lineage.iter().map(|branch| branch.name.as_str()).collect();
    assert_eq!(names, ["grandchild", "child", "main"]);

    // A child records from its fork step on.
    record_all(&store, &child, 33, 16);
    let reader = BranchReader::open(&store, &name("child")).unwrap();
    assert_eq!(reader.steps(), Some(StepSpan::new(Step(20), Step(33))));
    reader.seek(Step(20)).unwrap();
    let error = reader.seek(Step(19)).unwrap_err().to_string();
    assert!(error.contains("parent"), "{error}");

    let path = store.branch_folder(&child.id).join("branch.json");
    let text = fs::read_to_string(&path).unwrap();
    let (from, to) = (format!("\"branch\": \"{}\"", main.id), format!("\"branch\": \"{}\"", grandchild.id));
    assert!(text.contains(&from));
    fs::write(&path, text.replace(&from, &to)).unwrap();
    let error = store.lineage(&grandchild).unwrap_err();
    let StoreError::ParentCycle { branch, cycle } = &error else { panic!("{error}") };
    assert_eq!((branch.as_str(), cycle.clone()), ("grandchild", [name("grandchild"), name("child")].into()));
    let text = error.to_string();
    assert!(text.contains("`grandchild`, forked from `child`, forked from `grandchild`"), "{text}");
    // Who is not in the circle itself, and leads to it.
    let outside =
        BranchRecord { parent: Some(ParentRecord { branch: grandchild.id.clone(), step: Step(30) }), ..main.clone() };
    let text = store.lineage(&outside).unwrap_err().to_string();
    assert!(text.contains("branch `main` comes") && text.contains("circle, `grandchild`, forked from"), "{text}");
    assert_eq!(store.branches().unwrap().records.len(), 3);
    fs::remove_dir_all(store.branch_folder(&child.id)).unwrap();
    let error = store.lineage(&grandchild).unwrap_err();
    assert!(matches!(error, StoreError::ParentMissing { .. }), "{error}");
    assert_eq!(store.branches().unwrap().problems.len(), 1);
}

#[test]
fn steps_out_of_order_and_wrong_shapes_change_nothing() {
    let (_folder, store, branch) = recorded();
    let mut recorder = Recorder::open(&store, &branch, options(16)).unwrap();
    let error = FakeStep::new(&branch, 42).show(|view| recorder.append(view)).unwrap_err();
    assert_eq!(error.to_string(), "branch `main` expects step 40 next, and was given step 42");
    let error = FakeStep::new(&branch, 40)
        .show(|view| {
            let mut short = *view;
            short.blocks = &view.blocks[1..];
            recorder.append(&short)
        })
        .unwrap_err();
    assert!(matches!(error, StoreError::Shape { .. }), "{error}");
    record(&mut recorder, 41).unwrap();
    recorder.finish().unwrap();
}

#[test]
fn equal_branches_in_two_stores_have_equal_ids_and_a_copy_has_its_own() {
    let (_one, _, first) = recorded();
    let (_two, store, second) = recorded();
    assert_eq!(first.id, second.id);
    let copy =
        store.create_branch(new_branch(name("copy"), definition(), recording(1), topology(&small()), None, 9)).unwrap();
    assert_eq!(copy.key, second.key);
    assert_ne!(copy.id, second.id);
}
