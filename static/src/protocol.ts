// The words on the wire. Written from src/protocol by its test; never edited by hand.
// To renew it: WRITE_PROTOCOL=1 cargo test --lib protocol

/**
 * A moment: milliseconds since 1 January 1970 UTC, as stored and as sent.
 */
export type Timestamp = number;

/**
 * A person known to the server.
 */
export type UserId = string;

/**
 * One WebSocket, that is one browser tab. Survives a reconnect that resumes.
 */
export type ConnectionId = string;

/**
 * A named place where people write or talk.
 */
export type ChannelId = string;

/**
 * Something somebody wrote.
 */
export type MessageId = string;

/**
 * A heading under which channels stand.
 */
export type CategoryId = string;

/**
 * A person.
 */
export type User = { 
/**
 * Who.
 */
id: UserId, 
/**
 * The name others mention.
 */
username: string, 
/**
 * What they may do on the whole server.
 */
role: Role, 
/**
 * The name shown in place of the user name, if they chose one.
 */
display_name: string | null, 
/**
 * The address of their picture; none for their initials.
 */
avatar: string | null, 
/**
 * Whether they can be here at all.
 */
state: UserState, };

/**
 * What a user may do on the whole server.
 */
export type Role = "admin" | "member";

/**
 * How much voice the server can take on.
 */
export type VoiceLoad = "normal" | "fewer_voices" | "full";

/**
 * What admins, or whoever runs the server, decided about the whole of it, as far as everybody may know.
 */
export type Switches = { 
/**
 * Whether anybody can talk.
 */
voice: boolean, 
/**
 * Whether new accounts are taken.
 */
registration: Registration, 
/**
 * Whether it is looked what is behind links that people post.
 */
link_previews: boolean, };

/**
 * A place to write or to talk.
 */
export type Channel = { 
/**
 * Which.
 */
id: ChannelId, 
/**
 * What people call it.
 */
name: string, 
/**
 * Its name in addresses: lower case letters, digits and hyphens.
 */
slug: string, 
/**
 * For writing or for talking.
 */
kind: ChannelKind, 
/**
 * How many people may be heard at once, 1 to [`SPEAKERS_MAX`]; none: as many as the server has slots.
 * Voice channels only.
 */
max_speakers: number | null, 
/**
 * What it is about: one line of at most 300 characters, or nothing.
 */
topic: string, 
/**
 * Under which heading it stands. None, or one that is gone: under no heading.
 */
category: CategoryId | null, 
/**
 * Where it stands among the others of its category: smaller comes first, and of equals the smaller id.
 */
position: number, 
/**
 * How one comes into it.
 */
admission: Admission, 
/**
 * Who may write in it.
 */
writers: Writers, 
/**
 * Nobody writes or talks in it any more; its members go on reading it.
 */
archived: boolean, 
/**
 * Who may do what in its voice room.
 */
voice_rights: VoiceRights, 
/**
 * How many people may be in its voice room at once, 1 to [`PEOPLE_MAX`]; none: as many as want. Who may move others
 * comes in all the same.
 */
people_max: number | null, };

/**
 * How many people are in a channel.
 */
export type MemberCount = { 
/**
 * Which.
 */
channel: ChannelId, 
/**
 * However they came in.
 */
members: number, };

/**
 * What a channel is for.
 */
export type ChannelKind = "text" | "voice";

/**
 * Something somebody wrote.
 */
export type Message = { 
/**
 * Which; ids of one channel grow with time.
 */
id: MessageId, 
/**
 * Where.
 */
channel: ChannelId, 
/**
 * By whom.
 */
author: UserId, 
/**
 * The text as written, trimmed; empty when it was deleted.
 */
body: string, 
/**
 * When the server took it.
 */
posted_at: Timestamp, 
/**
 * The client's own mark, so that the author's tabs can match it.
 */
nonce: string, 
/**
 * Its place in the channel. Whoever wrote it has read up to here.
 */
number: MessageNumber, 
/**
 * What became of it.
 */
state: MessageState, 
/**
 * Whom it points at, each once.
 */
mentions: Array<Mention>, 
/**
 * What is shown of the first hyperlink in it. None: there is none, or nothing to show, or not yet.
 */
preview: Preview | null, };

/**
 * Somebody in a voice room.
 */
export type Participant = { 
/**
 * The number of this stay; a rejoin gets another one.
 */
participant: number, 
/**
 * Who.
 */
user: UserId, 
/**
 * Nobody hears them.
 */
muted: boolean, 
/**
 * They hear nobody.
 */
deafened: boolean, 
/**
 * Who muted them for everybody, whatever they say to it themselves. Here and below, what is as usual is not said: a
 * thousand people may be told of at once.
 */
muted_by?: UserId, 
/**
 * Who deafened them likewise.
 */
deafened_by?: UserId, 
/**
 * They may not speak here.
 */
only_listens?: boolean, 
/**
 * They may speak here only since they were let, as long as they stay.
 */
let_speak?: boolean, 
/**
 * Their hand is up: of several, the smaller number was up first.
 */
hand?: number, 
/**
 * While they speak, they go before all others.
 */
priority?: boolean, 
/**
 * Whether their sound can travel.
 */
media: MediaState, 
/**
 * How well it travels both ways, from 0 (bad) to 4 (very good); none before it is known.
 */
signal: number | null, };

/**
 * Relays for the way to a voice room, and what lets whoever joins use them for a day.
 */
