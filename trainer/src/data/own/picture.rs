//! One picture: PNG, JPEG, WebP, BMP, or the first frame of a GIF, as bytes of a shape.
//!
//! All is done in whole numbers or in single operations on `f32`, and JPEG by the decoder's plain
//! code, so that every machine gets the same bytes.

use std::io::{BufReader, Cursor};
use std::path::Path;

use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::data::error::DataError;
use crate::files::read_file;
use revacnn_schemas::{Colour, Fit, ImageShape, PictureSize};

/// The longest file of a picture.
const MOST_BYTES: u64 = 1 << 28;

/// The most pixels of a picture: a camera's have 50 million.
const MOST_PIXELS: u64 = 1 << 26;

/// The most pixels a byte of a file stands for; a smaller file promises what it does not have.
const MOST_PIXELS_A_BYTE: u64 = 10_000;

/// What transparent pictures lie on, and what is beside padded ones.
const GREY: u8 = 128;

/// What the files of pictures end with.
const ENDINGS: [&str; 7] = ["png", "jpg", "jpeg", "jpe", "webp", "bmp", "gif"];

/// Whether a file is a picture, as far as its name tells.
pub(super) fn is_picture(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}

/// A picture's size and whether it is grey, from its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) is_grey: bool,
}

/// How pictures are brought to one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) size: PictureSize,
    pub(super) fit: Fit,
    pub(super) colour: Colour,
}

impl Target {
    pub(super) fn shape(self) -> ImageShape {
        let channels = if self.colour == Colour::Grey { 1 } else { 3 };
        ImageShape { channels, height: self.size.height as usize, width: self.size.width as usize }
    }
}

/// What a picture's header says of it.
pub(super) fn form(path: &Path) -> Result<Form, DataError> {
    form_of(&read(path)?).map_err(|reason| unreadable(path, reason))
}

/// What the header in a picture's bytes says of it.
///
/// # Errors
/// What was found instead of a picture.
pub(super) fn form_of(bytes: &[u8]) -> Result<Form, String> {
    match kind(bytes) {
        Some(ImageFormat::Jpeg) => {
            let (decoder, orientation) = jpeg(bytes)?;
            let (width, height) = decoder.dimensions().unwrap_or_default();
            let is_grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
            Ok(turned(Form { width: width as u32, height: height as u32, is_grey }, orientation))
        }
        kind => {
            let (form, _, orientation) = other(bytes, kind)?;
            Ok(turned(form, orientation))
        }
    }
}

/// The picture's bytes, `[channel][row][column]`.
pub(super) fn decode(path: &Path, target: Target) -> Result<Vec<u8>, DataError> {
    decode_bytes(&read(path)?, target).map_err(|reason| unreadable(path, reason))
}

/// What a picture in bytes is, brought to a shape: `[channel][row][column]`.
///
/// # Errors
/// What was found instead of a picture.
pub(super) fn decode_bytes(bytes: &[u8], target: Target) -> Result<Vec<u8>, String> {
    let picture = fitted(&decoded(bytes)?, target);
    let plane = picture.width() as usize * picture.height() as usize;
    Ok(match target.colour {
        Colour::Grey => picture.pixels().map(luminance).collect(),
        Colour::Rgb => {
            let mut image = vec![0; 3 * plane];
            for (place, Rgb(colours)) in picture.pixels().enumerate() {
                (0..3).for_each(|channel| image[channel * plane + place] = colours[channel]);
            }
            image
        }
    })
}

/// The bytes of a picture's file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    Ok(read_file(path, "a picture", MOST_BYTES)?)
}

fn unreadable(path: &Path, found: String) -> DataError {
    DataError::Damaged {
        path: path.to_owned(),
        expected: "a picture (PNG, JPEG, WebP, BMP or GIF)".to_owned(),
        found: found.escape_debug().take(300).collect(),
        remedy: "replace or remove it, or leave out what cannot be read with `--skip-unreadable`",
    }
}

/// What a picture is, by its first bytes, whatever its name says.
fn kind(bytes: &[u8]) -> Option<ImageFormat> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, WebP};
    image::guess_format(bytes).ok().filter(|kind| matches!(kind, Bmp | Gif | Jpeg | Png | WebP))
}

fn check(width: u64, height: u64, bytes: &[u8]) -> Result<(), String> {
    let pixels = width * height;
    match pixels {
        0 => Err("a picture without a pixel".to_owned()),
        _ if pixels > MOST_PIXELS => Err(format!("{width}×{height} pixels, which is more than {MOST_PIXELS}")),
        _ if pixels > 1 << 20 && pixels / MOST_PIXELS_A_BYTE > bytes.len() as u64 => {
            Err(format!("{} bytes that promise {width}×{height} pixels", bytes.len()))
        }
        _ => Ok(()),
    }
}

