//! A room: who is in it, who may hear whom, and what the caller is told about it.
//!
//! Knows its members by key only; their sessions are in the worker's table and are lent to it for the one
//! thing it does with them, handing out a packet. Start at [`Room::hand_out`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::contain::contained;
use crate::demux::Key;
use crate::egress::{Lanes, Sent};
use crate::forwarder::{Forwarder, Outgoing};
use crate::id::{ParticipantId, RoomId};
use crate::message::Event;
use crate::outbox::Outbox;
use crate::speakers::Speakers;
use crate::table::Table;

/// Speakers and slots are announced at most this often: rings that change faster only flicker.
const ANNOUNCE_EVERY: Duration = Duration::from_millis(100);

/// The most speakers one event names. More voices than this at once are a crowd, not speakers.
const SPEAKERS_TOLD: usize = 32;

/// A room.
#[derive(Debug)]
pub(crate) struct Room {
    id: RoomId,
    members: Vec<Key>,
    keys: HashMap<ParticipantId, Key>,
    pub(crate) speakers: Speakers,
    pub(crate) forwarder: Forwarder,
    speakers_told: News,
    slots_told: News,
    /// Nothing may be announced before this.
    quiet_until: Instant,
}

/// Whether the caller knows the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Told,
    /// Something changed; it is too early to say so again.
    Due,
    /// In the worker's list of things to say.
    Queued,
}

/// What a room has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Speakers,
    Slots,
}

/// What became of handing out a packet.
#[derive(Debug, Default)]
pub(crate) struct HandedOut {
    pub(crate) listeners: u64,
    /// Those whose session broke over it.
    pub(crate) broken: Vec<Key>,
}

impl Room {
    pub(crate) fn new(now: Instant, id: RoomId, slots: u8) -> Room {
        Room {
            id,
            members: Vec::new(),
            keys: HashMap::new(),
            speakers: Speakers::new(slots),
            forwarder: Forwarder::new(slots),
            speakers_told: News::Told,
            slots_told: News::Told,
            quiet_until: now,
        }
    }

    pub(crate) fn enter(&mut self, who: ParticipantId, key: Key) {
        self.members.push(key);
        self.keys.insert(who, key);
    }

    pub(crate) fn leave(&mut self, now: Instant, who: ParticipantId, key: Key) {
        self.members.retain(|member| *member != key);
        self.keys.remove(&who);
        self.speakers.leave(now, who);
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Gives a packet to everyone but its speaker. Those in whose sessions it waits are added to `touched`:
    /// these must be driven before it leaves.
    pub(crate) fn hand_out(
        &self,
        now: Instant,
        mut packet: Outgoing,
        lanes: &mut Lanes,
        table: &mut Table,
        outbox: &mut Outbox,
        touched: &mut Vec<Key>,
    ) -> HandedOut {
        let mut result = HandedOut::default();
        let speaker = self.keys.get(&packet.speaker).copied();
        for key in &self.members {
            if Some(*key) == speaker {
                if lanes.pause(*key, packet.slot).is_none()
                    && let Some(listener) = table.get_mut(*key)
                {
                    listener.skip(packet.slot);
                }
                continue;
            }
            match contained(|| lanes.send(*key, now, &mut packet, outbox)) {
                Ok(Some(Sent::Out)) => {
                    result.listeners += 1;
                    continue;
                }
                Ok(Some(Sent::Queued | Sent::Late | Sent::Withheld)) => continue,
                Ok(None) => {}
                Err(_) => {
                    result.broken.push(*key);
                    continue;
                }
            }
            let Some(listener) = table.get_mut(*key) else { continue };
            match contained(|| listener.send(now, &mut packet)) {
                Ok(Sent::Queued) => {
                    result.listeners += 1;
                    if !listener.touched {
                        listener.touched = true;
                        touched.push(*key);
                    }
                }
                Ok(Sent::Out | Sent::Late | Sent::Withheld) => {}
                Err(_) => result.broken.push(*key),
            }
        }
        result
    }

    /// Notes what has changed. Returns what is to be queued for telling now.
    pub(crate) fn news(&mut self, now: Instant) -> Vec<Topic> {
        if self.speakers.take_speakers_changed() && self.speakers_told == News::Told {
            self.speakers_told = News::Due;
        }
        if self.speakers.take_slots_changed() && self.slots_told == News::Told {
            self.slots_told = News::Due;
        }
        let mut topics = Vec::new();
        if self.announce_at().is_none_or(|at| at > now) {
            return topics;
        }
        for (told, topic) in
            [(&mut self.slots_told, Topic::Slots), (&mut self.speakers_told, Topic::Speakers)]
        {
            if *told == News::Due {
                *told = News::Queued;
                topics.push(topic);
            }
        }
        self.quiet_until = now + ANNOUNCE_EVERY;
        topics
    }

    /// When this room has to be looked at without a packet having come.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.speakers.deadline(), self.announce_at()].into_iter().flatten().min()
    }

    /// The newest of what was queued.
    pub(crate) fn tell(&mut self, topic: Topic) -> Event {
        let room = self.id;
        match topic {
            Topic::Speakers => {
                self.speakers_told = News::Told;
                Event::Speakers { room, speakers: self.loudest() }
            }
            Topic::Slots => {
                self.slots_told = News::Told;
                Event::Slots { room, slots: self.speakers.slots().to_vec() }
            }
        }
    }

    /// Who speaks; if that is a crowd, those who can be heard come first.
    fn loudest(&self) -> Vec<ParticipantId> {
        let mut speakers: Vec<ParticipantId> = self.speakers.speaking().collect();
        if speakers.len() > SPEAKERS_TOLD {
            speakers.sort_by_key(|who| self.speakers.slot_of(*who).is_none());
            speakers.truncate(SPEAKERS_TOLD);
            speakers.sort();
        }
        speakers
    }

    fn announce_at(&self) -> Option<Instant> {
        let due = self.speakers_told == News::Due || self.slots_told == News::Due;
        due.then_some(self.quiet_until)
    }
}
