//! Every command that any output prints is pasted into a shell, in a store
//! whose name has a blank and an apostrophe, and works.

#![cfg(unix)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use revacnn_schemas::{Advice, Place};
use serde_json::Value;

use crate::process::wait_for;
use crate::support::{Ran, Scratch};

const STORE: &str = "it's my runs";
const QUOTED: &str = r" --store 'it'\''s my runs'";

/// Names each kind of advice; the compiler asks for the one that is missing,
/// and the test below for a situation in which it is given.
macro_rules! kinds {
    ($($kind:pat => $name:literal,)*) => {
        fn name(advice: &Advice) -> &'static str {
            match advice {
                $($kind => $name,)*
            }
        }

        const NAMES: &[&str] = &[$($name),*];
    };
}

kinds! {
    Advice::Train => "train",
    Advice::ListBranches => "log",
    Advice::Show { .. } => "show",
    Advice::Evaluate { .. } => "evaluate",
    Advice::Fork { .. } => "fork",
    Advice::Steer { .. } => "steer",
    Advice::Resume { .. } => "resume",
    Advice::Compact { .. } => "compact",
    Advice::Materialise { .. } => "materialise",
    Advice::TakeBack { .. } => "delete --undo",
    Advice::TakeBackAs { .. } => "delete --undo --name",
    Advice::Free { unasked: false } => "gc",
    Advice::Free { unasked: true } => "gc --yes",
    Advice::FetchData { .. } => "data",
    Advice::Screenshot { .. } => "view --screenshot",
}

/// Somebody who tries what the program says.
struct Person {
    scratch: Scratch,
    /// Kinds of advice that were tried.
    tried: RefCell<BTreeSet<&'static str>>,
}

impl Person {
    fn new() -> Self {
        let scratch = Scratch::new();
        fs::create_dir(scratch.path("my data")).expect("a folder");
        Self { scratch, tried: RefCell::default() }
    }

    fn store(&self) -> PathBuf {
        self.scratch.path(STORE)
    }

    /// The folder of a branch.
    fn folder(&self, branch: &str) -> PathBuf {
        let shown = self.run(0, &["show", branch, "--json"]).json();
        self.store().join("branches").join(format!("branch={}", shown["id"].as_str().expect("an id")))
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.scratch.command("");
        command.args(words).args(["--store", STORE]);
        command
    }

    #[track_caller]
    fn run(&self, code: i32, words: &[&str]) -> Ran {
        let ran = Ran::of(self.command(words).output().expect("the program starts"));
        assert_eq!(ran.code, Some(code), "{words:?}: {ran:?}");
        ran
    }

    /// A shell that finds the program first.
    fn shell(&self, line: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_revacnn")).parent().expect("a folder");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = [program.to_owned()].into_iter().chain(std::env::split_paths(&path));
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).env("PATH", std::env::join_paths(paths).expect("paths")).env_remove("REVACNN_DATA");
        shell.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").current_dir(self.scratch.path("."));
        shell
    }

    /// Pastes what was advised in words, in this order.
    #[track_caller]
    fn paste(&self, words: &str, kinds: &[&str]) {
        let advised = advised(words);
        assert_eq!(advised.iter().map(|command| kind(command)).collect::<Vec<_>>(), kinds, "{words}");
        for command in advised {
            self.paste_one(&command, 0);
        }
    }

    #[track_caller]
    fn paste_one(&self, command: &str, code: i32) -> Ran {
        assert!(command.contains(QUOTED), "{command}");
        let ran = Ran::of(self.shell(command).output().expect("a shell"));
        assert_eq!(ran.code, Some(code), "{command}: {ran:?}");
        self.tried.borrow_mut().insert(kind(command));
        ran
    }
}

/// The commands in what was said: lines of their own, and between back quotes.
fn advised(words: &str) -> Vec<String> {
    let lines = words.lines().filter_map(|line| line.strip_prefix("  "));
    let quoted = words.split('`').skip(1).step_by(2);
    lines.chain(quoted).filter(|text| text.starts_with("revacnn ")).map(str::to_owned).collect()
}

/// The name of what a command does.
#[track_caller]
fn kind(command: &str) -> &'static str {
    let verb = command.split(' ').nth(1).expect("a verb");
    let marks = ["--undo", "--yes", "--screenshot"];
    let mark = marks.into_iter().find(|mark| command.split(' ').any(|word| word == *mark));
    let whole = mark.map_or_else(|| verb.to_owned(), |mark| format!("{verb} {mark}"));
    let whole = if whole == "delete --undo" && command.contains(" --name ") { whole + " --name" } else { whole };
    NAMES.iter().find(|name| **name == whole).unwrap_or_else(|| panic!("a kind of advice for `{command}`"))
}

