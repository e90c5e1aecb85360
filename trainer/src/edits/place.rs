//! Places among the channels of a layer.

use std::ops::Range;

/// A place among the channels of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The channel that is there, or the first of those that go.
    pub(super) channel: Option<usize>,
    /// Before which channel new ones come, or behind the last.
    pub(super) new: Option<usize>,
    /// How many come or go.
    pub(super) run: usize,
}

impl Place {
    /// Where `run` new channels come.
    pub(super) fn coming(at: usize, run: usize) -> Self {
        Self { channel: None, new: Some(at), run }
    }

    /// The first of the channels that are there.
    pub(super) fn first(&self) -> usize {
        self.channel.expect("invariant: a channel that there is has a place")
    }

    /// The places of the channels that come with the one `added` of `count` new filters.
    pub(super) fn of_added(&self, added: usize, count: usize) -> Range<usize> {
        let begin = self.new.expect("invariant: a channel that comes has a place");
        begin + added * self.run / count..begin + (added + 1) * self.run / count
    }

    /// The same place where others come before.
    pub(super) fn moved(self, by: usize) -> Self {
        Self { channel: self.channel.map(|at| at + by), new: self.new.map(|at| at + by), ..self }
    }

    /// The place among others where `from` of these channels belong to `to` of those.
    pub(super) fn regrouped(self, from: usize, to: usize) -> Regrouped {
        let is_whole = |at: &usize| at.is_multiple_of(from);
        if !self.run.is_multiple_of(from) {
            return Regrouped::Lacks;
        }
        match self.channel.iter().chain(&self.new).all(is_whole) {
            true => {
                let of = |at: Option<usize>| at.map(|at| at / from * to);
                Regrouped::Whole(Self { channel: of(self.channel), new: of(self.new), run: self.run / from * to })
            }
            false => Regrouped::Across,
        }
    }

    /// The place within a part of so many channels that begins at `begin`, if it is in there. A
    /// new channel between two parts is the first one's.
    pub(super) fn within(self, begin: usize, channels: usize) -> Option<Self> {
        let last = if self.new.is_some() { 0 } else { self.run - 1 };
        let channel = self.channel.map(|at| at.checked_sub(begin).filter(|&at| at + last < channels));
        let new = self.new.map(|at| at.checked_sub(begin).filter(|&at| (1..=channels).contains(&at)));
        let is_outside = channel == Some(None) || new == Some(None);
        (!is_outside).then(|| Self { channel: channel.flatten(), new: new.flatten(), ..self })
    }
}

/// Where channels are among those that several of them belong to.
pub(super) enum Regrouped {
    /// Their place among these.
    Whole(Place),
    /// They are fewer than belong together, or some are left over.
    Lacks,
    /// Those that belong together are not beside each other.
    Across,
}
