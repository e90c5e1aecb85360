//! The embedding: a point a filter, one filter of two branches joined.

use iced::widget::canvas::{self, Action, Event, Frame, Geometry, Path, Stroke};
use iced::{Color, Point, Rectangle, Renderer, Size, Theme, mouse};
use revacnn_schemas::{Scatter, ScatterPoint};

use crate::app::{FilterKey, Message, State};
use crate::draw::{Align, label};
use crate::look::Look;

const MARGIN: f32 = 18.0;
const RADIUS: f32 = 5.0;

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

fn key(point: &ScatterPoint) -> FilterKey {
    (point.layer.clone(), point.filter.clone())
}

/// The embedding on the screen.
pub(crate) struct Plane<'a> {
    pub(crate) state: &'a State,
    pub(crate) scatter: &'a Scatter,
}

impl Plane<'_> {
    fn point_at(&self, at: Point, size: Size) -> Option<FilterKey> {
        let places = places(&self.scatter.points, size);
        let near = places.iter().enumerate().map(|(point, place)| (point, place.distance(at)));
        let nearest = near.filter(|(_, distance)| *distance < 2.0 * RADIUS).min_by(|a, b| a.1.total_cmp(&b.1));
        nearest.map(|(point, _)| key(&self.scatter.points[point]))
    }
}

impl canvas::Program<Message> for Plane<'_> {
    type State = ();

    fn update(&self, (): &mut (), event: &Event, bounds: Rectangle, cursor: mouse::Cursor) -> Option<Action<Message>> {
        let at = cursor.position_in(bounds)?;
        match event {
            Event::Mouse(mouse::Event::CursorMoved { .. }) => {
                let over = self.point_at(at, bounds.size());
                (over != self.state.hovered).then(|| Action::publish(Message::Hover(over)))
            }
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
                Some(Action::publish(Message::Pick(self.point_at(at, bounds.size()))).and_capture())
            }
            _ => None,
        }
    }

    fn draw(&self, (): &(), renderer: &Renderer, theme: &Theme, bounds: Rectangle, _: mouse::Cursor) -> Vec<Geometry> {
        let look = Look::of(theme);
        let drawn = self.state.caches.embedding.draw(renderer, bounds.size(), |frame: &mut Frame<Renderer>| {
            let places = places(&self.scatter.points, bounds.size());
            for [one, other] in &self.scatter.links {
                if let (Some(one), Some(other)) = (places.get(*one), places.get(*other)) {
                    frame.stroke(&Path::line(*one, *other), Stroke::default().with_color(look.line).with_width(1.0));
                }
            }
            for (point, at) in self.scatter.points.iter().zip(&places) {
                let group = self.scatter.groups.get(point.group);
                let color = group.map_or(look.faint, |group| look.branch(group.hue));
                let marked =
                    [&self.state.picked, &self.state.hovered].into_iter().any(|k| k.as_ref() == Some(&key(point)));
                if marked {
                    frame.fill(&Path::circle(*at, RADIUS + 3.0), look.accent);
                    frame.fill(&Path::circle(*at, RADIUS + 1.0), look.paper);
                }
                frame.fill(&Path::circle(*at, RADIUS), Color { a: 0.9, ..color });
                let right = Point::new(at.x + RADIUS + 3.0, at.y);
                label(
                    frame,
                    point.filter.number.to_string(),
                    right,
                    if marked { look.ink } else { look.faint },
                    Align::Left,
                );
            }
        });
        vec![drawn]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use revacnn_schemas::{FilterIdentity, FilterNumber};

    fn point(x: f64, y: f64) -> ScatterPoint {
        let filter = FilterIdentity { number: FilterNumber(0), born: None };
        ScatterPoint { group: 0, layer: "conv1".parse().unwrap(), filter, position: [x, y], image: None }
    }

    #[test]
    fn points_fill_the_space_with_one_scale_for_both_axes() {
        let places = places(&[point(0.0, 0.0), point(2.0, 0.0), point(0.0, 1.0)], Size::new(236.0, 136.0));
        assert_eq!(places[1].x - places[0].x, 200.0);
        assert_eq!(places[0].y - places[2].y, 100.0);
    }

    #[test]
    fn a_single_point_lies_in_the_middle() {
        assert_eq!(places(&[point(3.0, -4.0)], Size::new(100.0, 60.0)), [Point::new(50.0, 30.0)]);
    }
}
