//! The window of ReVACNN: it draws figures, owns the cursor, and sends
//! intents. What a figure shows is decided by `revacnn-notebook`.
//!
//! [`run`] opens the window; [`screenshot`] draws the same interface without
//! a display.
//!
//! | module | concept |
//! |---|---|
//! | `app` | the state, and what each message does to it |
//! | `time` | the cursor along the steps |
//! | `worker` | threads that read the store |
//! | `view` | how the window is put together |
//! | `curves`, `diagram`, `plane` | one canvas each |
//! | `look`, `draw`, `pixels` | colours, labels, small images |
//! | `picture` | the interface without a display |

mod app;
mod curves;
mod diagram;
mod draw;
mod look;
mod picture;
mod pixels;
mod plane;
mod time;
mod view;
mod window;
mod worker;

use std::num::NonZeroUsize;
use std::path::PathBuf;

pub use picture::screenshot;
pub use window::run;

/// What is opened, and how it looks.
#[derive(Debug, Clone)]
pub struct ViewOptions {
    /// The store.
    pub store: PathBuf,
    /// Where data sets are, if not where the store remembers them.
    pub data: Option<PathBuf>,
    /// What is looked at first; the end of the oldest branch if `None`.
    pub address: Option<revacnn_schemas::Address>,
    /// Width and height of the window, in logical pixels.
    pub size: [u32; 2],
    /// Whether the theme is dark.
    pub dark: bool,
}

/// Why there is no window, or no picture.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The window cannot be opened.
    #[error(
        "cannot open a window: {0}; without a display, `revacnn view --screenshot FILE.png ADDRESS` draws into a file"
    )]
    Window(String),
    /// The store cannot be read.
    #[error(transparent)]
    Notebook(#[from] revacnn_notebook::NotebookError),
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
