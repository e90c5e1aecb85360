//! safetensors: a header in JSON that says where each array lies, and the arrays.
//!
//! Source: Hugging Face's format, read and written by their library.

use std::collections::HashMap;
use std::path::Path;

use safetensors::serialize;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::arrays::{Arrays, axes, is_aside};
use super::number::{Number, NumberKind};
use super::{ExchangeError, Notes};

/// The key of what is said of the arrays.
pub const METADATA: &str = "revacnn";

/// The longest header, in bytes: 100,000 arrays with names of 60 letters.
const MOST_HEADER_BYTES: u64 = 1 << 24;

/// The bytes of a file with these arrays and one text about them. Equal arrays and texts give
/// equal bytes.
pub(super) fn bytes(arrays: &Arrays, about: Option<String>) -> Result<Vec<u8>, ExchangeError> {
    let unwritable = ExchangeError::unwritable("safetensors");
    let raw: Vec<(&str, &[usize], Vec<u8>)> = arrays
        .iter()
        .map(|(name, array)| {
            (name, &array.shape[..], array.values.iter().flat_map(|value| value.to_le_bytes()).collect())
        })
        .collect();
    let views = raw
        .iter()
        .map(|(name, shape, bytes)| Ok((*name, TensorView::new(Dtype::F32, shape.to_vec(), bytes)?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>();
    let views = views.map_err(|error| unwritable(&error))?;
    let about = about.map(|about| HashMap::from([(METADATA.to_owned(), about)]));
    serialize(views, about).map_err(|error| unwritable(&error))
}

/// The arrays of a file.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Arrays, ExchangeError> {
    let damaged = |found: &dyn std::fmt::Display| {
        ExchangeError::damaged(path, "arrays of safetensors, of NumPy (.npz) or of ConvNetJS (.json)", found)
    };
    let Some((length, rest)) = bytes.split_first_chunk::<8>() else {
        return Err(damaged(&format!("{} bytes", bytes.len())));
    };
    let length = u64::from_le_bytes(*length);
    if length > MOST_HEADER_BYTES || length > rest.len() as u64 {
        return Err(damaged(&format!("a header of {length} bytes in a file of {}", bytes.len())));
    }
    let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(&error))?;
    let (mut arrays, mut notes) = (Arrays::default(), Notes::default());
    let mut names: Vec<&str> = file.names();
    names.sort_unstable();
    for name in names {
        if is_aside(name) {
            notes.aside += 1;
            continue;
        }
        let view = file.tensor(name).map_err(|error| damaged(&error))?;
        let kind = match view.dtype() {
            Dtype::F16 => NumberKind::Float16,
            Dtype::BF16 => NumberKind::Brain16,
            Dtype::F32 => NumberKind::Float32,
            Dtype::F64 => NumberKind::Float64,
            other => {
                let expected = format!("values of float16, bfloat16, float32 or float64 in {name}");
                return Err(ExchangeError::damaged(path, expected, format!("{other:?} {}", axes(view.shape()))));
            }
        };
        let count = arrays.admit(path, name, view.shape())?;
        let mut values = Vec::with_capacity(count);
        let decoded = Number { kind, is_big_endian: false }.decode(view.data(), &mut values);
        decoded
            .map_err(|value| ExchangeError::damaged(path, format!("numbers that float32 can hold in {name}"), value))?;
        notes.count(kind);
        arrays.insert(name.to_owned(), view.shape().to_vec(), values);
    }
    notes.tell(&mut arrays);
    Ok(arrays)
}
