//! What a cell sees while it makes its figure.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use revacnn_schemas::{
    Address, BranchId, BranchName, BranchRecord, Figure, Hue, ImageIndex, LayerName, Position, Prediction,
    Reconstruction, Step,
};
#[cfg(feature = "sql")]
use revacnn_store::sql::NamedHistory;
use revacnn_store::{BranchReader, Lineage, StepTensors, Store};
use revacnn_trainer::data::{Dataset, Split};
use revacnn_trainer::{Ascent, Excited, Maximised, ReceptiveField, Saliency, Trace};

use crate::kinds::outputs_of;
use crate::reads::{Reads, StoreRead};
use crate::sources::{Activations, At, Extent, Place};
use crate::{ChosenImage, Inputs, NotebookError, Source, Sources};

/// What is said of the gradients of a picture without a label; nothing of a network whose target is the
/// image itself.
pub(crate) fn of_unlabelled(place: &Place) -> Option<String> {
    outputs_of(&place.holder)
        .are_of_classes()
        .then(|| "gradients for the class that it is taken for: the picture has no label".to_owned())
}

/// How much of a cell's work is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Parts that are done.
    pub done: usize,
    /// Parts that there are.
    pub of: usize,
}

/// Who waits for a figure: is told how far it is, and may give it up.
pub trait Watch {
    /// Some of the work is done; whether the rest is still wanted.
    fn progress(&mut self, progress: Progress) -> ControlFlow<()>;
}

impl<F: FnMut(Progress) -> ControlFlow<()>> Watch for F {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        self(progress)
    }
}

/// Nobody waits; every figure is made to its end.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn progress(&mut self, _: Progress) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Tells who waits how far it is.
fn told(watch: &mut dyn Watch, done: usize, of: usize) -> Result<(), NotebookError> {
    match watch.progress(Progress { done, of }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(NotebookError::Cancelled),
    }
}

/// The other cells, where there are some.
pub(crate) trait Others {
    /// A cell's figure, made now if it is not as it should be, and its version.
    ///
    /// # Errors
    /// [`NotebookError::Cancelled`], and where the cell waits for who asks.
    fn figure(
        &mut self,
        cell: &str,
        sources: &mut Sources,
        watch: &mut dyn Watch,
    ) -> Result<(Option<Arc<Figure>>, Option<u64>), NotebookError>;
}

/// No other cells.
struct Alone;

impl Others for Alone {
    fn figure(
        &mut self,
        _: &str,
        _: &mut Sources,
        _: &mut dyn Watch,
    ) -> Result<(Option<Arc<Figure>>, Option<u64>), NotebookError> {
        Ok((None, None))
    }
}

/// The world as a cell sees it. What is read through it is noted: the cell runs
/// again once something of that has changed, and not before.
pub struct Context<'a> {
    sources: &'a mut Sources,
    inputs: Inputs,
    others: Option<&'a mut dyn Others>,
    watch: &'a mut dyn Watch,
    reads: Reads,
    is_incomplete: bool,
}

impl<'a> Context<'a> {
    /// Sources and inputs, and no other cells.
    pub(crate) fn alone(sources: &'a mut Sources, inputs: &Inputs, watch: &'a mut dyn Watch) -> Self {
        Self::new(sources, inputs.clone(), None, watch)
    }

    pub(crate) fn new(
        sources: &'a mut Sources,
        inputs: Inputs,
        others: Option<&'a mut dyn Others>,
        watch: &'a mut dyn Watch,
    ) -> Self {
        Self { sources, inputs, others, watch, reads: Reads::default(), is_incomplete: false }
    }

    /// What was read, and whether something could not be.
    pub(crate) fn into_reads(self) -> (Reads, bool) {
        (self.reads, self.is_incomplete)
    }

    /// The shown branches, the selected one first.
    pub fn branches(&mut self) -> Vec<BranchName> {
        self.reads.branches.get_or_insert_with(|| self.inputs.branches.clone()).clone()
    }

    /// The shown branches without those of a notebook that are not trained yet, and what is said
    /// of these. The cell runs again once they may be.
    ///
    /// # Errors
    /// [`NotebookError::Untrained`] where that leaves none.
    pub(crate) fn trained(&mut self) -> Result<(Vec<BranchName>, Option<String>), NotebookError> {
        let all = self.branches();
        let (trained, lacking): (Vec<_>, Vec<_>) = all.into_iter().partition(|name| self.sources.is_trained(name));
        let Some(first) = lacking.first() else { return Ok((trained, None)) };
        if trained.is_empty() {
            return Err(NotebookError::Untrained { branch: first.clone() });
        }
        self.lacks_something();
        let names: Vec<&str> = lacking.iter().map(BranchName::as_str).collect();
        Ok((trained, Some(format!("not trained yet: {}", names.join(", ")))))
    }

