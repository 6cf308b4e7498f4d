//! What the server may say.

use serde::{Deserialize, Serialize};

use super::hearing::{Hearing, VoicePreferences, Volume};
use super::quality::Quality;
use super::types::{
    Category, Channel, Group, MemberCount, Message, MessageState, Notification, ParticipantNumber, Preview,
    Reading, Relay, Room, RoomChange, RoomSpeakers, Standing, Status, Switches, User, Users, VoiceLoad,
};
use crate::id::{CategoryId, ChannelId, ConnectionId, GroupId, MessageId, UserId};

/// The result of a request, inside `{"id":…,"result":…}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Answer {
    /// To `hello`.
    Welcome {
        /// Name it in the next `hello` to go on.
        connection: ConnectionId,
        /// True: the missed events follow. False: `ready` follows.
        resumed: bool,
    },
    /// It is done; there is nothing to tell.
    Done,
    /// To `post_message`.
    MessagePosted {
        /// As stored; the one posted first when the nonce was used before.
        message: Message,
    },
    /// To `load_messages`.
    Messages {
        /// Oldest first.
        messages: Vec<Message>,
        /// Whether there are more in the direction asked.
        more: bool,
    },
    /// To `create_channel`.
    ChannelCreated {
        /// As it is.
        channel: Channel,
    },
    /// To `update_channel`.
    ChannelUpdated {
        /// As it is now.
        channel: Channel,
    },
    /// To `join_voice`.
    VoiceJoined {
        /// The number of this stay.
        participant: ParticipantNumber,
        /// SDP: ICE-lite, every candidate included, nothing more to come.
        answer: String,
        /// The room as it is now, oneself included.
        room: Room,
        /// Relays, should no direct way lead to the server.
        relay: Option<Relay>,
    },
    /// To `restart_voice`.
    VoiceRestarted {
        /// SDP: ICE-lite, every candidate included, with new credentials for ICE.
        answer: String,
    },
    /// To `load_qualities`.
    Qualities {
        /// As measured in the last seconds, by the number of the stay.
        qualities: Vec<Quality>,
    },
    /// To `browse_channels`.
    Channels {
        /// By name in addresses.
        channels: Vec<Channel>,
    },
    /// To `count_members`.
    MemberCounts {
        /// Of every channel there is.
        counts: Vec<MemberCount>,
    },
    /// To `join_channel`.
    ChannelJoined {
        /// As it is.
        channel: Channel,
    },
    /// To `list_members`.
    Members {
        /// At most as many as a snapshot names users.
        members: Vec<UserId>,
    },
    /// To `create_category` and `update_category`.
    CategorySaved {
        /// As it is now.
        category: Category,
    },
    /// To `edit_message`.
    MessageEdited {
        /// As it is now.
        message: Message,
    },
    /// To `load_notifications`.
    Notifications {
        /// Newest first.
        notifications: Vec<Notification>,
        /// Whether there are older ones.
        more: bool,
    },
    /// To `create_group` and `update_group`.
    GroupChanged {
        /// As it is now.
        group: Group,
    },
    /// To `load_group_members`.
    GroupMembers {
        /// In the order of their ids.
        members: Vec<UserId>,
        /// Whether there are more.
        more: bool,
    },
}

