//! Histograms over steps: a line a step, the first at the back, or a column a step, whose shade
//! tells the shares.

use revacnn_schemas::{HistogramForm, HistogramPanel, Histograms, Palette, Step, count};

use super::{Align, Area, Ink, Place, Role, Scene, Style};
use crate::look::{Tick, linear_ticks, ramp};

/// What lies between two panels.
const BETWEEN: f32 = 18.0;
/// The height of a panel of columns, and what lies between two lines of a panel of lines.
const HEAT: f32 = 280.0;
const PITCH: [f32; 2] = [9.0, 26.0];
/// How high the lines of a panel may reach over one another, in all.
const RIDGES: f32 = 300.0;
/// How high a line is at the scale's end, in distances between lines, and at most.
const REACH: f32 = 3.2;
const CUT: f64 = 1.2;
/// The room for steps at the right of lines, and for values at the left of columns, which may need more.
const ASIDE: f32 = 44.0;
/// How far apart ticks lie, across and down.
const APART: [f32; 2] = [70.0, 36.0];
/// The bar of shades.
const BAR: [f32; 2] = [120.0, 8.0];
/// A drag that is shorter is none along its axis.
const LEAST: f32 = 6.0;
/// How far beyond a panel a drag may begin.
const SLACK: f32 = 12.0;

/// Histograms so wide, and how high they are.
pub(super) fn histograms(figure: &Histograms, width: f32, style: Style) -> (Scene<'static>, f32) {
    let (scene, layout) = HistogramsLayout::drawn(figure, width, style);
    (scene, layout.height)
}

/// Where the panels of histograms lie.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistogramsLayout {
    /// Of each panel where its values and steps lie, from the first line, or column, to the last.
    areas: Vec<Area>,
    /// How high all is.
    pub height: f32,
}

/// A part of histograms: its first and last step, and its smallest and largest value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closer {
    /// The steps, where they are chosen.
    pub within: Option<[Step; 2]>,
    /// The values, where they are chosen.
    pub range: Option<[f64; 2]>,
}

impl HistogramsLayout {
    /// Histograms so wide, and where their panels lie.
    pub fn drawn(figure: &Histograms, width: f32, style: Style) -> (Scene<'static>, Self) {
        drawn(figure, width, style)
    }

    /// The part of a panel that a drag from one place to another spans; none of what is no panel, and
    /// where it hardly moved.
    pub fn closer(&self, figure: &Histograms, from: Place, to: Place) -> Option<Closer> {
        let is_near = |at: &Area| at.grown(SLACK).meets(Area::about(from, 1.0));
        let panel = self.areas.iter().position(is_near)?;
        let (at, steps) = (self.areas[panel], &figure.panels.get(panel)?.steps);
        let share = |[x, y]: Place| {
            let along = |value: f32, start: f32, length: f32| ((value - start) / length.max(1.0)).clamp(0.0, 1.0);
            [along(x, at.x, at.width), along(y, at.y, at.height)]
        };
        let [start, end] = [share(from), share(to)];
        let ends = |axis: usize| [start[axis].min(end[axis]), start[axis].max(end[axis])];
        let moved = [(to[0] - from[0]).abs() > LEAST, (to[1] - from[1]).abs() > LEAST];
        // Along which of the two axes the values lie, and which way they grow.
        let (values, steps_axis) = match figure.form {
            HistogramForm::Ridges => (ends(0), 1),
            HistogramForm::Heat => {
                let [top, bottom] = ends(1);
                ([1.0 - bottom, 1.0 - top], 0)
            }
        };
        let [low, high] = figure.range;
        let value = |share: f32| low + f64::from(share) * (high - low);
        let last = steps.len().checked_sub(1)?;
        let step = |share: f32| match figure.form {
            HistogramForm::Ridges => steps[((share * last as f32).round() as usize).min(last)].step,
            HistogramForm::Heat => steps[((share * steps.len() as f32) as usize).min(last)].step,
        };
        let range = moved[1 - steps_axis].then(|| values.map(value));
        let within = moved[steps_axis].then(|| ends(steps_axis).map(step));
        (range.is_some() || within.is_some()).then_some(Closer { within, range })
    }

