//! The form of a new layer: what an edit that inserts one can say, with the command that
//! does the same.

use std::collections::BTreeMap;

use iced::Alignment;
use iced::widget::{column, row, text};
use revacnn_schemas::{Edit, LayerName, SchemaError};
use revacnn_trainer::{LayerParameter, layer_kinds};

use super::pieces::{Piece, alarm, buttons_for, choices, faint, field, plain};
use crate::context::Context;
use crate::theme::NORMAL;

/// What stands in place of a layer that new ones follow where they come first.
const FIRST: &str = "input";
/// How the coefficients of a layer begin, besides the ways to draw that a kind has.
const RANDOM: &str = "random";
const IDENTITY: &str = "identity";
/// The parameter of a kind that names its ways to draw.
const INIT: &str = "init";
/// What a layer that passes its input on takes from what reaches it.
const FROM_INPUT: [&str; 2] = ["filters", "kernel"];
/// The width of a field, and of the whole form.
const WIDE: f32 = 120.0;
const FORM: f32 = 420.0;

/// The open form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    /// The layers that it can follow, in order; the images first.
    places: Vec<String>,
    after: String,
    kind: &'static str,
    begins: &'static str,
    /// What stands in the fields, by parameter.
    texts: BTreeMap<&'static str, String>,
    /// A name of its own; by its kind and the next free number where nothing is typed.
    name: String,
    /// Why the edit was refused, until the form says something else.
    pub(crate) problem: Option<String>,
}

/// What happens in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    After(String),
    Kind(&'static str),
    Begins(&'static str),
    Type(&'static str, String),
    Name(String),
    Enter,
    Leave,
}

/// What others are to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    None,
    /// Fork at the cursor with this edit.
    Edit(Edit),
    Leave,
}

/// The parameters of layers of a kind, but for the way to draw.
fn parameters(kind: &str) -> impl Iterator<Item = &'static LayerParameter> {
    all_parameters(kind).iter().filter(|parameter| parameter.name != INIT)
}

fn all_parameters(kind: &str) -> &'static [LayerParameter] {
    layer_kinds().find(|(name, _)| *name == kind).map_or(&[], |(_, parameters)| parameters)
}

/// How layers of a kind can begin.
fn beginnings(kind: &str) -> Vec<&'static str> {
    let drawn = all_parameters(kind).iter().filter(|parameter| parameter.name == INIT);
    let drawn = drawn.flat_map(|parameter| parameter.choices).copied();
    std::iter::once(RANDOM).chain(drawn).chain(std::iter::once(IDENTITY)).collect()
}

/// What the fields of a kind start from.
fn starts(kind: &str) -> BTreeMap<&'static str, String> {
    parameters(kind).map(|of| (of.name, of.starts.to_owned())).collect()
}

impl State {
    /// The form of a layer after one of a network's, or before the first.
    pub(crate) fn new(layers: Vec<LayerName>, after: Option<LayerName>) -> Self {
        let places = std::iter::once(FIRST.to_owned()).chain(layers.iter().map(ToString::to_string)).collect();
        let after = after.map_or_else(|| FIRST.to_owned(), |layer| layer.to_string());
        let kind = layer_kinds().next().map_or("", |(kind, _)| kind);
        Self { places, after, kind, begins: RANDOM, texts: starts(kind), name: String::new(), problem: None }
    }

    pub(crate) fn update(&mut self, message: Message, context: &Context) -> Action {
        if message != Message::Enter {
            self.problem = None;
        }
        match message {
            Message::After(place) => self.after = place,
            Message::Kind(kind) => {
                (self.kind, self.texts) = (kind, starts(kind));
                if !beginnings(kind).contains(&self.begins) {
                    self.begins = RANDOM;
                }
                self.narrow();
            }
            Message::Begins(how) => {
                let was_identity = std::mem::replace(&mut self.begins, how) == IDENTITY;
                if was_identity && how != IDENTITY {
                    self.texts = starts(self.kind);
                }
                self.narrow();
            }
            Message::Type(name, text) => {
                self.texts.insert(name, text);
            }
            Message::Name(name) => self.name = name,
            Message::Leave => return Action::Leave,
            Message::Enter => {
                if let Ok(edit) = self.edit()
                    && !context.is_busy()
                {
                    return Action::Edit(edit);
                }
            }
        }
        Action::None
    }

    /// Leaves open what a layer that passes its input on takes from that: it is as wide as what reaches it.
    fn narrow(&mut self) {
        if self.begins == IDENTITY {
            for (_, text) in self.texts.iter_mut().filter(|(name, _)| FROM_INPUT.contains(name)) {
                text.clear();
            }
        }
    }

    /// What the form says, as an edit.
    ///
    /// # Errors
    /// What is not understood, and what was expected.
    fn edit(&self) -> Result<Edit, String> {
        let mut words = format!("insert-layer {} after={}", self.kind, self.after);
        if !self.name.trim().is_empty() {
            words += &format!(" name={}", quoted(&self.name));
        }
        if self.begins != RANDOM {
            words += &format!(" init={}", self.begins);
        }
        // In the order in which the kind has them.
        for parameter in parameters(self.kind) {
            let text = self.texts.get(parameter.name).map_or("", |text| text.trim());
            if !text.is_empty() {
                words += &format!(" {}={}", shown(parameter.name), quoted(text));
            }
        }
        words.parse().map_err(|error: SchemaError| error.to_string())
    }

