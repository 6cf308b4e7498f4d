//! What waits to be sent: datagrams of all sizes, one behind the other in one buffer.
//!
//! A datagram for a listener is built where it will be read from, so that a packet to a thousand people
//! takes no allocation and no copy. The buffer is used again once everything has been fetched. Knows
//! addresses, not people. Start at [`Outbox::write`].

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::num::NonZeroUsize;

use crate::message::{MediaPath, Run, Transmit};

/// What the buffer keeps between two bursts: about a second of a busy worker's turns. More than that was
/// needed once, by accident, and is given back.
const KEPT: usize = 8 * 1024 * 1024;

/// Datagrams in a run at most: what Linux takes in one call (`UDP_MAX_SEGMENTS`).
const RUN_MAX: usize = 64;

/// Bytes of a run at most: together they must fit what IP can carry, with headers (RFC 768, RFC 791).
const RUN_BYTES_MAX: usize = 65_000;

/// The longest datagram that may be in a run. What fits every path (RFC 8200 section 5) is in no danger of the
/// system refusing all of a run because one is too long for one.
const SEGMENT_MAX: usize = 1_200;

/// Datagrams waiting to be sent, oldest first.
///
/// There is no bound here: what one turn can add is bounded by what the driver reads in one turn, and
/// everything is fetched before the next one.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    buffer: Vec<u8>,
    waiting: VecDeque<Waiting>,
}

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) path: MediaPath,
    /// Our own address.
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    to: Destination,
    start: usize,
    end: usize,
}

impl Outbox {
    pub(crate) fn push(&mut self, to: Destination, contents: &[u8]) {
        self.write(to, |buffer, _| {
            buffer.extend_from_slice(contents);
            Some(())
        });
    }

    /// Lets `build` append a datagram to the buffer, which it gets together with the datagram's start.
    /// When it returns `None`, or unwinds, nothing will be sent.
    #[inline]
    pub(crate) fn write(
        &mut self,
        to: Destination,
        build: impl FnOnce(&mut Vec<u8>, usize) -> Option<()>,
    ) -> Option<()> {
        if self.waiting.is_empty() {
            self.buffer.clear();
            self.buffer.shrink_to(KEPT);
        }
        let start = self.buffer.len();
        if build(&mut self.buffer, start).is_none() {
            self.buffer.truncate(start);
            return None;
        }
        self.waiting.push_back(Waiting { to, start, end: self.buffer.len() });
        Some(())
    }