    /// What such a drag spans of its panel.
    pub fn span(&self, from: Place, to: Place) -> Option<Area> {
        let at = self.areas.iter().find(|at| at.grown(SLACK).meets(Area::about(from, 1.0)))?;
        let within = |[x, y]: Place| [x.clamp(at.x, at.right()), y.clamp(at.y, at.bottom())];
        let ([x, y], [to_x, to_y]) = (within(from), within(to));
        let (mut left, mut width) = (x.min(to_x), (x - to_x).abs());
        let (mut top, mut height) = (y.min(to_y), (y - to_y).abs());
        // A drag along one axis takes all of the other.
        if (to[0] - from[0]).abs() <= LEAST {
            (left, width) = (at.x, at.width);
        }
        if (to[1] - from[1]).abs() <= LEAST {
            (top, height) = (at.y, at.height);
        }
        Some(Area::new([left, top], [width, height]))
    }
}

fn drawn(figure: &Histograms, width: f32, style: Style) -> (Scene<'static>, HistogramsLayout) {
    let mut scene = Scene::default();
    let mut areas = Vec::with_capacity(figure.panels.len());
    let (sides, line) = (style.sides(), (1.45 * style.text).round());
    let wide = (width - 2.0 * sides).max(1.0);
    let (columns, own) = super::side_by_side(figure.panels.len(), wide, BETWEEN);
    let scale = scale(figure);
    let (mut top, mut is_cut) = (0.0, false);
    for row in figure.panels.chunks(columns) {
        let mut highest = 0.0_f32;
        for (column, panel) in row.iter().enumerate() {
            let left = sides + column as f32 * (own + BETWEEN);
            let name = style.fitted(&panel.name, own);
            scene.text(name, [left, top + 0.5 * line], style.text, Align::Left, Role::Words(panel.hue));
            let corner = [left, top + line + 2.0];
            let height = match figure.form {
                HistogramForm::Ridges => {
                    let (area, height, cuts) = ridges(&mut scene, figure, panel, (corner, own), scale, style);
                    is_cut |= cuts;
                    areas.push(area);
                    height
                }
                HistogramForm::Heat => {
                    let (area, height) = heat(&mut scene, figure, panel, (corner, own), scale, style);
                    areas.push(area);
                    height
                }
            };
            highest = highest.max(line + 2.0 + height);
        }
        top += highest + 10.0;
    }
    let most = format!("{:.1} %", 100.0 * scale);
    match figure.form {
        HistogramForm::Ridges => {
            let mut words = "each line is a step, the first at the back; heights are shares of the step's values in a \
                             bin, all on one scale"
                .to_owned();
            if is_cut {
                words += &format!("; what is above {:.1} % is cut off", 100.0 * CUT * scale);
            }
            for words in super::wrapped(&words, wide, |words| style.width(words)) {
                scene.text(words, [sides, top + 0.5 * line], style.text, Align::Left, Role::Quiet);
                top += line;
            }
        }
        HistogramForm::Heat => {
            let [low, high] = ["share of a step's values in a bin: 0", &format!("{most} and more, shaded by its root")];
            let [width, height] = BAR;
            scene.text(style.fitted(low, wide), [sides, top + 0.5 * line], style.text, Align::Left, Role::Quiet);
            let mut left = sides + style.width(low) + 6.0;
            if left + width + 6.0 + style.width(high) > sides + wide {
                (left, top) = (sides, top + line);
            }
            let middle = top + 0.5 * line;
            let bar = Area::new([left, middle - height / 2.0], [width, height]);
            scene.colour_bar(bar, Palette::Sequential);
            let room = sides + wide - bar.right() - 6.0;
            scene.text(style.fitted(high, room), [bar.right() + 6.0, middle], style.text, Align::Left, Role::Quiet);
            top += line;
        }
    }
    (scene, HistogramsLayout { areas, height: (top + 4.0).ceil() })
}

