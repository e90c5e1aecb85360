//! The window as a person uses it, from the first frame to the last: on a
//! display without a screen, with a mouse and a keyboard, beside a training in
//! another process.

#![cfg(all(unix, feature = "view"))]

mod display;
mod first;
#[path = "../support/process.rs"]
mod process;
mod remembered;
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use revacnn_replay_ui::{ViewOptions, measure::place_of};
use serde_json::Value;

use self::display::{Display, Window};
use self::process::wait_for;
use self::support::{Ran, Scratch, TRAIN};

const SIZE: [u32; 2] = [1440, 900];
/// The colour of what is live, in the window's head.
const ACCENT: [u8; 3] = [0x34, 0x57, 0xd5];
const HEAD: u32 = 40;

/// The branches, as `revacnn log` lists them.
fn branches(scratch: &Scratch) -> Vec<Value> {
    let lines = scratch.run(0, "log --json").out;
    lines.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

fn branch(scratch: &Scratch, name: &str) -> Option<Value> {
    branches(scratch).into_iter().find(|branch| branch["branch"] == name)
}

fn last_step(scratch: &Scratch, name: &str) -> Option<u64> {
    branch(scratch, name)?["last_step"].as_u64()
}

/// A training in another process, which ends with this value.
struct Training(Child);

impl Training {
    fn start(scratch: &Scratch, arguments: &str) -> Self {
        let mut command = scratch.command(arguments);
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts"))
    }
}

impl Drop for Training {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether the head shows something in the accent's colour: `● live`, as
/// nothing else up there has it.
fn says_live(display: &Display) -> bool {
    let near = |pixel: &[u8; 3]| pixel.iter().zip(ACCENT).all(|(found, wanted)| found.abs_diff(wanted) < 24);
    display.rows(SIZE[0], HEAD).iter().any(near)
}

#[test]
fn a_person_steers_a_training_with_the_mouse_and_the_window_outlives_what_it_shows() {
    let Some(display) = Display::open(SIZE[0], SIZE[1]) else { return };
    let scratch = Scratch::new();
    let train = "--fidelity keyframes --threads 1 --json";
    let endless = "--steps 1000000000";
    let mut training = Training::start(&scratch, &format!("train --dataset shapes --network paper {endless} {train}"));
    wait_for(&mut training.0, || scratch.path("runs/store.json").is_file().then_some(()));
    wait_for(&mut training.0, || last_step(&scratch, "main").filter(|step| *step > 100));

    // It opens at the end of what is being trained, and follows it.
    let mut window = Window::open(&display, scratch.command("view main"));
    let first = window.titled("main", |title| title.starts_with("main@") && title.ends_with(" · ReVACNN"));
    window.titled("a later step", |title| title.starts_with("main@") && title != first);
    window.wait("nothing says that the training is live", |_| says_live(&display).then_some(()));

    // Another filter, by mouse: the training forks, and goes on in the fork.
    let options = ViewOptions {
        address: Some("main".parse().expect("an address")),
        size: Some(SIZE),
        ..ViewOptions::of(scratch.path("runs"))
    };
    let plus = place_of(&options, "add-filter conv3").expect("the store is read").expect("conv3 has a +");
    window.click(plus);
    let forked = window.wait("there is no main~2", |_| branch(&scratch, "main~2"));
    assert_eq!(forked["parent"], format!("main@{}", forked["first_step"]), "{forked}");
    let edit = forked["edits"][0].as_str().expect("an edit");
    assert!(edit.starts_with("add-filter conv3"), "{forked}");
    let title = window.titled("the fork", |title| title.starts_with("main~2@"));
    window.titled("a later step of the fork", |now| now.starts_with("main~2@") && now != title);
    let fork_step = forked["first_step"].as_u64().expect("a step");
    assert_eq!(last_step(&scratch, "main"), Some(fork_step), "the training has left its parent");
    window.wait("the fork does not grow", |_| last_step(&scratch, "main~2").filter(|step| *step > fork_step));

    display.picture(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("window.png"));

    // A key pauses it, and the same key lets it go on.
    window.keys(&["p"]);
    let waiting = window.wait("the training does not wait", |_| {
        let before = last_step(&scratch, "main~2");
        std::thread::sleep(Duration::from_secs(1));
        before.filter(|_| last_step(&scratch, "main~2") == before)
    });
    window.keys(&["p"]);
    window.wait("the training does not go on", |_| last_step(&scratch, "main~2").filter(|step| *step > waiting));

    // Killed, it is no longer live, and all that was committed is there.
    window.wait("nothing says that the fork is live", |_| says_live(&display).then_some(()));
    drop(training);
    window.wait("it still says that it is live", |_| (!says_live(&display)).then_some(()));
    window.keys(&["Home"]);
    window.titled("the first step", |title| title == "main~2@0 · ReVACNN");

    // Resumed, it is live again, until it is told to stop.
    let mut resumed = Training::start(&scratch, &format!("resume main~2 {endless} --threads 1 --json"));
    window.wait("nothing says that it is live again", |_| says_live(&display).then_some(()));
    scratch.run(0, "steer main~2 --stop");
    assert_eq!(resumed.0.wait().expect("its end").code(), Some(130));
    window.wait("it still says that it is live", |_| (!says_live(&display)).then_some(()));
    let verified = scratch.run(0, "verify main~2 --json").json();
    assert_eq!((&verified["from"], &verified["origin"]), (&fork_step.into(), &true.into()), "{verified}");

    // A fork of an older step, by keys.
    window.answer("g", "main@50");
    window.titled("the older step", |title| title == "main@50 · ReVACNN");
    window.answer("f", "older");
    window.titled("its fork", |title| title == "older@50 · ReVACNN");
    let older = branch(&scratch, "older").expect("it is listed");
    assert_eq!((&older["parent"], &older["edits"]), (&"main@50".into(), &Value::Array(Vec::new())), "{older}");

    // The store vanishes, and comes back.
    std::fs::rename(scratch.path("runs"), scratch.path("away")).expect("the store is moved");
    window.titled("a store that is gone", |title| title == "cannot read runs · ReVACNN");
    std::fs::rename(scratch.path("away"), scratch.path("runs")).expect("it is moved back");
    window.titled("the store again", |title| title.starts_with("older@") && title.ends_with(" · ReVACNN"));

    assert_eq!(window.close(), Some(0));
}

#[test]
fn a_window_on_a_store_that_is_not_there_yet_shows_what_is_trained_in_it_later() {
    let Some(display) = Display::open(SIZE[0], SIZE[1]) else { return };
    let scratch = Scratch::new();
    let mut window = Window::open(&display, scratch.command("view"));
    // By now it has looked, and has found nothing that it cannot read.
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(window.title(), "ReVACNN");
    scratch.run(0, &format!("{TRAIN} --steps 30 --fidelity keyframes"));
    window.titled("what was trained", |title| title == "main@30 · ReVACNN");
    assert_eq!(window.close(), Some(0));
}

/// The first Tab led into a field that took the letters, and buttons were not reached.
#[test]
fn controls_are_reached_and_pressed_by_keys_alone_and_letters_mean_what_they_did() {
    let Some(display) = Display::open(SIZE[0], SIZE[1]) else { return };
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 30 --fidelity keyframes"));
    let mut window = Window::open(&display, scratch.command("view"));
    window.titled("the last step", |title| title == "main@30 · ReVACNN");
    // Back from the end: `align`, the speed, `>|`, `>`, `play`, `<`.
    window.keys(&["shift+Tab"; 6]);
    for (key, step) in [("Return", 29), ("space", 28)] {
        window.keys(&[key]);
        window.titled("one step back", |title| title == format!("main@{step} · ReVACNN"));
    }
    window.keys(&["shift+Tab", "Return"]);
    window.titled("the first step", |title| title == "main@0 · ReVACNN");
    // A letter is a key of the window where a button has the focus.
    window.answer("g", "12");
    window.titled("an address", |title| title == "main@12 · ReVACNN");
    display.picture(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("focus.png"));
    assert_eq!(window.close(), Some(0));
}

#[test]
fn a_first_run_of_another_process_is_followed_and_stopped_only_by_who_means_it() {
    let Some(display) = Display::open(SIZE[0], SIZE[1]) else { return };
    let scratch = Scratch::new();
    let mut window = Window::open(&display, scratch.command("view"));
    std::thread::sleep(Duration::from_millis(1500));
    let endless = format!("{TRAIN} --steps 1000000000 --fidelity keyframes --threads 1");
    let mut training = Training::start(&scratch, &endless);
    let begun = window.titled("the run", |title| title.starts_with("main@"));
    let later = window.titled("a later step", |title| title.starts_with("main@") && title != begun);
    window.titled("a still later one", |title| title.starts_with("main@") && title != later);

    // Asked whether it is to end, one may leave it as it is.
    window.keys(&["u"]);
    std::thread::sleep(Duration::from_secs(1));
    display.picture(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("stop.png"));
    window.keys(&["Escape"]);
    let before = last_step(&scratch, "main").expect("steps");
    window.wait("it does not go on", |_| last_step(&scratch, "main").filter(|step| *step > before));
    assert!(training.0.try_wait().expect("its state").is_none(), "it has ended");
    window.keys(&["u", "Return"]);
    assert_eq!(training.0.wait().expect("its end").code(), Some(130));
    let last = last_step(&scratch, "main").expect("steps");
    window.titled("its last step", |title| title == format!("main@{last} · ReVACNN"));
    assert_eq!(window.close(), Some(0));
}

#[test]
fn a_run_of_the_window_ends_with_it_and_everything_is_written() {
    let Some(display) = Display::open(SIZE[0], SIZE[1]) else { return };
    let scratch = Scratch::new();
    let mut window = Window::open(&display, scratch.command("view"));
    // The form of a new run, by keys alone: far more epochs than will be. Five of its
    // fields are the optimizer's, and six say how images are varied.
    let before = display.rows(SIZE[0], SIZE[1]);
    window.keys(&["n"]);
    window.wait("the form does not open", |_| (display.rows(SIZE[0], SIZE[1]) != before).then_some(()));
    window.keys(&["Tab"; 16]);
    window.keys(&["ctrl+a", "9", "0", "0", "Return"]);
    window.wait("no run begins", |_| scratch.path("runs/store.json").is_file().then_some(()));
    let before = window.wait("it does not go on", |_| last_step(&scratch, "main").filter(|step| *step > 20));
    window.titled("the run", |title| title.starts_with("main@"));
    assert_eq!(window.close(), Some(0));

    let last = last_step(&scratch, "main").expect("steps");
    assert!((before..900 * 1350).contains(&last), "{last}");
    let folder = std::fs::read_dir(scratch.path("runs/branches")).expect("branches").next().expect("a branch");
    let tail = std::fs::read_dir(folder.expect("a branch").path().join("tail")).expect("a tail");
    assert_eq!(tail.count(), 0, "the newest steps are in a segment");
    let verified = scratch.run(0, &format!("verify main --from {} --json", last.saturating_sub(5))).json();
    assert_eq!(verified["to"], last, "{verified}");
}

#[test]
fn without_a_display_it_says_so_and_what_can_be_done() {
    let scratch = Scratch::new();
    for display in [None, Some(":65535")] {
        let mut command = scratch.command("view");
        for name in ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"] {
            command.env_remove(name);
        }
        command.envs(display.map(|name| ("DISPLAY", name)));
        let ran = Ran::of(command.output().expect("the program starts"));
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.err.contains("cannot open a window") && ran.err.contains("--screenshot"), "{ran:?}");
    }
}
