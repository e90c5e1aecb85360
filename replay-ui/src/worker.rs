//! Everything that reads the store, off the thread of the window.
//!
//! Two threads, each with an evaluator of its own: the quick one answers for
//! the figures that follow the cursor, the slow one embeds and forks. Of the
//! views that were asked for, only the newest is made.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use iced::futures::channel::mpsc::UnboundedSender;
use revacnn_notebook::{BranchSummary, Cell, Evaluator, Inputs, Method, Show, Source, XAxis};
use revacnn_recorder::{Command, ForkPlan, Lineage, RecorderOptions, fork, steer};
use revacnn_schemas::{Address, BranchName, Chart, Edit, Figure, LayerName, NetworkDiagram, Scale, Scatter, Step};

/// How often the store is looked at for what others wrote.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a training process may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the quick figures show.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct View {
    /// Counts the views, so that a late answer is known.
    pub(crate) generation: u64,
    /// Shown branches, the selected one first, and the cursor.
    pub(crate) inputs: Inputs,
    /// What the nodes show.
    pub(crate) show: Show,
    /// The vertical axis of the loss.
    pub(crate) scale: Scale,
}

/// An embedding that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Embed {
    /// Shown branches and cursor.
    pub(crate) inputs: Inputs,
    /// The layer.
    pub(crate) layer: LayerName,
    /// What of its filters.
    pub(crate) of: Source,
}

/// A change that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Intent {
    /// Fork at a step with an edit; where a process trains the branch and the
    /// cursor is at its end, that process does it and goes on.
    Edit { branch: BranchName, step: Step, edit: String, live: bool },
    /// Pause, step or resume a training.
    Steer { branch: BranchName, command: Command },
}

/// What is asked of the workers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ask {
    View(View),
    Embed(Embed),
    Resolve(Address),
    Intent(Intent),
}

/// What workers tell the window.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// The store cannot be read, and why.
    Unreadable(String),
    /// The branches there are, and what is wrong with others.
    Branches { branches: Vec<BranchSummary>, problems: Vec<String> },
    /// Loss curves of the shown branches.
    Loss(Result<Chart, String>),
    /// The network at a step.
    Network { generation: u64, step: Step, figure: Result<NetworkDiagram, String> },
    /// An embedding at a step.
    Embedding { step: Step, figure: Result<Scatter, String> },
    /// Where an address leads.
    Resolved { branch: BranchName, step: Step },
    /// What was done; the branch to select from now on, if another.
    Done { text: String, select: Option<(BranchName, Step)> },
    /// What was not done, and why.
    Refused(String),
}

/// What waits to be done by one thread.
#[derive(Debug, Default)]
struct Desk {
    view: Option<View>,
    embed: Option<Embed>,
    resolve: Option<Address>,
    intents: Vec<Intent>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Inbox {
    desk: Mutex<Desk>,
    bell: Condvar,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What waits, after at most `patience`.
    fn take(&self, patience: Duration) -> Desk {
        let idle = |desk: &mut Desk| {
            desk.view.is_none()
                && desk.embed.is_none()
                && desk.resolve.is_none()
                && desk.intents.is_empty()
                && !desk.closed
        };
        let waited = self.bell.wait_timeout_while(self.lock(), patience, idle);
        let (mut desk, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let closed = desk.closed;
        Desk { closed, ..std::mem::replace(&mut *desk, Desk { closed, ..Desk::default() }) }
    }
}

/// The threads that read the store; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Workers {
    quick: Arc<Inbox>,
    slow: Arc<Inbox>,
}

impl Workers {
    /// Starts them.
    pub(crate) fn start(store: PathBuf, data: Option<PathBuf>, tell: UnboundedSender<Told>) -> Self {
        let workers = Self { quick: Arc::default(), slow: Arc::default() };
        for (inbox, is_quick) in [(workers.quick.clone(), true), (workers.slow.clone(), false)] {
            let (store, data, tell) = (store.clone(), data.clone(), tell.clone());
            std::thread::spawn(move || {
                let thread = Thread { inbox, is_quick, store, data, tell };
                thread.run();
            });
        }
        workers
    }

