//! Named cells, and which of them a change reaches.

use std::sync::Arc;

use revacnn_schemas::{BranchName, Figure, Step};

use crate::context::{Context, Others, Unwatched, Watch};
use crate::reads::Reads;
use crate::{Cell, ChosenImage, Inputs, NotebookError, Sources};

/// What [`Graph::run`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ran {
    /// The cells that made a figure or failed, in order.
    pub ran: Vec<String>,
    /// Those of them whose figure or error is another one now.
    pub changed: Vec<String>,
}

#[derive(Debug)]
struct Node {
    name: String,
    cell: Cell,
    /// The figure, or why there is none; `None` before the first run.
    outcome: Option<Result<Arc<Figure>, NotebookError>>,
    /// Counts the outcomes, those of all cells together.
    version: u64,
    reads: Reads,
    /// Whether it runs, whatever it has read.
    due: bool,
    /// Whether the figure lacks what could not be read.
    is_incomplete: bool,
}

impl Node {
    fn has_failed(&self) -> bool {
        self.is_incomplete || matches!(self.outcome, Some(Err(_)))
    }
}

/// Cells by name, with their figures.
///
/// The graph knows no kind of cell. It notes what each cell has [read](Reads),
/// and [`run`](Self::run) makes those figures again for which something else
/// would be read now. A figure that comes out equal stops there.
///
/// An error is shown, but is no result: whatever has failed is tried again.
#[derive(Debug)]
pub struct Graph {
    inputs: Inputs,
    nodes: Vec<Node>,
    versions: u64,
    /// The cells that run now, each read by the one before.
    running: Vec<String>,
    done: Ran,
}

impl Graph {
    /// No cells yet.
    pub fn new(inputs: Inputs) -> Self {
        Self { inputs, nodes: Vec::new(), versions: 0, running: Vec::new(), done: Ran::default() }
    }

    /// What cells without addresses look at.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Adds a cell, or changes the cell of that name; an equal one stays as
    /// it is.
    pub fn set_cell(&mut self, name: &str, cell: impl Into<Cell>) {
        let cell = cell.into();
        match self.nodes.iter_mut().find(|node| node.name == name) {
            Some(node) if node.cell == cell => {}
            Some(node) => (node.cell, node.due) = (cell, true),
            None => {
                let (name, reads) = (name.to_owned(), Reads::default());
                self.nodes.push(Node { name, cell, outcome: None, version: 0, reads, due: true, is_incomplete: false });
            }
        }
    }

    /// Takes a cell out; cells that read it run again.
    pub fn remove_cell(&mut self, name: &str) {
        self.nodes.retain(|node| node.name != name);
    }

    /// Moves the cursor.
    pub fn set_cursor(&mut self, cursor: Step) {
        self.inputs.cursor = cursor;
    }

    /// Shows other branches, the selected one first.
    pub fn set_branches(&mut self, branches: Vec<BranchName>) {
        self.inputs.branches = branches;
    }

    /// Chooses another image.
    pub fn set_image(&mut self, image: Option<ChosenImage>) {
        self.inputs.image = image;
    }

    /// Compares what cells have read in the store with what is there now, after
    /// [`Sources::refresh`]. What has failed is tried again.
    pub fn log_changed(&mut self, sources: &mut Sources) {
        for node in &mut self.nodes {
            node.due |= !node.reads.hold_in(sources);
        }
        self.retry();
    }

    /// Whether a cell has no figure, or one that lacks what could not be read.
    pub fn has_failed(&self) -> bool {
        self.nodes.iter().any(Node::has_failed)
    }

    /// Has what failed run once more.
    pub fn retry(&mut self) {
        self.nodes.iter_mut().filter(|node| node.has_failed()).for_each(|node| node.due = true);
    }

    /// A cell's figure or error; `None` before it ran, and of unknown names.
    pub fn figure(&self, name: &str) -> Option<Result<&Arc<Figure>, &NotebookError>> {
        Some(self.nodes.iter().find(|node| node.name == name)?.outcome.as_ref()?.as_ref())
    }

    /// What a cell read when it last ran; `None` of unknown names.
    pub fn reads(&self, name: &str) -> Option<&Reads> {
        self.nodes.iter().find(|node| node.name == name).map(|node| &node.reads)
    }

