//! The form of a new run.

use std::collections::BTreeMap;

use iced::Alignment;
use iced::widget::{Space, column, row, text};
use revacnn_schemas::{BranchName, Fidelity, OptimizerSpec, SchemaError};
use revacnn_trainer::data::catalogue;
use revacnn_trainer::{DEFAULT_EPOCHS, Settings, optimizer_kinds, presets, resolve_optimizer};

use super::pieces::{Piece, alarm, buttons, choices, faint, field, plain, small_fields};
use super::{augmentation_form, reading_form};
use crate::requests::RunPlan;
use crate::theme::NORMAL;

/// The width of the names before the fields.
const LABEL: f32 = 84.0;
/// The width of a field, and of rows of small ones.
const WIDTH: f32 = 340.0;
const ROWS: f32 = 440.0;
/// The width of what is wrong, beside the buttons.
const PROBLEM: f32 = 380.0;
/// What can be recorded of each step.
const FIDELITIES: [Fidelity; 2] = [Fidelity::Every, Fidelity::Keyframes];

/// A field of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    Branch,
    Dataset,
    Network,
    Optimizer,
    BatchSize,
    Epochs,
    Seed,
    Fidelity,
}

impl Field {
    pub(crate) const ALL: [Self; 8] = [
        Self::Branch,
        Self::Dataset,
        Self::Network,
        Self::Optimizer,
        Self::BatchSize,
        Self::Epochs,
        Self::Seed,
        Self::Fidelity,
    ];

    /// What the field asks for.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Branch => "branch",
            Self::Dataset => "data set",
            Self::Network => "network",
            Self::Optimizer => "optimizer",
            Self::BatchSize => "batch size",
            Self::Epochs => "epochs",
            Self::Seed => "seed",
            Self::Fidelity => "recorded",
        }
    }

    /// What may stand there.
    fn hint(self) -> String {
        let listed = |names: Vec<&str>| names.join(", ");
        match self {
            Self::Branch => "a name that no branch has".to_owned(),
            Self::Dataset => {
                format!(
                    "{}, or a folder that holds one",
                    listed(catalogue(None).iter().map(|entry| entry.name).collect())
                )
            }
            Self::Network => format!("{}, or a TOML file", listed(presets().map(|(name, _)| name).collect())),
            Self::Optimizer => "with its hyper-parameters".to_owned(),
            Self::BatchSize => "images".to_owned(),
            Self::Epochs => "passes over the training images".to_owned(),
            Self::Seed => "a whole number".to_owned(),
            Self::Fidelity => {
                "every: the tensors of every step; keyframes: computed again when they are seen".to_owned()
            }
        }
    }

    /// What it can be chosen from, and what stands for anything else, where there may be.
    fn choices(self) -> (Vec<String>, Option<&'static str>) {
        match self {
            Self::Dataset => (catalogue(None).iter().map(|entry| entry.name.to_owned()).collect(), Some("a folder …")),
            Self::Network => (presets().map(|(name, _)| name.to_owned()).collect(), Some("a TOML file …")),
            Self::Optimizer => (optimizer_kinds().map(str::to_owned).collect(), None),
            Self::Fidelity => (FIDELITIES.map(|fidelity| fidelity.to_string()).to_vec(), None),
            Self::Branch | Self::BatchSize | Self::Epochs | Self::Seed => (Vec::new(), None),
        }
    }

    /// The name of its text field.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Branch => "run-branch",
            Self::Dataset => "run-dataset",
            Self::Network => "run-network",
            Self::Optimizer => "run-optimizer",
            Self::BatchSize => "run-batch-size",
            Self::Epochs => "run-epochs",
            Self::Seed => "run-seed",
            Self::Fidelity => "run-fidelity",
        }
    }
}

/// The open form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    texts: [String; 8],
    /// Hyper-parameters of the optimizer that were typed, by name.
    typed: BTreeMap<String, String>,
    reading: reading_form::State,
    augmentation: augmentation_form::State,
    /// What was wrong with it.
    pub(crate) problem: Option<String>,
}

/// What happens in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Type(Field, String),
    /// Type a value for the optimizer's hyper-parameter of this name.
    HyperParameter(String, String),
    Reading(reading_form::Message),
    Augmentation(augmentation_form::Message),
    Enter,
    Leave,
}

/// What others are to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    None,
    /// Start this run. The form stays open until it has begun: what is typed is
    /// not lost.
    Start(Box<RunPlan>),
    Leave,
}

