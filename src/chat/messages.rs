//! Messages: post, edit, delete, and pages of history.
//!
//! Knows who is told; does not know who may ([`super::access`]) and how anyone is connected (see
//! [`crate::live::hub`]). What a text may be is in [`super::body`].
//!
//! What happens to the messages of one channel happens one after the other, beside those of other channels
//! ([`crate::db::Db::begin_for`]): the order of ids, and of numbers, is the order of commits, so that whoever asks for
//! what came after an id misses nothing.

use super::access::{self, Act};
use super::audit::Deed;
pub use super::body::{BODY_MAX, Body};
use super::fanouts::{self, Begun};
use super::{Chat, Error, mentioned, previews, readings};
use crate::clock::Timestamp;
use crate::db::{Bundle, Conn, Row, Statement, Together, Tx, sql, together};
use crate::id::{ChannelId, MessageId, MessageNumber, UserId};
use crate::live::hub::Audience;
use crate::protocol::client::Cursor;
use crate::protocol::rest::AuditAction;
use crate::protocol::server::ServerEvent;
use crate::protocol::types::{Mention, Message, MessageState};
use crate::telemetry;

/// Messages of one page: a tall screen of short lines.
pub const PAGE: usize = 50;

/// Characters a nonce may have; a UUID has 36.
const NONCE_MAX: usize = 64;

/// What every statement that reads messages begins with.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, channel_id, author_id, body, nonce, posted_at, number,
                    coalesce(edited_at, 0) as edited_at, coalesce(deleted_at, 0) as deleted_at from messages ",
            $rest
        )
    };
}

pub(super) const BY_ID: &str = select!("where id = $1");

pub(super) const BY_NONCE: &str = select!("where author_id = $1 and nonce = $2");

/// Nobody else numbers messages of this channel meanwhile: ids and numbers are in the order of commits.
pub(super) const INSERTED: &str =
    "insert into messages (id, channel_id, author_id, posted_at, body, nonce, number)
     values ($1, $2, $3, $4, $5, $6, coalesce((select number from heads where channel_id = $2), 0) + 1)
     on conflict (author_id, nonce) do nothing returning number";

pub(super) const LATEST: &str = select!("where channel_id = $1 order by id desc limit $2");

pub(super) const BEFORE: &str = select!("where channel_id = $1 and id < $3 order by id desc limit $2");

pub(super) const AFTER: &str = select!("where channel_id = $1 and id > $3 order by id limit $2");

