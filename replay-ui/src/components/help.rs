//! The list of keys: it follows from the commands.

use iced::Length;
use iced::widget::{column, row, text};

use super::pieces::{Piece, faint, plain};
use crate::commands;
use crate::theme::NORMAL;

pub(crate) fn view<'a, M: 'a>() -> Piece<'a, M> {
    let list = commands::help();
    let lines = list.chunks(list.len().div_ceil(2)).map(|keys| {
        let line = |(key, what): &(String, String)| {
            row![plain(key.clone()).width(72), faint(what.clone()).width(Length::Shrink)].into()
        };
        column(keys.iter().map(line)).spacing(6).into()
    });
    column![text("Keys").size(NORMAL), row(lines).spacing(24)].spacing(12).into()
}
