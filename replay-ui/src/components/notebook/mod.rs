//! The page of the notebook: its text as blocks, what stands where, and what is done there.
//!
//! | file | concept |
//! |---|---|
//! | `page` | how it looks: blocks, lines with their marks, controls, figures |
//! | `prose` | Markdown as text |

mod page;
mod prose;

pub(crate) use page::{FIELD, turn};

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use iced::widget::text_editor;
use revacnn_notebook::document::{Block, BlockKind};
use revacnn_notebook::session::{Deed, Journal, Looked, Resolution, SaveError, Session};
use revacnn_schemas::{BranchName, Step};

use crate::requests::NotebookRequest;
use crate::store_events::{NotebookEvent, Planned, ShownView, Standing};

/// How often what is not saved is kept for after a crash.
const KEEPS: Duration = Duration::from_secs(2);
/// How long a line that was written is marked.
const FLASH: Duration = Duration::from_millis(1500);

/// A training that runs here.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Progress {
    at: Step,
    until: Step,
    loss: Option<f32>,
}

/// A part of the text that is being typed.
#[derive(Debug)]
struct Typing {
    range: Range<usize>,
    content: text_editor::Content,
}

/// The notebook.
#[derive(Debug)]
pub(crate) struct State {
    session: Session,
    journal: Journal,
    /// What was left unsaved by a crash, until a person chooses.
    left: Option<String>,
    /// Whether the text is only what the store's history says.
    is_history: bool,
    /// What is to be written once that is known.
    pending: Vec<Deed>,
    /// Values that were set by hand.
    values: BTreeMap<String, String>,
    /// The prose of each block, as it is set.
    prose: Vec<Vec<prose::Part>>,
    planned: Arc<Planned>,
    views: BTreeMap<usize, Arc<ShownView>>,
    running: BTreeMap<BranchName, Progress>,
    typing: Option<Typing>,
    /// Whether command lines are shown, beside prose and figures.
    hides_lines: bool,
    version: u64,
    kept_at: Option<Instant>,
    flashed_at: Option<Instant>,
    /// Where a notebook without a file would be saved.
    save_to: PathBuf,
}

/// What happens there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// Type in a part of the text; all of it where it is the whole.
    Type(Range<usize>),
    /// Something is typed.
    Typed(text_editor::Action),
    /// What was typed is the text from now on.
    Leave,
    /// A value is set.
    Set(String, String),
    /// Train what is left.
    Run,
    Save,
    Undo,
    Redo,
    /// Mend a problem, by its place among them.
    Fix(usize),
    /// Show command lines, or hide them.
    HideLines(bool),
    /// Choose between what is here and what is in the file.
    Resolve(Resolution),
    /// Go on with what was not saved, or without.
    Restore(bool),
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    None,
    /// The text or its values are others now.
    Read,
    /// Something is to be typed.
    Type,
    /// Train.
    Run {
        text: Arc<str>,
        folder: PathBuf,
    },
    Tell(String),
    Refuse(String),
    /// Both.
    Reread(String),
}

impl State {
    /// The notebook of a file, or one that follows the store's history until something is
    /// done in it.
    pub(crate) fn open(path: Option<&Path>, store: &Path) -> Result<Self, String> {
        let session = match path {
            Some(path) => Session::open(path)?,
            None => Session::new(String::new()),
        };
        Ok(Self::of(session, store))
    }

    /// One without a file.
    pub(crate) fn empty(store: &Path) -> Self {
        Self::of(Session::new(String::new()), store)
    }

    fn of(session: Session, store: &Path) -> Self {
        let journal = Journal::of(&session, store);
        let left = journal.left(&session);
        Self {
            is_history: session.path().is_none(),
            pending: Vec::new(),
            prose: set(&session),
            session,
            journal,
            left,
            values: BTreeMap::new(),
            planned: Arc::default(),
            views: BTreeMap::new(),
            running: BTreeMap::new(),
            typing: None,
            hides_lines: false,
            version: 1,
            kept_at: None,
            flashed_at: None,
            save_to: PathBuf::from("notebook.md"),
        }
    }

