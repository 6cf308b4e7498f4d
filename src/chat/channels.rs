//! Channels: what there is, what a new server begins with, what a new user joins.

use super::{Chat, Error};
use crate::clock::Timestamp;
use crate::db::{Conn, Row, sql};
use crate::id::{ChannelId, UserId};
use crate::protocol::types::{Channel, ChannelKind};

/// Channels a user's list may have. More than anybody reads.
const LIST_MAX: i64 = 1_000;

/// What an empty server begins with: a place to write and a place to talk.
const FIRST: [(&str, &str, ChannelKind); 2] =
    [("general", "general", ChannelKind::Text), ("Lounge", "lounge", ChannelKind::Voice)];

impl Chat {
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
            sql("insert into channels (id, name, slug, kind, is_default, position, created_at)
                 values ($1, $2, $3, $4, $5, $6, $7)")
            .bind(self.ids.next::<ChannelId>(now))
            .bind(name)
            .bind(slug)
            .bind(kind_text(kind))
            .bind(true)
            .bind(position)
            .bind(now)
            .execute(&mut tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }

    /// The voice channel `id`, if it is open to `user`.
    pub async fn voice_channel(&self, user: UserId, id: ChannelId) -> Result<Channel, Error> {
        let mut read = self.db.read().await?;
        let row = sql("select c.id, c.name, c.slug, c.kind
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

/// The channels open to a user, in the admin's order.
pub async fn of_user(conn: &mut Conn, user: UserId) -> Result<Vec<Channel>, Error> {
    let rows = sql("select c.id, c.name, c.slug, c.kind
                    from channels c join memberships m on m.channel_id = c.id
                    where m.user_id = $1 order by c.position, c.id limit $2")
    .bind(user)
    .bind(LIST_MAX)
    .all(conn)
    .await?;
    rows.iter().map(channel).collect()
}

/// Makes `user` a member of every default channel.
pub async fn join_defaults(conn: &mut Conn, user: UserId, now: Timestamp) -> Result<(), Error> {
    sql("insert into memberships (user_id, channel_id, joined_at)
         select $1, id, $2 from channels where is_default = $3
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
    Ok(Channel { id: row.id("id")?, name: row.text("name")?, slug: row.text("slug")?, kind })
}

fn kind_text(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::Text => "text",
        ChannelKind::Voice => "voice",
    }
}
