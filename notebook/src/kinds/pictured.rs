//! Images of a data set, and classes by their names, as contact sheets show them.

use revacnn_schemas::{Image, ImageIndex, ImageShape, Palette, count};
use revacnn_trainer::data::{Dataset, Part, Split};
use revacnn_trainer::label_of;

use crate::NotebookError;
use crate::sources::Place;

/// An image of a part of a data set, in colour, or in grey.
pub(super) fn pictured(dataset: &Dataset, part: &Part, index: ImageIndex) -> Result<Image, NotebookError> {
    Ok(image_of(&part.image(index)?, dataset.shape(), format!("image {index}")))
}

/// An image of a shape, `[channel][row][column]`, in colour, or in grey.
pub(super) fn image_of(bytes: &[u8], shape: ImageShape, label: String) -> Image {
    of_shape(shape, |place| f32::from(bytes[place]), [0.0, 255.0], label)
}

/// What a network reads of a pixel that is black, and of one that is white.
const READ: [f32; 2] = [-0.5, 0.5];

/// What a network gives back of an image of this shape, in the colours of the image itself: what is
/// darker than black is black, and what is lighter than white is white. `None` of another length.
pub(super) fn reconstructed(shape: ImageShape, values: &[f32], label: String) -> Option<Image> {
    (values.len() == shape.len()).then(|| of_shape(shape, |place| values[place], READ, label))
}

/// The largest size of some values.
pub(super) fn largest(values: &[f32]) -> f32 {
    values.iter().filter(|value| value.is_finite()).fold(0.0, |most, value| value.abs().max(most))
}

/// The gradient of an output, or of a loss, by the values of an image of this shape, in colour where that is. `None` of
/// another length.
pub(super) fn slopes(shape: ImageShape, values: &[f32], label: String) -> Option<Image> {
    let most = largest(values);
    let image = (values.len() == shape.len()).then(|| of_shape(shape, |place| values[place], [-most, most], label))?;
    let palette = if image.palette == Palette::Rgb { Palette::Rgb } else { Palette::Diverging };
    Some(Image { palette, ..image })
}

/// Values by their places in `[channel][row][column]`, in colour, or in grey.
fn of_shape(shape: ImageShape, value: impl Fn(usize) -> f32, range: [f32; 2], label: String) -> Image {
    let pixels = shape.height * shape.width;
    let (palette, values) = if shape.channels == 3 {
        let of = |pixel: usize| (0..3).map(move |channel| channel * pixels + pixel);
        (Palette::Rgb, (0..pixels).flat_map(of).map(value).collect())
    } else {
        (Palette::Sequential, (0..pixels).map(value).collect())
    };
    Image { label, filter: None, rows: shape.height, columns: shape.width, pixels: values, palette, range }
}

/// The class that an image has where a network is looked at: an edit may have given it another one than
/// the data set has.
pub(super) fn label_at(
    place: &Place,
    dataset: &Dataset,
    split: Split,
    image: ImageIndex,
) -> Result<u32, NotebookError> {
    match place.holder.definition() {
        Some(definition) => Ok(label_of(definition, dataset, split, image)?),
        None => Ok(dataset.part(split).label(image)?.into()),
    }
}

/// A class by its name, or by its number where nobody knows one.
pub(super) fn class_name(names: &[String], class: u32) -> String {
    names.get(class as usize).cloned().unwrap_or_else(|| format!("class {class}"))
}

/// The class that a word names: by its name, or by its number from 0.
///
/// # Errors
/// The classes that there are.
pub(super) fn class_of(names: &[String], word: &str) -> Result<u32, NotebookError> {
    let by_name = names.iter().position(|name| name == word);
    let is_one = |class: &u32| names.is_empty() || (*class as usize) < names.len();
    let by_number = || word.parse().ok().filter(is_one);
    by_name.map(|class| class as u32).or_else(by_number).ok_or_else(|| {
        let some: Vec<&str> = names.iter().map(String::as_str).take(20).collect();
        let more =
            if names.len() > some.len() { format!(", … ({})", count(names.len() as u64)) } else { String::new() };
        NotebookError::Misasked {
            what: format!("there is no class `{word}`"),
            known: match names.is_empty() {
                true => "the classes' names are not at hand without the data set: give a number".to_owned(),
                false => format!("there is {}{more}", some.join(", ")),
            },
        }
    })
}
