//! What each key does, and the list of them.

use iced::keyboard::key::Named as N;
use iced::keyboard::{Key, Modifiers};
use revacnn_notebook::{Method, Show, Source, XAxis};
use revacnn_schemas::Scale;
use revacnn_store::Command;

use crate::cells::Slot;
use crate::message::Message;
use crate::prompt::Question;
use crate::state::State;
use crate::time::Move;

/// How much closer `+` looks.
const ZOOM: f64 = 1.5;

/// The keys, as the help shows them.
pub(crate) const LIST: [(&str, &str); 26] = [
    ("← →", "one step back or on; with Shift ten"),
    ("PgUp PgDn", "to the end of the epoch before or after"),
    ("Home End", "the first and the last step"),
    ("Space", "play, and stop; x: how fast"),
    ("g", "go to an address"),
    ("+ -", "fewer or more steps on the timeline"),
    ("a", "lanes by their steps, or by distance from their forks"),
    ("↑ ↓", "the branch above or below; with Shift the lanes scroll"),
    ("h", "hide a branch, or show it again"),
    ("c", "compare: the parent beside it, then others, then none"),
    (", .", "the filter before or after"),
    ("q", "the number of the filter that is shown over time"),
    ("1 … 9", "the layer of the embedding"),
    ("v", "activation maps or coefficients in the network"),
    ("w", "what is embedded: coefficients, gradients, maps"),
    ("y", "t-SNE or PCA"),
    ("i", "the image that maps are of; [ and ] the one before or after"),
    ("l", "logarithmic loss; k: its x axis"),
    ("o", "a figure's menu, then the next figure's; s saves, q copies a query"),
    ("f", "fork here"),
    ("e", "fork here with edits, typed"),
    ("n", "new run; t: train the branch on"),
    ("p", "pause or resume a training; s: one step, u: stop it"),
    ("r", "rename the branch; Delete: delete it"),
    ("d", "light or dark; m: less motion; z: undo"),
    ("Esc", "close what is open; ?: this list"),
];

/// What a key does.
pub(crate) fn message(key: &Key, modifiers: Modifiers, state: &State) -> Option<Message> {
    if modifiers.control() || modifiers.alt() || modifiers.logo() {
        return None;
    }
    if let Some(prompt) = &state.prompt {
        return answer(key, &prompt.text);
    }
    if state.form.is_some() {
        return matches!(key, Key::Named(N::Escape)).then_some(Message::Escape);
    }
    if let Some(slot) = state.menu {
        return in_menu(key, slot, state);
    }
    let by = if modifiers.shift() { 10 } else { 1 };
    Some(match key.as_ref() {
        Key::Named(N::ArrowLeft) => Message::Go(Move::By(-by)),
        Key::Named(N::ArrowRight) => Message::Go(Move::By(by)),
        Key::Named(N::ArrowUp) if modifiers.shift() => Message::ScrollLanes(-1),
        Key::Named(N::ArrowDown) if modifiers.shift() => Message::ScrollLanes(1),
        Key::Named(N::ArrowUp) => Message::SelectBy(-1),
        Key::Named(N::ArrowDown) => Message::SelectBy(1),
        Key::Named(N::PageUp) => Message::GoEpoch { forward: false },
        Key::Named(N::PageDown) => Message::GoEpoch { forward: true },
        Key::Named(N::Home) => Message::Go(Move::First),
        Key::Named(N::End) => Message::Go(Move::Last),
        Key::Named(N::Space) => Message::Play(!state.playing.on),
        Key::Named(N::Escape) => Message::Escape,
        Key::Named(N::Delete) => Message::Delete(state.selected.clone()?),
        Key::Character(text) => return character(text, state),
        _ => return None,
    })
}

/// What is typed belongs to the open question, also before its field has the
/// text cursor: who types fast loses no letter.
fn answer(key: &Key, typed: &str) -> Option<Message> {
    Some(match key.as_ref() {
        Key::Named(N::Escape) => Message::Escape,
        Key::Named(N::Enter) => Message::PromptEnter,
        Key::Named(N::Space) => Message::PromptText(format!("{typed} ")),
        Key::Named(N::Backspace) => {
            let mut left = typed.to_owned();
            left.pop();
            Message::PromptText(left)
        }
        Key::Character(text) => Message::PromptText(format!("{typed}{text}")),
        _ => return None,
    })
}

