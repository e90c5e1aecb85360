//! Drawings whose labels are as large as they look.
//!
//! iced's software renderer takes a canvas' label for endless: each one is
//! drawn again with whatever changes anywhere in the window, behind a mask as
//! large as the window, and makes the rest of the window be drawn again when it
//! changes. Here every label gets bounds before its drawing is handed over. And
//! it takes shapes that are drawn anew for others, equal or not: here equal ones
//! are handed over as the same.

use std::cell::{Ref, RefCell};
use std::sync::Arc;

use iced::advanced::graphics::Text;
use iced::advanced::graphics::cache::{Cached, Group};
use iced::advanced::text::Alignment;
use iced::alignment::Vertical;
use iced::widget::canvas::{Frame, Geometry};
use iced::{Rectangle, Renderer, Size};
use iced_tiny_skia::{Primitive, geometry};

/// What a canvas hands over.
type Drawing = Geometry<Renderer>;

/// A drawing that is kept until it is cleared or has another size.
#[derive(Debug, Default)]
pub(crate) struct Cache(RefCell<Option<(Size, <Drawing as Cached>::Cache)>>);

impl Cache {
    /// Draws anew the next time.
    pub(crate) fn clear(&self) {
        *self.0.borrow_mut() = None;
    }

    /// What was drawn, or what is drawn now.
    pub(crate) fn draw(&self, renderer: &Renderer, size: Size, draw: impl FnOnce(&mut Frame<Renderer>)) -> Drawing {
        if let Some((_, kept)) = self.0.borrow().as_ref().filter(|(other, _)| *other == size) {
            return Drawing::load(kept);
        }
        let mut frame = Frame::new(renderer, size);
        draw(&mut frame);
        let kept = bounded(frame).cache(Group::unique(), None);
        let drawing = Drawing::load(&kept);
        *self.0.borrow_mut() = Some((size, kept));
        drawing
    }
}

/// What is made anew when what it depends on is another text.
#[derive(Debug, Default)]
pub(crate) struct Kept<T>(RefCell<(String, T)>);

impl<T> Kept<T> {
    /// What was made of these dependencies, or what is made of them now.
    pub(crate) fn of(&self, depends: &str, make: impl FnOnce() -> T) -> Ref<'_, T> {
        if self.0.borrow().0 != depends {
            let made = make();
            *self.0.borrow_mut() = (depends.to_owned(), made);
        }
        Ref::map(self.0.borrow(), |(_, made)| made)
    }
}

/// What was last drawn anew on a canvas.
#[derive(Debug, Default)]
pub(crate) struct Last(RefCell<Option<Arc<[Primitive]>>>);

impl Last {
    /// What was drawn in a frame. While its shapes change, each is for itself;
    /// as long as they do not, they are the same as before.
    pub(crate) fn finish(&self, frame: Frame<Renderer>) -> Drawing {
        let drawing = bounded(frame);
        let Drawing::Live { text, images, primitives, clip_bounds } = drawing else { return drawing };
        let mut last = self.0.borrow_mut();
        match last.as_ref().filter(|before| before[..] == primitives[..]) {
            Some(before) => {
                let (text, images, primitives) = (text.into(), images.into(), before.clone());
                Drawing::Cache(geometry::Cache { text, images, primitives, clip_bounds })
            }
            None => {
                *last = Some(primitives.clone().into());
                Drawing::Live { text, images, primitives, clip_bounds }
            }
        }
    }
}

/// What was drawn in a frame, its labels with bounds.
fn bounded(frame: Frame<Renderer>) -> Drawing {
    let mut drawing = frame.into_geometry();
    if let Drawing::Live { text, .. } = &mut drawing {
        text.iter_mut().for_each(bound);
    }
    drawing
}

/// How wide a letter of the font is at most, as a share of its size.
fn breadth(letter: char) -> f32 {
    match letter {
        'a'..='l' | 'n'..='v' | 'x'..='z' | '0'..='9' | ' ' | '.' | ',' | '/' | '-' => 0.68,
        _ => 1.0,
    }
}

