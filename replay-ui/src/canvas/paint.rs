//! Scenes on a canvas: shapes and words on its frame, many small images on an atlas.

use iced::widget::canvas::{Frame, LineDash, Path, Stroke, path};
use iced::{Color, Point, Rectangle, Renderer, Size};
use revacnn_notebook::scene::{Area, Ink, Place, Role, Scene, Shape, Style};

use super::atlas::{self, Atlas};
use super::labels::write;
use super::picture;
use super::text::width;
use crate::pixels::Pictures;
use crate::theme::{Colours, SMALL};

/// How words of figures look in the window.
pub(crate) const STYLE: Style =
    Style { text: SMALL, measure: |words, size| width(words) * size / SMALL, standalone: false };

/// A place of a scene.
pub(crate) fn point([x, y]: Place) -> Point {
    Point::new(x, y)
}

/// An area of a scene.
pub(crate) fn rectangle(at: Area) -> Rectangle {
    Rectangle { x: at.x, y: at.y, width: at.width, height: at.height }
}

/// A size for a scene.
pub(crate) fn room(size: Size) -> [f32; 2] {
    [size.width, size.height]
}

/// A colour of a scene.
fn color(ink: Ink, colours: &Colours) -> Color {
    let color = match ink.role {
        Role::Paper => colours.paper,
        Role::Ink => colours.ink,
        Role::Quiet => colours.faint,
        Role::Line => colours.line,
        Role::Accent => colours.accent,
        Role::Branch(hue) => colours.branch(hue),
        Role::Words(hue) => colours.words(hue),
        Role::Rgb([red, green, blue]) => Color::from_rgb8(red, green, blue),
    };
    Color { a: ink.alpha, ..color }
}

/// Paints a scene on a frame.
pub(crate) fn paint(frame: &mut Frame<Renderer>, scene: &Scene<'_>, pictures: Option<&Pictures>, colours: &Colours) {
    for shape in &scene.shapes {
        match shape {
            Shape::Line(line) => {
                let stroke = Stroke::default().with_color(color(line.ink, colours)).with_width(line.width);
                let line_dash = LineDash { segments: line.dash, offset: 0 };
                frame.stroke(&through(&line.points, false), Stroke { line_dash, ..stroke });
            }
            Shape::Rectangle(at, ink) => {
                let at = rectangle(*at);
                frame.fill_rectangle(at.position(), at.size(), color(*ink, colours));
            }
            Shape::Polygon(corners, ink) => frame.fill(&through(corners, true), color(*ink, colours)),
            Shape::Circle(middle, radius, ink) => {
                frame.fill(&Path::circle(point(*middle), *radius), color(*ink, colours));
            }
            Shape::Text(text) => {
                write(frame, text.words.clone(), (point(text.at), text.align), (text.size, color(text.ink, colours)));
            }
            Shape::Image(found) => {
                picture(frame, pictures, found.place, rectangle(found.at));
            }
        }
    }
}

fn through(points: &[Place], closed: bool) -> Path {
    let mut builder = path::Builder::new();
    let mut points = points.iter().copied().map(point);
    if let Some(first) = points.next() {
        builder.move_to(first);
    }
    points.for_each(|point| builder.line_to(point));
    if closed {
        builder.close();
    }
    builder.build()
}

impl Atlas {
    /// Paints a scene of rectangles, straight lines and images.
    pub(crate) fn paint(&mut self, scene: &Scene<'_>, pictures: Option<&Pictures>, colours: &Colours) {
        for shape in &scene.shapes {
            match shape {
                Shape::Line(line) => {
                    for ends in line.points.windows(2) {
                        let [from, to] = [ends[0], ends[1]].map(point);
                        self.line(&atlas::Line { from, to, width: line.width, color: color(line.ink, colours) });
                    }
                }
                Shape::Rectangle(at, ink) => self.fill(rectangle(*at), color(*ink, colours)),
                Shape::Image(found) => {
                    self.put(pictures, found.place, rectangle(found.at));
                }
                // Those are smooth and are drawn on the frame.
                Shape::Polygon(..) | Shape::Circle(..) | Shape::Text(_) => {}
            }
        }
    }
}
