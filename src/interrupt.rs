//! Ctrl-C and its like: the first asks the run to stop at the end of its step,
//! the second leaves the closing evaluation out, and the third ends at once.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use revacnn_recorder::Stop;

use crate::output;

/// Asks the run to stop.
static STOP: Stop = Stop::new();

/// How often it was asked.
static ASKED: AtomicU8 = AtomicU8::new(0);

/// How long the last words may take, where the terminal is held.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// What Ctrl-C, a polite kill or the end of the terminal asks the run through.
pub(crate) fn stop() -> &'static Stop {
    &STOP
}

/// Whether it came again: only what was trained is to be written.
pub(crate) fn hurried() -> bool {
    ASKED.load(Ordering::Relaxed) > 1
}

/// Listens from now on; a second call changes nothing.
///
/// A signal that this process was started to ignore stays ignored: `nohup`
/// does so with the end of the terminal, and a shell script with Ctrl-C for
/// what it runs in the background.
#[cfg(unix)]
pub(crate) fn listen() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    // Each listener would count a signal once more.
    static LISTENS: AtomicBool = AtomicBool::new(false);
    if LISTENS.swap(true, Ordering::SeqCst) {
        return;
    }

    let ignored = ignored_signals();
    let heard: Vec<i32> =
        [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| ignored & (1 << (signal - 1)) == 0).collect();
    // The thread that listens takes the signals over, so that none is taken
    // over where it cannot start: without a handler a signal ends the process,
    // and the log survives that too.
    let (ready, listens) = std::sync::mpsc::channel();
    let started = std::thread::Builder::new().spawn(move || {
        let Ok(mut signals) = signal_hook::iterator::Signals::new(heard) else { return };
        let _ = ready.send(());
        for signal in signals.forever() {
            // A terminal that closes says so twice: the kernel, and the shell.
            if signal == SIGHUP && STOP.is_asked() {
                continue;
            }
            came();
        }
    });
    if started.is_ok() {
        let _ = listens.recv();
    }
}

/// Listens from now on.
#[cfg(not(unix))]
pub(crate) fn listen() {
    // Without a handler Ctrl-C ends the process: the log survives that too.
    let _ = ctrlc::set_handler(came);
}

/// Bit n − 1 stands for signal n; none where the system does not say.
#[cfg(unix)]
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

fn came() {
    let before = ASKED.fetch_add(1, Ordering::SeqCst);
    STOP.ask();
    let words = match before {
        0 => "stopping at the end of this step; again: without the closing evaluation",
        1 => "still stopping: what was trained is being written; once more ends at once",
        _ => "ended at once: at most the last second of the recording is lost, and the same command computes it again",
    };
    // Words wait for a terminal that is held; who asks must not.
    let (done, spoken) = std::sync::mpsc::channel();
    let _ = std::thread::Builder::new().spawn(move || {
        output::tell(words);
        let _ = done.send(());
    });
    if before > 1 {
        let _ = spoken.recv_timeout(LAST_WORDS);
        std::process::exit(130);
    }
}
