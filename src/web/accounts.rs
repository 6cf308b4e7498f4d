//! `POST /api/accounts` and `POST /api/setup`: making an account, which also signs in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::Doors;
use super::error::{self, Error, to_the_end};
use super::limits::ClientAddress;
use super::sessions::{self, browser};
use crate::chat;
use crate::chat::accounts::{self, Draft, Email, Password, Username};
use crate::chat::sessions::Device;
use crate::protocol::rest::{Register, Registered};
use crate::protocol::types::User;

/// Makes an account for anybody, if the operator allows it.
pub async fn register(
    State(doors): State<Arc<Doors>>,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
    body: Result<Json<Register>, JsonRejection>,
) -> Result<Response, Error> {
    let body = error::body(body)?;
    doors.limits.try_password(from, &body.username)?;
    let (draft, device) = (draft(body.username, &body.email, body.password)?, browser(&headers, from));
    // Where registrations are confirmed this sends a mail, to whoever was named.
    let _permit = match doors.chat.asks_for_confirmation().await? {
        true => Some(doors.limits.try_mail(from, &body.email)?),
        false => None,
    };
    to_the_end(async move {
        match doors.chat.register(draft).await? {
            accounts::Registered::Now(user) => signed_in(&doors, user, &device).await,
            accounts::Registered::Asked => {
                Ok((StatusCode::ACCEPTED, Json(Registered { user: None })).into_response())
            }
        }
    })
    .await
}

/// Makes the first admin, for whoever has the link from the console.
pub async fn set_up(
    State(doors): State<Arc<Doors>>,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
    body: Result<Json<Register>, JsonRejection>,
) -> Result<Response, Error> {
    let body = error::body(body)?;
    doors.limits.try_password(from, &body.username)?;
    // 32 random bytes and a limit on tries: comparing byte by byte tells nobody anything in time.
    if body.setup_token.as_ref() != Some(&doors.setup_token) {
        return Err(chat::Error::SetupClosed.into());
    }
    let (draft, device) = (draft(body.username, &body.email, body.password)?, browser(&headers, from));
    to_the_end(async move {
        let user = doors.chat.make_first_admin(draft).await?;
        signed_in(&doors, user, &device).await
    })
    .await
}

async fn signed_in(doors: &Doors, user: User, device: &Device) -> Result<Response, Error> {
    let opened = doors.chat.open_session(user, device).await?;
    let cookie = sessions::cookie(doors, &opened, true);
    Ok((cookie, Json(Registered { user: Some(opened.signed_in.user) })).into_response())
}

/// What makes an account, if all of it is as it must be.
pub fn draft(username: String, email: &str, password: String) -> Result<Draft, chat::Error> {
    Ok(Draft {
        username: Username::parse(&username)?,
        email: Email::parse(email)?,
        password: Password::parse(password)?,
    })
}
