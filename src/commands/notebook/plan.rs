//! `revacnn notebook plan`: what would be trained, and what there is already.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::plan::{Node, Plan, State};
use revacnn_recorder::Resources;
use revacnn_schemas::{Place, Step, quoted};
use revacnn_store::{BranchReader, Store};
use serde_json::json;

use super::super::Run;
use super::engine::{Engine, Settings, Unwritten};
use super::file::{FileArgument, Notebook};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption, path, threads};
use crate::output::say;
use crate::run::Size;
use crate::text::{Side, bytes, count, counted, duration, parse_bytes, printable, table};

/// Tell what would be trained, and what there is already; nothing is trained.
#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    #[command(flatten)]
    file: FileArgument,
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    data: DataOption,
    /// Write a file with which another program runs the plan on other machines: a job for each
    /// training that is not there. The results are unpacked into the store.
    #[arg(long = "as", value_name = "ENGINE")]
    engine: Option<Engine>,
    /// The file to write [default: beside the notebook, with its name].
    #[arg(short, long, value_name = "FILE", value_parser = path(), requires = "engine")]
    output: Option<PathBuf>,
    /// Threads of each job [default: 1].
    #[arg(long, value_name = "N", value_parser = threads, requires = "engine")]
    threads: Option<u16>,
    /// The disk budget of each job's branches, as in `train`.
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes, requires = "engine")]
    disk_budget: Option<u64>,
}

impl Run for PlanArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let notebook = self.file.read()?;
        let store = existing(&self.store)?;
        let resources = Resources { data_folder: self.data.folder(), ..Resources::usual(&self.store.store) };
        let plan = notebook.plan(notebook.place(store.as_ref(), &resources), json)?;
        if let Some(engine) = self.engine {
            let threads = self.threads.unwrap_or(1);
            let settings = Settings { store: &self.store.store, threads, disk_budget: self.disk_budget };
            let place = notebook.place(store.as_ref(), &resources);
            return match engine.write(&notebook, &plan, place, &settings, self.output.as_deref()) {
                Ok(written) => {
                    written.tell(json);
                    Ok(ExitCode::SUCCESS)
                }
                Err(Unwritten::Problems(problems)) => Err(notebook.refused(&problems, json)),
                Err(Unwritten::Failure(failure)) => Err(failure),
            };
        }
        let costs = costs(&plan, store.as_ref());
        if json {
            as_json(&notebook, &plan, &costs);
        } else {
            let all: Vec<usize> = (0..plan.nodes.len()).collect();
            say!("{}", as_text(&notebook, &plan, &costs, &all));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The store, if there is one.
pub(super) fn existing(option: &StoreOption) -> Result<Option<Store>, Failure> {
    let folder = &option.store;
    // What is there and is no folder is told of before anything is trained.
    let is_one = folder.join("store.json").exists() || (folder.exists() && !folder.is_dir());
    Ok(is_one.then(|| Store::open(folder)).transpose()?)
}

/// Steps from whose times those of more are told.
const NEWEST: u64 = 200;

/// What a training will take.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    /// Bytes of its log, as far as its steps are known.
    bytes: Option<u64>,
    /// Seconds, where a branch like it was recorded.
    seconds: Option<f64>,
}

/// What each training will take. Seconds are those of recorded steps of the same
/// network: of the branch itself, of what it forks, or of any other in the store.
pub(super) fn costs(plan: &Plan, store: Option<&Store>) -> Vec<Cost> {
    let mut rates: Vec<Option<f64>> = Vec::new();
    let mut any = None;
    for node in &plan.nodes {
        let own = store.zip(node.branch.as_ref()).and_then(|(store, record)| {
            let reader = BranchReader::of(store, record.clone()).ok()?;
            let span = reader.steps()?;
            // The newest rows, by the time that they came: waiting for the log is part of it.
            let first = Step(span.last.0.saturating_sub(NEWEST).max(span.first.0));
            let [begun, ended] =
                [first, span.last].map(|step| reader.step_row(step).ok().map(|row| row.wall_time_micros));
            let steps = span.last.0.checked_sub(first.0).filter(|steps| *steps > 0)?;
            Some((ended? - begun?) as f64 / 1e6 / steps as f64)
        });
        let own = own.filter(|rate| *rate > 0.0);
        any = any.or(own);
        rates.push(own.or_else(|| node.parent.and_then(|parent| rates[parent])));
    }
    let cost = |(node, rate): (&Node, Option<f64>)| {
        let steps = node.steps();
        let size = node.shape.as_ref().map(|shape| Size::of(&shape.topology, &shape.definition, &shape.recording));
        Cost {
            bytes: size.zip(steps).map(|(size, steps)| if steps == 0 { 0 } else { size.of_steps(steps) }),
            seconds: steps.zip(rate.or(any)).map(|(steps, rate)| steps as f64 * rate),
        }
    };
    plan.nodes.iter().zip(rates).map(cost).collect()
}

