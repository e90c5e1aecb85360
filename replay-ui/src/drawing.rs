//! What is drawn by hand: light strokes on dark, in the pixels of a data set's images.

use revacnn_trainer::data::OwnPicture;

/// The width of a stroke as a share of the shorter side, and the least in pixels.
const WIDE: f32 = 0.1;
const LEAST: f32 = 1.6;

/// A pixel is divided into at most so many a side, and an image into at most so many.
const FINEST: usize = 8;
const MOST: usize = 1024;

/// A drawing, finer than its pixels: a pixel is as light as the share of it that is drawn on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Drawing {
    rows: usize,
    columns: usize,
    /// Places a pixel has a side.
    finer: usize,
    /// `[row][column]`
    drawn: Vec<bool>,
}

impl Drawing {
    /// Nothing is drawn yet.
    pub(crate) fn new(rows: usize, columns: usize) -> Self {
        let (rows, columns) = (rows.clamp(1, MOST), columns.clamp(1, MOST));
        let finer = (MOST / rows.max(columns)).clamp(1, FINEST);
        Self { rows, columns, finer, drawn: vec![false; rows * columns * finer * finer] }
    }

    /// Rows and columns of pixels.
    pub(crate) fn size(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    pub(crate) fn is_blank(&self) -> bool {
        !self.drawn.contains(&true)
    }

    pub(crate) fn clear(&mut self) {
        self.drawn.fill(false);
    }

    /// Draws a straight piece of a stroke, or erases along it, between two places given as shares
    /// of the width and the height.
    pub(crate) fn stroke(&mut self, from: [f32; 2], to: [f32; 2], erases: bool) {
        let (rows, columns) = (self.rows * self.finer, self.columns * self.finer);
        let place = |at: [f32; 2]| [at[0] * columns as f32, at[1] * rows as f32];
        let (from, to) = (place(from), place(to));
        let pixels = (WIDE * self.rows.min(self.columns) as f32).max(LEAST);
        let radius = 0.5 * pixels * self.finer as f32;
        let span = |axis: usize, most: usize| {
            let (low, high) = (from[axis].min(to[axis]) - radius, from[axis].max(to[axis]) + radius);
            (low.max(0.0) as usize)..(high.max(0.0).ceil() as usize).min(most)
        };
        let along = [to[0] - from[0], to[1] - from[1]];
        let length = along[0] * along[0] + along[1] * along[1];
        for row in span(1, rows) {
            for column in span(0, columns) {
                let by = [column as f32 + 0.5 - from[0], row as f32 + 0.5 - from[1]];
                let share = if length > 0.0 { (by[0] * along[0] + by[1] * along[1]) / length } else { 0.0 };
                let share = share.clamp(0.0, 1.0);
                let away = [by[0] - share * along[0], by[1] - share * along[1]];
                if away[0] * away[0] + away[1] * away[1] <= radius * radius {
                    self.drawn[row * columns + column] = !erases;
                }
            }
        }
    }

    /// How light each pixel is, `[row][column]`.
    pub(crate) fn pixels(&self) -> Vec<u8> {
        let (finer, wide) = (self.finer, self.columns * self.finer);
        let light = |row: usize, column: usize| {
            let lines =
                (row * finer..(row + 1) * finer).map(|line| &self.drawn[line * wide + column * finer..][..finer]);
            let drawn = lines.flatten().filter(|drawn| **drawn).count();
            ((255 * drawn + finer * finer / 2) / (finer * finer)) as u8
        };
        (0..self.rows)
            .flat_map(|row| (0..self.columns).map(move |column| (row, column)))
            .map(|(row, column)| light(row, column))
            .collect()
    }

    /// The same, enlarged until the longer side has at most so many pixels, in colours.
    pub(crate) fn enlarged(&self, most: usize) -> ([usize; 2], Vec<u8>) {
        let factor = (most / self.rows.max(self.columns)).max(1);
        let (pixels, [rows, columns]) = (self.pixels(), [self.rows * factor, self.columns * factor]);
        let mut rgba = Vec::with_capacity(4 * rows * columns);
        for row in 0..rows {
            for column in 0..columns {
                let light = pixels[row / factor * self.columns + column / factor];
                rgba.extend([light, light, light, 255]);
            }
        }
        ([rows, columns], rgba)
    }

    /// As a picture: PNG, in grey.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub(crate) fn picture(&self) -> Result<OwnPicture, String> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.columns as u32, self.rows as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&self.pixels())?;
            writer.finish()
        });
        written.map_err(|error| error.to_string())?;
        OwnPicture::drawn(bytes).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::{Fit, ImageShape};

    use super::*;

    #[test]
    fn a_stroke_is_light_where_it_is_and_is_erased_there() {
        let mut drawing = Drawing::new(8, 8);
        assert!(drawing.is_blank() && drawing.pixels() == [0; 64]);
        // Down the middle of the fourth column.
        drawing.stroke([3.5 / 8.0, 0.0], [3.5 / 8.0, 1.0], false);
        let pixels = drawing.pixels();
        for row in 0..8 {
            let line = &pixels[8 * row..8 * row + 8];
            assert_eq!(line[3], 255, "{line:?}");
            assert!(line[2] > 40 && line[2] == line[4] && line[1] == 0 && line[5] == 0, "{line:?}");
        }
        drawing.stroke([0.0, 0.0], [1.0, 0.0], true);
        assert!(drawing.pixels()[3] < 100 && drawing.pixels()[3 + 56] == 255);
        drawing.clear();
        assert!(drawing.is_blank());
    }

    #[test]
    fn its_picture_has_its_pixels_and_is_called_by_its_content() {
        let mut drawing = Drawing::new(28, 28);
        drawing.stroke([0.2, 0.2], [0.8, 0.7], false);
        let picture = drawing.picture().unwrap();
        let shape = ImageShape { channels: 1, height: 28, width: 28 };
        assert_eq!(*picture.fitted(shape, Fit::Crop).unwrap(), *drawing.pixels());
        assert_eq!(picture.changes(shape, Fit::Crop), None);
        assert_eq!(drawing.picture().unwrap(), picture);
        assert!(picture.name().starts_with("drawing-") && picture.name().ends_with(".png"));
        drawing.stroke([0.2, 0.2], [0.1, 0.7], false);
        assert_ne!(drawing.picture().unwrap().name(), picture.name());
        // What leads outside, and images of one pixel or of many, do no harm.
        drawing.stroke([-3.0, f32::NAN], [9.0, f32::INFINITY], false);
        for (rows, columns) in [(1, 1), (1_024, 3), (0, 0)] {
            let mut drawing = Drawing::new(rows, columns);
            drawing.stroke([0.0, 0.0], [1.0, 1.0], false);
            assert!(!drawing.is_blank() && drawing.picture().is_ok());
        }
    }

    #[test]
    fn enlarging_repeats_pixels() {
        let mut drawing = Drawing::new(8, 8);
        drawing.stroke([0.5, 0.5], [0.5, 0.5], false);
        let ([rows, columns], rgba) = drawing.enlarged(240);
        assert_eq!([rows, columns], [240, 240]);
        assert_eq!(rgba.len(), 4 * 240 * 240);
        let at = |row: usize, column: usize| rgba[4 * (240 * row + column)];
        assert_eq!((at(0, 0), at(100, 100)), (0, drawing.pixels()[8 * 3 + 3]));
    }
}
