//! The chart: the losses of the shown branches, or another number over the training.

use iced::widget::{checkbox, row, slider};
use iced::{Alignment, Fill};
use revacnn_notebook::kinds::{Chart as ChartCell, Loss};
use revacnn_notebook::look::in_words;
use revacnn_notebook::{ACCURACY, Cell, Smoothing, XAxis};
use revacnn_schemas::{Chart, LayerName, Scale, Step};

use super::frame::{awaited, headed, maximise_button, noted_beside, show_all};
use super::history::{OF_A_FILTER, of_a_branch};
use super::pieces::{self, Piece, changing, faint, hinted, hinted_above, noted};
use crate::canvas::along::Along;
use crate::canvas::chart::{ChartPlot, Scrub, Zoom, epoch};
use crate::canvas::geometry_cache::Cache;
use crate::canvas::text::{fitted, width};
use crate::cells::ViewId;
use crate::context::Context;
use crate::figure;
use crate::focus::Stop;
use crate::sizes::Panel;
use crate::theme::SMALL;
use crate::time::Time;

/// The axes in the order of the list.
pub(crate) const AXES: [XAxis; 4] = [XAxis::Step, XAxis::Images, XAxis::Epoch, XAxis::Fork];
/// Smoothings in the order of the key; the slider has those between.
pub(crate) const SMOOTHINGS: [f64; 4] = [0.0, 0.6, 0.9, 0.97];
/// The most that the slider smooths.
const SMOOTHEST: f64 = 0.99;

/// How much ↑ and ↓ change it.
const KEY_STEP: f64 = 0.05;

/// How wide the list of what the chart can show is.
const CHOICE: f32 = 176.0;
/// The room of its words: beside them are its edges and its arrow. What is wider would lie
/// on the arrow, and beyond the list's edge where that is open.
const WORDS: f32 = CHOICE - 30.0;
/// How wide the smoothing is in words.
const WEIGHT: f32 = 72.0;

/// What the chart shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Shows {
    /// Losses of training and validation.
    #[default]
    Loss,
    /// A recorded number of the branches, or of a layer's filters, by its name.
    Number { quantity: String, layer: Option<LayerName> },
}

impl std::fmt::Display for Shows {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Loss => formatter.write_str("loss"),
            Self::Number { quantity, layer: None } => formatter.write_str(&in_words(quantity)),
            Self::Number { quantity, layer: Some(layer) } => {
                let known = OF_A_FILTER.iter().find(|(name, _)| name == quantity);
                write!(formatter, "{layer}: {}", known.map_or(quantity.as_str(), |(_, words)| words))
            }
        }
    }
}

/// What the chart can show: losses, accuracies, what each step has, and what filters have,
/// of each layer.
pub(crate) fn choices(context: &Context) -> Vec<Shows> {
    let number = |quantity: &str, layer| Shows::Number { quantity: quantity.to_owned(), layer };
    let others = of_a_branch(context).into_iter().filter(|name| name != "loss" && name != ACCURACY);
    let of_layer = |layer: LayerName| OF_A_FILTER.map(|(name, _)| number(name, Some(layer.clone())));
    let first = [Shows::Loss, number(ACCURACY, None)].into_iter();
    first.chain(others.map(|name| number(&name, None))).chain(context.layers().into_iter().flat_map(of_layer)).collect()
}

/// An entry of the list, and as much of its words as has room there.
#[derive(Debug, Clone, PartialEq)]
struct Fitting {
    shows: Shows,
    words: String,
}

impl Fitting {
    fn of(shows: Shows) -> Self {
        Self { words: fitted(&shows.to_string(), WORDS), shows }
    }
}

impl std::fmt::Display for Fitting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.words)
    }
}

/// How the chart is laid out.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) shows: Shows,
    pub(crate) x: XAxis,
    pub(crate) scale: Scale,
    pub(crate) smoothing: Smoothing,
    cache: Cache,
}

