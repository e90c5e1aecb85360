//! Words that people write, and what they stand for.

use serde_json::Value;

use crate::whole_number;

/// What stands for the images where a layer says what it follows or reads.
pub const IMAGES: &str = "input";

/// A parameter's value: a number, true or false, or a word.
pub(crate) fn value(text: &str) -> Value {
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
