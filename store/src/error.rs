//! The one error type of this crate. It carries facts; which option or button
//! helps is said by who talks to people.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::errors::ParquetError;
use revacnn_schemas::{Advice, BranchId, BranchName, OLDEST_FORMAT_VERSION, Position, Step, Table, one_line};

use crate::StepSpan;
use crate::shape::TENSOR_TABLES;

/// What can go wrong with a store. Every variant says what was expected, what
/// was found, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused an operation.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried, such as "create".
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The disk, a quota or a file size limit is exhausted.
    #[error(
        "the disk is full: cannot {operation} {}: {source}. Nothing half-written is visible, and what was committed \
         before is as it was. Free some space and try again; a training goes on after its last committed step, also \
         with a smaller disk budget",
        path.display()
    )]
    DiskFull {
        /// What was tried.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A folder is not a store.
    #[error("{} is not a store: {reason}", path.display())]
    NotAStore {
        /// The folder.
        path: PathBuf,
        /// What was expected, what was found and what to do.
        reason: String,
    },
    /// A file was written by a version of the program that this one does not know.
    #[error(
        "{} has format version {found}; this program knows versions {OLDEST_FORMAT_VERSION} to {known}. Use the program \
         that wrote it, or a newer one",
        path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The newest version that is understood.
        known: u32,
    },
    /// A file is not what it must be; everything else stays readable.
    #[error(
        "{} is damaged: expected {expected}, found {found}. Everything else in the store stays \
         readable; {}",
        path.display(),
        remedy(path)
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// A file that the log needs is not there.
    #[error(
        "{} is missing: expected {expected}. Everything else in the store stays readable; {}",
        path.display(),
        remedy(path)
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        expected: String,
    },
    /// A Parquet file cannot be read or written.
    #[error(
        "cannot {operation} {}: {}. If the file is damaged, restore it from a copy; \
         everything else in the store stays readable",
        path.display(),
        reason(source)
    )]
    Parquet {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The library's reason.
        source: ParquetError,
    },
    /// What was computed again is not what is stored.
    #[error(
        "branch `{branch}`, step {step}: the table {table}, column {column}{row}, does not follow from the run: expected {}, \
         found {} in {}. The log was changed, or this machine computes wrongly. Nothing was written",
        values[0],
        values[1],
        path.display()
    )]
    RowDiffers {
        /// The file.
        path: Box<Path>,
        /// The branch.
        branch: BranchName,
        /// The table.
        table: Table,
        /// The first step that differs.
        step: Step,
        /// Its first column that differs.
        column: Box<str>,
        /// Of which layer, filter, image or quantity.
        row: Box<str>,
        /// What was computed, and what is stored.
        values: Box<[String; 2]>,
    },
    /// A description cannot be stored.
    #[error("cannot record branch {branch}: {reason}")]
    Unrecordable {
        /// The branch's name.
        branch: BranchName,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// No branch has this name.
    #[error("there is no branch `{name}` in {}; {known}", store.display())]
    UnknownBranch {
        /// The name or id that was asked for.
        name: String,
        /// The store.
        store: PathBuf,
        /// What there is.
        known: String,
        /// How many branches cannot be read, so that it may be one of them.
        unread: usize,
    },
    /// Several branches have this name, as after a folder was copied in.
    #[error(
        "{} branches are named `{name}` in {}: {}. Say which one by its id, as in {}@last, or give one of them another \
         name by its id",
        ids.len(),
        folder.display(),
        listed(ids),
        ids[0]
    )]
    AmbiguousName {
        /// The name.
        name: BranchName,
        /// The branches' ids: at least two.
        ids: Vec<BranchId>,
        /// The folder that theirs are in.
        folder: PathBuf,
    },
    /// A branch of this name exists already.
    #[error(
        "expected a name that is free, and {} already has a branch `{name}`: choose another name. Nothing was changed",
        store.display()
    )]
    NameTaken {
        /// The name.
        name: BranchName,
        /// The store.
        store: PathBuf,
    },
    /// The branch that a branch was forked from is not in the store.
    #[error(
        "branch `{branch}` was forked from {parent}, which is not in {}: restore its folder",
        store.display()
    )]
    ParentMissing {
        /// The child.
        branch: BranchName,
        /// The id that is missing.
        parent: BranchId,
        /// The store.
        store: PathBuf,
    },
    /// The parent ends before the step that a branch was forked at.
    #[error(
        "the history of branch `{branch}` lacks steps {missing}: it was forked from `{parent}` at step {fork}, and \
         {} has none of these steps. Copy the whole of the parent's folder there",
        folder.display()
    )]
    ParentTooShort {
        /// The child.
        branch: BranchName,
        /// The parent.
        parent: BranchName,
        /// The fork step.
        fork: Step,
        /// The steps that are missing.
        missing: StepSpan,
        /// The parent's folder.
        folder: PathBuf,
    },
    /// Following parents from a branch comes back to one that was passed.
    #[error(
        "branch `{branch}` comes from no first one: its parents lead round in a circle, {}. \
         branch.json of one of them was changed; restore it from a copy",
        circle(cycle)
    )]
    ParentCycle {
        /// The branch where the walk began.
        branch: BranchName,
        /// The branches of the circle, each the child of the next, the last
        /// one that of the first.
        cycle: Vec<BranchName>,
    },
    /// A fork before the parent's own first step.
    #[error(
        "cannot fork `{parent}` at step {step}: its own steps begin at {first}; fork the branch \
         that holds step {step} instead"
    )]
    ForkBeforeParent {
        /// The parent.
        parent: BranchName,
        /// The step that was asked for.
        step: Step,
        /// The parent's first own step.
        first: Step,
    },
    /// Another process is changing the store.
    #[error(
        "{} is held by {holder}: it is needed for milliseconds only, so that process hangs; \
         end it and try again",
        path.display()
    )]
    StoreBusy {
        /// The lock file.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// Another writer records the branch.
    #[error(
        "branch `{branch}` is being recorded by {holder}: a branch has one writer. Stop that \
         one, or fork the branch"
    )]
    WriterBusy {
        /// The branch.
        branch: BranchName,
        /// Who holds the lock.
        holder: String,
    },
    /// A step came out of order.
    #[error("branch `{branch}` expects step {expected} next, and was given step {found}")]
    OutOfSequence {
        /// The branch.
        branch: BranchName,
        /// The step that must come next.
        expected: Step,
        /// The step that came.
        found: Step,
    },
    /// Arrays of a step do not have the branch's shapes.
    #[error("step {step} of branch `{branch}`: {what} must have {expected}, and has {found}")]
    Shape {
        /// The branch.
        branch: BranchName,
        /// The step.
        step: Step,
        /// Which array.
        what: String,
        /// The length that is expected.
        expected: usize,
        /// The length that was found.
        found: usize,
    },
    /// The update ratio of the next step needs weights that are not stored.
    #[error(
        "branch `{branch}` goes on after step {step}, whose weights are not stored: hand them \
         over with Recorder::set_previous_weights first"
    )]
    PreviousWeightsNeeded {
        /// The branch.
        branch: BranchName,
        /// The last committed step.
        step: Step,
    },
    /// The writer stopped at an earlier error, which was already reported.
    #[error("branch `{branch}` is no longer recorded: {reason}")]
    Stopped {
        /// The branch.
        branch: BranchName,
        /// The earlier error.
        reason: Arc<str>,
    },
    /// The branch has no such step.
    #[error("branch `{branch}` has no step {step}: {known}")]
    UnknownStep {
        /// The branch.
        branch: BranchName,
        /// The step that was asked for.
        step: Step,
        /// What there is.
        known: String,
    },
    /// A position such as `best` leads nowhere.
    #[error("`{branch}@{position}` does not exist: {known}")]
    NoSuchPosition {
        /// The branch.
        branch: BranchName,
        /// The position.
        position: Position,
        /// What there is.
        known: String,
    },
    /// The tensors of a step are not on disk, and can be recomputed from the
    /// keyframe named.
    #[error(
        "the tensors of step {step} of branch `{branch}` are not stored; they follow from the \
         keyframe at step {}",
        nearest_keyframe.map_or_else(|| "(none)".to_owned(), |step| step.to_string())
    )]
    TensorsNotStored {
        /// The branch.
        branch: BranchName,
        /// The step.
        step: Step,
        /// The newest keyframe at or before it.
        nearest_keyframe: Option<Step>,
    },
    /// A query that cannot be answered.
    #[cfg(feature = "sql")]
    #[error("cannot answer the query: {reason}")]
    Query {
        /// What was expected, what was found and what to do.
        reason: String,
    },
    /// A query of tensors that have to be computed again.
    #[cfg(feature = "sql")]
    #[error(
        "cannot answer the query: it can touch the {table} of steps {first} to {last} of branch `{branch}`, which are \
         not all stored, but follow from keyframes. Write them out first, or bound the query to stored steps: WHERE \
         branch = '{branch}' AND step BETWEEN … AND …"
    )]
    QueryNeedsTensors {
        /// The table.
        table: Table,
        /// The branch that would hold them.
        branch: BranchName,
        /// The first step of them.
        first: Step,
        /// The last one.
        last: Step,
    },
    /// The branch has no such layer or filter.
    #[error("branch `{branch}` has no {what}: {known}")]
    UnknownFilter {
        /// The branch.
        branch: BranchName,
        /// The layer or filter that was asked for.
        what: String,
        /// What there is.
        known: String,
    },
    /// No process trains the branch, so none can be steered.
    #[error("no process trains branch `{branch}` now: start one, or fork the branch")]
    NotTraining {
        /// The branch.
        branch: BranchName,
    },
    /// The process that trains the branch does not answer.
    #[error(
        "the process that trains branch `{branch}` did not answer within {seconds} s: its step \
         may take longer, or it hangs. The request was withdrawn"
    )]
    NoAnswer {
        /// The branch.
        branch: BranchName,
        /// How long was waited.
        seconds: u64,
    },
    /// A branch with children cannot be deleted.
    #[error("branch `{branch}` cannot be deleted: {children} forked from it; delete those first")]
    HasChildren {
        /// The branch.
        branch: BranchName,
        /// Its children by name.
        children: String,
    },
    /// Somebody reads the branch.
    #[error("branch `{branch}` is being read by {readers}: wait for it to end, or end it, and try again")]
    InUse {
        /// The branch.
        branch: BranchName,
        /// Who reads it, as far as the system says.
        readers: String,
    },
    /// Something that is not freed, for it cannot be told what is needed of it.
    #[error("nothing of {what} is freed: {reason}")]
    Spared {
        /// The branch, or the folder in the trash.
        what: String,
        /// Why it cannot be told, and what to do.
        reason: String,
        /// The deleted branch that is needed again, where that is the reason.
        needed: Option<BranchName>,
    },
    /// There is no deleted branch of this name.
    #[error("there is no deleted branch `{name}` in {}; {known}", store.display())]
    NotDeleted {
        /// The name that was asked for.
        name: BranchName,
        /// The store.
        store: PathBuf,
        /// What there is.
        known: String,
    },
    /// Several deleted branches had this name.
    #[error(
        "{} deleted branches were named `{name}`: {}. Say which one by its id",
        ids.len(),
        listed(ids)
    )]
    AmbiguousDeleted {
        /// The name.
        name: BranchName,
        /// Their ids: at least two.
        ids: Vec<BranchId>,
    },
    /// A branch that a pack would not bring back.
    #[error("cannot pack branch `{branch}`: {reason}")]
    Unpackable {
        /// The branch.
        branch: BranchName,
        /// What was expected, what was found and what to do.
        reason: String,
    },
    /// A file is no pack, or is not what its manifest says.
    #[error("{} cannot be unpacked: {reason}. Nothing of it is in the store; get the file again", path.display())]
    BadPack {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        reason: String,
    },
    /// A branch of a pack and one of the store have the same id and are not the same.
    #[error("branch `{branch}` of the pack cannot come into the store: {reason}. Nothing was unpacked")]
    PackConflict {
        /// The branch's name in the pack.
        branch: BranchName,
        /// Why, and what to do.
        reason: Box<str>,
        /// The branch in the trash that it is, where that is the reason.
        deleted: Option<Box<BranchName>>,
    },
    /// The note of how far a branch is to be trained cannot be read.
    #[error(
        "{finding}. The file only notes how far branch `{branch}` is to be trained: say so \
         again, and it is written anew"
    )]
    TargetUnreadable {
        /// The branch.
        branch: BranchName,
        /// The file, what was expected and what was found.
        finding: String,
    },
}

