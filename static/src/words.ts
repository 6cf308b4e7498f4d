/**
 * Every word that people read, in one place.
 *
 * Short main clauses, present tense, you and we: what happened, then what helps. Users never read the words of
 * the machine room (slot, participant, forwarder). What only pages say that are loaded later is in `words/`, since
 * everybody loads this first. Must not know: where a sentence is shown.
 */
import type { Channel, ErrorCode, Mention, Transmit, VoiceLoad } from "./protocol";
import type { Presence } from "./store/presences";
import type { Gate } from "./voice/gate";
import type { Line } from "./voice/line";
import type { NoMicrophone } from "./voice/microphone";
import type { VoiceFailure, VoiceState } from "./voice/room";

// ---- times ----

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const dayThisYear = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const dayAnyYear = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "short" });
export const dateAnyYear = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });

/** "14:12" */
export function time(at: number): string {
  return clock.format(at);
}

/** For hovering: the whole of it. */
export function exact(at: number): string {
  return moment.format(at);
}

const stamped = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

/** "3 May 2026, 14:12", for lists of what was done. */
export function stamp(at: number): string {
  return stamped.format(at);
}

/** A mark that is the same for all moments of one local day. */
export function dayKey(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`;
}

export function day(at: number, now: number): string {
  if (dayKey(at) === dayKey(now)) return `Today, ${dayThisYear.format(at)}`;
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (dayKey(at) === dayKey(yesterday.getTime())) return `Yesterday, ${dayThisYear.format(at)}`;
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return (sameYear ? dayThisYear : dayAnyYear).format(at);
}

/** "20 s", "2 min", "1 h 14 min" */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest === 0 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}

// ---- lists and numbers ----

export function people(count: number): string {
  return count === 1 ? "1 person" : `${count} people`;
}

/** "Mira", "Mira and Jonas", "Mira, Jonas and 2 more" */
export function names(all: readonly string[]): string {
  const [first, second] = all;
  if (first === undefined) return "";
  if (second === undefined) return first;
  if (all.length === 2) return `${first} and ${second}`;
  return `${first}, ${second} and ${all.length - 2} more`;
}

export function writing(all: readonly string[]): string {
  if (all.length === 0) return "";
  if (all.length > 3) return "Several people are writing";
  return `${names(all)} ${all.length === 1 ? "is" : "are"} writing`;
}

export function newMessages(count: number): string {
  return count === 1 ? "1 new message" : `${count} new messages`;
}

// ---- rooms ----

export const room = { here: "You are here", hereShort: "Here", joining: "Joining…", join: "Join", empty: "empty" } as const;

export interface RoomFacts {
  name: string;
  count: number;
  talking: readonly string[];
  place: "here" | "joining" | "elsewhere";
}

/** The accessible name of a room: its name, its life, and what a press does. */
export function roomLabel({ name, count, talking, place }: RoomFacts): string {
  const life = count === 0 ? room.empty : people(count);
  const sound = talking.length > 0 ? `, ${names(talking)} talking` : count > 0 ? ", quiet" : "";
  const press = { here: room.here, joining: "Joining", elsewhere: room.join }[place];
  return `${name}, ${life}${sound}. ${press}`;
}

export function quiet(forMs: number | null): string {
  if (forMs === null) return "Quiet";
  if (forMs < 60_000) return "Quiet now";
  return `Quiet for ${duration(forMs)}`;
}

export type PersonVoice =
  | { kind: "talking"; mine: boolean; carried: boolean }
  | { kind: "connecting" }
  | { kind: "deafened" }
  | { kind: "muted" }
  | { kind: "spoke"; agoMs: number }
  | { kind: "listening" };

export function personVoice(voice: PersonVoice): string {
  switch (voice.kind) {
    case "talking":
      if (!voice.carried) return "talking, others are louder";
      return voice.mine ? "they hear you" : "talking";
    case "connecting":
      return "connecting";
    case "deafened":
      return "deafened";
    case "muted":
      return "muted";
    case "spoke":
      return `spoke ${duration(Math.max(1000, voice.agoMs))} ago`;
    case "listening":
      return "listening";
  }
}

// ---- the dock ----

export interface DockFacts {
  state: VoiceState;
  gate: Gate;
  room: string;
  /** The server hears this user talk. */
  talking: boolean;
  /** The others get it: false when more people talk than lines exist. */
  carried: boolean;
  /** Nobody else is in the room. */
  alone: boolean;
  /** Sound comes in at the microphone while the gate is closed. */
  speakingInVain: boolean;
  noMicrophone: NoMicrophone | null;
  line: Line | null;
  /** There is a keyboard to name keys of. */
  keyboard: boolean;
  /** What opens the microphone, and what is held for it. */
  transmit: Transmit;
  talkKey: string;
  now: number;
}

export interface DockWords {
  /** The mark on the edge of the dock. */
  mark: "none" | "open" | "uncarried" | "cut" | "again" | "failed";
  big: string;
  small: string;
}

export function dock(facts: DockFacts): DockWords {
  const { state, room } = facts;
  switch (state.name) {
    case "idle":
      return { mark: "none", big: "Not in a room", small: "Microphone is off" };
    case "asking_microphone":
      return { mark: "again", big: `Joining ${room}`, small: "Your browser asks about the microphone" };
    case "joining":
      return { mark: "again", big: `Joining ${room}`, small: "Asking for a place" };
    case "connecting":
      return { mark: "again", big: `Joining ${room}`, small: "Checking the way to the server" };
    case "reconnecting": {
      const seconds = Math.floor((facts.now - state.since) / 1000);
      const big = seconds < 1 ? "Reconnecting" : `Reconnecting, ${seconds} s`;
      return { mark: "again", big, small: `Your place in ${room} is kept` };
    }
    case "failed":
      return { mark: "failed", ...failure(state.reason, room) };
    case "connected":
      return inRoom(facts);
  }
}

function inRoom(facts: DockFacts): DockWords {
  const { gate } = facts;
  const quality = lineWords(facts.line);
  if (gate.open) {
    if (facts.talking && !facts.carried) {
      return { mark: "uncarried", big: "Others are louder", small: "Many people talk at once. Wait a moment" };
    }
    const held = facts.transmit === "push_to_talk";
    if (facts.talking) {
      const how = { push_to_talk: letGo(facts), voice_activity: also("Voice activity", quality), continuous: also("Mic open", quality) };
      return { mark: "open", big: "They hear you", small: how[facts.transmit] };
    }
    if (held) return { mark: "none", big: "Mic open", small: letGo(facts) };
    if (facts.alone) return { mark: "none", big: "Nobody else is here", small: "They see you from outside" };
    return { mark: "none", big: "Mic open", small: also("Lights up when you speak", quality) };
  }
  switch (gate.because) {
    case "deafened":
      return { mark: "cut", big: "Deafened", small: "You hear nobody and nobody hears you" };
    case "muted":
      return facts.speakingInVain
        ? { mark: "cut", big: "You are muted", small: facts.keyboard ? "You seem to be speaking. Ctrl Shift M unmutes" : "You seem to be speaking" }
        : { mark: "cut", big: "Muted", small: also("Nobody hears you", quality) };
    case "no_microphone":
      return { mark: "failed", ...noMicrophone(facts.noMicrophone ?? "missing") };
    case "key_up":
      return { mark: "none", big: facts.keyboard ? `Hold ${keyName(facts.talkKey)} to talk` : "Hold the button to talk", small: quality };
    case "silent":
      return { mark: "none", big: "Mic closed", small: also("Opens when you speak", quality) };
    case "not_joined":
      return { mark: "none", big: "Not in a room", small: "Microphone is off" };
  }
}

function letGo(facts: DockFacts): string {
  return facts.keyboard ? `Let go of ${keyName(facts.talkKey)} to stop` : "Let go to stop";
}

/** What people call a key or a button of the mouse; see `talkKey`. */
export function keyName(code: string): string {
  const side = /^(Control|Shift|Alt|Meta)(Left|Right)$/u.exec(code);
  if (side) return `${side[2] === "Left" ? "Left" : "Right"} ${side[1] === "Control" ? "Ctrl" : side[1]}`;
  const plain = /^(?:Key|Digit)(.)$/u.exec(code);
  if (plain) return plain[1] as string;
  const mouse = /^Mouse(\d)$/u.exec(code);
  // People count the buttons of a mouse from 1.
  if (mouse) return `mouse button ${Number(mouse[1]) + 1}`;
  return code.replace(/([a-z])([A-Z0-9])/gu, "$1 $2");
}

export function noMicrophone(why: NoMicrophone): { big: string; small: string } {
  switch (why) {
    case "blocked":
      return {
        big: "Your browser blocks the microphone",
        small: "You can listen. Allow it at the lock symbol beside the address. Code V-MIC-1",
      };
    case "missing":
      return { big: "No microphone found", small: "You can listen. Plug one in and try again. Code V-MIC-2" };
    case "busy":
      return {
        big: "Another program holds the microphone",
        small: "You can listen. Close the other program and try again. Code V-MIC-3",
      };
    case "insecure":
      return {
        big: "Your browser blocks the microphone",
        small: "You can listen. It opens only on https pages; tell your admin. Code V-MIC-1",
      };
    case "unreachable":
      return { big: "The microphone did not load", small: "You can listen. Try again" };
    case "unplugged":
      return { big: "Your microphone is gone", small: "You can listen. Plug it in and try again. Code V-MIC-2" };
  }
}

function failure(reason: VoiceFailure, room: string): { big: string; small: string } {
  switch (reason) {
    case "no_way":
      return { big: "No way through to voice", small: "This network lets no sound through to the server. Code V-ICE-2" };
    case "taken_over":
      return { big: "You talk from another page", small: "Your voice moved there. You can move it here" };
    case "room_full":
      return { big: `${room} is full`, small: "Try again when somebody has left" };
    case "voice_overloaded":
      return { big: "Too many people are talking right now", small: "Try again in a minute" };
    case "voice_unavailable":
      return { big: "Voice is switched off on this server", small: "Your admin can see why" };
    case "put_out":
      return { big: `You were put out of ${room}`, small: "You can come again" };
    case "not_allowed":
      return { big: `${room} is not open to you`, small: "Ask somebody who is in it. It may also be gone" };
    case "broken":
      return { big: "Voice did not start", small: "Something broke on the way. Code V-SRV-2" };
  }
}

/** What the button beside a failure does. */
export function failureAction(reason: VoiceFailure): string {
  return reason === "taken_over" ? "Move here" : "Try again";
}

/** "24 ms, no loss" */
export function lineWords(line: Line | null): string {
  if (!line || line.roundTrip === null) return "";
  const trip = milliseconds(line.roundTrip);
  if (line.loss === null) return trip;
  return `${trip}, ${line.loss < 0.001 ? "no loss" : `${percent(line.loss)} lost`}`;
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

export function lineSentence(bars: Line["bars"]): string {
  return { 4: "Your line is clear", 3: "Your line is good", 2: "Your line is fair", 1: "Your line is poor" }[bars];
}

function also(first: string, second: string): string {
  return second === "" ? first : `${first}, ${second}`;
}

// ---- messages ----

export const talk = {
  conversation: "Conversation",
  failed: "The messages could not be loaded",
  empty: "Nobody has written here yet",
  emptyHelp: "Say what this channel is for.",
  older: "Loading older messages",
  newer: "Loading newer messages",
  toEnd: "To the end",
  sending: "Sending",
  sendAgain: "Send again",
  discard: "Discard",
  talking: "talking",
} as const;

export const preview = {
  dismiss: "Remove the preview",
  broken: "The picture could not be loaded",
} as const;

/** Whose a page says it is, and where it is in truth. */
export function siteAt(site: string, host: string): string {
  return site === "" ? host : `${site} · ${host}`;
}

export function pictureFrom(host: string): string {
  return `Picture from ${host}`;
}

// ---- the inbox and what one hears ----

export const inbox = {
  title: "Inbox",
  close: "Close inbox",
  views: { unread: "Unread", all: "All" },
  show: "What to show",
  list: "Notifications",
  markAll: "Mark all read",
  markOne: "Mark as read",
  unread: "unread",
  empty: { unread: "Nothing is waiting for you", all: "Nobody has mentioned you yet" },
  emptyHelp: "Mentions of you land here.",
  failed: "The inbox could not be loaded",
  offline: "Offline. This is what we knew last.",
  older: "Show older ones",
  olderFailed: "Older ones could not be loaded. Try again",
} as const;

/** "Inbox, 3 unread" */
export function inboxLabel(count: number, more: boolean): string {
  return count === 0 ? inbox.title : `${inbox.title}, ${badge(count, more)} unread`;
}

/** What stands in a badge. */
export function badge(count: number, more: boolean): string {
  return more || count > 99 ? "99+" : String(count);
}

/** Follows the name of a channel, for readers of screens. */
export function mentionsOfYou(count: number): string {
  return count === 1 ? ", 1 mention of you" : `, ${count} mentions of you`;
}

/** "Theo in #general" */
export function saidIn(name: string, channel: string): string {
  return `${name} in #${channel}`;
}

