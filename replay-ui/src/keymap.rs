//! What each command does: the message that a key is.

use iced::keyboard::key::Named as N;
use iced::keyboard::{Key, Modifiers};
use revacnn_notebook::{Method, Show};
use revacnn_schemas::Scale;
use revacnn_store::Command as Steer;

use crate::cells::ViewId;
use crate::commands::{self, Does};
use crate::components::filters::SOURCES;
use crate::components::history::{self, OF_A_FILTER};
use crate::components::loss::AXES;
use crate::components::{
    dialog, figure_menu, filters, header, inspector, loss, network, prompt, status, timeline, tree,
};
use crate::figure;
use crate::question::Question;
use crate::state::State;
use crate::time::Move;
use crate::update::Message;
use crate::views::View;

/// How much closer `+` looks.
const ZOOM: f64 = 1.5;

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

/// What a command does now; `None` where there is nothing to do it to.
fn done_by(does: Does, state: &State, pressed: Pressed) -> Option<Message> {
    match does {
        Does::Step => {
            let steps = if pressed.shift { 10 } else { 1 };
            go(Move::By(steps * pressed.direction() as i64))
        }
        Does::Epoch => Some(timeline::Message::GoEpoch { forward: pressed.which == 1 }.into()),
        Does::Ends => go(if pressed.which == 0 { Move::First } else { Move::Last }),
        Does::Play => Some(timeline::Message::Play(!state.timeline.playing.on).into()),
        Does::Speed => Some(timeline::Message::Speed.into()),
        Does::GoTo => Some(header::Message::GoTo.into()),
        Does::Zoom => zoom(if pressed.which == 0 { ZOOM } else { 1.0 / ZOOM }, state),
        Does::ZoomIn => zoom(ZOOM, state),
        Does::Align => Some(timeline::Message::Align(state.context.align.other()).into()),
        Does::Branch => {
            if pressed.shift {
                return Some(timeline::Message::Scroll(pressed.direction()).into());
            }
            Some(tree::Message::Select(state.context.branch_below(pressed.direction())?).into())
        }
        Does::Hide => ask(Question::Hide),
        Does::Compare => Some(network::Message::ToggleBeside.into()),
        Does::Filter => Some(Message::Figure(figure::Message::Pick(Some(state.filter_after(pressed.direction())?)))),
        Does::History => {
            let history = &state.inspector.history;
            let shown = if state.context.marks.picked.is_some() {
                history::Message::OfFilter(next(&OF_A_FILTER.map(|(name, _)| name), &history.of_filter())?)
            } else {
                let all = history::of_a_branch(&state.context);
                let place = all.iter().position(|name| Some(name.as_str()) == history.of_branch());
                let next = place.and_then(|place| all.get(place + 1)).or(all.first())?;
                history::Message::OfBranch(next.clone())
            };
            Some(inspector::Message::History(shown).into())
        }
        Does::Layer => {
            let layer = state.context.layers().into_iter().nth(pressed.which)?;
            Some(Message::Figure(figure::Message::Layer(layer)))
        }
        Does::Nodes => {
            let nodes = match state.network.nodes {
                Show::Maps => Show::Coefficients,
                Show::Coefficients => Show::Maps,
            };
            Some(network::Message::Nodes(nodes).into())
        }
        Does::Source => {
            let next = next(&SOURCES.map(|(source, _)| source), &state.filters.of)?;
            Some(filters::Message::Of(next).into())
        }
        Does::Method => {
            let method = match state.filters.method {
                Method::Tsne => Method::Pca,
                Method::Pca => Method::Tsne,
            };
            Some(filters::Message::Method(method).into())
        }
        Does::Image => Some(network::Message::AskImage.into()),
        Does::NextImage => Some(network::Message::ImageBy(pressed.direction() as i64).into()),
        Does::Logarithmic => Some(loss::Message::Logarithmic(state.loss.scale == Scale::Linear).into()),
        Does::Axis => Some(loss::Message::X(next(&AXES, &state.loss.x)?).into()),
        Does::Menu => {
            let first = View::menus(state).first().map_or(ViewId::LOSS, |entry| entry.view);
            Some(Message::Figure(figure::Message::Menu(first)))
        }
        Does::Fork => ask(Question::Fork),
        Does::Edit => ask(Question::Edit),
        Does::NewRun => Some(tree::Message::NewRun.into()),
        Does::TrainOn => ask(Question::TrainOn),
        Does::Pause => {
            let context = &state.context;
            let waits = context.selected.as_ref().is_some_and(|name| context.paused.contains(name));
            steer(if waits { Steer::Resume } else { Steer::Pause })
        }
        Does::OneStep => steer(Steer::Step),
        Does::Stop => steer(Steer::Stop),
        Does::Rename => ask(Question::Rename),
        Does::Delete => Some(inspector::Message::Delete(state.context.selected.clone()?).into()),
        Does::Theme => Some(header::Message::Dark(!state.context.dark).into()),
        Does::Motion => Some(header::Message::ReducedMotion(!state.context.reduced_motion).into()),
        Does::Undo => Some(status::Message::Undo.into()),
        Does::Close => Some(Message::Escape),
        Does::Help => Some(header::Message::Help.into()),
    }
}

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
            let (does, which) = commands::of(key)?;
            done_by(does, state, Pressed { which, shift: modifiers.shift() })
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
    use crate::commands::{COMMANDS, On};
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
            assert!(!command.keys.is_empty() && !command.help.is_empty(), "{}", command.help);
            for on in command.keys {
                assert!(!seen.contains(on), "{}: {on:?} does something else already", command.help);
                seen.push(*on);
                let key = match on {
                    On::Sign(sign) => letter(sign),
                    On::Named(named, _) => Key::Named(*named),
                };
                // Nothing is read of this store: it has no layers and no filters.
                let needs_figures = [Does::Layer, Does::Filter, Does::History].contains(&command.does);
                assert_eq!(pressed(key, Modifiers::empty()).is_none(), needs_figures, "{}: {on:?}", command.help);
            }
        }
        assert!(is(pressed(letter(" "), Modifiers::empty()), timeline::Message::Play(true)));
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
        assert!(is(pressed("s"), figure_menu::Message::Save(ViewId::LOSS)));
        assert!(is(pressed("q"), figure_menu::Message::Query(ViewId::LOSS)));
        assert!(pressed("p").is_none(), "no training is paused from a menu");
        assert_eq!(next(&[1, 2, 3], &2), Some(3));
        assert_eq!((next(&[1, 2, 3], &3), next(&[1, 2, 3], &7), next(&[], &7)), (Some(1), Some(1), None));
    }
}
