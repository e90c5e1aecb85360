//! Images of a data set in planes: a mark a point in its class's colour, a cross where it is
//! predicted wrong, and small images where they have room.

use revacnn_schemas::{EmbeddedImages, EmbeddedPanel, Hue};

use super::{Align, Area, Ink, Place, Role, Scene, Style};

/// What lies between two panels.
const BETWEEN: f32 = 16.0;
/// The shares of its width that a panel in a file may be high, and its most height.
const SHAPE: [f32; 2] = [0.5, 0.8];
const HIGHEST: f32 = 500.0;
/// What lies between the points and their frame.
const MARGIN: f32 = 12.0;
/// The radius of a mark as a share of the room that a point has, and its bounds.
const RADIUS: (f32, f32, f32) = (0.19, 1.6, 3.2);
/// How many thumbnails would lie along a panel, and the bounds of their sides.
const ALONG: f32 = 22.0;
const SIDES: [f32; 2] = [14.0, 28.0];
/// The frame about a thumbnail, and what lies between two of them.
const EDGE: f32 = 1.5;
const APART: f32 = 5.0;
/// The share of a panel that thumbnails cover at most.
const COVERED: f32 = 0.2;
/// The most lines of the legend.
const LINES: usize = 4;
/// What a legend's entry has between its mark and its name, and after it.
const GAPS: [f32; 2] = [5.0, 14.0];
/// How wide the lines of a cross are.
const CROSS: f32 = 1.3;
/// A branch's colours, and the shapes that tell classes of one colour apart.
const COLOURS: u32 = 8;
const SHAPES: u32 = 4;

/// An entry of the legend.
#[derive(Debug, Clone, PartialEq)]
enum Entry {
    Class(u32, String),
    Wrong,
    Words(String),
}

/// Where a panel lies.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelLayout {
    /// Its frame.
    pub area: Area,
    /// Where each point lies, `[image]`.
    pub places: Vec<Place>,
    head: Vec<(Place, String)>,
    /// The thumbnails that have room, and where.
    thumbnails: Vec<(usize, Area)>,
}

/// In the window words take at most this share of the height.
const MOST_WORDS: f32 = 0.45;

/// Where everything lies.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagesLayout {
    /// The panels.
    pub panels: Vec<PanelLayout>,
    /// How high all of it is.
    pub height: f32,
    /// The radius of a mark.
    pub radius: f32,
    legend: Vec<(Place, Entry)>,
}

impl ImagesLayout {
    /// Lays it out so wide, and in the window so high.
    pub fn of(figure: &EmbeddedImages, width: f32, high: Option<f32>, style: Style) -> Self {
        let sides = style.sides();
        let wide = (width - 2.0 * sides).max(1.0);
        let line = (1.45 * style.text).round();
        let (mut legend, lines) = legend(figure, [sides, 0.0], wide, line, style);
        let mut top = lines as f32 * line + 4.0;
        let count = figure.panels.len().max(1);
        let (columns, own) = super::side_by_side(count, wide, BETWEEN);
        let rows = count.div_ceil(columns);
        let mut heads: Vec<Vec<String>> = figure.panels.iter().map(|panel| head(panel, count, own, style)).collect();
        // Points need the room more than words: in a low window numbers go first, and then the legend.
        let words = |top: f32, heads: &[Vec<String>]| {
            let lines = heads.iter().map(Vec::len).max().unwrap_or(0);
            top + (lines * rows) as f32 * line
        };
        if high.is_some_and(|high| words(top, &heads) > MOST_WORDS * high) {
            heads.iter_mut().for_each(|head| head.truncate(1));
        }
        if high.is_some_and(|high| words(top, &heads) > MOST_WORDS * high) {
            (legend, top) = (Vec::new(), 0.0);
        }
        let above = words(0.0, &heads) / rows as f32 + 2.0;
        let joint = figure.one_extent.then(|| extent(figure.panels.iter())).flatten();
        let plot = match high {
            None => (shape(figure, joint) * (own - 2.0 * MARGIN) + 2.0 * MARGIN).min(HIGHEST),
            Some(high) => ((high - top) / rows as f32 - above - 12.0).max(1.0),
        };
        let pitch = above + plot + 12.0;
        let room = (own * plot / figure.images.len().max(1) as f32).sqrt();
        let radius = (RADIUS.0 * room).clamp(RADIUS.1, RADIUS.2);
        let panel = |(index, (panel, head)): (usize, (&EmbeddedPanel, Vec<String>))| {
            let left = sides + (index % columns) as f32 * (own + BETWEEN);
            let upper = top + (index / columns) as f32 * pitch;
            let area = Area::new([left, (upper + above).round()], [own, plot]);
            let head = head.into_iter().enumerate();
            let head = head.map(|(place, words)| ([left, upper + (place as f32 + 0.5) * line], words)).collect();
            let places = places(panel, joint.or_else(|| extent(std::iter::once(panel))), area);
            let thumbnails = thumbnails(figure, &places, area);
            PanelLayout { area, places, head, thumbnails }
        };
        let panels = figure.panels.iter().zip(heads).enumerate().map(panel).collect();
        Self { panels, height: top + rows as f32 * pitch, radius, legend }
    }

