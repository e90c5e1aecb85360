//! The commands: one table of what keys do, in words, from which the list of
//! keys follows. A new key is one row, and its arm in [`keymap`](crate::keymap).

use iced::keyboard::Key;
use iced::keyboard::key::Named as N;

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    /// A letter, a digit or a sign.
    Sign(&'static str),
    /// The same while Ctrl is held, and how the list writes it.
    Ctrl(&'static str, &'static str),
    /// A key with a name, and how the list writes it.
    Named(N, &'static str),
}

use On::{Ctrl, Named, Sign};

impl On {
    fn is(self, key: &Key, ctrl: bool) -> bool {
        match (self, key.as_ref()) {
            (Sign(sign), Key::Character(text)) => !ctrl && sign == text,
            (Ctrl(sign, _), Key::Character(text)) => ctrl && sign == text,
            // Some systems give a blank as a letter.
            (Named(N::Space, _), Key::Character(text)) => !ctrl && text == " ",
            (Named(named, _), Key::Named(key)) => !ctrl && named == key,
            (Sign(_) | Ctrl(..) | Named(..), Key::Named(_) | Key::Character(_) | Key::Unidentified) => false,
        }
    }

    fn written(self) -> &'static str {
        match self {
            Sign(sign) => sign,
            Ctrl(_, written) | Named(_, written) => written,
        }
    }
}

/// Where a command stands in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InList {
    /// On a line of its own.
    Line,
    /// On the line of the command before it, after these signs.
    After(&'static str),
    /// In no line: it has another key for the same, which is listed.
    Unlisted,
}

use InList::{After, Line, Unlisted};

/// What keys do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    Step,
    Epoch,
    Ends,
    Play,
    Speed,
    GoTo,
    Copy,
    Zoom,
    ZoomIn,
    Align,
    Branch,
    Hide,
    Which,
    Find,
    Compare,
    Filter,
    History,
    Layer,
    Nodes,
    Source,
    Method,
    Below,
    Image,
    NextImage,
    Draw,
    Logarithmic,
    Axis,
    Quantity,
    Smooth,
    ShowAll,
    Maximise,
    Menu,
    Fork,
    Edit,
    NewRun,
    TrainOn,
    Pause,
    OneStep,
    Stop,
    Rename,
    Delete,
    Theme,
    Motion,
    Undo,
    Redo,
    Notebook,
    RunNotebook,
    Close,
    Help,
}

/// A command and its keys.
pub(crate) struct Command {
    pub(crate) does: Does,
    pub(crate) keys: &'static [On],
    place: InList,
    /// What it does, in the list.
    pub(crate) help: &'static str,
}

/// A row of the table.
const fn row(does: Does, keys: &'static [On], place: InList, help: &'static str) -> Command {
    Command { does, keys, place, help }
}

const DIGITS: [On; 9] =
    [Sign("1"), Sign("2"), Sign("3"), Sign("4"), Sign("5"), Sign("6"), Sign("7"), Sign("8"), Sign("9")];