/// What a key does while a figure's menu is open.
fn in_menu(key: &Key, slot: Slot, state: &State) -> Option<Message> {
    Some(match key.as_ref() {
        Key::Named(N::Escape) => Message::Escape,
        Key::Character("s") => Message::Save(slot),
        Key::Character("q") => Message::Query(slot),
        Key::Character("o") => Message::Menu(next(&state.figures.slots(), &slot)?),
        _ => return None,
    })
}

/// What comes after one of some things; the first after the last.
fn next<T: Copy + PartialEq>(all: &[T], here: &T) -> Option<T> {
    let place = all.iter().position(|other| other == here).map_or(0, |place| place + 1);
    all.get(place).or(all.first()).copied()
}

/// Zooms about the cursor, or about the end that is nearer to it.
fn zoom(factor: f64, state: &State) -> Message {
    let fraction = state.time.fraction(state.time.cursor.0 as f64).clamp(0.0, 1.0);
    Message::Zoom { factor, fraction }
}

fn character(text: &str, state: &State) -> Option<Message> {
    Some(match text {
        " " => Message::Play(!state.playing.on),
        "x" => Message::Speed,
        "+" | "=" => zoom(ZOOM, state),
        "-" => zoom(1.0 / ZOOM, state),
        "a" => Message::Align(state.settings.align.other()),
        "h" => state.question(Question::Hide),
        "k" => Message::X(next(&AXES, &state.settings.x)?),
        "q" => Message::History(next(&HISTORIES.map(|(name, _)| name), &state.settings.history)?),
        "y" => Message::Method(if state.settings.method == Method::Tsne { Method::Pca } else { Method::Tsne }),
        "o" => Message::Menu(state.figures.slots().first().copied().unwrap_or(Slot::Loss)),
        "z" => Message::Undo,
        "u" => Message::Steer(Command::Stop),
        "g" => state.question(Question::GoTo),
        "f" => state.question(Question::Fork),
        "e" => state.question(Question::Edit),
        "r" => state.question(Question::Rename),
        "i" => state.question(Question::Image),
        "t" => state.question(Question::TrainOn),
        "n" => Message::NewRun,
        "c" => Message::ToggleBeside,
        "," => Message::PickBy(-1),
        "." => Message::PickBy(1),
        "[" => Message::ImageBy(-1),
        "]" => Message::ImageBy(1),
        "v" => Message::Nodes(if state.settings.nodes == Show::Maps { Show::Coefficients } else { Show::Maps }),
        "w" => Message::Of(next(&SOURCES.map(|(source, _)| source), &state.settings.of)?),
        "l" => Message::LogScale(state.settings.scale == Scale::Linear),
        "p" => Message::Steer(if state.selected.as_ref().is_some_and(|name| state.paused.contains(name)) {
            Command::Resume
        } else {
            Command::Pause
        }),
        "s" => Message::Steer(Command::Step),
        "d" => Message::Dark(!state.settings.dark),
        "m" => Message::Still(!state.settings.still),
        "?" => Message::Help(!state.help),
        digit => {
            let number = digit.parse::<usize>().ok().filter(|number| (1..=9).contains(number))?;
            Message::LayerNumber(number - 1)
        }
    })
}

/// The sources in the order of the radio buttons.
pub(crate) const SOURCES: [(Source, &str); 4] = [
    (Source::Weights, "coefficients"),
    (Source::Gradients, "gradients"),
    (Source::Activations, "maps"),
    (Source::ActivationGradients, "map gradients"),
];

/// The axes in the order of the list.
pub(crate) const AXES: [XAxis; 4] = [XAxis::Step, XAxis::Images, XAxis::Epoch, XAxis::Fork];