/// What happens there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Figure(figure::Message),
    /// What the mouse says on the curves.
    Plot(Along),
    Show(Shows),
    X(XAxis),
    Logarithmic(bool),
    Smooth(f64),
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Figure(figure::Message),
    /// Move along the steps, or look closer.
    Plot(Along),
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
            Message::Plot(message) => return Action::Plot(message),
            Message::Show(shows) => self.shows = shows,
            Message::X(x) => self.x = x,
            Message::Logarithmic(logarithmic) => {
                self.scale = if logarithmic { Scale::Logarithmic } else { Scale::Linear };
            }
            Message::Smooth(weight) => self.smooth(weight),
        }
        Action::Follow
    }

    /// Smooths so much, and no more than the slider can.
    pub(crate) fn smooth(&mut self, weight: f64) {
        self.smoothing = Smoothing::new(weight.clamp(0.0, SMOOTHEST)).unwrap_or_default();
    }

    /// The cell that is shown, of the steps that are looked at.
    pub(crate) fn cell(&self, time: &Time) -> Cell {
        let (x, scale, smoothing) = (self.x, self.scale, self.smoothing);
        let within = within(time).filter(|_| x == XAxis::Step);
        match self.shows.clone() {
            Shows::Loss => Loss { x, scale, smoothing, within, ..Loss::default() }.into(),
            Shows::Number { quantity, layer } => {
                ChartCell { quantity, layer, filter: None, x, scale, smoothing, within, ..ChartCell::default() }.into()
            }
        }
    }

    /// The losses by step that the lanes of the timeline show; whether they show the same
    /// steps as the chart.
    pub(crate) fn lanes(time: &Time, aligned: bool) -> Cell {
        Loss { within: within(time).filter(|_| aligned), ..Loss::default() }.into()
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

    /// What the curves are, in few words.
    fn described(&self, chart: Option<&Chart>) -> String {
        let unit = chart.and_then(|chart| chart.y.unit.as_deref());
        match &self.shows {
            Shows::Loss => {
                let unit = unit.map(|unit| format!("{unit} · ")).unwrap_or_default();
                format!("{unit}batch means; dots: validation")
            }
            Shows::Number { quantity, .. } if quantity == ACCURACY => {
                "live: last 200 images; dots: validation".to_owned()
            }
            Shows::Number { layer: Some(_), .. } => "mean over the layer's filters".to_owned(),
            Shows::Number { .. } => unit.unwrap_or_default().to_owned(),
        }
    }

    pub(crate) fn view<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let chart = context.cells.chart(ViewId::LOSS);
        let body: Piece<'_, Message> = match chart {
            None => awaited(context, "reading the curves"),
            Some(Err(reason)) => noted(reason),
            Some(Ok(chart)) => {
                let plot = ChartPlot {
                    chart,
                    number: context.cells.number(ViewId::LOSS),
                    cache: &self.cache,
                    selected: context.branch().map(|branch| branch.hue),
                    ends: ends(chart, self.x, &context.time),
                    names: names(context),
                    cursor: self.cursor(context),
                    scrub: self.scrub(context),
                    zoom: if context.time.shows_all() { Zoom::Whole } else { Zoom::Closer },
                    roomy: true,
                };
                plot.shown().map(Message::Plot)
            }
        };
        let chart = chart.and_then(Result::ok);
        let log = checkbox(self.scale == Scale::Logarithmic)
            .label("log")
            .on_toggle(Message::Logarithmic)
            .size(14)
            .text_size(SMALL);
        let log = Stop::of(log);
        let axis = pieces::choices(AXES.map(Axis).to_vec(), Some(Axis(self.x)), "", |axis| Message::X(axis.0));
        let weight = self.smoothing.weight();
        let smoothing = slider(0.0..=SMOOTHEST, weight, Message::Smooth).step(0.01).width(64).height(14);
        let steps = [weight + KEY_STEP, weight - KEY_STEP].map(|to| Some(Message::Smooth(to.clamp(0.0, SMOOTHEST))));
        let smoothing = Stop::of(smoothing).steps(steps);
        let weight = match self.smoothing.is_none() {
            true => "smooth".to_owned(),
            false => format!("smooth {:.2}", self.smoothing.weight()),
        };
        let smoothing = row![changing(faint(weight.clone()), &weight).width(WEIGHT), smoothing]
            .spacing(6)
            .align_y(Alignment::Center);
        let smoothing = hinted(smoothing.into(), "an exponential moving average, as TensorBoard's: '");
        let controls = row![]
            .push(show_all(context).map(|all| all.map(|()| Message::Plot(Along::All(None)))))
            .push(smoothing)
            .push(axis)
            .push(log)
            .push(maximise_button(context, Panel::Chart))
            .spacing(10)
            .align_y(Alignment::Center);
        let all = choices(context).into_iter().map(Fitting::of).collect();
        // What this branch has not is still named.
        let now = Some(Fitting::of(self.shows.clone()));
        let choose = pieces::choices_in(CHOICE, all, now, "", |chosen: Fitting| Message::Show(chosen.shows));
        let choose = hinted_above(choose, format!("{} · another: ;", self.shows));
        let notes = chart.map_or(&[][..], |chart| &chart.notes);
        let title = row![choose, noted_beside(self.described(chart), notes)].spacing(8).align_y(Alignment::Center);
        headed(title.width(Fill).into(), ViewId::LOSS, controls, body)
    }
}

