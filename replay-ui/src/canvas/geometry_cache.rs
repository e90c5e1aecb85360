//! Drawings that are drawn anew where they have changed, and nowhere else.
//!
//! iced's software renderer draws again what lies within the bounds of what has
//! changed. It takes a canvas' label for endless, and one that is centred or
//! right-aligned for something right of and beneath its point; it takes a stroke
//! for as thin as its path; and it takes shapes that are drawn anew for others,
//! equal or not. It looks for labels that have changed where those of another canvas
//! lie, when the number of canvases is another one than before. Here every label gets
//! the rectangle that it is drawn in, shapes get bounds with room for their edges, and
//! they are handed over as the same where they and all labels are equal: a label that
//! has changed takes them with it, which are found where they are.

use std::cell::{Ref, RefCell};

use iced::advanced::graphics::Text;
use iced::advanced::graphics::cache::Cached;
use iced::advanced::text::Alignment;
use iced::alignment::Vertical;
use iced::widget::canvas::{Frame, Geometry};
use iced::{Pixels, Rectangle, Renderer, Size};
use iced_tiny_skia::{Primitive, geometry};

use super::text::width;
use crate::theme::SMALL;

/// What a canvas hands over.
type Drawing = Geometry<Renderer>;

/// What of it is kept.
type Sheet = geometry::Cache;

/// A drawing that is kept until it is cleared or has another size. When it
/// changes, all of its canvas is drawn anew.
#[derive(Debug, Default)]
pub(crate) struct Cache(RefCell<Option<Drawn>>);

#[derive(Debug)]
struct Drawn {
    size: Size,
    sheet: Sheet,
    /// It is to be drawn the next time.
    cleared: bool,
}

impl Cache {
    /// Draws anew the next time.
    pub(crate) fn clear(&self) {
        if let Some(drawn) = &mut *self.0.borrow_mut() {
            drawn.cleared = true;
        }
    }

    /// What was drawn, or what is drawn now.
    pub(crate) fn draw(&self, renderer: &Renderer, size: Size, draw: impl FnOnce(&mut Frame<Renderer>)) -> Drawing {
        let mut kept = self.0.borrow_mut();
        let before = kept.take().filter(|drawn| drawn.size == size);
        let sheet = match before {
            Some(drawn) if !drawn.cleared => drawn.sheet,
            before => {
                let mut frame = Frame::new(renderer, size);
                draw(&mut frame);
                sheet(frame, before.map(|drawn| drawn.sheet).as_ref(), Reach::Canvas)
            }
        };
        let drawing = Drawing::load(&sheet);
        *kept = Some(Drawn { size, sheet, cleared: false });
        drawing
    }
}

/// What is made anew when what it depends on, its key, is another one.
#[derive(Debug)]
pub(crate) struct Kept<K, T>(RefCell<Option<(K, T)>>);

impl<K, T> Default for Kept<K, T> {
    fn default() -> Self {
        Self(RefCell::new(None))
    }
}

impl<K: Eq, T> Kept<K, T> {
    /// What was made of this key, or what is made of it now.
    pub(crate) fn of(&self, key: K, make: impl FnOnce() -> T) -> Ref<'_, T> {
        if self.0.borrow().as_ref().is_none_or(|(before, _)| *before != key) {
            let made = make();
            *self.0.borrow_mut() = Some((key, made));
        }
        Ref::map(self.0.borrow(), |kept| {
            let (_, made) = kept.as_ref().expect("invariant: it has just been made");
            made
        })
    }
}

/// A size as part of a key: by its bits.
pub(crate) fn size_key(size: Size) -> [u32; 2] {
    [size.width.to_bits(), size.height.to_bits()]
}

/// What is drawn anew when its shapes change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// All of its canvas.
    Canvas,
    /// What its shapes and labels cover.
    Shapes,
}

/// What was last drawn on a canvas, of what is drawn with every frame.
#[derive(Debug, Default)]
pub(crate) struct Last(RefCell<Option<Sheet>>);

impl Last {
    /// What lies lowest on a canvas that keeps nothing else. All of the canvas
    /// is drawn anew when its shapes change, and when it comes to lie elsewhere.
    pub(crate) fn ground(&self, frame: Frame<Renderer>) -> Drawing {
        self.finish(frame, Reach::Canvas)
    }

    /// What lies above what is kept. Where its shapes and labels are and were is
    /// drawn anew when they change.
    pub(crate) fn above(&self, frame: Frame<Renderer>) -> Drawing {
        self.finish(frame, Reach::Shapes)
    }

