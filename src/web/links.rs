//! One-time links: asking for one by mail, and using one.
//!
//! Whoever asks is answered before anybody looks whether there is such an account, so that neither the answer nor
//! the time tells.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;

use super::Doors;
use super::error::{self, Error, to_the_end};
use super::limits::ClientAddress;
use super::sessions::close;
use crate::chat;
use crate::chat::accounts::{Email, Password};
use crate::chat::tokens::Token;
use crate::protocol::rest::{AskForMail, Confirm, ResetPassword};

/// Somebody forgot a password.
pub async fn forgotten(
    State(doors): State<Arc<Doors>>,
    ClientAddress(from): ClientAddress,
    body: Result<Json<AskForMail>, JsonRejection>,
) -> Result<StatusCode, Error> {
    let chat = doors.chat.clone();
    mail(&doors, from, body, async move |email| chat.mail_reset_link(email).await)
}

/// Somebody waits for the mail that confirms their address.
pub async fn resend(
    State(doors): State<Arc<Doors>>,
    ClientAddress(from): ClientAddress,
    body: Result<Json<AskForMail>, JsonRejection>,
) -> Result<StatusCode, Error> {
    let chat = doors.chat.clone();
    mail(&doors, from, body, async move |email| chat.mail_confirmation(email).await)
}

/// Uses the link to a new password.
pub async fn reset(
    State(doors): State<Arc<Doors>>,
    ClientAddress(from): ClientAddress,
    body: Result<Json<ResetPassword>, JsonRejection>,
) -> Result<StatusCode, Error> {
    let ResetPassword { token, password } = error::body(body)?;
    doors.limits.try_token(from)?;
    let password = Password::parse(password)?;
    to_the_end(async move {
        close(&doors, &doors.chat.reset_password(&Token::from_text(&token), password).await?);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Uses the link that confirms an address.
pub async fn confirm(
    State(doors): State<Arc<Doors>>,
    ClientAddress(from): ClientAddress,
    body: Result<Json<Confirm>, JsonRejection>,
) -> Result<StatusCode, Error> {
    let Confirm { token } = error::body(body)?;
    doors.limits.try_token(from)?;
    to_the_end(async move {
        doors.chat.confirm(&Token::from_text(&token)).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Answers before anybody looks, and then has `write` look and write. What is refused is refused to anybody, whether
/// there is an account or not.
fn mail<Writing: Future<Output = Result<(), chat::Error>> + Send>(
    doors: &Doors,
    from: IpAddr,
    body: Result<Json<AskForMail>, JsonRejection>,
    write: impl FnOnce(Email) -> Writing + Send + 'static,
) -> Result<StatusCode, Error> {
    let body = error::body(body)?;
    if !doors.chat.sends_mail() {
        return Err(chat::Error::NoMail.into());
    }
    let email = Email::parse(body.email.trim())?;
    let permit = doors.limits.try_mail(from, &body.email)?;
    tokio::spawn(async move {
        if let Err(error) = write(email).await {
            tracing::error!(%error, "a mail was not written");
        }
        drop(permit);
    });
    Ok(StatusCode::ACCEPTED)
}
