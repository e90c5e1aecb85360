//! The page: prose, controls, figures, and how to make it again, in one file that asks for
//! nothing else.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use revacnn_schemas::{Figure, counted};
use serde_json::{Value, json};

use super::dials::{Dial, Kind, dials};
use super::drawn::{Ids, data, drawn};
use super::frames::{Frames, frame_count, frames};
use super::made::made;
use super::prose;
use super::svg::{classes, escaped};
use super::{Exported, Notebook};
use crate::document::{BlockKind, written};
use crate::look::{Colours, DARK, LIGHT};
use crate::program::Says;
use crate::{NotebookError, Progress, Sources};

/// The largest page, in bytes: one with more has fewer positions.
const MOST_BYTES: usize = 15_000_000;

/// Positions of a cursor or an input, and fewer where the page is too large.
const POSITIONS: [usize; 5] = [60, 30, 15, 8, 4];

/// How wide figures are drawn, by how many stand side by side.
const WIDTHS: [f32; 3] = [720.0, 460.0, 380.0];

/// A notebook as a page.
///
/// Determinism: equal notebooks over equal branches give equal bytes.
///
/// `tell` hears how many figures are made, of all positions of all views, and how many there are; a page that
/// becomes too large begins again, with fewer.
///
/// # Errors
/// Where a figure cannot be drawn; one that cannot be made is said to lack.
pub fn page(
    notebook: &Notebook<'_>,
    sources: &mut Sources,
    tell: &mut dyn FnMut(Progress),
) -> Result<Exported, NotebookError> {
    notebook.name_branches(sources);
    let mut exported = with_positions(notebook, sources, POSITIONS[0], tell)?;
    let mut tried = POSITIONS[0];
    for most in POSITIONS {
        // Of what two values lead to, a half of both leaves a quarter.
        let guess = exported.text.len() as f64 * (most as f64 / tried as f64).powi(2);
        let is_last = most == POSITIONS[POSITIONS.len() - 1];
        if exported.text.len() > MOST_BYTES && (guess < MOST_BYTES as f64 || is_last) {
            exported = with_positions(notebook, sources, most, tell)?;
            tried = most;
        }
    }
    Ok(exported)
}

fn with_positions(
    notebook: &Notebook<'_>,
    sources: &mut Sources,
    most: usize,
    tell: &mut dyn FnMut(Progress),
) -> Result<Exported, NotebookError> {
    let (dials, mut lacks) = dials(notebook, sources, most);
    let of = notebook.program.views.iter().map(|view| frame_count(view, &dials)).sum();
    let mut done = 0;
    let mut next = || {
        tell(Progress { done, of });
        done += 1;
    };
    let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, view) in notebook.program.views.iter().enumerate() {
        rows.entry(view.block).or_default().push(place);
    }
    let mut blocks = Vec::new();
    for (place, block) in notebook.document.blocks().iter().enumerate() {
        let html = match &block.kind {
            BlockKind::Prose => continue,
            BlockKind::Lines { body, .. } => {
                let mut html = source(&notebook.document.text()[body.clone()], "commands");
                let own: Vec<usize> = (0..dials.len()).filter(|dial| dials[*dial].block == place).collect();
                if !own.is_empty() {
                    html += "<div class=\"dials\" hidden>";
                    own.iter().for_each(|dial| html += &control(*dial, &dials[*dial]));
                    html += "</div>";
                }
                html
            }
            BlockKind::Sql { body, .. } => source(&notebook.document.text()[body.clone()], "query"),
            BlockKind::Network { body, .. } => source(&notebook.document.text()[body.clone()], "network"),
        };
        let mut html = format!("<section class=\"fence\">{html}");
        let shown = rows.get(&place).map(Vec::as_slice).unwrap_or_default();
        if !shown.is_empty() {
            let mut made = Vec::new();
            for place in shown {
                made.push((
                    *place,
                    frames(notebook, &notebook.program.views[*place], &dials, false, sources, &mut next),
                ));
            }
            // Words and numbers are as wide as the page, pictures stand side by side.
            let narrow = made.iter().filter(|(_, frames)| !is_wide(frames)).count().clamp(1, WIDTHS.len());
            let _ = write!(html, "<div class=\"row r{narrow}\">");
            for (place, frames) in made {
                let width = if is_wide(&frames) { WIDTHS[0] } else { WIDTHS[narrow - 1] };
                html += &figure(notebook, place, frames, width, &mut lacks)?;
            }
            html += "</div>";
        }
        blocks.push((block.range.clone(), html + "</section>"));
    }
    let prose = prose::html(notebook.document.text(), &blocks, notebook.folder);
    let text = whole(notebook, &prose, &dials, sources);
    Ok(Exported { text, lacks })
}

