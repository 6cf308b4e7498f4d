//! Channels: what there is, what a new server begins with, what a new user joins, what admins change.
//!
//! Changes to channels go one after the other to their very end ([`Chat::create_channel`]): what is told of
//! them, and what voice is told, comes in the order in which they were stored, so that the last word is the
//! same everywhere. They are rare enough for that.

use super::{Chat, Error, users};
use crate::clock::Timestamp;
use crate::db::{Conn, Row, Value, sql};
use crate::id::{ChannelId, UserId};
use crate::live::hub::Audience;
use crate::protocol::server::ServerEvent;
use crate::protocol::types::{Channel, ChannelKind, SPEAKERS_MAX};

/// Channels a server may have; more than anybody reads. One more is refused.
pub const CHANNELS_MAX: i64 = 2_000;

/// Characters a channel's name may have: what fits on one line of the list.
pub const NAME_MAX: usize = 60;

/// What an empty server begins with: a place to write and a place to talk.
const FIRST: [(&str, &str, ChannelKind); 2] =
    [("general", "general", ChannelKind::Text), ("Lounge", "lounge", ChannelKind::Voice)];

const FOR_VOICE_ONLY: Error = Error::Invalid { field: "max_speakers", rule: "for voice channels only" };

/// The name of a channel: 1 to [`NAME_MAX`] characters on one line, with a letter or digit in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    text: String,
    slug: String,
}

impl Name {
    /// The name, trimmed, if it is one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if !(1..=NAME_MAX).contains(&text.chars().count()) || text.chars().any(char::is_control) {
            return Err(Error::Invalid { field: "name", rule: "1 to 60 characters on one line" });
        }
        let slug = slug(text);
        if slug.is_empty() {
            return Err(Error::Invalid { field: "name", rule: "at least one letter a to z or digit" });
        }
        Ok(Self { text: text.to_owned(), slug })
    }
}

/// The name in addresses: lower case, a hyphen for each run of anything but letters a to z and digits.
pub fn slug(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|character: char| !character.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

/// How many people may be heard at once: 1 to [`SPEAKERS_MAX`], or as many as there are slots.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MaxSpeakers(Option<u8>);

impl MaxSpeakers {
    /// The number, if it is one.
    pub fn parse(number: Option<u8>) -> Result<Self, Error> {
        match number {
            None | Some(1..=SPEAKERS_MAX) => Ok(Self(number)),
            Some(_) => Err(Error::Invalid { field: "max_speakers", rule: "1 to 16" }),
        }
    }

    fn stored(self) -> Value {
        Value::Integer(self.0.map(i64::from))
    }
}

/// A channel that is not made yet.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What people will call it.
    pub name: Name,
    /// For writing or for talking.
    pub kind: ChannelKind,
    /// Voice channels only.
    pub max_speakers: MaxSpeakers,
}

impl Chat {
    /// Makes a channel, everybody a member of it, and tells everybody. `apply` is called with it before anybody
    /// hears of it.
    pub async fn create_channel(
        &self,
        admin: UserId,
        draft: Draft,
        apply: impl FnOnce(&Channel) + Send,
    ) -> Result<Channel, Error> {
        let Draft { name, kind, max_speakers } = draft;
        if kind == ChannelKind::Text && max_speakers.0.is_some() {
            return Err(FOR_VOICE_ONLY);
        }
        // Never closed, so there is always a turn.
        let _turn = self.channel_changes.acquire().await;
        let mut tx = self.db.begin().await?;
        users::require_admin(&mut tx, admin).await?;
        let row = sql("select count(*) as channels, coalesce(max(position), 0) as last from channels")
            .one(&mut tx)
            .await?;
        if row.integer("channels")? >= CHANNELS_MAX {
            return Err(Error::TooManyChannels);
        }
        let now = self.clock.now();
        let id = self.ids.next(now);
        let channel = Channel { id, name: name.text, slug: name.slug, kind, max_speakers: max_speakers.0 };
        insert(&mut tx, &channel, row.integer("last")? + 1, now).await?;
        sql("insert into memberships (user_id, channel_id, joined_at) select id, $1, $2 from users")
            .bind(id)
            .bind(now)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;

        apply(&channel);
        self.hub.open_to_all(id);
        self.hub.publish(Audience::Channel(id), &ServerEvent::ChannelCreated { channel: channel.clone() });
        Ok(channel)
    }

