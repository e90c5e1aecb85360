//! Tab and Shift+Tab: the focus has moved before the next key is heard, however busy
//! the window is.

use std::slice;

use iced::advanced::layout::{self, Layout};
use iced::advanced::renderer::Style;
use iced::advanced::widget::Tree;
use iced::advanced::widget::operation::{Operation, Outcome, focusable};
use iced::advanced::{Clipboard, Shell, Widget, overlay};
use iced::keyboard::key::Named;
use iced::keyboard::{self, Key};
use iced::{Element, Event, Length, Rectangle, Renderer, Size, Theme, Vector, mouse};

use super::{left_to_content, reveal};

/// Moves the focus to the next control, or to the one before, and scrolls there;
/// `operate` has the interface go through an operation.
pub(crate) fn move_focus(back: bool, mut operate: impl FnMut(&mut dyn Operation)) {
    let moved: Box<dyn Operation> =
        if back { Box::new(focusable::focus_previous()) } else { Box::new(focusable::focus_next()) };
    for mut operation in [moved, Box::new(reveal())] {
        loop {
            operate(operation.as_mut());
            match operation.finish() {
                Outcome::Chain(next) => operation = next,
                Outcome::None | Outcome::Some(()) => break,
            }
        }
    }
}

/// All that Tab goes through.
pub(crate) fn tabs<'a, M: 'a>(content: impl Into<Element<'a, M>>) -> Element<'a, M> {
    Element::new(Tabs { content: content.into() })
}

struct Tabs<'a, M> {
    content: Element<'a, M>,
}

impl<M> Widget<M, Theme, Renderer> for Tabs<'_, M> {
    left_to_content!(operate, draw);

    fn update(
        &mut self,
        tree: &mut Tree,
        event: &Event,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        renderer: &Renderer,
        clipboard: &mut dyn Clipboard,
        shell: &mut Shell<'_, M>,
        viewport: &Rectangle,
    ) {
        let (content, tree) = (self.content.as_widget_mut(), &mut tree.children[0]);
        content.update(tree, event, layout, cursor, renderer, clipboard, shell, viewport);
        if let Event::Keyboard(keyboard::Event::KeyPressed { key: Key::Named(Named::Tab), modifiers, .. }) = event
            && !shell.is_event_captured()
        {
            move_focus(modifiers.shift(), |operation| content.operate(tree, layout, renderer, operation));
            shell.capture_event();
            shell.request_redraw();
        }
    }
}
