//! The gradient of t-SNE for thousands of points, with far points taken together.

use crate::lanes::{LANES, RUN, add, sum};
use crate::quadtree::{Bounds, Quadtree};
use crate::sparse::SparseAffinities;
use crate::work::Workers;

/// Leaves whose forces are found at once.
const PORTION: usize = 8;

/// What acts on a point.
#[derive(Debug, Clone, Copy, Default)]
struct Force {
    attraction: [f64; 2],
    /// `Σⱼ (yᵢ − yⱼ) / (1 + |yᵢ − yⱼ|²)²`.
    repulsion: [f64; 2],
    /// `Σⱼ 1 / (1 + |yᵢ − yⱼ|²)`.
    kernels: f64,
}

/// The forces between points, whose memory is used again at every step.
///
/// Nodes of a quadtree that are farther from a leaf than their extent divided by `theta`
/// act on all of its points as if theirs were at their mean; nearer ones act one by one.
///
/// Determinism: a point's forces are summed in the order of the tree, and over points in
/// that order, by four operations and on any number of threads.
///
/// Source: L. van der Maaten, "Accelerating t-SNE using Tree-Based Algorithms", JMLR 2014;
/// one list of nodes for all points of a leaf: J. Barnes, "A modified tree code: don't
/// laugh; it runs", Journal of Computational Physics 1990.
pub(crate) struct Field<'a> {
    affinities: &'a SparseAffinities,
    workers: &'a Workers,
    theta: f64,
    tree: Quadtree,
    forces: Vec<Force>,
    /// The positions, rounded.
    rounded: Vec<[f32; 2]>,
}

impl<'a> Field<'a> {
    /// `theta` is to be below 0.7, so that no point is in a node that acts on it as one.
    pub(crate) fn new(affinities: &'a SparseAffinities, workers: &'a Workers, theta: f64) -> Self {
        let forces = vec![Force::default(); affinities.points()];
        Self { affinities, workers, theta, tree: Quadtree::default(), forces, rounded: Vec::new() }
    }

    /// Writes the gradient of the divergence, its attractive part multiplied by
    /// `exaggeration`: `4 (e Σⱼ pᵢⱼ (yᵢ − yⱼ) kᵢⱼ − Σⱼ (yᵢ − yⱼ) kᵢⱼ² / Σ k)`.
    pub(crate) fn gradient(&mut self, positions: &[[f64; 2]], exaggeration: f64, gradient: &mut [[f64; 2]]) {
        self.tree.build(positions);
        self.rounded.clear();
        self.rounded.extend(positions.iter().map(|position| position.map(|value| value as f32)));
        let (tree, affinities, rounded) = (&self.tree, self.affinities, self.rounded.as_slice());
        let squared_theta = self.theta * self.theta;
        let mut portions = Vec::with_capacity(tree.leaves.len().div_ceil(PORTION));
        let mut left = self.forces.as_mut_slice();
        for leaves in tree.leaves.chunks(PORTION) {
            let points = leaves.iter().map(|(node, _)| tree.nodes[*node as usize].mass as usize).sum();
            let (own, others) = left.split_at_mut(points);
            left = others;
            portions.push((leaves, own));
        }
        self.workers.for_each(&mut portions, |_, (leaves, forces)| {
            let mut sources = Sources::new();
            let mut forces = forces.iter_mut();
            for (node, bounds) in leaves.iter() {
                let node = &tree.nodes[*node as usize];
                sources.gather(tree, bounds, squared_theta);
                for (place, force) in (node.first as usize..node.end as usize).zip(&mut forces) {
                    *force = sources.act_on(tree.xs[place], tree.ys[place]);
                    force.attraction = affinities.attraction(tree.order[place] as usize, rounded);
                }
            }
        });
        let total: f64 = self.forces.iter().map(|force| force.kernels).sum();
        // A point alone is repelled by nothing.
        let share = if total > 0.0 { 1.0 / total } else { 0.0 };
        for (&point, force) in tree.order.iter().zip(&self.forces) {
            gradient[point as usize] =
                [0, 1].map(|axis| 4.0 * (exaggeration * force.attraction[axis] - force.repulsion[axis] * share));
        }
    }
}

/// What acts on the points of a leaf: masses, side by side.
struct Sources {
    /// What places are relative to, so that near ones are told apart however far out the
    /// leaf is.
    origin: [f64; 2],
    xs: Vec<f32>,
    ys: Vec<f32>,
    masses: Vec<f32>,
    /// What a run of sources does to a point: their kernels, and along each axis.
    products: [[f32; RUN]; 3],
}

impl Sources {
    fn new() -> Self {
        let [xs, ys, masses] = [const { Vec::new() }; 3];
        Self { origin: [0.0; 2], xs, ys, masses, products: [[0.0; RUN]; 3] }
    }

