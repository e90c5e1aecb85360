//! Pieces that every part of the window is made of.

use std::hash::{DefaultHasher, Hash, Hasher};

use iced::overlay::menu;
use iced::widget::{
    Space, button, center, column, container, mouse_area, opaque, pick_list, radio, row, rule, text, text_input,
    tooltip,
};
use iced::{Alignment, Background, Border, Color, Element, Fill, Length, Padding, Shadow, Theme, border};
use revacnn_notebook::look::bar;
use revacnn_schemas::Palette;

use crate::focus::Stop;
use crate::theme::{Colours, LARGE, NORMAL, SMALL};

/// A part of the window, and what it says.
pub(crate) type Piece<'a, M> = Element<'a, M>;

pub(crate) fn ground(color: Color) -> container::Style {
    container::Style { background: Some(Background::Color(color)), ..container::Style::default() }
}

pub(crate) fn separator<'a, M: 'a>() -> Piece<'a, M> {
    rule::horizontal(1).style(thin).into()
}

pub(crate) fn upright<'a, M: 'a>() -> Piece<'a, M> {
    rule::vertical(1).style(thin).into()
}

fn thin(theme: &Theme) -> rule::Style {
    rule::Style { color: Colours::of(theme).line, radius: 0.0.into(), fill_mode: rule::FillMode::Full, snap: true }
}

/// Text that can wait.
pub(crate) fn faint<'a>(words: impl text::IntoFragment<'a>) -> text::Text<'a> {
    plain(words).style(|theme| text::Style { color: Some(Colours::of(theme).faint) })
}

/// The height of a line of small text, in whole pixels: so are the buttons that have one,
/// whose edges are then no half pixels.
pub(crate) const SMALL_LINE: f32 = 16.0;

/// Small text.
pub(crate) fn plain<'a>(words: impl text::IntoFragment<'a>) -> text::Text<'a> {
    text(words).size(SMALL).line_height(text::LineHeight::Absolute(SMALL_LINE.into()))
}

/// What went wrong.
pub(crate) fn alarm<'a>(words: impl text::IntoFragment<'a>) -> text::Text<'a> {
    plain(words).style(|theme| text::Style { color: Some(Colours::of(theme).alarm) })
}

/// Words that change with the cursor, on a ground that nobody sees: another one
/// for other words, so that iced's software renderer draws again what letters
/// hang over their place, too.
pub(crate) fn changing<'a, M: 'a>(words: impl Into<Piece<'a, M>>, content: &str) -> container::Container<'a, M> {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    // Far less than what would make a pixel another one.
    let unseen = (hasher.finish() % 1_000) as f32 * 1e-6;
    container(words).style(move |theme| ground(Color { a: unseen, ..Colours::of(theme).paper }))
}

/// A button without a box, that shows where the pointer is.
pub(crate) fn quiet<'a, M: Clone + 'a>(
    content: impl Into<Piece<'a, M>>,
    chosen: bool,
    message: Option<M>,
) -> Piece<'a, M> {
    let enabled = message.is_some();
    let button =
        button(content).padding(Padding::from([4, 8])).on_press_maybe(message).style(move |theme: &Theme, status| {
            let colours = Colours::of(theme);
            let over = matches!(status, button::Status::Hovered | button::Status::Pressed);
            let (background, text_color) = match status {
                button::Status::Disabled => (None, Color { a: 0.5, ..colours.faint }),
                _ if chosen => (Some(colours.raised), colours.accent),
                _ if over => (Some(colours.raised), colours.ink),
                button::Status::Active | button::Status::Hovered | button::Status::Pressed => (None, colours.ink),
            };
            button::Style {
                background: background.map(Background::Color),
                text_color,
                border: border::rounded(4),
                ..button::Style::default()
            }
        });
    Stop::of(button).enabled(enabled).into()
}

/// What a button of words is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// One of several things to do.
    Outlined,
    /// What comes next.
    Filled,
    /// What takes something away.
    Removes,
}

