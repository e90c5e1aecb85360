//! How branches descend from one another.

use std::collections::BTreeSet;

use revacnn_notebook::BranchSummary;
use revacnn_schemas::BranchName;

/// Branches in the order of a tree, with how deep each one lies.
pub(crate) fn order(branches: &[BranchSummary]) -> Vec<(usize, &BranchSummary)> {
    fn below<'a>(
        branches: &'a [BranchSummary],
        parent: Option<&BranchName>,
        depth: usize,
        out: &mut Vec<(usize, &'a BranchSummary)>,
    ) {
        // Parents that are not there leave their children at the root.
        let here = |branch: &&BranchSummary| match (&branch.parent, parent) {
            (Some(of), Some(parent)) => of == parent,
            (Some(of), None) => !branches.iter().any(|other| other.name == *of),
            (None, parent) => parent.is_none(),
        };
        for branch in branches.iter().filter(here) {
            if out.iter().any(|(_, listed)| listed.name == branch.name) {
                continue;
            }
            out.push((depth, branch));
            below(branches, Some(&branch.name), depth + 1, out);
        }
    }
    let mut out = Vec::new();
    below(branches, None, 0, &mut out);
    // A cycle of parents is no part of any root: its branches come last.
    for branch in branches {
        if !out.iter().any(|(_, listed)| listed.name == branch.name) {
            out.push((0, branch));
        }
    }
    out
}

/// A branch, those that it descends from, and those that descend from it.
pub(crate) fn family(branches: &[BranchSummary], of: &BranchName) -> BTreeSet<BranchName> {
    let parent = |name: &BranchName| branches.iter().find(|branch| branch.name == *name)?.parent.clone();
    let mut family = BTreeSet::from([of.clone()]);
    let mut above = parent(of);
    while let Some(name) = above {
        above = parent(&name);
        // A cycle of parents ends.
        if !family.insert(name) {
            break;
        }
    }
    let mut below = BTreeSet::from([of.clone()]);
    loop {
        let is_child = |branch: &&BranchSummary| branch.parent.as_ref().is_some_and(|parent| below.contains(parent));
        let children: Vec<BranchName> = branches.iter().filter(is_child).map(|branch| branch.name.clone()).collect();
        let before = below.len();
        below.extend(children);
        if below.len() == before {
            family.extend(below);
            return family;
        }
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
