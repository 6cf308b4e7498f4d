//! Memberships: who is in a channel, and so who may read it, write in it and talk in it. The one place that
//! answers such questions.

use super::Error;
use crate::db::{Conn, sql};
use crate::id::{ChannelId, UserId};

/// Refuses unless `user` is a member of the text channel `channel`. That it does not exist and that it is not
/// open to them is the same answer: nobody learns of what is not theirs.
pub async fn require(conn: &mut Conn, user: UserId, channel: ChannelId) -> Result<(), Error> {
    let found = sql("select c.id from memberships m join channels c on c.id = m.channel_id
                     where m.user_id = $1 and m.channel_id = $2 and c.kind = $3")
    .bind(user)
    .bind(channel)
    .bind("text")
    .optional(conn)
    .await?;
    found.map(drop).ok_or(Error::NotFound)
}
