//! Who is in which voice room: pure, told what happened, answers what to do about it.
//!
//! A user is in one room at most, by one connection. A stay is reserved before the SFU is asked and admitted
//! when it said yes; nobody sees it in between. The SFU has the last word on how a stay ends.

use std::collections::HashMap;
use std::time::Duration;

use sfu::{Event, LeaveReason, ParticipantId, RoomId};

use super::number;
use crate::clock::Timestamp;
use crate::id::{ChannelId, ConnectionId, UserId};
use crate::protocol::server::{ServerEvent, VoiceEnd};
use crate::protocol::types::{MediaState, Participant, ParticipantNumber, Room};

/// What is to be done about a change.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Tell everybody who may see the channel.
    Publish(ChannelId, ServerEvent),
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
}

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
    last_participant: u32,
}

#[derive(Debug)]
struct State {
    channel: ChannelId,
    /// By arrival.
    members: Vec<Member>,
    speakers: Vec<ParticipantNumber>,
    slots: Vec<Option<ParticipantNumber>>,
}

#[derive(Debug)]
struct Member {
    seen: Participant,
    admitted: bool,
}

#[derive(Clone, Copy, Debug)]
struct Stay {
    participant: ParticipantId,
    room: RoomId,
    connection: ConnectionId,
    socket_lost: Option<Timestamp>,
}

impl Rooms {
    /// Keeps a place for somebody, and ends the stay they had.
    pub fn reserve(&mut self, entry: Entry) -> (Ticket, Vec<Effect>) {
        let mut effects = Vec::new();
        if let Some(old) = self.stays.remove(&entry.user) {
            let elsewhere = old.connection != entry.connection;
            self.end(old, elsewhere.then_some(VoiceEnd::TakenOver), &mut effects);
        }
        // 2^32 joins are some centuries of a busy server.
        self.last_participant += 1;
        let participant = ParticipantId(self.last_participant);
        let room = self.id_of(entry.channel);
        let state = self.rooms.entry(room).or_insert_with(|| State {
            channel: entry.channel,
            members: Vec::new(),
            speakers: Vec::new(),
            slots: Vec::new(),
        });
        let seen = Participant {
            participant: number(participant),
            user: entry.user,
            muted: entry.muted,
            deafened: entry.deafened,
            media: MediaState::Connecting,
        };
        state.members.push(Member { seen, admitted: false });
        let stay = Stay { participant, room, connection: entry.connection, socket_lost: None };
        self.stays.insert(entry.user, stay);
        (Ticket { participant, room }, effects)
    }

    /// The number of a channel's room, whether anybody is in it or not.
    pub fn id_of(&mut self, channel: ChannelId) -> RoomId {
        let next = RoomId(self.ids.len() as u64 + 1);
        *self.ids.entry(channel).or_insert(next)
    }

    /// The SFU took them; the room as it is now. None when the place was lost in the meantime.
    pub fn admit(&mut self, participant: ParticipantId) -> Option<(Room, Vec<Effect>)> {
        let (_, stay) = self.stay_of(participant)?;
        let state = self.rooms.get_mut(&stay.room)?;
        let member =
            state.members.iter_mut().find(|member| member.seen.participant == number(participant))?;
        member.admitted = true;
        let event =
            ServerEvent::ParticipantJoined { channel: state.channel, participant: member.seen.clone() };
        let effects = vec![Effect::Publish(state.channel, event)];
        Some((state.view(), effects))
    }

