//! Clearing: what a deleted channel or account leaves behind goes a batch at a time, with others' turns in between.
//!
//! The transaction of a deletion clears the first batch itself ([`Left::step`]), which in most cases is all there is.
//! If not, it makes the channel one that nobody sees or is in, and leaves a row in `clearings`; [`Chat::clear`] works
//! it off behind the others' backs, and after a crash goes on where it was. Whoever writes meanwhile waits no longer
//! behind a channel of a million messages than behind one of a hundred.
//!
//! Must never know: who may delete, and who is told of it. Start with [`Left::step`].

use std::time::Duration;

use uuid::Uuid;

use super::{Chat, Error};
use crate::db::{self, Conn, sql};
use crate::id::{ChannelId, UserId};

/// Messages that one transaction deletes, each with its mentions and its hyperlink: some 10 ms, for which others wait.
pub(super) const MESSAGES: i64 = 200;

/// Notifications that one transaction deletes, as many as the fan-out writes in one.
pub(super) const NOTIFICATIONS: i64 = 500;

/// How long others have the database for themselves after each batch. There is no hurry: nobody sees what is left.
const PAUSE: Duration = Duration::from_millis(10);

/// How long to wait after a failure (a full disk) before the next try.
const RETRY: Duration = Duration::from_secs(5);

pub(super) const NOTIFICATIONS_OF_CHANNEL: &str = "delete from notifications where (message_id, user_id) in
     (select n.message_id, n.user_id from notifications n where n.message_id in
      (select x.id from messages x where x.channel_id = $1 order by x.id limit $2) limit $3)";

pub(super) const MENTIONS_OF_CHANNEL: &str = "delete from mentions where channel_id = $1 and message_id in
     (select x.id from messages x where x.channel_id = $1 order by x.id limit $2)";

pub(super) const HYPERLINKS_OF_CHANNEL: &str =
    "delete from hyperlinks where channel_id = $1 and message_id in
     (select x.id from messages x where x.channel_id = $1 order by x.id limit $2)";

pub(super) const MESSAGES_OF_CHANNEL: &str = "delete from messages where id in
     (select x.id from messages x where x.channel_id = $1 order by x.id limit $2)";

pub(super) const NOTIFICATIONS_OF_USER: &str =
    "delete from notifications where user_id = $1 and message_id in
     (select n.message_id from notifications n where n.user_id = $1 order by n.message_id limit $2)";

/// What is deleted, and may have left something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Left {
    /// Messages, with all that follows from them, and at last the channel itself.
    Channel(ChannelId),
    /// What somebody was told. What they wrote stays.
    Account(UserId),
}

impl Chat {
    /// Clears away what deletions left, until the database is closed.
    pub async fn clear(&self) {
        loop {
            match self.clear_once().await {
                Ok(true) => tokio::time::sleep(PAUSE).await,
                Ok(false) => self.clearing_work.notified().await,
                Err(Error::Database(db::Error::Closed)) => return,
                Err(error) => {
                    tracing::error!(%error, "what was deleted could not be cleared away yet");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// One batch; false when there was nothing to do.
    pub(super) async fn clear_once(&self) -> Result<bool, Error> {
        let Some(left) = next(&mut *self.db.read().await?).await? else { return Ok(false) };
        let mut tx = self.db.begin_for(left.id()).await?;
        if left.step(&mut tx).await? {
            sql("delete from clearings where id = $1").bind(left.id()).execute(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

async fn next(conn: &mut Conn) -> Result<Option<Left>, Error> {
    let row = sql("select id, what from clearings order by id limit 1").optional(conn).await?;
    let Some(row) = row else { return Ok(None) };
    let what = row.text("what")?;
    Ok(Some(match what.as_str() {
        "channel" => Left::Channel(row.id("id")?),
        "account" => Left::Account(row.id("id")?),
        _ => return Err(Error::Stored { what: "clearing", value: what }),
    }))
}

impl Left {
    fn id(self) -> Uuid {
        match self {
            Self::Channel(channel) => channel.into(),
            Self::Account(user) => user.into(),
        }
    }

    /// Deletes some of it; whether that was all.
    pub(super) async fn step(self, conn: &mut Conn) -> Result<bool, Error> {
        let channel = match self {
            Self::Channel(channel) => channel,
            Self::Account(user) => {
                let gone = sql(NOTIFICATIONS_OF_USER).bind(user).bind(NOTIFICATIONS).execute(conn).await?;
                return Ok(is_less(gone, NOTIFICATIONS));
            }
        };
        // A message may have been told to everybody. It goes when those are gone.
        let told = sql(NOTIFICATIONS_OF_CHANNEL).bind(channel).bind(MESSAGES).bind(NOTIFICATIONS);
        if !is_less(told.execute(conn).await?, NOTIFICATIONS) {
            return Ok(false);
        }
        for follows in [MENTIONS_OF_CHANNEL, HYPERLINKS_OF_CHANNEL] {
            sql(follows).bind(channel).bind(MESSAGES).execute(conn).await?;
        }
        let gone = sql(MESSAGES_OF_CHANNEL).bind(channel).bind(MESSAGES).execute(conn).await?;
        if !is_less(gone, MESSAGES) {
            return Ok(false);
        }
        sql("delete from channels where id = $1").bind(channel).execute(conn).await?;
        Ok(true)
    }

    /// Keeps for later what is left of it.
    pub(super) async fn keep(self, conn: &mut Conn) -> Result<(), Error> {
        let what = match self {
            Self::Channel(channel) => {
                hide(conn, channel).await?;
                "channel"
            }
            Self::Account(_) => "account",
        };
        sql("insert into clearings (id, what) values ($1, $2)")
            .bind(self.id())
            .bind(what)
            .execute(conn)
            .await?;
        Ok(())
    }
}

/// Makes a channel one that nobody sees, whose name is free.
async fn hide(conn: &mut Conn, channel: ChannelId) -> Result<(), Error> {
    sql("update channels set kind = 'deleted', name = '', slug = $2, topic = '', category_id = null,
         max_speakers = null, is_default = $3 where id = $1")
    .bind(channel)
    // Longer than any that a name gives, and nobody else's.
    .bind(format!("deleted-{}", Uuid::from(channel)))
    .bind(false)
    .execute(conn)
    .await?;
    sql("delete from memberships where channel_id = $1").bind(channel).execute(conn).await?;
    Ok(())
}

fn is_less(rows: u64, than: i64) -> bool {
    i64::try_from(rows).unwrap_or(i64::MAX) < than
}

#[cfg(test)]
mod tests;