/** Why somebody was meant. */
export function meantBy(mention: Mention["type"]): string {
  return { user: "you", group: "a group of yours", here: "whoever is here", everyone: "everyone" }[mention];
}

/** "14:12", "yesterday 14:12", "3 May 2026" */
export function when(at: number, now: number): string {
  if (dayKey(at) === dayKey(now)) return time(at);
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (dayKey(at) === dayKey(yesterday.getTime())) return `yesterday ${time(at)}`;
  return dateAnyYear.format(at);
}

export const involvement = {
  title: "What you hear of it",
  names: { nothing: "Nothing", mentions: "Mentions", everything: "Everything" },
  hints: {
    nothing: "Muted: no mention in it reaches you, and what is new stays grey.",
    mentions: "What mentions you is in your inbox, with a sound.",
    everything: "The same, and a sound for every message.",
  },
} as const;

/** Follows the name of a channel of which one wants to hear nothing. */
export const muted = ", muted for you";

/** The title of the page: how much is waiting, what is shown, whose house it is. */
export function pageTitle(waiting: string, shown: string | null, house: string): string {
  const name = shown === null ? house : `${shown}, ${house}`;
  return waiting === "" ? name : `(${waiting}) ${name}`;
}

export const frame = {
  skip: "Skip to the message field",
} as const;

