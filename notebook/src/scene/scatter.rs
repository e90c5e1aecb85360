//! Points in a plane, each the small image that it stands for; one filter at two
//! addresses is joined.

use revacnn_schemas::{Scatter, ScatterPoint};

use super::legend::{Entry, Legend};
use super::{Align, Area, Ink, Place, Role, Scene, Style, fitted};
use crate::look::dash;

/// What lies between the points and the edge: their numbers are beside them.
const MARGIN: [f32; 2] = [22.0, 16.0];
/// The share of the height that the legend may have above the points; where that is too
/// little it lies at their left, in so much of the width, or in what points cannot use.
const LEGEND: f32 = 0.25;
const LEGEND_ASIDE: f32 = 0.5;
/// What lies between a legend at the left and the points.
const BESIDE: f32 = 8.0;
/// The side of a point without an image.
const DOT: f32 = 6.0;
/// The frame about an image, and about a small one.
const EDGE: f32 = 2.0;
const THIN_EDGE: f32 = 1.0;
/// The sides of images: the least in a file and in the window, the largest where all is
/// seen, and the largest that has a thin frame.
const LEAST: [f32; 2] = [8.0, 6.0];
const LARGE: f32 = 26.0;
const SMALL: f32 = 12.0;
/// A marked point is larger by so much at each edge.
const MARK: f32 = 3.0;
/// What lies between a number and what it is not to lie on.
const CLEAR: f32 = 1.0;
/// How high an embedding is in a file, but for the notes.
const HEIGHT: f32 = 500.0;
/// In the window points fill their panel: distances along one axis are then up to so many
/// times those along the other.
const STRETCH: f64 = 4.0;
/// Of fewer points none is far from the others.
const FEW: usize = 8;
/// So many points that lie far out are named.
const NAMED: usize = 3;
/// The largest side of a point's image where one looks closely.
const LARGEST: f32 = 64.0;

/// What a scatter is drawn for.
#[derive(Debug, Clone, Copy)]
pub struct ScatterOptions {
    /// The room for it.
    pub size: [f32; 2],
    /// The most lines of notes, from 2 on.
    pub notes: usize,
    /// How many branches there are, of which the points may be of fewer.
    pub branches: usize,
    /// How words look.
    pub style: Style,
    /// How many times closer than at all of it one looks: images are larger then.
    pub zoom: f32,
}

/// Where everything of a scatter lies.
#[derive(Debug, Clone, PartialEq)]
pub struct ScatterLayout {
    /// Where each point lies where all of it is seen; a [`View`](super::View) of `area`
    /// says where elsewhere.
    pub places: Vec<Place>,
    /// The side of the points' images.
    pub side: f32,
    /// Where points may lie: above the notes, and below the legend or, where that is large
    /// for the room, at its right.
    pub area: Area,
    legend: Legend,
    notes: Vec<(Place, String)>,
}

impl ScatterLayout {
    /// How high a scatter in a file is so wide.
    pub fn height(scatter: &Scatter, options: &ScatterOptions) -> f32 {
        HEIGHT + notes(scatter, options).len() as f32 * line(options.style)
    }

