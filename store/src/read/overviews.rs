//! Overviews of all branches, of which those are kept, in memory and in a file of the
//! store, at which nothing has changed.
//!
//! The file is only a cache. An overview of it is used where a glance at the branch
//! shows what it showed before the overview was made; what is damaged is never kept.
//! The file may be lost or be anything at any time, and where none can be written,
//! each branch is looked at.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Component, Path};
use std::sync::Arc;

use revacnn_schemas::{BranchId, BranchRecord, Step};
use serde::{Deserialize, Serialize};

use crate::disk::folder::Folder;
use crate::disk::open_plain_file;
use crate::disk::paths::{STEP_LIMIT, folder_name};
use crate::list::Listed;
use crate::read::glance::{Glance, Glancing};
use crate::read::outline::Outline;
use crate::read::overview::Overview;
use crate::store::{has_vanished, read_branch};
use crate::{BranchList, Store, StoreError};

/// The file's name.
const NAME: &str = "overviews.json";

/// Another number where the meaning of the file changes.
const VERSION: u32 = 1;

/// A larger file is neither read nor written.
const LARGEST: usize = 32 << 20;

/// The file's first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    /// What made it: another program may say other things of the same files.
    program: String,
    /// BLAKE3 of all that follows.
    checksum: String,
}

/// An overview, and what a glance at the branch showed before it was made.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    glance: Glance,
    /// What was glanced at besides the folders that each branch has, a path a line.
    paths: String,
    #[serde(with = "shared")]
    overview: Arc<Overview>,
}

mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Overview;

    pub(super) fn serialize<S: Serializer>(overview: &Overview, serializer: S) -> Result<S::Ok, S::Error> {
        overview.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Overview>, D::Error> {
        Overview::deserialize(deserializer).map(Arc::new)
    }
}

/// The overviews of a store's branches.
#[derive(Debug, Default)]
pub struct Overviews {
    kept: HashMap<BranchId, Kept>,
    /// Whether there is one that the file does not have.
    is_new: bool,
    /// Whether some are as the file has them, which anybody may have written.
    is_believed: bool,
}

impl Overviews {
    /// Those that the store keeps.
    pub fn open(store: &Store) -> Self {
        let kept = read(&store.root().join(NAME)).unwrap_or_default();
        let kept = kept.into_iter().map(|kept| (kept.overview.id().clone(), kept));
        let kept: HashMap<_, _> = kept.collect();
        Self { is_believed: !kept.is_empty(), kept, is_new: false }
    }

    /// The overviews of all branches. Those at which nothing has changed are what they
    /// were before, the same value, and nothing of these branches is read.
    ///
    /// # Errors
    /// Those of [`Store::branches`].
    pub fn list(&mut self, store: &Store) -> Result<BranchList<Arc<Overview>>, StoreError> {
        let mut before = std::mem::take(&mut self.kept);
        let (overviews, problems) = store.each_branch(|branches, folder, id| {
            let known = id.parse().ok().and_then(|id: BranchId| before.remove(&id).or_else(|| self.kept.remove(&id)));
            if let Some(known) = known.filter(|known| known.holds(branches, folder)) {
                return Ok(self.keep(known));
            }
            let path = branches.path(folder);
            let described = Glance::at_description(branches, folder);
            let overview = self.look(store, branches, &read_branch(&path, id)?, described);
            if overview.is_damaged() && has_vanished(&path) {
                return Err(StoreError::Missing { path, expected: "a branch's folder".to_owned() });
            }
            Ok(overview)
        })?;
        let list = BranchList::of(overviews, problems, store.root());
        if self.is_believed && self.is_refuted(store, &list) {
            *self = Self { is_new: true, ..Self::default() };
            return self.list(store);
        }
        self.write(store);
        Ok(list)
    }

    /// Whether the file said of a branch what its description does not say, of those that
    /// are wrong by what was said: nobody's description is to be blamed for that.
    fn is_refuted(&self, store: &Store, list: &BranchList<Arc<Overview>>) -> bool {
        let is_wrong = |overview: &&Arc<Overview>| match (overview.parent(), list.parent(overview)) {
            (Some(_), None) => true,
            (Some(_), Some(parent)) => store.gap_before(&***overview, &**parent, parent.steps).is_some(),
            (None, _) => false,
        };
        let in_circles = list.problems.iter().flat_map(|problem| match problem {
            StoreError::ParentCycle { cycle, .. } => cycle.iter().filter_map(|name| list.named(name)).collect(),
            _ => Vec::new(),
        });
        let same_names = list.records.iter().filter(|overview| list.is_ambiguous(overview.name()));
        let mut doubted = list.records.iter().filter(is_wrong).chain(in_circles).chain(same_names);
        doubted.any(|overview| {
            let record = read_branch(&store.paths(overview.id()).folder, overview.id().as_str());
            record.is_ok_and(|record| Outline::of(&record) != overview.outline)
        })
    }

