//! The optimizer of the selected branch, its hyper-parameters by name, and the schedule
//! of its learning rate. Of another optimizer that is chosen, the hyper-parameters are
//! shown with their defaults. What is typed is applied together in one fork.

use std::collections::BTreeMap;

use iced::widget::{Space, column, row};
use iced::{Alignment, Fill};
use revacnn_schemas::{Edit, OptimizerSpec, Schedule};
use revacnn_store::StepRow;
use revacnn_trainer::{optimizer_kinds, resolve_optimizer};

use super::pieces::{Piece, alarm, choices, faint, field, filled, press};
use crate::context::Context;
use crate::edits;

/// What an edit calls the size of a batch, the optimizer and the schedule.
const BATCH_SIZE: &str = "batch-size";
const LEARNING_RATE: &str = "learning-rate";
const OPTIMIZER: &str = "optimizer";
const SCHEDULE: &str = "schedule";
/// Schedules to start from.
const SCHEDULES: [&str; 7] = [
    "constant",
    "step,every=1000,factor=0.1",
    "linear,over=10000",
    "cosine,over=10000",
    "exponential,factor=0.9995",
    "one-cycle,over=10000",
    "warmup=500,cosine,over=10000",
];

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
    /// Choose another optimizer, or the one that there is.
    Optimizer(String),
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
        Self::listed(values.iter().map(|(name, value)| (name, written(value))), values.batch_size)
    }

    fn listed(values: impl Iterator<Item = (impl AsRef<str>, String)>, batch_size: u32) -> Vec<Self> {
        let mut all: Vec<Self> =
            values.map(|(name, value)| Self { name: name.as_ref().replace('_', "-"), value }).collect();
        all.sort_by_key(|steered| steered.name != LEARNING_RATE);
        all.push(Self { name: BATCH_SIZE.to_owned(), value: batch_size.to_string() });
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
            Message::Optimizer(kind) => {
                // Another one has others.
                self.forget();
                if now(context) != Some(&kind) {
                    self.typed.insert(OPTIMIZER.to_owned(), kind);
                }
                Action::None
            }
            Message::Apply => self.apply(context),
            Message::Revert => {
                self.forget();
                Action::None
            }
        }
    }

    /// The optimizer that is chosen in place of the branch's.
    fn other(&self) -> Option<&str> {
        self.typed.get(OPTIMIZER).map(String::as_str)
    }

    /// The hyper-parameters and their values: those of the step, or of the optimizer that is
    /// chosen as it begins.
    fn shown(&self, row: &StepRow) -> Vec<Steered> {
        let Some(kind) = self.other() else { return Steered::all(row) };
        let spec = kind.parse().ok().and_then(|spec: OptimizerSpec| resolve_optimizer(&spec).ok());
        let parameters = spec.into_iter().flat_map(|spec| spec.parameters);
        let parameters = parameters.map(|(name, value)| (name, value.to_string()));
        Steered::listed(parameters, row.hyper_parameters.batch_size)
    }

    /// What was typed and is other than what there is, as edits.
    ///
    /// # Errors
    /// What is not understood, and what was expected.
    fn edits(&self, context: &Context) -> Result<Vec<Edit>, String> {
        let Some(row) = &context.cells.row else { return Ok(Vec::new()) };
        let changed: Vec<(String, String)> = self
            .shown(row)
            .into_iter()
            .filter_map(|steered| {
                let typed = self.typed.get(&steered.name)?.trim();
                (!typed.is_empty() && steered.differs(typed)).then(|| (steered.name, typed.to_owned()))
            })
            .collect();
        let mut all: Vec<(String, String)> = match self.other() {
            None => changed,
            // One edit with all that is its own; the size of a batch is not.
            Some(kind) => {
                let (batch, own): (Vec<_>, Vec<_>) = changed.into_iter().partition(|(name, _)| name == BATCH_SIZE);
                let own = own.iter().map(|(name, value)| format!(",{name}={value}")).collect::<String>();
                std::iter::once((OPTIMIZER.to_owned(), format!("{kind}{own}"))).chain(batch).collect()
            }
        };
        let schedule = self.typed.get(SCHEDULE).map(|text| text.trim().to_owned());
        all.extend(schedule.filter(|text| *text != scheduled(context)).map(|text| (SCHEDULE.to_owned(), text)));
        all.iter().map(|(name, value)| edits::set(name, value)).collect()
    }

    fn apply(&mut self, context: &Context) -> Action {
        match self.edits(context) {
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
        let Some(row) = &context.cells.row else { return page.into() };
        let line = |name: String, piece: Piece<'a, Message>| {
            row![faint(name), Space::new().width(Fill), piece].spacing(2).align_y(Alignment::Center)
        };
        let kinds: Vec<String> = optimizer_kinds().map(str::to_owned).collect();
        // Where another program computes the branch, nobody here can change it.
        if let Some(kind) = now(context) {
            let chosen = self.other().unwrap_or(kind).to_owned();
            page = page.push(line(OPTIMIZER.to_owned(), choices(kinds, Some(chosen), "", Message::Optimizer)));
        }
        for Steered { name, value } in self.shown(row) {
            let text = self.typed.get(&name).unwrap_or(&value);
            page = page.push(line(name.clone(), typed(name, text)));
        }
        if now(context).is_some() {
            let text = self.typed.get(SCHEDULE).cloned().unwrap_or_else(|| scheduled(context));
            let choose = |chosen: String| {
                let found = SCHEDULES.into_iter().find(|schedule| curve(schedule) == chosen);
                Message::Type(SCHEDULE.to_owned(), found.unwrap_or(SCHEDULES[0]).to_owned())
            };
            let all: Vec<String> = SCHEDULES.into_iter().map(curve).collect();
            page = page.push(line(SCHEDULE.to_owned(), choices(all, Some(curve(&text)), "", choose)));
            if curve(&text) != SCHEDULES[0] {
                let input = field("", &text, 180.0).on_input(|text| Message::Type(SCHEDULE.to_owned(), text));
                page = page.push(input.on_submit(Message::Apply));
            }
        }
        if self.is_typed() {
            // What will be done, or why it cannot be.
            page = page.push(match self.edits(context) {
                Ok(edits) => faint(edits.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
                Err(reason) => alarm(reason),
            });
            let apply = filled("apply: fork here", (!context.is_busy()).then_some(Message::Apply));
            page = page.push(row![apply, press("cancel", Some(Message::Revert))].spacing(4));
        }
        page.into()
    }
}

