//! How the page of the notebook looks: blocks, lines with their marks, controls, figures.

use iced::widget::text::Wrapping;
use iced::widget::{
    Column, Row, Space, checkbox, column, container, image, mouse_area, row, scrollable, slider, text, text_editor,
};
use iced::{Alignment, Background, Border, Color, ContentFit, Fill, Font, Length, Padding, Theme};
use revacnn_notebook::command::Control;
use revacnn_notebook::document::{Block, BlockKind, Problem, Role};
use revacnn_notebook::session::Resolution;
use revacnn_schemas::{Step, counted};

use super::prose::{MEASURE, prose};
use super::{Message, Progress, State};
use crate::canvas::labels::{count, number};
use crate::components::pieces::{
    self, Piece, alarm, changing, faint, filled, ground, hinted, noted, panel, plain, press, quiet, separator,
};
use crate::context::Context;
use crate::focus::Stop;
use crate::store_events::{ShownView, Standing};
use crate::theme::{Colours, SMALL};

/// The letters of command lines.
const LINES: Font = Font::MONOSPACE;
/// The field in which a part of the text is typed.
pub(crate) const FIELD: &str = "notebook";
/// What lies between the edges of the page and its text.
const SIDES: f32 = 24.0;
/// How wide the page is at most.
const WIDE: f32 = 740.0;
/// Where the marks of lines stand.
const MARK: f32 = 18.0;

/// How a line stands.
#[derive(Debug, Clone, PartialEq)]
enum Mark {
    /// Nothing is left to do.
    Fresh,
    /// It is trained now.
    Runs(String),
    /// It is to be trained.
    Waits,
    /// It is wrong.
    Wrong,
    /// It is nothing that is done.
    None,
}

