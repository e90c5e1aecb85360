//! Spans of steps whose tensors keyframes bring back: thinned where a branch
//! of fidelity `every` outgrew its disk budget, and all but what was
//! materialised of a branch of fidelity `keyframes`.

use std::path::Path;

use revacnn_schemas::{BranchName, FORMAT_VERSION, Fidelity, Step};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::disk::Disk;
use crate::disk::json;
use crate::disk::paths::{BranchPaths, STEP_LIMIT, StepSpan};
use crate::disk::system::file_bytes;
use crate::shape::TENSOR_TABLES;

/// A list of spans on disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpanList {
    format_version: u32,
    /// `[first, last]`, oldest first.
    spans: Vec<[u64; 2]>,
}

impl SpanList {
    fn read(path: &Path, what: &'static str) -> Result<Vec<StepSpan>, StoreError> {
        let list: Self = match json::read(path, what) {
            Ok(list) => list,
            Err(error) if error.is_missing_file() => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut spans: Vec<StepSpan> = Vec::with_capacity(list.spans.len());
        for [first, last] in list.spans {
            let ascends = spans.last().is_none_or(|before| before.last.0 < first);
            if first > last || last >= STEP_LIMIT || !ascends {
                let found = format!("[{first}, {last}]");
                return Err(StoreError::damaged(path, "ascending spans [first, last]", found));
            }
            spans.push(StepSpan::new(Step(first), Step(last)));
        }
        Ok(spans)
    }

    fn of(spans: &[StepSpan]) -> Self {
        let spans = spans.iter().map(|span| [span.first.0, span.last.0]).collect();
        Self { format_version: FORMAT_VERSION, spans }
    }

    fn write(disk: &Disk, path: &Path, spans: &[StepSpan]) -> Result<(), StoreError> {
        json::write(disk, path, &Self::of(spans))
    }
}

/// Whether the tensors of all steps of a span are stored, by the spans that were
/// thinned and those that were materialised.
pub(crate) fn stores_tensors(fidelity: Fidelity, [thinned, materialised]: [&[StepSpan]; 2], span: StepSpan) -> bool {
    let covers = |spans: &[StepSpan]| spans.iter().any(|other| other.covers(&span));
    match fidelity {
        Fidelity::Every => !covers(thinned),
        Fidelity::Keyframes => covers(materialised),
    }
}

/// `thinned.json` or `materialised.json` of these spans.
pub(crate) fn list_text(path: &Path, spans: &[StepSpan]) -> Result<Vec<u8>, StoreError> {
    json::text(path, &SpanList::of(spans))
}

/// The spans together, neighbours joined.
pub(crate) fn joined(spans: impl Iterator<Item = StepSpan>) -> Vec<StepSpan> {
    let mut all: Vec<StepSpan> = spans.collect();
    all.sort();
    let mut joined: Vec<StepSpan> = Vec::new();
    for span in all {
        match joined.last_mut() {
            Some(last) if span.first.0 <= last.last.0.saturating_add(1) => last.last = last.last.max(span.last),
            _ => joined.push(span),
        }
    }
    joined
}

/// `thinned.json`: the spans whose tensors are gone, of a branch of fidelity
/// `every`.
///
/// It is written before the first file is removed: a reader that finds a span
/// in it never looks for the files, and the next writer removes what a kill
/// left behind.
pub(crate) struct Thinned;

impl Thinned {
    /// What is thinned in a branch; nothing where there is no such file.
    pub(crate) fn read(paths: &BranchPaths) -> Result<Vec<StepSpan>, StoreError> {
        SpanList::read(&paths.thinned(), "the list of thinned spans")
    }

    /// Notes the spans and then removes their files.
    pub(crate) fn apply(
        disk: &Disk,
        paths: &BranchPaths,
        thinned: &mut Vec<StepSpan>,
        segments: &[StepSpan],
    ) -> Result<(), StoreError> {
        let all = joined(thinned.iter().chain(segments).copied());
        SpanList::write(disk, &paths.thinned(), &all)?;
        *thinned = all;
        segments.iter().try_for_each(|&segment| remove_tensors(disk, paths, segment))
    }

    /// Notes that a segment's tensors, whose files are in place, are back.
    pub(crate) fn restore(disk: &Disk, paths: &BranchPaths, segment: StepSpan) -> Result<(), StoreError> {
        let rest: Vec<StepSpan> = Self::read(paths)?.into_iter().flat_map(|span| span.without(&segment)).collect();
        SpanList::write(disk, &paths.thinned(), &rest)
    }
}

/// `materialised.json`: the segments of a branch of fidelity `keyframes` whose
/// tensors are stored; written after their files are in place.
pub(crate) struct Materialised;

impl Materialised {
    /// What is materialised in a branch; nothing where there is no such file.
    pub(crate) fn read(paths: &BranchPaths) -> Result<Vec<StepSpan>, StoreError> {
        SpanList::read(&paths.materialised(), "the list of materialised spans")
    }

    /// Notes that a segment's tensors, whose files are in place, are stored.
    pub(crate) fn add(disk: &Disk, paths: &BranchPaths, segment: StepSpan) -> Result<(), StoreError> {
        let all = joined(Self::read(paths)?.into_iter().chain([segment]));
        SpanList::write(disk, &paths.materialised(), &all)
    }

    /// Notes that nothing is stored any more.
    pub(crate) fn clear(disk: &Disk, paths: &BranchPaths) -> Result<(), StoreError> {
        SpanList::write(disk, &paths.materialised(), &[])
    }
}

/// Removes the tensor files of a segment that `thinned.json` names.
pub(crate) fn remove_tensors(disk: &Disk, paths: &BranchPaths, segment: StepSpan) -> Result<(), StoreError> {
    for table in TENSOR_TABLES {
        let path = paths.segment(table, segment);
        if path.exists() {
            disk.remove_file(&path)?;
        }
    }
    Ok(())
}

/// Bytes of a segment's tensor files.
pub(crate) fn tensor_bytes(paths: &BranchPaths, segment: StepSpan) -> u64 {
    TENSOR_TABLES.iter().map(|&table| file_bytes(&paths.segment(table, segment))).sum()
}

/// The error for a step whose tensors are not on disk.
pub(crate) fn not_stored(branch: &BranchName, step: Step, nearest_keyframe: Option<Step>) -> StoreError {
    StoreError::TensorsNotStored { branch: branch.clone(), step, nearest_keyframe }
}
