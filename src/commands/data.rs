//! `revacnn data`: what there is to train on.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use revacnn_schemas::{DEFAULT_STORE, Place};
use revacnn_trainer::data::{Availability, CheckReport, catalogue, check};
use serde_json::json;

use super::Run;
use crate::error::Failure;
use crate::options::DataOption;
use crate::output;
use crate::text::{Side, count, table};

/// List or check data sets.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  revacnn data list\n  revacnn data check cifar10 --data ~/data")]
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
    Check {
        /// Which ones [default: all that are there].
        #[arg(value_name = "NAME|PATH")]
        names: Vec<OsString>,
    },
}

impl Run for DataArguments {
    fn place(&self) -> Place {
        Place { store: DEFAULT_STORE.into(), data: self.folder.data.clone() }
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        match &self.action {
            DataAction::List => list(self, json),
            DataAction::Check { names } => check_all(self, names, json),
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
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn check_all(arguments: &DataArguments, names: &[OsString], json: bool) -> Result<ExitCode, Failure> {
    let folder = arguments.folder.folder();
    let mut chosen: Vec<OsString> = names.to_vec();
    if chosen.is_empty() {
        chosen = catalogue(folder.as_deref())
            .iter()
            .filter(|entry| matches!(entry.availability, Availability::Ready { .. }))
            .map(|entry| entry.name.into())
            .collect();
    }
    let mut out = output::out();
    for name in &chosen {
        let report = check(name, folder.as_deref())?;
        if json {
            writeln!(out, "{}", report_json(&report))?;
        } else {
            write!(out, "{}", report_text(&report))?;
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
        "warnings": report.lopsided.iter().collect::<Vec<_>>(),
    })
}

fn report_text(report: &CheckReport) -> String {
    let (train, validation, test) = report.totals();
    let verified = if report.digest_verified { " (as expected)" } else { "" };
    let mut text = format!(
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
    if let Some(caution) = &report.lopsided {
        text += &format!("  warning: {caution}\n");
    }
    text
}
