//! The positions that cursors and inputs have on a page.

use std::collections::BTreeMap;

use revacnn_schemas::{BranchName, Position as At, Step, count, counted};

use super::Notebook;
use crate::command::Control;
use crate::{NotebookError, Sources};

/// The most positions of one cursor or input.
const MOST_POSITIONS: usize = 60;

/// The most positions of one view: those of what it follows multiply.
const MOST_FRAMES: usize = 120;

/// How a value is set on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A slider.
    Slider,
    /// A list.
    List,
    /// A box to tick.
    Toggle,
}

/// A cursor or an input, and its positions.
#[derive(Debug)]
pub(super) struct Dial {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The block that its line stands in.
    pub(super) block: usize,
    pub(super) positions: Vec<Position>,
    /// The position that is shown first.
    pub(super) first: usize,
    /// What is left out, in words.
    pub(super) says: String,
}

/// One position.
#[derive(Debug, Clone)]
pub(super) struct Position {
    /// The value that views are given.
    pub(super) value: String,
    /// What it is, in words.
    pub(super) says: String,
}

/// The dials of a notebook, in the order of its lines, and why some have no position.
pub(super) fn dials(notebook: &Notebook<'_>, sources: &mut Sources, most: usize) -> (Vec<Dial>, Vec<String>) {
    let (mut dials, mut lacks) = (Vec::new(), Vec::new());
    let most = most.min(MOST_POSITIONS);
    let block_of = |at: usize| notebook.document.blocks().iter().position(|block| block.range.contains(&at));
    for (range, cursor) in &notebook.program.cursors {
        let block = block_of(range.start).unwrap_or_default();
        match of_cursor(notebook, sources, &cursor.at.branch, cursor.at.position, most) {
            Ok((positions, first, says)) => {
                dials.push(Dial { name: cursor.name.clone(), kind: Kind::Slider, block, positions, first, says });
            }
            Err(error) => lacks.push(format!("cursor {}: {error}", cursor.name)),
        }
    }
    for (range, input, control) in &notebook.program.inputs {
        let block = block_of(range.start).unwrap_or_default();
        let (kind, values) = match control {
            Control::Range(low, high) => (Kind::Slider, whole(*low, *high, &input.value, most)),
            Control::Choices(choices) => (Kind::List, choices.clone()),
            Control::Toggle => (Kind::Toggle, vec!["off".to_owned(), "on".to_owned()]),
        };
        let says = match control {
            Control::Range(low, high) => left_out(values.len(), high.abs_diff(*low).saturating_add(1), "value"),
            _ => String::new(),
        };
        let first = values.iter().position(|value| *value == input.value).unwrap_or_default();
        let positions = values.into_iter().map(|value| Position { says: value.clone(), value }).collect();
        dials.push(Dial { name: input.name.clone(), kind, block, positions, first, says });
    }
    fit(notebook, &mut dials);
    (dials, lacks)
}

/// The values that everything begins with.
pub(super) fn first_values(dials: &[Dial]) -> BTreeMap<String, String> {
    dials.iter().map(|dial| (dial.name.clone(), dial.positions[dial.first].value.clone())).collect()
}

/// The steps of a cursor: where it stands first, forks, ends of epochs, both ends, and
/// then even ones.
fn of_cursor(
    notebook: &Notebook<'_>,
    sources: &mut Sources,
    branch: &BranchName,
    at: At,
    most: usize,
) -> Result<(Vec<Position>, usize, String), NotebookError> {
    let address = revacnn_schemas::Address { branch: branch.clone(), position: at };
    let first = sources.resolve(&address)?;
    let lineage = sources.lineage(branch)?;
    let Some(span) = lineage.steps() else { return Err(NotebookError::Untrained { branch: branch.clone() }) };
    let own: Vec<_> = lineage.branches().iter().map(|record| record.id.clone()).collect();
    let mut forks: BTreeMap<Step, Vec<String>> = BTreeMap::new();
    for (training, node) in notebook.program.trainings.iter().zip(&notebook.plan.nodes) {
        let parent = node.branch.as_ref().and_then(|record| record.parent.as_ref());
        let is_here = parent.is_some_and(|parent| own.contains(&parent.branch));
        if let Some(step) = node.first.filter(|step| is_here && span.contains(*step)) {
            forks.entry(step).or_default().push(training.name.to_string());
        }
    }
    let mut ends = Vec::new();
    let mut end = span.first;
    // More ends of epochs than positions are no positions.
    while end < span.last && ends.len() <= most {
        end = sources.epoch_end(branch, end, true)?;
        ends.push(end);
    }
    let mut steps = vec![first, span.first, span.last];
    for more in [forks.keys().copied().collect(), ends] {
        add(&mut steps, more, most);
    }
    let even = |place: u64| Step(span.first.0 + (span.last.0 - span.first.0) * place / (most as u64).max(1));
    add(&mut steps, (0..most as u64).map(even).collect(), most);
    steps.sort();
    steps.dedup();
    let mut positions = Vec::with_capacity(steps.len());
    for step in &steps {
        let row = sources.row(branch, *step)?;
        let epoch = match (row.cursor.epoch.0, row.cursor.offset) {
            (0, 0) => "before epoch 1".to_owned(),
            (done, 0) => format!("epoch {} done", count(done)),
            (done, _) => format!("epoch {}", count(done + 1)),
        };
        let fork = forks.get(step).map_or_else(String::new, |names| format!(", fork of {}", shortened(names)));
        positions.push(Position { value: step.0.to_string(), says: format!("step {}, {epoch}{fork}", count(step.0)) });
    }
    let place = steps.iter().position(|step| *step == first).unwrap_or_default();
    let says = left_out(positions.len(), span.steps(), "step");
    Ok((positions, place, says))
}

