//! A pad to draw an image on, and what the networks take it for, or give back of it.

use iced::widget::image::Handle;
use iced::widget::{canvas, column, image, row, text};
use revacnn_notebook::ChosenImage;
use revacnn_schemas::NetworkDiagram;

use super::pieces::{Piece, alarm, buttons_for, faint, plain, press, quiet};
use crate::canvas::pad::Pad;
use crate::canvas::text::fitted;
use crate::cells::ViewId;
use crate::context::Context;
use crate::drawing::Drawing;
use crate::pixels::RECONSTRUCTION;
use crate::theme::NORMAL;

/// The longer side of the pad at most, in logical pixels.
const SIDE: usize = 288;
/// So many classes are told.
const CLASSES: usize = 5;
/// The longer side of what a network gives back, as large as it is shown at most.
const GIVEN_BACK: u32 = 112;
/// The width of what is told.
const TOLD: f32 = 170.0;
/// Rows and columns where no network says those of its images.
const USUAL: [usize; 2] = [28, 28];

/// The open pad.
#[derive(Debug)]
pub(crate) struct State {
    drawing: Drawing,
    erases: bool,
    /// Where the stroke is that is being drawn.
    at: Option<[f32; 2]>,
    /// The drawing as large as it is shown.
    picture: Handle,
    size: [f32; 2],
    /// What was shown before.
    before: Option<ChosenImage>,
    problem: Option<String>,
}

/// What happens on it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    /// A stroke begins, at shares of the width and the height.
    Press([f32; 2]),
    /// It goes on.
    Move([f32; 2]),
    /// It ends.
    Release,
    /// Strokes erase, or draw again.
    Erase(bool),
    Clear,
    /// Close it, and go on with what is drawn.
    Show,
    /// Close it, and go back to what was shown before.
    Leave,
}

/// What others are to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Action {
    None,
    /// Show an image.
    Image(Option<ChosenImage>),
    /// Close the pad.
    Close,
    /// Close the pad, and show what was shown before.
    Back(Option<ChosenImage>),
}

impl State {
    /// An empty pad for images as the shown network has them.
    pub(crate) fn new(context: &Context) -> Self {
        let [rows, columns] = match context.cells.network(ViewId::NETWORK) {
            Some(Ok(NetworkDiagram { input: Some((_, image)), .. })) => [image.rows, image.columns],
            _ => USUAL,
        };
        let drawing = Drawing::new(rows, columns);
        let (picture, size) = shown(&drawing);
        let before = context.chosen_image.clone();
        Self { drawing, erases: false, at: None, picture, size, before, problem: None }
    }

    pub(crate) fn update(&mut self, message: Message) -> Action {
        match message {
            Message::Press(at) => {
                self.at = Some(at);
                self.stroke(at, at);
            }
            Message::Move(to) => {
                if let Some(from) = self.at.replace(to) {
                    self.stroke(from, to);
                }
            }
            Message::Release => {
                if self.at.take().is_some() {
                    return self.image();
                }
            }
            Message::Erase(erases) => self.erases = erases,
            Message::Clear => {
                self.drawing.clear();
                (self.at, self.erases) = (None, false);
                (self.picture, self.size) = shown(&self.drawing);
                return self.image();
            }
            Message::Show if self.drawing.is_blank() => return Action::Back(self.before.clone()),
            Message::Show => return Action::Close,
            Message::Leave => return Action::Back(self.before.clone()),
        }
        Action::None
    }

    fn stroke(&mut self, from: [f32; 2], to: [f32; 2]) {
        self.drawing.stroke(from, to, self.erases);
        (self.picture, self.size) = shown(&self.drawing);
    }

    /// The drawing goes through the networks; of an empty one there is nothing to say.
    fn image(&mut self) -> Action {
        if self.drawing.is_blank() {
            return Action::Image(self.before.clone());
        }
        match self.drawing.picture() {
            Ok(picture) => Action::Image(Some(ChosenImage::Own(picture))),
            Err(problem) => {
                self.problem = Some(problem);
                Action::None
            }
        }
    }

    pub(crate) fn view<'a>(&'a self, context: &Context) -> Piece<'a, Message> {
        let pad = canvas(Pad { picture: &self.picture, size: self.size }).width(self.size[0]).height(self.size[1]);
        let told = [ViewId::NETWORK, ViewId::OTHER_NETWORK].into_iter().map(|view| self.taken_for(context, view));
        let told = told.flatten().fold(column![].spacing(12).width(TOLD), |column, piece| column.push(piece));
        let tools = row![
            quiet(plain("pen"), !self.erases, Some(Message::Erase(false))),
            quiet(plain("eraser"), self.erases, Some(Message::Erase(true))),
            press("clear", (!self.drawing.is_blank()).then_some(Message::Clear)),
        ]
        .spacing(4);
        let [rows, columns] = self.drawing.size();
        let hint = format!("light on dark, {columns}×{rows} pixels; each stroke goes through the networks");
        let mut page =
            column![text("Draw an image").size(NORMAL), row![pad, told].spacing(16), tools, faint(hint),].spacing(8);
        if let Some(problem) = &self.problem {
            page = page.push(alarm(problem.as_str()).width(460));
        }
        page.push(buttons_for("show", (!self.drawing.is_blank()).then_some(Message::Show), Message::Leave)).into()
    }

    /// What a network takes the drawing for, or gives back of it, once it has seen it.
    fn taken_for<'a>(&self, context: &Context, view: ViewId) -> Option<Piece<'a, Message>> {
        let diagram = context.cells.network(view).and_then(Result::ok)?;
        let chosen = context.chosen_image.as_ref().filter(|image| image.own().is_some() && !self.drawing.is_blank())?;
        // The figure may still be of what was drawn before.
        let sees = diagram.input.as_ref().is_some_and(|(_, image)| image.label == chosen.to_string());
        if !sees {
            return None;
        }
        let mut classes: Vec<_> = diagram.classes.iter().collect();
        classes.sort_by(|one, other| other.value.total_cmp(&one.value));
        let mut lines = column![faint(fitted(diagram.branch.as_str(), TOLD))].spacing(2);
        if let Some(given_back) = &diagram.reconstruction {
            let pictures = context.cells.pictures(view)?;
            let size = pictures.size(RECONSTRUCTION)?;
            let factor = (GIVEN_BACK / size[0].max(size[1])).max(1);
            let [width, height] = size.map(|side| (side * factor) as f32);
            let picture = image(pictures.get(RECONSTRUCTION, width, height)?).width(width).height(height);
            lines = lines.push(picture).push(plain(given_back.label.clone()));
        }
        for class in classes.into_iter().take(CLASSES) {
            let value = match diagram.outputs.are_probabilities() {
                true => format!("{:.0} %", 100.0 * class.value),
                false => format!("{:.2}", class.value),
            };
            let name = fitted(&class.name, TOLD - 56.0);
            lines = lines.push(row![plain(value).width(52), plain(name)].spacing(4));
        }
        Some(lines.into())
    }
}

/// A drawing as large as it is shown.
fn shown(drawing: &Drawing) -> (Handle, [f32; 2]) {
    let ([rows, columns], rgba) = drawing.enlarged(SIDE);
    (Handle::from_rgba(columns as u32, rows as u32, rgba), [columns as f32, rows as f32])
}
