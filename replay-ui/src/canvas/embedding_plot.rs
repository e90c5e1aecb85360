//! The embedding: a point a filter, one filter of two branches joined. From
//! step to step points glide.

use std::time::{Duration, Instant};

use iced::widget::canvas::{self, Action, Event, Frame, Geometry};
use iced::{Color, Point, Rectangle, Renderer, Size, Theme, mouse, window};
use revacnn_schemas::{FilterIdentity, Hue, Scatter, ScatterPoint};

use super::atlas::{Atlas, Line, Placed};
use super::geometry_cache::{Kept, Last};
use super::labels::{TextAlign, label, swatch, under_way};
use super::text::{fitted, width};
use super::{hover, put};
use crate::figure::{FilterKey, Highlights, Message};
use crate::pixels::Pictures;
use crate::theme::{Colours, SMALL, SWATCH};

const MARGIN: f32 = 22.0;
const RADIUS: f32 = 5.0;
/// The height of a line beneath the points.
const NOTE: f32 = 16.0;
/// The height of a branch's name in the legend.
const NAME: f32 = 15.0;
/// How long points glide.
const GLIDE: Duration = Duration::from_millis(200);

/// Where each point lies: the same scale along both axes, the whole in the
/// middle.
pub(crate) fn places(points: &[ScatterPoint], size: Size) -> Vec<Point> {
    let finite = || points.iter().map(|point| point.position).filter(|at| at.iter().all(|value| value.is_finite()));
    let fold = |axis: usize| {
        finite().map(|at| at[axis]).fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
    };
    let ((left, right), (bottom, top)) = (fold(0), fold(1));
    let room = Size::new((size.width - 2.0 * MARGIN).max(1.0), (size.height - 2.0 * MARGIN).max(1.0));
    let scale = (f64::from(room.width) / (right - left)).min(f64::from(room.height) / (top - bottom));
    let scale = if scale.is_finite() { scale } else { 0.0 };
    let middle = [(left + right) / 2.0, (bottom + top) / 2.0];
    let place = |point: &ScatterPoint| {
        let along = |axis: usize| ((point.position[axis] - middle[axis]) * scale) as f32;
        Point::new(size.width / 2.0 + along(0), size.height / 2.0 - along(1))
    };
    points.iter().map(place).collect()
}

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

