//! Names that the operating system takes, in JSON: text where they are text,
//! and else their bytes.

use std::ffi::{OsStr, OsString};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name as it is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Bytes { bytes: Vec<u8> },
}

pub(crate) fn serialize<S: Serializer>(name: impl AsRef<OsStr>, serializer: S) -> Result<S::Ok, S::Error> {
    let name = name.as_ref();
    let written = match name.to_str() {
        Some(text) => Written::Text(text.to_owned()),
        None => bytes_of(name),
    };
    written.serialize(serializer)
}

pub(crate) fn deserialize<'de, T: From<OsString>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(match Written::deserialize(deserializer)? {
        Written::Text(text) => OsString::from(text).into(),
        Written::Bytes { bytes } => name_of(bytes).into(),
    })
}

#[cfg(unix)]
fn bytes_of(name: &OsStr) -> Written {
    use std::os::unix::ffi::OsStrExt;

    Written::Bytes { bytes: name.as_bytes().to_owned() }
}

#[cfg(unix)]
fn name_of(bytes: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes)
}

/// Such names are rare elsewhere, and have no bytes of their own: what is
/// written leads nowhere, as a hint may.
#[cfg(not(unix))]
fn bytes_of(name: &OsStr) -> Written {
    Written::Text(name.to_string_lossy().into_owned())
}

#[cfg(not(unix))]
fn name_of(bytes: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// A name that may be missing.
pub(crate) mod optional {
    use std::ffi::{OsStr, OsString};

    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer, T: AsRef<OsStr>>(
        name: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match name {
            Some(name) => super::serialize(name, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, T: From<OsString>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}
