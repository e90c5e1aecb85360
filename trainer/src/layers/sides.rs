//! Numbers that may differ by side: one where all are equal, as in `kernel = 3`, a list
//! where they are not, as in `kernel = [3, 5]`.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A number by rows and one by columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair(pub(super) [usize; 2]);

/// A number each for above, below, left and right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sides(pub(super) [usize; 4]);

impl Pair {
    pub(super) const ONE: Self = Self([1, 1]);

    pub(super) fn is_one(&self) -> bool {
        *self == Self::ONE
    }

    /// As sizes are written: `3×5`.
    pub(super) fn times(self) -> String {
        format!("{}×{}", self.0[0], self.0[1])
    }
}

impl std::fmt::Display for Pair {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            [rows, columns] if rows == columns => write!(formatter, "{rows}"),
            [rows, columns] => write!(formatter, "[{rows}, {columns}]"),
        }
    }
}

impl std::fmt::Display for Sides {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            [top, bottom, left, right] if top != bottom || left != right => {
                write!(formatter, "[{top}, {bottom}, {left}, {right}]")
            }
            [rows, _, columns, _] => Pair([rows, columns]).fmt(formatter),
        }
    }
}

impl Serialize for Pair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [rows, columns] if rows == columns => rows.serialize(serializer),
            pair => pair.serialize(serializer),
        }
    }
}

impl Serialize for Sides {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [top, bottom, left, right] if top != bottom || left != right => self.0.serialize(serializer),
            [rows, _, columns, _] => Pair([rows, columns]).serialize(serializer),
        }
    }
}

/// The whole numbers of a number or a list of them.
fn numbers(value: &Value) -> Option<Vec<usize>> {
    let whole = |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok());
    match value {
        Value::Array(values) if values.len() <= 4 => values.iter().map(whole).collect(),
        other => whole(other).map(|number| vec![number]),
    }
}

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match numbers(&value).as_deref() {
            Some(&[both]) => Ok(Self([both; 2])),
            Some(&[rows, columns]) => Ok(Self([rows, columns])),
            _ => Err(D::Error::custom("invalid value, expected a whole number or [rows, columns]")),
        }
    }
}

impl<'de> Deserialize<'de> for Sides {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match numbers(&value).as_deref() {
            Some(&[all]) => Ok(Self([all; 4])),
            Some(&[rows, columns]) => Ok(Self([rows, rows, columns, columns])),
            Some(&[top, bottom, left, right]) => Ok(Self([top, bottom, left, right])),
            _ => Err(D::Error::custom(
                "invalid value, expected a whole number or [rows, columns] or [top, bottom, left, right]",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_alike_on_all_sides_is_one_number() {
        for (written, kept) in [
            (json!(3), json!(3)),
            (json!([3, 3]), json!(3)),
            (json!([3, 5]), json!([3, 5])),
            (json!([1, 1, 2, 2]), json!([1, 2])),
            (json!([0, 1, 2, 3]), json!([0, 1, 2, 3])),
        ] {
            let sides: Sides = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(sides).unwrap(), kept);
            assert_eq!(sides.to_string().replace(' ', ""), kept.to_string());
            if written.as_array().is_none_or(|values| values.len() == 2) {
                let pair: Pair = serde_json::from_value(written).unwrap();
                assert_eq!(serde_json::to_value(pair).unwrap(), kept);
            }
        }
        for wrong in [json!(-1), json!("3"), json!([3]), json!([1, 2, 3]), json!([1, -2]), json!(1.5), json!(null)] {
            let one = wrong == json!([3]);
            assert_eq!(serde_json::from_value::<Sides>(wrong.clone()).is_ok(), one, "{wrong}");
            assert_eq!(serde_json::from_value::<Pair>(wrong.clone()).is_ok(), one, "{wrong}");
        }
    }
}