const TRAIN: [&str; 7] = ["train", "--dataset", "digits", "--network", "small.toml", "--batch-size", "4"];

#[test]
fn every_command_that_is_advised_can_be_pasted() {
    let person = Person::new();
    after_training(&person);
    after_divergence(&person);
    around_a_training(&person);
    tensors_that_are_not_stored(&person);
    what_is_damaged(&person);
    after_deleting(&person);
    data_that_are_lacking(&person);
    without_a_display(&person);
    let is_built = |name: &&str| cfg!(feature = "view") || *name != "view --screenshot";
    let all: BTreeSet<&str> = NAMES.iter().copied().filter(is_built).collect();
    assert_eq!(*person.tried.borrow(), all, "each kind of advice is given and tried");
    let _: fn(&Advice) -> &'static str = name;
}

/// Into a folder that nothing can be fetched into: the command is tried, and nothing is downloaded.
fn data_that_are_lacking(person: &Person) {
    fs::write(person.scratch.path("my data/.fetch"), "no folder").expect("a file");
    let ran = person.run(1, &["train", "lacking", "--dataset", "mnist", "--data", "my data"]);
    let [command] = &advised(&ran.err)[..] else { panic!("one command: {ran:?}") };
    assert_eq!(command, "revacnn data fetch mnist --data 'my data'");
    let fetched = Ran::of(person.shell(command).output().expect("a shell"));
    match cfg!(feature = "fetch") {
        true => {
            assert!(fetched.code == Some(1) && fetched.err.contains("my data/.fetch: could not be made"), "{fetched:?}")
        }
        false => assert!(fetched.code == Some(2) && fetched.err.contains("--features fetch"), "{fetched:?}"),
    }
    person.tried.borrow_mut().insert(kind(command));
}

fn after_training(person: &Person) {
    // Within the first epoch nothing is validated but step 0.
    let ran = person.run(0, &[&TRAIN[..], &["--steps", "300", "--data", "my data"]].concat());
    assert!(ran.out.contains(" images; not recorded)\n"), "{ran:?}");
    let last = advised(&ran.out).pop().expect("a command");
    assert_eq!(last, format!("revacnn evaluate main@last --split test{QUOTED} --data 'my data'"));
    person.paste(&ran.out, &["log", "show", "fork", "evaluate"]);
    let ran = person.run(0, &[&TRAIN[..], &["--steps", "338"]].concat());
    assert!(!ran.out.contains("not recorded"), "{ran:?}");
    let last = advised(&ran.out).pop().expect("a command");
    assert_eq!(last, format!("revacnn evaluate main@best --split test{QUOTED}"));
    person.paste(&ran.out, &["log", "show", "fork", "evaluate"]);
    let ran = person.run(0, &["fork", "main@20", "--name", "twin", "--data", "my data"]);
    person.paste(&ran.out, &["resume"]);
    // A fork that ends within its first epoch has its fork step alone.
    let ran = person.run(0, &["fork", "main@300", "--name", "short", "--steps", "+20"]);
    assert!(ran.out.contains("revacnn evaluate short@last "), "{ran:?}");
}

fn after_divergence(person: &Person) {
    let far = ["--branch", "far", "--steps", "900", "--optimizer", "sgd", "--learning-rate", "3"];
    let ran = person.run(3, &[&TRAIN[..], &far].concat());
    let [command] = &advised(&ran.err)[..] else { panic!("one command: {ran:?}") };
    let forked = Ran::of(person.shell(command).output().expect("a shell"));
    // A tenth of the learning rate may not be enough.
    assert!(command.contains(QUOTED) && matches!(forked.code, Some(0 | 3)), "{command}: {forked:?}");
    let again = person.run(3, &[&TRAIN[..], &far].concat());
    assert_eq!(advised(&again.err), std::slice::from_ref(command));
}

