//! People: how they are read and who they are.

use super::Error;
use super::roster::SNAPSHOT_MAX;
use crate::db::{Conn, Row, sql};
use crate::id::UserId;
use crate::protocol::types::{Role, User};

/// Everybody whom a snapshot names, by name. Once at the start: from then on the roster has them.
pub async fn all(conn: &mut Conn) -> Result<Vec<User>, Error> {
    let rows = sql("select id, username, role from users order by username_folded limit $1")
        .bind(SNAPSHOT_MAX as i64)
        .all(conn)
        .await?;
    rows.iter().map(user).collect()
}

/// Whether anybody is an admin.
pub async fn has_admin(conn: &mut Conn) -> Result<bool, Error> {
    let row = sql("select count(*) as admins from users where role = $1").bind("admin").one(conn).await?;
    Ok(row.integer("admins")? > 0)
}

/// Refuses unless `user` is an admin now.
pub async fn require_admin(conn: &mut Conn, user: UserId) -> Result<(), Error> {
    if is_admin(conn, user).await? { Ok(()) } else { Err(Error::NotAllowed) }
}

/// Whether `user` is an admin now.
pub async fn is_admin(conn: &mut Conn, user: UserId) -> Result<bool, Error> {
    let found = sql("select id from users where id = $1 and role = $2")
        .bind(user)
        .bind(role_text(Role::Admin))
        .optional(conn)
        .await?;
    Ok(found.is_some())
}

/// A user out of the columns `id`, `username` and `role`.
pub fn user(row: &Row) -> Result<User, Error> {
    let id: UserId = row.id("id")?;
    Ok(User { id, username: row.text("username")?, role: role(row.text("role")?)? })
}

/// As stored.
pub fn role_text(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Member => "member",
    }
}

/// As it was stored.
pub fn role(text: String) -> Result<Role, Error> {
    match text.as_str() {
        "admin" => Ok(Role::Admin),
        "member" => Ok(Role::Member),
        _ => Err(Error::Stored { what: "role", value: text }),
    }
}
