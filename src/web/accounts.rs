//! `POST /api/accounts` and `POST /api/setup`: making an account, which also signs in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::HeaderMap;
use axum::response::Response;

use super::Doors;
use super::error::{self, Error, to_the_end};
use super::limits::ClientAddress;
use super::sessions::{device, signed_in};
use crate::chat;
use crate::chat::accounts::{Draft, Email, Password, Username};
use crate::protocol::rest::Register;
use crate::protocol::types::Role;

/// Makes an account for anybody, if the operator allows it.
pub async fn register(
    State(doors): State<Arc<Doors>>,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
    body: Result<Json<Register>, JsonRejection>,
) -> Result<Response, Error> {
    let body = error::body(body)?;
    doors.limits.try_password(from, &body.username)?;
    make(doors, &headers, body, Role::Member).await
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
    make(doors, &headers, body, Role::Admin).await
}

async fn make(doors: Arc<Doors>, headers: &HeaderMap, body: Register, role: Role) -> Result<Response, Error> {
    let (draft, device) = (draft(body)?, device(headers));
    to_the_end(async move {
        let user = match role {
            Role::Member => doors.chat.register(draft).await?,
            Role::Admin => doors.chat.make_first_admin(draft).await?,
        };
        let (token, session) = doors.chat.open_session(user, &device).await?;
        Ok(signed_in(&doors, &token, session.user))
    })
    .await
}

fn draft(body: Register) -> Result<Draft, chat::Error> {
    Ok(Draft {
        username: Username::parse(&body.username)?,
        email: Email::parse(&body.email)?,
        password: Password::parse(body.password)?,
    })
}
