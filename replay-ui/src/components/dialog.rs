//! What opens above the window, one at a time: a question, the form of a new
//! run or of a new layer, a figure's menu, a pad to draw on, the list of keys.

use super::pieces::{Piece, dialog};
use super::{figure_menu, help, layer_form, pad, prompt, run_form};
use crate::context::Context;

/// The open dialog.
#[derive(Debug)]
pub(crate) enum State {
    Prompt(prompt::State),
    RunForm(run_form::State),
    LayerForm(layer_form::State),
    Menu(figure_menu::State),
    Pad(pad::State),
    Help,
}

/// What happens in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Prompt(prompt::Message),
    RunForm(run_form::Message),
    LayerForm(layer_form::Message),
    Menu(figure_menu::Message),
    Pad(pad::Message),
    /// Close it.
    Leave,
}

/// What others are to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    None,
    Leave,
    Prompt(prompt::Action),
    RunForm(run_form::Action),
    LayerForm(layer_form::Action),
    Menu(figure_menu::Action),
    Pad(pad::Action),
}

impl State {
    /// Takes in a message; one of another dialog has come too late.
    pub(crate) fn update(&mut self, message: Message, context: &Context, menus: &[figure_menu::Entry]) -> Action {
        match (self, message) {
            // What was drawn is not shown any more then.
            (Self::Pad(pad), Message::Leave) => Action::Pad(pad.update(pad::Message::Leave)),
            (_, Message::Leave) => Action::Leave,
            (Self::Prompt(prompt), Message::Prompt(message)) => Action::Prompt(prompt.update(message, context)),
            (Self::RunForm(form), Message::RunForm(message)) => Action::RunForm(form.update(message)),
            (Self::LayerForm(form), Message::LayerForm(message)) => Action::LayerForm(form.update(message, context)),
            (Self::Menu(menu), Message::Menu(message)) => Action::Menu(menu.update(message, menus)),
            (Self::Pad(pad), Message::Pad(message)) => Action::Pad(pad.update(message)),
            (
                Self::Prompt(_) | Self::RunForm(_) | Self::LayerForm(_) | Self::Menu(_) | Self::Pad(_) | Self::Help,
                Message::Prompt(_) | Message::RunForm(_) | Message::LayerForm(_) | Message::Menu(_) | Message::Pad(_),
            ) => Action::None,
        }
    }

    pub(crate) fn view<'a>(&'a self, context: &Context, menus: &[figure_menu::Entry]) -> Piece<'a, Message> {
        let content = match self {
            Self::Prompt(prompt) => prompt.view(context).map(Message::Prompt),
            Self::RunForm(form) => form.view().map(Message::RunForm),
            Self::LayerForm(form) => form.view(context).map(Message::LayerForm),
            Self::Menu(menu) => menu.view(menus).map(Message::Menu),
            Self::Pad(pad) => pad.view(context).map(Message::Pad),
            Self::Help => help::view(),
        };
        dialog(content, Message::Leave)
    }
}
