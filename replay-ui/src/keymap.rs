//! What each command does: the message that a key is.

use iced::keyboard::key::{Named as N, Physical};
use iced::keyboard::{Key, Modifiers};
use revacnn_notebook::{Method, Show};
use revacnn_schemas::Scale;
use revacnn_store::Command as Steer;

use crate::canvas::along::Along;
use crate::cells::ViewId;
use crate::commands::{self, Does};
use crate::components::filters::SOURCES;
use crate::components::history::{self, OF_A_FILTER};
use crate::components::loss::{AXES, SMOOTHINGS};
use crate::components::{
    dialog, figure_menu, filters, header, hyper_parameters, inspector, loss, network, notebook, pad, prompt, status,
    timeline, tree,
};
use crate::figure;
use crate::question::Question;
use crate::sizes::{self, Panel};
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
        Does::Below => Some(filters::Message::Show(state.filters.after(&state.context)?).into()),
        Does::Image => Some(network::Message::AskImage.into()),
        Does::Draw => Some(network::Message::Draw.into()),
        Does::NextImage => Some(network::Message::ImageBy(pressed.direction() as i64).into()),
        Does::Logarithmic => Some(loss::Message::Logarithmic(state.loss.scale == Scale::Linear).into()),
        Does::Axis => Some(loss::Message::X(next(&AXES, &state.loss.x)?).into()),
        Does::Quantity => {
            let all = loss::choices(&state.context);
            let place = all.iter().position(|choice| *choice == state.loss.shows).map_or(0, |place| place + 1);
            Some(loss::Message::Show(all.get(place).or(all.first())?.clone()).into())
        }
        Does::Smooth => {
            let now = state.loss.smoothing.weight();
            let more = SMOOTHINGS.into_iter().find(|weight| *weight > now);
            Some(loss::Message::Smooth(more.unwrap_or(SMOOTHINGS[0])).into())
        }
        Does::ShowAll => Some(timeline::Message::Along(Along::All(None)).into()),
        Does::Maximise => Some(sizes::Message::Maximise(Panel::after(state.context.alone)).into()),
        // Ctrl+S saves the text where the text is what is looked at.
        Does::Menu if state.context.notebook && pressed.which == 1 => Some(notebook::Message::Save.into()),
        Does::Menu => {
            let menus = View::menus(state);
            // Of what is shown alone, where that is so.
            let alone = state.context.alone.map(|panel| match panel {
                Panel::Chart => ViewId::LOSS,
                Panel::Network => ViewId::NETWORK,
                Panel::Filters => state.filters.shown(),
            });
            let alone = alone.filter(|view| menus.iter().any(|entry| entry.view == *view));
            let first = alone.or(menus.first().map(|entry| entry.view)).unwrap_or(ViewId::LOSS);
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
        // What is typed and not applied goes first.
        Does::Undo if state.inspector.hyper_parameters.is_typed() => {
            Some(inspector::Message::HyperParameters(hyper_parameters::Message::Revert).into())
        }
        // Ctrl+Z is of the text there; z of what the foot offers, where it does.
        Does::Undo if state.context.notebook && (pressed.which == 1 || state.status.undo().is_none()) => {
            Some(notebook::Message::Undo.into())
        }
        Does::Undo => Some(status::Message::Undo.into()),
        Does::Redo => Some(notebook::Message::Redo.into()),
        Does::Notebook => Some(Message::Page(!state.context.notebook)),
        Does::RunNotebook => Some(notebook::Message::Run.into()),
        // The command that a press would run, where it is shown.
        Does::Copy => {
            let command = state.status.previewed().and_then(|edit| state.context.command(edit));
            Some(inspector::Message::Copy(command.or_else(|| Some(state.context.at()?.to_string()))?).into())
        }
        Does::Which => Some(tree::Message::Which(state.tree.next(&state.context)).into()),
        Does::Find => Some(tree::Message::Find.into()),
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
    Some(timeline::Message::Along(Along::Zoom { factor, fraction }).into())
}

/// What comes after one of some things; the first after the last.
fn next<T: Copy + PartialEq>(all: &[T], here: &T) -> Option<T> {
    let place = all.iter().position(|other| other == here).map_or(0, |place| place + 1);
    all.get(place).or(all.first()).copied()
}

