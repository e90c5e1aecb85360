//! What the tests and benches of the program ask of the window; nothing else
//! uses it.

use iced::{Event, Point, Size, mouse};
use iced_runtime::user_interface::{Cache, UserInterface};

use crate::message::Message;
use crate::picture::{renderer, settled};
use crate::{ViewError, ViewOptions, view};

/// Points that far apart find every button.
const APART: usize = 6;

/// The point at which a press makes an edit, in logical pixels: the middle of
/// its button, once every figure is there. `None` where no button does it.
///
/// # Errors
/// Where the store cannot be read.
pub fn place_of(options: &ViewOptions, edit: &str) -> Result<Option<[f32; 2]>, ViewError> {
    let state = settled(options)?;
    let mut renderer = renderer()?;
    let [width, height] = options.size;
    let bounds = Size::new(width as f32, height as f32);
    let mut interface = UserInterface::build(view::view(&state), bounds, Cache::new(), &mut renderer);
    let mut box_of: Option<[f32; 4]> = None;
    for y in (0..height).step_by(APART) {
        for x in (0..width).step_by(APART) {
            let at = Point::new(x as f32, y as f32);
            let moved = Event::Mouse(mouse::Event::CursorMoved { position: at });
            let mut messages = Vec::new();
            let clipboard = &mut iced::advanced::clipboard::Null;
            let cursor = mouse::Cursor::Available(at);
            let _ = interface.update(&[moved], cursor, &mut renderer, clipboard, &mut messages);
            let is_here = messages.iter().any(|said| matches!(said, Message::Preview(Some(text)) if text == edit));
            if is_here {
                let [left, top, right, bottom] = box_of.unwrap_or([at.x, at.y, at.x, at.y]);
                box_of = Some([left.min(at.x), top.min(at.y), right.max(at.x), bottom.max(at.y)]);
            }
        }
    }
    Ok(box_of.map(|[left, top, right, bottom]| [(left + right) / 2.0, (top + bottom) / 2.0]))
}
