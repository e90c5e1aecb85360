//! Which cells a change reaches. The cells are kinds of the test's own: the graph
//! knows none.

#[path = "support/grow.rs"]
mod grow;
mod support;

use std::path::PathBuf;

use revacnn_notebook::kinds::{Beside, Filter};
use revacnn_notebook::{CellKind, Context, Graph, Inputs, NotebookError, Ran, Sources};
use revacnn_schemas::{Fidelity, Figure, FilterNumber, ImageIndex, Step, TableFigure};
use revacnn_store::Store;
use serde::{Deserialize, Serialize};

use support::{inputs, recorded};

fn table(title: String, shade: Option<f32>) -> Figure {
    let shades = shade.map(|shade| vec![shade]).into_iter().collect();
    Figure::Table(TableFigure { title, shades, ..TableFigure::default() })
}

/// Reads the shown branches and how far they go.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Curve {
    axis: u8,
}

impl CellKind for Curve {
    const KIND: &'static str = "curve";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let mut said = String::new();
        for name in context.branches() {
            let (history, _) = context.history(&name)?;
            said += &format!("{name} {:?}", history.steps());
        }
        Ok(table(said, None))
    }
}

/// Reads cursor and image; beyond step 100 it looks the same.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Picture {
    /// Whether it holds what is not a number.
    gaps: bool,
}

impl CellKind for Picture {
    const KIND: &'static str = "picture";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        let seen = format!("{} {:?}", context.cursor().0.min(100), context.image());
        Ok(table(seen, self.gaps.then_some(f32::NAN)))
    }
}

/// Reads nothing that is noted, and fails as long as a folder is not there.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Fixed {
    needs: PathBuf,
}

impl CellKind for Fixed {
    const KIND: &'static str = "fixed";

    fn run(&self, _: &mut Context<'_>) -> Result<Figure, NotebookError> {
        match self.needs.exists() {
            true => Ok(table("fixed".to_owned(), None)),
            false => Err(NotebookError::NoFigure { cell: "all".to_owned() }),
        }
    }
}

/// Looks whether somebody waits, in three parts.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Long {}

impl CellKind for Long {
    const KIND: &'static str = "long";

    fn run(&self, context: &mut Context<'_>) -> Result<Figure, NotebookError> {
        (0..3).try_for_each(|part| context.progress(part, 3))?;
        Ok(table(format!("at {}", context.cursor()), None))
    }
}

fn beside(cells: [&str; 2]) -> Beside {
    Beside { cells: cells.map(str::to_owned) }
}

/// `both` reads `loss` and `network`, which are added after it.
fn opened() -> (tempfile::TempDir, Sources, Graph) {
    let folder = recorded(Fidelity::Every);
    let sources = Sources::open(folder.path(), None, 1).unwrap();
    let mut graph = Graph::new(inputs(10));
    graph.set_cell("both", beside(["loss", "network"]));
    graph.set_cell("loss", Curve { axis: 0 });
    graph.set_cell("network", Picture { gaps: false });
    graph.set_cell("fixed", Fixed { needs: folder.path().to_owned() });
    (folder, sources, graph)
}

#[test]
fn at_first_every_cell_runs_and_a_cell_that_reads_others_runs_after_them() {
    let (_folder, mut sources, mut graph) = opened();
    let ran = graph.run(&mut sources);
    assert_eq!(ran.ran, ["loss", "network", "both", "fixed"]);
    assert_eq!(ran.changed, ran.ran);
    assert_eq!(graph.run(&mut sources).ran, [""; 0], "nothing changed since");
}

#[test]
fn a_moved_cursor_reaches_the_network_and_what_reads_it_and_nothing_else() {
    let (_folder, mut sources, mut graph) = opened();
    graph.run(&mut sources);
    graph.set_cursor(Step(11));
    assert!(graph.is_stale("network") && !graph.is_stale("loss"));
    assert_eq!(graph.run(&mut sources).ran, ["network", "both"]);
    graph.set_cursor(Step(11));
    assert_eq!(graph.run(&mut sources).ran, [""; 0], "the cursor stood still");
    graph.set_cursor(Step(12));
    graph.set_cursor(Step(11));
    assert_eq!(graph.run(&mut sources).ran, [""; 0], "it is back where it was");
}

