//! What happens in the window: messages go down to the components, and what
//! their actions ask for is done here.

use std::path::PathBuf;

use revacnn_notebook::session::Deed;
use revacnn_notebook::{ChosenImage, PictureFormat};
use revacnn_schemas::{Address, BranchName, Edit, LayerName, Position};
use revacnn_store::Command;

use crate::canvas::along::Along;
use crate::cells::ViewId;
use crate::changes::{Asked, Turn};
use crate::components::prompt::{self, Answer};
use crate::components::{
    classes, dialog, figure_menu, filters, header, inspector, layer_form, loss, network, notebook, pad, run_form, seen,
    status, timeline, tree,
};
use crate::figure;
use crate::lines::line_of;
use crate::question::Question;
use crate::requests::{Effect, Intent, Request};
use crate::sizes;
use crate::state::State;
use crate::store_events::{StoreEvent, Undo};
use crate::time::{Move, Time};
use crate::views::{Saves, View};

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// The workers tell something.
    Store(StoreEvent),
    Header(header::Message),
    Tree(tree::Message),
    Loss(loss::Message),
    Network(network::Message),
    Filters(filters::Message),
    Inspector(inspector::Message),
    Timeline(timeline::Message),
    Status(status::Message),
    Notebook(notebook::Message),
    Dialog(dialog::Message),
    /// A border is dragged, or a figure shown alone.
    Sizes(sizes::Message),
    /// Show the notebook, or the figures.
    Page(bool),
    /// A logical pixel is so many pixels wide.
    Scale(f32),
    /// A file was dropped on the window: a picture.
    Dropped(PathBuf),
    /// A key does what figures say.
    Figure(figure::Message),
    /// Close what is open, from the top.
    Escape,
}

macro_rules! from_component {
    ($($component:ident => $variant:ident),*) => {
        $(impl From<$component::Message> for Message {
            fn from(message: $component::Message) -> Self {
                Self::$variant(message)
            }
        })*
    };
}

from_component!(
    header => Header, tree => Tree, loss => Loss, network => Network, filters => Filters, inspector => Inspector,
    timeline => Timeline, status => Status, notebook => Notebook, dialog => Dialog, figure => Figure, sizes => Sizes
);

macro_rules! from_dialog {
    ($($dialog:ident => $variant:ident),*) => {
        $(impl From<$dialog::Message> for Message {
            fn from(message: $dialog::Message) -> Self {
                Self::Dialog(dialog::Message::$variant(message))
            }
        })*
    };
}

from_dialog!(prompt => Prompt, run_form => RunForm, layer_form => LayerForm, figure_menu => Menu, pad => Pad);

impl Message {
    /// What a figure says, whichever it is.
    pub(crate) fn of_figure(&self) -> Option<&figure::Message> {
        match self {
            Self::Figure(message)
            | Self::Loss(loss::Message::Figure(message))
            | Self::Network(network::Message::Figure(message))
            | Self::Filters(
                filters::Message::Figure(message)
                | filters::Message::Classes(classes::Message::Figure(message))
                | filters::Message::Seen(seen::Message::Figure(message)),
            )
            | Self::Inspector(inspector::Message::Figure(message)) => Some(message),
            Self::Store(_)
            | Self::Header(_)
            | Self::Tree(_)
            | Self::Loss(_)
            | Self::Network(_)
            | Self::Filters(_)
            | Self::Inspector(_)
            | Self::Timeline(_)
            | Self::Status(_)
            | Self::Notebook(_)
            | Self::Page(_)
            | Self::Scale(_)
            | Self::Dropped(_)
            | Self::Dialog(_)
            | Self::Sizes(_)
            | Self::Escape => None,
        }
    }
}

