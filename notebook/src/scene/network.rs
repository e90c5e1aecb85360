//! The network: the image, a group of nodes a layer, the classes; paths as thick as
//! activations.

use revacnn_schemas::{
    ClassOutputs, DiagramEdge, DiagramEnd, DiagramFilter, DiagramJoint, DiagramLink, DiagramNode, DiagramPart,
    DiagramTrace, LayerName, NetworkDiagram, Palette,
};

use super::paths::{Bundle, End, Filter, Paths, RECEDES, paths};
use super::plan::{Plan, node_of};
use super::skips::{LANE, MOST_OF_HEIGHT, RADIUS, joint, lanes, past, straight};
use super::{Align, Area, Ink, Line, Place, Role, Scene, Style};
use crate::look::count;

/// What a class layer says of a class: a probability as a percentage, a score or a value.
fn output(outputs: ClassOutputs, value: f32) -> String {
    match outputs {
        ClassOutputs::Probabilities => format!("{:.0}", value * 100.0),
        ClassOutputs::Scores => format!("{value:.1}"),
        ClassOutputs::Values | ClassOutputs::Image => format!("{value:.2}"),
    }
}

/// What a network says, on the right of a diagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Nothing that was computed.
    Nothing,
    /// Something of each class.
    Classes,
    /// The image once more.
    Image,
}

impl Says {
    /// What the network of a diagram says.
    pub fn of(diagram: &NetworkDiagram) -> Self {
        match (&diagram.reconstruction, diagram.classes.is_empty()) {
            (Some(_), _) => Self::Image,
            (None, false) => Self::Classes,
            (None, true) => Self::Nothing,
        }
    }
}

/// The largest side of a node in a file and in the window, and what lies between two.
const LARGEST_NODE: [f32; 2] = [46.0, 72.0];
const GAP: f32 = 4.0;
/// The most room between two layers, where their paths are seen, in a file and in the window.
const GUTTER: [f32; 2] = [56.0, 180.0];
/// What an autoencoder's picture is called.
const GIVEN_BACK: &str = "reconstruction";
/// The height of the layers' names.
const HEAD: f32 = 40.0;
const BUTTON: f32 = 18.0;
/// What lies between two buttons.
const APART: f32 = 2.0;
/// How far down a button beneath a name is.
const BENEATH: f32 = 21.0;
/// The least width of a layer that has room for its buttons beside its name.
const LEAST_BESIDE: f32 = 104.0;
/// The sides of a button between two layers: the largest, and the least that is there.
const INSERT: [f32; 2] = [16.0, 10.0];
/// In the window: the line at the foot, its bar of colours, and the least room for words
/// that are cut.
const FOOT: f32 = 20.0;
const BAR: f32 = 64.0;
const LEAST_WORDS: f32 = 150.0;
/// In the window what is above the class bars, and the least size of their words where
/// lines are that close.
const CLASS_HEAD: f32 = 24.0;
const LEAST_TEXT: f32 = 10.0;
/// The least side of the image.
const LEAST_INPUT: f32 = 24.0;
/// What is written beneath the image takes so much.
const BELOW: f32 = 12.0 + 16.0 + 10.0;
/// Nodes less wide than this lie closer together.
const SMALL_NODE: f32 = 16.0;
const SMALL_GAP: f32 = 2.0;
/// Nodes less wide than this have nothing between them, and layers less wide no name but the chosen one's.
const LEAST_NODE: f32 = 3.0;
const LEAST_NAME: f32 = 12.0;
/// A diagram less wide than this has no class bars.
const NARROW: f32 = 500.0;
/// A layer takes so much at least where there is room, and all but the layers so much beside the class bars.
const LEAST_COLUMN: f32 = 16.0;
const BESIDE_CLASSES: f32 = 240.0;
/// The share of the class bars' room that their names take.
const CLASS_NAMES: f32 = 0.48;
/// How high a network in a file is at least and at most, and the least side of a
/// node for which it is made higher.
const HEIGHTS: [f32; 2] = [360.0, 900.0];
const SEEN: f32 = 22.0;
/// A node less wide than this has no number beneath it.
const NUMBERED: f32 = 14.0;

/// Where everything of a diagram lies.
#[derive(Debug, Clone)]
pub struct NetworkLayout {
    /// The image that the network looks at.
    pub input: Area,
    /// A square a filter of the plan, `[column][filter]`.
    pub nodes: Vec<Vec<Area>>,
    /// The layers' names.
    pub heads: Vec<Area>,
    /// In the window the button that adds a filter, a column each: beside the
    /// layer's name, or beneath it where there is little room.
    pub add: Vec<Area>,
    /// In the window the button that removes a layer, beside the one that adds a filter;
    /// `None` where a layer is too narrow for both.
    pub remove: Vec<Option<Area>>,
    /// In the window the button that inserts a layer: before the first one, and after each;
    /// `None` where layers lie too close.
    pub insert: Vec<Option<Area>>,
    /// The class bars, or the image that the network gives back.
    pub classes: Area,
    /// The line at the foot, in the window.
    pub foot: Area,
    /// The room before each column and behind the last, from left to right.
    rooms: Vec<[f32; 2]>,
    /// The height of the middle of the nodes, and of each lane below them.
    middle: f32,
    lanes: Vec<f32>,
    style: Style,
}

/// How many cells side by side make the largest square cells of `count` ones
/// in a space, each with a strip beneath it, and their side.
fn grid(count: usize, [width, height]: [f32; 2], beneath: f32, gap: f32, largest: f32) -> (usize, f32) {
    let sizes = (1..=count.max(1)).map(|across| {
        let down = count.max(1).div_ceil(across);
        let side = ((width - gap * (across - 1) as f32) / across as f32)
            .min((height - gap * (down - 1) as f32) / down as f32 - beneath)
            .min(largest);
        (across, side.max(1.0))
    });
    sizes.fold((1, 0.0), |best, next| if next.1 > best.1 + 0.01 { next } else { best })
}

