//! Steering from other processes: requests come as files into a branch's
//! inbox, are read at a step's end, and are answered in its outbox.
//!
//! A file appears by a rename, so it is never read half-written. Whoever may write
//! into the inbox may steer, and nobody else: the permissions of that folder are the
//! authority, and who owns a letter is not asked. Both folders are held open, and no
//! link that is put in their place, or in a letter's, is followed. What is no letter
//! by its name is nobody's to remove here.

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime};

use revacnn_schemas::{BranchId, BranchName, BranchRecord, Edit, FORMAT_VERSION, Step};
use serde::{Deserialize, Serialize};

use crate::disk::folder::Folder;
use crate::disk::json;
use crate::disk::lock::FileLock;
use crate::{Store, StoreError};

const INBOX: &str = "inbox";
const OUTBOX: &str = "outbox";

/// Whether a file in an inbox or outbox is a letter, or one that is being written.
pub(crate) fn is_letter(name: &str) -> bool {
    name.ends_with(".json") || name.starts_with('.') && name.ends_with(".json.new")
}

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
    /// Whether it was refused for how it is written, whatever the branch holds.
    #[serde(default, skip_serializing_if = "is_false")]
    pub miswritten: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Letter {
    format_version: u32,
    command: Command,
}

/// A request that came.
#[derive(Debug)]
pub struct Request {
    /// Its name, for the answer.
    pub id: String,
    /// The command, or why it cannot be read.
    pub command: Result<Command, String>,
}

/// The training side of a branch's inbox and outbox.
#[derive(Debug)]
pub struct Mailbox {
    branch: Folder,
    inbox: Tray,
    outbox: Tray,
    /// What lies in the inbox and cannot be taken out of it: it was refused
    /// once, and is looked at no more.
    stuck: HashSet<String>,
    /// Why the inbox cannot be looked into, told once.
    closed: Option<String>,
}

/// A folder of a mailbox, held open for as long as it lies in its place.
#[derive(Debug)]
struct Tray {
    name: &'static str,
    folder: Option<Folder>,
}

impl Tray {
    /// Opens a folder of a branch, and makes it where there is none.
    fn open(branch: &Folder, name: &'static str) -> Result<Self, StoreError> {
        Ok(Self { name, folder: Some(branch.make_inside(name)?) })
    }

    /// The folder that lies in its place now; `None` where there is none, and
    /// an error where there is something else, such as a link.
    fn folder(&mut self, branch: &Folder) -> Result<Option<&Folder>, StoreError> {
        if !self.folder.as_ref().is_some_and(|folder| folder.is_in(branch, self.name)) {
            self.folder = None;
            self.folder = branch.inside(self.name)?;
        }
        Ok(self.folder.as_ref())
    }
}

/// What a look into the inbox gave.
#[derive(Debug, Default)]
pub struct Polled {
    /// What came since, in the order of arrival.
    pub requests: Vec<Request>,
    /// Why nothing can be looked for; told once, until it is another reason.
    pub closed: Option<String>,
}

impl Mailbox {
    /// Opens the mailbox; what was asked while nobody trained is refused, and
    /// answers that nobody fetched are removed.
    ///
    /// # Errors
    /// Where the branch's folder is not ours to write.
    pub fn open(store: &Store, record: &BranchRecord) -> Result<Self, StoreError> {
        let branch = Folder::open(store.disk(), &store.paths(&record.id).folder)?;
        let (inbox, outbox) = (Tray::open(&branch, INBOX)?, Tray::open(&branch, OUTBOX)?);
        // What came since the writer took its lock is meant for it.
        let since = branch.modified("branch.lock");
        let mut stuck = HashSet::new();
        for folder in [&inbox, &outbox].into_iter().filter_map(|kept| kept.folder.as_ref()) {
            for name in folder.names()? {
                let is_new = since.is_some() && folder.modified(&name) >= since;
                let is_old = !is_new && is_letter(&name) && !folder.is_folder(&name);
                // In a folder where only its owner may remove a file, an old request stays,
                // and is no more obeyed than one that was removed.
                if is_old && folder.remove(&name).is_err() {
                    stuck.insert(name);
                }
            }
        }
        Ok(Self { branch, inbox, outbox, stuck, closed: None })
    }

