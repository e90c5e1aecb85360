//! `revacnn export`: a network at a recorded step, in another program's format.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use revacnn_recorder::{NetworkAtStep, Resources, network_at};
use revacnn_schemas::{Address, Place};
use revacnn_store::{Store, StoreError, write_output};
use revacnn_trainer::exchange::Format;
use serde_json::json;

use super::{Run, history, step_of};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption, ThreadsOption, path};
use crate::output::say;
use crate::text::{bytes, count, printable};

/// Write a network at a recorded step in another program's format.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  revacnn export main@best -o net.safetensors
  revacnn export main@100 -o net.onnx
  revacnn export main --as torch -o net.py
  revacnn export main@epoch:1 -o net.npz --optimizer-state

The format follows the file's end, or --as: .safetensors, .npz, .onnx, .json (ConvNetJS). `--as torch` writes a
script, and beside it the .safetensors file that it loads. Images go in as byte / 255 - 0.5, channel by channel.
What was exported as .safetensors, .npz or .json comes in again by `revacnn train --init FILE`, or by the edit `load-weights FILE`.")]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    store: StoreOption,
    /// The step, such as main@best.
    #[arg(value_name = "ADDRESS")]
    address: Address,
    /// The file to write.
    #[arg(short, long, value_name = "FILE", value_parser = path())]
    output: PathBuf,
    /// The format [default: by the file's end].
    #[arg(long = "as", value_name = "FORMAT", value_parser = format_word())]
    format: Option<Format>,
    /// Take the optimizer's memory along (safetensors and npz).
    #[arg(long)]
    optimizer_state: bool,
    #[command(flatten)]
    data: DataOption,
    #[command(flatten)]
    threads: ThreadsOption,
}

/// The format of a word.
fn format_word() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(|(_, word, _)| word)).map(|text| {
        let known = Format::ALL.iter().find(|(_, word, _)| *word == text);
        known.map(|(format, ..)| *format).expect("invariant: one of the words")
    })
}

impl Run for ExportArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let format = self.format()?;
        let store = Store::open(&self.store.store)?;
        let lineage = history(&store, &self.address.branch)?;
        let step = step_of(&lineage, self.address.position)?;
        let usual = Resources::usual(&self.store.store);
        let resources = Resources { threads: self.threads.number(), data_folder: self.data.folder(), ..usual };
        let network = network_at(&store, lineage, step, self.optimizer_state, &resources)?;
        let mut written = vec![write(&network, format, &self.output)?];
        if format == Format::Torch {
            written.push(write(&network, Format::Safetensors, &self.weights_beside()?)?);
        }
        self.tell(&network, &written, json);
        Ok(ExitCode::SUCCESS)
    }
}

/// A file that was written.
struct Written {
    path: PathBuf,
    bytes: u64,
    notes: Vec<String>,
}

fn write(network: &NetworkAtStep, format: Format, path: &Path) -> Result<Written, Failure> {
    let exported = network.export(format)?;
    let io = |source| StoreError::Io { operation: "write", path: path.to_owned(), source };
    write_output(path, |file| file.write_all(&exported.bytes).map_err(io))?;
    Ok(Written { path: path.to_owned(), bytes: exported.bytes.len() as u64, notes: exported.notes })
}

impl ExportArguments {
    fn format(&self) -> Result<Format, Failure> {
        let Some(format) = self.format.or_else(|| Format::of(&self.output)) else {
            let endings: Vec<String> = Format::ALL.iter().map(|(.., ending)| format!(".{ending}")).collect();
            let words: Vec<&str> = Format::ALL.iter().map(|(_, word, _)| *word).collect();
            return Err(Failure::Usage(format!(
                "expected a file that ends in {}, or --as {}, found {}",
                endings.join(", "),
                words.join("|"),
                self.output.display()
            )));
        };
        if self.optimizer_state && !format.takes_optimizer() {
            let message =
                "--optimizer-state goes along in safetensors and npz alone: no other format has a place for it";
            return Err(Failure::Usage(message.to_owned()));
        }
        if format == Format::Torch {
            self.weights_beside()?;
        }
        Ok(format)
    }

    /// Where the arrays of a script are.
    fn weights_beside(&self) -> Result<PathBuf, Failure> {
        let beside = self.output.with_extension("safetensors");
        if beside == self.output {
            let message = format!("expected a script, such as net.py, found {}", self.output.display());
            return Err(Failure::Usage(message));
        }
        Ok(beside)
    }

    fn tell(&self, network: &NetworkAtStep, written: &[Written], json: bool) {
        let files = written.iter().map(|file| (file.path.display().to_string(), file.bytes));
        let notes = written.iter().flat_map(|file| &file.notes);
        if json {
            let files: Vec<_> = files.map(|(path, bytes)| json!({ "path": path, "bytes": bytes })).collect();
            let line = json!({
                "branch": network.record.name,
                "step": network.step,
                "digest": network.digest,
                "recomputed": network.recomputed,
                "class_names": network.class_names.is_some(),
                "files": files,
                "notes": notes.collect::<Vec<_>>(),
            });
            say!("{line}");
            return;
        }
        for (path, size) in files {
            let digest = network.digest.to_string();
            let (branch, step) = (&network.record.name, count(network.step.0));
            say!("{branch} at step {step} with digest {:.12} in {}: {}", digest, printable(&path), bytes(size));
        }
        notes.for_each(|note| say!("note: {}", printable(note)));
        if network.class_names.is_none() {
            say!("note: the classes' names are left out: the data set was not found");
        }
    }
}
