//! What becomes of a run of datagrams: sent in one call, sent singly, kept for a moment, or dropped and counted.
//!
//! All that a socket decides about sending, without the socket, so that every answer a system can give is tried
//! in tests. A device that cannot segment is found out at its first refusal: the run goes out as single datagrams
//! and no further run is tried. A full socket makes what comes wait, in order, in a [`Backlog`]. Must never know
//! what it sends. Start at [`Sender::send`].

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Instant;

use crate::backlog::Backlog;
use crate::config::Gso;
use crate::message::Run;

/// Bytes that may wait at one socket: what a thousand listeners with eight voices each get in the 60 ms that
/// anything may wait. Above that, what comes is dropped: who is so far behind gets nothing whole anyway.
const LATE_MAX: usize = 4 * 1024 * 1024;

/// The way out. Neither call waits.
pub(crate) trait Wire {
    /// Sends one datagram.
    fn send_one(&self, remote: SocketAddr, datagram: &[u8]) -> io::Result<()>;
    /// Sends datagrams of `segment` bytes each, the last one maybe shorter, in one call.
    fn send_run(&self, remote: SocketAddr, contents: &[u8], segment: NonZeroUsize) -> io::Result<()>;
}

/// What has been counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Calls of the system that took something.
    pub(crate) calls: u64,
    /// Datagrams that shared a call with others.
    pub(crate) in_runs: u64,
    /// Datagrams that waited until they were too old.
    pub(crate) late: u64,
    /// Datagrams the system refused, or for which there was no room to wait.
    pub(crate) unsent: u64,
}

/// The sending half of a socket.
#[derive(Debug)]
pub(crate) struct Sender {
    gso: Gso,
    waiting: Backlog<SocketAddr>,
    pub(crate) sent: Sent,
}

impl Sender {
    /// `gso` is what was asked for and the system said it can.
    pub(crate) fn new(gso: Gso) -> Sender {
        Sender { gso, waiting: Backlog::new(LATE_MAX), sent: Sent::default() }
    }

    /// Whether runs go out in one call.
    pub(crate) fn gso(&self) -> Gso {
        self.gso
    }

    /// Whether something waits for the socket to take more.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Sends, as far as the system takes it; the rest waits.
    #[inline]
    pub(crate) fn send(&mut self, now: Instant, wire: &impl Wire, run: &Run<'_>) {
        let segment = run.segment.filter(|_| self.gso == Gso::Auto && !self.is_waiting());
        let Some(segment) = segment else {
            self.send_singly(now, wire, run);
            return;
        };
        match wire.send_run(run.remote, run.contents, segment) {
            Ok(()) => {
                self.sent.calls += 1;
                self.sent.in_runs += run.datagrams().count() as u64;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.send_singly(now, wire, run);
            }
            // The device's fault only if it takes the same datagrams singly; if not, it is the destination's.
            Err(error) => {
                if self.send_singly(now, wire, run) > 0 {
                    self.gso = Gso::Off;
                    tracing::info!(%error, "datagrams cannot be sent in runs here; they go out singly from now on");
                }
            }
        }
    }

    /// How many the system took.
    fn send_singly(&mut self, now: Instant, wire: &impl Wire, run: &Run<'_>) -> u64 {
        let mut taken = 0;
        for datagram in run.datagrams() {
            if self.is_waiting() {
                self.keep(now, run.remote, datagram);
                continue;
            }
            match wire.send_one(run.remote, datagram) {
                Ok(()) => taken += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.keep(now, run.remote, datagram),
                Err(_) => self.sent.unsent += 1,
            }
        }
        self.sent.calls += taken;
        taken
    }

    fn keep(&mut self, now: Instant, remote: SocketAddr, datagram: &[u8]) {
        // What is too old makes room for what is not.
        self.sent.late += self.waiting.drop_late(now);
        if self.waiting.push(now, remote, &[datagram]).is_err() {
            self.sent.unsent += 1;
        }
    }

