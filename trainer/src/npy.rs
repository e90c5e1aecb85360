//! Headers of NumPy's arrays, as `numpy.save` writes them.
//!
//! Source: NumPy's NEP 1 (versions 1 to 3 of the format).

use ndarray_npy::npy::header::Header;

/// How every such file begins.
pub const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest header, and the most brackets in it: that of an array of numbers has 128 bytes and
/// two.
const MOST_HEADER_BYTES: usize = 10_000;
const MOST_BRACKETS: usize = 32;

/// Why a header is not read; `E` is why bytes are lacking.
#[derive(Debug)]
pub enum HeaderError<E> {
    /// The file ends, or cannot be read.
    Bytes(E),
    /// The file begins otherwise.
    Beginning,
    /// A version that is none of 1 to 3.
    Version(u8),
    /// It is longer, or more nested, than that of any array of numbers.
    Strange,
    /// It cannot be understood.
    Words(String),
}

/// Reads a header by a function that fills a buffer with the bytes that come next. Nothing is
/// made for what the header promises.
///
/// # Errors
/// Those of `fill`, and a header that is none of an array of numbers.
pub fn read_header<E>(fill: &mut dyn FnMut(&mut [u8]) -> Result<(), E>) -> Result<Header, HeaderError<E>> {
    let mut bytes = vec![0; 10];
    fill(&mut bytes).map_err(HeaderError::Bytes)?;
    if !bytes.starts_with(MAGIC) {
        return Err(HeaderError::Beginning);
    }
    let length = match bytes[6] {
        1 => usize::from(u16::from_le_bytes([bytes[8], bytes[9]])),
        2 | 3 => {
            let mut high = [0; 2];
            fill(&mut high).map_err(HeaderError::Bytes)?;
            bytes.extend(high);
            u32::from_le_bytes([bytes[8], bytes[9], high[0], high[1]]) as usize
        }
        other => return Err(HeaderError::Version(other)),
    };
    if length > MOST_HEADER_BYTES {
        return Err(HeaderError::Strange);
    }
    let start = bytes.len();
    bytes.resize(start + length, 0);
    fill(&mut bytes[start..]).map_err(HeaderError::Bytes)?;
    // The library's parser goes deeper with every bracket.
    if bytes[start..].iter().filter(|byte| b"([{".contains(byte)).count() > MOST_BRACKETS {
        return Err(HeaderError::Strange);
    }
    Header::from_reader(&mut &bytes[..])
        .map_err(|error| HeaderError::Words(error.to_string().escape_debug().take(200).collect()))
}
