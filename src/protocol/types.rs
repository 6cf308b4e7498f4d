//! The nouns as a browser sees them. Nothing secret is in here, and nothing that only some may see.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::rest::Registration;
use super::voice::VoiceRights;
use crate::clock::Timestamp;
use crate::id::{CategoryId, ChannelId, GroupId, MessageId, MessageNumber, UserId};

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
    /// The name shown in place of the user name, if they chose one.
    pub display_name: Option<String>,
    /// The address of their picture; none for their initials.
    pub avatar: Option<String>,
    /// Whether they can be here at all.
    pub state: UserState,
}

/// Whether a user can be here at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    /// They can sign in.
    Active,
    /// An admin shut them out.
    Disabled,
    /// The account is gone; what they wrote is still there, and this is its author.
    Deleted,
}

/// Several users, in order: on the wire a plain list. All clones are one, and it is turned into JSON once, for the
/// first of a thousand who are told the same.
#[derive(Clone, Debug)]
pub struct Users(Arc<Listed>);

#[derive(Debug)]
struct Listed {
    users: Vec<User>,
    /// None inside when it could not be written, which is then said to whoever wants it written.
    json: OnceLock<Option<Box<RawValue>>>,
}

impl From<Vec<User>> for Users {
    fn from(users: Vec<User>) -> Self {
        Self(Arc::new(Listed { users, json: OnceLock::new() }))
    }
}

impl Deref for Users {
    type Target = [User];

    fn deref(&self) -> &[User] {
        &self.0.users
    }
}

impl Serialize for Users {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.json.get_or_init(|| to_raw_value(&self.0.users).ok()) {
            Some(json) => json.serialize(serializer),
            None => self.0.users.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Users {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::deserialize(deserializer).map(Self::from)
    }
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

/// How much voice the server can take on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum VoiceLoad {
    /// All it is set to.
    Normal,
    /// Fewer people are heard at once than usual.
    FewerVoices,
    /// The same, and nobody else may be let in.
    Full,
}

/// What admins, or whoever runs the server, decided about the whole of it, as far as everybody may know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Switches {
    /// Whether anybody can talk.
    pub voice: bool,
    /// Whether new accounts are taken.
    pub registration: Registration,
    /// Whether it is looked what is behind links that people post.
    pub link_previews: bool,
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
    /// What it is about: one line of at most 300 characters, or nothing.
    pub topic: String,
    /// Under which heading it stands. None, or one that is gone: under no heading.
    pub category: Option<CategoryId>,
    /// Where it stands among the others of its category: smaller comes first, and of equals the smaller id.
    pub position: i64,
    /// How one comes into it.
    pub admission: Admission,
    /// Who may write in it.
    pub writers: Writers,
    /// Nobody writes or talks in it any more; its members go on reading it.
    pub archived: bool,
    /// Who may do what in its voice room.
    pub voice_rights: Box<VoiceRights>,
    /// How many people may be in its voice room at once, 1 to [`PEOPLE_MAX`]; none: as many as want. Who may move others
    /// comes in all the same.
    pub people_max: Option<u16>,
}

/// How many people are in a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MemberCount {
    /// Which.
    pub channel: ChannelId,
    /// However they came in.
    pub members: u32,
}

/// The most that the people of a voice room can be limited to; more than this is no limit.
pub const PEOPLE_MAX: u16 = 999;

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

/// How one comes into a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// Everybody is in it from registering on, and may leave.
    Everybody,
    /// Everybody finds it and may join.
    Open,
    /// A member adds them; nobody else knows of it.
    Private,
}

/// Who may write in a text channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Writers {
    /// Every member.
    Everybody,
    /// Members who are admins: a channel for announcements.
    Admins,
}

/// A heading under which channels stand. Everybody knows of every one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Category {
    /// Which.
    pub id: CategoryId,
    /// What it says.
    pub name: String,
    /// Where it stands: smaller comes first.
    pub position: i64,
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
    /// The text as written, trimmed; empty when it was deleted.
    pub body: String,
    /// When the server took it.
    pub posted_at: Timestamp,
    /// The client's own mark, so that the author's tabs can match it.
    pub nonce: String,
    /// Its place in the channel. Whoever wrote it has read up to here.
    pub number: MessageNumber,
    /// What became of it.
    pub state: MessageState,
    /// Whom it points at, each once.
    pub mentions: Vec<Mention>,
    /// What is shown of the first hyperlink in it. None: there is none, or nothing to show, or not yet.
    pub preview: Option<Box<Preview>>,
}

/// What is shown of the other end of a hyperlink. Of one state of a message it only goes on: none, shown, dismissed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Preview {
    /// What a page says of itself: plain text, one line each, which may claim anything.
    Page {
        /// Where it is: http or https.
        address: String,
        /// What it belongs to, at most 60 characters, or nothing.
        site: String,
        /// At most 160 characters, never empty.
        title: String,
        /// At most 320 characters, or nothing.
        description: String,
        /// How large its picture is, if it has one; to be had at `/api/messages/{id}/picture`.
        picture: Option<PictureSize>,
    },
    /// A picture, to be had at `/api/messages/{id}/picture`.
    Picture {
        /// Where it is: http or https.
        address: String,
        /// How large it is.
        size: PictureSize,
    },
    /// The author or an admin took it away.
    Dismissed,
}

/// How large a picture is, in pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PictureSize {
    /// From left to right.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum MessageState {
    /// As it was posted.
    Posted,
    /// Its author wrote it anew.
    Edited {
        /// The last time.
        at: Timestamp,
    },
    /// It is gone; its place is kept.
    Deleted,
}

