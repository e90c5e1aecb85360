//! What is chosen in one window is so in the next; what cannot be read is told, and does not
//! keep the window from opening.

use crate::display::{Display, Window};
use crate::support::{Scratch, TRAIN};
use crate::{HEAD, SIZE};

/// Whether the head is dark.
fn is_dark(display: &Display) -> bool {
    let rows = display.rows(SIZE[0], HEAD);
    let sum: u64 = rows.iter().flatten().map(|channel| u64::from(*channel)).sum();
    sum / (3 * rows.len() as u64) < 128
}

#[test]
fn a_window_looks_as_the_last_one_did_and_a_damaged_file_is_no_obstacle() {
    let Some(display) = Display::open(SIZE[0], SIZE[1]) else { return };
    let scratch = Scratch::new();
    scratch.run(0, &format!("{TRAIN} --steps 12"));
    let path = scratch.path("config/revacnn/window.toml");
    let open = |arguments: &str| {
        let mut window = Window::open(&display, scratch.command(arguments));
        window.titled("main", |title| title.starts_with("main@"));
        window
    };
    let mut window = open("view main");
    window.keys(&["d", "apostrophe"]);
    window.wait("it is not dark", |_| is_dark(&display).then_some(()));
    assert_eq!(window.close(), Some(0));
    let remembered = std::fs::read_to_string(&path).expect("settings");
    assert!(remembered.contains("dark = true") && remembered.contains("smoothing = 0.6"), "{remembered}");

    let mut window = open("view main");
    window.wait("it is not dark at first", |_| is_dark(&display).then_some(()));
    assert_eq!(window.close(), Some(0));
    // What is asked for comes first, and a picture is the same whoever draws it.
    let mut window = open("view main --theme light");
    window.wait("it is dark", |_| (!is_dark(&display)).then_some(()));
    assert_eq!(window.close(), Some(0));
    scratch.run(0, "view main --theme dark --screenshot dark.png");
    let kept = std::fs::read_to_string(&path).expect("settings");
    assert!(kept.contains("dark = false"), "{kept}");

    std::fs::write(&path, "dark = 7").expect("written");
    let mut window = open("view main");
    window.wait("it is dark", |_| (!is_dark(&display)).then_some(()));
    assert_eq!(std::fs::read_to_string(&path).expect("settings"), "dark = 7", "nothing was chosen yet");
    window.keys(&["d"]);
    window.wait("it is not dark", |_| is_dark(&display).then_some(()));
    assert_eq!(window.close(), Some(0));
    assert!(std::fs::read_to_string(&path).expect("settings").contains("dark = true"));
}
