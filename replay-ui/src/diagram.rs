//! The network: a node a filter, paths as thick as activations, jitter as
//! strong as gradients.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use iced::advanced::image::{FilterMethod, Image as Raster};
use iced::widget::canvas::{self, Action, Event, Frame, Geometry, Path, Stroke};
use iced::widget::image::Handle;
use iced::{Color, Point, Rectangle, Renderer, Size, Theme, Vector, mouse, window};
use revacnn_schemas::{DiagramColumn, NetworkDiagram};

use crate::app::{FilterKey, Message, State};
use crate::draw::{Align, label};
use crate::look::Look;
use crate::pixels;

/// How often the jitter is painted.
const JITTER_EVERY: Duration = Duration::from_millis(50);
/// The farthest that a node jitters, in pixels.
const JITTER_REACH: f32 = 2.5;
/// The largest side of a node.
const LARGEST_NODE: f32 = 44.0;
const GAP: f32 = 4.0;
const HEAD: f32 = 44.0;
const BUTTON: f32 = 18.0;

/// Where everything of a diagram lies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    /// The image that the network looks at.
    pub(crate) input: Rectangle,
    /// A rectangle a node, `[column][node]`.
    pub(crate) nodes: Vec<Vec<Rectangle>>,
    /// The button that adds a filter, a column each.
    pub(crate) add: Vec<Rectangle>,
    /// The class bars.
    pub(crate) classes: Rectangle,
}

/// How many cells side by side make the largest square cells of `count` ones
/// in a space, and their side.
pub(crate) fn grid(count: usize, width: f32, height: f32) -> (usize, f32) {
    let sizes = (1..=count.max(1)).map(|across| {
        let down = count.max(1).div_ceil(across);
        let side = ((width - GAP * (across - 1) as f32) / across as f32)
            .min((height - GAP * (down - 1) as f32) / down as f32)
            .min(LARGEST_NODE);
        (across, side.max(1.0))
    });
    sizes.fold((1, 0.0), |best, next| if next.1 > best.1 + 0.01 { next } else { best })
}

impl Layout {
    /// Lays a diagram out in a space.
    pub(crate) fn of(diagram: &NetworkDiagram, size: Size) -> Self {
        let input_side = (size.width * 0.11).clamp(40.0, 96.0);
        let classes_width = if diagram.classes.is_empty() { 0.0 } else { (size.width * 0.2).clamp(110.0, 190.0) };
        let body = (size.height - HEAD - 12.0).max(20.0);
        let input = Rectangle { x: 16.0, y: HEAD + (body - input_side) / 2.0, width: input_side, height: input_side };
        let left = input.x + input_side + 28.0;
        let right = size.width - classes_width - 16.0 - if classes_width > 0.0 { 28.0 } else { 0.0 };
        let count = diagram.columns.len().max(1) as f32;
        let gutter = ((right - left) / count * 0.28).clamp(12.0, 56.0);
        let width = ((right - left - gutter * (count - 1.0)) / count).max(8.0);
        let mut nodes = Vec::new();
        let mut add = Vec::new();
        for (place, column) in diagram.columns.iter().enumerate() {
            let x = left + place as f32 * (width + gutter);
            let (across, side) = grid(column.nodes.len(), width, body);
            let down = column.nodes.len().div_ceil(across).max(1);
            let used = Size::new(across as f32 * (side + GAP) - GAP, down as f32 * (side + GAP) - GAP);
            let corner = Point::new(x + (width - used.width) / 2.0, HEAD + (body - used.height) / 2.0);
            nodes.push(
                (0..column.nodes.len())
                    .map(|node| Rectangle {
                        x: corner.x + (node % across) as f32 * (side + GAP),
                        y: corner.y + (node / across) as f32 * (side + GAP),
                        width: side,
                        height: side,
                    })
                    .collect(),
            );
            add.push(Rectangle { x: x + width - BUTTON, y: 4.0, width: BUTTON, height: BUTTON });
        }
        let classes = Rectangle { x: size.width - classes_width - 16.0, y: HEAD, width: classes_width, height: body };
        Self { input, nodes, add, classes }
    }

    /// The node under a point.
    pub(crate) fn node_at(&self, at: Point) -> Option<(usize, usize)> {
        self.nodes.iter().enumerate().find_map(|(column, nodes)| {
            nodes.iter().position(|node| node.expand(GAP / 2.0).contains(at)).map(|node| (column, node))
        })
    }

    /// The layer whose `+` is under a point.
    pub(crate) fn add_at(&self, at: Point) -> Option<usize> {
        self.add.iter().position(|button| button.expand(3.0).contains(at))
    }
}

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

/// Images of the nodes, made once a figure.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pictures {
    pub(crate) input: Option<Handle>,
    pub(crate) nodes: HashMap<(usize, usize), Handle>,
}