/// A view with its frames.
fn figure(
    notebook: &Notebook<'_>,
    place: usize,
    frames: Frames,
    width: f32,
    lacks: &mut Vec<String>,
) -> Result<String, NotebookError> {
    let view = &notebook.program.views[place];
    let wide = if is_wide(&frames) { " class=\"wide\"" } else { "" };
    let Frames { dials: followed, shown, at, first } = frames;
    let said = notebook.document.text()[view.range.clone()].split_whitespace().collect::<Vec<_>>().join(" ");
    let said = if matches!(view.says, Says::Line(_)) { said } else { "query".to_owned() };
    let (mut html, mut values) = (Vec::new(), Vec::new());
    for (_, outcome) in &shown {
        match outcome {
            Ok(figure) => {
                html.push(drawn(figure, width, &mut Ids::of(place))?);
                values.push(data(figure));
            }
            Err(reason) => {
                html.push(format!("<p class=\"lacks\">{}</p>", escaped(reason)));
                values.push(None);
            }
        }
    }
    if let Some((_, Err(reason))) = shown.get(at[first]) {
        lacks.push(format!("{said}: {reason}"));
    }
    let now = html[at[first]].clone();
    // What is shown first is there already.
    let moves = at.len() > 1;
    let frames = if moves { json!({ "html": html, "at": at, "data": values }) } else { json!({ "data": values }) };
    let packed = if moves || values.iter().any(Option::is_some) {
        format!("<script type=\"text/plain\" class=\"frames\">{}</script>", packed(&frames)?)
    } else {
        String::new()
    };
    let followed: Vec<String> = followed.iter().map(usize::to_string).collect();
    Ok(format!(
        "<figure{wide} data-dials=\"{}\"><div class=\"shown\">{now}</div><figcaption><code>{}</code></figcaption>{packed}</figure>",
        followed.join(" "),
        escaped(&said)
    ))
}

/// Whether a view is of words and numbers.
fn is_wide(frames: &Frames) -> bool {
    let is_wide = |outcome: &Result<Figure, String>| matches!(outcome, Ok(Figure::Table(_) | Figure::Comparison(_)));
    frames.shown.iter().any(|(_, outcome)| is_wide(outcome))
}

/// Data as the page's script unpacks it.
fn packed(data: &Value) -> Result<String, NotebookError> {
    let failed = |error: std::io::Error| NotebookError::Draw { path: "a page".into(), reason: error.to_string() };
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data.to_string().as_bytes()).map_err(failed)?;
    Ok(STANDARD.encode(encoder.finish().map_err(failed)?))
}

fn source(text: &str, what: &str) -> String {
    format!("<pre class=\"source {what}\"><code>{}</code></pre>", escaped(text.trim_end()))
}

/// A dial's control, which the script shows.
fn control(place: usize, dial: &Dial) -> String {
    let (name, now) = (escaped(&dial.name), &dial.positions[dial.first]);
    let says = escaped(&now.says);
    let left_out =
        if dial.says.is_empty() { String::new() } else { format!(" <small>{}</small>", escaped(&dial.says)) };
    let control = match dial.kind {
        Kind::Slider => format!(
            "<input id=\"d{place}\" type=\"range\" min=\"0\" max=\"{}\" step=\"1\" value=\"{}\" aria-valuetext=\"{says}\">",
            dial.positions.len() - 1,
            dial.first
        ),
        Kind::List => {
            let option = |(at, position): (usize, &super::dials::Position)| {
                let selected = if at == dial.first { " selected" } else { "" };
                format!("<option value=\"{at}\"{selected}>{}</option>", escaped(&position.says))
            };
            let options: String = dial.positions.iter().enumerate().map(option).collect();
            format!("<select id=\"d{place}\">{options}</select>")
        }
        Kind::Toggle => {
            let checked = if dial.first == 1 { " checked" } else { "" };
            format!("<input id=\"d{place}\" type=\"checkbox\"{checked}>")
        }
    };
    let output = match dial.kind {
        Kind::Slider => format!("<output for=\"d{place}\">{says}</output>"),
        Kind::List | Kind::Toggle => String::new(),
    };
    format!("<div class=\"dial\"><label for=\"d{place}\">{name}</label>{control}{output}{left_out}</div>")
}

