//! One file over HTTP, taken up where it was cut off.
//!
//! Its length is known: nothing beyond it is read, whatever a server says or sends.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::sleep;

use revacnn_schemas::PublishedFile;
use ureq::http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use ureq::http::{Response, StatusCode, Uri};
use ureq::{Agent, Body};

use crate::error::{FetchError, io};
use crate::fetching::{Event, Patience, Watch, proceed};
use crate::place::{length, sha256_of};

/// How often a server may break off at all, however little it sends each time.
const MOST_CONNECTIONS: u32 = 1_000;

const MOST_REDIRECTS: u32 = 5;

/// The address of a folder of files, without a `/` at its end.
pub(crate) fn address(text: &str) -> Result<String, FetchError> {
    let wrong = || FetchError::Address { address: text.to_owned() };
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(host)) if !host.is_empty() && uri.query().is_none() => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(wrong()),
    }
}

/// Where files are asked for.
pub(crate) struct Server {
    base: String,
    agent: Agent,
    patience: Patience,
}

/// Why a file did not come to its end.
enum Trouble {
    /// It may come when it is asked for again.
    Passing(String),
    /// What is there cannot be gone on with.
    OnlyFromTheBeginning(String),
    /// It will not come, however often it is asked for.
    NoHope(String),
    /// No further try helps.
    Lasting(FetchError),
}

impl From<FetchError> for Trouble {
    fn from(error: FetchError) -> Self {
        Self::Lasting(error)
    }
}

impl Server {
    pub(crate) fn new(base: String, patience: Patience) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(MOST_REDIRECTS)
            .timeout_connect(Some(patience.silence))
            .timeout_recv_response(Some(patience.silence))
            .timeout_per_read(Some(patience.silence))
            .user_agent(concat!("revacnn/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { base, agent: config.into(), patience }
    }

    /// Brings a file to `part`, going on with what is there of it, and gives the number of bytes
    /// that came. It is what its checksum says.
    pub(crate) fn download(
        &self,
        published: &PublishedFile<'_>,
        part: &Path,
        watch: Watch<'_>,
    ) -> Result<u64, FetchError> {
        let url = format!("{}/{}", self.base, published.name);
        let mut file = Part::open(part, published.bytes)?;
        let (mut received, mut in_vain, mut connections, mut has_begun_anew) = (0, 0, 0, false);
        loop {
            proceed(watch(Event::Downloading { file: published.name, bytes: file.bytes, of: published.bytes }))?;
            if file.bytes == published.bytes {
                file.file.sync_all().map_err(io(part, "written"))?;
                let found = sha256_of(part)?;
                if found == published.sha256 {
                    return Ok(received);
                }
                if file.is_of_one_piece || has_begun_anew {
                    drop(file);
                    std::fs::remove_file(part).map_err(io(part, "removed"))?;
                    return Err(FetchError::Checksum { url, expected: published.sha256.to_owned(), found });
                }
                file.clear()?;
                // Two pieces may be of two files.
                has_begun_anew = true;
                let reason = "what was put together has another checksum";
                proceed(watch(Event::FromTheBeginning { file: published.name, reason }))?;
                continue;
            }
            let before = file.bytes;
            let ended = self.transfer(&url, published, &mut file, &mut received, watch);
            let reason = match ended {
                Ok(()) if file.bytes == published.bytes => continue,
                Ok(()) => "it ended too early".to_owned(),
                Err(Trouble::Lasting(error)) => return Err(error),
                Err(Trouble::NoHope(reason)) => {
                    let (kept, bytes) = (file.bytes, published.bytes);
                    return Err(FetchError::Connection { url, reason, tries: 1, kept, bytes });
                }
                Err(Trouble::Passing(reason)) => reason,
                Err(Trouble::OnlyFromTheBeginning(reason)) => {
                    file.clear()?;
                    proceed(watch(Event::FromTheBeginning { file: published.name, reason: &reason }))?;
                    reason
                }
            };
            connections += 1;
            in_vain = if file.bytes > before { 0 } else { in_vain + 1 };
            file.is_of_one_piece = file.bytes == 0;
            if in_vain >= self.patience.tries || connections >= MOST_CONNECTIONS {
                let (tries, kept, bytes) = (in_vain.max(1), file.bytes, published.bytes);
                return Err(FetchError::Connection { url, reason, tries, kept, bytes });
            }
            proceed(watch(Event::BrokenOff { file: published.name, bytes: file.bytes, reason: &reason }))?;
            if in_vain > 0 {
                sleep(self.patience.first_wait * 2_u32.pow(in_vain.min(6) - 1));
            }
        }
    }

    /// Asks for what is lacking and writes what comes of it, up to the file's length.
    fn transfer(
        &self,
        url: &str,
        published: &PublishedFile<'_>,
        file: &mut Part<'_>,
        received: &mut u64,
        watch: Watch<'_>,
    ) -> Result<(), Trouble> {
        let mut request = self.agent.get(url).header(ACCEPT_ENCODING, "identity");
        if file.bytes > 0 {
            request = request.header(RANGE, format!("bytes={}-", file.bytes));
        }
        let response = request.call().map_err(|error| trouble(url, error))?;
        if begins_at(&response, url, published, file.bytes)? == 0 {
            file.clear()?;
        }
        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 1 << 16];
        while file.bytes < published.bytes {
            let room =
                usize::try_from(published.bytes - file.bytes).map_or(buffer.len(), |room| room.min(buffer.len()));
            let read = match body.read(&mut buffer[..room]) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) => return Err(Trouble::Passing(error.to_string())),
            };
            file.append(&buffer[..read])?;
            *received += read as u64;
            proceed(watch(Event::Downloading { file: published.name, bytes: file.bytes, of: published.bytes }))?;
        }
        Ok(())
    }
}

