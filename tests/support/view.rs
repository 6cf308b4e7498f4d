//! What somebody at a page knows of the present: the snapshot, and the news since.

use std::collections::{BTreeMap, BTreeSet};

use cromulent::id::{ChannelId, UserId};
use cromulent::protocol::server::{ServerEvent, Snapshot};
use cromulent::protocol::types::{Participant, ParticipantNumber, Room};

/// Who is online, who is in which room, and who talks there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// Whoever is seen, in whatever way.
    pub online: BTreeSet<UserId>,
    pub away: BTreeSet<UserId>,
    pub undisturbed: BTreeSet<UserId>,
    pub rooms: BTreeMap<ChannelId, BTreeMap<ParticipantNumber, Participant>>,
    pub speakers: BTreeMap<ChannelId, BTreeSet<ParticipantNumber>>,
}

impl View {
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut view = Self::default();
        view.sees(&snapshot.online, &snapshot.away, &snapshot.do_not_disturb, &[]);
        snapshot.rooms.iter().for_each(|room| view.show(room));
        view
    }

    fn sees(&mut self, online: &[UserId], away: &[UserId], undisturbed: &[UserId], offline: &[UserId]) {
        for user in online.iter().chain(away).chain(undisturbed).chain(offline) {
            self.away.remove(user);
            self.undisturbed.remove(user);
            let seen = !offline.contains(user);
            if seen {
                self.online.insert(*user)
            } else {
                self.online.remove(user)
            };
        }
        self.away.extend(away);
        self.undisturbed.extend(undisturbed);
    }

    fn show(&mut self, Room { channel, participants, speakers, .. }: &Room) {
        let people = participants.iter().map(|seen| (seen.participant, seen.clone()));
        self.rooms.insert(*channel, people.collect());
        self.speakers.insert(*channel, speakers.iter().copied().collect());
    }

    /// How somebody is seen.
    pub fn how(&self, user: UserId) -> &'static str {
        match (self.away.contains(&user), self.undisturbed.contains(&user)) {
            (true, _) => "away",
            (_, true) => "undisturbed",
            _ if self.online.contains(&user) => "online",
            _ => "offline",
        }
    }

    /// Who is in a room.
    pub fn people_in(&self, channel: ChannelId) -> Vec<&Participant> {
        self.rooms.get(&channel).into_iter().flat_map(BTreeMap::values).collect()
    }

    /// One stay, wherever it is.
    pub fn stay(&self, number: ParticipantNumber) -> Option<&Participant> {
        self.rooms.values().find_map(|room| room.get(&number))
    }

    /// Who talks in a room.
    pub fn talking_in(&self, channel: ChannelId) -> Vec<ParticipantNumber> {
        self.speakers.get(&channel).into_iter().flatten().copied().collect()
    }

    pub fn apply(&mut self, event: &ServerEvent) {
        match event {
            ServerEvent::Ready { snapshot } => *self = Self::of(snapshot),
            ServerEvent::PresenceChanged { online, away, do_not_disturb, offline } => {
                self.sees(online, away, do_not_disturb, offline);
            }
            ServerEvent::RoomsChanged { rooms } => {
                for change in rooms {
                    let room = self.rooms.entry(change.channel).or_default();
                    let speakers = self.speakers.entry(change.channel).or_default();
                    for seen in change.joined.iter().chain(&change.changed) {
                        room.insert(seen.participant, seen.clone());
                    }
                    room.retain(|number, _| !change.left.contains(number));
                    speakers.retain(|number| !change.left.contains(number));
                    if room.is_empty() {
                        self.rooms.remove(&change.channel);
                        self.speakers.remove(&change.channel);
                    }
                }
                let people: Vec<_> = self.rooms.values().flat_map(BTreeMap::values).collect();
                let users: BTreeSet<_> = people.iter().map(|seen| seen.user).collect();
                assert_eq!(users.len(), people.len(), "somebody is in rooms twice: {people:?}");
            }
            ServerEvent::SpeakersChanged { rooms } => {
                for talk in rooms {
                    let room = self.rooms.get(&talk.channel).expect("talk in a room nobody is in");
                    assert!(talk.speakers.iter().all(|who| room.contains_key(who)), "a stranger talks");
                    self.speakers.insert(talk.channel, talk.speakers.iter().copied().collect());
                }
            }
            ServerEvent::RoomShown { room } => self.show(room),
            ServerEvent::ChannelRemoved { channel } => {
                self.rooms.remove(channel);
                self.speakers.remove(channel);
            }
            _ => {}
        }
    }
}
