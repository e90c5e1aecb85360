//! The network: a node a filter, paths as thick as activations, jitter as
//! strong as gradients.

use std::time::{Duration, Instant};

use iced::widget::canvas::{self, Action, Event, Frame, Geometry, Path, Stroke};
use iced::{Point, Rectangle, Renderer, Theme, Vector, mouse, window};
use revacnn_notebook::scene::{Role, Says, Scene, Shape};
use revacnn_schemas::{DiagramColumn, Edit, FilterInit, LayerName, NetworkDiagram};

use super::atlas::{Atlas, Placed};
use super::geometry_cache::{Kept, Last, size_key};
use super::labels::{TextAlign, label};
use super::layout::{Layout, Plan, node_of};
use super::paint::{STYLE, paint, rectangle};
use super::{hover, picture, put};
use crate::edits;
use crate::figure::{FilterKey, Highlights, Message};
use crate::pixels::{INPUT, Pictures, RECONSTRUCTION};
use crate::theme::Colours;

/// How often the jitter is painted.
const JITTER_EVERY: Duration = Duration::from_millis(80);
/// How long nodes jitter after the last touch or change: nobody looks at a
/// window all day, and it should cost nothing then.
const JITTER_FOR: Duration = Duration::from_secs(20);
/// The farthest that a node jitters, in pixels.
const JITTER_REACH: f32 = 2.5;

/// How far each node of a layer jitters: its share of the layer's largest
/// mean |gradient|.
pub(crate) fn jitter(column: &DiagramColumn) -> Vec<f32> {
    let largest = column.nodes.iter().filter_map(|node| node.mean_abs_gradient).fold(0.0, f32::max);
    let share = |gradient: Option<f32>| match gradient {
        Some(gradient) if largest > 0.0 && gradient.is_finite() => gradient / largest,
        _ => 0.0,
    };
    column.nodes.iter().map(|node| share(node.mean_abs_gradient)).collect()
}

/// Where a jittering node is at a tick: a point on a small, uneven round.
fn offset(node: usize, tick: u64, reach: f32) -> Vector {
    let turn = (tick as f32) * 2.4 + node as f32 * 1.7;
    Vector::new(turn.sin(), (turn * 1.3 + 0.5).cos()) * (reach * JITTER_REACH)
}

/// Whether a network can be edited on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Steering {
    /// It can.
    Now,
    /// Not while a change is under way, which its buttons show.
    Later,
    /// Not yet: another branch has been selected.
    NotYet,
    /// It is the network beside, and has no buttons.
    Elsewhere,
}

/// A network on the screen.
pub(crate) struct Diagram<'a> {
    pub(crate) diagram: &'a NetworkDiagram,
    /// Another number for every figure.
    pub(crate) number: Option<u64>,
    /// The places of filters, shared with the network beside.
    pub(crate) plan: Plan,
    pub(crate) pictures: Option<&'a Pictures>,
    /// Filters that differ most from those of the network beside.
    pub(crate) differing: Vec<FilterKey>,
    pub(crate) highlights: Highlights<'a>,
    /// The layer that is embedded.
    pub(crate) layer: Option<&'a LayerName>,
    pub(crate) steering: Steering,
    /// Whether nodes stay where they belong.
    pub(crate) reduced_motion: bool,
}

/// What paths and class bars depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FigureKey {
    number: Option<u64>,
    size: [u32; 2],
    dark: bool,
    plan: Plan,
}

/// What the paths depend on: also on the filter whose own they show.
type PathsKey = (FigureKey, Option<FilterKey>);

/// What the nodes depend on.
#[derive(Debug, PartialEq, Eq)]
struct NodesKey {
    figure: FigureKey,
    /// The moment of the jitter; 0 where nodes are where they belong.
    tick: u64,
    hovered: Option<FilterKey>,
    picked: Option<FilterKey>,
    differing: Vec<FilterKey>,
    steered: bool,
}

/// What a canvas of a diagram remembers.
#[derive(Debug, Default)]
pub(crate) struct Motion {
    tick: u64,
    painted: Option<Instant>,
    away: bool,
    /// When someone last touched mouse or keys, or another figure came.
    touched: Option<Instant>,
    /// The figure that was there then.
    number: Option<u64>,
    resting: bool,
    over: Option<FilterKey>,
    preview: Option<Edit>,
    /// The edits on whose button the mouse was pressed.
    held: Option<Vec<Edit>>,
    last: Last,
    /// The paths, with room for the nodes, and which they are.
    paths: Kept<PathsKey, (Option<Atlas>, String)>,
    /// The class bars as an image.
    bars: Kept<FigureKey, Option<Placed>>,
    /// Paths and nodes as an image.
    nodes: Kept<NodesKey, Option<Placed>>,
}

