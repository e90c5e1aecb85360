//! A scene as SVG whose colours follow the page that it is in: light, dark or paper.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use revacnn_schemas::{Hue, Image, Palette};

use crate::NotebookError;
use crate::look::{Colours, Rgb, colour, ramp};
use crate::scene::{Align, Area, Ink, Picture, Place, Role, Scene, Shape};

/// How far below its middle the baseline of a text is, in ems.
const BASELINE: f32 = 0.36;

/// The most pixels of an image a unit of the scene: more are hardly seen, and a page has
/// thousands of them.
const SEEN: f32 = 1.25;

/// Colours of an image of one channel: more are not told apart in so small a picture.
const LEVELS: u8 = 64;

/// Room beneath a scene for what hangs from its lowest words.
const BENEATH: f32 = 4.0;

/// Pixels between two images of an atlas, so that none is seen in another.
const APART: usize = 1;

/// How wide an atlas is, in pixels, where no image is wider.
const ATLAS: usize = 512;

/// A scene as an SVG element of a size in units of the scene, which says in words what it
/// shows. Its images are a picture a palette, of which each shows a part; `id` begins the
/// names of these, and of nothing else on the page.
///
/// # Errors
/// [`NotebookError::Draw`] where a picture cannot be encoded.
pub(crate) fn svg(scene: &Scene<'_>, [width, height]: [f32; 2], says: &str, id: &str) -> Result<String, NotebookError> {
    let mut text = format!(
        "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">",
        short(width),
        short(height + BENEATH),
        escaped(says)
    );
    let pictures = |palette: Palette| {
        let of = move |shape: &'_ Shape<'_>| match shape {
            Shape::Image(picture) => is_shown(picture) && picture.image.palette == palette,
            _ => false,
        };
        scene.shapes.iter().filter(move |shape| of(shape)).filter_map(|shape| match shape {
            Shape::Image(picture) => Some(picture),
            _ => None,
        })
    };
    let mut atlases = Vec::new();
    for palette in PALETTES {
        let own: Vec<&Picture<'_>> = pictures(palette).collect();
        if !own.is_empty() {
            let atlas = Atlas::of(&own, palette);
            let [wide, high] = atlas.size;
            let name = format!("{id}{}", atlases.len());
            let _ = write!(
                text,
                "<defs><image id=\"{name}\" width=\"{wide}\" height=\"{high}\" href=\"data:image/png;base64,{}\"/></defs>",
                STANDARD.encode(atlas.png()?)
            );
            atlases.push((palette, name, atlas.parts.into_iter()));
        }
    }
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
            Shape::Image(picture) => {
                let atlas = atlases.iter_mut().find(|(palette, ..)| *palette == picture.image.palette);
                let part = atlas.filter(|_| is_shown(picture)).and_then(|(_, name, parts)| Some((name, parts.next()?)));
                match part {
                    Some((name, [x, y, wide, high])) => write!(
                        text,
                        "<svg {} viewBox=\"{x} {y} {wide} {high}\" preserveAspectRatio=\"none\"><use href=\"#{name}\"/></svg>",
                        area(picture.at)
                    ),
                    None => Ok(()),
                }
            }
        };
    }
    text.push_str("</svg>");
    Ok(text)
}

