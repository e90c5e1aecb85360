use std::fs;

use proptest::prelude::*;

use revacnn_schemas::Step;

use super::*;

const TEXT: &str = "# A\n\nprose\n\n```revacnn\ntrain base --epochs 6   # six\nplot loss base\n```\n\nmore prose\n";

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

#[test]
fn what_was_done_is_one_line_or_one_word_and_is_undone() {
    let mut session = Session::new(TEXT);
    session.record(&Deed::Line(words("fork base@3 wider --edit add"))).unwrap();
    session.record(&Deed::Line(words("fork base@4 deeper"))).unwrap();
    let added = "\n```revacnn\nfork base@3 wider --edit add\nfork base@4 deeper\n```\n";
    assert_eq!(session.document().text(), format!("{TEXT}{added}"), "both in one fence, at the end");
    let newest = session.newest().unwrap();
    assert!(session.document().text()[newest..].starts_with("fork base@4"), "{newest}");
    let left = Deed::Left { parent: "base".parse().unwrap(), at: Step(939), line: words("fork base@939 late") };
    session.record(&left).unwrap();
    assert!(session.document().text().contains("train base --steps 939   # six\n"), "{}", session.document().text());
    assert!(session.document().text().ends_with("fork base@4 deeper\nfork base@939 late\n```\n"));
    session.record(&Deed::Renamed { from: "base".parse().unwrap(), to: "root".parse().unwrap() }).unwrap();
    let text = session.document().text();
    assert!(
        text.contains("train root --steps") && text.contains("plot loss root\n") && text.contains("root@939"),
        "{text}"
    );
    session.record(&Deed::Until { branch: "late".parse().unwrap(), step: Step(1_000) }).unwrap();
    assert!(session.document().text().contains("fork root@939 late --steps 1000\n"));
    assert_eq!(session.record(&Deed::Until { branch: "late".parse().unwrap(), step: Step(1_000) }).unwrap(), None);
    session.record(&Deed::Deleted("deeper".parse().unwrap())).unwrap();
    assert!(!session.document().text().contains("deeper"));
    while session.undo().is_some() {}
    assert_eq!(session.document().text(), TEXT);
    while session.redo().is_some() {}
    assert!(session.document().text().contains("fork root@939 late --steps 1000"));
}

/// What is left names nothing that there is not.
#[test]
fn a_deleted_branch_leaves_the_views_that_show_others_and_takes_the_rest_along() {
    let text = "```revacnn\ntrain a --seed 1\ntrain b # two\nfork a@3 c\n```\n\n```revacnn\nplot loss a b c --x epoch\n\
                plot loss b --members\n  --x epoch\nplot loss a\n  b\n  c # and so on\ncompare a b\nplot network b@2 \
                --image 3\nplot chart b --of b\nembed a@2 b@2 --layer b\n```\n";
    let mut session = Session::new(text);
    session.record(&Deed::Deleted("b".parse().unwrap())).unwrap();
    let left = "```revacnn\ntrain a --seed 1\nfork a@3 c\n```\n\n```revacnn\nplot loss a c --x epoch\nplot loss a\n  c # \
                and so on\nembed a@2 --layer b\n```\n";
    assert_eq!(session.document().text(), left);
    session.undo();
    assert_eq!(session.document().text(), text);
}

fn opened(text: &str) -> (tempfile::TempDir, std::path::PathBuf, Session) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("n.md");
    fs::write(&path, text).unwrap();
    let session = Session::open(&path).unwrap();
    (folder, path, session)
}

/// Six kinds of change from outside: nothing is lost.
#[test]
fn what_others_write_is_taken_over_merged_or_asked_about_and_never_lost() {
    let other = TEXT.replace("more prose", "other prose");
    // A clean text takes it over, and can take it back.
    let (_folder, path, mut session) = opened(TEXT);
    fs::write(&path, &other).unwrap();
    assert_eq!((session.look(), session.document().text()), (Looked::Taken, other.as_str()));
    assert!(!session.is_unsaved());
    session.undo();
    assert_eq!(session.document().text(), TEXT);
    assert!(session.is_unsaved());
    // Changed elsewhere in the text.
    let (_folder, path, mut session) = opened(TEXT);
    session.record(&Deed::Until { branch: "base".parse().unwrap(), step: Step(9) }).unwrap();
    fs::write(&path, &other).unwrap();
    assert_eq!(session.look(), Looked::Merged);
    let both = other.replace("--epochs 6", "--steps 9");
    assert_eq!((session.document().text(), session.is_unsaved()), (both.as_str(), true));
    session.save().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), both);
    // The same line.
    for (by, expected) in [
        (Resolution::Mine, TEXT.replace("--epochs 6", "--steps 9")),
        (Resolution::Theirs, TEXT.replace("--epochs 6", "--epochs 7")),
        (
            Resolution::Both,
            TEXT.replace(
                "train base --epochs 6   # six\n",
                "train base --steps 9   # six\ntrain base --epochs 7   # six\n",
            ),
        ),
    ] {
        let (_folder, path, mut session) = opened(TEXT);
        session.record(&Deed::Until { branch: "base".parse().unwrap(), step: Step(9) }).unwrap();
        fs::write(&path, TEXT.replace("--epochs 6", "--epochs 7")).unwrap();
        assert_eq!(session.look(), Looked::Clash);
        assert_eq!(session.look(), Looked::Same, "it is asked once");
        assert!(matches!(session.save(), Err(SaveError::Changed)), "nothing is written over");
        session.resolve(by);
        assert_eq!(session.document().text(), expected, "{by:?}");
        session.save().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
    }
    // Of the same length and time.
    let (_folder, path, mut session) = opened(TEXT);
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, TEXT.replace("prose", "verse")).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    assert_eq!(session.look(), Looked::Taken);
    // Deleted: the text stays, and can be saved again.
    fs::remove_file(&path).unwrap();
    assert_eq!((session.look(), session.look()), (Looked::Gone, Looked::Same));
    assert!(session.is_unsaved() && session.document().text().contains("verse"));
    session.save().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), session.document().text());
    // Marks of a conflict.
    let (_folder, path, mut session) = opened(TEXT);
    fs::write(&path, format!("{TEXT}<<<<<<< a\nb\n=======\nc\n>>>>>>> d\n")).unwrap();
    assert!(matches!(session.look(), Looked::Refused(reason) if reason.contains("conflict")));
    assert_eq!(session.document().text(), TEXT);
}

