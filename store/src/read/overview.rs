//! What a listing says of a branch, by one pass over its folders and its newest
//! rows alone.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int64Type};
use revacnn_schemas::{BranchId, BranchName, BranchRecord, ParentRecord, Step, Table};
use serde::{Deserialize, Serialize};

use crate::disk::folder::Folder;
use crate::disk::paths::StepSpan;
use crate::list::Listed;
use crate::read::gaps::gap_before;
use crate::read::glance::Glancing;
use crate::read::outline::Outline;
use crate::read::query::Selection;
use crate::read::reader::Index;
use crate::read::seen::Seen;
use crate::{BranchReader, Gap, Store, StoreError};

/// What a listing says of a branch. Of one that is damaged it says what is known.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overview {
    /// What its description says.
    pub outline: Outline,
    /// Its own steps; `None` before the first.
    pub steps: Option<StepSpan>,
    /// The loss of its last step.
    #[serde(with = "bits")]
    pub last_loss: Option<f32>,
    /// Its newest full validation.
    pub last_validation: Option<Validated>,
    /// How many steps are thinned to keyframes.
    pub thinned_steps: u64,
    /// How many steps of a branch of fidelity `keyframes` were written out.
    pub materialised_steps: u64,
    /// What happened in it, such as that it diverged.
    pub events: Vec<BranchEvent>,
    /// Bytes of its files.
    pub bytes: u64,
    /// Which of its own steps are missing.
    #[serde(skip)]
    pub gaps: Vec<Gap>,
    /// What else is wrong with its files: missing, cut off, not what they must be.
    #[serde(skip)]
    pub damage: Vec<StoreError>,
}

/// A full validation in short.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validated {
    /// At which step.
    pub step: Step,
    /// The mean loss, which may be not a number.
    #[serde(with = "bits_of_one")]
    pub loss: f32,
    /// The share of images that are classified rightly, 0 to 1; `None` where the network predicts
    /// no class.
    #[serde(with = "bits")]
    pub accuracy: Option<f32>,
}

/// Something that happened in a branch, such as `diverged`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BranchEvent {
    /// At which step.
    pub step: Step,
    /// What kind of event.
    pub kind: String,
    /// What it says.
    pub message: String,
}

impl Overview {
    /// The newest full validation of what the branch has trained: that of its first step tells nothing of it, but
    /// where it has no other.
    pub fn result(&self) -> Option<Validated> {
        let steps = self.steps?;
        self.last_validation.filter(|validated| validated.step > steps.first || steps.last == steps.first)
    }

    /// Looks at a branch.
    pub fn of(store: &Store, record: &BranchRecord) -> Self {
        Self::look(store, record).0
    }

    /// [`of`](Self::of), and what was glanced at before anything was read.
    pub(crate) fn look(store: &Store, record: &BranchRecord) -> (Self, Option<Glancing>) {
        let mut overview = Self {
            outline: Outline::of(record),
            steps: None,
            last_loss: None,
            last_validation: None,
            thinned_steps: 0,
            materialised_steps: 0,
            events: Vec::new(),
            bytes: 0,
            gaps: Vec::new(),
            damage: Vec::new(),
        };
        let glancing = overview.fill(store, record).unwrap_or_else(|error| {
            overview.damage.push(error);
            None
        });
        (overview, glancing)
    }

    /// Whether something is wrong with the branch's files.
    pub fn is_damaged(&self) -> bool {
        !self.gaps.is_empty() || !self.damage.is_empty()
    }

    fn fill(&mut self, store: &Store, record: &BranchRecord) -> Result<Option<Glancing>, StoreError> {
        let reader = BranchReader::at_rest(store, record.clone().into())?;
        // Before the glance: who is the first to read makes the lock.
        reader.hold();
        let folder = Folder::open(store.disk(), &reader.paths.folder)?;
        let seen = Seen::measure(&folder)?;
        self.bytes = seen.bytes;
        let index = Index::of(&reader.paths, &seen)?;
        let sum = |spans: &[StepSpan]| spans.iter().map(StepSpan::steps).sum();
        (self.thinned_steps, self.materialised_steps) = (sum(&index.thinned), sum(&index.materialised));
        self.steps = index.steps();
        reader.set(index);
        self.gaps = reader.gaps()?;
        self.damage = reader.damaged_files();
        if let Some(steps) = self.steps {
            self.last_loss = self.read(reader.loss_of(steps.last)).flatten();
            let validation = self.read(reader.last_validation()).flatten();
            self.last_validation = validation.map(|(step, result)| {
                let accuracy = result.accuracy();
                Validated { step, loss: result.loss, accuracy }
            });
            self.events = self.read(reader.events(steps)).unwrap_or_default();
        }
        Ok(seen.glancing)
    }

