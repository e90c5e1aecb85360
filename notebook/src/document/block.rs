//! Blocks: prose, and the fences that mean something here.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use super::Problem;
use super::line::{Line, lines};

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Where in the text; of a fence, with the lines that open and close it.
    pub range: Range<usize>,
    /// What it is.
    pub kind: BlockKind,
}

/// What a block is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockKind {
    /// What is only read.
    Prose,
    /// Command lines.
    Lines {
        /// What is between the fence's two lines.
        body: Range<usize>,
        /// The lines.
        lines: Vec<Line>,
    },
    /// A query with its name.
    Sql {
        /// Where the name is; empty, at the end of the fence's first line, where
        /// it is lacking.
        name: Range<usize>,
        /// What is between the fence's two lines.
        body: Range<usize>,
    },
    /// A network with its name.
    Network {
        /// Where the name is; empty, at the end of the fence's first line, where
        /// it is lacking.
        name: Range<usize>,
        /// What is between the fence's two lines.
        body: Range<usize>,
    },
}

/// The blocks of a text, and what is wrong with them.
pub(super) fn blocks(text: &str) -> (Vec<Block>, Vec<Problem>) {
    let (mut blocks, mut problems) = (Vec::new(), Vec::new());
    let mut end = 0;
    for (range, info) in fences(text) {
        let Some(kind) = kind(text, &range, &info, &mut problems) else { continue };
        if range.start > end {
            blocks.push(Block { range: end..range.start, kind: BlockKind::Prose });
        }
        end = range.end;
        blocks.push(Block { range, kind });
    }
    if end < text.len() {
        blocks.push(Block { range: end..text.len(), kind: BlockKind::Prose });
    }
    (blocks, problems)
}

/// The fences at the first column that stand in nothing else, with their whole
/// last line, and what stands behind the first one's backticks.
fn fences(text: &str) -> Vec<(Range<usize>, String)> {
    // What some editors write before a text is no part of its first line.
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let (mut depth, mut found) = (0_usize, Vec::new());
    for (event, range) in Parser::new(&text[start..]).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                let range = range.start + start..range.end + start;
                let at_line_start = range.start == start || text[..range.start].ends_with(['\n', '\r']);
                if let (0, true, Tag::CodeBlock(CodeBlockKind::Fenced(info))) = (depth, at_line_start, &tag) {
                    let end = range.end + text[range.end..].find('\n').map_or(text.len() - range.end, |at| at + 1);
                    let ended = text[..range.end].ends_with('\n');
                    found.push((range.start..if ended { range.end } else { end }, info.to_string()));
                }
                depth += 1;
            }
            Event::End(TagEnd::MetadataBlock(_)) | Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    found
}

fn kind(text: &str, range: &Range<usize>, info: &str, problems: &mut Vec<Problem>) -> Option<BlockKind> {
    let body = body(text, range);
    match info.split_whitespace().collect::<Vec<_>>()[..] {
        ["revacnn"] => Some(BlockKind::Lines { lines: lines(text, body.clone(), problems), body }),
        [language @ ("sql" | "toml"), "revacnn", ref names @ ..] => {
            let first_line = text[range.clone()].lines().next().map_or(0, str::len);
            let end = range.start + first_line;
            let name = match names.first().and_then(|name| Some((name, text[range.start..end].rfind(name)?))) {
                Some((name, at)) => range.start + at..range.start + at + name.len(),
                None => end..end,
            };
            if names.len() != 1 {
                let message = format!("expected `{language} revacnn NAME`, found `{info}`");
                problems.push(Problem::new(range.start..end, message));
            }
            Some(match language {
                "sql" => BlockKind::Sql { name, body },
                _ => BlockKind::Network { name, body },
            })
        }
        _ => None,
    }
}

/// What is between the two lines of a fence; the second may be lacking at the
/// end of a text.
fn body(text: &str, range: &Range<usize>) -> Range<usize> {
    let fence = &text[range.clone()];
    let start = fence.find('\n').map_or(fence.len(), |at| at + 1);
    let rest = &fence[start..];
    let last = rest.trim_end_matches(['\n', '\r']).rfind('\n').map_or(0, |at| at + 1);
    let mark = fence.chars().next().unwrap_or('`');
    let opening = fence.chars().take_while(|letter| *letter == mark).count();
    let closing = rest[last..].trim();
    let closes = closing.len() >= opening && closing.chars().all(|letter| letter == mark);
    let end = if closes { last } else { rest.len() };
    range.start + start..range.start + start + end
}
