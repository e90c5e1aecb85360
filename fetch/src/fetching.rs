//! From a data set that is published to its files in a folder.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use revacnn_schemas::{Published, PublishedFile};

use crate::download::{Server, address};
use crate::error::{FetchError, io};
use crate::place::{Sums, is_there, lock, place};
use crate::unpack::unpack;

/// How long a server is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How often nothing may come in a row before it is given up.
    pub tries: u32,
    /// The wait before the second try; each further one is twice as long.
    pub first_wait: Duration,
    /// The longest silence: of a connection that is made, of an answer, and within a file.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { tries: 5, first_wait: Duration::from_secs(1), silence: Duration::from_secs(60) }
    }
}

/// What is to be told while a data set is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<'a> {
    /// Another process fetches the same into the same folder: this one waits until it has ended.
    Waiting,
    /// So much of a file is there.
    Downloading {
        /// The file.
        file: &'a str,
        /// Bytes that are there, with those of an earlier time.
        bytes: u64,
        /// The file's length.
        of: u64,
    },
    /// A file broke off and is gone on with.
    BrokenOff {
        /// The file.
        file: &'a str,
        /// Bytes that are there.
        bytes: u64,
        /// Why.
        reason: &'a str,
    },
    /// What was there of a file cannot be gone on with: it is fetched from its beginning.
    FromTheBeginning {
        /// The file.
        file: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// A file has come, is what was published, and is unpacked now.
    Unpacking {
        /// The file.
        file: &'a str,
    },
}

/// Who is told of it; a break stops it, and what came is kept.
pub(crate) type Watch<'a> = &'a mut dyn FnMut(Event<'_>) -> ControlFlow<()>;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The data set's folder.
    pub folder: PathBuf,
    /// Bytes that came now; 0 where all was there and whole.
    pub downloaded: u64,
    /// Whether all was there and whole already.
    pub was_there: bool,
}

/// Fetches what is lacking of a data set into its folder below `data_folder`.
///
/// The files come from below `mirror`, or from where they are published. Each is what its SHA-256
/// says before it is opened. What broke off, also by a kill, is gone on with by the next call.
///
/// # Errors
/// [`FetchError::InTheWay`] where another file is in the place of one of the data set's, before
/// anything is downloaded; else what the server, the archive or the disk say.
pub fn fetch(
    published: &Published<'_>,
    mirror: Option<&str>,
    data_folder: &Path,
    patience: Patience,
    watch: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Fetched, FetchError> {
    let base = address(mirror.unwrap_or(published.address))?;
    let work = data_folder.join(".fetch");
    fs::create_dir_all(&work).map_err(io(&work, "made"))?;
    let _lock = lock(&work.join(format!("{}.lock", published.name)), watch)?;
    let folder = data_folder.join(published.folder);
    let sums = Sums::read(&folder)?;
    let mut lacking: Vec<&PublishedFile<'_>> = Vec::new();
    for file in published.files {
        if !is_there(file, &folder, &sums)? {
            lacking.push(file);
        }
    }
    if lacking.is_empty() {
        return Ok(Fetched { folder, downloaded: 0, was_there: true });
    }
    let part = |file: &PublishedFile<'_>| {
        // A part is of this very file: another edition's is not gone on with.
        let edition = file.sha256.get(..8).unwrap_or(file.sha256);
        work.join(format!("{}.{edition}.part", file.name))
    };
    let server = Server::new(base, patience);
    let mut downloaded = 0;
    for file in &lacking {
        downloaded += server.download(file, &part(file), watch)?;
    }
    let staging = work.join(format!("{}.unpacked", published.name));
    remove(&staging)?;
    fs::create_dir(&staging).map_err(io(&staging, "made"))?;
    let unpacked = lacking.iter().try_for_each(|file| {
        proceed(watch(Event::Unpacking { file: file.name }))?;
        unpack(file, published.folder, &part(file), &staging)
    });
    let placed = unpacked.and_then(|()| place(&lacking, &staging, &folder, sums));
    // Whatever came of it: what is half unpacked looks whole to nobody.
    remove(&staging)?;
    placed?;
    for file in &lacking {
        let part = part(file);
        fs::remove_file(&part).map_err(io(&part, "removed"))?;
    }
    Ok(Fetched { folder, downloaded, was_there: false })
}

/// Removes a folder of an earlier time, if there is one.
fn remove(folder: &Path) -> Result<(), FetchError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(folder, "removed")(error)),
        _ => Ok(()),
    }
}

/// Goes on, unless who watches wants no more.
pub(crate) fn proceed(flow: ControlFlow<()>) -> Result<(), FetchError> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(FetchError::Stopped),
    }
}
