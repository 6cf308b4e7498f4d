/**
 * What is held of a channel, as the lines of the page: days, runs of one author, the place where the new begins.
 *
 * Must not know: how a line looks, or what a day is called.
 */
import type { Message, MessageId, UserId } from "../protocol";
import type { PendingPost } from "./history";

/** A pause after which the same author is named again. */
export const RUN_MS = 5 * 60_000;

export type Row =
  | { kind: "day"; key: string; at: number }
  /** The first that is new begins here. */
  | { kind: "new"; key: string; at: number }
  | { kind: "message"; key: string; message: Message; first: boolean }
  | { kind: "pending"; key: string; post: PendingPost; first: boolean };

/** One that somebody wrote. */
export type MessageRow = Extract<Row, { kind: "message" | "pending" }>;

export interface Held {
  messages: readonly Message[];
  pending: readonly PendingPost[];
  me: UserId | null;
  /** The first message that is new, if any. */
  newSince: MessageId | null;
  /** A mark that is the same for all moments of one day. */
  dayOf(at: number): string;
}

export function rowsOf({ messages, pending, me, newSince, dayOf }: Held): Row[] {
  const rows: Row[] = [];
  let day = "";
  let author: UserId | null = null;
  let before = -Infinity;
  /** Whether this begins a run; days and the new begin one too. */
  const begins = (who: UserId, at: number, isNew: boolean): boolean => {
    const today = dayOf(at);
    if (today !== day) {
      rows.push({ kind: "day", key: `day ${today}`, at });
      author = null;
    }
    if (isNew) {
      rows.push({ kind: "new", key: "new", at });
      author = null;
    }
    const first = who !== author || at - before > RUN_MS;
    day = today;
    author = who;
    before = at;
    return first;
  };
  for (const message of messages) {
    const first = begins(message.author, message.posted_at, message.id === newSince);
    // The key of one's own is the one it had on its way, so that the row stays when the server confirms it.
    rows.push({ kind: "message", key: message.author === me ? message.nonce : message.id, message, first });
  }
  for (const post of pending) {
    const first = begins(me ?? "", post.writtenAt, false);
    rows.push({ kind: "pending", key: post.nonce, post, first });
  }
  return rows;
}

/** The same rows, and for what has not changed the very same values as before: a view then leaves it alone. */
export function keepSame(rows: readonly Row[], before: readonly Row[]): readonly Row[] {
  const known = new Map(before.map((row) => [row.key, row]));
  return rows.map((row) => {
    const old = known.get(row.key);
    return old && isSame(row, old) ? old : row;
  });
}

function isSame(row: Row, old: Row): boolean {
  if (row.kind === "message") return old.kind === row.kind && old.message === row.message && old.first === row.first;
  if (row.kind === "pending") return old.kind === row.kind && old.post === row.post && old.first === row.first;
  return old.kind === row.kind && old.at === row.at;
}
