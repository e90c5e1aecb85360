//! NumPy's archives of arrays, as `numpy.savez` writes them.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Write};
use std::path::Path;

use ndarray::ArrayD;
use ndarray_npy::WriteNpyExt;
use ndarray_npy::npy::header::{Header, Layout};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::arrays::{Arrays, axes, is_aside};
use super::number::{Number, NumberKind};
use super::{ExchangeError, Notes};
use crate::npy::{HeaderError, read_header};

const EXPECTED: &str = "an archive that numpy.savez wrote";

/// What is read of an entry at once.
const PORTION: usize = 1 << 16;

/// The bytes of an archive with these arrays, not compressed. Equal arrays give equal bytes.
pub(super) fn bytes(arrays: &Arrays) -> Result<Vec<u8>, ExchangeError> {
    let unwritable = ExchangeError::unwritable("npz");
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    // No time of day enters it.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default());
    for (name, array) in arrays.iter() {
        archive.start_file(format!("{name}.npy"), options).map_err(|error| unwritable(&error))?;
        let values = ArrayD::from_shape_vec(array.shape.clone(), array.values.clone());
        let values = values.expect("invariant: an array has the values of its shape");
        let mut file = Vec::new();
        values.write_npy(&mut file).map_err(|error| unwritable(&error))?;
        archive.write_all(&file).map_err(|error| unwritable(&error))?;
    }
    Ok(archive.finish().map_err(|error| unwritable(&error))?.into_inner())
}

/// The arrays of an archive.
pub(super) fn read(path: &Path, file: File) -> Result<Arrays, ExchangeError> {
    let damaged = |error: &dyn std::fmt::Display| ExchangeError::damaged(path, EXPECTED, error);
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(&error))?;
    if archive.file_names().any(|name| name.ends_with("data.pkl")) {
        return Err(ExchangeError::Pickle { path: path.to_owned(), remedy: super::SAVE_SAFETENSORS });
    }
    let (mut arrays, mut notes) = (Arrays::default(), Notes::default());
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).map_err(|error| damaged(&error))?;
        let Some(name) = entry.name().strip_suffix(".npy").map(str::to_owned) else {
            return Err(ExchangeError::damaged(path, "entries that end in .npy", entry.name()));
        };
        if is_aside(&name) {
            notes.aside += 1;
            continue;
        }
        let promised = entry.size();
        let (number, shape, is_fortran, header) = described(path, &name, &mut entry)?;
        let count = arrays.admit(path, &name, &shape)?;
        let bytes = (count * number.kind.width()) as u64;
        if header + bytes != promised {
            let expected = format!("{bytes} bytes behind the header of {name} {}", axes(&shape));
            return Err(ExchangeError::damaged(path, expected, promised.saturating_sub(header)));
        }
        // What an archive promises is made only as far as it is there.
        let mut values = Vec::new();
        let mut portion = vec![0; PORTION];
        let mut left = count * number.kind.width();
        while left > 0 {
            let part = &mut portion[..left.min(PORTION)];
            entry.read_exact(part).map_err(|error| damaged(&format!("{name}: {error}")))?;
            let decoded = number.decode(part, &mut values);
            decoded.map_err(|value| {
                ExchangeError::damaged(path, format!("numbers that float32 can hold in {name}"), value)
            })?;
            left -= part.len();
        }
        // The check of an entry comes with its end.
        let ends = entry.read(&mut portion).map_err(|error| damaged(&format!("{name}: {error}")))?;
        if ends > 0 {
            return Err(damaged(&format!("{name} goes on behind its values")));
        }
        if is_fortran {
            values = in_rows(&shape, &values);
        }
        notes.count(number.kind);
        arrays.insert(name, shape, values);
    }
    notes.tell(&mut arrays);
    Ok(arrays)
}

/// An array's numbers, shape and order, and the bytes of its header.
fn described(path: &Path, name: &str, entry: &mut impl Read) -> Result<(Number, Vec<usize>, bool, u64), ExchangeError> {
    let mut header = 0;
    let mut fill = |bytes: &mut [u8]| {
        header += bytes.len() as u64;
        entry.read_exact(bytes)
    };
    let read = read_header(&mut fill).map_err(|error| {
        let found = match error {
            HeaderError::Bytes(error) => error.to_string(),
            HeaderError::Beginning => "another beginning".to_owned(),
            HeaderError::Version(other) => format!("version {other} of NumPy's format"),
            HeaderError::Strange => "a header that is not one of an array of numbers".to_owned(),
            HeaderError::Words(words) => words,
        };
        ExchangeError::damaged(path, format!("{name}.npy that numpy.save wrote"), found)
    })?;
    let Header { type_descriptor, layout, shape } = read;
    let word = type_descriptor.as_string().map_or("", String::as_str);
    let (order, kind) = word.split_at(word.len().min(1));
    let kind = match kind {
        "f2" => NumberKind::Float16,
        "f4" => NumberKind::Float32,
        "f8" => NumberKind::Float64,
        "O" => return Err(ExchangeError::Pickle { path: path.to_owned(), remedy: super::SAVE_NUMBERS }),
        _ => {
            let expected = format!("values of float16, float32 or float64 in {name}");
            return Err(ExchangeError::damaged(path, expected, type_descriptor));
        }
    };
    Ok((Number { kind, is_big_endian: order == ">" }, shape, layout == Layout::Fortran, header))
}

/// Values whose first axis is fastest, with the last one fastest.
fn in_rows(shape: &[usize], values: &[f32]) -> Vec<f32> {
    let reversed: Vec<usize> = shape.iter().rev().copied().collect();
    let array = ndarray::ArrayViewD::from_shape(reversed, values);
    array.expect("invariant: an array has the values of its shape").reversed_axes().iter().copied().collect()
}
