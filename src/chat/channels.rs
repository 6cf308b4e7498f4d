//! Channels: what there is, what a new server begins with, what a new user joins, what admins change.
//!
//! Changes to channels and to who is in them go one after the other to their very end
//! ([`Chat::create_channel`]): what is told of them, and what voice is told, comes in the order in which they
//! were stored, so that the last word is the same everywhere. They are rare enough for that. A connection that
//! begins waits for the one under way, so that what it is told and what it will hear of are the same channels
//! ([`Chat::open_channels`]).
//!
//! Start with [`Chat::update_channel`]; what there is to change is in [`settings`], where a channel stands in [`places`].

pub mod places;
pub mod settings;

use std::sync::Arc;

use self::places::{STEP, put_in_place};
use self::settings::{Name, Place, Settings};
use super::access::{self, Act};
use super::audit::Deed;
use super::clearing::Left;
use super::{Chat, Error, users};
use crate::clock::Timestamp;
use crate::db::{Conn, Row, Value, sql};
use crate::id::{ChannelId, UserId};
use crate::live::hub::{Audience, Connection};
use crate::protocol::rest::AuditAction;
use crate::protocol::server::ServerEvent;
use crate::protocol::types::{Admission, Channel, ChannelKind, Writers};
use crate::protocol::voice::VoiceRights;

/// Channels a server may have; more than anybody reads. One more is refused.
pub const CHANNELS_MAX: i64 = 2_000;

/// What an empty server begins with: a place to write and a place to talk.
const FIRST: [(&str, &str, ChannelKind); 2] =
    [("general", "general", ChannelKind::Text), ("Lounge", "lounge", ChannelKind::Voice)];

/// What [`channel`] reads, of a channel `c`.
macro_rules! columns {
    () => {
        "c.id, c.name, c.slug, c.kind, coalesce(c.max_speakers, 0) as max_speakers, c.topic, c.category_id,
         c.position, c.writers, c.voice_rights, coalesce(c.people_max, 0) as people_max, coalesce(c.archived_at, 0) as archived_at,
         case when c.is_private then 'private' when c.is_default then 'everybody' else 'open' end as admission"
    };
}
pub(super) use columns;

