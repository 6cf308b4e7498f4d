//! What a browser may say.

use serde::{Deserialize, Serialize};

use super::types::{Admission, ChannelKind, Involvement, ParticipantNumber, Status, Writers};
use super::voice::{Grant, Moderation, VoiceRight};
use crate::id::{CategoryId, ChannelId, ConnectionId, GroupId, MessageId, MessageNumber, UserId};

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
    /// Makes a channel; admins only. Everybody is in it, or with another admission whoever made it, until others
    /// join or are added. Answer: `channel_created`.
    CreateChannel {
        /// 1 to 60 characters, unlike every other channel's once case and punctuation are set aside.
        name: String,
        /// For writing or for talking.
        kind: ChannelKind,
        /// What is not as usual; at most 16.
        settings: Vec<ChannelSetting>,
    },
    /// Changes a channel, and nothing but what is named; admins only. Answer: `channel_updated`.
    UpdateChannel {
        /// Which.
        channel: ChannelId,
        /// At most 16.
        settings: Vec<ChannelSetting>,
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
    /// Begins ICE again within the stay in the voice room, when the path of the sound is gone or the network is another.
    /// The sound goes on where it goes meanwhile. Four times at once, then once in four seconds. Answer:
    /// `voice_restarted`.
    RestartVoice {
        /// The same lines as in the offer of `join_voice`, with new credentials for ICE (RFC 8839 section 4.4.1).
        offer: String,
    },
    /// How the sound of those in a voice room travels, as the server sees it: of all of them for admins, else one's own.
    /// Answer: `qualities`.
    LoadQualities {
        /// Which voice channel.
        channel: ChannelId,
    },
    /// Raises one's hand in the voice room, or lowers it. Answer: `done`.
    RaiseHand {
        /// Up, or down.
        raised: bool,
    },
    /// Does something about somebody in a voice room; for those with the right to it. Answer: `done`.
    ModerateVoice {
        /// Which stay.
        participant: ParticipantNumber,
        /// What.
        moderation: Moderation,
    },
    /// Deletes a channel with everything written in it; admins only. Answer: `done`.
    DeleteChannel {
        /// Which.
        channel: ChannelId,
    },
    /// The channels this user may know of and is not in. Answer: `channels`.
    BrowseChannels,
    /// How many people are in each channel, those in the archive and private ones too; admins only. Answer:
    /// `member_counts`.
    CountMembers,
    /// Becomes a member; harmless for one. Answer: `channel_joined`.
    JoinChannel {
        /// Which.
        channel: ChannelId,
    },
    /// Is a member no longer; harmless for somebody who is none. Answer: `done`.
    LeaveChannel {
        /// Which.
        channel: ChannelId,
    },
    /// Who is in a channel. Answer: `members`.
    ListMembers {
        /// Which.
        channel: ChannelId,
    },
    /// Makes somebody a member: members of a private channel may, and admins. Answer: `done`.
    AddMember {
        /// Of which channel.
        channel: ChannelId,
        /// Whom.
        user: UserId,
    },
    /// Ends somebody's membership; admins only. Answer: `done`.
    RemoveMember {
        /// Of which channel.
        channel: ChannelId,
        /// Whose.
        user: UserId,
    },
    /// Makes a category, after all others; admins only. Answer: `category_saved`.
    CreateCategory {
        /// 1 to 60 characters, unlike every other category's but for case.
        name: String,
    },
    /// Changes a category, and nothing but what is named; admins only. Answer: `category_saved`.
    UpdateCategory {
        /// Which.
        category: CategoryId,
        /// At most 16.
        settings: Vec<CategorySetting>,
    },
    /// Takes a heading away; its channels stay, under none. Admins only. Answer: `done`.
    DeleteCategory {
        /// Which.
        category: CategoryId,
    },
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
    /// Takes away what is shown of the hyperlink of a message, for everybody: of one's own, or of any as an admin;
    /// harmless when it was taken away. Answer: `done`.
    DismissPreview {
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
        /// Only those not seen yet.
        #[serde(default)]
        unread: bool,
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
    /// Chooses what to be seen as, on every device. Answer: `done`.
    SetStatus {
        /// What.
        status: Status,
    },
    /// Says that nobody has touched this page for ten minutes, or that somebody does again. Who is idle on all their
    /// pages is seen as away. Answer: `done`.
    SetIdle {
        /// Which.
        idle: bool,
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

/// One thing about a channel, as it shall be. See [`Channel`](super::types::Channel).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ChannelSetting {
    /// What people call it; its address changes with it.
    Name(String),
    /// What it is about.
    Topic(String),
    /// How many people may be heard at once.
    MaxSpeakers(Option<u8>),
    /// How one comes into it. Nobody is taken in or thrown out by a change.
    Admission(Admission),
    /// Who may write in it.
    Writers(Writers),
    /// How many people may be in its voice room at once.
    PeopleMax(Option<u16>),
    /// Who may do what in its voice room. Who may not any more stops at once.
    VoiceRight {
        /// What.
        right: VoiceRight,
        /// Who.
        grant: Grant,
    },
    /// Whether nobody writes or talks in it any more. Whoever talks in it is out of its room at once.
    Archived(bool),
    /// Where it stands.
    Place {
        /// Under which heading.
        category: Option<CategoryId>,
        /// Before which channel; none, or one that is gone: after all others.
        before: Option<ChannelId>,
    },
}

/// One thing about a category, as it shall be. See [`Category`](super::types::Category).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum CategorySetting {
    /// What it says.
    Name(String),
    /// Before which other it stands; none, or one that is gone: after all others.
    Before(Option<CategoryId>),
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
    /// Those from this place on.
    From(MessageNumber),
}
