//! The thread that plans a notebook and makes the figures of its views.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use iced::widget::image::Handle;
use revacnn_notebook::document::Document;
use revacnn_notebook::history::history;
use revacnn_notebook::plan::{Node, Place, Plan, State};
use revacnn_notebook::program::{Program, Training};
use revacnn_notebook::session::Board;
use revacnn_notebook::{Progress, Sources, Watch, pixels};
use revacnn_recorder::Resources;
use revacnn_schemas::{Figure, Position};
use revacnn_store::{Store, cores};

use super::{RequestQueue, Shared};
use crate::options::Coefficients;
use crate::requests::NotebookRequest;
use crate::store_events::{NotebookEvent, Planned, ShownView, Standing, StoreEvent};

/// How often the file of a notebook is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long the thread sleeps while there is no notebook.
const LONG: Duration = Duration::from_secs(3600);
/// How wide views are drawn, in logical pixels, by how many stand side by side.
const WIDTHS: [f32; 3] = [680.0, 332.0, 220.0];

/// The thread.
#[derive(Debug)]
pub(crate) struct NotebookReader {
    inbox: Arc<RequestQueue>,
    shared: Shared,
}

/// A text that was read, what of it is there, and the figures of its views.
pub(crate) struct Desk {
    wanted: NotebookRequest,
    document: Document,
    program: Program,
    board: Board,
    store: PathBuf,
    resources: Resources,
    coefficients: Coefficients,
}

impl NotebookReader {
    pub(crate) fn new(inbox: Arc<RequestQueue>, shared: Shared) -> Self {
        Self { inbox, shared }
    }

    pub(crate) fn run(self) {
        let mut desk: Option<Desk> = None;
        let mut sources: Option<Sources> = None;
        let mut log = None;
        // The version whose figures the window knows, and as what.
        let mut told = None;
        loop {
            let queued = self.inbox.take(if desk.is_some() { TICK } else { LONG });
            if queued.closed {
                return;
            }
            let mut plans = false;
            let asked = queued.notebook.is_some();
            match (queued.notebook, &mut desk) {
                (Some(wanted), Some(desk)) => plans = desk.want(wanted),
                (Some(wanted), none) => {
                    *none = Some(Desk::of(wanted, &self.shared.place(), self.shared.coefficients));
                    plans = true;
                }
                (None, _) => {}
            }
            let Some(desk) = &mut desk else { continue };
            self.tell(NotebookEvent::Tick);
            let grown = log != Some(self.shared.log());
            if desk.wanted.is_history && (grown || asked) {
                log = Some(self.shared.log());
                if let Some(text) = desk.history() {
                    self.tell(NotebookEvent::History(text));
                }
                plans = true;
            }
            if !desk.wanted.is_shown {
                continue;
            }
            if log != Some(self.shared.log()) {
                (log, plans) = (Some(self.shared.log()), true);
            }
            if sources.is_none() {
                sources = Sources::open(&self.shared.store, self.shared.data.clone(), cores()).ok();
            }
            let _reading = self.shared.reading();
            if let (true, Some(sources)) = (plans, &mut sources) {
                match self.shared.listing() {
                    Some(listing) => sources.adopt(listing),
                    None => drop(sources.refresh()),
                }
            }
            if plans {
                self.tell(NotebookEvent::Planned(Arc::new(desk.plan(sources.as_mut()))));
            }
            let Some(sources) = &mut sources else {
                desk.nothing(&mut |event| self.tell(event));
                continue;
            };
            // On other paper, or of other pixels, every picture is another one.
            let now = (desk.wanted.version, desk.wanted.dark, desk.wanted.scale.to_bits());
            let fresh = told.replace(now) != Some(now);
            let inbox = self.inbox.clone();
            let mut watch = move |_: Progress| match inbox.is_overtaken() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
            desk.draw(fresh, sources, &mut watch, &mut |event| self.tell(event));
            sources.rest();
        }
    }

    fn tell(&self, event: NotebookEvent) {
        self.shared.tell(StoreEvent::Notebook(event));
    }
}

impl Desk {
    pub(crate) fn of(wanted: NotebookRequest, place: &revacnn_schemas::Place, coefficients: Coefficients) -> Self {
        let resources = Resources { data_folder: place.data.clone(), ..Resources::usual(&place.store) };
        let document = Document::parse(&*wanted.text);
        let program = Program::of(&document);
        Self { wanted, document, program, board: Board::default(), store: place.store.clone(), resources, coefficients }
    }

    /// Goes on with what is wanted now; whether it is to be planned anew.
    fn want(&mut self, wanted: NotebookRequest) -> bool {
        let same = wanted.text == self.wanted.text && wanted.folder == self.wanted.folder;
        let plans = !same || wanted.version != self.wanted.version || wanted.is_shown != self.wanted.is_shown;
        if !same {
            self.document = Document::parse(&*wanted.text);
            self.program = Program::of(&self.document);
        }
        self.wanted = wanted;
        plans
    }

    /// The store's history as a notebook; `None` where there is no store.
    pub(crate) fn history(&self) -> Option<String> {
        let store = Store::open(&self.store).ok()?;
        let coefficients = self.coefficients;
        let place =
            Place { folder: &self.wanted.folder, store: Some(&store), resources: &self.resources, read: &coefficients };
        Some(history(&store, &[], place).ok()?.text)
    }

