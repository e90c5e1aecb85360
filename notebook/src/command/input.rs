//! `cursor` and `input`: values that views follow.

use clap::{ArgGroup, Args};
use revacnn_schemas::Address;

/// A step that views follow as `$NAME`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Cursor {
    /// Its name.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Where it stands at first, such as main@fork.
    #[arg(value_name = "ADDRESS")]
    pub at: Address,
}

/// A value that views follow as `$NAME`.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(group(ArgGroup::new("control").required(true).args(["range", "choices", "toggle"])))]
pub struct Input {
    /// Its name.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Its value at first.
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub value: String,
    /// Whole numbers from A to B, both of them included.
    #[arg(long, value_name = "A..B", allow_hyphen_values = true)]
    pub(super) range: Option<String>,
    /// One of these words.
    #[arg(long, value_name = "A,B,C", value_delimiter = ',')]
    pub(super) choices: Vec<String>,
    /// `on` or `off`.
    #[arg(long)]
    pub(super) toggle: bool,
}

/// How an input is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// To a whole number from the first to the second.
    Range(i64, i64),
    /// To one of these words.
    Choices(Vec<String>),
    /// To `on` or `off`.
    Toggle,
}

impl Input {
    /// How it is set.
    ///
    /// # Errors
    /// What was expected of range or value, and what was found.
    pub fn control(&self) -> Result<Control, String> {
        let control = match &self.range {
            Some(range) => {
                let ends = range.split_once("..").and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
                match ends.filter(|(low, high): &(i64, i64)| low <= high) {
                    Some((low, high)) => Control::Range(low, high),
                    None => return Err(format!("expected --range FIRST..LAST of whole numbers, found `{range}`")),
                }
            }
            None if self.toggle => Control::Toggle,
            None => Control::Choices(self.choices.clone()),
        };
        let is_one = match &control {
            Control::Range(low, high) => self.value.parse().is_ok_and(|value: i64| (*low..=*high).contains(&value)),
            Control::Choices(choices) => choices.contains(&self.value),
            Control::Toggle => ["on", "off"].contains(&self.value.as_str()),
        };
        if let Control::Choices(choices) = &control
            && let Some(choice) = choices.iter().enumerate().find(|(at, choice)| choices[..*at].contains(choice))
        {
            return Err(format!("expected each choice once, found `{}` again", choice.1));
        }
        if self.choices.iter().any(String::is_empty) {
            return Err("expected words between the commas of --choices, found none".to_owned());
        }
        if is_one {
            return Ok(control);
        }
        let expected = match &control {
            Control::Range(low, high) => format!("a whole number from {low} to {high}"),
            Control::Choices(choices) => format!("one of {}", choices.join(", ")),
            Control::Toggle => "on or off".to_owned(),
        };
        Err(format!("expected {expected} as the value of {}, found `{}`", self.name, self.value))
    }
}
