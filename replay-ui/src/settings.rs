//! What is remembered between starts: sizes and choices, in a file of the user's.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use etcetera::BaseStrategy;
use revacnn_notebook::{Method, PictureFormat, Show, Smoothing, Source, XAxis};
use revacnn_schemas::{LayerName, Scale};
use revacnn_store::{StoreError, write_output};
use serde::{Deserialize, Serialize};

use crate::components::loss::Shows;
use crate::sizes::Sizes;
use crate::state::State;
use crate::time::Align;

/// How long nothing changes before it is written.
const REST: Duration = Duration::from_millis(800);
/// A file of settings is never longer.
const LONGEST: u64 = 64 * 1024;

/// The file that the window's settings are remembered in, in the folder that the platform
/// has for that; `None` where there is no home folder.
pub fn settings_file() -> Option<PathBuf> {
    let folders = etcetera::choose_base_strategy().ok()?;
    Some(folders.config_dir().join("revacnn").join("window.toml"))
}

/// What is remembered.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Settings {
    /// Width and height of the window, in logical pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) window: Option<[u32; 2]>,
    pub(crate) dark: bool,
    less_motion: bool,
    aligned_by_forks: bool,
    save_as: String,
    maps: Show,
    embedding: Method,
    embedded: Source,
    chart: Chart,
    sizes: Sizes,
}

/// What the chart shows, and how.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Chart {
    /// The losses where `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<LayerName>,
    x: XAxis,
    scale: Scale,
    smoothing: Smoothing,
}

impl Settings {
    /// What a window would remember; its size is not a part of the state.
    pub(crate) fn of(state: &State, window: [u32; 2]) -> Self {
        let (quantity, layer) = match state.loss.shows.clone() {
            Shows::Loss => (None, None),
            Shows::Number { quantity, layer } => (Some(quantity), layer),
        };
        let chart = &state.loss;
        Self {
            window: Some(window),
            dark: state.context.dark,
            less_motion: state.context.reduced_motion,
            aligned_by_forks: state.context.align == Align::Fork,
            save_as: state.save_as.ending().to_owned(),
            maps: state.network.nodes,
            embedding: state.filters.method,
            embedded: state.filters.of,
            chart: Chart { quantity, layer, x: chart.x, scale: chart.scale, smoothing: chart.smoothing },
            sizes: state.context.sizes,
        }
    }

    /// Gives a new window what was remembered.
    pub(crate) fn apply(&self, state: &mut State) {
        state.context.dark = self.dark;
        state.context.reduced_motion = self.less_motion;
        state.context.align = if self.aligned_by_forks { Align::Fork } else { Align::Step };
        state.save_as = PictureFormat::of(Path::new(&format!("a.{}", self.save_as))).unwrap_or(state.save_as);
        (state.network.nodes, state.filters.method, state.filters.of) = (self.maps, self.embedding, self.embedded);
        let chart = self.chart.clone();
        (state.loss.x, state.loss.scale) = (chart.x, chart.scale);
        state.loss.smooth(chart.smoothing.weight());
        if let Some(quantity) = chart.quantity {
            state.loss.shows = Shows::Number { quantity, layer: chart.layer };
        }
        state.context.sizes = self.sizes;
    }

    /// What is in a file, and why it is not used, if it is not. Where there is none yet,
    /// that is no fault.
    pub(crate) fn read(path: &Path) -> (Self, Option<String>) {
        let told = |reason: String| {
            let reason = reason.lines().next().unwrap_or_default().to_owned();
            format!("the settings in {} are not used: {reason}; they are written anew when one changes", path.display())
        };
        match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (Self::default(), None),
            Ok(found) if !found.is_file() || found.len() > LONGEST => {
                let reason = format!("expected a file of at most {LONGEST} bytes");
                return (Self::default(), Some(told(reason)));
            }
            Ok(_) | Err(_) => {}
        }
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
        match text.and_then(|text| toml::from_str(&text).map_err(|error| error.message().to_owned())) {
            Ok(settings) => (settings, None),
            Err(reason) => (Self::default(), Some(told(reason))),
        }
    }

    /// Writes them beside the file, and renames them into it.
    ///
    /// # Errors
    /// Why they cannot be written.
    fn write(&self, path: &Path) -> Result<(), String> {
        let failed = |error: &dyn std::fmt::Display| format!("the settings cannot be remembered: {error}");
        let text = toml::to_string(self).map_err(|error| failed(&error))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(&format!("{}: {error}", folder.display())))?;
        }
        let written = write_output(path, |output| {
            let failed = |source| StoreError::Io { operation: "write", path: path.to_owned(), source };
            output.write_all(text.as_bytes()).map_err(failed)
        });
        written.map_err(|error| failed(&error))
    }
}

