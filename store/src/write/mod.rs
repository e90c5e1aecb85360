//! From a step to a segment: the writer's handle, its queue and thread; open
//! parts; Parquet files; the commit, and what a writer does before its first step.

pub(crate) mod append;
pub(crate) mod batches;
pub(crate) mod columns;
pub(crate) mod commit;
pub(crate) mod contention;
pub(crate) mod file;
pub(crate) mod list_pages;
pub(crate) mod pages;
pub(crate) mod part;
pub(crate) mod queue;
pub(crate) mod record;
pub(crate) mod recorder;
pub(crate) mod recovery;
pub(crate) mod rewrite;
pub(crate) mod rowgroup;
pub(crate) mod rows;
pub(crate) mod side_by_side;
pub(crate) mod splice;
pub(crate) mod statistics;
pub(crate) mod topology;
