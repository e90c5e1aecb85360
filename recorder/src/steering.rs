//! Steering from other processes: requests come as files into a branch's
//! inbox, are read at a step's end, and are answered in its outbox.
//!
//! A file appears by a rename, so it is never read half-written; whoever may
//! write into the folder may steer.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use revacnn_schemas::{BranchName, BranchRecord, Edit, FORMAT_VERSION, Step};
use serde::{Deserialize, Serialize};

use crate::disk::{Disk, is_folder};
use crate::listing::list_if_there;
use crate::lock::FileLock;
use crate::paths::BranchPaths;
use crate::{RecorderError, Store, json};

/// What a training process is asked to do at the end of its step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Fork with these edits, and go on in the new branch.
    Edit {
        /// The edits, in order.
        edits: Vec<Edit>,
        /// The new branch's name; the next free one if `None`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<BranchName>,
    },
    /// Wait.
    Pause,
    /// Go on.
    Resume,
    /// Make one step, and wait.
    Step,
    /// Seal the log and end.
    Stop,
}

/// What a training process answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    format_version: u32,
    /// The branch that is trained now.
    pub branch: BranchName,
    /// The step that it is at.
    pub step: Step,
    /// Whether it waits.
    pub paused: bool,
    /// What was done, a line each.
    pub done: Vec<String>,
    /// Why the request was refused, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Letter {
    format_version: u32,
    command: Command,
}

/// A request that came.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: String,
    /// The command, or why it cannot be read.
    pub(crate) command: Result<Command, String>,
}

/// The training side of a branch's inbox and outbox.
#[derive(Debug)]
pub(crate) struct Mailbox {
    disk: Disk,
    inbox: PathBuf,
    outbox: PathBuf,
    /// What lies in the inbox and cannot be taken out of it: it was refused
    /// once, and is looked at no more.
    stuck: HashSet<String>,
}

impl Mailbox {
    /// Opens the mailbox; what was asked while nobody trained is refused, and
    /// answers that nobody fetched are removed.
    pub(crate) fn open(store: &Store, record: &BranchRecord) -> Result<Self, RecorderError> {
        let paths = store.paths(&record.id);
        let (disk, inbox, outbox) = (store.disk().clone(), inbox(&paths), outbox(&paths));
        let mailbox = Self { disk, inbox, outbox, stuck: HashSet::new() };
        mailbox.disk.create_folder(&mailbox.inbox)?;
        mailbox.disk.create_folder(&mailbox.outbox)?;
        // What came since the writer took its lock is meant for it.
        let modified = |path: &Path| fs::symlink_metadata(path).and_then(|entry| entry.modified()).ok();
        let since = modified(&paths.lock());
        for folder in [&mailbox.inbox, &mailbox.outbox] {
            for name in list_if_there(folder)? {
                let path = folder.join(&name);
                let is_new = since.is_some() && modified(&path) >= since;
                if !is_new && (name.ends_with(".json") || name.starts_with('.')) && !is_folder(&path) {
                    mailbox.disk.remove_file(&path)?;
                }
            }
        }
        Ok(mailbox)
    }

    /// What came since, in the order of arrival.
    ///
    /// A letter that cannot be read, or cannot be removed and would come again
    /// and again, is refused: it is no reason for training to end.
    pub(crate) fn poll(&mut self) -> Result<Vec<Request>, RecorderError> {
        let mut requests = Vec::new();
        for name in list_if_there(&self.inbox)? {
            let Some(id) = name.strip_suffix(".json").filter(|id| !id.starts_with('.')) else {
                continue;
            };
            if self.stuck.contains(&name) {
                continue;
            }
            let path = self.inbox.join(&name);
            let letter = json::read::<Letter>(&path, "a steering request");
            let removed = if is_folder(&path) { Ok(false) } else { self.disk.remove_file(&path).map(|()| true) };
            if !matches!(removed, Ok(true)) {
                self.stuck.insert(name.clone());
            }
            let command = match (letter, removed) {
                (Ok(letter), Ok(true)) => Ok(letter.command),
                // It is gone by now: nothing is to be restored.
                (Err(error), Ok(true)) => Err(error.finding()),
                (_, Ok(false)) => Err(format!(
                    "{} is a folder: expected a request, which is a file; it is left where it is",
                    path.display()
                )),
                (_, Err(error)) => Err(format!("{error}: a request that stays would be carried out at every step")),
            };
            requests.push(Request { id: id.to_owned(), command });
        }
        Ok(requests)
    }

    /// Answers a request.
    pub(crate) fn answer(&self, id: &str, answer: &Answer) -> Result<(), RecorderError> {
        json::write(&self.disk, &self.outbox.join(format!("{id}.json")), answer)
    }
}

impl Answer {
    pub(crate) fn new(branch: BranchName, step: Step, paused: bool) -> Self {
        Self { format_version: FORMAT_VERSION, branch, step, paused, done: Vec::new(), refused: None }
    }
}

/// Asks the process that trains a branch to do something, and waits for its
/// answer.
///
/// # Errors
/// [`RecorderError::NotTraining`] where no process trains the branch;
/// [`RecorderError::NoAnswer`] where none comes in time: the request is
/// withdrawn then.
pub fn steer(
    store: &Store,
    record: &BranchRecord,
    command: Command,
    patience: Duration,
) -> Result<Answer, RecorderError> {
    let paths = store.paths(&record.id);
    if !FileLock::is_held(&paths.lock())? {
        return Err(RecorderError::NotTraining { branch: record.name.clone() });
    }
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let id = format!("{:020}-{}", since_epoch.as_nanos(), std::process::id());
    let request = inbox(&paths).join(format!("{id}.json"));
    let reply = outbox(&paths).join(format!("{id}.json"));
    store.disk().create_folder(&inbox(&paths))?;
    json::write(store.disk(), &request, &Letter { format_version: FORMAT_VERSION, command })?;
    let asked = Instant::now();
    loop {
        if reply.is_file() {
            let answer = json::read(&reply, "an answer to a steering request")?;
            store.disk().remove_file(&reply)?;
            return Ok(answer);
        }
        let gone = !FileLock::is_held(&paths.lock())? && !reply.is_file();
        if gone || asked.elapsed() > patience {
            store.disk().remove_file(&request)?;
            return Err(if gone {
                RecorderError::NotTraining { branch: record.name.clone() }
            } else {
                RecorderError::NoAnswer { branch: record.name.clone(), seconds: patience.as_secs() }
            });
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process trains the branch now.
///
/// # Errors
/// Where the branch's lock cannot be looked at.
pub fn is_training(store: &Store, record: &BranchRecord) -> Result<bool, RecorderError> {
    FileLock::is_held(&store.paths(&record.id).lock())
}

fn inbox(paths: &BranchPaths) -> PathBuf {
    paths.folder.join("inbox")
}

fn outbox(paths: &BranchPaths) -> PathBuf {
    paths.folder.join("outbox")
}
