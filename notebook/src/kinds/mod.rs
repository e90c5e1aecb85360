//! The kinds of cells, one a file. To add one, write its file and name it here.

mod beside;
mod chart;
mod compare;
mod confusion;
mod curve;
mod differences;
mod embedding;
mod family;
mod filter;
mod filters;
mod filters_over_time;
mod histogram;
mod image_embedding;
mod joint;
mod layer;
mod loss;
mod maximise;
mod network;
mod patches;
mod pictured;
mod predict;
mod predictions;
mod query;
mod recorded;
mod regions;
mod results;
mod saliency;
mod samples;
mod table;
mod trace;
mod untrained;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::{Cell, Kind};

pub use chart::{ACCURACY, QUANTITIES, is_of_filters};
pub(crate) use chart::{check_layer, unknown_quantity};
pub(crate) use curve::outputs_of;
pub use embedding::Start;
pub use family::Family;
pub use image_embedding::MOST_PANELS;
pub use recorded::{filters_at_step, layers_at_step};
pub(crate) use regions::MOST_STEPS;
pub use trace::Traced;
pub use untrained::untrained;

macro_rules! kinds {
    ($($module:ident::$kind:ident,)*) => {
        $(pub use $module::$kind;)*

        /// All kinds, as they are read from a file.
        pub const KINDS: &[Kind] = &[$(Kind::of::<$kind>(),)*];
    };
}

kinds! {
    beside::Beside,
    chart::Chart,
    compare::Compare,
    confusion::Confusion,
    differences::Differences,
    embedding::Embedding,
    filter::Filter,
    filters::Filters,
    filters_over_time::FiltersOverTime,
    histogram::Histogram,
    image_embedding::ImageEmbedding,
    loss::Loss,
    maximise::Maximise,
    network::Network,
    patches::Patches,
    predict::Predict,
    predictions::Predictions,
    query::Query,
    recorded::Recorded,
    regions::Regions,
    results::Results,
    saliency::Saliency,
    samples::Samples,
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let known = || KINDS.iter().map(Kind::name).collect::<Vec<_>>().join(", ");
        let Some(Value::String(name)) = fields.remove("kind") else {
            return Err(D::Error::custom(format!("expected a cell with its `kind`, one of {}", known())));
        };
        let kind = KINDS.iter().find(|kind| kind.name() == name);
        let kind = kind.ok_or_else(|| D::Error::custom(format!("expected one of {}, found `{name}`", known())))?;
        kind.read(Value::Object(fields)).map_err(D::Error::custom)
    }
}
