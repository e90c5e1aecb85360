//! Whether a branch's folders may have changed.

/// What a glance at a branch's folders showed: equal ones mean that a listing
/// would say the same, as files are made under other names and moved in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Glance(pub(crate) u64);