impl Motion {
    /// Nodes are where they belong.
    fn is_still(&self, reduced_motion: bool) -> bool {
        reduced_motion || self.away || self.resting
    }

    /// Someone is there; returns whether nodes begin to jitter again.
    fn touch(&mut self, now: Instant) -> bool {
        self.touched = Some(now);
        std::mem::take(&mut self.resting)
    }

    /// Jitters on at a moment at which a figure of this number is shown;
    /// returns when the next moment is, if there is one.
    fn jitter(&mut self, now: Instant, number: Option<u64>) -> Option<Instant> {
        if self.number != number || self.touched.is_none() {
            self.number = number;
            self.touch(now);
        }
        if self.resting {
            return None;
        }
        if self.touched.is_some_and(|touched| now.saturating_duration_since(touched) >= JITTER_FOR) {
            // Once more, to be drawn where they belong.
            self.resting = true;
            return Some(now);
        }
        let next = self.painted.map_or(now, |painted| painted + JITTER_EVERY);
        if now < next {
            return Some(next);
        }
        self.tick += 1;
        self.painted = Some(now);
        Some(now + JITTER_EVERY)
    }
}

impl Diagram<'_> {
    fn layout(&self, bounds: Rectangle) -> Layout {
        Layout::of(&self.plan, Says::of(self.diagram), bounds.size())
    }

    /// Whether this network can be edited here.
    fn is_steered(&self) -> bool {
        self.steering == Steering::Now
    }

    fn key(&self, (column, filter): (usize, usize)) -> FilterKey {
        let (layer, filters) = &self.plan.columns[column];
        (layer.clone(), filters[filter].clone())
    }

    /// The filter under a point, if this network has it.
    fn filter_at(&self, layout: &Layout, at: Point) -> Option<FilterKey> {
        let key = self.key(layout.node_at(at)?);
        node_of(self.diagram, &key.0, &key.1).map(|_| key)
    }

    /// What is written, and the buttons that add filters, and add and remove layers.
    fn words(&self, frame: &mut Frame<Renderer>, layout: &Layout, paths: &str, colours: &Colours) {
        let chosen = self.layer;
        paint(frame, &layout.places.words(&self.plan, self.diagram, chosen), None, colours);
        paint(frame, &layout.places.legend(self.diagram, paths), None, colours);
        if self.steering == Steering::Elsewhere {
            return;
        }
        let ink = if self.steering == Steering::Later { colours.line } else { colours.ink };
        let rim = || Stroke::default().with_color(colours.line).with_width(1.0);
        for place in (0..layout.add.len()).filter(|place| self.has(*place)) {
            for (button, sign) in [(Some(layout.add[place]), "+"), (layout.remove_layer[place], "×")] {
                let Some(button) = button else { continue };
                frame.stroke(&Path::rounded_rectangle(button.position(), button.size(), 4.0.into()), rim());
                label(frame, sign, button.center(), ink, TextAlign::Middle);
            }
        }
        // Round ones, between layers.
        for button in (0..layout.insert.len()).filter(|gap| self.can_insert(*gap)).filter_map(|gap| layout.insert[gap])
        {
            let disc = Path::circle(button.center(), button.width / 2.0);
            frame.fill(&disc, colours.raised);
            frame.stroke(&disc, rim());
            label(frame, "+", button.center(), ink, TextAlign::Middle);
        }
    }

    /// Whether a layer can be inserted into a gap: what is before it is of this network.
    fn can_insert(&self, gap: usize) -> bool {
        gap.checked_sub(1).is_none_or(|before| self.has(before))
    }

    /// The layer that one in a gap follows: the last before it.
    fn before_gap(&self, gap: usize) -> Option<LayerName> {
        let (layer, _) = self.plan.columns.get(gap.checked_sub(1)?)?;
        // Beside another branch there are columns that this one lacks.
        let place = self.diagram.columns.iter().position(|column| column.layer == *layer)?;
        self.diagram.before_gap(place + 1).cloned()
    }

    /// Whether the chain that is shown goes through a filter.
    fn is_traced(&self, (layer, filter): &FilterKey) -> bool {
        self.diagram.trace.as_ref().is_some_and(|trace| trace.goes_through(layer, filter))
    }

    /// The filter whose paths stand out.
    fn marked(&self) -> Option<&FilterKey> {
        self.highlights.hovered.or(self.highlights.picked)
    }

    /// The bars of the classes as one image.
    fn bars(&self, layout: &Layout, colours: &Colours) -> Option<Placed> {
        let raised = colours.raised.into_rgba8();
        let bars = layout.places.bars(self.diagram, Role::Rgb([raised[0], raised[1], raised[2]]).into());
        let mut atlas = Atlas::about(&[rectangle(bars.covers(STYLE.measure)?)], 0.0)?;
        atlas.paint(&bars, None, colours);
        Some(atlas.into_handle())
    }

    /// The paths as an image, with room for the nodes.
    fn under(&self, layout: &Layout, colours: &Colours) -> (Option<Atlas>, String) {
        let marked = self.marked().map(|(layer, filter)| (layer, filter));
        let paths = layout.places.paths(&self.plan, self.diagram, marked);
        let words = paths.words;
        let paths = Scene { shapes: paths.lines.into_iter().map(Shape::Line).collect() };
        let covered = paths.covers(STYLE.measure).map(rectangle);
        let all: Vec<Rectangle> = layout.nodes.concat().into_iter().chain(covered).collect();
        let atlas = Atlas::about(&all, JITTER_REACH + 3.0).map(|mut atlas| {
            atlas.paint(&paths, None, colours);
            atlas
        });
        (atlas, words)
    }

    /// All nodes as one image: what jitters is then one spot to draw again.
    fn nodes(&self, layout: &Layout, paths: Option<&Atlas>, motion: &Motion, colours: &Colours) -> Option<Placed> {
        let still = motion.is_still(self.reduced_motion);
        let mut atlas = paths?.clone();
        for (column, (layer, filters)) in self.plan.columns.iter().enumerate() {
            let reach = self.diagram.columns.iter().find(|found| found.layer == *layer).map(jitter).unwrap_or_default();
            for (place, filter) in filters.iter().enumerate() {
                let at = layout.nodes[column][place];
                let Some((found, node)) = node_of(self.diagram, layer, filter) else { continue };
                let shift = if still { Vector::ZERO } else { offset(place, motion.tick, reach[found.1]) };
                let at = at + Vector::new(shift.x.round(), shift.y.round());
                let key = (layer.clone(), filter.clone());
                let rim = match () {
                    () if self.highlights.has(&key) || self.is_traced(&key) => Some((colours.accent, 2.0)),
                    () if node.new => Some((colours.branch(self.diagram.hue), 2.0)),
                    () if self.differing.contains(&key) => Some((colours.alarm, 2.0)),
                    () if node.frozen => Some((colours.faint, 1.0)),
                    () => None,
                };
                if let Some((color, width)) = rim {
                    atlas.fill(at.expand(width), color);
                }
                if !atlas.put(self.pictures, found, at) {
                    atlas.fill(at, colours.raised);
                }
                if self.is_steered() && self.highlights.hovered == Some(&key) {
                    self.minus(&mut atlas, layout.remove(column, place), colours);
                }
            }
        }
        Some(atlas.into_handle())
    }

    /// The `−` of the filter under the pointer.
    fn minus(&self, atlas: &mut Atlas, button: Option<Rectangle>, colours: &Colours) {
        let Some(button) = button else { return };
        atlas.fill(button, colours.ink);
        atlas.fill(button.shrink(1.0), colours.paper);
        let bar = Rectangle { x: button.x + 3.0, y: button.center_y() - 1.0, width: button.width - 6.0, height: 2.0 };
        atlas.fill(bar, colours.ink);
    }

    /// What paths and class bars depend on.
    fn figure_key(&self, bounds: Rectangle, dark: bool) -> FigureKey {
        FigureKey { number: self.number, size: size_key(bounds.size()), dark, plan: self.plan.clone() }
    }

    /// What the nodes depend on besides.
    fn nodes_key(&self, figure: FigureKey, motion: &Motion) -> NodesKey {
        NodesKey {
            figure,
            tick: if motion.is_still(self.reduced_motion) { 0 } else { motion.tick },
            hovered: self.highlights.hovered.cloned(),
            picked: self.highlights.picked.cloned(),
            differing: self.differing.clone(),
            steered: self.is_steered(),
        }
    }

    /// Whether this network has a layer of the plan: what only the other one
    /// has can be looked at there, and edited there.
    fn has(&self, column: usize) -> bool {
        let plan = self.plan.columns.get(column);
        plan.is_some_and(|(layer, _)| self.diagram.columns.iter().any(|column| column.layer == *layer))
    }

    fn pressed(&self, layout: &Layout, at: Point) -> Message {
        if self.is_steered() {
            if let Some(column) = layout.add_at(at).filter(|column| self.has(*column)) {
                return Message::Edit(vec![edits::add_filter(&self.plan.columns[column].0, FilterInit::Random)]);
            }
            if let Some(column) = layout.remove_layer_at(at).filter(|column| self.has(*column)) {
                return Message::Edit(vec![edits::remove_layer(&self.plan.columns[column].0)]);
            }
            if let Some(gap) = layout.insert_at(at).filter(|gap| self.can_insert(*gap)) {
                return Message::InsertLayer(self.before_gap(gap));
            }
            if let Some((column, filter)) = layout.node_at(at)
                && layout.remove(column, filter).is_some_and(|button| button.contains(at))
                && self.filter_at(layout, at).is_some()
            {
                let (layer, filter) = self.key((column, filter));
                return Message::Edit(vec![edits::remove_filter(&layer, filter.number)]);
            }
        }
        match layout.head_at(at).filter(|column| self.has(*column)) {
            Some(column) => Message::Layer(self.plan.columns[column].0.clone()),
            None => Message::Pick(self.filter_at(layout, at)),
        }
    }

    /// What a press at a point would do to the network, as a command.
    fn preview(&self, layout: &Layout, at: Point) -> Option<Edit> {
        match self.pressed(layout, at) {
            Message::Edit(edits) => edits.into_iter().next(),
            Message::Go(_)
            | Message::Hover(_)
            | Message::Leave(_)
            | Message::Pick(_)
            | Message::Layer(_)
            | Message::InsertLayer(_)
            | Message::Preview(_)
            | Message::Menu(_)
            | Message::Maximise(_) => None,
        }
    }
}