/// The share that a line's full height, or the last shade, stands for: the largest of all, but for
/// the two largest bins of each step, so that a spike flattens nothing else.
fn scale(figure: &Histograms) -> f64 {
    let third = |shares: Vec<f64>| {
        let mut sorted = shares;
        sorted.sort_by(|one, other| other.total_cmp(one));
        sorted.get(2).copied().filter(|share| *share > 0.0).or_else(|| sorted.first().copied()).unwrap_or(0.0)
    };
    let all = figure.panels.iter().flat_map(|panel| &panel.steps).map(|step| third(shares(step)));
    let largest = all.fold(0.0, f64::max);
    if largest > 0.0 { largest } else { 1.0 }
}

/// The share of a step's values in each bin.
fn shares(step: &revacnn_schemas::StepHistogram) -> Vec<f64> {
    let values = step.values().max(1) as f64;
    step.counts.iter().map(|count| *count as f64 / values).collect()
}

/// Where a value lies along an axis of so many pixels.
fn along([low, high]: [f64; 2], value: f64, length: f32) -> f32 {
    ((value - low) / (high - low) * f64::from(length)) as f32
}

/// The ticks of the values' axis beneath a panel, and what they are of.
fn value_ticks(scene: &mut Scene<'static>, figure: &Histograms, at: Area, style: Style) -> f32 {
    let [low, high] = figure.range;
    let y = at.bottom();
    for Tick { at: value, text } in linear_ticks(low, high, (at.width / APART[0]) as usize) {
        let x = at.x + along(figure.range, value, at.width);
        scene.line(vec![[x, at.y], [x, y + 3.0]], 1.0, &[], Role::Line);
        scene.text(text, [x, y + 4.0 + 0.6 * style.text], style.text, Align::Middle, Role::Quiet);
    }
    label_below(scene, figure.label.as_str(), at, style)
}

/// What an axis is of, beneath its ticks' numbers; how much room both take beneath a panel.
fn label_below(scene: &mut Scene<'static>, words: &str, at: Area, style: Style) -> f32 {
    let line = 1.35 * style.text;
    let place = [at.middle()[0], at.bottom() + 4.0 + 0.6 * style.text + line];
    scene.text(words, place, style.text, Align::Middle, Role::Quiet);
    4.0 + 2.0 * line
}

fn ridges(
    scene: &mut Scene<'static>,
    figure: &Histograms,
    panel: &HistogramPanel,
    ([left, top], wide): (Place, f32),
    scale: f64,
    style: Style,
) -> (Area, f32, bool) {
    let steps = panel.steps.len().max(1);
    let pitch = (RIDGES / steps as f32).clamp(PITCH[0], PITCH[1]);
    let reach = REACH * pitch;
    let width = (wide - ASIDE).max(1.0);
    let first = top + (CUT as f32) * reach;
    let bottom = first + pitch * (steps - 1) as f32;
    let beneath = value_ticks(scene, figure, Area::new([left, top], [width, bottom - top]), style);
    let mut is_cut = false;
    let labels = ((style.text * 1.3 / pitch).ceil() as usize).max(1);
    for (place, step) in panel.steps.iter().enumerate() {
        let base = first + place as f32 * pitch;
        let shares = shares(step);
        is_cut |= shares.iter().any(|share| *share > CUT * scale);
        let bins = shares.len().max(1) as f32;
        let top_of = |(bin, share): (usize, &f64)| {
            [left + (bin as f32 + 0.5) / bins * width, base - (share / scale).min(CUT) as f32 * reach]
        };
        let curve: Vec<Place> = shares.iter().enumerate().map(top_of).collect();
        let ends = [[left, base], [left + width, base]];
        let outline: Vec<Place> = std::iter::once(ends[0]).chain(curve).chain([ends[1]]).collect();
        // Those in front are the newer ones, and stand out.
        let newer = (place + 1) as f32 / steps as f32;
        let hue = Ink::from(Role::Branch(panel.hue));
        scene.polygon(outline.clone(), Role::Paper);
        scene.polygon(outline.clone(), hue.faded(0.12 + 0.33 * newer));
        scene.line(outline, 1.0, &[], hue.faded(0.45 + 0.55 * newer));
        let is_last = place + 1 == steps;
        if is_last || (place.is_multiple_of(labels) && place + labels < steps) {
            let at = [left + width + 5.0, base - 0.2 * style.text];
            let words = style.fitted(&count(step.step.0), ASIDE - 5.0);
            scene.text(words, at, style.text, Align::Left, if is_last { Role::Ink } else { Role::Quiet });
        }
    }
    (Area::new([left, first], [width, bottom - first]), bottom - top + beneath, is_cut)
}

