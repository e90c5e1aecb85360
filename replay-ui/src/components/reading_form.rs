//! How the files of a data set are read, in the form of a new run: the options that `revacnn train`
//! has for it, in its words, of data sets that leave a choice.

use std::collections::BTreeMap;
use std::fmt::Display;

use iced::widget::checkbox;
use revacnn_notebook::command::share_of_test;
use revacnn_schemas::{DataFormat, Reading};
use revacnn_trainer::data::catalogue;

use super::pieces::{Piece, choices, field, small_fields};

/// A choice of how files are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Choice {
    Size,
    Fit,
    Colour,
    SkipUnreadable,
    Labels,
    TestShare,
}

impl Choice {
    const ALL: [Self; 6] = [Self::Size, Self::Fit, Self::Colour, Self::SkipUnreadable, Self::Labels, Self::TestShare];

    /// The choices that a data set leaves, by its name; all of them a path, for what lies there is
    /// looked at when the run is started.
    pub(crate) fn of(dataset: &str) -> &'static [Self] {
        let dataset = dataset.trim();
        match catalogue(None).iter().find(|entry| entry.name == dataset) {
            Some(entry) if entry.format == Some(DataFormat::Cifar100) => &[Self::Labels],
            Some(_) => &[],
            None if dataset.is_empty() => &[],
            None => &Self::ALL,
        }
    }

    /// The option of the command line.
    fn option(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Fit => "fit",
            Self::Colour => "colour",
            Self::SkipUnreadable => "skip-unreadable",
            Self::Labels => "labels",
            Self::TestShare => "test-share",
        }
    }

    /// The name of its field.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Size => "run-size",
            Self::Fit => "run-fit",
            Self::Colour => "run-colour",
            Self::SkipUnreadable => "run-skip-unreadable",
            Self::Labels => "run-labels",
            Self::TestShare => "run-test-share",
        }
    }

    /// The words that it is chosen from, the usual one first.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Fit => &["crop", "fit", "pad"],
            Self::Colour => &["as they are", "grey", "rgb"],
            Self::Labels => &["fine", "coarse"],
            Self::Size | Self::SkipUnreadable | Self::TestShare => &[],
        }
    }
}

/// What was chosen.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    /// By choice; what is not in it, or is empty, is as usual.
    typed: BTreeMap<Choice, String>,
}

/// What happens in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Type(Choice, String),
    Skip(bool),
}

impl State {
    /// With what was chosen for an earlier run.
    pub(crate) fn new(reading: &Reading) -> Self {
        fn text(value: &Option<impl Display>) -> Option<String> {
            value.as_ref().map(ToString::to_string)
        }
        let Reading { format: _, size, fit, colour, labels, test_share, skip_unreadable } = reading;
        let typed = [
            (Choice::Size, text(size)),
            (Choice::Fit, text(fit)),
            (Choice::Colour, text(colour)),
            (Choice::SkipUnreadable, skip_unreadable.then(|| "yes".to_owned())),
            (Choice::Labels, text(labels)),
            (Choice::TestShare, text(test_share)),
        ];
        Self { typed: typed.into_iter().filter_map(|(choice, text)| Some((choice, text?))).collect() }
    }

    pub(crate) fn update(&mut self, message: Message) {
        match message {
            Message::Type(choice, text) => drop(self.typed.insert(choice, text)),
            Message::Skip(true) => drop(self.typed.insert(Choice::SkipUnreadable, "yes".to_owned())),
            Message::Skip(false) => drop(self.typed.remove(&Choice::SkipUnreadable)),
        }
    }

    fn text(&self, choice: Choice) -> &str {
        self.typed.get(&choice).map_or("", |text| text.trim())
    }

