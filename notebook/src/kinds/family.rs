//! Families: branches that are drawn as one curve, their mean, and about it the lowest
//! and the highest of them.

use std::collections::BTreeMap;

use revacnn_schemas::{BranchName, Hue, counted};
use serde::{Deserialize, Serialize};

use super::curve::Shown;
use crate::sources::curves::Thinned;

/// Branches that are drawn as one curve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// What the curve is called.
    pub name: BranchName,
    /// The branches.
    pub members: Vec<BranchName>,
}

/// What is one curve: a branch, or a family.
pub(super) struct Group<'a> {
    /// What it is called.
    pub(super) name: BranchName,
    pub(super) hue: Hue,
    /// What of the history is missing, for the legend.
    pub(super) lacks: String,
    pub(super) members: Vec<&'a Shown>,
    is_family: bool,
}

impl Group<'_> {
    /// What the legend says of a mean over branches.
    pub(super) fn words(&self, curves: usize) -> String {
        match (self.is_family, self.members.len()) {
            (false, _) => String::new(),
            (true, all) if all == curves => format!(", mean of {}", counted(all as u64, "branch")),
            (true, all) => format!(", mean of {curves} of {}", counted(all as u64, "branch")),
        }
    }
}

/// Branches as curves, each family where its first member is.
pub(super) fn groups<'a>(all: &'a [Shown], families: &[Family]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::with_capacity(all.len());
    for shown in all {
        let family = families.iter().find(|family| family.members.contains(&shown.name));
        let name = family.map_or(&shown.name, |family| &family.name).clone();
        match groups.iter_mut().find(|group| group.is_family && family.is_some() && group.name == name) {
            Some(group) => {
                if group.lacks.is_empty() {
                    group.lacks.clone_from(&shown.lacks);
                }
                group.members.push(shown);
            }
            None => groups.push(Group {
                name,
                hue: shown.hue,
                lacks: shown.lacks.clone(),
                members: vec![shown],
                is_family: family.is_some(),
            }),
        }
    }
    groups
}

/// The mean of some curves where at least one of them is, and its bounds: the lowest
/// and the highest of them. What lies between two points of a curve is on the line
/// between them. The curve of one is itself.
pub(super) fn mean(mut curves: Vec<Thinned>) -> Thinned {
    if curves.len() < 2 {
        return curves.pop().unwrap_or_default();
    }
    let steps = curves.iter().map(|curve| curve.steps).max().unwrap_or_default();
    let all: Vec<&[[f64; 2]]> = curves.iter().map(|curve| curve.points.as_slice()).collect();
    let (points, bounds) = mean_of(&all);
    let raw: Vec<&[[f64; 2]]> = curves.iter().map(|curve| curve.raw.as_slice()).collect();
    let (raw, _) = mean_of(&raw);
    // Where points of some are of other steps, a point of the mean is of no one's.
    let alike = curves.windows(2).all(|two| two[0].begins == two[1].begins) && curves[0].begins.len() == points.len();
    let begins = if alike { curves[0].begins.clone() } else { Vec::new() };
    Thinned { points, bounds, begins, raw, steps, is_mean: true }
}

fn mean_of(curves: &[&[[f64; 2]]]) -> (Vec<[f64; 2]>, Vec<[f64; 2]>) {
    // Every place at which a curve has a point, from left to right.
    let mut values: BTreeMap<u64, (f64, Vec<f64>)> = BTreeMap::new();
    let key = |x: f64| if x.is_sign_negative() { !x.to_bits() } else { x.to_bits() | 1 << 63 };
    for point in curves.iter().copied().flatten() {
        values.entry(key(point[0] + 0.0)).or_insert((point[0], Vec::new()));
    }
    for curve in curves {
        let (Some(first), Some(last)) = (curve.first(), curve.last()) else { continue };
        let mut place = 0;
        for (x, at) in
            values.range_mut(key(first[0] + 0.0)..=key(last[0] + 0.0)).map(|(_, value)| (value.0, &mut value.1))
        {
            while place + 1 < curve.len() && curve[place + 1][0] <= x {
                place += 1;
            }
            let [left, value] = curve[place];
            let value = match curve.get(place + 1) {
                Some([right, next]) if x > left => value + (next - value) * ((x - left) / (right - left)),
                _ => value,
            };
            if !value.is_nan() {
                at.push(value);
            }
        }
    }
    let (mut points, mut bounds) = (Vec::with_capacity(values.len()), Vec::with_capacity(values.len()));
    for (x, at) in values.into_values() {
        let mean = at.iter().sum::<f64>() / at.len() as f64;
        let low = at.iter().copied().fold(f64::NAN, f64::min);
        let high = at.iter().copied().fold(f64::NAN, f64::max);
        points.push([x, mean]);
        bounds.push([low, high]);
    }
    (points, bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[[f64; 2]]) -> Thinned {
        Thinned { points: points.to_vec(), ..Thinned::default() }
    }

    #[test]
    fn a_mean_is_of_the_curves_that_are_there_and_of_lines_between_their_points() {
        let alone = curve(&[[0.0, 1.0], [1.0, 2.0]]);
        assert_eq!(mean(vec![alone.clone()]), alone);
        let both = mean(vec![curve(&[[-2.0, 1.0], [2.0, 5.0], [4.0, 7.0]]), curve(&[[0.0, 1.0], [2.0, f64::NAN]])]);
        assert_eq!(both.points, [[-2.0, 1.0], [0.0, 2.0], [2.0, 5.0], [4.0, 7.0]]);
        assert_eq!(both.bounds, [[1.0, 1.0], [1.0, 3.0], [5.0, 5.0], [7.0, 7.0]]);
        let of = |begins: &[f64]| Thinned { begins: begins.to_vec(), ..curve(&[[4.0, 1.0], [9.0, 2.0]]) };
        assert_eq!(mean(vec![of(&[0.0, 5.0]), of(&[0.0, 5.0])]).begins, [0.0, 5.0]);
        assert!(mean(vec![of(&[0.0, 5.0]), of(&[2.0, 5.0])]).begins.is_empty());
        let three = mean([1.0, 4.0, 10.0].map(|value| curve(&[[0.0, value], [1.0, value]])).to_vec());
        assert_eq!((three.points[1], three.bounds[1]), ([1.0, 5.0], [1.0, 10.0]));
        assert!(mean(vec![curve(&[[0.0, f64::NAN]]), curve(&[[0.0, f64::NAN]])]).points[0][1].is_nan());
    }
}
