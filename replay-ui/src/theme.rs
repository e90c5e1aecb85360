//! Colours, sizes and the font: one neutral ramp, one accent, a colour for
//! each branch.

use iced::theme::Palette;
use iced::{Color, Font, Theme, color};
use revacnn_notebook::look::{self, Rgb};
use revacnn_notebook::scene;
use revacnn_schemas::Hue;

/// The font of the window: that of figures in files.
pub(crate) static FONT_BYTES: &[u8] = look::FONT;
/// Its name.
pub(crate) const FONT: Font = Font::with_name(look::FONT_NAME);

/// Small text: labels and numbers.
pub(crate) const SMALL: f32 = 12.0;
/// Text of controls.
pub(crate) const NORMAL: f32 = 14.0;
/// Headings of empty screens.
pub(crate) const LARGE: f32 = 18.0;

/// How long a piece of a branch's line is beside its name.
pub(crate) const SWATCH: f32 = 16.0;

/// The colours of one theme.
#[derive(Debug)]
pub(crate) struct Colours {
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
    /// What figures in files look like on such paper.
    figures: &'static look::Colours,
}

const fn of([red, green, blue]: Rgb) -> Color {
    Color::from_rgb8(red, green, blue)
}

static LIGHT: Colours = Colours {
    paper: of(look::LIGHT.paper),
    panel: color!(0xf6f7f8),
    raised: color!(0xe6e9ec),
    line: of(look::LIGHT.line),
    faint: of(look::LIGHT.quiet),
    ink: of(look::LIGHT.ink),
    accent: of(look::LIGHT.accent),
    alarm: color!(0xb3261e),
    figures: &look::LIGHT,
};

static DARK: Colours = Colours {
    paper: of(look::DARK.paper),
    panel: color!(0x1b1f23),
    raised: color!(0x2b3138),
    line: of(look::DARK.line),
    faint: of(look::DARK.quiet),
    ink: of(look::DARK.ink),
    accent: of(look::DARK.accent),
    alarm: color!(0xff8a80),
    figures: &look::DARK,
};

impl Colours {
    /// The colours of the dark theme, or of the light one.
    pub(crate) fn on(dark: bool) -> &'static Self {
        if dark { &DARK } else { &LIGHT }
    }

    /// The colours of a theme.
    pub(crate) fn of(theme: &Theme) -> &'static Self {
        if theme.extended_palette().is_dark { &DARK } else { &LIGHT }
    }

    /// A branch's colour: on light paper that of saved figures, on dark paper
    /// one of the same kind. Where there are more branches than colours, their
    /// [dashes](Self::dash) differ.
    pub(crate) fn branch(&self, hue: Hue) -> Color {
        of(self.figures.branch(hue))
    }

    /// A branch's colour as that of words: nearer to the ink, as letters are
    /// thinner than marks.
    pub(crate) fn words(&self, hue: Hue) -> Color {
        of(self.figures.words(hue))
    }

    /// Strokes and gaps of a branch's lines, in logical pixels; none where they
    /// are whole.
    pub(crate) fn dash(hue: Hue) -> &'static [f32] {
        look::dash(hue)
    }

    /// The strokes of a piece of a branch's line: where each begins and ends.
    pub(crate) fn strokes(hue: Hue) -> Vec<[f32; 2]> {
        scene::strokes(hue, SWATCH)
    }
}

/// The light or the dark theme.
pub(crate) fn theme(dark: bool) -> Theme {
    let colours = Colours::on(dark);
    let palette = Palette {
        background: colours.paper,
        text: colours.ink,
        primary: colours.accent,
        success: colours.branch(Hue(2)),
        warning: colours.branch(Hue(1)),
        danger: colours.alarm,
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
        for colours in [&LIGHT, &DARK] {
            for ground in [colours.paper, colours.panel, colours.raised] {
                for text in [colours.ink, colours.faint, colours.accent, colours.alarm] {
                    assert!(contrast(text, ground) >= 4.4, "{text:?} on {ground:?}: {}", contrast(text, ground));
                }
            }
        }
    }

    /// How eyes that lack one kind of cone see a colour, by the matrices of
    /// Machado, Oliveira and Fernandes (2009): red, green, blue, linear.
    const EYES: [[[f32; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ];

    fn times<const N: usize>(matrix: [[f32; 3]; N], vector: [f32; 3]) -> [f32; N] {
        matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
    }

    /// A linear colour in Oklab (Ottosson, 2020), where equal distances look
    /// equally large.
    fn oklab(linear: [f32; 3]) -> [f32; 3] {
        let cones = times(
            [
                [0.41222147, 0.53633254, 0.05144599],
                [0.2119035, 0.6806995, 0.10739696],
                [0.08830246, 0.28171884, 0.6299787],
            ],
            linear.map(|value| value.clamp(0.0, 1.0)),
        );
        times(
            [
                [0.21045426, 0.7936178, -0.00407205],
                [1.9779985, -2.4285922, 0.4505937],
                [0.02590404, 0.78277177, -0.80867577],
            ],
            cones.map(f32::cbrt),
        )
    }

    #[test]
    fn all_eyes_tell_eight_branches_apart_in_both_themes() {
        for colours in [&LIGHT, &DARK] {
            for eye in EYES {
                let seen: Vec<[f32; 3]> = (0..8)
                    .map(|hue| {
                        let [red, green, blue, _] = colours.branch(Hue(hue)).into_linear();
                        oklab(times(eye, [red, green, blue]))
                    })
                    .collect();
                for (place, one) in seen.iter().enumerate() {
                    for other in &seen[..place] {
                        let apart = one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
                        assert!(apart > 0.07, "{place}: {one:?} and {other:?} are {apart} apart");
                    }
                }
            }
            assert!((0..8).all(|hue| contrast(colours.branch(Hue(hue)), colours.paper) > 2.0));
            assert!((0..8).all(|hue| contrast(colours.words(Hue(hue)), colours.paper) > 3.5));
        }
    }

    #[test]
    fn a_piece_of_a_line_shows_how_it_is_dashed() {
        assert_eq!(Colours::strokes(Hue(7)), [[0.0, SWATCH]]);
        assert_eq!(Colours::strokes(Hue(8)), [[0.0, 8.0], [12.0, SWATCH]]);
        let all: Vec<_> = [0, 8, 16, 24].map(|hue| Colours::strokes(Hue(hue))).to_vec();
        assert!((0..4).all(|place| all[..place].iter().all(|other| *other != all[place])));
    }

    #[test]
    fn a_branch_has_one_look_of_its_own_here_and_in_files() {
        let light = theme(false);
        let colours = Colours::of(&light);
        for hue in 0..32 {
            assert_eq!(colours.branch(Hue(hue)), of(super::look::LIGHT.branch(Hue(hue))));
            let same = |other: &u16| {
                colours.branch(Hue(*other)) == colours.branch(Hue(hue))
                    && Colours::dash(Hue(*other)) == Colours::dash(Hue(hue))
            };
            assert_eq!((0..32).filter(same).collect::<Vec<_>>(), [hue]);
        }
    }
}
