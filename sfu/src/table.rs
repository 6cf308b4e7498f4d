//! A worker's participants, each in his place.
//!
//! A place is found by its index without hashing, and keeps its number while others come and go; the
//! generation in a [`Key`] tells its present owner from a former one. Start at [`Table::get_mut`].

use crate::demux::Key;
use crate::participant::Participant;

/// The participants of one worker.
#[derive(Debug, Default)]
pub(crate) struct Table {
    places: Vec<Place>,
    free: Vec<u32>,
    generation: u32,
    len: usize,
}

#[derive(Debug)]
struct Place {
    generation: u32,
    // Boxed: a session is about ten kilobytes, and the table must be able to grow without moving them.
    participant: Option<Box<Participant>>,
}

impl Table {
    /// The key that the next participant will have.
    pub(crate) fn next_key(&self) -> Key {
        let index = self.free.last().copied().unwrap_or(self.places.len() as u32);
        Key { index, generation: self.generation.wrapping_add(1) }
    }

    /// Takes a participant in, under the key that [`Table::next_key`] announced.
    pub(crate) fn insert(&mut self, participant: Participant) -> Key {
        let key = self.next_key();
        let place = Place { generation: key.generation, participant: Some(Box::new(participant)) };
        self.generation = key.generation;
        self.free.pop();
        match self.places.get_mut(key.index as usize) {
            Some(free) => *free = place,
            None => self.places.push(place),
        }
        self.len += 1;
        key
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Participant> {
        let place = self.places.get(key.index as usize)?;
        place.participant.as_deref().filter(|_| place.generation == key.generation)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Participant> {
        let place = self.places.get_mut(key.index as usize)?;
        place.participant.as_deref_mut().filter(|_| place.generation == key.generation)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<Box<Participant>> {
        let place = self.places.get_mut(key.index as usize)?;
        if place.generation != key.generation {
            return None;
        }
        let participant = place.participant.take()?;
        self.free.push(key.index);
        self.len -= 1;
        Some(participant)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// All of them. For statistics and the end; never on the way of a packet.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &Participant)> {
        (0u32..).zip(&self.places).filter_map(|(index, place)| {
            let key = Key { index, generation: place.generation };
            Some((key, place.participant.as_deref()?))
        })
    }
}
