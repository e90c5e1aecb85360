//! Runs that train in this process, each on a thread of its own. They are
//! steered through their branch's inbox, as those of other processes are.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use revacnn_notebook::command::{AugmentationOptions, ReadingOptions};
use revacnn_notebook::document::Document;
use revacnn_notebook::plan::{self, Event, Outcome, Plan, Share};
use revacnn_notebook::program::Program;
use revacnn_notebook::session::Deed;
use revacnn_recorder::{
    Diverged, Ended, Goal, Length, RecorderError, Run, StartPlan, StartRequest, Steered, Stop, Watcher, resume, start,
    train,
};
use revacnn_schemas::{Advice, BranchId, BranchName, Fidelity, Position, Step, counted};
use revacnn_store::{Store, StoreError};
use revacnn_trainer::named_network;

use super::Shared;
use crate::requests::RunPlan;
use crate::store_events::{Done, Goal as Look, NotebookEvent, Notice, StoreEvent};

/// The runs of this process.
#[derive(Debug)]
pub(crate) struct Runs {
    shared: Shared,
    ending: Arc<Stop>,
    threads: Vec<JoinHandle<()>>,
}

/// The line that starts a run, as a notebook has it.
fn line_of(plan: &RunPlan) -> Vec<String> {
    let mut words = vec!["train".to_owned(), plan.branch.to_string()];
    let mut option = |name: &str, value: String| words.extend([format!("--{name}"), value]);
    option("dataset", plan.dataset.clone());
    words.extend(ReadingOptions::words(&plan.reading));
    words.extend(AugmentationOptions::words(plan.augmentation));
    let mut option = |name: &str, value: String| words.extend([format!("--{name}"), value]);
    option("network", plan.network.clone());
    option("optimizer", plan.optimizer.to_string());
    option("batch-size", plan.batch_size.to_string());
    option("seed", plan.seed.to_string());
    if plan.fidelity != Fidelity::Every {
        option("fidelity", plan.fidelity.to_string());
    }
    option("epochs", plan.epochs.to_string());
    words
}

/// What a person reads of an error.
pub(super) fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// What a person reads of a verb's refusal, with what helps in the window.
pub(super) fn refused(error: RecorderError) -> String {
    if let RecorderError::Diverged { diverged, .. } = &error {
        return format!("{error}: {}", try_next(diverged));
    }
    if let RecorderError::Store(StoreError::NameTaken { name, .. }) = &error {
        return format!("branch {name} is there already: continue its training with t, or choose another name");
    }
    error.to_string()
}

/// What to try after a divergence.
fn try_next(diverged: &Diverged) -> String {
    let Diverged { fork_at, learning_rate, .. } = diverged;
    format!("go to step {fork_at} and fork with a tenth of the learning rate, `set learning-rate {learning_rate}`")
}

