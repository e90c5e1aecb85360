//! What a writer does before its first step: take stock, and remove what a
//! kill left behind. Nothing that is committed is touched.

use std::fs;
use std::path::PathBuf;

use revacnn_schemas::{BranchRecord, Fidelity, Step, Table};

use crate::StoreError;
use crate::disk::Disk;
use crate::disk::paths::{BranchPaths, StepSpan};
use crate::read::gaps::lost_steps;
use crate::read::listing::{Listing, list_if_there};
use crate::read::seen::Seen;
use crate::read::strays::Strays;
use crate::thinning::{Thinned, remove_tensors};

/// What a branch holds when its writer opens.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) sealed: Vec<StepSpan>,
    pub(crate) tail: Vec<StepSpan>,
    pub(crate) thinned: Vec<StepSpan>,
}

impl Recovered {
    /// The newest committed step.
    pub(crate) fn last_committed(&self) -> Option<Step> {
        self.tail.last().or(self.sealed.last()).map(|span| span.last)
    }
}

/// Makes the folders of a branch that are not there.
pub(crate) fn create_folders(disk: &Disk, paths: &BranchPaths) -> Result<(), StoreError> {
    Table::ALL.into_iter().try_for_each(|table| disk.create_folder(&paths.table(table)))?;
    disk.create_folder(&paths.tail())
}

/// Cleans up; the caller holds the writer's lock.
pub(crate) fn recover(disk: &Disk, paths: &BranchPaths, branch: &BranchRecord) -> Result<Recovered, StoreError> {
    let first = branch.first_step();
    create_folders(disk, paths)?;
    disk.sync_folder(&paths.folder)?;
    // First what may be worth keeping, while what tells it apart is there.
    let seen = Seen::look(paths)?;
    let listing = Listing::of(paths, &seen)?;
    let strays = Strays::of(paths, &seen, &listing);
    let sealed = listing.segments.last().map(|span| span.last);
    if let Some(&lost) = strays.lost.iter().find(|lost| sealed.is_none_or(|sealed| lost.last > sealed)) {
        let has = sealed.map_or_else(|| "which has none".to_owned(), |last| format!("which has steps up to {last}"));
        return Err(lost_steps(paths, &branch.name, lost, &has));
    }
    if !strays.uncommitted.is_empty() {
        for &(span, table) in &strays.uncommitted {
            disk.remove_file(&paths.segment(table, span))?;
        }
        // A power failure may keep the one removal and undo the other.
        let folders: Vec<PathBuf> = strays.uncommitted.iter().map(|(_, table)| paths.table(*table)).collect();
        disk.sync_together(&[], &folders.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    }
    for name in list_if_there(&paths.tail())? {
        if name.starts_with('.') {
            let path = paths.tail().join(&name);
            let is_folder = fs::symlink_metadata(&path).is_ok_and(|entry| entry.is_dir());
            if is_folder {
                disk.remove_folder(&path)?;
            } else {
                disk.remove_file(&path)?;
            }
        }
    }
    // A kill of compact leaves the list behind, which says nothing of what
    // is materialised later.
    if branch.recording.fidelity == Fidelity::Keyframes {
        disk.remove_file(&paths.thinned())?;
    }
    let thinned = Thinned::read(paths)?;
    // The newest segment is never thinned: a list that goes further would
    // have the writer remove what nobody meant to.
    if let Some(beyond) = thinned.last().filter(|span| sealed.is_none_or(|sealed| span.last > sealed)) {
        return Err(StoreError::damaged(
            &paths.thinned(),
            sealed.map_or_else(
                || "no spans".to_owned(),
                |sealed| format!("spans up to step {sealed}, the last sealed one"),
            ),
            format!("steps {beyond}"),
        ));
    }
    for &part in &listing.merged {
        disk.remove_folder(&paths.part(part))?;
    }
    let mut expected = sealed.map_or(first, Step::next);
    for part in &listing.parts {
        if part.first != expected {
            return Err(StoreError::Missing {
                path: paths.tail(),
                expected: format!("steps from {expected}, before those of {part}"),
            });
        }
        expected = part.last.next();
    }
    for &segment in &listing.segments {
        if thinned.iter().any(|span| span.covers(&segment)) {
            remove_tensors(disk, paths, segment)?;
        }
    }
    Ok(Recovered { sealed: listing.segments, tail: listing.parts, thinned })
}
