//! Numbers and tables for people.

use std::io::IsTerminal;

pub(crate) use revacnn_notebook::count;
use revacnn_schemas::{Advice, Place};
use revacnn_store::StepSpan;
use unicode_width::UnicodeWidthStr;

/// Words of others, such as a file's name, without what a terminal would take
/// for a command.
pub(crate) fn printable(words: &impl std::fmt::Display) -> String {
    let keep = |letter: char| if letter.is_control() && !['\n', '\t'].contains(&letter) { '\u{fffd}' } else { letter };
    words.to_string().chars().map(keep).collect()
}

/// Commands to try, a line each.
pub(crate) fn next(advice: &[Advice], place: &Place) -> String {
    let lines: Vec<String> = advice.iter().map(|advice| format!("\n  {}", advice.command(place))).collect();
    format!("next:{}", lines.concat())
}

/// Bytes in units of 1,000: `1.2 GB`.
pub(crate) fn bytes(count: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 || value >= 99.95 {
        format!("{value:.0} {}", units[unit])
    } else {
        format!("{value:.1} {}", units[unit])
    }
}

/// A size as a person writes it: `10GB`, `500MB`, `2 GiB`, `1000000`.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let expected = || format!("expected a size such as 10GB, 500MB or 2GiB, found `{text}`");
    let digits = text.trim().trim_end_matches(|last: char| last.is_ascii_alphabetic()).trim_end();
    let unit = text.trim()[digits.len()..].trim().to_ascii_lowercase();
    let value: f64 = digits.parse().map_err(|_| expected())?;
    let factor: f64 = match unit.as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(expected()),
    };
    let size = value * factor;
    if (1.0..=1e18).contains(&size) { Ok(size as u64) } else { Err(expected()) }
}

/// Steps from the first to the last, with separators: `1,350–2,700`.
pub(crate) fn span(steps: StepSpan) -> String {
    format!("{}–{}", count(steps.first.0), count(steps.last.0))
}

/// A share as a percentage: `93.4 %`.
pub(crate) fn percent(share: f32) -> String {
    format!("{:.1} %", share * 100.0)
}

/// An optional number with four decimals, `–` where there is none.
pub(crate) fn loss(value: Option<f32>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"))
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

/// Bold on a terminal, plain elsewhere.
pub(crate) fn strong(text: &str) -> String {
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\u{1b}[1m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
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
    let width = |text: &str| text.width();
    let widths: Vec<usize> = heading
        .iter()
        .enumerate()
        .map(|(column, (title, _))| rows.iter().map(|row| width(&row[column])).chain([width(title)]).max().unwrap_or(0))
        .collect();
    let line = |cells: &[&str]| {
        let mut text = String::new();
        for ((cell, &wide), (_, side)) in cells.iter().zip(&widths).zip(heading) {
            let padding = " ".repeat(wide - width(cell));
            if !text.is_empty() {
                text.push_str("  ");
            }
            match side {
                Side::Left => text = text + cell + &padding,
                Side::Right => text = text + &padding + cell,
            }
        }
        text.trim_end().to_owned() + "\n"
    };
    let titles: Vec<&str> = heading.iter().map(|(title, _)| *title).collect();
    let mut text = line(&titles);
    for row in rows {
        text += &line(&row.iter().map(String::as_str).collect::<Vec<_>>());
    }
    text
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::Step;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_not_printed() {
        assert_eq!(printable(&"a\u{1b}[2Jb\nc\u{9b}\td"), "a\u{fffd}[2Jb\nc\u{fffd}\td");
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