    /// What the workers are asked for.
    pub(crate) fn request(&self, dark: bool, is_shown: bool) -> NotebookRequest {
        NotebookRequest {
            version: self.version,
            text: self.session.document().text().into(),
            folder: self.folder(),
            values: self.values.clone(),
            dark,
            is_history: self.is_history && (is_shown || !self.pending.is_empty()),
            is_shown,
        }
    }

    fn folder(&self) -> PathBuf {
        let folder = self.session.path().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new(".")).to_owned()
    }

    /// What it is called.
    fn name(&self) -> String {
        match self.session.path() {
            Some(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            None => self.save_to.to_string_lossy().into_owned(),
        }
    }

    /// Its text.
    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        self.session.document().text()
    }

    /// Whether there is something to save.
    fn can_save(&self) -> bool {
        self.is_unsaved() || (self.session.path().is_none() && !self.session.document().text().is_empty())
    }

    /// Whether something is typed, to which keys belong.
    pub(crate) fn is_typing(&self) -> bool {
        self.typing.is_some()
    }

    /// Whether there is something that a training is left for.
    pub(crate) fn can_run(&self) -> bool {
        self.planned.left.0 > 0 && self.running.is_empty() && !self.planned.is_blocked
    }

    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Type(range) => {
                let action = self.leave();
                let range = match self.session.document().text().get(range.clone()) {
                    Some(_) => range,
                    // What was typed before has moved it.
                    None => return action,
                };
                let content = text_editor::Content::with_text(&self.session.document().text()[range.clone()]);
                self.typing = Some(Typing { range, content });
                if action == Action::None { Action::Type } else { action }
            }
            Message::Typed(action) => {
                if let Some(typing) = &mut self.typing {
                    typing.content.perform(action);
                }
                Action::None
            }
            Message::Leave => self.leave(),
            Message::Set(name, value) => {
                self.values.insert(name, value);
                Action::Read
            }
            Message::Run => {
                let action = self.leave();
                if action == Action::Read {
                    return Action::Reread("the plan is made anew: run it once more".to_owned());
                }
                if !self.can_run() {
                    return Action::Refuse(match self.planned.problems.first() {
                        Some(problem) if self.planned.is_blocked => {
                            format!("mend the notebook first: {}", problem.message)
                        }
                        _ => "nothing is left to train".to_owned(),
                    });
                }
                Action::Run { text: self.session.document().text().into(), folder: self.folder() }
            }
            Message::Save => {
                // Who saves goes on typing.
                let _ = self.commit();
                self.save()
            }
            Message::Undo => match self.session.undo() {
                Some(label) => self.changed(format!("undone: {label}")),
                None => Action::Refuse("there is nothing to undo in the notebook".to_owned()),
            },
            Message::Redo => match self.session.redo() {
                Some(label) => self.changed(format!("done again: {label}")),
                None => Action::Refuse("there is nothing to do again".to_owned()),
            },
            Message::Fix(place) => {
                let problem = self.problems().get(place).cloned();
                let Some(fix) = problem.and_then(|problem| problem.fix) else { return Action::None };
                match self.session.write(fix.range, &fix.new, "mend") {
                    Ok(()) => self.changed(format!("written: {}", fix.new)),
                    Err(error) => Action::Refuse(error.to_string()),
                }
            }
            Message::HideLines(hides) => {
                self.hides_lines = hides;
                Action::None
            }
            Message::Resolve(by) => {
                self.session.resolve(by);
                self.changed("the notebook is one text again".to_owned())
            }
            Message::Restore(restores) => {
                let Some(left) = self.left.take() else { return Action::None };
                if restores {
                    self.session.restore(&left);
                    self.journal.adopt(left);
                    self.is_history = false;
                    return self.changed("what was not saved is back".to_owned());
                }
                self.journal.dismiss();
                Action::None
            }
        }
    }

    /// Looks at the file, and keeps what is not saved.
    fn tick(&mut self) -> Action {
        let now = Instant::now();
        if self.flashed_at.is_some_and(|at| now.duration_since(at) > FLASH) {
            self.flashed_at = None;
        }
        let due = self.kept_at.is_none_or(|at| now.duration_since(at) >= KEEPS);
        if due {
            self.kept_at = Some(now);
            if let Err(error) = self.keep() {
                return Action::Refuse(format!("what is not saved cannot be kept for after a crash: {error}"));
            }
        }
        if self.typing.is_some() {
            return Action::None;
        }
        match self.session.look() {
            Looked::Same | Looked::Clash => Action::None,
            Looked::Taken => self.changed("the file was changed elsewhere: its text is shown".to_owned()),
            Looked::Merged => self.changed("the file was changed elsewhere: both changes are in the text".to_owned()),
            Looked::Gone => Action::Refuse(format!("{} is gone: save writes it again", self.name())),
            Looked::Refused(reason) => Action::Refuse(reason),
        }
    }

    fn save(&mut self) -> Action {
        let saved = match self.session.path() {
            Some(_) => self.session.save(),
            None => self.session.save_as(&free(&self.save_to)),
        };
        match saved {
            Ok(()) => {
                self.is_history = false;
                self.journal.forget();
                Action::Tell(format!("saved {}", self.name()))
            }
            Err(SaveError::Changed) => {
                let action = self.tick();
                if self.session.clash().is_some() {
                    return Action::Refuse("the file was changed elsewhere, in the same place: choose".to_owned());
                }
                action
            }
            Err(error) => Action::Refuse(error.to_string()),
        }
    }

    /// Ends typing: what was typed is the text.
    pub(crate) fn leave(&mut self) -> Action {
        let action = self.commit();
        self.typing = None;
        action
    }

    /// What the part that is typed in says now, and what it said; `None` while nothing is
    /// typed, or nothing else than before.
    fn typed(&self) -> Option<(Range<usize>, String)> {
        let Typing { range, content } = self.typing.as_ref()?;
        let mut typed = content.text();
        let before = self.session.document().text().get(range.clone())?;
        // An editor ends no line that was not ended.
        if before.ends_with('\n') && !typed.ends_with('\n') {
            typed.push('\n');
        } else if !before.ends_with('\n') && typed.ends_with('\n') && typed.len() == before.len() + 1 {
            typed.pop();
        }
        if before.contains("\r\n") {
            typed = typed.replace("\r\n", "\n").replace('\n', "\r\n");
        }
        (typed != before).then(|| (range.clone(), typed))
    }

    /// Takes over what is typed, and goes on typing.
    fn commit(&mut self) -> Action {
        let Some((range, typed)) = self.typed() else { return Action::None };
        match self.session.write(range.clone(), &typed, "typed") {
            Ok(()) => {
                if let Some(typing) = &mut self.typing {
                    typing.range = range.start..range.start + typed.len();
                }
                self.read_anew();
                Action::Read
            }
            Err(error) => Action::Refuse(error.to_string()),
        }
    }

    /// Whether there is something that its file does not have, typed or done.
    fn is_unsaved(&self) -> bool {
        self.session.is_unsaved() || self.typed().is_some()
    }

    /// Keeps what is not saved for after a crash, or for who closed the window too soon.
    fn keep(&mut self) -> Result<(), String> {
        if let Some((range, typed)) = self.typed() {
            let mut text = self.session.document().text().to_owned();
            text.replace_range(range, &typed);
            return self.journal.keep_text(&text).map_err(|error| error.to_string());
        }
        // What follows the store's history is there again at any time; what waits to be chosen
        // is not written over.
        if self.is_history || self.left.is_some() {
            return Ok(());
        }
        self.journal.keep(&self.session).map_err(|error| error.to_string())
    }

    fn changed(&mut self, words: String) -> Action {
        self.read_anew();
        Action::Reread(words)
    }

    fn read_anew(&mut self) {
        self.version += 1;
        self.is_history = false;
        self.prose = set(&self.session);
    }

    /// Writes what was done by hand; returns the words that say so.
    pub(crate) fn record(&mut self, deed: &Deed) -> Option<Result<String, String>> {
        let is_read = !self.session.document().text().is_empty();
        if self.is_history && !(is_read && matches!(deed, Deed::Line(words) if is_view(words))) {
            // What was done in the store is in its history; what is kept of a figure is not.
            let is_view = matches!(deed, Deed::Line(words) if is_view(words));
            if is_view {
                self.pending.push(deed.clone());
            }
            return is_view.then(|| Ok("as soon as the store's history is read".to_owned()));
        }
        // What is typed goes first.
        let _ = self.leave();
        let deed = self.in_its_names(deed);
        if let Some(reason) = self.contradicts(&deed) {
            return Some(Err(reason));
        }
        match self.session.record(&deed) {
            Ok(None) => None,
            Ok(Some(label)) => {
                self.read_anew();
                self.flashed_at = Some(Instant::now());
                Some(Ok(label))
            }
            Err(error) => Some(Err(error.to_string())),
        }
    }

    /// Why a deed would make the notebook one that cannot be run.
    fn contradicts(&self, deed: &Deed) -> Option<String> {
        let member = |branch: &BranchName| {
            let training = self.session.program().trainings.iter().find(|training| training.name == *branch)?;
            training.family.as_ref().map(|family| format!("`{branch}` is trained by the line of the family `{family}`"))
        };
        match deed {
            Deed::Until { branch, .. } | Deed::Deleted(branch) => member(branch),
            // Of a text that is not planned yet the plan's lengths may be too short.
            Deed::Line(words) if words[0] == "fork" && self.planned.version == self.version => {
                let (name, step) = words.get(1)?.split_once('@')?;
                let step: u64 = step.parse().ok()?;
                let parent = self.planned.trainings.iter().find(|known| known.name.as_str() == name)?;
                let until = parent.until.filter(|until| until.0 < step)?;
                let parent = member(&parent.name).unwrap_or_else(|| format!("its line trains `{name}`"));
                Some(format!("{parent} until step {until}, and the fork is at {step}: train it further in the text"))
            }
            Deed::Line(_) | Deed::Left { .. } | Deed::Renamed { .. } => None,
        }
    }

    /// What was done, with the notebook's names of branches.
    fn in_its_names(&self, deed: &Deed) -> Deed {
        // Of several names of one branch its own, or else that whose line reaches farthest.
        let mut trainings: Vec<&Standing> = self.planned.trainings.iter().collect();
        trainings.sort_by_key(|standing| (standing.branch.as_ref() == Some(&standing.name), standing.until));
        let names: BTreeMap<&str, &str> = trainings
            .into_iter()
            .filter_map(|standing| Some((standing.branch.as_ref()?.as_str(), standing.name.as_str())))
            .collect();
        let named = |name: &BranchName| -> BranchName {
            names.get(name.as_str()).and_then(|own| own.parse().ok()).unwrap_or_else(|| name.clone())
        };
        let line = |words: &[String]| -> Vec<String> {
            let of_branch = |word: &String| {
                let (name, rest) = word.split_at(word.find('@').unwrap_or(word.len()));
                names.get(name).map_or_else(|| word.clone(), |own| format!("{own}{rest}"))
            };
            let is_value = |place: usize| place > 0 && words[place - 1].starts_with("--");
            let is_new = |place: usize| {
                place == if words[0] == "fork" { 2 } else { 1 } && ["fork", "train"].contains(&words[0].as_str())
            };
            let each = words.iter().enumerate();
            each.map(
                |(place, word)| {
                    if place == 0 || is_value(place) || is_new(place) { word.clone() } else { of_branch(word) }
                },
            )
            .collect()
        };
        match deed {
            Deed::Line(words) => Deed::Line(line(words)),
            Deed::Left { parent, at, line: words } => Deed::Left { parent: named(parent), at: *at, line: line(words) },
            Deed::Until { branch, step } => Deed::Until { branch: named(branch), step: *step },
            // What the notebook calls otherwise keeps the notebook's name.
            Deed::Renamed { from, .. } if named(from) != *from => Deed::Renamed { from: named(from), to: named(from) },
            Deed::Renamed { from, to } => Deed::Renamed { from: from.clone(), to: to.clone() },
            Deed::Deleted(branch) => Deed::Deleted(named(branch)),
        }
    }

    /// A branch that was deleted is back: so is its line, if its removal was the newest change.
    pub(crate) fn taken_back(&mut self, branch: &BranchName) -> Option<String> {
        let is_it = |label: &str| label.starts_with("remove `") && label.contains(branch.as_str());
        self.session.undoes().filter(|label| is_it(label))?;
        let label = self.session.undo()?;
        self.read_anew();
        Some(format!("undone: {label}"))
    }

    /// What the workers tell.
    pub(crate) fn told(&mut self, event: NotebookEvent) -> Action {
        match event {
            NotebookEvent::History(text) => {
                if !self.is_history || (text == self.session.document().text() && self.pending.is_empty()) {
                    return Action::None;
                }
                self.session = Session::new(text);
                self.version += 1;
                self.prose = set(&self.session);
                let pending = std::mem::take(&mut self.pending);
                self.is_history = pending.is_empty();
                for deed in pending {
                    if let Some(Err(reason)) = self.record(&deed) {
                        return Action::Refuse(reason);
                    }
                }
                Action::Read
            }
            NotebookEvent::Planned(planned) => {
                if planned.version == self.version {
                    self.planned = planned;
                }
                Action::None
            }
            NotebookEvent::Figure { version, view, shown } => {
                if version == self.version {
                    self.views.insert(view, shown);
                }
                Action::None
            }
            NotebookEvent::Began { training, at, until } => {
                self.running.insert(training, Progress { at, until, loss: None });
                Action::None
            }
            NotebookEvent::Stepped { training, at, loss } => {
                if let Some(progress) = self.running.get_mut(&training) {
                    (progress.at, progress.loss) = (at, Some(loss));
                }
                Action::None
            }
            NotebookEvent::Ended { training, words } => {
                self.running.remove(&training);
                match words {
                    Some(words) => Action::Refuse(format!("{training}: {words}")),
                    None => Action::None,
                }
            }
            NotebookEvent::Tick => self.tick(),
            NotebookEvent::Ran(words) => {
                self.running.clear();
                Action::Reread(words)
            }
        }
    }

    /// All that is wrong: with the text itself, or else with its plan.
    fn problems(&self) -> &[revacnn_notebook::document::Problem] {
        let is_planned = self.planned.version == self.version;
        if is_planned { &self.planned.problems } else { &self.session.program().problems }
    }
}