/// All commands, in the order of the list.
pub(crate) static COMMANDS: &[Command] = &[
    row(
        Does::Step,
        &[Named(N::ArrowLeft, "←"), Named(N::ArrowRight, "→")],
        Line,
        "one step back or on; with Shift ten",
    ),
    row(
        Does::Epoch,
        &[Named(N::PageUp, "PgUp"), Named(N::PageDown, "PgDn")],
        Line,
        "to the end of the epoch before or after",
    ),
    row(Does::Ends, &[Named(N::Home, "Home"), Named(N::End, "End")], Line, "the first and the last step"),
    row(Does::Play, &[Named(N::Space, "Space")], Line, "play, and stop"),
    row(Does::Speed, &[Sign("x")], After("; "), "how fast"),
    row(Does::GoTo, &[Sign("g")], Line, "go to an address"),
    row(Does::Copy, &[Ctrl("c", "Ctrl+C")], After("; "), "copy it, or the command that is shown at the foot"),
    row(Does::Zoom, &[Sign("+"), Sign("-")], Line, "fewer or more steps, in the chart and on the timeline"),
    row(Does::ShowAll, &[Sign("0")], After("; "), "all steps again"),
    row(Does::ZoomIn, &[Sign("=")], Unlisted, "fewer steps on the timeline"),
    row(Does::Align, &[Sign("a")], Line, "lanes by their steps, or by distance from their forks"),
    row(
        Does::Branch,
        &[Named(N::ArrowUp, "↑"), Named(N::ArrowDown, "↓")],
        Line,
        "the branch above or below; with Shift the lanes scroll",
    ),
    row(Does::Hide, &[Sign("h")], Line, "hide a branch, or show it again"),
    row(Does::Which, &[Sign("b")], After("; "), "show all, the family, or one"),
    row(Does::Find, &[Ctrl("f", "Ctrl+F")], Line, "filter the branches that are listed"),
    row(Does::Compare, &[Sign("c")], Line, "compare: the parent beside it, then others, then none"),
    row(Does::Filter, &[Sign(","), Sign(".")], Line, "the filter before or after"),
    row(Does::History, &[Sign("q")], Line, "the number that is shown over time: of the filter, else of the branch"),
    row(Does::Layer, &DIGITS, Line, "the layer of the embedding"),
    row(Does::Nodes, &[Sign("v")], Line, "activation maps or coefficients in the network"),
    row(Does::Source, &[Sign("w")], Line, "what is embedded: coefficients, gradients, maps"),
    row(Does::Method, &[Sign("y")], Line, "t-SNE or PCA"),
    row(Does::Below, &[Sign("\\")], After("; "), "filters, images, classes, histograms, what they see"),
    row(Does::Image, &[Sign("i")], Line, "the image that maps are of"),
    row(Does::NextImage, &[Sign("["), Sign("]")], After("; "), "the one before or after"),
    row(Does::Draw, &[Sign("/")], After("; "), "draw one"),
    row(Does::Logarithmic, &[Sign("l")], Line, "logarithmic loss"),
    row(Does::Axis, &[Sign("k")], After("; "), "its x axis"),
    row(Does::Quantity, &[Sign(";")], Line, "what the chart shows: loss, accuracy, any other number"),
    row(Does::Smooth, &[Sign("'")], After("; "), "how smooth"),
    row(Does::Maximise, &[Sign("j")], Line, "the chart alone, then the network, the filters, and all again"),
    row(
        Does::Menu,
        &[Sign("o"), Ctrl("s", "Ctrl+S")],
        Line,
        "a figure's menu, then the next figure's; s saves, k keeps it in the notebook, q copies a query",
    ),
    row(Does::Fork, &[Sign("f")], Line, "fork here"),
    row(Does::Edit, &[Sign("e")], Line, "fork here with edits, typed"),
    row(Does::NewRun, &[Sign("n")], Line, "new run"),
    row(Does::TrainOn, &[Sign("t")], After("; "), "continue its training"),
    row(Does::Pause, &[Sign("p")], Line, "pause or resume a training"),
    row(Does::OneStep, &[Sign("s")], After("; "), "one step"),
    row(Does::Stop, &[Sign("u")], After(", "), "stop it"),
    row(Does::Rename, &[Sign("r")], Line, "rename the branch"),
    row(Does::Delete, &[Named(N::Delete, "Delete")], After("; "), "delete it"),
    row(Does::Theme, &[Sign("d")], Line, "light or dark"),
    row(Does::Motion, &[Sign("m")], After("; "), "less motion"),
    row(Does::Undo, &[Sign("z"), Ctrl("z", "Ctrl+Z")], After("; "), "undo"),
    row(Does::Redo, &[Ctrl("y", "Ctrl+Y")], After("; "), "do it again, in the notebook"),
    row(Does::Notebook, &[Named(N::F2, "F2")], Line, "the notebook, or the figures"),
    row(Does::RunNotebook, &[Named(N::F5, "F5")], After("; "), "train what it says"),
    row(Does::Close, &[Named(N::Escape, "Esc")], Line, "close what is open"),
    row(Does::Help, &[Sign("?")], After("; "), "this list"),
];

