//! The report: the notebook's text with its figures as files beside it, as forges show it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use revacnn_schemas::{Digester, Figure, Panel, Step, TableFigure};

use super::dials::dials;
use super::frames::frames;
use super::made::{Made, made};
use super::{Exported, Found, Notebook};
use crate::Sources;
use crate::document::BlockKind;

/// What is escaped in an address.
const ADDRESS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A report.
#[derive(Debug)]
pub struct Report {
    /// Its text, and what it lacks.
    pub exported: Exported,
    /// Its pictures: the name of each file in the folder of pictures, and what it shows.
    pub pictures: Vec<(String, Figure)>,
}

/// A notebook as a report, whose pictures are in a folder that the text calls by a name.
pub fn report(notebook: &Notebook<'_>, pictures: &str, sources: &mut Sources) -> Report {
    let pictures = &utf8_percent_encode(pictures, ADDRESS).to_string();
    notebook.name_branches(sources);
    let (dials, mut lacks) = dials(notebook, sources, 1);
    let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, view) in notebook.program.views.iter().enumerate() {
        rows.entry(view.block).or_default().push(place);
    }
    let (mut text, mut files) = (String::new(), Vec::new());
    for (place, block) in notebook.document.blocks().iter().enumerate() {
        text += &notebook.document.text()[block.range.clone()];
        if matches!(block.kind, BlockKind::Prose) {
            continue;
        }
        let first: Vec<String> = dials
            .iter()
            .filter(|dial| dial.block == place)
            .map(|dial| format!("`${}` is {}", dial.name, dial.positions[dial.first].says))
            .collect();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        if !first.is_empty() {
            let _ = write!(text, "\n{}\n", first.join("; "));
        }
        for view in rows.get(&place).map(Vec::as_slice).unwrap_or_default() {
            let view = &notebook.program.views[*view];
            let mut found = frames(notebook, view, &dials, true, sources, &mut || {});
            match found.shown.swap_remove(found.at[found.first]).1 {
                Ok(figure) => shown(figure, pictures, &mut text, &mut files),
                Err(reason) => {
                    let line = notebook.document.text()[view.range.clone()].lines().next().unwrap_or_default();
                    lacks.push(format!("{line}: {reason}"));
                    let _ = write!(text, "\n*{}*\n", plain(&reason));
                }
            }
        }
    }
    let made = made(notebook, sources);
    if !made.is_empty() {
        text += &again(notebook, &made);
    }
    let mark = marked(&text);
    text += &mark;
    Report { exported: Exported { text, lacks }, pictures: files }
}

/// A figure: a table as one, everything else as a picture.
fn shown(figure: Figure, folder: &str, text: &mut String, files: &mut Vec<(String, Figure)>) {
    match figure {
        Figure::Table(rows) => *text += &table(&rows),
        Figure::Comparison(comparison) => {
            let _ = write!(text, "\n**{}**\n", plain(&comparison.title));
            for panel in comparison.panels {
                match panel {
                    Panel::Joint(figure) => shown(*figure, folder, text, files),
                    Panel::Pair(pair) => pair.into_iter().for_each(|figure| shown(figure, folder, text, files)),
                }
            }
        }
        figure => {
            let name = format!("{:02}.svg", files.len() + 1);
            let _ = write!(text, "\n![{}]({folder}/{name})\n", plain(figure.title()));
            files.push((name, figure));
        }
    }
}

/// A table in Markdown, as forges know it.
fn table(rows: &TableFigure) -> String {
    let row = |cells: &mut dyn Iterator<Item = String>| format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "));
    let mut text = format!("\n**{}**\n\n", plain(&rows.title));
    text += &row(&mut rows.columns.iter().map(|column| plain(&column.name)));
    text += &row(&mut rows.columns.iter().map(|column| if column.numeric { "---:" } else { "---" }.to_owned()));
    for cells in &rows.rows {
        text += &row(&mut cells.iter().map(|cell| plain(cell)));
    }
    for note in &rows.notes {
        let _ = write!(text, "\n{}\n", plain(note));
    }
    text
}

/// Words in which Markdown finds nothing to do.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' => plain.push(' '),
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '$' | '~' | '#' | '!' => {
                plain.push('\\');
                plain.push(letter);
            }
            letter => plain.push(letter),
        }
    }
    plain
}

/// How the last line of a report begins, which is no part of what one reads.
const MARK: &str = "\n<!-- Exported by ReVACNN: ";