    /// Looks into the inbox.
    ///
    /// A letter that cannot be read, or cannot be removed and would come again
    /// and again, is refused, and an inbox that became something else is told:
    /// neither is a reason for training to end.
    pub fn poll(&mut self) -> Polled {
        let names = match self.inbox.folder(&self.branch) {
            Ok(None) => Ok(Vec::new()),
            Ok(Some(folder)) => folder.names(),
            Err(error) => Err(error),
        };
        let names = match names {
            Ok(names) => names,
            Err(error) => {
                let reason = error.finding();
                let is_new = self.closed.as_ref() != Some(&reason);
                self.closed = Some(reason.clone());
                return Polled { requests: Vec::new(), closed: is_new.then_some(reason) };
            }
        };
        self.closed = None;
        let mut requests = Vec::new();
        let Some(inbox) = &self.inbox.folder else { return Polled::default() };
        for name in names {
            let Some(id) = name.strip_suffix(".json").filter(|id| !id.starts_with('.')) else {
                continue;
            };
            if self.stuck.contains(&name) {
                continue;
            }
            let path = inbox.path(&name);
            let letter =
                inbox.file(&name).and_then(|file| json::read_from::<Letter>(file, &path, "a steering request"));
            let removed = if inbox.is_folder(&name) { Ok(false) } else { inbox.remove(&name).map(|()| true) };
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
        Polled { requests, closed: None }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// Where the outbox is not ours to write.
    pub fn answer(&mut self, id: &str, answer: &Answer) -> Result<(), StoreError> {
        let name = format!("{id}.json");
        let path = self.branch.path(OUTBOX);
        let Some(outbox) = self.outbox.folder(&self.branch)? else {
            return Err(StoreError::Missing { path, expected: "the folder for answers to steering".to_owned() });
        };
        outbox.write(&name, &json::text(&outbox.path(&name), answer)?)
    }
}

impl Answer {
    /// The answer of a process that trains this branch, is at this step and waits
    /// or does not.
    pub fn new(branch: BranchName, step: Step, paused: bool) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            branch,
            step,
            paused,
            done: Vec::new(),
            refused: None,
            miswritten: false,
        }
    }
}

/// Asks the process that trains a branch to do something, and waits for its
/// answer.
///
/// # Errors
/// [`StoreError::NotTraining`] where no process trains the branch;
/// [`StoreError::NoAnswer`] where none comes in time: the request is
/// withdrawn then.
pub fn steer(store: &Store, record: &BranchRecord, command: Command, patience: Duration) -> Result<Answer, StoreError> {
    let paths = store.paths(&record.id);
    if !FileLock::is_held(&paths.lock())? {
        return Err(StoreError::NotTraining { branch: record.name.clone() });
    }
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let id = format!("{:020}-{}", since_epoch.as_nanos(), std::process::id());
    let name = format!("{id}.json");
    // By handle, and from the branch's own folder: a link that somebody put in
    // a folder's place leads nowhere.
    let branch = Folder::open(store.disk(), &paths.folder)?;
    let inbox = branch.make_inside(INBOX)?;
    let letter = Letter { format_version: FORMAT_VERSION, command };
    inbox.write(&name, &json::text(&inbox.path(&name), &letter)?)?;
    let asked = Instant::now();
    loop {
        match fetch(&branch, &name) {
            Ok(None) => {}
            Ok(Some(answer)) => return Ok(answer),
            Err(error) => {
                inbox.remove(&name)?;
                return Err(error);
            }
        }
        let gone = !FileLock::is_held(&paths.lock())?;
        if gone && let Some(answer) = fetch(&branch, &name)? {
            return Ok(answer);
        }
        if gone || asked.elapsed() > patience {
            inbox.remove(&name)?;
            return Err(if gone {
                StoreError::NotTraining { branch: record.name.clone() }
            } else {
                StoreError::NoAnswer { branch: record.name.clone(), seconds: patience.as_secs() }
            });
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Takes an answer out of the outbox, if it is there.
fn fetch(branch: &Folder, name: &str) -> Result<Option<Answer>, StoreError> {
    let Some(outbox) = branch.inside(OUTBOX)? else { return Ok(None) };
    let file = match outbox.file(name) {
        Err(error) if error.is_missing_file() => return Ok(None),
        file => file?,
    };
    let answer = json::read_from(file, &outbox.path(name), "an answer to a steering request")?;
    // One that may not be removed by who reads it is the next trainer's to remove.
    let _ = outbox.remove(name);
    Ok(Some(answer))
}

/// Whether a process trains the branch now.
///
/// # Errors
/// Where the branch's lock cannot be looked at.
pub fn is_training(store: &Store, branch: &BranchId) -> Result<bool, StoreError> {
    FileLock::is_held(&store.paths(branch).lock())
}