export const roomsList = {
  title: "Rooms and channels",
  list: "Room list",
  voice: "Voice",
  text: "Text",
  unread: ", unread",
  failed: ", a message was not sent",
} as const;

export const reload = "Reload";
export const letMeHear = "Let me hear";
export const close = "Close";

// ---- how people are seen ----

export function presence(value: Presence | "invisible"): string {
  return { online, away: "away", do_not_disturb: "do not disturb", invisible: "invisible", offline: "offline" }[value];
}

/** The same as a shape: full, a crescent, a bar, a broken ring. */
export function presenceIcon(value: Exclude<Presence, "offline"> | "invisible"): "here" | "moon" | "bar" | "ring" {
  return ({ online: "here", away: "moon", do_not_disturb: "bar", invisible: "ring" } as const)[value];
}

export const side = {
  title: "People",
  close: "Close people",
  list: "List of people",
  inRoom: "In this room",
  online: "Online",
  offline: "Offline",
} as const;

export function showMore(count: number): string {
  return `Show ${count} more`;
}

/** Begins a message to somebody. */
export const mentionThem = "Mention in a message";

/** Beside a name. */
export const admin = "admin";

export const menu = {
  title: "Menu",
  admin: "Admin of this server",
  member: "Signed in here",
  status: "You are seen as",
  statuses: { online: "Online", away: "Away", do_not_disturb: "Do not disturb", invisible: "Invisible" },
  statusHints: {
    online: "After ten minutes without a touch you are seen as away.",
    away: "Until you choose otherwise.",
    do_not_disturb: "No sound and no pop-up on any device. Badges go on counting.",
    invisible: "Others see you as offline, but in voice rooms and by what you write.",
  },
  theme: "Theme",
  themes: { system: "System", dark: "Dark", light: "Light" },
  signOut: "Sign out",
  version: (house: string, version: string) => `${house}, Cromulent ${version}`,
} as const;

