//! Many small images and lines as one image: nodes and paths of a network, a
//! layer's filters, points of an embedding. The software renderer draws all that
//! overlaps each spot that has changed again: few images are cheap there,
//! hundreds of lines and small images are not.

use iced::widget::image::Handle;
use iced::{Color, Point, Rectangle, Size};

use crate::pixels::{ImagePlace, Pictures};

/// An image, and where it lies on the canvas.
pub(crate) type Placed = (Rectangle, Handle);

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
        let all = rectangles.iter().copied().reduce(|all, next| all.union(&next))?;
        Some(Self::over(all.expand(room)))
    }

    /// The same within an area: what would lie beyond it is cut off.
    pub(crate) fn about_within(rectangles: &[Rectangle], room: f32, area: Rectangle) -> Option<Self> {
        let all = rectangles.iter().copied().reduce(|all, next| all.union(&next))?.expand(room);
        Some(Self::over(all.intersection(&area)?))
    }

    fn over(all: Rectangle) -> Self {
        let corner = Point::new(all.x.floor(), all.y.floor());
        let size = Size::new((all.x + all.width).ceil() - corner.x, (all.y + all.height).ceil() - corner.y);
        let (width, height) = (size.width.max(1.0) as usize, size.height.max(1.0) as usize);
        let bounds = Rectangle { x: corner.x, y: corner.y, width: width as f32, height: height as f32 };
        Self { bounds, width, height, rgba: vec![0; width * height * 4] }
    }

    /// The pixels of a rectangle of the canvas that lie within: first and
    /// past the last, across and down.
    fn span(&self, at: Rectangle) -> [[usize; 2]; 2] {
        let inside =
            |from: f32, to: f32, most: usize| [from, to].map(|edge| (edge.round().max(0.0) as usize).min(most));
        let (x, y) = (at.x - self.bounds.x, at.y - self.bounds.y);
        [inside(x, x + at.width, self.width), inside(y, y + at.height, self.height)]
    }

    /// Draws a line with smooth edges. Across the direction that it takes most,
    /// each pixel gets the share of the line's width that lies in it.
    pub(crate) fn line(&mut self, line: &Line) {
        let [from, to] = [line.from, line.to].map(|end| [end.x - self.bounds.x, end.y - self.bounds.y]);
        let along = usize::from((to[1] - from[1]).abs() > (to[0] - from[0]).abs());
        let [from, to] = if from[along] <= to[along] { [from, to] } else { [to, from] };
        let length = to[along] - from[along];
        if length <= 0.0 {
            return;
        }
        let slope = (to[1 - along] - from[1 - along]) / length;
        let half = line.width / 2.0 * (1.0 + slope * slope).sqrt();
        let most = [self.width, self.height];
        let whole = |value: f32, most: usize| (value.max(0.0) as usize).min(most);
        let [red, green, blue, _] = line.color.into_rgba8();
        // From one pixel to the next along the line, and across it.
        let strides = if along == 0 { [1, self.width] } else { [self.width, 1] };
        for place in whole(from[along] + 0.5, most[along])..whole(to[along] + 0.5, most[along]) {
            let middle = from[1 - along] + slope * (place as f32 + 0.5 - from[along]);
            let (low, high) = (middle - half, middle + half);
            for across in whole(low, most[1 - along])..whole(high + 1.0, most[1 - along]) {
                let share = high.min(across as f32 + 1.0) - low.max(across as f32);
                if share > 0.0 {
                    let at = place * strides[0] + across * strides[1];
                    self.blend(at, [red, green, blue], (line.color.a * share.min(1.0) * 255.0 + 0.5) as u32);
                }
            }
        }
    }

    /// Puts a colour over a pixel; its share is of 255.
    fn blend(&mut self, at: usize, color: [u8; 3], share: u32) {
        let Some(pixel) = self.rgba.get_mut(at * 4..at * 4 + 4) else { return };
        let under = (u32::from(pixel[3]) * (255 - share) + 127) / 255;
        let alpha = share + under;
        if under == 0 {
            pixel[..3].copy_from_slice(&color);
        } else if pixel[..3] != color {
            // Most lines have the colour of those they cross.
            for (value, over) in pixel.iter_mut().zip(color) {
                *value = ((u32::from(over) * share + u32::from(*value) * under + alpha / 2) / alpha) as u8;
            }
        }
        pixel[3] = alpha as u8;
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
    pub(crate) fn put(&mut self, pictures: Option<&Pictures>, place: ImagePlace, at: Rectangle) -> bool {
        let size = [at.width, at.height].map(|side| side.round().max(1.0) as usize);
        let Some(pixels) = pictures.and_then(|pictures| pictures.pixels(place, size.map(|side| side as u32))) else {
            return false;
        };
        let left = (at.x - self.bounds.x).round();
        let top = (at.y - self.bounds.y).round();
        for row in 0..size[1] {
            let y = top + row as f32;
            if y < 0.0 || y as usize >= self.height {
                continue;
            }
            // What lies beyond an edge is cut off.
            let (y, cut, left) = (y as usize, (-left).max(0.0) as usize, left.max(0.0) as usize);
            let across = size[0].saturating_sub(cut).min(self.width.saturating_sub(left));
            let from = &pixels[(row * size[0] + cut.min(size[0])) * 4..][..across * 4];
            self.rgba[(y * self.width + left) * 4..][..across * 4].copy_from_slice(from);
        }
        true
    }

    /// What the renderer draws.
    pub(crate) fn into_handle(self) -> Placed {
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
    fn no_nodes_make_no_image() {
        assert!(Atlas::about(&[], 3.0).is_none());
    }

    fn drawn(from: Point, to: Point, width: f32) -> Atlas {
        let room = Rectangle { x: 10.0, y: 10.0, width: 12.0, height: 12.0 };
        let mut atlas = Atlas::about(&[room], 0.0).unwrap();
        atlas.line(&Line { from, to, width, color: Color::from_rgb8(200, 100, 0) });
        atlas
    }

    #[test]
    fn a_line_covers_as_much_as_it_is_wide_in_either_direction() {
        let [left, right] = [Point::new(12.0, 15.0), Point::new(20.0, 15.0)];
        for atlas in [drawn(left, right, 1.0), drawn(right, left, 1.0)] {
            // Half of it lies in either row of pixels.
            assert_eq!([pixel(&atlas, 5, 4), pixel(&atlas, 5, 5)], [[200, 100, 0, 128]; 2]);
            assert_eq!([pixel(&atlas, 5, 3), pixel(&atlas, 1, 5), pixel(&atlas, 10, 5)], [[0; 4]; 3]);
        }
        let upright = drawn(Point::new(15.5, 12.0), Point::new(15.5, 20.0), 3.0);
        assert_eq!([4, 5, 6].map(|x| pixel(&upright, x, 5)[3]), [255; 3]);
        assert_eq!([3, 7].map(|x| pixel(&upright, x, 5)[3]), [0; 2]);
        // What a slanted line covers is its length times its width.
        let slanted = drawn(Point::new(11.0, 12.0), Point::new(21.0, 19.5), 1.5);
        let covered: f32 = slanted.rgba.chunks(4).map(|pixel| f32::from(pixel[3]) / 255.0).sum();
        assert!((covered - 12.5 * 1.5).abs() < 0.3, "{covered}");
    }

    #[test]
    fn lines_end_at_the_edge_and_lie_over_one_another() {
        let mut atlas = drawn(Point::new(-50.0, 15.5), Point::new(90.0, 15.5), 1.0);
        assert_eq!([0, 11].map(|x| pixel(&atlas, x, 5)), [[200, 100, 0, 255]; 2]);
        let color = Color { a: 0.5, ..Color::from_rgb8(0, 100, 200) };
        atlas.line(&Line { from: Point::new(10.0, 15.5), to: Point::new(22.0, 15.5), width: 1.0, color });
        assert_eq!(pixel(&atlas, 5, 5), [100, 100, 100, 255]);
    }
}