/// From the message on that so many others came after: found by walking over the index, from the nearer side of what
/// is mostly asked for, which reads no message.
pub(super) const FROM_END: &str = select!(
    "where channel_id = $1 and id >= (select id from messages where channel_id = $1 order by id desc limit 1 offset $3)
     order by id limit $2"
);

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
    /// A repeated nonce returns the message posted first, as it is now, so that a client may retry blindly.
    pub async fn post_message(&self, author: UserId, draft: Draft) -> Result<Message, Error> {
        let Draft { channel, body, nonce } = draft;
        let refusal = match self.post_new(author, channel, body, &nonce).await {
            Ok(Some(message)) => return Ok(message),
            Ok(None) => Error::NotFound,
            Err(error @ Error::Database(_)) => return Err(error),
            // What they may not write now they may have written before.
            Err(error) => error,
        };
        self.posted_before(author, channel, &nonce).await?.ok_or(refusal)
    }

    /// None when the author has a message with this nonce.
    async fn post_new(
        &self,
        author: UserId,
        channel: ChannelId,
        body: Body,
        nonce: &Nonce,
    ) -> Result<Option<Message>, Error> {
        let mut tx = self.db.begin_for(channel).await?;
        let meant = mentioned::resolve_for(&mut tx, author, channel, &body).await?;
        let now = self.clock.now();
        mentioned::allow(&mut tx, author, channel, &meant, now).await?;
        let mut message = Message {
            id: self.ids.next(now),
            channel,
            author,
            body: body.into_text(),
            posted_at: now,
            nonce: nonce.0.clone(),
            number: 0.into(),
            state: MessageState::Posted,
            mentions: meant,
            preview: None,
        };
        let Some(Stored { number, dealt_with, told }) = insert(&mut tx, &message).await? else {
            return Ok(None);
        };
        message.number = number;
        mentioned::record(&mut tx, channel, message.id, &message.mentions, dealt_with).await?;
        let wanted = self.refer(&mut tx, &mut message).await?;
        let online = self.online_for(&message.mentions);
        let begun = fanouts::begin_new(&mut tx, &message, dealt_with, told, &online).await?;
        tx.commit().await?;

        telemetry::MESSAGES_POSTED.add();
        self.hub
            .publish(Audience::Channel(channel), &ServerEvent::MessagePosted { message: message.clone() });
        self.go_on(&message, begun);
        self.ask_for_preview(wanted);
        Ok(Some(message))
    }

    /// The author's message with this nonce. It may have been posted a moment ago: it is on disk when this returns.
    async fn posted_before(
        &self,
        author: UserId,
        channel: ChannelId,
        nonce: &Nonce,
    ) -> Result<Option<Message>, Error> {
        let mut tx = self.db.begin_for(channel).await?;
        let Some(posted) = find_by_nonce(&mut tx, author, nonce).await? else { return Ok(None) };
        // Whoever is out of the channel by now does not even see what they wrote there.
        access::require(&mut tx, author, posted.channel, Act::Read).await?;
        tx.commit().await?;
        Ok(Some(posted))
    }

    /// Gives an author's message another text, and tells everyone concerned: whom it means now and did not before
    /// is notified, and whom it does not mean any more has no notification of it.
    pub async fn edit_message(&self, user: UserId, id: MessageId, body: Body) -> Result<Message, Error> {
        let mut tx = self.begin_for_message(id).await?;
        let before = find(&mut tx, id).await?.ok_or(Error::NotFound)?;
        // Whose it is says nothing to those who may not see it.
        access::require(&mut tx, user, before.channel, Act::Read).await?;
        if before.state == MessageState::Deleted {
            return Err(Error::NotFound);
        }
        if before.author != user {
            return Err(Error::NotAllowed);
        }
        access::require(&mut tx, user, before.channel, Act::Write).await?;
        if before.body == body.text() {
            return Ok(before);
        }
        let meant = mentioned::resolve(&mut tx, before.channel, &body).await?;
        let new = but(&meant, &before.mentions);
        let gone = but(&before.mentions, &meant);
        let now = self.clock.now();
        mentioned::allow(&mut tx, user, before.channel, &new, now).await?;
        let channel = before.channel;
        let mut message = Message {
            body: body.into_text(),
            state: MessageState::Edited { at: now },
            mentions: meant,
            ..before
        };
        update(&mut tx, &message, now).await?;
        let wanted = self.refer(&mut tx, &mut message).await?;
        if !new.is_empty() || !gone.is_empty() {
            mentioned::forget(&mut tx, channel, id).await?;
            mentioned::record(&mut tx, channel, id, &message.mentions, 0).await?;
        }
        fanouts::stop(&mut tx, id, &gone).await?;
        // Who was told by a mention that is gone may still be meant by one that is left.
        let told = if gone.is_empty() { &new } else { &message.mentions };
        let online = self.online_for(told);
        let begun = fanouts::begin(&mut tx, &message, &gone, told, &online).await?;
        tx.commit().await?;

        self.hub
            .publish(Audience::Channel(channel), &ServerEvent::MessageEdited { message: message.clone() });
        self.go_on(&message, begun);
        self.ask_for_preview(wanted);
        Ok(message)
    }

    /// Deletes a message, its author's or, for an admin, anybody's: its text, its mentions and its notifications.
    /// Its place stays, so that nothing else becomes unread, and its nonce, so that no retry posts it again.
    pub async fn delete_message(&self, user: UserId, id: MessageId) -> Result<(), Error> {
        let mut tx = self.begin_for_message(id).await?;
        let before = find(&mut tx, id).await?.ok_or(Error::NotFound)?;
        let act = if before.author == user { Act::DeleteOwn } else { Act::DeleteOthers };
        let place = access::require(&mut tx, user, before.channel, act).await?;
        if before.state == MessageState::Deleted {
            return Ok(());
        }
        let channel = before.channel;
        let gone = before.mentions.clone();
        let message = Message {
            body: String::new(),
            state: MessageState::Deleted,
            mentions: Vec::new(),
            preview: None,
            ..before
        };
        update(&mut tx, &message, self.clock.now()).await?;
        previews::forget(&mut tx, channel, id).await?;
        mentioned::forget(&mut tx, channel, id).await?;
        fanouts::stop(&mut tx, id, &gone).await?;
        let begun = fanouts::begin(&mut tx, &message, &gone, &[], &[]).await?;
        if act == Act::DeleteOthers {
            let deed = Deed::by(user, AuditAction::MessageDeleted).to(message.author).on(&place.name);
            self.note(&mut tx, self.clock.now(), deed).await?;
        }
        tx.commit().await?;

        self.hub.publish(Audience::Channel(channel), &ServerEvent::MessageDeleted { channel, message: id });
        self.go_on(&message, begun);
        Ok(())
    }

    /// A page of a channel's history, for a member.
    pub async fn messages(&self, reader: UserId, channel: ChannelId, cursor: Cursor) -> Result<Page, Error> {
        let mut read = self.db.read().await?;
        access::require(&mut read, reader, channel, Act::Read).await?;
        page(&mut read, channel, cursor).await
    }

    /// Begins an operation on a message, in the turn of its channel, which never changes.
    pub(super) async fn begin_for_message(&self, id: MessageId) -> Result<Tx, Error> {
        let mut read = self.db.read().await?;
        let row = sql("select channel_id from messages where id = $1").bind(id).optional(&mut read).await?;
        drop(read);
        let channel: ChannelId = row.ok_or(Error::NotFound)?.id("channel_id")?;
        Ok(self.db.begin_for(channel).await?)
    }

    /// Tells whom the transaction of a message dealt with, and sees that the rest is dealt with too.
    fn go_on(&self, message: &Message, begun: Begun) {
        self.tell(message, &begun.steps);
        if begun.unfinished {
            self.fanout_work.notify_one();
        }
    }
}

