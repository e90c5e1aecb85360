//! What was read or computed and may be wanted again: in one place, bounded in
//! bytes, what was not used longest goes first.

use std::sync::Arc;

use lru::LruCache;
use revacnn_analysis::{EmbeddedFilter, Embedding};
use revacnn_recorder::Replay;
use revacnn_schemas::{BranchId, BranchRecord, LayerName, Prediction, Step};
use revacnn_store::StepTensors;
use revacnn_trainer::data::Split;

use super::activations::{ImagesPlaced, PlacedImages};
use super::curves::{Curve, Quantity};
use crate::{ChosenImage, Source};

/// So many bytes are kept: the curves of dozens of long branches.
const MOST_BYTES: usize = 64 << 20;

/// Tensors are at most one in so many bytes of these: a drag over the timeline reads a
/// step's after another's, and comes back to the newest of them.
const SHARE_OF_TENSORS: usize = 4;

/// A step that was looked at, and the image whose maps were computed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Looked {
    pub(crate) branch: BranchId,
    pub(crate) step: Step,
    pub(crate) image: Option<ChosenImage>,
}

/// What was embedded, from nothing but these.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Embedded {
    /// The steps, each with the branch that holds it.
    pub(crate) steps: Vec<(BranchId, Step)>,
    pub(crate) layer: LayerName,
    pub(crate) of: Source,
    pub(crate) image: Option<ChosenImage>,
    pub(crate) is_pca: bool,
    /// The bits of the perplexity.
    pub(crate) perplexity: Option<u64>,
    pub(crate) seed: u64,
}

/// Images of which it was computed what the network of a step says, and how many classes are told of each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Predicted {
    pub(crate) branch: BranchId,
    pub(crate) step: Step,
    pub(crate) split: Split,
    pub(crate) most: usize,
}

/// What is kept is found by this.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Replay(BranchId),
    Tensors(Looked),
    Curve(BranchId, Quantity),
    Embedding(Embedded),
    Images(Box<ImagesPlaced>),
    Predictions(Predicted),
}

impl Key {
    /// Whether all that it is of is known.
    fn is_of(&self, known: &dyn Fn(&BranchId) -> bool) -> bool {
        match self {
            Self::Replay(branch)
            | Self::Curve(branch, _)
            | Self::Tensors(Looked { branch, .. })
            | Self::Predictions(Predicted { branch, .. }) => known(branch),
            Self::Embedding(embedded) => embedded.steps.iter().all(|(branch, _)| known(branch)),
            Self::Images(placed) => {
                [Some(&placed.at), placed.reference.as_ref()].into_iter().flatten().all(|(branch, _)| known(branch))
            }
        }
    }
}

#[derive(Debug)]
enum Value {
    Replay(Box<Replay>),
    /// What is recorded of a step never changes.
    Tensors(Arc<StepTensors>),
    Curve(Curve),
    Embedding(Arc<Embedding>),
    Images(Arc<PlacedImages>),
    Predictions(Arc<[Prediction]>),
}

/// What is kept.
#[derive(Debug)]
pub(crate) struct Kept {
    values: LruCache<Key, (Value, usize)>,
    bytes: usize,
    most: usize,
}

impl Default for Kept {
    fn default() -> Self {
        Self { values: LruCache::unbounded(), bytes: 0, most: MOST_BYTES }
    }
}

impl Kept {
    fn keep(&mut self, key: Key, value: Value, bytes: usize) {
        self.take(&key);
        self.bytes += bytes;
        self.values.put(key, (value, bytes));
        // What was just made stays, however large it is.
        while self.bytes > self.most && self.values.len() > 1 {
            let gone = self.values.pop_lru();
            self.bytes -= gone.map_or(0, |(_, (_, bytes))| bytes);
        }
    }

