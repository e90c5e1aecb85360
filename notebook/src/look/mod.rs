//! What figures look like, wherever they are drawn: colours, numbers, axes, the
//! font. A file and the window take it from here.

mod axis;
mod numbers;
mod palette;

pub use axis::{Tick, ends, extent, far, linear_ticks, logarithmic_ticks, ticks};
pub use numbers::{axis_number, in_words, number};
pub use palette::{Colours, DARK, LIGHT, Rgb, bar, colour, dash, ramp, told_apart, viridis};
pub use revacnn_schemas::count;

/// The font of all text: Inter, under the SIL Open Font License, which lies beside
/// it.
pub static FONT: &[u8] = include_bytes!("../../fonts/Inter-Regular.ttf");

/// What it is called.
pub const FONT_NAME: &str = "Inter";
