//! The embedding: a point a filter, one filter of two branches joined. From
//! step to step points glide. The wheel looks closer, a drag moves what is seen, and a
//! double click shows all of it again.

use std::cell::Ref;
use std::time::{Duration, Instant};

use iced::widget::canvas::{self, Action, Event, Frame, Geometry};
use iced::{Point, Rectangle, Renderer, Size, Theme, mouse, window};
use revacnn_notebook::scene::{Place, Role, ScatterLayout, ScatterOptions, View};
use revacnn_schemas::{FilterIdentity, Scatter, ScatterPoint};

use super::atlas::{Atlas, Placed};
use super::geometry_cache::{Kept, Last, size_key};
use super::labels::{TextAlign, label, under_way};
use super::paint::{STYLE, paint, point, rectangle, room};
use super::press::{Drag, Presses};
use super::text::width;
use super::{hover, put, turned};
use crate::figure::{FilterKey, Highlights, Message};
use crate::pixels::Pictures;
use crate::theme::Colours;

/// How far from a point it is still meant.
const REACH: f32 = 10.0;
/// The height of a line beneath the points.
const NOTE: f32 = 16.0;
/// How much closer a notch of the wheel looks.
const NOTCH: f32 = 1.15;
/// How long points glide.
const GLIDE: Duration = Duration::from_millis(200);

/// Where points are on their way: each from where it was drawn last, however
/// the figure has changed; new ones are there at once.
pub(crate) fn on_the_way(
    from: &[(FilterIdentity, usize, Point)],
    to: &[(FilterIdentity, usize, Point)],
    share: f32,
) -> Vec<Point> {
    // Slow at both ends.
    let eased = share * share * (3.0 - 2.0 * share);
    let glide = |(filter, group, there): &(FilterIdentity, usize, Point)| match from
        .iter()
        .find(|(other, of, _)| other == filter && of == group)
    {
        Some((_, _, here)) => Point::new(here.x + (there.x - here.x) * eased, here.y + (there.y - here.y) * eased),
        None => *there,
    };
    to.iter().map(glide).collect()
}

fn key(point: &ScatterPoint) -> FilterKey {
    (point.layer.clone(), point.filter.clone())
}

/// The embedding on the screen.
pub(crate) struct EmbeddingPlot<'a> {
    pub(crate) scatter: &'a Scatter,
    /// Another number for every figure.
    pub(crate) number: Option<u64>,
    pub(crate) pictures: Option<&'a Pictures>,
    pub(crate) highlights: Highlights<'a>,
    /// How many branches are shown: figures of filters have no more than some.
    pub(crate) branches: usize,
    /// Whether it is of another step than the cursor's.
    pub(crate) late: bool,
    /// Whether points stay where they belong.
    pub(crate) reduced_motion: bool,
}

/// What the places of the points depend on: the figure, the size, how many branches
/// there are, and how closely one looks.
type LayoutKey = (Option<u64>, [u32; 2], usize, u32);

/// What the image of the points depends on.
#[derive(Debug, PartialEq, Eq)]
struct PointsKey {
    layout: LayoutKey,
    /// How far they are on their way.
    share: u32,
    /// Where each is seen: what is looked at may have moved.
    corner: [u32; 2],
    late: bool,
    hovered: Option<FilterKey>,
    picked: Option<FilterKey>,
    dark: bool,
}

/// Where points glide from, and since when.
#[derive(Debug, Default)]
pub(crate) struct Glide {
    from: Vec<(FilterIdentity, usize, Point)>,
    to: Vec<(FilterIdentity, usize, Point)>,
    since: Option<Instant>,
    share: f32,
    /// How what lies there is looked at.
    view: View,
    drag: Option<Drag>,
    presses: Presses,
    over: Option<FilterKey>,
    ground: Last,
    /// The line that says that another embedding is on its way.
    line: Last,
    layout: Kept<LayoutKey, ScatterLayout>,
    /// The points as an image.
    points: Kept<PointsKey, Option<Placed>>,
    /// What is embedded: between layers and sources nothing glides.
    title: String,
}