    /// The SFU did not take them.
    pub fn withdraw(&mut self, participant: ParticipantId) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some((user, stay)) = self.stay_of(participant) {
            self.stays.remove(&user);
            self.forget(stay, &mut effects);
        }
        effects
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
        let state = self.rooms.get_mut(&stay.room)?;
        let mut effects = vec![Effect::SetMedia { participant: stay.participant, muted, deafened }];
        state.change(stay.participant, &mut effects, |seen| {
            seen.muted = muted;
            seen.deafened = deafened;
        });
        Some(effects)
    }

    /// Leaves, if this connection is in a room.
    pub fn leave(&mut self, user: UserId, connection: ConnectionId) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.stays.get(&user).is_some_and(|stay| stay.connection == connection)
            && let Some(stay) = self.stays.remove(&user)
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
            if let Some(stay) = self.stays.remove(&user) {
                self.end(stay, Some(VoiceEnd::Removed), &mut effects);
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
            if let Some(stay) = self.stays.remove(&user) {
                self.end(stay, Some(VoiceEnd::TimedOut), &mut effects);
            }
        }
        effects
    }

    /// What the SFU reports.
    pub fn handle_event(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Connected { room, participant, path: _ } => {
                self.set_state(room, participant, MediaState::Connected, &mut effects);
            }
            Event::Interrupted { room, participant } => {
                self.set_state(room, participant, MediaState::Interrupted, &mut effects);
            }
            Event::Left { room: _, participant, reason } => {
                if let Some((user, stay)) = self.stay_of(participant) {
                    self.stays.remove(&user);
                    let why = match reason {
                        LeaveReason::Asked | LeaveReason::TimedOut => VoiceEnd::TimedOut,
                        LeaveReason::Failed => VoiceEnd::Failed,
                    };
                    self.tell_end(stay, why, &mut effects);
                    self.forget(stay, &mut effects);
                }
            }
            Event::Speakers { room, speakers } => {
                if let Some(state) = self.rooms.get_mut(&room) {
                    let present = |participant: &ParticipantNumber| {
                        state.members.iter().any(|member| member.seen.participant == *participant)
                    };
                    state.speakers = speakers.into_iter().map(number).filter(present).collect();
                    let event = ServerEvent::SpeakersChanged {
                        channel: state.channel,
                        speakers: state.speakers.clone(),
                    };
                    effects.push(Effect::Publish(state.channel, event));
                }
            }
            Event::Slots { room, slots } => {
                if let Some(state) = self.rooms.get_mut(&room) {
                    state.slots = slots.into_iter().map(|slot| slot.map(number)).collect();
                    let event =
                        ServerEvent::SlotsChanged { channel: state.channel, slots: state.slots.clone() };
                    let inside = self.stays.values().filter(|stay| stay.room == room);
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
        state.members.iter().any(|member| member.admitted).then(|| state.view())
    }

    fn stay_of(&self, participant: ParticipantId) -> Option<(UserId, Stay)> {
        self.stays.iter().find(|(_, stay)| stay.participant == participant).map(|(user, stay)| (*user, *stay))
    }

    /// Ends a stay that was taken out of `stays`: the SFU is told, and its connection if there is a reason.
    fn end(&mut self, stay: Stay, why: Option<VoiceEnd>, effects: &mut Vec<Effect>) {
        effects.push(Effect::Leave(stay.participant));
        if let Some(why) = why {
            self.tell_end(stay, why, effects);
        }
        self.forget(stay, effects);
    }

    fn tell_end(&self, stay: Stay, reason: VoiceEnd, effects: &mut Vec<Effect>) {
        if let Some(state) = self.rooms.get(&stay.room) {
            let participant = number(stay.participant);
            let event = ServerEvent::VoiceEnded { channel: state.channel, participant, reason };
            effects.push(Effect::Tell(vec![stay.connection], event));
        }
    }

    /// Takes a participant out of its room, and the room away when it was the last.
    fn forget(&mut self, stay: Stay, effects: &mut Vec<Effect>) {
        let Some(state) = self.rooms.get_mut(&stay.room) else { return };
        let gone = number(stay.participant);
        let Some(index) = state.members.iter().position(|member| member.seen.participant == gone) else {
            return;
        };
        let member = state.members.remove(index);
        state.speakers.retain(|speaker| *speaker != gone);
        for slot in &mut state.slots {
            if *slot == Some(gone) {
                *slot = None;
            }
        }
        if member.admitted {
            let event = ServerEvent::ParticipantLeft { channel: state.channel, participant: gone };
            effects.push(Effect::Publish(state.channel, event));
        }
        if state.members.is_empty() {
            self.rooms.remove(&stay.room);
        }
    }

    fn set_state(
        &mut self,
        room: RoomId,
        participant: ParticipantId,
        media: MediaState,
        effects: &mut Vec<Effect>,
    ) {
        if let Some(state) = self.rooms.get_mut(&room) {
            state.change(participant, effects, |seen| seen.media = media);
        }
    }
}

impl State {
    fn view(&self) -> Room {
        Room {
            channel: self.channel,
            participants: self
                .members
                .iter()
                .filter(|member| member.admitted)
                .map(|member| member.seen.clone())
                .collect(),
            speakers: self.speakers.clone(),
            slots: self.slots.clone(),
        }
    }

    /// Changes how a participant is seen, and tells everybody if that made a difference.
    fn change(
        &mut self,
        participant: ParticipantId,
        effects: &mut Vec<Effect>,
        change: impl FnOnce(&mut Participant),
    ) {
        let found = self.members.iter_mut().find(|member| member.seen.participant == number(participant));
        let Some(member) = found else { return };
        let before = member.seen.clone();
        change(&mut member.seen);
        if member.admitted && member.seen != before {
            let event =
                ServerEvent::ParticipantChanged { channel: self.channel, participant: member.seen.clone() };
            effects.push(Effect::Publish(self.channel, event));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::IdSource;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const GRACE: Duration = Duration::from_secs(30);

    struct Setting {
        rooms: Rooms,
        users: Vec<UserId>,
        connections: Vec<ConnectionId>,
        channels: Vec<ChannelId>,
    }

    impl Setting {
        fn new() -> Self {
            let ids = IdSource::default();
            Self {
                rooms: Rooms::default(),
                users: (0..6).map(|_| ids.next(NOW)).collect(),
                connections: (0..12).map(|_| ids.next(NOW)).collect(),
                channels: (0..3).map(|_| ids.next(NOW)).collect(),
            }
        }

        fn entry(&self, user: usize, connection: usize, channel: usize) -> Entry {
            Entry {
                user: self.users[user],
                connection: self.connections[connection],
                channel: self.channels[channel],
                muted: false,
                deafened: false,
            }
        }

        fn in_room(&mut self, user: usize, connection: usize, channel: usize) -> ParticipantId {
            let (ticket, _) = self.rooms.reserve(self.entry(user, connection, channel));
            self.rooms.admit(ticket.participant).unwrap();
            ticket.participant
        }

        fn people_in(&self, channel: usize) -> Vec<UserId> {
            let room = self.rooms.room(self.channels[channel]);
            room.map(|room| room.participants.iter().map(|seen| seen.user).collect()).unwrap_or_default()
        }
    }

    #[test]
    fn nobody_sees_a_place_that_is_only_reserved() {
        let mut setting = Setting::new();
        let (ticket, effects) = setting.rooms.reserve(setting.entry(0, 0, 0));
        assert!(effects.is_empty());
        assert!(setting.people_in(0).is_empty());
        assert!(setting.rooms.withdraw(ticket.participant).is_empty());
        assert!(setting.rooms.admit(ticket.participant).is_none());
    }

    #[test]
    fn another_device_takes_over_and_the_first_is_told() {
        let mut setting = Setting::new();
        let first = setting.in_room(0, 0, 0);
        let (_, effects) = setting.rooms.reserve(setting.entry(0, 1, 1));
        assert!(matches!(effects[0], Effect::Leave(participant) if participant == first));
        assert!(effects.iter().any(|effect| matches!(effect,
            Effect::Tell(to, ServerEvent::VoiceEnded { reason: VoiceEnd::TakenOver, .. }) if *to == [setting.connections[0]])));
        assert!(setting.people_in(0).is_empty());
    }

    #[test]
    fn of_two_joins_at_once_the_last_has_the_place() {
        let mut setting = Setting::new();
        let (first, _) = setting.rooms.reserve(setting.entry(0, 0, 0));
        let (second, _) = setting.rooms.reserve(setting.entry(0, 1, 0));
        assert!(setting.rooms.admit(second.participant).is_some());
        assert!(setting.rooms.admit(first.participant).is_none());
        assert_eq!(setting.people_in(0), [setting.users[0]]);
    }

    #[test]
    fn who_loses_the_channel_loses_the_place_even_if_it_is_only_reserved() {
        let mut setting = Setting::new();
        let first = setting.in_room(0, 0, 0);
        setting.in_room(1, 2, 0);
        let (reserved, _) = setting.rooms.reserve(setting.entry(2, 4, 0));
        let (channel, gone) = (setting.channels[0], [setting.users[0], setting.users[2]]);
        assert!(setting.rooms.expel(setting.channels[1], |_| true).is_empty());
        let effects = setting.rooms.expel(channel, |user| gone.contains(&user));
        assert!(effects.iter().any(|effect| matches!(effect, Effect::Leave(who) if *who == first)));
        assert!(effects.iter().any(|effect| matches!(effect,
            Effect::Tell(to, ServerEvent::VoiceEnded { reason: VoiceEnd::Removed, .. }) if *to == [setting.connections[0]])));
        assert!(setting.rooms.admit(reserved.participant).is_none());
        assert_eq!(setting.people_in(0), [setting.users[1]]);
        setting.rooms.expel(channel, |_| true);
        assert!(setting.people_in(0).is_empty());
    }

    #[test]
    fn a_lost_socket_keeps_the_place_for_the_grace_time() {
        let mut setting = Setting::new();
        setting.in_room(0, 0, 0);
        let (user, before, after) = (setting.users[0], setting.connections[0], setting.connections[1]);
        setting.rooms.socket_lost(user, before, NOW);
        assert!(setting.rooms.expire(NOW + GRACE / 2, GRACE).is_empty());
        setting.rooms.socket_back(user, before, after);
        assert!(setting.rooms.expire(NOW + GRACE * 2, GRACE).is_empty());
        setting.rooms.socket_lost(user, after, NOW + GRACE * 2);
        assert!(!setting.rooms.expire(NOW + GRACE * 3, GRACE).is_empty());
        assert!(setting.people_in(0).is_empty());
    }

    #[test]
    fn only_the_connection_that_is_in_the_room_can_mute_or_leave() {
        let mut setting = Setting::new();
        setting.in_room(0, 0, 0);
        let (user, other) = (setting.users[0], setting.connections[1]);
        assert!(setting.rooms.set_media(user, other, true, false).is_none());
        assert!(setting.rooms.leave(user, other).is_empty());
        assert!(setting.rooms.set_media(user, setting.connections[0], true, false).is_some());
    }

    #[test]
    fn a_storm_leaves_every_user_in_one_room_at_most() {
        use proptest::prelude::*;
        let step = (0usize..6, 0usize..2, 0usize..3, 0u8..8);
        proptest!(|(steps in proptest::collection::vec(step, 1..200))| {
            let mut setting = Setting::new();
            let mut tickets: Vec<ParticipantId> = Vec::new();
            let mut now = NOW;
            for (user, device, channel, action) in steps {
                let connection = user * 2 + device;
                let (who, by) = (setting.users[user], setting.connections[connection]);
                now = now + Duration::from_secs(3);
                match action {
                    0 | 1 => tickets.push(setting.rooms.reserve(setting.entry(user, connection, channel)).0.participant),
                    2 => if let Some(ticket) = tickets.pop() { setting.rooms.admit(ticket); },
                    3 => if let Some(ticket) = tickets.pop() { setting.rooms.withdraw(ticket); },
                    4 => drop(setting.rooms.leave(who, by)),
                    5 => setting.rooms.socket_lost(who, by, now),
                    6 => drop(setting.rooms.expire(now, GRACE)),
                    _ => if let Some(stay) = setting.rooms.stays.get(&who).copied() {
                        let left = Event::Left { room: stay.room, participant: stay.participant, reason: LeaveReason::TimedOut };
                        setting.rooms.handle_event(left);
                    },
                }
                let inside: Vec<UserId> = (0..3).flat_map(|channel| setting.people_in(channel)).collect();
                let mut once = inside.clone();
                once.sort();
                once.dedup();
                prop_assert_eq!(once.len(), inside.len(), "somebody is in two rooms");
                let members: usize = setting.rooms.rooms.values().map(|state| state.members.len()).sum();
                prop_assert_eq!(members, setting.rooms.stays.len(), "members and stays disagree");
                prop_assert!(setting.rooms.rooms.values().all(|state| !state.members.is_empty()), "an empty room stays");
            }
        });
    }
}
