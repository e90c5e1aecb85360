//! Arrays of a network that came from a file, as a value.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::Digest;

/// The most bytes that arrays may have: a network may have 2²⁸ coefficients of four bytes.
pub const MOST_ARRAY_BYTES: u64 = (1 << 30) + (1 << 24);

/// Arrays that layers begin with: the bytes of a file in the safetensors format, known by their
/// digest. Two are equal where their digests are.
///
/// Who asks for an edit or a run has the bytes at hand; a record has the digest alone, and the
/// store keeps the bytes in a file beside it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct ArrayFile {
    digest: Digest,
    bytes: Option<Arc<[u8]>>,
}

impl ArrayFile {
    /// These bytes.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        Self { digest: digest_of(&bytes), bytes: Some(bytes) }
    }

    /// BLAKE3 of the bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The bytes, where they are at hand.
    pub fn bytes(&self) -> Option<&Arc<[u8]>> {
        self.bytes.as_ref()
    }

    /// The digest alone, as a record has it.
    #[must_use]
    pub fn recorded(&self) -> Self {
        Self { digest: self.digest, bytes: None }
    }
}

fn digest_of(bytes: &[u8]) -> Digest {
    Digest(*blake3::hash(bytes).as_bytes())
}

impl PartialEq for ArrayFile {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for ArrayFile {}

impl fmt::Debug for ArrayFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ArrayFile({:.12}, {:?} bytes)", self.digest, self.bytes.as_ref().map(|bytes| bytes.len()))
    }
}

/// As it is written: with its bytes in a letter to another process, without them in a record.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl From<ArrayFile> for Written {
    fn from(file: ArrayFile) -> Self {
        Self { digest: file.digest, base64: file.bytes.map(|bytes| STANDARD.encode(bytes)) }
    }
}

impl TryFrom<Written> for ArrayFile {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { digest, base64 } = written;
        let bytes = base64.map(|text| STANDARD.decode(text)).transpose();
        let bytes: Option<Arc<[u8]>> = bytes.map_err(|error| format!("arrays in base64: {error}"))?.map(Into::into);
        match &bytes {
            Some(bytes) if digest_of(bytes) != digest => {
                Err(format!("expected arrays of digest {digest:.12}, found {:.12}", digest_of(bytes)))
            }
            _ => Ok(Self { digest, bytes }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_travel_with_a_letter_and_not_with_a_record() {
        let file = ArrayFile::new(vec![1, 2, 3]);
        let json = serde_json::to_string(&file).unwrap();
        let read: ArrayFile = serde_json::from_str(&json).unwrap();
        assert_eq!(read.bytes().unwrap()[..], [1, 2, 3]);
        let recorded = serde_json::to_string(&file.recorded()).unwrap();
        assert_eq!(recorded, format!("{{\"digest\":\"{}\"}}", file.digest()));
        let read: ArrayFile = serde_json::from_str(&recorded).unwrap();
        assert_eq!((read.bytes(), &read), (None, &file), "it is known by its digest");
        let other = json.replace("AQID", "AQIE");
        assert!(
            serde_json::from_str::<ArrayFile>(&other).unwrap_err().to_string().contains("expected arrays of digest")
        );
    }
}
