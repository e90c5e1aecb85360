//! Cells: a view is a cell, a cell's value is a [`Figure`](revacnn_schemas::Figure).
//! Headless: the command line, the renderers and a viewer all evaluate here.
//!
//! - A [`Cell`] says what is shown. Its kind is one of [`kinds`], a file each,
//!   and the rest of the crate knows none of them.
//! - A [`CellKind`] makes its figure from what it reads through a [`Context`]:
//!   the shown branches, the cursor, the image, steps and histories, another
//!   cell's figure. What it read is noted, so nothing is declared.
//! - [`Sources`] are the open store with what was read and computed. They list
//!   the branches as [`BranchSummary`]s.
//! - A [`Graph`] holds named cells with their figures. After
//!   [`set_cursor`](Graph::set_cursor) and the like, [`run`](Graph::run) makes
//!   again exactly the figures that read something which is another one now, and
//!   says which cells ran and which figures changed.
//! - [`render`] writes a figure to SVG, PNG or PDF, in one [`look`] with the window.
//! - A [`document`] is a notebook's text, a [`program`] what it says, and a [`plan`]
//!   what of it a store has already and what is to be trained. A [`history`] is a store
//!   as a notebook.
//!
//! ```no_run
//! use revacnn_notebook::kinds::Loss;
//! use revacnn_notebook::{Graph, Inputs, Sources};
//! use revacnn_schemas::Step;
//!
//! let mut sources = Sources::open("runs".as_ref(), None, 2)?;
//! let branches = sources.refresh()?.into_iter().map(|branch| branch.name).collect();
//! let mut graph = Graph::new(Inputs { branches, cursor: Step(100), ..Inputs::default() });
//! graph.set_cell("loss", Loss::default());
//! let ran = graph.run(&mut sources);
//! assert_eq!(ran.changed, ["loss"]);
//! # Ok::<(), revacnn_notebook::NotebookError>(())
//! ```
//!
//! | module | concept |
//! |---|---|
//! | `choices` | what a person chooses of a figure: a source, an axis, a method |
//! | `smoothing` | the moving average of a curve |
//! | `inputs` | the branches, the cursor and the image that cells look at |
//! | `sources` | the open store, and what is kept of it |
//! | `reads` | what a cell has read, and whether that is still so |
//! | `context` | what it sees while it makes its figure |
//! | `cell` | what a cell is, of whatever kind |
//! | `graph` | from changes to the cells that run |
//! | `kinds` | one kind of cell a file, and how cells are read from a file |
//! | `differing` | which filters of two steps are compared, and differ most |
//! | `look` | colours, numbers, axes and the font of all figures |
//! | `scene` | where everything of a figure lies, for files and the window |
//! | `render` | scenes as pictures in files |
//! | `document` | a notebook's text: blocks, command lines, changes |
//! | `program` | what a document says: branches, families, values, views, and all that is wrong |
//! | `plan` | what of a program a store has, what is to be trained, and training it |
//! | `history` | a store's branches as a notebook |
//! | `session` | an open notebook: undo, its file, its figures |
//! | `export` | a notebook with its figures, as one page or as a report |
//! | `command` | what a command line says, in a notebook and in a terminal |

mod cell;
mod choices;
pub mod command;
mod context;
mod differing;
pub mod document;
mod error;
pub mod export;
mod graph;
pub mod history;
mod inputs;
pub mod kinds;
pub mod look;
pub mod plan;
pub mod program;
mod reads;
mod render;
pub mod scene;
pub mod session;
mod smoothing;
mod sources;

pub use cell::{Cell, CellKind, Kind};
pub use choices::{Distribution, FilterMeasure, ImageSplit, Matching, Method, Rank, Show, Source, XAxis};
pub use context::{Context, Progress, Unwatched, Watch};
pub use differing::{matched, most_differing};
pub use error::NotebookError;
pub use graph::{Graph, Ran};
pub use inputs::{ChosenImage, Inputs};
pub use kinds::{ACCURACY, QUANTITIES, is_of_filters};
pub use reads::{Reads, StoreRead};
pub use render::{PictureFormat, Pixels, pixels, render};
pub use smoothing::Smoothing;
pub use sources::{At, BranchEvent, BranchSummary, Extent, History, Hues, Listing, Place, Sources};