/// Bounds that no label outgrows.
fn bound(label: &mut Text) {
    let Text::Cached { content, bounds, size, line_height, align_x, align_y, clip_bounds, .. } = label else {
        return;
    };
    let width = size.0 * (content.chars().map(breadth).sum::<f32>() + 0.5);
    let height = line_height.0 * content.lines().count().max(1) as f32 * 1.5;
    let x = match align_x {
        Alignment::Center => bounds.x - width / 2.0,
        Alignment::Right => bounds.x - width,
        Alignment::Default | Alignment::Left | Alignment::Justified => bounds.x - size.0 / 4.0,
    };
    let y = match align_y {
        Vertical::Top => bounds.y,
        Vertical::Center => bounds.y - height / 2.0,
        Vertical::Bottom => bounds.y - height,
    };
    *clip_bounds = Rectangle { x: x.floor(), y: y.floor(), width: width.ceil(), height: height.ceil() };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canvas::draw::{Align, label};
    use iced::{Color, Point};

    fn bounds(align: Align) -> Rectangle {
        let renderer = crate::interface::renderer().unwrap();
        let mut frame = Frame::new(&renderer, Size::new(200.0, 100.0));
        label(&mut frame, "conv1", Point::new(100.0, 50.0), Color::BLACK, align);
        let Drawing::Live { text, .. } = bounded(frame) else { panic!("nothing is kept here") };
        let [Text::Cached { clip_bounds, .. }] = &text[..] else { panic!("a label") };
        *clip_bounds
    }

    #[test]
    fn a_label_has_bounds_about_its_point() {
        for (align, left, right) in
            [(Align::Left, 97.0, 144.0), (Align::Middle, 76.0, 123.0), (Align::Right, 53.0, 100.0)]
        {
            let found = bounds(align);
            assert_eq!((found.x, found.x + found.width), (left, right), "{align:?}");
            assert!(found.y < 42.0 && found.y + found.height > 58.0 && found.height < 32.0, "{found:?}");
        }
    }

    #[test]
    fn equal_shapes_are_handed_over_as_the_same() {
        let renderer = crate::interface::renderer().unwrap();
        let last = Last::default();
        let shapes = |x: f32| {
            let mut frame = Frame::new(&renderer, Size::new(200.0, 100.0));
            frame.fill_rectangle(Point::new(x, 0.0), Size::new(5.0, 5.0), Color::BLACK);
            match last.finish(frame) {
                Drawing::Cache(kept) => Some(kept.primitives),
                Drawing::Live { .. } => None,
            }
        };
        assert!(shapes(1.0).is_none());
        let (one, other) = (shapes(1.0).unwrap(), shapes(1.0).unwrap());
        assert!(Arc::ptr_eq(&one, &other));
        assert!(shapes(2.0).is_none() && shapes(2.0).is_some());
    }

    #[test]
    fn what_is_kept_is_made_once_a_dependency() {
        let (kept, made) = (Kept::default(), std::cell::Cell::new(0));
        let of = |depends: &str| {
            let make = || {
                made.set(made.get() + 1);
                made.get()
            };
            *kept.of(depends, make)
        };
        assert_eq!(["a", "a", "b", "a"].map(of), [1, 1, 2, 3]);
    }

    #[test]
    fn a_drawing_is_kept_until_it_is_cleared_or_has_another_size() {
        let renderer = crate::interface::renderer().unwrap();
        let (cache, drawn) = (Cache::default(), std::cell::Cell::new(0));
        let draw = |size| drop(cache.draw(&renderer, size, |_| drawn.set(drawn.get() + 1)));
        let (small, large) = (Size::new(20.0, 10.0), Size::new(30.0, 10.0));
        let counts = [small, small, large].map(|size| {
            draw(size);
            drawn.get()
        });
        assert_eq!(counts, [1, 1, 2]);
        cache.clear();
        draw(large);
        assert_eq!(drawn.get(), 3);
    }
}