impl State {
    /// Does what a message says; what is to be done elsewhere is returned.
    pub(crate) fn update(&mut self, message: impl Into<Message>) -> Vec<Effect> {
        match message.into() {
            Message::Store(event) => self.store_event(event),
            Message::Header(message) => {
                let action = self.header.update(message);
                self.header_asks(action)
            }
            Message::Tree(message) => match self.tree.update(message, &self.context) {
                tree::Action::None => Vec::new(),
                tree::Action::Select(name) => self.select(name),
                tree::Action::Show(name, shows) => self.show_branch(name, shows),
                tree::Action::Beside(other) => self.show_beside(other),
                tree::Action::Find => vec![Effect::Focus(tree::FILTER)],
                tree::Action::Hide(hidden) => {
                    self.context.hidden = hidden;
                    self.timeline.redraw();
                    self.follow()
                }
                tree::Action::NewRun => self.open_run_form(),
            },
            Message::Loss(message) => match self.loss.update(message) {
                loss::Action::Figure(message) => self.figure(message),
                loss::Action::Plot(along) => self.along(along),
                loss::Action::Follow => {
                    self.redraw();
                    self.follow()
                }
            },
            Message::Network(message) => match self.network.update(message, &self.context) {
                network::Action::Figure(message) => self.figure(message),
                network::Action::Follow => self.follow(),
                network::Action::Image(image) => self.show_image(image),
                network::Action::Draw => self.open_pad(),
                network::Action::Ask(question) => self.ask(question),
                network::Action::ToggleBeside => self.toggle_beside(),
            },
            Message::Filters(message) => match self.filters.update(message, self.context.marks.layer.as_ref()) {
                filters::Action::Figure(message) => self.figure(message),
                filters::Action::Follow => self.follow(),
                filters::Action::Look(image) => self.show_image(Some(image)),
            },
            Message::Inspector(message) => {
                let action = self.inspector.update(message, &self.context);
                self.inspector_asks(action)
            }
            Message::Timeline(message) => {
                let action = self.timeline.update(message, &self.context);
                self.timeline_asks(action)
            }
            Message::Status(message) => match self.status.update(message) {
                status::Action::None => Vec::new(),
                status::Action::Undo => self.change(Asked::Undo),
            },
            Message::Notebook(message) => {
                let action = self.notebook.update(message);
                self.notebook_asks(action)
            }
            Message::Page(notebook) => {
                self.context.notebook = notebook;
                self.read_notebook()
            }
            Message::Scale(scale) if self.context.scale == scale => Vec::new(),
            Message::Scale(scale) => {
                self.context.scale = scale;
                self.read_notebook()
            }
            Message::Dropped(path) => vec![Effect::Request(Request::Picture(path))],
            Message::Dialog(message) => self.dialog_says(message),
            Message::Sizes(message) => {
                self.size(message);
                Vec::new()
            }
            Message::Figure(message) => self.figure(message),
            Message::Escape => self.escape(),
        }
    }

    /// Asks for what the notebook shows, and for looks at its file; shows what was written into
    /// it since it was seen last.
    pub(crate) fn read_notebook(&mut self) -> Vec<Effect> {
        let wanted = self.notebook.request(&self.context);
        let shows = self.context.notebook && self.notebook.take_news();
        let end = shows.then_some(Effect::ScrollToEnd(notebook::PAGE));
        std::iter::once(Effect::Request(Request::Notebook(wanted))).chain(end).collect()
    }

    /// Knows which branches no line of the notebook trains.
    pub(crate) fn mark_unwritten(&mut self) {
        self.notebook.follow(&self.context.branches);
        self.context.unwritten = self.notebook.unwritten(&self.context.branches);
    }

    pub(crate) fn notebook_asks(&mut self, action: notebook::Action) -> Vec<Effect> {
        self.mark_unwritten();
        match action {
            notebook::Action::None => Vec::new(),
            notebook::Action::ShowEnd if self.context.notebook => vec![Effect::ScrollToEnd(notebook::PAGE)],
            notebook::Action::ShowEnd => Vec::new(),
            notebook::Action::Read => self.read_notebook(),
            notebook::Action::Type { reads } => {
                let mut effects = if reads { self.read_notebook() } else { Vec::new() };
                effects.push(Effect::Focus(notebook::FIELD));
                effects
            }
            notebook::Action::Name(path) => self.ask(Question::NameNotebook(path)),
            notebook::Action::Replace(path) => self.ask(Question::ReplaceByNotebook(path)),
            notebook::Action::Copy(text) => {
                self.status.tell(format!("copied {text}"));
                vec![Effect::Copy(text)]
            }
            notebook::Action::Undo => self.change(Asked::Undo),
            notebook::Action::TakeBack(name) => {
                self.status.undone();
                let mut effects = self.read_notebook();
                effects.extend(self.make(Intent::TakeBack(name)));
                effects
            }
            notebook::Action::Run { text, folder } => self.make(Intent::RunNotebook { text, folder }),
            notebook::Action::Tell(words) => {
                self.status.tell(words);
                Vec::new()
            }
            notebook::Action::Refuse(reason) => {
                self.status.refuse(reason);
                Vec::new()
            }
            notebook::Action::Reread(words) => {
                self.status.tell(words);
                self.read_notebook()
            }
        }
    }

