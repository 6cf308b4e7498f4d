//! What keeps a broken session from taking others with it. Knows nothing of sessions.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// A session's code panicked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panicked;

/// Runs what touches one session, so that a fault in it takes down that session and no other.
///
/// Whoever gets the error must drop the session: it may be in any state.
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Panicked)
}