impl State {
    /// The form with what was trained last from here, or else what `revacnn train` trains,
    /// under a name that is free.
    pub(crate) fn new(taken: &[BranchName], last: Option<&RunPlan>) -> Self {
        let free = |name: &String| !taken.iter().any(|other| other.as_str() == name);
        let mut name = std::iter::once("main".to_owned()).chain((2..).map(|number| format!("run-{number}")));
        let name = name.find(free).unwrap_or_default();
        let Settings { optimizer, batch_size, seed, .. } = Settings::default();
        let texts = match last {
            Some(plan) => [
                name,
                plan.dataset.clone(),
                plan.network.clone(),
                plan.optimizer.kind.clone(),
                plan.batch_size.to_string(),
                plan.epochs.to_string(),
                plan.seed.to_string(),
                plan.fidelity.to_string(),
            ],
            None => [
                name,
                "shapes".to_owned(),
                "paper".to_owned(),
                optimizer.to_string(),
                batch_size.to_string(),
                DEFAULT_EPOCHS.to_string(),
                seed.to_string(),
                Fidelity::Every.to_string(),
            ],
        };
        let typed = last.iter().flat_map(|plan| &plan.optimizer.parameters);
        let typed = typed.map(|(name, value)| (name.replace('_', "-"), value.to_string())).collect();
        let reading = last.map(|plan| reading_form::State::new(&plan.reading)).unwrap_or_default();
        let augmentation = last.map(|plan| augmentation_form::State::new(plan.augmentation)).unwrap_or_default();
        Self { texts, typed, reading, augmentation, problem: None }
    }

    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Type(field, text) => {
                self.set(field, text);
                Action::None
            }
            Message::HyperParameter(name, text) => {
                self.typed.insert(name, text);
                self.problem = None;
                Action::None
            }
            Message::Reading(message) => {
                self.reading.update(message);
                self.problem = None;
                Action::None
            }
            Message::Augmentation(message) => {
                self.augmentation.update(message);
                self.problem = None;
                Action::None
            }
            Message::Enter => match self.plan() {
                Ok(plan) => Action::Start(Box::new(plan)),
                Err(problem) => {
                    self.problem = Some(problem);
                    Action::None
                }
            },
            Message::Leave => Action::Leave,
        }
    }

    pub(crate) fn view(&self) -> Piece<'_, Message> {
        let lines = Field::ALL.map(|name| {
            let hint = name.hint();
            let more = match name {
                Field::Optimizer => Some(self.hyper_parameter_fields()),
                Field::Dataset => self.reading.view(self.text(name), ROWS, Message::Reading, Message::Enter),
                Field::Branch | Field::Network | Field::BatchSize | Field::Epochs | Field::Seed | Field::Fidelity => {
                    None
                }
            };
            let asked = row![plain(name.label()).width(LABEL), self.input(name, &hint)].align_y(Alignment::Center);
            // Numbers say what they are, and the form has room for all of it in a low window.
            let is_number = matches!(name, Field::BatchSize | Field::Epochs | Field::Seed);
            let said = column![].push((!is_number).then(|| faint(hint))).push(more).spacing(2);
            let below = (!is_number).then(|| row![Space::new().width(LABEL), said]);
            let line: Piece<'_, Message> = column![asked].push(below).spacing(2).into();
            match name {
                Field::Dataset => column![line, self.augmentation_fields()].spacing(8).into(),
                Field::Branch
                | Field::Network
                | Field::Optimizer
                | Field::BatchSize
                | Field::Epochs
                | Field::Seed
                | Field::Fidelity => line,
            }
        });
        let page = column![text("New run").size(NORMAL)].extend(lines).spacing(8);
        // Beside the buttons: fields stay where they are while one types.
        let problem = self.problem.as_ref().map(|problem| alarm(problem.as_str()).width(PROBLEM));
        let foot = row![buttons("train", Message::Enter, Message::Leave)].push(problem);
        page.push(foot.spacing(16).align_y(Alignment::Center)).into()
    }

    /// A field for each way to vary training images.
    fn augmentation_fields(&self) -> Piece<'_, Message> {
        let fields = self.augmentation.view(ROWS, Message::Augmentation, Message::Enter);
        let hint = faint("how training images are varied; what is empty is the data set's own");
        row![plain("varied").width(LABEL), column![fields, hint].spacing(2)].into()
    }

    /// A list to choose from where there is one, and a field for what is not in it.
    fn input(&self, name: Field, hint: &str) -> Piece<'_, Message> {
        let text = self.text(name);
        let field = field(hint, text, WIDTH)
            .id(name.id())
            .on_input(move |text| Message::Type(name, text))
            .on_submit(Message::Enter);
        let (mut all, other) = name.choices();
        if all.is_empty() {
            return field.into();
        }
        let is_listed = all.iter().any(|choice| choice == text);
        all.extend(other.map(str::to_owned));
        let now = if is_listed { Some(text.to_owned()) } else { other.map(str::to_owned) };
        let choose = move |chosen: String| {
            let text = if other == Some(&chosen) { String::new() } else { chosen };
            Message::Type(name, text)
        };
        let list = choices(all, now, "", choose);
        column![list].push((other.is_some() && !is_listed).then_some(field)).spacing(4).into()
    }

    /// A field for each hyper-parameter that the optimizer has.
    fn hyper_parameter_fields(&self) -> Piece<'_, Message> {
        let fields = self.hyper_parameters().into_iter().map(|(name, value)| {
            let (text, of) = (self.typed.get(&name).unwrap_or(&value), name.clone());
            let input = field("", text, 72.0)
                .id(format!("run-{name}"))
                .on_input(move |text| Message::HyperParameter(of.clone(), text))
                .on_submit(Message::Enter);
            (name, input.into())
        });
        small_fields(fields, ROWS)
    }

    /// The hyper-parameters of the optimizer by name, with the values that they
    /// have where nothing else is typed; none of what is no optimizer.
    fn hyper_parameters(&self) -> Vec<(String, String)> {
        let spec: Option<OptimizerSpec> = self.text(Field::Optimizer).trim().parse().ok();
        let resolved = spec.and_then(|spec| resolve_optimizer(&spec).ok());
        let parameters = resolved.into_iter().flat_map(|spec| spec.parameters);
        parameters.map(|(name, value)| (name.replace('_', "-"), value.to_string())).collect()
    }

    /// The optimizer with the hyper-parameters that were typed.
    ///
    /// # Errors
    /// What is no optimizer, and what is no value of a hyper-parameter.
    fn optimizer(&self) -> Result<OptimizerSpec, String> {
        let text = self.text(Field::Optimizer).trim();
        let mut spec: OptimizerSpec = text.parse().map_err(|error: SchemaError| error.to_string())?;
        for (name, _) in self.hyper_parameters() {
            let Some(typed) = self.typed.get(&name).map(|typed| typed.trim()).filter(|typed| !typed.is_empty()) else {
                continue;
            };
            let one: OptimizerSpec =
                format!("{},{name}={typed}", spec.kind).parse().map_err(|error: SchemaError| error.to_string())?;
            spec.parameters.extend(one.parameters);
        }
        resolve_optimizer(&spec).map_err(|error| error.to_string())?;
        Ok(spec)
    }

    /// What is recorded of each step.
    fn fidelity(&self) -> Option<Fidelity> {
        FIDELITIES.into_iter().find(|fidelity| fidelity.to_string() == self.text(Field::Fidelity).trim())
    }

    /// What stands in a field.
    fn text(&self, field: Field) -> &str {
        &self.texts[field as usize]
    }

    /// Another text for a field.
    fn set(&mut self, field: Field, text: String) {
        if field == Field::Optimizer {
            // Another one has others.
            self.typed.clear();
        }
        self.texts[field as usize] = text;
        self.problem = None;
    }

    /// The run that the form describes.
    ///
    /// # Errors
    /// The field that is not understood, and what was expected.
    pub(crate) fn plan(&self) -> Result<RunPlan, String> {
        fn number<N: std::str::FromStr + PartialOrd + From<u8>>(
            form: &State,
            field: Field,
            least: u8,
        ) -> Result<N, String> {
            let text = form.text(field).trim();
            let parsed = text.parse().ok().filter(|value| *value >= N::from(least));
            parsed.ok_or_else(|| format!("{}: expected a whole number from {least}, found `{text}`", field.label()))
        }
        let text = |field| self.text(field).trim().to_owned();
        let of = |field: Field, error: &dyn std::fmt::Display| format!("{}: {error}", field.label());
        let optimizer = self.optimizer().map_err(|error| of(Field::Optimizer, &error))?;
        Ok(RunPlan {
            branch: text(Field::Branch).parse().map_err(|error| of(Field::Branch, &error))?,
            dataset: text(Field::Dataset),
            reading: self.reading.reading(self.text(Field::Dataset)).map_err(|error| of(Field::Dataset, &error))?,
            augmentation: self.augmentation.request()?,
            network: text(Field::Network),
            optimizer,
            batch_size: number(self, Field::BatchSize, 1)?,
            epochs: number(self, Field::Epochs, 1)?,
            seed: number(self, Field::Seed, 0)?,
            fidelity: self.fidelity().ok_or_else(|| {
                let found = self.text(Field::Fidelity);
                format!("{}: expected every or keyframes, found `{found}`", Field::Fidelity.label())
            })?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::augmentation_form::Way;
    use super::*;

    #[test]
    fn the_form_starts_with_what_the_program_trains_under_a_free_name() {
        let plan = State::new(&[], None).plan().unwrap();
        assert_eq!((plan.branch.as_str(), plan.dataset.as_str(), plan.network.as_str()), ("main", "shapes", "paper"));
        let defaults = Settings::default();
        assert_eq!((plan.batch_size, plan.epochs, plan.seed), (defaults.batch_size, DEFAULT_EPOCHS, defaults.seed));
        assert_eq!((plan.optimizer, plan.fidelity), (defaults.optimizer, Fidelity::Every));
        assert_eq!(State::new(&["main".parse().unwrap()], None).text(Field::Branch), "run-2");
    }

    #[test]
    fn the_next_form_has_what_was_trained_last() {
        let mut form = State::new(&[], None);
        form.update(Message::Type(Field::Dataset, "digits".to_owned()));
        form.update(Message::Type(Field::Optimizer, "sgd".to_owned()));
        form.update(Message::HyperParameter("momentum".to_owned(), "0.5".to_owned()));
        form.update(Message::Augmentation(augmentation_form::Message(Way::Cutout, "4".to_owned())));
        form.update(Message::Type(Field::BatchSize, "32".to_owned()));
        let trained = form.plan().unwrap();
        let next = State::new(std::slice::from_ref(&trained.branch), Some(&trained)).plan().unwrap();
        assert_eq!(next, RunPlan { branch: "run-2".parse().unwrap(), ..trained });
    }

    #[test]
    fn the_form_has_every_hyper_parameter_of_the_optimizer_and_no_other() {
        let mut form = State::new(&[], None);
        let names = |form: &State| form.hyper_parameters().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(&form), ["beta1", "beta2", "epsilon", "learning-rate", "weight-decay"]);
        form.update(Message::HyperParameter("beta1".to_owned(), "0.8".to_owned()));
        assert_eq!(form.plan().unwrap().optimizer, "adam,beta1=0.8".parse().unwrap());
        form.update(Message::HyperParameter("beta2".to_owned(), "2".to_owned()));
        let problem = form.plan().unwrap_err();
        assert!(problem.starts_with("optimizer: ") && problem.contains("beta2"), "{problem}");
        form.update(Message::Type(Field::Optimizer, "sgd".to_owned()));
        assert_eq!(names(&form), ["learning-rate", "momentum", "weight-decay"]);
        assert_eq!(form.plan().unwrap().optimizer, "sgd".parse().unwrap());
    }

    #[test]
    fn what_is_chosen_is_what_is_trained_and_anything_else_can_be_typed() {
        for field in Field::ALL {
            for choice in field.choices().0 {
                let mut form = State::new(&[], None);
                form.update(Message::Type(field, choice.clone()));
                let plan = form.plan().unwrap();
                let found = match field {
                    Field::Dataset => plan.dataset,
                    Field::Network => plan.network,
                    Field::Optimizer => plan.optimizer.to_string(),
                    Field::Fidelity => plan.fidelity.to_string(),
                    Field::Branch | Field::BatchSize | Field::Epochs | Field::Seed => panic!("{field:?} has no list"),
                };
                assert_eq!(found, choice);
            }
        }
        let has_other = |field: Field| field.choices().1.is_some();
        assert!(has_other(Field::Dataset) && has_other(Field::Network) && !has_other(Field::Optimizer));
    }

    #[test]
    fn a_field_that_is_not_understood_is_named() {
        for (field, text, expected) in [
            (Field::BatchSize, "many", "batch size: expected a whole number from 1, found `many`"),
            (Field::Epochs, "0", "epochs: expected a whole number from 1, found `0`"),
            (Field::Optimizer, "sgd,fast", "optimizer: "),
            (Field::Optimizer, "sgd,learning_rate=fast", "optimizer: "),
            (Field::Optimizer, "adamant", "optimizer: "),
            (Field::Branch, "../x", "branch: "),
            (Field::Fidelity, "some", "recorded: expected every or keyframes, found `some`"),
        ] {
            let mut form = State::new(&[], None);
            form.set(field, text.to_owned());
            let problem = form.plan().unwrap_err();
            assert!(problem.starts_with(expected), "{problem}");
        }
    }
}