    /// What of the text is there, and what is wrong with it.
    pub(crate) fn plan(&mut self, sources: Option<&mut Sources>) -> Planned {
        let store = Store::open(&self.store).ok();
        let coefficients = self.coefficients;
        let place = Place {
            folder: &self.wanted.folder,
            store: store.as_ref(),
            resources: &self.resources,
            read: &coefficients,
        };
        let version = self.wanted.version;
        let (plan, problems) = Plan::with_problems(&self.document, &self.program, place);
        let is_blocked = plan.is_blocked(&self.document, &problems);
        let standing = |(training, node): (&Training, &Node)| Standing {
            name: training.name.clone(),
            branch: node.branch.as_ref().map(|record| record.name.clone()),
            at: node.reached,
            until: node.until,
            there: node.state() == State::There,
        };
        let all: Vec<usize> = (0..plan.nodes.len()).collect();
        let left = plan.left(&all);
        let mut planned = Planned {
            version,
            problems,
            is_blocked,
            trainings: self.program.trainings.iter().zip(&plan.nodes).map(standing).collect(),
            left: (left.len(), plan.steps(&left)),
            ..Planned::default()
        };
        if let Some(sources) = sources {
            self.board.plan(&self.program, &plan, sources);
            self.board.log_changed(sources);
            planned.spans = self.board.spans().clone();
            for (_, cursor) in &self.program.cursors {
                if let Ok(step) = sources.resolve(&cursor.at) {
                    planned.cursors.insert(cursor.name.clone(), step);
                }
            }
        }
        planned
    }

    /// Makes the figures that a change has reached, until `watch` gives up. Of a `fresh` text
    /// those that are made already are told once more.
    pub(crate) fn draw(
        &mut self,
        fresh: bool,
        sources: &mut Sources,
        watch: &mut dyn Watch,
        tell: &mut dyn FnMut(NotebookEvent),
    ) {
        let mut values = self.wanted.values.clone();
        for (_, input, _) in &self.program.inputs {
            values.entry(input.name.clone()).or_insert_with(|| input.value.clone());
        }
        for (_, cursor) in &self.program.cursors {
            if values.contains_key(&cursor.name) {
                continue;
            }
            let position = if let Position::Step(step) = cursor.at.position {
                Some(step)
            } else {
                sources.resolve(&cursor.at).ok()
            };
            values.extend(position.map(|step| (cursor.name.clone(), step.0.to_string())));
        }
        let order: Vec<usize> = (0..self.program.views.len()).collect();
        let before: Vec<_> = order.iter().map(|view| self.board.figure(*view)).collect();
        self.board.show(&self.program, &values, sources);
        for (view, before) in before.iter().enumerate() {
            let now = self.board.figure(view);
            let is_same = match (before, &now) {
                (Some(Ok(one)), Some(Ok(other))) => Arc::ptr_eq(one, other),
                (Some(Err(one)), Some(Err(other))) => one == other,
                _ => false,
            };
            if fresh || !is_same {
                self.show(view, tell);
            }
        }
        while let Some(view) = self.board.next(&order, sources, watch) {
            self.show(view, tell);
        }
    }

    /// Says of every view that there is nothing to show: there is no store yet.
    pub(crate) fn nothing(&self, tell: &mut dyn FnMut(NotebookEvent)) {
        let (version, reason) = (self.wanted.version, "nothing is trained yet: run the notebook".to_owned());
        let shown = Arc::new(ShownView { picture: Err(reason), ..ShownView::default() });
        for view in 0..self.program.views.len() {
            tell(NotebookEvent::Figure { version, view, shown: shown.clone() });
        }
    }

    /// Tells a view's figure.
    fn show(&self, view: usize, tell: &mut dyn FnMut(NotebookEvent)) {
        let Some(made) = self.board.figure(view) else { return };
        let block = self.program.views[view].block;
        let side_by_side = self.program.views.iter().filter(|other| other.block == block).count();
        let shown = match made {
            Ok(figure) => {
                let is_wide = matches!(*figure, Figure::Table(_) | Figure::Comparison(_));
                let width = if is_wide { WIDTHS[0] } else { WIDTHS[side_by_side.clamp(1, WIDTHS.len()) - 1] };
                shown(&figure, width, self.wanted.scale, self.wanted.dark)
            }
            Err(reason) => ShownView { picture: Err(reason), ..ShownView::default() },
        };
        tell(NotebookEvent::Figure { version: self.wanted.version, view, shown: Arc::new(shown) });
    }
}

fn shown(figure: &Figure, width: f32, scale: f32, dark: bool) -> ShownView {
    let picture = pixels(figure, width, scale, dark).map(|made| {
        let size = [made.width, made.height].map(|pixels| pixels as f32 / scale);
        (Handle::from_rgba(made.width, made.height, made.rgba), size)
    });
    // Those of an embedding and of panels are in the picture.
    let are_drawn = matches!(figure, Figure::Scatter(_) | Figure::Comparison(_));
    let notes = if are_drawn { Vec::new() } else { figure.notes().into_iter().map(str::to_owned).collect() };
    ShownView { title: figure.title().to_owned(), notes, dark, picture: picture.map_err(|error| error.to_string()) }
}