#[test]
fn an_equal_figure_stops_the_wave_also_where_it_has_gaps() {
    for gaps in [false, true] {
        let (_folder, mut sources, mut graph) = opened();
        graph.set_cell("network", Picture { gaps });
        graph.set_cursor(Step(200));
        graph.run(&mut sources);
        graph.set_cursor(Step(300));
        let ran = graph.run(&mut sources);
        assert_eq!((ran.ran, ran.changed), (vec!["network".to_owned()], Vec::new()), "gaps: {gaps}");
    }
}

#[test]
fn a_grown_log_reaches_curves_and_not_a_step_that_is_named_by_its_number() {
    let (folder, mut sources, mut graph) = opened();
    let (layer, filter) = ("conv1".parse().unwrap(), FilterNumber(2));
    let at = Some("main@7".parse().unwrap());
    graph.set_cell("seven", Filter { at, layer, filter, born: None });
    graph.run(&mut sources);
    graph.log_changed(&mut sources);
    assert_eq!(graph.run(&mut sources).ran, [""; 0], "nothing has come");
    sources.rest();
    grow::train_on(folder.path(), 3);
    sources.refresh().unwrap();
    graph.log_changed(&mut sources);
    assert_eq!(graph.run(&mut sources).ran, ["loss", "both"]);
}

/// A cell with a fixed address that had failed was never tried again, as nothing
/// that it had read could change.
#[test]
fn an_error_is_no_result_that_is_kept() {
    let folder = recorded(Fidelity::Every);
    let store = Store::open(folder.path()).unwrap();
    let weights = store.branch_folder(&store.branch(&"main".parse().unwrap()).unwrap().id).join("weights");
    let away = folder.path().join("away");
    std::fs::rename(&weights, &away).unwrap();
    let mut sources = Sources::open(folder.path(), None, 1).unwrap();
    let mut graph = Graph::new(Inputs::default());
    let (layer, filter, at) = ("conv1".parse().unwrap(), FilterNumber(2), Some("main@7".parse().unwrap()));
    graph.set_cell("seven", Filter { at, layer, filter, born: None });
    graph.set_cell("beside", beside(["seven", "seven"]));
    let ran = |ran: Ran| (ran.ran.len(), ran.changed.len());
    assert_eq!(ran(graph.run(&mut sources)), (2, 2));
    assert!(graph.figure("seven").unwrap().is_err() && graph.has_failed());
    assert_eq!(ran(graph.run(&mut sources)), (2, 0), "tried again, and the same error");
    std::fs::rename(&away, &weights).unwrap();
    assert_eq!(ran(graph.run(&mut sources)), (2, 2));
    assert!(graph.figure("beside").unwrap().is_ok() && !graph.has_failed());
}

/// A window that was opened before the first step was there said for ever that
/// there was none.
#[test]
fn what_could_not_be_read_is_tried_again_when_the_log_grows_also_at_a_step_named_by_its_number() {
    let (folder, mut sources, mut graph) = opened();
    let needs = folder.path().join("not there yet");
    graph.set_cell("fixed", Fixed { needs: needs.clone() });
    let mut done = Ran::default();
    let mut once = |graph: &mut Graph| {
        while graph.run_one(&mut sources, &mut revacnn_notebook::Unwatched, &mut done) {}
        graph.log_changed(&mut sources);
        std::mem::take(&mut done).ran
    };
    once(&mut graph);
    assert!(graph.figure("fixed").unwrap().is_err());
    std::fs::create_dir(&needs).unwrap();
    assert_eq!(once(&mut graph), ["fixed"]);
    assert!(graph.figure("fixed").unwrap().is_ok() && !graph.has_failed());
    assert_eq!(once(&mut graph), [""; 0]);
}

