//! Images of figures as pixels of the screen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use iced::widget::image::Handle;
use revacnn_notebook::look::colour;
use revacnn_schemas::{Figure, Image};

/// Where an image stands in its figure: `(column, node)` of a network,
/// `(row, column)` of images, `(image, 0)` of a contact sheet and `(image, 1)` beside it, `(0, point)` of an
/// embedding.
pub(crate) type ImagePlace = (usize, usize);

/// The place of the image that a network looks at.
pub(crate) const INPUT: ImagePlace = (usize::MAX, 0);

/// The place of the image that it gives back.
pub(crate) const RECONSTRUCTION: ImagePlace = (usize::MAX, 1);

/// The images of a figure. Their colours are made once, off the window's
/// thread; at the size in which they are drawn they are kept as well: the
/// software renderer puts an image that it enlarges in a wrong place.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    images: HashMap<ImagePlace, Small>,
    enlarged: Mutex<HashMap<(ImagePlace, [u32; 2]), Enlarged>>,
}

/// An image as large as it is drawn.
#[derive(Debug, Clone)]
struct Enlarged {
    pixels: Arc<[u8]>,
    handle: Handle,
}

/// The colours of an image, a pixel a value.
#[derive(Debug, Clone, PartialEq)]
struct Small {
    size: [u32; 2],
    rgba: Vec<u8>,
}

impl Small {
    fn of(image: &Image) -> Option<Self> {
        let size = [u32::try_from(image.columns).ok()?, u32::try_from(image.rows).ok()?];
        (size[0] > 0 && size[1] > 0).then(|| Self { size, rgba: rgba(image) })
    }

    /// Each pixel as a block of equal ones.
    fn enlarged(&self, [width, height]: [u32; 2]) -> Vec<u8> {
        let [columns, rows] = self.size.map(|side| side as usize);
        let (width, height) = (width as usize, height as usize);
        let mut pixels = Vec::with_capacity(width * height * 4);
        for y in 0..height {
            let row = &self.rgba[y * rows / height * columns * 4..][..columns * 4];
            for x in 0..width {
                let column = x * columns / width;
                pixels.extend_from_slice(&row[column * 4..column * 4 + 4]);
            }
        }
        pixels
    }
}

impl Pictures {
    /// The images of a figure.
    pub(crate) fn of(figure: &Figure) -> Self {
        let mut made = Self::default();
        let mut add = |place, image: Option<&Image>| {
            if let Some(small) = image.and_then(Small::of) {
                made.images.insert(place, small);
            }
        };
        match figure {
            Figure::Network(diagram) => {
                for (place, column) in diagram.columns.iter().enumerate() {
                    for (node, filter) in column.nodes.iter().enumerate() {
                        add((place, node), filter.image.as_ref());
                    }
                }
                add(INPUT, diagram.input.as_ref().map(|(_, image)| image));
                add(RECONSTRUCTION, diagram.reconstruction.as_deref());
            }
            Figure::Images(grid) => {
                for (row, line) in grid.rows.iter().enumerate() {
                    for (column, image) in line.images.iter().enumerate() {
                        add((row, column), image.as_ref());
                    }
                }
            }
            Figure::Scatter(scatter) => {
                for (point, found) in scatter.points.iter().enumerate() {
                    add((0, point), found.image.as_ref());
                }
            }
            Figure::EmbeddedImages(figure) => {
                for (thumbnail, found) in figure.thumbnails.iter().enumerate() {
                    add((0, thumbnail), Some(&found.image));
                }
            }
            Figure::Sheet(sheet) => {
                for (place, picture) in sheet.pictures.iter().enumerate() {
                    add((place, 0), Some(&picture.image));
                    add((place, 1), picture.beside.as_ref());
                }
            }
            Figure::Chart(_) | Figure::Histograms(_) | Figure::Table(_) | Figure::Comparison(_) => {}
        }
        made
    }

    /// One of them, as large as it is drawn.
    pub(crate) fn get(&self, place: ImagePlace, width: f32, height: f32) -> Option<Handle> {
        self.enlarged(place, [width, height].map(|side| side.round() as u32)).map(|made| made.handle)
    }

