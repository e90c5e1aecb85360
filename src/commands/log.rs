//! `revacnn log`: the branches of a store, as a tree.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use revacnn_recorder::RecorderError;
use revacnn_schemas::{Advice, BranchRecord, Edit, Fidelity, Place, Producer, RunDefinition, written};
use revacnn_store::{BranchReader, StepSpan, Store, branch_bytes};
use serde_json::json;

use super::Run;
use crate::error::Failure;
use crate::options::StoreOption;
use crate::output::{self, warn};
use crate::text::{Side, bytes, count, loss, percent, printable, table};

/// Draw the tree of branches.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  revacnn log\n  revacnn log --store runs --wide")]
pub(crate) struct LogArguments {
    #[command(flatten)]
    store: StoreOption,
    /// More columns: the id, the network's size, all hyper-parameters and the schedule, with edits
    /// in full.
    #[arg(long)]
    wide: bool,
}

/// Characters of the column of edits.
const LONGEST_EDITS: usize = 44;

/// What is said of one branch.
struct Line {
    record: BranchRecord,
    /// What is drawn before the name: `├─ ` and the like.
    branches: String,
    /// Whether another branch has the same name.
    ambiguous: bool,
    parent: Option<String>,
    last_step: Option<u64>,
    last_loss: Option<f32>,
    validation: Option<(u64, f32, f32)>,
    thinned_steps: u64,
    materialised_steps: u64,
    /// What of its own steps, and of those that it inherits from its parent,
    /// is missing.
    gaps: Vec<StepSpan>,
    /// That, and which of its files are missing or cut off.
    problems: Vec<String>,
    bytes: u64,
}

