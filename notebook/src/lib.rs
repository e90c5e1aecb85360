//! Cells: a view is a cell, a cell's value is a [`Figure`](revacnn_schemas::Figure).
//! Headless: the command line, the renderers and a viewer all evaluate here.
//!
//! - A [`Cell`] says what is shown and [depends](Cell::dependencies) on names:
//!   the shown branches, the cursor, the image, the log, or another cell.
//! - An [`Evaluator`] owns the open store. It turns a cell and the [`Inputs`]
//!   into a figure, and lists the branches as [`BranchSummary`]s. It is `Send`:
//!   keep it on a worker thread.
//! - A [`Graph`] holds named cells with their figures. After
//!   [`set_cursor`](Graph::set_cursor) and the like, [`run`](Graph::run)
//!   evaluates again exactly what the change reaches, and says which cells ran
//!   and which figures changed.
//! - [`render`] writes a figure to SVG or PNG.
//!
//! ```no_run
//! use revacnn_notebook::{Cell, Evaluator, Graph, Inputs, XAxis};
//! use revacnn_schemas::{Scale, Step};
//!
//! let mut evaluator = Evaluator::open("runs".as_ref(), None, 2)?;
//! let branches = evaluator.refresh()?.into_iter().map(|branch| branch.name).collect();
//! let mut graph = Graph::new(Inputs { branches, cursor: Step(100), image: None });
//! graph.set_cell("loss", Cell::Loss { x: XAxis::Step, scale: Scale::Linear });
//! let ran = graph.run(&mut evaluator);
//! assert_eq!(ran.changed, ["loss"]);
//! # Ok::<(), revacnn_notebook::NotebookError>(())
//! ```
//!
//! | module | concept |
//! |---|---|
//! | `cell` | cells, inputs, and what depends on what |
//! | `graph` | from changes to the cells that run |
//! | `evaluator` | the open store: lineages, replays, data |
//! | `matching` | which filters of two addresses are compared |
//! | `summary` | branches as a tree shows them |
//! | `curves` | columns of the log, cached and thinned |
//! | `cells` | one kind of cell a file |
//! | `render` | figures as pictures |
//! | `text` | how numbers are written |

mod cell;
mod cells;
mod curves;
mod error;
mod evaluator;
mod graph;
mod matching;
mod render;
mod summary;
mod text;

pub use cell::{Cell, Dependency, Inputs, Matching, Method, QUANTITIES, Show, Source, XAxis};
pub use error::NotebookError;
pub use evaluator::Evaluator;
pub use graph::{Evaluate, Graph, Ran};
pub use matching::matched;
pub use render::{PictureFormat, colour, hue_colour, hue_dash, render};
pub use summary::{BranchEvent, BranchSummary};
pub use text::count;