    /// Drops the tensors that were not used longest, but for the newest.
    fn drop_old_tensors(&mut self) {
        let tensors = self.values.iter().filter(|(key, _)| matches!(key, Key::Tensors(_)));
        let mut kept = 0;
        let old: Vec<Key> = tensors
            .enumerate()
            .filter_map(|(place, (key, (_, bytes)))| {
                kept += bytes;
                (place > 0 && kept > self.most / SHARE_OF_TENSORS).then(|| key.clone())
            })
            .collect();
        for key in old {
            self.take(&key);
        }
    }

    fn take(&mut self, key: &Key) -> Option<Value> {
        let (value, bytes) = self.values.pop(key)?;
        self.bytes -= bytes;
        Some(value)
    }

    /// A step's tensors.
    pub(crate) fn tensors(&mut self, looked: &Looked) -> Option<Arc<StepTensors>> {
        match self.values.get(&Key::Tensors(looked.clone())) {
            Some((Value::Tensors(tensors), _)) => Some(tensors.clone()),
            _ => None,
        }
    }

    pub(crate) fn keep_tensors(&mut self, looked: Looked, tensors: Arc<StepTensors>) {
        let bytes = bytes_of_tensors(&tensors);
        self.keep(Key::Tensors(looked), Value::Tensors(tensors), bytes);
        self.drop_old_tensors();
    }

    /// A branch's replay, to be kept again after use.
    pub(crate) fn take_replay(&mut self, branch: &BranchId) -> Option<Replay> {
        match self.take(&Key::Replay(branch.clone())) {
            Some(Value::Replay(replay)) => Some(*replay),
            _ => None,
        }
    }

    pub(crate) fn keep_replay(&mut self, replay: Replay) {
        let record = replay.reader().branch();
        let (key, bytes) = (Key::Replay(record.id.clone()), bytes_of_replay(record));
        self.keep(key, Value::Replay(Box::new(replay)), bytes);
    }

    /// A branch's curve, to be kept again after use.
    pub(crate) fn take_curve(&mut self, branch: &BranchId, quantity: &Quantity) -> Option<Curve> {
        match self.take(&Key::Curve(branch.clone(), quantity.clone())) {
            Some(Value::Curve(curve)) => Some(curve),
            _ => None,
        }
    }

    pub(crate) fn keep_curve(&mut self, branch: &BranchId, quantity: &Quantity, curve: Curve) {
        let bytes = curve.bytes();
        self.keep(Key::Curve(branch.clone(), quantity.clone()), Value::Curve(curve), bytes);
    }

    /// An embedding.
    pub(crate) fn embedding(&mut self, embedded: &Embedded) -> Option<Arc<Embedding>> {
        match self.values.get(&Key::Embedding(embedded.clone())) {
            Some((Value::Embedding(found), _)) => Some(found.clone()),
            _ => None,
        }
    }

    pub(crate) fn keep_embedding(&mut self, embedded: Embedded, found: Arc<Embedding>) {
        let bytes = found.points.len() * 2 * size_of::<EmbeddedFilter>();
        self.keep(Key::Embedding(embedded), Value::Embedding(found), bytes);
    }

    /// Images in a plane.
    pub(crate) fn images(&mut self, placed: &ImagesPlaced) -> Option<Arc<PlacedImages>> {
        match self.values.get(&Key::Images(Box::new(placed.clone()))) {
            Some((Value::Images(found), _)) => Some(found.clone()),
            _ => None,
        }
    }

    pub(crate) fn keep_images(&mut self, placed: ImagesPlaced, found: Arc<PlacedImages>) {
        let bytes = found.bytes();
        self.keep(Key::Images(Box::new(placed)), Value::Images(found), bytes);
    }

    /// What the network of a step says of images.
    pub(crate) fn predictions(&mut self, predicted: &Predicted) -> Option<Arc<[Prediction]>> {
        match self.values.get(&Key::Predictions(predicted.clone())) {
            Some((Value::Predictions(found), _)) => Some(found.clone()),
            _ => None,
        }
    }

