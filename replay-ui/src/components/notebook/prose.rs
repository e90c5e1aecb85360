//! Prose as pieces: headings, paragraphs, lists, quotes and code, one each.

use iced::advanced::text::{Paragraph as _, Shaping, Wrapping};
use iced::font::{Style, Weight};
use iced::widget::{Column, column, container, rich_text, row, span, text};
use iced::{Color, Fill, Font, Padding, Point, Size};

use super::Message;
use super::clicked::{Clicked, Spots};
use super::markdown::{Part, Run};
use crate::components::pieces::{Piece, faint, ground, separator};
use crate::theme::{Colours, FONT, NORMAL, SMALL};

/// Letters of a line of prose, as wide as it is set.
pub(super) const MEASURE: f32 = 620.0;
/// The height of a line, in parts of that of its letters.
const LINE: f32 = 1.3;

impl Part {
    /// How large its letters are.
    fn size(&self) -> f32 {
        match self {
            Self::Heading(1, _) => 24.0,
            Self::Heading(2, _) => 19.0,
            Self::Heading(..) => 16.0,
            Self::Paragraph(_) | Self::Item(..) | Self::Quote(_) | Self::Code(..) | Self::Rule => NORMAL,
        }
    }

    /// Where in the text the letter is written that is seen at a point of the words, which were
    /// given so much room.
    pub(super) fn place_at(&self, at: Point, room: Size) -> Option<usize> {
        if let Self::Code(_, rows) = self {
            let row = (at.y / (SMALL * LINE)).max(0.0) as usize;
            return rows.get(row).or(rows.last()).copied();
        }
        let (runs, size) = (self.runs(), self.size());
        let spans = spans(runs, Color::BLACK);
        let set = <iced::Renderer as iced::advanced::text::Renderer>::Paragraph::with_spans(iced::advanced::Text {
            content: &spans[..],
            bounds: room,
            size: size.into(),
            line_height: text::LineHeight::default(),
            font: FONT,
            align_x: text::Alignment::Default,
            align_y: iced::alignment::Vertical::Top,
            shaping: Shaping::Advanced,
            wrapping: Wrapping::default(),
        });
        // It counts from the last end of a line before it.
        let hit = set.hit_test(at)?.cursor();
        let lines: Vec<usize> = std::iter::once(0).chain(ends(runs)).collect();
        let line = match (lines.len(), set.hit_span(at)) {
            (1, _) | (_, None) => lines.len() - 1,
            (_, Some(run)) => {
                let begins: usize = runs[..run].iter().map(|run| run.words.len()).sum();
                lines.iter().rposition(|line| *line <= begins).unwrap_or(0)
            }
        };
        place_of(runs, lines[line] + hit)
    }
}

/// Where lines end for good among the letters of runs.
fn ends(runs: &[Run]) -> impl Iterator<Item = usize> {
    let mut at = 0;
    let mut ends = Vec::new();
    for run in runs {
        ends.extend(run.words.match_indices('\n').map(|(end, _)| at + end + 1));
        at += run.words.len();
    }
    ends.into_iter()
}

/// Where the letter with so many bytes before it is written.
fn place_of(runs: &[Run], mut at: usize) -> Option<usize> {
    for run in runs {
        if at < run.words.len() {
            return Some((run.source.start + at).min(run.source.end));
        }
        at -= run.words.len();
    }
    runs.last().map(|run| run.source.end)
}

/// Prose as pieces. A double click types where it is: `spot` tells how.
pub(super) fn prose<'a>(parts: &'a [Part], link: Color, spot: impl Fn(usize) -> Spots<'a>) -> Piece<'a, Message> {
    let page: Column<'_, Message> = column![].spacing(8).width(MEASURE);
    parts.iter().enumerate().fold(page, |page, (place, part)| page.push(set(part, link, spot(place)))).into()
}

fn set<'a>(part: &'a Part, link: Color, spot: Spots<'a>) -> Piece<'a, Message> {
    let (runs, size) = (part.runs(), part.size());
    let types = move |at, room| Message::TypeAt(spot(at, room));
    match part {
        Part::Heading(level, _) => {
            let words = Clicked::of(rich(runs, size, link), types);
            container(words).padding(Padding::ZERO.top(if *level == 1 { 4 } else { 10 })).into()
        }
        Part::Paragraph(_) => Clicked::of(rich(runs, size, link), types).into(),
        Part::Item(depth, mark, _) => {
            let mark = container(faint(mark.as_str())).width(20.0);
            let words = Clicked::of(rich(runs, size, link), types);
            container(row![mark, words]).padding(Padding::ZERO.left(16.0 * *depth as f32)).into()
        }
        Part::Quote(_) => container(Clicked::of(rich(runs, size, link), types)).padding(Padding::ZERO.left(16)).into(),
        Part::Code(words, _) => {
            let line = text::LineHeight::Relative(LINE);
            let code = text(words.trim_end()).size(SMALL).font(Font::MONOSPACE).line_height(line);
            let code = Clicked::of(code, types);
            container(code).padding([6, 10]).style(|theme| ground(Colours::of(theme).panel)).into()
        }
        Part::Rule => separator(),
    }
}

fn spans(runs: &[Run], link: Color) -> Vec<text::Span<'_, String, Font>> {
    let of = |run: &'_ Run| {
        let plain = if run.code { Font::MONOSPACE } else { FONT };
        let weight = if run.bold { Weight::Bold } else { Weight::Normal };
        let style = if run.italic { Style::Italic } else { Style::Normal };
        let leads = run.link.is_some();
        let colour = leads.then_some(link);
        span(run.words.clone())
            .font(Font { weight, style, ..plain })
            .strikethrough(run.struck)
            .underline(leads)
            .link_maybe(run.link.clone())
            .color_maybe(colour)
    };
    runs.iter().map(of).collect()
}

fn rich<'a>(runs: &'a [Run], size: f32, link: Color) -> Piece<'a, Message> {
    rich_text(spans(runs, link)).size(size).width(Fill).on_link_click(Message::Copy).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::notebook::markdown::read;
    use revacnn_notebook::document::Document;

    #[test]
    fn what_is_pointed_at_is_found_in_the_text() {
        let text = "## Head\n\none *two* `three` four\n\n    let x\n    let y\n";
        let parts = read(text, Document::parse(text).blocks()).blocks.remove(0);
        let room = Size::new(MEASURE, f32::INFINITY);
        let place = |part: usize, x: f32, y: f32| parts[part].place_at(Point::new(x, y), room).unwrap();
        assert_eq!(place(0, 0.0, 8.0), text.find("Head").unwrap());
        assert_eq!(place(0, 600.0, 8.0), text.find("\n\none").unwrap());
        assert_eq!(place(1, 0.0, 8.0), text.find("one").unwrap());
        assert_eq!(place(1, 600.0, 8.0), text.find(" four").unwrap() + 5);
        // Somewhere in the middle of the words.
        let found = place(1, 60.0, 8.0);
        assert!((text.find("two").unwrap()..text.find("four").unwrap()).contains(&found), "{found}");
        assert_eq!(place(2, 0.0, 20.0), text.find("let y").unwrap());
    }
}
