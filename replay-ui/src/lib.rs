//! The window of ReVACNN: it draws figures, owns the cursor, and sends
//! intents. What a figure shows is decided by `revacnn-notebook`.
//!
//! [`run`] opens the window; [`screenshot`] draws the same interface without
//! a display.
//!
//! | module | concept |
//! |---|---|
//! | `state` | what is open, chosen and shown |
//! | `message`, `update`, `events` | what happens, and what it does to the state |
//! | `changes` | the change that runs, and those that wait for it |
//! | `cells` | the cells that the window shows, and their figures |
//! | `time` | the cursor along the steps |
//! | `keys`, `prompt`, `run_form` | what is typed |
//! | `worker` | threads that read and change the store, and runs |
//! | `view` | how the window is put together |
//! | `canvas` | what is drawn point by point |
//! | `theme`, `pixels` | colours and images |
//! | `options` | what is opened at first, and whether it is there |
//! | `window`, `headless`, `framebuffer`, `screenshot` | the interface on a display, without one, its pixels, and in a file |
//! | `measure` | what tests and benches ask of it |

mod canvas;
mod cells;
mod changes;
mod events;
mod framebuffer;
mod headless;
mod keys;
#[doc(hidden)]
pub mod measure;
mod message;
mod options;
mod pixels;
mod prompt;
mod run_form;
mod screenshot;
#[cfg(test)]
mod simulations;
mod state;
mod theme;
mod time;
mod update;
mod view;
mod window;
mod worker;

use std::num::NonZeroUsize;
use std::path::PathBuf;

pub use options::ViewOptions;
pub use screenshot::screenshot;
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

/// Threads for training and replay: those of the machine.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}
