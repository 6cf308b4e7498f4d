//! People: how they are read and who they are.

use super::Error;
use super::roster::SNAPSHOT_MAX;
use crate::db::{Conn, Row, sql};
use crate::id::UserId;
use crate::protocol::types::{Role, User, UserState};

/// Everybody whom a snapshot names, by name. Once at the start: from then on the roster has them.
pub async fn all(conn: &mut Conn) -> Result<Vec<User>, Error> {
    let rows = sql("select id, username, role, display_name, avatar, state
                    from users order by username_folded limit $1")
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
    let found = sql("select id from users where id = $1 and role = $2 and state = 'active'")
        .bind(user)
        .bind(role_text(Role::Admin))
        .optional(conn)
        .await?;
    Ok(found.is_some())
}

/// Refuses when nobody but `user` could run this server: for whoever is about to take that from them.
pub async fn require_another_admin(conn: &mut Conn, user: UserId) -> Result<(), Error> {
    let row =
        sql("select count(*) as others from users where role = 'admin' and state = 'active' and id <> $1")
            .bind(user)
            .one(conn)
            .await?;
    if row.integer("others")? == 0 { Err(Error::LastAdmin) } else { Ok(()) }
}

/// Somebody, if there is such a user. A deleted one is one.
pub async fn find(conn: &mut Conn, id: UserId) -> Result<Option<User>, Error> {
    let row = sql("select id, username, role, display_name, avatar, state from users where id = $1")
        .bind(id)
        .optional(conn)
        .await?;
    row.as_ref().map(user).transpose()
}

/// A user out of the columns `id`, `username`, `role`, `display_name`, `avatar` and `state`.
pub fn user(row: &Row) -> Result<User, Error> {
    let filled = |text: String| Some(text).filter(|text| !text.is_empty());
    Ok(User {
        id: row.id("id")?,
        username: row.text("username")?,
        role: role(row.text("role")?)?,
        display_name: filled(row.text("display_name")?),
        avatar: filled(row.text("avatar")?),
        state: state(row.text("state")?)?,
    })
}

/// As stored.
pub fn state_text(state: UserState) -> &'static str {
    match state {
        UserState::Active => "active",
        UserState::Disabled => "disabled",
        UserState::Deleted => "deleted",
    }
}

/// As it was stored.
pub fn state(text: String) -> Result<UserState, Error> {
    match text.as_str() {
        "active" => Ok(UserState::Active),
        "disabled" => Ok(UserState::Disabled),
        "deleted" => Ok(UserState::Deleted),
        _ => Err(Error::Stored { what: "state", value: text }),
    }
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
