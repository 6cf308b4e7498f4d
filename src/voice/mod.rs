//! The bridge between people and the SFU: channel to room, connection to participant, and back.
//!
//! The only place that names both a [`ChannelId`] and a [`sfu::RoomId`]. It asks `chat` who may join, tells
//! the SFU, and turns what the SFU reports into events. Must never know: HTTP, sockets, SQL.
//! Start with [`Voice::join`]; who is where is the pure state machine in [`rooms`].

pub mod load;
pub mod moderation;
pub mod news;
pub mod quality;
pub mod rooms;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use sfu::{Events, JoinError, ParticipantId, Pressure, RestartError, RoomSettings, Sfu, SlotsUsed};
use tokio::sync::Mutex as Turns;

use self::load::Load;
use self::news::News;
use self::rooms::{Effect, Entry, Full, Rooms, Ticket, Wish};
use crate::chat::{self, Chat};
use crate::clock::Timestamp;
use crate::id::{ChannelId, ConnectionId, UserId};
use crate::live::hub::{Audience, Hub};
use crate::protocol::quality::Quality;
use crate::protocol::server::{ServerEvent, VoiceEnd};
use crate::protocol::types::{Channel, ParticipantNumber, Relay, Room, VoiceLoad};
use crate::telemetry;

/// Voice rooms and the SFU behind them.
pub struct Voice {
    sfu: Sfu,
    chat: Arc<Chat>,
    hub: Arc<Hub>,
    // A plain lock, never held across an await. Effects are carried out and news are told under it, so that browsers
    // hear of changes in the order in which they happened; publishing only pushes to queues.
    rooms: Mutex<Rooms>,
    // Likewise.
    load: Mutex<Load>,
    // What people may do is read and then said to the rooms: in turns, so that what was read last is said last.
    reviews: Turns<()>,
    grace: Duration,
}

/// Who wants into which room, how.
#[derive(Clone, Debug)]
pub struct JoinRequest {
    /// The voice channel.
    pub channel: ChannelId,
    /// The browser's session description.
    pub offer: String,
    /// Start unheard.
    pub muted: bool,
    /// Start hearing nobody.
    pub deafened: bool,
}

/// Somebody is in.
#[derive(Clone, Debug)]
pub struct Joined {
    /// The number of this stay.
    pub participant: ParticipantNumber,
    /// The SFU's session description.
    pub answer: String,
    /// The room as it is now.
    pub room: Room,
    /// Relays, if there are any.
    pub relay: Option<Relay>,
}

