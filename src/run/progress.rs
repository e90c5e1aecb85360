//! Where a run stands: a bar on the error output where that is a terminal,
//! lines to keep on the standard output, events there with `--json`.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use revacnn_schemas::{Epoch, Step, ValidationResult};
use serde_json::json;

use crate::output::{self, Live, say};
use crate::text::{bytes, count, duration, loss, percent};

/// Time between two updates of the line on a terminal.
const LIVE: Duration = Duration::from_millis(200);

/// Time between two plain lines.
const PLAIN: Duration = Duration::from_secs(10);

/// Where a run stands.
pub(crate) struct Progress<'a> {
    pub(crate) step: Step,
    pub(crate) epoch: Epoch,
    pub(crate) finished_epoch: Option<Epoch>,
    pub(crate) loss: Option<f32>,
    pub(crate) live_accuracy: Option<f32>,
    pub(crate) validation: Option<&'a ValidationResult>,
    pub(crate) images: u64,
    pub(crate) elapsed: Duration,
    pub(crate) bytes: Option<u64>,
}

/// Says where a run stands, now and then.
pub(crate) struct Reporter {
    json: bool,
    bar: Option<ProgressBar>,
    /// Whether lines are written now and then, for a file or a log that shows
    /// no bar.
    lines: bool,
    first: Step,
    until: Step,
    next: Instant,
    next_line: Instant,
}

impl Reporter {
    pub(crate) fn new(json: bool, first: Step, until: Step) -> Self {
        let terminal = !json && std::io::stderr().is_terminal();
        let bar = terminal.then(|| {
            let bar = ProgressBar::with_draw_target(Some(until.0 - first.0), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{wide_bar:.dim}\n{msg}")
                .expect("invariant: the template is valid")
                .progress_chars("━━─");
            bar.set_style(style);
            output::show_live(Live::Bar(bar.clone()));
            bar
        });
        let lines = bar.is_none() || !std::io::stdout().is_terminal();
        let next = Instant::now() + LIVE;
        Self { json, bar, lines, first, until, next, next_line: next }
    }

    /// Whether it is time to say something.
    pub(crate) fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    pub(crate) fn show(&mut self, progress: &Progress<'_>) {
        let now = Instant::now();
        self.next = now + if self.bar.is_some() { LIVE } else { PLAIN };
        if self.json {
            return self.show_json(progress);
        }
        let line = self.line(progress);
        if let Some(bar) = &self.bar {
            bar.set_position(progress.step.0 - self.first.0);
            bar.set_message(line.clone());
        }
        if let (Some(epoch), Some(result)) = (progress.finished_epoch, progress.validation) {
            say!("{}", epoch_line(epoch, progress.step, result));
        } else if self.lines && now >= self.next_line {
            say!("{line}");
        } else {
            return;
        }
        self.next_line = now + PLAIN;
    }

    fn line(&self, progress: &Progress<'_>) -> String {
        let seconds = progress.elapsed.as_secs_f64().max(1e-9);
        let done = (progress.step.0 - self.first.0).max(1);
        let left = seconds * (self.until.0 - progress.step.0) as f64 / done as f64;
        let mut line = format!(
            "step {} of {}  loss {}{}  {} images/s",
            count(progress.step.0),
            count(self.until.0),
            loss(progress.loss),
            progress.live_accuracy.map_or_else(String::new, |share| format!("  live {}", percent(share))),
            count((progress.images as f64 / seconds) as u64),
        );
        if let Some(written) = progress.bytes {
            line += &format!("  {}", bytes(written));
        }
        line + &format!("  {} left", duration(left))
    }

    fn show_json(&self, progress: &Progress<'_>) {
        let finite = |value: Option<f32>| value.filter(|value| value.is_finite());
        let mut line = json!({
            "event": "progress",
            "step": progress.step,
            "until": self.until,
            "epoch": progress.epoch,
            "loss": finite(progress.loss),
            "live_accuracy": progress.live_accuracy,
            "images_per_second": progress.images as f64 / progress.elapsed.as_secs_f64().max(1e-9),
            "bytes_written": progress.bytes,
        });
        if let (Some(epoch), Some(result)) = (progress.finished_epoch, progress.validation) {
            line["event"] = "epoch".into();
            line["epoch"] = json!(epoch);
            line["validation_loss"] = json!(finite(Some(result.loss)));
            line["validation_accuracy"] = json!(result.accuracy());
        }
        say!("{line}");
    }
}

fn epoch_line(epoch: Epoch, step: Step, result: &ValidationResult) -> String {
    format!(
        "epoch {epoch} done at step {}: validation loss {}{}",
        count(step.0),
        loss(Some(result.loss)),
        result.accuracy().map_or_else(String::new, |share| format!(", accuracy {}", percent(share))),
    )
}