export type Relay = { 
/**
 * Where they are.
 */
urls: Array<string>, 
/**
 * The name to say there.
 */
username: string, 
/**
 * The password that belongs to it.
 */
credential: string, };

/**
 * How a participant's media path is doing, as the server sees it.
 */
export type MediaState = "connecting" | "connected" | "interrupted";

/**
 * A live voice room, as everyone who may see its channel knows it.
 */
export type Room = { 
/**
 * The channel it belongs to.
 */
channel: ChannelId, 
/**
 * Who is in it, by arrival.
 */
participants: Array<Participant>, 
/**
 * Who talks now.
 */
speakers: Array<number>, 
/**
 * Who holds which slot: slot `i` is the `i`-th receiving line of the offer.
 */
slots: Array<number | null>, };

/**
 * What changed in a voice room within one gap of news. Nobody is in two of the lists.
 */
export type RoomChange = { 
/**
 * The channel the room belongs to.
 */
channel: ChannelId, 
/**
 * Who came, as they are now, by arrival.
 */
joined: Array<Participant>, 
/**
 * Who muted, unmuted, deafened, connected or lost the connection, as they are now.
 */
changed: Array<Participant>, 
/**
 * Which stays ended.
 */
left: Array<number>, };

/**
 * Who talks in a voice room, whole list.
 */
export type RoomSpeakers = { 
/**
 * The channel the room belongs to.
 */
channel: ChannelId, 
/**
 * Who.
 */
speakers: Array<number>, };

/**
 * How the sound of one participant travels, as the server sees it.
 */
export type Quality = { 
/**
 * Whose.
 */
participant: number, 
/**
 * In one word, from 0 (bad) to 4 (very good); none before anything is known.
 */
signal: number | null, 
/**
 * How long a packet takes there and back, in milliseconds.
 */
round_trip_ms: number | null, 
/**
 * From them to the server.
 */
up: Way, 
/**
 * From the server to them, in the line where it is worst.
 */
down: Way, 
/**
 * How their packets travel, between the server and whatever they come from: theirs, or a relay's.
 */
path: VoicePath | null, };

/**
 * One direction, lately.
 */
export type Way = { 
/**
 * Of a thousand packets, so many were lost; none while there are none.
 */
lost_per_mille: number | null, 
/**
 * How unevenly they arrive, in milliseconds.
 */
jitter_ms: number | null, 
/**
 * Of sound, with its redundancy.
 */
kilobits_per_second: number, };

/**
 * How packets travel.
 */
export type VoicePath = "udp" | "tcp";

/**
 * Every request a client may send. On the wire the variant is `type`, beside `id`.
 */
export type Request = { "type": "hello", 
/**
 * [`PROTOCOL`](super::PROTOCOL) as the client knows it.
 */
protocol: number, 
/**
 * The connection to go on with, after the socket was lost.
 */
resume: Resume | null, } | { "type": "ping" } | { "type": "post_message", 
/**
 * Where.
 */
channel: ChannelId, 
/**
 * 1 to 4,000 characters after trimming, of which one can be seen. Control characters other than tab and
 * line feed are taken out.
 */
body: string, 
/**
 * Chosen by the client, 1 to 64 characters; a repeated nonce returns the message posted first.
 */
nonce: string, } | { "type": "load_messages", 
/**
 * Where.
 */
channel: ChannelId, 
/**
 * Which part of the history.
 */
page: Cursor, } | { "type": "set_typing", 
/**
 * Where.
 */
channel: ChannelId, 
/**
 * True while writing; repeat at most every 2 s, it expires after 5.
 */
active: boolean, } | { "type": "create_channel", 
/**
 * 1 to 60 characters, unlike every other channel's once case and punctuation are set aside.
 */
name: string, 
/**
 * For writing or for talking.
 */
kind: ChannelKind, 
/**
 * What is not as usual; at most 16.
 */
settings: Array<ChannelSetting>, } | { "type": "update_channel", 
/**
 * Which.
 */
channel: ChannelId, 
/**
 * At most 16.
 */
settings: Array<ChannelSetting>, } | { "type": "join_voice", 
/**
 * Which voice channel.
 */
channel: ChannelId, 
/**
 * SDP with one sending audio line and one receiving line per slot (RFC 8829).
 */
offer: string, 
/**
 * Start with the microphone closed.
 */
muted: boolean, 
/**
 * Start hearing nobody.
 */
deafened: boolean, } | { "type": "set_voice", 
/**
 * Nobody hears me.
 */
muted: boolean, 
/**
 * I hear nobody (and nobody hears me).
 */
deafened: boolean, } | { "type": "leave_voice" } | { "type": "restart_voice", 
/**
 * The same lines as in the offer of `join_voice`, with new credentials for ICE (RFC 8839 section 4.4.1).
 */
offer: string, } | { "type": "load_qualities", 
/**
 * Which voice channel.
 */
channel: ChannelId, } | { "type": "raise_hand", 
/**
 * Up, or down.
 */
raised: boolean, } | { "type": "moderate_voice", 
/**
 * Which stay.
 */
participant: number, 
/**
 * What.
 */
moderation: Moderation, } | { "type": "delete_channel", 
/**
 * Which.
 */
channel: ChannelId, } | { "type": "browse_channels" } | { "type": "count_members" } | { "type": "join_channel", 
/**
 * Which.
 */
channel: ChannelId, } | { "type": "leave_channel", 
/**
 * Which.
 */
channel: ChannelId, } | { "type": "list_members", 
/**
 * Which.
 */
channel: ChannelId, } | { "type": "add_member", 
/**
 * Of which channel.
 */
channel: ChannelId, 
/**
 * Whom.
 */
user: UserId, } | { "type": "remove_member", 
/**
 * Of which channel.
 */
channel: ChannelId, 
/**
 * Whose.
 */
user: UserId, } | { "type": "create_category", 
/**
 * 1 to 60 characters, unlike every other category's but for case.
 */
name: string, } | { "type": "update_category", 
/**
 * Which.
 */
category: CategoryId, 
/**
 * At most 16.
 */
settings: Array<CategorySetting>, } | { "type": "delete_category", 
/**
 * Which.
 */
category: CategoryId, } | { "type": "edit_message", 
/**
 * Which.
 */
message: MessageId, 
/**
 * 1 to 4,000 characters after trimming.
 */
body: string, } | { "type": "delete_message", 
/**
 * Which.
 */
message: MessageId, } | { "type": "dismiss_preview", 
/**
 * Which.
 */
message: MessageId, } | { "type": "mark_read", 
/**
 * Where.
 */
channel: ChannelId, 
/**
 * The newest that was seen.
 */
message: MessageId, } | { "type": "load_notifications", 
/**
 * Those of messages before this one; the newest when there is none.
 */
before: MessageId | null, 
/**
 * Only those not seen yet.
 */
unread: boolean, } | { "type": "mark_notification", 
/**
 * The message that caused it.
 */
message: MessageId, } | { "type": "mark_inbox", 
/**
 * The message that caused the newest that was seen.
 */
up_to: MessageId, } | { "type": "set_involvement", 
/**
 * Which.
 */
channel: ChannelId, 
/**
 * What.
 */
involvement: Involvement, } | { "type": "set_status", 
/**
 * What.
 */
status: Status, } | { "type": "set_idle", 
/**
 * Which.
 */
idle: boolean, } | { "type": "create_group", 
/**
 * 1 to 40 characters; unlike every user's name and every other group's once case and punctuation are
 * set aside.
 */
name: string, 
/**
 * See [`Group`](super::types::Group).
 */
color: string | null, } | { "type": "update_group", 
/**
 * Which.
 */
group: GroupId, 
/**
 * As for `create_group`.
 */
name: string, 
/**
 * See [`Group`](super::types::Group).
 */
color: string | null, } | { "type": "delete_group", 
/**
 * Which.
 */
group: GroupId, } | { "type": "set_group_member", 
/**
 * Which.
 */
group: GroupId, 
/**
 * Who.
 */
user: UserId, 
/**
 * In, or out.
 */
member: boolean, } | { "type": "load_group_members", 
/**
 * Which.
 */
group: GroupId, 
/**
 * Those after this one, the last of the page before.
 */
after: UserId | null, };

