//! Paths of a network: from the image to the first layer, from each layer to what reads it, and to
//! the classes, as wide as the activation sum of the filter that they leave.
//!
//! All of a network of some hundred filters would be a grey slab: between two layers the
//! strongest are drawn, and those of a filter that is marked.

use revacnn_schemas::{FilterIdentity, LayerName};

use super::{Ink, Line, Place, Role};
use crate::look::count;

/// The most paths between two layers.
pub(super) const MOST: usize = 120;
/// The most paths from the image, to the classes, and of a marked filter on one side.
pub(super) const MOST_OF_ONE: usize = 40;
/// How much of a path is seen while another filter's are marked.
pub(super) const RECEDES: f32 = 0.35;

/// A filter by its layer.
pub type Filter<'a> = (&'a LayerName, &'a FilterIdentity);

/// Paths, and which they are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Paths {
    /// The paths, from the lowest to the uppermost.
    pub lines: Vec<Line>,
    /// Which they are, in words; nothing where there are none.
    pub words: String,
}

/// A filter as paths see it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct End {
    /// The middle of its node.
    pub(super) at: Place,
    /// Its activation sum, as a share of its layer's largest; finite.
    pub(super) share: f32,
    /// Whether it is in the upper half of its layer.
    pub(super) top: bool,
    /// Whether it is pointed at or chosen.
    pub(super) marked: bool,
    /// Its place among the filters of its layer, and how many these are.
    pub(super) place: (usize, usize),
}

impl End {
    /// In which of so many groups of its layer it is.
    fn group(&self, groups: usize) -> usize {
        let (place, of) = self.place;
        place * groups / of.max(1)
    }
}

/// A path that may be drawn.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    from: Place,
    to: Place,
    /// The share of the filter that it leaves, or of the one that the image leads to.
    share: f32,
    /// The product of the shares of both.
    strength: f32,
}