    /// What was read, or notes why it could not be: once a file.
    fn read<T>(&mut self, result: Result<T, StoreError>) -> Option<T> {
        match result {
            Ok(read) => Some(read),
            Err(error) => {
                let is_known = self
                    .damage
                    .iter()
                    .chain(self.gaps.iter().map(|gap| &gap.error))
                    .any(|known| known.path().is_some_and(|path| error.path() == Some(path)));
                if !is_known {
                    self.damage.push(error);
                }
                None
            }
        }
    }
}

impl Listed for Overview {
    fn id(&self) -> &BranchId {
        &self.outline.id
    }

    fn name(&self) -> &BranchName {
        &self.outline.name
    }

    fn parent(&self) -> Option<&ParentRecord> {
        self.outline.parent.as_ref()
    }

    fn created_unix_seconds(&self) -> u64 {
        self.outline.created_unix_seconds
    }
}

impl Store {
    /// What a child inherits from its parent, which has these steps, and the
    /// parent does not have because it ends before the fork.
    pub fn gap_before(&self, child: &impl Listed, parent: &impl Listed, steps: Option<StepSpan>) -> Option<Gap> {
        gap_before(child, parent, steps, &self.paths(parent.id()))
    }
}

impl BranchReader {
    fn loss_of(&self, step: Step) -> Result<Option<f32>, StoreError> {
        let batch = self.read_columns(Table::Steps, StepSpan::of(step), &Selection::all(), &["loss"])?;
        let losses = batch.column(0).as_primitive::<Float32Type>();
        Ok((losses.len() == 1 && losses.is_valid(0)).then(|| losses.value(0)))
    }

    /// The events of a span.
    ///
    /// # Errors
    /// An error with the path of a damaged file.
    pub fn events(&self, span: StepSpan) -> Result<Vec<BranchEvent>, StoreError> {
        let batch = self.read(Table::Events, span, &Selection::all())?;
        let steps = batch.column(0).as_primitive::<Int64Type>();
        let (kinds, messages) = (batch.column(1).as_string::<i32>(), batch.column(2).as_string::<i32>());
        let event = |row| BranchEvent {
            step: Step(steps.value(row) as u64),
            kind: kinds.value(row).to_owned(),
            message: messages.value(row).to_owned(),
        };
        Ok((0..batch.num_rows()).map(event).collect())
    }
}

/// A number by its bits: JSON has none for what is not finite.
mod bits_of_one {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f32, serializer: S) -> Result<S::Ok, S::Error> {
        value.to_bits().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
        u32::deserialize(deserializer).map(f32::from_bits)
    }
}

