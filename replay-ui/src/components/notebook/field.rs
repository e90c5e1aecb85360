//! The field in which a part of the text is typed, and what is wrong with what it says.

use iced::widget::{Column, column, container, row, text_editor};
use iced::{Background, Border, Color, Fill, Theme};
use revacnn_schemas::counted;

use super::Message;
use super::fence::LINES;
use super::typing::Typing;
use crate::components::pieces::{Piece, alarm, faint};
use crate::theme::{Colours, SMALL};

/// Its name.
pub(crate) const FIELD: &str = "notebook";
/// So many problems are told at once.
const MOST: usize = 4;

/// A field for many lines of text.
pub(super) fn editor(
    content: &text_editor::Content,
) -> text_editor::TextEditor<'_, iced::advanced::text::highlighter::PlainText, Message> {
    text_editor(content).id(FIELD).on_action(Message::Typed).font(LINES).size(SMALL).padding(8).style(
        |theme: &Theme, _| {
            let colours = Colours::of(theme);
            text_editor::Style {
                background: Background::Color(colours.paper),
                border: Border { color: colours.accent, width: 1.0, radius: 4.0.into() },
                placeholder: colours.faint,
                value: colours.ink,
                selection: Color { a: 0.3, ..colours.accent },
            }
        },
    )
}

/// What is wrong with what is being typed.
pub(super) fn wrong_in<'a>(typing: &'a Typing, text: &str) -> Option<Piece<'a, Message>> {
    if typing.problems.is_empty() && typing.elsewhere == 0 {
        return None;
    }
    let first = text[..typing.range.start].matches('\n').count();
    let typed = typing.content.text();
    let mut rows: Column<'_, Message> = column![].spacing(2);
    for problem in typing.problems.iter().take(MOST) {
        let before = typed.get(..problem.range.start.saturating_sub(typing.range.start)).unwrap_or(&typed);
        let line = first + before.matches('\n').count() + 1;
        let help = problem.help.as_ref().map(|help| faint(help.as_str()));
        let words = column![alarm(problem.message.as_str())].push(help).width(Fill);
        rows = rows.push(row![container(faint(format!("line {line}"))).width(56.0), words].spacing(4));
    }
    let more = typing.problems.len().saturating_sub(MOST) + typing.elsewhere;
    let words = if typing.problems.is_empty() { "elsewhere in the text" } else { "more in the text" };
    let more = (more > 0).then(|| faint(format!("{} {words}", counted(more as u64, "problem"))));
    Some(rows.push(more).into())
}