    /// Lays a scatter out.
    pub fn of(scatter: &Scatter, options: &ScatterOptions) -> Self {
        let (style, [width, height]) = (options.style, options.size);
        let groups = scatter.groups.iter();
        let mut entries: Vec<Entry> =
            groups.map(|group| Entry { hue: Some(group.hue), dotted: false, words: group.name.clone() }).collect();
        if options.branches > entries.len() {
            let words = format!("{} of {} branches", entries.len(), options.branches);
            entries.push(Entry { hue: None, dotted: false, words });
        }
        let corner = [style.sides(), 0.0];
        let wide = (width - 2.0 * style.sides()).max(1.0);
        let mut legend = Legend::of(entries.clone(), corner, wide, style);
        let told = notes(scatter, options);
        let line = line(style);
        let foot = height - line * told.len() as f32;
        let place = |note: usize| [style.sides(), foot + line * (note as f32 + 0.5) - 1.0];
        let notes = told.into_iter().enumerate().map(|(note, words)| (place(note), words)).collect();
        let stretch = if style.standalone { 1.0 } else { STRETCH };
        let (mut above, mut left) = (legend.height, 0.0);
        if legend.height > LEGEND * foot {
            let of_points = (foot - 2.0 * MARGIN[1]).max(0.0) * stretch as f32 + 2.0 * MARGIN[0];
            let of_legend = (wide - of_points).max(LEGEND_ASIDE * wide);
            legend = Legend::at_left(entries, corner, [of_legend, foot], style);
            above = 0.0;
            left = legend.areas(style).iter().map(|entry| entry.right()).fold(0.0, f32::max) + BESIDE;
        }
        let area = Area::new([left, above], [(width - left).max(1.0), (foot - above).max(1.0)]);
        let room = (area.width * area.height / scatter.points.len().max(1) as f32).sqrt();
        let least = if style.standalone { LEAST[0] } else { LEAST[1] };
        let side = ((room * 0.28).clamp(least, LARGE) * options.zoom.sqrt()).min(LARGEST).round();
        Self { places: places(&scatter.points, area, stretch), side, area, legend, notes }
    }

    /// Whether what lies at a place is seen, at least in part.
    pub fn is_seen(&self, [x, y]: Place) -> bool {
        let area = self.area.grown(self.side / 2.0);
        area.x <= x && x <= area.right() && area.y <= y && y <= area.bottom()
    }

    /// How wide the frame about an image is.
    fn edge(&self) -> f32 {
        if self.side < SMALL { THIN_EDGE } else { EDGE }
    }

    /// Where the image of a point lies, in whole pixels.
    fn square(&self, point: &ScatterPoint, at: Place) -> Area {
        let side = if point.image.is_some() { self.side } else { DOT };
        Area::new([(at[0] - side / 2.0).round(), (at[1] - side / 2.0).round()], [side; 2])
    }

    /// The points and the lines between them, at their places or on the way there;
    /// `marked` are those that stand out.
    pub fn points<'a>(
        &self,
        scatter: &'a Scatter,
        at: &[Place],
        marked: impl Fn(&ScatterPoint) -> bool,
        alpha: f32,
    ) -> Scene<'a> {
        let mut scene = Scene::default();
        for [one, other] in &scatter.links {
            if let (Some(&from), Some(&to)) = (at.get(*one), at.get(*other))
                && (self.is_seen(from) || self.is_seen(to))
            {
                scene.line(vec![from, to], 1.5, &[], Role::Line);
            }
        }
        for (number, (point, at)) in scatter.points.iter().zip(at).enumerate() {
            if !self.is_seen(*at) {
                continue;
            }
            let group = scatter.groups.get(point.group);
            let within = self.square(point, *at);
            let hue = group.map(|group| group.hue);
            let of_branch = Ink::from(hue.map_or(Role::Quiet, Role::Branch)).faded(alpha);
            let (ink, within, dashes) = match marked(point) {
                true => (Role::Accent.into(), within.grown(MARK), &[][..]),
                false => (of_branch, within, hue.map_or(&[][..], dash)),
            };
            match &point.image {
                Some(image) => {
                    scene.framed(within, self.edge(), ink, dashes);
                    scene.image(image, (0, number), within);
                }
                None => scene.rectangle(within.grown(EDGE), ink),
            }
        }
        scene
    }

    /// The legend, the notes, and the points' numbers beside them, of which none lies on
    /// another, on a point or on the legend: one that finds no room is left out. That of a
    /// marked point, in full ink, is there in any case.
    pub fn words(
        &self,
        scatter: &Scatter,
        at: &[Place],
        numbers: impl Fn(&ScatterPoint) -> Option<Role>,
        style: Style,
    ) -> Scene<'static> {
        let mut scene = Scene::default();
        // One filter of two branches lies in two places, and is named at one.
        let twins: Vec<usize> = scatter.links.iter().map(|[_, twin]| *twin).collect();
        let named = scatter.points.iter().zip(at).enumerate();
        let named = named.filter(|(place, (_, at))| !twins.contains(place) && self.is_seen(**at));
        let named = named.filter_map(|(_, (point, at))| Some((point, *at, numbers(point)?)));
        let (marked, others): (Vec<_>, Vec<_>) = named.partition(|(_, _, role)| *role == Role::Ink);
        let mut taken = self.legend.areas(style);
        let points = scatter.points.iter().zip(at).filter(|(_, at)| self.is_seen(**at));
        taken.extend(points.map(|(point, at)| self.square(point, *at).grown(self.edge() + CLEAR)));
        for (point, at, role) in marked.into_iter().chain(others) {
            let number = point.filter.number.to_string();
            let size = [style.width(&number), style.text];
            let free = |here: &Area| self.holds(*here) && taken.iter().all(|other| !here.meets(*other));
            let is_marked = role == Role::Ink;
            let about = self.about(at, size, if is_marked { MARK } else { 0.0 });
            let Some(here) = about.into_iter().find(free).or(is_marked.then_some(about[0])) else { continue };
            scene.text(number, [here.x, here.middle()[1]], style.text, Align::Left, role);
            taken.push(here);
        }
        self.legend.draw(&mut scene, style);
        for (at, note) in &self.notes {
            scene.text(note.as_str(), *at, style.text, Align::Left, Role::Quiet);
        }
        scene
    }

    /// Where the number of a point may lie: at its right, its left, above, below.
    fn about(&self, [x, y]: Place, [width, height]: [f32; 2], farther: f32) -> [Area; 4] {
        let out = self.side / 2.0 + 5.0 + farther;
        let corners = [
            [x + out, y - height / 2.0],
            [x - out - width, y - height / 2.0],
            [x - width / 2.0, y - out - height],
            [x - width / 2.0, y + out],
        ];
        corners.map(|corner| Area::new(corner, [width, height]))
    }

    /// Whether an area lies within that of the points.
    fn holds(&self, at: Area) -> bool {
        let area = self.area;
        area.x <= at.x && at.right() <= area.right() && area.y <= at.y && at.bottom() <= area.bottom()
    }

    /// All of it, with every point where it belongs.
    pub fn scene<'a>(&self, scatter: &'a Scatter, style: Style) -> Scene<'a> {
        let mut scene = self.points(scatter, &self.places, |_| false, 1.0);
        scene.add(self.words(scatter, &self.places, |_| Some(Role::Quiet), style), [0.0; 2]);
        scene
    }
}

