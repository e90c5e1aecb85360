//! Which branches a figure is of: single ones, and the members of families.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use revacnn_schemas::{Address, BranchName, BranchRecord, SchemaError};
use revacnn_store::{Store, StoreError};
use revacnn_trainer::data::OwnPicture;

use super::CommandError;
use crate::kinds::Family;

/// What is shown: a branch, or the members of a family.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum BranchOf {
    /// A branch.
    Branch(Address),
    /// The members of a family.
    Members(BranchName),
}

impl BranchOf {
    pub(super) fn name(&self) -> &BranchName {
        match self {
            Self::Branch(address) => &address.branch,
            Self::Members(name) => name,
        }
    }
}

impl FromStr for BranchOf {
    type Err = SchemaError;

    fn from_str(text: &str) -> Result<Self, SchemaError> {
        match text.strip_suffix(".*") {
            Some(name) => name.parse().map(Self::Members),
            None => text.parse().map(Self::Branch),
        }
    }
}

impl fmt::Display for BranchOf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(address) => address.fmt(formatter),
            Self::Members(name) => write!(formatter, "{name}.*"),
        }
    }
}

/// Where branches and pictures are looked up: in a store and as paths say, or among those of a
/// notebook and in its folder.
#[derive(Clone, Copy)]
pub struct Lookup<'a> {
    /// The description of a branch.
    pub record: &'a dyn Fn(&BranchName) -> Result<BranchRecord, CommandError>,
    /// The members of a family, in order; none where there are none.
    pub members: &'a dyn Fn(&BranchName) -> Result<Vec<BranchName>, CommandError>,
    /// The picture in a file.
    pub picture: &'a dyn Fn(&Path) -> Result<OwnPicture, CommandError>,
}

impl fmt::Debug for Lookup<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Lookup").finish_non_exhaustive()
    }
}

/// The branches of a store that are called as the members of a family are, in the order
/// of their numbers.
///
/// # Errors
/// Where the store cannot be read.
pub fn members_in(store: &Store, family: &BranchName) -> Result<Vec<BranchName>, StoreError> {
    let number = |name: &BranchName| -> Option<u64> {
        let number = name.as_str().strip_prefix(family.as_str())?.strip_prefix('.')?;
        number.bytes().all(|digit| digit.is_ascii_digit()).then(|| number.parse().ok())?
    };
    let records = store.branches()?.records;
    let mut members: Vec<(u64, BranchName)> =
        records.into_iter().filter_map(|record| Some((number(&record.name)?, record.name))).collect();
    members.sort();
    Ok(members.into_iter().map(|(_, name)| name).collect())
}

/// The single branches.
pub(super) fn single(of: &[BranchOf]) -> Vec<Address> {
    let branch = |of: &BranchOf| match of {
        BranchOf::Branch(address) => Some(address.clone()),
        BranchOf::Members(_) => None,
    };
    of.iter().filter_map(branch).collect()
}

/// The families.
pub(super) fn members_of(of: &[BranchOf]) -> Vec<BranchName> {
    of.iter().filter(|of| matches!(of, BranchOf::Members(_))).map(|of| of.name().clone()).collect()
}

/// Has the bare names of families stand for their members, as they do in a notebook.
pub(super) fn name_families(of: &mut [BranchOf], is_family: impl Fn(&BranchName) -> bool) {
    for of in of.iter_mut().filter(|of| is_family(of.name())) {
        *of = BranchOf::Members(of.name().clone());
    }
}

/// All branches that are shown, and which of them are taken together.
pub(super) fn resolved(
    of: &[BranchOf],
    lookup: Lookup<'_>,
    members_alone: bool,
) -> Result<(Vec<BranchName>, Vec<Family>), CommandError> {
    let (mut branches, mut together) = (Vec::new(), Vec::new());
    for of in of {
        let BranchOf::Members(name) = of else {
            // Twice the same is shown once.
            if !branches.contains(of.name()) {
                branches.push(of.name().clone());
            }
            continue;
        };
        let members = (lookup.members)(name)?;
        if members.is_empty() {
            return Err(CommandError::Value(format!(
                "expected the members of a family, {name}.0, {name}.1 and so on, found none of them"
            )));
        }
        branches.retain(|branch| !members.contains(branch));
        branches.extend(members.iter().cloned());
        if !members_alone {
            together.push(Family { name: name.clone(), members });
        }
    }
    Ok((branches, together))
}
