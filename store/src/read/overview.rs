//! What a listing says of a branch, by one pass over its folders and its newest
//! rows alone; and whether it would say anything else by now.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use revacnn_schemas::{BranchId, BranchRecord, Step, Table, ValidationResult};

use crate::disk::Disk;
use crate::disk::folder::{Folder, Stamp};
use crate::disk::paths::StepSpan;
use crate::read::gaps::gap_before;
use crate::read::glance::Glance;
use crate::read::query::Selection;
use crate::read::reader::Index;
use crate::read::seen::Seen;
use crate::{BranchReader, Gap, Store, StoreError};

/// What one pass over a branch's folders showed.
#[derive(Debug)]
pub struct Look {
    /// The reader of the branch's own steps.
    pub reader: BranchReader,
    /// Bytes of the branch's files.
    pub bytes: u64,
}

/// What a listing says of a branch.
#[derive(Debug)]
pub struct Overview {
    /// The reader of the branch's own steps.
    pub reader: BranchReader,
    /// The loss of its last step.
    pub last_loss: Option<f32>,
    /// Its newest full validation.
    pub last_validation: Option<(Step, ValidationResult)>,
    /// How many steps are thinned to keyframes.
    pub thinned_steps: u64,
    /// How many steps of a branch of fidelity `keyframes` were written out.
    pub materialised_steps: u64,
    /// Which of its own steps are missing.
    pub gaps: Vec<Gap>,
    /// Which of its files are missing or cut off, where their steps are there.
    pub damaged_files: Vec<StoreError>,
    /// Bytes of its files.
    pub bytes: u64,
}

impl Look {
    /// What a listing says of the branch, with its newest rows.
    ///
    /// # Errors
    /// An error with the path of a damaged file.
    pub fn overview(self) -> Result<Overview, StoreError> {
        let Self { reader, bytes } = self;
        let last_loss = match reader.steps() {
            Some(steps) => reader.loss_of(steps.last)?,
            None => None,
        };
        let sum = |spans: &[StepSpan]| spans.iter().map(StepSpan::steps).sum();
        Ok(Overview {
            last_loss,
            last_validation: reader.last_validation()?,
            thinned_steps: sum(&reader.index().thinned),
            materialised_steps: sum(&reader.index().materialised),
            gaps: reader.gaps()?,
            damaged_files: reader.damaged_files(),
            bytes,
            reader,
        })
    }
}

impl Store {
    /// Looks at a branch's folders, once.
    ///
    /// # Errors
    /// Where the branch's folder cannot be listed.
    pub fn look(&self, record: &BranchRecord) -> Result<Look, StoreError> {
        let reader = BranchReader::at_rest(self, record.clone().into())?;
        reader.hold();
        let seen = Seen::measure(&reader.paths)?;
        reader.set(Index::of(&reader.paths, &seen)?);
        Ok(Look { bytes: seen.bytes, reader })
    }

    /// What a child inherits from its parent, which has these steps, and the
    /// parent does not have because it ends before the fork.
    pub fn gap_before(&self, child: &BranchRecord, parent: &BranchRecord, steps: Option<StepSpan>) -> Option<Gap> {
        gap_before(child, parent, steps, &self.paths(&parent.id))
    }

    /// Glances at a branch: nothing of it is listed or read.
    ///
    /// `None` where there is nothing to look at, or where it was written just now:
    /// what is written in the same instant would be missed.
    pub fn glance(&self, branch: &BranchId) -> Option<Glance> {
        let folder = Folder::open(&Disk::default(), &self.paths(branch).folder).ok()?;
        let mut hasher = DefaultHasher::new();
        let mut newest = (0, 0);
        // A lock has who took it last written into it.
        let names =
            [".", "branch.json", "branch.lock", "tail"].into_iter().chain(Table::ALL.iter().map(|table| table.name()));
        for name in names {
            let stamp: Option<Stamp> = folder.stamp(name);
            stamp.hash(&mut hasher);
            newest = newest.max(stamp.map_or((0, 0), |stamp| stamp.changed));
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let newest = Duration::new(u64::try_from(newest.0).ok()?, u32::try_from(newest.1).ok()?);
        now.checked_sub(newest).is_some_and(|since| since > UNSETTLED).then(|| Glance(hasher.finish()))
    }
}

/// Times on disk are told apart when they are so far apart, on every system.
const UNSETTLED: Duration = Duration::from_secs(2);

impl BranchReader {
    fn loss_of(&self, step: Step) -> Result<Option<f32>, StoreError> {
        let batch = self.read_columns(Table::Steps, StepSpan::of(step), &Selection::all(), &["loss"])?;
        let losses = batch.column(0).as_primitive::<Float32Type>();
        Ok((losses.len() == 1 && losses.is_valid(0)).then(|| losses.value(0)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use revacnn_schemas::{
        Fidelity, FilterIdentity, FilterNumber, ForeignProducer, HyperParameters, LayerTopology, ParameterView,
        ParentRecord, Producer, RecordingSettings, StepScalars, StepView, Topology, TrainingState,
    };

    use super::*;
    use crate::disk::folder::LISTED;
    use crate::disk::json::READ;
    use crate::{BranchList, Lineage, NewBranch, Recorder, RecorderOptions};

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
                    let (look, listed, read) = cost(|| store.look(record).unwrap().overview().unwrap());
                    assert_eq!(look.reader.steps(), Some(StepSpan::new(record.first_step(), Step(4))));
                    assert_eq!((look.last_loss, look.gaps.len()), (Some(1.0), 0));
                    assert_eq!(look.bytes, crate::branch_bytes(store.root(), &record.id));
                    // Its own folder, each table's, the tail, the inbox, the outbox.
                    assert!(listed <= 15 && read == 0, "{listed} listings, {read} descriptions");
                }
                // Of a history, its branches alone; of them, those that hold some
                // of it.
                let record = list.get(&last).unwrap();
                let (lineage, listed, read) = cost(|| Lineage::of(&store, record).unwrap());
                assert_eq!(lineage.steps(), Some(StepSpan::new(Step(0), Step(4))));
                let (gaps, again, _) = cost(|| lineage.gaps().unwrap());
                assert!(gaps.is_empty());
                assert!(listed <= 26 && again == 0, "{listed} and {again} listings");
                assert_eq!(read, if is_chain { forks } else { 1 });
                assert_eq!(lineage.branches().len(), if is_chain { forks + 1 } else { 2 });
            }
        }
    }

    /// A window that looks once a second would read all of a large store each time.
    #[test]
    fn branches_at_which_nothing_has_changed_are_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let (store, last) = store_of(folder.path(), 20, false);
        std::thread::sleep(UNSETTLED + Duration::from_millis(100));
        let list = store.branches_again(BranchList::default()).unwrap();
        let before = list.glance(&last);
        assert!(before.is_some());
        let (list, listed, read) = cost(|| store.branches_again(list).unwrap());
        assert_eq!((list.records.len(), list.glance(&last), listed, read), (21, before, 0, 0));
        // What has changed is, and is not taken for settled at once.
        let record = store.rename(&"fork-3".parse().unwrap(), &"other".parse().unwrap()).unwrap();
        let (list, _, read) = cost(|| store.branches_again(list).unwrap());
        assert_eq!((list.get(&record.id), list.glance(&record.id), read), (Some(&record), None, 1));
        assert!(list.get(&last).is_some_and(|other| other.name.as_str() == "fork-19"));
    }
}
