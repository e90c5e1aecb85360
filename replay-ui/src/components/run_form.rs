//! The form of a new run.

use iced::Alignment;
use iced::widget::{column, row, text};
use revacnn_schemas::BranchName;
use revacnn_trainer::{DEFAULT_EPOCHS, Settings, resolve_optimizer};

use super::pieces::{Piece, alarm, buttons, faint, field, plain};
use crate::requests::RunPlan;
use crate::theme::NORMAL;

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
}

impl Field {
    pub(crate) const ALL: [Self; 7] =
        [Self::Branch, Self::Dataset, Self::Network, Self::Optimizer, Self::BatchSize, Self::Epochs, Self::Seed];

    /// What the field asks for, and what may stand there.
    pub(crate) fn label(self) -> (&'static str, &'static str) {
        match self {
            Self::Branch => ("branch", "a name that no branch has"),
            Self::Dataset => ("data set", "shapes, digits, cifar10, or a folder"),
            Self::Network => ("network", "paper, 20-20-20, 20-20-21, or a TOML file"),
            Self::Optimizer => ("optimizer", "adam, adadelta, or sgd,learning_rate=0.01,momentum=0.9"),
            Self::BatchSize => ("batch size", "images"),
            Self::Epochs => ("epochs", "passes over the training images"),
            Self::Seed => ("seed", "a whole number"),
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
        }
    }
}

/// The open form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    texts: [String; 7],
    /// What was wrong with it.
    pub(crate) problem: Option<String>,
}

/// What happens in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Type(Field, String),
    Enter,
    Leave,
}

/// What others are to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    None,
    /// Start this run. The form stays open until it has begun: what is typed is
    /// not lost.
    Start(RunPlan),
    Leave,
}

impl State {
    /// The form with what `revacnn train` trains, under a name that is free.
    pub(crate) fn new(taken: &[BranchName]) -> Self {
        let free = |name: &String| !taken.iter().any(|other| other.as_str() == name);
        let name = std::iter::once("main".to_owned()).chain((2..).map(|number| format!("run-{number}"))).find(free);
        let Settings { optimizer, batch_size, seed, .. } = Settings::default();
        let texts = [
            name.unwrap_or_default(),
            "shapes".to_owned(),
            "paper".to_owned(),
            optimizer.to_string(),
            batch_size.to_string(),
            DEFAULT_EPOCHS.to_string(),
            seed.to_string(),
        ];
        Self { texts, problem: None }
    }

    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Type(field, text) => {
                self.set(field, text);
                Action::None
            }
            Message::Enter => match self.plan() {
                Ok(plan) => Action::Start(plan),
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
            let (label, hint) = name.label();
            let input = field(hint, self.text(name), 340.0)
                .id(name.id())
                .on_input(move |text| Message::Type(name, text))
                .on_submit(Message::Enter);
            row![plain(label).width(84), column![input, faint(hint)].spacing(2)].align_y(Alignment::Start).into()
        });
        let mut page = column![text("New run").size(NORMAL)].extend(lines).spacing(8);
        if let Some(problem) = &self.problem {
            page = page.push(alarm(problem.as_str()).width(400));
        }
        page.push(buttons("train", Message::Enter, Message::Leave)).into()
    }

    /// What stands in a field.
    fn text(&self, field: Field) -> &str {
        &self.texts[field as usize]
    }

    /// Another text for a field.
    fn set(&mut self, field: Field, text: String) {
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
            parsed.ok_or_else(|| format!("{}: expected a whole number from {least}, found `{text}`", field.label().0))
        }
        let text = |field| self.text(field).trim().to_owned();
        let of = |field: Field, error: &dyn std::fmt::Display| format!("{}: {error}", field.label().0);
        let optimizer = text(Field::Optimizer).parse().map_err(|error| of(Field::Optimizer, &error))?;
        resolve_optimizer(&optimizer).map_err(|error| of(Field::Optimizer, &error))?;
        Ok(RunPlan {
            branch: text(Field::Branch).parse().map_err(|error| of(Field::Branch, &error))?,
            dataset: text(Field::Dataset),
            network: text(Field::Network),
            optimizer,
            batch_size: number(self, Field::BatchSize, 1)?,
            epochs: number(self, Field::Epochs, 1)?,
            seed: number(self, Field::Seed, 0)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_starts_with_what_the_program_trains_under_a_free_name() {
        let plan = State::new(&[]).plan().unwrap();
        assert_eq!((plan.branch.as_str(), plan.dataset.as_str(), plan.network.as_str()), ("main", "shapes", "paper"));
        let defaults = Settings::default();
        assert_eq!((plan.batch_size, plan.epochs, plan.seed), (defaults.batch_size, DEFAULT_EPOCHS, defaults.seed));
        assert_eq!(plan.optimizer, defaults.optimizer);
        assert_eq!(State::new(&["main".parse().unwrap()]).text(Field::Branch), "run-2");
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
        ] {
            let mut form = State::new(&[]);
            form.set(field, text.to_owned());
            let problem = form.plan().unwrap_err();
            assert!(problem.starts_with(expected), "{problem}");
        }
    }
}
