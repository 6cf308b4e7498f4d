//! `/api/users` and `/api/audit`: what admins do to other people's accounts.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use percent_encoding::percent_decode_str;

use super::Doors;
use super::accounts::draft;
use super::auth::CurrentUser;
use super::error::{self, Error, to_the_end};
use super::sessions::close;
use crate::chat::audit::Wanted;
use crate::id::UserId;
use crate::protocol::administration::{ChangeAccess, ChangeRole, CreateUser, People, ResetLink};
use crate::protocol::rest::{AuditAction, AuditPage};
use crate::protocol::types::User;

/// Everybody who has an account; with `after` and a user name those who come after, with `search` those who have this in
/// a name or in their address.
pub async fn list(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    uri: Uri,
) -> Result<Json<People>, Error> {
    let [after, search] = asked(&uri, ["after", "search"]);
    let (after, search) = (after.unwrap_or_default(), search.unwrap_or_default());
    Ok(Json(doors.chat.people(me.user.id, &after, &search).await?))
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
    to_the_end(async move {
        let changed = doors.chat.set_role(me.user.id, user, role).await?;
        doors.voice.review(|who, _| who == user).await;
        Ok(Json(changed))
    })
    .await
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

/// Ends somebody's account for good.
pub async fn delete(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    user: Result<Path<UserId>, PathRejection>,
) -> Result<StatusCode, Error> {
    let user = error::id(user)?;
    to_the_end(async move {
        close(&doors, &doors.chat.delete_user(me.user.id, user).await?);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// What was done; with `before` and the id of an entry what was done before, with `actor` and a user's id what they did,
/// with `action` what was of this kind.
pub async fn audit(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    uri: Uri,
) -> Result<Json<AuditPage>, Error> {
    let [before, actor, action] = asked(&uri, ["before", "actor", "action"]);
    let bad = |what: &str| Error::Malformed(format!("`{what}` is none"));
    let id = |text: &str, what| text.parse::<uuid::Uuid>().map_err(|_| bad(what));
    let wanted = Wanted {
        before: before.map(|text| id(&text, "before")).transpose()?,
        actor: actor.map(|text| id(&text, "actor")).transpose()?.map(Into::into),
        action: action.map(|text| AuditAction::from_text(&text).ok_or_else(|| bad("action"))).transpose()?,
    };
    Ok(Json(doors.chat.audit(me.user.id, wanted).await?))
}

/// What a query says of these, each if anything. Of two that say the same the first counts.
fn asked<const N: usize>(uri: &Uri, names: [&str; N]) -> [Option<String>; N] {
    let query = uri.query().unwrap_or_default();
    names.map(|name| {
        let values = query.split('&').filter_map(|pair| pair.split_once('='));
        let value = values.into_iter().find(|(key, _)| *key == name)?.1;
        let plain = percent_decode_str(value).decode_utf8_lossy().into_owned();
        Some(plain).filter(|value| !value.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_with_its_escapes() {
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        let [after, search] =
            asked(&uri("/api/users?search=a%26b%20%C3%A4&after=ben&after=cai"), ["after", "search"]);
        assert_eq!((after.as_deref(), search.as_deref()), (Some("ben"), Some("a&b ä")));
        for nothing in ["/api/users", "/api/users?", "/api/users?after", "/api/users?after=&x=%FF"] {
            assert_eq!(asked(&uri(nothing), ["after", "search"]), [None, None], "{nothing}");
        }
    }
}