/// A button of words: an outline.
pub(crate) fn press<'a, M: Clone + 'a>(words: impl text::IntoFragment<'a>, message: Option<M>) -> Piece<'a, M> {
    boxed(words, message, Weight::Outlined)
}

/// The button of what comes next: filled.
pub(crate) fn filled<'a, M: Clone + 'a>(words: impl text::IntoFragment<'a>, message: Option<M>) -> Piece<'a, M> {
    boxed(words, message, Weight::Filled)
}

/// The button of what takes something away: in the colour of an alarm.
pub(crate) fn removes<'a, M: Clone + 'a>(words: impl text::IntoFragment<'a>, message: Option<M>) -> Piece<'a, M> {
    boxed(words, message, Weight::Removes)
}

fn boxed<'a, M: Clone + 'a>(words: impl text::IntoFragment<'a>, message: Option<M>, of: Weight) -> Piece<'a, M> {
    let enabled = message.is_some();
    let button = button(plain(words).wrapping(text::Wrapping::None))
        .padding(Padding::from([3, 8]))
        .on_press_maybe(message)
        .style(move |theme: &Theme, status| {
            let colours = Colours::of(theme);
            let over = matches!(status, button::Status::Hovered | button::Status::Pressed);
            let is_off = matches!(status, button::Status::Disabled);
            let fill = match of {
                Weight::Filled if !is_off => Some(colours.accent),
                Weight::Filled | Weight::Outlined | Weight::Removes => over.then_some(colours.raised),
            };
            let words = match of {
                _ if is_off => Color { a: 0.5, ..colours.faint },
                Weight::Filled => colours.paper,
                Weight::Removes => colours.alarm,
                Weight::Outlined => colours.ink,
            };
            let edge = match of {
                Weight::Filled if over => colours.ink,
                Weight::Filled if !is_off => colours.accent,
                Weight::Filled | Weight::Outlined | Weight::Removes => colours.line,
            };
            button::Style {
                background: fill.map(Background::Color),
                text_color: words,
                border: Border { color: edge, width: 1.0, radius: 4.0.into() },
                ..button::Style::default()
            }
        });
    Stop::of(button).enabled(enabled).filled(of == Weight::Filled).into()
}

/// What lies above the rest, with a thin edge.
pub(crate) fn panel(theme: &Theme, radius: f32) -> container::Style {
    let colours = Colours::of(theme);
    let border = Border { color: colours.line, width: 1.0, radius: radius.into() };
    container::Style { border, ..ground(colours.panel) }
}

/// Small fields, each behind its name, on as many lines as they need.
pub(crate) fn small_fields<'a, M: 'a>(
    fields: impl IntoIterator<Item = (String, Piece<'a, M>)>,
    width: f32,
) -> Piece<'a, M> {
    let named = |(name, field): (String, _)| row![faint(name), field].spacing(4).align_y(Alignment::Center).into();
    let fields = row(fields.into_iter().map(named)).spacing(8).wrap().vertical_spacing(4);
    container(fields).width(width).into()
}

/// One of several things of which one is shown.
pub(crate) fn chosen_of<'a, T: Copy + Eq + 'a, M: Clone + 'a>(
    words: &'static str,
    value: T,
    now: T,
    choose: impl Fn(T) -> M + 'a,
) -> Piece<'a, M> {
    // In whole pixels: so is then where what is beneath begins, and its scroll bar is drawn anew as a whole.
    let line = text::LineHeight::Absolute(SMALL_LINE.into());
    let button = radio(words, value, Some(now), choose).size(14).text_size(SMALL).text_line_height(line).spacing(4);
    Stop::of(button).into()
}

/// A control that tells more when it is pointed at, beneath it.
pub(crate) fn hinted<'a, M: 'a>(piece: Piece<'a, M>, hint: &'a str) -> Piece<'a, M> {
    told(piece, hint, tooltip::Position::Bottom, 4.0)
}

/// A row of several that tells more when it is pointed at: at its right, where no other
/// row lies.
pub(crate) fn hinted_beside<'a, M: 'a>(piece: Piece<'a, M>, hint: impl text::IntoFragment<'a>) -> Piece<'a, M> {
    // Beyond the check box and the scroll bar that the row ends in.
    told(piece, hint, tooltip::Position::Right, 28.0)
}

