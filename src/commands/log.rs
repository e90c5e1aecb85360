//! `revacnn log`: the branches of a store, as a tree.

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use revacnn_schemas::{Advice, AugmentationSpec, Fidelity, Place, written};
use revacnn_store::{BranchList, Listed, Outline, Overview, Overviews, RunOutline, StepSpan, Store, Validated};
use serde_json::json;

use super::Run;
use crate::error::Failure;
use crate::options::StoreOption;
use crate::output::{self, warn};
use crate::text::{Side, bytes, count, counted, loss, percent, printable, table};

/// Draw the tree of branches.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  revacnn log\n  revacnn log --store runs --wide")]
pub(crate) struct LogArguments {
    #[command(flatten)]
    store: StoreOption,
    /// More columns: the id, the network's size, all hyper-parameters, the schedule and the
    /// augmentation, with edits in full.
    #[arg(long)]
    wide: bool,
}

/// Characters of the column of edits.
const LONGEST_EDITS: usize = 44;

/// Levels of the tree that are drawn before a name; of more, their number is.
const DEEPEST: usize = 12;

/// What is said of one branch.
struct Line<'a> {
    overview: &'a Overview,
    /// What is drawn before the name: `├─ ` and the like.
    branches: String,
    /// Whether another branch has the same name.
    ambiguous: bool,
    parent: Option<String>,
    /// What of its own steps, and of those that it inherits from its parent,
    /// is missing.
    gaps: Vec<StepSpan>,
    /// That, and what else is wrong with its files.
    problems: Vec<String>,
}

