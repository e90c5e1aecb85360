//! What of a program a store has already, what is to be trained, and training it.
//!
//! A training is found by its content, whatever its branch is called: a run of its
//! own by the key of its definition, a fork by its parent, its step and its edits.
//! Of several equal branches the longest is taken. What is there is not trained
//! again; what is there in part is trained on.
//!
//! | file | concept |
//! |---|---|
//! | `inputs` | data sets, networks and coefficients, from where a notebook may read |
//! | `node` | one training, and how much of it a store has |
//! | `find` | the branch of a store that is a training |
//! | `job` | what other machines do for a plan |
//! | `train` | one training, from where it stands |
//! | `run` | all trainings, side by side where none waits for another |
//! | `lock` | the digests that trainings ended with |
//! | `views` | what views ask of trainings |

mod find;
mod inputs;
mod job;
mod lock;
mod node;
mod run;
mod train;
mod views;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use revacnn_recorder::Resources;
use revacnn_schemas::{BranchName, NetworkSpec};
use revacnn_store::Store;
use revacnn_trainer::data::OwnPicture;
use revacnn_trainer::describe_layer;

use crate::History;
use crate::command::CommandError;
use crate::document::{Block, BlockKind, Document, Problem, Role};
use crate::program::{Program, What};

use inputs::Inputs;

pub use inputs::ReadCoefficients;
pub use job::{Job, Jobs, Pack, Source};
pub use lock::{Lock, Locked};
pub use node::{Node, State};
pub use run::{Event, Outcome, Share, run};

/// With what a program is planned.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The folder of the notebook: what a line names by its path lies in it.
    pub folder: &'a Path,
    /// The store, where there is one.
    pub store: Option<&'a Store>,
    /// Where data sets are, and with what is computed.
    pub resources: &'a Resources,
    /// Reads the coefficients that an edit names.
    pub read: ReadCoefficients<'a>,
}

impl std::fmt::Debug for Place<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Place")
            .field("folder", &self.folder)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// Pictures that lines name by their paths.
#[derive(Debug, Clone)]
pub(crate) struct Pictures(Arc<Inputs>);

impl Pictures {
    /// The picture at a path, from where the notebook may read.
    pub(crate) fn read(&self, path: &Path) -> Result<OwnPicture, CommandError> {
        self.0.picture(path).map_err(CommandError::Value)
    }
}

/// What is to be done, a node a training.
#[derive(Debug, Clone)]
pub struct Plan {
    /// As the program's trainings: each after the one that it forks.
    pub nodes: Vec<Node>,
    inputs: Arc<Inputs>,
}

impl Plan {
    /// Plans a program; nothing is trained or written.
    ///
    /// # Errors
    /// All that is wrong with it: data, networks and edits that cannot be had, and
    /// steps that are not.
    pub fn of(document: &Document, program: &Program, place: Place<'_>) -> Result<Self, Vec<Problem>> {
        let (plan, problems) = Self::with_problems(document, program, place);
        if problems.is_empty() { Ok(plan) } else { Err(problems) }
    }

    /// Plans what of a program can be planned, and says what is wrong with the rest: a
    /// wrong line is in no other one's way, but for those that fork what it trains.
    pub fn with_problems(document: &Document, program: &Program, place: Place<'_>) -> (Self, Vec<Problem>) {
        let mut problems = program.problems.clone();
        let mut plan = Self { nodes: Vec::new(), inputs: Arc::new(Inputs::of(program, place)) };
        let list = match place.store.map(Store::branches).transpose() {
            Ok(list) => list,
            Err(error) => {
                problems.push(Problem::new(0..0, format!("the store cannot be read: {error}")));
                plan.nodes.resize_with(program.trainings.len(), Node::default);
                return (plan, problems);
            }
        };
        for (at, training) in program.trainings.iter().enumerate() {
            match plan.node(training, place, list.as_ref()) {
                Ok(node) => plan.nodes.push(node),
                Err(problem) => {
                    if let Some(refusal) = problem {
                        problems.push(refusal.at(document, &program.trainings[at]));
                    }
                    plan.nodes.push(Node::default());
                }
            }
        }
        problems.extend(unused_networks(document, program));
        problems.extend(plan.check_views(document, program, place));
        problems.sort_by_key(|problem| (problem.range.start, problem.range.end));
        // Members of a family have the same fault.
        problems.dedup();
        (plan, problems)
    }

    /// What the program's views are given besides the store: pictures from where it may read.
    pub(crate) fn pictures(&self) -> Pictures {
        Pictures(self.inputs.clone())
    }