#[test]
fn what_was_not_saved_is_offered_after_a_crash_and_gone_once_it_is_saved() {
    let (folder, path, mut session) = opened(TEXT);
    let mut journal = Journal::of(&session, folder.path());
    assert_eq!(journal.left(&session), None);
    session.record(&Deed::Until { branch: "base".parse().unwrap(), step: Step(9) }).unwrap();
    journal.keep(&session).unwrap();
    let unsaved = session.document().text().to_owned();
    drop((session, journal));
    let mut session = Session::open(&path).unwrap();
    let mut journal = Journal::of(&session, folder.path());
    let left = journal.left(&session).unwrap();
    assert_eq!(left, unsaved);
    session.restore(&left);
    assert_eq!((session.document().text(), session.is_unsaved()), (unsaved.as_str(), true));
    journal.keep(&session).unwrap();
    session.save().unwrap();
    journal.keep(&session).unwrap();
    assert_eq!(Journal::of(&session, folder.path()).left(&session), None);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_of_another_is_not_written_over() {
    let (folder, path, _) = opened(TEXT);
    let mut session = Session::new("# Mine\n");
    assert!(matches!(session.save(), Err(SaveError::NoFile)));
    assert!(matches!(session.save_as(&path, false), Err(SaveError::Taken(_))));
    session.save_as(&folder.path().join("mine.md"), false).unwrap();
    assert!(!session.is_unsaved());
    assert_eq!(fs::read_to_string(&path).unwrap(), TEXT);
    session.save_as(&path, true).unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "# Mine\n", "who was asked has said so");
}

fn edited() -> impl Strategy<Value = Vec<String>> {
    let line = prop_oneof![
        Just("prose".to_owned()),
        Just(String::new()),
        Just("```revacnn".to_owned()),
        Just("```".to_owned()),
        "[a-c]{1,3}".prop_map(|word| format!("train {word}")),
    ];
    proptest::collection::vec(line, 0..9)
}

proptest! {
    /// Whoever changes nothing takes over what the other one did.
    #[test]
    fn a_merge_with_who_changed_nothing_is_the_others_text(base in edited(), other in edited()) {
        let [base, other] = [base.join("\n"), other.join("\n")];
        let (_folder, path, mut session) = opened(&base);
        fs::write(&path, &other).unwrap();
        let looked = session.look();
        prop_assert_eq!(looked, if base == other { Looked::Same } else { Looked::Taken });
        prop_assert_eq!(session.document().text(), other.as_str());
        session.undo();
        prop_assert_eq!(session.document().text(), base.as_str());
    }

    /// Two equal changes are one, and whatever both did is undone to what was here.
    #[test]
    fn a_merge_loses_no_line_of_either(base in edited(), mine in edited(), theirs in edited()) {
        let [base, mine, theirs] = [base.join("\n"), mine.join("\n"), theirs.join("\n")];
        let (_folder, path, mut session) = opened(&base);
        session.write(0..base.len(), &mine, "typed").unwrap();
        fs::write(&path, &theirs).unwrap();
        match session.look() {
            Looked::Merged => {
                let text = session.document().text().to_owned();
                for line in mine.lines().filter(|line| !base.contains(*line)) {
                    prop_assert!(text.contains(line), "{:?} is lost of {:?}", line, text);
                }
                for line in theirs.lines().filter(|line| !base.contains(*line)) {
                    prop_assert!(text.contains(line), "{:?} is lost of {:?}", line, text);
                }
                session.undo();
                // Where the other one did nothing that was not done here, there is nothing of it to undo.
                let before = if text == mine { &base } else { &mine };
                prop_assert_eq!(session.document().text(), before.as_str());
            }
            Looked::Clash => {
                session.resolve(Resolution::Both);
                for line in mine.lines().chain(theirs.lines()).filter(|line| !base.contains(*line)) {
                    prop_assert!(session.document().text().contains(line));
                }
            }
            Looked::Same => prop_assert!(mine == theirs || base == theirs),
            Looked::Taken => prop_assert!(mine == base),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

#[test]
fn what_is_trained_stands_below_no_figure() {
    let mut session = Session::new("# Mine\n");
    session.record(&Deed::Line(words("train base --epochs 2"))).unwrap();
    session.record(&Deed::Line(words("plot loss base"))).unwrap();
    session.record(&Deed::Line(words("plot network base@3"))).unwrap();
    session.record(&Deed::Line(words("fork base@4 deeper"))).unwrap();
    let fences: Vec<&str> = session.document().text().split("```revacnn\n").skip(1).collect();
    assert_eq!(fences.len(), 3, "{}", session.document().text());
    assert!(fences[1].starts_with("plot loss base\nplot network base@3\n"), "views stand side by side: {fences:?}");
    assert!(fences[2].starts_with("fork base@4 deeper"), "{fences:?}");
}