impl Pictures {
    /// The images of a diagram.
    pub(crate) fn of(diagram: &NetworkDiagram) -> Self {
        let mut nodes = HashMap::new();
        for (column, layer) in diagram.columns.iter().enumerate() {
            for (node, filter) in layer.nodes.iter().enumerate() {
                if let Some(handle) = filter.image.as_ref().and_then(pixels::handle) {
                    nodes.insert((column, node), handle);
                }
            }
        }
        Self { input: diagram.input.as_ref().and_then(|(_, image)| pixels::handle(image)), nodes }
    }
}

/// The diagram on the screen.
pub(crate) struct Diagram<'a> {
    pub(crate) state: &'a State,
    pub(crate) diagram: &'a NetworkDiagram,
    pub(crate) pictures: &'a Pictures,
}

/// What a canvas of a diagram remembers.
#[derive(Debug, Default)]
pub(crate) struct Moving {
    tick: u64,
    painted: Option<Instant>,
    away: bool,
}

impl Diagram<'_> {
    fn key(&self, column: usize, node: usize) -> FilterKey {
        let column = &self.diagram.columns[column];
        (column.layer.clone(), column.nodes[node].filter.clone())
    }

    fn paths(&self, frame: &mut Frame<Renderer>, layout: &Layout, look: &Look) {
        let centre = |node: &Rectangle| node.center();
        // From the image to the first layer, and from each layer to the next:
        // between filters of the upper half alone.
        let largest =
            |column: &DiagramColumn| column.nodes.iter().filter_map(|node| node.activation_sum).fold(0.0_f32, f32::max);
        for (place, column) in self.diagram.columns.iter().enumerate() {
            let most = largest(column);
            let upper = column.nodes.iter().enumerate().filter(|(_, node)| node.top_half);
            for (node, filter) in upper {
                let share = if most > 0.0 { filter.activation_sum.unwrap_or(0.0) / most } else { 0.0 };
                if !share.is_finite() {
                    continue;
                }
                let here = &layout.nodes[place][node];
                let stroke = |color: Color| Stroke::default().with_color(color).with_width(0.5 + 2.0 * share);
                let faded = Color { a: 0.10 + 0.25 * share, ..look.faint };
                if place == 0 {
                    let from = Point::new(layout.input.x + layout.input.width, layout.input.center_y());
                    frame.stroke(&Path::line(from, centre(here)), stroke(faded));
                }
                match self.diagram.columns.get(place + 1) {
                    Some(next) => {
                        for (to, _) in next.nodes.iter().enumerate().filter(|(_, node)| node.top_half) {
                            let faded = Color { a: faded.a * 0.45, ..faded };
                            frame
                                .stroke(&Path::line(centre(here), centre(&layout.nodes[place + 1][to])), stroke(faded));
                        }
                    }
                    None if !self.diagram.classes.is_empty() => {
                        let to = Point::new(layout.classes.x - 6.0, layout.classes.center_y());
                        frame.stroke(&Path::line(centre(here), to), stroke(faded));
                    }
                    None => {}
                }
            }
        }
    }

    fn heads(&self, frame: &mut Frame<Renderer>, layout: &Layout, look: &Look) {
        for (column, add) in self.diagram.columns.iter().zip(&layout.add) {
            let width = layout.nodes.first().map_or(0.0, |_| add.width);
            let left = add.x + width;
            let name = format!("{}  {}", column.layer, column.nodes.len());
            let chosen = self.state.layer.as_ref() == Some(&column.layer);
            let at = Point::new(add.x - 6.0, add.center_y());
            label(frame, name, at, if chosen { look.accent } else { look.ink }, Align::Right);
            frame.stroke(
                &Path::rounded_rectangle(add.position(), add.size(), 4.0.into()),
                Stroke::default().with_color(look.line).with_width(1.0),
            );
            let plus = if self.state.editing { look.line } else { look.ink };
            label(frame, "+", add.center(), plus, Align::Middle);
            let room = (left - 4.0) as usize;
            let _ = room;
            label(frame, short(&column.description, 26), Point::new(left, 32.0), look.faint, Align::Right);
        }
        if let Some((image, _)) = &self.diagram.input {
            let at = Point::new(layout.input.center_x(), layout.input.y + layout.input.height + 12.0);
            label(frame, format!("image {image}"), at, look.faint, Align::Middle);
            let class = self.diagram.label.and_then(|label| self.diagram.classes.get(label));
            if let Some(class) = class {
                label(frame, class.name.clone(), Point::new(at.x, at.y + 16.0), look.ink, Align::Middle);
            }
        }
    }

    fn bars(&self, frame: &mut Frame<Renderer>, area: Rectangle, look: &Look) {
        let classes = &self.diagram.classes;
        if classes.is_empty() {
            return;
        }
        label(frame, "softmax", Point::new(area.x, 13.0), look.ink, Align::Left);
        let height = (area.height / classes.len() as f32).min(26.0);
        let top = area.y + (area.height - height * classes.len() as f32) / 2.0;
        let names = area.width * 0.46;
        for (place, class) in classes.iter().enumerate() {
            let y = top + (place as f32 + 0.5) * height;
            let is_label = self.diagram.label == Some(place);
            let ink = if is_label { look.ink } else { look.faint };
            label(frame, short(&class.name, 11), Point::new(area.x, y), ink, Align::Left);
            let room = (area.width - names - 36.0).max(8.0);
            let bar = Point::new(area.x + names, y - height * 0.28);
            frame.fill_rectangle(bar, Size::new(room, height * 0.56), look.raised);
            let filled = room * if class.probability.is_finite() { class.probability.clamp(0.0, 1.0) } else { 0.0 };
            frame.fill_rectangle(
                bar,
                Size::new(filled, height * 0.56),
                if is_label { look.accent } else { look.faint },
            );
            let text = format!("{:.0} %", class.probability * 100.0);
            label(frame, text, Point::new(area.x + area.width, y), ink, Align::Right);
        }
    }
}

