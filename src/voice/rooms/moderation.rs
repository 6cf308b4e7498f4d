//! What others do about somebody in a room, and who may speak there.
//!
//! Who may do it was decided elsewhere. What is done to somebody's ears and mouth is an [`Order`] about them in this
//! room: it holds while they stay, when they come again, and for [`KEPT`] after they left. A raised hand and the word
//! that was given last as long as the stay. Start at [`Rooms::moderate`].

use std::time::Duration;

use sfu::RoomId;

use super::{Effect, Rooms, Stay};
use crate::chat::access::Powers;
use crate::clock::Timestamp;
use crate::id::{ChannelId, ConnectionId, UserId};
use crate::protocol::server::VoiceEnd;
use crate::protocol::types::ParticipantNumber;
use crate::protocol::voice::Moderation;
use crate::voice::number;

/// How long an order outlives a stay: longer than a temper, shorter than a day.
pub const KEPT: Duration = Duration::from_secs(60 * 60);

/// Orders about people who are not there. Of more, which takes a moderator gone wild, none is kept beyond the stay.
const KEPT_MAX: usize = 10_000;

/// How long a page that was told to move may take to come: a slow line and a reconnect.
const PASS: Duration = Duration::from_secs(30);

/// What holds for somebody in a room whatever they do themselves, and who said so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Order {
    pub(super) muted_by: Option<UserId>,
    pub(super) deafened_by: Option<UserId>,
    /// Since when they are not there; found out once a second.
    gone_since: Option<Timestamp>,
}

/// Leave to come into a room though it is full.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    pub(super) room: RoomId,
    since: Timestamp,
}

/// What is to be done about whom, by whom.
#[derive(Clone, Copy, Debug)]
pub struct Deed {
    /// By whom.
    pub by: UserId,
    /// About which stay.
    pub to: ParticipantNumber,
    /// What.
    pub what: Moderation,
    /// Whoever is moved comes into a full room, too.
    pub past_limit: bool,
}

impl Rooms {
    /// Whose a stay is that others see, and where.
    pub fn whose(&self, participant: ParticipantNumber) -> Option<(UserId, ChannelId)> {
        let stay = self.stay_of(participant)?;
        let state = self.rooms.get(&stay.room)?;
        let member = state.members.get(&participant).filter(|member| member.admitted)?;
        Some((member.seen.user, state.channel))
    }

    /// Does something about somebody, who may be gone by now.
    pub fn moderate(&mut self, now: Timestamp, deed: Deed) -> Vec<Effect> {
        let Deed { by, to, what, past_limit } = deed;
        let Some((user, _)) = self.whose(to) else { return Vec::new() };
        let Some(stay) = self.stays.get(&user).copied() else { return Vec::new() };
        match what {
            Moderation::Mute(muted) => {
                let by = muted.then_some(by);
                self.order(stay, user, |order| order.muted_by = by);
                self.alter(stay, |member| member.seen.muted_by = by)
            }
            Moderation::Deafen(deafened) => {
                let by = deafened.then_some(by);
                self.order(stay, user, |order| order.deafened_by = by);
                self.alter(stay, |member| member.seen.deafened_by = by)
            }
            Moderation::LetSpeak(speak) => self.alter(stay, |member| {
                // Whoever has the right needs no leave, which would outlast the right.
                member.seen.let_speak = speak && !member.powers.speak;
                member.seen.only_listens = !member.powers.speak && !speak;
                member.seen.hand = None;
            }),
            Moderation::LowerHand => self.alter(stay, |member| member.seen.hand = None),
            Moderation::MoveTo(channel) => {
                let room = self.id_of(channel);
                if past_limit {
                    self.passes.insert(user, Pass { room, since: now });
                }
                self.put_out(user, VoiceEnd::Moved { to: channel, by: Some(by) })
            }
            Moderation::Disconnect => self.put_out(user, VoiceEnd::PutOut { by }),
        }
    }

    /// What somebody may do in a room is this from now on.
    pub fn set_powers(&mut self, user: UserId, channel: ChannelId, powers: Powers) -> Vec<Effect> {
        let room = self.ids.get(&channel);
        let Some(stay) = self.stays.get(&user).filter(|stay| Some(&stay.room) == room).copied() else {
            return Vec::new();
        };
        self.alter(stay, |member| {
            member.powers = powers;
            member.seen.let_speak &= !powers.speak;
            member.seen.only_listens = !powers.speak && !member.seen.let_speak;
        })
    }

    /// Raises a hand or lowers it. None when this connection is in no room.
    pub fn raise_hand(
        &mut self,
        user: UserId,
        connection: ConnectionId,
        raised: bool,
    ) -> Option<Vec<Effect>> {
        let stay = *self.stays.get(&user).filter(|stay| stay.connection == connection)?;
        let state = self.rooms.get_mut(&stay.room)?;
        state.hands += 1;
        let turn = state.hands;
        // Whose hand is up keeps the place in the line.
        Some(self.alter(stay, |member| {
            member.seen.hand = raised.then(|| member.seen.hand.unwrap_or(turn));
        }))
    }

    /// How many a room has place for, if not everybody comes in by right: whether one more is too many.
    pub fn has_place_for(&mut self, user: UserId, channel: ChannelId, people_max: Option<u16>) -> bool {
        let room = self.id_of(channel);
        !self.is_full(room, user, people_max)
    }

    /// Forgets what was ordered about people in a room that is gone for good.
    pub fn forget_orders_in(&mut self, channel: ChannelId) {
        if let Some(gone) = self.ids.get(&channel) {
            self.orders.retain(|(room, _), _| room != gone);
        }
    }

    pub(super) fn forget_orders(&mut self, now: Timestamp) {
        let stays = &self.stays;
        self.orders.retain(|(room, user), order| {
            let there = stays.get(user).is_some_and(|stay| stay.room == *room);
            order.gone_since = if there { None } else { Some(order.gone_since.unwrap_or(now)) };
            order.gone_since.is_none_or(|since| now.since(since) < KEPT)
        });
        if self.orders.len() > KEPT_MAX {
            self.orders.retain(|_, order| order.gone_since.is_none());
        }
        self.passes.retain(|_, pass| now.since(pass.since) < PASS);
    }

    fn order(&mut self, stay: Stay, user: UserId, change: impl FnOnce(&mut Order)) {
        let key = (stay.room, user);
        let order = self.orders.entry(key).or_default();
        change(order);
        if order.muted_by.is_none() && order.deafened_by.is_none() {
            self.orders.remove(&key);
        }
    }

    fn put_out(&mut self, user: UserId, why: VoiceEnd) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(stay) = self.take_stay(user) {
            self.end(stay, Some(why), &mut effects);
        }
        effects
    }

    fn stay_of(&self, participant: ParticipantNumber) -> Option<Stay> {
        let user = self.users.get(&sfu::ParticipantId(participant))?;
        self.stays.get(user).filter(|stay| number(stay.participant) == participant).copied()
    }
}
