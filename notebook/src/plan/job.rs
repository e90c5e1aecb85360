//! What other machines do for a plan: a job for each training that is not there.
//!
//! A job has a store of its own. It begins with nothing, with a pack of the branch that it
//! forks, or with one of what there is of its own branch; it trains its own part, and
//! gives that as a pack. Trainings are found by their content, so that what comes back is
//! what a run here would have trained.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use revacnn_schemas::{
    Address, BranchName, Change, Edit, MOST_ARRAY_BYTES, MOST_IMAGE_BYTES, Position, Step, is_path, quoted,
};
use revacnn_store::{BranchList, Lineage, numbered_name};
use revacnn_trainer::data::{Availability, catalogue};
use revacnn_trainer::{presets, read_file};

use super::inputs::{Files, Inputs};
use super::{Place, Plan, Refusal, State};
use crate::command::{Command, Family, Fork, Train, Until, UntilOptions};
use crate::document::{Document, Problem};
use crate::program::{Program, Training, What};

/// What is done elsewhere for a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Jobs {
    /// Branches of the store that jobs begin with.
    pub packs: Vec<Pack>,
    /// The jobs, each after those that it waits for.
    pub jobs: Vec<Job>,
}

/// A branch of the store, packed for those jobs that begin with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// Where it is among the trainings.
    pub training: usize,
    /// The branch.
    pub branch: BranchName,
    /// Whether its tensors are left out.
    pub thin: bool,
    /// The folder for its file.
    pub folder: String,
    /// Its last step.
    pub last: Step,
}

/// A training that is done elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Where it is among the trainings.
    pub training: usize,
    /// What it begins with.
    pub source: Source,
    /// Its branch in its own store.
    pub branch: BranchName,
    /// The command that begins the branch and trains it; none where its source has a part
    /// of it already.
    pub begin: Option<Command>,
    /// The step that it is trained until.
    pub until: Step,
    /// The folder for what belongs to it, named by what it trains.
    pub folder: String,
    /// Files that its command names, each with its name in that folder.
    pub files: Vec<(String, Vec<u8>)>,
    /// Where its data set is found, unless that is in the program.
    pub data: Option<PathBuf>,
    /// Whether another job begins with it.
    pub is_forked: bool,
}

/// What a job begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Nothing.
    Nothing,
    /// A branch of the store, by its place among the packs.
    Pack(usize),
    /// What another job trained, by its place among the jobs.
    Job(usize),
}

/// The longest file of coefficients, in bytes.
const MOST_BYTES: u64 = 1 << 24;

/// How many letters of a digest tell folders apart.
const LETTERS: usize = 12;

impl Plan {
    /// The command of a training alone, with everything resolved that is known: the step
    /// it forks, the branch that holds that step, and the step that it is trained until.
    pub fn command(&self, program: &Program, at: usize) -> Command {
        let training = &program.trainings[at];
        let parent = self.nodes[at].parent.map(|parent| program.trainings[parent].name.clone());
        self.resolved(training, at, training.name.clone(), parent)
    }

    /// The command, with these names of branches.
    fn resolved(&self, training: &Training, at: usize, own: BranchName, parent: Option<BranchName>) -> Command {
        let node = &self.nodes[at];
        match &training.what {
            What::Train(train) => {
                let mut train = train.named(own);
                if let Some(until) = node.until {
                    (train.steps, train.epochs) = (Some(until.0), None);
                }
                Command::Train(Box::new(Family { line: train, over: None }))
            }
            What::Fork { fork, .. } => {
                let mut fork = Fork { new: Some(own), name: None, ..Fork::clone(fork) };
                if let (Some(first), Some(until), Some(parent)) = (node.first, node.until, parent) {
                    fork.address = Address { branch: parent, position: Position::Step(first) };
                    let steps = (until > first).then_some(Until::Step(until.0));
                    fork.until = UntilOptions { steps, epochs: None };
                    // A thin parent would have it otherwise.
                    fork.fidelity = node.shape.as_ref().map(|shape| shape.recording.fidelity);
                }
                Command::Fork(Box::new(Family { line: fork, over: None }))
            }
        }
    }

