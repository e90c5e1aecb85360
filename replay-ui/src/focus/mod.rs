//! What the keyboard reaches. Tab stops at a [`Stop`], which then shows that it has the
//! focus, and is pressed by Enter and Space; ↑ and ↓ choose the one before or after
//! where there is a choice. What lies under a dialog is [`covered`], and what has the
//! focus is scrolled into sight by [`reveal`]. [`tabs`] is all that Tab goes through.

mod covered;
mod reveal;
mod tabs;

use std::slice;

use iced::advanced::layout::{self, Layout};
use iced::advanced::renderer::{Quad, Renderer as _, Style};
use iced::advanced::widget::operation::{Focusable, Operation};
use iced::advanced::widget::{Tree, tree};
use iced::advanced::{Clipboard, Shell, Widget, overlay};
use iced::keyboard::Key;
use iced::keyboard::key::Named;
use iced::{Border, Color, Element, Event, Length, Rectangle, Renderer, Size, Theme, Vector, keyboard, mouse};

pub(crate) use self::covered::covered;
#[cfg(test)]
pub(crate) use self::reveal::Focused;
use self::reveal::reveal;
#[cfg(test)]
pub(crate) use self::tabs::move_focus;
pub(crate) use self::tabs::tabs;
use crate::theme::Colours;

/// What a widget around one `content` leaves to it: what is named, and always where it lies.
macro_rules! left_to_content {
    (operate $(, $more:ident)?) => {
        fn operate(&mut self, tree: &mut Tree, layout: Layout<'_>, renderer: &Renderer, operation: &mut dyn Operation) {
            self.content.as_widget_mut().operate(&mut tree.children[0], layout, renderer, operation);
        }

        left_to_content!($($more)?);
    };
    (draw) => {
        fn draw(
            &self,
            tree: &Tree,
            renderer: &mut Renderer,
            theme: &Theme,
            style: &Style,
            layout: Layout<'_>,
            cursor: mouse::Cursor,
            viewport: &Rectangle,
        ) {
            self.content.as_widget().draw(&tree.children[0], renderer, theme, style, layout, cursor, viewport);
        }

        left_to_content!();
    };
    () => {
        fn children(&self) -> Vec<Tree> {
            vec![Tree::new(&self.content)]
        }

        fn diff(&self, tree: &mut Tree) {
            tree.diff_children(slice::from_ref(&self.content));
        }

        fn size(&self) -> Size<Length> {
            self.content.as_widget().size()
        }

        fn size_hint(&self) -> Size<Length> {
            self.content.as_widget().size_hint()
        }

        fn layout(&mut self, tree: &mut Tree, renderer: &Renderer, limits: &layout::Limits) -> layout::Node {
            self.content.as_widget_mut().layout(&mut tree.children[0], renderer, limits)
        }

        fn mouse_interaction(
            &self,
            tree: &Tree,
            layout: Layout<'_>,
            cursor: mouse::Cursor,
            viewport: &Rectangle,
            renderer: &Renderer,
        ) -> mouse::Interaction {
            self.content.as_widget().mouse_interaction(&tree.children[0], layout, cursor, viewport, renderer)
        }

        fn overlay<'b>(
            &'b mut self,
            tree: &'b mut Tree,
            layout: Layout<'b>,
            renderer: &Renderer,
            viewport: &Rectangle,
            translation: Vector,
        ) -> Option<overlay::Element<'b, M, Theme, Renderer>> {
            self.content.as_widget_mut().overlay(&mut tree.children[0], layout, renderer, viewport, translation)
        }
    };
}
pub(crate) use left_to_content;

/// How wide the frame about what has the focus is.
const FRAME: f32 = 2.0;

/// Whether a control has the focus.
#[derive(Debug, Default)]
struct Focus {
    has: bool,
}

impl Focusable for Focus {
    fn is_focused(&self) -> bool {
        self.has
    }