/// Why somebody is not in.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The channel is not theirs to join.
    #[error(transparent)]
    Chat(#[from] chat::Error),
    /// The SFU refused.
    #[error(transparent)]
    Sfu(#[from] JoinError),
    /// The SFU did not begin ICE again.
    #[error(transparent)]
    Restart(#[from] RestartError),
    /// They joined from elsewhere while this join was under way.
    #[error("another connection took over")]
    TakenOver,
    /// They are in no room by this connection.
    #[error("not in a voice room")]
    NotInVoice,
    /// There is no such stay.
    #[error("nobody is there by that number")]
    NobodyThere,
    /// As many people are in the room as may be.
    #[error("the room is full")]
    Full,
}

impl From<Full> for Error {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

/// Whoever runs the server should know when it is too small.
fn log_pressure(worker: usize, pressure: Pressure) {
    match pressure {
        Pressure::Normal => tracing::warn!(worker, "voice has room again"),
        Pressure::FewerSlots(SlotsUsed(slots)) => {
            tracing::warn!(worker, slots, "voice has too much to do: fewer people are heard at once");
        }
        Pressure::Refusing => tracing::warn!(worker, "voice has too much to do: nobody else is let in"),
    }
}

impl Voice {
    /// Over a running SFU. `grace` is how long a place is kept for a connection without a socket.
    pub fn new(sfu: Sfu, chat: Arc<Chat>, hub: Arc<Hub>, grace: Duration) -> Self {
        let load = Mutex::new(Load::of(sfu.ports().len()));
        Self { sfu, chat, hub, rooms: Mutex::default(), load, reviews: Turns::default(), grace }
    }

    /// Lets a channel's settings hold in its room, now and whenever it begins. Nobody is in that of an archived one.
    pub fn apply(&self, channel: &Channel) {
        let mut rooms = self.rooms();
        let room = rooms.id_of(channel.id);
        self.sfu.set_room(room, RoomSettings { max_speakers: channel.max_speakers });
        if channel.archived {
            let effects = rooms.expel(channel.id, |_| true);
            self.carry_out(&mut rooms, effects);
        }
    }

    /// Takes `user` into a room, out of any other they are in: one room per user, whoever asks last has it.
    pub async fn join(
        &self,
        user: UserId,
        connection: ConnectionId,
        request: JoinRequest,
    ) -> Result<Joined, Error> {
        let JoinRequest { channel, offer, muted, deafened } = request;
        let (known, powers) = self.chat.powers(user, channel).await?;
        let people_max = known.people_max;
        let ticket =
            self.reserve(Entry { user, connection, channel, muted, deafened, powers, people_max })?;
        let participant = ticket.participant;
        // Asked again: whoever loses the channel or a right from now on is found in the room, and whoever lost it just
        // before is found out here.
        if let Err(error) = self.review_one(user, channel).await {
            self.withdraw(participant);
            return Err(error.into());
        }
        let relay = match self.chat.relay_for(user).await {
            Ok(relay) => relay,
            Err(error) => {
                self.withdraw(participant);
                return Err(error.into());
            }
        };
        let Some(wish) = self.rooms().wish(participant) else { return Err(Error::TakenOver) };
        let Wish { muted, deafened } = wish;
        let join = sfu::Join { room: ticket.room, participant, offer, muted, deafened };
        let answer = match self.sfu.join(join).await {
            Ok(answer) => answer,
            Err(error) => {
                telemetry::VOICE_REFUSALS.add();
                if error == JoinError::Overloaded {
                    telemetry::VOICE_OVERLOADED.add();
                }
                self.withdraw(participant);
                return Err(error.into());
            }
        };
        let mut rooms = self.rooms();
        let Some(room) = rooms.admit(participant) else {
            self.sfu.leave(participant);
            return Err(Error::TakenOver);
        };
        // What was decided about them while the SFU did not know them yet.
        if let Some(now) = rooms.wish(participant).filter(|now| *now != wish) {
            self.sfu.set_media(participant, now.muted, now.deafened);
        }
        self.spread(&mut rooms);
        telemetry::VOICE_JOINS.add();
        Ok(Joined { participant: participant.0, answer, room, relay })
    }

    /// Mutes or deafens the participant of this connection; the SFU enforces it.
    pub fn set_media(
        &self,
        user: UserId,
        connection: ConnectionId,
        muted: bool,
        deafened: bool,
    ) -> Result<(), Error> {
        let mut rooms = self.rooms();
        let effects = rooms.set_media(user, connection, muted, deafened).ok_or(Error::NotInVoice)?;
        self.carry_out(&mut rooms, effects);
        Ok(())
    }

    /// Begins ICE again for the participant of this connection; the SFU's answer to the offer.
    pub async fn restart(
        &self,
        user: UserId,
        connection: ConnectionId,
        offer: String,
    ) -> Result<String, Error> {
        let stay = self.rooms().stay(user, connection);
        Ok(self.sfu.restart(stay.ok_or(Error::NotInVoice)?, offer).await?)
    }

    /// How the sound of those in the room of a channel travels: all of it for admins, else that of `user`.
    pub async fn qualities(&self, user: UserId, channel: ChannelId) -> Result<Vec<Quality>, Error> {
        self.chat.powers(user, channel).await?;
        let all = self.chat.is_admin(user).await?;
        let room = self.rooms().id_of(channel);
        let stats = self.sfu.room_stats(room).await;
        let rooms = self.rooms();
        let seen = |who: ParticipantId| rooms.user_of(who).is_some_and(|whose| all || whose == user);
        let mut qualities: Vec<Quality> =
            stats.participants.iter().filter(|stats| seen(stats.participant)).map(quality::told).collect();
        qualities.sort_by_key(|quality| quality.participant);
        Ok(qualities)
    }

    /// Ends the stay of this connection, if it has one.
    pub fn leave(&self, user: UserId, connection: ConnectionId) {
        let mut rooms = self.rooms();
        let effects = rooms.leave(user, connection);
        self.carry_out(&mut rooms, effects);
    }

    /// Ends the stay of `user` in the room of a channel that is closed to them from now on.
    pub fn expel(&self, channel: ChannelId, user: UserId) {
        let mut rooms = self.rooms();
        let effects = rooms.expel(channel, |other| other == user);
        self.carry_out(&mut rooms, effects);
    }

    /// Ends every stay in the room of a channel that is gone.
    pub fn close(&self, channel: ChannelId) {
        let mut rooms = self.rooms();
        self.sfu.set_room(rooms.id_of(channel), RoomSettings::default());
        let effects = rooms.expel(channel, |_| true);
        rooms.forget_orders_in(channel);
        self.carry_out(&mut rooms, effects);
    }

    /// Ends every stay: voice is switched off.
    pub fn switch_off(&self) {
        let mut rooms = self.rooms();
        let effects = rooms.end_all(VoiceEnd::SwitchedOff);
        self.carry_out(&mut rooms, effects);
    }

    /// Shows a room to somebody who is in its channel from now on; what happens in it they hear already.
    pub fn show(&self, channel: ChannelId, user: UserId) {
        let rooms = self.rooms();
        if let Some(room) = rooms.room(channel) {
            self.hub.publish(Audience::Users(&[user]), &ServerEvent::RoomShown { room });
        }
    }

    /// The socket of a connection is gone. Media goes on; the place is kept for the grace time.
    pub fn socket_lost(&self, user: UserId, connection: ConnectionId, now: Timestamp) {
        self.rooms().socket_lost(user, connection, now);
    }

    /// The socket came back, as `connection`, to somebody who was connected as `before`.
    pub fn socket_back(&self, user: UserId, before: ConnectionId, connection: ConnectionId) {
        self.rooms().socket_back(user, before, connection);
    }

    /// Ends the stays whose grace is over.
    pub fn expire(&self, now: Timestamp) {
        let mut rooms = self.rooms();
        let effects = rooms.expire(now, self.grace);
        self.carry_out(&mut rooms, effects);
    }

    /// The rooms of these channels that have somebody in them, and whatever else is to be read at the same moment:
    /// nothing is told of rooms, and nobody comes or goes, while it is read.
    pub fn rooms_of<T>(
        &self,
        channels: impl Iterator<Item = ChannelId>,
        at_the_same_moment: impl FnOnce() -> T,
    ) -> (Vec<Room>, T) {
        let rooms = self.rooms();
        let other = at_the_same_moment();
        (channels.filter_map(|channel| rooms.room(channel)).collect(), other)
    }

    /// Tells everybody what changed in rooms since the last time.
    pub fn tell(&self) {
        tell(&self.hub, &mut self.rooms());
    }

    /// Turns what the SFU reports into events, until it stops.
    pub async fn follow(&self, mut events: Events) {
        while let Some(event) = events.next().await {
            if let sfu::Event::Pressure { worker, pressure } = &event {
                self.note_pressure(*worker, *pressure);
            }
            let mut rooms = self.rooms();
            let effects = rooms.handle_event(event);
            self.carry_out(&mut rooms, effects);
        }
    }

    /// How much voice the server can take on.
    pub fn load(&self) -> VoiceLoad {
        self.load.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).now()
    }

    /// A worker has more or less to do than it can: whoever runs the server finds it in the log, and everybody sees
    /// it when it makes a difference to the whole.
    pub fn note_pressure(&self, worker: usize, pressure: Pressure) {
        log_pressure(worker, pressure);
        let mut known = self.load.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(load) = known.note(worker, pressure) {
            self.hub.publish(Audience::Everyone, &ServerEvent::VoiceLoadChanged { load });
        }
    }

    /// Counters of the SFU.
    pub async fn stats(&self) -> sfu::Stats {
        self.sfu.stats().await
    }

    /// Closes all media.
    pub async fn stop(&self) {
        let sfu = self.sfu.clone();
        // Joins threads, which is not for an async thread to wait for.
        let _ = tokio::task::spawn_blocking(move || sfu.stop()).await;
    }

    fn reserve(&self, entry: Entry) -> Result<Ticket, Full> {
        let mut rooms = self.rooms();
        let (ticket, effects) = rooms.reserve(entry)?;
        self.carry_out(&mut rooms, effects);
        Ok(ticket)
    }

    fn withdraw(&self, participant: ParticipantId) {
        self.rooms().withdraw(participant);
    }

    /// The rooms are locked, so that nobody else publishes in between.
    fn carry_out(&self, rooms: &mut Rooms, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Tell(connections, event) => {
                    self.hub.publish(Audience::Connections(&connections), &event)
                }
                Effect::SetMedia { participant, muted, deafened } => {
                    self.sfu.set_media(participant, muted, deafened)
                }
                Effect::Leave(participant) => self.sfu.leave(participant),
            }
        }
        self.spread(rooms);
    }

    /// Sees to it that the news are told.
    fn spread(&self, rooms: &mut Rooms) {
        if rooms.is_full_of_news() {
            tell(&self.hub, rooms);
        } else if rooms.has_news() {
            self.hub.stir();
        }
    }

    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        // Should a panic ever poison it, the rooms are still the best knowledge there is.
        self.rooms.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Who came, changed and left, and then who talks.
fn tell(hub: &Hub, rooms: &mut Rooms) {
    let News { rooms, speakers } = rooms.take_news();
    if !rooms.is_empty() {
        hub.tell_channels(rooms, |room| room.channel, |rooms| ServerEvent::RoomsChanged { rooms });
    }
    if !speakers.is_empty() {
        hub.tell_channels(speakers, |room| room.channel, |rooms| ServerEvent::SpeakersChanged { rooms });
    }
}

/// As it travels in packets and events.
pub(crate) fn number(participant: ParticipantId) -> ParticipantNumber {
    participant.0
}

#[cfg(test)]
mod tests;
