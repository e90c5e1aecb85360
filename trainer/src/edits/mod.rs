//! Structural edits: what a fork trains, from what its parent trained.
//!
//! | file | concept |
//! |---|---|
//! | `draft` | the branch that an edit works on, layer by layer |
//! | `outcome` | what comes of edits |
//! | `channels` | the layers that a filter's channel is of, and those that read it |
//! | `place` | places among the channels of a layer |
//! | `arrays` | filters and channels come into and go out of a layer's arrays |
//! | `draws` | every random draw of an edit |
//! | `filters` | add, remove and duplicate filters |
//! | `grow` | how filters join the layers that their channels are of, and what reads them |
//! | `gradmax` | filters that get the largest gradient |
//! | `coefficients` | reinitialise, set, load, freeze and unfreeze |
//! | `structure` | insert and remove layers, change activations; layers that pass their input on |
//! | `settings` | hyper-parameters |
//! | `images` | training images that are left out, their labels and weights |
//! | `preservation` | how far an edit changed what the network computes |
//!
//! Whatever an edit does not name keeps its bits: coefficients, optimizer
//! slots, running statistics, frozen filters, the data cursor and the memory
//! of the live accuracy. What is new has slots of zeros.
//!
//! # Adding an edit
//! Add a variant to `revacnn_schemas::Change` and its form to the grammar,
//! write what it does to a `Draft` in the file of its
//! concept, and name it in `apply`.

mod arrays;
mod channels;
mod coefficients;
mod draft;
mod draws;
mod filters;
mod gradmax;
mod grow;
mod images;
mod outcome;
mod place;
mod preservation;
mod settings;
mod structure;

use revacnn_schemas::{Change, Edit, RunDefinition, Setting, Step};

use crate::{Trainer, TrainerError, optimizers};
use draft::Draft;
use outcome::{Done, Refusal, Source};

pub use images::of_dataset;
pub use outcome::{Edited, Effect, Preservation};

/// Whether the edits of a recorded fork are what these edits become, asked of a
/// branch with this definition at this step.
///
/// It is told by what was written, without the parent's state: what an edit leaves
/// out is its default, and the coefficients that a search found belong to it. What is asked
/// of images is as [`of_dataset`] has it.
pub fn were_asked(recorded: &[Edit], asked: &[Edit], parent: &RunDefinition, step: Step) -> bool {
    let alike = |(index, (recorded, asked)): (usize, (&Edit, &Edit))| {
        let seed = asked.seed.unwrap_or_else(|| draws::default_seed(parent, step, index));
        recorded.seed == Some(seed) && is_change_asked(&recorded.change, &asked.change)
    };
    recorded.len() == asked.len() && recorded.iter().zip(asked).enumerate().all(alike)
}

fn is_change_asked(recorded: &Change, asked: &Change) -> bool {
    match (recorded, asked) {
        (
            Change::AddFilter { layer, count, init, .. },
            Change::AddFilter { layer: its_layer, count: its_count, init: its_init, coefficients: None },
        ) => (layer, count, init) == (its_layer, its_count, its_init),
        (
            Change::SetWeights { layer, filter, values, shape: _, bias },
            Change::SetWeights { layer: its_layer, filter: its_filter, values: its_values, shape: _, bias: its_bias },
        ) => (layer, filter, values, bias) == (its_layer, its_filter, its_values, its_bias),
        (Change::Set(Setting::Optimizer(recorded)), Change::Set(Setting::Optimizer(asked))) => {
            optimizers::resolve_optimizer(asked)
                .is_ok_and(|resolved| optimizers::to_record(asked, &resolved) == *recorded)
        }
        (recorded, asked) => recorded == asked,
    }
}

impl Trainer {
    /// What a fork at this step with these edits trains. The edits are made in
    /// order; this trainer stays as it is.
    ///
    /// The fork's trainer is [`Trainer::of_branch`] of the definition and the
    /// topology, [restored](Trainer::restore) to the state.
    ///
    /// # Errors
    /// [`TrainerError::Edit`] with the edit as it is written, what was
    /// expected and what was found; the layer's or optimizer's own error where
    /// it cannot be built as the edit wants it.
    ///
    /// # Determinism
    /// A function of definition, topology, state and edits: neither threads
    /// nor instructions change a bit. A draw is keyed by the edit's seed, the
    /// layer and the filters' numbers, not by how many others there are.
    pub fn edited(&self, edits: &[Edit]) -> Result<Edited, TrainerError> {
        self.edit(edits, Source::Asked)
    }

