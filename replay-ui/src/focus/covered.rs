//! What lies under an open dialog.

use std::slice;

use iced::advanced::layout::{self, Layout};
use iced::advanced::renderer::Style;
use iced::advanced::widget::operation::{Operation, Scrollable, TextInput};
use iced::advanced::widget::{Id, Tree};
use iced::advanced::{Clipboard, Shell, Widget, overlay};
use iced::{Element, Event, Length, Rectangle, Renderer, Size, Theme, Vector, mouse};

use super::left_to_content;

/// What lies under a dialog while one is open: no key goes there, and Tab does not lead
/// there. It is seen, and keeps what it remembers.
pub(crate) fn covered<'a, M: 'a>(content: impl Into<Element<'a, M>>, is_covered: bool) -> Element<'a, M> {
    Element::new(Covered { content: content.into(), is_covered })
}

struct Covered<'a, M> {
    content: Element<'a, M>,
    is_covered: bool,
}

impl<M> Widget<M, Theme, Renderer> for Covered<'_, M> {
    left_to_content!(draw);

    fn operate(&mut self, tree: &mut Tree, layout: Layout<'_>, renderer: &Renderer, operation: &mut dyn Operation) {
        let content = self.content.as_widget_mut();
        if self.is_covered {
            content.operate(&mut tree.children[0], layout, renderer, &mut WithoutFocus(operation));
        } else {
            content.operate(&mut tree.children[0], layout, renderer, operation);
        }
    }

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
        if self.is_covered && matches!(event, Event::Keyboard(_) | Event::InputMethod(_)) {
            return;
        }
        let content = self.content.as_widget_mut();
        content.update(&mut tree.children[0], event, layout, cursor, renderer, clipboard, shell, viewport);
    }
}

/// An operation that sees all but what can have the focus.
struct WithoutFocus<'o, T>(&'o mut dyn Operation<T>);

impl<T> Operation<T> for WithoutFocus<'_, T> {
    fn traverse(&mut self, operate: &mut dyn FnMut(&mut dyn Operation<T>)) {
        self.0.traverse(&mut |inner| operate(&mut WithoutFocus(inner)));
    }

    fn container(&mut self, id: Option<&Id>, bounds: Rectangle) {
        self.0.container(id, bounds);
    }

    fn scrollable(
        &mut self,
        id: Option<&Id>,
        bounds: Rectangle,
        content: Rectangle,
        translation: Vector,
        state: &mut dyn Scrollable,
    ) {
        self.0.scrollable(id, bounds, content, translation, state);
    }

    fn text_input(&mut self, id: Option<&Id>, bounds: Rectangle, state: &mut dyn TextInput) {
        self.0.text_input(id, bounds, state);
    }

    fn text(&mut self, id: Option<&Id>, bounds: Rectangle, text: &str) {
        self.0.text(id, bounds, text);
    }

    fn custom(&mut self, id: Option<&Id>, bounds: Rectangle, state: &mut dyn std::any::Any) {
        self.0.custom(id, bounds, state);
    }
}
