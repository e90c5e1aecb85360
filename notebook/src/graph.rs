//! Named cells, and which of them a change reaches.

use revacnn_schemas::{BranchName, Figure, ImageIndex, Step};

use crate::cell::Dependency;
use crate::{Cell, Evaluator, Inputs, NotebookError};

/// What turns a cell into a figure: the [`Evaluator`], or a test's stand-in.
pub trait Evaluate {
    /// The cell's figure.
    ///
    /// # Errors
    /// Whatever keeps the cell from having one.
    fn evaluate(&mut self, cell: &Cell, inputs: &Inputs) -> Result<Figure, NotebookError>;

    /// Whether the figure that was evaluated last lacks what could not be read.
    fn is_partial(&self) -> bool {
        false
    }
}

impl Evaluate for Evaluator {
    fn is_partial(&self) -> bool {
        self.partial
    }

    fn evaluate(&mut self, cell: &Cell, inputs: &Inputs) -> Result<Figure, NotebookError> {
        Self::evaluate(self, cell, inputs)
    }
}

/// What [`Graph::run`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ran {
    /// The cells that were evaluated, in order.
    pub ran: Vec<String>,
    /// Those of them whose figure or error is another one now.
    pub changed: Vec<String>,
}

#[derive(Debug)]
struct Node {
    name: String,
    cell: Cell,
    result: Option<Result<Figure, NotebookError>>,
    stale: bool,
    /// Whether the figure lacks what could not be read.
    partial: bool,
}

impl Node {
    /// Whether something could not be read, which may be readable by now.
    fn has_failed(&self) -> bool {
        self.partial || matches!(self.result, Some(Err(_)))
    }
}

/// Cells by name, with their figures. A change marks what depends on it;
/// [`run`](Self::run) evaluates the marked cells, and those that read a cell
/// whose figure changed. A figure that comes out equal stops there.
#[derive(Debug)]
pub struct Graph {
    inputs: Inputs,
    nodes: Vec<Node>,
}

impl Graph {
    /// No cells yet.
    pub fn new(inputs: Inputs) -> Self {
        Self { inputs, nodes: Vec::new() }
    }

    /// What cells without addresses look at.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// Adds a cell, or changes the cell of that name; an equal one stays as
    /// it is.
    pub fn set_cell(&mut self, name: &str, cell: Cell) {
        match self.nodes.iter_mut().find(|node| node.name == name) {
            Some(node) if node.cell == cell => {}
            Some(node) => (node.cell, node.stale) = (cell, true),
            None => self.nodes.push(Node { name: name.to_owned(), cell, result: None, stale: true, partial: false }),
        }
    }

    /// Takes a cell out; cells that read it run again.
    pub fn remove_cell(&mut self, name: &str) {
        self.nodes.retain(|node| node.name != name);
        self.mark(&Dependency::Cell(name.to_owned()));
    }

    /// Moves the cursor.
    pub fn set_cursor(&mut self, cursor: Step) {
        if self.inputs.cursor != cursor {
            self.inputs.cursor = cursor;
            self.mark(&Dependency::Cursor);
        }
    }

    /// Shows other branches, the selected one first.
    pub fn set_branches(&mut self, branches: Vec<BranchName>) {
        if self.inputs.branches != branches {
            self.inputs.branches = branches;
            self.mark(&Dependency::Branches);
        }
    }

    /// Chooses another image.
    pub fn set_image(&mut self, image: Option<ImageIndex>) {
        if self.inputs.image != image {
            self.inputs.image = image;
            self.mark(&Dependency::Image);
        }
    }

    /// Says that steps, branches or names came or went in the store. What
    /// could not be read is tried again, whatever it depends on.
    pub fn log_changed(&mut self) {
        self.mark(&Dependency::Log);
        self.retry();
    }

    /// Whether a cell has no figure, or one that lacks what could not be read.
    pub fn has_failed(&self) -> bool {
        self.nodes.iter().any(Node::has_failed)
    }

    /// Tries again what could not be read: an error is no result that is kept.
    pub fn retry(&mut self) {
        self.nodes.iter_mut().filter(|node| node.has_failed()).for_each(|node| node.stale = true);
    }

