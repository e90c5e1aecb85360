//! Markdown as text: headings, paragraphs, lists, quotes and code, one piece each.

use iced::font::{Style, Weight};
use iced::widget::{Column, column, container, rich_text, row, span, text};
use iced::{Font, Padding};
use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use crate::components::pieces::{Piece, faint, ground};
use crate::theme::{Colours, FONT, NORMAL, SMALL};

/// Letters of a line of prose, as wide as it is set.
pub(super) const MEASURE: f32 = 620.0;

/// A run of letters of one kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Run {
    words: String,
    bold: bool,
    italic: bool,
    code: bool,
}

/// A paragraph, as it is set.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Heading(u8, Vec<Run>),
    Paragraph(Vec<Run>),
    /// Of a list, at a depth, behind a mark.
    Item(usize, String, Vec<Run>),
    Quote(Vec<Run>),
    Code(String),
    Rule,
}

/// Prose as pieces.
pub(super) fn prose<'a, M: 'a>(parts: &'a [Part]) -> Piece<'a, M> {
    let page: Column<'_, M> = parts.iter().fold(column![].spacing(8).width(MEASURE), |page, part| page.push(set(part)));
    page.into()
}

fn set<'a, M: 'a>(part: &'a Part) -> Piece<'a, M> {
    match part {
        Part::Heading(level, runs) => {
            let size = match level {
                1 => 24.0,
                2 => 19.0,
                _ => 16.0,
            };
            container(rich(runs, size)).padding(Padding::ZERO.top(if *level == 1 { 4 } else { 10 })).into()
        }
        Part::Paragraph(runs) => rich(runs, NORMAL),
        Part::Item(depth, mark, runs) => {
            let mark = container(faint(mark.as_str())).width(20.0);
            container(row![mark, rich(runs, NORMAL)]).padding(Padding::ZERO.left(16.0 * *depth as f32)).into()
        }
        Part::Quote(runs) => container(rich(runs, NORMAL)).padding(Padding::ZERO.left(16)).into(),
        Part::Code(words) => {
            let code = text(words.trim_end()).size(SMALL).font(Font::MONOSPACE);
            container(code).padding([6, 10]).style(|theme| ground(Colours::of(theme).panel)).into()
        }
        Part::Rule => crate::components::pieces::separator(),
    }
}

fn rich<'a, M: 'a>(runs: &'a [Run], size: f32) -> Piece<'a, M> {
    let spans: Vec<_> = runs
        .iter()
        .map(|run| {
            let plain = if run.code { Font::MONOSPACE } else { FONT };
            let weight = if run.bold { Weight::Bold } else { Weight::Normal };
            let style = if run.italic { Style::Italic } else { Style::Normal };
            span::<(), Font>(run.words.as_str()).font(Font { weight, style, ..plain })
        })
        .collect();
    rich_text(spans).size(size).into()
}

/// What Markdown says, paragraph by paragraph; HTML in it is text.
#[expect(clippy::wildcard_enum_match_arm, reason = "Markdown has more than is set here")]
pub(super) fn parts(markdown: &str) -> Vec<Part> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let (mut parts, mut runs, mut now) = (Vec::new(), Vec::<Run>::new(), Run::default());
    let (mut lists, mut quotes, mut code): (Vec<Option<u64>>, usize, Option<String>) = (Vec::new(), 0, None);
    let mut level = 0;
    let mut cells = 0;
    let end = |parts: &mut Vec<Part>, runs: &mut Vec<Run>, lists: &mut Vec<Option<u64>>, quotes: usize| {
        let runs = std::mem::take(runs);
        if runs.iter().all(|run| run.words.trim().is_empty()) {
            return;
        }
        parts.push(match lists.len().checked_sub(1) {
            Some(depth) => {
                let mark = match &mut lists[depth] {
                    Some(number) => {
                        *number += 1;
                        format!("{}.", *number - 1)
                    }
                    None => "•".to_owned(),
                };
                Part::Item(depth, mark, runs)
            }
            None if quotes > 0 => Part::Quote(runs),
            None => Part::Paragraph(runs),
        });
    };
    for event in Parser::new_ext(markdown, options) {
        let mut say = |words: &str, now: &Run| runs.push(Run { words: words.to_owned(), ..now.clone() });
        match event {
            Event::Start(Tag::CodeBlock(_)) => code = Some(String::new()),
            Event::End(TagEnd::CodeBlock) => parts.extend(code.take().map(Part::Code)),
            Event::Text(words) => match &mut code {
                Some(code) => code.push_str(&words),
                None => say(&words, &now),
            },
            Event::Code(words) => say(&words, &Run { code: true, ..now.clone() }),
            Event::Html(words) | Event::InlineHtml(words) => say(&words, &now),
            Event::SoftBreak => say(" ", &now),
            Event::HardBreak => say("\n", &now),
            Event::Start(Tag::Strong) => now.bold = true,
            Event::End(TagEnd::Strong) => now.bold = false,
            Event::Start(Tag::Emphasis) => now.italic = true,
            Event::End(TagEnd::Emphasis) => now.italic = false,
            Event::Start(Tag::Heading { level: of, .. }) => {
                level = match of {
                    HeadingLevel::H1 => 1,
                    HeadingLevel::H2 => 2,
                    HeadingLevel::H3 | HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => 3,
                };
            }
            Event::End(TagEnd::Heading(_)) => parts.push(Part::Heading(level, std::mem::take(&mut runs))),
            Event::Start(Tag::List(first)) => {
                end(&mut parts, &mut runs, &mut lists, quotes);
                lists.push(first);
            }
            Event::End(TagEnd::List(_)) => drop(lists.pop()),
            Event::Start(Tag::BlockQuote(_)) => quotes += 1,
            Event::End(TagEnd::BlockQuote(_)) => quotes = quotes.saturating_sub(1),
            Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::HtmlBlock | TagEnd::TableRow | TagEnd::TableHead) => {
                cells = 0;
                end(&mut parts, &mut runs, &mut lists, quotes);
            }
            Event::Start(Tag::TableCell) => {
                if cells > 0 {
                    say("  |  ", &now);
                }
                cells += 1;
            }
            Event::Rule => parts.push(Part::Rule),
            _ => {}
        }
    }
    end(&mut parts, &mut runs, &mut lists, quotes);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(runs: &[Run]) -> String {
        runs.iter().map(|run| run.words.as_str()).collect()
    }

    #[test]
    fn every_word_of_a_text_is_set_once_in_its_order() {
        let text = "# A *b*\n\none `two`\nthree\n\n1. x\n2. y\n   * z\n\n> q\n\n<b>raw</b>\n\n    code\n\n---\n\n| a | b |\n|---|---|\n| c | d |\n";
        let parts = parts(text);
        let said: Vec<String> = parts
            .iter()
            .map(|part| match part {
                Part::Heading(level, runs) => format!("h{level} {}", words(runs)),
                Part::Paragraph(runs) => words(runs),
                Part::Item(depth, mark, runs) => format!("{depth}{mark} {}", words(runs)),
                Part::Quote(runs) => format!("> {}", words(runs)),
                Part::Code(words) => format!("code {}", words.trim()),
                Part::Rule => "rule".to_owned(),
            })
            .collect();
        let expected = [
            "h1 A b",
            "one two three",
            "01. x",
            "02. y",
            "1• z",
            "> q",
            "<b>raw</b>",
            "code code",
            "rule",
            "a  |  b",
            "c  |  d",
        ];
        assert_eq!(said.iter().map(|words| words.trim()).collect::<Vec<_>>(), expected);
        assert!(matches!(&parts[1], Part::Paragraph(runs) if runs[1].code && !runs[0].code));
        assert!(matches!(&parts[0], Part::Heading(1, runs) if runs[1].italic));
    }
}