/// The page about its content.
fn whole(notebook: &Notebook<'_>, content: &str, dials: &[Dial], sources: &Sources) -> String {
    let all: Vec<Value> = dials
        .iter()
        .map(|dial| {
            let of = |part: fn(&super::dials::Position) -> &String| dial.positions.iter().map(part).collect::<Vec<_>>();
            json!({
                "name": dial.name, "at": dial.first,
                "values": of(|position| &position.value), "says": of(|position| &position.says),
            })
        })
        .collect();
    // Within a script nothing ends it.
    let all = Value::from(all).to_string().replace("</", "<\\/");
    let title = heading(notebook);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'\">\n\
         {GENERATOR}\n<title>{}</title>\n<style id=\"look\">{}</style>\n<style>{}</style>\n</head>\n<body>\n<main>\n{content}{}</main>\n\
         <script type=\"application/json\" id=\"dials\">{all}</script>\n<script>{}</script>\n</body>\n</html>\n",
        escaped(&title),
        colours(),
        include_str!("page.css"),
        again(notebook, sources),
        include_str!("page.js"),
    )
}

/// What a page says made it.
pub(super) const GENERATOR: &str = "<meta name=\"generator\" content=\"ReVACNN\">";

/// The first heading, or else the name.
fn heading(notebook: &Notebook<'_>) -> String {
    let mut lines = notebook.document.text().lines();
    let heading = lines.find_map(|line| line.strip_prefix("# ")).map(str::trim).filter(|text| !text.is_empty());
    heading.unwrap_or(notebook.name).to_owned()
}

/// How the page is made again.
fn again(notebook: &Notebook<'_>, sources: &Sources) -> String {
    let made = made(notebook, sources);
    let mut html = "<section class=\"made\"><h2>How this was made</h2>".to_owned();
    let file = escaped(&written(&format!("{}.md", notebook.name)));
    if !made.is_empty() {
        let _ = write!(
            html,
            "<p>{} of the text below, trained by <code>revacnn notebook run {file}</code>. Equal keys and digests mean equal \
             bits, on any machine.</p><div class=\"scroll\"><table><thead><tr><th scope=\"col\">training</th>\
             <th scope=\"col\">command</th><th scope=\"col\">key</th><th scope=\"col\" class=\"n\">last step</th>\
             <th scope=\"col\">digest there</th></tr></thead><tbody>",
            counted(made.len() as u64, "training")
        );
        for training in &made {
            let (step, digest) = match &training.last {
                Some((step, digest)) => (step.to_string(), digest.clone()),
                None => (training.says.clone(), "–".to_owned()),
            };
            let _ = write!(
                html,
                "<tr><th scope=\"row\">{}</th><td><code>revacnn {}</code></td><td><code>{}</code></td><td class=\"n\">{}</td>\
                 <td><code>{}</code></td></tr>",
                escaped(training.name.as_str()),
                escaped(&training.command),
                training.key,
                escaped(&step),
                digest
            );
        }
        html += "</tbody></table></div>";
    }
    let _ = write!(
        html,
        "<details><summary>The notebook's text</summary><pre class=\"source\"><code>{}</code></pre></details>\
         <p class=\"note\">Made by revacnn {} with <code>revacnn notebook export {file} -o {}.html</code>.</p></section>",
        escaped(notebook.document.text()),
        env!("CARGO_PKG_VERSION"),
        escaped(&written(notebook.name)),
    );
    html
}

/// The colours of figures, which are other ones on dark paper, and the classes that have them.
fn colours() -> String {
    let variables = |colours: &Colours| -> String {
        classes(colours).into_iter().map(|(name, colour)| format!("--{name}:{colour};")).collect()
    };
    let rules: String = classes(&LIGHT)
        .into_iter()
        .map(|(name, _)| format!(".{name}{{fill:var(--{name})}}.{}{{stroke:var(--{name})}}", name.to_uppercase()))
        .collect();
    format!(
        ":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{}}}}}@media print{{:root{{{light}}}}}\
         {rules}polyline{{fill:none;stroke-linejoin:round}}image{{image-rendering:pixelated}}",
        variables(&DARK),
        light = variables(&LIGHT)
    )
}
