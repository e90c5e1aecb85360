//! What is done by hand in the store, as lines of the notebook.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use revacnn_notebook::BranchSummary;
use revacnn_notebook::document::Role;
use revacnn_notebook::session::Deed;
use revacnn_schemas::BranchName;

use super::{News, State};
use crate::store_events::Standing;

impl State {
    /// Writes what was done by hand; returns the words that say so.
    pub(crate) fn record(&mut self, deed: &Deed) -> Option<Result<String, String>> {
        let is_read = !self.session.document().text().is_empty();
        if self.is_history && !(is_read && matches!(deed, Deed::Line(words) if is_view(words))) {
            // What was done in the store is in its history; what is kept of a figure is not.
            let is_view = matches!(deed, Deed::Line(words) if is_view(words));
            if is_view {
                self.pending.push(deed.clone());
            }
            return is_view.then(|| Ok("as soon as the store's history is read".to_owned()));
        }
        // What is typed goes first.
        let _ = self.leave();
        let deleted = match deed {
            Deed::Deleted(branch) => Some(branch.clone()),
            Deed::Line(_) | Deed::Left { .. } | Deed::Until { .. } | Deed::Renamed { .. } => None,
        };
        let deed = self.in_its_names(deed);
        if let Some(reason) = self.contradicts(&deed) {
            return Some(Err(reason));
        }
        match self.session.record(&deed) {
            Ok(None) => None,
            Ok(Some(label)) => {
                self.read_anew();
                self.flashed_at = Some(Instant::now());
                if matches!(deed, Deed::Line(_) | Deed::Left { .. }) {
                    self.news = News::Unseen;
                }
                if let Some(branch) = deleted {
                    self.deleted.insert(label.clone(), branch);
                }
                Some(Ok(label))
            }
            Err(error) => Some(Err(error.to_string())),
        }
    }

    /// Why a deed would make the notebook one that cannot be run.
    fn contradicts(&self, deed: &Deed) -> Option<String> {
        let member = |branch: &BranchName| {
            let training = self.session.program().trainings.iter().find(|training| training.name == *branch)?;
            training.family.as_ref().map(|family| format!("`{branch}` is trained by the line of the family `{family}`"))
        };
        match deed {
            Deed::Until { branch, .. } | Deed::Deleted(branch) => member(branch),
            // Of a text that is not planned yet the plan's lengths may be too short.
            Deed::Line(words) if words[0] == "fork" && self.planned.version == self.version => {
                let (name, step) = words.get(1)?.split_once('@')?;
                let step: u64 = step.parse().ok()?;
                let parent = self.planned.trainings.iter().find(|known| known.name.as_str() == name)?;
                let until = parent.until.filter(|until| until.0 < step)?;
                let parent = member(&parent.name).unwrap_or_else(|| format!("its line trains `{name}`"));
                Some(format!("{parent} until step {until}, and the fork is at {step}: train it further in the text"))
            }
            Deed::Line(_) | Deed::Left { .. } | Deed::Renamed { .. } => None,
        }
    }

    /// What was done, with the notebook's names of branches.
    fn in_its_names(&self, deed: &Deed) -> Deed {
        // Of several names of one branch its own, or else that whose line reaches farthest.
        let mut trainings: Vec<&Standing> = self.planned.trainings.iter().collect();
        trainings.sort_by_key(|standing| (standing.branch.as_ref() == Some(&standing.name), standing.until));
        let names: BTreeMap<&str, &str> = trainings
            .into_iter()
            .filter_map(|standing| Some((standing.branch.as_ref()?.as_str(), standing.name.as_str())))
            .collect();
        let named = |name: &BranchName| -> BranchName {
            names.get(name.as_str()).and_then(|own| own.parse().ok()).unwrap_or_else(|| name.clone())
        };
        let line = |words: &[String]| -> Vec<String> {
            let of_branch = |word: &String| {
                let (name, rest) = word.split_at(word.find('@').unwrap_or(word.len()));
                names.get(name).map_or_else(|| word.clone(), |own| format!("{own}{rest}"))
            };
            let is_value = |place: usize| place > 0 && words[place - 1].starts_with("--");
            let is_new = |place: usize| place == if words[0] == "fork" { 2 } else { 1 } && !is_view(words);
            let each = words.iter().enumerate();
            each.map(
                |(place, word)| {
                    if place == 0 || is_value(place) || is_new(place) { word.clone() } else { of_branch(word) }
                },
            )
            .collect()
        };
        match deed {
            Deed::Line(words) => Deed::Line(line(words)),
            Deed::Left { parent, at, line: words } => Deed::Left { parent: named(parent), at: *at, line: line(words) },
            Deed::Until { branch, step } => Deed::Until { branch: named(branch), step: *step },
            // What the notebook calls otherwise keeps the notebook's name.
            Deed::Renamed { from, .. } if named(from) != *from => Deed::Renamed { from: named(from), to: named(from) },
            Deed::Renamed { from, to } => Deed::Renamed { from: from.clone(), to: to.clone() },
            Deed::Deleted(branch) => Deed::Deleted(named(branch)),
        }
    }

    /// A branch that was deleted is back: so is its line, if its removal was the newest change.
    pub(crate) fn taken_back(&mut self, branch: &BranchName) -> Option<String> {
        self.session.undoes().filter(|label| self.deleted.get(*label) == Some(branch))?;
        let label = self.session.undo()?;
        self.read_anew();
        Some(format!("undone: {label}"))
    }

    /// The branches of the store that no line of the notebook trains; none while it is not
    /// known, and where the notebook is the store's own history.
    pub(crate) fn unwritten(&self, branches: &[BranchSummary]) -> BTreeSet<BranchName> {
        if self.is_history || self.planned.version != self.version || self.planned.is_blocked {
            return BTreeSet::new();
        }
        let written: BTreeSet<&BranchName> =
            self.planned.trainings.iter().filter_map(|training| training.branch.as_ref()).collect();
        let names = branches.iter().map(|branch| &branch.name);
        names.filter(|name| !written.contains(name)).cloned().collect()
    }
}

/// Whether a line shows something, and trains nothing.
fn is_view(words: &[String]) -> bool {
    Role::of(&words[0]) != Role::Training
}
