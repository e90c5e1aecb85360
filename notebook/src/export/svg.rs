//! A scene as SVG whose colours follow the page that it is in: light, dark or paper.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use revacnn_schemas::Image;

use crate::NotebookError;
use crate::look::colour;
use crate::scene::{Align, Area, Ink, Picture, Place, Role, Scene, Shape};

/// How far below its middle the baseline of a text is, in ems.
const BASELINE: f32 = 0.36;

/// The most pixels of an image a unit of the scene: more are not seen.
const SEEN: f32 = 2.0;

/// Pixels between two images of an atlas, so that none is seen in another.
const APART: usize = 1;

/// How wide an atlas is, in pixels, where no image is wider.
const ATLAS: usize = 512;

/// A scene as an SVG element of a size in units of the scene, which says in words what it
/// shows. Its images are one picture, of which each shows a part; `id` is that picture's,
/// and nothing else's of the page.
///
/// # Errors
/// [`NotebookError::Draw`] where the picture cannot be encoded.
pub(super) fn svg(scene: &Scene<'_>, [width, height]: [f32; 2], says: &str, id: &str) -> Result<String, NotebookError> {
    let mut text = format!(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">",
        short(width),
        short(height),
        escaped(says)
    );
    let pictures: Vec<&Picture<'_>> = scene
        .shapes
        .iter()
        .filter_map(|shape| match shape {
            Shape::Image(picture) if picture.image.rows > 0 && picture.image.columns > 0 => Some(picture),
            _ => None,
        })
        .collect();
    let mut parts = Vec::new();
    if !pictures.is_empty() {
        let atlas = Atlas::of(&pictures);
        let [wide, high] = atlas.size;
        let _ = write!(
            text,
            "<defs><image id=\"{id}\" width=\"{wide}\" height=\"{high}\" href=\"data:image/png;base64,{}\"/></defs>",
            STANDARD.encode(atlas.png()?)
        );
        parts = atlas.parts;
    }
    let mut parts = parts.into_iter();
    for shape in &scene.shapes {
        let _ = match shape {
            Shape::Line(line) => {
                let dash: Vec<String> = line.dash.iter().map(|part| short(*part)).collect();
                let dash =
                    if dash.is_empty() { dash.join("") } else { format!(" stroke-dasharray=\"{}\"", dash.join(" ")) };
                let (points, width) = (points(&line.points), short(line.width));
                write!(text, "<polyline points=\"{points}\" stroke-width=\"{width}\"{dash} {}/>", stroke(line.ink))
            }
            Shape::Rectangle(at, ink) => write!(text, "<rect {} {}/>", area(*at), fill(*ink)),
            Shape::Polygon(places, ink) => write!(text, "<polygon points=\"{}\" {}/>", points(places), fill(*ink)),
            Shape::Circle([x, y], radius, ink) => {
                let [x, y, radius] = [x, y, radius].map(|value| short(*value));
                write!(text, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" {}/>", fill(*ink))
            }
            Shape::Text(line) => {
                let anchor = match line.align {
                    Align::Left => "",
                    Align::Middle => " text-anchor=\"middle\"",
                    Align::Right => " text-anchor=\"end\"",
                };
                let [x, y] = [short(line.at[0]), short(line.at[1] + BASELINE * line.size)];
                let (size, words) = (short(line.size), escaped(&line.words));
                write!(text, "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{anchor} {}>{words}</text>", fill(line.ink))
            }
            Shape::Image(picture) => match parts.next() {
                Some([x, y, wide, high]) if picture.image.rows > 0 && picture.image.columns > 0 => write!(
                    text,
                    "<svg {} viewBox=\"{x} {y} {wide} {high}\" preserveAspectRatio=\"none\"><use href=\"#{id}\"/></svg>",
                    area(picture.at)
                ),
                _ => Ok(()),
            },
        };
    }
    text.push_str("</svg>");
    Ok(text)
}

/// Letters that HTML would obey, as it shows them.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(letter),
            letter if letter.is_control() => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

fn points(places: &[Place]) -> String {
    let each: Vec<String> = places.iter().map(|[x, y]| format!("{},{}", short(*x), short(*y))).collect();
    each.join(" ")
}