#[test]
fn a_filter_runs_again_for_another_cursor_branch_or_image() {
    let (folder, mut sources, mut graph) = opened();
    grow::record_another(folder.path(), "other", 40);
    for name in ["both", "loss", "network", "fixed"] {
        graph.remove_cell(name);
    }
    let filter = Filter { at: None, layer: "conv1".parse().unwrap(), filter: FilterNumber(2), born: None };
    graph.set_cell("filter", filter);
    graph.run(&mut sources);
    graph.log_changed(&mut sources);
    assert!(!graph.is_stale("filter"), "what is recorded of a step does not change");
    graph.set_cursor(Step(11));
    assert_eq!(graph.run(&mut sources).changed, ["filter"]);
    graph.set_image(Some(ImageIndex(3).into()));
    assert_eq!(graph.run(&mut sources).changed, ["filter"]);
    graph.set_branches(vec!["other".parse().unwrap()]);
    assert_eq!(graph.run(&mut sources).changed, ["filter"]);
}

#[test]
fn an_image_reaches_only_cells_that_show_one() {
    let (_folder, mut sources, mut graph) = opened();
    graph.run(&mut sources);
    graph.set_image(Some(ImageIndex(3).into()));
    assert_eq!(graph.run(&mut sources).ran, ["network", "both"]);
}

#[test]
fn cells_that_read_themselves_or_nothing_end_with_an_error() {
    let (_folder, mut sources, mut graph) = opened();
    graph.set_cell("circle", beside(["circle", "loss"]));
    graph.set_cell("left", beside(["right", "loss"]));
    graph.set_cell("right", beside(["left", "loss"]));
    graph.run(&mut sources);
    let fails = |graph: &Graph, name| graph.figure(name).unwrap().is_err();
    assert!(["circle", "left", "right"].into_iter().all(|name| fails(&graph, name)));
    graph.remove_cell("loss");
    let ran = graph.run(&mut sources);
    assert_eq!(ran.ran, ["both", "circle", "right", "left"]);
    assert!(graph.figure("both").unwrap().unwrap_err().to_string().contains("`loss`"));
}

#[test]
fn an_equal_cell_does_not_run_again_and_another_one_does() {
    let (_folder, mut sources, mut graph) = opened();
    graph.run(&mut sources);
    graph.set_cell("loss", Curve { axis: 0 });
    assert_eq!(graph.run(&mut sources).ran, [""; 0]);
    graph.set_cell("loss", Curve { axis: 1 });
    let ran = graph.run(&mut sources);
    assert_eq!((ran.ran, ran.changed), (vec!["loss".to_owned()], Vec::new()), "an equal figure comes of it");
    graph.set_cell("loss", Picture { gaps: false });
    assert_eq!(graph.run(&mut sources).changed, ["loss", "both"], "a cell of another kind");
}

#[test]
fn a_figure_that_nobody_waits_for_is_given_up_and_made_later() {
    use std::ops::ControlFlow::{Break, Continue};
    let (_folder, mut sources, mut graph) = opened();
    graph.set_cell("long", Long {});
    graph.run(&mut sources);
    graph.set_cursor(Step(12));
    let mut told = Vec::new();
    let mut watch = |progress: revacnn_notebook::Progress| {
        told.push((progress.done, progress.of));
        if progress.done == 1 { Break(()) } else { Continue(()) }
    };
    let mut done = Ran::default();
    while graph.run_one(&mut sources, &mut watch, &mut done) {}
    assert_eq!((told, done.ran), (vec![(0, 3), (1, 3)], vec!["network".to_owned(), "both".to_owned()]));
    assert_eq!(graph.figure("long").unwrap().unwrap().title(), "at 10");
    assert_eq!(graph.run(&mut sources).ran, ["long"]);
    assert_eq!(graph.figure("long").unwrap().unwrap().title(), "at 12");
}
