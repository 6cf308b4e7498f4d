//! The local half of a room: who of it is on this worker, and handing out to them.
//!
//! Knows its members by key only; their sessions are in the worker's table and are lent to it for the one
//! thing it does with them. Who is heard, and with which numbers, is decided by the room's home
//! ([`crate::home`]), here or on another worker. Packets are collected as they come and handed out together,
//! listener by listener: finding a listener's data costs more than sending with it, and what is sent to him
//! lies one behind the other. Start at [`Room::hand_out`].

use std::collections::HashMap;
use std::time::Instant;

use crate::audience::Audience;
use crate::contain::contained;
use crate::crossing::{SlotList, Visit};
use crate::demux::Key;
use crate::egress::{Lanes, Sent};
use crate::forwarder::Outgoing;
use crate::id::{ParticipantId, SlotIndex};
use crate::outbox::Outbox;
use crate::table::Table;

/// A room, as one of its workers sees it.
#[derive(Debug)]
pub(crate) struct Room {
    /// The worker that decides.
    pub(crate) home: usize,
    pub(crate) visit: Visit,
    /// How many slots the caller wants used at most.
    pub(crate) wish: u8,
    /// Whether the home has answered. What comes from it sooner was meant for a former local half.
    attuned: bool,
    members: Vec<Key>,
    keys: HashMap<ParticipantId, Key>,
    /// Who holds which slot, as the home last said.
    slots: SlotList,
    /// What came since the last handing out. What one turn can add is bounded by what the driver reads in
    /// one turn, and everything is handed out before the next one.
    pending: Vec<Pending>,
}

/// A packet that waits for its listeners.
#[derive(Debug)]
struct Pending {
    packet: Outgoing,
    /// The speaker, if he is a member.
    speaker: Option<Key>,
    /// The speaker was muted, or left, after it came.
    silenced: bool,
    /// The members for whom it is, if it is not for all.
    only: Option<Vec<Key>>,
}

impl Pending {
    /// Whether a listener gets it.
    #[inline]
    fn is_for(&self, key: Key) -> bool {
        let invited = self.only.as_ref().is_none_or(|only| only.contains(&key));
        !self.silenced && self.speaker != Some(key) && invited
    }
}

/// What became of handing out.
#[derive(Debug, Default)]
pub(crate) struct HandedOut {
    /// One for each packet to each listener.
    pub(crate) packets: u64,
    /// Those whose session broke over it.
    pub(crate) broken: Vec<Key>,
}

/// What became of one listener's packets.
#[derive(Clone, Copy, Debug, Default)]
struct Given {
    packets: u64,
    /// Something waits in his session, which must be driven before it leaves.
    waits: bool,
}

/// Who gets a slot, or loses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) key: Key,
    /// The slot he got; `None` for one who lost his.
    pub(crate) to: Option<SlotIndex>,
}

impl Room {
    pub(crate) fn new(home: usize, visit: Visit) -> Room {
        Room {
            home,
            visit,
            wish: u8::MAX,
            attuned: false,
            members: Vec::new(),
            keys: HashMap::new(),
            slots: [].into(),
            pending: Vec::new(),
        }
    }

    pub(crate) fn enter(&mut self, who: ParticipantId, key: Key) {
        self.members.push(key);
        self.keys.insert(who, key);
    }

    pub(crate) fn leave(&mut self, who: ParticipantId, key: Key) {
        self.silence(who);
        self.members.retain(|member| *member != key);
        self.keys.remove(&who);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn key_of(&self, who: ParticipantId) -> Option<Key> {
        self.keys.get(&who).copied()
    }

    /// Nothing more of someone may be heard, not even what has come already.
    pub(crate) fn silence(&mut self, who: ParticipantId) {
        for pending in self.pending.iter_mut().filter(|pending| pending.packet.speaker == who) {
            pending.silenced = true;
        }
    }

    /// Takes over who holds which slot. Returns which members lost theirs and who got one, in this order.
    pub(crate) fn take_slots(&mut self, slots: SlotList) -> Vec<Move> {
        self.attuned = true;
        let before = std::mem::replace(&mut self.slots, slots);
        let gone = before.iter().flatten().filter(|who| !self.slots.contains(&Some(**who)));
        let lost = gone.filter_map(|who| Some(Move { key: self.key_of(*who)?, to: None }));
        let numbered = (0u8..).map(SlotIndex).zip(self.slots.iter());
        let new = numbered.filter(|(slot, who)| before.get(slot.index()) != Some(*who));
        let got = new.filter_map(|(slot, who)| Some(Move { key: self.key_of((*who)?)?, to: Some(slot) }));
        lost.chain(got).collect()
    }

    /// Takes a packet for handing out; `audible` is what is known here of its speaker. Returns whether it
    /// is the first one that waits.
    pub(crate) fn take(&mut self, packet: Outgoing, audible: impl Fn(Key) -> bool) -> bool {
        if !self.attuned {
            return false;
        }
        let speaker = self.key_of(packet.speaker);
        let silenced = speaker.is_some_and(|key| !audible(key));
        let only = match &packet.audience {
            Audience::Room => None,
            Audience::Only(people) => Some(people.iter().filter_map(|who| self.key_of(*who)).collect()),
        };
        self.pending.push(Pending { packet, speaker, silenced, only });
        self.pending.len() == 1
    }

    /// Gives everything that waits to everyone but its speaker. Those in whose sessions something waits now
    /// are added to `touched`: these must be driven before it leaves.
    pub(crate) fn hand_out(
        &mut self,
        now: Instant,
        lanes: &mut Lanes,
        table: &mut Table,
        outbox: &mut Outbox,
        touched: &mut Vec<Key>,
    ) -> HandedOut {
        let mut result = HandedOut::default();
        for key in &self.members {
            let pending = &mut self.pending;
            match contained(|| give(*key, now, pending, lanes, table, outbox)) {
                Ok(given) => {
                    result.packets += given.packets;
                    if given.waits {
                        touched.push(*key);
                    }
                }
                Err(_) => result.broken.push(*key),
            }
        }
        self.pending.clear();
        result
    }
}

/// Gives one listener all packets but his own, those for others, and those that may not be heard any more. To him what is left
/// out must not look lost.
#[inline]
fn give(
    key: Key,
    now: Instant,
    pending: &mut [Pending],
    lanes: &mut Lanes,
    table: &mut Table,
    outbox: &mut Outbox,
) -> Given {
    let mut given = Given::default();
    if let Some(mut lane) = lanes.of(key) {
        for one in pending {
            if !one.is_for(key) {
                lane.pause(one.packet.slot);
            } else if lane.send(now, &mut one.packet, outbox) == Sent::Out {
                given.packets += 1;
            }
        }
        return given;
    }
    let Some(listener) = table.get_mut(key) else { return given };
    for one in pending {
        if !one.is_for(key) {
            listener.skip(one.packet.slot);
        } else if listener.send(now, &mut one.packet) == Sent::Queued {
            given.packets += 1;
            given.waits |= !listener.touched;
            listener.touched = true;
        }
    }
    given
}

/// What comes on this slot now is not for this member.
pub(crate) fn skip(key: Key, slot: SlotIndex, lanes: &mut Lanes, table: &mut Table) {
    if let Some(mut lane) = lanes.of(key) {
        lane.pause(slot);
    } else if let Some(listener) = table.get_mut(key) {
        listener.skip(slot);
    }
}