impl Chat {
    /// Makes a channel and tells its members: everybody, or whoever made it. `apply` is called with it before
    /// anybody hears of it.
    pub async fn create_channel(
        &self,
        admin: UserId,
        name: Name,
        kind: ChannelKind,
        settings: Settings,
        apply: impl FnOnce(&Channel) + Send,
    ) -> Result<Channel, Error> {
        let _turn = self.channel_changes.write().await;
        let mut tx = self.db.begin().await?;
        users::require_admin(&mut tx, admin).await?;
        let there =
            sql("select count(*) as channels from channels where kind <> 'deleted'").one(&mut tx).await?;
        if there.integer("channels")? >= CHANNELS_MAX {
            return Err(Error::TooManyChannels);
        }
        let now = self.clock.now();
        let bare = new_channel(self.ids.next(now), name, kind);
        let mut channel = settings.applied_to(bare)?;
        let place = settings.place.unwrap_or(Place { category: None, before: None });
        let moved = put_in_place(&mut tx, &mut channel, place).await?;
        insert(&mut tx, &channel, now).await?;
        match channel.admission {
            Admission::Everybody => sql("insert into memberships (channel_id, joined_at, user_id)
                     select $1, $2, id from users where state <> 'deleted'")
            .bind(channel.id)
            .bind(now),
            Admission::Open | Admission::Private => {
                sql("insert into memberships (channel_id, joined_at, user_id) values ($1, $2, $3)")
                    .bind(channel.id)
                    .bind(now)
                    .bind(admin)
            }
        }
        .execute(&mut tx)
        .await?;
        self.note(&mut tx, now, Deed::by(admin, AuditAction::ChannelCreated).on(&channel.name)).await?;
        tx.commit().await?;

        apply(&channel);
        match channel.admission {
            Admission::Everybody => self.hub.open_to_all(channel.id),
            Admission::Open | Admission::Private => self.hub.open_to(admin, channel.id),
        }
        let event = ServerEvent::ChannelCreated { channel: channel.clone() };
        self.hub.publish(Audience::Channel(channel.id), &event);
        self.tell_changed(moved);
        Ok(channel)
    }

    /// Changes a channel, and tells everybody who sees it. `apply` is called with the channel before anybody
    /// hears of it.
    ///
    /// Of two admins who change different things at once both have their way; of the same thing, the later.
    pub async fn update_channel(
        &self,
        admin: UserId,
        id: ChannelId,
        settings: Settings,
        apply: impl FnOnce(&Channel) + Send,
    ) -> Result<Channel, Error> {
        let _turn = self.channel_changes.write().await;
        let mut tx = self.db.begin().await?;
        let before = access::require(&mut tx, admin, id, Act::Administer).await?;
        let mut channel = settings.applied_to(before.clone())?;
        let mut moved = Vec::new();
        if let Some(place) = settings.place {
            moved = put_in_place(&mut tx, &mut channel, place).await?;
        }
        if channel == before && moved.is_empty() {
            return Ok(before);
        }
        let now = self.clock.now();
        update(&mut tx, &channel, now).await?;
        let detail = difference(&before, &channel);
        let deed = Deed::by(admin, AuditAction::ChannelChanged).on(&before.name).saying(&detail);
        self.note(&mut tx, now, deed).await?;
        tx.commit().await?;

        apply(&channel);
        self.tell_changed([channel.clone()]);
        self.tell_changed(moved.into_iter().filter(|other| other.id != id));
        Ok(channel)
    }

    /// Deletes a channel and everything written in it, and tells everybody who saw it. `close` is called before
    /// anybody hears of it. Of a channel with much in it the rest goes later; nobody sees that it is there.
    pub async fn delete_channel(
        &self,
        admin: UserId,
        id: ChannelId,
        close: impl FnOnce() + Send,
    ) -> Result<(), Error> {
        let _turn = self.channel_changes.write().await;
        let mut tx = self.db.begin().await?;
        let channel = access::require(&mut tx, admin, id, Act::Administer).await?;
        let left = Left::Channel(id);
        let cleared = left.step(&mut tx).await?;
        if !cleared {
            left.keep(&mut tx).await?;
        }
        let deed = Deed::by(admin, AuditAction::ChannelDeleted).on(&channel.name);
        self.note(&mut tx, self.clock.now(), deed).await?;
        tx.commit().await?;

        if !cleared {
            self.clearing_work.notify_one();
        }
        close();
        self.hub.publish(Audience::Channel(id), &ServerEvent::ChannelRemoved { channel: id });
        self.hub.close_channel(id);
        Ok(())
    }

    /// Lets a new connection hear of its user's channels from now on; which they are, in order.
    pub async fn open_channels(&self, connection: &Arc<Connection>) -> Result<Vec<Channel>, Error> {
        // Until both are done nobody joins or is removed.
        let _steady = self.channel_changes.read().await;
        let channels = of_user(&mut *self.db.read().await?, connection.user).await?;
        let ids: Vec<_> = channels.iter().map(|channel| channel.id).collect();
        self.hub.open_channels(connection, &ids);
        Ok(channels)
    }

    /// The voice channels in which fewer may be heard than there are slots.
    pub async fn limited_channels(&self) -> Result<Vec<Channel>, Error> {
        let mut read = self.db.read().await?;
        let rows = sql(concat!(
            "select ",
            columns!(),
            " from channels c where c.max_speakers is not null order by c.id limit $1"
        ))
        .bind(CHANNELS_MAX)
        .all(&mut read)
        .await?;
        rows.iter().map(channel).collect()
    }

    /// Makes the first channels on a server that has none.
    pub async fn make_first_channels(&self) -> Result<(), Error> {
        let mut tx = self.db.begin().await?;
        let there =
            sql("select count(*) as channels from channels").one(&mut tx).await?.integer("channels")?;
        if there > 0 {
            return Ok(());
        }
        let now = self.clock.now();
        for (number, (text, slug, kind)) in (1i64..).zip(FIRST) {
            let name = Name { text: text.to_owned(), slug: slug.to_owned() };
            let channel = Channel { position: number * STEP, ..new_channel(self.ids.next(now), name, kind) };
            insert(&mut tx, &channel, now).await?;
        }
        Ok(tx.commit().await?)
    }

    fn tell_changed(&self, channels: impl IntoIterator<Item = Channel>) {
        for channel in channels {
            let audience = Audience::Channel(channel.id);
            self.hub.publish(audience, &ServerEvent::ChannelUpdated { channel });
        }
    }
}

/// What is not as it was, for the audit log.
fn difference(before: &Channel, now: &Channel) -> String {
    let mut changed = Vec::new();
    if before.name != now.name {
        changed.push(format!("name: {}", now.name));
    }
    if before.topic != now.topic {
        changed.push("topic".to_owned());
    }
    if before.admission != now.admission {
        changed.push(format!("admission: {}", admission_text(now.admission)));
    }
    if before.writers != now.writers {
        changed.push(format!("writers: {}", writers_text(now.writers)));
    }
    if before.archived != now.archived {
        changed.push(format!("archived: {}", if now.archived { "on" } else { "off" }));
    }
    if before.max_speakers != now.max_speakers {
        let most = now.max_speakers.map_or("all".to_owned(), |most| most.to_string());
        changed.push(format!("max_speakers: {most}"));
    }
    if before.people_max != now.people_max {
        let most = now.people_max.map_or("all".to_owned(), |most| most.to_string());
        changed.push(format!("people_max: {most}"));
    }
    if before.voice_rights != now.voice_rights {
        changed.push("voice rights".to_owned());
    }
    if (before.category, before.position) != (now.category, now.position) {
        changed.push("place".to_owned());
    }
    changed.join("; ")
}

fn admission_text(admission: Admission) -> &'static str {
    match admission {
        Admission::Everybody => "everybody",
        Admission::Open => "open",
        Admission::Private => "private",
    }
}

