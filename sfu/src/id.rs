//! Names for the things the SFU keeps: rooms, participants, slots.
//!
//! Newtypes only, so that one can never be passed for another. What they stand for outside (a channel,
//! a user) is the caller's business and must never be known here. Start at [`ParticipantId`]: it is the
//! one that also travels on the wire.

use std::fmt;

/// A live voice room. Chosen by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub u64);

/// One connection inside a room. Chosen by the caller and never reused within a process run, since it
/// travels as the contributing source (RFC 3550 section 5.1, CSRC) of every packet the participant is
/// heard in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantId(pub u32);

/// One audio line from the server to each listener of a room, counted from zero in the order of the
/// offer's receiving lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SlotIndex(pub(crate) u8);

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "room {}", self.0)
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "participant {}", self.0)
    }
}

impl SlotIndex {
    /// The slot as a position in a list.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}