impl NetworkLayout {
    /// Lays a plan out in a space.
    pub fn of(plan: &Plan, says: Says, [width, height]: [f32; 2], style: Style) -> Self {
        let input_side = (width * 0.10).clamp(36.0, 96.0);
        // Where there is little room, filters need it more than class bars.
        let count = plan.columns.len().max(1) as f32;
        let has_classes = says == Says::Classes && width >= NARROW.max(BESIDE_CLASSES + LEAST_COLUMN * count);
        let has_image = says == Says::Image;
        let foot = if style.standalone { 12.0 } else { FOOT };
        let whole = (height - HEAD - foot).max(20.0);
        let lane = LANE.min(whole * MOST_OF_HEIGHT / (plan.lanes as f32 + 0.5));
        let body = (whole - lane * if plan.lanes > 0 { plan.lanes as f32 + 0.5 } else { 0.0 }).max(20.0);
        let lanes = (1..=plan.lanes).map(|place| HEAD + body + lane * place as f32).collect();
        // Its number and its class are beneath it, above the foot.
        let beneath = BELOW + if has_classes || has_image { 0.0 } else { 16.0 };
        let input_side = input_side.min(height - HEAD - foot - beneath).max(LEAST_INPUT).round();
        let lowest = (height - foot - beneath - input_side).max(HEAD);
        let input_top = (HEAD + (body - input_side) / 2.0).min(lowest).round();
        let input = Area::new([style.sides(), input_top], [input_side; 2]);
        let classes_width = match (has_classes, has_image) {
            (true, _) => (width * 0.20).clamp(110.0, 190.0),
            // Its name is beneath it.
            (_, true) if width >= NARROW => style.width(GIVEN_BACK).ceil().max(input_side),
            (_, true) => input_side,
            _ => 0.0,
        };
        let between = (width * 0.03).clamp(10.0, 28.0);
        let left = input.x + input_side + between;
        // A last sum needs room as well.
        let behind = has_classes || has_image || style.standalone && plan.lanes > 0;
        let right = width - classes_width - style.sides() - if behind { between } else { 0.0 };
        let each = (right - left).max(count) / count;
        // Many layers in a narrow room lie within it all the same.
        let least = if each < LEAST_COLUMN { each * 0.3 } else { 8.0 };
        let gutter = (each * 0.22).clamp(least, GUTTER[usize::from(!style.standalone)].max(least));
        let wide = ((right - left - gutter * (count - 1.0)) / count).max(2.0);
        let beneath = if style.standalone { style.text } else { 0.0 };
        let (mut nodes, mut add, mut heads) = (Vec::new(), Vec::new(), Vec::new());
        let mut remove = Vec::new();
        for (place, (_, filters)) in plan.columns.iter().enumerate() {
            let x = left + place as f32 * (wide + gutter);
            let largest = LARGEST_NODE[usize::from(!style.standalone)];
            let of = |beneath: f32, gap: f32| (beneath, gap, grid(filters.len(), [wide, body], beneath, gap, largest));
            let mut found = of(beneath, GAP);
            if found.2.1 < NUMBERED {
                found = of(0.0, GAP);
            }
            if found.2.1 < SMALL_NODE && !style.standalone {
                found = of(0.0, SMALL_GAP);
            }
            // Many in little room lie side by side rather than beyond it.
            if found.2.1 < LEAST_NODE {
                found = of(0.0, 0.0);
            }
            let (beneath, gap, (across, side)) = found;
            let down = filters.len().div_ceil(across).max(1);
            let pitch = [side + gap, side + beneath + gap];
            let used = [across as f32 * pitch[0] - gap, down as f32 * pitch[1] - gap];
            let corner = [x + (wide - used[0]) / 2.0, HEAD + (body - used[1]) / 2.0];
            let node = |filter: usize| {
                let at = [(filter % across) as f32 * pitch[0], (filter / across) as f32 * pitch[1]];
                Area::new([(corner[0] + at[0]).round(), (corner[1] + at[1]).round()], [side.floor(); 2])
            };
            nodes.push((0..filters.len()).map(node).collect());
            if style.standalone {
                heads.push(Area::new([x, 2.0], [wide, HEAD - 4.0]));
                continue;
            }
            let beside = wide >= LEAST_BESIDE;
            let buttons = if beside { 2.0 * (BUTTON + APART) } else { 0.0 };
            heads.push(Area::new([x, 2.0], [(wide - buttons).max(8.0), HEAD - 4.0]));
            let (at, side) = match beside {
                true => ([x + wide - 2.0 * BUTTON - APART, 4.0], BUTTON),
                false => ([x, BENEATH], (BUTTON - 2.0).min(wide + 2.0)),
            };
            let button = |place: f32| Area::new([at[0] + place * (side + APART), at[1]], [side; 2]);
            add.push(button(0.0));
            remove.push(Some(button(1.0)).filter(|button| button.right() <= x + wide + 1.0));
        }
        let ends = |place: usize| left + place as f32 * (wide + gutter);
        let room = |place: usize| match place {
            0 => [input.right(), left],
            last if last == plan.columns.len() => [ends(last) - gutter, ends(last) - gutter + between],
            place => [ends(place) - gutter, ends(place)],
        };
        let rooms: Vec<[f32; 2]> = (0..=plan.columns.len()).map(room).collect();
        let insert = match style.standalone {
            true => Vec::new(),
            false => {
                let button = |place: usize| {
                    let [from, to] = rooms[place];
                    let side = INSERT[0].min(to - from - 2.0).floor();
                    let at = [((from + to - side) / 2.0).round(), BENEATH + (INSERT[0] - side) / 2.0];
                    (side >= INSERT[1]).then(|| Area::new(at, [side; 2]))
                };
                (0..=plan.columns.len()).map(button).collect()
            }
        };
        // In the window the bars lie beside the foot, too: many classes need the room.
        let [above, below] = if style.standalone { [HEAD, foot] } else { [CLASS_HEAD, 4.0] };
        let classes_left = width - classes_width - style.sides();
        let classes = match has_image {
            // As large as what goes in, and at its height.
            true => Area { x: (classes_left + (classes_width - input_side) / 2.0).round(), ..input },
            false => Area::new([classes_left, above], [classes_width, (height - above - below).max(20.0)]),
        };
        let foot_right = if has_classes { classes_left - GAP } else { width - style.sides() };
        let foot = Area::new([style.sides(), height - foot], [foot_right - style.sides(), foot]);
        let middle = HEAD + body / 2.0;
        Self { input, nodes, heads, add, remove, insert, classes, foot, rooms, middle, lanes, style }
    }

    /// Whether there is room for a line beneath a layer's name.
    pub fn has_room_beneath(&self, column: usize) -> bool {
        self.style.standalone || self.add.get(column).is_some_and(|button| button.y < BENEATH)
    }

    /// Whether there is room for the class bars, or an image in their place.
    pub fn has_bars(&self) -> bool {
        self.classes.width > 0.0
    }

    /// Where the nodes of a layer lie, in the figure's order; `None` for those that
    /// the plan leaves out.
    fn squares(&self, plan: &Plan, diagram: &NetworkDiagram, column: usize) -> Vec<Option<Area>> {
        let column = &diagram.columns[column];
        let place = plan.columns.iter().position(|(layer, _)| *layer == column.layer);
        let of = |node: &DiagramNode| {
            let at = plan.columns[place?].1.iter().position(|filter| *filter == node.filter)?;
            self.nodes[place?].get(at).copied()
        };
        column.nodes.iter().map(of).collect()
    }

