//! Notifications: whom a message means finds it in their inbox, on every device, until they have seen it.
//!
//! A notification is a row of its own per user and message, so that one may be seen and another not; the row holds
//! nothing of the message, so that what is deleted is deleted. Who left a channel finds nothing of it any more.
//! Who is told, and when, is [`super::fanouts`]' affair.

use std::time::Duration;

use uuid::Uuid;

use super::fanouts::{Step, Work};
use super::{Chat, Error, mentioned};
use crate::db::{Conn, Row, sql};
use crate::id::{MessageId, UserId};
use crate::live::hub::Audience;
use crate::protocol::server::ServerEvent;
use crate::protocol::types::{Mention, Message, Notification, Unread};

/// Notifications of one page.
pub const PAGE: usize = 20;

/// Unseen notifications a snapshot names; of more, pages show that there are more.
pub const UNREAD_MAX: usize = 100;

/// How long a notification is kept after it was seen. What was not seen is kept.
pub const KEPT_FOR: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// Notifications that one transaction deletes: some 10 ms, for which others wait.
pub const PURGED_AT_ONCE: i64 = 1_000;

/// Characters of a message in its notification: what fits on two lines.
const EXCERPT_MAX: usize = 100;

pub(super) const INBOX: &str =
    "select n.message_id, n.channel_id, n.kind, n.target, coalesce(n.read_at, 0) as read_at,
            x.author_id, x.body, x.posted_at
     from notifications n join messages x on x.id = n.message_id
     join memberships m on m.user_id = n.user_id and m.channel_id = n.channel_id
     where n.user_id = $1 and n.message_id < $2 and x.deleted_at is null
     order by n.message_id desc limit $3";

pub(super) const INBOX_UNREAD: &str =
    "select n.message_id, n.channel_id, n.kind, n.target, coalesce(n.read_at, 0) as read_at,
            x.author_id, x.body, x.posted_at
     from notifications n join messages x on x.id = n.message_id
     join memberships m on m.user_id = n.user_id and m.channel_id = n.channel_id
     where n.user_id = $1 and n.read_at is null and n.message_id < $2 and x.deleted_at is null
     order by n.message_id desc limit $3";

pub(super) const PURGE: &str = "delete from notifications where (message_id, user_id) in
     (select message_id, user_id from notifications where read_at < $1 order by read_at limit $2)";

pub(super) const UNREAD: &str = "select n.message_id, n.channel_id
     from notifications n join memberships m on m.user_id = n.user_id and m.channel_id = n.channel_id
     where n.user_id = $1 and n.read_at is null order by n.message_id desc limit $2";

pub(super) const INBOX_READ: &str = "update notifications set read_at = $3
     where user_id = $1 and read_at is null and message_id <= $2";

pub(super) const ONE_READ: &str = "update notifications set read_at = $3
     where message_id = $2 and user_id = $1 and read_at is null";

impl Chat {
    /// A page of a user's notifications, or of those not seen yet, newest first: those before `before`; and whether
    /// there are older ones.
    pub async fn inbox(
        &self,
        user: UserId,
        before: Option<MessageId>,
        unread: bool,
    ) -> Result<(Vec<Notification>, bool), Error> {
        let before = before.unwrap_or(Uuid::max().into());
        let mut read = self.db.read().await?;
        let statement = if unread { INBOX_UNREAD } else { INBOX };
        let rows = sql(statement).bind(user).bind(before).bind(PAGE as i64 + 1).all(&mut read).await?;
        let page = rows.iter().take(PAGE).map(notification).collect::<Result<_, _>>()?;
        Ok((page, rows.len() > PAGE))
    }

    /// A user saw one notification. All their devices are told; harmless when it was seen or is none.
    pub async fn mark_notification(&self, user: UserId, message: MessageId) -> Result<(), Error> {
        let mut tx = self.db.begin_for(user).await?;
        let now = self.clock.now();
        let marked = sql(ONE_READ).bind(user).bind(message).bind(now).execute(&mut tx).await?;
        if marked == 0 {
            return Ok(());
        }
        tx.commit().await?;
        self.hub.publish(Audience::Users(&[user]), &ServerEvent::NotificationRead { message });
        Ok(())
    }

    /// A user saw all notifications up to one. All their devices are told.
    pub async fn mark_inbox(&self, user: UserId, up_to: MessageId) -> Result<(), Error> {
        // Alone: it reaches into all channels at once.
        let mut tx = self.db.begin().await?;
        let now = self.clock.now();
        let marked = sql(INBOX_READ).bind(user).bind(up_to).bind(now).execute(&mut tx).await?;
        if marked == 0 {
            return Ok(());
        }
        tx.commit().await?;
        self.hub.publish(Audience::Users(&[user]), &ServerEvent::InboxRead { up_to });
        Ok(())
    }

    /// Deletes the oldest notifications that were seen longer than [`KEPT_FOR`] ago, at most [`PURGED_AT_ONCE`];
    /// whether there may be more. Nobody is told: what is that old is on no page but at the end of an inbox.
    pub async fn purge_notifications(&self) -> Result<bool, Error> {
        let before = self.clock.now() - KEPT_FOR;
        // Alone: it reaches into everybody's at once.
        let mut tx = self.db.begin().await?;
        let purged = sql(PURGE).bind(before).bind(PURGED_AT_ONCE).execute(&mut tx).await?;
        tx.commit().await?;
        Ok(i64::try_from(purged).is_ok_and(|purged| purged >= PURGED_AT_ONCE))
    }

    /// Tells everybody whom these steps dealt with; what they did is on disk. Who left the channel meanwhile hears
    /// nothing of it.
    pub(super) fn tell(&self, message: &Message, steps: &[Step]) {
        for Step { work, mention, users } in steps {
            let event = match work {
                Work::Withdraw => ServerEvent::NotificationWithdrawn { message: message.id },
                Work::Tell => ServerEvent::Notified { notification: about(message, *mention) },
            };
            if !users.is_empty() {
                self.hub.publish(Audience::ChannelOnly(message.channel, users), &event);
            }
        }
    }
}

/// The newest unseen notifications, at most [`UNREAD_MAX`], and whether there are more.
pub async fn unread(conn: &mut Conn, user: UserId) -> Result<(Vec<Unread>, bool), Error> {
    let rows = sql(UNREAD).bind(user).bind(UNREAD_MAX as i64 + 1).all(conn).await?;
    let unread = |row: &Row| Ok(Unread { message: row.id("message_id")?, channel: row.id("channel_id")? });
    Ok((rows.iter().take(UNREAD_MAX).map(unread).collect::<Result<_, Error>>()?, rows.len() > UNREAD_MAX))
}

fn about(message: &Message, mention: Mention) -> Notification {
    Notification {
        message: message.id,
        channel: message.channel,
        author: message.author,
        mention,
        excerpt: excerpt(&message.body),
        posted_at: message.posted_at,
        read: false,
    }
}

fn notification(row: &Row) -> Result<Notification, Error> {
    Ok(Notification {
        message: row.id("message_id")?,
        channel: row.id("channel_id")?,
        author: row.id("author_id")?,
        mention: mentioned::mention(row)?,
        excerpt: excerpt(&row.text("body")?),
        posted_at: row.time("posted_at")?,
        read: row.integer("read_at")? > 0,
    })
}

fn excerpt(body: &str) -> String {
    body.chars().take(EXCERPT_MAX).collect()
}
