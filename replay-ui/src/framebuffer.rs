//! The pixels of a window without a display, drawn anew where they have
//! changed.

use iced::advanced::graphics::{Viewport, damage};
use iced::{Color, Rectangle, Size};
use iced_tiny_skia::Layer;

/// The pixels of the window, and what they show: what `present` of iced's
/// software renderer keeps for a display.
pub(crate) struct Framebuffer {
    pixels: tiny_skia::Pixmap,
    mask: tiny_skia::Mask,
    shown: Option<(Vec<Layer>, Color)>,
}

impl Framebuffer {
    /// Framebuffer of a width and height on which nothing is drawn yet; `None` where
    /// there is no such paper.
    pub(crate) fn new([width, height]: [u32; 2]) -> Option<Self> {
        let (pixels, mask) = (tiny_skia::Pixmap::new(width, height)?, tiny_skia::Mask::new(width, height)?);
        Some(Self { pixels, mask, shown: None })
    }

    /// Draws what differs from what is shown.
    pub(crate) fn draw(&mut self, renderer: &mut iced::Renderer, background: Color) {
        let (width, height) = (self.pixels.width(), self.pixels.height());
        let whole = Rectangle::with_size(Size::new(width as f32, height as f32));
        let changed = match &self.shown {
            Some((shown, ground)) if *ground == background => {
                damage::diff(shown, renderer.layers(), |layer| vec![layer.bounds], Layer::damage)
            }
            _ => vec![whole],
        };
        if changed.is_empty() {
            return;
        }
        let changed = damage::group(changed, whole);
        self.shown = Some((renderer.layers().to_vec(), background));
        let viewport = Viewport::with_physical_size(Size::new(width, height), 1.0);
        renderer.draw(&mut self.pixels.as_mut(), &mut self.mask, &viewport, &changed, background);
    }

    /// The pixels, row by row: blue, green, red and how opaque.
    #[cfg(test)]
    pub(crate) fn pixels(&self) -> &[[u8; 4]] {
        self.pixels.data().as_chunks().0
    }
}