    /// The command that does what the form says, where that is an edit.
    pub(crate) fn command(&self, context: &Context) -> Option<String> {
        context.command(&self.edit().ok()?)
    }

    pub(crate) fn view<'a>(&'a self, context: &Context) -> Piece<'a, Message> {
        let line = |name: &str, piece: Piece<'a, Message>| -> Piece<'a, Message> {
            row![plain(shown(name)).width(84), piece].align_y(Alignment::Center).into()
        };
        let kinds = layer_kinds().map(|(kind, _)| kind).collect();
        let mut page = column![
            text("New layer").size(NORMAL),
            line("after", choices(self.places.clone(), Some(self.after.clone()), "", Message::After)),
            line("kind", choices(kinds, Some(self.kind), "", Message::Kind)),
        ]
        .spacing(8);
        for parameter in parameters(self.kind) {
            page = page.push(line(parameter.name, self.parameter(parameter)));
        }
        let begins = choices(beginnings(self.kind), Some(self.begins), "", Message::Begins);
        let name = field("the next free one", &self.name, WIDE).on_input(Message::Name).on_submit(Message::Enter);
        page = page.push(line("begins", begins)).push(line("name", name.into()));
        let edit = self.edit();
        page = page.push(match &edit {
            Ok(edit) => faint(context.command(edit).unwrap_or_default()).width(FORM),
            Err(problem) => alarm(problem.clone()).width(FORM),
        });
        if let Some(problem) = &self.problem {
            page = page.push(alarm(problem.as_str()).width(FORM));
        }
        let ready = edit.is_ok() && !context.is_busy();
        page.push(buttons_for("insert: fork here", ready.then_some(Message::Enter), Message::Leave)).into()
    }

    fn parameter(&self, parameter: &'static LayerParameter) -> Piece<'_, Message> {
        let name = parameter.name;
        let text = self.texts.get(name).map_or("", String::as_str);
        if !parameter.choices.is_empty() {
            let now = parameter.choices.iter().copied().find(|choice| *choice == text);
            let choose = move |word: &'static str| Message::Type(name, word.to_owned());
            return choices(parameter.choices.to_vec(), now, "", choose);
        }
        let input = field("by default", text, WIDE);
        input.on_input(move |text| Message::Type(name, text)).on_submit(Message::Enter).into()
    }
}

/// A parameter's name as a person writes it.
fn shown(name: &str) -> String {
    name.replace('_', "-")
}

/// A value as one word of an edit.
fn quoted(text: &str) -> String {
    format!("'{}'", text.trim().replace('\'', ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::opened;

    fn form() -> State {
        let layers = ["conv1", "pool1", "conv2"].map(|layer| layer.parse().unwrap());
        State::new(layers.to_vec(), Some("pool1".parse().unwrap()))
    }

    fn written(form: &State) -> String {
        form.edit().map_or_else(|problem| problem, |edit| edit.to_string())
    }

    #[test]
    fn the_form_of_every_kind_is_an_edit_as_it_opens() {
        let (mut form, context) = (form(), opened().context);
        assert!(written(&form).starts_with("insert-layer conv after=pool1 "), "{}", written(&form));
        for (kind, parameters) in layer_kinds() {
            form.update(Message::Kind(kind), &context);
            for parameter in parameters.iter().filter(|parameter| !parameter.starts.is_empty()) {
                let has = format!(" {}={}", parameter.name, parameter.starts);
                assert!(written(&form).contains(&has), "{}: {has}", written(&form));
            }
            let Action::Edit(edit) = form.update(Message::Enter, &context) else { panic!("{kind}") };
            assert_eq!(edit.to_string(), written(&form));
        }
        form.update(Message::After(FIRST.to_owned()), &context);
        assert!(written(&form).contains("after=input"));
    }

    #[test]
    fn what_is_typed_is_in_the_command_and_what_is_not_understood_is_no_edit() {
        let (mut form, context) = (form(), opened().context);
        form.update(Message::Type("kernel", " 5 ".to_owned()), &context);
        form.update(Message::Name("extra".to_owned()), &context);
        let command = form.command(&context).unwrap();
        assert!(command.starts_with("revacnn fork main@100 --edit 'insert-layer conv after=pool1"), "{command}");
        assert!(command.contains("kernel=5") && command.contains("name=extra"), "{command}");
        // As wide as what reaches it.
        form.update(Message::Begins("identity"), &context);
        let edit = written(&form);
        assert!(edit.contains("init=identity") && !edit.contains("filters=") && !edit.contains("kernel="), "{edit}");
        form.update(Message::Begins("random"), &context);
        assert!(written(&form).contains("filters=16"));
        // A kind's ways to draw are ways to begin.
        form.update(Message::Begins("he"), &context);
        form.update(Message::Type("bias_init", "0.1".to_owned()), &context);
        let edit = written(&form);
        assert!(edit.contains("init=he") && edit.contains("filters=16") && edit.contains("0.1"), "{edit}");
        form.update(Message::Kind("pool"), &context);
        assert!(!written(&form).contains("init="), "{}", written(&form));
        form.update(Message::Kind("conv"), &context);
        form.update(Message::Name("no name/at all".to_owned()), &context);
        assert!(form.edit().is_err() && form.command(&context).is_none());
        assert_eq!(form.update(Message::Enter, &context), Action::None);
    }
}
