//! A question that is answered with a line of text.

use std::path::{Path, PathBuf};

use iced::widget::{column, text};
use revacnn_notebook::ChosenImage;
use revacnn_notebook::command::ImageOption;
use revacnn_schemas::{Address, BranchName, Edit, ImageIndex, counted};
use revacnn_store::Command;

use super::pieces::{Piece, alarm, buttons, faint, field, plain};
use crate::context::Context;
use crate::question::Question;
use crate::requests::{Intent, Request};
use crate::theme::NORMAL;

/// The name of its field.
pub(crate) const FIELD: &str = "prompt";

/// The open question.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    /// What is asked.
    pub(crate) question: Question,
    /// What was typed so far.
    pub(crate) text: String,
    /// What was wrong with it.
    pub(crate) problem: Option<String>,
}

/// What happens in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Type(String),
    Enter,
    Leave,
}

/// What others are to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    None,
    Leave,
    /// It is answered, and closed.
    Answer(Answer),
}

/// What an answer leads to.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    /// To be asked of the workers.
    Request(Request),
    /// Another image.
    Image(Option<ChosenImage>),
    /// The picture in a file.
    Picture(PathBuf),
    /// Whether a branch is shown.
    Show(BranchName, bool),
    /// Edits of the selected branch, and the fork's name.
    Edit(Vec<Edit>, Option<BranchName>),
    /// The notebook is saved in a file, over one that is there or not.
    SaveNotebook(PathBuf, bool),
    /// Nothing was typed.
    Nothing,
}

impl State {
    /// A question, with the text that it starts from.
    pub(crate) fn of(question: Question, context: &Context) -> Self {
        let text = match &question {
            Question::NameNotebook(path) => path.to_string_lossy().into_owned(),
            Question::Rename => context.selected.as_ref().map(ToString::to_string).unwrap_or_default(),
            Question::TrainOn => context.train_on.to_string(),
            Question::GoTo
            | Question::Fork
            | Question::Edit
            | Question::Image
            | Question::Hide
            | Question::Stop(_)
            | Question::ReplaceByNotebook(_)
            | Question::Unfork { .. } => String::new(),
        };
        Self { question, text, problem: None }
    }

    pub(crate) fn update(&mut self, message: Message, context: &Context) -> Action {
        match message {
            Message::Type(text) => (self.text, self.problem) = (text, None),
            Message::Leave => return Action::Leave,
            Message::Enter => match self.answer(context) {
                Ok(answer) => return Action::Answer(answer),
                Err(problem) => self.problem = Some(problem),
            },
        }
        Action::None
    }

