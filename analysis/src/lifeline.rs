//! When a filter died.

use revacnn_schemas::Step;

/// Follows a filter over the steps: since when it is dead, and how often it came back.
///
/// A filter is dead at a step where its activations are all zero, for whichever images are looked
/// at: [`zero_shares`](crate::zero_shares) of 1. Behind a ReLU no gradient reaches it from those.
///
/// Source: L. Lu, Y. Shin, Y. Su and G. E. Karniadakis, "Dying ReLU and Initialization: Theory and
/// Numerical Examples", Communications in Computational Physics 28, 2020.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lifeline {
    dead_since: Option<Step>,
    revivals: u64,
}

impl Lifeline {
    /// Sees the filter at a later step.
    pub fn see(&mut self, step: Step, is_dead: bool) {
        match (self.dead_since, is_dead) {
            (None, true) => self.dead_since = Some(step),
            (Some(_), false) => {
                self.dead_since = None;
                self.revivals += 1;
            }
            _ => {}
        }
    }

    /// The first of the dead steps that it was last seen at, all of them in a row; `None` for one
    /// that lives.
    pub fn dead_since(&self) -> Option<Step> {
        self.dead_since
    }

    /// How often it was dead and lived again.
    pub fn revivals(&self) -> u64 {
        self.revivals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_died_at_the_first_of_the_dead_steps_that_it_ends_with() {
        let of = |seen: &[(u64, bool)]| {
            let mut line = Lifeline::default();
            seen.iter().for_each(|&(step, is_dead)| line.see(Step(step), is_dead));
            (line.dead_since(), line.revivals())
        };
        assert_eq!(of(&[]), (None, 0));
        assert_eq!(of(&[(3, false), (4, true), (5, true)]), (Some(Step(4)), 0));
        assert_eq!(of(&[(0, true), (1, false), (2, true), (7, true)]), (Some(Step(2)), 1));
        assert_eq!(of(&[(0, true), (1, false), (2, true), (3, false)]), (None, 2));
    }
}
