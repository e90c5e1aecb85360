//! What a pack says of itself before anything else, and which files it may hold.

use revacnn_schemas::{BranchId, BranchName, Digest, Table};
use serde::{Deserialize, Serialize};

use crate::arrays::is_file_name;
use crate::disk::paths::parse_span;

/// The first entry of a pack.
pub(crate) const MANIFEST: &str = "manifest.json";

/// `manifest.json`: everything that follows it, in order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub(crate) format_version: u32,
    /// Whether tensors were left out, which follow from the keyframes.
    pub(crate) thin: bool,
    /// From the root to the branch that was packed.
    pub(crate) branches: Vec<PackedBranch>,
}

/// A branch of a pack.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackedBranch {
    pub(crate) id: BranchId,
    pub(crate) name: BranchName,
    pub(crate) files: Vec<PackedFile>,
}

/// A file of a branch.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PackedFile {
    /// Its place in the branch's folder, with `/` between names.
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// BLAKE3.
    pub(crate) digest: Digest,
}

impl Manifest {
    /// Bytes of all files; `None` where no number holds them.
    pub(crate) fn bytes(&self) -> Option<u64> {
        let files = self.branches.iter().flat_map(|branch| &branch.files);
        files.map(|file| file.bytes).try_fold(0_u64, u64::checked_add)
    }
}

/// The name of an entry.
pub(crate) fn entry_name(branch: &BranchId, path: &str) -> String {
    format!("branches/branch={branch}/{path}")
}

/// Whether a path in a branch's folder is one that the store itself makes, and that
/// belongs to the branch rather than to who works on it.
pub(crate) fn is_of_branch(path: &str) -> bool {
    let mut names = path.split('/');
    match (names.next(), names.next(), names.next(), names.next()) {
        (Some("branch.json" | "thinned.json" | "materialised.json"), None, ..) => true,
        (Some(name), None, ..) => is_file_name(name),
        (Some("tail"), Some(span), Some(file), None) => {
            let table = file.strip_suffix(".parquet").and_then(Table::from_name);
            parse_span(span).is_some() && table.is_some_and(|table| !matches!(table, Table::Events | Table::Topology))
        }
        (Some(table), Some(file), None, None) => match (Table::from_name(table), file.strip_suffix(".parquet")) {
            (Some(Table::Events), Some(span)) => {
                // A second event of a step is `FIRST-LAST.1.parquet`.
                let (span, copy) = span.split_once('.').map_or((span, None), |(span, copy)| (span, Some(copy)));
                let is_number = |copy: &str| copy.parse::<u32>().is_ok_and(|copy| copy > 0);
                let plain = |copy: &str| !copy.starts_with(['0', '+']) && is_number(copy);
                parse_span(span).is_some() && copy.is_none_or(plain)
            }
            (Some(_), Some(span)) => parse_span(span).is_some(),
            _ => false,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_store_makes_has_a_place_in_a_branch() {
        for good in [
            "branch.json",
            "thinned.json",
            "arrays-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.safetensors",
            "steps/000000000000-000000000511.parquet",
            "topology/000000000000-000000000000.parquet",
            "events/000000000007-000000000007.parquet",
            "events/000000000007-000000000007.12.parquet",
            "tail/000000000512-000000000600/activation_gradients.parquet",
        ] {
            assert!(is_of_branch(good), "{good}");
        }
        for bad in [
            "",
            "/branch.json",
            "./branch.json",
            "../branch.json",
            "branch.json/",
            "branch.lock",
            "arrays-0123.safetensors",
            "target.json",
            "inbox/x.json",
            "steps",
            "steps/",
            "steps/../branch.json",
            "steps//000000000000-000000000511.parquet",
            "steps/0-511.parquet",
            "steps/000000000000-000000000511.1.parquet",
            "steps/000000000000-000000000511",
            "events/000000000007-000000000007.0.parquet",
            "events/000000000007-000000000007.+1.parquet",
            "events/000000000007-000000000007.1.1.parquet",
            "tail/.open-000000000512-000000000600/steps.parquet",
            "tail/000000000512-000000000600/events.parquet",
            "tail/000000000512-000000000600/steps.parquet/x",
            "others/000000000000-000000000511.parquet",
        ] {
            assert!(!is_of_branch(bad), "{bad}");
        }
    }
}