/// Letters that HTML would obey, as it shows them.
pub(crate) fn escaped(text: &str) -> String {
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
    let class = match ink.role {
        Role::Paper => "p".to_owned(),
        Role::Ink => "i".to_owned(),
        Role::Quiet => "q".to_owned(),
        Role::Line => "l".to_owned(),
        Role::Accent => "a".to_owned(),
        Role::Branch(hue) => format!("b{}", hue.0 % BRANCHES),
        Role::Words(hue) => format!("w{}", hue.0 % BRANCHES),
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

/// The classes that shapes are coloured by, each with its colour on a paper; those of
/// strokes are the same in capitals.
pub(crate) fn classes(colours: &Colours) -> Vec<(String, String)> {
    let hex = |[red, green, blue]: Rgb| format!("#{red:02x}{green:02x}{blue:02x}");
    let plain =
        [("p", colours.paper), ("i", colours.ink), ("q", colours.quiet), ("l", colours.line), ("a", colours.accent)];
    let plain = plain.map(|(name, colour)| (name.to_owned(), colour)).into_iter();
    let hues = (0..BRANCHES)
        .flat_map(|hue| [(format!("b{hue}"), colours.branch(Hue(hue))), (format!("w{hue}"), colours.words(Hue(hue)))]);
    plain.chain(hues).map(|(name, colour)| (name, hex(colour))).collect()
}

/// Branches that have a colour of their own.
const BRANCHES: u16 = 8;

const PALETTES: [Palette; 3] = [Palette::Diverging, Palette::Sequential, Palette::Rgb];

fn is_shown(picture: &Picture<'_>) -> bool {
    picture.image.rows > 0 && picture.image.columns > 0
}

/// All images of a scene that have one palette, in one picture.
struct Atlas {
    size: [usize; 2],
    palette: Palette,
    /// Of each pixel its red, green, blue and alpha; where the palette is of one channel, its
    /// level, from 1, and 0 for a gap.
    pixels: Vec<u8>,
    /// Where each image is: left, top, width and height.
    parts: Vec<[usize; 4]>,
}

impl Atlas {
    /// Lays images in rows, in their order.
    fn of(pictures: &[&Picture<'_>], palette: Palette) -> Self {
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
        let (size, channels) = ([right, top + high], channels(palette));
        let mut pixels = vec![0; channels * size[0] * size[1]];
        for (picture, [left, top, wide, tall]) in pictures.iter().zip(&parts) {
            let image = picture.image;
            for row in 0..*tall {
                for column in 0..*wide {
                    let at = channels * ((top + row) * size[0] + left + column);
                    let [from, to] = [row * image.rows / tall, column * image.columns / wide];
                    pixels[at..at + channels].copy_from_slice(&pixel(image, from, to)[..channels]);
                }
            }
        }
        Self { size, palette, pixels, parts }
    }

    fn png(&self) -> Result<Vec<u8>, NotebookError> {
        let failed =
            |error: png::EncodingError| NotebookError::Draw { path: "a page".into(), reason: error.to_string() };
        let [wide, high] = self.size.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, wide, high);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        if self.palette == Palette::Rgb {
            encoder.set_color(png::ColorType::Rgba);
        } else {
            let colour = |level: u8| ramp(self.palette, f32::from(level) / f32::from(LEVELS - 1));
            encoder.set_color(png::ColorType::Indexed);
            encoder.set_palette([[0; 3]].into_iter().chain((0..LEVELS).map(colour)).flatten().collect::<Vec<u8>>());
            encoder.set_trns(vec![0]);
        }
        encoder.write_header().and_then(|mut header| header.write_image_data(&self.pixels)).map_err(failed)?;
        Ok(bytes)
    }
}

fn channels(palette: Palette) -> usize {
    if palette == Palette::Rgb { 4 } else { 1 }
}

/// A pixel as an atlas has it; of one channel the first is its level.
fn pixel(image: &Image, row: usize, column: usize) -> [u8; 4] {
    if image.palette == Palette::Rgb {
        return colour(image, row, column).map_or([0; 4], |[red, green, blue]| [red, green, blue, 255]);
    }
    let fraction = image.value(row, column, 0).and_then(|value| image.fraction(value));
    let level = fraction.map_or(0, |fraction| 1 + (fraction * f32::from(LEVELS - 1)).round() as u8);
    [level, 0, 0, 0]
}

/// How many pixels of an image are seen.
fn seen(picture: &Picture<'_>) -> [usize; 2] {
    let shown = |count: usize, room: f32| count.min((room * SEEN).ceil().max(1.0) as usize);
    [shown(picture.image.columns, picture.at.width), shown(picture.image.rows, picture.at.height)]
}

#[cfg(test)]
mod tests {
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
            "viewBox=\"0 0 20 34\" role=\"img\" aria-label=\"a &quot;figure&quot;\"",
            "<polyline points=\"0,0 12.3,6.79\" stroke-width=\"1.5\" stroke-dasharray=\"2 3\" class=\"B1\" stroke-opacity=\"0.5\"/>",
            "text-anchor=\"end\" class=\"w2\">&lt;b&gt; &amp; \u{fffd}[2J</text>",
            "fill=\"#ff0010\"",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn images_are_parts_of_one_picture_in_their_own_colours() {
        let all = [image(3, 2, Palette::Rgb), image(40, 600, Palette::Rgb), image(2, 2, Palette::Rgb)];
        let mut scene = Scene::default();
        for image in &all {
            scene.image(image, (0, 0), Area::new([0.0; 2], [1000.0; 2]));
        }
        let few = image(4, 4, Palette::Sequential);
        scene.image(&few, (0, 0), Area::new([0.0; 2], [1000.0; 2]));
        let text = svg(&scene, [20.0; 2], "images", "a0").unwrap();
        assert_eq!((text.matches("<image").count(), text.matches("#a01\"").count()), (2, 3), "{text}");
        let pictures: Vec<Picture<'_>> =
            all.iter().map(|image| Picture { image, place: (0, 0), at: Area::new([0.0; 2], [1000.0; 2]) }).collect();
        let atlas = Atlas::of(&pictures.iter().collect::<Vec<_>>(), Palette::Rgb);
        assert_eq!(atlas.parts, [[0, 0, 2, 3], [0, 4, 600, 40], [0, 45, 2, 2]]);
        for (image, [left, top, wide, tall]) in all.iter().zip(&atlas.parts) {
            for (row, column) in [(0, 0), (tall - 1, wide - 1)] {
                let at = 4 * ((top + row) * atlas.size[0] + left + column);
                assert_eq!(Some([0, 1, 2].map(|part| atlas.pixels[at + part])), colour(image, row, column));
            }
        }
        let picture = Picture { image: &few, place: (0, 0), at: Area::new([0.0; 2], [1000.0; 2]) };
        let atlas = Atlas::of(&[&picture], Palette::Sequential);
        let mut decoder = png::Decoder::new(std::io::Cursor::new(atlas.png().unwrap()));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        for (row, column) in [(0, 0), (1, 2), (3, 3)] {
            let [seen, exact] = [&pixels[4 * (4 * row + column)..][..3], &colour(&few, row, column).unwrap()];
            assert!(seen.iter().zip(exact).all(|(seen, exact)| seen.abs_diff(*exact) <= 4), "{seen:?} {exact:?}");
        }
    }
}