/// [`bits_of_one`], of a number that may be lacking.
mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Option<f32>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(f32::to_bits).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
        Ok(Option::<u32>::deserialize(deserializer)?.map(f32::from_bits))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use std::sync::Arc;
    use std::time::Duration;

    use revacnn_schemas::{
        Fidelity, FilterIdentity, FilterNumber, ForeignProducer, HyperParameters, LayerTopology, ParameterView,
        ParentRecord, Producer, RecordingSettings, StepScalars, StepView, Topology, TrainingState,
    };

    use super::*;
    use crate::disk::folder::LISTED;
    use crate::disk::json::READ;
    use crate::disk::paths::folder_name;
    use crate::read::glance::{Glance, UNSETTLED};
    use crate::{BranchList, Lineage, NewBranch, Overviews, Recorder, RecorderOptions};

    /// Makes a branch and records it from its first step to step 4.
    fn record(store: &Store, called: &str, parent: Option<ParentRecord>) -> BranchRecord {
        let layer = LayerTopology {
            layer: "fc1".parse().unwrap(),
            kind: "linear".into(),
            reads: Vec::new(),
            filters: vec![FilterIdentity { number: FilterNumber(0), born: None }],
            coefficients: Some(1),
            map: None,
            normalises: false,
            groups: 1,
            kernel: None,
            next_filter: FilterNumber(1),
        };
        let producer = ForeignProducer { name: "ours".into(), version: "1.0".into(), notes: String::new() };
        let new = NewBranch {
            name: Some(called.parse().unwrap()),
            producer: Producer::Foreign(producer),
            recording: RecordingSettings {
                fidelity: Fidelity::Every,
                keyframe_interval: 100,
                probes: Vec::new(),
                validate_every: None,
            },
            topology: Topology { layers: vec![layer], retired: Vec::new() },
            parent,
            edits: Vec::new(),
            created_unix_seconds: 0,
        };
        let branch = store.create_branch(new).unwrap();
        let mut recorder = Recorder::open(store, &branch, RecorderOptions::default()).unwrap();
        for step in branch.first_step().0..5 {
            let (weights, biases) = ([step as f32], [0.5]);
            let parameters = [ParameterView { weights: &weights, biases: &biases, gradients: None, frozen: &[false] }];
            let scalars = StepScalars {
                step: Step(step),
                loss: (step > branch.first_step().0).then_some(1.0),
                hyper_parameters: HyperParameters::new(8).with("learning_rate", 0.1),
                digest: TrainingState::digest(&[(&weights, &biases)], &[&[0]]),
                ..StepScalars::default()
            };
            let view = StepView {
                scalars: &scalars,
                parameters: &parameters,
                normalisation: &[],
                probes: &[],
                blocks: &[],
                samples: &[],
                validation: None,
                keyframe: None,
            };
            recorder.append(&view).unwrap();
        }
        recorder.finish().unwrap();
        branch
    }

    /// Copies a branch's folder as one of another id.
    fn copy(from: &Path, to: &Path, ids: [&str; 2]) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let target = to.join(path.file_name().unwrap());
            if path.is_dir() {
                copy(&path, &target, ids);
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            let old = ids[0].as_bytes();
            for place in 0..bytes.len().saturating_sub(old.len() - 1) {
                if bytes[place..].starts_with(old) {
                    bytes[place..place + old.len()].copy_from_slice(ids[1].as_bytes());
                }
            }
            fs::write(target, bytes).unwrap();
        }
    }

    /// A run and so many forks of it, or each of the one before; the last one.
    fn store_of(root: &Path, forks: usize, is_chain: bool) -> (Store, BranchId) {
        let store = Store::create(root, 0).unwrap();
        let main = record(&store, "main", None);
        let fork = |of: &BranchId| Some(ParentRecord { branch: of.clone(), step: Step(2) });
        let child = record(&store, "fork-0", fork(&main.id));
        let mut last = child.id.clone();
        for number in 1..forks {
            let id: BranchId = format!("b{number:015x}").parse().unwrap();
            let (from, to) = (store.branch_folder(&child.id), store.branch_folder(&id));
            copy(&from, &to, [child.id.as_str(), id.as_str()]);
            let record = BranchRecord {
                id: id.clone(),
                name: format!("fork-{number}").parse().unwrap(),
                parent: fork(if is_chain { &last } else { &main.id }),
                ..child.clone()
            };
            fs::write(to.join("branch.json"), serde_json::to_vec(&record).unwrap()).unwrap();
            last = id;
        }
        (store, last)
    }

    /// What it takes to do something: folders listed and descriptions read.
    fn cost<T>(work: impl FnOnce() -> T) -> (T, usize, usize) {
        let before = (LISTED.get(), READ.get());
        let done = work();
        (done, LISTED.get() - before.0, READ.get() - before.1)
    }

    /// A chain of 1,000 forks took the third power of their number to show, and
    /// each listing looked at each folder six times.
    #[test]
    fn each_branch_of_many_is_looked_at_once() {
        for is_chain in [true, false] {
            for forks in [30, 300] {
                let folder = tempfile::tempdir().unwrap();
                let (store, last) = store_of(folder.path(), forks, is_chain);
                let (list, listed, read) = cost(|| store.branches().unwrap());
                assert!(list.problems.is_empty(), "{:?}", list.problems);
                assert_eq!((list.records.len(), listed, read), (forks + 1, 0, forks + 1));
                for record in &list.records {
                    let (look, listed, read) = cost(|| Overview::of(&store, record));
                    assert_eq!(look.steps, Some(StepSpan::new(record.first_step(), Step(4))));
                    assert_eq!((look.last_loss, look.is_damaged()), (Some(1.0), false), "{look:?}");
                    assert_eq!(look.bytes, crate::branch_bytes(store.root(), &record.id));
                    // Its own folder, each table's, the tail, the inbox, the outbox.
                    assert!(listed <= 16 && read == 0, "{listed} listings, {read} descriptions");
                }
                // Of a history, its branches alone; of them, those that hold some
                // of it.
                let record = list.get(&last).unwrap();
                let (lineage, listed, read) = cost(|| Lineage::of(&store, record).unwrap());
                assert_eq!(lineage.steps(), Some(StepSpan::new(Step(0), Step(4))));
                let (gaps, again, _) = cost(|| lineage.gaps().unwrap());
                assert!(gaps.is_empty());
                assert!(listed <= 28 && again == 0, "{listed} and {again} listings");
                assert_eq!(read, if is_chain { forks } else { 1 });
                assert_eq!(lineage.branches().len(), if is_chain { forks + 1 } else { 2 });
            }
        }
    }

    /// A query about all branches read each ancestor of each.
    #[cfg(feature = "sql")]
    #[test]
    fn a_query_reads_each_description_once() {
        use crate::sql;
        let folder = tempfile::tempdir().unwrap();
        let (store, last) = store_of(folder.path(), 30, true);
        let ask = |asked: &str| sql::query(&store, sql::Histories::All, asked, sql::Limits::default()).unwrap();
        let (answer, _, read) = cost(|| ask("SELECT branch FROM branches"));
        assert_eq!((answer.rows(), read), (31, 31));
        let name = store.branch_by_id(&last).unwrap().name;
        let (_, _, read) = cost(|| ask(&format!("SELECT COUNT(*) AS steps FROM steps WHERE branch = '{name}'")));
        assert_eq!(read, 31);
    }

    /// What the overviews of a store say, by branch, and what it took to make them.
    fn overviews(store: &Store) -> (BranchList<Arc<Overview>>, usize, usize) {
        cost(|| Overviews::open(store).list(store).unwrap())
    }

    /// A window that looks once a second would read all of a large store each time,
    /// and `log` did.
    #[test]
    fn branches_at_which_nothing_has_changed_are_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (store, last) = store_of(folder.path(), 20, false);
        // What is written just now may change unseen.
        let (before, _, read) = overviews(&store);
        assert_eq!((before.records.len(), before.problems.len(), read), (21, 0, 21));
        assert_eq!(overviews(&store).2, 21);
        std::thread::sleep(UNSETTLED + Duration::from_millis(100));
        assert_eq!(overviews(&store).2, 21);
        let (list, listed, read) = overviews(&store);
        assert_eq!((list.records.len(), listed, read), (21, 0, 0));
        for (one, other) in list.records.iter().zip(&before.records) {
            assert_eq!(format!("{one:?}"), format!("{other:?}"));
        }
        let mut kept = Overviews::open(&store);
        let (list, ..) = cost(|| kept.list(&store).unwrap());
        // What has changed is, and is not taken for settled at once.
        let record = store.rename(&"fork-3".parse().unwrap(), &"other".parse().unwrap()).unwrap();
        let (again, _, read) = cost(|| kept.list(&store).unwrap());
        assert_eq!((again.get(&record.id).map(|branch| branch.name().as_str()), read), (Some("other"), 1));
        assert_eq!(cost(|| kept.list(&store).unwrap()).2, 1);
        let same = |id: &BranchId| Arc::ptr_eq(list.get(id).unwrap(), again.get(id).unwrap());
        assert!(same(&last) && !same(&record.id));
    }

    /// What is kept says what a look would say, whatever is done to the files, also
    /// to what they hold and to what lies deepest.
    #[test]
    fn no_change_goes_unseen() {
        let folder = tempfile::tempdir().unwrap();
        let (store, last) = store_of(folder.path(), 3, true);
        let own = store.branch_folder(&last);
        fs::create_dir(own.join("tail/.open-000000000005-000000000005")).unwrap();
        fs::write(own.join("tail/.open-000000000005-000000000005/x"), "four").unwrap();
        let steps = own.join("steps/000000000002-000000000004.parquet");
        let sound = fs::read(&steps).unwrap();
        let mut flipped = sound.clone();
        flipped[100] ^= 1;
        let said = |list: &BranchList<Arc<Overview>>| {
            let overview = list.get(&last).unwrap();
            format!("{:?} {}", overview, overview.is_damaged())
        };
        let settled = || {
            std::thread::sleep(UNSETTLED + Duration::from_millis(100));
            overviews(&store);
            let (list, listed, _) = overviews(&store);
            (said(&list), listed)
        };
        let before = settled();
        let changes: [(&str, &dyn Fn()); 6] = [
            ("cut off in its place", &|| fs::File::options().write(true).open(&steps).unwrap().set_len(50).unwrap()),
            ("whole again", &|| fs::write(&steps, &sound).unwrap()),
            // In a column that no listing reads.
            ("a bit of it changed", &|| fs::write(&steps, &flipped).unwrap()),
            ("gone", &|| fs::remove_file(&steps).unwrap()),
            ("back", &|| fs::write(&steps, &sound).unwrap()),
            ("another length deep below", &|| {
                fs::write(own.join("tail/.open-000000000005-000000000005/x"), "seven").unwrap();
            }),
        ];
        for (what, change) in changes {
            change();
            let truth = {
                let record = store.branch_by_id(&last).unwrap();
                let overview = Overview::of(&store, &record);
                format!("{:?} {}", overview, overview.is_damaged())
            };
            assert_eq!(said(&overviews(&store).0), truth, "{what}, at once");
            assert_eq!(settled().0, truth, "{what}, later");
            assert_eq!(truth == before.0, matches!(what, "whole again" | "back" | "a bit of it changed"), "{what}");
        }
    }

    /// A branch that was renamed between its description's reading and the glance kept its
    /// old name.
    #[test]
    fn a_description_that_is_another_one_by_the_glance_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (store, last) = store_of(folder.path(), 1, true);
        // Who looks first makes the readers' locks, which is a change.
        overviews(&store);
        let settle = || std::thread::sleep(UNSETTLED + Duration::from_millis(100));
        settle();
        let branches = Folder::open(store.disk(), &store.root().join("branches")).unwrap();
        let described = Glance::at_description(&branches, &folder_name(&last));
        let record = store.branch_by_id(&last).unwrap();
        store.rename(&record.name, &"renamed".parse().unwrap()).unwrap();
        settle();
        let mut looked = Overviews::open(&store);
        looked.look(&store, &branches, &record, described);
        looked.write(&store);
        let names: Vec<String> = overviews(&store).0.records.iter().map(|one| one.outline.name.to_string()).collect();
        assert!(names.contains(&"renamed".to_owned()), "{names:?}");
    }

    /// The file is only a cache: whatever is in its place, and where none can be
    /// written, the same is said.
    #[test]
    fn what_is_kept_can_be_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = store_of(folder.path(), 3, true);
        // Who looks first makes the readers' locks, which is a change.
        overviews(&store);
        std::thread::sleep(UNSETTLED + Duration::from_millis(100));
        overviews(&store);
        let place = folder.path().join("overviews.json");
        let kept = fs::read(&place).unwrap();
        let truth = format!("{:?}", overviews(&store).0.records);
        assert_eq!(overviews(&store).2, 0);
        let mut changed = kept.clone();
        *changed.last_mut().unwrap() ^= 1;
        let newer = String::from_utf8(kept.clone()).unwrap().replacen("\"version\":1", "\"version\":999", 1);
        for content in [&kept[..kept.len() / 2], &[], b"[]", &changed, newer.as_bytes()] {
            fs::write(&place, content).unwrap();
            let (list, _, read) = overviews(&store);
            assert_eq!((format!("{:?}", list.records), read), (truth.clone(), 4));
            assert_eq!(fs::read(&place).unwrap(), kept);
        }
        fs::remove_file(&place).unwrap();
        fs::create_dir(&place).unwrap();
        assert_eq!(format!("{:?}", overviews(&store).0.records), truth);
    }
}
