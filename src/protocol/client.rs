//! What a browser may say.

use serde::{Deserialize, Serialize};

use super::types::{ChannelKind, Involvement};
use crate::id::{ChannelId, ConnectionId, GroupId, MessageId, UserId};

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
        /// 1 to 4,000 characters after trimming, of which one can be seen. Control characters other than tab and
        /// line feed are taken out.
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
    /// Writes one's own message anew. Answer: `message_edited`.
    EditMessage {
        /// Which.
        message: MessageId,
        /// 1 to 4,000 characters after trimming.
        body: String,
    },
    /// Deletes a message: one's own, or any as an admin; harmless when it is deleted. Answer: `done`.
    DeleteMessage {
        /// Which.
        message: MessageId,
    },
    /// Says that everything in a channel up to a message was read, and so the notifications among it; never moves
    /// back. Answer: `done`.
    MarkRead {
        /// Where.
        channel: ChannelId,
        /// The newest that was seen.
        message: MessageId,
    },
    /// A page of at most 20 notifications, newest first. Answer: `notifications`.
    LoadNotifications {
        /// Those of messages before this one; the newest when there is none.
        before: Option<MessageId>,
    },
    /// Says that one notification was seen. Answer: `done`.
    MarkNotification {
        /// The message that caused it.
        message: MessageId,
    },
    /// Says that all notifications up to one were seen. Answer: `done`.
    MarkInbox {
        /// The message that caused the newest that was seen.
        up_to: MessageId,
    },
    /// Chooses what of a channel is worth a notification. Answer: `done`.
    SetInvolvement {
        /// Which.
        channel: ChannelId,
        /// What.
        involvement: Involvement,
    },
    /// Wants neither sound nor pop-up on any device, or wants them again. Answer: `done`.
    SetDoNotDisturb {
        /// Which.
        active: bool,
    },
    /// Makes a group; admins only. Answer: `group_changed`.
    CreateGroup {
        /// 1 to 40 characters; unlike every user's name and every other group's once case and punctuation are
        /// set aside.
        name: String,
        /// See [`Group`](super::types::Group).
        color: Option<String>,
    },
    /// Gives a group another name and colour; admins only. Answer: `group_changed`.
    UpdateGroup {
        /// Which.
        group: GroupId,
        /// As for `create_group`.
        name: String,
        /// See [`Group`](super::types::Group).
        color: Option<String>,
    },
    /// Deletes a group; admins only. Answer: `done`.
    DeleteGroup {
        /// Which.
        group: GroupId,
    },
    /// Takes somebody into a group or out of it; admins only. Answer: `done`.
    SetGroupMember {
        /// Which.
        group: GroupId,
        /// Who.
        user: UserId,
        /// In, or out.
        member: bool,
    },
    /// A page of at most 500 members of a group. Answer: `group_members`.
    LoadGroupMembers {
        /// Which.
        group: GroupId,
        /// Those after this one, the last of the page before.
        after: Option<UserId>,
    },
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