    /// From the image to the first layer, and from each layer to the next, between filters
    /// of the upper half: of many the strongest, and all of a filter that is `marked`.
    ///
    /// Where the diagram has a chain, that lies above them, and they are faint.
    pub fn paths(&self, plan: &Plan, diagram: &NetworkDiagram, marked: Option<Filter<'_>>) -> Paths {
        let Some(trace) = &diagram.trace else { return self.all_paths(plan, diagram, marked) };
        let chain = self.chain(plan, diagram, trace);
        let name = format!("{}/{}", trace.of.layer, trace.of.filter.number);
        // Another filter's paths may stand out beside it.
        let other = marked.filter(|marked| *marked != (&trace.of.layer, &trace.of.filter));
        let mut paths = self.all_paths(plan, diagram, other);
        if other.is_none() && !chain.is_empty() {
            paths.lines.iter_mut().for_each(|line| line.ink = line.ink.faded(RECEDES));
            paths.words = format!("lines: the strongest chain of {name}; others are faint");
        }
        paths.lines.extend(chain);
        paths
    }

    /// The links of a chain.
    fn chain(&self, plan: &Plan, diagram: &NetworkDiagram, trace: &DiagramTrace) -> Vec<Line> {
        let classes = self.class_lines(diagram.classes.len());
        let at = |end: &DiagramEnd| match end {
            DiagramEnd::Input => diagram.input.is_some().then(|| [self.input.right(), self.input.middle()[1]]),
            DiagramEnd::Filter(DiagramFilter { layer, filter }) => {
                let place = plan.columns.iter().position(|(other, _)| other == layer)?;
                let at = plan.columns[place].1.iter().position(|other| other == filter)?;
                self.nodes[place].get(at).map(|node| node.middle())
            }
            DiagramEnd::Output(place) => self.has_bars().then(|| {
                let y = classes.get(*place).map_or(self.classes.middle()[1], |(y, _)| *y);
                [self.classes.x - 4.0, y]
            }),
        };
        let line = |link: &DiagramLink| {
            let ink = Ink::from(Role::Accent);
            Some(Line { points: vec![at(&link.from)?, at(&link.to)?], width: 2.0 + 2.0 * link.share, dash: &[], ink })
        };
        trace.links.iter().filter_map(line).collect()
    }

    fn all_paths(&self, plan: &Plan, diagram: &NetworkDiagram, marked: Option<Filter<'_>>) -> Paths {
        let layers: Vec<Vec<End>> = (0..diagram.columns.len())
            .map(|place| {
                let column = &diagram.columns[place];
                let most = column.nodes.iter().filter_map(|node| node.activation_sum).fold(0.0_f32, f32::max);
                let of = column.nodes.len();
                let end = |(number, (node, area)): (usize, (&DiagramNode, Option<Area>))| {
                    let share = if most > 0.0 { node.activation_sum.unwrap_or(0.0) / most } else { 0.0 };
                    let marked = marked == Some((&column.layer, &node.filter));
                    let end = End { at: area?.middle(), share, top: node.top_half, marked, place: (number, of) };
                    share.is_finite().then_some(end)
                };
                column.nodes.iter().zip(self.squares(plan, diagram, place)).enumerate().filter_map(end).collect()
            })
            .collect();
        let begin = diagram.input.is_some().then(|| [self.input.right(), self.input.middle()[1]]);
        let end = self.has_bars().then(|| [self.classes.x - 4.0, self.classes.middle()[1]]);
        let name = marked.map(|(layer, filter)| format!("{layer}/{}", filter.number));
        if diagram.edges.is_empty() {
            let groups: Vec<usize> = diagram.columns.iter().map(|column| column.groups).collect();
            return paths(&Bundle::in_order(&layers, &groups, begin, end), name);
        }
        let joints: Vec<(Place, f32)> =
            (0..diagram.joints.len()).map(|place| self.joint(plan, diagram, place)).collect();
        let lanes = lanes(diagram);
        let mut bundles = Vec::new();
        let mut lines = Vec::new();
        for edge in diagram.edges.iter().filter(|edge| lanes.iter().all(|(other, _)| other != *edge)) {
            let point = |part: DiagramPart, towards: f32| match part {
                DiagramPart::Input => begin,
                DiagramPart::Joint(place) => joints.get(place).map(|([x, y], radius)| [x + towards * radius, *y]),
                DiagramPart::Classes => end,
                DiagramPart::Column(_) => None,
            };
            match (edge.from, edge.to) {
                (DiagramPart::Column(from), DiagramPart::Column(to)) => {
                    bundles.push(Bundle::Between(&layers[from], &layers[to], diagram.columns[to].groups));
                }
                (DiagramPart::Column(from), to) => {
                    bundles.extend(point(to, -1.0).map(|to| Bundle::To(&layers[from], to)));
                }
                (from, DiagramPart::Column(to)) => {
                    bundles.extend(point(from, 1.0).map(|from| Bundle::From(from, &layers[to])));
                }
                (DiagramPart::Joint(from), DiagramPart::Joint(to)) => {
                    // One above the other.
                    let ends = joints.get(from).zip(joints.get(to));
                    lines.extend(ends.into_iter().flat_map(|(([x, y], radius), ([to_x, to_y], to_radius))| {
                        straight([*x, y + radius], [*to_x, to_y - to_radius])
                    }));
                }
                (from, to) => {
                    // To the classes it leads straight on, beside whichever of them it is.
                    let level = |(from, to): (Place, Place)| match edge.to {
                        DiagramPart::Classes => (from, [to[0].max(from[0] + 1.0), from[1]]),
                        _ => (from, to),
                    };
                    let ends = point(from, 1.0).zip(point(to, -1.0)).map(level);
                    lines.extend(ends.into_iter().flat_map(|(from, to)| straight(from, to)));
                }
            }
        }
        let mut paths = paths(&bundles, name);
        for (edge, lane) in lanes {
            let height = self.lanes.get(lane).or(self.lanes.last()).copied().unwrap_or(self.middle);
            lines.extend(self.past(plan, diagram, edge, &joints, height));
        }
        for (joint_of, (at, radius)) in diagram.joints.iter().zip(&joints) {
            lines.extend(joint(*at, *radius, joint_of.adds));
        }
        paths.lines.extend(lines);
        paths
    }

