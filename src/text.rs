//! Numbers and tables for people.

use std::borrow::Cow;

use bytesize::ByteSize;
use clap::builder::styling::Style;
pub(crate) use revacnn_notebook::look::count;
use revacnn_schemas::{Advice, Place, one_line};
pub(crate) use revacnn_schemas::{bytes, counted};
use revacnn_store::StepSpan;
use unicode_width::UnicodeWidthStr;

/// Words of others, such as a file's name, without what a terminal would take
/// for a command or a line of ours.
pub(crate) fn printable(words: &impl std::fmt::Display) -> String {
    one_line(&words.to_string())
}

/// Commands to try, a line each.
pub(crate) fn next(advice: &[Advice], place: &Place) -> String {
    let lines: Vec<String> = advice.iter().map(|advice| format!("\n  {}", advice.command(place))).collect();
    format!("next:{}", lines.concat())
}

/// A size as a person writes it: `10GB`, `500MB`, `2 GiB`, `1000000`.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    match text.trim().parse::<ByteSize>() {
        Ok(ByteSize(size)) if (1..=10_u64.pow(18)).contains(&size) => Ok(size),
        _ => Err(format!("expected a size such as 10GB, 500MB or 2GiB, found `{text}`")),
    }
}

/// Steps from the first to the last, with separators: `1,350–2,700`.
pub(crate) fn span(steps: StepSpan) -> String {
    format!("{}–{}", count(steps.first.0), count(steps.last.0))
}

/// A share as a percentage: `93.4 %`.
pub(crate) fn percent(share: f32) -> String {
    match share * 100.0 {
        large if large.is_finite() && large.abs() >= 1e6 => format!("{large:.1e} %"),
        share => format!("{share:.1} %"),
    }
}

/// An optional number with four decimals, `–` where there is none.
pub(crate) fn loss(value: Option<f32>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| decimals(value.into()))
}

/// Four decimals; four significant digits where there would be more than six
/// before the point.
pub(crate) fn decimals(value: f64) -> String {
    if value.is_finite() && value.abs() >= 1e6 { format!("{value:.3e}") } else { format!("{value:.4}") }
}

/// Seconds as `0.3 ms`, `12 s`, `3 min 05 s`, `2 h 07 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    match whole {
        0 if seconds < 0.0995 => format!("{:.1} ms", seconds.max(0.0) * 1e3),
        0..60 if seconds < 9.95 => format!("{seconds:.1} s"),
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Bold; [`output::tell`](crate::output::tell) writes it plain where it goes to
/// no terminal.
pub(crate) fn strong(text: &str) -> String {
    let style = Style::new().bold();
    format!("{style}{text}{style:#}")
}

/// Which side of its column a cell is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows under a heading, in columns as wide as they need to be on a terminal,
/// where letters of some scripts take two columns and marks on letters none.
pub(crate) fn table(heading: &[(&str, Side)], rows: &[Vec<String>]) -> String {
    // A cell may be another person's word, and is on one line.
    let rows: Vec<Vec<Cow<'_, str>>> =
        rows.iter().map(|row| row.iter().map(|cell| on_one_line(cell)).collect()).collect();
    let heading_row: Vec<Cow<'_, str>> = heading.iter().map(|(title, _)| Cow::Borrowed(*title)).collect();
    let all = || std::iter::once(&heading_row).chain(&rows);
    let mut widths = vec![0; heading.len()];
    for row in all() {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    let mut text = String::new();
    for row in all() {
        for ((cell, (_, side)), width) in row.iter().zip(heading).zip(&widths) {
            let blanks = width - cell.width();
            let (before, after) = if *side == Side::Left { (0, blanks) } else { (blanks, 0) };
            text.extend(std::iter::repeat_n(' ', before));
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', after + 2));
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

/// [`one_line`], of text that mostly is one already.
fn on_one_line(cell: &str) -> Cow<'_, str> {
    if cell.bytes().all(|byte| (b' '..=b'~').contains(&byte)) { cell.into() } else { one_line(cell).into() }
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::Step;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_not_printed() {
        assert_eq!(printable(&"a\u{1b}[2Jb\nc\u{9b}\td"), "a\\u001b[2Jb\\u000ac\\u009b\\u0009d");
        let rows = [vec!["x\u{202e}\nmain  7".to_owned(), "7".to_owned()]];
        let text = table(&[("branch", Side::Left), ("steps", Side::Right)], &rows);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("x\\u202e\\u000amain  7"), "{text}");
    }

    #[test]
    fn sizes_are_read_as_they_are_written() {
        assert_eq!(parse_bytes("10GB"), Ok(10_000_000_000));
        assert_eq!(parse_bytes("1.5 MB"), Ok(1_500_000));
        assert_eq!(parse_bytes("2GiB"), Ok(2 << 30));
        assert_eq!(parse_bytes("77"), Ok(77));
        for bad in ["", "GB", "10 potatoes", "-3MB", "nan", "0"] {
            assert!(parse_bytes(bad).unwrap_err().contains("expected a size"), "{bad}");
        }
    }

    #[test]
    fn numbers_are_short_and_keep_their_units() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_234_567), "1.2 MB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        assert_eq!(span(StepSpan::new(Step(0), Step(12_345))), "0–12,345");
        assert_eq!((loss(Some(0.25)), loss(Some(1e30)), loss(None)), ("0.2500".into(), "1.000e30".into(), "–".into()));
        assert_eq!((percent(0.934), percent(1e30)), ("93.4 %".into(), "1.0e32 %".into()));
        assert_eq!(duration(0.00042), "0.4 ms");
        assert_eq!(duration(0.42), "0.4 s");
        assert_eq!(duration(185.0), "3 min 05 s");
        assert_eq!(duration(7_620.0), "2 h 07 min");
    }

    #[test]
    fn a_tables_columns_line_up_on_their_sides() {
        let rows = vec![vec!["main".into(), "7".into()], vec!["wider~2".into(), "1,234".into()]];
        let text = table(&[("branch", Side::Left), ("steps", Side::Right)], &rows);
        assert_eq!(text, "branch   steps\nmain         7\nwider~2  1,234\n");
    }

    #[test]
    fn columns_line_up_in_every_script() {
        let names = ["cat", "猫", "가", "e\u{301}té", "नमस्ते", "قطة", "🐱", "👩\u{200d}🔬", "ｆｕｌｌ"];
        let rows: Vec<Vec<String>> = names.iter().map(|name| vec![(*name).to_owned(), "7".to_owned()]).collect();
        let text = table(&[("class", Side::Left), ("images", Side::Right)], &rows);
        for line in text.lines().skip(1) {
            // "ｆｕｌｌ" is the widest, with eight columns; then two, and six of the heading.
            assert_eq!(line.width(), 8 + 2 + 6, "{line}");
        }
        assert!(text.contains("猫             7"), "{text}");
    }
}
