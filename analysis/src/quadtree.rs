//! Points of a plane in a tree of squares, for sums over all pairs.

/// The most points of a leaf, but for those at one place of the grid.
const LEAF: usize = 16;
/// Bits of a point's place on each axis, and so the most levels.
const LEVELS: u32 = 16;

/// A square with points, or all points of a leaf.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// The mean of its points.
    pub(crate) centre: [f64; 2],
    /// How many points it has.
    pub(crate) mass: f64,
    /// The square of the larger side of the smallest rectangle about its points.
    pub(crate) squared_extent: f64,
    /// Its points, in the tree's order.
    pub(crate) first: u32,
    pub(crate) end: u32,
    /// The node after this one and all that are in it.
    pub(crate) next: u32,
    /// Whether no node is in it.
    pub(crate) is_leaf: bool,
}

/// The smallest rectangle about some points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) low: [f64; 2],
    pub(crate) high: [f64; 2],
}

impl Bounds {
    const EMPTY: Self = Self { low: [f64::INFINITY; 2], high: [f64::NEG_INFINITY; 2] };

    fn with(self, other: Self) -> Self {
        let axis = |axis: usize| (self.low[axis].min(other.low[axis]), self.high[axis].max(other.high[axis]));
        let [(left, right), (bottom, top)] = [axis(0), axis(1)];
        Self { low: [left, bottom], high: [right, top] }
    }

    /// The square of the distance of a place from the rectangle; 0 in it.
    pub(crate) fn squared_distance(&self, place: [f64; 2]) -> f64 {
        let off = |axis: usize| (self.low[axis] - place[axis]).max(place[axis] - self.high[axis]).max(0.0);
        let [x, y] = [off(0), off(1)];
        x * x + y * y
    }
}

/// A quadtree, its nodes in the order of a walk from the top; each before those in it.
///
/// Source: J. Barnes and P. Hut, "A hierarchical O(N log N) force-calculation algorithm",
/// Nature 1986; points in Morton order, so that a node's are side by side: M. Warren and J.
/// Salmon, "A parallel hashed oct-tree N-body algorithm", SC 1993.
#[derive(Debug, Default)]
pub(crate) struct Quadtree {
    pub(crate) nodes: Vec<Node>,
    /// The leaves' nodes and rectangles, in the tree's order.
    pub(crate) leaves: Vec<(u32, Bounds)>,
    /// The point at each place of the tree's order.
    pub(crate) order: Vec<u32>,
    /// The points' coordinates, in the tree's order.
    pub(crate) xs: Vec<f64>,
    pub(crate) ys: Vec<f64>,
    keys: Vec<u64>,
}

impl Quadtree {
    /// Builds the tree anew for other positions.
    ///
    /// Determinism: a fixed sequence of operations on one thread.
    pub(crate) fn build(&mut self, positions: &[[f64; 2]]) {
        let each = positions.iter().map(|&place| Bounds { low: place, high: place });
        let all = each.fold(Bounds::EMPTY, Bounds::with);
        let side = (all.high[0] - all.low[0]).max(all.high[1] - all.low[1]);
        let scale = if side > 0.0 { f64::from(1u32 << LEVELS) / side } else { 0.0 };
        let cell = |value: f64| spread((value as u32).min((1 << LEVELS) - 1));
        self.keys.clear();
        self.keys.extend(positions.iter().enumerate().map(|(point, [x, y])| {
            let key = cell((x - all.low[0]) * scale) | cell((y - all.low[1]) * scale) << 1;
            u64::from(key) << 32 | point as u64
        }));
        self.keys.sort_unstable();
        self.order.clear();
        self.order.extend(self.keys.iter().map(|&key| key as u32));
        let along = |axis: usize| self.order.iter().map(move |&point| positions[point as usize][axis]);
        self.xs.clear();
        self.xs.extend(along(0));
        self.ys.clear();
        self.ys.extend(along(1));
        self.nodes.clear();
        self.leaves.clear();
        if !positions.is_empty() {
            self.node(0, positions.len(), LEVELS);
        }
    }