/// The height of a line of notes.
fn line(style: Style) -> f32 {
    (style.text * 1.35).round()
}

/// What is told beneath the points: in a file also where they start from, as they
/// would lie elsewhere otherwise.
fn notes(scatter: &Scatter, options: &ScatterOptions) -> Vec<String> {
    let (style, room) = (options.style, options.size[0] - 2.0 * options.style.sides());
    let start = scatter.start.filter(|_| style.standalone);
    let start = start.map(|step| format!("the points start from where they lie at step {step}"));
    let all = far_out(&scatter.points).into_iter().chain(scatter.notes.iter().cloned()).chain(start);
    lines(all, options.notes, room, |words| style.width(words))
}

/// Notes in at most so many lines (from 2), each within some room.
fn lines(notes: impl Iterator<Item = String>, rows: usize, room: f32, width: impl Fn(&str) -> f32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for note in notes {
        let joined = lines.last().map(|line| format!("{line} · {note}")).filter(|joined| width(joined) <= room);
        match (joined, lines.last_mut()) {
            (Some(joined), Some(line)) => *line = joined,
            // Where it is too long, `KL 0.1 nats` says as much.
            _ if width(&note) > room => lines.push(fitted(&note.replace("KL divergence", "KL"), room, &width)),
            _ => lines.push(note),
        }
    }
    if lines.len() > rows {
        let more = lines.len() - (rows - 1);
        lines.truncate(rows - 1);
        lines.push(format!("and {more} more"));
    }
    lines
}

