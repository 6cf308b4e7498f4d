//! How people's sound travels, in figures. One word of it, the signal, everybody in the channel sees with the participant.
//!
//! Must never know: how any of it is measured.

use serde::{Deserialize, Serialize};

use super::types::ParticipantNumber;

/// How the sound of one participant travels, as the server sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Quality {
    /// Whose.
    pub participant: ParticipantNumber,
    /// In one word, from 0 (bad) to 4 (very good); none before anything is known.
    pub signal: Option<u8>,
    /// How long a packet takes there and back, in milliseconds.
    pub round_trip_ms: Option<u32>,
    /// From them to the server.
    pub up: Way,
    /// From the server to them, in the line where it is worst.
    pub down: Way,
    /// How their packets travel, between the server and whatever they come from: theirs, or a relay's.
    pub path: Option<VoicePath>,
}

/// One direction, lately.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Way {
    /// Of a thousand packets, so many were lost; none while there are none.
    pub lost_per_mille: Option<u16>,
    /// How unevenly they arrive, in milliseconds.
    pub jitter_ms: Option<u32>,
    /// Of sound, with its redundancy.
    pub kilobits_per_second: u32,
}

/// How packets travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum VoicePath {
    /// As datagrams.
    Udp,
    /// On a connection, where datagrams are blocked.
    Tcp,
}
