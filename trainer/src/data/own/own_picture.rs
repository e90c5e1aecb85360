//! A picture of a person's own that is in no data set: a network looks at it.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use revacnn_schemas::{Colour, Digest, Fit, ImageShape, PictureSize};

use super::picture::{self, Form, Target};
use crate::data::error::DataError;

/// A picture of a person's own: PNG, JPEG, WebP, BMP or the first frame of a GIF, as it was read
/// once. Equal ones have the same bytes and are called the same; where their file lies does not
/// matter.
#[derive(Clone)]
pub struct OwnPicture(Arc<Read>);

struct Read {
    name: String,
    path: Option<PathBuf>,
    bytes: Vec<u8>,
    digest: Digest,
    form: Form,
    /// What networks have looked at, decoded.
    fitted: Mutex<HashMap<Target, Arc<[u8]>>>,
}

impl OwnPicture {
    /// Reads a picture's file, and decodes it to see that it is whole.
    ///
    /// # Errors
    /// A path without a plain file, and a file that is no picture, is cut off, or has more than 67
    /// million pixels.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let bytes = picture::read(path)?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        let name = name.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect();
        Self::new(name, Some(path), bytes)
    }

    /// A picture that was drawn, and lies in no file: a PNG's bytes, by whose digest it is called.
    ///
    /// # Errors
    /// Bytes that are no picture.
    pub fn drawn(bytes: Vec<u8>) -> Result<Self, DataError> {
        let name = format!("drawing-{:.8}.png", Digest(*blake3::hash(&bytes).as_bytes()));
        Self::new(name, None, bytes)
    }

    fn new(name: String, path: Option<&Path>, bytes: Vec<u8>) -> Result<Self, DataError> {
        let damaged = |found: String| no_picture(path.unwrap_or(Path::new(&name)), found);
        let form = picture::form_of(&bytes).map_err(damaged)?;
        let whole = Target { size: PictureSize { width: 1, height: 1 }, fit: Fit::Fit, colour: Colour::Grey };
        picture::decode_bytes(&bytes, whole).map_err(damaged)?;
        let digest = Digest(*blake3::hash(&bytes).as_bytes());
        Ok(Self(Arc::new(Read { path: path.map(Path::to_owned), name, bytes, digest, form, fitted: Mutex::default() })))
    }

    /// What its file is called, without the folder.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The file that it was read from; `None` of one that was drawn.
    pub fn path(&self) -> Option<&Path> {
        self.0.path.as_deref()
    }

    /// Its file's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The BLAKE3 digest of these bytes.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// The picture as images of a shape are, `[channel][row][column]`, brought to it as a data
    /// set's pictures are: turned as its camera was held, scaled, in grey by its luminance where
    /// they have one channel, transparent parts on grey.
    ///
    /// # Errors
    /// A shape of neither one nor three channels, or of more than
    /// [`PictureSize::LARGEST`] pixels a side.
    pub fn fitted(&self, shape: ImageShape, fit: Fit) -> Result<Arc<[u8]>, DataError> {
        let path = || self.0.path.clone().unwrap_or_else(|| PathBuf::from(&self.0.name));
        let side = |length: usize| u32::try_from(length).ok().filter(|side| (1..=PictureSize::LARGEST).contains(side));
        let colour = match shape.channels {
            1 => Some(Colour::Grey),
            3 => Some(Colour::Rgb),
            _ => None,
        };
        let (Some(width), Some(height), Some(colour)) = (side(shape.width), side(shape.height), colour) else {
            return Err(DataError::Damaged {
                path: path(),
                expected: format!(
                    "a network that reads 1 or 3 channels of 1 to {} pixels a side",
                    PictureSize::LARGEST
                ),
                found: format!("one for images of {shape}"),
                remedy: "choose one of its own images by its number",
            });
        };
        let target = Target { size: PictureSize { width, height }, fit, colour };
        let mut all = self.0.fitted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = all.get(&target) {
            return Ok(found.clone());
        }
        let found: Arc<[u8]> =
            picture::decode_bytes(&self.0.bytes, target).map_err(|found| no_picture(&path(), found))?.into();
        all.insert(target, found.clone());
        Ok(found)
    }

    /// What was done to bring it to a shape; `None` where it has that shape already.
    pub fn changes(&self, shape: ImageShape, fit: Fit) -> Option<String> {
        let Form { width, height, is_grey } = self.0.form;
        let (across, down) = (shape.width as u64, shape.height as u64);
        let has_size = (u64::from(width), u64::from(height)) == (across, down);
        let in_proportion = u64::from(width) * down == u64::from(height) * across;
        let size = match fit {
            _ if has_size => None,
            _ if in_proportion => Some(format!("scaled to {across}×{down}")),
            Fit::Crop => Some(format!("cut to its middle and scaled to {across}×{down}")),
            Fit::Fit => Some(format!("stretched to {across}×{down}")),
            Fit::Pad => Some(format!("scaled to lie within {across}×{down}, grey beside it")),
        };
        let colour = match (shape.channels, is_grey) {
            (1, false) => Some("in grey by its luminance".to_owned()),
            (3, true) => Some("its grey in all three channels".to_owned()),
            _ => None,
        };
        let changes: Vec<String> = [size, colour].into_iter().flatten().collect();
        let what = if is_grey { "grey" } else { "in colours" };
        (!changes.is_empty()).then(|| format!("{width}×{height} pixels {what}: {}", changes.join(", ")))
    }
}

