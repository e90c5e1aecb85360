//! Markdown as HTML that loads nothing and runs nothing: HTML in it is shown as text, and
//! pictures are those of the notebook's own folder.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Component, Path};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

/// The largest picture that a page holds, in bytes.
const MOST_BYTES: u64 = 2 << 20;

/// What a page knows besides plain Markdown.
fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_FOOTNOTES
}

/// A document as HTML, with these blocks in place of what they cover.
pub(super) fn html(text: &str, blocks: &[(Range<usize>, String)], folder: &Path) -> String {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut events = Vec::new();
    let mut within: Option<usize> = None;
    let mut image: Option<(Result<String, String>, String)> = None;
    let mut refused: Option<CowStr<'_>> = None;
    for (event, range) in Parser::new_ext(&text[start..], options()).into_offset_iter() {
        let at = range.start + start;
        // What is shown instead is no Markdown.
        if let Some(block) = within {
            if blocks[block].0.contains(&at) {
                continue;
            }
            within = None;
        }
        if let Some(block) = blocks.iter().position(|(block, _)| block.contains(&at)) {
            events.push(Event::Html(CowStr::from(blocks[block].1.as_str())));
            within = Some(block);
            continue;
        }
        match event {
            Event::Start(Tag::Image { dest_url, .. }) => image = Some((embedded(&dest_url, folder), String::new())),
            Event::End(TagEnd::Image) => {
                let Some((found, says)) = image.take() else { continue };
                let says = super::svg::escaped(&says);
                events.push(Event::InlineHtml(CowStr::from(match found {
                    Ok(data) => format!("<img alt=\"{says}\" src=\"{data}\">"),
                    Err(reason) => format!("<span class=\"lacks\">{says} ({})</span>", super::svg::escaped(&reason)),
                })));
            }
            event if image.is_some() => {
                if let (Some((_, says)), Event::Text(text) | Event::Code(text)) = (&mut image, event) {
                    says.push_str(&text);
                }
            }
            Event::Html(text) | Event::InlineHtml(text) => events.push(Event::Text(text)),
            Event::Start(Tag::HtmlBlock) => events.push(Event::Start(Tag::Paragraph)),
            Event::End(TagEnd::HtmlBlock) => events.push(Event::End(TagEnd::Paragraph)),
            Event::Start(Tag::Link { link_type, dest_url, .. })
                if link_type != LinkType::Email && !is_harmless(&dest_url) =>
            {
                refused = Some(dest_url);
            }
            Event::End(TagEnd::Link) if refused.is_some() => {
                // What leads nowhere looks like text, and says where it would have led.
                events.extend(refused.take().map(|url| Event::Text(CowStr::from(format!(" ({url})")))));
            }
            event => events.push(event),
        }
    }
    let mut page = String::new();
    html::push_html(&mut page, events.into_iter());
    page
}

/// Whether a link leads to a page, a letter or a place, and nowhere else.
fn is_harmless(url: &str) -> bool {
    let scheme = url.split(['/', '?', '#']).next().unwrap_or_default();
    match scheme.split_once(':') {
        Some((scheme, _)) => ["http", "https", "mailto"].iter().any(|known| scheme.eq_ignore_ascii_case(known)),
        None => !scheme.chars().any(char::is_control),
    }
}

/// A picture of the notebook's folder as data, or why it is not shown.
fn embedded(url: &str, folder: &Path) -> Result<String, String> {
    let kinds = [("png", "png"), ("jpg", "jpeg"), ("jpeg", "jpeg"), ("gif", "gif"), ("webp", "webp")];
    // As addresses are written.
    let decoded = percent_decode_str(url).decode_utf8_lossy();
    let path = Path::new(decoded.as_ref());
    let is_own = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !is_own || url.contains(':') {
        return Err(format!("a page loads no picture from elsewhere: {url}"));
    }
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let Some((_, kind)) = kinds.iter().find(|(known, _)| ending.eq_ignore_ascii_case(known)) else {
        return Err(format!("expected a picture in PNG, JPEG, GIF or WebP, found {url}"));
    };
    let failed = |error: std::io::Error| format!("{url}: {error}");
    let real = folder.canonicalize().map_err(failed)?;
    let found = folder.join(path).canonicalize().map_err(failed)?;
    if !found.starts_with(&real) || !found.is_file() {
        return Err(format!("{url} is not in the notebook's folder"));
    }
    let mut bytes = Vec::new();
    File::open(&found).map_err(failed)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("{url} has more than {} MiB", MOST_BYTES >> 20));
    }
    Ok(format!("data:image/{kind};base64,{}", STANDARD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        html(text, &[], Path::new("."))
    }

    #[test]
    fn html_is_text_and_links_run_nothing() {
        let page = plain(
            "a <script>alert(1)</script> b\n\n<iframe src=x></iframe>\n\n[x](javascript:alert(1)) [y](https://a.b)",
        );
        assert!(!page.contains("<script") && !page.contains("<iframe") && !page.contains("href=\"java"), "{page}");
        assert!(page.contains("x (javascript:alert(1)) <a"), "{page}");
        assert!(page.contains("&lt;script&gt;") && page.contains("href=\"https://a.b\""), "{page}");
        for bad in ["JaVaScript:x", "data:text/html,x", "vbscript:x", "java\nscript:x"] {
            assert!(!is_harmless(bad), "{bad}");
        }
        assert!(["#a", "a/b.md", "mailto:a@b", "?q"].iter().all(|url| is_harmless(url)));
    }

    #[test]
    fn a_footnote_is_a_note_to_which_its_mark_leads() {
        let page = plain("one[^a] two\n\n[^a]: The *note*.\n\nthree");
        assert!(page.contains("href=\"#a\"") && page.contains("id=\"a\"") && page.contains("<em>note</em>"), "{page}");
        assert!(!page.contains("[^"), "{page}");
    }

    #[test]
    fn pictures_are_those_of_the_folder_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("book")).unwrap();
        std::fs::write(folder.path().join("secret.png"), "x").unwrap();
        std::fs::write(folder.path().join("book/own.png"), "x").unwrap();
        let book = folder.path().join("book");
        let page = |url: &str| html(&format!("![seen]({url})"), &[], &book);
        assert!(page("own.png").contains("src=\"data:image/png;base64,eA==\""), "{}", page("own.png"));
        std::fs::write(folder.path().join("book/two words.png"), "x").unwrap();
        assert!(page("two%20words.png").contains("src=\"data:image"), "{}", page("two%20words.png"));
        for bad in [
            "%2e%2e/secret.png",
            "../secret.png",
            "/etc/passwd.png",
            "https://a.b/c.png",
            "file:own.png",
            "own.svg",
            "none.png",
        ] {
            assert!(!page(bad).contains("src="), "{bad}: {}", page(bad));
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("../secret.png", book.join("link.png")).unwrap();
            assert!(!page("link.png").contains("src="));
        }
    }

    #[test]
    fn blocks_stand_where_they_were_and_references_reach_over_them() {
        let text = "# A [b]\n\n```revacnn\ntrain base\n```\n\n* c\n\n[b]: https://a.b\n";
        let fence = text.find("```").unwrap()..text.rfind("```").unwrap() + 4;
        let page = html(text, &[(fence, "<figure></figure>".to_owned())], Path::new("."));
        assert!(page.contains("<h1>A <a href=\"https://a.b\">b</a></h1>"), "{page}");
        let [figure, list] = ["<figure></figure>", "<li>c</li>"].map(|part| page.find(part).unwrap());
        assert!(figure < list && !page.contains("train base"), "{page}");
    }
}