/// The last line of a report, which knows whether somebody has written in it since.
fn marked(text: &str) -> String {
    let digest = Digester::new("revacnn report").text(text).finish();
    format!("{MARK}{digest} -->\n")
}

/// Whether a text is a report, as it was written.
pub(super) fn found(text: &str) -> Found {
    match text.rfind(MARK) {
        Some(end) if text[end..] == marked(&text[..end]) => Found::Exported,
        Some(_) => Found::Edited,
        None => Found::Other,
    }
}

/// How the report is made again: the branches as a graph, and a row a training.
fn again(notebook: &Notebook<'_>, made: &[Made]) -> String {
    let mut text = "\n## How this was made\n\n".to_owned();
    let file = crate::document::written(&format!("{}.md", notebook.name));
    let _ = write!(text, "`revacnn notebook run {file}` trains it; equal keys and digests mean equal bits.\n\n");
    text += &graph(made);
    text += "\n| training | key | last step | digest there |\n| --- | --- | ---: | --- |\n";
    for training in made {
        let (step, digest) = match &training.last {
            Some((step, digest)) => (step.to_string(), format!("`{digest}`")),
            None => (training.says.clone(), "–".to_owned()),
        };
        let _ = writeln!(text, "| {} | `{}` | {step} | {digest} |", plain(training.name.as_str()), training.key);
    }
    text
}

/// The branches as a graph that forges draw.
fn graph(made: &[Made]) -> String {
    let mut text =
        "```mermaid\n%%{init: {'gitGraph': {'mainBranchName': 'start'}}}%%\ngitGraph\n  commit id: \"0\"\n".to_owned();
    let mut next: Vec<(usize, bool)> =
        (0..made.len()).filter(|place| made[*place].parent.is_none()).map(|place| (place, true)).rev().collect();
    while let Some((place, begins)) = next.pop() {
        let training = &made[place];
        let name = &training.name;
        if begins {
            let _ = match &training.parent {
                Some((parent, _)) => writeln!(text, "  checkout \"{parent}\"\n  branch \"{name}\""),
                None => writeln!(text, "  checkout \"start\"\n  branch \"{name}\""),
            };
        }
        let mut forks: BTreeMap<Step, Vec<usize>> = BTreeMap::new();
        for (child, other) in made.iter().enumerate() {
            if let Some((parent, step)) = &other.parent
                && parent == name
            {
                forks.entry(*step).or_default().push(child);
            }
        }
        for (step, children) in &forks {
            let _ = writeln!(text, "  checkout \"{name}\"\n  commit id: \"{name}@{step}\"");
            for child in children {
                let _ = writeln!(text, "  checkout \"{name}\"\n  branch \"{}\"", made[*child].name);
            }
        }
        next.extend(forks.values().flatten().rev().map(|child| (*child, false)));
        if let Some((last, _)) = training.last.as_ref().filter(|(last, _)| !forks.contains_key(last)) {
            let _ = writeln!(text, "  checkout \"{name}\"\n  commit id: \"{name}@{last}\"");
        }
    }
    text + "```\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_graph_has_every_fork_at_its_step() {
        let training = |name: &str, parent: Option<(&str, u64)>, last: u64| Made {
            name: name.parse().unwrap(),
            command: String::new(),
            key: String::new(),
            last: Some((Step(last), String::new())),
            parent: parent.map(|(name, step)| (name.parse().unwrap(), Step(step))),
            says: String::new(),
        };
        let text = graph(&[
            training("base", None, 9),
            training("wider", Some(("base", 4)), 8),
            training("deep", Some(("wider", 6)), 6),
        ]);
        let lines: Vec<&str> =
            text.lines().map(str::trim).skip(3).filter(|line| !line.starts_with("checkout")).collect();
        assert_eq!(
            lines,
            [
                "commit id: \"0\"",
                "branch \"base\"",
                "commit id: \"base@4\"",
                "branch \"wider\"",
                "commit id: \"base@9\"",
                "commit id: \"wider@6\"",
                "branch \"deep\"",
                "commit id: \"wider@8\"",
                "commit id: \"deep@6\"",
                "```"
            ]
        );
    }

    #[test]
    fn words_in_a_table_break_no_row_and_mark_nothing_up() {
        assert_eq!(plain("a|b *c* <d>\n$e$"), "a\\|b \\*c\\* \\<d\\> \\$e\\$");
    }
}