impl Run for LogArguments {
    fn place(&self) -> Place {
        self.store.place(None)
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let store = Store::open(&self.store.store)?;
        let list = Overviews::open(&store).list(&store)?;
        let lines: Vec<Line<'_>> =
            tree(&list).into_iter().map(|(place, branches)| Line::of(&store, &list, place, branches)).collect();
        let mut out = output::out();
        if json {
            for line in &lines {
                writeln!(out, "{}", line.json())?;
            }
            for problem in &list.problems {
                writeln!(out, "{}", json!({ "event": "error", "message": problem.to_string() }))?;
            }
        } else if lines.is_empty() && list.problems.is_empty() {
            writeln!(
                out,
                "{} has no branch yet: `{}` records one",
                printable(&self.store.store.display()),
                Advice::Train.command(&self.store.place(None))
            )?;
        } else if self.wide {
            write!(out, "{}", wide(&lines))?;
        } else {
            write!(out, "{}", shown(COLUMNS.iter().filter(|column| !column.wide), &lines, false))?;
        }
        let problems = list.problems.iter().map(ToString::to_string);
        let problems: Vec<String> = problems.chain(lines.into_iter().flat_map(|line| line.problems)).collect();
        for problem in &problems {
            warn(problem);
        }
        Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// The table of these columns.
fn shown<'a>(columns: impl Iterator<Item = &'a Column>, lines: &[Line<'_>], in_full: bool) -> String {
    let columns: Vec<&Column> = columns.collect();
    let heading: Vec<(&str, Side)> = columns.iter().map(|column| (column.title, column.side)).collect();
    let cells = |line: &Line<'_>| columns.iter().map(|column| (column.cell)(line, in_full)).collect();
    let rows: Vec<Vec<String>> = lines.iter().map(cells).collect();
    table(&heading, &rows)
}

/// The table of all columns, where what all branches have alike is said once, below.
fn wide(lines: &[Line<'_>]) -> String {
    let mut alike = Vec::new();
    let mut varies = |column: &&Column| {
        let mut cells = lines.iter().map(|line| (column.cell)(line, true));
        let (Some(first), true) = (cells.next(), column.may_be_alike && lines.len() > 1) else { return true };
        let is_alike = cells.all(|cell| cell == first);
        if is_alike && first != dash() {
            alike.push(format!("{} {first}", column.title));
        }
        !is_alike
    };
    // The longest comes last, so that the others can be compared.
    let (edits, others): (Vec<&Column>, Vec<&Column>) = COLUMNS.iter().partition(|column| column.title == EDITS);
    let columns: Vec<&Column> = others.into_iter().filter(|column| varies(column)).chain(edits).collect();
    let mut text = shown(columns.into_iter(), lines, true);
    if !alike.is_empty() {
        text += &format!("\nin all branches: {}\n", alike.join("; "));
    }
    text
}

/// The branches as a tree, by their places in the list: children under their
/// parent in the order of their forks, each with what is drawn before its name.
fn tree(list: &BranchList<Arc<Overview>>) -> Vec<(usize, String)> {
    let records = &list.records;
    let parents: Vec<Option<usize>> =
        records.iter().map(|record| record.parent().and_then(|parent| list.place(&parent.branch))).collect();
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
    /// Whether it is of what a branch was made with, which others may have as well.
    may_be_alike: bool,
    /// What it says of a branch; the flag is `--wide`.
    cell: fn(&Line<'_>, bool) -> String,
}

/// The column of edits.
const EDITS: &str = "edits";

const COLUMNS: [Column; 20] = {
    const fn of_branch(title: &'static str, side: Side, cell: fn(&Line<'_>, bool) -> String) -> Column {
        Column { title, side, wide: false, may_be_alike: false, cell }
    }
    const fn of_run(title: &'static str, side: Side, cell: fn(&Line<'_>, bool) -> String) -> Column {
        Column { may_be_alike: true, ..of_branch(title, side, cell) }
    }
    const fn wide(column: Column) -> Column {
        Column { wide: true, ..column }
    }
    [
        of_branch("branch", Side::Left, |line, _| line.name()),
        wide(of_branch("id", Side::Left, |line, _| line.outline().id.to_string())),
        of_branch("forked at", Side::Right, |line, _| {
            line.outline().parent.as_ref().map_or_else(String::new, |parent| count(parent.step.0))
        }),
        of_branch(EDITS, Side::Left, |line, in_full| line.edits(in_full)),
        of_run("network", Side::Left, |line, _| {
            line.defined(|run| Some(run.network.clone()).filter(|name| !name.is_empty()))
        }),
        wide(of_run("parameters", Side::Right, |line, _| count(line.outline().parameters))),
        of_run("data", Side::Left, |line, _| line.defined(|run| Some(run.dataset.name.clone()))),
        of_run("optimizer", Side::Left, |line, _| line.defined(|run| Some(run.optimizer.clone()))),
        of_run("rate", Side::Right, |line, _| line.defined(|run| parameter(run, "learning_rate"))),
        wide(of_run("other parameters", Side::Left, |line, _| line.defined(other_parameters))),
        wide(of_run("schedule", Side::Left, |line, _| {
            line.defined(|run| run.schedule.as_ref().map(|schedule| schedule.curve.to_string()))
        })),
        of_run("batch", Side::Right, |line, _| line.defined(|run| Some(count(run.batch_size.into())))),
        of_run("seed", Side::Right, |line, _| line.defined(|run| Some(run.seed.to_string()))),
        wide(of_run("augmentation", Side::Left, |line, _| {
            let varied = |run: &RunOutline| Some(run.augmentation).filter(|spec| *spec != AugmentationSpec::NONE);
            line.defined(|run| varied(run).map(|spec| spec.to_string()))
        })),
        of_branch("steps", Side::Right, |line, _| line.last_step().map_or_else(dash, count)),
        of_branch("last loss", Side::Right, |line, _| loss(line.overview.last_loss)),
        of_branch("validation", Side::Right, |line, _| {
            // A network that predicts no class has its loss alone.
            let of = |validated: Validated| {
                validated.accuracy.map_or_else(|| format!("loss {}", loss(Some(validated.loss))), percent)
            };
            line.overview.result().map_or_else(dash, of)
        }),
        of_branch("at step", Side::Right, |line, _| {
            line.overview.result().map_or_else(dash, |validated| count(validated.step.0))
        }),
        of_branch("on disk", Side::Right, |line, _| bytes(line.overview.bytes)),
        of_branch("", Side::Left, |line, _| line.stored()),
    ]
};

fn dash() -> String {
    "–".to_owned()
}

/// A hyper-parameter of the optimizer.
fn parameter(run: &RunOutline, name: &str) -> Option<String> {
    run.hyper_parameters.get(name)?.as_f64().map(written)
}

/// The optimizer's hyper-parameters but the learning rate.
fn other_parameters(run: &RunOutline) -> Option<String> {
    let others = run.hyper_parameters.keys().filter(|name| *name != "learning_rate");
    let parts = others.filter_map(|name| Some(format!("{}={}", name.replace('_', "-"), parameter(run, name)?)));
    Some(parts.collect::<Vec<_>>().join(",")).filter(|text| !text.is_empty())
}

impl<'a> Line<'a> {
    fn of(store: &Store, list: &'a BranchList<Arc<Overview>>, place: usize, branches: String) -> Self {
        let overview = &*list.records[place];
        let parent = overview.parent().map(|parent| {
            let name = list.get(&parent.branch).map(|other| other.name().to_string());
            format!("{}@{}", name.unwrap_or_else(|| parent.branch.to_string()), parent.step)
        });
        let short = list.parent(&list.records[place]);
        let short = short.and_then(|parent| store.gap_before(overview, &**parent, parent.steps));
        let gaps = || overview.gaps.iter().chain(&short);
        Self {
            overview,
            branches,
            ambiguous: list.is_ambiguous(overview.name()),
            parent,
            gaps: gaps().map(|gap| gap.span).collect(),
            problems: gaps().map(|gap| &gap.error).chain(&overview.damage).map(ToString::to_string).collect(),
        }
    }

    fn outline(&self) -> &Outline {
        &self.overview.outline
    }

    /// What the definition says, where this program's engine computes the branch.
    fn defined(&self, value: impl Fn(&RunOutline) -> Option<String>) -> String {
        self.outline().run.as_ref().and_then(value).unwrap_or_else(dash)
    }

    fn last_step(&self) -> Option<u64> {
        self.overview.steps.map(|steps| steps.last.0)
    }

    fn name(&self) -> String {
        let (branches, outline) = (&self.branches, self.outline());
        if self.ambiguous {
            format!("{branches}{} ({})", outline.name, outline.id)
        } else {
            format!("{branches}{}", outline.name)
        }
    }

    /// Who recorded it, where that was another program, what of the tensors is
    /// stored, where that is not all, and whether files are without checksums or
    /// damaged.
    fn stored(&self) -> String {
        let (outline, tensors) = (self.outline(), self.tensors());
        let mut said = Vec::new();
        if !self.problems.is_empty() {
            said.push("damaged".to_owned());
        }
        let is_begun = outline.parent.is_none() || self.overview.steps.is_some() || self.overview.is_damaged();
        match &outline.run {
            Some(_) if !is_begun => said.push("unfinished: resume it".to_owned()),
            Some(_) => said.extend(tensors),
            None => said.extend([Some(format!("by {}", outline.producer)), tensors].into_iter().flatten()),
        }
        if !outline.has_checksums() {
            said.push("without checksums".to_owned());
        }
        said.join(", ")
    }

    fn tensors(&self) -> Option<String> {
        let Overview { thinned_steps, materialised_steps, outline, .. } = self.overview;
        match (outline.fidelity, *thinned_steps, *materialised_steps) {
            (Fidelity::Every, 0, _) => None,
            (Fidelity::Every, steps, _) => Some(format!("{} thinned", counted(steps, "step"))),
            (Fidelity::Keyframes, _, 0) => Some("keyframes".to_owned()),
            (Fidelity::Keyframes, _, steps) => Some(format!("keyframes, {} materialised", counted(steps, "step"))),
        }
    }

    /// The edits, cut where they would push the numbers off the screen.
    fn edits(&self, in_full: bool) -> String {
        let text = self.outline().changes.join("; ");
        if in_full || text.chars().count() <= LONGEST_EDITS {
            return text;
        }
        text.chars().take(LONGEST_EDITS - 1).chain(['…']).collect()
    }

    fn json(&self) -> serde_json::Value {
        let (overview, outline, run) = (self.overview, self.outline(), self.outline().run.as_ref());
        let validated = overview.last_validation;
        json!({
            "branch": outline.name,
            "id": outline.id,
            "parent": self.parent,
            "edits": outline.edits,
            "network": run.map(|run| &run.network),
            "dataset": run.map(|run| &run.dataset),
            "optimizer": run.map(RunOutline::optimizer),
            "schedule": run.and_then(|run| run.schedule.as_ref()),
            "batch_size": run.map(|run| run.batch_size),
            "augmentation": run.map(|run| run.augmentation),
            "seed": run.map(|run| run.seed),
            "parameters": outline.parameters,
            "producer": outline.producer,
            "fidelity": outline.fidelity,
            "first_step": overview.first_step(),
            "last_step": self.last_step(),
            "last_loss": overview.last_loss.filter(|loss| loss.is_finite()),
            "validation_step": validated.map(|validated| validated.step),
            "validation_loss": validated.map(|validated| validated.loss).filter(|loss| loss.is_finite()),
            "validation_accuracy": validated.and_then(|validated| validated.accuracy),
            "thinned_steps": overview.thinned_steps,
            "materialised_steps": overview.materialised_steps,
            "missing_steps": self.gaps.iter().map(|gap| [gap.first, gap.last]).collect::<Vec<_>>(),
            "problems": self.problems,
            "bytes": overview.bytes,
            "format_version": outline.format_version,
            "checksums": outline.has_checksums(),
            "created_unix_seconds": outline.created_unix_seconds,
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