/**
 * The connection that a `hello` goes on with.
 */
export type Resume = { 
/**
 * As the `welcome` named it.
 */
connection: ConnectionId, 
/**
 * The last event seen.
 */
seq: number, };

/**
 * Which page of a channel's history.
 */
export type Cursor = "latest" | { "before": MessageId } | { "after": MessageId } | { "from": MessageNumber };

/**
 * The result of a request, inside `{"id":…,"result":…}`.
 */
export type Answer = { "type": "welcome", 
/**
 * Name it in the next `hello` to go on.
 */
connection: ConnectionId, 
/**
 * True: the missed events follow. False: `ready` follows.
 */
resumed: boolean, } | { "type": "done" } | { "type": "message_posted", 
/**
 * As stored; the one posted first when the nonce was used before.
 */
message: Message, } | { "type": "messages", 
/**
 * Oldest first.
 */
messages: Array<Message>, 
/**
 * Whether there are more in the direction asked.
 */
more: boolean, } | { "type": "channel_created", 
/**
 * As it is.
 */
channel: Channel, } | { "type": "channel_updated", 
/**
 * As it is now.
 */
channel: Channel, } | { "type": "voice_joined", 
/**
 * The number of this stay.
 */
participant: number, 
/**
 * SDP: ICE-lite, every candidate included, nothing more to come.
 */
answer: string, 
/**
 * The room as it is now, oneself included.
 */
room: Room, 
/**
 * Relays, should no direct way lead to the server.
 */
relay: Relay | null, } | { "type": "voice_restarted", 
/**
 * SDP: ICE-lite, every candidate included, with new credentials for ICE.
 */
answer: string, } | { "type": "qualities", 
/**
 * As measured in the last seconds, by the number of the stay.
 */
qualities: Array<Quality>, } | { "type": "channels", 
/**
 * By name in addresses.
 */
channels: Array<Channel>, } | { "type": "member_counts", 
/**
 * Of every channel there is.
 */
counts: Array<MemberCount>, } | { "type": "channel_joined", 
/**
 * As it is.
 */
channel: Channel, } | { "type": "members", 
/**
 * At most as many as a snapshot names users.
 */
members: Array<UserId>, } | { "type": "category_saved", 
/**
 * As it is now.
 */
category: Category, } | { "type": "message_edited", 
/**
 * As it is now.
 */
message: Message, } | { "type": "notifications", 
/**
 * Newest first.
 */
notifications: Array<Notification>, 
/**
 * Whether there are older ones.
 */
more: boolean, } | { "type": "group_changed", 
/**
 * As it is now.
 */
group: Group, } | { "type": "group_members", 
/**
 * In the order of their ids.
 */
members: Array<UserId>, 
/**
 * Whether there are more.
 */
more: boolean, };