    fn header_asks(&mut self, action: header::Action) -> Vec<Effect> {
        match action {
            header::Action::None => {}
            header::Action::Ask(question) => return self.ask(question),
            header::Action::Steer(command) => return self.steer(command),
            header::Action::ReducedMotion(reduced) => self.context.reduced_motion = reduced,
            header::Action::Dark(dark) => {
                self.context.dark = dark;
                self.redraw();
                return self.read_notebook();
            }
            header::Action::Page(notebook) => return self.update(Message::Page(notebook)),
            header::Action::Help => {
                self.dialog = match self.dialog {
                    Some(dialog::State::Help) => None,
                    Some(_) | None => Some(dialog::State::Help),
                };
            }
        }
        Vec::new()
    }

    fn inspector_asks(&mut self, action: inspector::Action) -> Vec<Effect> {
        match action {
            inspector::Action::None => Vec::new(),
            inspector::Action::Figure(message) => self.figure(message),
            inspector::Action::Follow => self.follow(),
            inspector::Action::Edit(edits) => self.edit(edits, None),
            inspector::Action::Refuse(reason) => {
                self.status.refuse(reason);
                Vec::new()
            }
            inspector::Action::Copy(text) => {
                self.status.tell(format!("copied {text}"));
                vec![Effect::Copy(text)]
            }
            inspector::Action::Ask(question) => self.ask(question),
            inspector::Action::Delete(name) => self.make(Intent::Delete { name, then: None }),
        }
    }

    fn timeline_asks(&mut self, action: timeline::Action) -> Vec<Effect> {
        match action {
            timeline::Action::None => Vec::new(),
            timeline::Action::Go(by) => self.go(by),
            timeline::Action::GoEpoch { forward } => match self.context.at() {
                Some(Address { branch, position: Position::Step(from) }) => {
                    vec![Effect::Request(Request::Epoch { branch, from, forward })]
                }
                Some(_) | None => Vec::new(),
            },
            timeline::Action::Along(along) => self.along(along),
            timeline::Action::Align(align) => {
                self.context.align = align;
                self.timeline.redraw();
                self.follow()
            }
            timeline::Action::Select(name) => self.select(name),
        }
    }

    /// Does what is said along the steps, on the chart or the timeline.
    fn along(&mut self, along: Along) -> Vec<Effect> {
        match along {
            Along::Go(step) => self.go(Move::To(step)),
            Along::Zoom { factor, fraction } => self.look(|time| time.zoom(factor, fraction)),
            Along::Pan(share) => self.look(|time| time.pan(share)),
            Along::All(step) => {
                let mut effects = self.look(Time::show_all);
                effects.extend(step.map(|step| self.go(Move::To(step))).unwrap_or_default());
                effects
            }
        }
    }

    /// Shows other steps, in the chart and on the timeline.
    fn look(&mut self, at: impl FnOnce(&mut Time)) -> Vec<Effect> {
        let before = self.context.time;
        at(&mut self.context.time);
        if self.draws_other_steps_than(&before) { self.follow() } else { Vec::new() }
    }

    /// Whether other steps are shown than before; they are drawn anew then.
    fn draws_other_steps_than(&mut self, before: &Time) -> bool {
        let other = self.context.time.shows_other_steps_than(before);
        if other {
            self.timeline.redraw();
            self.loss.redraw();
        }
        other
    }

