//! Pictures of one's own that a line of the notebook names: they lie in its folder.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use revacnn_trainer::data::OwnPicture;

use super::State;

impl State {
    /// The word by which a line names a picture: its path, where it lies in the notebook's folder
    /// as it was read, or else that of a copy, which is written there. No file is replaced.
    ///
    /// # Errors
    /// Why it cannot lie there.
    pub(crate) fn place_of(&self, picture: &OwnPicture) -> Result<String, String> {
        if self.session.path().is_none() {
            return Err(format!(
                "a notebook reads pictures in its own folder, and this one has no file yet: save it (Ctrl+S), and then \
                 keep the figure of {picture}"
            ));
        }
        let folder = self.folder();
        let is_same = |path: &Path| OwnPicture::read(path).is_ok_and(|there| there.digest() == picture.digest());
        if let Some(below) =
            picture.path().and_then(|path| below(path, &folder)).filter(|_| picture.path().is_some_and(is_same))
        {
            return Ok(word(&below));
        }
        let digest = picture.digest().to_string();
        let (stem, ending) = picture.name().rsplit_once('.').unwrap_or((picture.name(), "png"));
        for name in [picture.name().to_owned(), format!("{stem}-{}.{ending}", &digest[..8])] {
            let path = folder.join(&name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(mut file) => {
                    let written = file.write_all(picture.bytes()).and_then(|()| file.sync_all());
                    return match written {
                        Ok(()) => Ok(word(&name)),
                        Err(error) => {
                            let _ = fs::remove_file(&path);
                            Err(format!("cannot write {}: {error}", path.display()))
                        }
                    };
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists && is_same(&path) => return Ok(word(&name)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(format!("cannot write {}: {error}", path.display())),
            }
        }
        Err(format!("{picture} cannot lie beside the notebook: other files are called so"))
    }
}

/// A path in a folder, from there, in words.
fn below(path: &Path, folder: &Path) -> Option<String> {
    let (path, folder) = (path.canonicalize().ok()?, folder.canonicalize().ok()?);
    Some(path.strip_prefix(folder).ok()?.to_str()?.to_owned())
}

/// A path as a word that is no number and no option.
fn word(path: &str) -> String {
    let is_plain = path.starts_with(|first: char| first.is_ascii_alphabetic());
    if is_plain { path.to_owned() } else { format!("./{path}") }
}
