//! Curves over the training: their scene, and what is pointed at above it. The wheel
//! looks closer, a drag moves along where one looks closer and the cursor elsewhere.

use std::cell::Ref;

use iced::widget::canvas::{self, Action, Event, Frame, Geometry};
use iced::widget::{canvas as drawn, stack};
use iced::{Element, Fill, Point, Rectangle, Renderer, Size, Theme, mouse};
use revacnn_notebook::scene::{Area, ChartLayout, ChartOptions};
use revacnn_schemas::{Chart, Hue, Step};
use revacnn_store::StepRow;

use super::along::Along;
use super::geometry_cache::{Cache, Kept, size_key};
use super::paint::{STYLE, paint, rectangle, room};
use super::press::{Drag, Presses};
use super::readout::Readout;
use super::{Pointer, scrub};
use crate::theme::Colours;

/// So close to the cursor a press takes hold of it, in pixels.
const GRIP: f32 = 5.0;

/// Passes over the training images at a row of `steps`; how long the first
/// pass is, only a row past it tells, and of a branch that drops images it tells that roughly.
pub(crate) fn epoch(row: &StepRow) -> Option<f64> {
    let (epoch, offset) = (row.cursor.epoch.0 as f64, f64::from(row.cursor.offset));
    let images = ((row.cursor.images_seen as f64 - offset) / epoch).max(offset).max(1.0);
    (epoch > 0.0).then(|| epoch + offset / images)
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

/// Whether one can look closer at a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zoom {
    /// It always shows all.
    No,
    /// It shows all.
    Whole,
    /// It shows a part.
    Closer,
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
    /// The least room for the branches' names, so that nothing moves when one comes.
    pub(crate) names: f32,
    /// Where the cursor lies on the axis.
    pub(crate) cursor: Option<f64>,
    pub(crate) scrub: Scrub,
    /// Whether one can look closer, and does.
    pub(crate) zoom: Zoom,
    /// Whether there is room beyond the chart for what is told of a place.
    pub(crate) roomy: bool,
}

impl<'a> ChartPlot<'a> {
    /// The chart on the screen: what is pointed at lies above the curves and
    /// their words, and may reach beyond them.
    pub(crate) fn shown(self) -> Element<'a, Along> {
        let [below, above] =
            [Layer::Curves, Layer::Pointed].map(|layer| drawn(On(self, layer)).width(Fill).height(Fill));
        stack![below, above].width(Fill).height(Fill).into()
    }

    fn options(&self, size: Size) -> ChartOptions {
        ChartOptions { size: room(size), x: self.ends, selected: self.selected, names: self.names, style: STYLE }
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
        let within = |x: &f32| (area.x - 0.5..=area.x + area.width + 0.5).contains(x);
        if let Some(x) = self.cursor.map(|x| layout.x_at(x)).filter(within) {
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
    presses: Presses,
    /// Where the cursor was before the last press.
    before: Option<Step>,
    /// A drag along what is looked at closely.
    pan: Option<Drag>,
    layout: Kept<LayoutKey, Option<ChartLayout>>,
}

/// What the places of a chart depend on: its figure, the size, the axis' ends.
type LayoutKey = (Option<u64>, [u32; 2], Option<[u64; 2]>, u32);

impl Shown {
    fn layout(&self, plot: &ChartPlot<'_>, size: Size) -> Ref<'_, Option<ChartLayout>> {
        let key = (plot.number, size_key(size), plot.ends.map(|ends| ends.map(f64::to_bits)), plot.names.to_bits());
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

impl canvas::Program<Along> for On<'_> {
    type State = Shown;

    fn update(
        &self,
        shown: &mut Shown,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Along>> {
        if self.1 == Layer::Curves {
            return None;
        }
        let at = cursor.position_from(bounds.position());
        let (area, step, gripped) = {
            let layout = shown.layout(&self.0, bounds.size());
            let layout = layout.as_ref()?;
            let step = at.and_then(|at| self.0.scrub.step_at(layout.value_at(at.x)));
            let cursor = self.0.cursor.map(|x| layout.x_at(x));
            let gripped = at.zip(cursor).is_some_and(|(at, x)| (at.x - x).abs() <= GRIP && self.0.scrub.has_steps());
            (layout.area, step, gripped)
        };
        if let Some(looked) = self.look(shown, event, (bounds, area), cursor, (step, gripped)) {
            return Some(looked);
        }
        let pointer = &mut shown.pointer;
        let scrubbed = scrub(pointer, event, bounds, cursor, |_| step, Along::Go);
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
        if self.1 == Layer::Pointed && shown.pan.is_some() {
            return mouse::Interaction::Grabbing;
        }
        if self.1 == Layer::Pointed && self.0.zoom == Zoom::Closer && !shown.pointer.held && cursor.is_over(bounds) {
            return mouse::Interaction::Grab;
        }
        if scrubs && (shown.pointer.held || cursor.is_over(bounds)) {
            mouse::Interaction::ResizingHorizontally
        } else {
            mouse::Interaction::default()
        }
    }
}

impl On<'_> {
    /// What the wheel, a second click, or a drag along what is looked at closely says.
    fn look(
        &self,
        shown: &mut Shown,
        event: &Event,
        (bounds, area): (Rectangle, Area),
        cursor: mouse::Cursor,
        (step, gripped): (Option<Step>, bool),
    ) -> Option<Action<Along>> {
        if self.0.zoom == Zoom::No {
            return None;
        }
        let said = |message: Along| Some(Action::publish(message).and_capture());
        match event {
            Event::Mouse(mouse::Event::WheelScrolled { delta }) => {
                let at = cursor.position_in(bounds)?;
                said(Along::wheel(delta, f64::from((at.x - area.x) / area.width)))
            }
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
                let at = cursor.position_in(bounds)?;
                if shown.presses.is_second(at) {
                    (shown.pan, shown.pointer.held, shown.pointer.over) = (None, false, Some(at));
                    return said(Along::All(shown.before));
                }
                shown.before = self.0.cursor.and_then(|x| self.0.scrub.step_at(x));
                if gripped || self.0.zoom == Zoom::Whole {
                    return None;
                }
                shown.pan = Some(Drag::at(at));
                Some(Action::capture())
            }
            Event::Mouse(mouse::Event::CursorMoved { .. }) => {
                let pan = shown.pan.as_mut()?;
                shown.pointer.over = cursor.position_in(bounds);
                match pan.follow(cursor.position_from(bounds.position())?) {
                    Some([by, _]) => said(Along::Pan(-f64::from(by / area.width))),
                    None => Some(Action::capture()),
                }
            }
            Event::Mouse(mouse::Event::ButtonReleased(mouse::Button::Left)) => {
                let pan = shown.pan.take()?;
                match step.filter(|_| !pan.moved) {
                    Some(step) => said(Along::Go(step)),
                    None => Some(Action::capture()),
                }
            }
            Event::Keyboard(_) | Event::Mouse(_) | Event::Window(_) | Event::Touch(_) | Event::InputMethod(_) => None,
        }
    }
}