impl Runs {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared, ending: Arc::default(), threads: Vec::new() }
    }

    /// Starts a run of its own.
    pub(crate) fn start(&mut self, plan: RunPlan) -> Result<Done, String> {
        let resources = self.shared.resources();
        let line = line_of(&plan);
        let request = StartRequest {
            dataset: Some(plan.dataset.into()),
            reading: plan.reading,
            augmentation: plan.augmentation,
            network: Some(named_network(&plan.network).map_err(words)?),
            optimizer: Some(plan.optimizer),
            batch_size: Some(plan.batch_size),
            seed: Some(plan.seed),
            length: Length::Epochs(plan.epochs),
            fidelity: Some(plan.fidelity),
            ..StartRequest::new(plan.branch)
        };
        let store = Store::open_or_create(&self.shared.store, resources.now_unix_seconds).map_err(words)?;
        let plan = StartPlan::of(request, Some(&store), resources.data_folder.as_deref());
        let plan = plan.map_err(|error| self.with_command(error))?;
        let goal = plan.goal;
        let run = start(&store, plan, &resources).map_err(refused)?;
        let until = run.step_of(goal).map_err(words)?;
        let done = self.train(run, until)?;
        Ok(Done { deed: Some(Deed::Line(line)), ..done })
    }

    /// What a person reads of a refusal, with the command that fetches the data that lack.
    fn with_command(&self, error: RecorderError) -> String {
        let fetch = error.advice().into_iter().find(|advice| matches!(advice, Advice::FetchData { .. }));
        let command = fetch.map(|fetch| format!("; fetch it: {}", self.shared.command(&fetch)));
        refused(error) + &command.unwrap_or_default()
    }

    /// Trains what a notebook says and the store does not have, side by side where nothing
    /// waits. Whoever watches the window hears of every training.
    pub(crate) fn notebook(&mut self, text: &str, folder: &Path) -> Result<Done, String> {
        let document = Document::parse(text);
        let program = Program::of(&document);
        let resources = self.shared.resources();
        let store = Store::open_or_create(&self.shared.store, resources.now_unix_seconds).map_err(words)?;
        let coefficients = self.shared.coefficients;
        let (planned, problems) = Plan::with_problems(
            &document,
            &program,
            plan::Place { folder, store: Some(&store), resources: &resources, read: &coefficients },
        );
        // A wrong view is shown as such, and trains nothing.
        if planned.is_blocked(&document, &problems) {
            let first = problems.first().map_or_else(String::new, |problem| problem.message.clone());
            return Err(format!("the notebook has {}: {first}", counted(problems.len() as u64, "problem")));
        }
        let wanted: Vec<usize> = (0..planned.nodes.len()).collect();
        let left = planned.left(&wanted);
        if left.is_empty() {
            return Ok(Done { text: "nothing is left to train".to_owned(), ..Done::default() });
        }
        let (trainings, steps) = (counted(left.len() as u64, "training"), counted(planned.steps(&left), "step"));
        let (shared, ending, folder) = (self.shared.clone(), self.ending.clone(), folder.to_owned());
        self.threads.retain(|thread| !thread.is_finished());
        let started = std::thread::Builder::new().spawn(move || {
            let place =
                plan::Place { folder: &folder, store: Some(&store), resources: &resources, read: &coefficients };
            let jobs = planned.width(&left).min(resources.threads).max(1);
            let share = Share { wanted: &wanted, jobs, stop: &ending };
            let ours = Mutex::new(BTreeMap::new());
            let outcomes =
                plan::run(planned, &program, place, &store, share, &|event| told(&shared, &program, &ours, event));
            drop(ours);
            let trained: u64 = outcomes.iter().map(Outcome::trained).sum();
            let failed =
                outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Failed(_) | Outcome::Diverged { .. }));
            let failed = match failed.count() {
                0 => String::new(),
                failed => format!("; {} failed", counted(failed as u64, "training")),
            };
            shared.refresh();
            let words = format!("the notebook has run: {} were trained{failed}", counted(trained, "step"));
            shared.tell(StoreEvent::Notebook(NotebookEvent::Ran(words)));
        });
        self.threads.push(started.map_err(|error| format!("no thread can be started to train: {error}"))?);
        Ok(Done { text: format!("the notebook trains: {trainings}, {steps}"), ..Done::default() })
    }

    /// Goes on with a branch.
    pub(crate) fn go_on(&mut self, store: &Store, branch: &BranchName, steps: u64) -> Result<Done, String> {
        let run = resume(store, branch, &self.shared.resources()).map_err(refused)?;
        let until = run.step_of(Goal::More(steps)).map_err(refused)?;
        let done = self.train(run, until)?;
        Ok(Done { deed: Some(Deed::Until { branch: branch.clone(), step: until }), ..done })
    }

    fn train(&mut self, run: Run, until: Step) -> Result<Done, String> {
        let (id, name) = branch(&run).ok_or("nothing of this run is recorded")?;
        let first = run.trainer().position();
        let cautions = run.trainer().cautions().map_err(words)?;
        let mut text = format!("training {name} from step {first} to {until}; p pauses it");
        for caution in &cautions {
            text += &format!("; warning: {caution}");
        }
        if let Some(error) = run.data_not_noted() {
            text += &format!("; warning: {error}; where the images lie is not noted");
        }
        let (shared, ending) = (self.shared.clone(), self.ending.clone());
        self.threads.retain(|thread| !thread.is_finished());
        let watcher = Events { ours: Ours::begin(&self.shared, id), told: cautions };
        let resume = Advice::Resume { branch: name.clone(), more: None };
        let started = std::thread::Builder::new().spawn(move || {
            let notice = match finish(run, until, watcher, &ending) {
                Ok(text) => Notice::Done { text, undo: None },
                Err(error) => Notice::Refused(format!(
                    "training has ended: {error}; what was committed is kept, and `{}` continues from it",
                    shared.command(&resume)
                )),
            };
            shared.refresh();
            shared.tell(StoreEvent::Noticed(notice));
        });
        self.threads.push(started.map_err(|error| format!("no thread can be started to train {name}: {error}"))?);
        // Its end, so that it is followed from its first step on.
        let select = Some((name.clone(), Look::At(Position::Last)));
        Ok(Done { text, select, paused: Some((name, false)), ..Done::default() })
    }

    /// Ends all runs at their step's end, with everything written.
    pub(crate) fn end(&mut self) {
        self.ending.ask();
        for thread in self.threads.drain(..) {
            // One that panicked has sealed nothing; the next resume repairs it.
            let _ = thread.join();
        }
    }
}

