//! What somebody at a page knows of the present: the snapshot, and the news since.

use std::collections::{BTreeMap, BTreeSet};

use cromulent::id::{ChannelId, UserId};
use cromulent::protocol::server::{ServerEvent, Snapshot};
use cromulent::protocol::types::{Participant, ParticipantNumber, Room};

/// Who is online, who is in which room, and who talks there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct View {
    pub online: BTreeSet<UserId>,
    pub rooms: BTreeMap<ChannelId, BTreeMap<ParticipantNumber, Participant>>,
    pub speakers: BTreeMap<ChannelId, BTreeSet<ParticipantNumber>>,
}

impl View {
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut view = Self { online: snapshot.online.iter().copied().collect(), ..Self::default() };
        snapshot.rooms.iter().for_each(|room| view.show(room));
        view
    }

    fn show(&mut self, Room { channel, participants, speakers, .. }: &Room) {
        let people = participants.iter().map(|seen| (seen.participant, seen.clone()));
        self.rooms.insert(*channel, people.collect());
        self.speakers.insert(*channel, speakers.iter().copied().collect());
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
            ServerEvent::PresenceChanged { online, offline } => {
                self.online.extend(online);
                self.online.retain(|user| !offline.contains(user));
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