    /// The middle of a joint and its radius.
    fn joint(&self, plan: &Plan, diagram: &NetworkDiagram, place: usize) -> (Place, f32) {
        let after = diagram.joints[place].after;
        let of_plan = |column: usize| {
            let layer = &diagram.columns.get(column)?.layer;
            plan.columns.iter().position(|(other, _)| other == layer)
        };
        let room = match of_plan(after) {
            Some(column) => column,
            None => after.checked_sub(1).and_then(of_plan).map_or(0, |column| column + 1),
        };
        let [from, to] = self.rooms.get(room).copied().unwrap_or_default();
        let beside = |joint: &&DiagramJoint| joint.after == after;
        let (before, all) = (
            diagram.joints[..place].iter().filter(beside).count() as f32,
            diagram.joints.iter().filter(beside).count() as f32,
        );
        let radius = RADIUS.min((to - from) / 2.0 - 0.5).max(1.0);
        let y = self.middle + (before - (all - 1.0) / 2.0) * 5.0 * radius;
        ([(from + to) / 2.0, y], radius)
    }

    /// An edge that leads past a column, in a lane at this height.
    fn past(
        &self,
        plan: &Plan,
        diagram: &NetworkDiagram,
        edge: DiagramEdge,
        joints: &[(Place, f32)],
        height: f32,
    ) -> Vec<Line> {
        // An edge leaves on the right and comes on the left, so that two meet in no point.
        let place = |part: DiagramPart, aside: f32| match part {
            DiagramPart::Input => diagram.input.is_some().then(|| {
                let [from, to] = self.rooms[0];
                [from + (to - from) * 0.4, self.input.middle()[1]]
            }),
            DiagramPart::Column(column) => {
                let squares: Vec<Area> = self.squares(plan, diagram, column).into_iter().flatten().collect();
                let lowest = squares.iter().map(|area| area.bottom()).fold(f32::NEG_INFINITY, f32::max);
                let [left, right] = [
                    squares.iter().map(|area| area.x).fold(f32::INFINITY, f32::min),
                    squares.iter().map(|area| area.right()).fold(f32::NEG_INFINITY, f32::max),
                ];
                let number = if self.style.standalone { self.style.text } else { 0.0 };
                let at = [
                    (left + right) / 2.0 + aside * (right - left).min(24.0) / 6.0,
                    (lowest + number + 2.0).min(height),
                ];
                lowest.is_finite().then_some(at)
            }
            DiagramPart::Joint(joint) => {
                joints.get(joint).map(|([x, y], radius)| [x + aside * 0.4 * radius, y + 0.92 * radius])
            }
            DiagramPart::Classes => self.has_bars().then(|| {
                let [from, to] = self.rooms[self.rooms.len() - 1];
                [from + (to - from) * 0.6, self.classes.middle()[1]]
            }),
        };
        let ends = place(edge.from, 1.0).zip(place(edge.to, -1.0));
        ends.map_or_else(Vec::new, |(from, to)| past(from, to, height))
    }

