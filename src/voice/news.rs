//! What everybody is to be told of voice rooms: noted by name only, so that it is told as it is by then.
//!
//! Beside the rooms and under their lock; see [`crate::live::hub::news`] for when it is told, and why in lists. Must
//! never know: what anybody looks like. Start at [`Untold::of`].

use std::collections::{BTreeMap, BTreeSet};

use crate::id::ChannelId;
use crate::protocol::types::{ParticipantNumber, RoomChange, RoomSpeakers};

/// Stays that may have ended without anybody having been told. All else that is noted is bounded by those who are in
/// rooms; but people can come and go any number of times. More than come in a second would mean that nobody tells the
/// news: then whoever notes one tells it all at once.
const ENDS_MAX: usize = 4096;

/// What nobody has been told, by channel.
#[derive(Debug, Default)]
pub struct Untold {
    channels: BTreeMap<ChannelId, Notes>,
    ends: usize,
}

/// The same for one room. Nobody is in two of the lists.
#[derive(Debug, Default)]
pub struct Notes {
    /// Who came.
    pub joined: BTreeSet<ParticipantNumber>,
    /// Who is seen differently.
    pub changed: BTreeSet<ParticipantNumber>,
    /// Who left.
    pub left: Vec<ParticipantNumber>,
    /// Whether others talk than before.
    pub speakers: bool,
}

/// What everybody is told, in this order: whoever talks is known by then.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct News {
    /// Rooms in which somebody came, changed or left.
    pub rooms: Vec<RoomChange>,
    /// Rooms in which others talk than before.
    pub speakers: Vec<RoomSpeakers>,
}

impl Untold {
    /// The notes of a channel's room, to add to.
    pub fn of(&mut self, channel: ChannelId) -> &mut Notes {
        self.channels.entry(channel).or_default()
    }

    /// Somebody left whom others could see.
    pub fn left(&mut self, channel: ChannelId, who: ParticipantNumber) {
        let notes = self.of(channel);
        notes.joined.remove(&who);
        notes.changed.remove(&who);
        notes.left.push(who);
        self.ends += 1;
    }

    /// Whether nothing is noted.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// Whether it has to be told at once.
    pub fn is_full(&self) -> bool {
        self.ends >= ENDS_MAX
    }

    /// All of it, to be told now.
    pub fn take(&mut self) -> BTreeMap<ChannelId, Notes> {
        std::mem::take(self).channels
    }
}

impl Notes {
    /// Somebody came.
    pub fn joined(&mut self, who: ParticipantNumber) {
        self.joined.insert(who);
    }

    /// Somebody is seen differently; who has just come is told of as they are in any case.
    pub fn changed(&mut self, who: ParticipantNumber) {
        if !self.joined.contains(&who) {
            self.changed.insert(who);
        }
    }

    /// Others talk than before.
    pub fn speakers(&mut self) {
        self.speakers = true;
    }
}
