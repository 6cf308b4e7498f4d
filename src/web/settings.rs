//! `/api/settings`: what admins decide about the whole server.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;

use super::Doors;
use super::auth::CurrentUser;
use super::error::{self, Error, to_the_end};
use crate::chat;
use crate::protocol::settings::{ChangeSettings, RelayOutcome, RelayTest, RelayTried, ServerSettings};
use crate::turn::{self, Tried};

/// All of them.
pub async fn show(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
) -> Result<Json<ServerSettings>, Error> {
    Ok(Json(doors.chat.settings(me.user.id).await?))
}

/// Changes some. Where voice is off nobody goes on talking.
pub async fn change(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
    body: Result<Json<ChangeSettings>, JsonRejection>,
) -> Result<Json<ServerSettings>, Error> {
    let ChangeSettings { settings } = error::body(body)?;
    to_the_end(async move {
        let apply = |now: &crate::chat::settings::Settings| {
            if !now.voice {
                doors.voice.switch_off();
            }
        };
        Ok(Json(doors.chat.change_settings(me.user.id, settings, apply).await?))
    })
    .await
}

/// Asks every relay for a place, as a page would.
pub async fn try_relays(
    State(doors): State<Arc<Doors>>,
    CurrentUser(me): CurrentUser,
) -> Result<Json<RelayTest>, Error> {
    let relays = doors.chat.relays_to_try(me.user.id).await?;
    let _turn = doors.relay_tests.try_acquire().map_err(|_| chat::Error::Busy)?;
    let Some((urls, credentials)) = relays else { return Ok(Json(RelayTest { relays: Vec::new() })) };
    let tried = urls.iter().map(async |url| {
        let outcome = outcome(turn::try_out(url, &credentials).await);
        RelayTried { url: url.to_string(), outcome }
    });
    Ok(Json(RelayTest { relays: futures_util::future::join_all(tried).await }))
}

fn outcome(tried: Tried) -> RelayOutcome {
    match tried {
        Tried::Works { relay } => RelayOutcome::Works { relay: relay.to_string() },
        Tried::Refused => RelayOutcome::Refused,
        Tried::Failed { code } => RelayOutcome::Failed { code },
        Tried::Unreachable => RelayOutcome::Unreachable,
        Tried::NotARelay => RelayOutcome::NotARelay,
        Tried::NotTried => RelayOutcome::NotTried,
    }
}
