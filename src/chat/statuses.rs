//! Statuses: what users chose to be seen as, the same on every device and after a restart.
//!
//! Must never know: who is connected, and what others see of a status; that is [`crate::live::presence`]'s affair,
//! which keeps a copy of these rows in memory and is told of each change once it is on disk.

use super::{Chat, Error};
use crate::db::{Conn, sql};
use crate::id::UserId;
use crate::live::hub::Audience;
use crate::protocol::server::ServerEvent;
use crate::protocol::types::Status;

impl Chat {
    /// `user` wants to be seen so from now on. All their devices are told, and others see it.
    pub async fn set_status(&self, user: UserId, status: Status) -> Result<(), Error> {
        // What is in memory comes in the order in which it was stored.
        let _turn = self.user_changes.lock().await;
        let mut tx = self.db.begin_for(user).await?;
        let statement = match status {
            Status::Online => sql("delete from statuses where user_id = $1").bind(user),
            Status::Away | Status::DoNotDisturb | Status::Invisible => {
                sql("insert into statuses (user_id, status) values ($1, $2)
                     on conflict (user_id) do update set status = excluded.status")
                .bind(user)
                .bind(stored(status))
            }
        };
        statement.execute(&mut tx).await?;
        tx.commit().await?;
        self.live.set_status(user, status);
        self.hub.publish(Audience::Users(&[user]), &ServerEvent::StatusChanged { status });
        Ok(())
    }
}

/// Everybody's who is not simply online; at most as many as there are users.
pub async fn all(conn: &mut Conn) -> Result<Vec<(UserId, Status)>, Error> {
    let rows = sql("select user_id, status from statuses").all(conn).await?;
    rows.iter().map(|row| Ok((row.id("user_id")?, status(row.text("status")?)?))).collect()
}

/// What a user chose.
pub async fn of_user(conn: &mut Conn, user: UserId) -> Result<Status, Error> {
    let row = sql("select status from statuses where user_id = $1").bind(user).optional(conn).await?;
    match row {
        Some(row) => status(row.text("status")?),
        None => Ok(Status::Online),
    }
}

fn stored(status: Status) -> &'static str {
    match status {
        Status::Online => "online",
        Status::Away => "away",
        Status::DoNotDisturb => "do_not_disturb",
        Status::Invisible => "invisible",
    }
}

fn status(text: String) -> Result<Status, Error> {
    match text.as_str() {
        "away" => Ok(Status::Away),
        "do_not_disturb" => Ok(Status::DoNotDisturb),
        "invisible" => Ok(Status::Invisible),
        _ => Err(Error::Stored { what: "status", value: text }),
    }
}
