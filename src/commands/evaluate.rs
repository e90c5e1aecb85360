//! `revacnn evaluate`: loss and accuracy of a recorded step.

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use revacnn_recorder::{Replay, find_data};
use revacnn_schemas::{Address, Place};
use revacnn_store::Store;
use revacnn_trainer::data::Split;
use serde_json::json;

use super::{Run, history, step_of};
use crate::error::Failure;
use crate::options::{DataOption, StoreOption, ThreadsOption};
use crate::output;
use crate::text::{Side, count, counted, loss, percent, table};

/// Evaluate the weights of a step on a split of the data.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  revacnn evaluate main@best --split test")]
pub(crate) struct EvaluateArguments {
    #[command(flatten)]
    store: StoreOption,
    /// The step, such as main@best.
    #[arg(value_name = "ADDRESS")]
    address: Address,
    /// The images to evaluate on.
    #[arg(long, value_enum, default_value_t = EvaluationSplit::Validation)]
    split: EvaluationSplit,
    #[command(flatten)]
    data: DataOption,
    #[command(flatten)]
    threads: ThreadsOption,
}

/// The images of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EvaluationSplit {
    /// Every tenth training image, held out.
    Validation,
    /// The test images.
    Test,
}

impl Run for EvaluateArguments {
    fn place(&self) -> Place {
        self.store.place(Some(&self.data))
    }

    fn run(&self, json: bool) -> Result<ExitCode, Failure> {
        let store = Store::open(&self.store.store)?;
        let lineage = history(&store, &self.address.branch)?;
        let step = step_of(&lineage, self.address.position)?;
        let reader = lineage.into_holder(step)?;
        let folder = self.data.folder();
        let dataset = find_data(&store, reader.branch(), folder.as_deref())?;
        let (split, name) = match self.split {
            EvaluationSplit::Validation => (Split::Validation, "validation"),
            EvaluationSplit::Test => (Split::Test, "test"),
        };
        let mut replay = Replay::new(reader).with_data(dataset.clone(), self.threads.number());
        let result = replay.trainer_at(step)?.evaluate(split)?;
        let mut out = output::out();
        let branch = &self.address.branch;
        let classes = dataset.class_names();
        if json {
            let confusion: Option<Vec<&[u32]>> =
                result.confusion.as_ref().map(|counts| counts.chunks(classes.len()).collect());
            let line = json!({
                "branch": branch,
                "step": step,
                "split": name,
                "loss": Some(result.loss).filter(|loss| loss.is_finite()),
                "accuracy": result.accuracy(),
                "correct": result.correct,
                "images": result.images,
                "classes": classes,
                "confusion": confusion,
            });
            writeln!(out, "{line}")?;
            return Ok(ExitCode::SUCCESS);
        }
        let of = counted(result.images.into(), &format!("{name} image"));
        let found = format!("{branch}@{step} on {of} of {}: loss {}", dataset.name(), loss(Some(result.loss)));
        let (Some(share), Some(correct), Some(confusion)) = (result.accuracy(), result.correct, &result.confusion)
        else {
            // A network that gives back the image predicts no class.
            writeln!(out, "{found}")?;
            return Ok(ExitCode::SUCCESS);
        };
        writeln!(out, "{found}, accuracy {} ({} right)\n", percent(share), count(correct.into()))?;
        let rows: Vec<Vec<String>> = confusion
            .chunks(classes.len())
            .zip(classes)
            .enumerate()
            .map(|(class, (counts, class_name))| {
                let images: u32 = counts.iter().sum();
                let share = (images > 0).then(|| counts[class] as f32 / images as f32);
                let mistaken = counts
                    .iter()
                    .enumerate()
                    .filter(|(predicted, number)| *predicted != class && **number > 0)
                    .max_by_key(|(predicted, number)| (**number, std::cmp::Reverse(*predicted)))
                    .map_or_else(|| "–".to_owned(), |(predicted, number)| format!("{} ({number})", classes[predicted]));
                vec![class_name.clone(), count(images.into()), share.map_or_else(|| "–".to_owned(), percent), mistaken]
            })
            .collect();
        let heading = [
            ("class", Side::Left),
            ("images", Side::Right),
            ("right", Side::Right),
            ("most often taken for", Side::Left),
        ];
        write!(out, "{}", table(&heading, &rows))?;
        Ok(ExitCode::SUCCESS)
    }
}