fn area(at: Area) -> String {
    let [x, y, width, height] = [at.x, at.y, at.width, at.height].map(short);
    format!("x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"")
}

/// A number with at most one digit after the point, and two below ten.
fn short(value: f32) -> String {
    let text = if value.abs() < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") };
    match text.trim_end_matches('0').trim_end_matches('.') {
        "" | "-0" => "0".to_owned(),
        short => short.to_owned(),
    }
}

fn fill(ink: Ink) -> String {
    painted(ink, "fill")
}

fn stroke(ink: Ink) -> String {
    painted(ink, "stroke")
}

/// What colours a shape: a class that the page's style knows, in capitals for strokes.
fn painted(ink: Ink, what: &str) -> String {
    let branches = 8;
    let class = match ink.role {
        Role::Paper => "p".to_owned(),
        Role::Ink => "i".to_owned(),
        Role::Quiet => "q".to_owned(),
        Role::Line => "l".to_owned(),
        Role::Accent => "a".to_owned(),
        Role::Branch(hue) => format!("b{}", hue.0 % branches),
        Role::Words(hue) => format!("w{}", hue.0 % branches),
        Role::Rgb([red, green, blue]) => {
            let colour = format!("{what}=\"#{red:02x}{green:02x}{blue:02x}\"");
            return format!("{colour}{}", opacity(ink.alpha, what));
        }
    };
    let class = if what == "stroke" { class.to_uppercase() } else { class };
    format!("class=\"{class}\"{}", opacity(ink.alpha, what))
}

fn opacity(alpha: f32, what: &str) -> String {
    if alpha < 1.0 { format!(" {what}-opacity=\"{}\"", short(alpha)) } else { String::new() }
}

/// All images of a scene in one picture.
struct Atlas {
    size: [usize; 2],
    /// Red, green, blue and alpha of each pixel.
    pixels: Vec<u8>,
    /// Where each image is: left, top, width and height.
    parts: Vec<[usize; 4]>,
}

impl Atlas {
    /// Lays images in rows, in their order.
    fn of(pictures: &[&Picture<'_>]) -> Self {
        let sizes: Vec<[usize; 2]> = pictures.iter().map(|picture| seen(picture)).collect();
        let widest = sizes.iter().map(|[wide, _]| *wide).max().unwrap_or(1).max(ATLAS);
        let (mut parts, mut left, mut top, mut high, mut right) = (Vec::new(), 0, 0, 0, 0);
        for [wide, tall] in sizes {
            if left + wide > widest {
                (left, top, high) = (0, top + high + APART, 0);
            }
            parts.push([left, top, wide, tall]);
            left += wide + APART;
            high = high.max(tall);
            right = right.max(left - APART);
        }
        let size = [right, top + high];
        let mut pixels = vec![0; 4 * size[0] * size[1]];
        for (picture, [left, top, wide, tall]) in pictures.iter().zip(&parts) {
            let image: &Image = picture.image;
            for row in 0..*tall {
                for column in 0..*wide {
                    let found = colour(image, row * image.rows / tall, column * image.columns / wide);
                    if let Some([red, green, blue]) = found {
                        let at = 4 * ((top + row) * size[0] + left + column);
                        pixels[at..at + 4].copy_from_slice(&[red, green, blue, 255]);
                    }
                }
            }
        }
        Self { size, pixels, parts }
    }

    fn png(&self) -> Result<Vec<u8>, NotebookError> {
        let failed =
            |error: png::EncodingError| NotebookError::Draw { path: "a page".into(), reason: error.to_string() };
        let [wide, high] = self.size.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, wide, high);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        match self.indexed() {
            Some((palette, alpha, indices)) => {
                encoder.set_color(png::ColorType::Indexed);
                encoder.set_palette(palette);
                encoder.set_trns(alpha);
                encoder.write_header().and_then(|mut header| header.write_image_data(&indices)).map_err(failed)?;
            }
            None => {
                encoder.set_color(png::ColorType::Rgba);
                encoder.write_header().and_then(|mut header| header.write_image_data(&self.pixels)).map_err(failed)?;
            }
        }
        Ok(bytes)
    }

    /// The colours, and which of them each pixel has, where there are few enough.
    fn indexed(&self) -> Option<(Vec<u8>, Vec<u8>, Vec<u8>)> {
        let mut places = std::collections::HashMap::new();
        let (mut palette, mut alpha) = (Vec::new(), Vec::new());
        let mut indices = Vec::with_capacity(self.pixels.len() / 4);
        for pixel in self.pixels.chunks_exact(4) {
            let next = places.len();
            let place = *places.entry([pixel[0], pixel[1], pixel[2], pixel[3]]).or_insert(next);
            if place == next {
                palette.extend(&pixel[..3]);
                alpha.push(pixel[3]);
            }
            indices.push(u8::try_from(place).ok()?);
        }
        Some((palette, alpha, indices))
    }
}

/// How many pixels of an image are seen.
fn seen(picture: &Picture<'_>) -> [usize; 2] {
    let shown = |count: usize, room: f32| count.min((room * SEEN).ceil().max(1.0) as usize);
    [shown(picture.image.columns, picture.at.width), shown(picture.image.rows, picture.at.height)]
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::{Hue, Palette};

    use super::*;

    fn image(rows: usize, columns: usize, palette: Palette) -> Image {
        let channels = if palette == Palette::Rgb { 3 } else { 1 };
        let pixels = (0..rows * columns * channels).map(|value| value as f32).collect();
        let range = [0.0, (rows * columns * channels) as f32];
        Image { label: "conv1/0".to_owned(), filter: None, rows, columns, pixels, palette, range }
    }

    #[test]
    fn a_scene_is_written_with_classes_for_colours_and_nothing_that_html_would_obey() {
        let mut scene = Scene::default();
        scene.line(vec![[0.0, 0.0], [12.345, 6.789]], 1.5, &[2.0, 3.0], Ink { role: Role::Branch(Hue(9)), alpha: 0.5 });
        scene.text("<b> & \u{1b}[2J", [5.0, 10.0], 10.0, Align::Right, Role::Words(Hue(2)));
        scene.circle([1.0, 2.0], 3.0, Role::Rgb([255, 0, 16]));
        let text = svg(&scene, [20.0, 30.0], "a \"figure\"", "a0").unwrap();
        for part in [
            "viewBox=\"0 0 20 30\" role=\"img\" aria-label=\"a &quot;figure&quot;\"",
            "<polyline points=\"0,0 12.3,6.79\" stroke-width=\"1.5\" stroke-dasharray=\"2 3\" class=\"B1\" stroke-opacity=\"0.5\"/>",
            "text-anchor=\"end\" class=\"w2\">&lt;b&gt; &amp; \u{fffd}[2J</text>",
            "fill=\"#ff0010\"",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn images_are_parts_of_one_picture_in_their_own_colours() {
        let all = [image(3, 2, Palette::Sequential), image(40, 600, Palette::Rgb), image(2, 2, Palette::Diverging)];
        let mut scene = Scene::default();
        for image in &all {
            scene.image(image, (0, 0), Area::new([0.0; 2], [1000.0; 2]));
        }
        let pictures: Vec<&Picture<'_>> = scene
            .shapes
            .iter()
            .map(|shape| match shape {
                Shape::Image(picture) => picture,
                _ => unreachable!("only images were added"),
            })
            .collect();
        let atlas = Atlas::of(&pictures);
        assert_eq!(atlas.parts, [[0, 0, 2, 3], [0, 4, 600, 40], [0, 45, 2, 2]]);
        for (image, [left, top, wide, tall]) in all.iter().zip(&atlas.parts) {
            for (row, column) in [(0, 0), (tall - 1, wide - 1)] {
                let at = 4 * ((top + row) * atlas.size[0] + left + column);
                assert_eq!(Some([0, 1, 2].map(|part| atlas.pixels[at + part])), colour(image, row, column));
            }
        }
        let few = image(4, 4, Palette::Sequential);
        let picture = Picture { image: &few, place: (0, 0), at: Area::new([0.0; 2], [1000.0; 2]) };
        let atlas = Atlas::of(&[&picture]);
        assert!(atlas.indexed().is_some_and(|(palette, alpha, _)| palette.len() == 48 && alpha == [255; 16]));
        let decoded = png::Decoder::new(std::io::Cursor::new(atlas.png().unwrap())).read_info().unwrap();
        assert_eq!((decoded.info().width, decoded.info().height), (4, 4));
    }
}