    fn finish(&self, frame: Frame<Renderer>, reach: Reach) -> Drawing {
        let mut last = self.0.borrow_mut();
        let sheet = sheet(frame, last.take().as_ref(), reach);
        let drawing = Drawing::load(&sheet);
        *last = Some(sheet);
        drawing
    }
}

/// What was drawn in a frame: its labels with bounds, its shapes those from
/// before where they and the labels are equal.
fn sheet(frame: Frame<Renderer>, before: Option<&Sheet>, reach: Reach) -> Sheet {
    let mut sheet = match frame.into_geometry() {
        Drawing::Live { text, images, primitives, clip_bounds } => {
            let text = text.into_iter().map(bounded).collect();
            Sheet { text, images: images.into(), primitives: primitives.into(), clip_bounds }
        }
        Drawing::Cache(sheet) => sheet,
    };
    let is_equal = |before: &&Sheet| before.primitives == sheet.primitives && before.text == sheet.text;
    if let Some(before) = before.filter(is_equal) {
        sheet.primitives = before.primitives.clone();
    }
    if reach == Reach::Shapes {
        let labels = sheet.text.iter().filter_map(Text::visible_bounds);
        let drawn = sheet.primitives.iter().map(covered).chain(labels).reduce(|all, next| all.union(&next));
        sheet.clip_bounds = drawn.unwrap_or_default();
    }
    sheet
}

/// The pixels that a shape may cover: half of a stroke lies outside its path,
/// a mitred corner up to four times as far, and a smooth edge takes a pixel.
fn covered(shape: &Primitive) -> Rectangle {
    let edge = match shape {
        Primitive::Fill { .. } => 1.0,
        Primitive::Stroke { stroke, .. } => 2.0 * stroke.width + 1.0,
    };
    whole(shape.visible_bounds().expand(edge))
}

/// The whole pixels about a rectangle.
fn whole(at: Rectangle) -> Rectangle {
    let (x, y) = (at.x.floor(), at.y.floor());
    Rectangle { x, y, width: (at.x + at.width).ceil() - x, height: (at.y + at.height).ceil() - y }
}

/// The whole pixels in a rectangle.
fn within(at: Rectangle) -> Rectangle {
    let (x, y) = (at.x.ceil(), at.y.ceil());
    Rectangle { x, y, width: (at.x + at.width).floor() - x, height: (at.y + at.height).floor() - y }
}

