//! Values in place of names such as `$step`: each becomes one number or one text of the
//! query, whatever it holds.

use std::collections::BTreeMap;
use std::ops::Range;

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Location, Token, Tokenizer};

use super::statement;
use crate::StoreError;

/// A name in a query that stands for a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The name, without its `$`.
    pub name: String,
    /// Where it stands, with its `$`, in bytes.
    pub range: Range<usize>,
}

/// The names of a query that stand for values, from left to right. In texts and
/// comments there are none.
///
/// # Errors
/// [`StoreError::Query`] where a text or a comment of the query has no end.
pub fn parameters(sql: &str) -> Result<Vec<Parameter>, StoreError> {
    let tokens = Tokenizer::new(&GenericDialect, sql).tokenize_with_location();
    let tokens = tokens.map_err(|error| StoreError::Query { reason: error.to_string() })?;
    let starts: Vec<usize> = std::iter::once(0).chain(sql.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let offset = |at: Location| -> Option<usize> {
        let start = *starts.get(usize::try_from(at.line).ok()?.checked_sub(1)?)?;
        let column = usize::try_from(at.column).ok()?.checked_sub(1)?;
        Some(sql[start..].char_indices().nth(column).map_or(sql.len(), |(at, _)| start + at))
    };
    let named = tokens.into_iter().filter_map(|token| {
        let Token::Placeholder(text) = token.token else { return None };
        let name = text.strip_prefix('$')?.to_owned();
        let start = offset(token.span.start)?;
        Some(Parameter { range: start..start + text.len(), name })
    });
    Ok(named.collect())
}

/// A query with values in place of their names: what is written as a number is one, all
/// else is text.
///
/// # Errors
/// [`StoreError::Query`] for a name without a value, and for what is no query that only
/// reads the log.
pub fn filled(sql: &str, values: &BTreeMap<String, String>) -> Result<String, StoreError> {
    let (mut text, mut end) = (String::with_capacity(sql.len()), 0);
    for Parameter { name, range } in parameters(sql)? {
        let reason = || format!("`${name}` has no value: a cursor or an input of that name gives it one");
        let value = values.get(&name).ok_or_else(|| StoreError::Query { reason: reason() })?;
        text.push_str(&sql[end..range.start]);
        end = range.end;
        text.push_str(&literal(value));
    }
    text.push_str(&sql[end..]);
    statement::examine(&text)?;
    Ok(text)
}

fn literal(value: &str) -> String {
    let is_number = value.parse::<f64>().is_ok_and(f64::is_finite)
        && value.bytes().all(|byte| byte.is_ascii_digit() || b"-.eE".contains(&byte));
    match is_number {
        // Behind a minus sign another one would begin a comment.
        true if value.starts_with('-') => format!("({value})"),
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', "''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_number_or_one_text_whatever_it_holds() {
        let of = |sql: &str, value: &str| {
            filled(sql, &BTreeMap::from([("t".to_owned(), value.to_owned())])).expect("a query")
        };
        let sql = "SELECT step, '$t' -- $t\nFROM steps WHERE step <= $t AND 'ä' = $t";
        assert_eq!(of(sql, "7"), sql.replacen("= $t", "= 7", 2));
        assert_eq!(of("SELECT 1-$t", "-3"), "SELECT 1-(-3)");
        assert_eq!(of("SELECT $t", "x' OR 1=1 --"), "SELECT 'x'' OR 1=1 --'");
        for text in ["inf", "nan", "1; DROP TABLE steps", "0x10", "+"] {
            assert_eq!(of("SELECT $t", text), format!("SELECT '{text}'"));
        }
        let found = parameters(sql).expect("names");
        assert_eq!(found.iter().map(|found| &sql[found.range.clone()]).collect::<Vec<_>>(), ["$t", "$t"]);
        let error = filled("SELECT $other", &BTreeMap::new()).unwrap_err().to_string();
        assert!(error.contains("`$other` has no value"), "{error}");
        assert!(parameters("SELECT 'open").is_err());
    }
}