/// A key as it may be meant: what it writes, the small letter, and the letter
/// of its place where it writes none of ours. Caps Lock means nothing, and a
/// layout of another script has the keys where they lie on a Latin one.
fn meant(key: &Key, place: Physical) -> Vec<Key> {
    let Key::Character(text) = key else { return vec![key.clone()] };
    let small = Key::Character(text.to_lowercase().into());
    let latin = key.to_latin(place).map(|letter| Key::Character(letter.to_string().into()));
    [Some(key.clone()), Some(small), latin].into_iter().flatten().collect()
}

/// What a key does that was pressed at a place of the keyboard.
pub(crate) fn message(key: &Key, place: Physical, modifiers: Modifiers, state: &State) -> Option<Message> {
    if modifiers.alt() || modifiers.logo() {
        return None;
    }
    let ctrl = modifiers.control();
    match &state.dialog {
        Some(dialog::State::Prompt(prompt)) if !ctrl => answer(key, &prompt.text),
        Some(dialog::State::RunForm(_) | dialog::State::LayerForm(_)) if !ctrl => {
            matches!(key, Key::Named(N::Escape)).then_some(Message::Escape)
        }
        // The command that the form shows.
        Some(dialog::State::LayerForm(form)) if meant(key, place).contains(&Key::Character("c".into())) => {
            Some(inspector::Message::Copy(form.command(&state.context)?).into())
        }
        Some(dialog::State::Prompt(_) | dialog::State::RunForm(_) | dialog::State::LayerForm(_)) => None,
        Some(dialog::State::Pad(_)) => on_pad(key, ctrl),
        Some(dialog::State::Menu(menu)) => meant(key, place).iter().find_map(|key| in_menu(key, ctrl, menu)),
        Some(dialog::State::Help) | None => {
            let (does, which) = meant(key, place).iter().find_map(|key| commands::of(key, ctrl))?;
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

/// What a key does while one draws.
fn on_pad(key: &Key, ctrl: bool) -> Option<Message> {
    let message = match key.as_ref() {
        _ if ctrl => return None,
        Key::Named(N::Escape) => return Some(Message::Escape),
        Key::Named(N::Enter) => pad::Message::Show,
        Key::Named(N::Delete | N::Backspace) => pad::Message::Clear,
        Key::Named(_) | Key::Character(_) | Key::Unidentified => return None,
    };
    Some(message.into())
}

/// What a key does while a figure's menu is open.
fn in_menu(key: &Key, ctrl: bool, menu: &figure_menu::State) -> Option<Message> {
    let message = match key.as_ref() {
        Key::Character("s") => figure_menu::Message::Save,
        Key::Named(N::Enter) => figure_menu::Message::Save,
        Key::Character("c") if ctrl => figure_menu::Message::Query(menu.view),
        _ if ctrl => return None,
        Key::Named(N::Escape) => return Some(Message::Escape),
        Key::Character("q") => figure_menu::Message::Query(menu.view),
        Key::Character("k") => figure_menu::Message::Note(menu.view),
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
    use iced::keyboard::key::{Code, NativeCode};

    /// No place that a letter has.
    const ANYWHERE: Physical = Physical::Unidentified(NativeCode::Unidentified);

    fn pressed(key: Key, modifiers: Modifiers) -> Option<Message> {
        message(&key, ANYWHERE, modifiers, &opened())
    }

    fn letter(text: &str) -> Key {
        Key::Character(text.into())
    }

    fn is(message: Option<Message>, expected: impl Into<Message>) -> bool {
        message == Some(expected.into())
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
            state.update(message(&key, ANYWHERE, Modifiers::empty(), &state).unwrap());
        }
        assert_eq!(state.prompt().unwrap().text, "f@8");
        let enter = message(&Key::Named(N::Enter), ANYWHERE, Modifiers::empty(), &state);
        assert!(is(enter, prompt::Message::Enter));
        assert!(message(&Key::Named(N::ArrowLeft), ANYWHERE, Modifiers::empty(), &state).is_none());
        assert!(is(message(&Key::Named(N::Escape), ANYWHERE, Modifiers::empty(), &state), Message::Escape));
    }

    /// Letter keys were dead with Caps Lock, and on a layout without Latin letters.
    #[test]
    fn a_letter_is_a_key_by_its_place_where_it_is_none_of_ours_and_caps_lock_means_nothing() {
        let state = opened();
        let at = |text: &str, code: Code, held: Modifiers| message(&letter(text), Physical::Code(code), held, &state);
        let fork = || ask(Question::Fork);
        for (text, code) in [("f", Code::KeyF), ("F", Code::KeyF), ("а", Code::KeyF), ("А", Code::KeyF)] {
            assert_eq!(at(text, code, Modifiers::empty()), fork(), "{text}");
        }
        // By what it writes, where that is one of ours: Dvorak's f lies on Y.
        assert_eq!(at("f", Code::KeyY, Modifiers::empty()), fork());
        assert_eq!(at("я", Code::KeyZ, Modifiers::CTRL), Some(status::Message::Undo.into()));
        // What is typed into a question is what it writes.
        let mut asked = opened();
        asked.update(header::Message::GoTo);
        asked.update(message(&letter("Ф"), Physical::Code(Code::KeyA), Modifiers::empty(), &asked).unwrap());
        assert_eq!(asked.prompt().unwrap().text, "Ф");
        assert!(message(&letter("z"), ANYWHERE, Modifiers::CTRL, &asked).is_none());
    }

    #[test]
    fn ctrl_does_what_it_does_elsewhere() {
        let mut state = opened();
        let held = |text: &str, state: &State| message(&letter(text), ANYWHERE, Modifiers::CTRL, state);
        assert_eq!(held("c", &state), Some(inspector::Message::Copy("main@100".to_owned()).into()));
        assert_eq!(held("f", &state), Some(tree::Message::Find.into()));
        assert_eq!(held("s", &state), Some(Message::Figure(figure::Message::Menu(ViewId::LOSS))));
        assert_eq!(held("z", &state), Some(status::Message::Undo.into()));
        // What is typed and not applied is taken back before anything else.
        let typed = hyper_parameters::Message::Type("beta1".to_owned(), "0.8".to_owned());
        state.update(inspector::Message::HyperParameters(typed));
        state.update(held("z", &state).unwrap());
        assert!(!state.inspector.hyper_parameters.is_typed());
        state.update(held("s", &state).unwrap());
        assert_eq!(held("s", &state), Some(figure_menu::Message::Save.into()));
        assert_eq!(held("c", &state), Some(figure_menu::Message::Query(ViewId::LOSS).into()));
        assert!(held("q", &state).is_none());
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
                    On::Ctrl(sign, _) => letter(sign),
                    On::Named(named, _) => Key::Named(*named),
                };
                let held = if matches!(on, On::Ctrl(..)) { Modifiers::CTRL } else { Modifiers::empty() };
                // Nothing is read of this store: it has no layers and no filters.
                let needs_figures = [Does::Layer, Does::Filter, Does::History].contains(&command.does);
                assert_eq!(pressed(key, held).is_none(), needs_figures, "{}: {on:?}", command.help);
            }
        }
        assert!(is(pressed(letter(" "), Modifiers::empty()), timeline::Message::Play(true)));
    }

    #[test]
    fn zooming_by_keys_stays_where_one_looks() {
        let mut state = opened();
        state.update(pressed(Key::Named(N::End), Modifiers::empty()).unwrap());
        // By the wheel, to the left end, far from the cursor.
        state.update(timeline::Message::Along(Along::Zoom { factor: 4.0, fraction: 0.0 }));
        let before = state.context.time.step_at(1.0);
        state.update(message(&letter("+"), ANYWHERE, Modifiers::empty(), &state).unwrap());
        assert_eq!(state.context.time.step_at(1.0), before);
        assert!(state.context.time.step_at(0.0).0 > 0, "fewer steps are shown");
    }

    #[test]
    fn in_a_menu_keys_are_of_the_figure() {
        let mut state = opened();
        state.update(pressed(letter("o"), Modifiers::empty()).unwrap());
        let pressed = |key: &str| message(&letter(key), ANYWHERE, Modifiers::empty(), &state);
        assert!(is(pressed("s"), figure_menu::Message::Save));
        assert!(is(pressed("q"), figure_menu::Message::Query(ViewId::LOSS)));
        assert!(pressed("p").is_none(), "no training is paused from a menu");
        assert_eq!(next(&[1, 2, 3], &2), Some(3));
        assert_eq!((next(&[1, 2, 3], &3), next(&[1, 2, 3], &7), next(&[], &7)), (Some(1), Some(1), None));
    }
}
