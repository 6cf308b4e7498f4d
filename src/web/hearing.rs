//! `/api/account/voice` and `/api/account/volumes`: how somebody wants to be heard, and how loud they hear whom. For the
//! page and for programs that watch the talk key outside of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};

use super::Doors;
use super::auth::CurrentUser;
use super::error::{self, Error, to_the_end};
use crate::chat::hearing::{Percent, Preferences};
use crate::id::UserId;
use crate::protocol::hearing::{SetVolume, VoicePreferences, Volume};

/// How one wants to be heard.
pub async fn show(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
) -> Result<Json<VoicePreferences>, Error> {
    Ok(Json(doors.chat.hearing(me.user.id).await?.preferences))
}

/// How one wants to be heard from now on.
pub async fn set(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    body: Result<Json<VoicePreferences>, JsonRejection>,
) -> Result<Json<VoicePreferences>, Error> {
    let wanted = Preferences::parse(error::body(body)?)?;
    to_the_end(async move { Ok(Json(doors.chat.set_voice_preferences(me.user.id, wanted).await?)) }).await
}

/// How loud one hears somebody.
pub async fn set_volume(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    speaker: Result<Path<UserId>, PathRejection>,
    body: Result<Json<SetVolume>, JsonRejection>,
) -> Result<Json<Volume>, Error> {
    let (speaker, percent) = (error::id(speaker)?, Percent::parse(error::body(body)?.percent)?);
    to_the_end(async move { Ok(Json(doors.chat.set_volume(me.user.id, speaker, percent).await?)) }).await
}
