//! The page of the notebook: its text as blocks, what stands where, and what is done there.
//!
//! | file | concept |
//! |---|---|
//! | `page` | how it looks: what stands above it, and its parts |
//! | `fence` | a fence: its lines with their marks, its controls, its figures |
//! | `field` | the field in which a part is typed |
//! | `markdown` | what prose in Markdown says |
//! | `prose` | prose as pieces |
//! | `clicked` | words that tell where in them somebody clicks twice |
//! | `typing` | a part of the text that is being typed in |
//! | `deeds` | what is done by hand in the store, as lines |
//! | `pictures` | pictures of one's own, beside the notebook |
//! | `measured` | what benches ask of it |

mod clicked;
mod deeds;
mod fence;
mod field;
mod markdown;
mod measured;
mod page;
mod pictures;
mod prose;
mod typing;

pub(crate) use field::FIELD;
pub(crate) use page::{PAGE, turn};
pub(crate) use typing::Spot;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use iced::widget::text_editor;
use revacnn_notebook::BranchSummary;
use revacnn_notebook::session::{Deed, Journal, Looked, Resolution, SaveError, Session};
use revacnn_schemas::{BranchName, Step};

use self::markdown::Prose;
use self::typing::Typing;
use crate::context::Context;
use crate::requests::NotebookRequest;
use crate::store_events::{NotebookEvent, Planned, ShownView};

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
    /// The prose, as it is set.
    prose: Prose,
    planned: Arc<Planned>,
    views: BTreeMap<usize, Arc<ShownView>>,
    running: BTreeMap<BranchName, Progress>,
    /// The branches of the store that are trained now, by whomever, with their last steps.
    live: BTreeMap<BranchName, Option<Step>>,
    typing: Option<Typing>,
    /// Whether command lines are shown, beside prose and figures.
    hides_lines: bool,
    version: u64,
    kept_at: Option<Instant>,
    flashed_at: Option<Instant>,
    /// What is known of the line that was written at the end last.
    news: News,
    /// The store, in whose folder what is not saved of a notebook without a file is kept.
    store: PathBuf,
    /// The branches that were deleted, by the change that took their line out.
    deleted: BTreeMap<String, BranchName>,
    /// Whether the newest that was done by hand is not in the text.
    outside: bool,
}

/// What happens there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// Type at the end of a part of the text; where it is the whole, at its start.
    Type(Range<usize>),
    /// Type where somebody has clicked.
    TypeAt(Spot),
    /// Copy where a link leads.
    Copy(String),
    /// Something is typed.
    Typed(text_editor::Action),
    /// What was typed is the text from now on.
    Leave,
    /// A value is set.
    Set(String, String),
    /// Train what is left.
    Run,
    Save,
    /// Give it a file, `over` one that is there.
    SaveAs {
        path: PathBuf,
        over: bool,
    },
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

