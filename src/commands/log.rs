//! `revacnn log`: the branches of a store, as a tree.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use revacnn_schemas::{Advice, BranchRecord, Edit, Fidelity, Place, Producer, RunDefinition, written};
use revacnn_store::{BranchList, Gap, Overview, StepSpan, Store, StoreError};
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

/// Levels of the tree that are drawn before a name; of more, their number is.
const DEEPEST: usize = 12;

/// What is said of one branch.
struct Line<'a> {
    record: &'a BranchRecord,
    /// What is drawn before the name: `├─ ` and the like.
    branches: String,
    /// Whether another branch has the same name.
    ambiguous: bool,
    parent: Option<String>,
    steps: Option<StepSpan>,
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
        let mut steps = Vec::with_capacity(list.records.len());
        let mut found = Vec::with_capacity(list.records.len());
        for record in &list.records {
            let described = Described::of(&store, record);
            steps.push(described.steps);
            found.push(Some(described.found));
        }
        let mut lines = Vec::with_capacity(found.len());
        for (place, branches) in tree(&list) {
            let record = &list.records[place];
            let Some(found) = found[place].take() else { continue };
            match found {
                Ok(found) => {
                    let parent = record.parent.as_ref().and_then(|parent| list.place(&parent.branch));
                    let short = parent.and_then(|place| store.gap_before(record, &list.records[place], steps[place]));
                    lines.push(Line::of(record, branches, &list, found, short));
                }
                // Deleted since the branches were listed.
                Err(_) if !store.branch_folder(&record.id).exists() => {}
                Err(error) => problems.push(error.to_string()),
            }
        }
        problems.extend(lines.iter_mut().flat_map(|line| std::mem::take(&mut line.problems)));
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
            let cells = |line: &Line<'_>| columns.iter().map(|column| (column.cell)(line, self.wide)).collect();
            let rows: Vec<Vec<String>> = lines.iter().map(cells).collect();
            write!(out, "{}", table(&heading, &rows))?;
        }
        for problem in &problems {
            warn(problem);
        }
        Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// What was found of a branch, before the tree is drawn.
struct Described {
    /// Its own steps, also where nothing else could be read.
    steps: Option<StepSpan>,
    found: Result<Found, StoreError>,
}

/// What is kept of an [`Overview`]: no reader, for there may be many branches.
struct Found {
    last_loss: Option<f32>,
    validation: Option<(u64, f32, f32)>,
    thinned_steps: u64,
    materialised_steps: u64,
    gaps: Vec<Gap>,
    damaged_files: Vec<StoreError>,
    bytes: u64,
    steps: Option<StepSpan>,
}

impl Described {
    fn of(store: &Store, record: &BranchRecord) -> Self {
        let look = match store.look(record) {
            Ok(look) => look,
            Err(error) => return Self { steps: None, found: Err(error) },
        };
        let steps = look.reader.steps();
        let found = look.overview().map(|overview| {
            let Overview { last_loss, thinned_steps, materialised_steps, gaps, damaged_files, bytes, .. } = overview;
            let validation = overview.last_validation.map(|(step, result)| (step.0, result.loss, result.accuracy()));
            Found { last_loss, validation, thinned_steps, materialised_steps, gaps, damaged_files, bytes, steps }
        });
        Self { steps, found }
    }
}

/// The branches as a tree, by their places in the list: children under their
/// parent in the order of their forks, each with what is drawn before its name.
fn tree(list: &BranchList) -> Vec<(usize, String)> {
    let records = &list.records;
    let parents: Vec<Option<usize>> =
        records.iter().map(|record| record.parent.as_ref().and_then(|parent| list.place(&parent.branch))).collect();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); records.len()];
    for (place, parent) in parents.iter().enumerate() {
        if let Some(parent) = parent {
            children[*parent].push(place);
        }
    }
    for siblings in &mut children {
        siblings.sort_by_key(|&place| records[place].first_step());
    }
    let mut lines = Vec::with_capacity(records.len());
    let mut drawn = vec![false; records.len()];
    // Of each level above, whether nothing follows there.
    let mut ends: Vec<bool> = Vec::new();
    // A circle of parents, which a stranger's store may have, has no root.
    let roots = (0..records.len()).filter(|&place| parents[place].is_none()).chain(0..records.len());
    for root in roots {
        let mut next = vec![(root, 0, false)];
        while let Some((place, depth, is_last)) = next.pop() {
            if std::mem::replace(&mut drawn[place], true) {
                continue;
            }
            ends.truncate(depth);
            lines.push((place, before_name(&ends, is_last)));
            ends.push(is_last);
            let count = children[place].len();
            let below = children[place].iter().enumerate();
            next.extend(below.map(|(at, &child)| (child, depth + 1, at + 1 == count)).rev());
        }
    }
    lines
}

