/**
 * The inbox while somebody looks into it: one of its two lists, as far as it was loaded, and what happens to it.
 *
 * What is seen meanwhile stays in its place and is marked, so that nothing moves under the pointer. Closed, it holds
 * nothing; the badge is made of {@link Readings}. Must not know: the socket.
 */
import type { ChannelId, MessageId, Notification } from "../protocol";

/** What was not seen yet, or everything. */
export type InboxView = "unread" | "all";

export interface InboxList {
  view: InboxView;
  /** What is known stays in sight while it is loaded again. */
  state: "closed" | "loading" | "loaded" | "failed";
  /** Newest first. */
  items: readonly Notification[];
  /** Whether there are older ones, and whether they are on their way. */
  older: "none" | "more" | "loading" | "failed";
}

const closed: InboxList = { view: "unread", state: "closed", items: [], older: "none" };

export class Inbox {
  private current: InboxList = closed;

  get list(): InboxList {
    return this.current;
  }

  // ---- looking ----

  open(view: InboxView) {
    this.current = { ...closed, view, state: "loading" };
  }

  close() {
    this.current = closed;
  }

  /** What is shown may have become wrong: it is asked for again. */
  again() {
    if (this.current.state !== "closed") this.current = { ...this.current, state: "loading" };
  }

  /** The first page. What arrived while it was on its way is newer than all in it. */
  loaded(page: readonly Notification[], more: boolean) {
    const newest = page[0]?.message ?? "";
    const meanwhile = this.current.items.filter((one) => one.message > newest);
    this.current = { ...this.current, state: "loaded", items: [...meanwhile, ...page], older: more ? "more" : "none" };
  }

  failed() {
    this.current = { ...this.current, state: "failed" };
  }

  loadingOlder() {
    this.current = { ...this.current, older: "loading" };
  }

  olderLoaded(page: readonly Notification[], more: boolean) {
    const known = new Set(this.current.items.map((one) => one.message));
    const items = [...this.current.items, ...page.filter((one) => !known.has(one.message))];
    this.current = { ...this.current, items, older: more ? "more" : "none" };
  }

  olderFailed() {
    this.current = { ...this.current, older: "failed" };
  }

  // ---- what happens ----

  arrived(notification: Notification) {
    if (this.current.state === "closed") return;
    const others = this.current.items.filter((one) => one.message !== notification.message);
    const later = others.findIndex((one) => one.message < notification.message);
    const at = later === -1 ? others.length : later;
    this.current = { ...this.current, items: [...others.slice(0, at), notification, ...others.slice(at)] };
  }

  /** Means this user no more, or is theirs no more. */
  drop(gone: (one: Notification) => boolean) {
    if (this.current.items.some(gone)) {
      this.current = { ...this.current, items: this.current.items.filter((one) => !gone(one)) };
    }
  }

  seen(which: (one: Notification) => boolean) {
    if (!this.current.items.some((one) => !one.read && which(one))) return;
    this.current = { ...this.current, items: this.current.items.map((one) => (which(one) ? { ...one, read: true } : one)) };
  }

  /** All of a channel up to a message. */
  seenIn(channel: ChannelId, upTo: MessageId) {
    this.seen((one) => one.channel === channel && one.message <= upTo);
  }
}
