//! How wide a line of small text is, and as much of it as fits.

use std::cell::RefCell;
use std::collections::HashMap;

use iced::advanced::graphics::text::Paragraph;
use iced::advanced::text::{self, Paragraph as _};
use iced::{Pixels, Size, alignment};
use revacnn_notebook::scene;

use crate::theme::{FONT, SMALL};

/// Texts whose width is remembered; shaping takes longer than all else of a
/// label.
const MOST_KEPT: usize = 4_096;

thread_local! {
    static WIDTHS: RefCell<HashMap<String, f32>> = RefCell::new(HashMap::new());
}

/// How wide a line of small text is drawn, in logical pixels: finite, in any
/// script and direction.
pub(crate) fn width(text: &str) -> f32 {
    WIDTHS.with_borrow_mut(|widths| {
        if let Some(width) = widths.get(text) {
            return *width;
        }
        if widths.len() >= MOST_KEPT {
            widths.clear();
        }
        let width = measured(text);
        widths.insert(text.to_owned(), width);
        width
    })
}

fn measured(content: &str) -> f32 {
    let laid_out = Paragraph::with_text(text::Text {
        content,
        bounds: Size::INFINITE,
        size: Pixels(SMALL),
        line_height: text::LineHeight::default(),
        font: FONT,
        align_x: text::Alignment::Default,
        align_y: alignment::Vertical::Top,
        shaping: text::Shaping::default(),
        wrapping: text::Wrapping::None,
    });
    let width = laid_out.min_bounds().width;
    if width.is_finite() { width } else { SMALL * content.chars().count() as f32 }
}

/// As much of a text as fits, with `…` where it is cut.
pub(crate) fn fitted(text: &str, room: f32) -> String {
    scene::fitted(text, room, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready() {
        let _ = crate::headless::renderer().unwrap();
    }

    #[test]
    fn every_script_has_a_finite_width_that_grows_with_the_text() {
        ready();
        for word in ["disc", "قرص دائري", "עיגול", "円盤", "диск", "👩‍👩‍👧 🟢", "mixed قرص text", "e\u{301}"]
        {
            let (once, twice) = (width(word), width(&format!("{word} {word}")));
            assert!(once.is_finite() && once > 0.0, "{word}: {once}");
            assert!(twice.is_finite() && twice > once, "{word}: {once}, {twice}");
        }
        assert_eq!(width(""), 0.0);
    }

    #[test]
    fn what_does_not_fit_is_cut_to_its_room() {
        ready();
        assert_eq!(fitted("conv1", 100.0), "conv1");
        for word in ["a rather long name", "قرص دائري كبير جدا", "עיגול גדול מאוד", "👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧"]
        {
            let cut = fitted(word, 40.0);
            assert!(width(&cut) <= 40.0 && cut.ends_with('…') && cut.chars().count() > 1, "{word}: {cut}");
        }
        assert_eq!(fitted("conv1", 0.0), "…");
    }
}