/// Paths from one part of a network to the next.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bundle<'a> {
    /// From a place to each filter of a layer.
    From(Place, &'a [End]),
    /// Between the filters of two layers, of which the second reads the first in so many groups.
    Between(&'a [End], &'a [End], usize),
    /// From each filter of a layer to a place.
    To(&'a [End], Place),
}

impl<'a> Bundle<'a> {
    /// Those of layers that each read the one before in so many groups, from the image and to the classes
    /// where these have a place.
    pub(super) fn in_order(
        layers: &'a [Vec<End>],
        groups: &[usize],
        begin: Option<Place>,
        end: Option<Place>,
    ) -> Vec<Self> {
        let first = layers.first().zip(begin).map(|(layer, begin)| Self::From(begin, layer));
        let last = layers.last().zip(end).map(|(layer, end)| Self::To(layer, end));
        let pairs = layers.windows(2).zip(groups.iter().skip(1));
        let between = pairs.map(|(pair, groups)| Self::Between(&pair[0], &pair[1], *groups));
        first.into_iter().chain(between).chain(last).collect()
    }
}

/// The paths of some bundles. `name` is that of what is marked.
pub(super) fn paths(bundles: &[Bundle<'_>], name: Option<String>) -> Paths {
    let all = bundles.iter().flat_map(|bundle| match *bundle {
        Bundle::From(_, layer) | Bundle::To(layer, _) => [layer, &[]],
        Bundle::Between(from, to, _) => [from, to],
    });
    let is_marked = all.flatten().any(|end| end.marked);
    let (mut below, mut above) = (Vec::new(), Vec::new());
    let mut of = 0;
    for bundle in bundles {
        match *bundle {
            Bundle::From(begin, layer) => {
                let path = |end: &End| Candidate { from: begin, to: end.at, share: end.share, strength: end.share };
                fan(layer, path, is_marked, [&mut below, &mut above]);
            }
            Bundle::Between(from, to, groups) => {
                of = of.max(between((from, to, groups), is_marked, [&mut below, &mut above]));
            }
            Bundle::To(layer, end) => {
                let path = |from: &End| Candidate { from: from.at, to: end, share: from.share, strength: from.share };
                fan(layer, path, is_marked, [&mut below, &mut above]);
            }
        }
    }
    let words = match (name.filter(|_| is_marked), of > MOST) {
        _ if below.is_empty() && above.is_empty() => String::new(),
        (Some(name), _) => format!("lines: the paths of {name}, the strongest; others are faint"),
        (None, true) => format!("lines: the {MOST} strongest of up to {} paths between two layers", count(of as u64)),
        (None, false) => "lines: paths between the filters with the larger activation sums".to_owned(),
    };
    below.extend(above);
    Paths { lines: below, words }
}

/// Adds the paths between one place and a layer.
fn fan(layer: &[End], path: impl Fn(&End) -> Candidate, recedes: bool, [below, above]: [&mut Vec<Line>; 2]) {
    let tops = strongest(layer.iter().filter(|end| end.top && !end.marked).map(&path).collect(), MOST_OF_ONE);
    below.extend(tops.iter().map(|path| line(path, if recedes { RECEDES } else { 1.0 })));
    above.extend(layer.iter().filter(|end| end.marked).map(|end| marked(&path(end))));
}

/// Adds the paths between two layers, of which the second reads the first in so many groups; returns between
/// how many pairs there are some at most.
fn between((from, to, groups): (&[End], &[End], usize), recedes: bool, [below, above]: [&mut Vec<Line>; 2]) -> usize {
    let path = |(one, other): (&End, &End)| Candidate {
        from: one.at,
        to: other.at,
        share: one.share,
        strength: one.share * other.share,
    };
    // The strongest pairs are of the strongest filters.
    let tops = |layer: &[End]| {
        let mut tops: Vec<End> = layer.iter().filter(|end| end.top).copied().collect();
        tops.sort_by(|one, other| other.share.total_cmp(&one.share));
        (tops.len(), tops.into_iter().take(MOST).collect::<Vec<End>>())
    };
    let ((of_one, one), (of_other, other)) = (tops(from), tops(to));
    let pairs = |one: &'_ [End], other: &'_ [End]| -> Vec<Candidate> {
        let reads = |one: &End, other: &End| one.group(groups) == other.group(groups);
        let of = move |one| other.iter().filter(move |other| reads(one, other)).map(move |other| path((one, other)));
        one.iter().flat_map(of).collect()
    };
    let all = strongest(pairs(&one, &other), MOST);
    below.extend(all.iter().map(|path| line(path, if recedes { 0.5 * RECEDES } else { 0.5 })));
    for (place, side) in [from, to].into_iter().enumerate() {
        for end in side.iter().filter(|end| end.marked) {
            let own = [*end];
            let own = if place == 0 { pairs(&own, to) } else { pairs(from, &own) };
            above.extend(strongest(own, MOST_OF_ONE).iter().map(marked));
        }
    }
    of_one * of_other / groups.max(1)
}

/// So many of the strongest, in their order.
fn strongest(mut all: Vec<Candidate>, most: usize) -> Vec<Candidate> {
    if all.len() > most {
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by(|one, other| all[*other].strength.total_cmp(&all[*one].strength));
        order.truncate(most);
        order.sort_unstable();
        all = order.into_iter().map(|place| all[place]).collect();
    }
    all
}

fn line(path: &Candidate, strength: f32) -> Line {
    let ink = Ink::from(Role::Quiet).faded((0.12 + 0.28 * path.share) * strength);
    Line { points: vec![path.from, path.to], width: 0.5 + 2.5 * path.share, dash: &[], ink }
}

fn marked(path: &Candidate) -> Line {
    let ink = Ink::from(Role::Accent).faded(0.25 + 0.5 * path.strength.min(1.0));
    Line { points: vec![path.from, path.to], width: 1.0 + 2.0 * path.share, dash: &[], ink }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A layer of so many filters with falling sums, of which one may be marked.
    fn layer(x: f32, filters: usize, marked: Option<usize>) -> Vec<End> {
        let end = |place: usize| End {
            at: [x, place as f32],
            share: 1.0 - place as f32 / filters as f32,
            top: place < filters.div_ceil(2),
            marked: marked == Some(place),
            place: (place, filters),
        };
        (0..filters).map(end).collect()
    }

    fn drawn(one: &[End], other: &[End]) -> Paths {
        let name = one.iter().chain(other).any(|end| end.marked).then(|| "conv1/3".to_owned());
        paths(&Bundle::in_order(&[one.to_vec(), other.to_vec()], &[1, 1], Some([-10.0, 0.0]), None), name)
    }

    #[test]
    fn of_few_filters_all_paths_of_the_upper_half_are_drawn_and_of_many_the_strongest() {
        let few = drawn(&layer(0.0, 20, None), &layer(9.0, 20, None));
        assert_eq!(few.lines.len(), 10 + 100);
        assert!(few.words.contains("larger activation sums"), "{}", few.words);
        for filters in [64, 200, 1_000] {
            let many = drawn(&layer(0.0, filters, None), &layer(9.0, filters, None));
            assert_eq!(many.lines.len(), MOST_OF_ONE.min(filters / 2) + MOST);
            let pairs = count((filters * filters / 4) as u64);
            assert_eq!(many.words, format!("lines: the 120 strongest of up to {pairs} paths between two layers"));
            // No path that is left out is stronger than one that is drawn.
            let strength = |[one, other]: [usize; 2]| {
                let share = |place: usize| 1.0 - place as f32 / filters as f32;
                share(one) * share(other)
            };
            let pair = |line: &Line| [line.points[0][1] as usize, line.points[1][1] as usize];
            let drawn: Vec<[usize; 2]> = many.lines.iter().filter(|line| line.points[0][0] == 0.0).map(pair).collect();
            let least = drawn.iter().map(|pair| strength(*pair)).fold(f32::INFINITY, f32::min);
            let left_out = (0..filters / 2).flat_map(|one| (0..filters / 2).map(move |other| [one, other]));
            let most = left_out.filter(|pair| !drawn.contains(pair)).map(strength).fold(0.0, f32::max);
            assert!(most <= least, "{most} is left out, {least} is drawn");
        }
    }

    /// Between filters of other groups there is nothing.
    #[test]
    fn a_layer_that_reads_groups_has_paths_within_them_alone() {
        for (groups, filters, marked) in [(8, 8, None), (2, 12, None), (2, 4, Some(3)), (8, 16, Some(1))] {
            let (from, to) = (layer(0.0, 8, marked), layer(9.0, filters, None));
            let found = paths(&Bundle::in_order(&[from, to], &[1, groups], None, None), Some("conv1/3".to_owned()));
            assert!(!found.lines.is_empty());
            for line in &found.lines {
                let [one, other] = [line.points[0][1] as usize, line.points[1][1] as usize];
                assert_eq!(one * groups / 8, other * groups / filters, "{one} to {other}");
            }
        }
    }

    #[test]
    fn a_marked_filter_has_its_paths_in_either_half_and_above_the_others() {
        for place in [3, 180] {
            let paths = drawn(&layer(0.0, 200, Some(place)), &layer(9.0, 200, None));
            let own = paths.lines.iter().rev().take_while(|line| line.ink.role == Role::Accent).count();
            assert_eq!(own, 1 + MOST_OF_ONE, "from the image, and to the next layer");
            assert!(paths.lines[..paths.lines.len() - own].iter().all(|line| line.ink.alpha <= 0.4 * RECEDES));
            assert!(paths.words.contains("conv1/3"), "{}", paths.words);
        }
        assert_eq!(paths(&[], None), Paths::default());
    }
}
