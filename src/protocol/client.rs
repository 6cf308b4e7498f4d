//! What a browser may say.

use serde::{Deserialize, Serialize};

use super::types::ChannelKind;
use crate::id::{ChannelId, ConnectionId, MessageId};

/// Every request a client may send. On the wire the variant is `type`, beside `id`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Opens the conversation; must come first. Answer: `welcome`.
    Hello {
        /// [`PROTOCOL`](super::PROTOCOL) as the client knows it.
        protocol: u32,
        /// The connection to go on with, after the socket was lost.
        resume: Option<Resume>,
    },
    /// Are you there? Answer: `done`.
    Ping,
    /// Says something in a channel. Answer: `message_posted`.
    PostMessage {
        /// Where.
        channel: ChannelId,
        /// 1 to 4,000 characters after trimming.
        body: String,
        /// Chosen by the client, 1 to 64 characters; a repeated nonce returns the message posted first.
        nonce: String,
    },
    /// A page of at most 50 messages, oldest first. Answer: `messages`.
    LoadMessages {
        /// Where.
        channel: ChannelId,
        /// Which part of the history.
        page: Cursor,
    },
    /// Starts or stops showing others that this user writes. Answer: `done`.
    SetTyping {
        /// Where.
        channel: ChannelId,
        /// True while writing; repeat at most every 2 s, it expires after 5.
        active: bool,
    },
    /// Makes a channel that everybody is in; admins only. Answer: `channel_created`.
    CreateChannel {
        /// 1 to 60 characters, unlike every other channel's once case and punctuation are set aside.
        name: String,
        /// For writing or for talking.
        kind: ChannelKind,
        /// See [`Channel`](super::types::Channel).
        max_speakers: Option<u8>,
    },
    /// Changes how many people may be heard at once in a voice channel, at once; admins only.
    /// Answer: `channel_updated`.
    UpdateChannel {
        /// Which.
        channel: ChannelId,
        /// See [`Channel`](super::types::Channel).
        max_speakers: Option<u8>,
    },
    /// Goes into the voice room of a channel, leaving any other. Answer: `voice_joined`.
    JoinVoice {
        /// Which voice channel.
        channel: ChannelId,
        /// SDP with one sending audio line and one receiving line per slot (RFC 8829).
        offer: String,
        /// Start with the microphone closed.
        muted: bool,
        /// Start hearing nobody.
        deafened: bool,
    },
    /// Mutes or deafens oneself in the voice room; enforced by the server. Answer: `done`.
    SetVoice {
        /// Nobody hears me.
        muted: bool,
        /// I hear nobody (and nobody hears me).
        deafened: bool,
    },
    /// Leaves the voice room; harmless outside one. Answer: `done`.
    LeaveVoice,
}

/// The connection that a `hello` goes on with.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Resume {
    /// As the `welcome` named it.
    pub connection: ConnectionId,
    /// The last event seen.
    #[cfg_attr(test, ts(type = "number"))]
    pub seq: u64,
}

/// Which page of a channel's history.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Cursor {
    /// The newest messages.
    Latest,
    /// Those just before this one.
    Before(MessageId),
    /// Those just after this one.
    After(MessageId),
}
