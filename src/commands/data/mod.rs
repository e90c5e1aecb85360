//! `revacnn data`: what there is to train on.

#[cfg(feature = "fetch")]
mod fetch;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use revacnn_notebook::command::ReadingOptions;
use revacnn_schemas::{Advice, DEFAULT_STORE, Place, one_line};
use revacnn_store::write_output;
use revacnn_trainer::data::{Availability, CheckReport, Overlap, Split, catalogue, check_as, contact_sheet};
use serde_json::json;

use super::Run;
use crate::error::Failure;
use crate::options::{DataOption, path};
use crate::output;
use crate::text::{Side, count, printable, table};

/// List or check data sets.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  revacnn data list\n  revacnn data check cifar10 --data ~/data
  revacnn data check photos --size 32x32 --output sheet.png")]
pub(crate) struct DataArguments {
    #[command(subcommand)]
    action: DataAction,
    #[command(flatten)]
    folder: DataOption,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataAction {
    /// List the known data sets and whether they are there.
    List,
    /// Load data sets, verify them, and show what is in them.
    Check(CheckArguments),
    /// Fetch published data sets: progress, checksums, and on where it stopped.
    #[cfg(feature = "fetch")]
    Fetch(fetch::FetchArguments),
}

/// Which data sets are looked at.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Which ones [default: all that are there].
    #[arg(value_name = "NAME|PATH")]
    names: Vec<OsString>,
    #[command(flatten)]
    reading: ReadingOptions,
    /// Write a PNG of the first images of each class, one row a class in the order that is shown.
    #[arg(short, long, value_name = "FILE", value_parser = path())]
    output: Option<PathBuf>,
}

impl Run for DataArguments {
    fn place(&self) -> Place {
        Place { store: DEFAULT_STORE.into(), data: self.folder.data.clone() }
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        match &self.action {
            DataAction::List => list(self, json),
            DataAction::Check(check) => check_all(self, check, json),
            #[cfg(feature = "fetch")]
            DataAction::Fetch(fetch) => fetch.run(&self.folder, json),
        }
    }
}

