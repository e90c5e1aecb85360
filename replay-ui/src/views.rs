//! What the window can show, an entry a view: its cell, what `revacnn query`
//! answers it with, and how it is saved. A new view is one entry of [`VIEWS`];
//! a component draws its figure.

use revacnn_notebook::kinds::{
    Chart, Compare, Embedding, Filter, Filters, ImageEmbedding, Network, Saliency, Start, Traced,
};
use revacnn_notebook::look::in_words;
use revacnn_notebook::{ACCURACY, Cell, ChosenImage, ImageSplit, Matching, XAxis};
use revacnn_schemas::{Address, LayerName, Position, SCALARS, Scale};

use crate::cells::{Pace, ViewId};
use crate::components::figure_menu::Entry;
use crate::components::filters::Mode;
use crate::components::loss::{self, Shows};
use crate::requests::FigureRequest;
use crate::state::State;
use crate::time::Align;

/// So many images are placed in a plane: as many as follow the cursor.
const IMAGES: u32 = 500;

/// What a view's menu saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Saves {
    /// It has no menu.
    Nothing,
    /// The figure as it is shown.
    AsShown,
    /// A figure of its cell alone: what is shown may still depend on what was
    /// shown before.
    Afresh,
}

/// Something that the window can show.
pub(crate) struct View {
    pub(crate) id: ViewId,
    /// Which thread makes its figure.
    pub(crate) pace: Pace,
    pub(crate) saves: Saves,
    /// Its cell, while it is shown.
    pub(crate) cell: fn(&State) -> Option<Cell>,
    /// The branch and the step that it is of.
    pub(crate) at: fn(&State) -> Option<Address>,
    /// What `revacnn query` answers it with.
    pub(crate) query: fn(&State, &Address) -> Option<String>,
    /// Drops what is kept of its drawing when its figure has changed.
    pub(crate) redraw: fn(&State),
}

