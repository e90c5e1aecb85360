//! Small runs that the tests and benches of several crates record.
//!
//! A [`SmallRun`] says how; what it leaves out is the same for all. Nothing here
//! returns an error: a test that cannot record its run has failed.

mod files;
mod power;

pub use files::{copy_folder, files};
pub use power::{Left, PowerLog};

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use revacnn_recorder::{Fork, ForkPlan, RecorderError, Resources, Session, SessionPlan, fork};
use revacnn_schemas::{
    ArrayFile, BranchName, Edit, Fidelity, ImageIndex, NetworkSpec, RecordingSettings, RunDefinition, Step,
};
use revacnn_store::{Lineage, RecorderOptions, Store};
use revacnn_trainer::data::{Dataset, load};
use revacnn_trainer::exchange::{ExportedNetwork, Format, Origin};
use revacnn_trainer::{Settings, Trainer, define, preset};

/// The quickest network there is to record.
pub const TINY: &str = "[[layer]]\nkind = \"conv\"\nfilters = 2\nkernel = 3\n[[layer]]\nkind = \"softmax\"\n";

/// A run that is small enough to be trained by a test.
#[derive(Debug, Clone)]
pub struct SmallRun {
    /// A data set's name.
    pub dataset: OsString,
    /// The network.
    pub network: NetworkSpec,
    /// Optimizer, batch size and seed.
    pub settings: Settings,
    /// What is written each step.
    pub fidelity: Fidelity,
    /// Steps from one keyframe to the next.
    pub keyframe_interval: u64,
    /// The training image whose maps are written.
    pub probe: ImageIndex,
    /// Steps from one validation to the next, besides the end of each epoch.
    pub validate_every: Option<u64>,
    /// How the recorder works.
    pub options: RecorderOptions,
    /// When forks are made, in seconds since 1970: branches are listed in the order
    /// of their creation. The run itself was made at 0.
    pub forked_unix_seconds: u64,
}

impl Default for SmallRun {
    /// The tiny network on `digits`, everything written, a keyframe every ten
    /// steps.
    fn default() -> Self {
        Self {
            dataset: "digits".into(),
            network: network(TINY),
            settings: Settings::default(),
            fidelity: Fidelity::Every,
            keyframe_interval: 10,
            probe: ImageIndex(3),
            validate_every: None,
            options: RecorderOptions::default(),
            forked_unix_seconds: 1,
        }
    }
}

impl SmallRun {
    /// What benches record: the paper's network on `shapes`, as a person would who
    /// gives a batch size alone.
    pub fn paper(batch_size: u32) -> Self {
        Self {
            dataset: "shapes".into(),
            network: preset("paper").expect("a preset"),
            settings: Settings { batch_size, ..Settings::default() },
            keyframe_interval: RecordingSettings::default_keyframe_interval(batch_size),
            probe: ImageIndex(0),
            ..Self::default()
        }
    }

    /// The data set; it is loaded once for all tests of a program.
    pub fn data(&self) -> Arc<Dataset> {
        data(&self.dataset)
    }

    /// What is trained.
    pub fn definition(&self) -> RunDefinition {
        define(self.network.clone(), &self.data(), &self.settings).expect("a definition")
    }

    /// What is trained, and how it is recorded.
    pub fn plan(&self) -> SessionPlan {
        let recording = RecordingSettings {
            fidelity: self.fidelity,
            keyframe_interval: self.keyframe_interval,
            probes: vec![self.probe],
            validate_every: self.validate_every,
        };
        let options = self.options.clone();
        SessionPlan { definition: self.definition(), recording, threads: 1, options, created_unix_seconds: 0 }
    }

    /// With what the verbs work on it: one thread, at a time that is set.
    pub fn resources(&self) -> Resources {
        Resources {
            threads: 1,
            recorder: self.options.clone(),
            data_folder: None,
            now_unix_seconds: self.forked_unix_seconds,
        }
    }

    /// Begins the branch, or goes on with it.
    pub fn open(&self, store: &Store, branch: &str) -> Session {
        Session::open(store, &name(branch), self.plan(), self.data()).expect("a session")
    }

    /// Records the branch until a step, and seals it.
    pub fn record(&self, store: &Store, branch: &str, until: u64) {
        let mut session = self.open(store, branch);
        advance(&mut session, until);
        session.finish().expect("a sealed branch");
    }

    /// Makes a store with a branch `main` until a step.
    pub fn recorded(&self, folder: &Path, until: u64) -> Store {
        let store = Store::create(folder, 0).expect("a store");
        self.record(&store, "main", until);
        store
    }

    /// Arrays of the network as another seed draws them: what an edit may load.
    pub fn arrays(&self) -> ArrayFile {
        let settings = Settings { seed: self.settings.seed + 9, ..self.settings.clone() };
        let definition = define(self.network.clone(), &self.data(), &settings).expect("a definition");
        let trainer = Trainer::new(&definition, self.data(), 1).expect("a trainer");
        let network = ExportedNetwork {
            definition: &definition,
            topology: trainer.topology(),
            parameters: trainer.parameters(),
            optimizer_updates: None,
            class_names: None,
            origin: Origin {
                branch: name("other"),
                branch_id: "b0123456789abcde".parse().expect("an id"),
                step: Step(0),
                digest: trainer.digest(),
            },
        };
        ArrayFile::new(network.to_format(Format::Safetensors).expect("a file").bytes)
    }

    /// Forks a branch at a step, with edits.
    ///
    /// # Errors
    /// Those of [`fork`].
    pub fn try_fork(
        &self,
        store: &Store,
        (from, step): (&str, u64),
        to: &str,
        edits: &[&str],
    ) -> Result<Fork, RecorderError> {
        let edits = edits.iter().map(|edit| edit.parse::<Edit>().expect("an edit")).collect();
        let plan = ForkPlan { name: Some(name(to)), edits, fidelity: None, stays: false };
        let lineage = Lineage::open(store, &name(from))?;
        fork(store, lineage, Step(step), plan, &self.resources())
    }

    /// [`try_fork`](Self::try_fork), trains until a step, and seals it.
    pub fn fork(&self, store: &Store, at: (&str, u64), to: &str, edits: &[&str], until: u64) {
        let mut session = self.try_fork(store, at, to, edits).expect("a fork").session;
        advance(&mut session, until);
        session.finish().expect("a sealed branch");
    }
}

/// A branch's name.
pub fn name(text: &str) -> BranchName {
    text.parse().expect("a name")
}

/// A network that is written in TOML.
pub fn network(toml: &str) -> NetworkSpec {
    NetworkSpec::from_toml(toml).expect("a network")
}

/// Trains until a step.
pub fn advance(session: &mut Session, until: u64) {
    while session.trainer().position() < Step(until) {
        session.advance().expect("a step");
    }
}

/// A data set, loaded once for all tests of a program.
pub fn data(dataset: &OsString) -> Arc<Dataset> {
    static LOADED: Mutex<BTreeMap<OsString, Arc<Dataset>>> = Mutex::new(BTreeMap::new());
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    loaded.entry(dataset.clone()).or_insert_with(|| Arc::new(load(dataset, None).expect("a data set"))).clone()
}
