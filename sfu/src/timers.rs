//! Who is due, and when the next one is. Only those who have work are touched.
//!
//! A heap of wake-up times, one live entry for each thing that wants to be woken. Knows nothing of what
//! is woken. Start at [`Timers::set`].

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;
use std::time::Instant;

/// Wake-up times of things of type `T`.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    heap: BinaryHeap<Reverse<(Instant, T)>>,
    /// The entry that counts for each; older ones in the heap are skipped.
    live: HashMap<T, Instant>,
}

impl<T: Copy + Ord + Hash> Timers<T> {
    pub(crate) fn new() -> Timers<T> {
        Timers { heap: BinaryHeap::new(), live: HashMap::new() }
    }

    /// Asks to be woken at this time and no other.
    ///
    /// A later time than the one asked for before costs no new entry: the early entry wakes, finds
    /// nothing to do, and is set again. So a participant whose deadline moves with every packet keeps one
    /// entry and not one for each packet.
    pub(crate) fn set(&mut self, what: T, at: Instant) {
        if self.live.get(&what).is_some_and(|before| *before <= at) {
            return;
        }
        self.live.insert(what, at);
        self.heap.push(Reverse((at, what)));
    }

    pub(crate) fn clear(&mut self, what: T) {
        self.live.remove(&what);
    }

    /// The next one whose time has come. He must be set again to be woken again.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<T> {
        while let Some(Reverse((at, what))) = self.heap.peek().copied() {
            if at > now {
                return None;
            }
            self.heap.pop();
            if self.live.get(&what) == Some(&at) {
                self.live.remove(&what);
                return Some(what);
            }
        }
        None
    }

    /// When the next one is due; perhaps a little early, never late.
    pub(crate) fn deadline(&mut self) -> Option<Instant> {
        while let Some(Reverse((at, what))) = self.heap.peek() {
            if self.live.get(what) == Some(at) {
                return Some(*at);
            }
            self.heap.pop();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_earliest_comes_first_and_once() {
        let now = Instant::now();
        let later = |seconds| now + Duration::from_secs(seconds);
        let mut timers = Timers::new();
        timers.set("ana", later(3));
        timers.set("ben", later(2));
        timers.set("ana", later(1));
        assert_eq!(timers.deadline(), Some(later(1)));
        assert_eq!(timers.pop(now), None);
        assert_eq!(timers.pop(later(9)), Some("ana"));
        assert_eq!(timers.pop(later(9)), Some("ben"));
        assert_eq!(timers.pop(later(9)), None);
        assert_eq!(timers.deadline(), None);
    }

    #[test]
    fn moving_a_deadline_back_adds_no_entry() {
        let now = Instant::now();
        let mut timers = Timers::new();
        for n in 0..1_000 {
            timers.set("ana", now + Duration::from_millis(n));
        }
        assert_eq!(timers.heap.len(), 1);
        assert_eq!(timers.deadline(), Some(now));
    }

    #[test]
    fn who_was_cleared_is_not_woken() {
        let now = Instant::now();
        let mut timers = Timers::new();
        timers.set("ana", now);
        timers.clear("ana");
        assert_eq!(timers.pop(now), None);
    }
}
