//! The network with its filters as nodes.

use serde::{Deserialize, Serialize};

use super::bits::equal_by_bits;
use super::{Hue, Image};
use crate::topology::{is_one, one};
use crate::{BranchName, ClassOutputs, FilterIdentity, ImageIndex, LayerName, Step};

/// A network at one step, seen for one image.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NetworkDiagram {
    /// What stands above it.
    pub title: String,
    /// The branch.
    pub branch: BranchName,
    /// The branch's colour.
    pub hue: Hue,
    /// The step whose weights are shown.
    pub step: Step,
    /// The image that the network looks at, and its index among the training images, if it is one
    /// of them; `None` where the data set is not at hand.
    pub input: Option<(Option<ImageIndex>, Image)>,
    /// The image's class, an index into `classes`; `None` where it has no label.
    pub label: Option<usize>,
    /// The layers that have filters, in order, without the class layer.
    pub columns: Vec<DiagramColumn>,
    /// The class layer, whose filters are the classes; `None` of a network that gives back the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_layer: Option<LayerName>,
    /// The classes and what the network says of them; empty where it was not
    /// computed.
    pub classes: Vec<ClassOutput>,
    /// What comes out of a network that gives back the image; `None` of any other, and where it was
    /// not computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconstruction: Option<Box<Image>>,
    /// What the outputs mean.
    #[serde(default, skip_serializing_if = "ClassOutputs::are_probabilities")]
    pub outputs: ClassOutputs,
    /// Layers that make channels of those of several, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joints: Vec<DiagramJoint>,
    /// What each column, joint and the classes read, in order; nothing where each reads what is
    /// before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<DiagramEdge>,
    /// The strongest chain through a filter, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<DiagramTrace>,
    /// What it lacks, and why: a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DiagramColumn {
    /// The layer.
    pub layer: LayerName,
    /// What it does, such as `conv 5×5 · relu · max 2×2`.
    pub description: String,
    /// The layer and those that follow it, up to the next that has filters here, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerName>,
    /// Its filters, in the order of the topology.
    pub nodes: Vec<DiagramNode>,
    /// Groups of the channels that it reads, each read by as many filters of its own, in order.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub groups: usize,
}

/// A layer that makes its channels of those of several, and has no filters to show.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DiagramJoint {
    /// The layer.
    pub layer: LayerName,
    /// The layer and those that follow it, up to the next that has filters or makes its channels here, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerName>,
    /// Whether it adds channels up; otherwise it has those of all, one after the other.
    pub adds: bool,
    /// How many columns are before it.
    pub after: usize,
}

impl NetworkDiagram {
    /// All layers but the class layer, in order.
    pub fn layers_in_order(&self) -> Vec<LayerName> {
        let joints = |after: usize| self.joints.iter().filter(move |joint| joint.after == after);
        let mut layers = Vec::new();
        for place in 0..=self.columns.len() {
            layers.extend(joints(place).flat_map(|joint| joint.layers.iter().cloned()));
            layers.extend(self.columns.get(place).into_iter().flat_map(|column| column.layers.iter().cloned()));
        }
        layers
    }

    /// The layer that one in the gap before a column, or behind the last one, follows: the last one before it.
    pub fn before_gap(&self, gap: usize) -> Option<&LayerName> {
        let joint = self.joints.iter().rfind(|joint| joint.after == gap);
        let column = || gap.checked_sub(1).and_then(|place| self.columns.get(place));
        match joint {
            Some(joint) => joint.layers.last().or(Some(&joint.layer)),
            None => column().map(|column| column.layers.last().unwrap_or(&column.layer)),
        }
    }
}

/// From what is read to what reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DiagramEdge {
    /// What is read.
    pub from: DiagramPart,
    /// What reads it.
    pub to: DiagramPart,
}

/// A part of a diagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiagramPart {
    /// The image.
    Input,
    /// A column, by its place.
    Column(usize),
    /// A joint, by its place.
    Joint(usize),
    /// The classes.
    Classes,
}

/// The strongest chain through a filter: from the image to it, and on to what the network says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DiagramTrace {
    /// The filter.
    pub of: DiagramFilter,
    /// Its links, from left to right; none where nothing excites the filter, and it excites nothing.
    pub links: Vec<DiagramLink>,
}

impl DiagramTrace {
    /// Whether the chain goes through a filter, or is of it.
    pub fn goes_through(&self, layer: &LayerName, filter: &FilterIdentity) -> bool {
        let is_it = |at: &DiagramFilter| at.layer == *layer && at.filter == *filter;
        let ends = self.links.iter().flat_map(|link| [&link.from, &link.to]);
        is_it(&self.of) || ends.into_iter().any(|end| matches!(end, DiagramEnd::Filter(at) if is_it(at)))
    }
}

/// A filter by its layer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DiagramFilter {
    /// The layer.
    pub layer: LayerName,
    /// The filter.
    pub filter: FilterIdentity,
}

/// A link of a chain.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DiagramLink {
    /// What is read.
    pub from: DiagramEnd,
    /// What reads it.
    pub to: DiagramEnd,
    /// How much of what excites the one that reads comes from there, between 0 and 1.
    pub share: f32,
}

equal_by_bits!(DiagramLink { from, to; share });

/// An end of a link.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiagramEnd {
    /// The image.
    Input,
    /// A filter of a column.
    Filter(DiagramFilter),
    /// What the network says: a class, or a value of the image that it gives back, by its place.
    Output(usize),
}

/// One filter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DiagramNode {
    /// The filter.
    pub filter: FilterIdentity,
    /// What the node shows: coefficients or activation map.
    pub image: Option<Image>,
    /// Mean absolute gradient of its coefficients: the paper's jitter. `None`
    /// where the step has no gradient of it.
    pub mean_abs_gradient: Option<f32>,
    /// Euclidean norm of its coefficients.
    pub weight_norm: f32,
    /// Norm of the last update over the norm of the weights.
    pub update_ratio: Option<f32>,
    /// Sum of its activation map for the image: the paper's path thickness.
    pub activation_sum: Option<f32>,
    /// Share of its activations that are zero.
    pub zero_share: Option<f32>,
    /// Whether its activation sum is in the upper half of its layer's: only
    /// those paths are drawn.
    pub top_half: bool,
    /// Whether it does not train.
    pub frozen: bool,
    /// Whether it was born in the branch that is shown.
    pub new: bool,
}

equal_by_bits!(DiagramNode { filter, image, top_half, frozen, new; mean_abs_gradient, weight_norm, update_ratio, activation_sum, zero_share });

/// One class and what the network says of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClassOutput {
    /// The class's name.
    pub name: String,
    /// Its probability, between 0 and 1, or its score or value.
    pub value: f32,
}

equal_by_bits!(ClassOutput { name; value });
