//! Who is in which voice room: pure, told what happened, answers what to do about it.
//!
//! A user is in one room at most, by one connection. A stay is reserved before the SFU is asked and admitted
//! when it said yes; nobody sees it in between. The SFU has the last word on how a stay ends.
//!
//! What others do about somebody is in [`moderation`]. What everybody is told of comes out of [`Rooms::take_news`], once in a while and as it is then.

pub mod moderation;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use sfu::{Event, LeaveReason, ParticipantId, RoomId};

use self::moderation::{Order, Pass};
use super::news::{News, Notes, Untold};
use super::number;
use crate::chat::access::Powers;
use crate::clock::Timestamp;
use crate::id::{ChannelId, ConnectionId, UserId};
use crate::protocol::server::{ServerEvent, VoiceEnd};
use crate::protocol::types::{MediaState, Participant, ParticipantNumber, Room, RoomChange, RoomSpeakers};

/// What is to be done about a change, at once.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Tell these connections.
    Tell(Vec<ConnectionId>, ServerEvent),
    /// Tell the SFU what a participant may send and gets.
    SetMedia {
        /// Who.
        participant: ParticipantId,
        /// Unheard.
        muted: bool,
        /// Hears nobody.
        deafened: bool,
    },
    /// Tell the SFU that a participant is gone.
    Leave(ParticipantId),
}

/// Somebody who wants in.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Who.
    pub user: UserId,
    /// By which connection.
    pub connection: ConnectionId,
    /// Where.
    pub channel: ChannelId,
    /// Unheard.
    pub muted: bool,
    /// Hears nobody.
    pub deafened: bool,
    /// What they may do there.
    pub powers: Powers,
    /// How many people the room has place for.
    pub people_max: Option<u16>,
}

/// The room has no place left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// A reserved place, in the SFU's words.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    /// The number of the stay.
    pub participant: ParticipantId,
    /// The room.
    pub room: RoomId,
}

/// All voice rooms.
#[derive(Debug, Default)]
pub struct Rooms {
    rooms: HashMap<RoomId, State>,
    /// One entry per channel that had a room in this run, or may need one with settings.
    ids: HashMap<ChannelId, RoomId>,
    stays: HashMap<UserId, Stay>,
    /// Whose each of these stays is.
    users: HashMap<ParticipantId, UserId>,
    untold: Untold,
    last_participant: u32,
    /// What holds for people in rooms beyond their stays.
    orders: HashMap<(RoomId, UserId), Order>,
    /// Who was moved and has not arrived yet.
    passes: HashMap<UserId, Pass>,
}

#[derive(Debug)]
struct State {
    channel: ChannelId,
    /// By arrival, since numbers grow.
    members: BTreeMap<ParticipantNumber, Member>,
    speakers: Vec<ParticipantNumber>,
    slots: Vec<Option<ParticipantNumber>>,
    /// Hands that have been raised so far.
    hands: u32,
}

#[derive(Debug)]
struct Member {
    seen: Participant,
    admitted: bool,
    powers: Powers,
}

/// What the SFU has to know of a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wish {
    /// Unheard.
    pub muted: bool,
    /// Hears nobody.
    pub deafened: bool,
}

