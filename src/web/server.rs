//! What anybody may ask the server itself: whether it is there, what it is, what it counted.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;

use super::Doors;
use super::auth::{CurrentUser, MaybeUser};
use super::error::Error;
use crate::protocol::rest::ServerInfo;
use crate::protocol::types::Role;
use crate::telemetry::{self, counter, gauge, gauges};

/// `GET /api/health`: the server answers.
pub async fn health() -> &'static str {
    "ok"
}

/// `GET /api/server`: what a visitor may know.
pub async fn info(
    State(doors): State<Arc<Doors>>,
    MaybeUser(me): MaybeUser,
) -> Result<Json<ServerInfo>, Error> {
    Ok(Json(ServerInfo {
        name: doors.server_name.clone(),
        registration: doors.chat.switches().await?.registration,
        mail: doors.chat.sends_mail(),
        me: me.map(|me| me.user),
    }))
}

/// `GET /api/metrics`: counters in the Prometheus text format, for admins.
pub async fn metrics(State(doors): State<Arc<Doors>>, CurrentUser(me): CurrentUser) -> Result<String, Error> {
    if me.user.role != Role::Admin {
        return Err(Error::NotAllowed);
    }
    let sockets = doors.sockets.load(Ordering::Relaxed) as u64;
    let connections = doors.live.hub.len() as u64;
    let voice = doors.voice.stats().await;
    let sum = |pick: fn(&sfu::WorkerStats) -> u64| voice.workers.iter().map(pick).sum();
    Ok(telemetry::render(&[
        gauge("cromulent_sockets", "WebSockets that are open.", sockets),
        gauge(
            "cromulent_connections",
            "Connections, with those that wait for their socket to come back.",
            connections,
        ),
        gauge("cromulent_voice_participants", "People in voice rooms.", sum(|worker| worker.participants)),
        gauge("cromulent_voice_rooms", "Voice rooms with somebody in them.", sum(|worker| worker.rooms)),
        gauge(
            "cromulent_voice_tcp_connections",
            "Voice connections over TCP.",
            sum(|worker| worker.tcp_connections),
        ),
        counter(
            "cromulent_voice_datagrams_in_total",
            "Datagrams received.",
            sum(|worker| worker.datagrams_in),
        ),
        counter("cromulent_voice_datagrams_out_total", "Datagrams sent.", sum(|worker| worker.datagrams_out)),
        counter(
            "cromulent_voice_packets_in_total",
            "Voice packets received.",
            sum(|worker| worker.packets_in),
        ),
        counter(
            "cromulent_voice_packets_forwarded_total",
            "Voice packets sent to listeners.",
            sum(|worker| worker.packets_forwarded),
        ),
        counter(
            "cromulent_voice_unknown_total",
            "Datagrams of nobody we know.",
            sum(|worker| worker.dropped.unknown),
        ),
        counter(
            "cromulent_voice_malformed_total",
            "Datagrams that are no protocol of ours.",
            sum(|worker| worker.dropped.malformed),
        ),
        counter(
            "cromulent_voice_muted_total",
            "Packets of people who are muted.",
            sum(|worker| worker.dropped.muted),
        ),
        counter(
            "cromulent_voice_no_slot_total",
            "Packets of people nobody has a slot for.",
            sum(|worker| worker.dropped.no_slot),
        ),
        counter(
            "cromulent_voice_silence_total",
            "Packets of silence that were not sent on; most of them were not even decrypted.",
            sum(|worker| worker.dropped.silence + worker.dropped.unheard),
        ),
        counter(
            "cromulent_voice_forged_total",
            "Voice packets whose seal was wrong, or not tried after too many that were.",
            sum(|worker| worker.dropped.forged + worker.dropped.suspect),
        ),
        counter(
            "cromulent_voice_replayed_total",
            "Voice packets that had been there before, or came too late to tell.",
            sum(|worker| worker.dropped.replayed),
        ),
        counter(
            "cromulent_voice_foreign_total",
            "Voice packets nobody agreed to: another kind, or one stream too many.",
            sum(|worker| worker.dropped.foreign),
        ),
        counter(
            "cromulent_voice_flooded_total",
            "Voice packets beyond what a microphone sends.",
            sum(|worker| worker.dropped.flooded),
        ),
        gauges(
            "cromulent_voice_pressure",
            "What a voice worker sheds: 0 nothing, 1 slots, 2 it also refuses joins.",
            "worker",
            voice.workers.iter().map(|worker| severity(worker.pressure)).collect(),
        ),
        counter(
            "cromulent_voice_crossings_total",
            "What voice workers told each other about rooms they share.",
            sum(|worker| worker.crossings_in),
        ),
        counter(
            "cromulent_voice_crossings_dropped_total",
            "Sound a voice worker could not pass to another in time.",
            sum(|worker| worker.dropped.crossings),
        ),
        counter(
            "cromulent_voice_unsent_total",
            "Packets the kernel did not take.",
            sum(|worker| worker.dropped.unsent),
        ),
        counter(
            "cromulent_voice_late_total",
            "Packets that waited for the network until they were too old.",
            sum(|worker| worker.dropped.late),
        ),
        counter(
            "cromulent_voice_unread_total",
            "Datagrams the system dropped before they were read: its buffers are small, or we are too slow.",
            sum(|worker| worker.dropped.unread),
        ),
        counter(
            "cromulent_voice_send_calls_total",
            "Calls of the system that sent datagrams.",
            sum(|worker| worker.send_calls),
        ),
        counter(
            "cromulent_voice_datagrams_in_runs_total",
            "Datagrams that shared such a call with others.",
            sum(|worker| worker.datagrams_in_runs),
        ),
        gauge(
            "cromulent_voice_gso_sockets",
            "Sockets that send several datagrams in one call.",
            sum(|worker| worker.gso_sockets),
        ),
        counter(
            "cromulent_voice_panics_total",
            "Participants dropped because our code broke.",
            sum(|worker| worker.panics_contained),
        ),
    ]))
}

fn severity(pressure: sfu::Pressure) -> u64 {
    match pressure {
        sfu::Pressure::Normal => 0,
        sfu::Pressure::FewerSlots(_) => 1,
        sfu::Pressure::Refusing => 2,
    }
}