/// Tells the window what a run of a notebook tells, and knows which branches it trains.
fn told(shared: &Shared, program: &Program, ours: &Mutex<BTreeMap<usize, Ours>>, event: Event<'_>) {
    let named = |training: usize| program.trainings[training].name.clone();
    let mut ours = ours.lock().unwrap_or_else(PoisonError::into_inner);
    let event = match event {
        Event::Began { training, branch, at, until } => {
            ours.insert(training, Ours::begin(shared, branch.id.clone()));
            shared.refresh();
            NotebookEvent::Began { training: named(training), at, until }
        }
        Event::Stepped { training, at, loss } => NotebookEvent::Stepped { training: named(training), at, loss },
        Event::Cautioned { caution, .. } => {
            let text = format!("warning: {caution}");
            return shared.tell(StoreEvent::Noticed(Notice::Done { text, undo: None }));
        }
        Event::Ended { training, outcome } => {
            ours.remove(&training);
            shared.refresh();
            let words = match outcome {
                Outcome::Failed(error) => Some(error.to_string()),
                Outcome::Diverged { at, .. } => Some(format!("diverged at step {at}")),
                Outcome::Reached { .. } | Outcome::Stopped { .. } | Outcome::Waits | Outcome::Unwanted => None,
            };
            NotebookEvent::Ended { training: named(training), words }
        }
    };
    shared.tell(StoreEvent::Notebook(event));
}

fn branch(run: &Run) -> Option<(BranchId, BranchName)> {
    run.session().map(|session| (session.record().id.clone(), session.record().name.clone()))
}

/// Says which branch a run of this process trains, until it ends.
struct Ours {
    shared: Shared,
    id: BranchId,
}

impl Ours {
    fn begin(shared: &Shared, id: BranchId) -> Self {
        shared.ours().insert(id.clone());
        Self { shared: shared.clone(), id }
    }

    fn is_now(&mut self, id: BranchId) {
        if self.id != id {
            let mut ours = self.shared.ours();
            ours.remove(&self.id);
            ours.insert(id.clone());
            self.id = id;
        }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        self.shared.ours().remove(&self.id);
    }
}

/// Watches a run, and tells the window.
struct Events {
    ours: Ours,
    /// What a person was cautioned of when it started.
    told: Vec<String>,
}

impl Watcher for Events {
    fn cautioned(&mut self, caution: &str) {
        if !self.told.iter().any(|told| told == caution) {
            let text = format!("warning: {caution}");
            self.ours.shared.tell(StoreEvent::Noticed(Notice::Done { text, undo: None }));
        }
    }