impl Glide {
    fn now(&self) -> Vec<Point> {
        on_the_way(&self.from, &self.to, self.share)
    }
}

impl EmbeddingPlot<'_> {
    fn layout_key(&self, size: Size, view: View) -> LayoutKey {
        (self.number, size_key(size), self.branches, view.zoom().to_bits())
    }

    /// Where everything lies.
    fn layout<'k>(&self, gliding: &'k Glide, size: Size) -> Ref<'k, ScatterLayout> {
        // Points need the room more than notes.
        let notes = (size.height * 0.3 / NOTE).max(2.0) as usize;
        let (branches, zoom) = (self.branches, gliding.view.zoom());
        let options = ScatterOptions { size: room(size), notes, branches, style: STYLE, zoom };
        gliding.layout.of(self.layout_key(size, gliding.view), || ScatterLayout::of(self.scatter, &options))
    }

    /// Points and the lines between them as one image.
    fn points(&self, layout: &ScatterLayout, at: &[Place], alpha: f32, colours: &Colours) -> Option<Placed> {
        let seen = at.iter().filter(|at| layout.is_seen(**at));
        let around: Vec<Rectangle> = seen.map(|at| Rectangle::new(point(*at), Size::ZERO)).collect();
        let mut atlas = Atlas::about_within(&around, layout.side / 2.0 + 6.0, rectangle(layout.area))?;
        let scene = layout.points(self.scatter, at, |point| self.highlights.has(&key(point)), alpha);
        atlas.paint(&scene, self.pictures, colours);
        Some(atlas.into_handle())
    }

    fn goal(&self, layout: &ScatterLayout) -> Vec<(FilterIdentity, usize, Point)> {
        let places = self.scatter.points.iter().zip(&layout.places);
        places.map(|(found, at)| (found.filter.clone(), found.group, point(*at))).collect()
    }

    fn point_at(&self, gliding: &Glide, size: Size, at: Point) -> Option<FilterKey> {
        let layout = self.layout(gliding, size);
        let seen = layout.places.iter().map(|place| point(gliding.view.seen(*place, layout.area)));
        let near = seen.enumerate().map(|(place, found)| (place, found.distance(at)));
        let reach = REACH.max(layout.side / 2.0);
        let nearest = near.filter(|(_, distance)| *distance < reach).min_by(|a, b| a.1.total_cmp(&b.1));
        nearest.map(|(place, _)| key(&self.scatter.points[place]))
    }

    /// Follows the figure; returns whether points are on their way.
    fn glide(&self, gliding: &mut Glide, size: Size, now: Instant) -> bool {
        let goal = self.goal(&self.layout(gliding, size));
        if goal != gliding.to {
            let same = gliding.title == self.scatter.title && !self.reduced_motion;
            let here =
                gliding.to.iter().zip(gliding.now()).map(|((filter, group, _), at)| (filter.clone(), *group, at));
            gliding.from = if same { here.collect() } else { Vec::new() };
            gliding.to = goal;
            gliding.title.clone_from(&self.scatter.title);
            gliding.since = Some(now);
        }
        let since = gliding.since.map_or(GLIDE, |since| now.saturating_duration_since(since));
        gliding.share = (since.as_secs_f32() / GLIDE.as_secs_f32()).min(1.0);
        if gliding.share >= 1.0 || gliding.from.is_empty() {
            gliding.share = 1.0;
            gliding.since = None;
        }
        gliding.since.is_some()
    }
}