/// The ends of an axis: those of all points, but where a few lie far from most, so that
/// the others would be a clump, up to the room of most beyond them.
fn ends(points: &[ScatterPoint], axis: usize) -> [f64; 2] {
    let finite = points.iter().map(|point| point.position).filter(|at| at.iter().all(|value| value.is_finite()));
    let mut values: Vec<f64> = finite.map(|at| at[axis]).collect();
    values.sort_by(f64::total_cmp);
    let (Some(&first), Some(&last)) = (values.first(), values.last()) else { return [0.0; 2] };
    let few = values.len().div_ceil(20);
    let (low, high) = (values[few.min(values.len() - 1)], values[(values.len() - 1).saturating_sub(few)]);
    if values.len() < FEW || high <= low {
        return [first, last];
    }
    let room = high - low;
    [first.max(low - room), last.min(high + room)]
}

/// What says that points lie farther out than they are drawn.
fn far_out(points: &[ScatterPoint]) -> Option<String> {
    let ends = [0, 1].map(|axis| ends(points, axis));
    let is_far = |point: &&ScatterPoint| {
        (0..2).any(|axis| {
            let [low, high] = ends[axis];
            point.position[axis] < low || point.position[axis] > high
        })
    };
    let far: Vec<String> =
        points.iter().filter(is_far).map(|point| format!("{}/{}", point.layer, point.filter.number)).collect();
    let (lie, are) = if far.len() == 1 { ("lies", "is") } else { ("lie", "are") };
    let names = match far.len() {
        0 => return None,
        few if few <= NAMED => far.join(", "),
        many => format!("{many} points"),
    };
    Some(format!("{names} {lie} farther out and {are} drawn at the edge"))
}