/**
 * What happened, to those concerned. On the wire the variant is `type`, beside `seq`.
 */
export type ServerEvent = { "type": "ready", 
/**
 * Boxed, since it is much larger than the rest.
 */
snapshot: Snapshot, } | { "type": "message_posted", 
/**
 * What.
 */
message: Message, } | { "type": "typing_changed", 
/**
 * Where.
 */
channel: ChannelId, 
/**
 * Who.
 */
user: UserId, 
/**
 * Writing or not.
 */
active: boolean, } | { "type": "presence_changed", 
/**
 * Who is online now.
 */
online: Array<UserId>, 
/**
 * Who is away now.
 */
away: Array<UserId>, 
/**
 * Who is not to be disturbed now.
 */
do_not_disturb: Array<UserId>, 
/**
 * Who is not seen any more.
 */
offline: Array<UserId>, } | { "type": "user_changed", 
/**
 * As they are now.
 */
user: User, } | { "type": "channel_created", 
/**
 * Which.
 */
channel: Channel, } | { "type": "channel_updated", 
/**
 * As it is now.
 */
channel: Channel, } | { "type": "rooms_changed", 
/**
 * What changed, each room once; of those that the user may see.
 */
rooms: Array<RoomChange>, } | { "type": "speakers_changed", 
/**
 * The rooms in which that changed, each once.
 */
rooms: Array<RoomSpeakers>, } | { "type": "slots_changed", 
/**
 * The room's channel.
 */
channel: ChannelId, 
/**
 * By slot.
 */
slots: Array<number | null>, } | { "type": "voice_ended", 
/**
 * Which room.
 */
channel: ChannelId, 
/**
 * Which stay.
 */
participant: number, 
/**
 * Why.
 */
reason: VoiceEnd, } | { "type": "voice_load_changed", 
/**
 * How much now.
 */
load: VoiceLoad, } | { "type": "server_stopping" } | { "type": "channel_removed", 
/**
 * Which.
 */
channel: ChannelId, } | { "type": "membership_changed", 
/**
 * Of which channel.
 */
channel: ChannelId, 
/**
 * Whose.
 */
user: UserId, 
/**
 * Whether they are in it now.
 */
member: boolean, } | { "type": "room_shown", 
/**
 * As it is.
 */
room: Room, } | { "type": "category_changed", 
/**
 * As it is now.
 */
category: Category, } | { "type": "category_removed", 
/**
 * Which.
 */
category: CategoryId, } | { "type": "message_edited", 
/**
 * As it is now.
 */
message: Message, } | { "type": "message_deleted", 
/**
 * Where.
 */
channel: ChannelId, 
/**
 * Which.
 */
message: MessageId, } | { "type": "preview_changed", 
/**
 * Where.
 */
channel: ChannelId, 
/**
 * Which message.
 */
message: MessageId, 
/**
 * What had become of the message by then; as anything else it has another one.
 */
state: MessageState, 
/**
 * What.
 */
preview: Preview, } | { "type": "notified", 
/**
 * What goes into the inbox. To be taken as seen when the channel was read up to it already.
 */
notification: Notification, } | { "type": "notification_withdrawn", 
/**
 * Which message.
 */
message: MessageId, } | { "type": "notification_read", 
/**
 * The message that caused it.
 */
message: MessageId, } | { "type": "inbox_read", 
/**
 * The message that caused the newest of them.
 */
up_to: MessageId, } | { "type": "reading_changed", 
/**
 * As it is now. Of two that arrive in either order the higher numbers hold.
 */
reading: Reading, 
/**
 * The newest message read, when it was reading that changed.
 */
up_to: MessageId | null, } | { "type": "status_changed", 
/**
 * As what.
 */
status: Status, } | { "type": "settings_changed", 
/**
 * What everybody may know of it, as it is now.
 */
switches: Switches, } | { "type": "voice_preferences_changed", 
/**
 * How.
 */
preferences: VoicePreferences, } | { "type": "volume_changed", 
/**
 * Whom, and how loud.
 */
volume: Volume, } | { "type": "group_changed", 
/**
 * As it is now.
 */
group: Group, } | { "type": "group_deleted", 
/**
 * Which.
 */
group: GroupId, } | { "type": "group_member_changed", 
/**
 * Which.
 */
group: GroupId, 
/**
 * Who.
 */
user: UserId, 
/**
 * In, or out.
 */
member: boolean, };

/**
 * Why a stay in a voice room ended.
 */
export type VoiceEnd = "taken_over" | "timed_out" | "failed" | "removed" | "switched_off" | { "put_out": { 
/**
 * Who.
 */
by: UserId, } } | { "moved": { 
/**
 * That of this channel.
 */
to: ChannelId, 
/**
 * Who moved them; nobody when they were absent for as long as the server allows.
 */
by: UserId | null, } };

/**
 * The state of the whole server as one user may see it.
 */
