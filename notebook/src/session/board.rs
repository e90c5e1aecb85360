//! The figures of a notebook's views, made again where a change reaches them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use revacnn_schemas::{BranchId, BranchName, Figure};
use revacnn_store::StepSpan;

use crate::command::{CommandError, Lookup};
use crate::context::Watch;
use crate::graph::Ran;
use crate::plan::{Pictures, Plan};
use crate::program::{Filled, Program};
use crate::{Graph, Hues, Inputs, NotebookError, Sources};

/// The name of the one cell of each view's graph.
const CELL: &str = "view";

/// A view, and its figure.
#[derive(Debug)]
struct Shown {
    /// What it says at the values that hold.
    filled: Result<Filled, String>,
    graph: Option<Graph>,
    /// Why it has no cell.
    reason: Option<String>,
}

/// The figures of views.
#[derive(Debug, Default)]
pub struct Board {
    views: Vec<Shown>,
    ids: BTreeMap<BranchName, BranchId>,
    members: BTreeMap<BranchName, Vec<BranchName>>,
    spans: BTreeMap<BranchName, StepSpan>,
    /// Set once something is planned.
    pictures: Option<Pictures>,
}

impl Board {
    /// Knows which branches of the store are the notebook's, and how far they go.
    pub fn plan(&mut self, program: &Program, plan: &Plan, sources: &mut Sources) {
        let named = plan.histories(program);
        sources.set_names(named.clone(), Hues::OfStore);
        self.ids = named.into_iter().filter_map(|(name, history)| Some((name, history?.id))).collect();
        self.pictures = Some(plan.pictures());
        let families = program.trainings.iter().filter_map(|training| training.family.clone());
        let member = |place: usize| program.trainings[place].name.clone();
        self.members = families
            .map(|family| (family.clone(), program.members(family.as_str()).into_iter().map(member).collect()))
            .collect();
        let span = |name: &BranchName| Some((name.clone(), sources.lineage(name).ok()?.steps()?));
        self.spans = self.ids.keys().cloned().collect::<Vec<_>>().iter().filter_map(span).collect();
        // What had no cell may have one now.
        self.views.iter_mut().filter(|shown| shown.graph.is_none()).for_each(|shown| shown.filled = Err(String::new()));
    }

    /// The steps of the branches that are there.
    pub fn spans(&self) -> &BTreeMap<BranchName, StepSpan> {
        &self.spans
    }

    /// Shows the views at some values; a view that says what it said keeps its figure.
    pub fn show(&mut self, program: &Program, values: &BTreeMap<String, String>, sources: &Sources) {
        let mut before: Vec<Option<Shown>> = std::mem::take(&mut self.views).into_iter().map(Some).collect();
        for (place, view) in program.views.iter().enumerate() {
            let lacks = view.uses.iter().find(|name| !values.contains_key(*name));
            let filled = match lacks {
                Some(name) => Err(format!("`${name}` has no value yet")),
                None => program
                    .filled(view, values, &|branch| self.spans.get(branch).copied())
                    .map_err(|miswritten| miswritten.message),
            };
            let same = |shown: &Option<Shown>| shown.as_ref().is_some_and(|shown| shown.filled == filled);
            let kept = match before.get(place).is_some_and(same) {
                true => before[place].take(),
                false => before.iter_mut().find(|shown| same(shown)).and_then(Option::take),
            };
            self.views.push(kept.unwrap_or_else(|| self.shown(filled, sources)));
        }
    }

    fn shown(&self, filled: Result<Filled, String>, sources: &Sources) -> Shown {
        let store = sources.store();
        let record = |name: &BranchName| match self.ids.get(name) {
            Some(id) => Ok(store.branch_by_id(id)?),
            None => Err(CommandError::Value(NotebookError::Untrained { branch: name.clone() }.to_string())),
        };
        let members = |family: &BranchName| Ok(self.members.get(family).cloned().unwrap_or_default());
        let picture = |path: &Path| match &self.pictures {
            Some(pictures) => pictures.read(path),
            None => Err(CommandError::Value("the notebook is not planned yet".to_owned())),
        };
        let cell = match &filled {
            Ok(filled) => {
                let lookup = Lookup { record: &record, members: &members, picture: &picture };
                filled.cell(lookup).map_err(|error| error.to_string())
            }
            Err(reason) => Err(reason.clone()),
        };
        match cell {
            Ok((cell, inputs)) => {
                let mut graph = Graph::new(inputs);
                graph.set_cell(CELL, cell);
                Shown { filled, graph: Some(graph), reason: None }
            }
            Err(reason) => Shown { filled, graph: None, reason: Some(reason) },
        }
    }

    /// Compares what views have read with what is in the store now, after a look at it.
    pub fn log_changed(&mut self, sources: &mut Sources) {
        self.views.iter_mut().filter_map(|shown| shown.graph.as_mut()).for_each(|graph| graph.log_changed(sources));
    }

    /// Makes the next figure that a change has reached, of these views in their order;
    /// `None` where all are as they should be, or `watch` gave up.
    pub fn next(&mut self, order: &[usize], sources: &mut Sources, watch: &mut dyn Watch) -> Option<usize> {
        for place in order {
            let Some(graph) = self.views.get_mut(*place).and_then(|shown| shown.graph.as_mut()) else { continue };
            if !graph.is_stale(CELL) {
                continue;
            }
            let mut done = Ran::default();
            return graph.run_one(sources, watch, &mut done).then_some(*place);
        }
        None
    }

    /// A view's figure, or why there is none; `None` while it is still to be made.
    pub fn figure(&self, view: usize) -> Option<Result<Arc<Figure>, String>> {
        let shown = self.views.get(view)?;
        if let Some(reason) = &shown.reason {
            return Some(Err(reason.clone()));
        }
        let made = shown.graph.as_ref()?.figure(CELL)?;
        Some(made.map(Arc::clone).map_err(ToString::to_string))
    }

    /// What a view is given besides its words.
    pub fn inputs(&self, view: usize) -> Option<&Inputs> {
        Some(self.views.get(view)?.graph.as_ref()?.inputs())
    }
}
