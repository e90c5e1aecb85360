//! What a document says: branches that are trained, values, and views.
//!
//! Order on the page means nothing, names do: a line depends on the branches of its
//! addresses and on its words with `$`, and on nothing else. [`Program::of`] never
//! fails; all that is wrong is a [`Problem`] with its place, and what only follows
//! from another problem is none of its own.
//!
//! | file | concept |
//! |---|---|
//! | `names` | what a document names, once each, and what is meant by a word that it does not |
//! | `training` | lines that train, and the members of families |
//! | `words` | the words of a family's member |
//! | `views` | lines that show something, and the values that they follow |
//! | `queries` | fences of SQL |
//!
//! ```
//! use revacnn_notebook::document::Document;
//! use revacnn_notebook::program::Program;
//!
//! let document = Document::parse(
//!     "```revacnn\n\
//!      fork base@epoch:1 wider --edit 'add-filter conv3' --epochs 2\n\
//!      train base --epochs 2 --over seed=0..1\n\
//!      plot loss base widr\n\
//!      ```\n",
//! );
//! let program = Program::of(&document);
//! let names: Vec<&str> = program.trainings.iter().map(|training| training.name.as_str()).collect();
//! assert_eq!(names, ["base.0", "base.1", "wider.0", "wider.1"]);
//! assert_eq!(program.problems.len(), 1);
//! assert_eq!(program.problems[0].help.as_deref(), Some("did you mean `wider`?"));
//! ```

mod names;
mod queries;
mod training;
mod views;
mod words;

use std::collections::BTreeMap;
use std::ops::Range;

use crate::command::{Command, Control, Cursor, Input, Miswritten};
use crate::document::{BlockKind, Document, Line, Problem, Role, TextEdit, Word};

pub(crate) use names::is_word;
pub use names::{Named, Names};
pub use training::{Training, What};
pub use views::{Filled, Says, Spans, View};

/// What a document says.
#[derive(Debug)]
pub struct Program {
    /// The branches, each after the one that it forks.
    pub trainings: Vec<Training>,
    /// Steps that views follow.
    pub cursors: Vec<(Range<usize>, Cursor)>,
    /// Values that views follow.
    pub inputs: Vec<(Range<usize>, Input, Control)>,
    /// What is shown, from top to bottom.
    pub views: Vec<View>,
    /// What a name stands for.
    pub names: Names,
    /// All that is wrong, from top to bottom.
    pub problems: Vec<Problem>,
}

/// A line, and what it says if it can be read.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    /// The block that it stands in.
    block: usize,
    line: &'a Line,
    command: Option<Command>,
}

impl Program {
    /// Reads a document.
    pub fn of(document: &Document) -> Self {
        let mut problems = document.problems().to_vec();
        let mut entries = Vec::new();
        for (block, kind) in document.blocks().iter().map(|block| &block.kind).enumerate() {
            let BlockKind::Lines { lines, .. } = kind else { continue };
            entries.extend(lines.iter().map(|line| Entry { block, line, command: None }));
        }
        for entry in &mut entries {
            let begun = problems.len();
            shell_habits(document, entry.line, &mut problems);
            // A view is read with the values that it follows, when these are known.
            if entry.line.role() != Role::View && problems.len() == begun {
                entry.command = read(entry.line, &mut problems);
            }
        }
        let names = Names::of(document, &entries, &mut problems);
        let trainings = training::trainings(&entries, &names, &mut problems);
        let mut cursors = Vec::new();
        let mut inputs = Vec::new();
        for entry in &entries {
            match &entry.command {
                Some(Command::Cursor(cursor)) => {
                    views::check_address(entry.line, &cursor.at, &names, &mut problems);
                    cursors.push((entry.line.range.clone(), cursor.clone()));
                }
                Some(Command::Input(input)) => {
                    let control = input.control().expect("invariant: it was checked when it was read");
                    inputs.push((entry.line.range.clone(), input.clone(), control));
                }
                _ => {}
            }
        }
        let views = views::views(document, &entries, &names, &inputs, &mut problems);
        problems.sort_by_key(|problem| (problem.range.start, problem.range.end));
        problems.dedup();
        Self { trainings, cursors, inputs, views, names, problems }
    }