export type Snapshot = { 
/**
 * What people call this server.
 */
server_name: string, 
/**
 * The running version.
 */
version: string, 
/**
 * Receiving audio lines an offer should have.
 */
slots: number, 
/**
 * Oneself.
 */
me: UserId, 
/**
 * Everybody.
 */
users: Array<User>, 
/**
 * Who is online. Whoever is in none of these three lists is offline, or not to be seen.
 */
online: Array<UserId>, 
/**
 * Who is away.
 */
away: Array<UserId>, 
/**
 * Who is not to be disturbed.
 */
do_not_disturb: Array<UserId>, 
/**
 * The channels open to this user, in order.
 */
channels: Array<Channel>, 
/**
 * Voice rooms with somebody in them.
 */
rooms: Array<Room>, 
/**
 * How much voice it can take on.
 */
voice_load: VoiceLoad, 
/**
 * What admins decided about the whole server.
 */
switches: Switches, 
/**
 * The headings, in order.
 */
categories: Array<Category>, 
/**
 * Everybody's groups, by name.
 */
groups: Array<Group>, 
/**
 * Where this user stands.
 */
standing: Standing, 
/**
 * How this user wants to be heard, and hears others.
 */
hearing: Hearing, };

/**
 * The place of a message in its channel: 1 for the first that was ever posted there, and no gaps, since what is
 * deleted keeps its place. Who has read up to 40 of 42 has two to read, whatever was written before.
 */
export type MessageNumber = number;

/**
 * A named set of people who can be mentioned at once.
 */
export type GroupId = string;

/**
 * What became of a message.
 */
export type MessageState = { "type": "posted" } | { "type": "edited", 
/**
 * The last time.
 */
at: Timestamp, } | { "type": "deleted" };

/**
 * What is shown of the other end of a hyperlink. Of one state of a message it only goes on: none, shown, dismissed.
 */
export type Preview = { "type": "page", 
/**
 * Where it is: http or https.
 */
address: string, 
/**
 * What it belongs to, at most 60 characters, or nothing.
 */
site: string, 
/**
 * At most 160 characters, never empty.
 */
title: string, 
/**
 * At most 320 characters, or nothing.
 */
description: string, 
/**
 * How large its picture is, if it has one; to be had at `/api/messages/{id}/picture`.
 */
picture: PictureSize | null, } | { "type": "picture", 
/**
 * Where it is: http or https.
 */
address: string, 
/**
 * How large it is.
 */
size: PictureSize, } | { "type": "dismissed" };

/**
 * How large a picture is, in pixels.
 */
export type PictureSize = { 
/**
 * From left to right.
 */
width: number, 
/**
 * From top to bottom.
 */
height: number, };

/**
 * What an `@` in a message points at.
 */
export type Mention = { "type": "user", 
/**
 * Who.
 */
user: UserId, } | { "type": "group", 
/**
 * Which.
 */
group: GroupId, } | { "type": "here" } | { "type": "everyone" };

/**
 * A named set of people who can be mentioned at once.
 */
export type Group = { 
/**
 * Which.
 */
id: GroupId, 
/**
 * What people call it.
 */
name: string, 
/**
 * How it is mentioned: lower case letters, digits and hyphens. No user has this name.
 */
slug: string, 
/**
 * `#` and six hexadecimal digits; none: the page's own.
 */
color: string | null, };

/**
 * That somebody was mentioned, in their inbox.
 */
export type Notification = { 
/**
 * By which message; also where a press on it leads.
 */
message: MessageId, 
/**
 * In which channel.
 */
channel: ChannelId, 
/**
 * By whom.
 */
author: UserId, 
/**
 * The narrowest mention that meant them.
 */
mention: Mention, 
/**
 * How the message begins.
 */
excerpt: string, 
/**
 * When it was posted.
 */
posted_at: Timestamp, 
/**
 * Whether they have seen it.
 */
read: boolean, };

/**
 * A notification that was not seen yet.
 */
export type Unread = { 
/**
 * By which message.
 */
message: MessageId, 
/**
 * In which channel.
 */
channel: ChannelId, };

/**
 * How far a user has read a text channel, and what they want to hear of it.
 */
export type Reading = { 
/**
 * Which channel.
 */
channel: ChannelId, 
/**
 * The number of its newest message; 0 when there is none.
 */
newest: MessageNumber, 
/**
 * The number of the newest message they have read. It only grows.
 */
read: MessageNumber, 
/**
 * What they want to hear of.
 */
involvement: Involvement, };

/**
 * What a user wants to hear of a channel.
 */
export type Involvement = "nothing" | "mentions" | "everything";

/**
 * What a user chose to be seen as, on every device, until they choose otherwise.
 */
export type Status = "online" | "away" | "do_not_disturb" | "invisible";

/**
 * Where a user stands: what all their devices show, and nobody else is told.
 */
export type Standing = { 
/**
 * Of each text channel open to them.
 */
readings: Array<Reading>, 
/**
 * The newest notifications they have not seen, at most 100, newest first.
 */
unread: Array<Unread>, 
/**
 * Whether there are still more of them.
 */
more_unread: boolean, 
/**
 * What they chose to be seen as.
 */
status: Status, 
/**
 * The groups they are in.
 */
groups: Array<GroupId>, };

/**
 * What opens the microphone.
 */
export type Transmit = "push_to_talk" | "voice_activity" | "continuous";

/**
 * What is done to the sound on its way out.
 */
export type Sound = "voice" | "music" | "raw";

/**
 * `GET` and `PUT /api/account/voice`: how somebody wants to be heard.
 */