impl State {
    /// The page.
    pub(crate) fn view<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let head = container(self.head(context)).padding([6, 12]);
        let whole = self.typing.as_ref().filter(|typing| typing.range == (0..self.session.document().text().len()));
        let body: Piece<'_, Message> = match whole {
            Some(typing) => container(editor(&typing.content).height(Fill)).padding([8, 12]).height(Fill).into(),
            None => self.blocks(),
        };
        column![head, separator()].push(self.bars()).push(body).height(Fill).into()
    }

    fn head<'a>(&'a self, context: &'a Context) -> Piece<'a, Message> {
        let name = if self.is_unsaved() { format!("{} ● not saved", self.name()) } else { self.name() };
        let (left, steps) = self.planned.left;
        let run = match (self.running.len(), left) {
            (0, 0) => "nothing to run".to_owned(),
            (0, left) => format!("run: {}, {}", counted(left as u64, "training"), counted(steps, "step")),
            (running, _) => format!("{} runs", counted(running as u64, "training")),
        };
        let can_run = self.can_run() && !context.is_busy();
        let run = if can_run { filled(run, Some(Message::Run)) } else { press(run, None) };
        let whole = 0..self.session.document().text().len();
        let is_typed = self.typing.is_some();
        let typed = match is_typed {
            true => press("done", Some(Message::Leave)),
            false => press("text", Some(Message::Type(whole))),
        };
        let hides =
            checkbox(self.hides_lines).label("no lines").on_toggle(Message::HideLines).size(14).text_size(SMALL);
        let bar = row![
            container(changing(plain(name.clone()).wrapping(Wrapping::None), &name)).width(Fill).clip(true),
            hinted(Stop::of(hides).into(), "prose, controls and figures alone"),
            hinted(typed, "the whole text; a double click on a part types in that part"),
            hinted(
                press("undo", self.session.undoes().map(|_| Message::Undo)),
                "the newest change of the text: Ctrl+Z"
            ),
            hinted(press("save", self.can_save().then_some(Message::Save)), "Ctrl+S"),
            hinted(run, "train what is left: F5"),
        ];
        bar.spacing(8).align_y(Alignment::Center).into()
    }

    /// What is asked of a person.
    fn bars(&self) -> Option<Piece<'_, Message>> {
        let bar = |words: &'static str, answers: Vec<(&'static str, Message)>| {
            let answers = answers.into_iter().map(|(words, message)| press(words, Some(message)));
            let row = Row::with_children(answers).spacing(8);
            let bar = row![plain(words).width(Fill), row].align_y(Alignment::Center).padding([6, 12]);
            container(bar).style(|theme| ground(Colours::of(theme).raised)).into()
        };
        if self.left.is_some() {
            let answers = vec![("restore", Message::Restore(true)), ("leave it", Message::Restore(false))];
            return Some(bar("A text was left that was not saved.", answers));
        }
        self.session.clash()?;
        let answers = vec![
            ("mine", Message::Resolve(Resolution::Mine)),
            ("theirs", Message::Resolve(Resolution::Theirs)),
            ("both", Message::Resolve(Resolution::Both)),
        ];
        Some(bar("The file was changed elsewhere, in the same place as here.", answers))
    }

    fn blocks(&self) -> Piece<'_, Message> {
        let document = self.session.document();
        if document.text().trim().is_empty() && self.typing.is_none() {
            let words =
                "Nothing is written here yet. What you do in the figures becomes a line; or press text and write.";
            return noted(words);
        }
        let mut page: Column<'_, Message> = column![].spacing(10).padding(Padding::from([12.0, SIDES])).width(Fill);
        for (place, block) in document.blocks().iter().enumerate() {
            if let Some(typing) = self.typing.as_ref().filter(|typing| typing.range == block.range) {
                page = page.push(editor(&typing.content));
                continue;
            }
            let types = Message::Type(block.range.clone());
            match &block.kind {
                BlockKind::Prose => {
                    if let Some(parts) = self.prose.get(place).filter(|parts| !parts.is_empty()) {
                        page = page.push(mouse_area(prose(parts)).on_double_click(types));
                    }
                }
                BlockKind::Lines { .. } => page = page.push(self.fence(place, block)),
                BlockKind::Sql { name, body } | BlockKind::Network { name, body } => {
                    let what = if matches!(block.kind, BlockKind::Network { .. }) { "network" } else { "query" };
                    let what = format!("{what} {}", &document.text()[name.clone()]);
                    let words = document.text()[body.clone()].trim_end().to_owned();
                    if !self.hides_lines {
                        let code = column![faint(what), code(words)].spacing(2);
                        page = page.push(mouse_area(code).on_double_click(types));
                    }
                    page = page.push(self.problems_in(block)).push(self.figures(place));
                }
            }
        }
        let page = page.max_width(WIDE);
        scrollable(container(page).center_x(Fill)).spacing(0).height(Fill).into()
    }

    /// A fence: its lines with their marks, its controls, its figures.
    fn fence<'a>(&'a self, place: usize, block: &'a Block) -> Piece<'a, Message> {
        let document = self.session.document();
        let BlockKind::Lines { lines, body } = &block.kind else { return Space::new().into() };
        let mut fence: Column<'_, Message> = column![].spacing(6);
        if !self.hides_lines {
            let mut rows: Column<'_, Message> = column![].spacing(2);
            let mut at = body.start;
            for row in document.text()[body.clone()].split_inclusive('\n') {
                let start = at;
                at += row.len();
                let line = lines.iter().find(|line| (start..at).contains(&line.range.start));
                let mark = line.map_or(Mark::None, |line| self.mark(&line.range, line.role()));
                let is_new =
                    self.flashed_at.is_some() && self.session.newest().is_some_and(|new| (start..at).contains(&new));
                rows = rows.push(written(row.trim_end().to_owned(), mark, is_new));
            }
            fence = fence.push(mouse_area(rows).on_double_click(Message::Type(block.range.clone())));
        }
        let controls =
            lines.iter().filter(|line| line.role() == Role::Input).filter_map(|line| self.control(&line.range));
        let controls: Vec<Piece<'_, Message>> = controls.collect();
        if !controls.is_empty() {
            let controls = Column::with_children(controls).spacing(4);
            fence = fence.push(container(controls).padding([6, 10]).width(MEASURE).style(|theme| panel(theme, 6.0)));
        }
        fence.push(self.problems_in(block)).push(self.figures(place)).into()
    }

    /// How the trainings of a line stand.
    fn mark(&self, range: &std::ops::Range<usize>, role: Role) -> Mark {
        let is_wrong = |problem: &Problem| range.start <= problem.range.start && problem.range.end <= range.end;
        if self.problems().iter().any(is_wrong) {
            return Mark::Wrong;
        }
        if role != Role::Training {
            return Mark::None;
        }
        let trainings = &self.session.program().trainings;
        let own: Vec<usize> = (0..trainings.len()).filter(|place| trainings[*place].range == *range).collect();
        let named = |place: &usize| &trainings[*place].name;
        let standing = |place: &usize| self.planned.trainings.iter().find(|known| known.name == *named(place));
        let is_there = |place: &&usize| standing(place).is_some_and(|standing: &Standing| standing.there);
        let running: Vec<&Progress> = own.iter().filter_map(|place| self.running.get(named(place))).collect();
        if let Some(first) = running.first() {
            let done = own.iter().filter(is_there).count();
            let of = if own.len() > 1 { format!("{done}/{} · ", own.len()) } else { String::new() };
            let loss = first.loss.map_or_else(String::new, |loss| format!(" · loss {}", number(loss.into())));
            let (at, until): (Step, Step) = (first.at, first.until);
            return Mark::Runs(format!("{of}step {} of {}{loss}", count(at.0), count(until.0)));
        }
        if !own.is_empty() && own.iter().all(|place| is_there(&place)) { Mark::Fresh } else { Mark::Waits }
    }

    /// What is wrong in a block, each with what mends it.
    fn problems_in(&self, block: &Block) -> Option<Piece<'_, Message>> {
        let all = self.problems().iter().enumerate();
        let within = all.filter(|(_, problem)| block.range.contains(&problem.range.start));
        let mut rows: Column<'_, Message> = column![].spacing(2).padding(Padding::ZERO.left(MARK));
        let mut any = false;
        for (place, problem) in within {
            any = true;
            let help = problem.help.as_ref().map(|help| faint(help.as_str()));
            let fix = problem.fix.as_ref().map(|_| press("mend", Some(Message::Fix(place))));
            let words = column![alarm(problem.message.as_str())].push(help).width(Fill);
            rows = rows.push(row![words].push(fix).spacing(8).align_y(Alignment::Center));
        }
        any.then(|| rows.into())
    }

    /// A cursor's or an input's control.
    fn control(&self, range: &std::ops::Range<usize>) -> Option<Piece<'_, Message>> {
        let program = self.session.program();
        let label = |name: &str| plain(name.to_owned()).width(90.0).wrapping(Wrapping::None);
        if let Some((_, cursor)) = program.cursors.iter().find(|(at, _)| at == range) {
            let span = self.planned.spans.get(&cursor.at.branch)?;
            let set = self.values.get(&cursor.name).and_then(|value| value.parse().ok()).map(Step);
            let now = set.or_else(|| self.planned.cursors.get(&cursor.name).copied())?.clamp(span.first, span.last);
            let name = cursor.name.clone();
            let says = format!("{}@{}", cursor.at.branch, now);
            return Some(dial(
                label(&cursor.name),
                [span.first.0 as i64, span.last.0 as i64],
                now.0 as i64,
                says,
                move |at| Message::Set(name.clone(), at.to_string()),
            ));
        }
        let (_, input, control) = program.inputs.iter().find(|(at, ..)| at == range)?;
        let now = self.values.get(&input.name).unwrap_or(&input.value).clone();
        let name = input.name.clone();
        let words = label(&input.name);
        Some(match control {
            Control::Range(low, high) => {
                let at = now.parse().unwrap_or(*low);
                dial(words, [*low, *high], at, at.to_string(), move |at| Message::Set(name.clone(), at.to_string()))
            }
            Control::Choices(all) => {
                let list =
                    pieces::choices(all.clone(), Some(now), "", move |chosen| Message::Set(name.clone(), chosen));
                row![words, list].spacing(8).align_y(Alignment::Center).into()
            }
            Control::Toggle => {
                let on = now == "on";
                let tick = checkbox(on)
                    .size(14)
                    .on_toggle(move |on| Message::Set(name.clone(), if on { "on" } else { "off" }.to_owned()));
                row![words, Stop::of(tick)].spacing(8).align_y(Alignment::Center).into()
            }
        })
    }

    /// The figures of a fence, side by side as far as they find room.
    fn figures(&self, block: usize) -> Option<Piece<'_, Message>> {
        let views = self.session.program().views.iter().enumerate().filter(|(_, view)| view.block == block);
        let shown: Vec<Piece<'_, Message>> =
            views.map(|(place, _)| figure(self.views.get(&place).map(|view| &**view))).collect();
        (!shown.is_empty()).then(|| Row::with_children(shown).spacing(16).wrap().into())
    }
}

