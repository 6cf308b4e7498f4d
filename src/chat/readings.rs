//! Readings: how far everybody has read each channel, and what they want to hear of it.
//!
//! Messages of a channel are numbered without gaps, so that what is unread is the difference of two numbers: the
//! newest message's (the channel's head) and that of the newest message read (in the membership). Nothing is ever
//! counted. A mark only moves forward, and what is deleted keeps its number, so that nothing becomes unread again.
//!
//! What one user has read goes one after the other, beside what is written meanwhile ([`crate::db::Db::begin_for`]).
//! Both a reader and a writer first take the membership and then its notifications, so that neither waits for the other
//! in a circle.

use super::access::{self, Act};
use super::channels::CHANNELS_MAX;
use super::{Chat, Error};
use crate::db::{Conn, Row, sql};
use crate::id::{ChannelId, MessageId, MessageNumber, UserId};
use crate::live::hub::Audience;
use crate::protocol::server::ServerEvent;
use crate::protocol::types::{Involvement, Reading};

pub(super) const OF_USER: &str = "select m.channel_id, m.read_number, m.involvement, coalesce(h.number, 0) as newest
     from memberships m join channels c on c.id = m.channel_id left join heads h on h.channel_id = m.channel_id
     where m.user_id = $1 and c.kind = $2 limit $3";

pub(super) const AT_MESSAGE: &str = "select x.number, m.channel_id, m.read_number, m.involvement, h.number as newest
     from messages x join memberships m on m.channel_id = x.channel_id join heads h on h.channel_id = x.channel_id
     where x.id = $1 and x.channel_id = $2 and m.user_id = $3";

pub(super) const UNREAD_UP_TO: &str = "select message_id from notifications
     where user_id = $1 and read_at is null and message_id <= $2 and channel_id = $3 limit 1";

pub(super) const READ_UP_TO: &str = "update notifications set read_at = $4
     where user_id = $1 and read_at is null and message_id <= $2 and channel_id = $3";

// What follows from a message that was just stored, with the parameters `$1` to `$4` of all that store it: its id, its
// channel, its author and its time. Where it was not stored there is no number, and they change nothing.

pub(super) const HEAD_MOVED: &str = "insert into heads (channel_id, number)
     select channel_id, number from messages where id = $1
     on conflict (channel_id) do update set number = excluded.number";

/// Also where nothing moves: whoever has the row is alone with the user's notifications there.
pub(super) const WRITER_HAS_READ: &str = "update memberships
     set read_number = (select number from messages where id = $1)
     where user_id = $3 and channel_id = $2 and exists (select 1 from messages where id = $1)";

pub(super) const WRITER_HAS_SEEN: &str = "update notifications set read_at = $4
     where user_id = $3 and read_at is null and message_id <= $1 and channel_id = $2";

impl Chat {
    /// `user` has read `channel` up to `message`, and so the notifications among it. All their devices are told.
    pub async fn mark_read(&self, user: UserId, channel: ChannelId, message: MessageId) -> Result<(), Error> {
        // Most often there is nothing to write: several tabs read the same.
        let Some(number) = self.read_on(user, channel, message).await? else { return Ok(()) };
        let mut tx = self.db.begin_for(user).await?;
        access::require(&mut tx, user, channel, Act::Read).await?;
        move_mark(&mut tx, user, channel, number).await?;
        sql(READ_UP_TO)
            .bind(user)
            .bind(message)
            .bind(channel)
            .bind(self.clock.now())
            .execute(&mut tx)
            .await?;
        let row = at_message(&mut tx, user, channel, message).await?;
        let reading = reading(&row)?;
        tx.commit().await?;

        let event = ServerEvent::ReadingChanged { reading, up_to: Some(message) };
        self.hub.publish(Audience::Users(&[user]), &event);
        Ok(())
    }

