//! An SVG with its text as outlines, and as a PNG: with the embedded font, and with
//! the machine's fonts where that one lacks a script.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::fontdb::{Database, FaceInfo, ID, Stretch, Style};
use resvg::usvg::{FontResolver, Options, Tree, WriteOptions};
use unicode_width::UnicodeWidthChar;

use crate::look::FONT;

/// The embedded font alone: figures without other scripts look the same on
/// every machine.
static EMBEDDED: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(FONT.to_vec());
    Arc::new(fonts)
});

/// The embedded font and the machine's. Reading those takes a while, so it is
/// done where a character needs it, once.
static ALL: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::clone(&EMBEDDED);
    fonts.load_system_fonts();
    Arc::new(fonts)
});

/// Digits after the point of an outline's coordinates, in units of an SVG.
const DIGITS: u8 = 2;

/// Pixels of a PNG a unit of an SVG.
const SCALE: f32 = 2.0;

/// An SVG by plotters with its text as outlines, so that whoever opens it sees
/// the same, and the characters that no font of the machine has. What is written
/// in it stands in its description, where it is found and read aloud.
///
/// # Errors
/// Why the picture cannot be drawn.
pub(super) fn outlined(svg: &str) -> Result<(String, BTreeSet<char>), String> {
    let (tree, undrawn) = tree(svg)?;
    let options = WriteOptions {
        preserve_text: false,
        coordinates_precision: DIGITS,
        transforms_precision: DIGITS,
        ..WriteOptions::default()
    };
    let text = tree.to_string(&options);
    let written = written(svg);
    let title = written.first().copied().unwrap_or_default();
    let described = format!(" role=\"img\">\n<title>{title}</title>\n<desc>{}</desc>", written.join("\n"));
    Ok((text.replacen('>', &described, 1), undrawn))
}

/// The texts of an SVG by plotters, as they are written there.
fn written(svg: &str) -> Vec<&str> {
    let texts = svg.split("<text ").skip(1);
    texts.filter_map(|text| Some(text.split_once('>')?.1.split_once("</text>")?.0.trim())).collect()
}

/// A PNG of an SVG by plotters, and the characters that no
/// font of the machine has.
///
/// # Errors
/// Why the picture cannot be drawn, such as a size past all memory.
pub(super) fn png(svg: &str) -> Result<(Vec<u8>, BTreeSet<char>), String> {
    let (tree, undrawn) = tree(svg)?;
    let scale = Transform::from_scale(SCALE, SCALE);
    let size = tree.size();
    let [width, height] = [size.width(), size.height()].map(|side| (side * SCALE).ceil() as u32);
    let mut pixels = Pixmap::new(width, height).ok_or_else(|| format!("{width}×{height} pixels are too many"))?;
    pixels.fill(Color::WHITE);
    resvg::render(&tree, scale, &mut pixels.as_mut());
    Ok((pixels.encode_png().map_err(|error| error.to_string())?, undrawn))
}

/// What is drawn of an SVG by plotters, and the characters that no font of the
/// machine has.
fn tree(svg: &str) -> Result<(Tree, BTreeSet<char>), String> {
    let (svg, others) = prepared(svg);
    let options = Options {
        fontdb: if others.is_empty() { EMBEDDED.clone() } else { ALL.clone() },
        font_resolver: FontResolver {
            select_font: FontResolver::default_font_selector(),
            select_fallback: Box::new(|letter, tried, fonts| font_with(fonts, letter, tried)),
        },
        ..Options::default()
    };
    let tree = Tree::from_str(&svg, &options).map_err(|error| error.to_string())?;
    // Joiners and the like are seen in what they do to others.
    let undrawn = others.into_iter().filter(|(letter, font)| font.is_none() && letter.width() > Some(0));
    Ok((tree, undrawn.map(|(letter, _)| letter).collect()))
}

/// Lays texts out as resvg needs them, and lists the characters that the
/// embedded font lacks with the fonts that have them.
///
/// - A text begins at its baseline: resvg shifts only the first letter of one
///   that is written from the right.
/// - A text in another script asks for that script's font first: shaped by the
///   embedded one, its letters would not be joined.
fn prepared(svg: &str) -> (String, BTreeMap<char, Option<ID>>) {
    let mut others = BTreeMap::new();
    let mut out = String::with_capacity(svg.len());
    let mut rest = svg;
    while let Some(start) = rest.find("<text ") {
        let Some(tag_end) = rest[start..].find('>').map(|at| start + at) else { break };
        let Some(end) = rest[tag_end..].find("</text>").map(|at| tag_end + at) else { break };
        out.push_str(&rest[..start]);
        let (tag, content) = (at_baseline(&rest[start..tag_end]), &rest[tag_end..end]);
        let mut first = None;
        for letter in content.chars().filter(|letter| !letter.is_ascii()) {
            if font_with(&EMBEDDED, letter, &[]).is_none() {
                let font = *others.entry(letter).or_insert_with(|| font_with(&ALL, letter, &[]));
                first = first.or(font);
            }
        }
        let family = first.and_then(|font| ALL.face(font)).and_then(|face| face.families.first());
        match family.filter(|(name, _)| !name.contains(['"', '\'', '<', '&'])) {
            Some((name, _)) => out.push_str(&tag.replacen("font-family=\"", &format!("font-family=\"'{name}', "), 1)),
            None => out.push_str(&tag),
        }
        out.push_str(content);
        rest = &rest[end..];
    }
    out.push_str(rest);
    (out, others)
}

