//! Messages: post, and pages of history.
//!
//! Knows who may write and who is told; does not know how anyone is connected (see [`crate::live::hub`]).

use super::access::{self, Act};
use super::{Chat, Error};
use crate::db::{Conn, Row, sql};
use crate::id::{ChannelId, MessageId, UserId};
use crate::live::hub::Audience;
use crate::protocol::client::Cursor;
use crate::protocol::server::ServerEvent;
use crate::protocol::types::Message;
use crate::telemetry;

/// Characters a message may have.
pub const BODY_MAX: usize = 4000;

/// Messages of one page: a tall screen of short lines.
pub const PAGE: usize = 50;

/// Characters a nonce may have; a UUID has 36.
const NONCE_MAX: usize = 64;

/// The text of a message: 1 to [`BODY_MAX`] characters, without white space around it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Body(String);

impl Body {
    /// The text, trimmed, if it is one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        match text.chars().count() {
            0 => Err(Error::EmptyMessage),
            // The character 0 cannot be stored everywhere, nor shown anywhere.
            1..=BODY_MAX => Ok(Self(text.replace('\0', "\u{fffd}"))),
            length => Err(Error::MessageTooLong(length)),
        }
    }
}

/// The client's own mark of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nonce(String);

impl Nonce {
    /// The mark, if it is one.
    pub fn parse(text: String) -> Result<Self, Error> {
        match text.len() {
            1..=NONCE_MAX => Ok(Self(text)),
            _ => Err(Error::Invalid { field: "nonce", rule: "1 to 64 bytes" }),
        }
    }
}

/// A message that is not posted yet.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Where.
    pub channel: ChannelId,
    /// What.
    pub body: Body,
    /// The client's mark.
    pub nonce: Nonce,
}

/// A part of a channel's history, oldest first.
#[derive(Clone, Debug)]
pub struct Page {
    /// At most [`PAGE`].
    pub messages: Vec<Message>,
    /// Whether there are more in the direction asked.
    pub more: bool,
}

impl Chat {
    /// Posts `draft` and tells everyone concerned.
    ///
    /// A repeated nonce returns the message posted first, so that a client may retry blindly.
    pub async fn post_message(&self, author: UserId, draft: Draft) -> Result<Message, Error> {
        // Beside the posts of other channels. One's own go one after the other: the order of ids is the order of
        // commits, so that whoever asks for what came after an id misses nothing.
        let mut tx = self.db.begin_for(draft.channel).await?;
        if let Some(posted) = find_by_nonce(&mut tx, author, &draft.nonce).await? {
            // Whoever is out of the channel by now does not even see what they wrote there.
            access::require(&mut tx, author, posted.channel, Act::Read).await?;
            return Ok(posted);
        }
        access::require(&mut tx, author, draft.channel, Act::Write).await?;
        let now = self.clock.now();
        let message = Message {
            id: self.ids.next(now),
            channel: draft.channel,
            author,
            body: draft.body.0,
            posted_at: now,
            nonce: draft.nonce.0,
        };
        if !insert(&mut tx, &message).await? {
            // The same nonce at the same moment, in another channel: that one was first.
            let nonce = Nonce(message.nonce);
            return find_by_nonce(&mut tx, author, &nonce).await?.ok_or(Error::NotFound);
        }
        tx.commit().await?;

        telemetry::MESSAGES_POSTED.add();
        let event = ServerEvent::MessagePosted { message: message.clone() };
        self.hub.publish(Audience::Channel(message.channel), &event);
        Ok(message)
    }

    /// A page of a channel's history, for a member.
    pub async fn messages(&self, reader: UserId, channel: ChannelId, cursor: Cursor) -> Result<Page, Error> {
        let mut read = self.db.read().await?;
        access::require(&mut read, reader, channel, Act::Read).await?;
        page(&mut read, channel, cursor).await
    }
}

async fn find_by_nonce(conn: &mut Conn, author: UserId, nonce: &Nonce) -> Result<Option<Message>, Error> {
    let row = sql("select id, channel_id, author_id, body, nonce, posted_at
                   from messages where author_id = $1 and nonce = $2")
    .bind(author)
    .bind(nonce.0.as_str())
    .optional(conn)
    .await?;
    row.as_ref().map(message).transpose()
}

/// Whether it is in; if not, its author has one with this nonce.
async fn insert(conn: &mut Conn, message: &Message) -> Result<bool, Error> {
    let inserted =
        sql("insert into messages (id, channel_id, author_id, body, nonce, posted_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (author_id, nonce) do nothing")
        .bind(message.id)
        .bind(message.channel)
        .bind(message.author)
        .bind(message.body.as_str())
        .bind(message.nonce.as_str())
        .bind(message.posted_at)
        .execute(conn)
        .await?;
    Ok(inserted == 1)
}

async fn page(conn: &mut Conn, channel: ChannelId, cursor: Cursor) -> Result<Page, Error> {
    let statement = match cursor {
        Cursor::Latest => sql("select id, channel_id, author_id, body, nonce, posted_at from messages
                               where channel_id = $1 order by id desc limit $2"),
        Cursor::Before(_) => sql("select id, channel_id, author_id, body, nonce, posted_at from messages
                                  where channel_id = $1 and id < $3 order by id desc limit $2"),
        Cursor::After(_) => sql("select id, channel_id, author_id, body, nonce, posted_at from messages
                                 where channel_id = $1 and id > $3 order by id limit $2"),
    };
    // One more than a page tells whether there are more.
    let statement = statement.bind(channel).bind(PAGE as i64 + 1);
    let statement = match cursor {
        Cursor::Latest => statement,
        Cursor::Before(id) | Cursor::After(id) => statement.bind(id),
    };
    let rows = statement.all(conn).await?;
    let more = rows.len() > PAGE;
    let mut messages = rows.iter().take(PAGE).map(message).collect::<Result<Vec<_>, _>>()?;
    if !matches!(cursor, Cursor::After(_)) {
        messages.reverse();
    }
    Ok(Page { messages, more })
}

fn message(row: &Row) -> Result<Message, Error> {
    Ok(Message {
        id: row.id::<MessageId>("id")?,
        channel: row.id("channel_id")?,
        author: row.id("author_id")?,
        body: row.text("body")?,
        nonce: row.text("nonce")?,
        posted_at: row.time("posted_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_trimmed_and_counted_in_characters() {
        assert_eq!(Body::parse("  hi\n").unwrap(), Body("hi".to_owned()));
        assert!(matches!(Body::parse(" \n\t"), Err(Error::EmptyMessage)));
        assert!(Body::parse(&"ä".repeat(BODY_MAX)).is_ok());
        assert!(matches!(Body::parse(&"ä".repeat(BODY_MAX + 1)), Err(Error::MessageTooLong(4001))));
    }
}
