//! The hyper-parameters of the selected branch, by name: those that its
//! optimizer has, and no others. What is typed is applied together in one fork.

use std::collections::BTreeMap;

use iced::widget::{Space, column, row};
use iced::{Alignment, Fill};
use revacnn_schemas::Edit;
use revacnn_store::StepRow;

use super::pieces::{Piece, faint, field, filled, press};
use crate::context::Context;
use crate::edits;

/// What an edit calls the size of a batch.
const BATCH_SIZE: &str = "batch-size";

/// What is typed and not yet applied, by the name that an edit gives it.
#[derive(Debug, Default)]
pub(crate) struct State {
    typed: BTreeMap<String, String>,
}

/// What happens there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// Type a value for the hyper-parameter of this name.
    Type(String, String),
    /// Apply what was typed.
    Apply,
    /// Leave what was typed as it was.
    Revert,
}

/// What others are to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    None,
    /// Fork at the cursor with these edits.
    Edit(Vec<Edit>),
    Refuse(String),
}

/// A hyper-parameter and its value at a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Steered {
    /// Its name in an edit.
    pub(crate) name: String,
    /// Its value, as it is shown.
    pub(crate) value: String,
}

impl Steered {
    /// All of a step: the learning rate first, the others by name, the size of
    /// a batch last.
    pub(crate) fn all(row: &StepRow) -> Vec<Self> {
        let values = &row.hyper_parameters;
        let mut all: Vec<Self> =
            values.iter().map(|(name, value)| Self { name: name.replace('_', "-"), value: written(value) }).collect();
        all.sort_by_key(|steered| steered.name != "learning-rate");
        all.push(Self { name: BATCH_SIZE.to_owned(), value: values.batch_size.to_string() });
        all
    }

    /// Whether a text is another value than there is: a number may be written
    /// in more than one way.
    fn differs(&self, typed: &str) -> bool {
        match (typed.parse::<f32>(), self.value.parse::<f32>()) {
            (Ok(typed), Ok(now)) => typed.to_bits() != now.to_bits(),
            _ => typed != self.value,
        }
    }
}

/// A value as briefly as it can be typed again.
fn written(value: f32) -> String {
    let (plain, short) = (value.to_string(), format!("{value:e}"));
    if short.len() + 3 <= plain.len() { short } else { plain }
}

impl State {
    /// Whether something was typed that is not applied.
    pub(crate) fn is_typed(&self) -> bool {
        !self.typed.is_empty()
    }

    /// Forgets what was typed.
    pub(crate) fn forget(&mut self) {
        self.typed.clear();
    }

    pub(crate) fn update(&mut self, message: Message, context: &Context) -> Action {
        match message {
            Message::Type(name, text) => {
                self.typed.insert(name, text);
                Action::None
            }
            Message::Apply => self.apply(context),
            Message::Revert => {
                self.forget();
                Action::None
            }
        }
    }

    /// What was typed and is other than what there is, as edits.
    fn apply(&mut self, context: &Context) -> Action {
        let Some(row) = &context.cells.row else { return Action::None };
        let changed = Steered::all(row).into_iter().filter_map(|steered| {
            let typed = self.typed.get(&steered.name)?.trim();
            (!typed.is_empty() && steered.differs(typed)).then(|| edits::set(&steered.name, typed))
        });
        match changed.collect::<Result<Vec<Edit>, String>>() {
            Err(reason) => Action::Refuse(reason),
            Ok(edits) if edits.is_empty() => {
                self.forget();
                Action::None
            }
            Ok(edits) => Action::Edit(edits),
        }
    }

    pub(crate) fn view<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let mut page = column![faint("hyper-parameters")].spacing(4);
        let Some(now) = &context.cells.row else { return page.into() };
        for Steered { name, value } in Steered::all(now) {
            let text = self.typed.get(&name).unwrap_or(&value);
            let of = name.clone();
            let input = field("", text, 110.0)
                .id(name.clone())
                .on_input(move |text| Message::Type(of.clone(), text))
                .on_submit(Message::Apply);
            page = page.push(row![faint(name), Space::new().width(Fill), input].align_y(Alignment::Center));
        }
        if self.is_typed() {
            let apply = filled("apply: fork here", (!context.is_busy()).then_some(Message::Apply));
            page = page.push(row![apply, press("cancel", Some(Message::Revert))].spacing(4));
        }
        page.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::opened;
    use revacnn_schemas::HyperParameters;

    fn adam() -> StepRow {
        let hyper_parameters = HyperParameters::new(8)
            .with("weight_decay", 0.0)
            .with("learning_rate", 1e-3)
            .with("beta1", 0.9)
            .with("epsilon", 1e-8);
        StepRow { hyper_parameters, ..StepRow::default() }
    }

    /// Four fixed names were shown, whatever the optimizer had.
    #[test]
    fn every_hyper_parameter_that_the_optimizer_has_is_shown_by_name_and_no_other() {
        let all = Steered::all(&adam());
        let shown: Vec<(&str, &str)> = all.iter().map(|of| (of.name.as_str(), of.value.as_str())).collect();
        let expected = [
            ("learning-rate", "0.001"),
            ("beta1", "0.9"),
            ("epsilon", "1e-8"),
            ("weight-decay", "0"),
            ("batch-size", "8"),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_typed_otherwise_is_an_edit_and_what_is_written_otherwise_is_none() {
        let mut context = opened().context;
        context.cells.row = Some(adam());
        let mut state = State::default();
        for (name, text) in [("beta1", " 0.8 "), ("epsilon", "0.00000001"), ("batch-size", "8"), ("learning-rate", "")]
        {
            state.update(Message::Type(name.to_owned(), text.to_owned()), &context);
        }
        let expected = vec!["set beta1 0.8".parse().unwrap()];
        assert_eq!(state.update(Message::Apply, &context), Action::Edit(expected));
        state.update(Message::Type("beta1".to_owned(), "much".to_owned()), &context);
        let Action::Refuse(reason) = state.update(Message::Apply, &context) else { panic!("much is no number") };
        assert!(reason.contains("much"), "{reason}");
        state.update(Message::Type("beta1".to_owned(), "0.90".to_owned()), &context);
        assert_eq!((state.update(Message::Apply, &context), state.is_typed()), (Action::None, false));
    }
}