    /// Asks for something. A newer view takes the place of one that waits.
    pub(crate) fn ask(&self, ask: Ask) {
        let inbox = if matches!(ask, Ask::View(_) | Ask::Resolve(_)) { &self.quick } else { &self.slow };
        let mut desk = inbox.lock();
        match ask {
            Ask::View(view) => desk.view = Some(view),
            Ask::Embed(embed) => desk.embed = Some(embed),
            Ask::Resolve(address) => desk.resolve = Some(address),
            Ask::Intent(intent) => desk.intents.push(intent),
        }
        drop(desk);
        inbox.bell.notify_one();
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for inbox in [&self.quick, &self.slow] {
            inbox.lock().closed = true;
            inbox.bell.notify_one();
        }
    }
}

struct Thread {
    inbox: Arc<Inbox>,
    is_quick: bool,
    store: PathBuf,
    data: Option<PathBuf>,
    tell: UnboundedSender<Told>,
}

impl Thread {
    fn tell(&self, told: Told) {
        // Nobody listens any more only when the window has closed.
        let _ = self.tell.unbounded_send(told);
    }

    fn run(self) {
        let mut evaluator = None;
        let mut listed: Option<(Vec<BranchSummary>, Vec<String>)> = None;
        let mut shown: Option<(Vec<BranchName>, Scale)> = None;
        let mut looked: Option<Instant> = None;
        loop {
            if evaluator.is_none() {
                match Evaluator::open(&self.store, self.data.clone(), crate::threads()) {
                    Ok(opened) => evaluator = Some(opened),
                    Err(error) if self.is_quick => self.tell(Told::Unreadable(error.to_string())),
                    Err(_) => {}
                }
            }
            let due = looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY);
            let mut grew = false;
            if let (Some(open), true) = (&mut evaluator, due) {
                looked = Some(Instant::now());
                match open.refresh() {
                    Ok(branches) => {
                        let now = (branches, open.problems().to_vec());
                        grew = listed.as_ref() != Some(&now);
                        if grew && self.is_quick {
                            self.tell(Told::Branches { branches: now.0.clone(), problems: now.1.clone() });
                        }
                        listed = Some(now);
                    }
                    Err(error) => {
                        (evaluator, listed) = (None, None);
                        if self.is_quick {
                            self.tell(Told::Unreadable(error.to_string()));
                        }
                    }
                }
            }
            if let (Some(open), Some((branches, scale)), true) = (&mut evaluator, &shown, grew && self.is_quick) {
                self.tell(Told::Loss(loss(open, branches, *scale)));
            }
            let rest = looked.map_or(LOOK_EVERY, |looked| LOOK_EVERY.saturating_sub(looked.elapsed()));
            let desk = self.inbox.take(rest.max(Duration::from_millis(1)));
            if desk.closed {
                return;
            }
            let Some(open) = &mut evaluator else { continue };
            if let Some(address) = desk.resolve {
                match open.resolve(&address) {
                    Ok(step) => self.tell(Told::Resolved { branch: address.branch, step }),
                    Err(error) => self.tell(Told::Refused(error.to_string())),
                }
            }
            if let Some(view) = desk.view {
                let cell = Cell::Network { at: None, show: view.show };
                let figure = network(open.evaluate(&cell, &view.inputs));
                let (generation, step) = (view.generation, view.inputs.cursor);
                self.tell(Told::Network { generation, step, figure });
                let now = (view.inputs.branches, view.scale);
                if shown.as_ref() != Some(&now) {
                    self.tell(Told::Loss(loss(open, &now.0, now.1)));
                    shown = Some(now);
                }
            }
            if let Some(Embed { inputs, layer, of }) = desk.embed {
                let method = Method::Tsne;
                let cell = Cell::Embedding { at: Vec::new(), layer, of, method, perplexity: None, seed: 0 };
                let figure = match open.evaluate(&cell, &inputs) {
                    Ok(Figure::Scatter(scatter)) => Ok(scatter),
                    Ok(other) => Err(format!("expected a scatter, found `{}`", other.title())),
                    Err(error) => Err(error.to_string()),
                };
                self.tell(Told::Embedding { step: inputs.cursor, figure });
            }
            for intent in desk.intents {
                let told = self.fulfil(open, intent).unwrap_or_else(Told::Refused);
                self.tell(told);
            }
        }
    }