/// What is known of a line that was written at the end.
#[derive(Debug, Clone, Copy, PartialEq)]
enum News {
    /// Somebody has seen it.
    Old,
    /// It was not in sight yet.
    Unseen,
    /// It is in sight, and figures above it may still grow.
    Shown,
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    None,
    /// Show the end.
    ShowEnd,
    /// The text or its values are others now.
    Read,
    /// Something is to be typed; the text may be another one now.
    Type {
        reads: bool,
    },
    /// Ask under which name it is saved.
    Name(PathBuf),
    /// Ask whether a file that is there is replaced.
    Replace(PathBuf),
    Copy(String),
    /// Take back what was done last in the store.
    Undo,
    /// Take a branch out of the trash, whose line is back.
    TakeBack(BranchName),
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
            prose: read(&session),
            session,
            journal,
            left,
            values: BTreeMap::new(),
            planned: Arc::default(),
            views: BTreeMap::new(),
            running: BTreeMap::new(),
            live: BTreeMap::new(),
            typing: None,
            hides_lines: false,
            version: 1,
            kept_at: None,
            flashed_at: None,
            news: News::Old,
            store: store.to_owned(),
            deleted: BTreeMap::new(),
            outside: false,
        }
    }

    /// What the workers are asked for.
    pub(crate) fn request(&self, context: &Context) -> NotebookRequest {
        let (dark, scale, is_shown) = (context.dark, context.scale, context.notebook);
        NotebookRequest {
            version: self.version,
            text: self.session.document().text().into(),
            folder: self.folder(),
            values: self.values.clone(),
            dark,
            scale,
            is_history: self.is_history && (is_shown || !self.pending.is_empty()),
            is_shown,
        }
    }

    fn folder(&self) -> PathBuf {
        let folder = self.session.path().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new(".")).to_owned()
    }

    /// Whether a line was written that nobody has seen yet; from now on somebody has. It stays in
    /// sight while figures are drawn for the first time, until somebody does something.
    pub(crate) fn take_news(&mut self) -> bool {
        let is_new = self.news == News::Unseen;
        self.news = if is_new { News::Shown } else { self.news };
        is_new
    }

    /// What it is called.
    fn name(&self) -> String {
        match self.session.path() {
            Some(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            None => "a notebook without a file".to_owned(),
        }
    }

    /// Its text.
    pub(crate) fn text(&self) -> &str {
        self.session.document().text()
    }

    /// Whether there is something to save.
    fn can_save(&self) -> bool {
        self.is_unsaved() || (self.session.path().is_none() && !self.session.document().text().is_empty())
    }

    /// Whether there is something to undo.
    fn can_undo(&self) -> bool {
        self.outside || self.session.undoes().is_some() || self.typed().is_some()
    }

    /// Knows which branches are trained now.
    pub(crate) fn follow(&mut self, branches: &[BranchSummary]) {
        let live = branches.iter().filter(|branch| branch.training);
        self.live = live.map(|branch| (branch.name.clone(), branch.steps.map(|steps| steps.last))).collect();
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
        if self.news == News::Shown {
            self.news = News::Old;
        }
        match message {
            Message::Type(range) => {
                let place = self.end_of_words(&range);
                self.type_in(range, place)
            }
            Message::TypeAt(spot) => self.type_at(&spot),
            Message::Typed(edit) => {
                self.perform(edit);
                Action::None
            }
            Message::Copy(address) => Action::Copy(address),
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
            Message::SaveAs { path, over } => {
                let _ = self.commit();
                self.save_as(&path, over)
            }
            Message::Undo if self.outside && self.typed().is_none() => {
                self.outside = false;
                Action::Undo
            }
            Message::Undo => match self.turn(true) {
                Some(label) => {
                    let branch = self.deleted.remove(&label);
                    let told = self.changed(format!("undone: {label}"));
                    branch.map_or(told, Action::TakeBack)
                }
                None => Action::Refuse("there is nothing to undo in the notebook".to_owned()),
            },
            Message::Redo => match self.turn(false) {
                Some(label) => self.changed(format!("done again: {label}")),
                None => Action::Refuse("there is nothing to do again".to_owned()),
            },
            Message::Fix(place) => {
                let problem = self.problems().get(place).cloned();
                let Some(fix) = problem.and_then(|problem| problem.fix) else { return Action::None };
                let (_, range) = self.leave_and_move(fix.range);
                match self.session.write(range, &fix.new, "mend") {
                    Ok(()) => self.changed(format!("written: {}", fix.new)),
                    Err(error) => Action::Refuse(error.to_string()),
                }
            }
            Message::HideLines(hides) => {
                self.hides_lines = hides;
                Action::None
            }
            Message::Resolve(by) => {
                let _ = self.leave();
                self.session.resolve(by);
                self.changed("the notebook is one text again".to_owned())
            }
            Message::Restore(restores) => {
                let Some(left) = self.left.take() else { return Action::None };
                if restores {
                    let _ = self.leave();
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
        let Some(path) = self.session.path().map(Path::to_owned) else {
            return Action::Name(free(Path::new("notebook.md")));
        };
        match self.session.save() {
            Ok(()) => self.saved(),
            Err(SaveError::Changed) => {
                let action = self.tick();
                if self.session.clash().is_some() {
                    return Action::Refuse("the file was changed elsewhere, in the same place: choose".to_owned());
                }
                if action == Action::None {
                    return Action::Refuse(format!(
                        "{} was changed elsewhere: leave the text (Esc) to see",
                        path.display()
                    ));
                }
                action
            }
            Err(error) => Action::Refuse(error.to_string()),
        }
    }

    fn save_as(&mut self, path: &Path, over: bool) -> Action {
        match self.session.save_as(path, over) {
            Ok(()) => {
                let action = self.saved();
                // From now on it is kept beside its file.
                self.journal = Journal::of(&self.session, &self.store);
                action
            }
            Err(SaveError::Taken(_)) => Action::Replace(path.to_owned()),
            Err(error) => Action::Refuse(error.to_string()),
        }
    }

    fn saved(&mut self) -> Action {
        self.is_history = false;
        self.journal.forget();
        Action::Tell(format!("saved {}", self.name()))
    }

    /// Whether there is something that its file does not have, typed or done.
    fn is_unsaved(&self) -> bool {
        self.session.is_unsaved() || self.typed().is_some()
    }

    /// Keeps what is not saved for after a crash, or for who closed the window too soon.
    fn keep(&mut self) -> Result<(), String> {
        if let Some((range, typed)) = self.typed() {
            let mut text = self.text().to_owned();
            text.replace_range(range, typed);
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
        self.outside = false;
        self.prose = read(&self.session);
    }

    /// Something was done in the store by hand, which undo takes back next, for it is not in
    /// the text.
    pub(crate) fn done_outside(&mut self) {
        self.outside = true;
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
                self.prose = read(&self.session);
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
                let grows = version == self.version && self.views.insert(view, shown).is_none();
                if grows && self.news == News::Shown { Action::ShowEnd } else { Action::None }
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

impl Drop for State {
    /// What is not saved when the window closes is offered when it opens again.
    fn drop(&mut self) {
        let _ = self.keep();
    }
}

/// The prose, as it is set.
fn read(session: &Session) -> Prose {
    markdown::read(session.document().text(), session.document().blocks())
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