    /// What a fork that was recorded at this step with these edits began with.
    ///
    /// An edit whose search found coefficients holds them; one of a fork that
    /// was made before they were kept searches as it did then, and what an edit
    /// leaves out has the default of its time.
    ///
    /// # Errors
    /// As [`edited`](Self::edited).
    ///
    /// # Determinism
    /// As [`edited`](Self::edited): the bits are those of the fork.
    pub fn edited_as_recorded(&self, edits: &[Edit]) -> Result<Edited, TrainerError> {
        self.edit(&as_meant(edits), Source::Recorded)
    }

    fn edit(&self, edits: &[Edit], source: Source) -> Result<Edited, TrainerError> {
        let mut draft = Draft::of(self)?;
        let mut recorded = Vec::with_capacity(edits.len());
        let mut effects = Vec::with_capacity(edits.len());
        for (index, edit) in edits.iter().enumerate() {
            let seed = edit.seed.unwrap_or_else(|| draws::default_seed(self.definition(), self.position(), index));
            let named = |refusal| match refusal {
                Refusal::Reason(reason) => TrainerError::Edit { edit: edit.to_string(), reason },
                Refusal::Error(error) => error,
            };
            let before = draft.clone();
            let done = apply(self, &mut draft, &edit.change, seed, source).map_err(named)?;
            let preserves = done.measured.then(|| preservation::measure(self, &before, &draft)).transpose()?;
            effects.push(Effect { summary: done.summary, preserves });
            let change = done.recorded.unwrap_or_else(|| to_record(&edit.change, &draft.definition));
            recorded.push(Edit { seed: Some(seed), change });
        }
        Ok(Edited {
            edits: recorded,
            state: draft.state(),
            definition: draft.definition,
            topology: draft.topology,
            effects,
        })
    }
}

/// The edits of a recorded branch, as they were meant by the program that made
/// them: what they leave out has the default of that time.
fn as_meant(edits: &[Edit]) -> Vec<Edit> {
    let meant = |change: &Change| match change {
        Change::Set(Setting::Optimizer(spec)) => Change::Set(Setting::Optimizer(optimizers::as_recorded(spec))),
        other => other.clone(),
    };
    edits.iter().map(|edit| Edit { change: meant(&edit.change), ..edit.clone() }).collect()
}

/// A change that was made, as it is to be recorded; `after` is what it led to.
fn to_record(change: &Change, after: &RunDefinition) -> Change {
    match change {
        Change::Set(Setting::Optimizer(spec)) => {
            Change::Set(Setting::Optimizer(optimizers::to_record(spec, &after.optimizer)))
        }
        other => other.clone(),
    }
}

/// Makes one edit on the draft.
fn apply(trainer: &Trainer, draft: &mut Draft, change: &Change, seed: u64, source: Source) -> Result<Done, Refusal> {
    match change {
        Change::AddFilter { layer, count, init, coefficients } => {
            let wanted =
                filters::NewFilters { layer, count: *count, init: *init, coefficients: coefficients.as_deref() };
            filters::add(trainer, draft, wanted, seed, source)
        }
        Change::RemoveFilter { layer, filter } => filters::remove(draft, layer, *filter),
        Change::DuplicateFilter { layer, filter } => filters::duplicate(draft, layer, *filter, seed),
        Change::Reinitialise(target) => coefficients::reinitialise(draft, target, seed),
        Change::Freeze(target) => coefficients::freeze(draft, target, true),
        Change::Unfreeze(target) => coefficients::freeze(draft, target, false),
        Change::SetWeights { layer, filter, values, shape, bias } => {
            let done = coefficients::set_weights(draft, layer, *filter, values, shape.as_deref(), *bias)?;
            let (layer, filter, values, bias) = (layer.clone(), *filter, values.clone(), *bias);
            Ok(Done { recorded: Some(Change::SetWeights { layer, filter, values, shape: None, bias }), ..done })
        }
        Change::LoadWeights { arrays, layer } => coefficients::load(draft, arrays, layer.as_ref()),
        Change::InsertLayer { kind, after, name, init, parameters } => {
            let wanted =
                structure::NewLayer { kind, after: after.as_ref(), name: name.as_ref(), init: *init, parameters };
            structure::insert(draft, &wanted, seed)
        }
        Change::RemoveLayer { layer } => structure::remove(draft, layer, seed),
        Change::SetActivation { layer, function } => structure::set_activation(draft, layer, function, source),
        Change::Set(setting) => settings::set(trainer, draft, setting, source),
        Change::DropImages { .. } | Change::Relabel { .. } | Change::WeightImages { .. } => {
            images::change(trainer, draft, change, source)
        }
    }
}
