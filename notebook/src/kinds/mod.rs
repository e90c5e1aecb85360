//! The kinds of cells, one a file. To add one, write its file and name it here.

mod beside;
mod chart;
mod compare;
mod confusion;
mod curve;
mod embedding;
mod filter;
mod filters;
mod joint;
mod layer;
mod loss;
mod network;

use crate::cell::Kind;

pub use chart::{QUANTITIES, is_of_filters};
pub use embedding::Start;

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
    embedding::Embedding,
    filter::Filter,
    filters::Filters,
    loss::Loss,
    network::Network,
}