    /// The legend, what stands above the panels, and their frames.
    pub fn words(&self, figure: &EmbeddedImages, style: Style) -> Scene<'static> {
        let mut scene = Scene::default();
        for (at, entry) in &self.legend {
            let (mark, words) = match entry {
                Entry::Class(class, words) => (Some(Mark::of(*class)), words.as_str()),
                Entry::Wrong => (None, "predicted wrong"),
                Entry::Words(words) => {
                    scene.text(words.as_str(), *at, style.text, Align::Left, Role::Quiet);
                    continue;
                }
            };
            let (radius, middle) = (0.34 * style.text, [at[0] + 0.34 * style.text, at[1]]);
            match mark {
                Some(mark) => mark.draw(&mut scene, middle, radius),
                None => cross(&mut scene, middle, 0.85 * radius, Role::Ink),
            }
            let left = at[0] + 2.0 * radius + GAPS[0];
            scene.text(words, [left, at[1]], style.text, Align::Left, Role::Quiet);
        }
        for (layout, panel) in self.panels.iter().zip(&figure.panels) {
            let Area { x, y, .. } = layout.area;
            let (right, bottom) = (layout.area.right(), layout.area.bottom());
            let frame = vec![[x, y], [right, y], [right, bottom], [x, bottom], [x, y]];
            scene.line(frame, 1.0, &[], Role::Line);
            for (at, words) in &layout.head {
                let role = if *words == panel.name { Role::Words(panel.hue) } else { Role::Quiet };
                scene.text(words.as_str(), *at, style.text, Align::Left, role);
            }
        }
        scene
    }

    /// A mark a point: of its class, and a cross where that is not predicted.
    pub fn points(&self, figure: &EmbeddedImages) -> Scene<'static> {
        let mut scene = Scene::default();
        for (layout, panel) in self.panels.iter().zip(&figure.panels) {
            let all = || figure.images.iter().zip(&panel.predicted).zip(&layout.places);
            for ((image, predicted), place) in all() {
                if !is_wrong(*predicted, image.class) && is_somewhere(place) {
                    Mark::of(image.class).draw(&mut scene, *place, self.radius);
                }
            }
            for ((image, predicted), place) in all() {
                if is_wrong(*predicted, image.class) && is_somewhere(place) {
                    cross(&mut scene, *place, 1.15 * self.radius, Mark::of(image.class).ink());
                }
            }
        }
        scene
    }

    /// The small images above the points, in frames of their classes' colours.
    pub fn thumbnails<'a>(&self, figure: &'a EmbeddedImages) -> Scene<'a> {
        let mut scene = Scene::default();
        for (layout, panel) in self.panels.iter().zip(&figure.panels) {
            for (number, at) in &layout.thumbnails {
                let thumbnail = &figure.thumbnails[*number];
                let class = figure.images[thumbnail.point].class;
                let ink = Mark::of(class).ink();
                scene.rectangle(at.grown(EDGE), ink);
                scene.rectangle(*at, Role::Paper);
                scene.image(&thumbnail.image, (0, *number), *at);
                if is_wrong(panel.predicted.get(thumbnail.point).copied().flatten(), class) {
                    let corner = Area::about([at.right(), at.y], 7.0);
                    scene.rectangle(corner, Role::Paper);
                    cross(&mut scene, corner.middle(), 2.6, ink);
                }
            }
        }
        scene
    }

    /// All of it.
    pub fn scene<'a>(&self, figure: &'a EmbeddedImages, style: Style) -> Scene<'a> {
        let mut scene: Scene<'a> = self.words(figure, style);
        scene.add(self.points(figure), [0.0; 2]);
        scene.add(self.thumbnails(figure), [0.0; 2]);
        scene
    }

    /// The image that lies nearest to a place, within a reach.
    pub fn image_at(&self, [x, y]: Place, reach: f32) -> Option<usize> {
        let panel = self.panels.iter().find(|panel| panel.area.meets(Area::about([x, y], 1.0)))?;
        let distance = |place: &Place| (place[0] - x).hypot(place[1] - y);
        let near = panel.places.iter().map(distance).enumerate().filter(|(_, distance)| *distance <= reach);
        near.min_by(|one, other| one.1.total_cmp(&other.1)).map(|(point, _)| point)
    }
}

