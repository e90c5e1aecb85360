//! Thinning: the oldest segments lose their tensors, which keyframes bring
//! back, when a branch outgrows its disk budget.

use std::path::Path;

use revacnn_schemas::{BranchName, FORMAT_VERSION, Step};
use serde::{Deserialize, Serialize};

use crate::RecorderError;
use crate::disk::Disk;
use crate::json;
use crate::paths::{BranchPaths, STEP_LIMIT, StepSpan};
use crate::shape::TENSOR_TABLES;

/// `thinned.json`: the spans whose tensors are gone.
///
/// It is written before the first file is removed: a reader that finds a span
/// in it never looks for the files, and the next writer removes what a kill
/// left behind.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Thinned {
    format_version: u32,
    /// `[first, last]`, oldest first.
    spans: Vec<[u64; 2]>,
}

impl Thinned {
    /// What is thinned in a branch; nothing where there is no such file.
    pub(crate) fn read(paths: &BranchPaths) -> Result<Vec<StepSpan>, RecorderError> {
        let path = paths.thinned();
        let thinned: Self = match json::read(&path, "the list of thinned spans") {
            Ok(thinned) => thinned,
            Err(error) if error.is_missing_file() => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut spans: Vec<StepSpan> = Vec::with_capacity(thinned.spans.len());
        for [first, last] in thinned.spans {
            let ascends = spans.last().is_none_or(|before| before.last.0 < first);
            if first > last || last >= STEP_LIMIT || !ascends {
                let found = format!("[{first}, {last}]");
                return Err(RecorderError::damaged(&path, "ascending spans [first, last]", found));
            }
            spans.push(StepSpan::new(Step(first), Step(last)));
        }
        Ok(spans)
    }

    /// Notes the spans, joining neighbours, and then removes their files.
    pub(crate) fn apply(
        disk: &Disk,
        paths: &BranchPaths,
        thinned: &mut Vec<StepSpan>,
        segments: &[StepSpan],
    ) -> Result<(), RecorderError> {
        let mut all: Vec<StepSpan> = thinned.iter().chain(segments).copied().collect();
        all.sort();
        let mut joined: Vec<StepSpan> = Vec::new();
        for span in all {
            match joined.last_mut() {
                Some(last) if span.first.0 <= last.last.0.saturating_add(1) => {
                    last.last = last.last.max(span.last);
                }
                _ => joined.push(span),
            }
        }
        let description = Self {
            format_version: FORMAT_VERSION,
            spans: joined.iter().map(|span| [span.first.0, span.last.0]).collect(),
        };
        json::write(disk, &paths.thinned(), &description)?;
        *thinned = joined;
        for &segment in segments {
            remove_tensors(disk, paths, segment)?;
        }
        Ok(())
    }
}

/// Removes the tensor files of a segment that `thinned.json` names.
pub(crate) fn remove_tensors(disk: &Disk, paths: &BranchPaths, segment: StepSpan) -> Result<(), RecorderError> {
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

/// Bytes of a file; 0 where there is none.
pub(crate) fn file_bytes(path: &Path) -> u64 {
    path.symlink_metadata().map_or(0, |metadata| metadata.len())
}

/// The error for a step whose tensors are not on disk.
pub(crate) fn not_stored(branch: &BranchName, step: Step, nearest_keyframe: Option<Step>) -> RecorderError {
    RecorderError::TensorsNotStored { branch: branch.clone(), step, nearest_keyframe }
}
