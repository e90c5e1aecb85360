//! What prose in Markdown says, paragraph by paragraph; what footnotes say stands together.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};
use revacnn_notebook::document::{Block, BlockKind};

/// A run of letters of one kind.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Run {
    pub(super) words: String,
    pub(super) bold: bool,
    pub(super) italic: bool,
    pub(super) code: bool,
    pub(super) struck: bool,
    /// Where it leads.
    pub(super) link: Option<String>,
    /// Where in the text it is written.
    pub(super) source: Range<usize>,
}

/// A paragraph, as it is set.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Heading(u8, Vec<Run>),
    Paragraph(Vec<Run>),
    /// Of a list, at a depth, behind a mark.
    Item(usize, String, Vec<Run>),
    Quote(Vec<Run>),
    /// With the place in the text where each row begins.
    Code(String, Vec<usize>),
    Rule,
}

/// The prose of a text, as it is set.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Prose {
    /// Of each block of the text; of what is no prose nothing.
    pub(super) blocks: Vec<Vec<Part>>,
    /// What footnotes say, in the order in which they are referred to.
    pub(super) notes: Vec<Part>,
}

impl Part {
    /// The runs of letters.
    pub(super) fn runs(&self) -> &[Run] {
        match self {
            Self::Heading(_, runs) | Self::Paragraph(runs) | Self::Item(_, _, runs) | Self::Quote(runs) => runs,
            Self::Code(..) | Self::Rule => &[],
        }
    }
}

/// Where a link leads that can be copied; `None` of a place on the page, and of what would run
/// something.
fn leads_to(kind: LinkType, url: &str) -> Option<String> {
    let scheme = url.split(['/', '?', '#']).next().unwrap_or_default();
    let is_known = match scheme.split_once(':') {
        Some((scheme, _)) => ["http", "https", "mailto"].iter().any(|known| scheme.eq_ignore_ascii_case(known)),
        None => kind == LinkType::Email || !url.starts_with('#'),
    };
    (is_known && !url.is_empty() && !url.contains(char::is_control)).then(|| url.to_owned())
}

/// The sign of a note.
fn sign(number: usize) -> String {
    let digit = |digit: char| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().nth(digit as usize - '0' as usize);
    number.to_string().chars().filter_map(digit).collect()
}

/// What is being read.
#[derive(Default)]
struct Reader {
    prose: Prose,
    /// The block that it stands in.
    block: usize,
    runs: Vec<Run>,
    now: Run,
    lists: Vec<Option<u64>>,
    quotes: usize,
    level: u8,
    cells: usize,
    code: Option<(String, Vec<usize>)>,
    /// Where a link that is none would have led.
    refused: Option<String>,
    /// The labels of notes, in the order in which they are referred to or said.
    labels: Vec<String>,
    /// The note that is being said, and what the notes say.
    note: Option<usize>,
    said: Vec<(usize, Part)>,
}

impl Reader {
    fn say(&mut self, words: &str, source: Range<usize>) {
        self.runs.push(Run { words: words.to_owned(), source, ..self.now.clone() });
    }

    fn push(&mut self, part: Part) {
        match (self.note, self.prose.blocks.get_mut(self.block)) {
            (Some(note), _) => self.said.push((note, part)),
            (None, Some(block)) => block.push(part),
            (None, None) => {}
        }
    }

    fn end(&mut self) {
        let runs = std::mem::take(&mut self.runs);
        if runs.iter().all(|run| run.words.trim().is_empty()) {
            return;
        }
        let part = match self.lists.len().checked_sub(1) {
            Some(depth) => {
                let mark = match &mut self.lists[depth] {
                    Some(number) => {
                        *number += 1;
                        format!("{}.", *number - 1)
                    }
                    None => "•".to_owned(),
                };
                Part::Item(depth, mark, runs)
            }
            None if self.quotes > 0 => Part::Quote(runs),
            None => Part::Paragraph(runs),
        };
        self.push(part);
    }