    /// Evaluates a cell once more, although nothing that it depends on has
    /// changed.
    pub fn again(&mut self, name: &str) {
        self.nodes.iter_mut().filter(|node| node.name == name).for_each(|node| node.stale = true);
    }

    /// A cell's figure or error; `None` before it ran, and of unknown names.
    pub fn figure(&self, name: &str) -> Option<&Result<Figure, NotebookError>> {
        self.nodes.iter().find(|node| node.name == name)?.result.as_ref()
    }

    /// Whether a cell will run.
    pub fn is_stale(&self, name: &str) -> bool {
        self.nodes.iter().any(|node| node.name == name && node.stale)
    }

    /// Evaluates what changes have reached since, cells in the order in which
    /// they were added but after those that they read.
    pub fn run(&mut self, evaluator: &mut dyn Evaluate) -> Ran {
        let mut done = Ran::default();
        while self.run_one(evaluator, &mut done) {}
        done
    }

    /// Evaluates the next cell that a change has reached, so that a worker can
    /// look for a newer cursor in between; returns whether there was one.
    pub fn run_one(&mut self, evaluator: &mut dyn Evaluate, done: &mut Ran) -> bool {
        let Some(place) = self.next() else { return false };
        let result = match &self.nodes[place].cell {
            Cell::Beside { cells } => self.beside(cells),
            cell => evaluator.evaluate(cell, &self.inputs),
        };
        let reads = !matches!(self.nodes[place].cell, Cell::Beside { .. });
        let node = &mut self.nodes[place];
        (node.stale, node.partial) = (false, reads && evaluator.is_partial());
        let name = node.name.clone();
        let changed = !node.result.as_ref().is_some_and(|before| equal(before, &result));
        node.result = Some(result);
        if changed {
            self.mark(&Dependency::Cell(name.clone()));
            // A cell that reads itself would never come to an end.
            self.nodes[place].stale = false;
            done.changed.push(name.clone());
        }
        done.ran.push(name);
        true
    }

    /// The next stale cell that waits for no stale one. Cells that wait for
    /// one another in a circle run all the same, and find no figure.
    fn next(&self) -> Option<usize> {
        let stale = || (0..self.nodes.len()).filter(|&place| self.nodes[place].stale);
        let waits = |place: usize| match &self.nodes[place].cell {
            Cell::Beside { cells } => {
                let read = |node: &Node| node.stale && cells.contains(&node.name);
                self.nodes.iter().enumerate().any(|(other, node)| other != place && read(node))
            }
            _ => false,
        };
        stale().find(|&place| !waits(place)).or_else(|| stale().next())
    }

    fn beside(&self, cells: &[String; 2]) -> Result<Figure, NotebookError> {
        let figure = |name: &String| match self.figure(name) {
            // A picture of pictures of itself would grow without end.
            Some(Ok(figure)) if !matches!(figure, Figure::Comparison(_)) => Ok(figure.clone()),
            _ => Err(NotebookError::NoFigure { cell: name.clone() }),
        };
        let pair = [figure(&cells[0])?, figure(&cells[1])?];
        let title = format!("{} and {}", pair[0].title(), pair[1].title());
        let panels = vec![revacnn_schemas::Panel::Pair(Box::new(pair))];
        Ok(Figure::Comparison(revacnn_schemas::Comparison { title, panels }))
    }

    fn mark(&mut self, changed: &Dependency) {
        for node in &mut self.nodes {
            node.stale |= node.cell.dependencies().contains(changed);
        }
    }
}

/// Equal figures, where not-a-numbers equal themselves, and equal messages.
fn equal(before: &Result<Figure, NotebookError>, after: &Result<Figure, NotebookError>) -> bool {
    match (before, after) {
        (Ok(before), Ok(after)) => {
            // Only a figure that is unlike itself holds a not-a-number: the
            // slow comparison of its text is for those alone.
            let reflexive = |figure: &Figure, same: &Figure| figure == same;
            before == after
                || (!reflexive(before, before)
                    && !reflexive(after, after)
                    && format!("{before:?}") == format!("{after:?}"))
        }
        (Err(before), Err(after)) => before.to_string() == after.to_string(),
        _ => false,
    }
}