fn around_a_training(person: &Person) {
    let idle = person.run(1, &["steer", "main", "--pause"]);
    person.paste(&idle.err, &["resume"]);
    let json = person.run(1, &["steer", "main", "--pause", "--json"]).json();
    assert_eq!(json["next"], serde_json::json!([format!("revacnn resume main{QUOTED}")]));
    let idle = person.run(1, &["steer", "main", "--edit", "freeze conv1"]);
    person.paste(&idle.err, &["resume", "fork"]);
    // What the window says a press does, while a branch is trained.
    let branch = "main".parse().expect("a name");
    let steer = Advice::Steer { branch, edit: "add-filter conv1".to_owned() };
    let place = Place { store: STORE.into(), data: None };
    let mut training = person.command(&["resume", "main", "--steps", "1000000000"]);
    let mut training = training.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
    let lock = person.folder("main").join("branch.lock");
    let holder = format!("process {}\n", training.id());
    wait_for(&mut training, || fs::read_to_string(&lock).ok().filter(|text| *text == holder));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let forked = person.paste_one(&steer.command(&place), 0);
    let child = forked.out.split("goes on in ").nth(1).and_then(|rest| rest.lines().next()).expect("a branch");
    person.run(0, &["steer", child, "--stop"]);
    assert_eq!(training.wait().expect("it ends").code(), Some(130));
    full_disk(person);
}

