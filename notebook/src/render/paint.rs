//! The colours of light paper, as plotters takes them.

use plotters::style::RGBColor;
use revacnn_schemas::Hue;

use crate::look::{LIGHT, Rgb};

/// Text and axes.
pub(super) static INK: RGBColor = rgb(LIGHT.ink);
/// Lines that recede.
pub(super) static FAINT: RGBColor = rgb(LIGHT.line);
/// Text that recedes.
pub(super) static QUIET: RGBColor = rgb(LIGHT.quiet);

pub(super) const fn rgb([red, green, blue]: Rgb) -> RGBColor {
    RGBColor(red, green, blue)
}

pub(super) fn branch(hue: Hue) -> RGBColor {
    rgb(LIGHT.branch(hue))
}
