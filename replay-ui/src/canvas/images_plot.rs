//! Images of a data set in planes, a panel a branch. Pointing at one marks it in all
//! panels, and tells which it is and what is predicted.

use std::cell::Ref;

use iced::widget::canvas::{self, Action, Event, Frame, Geometry, Path, Stroke};
use iced::{Point, Rectangle, Renderer, Size, Theme, mouse};
use revacnn_notebook::scene::ImagesLayout;
use revacnn_schemas::{EmbeddedImages, EmbeddedPanel};

use super::atlas::Atlas;
use super::geometry_cache::{Cache, Kept, Last, size_key};
use super::labels::{TextAlign, label, under_way};
use super::paint::{STYLE, paint, point, rectangle};
use super::put;
use super::text::width;
use crate::figure::Message;
use crate::pixels::Pictures;
use crate::theme::Colours;

/// How far from a point it is still meant.
const REACH: f32 = 8.0;
/// The radius of the ring about what is pointed at.
const RING: f32 = 7.0;

/// What the canvas remembers.
#[derive(Debug, Default)]
pub(crate) struct Over {
    /// The image that is pointed at.
    image: Option<usize>,
    /// Where everything lies, of which figure and size.
    layout: Kept<(Option<u64>, [u32; 2]), ImagesLayout>,
    /// What marks it, and the line that says that other points are on their way.
    above: Last,
}

/// The images on the screen.
pub(crate) struct ImagesPlot<'a> {
    pub(crate) figure: &'a EmbeddedImages,
    /// Another number for every figure.
    pub(crate) number: Option<u64>,
    pub(crate) pictures: Option<&'a Pictures>,
    /// Whether another figure is on its way.
    pub(crate) late: bool,
    pub(crate) cache: &'a Cache,
}

impl ImagesPlot<'_> {
    fn layout<'k>(&self, over: &'k Over, size: Size) -> Ref<'k, ImagesLayout> {
        let make = || ImagesLayout::of(self.figure, size.width, Some(size.height), STYLE);
        over.layout.of((self.number, size_key(size)), make)
    }

    /// What is told of an image in a panel.
    fn says(&self, panel: &EmbeddedPanel, image: usize) -> Option<String> {
        let (found, predicted) = (self.figure.images.get(image)?, *panel.predicted.get(image)?);
        let name = |class: u32| self.figure.class_name(class);
        let own = format!("image {}: {}", found.image, name(found.class));
        Some(match predicted.filter(|predicted| *predicted != found.class) {
            Some(predicted) => format!("{own}, predicted {}", name(predicted)),
            None => own,
        })
    }
}

impl canvas::Program<Message> for ImagesPlot<'_> {
    type State = Over;

    fn update(
        &self,
        over: &mut Over,
        event: &Event,
        bounds: Rectangle,
        cursor: mouse::Cursor,
    ) -> Option<Action<Message>> {
        let Event::Mouse(mouse::Event::CursorMoved { .. }) = event else { return None };
        let at = cursor.position_in(bounds);
        let now = at.and_then(|at| self.layout(over, bounds.size()).image_at([at.x, at.y], REACH));
        (std::mem::replace(&mut over.image, now) != now).then(Action::request_redraw)
    }

    fn draw(
        &self,
        over: &Over,
        renderer: &Renderer,
        theme: &Theme,
        bounds: Rectangle,
        _: mouse::Cursor,
    ) -> Vec<Geometry> {
        let colours = Colours::of(theme);
        let layout = self.layout(over, bounds.size());
        let drawn = self.cache.draw(renderer, bounds.size(), |frame: &mut Frame<Renderer>| {
            paint(frame, &layout.words(self.figure, STYLE), None, colours);
            paint(frame, &layout.points(self.figure), None, colours);
            let panels: Vec<Rectangle> = layout.panels.iter().map(|panel| rectangle(panel.area)).collect();
            let Some(mut images) = Atlas::about(&panels, 0.0) else { return };
            images.paint(&layout.thumbnails(self.figure), self.pictures, colours);
            put(frame, &images.into_handle());
        });
        let mut above = Frame::new(renderer, bounds.size());
        if self.late {
            under_way(&mut above, colours);
        }
        for (place, panel) in layout.panels.iter().zip(&self.figure.panels) {
            let marked = over.image.and_then(|image| Some((place.places.get(image)?, self.says(panel, image)?)));
            let Some((at, words)) = marked else { continue };
            let ring = Stroke::default().with_color(colours.accent).with_width(2.0);
            above.stroke(&Path::circle(point(*at), RING), ring);
            let foot = Point::new(place.area.x + 4.0, place.area.bottom() - 10.0);
            let ground = Size::new(width(&words) + 6.0, 16.0);
            above.fill_rectangle(Point::new(foot.x - 3.0, foot.y - 8.0), ground, colours.paper);
            label(&mut above, words, foot, colours.ink, TextAlign::Left);
        }
        vec![drawn, over.above.above(above)]
    }
}
