//! A network's arrays, in and out of other programs' files.
//!
//! What comes in is a stranger's: no file runs code when it is read, and what its header
//! promises is compared with what is there before anything is made for it. What goes out is a
//! function of the network alone: equal networks give equal bytes.
//!
//! | file | concept |
//! |---|---|
//! | `arrays` | named arrays, whatever their format |
//! | `placing` | arrays onto the layers of a network |
//! | `export` | a network with its arrays, and the formats there are |
//! | `graph` | a network's layers as other programs have them |
//! | `form` | what a layer is to other programs |
//! | `safetensors`, `npz`, `convnetjs`, `onnx`, `torch` | one format each |
//! | `number` | other programs' numbers as `f32` |
//! | `notes` | what was done to arrays on the way |
//! | `error` | why something does not go in or out |

mod arrays;
mod convnetjs;
mod error;
mod export;
mod form;
mod graph;
mod notes;
mod npz;
mod number;
mod onnx;
mod placing;
mod safetensors;
mod torch;

use std::io::{Read, Seek};
use std::path::Path;

use crate::files::{FileError, io, open, read_file};
use crate::npy::MAGIC;
use notes::Notes;

pub(crate) use arrays::axes;
pub use arrays::{Array, Arrays};
pub use error::ExchangeError;
pub use export::{Exported, ExportedNetwork, Format, Origin};
pub(crate) use form::{Form, PoolMethod, Window};
pub(crate) use placing::{Place, place};
pub use safetensors::METADATA;

/// What to do with a file that PyTorch pickled.
const SAVE_SAFETENSORS: &str =
    "save it from there as safetensors: safetensors.torch.save_file(model.state_dict(), \"weights.safetensors\")";

/// What to do with an array of objects.
const SAVE_NUMBERS: &str =
    "save an array of numbers: numpy.savez(file, **{\"conv1.weight\": array.astype(\"float32\")})";

const EXPECTED: &str = "arrays as safetensors, .npz or ConvNetJS's JSON";

/// The longest file that is read, in bytes: the largest network as `float64`, or as JSON.
const MOST_BYTES: u64 = 1 << 32;

/// Reads the arrays of a file: safetensors, NumPy's `.npz`, or a network of ConvNetJS in JSON,
/// told by how it begins.
///
/// # Errors
/// [`ExchangeError`], where the file is of no such format, damaged, too large or a pickle.
pub fn read_arrays(path: &Path) -> Result<Arrays, ExchangeError> {
    let (mut file, bytes) = open(path, EXPECTED)?;
    if bytes > MOST_BYTES {
        let found = format!("{bytes} bytes");
        return Err(FileError::TooLong { path: path.to_owned(), expected: EXPECTED, most: MOST_BYTES, found }.into());
    }
    let mut beginning = Vec::new();
    file.by_ref().take(16).read_to_end(&mut beginning).map_err(io(path))?;
    let pickle = |remedy| Err(ExchangeError::Pickle { path: path.to_owned(), remedy });
    let other = |found: &str| Err(ExchangeError::damaged(path, EXPECTED, found));
    match &beginning[..] {
        [b'P', b'K', ..] => {
            file.rewind().map_err(io(path))?;
            npz::read(path, file)
        }
        [0x80, version, ..] if *version <= 5 && beginning.get(8) != Some(&b'{') => pickle(SAVE_SAFETENSORS),
        start if start.starts_with(MAGIC) => {
            other("a single array: save all of them, numpy.savez(file, **{\"conv1.weight\": …, \"conv1.bias\": …})")
        }
        start if start.starts_with(b"\x89HDF") => other("HDF5: save the weights as safetensors or .npz"),
        start if start.trim_ascii_start().starts_with(b"{") => {
            convnetjs::parse(path, &read_file(path, EXPECTED, MOST_BYTES)?)
        }
        _ => safetensors::parse(path, &read_file(path, EXPECTED, MOST_BYTES)?),
    }
}
