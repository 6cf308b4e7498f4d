//! `/api/users` and `/api/audit`: what admins do to other people's accounts.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};

use super::Doors;
use super::accounts::draft;
use super::auth::CurrentUser;
use super::error::{self, Error, to_the_end};
use super::sessions::close;
use crate::id::UserId;
use crate::protocol::rest::{AuditPage, ChangeAccess, ChangeRole, CreateUser, People, ResetLink};
use crate::protocol::types::User;

/// Everybody who has an account; with `?after=` and a user name, those who come after.
pub async fn list(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    uri: Uri,
) -> Result<Json<People>, Error> {
    // A user name needs no escapes; what has some comes after nobody in particular.
    let after = uri.query().and_then(|query| query.strip_prefix("after=")).unwrap_or_default();
    Ok(Json(doors.chat.people(me.user.id, after).await?))
}

/// Makes an account for somebody.
pub async fn create(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    body: Result<Json<CreateUser>, JsonRejection>,
) -> Result<(StatusCode, Json<User>), Error> {
    let CreateUser { username, email, password } = error::body(body)?;
    let draft = draft(username, &email, password)?;
    to_the_end(
        async move { Ok((StatusCode::CREATED, Json(doors.chat.create_user(me.user.id, draft).await?))) },
    )
    .await
}

/// Makes somebody an admin, or a member.
pub async fn set_role(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    user: Result<Path<UserId>, PathRejection>,
    body: Result<Json<ChangeRole>, JsonRejection>,
) -> Result<Json<User>, Error> {
    let (user, ChangeRole { role }) = (error::id(user)?, error::body(body)?);
    to_the_end(async move { Ok(Json(doors.chat.set_role(me.user.id, user, role).await?)) }).await
}

/// Shuts somebody out, or lets them in again.
pub async fn set_access(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    user: Result<Path<UserId>, PathRejection>,
    body: Result<Json<ChangeAccess>, JsonRejection>,
) -> Result<Json<User>, Error> {
    let (user, ChangeAccess { disabled }) = (error::id(user)?, error::body(body)?);
    to_the_end(async move {
        let (user, ended) = doors.chat.set_disabled(me.user.id, user, disabled).await?;
        close(&doors, &ended);
        Ok(Json(user))
    })
    .await
}

/// A link for somebody who forgot their password.
pub async fn reset_link(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    user: Result<Path<UserId>, PathRejection>,
) -> Result<Json<ResetLink>, Error> {
    let user = error::id(user)?;
    to_the_end(async move {
        let (issued, url) = doors.chat.issue_reset_link(me.user.id, user).await?;
        Ok(Json(ResetLink { url, expires_at: issued.expires_at() }))
    })
    .await
}

/// What was done to accounts; with `?before=` and the id of an entry, what was done before.
pub async fn audit(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    uri: Uri,
) -> Result<Json<AuditPage>, Error> {
    let before = match uri.query().and_then(|query| query.strip_prefix("before=")) {
        Some(id) => Some(id.parse().map_err(|_| Error::Malformed("`before` is no id".to_owned()))?),
        None => None,
    };
    Ok(Json(AuditPage { entries: doors.chat.audit(me.user.id, before).await? }))
}
