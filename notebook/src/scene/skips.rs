//! Edges of a network that lead past a column, and the layers in which edges meet.
//!
//! Such an edge leaves its layer downwards, goes along in a lane of its own below the nodes,
//! and comes up again where it is read; edges that do not meet share a lane. What makes channels
//! of several layers stands between two columns: a plus that adds, a bar that has all.

use revacnn_schemas::{DiagramEdge, DiagramPart, NetworkDiagram};

use super::{Ink, Line, Place, Role};

/// How far apart lanes are, and the most of a diagram's height that they take.
pub(super) const LANE: f32 = 9.0;
pub(super) const MOST_OF_HEIGHT: f32 = 0.3;
/// The radius of a joint, at most.
pub(super) const RADIUS: f32 = 7.0;
/// The radius of a lane's corners, at most.
const CORNER: f32 = 6.0;
/// The head of an edge.
const HEAD: f32 = 3.5;

/// Where a part stands in the order of a diagram: columns at odd numbers, what is between them
/// at even ones.
fn slot(diagram: &NetworkDiagram, part: DiagramPart) -> usize {
    match part {
        DiagramPart::Input => 0,
        DiagramPart::Column(place) => 2 * place + 1,
        DiagramPart::Joint(place) => diagram.joints.get(place).map_or(0, |joint| 2 * joint.after),
        DiagramPart::Classes => 2 * diagram.columns.len(),
    }
}

/// The edges that lead past a column, and the lane of each.
pub(super) fn lanes(diagram: &NetworkDiagram) -> Vec<(DiagramEdge, usize)> {
    let ends = |edge: &DiagramEdge| [slot(diagram, edge.from), slot(diagram, edge.to)];
    let leads_past = |edge: &&DiagramEdge| {
        let [from, to] = ends(edge);
        (from + 1..to).any(|slot| slot % 2 == 1)
    };
    let mut edges: Vec<DiagramEdge> = diagram.edges.iter().filter(leads_past).copied().collect();
    // Short ones lie next to the nodes.
    edges.sort_by_key(|edge| (ends(edge)[1] - ends(edge)[0], ends(edge)));
    let mut taken: Vec<Vec<[usize; 2]>> = Vec::new();
    let mut all = Vec::with_capacity(edges.len());
    for edge in edges {
        let [from, to] = ends(&edge);
        let is_free = |lane: &Vec<[usize; 2]>| lane.iter().all(|[begin, end]| to <= *begin || *end <= from);
        let lane = taken.iter().position(is_free).unwrap_or(taken.len());
        if lane == taken.len() {
            taken.push(Vec::new());
        }
        taken[lane].push([from, to]);
        all.push((edge, lane));
    }
    all
}

/// How many lanes a diagram has.
pub(super) fn lane_count(diagram: &NetworkDiagram) -> usize {
    lanes(diagram).iter().map(|(_, lane)| lane + 1).max().unwrap_or(0)
}

fn ink() -> Ink {
    Ink::from(Role::Ink).faded(0.55)
}

/// An edge in its lane at `height`, from one place down and up to another.
pub(super) fn past(from: Place, to: Place, height: f32) -> Vec<Line> {
    let corner =
        CORNER.min((to[0] - from[0]).abs() / 2.0).min((height - from[1]).max(0.0)).min((height - to[1]).max(0.0));
    let mut points = vec![from];
    for (at, [before, after]) in
        [([from[0], height], [[0.0, -1.0], [1.0, 0.0]]), ([to[0], height], [[-1.0, 0.0], [0.0, -1.0]])]
    {
        // A quarter of a circle, whose middle is beside both.
        let begin = [at[0] + before[0] * corner, at[1] + before[1] * corner];
        let middle = [begin[0] + after[0] * corner, begin[1] + after[1] * corner];
        let steps = 4;
        points.extend((0..=steps).map(|step| {
            let angle = std::f32::consts::FRAC_PI_2 * step as f32 / steps as f32;
            let along =
                |axis: usize| middle[axis] - after[axis] * corner * angle.cos() - before[axis] * corner * angle.sin();
            [along(0), along(1)]
        }));
    }
    points.push(to);
    vec![line(points), head(to, [0.0, -1.0])]
}

