//! Fences of SQL, and the values that they follow.

use std::collections::BTreeMap;

use super::views::{Says, View};
use super::{Named, Names};
use crate::document::{BlockKind, Document, Problem};

/// The queries, each of which can be read with the values that are known; a cursor, whose
/// step is not, stands at 0.
pub(super) fn views(
    document: &Document,
    names: &Names,
    values: &mut BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) -> Vec<View> {
    let mut views = Vec::new();
    for (place, block) in document.blocks().iter().enumerate() {
        let BlockKind::Sql { name, body } = &block.kind else { continue };
        let sql = &document.text()[body.clone()];
        let found = match parameters(sql) {
            Ok(found) => found,
            Err(message) => {
                problems.push(Problem::new(body.clone(), message));
                continue;
            }
        };
        let (begun, mut waits, mut uses) = (problems.len(), name.is_empty(), Vec::new());
        for (parameter, range) in found {
            match names.get(&parameter) {
                Some(Named::Cursor) => drop(values.entry(parameter.clone()).or_insert_with(|| "0".to_owned())),
                Some(Named::Input) => {}
                Some(Named::Unread) => waits = true,
                Some(_) | None => {
                    let range = body.start + range.start..body.start + range.end;
                    problems.push(names.unknown_value(&parameter, range));
                }
            }
            uses.push(parameter);
        }
        problems.extend(quoted(sql, body.start, names));
        uses.sort();
        uses.dedup();
        if problems.len() > begun || waits {
            continue;
        }
        match filled(sql, values) {
            Ok(_) => {
                let says = Says::Query { name: document.text()[name.clone()].to_owned(), sql: sql.to_owned() };
                views.push(View { range: block.range.clone(), block: place, says, uses });
            }
            Err(message) => problems.push(Problem::new(body.clone(), message)),
        }
    }
    views
}

/// Values within quotes, where they are letters.
fn quoted(sql: &str, start: usize, names: &Names) -> Option<Problem> {
    let mut from = 0;
    while let Some(at) = sql[from..].find("'$").map(|at| from + at) {
        let name = &sql[at + 2..];
        let end = name.find(|letter: char| !(letter.is_ascii_alphanumeric() || "_-".contains(letter)));
        let name = &name[..end.unwrap_or(name.len())];
        let range = start + at..start + at + 2 + name.len() + 1;
        if matches!(names.get(name), Some(Named::Cursor | Named::Input)) && sql[at + 2 + name.len()..].starts_with('\'')
        {
            let problem = Problem::new(range, format!("within quotes `${name}` is text, and no value"));
            return Some(problem.with_suggestion(&format!("${name}")));
        }
        from = at + 2;
    }
    None
}

/// The names of a query that stand for values, each with its place.
#[cfg(feature = "sql")]
fn parameters(sql: &str) -> Result<Vec<(String, std::ops::Range<usize>)>, String> {
    let found = revacnn_store::sql::parameters(sql).map_err(|error| error.to_string())?;
    Ok(found.into_iter().map(|parameter| (parameter.name, parameter.range)).collect())
}

/// A query with values in place of their names.
#[cfg(feature = "sql")]
pub(super) fn filled(sql: &str, values: &BTreeMap<String, String>) -> Result<String, String> {
    revacnn_store::sql::filled(sql, values).map_err(|error| error.to_string())
}

/// Without SQL a query is not looked into; its table says why there is none.
#[cfg(not(feature = "sql"))]
fn parameters(_: &str) -> Result<Vec<(String, std::ops::Range<usize>)>, String> {
    Ok(Vec::new())
}

#[cfg(not(feature = "sql"))]
pub(super) fn filled(sql: &str, _: &BTreeMap<String, String>) -> Result<String, String> {
    Ok(sql.to_owned())
}