/// The steps that are looked at, if not all are.
fn within(time: &Time) -> Option<[Step; 2]> {
    let [first, last] = time.window();
    (!time.shows_all()).then(|| [Step(first.floor() as u64), Step(last.ceil() as u64)])
}

/// The ends of the axis: the steps that the timeline shows, or, of another axis, as large a
/// part of it.
fn ends(chart: &Chart, x: XAxis, time: &Time) -> Option<[f64; 2]> {
    if x == XAxis::Step {
        return Some(time.window());
    }
    if time.shows_all() {
        return None;
    }
    let all = chart.series.iter().flat_map(|series| &series.points).map(|point| point[0]);
    let [first, last] = all.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)]);
    (first < last).then(|| time.part().map(|part| first + part * (last - first)))
}

/// The room for names of branches, hidden ones, too: nothing moves where one is shown.
fn names(context: &Context) -> f32 {
    if context.branches.len() < 2 {
        return 0.0;
    }
    context.branches.iter().map(|branch| width(branch.name.as_str())).fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use revacnn_schemas::{Axis, Hue, Limits, Series};

    #[test]
    fn words_of_the_list_lie_in_it_and_are_cut_only_where_a_layer_has_a_long_name() {
        let _ = crate::headless::renderer().unwrap();
        let of = |layer: &str| {
            let layer: LayerName = layer.parse().unwrap();
            let of_layer = |name: &str| Shows::Number { quantity: name.to_owned(), layer: Some(layer.clone()) };
            OF_A_FILTER.map(|(name, _)| Fitting::of(of_layer(name)))
        };
        let (short, long) = (of("softmax"), of("fully-connected-2"));
        for entry in &short {
            assert_eq!(entry.words, entry.shows.to_string());
        }
        assert!(long.iter().any(|entry| entry.words.ends_with('…')), "{long:?}");
        assert!(short.iter().chain(&long).all(|entry| width(&entry.words) <= WORDS));
    }

    #[test]
    fn the_axis_shows_what_the_timeline_does_and_another_axis_as_large_a_part() {
        let axis =
            |label: &str| Axis { label: label.to_owned(), unit: None, scale: Scale::Linear, limits: Limits::default() };
        let points = vec![[0.0, 1.0], [8_000.0, 0.5]];
        let series = Series {
            name: "main".to_owned(),
            hue: Hue(0),
            dashed: false,
            is_mean: false,
            points,
            bounds: Vec::new(),
            begins: Vec::new(),
            raw: Vec::new(),
        };
        let chart = Chart {
            title: String::new(),
            x: axis("images"),
            y: axis("loss"),
            series: vec![series],
            marks: Vec::new(),
            notes: Vec::new(),
        };
        let mut time = Time::new(0, 1_000, Step(500));
        assert_eq!(ends(&chart, XAxis::Step, &time), Some([0.0, 1_000.0]));
        assert_eq!(ends(&chart, XAxis::Images, &time), None);
        time.zoom(4.0, 0.5);
        assert_eq!(ends(&chart, XAxis::Step, &time), Some([375.0, 625.0]));
        assert_eq!(ends(&chart, XAxis::Images, &time), Some([3_000.0, 5_000.0]));
    }

    #[test]
    fn a_smoothing_is_never_more_than_a_curve_can_bear() {
        let mut state = State::default();
        for (asked, weight) in [(0.6, 0.6), (1.0, SMOOTHEST), (-3.0, 0.0), (f64::NAN, 0.0)] {
            state.update(Message::Smooth(asked));
            assert_eq!(state.smoothing.weight(), weight, "{asked}");
        }
    }
}