/// A control that tells more when it is pointed at, above it: what lies beneath is what
/// comes next.
pub(crate) fn hinted_above<'a, M: 'a>(piece: Piece<'a, M>, hint: impl text::IntoFragment<'a>) -> Piece<'a, M> {
    told(piece, hint, tooltip::Position::Top, 4.0)
}

fn told<'a, M: 'a>(
    piece: Piece<'a, M>,
    hint: impl text::IntoFragment<'a>,
    at: tooltip::Position,
    gap: f32,
) -> Piece<'a, M> {
    let words = container(faint(hint)).padding([4, 8]).style(|theme| panel(theme, 4.0));
    tooltip(piece, words, at).gap(gap).into()
}

/// A name and its value; a click copies the value.
pub(crate) fn pair<'a, M: Clone + 'a>(name: &'a str, value: String, copy: impl Fn(String) -> M) -> Piece<'a, M> {
    let shown = plain(value.clone());
    // Beside its last letter, which may hang over: what is drawn again there has room.
    let value = button(shown).padding(Padding::ZERO.right(1)).on_press(copy(value)).style(|theme: &Theme, status| {
        let colours = Colours::of(theme);
        let over = matches!(status, button::Status::Hovered | button::Status::Pressed);
        button::Style { text_color: if over { colours.accent } else { colours.ink }, ..button::Style::default() }
    });
    row![faint(name).width(Fill), Stop::of(value)].align_y(Alignment::Center).into()
}

/// The colours of a palette, from low to high.
pub(crate) fn colour_bar<'a, M: 'a>(palette: Palette) -> Piece<'a, M> {
    let piece = |[red, green, blue]: [u8; 3]| {
        container(Space::new().width(4).height(8)).style(move |_| ground(Color::from_rgb8(red, green, blue))).into()
    };
    row(bar(palette).map(piece)).into()
}

/// A list to choose from, in which the choice of this place is made.
///
/// Each choice has a ground of its own that nobody sees: where its words alone
/// change, iced's software renderer draws their lower half again.
fn chooser(place: Option<usize>) -> impl Fn(&Theme, pick_list::Status) -> pick_list::Style {
    let unseen = place.map_or(1.0, |place| (place + 2) as f32) * 1e-4;
    move |theme, status| {
        let colours = Colours::of(theme);
        let over = matches!(status, pick_list::Status::Hovered | pick_list::Status::Opened { .. });
        let alpha = if over { 1.0 - unseen } else { unseen };
        pick_list::Style {
            text_color: colours.ink,
            placeholder_color: colours.faint,
            handle_color: colours.faint,
            background: Background::Color(Color { a: alpha, ..colours.raised }),
            border: Border { color: colours.line, width: 1.0, radius: 4.0.into() },
        }
    }
}

/// A list that is open: as calm as a panel, its entry that is pointed at as any other control.
fn opened(theme: &Theme) -> menu::Style {
    let colours = Colours::of(theme);
    menu::Style {
        background: Background::Color(colours.paper),
        border: Border { color: colours.line, width: 1.0, radius: 4.0.into() },
        text_color: colours.ink,
        selected_text_color: colours.accent,
        selected_background: Background::Color(colours.raised),
        shadow: Shadow::default(),
    }
}

/// A list to choose from; ↑ and ↓ choose the one before or after. `hint` stands where
/// nothing is chosen.
pub(crate) fn choices<'a, T, M>(all: Vec<T>, now: Option<T>, hint: &str, choose: impl Fn(T) -> M + 'a) -> Piece<'a, M>
where
    T: ToString + PartialEq + Clone + 'a,
    M: Clone + 'a,
{
    choices_in(Length::Shrink, all, now, hint, choose)
}

