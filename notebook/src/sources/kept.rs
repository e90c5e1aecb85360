//! What was read or computed and may be wanted again: in one place, bounded in
//! bytes, what was not used longest goes first.

use std::sync::Arc;

use lru::LruCache;
use revacnn_analysis::{EmbeddedFilter, Embedding};
use revacnn_recorder::Replay;
use revacnn_schemas::{BranchId, BranchRecord, ImageIndex, LayerName, Step};
use revacnn_store::StepTensors;

use super::curves::{Curve, Quantity};
use crate::Source;

/// So many bytes are kept: the curves of dozens of long branches, or the tensors
/// of some hundred steps.
const MOST_BYTES: usize = 64 << 20;

/// A step that was looked at, and the image whose maps were computed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Looked {
    pub(crate) branch: BranchId,
    pub(crate) step: Step,
    pub(crate) image: Option<ImageIndex>,
}

/// What was embedded, from nothing but these.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Embedded {
    /// The steps, each with the branch that holds it.
    pub(crate) steps: Vec<(BranchId, Step)>,
    pub(crate) layer: LayerName,
    pub(crate) of: Source,
    pub(crate) image: Option<ImageIndex>,
    pub(crate) is_pca: bool,
    /// The bits of the perplexity.
    pub(crate) perplexity: Option<u64>,
    pub(crate) seed: u64,
}

/// What is kept is found by this.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Replay(BranchId),
    Tensors(Looked),
    Curve(BranchId, Quantity),
    Embedding(Embedded),
}

impl Key {
    /// Whether all that it is of is known.
    fn is_of(&self, known: &dyn Fn(&BranchId) -> bool) -> bool {
        match self {
            Self::Replay(branch) | Self::Curve(branch, _) | Self::Tensors(Looked { branch, .. }) => known(branch),
            Self::Embedding(embedded) => embedded.steps.iter().all(|(branch, _)| known(branch)),
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
            Value::Tensors(_) | Value::Curve(_) | Value::Embedding(_) => key.is_of(known),
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
