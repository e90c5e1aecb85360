//! Colours, sizes and the font: one neutral ramp, one accent, a colour for
//! each branch.

use iced::theme::Palette;
use iced::{Color, Font, Theme, color};
use revacnn_schemas::Hue;

/// The font of the window; its licence lies beside it.
pub(crate) const FONT_BYTES: &[u8] = include_bytes!("../../notebook/fonts/Inter-Regular.ttf");
/// Its name.
pub(crate) const FONT: Font = Font::with_name("Inter");

/// Small text: labels and numbers.
pub(crate) const SMALL: f32 = 12.0;
/// Text of controls.
pub(crate) const NORMAL: f32 = 14.0;
/// Headings of empty screens.
pub(crate) const LARGE: f32 = 18.0;

/// The colours of one theme.
#[derive(Debug)]
pub(crate) struct Look {
    /// Behind the figures.
    pub(crate) paper: Color,
    /// Behind tree, inspector and timeline.
    pub(crate) panel: Color,
    /// Under what is selected or pointed at.
    pub(crate) raised: Color,
    /// Separators and axes.
    pub(crate) line: Color,
    /// Text that can wait.
    pub(crate) faint: Color,
    /// Text.
    pub(crate) ink: Color,
    /// Selection, cursor, focus.
    pub(crate) accent: Color,
    /// What went wrong.
    pub(crate) alarm: Color,
    branches: [Color; 7],
}

/// Okabe and Ito's set, whose black and yellow are left out or darkened where
/// they vanish on the paper.
static LIGHT: Look = Look {
    paper: color!(0xffffff),
    panel: color!(0xf6f7f8),
    raised: color!(0xe6e9ec),
    line: color!(0xd5d9dd),
    faint: color!(0x626a73),
    ink: color!(0x1b1f24),
    accent: color!(0x3457d5),
    alarm: color!(0xb3261e),
    branches: [
        color!(0x0072b2),
        color!(0xd55e00),
        color!(0x009e73),
        color!(0xcc79a7),
        color!(0xb98600),
        color!(0x56b4e9),
        color!(0x8a8178),
    ],
};

static DARK: Look = Look {
    paper: color!(0x14171a),
    panel: color!(0x1b1f23),
    raised: color!(0x2b3138),
    line: color!(0x353c44),
    faint: color!(0x98a1ab),
    ink: color!(0xe8ebee),
    accent: color!(0x8aa4ff),
    alarm: color!(0xff8a80),
    branches: [
        color!(0x56b4e9),
        color!(0xe69f00),
        color!(0x2fbf93),
        color!(0xd98cb6),
        color!(0xf0e442),
        color!(0xe8763a),
        color!(0xb5aca2),
    ],
};

impl Look {
    /// The colours of a theme.
    pub(crate) fn of(theme: &Theme) -> &'static Self {
        if theme.extended_palette().is_dark { &DARK } else { &LIGHT }
    }

    /// A branch's colour; the set repeats where there are more branches.
    pub(crate) fn branch(&self, hue: Hue) -> Color {
        self.branches[usize::from(hue.0) % self.branches.len()]
    }
}

/// The light or the dark theme.
pub(crate) fn theme(dark: bool) -> Theme {
    let look = if dark { &DARK } else { &LIGHT };
    let palette = Palette {
        background: look.paper,
        text: look.ink,
        primary: look.accent,
        success: look.branches[2],
        warning: look.branches[1],
        danger: look.alarm,
    };
    Theme::custom(if dark { "dark" } else { "light" }, palette)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(color: Color) -> f32 {
        let [red, green, blue, _] = color.into_linear();
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(one: Color, other: Color) -> f32 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_can_be_read_on_every_ground_of_both_themes() {
        for look in [&LIGHT, &DARK] {
            for ground in [look.paper, look.panel, look.raised] {
                for text in [look.ink, look.faint, look.accent, look.alarm] {
                    assert!(contrast(text, ground) >= 4.4, "{text:?} on {ground:?}: {}", contrast(text, ground));
                }
            }
        }
    }

    #[test]
    fn a_branch_keeps_its_colour_and_neighbours_differ() {
        let dark = theme(true);
        let look = Look::of(&dark);
        assert_eq!(look.branch(Hue(1)), look.branch(Hue(8)));
        assert_ne!(look.branch(Hue(0)), look.branch(Hue(1)));
    }
}