    pub(crate) fn keep_predictions(&mut self, predicted: Predicted, found: Arc<[Prediction]>) {
        let of_each = size_of::<Prediction>() + predicted.most * size_of::<(u32, f32)>();
        let bytes = found.len() * of_each;
        self.keep(Key::Predictions(predicted), Value::Predictions(found), bytes);
    }

    /// The replays.
    pub(crate) fn replays(&self) -> impl Iterator<Item = &Replay> {
        self.values.iter().filter_map(|(_, (value, _))| match value {
            Value::Replay(replay) => Some(&**replay),
            _ => None,
        })
    }

    /// Drops what is of branches that are gone, and the replays of those whose
    /// description is another one.
    pub(crate) fn forget(&mut self, known: &dyn Fn(&BranchId) -> bool, same: &dyn Fn(&BranchRecord) -> bool) {
        let is_true = |key: &Key, value: &Value| match value {
            Value::Replay(replay) => same(replay.reader().branch()),
            Value::Tensors(_) | Value::Curve(_) | Value::Embedding(_) | Value::Images(_) | Value::Predictions(_) => {
                key.is_of(known)
            }
        };
        let untrue = self.values.iter().filter(|(key, (value, _))| !is_true(key, value));
        for key in untrue.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.take(&key);
        }
    }
}

fn bytes_of_tensors(tensors: &StepTensors) -> usize {
    let layers = tensors.parameters.iter().map(|layer| {
        let gradients = layer.gradients.as_ref().map_or(0, |gradients| gradients.weights.len());
        layer.weights.len() + layer.biases.len() + gradients
    });
    let blocks = tensors.blocks.iter().map(|block| block.activations.len() + block.gradients.len());
    layers.chain(blocks).sum::<usize>() * size_of::<f32>()
}

/// About what a replay holds: networks with gradients and an optimizer's slots,
/// and some steps.
fn bytes_of_replay(record: &BranchRecord) -> usize {
    let coefficients = record.topology.parameter_layers().map(|layer| {
        let filters = layer.filters.len();
        filters * (layer.coefficients.unwrap_or_default() + 1)
    });
    (4 << 20) + 16 * coefficients.sum::<usize>() * size_of::<f32>()
}

#[cfg(test)]
mod tests {
    use revacnn_store::LayerTensors;

    use super::*;

    fn tensors(step: u64, numbers: usize) -> (Looked, Arc<StepTensors>) {
        let (step, layer) = (Step(step), "conv1".parse().unwrap());
        let layer = LayerTensors { layer, weights: vec![0.0; numbers], biases: Vec::new(), gradients: None };
        let found = StepTensors {
            step,
            parameters: vec![layer],
            normalisation: Vec::new(),
            probes: Vec::new(),
            blocks: Vec::new(),
        };
        (Looked { branch: "b0123456789abcde".parse().unwrap(), step, image: None }, Arc::new(found))
    }

    #[test]
    fn a_drag_drops_the_tensors_behind_it_and_no_curve() {
        let mut kept = Kept { most: 4_000, ..Kept::default() };
        let embedded = Embedded {
            steps: Vec::new(),
            layer: "conv1".parse().unwrap(),
            of: Source::Weights,
            image: None,
            is_pca: true,
            perplexity: None,
            seed: 0,
        };
        kept.keep(Key::Embedding(embedded.clone()), Value::Tensors(tensors(0, 1).1), 2_000);
        for step in 0..10 {
            let (looked, found) = tensors(step, 100);
            kept.keep_tensors(looked, found);
        }
        let there: Vec<u64> = (0..10).filter(|&step| kept.tensors(&tensors(step, 0).0).is_some()).collect();
        assert_eq!(there, [8, 9], "1,000 bytes hold two of 400");
        assert_eq!(kept.bytes, 2_800);
        assert!(kept.values.contains(&Key::Embedding(embedded)));
        // One that is larger than the share stays while it is the newest.
        let (looked, found) = tensors(11, 1_000);
        kept.keep_tensors(looked.clone(), found);
        assert!(kept.tensors(&looked).is_some() && kept.tensors(&tensors(9, 0).0).is_none());
    }
}
