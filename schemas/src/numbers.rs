//! Numbers as people write them, and as they are written for people.

/// Letters that [`written`] spends before it writes an exponent.
const LONGEST: usize = 12;

/// A whole number: `2700`, `2,700`, `2_700`, `2.7k`, `1M` or `1e6`.
///
/// # Errors
/// Says what is expected, and what a comma or a point may have meant.
pub fn whole_number(text: &str) -> Result<u64, String> {
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let shown: String = text.chars().take(40).collect();
    let is_negative = text.strip_prefix('-').is_some_and(|rest| rest.parse::<f64>().is_ok());
    let is_large = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    grouped(text).or_else(|| scaled(text)).ok_or_else(|| match (is_negative, is_large) {
        (true, _) => format!("expected a whole number of at least 0, found `{shown}`"),
        (_, true) => format!("expected a whole number of at most {}, found `{shown}`", u64::MAX),
        _ => format!("expected a whole number such as 2700, 2,700 or 3k, found `{shown}`"),
    })
}

/// A number: `0.001` or `1e-3`.
///
/// # Errors
/// Says what is expected; a comma may stand for a point or for thousands, and is
/// not read as either.
pub fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(40).collect();
        let comma = if text.contains(',') { ": write a decimal point, and no comma between thousands" } else { "" };
        format!("expected a number such as 0.001 or 1e-3, found `{shown}`{comma}")
    })
}

/// Digits in groups of three.
fn grouped(text: &str) -> Option<u64> {
    let separator = [',', '_'].into_iter().find(|&separator| text.contains(separator))?;
    let mut groups = text.split(separator);
    let first = groups.next()?;
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let mut all = first.to_owned();
    if !(1..=3).contains(&first.len()) || first.starts_with('0') || !digits(first) {
        return None;
    }
    for group in groups {
        if group.len() != 3 || !digits(group) {
            return None;
        }
        all += group;
    }
    all.parse().ok()
}

/// Digits, perhaps with a point, times a power of ten that leaves no fraction.
fn scaled(text: &str) -> Option<u64> {
    let (mantissa, power) = match text.char_indices().last()? {
        (place, 'k' | 'K') => (&text[..place], 3),
        (place, 'M') => (&text[..place], 6),
        _ => {
            let (mantissa, power) = text.split_once(['e', 'E'])?;
            (mantissa, power.parse::<u32>().ok()?)
        }
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || mantissa.ends_with('.') {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let power = power.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    format!("{whole}{fraction}").parse::<u64>().ok()?.checked_mul(10_u64.checked_pow(power)?)
}

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

/// So many of something, named as one of them is: `1 step`, `2,700 steps`, `0 branches`.
pub fn counted(number: u64, one: &str) -> String {
    let ending = match number {
        1 => "",
        _ if one.ends_with("ch") || one.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {one}{ending}", count(number))
}

/// Bytes in units of 1,000: `1.2 GB`.
pub fn bytes(count: u64) -> String {
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

/// A number with no more digits than say which one it is, and with an exponent
/// where there would be many: `0.0001`, `1e-60`.
///
/// What is computed with as 32 bits is written with the digits that these need:
/// hand over an `f32`.
pub fn written<T: std::fmt::Display + std::fmt::LowerExp>(value: T) -> String {
    let plain = value.to_string();
    let short = format!("{value:e}");
    if plain.len() <= LONGEST || plain.len() <= short.len() { plain } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_read_where_it_can_mean_one_thing() {
        for (text, expected) in [
            ("0", 0),
            ("2700", 2700),
            ("2,700", 2700),
            ("1,234,567", 1_234_567),
            ("2_700", 2700),
            ("1k", 1000),
            ("2.75k", 2750),
            ("3K", 3000),
            ("1.5M", 1_500_000),
            ("1e3", 1000),
            ("2.5e1", 25),
            ("1.0e0", 1),
        ] {
            assert_eq!(whole_number(text), Ok(expected), "{text}");
        }
        for text in [
            "", "k", "1m", "2,70", "2,7000", ",700", "0,700", "2,700k", "1,2_345", "2.700", "1.5", "1.k", "1.2345k",
            "1e-3", "1e99", "x", "nan", "९",
        ] {
            let error = whole_number(text).unwrap_err();
            assert!(error.starts_with("expected a whole number such as") && error.contains(text), "{error}");
        }
        assert!(whole_number("-3").unwrap_err().contains("at least 0, found `-3`"));
        assert!(whole_number("99999999999999999999").unwrap_err().contains("at most 18446744073709551615"));
    }

    #[test]
    fn one_of_something_is_not_many() {
        for (number, one, text) in [
            (0, "step", "0 steps"),
            (1, "step", "1 step"),
            (2_700, "step", "2,700 steps"),
            (1, "branch", "1 branch"),
            (2, "branch", "2 branches"),
            (3, "class", "3 classes"),
        ] {
            assert_eq!(counted(number, one), text);
        }
    }

    #[test]
    fn a_comma_in_a_number_is_asked_about() {
        assert_eq!(number("1e-3"), Ok(0.001));
        assert!(number("0,001").unwrap_err().contains("write a decimal point"));
        assert_eq!(number("fast"), Err("expected a number such as 0.001 or 1e-3, found `fast`".to_owned()));
    }

    #[test]
    fn a_number_is_written_no_longer_than_it_must_be() {
        for (value, text) in
            [(0.0001, "0.0001"), (0.000001, "0.000001"), (1e-60, "1e-60"), (1e30, "1e30"), (0.1, "0.1"), (-0.0, "-0")]
        {
            assert_eq!(written(value), text);
        }
        assert_eq!(written(0.1_f32), "0.1");
        assert_eq!(written(0.99999999999), "0.99999999999");
        assert_eq!(written(f64::NAN), "NaN");
    }
}