    /// Sends what waits and is not too old, as far as the system takes it.
    pub(crate) fn catch_up(&mut self, now: Instant, wire: &impl Wire) {
        self.sent.late += self.waiting.drop_late(now);
        while let Some((remote, datagram)) = self.waiting.front() {
            match wire.send_one(remote, datagram) {
                Ok(()) => self.sent.calls += 1,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.sent.unsent += 1,
            }
            self.waiting.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cell::{Cell, RefCell};
    use std::time::Duration;

    use super::*;
    use crate::message::MediaPath;

    /// What a system without segmenting says (EIO).
    const NO_SEGMENTING: i32 = 5;

    /// A system that takes so many datagrams, and says what it was given.
    struct Scripted {
        room: Cell<usize>,
        segments: bool,
        reachable: bool,
        got: RefCell<Vec<Vec<u8>>>,
    }

    impl Scripted {
        fn new(room: usize) -> Scripted {
            Scripted { room: room.into(), segments: true, reachable: true, got: RefCell::default() }
        }

        fn take(&self, datagrams: Vec<Vec<u8>>) -> io::Result<()> {
            if !self.reachable {
                return Err(ErrorKind::InvalidInput.into());
            }
            let left = self.room.get().checked_sub(datagrams.len()).ok_or(ErrorKind::WouldBlock)?;
            self.room.set(left);
            self.got.borrow_mut().extend(datagrams);
            Ok(())
        }

        fn got(&self) -> Vec<u8> {
            self.got.borrow_mut().drain(..).map(|datagram| datagram[0]).collect()
        }
    }

    impl Wire for Scripted {
        fn send_one(&self, _: SocketAddr, datagram: &[u8]) -> io::Result<()> {
            self.take(vec![datagram.to_vec()])
        }

        fn send_run(&self, _: SocketAddr, contents: &[u8], segment: NonZeroUsize) -> io::Result<()> {
            if !self.segments {
                return Err(io::Error::from_raw_os_error(NO_SEGMENTING));
            }
            self.take(contents.chunks(segment.get()).map(<[u8]>::to_vec).collect())
        }
    }

    fn run(contents: &[u8], segment: usize) -> Run<'_> {
        Run {
            path: MediaPath::Udp,
            local: ([10, 0, 0, 1], 5_000).into(),
            remote: ([192, 0, 2, 1], 9).into(),
            contents,
            segment: NonZeroUsize::new(segment),
        }
    }

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn a_run_is_one_call() {
        let (now, wire, mut sender) = (Instant::now(), Scripted::new(9), Sender::new(Gso::Auto));
        sender.send(now, &wire, &run(&[1, 1, 2, 2, 3], 2));
        sender.send(now, &wire, &run(&[4, 4], 0));
        assert_eq!(wire.got(), [1, 2, 3, 4]);
        assert_eq!(sender.sent, Sent { calls: 2, in_runs: 3, ..Sent::default() });
    }

    #[test]
    fn without_runs_the_same_datagrams_go_out_singly() {
        let (now, wire, mut sender) = (Instant::now(), Scripted::new(9), Sender::new(Gso::Off));
        sender.send(now, &wire, &run(&[1, 1, 2, 2, 3], 2));
        assert_eq!(wire.got(), [1, 2, 3]);
        assert_eq!(sender.sent, Sent { calls: 3, ..Sent::default() });
    }

    #[test]
    fn a_device_that_cannot_segment_is_asked_once() {
        let (now, mut sender) = (Instant::now(), Sender::new(Gso::Auto));
        let wire = Scripted { segments: false, ..Scripted::new(9) };
        sender.send(now, &wire, &run(&[1, 2, 3], 1));
        assert_eq!((wire.got(), sender.gso()), (vec![1, 2, 3], Gso::Off));
        assert_eq!(sender.sent, Sent { calls: 3, ..Sent::default() });
        let wire = Scripted::new(9);
        sender.send(now, &wire, &run(&[4, 5], 1));
        assert_eq!((wire.got(), sender.sent.in_runs), (vec![4, 5], 0));
    }

    #[test]
    fn an_address_nobody_can_send_to_says_nothing_about_the_device() {
        let (now, mut sender) = (Instant::now(), Sender::new(Gso::Auto));
        let wire = Scripted { segments: false, reachable: false, ..Scripted::new(9) };
        sender.send(now, &wire, &run(&[1, 2, 3], 1));
        assert_eq!((sender.gso(), sender.sent.unsent), (Gso::Auto, 3));
    }

    #[test]
    fn a_full_socket_makes_all_wait_in_order() {
        let (start, wire, mut sender) = (Instant::now(), Scripted::new(1), Sender::new(Gso::Auto));
        // Two do not fit in one call; the first does.
        sender.send(start, &wire, &run(&[1, 2], 1));
        wire.room.set(9);
        sender.send(start, &wire, &run(&[3, 4], 1));
        sender.send(start, &wire, &run(&[5], 0));
        assert_eq!(wire.got(), [1], "nobody overtakes");
        assert!(sender.is_waiting());
        sender.catch_up(start + millis(60), &wire);
        assert_eq!(wire.got(), [2, 3, 4, 5]);
        assert!(!sender.is_waiting());
        assert_eq!((sender.sent.late, sender.sent.unsent), (0, 0));
    }

    #[test]
    fn what_waited_too_long_is_dropped_and_the_rest_sent() {
        let (start, wire, mut sender) = (Instant::now(), Scripted::new(0), Sender::new(Gso::Off));
        for number in 0..5 {
            sender.send(start + millis(20) * number.into(), &wire, &run(&[number], 0));
        }
        wire.room.set(2);
        sender.catch_up(start + millis(100), &wire);
        assert_eq!((wire.got(), sender.sent.late), (vec![2, 3], 2));
        assert!(sender.is_waiting(), "it took two, and one is left");
        sender.catch_up(start + millis(200), &wire);
        assert_eq!((wire.got(), sender.sent.late), (vec![], 3));
        assert!(!sender.is_waiting());
    }

    #[test]
    fn one_who_cannot_be_reached_holds_up_nobody() {
        let (now, mut sender) = (Instant::now(), Sender::new(Gso::Off));
        sender.send(now, &Scripted::new(0), &run(&[1, 2], 1));
        sender.catch_up(now, &Scripted { reachable: false, ..Scripted::new(9) });
        assert_eq!((sender.is_waiting(), sender.sent.unsent), (false, 2));
    }

    #[test]
    fn what_waits_has_a_bound() {
        let (start, wire, mut sender) = (Instant::now(), Scripted::new(0), Sender::new(Gso::Off));
        let large = vec![0; 64 * 1024];
        for _ in 0..LATE_MAX / large.len() + 3 {
            sender.send(start, &wire, &run(&large, 0));
        }
        assert_eq!(sender.sent.unsent, 3);
        // The old make room for the new.
        sender.send(start + millis(100), &wire, &run(&[1], 0));
        assert_eq!((sender.sent.late, sender.sent.unsent), ((LATE_MAX / large.len()) as u64, 3));
    }
}