fn decoded(bytes: &[u8]) -> Result<RgbImage, String> {
    match kind(bytes) {
        Some(ImageFormat::Jpeg) => {
            let (mut decoder, orientation) = jpeg(bytes)?;
            let (width, height) = decoder.dimensions().unwrap_or_default();
            // The decoder fills up what is lacking.
            if !is_whole(bytes) {
                return Err("a JPEG picture that is cut off".to_owned());
            }
            let pixels = decoder.decode().map_err(|error| error.to_string())?;
            let picture = RgbImage::from_raw(width as u32, height as u32, pixels);
            let mut picture = DynamicImage::from(picture.ok_or("a JPEG picture in other colours")?);
            picture.apply_orientation(orientation);
            Ok(picture.into_rgb8())
        }
        kind => {
            let (_, decoder, orientation) = other(bytes, kind)?;
            let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
            picture.apply_orientation(orientation);
            Ok(opaque(picture))
        }
    }
}

type Jpeg<'a> = JpegDecoder<ZCursor<&'a [u8]>>;

/// A JPEG picture's header, and how the camera was held.
fn jpeg(bytes: &[u8]) -> Result<(Jpeg<'_>, Orientation), String> {
    let options = DecoderOptions::default().set_use_unsafe(false).jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions().ok_or("a JPEG picture without a size")?;
    check(width as u64, height as u64, bytes)?;
    let orientation = decoder.exif().and_then(|exif| Orientation::from_exif_chunk(exif));
    Ok((decoder, orientation.unwrap_or(Orientation::NoTransforms)))
}

/// Whether the mark of the end follows that of the last scan; a small picture within the header
/// has both, too.
fn is_whole(bytes: &[u8]) -> bool {
    let last = |mark: u8| bytes.windows(2).rposition(|pair| pair == [0xff, mark]);
    last(0xd9) > last(0xda)
}

/// The header of a picture of another kind, and what decodes it.
fn other(bytes: &[u8], kind: Option<ImageFormat>) -> Result<(Form, Box<dyn ImageDecoder + '_>, Orientation), String> {
    let Some(kind) = kind else {
        return Err(if bytes.is_empty() { "an empty file" } else { "bytes of another kind" }.to_owned());
    };
    let mut reader = ImageReader::with_format(BufReader::new(Cursor::new(bytes)), kind);
    let mut limits = Limits::default();
    limits.max_alloc = Some(16 * MOST_PIXELS);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions();
    check(width.into(), height.into(), bytes)?;
    let is_grey = matches!(decoder.color_type(), ColorType::L8 | ColorType::L16 | ColorType::La8 | ColorType::La16);
    let orientation = decoder.orientation().map_err(|error| error.to_string())?;
    Ok((Form { width, height, is_grey }, Box::new(decoder), orientation))
}

fn turned(form: Form, orientation: Orientation) -> Form {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    match orientation {
        Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH => {
            Form { width: form.height, height: form.width, ..form }
        }
        _ => form,
    }
}

/// A picture on grey, where it is transparent.
fn opaque(picture: DynamicImage) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let picture = picture.into_rgba8();
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, alpha] = picture.get_pixel(x, y).0.map(u32::from);
        let over = |value: u32| ((value * alpha + u32::from(GREY) * (255 - alpha) + 127) / 255) as u8;
        Rgb([over(red), over(green), over(blue)])
    })
}

/// The picture in its size.
fn fitted(picture: &RgbImage, target: Target) -> RgbImage {
    let Target { size: PictureSize { width, height }, fit, .. } = target;
    let (has, wide) = (picture.dimensions(), picture.width() as u64 * height as u64);
    let high = picture.height() as u64 * width as u64;
    let scaled = |picture: &RgbImage, width, height| imageops::resize(picture, width, height, FilterType::Triangle);
    // `a · b / c`, halves upwards, at least one pixel.
    let share =
        |a: u32, b: u32, c: u32| ((2 * u64::from(a) * u64::from(b) + u64::from(c)) / (2 * u64::from(c))).max(1) as u32;
    if has == (width, height) {
        return picture.clone();
    }
    match fit {
        Fit::Fit => scaled(picture, width, height),
        Fit::Crop => {
            let (across, down) = match wide > high {
                true => (share(has.1, width, height).min(has.0), has.1),
                false => (has.0, share(has.0, height, width).min(has.1)),
            };
            let (x, y) = ((has.0 - across) / 2, (has.1 - down) / 2);
            scaled(&imageops::crop_imm(picture, x, y, across, down).to_image(), width, height)
        }
        Fit::Pad => {
            let (across, down) = match wide > high {
                true => (width, share(has.1, width, has.0).min(height)),
                false => (share(has.0, height, has.1).min(width), height),
            };
            let mut all = RgbImage::from_pixel(width, height, Rgb([GREY; 3]));
            let (x, y) = ((width - across) / 2, (height - down) / 2);
            imageops::replace(&mut all, &scaled(picture, across, down), x.into(), y.into());
            all
        }
    }
}

/// The luminance of ITU-R BT.709, in ten thousandths.
fn luminance(Rgb([red, green, blue]): &Rgb<u8>) -> u8 {
    let weighted = 2_126 * u32::from(*red) + 7_152 * u32::from(*green) + 722 * u32::from(*blue);
    ((weighted + 5_000) / 10_000) as u8
}