    /// The step that is looked at.
    pub fn cursor(&mut self) -> Step {
        *self.reads.cursor.get_or_insert(self.inputs.cursor)
    }

    /// The chosen image, if one is chosen.
    pub fn image(&mut self) -> Option<ChosenImage> {
        self.reads.image.get_or_insert_with(|| self.inputs.image.clone()).clone()
    }

    /// The images whose classes are asked for.
    pub fn asked(&mut self) -> Vec<ChosenImage> {
        self.reads.asked.get_or_insert_with(|| self.inputs.asked.clone()).clone()
    }

    /// Another cell's figure, made now if it is not as it should be.
    ///
    /// # Errors
    /// [`NotebookError::NoFigure`] where it has none: there is no such cell, it
    /// failed, or it reads this one.
    pub fn figure(&mut self, cell: &str) -> Result<Arc<Figure>, NotebookError> {
        let others: &mut dyn Others = match &mut self.others {
            Some(others) => *others,
            None => &mut Alone,
        };
        let (figure, version) = others.figure(cell, self.sources, self.watch)?;
        self.reads.figures.push((cell.to_owned(), version));
        figure.ok_or_else(|| NotebookError::NoFigure { cell: cell.to_owned() })
    }

    /// Says how much is done. Call it between parts that take time, as it is
    /// also where the work ends that nobody waits for any more.
    ///
    /// # Errors
    /// [`NotebookError::Cancelled`], to be handed on.
    pub fn progress(&mut self, done: usize, of: usize) -> Result<(), NotebookError> {
        told(&mut *self.watch, done, of)
    }

    /// Says that the figure lacks what could not be read: like an error, it is
    /// tried again.
    pub fn lacks_something(&mut self) {
        self.is_incomplete = true;
    }

    /// The store.
    pub fn store(&self) -> &Store {
        self.sources.store()
    }

    /// All branches: those that have names of their own here, or else those of the store
    /// (`None`). The cell runs again when one comes, goes or grows.
    ///
    /// # Errors
    /// Where they cannot be listed.
    #[cfg(feature = "sql")]
    pub(crate) fn all_branches(&mut self) -> Result<Option<Vec<NamedHistory>>, NotebookError> {
        let all = self.sources.all_branches()?;
        let named = || {
            let named = all.iter().map(|(name, history, _)| (name.clone(), history));
            named.map(|(name, of)| NamedHistory { name, id: of.id.clone(), until: of.until }).collect()
        };
        let named = self.sources.has_names().then(named);
        self.reads.note(StoreRead::Branches(all));
        Ok(named)
    }

    /// What a branch of the store is called here.
    pub(crate) fn called(&mut self, name: &BranchName) -> BranchName {
        self.sources.called(name)
    }

    /// The step that an address leads to.
    ///
    /// # Errors
    /// Where it leads nowhere.
    pub fn place(&mut self, address: &Address) -> Result<Place, NotebookError> {
        self.find(&At::from(address))
    }

    /// The step that a cell names.
    pub(crate) fn find(&mut self, at: &At) -> Result<Place, NotebookError> {
        let place = self.sources.find(at)?;
        let (branch, holder) = (place.history.id.clone(), place.holder.id.clone());
        self.reads.note(StoreRead::Hue(branch.clone(), place.hue));
        self.reads.note(StoreRead::Place { at: at.clone(), branch, holder, step: place.step });
        Ok(place)
    }

    /// The steps of a cell: its own addresses, or the shown branches at the
    /// cursor. A branch without that step is shown at its nearest.
    ///
    /// # Errors
    /// Where one of them leads nowhere, and where there is none.
    pub fn places(&mut self, at: &[Address], most: usize) -> Result<Vec<Place>, NotebookError> {
        self.each_place(at, most).into_iter().map(|(_, place)| place).collect()
    }

    /// The first of [`places`](Self::places).
    ///
    /// # Errors
    /// Where it leads nowhere, and where there is none.
    pub fn first_place(&mut self, at: Option<&Address>) -> Result<Place, NotebookError> {
        let none = NotebookError::TooFewBranches { needed: 1, found: 0 };
        self.places(at.map(std::slice::from_ref).unwrap_or_default(), 1)?.into_iter().next().ok_or(none)
    }

    /// [`places`](Self::places), each with what it is called or why there is
    /// none; there is at least one.
    pub(crate) fn each_place(&mut self, at: &[Address], most: usize) -> Vec<(String, Result<Place, NotebookError>)> {
        let mut places = Vec::new();
        for address in at.iter().take(most) {
            places.push((address.to_string(), self.place(address)));
        }
        if at.is_empty() {
            let position = Position::Step(self.cursor());
            for branch in self.branches().into_iter().take(most) {
                let at = At { branch, position, nearest: true };
                places.push((at.branch.to_string(), self.find(&at)));
            }
        }
        if places.is_empty() {
            places.push((String::new(), Err(NotebookError::TooFewBranches { needed: 1, found: 0 })));
        }
        places
    }