/// How a class's points look.
#[derive(Debug, Clone, Copy)]
struct Mark {
    class: u32,
}

impl Mark {
    fn of(class: u32) -> Self {
        Self { class }
    }

    fn ink(self) -> Ink {
        Role::Branch(Hue((self.class % COLOURS) as u16)).into()
    }

    fn draw(self, scene: &mut Scene<'_>, [x, y]: Place, radius: f32) {
        let ink = self.ink();
        match self.class / COLOURS % SHAPES {
            0 => scene.circle([x, y], radius, ink),
            1 => scene.rectangle(Area::about([x, y], 1.8 * radius), ink),
            2 => {
                let [up, out] = [1.3 * radius, 1.2 * radius];
                scene.polygon(vec![[x, y - up], [x + out, y + 0.8 * radius], [x - out, y + 0.8 * radius]], ink);
            }
            _ => scene.diamond([x, y], 1.35 * radius, ink),
        }
    }
}

fn cross(scene: &mut Scene<'_>, [x, y]: Place, radius: f32, ink: impl Into<Ink>) {
    let ink = ink.into();
    for side in [radius, -radius] {
        scene.line(vec![[x - radius, y - side], [x + radius, y + side]], CROSS, &[], ink);
    }
}

fn is_somewhere(place: &Place) -> bool {
    place.iter().all(|value| value.is_finite())
}

/// Whether another class is predicted than the image's.
fn is_wrong(predicted: Option<u32>, class: u32) -> bool {
    predicted.is_some_and(|predicted| predicted != class)
}

/// The entries of the legend, and in how many lines they lie.
fn legend(
    figure: &EmbeddedImages,
    [left, top]: Place,
    wide: f32,
    line: f32,
    style: Style,
) -> (Vec<(Place, Entry)>, usize) {
    let names = figure.classes.iter().map(|name| style.fitted(name, wide / 3.0));
    let classes: Vec<Entry> = (0..).zip(names).map(|(class, name)| Entry::Class(class, name)).collect();
    let has_wrong = |panel: &EmbeddedPanel| {
        figure.images.iter().zip(&panel.predicted).any(|(image, said)| is_wrong(*said, image.class))
    };
    let wrong = figure.panels.iter().any(has_wrong).then_some(Entry::Wrong);
    let width = |entry: &Entry| match entry {
        Entry::Class(_, words) => 0.68 * style.text + GAPS[0] + style.width(words),
        Entry::Wrong => 0.68 * style.text + GAPS[0] + style.width("predicted wrong"),
        Entry::Words(words) => style.width(words),
    };
    let placed = |entries: Vec<Entry>| {
        let (mut x, mut row, mut placed) = (left, 0, Vec::new());
        for entry in entries {
            let own = width(&entry);
            if x > left && x + own > left + wide {
                (x, row) = (left, row + 1);
            }
            placed.push(([x, top + (row as f32 + 0.5) * line], entry));
            x += own + GAPS[1];
        }
        (placed, row + 1)
    };
    // As many classes as fit, and how many there are beside them.
    for shown in (1..=classes.len()).rev() {
        let more = classes.len() - shown;
        let more = (more > 0).then(|| Entry::Words(format!("and {more} more")));
        let all = classes[..shown].iter().cloned().chain(more).chain(wrong.clone()).collect();
        let (entries, rows) = placed(all);
        if rows <= LINES || shown == 1 {
            return (entries, rows);
        }
    }
    placed(wrong.into_iter().collect())
}