    /// What other machines are to do. Files that commands name are looked for below
    /// `folder` there, each in its job's own folder.
    ///
    /// # Errors
    /// All that only training can tell, and what cannot be given to other machines.
    pub fn jobs(
        &self,
        document: &Document,
        program: &Program,
        place: Place<'_>,
        folder: &str,
    ) -> Result<Jobs, Vec<Problem>> {
        let list = match place.store.map(revacnn_store::Store::branches).transpose() {
            Ok(list) => list,
            Err(error) => return Err(vec![Problem::new(0..0, format!("the store cannot be read: {error}"))]),
        };
        let mut maker = Maker {
            plan: self,
            program,
            place,
            folder,
            list: list.as_ref(),
            made: vec![None; self.nodes.len()],
            jobs: Jobs { packs: Vec::new(), jobs: Vec::new() },
        };
        let left = self.left(&(0..self.nodes.len()).collect::<Vec<_>>());
        let mut problems = Vec::new();
        for at in left {
            if let Err(refusal) = maker.job(at) {
                problems.extend(refusal.map(|refusal| refusal.at(document, &program.trainings[at])));
            }
        }
        problems.dedup();
        if problems.is_empty() { Ok(maker.jobs) } else { Err(problems) }
    }
}

/// Where a training comes from in a job that forks it, and the branches that come with it.
#[derive(Debug, Clone)]
struct Made {
    source: Source,
    /// Its branch and that of those before it, as they are called there.
    names: Vec<BranchName>,
}

struct Maker<'a> {
    plan: &'a Plan,
    program: &'a Program,
    place: Place<'a>,
    folder: &'a str,
    list: Option<&'a BranchList>,
    made: Vec<Option<Made>>,
    jobs: Jobs,
}

