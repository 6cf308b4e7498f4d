//! What a socket did not take at once: a short queue that forgets.
//!
//! Voice that waits is soon voice too late, and what is behind it must not be held up by it. So whatever waits
//! keeps its order, is thrown away when it is too old, and never becomes more than its bound. Knows neither
//! sockets nor clocks. Start at [`Backlog::push`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long something may wait. Three packets of 20 ms: a listener's buffer has given up on them by then, and
/// sending them would only delay those behind.
pub(crate) const PATIENCE: Duration = Duration::from_millis(60);

/// About the shortest thing a media session sends.
const SMALL: usize = 64;

/// Bytes already given away that may stay in front of the others before these are moved.
const SLACK: usize = 64 * 1024;

/// Datagrams or frames waiting in order, each with what its socket must know of it.
///
/// It holds at most the bytes it was made for, and at most as many entries as if each had [`SMALL`] bytes; what
/// comes when it is full is refused.
#[derive(Debug)]
pub(crate) struct Backlog<T> {
    bytes: Vec<u8>,
    /// Where the oldest begins.
    start: usize,
    waiting: VecDeque<Waiting<T>>,
    bytes_max: usize,
}

#[derive(Clone, Copy, Debug)]
struct Waiting<T> {
    to: T,
    len: usize,
    since: Instant,
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl<T: Copy> Backlog<T> {
    /// An empty one, for so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Backlog<T> {
        Backlog { bytes: Vec::new(), start: 0, waiting: VecDeque::new(), bytes_max }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Puts something at the end, which may consist of several parts.
    pub(crate) fn push(&mut self, now: Instant, to: T, parts: &[&[u8]]) -> Result<(), Full> {
        let len = parts.iter().map(|part| part.len()).sum();
        let held = self.bytes.len() - self.start;
        if held + len > self.bytes_max || self.waiting.len() >= self.bytes_max / SMALL {
            return Err(Full);
        }
        if self.waiting.is_empty() {
            self.bytes.clear();
            self.bytes.shrink_to(SLACK);
            self.start = 0;
        } else if self.start > SLACK && self.start > held {
            // Moves fewer bytes than were given away since the last time.
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        parts.iter().for_each(|part| self.bytes.extend_from_slice(part));
        self.waiting.push_back(Waiting { to, len, since: now });
        Ok(())
    }

    /// The oldest.
    pub(crate) fn front(&self) -> Option<(T, &[u8])> {
        let Waiting { to, len, .. } = self.waiting.front()?;
        Some((*to, self.bytes.get(self.start..self.start + len)?))
    }

    /// The oldest is gone.
    pub(crate) fn pop(&mut self) {
        if let Some(Waiting { len, .. }) = self.waiting.pop_front() {
            self.start += len;
        }
    }

    /// Throws away what has waited for longer than [`PATIENCE`]; how many that were.
    pub(crate) fn drop_late(&mut self, now: Instant) -> u64 {
        let mut dropped = 0;
        let late = |waiting: &Waiting<T>| now.saturating_duration_since(waiting.since) > PATIENCE;
        while self.waiting.front().is_some_and(late) {
            self.pop();
            dropped += 1;
        }
        dropped
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    fn drained(backlog: &mut Backlog<u16>) -> Vec<(u16, Vec<u8>)> {
        std::iter::from_fn(|| {
            let front = backlog.front().map(|(to, bytes)| (to, bytes.to_vec()));
            backlog.pop();
            front
        })
        .collect()
    }

    #[test]
    fn what_waits_keeps_its_order() {
        let (now, mut backlog) = (Instant::now(), Backlog::new(1_000));
        backlog.push(now, 1, &[b"on", b"e"]).unwrap();
        backlog.push(now, 2, &[b""]).unwrap();
        backlog.push(now, 3, &[b"three"]).unwrap();
        let expected = [(1, b"one".to_vec()), (2, Vec::new()), (3, b"three".to_vec())];
        assert_eq!(drained(&mut backlog), expected);
        assert!(backlog.is_empty());
    }

    #[test]
    fn after_sixty_milliseconds_it_is_too_late() {
        let (start, mut backlog) = (Instant::now(), Backlog::new(1_000));
        for millis in [0, 20, 40, 60] {
            backlog.push(at(start, millis), millis as u16, &[b"voice"]).unwrap();
        }
        assert_eq!(backlog.drop_late(at(start, 60)), 0, "exactly 60 ms are not too late");
        assert_eq!(backlog.drop_late(at(start, 81)), 2);
        let left: Vec<u16> = drained(&mut backlog).into_iter().map(|(to, _)| to).collect();
        assert_eq!(left, [40, 60]);
        assert_eq!(backlog.drop_late(at(start, 1_000)), 0);
    }

    #[test]
    fn a_full_one_refuses_and_goes_on() {
        let (now, mut backlog) = (Instant::now(), Backlog::new(640));
        while backlog.push(now, 0, &[&[1; 100]]).is_ok() {}
        assert_eq!(backlog.waiting.len(), 6);
        backlog.pop();
        assert_eq!(backlog.push(now, 0, &[&[1; 141]]), Err(Full));
        assert_eq!(backlog.push(now, 0, &[&[1; 140]]), Ok(()));
        let mut small = Backlog::new(640);
        while small.push(now, 0, &[b""]).is_ok() {}
        assert_eq!(small.waiting.len(), 10, "the empty are bounded too");
    }

    proptest! {
        /// Whatever comes and goes: first in, first out, nothing invented, and memory within a bound.
        #[test]
        fn it_is_a_queue(steps in prop::collection::vec((0usize..3_000, 0u8..3), 1..400)) {
            let (now, mut backlog) = (Instant::now(), Backlog::new(200_000));
            let mut model = VecDeque::new();
            for (number, (len, kind)) in steps.into_iter().enumerate() {
                if kind == 0 {
                    prop_assert_eq!(backlog.front().map(|(to, bytes)| (to, bytes.to_vec())), model.pop_front());
                    backlog.pop();
                } else if backlog.push(now, number, &[&vec![number as u8; len]]).is_ok() {
                    model.push_back((number, vec![number as u8; len]));
                }
                prop_assert!(backlog.bytes.len() <= 2 * 200_000 + SLACK);
            }
            while let Some(expected) = model.pop_front() {
                prop_assert_eq!(backlog.front().map(|(to, bytes)| (to, bytes.to_vec())), Some(expected));
                backlog.pop();
            }
            prop_assert!(backlog.front().is_none());
        }
    }
}
