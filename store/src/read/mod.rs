//! From a listing to a tensor: which steps there are, footers checked before
//! anything is decoded, seeks, rows and spans, a branch with its past.

pub(crate) mod checked_file;
pub(crate) mod checksum;
pub(crate) mod columns;
pub(crate) mod damage;
pub(crate) mod difference;
pub(crate) mod files;
pub(crate) mod footer;
pub(crate) mod gaps;
pub(crate) mod glance;
pub(crate) mod history;
pub(crate) mod limits;
pub(crate) mod lineage;
pub(crate) mod listing;
pub(crate) mod outline;
pub(crate) mod overview;
pub(crate) mod overviews;
pub(crate) mod query;
pub(crate) mod reader;
pub(crate) mod seek;
pub(crate) mod seen;
pub(crate) mod strays;
pub(crate) mod tensors;
pub(crate) mod thrift;