    /// The colours of one of them, `[row][column][red, green, blue, alpha]`,
    /// enlarged to a size.
    pub(crate) fn pixels(&self, place: ImagePlace, size: [u32; 2]) -> Option<Arc<[u8]>> {
        self.enlarged(place, size).map(|made| made.pixels)
    }

    fn enlarged(&self, place: ImagePlace, size: [u32; 2]) -> Option<Enlarged> {
        let small = self.images.get(&place)?;
        let size = size.map(|side| side.clamp(1, 1024));
        let mut enlarged = self.enlarged.lock().unwrap_or_else(PoisonError::into_inner);
        let made = enlarged.entry((place, size)).or_insert_with(|| {
            let pixels = small.enlarged(size);
            Enlarged { pixels: pixels.clone().into(), handle: Handle::from_rgba(size[0], size[1], pixels) }
        });
        Some(made.clone())
    }

    /// Columns and rows of one of them.
    pub(crate) fn size(&self, place: ImagePlace) -> Option<[u32; 2]> {
        self.images.get(&place).map(|small| small.size)
    }
}

/// An image's pixels, `[row][column][red, green, blue, alpha]`; what is not a
/// number is transparent.
pub(crate) fn rgba(image: &Image) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(image.rows * image.columns * 4);
    for row in 0..image.rows {
        for column in 0..image.columns {
            match colour(image, row, column) {
                Some([red, green, blue]) => pixels.extend([red, green, blue, 255]),
                None => pixels.extend([0; 4]),
            }
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;
    use revacnn_schemas::{ImageGrid, ImageRow, Palette};

    fn image(palette: Palette, pixels: Vec<f32>, range: [f32; 2]) -> Image {
        let channels = if palette == Palette::Rgb { 3 } else { 1 };
        Image { label: String::new(), filter: None, rows: 1, columns: pixels.len() / channels, pixels, palette, range }
    }

    #[test]
    fn zero_is_the_middle_of_the_diverging_map_and_a_gap_is_transparent() {
        let pixels = rgba(&image(Palette::Diverging, vec![-1.0, 0.0, 1.0, f32::NAN], [-1.0, 1.0]));
        assert_eq!(pixels[4..8], [247, 247, 247, 255]);
        assert_ne!(pixels[..4], pixels[8..12]);
        assert_eq!(pixels[12..], [0, 0, 0, 0]);
    }

    #[test]
    fn colours_come_through_as_they_are() {
        assert_eq!(rgba(&image(Palette::Rgb, vec![0.0, 0.5, 1.0], [0.0, 1.0])), [0, 128, 255, 255]);
    }

    #[test]
    fn enlarging_repeats_pixels() {
        let small = Small { size: [2, 1], rgba: vec![1, 1, 1, 255, 2, 2, 2, 255] };
        let row: Vec<u8> = small.enlarged([4, 2]).chunks(4).map(|pixel| pixel[0]).collect();
        assert_eq!(row, [1, 1, 2, 2, 1, 1, 2, 2]);
        assert_eq!(small.enlarged([2, 1]), small.rgba);
    }

    #[test]
    fn every_image_of_a_figure_has_its_place_and_one_of_no_size_is_not_drawn() {
        let some = Some(image(Palette::Sequential, vec![0.0, 1.0], [0.0, 1.0]));
        let none = Some(image(Palette::Sequential, Vec::new(), [0.0, 1.0]));
        let rows = vec![ImageRow { label: "main@1".to_owned(), images: vec![None, some, none] }];
        let made =
            Pictures::of(&Figure::Images(ImageGrid { title: String::new(), rows, of_data: false, notes: Vec::new() }));
        assert!([0, 2].iter().all(|column| made.get((0, *column), 8.0, 8.0).is_none()));
        assert_eq!(made.size((0, 1)), Some([2, 1]));
        let once = made.get((0, 1), 8.0, 8.0).map(|handle| handle.id());
        assert_eq!(made.get((0, 1), 8.0, 8.0).map(|handle| handle.id()), once, "made once");
    }
}