/// A label in the rectangle that it is drawn in. A blank at either end and a
/// high line have room for what letters hang over.
fn bounded(label: Text) -> Text {
    let Text::Cached { content, bounds, color, size, line_height, font, align_x, align_y, shaping, .. } = label else {
        return label;
    };
    // Letters of other fonts may be higher than the line.
    let high = if content.is_ascii() { 2.0 } else { 3.0 } * size.0;
    let [wide, blank] = [content.as_str(), " "].map(|text| width(text) * size.0 / SMALL);
    let left = match align_x {
        Alignment::Center => bounds.x - wide / 2.0,
        Alignment::Right => bounds.x - wide,
        Alignment::Default | Alignment::Left | Alignment::Justified => bounds.x,
    };
    let middle = match align_y {
        Vertical::Top => bounds.y + line_height.0 / 2.0,
        Vertical::Center => bounds.y,
        Vertical::Bottom => bounds.y - line_height.0 / 2.0,
    };
    let bounds = Rectangle { x: left - blank, y: middle - high / 2.0, width: wide + 2.0 * blank + 1.0, height: high };
    Text::Cached {
        content: format!(" {content} "),
        bounds,
        color,
        size,
        line_height: Pixels(high),
        font,
        align_x: Alignment::Default,
        align_y: Vertical::Top,
        shaping,
        // A part of a pixel beside it would be wiped, and not drawn anew.
        clip_bounds: within(bounds),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::canvas::labels::{TextAlign, label};
    use iced::{Color, Point};

    fn labelled(content: &str, align: TextAlign) -> (String, Rectangle, Rectangle) {
        let renderer = crate::headless::renderer().unwrap();
        let mut frame = Frame::new(&renderer, Size::new(200.0, 100.0));
        label(&mut frame, content, Point::new(100.0, 50.0), Color::BLACK, align);
        let Drawing::Cache(sheet) = Last::default().ground(frame) else { panic!("it is kept") };
        let [Text::Cached { content, bounds, clip_bounds, .. }] = &sheet.text[..] else { panic!("a label") };
        (content.clone(), *bounds, *clip_bounds)
    }

    #[test]
    fn a_label_is_drawn_anew_where_it_lies() {
        let _ = crate::headless::renderer().unwrap();
        for word in ["conv1", "قرص", "עיגול", "👩‍👩‍👧"] {
            let wide = width(word);
            for (align, left) in
                [(TextAlign::Left, 100.0), (TextAlign::Middle, 100.0 - wide / 2.0), (TextAlign::Right, 100.0 - wide)]
            {
                let (content, bounds, clip) = labelled(word, align);
                assert_eq!(content.trim(), word);
                assert!(whole(clip) == clip && clip.is_within(&bounds), "{clip:?} in {bounds:?}");
                let right = bounds.x + bounds.width;
                assert!(clip.x < left - 2.0 && bounds.x > left - 6.0, "{word} {align:?} {bounds:?}");
                assert!(
                    clip.x + clip.width > left + wide + 2.0 && right < left + wide + 6.0,
                    "{word} {align:?} {bounds:?}"
                );
                assert!(clip.y < 40.0 && clip.y + clip.height > 60.0, "{word} {bounds:?}");
            }
        }
    }

    #[test]
    fn equal_shapes_are_handed_over_as_the_same_and_others_with_room_for_their_edges() {
        let renderer = crate::headless::renderer().unwrap();
        let last = Last::default();
        let shapes = |x: f32| {
            let mut frame = Frame::new(&renderer, Size::new(200.0, 100.0));
            frame.fill_rectangle(Point::new(x, 10.5), Size::new(5.0, 5.0), Color::BLACK);
            let Drawing::Cache(kept) = last.above(frame) else { panic!("it is kept") };
            (kept.primitives, kept.clip_bounds)
        };
        let (one, bounds) = shapes(1.0);
        assert_eq!(bounds, Rectangle { x: 0.0, y: 9.0, width: 7.0, height: 8.0 });
        let (same, _) = shapes(1.0);
        assert!(Arc::ptr_eq(&one, &same));
        let (other, _) = shapes(2.0);
        assert!(!Arc::ptr_eq(&one, &other) && Arc::ptr_eq(&other, &shapes(2.0).0));
    }

    #[test]
    fn a_label_that_changes_takes_the_shapes_with_it() {
        let renderer = crate::headless::renderer().unwrap();
        let last = Last::default();
        let drawn = |word: &str| {
            let mut frame = Frame::new(&renderer, Size::new(200.0, 100.0));
            frame.fill_rectangle(Point::new(1.0, 10.0), Size::new(5.0, 5.0), Color::BLACK);
            label(&mut frame, word, Point::new(100.0, 50.0), Color::BLACK, TextAlign::Left);
            let Drawing::Cache(kept) = last.above(frame) else { panic!("it is kept") };
            (kept.primitives, kept.clip_bounds)
        };
        let (one, bounds) = drawn("9 %");
        assert!(Arc::ptr_eq(&one, &drawn("9 %").0));
        let (other, wider) = drawn("47 %");
        assert!(!Arc::ptr_eq(&one, &other));
        // What is drawn anew covers the labels, too.
        assert!(
            bounds.x == 0.0 && bounds.x + bounds.width > 110.0 && wider.width > bounds.width,
            "{bounds:?} {wider:?}"
        );
    }

    #[test]
    fn what_is_kept_is_made_once_a_key() {
        let (kept, made) = (Kept::default(), std::cell::Cell::new(0));
        let of = |key: Option<u64>| {
            let make = || {
                made.set(made.get() + 1);
                made.get()
            };
            *kept.of((key, size_key(Size::new(0.5, 1.0))), make)
        };
        assert_eq!([None, None, Some(1), Some(2), Some(2), None].map(of), [1, 1, 2, 3, 3, 4]);
    }

    #[test]
    fn a_drawing_is_kept_until_it_is_cleared_or_has_another_size() {
        let renderer = crate::headless::renderer().unwrap();
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

    #[test]
    fn a_drawing_that_comes_out_equal_is_the_same() {
        let renderer = crate::headless::renderer().unwrap();
        let cache = Cache::default();
        let draw = |x: f32| {
            cache.clear();
            let at = Point::new(x, 1.0);
            let drawing = cache.draw(&renderer, Size::new(20.0, 10.0), |frame| {
                frame.fill_rectangle(at, Size::new(5.0, 5.0), Color::BLACK);
            });
            match drawing {
                Drawing::Cache(kept) => kept.primitives,
                Drawing::Live { .. } => panic!("it is kept"),
            }
        };
        let (one, same, other) = (draw(1.0), draw(1.0), draw(2.0));
        assert!(Arc::ptr_eq(&one, &same) && !Arc::ptr_eq(&one, &other));
    }
}
