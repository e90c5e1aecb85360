//! Commands that a build was made without.

use clap::error::{ContextKind, ContextValue};

/// What a build without some features says to who asks for a command of theirs.
pub(crate) fn left_out(words: &clap::Error) -> Option<String> {
    match words.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(name)) => reason(name, &|feature| {
            let there =
                [("sql", cfg!(feature = "sql")), ("view", cfg!(feature = "view")), ("fetch", cfg!(feature = "fetch"))];
            there.contains(&(feature, true))
        }),
        _ => None,
    }
}

fn reason(name: &str, has: &dyn Fn(&str) -> bool) -> Option<String> {
    let (what, feature) = match name {
        "query" => ("SQL", "sql"),
        "view" => ("window", "view"),
        "fetch" => ("`data fetch`", "fetch"),
        _ => return None,
    };
    (!has(feature)).then(|| format!(
        "this build has no {what}: it was made without the feature `{feature}`. In the folder of the sources, `cargo install \
         --path . --features {feature}` makes one that has"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_says_what_it_was_made_without() {
        for (name, what, feature) in
            [("query", "no SQL", "sql"), ("view", "no window", "view"), ("fetch", "no `data fetch`", "fetch")]
        {
            let text = reason(name, &|other| other != feature).unwrap_or_default();
            assert!(text.contains(what) && text.contains(&format!("--features {feature}")), "{name}: {text}");
            assert_eq!(reason(name, &|other| other == feature), None, "{name}");
        }
        assert_eq!(reason("qury", &|_| false), None);
    }
}
