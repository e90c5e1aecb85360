//! The digests that trainings ended with, as a file beside the notebook: what
//! another machine must come to, to the bit.

use std::fmt::Write as _;

use revacnn_schemas::{Digest, Step, whole_number};

/// How a lock file begins.
const FIRST: &str = "# revacnn notebook lock 1: name, key, last step, digest of its weights and optimizer";

/// A training's last step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// Its name in the notebook.
    pub name: String,
    /// The content key of its branch.
    pub key: Digest,
    /// The step.
    pub step: Step,
    /// The digest of the state there.
    pub digest: Digest,
}

/// A lock file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lock {
    /// Its lines, in the order of the notebook.
    pub all: Vec<Locked>,
}

impl Lock {
    /// Reads a lock file.
    ///
    /// # Errors
    /// The first line that is none of one, with its number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut all = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let locked = match line.split_whitespace().collect::<Vec<_>>()[..] {
                [name, key, step, digest] => key.parse().ok().zip(digest.parse().ok()).and_then(|(key, digest)| {
                    Some(Locked { name: name.to_owned(), key, step: Step(whole_number(step).ok()?), digest })
                }),
                _ => None,
            };
            let expected = "a name, a key, a step and a digest";
            let locked = locked.ok_or_else(|| format!("line {}: expected {expected}, found `{line}`", number + 1))?;
            if all.iter().any(|before: &Locked| before.name == locked.name) {
                return Err(format!("line {}: expected a name once, found `{}` again", number + 1, locked.name));
            }
            all.push(locked);
        }
        Ok(Self { all })
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let mut text = format!("{FIRST}\n");
        for Locked { name, key, step, digest } in &self.all {
            writeln!(text, "{name} {key} {step} {digest}").expect("invariant: a string takes every text");
        }
        text
    }

    /// The lock with other lines for these trainings; of others, only those that are
    /// `known` stay.
    pub fn with(&self, reached: Vec<Locked>, known: impl Fn(&str) -> bool) -> Self {
        let is_new = |name: &str| reached.iter().any(|locked| locked.name == name);
        let kept = self.all.iter().filter(|locked| known(&locked.name) && !is_new(&locked.name)).cloned();
        Self { all: kept.chain(reached.iter().cloned()).collect() }
    }

    /// What is known to be otherwise before it is trained, of trainings with their keys and
    /// last steps as far as these are known: a sentence each.
    pub fn differences_of<'a>(
        &self,
        trainings: impl Iterator<Item = (&'a str, Option<Digest>, Option<Step>)>,
    ) -> Vec<String> {
        let known = trainings.filter_map(|(name, key, step)| {
            let then = self.all.iter().find(|locked| locked.name == name);
            // The digest is for training to tell.
            Some(Locked {
                name: name.to_owned(),
                key: key.or(then.map(|then| then.key))?,
                step: step.or(then.map(|then| then.step))?,
                digest: then.map_or(Digest([0; 32]), |then| then.digest),
            })
        });
        self.differences(&known.collect::<Vec<_>>())
    }

    /// What is otherwise than it was: a sentence each.
    pub fn differences(&self, reached: &[Locked]) -> Vec<String> {
        let differs = |now: &Locked| {
            let Some(then) = self.all.iter().find(|locked| locked.name == now.name) else {
                return Some(format!("{}: the lock file does not have it", now.name));
            };
            let (what, was, is) = if then.key != now.key {
                ("key", then.key.to_string(), now.key.to_string())
            } else if then.step != now.step {
                ("last step", then.step.to_string(), now.step.to_string())
            } else if then.digest != now.digest {
                ("digest", then.digest.to_string(), now.digest.to_string())
            } else {
                return None;
            };
            Some(format!("{}: expected the {what} {was}, found {is}", now.name))
        };
        reached.iter().filter_map(differs).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(name: &str, step: u64, digest: u8) -> Locked {
        Locked { name: name.to_owned(), key: Digest([7; 32]), step: Step(step), digest: Digest([digest; 32]) }
    }

    #[test]
    fn a_lock_is_read_as_it_was_written_and_says_where_it_cannot_be() {
        let lock = Lock { all: vec![locked("base.0", 12, 1), locked("wider", 7, 2)] };
        assert_eq!(Lock::parse(&lock.text()).unwrap(), lock);
        assert!(Lock::parse(&format!("{}wider 7\n", lock.text())).unwrap_err().starts_with("line 4: expected a name"));
        let twice = format!("{}{}", lock.text(), lock.text());
        assert!(Lock::parse(&twice).unwrap_err().contains("found `base.0` again"));
    }

    #[test]
    fn a_difference_is_told_with_both_values_and_a_run_of_a_part_keeps_the_rest() {
        let lock = Lock { all: vec![locked("base", 12, 1), locked("wider", 7, 2)] };
        assert!(lock.differences(&[locked("base", 12, 1)]).is_empty());
        assert!(lock.differences(&[locked("base", 13, 1)])[0].contains("expected the last step 12, found 13"));
        assert!(lock.differences(&[locked("base", 12, 3)])[0].contains("expected the digest 0101"));
        assert!(lock.differences(&[locked("new", 1, 1)])[0].contains("does not have it"));
        let with = lock.with(vec![locked("wider", 9, 5)], |name| name != "base");
        assert_eq!(with.all, [locked("wider", 9, 5)]);
        assert_eq!(
            lock.with(vec![locked("wider", 9, 5)], |_| true).all,
            [locked("base", 12, 1), locked("wider", 9, 5)]
        );
    }
}