/// The tag of a text with its vertical shift added to its place.
fn at_baseline(tag: &str) -> String {
    let attribute = |name: &str| {
        let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
        Some(&tag[start..start + tag[start..].find('"')?])
    };
    let moved = || {
        let (y, shift) = (attribute("y")?, attribute("dy")?);
        let size: f64 = attribute("font-size")?.parse().ok()?;
        let em = match (shift.strip_suffix("em"), shift.strip_suffix("ex")) {
            (Some(em), _) => em.parse::<f64>().ok()?,
            (_, Some(ex)) => ex.parse::<f64>().ok()? / 2.0,
            _ => return None,
        };
        let place = y.parse::<f64>().ok()? + em * size;
        Some(tag.replacen(&format!(" y=\"{y}\" dy=\"{shift}\""), &format!(" y=\"{place}\""), 1))
    };
    moved().unwrap_or_else(|| tag.to_owned())
}

/// The font for a character that those which were tried lack: the plainest
/// one that has it, the first by name where several are equally plain, so that
/// the order of the machine's folders does not matter.
fn font_with(fonts: &Database, letter: char, tried: &[ID]) -> Option<ID> {
    let plainness = |face: &FaceInfo| {
        let weight = face.weight.0.abs_diff(400);
        (face.style != Style::Normal, weight, face.stretch != Stretch::Normal, face.monospaced)
    };
    let has = |face: &&FaceInfo| {
        let found = fonts.with_face_data(face.id, |data, index| {
            ttf_parser::Face::parse(data, index).is_ok_and(|face| face.glyph_index(letter).is_some())
        });
        found == Some(true)
    };
    let others = fonts.faces().filter(|face| !tried.contains(&face.id));
    let found = others.filter(has).min_by_key(|face| (plainness(face), &face.post_script_name, face.index));
    found.map(|face| face.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str) -> (Vec<u8>, String) {
        let svg = format!(
            "<svg width=\"80\" height=\"24\" xmlns=\"http://www.w3.org/2000/svg\">\
             <text x=\"2\" y=\"18\" font-family=\"{}\" font-size=\"14\">{text}</text></svg>",
            super::super::FAMILY
        );
        let (bytes, undrawn) = png(&svg).unwrap();
        (bytes, undrawn.into_iter().collect())
    }

    #[test]
    fn text_is_drawn_and_what_no_font_has_is_told() {
        let (cat, lacking) = drawn("cat");
        assert_eq!(lacking, "");
        assert_ne!(cat, drawn("cut").0);
        // The last character for private use, which no font is for.
        assert_eq!(drawn("cat \u{10fffd}\u{200d}\u{10fffd}").1, "\u{10fffd}");
        assert!(png("<svg").is_err());
    }

    #[test]
    fn an_svg_shows_outlines_and_says_what_is_written() {
        let svg = "<svg width=\"80\" height=\"24\" xmlns=\"http://www.w3.org/2000/svg\">\n\
                   <text x=\"2\" y=\"18\" font-family=\"Inter\" font-size=\"14\">\na &lt; b\n</text>\n</svg>";
        let (drawn, undrawn) = outlined(svg).unwrap();
        assert!(drawn.starts_with("<svg") && undrawn.is_empty());
        assert!(drawn.contains("<path") && !drawn.contains("<text") && !drawn.contains("font"), "{drawn}");
        assert!(drawn.contains("<title>a &lt; b</title>"), "{drawn}");
        // As it is drawn again, it looks as it did.
        let (again, _) = outlined(&drawn).unwrap();
        assert_eq!(png(&drawn).unwrap().0, png(&again).unwrap().0);
    }

    #[test]
    fn a_text_begins_at_its_baseline() {
        let tag = "<text x=\"32\" y=\"10\" dy=\"0.76em\" font-size=\"20\"";
        assert_eq!(at_baseline(tag), "<text x=\"32\" y=\"25.2\" font-size=\"20\"");
        assert_eq!(at_baseline(&tag.replace("0.76em", "0.5ex")), "<text x=\"32\" y=\"15\" font-size=\"20\"");
        assert_eq!(at_baseline("<text x=\"32\""), "<text x=\"32\"");
    }

    #[test]
    fn other_scripts_are_letters_and_no_boxes_or_are_told() {
        for [one, other] in [["猫", "犬"], ["قطة", "كلب"], ["बिल्ली", "कुत्ता"], ["🐱", "🐶"]]
        {
            let ((one_drawn, one_lacks), (other_drawn, other_lacks)) = (drawn(one), drawn(other));
            // Boxes would be equal.
            assert!(one_drawn != other_drawn || !one_lacks.is_empty(), "{one} is drawn as {other}");
            assert!(one_lacks.chars().chain(other_lacks.chars()).all(|letter| !letter.is_ascii()), "{one} {other}");
        }
    }
}
