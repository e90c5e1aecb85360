//! Steps of histories, and what of them can be seen.

use std::sync::Arc;

use revacnn_recorder::{RecorderError, check_producer};
use revacnn_schemas::{Address, BranchName, BranchRecord, DatasetIdentity, Fit, Hue, ImageShape, Position, Step};
use revacnn_trainer::data::OwnPicture;

use super::History;
use crate::{ChosenImage, NotebookError, Sources};

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

    /// The shape of the network's images; `None` where nobody says.
    pub(crate) fn input(&self) -> Option<ImageShape> {
        self.holder.definition().map(|definition| definition.input)
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
    pub(crate) fn image(&self, chosen: Option<ChosenImage>) -> Option<ChosenImage> {
        chosen.or_else(|| self.holder.recording.probes.first().copied().map(ChosenImage::Training))
    }

    /// The shape of the network's images, and how pictures are brought to it: as those of its data
    /// set were, where that is made of pictures.
    ///
    /// # Errors
    /// Where the network is not of this engine.
    fn reads_pictures(&self) -> Result<(ImageShape, Fit), RecorderError> {
        let definition = check_producer(&self.holder, "look at pictures with it")?;
        let fit = definition.reading.as_ref().and_then(|reading| reading.fit);
        Ok((definition.input, fit.unwrap_or(Fit::Crop)))
    }

    /// A picture of a person's own as the network reads images, `[channel][row][column]`.
    ///
    /// # Errors
    /// Where the network is not of this engine, or reads no pictures.
    pub(crate) fn pictured(&self, picture: &OwnPicture) -> Result<(ImageShape, Arc<[u8]>), NotebookError> {
        let (shape, fit) = self.reads_pictures()?;
        Ok((shape, picture.fitted(shape, fit)?))
    }

    /// What was done to a picture of a person's own, in words for a note.
    pub(crate) fn changes(&self, picture: &OwnPicture) -> Option<String> {
        let (shape, fit) = self.reads_pictures().ok()?;
        Some(format!("picture {picture}: {}", picture.changes(shape, fit)?))
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
    pub fn must_see(&mut self, address: &Address, image: &ChosenImage) -> Result<(), NotebookError> {
        let place = self.find(&At::from(address))?;
        self.sees(&place, image).map_err(|reason| NotebookError::NotSeen {
            address: place.label(),
            image: image.clone(),
            reason,
        })
    }

    /// Whether an image's maps are recorded, or can be computed; or else why
    /// not.
    pub(crate) fn sees(&mut self, place: &Place, image: &ChosenImage) -> Result<(), String> {
        let record = &place.holder;
        match image {
            // Of a step that is stored no data is needed.
            ChosenImage::Own(picture) => {
                return place.pictured(picture).map(drop).map_err(|error| error.to_string());
            }
            ChosenImage::Training(image) if record.recording.probes.contains(image) => return Ok(()),
            ChosenImage::Training(_) => {}
        }
        check_producer(record, "show maps of other images").map_err(|error| error.to_string())?;
        self.data_at_hand(record).map(drop)
    }
}
