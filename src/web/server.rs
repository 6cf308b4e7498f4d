//! What anybody may ask the server itself: whether it is there, what it is, what it counted.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;

use super::Doors;
use super::auth::{CurrentUser, MaybeUser};
use super::error::Error;
use crate::protocol::rest::{Registration, ServerInfo};
use crate::protocol::types::Role;
use crate::telemetry;

/// `GET /api/health`: the server answers.
pub async fn health() -> &'static str {
    "ok"
}

/// `GET /api/server`: what a visitor may know.
pub async fn info(State(doors): State<Arc<Doors>>, MaybeUser(me): MaybeUser) -> Json<ServerInfo> {
    let registration = match doors.chat.registration_open() {
        true => Registration::Open,
        false => Registration::Closed,
    };
    Json(ServerInfo { name: doors.server_name.clone(), registration, me: me.map(|me| me.user) })
}

/// `GET /api/metrics`: counters in the Prometheus text format, for admins.
pub async fn metrics(State(doors): State<Arc<Doors>>, CurrentUser(me): CurrentUser) -> Result<String, Error> {
    if me.user.role != Role::Admin {
        return Err(Error::NotAllowed);
    }
    let sockets = doors.sockets.load(Ordering::Relaxed) as u64;
    let connections = doors.live.hub.len() as u64;
    Ok(telemetry::render(&[
        ("cromulent_sockets", "WebSockets that are open.", sockets),
        ("cromulent_connections", "Connections, with those that wait for their socket to come back.", connections),
    ]))
}