    pub(crate) fn pop(&mut self) -> Option<Transmit<'_>> {
        let Waiting { to: Destination { path, local, remote }, start, end } = self.waiting.pop_front()?;
        Some(Transmit { path, local, remote, contents: self.buffer.get(start..end)? })
    }

    /// The oldest, together with those behind it that one call can send along: to the same place, one behind
    /// the other in the buffer, as long as the first, or shorter and then the last.
    #[inline]
    pub(crate) fn pop_run(&mut self) -> Option<Run<'_>> {
        let Waiting { to, start, mut end } = self.waiting.pop_front()?;
        let len = end - start;
        let (mut count, mut whole) = (1, to.path == MediaPath::Udp && (1..=SEGMENT_MAX).contains(&len));
        while let Some(next) = self.waiting.front().filter(|next| whole && next.start == end && next.to == to)
        {
            let next_len = next.end - next.start;
            let fits = (1..=len).contains(&next_len) && count < RUN_MAX && next.end - start <= RUN_BYTES_MAX;
            if !fits {
                break;
            }
            whole = next_len == len;
            end = next.end;
            count += 1;
            self.waiting.pop_front();
        }
        let segment = NonZeroUsize::new(len).filter(|_| count > 1);
        let Destination { path, local, remote } = to;
        Some(Run { path, local, remote, contents: self.buffer.get(start..end)?, segment })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn to(port: u16) -> Destination {
        Destination {
            path: MediaPath::Udp,
            local: ([10, 0, 0, 1], 5_000).into(),
            remote: ([192, 0, 2, 1], port).into(),
        }
    }

    fn popped(outbox: &mut Outbox) -> Option<(u16, Vec<u8>)> {
        outbox.pop().map(|transmit| (transmit.remote.port(), transmit.contents.to_vec()))
    }

    #[test]
    fn datagrams_come_out_as_they_went_in() {
        let mut outbox = Outbox::default();
        outbox.push(to(1), b"one");
        outbox.push(to(2), b"");
        outbox.push(to(3), b"three");
        assert_eq!(popped(&mut outbox), Some((1, b"one".to_vec())));
        assert_eq!(popped(&mut outbox), Some((2, Vec::new())));
        outbox.push(to(4), b"four");
        assert_eq!(popped(&mut outbox), Some((3, b"three".to_vec())));
        assert_eq!(popped(&mut outbox), Some((4, b"four".to_vec())));
        assert_eq!(popped(&mut outbox), None);
        assert!(outbox.is_empty());
    }

    /// Ports and lengths of what `pop_run` gives, run by run.
    fn runs(outbox: &mut Outbox) -> Vec<(u16, Vec<usize>)> {
        let mut runs = Vec::new();
        while let Some(run) = outbox.pop_run() {
            runs.push((run.remote.port(), run.datagrams().map(<[u8]>::len).collect()));
        }
        runs
    }

    #[test]
    fn what_goes_to_one_place_is_a_run_until_one_is_shorter() {
        let mut outbox = Outbox::default();
        for (port, len) in [(1, 9), (1, 9), (1, 4), (1, 4), (1, 5), (2, 5), (2, 5), (1, 5), (1, 0), (1, 0)] {
            outbox.push(to(port), &vec![0; len]);
        }
        let expected = [
            (1, vec![9, 9, 4]),
            (1, vec![4]),
            (1, vec![5]),
            (2, vec![5, 5]),
            (1, vec![5]),
            (1, vec![0]),
            (1, vec![0]),
        ];
        assert_eq!(runs(&mut outbox), expected);
    }

    #[test]
    fn a_run_is_no_longer_than_one_call_takes() {
        let mut outbox = Outbox::default();
        (0..150).for_each(|_| outbox.push(to(1), &[7; 150]));
        assert_eq!(runs(&mut outbox).iter().map(|(_, run)| run.len()).collect::<Vec<_>>(), [64, 64, 22]);
        (0..60).for_each(|_| outbox.push(to(1), &[7; 1_200]));
        assert_eq!(runs(&mut outbox).iter().map(|(_, run)| run.len()).collect::<Vec<_>>(), [54, 6]);
        (0..3).for_each(|_| outbox.push(to(1), &[7; 1_201]));
        assert_eq!(runs(&mut outbox).len(), 3, "too long to be sent along with others");
    }

    #[test]
    fn frames_of_a_connection_are_single() {
        let mut outbox = Outbox::default();
        let to = Destination { path: MediaPath::Tcp, ..to(1) };
        (0..3).for_each(|_| outbox.push(to, &[7; 10]));
        assert_eq!(runs(&mut outbox), vec![(1, vec![10]); 3]);
    }

    proptest! {
        /// However the two are mixed, runs taken apart are the datagrams that would have come singly.
        #[test]
        fn a_run_is_its_datagrams(
            written in prop::collection::vec((0u16..3, 0usize..4, any::<bool>(), 1usize..80), 0..60),
            singly in prop::collection::vec(any::<bool>(), 60),
        ) {
            let (mut one, mut other) = (Outbox::default(), Outbox::default());
            let mut byte = 0_u8;
            for (port, len, built, times) in written {
                for _ in 0..times {
                    byte = byte.wrapping_add(1);
                    let contents = vec![byte; [0, 100, 150, 1_300][len]];
                    for outbox in [&mut one, &mut other] {
                        outbox.write(to(port), |buffer, _| {
                            buffer.extend_from_slice(&contents);
                            built.then_some(())
                        });
                    }
                }
            }
            let mut singly = singly.into_iter().cycle();
            let mut taken: Vec<(SocketAddr, Vec<u8>)> = Vec::new();
            while !other.is_empty() {
                if singly.next() == Some(true) {
                    taken.extend(other.pop().map(|transmit| (transmit.remote, transmit.contents.to_vec())));
                } else if let Some(run) = other.pop_run() {
                    let remote = run.remote;
                    taken.extend(run.datagrams().map(|datagram| (remote, datagram.to_vec())));
                }
            }
            let mut expected = Vec::new();
            while let Some(transmit) = one.pop() {
                expected.push((transmit.remote, transmit.contents.to_vec()));
            }
            prop_assert_eq!(taken, expected);
        }
    }

    #[test]
    fn what_could_not_be_built_leaves_no_trace() {
        let mut outbox = Outbox::default();
        let built = outbox.write(to(1), |buffer, _| {
            buffer.extend_from_slice(b"half of it");
            None
        });
        assert_eq!(built, None);
        outbox.push(to(2), b"whole");
        assert_eq!(popped(&mut outbox), Some((2, b"whole".to_vec())));
        assert_eq!(popped(&mut outbox), None);
    }

    #[test]
    fn a_burst_does_not_keep_its_memory() {
        let mut outbox = Outbox::default();
        for _ in 0..12 {
            outbox.push(to(1), &vec![0; 1024 * 1024]);
        }
        while outbox.pop().is_some() {}
        outbox.push(to(1), b"small");
        assert!(outbox.buffer.capacity() <= KEPT);
    }
}
