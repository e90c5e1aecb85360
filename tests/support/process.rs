//! Waiting for what a running program does.

use std::process::Child;
use std::time::{Duration, Instant};

/// Waits until `happened` gives something, at most a minute, while the
/// program runs.
#[track_caller]
pub(crate) fn wait_for<T>(child: &mut Child, mut happened: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = happened() {
            return found;
        }
        let ended = child.try_wait().expect("the state of the program");
        assert!(ended.is_none(), "it ended before that: {ended:?}");
        if started.elapsed() > Duration::from_secs(60) {
            let _ = child.kill();
            panic!("a minute was not enough");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
