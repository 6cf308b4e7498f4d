//! `/api/account`: one's own account, for whoever is signed in. What changes how one signs in asks for the present
//! password.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::Response;

use super::Doors;
use super::auth::CurrentUser;
use super::error::{self, Error, to_the_end};
use super::limits::ClientAddress;
use super::sessions::{close, signed_out};
use crate::chat::accounts::{Email, Password};
use crate::chat::profiles::{DisplayName, Look};
use crate::protocol::rest::{Account, ChangeEmail, ChangePassword, DeleteAccount, Profile};
use crate::protocol::types::User;

/// What nobody else sees.
pub async fn show(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
) -> Result<Json<Account>, Error> {
    Ok(Json(doors.chat.account(&me.user).await?))
}

/// How others see one.
pub async fn set_profile(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    body: Result<Json<Profile>, JsonRejection>,
) -> Result<Json<User>, Error> {
    let Profile { display_name, avatar } = error::body(body)?;
    let name = display_name.map(|name| DisplayName::parse(&name)).transpose()?;
    to_the_end(async move { Ok(Json(doors.chat.set_look(me.user.id, Look { name, avatar }).await?)) }).await
}

/// Another password.
pub async fn change_password(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    ClientAddress(from): ClientAddress,
    body: Result<Json<ChangePassword>, JsonRejection>,
) -> Result<StatusCode, Error> {
    let ChangePassword { password, new_password } = error::body(body)?;
    let new = Password::parse(new_password)?;
    doors.limits.try_password(from, &me.user.username)?;
    to_the_end(async move {
        close(&doors, &doors.chat.change_password(&me, password, new).await?);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Another address. 202: once the mail sent to it is answered; 204: at once, since there is no mail.
pub async fn change_email(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    ClientAddress(from): ClientAddress,
    body: Result<Json<ChangeEmail>, JsonRejection>,
) -> Result<StatusCode, Error> {
    let ChangeEmail { password, email } = error::body(body)?;
    let new = Email::parse(email.trim())?;
    doors.limits.try_password(from, &me.user.username)?;
    let permit = doors.limits.try_mail(from, &email)?;
    to_the_end(async move {
        let _permit = permit;
        match doors.chat.change_email(&me.user, password, new).await? {
            true => Ok(StatusCode::ACCEPTED),
            false => Ok(StatusCode::NO_CONTENT),
        }
    })
    .await
}

/// The end of an account.
pub async fn delete(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    ClientAddress(from): ClientAddress,
    body: Result<Json<DeleteAccount>, JsonRejection>,
) -> Result<Response, Error> {
    let DeleteAccount { password } = error::body(body)?;
    doors.limits.try_password(from, &me.user.username)?;
    to_the_end(async move {
        close(&doors, &doors.chat.delete_account(&me, password).await?);
        Ok(signed_out(&doors))
    })
    .await
}