    fn steered(&mut self, run: &Run, event: &Steered) {
        match event {
            Steered::Forked { .. } => {
                if let Some((id, _)) = branch(run) {
                    self.ours.is_now(id);
                }
                self.ours.shared.refresh();
            }
            Steered::Unreachable(reason) => {
                let reason = format!("nobody can steer this training: {reason}");
                self.ours.shared.tell(StoreEvent::Noticed(Notice::Refused(reason)));
            }
            Steered::Paused(_) | Steered::Resumed(_) | Steered::Refused(_) | Steered::Unanswered(_) => {}
        }
    }
}

/// Trains to the end; what to say then.
fn finish(mut run: Run, until: Step, mut watcher: Events, ending: &Stop) -> Result<String, RecorderError> {
    let ended = train(&mut run, until, &mut watcher, ending);
    let name = branch(&run).map_or_else(String::new, |(_, name)| name.to_string());
    // A failure of training is the one to tell; what it left is sealed all the
    // same.
    let left = run.finish();
    let (ended, (trainer, _)) = (ended?, left?);
    let step = trainer.position();
    Ok(match ended {
        Ended::Reached => format!("{name} is trained until step {step}"),
        Ended::Stopped => format!("{name} stopped at step {step}"),
        Ended::Diverged(diverged) => format!("{name} diverged at step {step}: {}", try_next(&diverged)),
    })
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::{AugmentationRequest, Reading};
    use revacnn_store::BranchReader;
    use revacnn_test_support::{SmallRun, name};
    use revacnn_trainer::Settings;

    use super::*;
    use crate::worker::Workers;

    /// It recorded one more step that is not a number.
    #[test]
    fn a_branch_that_diverged_is_refused_with_what_helps_in_the_window() {
        let folder = tempfile::tempdir().unwrap();
        let optimizer = "sgd,learning_rate=1e30".parse().unwrap();
        let small = SmallRun { settings: Settings { optimizer, ..Settings::default() }, ..SmallRun::default() };
        let store = small.recorded(folder.path(), 12);
        let (tell, _told) = iced::futures::channel::mpsc::unbounded();
        let coefficients = crate::ViewOptions::of(folder.path()).coefficients;
        let workers = Workers::start(folder.path().to_owned(), None, coefficients, tell);
        let mut runs = Runs::new(workers.shared.clone());
        let refused = runs.go_on(&store, &name("main"), 5).unwrap_err();
        assert!(refused.starts_with("branch main has diverged: at step 12 a value is not finite"), "{refused}");
        assert!(refused.contains("go to step 2 and fork with a tenth of the learning rate"), "{refused}");
        runs.end();
        assert_eq!(BranchReader::open(&store, &name("main")).unwrap().steps().unwrap().last, Step(12));
    }

    fn plan(dataset: &str, reading: Reading) -> RunPlan {
        RunPlan {
            branch: name("mine"),
            dataset: dataset.to_owned(),
            reading,
            augmentation: AugmentationRequest { cutout: Some(4), ..AugmentationRequest::default() },
            network: "paper".to_owned(),
            optimizer: "adam".parse().unwrap(),
            batch_size: 8,
            epochs: 3,
            seed: 0,
            fidelity: Fidelity::Every,
        }
    }

    #[test]
    fn the_line_of_a_run_says_how_its_files_are_read_and_images_varied() {
        let reading = Reading { size: "40x30".parse().ok(), skip_unreadable: true, ..Reading::default() };
        let line = line_of(&plan("./photos", reading)).join(" ");
        assert!(
            line.starts_with("train mine --dataset ./photos --size 40x30 --skip-unreadable --cutout 4 --network"),
            "{line}"
        );
    }

    #[test]
    fn a_run_on_data_that_lack_is_refused_with_the_command_that_fetches_them() {
        let folder = tempfile::tempdir().unwrap();
        let (tell, _told) = iced::futures::channel::mpsc::unbounded();
        let coefficients = crate::ViewOptions::of(folder.path()).coefficients;
        let workers = Workers::start(folder.path().to_owned(), Some("my data".into()), coefficients, tell);
        let mut runs = Runs::new(workers.shared.clone());
        let refused = runs.start(plan("mnist", Reading::default())).unwrap_err();
        assert!(refused.contains("; fetch it: revacnn data fetch mnist --data 'my data'"), "{refused}");
        runs.end();
    }
}
