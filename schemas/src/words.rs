//! Words that people write, and what they stand for.

use serde_json::Value;

use crate::whole_number;

/// What stands for the images where a layer says what it follows or reads.
pub const IMAGES: &str = "input";

/// A parameter's value: a number, true or false, a list of numbers such as `[3,5]`, or a word.
pub(crate) fn value(text: &str) -> Value {
    // Without blanks, as it is written again.
    if let Some(list) = serde_json::from_str(text).ok().filter(|value: &Value| {
        value.as_array().is_some_and(|values| values.iter().all(Value::is_number)) && format!("{value}") == text
    }) {
        return list;
    }
    if let Ok(whole) = whole_number(text) {
        return whole.into();
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => number.into(),
        _ => match text.parse::<bool>() {
            Ok(flag) => flag.into(),
            Err(_) => text.into(),
        },
    }
}

/// A parameter's value as it is written.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// Letters that a terminal obeys, and those that turn the direction of others or
/// begin a line, so that a text of somebody else's looks like one of ours.
pub(crate) fn misleads(letter: char) -> bool {
    let turns = ['\u{61c}', '\u{200e}', '\u{200f}'];
    let ranges = ['\u{2028}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
    letter.is_control() || turns.contains(&letter) || ranges.iter().any(|range| range.contains(&letter))
}

/// Words of somebody else's, on one line: what misleads is written as its number,
/// `\u202e`, as JSON writes it.
pub fn one_line(words: &str) -> String {
    escaped(words, misleads)
}

/// Lines of text as they may go to a terminal: as [`one_line`], but for line ends
/// and tabs.
pub fn lines(words: &str) -> String {
    escaped(words, |letter| misleads(letter) && !['\n', '\t'].contains(&letter))
}

fn escaped(words: &str, is_escaped: impl Fn(char) -> bool) -> String {
    let mut text = String::with_capacity(words.len());
    for letter in words.chars() {
        match is_escaped(letter) {
            // All of them are below 65,536.
            true => text += &format!("\\u{:04x}", u32::from(letter)),
            false => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_misleads_is_written_as_its_number() {
        assert_eq!(one_line("x\u{202e}\nmain\t\u{1b}[2J"), "x\\u202e\\u000amain\\u0009\\u001b[2J");
        assert_eq!(lines("a\u{1b}[2Jb\nc\u{9b}\td"), "a\\u001b[2Jb\nc\\u009b\td");
        // Joiners belong to the scripts that have them.
        for text in ["नमस्ते", "قطة", "👩\u{200d}🔬", "می\u{200c}خواهم"] {
            assert_eq!(one_line(text), text);
        }
    }
}
