//! Counters, as plain integers that are copied out as one value.
//!
//! A worker owns its counters and hands out a copy when asked; nobody reads them while they change.
//! Knows nothing of how they are shown. Start at [`Stats`].

use std::time::Duration;

use crate::config::EgressPath;
use crate::id::{ParticipantId, RoomId};
use crate::load::Pressure;
use crate::message::MediaPath;
use crate::quality::Quality;

/// Everything countable, at one moment per worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// One entry per worker, in order.
    pub workers: Vec<WorkerStats>,
    /// One entry per participant, in no order.
    pub participants: Vec<ParticipantStats>,
}

/// What one worker has counted since it started, and what it holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkerStats {
    /// People it holds now.
    pub participants: u64,
    /// Rooms whose home it is now. A room is counted once, however many workers have people of it.
    pub rooms: u64,
    /// Open ICE-TCP connections now.
    pub tcp_connections: u64,
    /// Datagrams (and TCP frames) received.
    pub datagrams_in: u64,
    /// Their bytes.
    pub bytes_in: u64,
    /// Datagrams (and TCP frames) handed to the network.
    pub datagrams_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Audio packets received from participants and understood.
    pub packets_in: u64,
    /// Audio packets sent on, one per listener.
    pub packets_forwarded: u64,
    /// How much load it sheds now; of several workers, the most.
    pub pressure: Pressure,
    /// Joins refused because it had too much to do.
    pub joins_refused: u64,
    /// What other workers told it about rooms they share.
    pub crossings_in: u64,
    /// What it told other workers; with what was then dropped.
    pub crossings_out: u64,
    /// What was thrown away, by reason.
    pub dropped: Dropped,
    /// Calls of the system that sent UDP datagrams; with runs there are fewer than datagrams.
    pub send_calls: u64,
    /// UDP datagrams that shared a call with others.
    pub datagrams_in_runs: u64,
    /// Sockets that send runs now; 0 when that was not wanted, or the system or a device cannot.
    pub gso_sockets: u64,
    /// Panics that were contained; each one cost its own participant the session and nobody else.
    pub panics_contained: u64,
}

/// What was thrown away, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Datagrams from an address nobody has, without a valid claim to a session.
    pub unknown: u64,
    /// Datagrams that are no STUN, DTLS, RTP or RTCP, or that the session refused.
    pub malformed: u64,
    /// Audio of someone who is muted; most of it is not even decrypted.
    pub muted: u64,
    /// Audio of someone who holds no slot and is quiet, dropped before it was decrypted.
    pub unheard: u64,
    /// Audio of someone who holds a slot and has been silent for a while.
    pub silence: u64,
    /// Audio that had been there before, or came too late to tell.
    pub replayed: u64,
    /// Audio of a payload type nobody agreed to, or of one stream more than a participant may have.
    pub foreign: u64,
    /// Audio and reports whose seal was wrong.
    pub forged: u64,
    /// Audio and reports that were not opened, since too many of their kind had a wrong seal just before.
    pub suspect: u64,
    /// Audio of someone who holds no slot, decrypted: he may be about to get one.
    pub no_slot: u64,
    /// Audio of someone who sends more packets than any microphone makes.
    pub flooded: u64,
    /// Audio that came too late or too early to be put in order.
    pub out_of_order: u64,
    /// RED payloads that could not be taken apart.
    pub bad_red: u64,
    /// Audio that was said to others than those who would get it now, or may repeat such.
    pub for_others: u64,
    /// Packets the network did not take: there is no way to the address, or too much waited already.
    pub unsent: u64,
    /// Levels and packets of voice for another worker that could not keep up with them.
    pub crossings: u64,
    /// Packets that waited for the network until they were too old.
    pub late: u64,
    /// Packets a slow TCP connection did not take, at once or in time.
    pub tcp_backlog: u64,
    /// Datagrams the system dropped before they were read, because its buffer was full.
    pub unread: u64,
    /// TCP connections refused or closed for misbehaving.
    pub tcp_refused: u64,
}

