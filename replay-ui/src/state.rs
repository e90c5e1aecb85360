//! The root of the window: what its components share, the components, and where
//! it begins. [`update`](crate::update) changes it, [`view`](crate::view) draws
//! it; nothing here reads the store.

use revacnn_notebook::PictureFormat;
use revacnn_schemas::{BranchName, FilterIdentity, FilterNumber, LayerName};

use crate::ViewOptions;
use crate::cells::ViewId;
use crate::components::{dialog, filters, header, inspector, loss, network, notebook, status, timeline, tree};
#[cfg(test)]
use crate::components::{layer_form, prompt, run_form};
use crate::context::Context;
use crate::figure::FilterKey;
use crate::requests::RunPlan;
use crate::store_events::Goal;

/// The window.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) context: Context,
    pub(crate) header: header::State,
    pub(crate) tree: tree::State,
    pub(crate) loss: loss::State,
    pub(crate) network: network::State,
    pub(crate) filters: filters::State,
    pub(crate) inspector: inspector::State,
    pub(crate) timeline: timeline::State,
    pub(crate) status: status::State,
    pub(crate) notebook: notebook::State,
    /// What was trained last from here.
    pub(crate) last_run: Option<RunPlan>,
    /// As what figures were last saved.
    pub(crate) save_as: PictureFormat,
    /// What is open above the window.
    pub(crate) dialog: Option<dialog::State>,
    /// Counts what was asked to be shown.
    pub(crate) generation: u64,
    /// What is still to be done.
    pub(crate) start: Start,
}

/// What is done as soon as it can be.
#[derive(Debug, Default)]
pub(crate) struct Start {
    /// Where to go once the branch is known and has steps.
    pub(crate) at: Option<(BranchName, Goal)>,
    /// What to show beside once it is known.
    pub(crate) beside: Option<BranchName>,
    /// What to choose once the network is shown.
    pub(crate) filter: Option<(LayerName, FilterNumber)>,
}

impl State {
    /// A window whose store is still being opened.
    pub(crate) fn new(options: &ViewOptions) -> Self {
        let (notebook, problem) = match notebook::State::open(options.notebook.as_deref(), &options.store) {
            Ok(notebook) => (notebook, None),
            Err(reason) => (notebook::State::empty(&options.store), Some(reason)),
        };
        let mut state = Self {
            context: Context::new(options),
            header: header::State::default(),
            tree: tree::State::default(),
            loss: loss::State::default(),
            network: network::State::default(),
            filters: filters::State::default(),
            inspector: inspector::State::new(),
            timeline: timeline::State::new(),
            status: status::State::default(),
            notebook,
            last_run: None,
            save_as: PictureFormat::Svg,
            dialog: None,
            generation: 0,
            start: Start {
                at: options.address.clone().map(|address| (address.branch, Goal::At(address.position))),
                beside: options.beside.clone(),
                filter: options.filter.clone(),
            },
        };
        if let Some(reason) = problem {
            state.status.refuse(reason);
        }
        state
    }

    /// Draws everything anew.
    pub(crate) fn redraw(&self) {
        self.loss.redraw();
        self.filters.redraw();
        self.filters.redraw_images();
        self.inspector.redraw();
        self.timeline.redraw();
    }

    /// The filter that many places after the chosen one; the first of the
    /// embedded layer where none is chosen.
    pub(crate) fn filter_after(&self, places: isize) -> Option<FilterKey> {
        let Some(Ok(diagram)) = self.context.cells.network(ViewId::NETWORK) else { return None };
        let marks = &self.context.marks;
        let all: Vec<(&LayerName, &FilterIdentity)> = diagram
            .columns
            .iter()
            .flat_map(|column| column.nodes.iter().map(move |node| (&column.layer, &node.filter)))
            .collect();
        let chosen = marks.picked.as_ref();
        let here =
            all.iter().position(|(layer, filter)| chosen.is_some_and(|key| key.0 == **layer && key.1 == **filter));
        let in_layer = all.iter().position(|(layer, _)| Some(*layer) == marks.layer.as_ref());
        let there = match here {
            Some(here) => here.saturating_add_signed(places).min(all.len().saturating_sub(1)),
            None => in_layer.unwrap_or(0),
        };
        all.get(there).map(|(layer, filter)| ((*layer).clone(), (*filter).clone()))
    }

    /// The open question.
    #[cfg(test)]
    pub(crate) fn prompt(&self) -> Option<&prompt::State> {
        match &self.dialog {
            Some(dialog::State::Prompt(prompt)) => Some(prompt),
            _ => None,
        }
    }

    /// The open form of a new run.
    #[cfg(test)]
    pub(crate) fn form(&self) -> Option<&run_form::State> {
        match &self.dialog {
            Some(dialog::State::RunForm(form)) => Some(form),
            _ => None,
        }
    }

    /// The open form of a new layer.
    #[cfg(test)]
    pub(crate) fn layer_form(&self) -> Option<&layer_form::State> {
        match &self.dialog {
            Some(dialog::State::LayerForm(form)) => Some(form),
            _ => None,
        }
    }

    /// The figure whose menu is open.
    #[cfg(test)]
    pub(crate) fn menu(&self) -> Option<ViewId> {
        match &self.dialog {
            Some(dialog::State::Menu(menu)) => Some(menu.view),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
