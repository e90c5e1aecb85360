//! An SVG with its text as outlines, as a PNG and as a PDF: with the embedded font, and
//! with the machine's fonts where that one lacks a script.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::fontdb::{Database, FaceInfo, ID, Stretch, Style};
use resvg::usvg::{FontResolver, Options, Tree, WriteOptions};
use svg2pdf::{ConversionOptions, PageOptions, to_pdf};
use unicode_width::UnicodeWidthChar;

use super::Pixels;
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

/// Units of an SVG an inch of a PDF's page, as CSS has it.
const UNITS_AN_INCH: f32 = 96.0;

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

/// An SVG as pixels on no ground.
///
/// # Errors
/// Why it cannot be drawn.
pub(super) fn pixels(svg: &str, scale: f32) -> Result<Pixels, String> {
    let (tree, _) = tree(svg)?;
    let size = tree.size();
    let [width, height] = [size.width(), size.height()].map(|side| (side * scale).ceil() as u32);
    let mut pixels = Pixmap::new(width, height).ok_or_else(|| format!("{width}×{height} pixels cannot be drawn"))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    let straight = pixels.pixels().iter().map(|pixel| pixel.demultiply());
    let rgba = straight.flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()]).collect();
    Ok(Pixels { width, height, rgba })
}

/// A PDF of an SVG by plotters, text as outlines, and the characters that no font of the
/// machine has.
///
/// # Errors
/// Why the picture cannot be drawn.
pub(super) fn pdf(svg: &str) -> Result<(Vec<u8>, BTreeSet<char>), String> {
    let (outlines, undrawn) = outlined(svg)?;
    let tree = Tree::from_str(&outlines, &Options::default()).map_err(|error| error.to_string())?;
    let page = PageOptions { dpi: UNITS_AN_INCH };
    let pages = to_pdf(&tree, ConversionOptions::default(), page).map_err(|error| error.to_string())?;
    Ok((in_order(&pages), undrawn))
}

/// A PDF whose resources are listed in the order of their names: svg2pdf lists them in the
/// order of a hash map, another one each time. Lines change places within their
/// dictionary, so that no object moves.
fn in_order(pdf: &[u8]) -> Vec<u8> {
    // `/gs14 29 0 R`, alone on its line.
    let is_entry = |line: &[u8]| {
        let Ok(text) = std::str::from_utf8(line) else { return false };
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        matches!(words[..], [name, number, "0", "R"] if name.starts_with('/') && number.parse::<u32>().is_ok())
    };
    let mut lines: Vec<&[u8]> = pdf.split(|byte| *byte == b'\n').collect();
    for run in lines.chunk_by_mut(|one, other| is_entry(one) && is_entry(other)) {
        run.sort_by_key(|line| (line.len(), *line));
    }
    lines.join(&b'\n')
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
    fn a_pdf_is_a_page_as_large_as_the_figure() {
        let svg = "<svg width=\"96\" height=\"48\" xmlns=\"http://www.w3.org/2000/svg\">\
                   <text x=\"2\" y=\"18\" font-family=\"Inter\" font-size=\"14\">cat</text></svg>";
        let (drawn, undrawn) = pdf(svg).unwrap();
        let text = String::from_utf8_lossy(&drawn);
        assert!(drawn.starts_with(b"%PDF-") && undrawn.is_empty());
        assert!(text.contains("/MediaBox [0 0 72 36]"), "{text}");
        let listed = in_order(b"<<\n  /gs10 7 0 R\n  /gs2 9 0 R\n  /gs1 8 0 R\n>>\n/a\n\xff /gs3 1 0 R");
        assert_eq!(listed, b"<<\n  /gs1 8 0 R\n  /gs2 9 0 R\n  /gs10 7 0 R\n>>\n/a\n\xff /gs3 1 0 R");
        assert!(pdf(&svg.replace("cat", "")).unwrap().0.len() < drawn.len(), "the text is drawn");
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
