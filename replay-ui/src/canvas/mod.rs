//! What is drawn point by point: one canvas each.

pub(crate) mod along;
pub(crate) mod atlas;
pub(crate) mod border;
pub(crate) mod chart;
pub(crate) mod diagram;
pub(crate) mod embedding_plot;
pub(crate) mod filter_grid;
pub(crate) mod geometry_cache;
pub(crate) mod histograms_plot;
pub(crate) mod images_plot;
pub(crate) mod labels;
pub(crate) mod layout;
pub(crate) mod matrix_plot;
pub(crate) mod pad;
pub(crate) mod paint;
mod press;
pub(crate) mod readout;
pub(crate) mod sheet_plot;
pub(crate) mod text;
pub(crate) mod timeline;

use iced::advanced::image::{FilterMethod, Image as Raster};
use iced::widget::canvas::{Action, Event, Frame, Path, Stroke};
use iced::{Point, Rectangle, Renderer, mouse};
use revacnn_schemas::Step;

use self::atlas::Placed;
use self::geometry_cache::Last;
use crate::figure::{FilterKey, Message};
use crate::pixels::{ImagePlace, Pictures};
use crate::theme::Colours;

/// Whether the button is held down on a canvas, and where the pointer is.
#[derive(Debug, Default)]
pub(crate) struct Pointer {
    held: bool,
    over: Option<Point>,
    /// The cursor, above what is kept.
    above: Last,
    /// What is told of the place that is pointed at.
    pointed: Last,
}

/// A drag or click along a canvas, as a step.
pub(crate) fn scrub<M>(
    pointer: &mut Pointer,
    event: &Event,
    bounds: Rectangle,
    cursor: mouse::Cursor,
    step: impl Fn(Point) -> Option<Step>,
    go_to: impl Fn(Step) -> M,
) -> Option<Action<M>> {
    let go = |at: Point| step(at).map(|step| Action::publish(go_to(step)).and_capture());
    match event {
        Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
            let action = go(cursor.position_in(bounds)?)?;
            pointer.held = true;
            Some(action)
        }
        Event::Mouse(mouse::Event::CursorMoved { .. }) if pointer.held => go(cursor.position_from(bounds.position())?),
        Event::Mouse(mouse::Event::ButtonReleased(mouse::Button::Left)) if pointer.held => {
            pointer.held = false;
            Some(Action::capture())
        }
        Event::Keyboard(_) | Event::Mouse(_) | Event::Window(_) | Event::Touch(_) | Event::InputMethod(_) => None,
    }
}

/// How far a wheel was turned, in lines: sideways, and up.
pub(crate) fn turned(delta: &mouse::ScrollDelta) -> [f32; 2] {
    match delta {
        mouse::ScrollDelta::Lines { x, y } => [*x, *y],
        mouse::ScrollDelta::Pixels { x, y } => [*x / 40.0, *y / 40.0],
    }
}

/// Tells that the pointer has come over another filter of a canvas, or has
/// left the last one. Each canvas remembers its own, so that one that the
/// pointer is not over does not speak for the others.
pub(crate) fn hover(over: &mut Option<FilterKey>, now: Option<FilterKey>) -> Option<Action<Message>> {
    if *over == now {
        return None;
    }
    let left = std::mem::replace(over, now.clone());
    now.map(Message::Hover).or(left.map(Message::Leave)).map(Action::publish)
}

/// Draws an image of a figure into a rectangle whose corner and sides are
/// whole pixels; returns whether there is one.
pub(crate) fn picture(
    frame: &mut Frame<Renderer>,
    pictures: Option<&Pictures>,
    place: ImagePlace,
    at: Rectangle,
) -> bool {
    let Some(handle) = pictures.and_then(|pictures| pictures.get(place, at.width, at.height)) else { return false };
    put(frame, &(at, handle));
    true
}

/// Draws an image that was put together.
pub(crate) fn put(frame: &mut Frame<Renderer>, (at, handle): &Placed) {
    frame.draw_image(*at, Raster::new(handle.clone()).filter_method(FilterMethod::Nearest).snap(true));
}

/// Marks what lies there by a line about it.
pub(crate) fn outline(frame: &mut Frame<Renderer>, at: Rectangle, width: f32, colours: &Colours) {
    let edge = Path::rectangle(at.position(), at.size());
    frame.stroke(&edge, Stroke::default().with_color(colours.accent).with_width(width));
}

/// A square that stands on its corner.
pub(crate) fn diamond(at: Point, size: f32) -> Path {
    Path::new(|builder| {
        builder.move_to(Point::new(at.x, at.y - size));
        builder.line_to(Point::new(at.x + size, at.y));
        builder.line_to(Point::new(at.x, at.y + size));
        builder.line_to(Point::new(at.x - size, at.y));
        builder.close();
    })
}
