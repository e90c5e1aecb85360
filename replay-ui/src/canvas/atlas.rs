//! The nodes of a network as one image, and its paths as another. The software
//! renderer draws all that overlaps each spot that has changed again: few
//! images are cheap there, hundreds of lines and small images are not.

use iced::widget::image::Handle;
use iced::{Color, Point, Rectangle, Size};

use crate::pixels::{Pictures, Place};

/// An image that is put together on the processor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Atlas {
    /// Where it lies on the canvas; whole pixels.
    pub(crate) bounds: Rectangle,
    width: usize,
    height: usize,
    rgba: Vec<u8>,
}

impl Atlas {
    /// A transparent image about some rectangles, with room around them.
    pub(crate) fn about(rectangles: &[Rectangle], room: f32) -> Option<Self> {
        let all = rectangles.iter().copied().reduce(|all, next| all.union(&next))?.expand(room);
        let corner = Point::new(all.x.floor(), all.y.floor());
        let size = Size::new((all.x + all.width).ceil() - corner.x, (all.y + all.height).ceil() - corner.y);
        let (width, height) = (size.width.max(1.0) as usize, size.height.max(1.0) as usize);
        let bounds = Rectangle { x: corner.x, y: corner.y, width: width as f32, height: height as f32 };
        Some(Self { bounds, width, height, rgba: vec![0; width * height * 4] })
    }

    /// The pixels of a rectangle of the canvas that lie within: first and
    /// past the last, across and down.
    fn span(&self, at: Rectangle) -> [[usize; 2]; 2] {
        let inside =
            |from: f32, to: f32, most: usize| [from, to].map(|edge| (edge.round().max(0.0) as usize).min(most));
        let (x, y) = (at.x - self.bounds.x, at.y - self.bounds.y);
        [inside(x, x + at.width, self.width), inside(y, y + at.height, self.height)]
    }

    /// Fills a rectangle of the canvas.
    pub(crate) fn fill(&mut self, at: Rectangle, color: Color) {
        let pixel = color.into_rgba8();
        let [[left, right], [top, bottom]] = self.span(at);
        for y in top..bottom {
            for x in left..right {
                self.rgba[(y * self.width + x) * 4..][..4].copy_from_slice(&pixel);
            }
        }
    }

    /// Puts an image of a figure into a rectangle; returns whether there is
    /// one.
    pub(crate) fn put(&mut self, pictures: Option<&Pictures>, place: Place, at: Rectangle) -> bool {
        let size = [at.width, at.height].map(|side| side.round().max(1.0) as usize);
        let Some(pixels) = pictures.and_then(|pictures| pictures.pixels(place, size.map(|side| side as u32))) else {
            return false;
        };
        let left = (at.x - self.bounds.x).round();
        let top = (at.y - self.bounds.y).round();
        for row in 0..size[1] {
            let y = top + row as f32;
            if y < 0.0 || y as usize >= self.height || left < 0.0 {
                continue;
            }
            let (y, left) = (y as usize, left as usize);
            let across = size[0].min(self.width.saturating_sub(left));
            let from = &pixels[row * size[0] * 4..][..across * 4];
            self.rgba[(y * self.width + left) * 4..][..across * 4].copy_from_slice(from);
        }
        true
    }

    /// What the renderer draws.
    pub(crate) fn into_handle(self) -> (Rectangle, Handle) {
        (self.bounds, Handle::from_rgba(self.width as u32, self.height as u32, self.rgba))
    }
}

/// A straight path from one node to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Line {
    pub(crate) from: Point,
    pub(crate) to: Point,
    pub(crate) width: f32,
    pub(crate) color: Color,
}

/// Lines as one image of the canvas' size; `None` where there are none.
pub(crate) fn lines(lines: &[Line], size: Size) -> Option<Handle> {
    let (width, height) = (size.width.round() as u32, size.height.round() as u32);
    if lines.is_empty() {
        return None;
    }
    let mut pixels = tiny_skia::Pixmap::new(width, height)?;
    let mut paint = tiny_skia::Paint { anti_alias: true, ..tiny_skia::Paint::default() };
    for line in lines {
        let mut builder = tiny_skia::PathBuilder::new();
        builder.move_to(line.from.x, line.from.y);
        builder.line_to(line.to.x, line.to.y);
        let Some(path) = builder.finish() else { continue };
        let [red, green, blue, alpha] = line.color.into_rgba8();
        paint.set_color_rgba8(red, green, blue, alpha);
        let stroke = tiny_skia::Stroke { width: line.width, ..tiny_skia::Stroke::default() };
        pixels.stroke_path(&path, &paint, &stroke, tiny_skia::Transform::identity(), None);
    }
    let rgba: Vec<u8> = pixels
        .pixels()
        .iter()
        .flat_map(|pixel| {
            let pixel = pixel.demultiply();
            [pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()]
        })
        .collect();
    Some(Handle::from_rgba(width, height, rgba))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixel(atlas: &Atlas, x: usize, y: usize) -> [u8; 4] {
        atlas.rgba[(y * atlas.width + x) * 4..][..4].try_into().unwrap()
    }

    #[test]
    fn what_is_put_lies_where_it_belongs_and_the_rest_is_transparent() {
        let at = |x, y| Rectangle { x, y, width: 2.0, height: 2.0 };
        let mut atlas = Atlas::about(&[at(10.0, 20.0), at(14.0, 20.0)], 1.0).unwrap();
        assert_eq!((atlas.bounds.x, atlas.bounds.y, atlas.width, atlas.height), (9.0, 19.0, 8, 4));
        atlas.fill(at(14.0, 20.0), Color::from_rgb8(9, 8, 7));
        assert_eq!(pixel(&atlas, 5, 1), [9, 8, 7, 255]);
        assert_eq!(pixel(&atlas, 4, 1), [0; 4]);
        // What lies outside is cut off.
        atlas.fill(at(0.0, 0.0), Color::BLACK);
        atlas.fill(at(900.0, 0.0), Color::BLACK);
        assert_eq!(pixel(&atlas, 0, 0), [0; 4]);
        assert!(!atlas.put(None, (0, 0), at(10.0, 20.0)));
    }

    #[test]
    fn no_nodes_make_no_image_and_no_lines_neither() {
        assert!(Atlas::about(&[], 3.0).is_none());
        assert!(lines(&[], Size::new(10.0, 10.0)).is_none());
    }
}
