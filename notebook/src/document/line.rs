//! Command lines: words as in a shell, without its expansions.

use std::ops::Range;

use super::Problem;

/// One command, on one line of the text or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// From its first word to its last.
    pub range: Range<usize>,
    /// Its words.
    pub words: Vec<Word>,
}

/// One word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Where in the text, with its quotes.
    pub range: Range<usize>,
    /// What it says, without them.
    pub text: String,
}

/// What a line is there for, by its first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// It trains: `train`, `fork`.
    Training,
    /// It names a value that others use: `cursor`, `input`.
    Input,
    /// It shows something: `plot`, `embed`, `compare`, `diff`, `show`, `table`, `samples`, `predictions`,
    /// `predict`.
    View,
    /// None of these.
    Other,
}

impl Role {
    /// What a line that begins with a word is there for.
    pub fn of(first: &str) -> Self {
        match first {
            "train" | "fork" => Self::Training,
            "cursor" | "input" => Self::Input,
            "plot" | "embed" | "compare" | "diff" | "show" | "table" | "samples" | "predictions" | "predict"
            | "regions" => Self::View,
            _ => Self::Other,
        }
    }
}

impl Line {
    /// What the line is there for.
    pub fn role(&self) -> Role {
        self.words.first().map_or(Role::Other, |word| Role::of(&word.text))
    }

    /// The names of the values that it uses: `t` of `base@$t`.
    pub fn uses(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for word in &self.words {
            for piece in word.text.split('$').skip(1) {
                let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
                let end = piece.find(|letter| !is_of_name(letter)).unwrap_or(piece.len());
                if end > 0 && !names.contains(&&piece[..end]) {
                    names.push(&piece[..end]);
                }
            }
        }
        names
    }
}

/// The lines of a fence, and what is wrong with them.
pub(super) fn lines(text: &str, body: Range<usize>, problems: &mut Vec<Problem>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut start = body.start;
    // What continues nothing is a command of its own.
    let mut open = false;
    for row in text[body].split_inclusive('\n') {
        let words = words(text, start..start + row.trim_end_matches(['\n', '\r']).len(), problems);
        let continues = row.starts_with([' ', '\t']) && open;
        start += row.len();
        match (words.first(), words.last()) {
            (Some(first), Some(last)) => {
                let range = first.range.start..last.range.end;
                match lines.last_mut().filter(|_| continues) {
                    Some(line) => {
                        line.range.end = range.end;
                        line.words.extend(words);
                    }
                    None => lines.push(Line { range, words }),
                }
                open = true;
            }
            // A comment ends no command, an empty line does.
            _ => open &= !row.trim().is_empty(),
        }
    }
    lines
}

/// The words of a row, up to a comment.
fn words(text: &str, row: Range<usize>, problems: &mut Vec<Problem>) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut letters = text[row.clone()].char_indices().map(|(at, letter)| (row.start + at, letter)).peekable();
    while let Some(&(start, letter)) = letters.peek() {
        if letter.is_whitespace() {
            letters.next();
            continue;
        }
        if letter == '#' {
            break;
        }
        let mut word = Word { range: start..row.end, text: String::new() };
        let mut quote = None;
        while let Some(&(at, letter)) = letters.peek() {
            match (quote, letter) {
                (None, letter) if letter.is_whitespace() => {
                    word.range.end = at;
                    break;
                }
                (None, '\'' | '"') => quote = Some((at, letter)),
                (Some((_, mark)), letter) if letter == mark => quote = None,
                (Some((_, '"')), '\\') => {
                    letters.next();
                    // Only a quote and a backslash need one before them.
                    match letters.peek() {
                        Some(&(_, next @ ('"' | '\\'))) => word.text.push(next),
                        _ => {
                            word.text.push('\\');
                            continue;
                        }
                    }
                }
                (_, letter) => word.text.push(letter),
            }
            letters.next();
        }
        if let Some((at, mark)) = quote {
            let message = format!("expected a second {mark} on this line, found its end");
            problems.push(Problem::new(at..row.end, message));
        }
        words.push(word);
    }
    words
}

/// A word as it is written in a line, in quotes where it needs them. A line of a
/// text ends at its newline: a word holds none.
pub fn written(word: &str) -> String {
    // A row of nothing else would end the fence.
    let is_fence = word.starts_with("```") || word.starts_with("~~~");
    // What a shell would do something with is quoted, and taken as it is here and there.
    let plain = |letter: char| !letter.is_whitespace() && !"'\"|<>&;`*".contains(letter);
    let is_plain =
        word.chars().all(plain) && !word.starts_with(['#', '~']) && !word.contains("$(") && !word.contains("${");
    if !word.is_empty() && is_plain && !is_fence {
        return word.to_owned();
    }
    if !word.contains('\'') {
        return format!("'{word}'");
    }
    let mut quoted = String::from("\"");
    for letter in word.chars() {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted + "\""
}
