//! Data sets, networks and coefficients, from where a notebook may read.
//!
//! A notebook may come from a stranger: what it names by a path lies in its own folder
//! or in the folder of data sets.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use revacnn_recorder::{DEFAULT_DATASET, StartPlan};
use revacnn_schemas::{ArrayFile, Coefficients, Edit, MOST_IMAGE_BYTES, NetworkSpec, ReadFiles, Reading};
use revacnn_trainer::data::{Dataset, OwnPicture, catalogue, load_as};
use revacnn_trainer::exchange::read_arrays;
use revacnn_trainer::{named_network, presets, read_text};

use super::{Place, Refusal};
use crate::command::{Fork, Train};
use crate::program::{Named, Program};

/// How deep a data set's files lie in its folder, at most.
const DEEPEST: usize = 2;

/// Reads the coefficients that an edit names by their file.
pub type ReadCoefficients<'a> = &'a (dyn Fn(&Path) -> Result<Coefficients, String> + Sync);

/// What lines name.
#[derive(Debug)]
pub(super) struct Inputs {
    folder: PathBuf,
    data_folder: Option<PathBuf>,
    /// TOML of the networks of the notebook, by name.
    networks: HashMap<String, String>,
    /// Data sets that were loaded, by what was asked for.
    datasets: Mutex<HashMap<(PathBuf, Reading), Arc<Dataset>>>,
}

impl Inputs {
    pub(super) fn of(program: &Program, place: Place<'_>) -> Self {
        let networks = program.names.iter().filter_map(|(name, named)| match named {
            Named::Network(text) => Some((name.to_owned(), text.clone())),
            _ => None,
        });
        Self {
            folder: place.folder.to_owned(),
            data_folder: place.resources.data_folder.clone(),
            networks: networks.collect(),
            datasets: Mutex::default(),
        }
    }

    /// What a line that trains comes to, as a new branch.
    pub(super) fn start(&self, train: &Train) -> Result<StartPlan, Refusal> {
        let word = train.network().map(|name| name.to_string_lossy().into_owned());
        let network = train.network().map(|name| self.network(name)).transpose();
        let network = network.map_err(|message| Refusal::new(word.as_deref(), message))?;
        let word = train.dataset().map(|name| name.to_string_lossy().into_owned());
        let dataset =
            self.dataset(train.dataset(), train.reading()).map_err(|message| Refusal::new(word.as_deref(), message))?;
        let refused = |message: String| Refusal::new(None, message);
        let mut request = train.request_of(network).map_err(|error| refused(error.to_string()))?;
        // The hint says where it was found.
        request.dataset = Some(self.place_of(train.dataset()).map_err(refused)?.into_os_string());
        if let Some(file) = train.init() {
            let word = file.to_string_lossy().into_owned();
            let refused = |message: String| Refusal::new(Some(&word), message);
            let path = self.confined(file).map_err(refused)?;
            request.init = Some(train.initial(&path).map_err(|error| refused(error.to_string()))?.0);
        }
        StartPlan::new_on(request, dataset, self.data_folder.as_deref()).map_err(|error| refused(error.to_string()))
    }

    /// The edits of a line that forks.
    pub(super) fn edits(&self, fork: &Fork, read: ReadCoefficients<'_>) -> Result<Vec<Edit>, Refusal> {
        let edit = |text: &std::ffi::OsString| {
            let text = text.to_string_lossy();
            Edit::parse(&text, &mut Files { inputs: self, read, found: None })
                .map_err(|error| Refusal::new(Some(&text), error.to_string()))
        };
        fork.edit.iter().map(edit).collect()
    }

    /// Whether a network of this name is the notebook's own.
    pub(super) fn is_own(&self, name: &str) -> bool {
        self.networks.contains_key(name)
    }

    /// The network that a line names.
    pub(super) fn network(&self, name: &OsStr) -> Result<NetworkSpec, String> {
        let text = name.to_string_lossy();
        if let Some(toml) = self.networks.get(text.as_ref()) {
            return NetworkSpec::from_toml(toml).map_err(|error| error.to_string());
        }
        if presets().any(|(preset, _)| preset == text) {
            return named_network(name).map_err(|error| error.to_string());
        }
        let is_word = Path::new(name).extension().is_none() && Path::new(name).components().count() == 1;
        if is_word && !self.folder.join(name).is_file() {
            let mut known: Vec<&str> = presets().map(|(preset, _)| preset).collect();
            known.extend(self.networks.keys().map(String::as_str));
            return Err(format!("no network is named `{text}`: there are {}, and files in TOML", known.join(", ")));
        }
        named_network(self.confined(name)?).map_err(|error| error.to_string())
    }

