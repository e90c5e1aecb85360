//! Reading a notebook, and what is wrong with it, for people and as JSON.

use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use clap::Args;
use revacnn_notebook::document::{Document, Problem};
use revacnn_notebook::plan::{Place, Plan};
use revacnn_notebook::program::Program;
use revacnn_recorder::Resources;
use revacnn_schemas::{lines, one_line};
use revacnn_store::Store;
use revacnn_trainer::read_file;
use serde_json::json;

use crate::error::Failure;
use crate::npy;
use crate::options::path;
use crate::output::{say, tell};
use crate::text::{counted, printable};

/// The longest notebook that is read, in bytes.
const MOST_BYTES: u64 = 1 << 24;

/// The file of a notebook.
#[derive(Debug, Args)]
pub(super) struct FileArgument {
    /// The notebook: a Markdown file.
    #[arg(value_name = "FILE", value_parser = path())]
    pub(super) file: PathBuf,
}

/// A notebook as it was read.
pub(super) struct Notebook {
    pub(super) path: PathBuf,
    pub(super) document: Document,
    pub(super) program: Program,
}

impl FileArgument {
    /// Reads it, and what it says.
    pub(super) fn read(&self) -> Result<Notebook, Failure> {
        let bytes = read_file(&self.file, "a notebook in Markdown", MOST_BYTES)
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let path = printable(&self.file.display());
            Failure::Usage(format!("{path} is no text: expected UTF-8, found another byte at {at}"))
        })?;
        let document = Document::parse(text);
        let program = Program::of(&document);
        Ok(Notebook { path: self.file.clone(), document, program })
    }
}

impl Notebook {
    /// The folder that it lies in.
    pub(super) fn folder(&self) -> &Path {
        folder_of(&self.path)
    }

    /// With what it is planned.
    pub(super) fn place<'a>(&'a self, store: Option<&'a Store>, resources: &'a Resources) -> Place<'a> {
        Place { folder: self.folder(), store, resources, read: &npy::coefficients }
    }

    /// What is to be done; all that is wrong is told where there is something.
    pub(super) fn plan(&self, place: Place<'_>, json: bool) -> Result<Plan, Failure> {
        Plan::of(&self.document, &self.program, place).map_err(|problems| self.refused(&problems, json))
    }

    /// Tells what is wrong, and how much that is.
    pub(super) fn refused(&self, problems: &[Problem], json: bool) -> Failure {
        self.tell(problems, json);
        let problems = counted(problems.len() as u64, "problem");
        Failure::Usage(format!("{} has {problems}", printable(&self.path.display())))
    }

    /// Tells what is wrong.
    pub(super) fn tell(&self, problems: &[Problem], json: bool) {
        for problem in problems {
            if json {
                say!("{}", self.as_json(problem));
            } else {
                tell(&self.picture(problem));
            }
        }
    }

    /// A problem with its line, as compilers show them.
    fn picture(&self, problem: &Problem) -> String {
        // What would mislead a terminal is no part of a line; all else stays at its place.
        let shown: String = self.document.text().chars().map(shown).collect();
        let within = |range: &Range<usize>| range.start.min(shown.len())..range.end.min(shown.len());
        let path = printable(&self.path.display());
        let message = lines(&problem.message);
        let also =
            problem.also.iter().map(|(range, why)| AnnotationKind::Context.span(within(range)).label(why.as_str()));
        let snippet = Snippet::source(shown.as_str())
            .path(path.as_str())
            .annotation(AnnotationKind::Primary.span(within(&problem.range)))
            .annotations(also);
        let mut group = Level::ERROR.primary_title(message.as_str()).element(snippet);
        let help = problem.help.as_deref().map(one_line);
        if let Some(help) = &help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        Renderer::styled().decor_style(DecorStyle::Ascii).render(&[group]).to_string()
    }

    fn as_json(&self, problem: &Problem) -> serde_json::Value {
        let place = |at: usize| {
            let (line, column) = self.line_and_column(at);
            json!({ "line": line, "column": column, "byte": at })
        };
        json!({
            "event": "problem",
            "from": place(problem.range.start),
            "to": place(problem.range.end),
            "message": problem.message,
            "help": problem.help,
            "fix": problem.fix.as_ref().map(|fix| {
                json!({ "from": place(fix.range.start), "to": place(fix.range.end), "new": fix.new })
            }),
            "also": problem.also.iter().map(|(range, why)| json!({ "from": place(range.start), "to": place(range.end), "message": why })).collect::<Vec<_>>(),
        })
    }

    /// The line and the letter in it, both counted from 1, of a place in the text.
    pub(super) fn line_and_column(&self, at: usize) -> (usize, usize) {
        let before = &self.document.text()[..at.min(self.document.text().len())];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// The folder that a file lies in.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A letter as it is shown: of what a terminal would obey, a mark a byte.
fn shown(letter: char) -> String {
    let own = letter.to_string();
    let is_harmless = matches!(letter, '\n' | '\r' | '\t') || lines(&own) == own;
    if is_harmless { own } else { "?".repeat(letter.len_utf8()) }
}