impl canvas::Program<Message> for EmbeddingPlot<'_> {
    type State = Glide;

    fn update(
        &self,
        gliding: &mut Glide,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        match event {
            Event::Window(window::Event::RedrawRequested(now)) => {
                self.glide(gliding, bounds.size(), *now).then(Action::request_redraw)
            }
            Event::Mouse(mouse::Event::CursorMoved { .. }) => {
                if let Some(drag) = &mut gliding.drag {
                    let by = drag.follow(cursor.position_from(bounds.position())?)?;
                    let area = self.layout(gliding, bounds.size()).area;
                    gliding.view = gliding.view.moved(by, area);
                    return Some(Action::request_redraw().and_capture());
                }
                let at = cursor.position_in(bounds);
                let over = at.and_then(|at| self.point_at(gliding, bounds.size(), at));
                hover(&mut gliding.over, over)
            }
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
                let at = cursor.position_in(bounds)?;
                if gliding.presses.is_second(at) && !gliding.view.is_whole() {
                    gliding.view = View::default();
                    return Some(Action::request_redraw().and_capture());
                }
                let picked = self.point_at(gliding, bounds.size(), at);
                if picked.is_none() {
                    gliding.drag = Some(Drag::at(at));
                    return Some(Action::capture());
                }
                Some(Action::publish(Message::Pick(picked)).and_capture())
            }
            Event::Mouse(mouse::Event::ButtonReleased(mouse::Button::Left)) => {
                // What was no drag is a press on nothing.
                let drag = gliding.drag.take()?;
                (!drag.moved).then(|| Action::publish(Message::Pick(None)).and_capture())
            }
            Event::Mouse(mouse::Event::WheelScrolled { delta }) => {
                let at = cursor.position_in(bounds)?;
                let [_, notches] = turned(delta);
                let area = self.layout(gliding, bounds.size()).area;
                gliding.view = gliding.view.closer(NOTCH.powf(notches), [at.x, at.y], area);
                Some(Action::request_redraw().and_capture())
            }
            Event::Keyboard(_) | Event::Mouse(_) | Event::Window(_) | Event::Touch(_) | Event::InputMethod(_) => None,
        }
    }

    fn draw(
        &self,
        gliding: &Glide,
        renderer: &Renderer,
        theme: &Theme,
        bounds: Rectangle,
        _: mouse::Cursor,
    ) -> Vec<Geometry> {
        let colours = Colours::of(theme);
        let size = bounds.size();
        let layout = self.layout(gliding, size);
        // Before the first event the points are where they belong.
        let there = || layout.places.clone();
        let on_the_way = || gliding.now().into_iter().map(|at| [at.x, at.y]).collect();
        let at: Vec<Place> = if gliding.to.len() == layout.places.len() { on_the_way() } else { there() };
        let at: Vec<Place> = at.into_iter().map(|place| gliding.view.seen(place, layout.area)).collect();
        let alpha = if self.late { 0.55 } else { 1.0 };
        let mut frame = Frame::new(renderer, size);
        let key_of_points = PointsKey {
            layout: self.layout_key(size, gliding.view),
            share: gliding.share.to_bits(),
            corner: gliding.view.seen([0.0; 2], layout.area).map(f32::to_bits),
            late: self.late,
            hovered: self.highlights.hovered.cloned(),
            picked: self.highlights.picked.cloned(),
            dark: theme.extended_palette().is_dark,
        };
        let points = gliding.points.of(key_of_points, || self.points(&layout, &at, alpha, colours));
        points.iter().for_each(|points| put(&mut frame, points));
        // Numbers come when the points rest: each that moves makes the software
        // renderer draw all that it crosses again.
        let rests = !self.late && gliding.since.is_none();
        let number = |point: &ScatterPoint| {
            let is_marked = self.highlights.has(&key(point));
            if is_marked { Some(Role::Ink) } else { rests.then_some(Role::Quiet) }
        };
        paint(&mut frame, &layout.words(self.scatter, &at, number, STYLE), None, colours);
        if !gliding.view.is_whole() {
            let words = format!("{:.1}× · double click shows all", gliding.view.zoom());
            // Beside the legend, above the points.
            let at = Point::new(size.width - 12.0, (layout.area.y - 8.0).max(8.0));
            let ground = Size::new(width(&words) + 8.0, 16.0);
            frame.fill_rectangle(Point::new(at.x - ground.width + 4.0, at.y - 8.0), ground, colours.paper);
            label(&mut frame, words, at, colours.ink, TextAlign::Right);
        }
        let mut line = Frame::new(renderer, bounds.size());
        if self.late {
            under_way(&mut line, colours);
        }
        vec![gliding.ground.ground(frame), gliding.line.above(line)]
    }

    fn mouse_interaction(&self, gliding: &Glide, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        let at = cursor.position_in(bounds);
        match at.map(|at| self.point_at(gliding, bounds.size(), at)) {
            _ if gliding.drag.is_some_and(|drag| drag.moved) => mouse::Interaction::Grabbing,
            Some(Some(_)) => mouse::Interaction::Pointer,
            Some(None) if !gliding.view.is_whole() => mouse::Interaction::Grab,
            Some(None) | None => mouse::Interaction::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revacnn_schemas::{FilterNumber, Hue, ScatterGroup};

    fn filter(number: u32) -> FilterIdentity {
        FilterIdentity { number: FilterNumber(number), born: None }
    }

    #[test]
    fn points_glide_from_where_they_were_and_new_ones_are_there_at_once() {
        let from = [(filter(1), 0, Point::new(0.0, 0.0))];
        let to = [(filter(2), 0, Point::new(7.0, 7.0)), (filter(1), 0, Point::new(10.0, 20.0))];
        assert_eq!(on_the_way(&from, &to, 0.0)[1], Point::new(0.0, 0.0));
        assert_eq!(on_the_way(&from, &to, 0.5), [Point::new(7.0, 7.0), Point::new(5.0, 10.0)]);
        assert_eq!(on_the_way(&from, &to, 1.0)[1], Point::new(10.0, 20.0));
    }

    type Drawing = Geometry<Renderer>;
    type Label = iced::advanced::graphics::Text;

    /// Looked at closely, points lay over the next panel.
    #[test]
    fn nothing_is_drawn_beyond_the_area_of_the_points() {
        let area = Rectangle { x: 0.0, y: 20.0, width: 200.0, height: 60.0 };
        let square = |x: f32, y: f32| Rectangle { x, y, width: 30.0, height: 30.0 };
        let atlas = Atlas::about_within(&[square(-10.0, 0.0), square(190.0, 70.0)], 6.0, area).unwrap();
        assert_eq!(atlas.bounds, area);
        assert!(Atlas::about_within(&[square(400.0, 0.0)], 6.0, area).is_none());
    }

    #[test]
    fn the_marked_filter_has_its_number_also_while_the_points_are_late() {
        let renderer = crate::headless::renderer().unwrap();
        let point = |number: u32, x: f64| ScatterPoint {
            group: 0,
            layer: "conv1".parse().unwrap(),
            filter: filter(number),
            position: [x, -x],
            image: None,
        };
        let scatter = Scatter {
            start: None,
            title: String::new(),
            groups: vec![ScatterGroup { name: "main@100".to_owned(), hue: Hue(0) }],
            points: vec![point(0, 0.0), point(1, 1.0)],
            links: Vec::new(),
            notes: Vec::new(),
        };
        let plot = |highlights, late| {
            let (number, pictures, branches) = (None, None, 1);
            EmbeddingPlot { scatter: &scatter, number, pictures, highlights, branches, late, reduced_motion: true }
        };
        let bounds = Rectangle { x: 0.0, y: 0.0, width: 200.0, height: 100.0 };
        let words = |plot: EmbeddingPlot<'_>| {
            let gliding = Glide::default();
            let there = plot.layout(&gliding, bounds.size()).places[1];
            assert!(plot.point_at(&gliding, bounds.size(), super::point(there)).is_some());
            let theme = crate::theme::theme(false);
            let drawn = canvas::Program::draw(&plot, &gliding, &renderer, &theme, bounds, mouse::Cursor::Unavailable);
            let Some(Drawing::Cache(kept)) = drawn.into_iter().next() else { panic!("it is kept") };
            let text = |text: &Label| {
                let Label::Cached { content, .. } = text else { panic!("it has a place") };
                content.trim().to_owned()
            };
            kept.text.iter().map(text).collect::<Vec<_>>()
        };
        let first = key(&scatter.points[0]);
        let marked = Highlights { hovered: Some(&first), picked: None };
        assert_eq!(words(plot(Highlights::default(), false)), ["0", "1", "main@100"]);
        assert_eq!(words(plot(marked, true)), ["0", "main@100"]);
    }
}
