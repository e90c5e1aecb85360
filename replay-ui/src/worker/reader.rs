//! A thread that makes figures.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use revacnn_notebook::kinds::{Embedding, Start};
use revacnn_notebook::{BranchSummary, Cell, Graph, Inputs, Sources, Unwatched, Watch};
use revacnn_schemas::{Address, BranchId, BranchName, Figure, Position, Step};
use revacnn_store::{StepRow, cores};
use revacnn_trainer::data::OwnPicture;

use super::actions::{is_in_the_way, save};
use super::{Queued, RequestQueue, Shared};
use crate::cells::{Pace, Prepared, ViewId};
use crate::requests::FigureRequest;
use crate::store_events::{Listed, Notice, StoreEvent};
use crate::views::View;

/// How often the store is looked at for what others wrote.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A look is made after so many times as long as the last one took, at the
/// earliest.
const LOOKS_SHARE: u32 = 20;
/// How long slow figures rest after what was freshly wanted is made: they are to
/// leave room for the window itself while the cursor is dragged.
const SLOWLY: Duration = Duration::from_millis(100);
/// How long a thread without duties sleeps.
const LONG: Duration = Duration::from_secs(3600);
/// How long the cursor must stand still before an embedding is made that
/// depends on where it stands alone: longer than from one look at a training
/// to the next.
const REST: Duration = Duration::from_millis(1500);
/// How long what failed is left alone before it is tried again, at least and at
/// most: each time twice as long, as long as nothing else happens.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(60)];

/// One reading thread.
#[derive(Debug)]
pub(crate) struct Reader {
    pace: Pace,
    inbox: Arc<RequestQueue>,
    shared: Shared,
}

/// Cells of one pace with their figures, as the window draws them.
#[derive(Debug)]
pub(crate) struct Board {
    pace: Pace,
    graph: Graph,
    drawn: HashMap<ViewId, Arc<Prepared>>,
    shown: Vec<ViewId>,
}

impl Board {
    /// No cells yet.
    pub(crate) fn new(pace: Pace) -> Self {
        Self { pace, graph: Graph::new(Inputs::default()), drawn: HashMap::new(), shown: Vec::new() }
    }

    /// The cells that are wanted from now on, and where an embedding starts from.
    pub(crate) fn want(&mut self, wanted: &FigureRequest, start: Start) {
        let Inputs { branches, cursor, image, .. } = wanted.inputs();
        let shown: Vec<ViewId> =
            wanted.cells.iter().map(|(view, _)| *view).filter(|view| View::of(*view).pace == self.pace).collect();
        for view in self.shown.iter().filter(|view| !shown.contains(view)) {
            self.graph.remove_cell(view.0);
            self.drawn.remove(view);
        }
        self.shown = shown;
        self.graph.set_branches(branches);
        self.graph.set_cursor(cursor);
        self.graph.set_image(image);
        for (view, cell) in wanted.cells.iter().filter(|(view, _)| View::of(*view).pace == self.pace) {
            let started = cell.as_kind::<Embedding>().map(|cell| Cell::from(Embedding { start, ..cell.clone() }));
            self.graph.set_cell(view.0, started.unwrap_or_else(|| cell.clone()));
        }
    }

    /// Something came or went in the log.
    pub(crate) fn log_changed(&mut self, sources: &mut Sources) {
        self.graph.log_changed(sources);
    }

    /// Whether something that is shown could not be read.
    fn has_failed(&self) -> bool {
        self.graph.has_failed()
    }

    /// Makes the next figure; `None` when all are made, and where it is given up.
    pub(crate) fn next(&mut self, sources: &mut Sources, watch: &mut dyn Watch) -> Option<(ViewId, Arc<Prepared>)> {
        let mut done = revacnn_notebook::Ran::default();
        if !self.graph.run_one(sources, watch, &mut done) {
            return None;
        }
        let name = done.ran.first()?;
        let view = *self.shown.iter().find(|view| view.0 == name)?;
        let fresh = || {
            Prepared::of(match self.graph.figure(view.0) {
                Some(Ok(figure)) => Ok(Figure::clone(figure)),
                Some(Err(error)) => Err(error.to_string()),
                None => Err(format!("there is no figure of {name}")),
            })
        };
        let drawn = match self.drawn.get(&view) {
            Some(before) if done.changed.is_empty() => before.clone(),
            _ => fresh(),
        };
        self.drawn.insert(view, drawn.clone());
        Some((view, drawn))
    }

