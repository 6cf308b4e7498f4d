//! Who may speak, and what is done about others: asks `chat`, and then the rooms.
//!
//! Start with [`Voice::moderate`] and [`Voice::review`].

use super::rooms::moderation::Deed;
use super::{Error, Voice};
use crate::chat;
use crate::clock::Timestamp;
use crate::id::{ChannelId, ConnectionId, UserId};
use crate::protocol::types::ParticipantNumber;
use crate::protocol::voice::Moderation;

impl Voice {
    /// Does something about somebody in a room, for an actor who may. It holds in the media at once; whoever is concerned
    /// sees by whom.
    pub async fn moderate(
        &self,
        now: Timestamp,
        actor: UserId,
        participant: ParticipantNumber,
        moderation: Moderation,
    ) -> Result<(), Error> {
        let (subject, channel) = self.rooms().whose(participant).ok_or(Error::NobodyThere)?;
        if let Moderation::MoveTo(to) = moderation {
            self.has_place(actor, subject, to).await?;
        }
        let allowed = self.chat.moderate(actor, subject, channel, moderation).await?;
        let deed = Deed { by: actor, to: participant, what: moderation, past_limit: allowed.past_limit };
        let mut rooms = self.rooms();
        let effects = rooms.moderate(now, deed);
        self.carry_out(&mut rooms, effects);
        Ok(())
    }

    /// Raises the hand of whoever is in a room by this connection, or lowers it.
    pub fn raise_hand(&self, user: UserId, connection: ConnectionId, raised: bool) -> Result<(), Error> {
        let mut rooms = self.rooms();
        let effects = rooms.raise_hand(user, connection, raised).ok_or(Error::NotInVoice)?;
        self.carry_out(&mut rooms, effects);
        Ok(())
    }

    /// Looks again at what those people may do in the rooms they are in, after something changed that decides it. Who
    /// may not speak any more is silent, and who may not listen any more is out, when this is over.
    pub async fn review(&self, concerns: impl Fn(UserId, ChannelId) -> bool) {
        let stays = self.rooms().stays();
        for (user, channel) in stays.into_iter().filter(|(user, channel)| concerns(*user, *channel)) {
            match self.review_one(user, channel).await {
                Ok(()) => {}
                // Also when it could not be found out: better out than heard without leave.
                Err(error) => {
                    tracing::debug!(%error, "somebody may not listen any more");
                    self.expel(channel, user);
                }
            }
        }
    }

    /// The same for one.
    pub(super) async fn review_one(&self, user: UserId, channel: ChannelId) -> Result<(), chat::Error> {
        let _turn = self.reviews.lock().await;
        let (_, powers) = self.chat.powers(user, channel).await?;
        let mut rooms = self.rooms();
        let effects = rooms.set_powers(user, channel, powers);
        self.carry_out(&mut rooms, effects);
        Ok(())
    }

    /// Refuses to move somebody into a room that is full, unless whoever moves them may come into it all the same.
    async fn has_place(&self, actor: UserId, subject: UserId, to: ChannelId) -> Result<(), Error> {
        let (channel, powers) = self.chat.powers(actor, to).await?;
        if powers.move_others || self.rooms().has_place_for(subject, to, channel.people_max) {
            return Ok(());
        }
        Err(Error::Full)
    }
}