fn no_picture(path: &Path, found: String) -> DataError {
    DataError::Damaged {
        path: path.to_owned(),
        expected: "a picture (PNG, JPEG, WebP, BMP or GIF)".to_owned(),
        found: found.escape_debug().take(300).collect(),
        remedy: "name another file",
    }
}

impl PartialEq for OwnPicture {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest && self.0.name == other.0.name
    }
}

impl Eq for OwnPicture {}

impl Hash for OwnPicture {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.digest, &self.0.name).hash(state);
    }
}

impl fmt::Debug for OwnPicture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OwnPicture").field("name", &self.0.name).field("digest", &self.0.digest).finish()
    }
}

impl fmt::Display for OwnPicture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.name)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use image::{GrayImage, Luma, Rgb, RgbImage};

    use super::*;

    const DIGIT: ImageShape = ImageShape { channels: 1, height: 8, width: 8 };
    const COLOUR: ImageShape = ImageShape { channels: 3, height: 4, width: 6 };

    #[test]
    fn a_picture_of_the_shape_is_taken_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("grey.png");
        GrayImage::from_fn(8, 8, |x, y| Luma([(31 * x + 3 * y) as u8])).save(&path).unwrap();
        let picture = OwnPicture::read(&path).unwrap();
        let bytes = picture.fitted(DIGIT, Fit::Crop).unwrap();
        assert_eq!((bytes[0], bytes[7], bytes[63]), (0, 217, 238));
        assert_eq!(picture.changes(DIGIT, Fit::Crop), None);
        assert_eq!((picture.name(), picture.path()), ("grey.png", Some(&*path)));
        // It is what was read, whatever the file becomes; content and name are what it is.
        let copy = root.path().join("below");
        fs::create_dir(&copy).unwrap();
        fs::copy(&path, copy.join("grey.png")).unwrap();
        fs::copy(&path, root.path().join("other.png")).unwrap();
        assert_eq!(OwnPicture::read(&copy.join("grey.png")).unwrap(), picture);
        assert_ne!(OwnPicture::read(&root.path().join("other.png")).unwrap(), picture);
        GrayImage::from_pixel(8, 8, Luma([9])).save(&path).unwrap();
        assert_eq!(picture.fitted(DIGIT, Fit::Crop).unwrap(), bytes);
        assert_ne!(OwnPicture::read(&path).unwrap(), picture);
    }

    #[test]
    fn what_is_done_to_another_shape_is_said() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a.png");
        RgbImage::from_pixel(20, 10, Rgb([0, 255, 0])).save(&path).unwrap();
        let picture = OwnPicture::read(&path).unwrap();
        assert_eq!(*picture.fitted(DIGIT, Fit::Crop).unwrap(), [182; 64]);
        for (shape, fit, expected) in [
            (
                DIGIT,
                Fit::Crop,
                "20×10 pixels in colours: cut to its middle and scaled to 8×8, in grey by its luminance",
            ),
            (
                DIGIT,
                Fit::Pad,
                "20×10 pixels in colours: scaled to lie within 8×8, grey beside it, in grey by its luminance",
            ),
            (COLOUR, Fit::Fit, "20×10 pixels in colours: stretched to 6×4"),
            (ImageShape { channels: 3, height: 5, width: 10 }, Fit::Crop, "20×10 pixels in colours: scaled to 10×5"),
        ] {
            assert_eq!(picture.changes(shape, fit).as_deref(), Some(expected));
            assert_eq!(picture.fitted(shape, fit).unwrap().len(), shape.len());
        }
        let refused = picture.fitted(ImageShape { channels: 2, ..DIGIT }, Fit::Crop).unwrap_err().to_string();
        assert!(refused.contains("a.png") && refused.contains("2×8×8"), "{refused}");
    }

    #[test]
    fn what_is_no_picture_is_named() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::write(at("empty.png"), "").unwrap();
        fs::write(at("text.png"), "no picture").unwrap();
        GrayImage::from_pixel(9, 9, Luma([1])).save(at("cut.png")).unwrap();
        let whole = fs::read(at("cut.png")).unwrap();
        fs::write(at("cut.png"), &whole[..whole.len() / 2]).unwrap();
        for (name, expected) in [
            ("empty.png", "an empty file"),
            ("text.png", "bytes of another kind"),
            ("cut.png", "expected a picture"),
            ("none.png", "none.png"),
            ("", "a plain file"),
        ] {
            let message = OwnPicture::read(&at(name)).unwrap_err().to_string();
            assert!(message.contains(expected) && message.contains(name), "{message}");
            assert!(!message.contains("--skip-unreadable"), "{message}");
        }
        assert!(OwnPicture::drawn(b"no".to_vec()).is_err());
    }
}
