//! The two halves of rooms, and what they tell each other: directly when both are here, by crossings when
//! not.
//!
//! The part of [`Worker`] that knows which worker is which. What a half says goes through
//! [`Worker::tell_home`] or [`Worker::tell_guests`] wherever the other half is, and is acted upon in one
//! place. Start there.

use std::collections::hash_map::Entry;
use std::time::Instant;

use super::{Timer, Untold, Worker};
use crate::crossing::{Body, Crossing, SlotList, Visit};
use crate::demux::Key;
use crate::forwarder::{Frame, Outgoing};
use crate::home::{Guest, Home, Refused};
use crate::id::{ParticipantId, RoomId};
use crate::load::Pressure;
use crate::message::Join;
use crate::room::{Room, skip};

impl Worker {
    /// Someone has joined; his room begins here with its first member.
    pub(super) fn enter_room(&mut self, now: Instant, join: &Join, key: Key, home: usize) {
        let begins = match self.rooms.entry(join.room) {
            Entry::Occupied(mut found) => {
                found.get_mut().enter(join.participant, key);
                None
            }
            Entry::Vacant(place) => {
                self.visits = Visit(self.visits.0.wrapping_add(1));
                place.insert(Room::new(home, self.visits)).enter(join.participant, key);
                Some(self.visits)
            }
        };
        if let Some(visit) = begins {
            self.tell_home(now, join.room, Body::Open { visit });
            if self.stats.pressure != Pressure::Normal {
                self.tell_limit(now, join.room);
            }
        }
    }

    /// Every room with people here uses fewer slots from now on, or more.
    pub(super) fn limit_slots(&mut self, now: Instant) {
        let rooms: Vec<RoomId> = self.rooms.keys().copied().collect();
        for room in rooms {
            self.tell_limit(now, room);
        }
    }

    /// Tells a room's home how many slots may be used at most, as far as this worker is concerned: by what is
    /// wanted of the room, and by how much this worker can do.
    pub(super) fn tell_limit(&mut self, now: Instant, id: RoomId) {
        let Some(room) = self.rooms.get(&id) else { return };
        let slots = self.stats.pressure.slots_of(self.config.slots).min(room.wish);
        self.tell_home(now, id, Body::Limit { slots });
    }

