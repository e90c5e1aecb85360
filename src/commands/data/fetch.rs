//! `revacnn data fetch`: published data sets, from where their makers put them.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use indicatif::ProgressBar;
use revacnn_fetch::{Event, Patience, fetch};
use revacnn_schemas::Published;
use revacnn_trainer::data::{catalogue, check, published};
use serde_json::json;

use crate::commands::bar_of;
use crate::error::Failure;
use crate::interrupt;
use crate::options::{DataOption, path, usual_data_folder};
use crate::output::{self, Live, say};
use crate::text::{bytes, count, printable};

/// Which data sets are fetched, and whereto.
#[derive(Debug, Args)]
#[command(after_help = "What is there and whole is not fetched again, and what broke off goes on where it stopped. \
Every file is compared with its published SHA-256 before it is unpacked.

Examples:
  revacnn data fetch cifar10
  revacnn data fetch mnist fashion-mnist --output ~/data
  revacnn data fetch cifar100 --mirror https://mirror.example.org/datasets")]
pub(crate) struct FetchArguments {
    #[arg(value_name = "NAME", help = names_help())]
    names: Vec<String>,
    /// Take the files from below this address, under the names that they are published by.
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
    /// The data folder that they are put in [default: --data, or the variable REVACNN_DATA, or the folder
    /// for data of the platform, where every command looks].
    #[arg(short, long, value_name = "DIR", value_parser = path())]
    output: Option<PathBuf>,
}

fn names() -> Vec<&'static str> {
    catalogue(None).iter().filter_map(|entry| entry.published).map(|published| published.name).collect()
}

fn names_help() -> String {
    format!("Data sets: {}", names().join(", "))
}

impl FetchArguments {
    /// Fetches each, one after the other.
    pub(crate) fn run(&self, data: &DataOption, json: bool) -> Result<ExitCode, Failure> {
        if self.names.is_empty() {
            return Err(Failure::Usage(format!("expected a data set to fetch: {}", names().join(", "))));
        }
        let mut wanted = Vec::new();
        for name in &self.names {
            wanted.push(published(name).ok_or_else(|| {
                Failure::Usage(format!(
                    "no data set that can be fetched is called {name:?}: expected {}",
                    names().join(", ")
                ))
            })?);
        }
        let folder = self.output.clone().or_else(|| data.folder()).or_else(usual_data_folder).ok_or_else(|| {
            Failure::Usage("there is no home folder: name the data folder with `--output DIR`".to_owned())
        })?;
        interrupt::listen();
        for published in wanted {
            self.fetch(published, &folder, json)?;
        }
        if !json && self.output.as_ref().is_some_and(|output| data.folder().as_ref() != Some(output)) {
            say!("train on it with `--data {}`", printable(&folder.display()));
        }
        Ok(ExitCode::SUCCESS)
    }

    fn fetch(&self, published: &Published<'_>, folder: &std::path::Path, json: bool) -> Result<(), Failure> {
        let mut shown = Progress { json, bar: None };
        let mut watch = |event: Event<'_>| {
            shown.show(&event);
            if interrupt::stop().is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let fetched = fetch(published, self.mirror.as_deref(), folder, Patience::default(), &mut watch);
        shown.end();
        let fetched = fetched?;
        // What has come is a data set, and the one that was meant.
        let report = check(published.name, Some(folder))?;
        let (train, validation, test) = report.totals();
        if json {
            say!(
                "{}",
                json!({
                    "event": "fetched",
                    "name": published.name,
                    "folder": fetched.folder.display().to_string(),
                    "was_there": fetched.was_there,
                    "downloaded_bytes": fetched.downloaded,
                    "train_images": train + validation,
                    "test_images": test,
                    "digest": report.identity.digest,
                    "digest_verified": report.digest_verified,
                })
            );
            return Ok(());
        }
        let what = match fetched.was_there {
            true => "there already, nothing fetched".to_owned(),
            false => format!("fetched, {}", bytes(fetched.downloaded)),
        };
        say!(
            "{}: {what}: {} training and {} test images in {}\n  digest {}{}",
            published.name,
            count((train + validation).into()),
            count(test.into()),
            printable(&fetched.folder.display()),
            report.identity.digest,
            if report.digest_verified { " (as expected)" } else { "" },
        );
        Ok(())
    }
}

/// How far it is: a bar on a terminal, and lines for what is worth one.
struct Progress {
    json: bool,
    /// The file that comes, and its bar.
    bar: Option<(String, ProgressBar)>,
}

impl Progress {
    fn show(&mut self, event: &Event<'_>) {
        match *event {
            Event::Downloading { file, bytes: there, of } => {
                if self.bar.as_ref().is_none_or(|(of_file, _)| of_file != file) {
                    self.begin(file, there, of);
                }
                if let Some((_, bar)) = &self.bar {
                    bar.set_position(there);
                }
            }
            Event::Waiting => {
                self.say("waiting", None, "another process fetches it into the same folder: waiting for it")
            }
            Event::BrokenOff { file, bytes: there, reason } => {
                self.say("broken_off", Some(file), &format!("{reason}; going on at {}", bytes(there)));
            }
            Event::FromTheBeginning { file, reason } => {
                self.say("from_the_beginning", Some(file), &format!("{reason}; fetching it from its beginning"));
            }
            Event::Unpacking { file } => {
                self.end();
                self.say("unpacking", Some(file), "has come and is what was published; unpacking it");
            }
        }
    }

    fn begin(&mut self, file: &str, there: u64, of: u64) {
        self.end();
        let words = match there {
            0 => bytes(of),
            there => format!("{}, of which {} are there", bytes(of), bytes(there)),
        };
        self.say("downloading", Some(file), &words);
        let template = "{wide_bar:.dim} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        let bar = bar_of(of, self.json, template).with_position(there);
        bar.reset_eta();
        output::show_live(Live::Bar(bar.clone()));
        self.bar = Some((file.to_owned(), bar));
    }

    fn say(&self, event: &str, file: Option<&str>, words: &str) {
        match (self.json, file) {
            (true, _) => say!("{}", json!({ "event": event, "file": file, "message": words })),
            (false, Some(file)) => say!("{file}: {}", printable(&words)),
            (false, None) => say!("{}", printable(&words)),
        }
    }

    fn end(&mut self) {
        if let Some((_, bar)) = self.bar.take() {
            drop(bar);
            output::clear_live();
        }
    }
}