impl Run for LogArguments {
    fn place(&self) -> Place {
        self.store.place(None)
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let store = Store::open(&self.store.store)?;
        let list = store.branches()?;
        let mut problems: Vec<String> = list.problems.iter().map(ToString::to_string).collect();
        let mut lines = Vec::new();
        for (record, branches) in tree(&list.records) {
            match describe(&store, record, &list.records) {
                Ok(line) => lines.push(Line { branches, ambiguous: list.is_ambiguous(&record.name), ..line }),
                // Deleted since the branches were listed.
                Err(_) if !store.branch_folder(&record.id).exists() => {}
                Err(error) => problems.push(error.to_string()),
            }
        }
        problems.extend(lines.iter().flat_map(|line| line.problems.iter().cloned()));
        let mut out = output::out();
        if json {
            for line in &lines {
                writeln!(out, "{}", line.json())?;
            }
        } else if lines.is_empty() && problems.is_empty() {
            writeln!(
                out,
                "{} has no branch yet: `{}` records one",
                printable(&self.store.store.display()),
                Advice::Train.command(&self.store.place(None))
            )?;
        } else {
            let columns: Vec<&Column> = COLUMNS.iter().filter(|column| self.wide || !column.wide).collect();
            let heading: Vec<(&str, Side)> = columns.iter().map(|column| (column.title, column.side)).collect();
            let cells = |line: &Line| columns.iter().map(|column| (column.cell)(line, self.wide)).collect();
            let rows: Vec<Vec<String>> = lines.iter().map(cells).collect();
            write!(out, "{}", table(&heading, &rows))?;
        }
        for problem in &problems {
            warn(problem);
        }
        Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The branches as a tree: children under their parent in the order of their
/// forks, each with what is drawn before its name.
fn tree(records: &[BranchRecord]) -> Vec<(&BranchRecord, String)> {
    fn add<'a>(
        records: &'a [BranchRecord],
        record: &'a BranchRecord,
        (own, below): (&str, &str),
        lines: &mut Vec<(&'a BranchRecord, String)>,
    ) {
        // A cycle of parents, which a stranger's store may have, ends here.
        if lines.iter().any(|(other, _)| other.id == record.id) {
            return;
        }
        lines.push((record, own.to_owned()));
        let forked_from =
            |other: &&BranchRecord| other.parent.as_ref().is_some_and(|parent| parent.branch == record.id);
        let mut children: Vec<&BranchRecord> = records.iter().filter(forked_from).collect();
        children.sort_by_key(|child| child.first_step());
        for (place, child) in children.iter().enumerate() {
            let last = place + 1 == children.len();
            let (corner, line) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            add(records, child, (&format!("{below}{corner}"), &format!("{below}{line}")), lines);
        }
    }
    let mut lines = Vec::new();
    let is_known = |record: &&BranchRecord| {
        record.parent.as_ref().is_none_or(|parent| !records.iter().any(|other| other.id == parent.branch))
    };
    for root in records.iter().filter(is_known) {
        add(records, root, ("", ""), &mut lines);
    }
    for record in records {
        add(records, record, ("", ""), &mut lines);
    }
    lines
}

fn describe(store: &Store, record: &BranchRecord, all: &[BranchRecord]) -> Result<Line, RecorderError> {
    let reader = BranchReader::of(store, record.clone())?;
    let span = reader.steps();
    let last = span.map(|span| reader.step_row(span.last)).transpose()?;
    let parent = record.parent.as_ref().map(|parent| {
        let name = all.iter().find(|other| other.id == parent.branch).map(|other| other.name.to_string());
        format!("{}@{}", name.unwrap_or_else(|| parent.branch.to_string()), parent.step)
    });
    let validation = reader.last_validation()?.map(|(step, result)| (step.0, result.loss, result.accuracy()));
    let mut gaps = reader.gaps()?;
    if let Some(parent) = record.parent.as_ref().and_then(|parent| all.iter().find(|other| other.id == parent.branch)) {
        gaps.extend(reader.gap_before(&BranchReader::of(store, parent.clone())?));
    }
    let problems = gaps.iter().map(|gap| gap.error.to_string());
    let problems = problems.chain(reader.damaged_files().iter().map(ToString::to_string)).collect();
    Ok(Line {
        parent,
        last_step: span.map(|span| span.last.0),
        last_loss: last.and_then(|row| row.loss),
        validation,
        thinned_steps: reader.thinned().iter().map(StepSpan::steps).sum(),
        materialised_steps: reader.materialised().iter().map(StepSpan::steps).sum(),
        gaps: gaps.iter().map(|gap| gap.span).collect(),
        problems,
        bytes: branch_bytes(store.root(), &record.id),
        branches: String::new(),
        ambiguous: false,
        record: record.clone(),
    })
}

/// A column of the table.
struct Column {
    title: &'static str,
    side: Side,
    /// Whether it is shown with `--wide` alone.
    wide: bool,
    /// What it says of a branch; the flag is `--wide`.
    cell: fn(&Line, bool) -> String,
}

const COLUMNS: [Column; 19] = {
    const fn shown(title: &'static str, side: Side, cell: fn(&Line, bool) -> String) -> Column {
        Column { title, side, wide: false, cell }
    }
    const fn wide(title: &'static str, side: Side, cell: fn(&Line, bool) -> String) -> Column {
        Column { title, side, wide: true, cell }
    }
    [
        shown("branch", Side::Left, |line, _| line.name()),
        wide("id", Side::Left, |line, _| line.record.id.to_string()),
        shown("forked at", Side::Right, |line, _| {
            line.record.parent.as_ref().map_or_else(String::new, |parent| count(parent.step.0))
        }),
        shown("edits", Side::Left, Line::edits),
        shown("network", Side::Left, |line, _| {
            line.defined(|definition| Some(definition.network.name.clone()).filter(|name| !name.is_empty()))
        }),
        wide("parameters", Side::Right, |line, _| count(line.record.topology.parameters() as u64)),
        shown("data", Side::Left, |line, _| line.defined(|definition| Some(definition.dataset.name.clone()))),
        shown("optimizer", Side::Left, |line, _| line.defined(|definition| Some(definition.optimizer.kind.clone()))),
        shown("rate", Side::Right, |line, _| line.defined(|definition| parameter(definition, "learning_rate"))),
        wide("other parameters", Side::Left, |line, _| line.defined(other_parameters)),
        wide("schedule", Side::Left, |line, _| {
            line.defined(|definition| definition.schedule.map(|schedule| schedule.curve.to_string()))
        }),
        shown("batch", Side::Right, |line, _| line.defined(|definition| Some(count(definition.batch_size.into())))),
        shown("seed", Side::Right, |line, _| line.defined(|definition| Some(definition.seed.to_string()))),
        shown("steps", Side::Right, |line, _| line.last_step.map_or_else(dash, count)),
        shown("last loss", Side::Right, |line, _| loss(line.last_loss)),
        shown("validation", Side::Right, |line, _| {
            line.validation.map_or_else(dash, |(_, _, accuracy)| percent(accuracy))
        }),
        shown("at step", Side::Right, |line, _| line.validation.map_or_else(dash, |(step, _, _)| count(step))),
        shown("on disk", Side::Right, |line, _| bytes(line.bytes)),
        shown("", Side::Left, |line, _| line.stored()),
    ]
};

fn dash() -> String {
    "–".to_owned()
}

/// A hyper-parameter of the optimizer.
fn parameter(definition: &RunDefinition, name: &str) -> Option<String> {
    definition.optimizer.parameters.get(name)?.as_f64().map(written)
}

/// The optimizer's hyper-parameters but the learning rate.
fn other_parameters(definition: &RunDefinition) -> Option<String> {
    let others = definition.optimizer.parameters.keys().filter(|name| *name != "learning_rate");
    let parts = others.filter_map(|name| Some(format!("{}={}", name.replace('_', "-"), parameter(definition, name)?)));
    Some(parts.collect::<Vec<_>>().join(",")).filter(|text| !text.is_empty())
}

impl Line {
    /// What the definition says, where this program's engine computes the branch.
    fn defined(&self, value: impl Fn(&RunDefinition) -> Option<String>) -> String {
        self.record.definition().and_then(value).unwrap_or_else(dash)
    }

    fn name(&self) -> String {
        let (branches, record) = (&self.branches, &self.record);
        if self.ambiguous {
            format!("{branches}{} ({})", record.name, record.id)
        } else {
            format!("{branches}{}", record.name)
        }
    }

    /// Who recorded it, where that was another program, what of the tensors is
    /// stored, where that is not all, and whether files are without checksums.
    fn stored(&self) -> String {
        let stored = self.tensors();
        let stored = match &self.record.producer {
            Producer::Engine { .. } if self.record.parent.is_some() && self.last_step.is_none() => {
                "unfinished: resume it".to_owned()
            }
            Producer::Engine { .. } => stored,
            Producer::Foreign(foreign) if stored.is_empty() => format!("by {foreign}"),
            Producer::Foreign(foreign) => format!("by {foreign}, {stored}"),
        };
        match (self.record.has_checksums(), stored.is_empty()) {
            (true, _) => stored,
            (false, true) => "without checksums".to_owned(),
            (false, false) => format!("{stored}, without checksums"),
        }
    }

    fn tensors(&self) -> String {
        match (self.record.recording.fidelity, self.thinned_steps, self.materialised_steps) {
            (Fidelity::Every, 0, _) => String::new(),
            (Fidelity::Every, steps, _) => format!("{} steps thinned", count(steps)),
            (Fidelity::Keyframes, _, 0) => "keyframes".to_owned(),
            (Fidelity::Keyframes, _, steps) => format!("keyframes, {} steps materialised", count(steps)),
        }
    }

    /// The edits, cut where they would push the numbers off the screen.
    fn edits(&self, in_full: bool) -> String {
        let edits: Vec<String> =
            self.record.edits.iter().map(|edit| Edit { seed: None, ..edit.clone() }.to_string()).collect();
        let text = edits.join("; ");
        if in_full || text.chars().count() <= LONGEST_EDITS {
            return text;
        }
        text.chars().take(LONGEST_EDITS - 1).chain(['…']).collect()
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "branch": self.record.name,
            "id": self.record.id,
            "parent": self.parent,
            "edits": self.record.edits.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "network": self.record.definition().map(|definition| &definition.network.name),
            "dataset": self.record.definition().map(|definition| &definition.dataset),
            "optimizer": self.record.definition().map(|definition| &definition.optimizer),
            "schedule": self.record.definition().and_then(|definition| definition.schedule),
            "batch_size": self.record.definition().map(|definition| definition.batch_size),
            "seed": self.record.definition().map(|definition| definition.seed),
            "parameters": self.record.topology.parameters(),
            "producer": self.record.producer.to_string(),
            "fidelity": self.record.recording.fidelity,
            "first_step": self.record.first_step(),
            "last_step": self.last_step,
            "last_loss": self.last_loss.filter(|loss| loss.is_finite()),
            "validation_step": self.validation.map(|(step, _, _)| step),
            "validation_loss": self.validation.map(|(_, loss, _)| loss).filter(|loss| loss.is_finite()),
            "validation_accuracy": self.validation.map(|(_, _, accuracy)| accuracy),
            "thinned_steps": self.thinned_steps,
            "materialised_steps": self.materialised_steps,
            "missing_steps": self.gaps.iter().map(|gap| [gap.first, gap.last]).collect::<Vec<_>>(),
            "bytes": self.bytes,
            "format_version": self.record.format_version,
            "checksums": self.record.has_checksums(),
            "created_unix_seconds": self.record.created_unix_seconds,
        })
    }
}