/// What the library says of a file, without the names that its parts put before it, and
/// no more than a line: the path of a field through its decoder helps nobody.
fn reason(error: &ParquetError) -> String {
    const LONGEST: usize = 160;
    let text = one_line(&error.to_string());
    let mut words = text.as_str();
    while let Some(rest) = ["Parquet error: ", "Arrow: ", "External: "].iter().find_map(|name| words.strip_prefix(name))
    {
        words = rest;
    }
    let words = words.split(", error_trace:").next().unwrap_or(words);
    if words.chars().count() <= LONGEST {
        words.to_owned()
    } else {
        words.chars().take(LONGEST).chain(['…']).collect()
    }
}

/// What helps where a file is damaged or lost. A branch whose description can be read can
/// be deleted, and then trained again under its name.
fn remedy(path: &Path) -> &'static str {
    let named = |part: &Path, name: &str| part.file_name().is_some_and(|own| own == name);
    let is_branch = |folder: &Path| {
        let name = folder.file_name().map(std::ffi::OsStr::as_encoded_bytes);
        name.is_some_and(|name| name.starts_with(b"branch="))
            && folder.parent().is_some_and(|all| named(all, "branches"))
    };
    let is_inside = path.ancestors().skip(1).any(is_branch);
    if is_inside && !named(path, "branch.json") {
        "restore this file from a copy, or delete the branch and train it again"
    } else {
        "restore this file from a copy"
    }
}