/// All of them, in the order in which their figures are made and their menus
/// follow one another.
pub(crate) static VIEWS: &[View] = &[
    View {
        id: ViewId::NETWORK,
        pace: Pace::Quick,
        saves: Saves::AsShown,
        cell: |state| Some(network(state, state.context.at()?)),
        at: here,
        query: query_network,
        redraw: |_| {},
    },
    View {
        id: ViewId::OTHER_NETWORK,
        pace: Pace::Quick,
        saves: Saves::AsShown,
        cell: |state| Some(network(state, beside(state)?)),
        at: beside,
        query: query_network,
        redraw: |_| {},
    },
    View {
        id: ViewId::FILTER,
        pace: Pace::Quick,
        saves: Saves::AsShown,
        cell: |state| filter(state, state.context.at()?),
        at: here,
        query: query_filter,
        redraw: |_| {},
    },
    View {
        id: ViewId::OTHER_FILTER,
        pace: Pace::Quick,
        saves: Saves::AsShown,
        cell: |state| filter(state, beside(state)?),
        at: beside,
        query: query_filter,
        redraw: |_| {},
    },
    View {
        id: ViewId::LOSS,
        pace: Pace::Curves,
        saves: Saves::AsShown,
        cell: |state| Some(state.loss.cell(&state.context.time)),
        at: here,
        query: |state, _| Some(query_chart(state)),
        redraw: |state| {
            state.loss.redraw();
            state.timeline.redraw();
        },
    },
    View {
        id: ViewId::TIMELINE,
        pace: Pace::Curves,
        saves: Saves::Nothing,
        cell: |state| Some(lanes(state)).filter(|lanes| *lanes != state.loss.cell(&state.context.time)),
        at: here,
        query: |_, _| None,
        redraw: |state| state.timeline.redraw(),
    },
    View {
        id: ViewId::HISTORY,
        pace: Pace::Curves,
        saves: Saves::AsShown,
        cell: history,
        at: here,
        query: query_history,
        redraw: |state| state.inspector.redraw(),
    },
    View {
        id: ViewId::FILTERS,
        pace: Pace::Slow,
        saves: Saves::AsShown,
        cell: |state| {
            let shown = matches!(state.filters.mode, Mode::Filters | Mode::Images(_));
            let layer = state.context.marks.layer.clone().filter(|_| shown)?;
            Some(Filters { at: together(state), layer, of: state.filters.of }.into())
        },
        at: here,
        query: query_filters,
        redraw: |state| state.filters.redraw(),
    },
    View {
        id: ViewId::EMBEDDING,
        pace: Pace::Slow,
        saves: Saves::Afresh,
        cell: |state| {
            let layer = state.context.marks.layer.clone().filter(|_| state.filters.mode == Mode::Filters)?;
            let (of, method) = (state.filters.of, state.filters.method);
            let (at, start) = (together(state), Start::Fresh);
            Some(Embedding { at, layer, of, method, perplexity: None, seed: 0, start }.into())
        },
        at: here,
        query: query_filters,
        redraw: |_| {},
    },
    View {
        id: ViewId::IMAGES,
        pace: Pace::Slow,
        saves: Saves::AsShown,
        cell: |state| {
            let (layer, reference) = (state.context.marks.layer.clone()?, state.filters.reference()?.clone());
            let (at, method) = (together(state), state.filters.method);
            let (of, count) = (ImageSplit::Validation, IMAGES);
            let reference = Some(reference);
            Some(ImageEmbedding { at, reference, layer, of, count, method, perplexity: None, seed: 0 }.into())
        },
        at: here,
        query: |_, _| None,
        redraw: |state| state.filters.redraw_images(),
    },
    View {
        id: ViewId::CONFUSION,
        pace: Pace::Slow,
        saves: Saves::AsShown,
        cell: |state| classes_at(state).map(|at| state.filters.classes.confusion(at, beside(state))),
        at: here,
        query: |state, at| {
            let of_validation = state.filters.classes.of == ImageSplit::Validation;
            let branch = &at.branch;
            of_validation.then(|| {
                format!(
                    "SELECT step, images, correct, confusion FROM validation WHERE branch = '{branch}' ORDER BY step"
                )
            })
        },
        redraw: |state| state.filters.classes.redraw_matrix(),
    },
    View {
        id: ViewId::PREDICTIONS,
        pace: Pace::Slow,
        saves: Saves::AsShown,
        cell: |state| classes_at(state).map(|at| state.filters.classes.images(at)),
        at: here,
        query: |_, _| None,
        redraw: |state| state.filters.classes.redraw_sheet(),
    },
    View {
        id: ViewId::SEEN,
        pace: Pace::Slow,
        saves: Saves::AsShown,
        cell: |state| seen(state, state.context.at()?),
        at: here,
        query: |_, _| None,
        redraw: |state| state.filters.seen.redraw(),
    },
    View {
        id: ViewId::OTHER_SEEN,
        pace: Pace::Slow,
        saves: Saves::AsShown,
        cell: |state| seen(state, beside(state)?),
        at: beside,
        query: |_, _| None,
        redraw: |state| state.filters.seen.redraw_other(),
    },
    View {
        id: ViewId::SALIENCY,
        pace: Pace::Slow,
        saves: Saves::AsShown,
        cell: |state| {
            let at = state.context.at().filter(|_| state.filters.mode == Mode::Seen)?;
            Some(Saliency { at: Some(at), of: ImageSplit::Train, class: None }.into())
        },
        at: here,
        query: |_, _| None,
        redraw: |state| state.filters.seen.redraw_saliency(),
    },
    View {
        id: ViewId::HISTOGRAMS,
        pace: Pace::Slow,
        saves: Saves::AsShown,
        cell: |state| {
            let layer = state.context.marks.layer.clone().filter(|_| state.filters.mode == Mode::Histograms)?;
            Some(state.filters.histograms.cell(layer))
        },
        at: here,
        query: |_, _| None,
        redraw: |state| state.filters.histograms.redraw(),
    },
    View {
        id: ViewId::DIFFERENCES,
        pace: Pace::Slow,
        saves: Saves::AsShown,
        cell: |state| {
            let at = vec![state.context.at()?, beside(state)?];
            Some(Compare { at, matching: Matching::Identity }.into())
        },
        at: here,
        query: |state, at| {
            Some(format!(
                "SELECT a.step, b.loss - a.loss AS difference FROM steps a JOIN steps b ON a.step = b.step \
                 WHERE a.branch = '{}' AND b.branch = '{}' ORDER BY a.step",
                at.branch,
                state.context.beside.as_ref()?
            ))
        },
        redraw: |_| {},
    },
];

