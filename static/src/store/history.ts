/**
 * What is held of one channel's messages: those the server confirmed, in order, and one's own on the way.
 *
 * Values are never changed, only replaced, so that a view sees at a glance whether anything is new.
 * Must not know: how messages travel.
 */
import type { Message, MessageId, UserId } from "../protocol";

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
  /** The last message before a gap that a lost connection may have left; null when there is none. */
  readonly gapAfter: MessageId | null;
}

export const emptyHistory: History = {
  messages: [],
  pending: [],
  newest: "absent",
  older: "unknown",
  gapAfter: null,
};

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
  if (!held || age(message) <= age(held)) return history;
  return { ...history, messages: history.messages.with(index, message) };
}

/** A message that is gone, as it is kept: its place without its text. */
export function deleted(message: Message): Message {
  return { ...message, body: "", state: { type: "deleted" }, mentions: [] };
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

/** Keeps the newest `keep` messages; what falls off can be loaded again. */
export function trim(history: History, keep: number): History {
  if (history.messages.length <= keep) return history;
  return { ...history, messages: history.messages.slice(-keep), older: "more" };
}

/** Of two states of one message the one that came later has the higher. */
function age({ state }: Message): number {
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
      if (age(message) > age(before)) messages[index - 1] = message;
      return;
    }
    index -= 1;
  }
  messages.splice(index, 0, message);
}