/** What one does with a message. */
export const message = {
  tools: "Message actions",
  more: "More",
  acts: { edit: "Edit", "copy-text": "Copy text", "copy-link": "Copy link", delete: "Delete" },
  actsOf: (author: string) => `Message of ${author}`,
  textCopied: "Text copied",
  linkCopied: "Link copied",
  notCopied: "Your browser did not let us copy it.",
  edited: "(edited) ",
  editLabel: "Edit message",
  editHint: "Enter saves, Escape leaves it as it was",
  emptyHint: "Without a text it is deleted. Enter asks first",
  editFirst: "Save this one first, or leave it as it was.",
  save: "Save",
  leaveIt: "Leave it as it was",
  goneMeanwhile: "This message was deleted meanwhile. Your text is still here.",
  postInstead: "Post it as a new message",
  deleteTitle: "Delete message",
  deleteLoss: "It is gone for everybody at once, and cannot be brought back.",
  deleteLossOf: (author: string) => `It is gone for everybody at once, also for ${author}, and cannot be brought back.`,
  keep: "Keep it",
  absent: "This message is not here. It may have been deleted, or belong to another channel.",
  unreachable: "This message could not be loaded. Try the link again in a moment.",
  dismiss: "Dismiss",
  toNew: "To the first new message",
} as const;