    fn keep(&mut self, known: Kept) -> Arc<Overview> {
        let overview = known.overview.clone();
        self.kept.insert(overview.id().clone(), known);
        overview
    }

    /// Looks at a branch, and keeps what can be kept. `described` is what a glance at the
    /// description showed before it was read: another one by now is none that the rest
    /// is of.
    pub(super) fn look(
        &mut self,
        store: &Store,
        branches: &Folder,
        record: &BranchRecord,
        described: Option<Glance>,
    ) -> Arc<Overview> {
        let (overview, glancing) = Overview::look(store, record);
        let overview = Arc::new(overview);
        let seen = glancing.and_then(|glancing| Some((glancing.end()?, glancing.paths().to_owned())));
        let is_described =
            || described.is_some() && Glance::at_description(branches, &folder_name(&record.id)) == described;
        if let Some((glance, paths)) = seen.filter(|_| !overview.is_damaged() && is_described()) {
            self.is_new = true;
            self.keep(Kept { glance, paths, overview: overview.clone() });
        }
        overview
    }

    /// Writes the file anew where it lacks something. Who may not write into the
    /// store, or has no room, looks again the next time.
    pub(super) fn write(&mut self, store: &Store) {
        if std::mem::take(&mut self.is_new)
            && let Some(text) = text(self.kept.values())
            && let Ok(folder) = Folder::open(store.disk(), store.root())
        {
            let written = folder.write(NAME, &text);
            if written.is_err() {
                let _ = folder.remove(&format!(".{NAME}.new"));
            }
        }
    }
}

impl Kept {
    /// Whether it is of a branch that could be, and of paths within its folder.
    fn is_possible(&self) -> bool {
        let is_within = |path: &str| Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        let overview = &self.overview;
        let is_step = |step: Step| step.0 < STEP_LIMIT;
        self.paths.lines().all(is_within)
            && overview.steps.is_none_or(|steps| steps.first <= steps.last && is_step(steps.last))
            && is_step(overview.first_step())
    }

    /// Whether nothing has changed.
    fn holds(&self, branches: &Folder, folder: &str) -> bool {
        let folder = branches.inside(folder).ok().flatten();
        folder.is_some_and(|folder| Glancing::again(&folder, &self.paths).end() == Some(self.glance))
    }
}

/// What a file holds; `None` where it holds nothing that this program understands.
fn read(path: &Path) -> Option<Vec<Kept>> {
    let mut text = Vec::new();
    open_plain_file(path).ok()?.take(LARGEST as u64 + 1).read_to_end(&mut text).ok()?;
    let end = text.iter().position(|&byte| byte == b'\n').filter(|_| text.len() <= LARGEST)?;
    let header: Header = serde_json::from_slice(&text[..end]).ok()?;
    let body = &text[end + 1..];
    let is_ours = header.version == VERSION && header.program == env!("CARGO_PKG_VERSION");
    let is_whole = is_ours && blake3::hash(body).to_hex().as_str() == header.checksum;
    let kept: Vec<Kept> = is_whole.then(|| serde_json::from_slice(body).ok())??;
    kept.iter().all(Kept::is_possible).then_some(kept)
}

/// The file; `None` where it would be too large.
fn text<'a>(kept: impl Iterator<Item = &'a Kept>) -> Option<Vec<u8>> {
    let mut kept: Vec<&Kept> = kept.collect();
    kept.sort_by(|one, other| one.overview.id().cmp(other.overview.id()));
    let body = serde_json::to_vec(&kept).ok()?;
    let checksum = blake3::hash(&body).to_hex().to_string();
    let header = Header { version: VERSION, program: env!("CARGO_PKG_VERSION").to_owned(), checksum };
    let mut text = serde_json::to_vec(&header).ok()?;
    text.push(b'\n');
    text.extend(body);
    (text.len() <= LARGEST).then_some(text)
}