    pub(crate) fn view(&self, context: &Context) -> Piece<'_, Message> {
        if let Some(words) = self.consent(context) {
            let page = column![text(self.question.title()).size(NORMAL), plain(words).width(380)].spacing(12);
            return page.push(buttons(self.question.verb(), Message::Enter, Message::Leave)).into();
        }
        // What is expected stands beneath it, also while something is typed.
        let input = field("", &self.text, 460.0).id(FIELD).on_input(Message::Type).on_submit(Message::Enter);
        let mut page = column![text(self.question.title()).size(NORMAL), input, faint(self.question.hint())].spacing(8);
        if let Some(problem) = &self.problem {
            page = page.push(alarm(problem.as_str()).width(460));
        }
        page.push(buttons(self.question.verb(), Message::Enter, Message::Leave)).into()
    }

    /// What is to be agreed to; `None` where a line of text is asked for.
    pub(crate) fn consent(&self, context: &Context) -> Option<String> {
        match &self.question {
            Question::Stop(name) => {
                Some(format!("{name} is trained by another process. It ends there, with everything written."))
            }
            Question::Unfork { name, .. } => {
                let branch = context.branch_named(name);
                let steps = branch.and_then(|branch| Some(branch.steps?.last.0 - branch.fork_step.0)).unwrap_or(0);
                Some(match steps {
                    1 => format!("{name} has 1 step of its own by now. It goes with it."),
                    _ => format!("{name} has {} of its own by now. All of them go with it.", counted(steps, "step")),
                })
            }
            Question::ReplaceByNotebook(path) => {
                Some(format!("{} is there already, and is not this notebook.", path.display()))
            }
            Question::GoTo
            | Question::Fork
            | Question::Edit
            | Question::Rename
            | Question::Image
            | Question::TrainOn
            | Question::NameNotebook(_)
            | Question::Hide => None,
        }
    }

    /// What an answer leads to.
    ///
    /// # Errors
    /// What was expected and what was found.
    fn answer(&self, context: &Context) -> Result<Answer, String> {
        let text = self.text.trim();
        if let Question::ReplaceByNotebook(path) = &self.question {
            return Ok(Answer::SaveNotebook(path.clone(), true));
        }
        if let Question::NameNotebook(_) = &self.question {
            let path = Path::new(text);
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            return match ["md", "markdown"].iter().any(|known| ending.eq_ignore_ascii_case(known)) {
                true => Ok(Answer::SaveNotebook(path.to_owned(), false)),
                false => Err(format!("expected a file that ends in .md, found `{text}`")),
            };
        }
        let selected = context.selected.clone().ok_or("expected a selected branch, found none")?;
        match &self.question {
            Question::Stop(branch) => {
                Ok(Answer::Request(Request::Change(Intent::Steer { branch: branch.clone(), command: Command::Stop })))
            }
            Question::Unfork { name, parent, step } => {
                let then = Some((parent.clone(), *step));
                Ok(Answer::Request(Request::Change(Intent::Delete { name: name.clone(), then })))
            }
            Question::GoTo if text.is_empty() => Ok(Answer::Nothing),
            Question::GoTo => go_to(text, &selected, context).map(|address| Answer::Request(Request::Resolve(address))),
            Question::Fork => Ok(Answer::Edit(Vec::new(), name(text)?)),
            Question::Edit => edits(text).map(|edits| Answer::Edit(edits, None)),
            Question::Rename => match name(text)? {
                Some(to) if to != selected => {
                    Ok(Answer::Request(Request::Change(Intent::Rename { from: selected, to })))
                }
                _ => Ok(Answer::Nothing),
            },
            Question::Image if text.is_empty() => Ok(Answer::Image(None)),
            Question::Image => match ImageOption::of(text.into())? {
                ImageOption::Number(number) => Ok(Answer::Image(Some(ImageIndex(number).into()))),
                ImageOption::File(path) if path.is_file() => Ok(Answer::Picture(path)),
                ImageOption::File(_) => {
                    Err(format!("expected the number of a training image, or a picture's file, found `{text}`"))
                }
            },
            Question::TrainOn => match text.replace(',', "").parse::<u64>() {
                Ok(steps) if steps > 0 => {
                    Ok(Answer::Request(Request::Change(Intent::TrainOn { branch: selected, steps })))
                }
                _ => Err(format!("expected a number of steps from 1, found `{text}`")),
            },
            Question::NameNotebook(_) | Question::ReplaceByNotebook(_) => Ok(Answer::Nothing),
            Question::Hide if text.is_empty() => Ok(Answer::Nothing),
            Question::Hide => {
                let found = context.branches.iter().find(|branch| branch.name.as_str() == text);
                let found = found.ok_or_else(|| {
                    let names: Vec<&str> = context.branches.iter().map(|branch| branch.name.as_str()).collect();
                    format!("there is no branch `{text}`; there are {}", names.join(", "))
                })?;
                if found.name == selected || Some(&found.name) == context.beside.as_ref() {
                    return Err(format!("{text} is looked at: select another branch first (↑ ↓)"));
                }
                Ok(Answer::Show(found.name.clone(), context.hidden.contains(&found.name)))
            }
        }
    }
}

/// A bare number, or a position, is of the selected branch.
fn go_to(text: &str, selected: &BranchName, context: &Context) -> Result<Address, String> {
    let is_branch = |name: &BranchName| context.branches.iter().any(|branch| branch.name == *name);
    let whole = text.parse::<Address>().ok();
    let whole = whole.filter(|address| text.contains('@') || is_branch(&address.branch));
    let expected = "expected NAME@STEP, a step, `epoch:N`, `last`, `best` or `fork`";
    whole
        .or_else(|| format!("{selected}@{text}").parse().ok())
        .ok_or_else(|| format!("`{text}` is no address: {expected}"))
}

