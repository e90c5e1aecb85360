//! How branches descend from one another.

use std::collections::{BTreeSet, HashMap};

use revacnn_notebook::BranchSummary;
use revacnn_schemas::BranchName;

/// Branches in the order of a tree, with how deep each one lies.
pub(crate) fn order(branches: &[BranchSummary]) -> Vec<(usize, &BranchSummary)> {
    let tree = Tree::of(branches);
    let mut out = Vec::with_capacity(branches.len());
    let mut listed = vec![false; branches.len()];
    // Parents that are not there leave their children at the root; a cycle of
    // parents is no part of any root, and its branches come last.
    let roots = (0..branches.len()).filter(|&place| tree.parents[place].is_none()).chain(0..branches.len());
    for root in roots {
        let is_root = tree.parents[root].is_none();
        let mut next = vec![(root, 0)];
        while let Some((place, depth)) = next.pop() {
            if std::mem::replace(&mut listed[place], true) {
                continue;
            }
            out.push((depth, &branches[place]));
            if is_root {
                next.extend(tree.children[place].iter().rev().map(|&child| (child, depth + 1)));
            }
        }
    }
    out
}

/// A branch, those that it descends from, and those that descend from it.
pub(crate) fn family(branches: &[BranchSummary], of: &BranchName) -> BTreeSet<BranchName> {
    let tree = Tree::of(branches);
    let mut family = BTreeSet::from([of.clone()]);
    let Some(place) = tree.places.get(of).copied() else { return family };
    // A cycle of parents ends where it began.
    let above = std::iter::successors(tree.parents[place], |&above| tree.parents[above]);
    for above in above.take(branches.len()) {
        if !family.insert(branches[above].name.clone()) {
            break;
        }
    }
    let mut met = vec![false; branches.len()];
    let mut next = vec![place];
    while let Some(place) = next.pop() {
        if !std::mem::replace(&mut met[place], true) {
            family.insert(branches[place].name.clone());
            next.extend(&tree.children[place]);
        }
    }
    family
}

/// Branches by their places in a list.
struct Tree<'a> {
    places: HashMap<&'a BranchName, usize>,
    parents: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
}

impl<'a> Tree<'a> {
    fn of(branches: &'a [BranchSummary]) -> Self {
        let places: HashMap<&BranchName, usize> =
            branches.iter().enumerate().map(|(place, branch)| (&branch.name, place)).collect();
        let parent = |branch: &BranchSummary| places.get(branch.parent.as_ref()?).copied();
        let parents: Vec<Option<usize>> = branches.iter().map(parent).collect();
        let mut children = vec![Vec::new(); branches.len()];
        for (place, parent) in parents.iter().enumerate() {
            if let Some(parent) = parent {
                children[*parent].push(place);
            }
        }
        Self { places, parents, children }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::branch;

    fn names(branches: &[BranchSummary]) -> Vec<(usize, String)> {
        order(branches).into_iter().map(|(depth, branch)| (depth, branch.name.to_string())).collect()
    }

    #[test]
    fn children_lie_below_their_parents() {
        let all = [
            branch("main", None, 0, 9),
            branch("other", None, 0, 8),
            branch("wider", Some("main"), 3, 7),
            branch("slow", Some("wider"), 4, 6),
        ];
        let expected = [(0, "main"), (1, "wider"), (2, "slow"), (0, "other")];
        assert_eq!(names(&all), expected.map(|(depth, name)| (depth, name.to_owned())));
    }

    /// Trees of as many branches as a search makes, as deep or as wide as can be.
    #[test]
    fn ten_thousand_branches_are_put_in_order_as_they_are_forked() {
        for is_chain in [true, false] {
            let name = |place: usize| format!("t{place}");
            let parent = |place: usize| (place > 0).then(|| name(if is_chain { place - 1 } else { 0 }));
            let all: Vec<BranchSummary> =
                (0..10_000).map(|place| branch(&name(place), parent(place).as_deref(), 4, 6)).collect();
            let ordered = order(&all);
            for (place, (depth, branch)) in ordered.iter().enumerate() {
                assert_eq!(
                    (branch.name.as_str(), *depth),
                    (&*name(place), if is_chain { place } else { place.min(1) })
                );
            }
            assert_eq!(ordered.len(), all.len());
            assert_eq!(family(&all, &all[5_000].name).len(), if is_chain { 10_000 } else { 2 });
        }
    }

    #[test]
    fn a_missing_parent_leaves_its_child_at_the_root_and_a_cycle_ends() {
        assert_eq!(names(&[branch("lost", Some("gone"), 3, 7)]), [(0, "lost".to_owned())]);
        let cycle = [branch("a", Some("b"), 1, 2), branch("b", Some("a"), 1, 3)];
        assert_eq!(names(&cycle).len(), 2);
    }

    #[test]
    fn a_family_is_a_line_and_what_comes_of_it_but_no_sibling() {
        let all = [
            branch("main", None, 0, 9),
            branch("other", None, 0, 8),
            branch("wider", Some("main"), 3, 7),
            branch("slow", Some("wider"), 4, 6),
            branch("twin", Some("main"), 4, 6),
        ];
        let of = |name: &str| family(&all, &name.parse().unwrap()).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(of("wider"), ["main", "slow", "wider"]);
        assert_eq!(of("main"), ["main", "slow", "twin", "wider"]);
        assert_eq!(of("other"), ["other"]);
        let cycle = [branch("a", Some("b"), 1, 2), branch("b", Some("a"), 1, 3)];
        assert_eq!(family(&cycle, &"a".parse().unwrap()).len(), 2);
    }
}