/// What stands above a panel: its address where there are several, and how well it fits.
fn head(panel: &EmbeddedPanel, panels: usize, room: f32, style: Style) -> Vec<String> {
    let name = (panels > 1).then(|| panel.name.clone());
    let notes = panel.notes.iter().map(|note| {
        // Where it is too long, `KL 0.1 nats` says as much.
        if style.width(note) > room { style.fitted(&note.replace("KL divergence", "KL"), room) } else { note.clone() }
    });
    name.into_iter().chain(notes).collect()
}

/// The least and the largest coordinates of some panels along each axis.
fn extent<'a>(panels: impl Iterator<Item = &'a EmbeddedPanel>) -> Option<[[f64; 2]; 2]> {
    let all = panels.flat_map(|panel| &panel.positions).filter(|at| at.iter().all(|value| value.is_finite()));
    all.fold(None, |ends: Option<[[f64; 2]; 2]>, at| {
        let ends = ends.unwrap_or(at.map(|value| [value; 2]));
        Some(std::array::from_fn(|axis| [ends[axis][0].min(at[axis]), ends[axis][1].max(at[axis])]))
    })
}

/// How high the points of the highest panel lie in a file, as a share of their width.
fn shape(figure: &EmbeddedImages, joint: Option<[[f64; 2]; 2]>) -> f32 {
    let own = figure.panels.iter().filter_map(|panel| joint.or_else(|| extent(std::iter::once(panel))));
    let shapes = own.map(|[[left, right], [low, high]]| ((high - low) / (right - left)) as f32);
    let highest = shapes.filter(|shape| shape.is_finite()).fold(0.0, f32::max);
    highest.clamp(SHAPE[0], SHAPE[1])
}

/// Where the points of a panel lie: distances along both axes are alike, the whole in the middle.
fn places(panel: &EmbeddedPanel, ends: Option<[[f64; 2]; 2]>, area: Area) -> Vec<Place> {
    let ends = ends.unwrap_or_default();
    let room = [area.width, area.height].map(|side| f64::from((side - 2.0 * MARGIN).max(1.0)));
    let fitting: [f64; 2] = std::array::from_fn(|axis| room[axis] / (ends[axis][1] - ends[axis][0]));
    let scale = fitting[0].min(fitting[1]);
    let scale = if scale.is_finite() { scale } else { 0.0 };
    let place = |position: &[f64; 2]| {
        let along = |axis: usize| ((position[axis] - (ends[axis][0] + ends[axis][1]) / 2.0) * scale) as f32;
        [area.middle()[0] + along(0), area.middle()[1] - along(1)]
    };
    panel.positions.iter().map(place).collect()
}

