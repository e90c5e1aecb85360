//! Where everything of a network lies, so that two networks side by side have
//! the same filters in the same places.

use iced::{Point, Rectangle, Size};
use revacnn_schemas::{DiagramNode, FilterIdentity, LayerName, NetworkDiagram};

/// The largest side of a node.
const LARGEST_NODE: f32 = 46.0;
const GAP: f32 = 4.0;
/// The height of the layers' names.
pub(crate) const HEAD: f32 = 40.0;
const BUTTON: f32 = 18.0;
/// How far down a button beneath a name is.
const BENEATH: f32 = 21.0;
/// The least width of a layer that has room for a button beside its name.
const LEAST_BESIDE: f32 = 84.0;
/// A diagram less wide than this has no class bars.
const NARROW: f32 = 500.0;

/// The filters that have a place in a diagram, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Plan {
    /// A column a layer.
    pub(crate) columns: Vec<(LayerName, Vec<FilterIdentity>)>,
}

impl Plan {
    /// The filters of some networks: those of the first in its order, then
    /// what the others have besides.
    pub(crate) fn of(diagrams: &[&NetworkDiagram]) -> Self {
        let mut columns: Vec<(LayerName, Vec<FilterIdentity>)> = Vec::new();
        for diagram in diagrams {
            let mut next = 0;
            for column in &diagram.columns {
                let place = columns.iter().position(|(layer, _)| *layer == column.layer).unwrap_or_else(|| {
                    columns.insert(next, (column.layer.clone(), Vec::new()));
                    next
                });
                let filters = &mut columns[place].1;
                for node in &column.nodes {
                    if !filters.contains(&node.filter) {
                        filters.push(node.filter.clone());
                    }
                }
                next = place + 1;
            }
        }
        Self { columns }
    }
}

/// A node of a diagram, and where it stands in the figure.
pub(crate) fn node_of<'a>(
    diagram: &'a NetworkDiagram,
    layer: &LayerName,
    filter: &FilterIdentity,
) -> Option<((usize, usize), &'a DiagramNode)> {
    let column = diagram.columns.iter().position(|column| column.layer == *layer)?;
    let node = diagram.columns[column].nodes.iter().position(|node| node.filter == *filter)?;
    Some(((column, node), &diagram.columns[column].nodes[node]))
}

/// Where everything of a diagram lies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    /// The image that the network looks at.
    pub(crate) input: Rectangle,
    /// A rectangle a filter of the plan, `[column][filter]`.
    pub(crate) nodes: Vec<Vec<Rectangle>>,
    /// The layers' names.
    pub(crate) heads: Vec<Rectangle>,
    /// The button that adds a filter, a column each: beside the layer's name,
    /// or beneath it where there is little room.
    pub(crate) add: Vec<Rectangle>,
    /// The class bars.
    pub(crate) classes: Rectangle,
}

/// How many cells side by side make the largest square cells of `count` ones
/// in a space, and their side.
pub(crate) fn grid(count: usize, width: f32, height: f32) -> (usize, f32) {
    let sizes = (1..=count.max(1)).map(|across| {
        let down = count.max(1).div_ceil(across);
        let side = ((width - GAP * (across - 1) as f32) / across as f32)
            .min((height - GAP * (down - 1) as f32) / down as f32)
            .min(LARGEST_NODE);
        (across, side.max(1.0))
    });
    sizes.fold((1, 0.0), |best, next| if next.1 > best.1 + 0.01 { next } else { best })
}

