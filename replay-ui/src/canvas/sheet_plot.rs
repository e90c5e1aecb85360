//! A contact sheet: a press on an image that networks can look at shows it to them.

use std::cell::Ref;

use iced::widget::canvas::{self, Action, Event, Frame, Geometry};
use iced::{Rectangle, Renderer, Size, Theme, mouse};
use revacnn_notebook::scene::SheetLayout;
use revacnn_schemas::{ContactSheet, ImageIndex};

use super::geometry_cache::{Cache, Kept, Last, size_key};
use super::labels::under_way;
use super::outline;
use super::paint::{STYLE, paint, rectangle};
use crate::pixels::Pictures;
use crate::theme::Colours;

/// What the canvas remembers.
#[derive(Debug, Default)]
pub(crate) struct Over {
    picture: Option<usize>,
    layout: Kept<(Option<u64>, [u32; 2]), SheetLayout>,
    above: Last,
}

/// The sheet on the screen.
pub(crate) struct SheetPlot<'a, M> {
    pub(crate) sheet: &'a ContactSheet,
    /// Another number for every figure.
    pub(crate) number: Option<u64>,
    pub(crate) pictures: Option<&'a Pictures>,
    /// The training image that networks look at.
    pub(crate) looked_at: Option<ImageIndex>,
    /// Whether another figure is on its way.
    pub(crate) late: bool,
    pub(crate) cache: &'a Cache,
    /// What a press on a training image says.
    pub(crate) look: fn(ImageIndex) -> M,
}

/// How high a sheet is that is so wide.
pub(crate) fn height(sheet: &ContactSheet, seen: Size) -> f32 {
    SheetLayout::of(sheet, seen.width, STYLE).height.max(seen.height)
}

impl<M> SheetPlot<'_, M> {
    fn layout<'k>(&self, over: &'k Over, size: Size) -> Ref<'k, SheetLayout> {
        over.layout.of((self.number, size_key(size)), || SheetLayout::of(self.sheet, size.width, STYLE))
    }

    fn picture_at(&self, over: &Over, bounds: Rectangle, cursor: mouse::Cursor) -> Option<usize> {
        let at = cursor.position_in(bounds)?;
        self.layout(over, bounds.size()).picture_at(self.sheet, [at.x, at.y])
    }

    /// The training image that it is.
    fn image(&self, picture: usize) -> Option<ImageIndex> {
        self.sheet.pictures.get(picture)?.number
    }
}

impl<M> canvas::Program<M> for SheetPlot<'_, M> {
    type State = Over;

    fn update(&self, over: &mut Over, event: &Event, bounds: Rectangle, cursor: mouse::Cursor) -> Option<Action<M>> {
        match event {
            Event::Mouse(mouse::Event::CursorMoved { .. } | mouse::Event::CursorLeft) => {
                let now = self.picture_at(over, bounds, cursor).filter(|picture| self.image(*picture).is_some());
                (std::mem::replace(&mut over.picture, now) != now).then(Action::request_redraw)
            }
            Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) => {
                let image = self.image(self.picture_at(over, bounds, cursor)?)?;
                Some(Action::publish((self.look)(image)).and_capture())
            }
            Event::Keyboard(_) | Event::Mouse(_) | Event::Window(_) | Event::Touch(_) | Event::InputMethod(_) => None,
        }
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
        let drawn = self.cache.draw(renderer, bounds.size(), |frame: &mut Frame<Renderer>| {
            let scene = self.layout(over, bounds.size()).scene(self.sheet, STYLE);
            paint(frame, &scene, self.pictures, colours);
        });
        let layout = self.layout(over, bounds.size());
        let mut above = Frame::new(renderer, bounds.size());
        if self.late {
            under_way(&mut above, colours);
        }
        let looked_at = self
            .looked_at
            .and_then(|image| self.sheet.pictures.iter().position(|picture| picture.number == Some(image)));
        for (picture, stroke) in [(looked_at, 3.0), (over.picture, 1.5)] {
            let Some(at) = picture.and_then(|picture| layout.place(picture)) else { continue };
            outline(&mut above, rectangle(at), stroke, colours);
        }
        vec![drawn, over.above.above(above)]
    }

    fn mouse_interaction(&self, over: &Over, bounds: Rectangle, cursor: mouse::Cursor) -> mouse::Interaction {
        match self.picture_at(over, bounds, cursor).and_then(|picture| self.image(picture)) {
            Some(_) => mouse::Interaction::Pointer,
            None => mouse::Interaction::default(),
        }
    }
}
