//! Where everything of a network lies on the screen, so that two networks side by
//! side have the same filters in the same places, and what is under a point.

use iced::{Point, Rectangle, Size};
use revacnn_notebook::scene::{NetworkLayout, Says};
pub(crate) use revacnn_notebook::scene::{Plan, node_of};

use super::paint::{STYLE, rectangle, room};

/// How far beside a node it is still meant.
const REACH: f32 = 2.0;

/// Where everything of a diagram lies.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// As the scene has it.
    pub(crate) places: NetworkLayout,
    /// The image that the network looks at.
    pub(crate) input: Rectangle,
    /// A rectangle a filter of the plan, `[column][filter]`.
    pub(crate) nodes: Vec<Vec<Rectangle>>,
    /// The layers' names.
    pub(crate) heads: Vec<Rectangle>,
    /// The button that adds a filter, a column each.
    pub(crate) add: Vec<Rectangle>,
    /// The button that removes a layer, a column each where there is room.
    pub(crate) remove_layer: Vec<Option<Rectangle>>,
    /// The button that inserts a layer: before the first column, and after each.
    pub(crate) insert: Vec<Option<Rectangle>>,
}

impl Layout {
    /// Lays a plan out in a space.
    pub(crate) fn of(plan: &Plan, says: Says, size: Size) -> Self {
        let places = NetworkLayout::of(plan, says, room(size), STYLE);
        let all = |areas: &[revacnn_notebook::scene::Area]| areas.iter().copied().map(rectangle).collect();
        let button = |at: revacnn_notebook::scene::Area| edged(rectangle(at));
        Self {
            input: rectangle(places.input),
            nodes: places.nodes.iter().map(|nodes| all(nodes)).collect(),
            heads: all(&places.heads),
            add: places.add.iter().copied().map(button).collect(),
            remove_layer: places.remove.iter().map(|at| at.map(button)).collect(),
            insert: places.insert.iter().map(|at| at.map(button)).collect(),
            places,
        }
    }

    /// The filter of the plan under a point.
    pub(crate) fn node_at(&self, at: Point) -> Option<(usize, usize)> {
        self.nodes.iter().enumerate().find_map(|(column, nodes)| {
            nodes.iter().position(|node| node.expand(REACH).contains(at)).map(|node| (column, node))
        })
    }

    /// The layer whose `+` is under a point.
    pub(crate) fn add_at(&self, at: Point) -> Option<usize> {
        self.add.iter().position(|button| button.expand(1.0).contains(at))
    }

    /// The layer whose `×` is under a point.
    pub(crate) fn remove_layer_at(&self, at: Point) -> Option<usize> {
        self.remove_layer.iter().position(|button| button.is_some_and(|button| button.expand(1.0).contains(at)))
    }

    /// The gap between layers whose `+` is under a point: 0 is before the first.
    pub(crate) fn insert_at(&self, at: Point) -> Option<usize> {
        self.insert.iter().position(|button| button.is_some_and(|button| button.expand(2.0).contains(at)))
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

/// A button whose rim, a pixel wide, fills whole pixels: of one that lies between two, the
/// software renderer draws half anew.
fn edged(button: Rectangle) -> Rectangle {
    Rectangle {
        x: button.x.floor() + 0.5,
        y: button.y.floor() + 0.5,
        width: button.width.round(),
        height: button.height.round(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use revacnn_schemas::{
        DiagramColumn, DiagramNode, FilterIdentity, FilterNumber, Hue, Image, NetworkDiagram, Palette, Step,
    };

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
                    layers: vec![layer.parse().unwrap()],
                    nodes: nodes.iter().map(|found| node(layer, *found)).collect(),
                    groups: 1,
                })
                .collect(),
            joints: Vec::new(),
            edges: Vec::new(),
            class_layer: Some("softmax".parse().unwrap()),
            classes: Vec::new(),
            reconstruction: None,
            trace: None,
            outputs: Default::default(),
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
        assert_eq!(Plan::side_by_side(&one, &other).map(|plan| numbers(&plan)), [expected.to_vec(), expected.to_vec()]);
        // Without a filter in common there is nothing that could lie in the same place.
        let stranger = network(&[("conv1", &[(7, 0.0)]), ("conv2", &[(0, 0.0)])]);
        let [own, others] = Plan::side_by_side(&one, &stranger);
        assert_eq!([numbers(&own), numbers(&others)], [&one, &stranger].map(|each| numbers(&Plan::of(&[each]))));
    }

    #[test]
    fn nodes_lie_apart_within_the_space_and_are_found_under_their_middle() {
        for size in [Size::new(940.0, 320.0), Size::new(260.0, 180.0)] {
            let many: Vec<(u32, f32)> = (0..40).map(|number| (number, 0.0)).collect();
            let plan = Plan::of(&[&network(&[("conv1", &many), ("conv2", &many[..20]), ("softmax", &many[..10])])]);
            let layout = Layout::of(&plan, Says::Classes, size);
            let all: Vec<&Rectangle> = layout.nodes.iter().flatten().collect();
            for (place, node) in all.iter().enumerate() {
                assert!(
                    node.x >= 0.0
                        && node.x + node.width <= layout.places.classes.x
                        && node.y + node.height <= size.height
                );
                assert!(all[place + 1..].iter().all(|other| node.intersection(other).is_none()), "{size:?}");
            }
            assert_eq!(layout.node_at(layout.nodes[1][7].center()), Some((1, 7)));
            for (place, remove) in
                layout.remove_layer.iter().enumerate().filter_map(|(place, at)| Some((place, (*at)?)))
            {
                assert_eq!(
                    (layout.remove_layer_at(remove.center()), layout.add_at(remove.center())),
                    (Some(place), None)
                );
            }
            for (place, insert) in layout.insert.iter().enumerate().filter_map(|(place, at)| Some((place, (*at)?))) {
                assert_eq!((layout.insert_at(insert.center()), layout.add_at(insert.center())), (Some(place), None));
            }
            for (place, add) in layout.add.iter().enumerate() {
                assert_eq!(layout.add_at(add.center()), Some(place));
                assert!(all.iter().all(|node| node.intersection(add).is_none()), "{size:?}");
            }
            assert_eq!(layout.add.len(), 3);
            // What is written beneath a name is not beneath a button.
            assert_eq!(layout.places.has_room_beneath(0), layout.add[0].x >= layout.heads[0].x + layout.heads[0].width);
            let name = Point::new(layout.heads[0].center_x(), layout.heads[0].y + 8.0);
            assert_eq!((layout.head_at(name), layout.add_at(name)), (Some(0), None));
        }
    }
}