/// One connection inside a voice room, by the number that its packets carry (CSRC).
pub type ParticipantNumber = u32;

/// Relays for the way to a voice room, and what lets whoever joins use them for a day.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Relay {
    /// Where they are.
    pub urls: Vec<String>,
    /// The name to say there.
    pub username: String,
    /// The password that belongs to it.
    pub credential: String,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("urls", &self.urls).finish_non_exhaustive()
    }
}

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
    /// Who muted them for everybody, whatever they say to it themselves. Here and below, what is as usual is not said: a
    /// thousand people may be told of at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub muted_by: Option<UserId>,
    /// Who deafened them likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub deafened_by: Option<UserId>,
    /// They may not speak here.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(test, ts(as = "Option<bool>", optional))]
    pub only_listens: bool,
    /// They may speak here only since they were let, as long as they stay.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(test, ts(as = "Option<bool>", optional))]
    pub let_speak: bool,
    /// Their hand is up: of several, the smaller number was up first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub hand: Option<u32>,
    /// While they speak, they go before all others.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(test, ts(as = "Option<bool>", optional))]
    pub priority: bool,
    /// Whether their sound can travel.
    pub media: MediaState,
    /// How well it travels both ways, from 0 (bad) to 4 (very good); none before it is known.
    pub signal: Option<u8>,
}

fn is_false(value: &bool) -> bool {
    !*value
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

/// What changed in a voice room within one gap of news. Nobody is in two of the lists.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RoomChange {
    /// The channel the room belongs to.
    pub channel: ChannelId,
    /// Who came, as they are now, by arrival.
    pub joined: Vec<Participant>,
    /// Who muted, unmuted, deafened, connected or lost the connection, as they are now.
    pub changed: Vec<Participant>,
    /// Which stays ended.
    pub left: Vec<ParticipantNumber>,
}

/// Who talks in a voice room, whole list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RoomSpeakers {
    /// The channel the room belongs to.
    pub channel: ChannelId,
    /// Who.
    pub speakers: Vec<ParticipantNumber>,
}

/// What an `@` in a message points at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Mention {
    /// One person of the channel.
    User {
        /// Who.
        user: UserId,
    },
    /// Those of a group who are in the channel.
    Group {
        /// Which.
        group: GroupId,
    },
    /// Those of the channel who are seen: online, away, or not to be disturbed.
    Here,
    /// All of the channel.
    Everyone,
}

/// A named set of people who can be mentioned at once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Group {
    /// Which.
    pub id: GroupId,
    /// What people call it.
    pub name: String,
    /// How it is mentioned: lower case letters, digits and hyphens. No user has this name.
    pub slug: String,
    /// `#` and six hexadecimal digits; none: the page's own.
    pub color: Option<String>,
}

/// That somebody was mentioned, in their inbox.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Notification {
    /// By which message; also where a press on it leads.
    pub message: MessageId,
    /// In which channel.
    pub channel: ChannelId,
    /// By whom.
    pub author: UserId,
    /// The narrowest mention that meant them.
    pub mention: Mention,
    /// How the message begins.
    pub excerpt: String,
    /// When it was posted.
    pub posted_at: Timestamp,
    /// Whether they have seen it.
    pub read: bool,
}

/// A notification that was not seen yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Unread {
    /// By which message.
    pub message: MessageId,
    /// In which channel.
    pub channel: ChannelId,
}

/// How far a user has read a text channel, and what they want to hear of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Reading {
    /// Which channel.
    pub channel: ChannelId,
    /// The number of its newest message; 0 when there is none.
    pub newest: MessageNumber,
    /// The number of the newest message they have read. It only grows.
    pub read: MessageNumber,
    /// What they want to hear of.
    pub involvement: Involvement,
}

/// What a user wants to hear of a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Involvement {
    /// Nothing: no mention in it is ever a notification.
    Nothing,
    /// Mentions.
    Mentions,
    /// Mentions; and every message is worth a sound.
    Everything,
}

/// What a user chose to be seen as, on every device, until they choose otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// As they are: online, or away when nobody has touched any of their pages for ten minutes.
    Online,
    /// Away.
    Away,
    /// Not to be disturbed: neither sound nor pop-up on any device.
    DoNotDisturb,
    /// Others see them as offline, but in voice rooms.
    Invisible,
}

/// Where a user stands: what all their devices show, and nobody else is told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Standing {
    /// Of each text channel open to them.
    pub readings: Vec<Reading>,
    /// The newest notifications they have not seen, at most 100, newest first.
    pub unread: Vec<Unread>,
    /// Whether there are still more of them.
    pub more_unread: bool,
    /// What they chose to be seen as.
    pub status: Status,
    /// The groups they are in.
    pub groups: Vec<GroupId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_a_plain_list_on_the_wire() {
        let user = |id: uuid::Uuid, name: &str| User {
            id: id.into(),
            username: name.to_owned(),
            role: Role::Member,
            display_name: None,
            avatar: None,
            state: UserState::Active,
        };
        let list = vec![user(uuid::Uuid::nil(), "ana"), user(uuid::Uuid::max(), "ben\"")];
        let users = Users::from(list.clone());
        let plain = serde_json::to_string(&list).unwrap();
        for _ in 0..2 {
            assert_eq!(serde_json::to_string(&users.clone()).unwrap(), plain);
        }
        assert_eq!(serde_json::from_str::<Users>(&plain).unwrap().to_vec(), list);
        assert_eq!(serde_json::to_string(&Users::from(Vec::new())).unwrap(), "[]");
    }
}
