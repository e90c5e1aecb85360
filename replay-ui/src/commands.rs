//! What keys do: one table of commands, from which the keymap and the list of
//! keys follow. A new key is one row.

use iced::keyboard::key::Named as N;
use iced::keyboard::{Key, Modifiers};
use revacnn_notebook::{Method, Show};
use revacnn_schemas::Scale;
use revacnn_store::Command as Steer;

use crate::components::filters::SOURCES;
use crate::components::inspector::HISTORIES;
use crate::components::loss::AXES;
use crate::components::prompt::Question;
use crate::components::{
    dialog, figure, figure_menu, filters, header, inspector, loss, network, prompt, status, timeline, tree,
};
use crate::state::State;
use crate::time::Move;
use crate::update::Message;
use crate::views;

/// How much closer `+` looks.
const ZOOM: f64 = 1.5;

/// A key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    /// A letter, a digit or a sign.
    Sign(&'static str),
    /// A key with a name, and how the list writes it.
    Named(N, &'static str),
}

use On::{Named, Sign};

impl On {
    fn is(self, key: &Key) -> bool {
        match (self, key.as_ref()) {
            (Sign(sign), Key::Character(text)) => sign == text,
            // Some systems give a blank as a letter.
            (Named(N::Space, _), Key::Character(text)) => text == " ",
            (Named(named, _), Key::Named(key)) => named == key,
            (Sign(_) | Named(..), Key::Named(_) | Key::Character(_) | Key::Unidentified) => false,
        }
    }

    fn written(self) -> &'static str {
        match self {
            Sign(sign) => sign,
            Named(_, written) => written,
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

/// A key that was pressed.
#[derive(Debug, Clone, Copy)]
struct Pressed {
    /// Which of the command's keys it is, from 0.
    which: usize,
    shift: bool,
}

impl Pressed {
    /// Back for the first of two keys, on for the second.
    fn direction(self) -> isize {
        if self.which == 0 { -1 } else { 1 }
    }
}

/// Something that keys do.
struct Command {
    /// Its name.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests name commands by it"))]
    name: &'static str,
    keys: &'static [On],
    place: InList,
    /// What it does, in the list.
    help: &'static str,
    does: fn(&State, Pressed) -> Option<Message>,
}

/// A row of the table.
const fn row(
    name: &'static str,
    keys: &'static [On],
    place: InList,
    help: &'static str,
    does: fn(&State, Pressed) -> Option<Message>,
) -> Command {
    Command { name, keys, place, help, does }
}

const DIGITS: [On; 9] =
    [Sign("1"), Sign("2"), Sign("3"), Sign("4"), Sign("5"), Sign("6"), Sign("7"), Sign("8"), Sign("9")];

/// All commands, in the order of the list.
static COMMANDS: &[Command] = &[
    row(
        "step",
        &[Named(N::ArrowLeft, "←"), Named(N::ArrowRight, "→")],
        Line,
        "one step back or on; with Shift ten",
        |_, pressed| {
            let steps = if pressed.shift { 10 } else { 1 };
            go(Move::By(steps * pressed.direction() as i64))
        },
    ),
    row(
        "epoch",
        &[Named(N::PageUp, "PgUp"), Named(N::PageDown, "PgDn")],
        Line,
        "to the end of the epoch before or after",
        |_, pressed| Some(timeline::Message::GoEpoch { forward: pressed.which == 1 }.into()),
    ),
    row("ends", &[Named(N::Home, "Home"), Named(N::End, "End")], Line, "the first and the last step", |_, pressed| {
        go(if pressed.which == 0 { Move::First } else { Move::Last })
    }),
    row("play", &[Named(N::Space, "Space")], Line, "play, and stop", |state, _| {
        Some(timeline::Message::Play(!state.timeline.playing.on).into())
    }),
    row("speed", &[Sign("x")], After("; "), "how fast", |_, _| Some(timeline::Message::Speed.into())),
    row("go-to", &[Sign("g")], Line, "go to an address", |_, _| Some(header::Message::GoTo.into())),
    row("zoom", &[Sign("+"), Sign("-")], Line, "fewer or more steps on the timeline", |state, pressed| {
        zoom(if pressed.which == 0 { ZOOM } else { 1.0 / ZOOM }, state)
    }),
    row("zoom-in", &[Sign("=")], Unlisted, "fewer steps on the timeline", |state, _| zoom(ZOOM, state)),
    row("align", &[Sign("a")], Line, "lanes by their steps, or by distance from their forks", |state, _| {
        Some(timeline::Message::Align(state.context.align.other()).into())
    }),
    row(
        "branch",
        &[Named(N::ArrowUp, "↑"), Named(N::ArrowDown, "↓")],
        Line,
        "the branch above or below; with Shift the lanes scroll",
        |state, pressed| {
            if pressed.shift {
                return Some(timeline::Message::Scroll(pressed.direction()).into());
            }
            Some(tree::Message::Select(state.context.branch_below(pressed.direction())?).into())
        },
    ),
    row("hide", &[Sign("h")], Line, "hide a branch, or show it again", |_, _| ask(Question::Hide)),
    row("compare", &[Sign("c")], Line, "compare: the parent beside it, then others, then none", |_, _| {
        Some(network::Message::ToggleBeside.into())
    }),
    row("filter", &[Sign(","), Sign(".")], Line, "the filter before or after", |state, pressed| {
        Some(Message::Figure(figure::Message::Pick(Some(state.filter_after(pressed.direction())?))))
    }),
    row("history", &[Sign("q")], Line, "the number of the filter that is shown over time", |state, _| {
        let next = next(&HISTORIES.map(|(name, _)| name), &state.inspector.history)?;
        Some(inspector::Message::History(next).into())
    }),
    row("layer", &DIGITS, Line, "the layer of the embedding", |state, pressed| {
        let layer = state.context.layers().into_iter().nth(pressed.which)?;
        Some(Message::Figure(figure::Message::Layer(layer)))
    }),
    row("nodes", &[Sign("v")], Line, "activation maps or coefficients in the network", |state, _| {
        let nodes = match state.network.nodes {
            Show::Maps => Show::Coefficients,
            Show::Coefficients => Show::Maps,
        };
        Some(network::Message::Nodes(nodes).into())
    }),
    row("source", &[Sign("w")], Line, "what is embedded: coefficients, gradients, maps", |state, _| {
        let next = next(&SOURCES.map(|(source, _)| source), &state.filters.of)?;
        Some(filters::Message::Of(next).into())
    }),
    row("method", &[Sign("y")], Line, "t-SNE or PCA", |state, _| {
        let method = match state.filters.method {
            Method::Tsne => Method::Pca,
            Method::Pca => Method::Tsne,
        };
        Some(filters::Message::Method(method).into())
    }),
    row("image", &[Sign("i")], Line, "the image that maps are of", |_, _| Some(network::Message::AskImage.into())),
    row("next-image", &[Sign("["), Sign("]")], After("; "), "the one before or after", |_, pressed| {
        Some(network::Message::ImageBy(pressed.direction() as i64).into())
    }),
    row("logarithmic", &[Sign("l")], Line, "logarithmic loss", |state, _| {
        Some(loss::Message::Logarithmic(state.loss.scale == Scale::Linear).into())
    }),
    row("axis", &[Sign("k")], After("; "), "its x axis", |state, _| {
        Some(loss::Message::X(next(&AXES, &state.loss.x)?).into())
    }),
    row(
        "menu",
        &[Sign("o")],
        Line,
        "a figure's menu, then the next figure's; s saves, q copies a query",
        |state, _| {
            let first = figure_menu::with_menus(state).first().copied().unwrap_or(views::LOSS);
            Some(Message::Figure(figure::Message::Menu(first)))
        },
    ),
    row("fork", &[Sign("f")], Line, "fork here", |_, _| ask(Question::Fork)),
    row("edit", &[Sign("e")], Line, "fork here with edits, typed", |_, _| ask(Question::Edit)),
    row("new-run", &[Sign("n")], Line, "new run", |_, _| Some(tree::Message::NewRun.into())),
    row("train-on", &[Sign("t")], After("; "), "train the branch on", |_, _| ask(Question::TrainOn)),
    row("pause", &[Sign("p")], Line, "pause or resume a training", |state, _| {
        let context = &state.context;
        let waits = context.selected.as_ref().is_some_and(|name| context.paused.contains(name));
        steer(if waits { Steer::Resume } else { Steer::Pause })
    }),
    row("one-step", &[Sign("s")], After("; "), "one step", |_, _| steer(Steer::Step)),
    row("stop", &[Sign("u")], After(", "), "stop it", |_, _| steer(Steer::Stop)),
    row("rename", &[Sign("r")], Line, "rename the branch", |_, _| ask(Question::Rename)),
    row("delete", &[Named(N::Delete, "Delete")], After("; "), "delete it", |state, _| {
        Some(inspector::Message::Delete(state.context.selected.clone()?).into())
    }),
    row("theme", &[Sign("d")], Line, "light or dark", |state, _| {
        Some(header::Message::Dark(!state.context.dark).into())
    }),
    row("motion", &[Sign("m")], After("; "), "less motion", |state, _| {
        Some(header::Message::ReducedMotion(!state.context.reduced_motion).into())
    }),
    row("undo", &[Sign("z")], After("; "), "undo", |_, _| Some(status::Message::Undo.into())),
    row("close", &[Named(N::Escape, "Esc")], Line, "close what is open", |_, _| Some(Message::Escape)),
    row("help", &[Sign("?")], After("; "), "this list", |_, _| Some(header::Message::Help.into())),
];

fn go(by: Move) -> Option<Message> {
    Some(timeline::Message::Go(by).into())
}

fn ask(question: Question) -> Option<Message> {
    Some(inspector::Message::Ask(question).into())
}

fn steer(command: Steer) -> Option<Message> {
    Some(header::Message::Steer(command).into())
}

/// Zooms about the cursor, or about the end that is nearer to it.
fn zoom(factor: f64, state: &State) -> Option<Message> {
    let time = &state.context.time;
    let fraction = time.fraction(time.cursor.0 as f64).clamp(0.0, 1.0);
    Some(timeline::Message::Zoom { factor, fraction }.into())
}

/// What comes after one of some things; the first after the last.
fn next<T: Copy + PartialEq>(all: &[T], here: &T) -> Option<T> {
    let place = all.iter().position(|other| other == here).map_or(0, |place| place + 1);
    all.get(place).or(all.first()).copied()
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
    lines
}

/// What a key does.
pub(crate) fn message(key: &Key, modifiers: Modifiers, state: &State) -> Option<Message> {
    if modifiers.control() || modifiers.alt() || modifiers.logo() {
        return None;
    }
    match &state.dialog {
        Some(dialog::State::Prompt(prompt)) => answer(key, &prompt.text),
        Some(dialog::State::RunForm(_)) => matches!(key, Key::Named(N::Escape)).then_some(Message::Escape),
        Some(dialog::State::Menu(menu)) => in_menu(key, menu),
        Some(dialog::State::Help) | None => {
            let (command, which) = COMMANDS.iter().find_map(|command| {
                let which = command.keys.iter().position(|on| on.is(key))?;
                Some((command, which))
            })?;
            (command.does)(state, Pressed { which, shift: modifiers.shift() })
        }
    }
}

/// What is typed belongs to the open question, also before its field has the
/// text cursor: who types fast loses no letter.
fn answer(key: &Key, typed: &str) -> Option<Message> {
    let message = match key.as_ref() {
        Key::Named(N::Escape) => return Some(Message::Escape),
        Key::Named(N::Enter) => prompt::Message::Enter,
        Key::Named(N::Space) => prompt::Message::Type(format!("{typed} ")),
        Key::Named(N::Backspace) => {
            let mut left = typed.to_owned();
            left.pop();
            prompt::Message::Type(left)
        }
        Key::Character(text) => prompt::Message::Type(format!("{typed}{text}")),
        Key::Named(_) | Key::Unidentified => return None,
    };
    Some(message.into())
}

/// What a key does while a figure's menu is open.
fn in_menu(key: &Key, menu: &figure_menu::State) -> Option<Message> {
    let message = match key.as_ref() {
        Key::Named(N::Escape) => return Some(Message::Escape),
        Key::Character("s") => figure_menu::Message::Save(menu.view),
        Key::Character("q") => figure_menu::Message::Query(menu.view),
        Key::Character("o") => figure_menu::Message::Next,
        Key::Named(_) | Key::Character(_) | Key::Unidentified => return None,
    };
    Some(message.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::opened;

    fn pressed(key: Key, modifiers: Modifiers) -> Option<Message> {
        message(&key, modifiers, &opened())
    }

    fn letter(text: &str) -> Key {
        Key::Character(text.into())
    }

    fn is(message: Option<Message>, expected: impl Into<Message>) -> bool {
        format!("{message:?}") == format!("{:?}", Some(expected.into()))
    }

    #[test]
    fn arrows_move_by_one_and_with_shift_by_ten() {
        let left = || Key::Named(N::ArrowLeft);
        assert!(is(pressed(left(), Modifiers::empty()), timeline::Message::Go(Move::By(-1))));
        assert!(is(pressed(left(), Modifiers::SHIFT), timeline::Message::Go(Move::By(-10))));
        assert!(pressed(left(), Modifiers::CTRL).is_none());
        let (up, down) = (Key::Named(N::ArrowUp), Key::Named(N::ArrowDown));
        assert!(is(pressed(up, Modifiers::SHIFT), timeline::Message::Scroll(-1)));
        assert!(is(pressed(down, Modifiers::SHIFT), timeline::Message::Scroll(1)));
    }

    #[test]
    fn what_is_typed_into_a_question_is_no_key_of_the_window() {
        let mut state = opened();
        state.update(header::Message::GoTo);
        for key in [letter("f"), letter("@"), letter("7"), Key::Named(N::Backspace), letter("8")] {
            state.update(message(&key, Modifiers::empty(), &state).unwrap());
        }
        assert_eq!(state.prompt().unwrap().text, "f@8");
        let enter = message(&Key::Named(N::Enter), Modifiers::empty(), &state);
        assert!(is(enter, prompt::Message::Enter));
        assert!(message(&Key::Named(N::ArrowLeft), Modifiers::empty(), &state).is_none());
        assert!(is(message(&Key::Named(N::Escape), Modifiers::empty(), &state), Message::Escape));
    }

    #[test]
    fn every_command_has_keys_of_its_own_and_each_does_something() {
        let mut seen = Vec::new();
        for command in COMMANDS {
            assert!(!command.keys.is_empty() && !command.help.is_empty(), "{}", command.name);
            for on in command.keys {
                assert!(!seen.contains(on), "{}: {on:?} does something else already", command.name);
                seen.push(*on);
                let key = match on {
                    Sign(sign) => letter(sign),
                    Named(named, _) => Key::Named(*named),
                };
                // Nothing is read of this store: it has no layers and no filters.
                let needs_figures = ["layer", "filter"].contains(&command.name);
                assert_eq!(pressed(key, Modifiers::empty()).is_none(), needs_figures, "{}: {on:?}", command.name);
            }
        }
        assert!(is(pressed(letter(" "), Modifiers::empty()), timeline::Message::Play(true)));
    }

    #[test]
    fn the_list_names_every_key_in_its_order() {
        let list = help();
        assert_eq!(list.len(), 26);
        for (place, keys, what) in [
            (0, "← →", "one step back or on; with Shift ten"),
            (3, "Space", "play, and stop; x: how fast"),
            (12, "1 … 9", "the layer of the embedding"),
            (16, "i", "the image that maps are of; [ and ] the one before or after"),
            (22, "p", "pause or resume a training; s: one step, u: stop it"),
            (24, "d", "light or dark; m: less motion; z: undo"),
            (25, "Esc", "close what is open; ?: this list"),
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
        // `+` and `−` are also buttons of the network.
        for span in spans.into_iter().filter(|span| *span != "−") {
            assert!(COMMANDS.iter().any(|command| command.keys.contains(&Sign(leak(span)))), "`{span}`");
        }
        for named in ["← →", "PgUp", "PgDn", "Space", "Shift"] {
            assert!(section.contains(named), "{named}");
        }
    }

    fn leak(text: &str) -> &'static str {
        text.to_owned().leak()
    }

    #[test]
    fn zooming_by_keys_stays_where_one_looks() {
        let mut state = opened();
        state.update(pressed(Key::Named(N::End), Modifiers::empty()).unwrap());
        // By the wheel, to the left end, far from the cursor.
        state.update(timeline::Message::Zoom { factor: 4.0, fraction: 0.0 });
        let before = state.context.time.step_at(1.0);
        state.update(message(&letter("+"), Modifiers::empty(), &state).unwrap());
        assert_eq!(state.context.time.step_at(1.0), before);
        assert!(state.context.time.step_at(0.0).0 > 0, "fewer steps are shown");
    }

    #[test]
    fn in_a_menu_keys_are_of_the_figure() {
        let mut state = opened();
        state.update(pressed(letter("o"), Modifiers::empty()).unwrap());
        let pressed = |key: &str| message(&letter(key), Modifiers::empty(), &state);
        assert!(is(pressed("s"), figure_menu::Message::Save(views::LOSS)));
        assert!(is(pressed("q"), figure_menu::Message::Query(views::LOSS)));
        assert!(pressed("p").is_none(), "no training is paused from a menu");
        assert_eq!(next(&[1, 2, 3], &2), Some(3));
        assert_eq!((next(&[1, 2, 3], &3), next(&[1, 2, 3], &7), next(&[], &7)), (Some(1), Some(1), None));
    }
}