/// A row of a fence behind its mark.
fn written<'a>(words: String, mark: Mark, is_new: bool) -> Piece<'a, Message> {
    let sign = match &mark {
        Mark::Fresh => "●",
        Mark::Runs(_) => "◐",
        Mark::Waits => "○",
        Mark::Wrong => "!",
        Mark::None => "",
    };
    let colour = {
        let mark = mark.clone();
        move |theme: &Theme| {
            let colours = Colours::of(theme);
            text::Style {
                color: Some(match mark {
                    Mark::Fresh | Mark::Runs(_) => colours.accent,
                    Mark::Waits | Mark::None => colours.faint,
                    Mark::Wrong => colours.alarm,
                }),
            }
        }
    };
    let sign = container(changing(plain(sign).style(colour), sign)).width(MARK);
    let line = text(words).size(SMALL).font(LINES).style(move |theme: &Theme| {
        let colours = Colours::of(theme);
        text::Style { color: Some(if is_new { colours.accent } else { colours.faint }) }
    });
    let runs = match mark {
        Mark::Runs(words) => Some(changing(plain(words.clone()), &words)),
        Mark::Fresh | Mark::Waits | Mark::Wrong | Mark::None => None,
    };
    row![sign, line].push(runs).spacing(4).into()
}

fn code<'a>(words: String) -> Piece<'a, Message> {
    let code = text(words)
        .size(SMALL)
        .font(LINES)
        .style(|theme: &Theme| text::Style { color: Some(Colours::of(theme).faint) });
    container(code).padding(Padding::ZERO.left(MARK)).into()
}

