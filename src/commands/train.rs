//! `revacnn train`: the main job.

use std::process::ExitCode;

use clap::Args;
use revacnn_notebook::command::Train;
use revacnn_recorder::{RecorderError, StartPlan, start, start_unrecorded};
use revacnn_schemas::{BranchRecord, Place, RunDefinition, Step};
use revacnn_store::{Store, unix_seconds};
use revacnn_trainer::data::Taken;
use serde_json::json;

use super::Run;
use crate::error::Failure;
use crate::interrupt;
use crate::options::{DataOption, StoreOption, TrainingOptions};
use crate::output::{say, warn};
use crate::run::{Size, go, refused, warn_of_budget};
use crate::text::{bytes, count, counted, printable};

/// Train a network and record every step; on an existing branch, go on.
#[derive(Debug, Args)]
#[command(
    after_help = "Options that are not given are as the branch has them, or, of a new branch, the defaults. Adam at a batch
of 8 is the default because it learns `shapes` within seconds and goes on learning CIFAR-10.

Examples:
  revacnn train
  revacnn train small --dataset digits --network 20-20-20 --epochs 5 --seed 3
  revacnn train sgd --dataset cifar10 --data ~/data --optimizer sgd --learning-rate 0.01 --batch-size 32
  revacnn train mine --dataset ./photos --size 32x32 --fit crop"
)]
pub(crate) struct TrainArguments {
    #[command(flatten)]
    store: StoreOption,
    #[command(flatten)]
    train: Train,
    #[command(flatten)]
    data: DataOption,
    #[command(flatten)]
    training: TrainingOptions,
    /// Train without recording anything.
    #[arg(long)]
    no_record: bool,
}

impl Run for TrainArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let place = self.place();
        let resources = self.training.resources(&self.store, &self.data);
        let folder = &self.store.store;
        let existing =
            (!self.no_record && folder.join("store.json").exists()).then(|| Store::open(folder)).transpose()?;
        let (request, notes) = self.train.request()?;
        for note in &notes {
            warn(note);
        }
        let plan = StartPlan::of(request, existing.as_ref(), resources.data_folder.as_deref());
        let plan = plan.map_err(|error| match error {
            RecorderError::TooManySteps => Failure::Usage("--epochs is too large to count its steps".to_owned()),
            error => error.into(),
        })?;
        say_taken(plan.dataset.taken(), json);
        interrupt::listen();
        if self.no_record {
            let until = plan.until;
            return go(start_unrecorded(plan, &resources)?, until, place, json);
        }
        let store = Store::open_or_create(folder, unix_seconds())?;
        let goal = plan.goal;
        let run = start(&store, plan, &resources).map_err(|error| refused(error, &place))?;
        // Where epochs of a fork end is known once it is opened.
        let until = run.step_of(goal)?;
        let budget = resources.recorder.disk_budget;
        if let Some(session) = run.session().filter(|_| !json) {
            say!("{}", announcement(session.record(), run.trainer().definition(), until, budget));
        }
        warn_of_budget(&run, budget, until);
        go(run, until, place, json)
    }
}

/// What files of a person's own were taken for.
fn say_taken(taken: Option<&Taken>, json: bool) {
    let Some(Taken { reading, description, notes }) = taken else { return };
    if json {
        say!("{}", json!({ "event": "data", "reading": reading, "description": description, "notes": notes }));
        return;
    }
    say!("{}", printable(description));
    notes.iter().for_each(|note| say!("note: {}", printable(note)));
}

/// What will be trained, and what that takes.
fn announcement(record: &BranchRecord, definition: &RunDefinition, until: Step, budget: Option<u64>) -> String {
    let steps = until.0.saturating_sub(record.first_step().0);
    let size = Size::of(&record.topology, definition, &record.recording).of_steps(steps);
    let thinned = match budget {
        Some(budget) if size > budget => {
            format!(", thinned to keyframes past {} (which loses nothing; see --disk-budget)", bytes(budget))
        }
        _ => String::new(),
    };
    format!(
        "{} on {}: {}, batch {}, until step {} — about {} on disk{thinned}",
        printable(&network_name(definition)),
        printable(&definition.dataset.name),
        counted(record.topology.parameters() as u64, "parameter"),
        definition.batch_size,
        count(until.0),
        bytes(size),
    )
}

fn network_name(definition: &RunDefinition) -> &str {
    if definition.network.name.is_empty() { "network" } else { &definition.network.name }
}
