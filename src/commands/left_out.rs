//! Commands that a build was made without.

use clap::error::{ContextKind, ContextValue};

/// What a build without some features says to who asks for a command of theirs.
pub(crate) fn left_out(words: &clap::Error) -> Option<String> {
    match words.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(name)) => reason(name, cfg!(feature = "sql"), cfg!(feature = "view")),
        _ => None,
    }
}

fn reason(name: &str, has_sql: bool, has_view: bool) -> Option<String> {
    let (what, feature) = match name {
        "query" if !has_sql => ("SQL", "sql"),
        "view" if !has_view => ("window", "view"),
        _ => return None,
    };
    Some(format!(
        "this build has no {what}: it was made without the feature `{feature}`. In the folder of the sources, `cargo install \
         --path . --features {feature}` makes one that has"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_says_what_it_was_made_without() {
        assert!(
            reason("query", false, true).is_some_and(|text| text.contains("no SQL") && text.contains("--features sql"))
        );
        assert!(reason("view", true, false).is_some_and(|text| text.contains("--features view")));
        for (name, has_sql, has_view) in [("query", true, false), ("view", false, true), ("qury", false, false)] {
            assert_eq!(reason(name, has_sql, has_view), None, "{name}");
        }
    }
}
