//! Forward passes in evaluation mode, and probes.

use revacnn_schemas::{BlockView, ImageIndex, ImageShape};

use super::Engine;
use super::images::Images;
use super::workspace::{Outcome, Shared, Workspace};
use crate::TrainerError;
use crate::data::{Part, decode};
use crate::layers::ImageContext;
use crate::trainer::{Activated, Excitation, Excited, pooled};

/// What came of an image that was only looked at.
#[derive(Debug)]
pub(crate) struct Evaluated<'a> {
    /// Its class.
    pub(crate) label: usize,
    /// Its data loss.
    pub(crate) loss: f32,
    /// The class that was predicted; `None` where the network gives back the image.
    pub(crate) predicted: Option<usize>,
    /// What the last layer says, as it is shown: `[class]`, or the image.
    pub(crate) outputs: &'a [f32],
}

impl Engine {
    /// Runs images of a part forwards, as they are: no augmentation, dropout
    /// off, running statistics read only. Returns what `pick` takes of each,
    /// in the order of the images.
    ///
    /// # Errors
    /// An image that cannot be read.
    pub(crate) fn evaluate<T: Send>(
        &self,
        part: &Part,
        images: &[ImageIndex],
        pick: impl Fn(Evaluated<'_>) -> T + Sync,
    ) -> Result<Vec<T>, TrainerError> {
        self.forward_each(part, images, self.network.operations.len(), |image, workspace| {
            let label = usize::from(part.label(image)?);
            workspace.score(label, None);
            let Outcome { loss, predicted, .. } = workspace.outcome;
            Ok(pick(Evaluated { label, loss, predicted, outputs: &workspace.outputs }))
        })
    }

    /// Runs images of a part forwards up to a block, as [`evaluate`](Self::evaluate) does, and takes
    /// in how much each excites the block's filters.
    ///
    /// # Errors
    /// An image that cannot be read.
    pub(crate) fn excite(
        &self,
        part: &Part,
        images: &[ImageIndex],
        block: usize,
        excited: &mut Excited,
    ) -> Result<(), TrainerError> {
        let last = self.network.blocks[block].last;
        let map = self.network.operations[last].operation.output();
        let found = self.forward_each(part, images, last + 1, |image, workspace| {
            let filters = workspace.maps[last + 1].chunks_exact(map.height * map.width);
            Ok(filters.map(|values| strongest(image, values, map)).collect::<Vec<_>>())
        })?;
        for of_image in found {
            of_image.into_iter().enumerate().for_each(|(filter, one)| excited.add(filter, one));
        }
        Ok(())
    }

    /// Runs images of a part forwards, as [`evaluate`](Self::evaluate) does, and gives a block's
    /// outputs for each, averaged over squares of so many values a side.
    ///
    /// # Errors
    /// An image that cannot be read.
    pub(crate) fn activations(
        &self,
        part: &Part,
        images: &[ImageIndex],
        block: usize,
        square: usize,
    ) -> Result<Vec<Activated>, TrainerError> {
        let (last, shape) = (self.network.blocks[block].last, self.output_shape(block));
        let is_class_layer = block + 1 == self.network.blocks.len();
        self.forward_each(part, images, self.network.operations.len(), |image, workspace| {
            workspace.score(usize::from(part.label(image)?), None);
            let Outcome { label, predicted, .. } = workspace.outcome;
            let outputs = if is_class_layer { &workspace.outputs } else { &workspace.maps[last + 1] };
            let values = if square > 1 { pooled(outputs, shape, square) } else { outputs.clone() };
            let predicted = predicted.map(|class| class as u32);
            Ok(Activated { image, label: label as u32, predicted, values })
        })
    }

    /// The shape of a block's outputs.
    pub(crate) fn output_shape(&self, block: usize) -> ImageShape {
        self.network.operations[self.network.blocks[block].last].operation.output()
    }

    /// Runs images of a part forwards through the first `operations` operations, in evaluation mode
    /// and on all threads. Returns what `pick` takes of each, in the order of the images.
    fn forward_each<T: Send>(
        &self,
        part: &Part,
        images: &[ImageIndex],
        operations: usize,
        pick: impl Fn(ImageIndex, &mut Workspace) -> Result<T, TrainerError> + Sync,
    ) -> Result<Vec<T>, TrainerError> {
        let shared = self.shared();
        self.look_at_each(images, |&image, workspace| {
            decode(&part.image(image)?, &mut workspace.maps[0]);
            workspace.forward(shared, ImageContext::EVALUATION, 0..operations);
            pick(image, workspace)
        })
    }

    /// Looks at each of some things forwards on all threads, each thread in a workspace of its own. Returns what
    /// `look` says of each, in their order.
    pub(super) fn look_at_each<I: Sync, T: Send>(
        &self,
        things: &[I],
        look: impl Fn(&I, &mut Workspace) -> Result<T, TrainerError> + Sync,
    ) -> Result<Vec<T>, TrainerError> {
        type Portion<'a, I, T> = (&'a [I], Result<Vec<T>, TrainerError>);
        let share = things.len().div_ceil(16).max(1);
        let mut portions: Vec<Portion<'_, I, T>> =
            things.chunks(share).map(|things| (things, Ok(Vec::new()))).collect();
        self.threads.for_each_on_all(&mut portions, |_, (things, said)| {
            let mut workspace = Workspace::new(&self.network, false);
            *said = things.iter().map(|thing| look(thing, &mut workspace)).collect();
        });
        let mut all = Vec::with_capacity(things.len());
        for (_, said) in portions {
            all.extend(said?);
        }
        Ok(all)
    }