/// [`choices`] of a width.
pub(crate) fn choices_in<'a, T, M>(
    width: impl Into<Length>,
    all: Vec<T>,
    now: Option<T>,
    hint: &str,
    choose: impl Fn(T) -> M + 'a,
) -> Piece<'a, M>
where
    T: ToString + PartialEq + Clone + 'a,
    M: Clone + 'a,
{
    let place = now.as_ref().and_then(|now| all.iter().position(|choice| choice == now));
    let step = |place: Option<usize>| place.and_then(|place| all.get(place)).cloned().map(&choose);
    let steps =
        [step(place.and_then(|place| place.checked_sub(1))), step(place.map_or(Some(0), |place| Some(place + 1)))];
    let list = pick_list(all, now, choose).placeholder(hint).width(width).text_size(SMALL).padding([2, 8]);
    let line = text::LineHeight::Absolute(SMALL_LINE.into());
    let list = list.text_line_height(line).style(chooser(place)).menu_style(opened);
    Stop::of(list).steps(steps).opens().into()
}

/// A field for a line of text.
pub(crate) fn field<'a, M: Clone + 'a>(hint: &str, text: &str, width: f32) -> text_input::TextInput<'a, M> {
    text_input(hint, text)
        .size(SMALL)
        .line_height(text::LineHeight::Absolute(SMALL_LINE.into()))
        .padding([4, 8])
        .width(width)
        .style(|theme: &Theme, status| {
            let colours = Colours::of(theme);
            let focused = matches!(status, text_input::Status::Focused { .. });
            text_input::Style {
                background: Background::Color(colours.paper),
                border: match focused {
                    true => Border { color: colours.accent, width: 2.0, radius: 4.0.into() },
                    false => Border { color: colours.line, width: 1.0, radius: 4.0.into() },
                },
                icon: colours.faint,
                placeholder: colours.faint,
                value: colours.ink,
                selection: Color { a: 0.3, ..colours.accent },
            }
        })
}

/// A page of words, where there are no figures.
pub(crate) fn said<'a, M: 'a>(title: &str, lines: &[&str], below: Option<Piece<'a, M>>) -> Piece<'a, M> {
    let mut page = column![text(title.to_owned()).size(LARGE)].spacing(12).width(Fill).max_width(720);
    for words in lines {
        let words = text((*words).to_owned()).size(NORMAL);
        page = page.push(words.style(|theme| text::Style { color: Some(Colours::of(theme).faint) }));
    }
    center(page.push(below)).padding(32).into()
}

/// A note in the middle of a figure that has none to show.
pub(crate) fn noted<'a, M: 'a>(words: &str) -> Piece<'a, M> {
    center(faint(words.to_owned())).padding(16).into()
}

/// A panel above everything else; a press beside it leaves it.
pub(crate) fn dialog<'a, M: Clone + 'a>(content: impl Into<Piece<'a, M>>, leave: M) -> Piece<'a, M> {
    let content = container(content).padding(20).style(|theme| panel(theme, 6.0));
    let shade = container(opaque(content)).center(Fill).style(|_| ground(Color { a: 0.35, ..Color::BLACK }));
    opaque(mouse_area(shade).on_press(leave))
}

/// The button that continues, and the one that cancels.
pub(crate) fn buttons<'a, M: Clone + 'a>(words: &'static str, go_on: M, leave: M) -> Piece<'a, M> {
    buttons_for(words, Some(go_on), leave)
}

/// The button that continues, where one can, and the one that cancels.
pub(crate) fn buttons_for<'a, M: Clone + 'a>(words: &'static str, go_on: Option<M>, leave: M) -> Piece<'a, M> {
    row![filled(words, go_on), press("cancel", Some(leave))].spacing(8).into()
}