/// A few names, and how many more.
fn shortened(names: &[String]) -> String {
    match names {
        [first, second, rest @ ..] if !rest.is_empty() => format!("{first}, {second} and {} others", rest.len()),
        names => names.join(" and "),
    }
}

/// Adds as many steps as there is room for, evenly chosen.
fn add(steps: &mut Vec<Step>, mut more: Vec<Step>, most: usize) {
    steps.sort();
    steps.dedup();
    more.retain(|step| !steps.contains(step));
    more.dedup();
    let room = most.saturating_sub(steps.len());
    let chosen = evenly(more.len(), room);
    steps.extend(chosen.into_iter().map(|place| more[place]));
}

/// So many places of a list, evenly, the last one among them.
fn evenly(of: usize, most: usize) -> Vec<usize> {
    if of <= most {
        return (0..of).collect();
    }
    (0..most).map(|place| (place + 1) * of / most - 1).collect()
}

fn whole(low: i64, high: i64, first: &str, most: usize) -> Vec<String> {
    let span = high.abs_diff(low);
    let mut values: Vec<i64> = if span < most as u64 {
        (low..=high).collect()
    } else {
        let steps = (most as u64).saturating_sub(1).max(1);
        (0..=steps)
            .map(|place| low.saturating_add_unsigned((u128::from(span) * u128::from(place) / u128::from(steps)) as u64))
            .collect()
    };
    values.extend(first.parse::<i64>());
    values.sort_unstable();
    values.dedup();
    values.into_iter().map(|value| value.to_string()).collect()
}

fn left_out(shown: usize, of: u64, what: &str) -> String {
    if shown as u64 >= of { String::new() } else { format!("{} of {}", count(shown as u64), counted(of, what)) }
}

/// Takes positions away until no view has too many: those of what it follows multiply.
fn fit(notebook: &Notebook<'_>, dials: &mut [Dial]) {
    let mut counts: Vec<usize> = dials.iter().map(|dial| dial.positions.len()).collect();
    for view in &notebook.program.views {
        let used: Vec<usize> = (0..dials.len()).filter(|place| view.uses.contains(&dials[*place].name)).collect();
        while used.iter().map(|place| counts[*place]).product::<usize>() > MOST_FRAMES {
            let Some(largest) = used.iter().copied().max_by_key(|place| counts[*place]) else { break };
            counts[largest] -= 1;
        }
    }
    for (dial, count) in dials.iter_mut().zip(counts) {
        if count < dial.positions.len() {
            dial.thin(count);
        }
    }
}

impl Dial {
    /// Keeps so many positions: the one that is shown first, both ends, forks, and then even ones.
    fn thin(&mut self, count: usize) {
        let all = self.positions.len();
        let of = match self.says.split_once(" of ") {
            Some((_, of)) => of.to_owned(),
            None => counted(all as u64, "position"),
        };
        let mut kept = vec![self.first];
        for end in [0, all - 1] {
            if kept.len() < count && !kept.contains(&end) {
                kept.push(end);
            }
        }
        let forks: Vec<usize> = (0..all)
            .filter(|place| !kept.contains(place) && self.positions[*place].says.contains(", fork of "))
            .collect();
        kept.extend(evenly(forks.len(), count.saturating_sub(kept.len())).into_iter().map(|place| forks[place]));
        let others: Vec<usize> = (0..all).filter(|place| !kept.contains(place)).collect();
        kept.extend(evenly(others.len(), count.saturating_sub(kept.len())).into_iter().map(|place| others[place]));
        kept.sort_unstable();
        self.first = kept.iter().position(|place| *place == self.first).unwrap_or_default();
        self.positions = kept.into_iter().map(|place| self.positions[place].clone()).collect();
        self.says = format!("{} of {of}", revacnn_schemas::count(self.positions.len() as u64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_positions_the_first_both_ends_forks_and_even_ones_are_kept() {
        let says =
            |place: usize| if place == 10 { "step 10, fork of wider".to_owned() } else { format!("step {place}") };
        let positions = (0..41).map(|place| Position { value: place.to_string(), says: says(place) }).collect();
        let (name, says) = ("t".to_owned(), "41 of 900 steps".to_owned());
        let mut dial = Dial { name, kind: Kind::Slider, block: 0, positions, first: 3, says };
        dial.thin(8);
        let kept: Vec<&str> = dial.positions.iter().map(|position| position.value.as_str()).collect();
        assert_eq!(kept, ["0", "3", "10", "11", "20", "29", "39", "40"]);
        assert_eq!((dial.positions[dial.first].value.as_str(), dial.says.as_str()), ("3", "8 of 900 steps"));
    }

    #[test]
    fn values_are_even_and_the_first_one_is_among_them() {
        assert_eq!(whole(0, 3, "2", 60), ["0", "1", "2", "3"]);
        let many = whole(0, 1000, "17", 5);
        assert_eq!(many, ["0", "17", "250", "500", "750", "1000"]);
        assert!(whole(i64::MIN, i64::MAX, "0", 60).len() <= 61);
        assert_eq!(evenly(10, 3), [2, 5, 9]);
        assert_eq!(left_out(60, 2701, "step"), "60 of 2,701 steps");
        assert_eq!(left_out(4, 4, "value"), "");
    }
}