export type VoicePreferences = { 
/**
 * What opens the microphone.
 */
transmit: Transmit, 
/**
 * A key by its place on the keyboard, as `KeyboardEvent.code` names it, or `Mouse` and the number of a button,
 * as `MouseEvent.button` counts; 1 to 24 letters and digits.
 */
talk_key: string, 
/**
 * For how long one is still heard after letting go of it, in milliseconds, at most 2,000.
 */
release_tail_ms: number, 
/**
 * From which level on sound is speech, in dBFS, -60 to -20; null when the client finds it by itself.
 */
threshold_db: number | null, 
/**
 * What is done to the sound.
 */
sound: Sound, 
/**
 * Whether what comes out of the loudspeakers is taken out of what the microphone hears.
 */
echo_cancellation: boolean, 
/**
 * Whether noise is taken out.
 */
noise_removal: boolean, 
/**
 * Whether soft voices are made louder and loud ones softer.
 */
gain_control: boolean, 
/**
 * Whether there are sounds for joining, leaving and muting.
 */
cues: boolean, 
/**
 * Whether others are softer while one speaks oneself.
 */
attenuation: boolean, };

/**
 * `PUT /api/account/volumes/{user}`: how loud one wants to hear somebody.
 */
export type SetVolume = { 
/**
 * 0 to 200; 100 is as it comes.
 */
percent: number, };

/**
 * How loud one hears somebody.
 */
export type Volume = { 
/**
 * Whom.
 */
user: UserId, 
/**
 * 0 to 200; 100 is as it comes.
 */
percent: number, };

/**
 * How one wants to be heard and hears others, at the start of a connection.
 */
export type Hearing = { 
/**
 * How one wants to be heard.
 */
preferences: VoicePreferences, 
/**
 * Whom one hears louder or softer than they come, at most 500.
 */
volumes: Array<Volume>, };

/**
 * One thing that people may do in a voice room, or may not. Admins who are in the channel may do all of them.
 */
export type VoiceRight = "listen" | "speak" | "prioritise" | "mute_others" | "move_others";

/**
 * Who has a right.
 */
export type Grant = "everybody" | { "groups": Array<GroupId> } | "admins";

/**
 * Who may do what in the voice room of a channel.
 */
export type VoiceRights = { 
/**
 * See [`VoiceRight::Listen`].
 */
listen: Grant, 
/**
 * See [`VoiceRight::Speak`].
 */
speak: Grant, 
/**
 * See [`VoiceRight::Prioritise`].
 */
prioritise: Grant, 
/**
 * See [`VoiceRight::MuteOthers`].
 */
mute_others: Grant, 
/**
 * See [`VoiceRight::MoveOthers`].
 */
move_others: Grant, };

/**
 * What is done about somebody in a voice room.
 */
export type Moderation = { "mute": boolean } | { "deafen": boolean } | { "let_speak": boolean } | "lower_hand" | { "move_to": ChannelId } | "disconnect";

/**
 * Why a request was refused. The client chooses its words by this code; `message` is for logs and developers.
 */
export type ErrorCode = "malformed" | "unknown_request" | "invalid" | "empty_message" | "message_too_long" | "signed_out" | "wrong_password" | "name_taken" | "too_many_channels" | "email_taken" | "registration_closed" | "setup_closed" | "not_found" | "not_allowed" | "rate_limited" | "busy" | "bad_offer" | "room_full" | "voice_overloaded" | "not_in_voice" | "voice_unavailable" | "wrong_origin" | "internal" | "not_a_member" | "archived" | "too_many_categories" | "link_closed" | "not_confirmed" | "last_admin" | "no_mail" | "broadcast_not_allowed" | "broadcast_too_soon" | "too_many_groups" | "given_by_operator";

/**
 * A refusal as it travels.
 */
export type Refusal = { 
/**
 * What a program decides by.
 */
code: ErrorCode, 
/**
 * What a developer reads; never shown as it is.
 */
message: string, };

/**
 * `GET /api/server`: what a visitor may know before signing in.
 */
export type ServerInfo = { 
/**
 * What people call this server.
 */
name: string, 
/**
 * Whether anybody may make an account.
 */
registration: Registration, 
/**
 * Whether it can send mail, and so help somebody who forgot a password.
 */
mail: boolean, 
/**
 * Who this browser is signed in as.
 */
me: User | null, };

/**
 * Whether new accounts are taken.
 */
export type Registration = "open" | "closed";

/**
 * `POST /api/accounts`: makes an account and signs in. `POST /api/setup` makes the first admin.
 */
export type Register = { 
/**
 * 2 to 40 letters, digits, hyphens and underscores.
 */
username: string, 
/**
 * Never shown to other users.
 */
email: string, 
/**
 * 12 to 72 characters.
 */
password: string, 
/**
 * The secret of the one-time link on the console; `/api/setup` only.
 */
setup_token: string | null, };

/**
 * `POST /api/session`: signs in.
 */
export type SignIn = { 
/**
 * E-mail address or user name.
 */
login: string, 
/**
 * The password.
 */
password: string, 
/**
 * Stay signed in when the browser is closed.
 */
remember: boolean, };

/**
 * The answer to a sign-in: who is signed in now. The session itself is in the cookie.
 */
export type SignedIn = { 
/**
 * Oneself.
 */
user: User, };

/**
 * How one comes into a channel.
 */
export type Admission = "everybody" | "open" | "private";

/**
 * Who may write in a text channel.
 */
export type Writers = "everybody" | "admins";

/**
 * A heading under which channels stand. Everybody knows of every one.
 */
export type Category = { 
/**
 * Which.
 */
id: CategoryId, 
/**
 * What it says.
 */
name: string, 
/**
 * Where it stands: smaller comes first.
 */
position: number, };

/**
 * One thing about a channel, as it shall be. See [`Channel`](super::types::Channel).
 */
