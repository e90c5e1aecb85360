//! Where cache lines begin.

/// Numbers of a cache line, to which vectors are aligned.
pub(super) const LINE: usize = 16;

/// How many numbers into `buffer` the first whole cache line begins, at most 15.
pub(super) fn aligned_start(buffer: &[f32]) -> usize {
    match buffer.as_ptr().align_offset(LINE * size_of::<f32>()) {
        start if start < LINE => start,
        _ => 0,
    }
}