fn heat(
    scene: &mut Scene<'static>,
    figure: &Histograms,
    panel: &HistogramPanel,
    ([left, top], wide): (Place, f32),
    scale: f64,
    style: Style,
) -> (Area, f32) {
    let [low, high] = figure.range;
    let ticks = linear_ticks(low, high, (HEAT / APART[1]) as usize);
    let widest = ticks.iter().map(|tick| style.width(&tick.text) + 6.0).fold(ASIDE, f32::max);
    let aside = widest.min(wide / 2.0);
    let at = Area::new([left + aside, top], [(wide - aside).max(1.0), HEAT]);
    let steps = panel.steps.len().max(1);
    let column = at.width / steps as f32;
    // Whole pixels, so that no line of paper shines through between two.
    let edge = |place: usize| (at.x + place as f32 * column).round();
    for (place, step) in panel.steps.iter().enumerate() {
        let shares = shares(step);
        let bins = shares.len().max(1) as f32;
        let down = |bin: usize| (at.bottom() - bin as f32 / bins * at.height).round();
        let shade = |share: f64| ramp(Palette::Sequential, (share / scale).sqrt().min(1.0) as f32);
        let mut bin = 0;
        while bin < shares.len() {
            // Equal shades beside one another are one rectangle; where nothing lies there is paper.
            let colour = shade(shares[bin]);
            let end = (bin..shares.len())
                .find(|&other| (shares[other] > 0.0) != (shares[bin] > 0.0) || shade(shares[other]) != colour);
            let end = end.unwrap_or(shares.len());
            if shares[bin] > 0.0 {
                let (x, y) = (edge(place), down(end));
                scene.rectangle(Area::new([x, y], [edge(place + 1) - x, down(bin) - y]), Role::Rgb(colour));
            }
            bin = end;
        }
    }
    let frame = vec![[at.x, at.y], [at.right(), at.y], [at.right(), at.bottom()], [at.x, at.bottom()], [at.x, at.y]];
    scene.line(frame, 1.0, &[], Role::Line);
    for Tick { at: value, text } in ticks {
        let y = at.bottom() - along(figure.range, value, at.height);
        scene.line(vec![[at.x - 3.0, y], [at.x, y]], 1.0, &[], Role::Line);
        scene.text(style.fitted(&text, aside - 6.0), [at.x - 5.0, y], style.text, Align::Right, Role::Quiet);
    }
    // Names of some columns: as many as have room.
    let wanted = ((at.width / APART[0]) as usize).clamp(1, steps);
    let stride = steps.div_ceil(wanted);
    for (place, step) in panel.steps.iter().enumerate() {
        let is_last = place + 1 == steps;
        if is_last || (place.is_multiple_of(stride) && place + stride < steps) {
            let x = at.x + (place as f32 + 0.5) * column;
            scene.line(vec![[x, at.bottom()], [x, at.bottom() + 3.0]], 1.0, &[], Role::Line);
            let align = if is_last && steps > 1 { Align::Right } else { Align::Middle };
            let x = if align == Align::Right { at.right() } else { x };
            scene.text(count(step.step.0), [x, at.bottom() + 4.0 + 0.6 * style.text], style.text, align, Role::Quiet);
        }
    }
    (at, at.height + label_below(scene, "step", at, style))
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::{Hue, StepHistogram};

    use super::*;
    use crate::scene::{Shape, text_width};

    fn figure(form: HistogramForm, panels: usize, steps: u64, spike: u64) -> Histograms {
        let step = |step: u64| StepHistogram {
            step: Step(1000 * step),
            counts: (0..40).map(|bin| if bin == 20 { spike } else { 20 - u64::abs_diff(bin, 20) }).collect(),
            below: 3,
            above: 0,
            not_numbers: 0,
        };
        let panel = |panel: usize| HistogramPanel {
            name: format!("branch-{panel}"),
            hue: Hue(panel as u16),
            steps: (0..steps).map(step).collect(),
        };
        Histograms {
            title: "weights of conv1 over the steps".to_owned(),
            label: "weights".to_owned(),
            form,
            range: [-0.3, 0.3],
            bins: 40,
            panels: (0..panels).map(panel).collect(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn panels_of_both_forms_lie_within_the_width() {
        for form in [HistogramForm::Ridges, HistogramForm::Heat] {
            for (panels, steps, width) in [(1, 24, 720.0), (2, 120, 720.0), (5, 3, 400.0), (1, 1, 720.0)] {
                let figure = figure(form, panels, steps, 20);
                let (scene, height) = histograms(&figure, width, Style::FILE);
                let covers = scene.covers(text_width).unwrap();
                assert!(covers.x >= 0.0 && covers.right() <= width, "{form:?} {panels}: {covers:?}");
                assert!(covers.y >= 0.0 && covers.bottom() <= height, "{form:?} {panels}: {covers:?} in {height}");
            }
        }
    }

    #[test]
    fn a_drag_spans_values_and_steps_of_a_panel() {
        for form in [HistogramForm::Ridges, HistogramForm::Heat] {
            let figure = figure(form, 2, 11, 20);
            let (_, layout) = HistogramsLayout::drawn(&figure, 720.0, Style::FILE);
            let at = layout.areas[1];
            let place = |x: f32, y: f32| [at.x + x * at.width, at.y + y * at.height];
            let ([from, to], both) = match form {
                HistogramForm::Ridges => ([(0.25, 0.2), (0.75, 0.5)], [0.25, 0.75]),
                HistogramForm::Heat => ([(0.2, 0.75), (0.49, 0.25)], [0.25, 0.75]),
            };
            let [from, to] = [place(from.0, from.1), place(to.0, to.1)];
            for (from, to) in [(from, to), (to, from)] {
                let closer = layout.closer(&figure, from, to).unwrap();
                assert_eq!(closer.within, Some([Step(2000), Step(5000)]), "{form:?}");
                for (end, share) in closer.range.unwrap().into_iter().zip(both) {
                    assert!((end - (-0.3 + 0.6 * share)).abs() < 1e-4, "{form:?} {end}");
                }
            }
            // Along one axis, hardly at all, and beside all panels.
            let along = layout.closer(&figure, from, [to[0], from[1] + 2.0]).unwrap();
            assert_eq!(
                (along.range.is_some(), along.within.is_some()),
                match form {
                    HistogramForm::Ridges => (true, false),
                    HistogramForm::Heat => (false, true),
                }
            );
            let span = layout.span(from, [to[0], from[1] + 2.0]).unwrap();
            assert_eq!((span.y, span.height), (at.y, at.height));
            assert_eq!(layout.closer(&figure, from, [from[0] + 3.0, from[1]]), None);
            assert_eq!(layout.closer(&figure, [at.x, at.bottom() + 60.0], to), None);
        }
    }

    #[test]
    fn a_spike_is_cut_off_and_said_and_flattens_nothing() {
        let highest = |figure: &Histograms| {
            let (scene, _) = histograms(figure, 720.0, Style::FILE);
            let says = scene.texts().any(|text| text.words.contains("is cut off"));
            let outlines = scene.shapes.iter().filter_map(|shape| match shape {
                Shape::Line(line) if line.points.len() > 30 => Some(line.points.iter().map(|at| at[1])),
                _ => None,
            });
            let ends = outlines.map(|line| line.fold([f32::MAX, f32::MIN], |[low, high], y| [low.min(y), high.max(y)]));
            (ends.map(|[low, high]| high - low).fold(0.0, f32::max), says)
        };
        let (usual, is_cut) = highest(&figure(HistogramForm::Ridges, 1, 10, 20));
        let (spiked, spike_is_cut) = highest(&figure(HistogramForm::Ridges, 1, 10, 5000));
        assert!(!is_cut && spike_is_cut && spiked >= usual && spiked < 1.3 * usual, "{usual} {spiked}");
    }
}