    /// The names of layers, of the image and of the classes; `chosen` is a layer that
    /// stands out.
    pub fn words(&self, plan: &Plan, diagram: &NetworkDiagram, chosen: Option<&LayerName>) -> Scene<'static> {
        let mut scene = Scene::default();
        let style = self.style;
        for (place, (layer, _)) in plan.columns.iter().enumerate() {
            let head = self.heads[place];
            let column = diagram.columns.iter().find(|column| column.layer == *layer);
            let room = head.width.max(18.0);
            // The name before the number, which the nodes show, too.
            let names = match column {
                Some(column) => {
                    let filters = count(column.nodes.len() as u64);
                    vec![format!("{layer}  {filters}"), format!("{layer} {filters}")]
                }
                None => vec![format!("no {layer}")],
            };
            let name = names.into_iter().find(|name| style.width(name) <= room);
            let name = name.unwrap_or_else(|| style.numbered(layer.as_str(), room));
            if head.width < LEAST_NAME && chosen != Some(layer) {
                continue;
            }
            let ink = match column {
                _ if chosen == Some(layer) => Role::Accent,
                Some(_) => Role::Ink,
                None => Role::Quiet,
            };
            scene.text(name, [head.x, 13.0], style.text, Align::Left, ink);
            if let Some(column) = column.filter(|_| self.has_room_beneath(place)) {
                let text = style.parted(&column.description, head.width + if style.standalone { 0.0 } else { 20.0 });
                scene.text(text, [head.x, 29.0], style.text, Align::Left, Role::Quiet);
            }
        }
        if let Some((_, image)) = &diagram.input {
            let [x, y] = [self.input.middle()[0], self.input.bottom() + 12.0];
            let room = 2.0 * x - 4.0;
            // Of a long name of a picture's file as much as there is room for.
            let name = match image.label.strip_prefix("picture ") {
                Some(name) if style.width(&image.label) > room => name,
                _ => &image.label,
            };
            scene.text(style.fitted(name, room), [x, y], style.text, Align::Middle, Role::Quiet);
            if let Some(class) = diagram.label.and_then(|label| diagram.classes.get(label)) {
                let name = style.fitted(&class.name, room);
                scene.text(name, [x, y + 16.0], style.text, Align::Middle, Role::Ink);
                if !self.has_bars() {
                    let share = match diagram.outputs {
                        ClassOutputs::Probabilities => format!("{} %", output(diagram.outputs, class.value)),
                        _ => output(diagram.outputs, class.value),
                    };
                    scene.text(share, [x, y + 32.0], style.text, Align::Middle, Role::Ink);
                }
            }
        }
        self.classes(&mut scene, diagram);
        if let Some(image) = &diagram.reconstruction {
            let [x, y] = [self.classes.middle()[0], self.classes.bottom() + 12.0];
            let room = 2.0 * (self.foot.right() + style.sides() - x);
            for (line, words) in [GIVEN_BACK, image.label.as_str()].into_iter().enumerate() {
                let ink = if line == 0 { Role::Quiet } else { Role::Ink };
                let at = [x, y + 16.0 * line as f32];
                scene.text(style.fitted(words, room), at, style.text, Align::Middle, ink);
            }
        }
        scene
    }

    /// The line at the foot: what the colours of the nodes mean, and which paths there are.
    pub fn legend(&self, diagram: &NetworkDiagram, paths: &str) -> Scene<'static> {
        let (mut scene, style) = (Scene::default(), self.style);
        let y = self.foot.middle()[1];
        let mut x = self.foot.x;
        let mut images =
            diagram.columns.iter().flat_map(|column| column.nodes.iter()).filter_map(|node| node.image.as_ref());
        // The first layer's may be in colour; the scale is that of the others.
        let palette = images.clone().map(|image| image.palette).find(|palette| *palette != Palette::Rgb);
        let told = match palette.or(images.next().map(|image| image.palette)) {
            Some(Palette::Sequential) => Some((Palette::Sequential, ["activations: low", "high in each layer"])),
            Some(Palette::Diverging) => Some((Palette::Diverging, ["coefficients: −", "+ about 0"])),
            Some(Palette::Rgb) | None => None,
        };
        let long = told.map_or(0.0, |(_, ends)| ends.map(|end| style.width(end)).iter().sum::<f32>() + BAR + 28.0);
        // Where both do not fit, what the bar is of goes first.
        let is_short = long + style.width(paths) > self.foot.width;
        if let Some((palette, ends)) = told {
            let [low, high] = if is_short { ["low", "high"] } else { ends };
            scene.text(low, [x, y], style.text, Align::Left, Role::Quiet);
            x += style.width(low) + 6.0;
            scene.colour_bar(Area::new([x.round(), (y - 4.0).round()], [BAR, 8.0]), palette);
            x += BAR + 6.0;
            scene.text(high, [x, y], style.text, Align::Left, Role::Quiet);
            x += style.width(high) + 16.0;
        }
        let room = self.foot.right() - x;
        if !paths.is_empty() && room > LEAST_WORDS {
            scene.text(style.fitted(paths, room), [x, y], style.text, Align::Left, Role::Quiet);
        }
        scene
    }

    /// The middle of each class' line, and the room for its bar.
    fn class_lines(&self, count: usize) -> Vec<(f32, Area)> {
        if count == 0 || !self.has_bars() {
            return Vec::new();
        }
        let area = self.classes;
        let height = (area.height / count as f32).min(26.0);
        let top = area.y + (area.height - height * count as f32) / 2.0;
        let names = area.width * CLASS_NAMES;
        let line = |place: usize| {
            let y = top + (place as f32 + 0.5) * height;
            let width = (area.width - names - 28.0).max(8.0);
            (y, Area::new([area.x + names, y - height * 0.28], [width, height * 0.56]))
        };
        (0..count).map(line).collect()
    }

    /// Names of the classes and what the network says of them, as many as find room.
    fn classes(&self, scene: &mut Scene<'_>, diagram: &NetworkDiagram) {
        let (style, area) = (self.style, self.classes);
        let lines = self.class_lines(diagram.classes.len());
        if !lines.is_empty() {
            let head = match diagram.outputs {
                ClassOutputs::Probabilities => "softmax, %",
                ClassOutputs::Scores => "scores",
                ClassOutputs::Values | ClassOutputs::Image => "values",
            };
            scene.text(head, [area.right(), 13.0], style.text, Align::Right, Role::Ink);
        }
        let pitch = lines.get(..2).map_or(style.text, |two| two[1].0 - two[0].0);
        let size = style.text.min((pitch - 0.5).max(LEAST_TEXT));
        let mut free = f32::NEG_INFINITY;
        for (place, (class, (y, _))) in diagram.classes.iter().zip(lines).enumerate() {
            if y - size / 2.0 < free - 0.01 {
                continue;
            }
            free = y + size / 2.0;
            let ink = if diagram.label == Some(place) { Role::Ink } else { Role::Quiet };
            let name = style.fitted(&class.name, area.width * CLASS_NAMES - 6.0);
            scene.text(name, [area.x, y], size, Align::Left, ink);
            let text = output(diagram.outputs, class.value);
            scene.text(text, [area.right(), y], size, Align::Right, ink);
        }
    }

    /// The bars of the classes, on grounds of a colour.
    pub fn bars(&self, diagram: &NetworkDiagram, ground: Ink) -> Scene<'static> {
        let mut scene = Scene::default();
        let lines = self.class_lines(diagram.classes.len());
        // Scores have no range of their own: from the lowest of them, or 0, to the highest.
        let values = || diagram.classes.iter().map(|class| class.value).filter(|value| value.is_finite());
        let (low, high) = match diagram.outputs {
            ClassOutputs::Scores => (values().fold(0.0, f32::min), values().fold(0.0, f32::max)),
            ClassOutputs::Probabilities | ClassOutputs::Values | ClassOutputs::Image => (0.0, 1.0),
        };
        for (place, (class, (_, room))) in diagram.classes.iter().zip(lines).enumerate() {
            scene.rectangle(room, ground);
            let is_drawn = class.value.is_finite() && low < high;
            let share = if is_drawn { ((class.value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
            let ink = if diagram.label == Some(place) { Role::Accent } else { Role::Quiet };
            scene.rectangle(Area { width: room.width * share, ..room }, ink);
        }
        scene
    }

    /// Outlines of the filters that another branch has and this one lacks.
    pub fn gaps(&self, plan: &Plan, diagram: &NetworkDiagram) -> Scene<'static> {
        let mut scene = Scene::default();
        for ((layer, filters), squares) in plan.columns.iter().zip(&self.nodes) {
            for (filter, at) in filters.iter().zip(squares) {
                if node_of(diagram, layer, filter).is_none() {
                    scene.outline(*at);
                }
            }
        }
        scene
    }
}

/// A network in a file so wide, and how high it is.
pub(super) fn network(diagram: &NetworkDiagram, width: f32, style: Style) -> (Scene<'_>, f32) {
    let (plan, left_out) = Plan::seen(diagram);
    let of = |height: f32| NetworkLayout::of(&plan, Says::of(diagram), [width, height], style);
    let least = |layout: &NetworkLayout| layout.nodes.iter().flatten().map(|node| node.width).fold(SEEN, f32::min);
    let (mut height, mut layout) = (HEIGHTS[0], of(HEIGHTS[0]));
    while height < HEIGHTS[1] && least(&layout) < SEEN {
        height += 60.0;
        layout = of(height);
    }
    let mut scene = Scene::default();
    // Paths first, so that the nodes lie above them.
    let paths = layout.paths(&plan, diagram, None);
    paths.lines.into_iter().for_each(|line| scene.shapes.push(super::Shape::Line(line)));
    for ((layer, filters), squares) in plan.columns.iter().zip(&layout.nodes) {
        for (filter, &at) in filters.iter().zip(squares) {
            let Some((place, node)) = node_of(diagram, layer, filter) else { continue };
            let is_traced = diagram.trace.as_ref().is_some_and(|trace| trace.goes_through(layer, filter));
            if is_traced || node.new {
                let rim = if is_traced { Role::Accent } else { Role::Branch(diagram.hue) };
                scene.rectangle(at.grown(2.0), rim);
            }
            scene.rectangle(at, Role::Paper);
            match &node.image {
                Some(image) => scene.image(image, place, at),
                None => scene.rectangle(at, Ink::from(Role::Line).faded(0.6)),
            }
            if at.width >= NUMBERED {
                let below = [at.middle()[0], at.bottom() + 0.55 * style.text];
                let size = 0.8 * style.text;
                scene.text(node.filter.number.to_string(), below, size, Align::Middle, Role::Quiet);
            }
        }
    }
    if let Some((_, image)) = &diagram.input {
        scene.image(image, (usize::MAX, 0), layout.input);
    }
    if let Some(image) = &diagram.reconstruction {
        scene.image(image, (usize::MAX, 1), layout.classes);
    }
    scene.add(layout.bars(diagram, Ink::from(Role::Line).faded(0.5)), [0.0; 2]);
    scene.add(layout.words(&plan, diagram, None), [0.0; 2]);
    let wide = if diagram.trace.is_some() { "" } else { ", as wide as the sums" };
    let words = Some(format!("{}{wide}", paths.words)).filter(|_| !paths.words.is_empty());
    for words in words.into_iter().chain(left_out) {
        height += 1.4 * style.text;
        scene.text(style.fitted(&words, width - 32.0), [16.0, height], style.text, Align::Left, Role::Quiet);
    }
    (scene, (height + style.text).ceil())
}

