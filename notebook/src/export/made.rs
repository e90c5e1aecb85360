//! The trainings of a notebook, with their keys and digests: how it is made again.

use revacnn_schemas::{BranchName, Step};
use revacnn_store::BranchReader;

use super::Notebook;
use crate::Sources;
use crate::document::written;
use crate::plan::State;
use crate::program::What;

/// One training.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) name: BranchName,
    /// The command that makes it, without where and how.
    pub(super) command: String,
    /// Its content key; `–` where it is not known before it is trained.
    pub(super) key: String,
    /// The step that it is trained until, and the digest there.
    pub(super) last: Option<(Step, String)>,
    /// What it forks, and at which step.
    pub(super) parent: Option<(BranchName, Step)>,
    /// How much of it there is, in words.
    pub(super) says: String,
}

/// The trainings, each after the one that it forks.
pub(super) fn made(notebook: &Notebook<'_>, sources: &Sources) -> Vec<Made> {
    let trainings = &notebook.program.trainings;
    let each = trainings.iter().zip(&notebook.plan.nodes).enumerate().map(|(place, (training, node))| {
        let key = node.branch.as_ref().map(|record| record.key).or(node.key);
        let digest = |step: Step| {
            let reader = BranchReader::of(sources.store(), node.branch.clone()?).ok()?;
            Some((step, reader.step_row(step).ok()?.digest.to_string()))
        };
        let command = notebook.plan.command(notebook.program, place).words();
        let words: Vec<String> = command.iter().map(|word| written(word)).collect();
        let parent = match &training.what {
            What::Train(_) => None,
            What::Fork { parent, .. } => node.first.map(|first| (trainings[*parent].name.clone(), first)),
        };
        Made {
            name: training.name.clone(),
            command: words.join(" "),
            key: key.map_or_else(|| "–".to_owned(), |key| key.to_string()),
            last: node.until.filter(|_| node.state() == State::There).and_then(digest),
            parent,
            says: match (node.state(), node.until) {
                (State::There, Some(until)) => format!("trained to step {until}"),
                (State::Diverged(at), _) => format!("diverged at step {at}"),
                (State::Begun(reached), Some(until)) => format!("at step {reached} of {until}"),
                _ => "not trained yet".to_owned(),
            },
        }
    });
    each.collect()
}
