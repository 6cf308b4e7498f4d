//! How a participant is reached: the addresses he has proven to have, and the one media goes to.
//!
//! Others say what is genuine; which way to send is decided here, since the session library would keep
//! sending to an address for 15 s after its owner has moved away from it. A binding request
//! can be recorded and sent again by anyone who sees it, from wherever he likes; so it moves media only
//! when nothing has come the old way for a while, or when he has answered there. Audio newer than all before it was
//! not recorded, and moves it at once; what comes late may have been, and moves nothing. Nobody's address is moved by
//! what somebody kept: of a report, which may be the last for seconds, it takes a moment of silence too. Knows no
//! sessions. Start at [`Reach::proven`].

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::bucket::Bucket;
use crate::demux::Origin;

/// Addresses one participant may have at a time: a few network cards times a few of ours.
const ADDRESSES_MAX: usize = 8;

/// New addresses per second, and how many at once. Each costs the library a candidate it never forgets.
const NEW_ADDRESSES_PER_SECOND: f32 = 0.2;
const NEW_ADDRESSES_BURST: f32 = 16.0;

/// How long nothing must have come from an address before a mere binding request may move media to
/// another one. Browsers check every 2.5 s or so.
const PATH_SILENCE: Duration = Duration::from_secs(3);

/// The same for a report: shorter than it takes a browser to give a path up, longer than a packet is held up.
const REPORT_SILENCE: Duration = Duration::from_millis(500);

/// The ways to one participant.
#[derive(Debug)]
pub(crate) struct Reach {
    path: Option<Path>,
    /// Proven addresses, oldest first.
    addresses: VecDeque<Origin>,
    new_addresses: Bucket,
}

/// Where media goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) remote: Origin,
    /// Our own address on the way.
    pub(crate) local: SocketAddr,
    heard_at: Instant,
}

/// What showed that a datagram was genuine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A binding request the session has answered, or genuine audio that was overtaken.
    Check,
    /// One that asks for media to be sent to where it came from.
    Nomination,
    /// The same, before there was any media.
    FirstNomination,
    /// A genuine report, newer than all of its reporter that came before.
    Report,
    /// He has answered there what he could not know before.
    Answer,
    /// Genuine audio, newer than all that came before.
    Audio,
}

/// What the worker must note about addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    /// An address he has just proven to have.
    pub(crate) learned: Option<Origin>,
    /// One he had to give up for it.
    pub(crate) forgotten: Option<Origin>,
}

impl Reach {
    pub(crate) fn new(now: Instant) -> Reach {
        Reach {
            path: None,
            addresses: VecDeque::new(),
            new_addresses: Bucket::new(now, NEW_ADDRESSES_PER_SECOND, NEW_ADDRESSES_BURST),
        }
    }

    /// Whether anything may come from this address: he has it already, or may have another one.
    pub(crate) fn admits(&mut self, now: Instant, origin: Origin) -> bool {
        self.addresses.contains(&origin) || self.new_addresses.would_yield(now)
    }

    /// Something genuine came from an address.
    pub(crate) fn proven(&mut self, now: Instant, origin: Origin, local: SocketAddr, proof: Proof) -> Noted {
        let noted = self.note(now, origin);
        let moves = match self.path {
            None => true,
            Some(path) if path.remote == origin => true,
            Some(path) => {
                let silence = now.saturating_duration_since(path.heard_at);
                match proof {
                    Proof::Audio | Proof::Answer | Proof::FirstNomination => true,
                    Proof::Nomination => silence >= PATH_SILENCE,
                    Proof::Report => silence >= REPORT_SILENCE,
                    Proof::Check => false,
                }
            }
        };
        if moves {
            self.path = Some(Path { remote: origin, local, heard_at: now });
        }
        noted
    }

    pub(crate) fn path(&self) -> Option<Path> {
        self.path
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = Origin> + '_ {
        self.addresses.iter().copied()
    }

