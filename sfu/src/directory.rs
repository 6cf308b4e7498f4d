//! Which worker is a room's home, which worker has whom, and how full rooms and workers are.
//!
//! Asked when someone joins, leaves or is muted; never on the way of a packet. A room's home is the worker
//! that was least busy when the room began, until its last participant is forgotten. The first of its
//! people are placed there; the others go wherever it is least busy. What is wanted of each room is kept
//! beside it, since it outlasts the room. Start at [`Directory::admit`].

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config::Limits;
use crate::id::{ParticipantId, RoomId};
use crate::message::JoinError;
use crate::settings::SettingsBook;

/// So many people of a room are placed at its home before any are placed elsewhere. What crosses between
/// workers costs something for each packet, however few hear it; a room of this size is too small to be
/// worth that, and most rooms are smaller.
const AT_HOME: usize = 32;

/// The directory of a whole SFU.
#[derive(Debug)]
pub(crate) struct Directory {
    entries: Mutex<Entries>,
    participants_per_room: usize,
    participants_per_worker: usize,
    pub(crate) settings: SettingsBook,
}

/// Where someone is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The worker that is to take him.
    pub(crate) worker: usize,
    /// The worker at which his room is at home.
    pub(crate) home: usize,
}

#[derive(Debug)]
struct Entries {
    rooms: HashMap<RoomId, Entry>,
    participants: HashMap<ParticipantId, (RoomId, usize)>,
    /// Participants per worker.
    load: Vec<usize>,
    /// Whether a worker has too much to do to let anybody else in.
    refusing: Vec<bool>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    home: usize,
    participants: usize,
    at_home: usize,
}

impl Directory {
    pub(crate) fn new(workers: usize, limits: &Limits) -> Directory {
        let entries = Entries {
            rooms: HashMap::new(),
            participants: HashMap::new(),
            load: vec![0; workers],
            refusing: vec![false; workers],
        };
        Directory {
            entries: Mutex::new(entries),
            participants_per_room: limits.participants_per_room,
            participants_per_worker: limits.participants_per_worker,
            settings: SettingsBook::default(),
        }
    }

    /// Enters a participant and says where he is to be.
    pub(crate) fn admit(&self, room: RoomId, who: ParticipantId) -> Result<Place, JoinError> {
        let mut entries = self.lock();
        if entries.participants.contains_key(&who) {
            return Err(JoinError::AlreadyJoined);
        }
        let least_busy = entries.least_busy();
        let new = Entry { home: least_busy, participants: 0, at_home: 0 };
        let found = entries.rooms.get(&room).copied().unwrap_or(new);
        if found.participants >= self.participants_per_room {
            return Err(JoinError::RoomFull);
        }
        let home_is_full = entries.load.get(found.home).is_none_or(|n| *n >= self.participants_per_worker);
        let stays_home = found.at_home < AT_HOME && !home_is_full && !entries.refuses(found.home);
        let worker = if stays_home { found.home } else { least_busy };
        let at_home = found.at_home + usize::from(worker == found.home);
        entries.rooms.insert(room, Entry { participants: found.participants + 1, at_home, ..found });
        entries.participants.insert(who, (room, worker));
        if let Some(load) = entries.load.get_mut(worker) {
            *load += 1;
        }
        Ok(Place { worker, home: found.home })
    }

    /// Strikes a participant out; a room ends with its last one.
    pub(crate) fn forget(&self, who: ParticipantId) {
        let mut entries = self.lock();
        let Some((room, worker)) = entries.participants.remove(&who) else { return };
        if let Some(load) = entries.load.get_mut(worker) {
            *load -= 1;
        }
        let Some(found) = entries.rooms.get_mut(&room) else { return };
        found.participants -= 1;
        found.at_home -= usize::from(worker == found.home);
        if found.participants == 0 {
            entries.rooms.remove(&room);
        }
    }

    /// Whether a worker lets nobody else in. As long as another one does, people are placed there; when none does,
    /// the worker that is asked says so.
    pub(crate) fn set_refusing(&self, worker: usize, refusing: bool) {
        if let Some(known) = self.lock().refusing.get_mut(worker) {
            *known = refusing;
        }
    }