    /// What the last layer says of a batch with its own statistics and dropout off,
    /// `[image][output]`.
    ///
    /// # Errors
    /// An image that cannot be read.
    pub(crate) fn outputs_by_batch(&mut self, images: &Images<'_>) -> Result<Vec<f32>, TrainerError> {
        let mut decoded = vec![0.0; self.network.input.len()];
        let mut workspaces = Vec::with_capacity(images.len());
        for index in 0..images.len() {
            let mut workspace = Workspace::new(&self.network, false);
            images.load(index, &mut decoded, &mut workspace.maps[0])?;
            workspaces.push(workspace);
        }
        // Only what normalises by batch is in training mode.
        for index in 0..self.network.operations.len() {
            let synchronises = !self.batch[index].is_empty();
            if synchronises {
                let unit = &self.network.operations[index];
                let input = unit.reads[0].map;
                let inputs: Vec<&[f32]> = workspaces.iter().map(|workspace| &workspace.maps[input][..]).collect();
                unit.operation.batch_statistics(&inputs, &mut self.batch[index]);
            }
            let shared = self.shared();
            let context = ImageContext { training: synchronises, ..ImageContext::EVALUATION };
            self.threads.for_each(&mut workspaces, |_, workspace| workspace.forward(shared, context, index..index + 1));
        }
        let mut all = Vec::new();
        for workspace in &mut workspaces {
            workspace.score(0, None);
            all.extend_from_slice(&workspace.outputs);
        }
        Ok(all)
    }

    /// Runs each of `images` forwards and backwards in evaluation mode, down
    /// to the outputs of all blocks, for [`probed`](Self::probed).
    ///
    /// # Errors
    /// An image that is not in the part.
    pub(crate) fn probe(&mut self, part: &Part, images: &[ImageIndex]) -> Result<(), TrainerError> {
        while self.probes.len() < images.len() {
            self.probes.push(Workspace::new(&self.network, true));
        }
        let mut labels = Vec::with_capacity(images.len());
        for (&image, workspace) in images.iter().zip(&mut self.probes) {
            decode(&part.image(image)?, &mut workspace.maps[0]);
            labels.push(Some(usize::from(part.label(image)?)));
        }
        self.pass_probes(&labels);
        Ok(())
    }

    /// [`probe`](Self::probe) of one image without a label, `[channel][row][column]`: its loss is
    /// that of the class that it is taken for, or where the network gives back the image, that of it.
    pub(crate) fn probe_unlabelled(&mut self, image: &[u8]) {
        if self.probes.is_empty() {
            self.probes.push(Workspace::new(&self.network, true));
        }
        decode(image, &mut self.probes[0].maps[0]);
        self.pass_probes(&[None]);
    }

    /// What the last layer says of an image, `[channel][row][column]`, in evaluation mode, as it is
    /// shown: `[class]`, or the image.
    pub(crate) fn outputs_of(&self, image: &[u8]) -> Vec<f32> {
        let mut workspace = Workspace::new(&self.network, false);
        decode(image, &mut workspace.maps[0]);
        workspace.forward(self.shared(), ImageContext::EVALUATION, 0..self.network.operations.len());
        workspace.score(0, None);
        workspace.outputs
    }

    /// Refuses a class that there is not.
    ///
    /// # Errors
    /// How many there are.
    pub(crate) fn class_that_there_is(&self, class: Option<u32>) -> Result<Option<usize>, TrainerError> {
        let classes = self.network.classes;
        match class {
            Some(class) if class as usize >= classes => {
                Err(TrainerError::Network { reason: format!("expected a class below {classes}, found {class}") })
            }
            class => Ok(class.map(|class| class as usize)),
        }
    }

    /// Runs the first probes forwards and backwards, of each its label if it has one.
    fn pass_probes(&mut self, labels: &[Option<usize>]) {
        let shared =
            Shared { network: &self.network, parameters: &self.parameters, packed: &self.packed, batch: &self.batch };
        let operations = self.network.operations.len();
        let wanted = self.network.reached(|index, _| self.network.blocks.iter().any(|block| block.last == index));
        let context = ImageContext { keep: true, ..ImageContext::EVALUATION };
        self.threads.for_each(&mut self.probes[..labels.len()], |index, workspace| {
            workspace.forward(shared, context, 0..operations);
            let label = labels[index].unwrap_or_else(|| {
                workspace.score(0, None);
                // Where there are no classes, no label is looked at.
                workspace.outcome.predicted.unwrap_or(0)
            });
            workspace.score(label, Some(1.0));
            workspace.backward(shared, context, 0..operations, &wanted, None);
        });
    }

    /// What the first `images` images of the last [`probe`](Self::probe) left
    /// of each block, `[image][block]`.
    pub(crate) fn probed(&self, images: usize) -> Vec<BlockView<'_>> {
        let blocks = &self.network.blocks;
        self.probes[..images]
            .iter()
            .flat_map(|workspace| {
                blocks.iter().enumerate().map(move |(index, block)| BlockView {
                    activations: if index + 1 == blocks.len() {
                        &workspace.outputs
                    } else {
                        &workspace.maps[block.last + 1]
                    },
                    gradients: &workspace.gradients[block.last + 1],
                })
            })
            .collect()
    }
}

/// The largest value of a map, and where it is first; what is no number is passed over.
fn strongest(image: ImageIndex, values: &[f32], map: ImageShape) -> Excitation {
    let (mut place, mut value) = (0, f32::NEG_INFINITY);
    for (other, &found) in values.iter().enumerate() {
        if found > value {
            (place, value) = (other, found);
        }
    }
    Excitation { image, value, row: (place / map.width) as u32, column: (place % map.width) as u32 }
}