/// Whether a line shows something, and trains nothing.
fn is_view(words: &[String]) -> bool {
    !["train", "fork"].contains(&words[0].as_str())
}

impl Drop for State {
    /// What is not saved when the window closes is offered when it opens again.
    fn drop(&mut self) {
        let _ = self.keep();
    }
}

/// The prose of each block, as it is set; of others none.
fn set(session: &Session) -> Vec<Vec<prose::Part>> {
    let document = session.document();
    let parts = |block: &Block| match block.kind {
        BlockKind::Prose => prose::parts(&document.text()[block.range.clone()]),
        BlockKind::Lines { .. } | BlockKind::Sql { .. } | BlockKind::Network { .. } => Vec::new(),
    };
    document.blocks().iter().map(parts).collect()
}

/// A name that no file has: `notebook.md`, `notebook-2.md`, …
fn free(path: &Path) -> PathBuf {
    let is_taken = |path: &Path| std::fs::symlink_metadata(path).is_ok();
    let numbered = |number: u32| {
        path.with_file_name(format!("{}-{number}.md", path.file_stem().unwrap_or_default().to_string_lossy()))
    };
    if !is_taken(path) {
        return path.to_owned();
    }
    (2..).map(numbered).find(|path| !is_taken(path)).unwrap_or_else(|| path.to_owned())
}
