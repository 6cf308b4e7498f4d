//! Stories of stays: reserved, admitted, taken over, lost; and what is told of them.

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
            powers: Powers::USUAL,
            people_max: None,
        }
    }

    fn in_room(&mut self, user: usize, connection: usize, channel: usize) -> ParticipantId {
        let (ticket, _) = self.rooms.reserve(self.entry(user, connection, channel)).unwrap();
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
    let (ticket, effects) = setting.rooms.reserve(setting.entry(0, 0, 0)).unwrap();
    assert!(effects.is_empty());
    assert!(setting.people_in(0).is_empty());
    setting.rooms.withdraw(ticket.participant);
    assert!(!setting.rooms.has_news());
    assert!(setting.rooms.admit(ticket.participant).is_none());
}

#[test]
fn another_device_takes_over_and_the_first_is_told() {
    let mut setting = Setting::new();
    let first = setting.in_room(0, 0, 0);
    let (_, effects) = setting.rooms.reserve(setting.entry(0, 1, 1)).unwrap();
    assert!(matches!(effects[0], Effect::Leave(participant) if participant == first));
    assert!(effects.iter().any(|effect| matches!(effect,
        Effect::Tell(to, ServerEvent::VoiceEnded { reason: VoiceEnd::TakenOver, .. }) if *to == [setting.connections[0]])));
    assert!(setting.people_in(0).is_empty());
}

#[test]
fn of_two_joins_at_once_the_last_has_the_place() {
    let mut setting = Setting::new();
    let (first, _) = setting.rooms.reserve(setting.entry(0, 0, 0)).unwrap();
    let (second, _) = setting.rooms.reserve(setting.entry(0, 1, 0)).unwrap();
    assert!(setting.rooms.admit(second.participant).is_some());
    assert!(setting.rooms.admit(first.participant).is_none());
    assert_eq!(setting.people_in(0), [setting.users[0]]);
}

#[test]
fn who_loses_the_channel_loses_the_place_even_if_it_is_only_reserved() {
    let mut setting = Setting::new();
    let first = setting.in_room(0, 0, 0);
    setting.in_room(1, 2, 0);
    let (reserved, _) = setting.rooms.reserve(setting.entry(2, 4, 0)).unwrap();
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
fn where_voice_is_switched_off_everybody_is_out_with_that_reason() {
    let mut setting = Setting::new();
    setting.in_room(0, 0, 0);
    setting.in_room(1, 2, 1);
    let (reserved, _) = setting.rooms.reserve(setting.entry(2, 4, 0)).unwrap();
    let effects = setting.rooms.end_all(VoiceEnd::SwitchedOff);
    let told = |effect: &&Effect| {
        matches!(effect, Effect::Tell(_, ServerEvent::VoiceEnded { reason: VoiceEnd::SwitchedOff, .. }))
    };
    assert_eq!(effects.iter().filter(told).count(), 3);
    assert!(setting.rooms.admit(reserved.participant).is_none());
    assert!(setting.people_in(0).is_empty() && setting.people_in(1).is_empty());
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
fn each_is_told_once_as_they_are_when_it_is_told() {
    let mut setting = Setting::new();
    let (ana, ben) = (setting.in_room(0, 0, 0), setting.in_room(1, 2, 0));
    setting.rooms.set_media(setting.users[0], setting.connections[0], true, false).unwrap();
    let News { rooms, speakers } = setting.rooms.take_news();
    assert_eq!((rooms.len(), speakers.len()), (1, 0));
    let joined: Vec<_> = rooms[0].joined.iter().map(|seen| (seen.participant, seen.muted)).collect();
    assert_eq!(joined, [(number(ana), true), (number(ben), false)]);
    assert!(rooms[0].changed.is_empty() && rooms[0].left.is_empty());

    for muted in [false, true, false] {
        setting.rooms.set_media(setting.users[0], setting.connections[0], muted, false).unwrap();
    }
    setting.rooms.leave(setting.users[1], setting.connections[2]);
    let rooms = setting.rooms.take_news().rooms;
    let changed: Vec<_> = rooms[0].changed.iter().map(|seen| (seen.participant, seen.muted)).collect();
    assert_eq!((changed, rooms[0].left.as_slice()), (vec![(number(ana), false)], &[number(ben)][..]));
    assert!(rooms[0].joined.is_empty());
    assert!(!setting.rooms.has_news());
}

#[test]
fn of_who_came_and_went_meanwhile_only_the_end_is_told() {
    let mut setting = Setting::new();
    let gone = setting.in_room(0, 0, 0);
    setting.rooms.leave(setting.users[0], setting.connections[0]);
    let News { rooms, speakers } = setting.rooms.take_news();
    let only = RoomChange {
        channel: setting.channels[0],
        joined: Vec::new(),
        changed: Vec::new(),
        left: vec![number(gone)],
    };
    assert_eq!((rooms, speakers), (vec![only], Vec::new()));
}

#[test]
fn a_speaker_is_named_when_others_see_them_and_not_before() {
    let mut setting = Setting::new();
    let ana = setting.in_room(0, 0, 0);
    let (ben, _) = setting.rooms.reserve(setting.entry(1, 2, 0)).unwrap();
    setting.rooms.take_news();
    let speakers = vec![ana, ben.participant];
    setting.rooms.handle_event(Event::Speakers { room: ben.room, speakers: speakers.clone() });
    assert_eq!(setting.rooms.take_news().speakers[0].speakers, [number(ana)]);
    assert_eq!(setting.rooms.room(setting.channels[0]).unwrap().speakers, [number(ana)]);
    // The same again is no news; that ben may be seen now is.
    setting.rooms.handle_event(Event::Speakers { room: ben.room, speakers });
    assert!(!setting.rooms.has_news());
    setting.rooms.admit(ben.participant).unwrap();
    let News { rooms, speakers } = setting.rooms.take_news();
    assert_eq!(rooms[0].joined[0].participant, number(ben.participant));
    assert_eq!(speakers[0].speakers, [number(ana), number(ben.participant)]);
}

#[test]
fn slots_are_told_to_those_in_the_room_alone() {
    let mut setting = Setting::new();
    let ana = setting.in_room(0, 0, 0);
    setting.in_room(1, 2, 0);
    setting.in_room(2, 4, 1);
    let room = setting.rooms.id_of(setting.channels[0]);
    let effects = setting.rooms.handle_event(Event::Slots { room, slots: vec![Some(ana), None] });
    let [Effect::Tell(to, ServerEvent::SlotsChanged { slots, .. })] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(
        (to.as_slice(), slots.as_slice()),
        (&[setting.connections[0], setting.connections[2]][..], &[Some(number(ana)), None][..])
    );
}

#[test]
fn ends_that_nobody_tells_are_bounded() {
    let mut setting = Setting::new();
    for _ in 0..10_000 {
        setting.in_room(0, 0, 0);
        if setting.rooms.is_full_of_news() {
            let told: usize = setting.rooms.take_news().rooms.iter().map(|room| room.left.len()).sum();
            assert!((1_000..10_000).contains(&told));
            assert!(!setting.rooms.is_full_of_news());
            return;
        }
    }
    panic!("it grows for ever");
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
                0 | 1 => tickets.push(setting.rooms.reserve(setting.entry(user, connection, channel)).unwrap().0.participant),
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
            prop_assert_eq!(setting.rooms.users.len(), setting.rooms.stays.len(), "users and stays disagree");
            prop_assert!(setting.rooms.rooms.values().all(|state| !state.members.is_empty()), "an empty room stays");
        }
    });
}
