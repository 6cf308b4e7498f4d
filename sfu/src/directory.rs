//! Which worker has which room, and which room has whom.
//!
//! Asked when someone joins, leaves or is muted; never on the way of a packet. A room lives on the worker
//! that was least busy when it began. What is wanted of each room is kept beside it, since it outlasts the
//! room. Start at [`Directory::admit`].

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::{ParticipantId, RoomId};
use crate::message::JoinError;
use crate::settings::SettingsBook;

/// The directory of a whole SFU.
#[derive(Debug)]
pub(crate) struct Directory {
    entries: Mutex<Entries>,
    pub(crate) settings: SettingsBook,
}

#[derive(Debug)]
struct Entries {
    rooms: HashMap<RoomId, Home>,
    participants: HashMap<ParticipantId, RoomId>,
    /// Participants per worker.
    load: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Home {
    worker: usize,
    participants: usize,
}

impl Directory {
    pub(crate) fn new(workers: usize) -> Directory {
        let entries = Entries { rooms: HashMap::new(), participants: HashMap::new(), load: vec![0; workers] };
        Directory { entries: Mutex::new(entries), settings: SettingsBook::default() }
    }

    /// Enters a participant and says which worker is to take him.
    pub(crate) fn admit(&self, room: RoomId, who: ParticipantId) -> Result<usize, JoinError> {
        let mut entries = self.lock();
        if entries.participants.contains_key(&who) {
            return Err(JoinError::AlreadyJoined);
        }
        let least_busy = (0..entries.load.len()).min_by_key(|worker| entries.load[*worker]).unwrap_or(0);
        let home = entries.rooms.entry(room).or_insert(Home { worker: least_busy, participants: 0 });
        home.participants += 1;
        let worker = home.worker;
        entries.participants.insert(who, room);
        if let Some(load) = entries.load.get_mut(worker) {
            *load += 1;
        }
        Ok(worker)
    }

    /// Strikes a participant out; a room ends with its last one.
    pub(crate) fn forget(&self, who: ParticipantId) {
        let mut entries = self.lock();
        let Some(room) = entries.participants.remove(&who) else { return };
        let Some(home) = entries.rooms.get_mut(&room) else { return };
        home.participants -= 1;
        let Home { worker, participants } = *home;
        if participants == 0 {
            entries.rooms.remove(&room);
        }
        if let Some(load) = entries.load.get_mut(worker) {
            *load -= 1;
        }
    }

    /// The worker that has a participant.
    pub(crate) fn worker_of(&self, who: ParticipantId) -> Option<usize> {
        let entries = self.lock();
        let room = entries.participants.get(&who)?;
        Some(entries.rooms.get(room)?.worker)
    }

    /// The worker that has a room, while anyone is in it.
    pub(crate) fn home_of(&self, room: RoomId) -> Option<usize> {
        Some(self.lock().rooms.get(&room)?.worker)
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_room_stays_together_and_rooms_spread() {
        let directory = Directory::new(2);
        let home = directory.admit(RoomId(1), ParticipantId(1)).unwrap();
        assert_eq!(directory.admit(RoomId(1), ParticipantId(2)), Ok(home));
        assert_eq!(directory.admit(RoomId(2), ParticipantId(3)), Ok(1 - home));
        assert_eq!(directory.worker_of(ParticipantId(2)), Some(home));
    }

    #[test]
    fn nobody_is_entered_twice() {
        let directory = Directory::new(1);
        assert_eq!(directory.admit(RoomId(1), ParticipantId(1)), Ok(0));
        assert_eq!(directory.admit(RoomId(2), ParticipantId(1)), Err(JoinError::AlreadyJoined));
        directory.forget(ParticipantId(1));
        assert_eq!(directory.worker_of(ParticipantId(1)), None);
        assert_eq!(directory.lock().rooms.len(), 0);
        assert_eq!(directory.lock().load, [0]);
    }
}