impl State {
    /// Everything that the window shows.
    pub(crate) fn figure_request(&self) -> FigureRequest {
        let context = &self.context;
        let Some(at) = context.at() else {
            return FigureRequest { generation: self.generation, ..FigureRequest::default() };
        };
        FigureRequest {
            generation: self.generation,
            step: context.time.cursor,
            at: Some(at),
            branches: context.readable(),
            image: context.chosen_image.clone(),
            cells: View::cells(self),
            glides: !context.reduced_motion,
        }
    }
}

impl View {
    /// A view by its name.
    pub(crate) fn of(id: ViewId) -> &'static Self {
        VIEWS.iter().find(|view| view.id == id).expect("invariant: every name is that of an entry")
    }

    /// The cells that are shown.
    pub(crate) fn cells(state: &State) -> Vec<(ViewId, Cell)> {
        if state.context.at().is_none() {
            return Vec::new();
        }
        VIEWS.iter().filter_map(|view| Some((view.id, (view.cell)(state)?))).collect()
    }

    /// The figures that have a menu, in order.
    pub(crate) fn menus(state: &State) -> Vec<Entry> {
        let has_figure = |view: &&Self| state.context.cells.drawn().any(|drawn| drawn == view.id);
        let with_menu = VIEWS.iter().filter(|view| view.saves != Saves::Nothing).filter(has_figure);
        let entry = |view: &Self| Entry {
            view: view.id,
            title: view.title(state),
            name: view.name(state),
            has_query: Self::query_of(view.id, state).is_some(),
        };
        with_menu.map(entry).collect()
    }

    /// What its figure shows: of a chart, the quantity.
    fn title(&self, state: &State) -> String {
        match self.id {
            ViewId::LOSS => state.loss.shows.to_string(),
            ViewId::HISTORY => {
                let history = &state.inspector.history;
                let of_branch = || in_words(history.of_branch().unwrap_or(self.id.0));
                let picked = state.context.marks.picked.as_ref();
                picked.map_or_else(of_branch, |(layer, filter)| {
                    format!("{layer}/{}: {}", filter.number, history.of_filter_in_words())
                })
            }
            id => id.0.to_owned(),
        }
    }

    /// What its figure is called, as part of a file's name.
    pub(crate) fn name(&self, state: &State) -> String {
        let at = (self.at)(state).map(|at| format!("-{at}")).unwrap_or_default();
        let whole = self.title(state) + &at;
        let parts = whole.split(|letter: char| !letter.is_alphanumeric() && !"._~".contains(letter));
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
    }

    /// What `revacnn query` answers a view with.
    pub(crate) fn query_of(id: ViewId, state: &State) -> Option<String> {
        let view = Self::of(id);
        (view.query)(state, &(view.at)(state)?)
    }
}

fn here(state: &State) -> Option<Address> {
    state.context.at()
}

fn beside(state: &State) -> Option<Address> {
    state.context.at_beside()
}

/// The step whose classes are shown, while they are.
fn classes_at(state: &State) -> Option<Address> {
    state.context.at().filter(|_| state.filters.mode == Mode::Classes)
}

/// What excites the filters of the layer at a step, or the chosen one, while that is shown.
fn seen(state: &State, at: Address) -> Option<Cell> {
    let marks = &state.context.marks;
    let layer = marks.layer.clone().filter(|_| state.filters.mode == Mode::Seen)?;
    let picked = marks.picked.as_ref().filter(|(of, _)| *of == layer).map(|(_, filter)| filter.number);
    Some(state.filters.seen.cell(at, layer, picked))
}

/// The branches whose filters are shown together, at the cursor.
fn together(state: &State) -> Vec<Address> {
    let context = &state.context;
    context.together().0.into_iter().map(|branch| context.address_of(branch)).collect()
}

/// A network, with the chain of the chosen filter.
fn network(state: &State, at: Address) -> Cell {
    let picked = state.context.marks.picked.clone();
    let trace = picked.map(|(layer, filter)| Traced { layer, filter: filter.number, born: filter.born });
    Network { at: Some(at), show: state.network.nodes, trace }.into()
}

fn filter(state: &State, at: Address) -> Option<Cell> {
    let (layer, filter) = state.context.marks.picked.clone()?;
    Some(Filter { at: Some(at), layer, filter: filter.number, born: filter.born }.into())
}

/// A number of the chosen filter, else of the branch.
fn history(state: &State) -> Option<Cell> {
    let history = &state.inspector.history;
    let (quantity, layer, filter) = match &state.context.marks.picked {
        Some((layer, filter)) => (history.of_filter(), Some(layer.clone()), Some(filter.number)),
        None => (history.of_branch()?, None, None),
    };
    let (quantity, x, scale) = (quantity.to_owned(), XAxis::Step, Scale::Linear);
    Some(Chart { quantity, layer, filter, x, scale, ..Chart::default() }.into())
}