    /// Changes how many people may be heard at once in a voice channel, and tells everybody who sees it.
    /// `apply` is called with the channel before anybody hears of it.
    pub async fn limit_speakers(
        &self,
        admin: UserId,
        id: ChannelId,
        max_speakers: MaxSpeakers,
        apply: impl FnOnce(&Channel) + Send,
    ) -> Result<Channel, Error> {
        let _turn = self.channel_changes.acquire().await;
        let mut tx = self.db.begin().await?;
        users::require_admin(&mut tx, admin).await?;
        let row = sql("select c.id, c.name, c.slug, c.kind, coalesce(c.max_speakers, 0) as max_speakers
                       from channels c where c.id = $1")
        .bind(id)
        .optional(&mut tx)
        .await?;
        let before = channel(&row.ok_or(Error::NotFound)?)?;
        if before.kind == ChannelKind::Text {
            return Err(FOR_VOICE_ONLY);
        }
        sql("update channels set max_speakers = $1 where id = $2")
            .bind(max_speakers.stored())
            .bind(id)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;

        let channel = Channel { max_speakers: max_speakers.0, ..before };
        apply(&channel);
        self.hub.publish(Audience::Channel(id), &ServerEvent::ChannelUpdated { channel: channel.clone() });
        Ok(channel)
    }

    /// The voice channels in which fewer may be heard than there are slots.
    pub async fn limited_channels(&self) -> Result<Vec<Channel>, Error> {
        let mut read = self.db.read().await?;
        let rows = sql("select c.id, c.name, c.slug, c.kind, coalesce(c.max_speakers, 0) as max_speakers
                        from channels c where c.max_speakers is not null order by c.id limit $1")
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
        for (position, (name, slug, kind)) in (0i64..).zip(FIRST) {
            let (id, name, slug) = (self.ids.next(now), name.to_owned(), slug.to_owned());
            let channel = Channel { id, name, slug, kind, max_speakers: None };
            insert(&mut tx, &channel, position, now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The voice channel `id`, if it is open to `user`.
    pub async fn voice_channel(&self, user: UserId, id: ChannelId) -> Result<Channel, Error> {
        let mut read = self.db.read().await?;
        let row = sql("select c.id, c.name, c.slug, c.kind, coalesce(c.max_speakers, 0) as max_speakers
                       from channels c join memberships m on m.channel_id = c.id
                       where c.id = $1 and m.user_id = $2 and c.kind = $3")
        .bind(id)
        .bind(user)
        .bind(kind_text(ChannelKind::Voice))
        .optional(&mut read)
        .await?;
        channel(&row.ok_or(Error::NotFound)?)
    }
}

/// Two names may differ and yet be one in addresses; that is the same refusal.
async fn insert(conn: &mut Conn, channel: &Channel, position: i64, now: Timestamp) -> Result<(), Error> {
    let inserted =
        sql("insert into channels (id, name, slug, kind, is_default, position, created_at, max_speakers)
         values ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(channel.id)
        .bind(channel.name.as_str())
        .bind(channel.slug.as_str())
        .bind(kind_text(channel.kind))
        .bind(true)
        .bind(position)
        .bind(now)
        .bind(MaxSpeakers(channel.max_speakers).stored())
        .execute(conn)
        .await;
    match inserted {
        Err(error) if error.is_duplicate() => Err(Error::NameTaken),
        other => Ok(other.map(drop)?),
    }
}

/// The channels open to a user, in the admin's order.
pub async fn of_user(conn: &mut Conn, user: UserId) -> Result<Vec<Channel>, Error> {
    let rows = sql("select c.id, c.name, c.slug, c.kind, coalesce(c.max_speakers, 0) as max_speakers
                    from channels c join memberships m on m.channel_id = c.id
                    where m.user_id = $1 order by c.position, c.id limit $2")
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

fn channel(row: &Row) -> Result<Channel, Error> {
    let kind = row.text("kind")?;
    let kind = match kind.as_str() {
        "text" => ChannelKind::Text,
        "voice" => ChannelKind::Voice,
        _ => return Err(Error::Stored { what: "channel kind", value: kind }),
    };
    let max_speakers = match row.integer("max_speakers")? {
        0 => None,
        number => Some(
            u8::try_from(number)
                .map_err(|_| Error::Stored { what: "number of speakers", value: number.to_string() })?,
        ),
    };
    Ok(Channel { id: row.id("id")?, name: row.text("name")?, slug: row.text("slug")?, kind, max_speakers })
}

fn kind_text(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Text => "text",
        ChannelKind::Voice => "voice",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_and_has_something_for_the_address() {
        let slug_of = |name: &str| Name::parse(name).map(|name| name.slug).ok();
        assert_eq!(slug_of("  Music & Games (2) "), Some("music-games-2".to_owned()));
        assert_eq!(slug_of("Übung-eins"), Some("bung-eins".to_owned()));
        assert_eq!(Name::parse(" Ü 1 ").unwrap().text, "Ü 1");
        assert!(Name::parse(&"a".repeat(NAME_MAX)).is_ok());
        for bad in ["", "  ", "-", "!?", "日本", "two\nlines", &"a".repeat(NAME_MAX + 1)] {
            assert!(Name::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn between_one_and_sixteen_people_may_be_heard() {
        for good in [None, Some(1), Some(16)] {
            assert_eq!(MaxSpeakers::parse(good).unwrap().0, good);
        }
        assert!(MaxSpeakers::parse(Some(0)).is_err() && MaxSpeakers::parse(Some(17)).is_err());
    }
}