/// The message `id`, if there is one.
pub async fn find(conn: &mut Conn, id: MessageId) -> Result<Option<Message>, Error> {
    find_one(conn, sql(BY_ID).bind(id)).await
}

async fn find_one(conn: &mut Conn, statement: Statement) -> Result<Option<Message>, Error> {
    let Some(row) = statement.optional(conn).await? else { return Ok(None) };
    let mut found = vec![message(&row)?];
    add_rest(conn, &mut found).await?;
    Ok(found.pop())
}

async fn find_by_nonce(conn: &mut Conn, author: UserId, nonce: &Nonce) -> Result<Option<Message>, Error> {
    find_one(conn, sql(BY_NONCE).bind(author).bind(nonce.0.as_str())).await
}

/// What storing a message did.
struct Stored {
    /// Its number in the channel.
    number: MessageNumber,
    /// How many of those it names, from the first on, are recorded and told.
    dealt_with: usize,
    /// Who of them was told.
    told: Vec<UserId>,
}

/// Stores a message with the next number of its channel, in the channel's turn; whoever writes has read what was
/// written before, and the first whom it names are told. None when its author has one with this nonce: then nothing
/// is stored.
async fn insert(conn: &mut Conn, message: &Message) -> Result<Option<Stored>, Error> {
    static WRITTEN: Together = Together::new(&[
        INSERTED,
        readings::HEAD_MOVED,
        readings::WRITER_HAS_READ,
        readings::WRITER_HAS_SEEN,
    ]);
    static WRITTEN_TO: Together = Together::new(&[
        INSERTED,
        readings::HEAD_MOVED,
        readings::WRITER_HAS_READ,
        readings::WRITER_HAS_SEEN,
        mentioned::RECORD_WRITTEN,
        fanouts::TELL_WRITTEN,
    ]);
    let named = mentioned::users_of(&message.mentions);
    let first = &named[..named.len().min(mentioned::AT_ONCE)];
    let bundle = together(if first.is_empty() { &WRITTEN } else { &WRITTEN_TO })
        .bind(message.id)
        .bind(message.channel)
        .bind(message.author)
        .bind(message.posted_at)
        .bind(message.body.as_str())
        .bind(message.nonce.as_str());
    let bundle = match first {
        [] => bundle,
        some => mentioned::these_users(some).fold(bundle, Bundle::bind),
    };
    let answers = bundle.each(conn).await?;
    let Some(inserted) = answers.first().and_then(|rows| rows.first()) else { return Ok(None) };
    Ok(Some(Stored {
        number: inserted.integer("number")?.into(),
        dealt_with: first.len(),
        told: match answers.get(5) {
            Some(rows) => fanouts::users(rows)?,
            None => Vec::new(),
        },
    }))
}