    /// A field for each choice that the data set leaves; none where it leaves none. `enter` is what the
    /// Enter key means.
    pub(crate) fn view<'a, M: Clone + 'a>(
        &'a self,
        dataset: &str,
        width: f32,
        says: impl Fn(Message) -> M + Copy + 'a,
        enter: M,
    ) -> Option<Piece<'a, M>> {
        let offered = Choice::of(dataset);
        let fields = offered.iter().map(|&choice| {
            let input: Piece<'a, M> = match choice {
                Choice::SkipUnreadable => {
                    let on = !self.text(choice).is_empty();
                    checkbox(on).on_toggle(move |on| says(Message::Skip(on))).size(14).into()
                }
                Choice::Size | Choice::TestShare => {
                    let hint = if choice == Choice::Size { "32x32" } else { "10" };
                    let typed = self.typed.get(&choice).map_or("", String::as_str);
                    field(hint, typed, 72.0)
                        .id(choice.id())
                        .on_input(move |text| says(Message::Type(choice, text)))
                        .on_submit(enter.clone())
                        .into()
                }
                Choice::Fit | Choice::Colour | Choice::Labels => {
                    let words = choice.words();
                    let now = words.iter().find(|word| **word == self.text(choice)).unwrap_or(&words[0]);
                    choices(words.to_vec(), Some(*now), "", move |word| says(Message::Type(choice, word.to_owned())))
                }
            };
            (choice.option().to_owned(), input)
        });
        (!offered.is_empty()).then(|| small_fields(fields, width))
    }

    /// How files are to be read, as far as the data set leaves it open.
    ///
    /// # Errors
    /// The option that is not understood, and what was expected.
    pub(crate) fn reading(&self, dataset: &str) -> Result<Reading, String> {
        fn parsed<T: std::str::FromStr<Err: Display>>(text: &str) -> Result<T, String> {
            text.parse().map_err(|error: T::Err| error.to_string())
        }
        let mut reading = Reading::default();
        for &choice in Choice::of(dataset) {
            let text = self.text(choice);
            // The first word is what is done where nothing is asked for.
            if text.is_empty() || choice.words().first() == Some(&text) {
                continue;
            }
            let said = match choice {
                Choice::Size => parsed(text).map(|size| reading.size = Some(size)),
                Choice::Fit => parsed(text).map(|fit| reading.fit = Some(fit)),
                Choice::Colour => parsed(text).map(|colour| reading.colour = Some(colour)),
                Choice::SkipUnreadable => {
                    reading.skip_unreadable = true;
                    Ok(())
                }
                Choice::Labels => parsed(text).map(|labels| reading.labels = Some(labels)),
                Choice::TestShare => share_of_test(text).map(|share| reading.test_share = Some(share)),
            };
            said.map_err(|error| format!("{}: {error}", choice.option()))?;
        }
        Ok(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(texts: &[(Choice, &str)]) -> State {
        let mut state = State::default();
        texts.iter().for_each(|(choice, text)| state.update(Message::Type(*choice, (*text).to_owned())));
        state
    }

    #[test]
    fn a_path_leaves_all_choices_and_a_name_those_of_its_files() {
        for (dataset, offered) in [
            ("shapes", &[][..]),
            ("mnist", &[]),
            (" ", &[]),
            ("cifar100", &[Choice::Labels]),
            ("./photos", &Choice::ALL),
        ] {
            assert_eq!(Choice::of(dataset), offered, "{dataset}");
        }
        // What was typed for another data set is not asked of this one.
        let state = typed(&[(Choice::Size, "32x32"), (Choice::Labels, "coarse")]);
        assert_eq!(state.reading("shapes").unwrap(), Reading::default());
        assert_eq!(state.reading("cifar100").unwrap().size, None);
        assert!(state.reading("cifar100").unwrap().labels.is_some());
    }

    #[test]
    fn what_is_chosen_is_kept_for_the_next_run_and_the_usual_is_not_asked_for() {
        let mut state = typed(&[
            (Choice::Size, "40x30"),
            (Choice::Fit, "pad"),
            (Choice::Colour, "grey"),
            (Choice::Labels, "coarse"),
            (Choice::TestShare, "25"),
        ]);
        state.update(Message::Skip(true));
        let reading = state.reading("photos").unwrap();
        assert!(reading.skip_unreadable && reading.test_share == Some(25), "{reading:?}");
        assert_eq!(State::new(&reading).reading("photos").unwrap(), reading);
        let usual = typed(&[(Choice::Fit, "crop"), (Choice::Colour, "as they are"), (Choice::Size, "")]);
        assert!(usual.reading("photos").unwrap().is_usual());
    }

    #[test]
    fn a_choice_that_is_not_understood_is_named() {
        for (choice, text, says) in [
            (Choice::Size, "32", "size: "),
            (Choice::Size, "0x9", "size: "),
            (Choice::TestShare, "91", "test-share: expected 1 to 90"),
            (Choice::TestShare, "x", "test-share: "),
        ] {
            let problem = typed(&[(choice, text)]).reading("photos").unwrap_err();
            assert!(problem.starts_with(says), "{problem}");
        }
    }
}
