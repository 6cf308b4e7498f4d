//! Places: where a channel stands among the others.
//!
//! Positions are numbers with room between them, so that a channel is moved by changing its own row, and one event
//! tells everybody. Start with [`put_in_place`].

use super::settings::Place;
use crate::chat::{Error, categories};
use crate::db::{Conn, sql};
use crate::id::ChannelId;
use crate::protocol::types::Channel;

/// Room between neighbours: thirty channels in a row go between the same two before all others have to move. With
/// it two million moves to the end fit into what a JavaScript number holds exactly.
pub(super) const STEP: i64 = 1 << 32;

/// Finds the category and the position of a place. Usually nobody else has to move; when they have to, which is
/// rare enough that a page that cannot keep up with so many events may come back for a snapshot, the
/// answer is how everybody stands now.
pub(super) async fn put_in_place(
    conn: &mut Conn,
    channel: &mut Channel,
    place: Place,
) -> Result<Vec<Channel>, Error> {
    if let Some(category) = place.category {
        categories::require(conn, category).await?;
    }
    channel.category = place.category;
    if let Some(position) = position_before(conn, place.before).await? {
        channel.position = position;
        return Ok(Vec::new());
    }
    let mut moved = super::all(conn).await?;
    for (number, other) in (1i64..).zip(&mut moved) {
        other.position = number * STEP;
        sql("update channels set position = $1 where id = $2")
            .bind(other.position)
            .bind(other.id)
            .execute(conn)
            .await?;
    }
    // There is room now; should there be none after all, they share a position, and the ids decide.
    channel.position = position_before(conn, place.before).await?.unwrap_or_default();
    Ok(moved)
}

/// A position just before another channel's, or after all; none when the gap is used up.
async fn position_before(conn: &mut Conn, other: Option<ChannelId>) -> Result<Option<i64>, Error> {
    let next = match other {
        Some(other) => sql("select position from channels where id = $1").bind(other).optional(conn).await?,
        None => None,
    };
    let Some(next) = next else {
        let row = sql("select coalesce(max(position), 0) as last from channels").one(conn).await?;
        return Ok(Some(row.integer("last")? + STEP));
    };
    let next = next.integer("position")?;
    let row = sql("select coalesce(max(position), 0) as last from channels where position < $1")
        .bind(next)
        .one(conn)
        .await?;
    let last = row.integer("last")?;
    let middle = last + (next - last) / 2;
    Ok((middle > last).then_some(middle))
}
