//! What the caller wants of a room, apart from who is in it.
//!
//! Kept here by the room's number, whether anyone is in it or not, so that a room that begins later, or on
//! another worker, begins as it should be. Asked when someone joins and when a setting changes; never on
//! the way of a packet. Start at [`SettingsBook::of`].

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::RoomId;

/// What the caller wants of a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoomSettings {
    /// How many people may be heard at once; `None` for as many as there are slots. More than there are
    /// slots is as many as there are slots.
    pub max_speakers: Option<u8>,
}

/// The settings of all rooms. A room with nothing special about it has no entry, so there are at most as
/// many as the caller has made special.
#[derive(Debug, Default)]
pub(crate) struct SettingsBook {
    rooms: Mutex<HashMap<RoomId, RoomSettings>>,
}

impl RoomSettings {
    /// The number of slots that may be filled.
    pub(crate) fn slots_used(self) -> u8 {
        self.max_speakers.unwrap_or(u8::MAX)
    }
}

impl SettingsBook {
    pub(crate) fn set(&self, room: RoomId, settings: RoomSettings) {
        let mut rooms = self.lock();
        if settings == RoomSettings::default() {
            rooms.remove(&room);
        } else {
            rooms.insert(room, settings);
        }
    }

    pub(crate) fn of(&self, room: RoomId) -> RoomSettings {
        self.lock().get(&room).copied().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomId, RoomSettings>> {
        // Nothing in here can panic half way, so what a poisoned lock guards is whole.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_with_nothing_special_about_it_takes_no_place() {
        let book = SettingsBook::default();
        let three = RoomSettings { max_speakers: Some(3) };
        book.set(RoomId(1), three);
        assert_eq!(book.of(RoomId(1)), three);
        assert_eq!(book.of(RoomId(2)), RoomSettings::default());
        book.set(RoomId(1), RoomSettings::default());
        assert!(book.lock().is_empty());
    }
}