impl Layout {
    /// Lays a plan out in a space.
    pub(crate) fn of(plan: &Plan, has_classes: bool, size: Size) -> Self {
        let input_side = (size.width * 0.10).clamp(36.0, 96.0);
        // Where there is little room, filters need it more than class bars.
        let has_classes = has_classes && size.width >= NARROW;
        let classes_width = if has_classes { (size.width * 0.20).clamp(110.0, 190.0) } else { 0.0 };
        let body = (size.height - HEAD - 12.0).max(20.0);
        let input_side = input_side.round();
        let input_top = (HEAD + (body - input_side) / 2.0).round();
        let input = Rectangle { x: 12.0, y: input_top, width: input_side, height: input_side };
        let between = (size.width * 0.03).clamp(10.0, 28.0);
        let left = input.x + input_side + between;
        let right = size.width - classes_width - 12.0 - if has_classes { between } else { 0.0 };
        let count = plan.columns.len().max(1) as f32;
        let gutter = ((right - left) / count * 0.22).clamp(8.0, 56.0);
        let width = ((right - left - gutter * (count - 1.0)) / count).max(8.0);
        let (mut nodes, mut add, mut heads) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (_, filters)) in plan.columns.iter().enumerate() {
            let x = left + place as f32 * (width + gutter);
            let (across, side) = grid(filters.len(), width, body);
            let down = filters.len().div_ceil(across).max(1);
            let used = Size::new(across as f32 * (side + GAP) - GAP, down as f32 * (side + GAP) - GAP);
            let corner = Point::new(x + (width - used.width) / 2.0, HEAD + (body - used.height) / 2.0);
            let rectangle = |filter: usize| Rectangle {
                x: (corner.x + (filter % across) as f32 * (side + GAP)).round(),
                y: (corner.y + (filter / across) as f32 * (side + GAP)).round(),
                width: side.floor(),
                height: side.floor(),
            };
            nodes.push((0..filters.len()).map(rectangle).collect());
            let beside = width >= LEAST_BESIDE;
            let button = if beside { BUTTON + 2.0 } else { 0.0 };
            heads.push(Rectangle { x, y: 2.0, width: (width - button).max(8.0), height: HEAD - 4.0 });
            let (left, top, side) =
                if beside { (x + width - BUTTON, 4.0, BUTTON) } else { (x, BENEATH, (BUTTON - 2.0).min(width + 2.0)) };
            add.push(Rectangle { x: left, y: top, width: side, height: side });
        }
        let classes = Rectangle { x: size.width - classes_width - 12.0, y: HEAD, width: classes_width, height: body };
        Self { input, nodes, heads, add, classes }
    }

    /// Whether there is room for a line beneath a layer's name.
    pub(crate) fn has_room_beneath(&self, column: usize) -> bool {
        self.add.get(column).is_some_and(|button| button.y < BENEATH)
    }

    /// Whether there is room for the class bars.
    pub(crate) fn has_bars(&self) -> bool {
        self.classes.width > 0.0
    }

    /// The filter of the plan under a point.
    pub(crate) fn node_at(&self, at: Point) -> Option<(usize, usize)> {
        self.nodes.iter().enumerate().find_map(|(column, nodes)| {
            nodes.iter().position(|node| node.expand(GAP / 2.0).contains(at)).map(|node| (column, node))
        })
    }

    /// The layer whose `+` is under a point.
    pub(crate) fn add_at(&self, at: Point) -> Option<usize> {
        self.add.iter().position(|button| button.expand(3.0).contains(at))
    }

    /// The layer whose name is under a point.
    pub(crate) fn head_at(&self, at: Point) -> Option<usize> {
        self.heads.iter().position(|head| head.contains(at))
    }

    /// The button that removes a filter, at its corner; too small a node has
    /// none.
    pub(crate) fn remove(&self, column: usize, node: usize) -> Option<Rectangle> {
        let node = self.nodes.get(column)?.get(node)?;
        let button = Rectangle { x: node.x + node.width - 13.0, y: node.y - 1.0, width: 14.0, height: 14.0 };
        (node.width >= 24.0).then_some(button)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use revacnn_schemas::{DiagramColumn, FilterNumber, Hue, Image, Palette, Step};

    /// A network of these layers, whose nodes show one pixel each.
    pub(crate) fn network(columns: &[(&str, &[(u32, f32)])]) -> NetworkDiagram {
        let node = |layer: &str, (number, value): (u32, f32)| {
            let filter = FilterIdentity { number: FilterNumber(number), born: None };
            let image = Image {
                label: format!("{layer}/{number}"),
                filter: None,
                rows: 1,
                columns: 1,
                pixels: vec![value],
                palette: Palette::Sequential,
                range: [0.0, 1.0],
            };
            DiagramNode {
                filter,
                image: Some(image),
                mean_abs_gradient: Some(value),
                weight_norm: 1.0,
                update_ratio: None,
                activation_sum: Some(value),
                zero_share: None,
                top_half: true,
                frozen: false,
                new: false,
            }
        };
        NetworkDiagram {
            title: String::new(),
            branch: "main".parse().unwrap(),
            // That of `main` in the tests of the state.
            hue: Hue(4),
            step: Step(0),
            input: None,
            label: None,
            columns: columns
                .iter()
                .map(|(layer, nodes)| DiagramColumn {
                    layer: layer.parse().unwrap(),
                    description: String::new(),
                    nodes: nodes.iter().map(|found| node(layer, *found)).collect(),
                })
                .collect(),
            classes: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn numbers(plan: &Plan) -> Vec<(String, Vec<u32>)> {
        let filters = |filters: &[FilterIdentity]| filters.iter().map(|filter| filter.number.0).collect();
        plan.columns.iter().map(|(layer, all)| (layer.to_string(), filters(all))).collect()
    }

    #[test]
    fn two_networks_share_one_order_of_filters_and_layers() {
        let one = network(&[("conv1", &[(0, 0.0), (2, 0.0)]), ("softmax", &[(0, 0.0)])]);
        let other = network(&[("conv1", &[(0, 0.0), (1, 0.0)]), ("conv2", &[(5, 0.0)]), ("softmax", &[(0, 0.0)])]);
        let expected =
            [("conv1".to_owned(), vec![0, 2, 1]), ("conv2".to_owned(), vec![5]), ("softmax".to_owned(), vec![0])];
        assert_eq!(numbers(&Plan::of(&[&one, &other])), expected);
    }

    #[test]
    fn nodes_lie_apart_within_the_space_and_are_found_under_their_middle() {
        for size in [Size::new(940.0, 320.0), Size::new(260.0, 180.0)] {
            let many: Vec<(u32, f32)> = (0..40).map(|number| (number, 0.0)).collect();
            let plan = Plan::of(&[&network(&[("conv1", &many), ("conv2", &many[..20]), ("softmax", &many[..10])])]);
            let layout = Layout::of(&plan, true, size);
            let all: Vec<&Rectangle> = layout.nodes.iter().flatten().collect();
            for (place, node) in all.iter().enumerate() {
                assert!(
                    node.x >= 0.0 && node.x + node.width <= layout.classes.x && node.y + node.height <= size.height
                );
                assert!(all[place + 1..].iter().all(|other| node.intersection(other).is_none()), "{size:?}");
            }
            assert_eq!(layout.node_at(layout.nodes[1][7].center()), Some((1, 7)));
            for (place, add) in layout.add.iter().enumerate() {
                assert_eq!(layout.add_at(add.center()), Some(place));
                assert!(all.iter().all(|node| node.intersection(add).is_none()), "{size:?}");
            }
            assert_eq!(layout.add.len(), 3);
            // What is written beneath a name is not beneath a button.
            assert_eq!(layout.has_room_beneath(0), layout.add[0].x >= layout.heads[0].x + layout.heads[0].width);
            let name = Point::new(layout.heads[0].center_x(), layout.heads[0].y + 8.0);
            assert_eq!((layout.head_at(name), layout.add_at(name)), (Some(0), None));
        }
    }

    #[test]
    fn cells_are_as_large_as_the_space_allows() {
        assert_eq!(grid(4, 96.0, 96.0), (2, 46.0));
        assert_eq!(grid(1, 500.0, 500.0).0, 1);
        assert_eq!(grid(0, 100.0, 100.0).0, 1);
    }
}