impl Member {
    /// What all who have a say in it make of it together.
    fn wish(&self) -> Wish {
        let seen = &self.seen;
        Wish {
            muted: seen.muted || seen.muted_by.is_some() || seen.only_listens,
            deafened: seen.deafened || seen.deafened_by.is_some(),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Stay {
    participant: ParticipantId,
    room: RoomId,
    connection: ConnectionId,
    socket_lost: Option<Timestamp>,
}

impl Rooms {
    /// Keeps a place for somebody, and ends the stay they had. Refused when the room is full, which whoever was moved
    /// there and whoever may move others need not care about.
    pub fn reserve(&mut self, entry: Entry) -> Result<(Ticket, Vec<Effect>), Full> {
        let mut effects = Vec::new();
        let room = self.id_of(entry.channel);
        let passes = self.passes.remove(&entry.user).is_some_and(|pass| pass.room == room);
        if !passes && !entry.powers.move_others && self.is_full(room, entry.user, entry.people_max) {
            return Err(Full);
        }
        if let Some(old) = self.take_stay(entry.user) {
            let elsewhere = old.connection != entry.connection;
            self.end(old, elsewhere.then_some(VoiceEnd::TakenOver), &mut effects);
        }
        // 2^32 joins are some centuries of a busy server.
        self.last_participant += 1;
        let participant = ParticipantId(self.last_participant);
        let order = self.orders.get(&(room, entry.user)).copied().unwrap_or_default();
        let state = self.rooms.entry(room).or_insert_with(|| State {
            channel: entry.channel,
            members: BTreeMap::new(),
            speakers: Vec::new(),
            slots: Vec::new(),
            hands: 0,
        });
        let seen = Participant {
            participant: number(participant),
            user: entry.user,
            muted: entry.muted,
            deafened: entry.deafened,
            muted_by: order.muted_by,
            deafened_by: order.deafened_by,
            only_listens: !entry.powers.speak,
            let_speak: false,
            hand: None,
            priority: false,
            media: MediaState::Connecting,
            signal: None,
        };
        let member = Member { seen, admitted: false, powers: entry.powers };
        state.members.insert(number(participant), member);
        let stay = Stay { participant, room, connection: entry.connection, socket_lost: None };
        self.stays.insert(entry.user, stay);
        self.users.insert(participant, entry.user);
        Ok((Ticket { participant, room }, effects))
    }

    /// What the SFU has to know of somebody, seen by others or not yet.
    pub fn wish(&self, participant: ParticipantId) -> Option<Wish> {
        let stay = self.stays.get(self.users.get(&participant)?)?;
        Some(self.rooms.get(&stay.room)?.members.get(&number(participant))?.wish())
    }

    /// Who is in which channel's room, on the way included.
    pub fn stays(&self) -> Vec<(UserId, ChannelId)> {
        let rooms = &self.rooms;
        let stay = |(user, stay): (&UserId, &Stay)| Some((*user, rooms.get(&stay.room)?.channel));
        self.stays.iter().filter_map(stay).collect()
    }

    fn is_full(&self, room: RoomId, but: UserId, most: Option<u16>) -> bool {
        let (Some(most), Some(state)) = (most, self.rooms.get(&room)) else { return false };
        state.members.values().filter(|member| member.seen.user != but).count() >= usize::from(most)
    }

    /// The number of a channel's room, whether anybody is in it or not.
    pub fn id_of(&mut self, channel: ChannelId) -> RoomId {
        let next = RoomId(self.ids.len() as u64 + 1);
        *self.ids.entry(channel).or_insert(next)
    }

    /// The SFU took them; the room as it is now. None when the place was lost in the meantime.
    pub fn admit(&mut self, participant: ParticipantId) -> Option<Room> {
        let stay = self.stays.get(self.users.get(&participant)?)?;
        let state = self.rooms.get_mut(&stay.room)?;
        let admitted = number(participant);
        state.members.get_mut(&admitted)?.admitted = true;
        let notes = self.untold.of(state.channel);
        notes.joined(admitted);
        if state.speakers.contains(&admitted) {
            notes.speakers();
        }
        Some(state.view())
    }

    /// The SFU did not take them.
    pub fn withdraw(&mut self, participant: ParticipantId) {
        if let Some(stay) = self.take_stay_of(participant) {
            self.forget(stay);
        }
    }

    /// Mutes or deafens. None when this connection is in no room.
    pub fn set_media(
        &mut self,
        user: UserId,
        connection: ConnectionId,
        muted: bool,
        deafened: bool,
    ) -> Option<Vec<Effect>> {
        let stay = *self.stays.get(&user).filter(|stay| stay.connection == connection)?;
        Some(self.alter(stay, |member| {
            member.seen.muted = muted;
            member.seen.deafened = deafened;
        }))
    }

    /// Whose a stay is.
    pub fn user_of(&self, participant: ParticipantId) -> Option<UserId> {
        self.users.get(&participant).copied()
    }

    /// The stay of this connection, if it has one that others see.
    pub fn stay(&self, user: UserId, connection: ConnectionId) -> Option<ParticipantId> {
        let stay = self.stays.get(&user).filter(|stay| stay.connection == connection)?;
        let member = self.rooms.get(&stay.room)?.members.get(&number(stay.participant))?;
        member.admitted.then_some(stay.participant)
    }

    /// Leaves, if this connection is in a room.
    pub fn leave(&mut self, user: UserId, connection: ConnectionId) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.stays.get(&user).is_some_and(|stay| stay.connection == connection)
            && let Some(stay) = self.take_stay(user)
        {
            self.end(stay, None, &mut effects);
        }
        effects
    }

    /// Ends the stays in a channel's room of those for whom it is closed from now on, reserved ones included.
    pub fn expel(&mut self, channel: ChannelId, who: impl Fn(UserId) -> bool) -> Vec<Effect> {
        let mut effects = Vec::new();
        let Some(room) = self.ids.get(&channel).copied() else { return effects };
        let inside = self.stays.iter().filter(|(user, stay)| stay.room == room && who(**user));
        for user in inside.map(|(user, _)| *user).collect::<Vec<_>>() {
            if let Some(stay) = self.take_stay(user) {
                self.end(stay, Some(VoiceEnd::Removed), &mut effects);
            }
        }
        effects
    }

    /// Ends every stay, reserved ones included.
    pub fn end_all(&mut self, why: VoiceEnd) -> Vec<Effect> {
        let mut effects = Vec::new();
        for user in self.stays.keys().copied().collect::<Vec<_>>() {
            if let Some(stay) = self.take_stay(user) {
                self.end(stay, Some(why), &mut effects);
            }
        }
        effects
    }

    /// The socket of a connection is gone; its stay has a grace time from now.
    pub fn socket_lost(&mut self, user: UserId, connection: ConnectionId, now: Timestamp) {
        if let Some(stay) = self.stays.get_mut(&user).filter(|stay| stay.connection == connection) {
            stay.socket_lost = Some(now);
        }
    }

    /// Whoever was `before` is `connection` now and goes on with the stay.
    pub fn socket_back(&mut self, user: UserId, before: ConnectionId, connection: ConnectionId) {
        if let Some(stay) = self.stays.get_mut(&user).filter(|stay| stay.connection == before) {
            stay.connection = connection;
            stay.socket_lost = None;
        }
    }

    /// Ends the stays that waited longer than `grace` for a socket.
    pub fn expire(&mut self, now: Timestamp, grace: Duration) -> Vec<Effect> {
        let over: Vec<UserId> = self
            .stays
            .iter()
            .filter(|(_, stay)| stay.socket_lost.is_some_and(|since| now.since(since) >= grace))
            .map(|(user, _)| *user)
            .collect();
        let mut effects = Vec::new();
        for user in over {
            if let Some(stay) = self.take_stay(user) {
                self.end(stay, Some(VoiceEnd::TimedOut), &mut effects);
            }
        }
        self.forget_orders(now);
        effects
    }

    /// What the SFU reports.
    pub fn handle_event(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Connected { room, participant, path: _ } => {
                self.change(room, participant, |seen| seen.media = MediaState::Connected);
            }
            Event::Interrupted { room, participant } => {
                self.change(room, participant, |seen| seen.media = MediaState::Interrupted);
            }
            Event::Signal { room, participant, signal } => {
                self.change(room, participant, |seen| seen.signal = Some(signal.bars()));
            }
            Event::Left { room: _, participant, reason } => {
                if let Some(stay) = self.take_stay_of(participant) {
                    let why = match reason {
                        LeaveReason::Asked | LeaveReason::TimedOut => VoiceEnd::TimedOut,
                        LeaveReason::Failed => VoiceEnd::Failed,
                    };
                    self.tell_end(stay, why, &mut effects);
                    self.forget(stay);
                }
            }
            Event::Speakers { room, speakers } => {
                if let Some(state) = self.rooms.get_mut(&room) {
                    let present = |who: &ParticipantNumber| state.members.contains_key(who);
                    let speakers: Vec<_> = speakers.into_iter().map(number).filter(present).collect();
                    if state.speakers != speakers {
                        state.speakers = speakers;
                        self.untold.of(state.channel).speakers();
                    }
                }
            }
            Event::Slots { room, slots } => {
                if let Some(state) = self.rooms.get_mut(&room) {
                    state.slots = slots.into_iter().map(|slot| slot.map(number)).collect();
                    let event =
                        ServerEvent::SlotsChanged { channel: state.channel, slots: state.slots.clone() };
                    let inside =
                        state.members.values().filter_map(|member| self.stays.get(&member.seen.user));
                    effects.push(Effect::Tell(inside.map(|stay| stay.connection).collect(), event));
                }
            }
            // About the machine, not about a room; what it means for a room comes as slots.
            Event::Pressure { .. } => {}
        }
        effects
    }

    /// The room of a channel, if anybody is in it.
    pub fn room(&self, channel: ChannelId) -> Option<Room> {
        let state = self.rooms.get(self.ids.get(&channel)?)?;
        state.is_seen().then(|| state.view())
    }

    /// Whether there is anything to tell everybody.
    pub fn has_news(&self) -> bool {
        !self.untold.is_empty()
    }

    /// Whether that has to happen at once, lest it grow without a bound.
    pub fn is_full_of_news(&self) -> bool {
        self.untold.is_full()
    }

    /// What everybody is to be told, as it is now.
    pub fn take_news(&mut self) -> News {
        let mut news = News::default();
        for (channel, notes) in self.untold.take() {
            let state = self.ids.get(&channel).and_then(|id| self.rooms.get(id));
            news.rooms.extend(change_of(channel, state, &notes));
            if notes.speakers
                && let Some(state) = state.filter(|state| state.is_seen())
            {
                news.speakers.push(RoomSpeakers { channel, speakers: state.speakers() });
            }
        }
        news
    }

    fn take_stay(&mut self, user: UserId) -> Option<Stay> {
        let stay = self.stays.remove(&user)?;
        self.users.remove(&stay.participant);
        Some(stay)
    }

    fn take_stay_of(&mut self, participant: ParticipantId) -> Option<Stay> {
        let user = self.users.remove(&participant)?;
        self.stays.remove(&user)
    }

    /// Ends a stay that was taken out of `stays`: the SFU is told, and its connection if there is a reason.
    fn end(&mut self, stay: Stay, why: Option<VoiceEnd>, effects: &mut Vec<Effect>) {
        effects.push(Effect::Leave(stay.participant));
        if let Some(why) = why {
            self.tell_end(stay, why, effects);
        }
        self.forget(stay);
    }

    fn tell_end(&self, stay: Stay, reason: VoiceEnd, effects: &mut Vec<Effect>) {
        if let Some(state) = self.rooms.get(&stay.room) {
            let participant = number(stay.participant);
            let event = ServerEvent::VoiceEnded { channel: state.channel, participant, reason };
            effects.push(Effect::Tell(vec![stay.connection], event));
        }
    }

    /// Takes a participant out of its room, and the room away when it was the last.
    fn forget(&mut self, stay: Stay) {
        let Some(state) = self.rooms.get_mut(&stay.room) else { return };
        let gone = number(stay.participant);
        let Some(member) = state.members.remove(&gone) else { return };
        state.speakers.retain(|speaker| *speaker != gone);
        for slot in &mut state.slots {
            if *slot == Some(gone) {
                *slot = None;
            }
        }
        if member.admitted {
            self.untold.left(state.channel, gone);
        }
        if state.members.is_empty() {
            self.rooms.remove(&stay.room);
        }
    }

    /// Changes what holds for a member; everybody is told what is seen of it, and the SFU what it comes to.
    fn alter(&mut self, stay: Stay, change: impl FnOnce(&mut Member)) -> Vec<Effect> {
        let participant = stay.participant;
        let Some(state) = self.rooms.get_mut(&stay.room) else { return Vec::new() };
        let Some(member) = state.members.get_mut(&number(participant)) else { return Vec::new() };
        let (seen, wish) = (member.seen.clone(), member.wish());
        change(member);
        if member.admitted && member.seen != seen {
            self.untold.of(state.channel).changed(number(participant));
        }
        let Wish { muted, deafened } = member.wish();
        if member.wish() == wish {
            return Vec::new();
        }
        vec![Effect::SetMedia { participant, muted, deafened }]
    }

    /// Changes how a participant is seen; everybody is told if that made a difference.
    fn change(&mut self, room: RoomId, participant: ParticipantId, change: impl FnOnce(&mut Participant)) {
        let Some(state) = self.rooms.get_mut(&room) else { return };
        let Some(member) = state.members.get_mut(&number(participant)) else { return };
        let before = member.seen.clone();
        change(&mut member.seen);
        if member.admitted && member.seen != before {
            self.untold.of(state.channel).changed(number(participant));
        }
    }
}

/// What is to be told of a room: of those who came and went meanwhile only that they left. Whoever began with a
/// snapshot of that moment has them.
fn change_of(channel: ChannelId, state: Option<&State>, notes: &Notes) -> Option<RoomChange> {
    let seen = |numbers: &mut dyn Iterator<Item = &ParticipantNumber>| -> Vec<Participant> {
        numbers.filter_map(|who| state?.members.get(who)).map(|member| member.seen.clone()).collect()
    };
    let joined = seen(&mut notes.joined.iter());
    let changed = seen(&mut notes.changed.iter());
    let left = notes.left.clone();
    let nothing = joined.is_empty() && changed.is_empty() && left.is_empty();
    (!nothing).then_some(RoomChange { channel, joined, changed, left })
}

impl State {
    /// Whether anybody is in it whom others may see.
    fn is_seen(&self) -> bool {
        self.members.values().any(|member| member.admitted)
    }

    fn view(&self) -> Room {
        let admitted = self.members.values().filter(|member| member.admitted);
        Room {
            channel: self.channel,
            participants: admitted.map(|member| member.seen.clone()).collect(),
            speakers: self.speakers(),
            slots: self.slots.clone(),
        }
    }

    /// Who talks, of those whom others may see.
    fn speakers(&self) -> Vec<ParticipantNumber> {
        let seen = |who: &&ParticipantNumber| self.members.get(who).is_some_and(|member| member.admitted);
        self.speakers.iter().filter(seen).copied().collect()
    }
}

#[cfg(test)]
mod tests;
