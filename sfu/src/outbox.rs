//! What waits to be sent: datagrams of all sizes, one behind the other in one buffer.
//!
//! A datagram for a listener is built where it will be read from, so that a packet to a thousand people
//! takes no allocation and no copy. The buffer is used again once everything has been fetched. Knows
//! addresses, not people. Start at [`Outbox::write`].

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::message::{MediaPath, Transmit};

/// What the buffer keeps between two bursts: about a second of a busy worker's turns. More than that was
/// needed once, by accident, and is given back.
const KEPT: usize = 8 * 1024 * 1024;

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

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
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
