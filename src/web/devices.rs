//! `/api/auth` and `/auto_login`: signing in programs, in the words that the desktop client knows.
//!
//! These take no cookie and so need no look at the origin; they take JSON alone, which a page of another site cannot
//! send without asking first. `/auto_login` sets a cookie and is for our own pages.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::Doors;
use super::error::{self, Error, to_the_end};
use super::limits::ClientAddress;
use super::sessions::{browser, close, cookie};
use crate::chat;
use crate::chat::devices::{Presented, Tokens};
use crate::chat::sessions::Device;
use crate::chat::tokens::Token;
use crate::protocol::devices::{
    AutoSignedIn, DeviceDone, DeviceLogin, DeviceRefused, DeviceSignedIn, DeviceToken, DeviceVerified,
};
use crate::telemetry;

/// A refusal in the words that these clients know.
pub struct Refused(Error);

impl<E: Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let refusal = self.0.refusal();
        let error = if matches!(self.0, Error::Chat(chat::Error::WrongPassword)) {
            "Invalid email or password".to_owned()
        } else if matches!(self.0, Error::Chat(chat::Error::BadToken)) {
            "Invalid or expired token".to_owned()
        } else {
            refusal.message
        };
        (error::status(refusal.code), Json(DeviceRefused { success: false, error })).into_response()
    }
}

/// Signs a program in.
pub async fn login(
    State(doors): State<Arc<Doors>>,
    ClientAddress(from): ClientAddress,
    body: Result<Json<DeviceLogin>, JsonRejection>,
) -> Result<Json<DeviceSignedIn>, Refused> {
    let DeviceLogin { email, password, device_name, device_type } = error::body(body)?;
    doors.limits.try_password(from, &email)?;
    let device = Device {
        kind: device_type.filter(|kind| !kind.is_empty()).unwrap_or_else(|| "desktop".to_owned()),
        name: device_name.filter(|name| !name.is_empty()).unwrap_or_else(|| "Unknown Device".to_owned()),
        address: from.to_string(),
    };
    let tokens = to_the_end(async move {
        let tokens = doors.chat.sign_in_device(&email, password, &device).await;
        if matches!(tokens, Err(chat::Error::WrongPassword)) {
            telemetry::WRONG_PASSWORDS.add();
        }
        let tokens = tokens?;
        close(&doors, &tokens.ended);
        Ok(tokens)
    })
    .await?;
    Ok(Json(signed_in(tokens)))
}

/// Whose token this is.
pub async fn verify(
    State(doors): State<Arc<Doors>>,
    ClientAddress(from): ClientAddress,
    body: Result<Json<DeviceToken>, JsonRejection>,
) -> Result<Json<DeviceVerified>, Refused> {
    let token = token(&doors, from, body)?;
    let user = to_the_end(async move {
        let presented = doors.chat.verify_device(&token, &from.to_string()).await?;
        good(&doors, presented)
    })
    .await?;
    Ok(Json(DeviceVerified { success: true, user }))
}

/// The next two tokens for the last one.
pub async fn refresh(
    State(doors): State<Arc<Doors>>,
    ClientAddress(from): ClientAddress,
    body: Result<Json<DeviceToken>, JsonRejection>,
) -> Result<Json<DeviceSignedIn>, Refused> {
    let token = token(&doors, from, body)?;
    let tokens = to_the_end(async move {
        let presented = doors.chat.renew_device(&token, &from.to_string()).await?;
        good(&doors, presented)
    })
    .await?;
    Ok(Json(signed_in(tokens)))
}

/// Signs a program out, if the token is any.
pub async fn logout(
    State(doors): State<Arc<Doors>>,
    ClientAddress(from): ClientAddress,
    body: Result<Json<DeviceToken>, JsonRejection>,
) -> Result<Json<DeviceDone>, Refused> {
    let token = token(&doors, from, body)?;
    to_the_end(async move {
        close(&doors, &doors.chat.sign_out_device(&token).await?);
        Ok(())
    })
    .await?;
    Ok(Json(DeviceDone { success: true }))
}

/// Signs in the page that a program shows. It ends with the program's sign-in.
pub async fn auto_login(
    State(doors): State<Arc<Doors>>,
    ClientAddress(from): ClientAddress,
    headers: HeaderMap,
    body: Result<Json<DeviceToken>, JsonRejection>,
) -> Result<Response, Refused> {
    let token = token(&doors, from, body)?;
    let device = browser(&headers, from);
    let answer = to_the_end(async move {
        let presented = doors.chat.open_page_of_device(&token, &device).await?;
        let (tokens, opened) = good(&doors, presented)?;
        close(&doors, &tokens.ended);
        let refresh_token = tokens.refresh.text().to_owned();
        let answer = Json(AutoSignedIn { success: true, refresh_token, user: tokens.user });
        Ok((cookie(&doors, &opened, false), answer).into_response())
    })
    .await?;
    Ok(answer)
}

fn token(
    doors: &Doors,
    from: IpAddr,
    body: Result<Json<DeviceToken>, JsonRejection>,
) -> Result<Token, Error> {
    let DeviceToken { refresh_token } = error::body(body)?;
    doors.limits.try_token(from)?;
    Ok(Token::from_text(&refresh_token))
}

/// What came of a good token. One that was spent before ends its sign-in here.
fn good<T>(doors: &Doors, presented: Presented<T>) -> Result<T, Error> {
    match presented {
        Presented::Good(result) => Ok(result),
        Presented::Unknown => Err(chat::Error::BadToken.into()),
        Presented::Reused(ended) => {
            close(doors, &ended);
            Err(chat::Error::BadToken.into())
        }
    }
}

fn signed_in(tokens: Tokens) -> DeviceSignedIn {
    DeviceSignedIn {
        success: true,
        refresh_token: tokens.refresh.text().to_owned(),
        access_token: tokens.access.text().to_owned(),
        access_expires_at: tokens.access_until,
        user: tokens.user,
    }
}