    /// Someone is gone; his room ends here with its last member.
    pub(super) fn leave_room(
        &mut self,
        now: Instant,
        id: RoomId,
        who: ParticipantId,
        key: Key,
        entered: bool,
    ) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        room.leave(who, key);
        let ends = room.is_empty();
        if entered {
            self.tell_home(now, id, Body::Leave { who });
        }
        if ends {
            self.tell_home(now, id, Body::Close);
            self.rooms.remove(&id);
        }
    }

    /// Tells a room's home something, wherever it is.
    pub(super) fn tell_home(&mut self, now: Instant, id: RoomId, body: Body) {
        let Some(home) = self.rooms.get(&id).map(|room| room.home) else { return };
        if home == self.config.number {
            self.at_home(now, home, id, body);
        } else {
            self.crossings.push_back((home, Crossing { room: id, body }));
        }
    }

    pub(super) fn take_crossing(&mut self, now: Instant, from: usize, crossing: Crossing) {
        let Crossing { room, body } = crossing;
        match body {
            Body::Slots { visit, slots } => {
                let current = |found: &&Room| found.home == from && found.visit == visit;
                if self.rooms.get(&room).filter(current).is_some() {
                    self.move_slots(now, room, slots);
                }
            }
            Body::Packet(packet) => {
                if self.rooms.get(&room).is_some_and(|found| found.home == from) {
                    self.take_packet(room, packet);
                }
            }
            body @ (Body::Open { .. }
            | Body::Limit { .. }
            | Body::Close
            | Body::Enter { .. }
            | Body::Muted { .. }
            | Body::Anew { .. }
            | Body::Priority { .. }
            | Body::Leave { .. }
            | Body::Level { .. }
            | Body::Frame { .. }) => self.at_home(now, from, room, body),
        }
    }

    /// Something that a room's home, which is here, is told by worker `from`.
    fn at_home(&mut self, now: Instant, from: usize, id: RoomId, body: Body) {
        if let Body::Open { visit } = body {
            let slots = self.config.slots;
            let home = self.homes.entry(id).or_insert_with(|| Home::new(now, id, slots));
            let slots = home.open(from, visit);
            return self.tell_guest(now, id, from, visit, slots);
        }
        let Some(home) = self.homes.get_mut(&id) else { return };
        match body {
            Body::Limit { slots } => home.limit(now, from, slots),
            Body::Close => home.close(now, from),
            Body::Enter { who, muted } => home.enter(now, from, who, muted),
            Body::Muted { who, muted } => home.set_muted(who, muted),
            Body::Anew { who } => home.begin_anew(who),
            Body::Priority { who, priority } => home.set_priority(now, who, priority),
            Body::Leave { who } => home.leave(now, who),
            Body::Level { who, level } => home.hear(now, who, level),
            Body::Frame { frame, level, at } => return self.frame_at_home(now, id, frame, level, at),
            // Not for a home to hear.
            Body::Open { .. } | Body::Slots { .. } | Body::Packet(_) => return,
        }
        if home.is_empty() {
            self.homes.remove(&id);
            self.timers.clear(Timer::Home(id));
        } else {
            self.after_home(now, id);
        }
    }

    /// A frame gets its numbers, and goes once to every worker where somebody may hear it.
    fn frame_at_home(&mut self, now: Instant, id: RoomId, frame: Frame, level: i8, at: Instant) {
        let Some(home) = self.homes.get_mut(&id) else { return };
        let packet = match home.frame(now, at, frame, level) {
            Ok(packet) => packet,
            Err(refused) => {
                match refused {
                    Refused::NoSlot => self.stats.dropped.no_slot += 1,
                    Refused::OutOfOrder => self.stats.dropped.out_of_order += 1,
                }
                return self.after_home(now, id);
            }
        };
        let mut here = false;
        for worker in home.hearing(packet.speaker) {
            if worker == self.config.number {
                here = true;
            } else {
                let body = Body::Packet(packet.clone());
                self.crossings.push_back((worker, Crossing { room: id, body }));
            }
        }
        self.after_home(now, id);
        if here {
            self.take_packet(id, packet);
        }
    }

    /// What must follow any change at home: the guests know the slots at once, news for the caller are
    /// queued, and the timer is set.
    pub(super) fn after_home(&mut self, now: Instant, id: RoomId) {
        let Some(home) = self.homes.get_mut(&id) else { return };
        let moved = home.moved();
        self.untold.extend(home.news(now).into_iter().map(|topic| Untold::Home(id, topic)));
        if let Some(at) = home.deadline() {
            self.timers.set(Timer::Home(id), at);
        }
        let Some(slots) = moved else { return };
        // Ourselves last: that sets off packets, and nobody may get these before the slots.
        let (ours, others): (Vec<Guest>, Vec<Guest>) =
            home.guests().iter().partition(|guest| guest.worker == self.config.number);
        for guest in others.iter().chain(&ours) {
            self.tell_guest(now, id, guest.worker, guest.visit, slots.clone());
        }
    }

    /// Tells a worker with people of a room who holds which slot.
    fn tell_guest(&mut self, now: Instant, id: RoomId, worker: usize, visit: Visit, slots: SlotList) {
        if worker == self.config.number {
            self.move_slots(now, id, slots);
        } else {
            let body = Body::Slots { visit, slots };
            self.crossings.push_back((worker, Crossing { room: id, body }));
        }
    }

    /// Takes over who of ours is on the air. The only place where that changes.
    fn move_slots(&mut self, now: Instant, id: RoomId, slots: SlotList) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        for moved in room.take_slots(slots) {
            let Some(participant) = self.table.get_mut(moved.key) else { continue };
            participant.on_air = moved.to.is_some();
            if let Some(slot) = moved.to {
                skip(moved.key, slot, &mut self.lanes, &mut self.table);
                self.put_on_air(now, moved.key, None);
            }
        }
    }

    /// A packet is to be handed out to those who are here.
    fn take_packet(&mut self, id: RoomId, packet: Outgoing) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        let audible = |key| self.table.get(key).is_some_and(|speaker| speaker.media.may_speak());
        if room.take(packet, audible) {
            self.waiting.push(id);
        }
    }

    /// Hands out what waits in a room.
    pub(super) fn hand_out(&mut self, now: Instant, id: RoomId) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        let handed_out =
            room.hand_out(now, &mut self.lanes, &mut self.table, &mut self.outbox, &mut self.touched);
        self.stats.packets_forwarded += handed_out.packets;
        for key in handed_out.broken {
            self.remove_broken(now, key);
        }
    }
}