    fn focus(&mut self) {
        self.has = true;
    }

    fn unfocus(&mut self) {
        self.has = false;
    }
}

/// A control that Tab stops at.
pub(crate) struct Stop<'a, M> {
    content: Element<'a, M>,
    /// Whether it can be used now.
    enabled: bool,
    /// What ↑ and ↓ say.
    steps: [Option<M>; 2],
    /// What Enter says, where it is no press.
    enters: Option<M>,
    /// Whether the frame is of ink: the control has the colour of a mark itself.
    filled: bool,
    /// Whether it opens a list.
    opens: bool,
}

impl<'a, M> Stop<'a, M> {
    /// A control that is pressed where its middle is.
    pub(crate) fn of(content: impl Into<Element<'a, M>>) -> Self {
        Self { content: content.into(), enabled: true, steps: [None, None], enters: None, filled: false, opens: false }
    }

    /// Passes it by where it cannot be used.
    pub(crate) fn enabled(self, enabled: bool) -> Self {
        Self { enabled, ..self }
    }

    /// What ↑ and ↓ say.
    pub(crate) fn steps(self, steps: [Option<M>; 2]) -> Self {
        Self { steps, ..self }
    }

    /// Says this by Enter, and is not pressed.
    pub(crate) fn enters(self, message: M) -> Self {
        Self { enters: Some(message), ..self }
    }

    /// Opens a list, which Escape closes, and so does another choice by ↑ and ↓.
    pub(crate) fn opens(self) -> Self {
        Self { opens: true, ..self }
    }

    /// Has a frame of ink.
    pub(crate) fn filled(self, filled: bool) -> Self {
        Self { filled, ..self }
    }
}

impl<M: Clone> Stop<'_, M> {
    /// Closes the list if it is open; returns whether it was.
    fn close(
        &mut self,
        tree: &mut Tree,
        layout: Layout<'_>,
        renderer: &Renderer,
        clipboard: &mut dyn Clipboard,
        shell: &mut Shell<'_, M>,
        viewport: &Rectangle,
    ) -> bool {
        if !self.opens {
            return false;
        }
        // iced's list hears no keys: it closes by a press wherever there is none of its entries.
        let press = Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left));
        let (mut said, nowhere) = (Vec::new(), mouse::Cursor::Unavailable);
        let mut own = Shell::new(&mut said);
        let child = &mut tree.children[0];
        self.content.as_widget_mut().update(child, &press, layout, nowhere, renderer, clipboard, &mut own, viewport);
        let was_open = own.is_event_captured();
        shell.merge(own, |message| message);
        if was_open {
            shell.request_redraw();
        }
        was_open
    }

    /// Does what a key does to what has the focus; returns whether it does something.
    #[expect(clippy::too_many_arguments, reason = "those of a widget's update")]
    fn key(
        &mut self,
        tree: &mut Tree,
        key: &Key,
        layout: Layout<'_>,
        renderer: &Renderer,
        clipboard: &mut dyn Clipboard,
        shell: &mut Shell<'_, M>,
        viewport: &Rectangle,
    ) -> bool {
        let step = match key.as_ref() {
            Key::Named(Named::Enter) if self.enters.is_some() => {
                self.enters.clone().into_iter().for_each(|message| shell.publish(message));
                return true;
            }
            Key::Named(Named::Enter | Named::Space) if self.enters.is_none() => {
                let at = mouse::Cursor::Available(layout.bounds().center());
                let left = mouse::Button::Left;
                for event in [mouse::Event::ButtonPressed(left), mouse::Event::ButtonReleased(left)] {
                    // Each with a shell of its own: the second is no news where the first was taken.
                    let mut said = Vec::new();
                    let mut own = Shell::new(&mut said);
                    let content = self.content.as_widget_mut();
                    let child = &mut tree.children[0];
                    content.update(child, &Event::Mouse(event), layout, at, renderer, clipboard, &mut own, viewport);
                    shell.merge(own, |message| message);
                }
                shell.request_redraw();
                return true;
            }
            Key::Named(Named::ArrowUp) => &self.steps[0],
            Key::Named(Named::ArrowDown) => &self.steps[1],
            Key::Named(_) | Key::Character(_) | Key::Unidentified => return false,
        };
        let (step, is_choice) = (step.clone(), self.steps.iter().any(Option::is_some));
        if let Some(message) = step {
            self.close(tree, layout, renderer, clipboard, shell, viewport);
            shell.publish(message);
        }
        // At an end the arrow means nothing else either.
        is_choice
    }
}