/// A text of at most so many letters.
fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

impl canvas::Program<Message> for Diagram<'_> {
    type State = Moving;

    fn update(
        &self,
        moving: &mut Moving,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        match event {
            Event::Window(window::Event::Unfocused) => moving.away = true,
            Event::Window(window::Event::Focused) => {
                moving.away = false;
                return Some(Action::request_redraw());
            }
            Event::Window(window::Event::RedrawRequested(now)) => {
                let still = self.state.still || moving.away;
                if still || self.diagram.columns.iter().all(|column| jitter(column).iter().all(|share| *share == 0.0)) {
                    return None;
                }
                let next = moving.painted.map_or(*now, |painted| painted + JITTER_EVERY);
                if *now >= next {
                    moving.tick += 1;
                    moving.painted = Some(*now);
                    return Some(Action::request_redraw_at(*now + JITTER_EVERY));
                }
                return Some(Action::request_redraw_at(next));
            }
            Event::Mouse(mouse::Event::CursorMoved { .. }) => {
                let layout = Layout::of(self.diagram, bounds.size());
                let over = cursor.position_in(bounds).and_then(|at| layout.node_at(at));
                let key = over.map(|(column, node)| self.key(column, node));
                return match cursor.position_in(bounds) {
                    Some(_) if key != self.state.hovered => Some(Action::publish(Message::Hover(key))),
                    _ => None,
                };
            }
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
                let layout = Layout::of(self.diagram, bounds.size());
                let at = cursor.position_in(bounds)?;
                if let Some(column) = layout.add_at(at) {
                    let edit = format!("add-filter {}", self.diagram.columns[column].layer);
                    return Some(Action::publish(Message::Edit(edit)).and_capture());
                }
                let key = layout.node_at(at).map(|(column, node)| self.key(column, node));
                return Some(Action::publish(Message::Pick(key)).and_capture());
            }
            _ => {}
        }
        None
    }

    fn draw(
        &self,
        moving: &Moving,
        renderer: &Renderer,
        theme: &Theme,
        bounds: Rectangle,
        _: mouse::Cursor,
    ) -> Vec<Geometry> {
        let look = Look::of(theme);
        let layout = Layout::of(self.diagram, bounds.size());
        let paths = self.state.caches.paths.draw(renderer, bounds.size(), |frame| self.paths(frame, &layout, look));
        let mut frame = Frame::new(renderer, bounds.size());
        self.heads(&mut frame, &layout, look);
        self.bars(&mut frame, layout.classes, look);
        let raster = |handle: &Handle| Raster::new(handle.clone()).filter_method(FilterMethod::Nearest).snap(true);
        if let Some(handle) = &self.pictures.input {
            frame.draw_image(layout.input, raster(handle));
        }
        for (place, column) in self.diagram.columns.iter().enumerate() {
            let reach = jitter(column);
            for (node, filter) in column.nodes.iter().enumerate() {
                let key = (column.layer.clone(), filter.filter.clone());
                let shift =
                    if self.state.still || moving.away { Vector::ZERO } else { offset(node, moving.tick, reach[node]) };
                let at = layout.nodes[place][node] + shift;
                let marked =
                    [&self.state.picked, &self.state.hovered].into_iter().any(|other| other.as_ref() == Some(&key));
                let rim = match () {
                    () if marked => Some((look.accent, 2.0)),
                    () if filter.new => Some((look.branch(self.diagram.hue), 2.0)),
                    () if filter.frozen => Some((look.faint, 1.0)),
                    () => None,
                };
                if let Some((color, width)) = rim {
                    let about = at.expand(width);
                    frame.fill_rectangle(about.position(), about.size(), color);
                }
                match self.pictures.nodes.get(&(place, node)) {
                    Some(handle) => frame.draw_image(at, raster(handle)),
                    None => frame.fill_rectangle(at.position(), at.size(), look.raised),
                }
            }
        }
        vec![paths, frame.into_geometry()]
    }

    fn mouse_interaction(&self, _: &Moving, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        let layout = Layout::of(self.diagram, bounds.size());
        match cursor.position_in(bounds) {
            Some(at) if layout.add_at(at).is_some() || layout.node_at(at).is_some() => mouse::Interaction::Pointer,
            _ => mouse::Interaction::default(),
        }
    }
}