#[cfg(test)]
pub(super) mod tests {
    use revacnn_schemas::{
        BranchName, ClassOutput, DiagramColumn, FilterIdentity, FilterNumber, Hue, Image, Palette, Step,
    };

    use super::*;
    use crate::scene::paths::{self, MOST_OF_ONE};
    use crate::scene::plan::MOST;
    use crate::scene::{Shape, text_width};

    /// A network of layers with so many filters.
    pub(in crate::scene) fn diagram(layers: &[(&str, usize)]) -> NetworkDiagram {
        let image = |number: usize| Image {
            label: format!("{number}"),
            filter: None,
            rows: 1,
            columns: 64,
            pixels: (0..64).map(|value| value as f32 / 64.0).collect(),
            palette: Palette::Sequential,
            range: [0.0, 1.0],
        };
        let node = |number: usize| DiagramNode {
            filter: FilterIdentity { number: FilterNumber(number as u32), born: None },
            image: Some(image(number)),
            mean_abs_gradient: None,
            weight_norm: 1.0,
            update_ratio: None,
            activation_sum: Some((number * 7 % 1_000) as f32),
            zero_share: None,
            top_half: number * 7 % 1_000 >= 500 || number < 20,
            frozen: false,
            new: number == 0,
        };
        let column = |(layer, filters): &(&str, usize)| DiagramColumn {
            layer: layer.parse().unwrap(),
            description: "conv 5×5 · relu · max 2×2".to_owned(),
            layers: Vec::new(),
            nodes: (0..*filters).map(node).collect(),
            groups: 1,
        };
        NetworkDiagram {
            title: "network".to_owned(),
            branch: "main".parse::<BranchName>().unwrap(),
            hue: Hue(0),
            step: Step(1),
            input: Some((Some(revacnn_schemas::ImageIndex(7)), image(0))),
            label: Some(3),
            columns: layers.iter().map(column).collect(),
            class_layer: Some("softmax".parse().unwrap()),
            classes: (0..10).map(|class| ClassOutput { name: format!("c{class}"), value: 0.1 }).collect(),
            reconstruction: None,
            trace: None,
            outputs: ClassOutputs::Probabilities,
            joints: Vec::new(),
            edges: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn nodes_lie_apart_within_the_space() {
        let diagram = diagram(&[("conv1", 40), ("conv2", 20), ("softmax", 10)]);
        let plan = Plan::of(&[&diagram]);
        for size in [[940.0, 320.0], [260.0, 180.0], [720.0, 400.0]] {
            for standalone in [true, false] {
                let layout = NetworkLayout::of(&plan, Says::Classes, size, Style { standalone, ..Style::FILE });
                let all: Vec<&Area> = layout.nodes.iter().flatten().collect();
                for (place, node) in all.iter().enumerate() {
                    assert!(node.x >= 0.0 && node.right() <= layout.classes.x && node.bottom() <= size[1], "{node:?}");
                    assert!(all[place + 1..].iter().all(|other| !node.meets(**other)), "{size:?}");
                    let buttons = layout.add.iter().chain(layout.remove.iter().chain(&layout.insert).flatten());
                    assert!(buttons.into_iter().all(|button| !node.meets(*button)), "{size:?}");
                    assert!(node.bottom() <= layout.foot.y || standalone);
                }
                let all = layout.add.iter().chain(layout.remove.iter().chain(&layout.insert).flatten());
                let all: Vec<Area> = all.copied().chain([layout.input]).collect();
                for (place, one) in all.iter().enumerate() {
                    assert!(all[place + 1..].iter().all(|other| !one.meets(*other)), "{size:?}: {one:?}");
                    assert!(one.right() <= size[0] && one.bottom() <= size[1]);
                }
                assert_eq!(layout.add.len(), if standalone { 0 } else { 3 });
                assert_eq!(layout.insert.len(), if standalone { 0 } else { 4 });
            }
        }
    }

    #[test]
    fn words_of_a_diagram_lie_on_nothing_else() {
        for layers in
            [&[("conv1", 16), ("conv2", 20), ("conv3", 20)][..], &[("conv1", 200), ("conv2", 64)], &[("fc1", 200); 6]]
        {
            let mut diagram = diagram(layers);
            diagram.classes[3].name = "a class of a rather long name".to_owned();
            let layers: Vec<(String, &DiagramColumn)> =
                diagram.columns.iter().enumerate().map(|(place, column)| (format!("layer{place}"), column)).collect();
            let columns = layers
                .into_iter()
                .map(|(name, column)| DiagramColumn { layer: name.parse().unwrap(), ..column.clone() });
            diagram.columns = columns.collect();
            let plan = Plan::of(&[&diagram]);
            let style = Style { text: 12.0, standalone: false, ..Style::FILE };
            let sizes =
                [[776.0, 250.0], [826.0, 162.0], [826.0, 140.0], [576.0, 180.0], [386.0, 250.0], [2600.0, 900.0]];
            for size in sizes {
                let layout = NetworkLayout::of(&plan, Says::Classes, size, style);
                let mut words = layout.words(&plan, &diagram, None);
                words.add(
                    layout.legend(&diagram, "lines: the 120 strongest of up to 10,000 paths between two layers"),
                    [0.0; 2],
                );
                let texts: Vec<(&str, Area)> =
                    words.texts().map(|text| (text.words.as_str(), text.area(text_width))).collect();
                let all_named = diagram.classes.iter().all(|class| {
                    let begins = class.name.split(' ').next().unwrap_or_default();
                    texts.iter().any(|(words, _)| words.starts_with(begins))
                });
                assert!(!layout.has_bars() || all_named, "{size:?}: a class has no name");
                let nodes: Vec<Area> = layout.nodes.iter().flatten().copied().chain([layout.input]).collect();
                let buttons: Vec<Area> =
                    layout.add.iter().chain(layout.remove.iter().chain(&layout.insert).flatten()).copied().collect();
                for (place, (words, at)) in texts.iter().enumerate() {
                    assert!(at.x >= 0.0 && at.right() <= size[0] && at.bottom() <= size[1], "{size:?} {words} {at:?}");
                    let others = texts[..place].iter().map(|(_, other)| other).chain(&nodes).chain(&buttons);
                    for other in others {
                        assert!(!at.meets(*other), "{size:?}: `{words}` at {at:?} lies on {other:?}");
                    }
                }
            }
        }
    }

    /// From node to node over the faint paths, and in a file with a rim about each.
    #[test]
    fn a_chain_leads_from_the_image_over_its_nodes_to_the_class() {
        let mut diagram = diagram(&[("conv1", 8), ("conv2", 60)]);
        let end = |layer: usize, node: usize| {
            let column = &diagram.columns[layer];
            DiagramFilter { layer: column.layer.clone(), filter: column.nodes[node].filter.clone() }
        };
        let (one, two) = (end(0, 3), end(1, 57));
        let link = |from, to| DiagramLink { from, to, share: 0.5 };
        let links = vec![
            link(DiagramEnd::Input, DiagramEnd::Filter(one.clone())),
            link(DiagramEnd::Filter(one.clone()), DiagramEnd::Filter(two.clone())),
            link(DiagramEnd::Filter(two.clone()), DiagramEnd::Output(1)),
        ];
        diagram.trace = Some(DiagramTrace { of: two.clone(), links });
        // Of many filters those of the chain are drawn.
        let (plan, left_out) = Plan::seen(&diagram);
        assert!(!left_out.is_empty() && plan.columns[1].1.contains(&two.filter));
        let layout = NetworkLayout::of(&plan, Says::of(&diagram), [940.0, 320.0], Style::FILE);
        let chain = |paths: &Paths| {
            paths
                .lines
                .iter()
                .filter(|line| line.ink.role == Role::Accent)
                .map(|line| line.points.clone())
                .collect::<Vec<_>>()
        };
        let paths = layout.paths(&plan, &diagram, None);
        let drawn = chain(&paths);
        let node = |column: usize, filter: &FilterIdentity| {
            let place = plan.columns[column].1.iter().position(|other| other == filter).unwrap();
            layout.nodes[column][place].middle()
        };
        let places = [node(0, &one.filter), node(1, &two.filter)];
        assert_eq!(drawn.len(), 3);
        assert_eq!([drawn[0][1], drawn[1][0], drawn[1][1], drawn[2][0]], [places[0], places[0], places[1], places[1]]);
        assert_eq!(drawn[2][1][0], layout.classes.x - 4.0);
        assert!(paths.words.contains("the strongest chain of conv2/57"), "{}", paths.words);
        // The paths of another filter stand out beside it, and its own do not.
        let another = (&diagram.columns[0].layer, &diagram.columns[0].nodes[0].filter);
        assert!(chain(&layout.paths(&plan, &diagram, Some(another))).len() > 3);
        assert_eq!(chain(&layout.paths(&plan, &diagram, Some((&two.layer, &two.filter)))).len(), 3);
        let (scene, _) = network(&diagram, 940.0, Style::FILE);
        let rims = |scene: &Scene<'_>| {
            let is_rim = |shape: &&Shape| matches!(shape, Shape::Rectangle(_, ink) if ink.role == Role::Accent);
            scene.shapes.iter().filter(is_rim).count()
        };
        let plain = NetworkDiagram { trace: None, ..diagram.clone() };
        assert_eq!(rims(&scene), rims(&network(&plain, 940.0, Style::FILE).0) + 2);
    }

    /// As large as the image that goes in, at its height, and beside nothing else.
    #[test]
    fn what_an_autoencoder_gives_back_is_one_picture() {
        let mut diagram = diagram(&[("conv1", 8), ("conv2", 16), ("code", 32)]);
        diagram.classes.clear();
        diagram.outputs = ClassOutputs::Image;
        let image = diagram.input.as_ref().map(|(_, image)| Image { label: "loss 1.23".to_owned(), ..image.clone() });
        diagram.reconstruction = image.map(Box::new);
        let plan = Plan::of(&[&diagram]);
        for size in [[940.0, 320.0], [260.0, 180.0], [720.0, 400.0], [826.0, 140.0]] {
            for standalone in [true, false] {
                let style = Style { standalone, ..Style::FILE };
                let layout = NetworkLayout::of(&plan, Says::of(&diagram), size, style);
                let (input, output) = (layout.input, layout.classes);
                assert_eq!((input.y, input.width, input.height), (output.y, output.width, output.height));
                assert!(output.right() <= size[0] && output.bottom() <= size[1], "{size:?}: {output:?}");
                assert!(layout.nodes.iter().flatten().all(|node| !node.meets(output)), "{size:?}");
                let words = layout.words(&plan, &diagram, None);
                let texts: Vec<&str> = words.texts().map(|text| text.words.as_str()).collect();
                assert!(!texts.contains(&"values"), "{texts:?}");
                if size[0] > 500.0 {
                    assert!(texts.contains(&"reconstruction") && texts.contains(&"loss 1.23"), "{texts:?}");
                }
                assert!(!layout.paths(&plan, &diagram, None).lines.is_empty());
            }
        }
        let (scene, height) = network(&diagram, 720.0, Style::FILE);
        let covers = scene.covers(text_width).unwrap();
        assert!(covers.right() <= 720.0 && covers.bottom() <= height, "{covers:?} {height}");
    }

    #[test]
    fn the_name_of_a_picture_stays_below_it() {
        let mut diagram = diagram(&[("conv1", 16), ("conv2", 20)]);
        let plan = Plan::of(&[&diagram]);
        for name in ["picture 7.png", "picture drawing-0123abcd-of-a-digit.png"] {
            diagram.input.as_mut().unwrap().1.label = name.to_owned();
            for size in [[940.0, 320.0], [460.0, 240.0]] {
                let layout = NetworkLayout::of(&plan, Says::of(&diagram), size, Style::FILE);
                let words = layout.words(&plan, &diagram, None);
                let below = [layout.input.middle()[0], layout.input.bottom() + 12.0];
                let said = words.texts().find(|text| text.at == below).expect("its name");
                assert!(text_width(&said.words, said.size) <= 2.0 * layout.input.middle()[0], "{}", said.words);
            }
        }
    }

    /// A skip below a layer, one below three, and one from the image.
    #[test]
    fn skips_lie_below_the_nodes_and_joints_between_the_layers() {
        use DiagramPart::{Classes, Column, Input, Joint};
        let mut diagram = diagram(&[("conv1", 16), ("conv2", 16), ("conv3", 16), ("conv4", 20)]);
        let joint =
            |adds: bool, after: usize| DiagramJoint { layer: "join".parse().unwrap(), layers: Vec::new(), adds, after };
        diagram.joints = vec![joint(true, 2), joint(false, 4), joint(true, 4)];
        let edge = |(from, to)| DiagramEdge { from, to };
        diagram.edges = [
            (Input, Column(0)),
            (Column(0), Column(1)),
            (Column(1), Joint(0)),
            (Column(0), Joint(0)),
            (Joint(0), Column(2)),
            (Column(2), Column(3)),
            (Column(3), Joint(1)),
            (Column(0), Joint(1)),
            (Input, Joint(2)),
            (Joint(1), Joint(2)),
            (Joint(2), Classes),
        ]
        .map(edge)
        .to_vec();
        let plan = Plan::of(&[&diagram]);
        assert_eq!(plan.lanes, 3);
        for (size, standalone) in [([720.0, 360.0], true), ([900.0, 250.0], false), ([560.0, 180.0], false)] {
            let layout = NetworkLayout::of(&plan, Says::Classes, size, Style { standalone, ..Style::FILE });
            let nodes: Vec<Area> = layout.nodes.iter().flatten().copied().collect();
            let paths = layout.paths(&plan, &diagram, None);
            assert!(!paths.words.is_empty());
            let skips: Vec<&Line> =
                paths.lines.iter().filter(|line| line.points.len() > 8 && line.width < 1.3).collect();
            assert_eq!(skips.len(), 3, "{size:?}");
            for line in &skips {
                for [x, y] in &line.points {
                    assert!((0.0..=size[0]).contains(x) && (0.0..=layout.foot.y).contains(y), "{size:?}: {x} {y}");
                    let is_on =
                        |node: &&Area| (node.x..node.right()).contains(x) && (node.y..node.bottom()).contains(y);
                    assert!(!nodes.iter().any(|node| is_on(&node)), "{size:?}: {x} {y} lies on a node");
                }
            }
            for place in 0..3 {
                let ([x, y], radius) = layout.joint(&plan, &diagram, place);
                let at = Area::new([x - radius, y - radius], [2.0 * radius; 2]);
                assert!(!nodes.iter().any(|node| at.meets(*node)), "{size:?}: joint {place}");
            }
            let [one, other] = [1, 2].map(|place| layout.joint(&plan, &diagram, place).0);
            assert!(one[0] == other[0] && one[1] < other[1], "one above the other");
        }
        let (scene, height) = network(&diagram, 720.0, Style::FILE);
        let covers = scene.covers(text_width).unwrap();
        assert!(covers.x >= 0.0 && covers.bottom() <= height, "{covers:?} {height}");
    }

    /// Scores and values were written as percentages.
    #[test]
    fn what_a_class_layer_says_is_written_as_what_it_is() {
        let mut diagram = diagram(&[("conv1", 4)]);
        let written = |outputs: ClassOutputs, value: f32, diagram: &mut NetworkDiagram| {
            diagram.outputs = outputs;
            diagram.classes[2].value = value;
            let plan = Plan::of(&[&*diagram]);
            let words =
                NetworkLayout::of(&plan, Says::Classes, [940.0, 320.0], Style::FILE).words(&plan, diagram, None);
            words.texts().map(|text| text.words.to_string()).collect::<Vec<_>>()
        };
        for (outputs, value, head, text) in [
            (ClassOutputs::Probabilities, 0.25, "softmax, %", "25"),
            (ClassOutputs::Scores, -3.5, "scores", "-3.5"),
            (ClassOutputs::Values, 1.25, "values", "1.25"),
        ] {
            let words = written(outputs, value, &mut diagram);
            assert!(words.iter().any(|word| word == head) && words.iter().any(|word| word == text), "{words:?}");
        }
    }

    #[test]
    fn cells_are_as_large_as_the_space_allows() {
        assert_eq!(grid(4, [96.0; 2], 0.0, GAP, 46.0), (2, 46.0));
        assert_eq!(grid(4, [96.0; 2], 10.0, GAP, 46.0), (2, 36.0));
        assert_eq!(grid(1, [500.0; 2], 0.0, GAP, 46.0).0, 1);
        assert_eq!(grid(0, [100.0; 2], 0.0, GAP, 46.0).0, 1);
    }

    #[test]
    fn a_file_holds_all_of_a_network_within_it() {
        for layers in
            [&[("conv1", 20), ("conv2", 21), ("conv3", 20)][..], &[("a", 1)], &[("fc1", 1_000), ("fc2", 1_000)]]
        {
            let diagram = diagram(layers);
            let (scene, height) = network(&diagram, 720.0, Style::FILE);
            let covers = scene.covers(text_width).unwrap();
            assert!(covers.x >= 0.0 && covers.y >= 0.0, "{covers:?}");
            assert!(covers.right() <= 720.0 && covers.bottom() <= height, "{covers:?} {height}");
        }
    }

    #[test]
    fn of_a_wide_layer_the_strongest_are_drawn_and_the_figure_says_so() {
        let diagram = diagram(&[("fc1", 1_000), ("fc2", 10)]);
        let (plan, left_out) = Plan::seen(&diagram);
        assert_eq!(left_out, ["fc1: 48 of 1,000 filters are drawn, those with the largest activation sums"]);
        let drawn = &plan.columns[0].1;
        assert_eq!((drawn.len(), plan.columns[1].1.len()), (MOST, 10));
        // The sums are 7 times the number, modulo 1,000: the largest is 999's.
        let sums: Vec<u32> = drawn.iter().map(|filter| filter.number.0 * 7 % 1_000).collect();
        assert!(sums.iter().all(|sum| *sum >= 1_000 - MOST as u32), "{sums:?}");
        let (scene, _) = network(&diagram, 720.0, Style::FILE);
        assert!(scene.texts().any(|text| text.words == left_out[0]));
        let layout = NetworkLayout::of(&plan, Says::Classes, [720.0, 400.0], Style::FILE);
        // Between the two layers the strongest of 48 × 10.
        let paths = layout.paths(&plan, &diagram, None);
        assert_eq!(paths.lines.len(), MOST_OF_ONE + paths::MOST + 10);
        assert!(scene.texts().any(|text| text.words.starts_with(&paths.words)), "{}", paths.words);
    }

    #[test]
    fn a_file_of_two_thousand_units_has_two_megabytes_at_most() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.svg");
        let figure = revacnn_schemas::Figure::Network(diagram(&[("fc1", 1_000), ("fc2", 1_000)]));
        crate::render(&figure, &path).unwrap();
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size < 2_000_000, "{size}");
        let drawn = std::fs::read_to_string(&path).unwrap();
        assert!(drawn.contains("fc2: 48 of 1,000 filters are drawn"));
    }
}
