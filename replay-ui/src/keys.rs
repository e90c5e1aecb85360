//! What each key does, and the list of them.

use iced::keyboard::key::Named as N;
use iced::keyboard::{Key, Modifiers};
use revacnn_notebook::{Show, Source};
use revacnn_recorder::Command;
use revacnn_schemas::Scale;

use crate::message::Message;
use crate::prompt::Question;
use crate::state::State;
use crate::time::Move;

/// The keys, as the help shows them.
pub(crate) const LIST: [(&str, &str); 20] = [
    ("← →", "one step back or on; with Shift ten"),
    ("PgUp PgDn", "to the end of the epoch before or after"),
    ("Home End", "the first and the last step"),
    ("Space", "play, and stop; x: how fast"),
    ("g", "go to an address"),
    ("↑ ↓", "the branch above or below"),
    ("c", "compare: the parent beside it, then others, then none"),
    (", .", "the filter before or after"),
    ("1 … 9", "the layer of the embedding"),
    ("v", "activation maps or coefficients in the network"),
    ("w", "what is embedded: coefficients, gradients, maps"),
    ("i", "the image that maps are of; [ and ] the one before or after"),
    ("l", "logarithmic loss"),
    ("f", "fork here"),
    ("e", "fork here with edits, typed"),
    ("n", "new run; t: train the branch on"),
    ("p", "pause or resume a training; s: one step"),
    ("r", "rename the branch; Delete: delete it"),
    ("d", "light or dark; m: less motion"),
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
    let by = if modifiers.shift() { 10 } else { 1 };
    Some(match key.as_ref() {
        Key::Named(N::ArrowLeft) => Message::Go(Move::By(-by)),
        Key::Named(N::ArrowRight) => Message::Go(Move::By(by)),
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

fn character(text: &str, state: &State) -> Option<Message> {
    Some(match text {
        " " => Message::Play(!state.playing.on),
        "x" => Message::Speed,
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
        "w" => Message::Of(next_source(state.settings.of)),
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

fn next_source(of: Source) -> Source {
    let here = SOURCES.iter().position(|(source, _)| *source == of).unwrap_or(0);
    SOURCES[(here + 1) % SOURCES.len()].0
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

    #[test]
    fn arrows_move_by_one_and_with_shift_by_ten() {
        let left = || Key::Named(N::ArrowLeft);
        assert!(matches!(pressed(left(), Modifiers::empty()), Some(Message::Go(Move::By(-1)))));
        assert!(matches!(pressed(left(), Modifiers::SHIFT), Some(Message::Go(Move::By(-10)))));
        assert!(pressed(left(), Modifiers::CTRL).is_none());
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
    }
}
