//! What opens above the window: a question, the form of a new run, a
//! figure's menu, the list of keys.

use iced::widget::{column, row, text};
use iced::{Alignment, Length};

use super::parts::{Piece, alarm, dialog, faint, field, plain, press};
use crate::cells::Slot;
use crate::keys::LIST;
use crate::message::Message;
use crate::prompt::{FIELD, Prompt};
use crate::run_form::{Field, RunForm};
use crate::state::State;
use crate::theme::NORMAL;

/// The open dialog, if one is open.
pub(crate) fn open(state: &State) -> Option<Piece<'_>> {
    if let Some(prompt) = &state.prompt {
        return Some(question(state, prompt));
    }
    if let Some(form) = &state.form {
        return Some(new_run(form));
    }
    if let Some(slot) = &state.menu {
        return Some(figure_menu(state, *slot));
    }
    state.help.then(help)
}

fn question<'a>(state: &State, prompt: &'a Prompt) -> Piece<'a> {
    if let Some((words, yes)) = prompt.consent(state) {
        let page = column![text(prompt.title()).size(NORMAL), plain(words).width(380)].spacing(12);
        return dialog(page.push(buttons(yes, Message::PromptEnter)));
    }
    let input = field(prompt.hint(), &prompt.text, 460.0)
        .id(FIELD)
        .on_input(Message::PromptText)
        .on_submit(Message::PromptEnter);
    let mut page = column![text(prompt.title()).size(NORMAL), input, faint(prompt.hint())].spacing(8);
    if let Some(problem) = &prompt.problem {
        page = page.push(alarm(problem.as_str()).width(460));
    }
    dialog(page.push(buttons("go on", Message::PromptEnter)))
}

fn buttons<'a>(words: &'static str, message: Message) -> Piece<'a> {
    row![press(words, Some(message)), press("leave", Some(Message::Escape))].spacing(8).into()
}

fn new_run(form: &RunForm) -> Piece<'_> {
    let lines = Field::ALL.map(|name| {
        let (label, hint) = name.label();
        let input = field(hint, form.text(name), 340.0)
            .id(name.id())
            .on_input(move |text| Message::Form(name, text))
            .on_submit(Message::FormEnter);
        row![plain(label).width(84), column![input, faint(hint)].spacing(2)].align_y(Alignment::Start).into()
    });
    let mut page = column![text("New run").size(NORMAL)].extend(lines).spacing(8);
    if let Some(problem) = &form.problem {
        page = page.push(alarm(problem.as_str()).width(400));
    }
    dialog(page.push(buttons("train", Message::FormEnter)))
}

fn figure_menu(state: &State, slot: Slot) -> Piece<'_> {
    let figure = state.figures.get(slot).is_some_and(|shown| shown.drawn.figure.is_ok());
    let save =
        press("save as SVG, in the folder that the window was started in: s", figure.then_some(Message::Save(slot)));
    let query = press("copy as a query for revacnn query: q", state.query(slot).map(|_| Message::Query(slot)));
    let mut page = column![text(slot.name()).size(NORMAL), save, query].spacing(8);
    if slot == Slot::Embedding {
        let filters = state.figures.get(Slot::Filters).is_some_and(|shown| shown.drawn.figure.is_ok());
        page = page.push(press("save the filters as SVG", filters.then_some(Message::Save(Slot::Filters))));
    }
    dialog(page.push(press("leave", Some(Message::Escape))))
}

fn help<'a>() -> Piece<'a> {
    let (left, right) = LIST.split_at(LIST.len().div_ceil(2));
    let lines = [left, right].map(|keys| {
        let line = |(key, what): &(&'static str, &'static str)| {
            row![plain(*key).width(72), faint(*what).width(Length::Shrink)].into()
        };
        column(keys.iter().map(line)).spacing(6).into()
    });
    dialog(column![text("Keys").size(NORMAL), row(lines).spacing(24)].spacing(12))
}
