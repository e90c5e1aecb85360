//! The window of ReVACNN: it draws figures, owns the cursor, and sends
//! intents. What a figure shows is decided by `revacnn-notebook`.
//!
//! [`run`] opens the window; [`screenshot`] draws the same interface without
//! a display.
//!
//! | module | concept |
//! |---|---|
//! | `state`, `update`, `view` | the root: its components, what happens in them, how they are put together |
//! | `context` | what every component reads: the branches, what is looked at, the figures |
//! | `components` | the parts of the window, each with its own state and messages |
//! | `views`, `cells` | what can be shown, a row a view; what is shown, a cell each |
//! | `figure`, `question` | what every figure says and marks; what is asked of a person |
//! | `family` | how branches descend from one another |
//! | `focus` | what Tab reaches, and how it shows that it has the focus |
//! | `commands`, `keymap` | the keys and their help, a row a command; the message that each is |
//! | `lines` | what a figure shows, as a line of a notebook |
//! | `requests`, `store_events`, `events` | what is asked of the workers, what they tell, and what that does |
//! | `changes`, `edits` | the change that runs and those that wait for it; what buttons make |
//! | `sizes`, `settings` | how large the parts are; what is remembered between starts |
//! | `time` | the cursor along the steps |
//! | `worker` | threads that read and change the store, and runs |
//! | `canvas` | what is drawn point by point |
//! | `theme`, `pixels` | colours and images |
//! | `options` | what is opened at first, and whether it is there |
//! | `window`, `headless`, `framebuffer`, `screenshot` | the interface on a display, without one, its pixels, and in a file |
//! | `measure` | what tests and benches ask of it |

#![warn(clippy::wildcard_enum_match_arm)]

mod canvas;
mod cells;
mod changes;
mod commands;
mod components;
mod context;
mod drawing;
mod edits;
mod events;
mod family;
mod figure;
mod focus;
mod framebuffer;
mod headless;
mod keymap;
mod lines;
#[doc(hidden)]
pub mod measure;
mod options;
mod pixels;
mod question;
mod requests;
mod screenshot;
mod settings;
#[cfg(test)]
mod simulations;
mod sizes;
mod state;
mod store_events;
mod theme;
mod time;
mod update;
mod view;
mod views;
mod window;
mod worker;

use std::path::PathBuf;

pub use options::{Coefficients, SIZES, ViewOptions, is_size};
pub use screenshot::screenshot;
pub use settings::settings_file;
pub use window::run;

/// Why there is no window, or no picture.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The window cannot be opened.
    #[error("cannot open a window: {0}; without a display it can be drawn into a file")]
    Window(String),
    /// The store cannot be read.
    #[error(transparent)]
    Notebook(#[from] revacnn_notebook::NotebookError),
    /// What was asked for is not in the store.
    #[error(transparent)]
    Recorder(#[from] revacnn_recorder::RecorderError),
    /// What the picture is to show is not there.
    #[error("{0}")]
    NotThere(String),
    /// The picture cannot be written.
    #[error("cannot write {}: {reason}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl From<revacnn_store::StoreError> for ViewError {
    fn from(error: revacnn_store::StoreError) -> Self {
        Self::Recorder(error.into())
    }
}