    /// The images that a line names, loaded once.
    fn dataset(&self, name: Option<&OsStr>, reading: Reading) -> Result<Arc<Dataset>, String> {
        let place = self.place_of(name)?;
        let mut loaded = self.datasets.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (place, reading);
        if let Some(dataset) = loaded.get(&key) {
            return Ok(dataset.clone());
        }
        let (place, reading) = &key;
        let dataset = load_as(place.as_os_str(), self.data_folder.as_deref(), reading);
        let dataset = Arc::new(dataset.map_err(|error| error.to_string())?);
        loaded.insert(key, dataset.clone());
        Ok(dataset)
    }

    /// A data set's name, or the folder or file that a path leads to.
    pub(super) fn place_of(&self, name: Option<&OsStr>) -> Result<PathBuf, String> {
        let name = name.unwrap_or(OsStr::new(DEFAULT_DATASET));
        let known: Vec<&str> = catalogue(None).into_iter().map(|entry| entry.name).collect();
        if known.iter().any(|known| OsStr::new(known) == name) {
            return Ok(PathBuf::from(name));
        }
        self.confined(name).map_err(|reason| format!("{reason}; data sets with a name are {}", known.join(", ")))
    }

    /// The picture that a line names by its path.
    pub(super) fn picture(&self, path: &Path) -> Result<OwnPicture, String> {
        OwnPicture::read(&self.confined(path.as_os_str())?).map_err(|error| error.to_string())
    }

    /// A path below the notebook's folder, or else below that of the data sets.
    pub(super) fn confined(&self, path: &OsStr) -> Result<PathBuf, String> {
        let asked = Path::new(path);
        let shown = asked.display();
        if !asked.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(format!("expected a path below the notebook's folder, found `{shown}`"));
        }
        let folders = std::iter::once(self.folder.as_path()).chain(self.data_folder.as_deref());
        for folder in folders {
            let Ok(found) = folder.join(asked).canonicalize() else { continue };
            // What lies in the person's own folder of data sets may lead anywhere.
            let is_own = folder != self.folder;
            let is_below = folder
                .canonicalize()
                .is_ok_and(|folder| found.starts_with(&folder) && (is_own || is_within(&found, &folder, DEEPEST)));
            return if is_below {
                Ok(found)
            } else {
                Err(format!("`{shown}` leads out of {}: a notebook reads nothing there", folder.display()))
            };
        }
        Err(format!("there is no `{shown}` in {}", self.folder.display()))
    }
}

/// Reads what an edit names by a file, from where a notebook may read.
pub(super) struct Files<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) read: ReadCoefficients<'a>,
    /// The file that was named.
    pub(super) found: Option<PathBuf>,
}

impl Files<'_> {
    fn path(&mut self, file: &str) -> Result<PathBuf, String> {
        let path = self.inputs.confined(OsStr::new(file))?;
        self.found = Some(path.clone());
        Ok(path)
    }
}

impl ReadFiles for Files<'_> {
    fn coefficients(&mut self, file: &str) -> Result<Coefficients, String> {
        let path = self.path(file)?;
        (self.read)(&path)
    }

    fn arrays(&mut self, file: &str) -> Result<ArrayFile, String> {
        let arrays = read_arrays(&self.path(file)?).and_then(|arrays| arrays.to_file());
        arrays.map_err(|error| error.to_string())
    }

    fn images(&mut self, file: &str) -> Result<String, String> {
        read_text(&self.path(file)?, "images by their numbers", MOST_IMAGE_BYTES).map_err(|error| error.to_string())
    }
}

/// Whether no link in a folder leads out of another one.
fn is_within(path: &Path, folder: &Path, depth: usize) -> bool {
    let Ok(entries) = std::fs::read_dir(path) else { return true };
    entries.flatten().all(|entry| {
        let is_below = entry.path().canonicalize().is_ok_and(|found| found.starts_with(folder));
        is_below && (depth == 0 || is_within(&entry.path(), folder, depth - 1))
    })
}