/// A branch whose training ended for want of space goes on where there is some.
fn full_disk(person: &Person) {
    let program = env!("CARGO_BIN_EXE_revacnn");
    let train = TRAIN.join(" ");
    let line = format!("trap '' XFSZ; ulimit -f 400; exec {program} {train} --steps 900 --branch full{QUOTED}");
    let ran = Ran::of(person.shell(&line).output().expect("a shell"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("the disk is full"), "{ran:?}");
    person.paste(&ran.err, &["resume"]);
    assert_eq!(person.run(0, &["show", "full", "--json"]).json()["step"], 900);
}

fn tensors_that_are_not_stored(person: &Person) {
    let ran = person.run(2, &["compact", "main", "--fidelity", "every", "--data", "my data"]);
    person.paste(&ran.err, &["materialise"]);
    #[cfg(feature = "sql")]
    {
        person.run(0, &["compact", "main"]);
        let query = ["query", "SELECT step, bias FROM weights WHERE branch = 'main' AND step < 40"];
        let ran = person.run(1, &query);
        person.paste(&ran.err, &["materialise"]);
        person.run(0, &query);
    }
}

fn what_is_damaged(person: &Person) {
    // The gradients of another run, which no digest covers, in a file that says
    // it is this one's.
    for (branch, seed) in [("one", "1"), ("two", "2")] {
        person.run(0, &[&TRAIN[..], &["--steps", "60", "--branch", branch, "--seed", seed]].concat());
    }
    let [one, two] = ["one", "two"].map(|branch| person.folder(branch).join("gradients"));
    let file = fs::read_dir(&one).expect("a folder").next().expect("a file").expect("a file").file_name();
    fs::copy(two.join(&file), one.join(&file)).expect("a copy");
    let folder = one.parent().and_then(|folder| folder.file_name()).expect("a name").to_string_lossy();
    let folder = folder.replace("branch=", "");
    crate::sealed::seal(&one.join(&file), &[("revacnn.branch", &folder)]);
    let ran = person.run(1, &["verify", "one"]);
    person.paste(&ran.err, &["compact", "materialise"]);
    person.run(0, &["verify", "one"]);

    // A description that cannot be read hides a name.
    let description = person.folder("two").join("branch.json");
    let honest = fs::read(&description).expect("a description");
    fs::write(&description, "{").expect("damage");
    let ran = person.run(1, &["show", "two"]);
    let commands = advised(&ran.err);
    assert_eq!(commands, [format!("revacnn log{QUOTED}")], "{ran:?}");
    // It says what is wrong, and so does its exit code.
    assert!(person.paste_one(&commands[0], 1).err.contains("branch.json is damaged"));
    fs::write(&description, honest).expect("the description as it was");
}

fn after_deleting(person: &Person) {
    let ran = person.run(0, &["delete", "two"]);
    person.paste(&ran.out, &["delete --undo", "gc"]);
    person.run(0, &["delete", "two"]);
    let asks = person.run(0, &["gc"]);
    person.paste(&asks.out, &["gc --yes"]);
    person.run(1, &["delete", "two", "--undo"]);
    // Its name was given to another one meanwhile.
    person.run(0, &[&TRAIN[..], &["--steps", "5", "--branch", "two", "--seed", "2"]].concat());
    person.run(0, &["delete", "two"]);
    person.run(0, &[&TRAIN[..], &["--steps", "6", "--branch", "two", "--seed", "3"]].concat());
    let ran = person.run(1, &["delete", "two", "--undo"]);
    assert!(ran.err.contains("already has a branch `two`: choose another name"), "{ran:?}");
    person.paste(&ran.err, &["delete --undo --name"]);
    assert_eq!(person.run(0, &["show", "two~2", "--json"]).json()["step"], 5);
    assert_eq!(person.run(0, &["show", "two", "--json"]).json()["step"], 6);

    // A deleted branch that another was forked from, as a copied store has it.
    person.run(0, &["fork", "one@10", "--name", "child"]);
    let folder = person.folder("one");
    let trashed = person.store().join("trash").join(folder.file_name().expect("a name"));
    fs::create_dir_all(person.store().join("trash")).expect("a folder");
    fs::rename(&folder, &trashed).expect("a move");
    let ran = person.run(1, &["gc"]);
    assert!(ran.err.contains("branch `child` was forked from it; take it back"), "{ran:?}");
    person.paste(&ran.err, &["delete --undo"]);
    assert!(folder.is_dir());

    let empty = Person::new();
    empty.run(0, &[&TRAIN[..], &["--steps", "1"]].concat());
    empty.run(0, &["delete", "main"]);
    let ran = empty.run(0, &["log"]);
    let [command] = &advised(&ran.out)[..] else { panic!("one command: {ran:?}") };
    assert!(command.contains(QUOTED), "{command}");
    // It trains for a while: that it begins is enough.
    let mut training = empty.shell(&format!("exec {command}"));
    let mut training = training.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a shell");
    let log = |_: &mut Child| {
        let ran = Ran::of(empty.command(&["log", "--json"]).output().expect("the program starts"));
        ran.out.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok())?["last_step"].as_u64()
    };
    let started = std::time::Instant::now();
    while log(&mut training).is_none() {
        assert!(started.elapsed().as_secs() < 60, "it did not begin within a minute");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let sent = Command::new("kill").args(["-TERM", &training.id().to_string()]).status().expect("a program");
    assert!(sent.success());
    let ran = Ran::of(training.wait_with_output().expect("it ends"));
    assert!(matches!(ran.code, Some(0 | 130)), "{ran:?}");
    person.tried.borrow_mut().insert(kind(command));
}

fn without_a_display(person: &Person) {
    if !cfg!(feature = "view") {
        return;
    }
    for (at, words) in [("", ""), (" main@20", " main@20")] {
        let line = format!("revacnn view{at}{QUOTED} --data 'my data'");
        let ran = Ran::of(person.shell(&line).output().expect("a shell"));
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let commands = advised(&ran.err);
        assert_eq!(commands, [format!("revacnn view --screenshot window.png{words}{QUOTED} --data 'my data'")]);
        person.paste_one(&commands[0], 0);
        let picture = fs::read(person.scratch.path("window.png")).expect("a picture");
        assert!(picture.starts_with(b"\x89PNG"));
    }
}

/// Commands are written in one place: a hint that is written elsewhere would
/// not be quoted, and not be tried above.
#[test]
fn commands_are_written_by_one_function() {
    const VERBS: [&str; 22] = [
        "train",
        "fork",
        "resume",
        "steer",
        "log",
        "show",
        "query",
        "diff",
        "view",
        "plot",
        "embed",
        "compare",
        "verify",
        "evaluate",
        "data",
        "materialise",
        "compact",
        "rename",
        "delete",
        "gc",
        "help",
        "--",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = ["", "schemas", "analysis", "trainer", "recorder", "notebook"];
    let mut folders: Vec<PathBuf> = crates.map(|name| root.join(name).join("src")).into();
    let mut found = Vec::new();
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("a path of the project").display().to_string();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if name == "schemas/src/advice.rs" || !name.ends_with(".rs") {
                continue;
            }
            files += 1;
            let text = fs::read_to_string(&path).expect("a file of Rust");
            // The words of the help, which `help.rs` tries.
            let mut is_help = false;
            for (number, line) in text.lines().enumerate() {
                let line = line.trim();
                is_help |= line.trim_start_matches("#[command(").starts_with("after_help = ");
                if is_help {
                    is_help = !line.ends_with(")]");
                    continue;
                }
                if line.starts_with("//") || line.contains("Digester::new(") {
                    continue;
                }
                let commands = line.split("revacnn ").skip(1);
                if commands.into_iter().any(|rest| VERBS.iter().any(|verb| rest.starts_with(verb))) {
                    found.push(format!("{name}:{}: {line}", number + 1));
                }
            }
        }
    }
    assert!(files > 100, "{files} files were looked at");
    assert!(found.is_empty(), "commands that are not written by Advice::command:\n{}", found.join("\n"));
}
