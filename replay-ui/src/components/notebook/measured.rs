//! What benches ask of the notebook.

use std::ops::Range;

use revacnn_notebook::document::{Block, BlockKind};
use revacnn_notebook::program::Says;

use super::State;

impl State {
    /// Whether the text that is there has been planned.
    pub(crate) fn is_planned(&self) -> bool {
        self.planned.version == self.version && !self.planned.is_blocked
    }

    /// Whether nothing is left to train, and nothing trains.
    pub(crate) fn is_there(&self) -> bool {
        self.planned.left.0 == 0 && self.running.is_empty()
    }

    /// Whether every view has its figure, or a reason why there is none.
    pub(crate) fn is_drawn(&self) -> bool {
        (0..self.session.program().views.len()).all(|view| self.views.contains_key(&view))
    }

    /// The first part of prose, and the first fence of lines behind it.
    pub(crate) fn first_parts(&self) -> Option<[Range<usize>; 2]> {
        let blocks = self.session.document().blocks();
        let is_prose = |block: &&Block| matches!(block.kind, BlockKind::Prose);
        let prose = blocks.iter().skip(1).find(is_prose)?;
        let is_behind =
            |block: &&Block| block.range.start >= prose.range.end && matches!(block.kind, BlockKind::Lines { .. });
        Some([prose, blocks.iter().find(is_behind)?].map(|block| self.trimmed(block.range.clone())))
    }

    /// All of the text.
    pub(crate) fn whole(&self) -> Range<usize> {
        0..self.session.document().text().len()
    }

    /// What each view says.
    pub(crate) fn views(&self) -> Vec<String> {
        let views = self.session.program().views.iter();
        let says = views.map(|view| match &view.says {
            Says::Line(words) => words.join(" "),
            Says::Query { name, .. } => format!("query {name}"),
        });
        says.collect()
    }

    /// The steps that all branches have.
    pub(crate) fn steps_of_all(&self) -> Range<u64> {
        let spans = || self.planned.spans.values();
        let first = spans().map(|span| span.first.0).max().unwrap_or_default();
        first..spans().map(|span| span.last.0).min().unwrap_or_default()
    }
}