/// A field for a hyper-parameter.
fn typed<'a>(name: String, text: &str) -> Piece<'a, Message> {
    let of = name.clone();
    let input = field("", text, 90.0).id(name).on_input(move |text| Message::Type(of.clone(), text));
    input.on_submit(Message::Apply).into()
}

/// The first word of a schedule: its curve.
fn curve(schedule: &str) -> String {
    schedule.split([',', '=']).next().unwrap_or_default().to_owned()
}

/// The kind of the branch's optimizer.
fn now(context: &Context) -> Option<&String> {
    Some(&context.branch()?.optimizer.as_ref()?.kind)
}

/// The branch's schedule, as it is written.
fn scheduled(context: &Context) -> String {
    context.branch().and_then(|branch| branch.schedule.clone()).unwrap_or(Schedule::Constant).to_string()
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

    #[test]
    fn another_optimizer_is_one_edit_with_its_own_hyper_parameters() {
        let mut context = opened().context;
        context.cells.row = Some(adam());
        let row = adam();
        let mut state = State::default();
        let names = |state: &State| state.shown(&row).into_iter().map(|of| of.name).collect::<Vec<_>>();
        state.update(Message::Optimizer("sgd".to_owned()), &context);
        assert_eq!(names(&state), ["learning-rate", "momentum", "weight-decay", "batch-size"]);
        for (name, text) in [("momentum", "0.5"), ("batch-size", "16"), ("weight-decay", "0")] {
            state.update(Message::Type(name.to_owned(), text.to_owned()), &context);
        }
        let expected = ["set optimizer sgd,momentum=0.5", "set batch-size 16"].map(|edit| edit.parse().unwrap());
        assert_eq!(state.update(Message::Apply, &context), Action::Edit(expected.to_vec()));
        // The one that there is: nothing is to be applied.
        state.update(Message::Optimizer("adam".to_owned()), &context);
        assert!(!state.is_typed() && names(&state).contains(&"beta1".to_owned()));
    }

    #[test]
    fn a_schedule_is_chosen_and_every_one_that_is_offered_is_an_edit() {
        let mut context = opened().context;
        context.cells.row = Some(adam());
        for schedule in SCHEDULES {
            let mut state = State::default();
            state.update(Message::Type(SCHEDULE.to_owned(), schedule.to_owned()), &context);
            let action = state.update(Message::Apply, &context);
            if schedule == scheduled(&context) {
                assert_eq!(action, Action::None);
                continue;
            }
            assert_eq!(action, Action::Edit(vec![format!("set schedule {schedule}").parse().unwrap()]));
        }
    }
}