    /// Makes all figures; those that were made before are told once more.
    pub(crate) fn all(&mut self, sources: &mut Sources) -> Vec<(ViewId, Arc<Prepared>)> {
        while self.next(sources, &mut Unwatched).is_some() {}
        self.ready()
    }

    /// The figures that are as they should be.
    fn ready(&self) -> Vec<(ViewId, Arc<Prepared>)> {
        let made = self.shown.iter().filter(|view| !self.graph.is_stale(view.0));
        made.filter_map(|view| Some((*view, self.drawn.get(view)?.clone()))).collect()
    }
}

/// Whether a folder is not there yet, or empty.
pub(crate) fn is_free(folder: &Path) -> bool {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// What failed, and when it is tried again.
#[derive(Debug)]
struct Retry {
    pause: Duration,
    due: Option<Instant>,
}

impl Retry {
    fn new() -> Self {
        Self { pause: PAUSES[0], due: None }
    }

    /// Whether it is time; the next time comes later.
    fn is_due(&mut self) -> bool {
        let due = self.due.is_some_and(|due| Instant::now() >= due);
        if due {
            (self.due, self.pause) = (None, (self.pause * 2).min(PAUSES[1]));
        }
        due
    }

    /// Plans the next time where something has failed.
    fn plan(&mut self, failed: bool) {
        match (failed, self.due) {
            (false, _) => *self = Self::new(),
            (true, None) => self.due = Some(Instant::now() + self.pause),
            (true, Some(_)) => {}
        }
    }

    /// How long until then.
    fn rest(&self) -> Duration {
        self.due.map_or(LONG, |due| due.saturating_duration_since(Instant::now()))
    }
}

/// The step of the first address that is embedded.
fn embedded_at(wanted: &FigureRequest) -> Option<Step> {
    let (_, cell) = wanted.cells.iter().find(|(view, _)| *view == ViewId::EMBEDDING)?;
    match cell.as_kind::<Embedding>()?.at.first()?.position {
        Position::Step(step) => Some(step),
        Position::Epoch(_) | Position::Last | Position::Best | Position::Fork => None,
    }
}

/// The row of `steps` that an address leads to, if it has one.
pub(crate) fn row(sources: &mut Sources, at: Option<&Address>) -> Option<Box<StepRow>> {
    let Some(Address { branch, position: Position::Step(step) }) = at else { return None };
    sources.row(branch, *step).ok().map(Box::new)
}

impl Reader {
    pub(crate) fn new(pace: Pace, inbox: Arc<RequestQueue>, shared: Shared) -> Self {
        Self { pace, inbox, shared }
    }

    pub(crate) fn run(self) {
        let (mut open, mut was_there): (Option<Sources>, bool) = (None, false);
        let mut board = Board::new(self.pace);
        let mut wanted: Option<FigureRequest> = None;
        // What of the log was seen; before its first version there is nothing to see.
        let mut log = 0;
        let mut listing = Listing::default();
        let lists = self.pace == Pace::Quick;
        let mut fresh = false;
        let mut retry = Retry::new();
        // When an embedding that glided is made by itself, and the step that the
        // points of the last such one were at.
        let mut settles: Option<Instant> = None;
        let mut settled: Option<Step> = None;
        loop {
            if open.is_none() {
                match Sources::open(&self.shared.store, self.shared.data.clone(), cores()) {
                    Ok(opened) => (open, was_there) = (Some(opened.leaving_out()), true),
                    // Where a run may begin; a store that has vanished is another matter.
                    Err(_) if lists && !was_there && is_free(&self.shared.store) => {
                        listing.tell(&self.shared, Vec::new(), Vec::new());
                    }
                    Err(error) if lists => listing.unreadable(&self.shared, error.to_string()),
                    Err(_) => {}
                }
            }
            let tries = retry.is_due();
            let due = tries || if lists { listing.is_due() } else { log != self.shared.log() };
            if let (true, Some(sources)) = (due, &mut open) {
                log = self.shared.log();
                match if lists { listing.look(&self, sources) } else { self.adopt(sources) } {
                    Some(true) => self.read(sources, |sources| board.log_changed(sources)),
                    Some(false) if tries => board.graph.retry(),
                    Some(false) => {}
                    None => (open, board) = (None, Board::new(self.pace)),
                }
            }
            let was_fresh = std::mem::take(&mut fresh);
            if settles.is_some_and(|settles| Instant::now() >= settles) {
                settles = None;
                if let Some(wanted) = &wanted {
                    settled = embedded_at(wanted);
                    board.want(wanted, Start::Fresh);
                }
            }
            let overtaken = match (&mut open, &wanted) {
                (Some(sources), Some(wanted)) => self.make(sources, &mut board, wanted, was_fresh),
                _ => false,
            };
            retry.plan(!overtaken && open.is_some() && board.has_failed());
            if was_fresh && self.pace == Pace::Slow && !board.shown.is_empty() {
                std::thread::sleep(SLOWLY);
            }
            let patience = match (overtaken, lists, open.is_none()) {
                (true, ..) => Duration::ZERO,
                (_, true, _) => listing.rest(),
                // Without a store, what was wanted is tried again.
                (.., true) => LOOK_EVERY,
                _ => LONG,
            };
            let until_settled = settles.map_or(LONG, |settles| settles.saturating_duration_since(Instant::now()));
            let mut queued = self.inbox.take(patience.min(retry.rest()).min(until_settled));
            if queued.closed {
                return;
            }
            if queued.refresh {
                listing.looked = None;
            }
            self.find(open.as_mut(), &queued);
            if let Some(path) = &queued.picture {
                let read = OwnPicture::read(path).map_err(|error| error.to_string());
                self.shared.tell(StoreEvent::Pictured(read));
            }
            for (cell, inputs, path, over) in std::mem::take(&mut queued.saves) {
                let told = match is_in_the_way(&path, over) {
                    true => StoreEvent::Exists(path),
                    false => self.save_fresh(open.as_mut(), &cell, &inputs, &path),
                };
                self.shared.tell(told);
            }
            if let Some(newest) = queued.wanted {
                let travels = wanted.as_ref().is_some_and(|before| before.step != newest.step);
                // Who travels sees points glide, and what they come to once they rest.
                let glides = newest.glides && (travels || settles.is_some());
                let start = settled.filter(|_| glides).map_or(Start::Fresh, Start::From);
                if self.pace == Pace::Slow {
                    settles = glides.then(|| Instant::now() + REST);
                    settled = if glides { settled } else { embedded_at(&newest) };
                }
                board.want(&newest, start);
                (wanted, fresh) = (Some(newest), true);
                retry = Retry::new();
            }
        }
    }

    /// Goes on with what the thread that lists found; `None` where it cannot read the store.
    fn adopt(&self, sources: &mut Sources) -> Option<bool> {
        let listing = self.shared.listing()?;
        self.read(sources, |sources| sources.adopt(listing));
        Some(true)
    }

    /// Reads through sources, which rest before and after: what they have open
    /// meanwhile is in the way of who deletes, compacts and tidies.
    fn read<T>(&self, sources: &mut Sources, read: impl FnOnce(&mut Sources) -> T) -> T {
        let _reading = self.shared.reading();
        let found = read(sources);
        sources.rest();
        found
    }

    /// Makes a figure that depends on nothing that was shown before, and writes
    /// it to a file.
    fn save_fresh(&self, sources: Option<&mut Sources>, cell: &Cell, inputs: &Inputs, path: &Path) -> StoreEvent {
        let Some(sources) = sources else {
            return StoreEvent::Refused("the store cannot be read: there is no figure to save".to_owned());
        };
        let figure = self.read(sources, |sources| cell.figure(sources, inputs));
        let drawn = Prepared::of(figure.map_err(|error| error.to_string()));
        save(&drawn, path).map_or_else(StoreEvent::Refused, StoreEvent::Done)
    }

    /// Makes what is wanted and tells it; returns whether something newer is
    /// wanted by now. What is freshly wanted is told even where it was made
    /// before, as it now is of another step.
    fn make(&self, sources: &mut Sources, board: &mut Board, wanted: &FigureRequest, fresh: bool) -> bool {
        let (generation, step) = (wanted.generation, wanted.step);
        if self.pace == Pace::Quick {
            // All of one step, or none.
            let made = self.read(sources, |sources| {
                let ran = board.next(sources, &mut Unwatched).is_some();
                (ran || fresh).then(|| (board.all(sources), row(sources, wanted.at.as_ref())))
            });
            if let Some((figures, row)) = made {
                self.shared.tell(StoreEvent::Figures { generation, step, figures, row });
            }
            return false;
        }
        if fresh {
            let figures = board.ready();
            self.shared.tell(StoreEvent::Figures { generation, step, figures, row: None });
        }
        loop {
            if self.inbox.is_overtaken() {
                return true;
            }
            // Nobody waits for a figure once something newer is wanted.
            let mut watch = |_| match self.inbox.is_overtaken() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
            let made = self.read(sources, |sources| board.next(sources, &mut watch));
            let Some((view, drawn)) = made else { return self.inbox.is_overtaken() };
            self.shared.tell(StoreEvent::Figures { generation, step, figures: vec![(view, drawn)], row: None });
        }
    }

    /// Answers where an address leads, or an epoch ends.
    fn find(&self, sources: Option<&mut Sources>, queued: &Queued) {
        let Some(sources) = sources else { return };
        let found = self.read(sources, |sources| match (&queued.resolve, &queued.epoch) {
            (Some(address), _) => Some(sources.resolve(address).map(|step| (address.branch.clone(), step))),
            (None, Some((branch, from, forward))) => {
                Some(sources.epoch_end(branch, *from, *forward).map(|step| (branch.clone(), step)))
            }
            (None, None) => None,
        });
        let Some(found) = found else { return };
        self.shared.tell(match found {
            Ok((branch, step)) => StoreEvent::Resolved { branch, step },
            Err(error) => StoreEvent::Noticed(Notice::Refused(error.to_string())),
        });
    }
}

/// What was last told of the store.
#[derive(Debug, Default)]
struct Listing {
    looked: Option<Instant>,
    /// How long the last look took.
    took: Duration,
    told: Option<(Vec<BranchSummary>, Vec<String>, Vec<BranchName>)>,
    /// When the branches were last told, for their rates.
    told_at: Option<Instant>,
}

impl Listing {
    fn is_due(&self) -> bool {
        self.looked.is_none_or(|looked| looked.elapsed() >= self.every())
    }

    /// Looks keep from being more than a small part of the time, however many
    /// branches there are.
    fn every(&self) -> Duration {
        LOOK_EVERY.max(self.took * LOOKS_SHARE)
    }

    fn rest(&self) -> Duration {
        self.looked
            .map_or(LOOK_EVERY, |looked| self.every().saturating_sub(looked.elapsed()).max(Duration::from_millis(1)))
    }

    /// Looks at the store, for the other readers as well, and tells what there is; returns
    /// whether it is something else, and `None` where the store cannot be read.
    fn look(&mut self, reader: &Reader, sources: &mut Sources) -> Option<bool> {
        let shared = &reader.shared;
        let begun = Instant::now();
        let found = reader.read(sources, Sources::refresh);
        self.took = begun.elapsed();
        match found {
            Ok(branches) => {
                shared.publish(sources.listing());
                let problems = sources.problems().to_vec();
                Some(self.tell(shared, branches, problems))
            }
            Err(error) => {
                self.unreadable(shared, error.to_string());
                shared.publish(None);
                shared.log_changed();
                None
            }
        }
    }

    fn unreadable(&mut self, shared: &Shared, reason: String) {
        (self.looked, self.told) = (Some(Instant::now()), None);
        shared.tell(StoreEvent::Unreadable(reason));
    }

    /// Tells what there is, if it is something else; returns whether it is.
    fn tell(&mut self, shared: &Shared, branches: Vec<BranchSummary>, problems: Vec<String>) -> bool {
        let now = Instant::now();
        self.looked = Some(now);
        let ours = shared.ours().clone();
        let ours = branches.iter().filter(|branch| ours.contains(&branch.id)).map(|branch| branch.name.clone());
        let ours = ours.collect();
        let next = (branches, problems, ours);
        if self.told.as_ref() == Some(&next) {
            return false;
        }
        let seconds = self.told_at.map(|told| now.duration_since(told).as_secs_f64());
        let before = self.told.as_ref().map(|(branches, ..)| branches.as_slice()).unwrap_or_default();
        let before: HashMap<&BranchId, &BranchSummary> = before.iter().map(|branch| (&branch.id, branch)).collect();
        let rates = next.0.iter().filter_map(|branch| {
            let then = before.get(&branch.id)?;
            let steps = branch.steps?.last.0.checked_sub(then.steps?.last.0).filter(|steps| *steps > 0)?;
            Some((branch.name.clone(), steps as f64 / seconds?))
        });
        let (branches, problems, ours) = next.clone();
        let listed = Listed { rates: rates.collect(), branches, problems, ours };
        // What the window asks for once it knows is then read from the same list.
        shared.log_changed();
        shared.tell(StoreEvent::Listed(listed));
        (self.told, self.told_at) = (Some(next), Some(now));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_may_begin_where_nothing_is_yet() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_free(folder.path()) && is_free(&folder.path().join("not there")));
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(!is_free(folder.path()) && !is_free(&file));
    }
}
