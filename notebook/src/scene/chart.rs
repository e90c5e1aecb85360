//! Curves over the training.

use revacnn_schemas::{Axis, Chart, Hue, Mark, MarkKind, Scale, Series};

use super::legend::{Entry, Legend};
use super::range::{Range, laid_out};
use super::{Align, Area, Ink, Place, Role, Scene, Style};
use crate::look::{Tick, dash, linear_ticks, logarithmic_ticks};

/// The most that a branch's name takes at the end of its curve: in sizes of a label, or
/// such a share of a wide chart.
const NAME: f32 = 9.5;
const NAME_SHARE: f32 = 0.1;
/// Of more curves than these, a name among the curves is close to its end, or not there.
const MOST_NAMES: usize = 12;
/// A chart less wide than this has no names at its curves.
const NARROW: f32 = 360.0;
/// How much of what is beneath it a curve covers that lies behind its smoothed one.
const RAW: f32 = 0.3;
/// Validations are marked no closer to one another.
const MARKS_APART: f32 = 5.0;
/// What lies between a name among the curves and what it is not to lie on.
const CLEAR: f32 = 2.0;
/// How far a name lies beside the end of its curve, which is tried in turn.
const ASIDE: [f32; 4] = [4.0, 24.0, 56.0, 96.0];
/// The least room of the vertical axis' numbers, so that charts begin at the same
/// place beneath one another.
const NUMBERS: f32 = 52.0;
/// So many lines the names of forks share.
const FORK_LINES: usize = 4;
/// So many places, half a line apart, are tried above and beneath a fork's curve.
const BESIDE: usize = 8;
/// How high the plot of a chart in a file is.
const PLOT: f32 = 270.0;

/// What a chart is drawn for.
#[derive(Debug, Clone, Copy)]
pub struct ChartOptions {
    /// The room for it.
    pub size: [f32; 2],
    /// The ends of the horizontal axis; those of the curves if `None`.
    pub x: Option<[f64; 2]>,
    /// The least room for names at the right: that of curves that may come, so that
    /// nothing moves when they do.
    pub names: f32,
    /// The branch whose curves lie above the others and alone show what lies between
    /// the smallest and the largest value; all do if `None`.
    pub selected: Option<Hue>,
    /// How words look.
    pub style: Style,
}

/// Where everything of a chart lies.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartLayout {
    /// Where the curves are.
    pub area: Area,
    x: [f64; 2],
    y: [f64; 2],
    scale: Scale,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    /// What the axis leaves out.
    beyond: Option<String>,
    legend: Legend,
}

