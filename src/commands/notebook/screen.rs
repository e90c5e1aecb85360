//! Where the trainings of a notebook stand: a line each on a terminal, a line a
//! change elsewhere, events with `--json`.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use revacnn_notebook::plan::{Event, Outcome};
use serde_json::json;

use crate::output::{self, Live, say, warn};
use crate::text::{count, counted, duration, loss, printable};

/// Time between two plain lines of a training.
const PLAIN: Duration = Duration::from_secs(10);

/// Where the trainings stand.
pub(super) struct Screen {
    names: Vec<String>,
    /// As wide as the longest name.
    width: usize,
    json: bool,
    bars: Option<MultiProgress>,
    running: Mutex<Vec<Option<Running>>>,
}

struct Running {
    bar: Option<ProgressBar>,
    from: u64,
    until: u64,
    started: Instant,
    next_line: Instant,
}

impl Screen {
    pub(super) fn new(names: Vec<String>, json: bool) -> Self {
        let terminal = !json && std::io::stderr().is_terminal();
        let running = names.iter().map(|_| None).collect();
        let bars = terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        if let Some(bars) = &bars {
            output::show_live(Live::Bars(bars.clone()));
        }
        Self {
            width: names.iter().map(String::len).max().unwrap_or_default(),
            bars,
            names,
            json,
            running: Mutex::new(running),
        }
    }

    /// Tells of a training.
    pub(super) fn tell(&self, event: &Event<'_>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match *event {
            Event::Began { training, branch, at, until } => {
                if self.json {
                    let name = &self.names[training];
                    let line =
                        json!({ "event": "began", "name": name, "branch": branch.name, "step": at, "until": until });
                    return say!("{line}");
                }
                let bar = self.bars.as_ref().map(|bars| {
                    let style = ProgressStyle::with_template("{prefix}  {bar:24.dim}  {msg}")
                        .expect("invariant: the template is valid")
                        .progress_chars("━━─");
                    let bar = bars.add(ProgressBar::new(until.0.saturating_sub(at.0)).with_style(style));
                    bar.set_prefix(self.name(training));
                    bar
                });
                let now = Instant::now();
                running[training] =
                    Some(Running { bar, from: at.0, until: until.0, started: now, next_line: now + PLAIN });
            }
            Event::Stepped { training, at, loss: value } => {
                if self.json {
                    let value = Some(value).filter(|value| value.is_finite());
                    return say!(
                        "{}",
                        json!({ "event": "progress", "name": self.names[training], "step": at, "loss": value })
                    );
                }
                let Some(running) = &mut running[training] else { return };
                let line = running.line(at.0, value);
                if let Some(bar) = &running.bar {
                    bar.set_position(at.0.saturating_sub(running.from));
                    bar.set_message(line);
                } else if Instant::now() >= running.next_line {
                    running.next_line = Instant::now() + PLAIN;
                    say!("{}  {line}", self.name(training));
                }
            }
            Event::Cautioned { training, caution } => {
                if self.json {
                    say!("{}", json!({ "event": "warning", "name": self.names[training], "message": caution }));
                } else {
                    warn(&format!("{}: {caution}", self.names[training]));
                }
            }
            Event::Ended { training, outcome } => {
                let running = running[training].take();
                if let Some(bar) = running.as_ref().and_then(|running| running.bar.as_ref()) {
                    bar.finish_and_clear();
                }
                if self.json {
                    return say!("{}", self.ended(training, outcome));
                }
                let took = running.map(|running| running.started.elapsed().as_secs_f64());
                let words = match outcome {
                    Outcome::Reached { trained: 0, last, .. } => format!("there, until step {}", count(last.step.0)),
                    Outcome::Reached { trained, last, .. } => {
                        let steps = counted(*trained, "step");
                        let took = took.map_or_else(String::new, |took| format!(" in {}", duration(took)));
                        format!("{steps} trained{took}, until step {}", count(last.step.0))
                    }
                    Outcome::Stopped { at, .. } => format!("stopped after step {}", count(at.0)),
                    Outcome::Diverged { at, .. } => format!("diverged at step {}, which is recorded", count(at.0)),
                    Outcome::Failed(error) => format!("failed: {}", printable(error)),
                    Outcome::Waits | Outcome::Unwanted => return,
                };
                say!("{}  {words}", self.name(training));
            }
        }
    }

    fn name(&self, training: usize) -> String {
        format!("{:width$}", self.names[training], width = self.width)
    }

    fn ended(&self, training: usize, outcome: &Outcome) -> serde_json::Value {
        let name = &self.names[training];
        match outcome {
            Outcome::Reached { branch, trained, last } => json!({
                "event": "reached", "name": name, "branch": branch.name, "key": last.key, "step": last.step,
                "digest": last.digest, "steps_trained": trained,
            }),
            Outcome::Stopped { at, .. } => json!({ "event": "stopped", "name": name, "step": at }),
            Outcome::Diverged { at, .. } => json!({ "event": "diverged", "name": name, "step": at }),
            Outcome::Failed(error) => json!({ "event": "failed", "name": name, "message": error.to_string() }),
            Outcome::Waits | Outcome::Unwanted => json!({ "event": "waiting", "name": name }),
        }
    }
}

impl Running {
    fn line(&self, at: u64, value: f32) -> String {
        let done = at.saturating_sub(self.from).max(1);
        let left = self.started.elapsed().as_secs_f64() * self.until.saturating_sub(at) as f64 / done as f64;
        format!("step {} of {}  loss {}  {} left", count(at), count(self.until), loss(Some(value)), duration(left))
    }
}
