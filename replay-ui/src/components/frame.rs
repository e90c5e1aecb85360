//! The frame about each figure: its title, its notes, its controls and its
//! menu.

use iced::widget::text::Wrapping;
use iced::widget::{canvas, column, container, mouse_area, responsive, row, scrollable, text, tooltip};
use iced::{Alignment, Fill, Padding, Size};
use revacnn_schemas::Edit;

use super::pieces::{Piece, SMALL_LINE, alarm, changing, faint, hinted, noted, panel, plain, press, quiet};
use crate::canvas::text::{fitted, width};
use crate::cells::ViewId;
use crate::context::Context;
use crate::figure::Message;
use crate::sizes::{BAR, Panel};
use crate::theme::SMALL;

/// Between a title and what is noted beside it.
const BETWEEN: f32 = 12.0;

/// A figure whose menu a right click opens.
pub(crate) fn with_menu<'a, M: From<Message> + Clone + 'a>(view: ViewId, body: Piece<'a, M>) -> Piece<'a, M> {
    mouse_area(body).on_right_press(Message::Menu(view).into()).into()
}

/// The button that opens a figure's menu.
pub(crate) fn menu_button<'a, M: From<Message> + Clone + 'a>(view: ViewId) -> Piece<'a, M> {
    hinted(quiet(plain("…"), false, Some(Message::Menu(view).into())), "save, or copy as a query")
}

/// The button that shows a figure alone, and all of them again.
pub(crate) fn maximise_button<'a, M: From<Message> + Clone + 'a>(context: &Context, panel: Panel) -> Piece<'a, M> {
    let is_alone = context.alone == Some(panel);
    let words = if is_alone { "↙" } else { "↗" };
    let says = Message::Maximise((!is_alone).then_some(panel));
    hinted(quiet(plain(words), is_alone, Some(says.into())), "this figure alone, and all again: j; Esc, too")
}

/// The way back, where a part of the steps is shown.
pub(crate) fn show_all<'a>(context: &Context) -> Option<Piece<'a, ()>> {
    let closer = !context.time.shows_all();
    closer.then(|| hinted(press("show all", Some(())), "all steps again: 0, or a double click"))
}

/// A figure with its title, its notes, its controls and its menu.
pub(crate) fn titled<'a, M: From<Message> + Clone + 'a>(
    title: &'a str,
    notes: &'a [String],
    view: ViewId,
    controls: impl Into<Piece<'a, M>>,
    body: Piece<'a, M>,
) -> Piece<'a, M> {
    headed(noted_beside(title, notes), view, controls, body)
}

/// A figure with what stands at the left of its head, its controls and its menu.
pub(crate) fn headed<'a, M: From<Message> + Clone + 'a>(
    title: Piece<'a, M>,
    view: ViewId,
    controls: impl Into<Piece<'a, M>>,
    body: Piece<'a, M>,
) -> Piece<'a, M> {
    let head = row![title, controls.into(), menu_button(view)];
    let head = head.align_y(Alignment::Center).spacing(4);
    let head = container(head).padding(Padding::from([0, 4]).left(12)).center_y(28);
    // What is drawn beyond its figure would lie over the next one.
    column![head, container(with_menu(view, body)).clip(true)].into()
}

/// A figure's title, and beside it what it notes, as a saved one does: as much
/// as there is room for. All of it is told where it is pointed at.
///
/// It has a ground: where the controls beside it take more or less room, it is drawn
/// anew as a whole, and not the words alone, whose last letter hangs over their end.
pub(crate) fn noted_beside<'a, M: 'a>(title: impl text::IntoFragment<'a>, notes: &'a [String]) -> Piece<'a, M> {
    let title = title.into_fragment();
    let beside = notes.join(" · ");
    let line = move |room: Size| -> Piece<'a, M> {
        let [head, noted] = side_by_side([&title, &beside], room.width);
        let seen = format!("{head}{noted}");
        let is_whole = head == title;
        let words = |words: String| faint(words).wrapping(Wrapping::None);
        let line = row![words(head)].push((!noted.is_empty()).then(|| words(noted))).spacing(BETWEEN);
        let line = changing(line, &seen).width(Fill).clip(true);
        let told: Vec<&str> =
            (!is_whole).then_some(title.as_ref()).into_iter().chain(notes.iter().map(String::as_str)).collect();
        if told.is_empty() {
            return line.into();
        }
        let all = container(faint(told.join("\n"))).padding([4, 8]).style(|theme| panel(theme, 4.0));
        tooltip(line, all, tooltip::Position::Bottom).gap(4).into()
    };
    responsive(line).height(SMALL_LINE).into()
}

