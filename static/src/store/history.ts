/**
 * What is held of one channel's messages: a window of those the server confirmed, in order and without a hole, and
 * one's own on the way.
 *
 * The window has a bound. Who reads upwards has the newest fall off at the other side, and the other way round; what
 * fell off is loaded again when somebody comes near. While the newest are not held, new ones have no place to go: they
 * are counted elsewhere and loaded later.
 *
 * Values are never changed, only replaced, so that a view sees at a glance whether anything is new.
 * Must not know: how messages travel, or where on the screen anything is.
 */
import type { Message, MessageId, MessageState, Preview, UserId } from "../protocol";

/** One's own message, shown before the server has it. */
export interface PendingPost {
  nonce: string;
  body: string;
  /** When it was written, in milliseconds since 1970. */
  writtenAt: number;
  /** Null while it is on its way; otherwise why it will not go by itself. */
  failure: string | null;
}

export interface History {
  /** Oldest first, each once. */
  readonly messages: readonly Message[];
  /** In the order they were written. */
  readonly pending: readonly PendingPost[];
  /** Where the newest page stands. */
  readonly newest: "absent" | "loading" | "loaded" | "failed";
  /** Where the part before the first message held stands. */
  readonly older: "unknown" | "loading" | "more" | "none";
  /** Where the part after the last message held stands. At "none" new messages find their place. */
  readonly newer: "loading" | "more" | "none";
  /** What arrived while the part after was being loaded, and may be missing in it. */
  readonly meanwhile: readonly Message[];
  /** The last message before a gap that a lost connection may have left; null when there is none. */
  readonly gapAfter: MessageId | null;
}

/** An id that comes before all others. */
export const BEFORE_ALL: MessageId = "00000000-0000-0000-0000-000000000000";

export const emptyHistory: History = {
  messages: [],
  pending: [],
  newest: "absent",
  older: "unknown",
  newer: "none",
  meanwhile: [],
  gapAfter: null,
};

/**
 * Messages held of the channel on the screen: each is a row of the page, so this bounds the page as well. Six pages of
 * the server: several screens to each side, and a row in sight is never near what falls off.
 */
export const WINDOW = 300;
/** So many more may arrive before the other side is cut, so that not every message cuts one. */
const SLACK = 50;

/** Takes messages in, each once and in order; a post of `me` that came back is no longer pending. */
export function insert(history: History, arrived: readonly Message[], me: UserId | null): History {
  const messages = [...history.messages];
  for (const message of arrived) place(messages, message);
  const nonces = new Set(arrived.filter((message) => message.author === me).map((message) => message.nonce));
  const pending = history.pending.filter((post) => !nonces.has(post.nonce));
  return { ...history, messages, pending: pending.length === history.pending.length ? history.pending : pending };
}

/** Puts what became of a message in its place, if it is held. */
export function replace(history: History, message: Message): History {
  const index = history.messages.findIndex((one) => one.id === message.id);
  const held = history.messages[index];
  if (!held || !isNewer(message, held)) return history;
  return { ...history, messages: history.messages.with(index, message) };
}

/** A message that is gone, as it is kept: its place without its text. */
export function deleted(message: Message): Message {
  return { ...message, body: "", state: { type: "deleted" }, mentions: [], preview: null };
}

/** A message with what is shown of its hyperlink, unless it was written anew since. */
export function previewed(message: Message, state: MessageState, preview: Preview): Message {
  return age(state) === age(message.state) ? { ...message, preview } : message;
}

export function addPending(history: History, post: PendingPost): History {
  return { ...history, pending: [...history.pending, post] };
}

export function changePending(history: History, nonce: string, failure: string | null): History {
  return {
    ...history,
    pending: history.pending.map((post) => (post.nonce === nonce ? { ...post, failure } : post)),
  };
}

export function removePending(history: History, nonce: string): History {
  return { ...history, pending: history.pending.filter((post) => post.nonce !== nonce) };
}

/** Takes in what was just posted; `keep` says which side stays when there are too many. */
export function arrive(history: History, message: Message, me: UserId | null, keep: "end" | "place"): History {
  if (history.newer === "none") return bound(insert(history, [message], me), keep, WINDOW + SLACK);
  const mine = message.author === me ? removePending(history, message.nonce) : history;
  // More than a page can hold: then the page that is on its way is not the last one anyway.
  if (history.newer === "more" || history.meanwhile.length > SLACK) return mine;
  return { ...mine, meanwhile: [...history.meanwhile, message] };
}

/** Takes in the page before the first message or after the last one, and lets the other side fall off. */
export function extend(history: History, page: "older" | "newer", arrived: readonly Message[], more: boolean, me: UserId | null): History {
  if (page === "older") return bound(insert({ ...history, older: more ? "more" : "none" }, arrived, me), "place", WINDOW);
  const missed = more ? [] : history.meanwhile;
  const next: History = { ...history, newer: more ? "more" : "none", meanwhile: [] };
  return bound(insert(next, [...arrived, ...missed], me), "end", WINDOW);
}

/** A window somewhere in the middle. That it may touch the end is found out when somebody comes near. */
export function placed(history: History, messages: readonly Message[], olderMore: boolean): History {
  return { ...emptyHistory, pending: history.pending, messages, newest: "loaded", older: olderMore ? "more" : "none", newer: "more" };
}

/** Lets fall off what is more than `most`, down to the window. */
export function bound(history: History, keep: "end" | "place", most: number): History {
  const { messages } = history;
  if (messages.length <= most) return history;
  if (keep === "end") return { ...history, messages: messages.slice(-WINDOW), older: "more" };
  return { ...history, messages: messages.slice(0, WINDOW), newer: "more", meanwhile: [], gapAfter: null };
}

/** What stays of a channel that nobody looks at: its newest `keep` messages. */
export function leave(history: History, keep: number): History {
  if (history.newer !== "none") return { ...emptyHistory, pending: history.pending };
  if (history.messages.length <= keep) return history;
  return { ...history, messages: history.messages.slice(-keep), older: "more" };
}

/** Whether a message is what became of the same one later: another state, or in the same a preview that went on. */
function isNewer(message: Message, held: Message): boolean {
  const later = age(message.state) - age(held.state);
  // Two that are deleted are the same.
  return later > 0 || (!(later < 0) && shown(message.preview) > shown(held.preview));
}

/** Of two previews in one state of a message the one that came later has the higher. */
function shown(preview: Preview | null): number {
  return preview === null ? 0 : preview.type === "dismissed" ? 2 : 1;
}

/** Of two states of one message the one that came later has the higher. */
function age(state: MessageState): number {
  switch (state.type) {
    case "posted":
      return 0;
    case "edited":
      return state.at;
    case "deleted":
      return Infinity;
  }
}

// Ids of one channel grow with time and compare as text, and most messages belong at the end.
function place(messages: Message[], message: Message) {
  let index = messages.length;
  for (let before = messages[index - 1]; before && before.id >= message.id; before = messages[index - 1]) {
    if (before.id === message.id) {
      // A page may be older than an event that came before it, and newer than what was held while cut off.
      if (isNewer(message, before)) messages[index - 1] = message;
      return;
    }
    index -= 1;
  }
  messages.splice(index, 0, message);
}
