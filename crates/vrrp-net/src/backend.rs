//! The two methods between a program and a kernel.

use crate::{NetError, NetEvent, Op, OpError, RxRing};

/// A kernel, real or simulated, seen as: apply these changes, tell me what happened.
pub trait Backend {
    /// Applies as many of `ops` as are done without holding up the caller for long, in order and as one batch, and
    /// answers how many: all of a short list, at least one of any list. The caller sends what has become due
    /// meanwhile and comes back with the rest: a thousand IPv6 addresses take the kernel half a second, and adverts
    /// must go out in between.
    ///
    /// `failed` is told each operation that did not succeed, by its index in `ops` and in their order; the
    /// others stand.
    /// Adding what exists and removing what is absent are successes.
    #[must_use = "the rest of the list has not been applied"]
    fn apply(&mut self, ops: &[Op<'_>], failed: &mut dyn FnMut(usize, OpError)) -> usize;

    /// The next thing that happened, or `None` when all has been told that was waiting when it was first asked. Never
    /// blocks.
    ///
    /// Packets stay in `ring` between calls: use the same one always. An error means that the way to the kernel is
    /// broken and the backend is of no more use.
    fn poll_event<'b>(&mut self, ring: &'b mut RxRing) -> Result<Option<NetEvent<'b>>, NetError>;

    /// Applies all of `ops`, however long it takes: for the start, the end, and tools.
    fn apply_all(&mut self, ops: &[Op<'_>], failed: &mut dyn FnMut(usize, OpError)) {
        let mut done = 0;
        while let Some(rest) = ops.get(done..).filter(|rest| !rest.is_empty()) {
            done += self.apply(rest, &mut |at, error| failed(done + at, error));
        }
    }
}
