//! Steps of histories, and what of them can be seen.

use revacnn_schemas::{ARITHMETIC, Address, BranchId, BranchName, BranchRecord, Hue, ImageIndex, Position, Step};

use crate::reads::At;
use crate::{NotebookError, Sources};

/// A step of a branch's history.
#[derive(Debug, Clone)]
pub struct Place {
    /// The branch as it was asked for.
    pub name: BranchName,
    /// Its id.
    pub id: BranchId,
    /// Its colour.
    pub hue: Hue,
    /// The branch that holds the step: that one, or an ancestor.
    pub holder: BranchRecord,
    /// The step.
    pub step: Step,
}

impl Place {
    /// `main@100`.
    pub fn label(&self) -> String {
        format!("{}@{}", self.name, self.step)
    }

    /// The chosen image, or else the first probe image, if there is one.
    pub(crate) fn image(&self, chosen: Option<ImageIndex>) -> Option<ImageIndex> {
        chosen.or_else(|| self.holder.recording.probes.first().copied())
    }
}

impl Sources {
    /// The place of a step as a cell names it.
    pub(crate) fn find(&mut self, at: &At) -> Result<Place, NotebookError> {
        let id = self.id_of(&at.branch)?;
        let lineage = self.lineage_of(&id)?;
        let position = match (at.position, lineage.steps()) {
            (Position::Step(step), Some(steps)) if at.nearest => Position::Step(step.clamp(steps.first, steps.last)),
            (position, _) => position,
        };
        let step = lineage.resolve(position)?;
        let holder = lineage.holder(step)?.branch().clone();
        Ok(Place { name: at.branch.clone(), hue: self.hue(&id), id, holder, step })
    }

    /// Makes sure that an image's maps at an address are recorded, or can be
    /// computed.
    ///
    /// # Errors
    /// Those of [`resolve`](Self::resolve), and [`NotebookError::NotSeen`] with
    /// the reason.
    pub fn must_see(&mut self, address: &Address, image: ImageIndex) -> Result<(), NotebookError> {
        let place = self.find(&At::from(address))?;
        self.sees(&place, image).map_err(|reason| NotebookError::NotSeen { address: place.label(), image, reason })
    }

    /// Whether an image's maps are recorded, or can be computed; or else why
    /// not.
    pub(crate) fn sees(&mut self, place: &Place, image: ImageIndex) -> Result<(), String> {
        let record = &place.holder;
        if record.recording.probes.contains(&image) {
            return Ok(());
        }
        if record.arithmetic != ARITHMETIC {
            return Err(format!(
                "the branch was computed with arithmetic {}, this program computes with {ARITHMETIC}",
                record.arithmetic
            ));
        }
        let identity = &record.definition.dataset;
        let name = &identity.name;
        self.dataset(identity).map(drop).map_err(|reason| format!("the data set {name} is not at hand: {reason}"))
    }
}
