//! A figure's menu: to save it where one likes, or to copy it as a query.

use std::path::{Path, PathBuf, is_separator};

use iced::Alignment;
use iced::widget::{column, row, text};
use revacnn_notebook::PictureFormat;

use super::pieces::{Piece, alarm, faint, field, filled, plain, press, quiet, removes};
use crate::cells::ViewId;
use crate::theme::NORMAL;

/// The name of the field for the file.
pub(crate) const FIELD: &str = "file";
/// How wide it is.
const WIDE: f32 = 460.0;

/// The figure whose menu is open.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) view: ViewId,
    /// The file, as it is typed.
    pub(crate) file: String,
    /// What it is saved as where its name does not say so.
    pub(crate) format: PictureFormat,
    /// It is being written.
    pub(crate) saving: bool,
    /// There is such a file already.
    exists: bool,
    /// Why it is not written.
    pub(crate) problem: Option<String>,
}

/// What happens in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Type(String),
    Format(PictureFormat),
    Save,
    Query(ViewId),
    /// Write what the figure shows as a line of the notebook.
    Note(ViewId),
    /// The next figure's menu.
    Next,
    /// Another figure's.
    Of(ViewId),
    /// There is such a file already.
    Exists,
    /// It cannot be written.
    Refused(String),
    /// Not over that file.
    Keep,
    Leave,
}

/// What others are to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    None,
    /// Write the figure to a file; over one that is there, or not.
    Save {
        view: ViewId,
        path: PathBuf,
        over: bool,
    },
    /// Copy a figure as a query.
    Query(ViewId),
    /// Write what a figure shows as a line of the notebook.
    Note(ViewId),
    Leave,
}

/// A figure that has a menu, and what can be done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) view: ViewId,
    /// What it shows.
    pub(crate) title: String,
    /// What a file of it is called, without an ending.
    pub(crate) name: String,
    /// Whether a query answers it.
    pub(crate) has_query: bool,
}

impl State {
    /// The menu of a figure of a name, that proposes a file of a format.
    pub(crate) fn new(view: ViewId, name: &str, format: PictureFormat) -> Self {
        let file = format!("{name}.{}", format.ending());
        Self { view, file, format, saving: false, exists: false, problem: None }
    }

    fn of(&mut self, view: ViewId, entries: &[Entry]) {
        let named = entries.iter().find(|entry| entry.view == view);
        *self = Self::new(view, named.map_or(view.0, |entry| &entry.name), self.format);
    }

    /// Takes in what happens, where these figures have menus.
    pub(crate) fn update(&mut self, message: Message, entries: &[Entry]) -> Action {
        match message {
            Message::Type(file) => {
                self.format = PictureFormat::of(Path::new(&file)).unwrap_or(self.format);
                (self.file, self.exists, self.problem) = (file, false, None);
            }
            Message::Format(format) => {
                self.file = ending_in(&self.file, self.format, format);
                (self.format, self.exists, self.problem) = (format, false, None);
            }
            Message::Save => match file(&self.file, self.format, etcetera::home_dir().ok().as_deref()) {
                Ok(path) => {
                    let over = std::mem::take(&mut self.exists);
                    (self.saving, self.problem) = (true, None);
                    return Action::Save { view: self.view, path, over };
                }
                Err(problem) => self.problem = Some(problem),
            },
            Message::Query(view) => return Action::Query(view),
            Message::Note(view) => return Action::Note(view),
            Message::Next => {
                let place = entries.iter().position(|entry| entry.view == self.view).map_or(0, |place| place + 1);
                if let Some(entry) = entries.get(place).or(entries.first()) {
                    self.of(entry.view, entries);
                }
            }
            Message::Of(view) => self.of(view, entries),
            Message::Exists => (self.saving, self.exists) = (false, true),
            Message::Refused(reason) => (self.saving, self.problem) = (false, Some(reason)),
            Message::Keep => self.exists = false,
            Message::Leave => return Action::Leave,
        }
        Action::None
    }

    pub(crate) fn view<'a>(&self, entries: &[Entry]) -> Piece<'a, Message> {
        let view = self.view;
        let entry = |view: ViewId| entries.iter().find(|entry| entry.view == view);
        let query = entry(view).filter(|entry| entry.has_query).map(|_| Message::Query(view));
        let note = entry(view).map(|_| Message::Note(view));
        let file = field("a file", &self.file, WIDE).id(FIELD).on_input(Message::Type).on_submit(Message::Save);
        let formats = PictureFormat::ALL.map(|format| {
            let words = format.ending().to_uppercase();
            quiet(plain(words), self.format == format, Some(Message::Format(format)))
        });
        let formats = row(formats).push(faint("  in the folder that the window was started in, or ~/… or /…"));
        let save = if self.saving { "saving" } else { "save: s" };
        let can_save = (entry(view).is_some() && !self.saving).then_some(Message::Save);
        let mut buttons = row![];
        if self.exists {
            buttons = buttons.push(removes("replace it", can_save)).push(press("keep it", Some(Message::Keep)));
        } else {
            buttons = buttons
                .push(filled(save, can_save))
                .push(press("keep in the notebook: k", note))
                .push(press("copy as a query: q", query));
            if view == ViewId::EMBEDDING || view == ViewId::IMAGES {
                let filters = entry(ViewId::FILTERS).map(|_| Message::Of(ViewId::FILTERS));
                buttons = buttons.push(press("the filters instead", filters));
            }
        }
        let buttons = buttons.push(press("close", Some(Message::Leave))).spacing(8);
        let problem = if self.exists { Some(format!("{} is there already", self.file)) } else { self.problem.clone() };
        let title = entry(view).map_or_else(|| view.0.to_owned(), |entry| entry.title.clone());
        column![text(title).size(NORMAL), file, formats.align_y(Alignment::Center)]
            .push(problem.map(|problem| alarm(problem).width(WIDE)))
            .push(buttons)
            .spacing(8)
            .into()
    }
}