    fn number(&mut self, label: &str) -> usize {
        match self.labels.iter().position(|known| known == label) {
            Some(place) => place,
            None => {
                self.labels.push(label.to_owned());
                self.labels.len() - 1
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "Markdown has more than is set here")]
    fn read(&mut self, event: Event<'_>, source: Range<usize>, text: &str) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => self.code = Some((String::new(), Vec::new())),
            Event::End(TagEnd::CodeBlock) => {
                if let Some((words, rows)) = self.code.take() {
                    self.push(Part::Code(words, rows));
                }
            }
            Event::Text(words) => match &mut self.code {
                Some((code, rows)) => {
                    let mut at = source.start;
                    for row in words.split_inclusive('\n') {
                        if code.is_empty() || code.ends_with('\n') {
                            rows.push(at);
                        }
                        code.push_str(row);
                        at += row.len();
                    }
                }
                None => self.say(&words, source),
            },
            Event::Code(words) => {
                // Without the marks about it.
                let at = text[source.clone()].find(&*words).map_or(source.start, |at| source.start + at);
                let before = std::mem::replace(&mut self.now.code, true);
                self.say(&words, at..at + words.len());
                self.now.code = before;
            }
            Event::Html(words) | Event::InlineHtml(words) => self.say(&words, source),
            Event::SoftBreak => self.say(" ", source),
            Event::HardBreak => self.say("\n", source),
            Event::FootnoteReference(label) => {
                let number = self.number(&label) + 1;
                self.say(&sign(number), source);
            }
            Event::Start(Tag::FootnoteDefinition(label)) => {
                self.end();
                self.note = Some(self.number(&label));
            }
            Event::End(TagEnd::FootnoteDefinition) => {
                self.end();
                self.note = None;
            }
            Event::Start(Tag::Link { link_type, dest_url, .. }) => {
                self.now.link = leads_to(link_type, &dest_url);
                let is_place = dest_url.is_empty() || dest_url.starts_with('#');
                self.refused = (self.now.link.is_none() && !is_place).then(|| dest_url.to_string());
            }
            Event::End(TagEnd::Link) => {
                self.now.link = None;
                // What leads nowhere looks like text, and says where it would have led.
                if let Some(url) = self.refused.take() {
                    self.say(&format!(" ({url})"), source.end..source.end);
                }
            }
            Event::Start(Tag::Strong) => self.now.bold = true,
            Event::End(TagEnd::Strong) => self.now.bold = false,
            Event::Start(Tag::Emphasis) => self.now.italic = true,
            Event::End(TagEnd::Emphasis) => self.now.italic = false,
            Event::Start(Tag::Strikethrough) => self.now.struck = true,
            Event::End(TagEnd::Strikethrough) => self.now.struck = false,
            Event::Start(Tag::Heading { level, .. }) => {
                self.level = match level {
                    HeadingLevel::H1 => 1,
                    HeadingLevel::H2 => 2,
                    HeadingLevel::H3 | HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => 3,
                };
            }
            Event::End(TagEnd::Heading(_)) => {
                let runs = std::mem::take(&mut self.runs);
                self.push(Part::Heading(self.level, runs));
            }
            Event::Start(Tag::List(first)) => {
                self.end();
                self.lists.push(first);
            }
            Event::End(TagEnd::List(_)) => drop(self.lists.pop()),
            Event::Start(Tag::BlockQuote(_)) => self.quotes += 1,
            Event::End(TagEnd::BlockQuote(_)) => self.quotes = self.quotes.saturating_sub(1),
            Event::End(TagEnd::Paragraph | TagEnd::Item | TagEnd::HtmlBlock | TagEnd::TableRow | TagEnd::TableHead) => {
                self.cells = 0;
                self.end();
            }
            Event::Start(Tag::TableCell) => {
                if self.cells > 0 {
                    self.say("  |  ", source.start..source.start);
                }
                self.cells += 1;
            }
            Event::Rule => self.push(Part::Rule),
            _ => {}
        }
    }

    /// What was read. A note stands behind its number.
    fn read_all(mut self) -> Prose {
        self.said.sort_by_key(|(note, _)| *note);
        let mut before = None;
        for (note, part) in self.said {
            let mark = if before == Some(note) { String::new() } else { format!("{}.", note + 1) };
            before = Some(note);
            self.prose.notes.push(match part {
                Part::Paragraph(runs) => Part::Item(0, mark, runs),
                Part::Heading(..) | Part::Item(..) | Part::Quote(_) | Part::Code(..) | Part::Rule => part,
            });
        }
        self.prose
    }
}