    fn size(&mut self, message: sizes::Message) {
        match message {
            sizes::Message::Drag { border, size, room } => self.context.sizes.drag(border, size, room),
            sizes::Message::Reset(border) => self.context.sizes.reset(border),
            sizes::Message::Maximise(panel) => self.context.alone = panel,
        }
    }

    fn dialog_says(&mut self, message: dialog::Message) -> Vec<Effect> {
        let Some(mut dialog) = self.dialog.take() else { return Vec::new() };
        let action = dialog.update(message, &self.context, &View::menus(self));
        match action {
            dialog::Action::Leave
            | dialog::Action::Prompt(prompt::Action::Leave)
            | dialog::Action::RunForm(run_form::Action::Leave)
            | dialog::Action::LayerForm(layer_form::Action::Leave)
            | dialog::Action::Menu(figure_menu::Action::Leave)
            | dialog::Action::Pad(pad::Action::Close) => Vec::new(),
            dialog::Action::None
            | dialog::Action::Prompt(prompt::Action::None)
            | dialog::Action::RunForm(run_form::Action::None)
            | dialog::Action::LayerForm(layer_form::Action::None)
            | dialog::Action::Menu(figure_menu::Action::None)
            | dialog::Action::Pad(pad::Action::None) => {
                self.dialog = Some(dialog);
                Vec::new()
            }
            dialog::Action::Pad(pad::Action::Image(image)) => {
                self.dialog = Some(dialog);
                self.show_image(image)
            }
            dialog::Action::Pad(pad::Action::Back(image)) => self.show_image(image),
            dialog::Action::Prompt(prompt::Action::Answer(answer)) => self.answer(answer),
            dialog::Action::RunForm(run_form::Action::Start(plan)) => {
                self.dialog = Some(dialog);
                self.last_run = Some((*plan).clone());
                self.make(Intent::Train(plan))
            }
            dialog::Action::LayerForm(layer_form::Action::Edit(edit)) => {
                self.dialog = Some(dialog);
                self.edit(vec![edit], None)
            }
            dialog::Action::Menu(figure_menu::Action::Save { view, path, over }) => {
                // It stays open until the file is written: what is asked then is asked there.
                self.dialog = Some(dialog);
                self.save(view, path, over)
            }
            dialog::Action::Menu(figure_menu::Action::Note(view)) => self.note(view),
            dialog::Action::Menu(figure_menu::Action::Query(view)) => match View::query_of(view, self) {
                Some(query) => {
                    self.status.tell(format!("copied: {query}"));
                    vec![Effect::Copy(query)]
                }
                None => {
                    self.dialog = Some(dialog);
                    Vec::new()
                }
            },
        }
    }

