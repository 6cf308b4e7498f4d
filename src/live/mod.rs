//! Who is here now: connections, presence, typing. Memory only; a restart forgets all of it.
//!
//! Must never know: the database, HTTP, voice.
//! Start with [`hub::Hub`]; [`presence`] and [`typing`] are pure state machines that are told the time, and
//! [`Live`] publishes what they answer: typing at once, presence as [`hub::news`].

pub mod hub;
pub mod presence;
pub mod typing;

use std::sync::{Arc, Mutex, MutexGuard};

use self::hub::{Audience, Connection, Hub};
use self::presence::{Here, News, Presences};
use self::typing::Typing;
use crate::clock::Timestamp;
use crate::id::{ChannelId, ConnectionId, UserId};
use crate::protocol::server::ServerEvent;
use crate::protocol::types::Status;

/// Everything about now.
#[derive(Default)]
pub struct Live {
    /// Who is connected.
    pub hub: Arc<Hub>,
    // Plain locks, held while events are queued so that these keep their order; never across an await.
    presences: Mutex<Presences>,
    typing: Mutex<Typing>,
}

impl Live {
    /// A connection of `user` has a socket.
    pub fn arrived(&self, user: UserId, connection: ConnectionId) {
        let mut presences = lock(&self.presences);
        presences.connect(user, connection);
        self.stir_for(&presences);
    }

    /// A socket of a connection of `user` is gone. Each `arrived` has exactly one of these.
    pub fn departed(&self, user: UserId, connection: ConnectionId, now: Timestamp) {
        lock(&self.presences).disconnect(user, connection, now);
    }

    /// Whether nobody does anything at this connection of `user`.
    pub fn set_idle(&self, user: UserId, connection: ConnectionId, idle: bool) {
        let mut presences = lock(&self.presences);
        presences.set_idle(user, connection, idle);
        self.stir_for(&presences);
    }

    /// What `user` chose to be seen as. Who is not seen is not seen to write either.
    pub fn set_status(&self, user: UserId, status: Status) {
        let mut typing = lock(&self.typing);
        let mut presences = lock(&self.presences);
        presences.set_status(user, status);
        if status == Status::Invisible {
            self.publish_typing(typing.forget(user));
        }
        self.stir_for(&presences);
    }

    /// Who is seen; from this moment on the connection hears of changes. To be called at the moment in which
    /// everything else is read that there are news of.
    pub fn introduce(&self, connection: &Connection) -> Here {
        let presences = lock(&self.presences);
        connection.introduce();
        presences.here()
    }

    /// Whom `@here` reaches, in no order.
    pub fn reached(&self) -> Vec<UserId> {
        lock(&self.presences).reached()
    }

    /// Tells everybody who is seen otherwise since the last time.
    pub fn tell(&self) {
        let mut presences = lock(&self.presences);
        if let Some(News { here: Here { online, away, do_not_disturb }, offline }) = presences.take_news() {
            let event = ServerEvent::PresenceChanged { online, away, do_not_disturb, offline };
            self.hub.tell_everyone(&event);
        }
    }

    /// `user` says whether they write in `channel`; everybody else there hears of a change, unless they are unseen.
    pub fn set_typing(&self, channel: ChannelId, user: UserId, active: bool, now: Timestamp) {
        let mut typing = lock(&self.typing);
        let active = active && lock(&self.presences).status(user) != Status::Invisible;
        let change = typing.set(channel, user, active, now);
        self.publish_typing(change);
    }

    /// Lets time pass: who was away too long is offline, who stopped writing is told so.
    pub fn expire(&self, now: Timestamp) {
        let mut typing = lock(&self.typing);
        let stopped = typing.expire(now);
        self.publish_typing(stopped);
        let mut presences = lock(&self.presences);
        let gone = presences.expire(now);
        for user in &gone {
            let stopped = typing.forget(*user);
            self.publish_typing(stopped);
        }
        self.stir_for(&presences);
    }

    fn stir_for(&self, presences: &Presences) {
        if presences.has_news() {
            self.hub.stir();
        }
    }

    fn publish_typing(&self, changes: impl IntoIterator<Item = typing::Change>) {
        for typing::Change { channel, user, active } in changes {
            let event = ServerEvent::TypingChanged { channel, user, active };
            self.hub.publish(Audience::ChannelBut(channel, user), &event);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Should a panic ever poison it, what is inside is still the best knowledge there is.
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