impl canvas::Program<Message> for Diagram<'_> {
    type State = Motion;

    fn update(
        &self,
        motion: &mut Motion,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        let wakes = matches!(event, Event::Mouse(_) | Event::Keyboard(_)) && motion.touch(Instant::now());
        match event {
            Event::Window(window::Event::Unfocused) => motion.away = true,
            Event::Window(window::Event::Focused) => {
                motion.away = false;
                return Some(Action::request_redraw());
            }
            Event::Window(window::Event::RedrawRequested(now)) => {
                let still = self.reduced_motion || motion.away;
                if still || self.diagram.columns.iter().all(|column| jitter(column).iter().all(|share| *share == 0.0)) {
                    return None;
                }
                return motion.jitter(*now, self.number).map(Action::request_redraw_at);
            }
            Event::Mouse(mouse::Event::CursorMoved { .. }) => {
                let at = cursor.position_in(bounds);
                let layout = self.layout(bounds);
                let preview = at.and_then(|at| self.preview(&layout, at));
                if preview != motion.preview {
                    motion.preview.clone_from(&preview);
                    return Some(Action::publish(Message::Preview(preview)));
                }
                let said = hover(&mut motion.over, at.and_then(|at| self.filter_at(&layout, at)));
                return said.or_else(|| wakes.then(Action::request_redraw));
            }
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
                if let Some(at) = cursor.position_in(bounds) {
                    let said = self.pressed(&self.layout(bounds), at);
                    let Message::Edit(edits) = said else { return Some(Action::publish(said).and_capture()) };
                    // It is made when the button is let go, if it is still meant then.
                    motion.held = Some(edits);
                    return Some(Action::capture());
                }
            }
            Event::Mouse(mouse::Event::ButtonReleased(mouse::Button::Left)) => {
                if let (Some(held), Some(at)) = (motion.held.take(), cursor.position_in(bounds))
                    && let Message::Edit(edits) = self.pressed(&self.layout(bounds), at)
                    && held == edits
                {
                    return Some(Action::publish(Message::Edit(edits)).and_capture());
                }
            }
            Event::Keyboard(_) | Event::Mouse(_) | Event::Window(_) | Event::Touch(_) | Event::InputMethod(_) => {}
        }
        wakes.then(Action::request_redraw)
    }

    fn draw(
        &self,
        motion: &Motion,
        renderer: &Renderer,
        theme: &Theme,
        bounds: Rectangle,
        _: mouse::Cursor,
    ) -> Vec<Geometry> {
        let colours = Colours::of(theme);
        let layout = self.layout(bounds);
        let figure = self.figure_key(bounds, theme.extended_palette().is_dark);
        let bars = motion.bars.of(figure.clone(), || self.bars(&layout, colours));
        let paths = motion.paths.of((figure.clone(), self.marked().cloned()), || self.under(&layout, colours));
        let nodes =
            motion.nodes.of(self.nodes_key(figure, motion), || self.nodes(&layout, paths.0.as_ref(), motion, colours));
        // What is not kept is compared piece by piece, and drawn again where it
        // has changed.
        let mut frame = Frame::new(renderer, bounds.size());
        paint(&mut frame, &layout.places.gaps(&self.plan, self.diagram), None, colours);
        self.words(&mut frame, &layout, &paths.1, colours);
        picture(&mut frame, self.pictures, INPUT, layout.input);
        if self.diagram.reconstruction.is_some() {
            picture(&mut frame, self.pictures, RECONSTRUCTION, rectangle(layout.places.classes));
        }
        bars.iter().chain(nodes.iter()).for_each(|image| put(&mut frame, image));
        vec![motion.last.ground(frame)]
    }

    fn mouse_interaction(&self, _: &Motion, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        let Some(at) = cursor.position_in(bounds) else { return mouse::Interaction::default() };
        let layout = self.layout(bounds);
        let says_nothing = self.pressed(&layout, at) == Message::Pick(None);
        if says_nothing { mouse::Interaction::default() } else { mouse::Interaction::Pointer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::layout::tests::network;

    #[test]
    fn the_strongest_gradient_jitters_most_and_none_not_at_all() {
        let diagram = network(&[("conv1", &[(0, 0.5), (1, 2.0), (2, 0.0)])]);
        assert_eq!(jitter(&diagram.columns[0]), [0.25, 1.0, 0.0]);
        let still = network(&[("conv1", &[(0, 0.0)])]);
        assert_eq!(jitter(&still.columns[0]), [0.0]);
        assert_eq!(offset(3, 7, 0.0), Vector::ZERO);
    }

    #[test]
    fn nodes_come_to_rest_when_nobody_is_there_and_wake_up_again() {
        let (mut motion, start) = (Motion::default(), Instant::now());
        let at = |seconds: f32| start + Duration::from_secs_f32(seconds);
        assert_eq!(motion.jitter(at(0.0), Some(1)), Some(at(0.0) + JITTER_EVERY));
        assert_eq!(motion.jitter(at(0.01), Some(1)), Some(at(0.0) + JITTER_EVERY), "not before its time");
        assert_eq!(motion.tick, 1);
        // Another figure is as good as a touch.
        motion.jitter(at(15.0), Some(2));
        motion.jitter(at(30.0), Some(2));
        assert!(!motion.resting);
        assert_eq!(motion.jitter(at(36.0), Some(2)), Some(at(36.0)), "drawn once more");
        assert!(motion.resting && motion.jitter(at(36.0), Some(2)).is_none());
        assert!(motion.touch(at(40.0)) && !motion.touch(at(41.0)));
        assert!(motion.jitter(at(41.0), Some(2)).is_some());
    }

    fn shown(diagram: &NetworkDiagram, plan: Plan, steering: Steering) -> Diagram<'_> {
        let (number, pictures, differing, highlights, layer) = Default::default();
        Diagram { diagram, number, plan, pictures, differing, highlights, layer, steering, reduced_motion: false }
    }

    fn written(message: Message) -> String {
        match message {
            Message::Edit(edits) => format!("Edit {}", edits[0]),
            other @ (Message::Go(_)
            | Message::Hover(_)
            | Message::Leave(_)
            | Message::Pick(_)
            | Message::Layer(_)
            | Message::InsertLayer(_)
            | Message::Preview(_)
            | Message::Menu(_)
            | Message::Maximise(_)) => format!("{other:?}"),
        }
    }

    #[test]
    fn an_edit_is_made_when_the_button_is_let_go_where_it_was_pressed() {
        let diagram = network(&[("conv1", &[(0, 0.5), (7, 2.0)]), ("conv2", &[(0, 1.0)])]);
        let plan = Plan::of(&[&diagram]);
        let canvas = shown(&diagram, plan, Steering::Now);
        let bounds = Rectangle { x: 0.0, y: 0.0, width: 900.0, height: 300.0 };
        let plus = canvas.layout(bounds).add.iter().map(Rectangle::center).collect::<Vec<Point>>();
        let mut motion = Motion::default();
        let mut said = |event: mouse::Event, at: Point| {
            let cursor = mouse::Cursor::Available(at);
            let action = canvas::Program::update(&canvas, &mut motion, &Event::Mouse(event), bounds, cursor);
            action.and_then(|action| action.into_inner().0).map(written)
        };
        let [down, up] = [mouse::Event::ButtonPressed, mouse::Event::ButtonReleased].map(|of| of(mouse::Button::Left));
        assert_eq!(said(down, plus[1]), None);
        assert_eq!(said(up, plus[1]).as_deref(), Some("Edit add-filter conv2"));
        assert_eq!(said(up, plus[1]), None, "it is made once");
        // Who thinks better of it moves away before letting go.
        assert_eq!([(down, plus[1]), (up, plus[0])].map(|(event, at)| said(event, at)), [None, None]);
        assert_eq!([(down, plus[1]), (up, Point::new(899.0, 299.0))].map(|(event, at)| said(event, at)), [None, None]);
    }

    #[test]
    fn plus_minus_and_names_do_what_they_say() {
        let diagram = network(&[("conv1", &[(0, 0.5), (7, 2.0)]), ("conv2", &[(0, 1.0)])]);
        let plan = Plan::of(&[&diagram]);
        let bounds = Rectangle { x: 0.0, y: 0.0, width: 900.0, height: 300.0 };
        let of = |steering| shown(&diagram, plan.clone(), steering);
        let canvas = of(Steering::Now);
        let layout = canvas.layout(bounds);
        let said = |canvas: &Diagram<'_>, at: Point| written(canvas.pressed(&layout, at));
        assert_eq!(said(&canvas, layout.add[1].center()), "Edit add-filter conv2");
        assert_eq!(said(&canvas, layout.remove(0, 1).unwrap().center()), "Edit remove-filter conv1/7");
        assert_eq!(said(&canvas, layout.remove_layer[0].unwrap().center()), "Edit remove-layer conv1");
        for (gap, after) in ["None", "Some(LayerName(\"conv1\"))", "Some(LayerName(\"conv2\"))"].into_iter().enumerate()
        {
            let button = layout.insert[gap].unwrap().center();
            assert_eq!(said(&canvas, button), format!("InsertLayer({after})"));
        }
        assert!(said(&canvas, layout.nodes[0][1].center()).starts_with("Pick(Some"));
        assert!(said(&canvas, layout.heads[0].center()).starts_with("Layer"));
        assert_eq!(said(&canvas, Point::new(899.0, 299.0)), "Pick(None)");
        // What only the network beside has cannot be edited here.
        let wider = network(&[("conv1", &[(0, 0.5), (7, 2.0)]), ("conv2", &[(0, 1.0)]), ("conv3", &[(0, 1.0)])]);
        let both = Diagram { plan: Plan::of(&[&diagram, &wider]), ..of(Steering::Now) };
        let layout_of_both = both.layout(bounds);
        let said_of_both = |at: Point| written(both.pressed(&layout_of_both, at));
        assert_eq!(said_of_both(layout_of_both.add[1].center()), "Edit add-filter conv2");
        let gone = [layout_of_both.insert[3].unwrap(), layout_of_both.remove_layer[2].unwrap()];
        for nothing in
            [layout_of_both.add[2], layout_of_both.heads[2], layout_of_both.nodes[2][0]].into_iter().chain(gone)
        {
            assert_eq!(said_of_both(nothing.center()), "Pick(None)");
        }
        // Another branch was selected, and its network is not there yet; another
        // change is under way; and the network beside is looked at, not edited.
        for steering in [Steering::NotYet, Steering::Later, Steering::Elsewhere] {
            let other = of(steering);
            let layers = [layout.insert[1].unwrap(), layout.remove_layer[1].unwrap()];
            for button in [layout.add[1], layout.remove(0, 1).unwrap()].into_iter().chain(layers) {
                let said = said(&other, button.center());
                assert!(!said.starts_with("Edit") && !said.starts_with("Insert"), "{steering:?}");
            }
        }
    }
}