/** For hovering over what says that a message was edited. */
export function editedAt(at: number): string {
  return `Edited ${exact(at)}`;
}

/** A message for those who go through them with keys and do not see it. */
export function messageLabel(author: string, at: number, text: string): string {
  return `${author}, ${time(at)}, ${text}`;
}

export const tryAgain = "Try again";
/** A part of the page that is loaded when it is wanted. */
export const notFetched = "Not loaded";
export const notFetchedHelp = "This part of the page could not be loaded. Try again in a moment.";
export const online = "online";
export const loading = "Loading";
/** After one's own name. */
export const you = "(you)";
/** In the place of a name that is not known. */
export const somebody = "somebody";

/** What stands on keys. */
export const keys = { tab: "Tab", enter: "Enter", jump: "Ctrl K", jumpOnMac: "⌘ K" } as const;

export const composer = {
  send: "Send",
  people: "Whom to call",
  group: "group",
} as const;

/** How many a call of many at once is heard by. */
export function reaches(whom: "here" | "everyone", count: number | null): string {
  const who = count === null ? "Those" : people(count);
  return whom === "here" ? `${who} online in this channel` : `${count === null ? "All" : people(count)} in this channel`;
}

/** The middle of the page. */
export const conversation = {
  toRooms: "Rooms",
  people: "People",
  notHere: "Not here",
  noChannel: "There is no text channel yet",
  noChannelHelp: "Open a voice room and they will see the light.",
} as const;

export function writeTo(channel: string): string {
  return `Write to #${channel}`;
}

export function lengthOf(length: number, most: number): string {
  return `${length} of ${most}`;
}

/** For those who do not see the list open. */
export function suggested(count: number): string {
  return count === 1 ? "1 name fits. Tab takes it" : `${count} names fit. Arrows choose, Tab takes`;
}

export const jump = {
  title: "Jump to anything",
  field: "Jump to",
  nothing: "Nothing is called that",
  rooms: "Rooms",
  channels: "Channels",
  people: "People",
  commands: "Commands",
  /** What a press does, before the name. */
  join: "Join",
  mention: "Write to",
  mute: "Mute",
  unmute: "Unmute",
  deafen: "Deafen",
  undeafen: "Hear again",
  leave: "Leave the room",
  dark: "Dark theme",
  light: "Light theme",
  system: "Theme as the system has it",
  showPeople: "Show people",
} as const;

