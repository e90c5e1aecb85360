//! A store's history as a notebook: any session is a document afterwards.
//!
//! Every branch becomes the line that makes it again, parents before children, in the
//! order in which they were made. The lines are planned on the store that they were
//! taken from, and one that would train anything there is no line of the notebook: such
//! a branch, and what was forked from it, is told of in prose, with the reason.
//!
//! | file | concept |
//! |---|---|
//! | `line` | a branch as the command that makes it |
//! | `network` | a network as a person writes it |
//! | `text` | lines, networks and prose as Markdown |

mod line;
mod network;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::ops::Range;
use std::sync::Arc;

use revacnn_schemas::{BranchId, BranchName, BranchRecord, Reading, Step};
use revacnn_store::{BranchList, BranchReader, Lineage, Store, numbered_name};
use revacnn_trainer::data::Dataset;

use crate::NotebookError;
use crate::command::Command;
use crate::document::Document;
use crate::plan::{Place, Plan, State};
use crate::program::Program;

/// A store's history.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The notebook.
    pub text: String,
    /// How many branches are lines of it.
    pub lines: usize,
    /// Those that cannot be, in the order in which they were made.
    pub untold: Vec<Untold>,
}

/// A branch that is no line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// The branch.
    pub branch: BranchName,
    /// Why not.
    pub reason: String,
}

/// A branch, and what there is to say of it.
struct Told {
    record: BranchRecord,
    /// Its name in the notebook: its own, unless another branch has that.
    name: BranchName,
    /// Its last step; `None` where it ended before its first.
    last: Option<Step>,
    /// The line, or why there is none.
    line: Result<Command, String>,
}

/// The history of these branches and of what they were forked from, of all where none
/// is named. `place` has the store, and the folder that the notebook is to lie in.
///
/// # Errors
/// Where the store or a branch that was named cannot be read.
pub fn history(store: &Store, named: &[BranchName], place: Place<'_>) -> Result<History, NotebookError> {
    let list = store.branches()?;
    let mut writer = Writer { list: &list, store, place, networks: BTreeMap::new(), datasets: HashMap::new() };
    let mut told = writer.branches(named)?;
    for at in 0..told.len() {
        told[at].line = writer.line(&told, at);
    }
    // What is left out takes others with it.
    loop {
        leave_forks(&mut told);
        let text = text::written(store, &told, &writer.networks);
        if !refuse_others(&mut told, &text, place) {
            let untold = told.iter().filter_map(|told| {
                let reason = told.line.as_ref().err()?.clone();
                Some(Untold { branch: told.record.name.clone(), reason })
            });
            let untold: Vec<Untold> = untold.collect();
            return Ok(History { text, lines: told.len() - untold.len(), untold });
        }
    }
}

/// What lines are made with.
struct Writer<'a> {
    list: &'a BranchList,
    store: &'a Store,
    place: Place<'a>,
    /// Networks of the notebook in TOML, by their names.
    networks: BTreeMap<String, String>,
    /// Data sets by the word that names them, as far as they can be loaded.
    datasets: HashMap<(OsString, Reading), Result<Arc<Dataset>, String>>,
}

impl Writer<'_> {
    /// The branches that are to be told, each after the one that it was forked from.
    fn branches(&self, named: &[BranchName]) -> Result<Vec<Told>, NotebookError> {
        let mut wanted: Vec<BranchId> = Vec::new();
        for name in named {
            let lineage = Lineage::open(self.store, name)?;
            wanted.extend(lineage.branches().iter().map(|record| record.id.clone()));
        }
        let is_wanted = |record: &&BranchRecord| named.is_empty() || wanted.contains(&record.id);
        let mut left: Vec<&BranchRecord> = self.list.records.iter().filter(is_wanted).collect();
        let mut told: Vec<Told> = Vec::new();
        while !left.is_empty() {
            let waits = |record: &BranchRecord| {
                let parent = record.parent.as_ref().map(|parent| &parent.branch);
                parent.is_some_and(|parent| left.iter().any(|other| other.id == *parent))
            };
            // A circle of parents is told of by its first.
            let next = left.iter().position(|record| !waits(record)).unwrap_or_default();
            let record = left.remove(next).clone();
            let is_taken = |name: &BranchName| told.iter().any(|before| before.name == *name);
            let name = match is_taken(&record.name) {
                true => numbered_name(record.name.as_str(), |name| is_taken(name) || self.list.is_taken(name)),
                false => record.name.clone(),
            };
            let (last, line) = match BranchReader::of(self.store, record.clone()) {
                Ok(reader) => (reader.steps().map(|span| span.last), Err(String::new())),
                Err(error) => (None, Err(error.to_string())),
            };
            told.push(Told { record, name, last, line });
        }
        Ok(told)
    }
}

/// Leaves out what was forked from a branch that is left out.
fn leave_forks(told: &mut [Told]) {
    for at in 0..told.len() {
        let Some(parent) = told[at].record.parent.as_ref().map(|parent| parent.branch.clone()) else { continue };
        let parent = told.iter().find(|before| before.record.id == parent);
        if let Some(Told { line: Err(_), record, .. }) = parent
            && told[at].line.is_ok()
        {
            told[at].line = Err(format!("it was forked from `{}`, which is no line here", record.name));
        }
    }
}

/// Leaves out the lines that would train anything in the store, or are of another branch;
/// whether there were any.
fn refuse_others(told: &mut [Told], text: &str, place: Place<'_>) -> bool {
    let document = Document::parse(text);
    let program = Program::of(&document);
    let named = |name: &BranchName| told.iter().position(|told| told.name == *name && told.line.is_ok());
    let mut refused: Vec<(usize, String)> = Vec::new();
    match Plan::of(&document, &program, place) {
        Err(problems) => {
            for problem in problems {
                let is_at = |range: &Range<usize>| range.contains(&problem.range.start);
                let training = program.trainings.iter().find(|training| is_at(&training.range));
                if let Some(at) = training.and_then(|training| named(&training.name)) {
                    refused.push((at, problem.message));
                }
            }
        }
        Ok(plan) => {
            for (node, training) in plan.nodes.iter().zip(&program.trainings) {
                let Some(at) = named(&training.name) else { continue };
                let Told { record, last, .. } = &told[at];
                // One that ended before its first step has that still to make.
                let is_there = node.state() == State::There || last.is_none() && node.branch.is_some();
                let until = last.unwrap_or(record.first_step());
                if node.key != Some(record.key) || !is_there || node.until != Some(until) {
                    refused.push((at, "all that the options of a line can say trains something else".to_owned()));
                }
            }
        }
    }
    let any = !refused.is_empty();
    for (at, reason) in refused {
        told[at].line = Err(reason);
    }
    any
}