/// An edge straight from one place to another.
pub(super) fn straight(from: Place, to: Place) -> Vec<Line> {
    let length = (to[0] - from[0]).hypot(to[1] - from[1]).max(f32::MIN_POSITIVE);
    vec![line(vec![from, to]), head(to, [(to[0] - from[0]) / length, (to[1] - from[1]) / length])]
}

fn line(points: Vec<Place>) -> Line {
    Line { points, width: 1.2, dash: &[], ink: ink() }
}

/// The head of an edge that comes in this direction.
fn head(at: Place, [x, y]: [f32; 2]) -> Line {
    let side = |turn: f32| [at[0] - HEAD * (x - turn * y), at[1] - HEAD * (y + turn * x)];
    line(vec![side(0.7), at, side(-0.7)])
}

/// A joint: a circle with a plus, or a bar.
pub(super) fn joint(at: Place, radius: f32, adds: bool) -> Vec<Line> {
    let line = |points: Vec<Place>| Line { points, width: 1.4, dash: &[], ink: Role::Ink.into() };
    let [x, y] = at;
    if adds {
        let turn = |step: usize| std::f32::consts::TAU * step as f32 / 24.0;
        let circle = (0..=24).map(|step| [x + radius * turn(step).cos(), y + radius * turn(step).sin()]);
        let arm = 0.6 * radius;
        return vec![
            line(circle.collect()),
            line(vec![[x - arm, y], [x + arm, y]]),
            line(vec![[x, y - arm], [x, y + arm]]),
        ];
    }
    let (wide, high) = (0.45 * radius, 1.6 * radius);
    vec![line(vec![
        [x - wide, y - high],
        [x + wide, y - high],
        [x + wide, y + high],
        [x - wide, y + high],
        [x - wide, y - high],
    ])]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_in_a_lane_goes_down_along_and_up_again() {
        let lines = past([10.0, 50.0], [90.0, 40.0], 100.0);
        let points = &lines[0].points;
        assert_eq!((points.first(), points.last()), (Some(&[10.0, 50.0]), Some(&[90.0, 40.0])));
        assert!(points.iter().all(|[x, y]| (10.0..=90.0).contains(x) && *y <= 100.0), "{points:?}");
        assert!(points.windows(2).all(|pair| pair[0][0] <= pair[1][0] + 1e-3), "it never turns back: {points:?}");
        assert_eq!(points.iter().filter(|[_, y]| (*y - 100.0).abs() < 1e-3).count(), 2, "{points:?}");
        // Where there is no room for corners it is straight all the same.
        assert!(past([10.0, 100.0], [10.5, 99.0], 100.0)[0].points.iter().flatten().all(|value| value.is_finite()));
    }

    #[test]
    fn edges_that_do_not_meet_share_a_lane_and_the_shortest_is_the_first() {
        use DiagramPart::{Column, Input, Joint};
        let mut diagram = crate::scene::network::tests::diagram(&[("a", 2), ("b", 2), ("c", 2), ("d", 2)]);
        let joint = |after: usize| revacnn_schemas::DiagramJoint {
            layer: "add1".parse().unwrap(),
            layers: Vec::new(),
            adds: true,
            after,
        };
        diagram.joints = vec![joint(2), joint(4)];
        let edge = |from, to| DiagramEdge { from, to };
        diagram.edges = vec![
            edge(Input, Column(0)),
            edge(Column(0), Column(1)),
            edge(Column(1), Joint(0)),
            edge(Column(0), Joint(0)),
            edge(Joint(0), Column(2)),
            edge(Joint(0), Joint(1)),
            edge(Input, Joint(1)),
        ];
        let found = lanes(&diagram);
        let expected = [(edge(Column(0), Joint(0)), 0), (edge(Joint(0), Joint(1)), 0), (edge(Input, Joint(1)), 1)];
        assert_eq!(found, expected);
        assert_eq!(lane_count(&diagram), 2);
    }
}