/// What the prose of a text says, paragraph by paragraph; HTML in it is text. References reach
/// from one block into another.
pub(super) fn read(text: &str, blocks: &[Block]) -> Prose {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_FOOTNOTES;
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let prose = Prose { blocks: vec![Vec::new(); blocks.len()], notes: Vec::new() };
    let mut reader = Reader { prose, ..Reader::default() };
    for (event, range) in Parser::new_ext(&text[start..], options).into_offset_iter() {
        let source = range.start + start..range.end + start;
        let block = blocks.partition_point(|block| block.range.end <= source.start);
        if block != reader.block && !matches!(event, Event::End(_)) {
            reader.end();
            reader.block = block;
        }
        let is_prose = |block: &Block| matches!(block.kind, BlockKind::Prose);
        if blocks.get(block).is_some_and(is_prose) {
            reader.read(event, source, text);
        }
    }
    reader.end();
    reader.read_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use revacnn_notebook::document::Document;

    fn words(runs: &[Run]) -> String {
        runs.iter().map(|run| run.words.as_str()).collect()
    }

    fn set(text: &str) -> Prose {
        read(text, Document::parse(text).blocks())
    }

    fn said(parts: &[Part]) -> Vec<String> {
        let say = |part: &Part| match part {
            Part::Heading(level, runs) => format!("h{level} {}", words(runs)),
            Part::Paragraph(runs) => words(runs),
            Part::Item(depth, mark, runs) => format!("{depth}{mark} {}", words(runs)),
            Part::Quote(runs) => format!("> {}", words(runs)),
            Part::Code(words, _) => format!("code {}", words.trim()),
            Part::Rule => "rule".to_owned(),
        };
        parts.iter().map(|part| say(part).trim().to_owned()).collect()
    }

    #[test]
    fn every_word_of_a_text_is_set_once_in_its_order() {
        let text = "# A *b*\n\none `two`\nthree\n\n1. x\n2. y\n   * z\n\n> q\n\n<b>raw</b>\n\n    code\n\n---\n\n| a | b |\n|---|---|\n| c | d |\n";
        let parts = set(text).blocks.remove(0);
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
        assert_eq!(said(&parts), expected);
        assert!(matches!(&parts[1], Part::Paragraph(runs) if runs[1].code && !runs[0].code));
        assert!(matches!(&parts[0], Part::Heading(1, runs) if runs[1].italic));
    }

    #[test]
    fn notes_stand_at_the_end_and_references_reach_over_fences() {
        let text = "a[^x] and b[^y], [c]\n\n```revacnn\nplot loss base\n```\n\nd[^x]\n\n[^y]: *two*\n\n[^x]: one\n\n[c]: https://a.b\n";
        let prose = set(text);
        assert_eq!(said(&prose.blocks[0]), ["a¹ and b², c"]);
        assert!(prose.blocks[1].is_empty());
        assert_eq!(said(&prose.blocks[2]), ["d¹"]);
        assert_eq!(said(&prose.notes), ["01. one", "02. two"]);
        let leads = |part: &Part| part.runs().iter().find_map(|run| run.link.clone());
        assert_eq!(leads(&prose.blocks[0][0]).as_deref(), Some("https://a.b"));
    }

    #[test]
    fn a_link_that_would_run_something_or_leads_nowhere_is_text() {
        let links = |text: &str| -> Vec<Option<String>> {
            let Part::Paragraph(runs) = set(text).blocks.remove(0).remove(0) else { panic!("{text}") };
            runs.into_iter().map(|run| run.link).collect()
        };
        for text in ["[x](#there)", "[x]()"] {
            assert_eq!(links(text), [None], "{text}");
        }
        for text in ["[x](javascript:alert(1))", "[x](data:text/html,x)"] {
            assert_eq!(links(text), [None, None], "{text}");
        }
        assert_eq!(said(&set("[x](javascript:alert(1)) y").blocks[0]), ["x (javascript:alert(1)) y"]);
        for (text, leads) in
            [("[x](https://a.b/c)", "https://a.b/c"), ("<a@b.c>", "a@b.c"), ("[x](other.md)", "other.md")]
        {
            assert_eq!(links(text), [Some(leads.to_owned())], "{text}");
        }
    }
}
