//! `POST` and `DELETE /api/session`: signing in and out; and `/api/account/sessions`: the sign-ins elsewhere.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Doors;
use super::auth::CurrentUser;
use super::error::{self, Error, to_the_end};
use super::limits::ClientAddress;
use crate::chat;
use crate::chat::sessions::{Device, Ended, Opened};
use crate::id::SessionId;
use crate::protocol::rest::{Sessions, SignIn, SignedIn};
use crate::telemetry;

/// Signs in with a name or an address, and a password.
pub async fn sign_in(
    State(doors): State<Arc<Doors>>,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
    body: Result<Json<SignIn>, JsonRejection>,
) -> Result<Response, Error> {
    let SignIn { login, password, remember } = error::body(body)?;
    doors.limits.try_password(from, &login)?;
    let device = browser(&headers, from);
    to_the_end(async move {
        let opened = doors.chat.sign_in(&login, password, &device).await;
        if matches!(opened, Err(chat::Error::WrongPassword)) {
            telemetry::WRONG_PASSWORDS.add();
        }
        let opened = opened?;
        let cookie = cookie(&doors, &opened, remember);
        Ok((cookie, Json(SignedIn { user: opened.signed_in.user })).into_response())
    })
    .await
}

/// Signs out: the session ends, and with it its sockets and its voice.
pub async fn sign_out(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
) -> Result<Response, Error> {
    to_the_end(async move {
        close(&doors, &doors.chat.sign_out(&me).await?);
        Ok(signed_out(&doors))
    })
    .await
}

/// One's own sign-ins.
pub async fn list(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
) -> Result<Json<Sessions>, Error> {
    Ok(Json(Sessions { sessions: doors.chat.sessions(&me).await? }))
}

/// Signs out there.
pub async fn sign_out_there(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    session: Result<Path<SessionId>, PathRejection>,
) -> Result<Response, Error> {
    let session = error::id(session)?;
    to_the_end(async move {
        close(&doors, &doors.chat.sign_out_there(me.user.id, session).await?);
        Ok(StatusCode::NO_CONTENT.into_response())
    })
    .await
}

/// Signs out everywhere, here as well.
pub async fn sign_out_everywhere(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
) -> Result<Response, Error> {
    to_the_end(async move {
        close(&doors, &doors.chat.sign_out_everywhere(me.user.id).await?);
        Ok(signed_out(&doors))
    })
    .await
}

/// Ends what hangs on sessions that are over: their sockets and their voice.
pub fn close(doors: &Doors, ended: &[Ended]) {
    for one in ended {
        for connection in doors.live.hub.close_session(one.session) {
            doors.voice.leave(one.user, connection);
        }
    }
}

/// The header that signs a browser in, until it is closed or for as long as a session lasts.
pub fn cookie(doors: &Doors, opened: &Opened, remember: bool) -> [(header::HeaderName, String); 1] {
    close(doors, &opened.ended);
    let lasts = remember.then(|| doors.chat.session_lasts());
    [(header::SET_COOKIE, doors.public.set_cookie(&opened.token, lasts))]
}

/// The answer to whoever has no session any more.
pub fn signed_out(doors: &Doors) -> Response {
    (StatusCode::NO_CONTENT, [(header::SET_COOKIE, doors.public.clear_cookie())]).into_response()
}

/// How a list of sign-ins will name this browser.
pub fn browser(headers: &HeaderMap, from: IpAddr) -> Device {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Device {
        kind: "browser".to_owned(),
        name: agent.unwrap_or("unknown").to_owned(),
        address: from.to_string(),
    }
}
