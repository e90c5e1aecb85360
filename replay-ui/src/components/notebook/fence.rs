//! A fence on the page: its lines with their marks, its controls, its figures.

use std::ops::Range;

use iced::widget::text::Wrapping;
use iced::widget::{Column, Row, Space, checkbox, column, container, image, row, slider, text};
use iced::{Alignment, ContentFit, Fill, Font, Length, Padding, Theme};
use revacnn_notebook::command::Control;
use revacnn_notebook::document::{Block, BlockKind, Problem, Role};
use revacnn_schemas::Step;

use super::clicked::clicked;
use super::prose::MEASURE;
use super::typing::SpotOf;
use super::{Message, Progress, State};
use crate::canvas::labels::{count, number};
use crate::components::pieces::{self, Piece, alarm, changing, faint, panel, plain, press};
use crate::focus::Stop;
use crate::store_events::{ShownView, Standing};
use crate::theme::{Colours, SMALL};

/// The letters of command lines.
pub(super) const LINES: Font = Font::MONOSPACE;
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
    /// A fence: its lines with their marks, its controls, its figures.
    pub(super) fn fence<'a>(&'a self, place: usize, block: &'a Block) -> Piece<'a, Message> {
        let document = self.session.document();
        let BlockKind::Lines { lines, body } = &block.kind else { return Space::new().into() };
        let mut fence: Column<'_, Message> = column![].spacing(6);
        if !self.hides_lines {
            let mut rows: Column<'_, Message> = column![];
            let mut at = body.start;
            for row in document.text()[body.clone()].split_inclusive('\n') {
                let start = at;
                at += row.len();
                let line = lines.iter().find(|line| (start..at).contains(&line.range.start));
                let mark = line.map_or(Mark::None, |line| self.mark(&line.range, line.role()));
                let is_new =
                    self.flashed_at.is_some() && self.session.newest().is_some_and(|new| (start..at).contains(&new));
                let words = row.trim_end();
                rows = rows.push(written(words.to_owned(), start..start + words.len(), mark, is_new));
            }
            fence = fence.push(self.reached(block, rows.into()));
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
    fn mark(&self, range: &Range<usize>, role: Role) -> Mark {
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
        if !own.is_empty() && own.iter().all(|place| is_there(&place)) {
            return Mark::Fresh;
        }
        // What somebody trains by hand, here or elsewhere.
        let live = own.iter().filter_map(standing).find_map(|standing| {
            let at = self.live.get(standing.branch.as_ref()?).filter(|_| !standing.there)?;
            Some((at.unwrap_or_default(), standing.until?))
        });
        live.map_or(Mark::Waits, |(at, until)| Mark::Runs(format!("step {} of {}", count(at.0), count(until.0))))
    }

    /// What is wrong in a block, each with what mends it.
    pub(super) fn problems_in(&self, block: &Block) -> Option<Piece<'_, Message>> {
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
    fn control(&self, range: &Range<usize>) -> Option<Piece<'_, Message>> {
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
    pub(super) fn figures(&self, block: usize) -> Option<Piece<'_, Message>> {
        let views = self.session.program().views.iter().enumerate().filter(|(_, view)| view.block == block);
        let shown: Vec<Piece<'_, Message>> =
            views.map(|(place, _)| figure(self.views.get(&place).map(|view| &**view))).collect();
        (!shown.is_empty()).then(|| Row::with_children(shown).spacing(16).wrap().into())
    }
}

/// A row of a fence behind its mark.
fn written<'a>(words: String, range: Range<usize>, mark: Mark, is_new: bool) -> Piece<'a, Message> {
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
    // A click beside the words is one at their end.
    let wide = if runs.is_some() { Length::Shrink } else { Fill };
    let line = container(line).padding([1, 0]).width(wide);
    row![sign, clicked(line, SpotOf::Rows(range))].push(runs).spacing(4).into()
}

/// Rows that are shown as they are.
pub(super) fn code(words: String) -> text::Text<'static> {
    text(words).size(SMALL).font(LINES).style(|theme: &Theme| text::Style { color: Some(Colours::of(theme).faint) })
}

/// Beneath the lines, where their marks end.
pub(super) fn indented<'a>(words: impl Into<Piece<'a, Message>>) -> Piece<'a, Message> {
    container(words).padding(Padding::ZERO.left(MARK)).into()
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
    // Until it is drawn for the other paper it lies on its own.
    let paper = Colours::on(view.dark).paper;
    let picture = container(picture).style(move |theme: &Theme| match Colours::of(theme).paper == paper {
        true => container::Style::default(),
        false => container::background(paper),
    });
    let mut page: Column<'_, Message> =
        column![plain(view.title.clone()), picture].spacing(4).width(Length::Fixed(width));
    for note in &view.notes {
        page = page.push(faint(note.clone()));
    }
    page.into()
}