/// Where each point lies: distances along one axis at most `stretch` times those along the
/// other, the whole in the middle.
fn places(points: &[ScatterPoint], area: Area, stretch: f64) -> Vec<Place> {
    let ends = [0, 1].map(|axis| ends(points, axis));
    let room = |side: f32, margin: f32| f64::from((side - 2.0 * margin).max(1.0));
    let room = [room(area.width, MARGIN[0]), room(area.height, MARGIN[1])];
    let fitting: [f64; 2] = std::array::from_fn(|axis| room[axis] / (ends[axis][1] - ends[axis][0]));
    let least = fitting[0].min(fitting[1]);
    let scale =
        fitting.map(|scale| scale.min(stretch * least)).map(|scale| if scale.is_finite() { scale } else { 0.0 });
    let place = |point: &ScatterPoint| {
        let along = |axis: usize| {
            let [low, high] = ends[axis];
            let middle = (low + high) / 2.0;
            // Whatever is no number stays so, and is not drawn.
            ((point.position[axis].clamp(low, high) - middle) * scale[axis]) as f32
        };
        [area.middle()[0] + along(0), area.middle()[1] - along(1)]
    };
    points.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::{FilterIdentity, FilterNumber, Hue, ScatterGroup};

    use super::*;
    use crate::scene::text_width;

    fn point(number: u32, x: f64, y: f64) -> ScatterPoint {
        let filter = FilterIdentity { number: FilterNumber(number), born: None };
        ScatterPoint { group: 0, layer: "conv1".parse().unwrap(), filter, position: [x, y], image: None }
    }

    #[test]
    fn points_fill_the_space_with_one_scale_for_both_axes() {
        let area = Area::new([0.0, 10.0], [200.0 + 2.0 * MARGIN[0], 100.0 + 2.0 * MARGIN[1]]);
        let found = places(&[point(0, 0.0, 0.0), point(1, 2.0, 0.0), point(2, 0.0, 1.0)], area, 1.0);
        assert_eq!(found[1][0] - found[0][0], 200.0);
        assert_eq!(found[0][1] - found[2][1], 100.0);
        let one = places(&[point(0, 3.0, -4.0)], Area::new([0.0; 2], [100.0, 60.0]), 1.0);
        assert_eq!(one, [[50.0, 30.0]], "a single point lies in the middle");
    }

    #[test]
    fn in_the_window_points_fill_their_panel_as_far_as_one_axis_is_not_stretched_too_much() {
        // A square of points in panels that are wide, and very wide.
        let square = [point(0, 0.0, 0.0), point(1, 1.0, 0.0), point(2, 0.0, 1.0), point(3, 1.0, 1.0)];
        for (width, across) in [(380.0, 380.0), (800.0, 400.0)] {
            let area = Area::new([0.0; 2], [width + 2.0 * MARGIN[0], 100.0 + 2.0 * MARGIN[1]]);
            let found = places(&square, area, STRETCH);
            assert_eq!([found[1][0] - found[0][0], found[0][1] - found[2][1]], [across, 100.0]);
        }
    }

    #[test]
    fn a_point_far_out_leaves_the_others_apart_and_is_named() {
        let mut points: Vec<ScatterPoint> =
            (0..20).map(|number| point(number, f64::from(number % 5), f64::from(number / 5))).collect();
        assert_eq!(far_out(&points), None);
        points.push(point(77, 1e4, -1e4));
        assert_eq!(far_out(&points).unwrap(), "conv1/77 lies farther out and is drawn at the edge");
        let area = Area::new([0.0; 2], [400.0, 200.0]);
        let found = places(&points, area, 1.0);
        assert!(found[4][0] - found[0][0] > 60.0, "a clump: {found:?}");
        assert!(found.iter().all(|[x, y]| (0.0..=400.0).contains(x) && (0.0..=200.0).contains(y)), "{found:?}");
        assert!(found[20][0] > found[4][0] && found[20][1] > found[0][1], "it is still the farthest");
    }

    #[test]
    fn numbers_lie_on_nothing_and_come_back_where_one_looks_closely() {
        let mut points: Vec<ScatterPoint> = (0..200)
            .map(|number| point(number, (f64::from(number) * 0.7).sin() * f64::from(number), f64::from(number % 17)))
            .collect();
        points.extend(
            (200..230).map(|number| point(number, f64::from(number % 6) * 0.4, 8.0 + f64::from(number) * 1e-3)),
        );
        let scatter = Scatter {
            title: String::new(),
            groups: Vec::new(),
            points,
            links: Vec::new(),
            notes: Vec::new(),
            start: None,
        };
        let style = Style { text: 12.0, standalone: false, ..Style::FILE };
        let numbers = |view: crate::scene::View| {
            let zoom = view.zoom();
            let options = ScatterOptions { size: [430.0, 220.0], notes: 2, branches: 0, style, zoom };
            let layout = ScatterLayout::of(&scatter, &options);
            let at: Vec<Place> = layout.places.iter().map(|place| view.seen(*place, layout.area)).collect();
            let words = layout.words(&scatter, &at, |_| Some(Role::Quiet), style);
            // The last lines are notes.
            let numbers: Vec<(String, Area)> = words
                .texts()
                .filter(|text| text.words.parse::<u32>().is_ok())
                .map(|text| (text.words.clone(), text.area(text_width)))
                .collect();
            for (place, (words, here)) in numbers.iter().enumerate() {
                assert!(numbers[..place].iter().all(|(_, other)| !here.meets(*other)), "{words} lies on another");
                let on = scatter.points.iter().zip(&at).find(|(point, at)| layout.square(point, **at).meets(*here));
                assert!(on.is_none(), "{words} lies on {on:?}");
                assert!(layout.holds(*here), "{words} lies beyond the panel");
            }
            let seen = at.iter().filter(|at| layout.is_seen(**at)).count();
            (numbers.len() as f32 / seen as f32, at, layout)
        };
        let (all, at, layout) = numbers(crate::scene::View::default());
        let close = crate::scene::View::default().closer(12.0, at[210], layout.area);
        let (closely, ..) = numbers(close);
        assert!(all < 0.9 && closely > all, "{all} of the numbers find room, closely {closely}");
    }

    #[test]
    fn notes_share_a_line_as_long_as_it_lasts() {
        let of = |notes: &[&str], rows, room| {
            let notes = notes.iter().map(|note| (*note).to_owned());
            lines(notes, rows, room, |words| text_width(words, 12.0))
        };
        let notes = ["one", "two", "three and more"];
        let [short, narrow] = of(&notes, 2, 60.0).try_into().unwrap();
        assert!(short == "one · two" && narrow.starts_with("three") && narrow.ends_with('…'), "{narrow}");
        assert_eq!(of(&notes, 2, 400.0), ["one · two · three and more"]);
        assert_eq!(of(&["KL divergence 0.1 nats"], 2, 80.0), ["KL 0.1 nats"]);
        // A fork step has no gradients: a note a filter.
        let many: Vec<String> = (0..40).map(|filter| format!("{filter} has no gradient")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(of(&many, 3, 160.0), ["0 has no gradient", "1 has no gradient", "and 38 more"]);
    }

    #[test]
    fn points_lie_between_the_legend_and_the_notes_and_a_twin_has_no_number() {
        let group = |place: u16| ScatterGroup { name: format!("a-long-branch-{place}@1200"), hue: Hue(place) };
        let scatter = Scatter {
            title: String::new(),
            groups: (0..12).map(group).collect(),
            points: (0..30).map(|number| point(number, f64::from(number % 6), f64::from(number / 6))).collect(),
            links: vec![[0, 1]],
            notes: vec!["KL divergence 0.1 nats".to_owned(), "trustworthiness 0.9 over 5 neighbours".to_owned()],
            start: Some(revacnn_schemas::Step(7)),
        };
        for (size, style) in
            [([720.0, 540.0], Style::FILE), ([480.0, 300.0], Style { text: 12.0, standalone: false, ..Style::FILE })]
        {
            let options = ScatterOptions { size, notes: 4, branches: 14, style, zoom: 1.0 };
            let layout = ScatterLayout::of(&scatter, &options);
            let scene = layout.scene(&scatter, style);
            let covers = scene.covers(text_width).unwrap();
            assert!(covers.x >= 0.0 && covers.right() <= size[0] && covers.bottom() <= size[1], "{covers:?}");
            let texts: Vec<_> = scene.texts().map(|text| (text.words.as_str(), text.area(text_width))).collect();
            for (place, (words, at)) in texts.iter().enumerate() {
                assert!(texts[..place].iter().all(|(_, other)| !at.meets(*other)), "{words} {at:?}");
            }
            assert!(layout.places.iter().all(|[_, y]| *y > layout.area.y && *y < layout.area.bottom()));
            let numbers = |number: &str| texts.iter().any(|(words, _)| *words == number);
            assert!(numbers("0") && !numbers("1") && numbers("12 of 14 branches"));
            assert_eq!(texts.iter().any(|(words, _)| words.contains("start from")), style.standalone);
        }
    }

    #[test]
    fn in_little_room_points_lie_beside_the_legend_and_numbers_leave_it_readable_but_that_of_the_marked_one() {
        let group = |place: u16| ScatterGroup { name: format!("branch-{place}@1200"), hue: Hue(place) };
        let scatter = Scatter {
            title: String::new(),
            groups: (0..6).map(group).collect(),
            points: vec![point(0, 0.0, 1.0), point(1, 1.0, 1.0), point(2, 1.0, 0.0)],
            links: Vec::new(),
            notes: Vec::new(),
            start: None,
        };
        let style = Style { text: 12.0, standalone: false, ..Style::FILE };
        let options = ScatterOptions { size: [300.0, 100.0], notes: 2, branches: 6, style, zoom: 1.0 };
        let layout = ScatterLayout::of(&scatter, &options);
        let legend = layout.legend.areas(style);
        assert!(legend.iter().all(|entry| entry.right() < layout.area.x && entry.bottom() <= options.size[1] + 1.0));
        assert!(layout.area.width > options.size[0] / 2.0, "{:?}", layout.area);
        assert!(layout.places.iter().all(|[x, _]| x - layout.side / 2.0 > layout.area.x), "{:?}", layout.places);
        assert!(layout.places[2][1] - layout.places[0][1] > 60.0, "{:?}", layout.places);
        // The first lies in a corner, and its number would be beyond the panel.
        let at = [[298.0, 98.0], [250.0, 60.0], [200.0, 50.0]];
        let numbers = |marked: Option<u32>| {
            let role = |point: &ScatterPoint| {
                Some(if Some(point.filter.number.0) == marked { Role::Ink } else { Role::Quiet })
            };
            let words = layout.words(&scatter, &at, role, style);
            let numbers = words.texts().map(|text| text.words.clone()).filter(|words| words.len() == 1);
            numbers.collect::<Vec<_>>()
        };
        assert_eq!(numbers(None), ["1", "2"]);
        assert_eq!(numbers(Some(0)), ["0", "1", "2"]);
    }
}