/// A curve as runs of places; a gap ends a run.
pub fn runs(points: &[[f64; 2]], place: impl Fn([f64; 2]) -> Option<Place>) -> Vec<Vec<Place>> {
    let mut runs: Vec<Vec<Place>> = vec![Vec::new()];
    for point in points {
        match (place(*point), runs.last_mut()) {
            (Some(at), Some(run)) => run.push(at),
            (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
            _ => {}
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// What of a line to the right lies between two ends, cut where it crosses an end.
fn within(line: &[Place], [left, right]: [f32; 2]) -> Vec<Place> {
    let is_in = |x: f32| (left..=right).contains(&x);
    if line.iter().all(|place| is_in(place[0])) {
        return line.to_vec();
    }
    let at = |[from, to]: [Place; 2], x: f32| [x, from[1] + (to[1] - from[1]) * (x - from[0]) / (to[0] - from[0])];
    let mut run: Vec<Place> = Vec::new();
    for pair in line.windows(2) {
        let [from, to] = [pair[0], pair[1]];
        if to[0] < left || from[0] > right {
            continue;
        }
        if run.is_empty() {
            run.push(if from[0] < left { at([from, to], left) } else { from });
        }
        run.push(if to[0] > right { at([from, to], right) } else { to });
    }
    run
}

impl ChartLayout {
    /// How high a chart in a file is so wide: a longer legend makes it higher, and
    /// its plot stays as high.
    pub fn height(chart: &Chart, width: f32, style: Style) -> f32 {
        let legend = Legend::of(entries(chart), [0.0; 2], width - 32.0, style).height;
        (PLOT + top(style, true) + bottom(style, legend)).ceil()
    }

    /// Lays a chart out; `None` where nothing of it can be drawn.
    pub fn of(chart: &Chart, options: &ChartOptions) -> Option<Self> {
        let (style, [width, height]) = (options.style, options.size);
        let range = Range::of(&chart.series, &chart.y, options.x)?;
        let beyond = range.beyond(&chart.series);
        let all = chart.series.iter().flat_map(|series| &series.points).map(|point| point[0]);
        let x = options.x.or_else(|| {
            let ends = all.filter(|x| x.is_finite()).map(|x| [x, x]);
            ends.reduce(|[low, high], [x, _]| [low.min(x), high.max(x)])
        })?;
        let x = if x[0] < x[1] { x } else { [x[0], x[0] + 1.0] };
        let mut legend = Legend::default();
        if style.standalone {
            legend = Legend::of(entries(chart), [16.0, 0.0], width - 32.0, style);
            let top = height - legend.height - 4.0;
            legend = Legend::of(entries(chart), [16.0, top], width - 32.0, style);
        }
        let (top, bottom) = (top(style, beyond.is_some()), bottom(style, legend.height));
        let high = (height - top - bottom).max(1.0);
        let [low, up] = range.ends;
        // How far apart numbers are at least: a small chart needs them more.
        let apart = style.text * if style.standalone { 3.6 } else { 2.2 };
        let y_ticks = match chart.y.scale {
            Scale::Linear => linear_ticks(low, up, (high / apart).max(2.0) as usize),
            Scale::Logarithmic => logarithmic_ticks(low, up, (high / (1.5 * style.text)).max(2.0) as usize),
        };
        let widest = |words: &mut dyn Iterator<Item = &str>| words.map(|words| style.width(words)).fold(0.0, f32::max);
        let left = (widest(&mut y_ticks.iter().map(|tick| tick.text.as_str())) + 16.0).max(NUMBERS);
        let names = if width < NARROW { Vec::new() } else { named(chart, style, width) };
        let room = widest(&mut names.iter().map(|(name, _)| name.as_str()));
        let room = if width < NARROW { room } else { room.max(options.names.min(name_room(style, width))) };
        let right = if room > 0.0 { room + 12.0 } else { 14.0 };
        let area = Area::new([left, top], [(width - left - right).max(1.0), high]);
        let x_ticks = linear_ticks(x[0], x[1], (area.width / (9.0 * style.text)).max(2.0) as usize);
        Some(Self { area, x, y: range.ends, scale: chart.y.scale, x_ticks, y_ticks, beyond, legend })
    }

    /// How far to the right a value lies.
    pub fn x_at(&self, x: f64) -> f32 {
        self.area.x + self.area.width * ((x - self.x[0]) / (self.x[1] - self.x[0])) as f32
    }

    fn y_at(&self, y: f64) -> f32 {
        self.area.y + self.area.height * (1.0 - ((y - self.y[0]) / (self.y[1] - self.y[0])) as f32)
    }

    /// The value so far to the right, within the axis.
    pub fn value_at(&self, x: f32) -> f64 {
        self.x[0] + (self.x[1] - self.x[0]) * f64::from(((x - self.area.x) / self.area.width).clamp(0.0, 1.0))
    }

    /// Where a point of a curve lies, at the plot's edge where it is beyond the axis;
    /// `None` for a gap.
    pub fn place(&self, [x, y]: [f64; 2]) -> Option<Place> {
        let y = laid_out(y, self.scale)?;
        Some([self.x_at(x), self.y_at(y.clamp(self.y[0], self.y[1]))])
    }

    /// What is drawn of a chart that was laid out so.
    pub fn scene(&self, chart: &Chart, options: &ChartOptions) -> Scene<'static> {
        let mut scene = Scene::default();
        self.axes(&mut scene, chart, options);
        let mut order: Vec<&Series> = chart.series.iter().collect();
        order.sort_by_key(|series| Some(series.hue) == options.selected);
        let is_alone = chart.series.iter().filter(|series| !series.dashed).count() == 1;
        for series in &order {
            // The noise about one branch would hide the others.
            let is_looked_at = options.selected == Some(series.hue);
            if is_looked_at || (options.selected.is_none() && (series.is_mean || is_alone)) {
                self.band(&mut scene, series, options.style);
            }
            self.curve(&mut scene, series, Some(series.hue) == options.selected);
        }
        let taken = self.marks(&mut scene, chart, options);
        if options.size[0] >= NARROW {
            self.names(&mut scene, chart, options, taken);
        }
        self.legend.draw(&mut scene, options.style);
        scene
    }

    fn axes(&self, scene: &mut Scene<'_>, chart: &Chart, options: &ChartOptions) {
        let (style, area) = (options.style, self.area);
        let line = |y: f32| Area::new([area.x, y.round()], [area.width, 1.0]);
        for tick in &self.y_ticks {
            let y = self.y_at(tick.at);
            scene.rectangle(line(y), Ink::from(Role::Line).faded(0.5));
            scene.text(tick.text.as_str(), [area.x - 8.0, y], style.text, Align::Right, Role::Quiet);
        }
        scene.rectangle(line(area.bottom()), Role::Line);
        let y = area.bottom() + 0.85 * style.text;
        for tick in &self.x_ticks {
            let x = self.x_at(tick.at);
            let over = x + style.width(&tick.text) / 2.0 > options.size[0] - 2.0;
            let align = if over { Align::Right } else { Align::Middle };
            scene.text(tick.text.as_str(), [x, y], style.text, align, Role::Quiet);
        }
        if style.standalone {
            let y_title = style.fitted(&described(&chart.y), 0.4 * area.width);
            scene.text(y_title, [16.0, style.text], style.text, Align::Left, Role::Ink);
            let x_title = style.fitted(&described(&chart.x), area.width);
            scene.text(x_title, [area.middle()[0], y + 1.6 * style.text], style.text, Align::Middle, Role::Ink);
        }
        if let Some(beyond) = &self.beyond {
            let words = style.fitted(beyond, if style.standalone { 0.6 } else { 1.0 } * area.width);
            scene.text(words, [area.right(), area.y - 0.9 * style.text], style.text, Align::Right, Role::Quiet);
        }
    }

    /// Whether a place on the axis is within its ends.
    fn has(&self, x: f64) -> bool {
        (self.x[0]..=self.x[1]).contains(&x)
    }

    /// What of a curve lies between the ends of the axis, as runs of places.
    fn seen(&self, points: &[[f64; 2]]) -> Vec<Vec<Place>> {
        let ends = [self.area.x, self.area.right()];
        let runs = runs(points, |point| self.place(point));
        runs.iter().map(|run| within(run, ends)).filter(|run| !run.is_empty()).collect()
    }

    fn curve(&self, scene: &mut Scene<'_>, series: &Series, selected: bool) {
        let ink = Ink::from(Role::Branch(series.hue));
        let width = if selected { 2.0 } else { 1.5 };
        for run in self.seen(&series.raw) {
            if run.len() > 1 {
                scene.line(run, 1.0, &[], ink.faded(RAW));
            }
        }
        for run in self.seen(&series.points) {
            match (&run[..], series.dashed) {
                ([at], false) => scene.circle(*at, width, ink),
                (_, false) => scene.line(run, width, dash(series.hue), ink),
                ([_], true) => {}
                // What was measured now and then: a thin line through marks.
                (_, true) => scene.line(run, 1.0, dash(series.hue), ink.faded(0.55)),
            }
        }
        let mut last = f32::NEG_INFINITY;
        let measured = series.points.iter().filter(|point| series.dashed && self.has(point[0]));
        for at in measured.filter_map(|point| self.place(*point)) {
            if at[0] - last >= MARKS_APART {
                last = at[0];
                scene.circle(at, width + 0.5, ink);
            }
        }
    }

    /// What lies between the smallest and the largest value about each point. On a screen
    /// its ends lie between two pixels: half a pixel would be left where it was before.
    fn band(&self, scene: &mut Scene<'_>, series: &Series, style: Style) {
        let place = |point| {
            let [x, y] = self.place(point)?;
            Some([if style.standalone { x } else { x.round() }, y])
        };
        let both: Vec<Option<[Place; 2]>> = series
            .bounds
            .iter()
            .zip(&series.points)
            .map(|([low, high], [x, _])| Some([place([*x, *low])?, place([*x, *high])?]))
            .collect();
        let ends = [self.area.x, self.area.right()];
        for run in both.split(Option::is_none) {
            let edge = |of: usize| run.iter().flatten().map(|both| both[of]).collect::<Vec<Place>>();
            let [low, high] = [0, 1].map(|of| within(&edge(of), ends));
            if low.len() < 2 {
                continue;
            }
            let corners = low.into_iter().chain(high.into_iter().rev()).collect();
            scene.polygon(corners, Ink::from(Role::Branch(series.hue)).faded(0.13));
        }
    }

    /// Where branches forked and what happened; returns what the words cover.
    fn marks(&self, scene: &mut Scene<'_>, chart: &Chart, options: &ChartOptions) -> Vec<Area> {
        let (style, area) = (options.style, self.area);
        let mut taken: Vec<Area> = Vec::new();
        let curves: Vec<Vec<Place>> = match style.standalone {
            true => chart.series.iter().flat_map(|series| self.seen(&series.points)).collect(),
            false => Vec::new(),
        };
        for mark in chart.marks.iter().filter(|mark| self.has(mark.x)) {
            let x = self.x_at(mark.x);
            if mark.kind == MarkKind::Fork {
                scene.diamond([x, area.bottom()], 4.0, Role::Branch(mark.hue));
            }
            if !style.standalone {
                continue;
            }
            let line = vec![[x, area.y], [x, area.bottom()]];
            scene.line(line, 1.0, &[], Ink::from(Role::Branch(mark.hue)).faded(0.5));
            let words = if mark.kind == MarkKind::Fork { format!("fork {}", mark.text) } else { mark.text.clone() };
            let words = style.fitted(&words, NAME * style.text);
            let wide = style.width(&words);
            // Of a mark at the right end, the words are at its left.
            let left = if x + wide + 4.0 > area.right() { (x - wide - 4.0).max(0.0) } else { x + 4.0 };
            let high = style.text * 1.25;
            let at = |top: f32| Area::new([left, top], [wide, high]);
            let is_free = |at: &Area| taken.iter().all(|other| !at.meets(*other));
            // What finds no room is named in the legend alone.
            let beside = self.begins(chart, mark).and_then(|y| {
                let tops = (0..BESIDE).flat_map(|away| {
                    let away = 0.5 * away as f32 * high;
                    [y - high - 3.0 - away, y + 3.0 + away]
                });
                let inside = tops.filter(|top| (area.y..=area.bottom() - high).contains(top));
                inside.map(at).find(|at| is_free(at) && curves.iter().all(|curve| !crosses(curve, *at)))
            });
            let lines = || (0..FORK_LINES).map(|line| at(area.y + high * line as f32)).find(is_free);
            if let Some(at) = beside.or_else(lines) {
                taken.push(at);
                scene.text(words, [left, at.middle()[1]], style.text, Align::Left, Role::Words(mark.hue));
            }
        }
        taken
    }

    /// How far down the curve of a fork begins.
    fn begins(&self, chart: &Chart, mark: &Mark) -> Option<f32> {
        let own = chart.series.iter().filter(|series| series.hue == mark.hue && mark.kind == MarkKind::Fork);
        let mut points = own.flat_map(|series| &series.points).filter(|point| point[0] >= mark.x);
        points.find_map(|point| self.place(*point)).map(|place| place[1])
    }

    /// The branches' names at the ends of their curves, as many as find room; the selected
    /// one's first, and those at the right end before those among the curves.
    ///
    /// A name lies on no curve and on no other words: a ground beneath it would cut curves
    /// in two. One that stands above or below its end is joined to it by a thin line.
    fn names(&self, scene: &mut Scene<'_>, chart: &Chart, options: &ChartOptions, mut taken: Vec<Area>) {
        let style = options.style;
        let high = (style.text * 7.0 / 6.0).round();
        let curves: Vec<Vec<Place>> = chart.series.iter().flat_map(|series| self.seen(&series.points)).collect();
        let mut names: Vec<(String, Hue, Place)> = named(chart, style, options.size[0])
            .into_iter()
            .filter_map(|(name, series)| {
                let end = *self.seen(&series.points).last()?.last()?;
                Some((name, series.hue, end))
            })
            .collect();
        let many = names.len() > MOST_NAMES;
        let is_selected = |hue: Hue| Some(hue) == options.selected;
        let is_among = |end: Place| end[0] < self.area.right() - 1.0;
        let room = Area { width: options.size[0] - self.area.x, ..self.area };
        names.sort_by_key(|(_, hue, end)| (!is_selected(*hue), is_among(*end)));
        let mut leaders: Vec<[Place; 2]> = Vec::new();
        let widest = names.iter().map(|(name, ..)| style.width(name) + 4.0).fold(0.0, f32::max);
        // Those to the right of the plot.
        let (mut beside, mut tops) = (Vec::new(), Vec::new());
        for (name, hue, end) in names {
            let size = [style.width(&name) + 4.0, high];
            let found = if is_among(end) {
                let lies_free = |at: Area, leader: Option<[Place; 2]>| {
                    let clear = at.grown(CLEAR);
                    taken.iter().all(|other| !clear.meets(*other))
                        && curves.iter().all(|curve| !crosses(curve, clear))
                        && leaders.iter().all(|other| !crosses(other, clear))
                        && leader.is_none_or(|leader| taken.iter().all(|other| !crosses(&leader, *other)))
                };
                // So many names are read only close to their ends.
                let reach = if many && !is_selected(hue) { 1.5 * high } else { f32::INFINITY };
                let near = among(end, size, room).into_iter().take_while(|(away, _)| *away <= reach);
                near.map(|(_, at)| (at, leader(end, at))).find(|(at, leader)| lies_free(*at, *leader))
            } else {
                let Some(at) = free(&taken, [end[0] + 4.0, end[1]], [widest, high], self.area) else { continue };
                taken.push(at);
                tops.push(at.y);
                beside.push((name, hue, end[1], at.x));
                continue;
            };
            let Some((at, leader)) = found else { continue };
            taken.push(at);
            if let Some(leader) = leader {
                leaders.push(leader);
                scene.line(leader.to_vec(), 1.0, &[], Ink::from(Role::Branch(hue)).faded(0.55));
            }
            scene.text(name, [at.x + 2.0, at.middle()[1]], style.text, Align::Left, Role::Words(hue));
        }
        // Whichever found its place first, they stand in the order of their ends.
        beside.sort_by(|one, other| one.2.total_cmp(&other.2));
        tops.sort_by(f32::total_cmp);
        for ((name, hue, _, x), top) in beside.into_iter().zip(tops) {
            scene.text(name, [x + 2.0, top + high / 2.0], style.text, Align::Left, Role::Words(hue));
        }
    }
}

/// Whether a line to the right has something in common with an area.
fn crosses(line: &[Place], area: Area) -> bool {
    let first = line.partition_point(|place| place[0] < area.x).saturating_sub(1);
    line[first..].windows(2).take_while(|pair| pair[0][0] <= area.right()).any(|pair| {
        let [from, to] = [pair[0], pair[1]];
        let (left, right) = (from[0].max(area.x), to[0].min(area.right()));
        if left > right {
            return false;
        }
        let wide = to[0] - from[0];
        let y = |x: f32| if wide > 0.0 { from[1] + (to[1] - from[1]) * (x - from[0]) / wide } else { from[1] };
        let (one, other) = if wide > 0.0 { (y(left), y(right)) } else { (from[1], to[1]) };
        one.min(other) <= area.bottom() && one.max(other) >= area.y
    })
}

/// What is above the plot: the vertical axis' name, and what it leaves out.
fn top(style: Style, beyond: bool) -> f32 {
    if style.standalone || beyond { (2.0 * style.text).max(16.0).round() } else { 8.0 }
}

/// What is below it: numbers, the horizontal axis' name, and a legend so high.
fn bottom(style: Style, legend: f32) -> f32 {
    (1.7 * style.text).round() + if style.standalone { (1.8 * style.text).round() + 8.0 + legend } else { 0.0 }
}

fn entries(chart: &Chart) -> Vec<Entry> {
    let of = |series: &Series| Entry { hue: Some(series.hue), dotted: series.dashed, words: series.name.clone() };
    chart.series.iter().map(of).collect()
}

/// The most that a name takes at the end of a curve, in a chart so wide.
fn name_room(style: Style, width: f32) -> f32 {
    (NAME * style.text).max(NAME_SHARE * width)
}

/// What is named at its end: the training's curve of each branch, where there
/// are several.
fn named(chart: &Chart, style: Style, width: f32) -> Vec<(String, &Series)> {
    let curves: Vec<&Series> = chart.series.iter().filter(|series| !series.dashed).collect();
    if curves.iter().all(|series| series.hue == curves[0].hue) {
        return Vec::new();
    }
    // A series begins with its branch's name, which has neither blanks nor commas.
    let name = |series: &Series| {
        let branch = series.name.split([' ', ',']).next().unwrap_or_default();
        style.fitted(branch, name_room(style, width))
    };
    curves.into_iter().map(|series| (name(series), series)).collect()
}

/// The nearest place beside the end of a curve that no other name has taken,
/// within the height of the plot.
fn free(taken: &[Area], end: Place, size: [f32; 2], area: Area) -> Option<Area> {
    let most = (area.height - size[1]).max(0.0);
    let half = size[1] / 2.0;
    let places = (0..=6).flat_map(|away| [end[1] - away as f32 * half, end[1] + away as f32 * half]);
    places
        .map(|middle| {
            let top = (middle - half).clamp(area.y, area.y + most).round();
            Area::new([end[0].round(), top], size)
        })
        .find(|at| taken.iter().all(|other| !at.meets(*other)))
}

/// Where the name of a curve that ends among others may lie, within some room, and how far
/// that is from its end: nearer places first.
fn among(end: Place, size: [f32; 2], room: Area) -> Vec<(f32, Area)> {
    let half = size[1] / 2.0;
    let steps = (room.height / half).ceil() as i32;
    let mut places: Vec<(f32, Area)> = (-steps..=steps)
        .flat_map(|up| {
            ASIDE.into_iter().flat_map(move |aside| {
                let away = half * up.abs() as f32 + aside - ASIDE[0];
                let top = (end[1] - half * up as f32 - half).round();
                [end[0] + aside, end[0] - aside - size[0]].map(|left| (away, Area::new([left.round(), top], size)))
            })
        })
        .filter(|(_, at)| {
            at.x >= room.x && at.right() <= room.right() && at.y >= room.y && at.bottom() <= room.bottom()
        })
        .collect();
    places.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    places
}

/// The line from the end of a curve to its name, from left to right, where they are not
/// beside one another.
fn leader(end: Place, at: Area) -> Option<[Place; 2]> {
    let x = end[0].clamp(at.x, at.right());
    let is_aside = (x - end[0]).abs() > ASIDE[0] + 1.0;
    if !is_aside && (at.y..=at.bottom()).contains(&end[1]) {
        return None;
    }
    // Above or below it, it is upright, on whole pixels.
    let [from, to] = match is_aside {
        true => [end, [x, at.middle()[1]]],
        false => [[end[0].round() + 0.5, end[1]], [end[0].round() + 0.5, at.middle()[1]]],
    };
    Some(if from[0] <= to[0] { [from, to] } else { [to, from] })
}

fn described(axis: &Axis) -> String {
    match &axis.unit {
        Some(unit) if !axis.label.contains(unit.as_str()) => format!("{} ({unit})", axis.label),
        _ => axis.label.clone(),
    }
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::Limits;

    use super::*;
    use crate::scene::{Shape, text_width};

    fn series(name: &str, hue: u16, points: Vec<[f64; 2]>) -> Series {
        Series {
            name: name.to_owned(),
            hue: Hue(hue),
            dashed: false,
            is_mean: false,
            points,
            bounds: Vec::new(),
            begins: Vec::new(),
            raw: Vec::new(),
        }
    }

    fn chart(scale: Scale, series: Vec<Series>) -> Chart {
        let axis = |label: &str, scale| Axis { label: label.to_owned(), unit: None, scale, limits: Limits::default() };
        let (x, y) = (axis("step", Scale::Linear), axis("loss", scale));
        Chart { title: String::new(), x, y, series, marks: Vec::new(), notes: Vec::new() }
    }

    fn flat(values: &[f64]) -> Vec<Series> {
        let curve = |(place, value): (usize, &f64)| {
            series(&format!("b{place} train"), place as u16, (0..50).map(|step| [f64::from(step), *value]).collect())
        };
        values.iter().enumerate().map(curve).collect()
    }

    const WINDOW: Style = Style { text: 12.0, measure: text_width, standalone: false };

    fn options(size: [f32; 2], style: Style) -> ChartOptions {
        ChartOptions { size, x: None, selected: None, names: 0.0, style }
    }

    /// The numbers of the vertical axis.
    fn numbers(chart: &Chart, options: &ChartOptions) -> Vec<String> {
        let layout = ChartLayout::of(chart, options).unwrap();
        let scene = layout.scene(chart, options);
        let left = layout.area.x;
        scene
            .texts()
            .filter(|text| text.align == Align::Right && text.at[0] < left)
            .map(|text| text.words.clone())
            .collect()
    }

    #[test]
    fn a_gap_ends_a_run_and_empty_runs_are_left_out() {
        let points = [[0.0, f64::NAN], [1.0, 1.0], [2.0, 2.0], [3.0, f64::NAN], [4.0, 4.0]];
        let place = |[x, y]: [f64; 2]| y.is_finite().then_some([x as f32, y as f32]);
        let lengths: Vec<usize> = runs(&points, place).iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1]);
    }

    #[test]
    fn what_is_looked_at_closely_is_cut_at_the_ends_of_the_axis() {
        let line = |places: &[(f32, f32)]| places.iter().map(|(x, y)| [*x, *y]).collect::<Vec<Place>>();
        let all = line(&[(0.0, 0.0), (10.0, 10.0), (20.0, 0.0), (30.0, 10.0)]);
        assert_eq!(within(&all, [0.0, 30.0]), all);
        assert_eq!(within(&all, [5.0, 25.0]), line(&[(5.0, 5.0), (10.0, 10.0), (20.0, 0.0), (25.0, 5.0)]));
        assert_eq!(within(&all, [12.0, 15.0]), line(&[(12.0, 8.0), (15.0, 5.0)]), "between two points");
        assert!(within(&all, [31.0, 40.0]).is_empty() && within(&all[..1], [1.0, 2.0]).is_empty());

        let mut both = flat(&[1.0, 2.0]);
        for series in &mut both {
            series.bounds = series.points.iter().map(|[_, y]| [y - 0.5, y + 0.5]).collect();
            series.raw = series.points.iter().map(|[x, y]| [*x, y + 0.25 * (x % 2.0)]).collect();
        }
        let validation = Series { dashed: true, points: vec![[0.0, 1.5], [25.0, 1.4], [49.0, 1.5]], ..both[0].clone() };
        both.push(validation);
        let chart = chart(Scale::Linear, both);
        for style in [Style::FILE, WINDOW] {
            let options = ChartOptions { x: Some([20.5, 30.5]), ..options([720.0, 320.0], style) };
            let layout = ChartLayout::of(&chart, &options).unwrap();
            let curves = layout.scene(&chart, &options).shapes;
            let mut lines = 0;
            for shape in &curves {
                let places = match shape {
                    Shape::Line(line) => &line.points[..],
                    Shape::Polygon(corners, _) => &corners[..],
                    Shape::Circle(at, ..) => std::slice::from_ref(at),
                    Shape::Rectangle(..) | Shape::Text(_) | Shape::Image(_) => continue,
                };
                lines += 1;
                let is_in = |place: &Place| (layout.area.x - 0.5..=layout.area.right() + 0.5).contains(&place[0]);
                // A legend has its own.
                assert!(places.iter().all(|at| is_in(at) || at[1] > layout.area.bottom()), "{shape:?}");
            }
            assert!(lines >= 2 * 2 + 2, "{lines}");
            let names: Vec<Place> =
                layout.scene(&chart, &options).texts().filter(|text| text.words == "b0").map(|text| text.at).collect();
            assert!(names.iter().any(|at| at[0] > layout.area.right()), "{names:?}");
        }
    }

    #[test]
    fn a_curve_that_is_hidden_and_shown_again_moves_nothing_along_the_axis() {
        let both = chart(Scale::Linear, flat(&[1.0, 2.0]));
        let one = Chart { series: both.series[..1].to_vec(), ..both.clone() };
        let options = ChartOptions { names: 40.0, ..options([720.0, 200.0], WINDOW) };
        let [one, both] = [one, both].map(|chart| ChartLayout::of(&chart, &options).unwrap().area);
        assert_eq!((one.x, one.width), (both.x, both.width));
    }

    #[test]
    fn a_place_on_the_axis_is_found_again_under_its_point() {
        let chart = chart(Scale::Linear, vec![series("main", 0, vec![[0.0, 1.0], [100.0, 2.0]])]);
        let mut wide = options([600.0, 150.0], WINDOW);
        wide.x = Some([0.0, 200.0]);
        let layout = ChartLayout::of(&chart, &wide).unwrap();
        assert!((layout.value_at(layout.x_at(50.0)) - 50.0).abs() < 0.01);
        assert_eq!(layout.value_at(-40.0), 0.0);
        let own = ChartLayout::of(&chart, &options([600.0, 150.0], WINDOW)).unwrap();
        assert!((own.value_at(9_999.0) - 100.0).abs() < 0.01);
    }

    #[test]
    fn each_of_several_curves_has_its_branchs_name_at_its_end_where_there_is_room() {
        let area = Area::new([50.0, 8.0], [400.0, 60.0]);
        let size = [60.0, 14.0];
        let mut taken = Vec::new();
        for _ in 0..6 {
            taken.extend(free(&taken, [454.0, 40.0], size, area));
        }
        assert_eq!(taken.len(), 3, "as many as find room");
        for (place, at) in taken.iter().enumerate() {
            assert!(at.y >= area.y && at.bottom() <= area.bottom(), "{at:?}");
            assert!(taken[..place].iter().all(|other| !at.meets(*other)), "{at:?}");
        }
        // What ends elsewhere has a place of its own.
        assert_eq!(free(&taken, [200.0, 40.0], size, area).map(|at| at.middle()[1]), Some(40.0));
    }

    #[test]
    fn names_beside_the_plot_stand_in_the_order_of_their_curves_ends() {
        let ends = [0.482, 0.511, 0.543, 0.48, 0.9];
        let curve =
            |(place, end): (usize, &f64)| series(&format!("b{place}"), place as u16, vec![[0.0, 2.0], [99.0, *end]]);
        let chart = chart(Scale::Linear, ends.iter().enumerate().map(curve).collect());
        for selected in [None, Some(Hue(0)), Some(Hue(3))] {
            let options = ChartOptions { selected, ..options([600.0, 400.0], WINDOW) };
            let scene = ChartLayout::of(&chart, &options).unwrap().scene(&chart, &options);
            let mut names: Vec<(f32, &str)> = scene
                .texts()
                .filter(|text| text.words.starts_with('b'))
                .map(|text| (text.area(text_width).y, text.words.as_str()))
                .collect();
            names.sort_by(|one, other| one.0.total_cmp(&other.0));
            let names: Vec<&str> = names.into_iter().map(|(_, name)| name).collect();
            assert_eq!(names, ["b4", "b2", "b1", "b0", "b3"], "{selected:?}");
        }
    }

    #[test]
    fn the_axis_of_one_value_lies_around_it_and_its_numbers_differ() {
        for value in [0.001, 1.019_93, 5e15, -2e-9, 0.0] {
            for style in [Style::FILE, WINDOW] {
                let chart = chart(Scale::Linear, flat(&[value]));
                let options = options([720.0, 200.0], style);
                let numbers = numbers(&chart, &options);
                let differ: std::collections::BTreeSet<&String> = numbers.iter().collect();
                assert!(numbers.len() >= 2 && differ.len() == numbers.len(), "{value}: {numbers:?}");
                let layout = ChartLayout::of(&chart, &options).unwrap();
                let [_, y] = layout.place([1.0, value]).unwrap();
                assert!((y - layout.area.middle()[1]).abs() < 0.2 * layout.area.height, "{value}");
            }
        }
    }

    #[test]
    fn nothing_lies_outside_the_figure_however_many_branches_or_large_values_there_are() {
        for values in [vec![5e15], vec![-1.234e-7, 9.9e-7], (0..25).map(f64::from).collect()] {
            for scale in [Scale::Linear, Scale::Logarithmic] {
                let mut chart = chart(scale, flat(&values));
                if chart.series.iter().all(|series| Range::of(std::slice::from_ref(series), &chart.y, None).is_none()) {
                    continue;
                }
                chart.marks = (0..25)
                    .map(|place| Mark {
                        x: f64::from(2 * place),
                        text: format!("branch-{place}"),
                        hue: Hue(place),
                        kind: MarkKind::Fork,
                    })
                    .collect();
                for (width, style) in [(720.0, Style::FILE), (360.0, Style::FILE), (900.0, WINDOW), (240.0, WINDOW)] {
                    let height = if style.standalone { ChartLayout::height(&chart, width, style) } else { 120.0 };
                    let options = options([width, height], style);
                    let layout = ChartLayout::of(&chart, &options).unwrap();
                    let covers = layout.scene(&chart, &options).covers(text_width).unwrap();
                    let within = covers.x >= 0.0 && covers.y >= 0.0;
                    assert!(within && covers.right() <= width && covers.bottom() <= height, "{covers:?} {width}");
                    if style.standalone {
                        assert!(layout.area.height >= PLOT - 1.0, "{:?}", layout.area);
                    }
                }
            }
        }
    }

    #[test]
    fn a_curves_name_does_not_lie_on_what_happened_at_its_end() {
        let mut both = flat(&[0.1, 1e15]);
        both[1].points.truncate(5);
        let mut chart = chart(Scale::Linear, both);
        chart.marks = vec![Mark { x: 4.0, text: "diverged".to_owned(), hue: Hue(1), kind: MarkKind::Event }];
        let options = options([720.0, 320.0], Style::FILE);
        let scene = ChartLayout::of(&chart, &options).unwrap().scene(&chart, &options);
        let area = |words: &str| scene.texts().find(|text| text.words == words).map(|text| text.area(text_width));
        let diverged = area("diverged").unwrap();
        assert!(area("b1").is_none_or(|name| !name.meets(diverged)), "{diverged:?}");
    }

    /// They lay on curves, with a ground that cut them in two, and some were lost.
    #[test]
    fn every_name_lies_beside_its_end_on_no_curve_and_on_no_other_name() {
        let falling = |(place, (from, to)): (usize, (u32, u32))| {
            let noise = |step: u32| 0.15 * f64::from((7 * step + 3 * place as u32) % 5) / 5.0;
            let at = |step: u32| [f64::from(step), 2.0 / (1.0 + 0.1 * f64::from(step)) + noise(step)];
            series(&format!("quite-a-name-{place} train"), place as u16, (from..to).map(at).collect())
        };
        let ends = [(0, 200), (50, 210), (135, 200), (50, 130), (150, 240)];
        let chart = chart(Scale::Linear, ends.into_iter().enumerate().map(falling).collect());
        for (size, style) in [
            ([800.0, 125.0], WINDOW),
            ([900.0, 220.0], WINDOW),
            ([720.0, 400.0], Style::FILE),
            ([2600.0, 700.0], WINDOW),
        ] {
            let options = ChartOptions { names: 200.0, ..options(size, style) };
            let layout = ChartLayout::of(&chart, &options).unwrap();
            let scene = layout.scene(&chart, &options);
            let names: Vec<Area> = scene
                .texts()
                .filter(|text| matches!(text.ink.role, Role::Words(_)))
                .map(|text| text.area(text_width))
                .collect();
            assert_eq!(names.len(), ends.len(), "{size:?}");
            for (place, name) in names.iter().enumerate() {
                assert!(names[..place].iter().all(|other| !other.meets(*name)), "{name:?}");
                let mut curves = chart.series.iter().flat_map(|series| layout.seen(&series.points));
                assert!(curves.all(|curve| !crosses(&curve, *name)), "{size:?} {name:?}");
            }
            let grounds = |shape: &&Shape<'_>| matches!(shape, Shape::Rectangle(_, ink) if ink.role == Role::Paper);
            assert_eq!(scene.shapes.iter().filter(grounds).count(), 0);
        }
    }

    /// They all stood at the upper end, far from their curves.
    #[test]
    fn a_fork_is_named_beside_its_curve_and_on_none() {
        let falling = |from: u32, hue: u16, by: f64| {
            let points = (from..50).map(|step| [f64::from(step), by + 2.0 / (1.0 + 0.1 * f64::from(step))]).collect();
            series(&format!("b{hue} train"), hue, points)
        };
        let mut chart = chart(Scale::Linear, vec![falling(0, 0, 0.0), falling(20, 1, 0.3)]);
        chart.marks = vec![Mark { x: 20.0, text: "b1".to_owned(), hue: Hue(1), kind: MarkKind::Fork }];
        let options = options([720.0, 340.0], Style::FILE);
        let layout = ChartLayout::of(&chart, &options).unwrap();
        let scene = layout.scene(&chart, &options);
        let words = scene.texts().find(|text| text.words == "fork b1").unwrap().area(text_width);
        let begins = layout.place(chart.series[1].points[0]).unwrap();
        assert!((words.middle()[1] - begins[1]).abs() < 3.0 * words.height, "{words:?} {begins:?}");
        for series in &chart.series {
            assert!(layout.seen(&series.points).iter().all(|curve| !crosses(curve, words)), "{words:?}");
        }
    }

    #[test]
    fn one_curve_far_away_does_not_flatten_another_and_is_told() {
        let chart = chart(Scale::Linear, {
            let mut both = flat(&[0.1, 1e15]);
            both[0].points[3][1] = 0.2;
            both
        });
        for style in [Style::FILE, WINDOW] {
            let options = options([720.0, 200.0], style);
            let layout = ChartLayout::of(&chart, &options).unwrap();
            let [low, high] = [0.1, 0.2].map(|value| layout.place([3.0, value]).unwrap()[1]);
            assert!(low - high > 0.5 * layout.area.height);
            assert_eq!(layout.place([3.0, 1e15]).unwrap()[1], layout.area.y, "at the edge");
            let scene = layout.scene(&chart, &options);
            assert!(scene.texts().any(|text| text.words == "beyond this axis: b1 train reaches 1e15"), "{scene:?}");
        }
        let logarithmic = Chart { y: Axis { scale: Scale::Logarithmic, ..chart.y.clone() }, ..chart };
        assert!(!Range::of(&logarithmic.series, &logarithmic.y, None).unwrap().is_cut);
    }

    #[test]
    fn a_logarithmic_axis_has_decades_and_what_lies_between_them() {
        let curve = series("main", 0, vec![[0.0, 0.3], [1.0, 3.0]]);
        let found = numbers(&chart(Scale::Logarithmic, vec![curve]), &options([720.0, 200.0], WINDOW));
        assert_eq!(found, ["0.5", "1", "2"]);
    }

    #[test]
    fn the_selected_branch_lies_above_and_alone_has_a_band() {
        let mut both = flat(&[1.0, 2.0]);
        for series in &mut both {
            series.bounds = series.points.iter().map(|[_, y]| [y - 0.5, y + 0.5]).collect();
        }
        let chart = chart(Scale::Linear, both);
        let mut options = options([720.0, 200.0], WINDOW);
        options.selected = Some(Hue(0));
        let scene = ChartLayout::of(&chart, &options).unwrap().scene(&chart, &options);
        let bands = |shape: &&Shape<'_>| matches!(shape, Shape::Polygon(..));
        assert_eq!(scene.shapes.iter().filter(bands).count(), 1);
        let lines = scene.shapes.iter().filter_map(|shape| match shape {
            Shape::Line(line) => Some((line.ink.role, line.width)),
            _ => None,
        });
        assert_eq!(lines.collect::<Vec<_>>(), [(Role::Branch(Hue(1)), 1.5), (Role::Branch(Hue(0)), 2.0)]);
    }
}
