//! How wide words are, and as much of them as fits.

use std::sync::LazyLock;

use ttf_parser::Face;
use unicode_width::UnicodeWidthChar;

use crate::look::FONT;

/// How wide a line of text of a size is drawn by who paints the scene.
pub type Measure = fn(&str, f32) -> f32;

/// How a scene's words look, and how wide who paints it draws them.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// The size of labels.
    pub text: f32,
    /// How wide words are.
    pub measure: Measure,
    /// Whether the figure stands alone: its axes, curves and marks are then named
    /// in it, and not by what is around it.
    pub standalone: bool,
}

impl Style {
    /// A figure in a file.
    pub const FILE: Self = Self { text: 10.0, measure: text_width, standalone: true };

    /// What lies at the left and the right end of a figure.
    pub(super) fn sides(self) -> f32 {
        if self.standalone { 16.0 } else { 12.0 }
    }

    /// How wide a label is.
    pub fn width(self, words: &str) -> f32 {
        (self.measure)(words, self.text)
    }

    /// As much of a label as fits.
    pub fn fitted(self, words: &str, room: f32) -> String {
        fitted(words, room, |words| self.width(words))
    }

    /// As much of a label as fits: of parts, `conv 3×3 · 7 groups`, whole ones where one fits.
    pub fn parted(self, words: &str, room: f32) -> String {
        if self.width(words) <= room {
            return words.to_owned();
        }
        let mut parts = words.rmatch_indices(" · ").map(|(end, _)| format!("{} …", &words[..end]));
        let whole = parts.find(|parts| self.width(parts) <= room);
        whole.unwrap_or_else(|| self.fitted(words, room))
    }

    /// As much of a layer's name as fits: its end, which tells it from others of its kind.
    pub fn numbered(self, name: &str, room: f32) -> String {
        if self.width(name) <= room {
            return name.to_owned();
        }
        let ends = name.char_indices().skip(1).map(|(at, _)| &name[at..]);
        let mut fitting = ends.map(|end| format!("…{end}")).filter(|end| self.width(end) <= room);
        let number = name.trim_start_matches(|letter: char| !letter.is_ascii_digit());
        match fitting.next() {
            Some(end) if end.len() > "…".len() + number.len().saturating_sub(1) => end,
            _ if !number.is_empty() => number.to_owned(),
            _ => self.fitted(name, room),
        }
    }

    /// As much of a label as fits: of an address, `main@1200`, the branch's name before the
    /// step, which other figures show, too.
    pub fn addressed(self, words: &str, room: f32) -> String {
        match words.rsplit_once('@') {
            Some((name, _)) if self.width(words) > room => self.fitted(name, room),
            Some(_) | None => self.fitted(words, room),
        }
    }
}

/// How wide a line of text of a size is, by the embedded font's advances: of other
/// scripts by the columns that they take.
pub fn text_width(words: &str, size: f32) -> f32 {
    static FACE: LazyLock<Option<Face<'static>>> = LazyLock::new(|| Face::parse(FONT, 0).ok());
    let em = FACE.as_ref().map_or(1.0, |face| f32::from(face.units_per_em()));
    let own = |letter: char| {
        let face = FACE.as_ref()?;
        face.glyph_hor_advance(face.glyph_index(letter)?).map(|advance| f32::from(advance) / em)
    };
    // An em is two columns.
    let other = |letter: char| letter.width().unwrap_or(0) as f32 / 2.0;
    size * words.chars().map(|letter| own(letter).unwrap_or_else(|| other(letter))).sum::<f32>()
}

/// As much of a text as fits, with `…` where it is cut.
pub fn fitted(text: &str, room: f32, width: impl Fn(&str) -> f32) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let cut = |end: usize| format!("{}…", text[..end].trim_end());
    // Wider with every letter, but for what joins others.
    let fits = ends.partition_point(|end| width(&cut(*end)) <= room);
    cut(fits.checked_sub(1).map_or(0, |last| ends[last]))
}

/// A text in lines that fit, broken between words.
pub fn wrapped(text: &str, room: f32, width: impl Fn(&str) -> f32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let joined = lines.last().map(|line| format!("{line} {word}")).filter(|joined| width(joined) <= room);
        match (joined, lines.last_mut()) {
            (Some(joined), Some(line)) => *line = joined,
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_other_scripts_have_a_width() {
        let wide = |text: &str| text_width(text, 10.0);
        assert_eq!(wide("猫猫猫猫"), 40.0);
        assert!(wide("猫 cat") > wide(" cat") + 9.0 && wide("cat") < 30.0 && wide("cat") > 10.0);
        assert_eq!(wide(""), 0.0);
    }

    #[test]
    fn of_an_address_the_branchs_name_comes_before_the_step() {
        let style = Style { measure: |text, size| size * text.chars().count() as f32, ..Style::FILE };
        let of = |room: f32| style.addressed("wider-12@1200", 10.0 * room);
        assert_eq!([of(13.0), of(12.0), of(8.0), of(6.0)], ["wider-12@1200", "wider-12", "wider-12", "wider…"]);
        assert_eq!(style.addressed("6 of 30 branches", 80.0), "6 of 30…");
    }

    #[test]
    fn of_parts_whole_ones_are_kept() {
        let style = Style { measure: |text, size| size * text.chars().count() as f32, ..Style::FILE };
        let of = |room: f32| style.parted("conv 3×3 · 7 groups · relu", 10.0 * room);
        assert_eq!(
            [of(26.0), of(25.0), of(20.0), of(10.0), of(9.0)],
            ["conv 3×3 · 7 groups · relu", "conv 3×3 · 7 groups …", "conv 3×3 …", "conv 3×3 …", "conv 3×3…"]
        );
    }

    #[test]
    fn of_a_layers_name_the_number_is_kept() {
        let style = Style { measure: |text, size| size * text.chars().count() as f32, ..Style::FILE };
        let of = |name, room: f32| style.numbered(name, 10.0 * room);
        assert_eq!(
            [of("conv12", 6.0), of("conv12", 5.0), of("conv12", 3.0), of("conv12", 2.0), of("conv12", 1.0)],
            ["conv12", "…nv12", "…12", "12", "12"]
        );
        assert_eq!([of("softmax", 5.0), of("softmax", 1.0)], ["…tmax", "…"]);
    }

    #[test]
    fn what_does_not_fit_is_cut_and_lines_break_between_words() {
        let ten = |text: &str| 10.0 * text.chars().count() as f32;
        assert_eq!(fitted("conv1", 50.0, ten), "conv1");
        assert_eq!(fitted("a rather long name", 60.0, ten), "a rat…");
        assert_eq!(fitted("conv1", 0.0, ten), "…");
        assert_eq!(wrapped("one two  three", 70.0, ten), ["one two", "three"]);
    }
}
