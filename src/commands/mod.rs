//! One command a file.

pub(crate) mod compact;
pub(crate) mod data;
pub(crate) mod diff;
pub(crate) mod evaluate;
pub(crate) mod fork;
pub(crate) mod log;
pub(crate) mod materialise;
pub(crate) mod plot;
#[cfg(feature = "sql")]
pub(crate) mod query;
pub(crate) mod resume;
pub(crate) mod show;
pub(crate) mod steer;
pub(crate) mod tidy;
pub(crate) mod train;
pub(crate) mod verify;
#[cfg(feature = "view")]
pub(crate) mod view;

use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use revacnn_schemas::{BranchName, BranchRecord, Edit, Step};
use revacnn_store::{DataHint, Lineage, StepSpan, Store};

use crate::error::Failure;
use crate::npy;
use crate::output::warn;

/// A branch with its past. What of it is missing is said, whatever is asked of
/// the rest.
fn history(store: &Store, name: &BranchName) -> Result<Lineage, Failure> {
    let lineage = Lineage::open(store, name)?;
    lineage.gaps()?.iter().for_each(|gap| warn(&gap.error));
    Ok(lineage)
}

/// The steps that `--from` and `--to` name, of those that there are.
fn asked_span(from: Option<u64>, to: Option<u64>, all: StepSpan) -> Result<StepSpan, Failure> {
    let span = StepSpan::new(from.map_or(all.first, Step), to.map_or(all.last, Step));
    if span.first <= span.last {
        return Ok(span);
    }
    Err(Failure::Usage(match (from, to) {
        (Some(from), Some(to)) => format!("--from {from} is after --to {to}"),
        (Some(from), None) => format!("--from {from} is after the last step, {}", all.last),
        (None, _) => format!("--to {} is before the first step, {}", span.last, all.first),
    }))
}

/// Reads the edits of a command line; coefficients come from `.npy` files.
fn edits(texts: &[OsString]) -> Result<Vec<Edit>, Failure> {
    texts.iter().map(|text| edit(text)).collect()
}

fn edit(text: &OsStr) -> Result<Edit, Failure> {
    if let Some(text) = text.to_str() {
        return Ok(Edit::parse(text, &mut |path| npy::coefficients(Path::new(path)))?);
    }
    // A path may be no text: the file is the word that looks like it.
    let words = words(text);
    Ok(Edit::parse(&text.to_string_lossy(), &mut |shown| {
        let word = words.iter().copied().find(|word| word.to_string_lossy() == shown);
        npy::coefficients(Path::new(word.unwrap_or(OsStr::new(shown))))
    })?)
}

/// Words between blanks.
#[cfg(unix)]
fn words(text: &OsStr) -> Vec<&OsStr> {
    use std::os::unix::ffi::OsStrExt;

    text.as_bytes().split(u8::is_ascii_whitespace).map(OsStr::from_bytes).collect()
}

/// Words between blanks, where text that is no Unicode cannot be taken apart.
#[cfg(not(unix))]
fn words(_text: &OsStr) -> Vec<&OsStr> {
    Vec::new()
}

/// Remembers the folder that `--data` named, in which a data set was found, so
/// that the next command needs no option.
fn remember(store: &Store, record: &BranchRecord, folder: Option<&Path>) -> Result<(), Failure> {
    let identity = record.definition().map(|definition| &definition.dataset);
    match identity.zip(folder) {
        Some((identity, folder)) => Ok(DataHint::new(&identity.name, Some(folder)).remember(store, identity)?),
        None => Ok(()),
    }
}

/// A bar for work of so many parts; invisible where there is no terminal.
fn bar(length: u64, json: bool) -> ProgressBar {
    let target = if json { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let style = ProgressStyle::with_template("{wide_bar:.dim} {pos} of {len}")
        .expect("invariant: the template is valid")
        .progress_chars("━━─");
    ProgressBar::with_draw_target(Some(length), target).with_style(style)
}

/// The number of threads that was asked for, or the machine's cores: four
/// at most, because a batch of four has no more parts.
fn threads(asked: Option<u16>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(4), usize::from)
}