    /// Whether some of these problems are of what is trained, and not of views alone.
    pub fn is_blocked(&self, document: &Document, problems: &[Problem]) -> bool {
        let is_view = |range: &Range<usize>| {
            let mut lines = document.lines().filter(|line| matches!(line.role(), Role::View | Role::Input));
            let mut fences = document.blocks().iter().filter(|block| matches!(block.kind, BlockKind::Sql { .. }));
            lines.any(|line| line.range.start <= range.start && range.end <= line.range.end)
                || fences.any(|block| block.range.start <= range.start && range.end <= block.range.end)
        };
        !problems.iter().all(|problem| is_view(&problem.range))
    }

    /// The histories that the store has of the trainings of a program, which end where the
    /// program's trainings do.
    pub fn histories(&self, program: &Program) -> Vec<(BranchName, Option<History>)> {
        let named = program.trainings.iter().zip(&self.nodes);
        named.map(|(training, node)| (training.name.clone(), node.history())).collect()
    }

    /// The places of the trainings that are not there, of those that are wanted and of
    /// what these fork.
    pub fn left(&self, wanted: &[usize]) -> Vec<usize> {
        let needed = self.needed(wanted);
        let is_left = |place: &usize| match self.nodes[*place].state() {
            State::There | State::Diverged(_) => false,
            State::Begun(_) => true,
            State::New => !self.forks_what_diverged(*place),
        };
        (0..self.nodes.len()).filter(|place| needed[*place] && is_left(place)).collect()
    }

    /// Whether a training is forked from where one diverged, or from what is.
    fn forks_what_diverged(&self, mut place: usize) -> bool {
        while let Some(parent) = self.nodes[place].parent {
            match self.nodes[parent].state() {
                State::Diverged(at) => return self.nodes[place].first.is_some_and(|first| first >= at),
                State::There | State::Begun(_) => return false,
                State::New => place = parent,
            }
        }
        false
    }

    /// Whether each training is wanted, or forked by one that is.
    fn needed(&self, wanted: &[usize]) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        for &place in wanted {
            let mut at = Some(place);
            while let Some(place) = at {
                needed[place] = true;
                at = self.nodes[place].parent;
            }
        }
        needed
    }

    /// How many of these trainings may go on side by side: the most that are equally
    /// far from one that waits for none of them.
    pub fn width(&self, left: &[usize]) -> usize {
        let mut depths: Vec<Option<usize>> = vec![None; self.nodes.len()];
        let mut counts = vec![0; left.len()];
        for &place in left {
            let depth = self.nodes[place].parent.and_then(|parent| depths[parent]).map_or(0, |depth| depth + 1);
            depths[place] = Some(depth);
            counts[depth] += 1;
        }
        counts.into_iter().max().unwrap_or_default()
    }

    /// Steps that are to be trained for these, as far as they are known.
    pub fn steps(&self, left: &[usize]) -> u64 {
        left.iter().filter_map(|place| self.nodes[*place].steps()).fold(0, u64::saturating_add)
    }
}

/// What is wrong with networks that no line trains; of the others the line says it.
fn unused_networks(document: &Document, program: &Program) -> Vec<Problem> {
    let used = |name: &str| {
        program.trainings.iter().any(|training| match &training.what {
            What::Train(train) => train.network().is_some_and(|network| network == name),
            What::Fork { .. } => false,
        })
    };
    let wrong = |block: &Block| {
        let BlockKind::Network { name, body } = &block.kind else { return None };
        if used(&document.text()[name.clone()]) {
            return None;
        }
        let error = match NetworkSpec::from_toml(document.text().get(body.clone())?) {
            Err(error) => error.to_string(),
            Ok(spec) => spec.layers.iter().find_map(|layer| describe_layer(layer).err())?.to_string(),
        };
        Some(Problem::new(body.clone(), format!("this is no network: {error}")))
    };
    document.blocks().iter().filter_map(wrong).collect()
}

/// Why a training cannot be done, and at which of its words.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// A word of the line that has to do with it.
    word: Option<String>,
    message: String,
}

impl Refusal {
    fn new(word: Option<&str>, message: impl Into<String>) -> Self {
        Self { word: word.map(str::to_owned), message: message.into() }
    }

    /// The problem, at the word or else at the line.
    fn at(self, document: &Document, training: &crate::program::Training) -> Problem {
        let line = document.lines().find(|line| line.range == training.range);
        let word = line.and_then(|line| {
            let named = self.word.as_deref()?;
            line.words.iter().find(|word| word.text == named || word.text.ends_with(&format!("={named}")))
        });
        Problem::new(word.map_or(training.range.clone(), |word| word.range.clone()), self.message)
    }
}