    /// Collects the nodes that are far from a rectangle, and the points of near leaves.
    fn gather(&mut self, tree: &Quadtree, bounds: &Bounds, squared_theta: f64) {
        self.origin = bounds.low;
        self.xs.clear();
        self.ys.clear();
        self.masses.clear();
        let [x, y] = self.origin;
        let mut at = 0;
        while let Some(node) = tree.nodes.get(at) {
            if node.squared_extent <= squared_theta * bounds.squared_distance(node.centre) {
                self.xs.push((node.centre[0] - x) as f32);
                self.ys.push((node.centre[1] - y) as f32);
                self.masses.push(node.mass as f32);
            } else if node.is_leaf {
                let points = node.first as usize..node.end as usize;
                self.xs.extend(tree.xs[points.clone()].iter().map(|own| (own - x) as f32));
                self.ys.extend(tree.ys[points].iter().map(|own| (own - y) as f32));
                self.masses.resize(self.xs.len(), 1.0);
            } else {
                at += 1;
                continue;
            }
            at = node.next as usize;
        }
        let filled = self.xs.len().next_multiple_of(LANES);
        self.xs.resize(filled, 0.0);
        self.ys.resize(filled, 0.0);
        self.masses.resize(filled, 0.0);
    }

    /// The repulsion of a point of the leaf, which is itself among the sources.
    fn act_on(&mut self, x: f64, y: f64) -> Force {
        let (x, y) = ((x - self.origin[0]) as f32, (y - self.origin[1]) as f32);
        let (mut along_x, mut along_y, mut kernels) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        let places = self.xs.chunks(RUN).zip(self.ys.chunks(RUN));
        for ((xs, ys), masses) in places.zip(self.masses.chunks(RUN)) {
            let [weights, pulls_x, pulls_y] = &mut self.products;
            let written = weights.iter_mut().zip(pulls_x.iter_mut()).zip(pulls_y.iter_mut());
            for ((((weight, pull_x), pull_y), mass), (own_x, own_y)) in written.zip(masses).zip(xs.iter().zip(ys)) {
                let (dx, dy) = (x - own_x, y - own_y);
                let kernel = 1.0 / (1.0 + (dx * dx + dy * dy));
                *weight = mass * kernel;
                *pull_x = *weight * kernel * dx;
                *pull_y = *weight * kernel * dy;
            }
            add(&mut kernels, &weights[..masses.len()]);
            add(&mut along_x, &pulls_x[..masses.len()]);
            add(&mut along_y, &pulls_y[..masses.len()]);
        }
        // Its own kernel is 1, and moves it nowhere.
        Force { attraction: [0.0; 2], repulsion: [sum(along_x), sum(along_y)], kernels: sum(kernels) - 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::ops::ControlFlow;

    use ndarray::Array2;

    use super::*;
    use crate::affinities::{Affinities, squared_distances};
    use crate::{Work, nearest_points};

    const COUNT: usize = 160;

    fn vectors() -> Array2<f32> {
        Array2::from_shape_fn((COUNT, 6), |(i, j)| ((i * 31 + j * 17 + i * i * j) % 23) as f32 / 7.0)
    }

    /// Two loose groups and one far off; two points at one place.
    fn positions() -> Vec<[f64; 2]> {
        let place = |i: usize| {
            let scattered = |by: usize| (i * by % 97) as f64 / 10.0;
            [scattered(37) + (i % 2) as f64 * 12.0, scattered(53) - (i % 7 / 6) as f64 * 40.0]
        };
        (0..COUNT).map(|i| place(i.max(1))).collect()
    }

    fn gradient(theta: f64, exaggeration: f64) -> Vec<[f64; 2]> {
        let mut watch = |_: usize, _: usize| ControlFlow::Continue(());
        let mut work = Work { threads: NonZeroUsize::MIN, watch: &mut watch };
        let neighbours = nearest_points(vectors().view(), COUNT - 1, &mut work).expect("finite");
        let workers = Workers::new(NonZeroUsize::MIN);
        let affinities = SparseAffinities::of(&neighbours, 20.0, &workers);
        let mut found = vec![[0.0; 2]; COUNT];
        Field::new(&affinities, &workers, theta).gradient(&positions(), exaggeration, &mut found);
        found
    }

    fn length(gradient: &[[f64; 2]]) -> f64 {
        gradient.iter().flatten().map(|slope| slope * slope).sum::<f64>().sqrt()
    }

    #[test]
    fn it_is_that_of_finite_differences_of_the_exact_divergence() {
        let exact = Affinities::of_distances(&squared_distances(vectors().view()), COUNT, 20.0);
        let numeric: Vec<[f64; 2]> = (0..COUNT)
            .map(|point| {
                [0, 1].map(|axis| {
                    let at = |offset: f64| {
                        let mut moved = positions();
                        moved[point][axis] += offset;
                        exact.divergence(&moved)
                    };
                    (at(1e-4) - at(-1e-4)) / 2e-4
                })
            })
            .collect();
        for (theta, most) in [(0.0, 1e-5), (0.2, 2e-3), (0.5, 2e-2)] {
            let found = gradient(theta, 1.0);
            let off: Vec<[f64; 2]> = found.iter().zip(&numeric).map(|(a, b)| [a[0] - b[0], a[1] - b[1]]).collect();
            let share = length(&off) / length(&numeric);
            assert!(share < most, "theta {theta}: {share}");
        }
    }

    #[test]
    fn exaggeration_multiplies_the_attraction_alone() {
        let [once, twice, thrice] = [1.0, 2.0, 3.0].map(|exaggeration| gradient(0.5, exaggeration));
        for ((once, twice), thrice) in once.iter().zip(&twice).zip(&thrice) {
            for axis in 0..2 {
                assert!((once[axis] + thrice[axis] - 2.0 * twice[axis]).abs() < 1e-12);
            }
        }
        assert!(length(&thrice) > length(&once));
    }
}
