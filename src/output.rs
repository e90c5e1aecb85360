//! What a person sees: lines on the standard output, warnings and the live bar
//! on the error output.
//!
//! Commands that only answer write to the standard output themselves, and end
//! where it ends. Work does not: what it says goes through [`say!`], which
//! drops what cannot be written, and [`lost`] tells it at the end.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar};
use revacnn_schemas::lines;

use crate::text::{printable, strong};

/// What became of the standard output, and what is drawn on the error output.
struct Output {
    /// Who read the standard output has gone.
    unread: bool,
    /// The first other reason for which a line was lost.
    lost: Option<io::Error>,
    /// Whether training has begun, which goes on whoever listens.
    training: bool,
    live: Option<Live>,
}

/// What moves at the foot of the terminal.
#[derive(Clone)]
pub(crate) enum Live {
    /// One bar.
    Bar(ProgressBar),
    /// One below the other.
    Bars(MultiProgress),
}

static OUTPUT: Mutex<Output> = Mutex::new(Output { unread: false, lost: None, training: false, live: None });

/// Changes what is noted; nothing is written meanwhile, for writing may take
/// as long as a reader likes.
fn noted<T>(change: impl FnOnce(&mut Output) -> T) -> T {
    change(&mut OUTPUT.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Writes a line about work; a line that cannot be written ends no work.
macro_rules! say {
    ($($argument:tt)*) => { $crate::output::write(format_args!("{}\n", format_args!($($argument)*))) };
}
pub(crate) use say;

/// [`say!`], of text that has its line ends.
pub(crate) fn write(text: fmt::Arguments<'_>) {
    if noted(|output| output.unread) {
        return;
    }
    let text = text.to_string();
    let written = beside_the_bar(|| {
        let mut out = out();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    });
    let Err(error) = written else { return };
    let warning = noted(|output| {
        let is_first = !output.unread && output.lost.is_none();
        let warning = (is_first && output.training).then(|| lost_words(&error));
        match error.kind() {
            io::ErrorKind::BrokenPipe => output.unread = true,
            _ => drop(output.lost.get_or_insert(error)),
        }
        warning
    });
    if let Some(warning) = warning {
        warn(&warning);
    }
}

/// The standard output, for text and JSON of a command that answers.
///
/// What would mislead whoever looks at a terminal is escaped, whose text it ever
/// was, in a way that JSON understands too.
pub(crate) fn out() -> Out {
    Out(io::stdout().lock())
}

/// See [`out`].
pub(crate) struct Out(io::StdoutLock<'static>);

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    /// Formatted text comes in whole letters.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(lines(&String::from_utf8_lossy(bytes)).as_bytes())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Says that training has begun: from now on a person is told at once that the
/// output is lost, not at the end.
pub(crate) fn training_begins() {
    let lost = noted(|output| {
        output.training = true;
        match &output.lost {
            Some(error) => Some(lost_words(error)),
            None => output.unread.then(|| lost_words(&io::ErrorKind::BrokenPipe.into())),
        }
    });
    if let Some(lost) = lost {
        warn(&lost);
    }
}

fn lost_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::BrokenPipe => "nobody reads the output any more: training goes on without it".to_owned(),
        _ => format!("cannot write the output: {error}; training goes on without it"),
    }
}

/// Why lines of work could not be written, if that was not their reader's wish.
pub(crate) fn lost() -> Option<io::Error> {
    noted(|output| output.lost.take())
}

/// Asks on a terminal; elsewhere, and where no answer can be read, it is no.
pub(crate) fn confirmed(question: &str) -> bool {
    if !io::stdin().is_terminal() {
        return false;
    }
    write(format_args!("{question} [y/N] "));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

/// Warns of something, where nobody listens too.
pub(crate) fn warn(problem: &impl fmt::Display) {
    tell(&format!("{} {}", strong("warning:"), printable(problem)));
}

/// Writes a line to the error output, above the bar, with its styles where that
/// is a terminal; where nobody listens there is nobody to tell.
pub(crate) fn tell(line: &str) {
    beside_the_bar(|| drop(writeln!(anstream::stderr(), "{line}")));
}

/// Keeps out of the way of what moves at the foot of the terminal, until
/// [`clear_live`].
pub(crate) fn show_live(live: Live) {
    noted(|output| output.live = Some(live));
}

/// Takes it away.
pub(crate) fn clear_live() {
    match noted(|output| output.live.take()) {
        Some(Live::Bar(bar)) => bar.finish_and_clear(),
        // Where it cannot be cleared there is no terminal any more.
        Some(Live::Bars(bars)) => drop(bars.clear()),
        None => {}
    }
}

/// Writes while the bar is out of the way.
fn beside_the_bar<T>(write: impl FnOnce() -> T) -> T {
    match noted(|output| output.live.clone()) {
        Some(Live::Bar(bar)) => bar.suspend(write),
        Some(Live::Bars(bars)) => bars.suspend(write),
        None => write(),
    }
}