    /// Whether a cell will run.
    pub fn is_stale(&self, name: &str) -> bool {
        self.nodes.iter().any(|node| node.name == name && self.waits(node))
    }

    fn waits(&self, node: &Node) -> bool {
        node.due
            || !node.reads.hold(&self.inputs)
            || node.reads.figures.iter().any(|(cell, version)| self.version(cell) != *version)
    }

    /// The version of a cell's outcome.
    fn version(&self, name: &str) -> Option<u64> {
        self.nodes.iter().find(|node| node.name == name).map(|node| node.version)
    }

    /// Makes every figure that changes have reached since, and tries again what
    /// has failed. Cells run in the order in which they were added, but after
    /// those that they read.
    pub fn run(&mut self, sources: &mut Sources) -> Ran {
        self.retry();
        let mut done = Ran::default();
        while self.run_one(sources, &mut Unwatched, &mut done) {}
        done
    }

    /// Runs the next cell that a change has reached, and those that it reads, so
    /// that a worker can look for a newer cursor in between; returns whether
    /// there was one. One that `watch` gives up is left as it was.
    pub fn run_one(&mut self, sources: &mut Sources, watch: &mut dyn Watch, done: &mut Ran) -> bool {
        let next = self.nodes.iter().find(|node| self.waits(node)).map(|node| node.name.clone());
        let Some(name) = next else { return false };
        let finished = self.evaluate(&name, sources, watch).is_ok();
        let Ran { ran, changed } = std::mem::take(&mut self.done);
        done.ran.extend(ran);
        done.changed.extend(changed);
        finished
    }

    /// Makes a cell's figure.
    ///
    /// # Errors
    /// [`NotebookError::Cancelled`] alone: other errors are its outcome.
    fn evaluate(&mut self, name: &str, sources: &mut Sources, watch: &mut dyn Watch) -> Result<(), NotebookError> {
        let Some(node) = self.nodes.iter().find(|node| node.name == name) else { return Ok(()) };
        let (cell, inputs) = (node.cell.clone(), self.inputs.clone());
        self.running.push(name.to_owned());
        let mut context = Context::new(sources, inputs, Some(self), watch);
        let outcome = cell.run(&mut context);
        let (reads, is_incomplete) = context.into_reads();
        self.running.pop();
        if matches!(outcome, Err(NotebookError::Cancelled)) {
            return Err(NotebookError::Cancelled);
        }
        let outcome = outcome.map(Arc::new);
        let Some(node) = self.nodes.iter_mut().find(|node| node.name == name) else { return Ok(()) };
        (node.reads, node.is_incomplete, node.due) = (reads, is_incomplete, false);
        if !node.outcome.as_ref().is_some_and(|before| equal(before, &outcome)) {
            self.versions += 1;
            (node.outcome, node.version) = (Some(outcome), self.versions);
            self.done.changed.push(name.to_owned());
        }
        self.done.ran.push(name.to_owned());
        Ok(())
    }
}

impl Others for Graph {
    fn figure(
        &mut self,
        cell: &str,
        sources: &mut Sources,
        watch: &mut dyn Watch,
    ) -> Result<(Option<Arc<Figure>>, Option<u64>), NotebookError> {
        // In a circle nobody has a figure. It is not noted as read: the error
        // that follows would be a reason to run again, for ever.
        if self.running.iter().any(|running| running == cell) {
            return Err(NotebookError::NoFigure { cell: cell.to_owned() });
        }
        let waits = self.nodes.iter().find(|node| node.name == cell).is_some_and(|node| self.waits(node));
        if waits {
            self.evaluate(cell, sources, watch)?;
        }
        let node = self.nodes.iter().find(|node| node.name == cell);
        let figure = node.and_then(|node| node.outcome.as_ref()?.as_ref().ok().cloned());
        Ok((figure, node.map(|node| node.version)))
    }
}

/// Equal figures, or equal messages.
fn equal(before: &Result<Arc<Figure>, NotebookError>, after: &Result<Arc<Figure>, NotebookError>) -> bool {
    match (before, after) {
        (Ok(before), Ok(after)) => before == after,
        (Err(before), Err(after)) => before.to_string() == after.to_string(),
        _ => false,
    }
}