impl<M: Clone> Widget<M, Theme, Renderer> for Stop<'_, M> {
    fn tag(&self) -> tree::Tag {
        tree::Tag::of::<Focus>()
    }

    fn state(&self) -> tree::State {
        tree::State::new(Focus::default())
    }

    left_to_content!();

    fn operate(&mut self, tree: &mut Tree, layout: Layout<'_>, renderer: &Renderer, operation: &mut dyn Operation) {
        let focus = tree.state.downcast_mut::<Focus>();
        if self.enabled {
            operation.focusable(None, layout.bounds(), focus);
        } else {
            focus.unfocus();
        }
        self.content.as_widget_mut().operate(&mut tree.children[0], layout, renderer, operation);
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
        if let Event::Keyboard(keyboard::Event::KeyPressed { key: Key::Named(Named::Escape), .. }) = event
            && self.close(tree, layout, renderer, clipboard, shell, viewport)
        {
            shell.capture_event();
            return;
        }
        let focus = tree.state.downcast_mut::<Focus>();
        match event {
            Event::Keyboard(keyboard::Event::KeyPressed { key, modifiers, .. }) if focus.has && self.enabled => {
                if *key == Key::Named(Named::Escape) {
                    focus.unfocus();
                    shell.request_redraw();
                }
                let is_plain = !modifiers.control() && !modifiers.alt() && !modifiers.logo();
                if is_plain && self.key(tree, key, layout, renderer, clipboard, shell, viewport) {
                    shell.capture_event();
                    return;
                }
            }
            // Who takes the mouse is done with the keys.
            Event::Mouse(mouse::Event::ButtonPressed(_)) if focus.has => {
                focus.unfocus();
                shell.request_redraw();
            }
            Event::Keyboard(_) | Event::Mouse(_) | Event::Window(_) | Event::Touch(_) | Event::InputMethod(_) => {}
        }
        let content = self.content.as_widget_mut();
        content.update(&mut tree.children[0], event, layout, cursor, renderer, clipboard, shell, viewport);
    }

    fn draw(
        &self,
        tree: &Tree,
        renderer: &mut Renderer,
        theme: &Theme,
        style: &Style,
        layout: Layout<'_>,
        cursor: mouse::Cursor,
        viewport: &Rectangle,
    ) {
        // The software renderer cuts no words off whose room is within the layer: those of a
        // list that stands half in a scrolled panel would be written beneath it.
        let wider = viewport.expand(1.0);
        self.content.as_widget().draw(&tree.children[0], renderer, theme, style, layout, cursor, &wider);
        if !self.enabled || !tree.state.downcast_ref::<Focus>().has {
            return;
        }
        let colours = Colours::of(theme);
        let color = if self.filled { colours.ink } else { colours.accent };
        let border = Border { color, width: FRAME, radius: 4.0.into() };
        // Words have no room of their own for it.
        let bounds = layout.bounds().expand(if self.enters.is_some() { 2.0 * FRAME } else { 0.0 });
        renderer.fill_quad(Quad { bounds, border, ..Quad::default() }, Color::TRANSPARENT);
    }
}

impl<'a, M: Clone + 'a> From<Stop<'a, M>> for Element<'a, M> {
    fn from(stop: Stop<'a, M>) -> Self {
        Self::new(stop)
    }
}