fn dial<'a>(
    label: text::Text<'a>,
    [low, high]: [i64; 2],
    now: i64,
    says: String,
    set: impl Fn(i64) -> Message + Clone + 'a,
) -> Piece<'a, Message> {
    let steps = [now + 1, now - 1].map(|to| Some(set(to.clamp(low, high))));
    // A control of 32 bits reaches every step that a log has in practice.
    let [low, high, now] = [low, high, now].map(|value| value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32);
    let slide = slider(low..=high.max(low), now, move |at| set(i64::from(at))).width(Fill).height(16);
    let says = container(changing(plain(says.clone()).wrapping(Wrapping::None), &says)).width(170.0);
    row![label, Stop::of(slide).steps(steps), says].spacing(8).align_y(Alignment::Center).into()
}

fn figure<'a>(view: Option<&ShownView>) -> Piece<'a, Message> {
    let Some(view) = view else { return container(faint("drawing")).padding(8).into() };
    let (handle, [width, height]) = match &view.picture {
        Ok((handle, size)) => (handle.clone(), *size),
        Err(reason) => {
            let words = container(faint(reason.clone())).padding(8).max_width(MEASURE);
            return words.style(|theme| panel(theme, 4.0)).into();
        }
    };
    let picture = image(handle).width(width).height(height).content_fit(ContentFit::ScaleDown);
    let mut page: Column<'_, Message> =
        column![plain(view.title.clone()), picture].spacing(4).width(Length::Fixed(width));
    for note in &view.notes {
        page = page.push(faint(note.clone()));
    }
    page.into()
}

/// A field for many lines of text.
fn editor(
    content: &text_editor::Content,
) -> text_editor::TextEditor<'_, iced::advanced::text::highlighter::PlainText, Message> {
    text_editor(content).id(FIELD).on_action(Message::Typed).font(LINES).size(SMALL).padding(8).style(
        |theme: &Theme, _| {
            let colours = Colours::of(theme);
            text_editor::Style {
                background: Background::Color(colours.paper),
                border: Border { color: colours.accent, width: 1.0, radius: 4.0.into() },
                placeholder: colours.faint,
                value: colours.ink,
                selection: Color { a: 0.3, ..colours.accent },
            }
        },
    )
}

/// The button that changes between figures and notebook.
pub(crate) fn turn<'a, M: Clone + 'a>(shows: bool, message: M) -> Piece<'a, M> {
    hinted(quiet(plain("notebook"), shows, Some(message)), "the notebook, or the figures: F2")
}
