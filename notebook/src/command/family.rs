//! Families: one line that trains several branches.

use std::ops::RangeInclusive;
use std::str::FromStr;

use clap::Args;
use revacnn_schemas::whole_number;

/// The most members of a family.
const MOST_MEMBERS: u64 = 1000;

/// The values that an option takes, one for each member of a family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Over {
    /// The option, without its dashes.
    pub option: String,
    /// A value a member.
    pub values: Vec<String>,
}

impl FromStr for Over {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected OPTION=FIRST..LAST or OPTION=VALUE,VALUE, found `{text}`");
        let (option, values) = text.split_once('=').ok_or_else(expected)?;
        let values: Vec<String> = match values.split_once("..") {
            Some((first, last)) => {
                let span: RangeInclusive<u64> = whole_number(first)?..=whole_number(last)?;
                let count = span.end().checked_sub(*span.start()).ok_or_else(expected)?.saturating_add(1);
                if count > MOST_MEMBERS {
                    return Err(format!("a family has at most {MOST_MEMBERS} members, found {count}"));
                }
                span.map(|number| number.to_string()).collect()
            }
            None => values.split(',').map(|value| value.trim().to_owned()).collect(),
        };
        if option.is_empty() || option.starts_with('-') || values.iter().any(String::is_empty) {
            return Err(expected());
        }
        if values.len() as u64 > MOST_MEMBERS {
            return Err(format!("a family has at most {MOST_MEMBERS} members, found {}", values.len()));
        }
        if let Some(twice) = (1..values.len()).find(|at| values[..*at].contains(&values[*at])) {
            return Err(format!("every member has another value, found `{}` twice", values[twice]));
        }
        Ok(Self { option: option.to_owned(), values })
    }
}

/// A line that trains one branch, or a family of them.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Family<L: Args> {
    /// What all members have.
    #[command(flatten)]
    pub line: L,
    /// Train a family: a branch for each value of an option, named NAME.0, NAME.1 and so on, such as
    /// seed=0..4 or learning-rate=0.3,1,3.
    #[arg(long, value_name = "OPTION=FIRST..LAST|VALUE,…")]
    pub over: Option<Over>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_both_ends_and_absurd_families_are_refused_with_their_number() {
        let over = |text: &str| text.parse::<Over>().map(|over| over.values.join(" "));
        assert_eq!(over("seed=0..4").unwrap(), "0 1 2 3 4");
        assert_eq!(over("learning-rate=0.3,1,3").unwrap(), "0.3 1 3");
        assert!(over("seed=0..999999").unwrap_err().contains("found 1000000"));
        assert!(over("seed=4..0").unwrap_err().contains("FIRST..LAST"));
        assert!(over("seed=1,1").unwrap_err().contains("`1` twice"));
        assert!(over("seed").is_err() && over("seed=1,,2").is_err() && over("=1,2").is_err());
        assert!(over(&format!("seed=0..{}", u64::MAX)).is_err());
    }
}