impl Maker<'_> {
    /// Adds a training's job. `Err(None)` where what it forks has none.
    fn job(&mut self, at: usize) -> Result<(), Option<Refusal>> {
        let (node, training) = (&self.plan.nodes[at], &self.program.trainings[at]);
        let (Some(until), Some(first), Some(work)) = (node.until, node.first, node.work) else {
            // It is told where it begins to be unknown.
            let is_first = node.parent.is_none_or(|parent| self.plan.nodes[parent].until.is_some());
            return Err(is_first.then(|| {
                let word = training.words.iter().find(|word| word.contains('@')).map(String::as_str);
                Refusal::new(
                    word,
                    "which step this is only training can tell, and jobs are written before that: write the step, or \
                     train first what it forks, by `revacnn notebook run --only`",
                )
            }));
        };
        self.refuse_taken(at)?;
        let folder = format!("{}-{:.LETTERS$}", training.name, work.to_string());
        let (source, taken) = match (node.state(), node.parent) {
            (State::Begun(_), _) => self.pack(at, false)?,
            (_, Some(parent)) => self.source(parent)?,
            (_, None) => (Source::Nothing, Vec::new()),
        };
        let mut files = Vec::new();
        let (branch, begin) = match (node.state(), &node.branch) {
            (State::Begun(_), Some(record)) => (record.name.clone(), None),
            _ => {
                let is_taken = |name: &BranchName| taken.contains(name);
                let own = match is_taken(&training.name) {
                    true => numbered_name(training.name.as_str(), is_taken),
                    false => training.name.clone(),
                };
                let parent = taken.first().cloned();
                let begin = self.plan.resolved(training, at, own.clone(), parent);
                let within = format!("{}/{folder}", self.folder);
                (own, Some(self.with_files(begin, &within, &mut files).map_err(Some)?))
            }
        };
        let mut names = vec![branch.clone()];
        names.extend(taken.into_iter().filter(|name| *name != branch));
        self.made[at] = Some(Made { source: Source::Job(self.jobs.jobs.len()), names });
        self.jobs.jobs.push(Job {
            training: at,
            source,
            branch,
            begin,
            until: until.max(first),
            folder,
            files,
            data: self.data(at).map_err(Some)?,
            is_forked: false,
        });
        Ok(())
    }

    /// What a job begins with that forks a training, with the names of the branches in
    /// it, that of the training first.
    fn source(&mut self, parent: usize) -> Result<(Source, Vec<BranchName>), Option<Refusal>> {
        if let Some(Made { source, names }) = &self.made[parent] {
            if let Source::Job(job) = source {
                self.jobs.jobs[*job].is_forked = true;
            }
            return Ok((*source, names.clone()));
        }
        if !matches!(self.plan.nodes[parent].state(), State::There | State::Diverged(_)) {
            return Err(None);
        }
        self.pack(parent, true)
    }

    /// A branch that is there, packed.
    fn pack(&mut self, at: usize, thin: bool) -> Result<(Source, Vec<BranchName>), Option<Refusal>> {
        let node = &self.plan.nodes[at];
        let (Some(store), Some(record), Some(last), Some(work)) =
            (self.place.store, &node.branch, node.reached, node.work)
        else {
            return Err(None);
        };
        let lineage = Lineage::of(store, record).map_err(|error| Some(Refusal::new(None, error.to_string())))?;
        let names: Vec<BranchName> = lineage.branches().iter().map(|record| record.name.clone()).collect();
        let source = Source::Pack(self.jobs.packs.len());
        let folder = format!("{}-{:.LETTERS$}", self.program.trainings[at].name, work.to_string());
        self.jobs.packs.push(Pack { training: at, branch: record.name.clone(), thin, folder, last });
        if thin {
            self.made[at] = Some(Made { source, names: names.clone() });
        }
        Ok((source, names))
    }

    /// Refuses a run whose result would not be let in: the store has one of the same
    /// content, recorded in another way, and a branch's id follows from its content.
    fn refuse_taken(&self, at: usize) -> Result<(), Option<Refusal>> {
        let node = &self.plan.nodes[at];
        if node.parent.is_some() || node.branch.is_some() {
            return Ok(());
        }
        let in_store = self.list.and_then(|list| list.records.iter().find(|record| Some(record.key) == node.key));
        let recording = |at: usize| self.plan.nodes[at].shape.as_ref().map(|shape| &shape.recording);
        let is_other = |other: &usize| {
            let (own, its) = (recording(at), recording(*other));
            self.plan.nodes[*other].key == node.key
                && own
                    .zip(its)
                    .is_some_and(|(own, its)| (own.validate_every, &own.probes) != (its.validate_every, &its.probes))
        };
        let in_notebook = (0..at).find(is_other);
        let other = in_store.map(|record| format!("`{}` of the store", record.name));
        let other = other.or_else(|| in_notebook.map(|at| format!("`{}`", self.program.trainings[at].name)));
        match other {
            None => Ok(()),
            Some(other) => Err(Some(Refusal::new(
                None,
                format!(
                    "it trains what {other} trains, and records other images or validations: results of other machines \
                     are told apart by what they train alone. Train it by `revacnn notebook run --only {}`",
                    self.program.trainings[at].name
                ),
            ))),
        }
    }

    /// The command with paths that hold in a job: what it names by a path lies in its
    /// folder, or is named from the root.
    fn with_files(
        &self,
        command: Command,
        within: &str,
        files: &mut Vec<(String, Vec<u8>)>,
    ) -> Result<Command, Refusal> {
        let inputs: &Inputs = &self.plan.inputs;
        match command {
            Command::Train(mut family) => {
                let train: &mut Train = &mut family.line;
                let named = train.network().map(|name| name.to_string_lossy().into_owned());
                // A notebook's own network may have any name.
                if let Some(name) =
                    named.filter(|name| inputs.is_own(name) || !presets().any(|(preset, _)| preset == name))
                {
                    let refused = |message: String| Refusal::new(Some(&name), message);
                    let network = inputs.network(name.as_ref()).map_err(refused)?;
                    let toml = network.to_toml().map_err(|error| refused(error.to_string()))?;
                    files.push(("network.toml".to_owned(), toml.into_bytes()));
                    train.network = Some(format!("{within}/network.toml").into());
                }
                if let Some(file) = train.init().map(|file| file.to_string_lossy().into_owned()) {
                    let refused = |message: String| Refusal::new(Some(&file), message);
                    let path = inputs.confined(file.as_ref()).map_err(refused)?;
                    let bytes = read_file(&path, "arrays of a network", MOST_ARRAY_BYTES)
                        .map_err(|error| refused(error.to_string()))?;
                    files.push(("init".to_owned(), bytes));
                    train.init = Some(format!("{within}/init").into());
                }
                let place = inputs.place_of(train.dataset()).map_err(|message| Refusal::new(None, message))?;
                if is_path(place.as_os_str()) {
                    if place.to_str().is_none() {
                        let message = format!("expected a path that is text, found {}", place.display());
                        return Err(Refusal::new(None, message));
                    }
                    train.dataset = Some(place.into_os_string());
                }
                Ok(Command::Train(family))
            }
            Command::Fork(mut family) => {
                for edit in &mut family.line.edit {
                    if let Some(own) = self.with_file(&edit.to_string_lossy(), within, files)? {
                        *edit = own;
                    }
                }
                Ok(Command::Fork(family))
            }
            other => Ok(other),
        }
    }

    /// An edit that names a file, with a copy of it in the job's folder.
    fn with_file(
        &self,
        text: &str,
        within: &str,
        files: &mut Vec<(String, Vec<u8>)>,
    ) -> Result<Option<OsString>, Refusal> {
        let mut read = Files { inputs: &self.plan.inputs, read: self.place.read, found: None };
        let refused = |message: String| Refusal::new(Some(text), message);
        let edit = Edit::parse(text, &mut read).map_err(|error| refused(error.to_string()))?;
        let Some(path) = read.found else { return Ok(None) };
        let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
        let name = format!("{}{ending}", files.len() + 1);
        let file = format!("{within}/{name}");
        let quoted = quoted(file.as_ref());
        let (mut own, what, most) = match &edit.change {
            Change::SetWeights { layer, filter, bias, .. } => {
                let bias = bias.map(|bias| format!(" bias={bias}")).unwrap_or_default();
                (format!("set-weights {layer}/{filter} {quoted}{bias}"), "arrays", MOST_BYTES)
            }
            Change::LoadWeights { layer, .. } => {
                let layer = layer.as_ref().map(|layer| format!(" layer={layer}")).unwrap_or_default();
                (format!("load-weights {quoted}{layer}"), "arrays", MOST_ARRAY_BYTES)
            }
            Change::DropImages { .. } => (format!("drop-images {quoted}"), "images by their numbers", MOST_IMAGE_BYTES),
            Change::Relabel { .. } => (format!("relabel {quoted}"), "images by their numbers", MOST_IMAGE_BYTES),
            Change::WeightImages { .. } => {
                (format!("weight-images {quoted}"), "images by their numbers", MOST_IMAGE_BYTES)
            }
            _ => return Ok(None),
        };
        let bytes = read_file(&path, what, most).map_err(|error| refused(error.to_string()))?;
        files.push((name, bytes));
        own += &edit.seed.map(|seed| format!(" seed={seed}")).unwrap_or_default();
        Ok(Some(own.into()))
    }

    /// Where the data set of a training is found, unless it is in the program.
    fn data(&self, at: usize) -> Result<Option<PathBuf>, Refusal> {
        let mut at = at;
        let train = loop {
            match &self.program.trainings[at].what {
                What::Train(train) => break train,
                What::Fork { parent, .. } => at = *parent,
            }
        };
        let place = self.plan.inputs.place_of(train.dataset()).map_err(|message| Refusal::new(None, message))?;
        if is_path(place.as_os_str()) {
            return Ok(Some(place));
        }
        let is_embedded = |name: &Path| {
            catalogue(None)
                .into_iter()
                .any(|entry| name == Path::new(entry.name) && matches!(entry.availability, Availability::Ready { .. }))
        };
        let folder = self.place.resources.data_folder.as_deref().filter(|_| !is_embedded(&place));
        Ok(folder.map(|folder| std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())))
    }
}
