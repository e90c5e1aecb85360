//! Steps of histories, and what of them can be seen.

use revacnn_recorder::check_producer;
use revacnn_schemas::{Address, BranchName, BranchRecord, DatasetIdentity, Hue, ImageIndex, Position, Step};

use super::History;
use crate::{NotebookError, Sources};

/// A step as a cell names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct At {
    /// The branch.
    pub branch: BranchName,
    /// The step.
    pub position: Position,
    /// Whether a branch without that step is shown at its nearest, as it is
    /// where the step is the cursor's.
    pub nearest: bool,
}

impl From<&Address> for At {
    fn from(address: &Address) -> Self {
        Self { branch: address.branch.clone(), position: address.position, nearest: false }
    }
}

/// A step of a branch's history.
#[derive(Debug, Clone)]
pub struct Place {
    /// The branch as it was asked for.
    pub name: BranchName,
    /// The history of that name.
    pub history: History,
    /// Its colour.
    pub hue: Hue,
    /// The branch that holds the step: that one, or an ancestor.
    pub holder: BranchRecord,
    /// The step.
    pub step: Step,
}

impl Place {
    /// The data set of the branch that holds it; `None` where another program
    /// computes that.
    pub(crate) fn dataset(&self) -> Option<&DatasetIdentity> {
        self.holder.definition().map(|definition| &definition.dataset)
    }

    /// Channels of the images; 1 where nobody says.
    pub(crate) fn channels(&self) -> usize {
        self.holder.definition().map_or(1, |definition| definition.input.channels)
    }

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
        let history = self.history_of(&at.branch)?;
        let lineage = self.lineage_of(&history)?;
        let position = match (at.position, lineage.steps()) {
            (Position::Step(step), Some(steps)) if at.nearest => Position::Step(step.clamp(steps.first, steps.last)),
            (position, _) => position,
        };
        let step = lineage.resolve(position)?;
        let holder = lineage.holder(step)?.branch().clone();
        Ok(Place { name: at.branch.clone(), hue: self.hue(&history.id), history, holder, step })
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
        check_producer(record, "show maps of other images").map_err(|error| error.to_string())?;
        self.data_at_hand(record).map(drop)
    }
}
