//! The frame about each figure: its title, its notes, its controls and its
//! menu.

use iced::widget::text::Wrapping;
use iced::widget::{canvas, column, container, mouse_area, responsive, row, scrollable, text, tooltip};
use iced::{Alignment, Fill, Padding, Size};
use revacnn_schemas::Edit;

use super::pieces::{Piece, alarm, changing, faint, hinted, noted, panel, plain, press, quiet};
use crate::cells::ViewId;
use crate::context::Context;
use crate::figure::Message;
use crate::sizes::{BAR, Panel};

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
    let seen = format!("{title}{beside}");
    let title = faint(title).wrapping(Wrapping::None);
    if notes.is_empty() {
        return changing(title, &seen).width(Fill).clip(true).into();
    }
    let line = row![title, faint(beside).wrapping(Wrapping::None)].spacing(12);
    let line = changing(line, &seen).width(Fill).clip(true);
    let all = container(faint(notes.join("\n"))).padding([4, 8]).style(|theme| panel(theme, 4.0));
    tooltip(line, all, tooltip::Position::Bottom).gap(4).into()
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
