//! Arrays of NumPy, as `numpy.save` writes them.
//!
//! A header says the type, the lengths of the axes and their order, and the
//! values follow. What it says is compared with the file's length before
//! anything is made for it.

use std::path::Path;

use ndarray::ArrayD;
use ndarray_npy::npy::header::Header;
use ndarray_npy::{ReadNpyError, ReadNpyExt};
use revacnn_schemas::{Coefficients, counted};
use revacnn_trainer::npy::{HeaderError, MAGIC, read_header};
use revacnn_trainer::read_file;

/// The longest file that is read, in bytes: two million values of `float64`.
const MOST_BYTES: u64 = 1 << 24;

/// The array in a file, its last axis fastest whatever the file's order.
///
/// # Errors
/// What was expected of the file and what was found.
pub(crate) fn coefficients(path: &Path) -> Result<Coefficients, String> {
    let bytes = read_file(path, "an array that numpy.save wrote", MOST_BYTES).map_err(|error| error.to_string())?;
    if !bytes.starts_with(MAGIC) {
        return Err(format!("{} is no .npy file: expected one that numpy.save wrote", path.display()));
    }
    read(&bytes).map_err(|reason| format!("{}: {reason}", path.display()))
}

fn read(bytes: &[u8]) -> Result<Coefficients, String> {
    let (header, values) = header(bytes)?;
    let Header { type_descriptor, shape, .. } = &header;
    let kind = type_descriptor.as_string().map_or("", String::as_str);
    let width = match kind {
        "<f4" | ">f4" => 4,
        "<f8" | ">f8" => 8,
        _ => {
            // What a stranger's file says ends on a terminal.
            let text = type_descriptor.to_string();
            let found: String = text.chars().filter(|letter| !letter.is_control()).take(60).collect();
            return Err(format!("expected values of float32 or float64, found {found}: save array.astype('float32')"));
        }
    };
    let expected = shape.iter().try_fold(width, |product: usize, &length| product.checked_mul(length));
    if expected != Some(values) {
        return Err(format!(
            "expected {} of {width} bytes each, as its header says, found {}: the file was cut short or \
             is damaged",
            axes(shape),
            counted(values as u64, "byte"),
        ));
    }
    let unreadable = |error: ReadNpyError| format!("expected an array that numpy.save wrote: {error}");
    let values = if width == 4 {
        ArrayD::<f32>::read_npy(bytes).map_err(unreadable)?.iter().copied().collect()
    } else {
        narrowed(&ArrayD::<f64>::read_npy(bytes).map_err(unreadable)?)?
    };
    Ok(Coefficients { shape: header.shape, values })
}

/// The header, and the number of bytes behind it.
fn header(bytes: &[u8]) -> Result<(Header, usize), String> {
    let mut rest = bytes;
    let mut fill = |buffer: &mut [u8]| {
        let (part, behind) = rest.split_at_checked(buffer.len()).ok_or(())?;
        buffer.copy_from_slice(part);
        rest = behind;
        Ok(())
    };
    let header = read_header(&mut fill).map_err(|error| {
        let reason = match error {
            HeaderError::Bytes(()) => "its header is cut off",
            HeaderError::Beginning | HeaderError::Version(_) => "its format is none of versions 1 to 3",
            HeaderError::Strange => "its header is not that of an array of numbers",
            HeaderError::Words(reason) => return format!("expected an array that numpy.save wrote: {reason}"),
        };
        format!("expected an array that numpy.save wrote: {reason}")
    })?;
    Ok((header, rest.len()))
}

/// The values as `f32`, which must hold them.
fn narrowed(values: &ArrayD<f64>) -> Result<Vec<f32>, String> {
    if let Some(value) = values.iter().find(|value| value.is_finite() && !(**value as f32).is_finite()) {
        return Err(format!("expected values that float32 can hold, found {value:e}"));
    }
    Ok(values.iter().map(|&value| value as f32).collect())
}

