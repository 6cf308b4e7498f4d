//! For `benches/` alone: the choice of who is heard, without a worker round it.
//!
//! Does for a level what the worker does for it, and nothing else. Start at [`Choice::hear`].

use std::time::Instant;

use crate::id::ParticipantId;
use crate::speakers::Speakers;

/// A room's speakers.
#[derive(Debug)]
pub struct Choice(Speakers);

impl Choice {
    /// Of a room without people.
    #[must_use]
    pub fn new(slots: u8) -> Choice {
        Choice(Speakers::new(slots))
    }

    /// Someone opens a microphone.
    pub fn enter(&mut self, now: Instant, who: u32) {
        self.0.enter(now, ParticipantId(who), false);
    }

    /// Takes the level of a packet, and asks what the worker asks after each. Whether the packet is to be heard.
    pub fn hear(&mut self, now: Instant, who: u32, level: i8) -> bool {
        let slot = self.0.hear(now, ParticipantId(who), level);
        let news = self.0.take_speakers_changed() | self.0.take_slots_changed();
        std::hint::black_box((news, self.0.deadline()));
        slot.is_some()
    }

    /// Ends the speech of those who have been quiet long enough.
    pub fn expire(&mut self, now: Instant) {
        self.0.expire(now);
    }
}
