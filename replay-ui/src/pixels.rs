//! Images of figures as pixels of the screen.

use std::collections::HashMap;

use iced::widget::image::Handle;
use revacnn_notebook::colour;
use revacnn_schemas::{Figure, Image};

/// The images of a figure, made once, off the window's thread.
///
/// Keys are `(column, node)` of a network, `(row, column)` of images, and
/// `(0, point)` of an embedding.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pictures {
    /// The image that a network looks at.
    pub(crate) input: Option<Handle>,
    images: HashMap<(usize, usize), Handle>,
}

impl Pictures {
    /// The images of a figure.
    pub(crate) fn of(figure: &Figure) -> Self {
        let mut made = Self::default();
        let mut add = |place, image: Option<&Image>| {
            if let Some(handle) = image.and_then(handle) {
                made.images.insert(place, handle);
            }
        };
        match figure {
            Figure::Network(diagram) => {
                for (place, column) in diagram.columns.iter().enumerate() {
                    for (node, filter) in column.nodes.iter().enumerate() {
                        add((place, node), filter.image.as_ref());
                    }
                }
                made.input = diagram.input.as_ref().and_then(|(_, image)| handle(image));
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
            Figure::Chart(_) | Figure::Table(_) | Figure::Comparison(_) => {}
        }
        made
    }

    /// One of them.
    pub(crate) fn get(&self, first: usize, second: usize) -> Option<&Handle> {
        self.images.get(&(first, second))
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

fn handle(image: &Image) -> Option<Handle> {
    let (columns, rows) = (u32::try_from(image.columns).ok()?, u32::try_from(image.rows).ok()?);
    (columns > 0 && rows > 0).then(|| Handle::from_rgba(columns, rows, rgba(image)))
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
    fn every_image_of_a_figure_has_its_place_and_one_of_no_size_is_not_drawn() {
        let some = Some(image(Palette::Sequential, vec![0.0, 1.0], [0.0, 1.0]));
        let none = Some(image(Palette::Sequential, Vec::new(), [0.0, 1.0]));
        let rows = vec![ImageRow { label: "main@1".to_owned(), images: vec![None, some, none] }];
        let made = Pictures::of(&Figure::Images(ImageGrid { title: String::new(), rows }));
        assert!(made.get(0, 1).is_some() && made.get(0, 0).is_none() && made.get(0, 2).is_none());
    }
}