/// What happened, to those concerned. On the wire the variant is `type`, beside `seq`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerEvent {
    /// Everything, at the start of a connection that did not resume.
    Ready {
        /// Boxed, since it is much larger than the rest.
        snapshot: Box<Snapshot>,
    },
    /// Somebody wrote.
    MessagePosted {
        /// What.
        message: Message,
    },
    /// Somebody began or stopped writing.
    TypingChanged {
        /// Where.
        channel: ChannelId,
        /// Who.
        user: UserId,
        /// Writing or not.
        active: bool,
    },
    /// People are seen otherwise. News: what happened within one gap is in one event, and nobody is in two lists.
    PresenceChanged {
        /// Who is online now.
        online: Vec<UserId>,
        /// Who is away now.
        away: Vec<UserId>,
        /// Who is not to be disturbed now.
        do_not_disturb: Vec<UserId>,
        /// Who is not seen any more.
        offline: Vec<UserId>,
    },
    /// A user is new or looks different.
    UserChanged {
        /// As they are now.
        user: User,
    },
    /// There is a new channel, or this user is in one from now on.
    ChannelCreated {
        /// Which.
        channel: Channel,
    },
    /// A channel is not what it was.
    ChannelUpdated {
        /// As it is now.
        channel: Channel,
    },
    /// People came into voice rooms, are seen differently there, or left. News, as it is when it is told: it may tell
    /// what a snapshot or an answer has told already, and that somebody left who came and went in one gap.
    RoomsChanged {
        /// What changed, each room once; of those that the user may see.
        rooms: Vec<RoomChange>,
    },
    /// Who talks now. News, which follows `rooms_changed`, so that whoever is named is known. To all who may see the
    /// channels.
    SpeakersChanged {
        /// The rooms in which that changed, each once.
        rooms: Vec<RoomSpeakers>,
    },
    /// Who holds which slot, whole list. To those in the room.
    SlotsChanged {
        /// The room's channel.
        channel: ChannelId,
        /// By slot.
        slots: Vec<Option<ParticipantNumber>>,
    },
    /// This connection's stay in a voice room ended without its asking.
    VoiceEnded {
        /// Which room.
        channel: ChannelId,
        /// Which stay.
        participant: ParticipantNumber,
        /// Why.
        reason: VoiceEnd,
    },
    /// The server can take on more or less voice than before. To everybody.
    VoiceLoadChanged {
        /// How much now.
        load: VoiceLoad,
    },
    /// The server is about to stop; a socket close follows.
    ServerStopping,
    /// A channel is gone, or this user is in it no longer. Nothing more will be heard of it.
    ChannelRemoved {
        /// Which.
        channel: ChannelId,
    },
    /// Somebody joined, left, was added or removed. To the members of the channel. Of those who are in it from
    /// registering on, `user_changed` tells.
    MembershipChanged {
        /// Of which channel.
        channel: ChannelId,
        /// Whose.
        user: UserId,
        /// Whether they are in it now.
        member: bool,
    },
    /// The voice room of a channel that this user is in from now on, when there is somebody in it.
    RoomShown {
        /// As it is.
        room: Room,
    },
    /// A category is new or not what it was. To everybody.
    CategoryChanged {
        /// As it is now.
        category: Category,
    },
    /// A category is gone; its channels stand under no heading. To everybody.
    CategoryRemoved {
        /// Which.
        category: CategoryId,
    },
    /// An author wrote a message anew.
    MessageEdited {
        /// As it is now.
        message: Message,
    },
    /// A message is gone; its place is kept, without text and mentions.
    MessageDeleted {
        /// Where.
        channel: ChannelId,
        /// Which.
        message: MessageId,
    },
    /// There is something to show of the hyperlink of a message, or nothing any more.
    PreviewChanged {
        /// Where.
        channel: ChannelId,
        /// Which message.
        message: MessageId,
        /// What had become of the message by then; as anything else it has another one.
        state: MessageState,
        /// What.
        preview: Box<Preview>,
    },
    /// A mention meant this user. It may have been told before: by message there is only one.
    Notified {
        /// What goes into the inbox. To be taken as seen when the channel was read up to it already.
        notification: Notification,
    },
    /// A message does not mean this user any more: it was edited or deleted.
    NotificationWithdrawn {
        /// Which message.
        message: MessageId,
    },
    /// This user saw one notification, on some device.
    NotificationRead {
        /// The message that caused it.
        message: MessageId,
    },
    /// This user saw all notifications up to one, on some device.
    InboxRead {
        /// The message that caused the newest of them.
        up_to: MessageId,
    },
    /// This user read on in a channel, on some device, and so saw its notifications up to there; or wants to
    /// hear something else of it.
    ReadingChanged {
        /// As it is now. Of two that arrive in either order the higher numbers hold.
        reading: Reading,
        /// The newest message read, when it was reading that changed.
        up_to: Option<MessageId>,
    },
    /// This user chose to be seen otherwise, on some device.
    StatusChanged {
        /// As what.
        status: Status,
    },
    /// An admin decided something about the whole server. To everybody.
    SettingsChanged {
        /// What everybody may know of it, as it is now.
        switches: Switches,
    },
    /// This user wants to be heard otherwise, on every device.
    VoicePreferencesChanged {
        /// How.
        preferences: VoicePreferences,
    },
    /// This user hears somebody louder or softer, on every device.
    VolumeChanged {
        /// Whom, and how loud.
        volume: Volume,
    },
    /// A group is new, or not what it was.
    GroupChanged {
        /// As it is now.
        group: Group,
    },
    /// A group is gone.
    GroupDeleted {
        /// Which.
        group: GroupId,
    },
    /// Somebody came into a group or went out of it.
    GroupMemberChanged {
        /// Which.
        group: GroupId,
        /// Who.
        user: UserId,
        /// In, or out.
        member: bool,
    },
}

/// Why a stay in a voice room ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum VoiceEnd {
    /// The same user joined from another connection.
    TakenOver,
    /// No media arrived any more.
    TimedOut,
    /// The server dropped the participant after a fault.
    Failed,
    /// The channel is not open to them any more, is archived or gone.
    Removed,
    /// An admin switched voice off.
    SwitchedOff,
    /// Somebody put them out. They may come again.
    PutOut {
        /// Who.
        by: UserId,
    },
    /// They are to go on in another room, into which they are let.
    Moved {
        /// That of this channel.
        to: ChannelId,
        /// Who moved them; nobody when they were absent for as long as the server allows.
        by: Option<UserId>,
    },
}

/// The state of the whole server as one user may see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Snapshot {
    /// What people call this server.
    pub server_name: String,
    /// The running version.
    pub version: String,
    /// Receiving audio lines an offer should have.
    pub slots: u8,
    /// Oneself.
    pub me: UserId,
    /// Everybody.
    #[cfg_attr(test, ts(as = "Vec<User>"))]
    pub users: Users,
    /// Who is online. Whoever is in none of these three lists is offline, or not to be seen.
    pub online: Vec<UserId>,
    /// Who is away.
    pub away: Vec<UserId>,
    /// Who is not to be disturbed.
    pub do_not_disturb: Vec<UserId>,
    /// The channels open to this user, in order.
    pub channels: Vec<Channel>,
    /// Voice rooms with somebody in them.
    pub rooms: Vec<Room>,
    /// How much voice it can take on.
    pub voice_load: VoiceLoad,
    /// What admins decided about the whole server.
    pub switches: Switches,
    /// The headings, in order.
    pub categories: Vec<Category>,
    /// Everybody's groups, by name.
    pub groups: Vec<Group>,
    /// Where this user stands.
    pub standing: Standing,
    /// How this user wants to be heard, and hears others.
    pub hearing: Hearing,
}