fn query_history(state: &State, at: &Address) -> Option<String> {
    let (history, branch) = (&state.inspector.history, &at.branch);
    let Some((layer, filter)) = &state.context.marks.picked else {
        let quantity = history.of_branch()?;
        let (table, column) = table_of(quantity);
        return Some(format!("SELECT step, {column} FROM {table} WHERE branch = '{branch}' ORDER BY step"));
    };
    Some(format!(
        "SELECT step, {} FROM filters WHERE branch = '{branch}' AND layer = '{layer}' AND filter = {} ORDER BY step",
        history.of_filter(),
        filter.number
    ))
}

/// The losses of the timeline's lanes.
fn lanes(state: &State) -> Cell {
    loss::State::lanes(&state.context.time, state.context.align == Align::Step)
}

/// The view whose figure has the losses of the timeline's lanes: the chart, where it shows
/// the same.
pub(crate) fn lanes_of(state: &State) -> ViewId {
    if lanes(state) == state.loss.cell(&state.context.time) { ViewId::LOSS } else { ViewId::TIMELINE }
}

fn query_chart(state: &State) -> String {
    let names: Vec<String> = state.context.shown_branches().iter().map(|name| format!("'{name}'")).collect();
    let branches = names.join(", ");
    match &state.loss.shows {
        Shows::Number { quantity, layer: Some(layer) } => format!(
            "SELECT branch, step, AVG({quantity}) AS {quantity} FROM filters WHERE branch IN ({branches}) \
             AND layer = '{layer}' GROUP BY branch, step ORDER BY branch, step"
        ),
        Shows::Number { quantity, layer: None } => {
            let (table, column) = table_of(quantity);
            format!("SELECT branch, step, {column} FROM {table} WHERE branch IN ({branches}) ORDER BY branch, step")
        }
        Shows::Loss => format!(
            "SELECT branch, step, loss FROM steps WHERE branch IN ({branches}) AND step > 0 ORDER BY branch, step"
        ),
    }
}

/// Where a number of the whole network is found.
fn table_of(quantity: &str) -> (&'static str, &str) {
    match quantity.strip_prefix("validation_") {
        Some(of_validation) => ("validation", of_validation),
        None if quantity == ACCURACY => ("steps", "live_accuracy"),
        None if SCALARS.iter().any(|column| column.name == quantity) => ("steps", quantity),
        None => ("steps", "hyper_parameters"),
    }
}

fn query_network(_: &State, at: &Address) -> Option<String> {
    let Address { branch, position: Position::Step(step) } = at else { return None };
    Some(format!(
        "SELECT layer, filter, mean_abs_gradient, activation_sum, weight_norm FROM filters \
         WHERE branch = '{branch}' AND step = {step} ORDER BY layer, filter"
    ))
}

fn rows_of(at: &Address, layer: &LayerName) -> Option<String> {
    let Address { branch, position: Position::Step(step) } = at else { return None };
    Some(format!("branch = '{branch}' AND step = {step} AND layer = '{layer}'"))
}

fn query_filter(state: &State, at: &Address) -> Option<String> {
    let (layer, filter) = state.context.marks.picked.as_ref()?;
    let rows = rows_of(at, layer)?;
    Some(format!("SELECT bias, \"values\" FROM weights WHERE {rows} AND filter = {}", filter.number))
}

fn query_filters(state: &State, at: &Address) -> Option<String> {
    let of = state.filters.of;
    let table = of.to_string().replace(' ', "_");
    let of_image = match state.context.image().filter(|_| of.is_of_image()) {
        Some(ChosenImage::Training(image)) => format!(" AND image = {image}"),
        // Of a picture of one's own nothing is recorded.
        Some(ChosenImage::Own(_)) => return None,
        None => String::new(),
    };
    let rows = rows_of(at, state.context.marks.layer.as_ref()?)?;
    Some(format!("SELECT filter, \"values\" FROM {table} WHERE {rows}{of_image} ORDER BY filter"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_that_of_one_entry() {
        for view in VIEWS {
            assert!(std::ptr::eq(View::of(view.id), view), "{:?}", view.id);
        }
    }
}