/// What is drawn before the name of a branch below others.
fn before_name(ends: &[bool], is_last: bool) -> String {
    // The root's level has no line.
    let Some(above) = ends.get(1..) else { return String::new() };
    let left_out = (above.len() + 1).saturating_sub(DEEPEST);
    let mut text = if left_out > 0 { format!("⋯{left_out} ") } else { String::new() };
    text.extend(above[left_out..].iter().map(|&ends| if ends { "   " } else { "│  " }));
    text + if is_last { "└─ " } else { "├─ " }
}

/// A column of the table.
struct Column {
    title: &'static str,
    side: Side,
    /// Whether it is shown with `--wide` alone.
    wide: bool,
    /// What it says of a branch; the flag is `--wide`.
    cell: fn(&Line<'_>, bool) -> String,
}

const COLUMNS: [Column; 19] = {
    const fn shown(title: &'static str, side: Side, cell: fn(&Line<'_>, bool) -> String) -> Column {
        Column { title, side, wide: false, cell }
    }
    const fn wide(title: &'static str, side: Side, cell: fn(&Line<'_>, bool) -> String) -> Column {
        Column { title, side, wide: true, cell }
    }
    [
        shown("branch", Side::Left, |line, _| line.name()),
        wide("id", Side::Left, |line, _| line.record.id.to_string()),
        shown("forked at", Side::Right, |line, _| {
            line.record.parent.as_ref().map_or_else(String::new, |parent| count(parent.step.0))
        }),
        shown("edits", Side::Left, |line, in_full| line.edits(in_full)),
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
        shown("steps", Side::Right, |line, _| line.last_step().map_or_else(dash, count)),
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

impl<'a> Line<'a> {
    fn of(record: &'a BranchRecord, branches: String, list: &BranchList, found: Found, short: Option<Gap>) -> Self {
        let parent = record.parent.as_ref().map(|parent| {
            let name = list.get(&parent.branch).map(|other| other.name.to_string());
            format!("{}@{}", name.unwrap_or_else(|| parent.branch.to_string()), parent.step)
        });
        let Found { last_loss, validation, thinned_steps, materialised_steps, bytes, steps, .. } = found;
        let gaps: Vec<Gap> = found.gaps.into_iter().chain(short).collect();
        let problems = gaps.iter().map(|gap| &gap.error).chain(&found.damaged_files).map(ToString::to_string).collect();
        Self {
            record,
            branches,
            ambiguous: list.is_ambiguous(&record.name),
            parent,
            steps,
            last_loss,
            validation,
            thinned_steps,
            materialised_steps,
            gaps: gaps.iter().map(|gap| gap.span).collect(),
            problems,
            bytes,
        }
    }

    /// What the definition says, where this program's engine computes the branch.
    fn defined(&self, value: impl Fn(&RunDefinition) -> Option<String>) -> String {
        self.record.definition().and_then(value).unwrap_or_else(dash)
    }

    fn last_step(&self) -> Option<u64> {
        self.steps.map(|steps| steps.last.0)
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
            Producer::Engine { .. } if self.record.parent.is_some() && self.steps.is_none() => {
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
            "last_step": self.last_step(),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Each fork of a chain of 10,000 had three characters more before its name
    /// than the one before it: a table of 300 MB.
    #[test]
    fn a_deep_tree_is_no_wider_than_a_screen() {
        let drawn = |ends: &[bool]| before_name(ends, true);
        assert_eq!(drawn(&[]), "");
        assert_eq!(drawn(&[true]), "└─ ");
        assert_eq!(drawn(&[true, false, true]), "│     └─ ");
        assert_eq!(drawn(&[false; 12]), format!("{}└─ ", "│  ".repeat(11)));
        assert_eq!(drawn(&[false; 13]), format!("⋯1 {}└─ ", "│  ".repeat(11)));
        assert_eq!(drawn(&[true; 10_000]), format!("⋯9988 {}└─ ", "   ".repeat(11)));
    }
}
