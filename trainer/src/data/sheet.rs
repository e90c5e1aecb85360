//! A contact sheet: some images of each class.

use std::io::Cursor;

use image::imageops::{self, FilterType};
use image::{ImageFormat, Rgb, RgbImage};

use super::dataset::{Dataset, Split};
use super::error::DataError;
use revacnn_schemas::ImageIndex;

/// Images of a row.
const ACROSS: usize = 16;

/// The longest side of an image on the sheet, and the least that small ones are enlarged to, in pixels.
const LARGEST: u32 = 64;
const SMALLEST: u32 = 32;

/// Pixels between images, and their colour.
const GAP: u32 = 2;
const PAPER: Rgb<u8> = Rgb([255; 3]);

/// A PNG with a row a class, in label order: its first images of those that train.
///
/// # Errors
/// [`DataError::Kept`] where images are kept on disk and cannot be read.
pub fn contact_sheet(dataset: &Dataset) -> Result<Vec<u8>, DataError> {
    let labels = dataset.train().labels();
    let mut rows: Vec<Vec<ImageIndex>> = vec![Vec::new(); dataset.class_names().len()];
    for index in dataset.indices(Split::Train) {
        let row = &mut rows[usize::from(labels[index.0 as usize])];
        if row.len() < ACROSS {
            row.push(index);
        }
    }
    let (width, height) = size(dataset.shape().width as u32, dataset.shape().height as u32);
    let across = rows.iter().map(Vec::len).max().unwrap_or_default().max(1) as u32;
    let place = |number: usize, length: u32| GAP + number as u32 * (length + GAP);
    let mut sheet = RgbImage::from_pixel(place(across as usize, width), place(rows.len(), height), PAPER);
    for (row, images) in rows.iter().enumerate() {
        for (column, index) in images.iter().enumerate() {
            let image = picture(dataset, &dataset.train().image(*index)?);
            let filter = if width > image.width() { FilterType::Nearest } else { FilterType::Triangle };
            let image = imageops::resize(&image, width, height, filter);
            imageops::replace(&mut sheet, &image, place(column, width).into(), place(row, height).into());
        }
    }
    let mut bytes = Cursor::new(Vec::new());
    sheet
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|error| DataError::Kept { operation: "written as PNG", source: std::io::Error::other(error) })?;
    Ok(bytes.into_inner())
}

/// Small images are enlarged by a whole number, large ones made smaller.
fn size(width: u32, height: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= LARGEST {
        let times = SMALLEST.div_ceil(longest);
        return (width * times, height * times);
    }
    let scaled = |length: u32| (length * LARGEST / longest).max(1);
    (scaled(width), scaled(height))
}

fn picture(dataset: &Dataset, image: &[u8]) -> RgbImage {
    let shape = dataset.shape();
    let plane = shape.height * shape.width;
    RgbImage::from_fn(shape.width as u32, shape.height as u32, |x, y| {
        let place = y as usize * shape.width + x as usize;
        // One channel is grey; of other numbers, the first three are shown.
        let level = |channel: usize| image[channel.min(shape.channels - 1) * plane + place];
        Rgb(if shape.channels < 3 { [level(0); 3] } else { [level(0), level(1), level(2)] })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_a_row_of_its_images() {
        let digits = crate::data::load("digits", None).unwrap();
        let sheet = image::load_from_memory(&contact_sheet(&digits).unwrap()).unwrap().into_rgb8();
        assert_eq!(sheet.dimensions(), (16 * 34 + 2, 10 * 34 + 2));
        // The file's first image is a 0: its pixel in the fourth column of the first row is 207.
        assert_eq!(*sheet.get_pixel(2 + 3 * 4 + 1, 3), Rgb([207; 3]));
        assert_eq!(*sheet.get_pixel(0, 0), PAPER);
    }

    #[test]
    fn sheets_have_small_images_whatever_the_data_set_has() {
        assert_eq!(size(8, 8), (32, 32));
        assert_eq!(size(28, 20), (56, 40));
        assert_eq!(size(1024, 512), (64, 32));
        assert_eq!(size(1024, 1), (64, 1));
    }
}