    /// Whether what does not fit these addresses of a joint figure is left out.
    pub(crate) fn leaves_out_of(&self, at: &[Address]) -> bool {
        self.sources.leaves_out || at.is_empty()
    }

    /// A step's tensors; with an image that is no probe image, its maps are
    /// computed. With `None` the maps are those of the probe images.
    ///
    /// # Errors
    /// Where they cannot be read, nor computed.
    pub fn tensors(&mut self, place: &Place, image: Option<&ChosenImage>) -> Result<Arc<StepTensors>, NotebookError> {
        self.sources.tensors(place, image)
    }

    /// What the network of a step says of each image of a split, with the `most` classes that it
    /// says most for, and the data set.
    ///
    /// # Errors
    /// Where data or state are not at hand.
    pub fn predictions(
        &mut self,
        place: &Place,
        split: Split,
        most: usize,
    ) -> Result<(Arc<Dataset>, Arc<[Prediction]>), NotebookError> {
        let watch = &mut self.watch;
        self.sources.predictions(place, split, most, &mut |done, of| told(&mut **watch, done, of))
    }

    /// The class that the network of a step predicts at so many points of the straight line between each two
    /// images of a split, `[line][point]`.
    ///
    /// # Errors
    /// Where data or state are not at hand.
    pub fn classes_between(
        &mut self,
        place: &Place,
        split: Split,
        lines: &[[ImageIndex; 2]],
        points: usize,
    ) -> Result<Vec<Vec<u32>>, NotebookError> {
        let watch = &mut self.watch;
        self.sources.classes_between(place, split, lines, points, &mut |done, of| told(&mut **watch, done, of))
    }

    /// Tells what the network of a step, whose target is the image, gives back of each image of a
    /// split, in order.
    ///
    /// # Errors
    /// Where data or state are not at hand, and a network that gives back no image.
    pub fn reconstructions(
        &mut self,
        place: &Place,
        split: Split,
        tell: impl FnMut(Reconstruction),
    ) -> Result<(), NotebookError> {
        let watch = &mut self.watch;
        self.sources.reconstructions(place, split, tell, &mut |done, of| told(&mut **watch, done, of))
    }

    /// The images of a split that excite the filters of a layer most at a step, at most so many of
    /// each, what its maps see, and the data set.
    ///
    /// # Errors
    /// Where data or state are not at hand, and a layer without maps.
    pub fn excited(
        &mut self,
        place: &Place,
        split: Split,
        layer: &LayerName,
        most: usize,
    ) -> Result<(Arc<Dataset>, Excited, Option<ReceptiveField>), NotebookError> {
        let watch = &mut self.watch;
        self.sources.excited(place, split, layer, most, &mut |done, of| told(&mut **watch, done, of))
    }

    /// What a layer of the network of a step says of at most so many images of a split, evenly
    /// spread over it.
    ///
    /// # Errors
    /// Where data or state are not at hand, and a layer without maps.
    pub(crate) fn activations(
        &mut self,
        place: &Place,
        split: Split,
        layer: &LayerName,
        most: usize,
        done: &mut dyn FnMut(usize, usize) -> Progress,
    ) -> Result<Activations, NotebookError> {
        let watch = &mut self.watch;
        let mut told = |finished, of| {
            let Progress { done, of } = done(finished, of);
            told(&mut **watch, done, of)
        };
        self.sources.activations(place, split, layer, most, &mut told)
    }

    /// Images that excite filters of a layer most, by their positions, `[filter][start]`, and what each value of the
    /// layer's map sees of an image.
    ///
    /// # Errors
    /// Where the state is not at hand, and a layer without maps.
    pub fn maximised(
        &mut self,
        place: &Place,
        layer: &LayerName,
        filters: &[usize],
        starts: usize,
        ascent: &Ascent,
    ) -> Result<(Vec<Vec<Maximised>>, ReceptiveField), NotebookError> {
        let watch = &mut self.watch;
        self.sources.maximised(place, layer, filters, starts, ascent, &mut |done, of| told(&mut **watch, done, of))
    }

    /// The data set that what a network says of images is computed from.
    ///
    /// # Errors
    /// Where it is not at hand.
    pub fn computed_from(&mut self, place: &Place) -> Result<Arc<Dataset>, NotebookError> {
        self.sources.computed_from(place)
    }