/// A row for each of these trainings.
pub(super) fn as_text(notebook: &Notebook, plan: &Plan, costs: &[Cost], shown: &[usize]) -> String {
    let heading = [
        ("training", Side::Left),
        ("from", Side::Left),
        ("until", Side::Right),
        ("there", Side::Right),
        ("to train", Side::Right),
        ("about", Side::Right),
        ("log", Side::Right),
    ];
    let trainings = &notebook.program.trainings;
    let step = |step: Option<Step>| step.map_or_else(|| "?".to_owned(), |step| count(step.0));
    let rows = shown.iter().map(|&place| {
        let (node, training, cost) = (&plan.nodes[place], &trainings[place], &costs[place]);
        let from = match node.parent {
            Some(parent) => format!("{}@{}", trainings[parent].name, step(node.first)),
            None => "new".to_owned(),
        };
        let there = match node.state() {
            State::There => "all".to_owned(),
            State::Begun(reached) => count(reached.0),
            State::New => "–".to_owned(),
            State::Diverged(at) => format!("diverged at {}", count(at.0)),
        };
        let some = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
        let is_done = matches!(node.state(), State::There | State::Diverged(_));
        let unless_there = |text: Option<String>| if is_done { String::new() } else { some(text) };
        vec![
            match &node.branch {
                Some(branch) if branch.name != training.name => {
                    format!("{}, in the store {}", training.name, branch.name)
                }
                _ => training.name.to_string(),
            },
            from,
            step(node.until),
            there,
            unless_there(node.steps().map(count)),
            unless_there(cost.seconds.map(duration)),
            unless_there(cost.bytes.map(bytes)),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let path = printable(&notebook.path.display());
    if rows.is_empty() {
        return format!("{path}: no line trains anything");
    }
    format!("{}\n{}", table(&heading, &rows), summary(plan, costs, shown))
}

/// What is to be done for these and what they fork, in one sentence.
pub(super) fn summary(plan: &Plan, costs: &[Cost], wanted: &[usize]) -> String {
    let left = plan.left(wanted);
    if left.is_empty() {
        let diverged = |node: &Node| matches!(node.state(), State::Diverged(_));
        return match plan.nodes.iter().any(diverged) {
            true => "nothing is to be trained".to_owned(),
            false => "all of it is there: nothing is to be trained".to_owned(),
        };
    }
    let known = left.iter().all(|place| plan.nodes[*place].steps().is_some());
    let at_least = if known { "" } else { "at least " };
    let [trainings, steps] =
        [(left.len() as u64, "training"), (plan.steps(&left), "step")].map(|(number, one)| counted(number, one));
    let mut text = format!("{trainings}, {at_least}{steps}");
    let seconds: Option<f64> = left.iter().map(|place| costs[*place].seconds).sum();
    if let Some(seconds) = seconds {
        text += &format!(", about {} on one job", duration(seconds));
    }
    let size: u64 = left.iter().filter_map(|place| costs[*place].bytes).sum();
    text + &format!(", about {} of log", bytes(size))
}

/// A line a training, each with the ones before it that it needs.
fn as_json(notebook: &Notebook, plan: &Plan, costs: &[Cost]) {
    let trainings = &notebook.program.trainings;
    for (at, ((node, training), cost)) in plan.nodes.iter().zip(trainings).zip(costs).enumerate() {
        let state = match node.state() {
            State::There => "there",
            State::Begun(_) => "begun",
            State::New => "new",
            State::Diverged(_) => "diverged",
        };
        let command = plan.command(&notebook.program, at);
        let words: Vec<String> = command.words().iter().map(|word| quoted(word.as_ref())).collect();
        let line = json!({
            "event": "node",
            "name": training.name,
            "family": training.family,
            "key": node.key,
            "planned_key": node.work,
            "parents": node.parent.map(|parent| &trainings[parent].name).into_iter().collect::<Vec<_>>(),
            "command": words.join(" "),
            "network": notebook.program.network(&command),
            "line": notebook.line_and_column(training.range.start).0,
            "state": state,
            "branch": node.branch.as_ref().map(|record| &record.name),
            "first_step": node.first,
            "last_step": node.until,
            "recorded_until": node.reached,
            "steps": node.steps(),
            "seconds": cost.seconds,
            "bytes": cost.bytes,
        });
        say!("{line}");
    }
    let left = plan.left(&(0..trainings.len()).collect::<Vec<_>>());
    let (steps, done) = (plan.steps(&left), left.is_empty());
    say!("{}", json!({ "event": "summary", "trainings": trainings.len(), "steps": steps, "done": done }));
}
