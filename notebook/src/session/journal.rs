//! What is not saved yet, kept for after a crash.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use revacnn_store::{StoreError, write_output};

use super::Session;

/// Where the unsaved text of a notebook is kept: beside its file, or in the store of one
/// without a file.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// What was last written.
    kept: Option<String>,
}

impl Journal {
    /// The journal of a notebook.
    pub fn of(session: &Session, store: &Path) -> Self {
        let path = match session.path() {
            Some(path) => {
                let name = path.file_name().map_or_else(Default::default, |name| name.to_string_lossy().into_owned());
                path.with_file_name(format!(".{name}.unsaved"))
            }
            None => store.join("notebook.unsaved.md"),
        };
        Self { path, kept: None }
    }

    /// What was left there by who could not save it, where that is another text.
    pub fn left(&self, session: &Session) -> Option<String> {
        let found = fs::symlink_metadata(&self.path).ok()?;
        if !found.is_file() || found.len() > super::file::MOST_BYTES {
            return None;
        }
        let text = fs::read_to_string(&self.path).ok()?;
        (text != session.document().text()).then_some(text)
    }

    /// Keeps what is not saved; what is saved is kept no longer.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn keep(&mut self, session: &Session) -> Result<(), StoreError> {
        if session.is_unsaved() {
            return self.keep_text(session.document().text());
        }
        self.forget();
        Ok(())
    }

    /// Keeps a text that is still being typed.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn keep_text(&mut self, text: &str) -> Result<(), StoreError> {
        if self.kept.as_deref() == Some(text) {
            return Ok(());
        }
        write_output(&self.path, |file| {
            let failed = |source| StoreError::Io { operation: "write", path: self.path.clone(), source };
            file.write_all(text.as_bytes()).map_err(failed)
        })?;
        self.kept = Some(text.to_owned());
        Ok(())
    }

    /// Goes on with what was left there: it is there until the text is saved.
    pub fn adopt(&mut self, left: String) {
        self.kept = Some(left);
    }

    /// Takes it away.
    pub fn forget(&mut self) {
        if self.kept.take().is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }

    /// Takes away what was left there, once a person has chosen.
    pub fn dismiss(&mut self) {
        self.kept = None;
        let _ = fs::remove_file(&self.path);
    }
}

impl Session {
    /// Goes on with a text that was left unsaved, as one change.
    pub fn restore(&mut self, text: &str) {
        self.take(text, "what was not saved");
    }
}
