//! The nouns as a browser sees them. Nothing secret is in here, and nothing that only some may see.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{ChannelId, MessageId, UserId};

/// A person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct User {
    /// Who.
    pub id: UserId,
    /// The name others mention.
    pub username: String,
    /// What they may do on the whole server.
    pub role: Role,
}

/// What a user may do on the whole server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Admin,
    /// What channels allow.
    Member,
}

/// Whether a user is here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// At least one connection is open.
    Online,
    /// None is.
    Offline,
}

/// A place to write or to talk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Channel {
    /// Which.
    pub id: ChannelId,
    /// What people call it.
    pub name: String,
    /// Its name in addresses: lower case letters, digits and hyphens.
    pub slug: String,
    /// For writing or for talking.
    pub kind: ChannelKind,
    /// How many people may be heard at once, 1 to [`SPEAKERS_MAX`]; none: as many as the server has slots.
    /// Voice channels only.
    pub max_speakers: Option<u8>,
}

/// The most people a voice channel may be set to let be heard at once; more than a server may have slots.
pub const SPEAKERS_MAX: u8 = 16;

/// What a channel is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// For writing.
    Text,
    /// For talking.
    Voice,
}

/// Something somebody wrote.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Message {
    /// Which; ids of one channel grow with time.
    pub id: MessageId,
    /// Where.
    pub channel: ChannelId,
    /// By whom.
    pub author: UserId,
    /// The text as written, trimmed.
    pub body: String,
    /// When the server took it.
    pub posted_at: Timestamp,
    /// The client's own mark, so that the author's tabs can match it.
    pub nonce: String,
}

/// One connection inside a voice room, by the number that its packets carry (CSRC).
pub type ParticipantNumber = u32;

/// Somebody in a voice room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Participant {
    /// The number of this stay; a rejoin gets another one.
    pub participant: ParticipantNumber,
    /// Who.
    pub user: UserId,
    /// Nobody hears them.
    pub muted: bool,
    /// They hear nobody.
    pub deafened: bool,
    /// Whether their sound can travel.
    pub media: MediaState,
}

/// How a participant's media path is doing, as the server sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum MediaState {
    /// Not yet.
    Connecting,
    /// Yes.
    Connected,
    /// Nothing came for some seconds; it may come back.
    Interrupted,
}

/// A live voice room, as everyone who may see its channel knows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Room {
    /// The channel it belongs to.
    pub channel: ChannelId,
    /// Who is in it, by arrival.
    pub participants: Vec<Participant>,
    /// Who talks now.
    pub speakers: Vec<ParticipantNumber>,
    /// Who holds which slot: slot `i` is the `i`-th receiving line of the offer.
    pub slots: Vec<Option<ParticipantNumber>>,
}
