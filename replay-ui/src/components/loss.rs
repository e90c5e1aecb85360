//! The losses of the shown branches.

use iced::Alignment;
use iced::widget::{checkbox, pick_list, row};
use revacnn_notebook::XAxis;
use revacnn_schemas::{Scale, Step};

use super::frame::{awaited, titled};
use super::pieces::{Piece, chooser, noted};
use crate::canvas::chart::{ChartPlot, Scrub, epoch};
use crate::canvas::geometry_cache::Cache;
use crate::cells::ViewId;
use crate::context::Context;
use crate::figure;
use crate::theme::SMALL;

/// The axes in the order of the list.
pub(crate) const AXES: [XAxis; 4] = [XAxis::Step, XAxis::Images, XAxis::Epoch, XAxis::Fork];

/// How losses are laid out.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) x: XAxis,
    pub(crate) scale: Scale,
    cache: Cache,
}

/// What happens there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Figure(figure::Message),
    X(XAxis),
    Logarithmic(bool),
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Figure(figure::Message),
    /// Make the figures of these settings.
    Follow,
}

impl From<figure::Message> for Message {
    fn from(message: figure::Message) -> Self {
        Self::Figure(message)
    }
}

/// Names of the horizontal axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Axis(XAxis);

impl std::fmt::Display for Axis {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self.0 {
            XAxis::Step => "x: step",
            XAxis::Images => "x: images",
            XAxis::Epoch => "x: epoch",
            XAxis::Fork => "x: from the fork",
        })
    }
}

impl State {
    /// Draws the curves anew.
    pub(crate) fn redraw(&self) {
        self.cache.clear();
    }

    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Figure(message) => return Action::Figure(message),
            Message::X(x) => self.x = x,
            Message::Logarithmic(logarithmic) => {
                self.scale = if logarithmic { Scale::Logarithmic } else { Scale::Linear };
            }
        }
        Action::Follow
    }

    /// Where the cursor lies on the axis.
    fn cursor(&self, context: &Context) -> Option<f64> {
        let branch = context.branch()?;
        let row = context.cells.row.as_ref();
        match self.x {
            XAxis::Step => Some(context.time.cursor.0 as f64),
            XAxis::Fork => context.step_of(branch).0.checked_sub(branch.fork_step.0).map(|steps| steps as f64),
            XAxis::Images => row.map(|row| row.cursor.images_seen as f64),
            XAxis::Epoch => row.and_then(epoch),
        }
    }

    /// How a place on the axis is a step.
    fn scrub(&self, context: &Context) -> Scrub {
        match self.x {
            XAxis::Step => Scrub::From(Step(0)),
            XAxis::Fork => context.branch().map_or(Scrub::No, |branch| Scrub::From(branch.fork_step)),
            XAxis::Images | XAxis::Epoch => Scrub::No,
        }
    }

    pub(crate) fn view<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let body: Piece<'_, Message> = match context.cells.chart(ViewId::LOSS) {
            None => awaited(context, "reading the curves"),
            Some(Err(reason)) => noted(reason),
            Some(Ok(chart)) => {
                let plot = ChartPlot {
                    chart,
                    number: context.cells.number(ViewId::LOSS),
                    cache: &self.cache,
                    selected: context.branch().map(|branch| branch.hue),
                    ends: (self.x == XAxis::Step).then(|| context.time.all.map(|step| step as f64)),
                    cursor: self.cursor(context),
                    scrub: self.scrub(context),
                    roomy: true,
                };
                plot.shown().map(Message::Figure)
            }
        };
        let log = checkbox(self.scale == Scale::Logarithmic)
            .label("log")
            .on_toggle(Message::Logarithmic)
            .size(14)
            .text_size(SMALL);
        let axis = pick_list(AXES.map(Axis), Some(Axis(self.x)), |axis| Message::X(axis.0))
            .text_size(SMALL)
            .padding([2, 8])
            .style(chooser(AXES.iter().position(|axis| *axis == self.x)));
        let controls = row![axis, log].spacing(12).align_y(Alignment::Center);
        let notes = context.cells.chart(ViewId::LOSS).and_then(Result::ok).map_or(&[][..], |chart| &chart.notes);
        titled("loss, nats · mean of each batch; dots: validation", notes, ViewId::LOSS, controls, body)
    }
}