/// Ids with the names of their folders.
fn listed(ids: &[BranchId]) -> String {
    let folders: Vec<String> = ids.iter().map(|id| format!("{id} (branch={id})")).collect();
    folders.join(" and ")
}

/// `a`, forked from `b`, forked from `a`.
fn circle(cycle: &[BranchName]) -> String {
    let names: Vec<String> = cycle.iter().chain(cycle.first()).map(|name| format!("`{name}`")).collect();
    names.join(", forked from ")
}

impl StoreError {
    /// An error of the operating system; a full disk is told apart.
    pub(crate) fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::DiskFull { operation, path, source }
            }
            _ => Self::Io { operation, path, source },
        }
    }

    /// An error of the Parquet library, or of the system beneath it.
    pub(crate) fn parquet(operation: &'static str, path: &Path, source: ParquetError) -> Self {
        match source {
            ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(inner) => Self::io(operation, path, *inner),
                Err(inner) => Self::Parquet { operation, path: path.to_owned(), source: ParquetError::External(inner) },
            },
            source => Self::Parquet { operation, path: path.to_owned(), source },
        }
    }

    pub(crate) fn damaged(path: &Path, expected: impl Into<String>, found: impl Into<String>) -> Self {
        // What a file says may be another person's, and is one line.
        Self::Damaged { path: path.to_owned(), expected: expected.into(), found: one_line(&found.into()) }
    }

    pub(crate) fn bad_pack(path: &Path, reason: impl Into<String>) -> Self {
        // What a pack says is a stranger's, and is one line.
        Self::BadPack { path: path.to_owned(), reason: one_line(&reason.into()) }
    }

    /// What was expected of a file and what was found, for files that nobody
    /// needs to restore.
    pub(crate) fn finding(&self) -> String {
        match self {
            Self::Damaged { path, expected, found } => {
                format!("{} cannot be read: expected {expected}, found {found}", path.display())
            }
            Self::UnknownFormat { path, found, known } => {
                format!(
                    "{} cannot be read: expected format version {OLDEST_FORMAT_VERSION} to {known}, found {found}",
                    path.display()
                )
            }
            error => error.to_string(),
        }
    }

    /// What a person may do about it: whoever talks to people words it.
    pub fn advice(&self) -> Vec<Advice> {
        match self {
            Self::UnknownBranch { unread: 1.., .. } => vec![Advice::ListBranches],
            #[cfg(feature = "sql")]
            Self::QueryNeedsTensors { branch, first, last, .. } => {
                vec![Advice::Materialise { branch: branch.clone(), steps: Some([*first, *last]) }]
            }
            // What is stored goes, and what is computed again takes its place.
            Self::RowDiffers { branch, table, .. } if TENSOR_TABLES.contains(table) => vec![
                Advice::Compact { branch: branch.clone() },
                Advice::Materialise { branch: branch.clone(), steps: None },
            ],
            Self::NotTraining { branch } => vec![Advice::Resume { branch: branch.clone(), more: None }],
            Self::Spared { needed: Some(branch), .. } => vec![Advice::TakeBack { branch: branch.clone() }],
            Self::PackConflict { deleted: Some(branch), .. } => {
                vec![Advice::TakeBack { branch: BranchName::clone(branch) }]
            }
            _ => Vec::new(),
        }
    }

    /// The file or folder of the store that it is about, of what is wrong on disk.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Io { path, .. }
            | Self::DiskFull { path, .. }
            | Self::UnknownFormat { path, .. }
            | Self::Damaged { path, .. }
            | Self::Missing { path, .. }
            | Self::Parquet { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Whether a file was not there: a reader that holds an older listing
    /// then looks again.
    pub(crate) fn is_missing_file(&self) -> bool {
        match self {
            Self::Missing { .. } => true,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decoders_words_are_short_and_say_once_what_they_are_of() {
        let words =
            "Arrow: Unable to read the schema: RangeOutOfBounds { range: 212..33554650, error_trace: ErrorTrace([])";
        let source = ParquetError::General(words.to_owned());
        let error = StoreError::parquet("read", Path::new("runs/steps/a.parquet"), source).to_string();
        let expected =
            "cannot read runs/steps/a.parquet: Unable to read the schema: RangeOutOfBounds { range: 212..33554650. If";
        assert!(error.starts_with(expected), "{error}");
        let long = StoreError::parquet("read", Path::new("a"), ParquetError::General("x".repeat(1000))).to_string();
        assert!(long.len() < 400, "{long}");
    }

    #[test]
    fn what_is_advised_of_a_damaged_file_can_be_done() {
        let told = |path: &str| StoreError::damaged(Path::new(path), "x", "y").to_string();
        let deletes = |path: &str| told(path).ends_with("from a copy, or delete the branch and train it again");
        assert!(deletes("runs/branches/branch=b1/steps/a.parquet") && deletes("runs/branches/branch=b1/thinned.json"));
        // Without its description, a branch has no name by which it could be deleted.
        assert!(!deletes("runs/branches/branch=b1/branch.json") && !deletes("runs/branches/branch=b1"));
        assert!(!deletes("runs/store.json") && !deletes("runs/trash/branch=b1/branch.json"));
    }
}