export function found(count: number): string {
  if (count === 0) return jump.nothing;
  return count === 1 ? "1 result" : `${count} results`;
}

export function talkingNow(all: readonly string[]): string {
  return `${names(all)} ${all.length === 1 ? "is" : "are"} talking`;
}

export function begins(channel: string): string {
  return `This is where ${channel} begins.`;
}

export function messagesIn(channel: string): string {
  return `Messages in ${channel}`;
}

export function newSince(at: number): string {
  return `New since ${time(at)}`;
}

export const code = {
  /** The head of a block whose language nobody named. */
  plain: "Code",
  copy: "Copy code",
  copied: "Copied",
} as const;

/** Of what holds how loud one hears somebody. */
export function volumeOf(name: string): string {
  return `Volume of ${name}`;
}

export function percents(value: number): string {
  return `${value} %`;
}

export const dockButtons = {
  talk: "Hold to talk",
  title: "Your voice",
  dismiss: "Dismiss",
  mute: "Mute",
  muteKeys: "Mute (Ctrl Shift M)",
  deafen: "Deafen",
  deafenKeys: "Deafen (Ctrl Shift D)",
  leave: "Leave",
  leaveKeys: "Leave (Ctrl Shift H)",
} as const;

export function whoIsIn(room: string | null): string {
  return `Who is in ${room ?? "the room"}`;
}

/** One's own line to the server. */
export const line = {
  title: "Your line",
  broken: "Your line is broken",
  measuring: "Measuring your line",
  roundTrip: "Round trip",
  lost: "Lost, last minute",
  way: "Way out",
  unknown: "–",
} as const;

export function milliseconds(ms: number): string {
  return `${Math.max(1, Math.round(ms))} ms`;
}

/** What a meter of one's own voice is called. */
export const level = "Level of your microphone";

// ---- what went wrong ----

/** In the place of a message that is gone. */
export const messageDeleted = "Message deleted";

/** A post that the server did not take. */
export function notSent(code: string): string {
  switch (code) {
    case "not_found":
    case "not_allowed":
    case "not_a_member":
      return "Not sent. You may not write in this channel.";
    case "archived":
      return "Not sent. This channel is in the archive.";
    case "rate_limited":
      return "Not sent. Slow down a little.";
    case "message_too_long":
      return "Not sent. It is too long.";
    case "broadcast_not_allowed":
      return "Not sent. Only admins tell everyone in a channel this large. Mention fewer people.";
    case "broadcast_too_soon":
      return "Not sent. You told everybody something just now. Wait a minute, or mention fewer people.";
    case "silent":
      return "Not sent. The server does not answer.";
    default:
      return "Not sent. The server could not take it.";
  }
}

/** A message written anew that the server did not take. The text is still in its field. */
export function notSaved(code: string): string {
  switch (code) {
    case "lost":
      return "Not saved: you are offline. Your text is still here.";
    case "silent":
      return "Not saved: the server does not answer. Your text is still here.";
    case "not_found":
    case "not_allowed":
    case "not_a_member":
      return "Not saved: you may not change this message any more. Your text is still here.";
    case "archived":
      return "Not saved: this channel is in the archive. Your text is still here.";
    case "rate_limited":
    case "busy":
      return "Not saved: slow down a little. Your text is still here.";
    case "message_too_long":
      return "Not saved: it is too long. Your text is still here.";
    case "empty_message":
      return "Not saved: there is nothing to be seen in it.";
    case "broadcast_not_allowed":
      return "Not saved: only admins tell everyone in a channel this large. Mention fewer people.";
    case "broadcast_too_soon":
      return "Not saved: you told everybody something just now. Wait a minute, or mention fewer people.";
    default:
      return "Not saved: the server could not take it. Your text is still here.";
  }
}

/** In the place of the rooms. */
export const voiceOff = "Voice is switched off on this server.";