/// A title and notes, cut to the room that both have in a line.
fn side_by_side([title, notes]: [&str; 2], room: f32) -> [String; 2] {
    if room < width(title) {
        return [fitted(title, room), String::new()];
    }
    let left = room - width(title) - BETWEEN;
    // A note of a letter or two says nothing.
    let noted = if left < 4.0 * SMALL && left < width(notes) { String::new() } else { fitted(notes, left) };
    [title.to_owned(), noted]
}

/// What a figure notes, beneath it, if it notes something.
pub(crate) fn noted_below<'a, M: 'a>(notes: &'a [String]) -> Option<Piece<'a, M>> {
    (!notes.is_empty()).then(|| column(notes.iter().map(|note| faint(note.as_str()).into())).into())
}

/// What stands where a figure is not there yet.
pub(crate) fn awaited<'a, M: 'a>(context: &Context, words: &str) -> Piece<'a, M> {
    match &context.selected {
        Some(name) if context.waits_for_steps() => noted(&format!("{name} has no step yet")),
        Some(_) | None => noted(words),
    }
}

/// A figure on a canvas that may be higher than its room, and scrolls then. `height` is how high it is in a room, and
/// `shown` draws it where so much of it is seen.
pub(crate) fn tall<'a, M: 'a, P: canvas::Program<M> + 'a>(
    height: impl Fn(Size) -> f32 + 'a,
    shown: impl Fn(f32) -> P + 'a,
) -> Piece<'a, M> {
    let body = move |room: Size| {
        if height(room) <= room.height {
            return canvas(shown(room.height)).width(Fill).height(Fill).into();
        }
        // The bar beside it, and not over it.
        let beside = Size::new((room.width - BAR).max(1.0), room.height);
        scrollable(canvas(shown(room.height)).width(Fill).height(height(beside))).spacing(0).height(Fill).into()
    };
    responsive(body).into()
}

/// A figure under its title and what it notes.
pub(crate) fn entitled<'a, M: 'a>(title: &'a str, notes: &'a [String], body: Piece<'a, M>) -> Piece<'a, M> {
    column![container(noted_beside(title, notes)).padding([0, 12]), body].into()
}

/// The step of a figure that is behind the cursor.
pub(crate) fn late<'a, M: 'a>(context: &Context, view: ViewId) -> Option<Piece<'a, M>> {
    context.cells.stale(view, context.time.cursor).map(|step| faint(format!("of step {step} ")).into())
}

/// Why a figure is lacking, in a panel.
pub(crate) fn lacking<'a, M: 'a>(reason: &str) -> Piece<'a, M> {
    alarm(reason.to_owned()).into()
}

/// A button that edits, and shows its command while it is pointed at. What is
/// no edit cannot be pressed.
pub(crate) fn edit_button<'a, M: From<Message> + Clone + 'a>(
    words: &'static str,
    edit: impl Into<Option<Edit>>,
    enabled: bool,
) -> Piece<'a, M> {
    let edit = edit.into();
    let pressed = edit.clone().filter(|_| enabled).map(|edit| Message::Edit(vec![edit]).into());
    let button = mouse_area(press(words, pressed)).on_exit(Message::Preview(None).into());
    button.on_enter(Message::Preview(edit).into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_that_is_cut_says_so_and_notes_take_the_room_that_is_left() {
        let _ = crate::headless::renderer().unwrap();
        let [title, notes] = ["what main@200 sees in image 17", "gradient, and guided backpropagation"];
        let whole = width(title) + BETWEEN + width(notes);
        assert_eq!(side_by_side([title, notes], whole), [title, notes]);
        let [head, noted] = side_by_side([title, notes], whole - 20.0);
        assert!(head == title && noted.ends_with('…') && noted.len() > 10, "{noted}");
        assert_eq!(side_by_side([title, notes], width(title) + BETWEEN + 20.0), [title, ""]);
        assert_eq!(side_by_side([title, notes], width(title)), [title, ""]);
        let [head, noted] = side_by_side([title, notes], width(title) - 1.0);
        assert!(head.ends_with('…') && width(&head) < width(title) && noted.is_empty(), "{head}");
        assert_eq!(side_by_side(["", "a note"], 100.0), ["", "a note"]);
    }
}
