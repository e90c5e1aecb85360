//! What a cell has read: that is what its figure depends on.

use revacnn_schemas::{BranchId, BranchName, Hue, Step};
use revacnn_store::StepSpan;

use crate::sources::{At, Extent, History};
use crate::{ChosenImage, Inputs, Sources};

/// Everything that a cell read while it made its figure, with what it found
/// there. As long as the same is found there, the figure is as it was.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reads {
    /// The shown branches, if they were looked at.
    pub branches: Option<Vec<BranchName>>,
    /// The cursor.
    pub cursor: Option<Step>,
    /// The chosen image.
    pub image: Option<Option<ChosenImage>>,
    /// The images whose classes are asked for.
    pub asked: Option<Vec<ChosenImage>>,
    /// Other cells, each with the version of its figure; `None` where there was
    /// none.
    pub figures: Vec<(String, Option<u64>)>,
    /// What was found in the store. Tensors and rows of a step are not among
    /// it: once recorded, they never change.
    pub store: Vec<StoreRead>,
}

/// Something that was read in the store and may be another one later.
#[derive(Debug, Clone, PartialEq)]
pub enum StoreRead {
    /// Where an address led, or a cursor in a branch.
    Place {
        /// What was looked up.
        at: At,
        /// The branch that has the name.
        branch: BranchId,
        /// The branch that holds the step: that one, or an ancestor.
        holder: BranchId,
        /// The step.
        step: Step,
    },
    /// The whole history of a branch, which may grow.
    History {
        /// The branch's name.
        name: BranchName,
        /// How far it went.
        extent: Extent,
    },
    /// The branches that there are, and how far each goes: what a query's answer depends on.
    Branches(Vec<(BranchName, History, Option<StepSpan>)>),
    /// The colour of a branch.
    Hue(BranchId, Hue),
}

impl Reads {
    /// Notes something in the store.
    pub(crate) fn note(&mut self, read: StoreRead) {
        if !self.store.contains(&read) {
            self.store.push(read);
        }
    }

    /// Whether what cells look at is still the same.
    pub(crate) fn hold(&self, inputs: &Inputs) -> bool {
        self.branches.as_ref().is_none_or(|branches| *branches == inputs.branches)
            && self.cursor.is_none_or(|cursor| cursor == inputs.cursor)
            && self.image.as_ref().is_none_or(|image| *image == inputs.image)
            && self.asked.as_ref().is_none_or(|asked| *asked == inputs.asked)
    }

    /// Whether the same is found in the store now.
    pub(crate) fn hold_in(&self, sources: &mut Sources) -> bool {
        self.store.iter().all(|read| match read {
            StoreRead::Place { at, branch, holder, step } => sources
                .find(at)
                .is_ok_and(|place| place.history.id == *branch && place.holder.id == *holder && place.step == *step),
            StoreRead::History { name, extent } => sources.extent(name).is_ok_and(|now| now == *extent),
            StoreRead::Branches(all) => sources.all_branches().is_ok_and(|now| now == *all),
            StoreRead::Hue(branch, hue) => sources.hue(branch) == *hue,
        })
    }
}