    fn fulfil(&self, open: &mut Evaluator, intent: Intent) -> Result<Told, String> {
        let store = open.store().clone();
        let words = |error: &dyn std::fmt::Display| error.to_string();
        match intent {
            Intent::Steer { branch, command } => {
                let record = store.branch(&branch).map_err(|error| words(&error))?;
                let answer = steer(&store, &record, command, PATIENCE).map_err(|error| words(&error))?;
                if let Some(reason) = answer.refused {
                    return Err(reason);
                }
                let state = if answer.paused { "waits at" } else { "goes on after" };
                Ok(Told::Done { text: format!("{} {state} step {}", answer.branch, answer.step), select: None })
            }
            Intent::Edit { branch, step, edit, live } => {
                let edit = Edit::parse(&edit, &mut |_| Err("a file cannot be read here".to_owned()))
                    .map_err(|error| words(&error))?;
                let lineage = Lineage::open(&store, &branch).map_err(|error| words(&error))?;
                if live {
                    let command = Command::Edit { edits: vec![edit], name: None };
                    let answer = steer(&store, lineage.branch(), command, PATIENCE).map_err(|error| words(&error))?;
                    if let Some(reason) = answer.refused {
                        return Err(reason);
                    }
                    let text = format!("{} at step {}: {}", answer.branch, answer.step, answer.done.join("; "));
                    return Ok(Told::Done { text, select: Some((answer.branch, answer.step)) });
                }
                let dataset = open.dataset(&lineage.branch().definition.dataset.clone())?;
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
                let plan = ForkPlan {
                    name: None,
                    edits: vec![edit],
                    recording: None,
                    threads: crate::threads(),
                    options: RecorderOptions::default(),
                    created_unix_seconds: now,
                };
                let forked = fork(&store, lineage, step, plan, dataset).map_err(|error| words(&error))?;
                let name = forked.session.record().name.clone();
                let effects: Vec<&str> = forked.effects.iter().map(|effect| effect.summary.as_str()).collect();
                let text = format!("forked {branch} at step {step} into {name}: {}", effects.join("; "));
                forked.session.finish().map_err(|error| words(&error))?;
                Ok(Told::Done { text, select: Some((name, step)) })
            }
        }
    }
}

/// The loss curves of some branches.
pub(crate) fn loss(open: &mut Evaluator, branches: &[BranchName], scale: Scale) -> Result<Chart, String> {
    let inputs = Inputs { branches: branches.to_vec(), ..Inputs::default() };
    match open.evaluate(&Cell::Loss { x: XAxis::Step, scale }, &inputs) {
        Ok(Figure::Chart(chart)) => Ok(chart),
        Ok(other) => Err(format!("expected a chart, found `{}`", other.title())),
        Err(error) => Err(error.to_string()),
    }
}

/// The network in a figure.
pub(crate) fn network<E: std::fmt::Display>(figure: Result<Figure, E>) -> Result<NetworkDiagram, String> {
    match figure {
        Ok(Figure::Network(diagram)) => Ok(diagram),
        Ok(other) => Err(format!("expected a network, found `{}`", other.title())),
        Err(error) => Err(error.to_string()),
    }
}
