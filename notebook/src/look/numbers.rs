//! How numbers are written.

use revacnn_schemas::count;

/// A quantity's name as people say it: `update_ratio` is the update ratio.
pub fn in_words(quantity: &str) -> String {
    quantity.replace('_', " ")
}

/// A number in a text or a readout: with four significant digits, without needless zeros.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e6).contains(&size) {
        return format!("{value:.2e}");
    }
    let before = if size < 1.0 { 1 } else { size.log10() as usize + 1 };
    format!("{value:.*}", 4_usize.saturating_sub(before).min(4))
}

/// A number on its own beside a figure, such as the end of a range: as short as it
/// can be said.
pub fn axis_number(value: f64) -> String {
    let size = value.abs();
    minus(match size {
        0.0 => "0".to_owned(),
        _ if !(1e-3..1e9).contains(&size) => scientific(value, 1),
        _ if size >= 1e6 => format!("{} M", trimmed(separated(value / 1e6, 2))),
        _ if size >= 1e3 => separated(value, 0),
        _ => trimmed(separated(value, 4)),
    })
}

/// A number with so many digits after the point, and a comma a thousand.
pub(super) fn separated(value: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{whole}{rest}")
}

/// A number as a power of ten, with so many digits after the point.
pub(super) fn scientific(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$e}");
    match text.split_once('e') {
        Some((mantissa, power)) => format!("{}e{power}", trimmed(mantissa.to_owned())),
        None => text,
    }
}

/// A number with the sign that print has.
pub(super) fn minus(text: String) -> String {
    if text.contains('-') { text.replace('-', "−") } else { text }
}

fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_named_in_words() {
        assert_eq!((in_words("update_ratio"), in_words("loss")), ("update ratio".into(), "loss".into()));
    }

    #[test]
    fn numbers_are_short_and_keep_four_digits() {
        for (value, text) in [
            (0.0, "0.000"),
            (0.1234567, "0.123"),
            (1.5, "1.500"),
            (123.456, "123.5"),
            (99999.0, "99999"),
            (1.5e-6, "1.50e-6"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(number(value), text, "{value}");
        }
        assert_eq!(
            (count(0), count(999), count(22_466), count(1_000_000)),
            ("0".into(), "999".into(), "22,466".into(), "1,000,000".into())
        );
    }

    #[test]
    fn numbers_on_an_axis_are_short() {
        for (value, text) in [
            (0.0, "0"),
            (0.5, "0.5"),
            (-1.25, "−1.25"),
            (850.0, "850"),
            (20_000.0, "20,000"),
            (-2_000.0, "−2,000"),
            (1_500_000.0, "1.5 M"),
            (2.5e-5, "2.5e−5"),
            (5e15, "5e15"),
        ] {
            assert_eq!(axis_number(value), text, "{value}");
        }
    }
}