/// Lengths of axes: `[3][5][5]`.
fn axes(shape: &[usize]) -> String {
    if shape.is_empty() {
        return "one value".to_owned();
    }
    shape.iter().map(|length| format!("[{length}]")).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, ShapeBuilder};
    use ndarray_npy::WriteNpyExt;

    use super::*;

    fn file(descriptor: &str, fortran: bool, shape: &str, values: &[u8]) -> Vec<u8> {
        let fortran = if fortran { "True" } else { "False" };
        raw(&format!("{{'descr': {descriptor}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n"), values)
    }

    fn raw(header: &str, values: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(values);
        bytes
    }

    fn refused(bytes: &[u8]) -> String {
        read(bytes).expect_err("a refusal")
    }

    #[test]
    fn values_are_in_the_order_of_the_axes_whatever_the_order_of_the_file() {
        let in_order: Vec<f32> = (0..24).map(|value| value as f32).collect();
        let array = Array3::from_shape_vec((2, 3, 4), in_order.clone()).unwrap();
        let mut fortran = Array3::<f32>::zeros((2, 3, 4).f());
        fortran.assign(&array);
        for array in [array.clone(), fortran] {
            let mut bytes = Vec::new();
            array.write_npy(&mut bytes).unwrap();
            let found = read(&bytes).unwrap();
            assert_eq!((found.shape, found.values), (vec![2, 3, 4], in_order.clone()));
        }
    }

    #[test]
    fn both_widths_and_both_orders_of_bytes_are_read() {
        let value = 0.1_f32;
        let wide = f64::from(value);
        for (descriptor, bytes) in [
            ("'<f4'", value.to_le_bytes().to_vec()),
            ("'>f4'", value.to_be_bytes().to_vec()),
            ("'<f8'", wide.to_le_bytes().to_vec()),
            ("'>f8'", wide.to_be_bytes().to_vec()),
        ] {
            let found = read(&file(descriptor, false, "(1, 1)", &bytes)).unwrap();
            assert_eq!((found.shape, found.values), (vec![1, 1], vec![value]), "{descriptor}");
        }
        assert!(read(&file("'<f4'", false, "()", &value.to_le_bytes())).unwrap().shape.is_empty());
        assert!(read(&file("'<f4'", false, "(0, 5)", &[])).unwrap().values.is_empty());
    }

    #[test]
    fn what_is_no_array_of_floats_is_named() {
        for (descriptor, width) in
            [("'<i8'", 8), ("'<f2'", 2), ("'|b1'", 1), ("'<c8'", 8), ("'|O'", 8), ("[('a', '<f4')]", 4)]
        {
            let message = refused(&file(descriptor, false, "(1,)", &vec![0; width]));
            assert!(message.contains("expected values of float32 or float64"), "{message}");
            assert!(message.contains(&descriptor[..4]), "{message}");
        }
        assert!(refused(&file("'<f8'", false, "(1,)", &1e300_f64.to_le_bytes())).contains("float32 can hold"));
        let escape = refused(&file("'\\x1b[2J\\n'", false, "(1,)", &[0; 4]));
        assert!(!escape.contains(char::is_control), "{escape:?}");
    }

    /// A header of 80 bytes made the reader take what memory there is, and one
    /// of brackets all of its stack.
    #[test]
    fn a_header_that_promises_more_than_the_file_has_is_refused_before_anything_is_made() {
        for shape in
            ["(1000000000000,)", "(4611686018427387904, 4)", "(18446744073709551616,)", "(2,)", "(0,)", "(-1,)"]
        {
            let message = refused(&file("'<f4'", false, shape, &[0; 4]));
            assert!(message.contains("expected"), "{message}");
        }
        let deep = "(".repeat(9_000);
        assert!(refused(&raw(&format!("{deep}\n"), &[])).contains("header"));
        let whole = file("'<f4'", false, "(1,)", &[0; 4]);
        for length in 0..whole.len() {
            refused(&whole[..length]);
        }
        assert!(refused(b"\x93NUMPY\x02\x00\xff\xff\xff\xff").contains("header is not that"));
        assert!(refused(b"\x93NUMPY\x02\x00\xff\x00\x00\x00").contains("cut off"));
    }
}
