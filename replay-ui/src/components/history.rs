//! A number over the training, in the panel at the right: of the chosen
//! filter, else one of the branch.

use iced::widget::{column, container};
use revacnn_notebook::look::in_words;
use revacnn_notebook::{QUANTITIES, is_of_filters};
use revacnn_schemas::{HyperParameters, Step};

use super::frame::{lacking, noted_below};
use super::pieces::{Piece, choices, faint};
use crate::canvas::along::Along;
use crate::canvas::chart::{ChartPlot, Scrub, Zoom};
use crate::canvas::geometry_cache::Cache;
use crate::cells::ViewId;
use crate::context::Context;
use crate::figure;

/// Numbers of a filter that can be seen over time.
pub(crate) const OF_A_FILTER: [(&str, &str); 6] = [
    ("mean_abs_gradient", "mean |gradient|"),
    ("gradient_norm", "gradient norm"),
    ("weight_norm", "weight norm"),
    ("update_ratio", "update ratio"),
    ("activation_sum", "activation sum"),
    ("zero_share", "share of zeros"),
];

/// Which numbers are shown.
#[derive(Debug)]
pub(crate) struct State {
    /// That of a chosen filter.
    of_filter: &'static str,
    /// That of the branch, where one was chosen.
    of_branch: Option<String>,
    cache: Cache,
}

/// What happens there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// What the mouse says on the curve.
    Plot(Along),
    /// Another number of the chosen filter.
    OfFilter(&'static str),
    /// Another number of the branch.
    OfBranch(String),
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Figure(figure::Message),
    /// Make the figures of these settings.
    Follow,
}

/// Numbers of a branch that can be seen over time: what each step has, what
/// validations found, and every hyper-parameter of its optimizer.
pub(crate) fn of_a_branch(context: &Context) -> Vec<String> {
    let Some(row) = &context.cells.row else { return Vec::new() };
    let named = &row.hyper_parameters;
    let has = |name: &&str| !HyperParameters::has_column(name) || named.get(name).is_some();
    let listed = QUANTITIES.iter().map(|(name, _)| *name).filter(|name| !is_of_filters(name)).filter(has);
    let others = named.iter().map(|(name, _)| name).filter(|name| !HyperParameters::has_column(name));
    listed.chain(others).map(str::to_owned).collect()
}

/// A number that can be chosen.
#[derive(Debug, Clone, PartialEq)]
struct Choice {
    quantity: String,
    words: String,
}

impl std::fmt::Display for Choice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.words)
    }
}

impl State {
    pub(crate) fn new() -> Self {
        Self { of_filter: OF_A_FILTER[0].0, of_branch: None, cache: Cache::default() }
    }

    /// Draws the curve anew.
    pub(crate) fn redraw(&self) {
        self.cache.clear();
    }

    /// The number that is shown of the chosen filter.
    pub(crate) fn of_filter(&self) -> &'static str {
        self.of_filter
    }

    /// How it is said.
    pub(crate) fn of_filter_in_words(&self) -> &'static str {
        OF_A_FILTER.iter().find(|(quantity, _)| *quantity == self.of_filter).map_or(self.of_filter, |(_, words)| words)
    }

    /// The number that is shown of the branch, if one is.
    pub(crate) fn of_branch(&self) -> Option<&str> {
        self.of_branch.as_deref()
    }

    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Plot(Along::Go(step)) => return Action::Figure(figure::Message::Go(step)),
            // It shows all steps.
            Message::Plot(Along::Zoom { .. } | Along::Pan(_) | Along::All(_)) => {}
            Message::OfFilter(quantity) => self.of_filter = quantity,
            Message::OfBranch(quantity) => self.of_branch = Some(quantity),
        }
        Action::Follow
    }

    /// The history of the chosen filter.
    pub(crate) fn view_filter<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let all = OF_A_FILTER.map(|(quantity, words)| choice(quantity, words));
        let place = OF_A_FILTER.iter().position(|(quantity, _)| *quantity == self.of_filter);
        let now = place.map(|place| all[place].clone());
        let choose = choices(all.to_vec(), now, "", |chosen| {
            let found = OF_A_FILTER.iter().find(|(quantity, _)| *quantity == chosen.quantity);
            Message::OfFilter(found.map_or(OF_A_FILTER[0].0, |(quantity, _)| quantity))
        });
        column![choose, self.chart(context)].spacing(4).into()
    }

    /// The history of a number of the branch, once one is chosen.
    pub(crate) fn view_branch<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let all: Vec<Choice> =
            of_a_branch(context).iter().map(|quantity| choice(quantity, &in_words(quantity))).collect();
        // What this branch has not is still named.
        let now = self.of_branch().map(|quantity| choice(quantity, &in_words(quantity)));
        let choose = choices(all, now, "plot over time …", |chosen| Message::OfBranch(chosen.quantity));
        column![choose].push(self.of_branch.is_some().then(|| self.chart(context))).spacing(4).into()
    }

    fn chart<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        match context.cells.chart(ViewId::HISTORY) {
            None => faint("reading its history").into(),
            Some(Err(reason)) => lacking(reason),
            Some(Ok(chart)) => {
                let plot = ChartPlot {
                    chart,
                    number: context.cells.number(ViewId::HISTORY),
                    cache: &self.cache,
                    selected: context.branch().map(|branch| branch.hue),
                    ends: Some(context.time.all.map(|step| step as f64)),
                    cursor: context.branch().map(|_| context.time.cursor.0 as f64),
                    scrub: Scrub::From(Step(0)),
                    zoom: Zoom::No,
                    names: 0.0,
                    roomy: false,
                };
                let plot = container(plot.shown().map(Message::Plot)).height(120);
                column![plot].push(noted_below(&chart.notes)).into()
            }
        }
    }
}

fn choice(quantity: &str, words: &str) -> Choice {
    Choice { quantity: quantity.to_owned(), words: words.to_owned() }
}
