//! To whom somebody speaks, and whether he goes before others: what is asked for beside mute and deafen.
//!
//! Start at [`Worker::set_audience`].

use std::time::Instant;

use super::Worker;
use crate::audience::Audience;
use crate::crossing::Body;
use crate::id::ParticipantId;
use crate::participant::Link;

impl Worker {
    /// From now on someone speaks to these. What came before is for whom it was for, and his speech begins anew: the
    /// room sees neither that he went on nor that he was speaking.
    pub fn set_audience(&mut self, now: Instant, who: ParticipantId, audience: Audience) {
        self.now = now;
        let Some(key) = self.keys.get(&who).copied() else { return };
        let Some(participant) = self.table.get_mut(key) else { return };
        let changed = participant.track.address(audience);
        let (room, entered) = (participant.room, participant.link != Link::Connecting);
        if changed && entered && participant.media.may_speak() {
            self.tell_home(now, room, Body::Anew { who });
        }
    }

    /// Nobody takes someone's slot while he speaks, and he takes one when he begins; or as everybody else again.
    pub fn set_priority(&mut self, now: Instant, who: ParticipantId, priority: bool) {
        self.now = now;
        let Some(key) = self.keys.get(&who).copied() else { return };
        let Some(participant) = self.table.get_mut(key) else { return };
        participant.priority = priority;
        let (room, entered) = (participant.room, participant.link != Link::Connecting);
        if entered {
            self.tell_home(now, room, Body::Priority { who, priority });
        }
    }
}
