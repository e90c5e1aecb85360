//! Numbers as people write them.

use revacnn_schemas::whole_number;

/// A whole number of an option.
///
/// # Errors
/// What was expected, and what was found.
pub fn whole<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let number = whole_number(text)?;
    T::try_from(number).map_err(|_| format!("expected a smaller number, found `{text}`"))
}

/// A whole number that is not 0.
///
/// # Errors
/// What was expected, and what was found.
pub fn from_one<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    match whole_number(text)? {
        0 => Err("expected a whole number of at least 1, found 0".to_owned()),
        _ => whole(text),
    }
}