/// As channels are when nothing else is said.
fn new_channel(id: ChannelId, name: Name, kind: ChannelKind) -> Channel {
    Channel {
        id,
        name: name.text,
        slug: name.slug,
        kind,
        max_speakers: None,
        topic: String::new(),
        category: None,
        position: 0,
        admission: Admission::Everybody,
        writers: Writers::Everybody,
        archived: false,
        voice_rights: Box::default(),
        people_max: None,
    }
}

/// Two names may differ and yet be one in addresses; that is the same refusal.
async fn insert(conn: &mut Conn, channel: &Channel, now: Timestamp) -> Result<(), Error> {
    let inserted = sql("insert into channels (name, slug, max_speakers, topic, category_id, position,
             is_default, is_private, writers, archived_at, voice_rights, people_max, id, kind, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, case when $10 then $11 else null end, $12, $13, $14, $15, $11)");
    let inserted =
        bind(inserted, channel, now).bind(channel.id).bind(kind_text(channel.kind)).execute(conn).await;
    name_taken(inserted)
}

async fn update(conn: &mut Conn, channel: &Channel, now: Timestamp) -> Result<(), Error> {
    let updated = sql("update channels set name = $1, slug = $2, max_speakers = $3, topic = $4,
             category_id = $5, position = $6, is_default = $7, is_private = $8, writers = $9,
             archived_at = case when $10 then coalesce(archived_at, $11) else null end,
             voice_rights = $12, people_max = $13
         where id = $14");
    name_taken(bind(updated, channel, now).bind(channel.id).execute(conn).await)
}

/// What may change of a channel, as `$1` to `$13`.
fn bind(statement: crate::db::Statement, channel: &Channel, now: Timestamp) -> crate::db::Statement {
    statement
        .bind(channel.name.as_str())
        .bind(channel.slug.as_str())
        .bind(Value::Integer(channel.max_speakers.map(i64::from)))
        .bind(channel.topic.as_str())
        .bind(Value::Id(channel.category.map(Into::into)))
        .bind(channel.position)
        .bind(channel.admission == Admission::Everybody)
        .bind(channel.admission == Admission::Private)
        .bind(writers_text(channel.writers))
        .bind(channel.archived)
        .bind(now)
        .bind(rights_text(&channel.voice_rights))
        .bind(Value::Integer(channel.people_max.map(i64::from)))
}

/// As stored; nothing for what is usual.
fn rights_text(rights: &VoiceRights) -> String {
    if *rights == VoiceRights::default() {
        return String::new();
    }
    // Names and ids can always be written.
    serde_json::to_string(rights).unwrap_or_default()
}

fn rights(text: String) -> Result<VoiceRights, Error> {
    if text.is_empty() {
        return Ok(VoiceRights::default());
    }
    serde_json::from_str(&text).map_err(|_| Error::Stored { what: "voice rights", value: text })
}

fn name_taken(stored: Result<u64, crate::db::Error>) -> Result<(), Error> {
    match stored {
        Err(error) if error.is_duplicate() => Err(Error::NameTaken),
        other => Ok(other.map(drop)?),
    }
}

/// Every channel, in order.
async fn all(conn: &mut Conn) -> Result<Vec<Channel>, Error> {
    let rows = sql(concat!(
        "select ",
        columns!(),
        " from channels c where c.kind <> 'deleted' order by c.position, c.id limit $1"
    ))
    .bind(CHANNELS_MAX)
    .all(conn)
    .await?;
    rows.iter().map(channel).collect()
}

/// The channels open to a user, in the admin's order.
async fn of_user(conn: &mut Conn, user: UserId) -> Result<Vec<Channel>, Error> {
    let rows = sql(concat!(
        "select ",
        columns!(),
        " from channels c join memberships m on m.channel_id = c.id
          where m.user_id = $1 order by c.position, c.id limit $2"
    ))
    .bind(user)
    .bind(CHANNELS_MAX)
    .all(conn)
    .await?;
    rows.iter().map(channel).collect()
}

/// Makes `user` a member of every default channel. What was written there before is not new to them.
pub async fn join_defaults(conn: &mut Conn, user: UserId, now: Timestamp) -> Result<(), Error> {
    sql("insert into memberships (user_id, channel_id, joined_at, read_number)
         select $1, c.id, $2, coalesce(h.number, 0)
         from channels c left join heads h on h.channel_id = c.id where c.is_default = $3
         on conflict do nothing")
    .bind(user)
    .bind(now)
    .bind(true)
    .execute(conn)
    .await?;
    Ok(())
}

/// A channel out of the [`columns`].
pub(super) fn channel(row: &Row) -> Result<Channel, Error> {
    let kind = match row.text("kind")?.as_str() {
        "text" => ChannelKind::Text,
        "voice" => ChannelKind::Voice,
        other => return Err(Error::Stored { what: "channel kind", value: other.to_owned() }),
    };
    let writers = match row.text("writers")?.as_str() {
        "everybody" => Writers::Everybody,
        "admins" => Writers::Admins,
        other => return Err(Error::Stored { what: "writers", value: other.to_owned() }),
    };
    let admission = match row.text("admission")?.as_str() {
        "private" => Admission::Private,
        "everybody" => Admission::Everybody,
        _ => Admission::Open,
    };
    let max_speakers = match row.integer("max_speakers")? {
        0 => None,
        number => Some(
            u8::try_from(number)
                .map_err(|_| Error::Stored { what: "number of speakers", value: number.to_string() })?,
        ),
    };
    let people_max = match row.integer("people_max")? {
        0 => None,
        number => Some(
            u16::try_from(number)
                .map_err(|_| Error::Stored { what: "number of people", value: number.to_string() })?,
        ),
    };
    Ok(Channel {
        id: row.id("id")?,
        name: row.text("name")?,
        slug: row.text("slug")?,
        kind,
        max_speakers,
        topic: row.text("topic")?,
        category: row.optional_id("category_id")?,
        position: row.integer("position")?,
        admission,
        writers,
        archived: row.integer("archived_at")? != 0,
        voice_rights: Box::new(rights(row.text("voice_rights")?)?),
        people_max,
    })
}

fn kind_text(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Text => "text",
        ChannelKind::Voice => "voice",
    }
}

fn writers_text(writers: Writers) -> &'static str {
    match writers {
        Writers::Everybody => "everybody",
        Writers::Admins => "admins",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One that nothing is said of.
    pub(crate) fn a_channel(kind: ChannelKind) -> Channel {
        let name = Name { text: "Den".to_owned(), slug: "den".to_owned() };
        new_channel(ChannelId::from(uuid::Uuid::nil()), name, kind)
    }

    #[tokio::test]
    async fn there_are_as_many_channels_as_there_may_be_and_not_one_more() {
        let folder = tempfile::tempdir().unwrap();
        let chat = crate::chat::tests::an_empty_one(folder.path()).await;
        let now = chat.now();
        let mut tx = chat.db.begin().await.unwrap();
        let admin: UserId = chat.next_id();
        sql("insert into users (id, username, username_folded, role, created_at) values ($1, 'a', 'a', 'admin', 0)")
            .bind(admin)
            .execute(&mut tx)
            .await
            .unwrap();
        let name = |number: i64| Name::parse(&format!("Number {number}")).unwrap();
        for number in 1..CHANNELS_MAX {
            let channel = new_channel(chat.next_id(), name(number), ChannelKind::Text);
            insert(&mut tx, &channel, now).await.unwrap();
        }
        tx.commit().await.unwrap();
        let create =
            |number| chat.create_channel(admin, name(number), ChannelKind::Text, Settings::default(), |_| ());
        create(CHANNELS_MAX).await.unwrap();
        assert!(matches!(create(CHANNELS_MAX + 1).await, Err(Error::TooManyChannels)));
    }
}