fn name(text: &str) -> Result<Option<BranchName>, String> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|error| format!("{error}")) }
}

/// Edits with a semicolon between them.
fn edits(text: &str) -> Result<Vec<Edit>, String> {
    let edits = text.split(';').map(str::trim).filter(|edit| !edit.is_empty());
    let edits = edits.map(|edit| edit.parse::<Edit>().map_err(|error| error.to_string()));
    match edits.collect::<Result<Vec<Edit>, String>>()? {
        edits if edits.is_empty() => Err("expected an edit, such as `add-filter conv3`, found nothing".to_owned()),
        edits => Ok(edits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::tree;
    use crate::state::tests::opened;

    fn asked(question: Question, text: &str) -> Result<Answer, String> {
        State { question, text: text.to_owned(), problem: None }.answer(&opened().context)
    }

    #[test]
    fn a_bare_step_is_of_the_selected_branch_and_what_is_no_address_is_said() {
        let to = |address: &str| Answer::Request(Request::Resolve(address.parse().unwrap()));
        assert_eq!(asked(Question::GoTo, "77"), Ok(to("main@77")));
        assert_eq!(asked(Question::GoTo, "wider"), Ok(to("wider@last")));
        assert_eq!(asked(Question::GoTo, "wider@epoch:2"), Ok(to("wider@epoch:2")));
        assert!(asked(Question::GoTo, "no such").unwrap_err().contains("expected NAME@STEP"));
    }

    #[test]
    fn edits_are_checked_before_anything_is_forked() {
        let edits = ["add-filter conv3", "freeze conv1"].map(|edit| edit.parse().unwrap()).to_vec();
        assert_eq!(asked(Question::Edit, "add-filter conv3; freeze conv1;"), Ok(Answer::Edit(edits, None)));
        let edits = ["drop-images 3,17-20", "relabel 4 class:2", "weight-images 5 0.5"];
        let edits = edits.map(|edit| edit.parse().unwrap()).to_vec();
        let text = "drop-images 17-20,3; relabel 4 class:2; weight-images 5 0.5";
        assert_eq!(asked(Question::Edit, text), Ok(Answer::Edit(edits, None)));
        assert!(asked(Question::Edit, "drop-images a.csv").unwrap_err().contains("name them as in 3,17,100-200"));
        assert!(asked(Question::Edit, "add-fliter conv3").unwrap_err().contains("add-fliter"));
        assert!(asked(Question::Edit, " ").unwrap_err().contains("expected an edit"));
    }

    #[test]
    fn a_branch_is_hidden_and_shown_again_but_not_the_one_that_is_looked_at() {
        let mut state = opened();
        let hide = |state: &crate::state::State, text: &str| {
            State { question: Question::Hide, text: text.to_owned(), problem: None }.answer(&state.context)
        };
        let wider: BranchName = "wider".parse().unwrap();
        assert_eq!(hide(&state, "wider"), Ok(Answer::Show(wider.clone(), false)));
        state.update(tree::Message::Show(wider.clone(), false));
        assert_eq!(hide(&state, "wider"), Ok(Answer::Show(wider, true)));
        assert!(hide(&state, "main").unwrap_err().contains("select another branch"));
        assert!(hide(&state, "widest").unwrap_err().contains("there are main, wider"));
    }

    #[test]
    fn numbers_are_numbers() {
        assert_eq!(asked(Question::Image, ""), Ok(Answer::Image(None)));
        assert_eq!(asked(Question::Image, "17"), Ok(Answer::Image(Some(ImageIndex(17).into()))));
        assert!(asked(Question::Image, "cat").unwrap_err().contains("found `cat`"));
        assert!(asked(Question::TrainOn, "0").is_err());
        assert!(matches!(
            asked(Question::TrainOn, "1,000"),
            Ok(Answer::Request(Request::Change(Intent::TrainOn { steps: 1000, .. })))
        ));
    }
}
