//! Ctrl-C: the first one asks the run to stop at the end of its step.

use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Listens from now on. A second Ctrl-C ends the process at once, which the
/// log survives like any crash.
pub(crate) fn listen() {
    // Without a handler Ctrl-C ends the process: the log survives that too.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    });
}

/// Whether Ctrl-C (or a polite kill) came.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
