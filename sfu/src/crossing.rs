//! What one worker tells another: the words between a room's home and its local halves.
//!
//! A room may have people on several workers. Its **home** ([`crate::home`]) alone decides who speaks, who
//! holds a slot and which numbers a packet gets; each worker with people of the room has its **local half**
//! ([`crate::room`]), which knows them and hands out to them. Crossings go from a local half to the home and
//! back, never between local halves. The way between two workers keeps their order. Data only; how they
//! travel is the rim's business. Start at [`Body`].
//!
//! Some are **media**: if one is lost, a moment of sound is. The others are **control**, and are never lost.

use std::sync::Arc;
use std::time::Instant;

use crate::forwarder::{Frame, Outgoing};
use crate::id::{ParticipantId, RoomId};

/// Something one worker has to tell another.
#[derive(Clone, Debug)]
pub struct Crossing {
    pub(crate) room: RoomId,
    pub(crate) body: Body,
}

/// Which life of a local half this is. One that ended and began again must not take for its own what was
/// meant for the former one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Visit(pub(crate) u32);

/// Who is heard in which slot, as all workers of a room are told.
pub(crate) type SlotList = Arc<[Option<ParticipantId>]>;

/// What is told.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    // To the home.
    /// A local half has begun. The home lasts as long as any of them.
    Open { visit: Visit },
    /// The most slots that may be used, as far as this worker is concerned.
    Limit { slots: u8 },
    /// A local half has ended.
    Close,
    /// Someone's media is connected.
    Enter { who: ParticipantId, muted: bool },
    /// Someone who has entered may not be heard any more, or may again.
    Muted { who: ParticipantId, muted: bool },
    /// Someone who has entered speaks to others than before: his speech begins anew.
    Anew { who: ParticipantId },
    /// Nobody takes the slot of someone who has entered while he speaks; or somebody may again.
    Priority { who: ParticipantId, priority: bool },
    /// Someone who has entered is gone.
    Leave { who: ParticipantId },
    /// How loud someone without a slot is. Told only when it matters.
    Level { who: ParticipantId, level: i8 },
    /// A packet of someone who holds a slot, and when it was received, which is what slots' clocks go by:
    /// not how long it then took to get here.
    Frame { frame: Frame, level: i8, at: Instant },

    // From the home.
    /// Who holds which slot from now on, for the local half that began with `visit`.
    Slots { visit: Visit, slots: SlotList },
    /// A packet with the numbers of its slot.
    Packet(Outgoing),
}

impl Crossing {
    /// Whether it may be lost when there is too much to tell.
    #[must_use]
    pub fn is_media(&self) -> bool {
        match self.body {
            Body::Level { .. } | Body::Frame { .. } | Body::Packet(_) => true,
            Body::Open { .. }
            | Body::Limit { .. }
            | Body::Close
            | Body::Enter { .. }
            | Body::Muted { .. }
            | Body::Anew { .. }
            | Body::Priority { .. }
            | Body::Leave { .. }
            | Body::Slots { .. } => false,
        }
    }
}
