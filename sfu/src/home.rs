//! The home half of a room: who speaks, who holds a slot, which numbers a packet gets, and what the caller
//! is told about it.
//!
//! There is one per room, on one worker, which need not have anybody of the room. It knows the room's
//! people by name only, and its **guests**: the workers on which they are. It never hands anything out.
//! Start at [`Home::frame`].

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::crossing::{SlotList, Visit};
use crate::forwarder::{Forwarder, Frame, Outgoing};
use crate::id::{ParticipantId, RoomId};
use crate::message::Event;
use crate::speakers::Speakers;

/// Speakers and slots are announced at most this often: rings that change faster only flicker.
const ANNOUNCE_EVERY: Duration = Duration::from_millis(100);

/// The most speakers one event names. More voices than this at once are a crowd, not speakers.
const SPEAKERS_TOLD: usize = 32;

/// A room, as its home sees it.
#[derive(Debug)]
pub(crate) struct Home {
    id: RoomId,
    speakers: Speakers,
    forwarder: Forwarder,
    guests: Vec<Guest>,
    /// Who has entered, and on which worker he is.
    people: HashMap<ParticipantId, usize>,
    /// The most slots that may be used, more than there are if all may.
    limit: u8,
    speakers_told: News,
    slots_told: News,
    /// Nothing may be announced before this.
    quiet_until: Instant,
}

/// A worker with a local half of the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guest {
    pub(crate) worker: usize,
    pub(crate) visit: Visit,
    /// People of the room who have entered there.
    people: u32,
    /// The most slots it can serve.
    limit: u8,
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

/// Why a frame got no numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Its speaker holds no slot, or not any more.
    NoSlot,
    /// It came twice or too late.
    OutOfOrder,
}

impl Home {
    pub(crate) fn new(now: Instant, id: RoomId, slots: u8) -> Home {
        Home {
            id,
            speakers: Speakers::new(slots),
            forwarder: Forwarder::new(slots),
            guests: Vec::new(),
            people: HashMap::new(),
            limit: u8::MAX,
            speakers_told: News::Told,
            slots_told: News::Told,
            quiet_until: now,
        }
    }

    /// A worker has people of the room from now on. Returns the slots, which it must be told.
    pub(crate) fn open(&mut self, worker: usize, visit: Visit) -> SlotList {
        self.guests.retain(|guest| guest.worker != worker);
        self.guests.push(Guest { worker, visit, people: 0, limit: u8::MAX });
        self.speakers.slots().into()
    }

    /// A worker has nobody of the room any more.
    pub(crate) fn close(&mut self, now: Instant, worker: usize) {
        self.guests.retain(|guest| guest.worker != worker);
        // They have left before, one by one; whoever has not been heard of is gone all the same.
        let stayed: Vec<ParticipantId> =
            self.people.iter().filter(|(_, at)| **at == worker).map(|(who, _)| *who).collect();
        for who in stayed {
            self.leave(now, who);
        }
        self.apply_limits(now);
    }

    /// A worker can serve this many slots at most; the room goes by the least of them.
    pub(crate) fn limit(&mut self, now: Instant, worker: usize, slots: u8) {
        if let Some(guest) = self.guests.iter_mut().find(|guest| guest.worker == worker) {
            guest.limit = slots;
            self.apply_limits(now);
        }
    }

    fn apply_limits(&mut self, now: Instant) {
        let least = self.guests.iter().map(|guest| guest.limit).min().unwrap_or(u8::MAX);
        if least != self.limit {
            self.limit = least;
            self.speakers.set_limit(now, least);
        }
    }

    /// Whether no worker has anybody of the room.
    pub(crate) fn is_empty(&self) -> bool {
        self.guests.is_empty()
    }

    /// The workers with people of the room.
    pub(crate) fn guests(&self) -> &[Guest] {
        &self.guests
    }

    /// The workers on which somebody may hear this speaker.
    pub(crate) fn hearing(&self, speaker: ParticipantId) -> impl Iterator<Item = usize> + '_ {
        let his = self.people.get(&speaker).copied();
        let hears = move |guest: &&Guest| guest.people > u32::from(his == Some(guest.worker));
        self.guests.iter().filter(hears).map(|guest| guest.worker)
    }

    pub(crate) fn enter(&mut self, now: Instant, worker: usize, who: ParticipantId, muted: bool) {
        let Some(guest) = self.guests.iter_mut().find(|guest| guest.worker == worker) else { return };
        if self.people.insert(who, worker).is_none() {
            guest.people += 1;
            self.speakers.enter(now, who, muted);
        }
    }

    pub(crate) fn leave(&mut self, now: Instant, who: ParticipantId) {
        let Some(worker) = self.people.remove(&who) else { return };
        if let Some(guest) = self.guests.iter_mut().find(|guest| guest.worker == worker) {
            guest.people -= 1;
        }
        self.speakers.leave(now, who);
    }

    pub(crate) fn set_muted(&mut self, who: ParticipantId, muted: bool) {
        self.speakers.set_muted(who, muted);
    }

    pub(crate) fn begin_anew(&mut self, who: ParticipantId) {
        self.speakers.begin_anew(who);
    }

    pub(crate) fn set_priority(&mut self, now: Instant, who: ParticipantId, priority: bool) {
        self.speakers.set_priority(now, who, priority);
    }

    /// Takes the level of someone who, as far as his worker knows, has no slot.
    pub(crate) fn hear(&mut self, now: Instant, who: ParticipantId, level: i8) {
        self.speakers.hear(now, who, level);
    }

    /// Gives a frame, received at `at`, its place in its speaker's slot, if he holds one.
    pub(crate) fn frame(
        &mut self,
        now: Instant,
        at: Instant,
        frame: Frame,
        level: i8,
    ) -> Result<Outgoing, Refused> {
        let who = ParticipantId(frame.source.speaker);
        let slot = self.speakers.hear(now, who, level).ok_or(Refused::NoSlot)?;
        self.forwarder.place(at.min(now), slot, frame).ok_or(Refused::OutOfOrder)
    }

    /// Ends the speech of those who have been quiet long enough.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.speakers.expire(now);
    }

    /// Who holds which slot, if that has changed since this was last asked; the guests must be told at once.
    pub(crate) fn moved(&mut self) -> Option<SlotList> {
        if !self.speakers.take_slots_changed() {
            return None;
        }
        if self.slots_told == News::Told {
            self.slots_told = News::Due;
        }
        Some(self.speakers.slots().into())
    }

    /// Notes what has changed. Returns what is to be queued for telling the caller now.
    pub(crate) fn news(&mut self, now: Instant) -> Vec<Topic> {
        if self.speakers.take_speakers_changed() && self.speakers_told == News::Told {
            self.speakers_told = News::Due;
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
