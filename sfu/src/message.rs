//! What is said to the SFU and what it says back: requests to join, events, refusals, datagrams.
//!
//! Data only; how it travels between threads and machines is known to `handle` and `driver` alone. Start
//! at [`Join`] and [`Event`].

use std::net::SocketAddr;
use std::num::NonZeroUsize;

use thiserror::Error;

use crate::demux::Origin;
use crate::id::{ParticipantId, RoomId};
use crate::load::Pressure;
use crate::quality::Signal;

/// A request to take part in a room.
#[derive(Clone, Debug)]
pub struct Join {
    /// The room; it comes into being with its first participant.
    pub room: RoomId,
    /// The newcomer. Never used before in this process.
    pub participant: ParticipantId,
    /// The SDP offer: one sending audio line, and one receiving audio line per slot.
    pub offer: String,
    /// Start muted: whatever arrives from the participant is dropped.
    pub muted: bool,
    /// Start deafened: nothing is sent to the participant, and he is muted too.
    pub deafened: bool,
}

/// What happened in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Media flows: the first time, or again after [`Event::Interrupted`].
    Connected {
        /// Where.
        room: RoomId,
        /// Who.
        participant: ParticipantId,
        /// How his packets travel.
        path: MediaPath,
    },
    /// Nothing came from the participant for a few seconds. He may come back, or leave.
    Interrupted {
        /// Where.
        room: RoomId,
        /// Who.
        participant: ParticipantId,
    },
    /// The participant is gone for good.
    Left {
        /// Where.
        room: RoomId,
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: LeaveReason,
    },
    /// Who is talking now: the whole set, in order of number.
    Speakers {
        /// Where.
        room: RoomId,
        /// Who talks.
        speakers: Vec<ParticipantId>,
    },
    /// Who is heard in which slot: the whole list.
    Slots {
        /// Where.
        room: RoomId,
        /// One entry per slot, in order.
        slots: Vec<Option<ParticipantId>>,
    },
    /// Somebody's sound travels better or worse than before.
    Signal {
        /// Where.
        room: RoomId,
        /// Who.
        participant: ParticipantId,
        /// How well now.
        signal: Signal,
    },
    /// A worker sheds more load than before, or less.
    Pressure {
        /// Which one.
        worker: usize,
        /// How much, from now on.
        pressure: Pressure,
    },
}

/// Something that came in.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// How it came. A TCP frame counts as a datagram.
    pub path: MediaPath,
    /// Where it came from.
    pub remote: SocketAddr,
    /// To which of our addresses it came, as written into answers.
    pub local: SocketAddr,
    /// What it says.
    pub contents: &'a [u8],
}

/// Something to send. What it says stays with the worker, which uses the memory again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit<'a> {
    /// How.
    pub path: MediaPath,
    /// From which of our addresses.
    pub local: SocketAddr,
    /// Where to.
    pub remote: SocketAddr,
    /// What.
    pub contents: &'a [u8],
}

/// One or more datagrams to the same place, one behind the other, for a system that sends them in one call.
/// Its [`Run::datagrams`] are what [`Worker::poll_transmit`](crate::Worker::poll_transmit) would have given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<'a> {
    /// How.
    pub path: MediaPath,
    /// From which of our addresses.
    pub local: SocketAddr,
    /// Where to.
    pub remote: SocketAddr,
    /// All of them.
    pub contents: &'a [u8],
    /// The length of each but the last, which may be shorter; none if there is only one.
    pub segment: Option<NonZeroUsize>,
}

impl<'a> Run<'a> {
    /// Each one, in order. A run is never empty, a datagram may be.
    pub fn datagrams(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let single = self.segment.is_none().then_some(self.contents);
        let many = self.segment.map(|segment| self.contents.chunks(segment.get()));
        many.into_iter().flatten().chain(single)
    }
}

impl Datagram<'_> {
    pub(crate) fn origin(&self) -> Origin {
        Origin { path: self.path, source: self.remote }
    }
}

/// How a participant's packets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaPath {
    /// Datagrams.
    Udp,
    /// Frames on a TCP connection (RFC 4571), where UDP is blocked.
    Tcp,
}

/// Why a participant is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LeaveReason {
    /// The caller said so.
    Asked,
    /// He never connected, or nothing came from him for too long.
    TimedOut,
    /// His side closed the connection, or his session broke.
    Failed,
}

/// Why a join was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JoinError {
    /// The offer is larger than any browser's.
    #[error("the offer is too large")]
    OfferTooLarge,
    /// The offer is not SDP, or lacks what a WebRTC session needs.
    #[error("the offer cannot be understood: {0}")]
    OfferMalformed(OfferFault),
    /// The participant number was used before.
    #[error("the participant has already joined")]
    AlreadyJoined,
    /// The room holds as many people as it may.
    #[error("the room is full")]
    RoomFull,
    /// The worker holds as many people as it may.
    #[error("the server is full")]
    ServerFull,
    /// The worker has more to do than it can, and lets nobody else in until it has less.
    #[error("too many people are talking on this server right now; try again in a minute")]
    Overloaded,
    /// So many commands wait that another one would only wait too long.
    #[error("the server is busy")]
    Busy,
    /// The SFU was stopped, or this part of it is gone.
    #[error("voice has been stopped")]
    Stopped,
}

/// Why ICE was not begun again within a session. It goes on as it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RestartError {
    /// There is no such participant, or not any more.
    #[error("the participant is not here")]
    NotHere,
    /// The offer is larger than any browser's.
    #[error("the offer is too large")]
    OfferTooLarge,
    /// The offer is not SDP, or lacks what a WebRTC session needs.
    #[error("the offer cannot be understood: {0}")]
    OfferMalformed(OfferFault),
    /// Another certificate, or another number of lines: this offer wants to begin something else.
    #[error("the offer is of another session")]
    AnotherSession,
    /// So often in so short a time.
    #[error("too soon after the last time")]
    TooSoon,
    /// So many commands wait that another one would only wait too long.
    #[error("the server is busy")]
    Busy,
    /// The SFU was stopped, or this part of it is gone.
    #[error("voice has been stopped")]
    Stopped,
}

/// What is wrong with an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum OfferFault {
    /// It does not parse.
    #[error("not a session description")]
    NotSdp,
    /// More media lines than one to send and the slots to receive.
    #[error("too many media lines")]
    TooManyLines,
    /// A line that is not audio.
    #[error("only audio is accepted")]
    NotAudio,
    /// No audio line that sends.
    #[error("no sending audio line")]
    NoSendingLine,
    /// More than one audio line that sends.
    #[error("more than one sending audio line")]
    ManySendingLines,
    /// A media line without a name, or with one that cannot be repeated in the answer.
    #[error("a media line has no usable mid")]
    NoMid,
    /// Two lines of the same name.
    #[error("two media lines have the same mid")]
    DuplicateMid,
    /// No certificate fingerprint to check the other side against.
    #[error("no usable certificate fingerprint")]
    NoFingerprint,
    /// ICE user name or password missing or out of bounds.
    #[error("no usable ICE credentials")]
    NoIceCredentials,
    /// No Opus on offer.
    #[error("Opus is not offered")]
    NoOpus,
    /// Any other reason the session could not be set up.
    #[error("the session cannot be set up")]
    Refused,
}