    /// The network in TOML that a command names, where it is the document's own.
    pub fn network(&self, command: &Command) -> Option<&str> {
        let Command::Train(family) = command else { return None };
        match self.names.get(family.line.network()?.to_str()?) {
            Some(Named::Network(toml)) => Some(toml),
            _ => None,
        }
    }

    /// What a view says, with values in place of their names.
    ///
    /// # Errors
    /// Where a value does not fit.
    pub fn filled(
        &self,
        view: &View,
        values: &BTreeMap<String, String>,
        spans: Spans<'_>,
    ) -> Result<Filled, Miswritten> {
        view.filled(values, &self.names, spans)
    }

    /// The places of a family's branches among the trainings, or that of a branch.
    pub fn members(&self, name: &str) -> Vec<usize> {
        let is_it = |training: &Training| {
            training.name.as_str() == name || training.family.as_ref().is_some_and(|family| family.as_str() == name)
        };
        (0..self.trainings.len()).filter(|place| is_it(&self.trainings[*place])).collect()
    }
}

/// What a line says; what is wrong with it becomes a problem at its word.
pub(crate) fn read(line: &Line, problems: &mut Vec<Problem>) -> Option<Command> {
    let words: Vec<&str> = line.words.iter().map(|word| word.text.as_str()).collect();
    match Command::parse(&words) {
        Ok(command) => Some(command),
        Err(miswritten) => {
            problems.push(problem_of(line, miswritten));
            None
        }
    }
}

/// A problem at the word that is meant, or of the whole line.
fn problem_of(line: &Line, miswritten: Miswritten) -> Problem {
    let word = miswritten.word.and_then(|word| line.words.get(word));
    let problem = Problem::new(word.map_or(line.range.clone(), |word| word.range.clone()), miswritten.message);
    match (word, miswritten.suggestion) {
        // Of `--epohcs=6` only what is before the value is wrong.
        (Some(word), Some(suggestion)) => match word.text.split_once('=') {
            Some((option, value)) if option.starts_with("--") && suggestion.starts_with("--") => {
                problem.with_suggestion(&format!("{suggestion}={value}"))
            }
            _ => problem.with_suggestion(&suggestion),
        },
        _ => problem,
    }
}

/// Refuses what a shell would do something with: nothing here does.
fn shell_habits(document: &Document, line: &Line, problems: &mut Vec<Problem>) {
    if let [first, second, ..] = &line.words[..]
        && first.text == "revacnn"
    {
        let problem = Problem::new(first.range.clone(), "expected a command alone, found the program's name before it");
        let fix = TextEdit { range: first.range.start..second.range.start, new: String::new() };
        problems.push(Problem { fix: Some(fix), ..problem.with_help("leave `revacnn` out") });
    }
    let ends_a_row = |word: &&Word| {
        let (text, after) = (&document.text()[word.range.clone()], &document.text()[word.range.end..]);
        text.ends_with('\\') && after.trim_start_matches([' ', '\t', '\r']).starts_with('\n')
    };
    if let Some(word) = line.words.iter().find(ends_a_row) {
        let problem = Problem::new(word.range.clone(), "this is not a shell: a line needs no `\\` to go on");
        problems.push(problem.with_help("it goes on where the next one is indented"));
        return;
    }
    for word in &line.words {
        let text = &document.text()[word.range.clone()];
        // In quotes every letter is itself.
        if text != word.text {
            continue;
        }
        let habit = ["|", ">", "<", "&", ";", "`", "$(", "${"].into_iter().find(|habit| text.contains(habit));
        let habit =
            habit.or_else(|| text.starts_with('~').then_some("~")).or_else(|| text.contains('*').then_some("*"));
        if let Some(habit) = habit {
            let message = format!("this is not a shell: expected a word of a command, found `{habit}`");
            problems.push(Problem::new(word.range.clone(), message).with_help("write it in quotes if it is meant"));
        }
    }
}
