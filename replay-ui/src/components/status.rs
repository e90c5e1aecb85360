//! The line at the window's foot: what is being done, was done, was refused,
//! or would be done.

use iced::widget::{Space, column, container, row};
use iced::{Alignment, Fill, Length};
use revacnn_schemas::Edit;

use super::pieces::{Piece, alarm, changing, faint, ground, plain, press};
use crate::context::{Context, Screen};
use crate::store_events::{Notice, Undo};
use crate::theme::Colours;

/// What is told.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) notice: Option<Notice>,
    /// Why the notebook does not say what was done last.
    unsaid: Option<String>,
    /// What takes back the last change that can be, also when other things are told.
    last: Option<Undo>,
    /// What a press would do.
    preview: Option<Edit>,
}

/// What happens at the foot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// Take back what was done last.
    Undo,
    /// What a press would do from now on.
    Preview(Option<Edit>),
    /// Something was done or refused.
    Notice(Notice),
    /// What was told is read.
    Dismiss,
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    None,
    Undo,
}

impl State {
    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Undo => return Action::Undo,
            Message::Preview(edit) => self.preview = edit,
            Message::Notice(notice) => self.notice = Some(self.with_unsaid(notice)),
            Message::Dismiss => (self.notice, self.unsaid) = (None, None),
        }
        Action::None
    }

    /// Tells what was done, where nothing takes it back.
    pub(crate) fn tell(&mut self, text: String) {
        self.notice = Some(Notice::Done { text, undo: None });
    }

    /// Tells what was done, and what takes it back.
    pub(crate) fn done(&mut self, text: String, undo: Option<Undo>) {
        if undo.is_some() {
            self.last.clone_from(&undo);
        }
        self.notice = Some(Notice::Done { text, undo });
    }

    /// What was done last is taken back.
    pub(crate) fn undone(&mut self) {
        (self.notice, self.last, self.unsaid) = (None, None, None);
    }

    /// Why the notebook does not say what was done last: it stays while the same thing is
    /// told of further, as where a training begins and ends.
    pub(crate) fn leave_unsaid(&mut self, reason: Option<String>) {
        self.unsaid = reason;
        self.notice = self.notice.take().map(|notice| self.with_unsaid(notice));
    }

    fn with_unsaid(&self, notice: Notice) -> Notice {
        match (notice, &self.unsaid) {
            (Notice::Done { text, undo }, Some(reason)) => {
                Notice::Done { text: format!("{text}; the notebook does not say so: {reason}"), undo }
            }
            (notice, _) => notice,
        }
    }

    /// Tells what was refused.
    pub(crate) fn refuse(&mut self, reason: String) {
        self.notice = Some(Notice::Refused(reason));
    }

    /// The edit whose command is shown.
    pub(crate) fn previewed(&self) -> Option<&Edit> {
        self.preview.as_ref()
    }

    /// What takes back what was done last.
    pub(crate) fn undo(&self) -> Option<&Undo> {
        let told = match &self.notice {
            Some(Notice::Done { undo, .. }) => undo.as_ref(),
            Some(Notice::Refused(_)) | None => None,
        };
        told.or(self.last.as_ref())
    }

    pub(crate) fn view<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let words: Piece<'_, Message> = match (&self.notice, &self.preview) {
            _ if context.changes.is_running() => match context.changes.waiting() {
                0 => plain("at work …").into(),
                waiting => row![
                    plain("at work …"),
                    faint(match waiting {
                        1 => "1 more waits; Esc cancels it".to_owned(),
                        _ => format!("{waiting} more wait; Esc cancels them"),
                    })
                ]
                .spacing(8)
                .into(),
            },
            (_, Some(preview)) => {
                let command = context.command(preview).unwrap_or_default();
                row![faint("a press runs (Ctrl+C copies):"), plain(command)].spacing(8).into()
            }
            (Some(Notice::Done { text, undo }), None) => {
                let words = match undo {
                    Some(Undo::Select(parent)) => Some(format!("undo: back to {parent}")),
                    Some(Undo::TakeBack(name)) => Some(format!("undo: take {name} back")),
                    Some(Undo::Fork { name, .. }) => Some(format!("undo: delete {name}")),
                    Some(Undo::Rename { from, .. }) => Some(format!("undo: call it {from} again")),
                    None => None,
                };
                row![plain(text.as_str()).width(Fill)]
                    .push(words.map(|words| press(words, Some(Message::Undo))))
                    .align_y(Alignment::Center)
                    .into()
            }
            (Some(Notice::Refused(reason)), None) => alarm(reason.as_str()).into(),
            (None, None) if context.screen != Screen::Figures => faint("? lists the keys").into(),
            (None, None) => faint("drag on the timeline to travel, wheel to zoom · ? lists the keys").into(),
        };
        let running = context.changes.is_running().then(|| context.changes.waiting());
        let seen = format!("{running:?}{:?}{:?}", self.notice, self.preview);
        // What was refused while more waited is to be read, whatever came of that.
        let refused = context.changes.refusals().iter().map(|reason| alarm(reason.as_str()).into());
        let words = changing(column(refused).push(words), &seen).width(Fill);
        // As high with words of a line as without; a long reason needs more.
        let words = row![Space::new().height(26), words].align_y(Alignment::Center);
        container(words)
            .padding([0, 12])
            .width(Fill)
            .height(Length::Shrink)
            .style(|theme| ground(Colours::of(theme).panel))
            .into()
    }
}