export type ChannelSetting = { "name": string } | { "topic": string } | { "max_speakers": number | null } | { "admission": Admission } | { "writers": Writers } | { "people_max": number | null } | { "voice_right": { 
/**
 * What.
 */
right: VoiceRight, 
/**
 * Who.
 */
grant: Grant, } } | { "archived": boolean } | { "place": { 
/**
 * Under which heading.
 */
category: CategoryId | null, 
/**
 * Before which channel; none, or one that is gone: after all others.
 */
before: ChannelId | null, } };

/**
 * One thing about a category, as it shall be. See [`Category`](super::types::Category).
 */
export type CategorySetting = { "name": string } | { "before": CategoryId | null };

/**
 * A sign-in: what a cookie or a token stands for.
 */
export type SessionId = string;

/**
 * Whether a user can be here at all.
 */
export type UserState = "active" | "disabled" | "deleted";

/**
 * The answer to a registration.
 */
export type Registered = { 
/**
 * Oneself, signed in. None: a mail is on its way, and the account begins with the link in it.
 */
user: User | null, };

/**
 * `GET /api/account`: one's own account, as nobody else sees it.
 */
export type Account = { 
/**
 * As others see it.
 */
user: User, 
/**
 * Where mail goes.
 */
email: string, 
/**
 * Whether the owner of the address was asked.
 */
confirmed: boolean, 
/**
 * The address that waits for its confirmation.
 */
pending_email: string | null, 
/**
 * Which picture was chosen.
 */
avatar: Avatar, 
/**
 * Which pictures may be chosen here.
 */
avatars: AvatarsAllowed, };

/**
 * Which picture somebody chose.
 */
export type Avatar = { "kind": "none" } | { "kind": "link", 
/**
 * Begins with `https://`.
 */
url: string, } | { "kind": "libravatar" };

/**
 * Which pictures may be chosen. They lie on other servers, which so learn who looks at them.
 */
export type AvatarsAllowed = "initials" | "libravatar" | "links";

/**
 * `PUT /api/account/profile`: how others see one. The answer is the [`User`].
 */
export type Profile = { 
/**
 * 1 to 40 characters; none for the user name.
 */
display_name: string | null, 
/**
 * Which picture.
 */
avatar: Avatar, };

/**
 * `PUT /api/account/password`: takes another password and ends all other sign-ins.
 */
export type ChangePassword = { 
/**
 * The present one.
 */
password: string, 
/**
 * 12 to 72 characters.
 */
new_password: string, };

/**
 * `PUT /api/account/email`: takes another address, once the mail sent to it is answered.
 */
export type ChangeEmail = { 
/**
 * The present one.
 */
password: string, 
/**
 * The new address.
 */
email: string, };

/**
 * `POST /api/account/deletion`: ends the account for good. What its owner wrote stays, without a name.
 */
export type DeleteAccount = { 
/**
 * The present one.
 */
password: string, };

/**
 * `POST /api/password/forgotten` and `POST /api/confirmation/resend`: asks for a mail. The answer is always the same.
 */
export type AskForMail = { 
/**
 * The address of an account, perhaps.
 */
email: string, };

/**
 * `POST /api/password/reset`: a new password, by a one-time link. Ends every sign-in and makes none.
 */
export type ResetPassword = { 
/**
 * Out of the link.
 */
token: string, 
/**
 * 12 to 72 characters.
 */
password: string, };

/**
 * `POST /api/confirmation`: the address is mine, by a one-time link.
 */
export type Confirm = { 
/**
 * Out of the link.
 */
token: string, };

/**
 * A sign-in, as its owner sees it.
 */
export type Session = { 
/**
 * Which.
 */
id: SessionId, 
/**
 * `browser`, or what the client called itself, as in `desktop` and `bot`.
 */
kind: string, 
/**
 * What the client calls its device: a browser's user agent, or a name.
 */
device: string, 
/**
 * From where it was used last.
 */
address: string, 
/**
 * Since when.
 */
created_at: Timestamp, 
/**
 * The last use, to ten minutes.
 */
last_used_at: Timestamp, 
/**
 * The one that asks.
 */
current: boolean, };

/**
 * `GET /api/account/sessions`: one's own sign-ins, the latest used first.
 */
export type Sessions = { 
/**
 * All that are good.
 */
sessions: Array<Session>, };

/**
 * `POST /api/users`: an admin makes an account for somebody.
 */
export type CreateUser = { 
/**
 * 2 to 40 letters, digits, hyphens and underscores.
 */
username: string, 
/**
 * Counts as confirmed.
 */
email: string, 
/**
 * 12 to 72 characters.
 */
password: string, };

/**
 * `GET /api/users`, for admins: everybody who has an account, by name. `?after=` a user name for those who come after,
 * `&search=` a part of a name or address for those who have it.
 */
export type People = { 
/**
 * At most 100.
 */
people: Array<Person>, 
/**
 * Whether there are more.
 */
more: boolean, };

/**
 * Somebody with an account, as admins see them.
 */
export type Person = { 
/**
 * As everybody sees them.
 */
user: User, 
/**
 * Where mail goes.
 */
email: string, 
/**
 * Whether the owner of the address was asked, or an admin vouched for it.
 */
confirmed: boolean, 
/**
 * Since when they have an account.
 */
created_at: Timestamp, };

/**
 * `PUT /api/users/{id}/role`, for admins. The answer is the [`User`].
 */
export type ChangeRole = { 
/**
 * From now on.
 */
role: Role, };

