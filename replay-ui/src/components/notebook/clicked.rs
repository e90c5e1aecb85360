//! Words that tell where in them somebody clicks twice.

use std::slice;

use iced::advanced::layout::{self, Layout};
use iced::advanced::renderer::Style;
use iced::advanced::text::{self, Paragraph as _, Text};
use iced::advanced::widget::operation::Operation;
use iced::advanced::widget::{Tree, tree};
use iced::advanced::{Clipboard, Shell, Widget, mouse, overlay};
use iced::{Element, Event, Length, Point, Rectangle, Renderer, Size, Theme, Vector};

use super::typing::{Spot, SpotOf};
use super::{Message, fence::LINES};
use crate::components::pieces::Piece;
use crate::focus::left_to_content;
use crate::theme::SMALL;

/// Of a point of some words, and the room that they have, what was clicked.
pub(super) type Spots<'a> = Box<dyn Fn(Point, Size) -> Spot + 'a>;

/// Words about which a double click says something.
pub(super) struct Clicked<'a, M> {
    content: Element<'a, M>,
    /// Of a point in the words, and the room that they have.
    says: Box<dyn Fn(Point, Size) -> M + 'a>,
}

impl<'a, M> Clicked<'a, M> {
    pub(super) fn of(content: impl Into<Element<'a, M>>, says: impl Fn(Point, Size) -> M + 'a) -> Self {
        Self { content: content.into(), says: Box::new(says) }
    }
}

/// The click before.
#[derive(Debug, Default)]
struct Before(Option<mouse::Click>);

impl<M> Widget<M, Theme, Renderer> for Clicked<'_, M> {
    fn tag(&self) -> tree::Tag {
        tree::Tag::of::<Before>()
    }

    fn state(&self) -> tree::State {
        tree::State::new(Before::default())
    }

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
        let content = self.content.as_widget_mut();
        content.update(&mut tree.children[0], event, layout, cursor, renderer, clipboard, shell, viewport);
        let Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left)) = event else { return };
        let bounds = layout.bounds();
        let (false, Some(at)) = (shell.is_event_captured(), cursor.position_over(bounds)) else { return };
        let before = tree.state.downcast_mut::<Before>();
        let click = mouse::Click::new(at, mouse::Button::Left, before.0);
        let is_second = click.kind() == mouse::click::Kind::Double;
        before.0 = Some(click);
        if is_second {
            shell.publish((self.says)(Point::new(at.x - bounds.x, at.y - bounds.y), bounds.size()));
            shell.capture_event();
        }
    }
}

impl<'a, M: 'a> From<Clicked<'a, M>> for Element<'a, M> {
    fn from(clicked: Clicked<'a, M>) -> Self {
        Self::new(clicked)
    }
}

/// Words that are typed in where they are clicked twice.
pub(super) fn clicked<'a>(words: impl Into<Piece<'a, Message>>, of: SpotOf) -> Piece<'a, Message> {
    let spot = spots(of);
    Clicked::of(words, move |at, room| Message::TypeAt(spot(at, room))).into()
}

pub(super) fn spots<'a>(of: SpotOf) -> Spots<'a> {
    Box::new(move |at, room| Spot { of: of.clone(), at, room })
}

/// Before how many bytes of the rows of a fence, as they are set in a room, a point lies.
pub(super) fn place_in(rows: &str, at: Point, room: Size) -> usize {
    let set = |row: &str| {
        <iced::Renderer as text::Renderer>::Paragraph::with_text(Text {
            content: row,
            bounds: room,
            size: SMALL.into(),
            line_height: text::LineHeight::default(),
            font: LINES,
            align_x: text::Alignment::Default,
            align_y: iced::alignment::Vertical::Top,
            shaping: text::Shaping::default(),
            wrapping: text::Wrapping::default(),
        })
    };
    let (mut before, mut top) = (0, 0.0);
    for row in rows.split_inclusive('\n') {
        let words = row.trim_end_matches(['\n', '\r']);
        let set = set(words);
        let high = set.min_height();
        if at.y < top + high {
            let within = set.hit_test(Point::new(at.x, at.y - top)).map_or(0, |hit| hit.cursor());
            return before + within.min(words.len());
        }
        (before, top) = (before + row.len(), top + high);
    }
    rows.trim_end().len()
}