    /// Whether something genuine came from this address lately, and media goes there.
    pub(crate) fn uses(&self, now: Instant, origin: Origin) -> bool {
        self.path.is_some_and(|path| {
            path.remote == origin && now.saturating_duration_since(path.heard_at) < PATH_SILENCE
        })
    }

    /// An address is gone: a TCP connection was closed, or someone else has it now.
    pub(crate) fn lose(&mut self, origin: Origin) {
        self.addresses.retain(|address| *address != origin);
        self.path = self.path.filter(|path| path.remote != origin);
    }

    fn note(&mut self, now: Instant, origin: Origin) -> Noted {
        let mut noted = Noted::default();
        if self.addresses.contains(&origin) {
            return noted;
        }
        self.new_addresses.take(now);
        if self.addresses.len() == ADDRESSES_MAX {
            let in_use = self.path.map(|path| path.remote);
            let oldest = self.addresses.iter().position(|address| Some(*address) != in_use);
            noted.forgotten = oldest.and_then(|index| self.addresses.remove(index));
        }
        self.addresses.push_back(origin);
        noted.learned = Some(origin);
        noted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::MediaPath;

    fn local() -> SocketAddr {
        ([10, 0, 0, 1], 5_000).into()
    }

    fn origin(port: u16) -> Origin {
        Origin { path: MediaPath::Udp, source: ([192, 0, 2, 1], port).into() }
    }

    fn goes_to(reach: &Reach) -> Option<Origin> {
        Some(reach.path()?.remote)
    }

    #[test]
    fn a_replayed_request_moves_nothing_while_the_owner_is_there() {
        let mut now = Instant::now();
        let mut reach = Reach::new(now);
        reach.proven(now, origin(1), local(), Proof::FirstNomination);
        for _ in 0..10 {
            now += Duration::from_secs(2);
            reach.proven(now, origin(1), local(), Proof::Check);
            reach.proven(now, origin(2), local(), Proof::Nomination);
            assert_eq!(goes_to(&reach), Some(origin(1)));
        }
        now += PATH_SILENCE;
        reach.proven(now, origin(2), local(), Proof::Check);
        assert_eq!(goes_to(&reach), Some(origin(1)), "nobody asked for it");
        reach.proven(now, origin(2), local(), Proof::Nomination);
        assert_eq!(goes_to(&reach), Some(origin(2)));
    }

    #[test]
    fn media_follows_his_voice() {
        let now = Instant::now();
        let mut reach = Reach::new(now);
        reach.proven(now, origin(1), local(), Proof::Nomination);
        reach.proven(now, origin(2), local(), Proof::Audio);
        assert_eq!(goes_to(&reach), Some(origin(2)));
        assert!(reach.uses(now, origin(2)) && !reach.uses(now, origin(1)));
    }

    #[test]
    fn addresses_are_bounded_and_the_one_in_use_is_kept() {
        let now = Instant::now();
        let mut reach = Reach::new(now);
        reach.proven(now, origin(1), local(), Proof::Nomination);
        for port in 2..=ADDRESSES_MAX as u16 {
            assert_eq!(reach.proven(now, origin(port), local(), Proof::Check).forgotten, None);
        }
        let noted = reach.proven(now, origin(100), local(), Proof::Check);
        assert_eq!(noted, Noted { learned: Some(origin(100)), forgotten: Some(origin(2)) });
        let admitted = (200..300).filter(|port| {
            let admits = reach.admits(now, origin(*port));
            reach.proven(now, origin(*port), local(), Proof::Check);
            admits
        });
        assert!(admitted.count() < 16);
        assert!(reach.addresses().any(|address| address == origin(1)));
    }

    #[test]
    fn a_lost_address_is_sent_nothing() {
        let now = Instant::now();
        let mut reach = Reach::new(now);
        reach.proven(now, origin(1), local(), Proof::Nomination);
        reach.lose(origin(1));
        assert_eq!(reach.path(), None);
        assert_eq!(reach.addresses().count(), 0);
    }
}
