//! Which cells a change reaches.

use revacnn_notebook::{Cell, Evaluate, Graph, Inputs, NotebookError, Show, Source, XAxis};
use revacnn_schemas::{Figure, FilterNumber, ImageIndex, Scale, Step, TableFigure};

/// Gives each cell a table that says what it looked at.
#[derive(Default)]
struct Fake {
    /// Whether what is recorded has changed.
    grown: bool,
    /// Whether every figure holds a not-a-number.
    gaps: bool,
    /// Whether nothing can be read.
    fails: bool,
}

impl Evaluate for Fake {
    fn evaluate(&mut self, cell: &Cell, inputs: &Inputs) -> Result<Figure, NotebookError> {
        if self.fails {
            return Err(NotebookError::NoFigure { cell: "all".to_owned() });
        }
        // Beyond step 100 the network looks the same.
        let seen = match cell {
            Cell::Network { .. } => format!("{} {:?}", inputs.cursor.0.min(100), inputs.image),
            Cell::Loss { .. } => format!("{:?} {}", inputs.branches, self.grown),
            _ => format!("{inputs:?}"),
        };
        let shades = if self.gaps { vec![vec![f32::NAN]] } else { Vec::new() };
        Ok(Figure::Table(TableFigure { title: seen, columns: Vec::new(), rows: Vec::new(), shades, notes: Vec::new() }))
    }
}

fn graph() -> Graph {
    let mut graph = Graph::new(Inputs { branches: vec!["main".parse().unwrap()], cursor: Step(10), image: None });
    graph.set_cell("both", Cell::Beside { cells: ["loss".into(), "network".into()] });
    graph.set_cell("loss", Cell::Loss { x: XAxis::Step, scale: Scale::Linear });
    graph.set_cell("network", Cell::Network { at: None, show: Show::Maps });
    let layer = "conv1".parse().unwrap();
    graph.set_cell("fixed", Cell::Filters { at: vec!["main@7".parse().unwrap()], layer, of: Source::Weights });
    graph
}

#[test]
fn at_first_every_cell_runs_and_a_cell_that_reads_others_runs_after_them() {
    let mut graph = graph();
    let ran = graph.run(&mut Fake::default());
    assert_eq!(ran.ran, ["loss", "network", "both", "fixed"]);
    assert_eq!(ran.changed, ran.ran);
    assert_eq!(graph.run(&mut Fake::default()).ran, [""; 0], "nothing changed since");
}

#[test]
fn a_moved_cursor_reaches_the_network_and_what_reads_it_and_nothing_else() {
    let mut graph = graph();
    graph.run(&mut Fake::default());
    graph.set_cursor(Step(11));
    assert!(graph.is_stale("network") && !graph.is_stale("loss"));
    assert_eq!(graph.run(&mut Fake::default()).ran, ["network", "both"]);
    graph.set_cursor(Step(11));
    assert_eq!(graph.run(&mut Fake::default()).ran, [""; 0], "the cursor stood still");
}

#[test]
fn an_equal_figure_stops_the_wave_also_where_it_has_gaps() {
    for gaps in [false, true] {
        let mut fake = Fake { gaps, ..Fake::default() };
        let mut graph = graph();
        graph.set_cursor(Step(200));
        graph.run(&mut fake);
        graph.set_cursor(Step(300));
        let ran = graph.run(&mut fake);
        assert_eq!((ran.ran, ran.changed), (vec!["network".to_owned()], Vec::new()), "gaps: {gaps}");
    }
}

#[test]
fn a_grown_log_reaches_curves_and_not_a_step_that_is_named_by_its_number() {
    let mut graph = graph();
    graph.run(&mut Fake::default());
    graph.log_changed();
    let ran = graph.run(&mut Fake { grown: true, ..Fake::default() });
    assert_eq!(ran.ran, ["loss", "both"]);
}

/// A window that was opened before the first step was there said for ever that
/// there was none.
#[test]
fn what_could_not_be_read_is_tried_again_when_the_log_grows_also_at_a_step_named_by_its_number() {
    let mut graph = graph();
    graph.run(&mut Fake { fails: true, ..Fake::default() });
    assert!(graph.figure("fixed").unwrap().is_err());
    assert_eq!(graph.run(&mut Fake::default()).ran, [""; 0], "nothing has changed since");
    graph.log_changed();
    assert_eq!(graph.run(&mut Fake::default()).ran, ["loss", "network", "both", "fixed"]);
    assert!(graph.figure("fixed").unwrap().is_ok() && graph.figure("both").unwrap().is_ok());
    assert!(!graph.has_failed());
    graph.again("fixed");
    assert_eq!(graph.run(&mut Fake::default()).ran, ["fixed"]);
}

#[test]
fn a_filter_runs_again_for_another_cursor_branch_or_image() {
    let mut graph = Graph::new(Inputs { branches: vec!["main".parse().unwrap()], cursor: Step(10), image: None });
    let filter = Cell::Filter { at: None, layer: "conv1".parse().unwrap(), filter: FilterNumber(2), born: None };
    graph.set_cell("filter", filter);
    graph.run(&mut Fake::default());
    graph.log_changed();
    assert!(!graph.is_stale("filter"), "what is recorded of a step does not change");
    graph.set_cursor(Step(11));
    assert_eq!(graph.run(&mut Fake::default()).changed, ["filter"]);
    graph.set_image(Some(ImageIndex(3)));
    assert_eq!(graph.run(&mut Fake::default()).changed, ["filter"]);
    graph.set_branches(vec!["wider".parse().unwrap()]);
    assert_eq!(graph.run(&mut Fake::default()).changed, ["filter"]);
}

#[test]
fn an_image_reaches_only_cells_that_show_one() {
    let mut graph = graph();
    graph.run(&mut Fake::default());
    graph.set_image(Some(ImageIndex(3)));
    assert_eq!(graph.run(&mut Fake::default()).ran, ["network", "both"]);
}

#[test]
fn a_cell_that_reads_itself_or_nothing_ends_with_an_error() {
    let mut graph = graph();
    graph.set_cell("circle", Cell::Beside { cells: ["circle".into(), "loss".into()] });
    graph.run(&mut Fake::default());
    assert!(graph.figure("circle").unwrap().is_err());
    graph.remove_cell("loss");
    let ran = graph.run(&mut Fake::default());
    assert_eq!(ran.ran, ["both", "circle"]);
    assert!(graph.figure("both").unwrap().as_ref().unwrap_err().to_string().contains("`loss`"));
}

#[test]
fn an_equal_cell_does_not_run_again_and_another_one_does() {
    let mut graph = graph();
    graph.run(&mut Fake::default());
    graph.set_cell("loss", Cell::Loss { x: XAxis::Step, scale: Scale::Linear });
    assert_eq!(graph.run(&mut Fake::default()).ran, [""; 0]);
    graph.set_cell("loss", Cell::Loss { x: XAxis::Epoch, scale: Scale::Linear });
    let ran = graph.run(&mut Fake::default());
    assert_eq!((ran.ran, ran.changed), (vec!["loss".to_owned()], Vec::new()), "the fake gives an equal figure");
}