/// Remembers settings in a thread of its own, once they rest.
#[derive(Debug)]
pub(crate) struct Keeper {
    settings: Settings,
    tell: Option<Sender<Settings>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Remembers in a file what is other than these settings; `refused` is told why it
    /// cannot.
    pub(crate) fn new(path: PathBuf, settings: Settings, refused: impl Fn(String) + Send + 'static) -> Self {
        let (tell, told) = mpsc::channel::<Settings>();
        let keep = move || {
            while let Ok(mut newest) = told.recv() {
                while let Ok(newer) = told.recv_timeout(REST) {
                    newest = newer;
                }
                if let Err(reason) = newest.write(&path) {
                    refused(reason);
                }
            }
        };
        let thread = std::thread::Builder::new().name("remembers settings".to_owned()).spawn(keep).ok();
        Self { settings, tell: Some(tell), thread }
    }

    /// Takes in what is to be remembered from now on.
    pub(crate) fn keep(&mut self, settings: Settings) {
        if settings == self.settings {
            return;
        }
        if let Some(tell) = &self.tell {
            // Where the thread could not be started, nobody listens.
            let _ = tell.send(settings.clone());
        }
        self.settings = settings;
    }
}

impl Drop for Keeper {
    /// Waits until the last are written.
    fn drop(&mut self) {
        self.tell = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::{filters, header, loss};
    use crate::sizes::{Border, Message as Size};
    use crate::state::tests::{opened, options};

    fn changed() -> State {
        let mut state = opened();
        state.update(header::Message::Dark(true));
        state.update(loss::Message::Smooth(0.6));
        state.update(loss::Message::X(XAxis::Epoch));
        let layer = Some("conv1".parse().unwrap());
        state.update(loss::Message::Show(Shows::Number { quantity: "weight_norm".to_owned(), layer }));
        state.update(filters::Message::Method(Method::Pca));
        state.update(Size::Drag { border: Border::Tree, size: 300.0, room: 1440.0 });
        state.save_as = PictureFormat::Pdf;
        state
    }

    #[test]
    fn what_is_remembered_is_as_it_was_in_the_next_window() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("window.toml");
        let remembered = Settings::of(&changed(), [1600, 1000]);
        let mut keeper = Keeper::new(path.clone(), Settings::default(), |reason| panic!("{reason}"));
        keeper.keep(Settings::of(&opened(), [1440, 900]));
        keeper.keep(remembered.clone());
        drop(keeper);
        assert_eq!(Settings::read(&path), (remembered.clone(), None));
        let mut next = State::new(&options());
        remembered.apply(&mut next);
        assert_eq!(Settings::of(&next, [1600, 1000]), remembered);
        assert!(next.context.dark && next.context.sizes.columns(1440.0)[0] == 300.0);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn settings_that_cannot_be_read_are_told_and_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("window.toml");
        assert_eq!(Settings::read(&path), (Settings::default(), None), "there are none yet");
        for wrong in ["dark = 7", "dark", "[chart]\nsmoothing = 3.0", "[sizes]\ntree = \"wide\"", "\0"] {
            std::fs::write(&path, wrong).unwrap();
            let (settings, told) = Settings::read(&path);
            let told = told.unwrap_or_else(|| panic!("{wrong} is no setting"));
            assert!(settings == Settings::default() && told.contains("window.toml are not used"), "{told}");
        }
        assert!(Settings::read(folder.path()).1.unwrap().contains("expected a file"));
        // Of a later program there may be more.
        std::fs::write(&path, "dark = true\nnew = 1\n[sizes]\ntree = nan").unwrap();
        let (settings, told) = Settings::read(&path);
        assert!(settings.dark && told.is_none());
        let mut state = opened();
        settings.apply(&mut state);
        assert!(state.context.sizes.columns(1440.0)[0] > 100.0);
    }

    #[test]
    fn settings_that_cannot_be_written_are_told_and_nothing_else_happens() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let (tell, told) = mpsc::channel();
        let path = folder.path().join("file").join("window.toml");
        let mut keeper = Keeper::new(path, Settings::default(), move |reason| tell.send(reason).unwrap());
        keeper.keep(Settings { dark: true, ..Settings::default() });
        drop(keeper);
        assert!(told.recv().unwrap().contains("the settings cannot be remembered"));
    }
}
