//! `POST` and `DELETE /api/session`: signing in and out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Doors;
use super::auth::CurrentUser;
use super::error::{self, Error, to_the_end};
use super::limits::ClientAddress;
use crate::chat;
use crate::chat::sessions::Token;
use crate::protocol::rest::{SignIn, SignedIn};
use crate::protocol::types::User;
use crate::telemetry;

/// Signs in with a name or an address, and a password.
pub async fn sign_in(
    State(doors): State<Arc<Doors>>,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
    body: Result<Json<SignIn>, JsonRejection>,
) -> Result<Response, Error> {
    let SignIn { login, password } = error::body(body)?;
    doors.limits.try_password(from, &login)?;
    match doors.chat.sign_in(&login, password, &device(&headers)).await {
        Ok((token, session)) => Ok(signed_in(&doors, &token, session.user)),
        Err(error) => {
            if matches!(error, chat::Error::WrongPassword) {
                telemetry::WRONG_PASSWORDS.add();
            }
            Err(error.into())
        }
    }
}

/// Signs out: the session ends, and with it its sockets and its voice.
pub async fn sign_out(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
) -> Result<Response, Error> {
    to_the_end(async move {
        doors.chat.sign_out(me.session).await?;
        for connection in doors.live.hub.close_session(me.session) {
            doors.voice.leave(me.user.id, connection);
        }
        Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, doors.public.clear_cookie())]).into_response())
    })
    .await
}

/// The answer that signs a browser in.
pub fn signed_in(doors: &Doors, token: &Token, user: User) -> Response {
    let cookie = doors.public.set_cookie(token, doors.chat.session_lasts());
    ([(header::SET_COOKIE, cookie)], Json(SignedIn { user })).into_response()
}

/// How a list of sign-ins will name the device.
pub fn device(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    agent.unwrap_or("unknown").to_owned()
}