/// What a key does, alone or with Ctrl, and which of the command's keys it is,
/// from 0.
pub(crate) fn of(key: &Key, ctrl: bool) -> Option<(Does, usize)> {
    COMMANDS.iter().find_map(|command| Some((command.does, command.keys.iter().position(|on| on.is(key, ctrl))?)))
}

/// The list of keys: those of a line, and what they do.
pub(crate) fn help() -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = Vec::new();
    for command in COMMANDS {
        let written: Vec<&str> = command.keys.iter().map(|key| key.written()).collect();
        match (command.place, lines.last_mut()) {
            (Unlisted, _) => {}
            (After(sign), Some((_, what))) => {
                let keys = written.join(" and ");
                let of = if written.len() == 1 { ": " } else { " " };
                what.push_str(&format!("{sign}{keys}{of}{}", command.help));
            }
            (Line, _) | (After(_), None) => {
                let keys = match written[..] {
                    [first, .., last] if written.len() > 2 => format!("{first} … {last}"),
                    _ => written.join(" "),
                };
                lines.push((keys, command.help.to_owned()));
            }
        }
    }
    // Those of the control that has the focus.
    lines.push(("Tab".to_owned(), "the next control; with Shift the one before; Enter or Space presses it".to_owned()));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_names_every_key_in_its_order() {
        let list = help();
        assert_eq!(list.len(), 31);
        for (place, keys, what) in [
            (0, "← →", "one step back or on; with Shift ten"),
            (3, "Space", "play, and stop; x: how fast"),
            (4, "g", "go to an address; Ctrl+C: copy it, or the command that is shown at the foot"),
            (8, "h", "hide a branch, or show it again; b: show all, the family, or one"),
            (13, "1 … 9", "the layer of the embedding"),
            (17, "i", "the image that maps are of; [ and ] the one before or after; /: draw one"),
            (5, "+ -", "fewer or more steps, in the chart and on the timeline; 0: all steps again"),
            (19, ";", "what the chart shows: loss, accuracy, any other number; ': how smooth"),
            (25, "p", "pause or resume a training; s: one step, u: stop it"),
            (27, "d", "light or dark; m: less motion; z and Ctrl+Z undo; Ctrl+Y: do it again, in the notebook"),
            (28, "F2", "the notebook, or the figures; F5: train what it says"),
            (29, "Esc", "close what is open; ?: this list"),
            (30, "Tab", "the next control; with Shift the one before; Enter or Space presses it"),
        ] {
            assert_eq!(list[place], (keys.to_owned(), what.to_owned()));
        }
    }

    /// The manual speaks of keys that there are.
    #[test]
    fn every_key_of_the_readme_is_a_command() {
        let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
        let section = readme.split("\n## ").find(|section| section.starts_with("The window\n")).unwrap();
        let spans: Vec<&str> = section.split('`').skip(1).step_by(2).filter(|span| span.chars().count() == 1).collect();
        assert!(spans.contains(&"g") && spans.contains(&"?"), "{spans:?}");
        // `+`, `−` and `×` are also buttons of the network.
        for span in spans.into_iter().filter(|span| !["−", "×"].contains(span)) {
            assert!(COMMANDS.iter().any(|command| command.keys.contains(&Sign(leak(span)))), "`{span}`");
        }
        for named in ["← →", "PgUp", "PgDn", "Space", "Shift"] {
            assert!(section.contains(named), "{named}");
        }
    }

    fn leak(text: &str) -> &'static str {
        text.to_owned().leak()
    }
}