    /// What of an image the output of a step's network for a class depends on. The split is that of
    /// an image of the data set.
    ///
    /// # Errors
    /// Where data or state are not at hand, and an image or a class that there is not.
    pub fn saliency(
        &mut self,
        place: &Place,
        split: Split,
        image: &ChosenImage,
        class: Option<u32>,
    ) -> Result<Saliency, NotebookError> {
        self.sources.saliency(place, split, image, class)
    }

    /// What the network of a step takes an image for: the `most` classes that it says most for.
    ///
    /// # Errors
    /// Where data or state are not at hand, and an image that there is not.
    pub fn predicted(
        &mut self,
        place: &Place,
        image: &ChosenImage,
        most: usize,
    ) -> Result<Vec<(u32, f32)>, NotebookError> {
        self.sources.predicted(place, image, most)
    }

    /// The strongest chain through a filter, by its position, for an image.
    pub(crate) fn trace(
        &mut self,
        place: &Place,
        image: &ChosenImage,
        layer: &LayerName,
        filter: usize,
    ) -> Result<Trace, NotebookError> {
        self.sources.trace(place, image, layer, filter)
    }

    /// The picture of a person's own that figures of these sources and places show, and what was
    /// done to it, in words for notes; none of a data set's image.
    pub(crate) fn notes_of_picture(&mut self, places: &[Place], of: Source) -> Vec<String> {
        if !of.is_of_image() {
            return Vec::new();
        }
        let image = self.image();
        let Some(picture) = image.as_ref().and_then(ChosenImage::own) else { return Vec::new() };
        let changes: BTreeSet<String> = places.iter().filter_map(|place| place.changes(picture)).collect();
        let mut notes: Vec<String> = changes.into_iter().collect();
        if notes.is_empty() {
            notes.push(format!("picture {picture}"));
        }
        if of == Source::ActivationGradients {
            notes.extend(places.iter().find_map(of_unlabelled));
        }
        notes
    }

    /// Which filters are frozen at a step, by layers with weights; `None`
    /// where the state of training cannot be had.
    pub fn frozen(&mut self, place: &Place) -> Option<Vec<Vec<bool>>> {
        self.sources.frozen(place)
    }

    /// A branch's data set.
    ///
    /// # Errors
    /// Why it is not at hand.
    pub fn dataset(&mut self, record: &BranchRecord) -> Result<Arc<Dataset>, String> {
        self.sources.dataset(record)
    }

    /// [`dataset`](Self::dataset), or why it is not at hand in words for a note.
    pub(crate) fn data_at_hand(&mut self, record: &BranchRecord) -> Result<Arc<Dataset>, String> {
        self.sources.data_at_hand(record)
    }

    /// The image whose maps a figure shows at a place: the chosen one, or else
    /// the first probe image, if they can be had. What then cannot be shown is
    /// noted.
    pub fn seen(&mut self, place: &Place, notes: &mut Vec<String>) -> Option<ChosenImage> {
        let chosen = self.image();
        let Some(image) = place.image(chosen) else {
            notes.push("no maps: no image is chosen, and the run recorded none".to_owned());
            return None;
        };
        match self.sources.sees(place, &image) {
            Ok(()) => {
                notes.extend(image.own().and_then(|picture| place.changes(picture)));
                Some(image)
            }
            Err(reason) => {
                notes.push(format!("no maps of {image}: {reason}"));
                None
            }
        }
    }

    /// The reader of the branch that holds a place. What it has of that step,
    /// and of those before it, never changes.
    ///
    /// # Errors
    /// Where the history cannot be opened.
    pub fn holder(&mut self, place: &Place) -> Result<&BranchReader, NotebookError> {
        Ok(self.sources.lineage_of(&place.history)?.holder(place.step)?)
    }

    /// The history of a branch up to a place, which never changes.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn history_to(&mut self, place: &Place) -> Result<&Lineage, NotebookError> {
        self.sources.lineage_of(&place.history)
    }

    /// The whole history of a branch, and how far it goes: the cell runs again
    /// when it grows.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn history(&mut self, name: &BranchName) -> Result<(&Lineage, Extent), NotebookError> {
        let extent = self.sources.extent(name)?;
        self.reads.note(StoreRead::History { name: name.clone(), extent: extent.clone() });
        Ok((self.sources.lineage(name)?, extent))
    }

    /// The sources, for what [`history`](Self::history) has noted.
    pub(crate) fn sources(&mut self) -> &mut Sources {
        self.sources
    }

    /// A branch's colour.
    pub(crate) fn hue(&mut self, id: &BranchId) -> Hue {
        let hue = self.sources.hue(id);
        self.reads.note(StoreRead::Hue(id.clone(), hue));
        hue
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Context").field("inputs", &self.inputs).field("reads", &self.reads).finish()
    }
}