/// The thumbnails that lie apart from all before them, and where.
fn thumbnails(figure: &EmbeddedImages, places: &[Place], area: Area) -> Vec<(usize, Area)> {
    let side = ((area.width * area.height).sqrt() / ALONG).clamp(SIDES[0], SIDES[1]).round();
    let most = (COVERED * area.width * area.height / (side * side)) as usize;
    let mut taken: Vec<(usize, Area)> = Vec::new();
    for (number, thumbnail) in figure.thumbnails.iter().enumerate() {
        let Some(place) = places.get(thumbnail.point).filter(|place| is_somewhere(place)) else { continue };
        let corner = [(place[0] - side / 2.0).round(), (place[1] - side / 2.0).round()];
        let at = Area::new(corner, [side; 2]);
        let near = at.grown(EDGE + APART);
        let is_within = area.x <= at.x && area.y <= at.y && at.right() <= area.right() && at.bottom() <= area.bottom();
        if taken.len() < most && is_within && !taken.iter().any(|(_, other)| near.meets(other.grown(EDGE))) {
            taken.push((number, at));
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use revacnn_schemas::{EmbeddedImage, Image, ImageIndex, Palette, Thumbnail};

    use super::*;
    use crate::scene::{Shape, text_width};

    /// Images on a spiral, every seventh predicted wrong.
    fn figure(classes: u32, panels: usize, images: u32) -> EmbeddedImages {
        let at = |image: u32| {
            let turn = f64::from(image) * 0.1;
            [turn * turn.cos(), turn * turn.sin()]
        };
        let class = |image: u32| image % classes;
        let picture = |label: u32| Image {
            label: label.to_string(),
            filter: None,
            rows: 2,
            columns: 2,
            pixels: vec![0.0, 0.5, 1.0, 0.2],
            palette: Palette::Sequential,
            range: [0.0, 1.0],
        };
        let panel = |panel: usize| EmbeddedPanel {
            name: format!("a-branch-with-a-name@{panel}"),
            hue: Hue(1),
            positions: (0..images).map(at).collect(),
            predicted: (0..images).map(|image| Some(if image % 7 == 0 { classes } else { class(image) })).collect(),
            right: Some(0),
            neighbours: 10,
            purity: 0.5,
            purity_in_plane: 0.4,
            chance: 0.1,
            by_class: Vec::new(),
            notes: vec!["neighbour purity 50.0 %".to_owned(), "t-SNE, KL divergence 1.0 nats".to_owned()],
        };
        EmbeddedImages {
            title: "images".to_owned(),
            layer: "conv1".parse().unwrap(),
            classes: (0..classes).map(|class| format!("class number {class}")).collect(),
            images: (0..images).map(|image| EmbeddedImage { image: ImageIndex(image), class: class(image) }).collect(),
            panels: (0..panels).map(panel).collect(),
            thumbnails: (0..images as usize).map(|point| Thumbnail { point, image: picture(point as u32) }).collect(),
            one_extent: true,
            notes: Vec::new(),
        }
    }

    #[test]
    fn panels_lie_within_the_width_and_their_thumbnails_apart() {
        for (classes, panels, width) in [(10, 1, 720.0), (100, 2, 720.0), (3, 5, 400.0), (1000, 1, 300.0)] {
            let figure = figure(classes, panels, 500);
            let layout = ImagesLayout::of(&figure, width, None, Style::FILE);
            let scene = layout.scene(&figure, Style::FILE);
            let covers = scene.covers(text_width).unwrap();
            assert!(covers.right() <= width && covers.bottom() <= layout.height, "{classes} {panels}: {covers:?}");
            for panel in &layout.panels {
                assert!(panel.thumbnails.len() > 3, "{classes} {panels}");
                for (place, (_, one)) in panel.thumbnails.iter().enumerate() {
                    let others = &panel.thumbnails[..place];
                    assert!(others.iter().all(|(_, other)| !one.grown(EDGE).meets(other.grown(EDGE))));
                }
            }
            let places: Vec<_> = layout.panels.iter().map(|panel| panel.area).collect();
            let apart = |(place, area): (usize, &Area)| places[..place].iter().all(|other| !area.meets(*other));
            assert!(places.iter().enumerate().all(apart), "{places:?}");
        }
    }

    #[test]
    fn wrong_ones_are_crosses_and_thirty_two_classes_look_different() {
        let figure = figure(10, 1, 70);
        let layout = ImagesLayout::of(&figure, 720.0, None, Style::FILE);
        let lines = layout.points(&figure).shapes.iter().filter(|shape| matches!(shape, Shape::Line(_))).count();
        assert_eq!(lines, 2 * 10, "two lines a cross");
        let look = |class: u32| {
            let mut scene = Scene::default();
            Mark::of(class).draw(&mut scene, [0.0; 2], 2.0);
            format!("{scene:?}")
        };
        let looks: std::collections::BTreeSet<String> = (0..32).map(look).collect();
        assert_eq!((looks.len(), look(32) == look(0)), (32, true));
    }

    #[test]
    fn the_image_beneath_a_pointer_is_found_in_every_panel() {
        let figure = figure(10, 2, 70);
        let layout = ImagesLayout::of(&figure, 900.0, Some(300.0), Style { standalone: false, ..Style::FILE });
        assert!(layout.height <= 300.0, "{}", layout.height);
        for panel in &layout.panels {
            assert_eq!(layout.image_at(panel.places[40], 4.0), Some(40));
            assert_eq!(layout.image_at([panel.area.x, panel.area.y], 4.0), None);
        }
    }
}
