//! Curves over the training: their scene, and what is pointed at above it.

use std::cell::Ref;

use iced::widget::canvas::{self, Action, Event, Frame, Geometry};
use iced::widget::{canvas as drawn, stack};
use iced::{Element, Fill, Point, Rectangle, Renderer, Size, Theme, mouse};
use revacnn_notebook::scene::{ChartLayout, ChartOptions};
use revacnn_schemas::{Chart, Hue, Step};
use revacnn_store::StepRow;

use super::geometry_cache::{Cache, Kept, size_key};
use super::paint::{STYLE, paint, rectangle, room};
use super::readout::Readout;
use super::{Pointer, scrub};
use crate::figure::Message;
use crate::theme::Colours;

/// Passes over the training images at a row of `steps`; how long the first
/// pass is, only a row past it tells.
pub(crate) fn epoch(row: &StepRow) -> Option<f64> {
    let (epoch, offset) = (row.cursor.epoch.0 as f64, f64::from(row.cursor.offset));
    (epoch > 0.0).then(|| epoch + offset * epoch / (row.cursor.images_seen as f64 - offset).max(1.0))
}

/// How a drag along a chart moves the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scrub {
    /// The axis has steps, counted from this one.
    From(Step),
    /// The axis has no steps.
    No,
}

impl Scrub {
    fn has_steps(self) -> bool {
        self != Self::No
    }

    fn step_at(self, x: f64) -> Option<Step> {
        match self {
            Self::From(first) => Some(Step((x + first.0 as f64).max(0.0).round() as u64)),
            Self::No => None,
        }
    }
}

/// A chart of the window: the loss, or the history of a filter.
#[derive(Clone, Copy)]
pub(crate) struct ChartPlot<'a> {
    pub(crate) chart: &'a Chart,
    /// Another number for every figure.
    pub(crate) number: Option<u64>,
    /// The curves: they change when the log grows.
    pub(crate) cache: &'a Cache,
    /// The branch whose curves lie above the others.
    pub(crate) selected: Option<Hue>,
    /// The ends of the axis; those of the curves if `None`.
    pub(crate) ends: Option<[f64; 2]>,
    /// Where the cursor lies on the axis.
    pub(crate) cursor: Option<f64>,
    pub(crate) scrub: Scrub,
    /// Whether there is room beyond the chart for what is told of a place.
    pub(crate) roomy: bool,
}

impl<'a> ChartPlot<'a> {
    /// The chart on the screen: what is pointed at lies above the curves and
    /// their words, and may reach beyond them.
    pub(crate) fn shown(self) -> Element<'a, Message> {
        let [below, above] =
            [Layer::Curves, Layer::Pointed].map(|layer| drawn(On(self, layer)).width(Fill).height(Fill));
        stack![below, above].width(Fill).height(Fill).into()
    }

    fn options(&self, size: Size) -> ChartOptions {
        ChartOptions { size: room(size), x: self.ends, selected: self.selected, style: STYLE }
    }

    fn layout(&self, size: Size) -> Option<ChartLayout> {
        ChartLayout::of(self.chart, &self.options(size))
    }

    fn curves(&self, layout: &ChartLayout, renderer: &Renderer, colours: &Colours, size: Size) -> Geometry {
        self.cache.draw(renderer, size, |frame| {
            paint(frame, &layout.scene(self.chart, &self.options(size)), None, colours);
        })
    }

    fn pointed(
        &self,
        layout: &ChartLayout,
        pointer: &Pointer,
        renderer: &Renderer,
        colours: &Colours,
        size: Size,
    ) -> Vec<Geometry> {
        let mut cursor = Frame::new(renderer, size);
        let area = rectangle(layout.area);
        if let Some(x) = self.cursor.map(|x| layout.x_at(x)) {
            cursor.fill_rectangle(Point::new(x.round(), area.y), Size::new(1.0, area.height), colours.accent);
        }
        let mut pointed = Frame::new(renderer, size);
        if let Some(at) = pointer.over.filter(|at| !pointer.held && area.contains(*at)) {
            let lines = if self.roomy { Readout::MOST } else { (area.height / 16.0) as usize };
            let whole = self.scrub.has_steps();
            Readout::at(layout, self.chart, at, whole, lines).draw(&mut pointed, layout, colours);
        }
        vec![pointer.above.above(cursor), pointer.pointed.above(pointed)]
    }
}

/// What a chart's canvas remembers.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pointer: Pointer,
    layout: Kept<LayoutKey, Option<ChartLayout>>,
}

/// What the places of a chart depend on: its figure, the size, the axis' ends.
type LayoutKey = (Option<u64>, [u32; 2], Option<[u64; 2]>);

impl Shown {
    fn layout(&self, plot: &ChartPlot<'_>, size: Size) -> Ref<'_, Option<ChartLayout>> {
        let key = (plot.number, size_key(size), plot.ends.map(|ends| ends.map(f64::to_bits)));
        self.layout.of(key, || plot.layout(size))
    }
}

/// What lies on which canvas of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layer {
    /// Axes and curves.
    Curves,
    /// The cursor, and what is pointed at.
    Pointed,
}

/// One canvas of a chart.
struct On<'a>(ChartPlot<'a>, Layer);

impl canvas::Program<Message> for On<'_> {
    type State = Shown;

    fn update(
        &self,
        shown: &mut Shown,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        if self.1 == Layer::Curves {
            return None;
        }
        let step = {
            let layout = shown.layout(&self.0, bounds.size());
            let layout = layout.as_ref()?;
            let at = cursor.position_from(bounds.position());
            at.and_then(|at| self.0.scrub.step_at(layout.value_at(at.x)))
        };
        let pointer = &mut shown.pointer;
        let scrubbed = scrub(pointer, event, bounds, cursor, |_| step, Message::Go);
        if scrubbed.is_some() {
            return scrubbed;
        }
        if let Event::Mouse(mouse::Event::CursorMoved { .. } | mouse::Event::CursorLeft) = event {
            let over = cursor.position_in(bounds);
            if over != pointer.over {
                pointer.over = over;
                return Some(Action::request_redraw());
            }
        }
        None
    }

    fn draw(
        &self,
        shown: &Shown,
        renderer: &Renderer,
        theme: &Theme,
        bounds: Rectangle,
        _: mouse::Cursor,
    ) -> Vec<Geometry> {
        let (colours, size) = (Colours::of(theme), bounds.size());
        match (self.1, &*shown.layout(&self.0, size)) {
            (_, None) => Vec::new(),
            (Layer::Curves, Some(layout)) => vec![self.0.curves(layout, renderer, colours, size)],
            (Layer::Pointed, Some(layout)) => self.0.pointed(layout, &shown.pointer, renderer, colours, size),
        }
    }

    fn mouse_interaction(&self, shown: &Shown, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        let scrubs = self.1 == Layer::Pointed && self.0.scrub.has_steps();
        if scrubs && (shown.pointer.held || cursor.is_over(bounds)) {
            mouse::Interaction::ResizingHorizontally
        } else {
            mouse::Interaction::default()
        }
    }
}