    /// `user` wants to hear this of `channel` from now on. All their devices are told.
    pub async fn set_involvement(
        &self,
        user: UserId,
        channel: ChannelId,
        involvement: Involvement,
    ) -> Result<(), Error> {
        let mut tx = self.db.begin_for(user).await?;
        access::require(&mut tx, user, channel, Act::Read).await?;
        sql("update memberships set involvement = $1 where user_id = $2 and channel_id = $3")
            .bind(involvement_text(involvement))
            .bind(user)
            .bind(channel)
            .execute(&mut tx)
            .await?;
        let row = sql("select m.channel_id, m.read_number, m.involvement, coalesce(h.number, 0) as newest
                       from memberships m left join heads h on h.channel_id = m.channel_id
                       where m.user_id = $1 and m.channel_id = $2")
        .bind(user)
        .bind(channel)
        .one(&mut tx)
        .await?;
        let reading = reading(&row)?;
        tx.commit().await?;

        self.hub.publish(Audience::Users(&[user]), &ServerEvent::ReadingChanged { reading, up_to: None });
        Ok(())
    }

    /// The number of `message` when reading up to there says anything new.
    async fn read_on(
        &self,
        user: UserId,
        channel: ChannelId,
        message: MessageId,
    ) -> Result<Option<MessageNumber>, Error> {
        let mut read = self.db.read().await?;
        access::require(&mut read, user, channel, Act::Read).await?;
        let row = at_message(&mut read, user, channel, message).await?;
        let number = MessageNumber::from(row.integer("number")?);
        if number > reading(&row)?.read {
            return Ok(Some(number));
        }
        let unread =
            sql(UNREAD_UP_TO).bind(user).bind(message).bind(channel).optional(&mut read).await?.is_some();
        Ok(unread.then_some(number))
    }
}

async fn at_message(
    conn: &mut Conn,
    user: UserId,
    channel: ChannelId,
    message: MessageId,
) -> Result<Row, Error> {
    let row = sql(AT_MESSAGE).bind(message).bind(channel).bind(user).optional(conn).await?;
    row.ok_or(Error::NotFound)
}

/// The number of the newest message of a channel; 0 when there is none.
pub async fn head(conn: &mut Conn, channel: ChannelId) -> Result<MessageNumber, Error> {
    let row = sql("select number from heads where channel_id = $1").bind(channel).optional(conn).await?;
    row.map_or(Ok(MessageNumber::default()), |row| Ok(row.integer("number")?.into()))
}

/// Of each text channel open to a user.
pub async fn of_user(conn: &mut Conn, user: UserId) -> Result<Vec<Reading>, Error> {
    let rows = sql(OF_USER).bind(user).bind("text").bind(CHANNELS_MAX).all(conn).await?;
    rows.iter().map(reading).collect()
}

async fn move_mark(
    conn: &mut Conn,
    user: UserId,
    channel: ChannelId,
    number: MessageNumber,
) -> Result<(), Error> {
    // Also where nothing moves: whoever has the row is alone with the user's notifications there.
    sql("update memberships set read_number = case when read_number < $1 then $1 else read_number end
         where user_id = $2 and channel_id = $3")
    .bind(number)
    .bind(user)
    .bind(channel)
    .execute(conn)
    .await?;
    Ok(())
}

fn reading(row: &Row) -> Result<Reading, Error> {
    Ok(Reading {
        channel: row.id("channel_id")?,
        newest: row.integer("newest")?.into(),
        read: row.integer("read_number")?.into(),
        involvement: involvement(row.text("involvement")?)?,
    })
}

fn involvement(text: String) -> Result<Involvement, Error> {
    match text.as_str() {
        "nothing" => Ok(Involvement::Nothing),
        "mentions" => Ok(Involvement::Mentions),
        "everything" => Ok(Involvement::Everything),
        _ => Err(Error::Stored { what: "involvement", value: text }),
    }
}

/// As stored.
pub fn involvement_text(involvement: Involvement) -> &'static str {
    match involvement {
        Involvement::Nothing => "nothing",
        Involvement::Mentions => "mentions",
        Involvement::Everything => "everything",
    }
}