/// Stores another text, or none for good, as of `now`.
async fn update(conn: &mut Conn, message: &Message, now: Timestamp) -> Result<(), Error> {
    let statement = match message.state {
        MessageState::Deleted => sql("update messages set body = $1, deleted_at = $2 where id = $3"),
        MessageState::Posted | MessageState::Edited { .. } => {
            sql("update messages set body = $1, edited_at = $2 where id = $3")
        }
    };
    statement.bind(message.body.as_str()).bind(now).bind(message.id).execute(conn).await?;
    Ok(())
}

async fn page(conn: &mut Conn, channel: ChannelId, cursor: Cursor) -> Result<Page, Error> {
    // One more than a page tells whether there are more.
    let of_channel = |statement| sql(statement).bind(channel).bind(PAGE as i64 + 1);
    let statement = match cursor {
        Cursor::Latest => of_channel(LATEST),
        Cursor::Before(id) => of_channel(BEFORE).bind(id),
        Cursor::After(id) => of_channel(AFTER).bind(id),
        Cursor::From(number) => {
            let head = i64::from(readings::head(conn, channel).await?);
            // Numbers have no gaps, so they are places. Before the first is the first; after the last is nothing.
            let since = head - i64::from(number).max(1);
            if since < 0 {
                return Ok(Page { messages: Vec::new(), more: false });
            }
            of_channel(FROM_END).bind(since)
        }
    };
    let rows = statement.all(conn).await?;
    let more = rows.len() > PAGE;
    let mut messages = rows.iter().take(PAGE).map(message).collect::<Result<Vec<_>, _>>()?;
    if matches!(cursor, Cursor::Latest | Cursor::Before(_)) {
        messages.reverse();
    }
    add_rest(conn, &mut messages).await?;
    Ok(Page { messages, more })
}

/// Reads whom messages of one channel mean and what is shown with them. They are in order.
async fn add_rest(conn: &mut Conn, messages: &mut [Message]) -> Result<(), Error> {
    let [Some(first), Some(last)] = [messages.first(), messages.last()] else { return Ok(()) };
    let (channel, from, to) = (first.channel, first.id, last.id);
    let mut mentions = mentioned::of_messages(conn, channel, from, to, messages.len()).await?;
    let mut previews = previews::of_messages(conn, channel, from, to, messages.len()).await?;
    for message in messages {
        message.preview = previews.remove(&message.id);
        message.mentions = mentions.remove(&message.id).unwrap_or_default();
    }
    Ok(())
}

/// Without its mentions and its preview.
fn message(row: &Row) -> Result<Message, Error> {
    let state = match (row.integer("deleted_at")?, row.integer("edited_at")?) {
        (0, 0) => MessageState::Posted,
        (0, at) => MessageState::Edited { at: Timestamp::from_millis(at) },
        (_, _) => MessageState::Deleted,
    };
    Ok(Message {
        id: row.id::<MessageId>("id")?,
        channel: row.id("channel_id")?,
        author: row.id("author_id")?,
        body: row.text("body")?,
        nonce: row.text("nonce")?,
        posted_at: row.time("posted_at")?,
        number: row.integer("number")?.into(),
        state,
        mentions: Vec::new(),
        preview: None,
    })
}

/// Those of `some` that are not among `others`.
fn but(some: &[Mention], others: &[Mention]) -> Vec<Mention> {
    some.iter().filter(|mention| !others.contains(mention)).copied().collect()
}