    /// Adds the node of these points, with all that are in it, and says what it covers.
    fn node(&mut self, first: usize, end: usize, levels: u32) -> (f64, f64, Bounds) {
        let place = self.nodes.len();
        let is_leaf = end - first <= LEAF || levels == 0;
        let empty = Node {
            centre: [0.0; 2],
            mass: (end - first) as f64,
            squared_extent: 0.0,
            first: first as u32,
            end: end as u32,
            next: 0,
            is_leaf,
        };
        self.nodes.push(empty);
        let (mut x, mut y, mut bounds) = (0.0, 0.0, Bounds::EMPTY);
        if is_leaf {
            for (&own_x, &own_y) in self.xs[first..end].iter().zip(&self.ys[first..end]) {
                (x, y) = (x + own_x, y + own_y);
                bounds = bounds.with(Bounds { low: [own_x, own_y], high: [own_x, own_y] });
            }
            self.leaves.push((place as u32, bounds));
        } else {
            let shift = 32 + 2 * (levels - 1);
            let mut from = first;
            for quarter in 0..4 {
                let to = from + self.keys[from..end].partition_point(|key| key >> shift & 3 <= quarter);
                if to > from {
                    let (own_x, own_y, own) = self.node(from, to, levels - 1);
                    (x, y) = (x + own_x, y + own_y);
                    bounds = bounds.with(own);
                }
                from = to;
            }
        }
        let extent = (bounds.high[0] - bounds.low[0]).max(bounds.high[1] - bounds.low[1]);
        let next = self.nodes.len() as u32;
        let node = &mut self.nodes[place];
        // Of points at one place, the mean is that place, without rounding.
        node.centre = if extent > 0.0 { [x / node.mass, y / node.mass] } else { bounds.low };
        node.squared_extent = extent * extent;
        node.next = next;
        (x, y, bounds)
    }
}

/// A zero before each of the lower 16 bits.
fn spread(value: u32) -> u32 {
    let value = (value | value << 8) & 0x00ff_00ff;
    let value = (value | value << 4) & 0x0f0f_0f0f;
    let value = (value | value << 2) & 0x3333_3333;
    (value | value << 1) & 0x5555_5555
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_in_one_leaf_and_every_node_is_the_mean_of_its_points() {
        let scattered =
            |i: i32| [f64::from((i * 37 + i * i * 11) % 101) - 40.0, f64::from((i * 53 + i * i) % 97) / 3.0];
        let at_one_place = |_| [0.25, -3.0];
        for positions in [(0..300).map(scattered).collect::<Vec<_>>(), (0..300).map(at_one_place).collect(), Vec::new()]
        {
            let mut tree = Quadtree::default();
            tree.build(&positions);
            let mut seen: Vec<u32> = tree.order.clone();
            seen.sort_unstable();
            assert_eq!(seen, (0..positions.len() as u32).collect::<Vec<_>>());
            let mut from = 0;
            for (node, bounds) in &tree.leaves {
                let node = tree.nodes[*node as usize];
                assert!(node.is_leaf && node.first == from && node.end > from);
                from = node.end;
                for place in node.first as usize..node.end as usize {
                    assert_eq!(bounds.squared_distance([tree.xs[place], tree.ys[place]]), 0.0);
                }
            }
            assert_eq!(from as usize, positions.len());
            for node in &tree.nodes {
                let points: Vec<[f64; 2]> = tree.order[node.first as usize..node.end as usize]
                    .iter()
                    .map(|&at| positions[at as usize])
                    .collect();
                for axis in 0..2 {
                    let mean = points.iter().map(|point| point[axis]).sum::<f64>() / points.len() as f64;
                    assert!((mean - node.centre[axis]).abs() < 1e-9);
                    let extent = points.iter().flat_map(|a| points.iter().map(move |b| (a[axis] - b[axis]).abs()));
                    assert!(extent.fold(0.0, f64::max).powi(2) <= node.squared_extent * (1.0 + 1e-12));
                }
            }
        }
    }

    #[test]
    fn distances_from_a_rectangle_are_those_to_its_nearest_side_or_corner() {
        let bounds = Bounds { low: [0.0, 0.0], high: [2.0, 1.0] };
        for (place, squared) in [([1.0, 0.5], 0.0), ([5.0, 0.5], 9.0), ([-3.0, 5.0], 25.0), ([2.0, -2.0], 4.0)] {
            assert_eq!(bounds.squared_distance(place), squared);
        }
    }
}