    /// Writes what a figure shows as a line of the notebook.
    fn note(&mut self, view: ViewId) -> Vec<Effect> {
        let request = self.figure_request();
        let inputs = request.inputs();
        let line = self.context.cells.cell(view).and_then(|cell| line_of(cell, &inputs));
        let Some(mut line) = line else {
            self.status.refuse("there is nothing of this figure to keep".to_owned());
            return Vec::new();
        };
        if let Some(picture) = inputs.image.as_ref().and_then(ChosenImage::own)
            && let Some(place) = line.iter().position(|word| word == "--image")
        {
            // A notebook reads pictures in its own folder.
            match self.notebook.place_of(picture) {
                Ok(word) => line[place + 1] = word,
                Err(reason) => {
                    self.status.refuse(reason);
                    return Vec::new();
                }
            }
        }
        match self.notebook.record(&Deed::Line(line)) {
            Some(Ok(label)) => {
                self.status.tell(format!("written to the notebook: {label}"));
                self.read_notebook()
            }
            Some(Err(reason)) => {
                self.status.refuse(reason);
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    fn answer(&mut self, answer: Answer) -> Vec<Effect> {
        match answer {
            Answer::Nothing => Vec::new(),
            Answer::Image(image) => self.show_image(image),
            Answer::Picture(path) => vec![Effect::Request(Request::Picture(path))],
            Answer::SaveNotebook(path, over) => self.update(notebook::Message::SaveAs { path, over }),
            Answer::Show(branch, shows) => self.show_branch(branch, shows),
            Answer::Edit(edits, name) => self.edit(edits, name),
            Answer::Request(Request::Change(intent)) => {
                if let Intent::TrainOn { steps, .. } = &intent {
                    self.context.train_on = *steps;
                }
                self.make(intent)
            }
            Answer::Request(request) => vec![Effect::Request(request)],
        }
    }

    /// Does what a figure says.
    pub(crate) fn figure(&mut self, message: figure::Message) -> Vec<Effect> {
        let layers = self.context.layers();
        match self.context.marks.update(message, &layers) {
            figure::Action::None => Vec::new(),
            figure::Action::Marked => {
                self.filters.redraw();
                Vec::new()
            }
            figure::Action::Picked => {
                self.filters.redraw();
                self.inspector.redraw();
                self.follow()
            }
            figure::Action::Follow => self.follow(),
            figure::Action::Go(step) => self.go(Move::To(step)),
            figure::Action::Edit(edits) => self.edit(edits, None),
            figure::Action::InsertLayer(after) => self.open_layer_form(after),
            figure::Action::Preview(edit) => self.update(status::Message::Preview(edit)),
            figure::Action::Menu(view) => {
                let menu = figure_menu::State::new(view, &View::of(view).name(self), self.save_as);
                self.dialog = Some(dialog::State::Menu(menu));
                Vec::new()
            }
            figure::Action::Maximise(panel) => self.update(sizes::Message::Maximise(panel)),
        }
    }

    /// Opens a question.
    fn ask(&mut self, question: Question) -> Vec<Effect> {
        if self.context.selected.is_none() && question.is_of_a_branch() {
            return Vec::new();
        }
        self.dialog = Some(dialog::State::Prompt(prompt::State::of(question, &self.context)));
        vec![Effect::Focus(prompt::FIELD)]
    }

    /// Opens the pad; there is a network to show a drawing to.
    fn open_pad(&mut self) -> Vec<Effect> {
        if self.context.at().is_some() {
            self.dialog = Some(dialog::State::Pad(pad::State::new(&self.context)));
        }
        Vec::new()
    }

    fn open_run_form(&mut self) -> Vec<Effect> {
        let taken: Vec<BranchName> = self.context.branches.iter().map(|branch| branch.name.clone()).collect();
        self.dialog = Some(dialog::State::RunForm(run_form::State::new(&taken, self.last_run.as_ref())));
        vec![Effect::Focus(run_form::Field::Branch.id())]
    }

    fn open_layer_form(&mut self, after: Option<LayerName>) -> Vec<Effect> {
        let form = layer_form::State::new(self.context.layers_in_order(), after);
        self.dialog = Some(dialog::State::LayerForm(form));
        Vec::new()
    }

    /// Asks for every figure that is shown.
    pub(crate) fn follow(&mut self) -> Vec<Effect> {
        if self.context.selected.is_none() {
            return Vec::new();
        }
        if self.context.fit_time() {
            self.redraw();
        }
        self.generation += 1;
        let shown = self.figure_request();
        self.context.cells.show(&shown.cells);
        vec![Effect::Request(Request::Figures(shown))]
    }

    /// Moves the cursor.
    pub(crate) fn go(&mut self, by: Move) -> Vec<Effect> {
        let before = self.context.time;
        self.context.time.go(by);
        if self.context.time == before {
            return Vec::new();
        }
        self.draws_other_steps_than(&before);
        self.inspector.forget_typed();
        self.follow()
    }

    /// Selects a branch.
    pub(crate) fn select(&mut self, name: BranchName) -> Vec<Effect> {
        let context = &mut self.context;
        if context.branch_named(&name).is_none() || context.selected.as_ref() == Some(&name) {
            return Vec::new();
        }
        context.hidden.remove(&name);
        if context.beside.as_ref() == Some(&name) {
            // The two change places.
            context.beside.clone_from(&context.selected);
        }
        let data = |name: &BranchName| context.branch_named(name).and_then(|branch| branch.data);
        if context.selected.as_ref().and_then(data) != data(&name) {
            // Its images are of other classes.
            self.filters.classes.chosen = None;
        }
        context.select(name);
        self.timeline.begin_anew();
        self.inspector.forget_typed();
        self.redraw();
        self.follow()
    }

    fn show_branch(&mut self, name: BranchName, shows: bool) -> Vec<Effect> {
        let hidden = &mut self.context.hidden;
        let _ = if shows { hidden.remove(&name) } else { hidden.insert(name) };
        self.timeline.redraw();
        self.follow()
    }

    fn show_beside(&mut self, other: Option<BranchName>) -> Vec<Effect> {
        let context = &mut self.context;
        context.beside =
            other.filter(|name| Some(name) != context.selected.as_ref() && context.branch_named(name).is_some());
        if let Some(name) = &context.beside {
            context.hidden.remove(name);
        }
        self.redraw();
        self.follow()
    }

    fn toggle_beside(&mut self) -> Vec<Effect> {
        if self.context.branches.len() < 2 {
            self.status.refuse("there is no other branch to compare with: fork one first (f)".to_owned());
        }
        let next = self.context.next_beside();
        self.show_beside(next)
    }

    /// Shows another image; `None` is the first probe image.
    pub(crate) fn show_image(&mut self, image: Option<ChosenImage>) -> Vec<Effect> {
        self.context.chosen_image = image;
        self.follow()
    }

    fn escape(&mut self) -> Vec<Effect> {
        if self.context.notebook && self.notebook.is_typing() && self.dialog.is_none() {
            return self.update(notebook::Message::Leave);
        }
        if matches!(self.dialog, Some(dialog::State::Pad(_))) {
            return self.update(pad::Message::Leave);
        }
        let told = self.status.notice.is_some() || !self.context.changes.refusals().is_empty();
        if self.dialog.is_some() {
            self.dialog = None;
        } else if self.context.alone.is_some() {
            self.context.alone = None;
        } else if self.context.changes.waiting() > 0 {
            self.context.changes.give_up_waiting();
        } else if told || self.inspector.hyper_parameters.is_typed() {
            self.context.changes.forget_refusals();
            self.inspector.forget_typed();
            return self.update(status::Message::Dismiss);
        } else if !self.tree.filter.is_empty() {
            return self.update(tree::Message::Filter(String::new()));
        } else if self.context.marks.picked.is_some() {
            return self.figure(figure::Message::Pick(None));
        } else if self.context.beside.is_some() {
            return self.show_beside(None);
        }
        Vec::new()
    }

    /// Asks for a change: one at a time, the others wait.
    pub(crate) fn make(&mut self, intent: Intent) -> Vec<Effect> {
        let mut effects = self.update(status::Message::Preview(None));
        effects.extend(self.change(Asked::Change(intent)));
        effects
    }

    fn change(&mut self, asked: Asked) -> Vec<Effect> {
        match self.context.changes.ask(asked) {
            Turn::Now(asked) => self.begin_change(asked),
            Turn::Later | Turn::Already => Vec::new(),
            Turn::Refused(reason) => {
                self.status.refuse(reason);
                Vec::new()
            }
        }
    }

    fn begin_change(&mut self, asked: Asked) -> Vec<Effect> {
        match asked {
            Asked::Change(intent) => vec![Effect::Request(Request::Change(intent))],
            Asked::Undo => self.undo(),
        }
    }

    /// Goes on with what waits for its turn.
    pub(crate) fn change_on(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some(asked) = self.context.changes.next() {
            effects.extend(self.begin_change(asked));
        }
        effects
    }

    fn edit(&mut self, edits: Vec<Edit>, name: Option<BranchName>) -> Vec<Effect> {
        let Some(Address { branch, position: Position::Step(step) }) = self.context.at() else { return Vec::new() };
        // A plain fork leaves a running training alone.
        let live = self.context.is_live() && !edits.is_empty();
        self.make(Intent::Fork { branch, step, edits, name, live })
    }

    /// Asks first where another process would be stopped: nobody here can start
    /// it again as it was.
    fn steer(&mut self, command: Command) -> Vec<Effect> {
        let context = &self.context;
        let Some(branch) = context.selected.clone() else { return Vec::new() };
        let is_others = context.branch().is_some_and(|branch| branch.training) && !context.ours.contains(&branch);
        if command == Command::Stop && is_others {
            return self.ask(Question::Stop(branch));
        }
        self.make(Intent::Steer { branch, command })
    }

    fn undo(&mut self) -> Vec<Effect> {
        let Some(undo) = self.status.undo().cloned() else { return Vec::new() };
        if let Undo::Fork { name, parent, step } = &undo {
            let fork = self.context.branch_named(name);
            if fork.is_some_and(|fork| fork.steps.is_some_and(|steps| steps.last > fork.fork_step)) {
                // Steps that were trained since are worth a question.
                let (name, parent, step) = (name.clone(), parent.clone(), *step);
                return self.ask(Question::Unfork { name, parent, step });
            }
        }
        self.status.undone();
        match undo {
            Undo::Select(before) => self.select(before),
            Undo::TakeBack(name) => self.take_back(Intent::TakeBack(name)),
            Undo::Rename { from, to } => self.take_back(Intent::Rename { from: to, to: from }),
            Undo::Fork { name, parent, step } => self.take_back(Intent::Delete { name, then: Some((parent, step)) }),
        }
    }

    fn take_back(&mut self, intent: Intent) -> Vec<Effect> {
        let mut effects = self.update(status::Message::Preview(None));
        self.context.changes.take_back(intent.clone());
        effects.push(Effect::Request(Request::Change(intent)));
        effects
    }

    fn save(&mut self, id: ViewId, path: PathBuf, over: bool) -> Vec<Effect> {
        let view = View::of(id);
        let Some(shown) = self.context.cells.get(id) else { return Vec::new() };
        self.save_as = PictureFormat::of(&path).unwrap_or(self.save_as);
        match view.saves {
            Saves::Nothing => Vec::new(),
            Saves::AsShown => {
                let drawn = shown.drawn.clone();
                self.make(Intent::Save { drawn, path, over })
            }
            Saves::Afresh => {
                let Some(cell) = self.context.cells.cell(id).cloned() else { return Vec::new() };
                let inputs = self.figure_request().inputs();
                self.make(Intent::SaveFresh { view: id, cell, inputs, path, over })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::{branch, listed, opened};
    use crate::store_events::Done;
    use revacnn_notebook::{BranchSummary, Source};
    use revacnn_schemas::Step;

    fn live(ours: &[&str]) -> State {
        let mut state = opened();
        let branches = vec![BranchSummary { training: true, ..branch("main", None, 0, 100) }];
        let ours = ours.iter().map(|name| name.parse().unwrap()).collect();
        let told = crate::store_events::Listed { branches, ours, ..crate::store_events::Listed::default() };
        state.update(Message::Store(StoreEvent::Listed(told)));
        state
    }

    /// A key ended what another process had trained for days.
    #[test]
    fn a_run_of_another_process_is_stopped_only_when_asked_twice_and_one_of_ours_at_once() {
        let stop = || Intent::Steer { branch: "main".parse().unwrap(), command: Command::Stop };
        let mut state = live(&["main"]);
        assert_eq!(state.update(header::Message::Steer(Command::Stop)), [Effect::Request(Request::Change(stop()))]);

        let mut state = live(&[]);
        let asked = state.update(header::Message::Steer(Command::Stop));
        assert!(!asked.iter().any(|effect| matches!(effect, Effect::Request(_))), "{asked:?}");
        assert!(state.prompt().unwrap().consent(&state.context).unwrap().contains("another process"));
        state.update(Message::Escape);
        assert!(state.prompt().is_none() && !state.context.changes.is_running());
        state.update(header::Message::Steer(Command::Stop));
        assert_eq!(state.update(prompt::Message::Enter), [Effect::Request(Request::Change(stop()))]);
        // What can be taken back needs no question.
        let mut state = live(&[]);
        assert!(matches!(
            &state.update(header::Message::Steer(Command::Pause))[..],
            [Effect::Request(Request::Change(_))]
        ));
    }

    #[test]
    fn undo_of_a_fork_without_steps_deletes_it_and_leads_back_to_its_parent() {
        let mut state = opened();
        let (fork, parent): (BranchName, BranchName) = ("main~2".parse().unwrap(), "main".parse().unwrap());
        let undo = Some(Undo::Fork { name: fork.clone(), parent: parent.clone(), step: Step(30) });
        let text = "forked".to_owned();
        state.update(Message::Store(StoreEvent::Done(Done { text, undo, ..Done::default() })));
        let main = branch("main", None, 0, 100);
        state.update(listed(vec![main.clone(), branch("main~2", Some("main"), 30, 30)]));
        let expected = Intent::Delete { name: fork.clone(), then: Some((parent.clone(), Step(30))) };
        assert_eq!(state.update(status::Message::Undo), [Effect::Request(Request::Change(expected))]);
        assert!(state.update(status::Message::Undo).is_empty(), "it is undone once");
        // What is told meanwhile, or read, takes no undo away.
        let text = "forked".to_owned();
        let undo = Some(Undo::Fork { name: fork.clone(), parent: parent.clone(), step: Step(30) });
        state.update(Message::Store(StoreEvent::Done(Done { text, undo, ..Done::default() })));
        state.status.tell("copied".to_owned());
        state.update(status::Message::Dismiss);
        assert!(matches!(state.status.undo(), Some(Undo::Fork { .. })), "{:?}", state.status.undo());
        // What undid it can be undone.
        let undo = Some(Undo::TakeBack(fork.clone()));
        state.update(Message::Store(StoreEvent::Done(Done { undo, ..Done::default() })));
        assert_eq!(state.update(status::Message::Undo), [Effect::Request(Request::Change(Intent::TakeBack(fork)))]);
    }

    /// A saved embedding was that of the steps that one had come by.
    #[test]
    fn an_embedding_is_made_afresh_when_it_is_saved() {
        let mut state = opened();
        state.update(figure::Message::Layer("conv1".parse().unwrap()));
        let figures = vec![(ViewId::EMBEDDING, crate::cells::Prepared::of(Err("none".to_owned())))];
        let (generation, step) = (state.generation, state.context.time.cursor);
        state.update(Message::Store(StoreEvent::Figures { generation, step, figures, row: None }));
        state.update(figure::Message::Menu(ViewId::EMBEDDING));
        let asked = state.update(figure_menu::Message::Save);
        let [Effect::Request(Request::Change(Intent::SaveFresh { view: ViewId::EMBEDDING, inputs, path, .. }))] =
            &asked[..]
        else {
            panic!("a fresh embedding, not {asked:?}")
        };
        assert_eq!((inputs.cursor, path.to_str()), (Step(100), Some("embedding-main-100.svg")));
    }

    #[test]
    fn a_query_about_the_network_beside_is_of_its_branch() {
        let mut state = opened();
        state.update(tree::Message::Beside(Some("wider".parse().unwrap())));
        state.update(timeline::Message::Go(Move::To(Step(60))));
        for (view, branch) in [(ViewId::NETWORK, "main"), (ViewId::OTHER_NETWORK, "wider")] {
            let query = View::query_of(view, &state).unwrap();
            assert!(query.contains(&format!("branch = '{branch}' AND step = 60")), "{query}");
        }
    }

    #[test]
    fn a_query_reads_the_table_of_what_is_shown() {
        let mut state = opened();
        state.update(figure::Message::Layer("conv1".parse().unwrap()));
        state.update(network::Message::ImageBy(17));
        for (of, table, image) in [
            (Source::Weights, "weights", ""),
            (Source::Gradients, "gradients", ""),
            (Source::Activations, "activations", " AND image = 17"),
            (Source::ActivationGradients, "activation_gradients", " AND image = 17"),
        ] {
            state.update(filters::Message::Of(of));
            let expected = format!(
                "SELECT filter, \"values\" FROM {table} WHERE branch = 'main' AND step = 100 AND layer = 'conv1'{image} \
                 ORDER BY filter"
            );
            assert_eq!(View::query_of(ViewId::FILTERS, &state), Some(expected));
        }
    }
}