/// Numbers of a filter that can be seen over time.
pub(crate) const HISTORIES: [(&str, &str); 6] = [
    ("mean_abs_gradient", "mean |gradient|"),
    ("gradient_norm", "norm of the gradient"),
    ("weight_norm", "norm of the coefficients"),
    ("update_ratio", "update / coefficients"),
    ("activation_sum", "activation sum"),
    ("zero_share", "share of zeros"),
];

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

    #[test]
    fn arrows_move_by_one_and_with_shift_by_ten() {
        let left = || Key::Named(N::ArrowLeft);
        assert!(matches!(pressed(left(), Modifiers::empty()), Some(Message::Go(Move::By(-1)))));
        assert!(matches!(pressed(left(), Modifiers::SHIFT), Some(Message::Go(Move::By(-10)))));
        assert!(pressed(left(), Modifiers::CTRL).is_none());
        let (up, down) = (Key::Named(N::ArrowUp), Key::Named(N::ArrowDown));
        assert!(matches!(pressed(up, Modifiers::SHIFT), Some(Message::ScrollLanes(-1))));
        assert!(matches!(pressed(down, Modifiers::SHIFT), Some(Message::ScrollLanes(1))));
    }

    #[test]
    fn what_is_typed_into_a_question_is_no_key_of_the_window() {
        let mut state = opened();
        state.update(state.question(Question::GoTo));
        for key in [letter("f"), letter("@"), letter("7"), Key::Named(N::Backspace), letter("8")] {
            state.update(message(&key, Modifiers::empty(), &state).unwrap());
        }
        assert_eq!(state.prompt.as_ref().unwrap().text, "f@8");
        assert!(matches!(message(&Key::Named(N::Enter), Modifiers::empty(), &state), Some(Message::PromptEnter)));
        assert!(message(&Key::Named(N::ArrowLeft), Modifiers::empty(), &state).is_none());
        assert!(matches!(message(&Key::Named(N::Escape), Modifiers::empty(), &state), Some(Message::Escape)));
    }

    #[test]
    fn every_letter_of_the_list_does_something() {
        for (keys, _) in LIST {
            for key in keys.split(' ').filter(|key| key.chars().count() == 1 && *key != "…") {
                let named = match key {
                    "←" => Key::Named(N::ArrowLeft),
                    "→" => Key::Named(N::ArrowRight),
                    "↑" => Key::Named(N::ArrowUp),
                    "↓" => Key::Named(N::ArrowDown),
                    _ => letter(key),
                };
                assert!(pressed(named, Modifiers::empty()).is_some(), "{key}");
            }
        }
        // Those that stand with others in a line.
        for key in ["x", "[", "]", "k", "t", "s", "u", "m", "z", "?"] {
            assert!(pressed(letter(key), Modifiers::empty()).is_some(), "{key}");
        }
    }

    #[test]
    fn zooming_by_keys_stays_where_one_looks() {
        let mut state = opened();
        state.update(pressed(Key::Named(N::End), Modifiers::empty()).unwrap());
        // By the wheel, to the left end, far from the cursor.
        state.update(Message::Zoom { factor: 4.0, fraction: 0.0 });
        let before = state.time.step_at(1.0);
        state.update(message(&letter("+"), Modifiers::empty(), &state).unwrap());
        assert_eq!(state.time.step_at(1.0), before);
        assert!(state.time.step_at(0.0).0 > 0, "fewer steps are shown");
    }

    #[test]
    fn in_a_menu_keys_are_of_the_figure() {
        let mut state = opened();
        state.update(pressed(letter("o"), Modifiers::empty()).unwrap());
        let pressed = |key: &str| message(&letter(key), Modifiers::empty(), &state);
        assert!(matches!(pressed("s"), Some(Message::Save(Slot::Loss))));
        assert!(matches!(pressed("q"), Some(Message::Query(Slot::Loss))));
        assert!(pressed("p").is_none(), "no training is paused from a menu");
        assert_eq!(next(&[1, 2, 3], &2), Some(3));
        assert_eq!((next(&[1, 2, 3], &3), next(&[1, 2, 3], &7), next(&[], &7)), (Some(1), Some(1), None));
    }
}
