//! How numbers are written.

/// A whole number with a comma a thousand: `12,345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
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

/// A number on an axis: as short as it can be said.
pub fn axis_number(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        0.0 => "0".to_owned(),
        _ if size >= 1e6 => format!("{} M", trimmed(value / 1e6, 2)),
        _ if size >= 1e3 => {
            let whole = count(size.round() as u64);
            if value < 0.0 { format!("-{whole}") } else { whole }
        }
        _ if size >= 1e-3 => trimmed(value, 4),
        _ => format!("{value:.1e}"),
    };
    text.replace('-', "−")
}

fn trimmed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            assert_eq!(axis_number(value), text, "{value}");
        }
    }
}