fn list(arguments: &DataArguments, json: bool) -> Result<ExitCode, Failure> {
    let folder = arguments.folder.folder();
    let entries = catalogue(folder.as_deref());
    let mut out = output::out();
    let mut rows = Vec::new();
    for entry in &entries {
        let (train, test, place) = match &entry.availability {
            Availability::Ready { folder, train_images, test_images } => (
                Some(*train_images),
                Some(*test_images),
                folder.as_ref().map_or_else(|| "embedded".to_owned(), |folder| folder.display().to_string()),
            ),
            Availability::Missing(reason) => (None, None, reason.to_string()),
        };
        if json {
            let line = json!({
                "name": entry.name,
                "shape": [entry.shape.channels, entry.shape.height, entry.shape.width],
                "can_be_fetched": entry.published.is_some(),
                "classes": entry.classes,
                "available": train.is_some(),
                "train_images": train,
                "test_images": test,
                "place": place,
                "from": entry.from,
                "licence": entry.licence,
            });
            writeln!(out, "{line}")?;
            continue;
        }
        let images = |number: Option<u32>| number.map_or_else(|| "–".to_owned(), |number| count(number.into()));
        rows.push(vec![
            entry.name.to_owned(),
            entry.shape.to_string(),
            entry.classes.len().to_string(),
            images(train),
            images(test),
            if train.is_some() { place } else { "not found".to_owned() },
        ]);
    }
    if json {
        return Ok(ExitCode::SUCCESS);
    }
    let heading = [
        ("name", Side::Left),
        ("shape", Side::Left),
        ("classes", Side::Right),
        ("training", Side::Right),
        ("test", Side::Right),
        ("where", Side::Left),
    ];
    write!(out, "{}", table(&heading, &rows))?;
    for entry in &entries {
        writeln!(out, "\n{}: {}\n  licence: {}", entry.name, entry.from, entry.licence)?;
        if let Availability::Missing(reason) = &entry.availability {
            writeln!(out, "  {reason}")?;
            if entry.published.is_some() {
                let fetch = Advice::FetchData { name: entry.name.to_owned() };
                writeln!(out, "  to fetch it: {}", fetch.command(&arguments.place()))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn check_all(arguments: &DataArguments, asked: &CheckArguments, json: bool) -> Result<ExitCode, Failure> {
    let folder = arguments.folder.folder();
    let mut chosen: Vec<OsString> = asked.names.clone();
    if asked.output.is_some() && chosen.len() != 1 {
        let found = chosen.len();
        return Err(Failure::Usage(format!(
            "--output is a sheet of one data set: expected one NAME or PATH, found {found}"
        )));
    }
    if chosen.is_empty() {
        chosen = catalogue(folder.as_deref())
            .iter()
            .filter(|entry| matches!(entry.availability, Availability::Ready { .. }))
            .map(|entry| entry.name.into())
            .collect();
    }
    let mut out = output::out();
    for name in &chosen {
        let (dataset, report) = check_as(name, folder.as_deref(), &asked.reading.reading())?;
        if json {
            writeln!(out, "{}", report_json(&report))?;
        } else {
            write!(out, "{}", report_text(&report))?;
        }
        if let Some(path) = &asked.output {
            let sheet = contact_sheet(&dataset)?;
            write_output::<Failure>(path, |output| Ok(output.write_all(&sheet)?))?;
            if !json {
                writeln!(out, "  sheet {}: a row a class, in this order", printable(&path.display()))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn report_json(report: &CheckReport) -> serde_json::Value {
    let classes: Vec<_> = report
        .classes
        .iter()
        .map(|class| {
            json!({ "name": class.name, "train": class.train, "validation": class.validation, "test": class.test })
        })
        .collect();
    let channels: Vec<_> = report
        .channels
        .iter()
        .map(|channel| json!({ "mean": channel.mean, "standard_deviation": channel.standard_deviation }))
        .collect();
    json!({
        "name": report.identity.name,
        "digest": report.identity.digest,
        "digest_verified": report.digest_verified,
        "shape": [report.shape.channels, report.shape.height, report.shape.width],
        "classes": classes,
        "channels": channels,
        "reading": report.taken.as_ref().map(|taken| &taken.reading),
        "taken_for": report.taken.as_ref().map(|taken| &taken.description),
        "notes": report.taken.as_ref().map_or(&[][..], |taken| &taken.notes),
        "overlaps": report.overlaps.iter().map(|overlap| json!({
            "of": split(overlap.of),
            "within": split(overlap.within),
            "images": overlap.images,
            "first": [overlap.first.0, overlap.first.1],
        })).collect::<Vec<_>>(),
        "warnings": report.lopsided.iter().collect::<Vec<_>>(),
    })
}

fn report_text(report: &CheckReport) -> String {
    let (train, validation, test) = report.totals();
    let verified = if report.digest_verified { " (as expected)" } else { "" };
    let mut text = String::new();
    if let Some(taken) = &report.taken {
        text += &format!("{}\n", one_line(&taken.description));
        taken.notes.iter().for_each(|note| text += &format!("  note: {}\n", one_line(note)));
    }
    text += &format!(
        "{}: {}, {} training, {} validation, {} test images\n  digest {}{verified}\n",
        report.identity.name,
        report.shape,
        count(train.into()),
        count(validation.into()),
        count(test.into()),
        report.identity.digest,
    );
    for (index, channel) in report.channels.iter().enumerate() {
        text += &format!(
            "  channel {index}: mean {:.4}, standard deviation {:.4}\n",
            channel.mean, channel.standard_deviation
        );
    }
    let rows: Vec<Vec<String>> = report
        .classes
        .iter()
        .map(|class| {
            vec![
                format!("  {}", class.name),
                count(class.train.into()),
                count(class.validation.into()),
                count(class.test.into()),
            ]
        })
        .collect();
    let heading =
        [("  class", Side::Left), ("training", Side::Right), ("validation", Side::Right), ("test", Side::Right)];
    text += &table(&heading, &rows);
    for Overlap { of, within, images, first: (one, other) } in &report.overlaps {
        let (of, within) = (split(*of), split(*within));
        let which = format!("image {one} of the {} and {other} of the {} part", part(of), part(within));
        text += &match images {
            1 => format!("  warning: 1 {of} image is among the {within} images, too: {which}\n"),
            _ => format!(
                "  warning: {} {of} images are among the {within} images, too, such as {which}\n",
                count(u64::from(*images))
            ),
        };
    }
    if let Some(caution) = &report.lopsided {
        text += &format!("  warning: {caution}\n");
    }
    text
}

/// A split, as the columns are called.
fn split(split: Split) -> &'static str {
    match split {
        Split::Train => "training",
        Split::Validation => "validation",
        Split::Test => "test",
    }
}

/// The part in which a split's images are counted.
fn part(split: &str) -> &str {
    if split == "test" { split } else { "training" }
}