/// What is known about one participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParticipantStats {
    /// Who.
    pub participant: ParticipantId,
    /// Where.
    pub room: RoomId,
    /// How his packets travel; `None` until connected.
    pub path: Option<MediaPath>,
    /// Audio packets received from him.
    pub packets_in: u64,
    /// Audio packets sent to him.
    pub packets_out: u64,
    /// How what is sent to him is sealed; `None` until his keys are known.
    pub egress: Option<EgressPath>,
    /// What he has reported about what reaches him; `None` before the first report, and for those whose
    /// session does not share them (see [`EgressPath::Reference`]).
    pub reception: Option<Reception>,
    /// How his sound travels; nothing is known of those of [`EgressPath::Reference`].
    pub quality: Quality,
}

/// What a listener says about what reaches him (RFC 3550 section 6.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reception {
    /// Packets that never came, in all slots together; duplicates count as the opposite.
    pub packets_lost: i64,
    /// Of a thousand packets, this many were missing lately, in the slot that lost most.
    pub loss_per_mille: u16,
    /// How unevenly packets arrive, in the slot where it is worst.
    pub jitter: Duration,
    /// How long a packet takes there and back.
    pub round_trip: Option<Duration>,
}

impl Stats {
    /// All workers together.
    #[must_use]
    pub fn total(&self) -> WorkerStats {
        self.workers.iter().fold(WorkerStats::default(), |sum, worker| sum.plus(worker))
    }
}

impl WorkerStats {
    fn plus(self, other: &WorkerStats) -> WorkerStats {
        WorkerStats {
            participants: self.participants + other.participants,
            rooms: self.rooms + other.rooms,
            tcp_connections: self.tcp_connections + other.tcp_connections,
            datagrams_in: self.datagrams_in + other.datagrams_in,
            bytes_in: self.bytes_in + other.bytes_in,
            datagrams_out: self.datagrams_out + other.datagrams_out,
            bytes_out: self.bytes_out + other.bytes_out,
            packets_in: self.packets_in + other.packets_in,
            packets_forwarded: self.packets_forwarded + other.packets_forwarded,
            pressure: self.pressure.max(other.pressure),
            joins_refused: self.joins_refused + other.joins_refused,
            crossings_in: self.crossings_in + other.crossings_in,
            crossings_out: self.crossings_out + other.crossings_out,
            dropped: self.dropped.plus(&other.dropped),
            send_calls: self.send_calls + other.send_calls,
            datagrams_in_runs: self.datagrams_in_runs + other.datagrams_in_runs,
            gso_sockets: self.gso_sockets + other.gso_sockets,
            panics_contained: self.panics_contained + other.panics_contained,
        }
    }
}

impl Dropped {
    fn plus(self, other: &Dropped) -> Dropped {
        Dropped {
            unknown: self.unknown + other.unknown,
            malformed: self.malformed + other.malformed,
            muted: self.muted + other.muted,
            unheard: self.unheard + other.unheard,
            silence: self.silence + other.silence,
            replayed: self.replayed + other.replayed,
            foreign: self.foreign + other.foreign,
            forged: self.forged + other.forged,
            suspect: self.suspect + other.suspect,
            no_slot: self.no_slot + other.no_slot,
            flooded: self.flooded + other.flooded,
            out_of_order: self.out_of_order + other.out_of_order,
            bad_red: self.bad_red + other.bad_red,
            for_others: self.for_others + other.for_others,
            unsent: self.unsent + other.unsent,
            crossings: self.crossings + other.crossings,
            late: self.late + other.late,
            tcp_backlog: self.tcp_backlog + other.tcp_backlog,
            unread: self.unread + other.unread,
            tcp_refused: self.tcp_refused + other.tcp_refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_the_sum_of_the_workers() {
        let worker = |n: u64| WorkerStats {
            participants: n,
            packets_forwarded: 10 * n,
            crossings_in: 7 * n,
            pressure: if n == 2 { Pressure::Normal } else { Pressure::Refusing },
            dropped: Dropped { unknown: 100 * n, ..Dropped::default() },
            ..WorkerStats::default()
        };
        let stats = Stats { workers: vec![worker(1), worker(2)], participants: Vec::new() };
        assert_eq!(stats.total(), worker(3));
    }
}
