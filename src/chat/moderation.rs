//! What may be done about people in voice rooms, and by whom: decided and written down here, carried out by voice.
//!
//! Must never know: who is in a room. Start with [`Chat::moderate`].

use super::access::{self, Act};
use super::audit::Deed;
use super::{Chat, Error, users};
use crate::id::{ChannelId, UserId};
use crate::protocol::rest::AuditAction;
use crate::protocol::voice::Moderation;

/// That something may be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowed {
    /// Into a room that is full, too.
    pub past_limit: bool,
}

impl Chat {
    /// Whether `actor` may do this to `subject`, who is in the voice room of `channel`. What is more than the order of a
    /// talk goes into the audit log.
    ///
    /// Nobody but an admin does anything to an admin, or lifts what was done to themselves.
    pub async fn moderate(
        &self,
        actor: UserId,
        subject: UserId,
        channel: ChannelId,
        moderation: Moderation,
    ) -> Result<Allowed, Error> {
        let mut tx = self.db.begin().await?;
        let act = match moderation {
            Moderation::Mute(_) | Moderation::Deafen(_) | Moderation::LetSpeak(_) | Moderation::LowerHand => {
                Act::MuteOthers
            }
            Moderation::MoveTo(_) | Moderation::Disconnect => Act::MoveOthers,
        };
        let channel = access::require(&mut tx, actor, channel, act).await?;
        let protected = actor == subject || users::is_admin(&mut tx, subject).await?;
        if protected && !users::is_admin(&mut tx, actor).await? {
            return Err(Error::NotAllowed);
        }
        let mut allowed = Allowed { past_limit: false };
        let on = |on: bool| if on { "on" } else { "off" };
        let noted = match moderation {
            Moderation::Mute(muted) => Some((AuditAction::VoiceMuted, format!("muted: {}", on(muted)))),
            Moderation::Deafen(deaf) => Some((AuditAction::VoiceDeafened, format!("deafened: {}", on(deaf)))),
            Moderation::LetSpeak(_) | Moderation::LowerHand => None,
            Moderation::MoveTo(to) => {
                let there = access::find(&mut tx, actor, to).await?.powers()?;
                allowed.past_limit = there.move_others;
                let to = access::require(&mut tx, subject, to, Act::Listen).await?;
                Some((AuditAction::VoiceMoved, format!("to: {}", to.name)))
            }
            Moderation::Disconnect => Some((AuditAction::VoicePutOut, String::new())),
        };
        if let Some((action, detail)) = noted {
            let deed = Deed::by(actor, action).to(subject).on(&channel.name).saying(&detail);
            self.note(&mut tx, self.clock.now(), deed).await?;
        }
        tx.commit().await?;
        Ok(allowed)
    }
}