/** A form that the server did not take. */
export function refusal(code: ErrorCode | "unreachable"): string {
  switch (code) {
    case "wrong_password":
      return "That name or e-mail and password do not match.";
    case "name_taken":
      return "This name is taken. Choose another one.";
    case "email_taken":
      return "An account with this e-mail exists. Sign in instead.";
    case "registration_closed":
      return "This server takes no new accounts. Ask its admin for an invitation.";
    case "setup_closed":
      return "This link is wrong or was used. The console shows a fresh one when the server starts.";
    case "rate_limited":
      return "Too many tries. Wait a minute.";
    case "too_many_channels":
      return "This server has as many channels as it may have.";
    case "too_many_categories":
      return "There are as many headings as there may be.";
    case "not_found":
      return "It is not open to you, or gone by now.";
    case "not_a_member":
      return "Join the channel first.";
    case "archived":
      return "This channel is in the archive.";
    case "given_by_operator":
      return "This is set where the server is started. Change it there.";
    case "voice_unavailable":
      return voiceOff;
    case "too_many_groups":
      return "This server has as many groups as it may have.";
    case "not_allowed":
      return "Only an admin may do this.";
    case "link_closed":
      return "This link is wrong, was used, or is too old. Ask for a new one.";
    case "not_confirmed":
      return "Confirm your e-mail address first. A new mail is on its way to you.";
    case "last_admin":
      return "You are the only admin. Make somebody else admin first.";
    case "no_mail":
      return "This server sends no mail. Ask its admin for a link.";
    case "busy":
      return "The server has too much to do. Try again in a moment.";
    case "unreachable":
      return "The server does not answer. Try again in a moment.";
    case "wrong_origin":
      return "This page came from another address than the server knows. Tell your admin.";
    case "invalid":
    case "malformed":
      return "The server does not accept what is written here. Look at it again.";
    default:
      return "The server could not do it. Its log says why.";
  }
}

/** What sets a channel apart, for readers of screens: follows its name. */
export function channelKind(channel: Channel): string {
  const marks = [
    channel.admission === "private" ? ", private" : "",
    channel.writers === "admins" ? ", only admins write" : "",
    channel.archived ? ", archived" : "",
  ];
  return marks.join("");
}

/** The same for the eye. */
export function channelIcon(channel: Channel): "lock" | "horn" | "hash" {
  if (channel.admission === "private") return "lock";
  return channel.writers === "admins" ? "horn" : "hash";
}

/** What the first page says of channels; the rest is in `words/channels`. */
export const channels = {
  add: "New channel",
  adminsWrite: "Only admins write here.",
  archived: "This channel is in the archive. Nobody writes or talks here any more.",
  about: (name: string) => `About ${name}`,
  browse: "Browse channels",
  arrange: "Arrange channels",
} as const;

/** What the first page says of the settings; the rest is in `words/account`. */
export const settings = {
  title: "Settings",
  notLoaded: "This page could not be loaded. Open it again in a moment.",
} as const;

/** In the place of the whole page. */
export const unreachable = {
  title: "The server does not answer",
  help: "We try again every few seconds. You need to do nothing.",
} as const;

export const banner = {
  offline: "Offline. You can read and write; it is sent when you are back.",
  unreachable: "The server does not answer. We try again by ourselves.",
  restarting: "The server is restarting. Voice comes back by itself.",
  newVersion: "This page is older than the server.",
  soundHeld: "Your browser holds the sound back.",
  fewerVoices: "The server is busy: fewer people are heard at once.",
  full: "The server is busy: nobody else can join a room just now. Who is talking stays.",
} as const;

/** What is said aloud when the server can take on less voice, or more again. */
export function loadNews(load: VoiceLoad): string {
  switch (load) {
    case "normal":
      return "The server is no longer busy: rooms are as usual.";
    case "fewer_voices":
      return banner.fewerVoices;
    case "full":
      return banner.full;
  }
}

/** Characters over the limit. */
export function tooLong(over: number): string {
  return `${over} ${over === 1 ? "character" : "characters"} too many. Your text is still here.`;
}

// ---- one's own account ----

/** Somebody whose account is gone; what they wrote is still there. */
export const deletedAccount = "Deleted account";