/**
 * `PUT /api/users/{id}/access`, for admins: shuts somebody out, or lets them in again. The answer is the [`User`].
 */
export type ChangeAccess = { 
/**
 * From now on.
 */
disabled: boolean, };

/**
 * `POST /api/users/{id}/reset-link`, for admins: a link for somebody who forgot their password.
 */
export type ResetLink = { 
/**
 * Opens once.
 */
url: string, 
/**
 * Not later than this.
 */
expires_at: Timestamp, };

/**
 * What can be done that is written down.
 */
export type AuditAction = "user_created" | "role_changed" | "user_disabled" | "user_enabled" | "reset_link_issued" | "password_reset" | "password_changed" | "email_changed" | "account_deleted" | "token_reused" | "setting_changed" | "channel_created" | "channel_changed" | "channel_deleted" | "member_added" | "member_removed" | "category_created" | "category_changed" | "category_deleted" | "group_created" | "group_changed" | "group_deleted" | "group_member_added" | "group_member_removed" | "message_deleted" | "voice_muted" | "voice_deafened" | "voice_moved" | "voice_put_out";

/**
 * One thing that was done.
 */
export type AuditEntry = { 
/**
 * Grows with time.
 */
id: string, 
/**
 * When.
 */
at: Timestamp, 
/**
 * By whom; none is the console, or whoever held a link.
 */
actor: UserId | null, 
/**
 * What.
 */
action: AuditAction, 
/**
 * To whom.
 */
subject: UserId | null, 
/**
 * To what, by the name it had then; nothing when it was to nothing with a name.
 */
object: string, 
/**
 * What more there is to say, as `key: value` with semicolons between. Never a secret.
 */
detail: string, };

/**
 * `GET /api/audit`, for admins: what was done, newest first. `?before=` an entry's id for older ones, `&actor=` a user's
 * id for what they did, `&action=` a kind.
 */
export type AuditPage = { 
/**
 * At most 50.
 */
entries: Array<AuditEntry>, 
/**
 * Whether there are older ones.
 */
more: boolean, };

/**
 * `GET /api/settings`, for admins: what they decided about the whole server.
 */
export type ServerSettings = { 
/**
 * Whether anybody can talk.
 */
voice: boolean, 
/**
 * Whether anybody may make an account.
 */
registration: Registration, 
/**
 * Whether it is looked what is behind links that people post.
 */
link_previews: boolean, 
/**
 * Whether an account begins only when the owner of its e-mail address answered a mail.
 */
email_confirmation: boolean, 
/**
 * The relays that pages may use for voice where no direct way leads.
 */
relays: Relays, 
/**
 * Those that were decided where the server is started, and are not for admins to change.
 */
given: Array<SettingName>, 
/**
 * Whether the server can send mail, without which no address is confirmed.
 */
mail: boolean, };

/**
 * Which of the server's settings.
 */
export type SettingName = "voice" | "registration" | "link_previews" | "email_confirmation" | "relays";

/**
 * One of the server's settings, as it shall be.
 */
export type ServerSetting = { "voice": boolean } | { "registration": Registration } | { "link_previews": boolean } | { "email_confirmation": boolean } | { "relays": { 
/**
 * At most 4; none takes them and their secret away.
 */
urls: Array<string>, 
/**
 * The secret that they share, 1 to 200 characters; none: as it is.
 */
secret: string | null, } };

/**
 * `PUT /api/settings`, for admins: changes what is named and nothing else. The answer is [`ServerSettings`].
 */
export type ChangeSettings = { 
/**
 * At most 16.
 */
settings: Array<ServerSetting>, };

/**
 * Where the relays are. Their secret is never told.
 */
export type Relays = { 
/**
 * As in `turn:relay.example.org:3478?transport=udp`; none: there are no relays.
 */
urls: Array<string>, 
/**
 * Whether the server has the secret that they share.
 */
has_secret: boolean, };

/**
 * `POST /api/settings/relay-test`, for admins: what came of asking every relay for a place, as a page would.
 */
export type RelayTest = { 
/**
 * In the order of the settings.
 */
relays: Array<RelayTried>, };

/**
 * What came of trying a relay.
 */
export type RelayTried = { 
/**
 * Which.
 */
url: string, 
/**
 * What.
 */
outcome: RelayOutcome, };

/**
 * How a relay did.
 */
export type RelayOutcome = { "type": "works", 
/**
 * From where it would relay.
 */
relay: string, } | { "type": "refused" } | { "type": "failed", 
/**
 * As STUN and TURN number them.
 */
code: number, } | { "type": "unreachable" } | { "type": "not_a_relay" } | { "type": "not_tried" };

export const PROTOCOL = 2;

export const HEARTBEAT_MS = 25000;

export const MESSAGE_MAX = 4000;

export const CHANNEL_NAME_MAX = 60;

export const GROUP_NAME_MAX = 40;

export const SPEAKERS_MAX = 16;

export const PEOPLE_MAX = 999;

export const CLOSE_GOING_AWAY = 1001;

export const CLOSE_SIGNED_OUT = 4001;

export const CLOSE_TOO_MANY_ERRORS = 4002;

export const CLOSE_NO_HELLO = 4003;

export const CLOSE_WRONG_PROTOCOL = 4004;

export const CLOSE_SLOW = 4008;

export const CLOSE_REPLACED = 4009;

export const CHANNEL_TOPIC_MAX = 300;

export const EVERYONE_MAX = 50;

export const CATEGORY_NAME_MAX = 60;