    /// The worker that has a participant.
    pub(crate) fn worker_of(&self, who: ParticipantId) -> Option<usize> {
        self.lock().participants.get(&who).map(|(_, worker)| *worker)
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    /// The worker with the fewest people, of those that let anybody in if there are such; of several, the first.
    fn least_busy(&self) -> usize {
        let loads = self.load.iter().enumerate();
        let least = loads.min_by_key(|(worker, load)| (self.refuses(*worker), **load));
        least.map_or(0, |(worker, _)| worker)
    }

    fn refuses(&self, worker: usize) -> bool {
        self.refusing.get(worker).is_some_and(|refusing| *refusing)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn directory(workers: usize) -> Directory {
        Directory::new(workers, &Limits::default())
    }

    /// Lets so many people into a room, and says where they are.
    fn fill(directory: &Directory, room: u64, first: u32, people: u32) -> Vec<Place> {
        (first..first + people)
            .map(|who| directory.admit(RoomId(room), ParticipantId(who)).unwrap())
            .collect()
    }

    fn counts(places: &[Place], workers: usize) -> Vec<usize> {
        (0..workers).map(|n| places.iter().filter(|place| place.worker == n).count()).collect()
    }

    #[test]
    fn a_small_room_stays_together_and_rooms_spread() {
        let directory = directory(2);
        let first = directory.admit(RoomId(1), ParticipantId(1)).unwrap();
        assert_eq!(first.worker, first.home);
        assert_eq!(directory.admit(RoomId(1), ParticipantId(2)), Ok(first));
        let elsewhere = Place { worker: 1 - first.home, home: 1 - first.home };
        assert_eq!(directory.admit(RoomId(2), ParticipantId(3)), Ok(elsewhere));
        assert_eq!(directory.worker_of(ParticipantId(2)), Some(first.worker));
    }

    #[test]
    fn a_thousand_rooms_of_two_never_cross_and_are_spread_evenly() {
        let directory = directory(3);
        let mut all = Vec::new();
        for n in 0..1_000 {
            let places = fill(&directory, u64::from(n), 10 * n, 2);
            assert!(places.iter().all(|place| place.worker == place.home), "{places:?}");
            all.extend(places);
        }
        assert!(counts(&all, 3).iter().all(|n| (660..=674).contains(n)), "{:?}", counts(&all, 3));
    }

    #[test]
    fn a_large_room_is_spread_evenly_and_has_one_home() {
        for workers in [2, 3, 8] {
            let directory = directory(workers);
            let places = fill(&directory, 1, 1, 1_000);
            assert!(places.iter().all(|place| place.home == places[0].home));
            let counts = counts(&places, workers);
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(most * 10 <= least * 12, "within a fifth: {counts:?}");
        }
    }

    #[test]
    fn a_room_keeps_its_home_until_its_last_participant_is_forgotten() {
        let directory = directory(2);
        let places = fill(&directory, 1, 1, 100);
        let home = places[0].home;
        let (there, elsewhere): (Vec<u32>, Vec<u32>) =
            (1..=100).partition(|who| directory.worker_of(ParticipantId(*who)) == Some(home));
        for who in &there {
            directory.forget(ParticipantId(*who));
        }
        // Nobody is left at home, and it is home all the same; who comes now goes there.
        assert_eq!(directory.admit(RoomId(1), ParticipantId(500)), Ok(Place { worker: home, home }));
        for who in elsewhere.iter().chain(&[500]) {
            directory.forget(ParticipantId(*who));
        }
        fill(&directory, 2, 600, 1);
        let again = directory.admit(RoomId(1), ParticipantId(501)).unwrap();
        assert_eq!(again.home, 1, "a new room begins where it is least busy then");
    }

    #[test]
    fn a_full_room_takes_nobody_wherever_its_people_are() {
        let limits = Limits { participants_per_room: 50, ..Limits::default() };
        let directory = Directory::new(3, &limits);
        assert!(counts(&fill(&directory, 1, 1, 50), 3).iter().all(|n| *n > 0));
        assert_eq!(directory.admit(RoomId(1), ParticipantId(51)), Err(JoinError::RoomFull));
        assert_eq!(directory.worker_of(ParticipantId(51)), None);
        directory.forget(ParticipantId(7));
        assert!(directory.admit(RoomId(1), ParticipantId(51)).is_ok());
    }

    #[test]
    fn who_finds_his_rooms_home_full_is_placed_elsewhere() {
        let limits = Limits { participants_per_worker: 3, ..Limits::default() };
        let directory = Directory::new(2, &limits);
        let places = fill(&directory, 1, 1, 5);
        assert_eq!(counts(&places, 2), [3, 2]);
        assert!(places.iter().all(|place| place.home == 0));
    }

    #[test]
    fn who_comes_is_placed_where_he_is_let_in_as_long_as_anybody_is() {
        let directory = directory(2);
        assert_eq!(fill(&directory, 1, 1, 2), [Place { worker: 0, home: 0 }; 2]);
        directory.set_refusing(0, true);
        assert_eq!(fill(&directory, 1, 10, 3), [Place { worker: 1, home: 0 }; 3], "his room's home refuses");
        assert_eq!(
            fill(&directory, 2, 20, 3),
            [Place { worker: 1, home: 1 }; 3],
            "the least busy one refuses"
        );
        directory.set_refusing(1, true);
        assert_eq!(
            fill(&directory, 3, 30, 1),
            [Place { worker: 0, home: 0 }],
            "all do, and that one will say so"
        );
        directory.set_refusing(0, false);
        assert_eq!(fill(&directory, 1, 40, 1), [Place { worker: 0, home: 0 }]);
    }

    #[test]
    fn nobody_is_entered_twice() {
        let directory = directory(1);
        assert_eq!(directory.admit(RoomId(1), ParticipantId(1)), Ok(Place { worker: 0, home: 0 }));
        assert_eq!(directory.admit(RoomId(2), ParticipantId(1)), Err(JoinError::AlreadyJoined));
        directory.forget(ParticipantId(1));
        assert_eq!(directory.worker_of(ParticipantId(1)), None);
        assert_eq!(directory.lock().rooms.len(), 0);
        assert_eq!(directory.lock().load, [0]);
    }
}