/// A file's name that ends as another format's does.
fn ending_in(file: &str, before: PictureFormat, format: PictureFormat) -> String {
    let trimmed = file.trim_end();
    let of = PictureFormat::of(Path::new(trimmed)).unwrap_or(before).ending();
    let start = trimmed
        .len()
        .checked_sub(of.len() + 1)
        .filter(|start| trimmed.get(*start..).is_some_and(|ending| ending.eq_ignore_ascii_case(&format!(".{of}"))));
    format!("{}.{}", &trimmed[..start.unwrap_or(trimmed.len())], format.ending())
}

/// The file that is meant: `~/` is the home folder, and a name without the ending of a
/// picture gets that of the format.
///
/// # Errors
/// What was expected and what was found.
fn file(typed: &str, format: PictureFormat, home: Option<&Path>) -> Result<PathBuf, String> {
    let typed = typed.trim();
    let expected = || format!("expected a file, such as figures/loss.{}, found `{typed}`", format.ending());
    if typed.is_empty() || typed.ends_with(is_separator) || matches!(typed, "." | ".." | "~") {
        return Err(expected());
    }
    let path = match (typed.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        (Some(_), None) => return Err(format!("the home folder is not known here: write `{typed}` from /")),
        (None, _) => PathBuf::from(typed),
    };
    if PictureFormat::of(&path).is_some() {
        return Ok(path);
    }
    let mut name = path.file_name().ok_or_else(expected)?.to_owned();
    name.push(format!(".{}", format.ending()));
    Ok(path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use PictureFormat::{Pdf, Png, Svg};

    #[test]
    fn a_name_gets_the_ending_that_it_lacks_and_keeps_one_that_it_has() {
        let home = Path::new("/home/ada");
        for (typed, format, expected) in [
            ("loss", Svg, "loss.svg"),
            (" figures/loss.v2 ", Pdf, "figures/loss.v2.pdf"),
            ("loss.PNG", Svg, "loss.PNG"),
            ("loss.jpg", Png, "loss.jpg.png"),
            ("~/loss.pdf", Svg, "/home/ada/loss.pdf"),
            ("~loss", Svg, "~loss.svg"),
            ("/tmp/loss", Png, "/tmp/loss.png"),
        ] {
            assert_eq!(file(typed, format, Some(home)), Ok(expected.into()), "{typed}");
        }
        for wrong in ["", "  ", "figures/", "..", "~"] {
            assert!(file(wrong, Svg, Some(home)).unwrap_err().contains("expected a file"), "{wrong}");
        }
        assert!(file("~/loss", Svg, None).unwrap_err().contains("home folder is not known"));
    }

    #[test]
    fn another_format_is_another_ending() {
        assert_eq!(ending_in("loss.svg", Svg, Pdf), "loss.pdf");
        assert_eq!(ending_in("loss.SVG", Svg, Png), "loss.png");
        assert_eq!(ending_in("loss", Svg, Pdf), "loss.pdf");
        assert_eq!(ending_in("loss.v2", Svg, Pdf), "loss.v2.pdf");
        assert_eq!(ending_in("", Svg, Pdf), ".pdf");
        assert_eq!(ending_in("曲線", Svg, Pdf), "曲線.pdf");
    }

    #[test]
    fn a_file_that_is_there_is_replaced_only_when_that_is_agreed_to() {
        let entries = [ViewId::LOSS, ViewId::NETWORK].map(|view| Entry {
            view,
            title: view.0.to_owned(),
            name: format!("{}-main-30", view.0),
            has_query: true,
        });
        let mut menu = State::new(ViewId::LOSS, &entries[0].name, Svg);
        let save = |over, file: &str| Action::Save { view: ViewId::LOSS, path: file.into(), over };
        assert_eq!(menu.update(Message::Save, &entries), save(false, "loss-main-30.svg"));
        menu.update(Message::Exists, &entries);
        assert_eq!(menu.update(Message::Save, &entries), save(true, "loss-main-30.svg"));
        // Another file is another question.
        menu.update(Message::Exists, &entries);
        menu.update(Message::Format(Pdf), &entries);
        assert_eq!(menu.update(Message::Save, &entries), save(false, "loss-main-30.pdf"));
        menu.update(Message::Exists, &entries);
        menu.update(Message::Type("mine".to_owned()), &entries);
        assert_eq!(menu.update(Message::Save, &entries), save(false, "mine.pdf"));
        // The next figure has a name of its own.
        menu.update(Message::Next, &entries);
        assert_eq!((menu.view, menu.file.as_str()), (ViewId::NETWORK, "network-main-30.pdf"));
    }
}