/// Notes in at most so many lines (from 2), each within some room.
fn lines(notes: &[String], rows: usize, room: f32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for note in notes {
        let joined = lines.last().map(|line| format!("{line} · {note}")).filter(|joined| width(joined) <= room);
        match (joined, lines.last_mut()) {
            (Some(joined), Some(line)) => *line = joined,
            // Where it is too long, `KL 0.1 nats` says as much.
            _ if width(note) > room => lines.push(fitted(&note.replace("KL divergence", "KL"), room)),
            _ => lines.push(note.clone()),
        }
    }
    if lines.len() > rows {
        let more = lines.len() - (rows - 1);
        lines.truncate(rows - 1);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// The room above notes.
fn above(notes: &[String], bounds: Rectangle) -> Size {
    Size::new(bounds.width, (bounds.height - NOTE * notes.len() as f32).max(1.0))
}

/// The side of the filters' images at so many points in a space.
fn image_side(points: usize, size: Size) -> f32 {
    let room = (size.width * size.height / points.max(1) as f32).sqrt();
    (room * 0.28).clamp(8.0, 20.0).round()
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

/// Where points glide from, and since when.
#[derive(Debug, Default)]
pub(crate) struct Glide {
    from: Vec<(FilterIdentity, usize, Point)>,
    to: Vec<(FilterIdentity, usize, Point)>,
    since: Option<Instant>,
    share: f32,
    over: Option<FilterKey>,
    ground: Last,
    /// The line that says that another embedding is on its way.
    line: Last,
    /// The points as an image.
    points: Kept<Option<Placed>>,
    /// What is embedded: between layers and sources nothing glides.
    title: String,
}

impl Glide {
    fn now(&self) -> Vec<Point> {
        on_the_way(&self.from, &self.to, self.share)
    }
}

impl EmbeddingPlot<'_> {
    /// What is told beneath the points.
    fn notes(&self, bounds: Rectangle) -> Vec<String> {
        // Points need the room more.
        let rows = (bounds.height * 0.3 / NOTE).max(2.0) as usize;
        lines(&self.scatter.notes, rows, bounds.width - 24.0)
    }

    /// Where points may lie, above the notes.
    fn room(&self, bounds: Rectangle) -> Size {
        above(&self.notes(bounds), bounds)
    }

    /// What the image of the points depends on.
    fn of_points(&self, gliding: &Glide, bounds: Rectangle, dark: bool) -> String {
        let (number, late, marked) = (self.number, self.late, self.highlights);
        format!("{number:?} {} {:?} {late} {marked:?} {dark}", gliding.share, bounds.size())
    }

    /// Points and the lines between them as one image.
    fn points(&self, places: &[Point], side: f32, alpha: f32, colours: &Colours) -> Option<Placed> {
        let around = |at: &Point| Rectangle::new(*at, Size::ZERO);
        let mut atlas = Atlas::about(&places.iter().map(around).collect::<Vec<_>>(), side / 2.0 + 6.0)?;
        for [one, other] in &self.scatter.links {
            if let (Some(&from), Some(&to)) = (places.get(*one), places.get(*other)) {
                atlas.line(&Line { from, to, width: 1.5, color: colours.line });
            }
        }
        for (number, (point, at)) in self.scatter.points.iter().zip(places).enumerate() {
            let group = self.scatter.groups.get(point.group);
            let hue = group.map(|group| group.hue);
            let color = Color { a: alpha, ..hue.map_or(colours.faint, |hue| colours.branch(hue)) };
            let marked = self.highlights.has(&key(point));
            let has_image = self.pictures.is_some_and(|pictures| pictures.size((0, number)).is_some());
            // A filter without an image is a small square.
            let side = if has_image { side } else { 2.0 * RADIUS - 4.0 } + if marked { 6.0 } else { 0.0 };
            let corner = Point::new((at.x - side / 2.0).round(), (at.y - side / 2.0).round());
            let here = Rectangle::new(corner, Size::new(side, side));
            atlas.fill(here.expand(2.0), if marked { colours.accent } else { color });
            if let Some(hue) = hue.filter(|_| !marked) {
                atlas.dashes(here.expand(2.0), 2.0, Colours::dash(hue), Color { a: alpha, ..colours.paper });
            }
            atlas.put(self.pictures, (0, number), here);
        }
        Some(atlas.into_handle())
    }

    /// Which branches the points are of, and of how many: where each line of
    /// that begins, the branch whose colour it has, and its words.
    fn legend(&self, bounds: Rectangle) -> Vec<(Point, Option<Hue>, String)> {
        let groups = &self.scatter.groups;
        // Beside one another where they would come down to the notes.
        let of = self.branches;
        let lines = groups.len() + usize::from(of > groups.len());
        let rows = ((self.room(bounds).height / NAME) as usize).clamp(1, lines.max(1));
        let column = (bounds.width - 24.0) / lines.div_ceil(rows).max(1) as f32;
        let at = |place: usize| Point::new(12.0 + column * (place / rows) as f32, 10.0 + NAME * (place % rows) as f32);
        let named = groups.iter().enumerate().map(|(place, group)| {
            let at = at(place);
            let room = (column - SWATCH - 10.0).min(bounds.width - at.x - SWATCH - 18.0);
            (at, Some(group.hue), fitted(&group.name, room))
        });
        let most = (of > groups.len()).then(|| {
            let words = format!("{} of {of} branches", groups.len());
            (at(groups.len()), None, words)
        });
        named.chain(most).collect()
    }

    /// The numbers of the points that stay free of the legend, beside them.
    fn numbers(
        &self,
        places: &[Point],
        image: f32,
        legend: &[(Point, Option<Hue>, String)],
    ) -> Vec<(Point, String, bool)> {
        // One filter of two branches lies in two places, and is named at one.
        let twins: Vec<usize> = self.scatter.links.iter().map(|[_, twin]| *twin).collect();
        let taken: Vec<Rectangle> = legend
            .iter()
            .map(|(at, hue, words)| {
                let wide = width(words) + hue.map_or(0.0, |_| SWATCH + 6.0);
                Rectangle::new(Point::new(at.x, at.y - NAME / 2.0), Size::new(wide, NAME))
            })
            .collect();
        let named = self.scatter.points.iter().zip(places).enumerate().filter(|(place, _)| !twins.contains(place));
        let number = |(_, (point, at)): (usize, (&ScatterPoint, &Point))| {
            let words = point.filter.number.to_string();
            let right = Point::new(at.x + image / 2.0 + 5.0, at.y);
            let here = Rectangle::new(Point::new(right.x, right.y - SMALL / 2.0), Size::new(width(&words), SMALL));
            let marked = self.highlights.has(&key(point));
            let is_free = taken.iter().all(|other| here.intersection(other).is_none());
            (is_free || marked).then_some((right, words, marked))
        };
        named.filter_map(number).collect()
    }

    fn goal(&self, size: Size) -> Vec<(FilterIdentity, usize, Point)> {
        let places = places(&self.scatter.points, size);
        self.scatter.points.iter().zip(places).map(|(point, at)| (point.filter.clone(), point.group, at)).collect()
    }

    fn point_at(&self, at: Point, size: Size) -> Option<FilterKey> {
        let places = places(&self.scatter.points, size);
        let near = places.iter().enumerate().map(|(point, place)| (point, place.distance(at)));
        let nearest = near.filter(|(_, distance)| *distance < 2.0 * RADIUS).min_by(|a, b| a.1.total_cmp(&b.1));
        nearest.map(|(point, _)| key(&self.scatter.points[point]))
    }

    /// Follows the figure; returns whether points are on their way.
    fn glide(&self, gliding: &mut Glide, size: Size, now: Instant) -> bool {
        let goal = self.goal(size);
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
                self.glide(gliding, self.room(bounds), *now).then(Action::request_redraw)
            }
            Event::Mouse(mouse::Event::CursorMoved { .. }) => {
                let at = cursor.position_in(bounds);
                hover(&mut gliding.over, at.and_then(|at| self.point_at(at, self.room(bounds))))
            }
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
                let at = cursor.position_in(bounds)?;
                Some(Action::publish(Message::Pick(self.point_at(at, self.room(bounds)))).and_capture())
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
        // Before the first event the points are where they belong.
        let notes = self.notes(bounds);
        let room = above(&notes, bounds);
        let there = places(&self.scatter.points, room);
        let places = if gliding.to.len() == there.len() { gliding.now() } else { there };
        let late = self.late;
        let alpha = if late { 0.55 } else { 1.0 };
        let image = image_side(places.len(), room);
        let mut frame = Frame::new(renderer, bounds.size());
        let depends = self.of_points(gliding, bounds, theme.extended_palette().is_dark);
        let points = gliding.points.of(&depends, || self.points(&places, image, alpha, colours));
        points.iter().for_each(|points| put(&mut frame, points));
        let legend = self.legend(bounds);
        for (at, words, marked) in self.numbers(&places, image, &legend) {
            // Numbers come when the points rest: each that moves makes the
            // software renderer draw all that it crosses again.
            if marked || !(late || gliding.since.is_some()) {
                label(&mut frame, words, at, if marked { colours.ink } else { colours.faint }, TextAlign::Left);
            }
        }
        for (at, hue, words) in legend {
            let beside = hue.map_or(at.x, |_| at.x + SWATCH + 6.0);
            if let Some(hue) = hue {
                swatch(&mut frame, at, hue, colours);
            }
            label(&mut frame, words, Point::new(beside, at.y), colours.faint, TextAlign::Left);
        }
        for (place, note) in notes.into_iter().rev().enumerate() {
            let at = Point::new(12.0, bounds.height - NOTE * (place as f32 + 0.5) - 1.0);
            label(&mut frame, note, at, colours.faint, TextAlign::Left);
        }
        let mut line = Frame::new(renderer, bounds.size());
        if late {
            under_way(&mut line, colours);
        }
        vec![gliding.ground.ground(frame), gliding.line.above(line)]
    }

    fn mouse_interaction(&self, _: &Glide, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        match cursor.position_in(bounds).and_then(|at| self.point_at(at, self.room(bounds))) {
            Some(_) => mouse::Interaction::Pointer,
            None => mouse::Interaction::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revacnn_schemas::{FilterNumber, ScatterGroup};

    fn filter(number: u32) -> FilterIdentity {
        FilterIdentity { number: FilterNumber(number), born: None }
    }

    fn point(x: f64, y: f64) -> ScatterPoint {
        ScatterPoint { group: 0, layer: "conv1".parse().unwrap(), filter: filter(0), position: [x, y], image: None }
    }

    #[test]
    fn points_fill_the_space_with_one_scale_for_both_axes() {
        let size = Size::new(200.0 + 2.0 * MARGIN, 100.0 + 2.0 * MARGIN);
        let places = places(&[point(0.0, 0.0), point(2.0, 0.0), point(0.0, 1.0)], size);
        assert_eq!(places[1].x - places[0].x, 200.0);
        assert_eq!(places[0].y - places[2].y, 100.0);
    }

    #[test]
    fn notes_share_a_line_as_long_as_it_lasts() {
        let notes = ["one", "two", "three and more"].map(str::to_owned);
        let _ = crate::headless::renderer().unwrap();
        let [short, narrow] = lines(&notes, 2, 60.0).try_into().unwrap();
        assert!(short == "one · two" && narrow.starts_with("three") && narrow.ends_with('…'), "{narrow}");
        assert_eq!(lines(&notes, 2, 400.0), ["one · two · three and more"]);
        assert_eq!(lines(&["KL divergence 0.1 nats".to_owned()], 2, 80.0), ["KL 0.1 nats"]);
        // A fork step has no gradients: a note a filter.
        let many: Vec<String> = (0..40).map(|filter| format!("{filter} has no gradient")).collect();
        assert_eq!(lines(&many, 3, 160.0), ["0 has no gradient", "1 has no gradient", "and 38 more"]);
    }

    #[test]
    fn a_single_point_lies_in_the_middle() {
        assert_eq!(places(&[point(3.0, -4.0)], Size::new(100.0, 60.0)), [Point::new(50.0, 30.0)]);
    }

    #[test]
    fn points_glide_from_where_they_were_and_new_ones_are_there_at_once() {
        let from = [(filter(1), 0, Point::new(0.0, 0.0))];
        let to = [(filter(2), 0, Point::new(7.0, 7.0)), (filter(1), 0, Point::new(10.0, 20.0))];
        assert_eq!(on_the_way(&from, &to, 0.0)[1], Point::new(0.0, 0.0));
        assert_eq!(on_the_way(&from, &to, 0.5), [Point::new(7.0, 7.0), Point::new(5.0, 10.0)]);
        assert_eq!(on_the_way(&from, &to, 1.0)[1], Point::new(10.0, 20.0));
    }

    #[test]
    fn numbers_leave_the_legend_readable_but_for_that_of_the_marked_filter() {
        let _ = crate::headless::renderer().unwrap();
        let scatter = Scatter {
            start: None,
            title: String::new(),
            groups: vec![ScatterGroup { name: "main@100".to_owned(), hue: Hue(0) }],
            points: vec![point(0.0, 0.0), ScatterPoint { filter: filter(1), ..point(1.0, -1.0) }],
            links: Vec::new(),
            notes: Vec::new(),
        };
        let plot = |highlights| EmbeddingPlot {
            scatter: &scatter,
            number: None,
            pictures: None,
            highlights,
            branches: 1,
            late: false,
            reduced_motion: true,
        };
        let bounds = Rectangle { x: 0.0, y: 0.0, width: 200.0, height: 100.0 };
        // The first lies on the legend, the second in the middle.
        let places = [Point::new(20.0, 10.0), Point::new(100.0, 50.0)];
        let words = |highlights| {
            let plot = plot(highlights);
            let numbers = plot.numbers(&places, 10.0, &plot.legend(bounds));
            numbers.into_iter().map(|(_, words, _)| words).collect::<Vec<_>>()
        };
        assert_eq!(words(Highlights::default()), ["1"]);
        let first = key(&scatter.points[0]);
        assert_eq!(words(Highlights { hovered: Some(&first), picked: None }), ["0", "1"]);
    }
}