/// Where in the file a server's answer begins: where it was asked to, or at its beginning.
fn begins_at(response: &Response<Body>, url: &str, published: &PublishedFile<'_>, asked: u64) -> Result<u64, Trouble> {
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let fits = |found: Option<u64>| match found {
        Some(found) if found != published.bytes => {
            Err(Trouble::Lasting(FetchError::Length { url: url.to_owned(), expected: published.bytes, found }))
        }
        _ => Ok(()),
    };
    let status = response.status();
    match status {
        StatusCode::OK => {
            fits(header(CONTENT_LENGTH).and_then(|length| length.parse().ok()))?;
            Ok(0)
        }
        StatusCode::PARTIAL_CONTENT => {
            // bytes 100-199/200, where the length may be `*`
            let range = header(CONTENT_RANGE).and_then(|range| range.strip_prefix("bytes ")?.split_once('/'));
            fits(range.and_then(|(_, length)| length.parse().ok()))?;
            match range.and_then(|(range, _)| range.split_once('-')?.0.trim().parse::<u64>().ok()) {
                Some(begin) if begin == asked => Ok(asked),
                _ => Err(Trouble::OnlyFromTheBeginning("the server sent another part than was asked for".to_owned())),
            }
        }
        StatusCode::RANGE_NOT_SATISFIABLE if asked > 0 => {
            Err(Trouble::OnlyFromTheBeginning("the server has no such part".to_owned()))
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(Trouble::Passing(status.to_string())),
        _ if status.is_server_error() => Err(Trouble::Passing(status.to_string())),
        _ => Err(Trouble::Lasting(FetchError::Status { url: url.to_owned(), status: status.to_string() })),
    }
}

/// Whether another try may help.
fn trouble(url: &str, error: ureq::Error) -> Trouble {
    match error {
        ureq::Error::TooManyRedirects => Trouble::Lasting(FetchError::Status {
            url: url.to_owned(),
            status: format!("to look elsewhere, more than {MOST_REDIRECTS} times"),
        }),
        ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::Protocol(_) | ureq::Error::ConnectionFailed => {
            Trouble::Passing(error.to_string())
        }
        error => Trouble::NoHope(error.to_string()),
    }
}

/// What of a file has come, which only grows at its end.
struct Part<'a> {
    file: File,
    path: &'a Path,
    bytes: u64,
    /// Whether all of it came without a break.
    is_of_one_piece: bool,
}

impl<'a> Part<'a> {
    /// Opens it; what is longer than the file is none of it.
    fn open(path: &'a Path, most: u64) -> Result<Self, FetchError> {
        length(path)?;
        let open = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
        let mut file = open.map_err(io(path, "opened"))?;
        let bytes = file.seek(SeekFrom::End(0)).map_err(io(path, "read"))?;
        let mut part = Self { file, path, bytes, is_of_one_piece: bytes == 0 };
        if bytes > most {
            part.clear()?;
        }
        Ok(part)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.file.write_all(bytes).map_err(io(self.path, "written"))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn clear(&mut self) -> Result<(), FetchError> {
        self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0))).map_err(io(self.path, "cut off"))?;
        (self.bytes, self.is_of_one_piece) = (0, true);
        Ok(())
    }
}
