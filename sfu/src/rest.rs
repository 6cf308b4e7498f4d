//! How long a worker may stay away from its sockets while nobody has anything to say.
//!
//! Of people who are silent come checks alone, one every few seconds from each, and being woken for one costs more
//! than answering it. So a worker on which all has been calm for a while looks no more often than it must, and finds
//! several at once. What is told goes in, a time comes out. Start at [`Rest::until`].

use std::time::{Duration, Instant};

/// How long all must have been calm: a pause in a talk is none.
const CALM: Duration = Duration::from_secs(1);

/// From one look to the next. The first packet after a calm may be this late, once: as much as one packet holds, and
/// what a listener's buffer evens out before he hears anything.
const NAP: Duration = Duration::from_millis(20);

/// A worker's rest.
#[derive(Debug)]
pub(crate) struct Rest {
    lively_at: Instant,
    looked_at: Instant,
}

impl Rest {
    pub(crate) fn new(now: Instant) -> Rest {
        Rest { lively_at: now, looked_at: now }
    }

    /// A look has begun; whether anything came that wants an answer at once, or may be followed by such.
    pub(crate) fn looked(&mut self, now: Instant, lively: bool) {
        self.looked_at = now;
        if lively {
            self.lively_at = now;
        }
    }

    /// When to look again at the earliest, if not at once.
    pub(crate) fn until(&self) -> Option<Instant> {
        let calm = self.looked_at.saturating_duration_since(self.lively_at) >= CALM;
        calm.then(|| self.looked_at + NAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_talked_to_does_not_rest() {
        let mut now = Instant::now();
        let mut rest = Rest::new(now);
        for _ in 0..1_000 {
            now += Duration::from_millis(20);
            rest.looked(now, true);
            assert_eq!(rest.until(), None);
        }
    }

    #[test]
    fn a_pause_is_no_calm_and_one_word_ends_it() {
        let mut now = Instant::now();
        let mut rest = Rest::new(now);
        rest.looked(now + Duration::from_millis(999), false);
        assert_eq!(rest.until(), None);
        now += CALM;
        rest.looked(now, false);
        assert_eq!(rest.until(), Some(now + NAP));
        now += NAP;
        rest.looked(now, true);
        assert_eq!(rest.until(), None);
    }
}
